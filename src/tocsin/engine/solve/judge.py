"""What a rule is by definition to do with a few events: the slow answer, without its operators.

It errs on one side: where it says no, a rule must keep silent. The operators know more (windows of
runs, sequences that displace each other), and may keep silent where this says yes.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from typing import assert_never

from tocsin.engine import reference
from tocsin.engine.solve.agent_rules import fires_among
from tocsin.engine.solve.cases import Case, time_of, visible
from tocsin.engine.solve.correlated import rings
from tocsin.engine.state.keys import JoinKey, join_keys
from tocsin.engine.state.new_terms import combinations
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.events.record import Document
from tocsin.events.schema import ECS
from tocsin.logic import query as logic
from tocsin.logic.agent_rule import AgentRule
from tocsin.logic.field_types import FieldType, Scalar, coerce, fold, text_of
from tocsin.logic.matchers import in_network
from tocsin.rules.model import Rule


def fires(rule: Rule, case: Case) -> bool:
    """Whether the events of a case satisfy the rule."""
    query = rule.query
    ordered = sorted((*case.before, *case.events), key=time_of)
    seen = [event for event in ordered if visible(rule, event)]
    match query:
        case logic.Filter():
            return any(_taken(query, event) for event in case.events if event in seen)
        case logic.NewTerms():
            return _new_terms(query, [e for e in seen if _taken(query.filter, e)], case.events)
        case logic.Sequence():
            return _sequence(query, seen)
        case logic.Sample():
            return _sample(query, seen)
        case logic.Threshold():
            return _threshold(query, [e for e in seen if _taken(query.filter, e)])
        case logic.IndicatorMatch():
            return _indicator_match(query, seen, case.indicators)
        case AgentRule():
            # What rules remember together has one definition, which tests/property holds.
            return fires_among(rule, case)
        case logic.Correlation():
            return bool(rings(query, _heard(query, seen)))
        case _:
            assert_never(query)


def _taken(query: logic.Filter, event: Document) -> bool:
    return reference.holds(query.expr, event)


def _new_terms(
    query: logic.NewTerms, seen: Sequence[Document], asked: Sequence[Document]
) -> bool:  # fmt: skip
    history = _nanoseconds(query.history)
    for place, event in enumerate(seen):
        if event not in asked:
            continue
        known = [e for e in seen[:place] if time_of(e) >= time_of(event) - history]
        old = {terms for other in known for terms in combinations(other, query.fields)}
        if any(terms not in old for terms in combinations(event, query.fields)):
            return True
    return False


def _nanoseconds(duration: dt.timedelta) -> int:
    return duration // dt.timedelta(microseconds=1) * 1_000


Keyed = list[tuple[int, Document]]
"""(time, event) pairs in order."""


def _sequence(query: logic.Sequence, seen: Sequence[Document]) -> bool:
    """Whether some events, one for each term, are in order with nothing between that must not be.

    No sequence that the state machine completes is without that.
    """
    taken = [_keyed(term, seen) for term in query.terms]
    until = _keyed(query.until, seen) if query.until else []
    keys = {key for term, found in zip(query.terms, taken, strict=True) if not term.missing
            for _, key in found}  # fmt: skip
    span = None if query.maxspan is None else _nanoseconds(query.maxspan)
    times = [time_of(event) for event in seen]
    for key in keys:
        steps = [
            (term.missing, [place for place, own in found if own == key])
            for term, found in zip(query.terms, taken, strict=True)
        ]
        ends = [place for place, own in until if own == key]
        if _in_order(steps, ends, times, span):
            return True
    return False


def _keyed(term: logic.Term, seen: Sequence[Document]) -> list[tuple[int, JoinKey]]:
    """(place, key) for the events that a term takes."""
    return [
        (place, key)
        for place, event in enumerate(seen)
        if _taken(term.filter, event)
        for key in join_keys(event, term.by)
    ]


def _in_order(
    steps: Sequence[tuple[bool, list[int]]], until: Sequence[int], times: Sequence[int],
    span: int | None,
) -> bool:  # fmt: skip
    positive = [number for number, (missing, _) in enumerate(steps) if not missing]
    for first in steps[positive[0]][1]:
        reached = {first}
        for last, number in itertools.pairwise(positive):
            between = [place for _, places in steps[last + 1 : number] for place in places]
            reached = {
                after
                for after in steps[number][1]
                if span is None or times[after] - times[first] <= span
                if any(
                    place < after
                    and not any(place <= end < after for end in until)
                    and not any(place < other < after for other in between)
                    for place in reached
                )
            }
        # A trailing missing event is looked for from the last on; a leading one up to the first.
        after_all = [p for _, places in steps[positive[-1] + 1 :] for p in places]
        before_all = [p for _, places in steps[: positive[0]] for p in places]
        limit = times[first] + (span or 0)
        for last in reached:
            late = [p for p in after_all if p > last and times[p] <= limit]
            early = [p for p in before_all if p < first and times[p] >= times[last] - (span or 0)]
            both = bool(after_all) and bool(before_all)
            if (both and not (late and early)) or (not both and not late and not early):
                return True
    return False


def _sample(query: logic.Sample, seen: Sequence[Document]) -> bool:
    taken = [_keyed(term, seen) for term in query.terms]
    for key in {key for _, key in taken[0]}:
        places = [[place for place, own in found if own == key] for found in taken]
        if _each_its_own(places, frozenset()):
            return True
    return False


def _each_its_own(places: Sequence[Sequence[int]], used: frozenset[int]) -> bool:
    if not places:
        return True
    return any(
        _each_its_own(places[1:], used | {place}) for place in places[0] if place not in used
    )


def _threshold(query: logic.Threshold, taken: Sequence[Document]) -> bool:
    groups: dict[tuple[Scalar, ...], list[Document]] = {}
    for event in taken:
        for terms in combinations(event, query.fields):
            groups.setdefault(terms, []).append(event)
    return any(
        len(events) >= query.value
        and all(
            len({text_of(v) for e in events for v in values_of(e, field)}) >= least
            for field, least in query.cardinality
        )
        for events in groups.values()
    )


def _indicator_match(
    query: logic.IndicatorMatch, seen: Sequence[Document], indicators: Sequence[Document]
) -> bool:  # fmt: skip
    known = [i for i in indicators if reference.holds(query.indicators.expr, i)]
    return any(
        _taken(query.filter, event)
        and any(all(_entry(e, event, i) for e in item) for item in query.mapping for i in known)
        for event in seen
    )


def _heard(query: logic.Correlation, seen: Sequence[Document]) -> list[tuple[Event, list[int]]]:
    """The events with the roles that they play."""
    roles = logic.roles_of(query)
    return [
        (
            Event(f"{number}", time_of(event), event, "", ""),
            [role for role, wanted in enumerate(roles) if _taken(wanted, event)],
        )
        for number, event in enumerate(seen)
    ]


def _entry(entry: logic.MappingEntry, event: Document, indicator: Document) -> bool:
    own, theirs = values_of(event, entry.field), values_of(indicator, entry.value)
    kind = ECS.resolve(entry.field).type
    pairs = ((a, b) for a in _read(own, kind) for b in _read(theirs, kind))
    same = any(_same(a, b) for a, b in pairs)
    return bool(own and theirs) and same != entry.negate


def _read(values: Sequence[Scalar], kind: FieldType) -> Iterator[Scalar]:
    for value in values:
        read = coerce(kind, value)
        yield value if read is None else read


def _same(left: Scalar, right: Scalar) -> bool:
    one, other = text_of(left), text_of(right)
    return fold(one) == fold(other) or in_network(one, other, symmetric=False)
