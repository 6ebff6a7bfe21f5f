"""A plan over a batch: for every rule, the rows that it hits.

Row masks, and two constants for "none" and "all" so that most of a rule's program costs nothing:
a conjunction stops at its first term without a hit. Scripts and nested objects are asked row by
row, by the reference, and only on the rows that everything cheaper has left.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np

from tocsin.engine import reference
from tocsin.engine.plan import LeafSlot, Plan
from tocsin.events.batch import Batch, Mask, Rows
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script

NO_ROWS: Rows = np.empty(0, dtype=np.int32)

_Result = Mask | bool
"""A mask over the rows, or one answer for all of them."""


def evaluate(plan: Plan, batch: Batch) -> list[Rows]:
    """For each condition of the plan the rows of the batch that satisfy it, ascending."""
    return Evaluation(plan, batch).all()


class Evaluation:
    """One batch under one plan; leaves are answered once, when first asked for."""

    def __init__(self, plan: Plan, batch: Batch) -> None:
        self._plan = plan
        self._batch = batch
        self._scanned: dict[int, tuple[list[list[int]], list[int]]] = {}
        self._leaves: dict[int, _Result] = {}

    def all(self) -> list[Rows]:
        """Every condition's rows."""
        return [self.rows(number) for number in range(len(self._plan.conditions))]

    def rows(self, number: int, among: Mask | None = None) -> Rows:
        """One condition's rows, among those that the mask allows."""
        if self._batch.size == 0 or (among is not None and not among.any()):
            return NO_ROWS
        result = self._expr(self._plan.conditions[number], among)
        if isinstance(result, bool):
            if not result:
                return NO_ROWS
            result = np.ones(self._batch.size, dtype=np.bool_)
        if among is not None:
            result = result & among
        return np.flatnonzero(result).astype(np.int32)

    def _expr(self, expr: Expr, alive: Mask | None) -> _Result:
        match expr:
            case Leaf():
                return self._leaf(expr)
            case Always(value):
                return value
            case Not(term):
                result = self._expr(term, alive)
                return not result if isinstance(result, bool) else ~result
            case And(terms):
                return self._and(terms, alive)
            case Or(terms):
                return self._or(terms, alive)
            case Script() | Nested():
                return self._by_row(expr, alive)
            case _:
                assert_never(expr)

    def _and(self, terms: tuple[Expr, ...], alive: Mask | None) -> _Result:
        so_far: Mask | None = None
        for term in terms:
            left = alive if so_far is None else so_far if alive is None else so_far & alive
            result = self._expr(term, left)
            if result is True:
                continue
            if result is False:
                return False
            so_far = result if so_far is None else so_far & result
            if not so_far.any():
                return False
        return True if so_far is None else so_far

    def _or(self, terms: tuple[Expr, ...], alive: Mask | None) -> _Result:
        so_far: Mask | None = None
        for term in terms:
            result = self._expr(term, alive)
            if result is True:
                return True
            if result is False:
                continue
            so_far = result if so_far is None else so_far | result
        return False if so_far is None else so_far

    def _by_row(self, expr: Script | Nested, alive: Mask | None) -> Mask:
        result = np.zeros(self._batch.size, dtype=np.bool_)
        rows = range(self._batch.size) if alive is None else np.flatnonzero(alive).tolist()
        documents = self._batch.documents
        for row in rows:
            result[row] = reference.holds(expr, documents[row])
        return result

    def _leaf(self, leaf: Leaf) -> _Result:
        known = self._leaves.get(id(leaf))
        if known is None:
            known = self._leaves[id(leaf)] = self._answer(self._plan.leaves[id(leaf)])
        return known

    def _answer(self, slot: LeafSlot) -> _Result:
        field, scan = self._plan.scans[slot.scan]
        column = self._batch.column(field)
        if not len(column.rows):
            return slot.if_missing
        answers = self._scanned.get(slot.scan)
        if answers is None:
            answers = self._scanned[slot.scan] = scan.run(column.distinct)
        codes, valid = answers[0][slot.number], answers[1]
        if not codes and not slot.if_missing and not slot.leaf.every:
            return False
        fits = np.zeros(len(column.distinct), dtype=np.bool_)
        fits[codes] = True
        size = self._batch.size
        result = np.zeros(size, dtype=np.bool_)
        if slot.leaf.every:
            misfits = np.zeros(len(column.distinct), dtype=np.bool_)
            misfits[valid] = True
            misfits &= ~fits
            result[:] = True
            result[column.rows[misfits[column.codes]]] = False
        else:
            result[column.rows[fits[column.codes]]] = True
        if slot.if_missing != slot.leaf.every:
            are_values = np.zeros(len(column.distinct), dtype=np.bool_)
            are_values[valid] = True
            absent = np.ones(size, dtype=np.bool_)
            absent[column.rows[are_values[column.codes]]] = False
            result[absent] = slot.if_missing
        return result
