"""EQL's syntax → values: what stands within functions, or is compared. Three-valued.

What needs no event is computed on the way.
"""

from __future__ import annotations

from typing import assert_never

import re2

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.events.schema import Resolved, Schema
from tocsin.languages._lucene_regex import BadRegex, to_re2
from tocsin.languages.eql import syntax
from tocsin.languages.eql.names import ARITHMETIC, COMPARISONS, FUNCTION_NAMES
from tocsin.logic.field_types import FieldType, Scalar, coerce
from tocsin.logic.functions import FUNCTIONS, evaluate
from tocsin.logic.matchers import regex_matches
from tocsin.logic.patterns import glob_from_eql
from tocsin.logic.value import Call, Const, Field, Value
from tocsin.source_text import SourceText

NULL = Const(None)
_TYPE_WORDS: dict[FieldType, str] = {
    "long": "a number",
    "double": "a number",
    "boolean": "true or false",
    "ip": "an IP address",
    "date": "a date",
}

_LONGEST_REGEX = 10_000
"""Elasticsearch takes 1,000 characters by default; what RE2 needs grows with their square."""


class ValueLowering:
    """Makes values of syntax.

    Args:
        source: the query, for errors.
        schema: types of fields, as which constants are read.
    """

    def __init__(self, source: SourceText, schema: Schema) -> None:
        self.source = source
        self.schema = schema

    def error(self, message: str, node: syntax.Node, hint: str = "") -> QuerySemanticError:
        """An error at a node."""
        return QuerySemanticError(message, self.source.span(node.start, node.end), hint)

    def written(self, node: syntax.Node) -> str:
        """The text of a node, without brackets around it."""
        return self.source.text[node.start : node.end]

    def value(self, node: syntax.Expr) -> Value:
        """What stands within a function, or is compared: three-valued."""
        match node:
            case syntax.Literal(value):
                return Const(value)
            case syntax.Field():
                return self.field(node)
            case syntax.Signed(sign, term):
                operand = self.value(term)
                return _call("negate", operand) if sign == "-" else operand
            case syntax.Arithmetic(operator, left, right):
                return _call(ARITHMETIC[operator], self.value(left), self.value(right))
            case syntax.Comparison(operator, left, right):
                return self.compare(operator, (left, self.value(left)), (right, self.value(right)))
            case syntax.And(terms):
                return _call("and", *[self.value(term) for term in terms])
            case syntax.Or(terms):
                return _call("or", *[self.value(term) for term in terms])
            case syntax.Not(term):
                return _call("not", self.value(term))
            case syntax.Membership():
                found = self.contained(node)
                return _call("not", found) if node.negated else found
            case syntax.Match(subject, operator, patterns):
                fold_case = operator == ":" or operator.endswith("~")
                if operator.startswith("regex"):
                    texts = [self.regex(p, java=True, fold_case=fold_case) for p in patterns]
                    name = "regex"
                else:
                    texts = [glob_from_eql(str(pattern.value)) for pattern in patterns]
                    name = "wildcard"
                return _call(name, self.value(subject), *map(Const, texts), fold_case=fold_case)
            case syntax.Call():
                return self.call_value(node)
            case _:
                assert_never(node)

    def field(self, node: syntax.Field) -> Value:
        """A field; one that is stored in lower case (``.caseless``) reads so."""
        found = self.schema.resolve(node.name)
        spelled = node.name if node.name != found.path else ""
        field = Field(found.path, found.type, spelled=spelled)
        return Call("lower", (field,)) if found.fold_case else field

    def compare(
        self, operator: str, left: tuple[syntax.Expr, Value], right: tuple[syntax.Expr, Value]
    ) -> Value:
        """``left operator right``; with the constant null it asks for null."""
        one, other = left[1], right[1]
        if operator in ("==", "!=") and NULL in (one, other):
            tested = other if one == NULL else one
            return _call("is_null" if operator == "==" else "is_not_null", tested)
        if isinstance(one, Field) and isinstance(other, Const) and other.value is not None:
            found = self.schema.resolve(one.spelled or one.name)
            other = Const(self.constant(found, right[0], other.value))
        elif isinstance(other, Field) and isinstance(one, Const) and one.value is not None:
            found = self.schema.resolve(other.spelled or other.name)
            one = Const(self.constant(found, left[0], one.value))
        return _call(COMPARISONS[operator], one, other)

    def contained(self, node: syntax.Membership) -> Value:
        """``subject in (items)``, without a ``not``."""
        subject = self.value(node.subject)
        items = []
        for item in node.items:
            value = self.value(item)
            if isinstance(subject, Field) and isinstance(value, Const) and value.value is not None:
                found = self.schema.resolve(subject.spelled or subject.name)
                value = Const(self.constant(found, item, value.value))
            items.append(value)
        return _call("in", subject, *items, fold_case=node.fold_case)

    def call_value(self, node: syntax.Call) -> Value:
        """A function of values; a date is a number to all but those that make texts."""
        name = FUNCTION_NAMES[node.name.lower()]
        args = []
        for argument in node.args:
            value = self.value(argument)
            if name in ("string", "concat") and isinstance(value, Field) and value.type == "date":
                value = _call("date_text", value)
            args.append(value)
        return _call(name, *args, fold_case=node.fold_case)

    def constant(self, field: Resolved, node: syntax.Expr, value: Scalar) -> Scalar:
        """A constant as the field's type has it."""
        result = coerce(field.type, value)
        if result is None:
            what = _TYPE_WORDS.get(field.type, "a text")
            message = f"{self.written(node)} is not {what}, which {field.path} is"
            raise self.error(message, node)
        return result

    def regex(self, node: syntax.Literal, *, java: bool, fold_case: bool) -> str:
        """A regular expression in RE2's syntax.

        Elasticsearch leaves those of an index to Lucene and those of a script to Java.
        """
        text = str(node.value)
        if len(text) > _LONGEST_REGEX:
            message = f"the regular expression is longer than {_LONGEST_REGEX:,} characters"
            span = self.source.span(node.start, node.end)
            raise QuerySemanticError(message, span)
        try:
            pattern = f"(?-s:{text})" if java else to_re2(text)
        except BadRegex as problem:
            kind = UnsupportedFeature if problem.unsupported else QuerySemanticError
            span = self.source.span(node.start, node.end)
            raise kind(f"in a regular expression, {problem.message}", span) from None
        try:
            for checked in (text, pattern) if java else (pattern,):
                regex_matches(checked, "", fold_case, whole=True)
        except re2.error as problem:
            reason = problem.args[0] if problem.args else ""
            reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            message = f"the regular expression is not one that RE2 can run: {reason}"
            span = self.source.span(node.start, node.end)
            raise UnsupportedFeature(message, span) from None
        return pattern


def _call(name: str, *args: Value, fold_case: bool = False) -> Value:
    """The call, or what it comes to where that does not depend on an event."""
    # A field that is stored in lower case is compared so.
    fold_case = fold_case or any(isinstance(a, Call) and a.name == "lower" for a in args)
    call = Call(name, args, fold_case and FUNCTIONS[name].folds)
    if all(isinstance(argument, Const) for argument in args):
        return Const(evaluate(call, lambda _: None))
    if not FUNCTIONS[name].nulls and NULL in args:
        return NULL
    return call
