"""Near misses: a solution with one thing about it changed, so that its condition fails.

For each leaf that the solution relies on: another value, the same in another case, none at all;
for each exception of the rule: a value that makes it apply. A change counts only where the
reference says that the whole condition is false of the result.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from tocsin.engine import reference
from tocsin.engine.explain import leaf_text, quoted
from tocsin.engine.solve.candidates import around, candidates, fits, others
from tocsin.engine.solve.search import Solution, find
from tocsin.events.record import Document
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import Scalar
from tocsin.logic.value import fields_of

MOST: Final = 8
"""How many near misses a condition has at the most."""

_Node = Leaf | Script | Nested | And
Made = Callable[[Solution], Document]


class Miss(msgspec.Struct, frozen=True):
    """A solution that is none any more, and what was changed about it."""

    about: str
    solution: Solution


def misses(expr: Expr, solution: Solution, made: Made) -> list[Miss]:
    """Small changes after which the condition is false, at most `MOST`.

    Args:
        expr: the condition.
        solution: what satisfies it.
        made: the event of a solution, with everything that it has besides.
    """
    event = made(solution)
    streams = [
        _changes(node, positive, solution, turn)
        for turn, (node, positive) in enumerate(_relied(expr, event))
    ]
    found: list[Miss] = []
    # Every leaf has its turn before one has its second; each turn, another sort of change first.
    for _ in range(2):
        for stream in streams:
            tried = itertools.islice(stream, 12)
            miss = next((m for m in tried if not reference.holds(expr, made(m.solution))), None)
            if miss is not None and all(miss.solution != other.solution for other in found):
                found.append(miss)
            if len(found) >= MOST:
                return found
    if not found:
        nothing = msgspec.structs.replace(solution, values={}, objects={})
        if not reference.holds(expr, made(nothing)):
            found.append(Miss("an event without any of its fields", nothing))
    return found


def _relied(expr: Expr, event: Document) -> list[tuple[_Node, bool]]:
    """The leaves by which the condition holds, each once; False: those that must not hold.

    Also what must not hold together: an exception that has several conditions.
    """
    found: dict[str, tuple[_Node, bool]] = {}

    def visit(node: Expr, *, positive: bool) -> None:
        if isinstance(node, (Leaf, Script, Nested, And)) and reference.holds(node, event) == (
            positive
        ):
            if not isinstance(node, And):
                found.setdefault(repr((node, positive)), (node, positive))
            elif not positive:
                found.setdefault(repr((node, positive)), (node, positive))
                return
        match node:
            case And(terms) | Or(terms):
                for term in terms:
                    visit(term, positive=positive)
            case Not(term):
                visit(term, positive=not positive)

    visit(expr, positive=True)
    needed = [pair for pair in found.values() if pair[1]]
    barred = [pair for pair in found.values() if not pair[1]]
    in_turn = itertools.chain(*itertools.zip_longest(needed, barred))
    return [pair for pair in in_turn if pair is not None]


def _changes(
    node: _Node, positive: bool, solution: Solution, turn: int
) -> Iterator[Miss]:  # fmt: skip
    match node:
        case And():
            applied = find(node, attempts=1)
            if applied is not None:
                both = {**solution.values, **applied.values}
                about = f"as in the exception of {', '.join(applied.values)}"
                yield Miss(about, msgspec.structs.replace(solution, values=both))
        case Leaf():
            fields = _fields_of(node.field, solution)
            for field in fields:
                own = solution.values.get(field, ())
                changed = _spoilt(node, own, turn) if positive else _excepted(node, own)
                for what, values in changed:
                    yield Miss(f"{node.name} {what}", solution.having(field, values))
        case Script():
            names = [field.name for field in fields_of(node.value)]
            for name in names:
                own = solution.values.get(name, ())
                yield Miss(f"{name} left out", solution.having(name, ()))
                for value in (*(_other(own)), *others("dynamic")):
                    yield Miss(f"{name} is {quoted(value)}", solution.having(name, (value,)))
        case Nested(path):
            objects = {p: found for p, found in solution.objects.items() if p != path}
            yield Miss(f"no objects at {path}", msgspec.structs.replace(solution, objects=objects))


def _fields_of(field: str, solution: Solution) -> list[str]:
    """The field, or those of the solution that a name with a wildcard stands for."""
    if "*" not in field:
        return [field]
    concrete = field.replace("*", "0")
    return [concrete, *(name for name in solution.values if name != concrete)]


def _spoilt(
    leaf: Leaf, own: tuple[Scalar, ...], turn: int
) -> Iterator[tuple[str, tuple[Scalar, ...]]]:
    """Values with which a leaf that holds would not: of each sort one, then more."""
    tried = itertools.chain(_other(own), itertools.islice(around(leaf), 40), others(leaf.type))
    values = (value for value in tried if not fits(leaf, (value,)))
    sorts: list[Iterator[tuple[str, tuple[Scalar, ...]]]] = [
        _turned(leaf, own),
        ((f"is {quoted(value)}", (value,)) for value in values),
        iter([("left out", ())] if own else []),
    ]
    start = turn % len(sorts)
    order = sorts[start:] + sorts[:start]
    for changes in order:
        yield from itertools.islice(changes, 1)
    for changes in order:
        yield from itertools.islice(changes, 6)


def _turned(leaf: Leaf, own: tuple[Scalar, ...]) -> Iterator[tuple[str, tuple[Scalar, ...]]]:
    """The same texts in another case, where that makes the difference."""
    turned = tuple(v.swapcase() if isinstance(v, str) else v for v in own)
    if leaf.type in {"keyword", "text", "dynamic"} and turned != own and not fits(leaf, turned):
        yield f"is {quoted(turned[0])}, in another case", turned


def _excepted(leaf: Leaf, own: tuple[Scalar, ...]) -> Iterator[tuple[str, tuple[Scalar, ...]]]:
    """Values with which an exception of the rule would apply."""
    about = f"as in the exception {leaf_text(leaf)}"
    values = (v for v in itertools.islice(candidates(leaf), 40) if fits(leaf, (v,)))
    for value in itertools.islice(values, 2):
        yield about, (value,)
        if own:
            yield about, (*own, value)
    if fits(leaf, ()):
        yield about, ()


def _other(own: tuple[Scalar, ...]) -> Iterator[Scalar]:
    """Values close to the field's own."""
    for value in own[:1]:
        if isinstance(value, bool):
            yield not value
        elif isinstance(value, str):
            yield from (f"{value}~", value[:-1])
        else:
            yield from (value + 1, value - 1)
