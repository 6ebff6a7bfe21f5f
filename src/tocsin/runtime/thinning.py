"""Rows that a threshold need not be told: it tells of its first few groups, and knows the others.

A threshold of one event fires for each group that it sees. Where a run tells only of its first
``max_signals`` groups (`engine.state.threshold`), all that it asks of the others is that they were
there, from when until when. So of a batch those rows are enough that stand in the groups which come
first among all of it (what comes first among all batches does so in its own), and of each other
group and cell the earliest and the latest:

    max_signals 1, one run   a 1, b 2, a 3, b 4, b 5   ->   a 1, b 2, a 3, b 5

What cannot be told from columns in a moment (several groups, times in other spellings) is left in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from tocsin.engine.state.build import operator_name
from tocsin.engine.state.new_terms import key_of
from tocsin.events.batch import Column, Mask, Rows
from tocsin.logic.field_types import text_of
from tocsin.logic.query import Threshold
from tocsin.logic.runs import Runs
from tocsin.rules.model import Rule

if TYPE_CHECKING:
    from tocsin.events.arrow.batch import ColumnBatch
    from tocsin.events.arrow.moments import Moments

Numbers = npt.NDArray[np.int64]

_TIME = "@timestamp"
_WORTH = 64
"""Fewer rows than this are all told."""

_FEW = 8
"""Groups are worth looking at where there is one for so many rows at most."""

_FAR = 1 << 62
"""Times beyond this (2116 and before 1823) are left to those who count with any number."""


class Thinning(msgspec.Struct, frozen=True):
    """What a threshold asks of its events, where it need not be told all of them.

    Attributes:
        fields: what groups events.
        override: the rule's `timestamp_override`; empty: none.
        runs: when the rule runs.
        most: of how many groups a run tells.
        ends: whether what is remembered is kept: of other groups it is told from when until when
            they were there, else that they were.
    """

    fields: tuple[str, ...]
    override: str
    runs: Runs
    most: int
    ends: bool = True

    @property
    def read(self) -> tuple[str, ...]:
        """The fields that are read."""
        times = (self.override, _TIME) if self.override else (_TIME,)
        return (*self.fields, *times)

    def of(self, rows: Rows, batch: ColumnBatch) -> Rows:
        """Those of the rows that satisfy the rule's filter that it has to be told."""
        if len(rows) < _WORTH:
            return rows
        times = self._times(batch)
        if times is None:
            return rows
        found = self._groups(rows, batch)
        if found is None:
            return rows
        keys, groups, several = found
        left_in = ~times.known[rows] | several
        places = np.flatnonzero(~left_in & (groups >= 0))
        told = self._told(times.nanos[rows[places]], groups[places], _ranks(keys))
        left_in[places[told]] = True
        return rows[left_in]

    def _times(self, batch: ColumnBatch) -> Moments | None:
        """By row the event's time, where it can be told at once."""
        from tocsin.events.arrow.moments import Moments, moments

        found = moments(batch.column(_TIME), batch.size)
        if self.override:
            first = moments(batch.column(self.override), batch.size)
            known = first.known | (first.absent & found.known)
            nanos = np.where(first.known, first.nanos, found.nanos)
            found = Moments(nanos, known, first.absent & found.absent)
        far = (found.nanos > _FAR) | (found.nanos < -_FAR)
        known = found.known & ~far
        largest = max(self.runs.interval, self.runs.lookback)
        if 2 * largest >= _FAR or not known.any():
            return None
        return Moments(np.where(known, found.nanos, 0), known, found.absent)

    def _groups(self, rows: Rows, batch: ColumnBatch) -> tuple[list[str], Rows, Mask] | None:
        """The groups' keys, the group of each row (-1: none), and which rows may have several.

        None: there are too many groups to look at.
        """
        several = np.zeros(len(rows), dtype=np.bool_)
        missing = np.zeros(len(rows), dtype=np.bool_)
        codes: list[Rows] = []
        columns = [batch.column(field) for field in self.fields]
        for column in columns:
            first, counts = _first(column, batch.size)
            several |= counts[rows] > 1
            missing |= counts[rows] == 0
            codes.append(first[rows])
        numbers = np.zeros(len(rows), dtype=np.int64)
        for column, mine in zip(columns, codes, strict=True):
            numbers = numbers * (len(column.distinct) + 1) + mine
            _, numbers = np.unique(numbers, return_inverse=True)
        some = np.flatnonzero(~(several | missing))
        known, firsts, places = np.unique(numbers[some], return_index=True, return_inverse=True)
        if len(known) * _FEW > len(rows):
            return None
        keys = [
            key_of(
                tuple(
                    text_of(column.distinct[mine[row]])
                    for column, mine in zip(columns, codes, strict=True)
                )
            )
            for row in some[firsts].tolist()
        ]
        groups = np.full(len(rows), -1, dtype=np.int32)
        groups[some] = places
        return keys, groups, several

    def _told(self, times: Numbers, groups: Rows, ranks: Rows) -> Rows:
        """The places of the rows that are told, given the time and group of each."""
        interval = self.runs.interval
        first = -(-times // interval)
        last = (times + self.runs.lookback) // interval
        seen = np.flatnonzero(first <= last)  # the others no run sees
        times, first, last, rank = times[seen], first[seen], last[seen], ranks[groups[seen]]
        if not len(seen):
            return np.empty(0, dtype=np.int32)
        order = np.lexsort((seen, times, last, rank, first))
        run, mine = first[order], rank[order]
        new_run = np.append(True, run[1:] != run[:-1])
        new_group = new_run | np.append(True, mine[1:] != mine[:-1])
        # How many groups of the run there are up to each row, its own among them.
        count = np.cumsum(new_group)
        before = np.maximum.accumulate(np.where(new_run, count - 1, 0))
        told = count - before <= self.most
        until = last[order]
        new_cell = new_group | np.append(True, until[1:] != until[:-1])
        ends = np.append(new_cell[1:], True)
        told |= new_cell | ends
        return seen[order[told]].astype(np.int32)


def _ranks(keys: Sequence[str]) -> Rows:
    """By group its place among all in the order of their keys, the same for the same key."""
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return np.array([places[key] for key in keys], dtype=np.int32)


def _first(column: Column, size: int) -> tuple[Rows, Rows]:
    """By row the code of its first value and how many values it has."""
    counts = np.bincount(column.rows, minlength=size).astype(np.int32)
    codes = np.zeros(size, dtype=np.int32)
    codes[column.rows[::-1]] = column.codes[::-1]
    return codes, counts


def thinnings(
    rules: Sequence[Rule],
    conditions: Sequence[tuple[int, int]],
    saved: Mapping[str, Mapping[str, bytes]],
    *,
    ends: bool = True,
) -> dict[int, Thinning]:
    """By condition, what its rule need not be told.

    Args:
        rules: by number.
        conditions: (number of a rule, role in it) pairs.
        saved: what rules remember of other scans, by operator: which groups come first does not
            show in a batch then.
        ends: see `Thinning`.
    """
    found = {}
    for place, (number, _) in enumerate(conditions):
        rule = rules[number]
        query = rule.query
        if (
            isinstance(query, Threshold)
            and query.value <= 1
            and not query.cardinality
            and rule.max_signals is not None
            and rule.suppression is None
            and not saved.get(operator_name(rule))
        ):
            found[place] = Thinning(
                query.fields, rule.timestamp_override, rule.runs, rule.max_signals, ends
            )
    return found
