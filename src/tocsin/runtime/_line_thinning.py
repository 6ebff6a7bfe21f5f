"""Lines that a threshold need not be told: what `thinning` does for columns, for lines of JSON.

Of each line the fields that the rule asks about are read (`events.narrow`): those that say whether
it is seen and satisfies the filter, those that group it, and its time. It is told if it stands in
one of the first groups of a run, or if its group and cell are new, or become longer by it:

    max_signals 1, one run   a 1, b 2, a 3, b 4, b 3   ->   a 1, b 2, a 3, b 4

What is not known in a moment (no time of its own, several groups) is left in. A line that is read
though it is no event (`events.narrow`) may stand before others here: where one that is told turns
out to be none, all of `Told.every` have to be told, and what is remembered has to be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tocsin.engine import reference
from tocsin.engine.state._threshold_groups import seen_alike
from tocsin.engine.state.new_terms import key_of
from tocsin.events.narrow import Narrow, Values
from tocsin.logic.expr import Expr, Leaf, Nested, Script, walk
from tocsin.logic.field_types import text_of
from tocsin.logic.runs import Runs
from tocsin.rules.index import FIELDS as ORIGIN_FIELDS
from tocsin.rules.index import origin_of, sees
from tocsin.runtime._times import first_time

_MOST_KNOWN = 4_096
_MOST_SEEN = 200_000
_LONGEST = 400
"""So many answers are remembered, none of them about longer texts."""


class Cell:
    """The lines of one group that the same runs see.

    Attributes:
        places: of all of them.
        low: the earliest time.
        high: the latest.
        ends: the places of a line of each.
    """

    __slots__ = ("ends", "high", "low", "places")

    def __init__(self, place: int, time: int) -> None:
        self.places = [place]
        self.low = self.high = time
        self.ends = [place, place]

    def add(self, place: int, time: int) -> None:
        """Adds a line."""
        self.places.append(place)
        if time > self.high:
            self.high, self.ends[1] = time, place
        elif time < self.low:
            self.low, self.ends[0] = time, place


class Told(msgspec.Struct):
    """What a threshold asks of some lines, by their places.

    Attributes:
        some: those that it has to be told of.
        every: all of which its filter holds.
        unread: those of which nothing is known.
    """

    some: list[int] = []
    every: list[int] = []
    unread: list[int] = []


class LineThinning:
    """Says of many lines which of them a threshold has to be told.

    Args:
        condition: its filter; see `is_readable`.
        index: the index patterns of its rule.
        fields: what groups events.
        override: the rule's `timestamp_override`; empty: none.
        runs: when the rule runs.
        most: of how many groups a run tells.
        ends: whether the others are told from when until when they were there; else it is enough
            that they were.
    """

    def __init__(
        self,
        condition: Expr,
        index: tuple[str, ...],
        *,
        fields: Sequence[str],
        override: str,
        runs: Runs,
        most: int,
        ends: bool = True,
    ) -> None:
        asked = tuple(
            dict.fromkeys(node.field for node in walk(condition) if isinstance(node, Leaf))
        )
        times = (override, "@timestamp") if override else ("@timestamp",)
        self._narrow = Narrow((*ORIGIN_FIELDS, *asked, *fields, *times))
        self._condition = condition
        self._index = index
        self._asked = asked
        self._until_asked = len(ORIGIN_FIELDS) + len(asked)
        self._until_grouped = self._until_asked + len(fields)
        self._known: dict[Values, bool] = {}
        self._runs = runs
        self._most = most
        self._ends = ends
        self._first: dict[int, list[str]] = {}
        self._seen: dict[tuple[int, int, str], tuple[int, int]] = {}
        self._keys: dict[tuple[object, ...], str] = {}

    @staticmethod
    def is_readable(condition: Expr) -> bool:
        """Whether a few fields say if a condition holds."""
        return not any(
            isinstance(node, (Script, Nested)) or (isinstance(node, Leaf) and "*" in node.field)
            for node in walk(condition)
        )

    def told(self, lines: Sequence[bytes]) -> Told:
        """Which of the lines have to be told, given those before."""
        told = Told()
        runs: dict[int, dict[str, dict[int, Cell]]] = {}
        groups: dict[str, dict[int, Cell]] = {}
        low, high, last = 1, 0, 0
        asked, grouped = self._until_asked, self._until_grouped
        for place, values in enumerate(self._narrow.read_all(lines)):
            if values is None:
                told.unread.append(place)
                continue
            if not self._holds(values[:asked]):
                continue
            told.every.append(place)
            key, time = self._key(values[asked:grouped]), _time(values[grouped:])
            if key is None or time is None:
                told.some.append(place)
                continue
            if not low <= time <= high:
                low, high = seen_alike(self._runs, time)
                run, last = self._runs.first_at(time), self._runs.last_with(time)
                # What no run sees is told of by none.
                groups = runs.setdefault(run, {}) if run <= last else {}
            if key:
                cells = groups.setdefault(key, {})
                cell = cells.get(last)
                if cell is None:
                    cells[last] = Cell(place, time)
                else:
                    cell.add(place, time)
        for run, groups in runs.items():
            told.some += self._told(run, groups)
        told.some = sorted(set(told.some))
        return told

    def forget(self) -> None:
        """Forgets the lines before."""
        self._first.clear()
        self._seen.clear()

    def _holds(self, values: Values) -> bool:
        """Whether the rule sees an event with these values, and its filter holds."""
        known = self._known.get(values)
        if known is None:
            known = self._worked_out(values)
            # 1, 1.0 and true are one key of a Python dict, but three values of an event.
            if all(map(_is_plain, values)):
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[values] = known
        return known

    def _worked_out(self, values: Values) -> bool:
        many = len(ORIGIN_FIELDS)
        document = {
            field: _listed(value)
            for field, value in zip(self._asked, values[many:], strict=True)
            if value is not None
        }
        origin = origin_of(dict(zip(ORIGIN_FIELDS, map(_listed, values[:many]), strict=True)))
        return sees(self._index, origin) and reference.holds(self._condition, document)

    def _told(self, run: int, groups: dict[str, dict[int, Cell]]) -> Iterator[int]:
        """The places that are told of the groups of one run."""
        if len(self._seen) + len(self._first) > _MOST_SEEN:
            self.forget()
        first = sorted({*self._first.get(run, ()), *groups})[: self._most]
        self._first[run] = first
        for key, cells in groups.items():
            if key in first:
                for cell in cells.values():
                    yield from cell.places
                continue
            for last, cell in cells.items():
                low, high = self._seen.get((run, last, key), (cell.high + 1, cell.low - 1))
                if low > high:
                    yield from cell.ends if self._ends else cell.ends[:1]
                elif self._ends:
                    yield from cell.ends[:1] if cell.low < low else ()
                    yield from cell.ends[1:] if cell.high > high else ()
                if low > high or self._ends:
                    self._seen[run, last, key] = min(low, cell.low), max(high, cell.high)

    def _key(self, values: Values) -> str | None:
        """The group that some values make; empty: none; None: several, or it is not known."""
        known = self._keys.get(values)
        if known is not None:
            return known
        terms = []
        for value in values:
            if value is None:
                return ""
            if not isinstance(value, (str, int, float, bool)):
                return None
            terms.append(text_of(value))
        key = key_of(tuple(terms))
        if all(type(value) is str for value in values) and len(key) <= _LONGEST:
            if len(self._keys) >= _MOST_KNOWN:
                self._keys.clear()
            self._keys[values] = key
        return key


def _is_plain(value: object) -> bool:
    """Whether it has texts alone, none of them long."""
    if type(value) is str:
        return len(value) <= _LONGEST
    if isinstance(value, tuple):
        return len(value) <= _LONGEST and all(type(v) is str and len(v) <= _LONGEST for v in value)
    return value is None


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _time(values: Values) -> int | None:
    """The first time that some fields say."""
    for value in values:
        if value is not None:
            time = first_time(value if isinstance(value, tuple) else (value,))
            if time is not None:
                return time
    return None
