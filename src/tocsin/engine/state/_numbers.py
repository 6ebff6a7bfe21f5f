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
_TIMES = 3
"""A run is so many times longer than the next one, at least."""


def number_of(text: str) -> bytes:
    """The number of a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=WIDTH).digest()


@lru_cache(maxsize=4_096)
def usual_number_of(text: str) -> bytes:
    """The same, of a text that is likely to come again soon."""
    return number_of(text)


class Numbers:
    """A set of numbers.

    They are kept in runs that are sorted, each some times longer than the next; what is added waits
    until there is a little run of it. So adding one and asking for one take little, however many
    there are, and in whatever order they come.

    Args:
        data: the bytes of a set of numbers.

    Raises:
        ValueError: they are none.
    """

    __slots__ = ("_new", "_runs")

    def __init__(self, data: bytes = b"") -> None:
        if len(data) % WIDTH:
            raise ValueError("a set of numbers was cut")
        self._runs: list[npt.NDArray[np.uint64]] = []
        self._new = bytearray(data)
        if len(data) >= _FEW:
            self._sort_in()

    def add(self, number: bytes) -> None:
        """Adds a number."""
        self._new += number
        if len(self._new) >= _FEW:
            self._sort_in()

    def __contains__(self, number: bytes) -> bool:
        value = int.from_bytes(number, sys.byteorder)
        for run in self._runs:
            found = run.data
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
        """All of them in one run."""
        if self._new or len(self._runs) != 1:
            self._sort_in(all_of_them=True)
        return self._runs[0]

    def _sort_in(self, *, all_of_them: bool = False) -> None:
        run = np.unique(np.frombuffer(bytes(self._new), np.uint64))
        self._new = bytearray()
        runs = self._runs
        while runs and (all_of_them or len(runs[-1]) < _TIMES * len(run)):
            run = np.unique(np.concatenate([runs.pop(), run]))
        runs.append(run)


def how_many(sets: Iterable[Numbers]) -> int:
    """How many numbers there are in all of the sets together."""
    found = [bytes(numbers) for numbers in sets]
    return len(found[0]) // WIDTH if len(found) == 1 else len(Numbers(b"".join(found)))
