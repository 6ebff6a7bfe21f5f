"""A plan over a batch: for every rule, the rows that it hits.

Most conditions are never looked at: their gate is closed (`engine.gating`). Of the others, first
the terms are asked whose fields have few distinct values, the rarest first, and each only of the
rows that those before it left. Fields with many values (command lines, addresses) are scanned
after that, for the rows that some condition still needs. Scripts come last and read the columns;
nested objects are asked of the documents, by the reference.

Until its field is scanned a leaf may hold of anything (decision 3 of the design).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter

import numpy as np

from tocsin.engine.answers import NO_ROWS, Answers, Columns
from tocsin.engine.asking import Asking
from tocsin.engine.plan import Plan, Term
from tocsin.events.batch import Mask, Rows

__all__ = ["NO_ROWS", "Evaluation", "evaluate"]

_FEW_VALUES = 256
_FEW = 48
"""A field of few distinct values has at most one for so many rows, or `_FEW_VALUES`."""

_MASK_LATER = 8
"""A mask counts as so many times what it lets through: it seldom leaves less than a leaf does."""


def evaluate(plan: Plan, batch: Columns) -> list[Rows]:
    """For each condition of the plan the rows of the batch that satisfy it, ascending."""
    return Evaluation(plan, batch).all()


class _Search:
    """A condition on its way to the rows that satisfy it.

    Attributes:
        number: the condition's.
        rows: those that are left; None: all.
        terms: what has not been asked of them for certain.
        unknown: the scans that have not been asked about them.
    """

    __slots__ = ("number", "rows", "terms", "unknown")

    def __init__(self, number: int, terms: Sequence[Term], unknown: frozenset[int]) -> None:
        self.number = number
        self.rows: Rows | None = None
        self.terms = list(terms)
        self.unknown = unknown

    @property
    def is_alive(self) -> bool:
        """Whether some row is left."""
        return self.rows is None or len(self.rows) > 0

    def forget(self) -> None:
        """Drops the terms that were asked for certain."""
        self.terms = [t for t in self.terms if t.by_row or t.scans & self.unknown]


class Evaluation:
    """One batch under one plan; a leaf is answered once for a value, when somebody asks.

    Args:
        plan: the conditions.
        batch: the events: a `Batch`, or anything else with columns.
    """

    def __init__(self, plan: Plan, batch: Columns) -> None:
        self._plan = plan
        self._batch = batch
        self._answers = Answers(plan, batch)
        self._asking = Asking(plan, batch, self._answers)
        self._possible = np.ones(len(plan.slots), dtype=np.bool_)
        self._fields = np.zeros(len(plan.scans), dtype=np.bool_)  # not looked at yet, by scan
        self._late: frozenset[int] = frozenset()
        self._open: Mask | None = None
        self._seen: dict[int, tuple[Mask, Rows]] = {}
        self._trails: dict[tuple[int, int], tuple[int, Rows | None]] = {}
        if batch.size:
            self._look_for_fields()

    def all(self) -> list[Rows]:
        """Every condition's rows."""
        found = [NO_ROWS] * len(self._plan.conditions)
        for number, rows in self.hits():
            found[number] = rows
        return found

    def rows(self, number: int, among: Mask | None = None) -> Rows:
        """One condition's rows, among those that the mask allows.

        To ask for many conditions one by one costs more than `hits`.
        """
        return next((rows for _, rows in self._searched([number], lambda _: among)), NO_ROWS)

    def hits(
        self,
        numbers: Iterable[int] | None = None,
        mask_of: Callable[[int], Mask | None] | None = None,
    ) -> Iterator[tuple[int, Rows]]:
        """The conditions that some row satisfies, each with its rows.

        Args:
            numbers: the conditions that are asked, in this order; None: all of them.
            mask_of: of a condition, the rows that it may look at; None: all of them.
        """
        asked = range(len(self._plan.conditions)) if numbers is None else numbers
        yield from self._searched(asked, mask_of or (lambda _: None))

    def _searched(
        self, numbers: Iterable[int], mask_of: Callable[[int], Mask | None]
    ) -> Iterator[tuple[int, Rows]]:
        if not self._batch.size:
            return
        masks = {number: mask_of(number) for number in numbers}
        chosen = [n for n, mask in masks.items() if mask is None or len(self._rows_of(mask))]
        self._ask_soon(chosen)
        is_open = self._gates()
        searches = []
        for number in chosen:
            if is_open[number]:
                unknown = self._plan.scans_of[number] & self._late
                search = _Search(number, self._plan.terms[number], unknown)
                self._begin(search, masks[number])
                searches.append(search)
        self._ask_late(searches)
        for search in searches:
            rows = self._finish(search)
            if len(rows):
                yield search.number, rows

    def _rows_of(self, mask: Mask) -> Rows:
        known = self._seen.get(id(mask))
        if known is None:
            # With the mask, so that it lives and its id is no other's.
            known = self._seen[id(mask)] = mask, np.flatnonzero(mask).astype(np.int32)
        return known[1]

    # --- fields --------------------------------------------------------------------------------

    def _look_for_fields(self) -> None:
        """Closes the gates of conditions that need fields which no event of the batch has."""
        for scan, (field, _) in enumerate(self._plan.scans):
            self._fields[scan] = len(self._answers.layout(field).column.rows) > 0
            if not self._fields[scan]:
                self._note(scan, None)

    def _note(self, scan: int, fits: list[list[int]] | None) -> None:
        """What a scan's leaves can hold of, now that it has answered for every value."""
        for slot in self._plan.slots[self._plan.starts[scan] : self._plan.starts[scan + 1]]:
            self._possible[slot.place] = slot.if_missing or bool(fits and fits[slot.number])
        self._open = None

    def _gates(self) -> Mask:
        if self._open is None:
            self._open = self._plan.gates.open(self._possible)
        return self._open

    def _ask_soon(self, chosen: list[int]) -> None:
        """Scans the fields of few distinct values, as far as open conditions name them."""
        is_open = self._gates()
        named = self._plan.asks[[n for n in chosen if is_open[n]]].any(axis=0)
        few = max(_FEW_VALUES, self._batch.size // _FEW)
        late = []
        for scan in np.flatnonzero(named & self._fields).tolist():
            column = self._answers.layout(self._plan.scans[scan][0]).column
            if column.is_broad or len(column.distinct) > few:
                late.append(scan)
            else:
                self._note(scan, self._answers.ask(scan, None))
            self._fields[scan] = False
        self._late |= frozenset(late)

    def _ask_late(self, searches: list[_Search]) -> None:
        """Scans the other fields, for the rows that some condition has left."""
        waiting: dict[int, list[_Search]] = {}
        for search in searches:
            for scan in search.unknown:
                waiting.setdefault(scan, []).append(search)
        for scan in sorted(waiting, key=self._breadth):
            some = [search for search in waiting[scan] if search.is_alive]
            if not some:
                continue
            self._answers.ask(scan, self._united([search.rows for search in some]))
            for search in some:
                self._asking.unknown = search.unknown = search.unknown - {scan}
                for term in search.terms:
                    if scan in term.scans and search.is_alive:
                        search.rows = self._asking.left(term.expr, search.rows)
                search.forget()

    def _breadth(self, scan: int) -> tuple[int, int]:
        return len(self._answers.layout(self._plan.scans[scan][0]).column.rows), scan

    def _united(self, parts: Sequence[Rows | None]) -> Rows | None:
        if len(parts) == 1:
            return parts[0]
        mask = np.zeros(self._batch.size, dtype=np.bool_)
        for rows in parts:
            if rows is None:
                return None
            mask[rows] = True
        return np.flatnonzero(mask).astype(np.int32)

    # --- one condition -------------------------------------------------------------------------

    def _begin(self, search: _Search, among: Mask | None) -> None:
        """Asks what is known already, the rarest term first.

        What many conditions ask comes in the same order, so it is remembered what it left.
        """
        self._asking.unknown = search.unknown
        certain = [t for t in search.terms if not t.by_row and not t.scans & search.unknown]
        steps: list[tuple[int, int, Term | None]] = [
            (self._asking.at_most(term.expr), id(term.expr), term) for term in certain
        ]
        if among is not None:
            steps.append((_MASK_LATER * len(self._rows_of(among)), id(among), None))
        trail = 0
        for _, name, term in sorted(steps, key=itemgetter(0, 1)):
            known = self._trails.get((trail, name))
            if known is None:
                if term is not None:
                    rows = self._asking.left(term.expr, search.rows)
                else:
                    rows = self._within(search.rows, among)
                known = self._trails[trail, name] = len(self._trails) + 1, rows
            trail, search.rows = known
            if not search.is_alive:
                return
        search.terms = [term for term in search.terms if term not in certain]
        for term in search.terms:
            if search.is_alive:
                search.rows = self._asking.left(term.expr, search.rows)

    def _within(self, rows: Rows | None, among: Mask | None) -> Rows | None:
        if among is None:
            return rows
        return self._rows_of(among) if rows is None else rows[among[rows]]

    def _finish(self, search: _Search) -> Rows:
        """The condition's rows; what is asked row by row is asked here."""
        self._asking.unknown, self._asking.is_by_row = search.unknown, True
        for term in search.terms:
            if search.is_alive:
                search.rows = self._asking.left(term.expr, search.rows)
        self._asking.is_by_row = False
        rows = search.rows
        return np.arange(self._batch.size, dtype=np.int32) if rows is None else rows
