"""Loaded rules as bytes, and back: exactly the same or not at all.

`msgspec` writes them as MessagePack and reads them back by their types, faster than anything else.
What does not come back the same from there is written in full, each value with its class: texts
that are no Unicode, integers of more than 64 bits, an integer where a float is expected. What
does not come back even so is not written.

    MessagePack of `_Form`: rules and problems without the odd ones, and these with their places

>>> unpacked(packed(Loaded(files=3)))
Loaded(rules=(), problems=(), files=3)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from tocsin.logic import agent_rule, expr, matchers, query, value
from tocsin.rules import model
from tocsin.rules.model import Loaded, Problem, Rule

_T = TypeVar("_T", Rule, Problem)
_LONG: Final = 1 << 63


class InexactError(ValueError):
    """What would not come back the same."""


class _Form(msgspec.Struct, frozen=True, array_like=True):
    """What is written.

    Attributes:
        plain: all that comes back the same as it is.
        rules: (place among all, in full) pairs of the odd ones.
        problems: the same for problems.
    """

    plain: Loaded
    rules: tuple[tuple[int, Any], ...] = ()
    problems: tuple[tuple[int, Any], ...] = ()


_encoder = msgspec.msgpack.Encoder()


@cache
def _decoder() -> msgspec.msgpack.Decoder[_Form]:
    return msgspec.msgpack.Decoder(_Form)


def packed(loaded: Loaded) -> bytes:
    """What was loaded as bytes.

    Raises:
        InexactError: `unpacked` would make something else of them.
    """
    try:
        rules, odd_rules = _parted(loaded.rules)
        problems, odd_problems = _parted(loaded.problems)
    except RecursionError:
        message = "what was loaded is too deep"
        raise InexactError(message) from None
    return _encoder.encode(_Form(Loaded(rules, problems, loaded.files), odd_rules, odd_problems))


def unpacked(data: bytes) -> Loaded:
    """What `packed` made into bytes.

    Raises:
        ValueError: they are something else.
    """
    form = _decoder().decode(data)
    if not form.rules and not form.problems:
        return form.plain
    try:
        rules = _joined(form.plain.rules, form.rules, Rule)
        problems = _joined(form.plain.problems, form.problems, Problem)
    except (
        TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        message = f"no loaded rules: {error}"
        raise ValueError(message) from None
    return Loaded(rules, problems, form.plain.files)


class _One(msgspec.Struct, frozen=True, array_like=True):
    rule: Rule | None = None
    problem: Problem | None = None


@cache
def _one_decoder() -> msgspec.msgpack.Decoder[_One]:
    return msgspec.msgpack.Decoder(_One)


def _parted(items: tuple[_T, ...]) -> tuple[tuple[_T, ...], tuple[tuple[int, Any], ...]]:
    """Those that come back the same as they are, and the others in full with their places."""
    plain: list[_T] = []
    odd: list[tuple[int, Any]] = []
    for place, item in enumerate(items):
        if _is_plain(item):
            plain.append(item)
        else:
            odd.append((place, _in_full(item)))
    return tuple(plain), tuple(odd)


def _is_plain(item: Rule | Problem) -> bool:
    """Whether it comes back the same as it is.

    To be equal does not do: 1, 1.0 and True are. To be written the same does not either: a tuple is
    written like a list. Both together do.
    """
    one = _One(rule=item) if isinstance(item, Rule) else _One(problem=item)
    try:
        data = _encoder.encode(one)
        back = _one_decoder().decode(data)
        return back == one and _encoder.encode(back) == data
    except (ValueError, OverflowError, TypeError, RecursionError):
        return False


def _joined(
    plain: tuple[_T, ...], odd: tuple[tuple[int, Any], ...], kind: type[_T]
) -> tuple[_T, ...]:
    joined = list(plain)
    for place, form in odd:
        item = _out_of(form)
        if not isinstance(item, kind):
            message = f"{kind.__name__} expected"
            raise TypeError(message)
        joined.insert(place, item)
    return tuple(joined)


# --- in full ----------------------------------------------------------------------------------


@cache
def _classes() -> dict[str, type[msgspec.Struct]]:
    """Every class that a loaded rule is made of, by name."""
    return {
        found.__name__: found
        for module in (model, query, agent_rule, expr, matchers, value)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, msgspec.Struct)
    }


def _in_full(item: object) -> Any:
    """A value in lists that say its class; what says nothing stands for itself.

    Raises:
        InexactError: it is of a class that no rule is made of.
        RecursionError: it is too deep.
    """
    match item:
        case None | bool():
            return item
        case int() if type(item) is int:
            return item if -_LONG <= item < _LONG else ["int", hex(item)]
        case float() if type(item) is float:
            return ["float", item.hex()]
        case str() if type(item) is str:
            return ["str", item.encode("utf-8", "surrogatepass")]
        case dt.timedelta():
            return ["time", item.days, item.seconds, item.microseconds]
        case tuple() if type(item) is tuple:
            return ["tuple", *map(_in_full, item)]
        case msgspec.Struct() if type(item) is _classes().get(type(item).__name__):
            fields = (getattr(item, name) for name in item.__struct_fields__)
            return [type(item).__name__, *map(_in_full, fields)]
        case _:
            message = f"no part of a rule: {type(item).__name__}"
            raise InexactError(message)


_BACK: Final[dict[str, Callable[..., object]]] = {
    "int": lambda text: int(text, 16),  # in decimal, Python refuses to read very long ones
    "float": float.fromhex,
    "str": lambda data: data.decode("utf-8", "surrogatepass"),
    "time": dt.timedelta,
}


def _out_of(form: Any) -> object:
    """What `_in_full` wrote."""
    if not isinstance(form, list):
        return form
    name, *parts = form
    if name in _BACK:
        return _BACK[name](*parts)
    values = tuple(map(_out_of, parts))
    if name == "tuple":
        return values
    found = _classes()[name]
    return found(**dict(zip(found.__struct_fields__, values, strict=True)))
