"""The syntax of Datadog's log search: what a text says, before its names are fields.

Nodes compare by what they say and by where; `unplaced` drops the where.
"""

from __future__ import annotations

import msgspec

from tocsin.source_text import Span


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Literal text, its escapes settled.

    Attributes:
        value: the characters.
        quoted: whether it stood in quotes.
        span: where it stands.
    """

    value: str
    quoted: bool = False
    span: Span | None = None


class Pattern(msgspec.Struct, frozen=True, tag="pattern"):
    """Text with wildcards: a glob of `tocsin.logic.patterns`."""

    glob: str
    span: Span | None = None


class Bound(msgspec.Struct, frozen=True, tag="bound"):
    """One end of a range, and whether it belongs to it."""

    text: str
    included: bool


class Interval(msgspec.Struct, frozen=True, tag="interval"):
    """``[1 TO 5]``, ``>=3``: a missing bound is open."""

    low: Bound | None
    high: Bound | None
    span: Span | None = None


Value = Text | Pattern | Interval


class Name(msgspec.Struct, frozen=True, tag="name"):
    """A name in front of a colon, its escapes settled: ``@evt.name``, ``service``, ``*``."""

    name: str
    span: Span | None = None


class Match(msgspec.Struct, frozen=True, tag="match"):
    """A field has a value; without a field, the message does."""

    field: Name | None
    value: Value


class Exists(msgspec.Struct, frozen=True, tag="exists"):
    """A field has any value."""

    field: Name


class Network(msgspec.Struct, frozen=True, tag="network"):
    """``CIDR(@ip, 10.0.0.0/8, …)``: a field holds an address in one of the blocks."""

    field: Name
    blocks: tuple[Text, ...]


class Everything(msgspec.Struct, frozen=True, tag="everything"):
    """``*``, ``*:*`` or no query at all."""


class Not(msgspec.Struct, frozen=True, tag="not"):
    """``-`` or ``NOT``: the term does not hold."""

    term: Node


class And(msgspec.Struct, frozen=True, tag="and"):
    """All of the terms."""

    terms: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True, tag="or"):
    """One of the terms."""

    terms: tuple[Node, ...]


Node = Match | Exists | Network | Everything | Not | And | Or


def unplaced(node: Node) -> Node:
    """The same without spans, so that two texts that say the same are equal."""
    match node:
        case Match(field, value):
            name = None if field is None else Name(field.name)
            return Match(name, msgspec.structs.replace(value, span=None))
        case Exists(field):
            return Exists(Name(field.name))
        case Network(field, blocks):
            bare = tuple([msgspec.structs.replace(block, span=None) for block in blocks])
            return Network(Name(field.name), bare)
        case Not(term):
            return Not(unplaced(term))
        case And(terms):
            return And(tuple([unplaced(term) for term in terms]))
        case Or(terms):
            return Or(tuple([unplaced(term) for term in terms]))
        case Everything():
            return node
