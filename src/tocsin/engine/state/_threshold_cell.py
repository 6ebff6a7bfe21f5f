"""A cell of a threshold: the events of one group that the same runs see; see `threshold`.

An event is known by its time and id. Of a large cell there are only the numbers of these (see
`_numbers`), and the few oldest events themselves: those wait one by one as long as the cell changes
and packed together when it does not any more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from tocsin.engine.state._held import Held, hold, hold_json, packed, unpacked
from tocsin.engine.state._numbers import Numbers, number_of
from tocsin.engine.state._told import Packed, Some, Source
from tocsin.events.event import Event

_WORTH = 8
"""So many events are worth to be packed."""

_OFTEN = 3
"""A cell that had to be opened so often is not packed again."""


class Counted(msgspec.Struct, gc=False, eq=False):
    """An event that a firing may hold."""

    time: int
    id: str
    held: Held

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands among the others."""
        return self.time, self.id


class _Placed(msgspec.Struct):
    """What `Counted` has of an event besides its JSON."""

    id: str
    time: int


class CellKept(msgspec.Struct, array_like=True):
    """A cell as it is kept; see `Cell`."""

    first: int
    last: int
    low: int
    high: int
    worst: tuple[int, str] | None
    size: int
    pack: bytes
    numbers: bytes | None
    distinct: list[bytes]
    is_told: bool = True


class Cell(msgspec.Struct, gc=False, eq=False):
    """Events of one group that the same runs see.

    Attributes:
        first: the first run that sees them.
        last: the last run that does.
        low: the time of the earliest event.
        high: the time of the latest.
        distinct: the values of each field whose cardinality counts.
        oldest: the oldest events, in order.
        pack: these instead, packed.
        size: how many are packed.
        worst: where the last of them stands, if no more can be held.
        numbers: of all events, by time and id; None where all there are can be held.
        opened: how often it was packed and had to be opened.
        is_told: whether its events are held and counted; else it is known that there are some, from
            when until when.
    """

    first: int
    last: int
    low: int
    high: int
    distinct: tuple[Numbers, ...] = ()
    oldest: list[Counted] = []
    pack: bytes = b""
    size: int = 0
    worst: tuple[int, str] | None = None
    numbers: Numbers | None = None
    opened: int = 0
    is_told: bool = True

    @property
    def runs(self) -> tuple[int, int]:
        """The first and the last run that see it."""
        return self.first, self.last

    @property
    def count(self) -> int:
        """How many events it has."""
        return len(self.oldest) if self.numbers is None else len(self.numbers)

    @property
    def source(self) -> Source:
        """Its oldest events."""
        if self.pack:
            return Packed(self.pack, self.size)
        return Some([counted.held for counted in self.oldest])

    def add(self, event: Event, distinct: Iterable[Iterable[bytes]], most: int) -> bool:
        """Counts an event; says whether it may have been new.

        Args:
            event: the event.
            distinct: its values of each field whose cardinality counts.
            most: how many of the oldest events are held.
        """
        place = (event.time, event.id)
        if not self.is_told:
            if not self.numbers:  # that there is one is all that anybody asks
                self.numbers = Numbers(_number(place))
            elif self.low <= event.time <= self.high:
                return False
        elif not (self._is_behind(place, most) or self._is_new_among_oldest(place, event, most)):
            return False
        if event.time < self.low:
            self.low = event.time
        elif event.time > self.high:
            self.high = event.time
        for mine, values in zip(self.distinct, distinct, strict=True):
            for value in values:
                mine.add(value)
        return True

    def _is_behind(self, place: tuple[int, str], most: int) -> bool:
        """Counts an event that is behind the oldest; says whether it is."""
        if self.numbers is None:
            if len(self.oldest) < most or place <= self.oldest[-1].place:
                return False
            self._number_all()
            self.worst = self.oldest[-1].place
        if self.worst is None or place <= self.worst:
            return False
        self.close()
        assert self.numbers is not None  # noqa: S101  (for the types)
        self.numbers.add(_number(place))
        return True

    def _is_new_among_oldest(self, place: tuple[int, str], event: Event, most: int) -> bool:
        """Counts an event that is one of the oldest; says whether it had not been counted."""
        if self.numbers is not None:
            number = _number(place)
            if number in self.numbers:
                return False
            self.numbers.add(number)
            self._open()
        oldest = self.oldest
        if not oldest or oldest[-1].place < place:
            oldest.append(Counted(event.time, event.id, hold(event)))
        else:
            at = bisect_left(oldest, place, key=lambda other: other.place)
            if oldest[at].place == place:
                return False
            oldest.insert(at, Counted(event.time, event.id, hold(event)))
        if len(oldest) > most:
            if self.numbers is None:
                self._number_all()
            oldest.pop()
        if self.numbers is not None:
            self.worst = oldest[-1].place if len(oldest) >= most else None
        return True

    def _number_all(self) -> None:
        self.numbers = Numbers(b"".join(_number(counted.place) for counted in self.oldest))

    def only_count(self) -> None:
        """Gives the events up: nobody will ask for them, or how many there were."""
        if self.numbers is None:
            self._number_all()
        self.oldest, self.pack, self.size, self.is_told = [], b"", 0, False

    def close(self) -> None:
        """Packs the events, since they are not likely to change."""
        if self.pack or len(self.oldest) < _WORTH or self.opened >= _OFTEN:
            return
        if self.numbers is None:
            self._number_all()
        self.pack, self.size = self._packed(), len(self.oldest)
        self.oldest = []

    def _packed(self) -> bytes:
        return self.pack or packed(counted.held.json() for counted in self.oldest)

    def _open(self) -> None:
        if self.pack:
            self.oldest = _opened(self.pack)
            self.pack, self.size = b"", 0
            self.opened += 1

    def kept(self) -> CellKept:
        """What is kept of it."""
        return CellKept(
            self.first, self.last, self.low, self.high, self.worst, self.size or len(self.oldest),
            self._packed(), None if self.numbers is None else bytes(self.numbers),
            [bytes(values) for values in self.distinct], self.is_told,
        )  # fmt: skip


def cell_of(kept: CellKept) -> Cell:
    """The cell that was kept.

    Raises:
        ValueError: its events are damaged.
    """
    cell = Cell(
        kept.first, kept.last, kept.low, kept.high, tuple(map(Numbers, kept.distinct)),
        worst=kept.worst, is_told=kept.is_told,
    )  # fmt: skip
    if kept.numbers is None:
        cell.oldest = _opened(kept.pack)
    else:
        cell.numbers, cell.pack, cell.size = Numbers(kept.numbers), kept.pack, kept.size
    return cell


def _opened(pack: bytes) -> list[Counted]:
    found = []
    for data in unpacked(pack):
        placed = msgspec.json.decode(data, type=_Placed)
        found.append(Counted(placed.time, placed.id, hold_json(data)))
    return found


def _number(place: tuple[int, str]) -> bytes:
    return number_of(f"{place[0]} {place[1]}")
