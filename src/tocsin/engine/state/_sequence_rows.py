"""What a sequence has heard and has not looked at yet: one row for each event and join key.

Most of it nobody ever needs, so a row is small: its columns are a few numbers, among them one for
the key and one for the event's id (`_numbers`), and the event itself is held (`_held`) only if it
may be a step. A row waits until its time is complete, and is then *taken*: the turn in which that
happens is noted, for what comes later follows what was taken before, whatever its time.
"""

from __future__ import annotations

from array import array

import msgspec
import numpy as np
import numpy.typing as npt

from tocsin.engine.state._held import Held, hold_json, packed, unpacked
from tocsin.engine.state._numbers import WIDTH
from tocsin.engine.state._sequence_machine import Entry

Places = npt.NDArray[np.intp]
"""Where rows stand among the rows."""

Keys = npt.NDArray[np.uint64]

Tie = tuple[int, int | float | str]

CHUNK = 256
"""How many rows are kept together."""

MANY = 50_000
"""With more rows than this that wait, those of events that came again are dropped at once."""

_GONE = -1
_NOT_TAKEN = 0
_NOT_KEPT = -1
_NO_TIE: Tie = (1, 0)


class ChunkKept(msgspec.Struct, array_like=True):
    """Some rows as they are kept: their columns, and the events packed."""

    time: list[int]
    order: list[int]
    tie: list[Tie]
    key: bytes
    ident: bytes
    roles: list[tuple[int, ...]]
    turn: list[int]
    events: bytes


class Rows:
    """The rows of one rule."""

    def __init__(self) -> None:
        self._time = array("q")
        self._order = array("q")
        self._key = bytearray()
        self._ident = bytearray()
        self._roles = array("i")
        self._turn = array("i")
        self._chunk = array("i")
        self._tie: list[Tie] = []
        self._has_ties = False
        self._held: list[Held | None] = []
        self._numbers: dict[tuple[int, ...], int] = {}
        self._gone = self._untaken = 0
        self._many = MANY
        self._last_turn = 0
        self._oldest: int | None = None
        self._chunks: dict[int, list[int]] = {}  # by number: how many rows live, and were written
        self._next_chunk = 0
        self._dirty: set[int] = set()
        self._unkept = 0
        self.sets: list[tuple[int, ...]] = []

    def add(
        self, time: int, order: int, tie: Tie, key: bytes, ident: bytes, roles: tuple[int, ...],
        held: Held | None,
    ) -> None:  # fmt: skip
        """Adds a row."""
        self._append(time, order, tie, key, ident, roles, held)
        if self._untaken > self._many:
            self._drop_repeats()

    def _append(
        self, time: int, order: int, tie: Tie, key: bytes, ident: bytes, roles: tuple[int, ...],
        held: Held | None,
    ) -> None:  # fmt: skip
        number = self._numbers.get(roles)
        if number is None:
            number = self._numbers[roles] = len(self.sets)
            self.sets.append(roles)
        self._time.append(time)
        self._order.append(order)
        self._key += key
        self._ident += ident
        self._roles.append(number)
        self._turn.append(_NOT_TAKEN)
        self._chunk.append(_NOT_KEPT)
        self._held.append(held)
        self._untaken += 1
        self._unkept += 1
        if tie != _NO_TIE and not self._has_ties:
            self._has_ties = True
            self._tie = [_NO_TIE] * (len(self._held) - 1)
        if self._has_ties:
            self._tie.append(tie)

    def __len__(self) -> int:
        return len(self._held) - self._gone

    @property
    def ends(self) -> list[int]:
        """The earliest and the latest time of a row; nothing where there is none."""
        times = self._times()
        return [int(times.min()), int(times.max())] if len(times) else []

    def take(self, until: int | None) -> Places:
        """The rows that are taken now: up to a time, each event once for each key."""
        if not self._untaken:
            return np.empty(0, np.intp)
        turn = self._turns()
        ready = turn == _NOT_TAKEN
        if until is not None:
            ready &= self._times() <= until
        found: Places = np.flatnonzero(ready)
        if not len(found):
            return found
        self._last_turn += 1
        turn[found] = self._last_turn
        self._untaken -= len(found)
        self._dirty.update(np.unique(self._chunks_of(found)).tolist())
        times = self._times()[found]
        oldest = int(times.min())
        self._oldest = oldest if self._oldest is None else min(self._oldest, oldest)
        again = self._repeats(found)
        self.drop(again)
        return np.setdiff1d(found, again, assume_unique=True) if len(again) else found

    def _repeats(self, places: Places) -> Places:
        """The rows of events that came before with the same key, among some rows."""
        places = self._by_ordinal(places)
        key, ident, times = self.keys(places), self._idents()[places], self._times()[places]
        order = np.lexsort((ident, times, key))
        same = np.ones(len(places), bool)
        same[:1] = False
        for column in (key, ident, times):
            values = column[order]
            same[1:] &= values[1:] == values[:-1]
        return places[order[same]]

    def _drop_repeats(self) -> None:
        again = self._repeats(np.flatnonzero(self._turns() == _NOT_TAKEN))
        self._untaken -= len(again)
        self.drop(again)
        self.settle()
        self._many = max(MANY, 2 * self._untaken)

    def of_keys(self, keys: Keys) -> Places:
        """The rows of some keys that have been taken: key by key, in the order of their turns."""
        places: Places = np.flatnonzero(self._turns() > _NOT_TAKEN)
        places = self._by_ordinal(places[np.isin(self.keys(places), keys)])
        turn = self._turns()[places]
        return places[np.lexsort((turn, self.keys(places)))]

    def keys(self, places: Places) -> Keys:
        """The keys of some rows."""
        return np.frombuffer(self._key, np.uint64)[places]

    def all_keys(self) -> Keys:
        """The keys that have rows."""
        return np.unique(self.keys(np.flatnonzero(self._turns() != _GONE)))

    def roles(self, places: Places) -> Places:
        """The number in `sets` of what some rows play."""
        return np.frombuffer(self._roles, np.int32)[places].astype(np.intp)

    def entry(self, place: int) -> Entry:
        """A row as the machine takes it."""
        tie = self._tie[place] if self._has_ties else _NO_TIE
        ident = bytes(self._ident[place * WIDTH : (place + 1) * WIDTH])
        return Entry(self._time[place], *tie, self._order[place], (ident, self._held[place]))

    def drop(self, places: Places, *, quietly: bool = False) -> None:
        """Gives rows up.

        Args:
            places: which.
            quietly: it would do no harm if they were there again, in what is kept.
        """
        if not len(places):
            return
        self._turns()[places] = _GONE
        for place in places.tolist():
            self._held[place] = None
        self._gone += len(places)
        numbers, counts = np.unique(self._chunks_of(places), return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            if number == _NOT_KEPT:
                self._unkept -= count
                continue
            sizes = self._chunks[number]
            sizes[0] -= count
            if not quietly or sizes[0] * 2 <= sizes[1]:
                self._dirty.add(number)

    def expire(self, before: int) -> None:
        """Gives up rows that were taken and are older than a time."""
        if self._oldest is None or self._oldest >= before:
            return
        taken = self._turns() > _NOT_TAKEN
        old = taken & (self._times() < before)
        self.drop(np.flatnonzero(old), quietly=True)
        rest = self._times()[taken & ~old]
        self._oldest = int(rest.min()) if len(rest) else None

    def settle(self) -> None:
        """Closes the gaps that rows left, where there are many."""
        if self._gone < CHUNK or self._gone < len(self):
            return
        there = self._turns() != _GONE
        places = np.flatnonzero(there)
        self._key = bytearray(self.keys(places).tobytes())
        self._ident = bytearray(self._idents()[places].tobytes())
        for name in ("_time", "_order"):
            values = np.frombuffer(getattr(self, name), np.int64)[places]
            setattr(self, name, array("q", values.tobytes()))
        for name in ("_roles", "_turn", "_chunk"):
            small = np.frombuffer(getattr(self, name), np.int32)[places]
            setattr(self, name, array("i", small.tobytes()))
        remaining = places.tolist()
        self._held = [self._held[place] for place in remaining]
        if self._has_ties:
            self._tie = [self._tie[place] for place in remaining]
        self._gone = 0

    def changes(self) -> dict[str, bytes | None]:
        """The chunks that changed since the last call, by number; None for one that is gone."""
        changed: dict[str, bytes | None] = {}
        self._dirty.discard(_NOT_KEPT)
        there = self._turns() != _GONE
        if self._dirty:
            chunks = np.frombuffer(self._chunk, np.int32)
            within = np.flatnonzero(there & np.isin(chunks, list(self._dirty)))
            of = {number: within[chunks[within] == number] for number in self._dirty}
            for number, places in of.items():
                changed[str(number)] = self._encoded(number, places)
            self._dirty.clear()
        if self._unkept:
            new = np.flatnonzero(there & (np.frombuffer(self._chunk, np.int32) == _NOT_KEPT))
            for start in range(0, len(new), CHUNK):
                number, self._next_chunk = self._next_chunk, self._next_chunk + 1
                changed[str(number)] = self._encoded(number, new[start : start + CHUNK])
            self._unkept = 0
        return changed

    def restore(self, number: int, data: bytes) -> None:
        """Adds the rows of a chunk that was kept.

        Raises:
            msgspec.DecodeError: it is damaged.
            ValueError: its events are.
        """
        kept, begin = msgspec.json.decode(data, type=ChunkKept), len(self._held)
        events = unpacked(kept.events)
        if {len(kept.order), len(kept.tie), len(kept.roles), len(kept.turn), len(events),
                len(kept.key) // WIDTH, len(kept.ident) // WIDTH} != {len(kept.time)}:  # fmt: skip
            raise ValueError("its rows are not complete")
        for place, time in enumerate(kept.time):
            part = slice(place * WIDTH, (place + 1) * WIDTH)
            held = None if events[place] == b"null" else hold_json(events[place])
            self._append(
                time, kept.order[place], kept.tie[place], kept.key[part], kept.ident[part],
                kept.roles[place], held,
            )  # fmt: skip
        self._turn[begin:] = array("i", kept.turn)
        self._chunk[begin:] = array("i", [number] * len(kept.time))
        self._unkept -= len(kept.time)
        taken = [time for time, turn in zip(kept.time, kept.turn, strict=True) if turn]
        self._untaken -= len(taken)
        self._last_turn = max((self._last_turn, *kept.turn))
        if taken:
            self._oldest = min(*taken, *([] if self._oldest is None else [self._oldest]), taken[0])
        self._chunks[number] = [len(kept.time)] * 2
        self._next_chunk = max(self._next_chunk, number + 1)

    def _encoded(self, number: int, places: Places) -> bytes | None:
        if not len(places):
            self._chunks.pop(number, None)
            return None
        np.frombuffer(self._chunk, np.int32)[places] = number
        self._chunks[number] = [len(places)] * 2
        held = [self._held[place] for place in places.tolist()]
        kept = ChunkKept(
            self._times()[places].tolist(),
            np.frombuffer(self._order, np.int64)[places].tolist(),
            [self._tie[place] if self._has_ties else _NO_TIE for place in places.tolist()],
            self.keys(places).tobytes(),
            self._idents()[places].tobytes(),
            [self.sets[n] for n in self.roles(places).tolist()],
            self._turns()[places].tolist(),
            packed(b"null" if one is None else one.json() for one in held),
        )
        return msgspec.json.encode(kept)

    def _by_ordinal(self, places: Places) -> Places:
        if not self._has_ties:
            order = np.frombuffer(self._order, np.int64)[places]
            return places[np.lexsort((order, self._times()[places]))]
        ranked = sorted(
            places.tolist(), key=lambda n: (self._time[n], *self._tie[n], self._order[n])
        )
        return np.array(ranked, np.intp)

    def _times(self) -> npt.NDArray[np.int64]:
        return np.frombuffer(self._time, np.int64)

    def _idents(self) -> Keys:
        return np.frombuffer(self._ident, np.uint64)

    def _turns(self) -> npt.NDArray[np.int32]:
        return np.frombuffer(self._turn, np.int32)

    def _chunks_of(self, places: Places) -> npt.NDArray[np.int32]:
        return np.frombuffer(self._chunk, np.int32)[places]
