"""What a part of an expression is once its names are known: five sorts, each with a type.

* `Constant`: a value of the rule, with the form in which a text was written
* `Listing`: a list of constants
* `Read`: a field of the event, or a variable
* `Computed`: arithmetic, bits, a length, an interpolated text
* `Condition`: a boolean expression
"""

from __future__ import annotations

from typing import Final

import msgspec

from tocsin.events.schema.secl import FieldClass, FieldKind
from tocsin.languages.secl.syntax import TextForm
from tocsin.logic.expr import (
    Always,
    Expr,
    Leaf,
    Nested,
    Not,
    Or,
    Script,
    conjunction,
    disjunction,
)
from tocsin.logic.field_types import FieldType, Scalar
from tocsin.logic.matchers import Equals, Matcher, matched_pattern
from tocsin.logic.value import Call, Const, Field, Value, fields_of
from tocsin.source_text import Span

OUTER: Final = "^."
"""Before a field of the whole event, inside a `Nested`."""

TYPES: Final[dict[FieldClass, FieldType]] = {
    "string": "keyword", "int": "long", "bool": "boolean", "ip": "keyword",
}  # fmt: skip
"""How a field's values are read; addresses stay texts, as they may be blocks."""

ZEROS: Final[dict[FieldClass, Scalar]] = {"string": "", "int": 0, "bool": False, "ip": ""}
"""What a field without a value reads as: SECL knows no null."""


class Constant(msgspec.Struct, frozen=True):
    """A value that the rule states.

    Attributes:
        is_duration: a duration literal, which makes a comparison one of ages.
        is_sum: made by ``+`` or ``-``, which makes it a plain one.
    """

    type: FieldClass
    value: Scalar
    span: Span
    form: TextForm = "text"
    is_duration: bool = False
    is_sum: bool = False


class Read(msgspec.Struct, frozen=True):
    """A field of the event, or a variable.

    Attributes:
        field: its name in documents.
        kind: its row in the table.
        spelled: its name in the rule.
        array: whether it has any number of values.
        missing: what it reads as without one; None for arrays.
        objects: where the objects stand over which it runs, of which each has one value;
            empty: it does not.
    """

    field: str
    kind: FieldKind
    spelled: str
    array: bool
    missing: Scalar | None
    span: Span
    objects: str = ""

    @property
    def type(self) -> FieldClass:
        """The type of its values."""
        return self.kind.type

    def value(self) -> Field:
        """The field inside a script."""
        return Field(self.field, TYPES[self.type], self.missing, self.spelled)


class Computed(msgspec.Struct, frozen=True):
    """A value that is worked out of fields.

    Attributes:
        depth: how many calls stand inside each other.
        objects: as of `Read`.
    """

    type: FieldClass
    expression: Value
    span: Span
    array: bool = False
    is_sum: bool = False
    depth: int = 1
    objects: str = ""

    def value(self) -> Value:
        """The expression inside a script."""
        return self.expression


class Listing(msgspec.Struct, frozen=True):
    """A list of the rule."""

    type: FieldClass
    members: tuple[Constant, ...]
    span: Span


class Condition(msgspec.Struct, frozen=True):
    """Something that is true or false of an event.

    Attributes:
        depth: how many of its parts stand inside each other, at most.
        size: how many parts it has, at most.
    """

    expr: Expr
    span: Span
    depth: int = 1
    size: int = 1

    @property
    def type(self) -> FieldClass:
        """A condition is a bool."""
        return "bool"


Operand = Constant | Read | Computed | Listing | Condition


def depth_of(operand: Operand) -> int:
    """How deep the operand is nested."""
    return operand.depth if isinstance(operand, (Computed, Condition)) else 0


def size_of(operand: Operand) -> int:
    """How many parts the operand has, if it is a condition."""
    return operand.size if isinstance(operand, Condition) else 0


def is_array(operand: Operand) -> bool:
    """Whether the operand has any number of values."""
    return isinstance(operand, Listing) or (isinstance(operand, (Read, Computed)) and operand.array)


def type_name(operand: Operand) -> str:
    """The type for people: ``int``, ``list of string``."""
    if isinstance(operand, Constant) and operand.is_duration:
        return "duration"
    return f"array of {operand.type}" if is_array(operand) else operand.type


def describe(operand: Operand) -> str:
    """The operand with its type, for messages."""
    text = " ".join(operand.span.text.split())
    longest = 40
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return f"{text} ({type_name(operand)})"


# --- conditions -------------------------------------------------------------------------------


def condition_of(operand: Constant | Read | Condition) -> Expr:
    """The condition that a bool operand is; of an array, that one of its values is true."""
    match operand:
        case Condition(expr):
            return expr
        case Constant():
            return Always(value=operand.value is True)
        case Read():
            return leaf_of(operand, Equals((True,)), "==")


def leaf_of(read: Read, matcher: Matcher, operator: str, *, every: bool = False) -> Expr:
    """Some value of the field fits the matcher; with ``every``, each of them.

    An object that says nothing has the zero value. Where that fits, the objects are asked one by
    one: ``process.ancestors.uid == 0``.
    """
    kind, zero = TYPES[read.type], ZEROS[read.type]
    asks_objects = bool(read.objects) and not every
    if asks_objects and matched_pattern(matcher, kind, zero) is not None:
        name = read.field.removeprefix(f"{read.objects}.")
        inner = Leaf(name, matcher, kind, zero, operator=operator, spelled=read.spelled)
        return Nested(read.objects, inner)
    return Leaf(
        read.field, matcher, kind, read.missing,
        every=every, operator=operator, spelled=read.spelled,
    )  # fmt: skip


def script_of(value: Value, text: str, *operands: Operand) -> Expr:
    """The script; where one of its operands runs over objects, true of one of these."""
    over = [o.objects for o in operands if isinstance(o, (Read, Computed)) and o.objects]
    theirs = [f for f in fields_of(value) if over and f.name.startswith(f"{over[0]}.")]
    if len(over) != 1 or len(theirs) != 1:
        # Two of them are independent: each may be fulfilled by an object of its own.
        return Script(value, text)
    return Nested(over[0], Script(_inside(value, over[0]), text))


def _inside(value: Value, objects: str) -> Value:
    """The same as the objects see it: ``objects.x  ->  x`` and ``y  ->  ^.y``."""
    match value:
        case Field(name, kind) if name.startswith(f"{objects}."):
            zero: Scalar = {"long": 0, "boolean": False}.get(kind, "")
            name = name.removeprefix(f"{objects}.")
            return msgspec.structs.replace(value, name=name, missing=zero)
        case Field(name):
            return msgspec.structs.replace(value, name=OUTER + name)
        case Call(name, args, fold_case):
            return Call(name, tuple(_inside(arg, objects) for arg in args), fold_case)
        case _:
            return value


def constant_value(constant: Constant) -> Const:
    """The constant inside a script."""
    return Const(constant.value)


def negate(expr: Expr) -> Expr:
    """``not (a or b)  ->  not a and not b``: each leaf under its own `Not`, where it can be."""
    match expr:
        case Always(value):
            return Always(value=not value)
        case Not(term):
            return term
        case Or(terms) if all(isinstance(term, Leaf) for term in terms):
            return conjunction(*(Not(term) for term in terms))
        case _:
            return Not(expr)


def all_of(terms: list[Expr]) -> Expr:
    """The conjunction without its constants: ``a and true  ->  a``."""
    kept = [term for term in terms if term != Always(value=True)]
    if Always(value=False) in kept:
        return Always(value=False)
    return conjunction(*kept) if kept else Always(value=True)


def any_of(terms: list[Expr]) -> Expr:
    """The disjunction without its constants: ``a or false  ->  a``."""
    kept = [term for term in terms if term != Always(value=False)]
    if Always(value=True) in kept:
        return Always(value=True)
    return disjunction(*kept) if kept else Always(value=False)
