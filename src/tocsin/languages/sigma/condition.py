"""Sigma's conditions: what has to hold of a rule's named parts, as a tree.

    selection and not 1 of filter_*

``not`` binds tightest, then ``and``, then ``or``. ``1 of`` (or ``any of``) and ``all of`` stand
before a name with ``*`` in it, or before ``them``, which is every part whose name does not begin
with ``_``. The extended conditions of correlations are the same without ``of``, over rules.

>>> parse(SourceText("a and not 1 of b*")).terms[1].term.pattern
'b*'

Grammar: https://sigmahq.io/sigma-specification/specification/sigma-rules-specification.html
"""

from __future__ import annotations

from typing import Final

import msgspec

from tocsin.errors import QuerySyntaxError, UnsupportedFeature
from tocsin.languages._parsing import Cursor, Lexer
from tocsin.source_text import SourceText, Span


class Name(msgspec.Struct, frozen=True):
    """A part of the rule, or a rule of a correlation."""

    name: str
    span: Span


class Selector(msgspec.Struct, frozen=True):
    """``1 of x*`` or ``all of x*``; every one of them, if ``all``, else any."""

    pattern: str
    all: bool
    span: Span


class Not(msgspec.Struct, frozen=True):
    """The complement."""

    term: Node


class And(msgspec.Struct, frozen=True):
    """All of the terms."""

    terms: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True):
    """At least one of the terms."""

    terms: tuple[Node, ...]


Node = Name | Selector | Not | And | Or

THEM: Final = "them"
_KEYWORDS: Final = frozenset({"and", "or", "not"})
_QUANTIFIERS: Final = {"1": False, "any": False, "all": True}

_LEXER: Final = Lexer(
    [
        ("word", r"[\w.*?-]+"),
        ("open", r"\("),
        ("close", r"\)"),
        ("blank", r"\s+"),
    ],
    skip={"blank"},
)


def parse(source: SourceText) -> Node:
    """The tree of a condition.

    Raises:
        QuerySyntaxError: the text is none.
        UnsupportedFeature: it counts events, as conditions did before there were correlations.
    """
    _refuse_aggregation(source)
    cursor = Cursor(source, _LEXER)
    node = _either(cursor)
    if not cursor.at("end"):
        raise _unexpected(cursor)
    return node


def _refuse_aggregation(source: SourceText) -> None:
    before, pipe, behind = source.text.partition("|")
    if pipe:
        name = next(iter(behind.split()), "")
        message = f"the condition counts or orders events: | {name}".rstrip()
        span = source.span(len(before), len(source.text.rstrip()))
        raise UnsupportedFeature(message, span, "write a correlation of the type event_count")


def _either(cursor: Cursor) -> Node:
    terms = [_both(cursor)]
    while cursor.accept("word", "or"):
        terms.append(_both(cursor))
    return terms[0] if len(terms) == 1 else Or(tuple(terms))


def _both(cursor: Cursor) -> Node:
    terms = [_negated(cursor)]
    while cursor.accept("word", "and"):
        terms.append(_negated(cursor))
    return terms[0] if len(terms) == 1 else And(tuple(terms))


def _negated(cursor: Cursor) -> Node:
    if cursor.accept("word", "not"):
        with cursor.deeper():
            return Not(_negated(cursor))
    return _primary(cursor)


def _primary(cursor: Cursor) -> Node:
    if cursor.accept("open"):
        with cursor.deeper():
            node = _either(cursor)
        cursor.expect("close", what="')'")
        return node
    if not cursor.at("word") or cursor.peek().text in _KEYWORDS:
        raise cursor.error("expected a name")
    following = cursor.peek(1)
    if following.kind == "word" and following.text == "of":
        return _selector(cursor)
    token = cursor.next()
    if "*" in token.text or token.text == THEM:
        hint = f"1 of {token.text}, or all of {token.text}"
        raise QuerySyntaxError("several names need a quantifier", cursor.span(token), hint)
    return Name(token.text, cursor.span(token))


def _selector(cursor: Cursor) -> Selector:
    quantifier = cursor.next()
    if quantifier.text not in _QUANTIFIERS:
        message = f"{quantifier.text!r} is no quantifier of Sigma"
        raise QuerySyntaxError(message, cursor.span(quantifier), "1 of, any of or all of")
    cursor.next()
    pattern = cursor.expect("word", what="a name, a pattern or 'them'")
    if pattern.text in _KEYWORDS:
        raise cursor.error("expected a name, a pattern or 'them'", token=pattern)
    span = cursor.span(quantifier, pattern)
    return Selector(pattern.text, _QUANTIFIERS[quantifier.text], span)


def _unexpected(cursor: Cursor) -> QuerySyntaxError:
    token = cursor.peek()
    hint = ""
    if token.kind == "word" and token.text.lower() in _KEYWORDS:
        hint = f"write {token.text.lower()!r} in lower case"
    return cursor.error("expected 'and' or 'or'", hint)
