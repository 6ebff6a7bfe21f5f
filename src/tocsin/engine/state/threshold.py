"""Threshold: so many events of one group, seen by one run of the rule.

Elastic runs the rule every few minutes, groups what it sees in ``[now - lookback, now]`` and alerts
for each group that is large enough; it remembers when the group's last alerted event was, and
later runs do not count that event and those before it (research: elastic/kibana, ``threshold``
executors). Here the same runs are made by event time (`logic.runs`).

What is remembered are *cells*: between two neighbouring ends of runs' windows, all events are seen
by the same runs. So it is enough to know of a group and cell how many events there were, how many
distinct values are counted, and the first few events themselves. Events and values are told apart
by numbers of 64 bits (`_numbers`). Only a run that sees events for the first time can fire: a group
that was too small for one run is no larger for the next.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.engine.state._numbers import Numbers, how_many, number_of
from tocsin.engine.state._threshold_cell import Cell
from tocsin.engine.state._threshold_groups import FirstGroups, Group, group_of, kept_of, seen_alike
from tocsin.engine.state._told import told
from tocsin.engine.state.new_terms import MOST_COMBINATIONS, key_of
from tocsin.engine.state.operator import Firing
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.events.fields import reader
from tocsin.logic.field_types import render_date, text_of
from tocsin.logic.query import Threshold
from tocsin.logic.runs import Runs

MOST_EVENTS = 100
"""How many events a firing holds, the oldest; the others are only counted."""


_MOST_KNOWN = 4_096
_LONGEST = 200
"""Of so many texts, and no longer ones, it is remembered which groups they make."""


class ThresholdState:
    """The groups of one rule.

    Args:
        query: the rule's query.
        saved: what `changes` gave before, from a store.
        runs: when the rule runs, and how far back a run looks.
        most: of how many groups a run is to tell, the first by their keys; None: of all. It is
            heeded where every group with an event fires: then of the others it need only be known
            that they are there.

    Raises:
        StoreError: what was saved is not what `changes` gave.

    Attributes:
        late: how many events came after a run that should have seen them had been closed; they
            count in what is still open.
        cut: how many events had more than `MOST_COMBINATIONS` groups, the rest of which was cut.
        beyond: how many firings were not told, as they were of groups beyond the first ``most``.
    """

    def __init__(
        self,
        query: Threshold,
        saved: Mapping[str, bytes] | None = None,
        *,
        runs: Runs,
        most: int | None = None,
    ) -> None:
        self._query = query
        self._runs = runs
        self._read = [reader(field) for field in query.fields]
        self._counted_fields = [field for field, _ in query.cardinality]
        self._read_counted = [reader(field) for field in self._counted_fields]
        try:
            self._groups = {key: group_of(value) for key, value in (saved or {}).items()}
        except (msgspec.DecodeError, ValueError) as error:
            message = f"what a rule counted by {', '.join(query.fields)} cannot be read: {error}"
            raise StoreError(message) from error
        self._changed: set[str] = set()
        self._late: set[str] = set()
        self._closed: int | None = None
        # Which runs see an event of a time between these.
        self._low, self._high, self._seen_by = 1, 0, (0, 0)
        self._known: dict[str, list[str]] = {}
        self.late = self.cut = self.beyond = 0
        every = query.value <= 1 and not query.cardinality
        self._told = FirstGroups(most, self._groups) if every and most is not None else None

    def add(self, event: Event, roles: Sequence[int] = (0,)) -> None:
        """Counts an event that satisfies the rule's filter, in any order of time."""
        time = event.time
        if not self._low <= time <= self._high:
            self._low, self._high = seen_alike(self._runs, time)
            self._seen_by = self._runs.first_at(time), self._runs.last_with(time)
        first, last = self._seen_by
        if first > last:  # a run looks back less than an interval, and none sees it
            return
        keys = self._keys(event.document)
        if not keys:
            return
        if self._closed is not None and first <= self._closed:
            self.late += 1
            self._late.update(keys)
        distinct = [
            {number_of(text_of(value)) for value in read(event.document)}
            for read in self._read_counted
        ]
        for key in keys:
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = Group([])
            elif group.alerted and self._is_covered(group, first, time):
                continue
            if self._cell(key, group, first, last, time).add(event, distinct, MOST_EVENTS):
                self._changed.add(key)

    def _keys(self, document: Mapping[str, Any]) -> list[str]:
        """The groups of an event."""
        if len(self._read) == 1:
            values = self._read[0](document)
            if len(values) == 1:
                return self._keys_of_text(text_of(values[0]))
        found = [read(document) for read in self._read]
        if all(len(values) == 1 for values in found):
            return [key_of(tuple(text_of(values[0]) for values in found))]
        terms = itertools.product(*(dict.fromkeys(map(text_of, values)) for values in found))
        keys = [key_of(one) for one in itertools.islice(terms, MOST_COMBINATIONS)]
        self.cut += next(terms, None) is not None
        return keys

    def _keys_of_text(self, text: str) -> list[str]:
        """The groups of an event that has one text in the only field; texts come again."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = [key_of((text,))]
            if len(text) <= _LONGEST:
                self._known[text] = known
        return known

    def _is_covered(self, group: Group, first: int, time: int) -> bool:
        """Whether every run that sees an event comes after the firing that covers it."""
        return any(self._runs.first_at(m) == first for m in group.alerted if m >= time)

    def _cell(self, key: str, group: Group, first: int, last: int, time: int) -> Cell:
        cells = group.cells
        if cells and cells[-1].first == first and cells[-1].last == last:
            return cells[-1]
        place = bisect_left(cells, (first, last), key=lambda cell: cell.runs)
        if place == len(cells) or cells[place].runs != (first, last):
            cell = Cell(first, last, time, time, tuple(Numbers() for _ in self._read_counted))
            cells.insert(place, cell)
            if self._told is not None:
                self._told.admit(key, cell)
            group.begin(cell)
        return cells[place]

    def due(self, until: int | None) -> list[Firing]:
        """The groups that were large enough for a run at or before ``until``, oldest first.

        Once everything has come in, runs after the newest event are made as well, and what a run
        after it would see is kept all the same: more may come.
        """
        keys, horizon = list(self._groups), until
        if horizon is None:
            horizon = self._newest()
        elif self._closed is not None and horizon < self._closed + self._runs.interval:
            keys = list(self._late)
        else:
            self._closed = horizon // self._runs.interval * self._runs.interval
        fired: list[Firing] = []
        for key in keys:
            group = self._groups.get(key)
            if group is not None:
                fired.extend(self._fire(key, group, until))
                self._forget(key, group, horizon)
        self._late.clear()
        if self._told is not None:
            self._told.forget(until)
        return sorted(fired, key=lambda firing: (firing.time, firing.key))

    def _fire(self, key: str, group: Group, until: int | None) -> Iterable[Firing]:
        """Makes the runs that see an event of the group for the first time."""
        cells = group.cells
        if sum(cell.count for cell in cells) < self._query.value:
            return
        runs = dict.fromkeys(c.first for c in cells if until is None or c.first <= until)
        start = end = 0
        spent: list[tuple[int, int]] = []
        alerted = sorted(group.alerted)
        for run in runs:
            while end < len(cells) and cells[end].first <= run:
                end += 1
            while start < end and cells[start].last < run:
                start += 1
            before = bisect_right(alerted, run)
            floor = alerted[before - 1] if before else None
            seen = [c for c in cells[start:end] if floor is None or c.low > floor]
            distinct = self._enough(seen)
            if distinct is None:
                continue
            if all(cell.is_told for cell in seen):
                yield self._firing(key, run, seen, distinct)
            else:
                self.beyond += 1
            insort(alerted, seen[-1].high)
            spent.append((start, end))
            start = end
        if spent:
            gone = {place for one in spent for place in range(*one)}
            group.cells = [cell for place, cell in enumerate(cells) if place not in gone]
            group.alerted, group.busy = tuple(alerted), ()
            self._changed.add(key)

    def _enough(self, seen: list[Cell]) -> list[int] | None:
        """How many distinct values the counted fields have; None where the group is too small."""
        if not seen or sum(cell.count for cell in seen) < self._query.value:
            return None
        distinct = []
        for number, (_, least) in enumerate(self._query.cardinality):
            distinct.append(how_many(cell.distinct[number] for cell in seen))
            if distinct[-1] < least:
                return None
        return distinct

    def _firing(self, key: str, run: int, seen: list[Cell], distinct: list[int]) -> Firing:
        values: list[str] = msgspec.json.decode(key)
        terms = tuple(zip(self._query.fields, values, strict=True))
        result = {
            "terms": [{"field": field, "value": value} for field, value in terms],
            "cardinality": [
                {"field": field, "value": number}
                for field, number in zip(self._counted_fields, distinct, strict=True)
            ],
            "count": sum(cell.count for cell in seen),
            "from": render_date(seen[0].low),
        }
        # As many as may be held, so that they are decoded when somebody wants them.
        events = told([cell.source for cell in seen], MOST_EVENTS)
        details = {"threshold_result": result}
        return Firing(events, f"{key}@{run}", terms, seen[-1].high, details)

    def _forget(self, key: str, group: Group, horizon: int) -> None:
        """Drops what no run after the horizon sees."""
        if group.cells and group.cells[0].last <= horizon:
            group.cells = [cell for cell in group.cells if cell.last > horizon]
            group.busy = tuple(cell for cell in group.busy if cell.last > horizon)
            self._changed.add(key)
        if group.alerted:
            open_still = (m for m in group.alerted if self._runs.last_with(m) > horizon)
            alerted = tuple(sorted(open_still))
            if alerted != group.alerted:
                group.alerted = alerted
                self._changed.add(key)
        if not group.cells and not group.alerted:
            del self._groups[key]
            self._changed.add(key)

    def _newest(self) -> int:
        return max(
            itertools.chain.from_iterable(
                (*group.alerted, *(cell.high for cell in group.cells[-1:]))
                for group in self._groups.values()
            ),
            default=0,
        )

    def changes(self) -> dict[str, bytes | None]:
        """The groups that changed since the last call, encoded; None for one that is gone."""
        changed = {
            key: kept_of(self._groups[key]) if key in self._groups else None
            for key in self._changed
        }
        self._changed.clear()
        return changed

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._groups)
