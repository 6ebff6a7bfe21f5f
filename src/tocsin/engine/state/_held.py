"""Events that operators hold until they are asked: as JSON, then compressed.

What an operator takes note of is needed again only where a rule fires; so it has to be cheap to
hold and may cost something to look at. Many rules hold the same event at the same time: they share
one `Held`. It is JSON, as long as there is not much of that; what has been held for longest is
compressed: each event by itself, so that one that is held for long holds on to no other, with a
dictionary that is learned from what is there (a third of the size that it would have alone).

>>> from tocsin.events.event import Event
>>> held = hold(Event("e1", 0, {"a": 1}, "file", "line 1"))
>>> held.get().document
{'a': 1}
>>> held.json()[:14]
b'{"id":"e1","ti'
"""

from __future__ import annotations

import itertools
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any

import msgspec
import zstandard

from tocsin.events.event import Event

PLAIN = 32 << 20
"""So many bytes are held as JSON."""

LEVEL = 3

_FRAME = b"\x28\xb5\x2f\xfd"
_DICTIONARY = 112 << 10
_SAMPLES = 800
_SAMPLED = 4 << 20
_FEWEST_SAMPLES = 64
_MOST_DICTIONARIES = 16
_LOOKED_AT = 4_096
_WORSE = 1.5
"""A new dictionary is learned where what is compressed takes so many times more than it did."""


class Held(msgspec.Struct, gc=False, eq=False):
    """An event that somebody holds; as soon as nobody does, it is gone.

    Attributes:
        data: its JSON, which may be compressed.
    """

    data: bytes

    def get(self) -> Event:
        """The event."""
        return decoded(_plain(self.data))

    def json(self) -> bytes:
        """The event as JSON."""
        return _plain(self.data)


def hold(event: Event) -> Held:
    """Holds an event; the same one for everybody who holds it now."""
    return _SHELF.put(event)


def hold_json(data: bytes) -> Held:
    """Holds an event that is there as JSON."""
    return _SHELF.put_json(data)


def encoded(event: Event) -> bytes:
    """An event as JSON: it may hold whole numbers that MessagePack, with its 64 bits, cannot."""
    return msgspec.json.encode(event)


def decoded(data: bytes) -> Event:
    """The event of some JSON."""
    return msgspec.json.decode(data, type=Event)


def packed(parts: Iterable[bytes]) -> bytes:
    """Pieces of JSON as one compressed array; see `unpacked`."""
    text = b"[" + b",".join(parts) + b"]"
    return _fitted(zstandard.ZstdCompressor(level=LEVEL).compress(text))


def unpacked(data: bytes) -> list[bytes]:
    """The pieces that were `packed`.

    Raises:
        ValueError: it is nothing that was packed.
    """
    try:
        text = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(f"it is damaged: {error}") from error
    # A copy: what is raw holds on to the whole.
    return [bytes(part) for part in msgspec.json.decode(text, type=list[msgspec.Raw])]


class Shelf:
    """What is held by whoever holds it, from the oldest to the latest."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: tuple[Event | None, Held] = (None, Held(b""))
        self._plain: deque[Held] = deque()
        self._size = 0
        self._press = Press()

    def put(self, event: Event) -> Held:
        """Holds an event."""
        last, held = self._last
        if last is not event:
            held = self.put_json(encoded(event))
            self._last = event, held
        return held

    def put_json(self, data: bytes) -> Held:
        """Holds an event that is there as JSON."""
        held = Held(data)
        with self._lock:
            self._plain.append(held)
            self._size += len(data)
            if self._size > PLAIN:
                self._squeeze()
        return held

    def _squeeze(self) -> None:
        """Compresses what has been JSON for longest; what nobody holds any more is dropped."""
        if not self._press.has_learned or self._press.is_worse:
            self._press.learn([held.data for held in self._plain])
        while self._size > PLAIN:
            held = self._plain.popleft()
            self._size -= len(held.data)
            if sys.getrefcount(held) > _ALONE:
                held.data = self._press.compress(held.data)


def _count_of_one() -> int:
    """What `sys.getrefcount` says where nobody else has it; Python 3.14 counts the argument not."""
    plain = deque([Held(b"")])
    held = plain.popleft()
    return sys.getrefcount(held)


_ALONE = _count_of_one()


class Press:
    """Compresses pieces of JSON, each by itself, by what was learned from others like them."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._dictionaries = 0
        self._before = self._after = self._seen = 0
        self._usual = 0.0
        self.has_learned = False
        self.is_worse = False

    def compress(self, text: bytes) -> bytes:
        """The text, compressed; `_plain` is the way back."""
        data = _fitted(self._compressor.compress(text))
        self._before += len(text)
        self._after += len(data)
        self._seen += 1
        if self._seen >= _LOOKED_AT:
            share = self._after / self._before
            self._usual = self._usual or share
            self.is_worse = share > _WORSE * self._usual
            self._before = self._after = self._seen = 0
        return data

    def learn(self, pieces: Sequence[bytes]) -> None:
        """Learns from some pieces what they have in common; of a few there is nothing to learn."""
        if len(pieces) < _FEWEST_SAMPLES:
            return
        self.has_learned, self.is_worse, self._usual = True, False, 0.0
        if self._dictionaries >= _MOST_DICTIONARIES:
            return
        texts: list[Any] = list(pieces[:: max(1, len(pieces) // _SAMPLES)])
        sizes = itertools.accumulate(map(len, texts))
        texts = [text for text, size in zip(texts, sizes, strict=True) if size <= _SAMPLED]
        try:
            learned = zstandard.train_dictionary(_DICTIONARY, texts)
        except zstandard.ZstdError:
            return  # they have nothing in common
        self._dictionaries += 1
        learned.precompute_compress(level=LEVEL)
        _READERS[learned.dict_id()] = zstandard.ZstdDecompressor(dict_data=learned)
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=learned)


_READERS: dict[int, zstandard.ZstdDecompressor] = {0: zstandard.ZstdDecompressor()}
"""By the number of a dictionary, who reads what was compressed with it."""

_SHELF = Shelf()


def _fitted(data: bytes) -> bytes:
    """The same in memory of its own: what was made in a larger piece leaves a gap behind it."""
    return memoryview(data).tobytes()


def _plain(data: bytes) -> bytes:
    if not data.startswith(_FRAME):
        return data
    return _READERS[zstandard.get_frame_parameters(data).dict_id].decompress(data)
