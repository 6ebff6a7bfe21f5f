"""What the names in a `value.Call` do: one table, three-valued, for every language.

None is null. A function sees no nulls unless its row says so (``nulls``): with a null argument it
is null. Nothing raises on the values of an event: what a function cannot work with is null too.

>>> from tocsin.logic.value import Call, Const, Field
>>> short = Call("lt", (Call("length", (Field("user.name"),)), Const(3)))
>>> evaluate(short, lambda field: "eve"), evaluate(short, lambda field: None)
(False, None)
>>> holds(short, lambda field: ["root", "me"])
True
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from tocsin.logic import texts
from tocsin.logic.field_types import FieldType, Scalar, coerce, fold, render_date
from tocsin.logic.matchers import Equals, compare, in_network, matched_pattern, regex_matches
from tocsin.logic.patterns import glob_matches
from tocsin.logic.value import Call, Const, Field, Result, Value, fields_of

MOST_ROUNDS = 10_000
"""How many combinations of its fields' values a script looks at; the rest is as if absent."""

Kind = Literal["any", "text", "number", "boolean", "ip"]
"""What an argument or a result is: for a language to check, and for people."""


class Function(msgspec.Struct, frozen=True):
    """A row of the table.

    Attributes:
        args: what each argument is; where there may be more, they are as the last one.
        returns: what the result is.
        run: the arguments' values in order → the result.
        least: how many arguments there have to be; -1: as many as ``args``.
        most: how many there may be; -1: as many as ``args``; None: any number.
        nulls: whether ``run`` is called with nulls; else one of them makes the result null.
        folds: whether it compares texts and takes ``fold_case``.
        typed: whether it orders values and takes ``kind``, the type of the field among them.
    """

    args: tuple[Kind, ...]
    returns: Kind
    run: Callable[..., Result]
    least: int = -1
    most: int | None = -1
    nulls: bool = False
    folds: bool = False
    typed: bool = False

    @property
    def arity(self) -> tuple[int, int | None]:
        """The least and the greatest number of arguments; None: there is no greatest."""
        size = len(self.args)
        return (
            size if self.least < 0 else self.least,
            size if self.most is not None and self.most < 0 else self.most,
        )

    def argument(self, number: int) -> Kind:
        """What the argument of this number, from 0, has to be."""
        return self.args[min(number, len(self.args) - 1)]


# --- evaluation -------------------------------------------------------------------------------


def evaluate(value: Value, read: Callable[[Field], Result]) -> Result:
    """The result of an expression in which each field has the one value that ``read`` gives it.

    Args:
        value: the expression.
        read: a field's value in this round, read as the field's type; None for null.
    """
    match value:
        case Const(constant):
            return constant
        case Field():
            return read(value)
        case Call(name, args, fold_case):
            function = FUNCTIONS[name]
            values = [evaluate(argument, read) for argument in args]
            if not function.nulls and None in values:
                return None
            if function.folds:
                return function.run(*values, fold_case=fold_case)
            if function.typed:
                return function.run(*values, kind=_ordered_as(args))
            return function.run(*values)


def holds(value: Value, rows: Callable[[Field], Sequence[Scalar]]) -> bool:
    """Whether some combination of the fields' values makes the expression exactly true.

    Args:
        value: the expression.
        rows: a field's values, read as the field's type. One without values runs through a
            single round, as what its `Field.missing` says.
    """
    fields = fields_of(value)
    choices = [_distinct(rows(field)) or [field.missing] for field in fields]
    for round_ in itertools.islice(itertools.product(*choices), MOST_ROUNDS):
        if evaluate(value, dict(zip(fields, round_, strict=True)).__getitem__) is True:
            return True
    return False


def _distinct(values: Sequence[Scalar]) -> list[Result]:
    # 1, 1.0 and true are one key of a dict, and not one value.
    return list({(type(value), value): value for value in values}.values())


def _ordered_as(args: tuple[Value, ...]) -> FieldType:
    """Versions and addresses have an order of their own; their field says that they are some."""
    kinds = (argument.type for argument in args if isinstance(argument, Field))
    return next((kind for kind in kinds if kind in ("version", "ip")), "dynamic")


# --- truth and comparison ---------------------------------------------------------------------


def equal(left: Scalar, right: Scalar, *, fold_case: bool = False) -> bool:
    """Whether two values are the same, as for `matchers.Equals`."""
    return matched_pattern(Equals((left,), fold_case), "dynamic", right) is not None


def _not_equal(left: Scalar, right: Scalar, *, fold_case: bool) -> bool:
    return not equal(left, right, fold_case=fold_case)


def _ordered(accept: Callable[[int], bool]) -> Callable[..., Result]:
    def run(left: Scalar, right: Scalar, *, kind: FieldType) -> Result:
        order = compare(kind, left, right)
        return None if order is None else accept(order)

    return run


def _and(*values: Result) -> Result:
    if any(value is False for value in values):
        return False
    return True if all(value is True for value in values) else None


def _or(*values: Result) -> Result:
    if any(value is True for value in values):
        return True
    return False if all(value is False for value in values) else None


def _not(value: Scalar) -> Result:
    return not value if isinstance(value, bool) else None


def _is_null(value: Result) -> bool:
    return value is None


def _is_not_null(value: Result) -> bool:
    return value is not None


def _in(value: Result, *wanted: Result, fold_case: bool) -> Result:
    if value is None:
        return None
    if any(w is not None and equal(w, value, fold_case=fold_case) for w in wanted):
        return True
    return None if None in wanted else False


def _wildcard(value: Scalar, *globs: Scalar, fold_case: bool) -> Result:
    if not isinstance(value, str):
        return None
    text = fold(value) if fold_case else value
    found = (g for g in globs if isinstance(g, str))
    return any(glob_matches(fold(g) if fold_case else g, text) for g in found)


def _regex(*, whole: bool) -> Callable[..., Result]:
    def run(value: Scalar, *patterns: Scalar, fold_case: bool) -> Result:
        if not isinstance(value, str):
            return None
        text = fold(value) if fold_case else value
        found = (p for p in patterns if isinstance(p, str))
        return any(regex_matches(p, text, fold_case, whole) for p in found)

    return run


def _in_networks(value: Scalar, *blocks: Scalar) -> Result:
    address = coerce("ip", value)
    if not isinstance(address, str):
        return None
    return any(isinstance(b, str) and in_network(address, b, symmetric=False) for b in blocks)


# --- numbers ----------------------------------------------------------------------------------

_LONG = 1 << 63


def _number(value: Result) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _integer(value: Result) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _arithmetic(
    run: Callable[[int | float, int | float], int | float],
) -> Callable[[Scalar, Scalar], Result]:
    """Of two numbers; null where there is no result, or where 64 bits do not hold it."""

    def checked(left: Scalar, right: Scalar) -> Result:
        one, other = _number(left), _number(right)
        if one is None or other is None:
            return None
        try:
            result = run(one, other)
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
        if isinstance(result, int):
            return result if -_LONG <= result < _LONG else None
        return result if math.isfinite(result) else None

    return checked


def _divide(left: float, right: float) -> int | float:
    if isinstance(left, int) and isinstance(right, int):
        # Towards zero, as Java and Go divide.
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def _modulo(left: float, right: float) -> int | float:
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)  # the dividend's sign, as in Java and Go
        return -rest if left < 0 else rest
    return math.fmod(left, right)


def _negate(value: Scalar) -> Result:
    number = _number(value)
    return None if number is None or number == -_LONG else -number


def _signed(value: int) -> int:
    """The 64 lowest bits as a signed number."""
    return ((value + _LONG) & (2 * _LONG - 1)) - _LONG


def _bits(run: Callable[[int, int], int]) -> Callable[[Scalar, Scalar], Result]:
    def checked(left: Scalar, right: Scalar) -> Result:
        one, other = _integer(left), _integer(right)
        return None if one is None or other is None else _signed(run(one, other))

    return checked


def _complement(value: Scalar) -> Result:
    number = _integer(value)
    return None if number is None else _signed(~number)


# --- the table --------------------------------------------------------------------------------


def _lower(value: Scalar) -> Result:
    return fold(value) if isinstance(value, str) else value


def _date_text(value: Scalar) -> Result:
    number = _integer(value)
    try:
        return None if number is None else render_date(number)
    except (OverflowError, ValueError):
        return None


def _date_part(value: Scalar, part: Scalar) -> Result:
    number = _integer(value)
    try:
        moment = _EPOCH + dt.timedelta(microseconds=(number or 0) // 1_000)
    except OverflowError:
        return None
    match part:
        case "minute" | "hour" | "day" | "month" | "year" if number is not None:
            return int(getattr(moment, part))
        case "week" if number is not None:
            return moment.isocalendar().week
        case _:
            return None


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TWO_NUMBERS: tuple[Kind, ...] = ("number", "number")
_ANY_TWO: tuple[Kind, ...] = ("any", "any")


def _math(run: Callable[[int | float, int | float], int | float]) -> Function:
    return Function(_TWO_NUMBERS, "number", _arithmetic(run))


def _order(accept: Callable[[int], bool]) -> Function:
    return Function(_ANY_TWO, "boolean", _ordered(accept), typed=True)


FUNCTIONS: dict[str, Function] = {
    # truth
    "and": Function(("boolean",), "boolean", _and, least=0, most=None, nulls=True),
    "or": Function(("boolean",), "boolean", _or, least=0, most=None, nulls=True),
    "not": Function(("boolean",), "boolean", _not),
    "is_null": Function(("any",), "boolean", _is_null, nulls=True),
    "is_not_null": Function(("any",), "boolean", _is_not_null, nulls=True),
    # comparison
    "eq": Function(_ANY_TWO, "boolean", equal, folds=True),
    "ne": Function(_ANY_TWO, "boolean", _not_equal, folds=True),
    "lt": _order(lambda order: order < 0),
    "le": _order(lambda order: order <= 0),
    "gt": _order(lambda order: order > 0),
    "ge": _order(lambda order: order >= 0),
    "in": Function(_ANY_TWO, "boolean", _in, most=None, nulls=True, folds=True),
    "wildcard": Function(("text", "text"), "boolean", _wildcard, most=None, folds=True),
    "regex": Function(("text", "text"), "boolean", _regex(whole=True), most=None, folds=True),
    "regex_search": Function(
        ("text", "text"), "boolean", _regex(whole=False), most=None, folds=True
    ),
    "cidrMatch": Function(("ip", "text"), "boolean", _in_networks, most=None),
    # numbers
    "add": _math(lambda left, right: left + right),
    "subtract": _math(lambda left, right: left - right),
    "multiply": _math(lambda left, right: left * right),
    "divide": _math(_divide),
    "modulo": _math(_modulo),
    "negate": Function(("number",), "number", _negate),
    "bit_and": Function(_TWO_NUMBERS, "number", _bits(lambda left, right: left & right)),
    "bit_or": Function(_TWO_NUMBERS, "number", _bits(lambda left, right: left | right)),
    "bit_xor": Function(_TWO_NUMBERS, "number", _bits(lambda left, right: left ^ right)),
    "complement": Function(("number",), "number", _complement),
    "number": Function(("text", "number"), "number", texts.number, least=1, nulls=True),
    # texts
    "between": Function(
        ("text", "text", "text", "boolean"), "text", texts.between, least=3, folds=True
    ),
    "concat": Function(("any",), "text", texts.concat, most=None),
    "date_part": Function(("number", "text"), "number", _date_part),
    "date_text": Function(("number",), "text", _date_text),
    "endsWith": Function(("text", "text"), "boolean", texts.ends_with, folds=True),
    "indexOf": Function(
        ("text", "text", "number"), "number", texts.index_of, least=2, nulls=True, folds=True
    ),
    "length": Function(("text",), "number", texts.length),
    "length_bytes": Function(("text",), "number", texts.length_bytes),
    "lower": Function(("text",), "text", _lower),
    "startsWith": Function(("text", "text"), "boolean", texts.starts_with, folds=True),
    "string": Function(("any",), "text", texts.string),
    "stringContains": Function(("text", "text"), "boolean", texts.contains, folds=True),
    "substring": Function(
        ("text", "number", "number"), "text", texts.substring, least=2, nulls=True
    ),
}
"""Every function and operator: name → what it takes and what it does.

Functions of EQL have its names; ``like`` is `wildcard`, whose patterns are globs (`patterns`).
``regex`` asks for the whole text and ``regex_search`` for any part of it, in RE2's syntax.
``date_text`` is a date (nanoseconds since the epoch) as people and ``string`` write it, and
``date_part`` its minute, hour, day (of the month), week (of ISO 8601's year), month or year in UTC.
"""
