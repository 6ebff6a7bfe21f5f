"""Sets of texts that are only counted: each is a number of 64 bits, in eight bytes.

Two texts have one number once in 2^64 pairs: of a million events, one is counted too few in one of
some thirty million runs. The numbers are the same in every process, so they can be kept.

>>> numbers = Numbers()
>>> for text in ("a", "b", "a"):
...     numbers.add(number_of(text))
>>> len(numbers), number_of("b") in numbers, number_of("c") in numbers
(2, True, False)
>>> Numbers(bytes(numbers)) == numbers
True
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

WIDTH = 8
"""How many bytes a number takes."""

_FEW = 64 * WIDTH


def number_of(text: str) -> bytes:
    """The number of a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=WIDTH).digest()


@lru_cache(maxsize=4_096)
def usual_number_of(text: str) -> bytes:
    """The same, of a text that is likely to come again soon."""
    return number_of(text)


class Numbers:
    """A set of numbers.

    What is added waits, with what it may double, until it is a good part of all there is: then it
    is sorted in.

    Args:
        data: the bytes of a set of numbers.
    """

    __slots__ = ("_new", "_sorted")

    def __init__(self, data: bytes = b"") -> None:
        self._sorted: npt.NDArray[np.uint64] | None = None
        self._new = bytearray(data)

    def add(self, number: bytes) -> None:
        """Adds a number."""
        new = self._new
        new += number
        if len(new) >= _FEW and (self._sorted is None or len(new) > self._sorted.nbytes // 2):
            self._sort()

    def __contains__(self, number: bytes) -> bool:
        if self._sorted is not None:
            found, value = self._sorted.data, int.from_bytes(number, sys.byteorder)
            place = bisect_left(found, value)
            if place < len(found) and found[place] == value:
                return True
        place = self._new.find(number)
        while place >= 0 and place % WIDTH:
            place = self._new.find(number, place + 1)
        return place >= 0

    def __len__(self) -> int:
        return len(self._settled())

    def __bytes__(self) -> bytes:
        return self._settled().tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and bytes(self) == bytes(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def _settled(self) -> npt.NDArray[np.uint64]:
        if self._new or self._sorted is None:
            return self._sort()
        return self._sorted

    def _sort(self) -> npt.NDArray[np.uint64]:
        new = np.frombuffer(bytes(self._new), np.uint64)
        self._new = bytearray()
        if self._sorted is not None:
            new = np.concatenate([self._sorted, new])
        self._sorted = found = np.unique(new)
        return found


def how_many(sets: Iterable[Numbers]) -> int:
    """How many numbers there are in all of the sets together."""
    found = [bytes(numbers) for numbers in sets]
    return len(found[0]) // WIDTH if len(found) == 1 else len(Numbers(b"".join(found)))
