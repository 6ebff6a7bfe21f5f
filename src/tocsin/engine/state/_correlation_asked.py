"""What a correlation asks of a window: the bounds of a number, or which rules have matched.

A window that does not satisfy it is either *short*, as it would take more (``gte 10``, a rule that
has to match), or *over*, as it would take less (``lt 10``, a rule that must not match).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Final, Literal

from tocsin.engine.state._correlation_hits import Number
from tocsin.engine.state._correlation_window import InOrder, Matched, Window
from tocsin.logic.expr import Always, And, Expr, Leaf, Not, Or
from tocsin.logic.query import Correlation

Verdict = Literal["rings", "short", "over"]


class Asked:
    """The condition of a correlation.

    Args:
        query: the correlation.
    """

    def __init__(self, query: Correlation) -> None:
        self._bounds = query.bounds
        self._expr = query.seen
        self._names = [term.name for term in query.terms]
        self._ways: list[tuple[tuple[int, ...], frozenset[int]]] = []
        if query.seen is not None and query.kind == "temporal_ordered":
            self._ways = _ways_of(query.seen, self._names)

    def verdict(self, window: Window) -> Verdict:
        """What is said of a window that has a hit."""
        verdicts = {_bound(op, window.value, number) for op, number in self._bounds}
        if isinstance(window, Matched) and self._expr is not None:
            verdicts.add(self._seen(window, self._expr))
        return "short" if "short" in verdicts else "over" if "over" in verdicts else "rings"

    def _seen(self, window: Matched, expr: Expr) -> Verdict:
        if isinstance(window, InOrder):
            ways = [never for always, never in self._ways if window.reaches(always)]
            if not ways:
                return "short"
            return "rings" if any(never.isdisjoint(window.times) for never in ways) else "over"
        names = {self._names[term] for term in window.times}
        if not seen_holds(expr, names, frozenset()):
            return "short"
        return "rings" if seen_holds(expr, names, names) else "over"


_COMPARED: Final[dict[str, Callable[[Number, Number], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


def _bound(op: str, value: Number, number: float) -> Verdict:
    """What one bound of a condition says of a value."""
    if _COMPARED[op](value, number):
        return "rings"
    return "short" if op in {"gt", "gte", "eq"} and value <= number else "over"


def seen_holds(expr: Expr, present: Iterable[str], unwanted: Iterable[str]) -> bool:
    """Whether a condition over rules holds.

    Args:
        expr: the condition.
        present: the rules that have matched, where it asks for them.
        unwanted: those that have matched, where it asks for their absence.
    """
    match expr:
        case Leaf(field=name):
            return name in present
        case Not(term):
            return not seen_holds(term, unwanted, present)
        case And(terms):
            return all(seen_holds(term, present, unwanted) for term in terms)
        case Or(terms):
            return any(seen_holds(term, present, unwanted) for term in terms)
        case Always(value):
            return value
        case _:
            return False


MOST_WAYS: Final = 1_000
"""In how many ways an ordered condition over rules may come true; the shortest are looked at."""

_Way = tuple[frozenset[str], frozenset[str]]


def _ways_of(expr: Expr, names: list[str]) -> list[tuple[tuple[int, ...], frozenset[int]]]:
    """The ways in which a condition comes true: rules that match in order, and rules that do not.

    The shortest come first; a rule that the correlation does not know never matches.
    """
    numbers = {name: number for number, name in enumerate(names)}
    found = []
    for always, never in sorted(_ways(expr, positive=True), key=_order):
        if always <= numbers.keys():
            ranked = tuple(sorted(numbers[name] for name in always))
            found.append((ranked, frozenset(numbers[n] for n in never if n in numbers)))
    return found


def _ways(expr: Expr, *, positive: bool) -> set[_Way]:
    none: frozenset[str] = frozenset()
    match expr:
        case Leaf(field=name):
            one = frozenset((name,))
            return {(one, none) if positive else (none, one)}
        case Not(term):
            return _ways(term, positive=not positive)
        case And(terms) | Or(terms) if isinstance(expr, And) == positive:
            found: set[_Way] = {(none, none)}
            for term in terms:
                more = _ways(term, positive=positive)
                pairs = ((a | c, b | d) for a, b in found for c, d in more)
                found = _shortest({(a, n) for a, n in pairs if a.isdisjoint(n)})
            return found
        case And(terms) | Or(terms):
            return _shortest({way for term in terms for way in _ways(term, positive=positive)})
        case Always(value):
            return {(none, none)} if value == positive else set()
        case _:
            return set() if positive else {(none, none)}


def _shortest(ways: set[_Way]) -> set[_Way]:
    return ways if len(ways) <= MOST_WAYS else set(sorted(ways, key=_order)[:MOST_WAYS])


def _order(way: _Way) -> tuple[int, list[str], list[str]]:
    always, never = way
    return len(always) + len(never), sorted(always), sorted(never)
