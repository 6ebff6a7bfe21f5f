"""Cases for every kind of query: what must fire it, and near misses that must not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tocsin.engine.explain import quoted
from tocsin.engine.solve.agent_rules import agent_rule_cases
from tocsin.engine.solve.cases import (
    SECOND,
    Case,
    Solved,
    Unsolved,
    dated,
    last_time,
    redated,
    shown,
    time_of,
)
from tocsin.engine.solve.correlations import correlation_cases
from tocsin.engine.solve.joint import solve_together
from tocsin.engine.solve.judge import fires
from tocsin.engine.solve.misses import misses
from tocsin.engine.solve.search import Solution, find
from tocsin.engine.solve.sequences import sample_cases, sequence_cases
from tocsin.engine.solve.varied import distinct_values, more_values, numbered
from tocsin.events.record import Document
from tocsin.events.schema import ECS
from tocsin.logic import query as logic
from tocsin.logic.agent_rule import AgentRule
from tocsin.logic.expr import Expr, Leaf, Not, Script, conjunction, walk
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.value import fields_of
from tocsin.rules.model import Rule

_CLOCK: Final = "secl.now"
"""The time of an event in the rules that ask how long ago something was."""

_MOST_EVENTS: Final = 10_000
_NO_EVENT: Final = "no event was found that satisfies the condition"


def solve(rule: Rule, *, others: Sequence[Rule] = (), seed: int = 0) -> Solved | Unsolved:
    """Events that must fire a rule and near misses that must not, or why there are none.

    Whatever comes out has been judged by the rule's definition, row by row.

    Args:
        rule: the rule.
        others: rules that may be at work besides, which set what it remembers.
        seed: for what is chosen where any choice would do.
    """
    query = rule.query
    match query:
        case logic.Filter():
            found = _filter_cases(rule, query, (), seed)
        case logic.NewTerms():
            found = _new_terms_cases(rule, query, seed)
        case logic.Sequence():
            found = sequence_cases(rule, query, seed)
        case logic.Sample():
            found = sample_cases(rule, query, seed)
        case logic.Threshold():
            found = _threshold_cases(rule, query, seed)
        case AgentRule():
            found = agent_rule_cases(rule, query, others, seed)
        case logic.IndicatorMatch():
            found = _indicator_cases(rule, query, seed)
        case logic.Correlation():
            found = correlation_cases(rule, query, seed)
    if isinstance(found, str):
        return Unsolved(rule, found)
    firing, *near = found
    if not fires(rule, firing):
        return Unsolved(rule, "what was found does not satisfy the rule as a whole")
    held = [case for case in near if not fires(rule, case)]
    return Solved(rule, firing, tuple(held))


Cases = list[Case] | str
"""The case that fires first, then the near misses; or why there are none."""


def _filter_cases(
    rule: Rule, query: logic.Filter, fields: Sequence[str], seed: int
) -> Cases:  # fmt: skip
    """One event; ``fields`` have to have values besides."""
    solution = _found(rule, conjunction(query.expr, *_given(fields)), seed)
    if solution is None:
        return _NO_EVENT
    return [
        Case("all conditions met", (_made(rule, solution),)),
        *(Case(what, (event,)) for what, event in _misses_of(rule, query.expr, solution)),
    ]


def _given(fields: Iterable[str]) -> list[Expr]:
    """That the fields have values, of their own types."""
    return [Leaf(field, Exists(), ECS.resolve(field).type) for field in fields]


def _found(rule: Rule, expr: Expr, seed: int) -> Solution | None:
    """An event that satisfies a condition, at its time by its own clock if it has one."""
    scripts = (node for node in walk(expr) if isinstance(node, Script))
    if any(field.name == _CLOCK for script in scripts for field in fields_of(script.value)):
        clock = Leaf(_CLOCK, Equals((last_time(rule),)), "long")
        solution = find(conjunction(expr, clock), seed=seed)
        if solution is not None:
            return solution
    return find(expr, seed=seed)


def _made(rule: Rule, solution: Solution, time: int | None = None) -> Document:
    event = dated(solution, last_time(rule) if time is None else time)
    return shown(rule, event)


def _misses_of(rule: Rule, expr: Expr, solution: Solution) -> Iterator[tuple[str, Document]]:
    for miss in misses(expr, solution, lambda one: _made(rule, one)):
        yield miss.about, _made(rule, miss.solution)


def _new_terms_cases(rule: Rule, query: logic.NewTerms, seed: int) -> Cases:
    found = _filter_cases(rule, query.filter, query.fields, seed)
    if isinstance(found, str):
        return found
    firing, *near = found
    event = firing.events[0]
    earlier = time_of(event) - int(query.history.total_seconds() * SECOND) // 2
    known = Case("the same terms came before", (event,), (redated(event, earlier),))
    without = [_without(event, field) for field in query.fields]
    return [
        firing,
        known,
        *(Case(f"{f} left out", (e,)) for f, e in zip(query.fields, without, strict=True)),
        *near,
    ]


def _without(event: Document, field: str) -> Document:
    """The event without a field, however it is written."""
    kept: Document = {}
    for key, value in event.items():
        if key == field:
            continue
        rest = field.removeprefix(f"{key}.")
        kept[key] = _without(value, rest) if rest != field and isinstance(value, dict) else value
    return kept


def _threshold_cases(rule: Rule, query: logic.Threshold, seed: int) -> Cases:
    names = (*query.fields, *(field for field, _ in query.cardinality))
    needed = conjunction(query.filter.expr, *_given(names))
    solution = _found(rule, needed, seed)
    if solution is None:
        return _NO_EVENT
    count = max(query.value, *(least for _, least in query.cardinality), 1)
    if count > _MOST_EVENTS:
        return f"it takes {count:,} events to fire"
    varied: dict[str, list[tuple[Scalar, ...]]] = {}
    for field, least in query.cardinality:
        values = distinct_values(needed, solution, field, least)
        if values is None:
            return f"fewer than {least} values of {field} satisfy the condition"
        varied[field] = values

    def events(one: Solution, number: int, fewer: str = "") -> tuple[Document, ...]:
        last = last_time(rule)
        step = min(rule.runs.interval // 2, rule.runs.lookback // 2, number * 10_000_000) // number
        step = step // 1_000_000 * 1_000_000 or step
        found = []
        for place in range(number):
            made = one
            for field, values in varied.items():
                known = values[: len(values) - (field == fewer)] or values[:1]
                if field not in query.fields:
                    made = made.having(field, known[place % len(known)])
            found.append(_made(rule, made, last - (number - 1 - place) * step))
        return tuple(found)

    near = [Case(_number_of(count - 1), events(solution, count - 1))] if count > 1 else []
    near += [
        Case(f"one value of {field} fewer", events(solution, count, field))
        for field, least in query.cardinality
        if least > 1
    ]
    for field in query.fields:
        other = next(iter(more_values(needed, solution, field)), None)
        if other is not None and count > 1:
            half = events(solution, count)
            moved = events(solution.having(field, (other,)), count)
            mixed = tuple(e if n else m for n, (e, m) in enumerate(zip(half, moved, strict=True)))
            near.append(Case(f"one of the events has another {field}", mixed))
    near += [
        Case(miss.about, events(miss.solution, count))
        for miss in misses(query.filter.expr, solution, lambda one: _made(rule, one))
    ]
    return [Case(_number_of(count), events(solution, count)), *near]


def _number_of(events: int) -> str:
    return "1 event" if events == 1 else f"{events} events"


def _indicator_cases(rule: Rule, query: logic.IndicatorMatch, seed: int) -> Cases:
    """An event and an indicator that agree in the fields of one item of the mapping."""
    for item in query.mapping:
        found = _indicator_item(rule, query, item, seed)
        if found is not None:
            return found
    return "no event and indicator were found that agree"


def _indicator_item(
    rule: Rule, query: logic.IndicatorMatch, item: Sequence[logic.MappingEntry], seed: int
) -> list[Case] | None:  # fmt: skip
    typed = [(entry, ECS.resolve(entry.field).type) for entry in item]
    event_needs = conjunction(
        query.filter.expr, *(Leaf(entry.field, Exists(), kind) for entry, kind in typed)
    )
    differ = [Not(Leaf(e.value, Equals(("x", "203.0.113.9")))) for e in item if e.negate]
    theirs = conjunction(
        query.indicators.expr,
        *(Leaf(entry.value, Exists(), kind) for entry, kind in typed),
        *differ,
    )
    shared = [((0, entry.field), (1, entry.value)) for entry in item if not entry.negate]
    both = solve_together((event_needs, theirs), shared, seed=seed)
    if both is None:
        return None
    event, indicator = _made(rule, both[0]), _marked(dated(both[1], last_time(rule) - SECOND))
    near: list[Case] = []
    for entry, kind in typed:
        for other in itertools.islice(numbered(kind), 3):
            values = both[1].having(entry.value, (other,))
            spoilt = _marked(dated(values, last_time(rule) - SECOND))
            near.append(
                Case(f"the indicator's {entry.value} is {quoted(other)}", (event,), (), (spoilt,))
            )
            break
    near.append(Case("no indicators", (event,)))
    near += [
        Case(f"indicator: {miss.about}", (event,), (), (_marked(miss.solution.document),))
        for miss in misses(query.indicators.expr, both[1], lambda one: one.document)[:2]
    ]
    near += [
        Case(what, (spoilt,), (), (indicator,))
        for what, spoilt in _misses_of(rule, query.filter.expr, both[0])
    ]
    return [Case("all conditions met", (event,), (), (indicator,)), *near]


def _marked(indicator: Document) -> Document:
    return {"_id": "indicator-1", "_index": "logs-ti_x.indicator-default", **indicator}
