"""Whether two conditions are true of the same events: of events made of what the two ask for.

Each field that they name takes every value that they name, values beside them, two at once, and
none at all; where that makes too many events, a fixed part of them is looked at.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from tocsin.logic.expr import Expr, Leaf, Nested, walk
from tocsin.logic.field_types import FieldType, Scalar, coerce, render_date
from tocsin.logic.matchers import Equals, InNetwork, Matcher, Range, Wildcard, Words, network_of
from tocsin.logic.patterns import glob_text
from tocsin.testing.conformance.cases import Document

MOST_DOCUMENTS: Final = 3_000
_OTHERS: Final[dict[FieldType, Sequence[Scalar]]] = {
    "long": (7, -7),
    "double": (7.5, -7.5),
    "boolean": (True, False),
    "ip": ("203.0.113.9",),
    "date": ("2001-02-03",),
}
_ANYWHERE: Final = "anything"


def documents(*conditions: Expr) -> list[Document]:
    """Events that tell apart what can be told apart."""
    values: dict[str, dict[str, Scalar]] = {}
    for leaf in _leaves(conditions):
        name = leaf.field.replace("*", _ANYWHERE)
        found = values.setdefault(name, {})
        others = _OTHERS.get(leaf.type, ("something else",))
        for value in (*_values(leaf.matcher, leaf.type), *others):
            found.setdefault(repr(value), value)
    choices = [[(name, some) for some in _some(found.values())] for name, found in values.items()]
    return [_document(chosen) for chosen in _chosen(choices)]


def _leaves(conditions: Iterable[Expr]) -> Iterator[Leaf]:
    for condition in conditions:
        for node in walk(condition):
            if isinstance(node, Nested):
                raise NotImplementedError("events for conditions on nested objects")
            if isinstance(node, Leaf):
                yield node


def _values(matcher: Matcher, kind: FieldType) -> Iterator[Scalar]:
    match matcher:
        case Equals(values):
            for value in values:
                yield _as_written(value, kind)
        case Wildcard(globs):
            for glob in globs:
                yield glob_text(glob).replace("*", "")
                yield glob_text(glob).replace("*", "xyz")
        case Words(text=text):
            yield text
            yield f"before {text} after"
        case InNetwork(blocks):
            for block in blocks:
                network = network_of(block)
                if network is not None:
                    yield from (str(network.network_address), str(network.broadcast_address))
        case Range(low, high):
            for bound in (low, high):
                if isinstance(bound, str):
                    yield from (bound, f"{bound}~", bound[:-1])
                elif bound is not None:
                    yield from (_as_written(bound + step, kind) for step in (-1, 0, 1))
        case _:
            pass


def _as_written(value: Scalar, kind: FieldType) -> Scalar:
    """The constant as an event has it: the inverse of `field_types.coerce`."""
    if kind == "date" and isinstance(value, int):
        return render_date(value)
    return value if coerce(kind, value) is not None else "something else"


def _some(values: Iterable[Scalar]) -> list[Any]:
    """No value, each of them, and every two."""
    found = list(values)
    return [None, *found, *map(list, itertools.combinations(found, 2))]


def _chosen(choices: Sequence[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    total = 1
    for some in choices:
        total *= len(some)
    if total <= MOST_DOCUMENTS:
        yield from itertools.product(*choices)
        return
    dice = random.Random(0)
    for _ in range(MOST_DOCUMENTS):
        yield [dice.choice(some) for some in choices]


def _document(chosen: Iterable[tuple[str, Any]]) -> Document:
    return {name: value for name, value in chosen if value is not None}
