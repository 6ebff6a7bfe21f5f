"""Scalar expressions inside one script leaf: functions, arithmetic, comparison of two values.

Three-valued: None is null. One node type for everything that is computed (`Call`); what a name
does stands in `functions.FUNCTIONS`.
"""

from __future__ import annotations

import msgspec

from tocsin.logic.field_types import FieldType, Scalar

Result = Scalar | None


class Const(msgspec.Struct, frozen=True, tag_field="node", tag="const"):
    """A constant, or null."""

    value: Result


class Field(msgspec.Struct, frozen=True, tag_field="node", tag="field"):
    """A field's value.

    Attributes:
        name: dotted path.
        type: how values are read.
        missing: what an event without a value reads as: null in EQL, the zero value in SECL.
        spelled: the name as the rule wrote it; empty where that is ``name``.
        view: how its values are looked at (`logic.views`); empty: one by one.
    """

    name: str
    type: FieldType = "dynamic"
    missing: Result = None
    spelled: str = ""
    view: str = ""


class Call(msgspec.Struct, frozen=True, tag_field="node", tag="call"):
    """A function or operator applied to values.

    Attributes:
        name: a key of `functions.FUNCTIONS`.
        args: the arguments in order.
        fold_case: whether a function that compares texts ignores case.
    """

    name: str
    args: tuple[Value, ...]
    fold_case: bool = False


Value = Const | Field | Call


def fields_of(value: Value) -> tuple[Field, ...]:
    """The distinct fields of an expression, in the order in which they stand."""
    found: dict[Field, None] = {}

    def walk(node: Value) -> None:
        if isinstance(node, Field):
            found.setdefault(node)
        elif isinstance(node, Call):
            for argument in node.args:
                walk(argument)

    walk(value)
    return tuple(found)
