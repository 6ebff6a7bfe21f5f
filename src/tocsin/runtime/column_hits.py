"""Which rows of columns satisfy which conditions: what `Finder.in_columns` asks of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tocsin.engine.evaluate import Evaluation
from tocsin.engine.plan import Plan
from tocsin.engine.visibility import Visibility
from tocsin.events.batch import Mask
from tocsin.logic.field_types import FieldType, Scalar, coerce
from tocsin.runtime.hits import KeyGate
from tocsin.runtime.thinning import Thinning

if TYPE_CHECKING:
    from tocsin.events.arrow.batch import ColumnBatch

KeyColumns = dict[tuple[str, FieldType], list[Scalar | None]]
"""The distinct values of columns as a type holds them."""


class Asked(msgspec.Struct, frozen=True):
    """What is asked of rows.

    Attributes:
        plan: the conditions.
        indices: for each, the index patterns of its rule.
        only: the ones that are asked about; None: all.
        keys: for each, the values that a row has to have; none at all: any.
        thinnings: by condition, which of its rows need not be told.
    """

    plan: Plan
    indices: Sequence[tuple[str, ...]]
    only: frozenset[int] | None
    keys: Sequence[KeyGate | None]
    thinnings: Mapping[int, Thinning]


def hits_in(batch: ColumnBatch, asked: Asked) -> dict[int, list[int]]:
    """By row, the conditions that hold of it; rows that are no ECS as they stand are left out."""
    seen, sure = Visibility(batch), batch.in_ecs
    only = None if asked.only is None else sorted(asked.only)
    evaluation = Evaluation(asked.plan, batch)
    found: dict[int, list[int]] = {}
    read: KeyColumns = {}
    for number, rows in evaluation.hits(only, lambda n: _among(n, batch, seen, asked, read)):
        told = rows[sure[rows]]
        if number in asked.thinnings:
            told = asked.thinnings[number].of(told, batch)
        for row in told.tolist():
            found.setdefault(row, []).append(number)
    return found


def _among(
    number: int, batch: ColumnBatch, seen: Visibility, asked: Asked, read: KeyColumns
) -> Mask | None:
    """The rows that a condition may look at; None: all of them."""
    mask = seen.of(asked.indices[number])
    gate = asked.keys[number] if asked.keys else None
    if gate is None:
        return mask
    column = batch.column(gate.field)
    values = read.get((gate.field, gate.type))
    if values is None:
        values = [coerce(gate.type, one) for one in column.distinct]
        read[gate.field, gate.type] = values
    fits = np.array([value in gate.values for value in values], np.bool_)
    keyed = np.zeros(batch.size, dtype=np.bool_)
    if len(column.rows):
        keyed[column.rows[fits[column.codes]]] = True
    return keyed if mask is None else keyed & mask
