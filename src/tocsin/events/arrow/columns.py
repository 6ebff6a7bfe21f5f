"""Columns of a batch out of Arrow's arrays.

A column is made when it is looked at: its rows, its codes, the values of its dictionary, each by
itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from tocsin.events.arrow.paths import Child, Entry, Way
from tocsin.events.arrow.values import (
    Array,
    check,
    entries,
    is_list,
    owners,
    scalars,
    storage,
    valid,
)
from tocsin.events.arrow.values import keys as key_names
from tocsin.events.batch import Column, Rows
from tocsin.logic.field_types import Scalar

_SPARE = 1_024
"""A dictionary of so many values may hold any number that the batch does not use."""


class Part(msgspec.Struct, frozen=True):
    """The values of a column in one piece of a batch.

    Attributes:
        first: the number of the piece's first row.
        array: the values, and nulls among them.
        owners: the row in the piece of each; None: each has its own.
    """

    first: int
    array: Array
    owners: Rows | None

    @property
    def rows(self) -> Rows:
        """The row of each value that is none of the nulls."""
        array, rows = self.array, self.owners
        if array.null_count:
            rows = _rows_at(rows, np.flatnonzero(valid(array)))
        elif rows is None:
            rows = np.arange(len(array), dtype=np.int32)
        return rows + np.int32(self.first) if self.first else rows


class ArrowColumn(Column):
    """A column that is made when it is looked at.

    Args:
        parts: its values, by piece of the batch; one at least.
    """

    __slots__ = ("__dict__",)

    def __init__(self, parts: Sequence[Part]) -> None:
        kind = parts[0].array.type
        if kinds.is_floating(kind):
            parts = [_finite(part) for part in parts]
        self._parts = parts
        # To tell how many distinct numbers there are, they have to be sorted out first.
        self.is_broad = not (kinds.is_dictionary(kind) or kinds.is_boolean(kind))

    @cached_property
    def rows(self) -> Rows:  # type: ignore[override]
        """The row of each value, ascending."""
        rows = [part.rows for part in self._parts]
        return rows[0] if len(rows) == 1 else np.concatenate(rows)

    @property
    def codes(self) -> Rows:  # type: ignore[override]
        """For every value of every row, its place in ``distinct``."""
        return self._encoded[0]

    @property
    def distinct(self) -> Distinct:  # type: ignore[override]
        """The values, each once."""
        return self._encoded[1]

    @cached_property
    def _encoded(self) -> tuple[Rows, Distinct]:
        arrays = [part.array for part in self._parts]
        kind = arrays[0].type
        if isinstance(kind, pa.BaseExtensionType):
            arrays = [array.storage for array in arrays]
        array = arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
        array = array.drop_null() if array.null_count else array
        if not kinds.is_dictionary(array.type):
            array = array.dictionary_encode()
        codes, dictionary = _used(array.indices.to_numpy().astype(np.int32, copy=False), array)
        if isinstance(kind, pa.BaseExtensionType):
            dictionary = pa.ExtensionArray.from_storage(kind, dictionary)
        return codes, Distinct(dictionary)


def _finite(part: Part) -> Part:
    """A part without numbers that JSON has not."""
    array = part.array.cast("float32") if kinds.is_float16(part.array.type) else part.array
    array = pc.if_else(pc.is_finite(array), array, pa.scalar(None, array.type))
    return msgspec.structs.replace(part, array=array)


def _used(codes: Rows, array: Array) -> tuple[Rows, Array]:
    """The codes of an array and its dictionary, without what nobody uses if that is much."""
    dictionary = array.dictionary
    if len(dictionary) <= _SPARE:
        return codes, dictionary
    used = np.zeros(len(dictionary), dtype=np.bool_)
    used[codes] = True
    places = np.flatnonzero(used)
    if 2 * len(places) >= len(dictionary):
        return codes, dictionary
    numbers = (np.cumsum(used) - 1).astype(np.int32)
    return numbers[codes], dictionary.take(pa.array(places))


class Distinct(Sequence[Scalar]):
    """The values of a dictionary; Python's objects are made of them when one is asked for.

    Attributes:
        array: the values, none of which is null.
    """

    def __init__(self, array: Array) -> None:
        self.array = array

    @cached_property
    def _values(self) -> list[Any]:
        return scalars(self.array)

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, place: int) -> Scalar: ...

    @overload
    def __getitem__(self, place: slice) -> list[Scalar]: ...

    def __getitem__(self, place: int | slice) -> Scalar | list[Scalar]:
        found: Scalar | list[Scalar] = self._values[place]
        return found

    def __iter__(self) -> Iterator[Scalar]:
        return iter(self._values)


def merged(columns: Sequence[Column]) -> Column:
    """One column of several, of which in a row those that come first stand first."""
    places: dict[tuple[type, str], int] = {}
    distinct: list[Scalar] = []
    codes: list[Rows] = []
    for column in columns:
        mapped = []
        for value in column.distinct:
            # repr, since -0.0 is a value of its own
            place = places.setdefault((type(value), repr(value)), len(places))
            if place == len(distinct):
                distinct.append(value)
            mapped.append(place)
        codes.append(np.array(mapped, dtype=np.int32)[column.codes])
    rows = np.concatenate([column.rows for column in columns])
    order = np.argsort(rows, kind="stable")
    return Column(distinct, np.concatenate(codes)[order], rows[order])


def followed(way: Way, arrays: Any) -> tuple[Array, Rows | None]:
    """The array at the end of a way, and the row of each of its values; None: each has its own."""
    first, *others = way
    assert isinstance(first, Child)  # noqa: S101  (a column)
    array: Array = storage(arrays.column(first.place))
    rows: Rows | None = None
    for step in others:
        if array.null_count == len(array):
            break
        if isinstance(step, Child):
            # Of a null nothing inside counts, whatever a damaged file has there.
            hidden = array.null_count
            array = pc.struct_field(array, [step.place]) if hidden else array.field(step.place)
        elif isinstance(step, Entry):
            array, rows = _entries(array, rows, step.key)
        else:
            rows, array = _rows_at(rows, owners(array)), array.flatten()
        array = storage(array)
    return array, rows


def _rows_at(rows: Rows | None, places: Any) -> Rows:
    result: Rows = (places if rows is None else rows[places]).astype(np.int32, copy=False)
    return result


def _entries(array: Array, rows: Rows | None, key: str) -> tuple[Array, Rows]:
    """What maps have under a key: the last one, where it stands twice."""
    lists = entries(array)
    pairs = lists.flatten()
    parents = owners(lists)
    names = key_names(pairs.field(0))
    places = np.array([place for place, name in enumerate(names) if name == key], dtype=np.int64)
    maps = parents[places]
    places = places[np.concatenate((maps[1:] != maps[:-1], np.ones(min(1, len(maps)), bool)))]
    return pairs.field(1).take(pa.array(places)), _rows_at(rows, parents[places])


def check_columns(arrays: Any) -> None:
    """Raises what a damaged file raises where a code of a text leads out of its dictionary."""
    for place in range(arrays.num_columns):
        _check_codes(arrays.column(place))


def _check_codes(array: Array) -> None:
    array = storage(array)
    kind = array.type
    if kinds.is_dictionary(kind):
        check(array)
    elif kinds.is_struct(kind):
        for place in range(kind.num_fields):
            _check_codes(array.field(place))
    elif kinds.is_map(kind):
        _check_codes(array.keys)
        _check_codes(array.items)
    elif is_list(kind):
        _check_codes(array.flatten())
