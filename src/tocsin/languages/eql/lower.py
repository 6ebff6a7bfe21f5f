"""EQL's syntax → logic.

Elasticsearch makes a condition a filter of its index, so that logic is two-valued over events,
and only what is computed (functions, arithmetic) knows null. The same is done here:

* a field compared with constants is a `Leaf`: some value fits; ``!=`` and ``not in`` are its `Not`
* ``f != null`` is a `Leaf` that asks for any value, with ``!= null`` as its operator;
  ``f == null`` is the `Not` of the same leaf
* anything else is a `Script`, true when some combination of its fields' values makes it so;
  ``!=``, ``not in`` and ``not`` stay outside of it
* what needs no event is computed now; a condition that is null is never true, and neither is its
  negation

Here conditions are made; `values` makes what stands within functions.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.events.schema import Resolved, Schema
from tocsin.languages.eql import syntax
from tocsin.languages.eql.checks import is_boolean_test, is_unmapped
from tocsin.languages.eql.names import FUNCTION_NAMES, MIRRORED
from tocsin.languages.eql.values import ValueLowering
from tocsin.logic import expr as logic
from tocsin.logic.field_types import FieldType, Scalar
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    Matcher,
    Range,
    Regex,
    Wildcard,
    network_of,
)
from tocsin.logic.patterns import glob_escape, glob_from_eql
from tocsin.logic.query import Filter, Key, Sample, Sequence, Term
from tocsin.logic.value import Call, Const, Value
from tocsin.source_text import SourceText

Truth = logic.Expr | None
"""A condition; None: null, which is neither true nor false."""

MOST_STEPS = 1_000
"""How many steps a sequence may have: each has its place in the state of every key."""

_NEVER = logic.Always(value=False)
_BOUNDS = {
    "<": ("high", False), "<=": ("high", True), ">": ("low", False), ">=": ("low", True)
}  # fmt: skip


def lower_query(
    query: syntax.Query, source: SourceText, schema: Schema, category_field: str
) -> Filter | Sequence | Sample:
    """The query as logic.

    Raises:
        QueryError: a constant that its field cannot have, or a regular expression that is none.
    """
    lowering = _Lowering(source, schema)
    pipes = tuple((pipe.name, pipe.count) for pipe in query.pipes)

    def filter_of(event: syntax.EventQuery) -> Filter:
        return Filter(lowering.condition(event.where), event.category, category_field)

    def term_of(term: syntax.Term, by: tuple[syntax.Field, ...]) -> Term:
        keys = tuple(_key(field, schema) for field in (*by, *term.by))
        return Term(filter_of(term.event), keys, term.missing)

    match query.body:
        case syntax.EventQuery() as body:
            return msgspec.structs.replace(filter_of(body), pipes=pipes)
        case syntax.Sequence() as body:
            steps = sum(term.runs for term in body.terms)
            if steps > MOST_STEPS:
                message = f"a sequence of {steps:,} steps; {MOST_STEPS:,} are the most"
                raise QuerySemanticError(message, source.span(body.start, body.end))
            terms = (term for t in body.terms for term in [term_of(t, body.by)] * t.runs)
            maxspan = None if body.maxspan is None else body.maxspan.duration
            until = None if body.until is None else term_of(body.until, body.by)
            return Sequence(tuple(terms), maxspan, until, pipes)
        case syntax.Sample() as body:
            return Sample(tuple(term_of(t, body.by) for t in body.terms), pipes)


def _key(field: syntax.Field, schema: Schema) -> Key:
    found = schema.resolve(field.name)
    return Key(found.path, found.type, field.optional)


def lower_expression(expr: syntax.Expr, source: SourceText, schema: Schema) -> Value:
    """A bare expression as a value; what needs no event is computed."""
    return _Lowering(source, schema).value(expr)


class _Lowering(ValueLowering):
    def condition(self, node: syntax.Expr) -> logic.Expr:
        return self.truth(node) or _NEVER

    # --- conditions ---------------------------------------------------------------------------

    def truth(self, node: syntax.Expr) -> Truth:
        match node:
            case syntax.And(terms):
                return _all_of([self.truth(term) for term in terms])
            case syntax.Or(terms):
                return _any_of([self.truth(term) for term in terms])
            case syntax.Not(term):
                return _negated(self.truth(term))
            case syntax.Literal(value):
                return None if value is None else logic.Always(value=value is True)
            case syntax.Field():
                return self.leaf(node, Equals((True,)), "==")
            case syntax.Comparison():
                return self.comparison(node)
            case syntax.Membership():
                return self.membership(node)
            case syntax.Match():
                return self.match(node)
            case syntax.Call():
                return self.call(node)
            case syntax.Signed() | syntax.Arithmetic():
                return self.script(self.value(node), self.written(node))
            case _:
                assert_never(node)

    def script(self, value: Value, text: str) -> Truth:
        if isinstance(value, Const):
            return None if value.value is None else logic.Always(value=value.value is True)
        return logic.Script(value, " ".join(text.split()))

    def leaf(
        self,
        field: syntax.Field,
        matcher: Matcher,
        operator: str,
        *,
        kind: FieldType | None = None,
    ) -> logic.Leaf:
        found = self.schema.resolve(field.name)
        spelled = field.name if field.name != found.path else ""
        return logic.Leaf(
            found.path, matcher, kind or found.type, operator=operator, spelled=spelled
        )

    def comparison(self, node: syntax.Comparison) -> Truth:
        tested = is_boolean_test(node)
        if tested is not None:
            found = self.truth(tested[0])
            return found if tested[1] else _negated(found)
        operator, left, right = node.operator, node.left, node.right
        if is_unmapped(left, self.schema) and is_unmapped(right, self.schema):
            return self.two_unmapped(node)
        one, other = self.value(left), self.value(right)
        if isinstance(one, Const):
            operator, left, right = MIRRORED[operator], right, left
            one, other = other, one
        return self.compared(operator, (left, one), (right, other))

    def compared(
        self, operator: str, left: tuple[syntax.Expr, Value], right: tuple[syntax.Expr, Value]
    ) -> Truth:
        """``left operator right``, where a constant, if any, stands on the right."""
        node, constant = left[0], right[1]
        if not isinstance(node, syntax.Field) or not isinstance(constant, Const):
            positive = "==" if operator == "!=" else operator
            text = f"{self.written(node)} {positive} {self.written(right[0])}"
            script = self.script(self.compare(positive, left, right), text)
            return _negated(script) if operator == "!=" else script
        if constant.value is None:
            if operator not in ("==", "!="):
                return None
            exists = self.leaf(node, Exists(), "!= null")
            return exists if operator == "!=" else logic.Not(exists)
        if operator in ("==", "!="):
            equal = self.equals(node, [(right[0], constant.value)], operator)
            return equal if operator == "==" else logic.Not(equal)
        found = self.schema.resolve(node.name)
        bound = self.constant(found, right[0], constant.value)
        side, included = _BOUNDS[operator]
        if side == "low":
            return self.leaf(node, Range(low=bound, low_included=included), operator)
        return self.leaf(node, Range(high=bound, high_included=included), operator)

    def two_unmapped(self, node: syntax.Comparison) -> Truth:
        """``?a == ?b`` of fields that nobody knows.

        Elasticsearch refuses it, unless its indexes lack one of them, or both: then that one is
        the constant null. An event that has neither fits in all of these cases.
        """
        if node.operator not in ("==", "!="):
            return None
        both = (node.left, node.right)
        absent = [
            logic.Not(self.leaf(field, Exists(), "!= null"))
            for field in both
            if isinstance(field, syntax.Field)
        ]
        found = logic.conjunction(*absent)
        return found if node.operator == "==" else logic.Not(found)

    def equals(
        self,
        node: syntax.Field,
        values: list[tuple[syntax.Expr, Scalar]],
        operator: str,
        *,
        fold_case: bool = False,
    ) -> logic.Leaf:
        """Some value of the field is one of the constants; an address may lie in a block."""
        found = self.schema.resolve(node.name)
        if found.type == "ip" and any(isinstance(v, str) and "/" in v for _, v in values):
            blocks = tuple(self.block(item, value) for item, value in values)
            return self.leaf(node, InNetwork(blocks), operator)
        constants = tuple(self.constant(found, item, value) for item, value in values)
        return self.leaf(node, Equals(constants, fold_case or found.fold_case), operator)

    def block(self, node: syntax.Expr, value: Scalar) -> str:
        if isinstance(value, str) and network_of(value) is not None:
            return value
        raise self.error(f"{self.written(node)} is neither an address nor a block of them", node)

    def membership(self, node: syntax.Membership) -> Truth:
        positive = "in~" if node.fold_case else "in"
        found: Truth
        values = [(item, self.value(item)) for item in node.items]
        constants = [
            (item, value.value)
            for item, value in values
            if isinstance(value, Const) and value.value is not None
        ]
        if isinstance(node.subject, syntax.Field):
            operator = node.operator
            found = (
                self.equals(node.subject, constants, operator, fold_case=node.fold_case)
                if constants
                else None
            )
        else:
            inside = self.written(node)[node.items[0].start - node.start :]
            text = f"{self.written(node.subject)} {positive} ({inside}"
            found = self.script(self.contained(node), text)
        return _negated(found) if node.negated else found

    def match(self, node: syntax.Match) -> Truth:
        if not isinstance(node.subject, syntax.Field):
            return self.script(self.value(node), self.written(node))
        found = self.schema.resolve(node.subject.name)
        fold_case = node.operator == ":" or node.operator.endswith("~") or found.fold_case
        matcher: Matcher
        if node.operator.startswith("regex"):
            patterns = tuple(self.regex(p, java=False, fold_case=fold_case) for p in node.patterns)
            texts = tuple(str(pattern.value) for pattern in node.patterns)
            matcher = Regex(patterns, fold_case, whole=True, texts=texts)
        else:
            globs = tuple(glob_from_eql(str(pattern.value)) for pattern in node.patterns)
            matcher = Wildcard(globs, fold_case)
        return self.leaf(node.subject, matcher, node.operator, kind=self.as_text(found))

    def as_text(self, field: Resolved) -> FieldType:
        """An address compared with a pattern is compared by its text."""
        return "keyword" if field.type == "ip" else field.type

    def call(self, node: syntax.Call) -> Truth:
        name = FUNCTION_NAMES[node.name.lower()]
        value = self.value(node)
        if isinstance(value, Const):
            return self.script(value, "")
        field, rest = node.args[0], value.args[1:] if isinstance(value, Call) else ()
        texts = [v.value for v in rest if isinstance(v, Const) and isinstance(v.value, str)]
        if not isinstance(field, syntax.Field) or not texts or len(texts) != len(rest):
            return self.script(value, self.written(node))
        if name == "cidrMatch":
            return self.leaf(field, InNetwork(tuple(texts)), "cidrMatch", kind="ip")
        escaped = glob_escape(texts[0])
        if name == "stringContains" and not escaped:
            return _NEVER
        globs = {
            "startsWith": f"{escaped}*",
            "endsWith": f"*{escaped}",
            "stringContains": f"*{escaped}*",
        }
        if name not in globs:
            return self.script(value, self.written(node))
        found = self.schema.resolve(field.name)
        matcher = Wildcard((globs[name],), node.fold_case or found.fold_case)
        operator = name + ("~" if node.fold_case else "")
        return self.leaf(field, matcher, operator, kind=self.as_text(found))


def _negated(term: Truth) -> Truth:
    match term:
        case None:
            return None
        case logic.Always(value):
            return logic.Always(value=not value)
        case _:
            return logic.Not(term)


def _all_of(terms: list[Truth]) -> Truth:
    if _NEVER in terms:
        return _NEVER
    if None in terms:
        return None
    left = [term for term in terms if term is not None and not isinstance(term, logic.Always)]
    return logic.conjunction(*left) if left else logic.Always(value=True)


def _any_of(terms: list[Truth]) -> Truth:
    if logic.Always(value=True) in terms:
        return logic.Always(value=True)
    left = [term for term in terms if term is not None and not isinstance(term, logic.Always)]
    if left:
        return logic.disjunction(*left)
    return None if None in terms else _NEVER
