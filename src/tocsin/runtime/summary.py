"""What a scan came to, in numbers."""

from __future__ import annotations

from collections import Counter

import msgspec

from tocsin.rules.model import SEVERITIES, Severity
from tocsin.runtime.policies import Remembered
from tocsin.runtime.slow_patterns import SlowPattern


class Summary(msgspec.Struct):
    """What a scan came to.

    Attributes:
        files: files read.
        refused: inputs that could not be read, with the reason.
        resumed: files that an interrupted scan had done before.
        events: events in them.
        passed_over: how many of those nobody decoded, as no rule can match them.
        undecodable: pieces that are no events, by reason.
        examples: the first few of those, as ``file: position: reason``.
        alerts: by severity.
        new: alerts that the store did not have; without a store, all of them.
        by_rule: alerts by rule name.
        learned: new terms that the warm-up kept quiet.
        suppressed: matches that were counted on another's alert.
        cut: matches beyond what a run of their rule may alert, by rule name.
        crowded: events with more combinations of values than count, by rule name.
        policies: what the memory of Datadog's Agent rules has to say of itself.
        undated: hits on events without a time of their own.
        outside: hits outside of --since and --until.
        indicators: documents about threats that rules could look for.
        without_indicators: rules that look for indicators and have none.
        slow: patterns of rules that are beyond a limit, and so slow.
        seconds: how long it took.
    """

    files: int = 0
    refused: list[str] = msgspec.field(default_factory=list)
    resumed: int = 0
    events: int = 0
    passed_over: int = 0
    undecodable: Counter[str] = msgspec.field(default_factory=Counter)
    examples: list[str] = msgspec.field(default_factory=list)
    alerts: Counter[str] = msgspec.field(default_factory=Counter)
    new: int = 0
    by_rule: Counter[str] = msgspec.field(default_factory=Counter)
    learned: int = 0
    suppressed: int = 0
    cut: Counter[str] = msgspec.field(default_factory=Counter)
    crowded: Counter[str] = msgspec.field(default_factory=Counter)
    policies: Remembered = Remembered()
    undated: int = 0
    outside: int = 0
    indicators: int = 0
    without_indicators: int = 0
    slow: tuple[SlowPattern, ...] = ()
    seconds: float = 0.0

    @property
    def highest(self) -> Severity | None:
        """The highest severity that rang."""
        return next((s for s in reversed(SEVERITIES) if self.alerts[s]), None)
