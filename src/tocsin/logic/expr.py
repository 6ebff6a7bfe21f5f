"""The logic tree: two-valued over events, whatever language a rule was written in.

`And`, `Or`, `Not` over four kinds of leaf:

* `Leaf`: some value of a field fits a matcher
* `Script`: a scalar expression (`value`) is true
* `Nested`: one object of an array of objects fits a whole tree
* `Always`: a constant

Everything in which vendors differ is a field of a leaf, set when a language is lowered: the type
as which values are read, case folding, what a missing field does, any or every value of an array.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tocsin.logic.field_types import FieldType, Scalar
from tocsin.logic.matchers import Matcher
from tocsin.logic.value import Value


class Leaf(msgspec.Struct, frozen=True, tag_field="node", tag="leaf"):
    """True when some value of the field, read as ``type``, fits the matcher.

    Attributes:
        field: dotted path; with ``*`` in it, every field of the event that fits.
        matcher: what is asked of one value.
        type: how values are read; one that cannot be read so does not count.
        missing: what a field without a value reads as; None: it has no value, so the leaf is
            false (SECL reads zero values instead).
        every: all values have to fit, and none is enough (SECL's ``allin``).
        operator: as the rule wrote it, for people: ``:``, ``like~``, ``==``, ``!=`` …
            A negative operator (`NEGATIVE_OPERATORS`) stands under the `Not` that it means.
        spelled: the field as the rule wrote it; empty where that is ``field``.
    """

    field: str
    matcher: Matcher
    type: FieldType = "dynamic"
    missing: Scalar | None = None
    every: bool = False
    operator: str = "=="
    spelled: str = ""

    @property
    def name(self) -> str:
        """The field as the rule wrote it."""
        return self.spelled or self.field


class Script(msgspec.Struct, frozen=True, tag_field="node", tag="script"):
    """True when the value is true for some combination of its fields' values.

    Each distinct field runs through its values (its `missing` value where it has none).
    ``text`` is the expression as the rule wrote it.
    """

    value: Value
    text: str = ""


class Nested(msgspec.Struct, frozen=True, tag_field="node", tag="nested"):
    """True when one object at ``path`` satisfies ``term``, whose fields are relative to it.

    Only the first ``most`` objects are looked at; 0: all of them. Fields of ``term`` that begin
    with ``^.`` are of the whole event (SECL's iterators need both).
    """

    path: str
    term: Expr
    most: int = 0


class Not(msgspec.Struct, frozen=True, tag_field="node", tag="not"):
    """The complement: true wherever ``term`` is not."""

    term: Expr


class And(msgspec.Struct, frozen=True, tag_field="node", tag="and"):
    """All of the terms; none at all is true."""

    terms: tuple[Expr, ...]


class Or(msgspec.Struct, frozen=True, tag_field="node", tag="or"):
    """At least one of the terms; none at all is false."""

    terms: tuple[Expr, ...]


class Always(msgspec.Struct, frozen=True, tag_field="node", tag="always"):
    """A constant."""

    value: bool


Expr = Leaf | Script | Nested | Not | And | Or | Always

NEGATIVE_OPERATORS = frozenset({"!=", "!~", "not in", "not in~", "not allin"})
"""Operators whose leaf stands under the `Not` that they mean: for people the two are one leaf."""


def conjunction(*terms: Expr) -> Expr:
    """All of the terms, flattened: ``a and (b and c)  ->  a and b and c``."""
    flat = [t for term in terms for t in (term.terms if isinstance(term, And) else (term,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(*terms: Expr) -> Expr:
    """One of the terms, flattened: ``a or (b or c)  ->  a or b or c``."""
    flat = [t for term in terms for t in (term.terms if isinstance(term, Or) else (term,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def walk(expr: Expr) -> Iterator[Expr]:
    """Every node of the tree, a parent before its children, in the order of the text."""
    pending: list[Expr] = [expr]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, (And, Or)):
            pending.extend(reversed(node.terms))
        elif isinstance(node, (Not, Nested)):
            pending.append(node.term)
