r"""A condition as a tree for people: lines of AND, OR, NOT and leaves, or plain data.

>>> from tocsin.logic.expr import And, Leaf, Not
>>> from tocsin.logic.matchers import Equals
>>> tree = And((Leaf("destination.port", Equals((80,))), Not(Leaf("user.name", Equals(("root",))))))
>>> print(*(text_of(line) for line in lines_of(tree)), sep="\n")
AND
├─ destination.port == 80
└─ NOT user.name == root

A line is a tuple of pieces, each with its role, so that a terminal and a page can colour it. Long
lists of values are wrapped; the lines that go on with them stand under the first value. Text comes
as it stands in the rule: whoever prints it makes it harmless first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final, Literal, assert_never

import msgspec

from tocsin.catalogue.indicators import values_of
from tocsin.logic.expr import NEGATIVE_OPERATORS, Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.matchers import Exists, Range

WIDTH = 100
_LEAST = 24

PieceRole = Literal["guide", "connective", "field", "operator", "value", "script", "note"]


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a line that has one meaning."""

    role: PieceRole
    text: str


Line = tuple[Piece, ...]


def text_of(line: Line) -> str:
    """A line without its roles."""
    return "".join(piece.text for piece in line).rstrip()


def lines_of(expr: Expr, width: int = WIDTH) -> list[Line]:
    """The tree, line by line.

    Args:
        expr: a condition.
        width: how many columns a line may have; a value that is longer than that is not cut.
    """
    return list(_lines(expr, "", "", width))


_Node = Expr | tuple[Leaf, ...]
"""A node of the tree as it is drawn: several leaves are one list of alternatives."""


def _lines(node: _Node, first: str, rest: str, width: int) -> Iterator[Line]:
    """Lines of a node: ``first`` stands before its first line, ``rest`` before the others."""
    label, head, children = _open(node)
    if label:
        yield (Piece("guide", first), Piece("connective", label))
    if head is not None:
        yield from _wrap(head, first, rest, width)
    for number, child in enumerate(children):
        is_last = number == len(children) - 1
        branch, below = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        yield from _lines(child, rest + branch, rest + below, width)


def _merged(terms: tuple[Expr, ...]) -> tuple[_Node, ...]:
    """Alternatives in which what the rule wrote as one list is one again.

    SECL's lists hold texts, patterns and regular expressions, which are a leaf each.
    """
    merged: list[_Node] = []
    for _, run in itertools.groupby(enumerate(terms), lambda item: _list_of(*item)):
        nodes = [term for _, term in run]
        leaves = tuple(node for node in nodes if isinstance(node, Leaf))
        merged.append(leaves if len(leaves) > 1 else nodes[0])
    return tuple(merged)


def _list_of(number: int, term: Expr) -> tuple[object, ...]:
    """What neighbours have in common that belong to one list; for others, a thing of their own."""
    if isinstance(term, Leaf) and term.operator in LISTS:
        return (term.name, term.operator, term.every)
    return (number,)


LISTS: Final = frozenset({"in", "in~", "not in", "not in~", "allin", "not allin"})
"""Operators behind which a list may stand."""


def _open(node: _Node) -> tuple[str, tuple[Piece, ...] | None, tuple[_Node, ...]]:
    """A node's label or its pieces, and its children."""
    if isinstance(node, tuple):
        return "", _leaf(node, negated=False), ()
    match node:
        case And(terms):
            return ("AND" if terms else ""), (None if terms else _always(value=True)), terms
        case Or(()):
            return "", _always(value=False), ()
        case Or(terms):
            merged = _merged(terms)
            return ("OR", None, merged) if len(merged) > 1 else _open(merged[0])
        case Not((Script() | Always()) as term):
            _, pieces, _ = _open(term)
            return "", (Piece("connective", "NOT "), *(pieces or ())), ()
        case Not(term):
            inner = _merged(term.terms if isinstance(term, Or) else (term,))
            if len(inner) == 1 and isinstance(inner[0], (Leaf, tuple)):
                leaves = inner[0] if isinstance(inner[0], tuple) else (inner[0],)
                return "", _leaf(leaves, negated=True), ()
            return "NOT", None, (term,)
        case Nested(path, term):
            return f"SOME {path}", None, (term,)
        case Leaf():
            return "", _leaf((node,), negated=False), ()
        case Script(_, text):
            return "", (Piece("script", " ".join(text.split())), Piece("note", " (computed)")), ()
        case Always(value):
            return "", _always(value=value), ()
        case _:
            assert_never(node)


def _always(*, value: bool) -> tuple[Piece, ...]:
    return (Piece("note", "every event" if value else "no event"),)


def _leaf(leaves: tuple[Leaf, ...], *, negated: bool) -> tuple[Piece, ...]:
    """``field operator`` and then one piece a value; a negative operator says its NOT itself.

    Several leaves are alternatives that differ in their matchers alone.
    """
    leaf = leaves[0]
    says_not = leaf.operator in NEGATIVE_OPERATORS
    # A NOT that the operator says is not said twice; one that it says and the tree has not would
    # be a mistake of whoever made the tree, and is shown as what the tree means.
    pieces = [Piece("connective", "NOT ")] if negated and not says_not else []
    operator = leaf.operator
    if says_not and not negated:
        operator = {"!=": "==", "!~": "=~"}.get(operator, operator.removeprefix("not "))
    pieces.append(Piece("field", leaf.name))
    if leaf.every:
        pieces.append(Piece("note", " (every value)"))
    match leaf.matcher:
        case Exists():
            pieces.append(Piece("operator", " exists"))
        case Range():
            (text, _, _), = values_of(leaf)  # fmt: skip
            pieces.append(Piece("operator", f" {text}"))
        case _:
            pieces.append(Piece("operator", f" {operator} "))
            values = [value for leaf in leaves for value, _, _ in values_of(leaf)]
            pieces.extend(Piece("value", quoted(value)) for value in values)
    return tuple(pieces)


def quoted(value: str) -> str:
    r"""A value in a list: quoted where it could be taken for something else.

    >>> quoted("curl"), quoted("a, b"), quoted(""), quoted(r"C:\Program Files\*")
    ('curl', '"a, b"', '""', '"C:\\Program Files\\*"')
    """
    plain = value and not any(c in value for c in ' ,"\t\r\n()')
    return value if plain else '"' + value.replace('"', '\\"') + '"'


def _wrap(pieces: tuple[Piece, ...], first: str, rest: str, width: int) -> Iterator[Line]:
    head = [piece for piece in pieces if piece.role != "value"]
    values = [piece for piece in pieces if piece.role == "value"]
    line = [Piece("guide", first), *head]
    used = sum(len(piece.text) for piece in line)
    # Values hang under the first one, or, where they have too little room there, four columns in.
    longest = max((len(piece.text) for piece in values), default=0)
    fits = width - used >= max(_LEAST, longest + 1)
    hang = used - len(rest) if fits else 4
    for number, value in enumerate(values):
        comma = "," if number < len(values) - 1 else ""
        text = value.text + comma
        begins = number == 0
        is_too_long = used + (0 if begins else 1) + len(text) > width
        if is_too_long and (not begins or not fits):
            yield tuple(line)
            line, used = [Piece("guide", rest + " " * hang)], len(rest) + hang
        elif not begins:
            text = f" {text}"
        line.append(Piece("value", text))
        used += len(text)
    yield tuple(line)


def as_data(expr: Expr) -> dict[str, Any]:
    """The tree as plain data, for JSON.

    >>> from tocsin.logic.matchers import Equals
    >>> as_data(Not(Leaf("user.name", Equals(("root",)))))
    {'not': {'field': 'user.name', 'operator': '==', 'values': ['root']}}
    """
    match expr:
        case And(terms):
            return {"and": [as_data(term) for term in terms]}
        case Or(terms):
            return {"or": [as_data(term) for term in terms]}
        case Not(term):
            return {"not": as_data(term)}
        case Nested(path, term):
            return {"some": path, "of": as_data(term)}
        case Leaf():
            every = {"every": True} if expr.every else {}
            values = [value for value, _, _ in values_of(expr)]
            return {"field": expr.name, "operator": expr.operator, "values": values, **every}
        case Script(_, text):
            return {"script": text}
        case Always(value):
            return {"always": value}
        case _:
            assert_never(expr)
