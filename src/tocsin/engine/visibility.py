"""Which rows of a batch a rule's index patterns let it see (`rules.index`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tocsin.engine.answers import Columns
from tocsin.events.batch import Column, Mask
from tocsin.rules.index import FIELDS, Origin, sees

Numbers = npt.NDArray[np.int64]

_MOST = 1 << 62
_TABLE = 1 << 20


class Visibility:
    """The origins of a batch's rows; the patterns are asked once for each.

    Args:
        batch: with columns for `rules.index.FIELDS`.
    """

    def __init__(self, batch: Columns) -> None:
        self._masks: dict[tuple[str, ...], Mask | None] = {}
        columns = [batch.column(field) for field in FIELDS]
        self._origins: list[Origin] = []
        self._numbers: Numbers = np.zeros(batch.size, dtype=np.int64)
        if not any(len(column.rows) for column in columns):
            return
        rows, self._numbers = _distinct([_first(column, batch.size) for column in columns])
        for row in rows.tolist():
            texts = (_text(column, row) for column in columns)
            self._origins.append(Origin(*texts))

    def of(self, patterns: tuple[str, ...]) -> Mask | None:
        """The rows that the patterns see; None: all of them. The same patterns, the same mask."""
        if not self._origins or not patterns:
            return None
        if patterns not in self._masks:
            seen = np.array([sees(patterns, origin) for origin in self._origins])
            self._masks[patterns] = None if seen.all() else seen[self._numbers]
        return self._masks[patterns]


def _first(column: Column, size: int) -> Numbers:
    """By row the code of its first value, from 1; 0 where it has none."""
    codes = np.zeros(size, dtype=np.int64)
    # Of an array the first value counts, as in `origin_of`: it is written last.
    codes[column.rows[::-1]] = column.codes[::-1] + 1
    return codes


def _text(column: Column, row: int) -> str:
    place = int(np.searchsorted(column.rows, row))
    if place == len(column.rows) or column.rows[place] != row:
        return ""
    value = column.distinct[column.codes[place]]
    return value if isinstance(value, str) else ""


def _distinct(columns: Sequence[Numbers]) -> tuple[Numbers, Numbers]:
    """Of each combination of codes one row; and by row the number of its combination."""
    numbers = columns[0]
    bound = int(numbers.max()) + 1
    for column in columns[1:]:
        width = int(column.max()) + 1
        if bound * width >= _MOST:
            known, places = np.unique(numbers, return_inverse=True)
            numbers, bound = places.astype(np.int64), len(known)
        numbers = numbers * width + column
        bound *= width
    if bound <= _TABLE:
        return _by_table(numbers, bound)
    _, rows, places = np.unique(numbers, return_index=True, return_inverse=True)
    return rows.astype(np.int64), places.astype(np.int64)


def _by_table(numbers: Numbers, bound: int) -> tuple[Numbers, Numbers]:
    """The same where the numbers are small: no sorting."""
    some = np.full(bound, -1, dtype=np.int64)
    some[numbers] = np.arange(len(numbers))
    present = np.flatnonzero(some >= 0)
    places = np.zeros(bound, dtype=np.int64)
    places[present] = np.arange(len(present))
    return some[present], places[numbers]
