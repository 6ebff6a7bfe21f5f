"""Comparisons: two operands and an operator → logic, one function a type.

A field against constants is a leaf, whose operator is as the rule wrote it; constants against
each other are decided here; whatever else is a script. ``!=``, ``!~`` and ``not in`` are always
the complement of ``==``, ``=~`` and ``in``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

import msgspec

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.events.schema.secl import FieldKind
from tocsin.languages.secl.operands import (
    TYPES,
    Computed,
    Condition,
    Constant,
    Listing,
    Operand,
    Read,
    all_of,
    any_of,
    boolean_leaf,
    condition_of,
    constant_value,
    describe,
    is_array,
    negate,
)
from tocsin.languages.secl.text_matchers import check_text, matchers_of
from tocsin.logic.expr import Always, Expr, Leaf, Script
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import (
    Equals,
    InNetwork,
    Matcher,
    Range,
    Regex,
    Wildcard,
    compare,
    in_network,
    matched_pattern,
)
from tocsin.logic.value import Call, Const, Field, Value
from tocsin.source_text import Span

_POSITIVE: Final = {"!=": "==", "!~": "=~", "not in": "in"}
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SCRIPTED: Final = {"==": "eq", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_MEMBERSHIP: Final = frozenset({"in", "not in", "allin"})
_OPERATORS: Final[dict[str, frozenset[str]]] = {
    "bool": frozenset({"==", "!=", "in", "not in"}),
    "int": frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in"}),
    "string": frozenset({"==", "!=", "=~", "!~", "in", "not in"}),
    "ip": frozenset({"==", "!=", "in", "not in", "allin"}),
}
_PLAIN = FieldKind()


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


def lower_comparison(this: Comparison) -> Expr:
    """The comparison as logic.

    Raises:
        QuerySemanticError: the types do not go together, or a constant is refused.
        UnsupportedFeature: Tocsin cannot compare these two.
    """
    left, right = this.left, this.right
    if isinstance(left, Listing):
        raise QuerySemanticError("a list stands on the right of 'in' only", left.span)
    if left.type != right.type:
        hint = ""
        if "string" in {left.type, right.type} and "int" in {left.type, right.type}:
            hint = "texts stand in double quotes, numbers do not"
        message = f"cannot compare {describe(left)} with {describe(right)}"
        raise QuerySemanticError(message, right.span, hint)
    if this.operator not in _OPERATORS[left.type]:
        _refuse(this, f"'{this.operator}' does not work on {describe(left)}")
    if this.operator in _MEMBERSHIP:
        if not is_array(right):
            _refuse(this, f"expected an array behind '{this.operator}', found {describe(right)}")
    elif is_array(left) and is_array(right):
        hint = "'in' asks whether two arrays have a value in common"
        raise QuerySemanticError(
            f"'{this.operator}' cannot compare two arrays, {describe(left)} and {describe(right)}",
            this.span,
            hint,
        )
    match left.type:
        case "bool":
            expr = _booleans(this)
        case "int":
            expr = _ints(this)
        case "string":
            expr = _strings(this)
        case "ip":
            expr = _addresses(this)
    return negate(expr) if this.operator in _POSITIVE else expr


def _refuse(this: Comparison, message: str) -> NoReturn:
    raise QuerySemanticError(message, this.span)


def _leaf(read: Read, matcher: Matcher, operator: str, *, every: bool = False) -> Leaf:
    return Leaf(
        read.field, matcher, TYPES[read.type], read.missing,
        every=every, operator=operator, spelled=read.spelled,
    )  # fmt: skip


def _script(this: Comparison, value: Value) -> Script:
    return Script(value, " ".join(this.span.text.split()))


def _value(operand: Operand) -> Value:
    match operand:
        case Constant():
            return constant_value(operand)
        case Read() | Computed():
            return operand.value()
        case _:
            raise QuerySemanticError(f"unexpected {describe(operand)}", operand.span)


# --- bool -------------------------------------------------------------------------------------


def _booleans(this: Comparison) -> Expr:
    left, right = this.left, this.right
    if isinstance(right, Listing):
        members = [m for m in right.members if isinstance(m, Constant)]
        return any_of([_same(this, left, member) for member in members])
    return _same(this, left, right)


def _same(this: Comparison, left: Operand, right: Operand) -> Expr:
    """Whether two bools are equal; of an array, whether one of its values is."""
    if not isinstance(left, (Constant, Read, Condition)):
        _refuse(this, f"unexpected {describe(left)}")
    if not isinstance(right, (Constant, Read, Condition)):
        _refuse(this, f"unexpected {describe(right)}")
    if isinstance(left, Constant):
        left, right = right, left
    if isinstance(right, Constant):
        wanted = right.value is True
        if isinstance(left, Read):
            return boolean_leaf(left, wanted=wanted, operator=this.operator)
        expr = condition_of(left)
        return expr if wanted else negate(expr)

    def sides(*, wanted: bool) -> list[Expr]:
        return [
            boolean_leaf(side, wanted=wanted, operator="==")
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
        if this.operator == "!=":
            _refuse(this, "'!=' does not work with a duration")
        if not (isinstance(left, Computed) and left.is_sum):
            # SECL: a time against a duration compares its age, `now - t`; a time of 0 is very old.
            age = Call("subtract", (this.now, _value(left)))
            value = Call(_SCRIPTED[this.positive], (age, constant_value(right)))
            return _script(this, value)
    if isinstance(right, Listing):
        values = tuple(m.value for m in right.members if isinstance(m, Constant))
        if isinstance(left, Constant):
            return Always(value=left.value in values)
        if isinstance(left, Read):
            _check_ints(left, right.members)
            return _leaf(left, Equals(values), this.operator)
        wanted = tuple(Const(value) for value in values)
        return _script(this, Call("in", (_value(left), *wanted)))
    operator = "==" if this.positive == "in" else this.positive
    spelled = this.operator
    if isinstance(left, Constant):
        if isinstance(right, Constant):
            return Always(value=_holds(left.value, operator, right.value))
        left, right = right, left
        operator, spelled = _MIRRORED.get(operator, operator), _MIRRORED.get(spelled, spelled)
    if isinstance(left, Read) and isinstance(right, Constant):
        _check_ints(left, (right,))
        return _leaf(left, _range(operator, right.value), spelled)
    return _script(this, Call(_SCRIPTED[operator], (_value(left), _value(right))))


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


def _check_ints(read: Read, constants: Sequence[Constant | Computed]) -> None:
    least = read.kind.least
    for constant in constants:
        if least is not None and isinstance(constant, Constant) and int(constant.value) < least:
            message = f"{read.spelled} is never less than {least}"
            raise QuerySemanticError(message, constant.span)


# --- string -----------------------------------------------------------------------------------


def _strings(this: Comparison) -> Expr:
    left, right = this.left, this.right
    if this.positive == "=~":
        if not isinstance(right, Constant):
            message = f"the right side of '{this.operator}' has to be a text without fields"
            raise QuerySemanticError(message, right.span)
        if right.form == "text":
            right = msgspec.structs.replace(right, form="pattern")
    elif (
        isinstance(left, Constant)
        and not isinstance(right, Listing)
        and (left.form != "text" or not isinstance(right, Constant))
    ):
        left, right = right, left
    if isinstance(right, Constant):
        return _texts(this, left, [right])
    if isinstance(right, Listing):
        fixed = [member for member in right.members if isinstance(member, Constant)]
        worked_out = [member for member in right.members if isinstance(member, Computed)]
        terms = [_texts(this, left, fixed)] if fixed else []
        terms += [_same_text(this, left, member) for member in worked_out]
        return any_of(terms)
    return _same_text(this, left, right)


def _same_text(this: Comparison, left: Operand, right: Operand) -> Expr:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Constant) and not isinstance(other, Constant):
            return _texts(this, other, [one])
    fold_case = any(isinstance(o, Read) and o.kind.fold_case for o in (left, right))
    return _script(this, Call("eq", (_value(left), _value(right)), fold_case))


def _texts(this: Comparison, left: Operand, constants: list[Constant]) -> Expr:
    """Whether the left side fits one of the texts, patterns and regular expressions."""
    kind = left.kind if isinstance(left, Read) else _PLAIN
    for constant in constants:
        check_text(kind, constant, left.span.text)
    matchers = matchers_of(kind, constants)
    if isinstance(left, Read):
        return any_of([_leaf(left, matcher, this.operator) for matcher in matchers])
    if isinstance(left, Constant):
        if left.form != "text":
            _refuse(this, "a pattern cannot be compared with a constant text")
        fits = any(matched_pattern(m, "keyword", left.value) is not None for m in matchers)
        return Always(value=fits)
    value = _value(left)
    return any_of([_script(this, _asked(matcher, value)) for matcher in matchers])


def _asked(matcher: Matcher, value: Value) -> Value:
    match matcher:
        case Wildcard(globs):
            return Call("wildcard", (value, *(Const(glob) for glob in globs)))
        case Regex(patterns):
            return Call("regex_search", (value, *(Const(pattern) for pattern in patterns)))
        case Equals(values):
            return Call("in", (value, *(Const(text) for text in values)))
        case _:
            raise AssertionError(matcher)


# --- ip ---------------------------------------------------------------------------------------


def _addresses(this: Comparison) -> Expr:
    left, right = this.left, this.right
    if isinstance(right, Listing):
        blocks = tuple(str(m.value) for m in right.members if isinstance(m, Constant))
        if isinstance(left, Constant):
            # SECL: a single address `allin` a list is as `in`.
            return Always(value=any(_meets(left.value, block) for block in blocks))
        if isinstance(left, Read):
            if this.operator == "allin" and left.array:
                return all_of([_network(left, (b,), this.operator, every=True) for b in blocks])
            return _network(left, blocks, this.operator)
        _refuse(this, f"unexpected {describe(left)}")
    if isinstance(left, Constant):
        left, right = right, left
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Always(value=_meets(left.value, str(right.value)))
    if isinstance(left, Read) and isinstance(right, Constant):
        return _network(left, (str(right.value),), this.operator)
    if this.operator == "allin" and is_array(this.left):
        raise UnsupportedFeature(
            "Tocsin cannot compare two arrays of the event with 'allin'", this.span
        )
    one, other = _value(left), _value(right)
    # Either may hold the other.
    either = Call("or", (Call("cidrMatch", (one, other)), Call("cidrMatch", (other, one))))
    return _script(this, either)


def _network(read: Read, blocks: tuple[str, ...], operator: str, *, every: bool = False) -> Leaf:
    return _leaf(read, InNetwork(blocks, symmetric=True), operator, every=every)


def _meets(one: Scalar, other: str) -> bool:
    return in_network(str(one), other, symmetric=True)
