"""Events as columns: for each field that a rule uses, its distinct values and who has them.

A column is a dictionary encoding with the rows beside the codes, so that fields with none, one or
many values need no special case:

    {"name": "a"}, {}, {"name": ["b", "a"]}   ->   distinct ("a", "b"), codes 0 1 0, rows 0 2 2

Distinct values stay Python objects: one column may hold texts, numbers and booleans side by side
(``1``, ``"1"`` and ``true`` are three values), which an Arrow array could not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.events.fields import Extractor
from tocsin.logic.field_types import Scalar

Rows = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


class Column:
    """One field of a batch.

    Attributes:
        distinct: the values, each once.
        codes: for every value of every row, its place in ``distinct``.
        rows: the row of each, ascending.
        is_broad: it has many distinct values for all that is known, and to count them costs.
    """

    is_broad = False
    __slots__ = ("codes", "distinct", "rows")

    def __init__(self, distinct: Sequence[Scalar], codes: Rows, rows: Rows) -> None:
        self.distinct = distinct
        self.codes = codes
        self.rows = rows


_NONE: Rows = np.empty(0, dtype=np.int32)
EMPTY = Column((), _NONE, _NONE)


class Batch:
    """Some events as columns, and the documents that they came from.

    Args:
        documents: the events, as rules see them.
        fields: the fields that will be asked for, or an extractor of them that is made once for
            many batches; others read as absent.
    """

    def __init__(
        self, documents: Sequence[Mapping[str, Any]], fields: Iterable[str] | Extractor
    ) -> None:
        self.documents = documents
        self.size = len(documents)
        self._extractor = fields if isinstance(fields, Extractor) else Extractor(fields)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns of the fields that some event has."""
        names = self._extractor.fields
        places: list[dict[object, int]] = [{} for _ in names]
        values: list[list[Scalar]] = [[] for _ in names]
        codes: list[list[int]] = [[] for _ in names]
        rows: list[list[int]] = [[] for _ in names]
        extract = self._extractor.extract
        for row, document in enumerate(self.documents):
            for number, value in extract(document):
                # 1, 1.0 and True are one key of a Python dict, but three values of an event; so
                # are 0.0 and -0.0, which are two texts.
                kind = type(value)
                key = value if kind is str else (kind, str(value) if kind is float else value)
                place = places[number]
                code = place.get(key)
                if code is None:
                    code = place[key] = len(place)
                    values[number].append(value)
                codes[number].append(code)
                rows[number].append(row)
        return {
            name: Column(values[i], np.array(codes[i], np.int32), np.array(rows[i], np.int32))
            for i, name in enumerate(names)
            if codes[i]
        }

    def column(self, field: str) -> Column:
        """The field's column; an empty one where no event has it."""
        return self.columns.get(field, EMPTY)
