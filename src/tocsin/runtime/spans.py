"""Stretches of time, in nanoseconds: few of them, whatever comes.

>>> spans = Spans()
>>> spans.add(10, 20); spans.add(15, 30); spans.add(50, 60)
>>> spans.pairs, spans.meets(31, 49), spans.meets(30, 30)
([(10, 30), (50, 60)], False, True)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

MOST = 64
"""Of more stretches the nearest are joined."""

EVER = 1 << 64
"""Later than any time; its negative is earlier."""


class Spans:
    """A set of times; both ends of a stretch belong to it."""

    __slots__ = ("_begins", "_ends")

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []

    def add(self, begin: int, end: int) -> None:
        """Adds a stretch, and what lies between where there are too many."""
        begins, ends = self._begins, self._ends
        low, high = bisect_left(ends, begin), bisect_right(begins, end)
        if low < high:  # it touches these, and becomes one with them
            begin, end = min(begin, begins[low]), max(end, ends[high - 1])
        begins[low:high], ends[low:high] = [begin], [end]
        if len(begins) > MOST:
            gap = min(range(1, len(begins)), key=lambda n: begins[n] - ends[n - 1])
            del begins[gap], ends[gap - 1]

    def meets(self, begin: int, end: int) -> bool:
        """Whether some time of a stretch is in the set."""
        place = bisect_left(self._ends, begin)
        return place < len(self._begins) and self._begins[place] <= end

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The stretches, in order."""
        return list(zip(self._begins, self._ends, strict=True))
