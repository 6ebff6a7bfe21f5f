"""The syntax of Lucene's query strings: what a text says, before field types give it a meaning.

A query is a row of clauses, each of which must hold, must not, or should; there is no precedence
among ``AND`` and ``OR``. One kind of leaf, `Match`, asks a field for a `Value`.

Nodes compare by what they say and by where; `unplaced` drops the where.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tocsin.source_text import Span


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Literal text, its escapes settled.

    Attributes:
        value: the characters; of several words in a row, all of them.
        quoted: whether it stood in quotes, which makes a phrase of it in analysed fields.
        span: where it stands.
    """

    value: str
    quoted: bool = False
    span: Span | None = None


class Pattern(msgspec.Struct, frozen=True, tag="pattern"):
    """Text with wildcards: a glob of `tocsin.logic.patterns`."""

    glob: str
    span: Span | None = None


class Expression(msgspec.Struct, frozen=True, tag="regex"):
    """A regular expression, as it stands between its slashes."""

    pattern: str
    span: Span | None = None


class Bound(msgspec.Struct, frozen=True, tag="bound"):
    """One end of a range, and whether it belongs to it."""

    text: str
    included: bool


class Interval(msgspec.Struct, frozen=True, tag="interval"):
    """``[1 TO 5}``, ``>=3``: a missing bound is open."""

    low: Bound | None
    high: Bound | None
    span: Span | None = None


Value = Text | Pattern | Expression | Interval


class Name(msgspec.Struct, frozen=True, tag="name"):
    """A field's name; with ``*`` in it, every field that fits.

    Attributes:
        name: its escapes settled.
        span: where it stands.
    """

    name: str
    span: Span | None = None


class Match(msgspec.Struct, frozen=True, tag="match"):
    """A field has a value; without a field, any field has it."""

    field: Name | None
    value: Value


class Exists(msgspec.Struct, frozen=True, tag="exists"):
    """A field has any value."""

    field: Name


Occur = Literal["must", "should", "must_not"]


class Clause(msgspec.Struct, frozen=True, tag="clause"):
    """One of the terms of a query, and how it counts."""

    occur: Occur
    node: Node


class Clauses(msgspec.Struct, frozen=True, tag="clauses"):
    """All that must hold and none that must not; without a ``must``, one that should."""

    clauses: tuple[Clause, ...]


class Everything(msgspec.Struct, frozen=True, tag="everything"):
    """``*``, ``*:*`` or no query at all."""


Node = Match | Exists | Clauses | Everything


def unplaced(node: Node) -> Node:
    """The same without spans, so that two texts that say the same are equal."""
    match node:
        case Match(field, value):
            name = None if field is None else Name(field.name)
            return Match(name, msgspec.structs.replace(value, span=None))
        case Exists(field):
            return Exists(Name(field.name))
        case Clauses(clauses):
            return Clauses(tuple([Clause(c.occur, unplaced(c.node)) for c in clauses]))
        case Everything():
            return node
