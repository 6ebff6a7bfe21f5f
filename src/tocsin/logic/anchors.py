r"""What the JSON text of an event has to hold wherever a condition holds: never more than is true.

An event need not be decoded where a rule cannot match, and that shows in its bytes:

    process.name : "curl" and destination.port == 80
    ->  "process and name" and "curl" and … and port"\s*:\s*(?:80[^0-9]|…)

For every condition e, document d and line of JSON l that says d in whatever way (nested or dotted
keys, escapes, white space, numbers as they come): ``holds(e, d)`` and no `UNTOLD` pattern in l
=>  ``holds(anchors_of(e), l)``. The document may also be a part of what the line says, as the
``_source`` of a search hit is.

>>> from tocsin.logic.matchers import Equals
>>> anchors_of(Leaf("name", Equals(("curl",)), "keyword")).terms[:2]
(Text(text=b'"name"'), Text(text=b'"curl"'))
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, assert_never

from tocsin.logic import functions
from tocsin.logic._address_anchors import address_text_anchor
from tocsin.logic._anchor_formulas import (
    ANYTHING,
    NOTHING,
    All,
    Anchor,
    AnyOf,
    Pattern,
    Text,
    all_of,
    any_of,
    atoms,
    bounded,
)
from tocsin.logic._json_places import key_anchor
from tocsin.logic._json_spelling import UNTOLD, UNTOLD_TEXTS, spelled
from tocsin.logic._leaf_anchors import holds_without, is_bare, leaf_anchor
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import Scalar
from tocsin.logic.gates import gate_of
from tocsin.logic.matchers import Equals, Matcher, Regex, Wildcard
from tocsin.logic.patterns import glob_escape
from tocsin.logic.value import Call, Const, Field, Value, fields_of

__all__ = [
    "ANYTHING",
    "NOTHING",
    "UNTOLD",
    "UNTOLD_TEXTS",
    "All",
    "Anchor",
    "AnyOf",
    "Pattern",
    "Text",
    "address_text_anchor",
    "anchors_of",
    "atoms",
    "holds",
    "text_anchor",
    "without",
]


def anchors_of(expr: Expr) -> Anchor:
    """What a line needs for the condition to hold of its event."""
    return bounded(_needed(expr))


def text_anchor(value: str) -> Anchor:
    """What a line needs to hold this text somewhere in a string.

    Nothing can be said of a text that may as well be a number's: ``80`` may be written ``8e1``.
    """
    return ANYTHING if is_bare(value) else spelled(value, fold_case=True)


def without(anchor: Anchor, is_dropped: Callable[[Text | Pattern], bool]) -> Anchor:
    """The anchor with some atoms taken for true, simplified."""
    match anchor:
        case All(terms):
            return all_of(without(term, is_dropped) for term in terms)
        case AnyOf(terms):
            return any_of(without(term, is_dropped) for term in terms)
        case _:
            return ANYTHING if is_dropped(anchor) else anchor


def holds(anchor: Anchor, line: bytes) -> bool:
    """Whether the line has what the anchor asks for: the definition, for tests and small sets."""
    return _holds(anchor, line.lower())


def _holds(anchor: Anchor, line: bytes) -> bool:
    match anchor:
        case Text(text):
            return text in line
        case Pattern(regex):
            return _compiled(regex).search(line) is not None
        case All(terms):
            return all(_holds(term, line) for term in terms)
        case AnyOf(terms):
            return any(_holds(term, line) for term in terms)
        case _:
            assert_never(anchor)


@lru_cache(maxsize=4_096)
def _compiled(regex: bytes) -> Any:
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return re2.compile(regex, options)


def _needed(expr: Expr) -> Anchor:
    match expr:
        case Always(value):
            return ANYTHING if value else NOTHING
        case And(terms):
            return all_of(map(_needed, terms))
        case Or(terms):
            return any_of(map(_needed, terms))
        case Not(term):
            return _needed_for_no(term)
        case Leaf():
            return _of_leaf(expr)
        case Nested():
            return _needed(gate_of(expr))
        case Script(value):
            return _of_script(value)
        case _:
            assert_never(expr)


_of_leaf = lru_cache(maxsize=16_384)(leaf_anchor)


def _needed_for_no(expr: Expr) -> Anchor:
    """What a line needs for the condition not to hold."""
    match expr:
        case Always(value):
            return NOTHING if value else ANYTHING
        case And(terms):
            return any_of(map(_needed_for_no, terms))
        case Or(terms):
            return all_of(map(_needed_for_no, terms))
        case Not(term):
            return _needed(term)
        case Leaf():
            # Where the lack of a field is a hit, what is no hit has the field.
            return key_anchor(expr.field) if holds_without(expr) else ANYTHING
        case Script(value):
            return _any_field(value) if _holds_of_nothing(value) else ANYTHING
        case _:
            return ANYTHING


def _of_script(value: Value) -> Anchor:
    """What a line needs for the value to be true."""
    if isinstance(value, Call) and value.name in {"and", "or"}:
        join = all_of if value.name == "and" else any_of
        needed = join(map(_of_script, value.args))
    else:
        leaf = _as_leaf(value)
        needed = _not_null(value) if leaf is None else _of_leaf(leaf)
    return needed if _holds_of_nothing(value) else all_of((needed, _any_field(value)))


def _as_leaf(value: Value) -> Leaf | None:
    """The leaf that holds wherever the value is true; None where no leaf says the same."""
    if not isinstance(value, Call) or not value.args:
        return None
    field, *others = value.args
    constants = [other.value for other in others if isinstance(other, Const)]
    known = tuple(constant for constant in constants if constant is not None)
    if not isinstance(field, Field) or field.view or len(constants) < len(others):
        return None
    matcher = _as_matcher(value.name, known, fold_case=value.fold_case)
    return None if matcher is None else Leaf(field.name, matcher, field.type, field.missing)


def _as_matcher(name: str, constants: tuple[Scalar, ...], *, fold_case: bool) -> Matcher | None:
    """The matcher that asks the same of a field as a function does with these constants."""
    if name in {"eq", "in"}:
        return Equals(constants, fold_case)
    texts = tuple(constant for constant in constants if isinstance(constant, str))
    escaped = tuple(map(glob_escape, texts))
    match name:
        case "wildcard":
            return Wildcard(texts, fold_case)
        case "startsWith":
            return Wildcard(tuple(f"{text}*" for text in escaped), fold_case)
        case "endsWith":
            return Wildcard(tuple(f"*{text}" for text in escaped), fold_case)
        case "stringContains":
            return Wildcard(tuple(f"*{text}*" for text in escaped), fold_case)
        case "regex" | "regex_search":
            return Regex(texts, fold_case, whole=name == "regex")
        case _:
            return None


def _not_null(value: Value) -> Anchor:
    """What a line needs for the value not to be null."""
    match value:
        case Field():
            return key_anchor(value.name) if value.missing is None else ANYTHING
        case Call(name, args) if not functions.FUNCTIONS[name].nulls:
            return all_of(map(_not_null, args))
        case Const(None):
            return NOTHING
        case _:
            return ANYTHING


def _holds_of_nothing(value: Value) -> bool:
    return functions.holds(value, lambda _: [])


def _any_field(value: Value) -> Anchor:
    return any_of(key_anchor(field.name) for field in fields_of(value))
