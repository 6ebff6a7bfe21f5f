"""What each rule costs on some telemetry: how well its texts tell, and how dear its patterns are.

A rule is cheap where the bytes of a line say that it cannot match (`engine.sieve`), and dear where
it has no text that is rare: then a few fields of every line are read, and events have to be decoded
and evaluated. What is measured here is the evaluation, on the events that a scan would decode.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import msgspec

from tocsin.events.decoders import json
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector
from tocsin.runtime.finder import Finder
from tocsin.runtime.slow_patterns import SlowPattern, slow_patterns
from tocsin.sources.files import InputFile, OpenFile

MOST_EVENTS = 50_000
"""So many lines of JSON are looked at."""

SELECTIVE = 0.02
"""A condition is selective if bytes let fewer of a sample's lines through."""

_MOST_TEXTS = 3
_WARM = 2
"""The first tries are not timed: what is made when it is first used is no rule's own cost."""


class Cost(msgspec.Struct, frozen=True):
    """What one condition of a rule costs.

    Attributes:
        rule: the rule.
        role: the number of the condition in its query; 0 for most rules.
        anchors: texts of which one has to stand in the line, rarest of all that it needs; none:
            the rule is weak.
        more_anchors: how many more there are.
        tried: of how many events it was evaluated.
        held: of how many it was true.
        nanoseconds: how long evaluating it takes that often.
    """

    rule: Rule
    role: int
    anchors: tuple[str, ...]
    more_anchors: int
    tried: int
    held: int
    nanoseconds: int


class Profile(msgspec.Struct, frozen=True):
    """What rules cost on some telemetry.

    Attributes:
        events: how many lines were looked at.
        decoded: how many of them were decoded.
        costs: the dearest first.
        slow: the patterns that are beyond a limit.
    """

    events: int
    decoded: int
    costs: tuple[Cost, ...]
    slow: tuple[SlowPattern, ...] = ()


def profile(rules: Sequence[Rule], files: Sequence[InputFile]) -> Profile:
    """Tries the rules on lines of JSON; other files say nothing.

    Raises:
        InputError: a file cannot be read.
    """
    detector = Detector(rules, now=0)
    finder = detector.finder
    tried: Counter[int] = Counter()
    held: Counter[int] = Counter()
    spent: Counter[int] = Counter()
    events = decoded = 0
    for file in files:
        with OpenFile(file) as opened:
            for block in opened.blocks() or ():
                if not isinstance(block, json.Block) or events >= MOST_EVENTS:
                    continue
                if not events:
                    _rehearse(finder, block)
                events += len(block.feeds)
                for document, numbers in finder.tried(block):
                    decoded += 1
                    row = finder.row(document)
                    for number in numbers:
                        begun = time.perf_counter_ns()
                        held[number] += finder.is_held(number, row)
                        tried[number] += 1
                        if tried[number] > _WARM:
                            spent[number] += time.perf_counter_ns() - begun
    costs = []
    for number, (place, role) in enumerate(detector.conditions):
        rule, texts = detector.rules[place], finder.anchors_of(number)
        costs.append(
            Cost(
                rule, role, texts[:_MOST_TEXTS], max(0, len(texts) - _MOST_TEXTS),
                tried[number], held[number], _scaled(spent[number], tried[number]),
            )
        )  # fmt: skip
    costs.sort(key=lambda cost: (-cost.nanoseconds, bool(cost.anchors), cost.rule.name, cost.role))
    return Profile(events, decoded, tuple(costs), slow_patterns(detector))


def _rehearse(finder: Finder, block: json.Block) -> None:
    """Has all patterns compiled, which else is done once they have been asked often enough."""
    for document, numbers in finder.tried(block):
        row = finder.row(document)
        for number in numbers:
            finder.is_held(number, row)
    finder.forget()


def _scaled(nanoseconds: int, tried: int) -> int:
    return nanoseconds * tried // (tried - _WARM) if tried > _WARM else 0


def weak_rules(rules: Sequence[Rule], files: Sequence[InputFile]) -> list[Rule]:
    """The rules that have no selective text on some telemetry.

    Of a rule with several conditions one that is selective will do: the others are looked at where
    that one was hit (`runtime.deferral`).
    """
    detector = Detector(rules, now=0)
    for file in files:
        with OpenFile(file) as opened:
            first = next(opened.blocks() or iter(()), None)
            if isinstance(first, json.Block):
                detector.finder.prepare(first)
                break
    shares: dict[int, float] = {}
    for number, (place, _) in enumerate(detector.conditions):
        share = detector.finder.share_by_bytes(number)
        shares[place] = min(share, shares.get(place, 1.0))
    return [detector.rules[place] for place, share in shares.items() if share > SELECTIVE]
