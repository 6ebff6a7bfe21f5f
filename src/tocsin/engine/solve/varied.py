"""Other values of a field with which an event satisfies its condition all the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from tocsin.engine import reference
from tocsin.engine.solve.fields import distinct, pool
from tocsin.engine.solve.search import Solution
from tocsin.events.schema import ECS
from tocsin.logic.expr import Expr
from tocsin.logic.field_types import Scalar


def distinct_values(
    expr: Expr, solution: Solution, field: str, least: int
) -> list[tuple[Scalar, ...]] | None:
    """So many values of a field with which the condition holds; side by side if need be."""
    own = solution.values[field]
    alone = [own, *((value,) for value in more_values(expr, solution, field))]
    if len(alone) >= least:
        return alone[:least]
    kind = _kind_of(solution, field)
    beside = [(*own, value) for value in numbered(kind)]
    held = [v for v in beside if reference.holds(expr, solution.having(field, v).document)]
    found = [*alone, *held]
    return found[:least] if len(found) >= least else None


_MOST_VALUES: Final = 600


def more_values(expr: Expr, solution: Solution, field: str) -> list[Scalar]:
    """Other values of a field with which the condition holds."""
    kind = _kind_of(solution, field)
    wants, avoids = solution.wants.get(field, ()), solution.avoids.get(field, ())
    fillings = [f"x{number}" for number in range(60)]
    tried = itertools.chain(numbered(kind), pool(wants, avoids, fillings))
    own = solution.values.get(field, ())
    return [
        value
        for value in itertools.islice(distinct(tried), _MOST_VALUES)
        if value not in own and reference.holds(expr, solution.having(field, (value,)).document)
    ]


def _kind_of(solution: Solution, field: str) -> str:
    kinds = {want.type for want in solution.wants.get(field, ())} - {"dynamic"}
    return next(iter(sorted(kinds)), "") or ECS.resolve(field).type


def numbered(kind: str) -> Iterator[Scalar]:
    """Values of a type, one after another."""
    for number in range(1, 300):
        match kind:
            case "long" | "double":
                yield 40_000 + number
            case "ip":
                yield f"198.51.{100 + number // 250}.{number % 250 + 1}"
            case "boolean":
                yield bool(number % 2)
            case "date":
                yield f"2026-01-04T10:{number // 60:02}:{number % 60:02}.000Z"
            case _:
                yield f"value-{number}"
