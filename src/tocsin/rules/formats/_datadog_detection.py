"""What a case of Datadog's signal rules asks for, as one query.

Queries are grouped (``groupByFields``), counted over a window that slides (``aggregation``), and
compared in the case's condition:

* ``a > 0``: every event is a hit, so a `Filter`
* ``a > 5``: a `Correlation` of the kind that the aggregation is
* ``a > 5 && b > 0``: a temporal `Correlation` of those, joined by the values of their groups
* ``a > 0 THEN b > 0``: the same, in order

Counts and numbers of values rise by one: a case that is bounded from above as well (``a < 5``)
holds as soon as the count gets to its lower end, so that the upper end decides nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from tocsin.errors import UnsupportedFeature
from tocsin.events.schema.datadog import name_of
from tocsin.logic.expr import Expr, Leaf, conjunction, disjunction
from tocsin.logic.matchers import Exists, Range
from tocsin.logic.query import Correlation, CorrelationKind, CorrelationTerm, Filter, narrowed
from tocsin.rules.formats._datadog_condition import (
    Condition,
    End,
    Then,
    Way,
    ways_of,
)


class Counted(msgspec.Struct, frozen=True):
    """One of a rule's queries.

    Attributes:
        name: as conditions call it.
        text: as it was written.
        filter: which events it takes.
        aggregation: ``count``, ``cardinality``, ``sum`` or ``max``.
        by: the fields that group its events.
        over: the fields whose values are counted or added.
        line: where it stands in its file.
    """

    name: str
    text: str
    filter: Filter
    aggregation: str = "count"
    by: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    line: int = 1


class Side(msgspec.Struct, frozen=True):
    """A query with the fields that group it, and what a correlation calls it."""

    query: Filter | Correlation
    by: tuple[str, ...] = ()
    name: str = ""


_Atom = tuple[str, End | None]
"""A query and what it has to reach; None: a first event."""

_KINDS: Final[Mapping[str, CorrelationKind]] = {
    "count": "event_count", "cardinality": "value_count", "sum": "value_sum",
}  # fmt: skip


def side_of(
    condition: Condition | Then, queries: Mapping[str, Counted], window: dt.timedelta
) -> Side | None:
    """What a condition asks for; None: it never comes true.

    Raises:
        UnsupportedFeature: it compares in a way that is not run.
    """
    if isinstance(condition, Then):
        first = side_of(condition.first, queries, window)
        second = side_of(condition.second, queries, window)
        return None if first is None or second is None else followed(first, second, window)
    ways = list(dict.fromkeys(_atoms_of(way, queries) for way in ways_of(condition)))
    ways = [way for way in ways if not any(o != way and _implies(way, o) for o in ways)]
    return _joined(ways, queries, window) if ways else None


def followed(first: Side, second: Side, window: dt.timedelta) -> Side:
    """One and then the other, of the same group."""
    _check_groups([first, second])
    again = " again" if first.name == second.name else ""
    terms = (
        CorrelationTerm(first.name, first.query, first.by),
        CorrelationTerm(second.name + again, second.query, second.by),
    )
    query = Correlation("temporal_ordered", terms, first.by, window)
    return Side(query, first.by, f"{first.name} then {second.name}")


def _joined(
    ways: Sequence[frozenset[_Atom]], queries: Mapping[str, Counted], window: dt.timedelta
) -> Side:
    atoms = sorted({atom for way in ways for atom in way}, key=_order)
    sides = [_side(atom, queries[atom[0]], window) for atom in atoms]
    if len(sides) == 1:
        return sides[0]
    _check_groups(sides)
    first = sides[0]
    filters = [side.query for side in sides if isinstance(side.query, Filter)]
    alone = all(len(way) == 1 for way in ways)
    if alone and len(filters) == len(sides) and all(side.by == first.by for side in sides):
        either = Filter(disjunction(*[found.where for found in filters]))
        return Side(either, first.by, " or ".join(side.name for side in sides))
    names = _names(atoms)
    terms = tuple(
        CorrelationTerm(names[atom], side.query, side.by)
        for atom, side in zip(atoms, sides, strict=True)
    )
    seen = None if len(ways) == 1 else disjunction(*[_seen(way, names) for way in ways])
    query = Correlation("temporal", terms, first.by, window, seen=seen)
    return Side(query, first.by, (" or " if seen else " and ").join(names.values()))


def _names(atoms: Sequence[_Atom]) -> dict[_Atom, str]:
    """What a correlation calls its terms: their queries, with a number where one comes twice."""
    found: dict[_Atom, str] = {}
    for atom in atoms:
        times = sum(other[0] == atom[0] for other in found)
        found[atom] = f"{atom[0]}_{times + 1}" if times else atom[0]
    return found


def _seen(way: frozenset[_Atom], names: Mapping[_Atom, str]) -> Expr:
    return conjunction(*[Leaf(names[atom], Exists()) for atom in sorted(way, key=_order)])


def _order(atom: _Atom) -> tuple[str, bool, End]:
    name, low = atom
    return (name, False, _FIRST) if low is None else (name, True, low)


def _implies(way: frozenset[_Atom], weaker: frozenset[_Atom]) -> bool:
    """Whether one way comes true only where another does."""
    return all(
        any(mine[0] == atom[0] and _order(mine) >= _order(atom) for mine in way) for atom in weaker
    )


def _check_groups(sides: Sequence[Side]) -> None:
    if len({len(side.by) for side in sides}) > 1:
        message = "queries that are grouped by different numbers of fields cannot be joined"
        raise UnsupportedFeature(message)


# --- one comparison ---------------------------------------------------------------------------

_FIRST: Final = End(Fraction(0), 1)


def _atoms_of(way: Way, queries: Mapping[str, Counted]) -> frozenset[_Atom]:
    """What has to be reached in a way; upper ends that decide nothing are left out."""
    found: set[_Atom] = set()
    for name, bounds in way.items():
        counted = queries[name]
        whole = counted.aggregation in {"count", "cardinality"}
        if bounds.high is not None and (not whole or (len(way) > 1 and not bounds.least)):
            what = f"{counted.aggregation} of {name}" if not whole else name
            message = f"an upper bound of {what} is not run"
            hint = "" if not whole else "beside other queries, it is true of what is not there"
            raise UnsupportedFeature(message, bounds.span, hint)
        if not whole:
            found.add((name, bounds.low))
        elif bounds.least > 1:
            found.add((name, End(Fraction(bounds.least), 0)))
        elif bounds.least == 1 or len(way) == 1:
            found.add((name, None))
    return frozenset(found or {(name, None) for name in way})


def _side(atom: _Atom, counted: Counted, window: dt.timedelta) -> Side:
    name, low = atom
    if counted.aggregation == "max":
        return Side(_reaching(counted, low), counted.by, name)
    if low is None:
        return Side(having(counted.filter, counted.over), counted.by, name)
    query = Correlation(
        _KINDS[counted.aggregation],
        (CorrelationTerm(name, counted.filter, counted.by),),
        counted.by,
        window,
        (("gt" if low.beyond else "gte", _number(low)),),
        counted.over,
    )
    return Side(query, counted.by, name)


def _reaching(counted: Counted, low: End | None) -> Filter:
    """The largest value reaches a bound where one of the values does."""
    bound = Range(None if low is None else _number(low), low_included=low is None or not low.beyond)
    operator = ">" if low is not None and low.beyond else ">="
    leaves = [
        Leaf(field, bound, "double", operator=operator, spelled=name_of(field))
        for field in counted.over
    ]
    return narrow(counted.filter, disjunction(*leaves))


def _number(end: End) -> int | float:
    whole = end.number.denominator == 1
    return end.number.numerator if whole else float(end.number)


def narrow(condition: Filter, *terms: Expr) -> Filter:
    """The events of a filter that satisfy more."""
    found = narrowed(condition, conjunction(*terms)) if terms else condition
    assert isinstance(found, Filter)  # noqa: S101  (for the types)
    return found


def having(condition: Filter, fields: Iterable[str]) -> Filter:
    """The events of a filter that have a value of each of the fields."""
    present = [Leaf(f, Exists(), operator=":", spelled=name_of(f)) for f in fields]
    return narrow(condition, *present)
