r"""Datadog's log search as logic.

* Attributes, tags and reserved fields hold whole values, and case counts; only of ``status``,
  whose values Datadog writes in lower case, it does not.
* A value that is written like a number or boolean is also that number or boolean; wildcards and
  texts read numbers as texts, numeric bounds read texts as numbers.
* The message is text: a term is looked for as a word, a phrase as words in a row, without regard
  to case; ``*:term`` asks the same of every attribute.
* Of several values of a field one has to fit; what is missing fits nothing.
"""

from __future__ import annotations

import re
from typing import Final

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.events.schema.datadog import ATTRIBUTES, MESSAGE, path_of
from tocsin.languages._elastic_fields import merged, spellings
from tocsin.languages.datadog_query import syntax
from tocsin.languages.datadog_query.syntax import (
    Bound,
    Everything,
    Interval,
    Match,
    Name,
    Network,
    Node,
    Pattern,
    Text,
    Value,
)
from tocsin.logic.expr import Always, Expr, Leaf, Nested, Not, conjunction, disjunction
from tocsin.logic.field_types import FieldType, fold, number_of
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    Matcher,
    Range,
    Regex,
    Wildcard,
    Words,
    network_of,
    tokens,
)
from tocsin.logic.patterns import ANY, OneCharacter, Part, glob_parts
from tocsin.source_text import Span

_FOLDED: Final = frozenset({"status"})
_WORD: Final = re.compile(r"\w+\Z")
_EDGE: Final = r"[^\pL\pN_]"
_LONGEST_GLOB: Final = 1_000


def lower(node: Node) -> Expr:
    """The logic of a query, or of a part of one.

    Raises:
        QuerySemanticError: it makes no sense.
        UnsupportedFeature: only Datadog can run it.
    """
    match node:
        case Everything():
            return Always(value=True)
        case syntax.Exists(field):
            return _exists(field)
        case Network(field, blocks):
            return _network(field, blocks)
        case syntax.Not(term):
            return Not(lower(term))
        case syntax.And(terms):
            return conjunction(*[lower(term) for term in terms])
        case syntax.Or(terms):
            return merged(disjunction(*[lower(term) for term in terms]))
        case Match(field, value):
            return _match(field, value)


def _match(field: Name | None, value: Value) -> Expr:
    if field is None or field.name == "message":
        return _in_text(MESSAGE, field.name if field else "message", value)
    if field.name == "*":
        everywhere = _in_text(f"{ATTRIBUTES}.*", "*", value)
        return disjunction(everywhere, _in_text(MESSAGE, "*", value))
    path, fold_case = _path(field), field.name in _FOLDED
    match value:
        case Text(text):
            return _leaf(field, path, Equals(spellings(text), fold_case))
        case Pattern(glob):
            return _leaf(field, path, Wildcard((glob,), fold_case), "keyword")
        case Interval():
            return _interval(field, path, value)


def _path(field: Name) -> str:
    if field.name == "timestamp":
        message = "a search by timestamp is not supported"
        raise UnsupportedFeature(message, field.span, "choose the events by --since and --until")
    if "*" in field.name:
        raise UnsupportedFeature("an asterisk in the name of a field", field.span)
    return path_of(field.name)


def _leaf(field: Name, path: str, matcher: Matcher, kind: FieldType = "dynamic") -> Leaf:
    return Leaf(path, matcher, kind, operator=":", spelled=field.name)


def _exists(field: Name) -> Expr:
    """Any value, or an object of that name."""
    path = _path(field)
    leaf = _leaf(field, path, Exists())
    if not field.name.startswith("@"):
        return leaf
    return disjunction(leaf, Nested(path, Always(value=True)))


def _network(field: Name, blocks: tuple[Text, ...]) -> Expr:
    for block in blocks:
        if network_of(block.value) is None:
            message = f"{block.value!r} is no block of addresses"
            raise QuerySemanticError(message, block.span, "a block is like 10.0.0.0/8")
    matcher = InNetwork(tuple(block.value for block in blocks))
    return Leaf(_path(field), matcher, "ip", operator="CIDR", spelled=field.name)


def _interval(field: Name, path: str, value: Interval) -> Expr:
    low, high = value.low, value.high
    if low is None and high is None:
        return _exists(field)
    numbers = [number_of(bound.text) for bound in (low, high) if bound is not None]
    by_size = all(number is not None for number in numbers)

    def end(bound: Bound | None) -> str | int | float | None:
        if bound is None:
            return None
        return number_of(bound.text) if by_size else bound.text

    matcher = Range(
        end(low), end(high),
        low_included=low is None or low.included, high_included=high is None or high.included,
    )  # fmt: skip
    kind: FieldType = "double" if by_size else "keyword"
    return Leaf(path, matcher, kind, operator=_operator(value), spelled=field.name)


def _operator(value: Interval) -> str:
    if value.low is None and value.high is not None:
        return "<=" if value.high.included else "<"
    if value.high is None and value.low is not None:
        return ">=" if value.low.included else ">"
    return ":"


# --- text -----------------------------------------------------------------------------------------


def _in_text(path: str, spelled: str, value: Value) -> Expr:
    """A value that is looked for among the words of a text."""
    match value:
        case Text(text, span=span):
            found = tokens(text)
            if not found:
                raise _no_word(text, span)
            matcher: Matcher = Words(tuple(found), "phrase", text)
        case Pattern(glob, span):
            matcher = _word_pattern(glob, span)
        case Interval(span=span):
            raise QuerySemanticError("the message is a text and has no ranges", span)
    return Leaf(path, matcher, "text", operator=":", spelled=spelled)


def _no_word(text: str, span: Span | None) -> UnsupportedFeature:
    message = f"{text!r} holds no letter or digit, and the message is searched by words"
    return UnsupportedFeature(message, span, f"with wildcards it is found anywhere: *{text}*")


def _word_pattern(glob: str, span: Span | None) -> Matcher:
    """Asterisks stand for a part of a word; with other characters beside them, for any text."""
    parts = glob_parts(glob)
    written = span.text if span else glob
    if all(part is ANY or (isinstance(part, str) and _WORD.match(part)) for part in parts):
        return Words((fold(glob),), "wildcard", written)
    if len(glob) > _LONGEST_GLOB:
        message = f"wildcards in more than {_LONGEST_GLOB:,} characters"
        raise UnsupportedFeature(message, span)
    pattern = "".join(
        ".*" if part is ANY else "." if isinstance(part, OneCharacter) else re.escape(fold(part))
        for part in parts
    )
    before = f"(?:^|{_EDGE})" if _ends_word(parts[0], 0) else ""
    behind = f"(?:$|{_EDGE})" if _ends_word(parts[-1], -1) else ""
    return Regex((f"{before}{pattern}{behind}",), fold_case=True, whole=False, texts=(written,))


def _ends_word(part: Part, place: int) -> bool:
    """Whether a word has to begin or end where the pattern does."""
    if isinstance(part, str):
        return _WORD.match(part[place]) is not None
    return part is not ANY
