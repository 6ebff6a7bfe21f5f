"""The rows of a Parquet file, in pieces whose size is bounded.

What a row group says of its size decides how many rows are read at a time. Texts are read as the
dictionaries in which they lie; where their encoding has none, fewer rows are read at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tocsin.events.arrow.columns import check_columns
from tocsin.events.arrow.opening import DamagedError, NoDictionariesError, clear_errors
from tocsin.events.record import Undecodable

ROWS = 65_536
"""How many rows are read at a time at most, and make a batch at least where there are so many."""

BYTES = 256 << 20
"""About how many bytes the values of a batch may have, by what the file says of its row groups."""

_PLAIN_ROWS = 4_096

Names = list[str] | None
"""The columns that are read; None: all of them."""


class Piece(msgspec.Struct, frozen=True):
    """Some rows that were read together.

    Attributes:
        arrays: a `pyarrow.RecordBatch`.
        group: the number of their row group, from 0.
        at: the number of the first of them in it.
        first: the same in the file.
        size: about how many bytes they have with all of their columns.
        is_whole: whether they have them.
    """

    arrays: Any
    group: int
    at: int
    first: int
    size: int
    is_whole: bool


class Rows:
    """A file's rows.

    Args:
        files: the file with texts as dictionaries, and without (`opening.opened`).
    """

    def __init__(self, files: tuple[Any, Any]) -> None:
        self._files = files
        self._meta = files[0].metadata
        self._below: dict[str, set[int]] | None = None
        self._others: dict[tuple[str, ...] | None, _Reader] = {}

    @property
    def counts(self) -> list[int]:
        """How many rows each row group has, as the file says."""
        return [self._count(group) for group in range(self._meta.num_row_groups)]

    def pieces(
        self,
        names: Names,
        groups: range | None = None,
        *,
        is_whole: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece | Undecodable]:
        """All rows in order, and what of them cannot be read.

        Args:
            names: the columns that are needed.
            groups: of some row groups only.
            is_whole: asked for each row group, whether all of its columns are wanted. If they
                cannot be read, there are those that are needed.
        """
        if groups is None:
            groups = range(self._meta.num_row_groups)
        first = sum(self.counts[: groups.start])
        for group in groups:
            attempts = [None, names] if names is not None and is_whole() else [names]
            at = 0
            for number, wanted in enumerate(attempts):
                reader = self._reader(group, wanted, at)
                try:
                    yield from self._of_group(reader, first, is_whole=wanted is None)
                    break
                except DamagedError as error:
                    at = reader.at
                    if not number:
                        yield undecodable(group, error)
            first += self._count(group)

    @property
    def width(self) -> int:
        """How many columns of plain values there are."""
        return int(self._meta.num_columns)

    def leaves(self, names: list[str]) -> frozenset[int]:
        """Which of those pyarrow reads by some names: a name stands for all that is below it."""
        if self._below is None:
            self._below = {}
            for place in range(self.width):
                above = ""
                for name in str(self._meta.schema.column(place).path).split("."):
                    self._below.setdefault(above + name, set()).add(place)
                    above += f"{name}."
        return frozenset().union(*(self._below.get(name, ()) for name in names))

    def _of_group(self, reader: _Reader, first: int, *, is_whole: bool) -> Iterator[Piece]:
        """The rows of a row group."""
        count, size = self._count(reader.group), self._bytes(reader.group)
        while (arrays := reader.next()) is not None:
            at = reader.at - arrays.num_rows
            some = size * arrays.num_rows // max(1, count)
            yield Piece(arrays, reader.group, at, first + at, some, is_whole)
        if reader.at < count:
            raise DamagedError(f"only {reader.at:,} of {count:,} rows can be read")

    def others(self, piece: Piece, names: Names) -> list[tuple[int, Any]]:
        """The rows of a piece with other columns, as (first row, record batch) pairs.

        Pieces have to be asked for in order: to go back costs reading their row group again.

        Args:
            piece: the rows.
            names: the columns; None: all of them.

        Raises:
            DamagedError: they cannot be read.
        """
        if piece.is_whole and names is None:
            return [(0, piece.arrays)]
        key = None if names is None else tuple(names)
        reader = self._others.get(key)
        if reader is None or reader.group != piece.group or reader.at > piece.at:
            reader = self._others[key] = self._reader(piece.group, names, piece.at)
        found: list[tuple[int, Any]] = []
        done, size = 0, piece.arrays.num_rows
        try:
            while done < size:
                arrays = reader.rows(piece.at + done, size - done)
                found.append((done, arrays))
                done += arrays.num_rows
        except DamagedError:
            del self._others[key]
            raise
        return found

    def _reader(self, group: int, names: Names, start: int) -> _Reader:
        count, size = max(1, self._count(group)), max(1, self._bytes(group))
        return _Reader(self._files, group, max(1, min(ROWS, BYTES * count // size)), names, start)

    def _count(self, group: int) -> int:
        return max(0, int(self._meta.row_group(group).num_rows))

    def _bytes(self, group: int) -> int:
        """How many bytes a row group has before it is compressed, as it says."""
        return max(0, int(self._meta.row_group(group).total_byte_size))


def undecodable(group: int, error: DamagedError) -> Undecodable:
    """What is said of a row group that cannot be read."""
    return Undecodable(f"row group {group + 1}", str(error))


class _Reader:
    """The record batches of a row group.

    Args:
        files: the file with texts as dictionaries, and without.
        group: the row group's number.
        rows: how many are read at a time.
        names: the columns; None: all of them.
        start: the number of the first row that is wanted.

    Attributes:
        group: the same.
        at: the number of the row that comes next.
    """

    def __init__(
        self, files: tuple[Any, Any], group: int, rows: int, names: Names, start: int
    ) -> None:
        self.group = group
        self.at = start
        self._file, self._plain = files
        self._rows = rows
        self._names = names
        self._batches: Any = None
        self._passed = 0
        self._rest: Any = None

    def next(self) -> Any:
        """The next batch that has any rows; None: there is none.

        Raises:
            DamagedError: it cannot be read.
        """
        arrays, self._rest = self._rest, None
        try:
            arrays = arrays or self._read(self._file, self._rows)
        except NoDictionariesError:
            # What a page of such texts comes to is not known before it is read.
            self._file, self._rows = self._plain, min(self._rows, _PLAIN_ROWS)
            self._batches, self._passed = None, 0
            arrays = self._read(self._plain, self._rows)
        if arrays is not None:
            self.at += arrays.num_rows
        return arrays

    def _read(self, file: Any, rows: int) -> Any:
        """Some rows from `at` on."""
        with clear_errors():
            if self._batches is None:
                self._batches = file.iter_batches(
                    rows, [self.group], self._names, use_threads=False
                )
            for arrays in self._batches:
                before, self._passed = self._passed, self._passed + arrays.num_rows
                if self._passed > self.at:
                    check_columns(arrays)
                    return arrays.slice(self.at - before) if before < self.at else arrays
        return None

    def rows(self, start: int, size: int) -> Any:
        """Rows from a number on, at most so many; those before them cannot be had any more.

        Raises:
            DamagedError: there are none.
        """
        while (arrays := self.next()) is not None:
            if self.at <= start:
                continue
            some = arrays.slice(start - (self.at - arrays.num_rows), size)
            end = start + some.num_rows
            if end < self.at:
                self._rest, self.at = arrays.slice(arrays.num_rows - (self.at - end)), end
            return some
        raise DamagedError("its columns are not of one length")
