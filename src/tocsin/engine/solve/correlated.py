"""On what a correlation rings, by definition: slow, obvious, and over everything at once.

`engine.state.correlation` says what the rules are; here they are written down once more, without
anything that slides, is remembered or is forgotten. Property tests hold the operator to it.
"""

from __future__ import annotations

import datetime as dt
import itertools
import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.logic.expr import Always, And, Expr, Leaf, Not, Or
from tocsin.logic.field_types import number_of, text_of
from tocsin.logic.query import Correlation, CorrelationTerm, roles_of

Heard = Iterable[tuple[Event, Collection[int]]]
"""Events with the roles that they play."""

_FEW: Final = 12
"""Of so many rules, all choices are tried to find some in order."""


class Rung(msgspec.Struct, frozen=True):
    """A window that rings.

    Attributes:
        time: when.
        group: the group's values.
        events: what is in it, in order.
        value: what the condition is about.
    """

    time: int
    group: tuple[str, ...]
    events: tuple[Event, ...]
    value: Fraction


class _Happening(msgspec.Struct, frozen=True):
    """An event, or a firing of a correlation with its events and its group."""

    time: int
    id: str
    events: tuple[Event, ...]
    group: Mapping[str, str]


class _Counted(msgspec.Struct):
    """What is in a group: a happening, the rules that it is of, and the values that count."""

    happening: _Happening
    terms: dict[int, tuple[str, ...]]
    values: list[tuple[str, ...]]

    @property
    def time(self) -> int:
        return self.happening.time


def rings(query: Correlation, heard: Heard) -> list[Rung]:
    """Every window that rings, in order.

    Args:
        query: the correlation.
        heard: the events, in any order; the roles are numbered as in `roles_of`.
    """
    found: list[Rung] = []
    for group, counted in _groups(query, list(heard)).items():
        walk = _complete_windows if query.waits else _sliding_windows
        for time, window in walk(query, counted):
            by_id = {e.id: e for one in window for e in one.happening.events}
            events = sorted(by_id.values(), key=lambda event: (event.time, event.id))
            found.append(Rung(time, group, tuple(events), value_of(query, window)))
    return sorted(found, key=lambda rung: (rung.time, rung.group))


def _sliding_windows(
    query: Correlation, counted: Sequence[_Counted]
) -> Iterator[tuple[int, list[_Counted]]]:
    """At the time of each event: what is left of the span up to it."""
    span, left = _nanoseconds(query.timespan), list(counted)
    for time in sorted({one.time for one in counted}):
        window = [one for one in left if time - span <= one.time <= time]
        if _holds(query, window):
            yield time, window
            left = [one for one in left if one not in window]


def _complete_windows(
    query: Correlation, counted: Sequence[_Counted]
) -> Iterator[tuple[int, list[_Counted]]]:
    """For the span from the first event that is left; a window that is short gives up its first."""
    span, left = _nanoseconds(query.timespan), list(counted)
    while left:
        first = min(one.time for one in left)
        window = [one for one in left if one.time <= first + span]
        if _is_short(query, window):
            left = [one for one in left if one.time > first]
            continue
        if _holds(query, window):
            yield min(first + span, 2**63 - 1), window
        left = [one for one in left if one not in window]


# --- groups -----------------------------------------------------------------------------------


def _groups(
    query: Correlation, heard: list[tuple[Event, Collection[int]]]
) -> dict[tuple[str, ...], list[_Counted]]:
    groups: dict[tuple[str, ...], dict[tuple[int, str], _Counted]] = {}
    for number, term in enumerate(query.terms):
        by, fields = term.by or query.group_by, term.fields or query.fields
        for happening in _happenings(query, number, heard):
            for event in happening.events:
                values = list(_values(query, happening, event, fields))
                if fields and not values:
                    continue
                every = [dict.fromkeys(_texts(happening, event, name)) for name in by]
                for group in itertools.product(*every):
                    mine = groups.setdefault(group, {})
                    place = happening.time, happening.id
                    one = mine.setdefault(place, _Counted(happening, {}, []))
                    # Two rules that read the same fields of one event count them once.
                    known = any(t != number and f == fields for t, f in one.terms.items())
                    one.terms[number] = fields
                    one.values += [] if known else values
    return {group: list(mine.values()) for group, mine in groups.items()}


def _happenings(
    query: Correlation, number: int, heard: list[tuple[Event, Collection[int]]]
) -> Iterator[_Happening]:
    """What a rule matched: events, or the firings of a correlation."""
    term = query.terms[number]
    role = sum(len(roles_of(before.query)) for before in query.terms[:number])
    inner = term.query
    if not isinstance(inner, Correlation):
        unique = {(event.time, event.id): event for event, roles in heard if role in roles}
        for event in unique.values():
            yield _Happening(event.time, event.id, (event,), {})
        return
    count = len(roles_of(inner))
    below = [
        (event, {other - role for other in roles if role <= other < role + count})
        for event, roles in heard
    ]
    for rung in rings(inner, [(event, roles) for event, roles in below if roles]):
        pinned = dict(_pinned(term, rung.group))
        yield _Happening(rung.time, f"{number}:{rung.group}", rung.events, pinned)


def _pinned(term: CorrelationTerm, group: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What a correlation groups by has its group's value, by whatever name its rules agree on."""
    inner = term.query
    assert isinstance(inner, Correlation)  # noqa: S101  (for the types)
    for place, value in reversed(list(enumerate(group))):
        names = {one.by[place] if one.by else inner.group_by[place] for one in inner.terms}
        if len(names) == 1:
            yield names.pop(), value
    for name, value in reversed(list(zip(inner.group_by, group, strict=True))):
        yield name, value


def _texts(happening: _Happening, event: Event, name: str) -> list[str]:
    if name in happening.group:
        return [happening.group[name]]
    return [text_of(value) for value in values_of(event.document, name)]


def _values(
    query: Correlation, happening: _Happening, event: Event, fields: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """What is counted or summed of an event."""
    if query.kind == "event_count" or query.is_temporal:
        return
    every = [_texts(happening, event, name) for name in fields]
    if query.kind == "value_count":
        yield from itertools.product(*every)
        return
    yield from ((text,) for texts in every for text in texts if number_of(text) is not None)


# --- what is asked of a window ----------------------------------------------------------------


def value_of(query: Correlation, window: Sequence[_Counted]) -> Fraction:
    """What the condition of a correlation is about."""
    numbers = [
        Fraction(number)
        for one in window
        for texts in one.values
        if query.kind not in {"event_count", "value_count"}
        if (number := number_of(texts[0])) is not None
    ]
    match query.kind:
        case "event_count":
            return Fraction(len(window))
        case "value_count":
            return Fraction(len({texts for one in window for texts in one.values}))
        case "value_sum":
            return sum(numbers, Fraction(0))
        case "value_avg":
            return sum(numbers, Fraction(0)) / len(numbers)
        case "value_median":
            return Fraction(statistics.median(numbers))
        case "value_percentile":
            return _percentile(sorted(numbers), query.percentile)
        case "temporal":
            return Fraction(len({term for one in window for term in one.terms}))
        case "temporal_ordered":
            return Fraction(_longest(window, 0, None, len(query.terms)))


def _percentile(numbers: list[Fraction], percentile: float | None) -> Fraction:
    """Between two numbers, in proportion to the ranks of those."""
    rank = Fraction(str(50 if percentile is None else percentile)) / 100 * (len(numbers) - 1)
    below = rank.__floor__()
    above = min(below + 1, len(numbers) - 1)
    return numbers[below] * (1 - (rank - below)) + numbers[above] * (rank - below)


def _longest(window: Sequence[_Counted], term: int, since: int | None, terms: int) -> int:
    """How many of the rules from one on matched one after another."""
    if term == terms:
        return 0
    without = _longest(window, term + 1, since, terms)
    times = [one.time for one in window if term in one.terms]
    later = [time for time in times if since is None or time >= since]
    if not later:
        return without
    return max(without, 1 + _longest(window, term + 1, min(later), terms))


def _holds(query: Correlation, window: Sequence[_Counted]) -> bool:
    """Whether the condition is true of a window."""
    value = value_of(query, window)
    return all(_compare(value, operator, number) for operator, number in query.bounds) and (
        query.seen is None or _seen(query, query.seen, window, strict=True)
    )


def _is_short(query: Correlation, window: Sequence[_Counted]) -> bool:
    """Whether it takes more for the condition to be true: less would not help."""
    value = value_of(query, window)
    lower = {"gt": "gt", "gte": "gte", "eq": "gte"}
    return any(
        not _compare(value, lower[operator], number)
        for operator, number in query.bounds
        if operator in lower
    ) or (query.seen is not None and not _seen(query, query.seen, window, strict=False))


def _compare(value: Fraction, operator: str, number: float) -> bool:
    match operator:
        case "gt":
            return value > number
        case "gte":
            return value >= number
        case "lt":
            return value < number
        case "lte":
            return value <= number
        case "eq":
            return value == number
        case _:
            return value != number


def _seen(query: Correlation, expr: Expr, window: Sequence[_Counted], *, strict: bool) -> bool:
    """Whether the rules have matched as a condition says; not strict: as if none were unwanted."""
    names = {query.terms[term].name for one in window for term in one.terms}
    unwanted = names if strict else set()
    if query.kind == "temporal" or len(query.terms) > _FEW:
        return _true(expr, names, unwanted)
    there = sorted({term for one in window for term in one.terms})
    return any(
        _true(expr, {query.terms[term].name for term in chosen}, unwanted)
        and _in_order(window, chosen)
        for size in range(len(there) + 1)
        for chosen in itertools.combinations(there, size)
    )


def _in_order(window: Sequence[_Counted], terms: Sequence[int]) -> bool:
    since: int | None = None
    for term in terms:
        times = [one.time for one in window if term in one.terms]
        later = [time for time in times if since is None or time >= since]
        if not later:
            return False
        since = min(later)
    return True


def _true(expr: Expr, present: set[str], unwanted: set[str]) -> bool:
    match expr:
        case Leaf(field=name):
            return name in present
        case Not(term):
            return not _true(term, unwanted, present)
        case And(terms):
            return all(_true(term, present, unwanted) for term in terms)
        case Or(terms):
            return any(_true(term, present, unwanted) for term in terms)
        case Always(value):
            return value
        case _:
            return False


def _nanoseconds(duration: dt.timedelta) -> int:
    return duration // dt.timedelta(microseconds=1) * 1_000
