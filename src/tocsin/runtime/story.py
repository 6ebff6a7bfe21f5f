"""The story of one event under one rule: what the events around it made of it.

How far a sequence, a sample, new terms or a threshold got is `engine.trace`'s to tell; here is what
came after: the match that is another's, by suppression, or beyond what a run may make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tocsin.engine.match import Match
from tocsin.engine.state.build import operator_for
from tocsin.engine.state.suppression import values_in_common
from tocsin.engine.trace import Line, trace
from tocsin.events.event import Event
from tocsin.events.record import Record
from tocsin.logic.agent_rule import AgentRule
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector
from tocsin.runtime.outcome import Outcome, limit_of

Files = Iterable[tuple[str, Iterable[Record]]]
"""Files by name, with their records."""


def tell(
    rule: Rule,
    files: Files,
    is_focus: Callable[[Event], bool],
    *,
    now: int,
    max_signals: int | None = None,
) -> tuple[Line, ...]:
    """The story of an event.

    Args:
        rule: the rule, exceptions and all.
        files: everything around the event, and the event itself.
        is_focus: whether an event is the one in question.
        now: the time that events without a time of their own take.
        max_signals: see `Outcome`.
    """
    needs_more = operator_for(rule) is not None
    is_limited = rule.suppression is not None or limit_of(rule, max_signals) is not None
    if not needs_more and not is_limited:
        return ()
    detector = Detector([rule], now=now)
    listening, listener = Detector.listening(rule, now=now)
    matches: list[Match] = []
    for name, records in files:
        detector.new_file()
        listening.new_file()
        for record in records:
            matches += detector.feed([record], name)
            if needs_more:
                listening.feed([record], name)
    matches += detector.finish()
    focus = next((event for event, _ in listener.heard if is_focus(event)), None)
    told = trace(rule.query, rule.runs, listener.heard, focus) if focus is not None else ()
    mine = [match for match in matches if any(map(is_focus, match.events))]
    if not is_limited or not mine:
        return told
    outcome = Outcome([rule], max_signals=max_signals)
    ringing = outcome.take(matches) + outcome.finish()
    return (*told, *_fate(rule, mine, ringing))


def variables_of(
    rule: Rule, rules: Iterable[Rule], files: Files, is_focus: Callable[[Event], bool], *, now: int
) -> dict[str, Any] | None:
    """What the variables of an Agent rule are worth where it looks at an event.

    Args:
        rule: the rule.
        rules: those that may have set them.
        files: everything around the event, and the event itself.
        is_focus: whether an event is the one in question.
        now: the time that events without a time of their own take.

    Returns:
        The values by name; None where what it asks of the event alone does not hold.
    """
    detector = Detector([r for r in rules if isinstance(r.query, AgentRule)], now=now)
    for name, records in files:
        detector.new_file()
        for record in records:
            detector.feed([record], name)
    return detector.variables_at(rule, is_focus)


def _fate(rule: Rule, mine: list[Match], ringing: list[Match]) -> Iterator[Line]:
    rung = {_events(match) for match in ringing}
    for match in mine:
        place = match.events[-1]
        if _events(match) in rung:
            yield Line("it rings", place, "fired")
        elif rule.suppression is not None and (other := _covering(match, ringing)) is not None:
            found = other.details["suppression"]
            common = ", ".join(f"{t['field']}={t['value']}" for t in found["terms"])
            yield Line(
                f"suppressed for {common}: it counts on the alert of {other.events[0].position}, "
                f"with {found['docs_count'] - 1} more",
                place, "lost",
            )  # fmt: skip
        else:
            yield Line("beyond the max_signals of its run: it does not ring", place, "lost")


def _events(match: Match) -> tuple[str, ...]:
    return tuple(event.id for event in match.events)


def _covering(match: Match, ringing: list[Match]) -> Match | None:
    """The alert that counts a match: the latest before it that has the same in common."""
    suppression = match.rule.suppression
    fields = suppression.group_by if suppression else ()
    values = [values_in_common(match.events, field) for field in fields]
    same = [
        other
        for other in ringing
        if "suppression" in other.details
        and other.time <= match.time
        and [values_in_common(other.events, field) for field in fields] == values
    ]
    return max(same, key=lambda other: other.time, default=None)
