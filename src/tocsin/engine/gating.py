"""Which conditions can hold of anything in a batch: asked of all of them at once.

A condition is cut down to clauses, each a set of leaves of which an event has to satisfy one:

    (a or b) and c and not d   ->   {a, b} {c}

A clause without a leaf that holds anywhere in the batch closes the condition's gate, and nobody
looks at the condition. An open gate promises nothing (decision 3 of the design).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tocsin.logic.expr import Always, And, Expr, Leaf, Or, walk

Mask = npt.NDArray[np.bool_]
Clause = tuple[int, ...]

_MOST_CLAUSES = 32


class Gates:
    """The clauses of many conditions.

    Args:
        conditions: as the plan holds them.
        numbers: the leaves' numbers, from 0, by `id`.
    """

    def __init__(self, conditions: Sequence[Expr], numbers: Mapping[int, int]) -> None:
        self._size = len(numbers)
        used = Counter(
            numbers[id(node)]
            for condition in conditions
            for node in walk(condition)
            if id(node) in numbers
        )
        always, never = self._size, self._size + 1
        leaves: list[int] = []
        clauses: list[int] = []
        starts: list[int] = []
        for condition in conditions:
            starts.append(len(clauses))
            for clause in _clauses(condition, numbers, used) or [(always,)]:
                clauses.append(len(leaves))
                leaves.extend(clause or (never,))
        self._leaves = np.array(leaves, dtype=np.intp)
        self._clauses = np.array(clauses, dtype=np.intp)
        self._conditions = np.array(starts, dtype=np.intp)

    def open(self, possible: Mask) -> Mask:
        """By condition, whether it may hold.

        Args:
            possible: by leaf, whether it may hold of something in the batch.
        """
        if not len(self._conditions):
            return np.zeros(0, dtype=np.bool_)
        known = np.concatenate((possible, [True, False]))
        by_clause = np.logical_or.reduceat(known[self._leaves], self._clauses)
        result: Mask = np.logical_and.reduceat(by_clause, self._conditions)
        return result


def _clauses(expr: Expr, numbers: Mapping[int, int], used: Counter[int]) -> list[Clause]:
    """What an event has to satisfy; no clause where nothing is known, an empty one: it cannot."""
    match expr:
        case Leaf():
            return [(numbers[id(expr)],)]
        case Always(value):
            return [] if value else [()]
        case And(terms):
            found = [clause for term in terms for clause in _clauses(term, numbers, used)]
            return sorted(found, key=lambda clause: _breadth(clause, used))[:_MOST_CLAUSES]
        case Or(terms):
            return _either([_clauses(term, numbers, used) for term in terms], used)
        case _:
            return []


def _either(terms: Iterable[list[Clause]], used: Counter[int]) -> list[Clause]:
    """One clause for a disjunction: of each term the clause that is likely to be the rarest."""
    union: dict[int, None] = {}
    for clauses in terms:
        if not clauses:
            return []
        rarest: Clause = min(clauses, key=lambda clause: _breadth(clause, used))
        union.update(dict.fromkeys(rarest))
    return [tuple(union)]


def _breadth(clause: Clause, used: Counter[int]) -> int:
    # What many conditions ask for (`event.type == "start"`) is what many events have.
    return sum(used[leaf] for leaf in clause)
