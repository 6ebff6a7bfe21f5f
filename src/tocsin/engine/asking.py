"""An expression over the rows of a batch: of which of them it holds, or may hold.

A conjunction asks each of its terms only of the rows that those before it left; what holds of few
rows is found by its values, and no others are touched. A leaf whose field nobody has scanned yet
may hold of anything, and so may what is asked row by row, until it is its turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

import numpy as np
import numpy.typing as npt

from tocsin.engine import reference
from tocsin.engine.answers import NO_ROWS, Answers, Columns, distinct
from tocsin.engine.plan import Plan
from tocsin.events.batch import Mask, Rows
from tocsin.logic import functions
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import Scalar, coerce
from tocsin.logic.value import Field, fields_of
from tocsin.logic.views import viewed

_RARE = 4
"""What holds of fewer than one row in so many is found by its values, not by going over all."""

_WORTH_ORDERING = 1_024
"""From so many rows on, terms inside of a condition are put in order."""

_Result = Mask | bool
"""A mask over the rows, or one answer for all of them."""


class Asking:
    """What conditions have in common when they are asked about one batch.

    Args:
        plan: the conditions.
        batch: the events.
        answers: of the plan's leaves.

    Attributes:
        unknown: the scans that have not been asked about the rows at hand.
        is_by_row: whether it is the turn of what is asked row by row.
    """

    def __init__(self, plan: Plan, batch: Columns, answers: Answers) -> None:
        self._plan = plan
        self._batch = batch
        self._answers = answers
        self._most: dict[int, int] = {}
        self._scripts: dict[int, dict[tuple[tuple[int, ...], ...], bool]] = {}
        self.unknown: frozenset[int] = frozenset()
        self.is_by_row = False

    def left(self, expr: Expr, rows: Rows | None) -> Rows | None:
        """The rows of which the expression may hold, of these or of all."""
        if rows is None and self.at_most(expr) * _RARE < self._batch.size:
            return self._rare(expr)
        result = self._holds(expr, rows, may=True)
        if isinstance(result, bool):
            return rows if result else NO_ROWS
        return np.flatnonzero(result).astype(np.int32) if rows is None else rows[result]

    def _rare(self, expr: Expr) -> Rows:
        """The same of all rows, for an expression that holds of few: the others are not touched."""
        match expr:
            case Leaf():
                return self._answers.rows(self._plan.leaves[id(expr)])
            case Or(terms):
                return distinct([self._rare(term) for term in terms])
            case And(terms):
                first, *others = sorted(terms, key=self.at_most)
                rows: Rows | None = self._rare(first)
                for term in others:
                    rows = self.left(term, rows)
                return NO_ROWS if rows is None else rows
            case _:
                return NO_ROWS  # of constants: nothing else has so low a bound

    def at_most(self, expr: Expr) -> int:
        """At most how many rows satisfy the expression, as far as that is cheap to say."""
        match expr:
            case Leaf():
                slot = self._plan.leaves[id(expr)]
                if slot.scan in self.unknown:
                    return self._batch.size
                known = self._most.get(slot.place)
                if known is None:
                    known = self._most[slot.place] = self._answers.most(slot)
                return known
            case And(terms) if terms:
                return min(self.at_most(term) for term in terms)
            case Or(terms):
                return min(sum(self.at_most(term) for term in terms), self._batch.size)
            case Always(value) if not value:
                return 0
            case _:
                return self._batch.size

    def _holds(self, expr: Expr, rows: Rows | None, *, may: bool) -> _Result:
        """Whether the expression holds, by row; what is not known yet counts as ``may``."""
        match expr:
            case Leaf():
                slot = self._plan.leaves[id(expr)]
                return may if slot.scan in self.unknown else self._answers.holds(slot, rows)
            case Always(value):
                return value
            case Not(term):
                result = self._holds(term, rows, may=not may)
                return not result if isinstance(result, bool) else ~result
            case And(terms):
                return self._all_hold(terms, rows, may=may)
            case Or(terms):
                return self._any_holds(terms, rows, may=may)
            case Script() | Nested():
                return self._by_row(expr, rows) if self.is_by_row else may
            case _:
                assert_never(expr)

    def _all_hold(self, terms: Sequence[Expr], rows: Rows | None, *, may: bool) -> _Result:
        """Each term is asked only of the rows that those before it left."""
        size = self._batch.size if rows is None else len(rows)
        left: npt.NDArray[np.intp] | None = None  # places among the rows; None: all of them
        asked = rows
        if size >= _WORTH_ORDERING:
            terms = sorted(terms, key=self.at_most)
        for term in terms:
            result = self._holds(term, asked, may=may)
            if result is False:
                return False
            if result is True:
                continue
            left = np.flatnonzero(result) if left is None else left[result]
            if not len(left):
                return False
            asked = left.astype(np.int32) if rows is None else rows[left]
        if left is None:
            return True
        mask = np.zeros(size, dtype=np.bool_)
        mask[left] = True
        return mask

    def _any_holds(self, terms: Sequence[Expr], rows: Rows | None, *, may: bool) -> _Result:
        so_far: Mask | None = None
        for term in terms:
            result = self._holds(term, rows, may=may)
            if result is True:
                return True
            if result is not False:
                so_far = result if so_far is None else so_far | result
        return False if so_far is None else so_far

    def _by_row(self, expr: Script | Nested, rows: Rows | None) -> Mask:
        places = range(self._batch.size) if rows is None else rows.tolist()
        if isinstance(expr, Script):
            fields = fields_of(expr.value)
            if not any("*" in field.name for field in fields):
                return self._script(expr, fields, places)
        documents = self._batch.documents
        return np.array([reference.holds(expr, documents[row]) for row in places], np.bool_)

    def _script(self, script: Script, fields: Sequence[Field], rows: Iterable[int]) -> Mask:
        """What a script says depends on its fields' values alone: rows with the same are one."""
        layouts = {field: self._answers.layout(field.name) for field in fields}
        known = self._scripts.setdefault(id(script), {})
        result = []
        for row in rows:
            key = tuple(layout.key(row) for layout in layouts.values())
            holds = known.get(key)
            if holds is None:

                def read(field: Field, row: int = row) -> list[Scalar]:
                    raw = layouts[field].values(row)
                    values = [v for v in (coerce(field.type, one) for one in raw) if v is not None]
                    return viewed(field.view, values)

                holds = known[key] = functions.holds(script.value, read)
            result.append(holds)
        return np.array(result, np.bool_)
