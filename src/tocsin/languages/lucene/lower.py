"""Lucene's syntax as logic: what a leaf means depends on the type of its field.

Values mean what they mean in KQL (`tocsin.languages._elastic_fields`), with these differences:
``?`` is a wildcard, there are ranges with two ends and regular expressions, and a value that the
field's type cannot hold is refused, as Elasticsearch does, and does not just match nothing.
"""

from __future__ import annotations

import re2

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.events.schema import Schema
from tocsin.languages._elastic_fields import ANY_FIELD, Fields, Target, in_any_field, merged
from tocsin.languages._lucene_regex import BadRegex, to_re2
from tocsin.languages.lucene.syntax import (
    Bound,
    Clause,
    Clauses,
    Everything,
    Exists,
    Expression,
    Interval,
    Match,
    Name,
    Node,
    Pattern,
    Text,
)
from tocsin.logic.expr import Always, Expr, Leaf, Not, conjunction, disjunction
from tocsin.logic.field_types import FieldType, Scalar, fold
from tocsin.logic.matchers import Range, Regex, Wildcard, Words, regex_matches

_NOUNS: dict[FieldType, str] = {
    "long": "number", "double": "number", "boolean": "boolean", "ip": "address", "date": "date",
}  # fmt: skip


class Lowering:
    """Turns syntax into logic.

    Args:
        schema: types of fields.
        now: what date math reckons from, in nanoseconds since the epoch.
    """

    def __init__(self, schema: Schema, now: int) -> None:
        self._fields = Fields(schema, now)

    def lower(self, node: Node) -> Expr:
        """The logic of a query, or of a part of one."""
        match node:
            case Everything():
                return Always(value=True)
            case Exists(field):
                return Always(value=True) if field.name == "*" else self._exists(field)
            case Clauses(clauses):
                return self._clauses(clauses)
            case Match(field, Text(text, quoted)) if field is None:
                return in_any_field(text, quoted=quoted)
            case Match(field, value):
                target = ANY_FIELD if field is None or field.name == "*" else self._target(field)
                match value:
                    case Text():
                        return self._equals(target, value)
                    case Pattern():
                        return _wildcard(target, value)
                    case Expression():
                        return _regex(target, value)
                    case Interval():
                        return self._interval(target, value)

    def _clauses(self, clauses: tuple[Clause, ...]) -> Expr:
        """What should hold does not matter where something must."""
        terms = [self.lower(c.node) for c in clauses if c.occur == "must"]
        should = [self.lower(c.node) for c in clauses if c.occur == "should"]
        if should and not terms:
            terms.append(merged(disjunction(*should)))
        # Nothing but exclusions takes all the rest; Lucene's own bare query would take nothing.
        terms += [Not(self.lower(c.node)) for c in clauses if c.occur == "must_not"]
        return conjunction(*terms)

    # --- leaves -------------------------------------------------------------------------------

    def _target(self, field: Name) -> Target:
        return self._fields.target(field.name, is_pattern="*" in field.name)

    def _exists(self, field: Name) -> Expr:
        return self._fields.exists(self._target(field))

    def _equals(self, target: Target, value: Text) -> Expr:
        if target is ANY_FIELD:
            return in_any_field(value.value, quoted=value.quoted)
        leaf = self._fields.equals(target, value.value, quoted=value.quoted)
        if leaf is None:
            raise self._no_such(target, value.value, value)
        return leaf

    def _no_such(self, target: Target, text: str, value: Text | Interval) -> QuerySemanticError:
        name, noun = target.spelled or target.path, _NOUNS[target.type]
        hint = ""
        if " " in text.strip() and isinstance(value, Text) and not value.quoted:
            hint = "words in a row are one value: write OR between them"
        return QuerySemanticError(f"{text!r} is no {noun}, as {name} needs one", value.span, hint)

    def _interval(self, target: Target, value: Interval) -> Expr:
        if target.type == "boolean":
            message = f"{target.spelled or target.path} is true or false and has no ranges"
            raise QuerySemanticError(message, value.span)
        if value.low is None and value.high is None:
            return self._fields.exists(target)
        lows = self._bounds(target, value, value.low, after=False)
        highs = self._bounds(target, value, value.high, after=True)
        operator = _operator(value)
        # Of what may be a text or a number, both ends are one or the other.
        leaves = [
            target.leaf(
                Range(
                    low, high,
                    low_included=value.low is None or value.low.included,
                    high_included=value.high is None or value.high.included,
                ),
                operator=operator,
            )
            for low in lows for high in highs
            if low is None or high is None or isinstance(low, str) == isinstance(high, str)
        ]  # fmt: skip
        return disjunction(*leaves)

    def _bounds(
        self, target: Target, value: Interval, bound: Bound | None, *, after: bool
    ) -> tuple[Scalar | None, ...]:
        if bound is None:
            return (None,)
        # `[a` begins with what is written, `{a` behind it; `b]` ends with it, `b}` before it.
        found = self._fields.bounds(target, bound.text, after=bound.included == after)
        if not found:
            raise self._no_such(target, bound.text, value)
        return found


def _operator(value: Interval) -> str:
    if value.low is None and value.high is not None:
        return "<=" if value.high.included else "<"
    if value.high is None and value.low is not None:
        return ">=" if value.low.included else ">"
    return ":"


def _wildcard(target: Target, value: Pattern) -> Expr:
    match target.type:
        case "keyword" | "version" | "dynamic":
            leaf = target.leaf(Wildcard((value.glob,), target.fold_case))
            return disjunction(leaf, _words(target, value)) if target is ANY_FIELD else leaf
        case "text":
            return _words(target, value)
        case _:
            name, noun = target.spelled or target.path, _NOUNS[target.type]
            hint = "write the block: 10.0.0.0\\/8" if target.type == "ip" else ""
            message = f"{name} is of the type {noun}, which has no wildcards but a lone *"
            raise QuerySemanticError(message, value.span, hint)


def _words(target: Target, value: Pattern) -> Leaf:
    written = value.span.text if value.span else value.glob
    return target.leaf(Words((fold(value.glob),), "wildcard", written), "text")


def _regex(target: Target, value: Expression) -> Expr:
    if target.type == "text":
        # There it would be asked of each word, in lower case.
        message = "regular expressions over analysed text are not supported"
        raise UnsupportedFeature(message, value.span, "use a phrase, or wildcards")
    if target.type in _NOUNS:
        name, noun = target.spelled or target.path, _NOUNS[target.type]
        message = f"{name} is of the type {noun}, which has no regular expressions"
        raise QuerySemanticError(message, value.span)
    try:
        pattern = to_re2(value.pattern)
    except BadRegex as problem:
        kind = UnsupportedFeature if problem.unsupported else QuerySemanticError
        raise kind(f"in a regular expression, {problem.message}", value.span) from None
    try:
        regex_matches(pattern, "", target.fold_case, whole=True)
    except re2.error as problem:
        reason = problem.args[0] if problem.args else ""
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        message = f"the regular expression is not one that RE2 can run: {reason}"
        raise UnsupportedFeature(message, value.span) from None
    return target.leaf(Regex((pattern,), target.fold_case, whole=True, texts=(value.pattern,)))
