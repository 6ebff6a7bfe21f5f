"""The rules whose patterns are beyond a limit, and so asked in a slower way: none is lost.

What is said of one: ``process.command_line *a*b*c* and 4,999 more: more than 100 of one field …``
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector

_LONGEST = 60
"""So much of a pattern is shown."""


class SlowPattern(msgspec.Struct, frozen=True):
    """Patterns of a rule that are slow for the same reason.

    Attributes:
        rule: the rule.
        field: the field that they are asked of; empty: they are looked for in raw lines.
        pattern: the first of them.
        more: how many more there are.
        reason: the limit that they are beyond.
    """

    rule: Rule
    field: str
    pattern: str
    more: int
    reason: str

    @property
    def message(self) -> str:
        """What is slow, and why."""
        pattern = self.pattern if len(self.pattern) <= _LONGEST else f"{self.pattern[:_LONGEST]}…"
        more = f" and {self.more:,} more" if self.more else ""
        return f"{self.field or 'the text'} {pattern}{more}: {self.reason}"


def slow_patterns(detector: Detector) -> tuple[SlowPattern, ...]:
    """What is slow in the rules of a detector, in their order, each thing once."""
    found: dict[tuple[str, str, str, str], SlowPattern] = {}
    conditions = detector.conditions
    for slow in detector.finder.slow:
        rule = detector.rules[conditions[slow.condition][0]]
        one = SlowPattern(rule, slow.field, slow.pattern, slow.more, slow.reason)
        found.setdefault((rule.path, rule.id, slow.field, slow.reason), one)
    return tuple(found.values())


def slow_patterns_of(rules: Sequence[Rule]) -> tuple[SlowPattern, ...]:
    """What is known of rules without any telemetry."""
    return slow_patterns(Detector(rules, now=0))
