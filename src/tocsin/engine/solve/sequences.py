"""Cases for sequences and samples: events that agree in their keys, in order where it matters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tocsin.engine import reference
from tocsin.engine.solve.cases import SECOND, Case, dated, last_time, shown
from tocsin.engine.solve.joint import solve_together
from tocsin.engine.solve.misses import MOST, misses
from tocsin.engine.solve.search import Solution, find
from tocsin.events.fields import values_of
from tocsin.events.record import Document
from tocsin.logic import query as logic
from tocsin.logic.expr import Expr, Leaf, Not, conjunction
from tocsin.logic.field_types import coerce
from tocsin.logic.matchers import Equals, Exists
from tocsin.rules.model import Rule

_MILLISECOND: Final = 1_000_000
_NO_EVENTS: Final = "no events were found that satisfy the conditions and join"


class Steps(NamedTuple):
    """The events of a query with terms, one for each of its positive terms.

    Attributes:
        terms: the positive terms.
        parts: which solution each term's event is made of: equal terms share one.
        solutions: the solutions.
    """

    terms: tuple[logic.Term, ...]
    parts: tuple[int, ...]
    solutions: tuple[Solution, ...]

    def expr(self, part: int) -> Expr:
        """The condition that a solution satisfies."""
        return self.terms[self.parts.index(part)].filter.expr


def sequence_cases(rule: Rule, query: logic.Sequence, seed: int) -> list[Case] | str:
    """The events in order, and what breaks a sequence: order, span, key, until, missing, a term."""
    missing = [term for term in query.terms if term.missing]
    never = [term.filter.expr for term in (*missing, *((query.until,) if query.until else ()))]
    steps = _solved(query.terms, never, seed) or _solved(query.terms, (), seed)
    if steps is None:
        return _NO_EVENTS
    times = _times(rule, query, len(steps.terms))
    events = _events(rule, steps, times)
    near = [
        *_broken(rule, query, steps, times),
        *_intruders(rule, query, steps, times),
        *_missed(rule, steps, times),
    ]
    return [Case("all conditions met, in order", events), *near]


def sample_cases(rule: Rule, query: logic.Sample, seed: int) -> list[Case] | str:
    """The events of one key, in whatever order."""
    steps = _solved(query.terms, (), seed)
    if steps is None:
        return _NO_EVENTS
    times = [last_time(rule) - n * 10 * _MILLISECOND for n in range(len(steps.terms))]
    events = _events(rule, steps, times)
    near = [
        *_without_one(events),
        *_other_keys(rule, steps, times),
        *_missed(rule, steps, times),
    ]
    return [Case("all conditions met", events), *near]


def _solved(
    terms: Sequence[logic.Term], never: Sequence[Expr], seed: int
) -> Steps | None:  # fmt: skip
    """A solution for each distinct positive term, all with the same keys."""
    positive = tuple(term for term in terms if not term.missing)
    known: dict[str, int] = {}
    parts = tuple(known.setdefault(repr(term), len(known)) for term in positive)
    distinct = [positive[parts.index(part)] for part in range(len(known))]
    conditions = [
        conjunction(
            term.filter.expr,
            *(Leaf(key.field, Exists(), key.type) for key in term.by if not key.optional),
            *(Not(expr) for expr in never),
        )
        for term in distinct
    ]
    shared = [
        [(number, term.by[place].field) for number, term in enumerate(distinct)]
        for place in range(len(distinct[0].by))
    ]
    found = solve_together(conditions, shared, seed=seed)
    return None if found is None else Steps(positive, parts, tuple(found))


def _times(rule: Rule, query: logic.Sequence, count: int) -> list[int]:
    """Times in order, close enough for the span and for one run of the rule."""
    whole = min(_span(query.maxspan) or 3_600 * SECOND, rule.runs.lookback // 2, count * SECOND)
    step = whole // max(count, 1)
    step = step // _MILLISECOND * _MILLISECOND or step
    last = last_time(rule)
    return [last - (count - 1 - place) * step for place in range(count)]


def _span(duration: dt.timedelta | None) -> int:
    return 0 if duration is None else duration // dt.timedelta(microseconds=1) * 1_000


def _events(rule: Rule, steps: Steps, times: Sequence[int]) -> tuple[Document, ...]:
    return tuple(
        shown(rule, dated(steps.solutions[part], time))
        for part, time in zip(steps.parts, times, strict=True)
    )


def _broken(
    rule: Rule, query: logic.Sequence, steps: Steps, times: list[int]
) -> Iterator[Case]:  # fmt: skip
    events = _events(rule, steps, times)
    yield Case("in the reverse order", _events(rule, steps, times[::-1]))
    span = _span(query.maxspan)
    if span:
        late = [*times[:-1], times[0] + span + _MILLISECOND]
        yield Case("the last event comes after the span", _events(rule, steps, late))
    yield from _other_keys(rule, steps, times)
    yield from _without_one(events)


def _without_one(events: tuple[Document, ...]) -> Iterator[Case]:
    yield Case("without the last event", events[:-1])
    if len(events) > 1:
        yield Case("without the first event", events[1:])


def _other_keys(rule: Rule, steps: Steps, times: Sequence[int]) -> Iterator[Case]:
    """The last event has another key; where its condition allows that, only the key differs."""
    events = _events(rule, steps, times)
    last = steps.solutions[steps.parts[-1]]
    for key in steps.terms[-1].by:
        own = last.values.get(key.field, ())
        tried = [v for v in _others(key) if v not in own]
        found = [last.having(key.field, (value,)) for value in tried]
        expr = steps.terms[-1].filter.expr
        changed = next((s for s in found if reference.holds(expr, s.document)), None)
        if changed is not None:
            event = shown(rule, dated(changed, times[-1]))
            yield Case(f"the last event has another {key.field}", (*events[:-1], event))


def _others(key: logic.Key) -> Sequence[str | int | bool]:
    match key.type:
        case "long" | "double":
            return (40_001, 2)
        case "ip":
            return ("198.51.100.7", "10.77.0.1")
        case "boolean":
            return (True, False)
        case "date":
            return ("2026-01-04T10:00:00.000Z",)
        case _:
            return ("another", "other\\another")


def _intruders(
    rule: Rule, query: logic.Sequence, steps: Steps, times: list[int]
) -> Iterator[Case]:  # fmt: skip
    """What must not come: an ``until``, and the events of missing terms, where they matter."""
    events = _events(rule, steps, times)
    if query.until is not None and len(times) > 1:
        intruder = _joining(rule, query.until, steps, (times[-2] + times[-1]) // 2)
        if intruder is not None:
            yield Case("until comes before the last event", (*events, intruder))
    place = 0
    for term in query.terms:
        if not term.missing:
            place += 1
            continue
        if place == 0:
            time = times[0] - _MILLISECOND
        elif place == len(times):
            time = times[-1] + _MILLISECOND
        else:
            time = (times[place - 1] + times[place]) // 2
        intruder = _joining(rule, term, steps, time)
        if intruder is not None:
            yield Case("an event comes that must be missing", (*events, intruder))


def _joining(rule: Rule, term: logic.Term, steps: Steps, time: int) -> Document | None:
    """An event that a term takes, with the key of the others."""
    first = steps.solutions[0].document
    joined: list[Expr] = []
    for key, theirs in zip(term.by, steps.terms[0].by, strict=True):
        values = (coerce(theirs.type, value) for value in values_of(first, theirs.field))
        value = next((v for v in values if v is not None), None)
        if value is not None:
            joined.append(Leaf(key.field, Equals((value,)), key.type))
    found = find(conjunction(term.filter.expr, *joined))
    return None if found is None else shown(rule, dated(found, time))


def _missed(rule: Rule, steps: Steps, times: Sequence[int]) -> Iterator[Case]:
    """For each step, near misses of its own condition."""
    streams = [
        iter(misses(steps.expr(part), solution, lambda one: shown(rule, dated(one, times[0]))))
        for part, solution in enumerate(steps.solutions)
    ]
    for _ in range(-(-MOST // len(streams))):
        for part, stream in enumerate(streams):
            miss = next(stream, None)
            if miss is None:
                continue
            changed = list(steps.solutions)
            changed[part] = miss.solution
            spoilt = steps._replace(solutions=tuple(changed))
            number = steps.parts.index(part) + 1
            yield Case(f"event {number}: {miss.about}", _events(rule, spoilt, times))
