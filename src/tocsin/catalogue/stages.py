"""A rule in stages: what an event has to be, one stage for each event that the rule asks for.

A query over single events has one stage; one that asks for new terms, for many events of a group
or for known indicators has one and says so. Sequences and samples have one for each of their terms.

>>> from tocsin.logic.expr import Leaf
>>> from tocsin.logic.matchers import Equals
>>> from tocsin.logic.query import Filter
>>> stage, = stages_of(Filter(Leaf("a", Equals((1,))), category="network"), "network where a == 1")
>>> stage.number, stage.role, stage.source, stage.tree.field
(1, 'match', 'network', 'a')
"""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal, assert_never

import msgspec

from tocsin.logic.agent_rule import AgentRule
from tocsin.logic.expr import Always, And, Expr, Leaf, Or, conjunction
from tocsin.logic.matchers import Equals
from tocsin.logic.query import (
    Correlation,
    Filter,
    IndicatorMatch,
    NewTerms,
    Query,
    Sample,
    Sequence,
    Term,
    Threshold,
)
from tocsin.rules.model import Rule

Role = Literal["match", "absent", "until", "indicator"]
"""What a stage is there for: an event that has to come, one that must not, one that ends all, and
the indicators that events are compared with."""


class Stage(msgspec.Struct, frozen=True):
    """One event that a rule asks for.

    Attributes:
        number: from 1, in the order of the rule.
        role: what the stage is there for.
        source: what sort of event: its category or type, else the rule's index patterns.
        tree: the condition, without the category.
        text: the part of the rule that says so.
        terms: fields whose combination of values has to be new; empty for other rules.
        history: how far back a combination is remembered.
        pipes: EQL's ``head`` and ``tail``.
        by: the fields that join it with the other stages, or that group events.
        runs: how often in a row the event has to come.
        note: what else is asked: a span, a count, a mapping.
    """

    number: int
    role: Role
    source: str
    tree: Expr
    text: str
    terms: tuple[str, ...] = ()
    history: dt.timedelta | None = None
    pipes: tuple[tuple[str, int], ...] = ()
    by: tuple[str, ...] = ()
    runs: int = 1
    note: str = ""


def stages_of(query: Query, text: str = "", index: tuple[str, ...] = ()) -> tuple[Stage, ...]:
    """The stages of a query.

    Args:
        query: what the rule asks for.
        text: the query as it was written.
        index: the rule's index patterns: the source of an event that has no category.
    """
    match query:
        case Filter():
            return (_filter(query, text, index),)
        case NewTerms(filter, fields, history):
            stage = _filter(filter, text, index)
            return (msgspec.structs.replace(stage, terms=fields, history=history),)
        case Sequence(terms=terms, until=until):
            stages = _joined(terms, text, index)
            if query.maxspan is not None:
                first = f"within {duration_text(query.maxspan)} of the first event"
                stages[0] = msgspec.structs.replace(stages[0], note=first)
            if until is not None:
                stages += _joined((until,), text, index, role="until", first=len(stages) + 1)
            return tuple(stages)
        case Sample(terms=terms):
            return tuple(_joined(terms, text, index))
        case Threshold(filter, fields, value, cardinality):
            distinct = "".join(f", {least} distinct {field}" for field, least in cardinality)
            note = f"at least {value} events{distinct}"
            stage = _filter(filter, text, index)
            return (msgspec.structs.replace(stage, by=fields, note=note),)
        case IndicatorMatch(filter, mapping, indicators):
            stage = _filter(filter, text, index)
            note = " or ".join(
                " and ".join(
                    f"{entry.field} {'is not' if entry.negate else 'is'} {entry.value}"
                    for entry in item
                )
                for item in mapping
            )
            known = _filter(indicators, "", ())
            return (
                msgspec.structs.replace(stage, note=note),
                msgspec.structs.replace(known, number=2, role="indicator", source="indicators"),
            )
        case AgentRule(where=where):
            return (_filter(Filter(where), text, index),)
        case Correlation():
            return tuple(_correlated(query, text, index))
        case _:
            assert_never(query)


def stages_of_rule(rule: Rule) -> tuple[Stage, ...]:
    """The stages of a rule."""
    return stages_of(rule.query, rule.text, rule.index)


def _correlated(query: Correlation, text: str, index: tuple[str, ...]) -> list[Stage]:
    """A stage for each rule by its name; the first says what has to come together."""
    stages: list[Stage] = []
    for term in query.terms:
        inside = list(stages_of(term.query, text, index))
        if not isinstance(term.query, Correlation):
            role: Role = "absent" if term.name in query.unwanted else "match"
            by = term.by or query.group_by
            inside = [
                msgspec.structs.replace(stage, role=role, by=by, note=term.name) for stage in inside
            ]
        stages += [
            msgspec.structs.replace(stage, number=len(stages) + place)
            for place, stage in enumerate(inside, 1)
        ]
    if stages:
        note = f"{correlation_text(query)}; {stages[0].note}"
        stages[0] = msgspec.structs.replace(stages[0], note=note)
    return stages


def correlation_text(query: Correlation) -> str:
    """What a correlation asks of its rules, in one line.

    >>> minutes = dt.timedelta(minutes=5)
    >>> correlation_text(Correlation("event_count", (), (), minutes, (("gte", 10),)))
    'event_count gte 10 within 5m'
    """
    percentile = f" {query.percentile:g}" if query.percentile is not None else ""
    of = f" of {', '.join(query.fields)}" if query.fields else ""
    within = duration_text(query.timespan)
    return f"{query.kind}{percentile}{of} {query.asked} within {within}"


def _joined(
    terms: tuple[Term, ...],
    text: str,
    index: tuple[str, ...],
    *,
    role: Role = "match",
    first: int = 1,
) -> list[Stage]:
    """A stage a term; the same term in a row is one stage with its count."""
    stages: list[Stage] = []
    before: Term | None = None
    for term in terms:
        if term == before:
            stages[-1] = msgspec.structs.replace(stages[-1], runs=stages[-1].runs + 1)
            continue
        before = term
        stage = _filter(term.filter, text, index)
        stages.append(
            msgspec.structs.replace(
                stage,
                number=first + len(stages),
                role="absent" if term.missing else role,
                by=tuple(key.field for key in term.by),
            )
        )
    return stages


def _filter(query: Filter, text: str, index: tuple[str, ...]) -> Stage:
    types, tree = without_event_type(query.where)
    source = query.category or ", ".join(types) or ", ".join(index) or "any"
    return Stage(1, "match", source, tree, text, pipes=query.pipes)


EVENT_TYPE: Final = "evt.name"
"""SECL: the field that every rule asks for, by the fields that it names; the stage's header."""


def without_event_type(expr: Expr) -> tuple[tuple[str, ...], Expr]:
    """The event types that SECL's condition is about, and the condition without them.

    Where a pseudo field stands for several types (``fim.write``), the alternatives stay, each
    with its type.
    """
    if isinstance(expr, Or):
        found = [without_event_type(term)[0] for term in expr.terms]
        if all(found):
            return tuple(dict.fromkeys(name for names in found for name in names)), expr
    if is_event_type(expr):
        return values_of_event_type(expr), Always(value=True)
    if isinstance(expr, And):
        types = [name for term in expr.terms for name in values_of_event_type(term)]
        rest = [term for term in expr.terms if not is_event_type(term)]
        if types:
            return tuple(types), conjunction(*rest) if rest else Always(value=True)
    return (), expr


def is_event_type(expr: Expr) -> bool:
    """Whether a condition is SECL's about the event's type."""
    return isinstance(expr, Leaf) and expr.name == EVENT_TYPE


def values_of_event_type(expr: Expr) -> tuple[str, ...]:
    """The types that such a condition names; none for another condition."""
    if isinstance(expr, Leaf) and is_event_type(expr) and isinstance(expr.matcher, Equals):
        return tuple(str(value) for value in expr.matcher.values)
    return ()


def duration_text(duration: dt.timedelta) -> str:
    """A duration as rules write it.

    >>> [duration_text(dt.timedelta(minutes=m)) for m in (9, 60, 90, 14400, 0)]
    ['9m', '1h', '90m', '10d', '0s']
    """
    seconds = duration.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"
