"""How the hits in a window are counted as it moves.

A window takes hits at its end and lets go of them at its beginning, both in order of time, and
knows at any moment what a condition asks of: their number, how many values there are, a sum.

Numbers are exact (no sum depends on the order of what was added); a percentile lies between two
values in proportion to their ranks, so that the median of two numbers is their mean.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Final, Protocol

from tocsin.engine.state._correlation_hits import Hit, Number
from tocsin.logic.field_types import number_of
from tocsin.logic.query import Correlation


class Window(Protocol):
    """Hits that are counted."""

    def push(self, hit: Hit) -> None:
        """Takes a hit that is no earlier than those it has."""

    def pop(self, hit: Hit) -> None:
        """Lets go of its earliest hit."""

    @property
    def value(self) -> Number:
        """What the condition is about; asked of windows that have a hit."""


class _Events:
    def __init__(self) -> None:
        self.value: Number = 0

    def push(self, hit: Hit) -> None:
        self.value += 1

    def pop(self, hit: Hit) -> None:
        self.value -= 1


class _Distinct:
    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def push(self, hit: Hit) -> None:
        self._times.update(hit.values)

    def pop(self, hit: Hit) -> None:
        self._times.subtract(hit.values)
        for value in hit.values:
            if not self._times[value]:
                del self._times[value]

    @property
    def value(self) -> Number:
        return len(self._times)


class _Sum:
    def __init__(self, *, mean: bool) -> None:
        self._mean = mean
        self._whole, self._parts, self._count = 0, Fraction(0), 0

    def push(self, hit: Hit) -> None:
        self._add(hit, 1)

    def pop(self, hit: Hit) -> None:
        self._add(hit, -1)

    def _add(self, hit: Hit, sign: int) -> None:
        for number in numbers_of(hit.values):
            self._count += sign
            if isinstance(number, int):
                self._whole += sign * number
            else:
                self._parts += sign * Fraction(number)

    @property
    def value(self) -> Number:
        total = self._whole + self._parts
        return total / max(self._count, 1) if self._mean else total


class _Ranked:
    def __init__(self, percentile: float | None) -> None:
        self._share = share_of(percentile)
        self._sorted: list[int | float] = []

    def push(self, hit: Hit) -> None:
        for number in numbers_of(hit.values):
            insort(self._sorted, number)

    def pop(self, hit: Hit) -> None:
        for number in numbers_of(hit.values):
            del self._sorted[bisect_left(self._sorted, number)]

    @property
    def value(self) -> Number:
        rank = self._share * (len(self._sorted) - 1)
        below = math.floor(rank)
        low = Fraction(self._sorted[below])
        high = Fraction(self._sorted[min(below + 1, len(self._sorted) - 1)])
        return low + (rank - below) * (high - low)


class Matched:
    """Which rules matched; ``value`` is how many different ones."""

    def __init__(self) -> None:
        self.times: Counter[int] = Counter()

    def push(self, hit: Hit) -> None:
        self.times.update(hit.terms)

    def pop(self, hit: Hit) -> None:
        self.times.subtract(hit.terms)
        for term in hit.terms:
            if not self.times[term]:
                del self.times[term]

    @property
    def value(self) -> Number:
        return len(self.times)


class InOrder(Matched):
    """Which rules matched when; ``value`` is how many of them did so in the order of the rules.

    Hits of the same time are in order either way, and so is an event that several rules match.
    """

    def __init__(self) -> None:
        super().__init__()
        self._at: dict[int, list[int]] = {}
        self._gone: Counter[int] = Counter()

    def push(self, hit: Hit) -> None:
        super().push(hit)
        for term in hit.terms:
            self._at.setdefault(term, []).append(hit.time)

    def pop(self, hit: Hit) -> None:
        super().pop(hit)
        for term in hit.terms:
            self._gone[term] += 1
            if 2 * self._gone[term] > len(self._at[term]):
                del self._at[term][: self._gone[term]]
                self._gone[term] = 0

    def _next(self, term: int, since: int) -> int | None:
        """When a rule matched first from a time on."""
        times = self._at.get(term, ())
        place = bisect_left(times, since, lo=self._gone[term])
        return times[place] if place < len(times) else None

    def reaches(self, terms: Iterable[int]) -> bool:
        """Whether these rules have all matched, one after another."""
        since = _LONG_AGO
        for term in terms:
            time = self._next(term, since)
            if time is None:
                return False
            since = time
        return True

    @property
    def value(self) -> Number:
        ends = [_LONG_AGO]  # the earliest end of a chain of so many rules
        for term in sorted(self.times):
            nexts = [self._next(term, end) for end in ends]
            for length, time in reversed(list(enumerate(nexts, 1))):
                if time is None:
                    continue
                if length == len(ends):
                    ends.append(time)
                else:
                    ends[length] = min(ends[length], time)
        return len(ends) - 1


_LONG_AGO: Final = -(2**63)


def window_of(query: Correlation) -> Window:
    """A window without hits, for what a correlation asks."""
    match query.kind:
        case "event_count":
            return _Events()
        case "value_count":
            return _Distinct()
        case "value_sum" | "value_avg":
            return _Sum(mean=query.kind == "value_avg")
        case "value_median":
            return _Ranked(50)
        case "value_percentile":
            return _Ranked(query.percentile)
        case "temporal":
            return Matched()
        case "temporal_ordered":
            return InOrder()


def numbers_of(values: Iterable[str]) -> list[int | float]:
    """The numbers among texts."""
    return [number for number in map(number_of, values) if number is not None]


def share_of(percentile: float | None) -> Fraction:
    """A percentile as a share, exactly as it was written; none is the median."""
    if percentile is None or not math.isfinite(percentile):
        return Fraction(1, 2)
    return min(max(Fraction(str(percentile)), Fraction(0)), Fraction(100)) / 100


def as_json(value: Number) -> int | float:
    """A number as an alert shows it: whole where it is, the nearest there is where it is huge."""
    if -_EXACT < value < _EXACT and value == int(value):
        return int(value)
    try:
        return float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else -sys.float_info.max


_EXACT: Final = 2**53
