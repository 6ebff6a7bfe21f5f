"""Comparisons: two operands and an operator → logic, one function a type.

A field against constants is a leaf, whose operator is as the rule wrote it; constants against
each other are decided here; whatever else is a script. ``!=``, ``!~`` and ``not in`` are always
the complement of ``==``, ``=~`` and ``in``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.languages.secl.addresses import compare_addresses
from tocsin.languages.secl.compared import Comparison, refuse, script, value_of
from tocsin.languages.secl.operands import (
    Computed,
    Condition,
    Constant,
    Listing,
    Operand,
    Read,
    all_of,
    any_of,
    condition_of,
    constant_value,
    describe,
    is_array,
    leaf_of,
    negate,
)
from tocsin.languages.secl.text_comparisons import compare_texts
from tocsin.logic.expr import Always, Expr
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import Equals, Matcher, Range, compare
from tocsin.logic.value import Call, Const

_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SCRIPTED: Final = {"==": "eq", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_OPERATORS: Final[dict[str, frozenset[str]]] = {
    "bool": frozenset({"==", "!=", "in", "not in"}),
    "int": frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in"}),
    "string": frozenset({"==", "!=", "=~", "!~", "in", "not in"}),
    "ip": frozenset({"==", "!=", "in", "not in", "allin"}),
}


def lower_comparison(this: Comparison) -> Expr:
    """The comparison as logic.

    Raises:
        QuerySemanticError: the types do not go together, or a constant is refused.
        UnsupportedFeature: Tocsin cannot compare these two.
    """
    _check(this)
    expr = _positive(this)
    return negate(expr) if this.is_negative else expr


def _check(this: Comparison) -> None:
    left, right = this.left, this.right
    if left.type != right.type:
        hint = ""
        if "string" in {left.type, right.type} and "int" in {left.type, right.type}:
            hint = "texts stand in double quotes, numbers do not"
        message = f"cannot compare {describe(left)} with {describe(right)}"
        raise QuerySemanticError(message, right.span, hint)
    if this.operator not in _OPERATORS[left.type]:
        refuse(this, f"'{this.operator}' does not work on {describe(left)}")
    if this.is_membership:
        if not is_array(right) and left.type != "ip":
            refuse(this, f"expected an array behind '{this.operator}', found {describe(right)}")
    elif is_array(right):
        if is_array(left):
            message = f"'{this.operator}' cannot compare two arrays, {describe(left)} and "
            hint = "'in' asks whether two arrays have a value in common"
            raise QuerySemanticError(message + describe(right), this.span, hint)
        if left.type != "int":
            refuse(
                this,
                f"'{this.operator}' needs {describe(right)} on its left",
                "or ask with 'in', which takes arrays on its right",
            )


def _positive(this: Comparison) -> Expr:
    if isinstance(this.left, Listing):
        return _list_first(this, this.left)
    match this.left.type:
        case "bool":
            return _booleans(this)
        case "int":
            return _ints(this)
        case "string":
            return compare_texts(this)
        case "ip":
            return compare_addresses(this)


def _list_first(this: Comparison, left: Listing) -> Expr:
    """A list, which a macro may stand for, on the left: some member fits."""
    right = this.right
    if isinstance(right, Read) and this.is_membership:
        return _positive(msgspec.structs.replace(this, left=right, right=left))
    if this.operator == "allin":
        refuse(this, f"'allin' cannot compare two lists, {describe(left)} and {describe(right)}")
    one_by_one = (msgspec.structs.replace(this, left=member) for member in left.members)
    return any_of([_positive(one) for one in one_by_one])


# --- bool -------------------------------------------------------------------------------------


def _booleans(this: Comparison) -> Expr:
    left, right = this.left, this.right
    if isinstance(right, Listing):
        return any_of([_same(this, left, member) for member in right.members])
    return _same(this, left, right)


def _same(this: Comparison, left: Operand, right: Operand) -> Expr:
    """Whether two bools are equal; of an array, whether one of its values is."""
    if not isinstance(left, (Constant, Read, Condition)):
        refuse(this, f"unexpected {describe(left)}")
    if not isinstance(right, (Constant, Read, Condition)):
        refuse(this, f"unexpected {describe(right)}")
    if isinstance(left, Constant):
        left, right = right, left
    if isinstance(right, Constant):
        wanted = right.value is True
        if isinstance(left, Read):
            return leaf_of(left, Equals((wanted,)), this.operator)
        expr = condition_of(left)
        return expr if wanted else negate(expr)

    def sides(*, wanted: bool) -> list[Expr]:
        return [
            leaf_of(side, Equals((wanted,)), "==")
            if isinstance(side, Read)
            else condition_of(side)
            if wanted
            else negate(condition_of(side))
            for side in (left, right)
        ]

    return any_of([all_of(sides(wanted=True)), all_of(sides(wanted=False))])


# --- int --------------------------------------------------------------------------------------


def _ints(this: Comparison) -> Expr:
    left, right = this.left, this.right
    if isinstance(right, Constant) and right.is_duration and not isinstance(left, Constant):
        age = _age(this, left, right)
        if age is not None:
            return age
    operator = "==" if this.positive == "in" else this.positive
    if isinstance(right, Listing):
        return _int_list(this, operator, left, right.members)
    spelled = this.operator
    if isinstance(left, Constant):
        if isinstance(right, Constant):
            return Always(value=_holds(left.value, operator, right.value))
        left, right = right, left
        operator, spelled = _MIRRORED.get(operator, operator), _MIRRORED.get(spelled, spelled)
    if isinstance(left, Read) and isinstance(right, Constant):
        _check_ints(left, (right,))
        return leaf_of(left, _range(operator, right.value), spelled)
    return script(this, Call(_SCRIPTED[operator], (value_of(left), value_of(right))))


def _age(this: Comparison, left: Operand, right: Constant) -> Expr | None:
    """A time against a duration compares its age, ``now - t``; a time of 0 is very old.

    None where the left side is a sum, which makes it a comparison of two plain numbers.
    """
    if this.operator == "!=" or (this.operator == "==" and is_array(left)):
        refuse(this, f"'{this.operator}' does not work with a duration")
    if isinstance(left, Computed) and left.is_sum:
        return None
    age = Call("subtract", (this.now, value_of(left)))
    return script(this, Call(_SCRIPTED[this.positive], (age, constant_value(right))))


def _int_list(this: Comparison, operator: str, left: Operand, members: Sequence[Constant]) -> Expr:
    values = tuple(member.value for member in members)
    if operator != "==":
        singly = (msgspec.structs.replace(this, right=member) for member in members)
        return any_of([_ints(one) for one in singly])
    if isinstance(left, Constant):
        return Always(value=left.value in values)
    if isinstance(left, Read):
        _check_ints(left, members)
        return leaf_of(left, Equals(values), this.operator)
    return script(this, Call("in", (value_of(left), *map(Const, values))))


def _range(operator: str, value: Scalar) -> Matcher:
    match operator:
        case "==":
            return Equals((value,))
        case "<" | "<=":
            return Range(high=value, high_included=operator == "<=")
        case _:
            return Range(low=value, low_included=operator == ">=")


def _holds(left: Scalar, operator: str, right: Scalar) -> bool:
    order = compare("long", left, right) or 0
    match operator:
        case "==":
            return order == 0
        case "<" | "<=":
            return order < 0 or (order == 0 and operator == "<=")
        case _:
            return order > 0 or (order == 0 and operator == ">=")


def _check_ints(read: Read, constants: Sequence[Constant]) -> None:
    least = read.kind.least
    for constant in constants:
        if least is not None and int(constant.value) < least:
            message = f"{read.spelled} is never less than {least}"
            raise QuerySemanticError(message, constant.span)
