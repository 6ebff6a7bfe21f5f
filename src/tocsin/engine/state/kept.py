"""Events that open state refers to, kept compressed until no state needs them.

A state of a million keys cannot hold a million documents. Events are put away in blocks of many,
compressed together, and a state holds references; a block is dropped with its last reference.

>>> from tocsin.events.event import Event
>>> kept = Kept()
>>> reference = kept.put(Event("e1", 0, {"a": 1}, "file", "line 1"))
>>> kept.get(reference).document
{'a': 1}
>>> kept.release(reference); len(kept)
0
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import zstandard

from tocsin.events.event import Event

BLOCK = 256
"""How many events are compressed together."""

_OPENED = 4

Reference = tuple[int, int]
"""A block's number and a place in it."""


class Kept:
    """Events by reference.

    Args:
        saved: what `changes` gave before: blocks by their number.
    """

    def __init__(self, saved: Mapping[str, bytes] | None = None) -> None:
        self._sealed: dict[int, bytes] = {int(k): v for k, v in (saved or {}).items()}
        self._held: dict[int, int] = dict.fromkeys(self._sealed, 0)
        self._number = max(self._sealed, default=-1) + 1
        self._filling: list[Event] = []
        self._opened: dict[int, list[Event]] = {}
        self._changed: set[int] = set()

    def put(self, event: Event) -> Reference:
        """Puts an event away; the reference counts as held once."""
        if self._filling and self._filling[-1] is event:
            reference = (self._number, len(self._filling) - 1)
        else:
            self._filling.append(event)
            reference = (self._number, len(self._filling) - 1)
        self.hold(reference)
        if len(self._filling) >= BLOCK:
            self._seal()
        return reference

    def hold(self, reference: Reference) -> None:
        """Counts one more holder."""
        self._held[reference[0]] = self._held.get(reference[0], 0) + 1

    def release(self, reference: Reference) -> None:
        """Counts one holder less; a block that nobody holds is dropped."""
        number = reference[0]
        self._held[number] -= 1
        if self._held[number] == 0 and number != self._number:
            self._drop(number)

    def get(self, reference: Reference) -> Event:
        """The event."""
        number, place = reference
        if number == self._number:
            return self._filling[place]
        block = self._opened.get(number)
        if block is None:
            while len(self._opened) >= _OPENED:
                self._opened.pop(next(iter(self._opened)))
            data = zstandard.ZstdDecompressor().decompress(self._sealed[number])
            block = self._opened[number] = msgspec.json.decode(data, type=list[Event])
        return block[place]

    def together(self, references: Sequence[Reference]) -> Iterator[Event]:
        """The events of some references, in their order, with each block opened once.

        For who wants many in another order than they were put in. All of them are held as JSON
        until the last one was given, and may be released meanwhile.
        """
        wanted: dict[int, set[int]] = {}
        for number, place in references:
            wanted.setdefault(number, set()).add(place)
        found: dict[Reference, bytes | Event] = {}
        for number, places in wanted.items():
            if number == self._number:
                found |= {(number, place): self._filling[place] for place in places}
                continue
            data = zstandard.ZstdDecompressor().decompress(self._sealed[number])
            block = msgspec.json.decode(data, type=list[msgspec.Raw])
            # A copy: what is raw holds on to its whole block.
            found |= {(number, place): bytes(block[place]) for place in places}
        return (
            one if isinstance(one, Event) else msgspec.json.decode(one, type=Event)
            for one in map(found.__getitem__, references)
        )  # fmt: skip

    def changes(self) -> dict[str, bytes | None]:
        """The blocks that are new or gone since the last call, by number."""
        if self._filling:
            self._seal()
        changed = {str(number): self._sealed.get(number) for number in self._changed}
        self._changed.clear()
        return changed

    def forget_unheld(self) -> None:
        """Drops blocks that were read from a store and that no state has claimed."""
        for number in [n for n, holders in self._held.items() if holders == 0]:
            if number != self._number:
                self._drop(number)

    def __len__(self) -> int:
        """How many blocks are held."""
        return len(self._sealed) + (self._held.get(self._number, 0) > 0)

    def _seal(self) -> None:
        number, self._number = self._number, self._number + 1
        filled, self._filling = self._filling, []
        if self._held.get(number, 0) == 0:
            self._held.pop(number, None)
            return
        # As JSON: an event may hold whole numbers that MessagePack, with its 64 bits, cannot.
        self._sealed[number] = zstandard.ZstdCompressor().compress(msgspec.json.encode(filled))
        self._changed.add(number)

    def _drop(self, number: int) -> None:
        self._held.pop(number, None)
        self._opened.pop(number, None)
        if self._sealed.pop(number, None) is not None:
            self._changed.add(number)
