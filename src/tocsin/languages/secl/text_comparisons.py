"""Comparisons of texts → logic: equality, patterns, regular expressions, membership."""

from __future__ import annotations

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.events.schema.secl import FieldKind
from tocsin.languages.secl.compared import Comparison, refuse, script, value_of
from tocsin.languages.secl.operands import Constant, Listing, Operand, Read, any_of, leaf_of
from tocsin.languages.secl.text_matchers import check_text, matchers_of
from tocsin.logic.expr import Always, Expr
from tocsin.logic.matchers import Equals, Matcher, Regex, Wildcard, matched_pattern
from tocsin.logic.value import Call, Const, Value

_PLAIN = FieldKind()


def compare_texts(this: Comparison) -> Expr:
    """The comparison without its negation.

    Raises:
        QuerySemanticError: a constant is refused, or has to be one and is not.
    """
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
        return _texts(this, left, list(right.members))
    # A text and what is in an array are the same where they are equal, in paths too.
    fold_case = any(isinstance(o, Read) and o.kind.fold_case for o in (left, right))
    return script(this, Call("eq", (value_of(left), value_of(right)), fold_case))


def _texts(this: Comparison, left: Operand, constants: list[Constant]) -> Expr:
    """Whether the left side fits one of the texts, patterns and regular expressions."""
    kind = left.kind if isinstance(left, Read) else _PLAIN
    for constant in constants:
        check_text(kind, constant, left.span.text)
    matchers = matchers_of(kind, constants)
    if isinstance(left, Read):
        return any_of([leaf_of(left, matcher, this.operator) for matcher in matchers])
    if isinstance(left, Constant):
        if left.form != "text":
            refuse(this, "a pattern cannot be compared with a constant text")
        fits = any(matched_pattern(m, "keyword", left.value) is not None for m in matchers)
        return Always(value=fits)
    value = value_of(left)
    return any_of([script(this, _asked(matcher, value)) for matcher in matchers])


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
