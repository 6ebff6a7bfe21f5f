"""SECL's syntax: what an expression says, before anybody asks what its names mean."""

from __future__ import annotations

from typing import Literal

import msgspec

from tocsin.source_text import Span

TextForm = Literal["text", "pattern", "regex"]


class Name(msgspec.Struct, frozen=True):
    """A constant, a macro or a field; ``process.ancestors[A].comm``, ``exec.argv[0]``."""

    name: str
    span: Span


class Variable(msgspec.Struct, frozen=True):
    """``${process.x}``."""

    name: str
    span: Span


class FieldReference(msgspec.Struct, frozen=True):
    """``%{process.name}``: a field and nothing else."""

    name: str
    span: Span


class Text(msgspec.Struct, frozen=True):
    """``"text"``, ``~"pat*"`` or ``r"reg.x"``, as it stands between the quotes."""

    value: str
    form: TextForm
    span: Span


class Number(msgspec.Struct, frozen=True):
    """An integer; a duration is its nanoseconds."""

    value: int
    span: Span
    is_duration: bool = False


class Address(msgspec.Struct, frozen=True):
    """An IP address or a block of them."""

    text: str
    span: Span


class Array(msgspec.Struct, frozen=True):
    """``[a, b]``: members of one sort."""

    members: tuple[Node, ...]
    span: Span


class Unary(msgspec.Struct, frozen=True):
    """``! - ^`` before a value."""

    operator: Literal["!", "-", "^"]
    term: Node
    span: Span


class Bits(msgspec.Struct, frozen=True):
    """``a & b``: of equal rank, associating to the right."""

    operator: Literal["&", "|", "^"]
    left: Node
    right: Node
    span: Span


class Sum(msgspec.Struct, frozen=True):
    """``a + b - c``, from left to right."""

    first: Node
    rest: tuple[tuple[Literal["+", "-"], Node], ...]
    span: Span


class Comparison(msgspec.Struct, frozen=True):
    """``a == b``, ``a in [b]``: the operator as the rule wrote it, with one blank in ``not in``."""

    operator: str
    left: Node
    right: Node
    span: Span


class Logic(msgspec.Struct, frozen=True):
    """``a && b || c``: one rank for both, associating to the right.

    ``operators[i]`` stands between ``terms[i]`` and everything behind it.
    """

    terms: tuple[Node, ...]
    operators: tuple[Literal["&&", "||"], ...]
    span: Span


Node = (
    Name | Variable | FieldReference | Text | Number | Address | Array | Unary | Bits | Sum
    | Comparison | Logic
)  # fmt: skip


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below a node, in the order of the text."""
    match node:
        case Array(members):
            return members
        case Unary(_, term):
            return (term,)
        case Bits(_, left, right) | Comparison(_, left, right):
            return (left, right)
        case Sum(first, rest):
            return (first, *(term for _, term in rest))
        case Logic(terms):
            return terms
        case _:
            return ()
