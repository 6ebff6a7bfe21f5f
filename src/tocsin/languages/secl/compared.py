"""A comparison whose operands are known, and what every sort of comparison needs."""

from __future__ import annotations

from typing import Final, NoReturn

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.languages.secl.operands import (
    Computed,
    Constant,
    Operand,
    Read,
    constant_value,
    describe,
    script_of,
)
from tocsin.logic.expr import Expr
from tocsin.logic.value import Field, Value
from tocsin.source_text import Span

_POSITIVE: Final = {"!=": "==", "!~": "=~", "not in": "in"}

MEMBERSHIP: Final = frozenset({"in", "not in", "allin"})
"""The operators behind which an array stands."""


class Comparison(msgspec.Struct, frozen=True):
    """A comparison whose operands are known.

    Attributes:
        operator: as the rule wrote it.
        now: the field with the time of the event, for ages.
        span: the whole comparison.
    """

    operator: str
    left: Operand
    right: Operand
    now: Field
    span: Span

    @property
    def positive(self) -> str:
        """The operator without its negation."""
        return _POSITIVE.get(self.operator, self.operator)

    @property
    def is_negative(self) -> bool:
        """Whether it is the complement of its `positive`."""
        return self.operator in _POSITIVE

    @property
    def is_membership(self) -> bool:
        """Whether an array stands behind the operator."""
        return self.operator in MEMBERSHIP


def refuse(this: Comparison, message: str, hint: str = "") -> NoReturn:
    """Says that the comparison makes no sense.

    Raises:
        QuerySemanticError: always.
    """
    raise QuerySemanticError(message, this.span, hint)


def script(this: Comparison, value: Value) -> Expr:
    """The comparison without its negation, as a script of this value."""
    text = this.span.text
    if this.is_negative:
        # Who negates the script says so: its own text must not say it once more.
        text = f"{this.left.span.text} {this.positive} {this.right.span.text}"
    return script_of(value, " ".join(text.split()), this.left, this.right)


def value_of(operand: Operand) -> Value:
    """The operand inside a script.

    Raises:
        QuerySemanticError: it cannot stand in one.
    """
    match operand:
        case Constant():
            return constant_value(operand)
        case Read() | Computed():
            return operand.value()
        case _:
            raise QuerySemanticError(f"unexpected {describe(operand)}", operand.span)
