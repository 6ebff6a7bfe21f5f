"""The groups of a threshold, and which of them a run tells of; see `threshold`."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

from tocsin.engine.state._threshold_cell import Cell, CellKept, cell_of
from tocsin.logic.runs import Runs

_BUSY = 2


class Group(msgspec.Struct, gc=False, eq=False):
    """What is remembered of one group.

    Attributes:
        cells: its events that have not alerted, in order of time.
        alerted: for each firing whose last event some open run sees: the time of that event.
        busy: the cells that were made last, where there are several, as they are likely to change.
    """

    cells: list[Cell]
    alerted: tuple[int, ...] = ()
    busy: tuple[Cell, ...] = ()

    def begin(self, cell: Cell) -> None:
        """Takes note of a cell that was made, and is likely to change; others no more."""
        if len(self.busy) == _BUSY:
            self.busy[0].close()
            self.busy = self.busy[1:]
        self.busy += (cell,)


class GroupKept(msgspec.Struct, array_like=True):
    """A group as it is kept."""

    cells: list[CellKept]
    alerted: tuple[int, ...] = ()


class FirstGroups:
    """Which groups a run tells of, where it tells only of the first few.

    Args:
        most: how many.
        groups: those that are known already.
    """

    def __init__(self, most: int, groups: dict[str, Group]) -> None:
        self._most = most
        self._groups = groups
        self._keys: dict[int, list[str]] = {}
        for key, group in groups.items():
            for cell in group.cells:
                if cell.is_told:
                    self.admit(key, cell)

    def admit(self, key: str, cell: Cell) -> None:
        """Says of a new cell whether it is told, which may end that for another group."""
        keys = self._keys.setdefault(cell.first, [])
        place = bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            return
        if place >= self._most:
            cell.only_count()
            return
        keys.insert(place, key)
        if len(keys) > self._most:
            for other in self._groups[keys.pop()].cells:
                if other.first == cell.first:
                    other.only_count()

    def forget(self, until: int | None) -> None:
        """Drops the runs that have been made."""
        self._keys = {
            run: keys for run, keys in self._keys.items() if until is not None and run > until
        }


def seen_alike(runs: Runs, time: int) -> tuple[int, int]:
    """The earliest and the latest time around this one that just the same runs see.

    >>> seen_alike(Runs(interval=10, lookback=14), 12)
    (11, 15)
    """
    last = runs.last_with(time) - runs.lookback
    first = runs.first_at(time)
    return max(first - runs.interval + 1, last), min(first, last + runs.interval - 1)


def kept_of(group: Group) -> bytes:
    """What is kept of a group."""
    return msgspec.msgpack.encode(
        GroupKept([cell.kept() for cell in group.cells], group.alerted)
    )  # fmt: skip


def group_of(value: bytes) -> Group:
    """The group that was kept.

    Raises:
        msgspec.DecodeError: it is damaged.
        ValueError: its events are.
    """
    kept = msgspec.msgpack.decode(value, type=GroupKept)
    return Group([cell_of(cell) for cell in kept.cells], kept.alerted)
