"""What a correlation remembers: hits, the groups they are in, and windows that rang.

A *hit* is an event that one of the rules matched, or a firing of a correlation among the rules.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from tocsin.engine.state.kept import Reference

Number = int | float | Fraction

MOST_EVENTS: Final = 100
"""How many events a firing holds, the latest of each rule in turns; the others are only counted."""

LATEST: Final = 2**63 - 1
"""No time is later (times are nanoseconds in 64 bits)."""

Row = tuple[tuple[str, ...], ...]
"""Of some fields of one event, the values of each."""


class Hit(msgspec.Struct, array_like=True, gc=False):
    """An event that rules matched, or a firing of a correlation, in one group.

    Attributes:
        time: when it was.
        id: the event's, or what the firing is known by.
        terms: the numbers of the rules.
        values: what is counted or summed of it.
        shown: its events with the roles that they play; none where an alert would not show them.
        count: how many events it stands for.
        rows: what the correlation around this one asks of its events, and of how many.
    """

    time: int
    id: str
    terms: tuple[int, ...]
    values: tuple[str, ...] = ()
    shown: tuple[tuple[int, Reference], ...] = ()
    count: int = 1
    rows: tuple[tuple[Row, int], ...] = ()

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands among the others."""
        return self.time, self.id

    def with_more_of(self, other: Hit) -> Hit:
        """Itself, with the rules and values of another document of the same event.

        Datadog's Agent sends an event once for each of its rules: the documents are one event, and
        one of them may match where another does not. What is shown stays the first.
        """
        terms = tuple(sorted({*self.terms, *other.terms}))
        values = tuple(sorted({*self.values, *other.values})) if self.values else other.values
        if terms == self.terms and set(values) == set(self.values):
            return self
        if set(values) == set(self.values):
            values = self.values
        rows = tuple(dict.fromkeys((*self.rows, *other.rows)))
        return msgspec.structs.replace(self, terms=terms, values=values, rows=rows)


class Group(msgspec.Struct, array_like=True, gc=False):
    """What is remembered of one group.

    Attributes:
        hits: those that may still count, in order.
        fresh: those that came since windows were last looked at, in any order.
        spent: the ends of the windows that were used up, in order.
    """

    hits: list[Hit]
    fresh: list[Hit]
    spent: list[int]

    def is_spent(self, time: int, span: int) -> bool:
        """Whether a time lies in a window that was used up."""
        place = bisect_left(self.spent, time)
        return place < len(self.spent) and self.spent[place] - span <= time

    def is_cut(self, begin: int, end: int, span: int) -> bool:
        """Whether a window reaches into one that was used up."""
        place = bisect_left(self.spent, end)
        return place < len(self.spent) and begin < self.spent[place] - span <= end


class Outcome(msgspec.Struct):
    """A window that rang.

    Attributes:
        time: when.
        key: the group's values as text.
        hits: what was in the window; it holds its events until they are released.
        value: what the condition was about.
    """

    time: int
    key: str
    hits: list[Hit]
    value: Number

    @property
    def count(self) -> int:
        """How many events were in the window."""
        return sum(hit.count for hit in self.hits)


def shown_of(hits: Sequence[Hit]) -> list[tuple[int, Reference]]:
    """The events that an alert shows of some hits: the latest of each rule in turns."""
    terms = sorted({term for hit in hits for term in hit.terms})
    streams = [_latest(hits, term) for term in terms]
    taken: dict[tuple[int, Reference], None] = {}
    while streams and len(taken) < MOST_EVENTS:
        for stream in list(streams):
            one = next(stream, None)
            if one is None:
                streams.remove(stream)
            elif len(taken) < MOST_EVENTS:
                taken.setdefault(one)
    return list(taken)[::-1]


def _latest(hits: Sequence[Hit], term: int) -> Iterator[tuple[int, Reference]]:
    for hit in reversed(hits):
        if term in hit.terms:
            yield from reversed(hit.shown)
