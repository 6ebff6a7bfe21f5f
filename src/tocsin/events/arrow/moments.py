"""The times that a column says, many at once: what `date_of` makes of its values.

Only texts in the usual spelling (RFC 3339 in UTC) and Arrow's own timestamps are read; what else a
row has is not known, and has to be asked value by value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from tocsin.events.arrow.columns import Distinct
from tocsin.events.arrow.values import Array, is_text
from tocsin.events.batch import Column, Mask

Numbers = npt.NDArray[np.int64]

_USUAL = (
    r"^(19[0-9][0-9]|20[0-9][0-9])-[0-1][0-9]-[0-3][0-9]"
    r"T([0-1][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z$"
)
_NANOS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_FURTHEST = 9_000_000_000_000_000_000


class Moments(NamedTuple):
    """The times of a batch's rows.

    Attributes:
        nanos: by row, nanoseconds since the epoch.
        known: the rows of which that is said.
        absent: the rows that have no value at all.
    """

    nanos: Numbers
    known: Mask
    absent: Mask


def moments(column: Column, size: int) -> Moments:
    """By row the time that its only value says.

    Args:
        column: the values.
        size: how many rows there are.
    """
    counts = np.bincount(column.rows, minlength=size)
    nanos = np.zeros(size, dtype=np.int64)
    known = np.zeros(size, dtype=np.bool_)
    if len(column.rows) and isinstance(column.distinct, Distinct):
        values, valid = _of_array(column.distinct.array)
        nanos[column.rows] = values[column.codes]
        known[column.rows] = valid[column.codes]
        known &= counts == 1
    return Moments(nanos, known, counts == 0)


def _of_array(array: Array) -> tuple[Numbers, Mask]:
    """By element its time, and whether it is known."""
    kind = array.type
    try:
        if kinds.is_timestamp(kind):
            counts = array.view("int64").to_numpy(zero_copy_only=False)
            factor = _NANOS[kind.unit]
            limit = _FURTHEST // factor
            valid = (counts <= limit) & (counts >= -limit)
            return np.where(valid, counts, 0) * factor, valid
        if is_text(kind):
            usual = pc.match_substring_regex(array, _USUAL)
            texts = pc.if_else(usual, array, pa.scalar(None, kind))
            found = texts.cast(pa.timestamp("ns", "UTC")).view("int64")
            valid = found.is_valid().to_numpy(zero_copy_only=False)
            return pc.fill_null(found, 0).to_numpy(), valid
    except (pa.ArrowException, ValueError, TypeError):  # the 30th of February
        pass
    return np.zeros(len(array), dtype=np.int64), np.zeros(len(array), dtype=np.bool_)
