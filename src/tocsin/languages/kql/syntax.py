"""The syntax of KQL: what a text says, before field types give it a meaning.

`And`, `Or`, `Not` and `Nested` over two kinds of leaf: `Match` (``field: value``, or a value alone)
and `Compare` (``field < value``). A value list, ``f: (a or not b)``, is written out when it is
read: ``f: a or not f: b``.

Nodes compare by what they say and by where; `unplaced` drops the where.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tocsin.source_text import Span


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Literal text, its escapes settled.

    Attributes:
        value: the characters.
        quoted: whether it stood in quotes, which makes a phrase of it in analysed fields.
        span: where it stands.
    """

    value: str
    quoted: bool = False
    span: Span | None = None


class Constant(msgspec.Struct, frozen=True, tag="constant"):
    """``true``, ``false`` or ``null``, unquoted."""

    value: bool | None
    span: Span | None = None


class Pattern(msgspec.Struct, frozen=True, tag="pattern"):
    """Text with wildcards.

    Attributes:
        parts: the literal texts between the stars: ``ba*`` is ``("ba", "")``.
        span: where it stands.
    """

    parts: tuple[str, ...]
    span: Span | None = None

    @property
    def is_lone(self) -> bool:
        """Whether it is ``*`` and nothing else: any value."""
        return self.parts == ("", "")


Value = Text | Constant | Pattern
Name = Text | Pattern
Comparison = Literal["<", "<=", ">", ">="]


class Match(msgspec.Struct, frozen=True, tag="match"):
    """A field has a value; without a field, any field has it."""

    field: Name | None
    value: Value


class Compare(msgspec.Struct, frozen=True, tag="compare"):
    """A field has a value on one side of a bound."""

    field: Name
    operator: Comparison
    value: Value


class Not(msgspec.Struct, frozen=True, tag="not"):
    """The complement."""

    term: Node


class And(msgspec.Struct, frozen=True, tag="and"):
    """All of two or more terms."""

    terms: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True, tag="or"):
    """One of two or more terms."""

    terms: tuple[Node, ...]


class Nested(msgspec.Struct, frozen=True, tag="nested"):
    """One object of an array satisfies the term, whose field names are relative to it."""

    path: Name
    term: Node


Node = Match | Compare | Not | And | Or | Nested

EVERYTHING = Match(Pattern(("", "")), Pattern(("", "")))
"""What a blank query says: ``*: *``."""


def unplaced(node: Node) -> Node:
    """The same without spans, so that two texts that say the same are equal."""
    match node:
        case Match(field, value):
            return Match(None if field is None else _name(field), _value(value))
        case Compare(field, operator, value):
            return Compare(_name(field), operator, _value(value))
        case Not(term):
            return Not(unplaced(term))
        case And(terms):
            return And(tuple([unplaced(t) for t in terms]))
        case Or(terms):
            return Or(tuple([unplaced(t) for t in terms]))
        case Nested(path, term):
            return Nested(_name(path), unplaced(term))


def _name(name: Name) -> Name:
    return Text(name.value, name.quoted) if isinstance(name, Text) else Pattern(name.parts)


def _value(value: Value) -> Value:
    return Constant(value.value) if isinstance(value, Constant) else _name(value)
