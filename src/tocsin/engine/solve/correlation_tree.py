"""What a correlation with correlations among its rules comes down to: roles, fields, numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tocsin.engine.state._correlation_asked import seen_holds
from tocsin.logic import query as logic

MOST_EVENTS: Final = 10_000
"""How many events a firing may take."""

_MOST_RULES: Final = 12


class UnsolvableError(Exception):
    """There are no events for a correlation, and why."""


def starts(query: logic.Correlation, first: int) -> list[int]:
    """The first role of each rule."""
    counts = [len(logic.roles_of(term.query)) for term in query.terms]
    return list(itertools.accumulate(counts[:-1], initial=first))


def levels(query: logic.Correlation, first: int = 0) -> Iterator[tuple[logic.Correlation, int]]:
    """A correlation and those among its rules, with the first of their roles."""
    yield query, first
    for term, start in zip(query.terms, starts(query, first), strict=True):
        if isinstance(term.query, logic.Correlation):
            yield from levels(term.query, start)


def group_fields(query: logic.Correlation, place: int, first: int) -> list[tuple[int, str]]:
    """(role, field) of the events that have to agree in a part of a correlation's group."""
    return [
        found
        for term, start in zip(query.terms, starts(query, first), strict=True)
        for found in fields_below(term, (term.by or query.group_by)[place], start)
    ]


def value_fields(query: logic.Correlation, first: int) -> list[tuple[int, str]]:
    """(role, field) of the values that a correlation counts or sums."""
    return [
        found
        for term, start in zip(query.terms, starts(query, first), strict=True)
        for name in term.fields or query.fields
        for found in fields_below(term, name, start)
    ]


def fields_below(term: logic.CorrelationTerm, name: str, start: int) -> list[tuple[int, str]]:
    """The events' fields that a name stands for: of a correlation, those of its rules' events."""
    inner = term.query
    if not isinstance(inner, logic.Correlation):
        return [(start, name)]
    if name in inner.group_by:
        return group_fields(inner, inner.group_by.index(name), start)
    return [
        found
        for below, first in zip(inner.terms, starts(inner, start), strict=True)
        for found in fields_below(below, name, first)
    ]


def unwanted_roles(query: logic.Correlation) -> frozenset[int]:
    """The roles of the rules that must not match."""
    return frozenset(
        role
        for level, first in levels(query)
        for term, start in zip(level.terms, starts(level, first), strict=True)
        if term.name in level.unwanted
        for role in range(start, start + len(logic.roles_of(term.query)))
    )


def rules_for(query: logic.Correlation) -> list[int]:
    """The fewest rules with which a temporal correlation rings."""
    numbers = range(len(query.terms))
    if query.seen is None:
        count = next((n for n in range(1, len(numbers) + 1) if holds(query.bounds, n)), 0)
        if not count:
            raise UnsolvableError("no number of its rules satisfies the condition")
        return list(numbers[:count])
    usable = [n for n in numbers if query.terms[n].name not in query.unwanted][:_MOST_RULES]
    for size in range(1, len(usable) + 1):
        for chosen in itertools.combinations(usable, size):
            names = {query.terms[number].name for number in chosen}
            if seen_holds(query.seen, names, names):
                return list(chosen)
    raise UnsolvableError("no choice of its rules satisfies the condition")


def holds(bounds: Iterable[tuple[str, float]], value: float) -> bool:
    """Whether a number is within all bounds."""
    compared = {
        "gt": float.__gt__, "gte": float.__ge__, "lt": float.__lt__, "lte": float.__le__,
        "eq": float.__eq__, "neq": float.__ne__,
    }  # fmt: skip
    return all(compared[operator](float(value), float(number)) for operator, number in bounds)


def least(bounds: Sequence[tuple[str, float]]) -> int:
    """The smallest number of events or values that satisfies a condition."""
    tried = (1, *(int(number) + step for _, number in bounds for step in (0, 1, 2, -1)))
    fits = [count for count in tried if count >= 1 and holds(bounds, count)]
    if not fits:
        raise UnsolvableError("no number of events satisfies the condition")
    if min(fits) > MOST_EVENTS:
        raise UnsolvableError(f"it takes {min(fits):,} events to fire")
    return min(fits)
