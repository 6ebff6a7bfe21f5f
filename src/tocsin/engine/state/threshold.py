"""Threshold: so many events of one group, seen by one run of the rule.

Elastic runs the rule every few minutes, groups what it sees in ``[now - lookback, now]`` and alerts
for each group that is large enough; it remembers when the group's last alerted event was, and
later runs do not count that event and those before it (research: elastic/kibana, ``threshold``
executors). Here the same runs are made by event time (`logic.runs`).

What is remembered are *cells*: between two neighbouring ends of runs' windows, all events are seen
by the same runs. So it is enough to know of a group and cell how many events there were, the
distinct values that are counted, and the first few events themselves. Only a run that sees events
for the first time can fire: a group that was too small for one run is no larger for the next.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tocsin.engine.state.new_terms import MOST_COMBINATIONS, combinations, key_of
from tocsin.engine.state.operator import Firing
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.logic.field_types import render_date, text_of
from tocsin.logic.query import Threshold
from tocsin.logic.runs import Runs

MOST_EVENTS = 100
"""How many events a firing holds, the oldest; the others are only counted."""


class Counted(msgspec.Struct, array_like=True, gc=False):
    """An event that a firing may hold, with its JSON."""

    time: int
    id: str
    event: msgspec.Raw

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands among the others."""
        return self.time, self.id


class Cell(msgspec.Struct, array_like=True, gc=False):
    """Events of one group that the same runs see.

    Attributes:
        first: the first run that sees them.
        last: the last run that does.
        low: the time of the earliest event.
        high: the time of the latest.
        events: the oldest events, in order; at most `MOST_EVENTS`.
        others: the ids of the other events.
        distinct: the values of each field whose cardinality counts.
    """

    first: int
    last: int
    low: int
    high: int
    events: list[Counted]
    others: set[str] | None = None
    distinct: tuple[set[str], ...] = ()

    @property
    def runs(self) -> tuple[int, int]:
        """The first and the last run that see it."""
        return self.first, self.last

    @property
    def count(self) -> int:
        """How many events it has."""
        return len(self.events) + len(self.others or ())

    def add(self, counted: Counted, distinct: Iterable[Iterable[str]]) -> bool:
        """Counts an event, unless it has been counted already; says whether it had not."""
        place = bisect_left(self.events, counted.place, key=lambda other: other.place)
        known = place < len(self.events) and self.events[place].place == counted.place
        if known or (self.others and counted.id in self.others):
            return False
        self.events.insert(place, counted)
        if len(self.events) > MOST_EVENTS:
            self.others = self.others or set()
            self.others.add(self.events.pop().id)
        self.low, self.high = min(self.low, counted.time), max(self.high, counted.time)
        for mine, values in zip(self.distinct, distinct, strict=True):
            mine.update(values)
        return True


class Group(msgspec.Struct, array_like=True, gc=False):
    """What is remembered of one group.

    Attributes:
        cells: its events that have not alerted, in order of time.
        alerted: for each firing whose last event some open run sees: the time of that event.
    """

    cells: list[Cell]
    alerted: tuple[int, ...] = ()


class ThresholdState:
    """The groups of one rule.

    Args:
        query: the rule's query.
        saved: what `changes` gave before, from a store.
        runs: when the rule runs, and how far back a run looks.

    Attributes:
        late: how many events came after a run that should have seen them had been closed; they
            count in what is still open.
        cut: how many events had more than `MOST_COMBINATIONS` groups, the rest of which was cut.
    """

    def __init__(
        self, query: Threshold, saved: Mapping[str, bytes] | None = None, *, runs: Runs
    ) -> None:
        self._query = query
        self._runs = runs
        self._counted_fields = [field for field, _ in query.cardinality]
        self._groups = {key: _decoded(value) for key, value in (saved or {}).items()}
        self._changed: set[str] = set()
        self._late: set[str] = set()
        self._closed: int | None = None
        self.late = self.cut = 0

    def add(self, event: Event, roles: Sequence[int] = (0,)) -> None:
        """Counts an event that satisfies the rule's filter, in any order of time."""
        first, last = self._runs.first_at(event.time), self._runs.last_with(event.time)
        if first > last:  # a run looks back less than an interval, and none sees it
            return
        found = combinations(event.document, self._query.fields)
        keys = [key_of(terms) for terms in itertools.islice(found, MOST_COMBINATIONS)]
        if not keys:
            return
        self.cut += next(found, None) is not None
        is_late = self._closed is not None and first <= self._closed
        self.late += is_late
        if is_late:
            self._late.update(keys)
        # As JSON: an event may hold whole numbers that MessagePack, with its 64 bits, cannot.
        counted = Counted(event.time, event.id, msgspec.Raw(msgspec.json.encode(event)))
        distinct = [set(map(text_of, values_of(event.document, f))) for f in self._counted_fields]
        for key in keys:
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = Group([])
            elif any(self._runs.first_at(m) == first for m in group.alerted if m >= event.time):
                continue  # every run that sees it comes after the firing that covers it
            if self._cell(group, first, last, event.time).add(counted, distinct):
                self._changed.add(key)

    def _cell(self, group: Group, first: int, last: int, time: int) -> Cell:
        place = bisect_left(group.cells, (first, last), key=lambda cell: cell.runs)
        if place == len(group.cells) or group.cells[place].runs != (first, last):
            distinct: tuple[set[str], ...] = tuple(set() for _ in self._counted_fields)
            group.cells.insert(place, Cell(first, last, time, time, [], distinct=distinct))
        return group.cells[place]

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
        return sorted(fired, key=lambda firing: (firing.time, firing.key))

    def _fire(self, key: str, group: Group, until: int | None) -> Iterable[Firing]:
        """Makes the runs that see an event of the group for the first time."""
        cells, alerted = group.cells, group.alerted
        if sum(cell.count for cell in cells) < self._query.value:
            return
        runs = dict.fromkeys(c.first for c in cells if until is None or c.first <= until)
        start = end = 0
        spent: list[tuple[int, int]] = []
        for run in runs:
            while end < len(cells) and cells[end].first <= run:
                end += 1
            while start < end and cells[start].last < run:
                start += 1
            floor = max((time for time in alerted if time <= run), default=None)
            seen = [c for c in cells[start:end] if floor is None or c.low > floor]
            distinct = self._enough(seen)
            if distinct is None:
                continue
            yield self._firing(key, run, seen, distinct)
            group.alerted += (seen[-1].high,)
            spent.append((start, end))
            start = end
        if spent:
            gone = {place for one in spent for place in range(*one)}
            group.cells = [cell for place, cell in enumerate(cells) if place not in gone]
            self._changed.add(key)

    def _enough(self, seen: list[Cell]) -> list[int] | None:
        """How many distinct values the counted fields have; None where the group is too small."""
        if not seen or sum(cell.count for cell in seen) < self._query.value:
            return None
        distinct = []
        for number, (_, least) in enumerate(self._query.cardinality):
            values: set[str] = set()
            distinct.append(len(values.union(*(cell.distinct[number] for cell in seen))))
            if distinct[-1] < least:
                return None
        return distinct

    def _firing(self, key: str, run: int, seen: list[Cell], distinct: list[int]) -> Firing:
        values: list[str] = msgspec.json.decode(key)
        terms = tuple(zip(self._query.fields, values, strict=True))
        oldest = itertools.islice((c for cell in seen for c in cell.events), MOST_EVENTS)
        result = {
            "terms": [{"field": field, "value": value} for field, value in terms],
            "cardinality": [
                {"field": field, "value": number}
                for field, number in zip(self._counted_fields, distinct, strict=True)
            ],
            "count": sum(cell.count for cell in seen),
            "from": render_date(seen[0].low),
        }
        events = tuple((0, msgspec.json.decode(c.event, type=Event)) for c in oldest)
        details = {"threshold_result": result}
        return Firing(events, f"{key}@{run}", terms, seen[-1].high, details)

    def _forget(self, key: str, group: Group, horizon: int) -> None:
        """Drops what no run after the horizon sees."""
        if group.cells and group.cells[0].last <= horizon:
            group.cells = [cell for cell in group.cells if cell.last > horizon]
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
            key: msgspec.json.encode(self._groups[key]) if key in self._groups else None
            for key in self._changed
        }
        self._changed.clear()
        return changed

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._groups)


def _decoded(value: bytes) -> Group:
    group = msgspec.json.decode(value, type=Group)
    for cell in group.cells:
        for counted in cell.events:
            counted.event = counted.event.copy()  # or each would hold on to the whole
    return group
