"""Columns straight from Arrow, in the form in which the engine takes a `Batch`.

A column is made when somebody asks for it, out of the array that holds its values: texts come as
dictionaries and stay so. A document is made only for a row that somebody wants to see; for every
field and row the column has exactly what `values_of` finds in it.

    process: [{name: "sh", args: ["sh", "-c"]}, {name: "id"}]
    column("process.args")   ->   distinct ("sh", "-c"), codes 0 1, rows 0 0
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import types as kinds

from tocsin.events.arrow.columns import ArrowColumn, Part, followed, merged
from tocsin.events.arrow.paths import Tree, Way
from tocsin.events.arrow.values import Array, objects, storage, valid
from tocsin.events.batch import EMPTY, Batch, Column, Mask
from tocsin.events.record import Document, Record

_AT_ONCE = 1_024
"""So many documents are made at a time."""

_FEW = 5
"""Documents of fewer rows than one in so many are joined of what was read and what was not."""

_STRETCHES = 4
"""A sample is taken from so many places."""


class Layout:
    """A schema, and where in it the values of fields are: found once for all of its batches.

    Args:
        schema: a `pyarrow.Schema`.
        fields: those that will be asked for; others are found when they are.
    """

    def __init__(self, schema: Any, fields: Iterable[str] = ()) -> None:
        self.tree = Tree(pa.struct(list(schema)))
        self._ways = {field: self.tree.ways(field) for field in fields}

    def ways(self, field: str) -> list[Way] | None:
        """The ways to a field's values; None: only the documents tell them."""
        if field not in self._ways:
            self._ways[field] = self.tree.ways(field)
        return self._ways[field]

    def all_ways(self) -> Iterator[Way]:
        """The ways to the fields asked for so far."""
        return (way for found in self._ways.values() for way in found or ())

    def untold(self) -> list[str]:
        """The fields asked for so far of which only the documents tell the values."""
        return [field for field, found in self._ways.items() if found is None]


Piece = tuple[int, Any]
"""Some rows: the number of the first one in its batch, and a `pyarrow.RecordBatch`."""


class ColumnBatch:
    """Some rows of a table as events; see `Batch`.

    Args:
        pieces: the rows, with the columns that will be asked for.
        layout: of their schema.
        whole: gives the same rows with all of their columns; asked once, and only if somebody wants
            to see a document.
        rest: gives the same rows with those columns that ``pieces`` has not, if they can be had by
            themselves; asked once, and only if somebody wants to see a few documents.
        first: the number of the first row in its file, from 0.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        layout: Layout,
        whole: Callable[[], Sequence[Piece]] | None = None,
        rest: Callable[[], Sequence[Piece]] | None = None,
        first: int = 0,
    ) -> None:
        self.size: int = sum(arrays.num_rows for _, arrays in pieces)
        self.first = first
        self._pieces = pieces
        self._layout = layout
        self._whole_of = whole
        self._rest_of = rest
        self._columns: dict[str, Column] = {}
        self._told: dict[str, Column] = {}

    def column(self, field: str) -> Column:
        """The field's values; an empty column where no event has it."""
        known = self._columns.get(field)
        if known is None:
            known = self._columns[field] = self._column(field)
        return known

    @cached_property
    def documents(self) -> Documents:
        """The events, each made when it is asked for."""
        return Documents(self._pieces if self._whole_of is None else self._whole_of(), self.size)

    @cached_property
    def _joined(self) -> Joined | None:
        """The events, made of what was read already and what was not; None: that cannot be had."""
        if self._rest_of is None:
            return None
        return Joined(Documents(self._pieces, self.size), Documents(self._rest_of(), self.size))

    def records(self, rows: Iterable[int]) -> Iterator[Record]:
        """The events in some rows, in that order, as a decoder hands them on."""
        wanted = list(rows)
        if not wanted:
            return
        documents: Documents | Joined = (
            self._joined if len(wanted) * _FEW < self.size else None
        ) or self.documents
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            for row, document in zip(some, documents.of(some), strict=True):
                yield record_of(document, self.first + row)

    def sampled(self, size: int) -> ColumnBatch:
        """A few stretches of the rows, spread evenly, as a batch of about so many; all if fewer."""
        if self.size <= size:
            return self
        stretch = size // _STRETCHES
        starts = [n * (self.size - stretch) // (_STRETCHES - 1) for n in range(_STRETCHES)]
        found: list[Piece] = []
        at = 0
        for first, arrays in self._pieces:
            for start in starts:
                begin, end = max(start - first, 0), min(start + stretch - first, arrays.num_rows)
                if begin < end:
                    found.append((at, arrays.slice(begin, end - begin)))
                    at += end - begin
        return ColumnBatch(found, self._layout)

    @cached_property
    def in_ecs(self) -> Mask:
        """The rows that are in ECS for certain (`shapes.is_in_ecs`): no vendor's shape is theirs.

        Of the others the documents have to be looked at.
        """
        return np.concatenate(
            [_are_in_ecs(arrays, self._layout.tree) for _, arrays in self._pieces]
        )

    def _from_documents(self, field: str) -> Column:
        """A column that cannot be had from arrays: others of its kind are made with it."""
        if field not in self._told:
            fields = [name for name in self._layout.untold() if name not in self._told]
            batch = Batch(list(self.documents), fields)
            self._told.update({name: batch.column(name) for name in fields})
        return self._told[field]

    def _column(self, field: str) -> Column:
        found = self._layout.ways(field)
        if found is None:
            return self._from_documents(field)
        columns = [column for way in found if len((column := self._of(way)).rows)]
        if not columns:
            return EMPTY
        return columns[0] if len(columns) == 1 else merged(columns)

    def _of(self, way: Way) -> Column:
        parts = []
        for first, arrays in self._pieces:
            array, rows = followed(way, arrays)
            if array.null_count < len(array):
                parts.append(Part(first, array, rows))
        return ArrowColumn(parts) if parts else EMPTY


def _are_in_ecs(arrays: Any, tree: Tree) -> Mask:
    def has(column: str) -> Mask:
        place = tree.places.get(column)
        if place is None:
            return np.zeros(arrays.num_rows, dtype=np.bool_)
        return _present(arrays.column(place))

    told = has("event.kind") | has("event.category")
    place = tree.places.get("event")
    if place is not None and tree.children[place].names:
        event, inside = arrays.column(place), tree.children[place].places
        for name in ("kind", "category"):
            if name in inside:
                told |= _present(event) & _present(event.field(inside[name]))
    result: Mask = has("@timestamp") & told
    return result


def _present(array: Array) -> Mask:
    """By row, whether the document has something there: no null, and no object without anything."""
    array = storage(array)
    result: Mask = valid(array)
    if kinds.is_struct(array.type):
        inside = np.zeros(len(array), dtype=np.bool_)
        for place in range(array.type.num_fields):
            inside |= _present(array.field(place))
        result = result & inside
    elif kinds.is_map(array.type) or kinds.is_floating(array.type):
        return np.zeros(len(array), dtype=np.bool_)  # to be certain, the document has to be seen
    return result


class Documents(Sequence[Document]):
    """The documents of some rows, made when they are asked for.

    Args:
        pieces: the rows.
        size: how many there are.
    """

    def __init__(self, pieces: Sequence[Piece], size: int) -> None:
        self._pieces = pieces
        self._size = size

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, row: int) -> Document: ...

    @overload
    def __getitem__(self, row: slice) -> list[Document]: ...

    def __getitem__(self, row: int | slice) -> Document | list[Document]:
        if isinstance(row, slice):
            return self.of(range(self._size)[row])
        return self.of([range(self._size)[row]])[0]

    def __iter__(self) -> Iterator[Document]:
        for start in range(0, self._size, _AT_ONCE):
            yield from self.of(range(start, min(start + _AT_ONCE, self._size)))

    def of(self, rows: Sequence[int]) -> list[Document]:
        """The documents of some rows, in that order."""
        found: dict[int, Document] = {}
        for first, piece in self._pieces:
            inside = [row for row in rows if first <= row < first + piece.num_rows]
            if not inside:
                continue
            if inside == list(range(inside[0], inside[0] + len(inside))):
                some = piece.slice(inside[0] - first, len(inside))
            else:
                some = piece.take(pa.array([row - first for row in inside], "int32"))
            found.update(zip(inside, documents_of(some), strict=True))
        return [found[row] for row in rows]


class Joined:
    """Documents whose columns were read at two times.

    Args:
        one: some of the columns.
        other: the others.
    """

    def __init__(self, one: Documents, other: Documents) -> None:
        self._one = one
        self._other = other

    def of(self, rows: Sequence[int]) -> list[Document]:
        """The documents of some rows, in that order."""
        return [
            _joined(one, other)
            for one, other in zip(self._one.of(rows), self._other.of(rows), strict=True)
        ]


def _joined(one: Document, other: Document) -> Document:
    """Two documents as one, with its names in order; only objects stand in both."""
    found = {**one, **other}
    for name in one.keys() & other.keys():
        mine, others = one[name], other[name]
        is_object = isinstance(mine, dict) and isinstance(others, dict)
        found[name] = _joined(mine, others) if is_object else mine
    return dict(sorted(found.items()))


def documents_of(arrays: Any) -> list[Document]:
    """The rows of a record batch as documents; see `values`."""
    return objects(zip(arrays.schema.names, arrays.columns, strict=True), arrays.num_rows)


def record_of(document: Document, row: int) -> Record:
    """A row, from 0, as a decoder hands it on; its JSON is what it is known by."""
    identity = document.get("_id")
    own = identity if isinstance(identity, str) and identity else None
    raw = msgspec.json.encode(document)
    return Record(document, f"row {row + 1}", raw, own)
