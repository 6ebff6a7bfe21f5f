"""Several events at once that have to agree in some of their fields.

Each event's condition is asked of fields of its own, ``2|process.name`` for the third event, but
the fields that join them are one field: what every condition asks of it is asked of one value. So
the conjunction of all is one condition, and `search` solves it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from tocsin.engine.reference import OUTER
from tocsin.engine.solve.search import Solution, find
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.value import Call, Field, Value

Shared = Sequence[tuple[int, str]]
"""(number of the event, field) pairs that have to have the same value."""

_MARK: Final = "|"
_UP: Final = f"{OUTER}."

_Any = TypeVar("_Any")
_Named = Callable[[str], str]


def solve_together(
    conditions: Sequence[Expr], shared: Sequence[Shared], *, seed: int = 0
) -> list[Solution] | None:
    """An event for each condition, equal in what they share; None where none were found."""
    names: list[dict[str, str]] = [{} for _ in conditions]
    for group, members in enumerate(_joined(shared)):
        for number, field in members:
            names[number][field] = f"shared{_MARK}{group}"

    def named(number: int) -> _Named:
        return lambda field: names[number].get(field, f"{number}{_MARK}{field}")

    terms = tuple(_renamed(expr, named(number)) for number, expr in enumerate(conditions))
    whole = find(And(terms), seed=seed)
    if whole is None:
        return None
    return [_part(whole, f"{number}{_MARK}", names[number]) for number in range(len(conditions))]


def _joined(shared: Sequence[Shared]) -> list[list[tuple[int, str]]]:
    """The groups, those that have a field in common made one."""
    groups: list[list[tuple[int, str]]] = []
    for members in shared:
        near = [group for group in groups if any(member in group for member in members)]
        merged = list(dict.fromkeys(itertools.chain(*near, members)))
        groups = [group for group in groups if group not in near] + [merged]
    return groups


def _part(whole: Solution, prefix: str, names: Mapping[str, str]) -> Solution:
    """What is of one event."""
    return msgspec.structs.replace(
        whole,
        values=_mine(whole.values, prefix, names),
        objects=_mine(whole.objects, prefix, names),
        wants=_mine(whole.wants, prefix, names),
        avoids=_mine(whole.avoids, prefix, names),
    )


def _mine(found: Mapping[str, _Any], prefix: str, names: Mapping[str, str]) -> dict[str, _Any]:
    own = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
    return own | {field: found[name] for field, name in names.items() if name in found}


def _renamed(expr: Expr, name: _Named) -> Expr:
    match expr:
        case And(terms):
            return And(tuple(_renamed(term, name) for term in terms))
        case Or(terms):
            return Or(tuple(_renamed(term, name) for term in terms))
        case Not(term):
            return Not(_renamed(term, name))
        case Leaf():
            return msgspec.structs.replace(expr, field=name(expr.field))
        case Script(value, text):
            return Script(_renamed_value(value, name), text)
        case Nested(path, term, most):
            return Nested(name(path), _renamed(term, lambda field: _inside(field, name)), most)
        case _:
            return expr


def _inside(field: str, name: _Named) -> str:
    """A field of an object keeps its name; one of the event around it does not."""
    return _UP + name(field.removeprefix(_UP)) if field.startswith(_UP) else field


def _renamed_value(value: Value, name: _Named) -> Value:
    match value:
        case Field():
            return msgspec.structs.replace(value, name=name(value.name))
        case Call():
            args = tuple(_renamed_value(argument, name) for argument in value.args)
            return msgspec.structs.replace(value, args=args)
        case _:
            return value
