"""The rules of a correlation: what is read of their events, and which groups those are in."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from tocsin.engine.state._correlation_hits import Row
from tocsin.engine.state._correlation_window import numbers_of
from tocsin.engine.state.new_terms import MOST_COMBINATIONS, key_of
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.logic.field_types import text_of
from tocsin.logic.query import Correlation, CorrelationTerm, roles_of

MOST_ROWS: Final = 1_000
"""How many different events of one firing count for the correlation around it."""


class Term:
    """A rule of a correlation: where its roles begin, and what is read of its events.

    Args:
        query: the correlation.
        number: which of its rules.
        role: the first of the rule's roles.
        wanted: what the correlation around this one asks of its events.
    """

    def __init__(self, query: Correlation, number: int, role: int, wanted: Sequence[str]) -> None:
        term = query.terms[number]
        self.number = number
        self.roles = range(role, role + len(roles_of(term.query)))
        by, fields = term.by or query.group_by, term.fields or query.fields
        self.fields = fields
        self.slots = tuple(dict.fromkeys((*by, *fields, *wanted)))
        self._by = [self.slots.index(name) for name in by]
        self._values = [self.slots.index(name) for name in fields]
        self._up = [self.slots.index(name) for name in wanted]
        # What a correlation groups by, its firing has the group's value of.
        self.pinned = {
            name: place for name in self.slots if (place := _grouping(term, name)) is not None
        }
        self.asked = tuple(name for name in self.slots if name not in self.pinned)

    def row(self, event: Event) -> Row:
        """What is read of an event."""
        return tuple(
            tuple(text_of(value) for value in values_of(event.document, name))
            for name in self.slots
        )

    def row_below(self, group: Sequence[str], row: Row) -> Row:
        """The same of an event of a firing: what it asked for, and the group's own values."""
        asked = iter(row)
        return tuple(
            (group[self.pinned[name]],) if name in self.pinned else next(asked)
            for name in self.slots
        )

    def groups(self, row: Row) -> Iterator[str]:
        """The groups that an event counts in."""
        values = (dict.fromkeys(row[slot]) for slot in self._by)
        return map(key_of, itertools.product(*values))

    def values(self, row: Row, *, numbers: bool) -> list[str]:
        """What is counted or summed of an event."""
        if numbers:
            texts = [text for slot in self._values for text in row[slot]]
            return [text for text in texts if numbers_of((text,))]
        found = itertools.product(*(dict.fromkeys(row[slot]) for slot in self._values))
        several = len(self._values) > 1
        return [
            key_of(one) if several else one[0]
            for one in itertools.islice(found, MOST_COMBINATIONS)
            if one
        ]

    def up(self, row: Row) -> Row:
        """What the correlation around this one asks."""
        return tuple(row[slot] for slot in self._up)


def _grouping(term: CorrelationTerm, name: str) -> int | None:
    """Which part of a correlation's group a name is: it, or all of its rules, group by it."""
    if not isinstance(term.query, Correlation):
        return None
    inner = term.query
    if name in inner.group_by:
        return inner.group_by.index(name)
    for place in range(len(inner.group_by)):
        if all(place < len(one.by) and one.by[place] == name for one in inner.terms):
            return place
    return None


class Draft:
    """A hit in the making: what the rules that an event matched make of it in one group."""

    def __init__(self, role: int) -> None:
        self.role = role
        self.terms: list[int] = []
        self.values: list[str] = []
        self.rows: Counter[Row] = Counter()
        self.events = 0
        self._read: set[tuple[str, ...]] = set()

    def add(self, term: Term, row: Row, values: list[str], times: int) -> None:
        if term.number not in self.terms:
            self.terms.append(term.number)
        self.values += values * times
        self.events += times
        up = term.up(row)
        if up and self.terms[0] == term.number:  # every rule reads the same of one event
            self.rows[up] += times

    def first_of(self, fields: tuple[str, ...]) -> bool:
        """Whether no rule has read the values of these fields yet."""
        known = fields in self._read
        self._read.add(fields)
        return not known

    def kept_rows(self) -> tuple[tuple[Row, int], ...]:
        return tuple(sorted(self.rows.items())[:MOST_ROWS])
