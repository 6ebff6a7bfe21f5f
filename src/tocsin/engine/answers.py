"""What leaves say of the rows of a batch, worked out for the values and rows that are asked about.

A scan answers all leaves of a field and type over distinct values: over all of them where they are
few, else over those of the rows that somebody asks about, each once. A leaf's answer is then a
table by code, and of a row the place of its code in that table:

    codes by row 0 2 - 1,  the leaf fits code 2  ->  table F F T, missing F  ->  rows F T F F
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from tocsin.engine.plan import LeafSlot, Plan
from tocsin.engine.scans import Scan
from tocsin.events.batch import Column, Mask, Rows
from tocsin.logic.field_types import Scalar

NO_ROWS: Rows = np.empty(0, dtype=np.int32)

_DENSE = 8
"""From this share of the rows on (one in so many) it is cheaper to answer for all of them."""


class Columns(Protocol):
    """A batch, as the engine needs it."""

    @property
    def size(self) -> int:
        """How many events there are."""

    @property
    def documents(self) -> Sequence[Mapping[str, Any]]:
        """The events, as rules see them."""

    def column(self, field: str) -> Column:
        """The field's values; an empty column where no event has it."""


def distinct(parts: Sequence[Rows]) -> Rows:
    """Rows in order, each once."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return NO_ROWS
    rows = np.sort(np.concatenate(parts)) if len(parts) > 1 else parts[0]
    repeats = rows[1:] == rows[:-1]
    return rows[np.concatenate(([True], ~repeats))] if repeats.any() else rows


class Layout:
    """Where the values of a column stand, by row.

    Args:
        column: the values.
        size: how many rows the batch has.
    """

    def __init__(self, column: Column, size: int) -> None:
        self.column = column
        self.size = size

    @cached_property
    def counts(self) -> Rows:
        """How many rows have each code, one too many for a row that has it twice."""
        return np.bincount(self.column.codes, minlength=len(self.column.distinct)).astype(np.int32)

    @cached_property
    def codes(self) -> Rows | None:
        """The code of each row, -1 where it has none; None: a row may have several."""
        rows = self.column.rows
        if len(rows) > self.size or not (rows[1:] > rows[:-1]).all():
            return None
        codes = np.full(self.size, -1, dtype=np.int32)
        codes[rows] = self.column.codes
        return codes

    @cached_property
    def _by_code(self) -> tuple[Rows, Rows]:
        """The rows in the order of their codes, and where those of each code begin."""
        codes = self.column.codes
        if len(self.column.distinct) < 1 << 16:
            codes = codes.astype(np.uint16)  # sorted by radix
        order = np.argsort(codes, kind="stable")
        return self.column.rows[order], np.concatenate(([0], np.cumsum(self.counts)))

    def rows(self, codes: Sequence[int]) -> Rows:
        """The rows that have one of some codes."""
        rows, starts = self._by_code
        return distinct([rows[starts[code] : starts[code + 1]] for code in codes])

    @cached_property
    def _starts(self) -> Rows:
        counts = np.bincount(self.column.rows, minlength=self.size)
        return np.concatenate(([0], np.cumsum(counts))).astype(np.int32)

    def entries(self, rows: Rows) -> tuple[Rows, Rows]:
        """The codes that some rows have, and for each the place of its row among those."""
        starts = self._starts[rows]
        counts = self._starts[rows + 1] - starts
        owners = np.repeat(np.arange(len(rows), dtype=np.int32), counts)
        shifts = starts - (np.cumsum(counts) - counts)
        places = np.arange(len(owners), dtype=np.int32) + shifts[owners]
        return self.column.codes[places], owners

    def codes_among(self, rows: Rows | None) -> Rows:
        """The distinct codes that some rows have, or all rows."""
        seen = np.zeros(len(self.column.distinct) + 1, dtype=np.bool_)
        if rows is None:
            seen[self.column.codes] = True
        elif self.codes is not None:
            seen[self.codes[rows]] = True
        elif len(rows) * _DENSE > self.size:
            among = np.zeros(self.size, dtype=np.bool_)
            among[rows] = True
            seen[self.column.codes[among[self.column.rows]]] = True
        else:
            seen[self.entries(rows)[0]] = True
        return np.flatnonzero(seen[:-1]).astype(np.int32)

    def values(self, row: int) -> list[Scalar]:
        """The values of a row, in the order of the document."""
        distinct = self.column.distinct
        if self.codes is not None:
            code = int(self.codes[row])
            return [] if code < 0 else [distinct[code]]
        start, end = self._starts[row], self._starts[row + 1]
        return [distinct[code] for code in self.column.codes[start:end].tolist()]

    def key(self, row: int) -> tuple[int, ...]:
        """What tells the values of a row from those of others."""
        if self.codes is not None:
            return (int(self.codes[row]),)
        start, end = self._starts[row], self._starts[row + 1]
        return tuple(self.column.codes[start:end].tolist())


class _Asked:
    """A scan over some of the values of a column; more of them may follow.

    Attributes:
        fits: by leaf, the codes that fit.
        valid: by code, whether it is a value of the scan's type at all.
        version: changes whenever something is asked.
    """

    def __init__(self, scan: Scan, layout: Layout) -> None:
        self._scan = scan
        self._layout = layout
        self._asked = np.zeros(len(layout.column.distinct), dtype=np.bool_)
        self.valid = np.zeros(len(self._asked), dtype=np.bool_)
        self.fits: list[list[int]] = []
        self.version = 0

    def ask(self, codes: Rows) -> None:
        """Asks about the values of some codes."""
        codes = codes[~self._asked[codes]]
        if self.fits and not len(codes):
            return
        self._asked[codes] = True
        self.version += 1
        distinct = self._layout.column.distinct
        places = codes.tolist()
        whole = len(places) == len(distinct)
        hits, valid = self._scan.run(distinct if whole else [distinct[code] for code in places])
        if not whole:
            hits = [[places[code] for code in found] if found else found for found in hits]
        self.valid[codes[valid]] = True
        if not self.fits:
            self.fits = hits
            return
        for known, found in zip(self.fits, hits, strict=True):
            if found:
                known += found


class Answers:
    """The leaves of a plan over one batch.

    Args:
        plan: whose leaves.
        batch: the events.
    """

    def __init__(self, plan: Plan, batch: Columns) -> None:
        self._scans = plan.scans
        self._batch = batch
        self._layouts: dict[str, Layout] = {}
        self._asked: dict[int, _Asked] = {}
        self._tables: dict[int, tuple[int, Mask]] = {}
        self._dense: dict[int, tuple[int, Mask]] = {}
        self._absent: dict[int, Mask] = {}

    def layout(self, field: str) -> Layout:
        """The column of a field."""
        known = self._layouts.get(field)
        if known is None:
            known = Layout(self._batch.column(field), self._batch.size)
            self._layouts[field] = known
        return known

    def ask(self, scan: int, rows: Rows | None) -> list[list[int]]:
        """Has a scan answer for what some rows hold, or all rows; by leaf, what fits so far."""
        layout = self.layout(self._scans[scan][0])
        asked = self._asked.get(scan)
        if asked is None:
            asked = self._asked[scan] = _Asked(self._scans[scan][1], layout)
        asked.ask(layout.codes_among(rows))
        return asked.fits

    def most(self, slot: LeafSlot) -> int:
        """At most how many rows the leaf holds of; its scan was asked about all of them."""
        if slot.if_missing:
            return self._batch.size
        layout = self.layout(self._scans[slot.scan][0])
        asked = self._asked.get(slot.scan)
        return 0 if asked is None else int(layout.counts[asked.fits[slot.number]].sum())

    def rows(self, slot: LeafSlot) -> Rows:
        """The rows that the leaf holds of; its scan was asked about all, and it needs a value."""
        layout = self.layout(self._scans[slot.scan][0])
        asked = self._asked.get(slot.scan)
        fits = [] if asked is None else asked.fits[slot.number]
        if slot.leaf.every and layout.codes is None:
            return np.flatnonzero(self.holds(slot, None)).astype(np.int32)
        return layout.rows(fits)

    def holds(self, slot: LeafSlot, rows: Rows | None) -> Mask | bool:
        """Whether the leaf holds, by row; its scan was asked about these rows."""
        layout = self.layout(self._scans[slot.scan][0])
        if not len(layout.column.rows):
            return slot.if_missing
        asked = self._asked[slot.scan]
        if not asked.fits[slot.number] and not slot.if_missing:
            return False
        if layout.codes is not None:
            table = self._table(slot, asked)
            return table[layout.codes if rows is None else layout.codes[rows]]
        if rows is None:
            return self._all(slot, asked, layout)
        if len(rows) * _DENSE > layout.size:
            return self._all(slot, asked, layout)[rows]
        return self._of_many(slot, asked, *layout.entries(rows), len(rows))

    def _table(self, slot: LeafSlot, asked: _Asked) -> Mask:
        """By code, what the leaf says of a row that has it alone; last, of one that has none."""
        version, table = self._tables.get(slot.place, (-1, None))
        if table is None or version != asked.version:
            table = np.full(len(asked.valid) + 1, slot.if_missing)
            if slot.if_missing:
                table[:-1] = ~asked.valid
            table[asked.fits[slot.number]] = True
            self._tables[slot.place] = asked.version, table
        return table

    def _all(self, slot: LeafSlot, asked: _Asked, layout: Layout) -> Mask:
        version, mask = self._dense.get(slot.place, (-1, None))
        if mask is None or version != asked.version:
            column = layout.column
            mask = self._of_many(slot, asked, column.codes, column.rows, layout.size)
            self._dense[slot.place] = asked.version, mask
        return mask

    def _of_many(self, slot: LeafSlot, asked: _Asked, codes: Rows, owners: Rows, size: int) -> Mask:
        """By row, given the codes of the rows, each with the place of its owner."""
        fits = np.zeros(len(asked.valid), dtype=np.bool_)
        fits[asked.fits[slot.number]] = True
        result = np.full(size, slot.leaf.every)
        if slot.leaf.every:
            result[owners[(asked.valid & ~fits)[codes]]] = False
        else:
            result[owners[fits[codes]]] = True
        if slot.if_missing != slot.leaf.every:
            absent = np.ones(size, dtype=np.bool_)
            absent[owners[asked.valid[codes]]] = False
            result[absent] = slot.if_missing
        return result
