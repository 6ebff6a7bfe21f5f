"""Arrow's arrays as JSON's values: what an event says where a column says it.

* texts, booleans, whole and other numbers are themselves; NaN and infinities are no values;
* a timestamp is RFC 3339 in UTC (one without a zone is in UTC), a date its first ten characters,
  a time of day ``HH:MM:SS`` with a fraction where it has one, a duration its nanoseconds;
* a decimal is a whole number where its type has no places behind the point (as text beyond 64
  bits), else a number;
* bytes are the text that they are in UTF-8, else Base64; a UUID is written as usual;
* a struct is an object with its names in order, a map one with its keys as they come, both without
  their nulls; a list is an array.

>>> import pyarrow as pa
>>> values(pa.array([{"at": 0, "by": None}], pa.struct({"at": pa.timestamp("s"), "by": "string"})))
[{'at': '1970-01-01T00:00:00.000Z'}]
"""

from __future__ import annotations

import base64
import math
import uuid
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from tocsin.logic.field_types import Scalar, render_date, text_of

Array = Any
"""A `pyarrow.Array`: pyarrow is not typed."""

_NANOS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_MILLI = 1_000_000
_DAY = 86_400 * 1_000_000_000
# The years 1 to 9999, in milliseconds.
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999
_UUID_BYTES = 16


def is_list(kind: Any) -> bool:
    """Whether a type's values are lists, of any kind that Arrow has (and no maps)."""
    return bool(
        kinds.is_list(kind)
        or kinds.is_large_list(kind)
        or kinds.is_fixed_size_list(kind)
        or kinds.is_list_view(kind)
        or kinds.is_large_list_view(kind)
    )


def is_text(kind: Any) -> bool:
    """Whether a type's values are texts."""
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def is_bytes(kind: Any) -> bool:
    """Whether a type's values are bytes."""
    return bool(
        kinds.is_binary(kind)
        or kinds.is_large_binary(kind)
        or kinds.is_binary_view(kind)
        or kinds.is_fixed_size_binary(kind)
    )


def storage(array: Array) -> Array:
    """The array without the name that an extension gives its type; a UUID stays one."""
    while isinstance(array.type, pa.ExtensionType | pa.BaseExtensionType):
        if _is_uuid(array.type):
            break
        array = array.storage
    return array


def storage_type(kind: Any) -> Any:
    """The same for a type."""
    while isinstance(kind, pa.BaseExtensionType) and not _is_uuid(kind):
        kind = kind.storage_type
    return kind


def values(array: Array) -> list[Any]:
    """Each element as JSON has it; None for a null."""
    array = storage(array)
    kind = array.type
    if kinds.is_struct(kind):
        return _objects(array)
    if kinds.is_map(kind):
        return _maps(array)
    if is_list(kind):
        return _lists(array)
    return scalars(array)


def scalars(array: Array) -> list[Scalar | None]:
    """The same for elements that are neither objects nor lists."""
    array = storage(array)
    if kinds.is_dictionary(array.type):
        return _of_dictionary(array)
    return _converter(array.type)(array)


def entries(array: Array) -> Array:
    """The maps of an array as lists of structs of a key and a value."""
    kind = array.type
    pair = pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])
    if array.offset:  # the cast of a part ends the process where a column of nulls is inside
        array = array.take(pa.array(np.arange(len(array))))
    return array.cast(pa.list_(pair))


def owners(lists: Array) -> Any:
    """By element of the flattened lists, the place of the list that has it."""
    # Not `list_parent_indices`: in a damaged file nulls may have elements, which are not flattened.
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return np.repeat(np.arange(len(lists), dtype=np.int32), sizes)


def keys(array: Array) -> list[str]:
    """The keys of maps as the names that they are in an object."""
    return ["" if key is None else text_of(key) for key in scalars(array)]


def objects(columns: Iterable[tuple[str, Array]], size: int) -> list[dict[str, Any]]:
    """Rows as objects, with their names in order.

    Args:
        columns: (name, array) pairs; no name stands twice.
        size: the length of each.
    """
    found: list[dict[str, Any]] = [{} for _ in range(size)]
    for name, array in sorted(columns, key=itemgetter(0)):
        _put(found, name, storage(array))
    return found


def _objects(array: Array) -> list[Any]:
    columns = [(field.name, array.field(place)) for place, field in enumerate(array.type)]
    found: list[Any] = objects(columns, len(array))
    if array.null_count:
        for row in np.flatnonzero(~valid(array)).tolist():
            found[row] = None
    return found


def _put(found: list[dict[str, Any]], name: str, array: Array) -> None:
    """Gives every object its value, unless that is null or an object without anything in it."""
    empty = array.null_count
    if empty == len(array):
        return
    if not kinds.is_nested(array.type):
        for one, value in zip(found, scalars(array), strict=True):
            if value is not None:
                one[name] = value
        return
    if 2 * empty > len(array):  # so that no objects are made for nothing
        places = np.flatnonzero(valid(array))
        found, array = [found[place] for place in places.tolist()], array.take(pa.array(places))
    for one, value in zip(found, values(array), strict=True):
        if value is not None and value != {}:
            one[name] = value


def valid(array: Array) -> Any:
    """By element, whether it is not null."""
    return array.is_valid().to_numpy(zero_copy_only=False)


def _maps(array: Array) -> list[Any]:
    lists = entries(array)
    inside = lists.flatten()
    pairs = list(zip(keys(inside.field(0)), values(inside.field(1)), strict=True))
    found: list[Any] = []
    for some in _cut(lists, pairs):
        # Of keys that stand twice the last counts, also where it is null.
        known = None if some is None else dict(some)
        found.append(known and {k: v for k, v in known.items() if v is not None and v != {}})
    return found


def _lists(array: Array) -> list[Any]:
    return _cut(array, values(array.flatten()))


def _cut(lists: Array, inside: list[Any]) -> list[list[Any] | None]:
    found: list[list[Any] | None] = []
    at = 0
    for size in pc.list_value_length(lists).to_pylist():
        if size is None:
            found.append(None)
            continue
        found.append(inside[at : at + size])
        at += size
    return found


def _of_dictionary(array: Array) -> list[Scalar | None]:
    """Of the dictionary only what is used, and each of it once, however often it is used."""
    indices = array.indices
    codes = indices.drop_null().to_numpy(zero_copy_only=False)
    used, places = np.unique(codes, return_inverse=True)
    known = scalars(array.dictionary.take(pa.array(used)))
    if not indices.null_count:
        return [known[place] for place in places.tolist()]
    found: list[Scalar | None] = [None] * len(array)
    for row, place in zip(np.flatnonzero(valid(indices)).tolist(), places.tolist(), strict=True):
        found[row] = known[place]
    return found


def check(array: Array) -> None:
    """Raises what a damaged file raises where a code leads out of its dictionary."""
    found = pc.min_max(array.indices)
    low, high = found["min"].as_py(), found["max"].as_py()
    if low is not None and not 0 <= low <= high < len(array.dictionary):
        raise pa.ArrowInvalid("an index leads out of its dictionary")


# --- one kind of value each -------------------------------------------------------------------


def _converter(kind: Any) -> Callable[[Array], list[Scalar | None]]:
    if is_text(kind):
        return _texts
    if is_bytes(kind):
        return lambda array: _each(array, _text_of_bytes)
    if kinds.is_boolean(kind) or kinds.is_integer(kind) or kinds.is_null(kind):
        return lambda array: list(array.to_pylist())
    if kinds.is_floating(kind):
        return lambda array: _each(array, _finite)
    if kinds.is_decimal(kind):
        return lambda array: _each(array, _whole if kind.scale <= 0 else _finite)
    if _is_uuid(kind):
        return lambda array: _each(array.storage, _uuid)
    return _time_converter(kind)


def _time_converter(kind: Any) -> Callable[[Array], list[Scalar | None]]:
    if kinds.is_timestamp(kind):
        return _moments
    if kinds.is_date32(kind):
        return lambda array: _each(array.view("int32"), lambda days: _date(days * _DAY))
    if kinds.is_date64(kind):
        return lambda array: _each(array.view("int64"), lambda count: _date(count * 1_000_000))
    if kinds.is_time(kind):
        factor, width = _NANOS[kind.unit], "int32" if kinds.is_time32(kind) else "int64"
        return lambda array: _each(array.view(width), lambda count: _time_of_day(count * factor))
    if kinds.is_duration(kind):
        factor = _NANOS[kind.unit]
        return lambda array: _each(array.view("int64"), lambda count: _whole(count * factor))
    return lambda array: _each(array, str)


def _each(array: Array, convert: Callable[[Any], Scalar | None]) -> list[Scalar | None]:
    return [None if value is None else convert(value) for value in array.to_pylist()]


def _texts(array: Array) -> list[Scalar | None]:
    try:
        return list(array.to_pylist())
    except UnicodeDecodeError:
        wide = kinds.is_large_string(array.type)
        raw = array.cast(pa.large_binary() if wide else pa.binary())
        return _each(raw, lambda data: data.decode("utf-8", "replace"))


def _text_of_bytes(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii")


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _whole(value: Any) -> Scalar:
    # JSON's readers lose digits beyond 64 bits; rules read a text as the number that it says.
    number = int(value)
    return number if -(2**63) <= number < 2**64 else str(number)


def _is_uuid(kind: Any) -> bool:
    return getattr(kind, "extension_name", "") == "arrow.uuid"


def _uuid(data: bytes) -> str:
    return str(uuid.UUID(bytes=data)) if len(data) == _UUID_BYTES else _text_of_bytes(data)


def _moments(array: Array) -> list[Scalar | None]:
    """Timestamps as `render_date` writes them; many at a time where they are whole milliseconds."""
    factor = _NANOS[array.type.unit]
    counts = array.view("int64")
    if factor >= _MILLI and not counts.null_count:
        millis = counts.to_numpy()
        millis = millis if factor == _MILLI else millis.clip(_FIRST, _LAST) * (factor // _MILLI)
        if len(millis) and millis.min() >= _FIRST and millis.max() <= _LAST:
            texts = np.datetime_as_string(millis.astype("datetime64[ms]"))
            return [f"{text}Z" for text in texts.tolist()]
    return _each(counts, lambda count: render_date(count * factor))


def _date(nanos: int) -> str:
    text = render_date(nanos)
    return text.partition("T")[0]


def _time_of_day(nanos: int) -> str:
    seconds, fraction = divmod(nanos, 1_000_000_000)
    minutes, second = divmod(seconds, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    return f"{text}.{fraction:09d}".rstrip("0") if fraction else text
