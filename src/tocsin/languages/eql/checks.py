"""What EQL refuses although its grammar allows it.

Unknown functions, arguments of the wrong kind, conditions that are neither true nor false, fields
compared with fields, sequences whose terms do not fit together. A field that no schema knows may
be of any kind; with ``strict`` it has to be known or optional (``?``), as in Elasticsearch.
"""

from __future__ import annotations

import difflib
from typing import Literal, assert_never

from tocsin.errors import QuerySemanticError
from tocsin.events.schema import Schema
from tocsin.languages.eql import syntax
from tocsin.languages.eql.names import FOLDING, FUNCTION_NAMES, INSTEAD
from tocsin.logic.field_types import FieldType
from tocsin.logic.functions import FUNCTIONS
from tocsin.logic.functions import Kind as FunctionKind
from tocsin.logic.matchers import network_of
from tocsin.source_text import SourceText

Kind = Literal["any", "null", "text", "number", "boolean", "ip", "date"]

_KINDS: dict[FieldType, Kind] = {
    "dynamic": "any",
    "keyword": "text",
    "text": "text",
    "version": "text",
    "long": "number",
    "double": "number",
    "boolean": "boolean",
    "ip": "ip",
    "date": "date",
}
_WORDS: dict[Kind | FunctionKind, str] = {
    "text": "a text",
    "number": "a number",
    "boolean": "true or false",
    "ip": "an IP address",
    "date": "a date",
    "any": "a value",
    "null": "null",
}
_ACCEPTED: dict[Kind | FunctionKind, frozenset[str]] = {
    # An address may be read as its text: public rules compare addresses with wildcards.
    "text": frozenset({"text", "ip", "any", "null"}),
    "number": frozenset({"number", "any", "null"}),
    "boolean": frozenset({"boolean", "any", "null"}),
    "ip": frozenset({"ip", "text", "any", "null"}),
}
_ORDER = ("<", "<=", ">", ">=")


def check_query(
    query: syntax.Query, source: SourceText, schema: Schema, *, strict: bool = False
) -> None:
    """Refuses a query that says what EQL does not allow.

    Raises:
        QuerySemanticError: pointing at the first such place.
    """
    checker = _Checker(source, schema, strict)
    match query.body:
        case syntax.EventQuery(_, where):
            checker.condition(where)
        case syntax.Sequence():
            checker.sequence(query.body)
        case syntax.Sample():
            checker.sample(query.body)


def check_expression(
    expr: syntax.Expr, source: SourceText, schema: Schema, *, strict: bool = False
) -> None:
    """The same for an expression that need not be a condition."""
    _Checker(source, schema, strict).kind(expr, top=False)


def is_unmapped(node: syntax.Expr, schema: Schema) -> bool:
    """Whether a field is optional and unknown: to Elasticsearch, the constant null."""
    return isinstance(node, syntax.Field) and node.optional and not schema.resolve(node.name).known


def is_boolean_test(node: syntax.Comparison) -> tuple[syntax.Expr, bool] | None:
    """What is tested by ``(a > 1) == true`` and the like, and whether it has to be true.

    Elasticsearch takes these for ``a > 1`` and ``not (a > 1)``, so that a missing field is as
    there; of a bare field they are ordinary comparisons.
    """
    if node.operator not in ("==", "!="):
        return None
    for tested, wanted in ((node.left, node.right), (node.right, node.left)):
        if not isinstance(wanted, syntax.Literal) or not isinstance(wanted.value, bool):
            continue
        if not isinstance(tested, (syntax.Literal, syntax.Field)):
            return tested, wanted.value is (node.operator == "==")
    return None


class _Checker:
    def __init__(self, source: SourceText, schema: Schema, strict: bool) -> None:
        self.source = source
        self.schema = schema
        self.strict = strict

    def error(self, message: str, node: syntax.Node, hint: str = "") -> QuerySemanticError:
        return QuerySemanticError(message, self.source.span(node.start, node.end), hint)

    def written(self, node: syntax.Node) -> str:
        text = " ".join(self.source.text[node.start : node.end].split())
        return text if len(text) <= 60 else text[:59] + "…"

    # --- expressions --------------------------------------------------------------------------

    def condition(self, node: syntax.Expr) -> None:
        """What stands behind ``where``, ``and``, ``or`` and ``not`` is true or false."""
        kind, _ = self.kind(node, top=True)
        self.is_condition(node, kind)

    def is_condition(self, node: syntax.Expr, kind: Kind) -> None:
        if kind not in _ACCEPTED["boolean"]:
            message = f"{self.written(node)} is {_WORDS[kind]}, and not a condition"
            raise self.error(message, node, "compare it with something")

    def kind(self, node: syntax.Expr, *, top: bool) -> tuple[Kind, bool]:
        """What kind of value a node has, and whether it is the same for every event.

        Args:
            node: the expression.
            top: no function stands around it, so that a comparison is made in the index: a
                field with constants.
        """
        match node:
            case syntax.Literal(value):
                return _kind_of(value), True
            case syntax.Field():
                return self.field(node), False
            case syntax.And(terms) | syntax.Or(terms):
                constant = True
                for term in terms:
                    kind, same = self.kind(term, top=top)
                    self.is_condition(term, kind)
                    constant &= same
                return "boolean", constant
            case syntax.Not(term):
                kind, constant = self.kind(term, top=top)
                self.is_condition(term, kind)
                return "boolean", constant
            case syntax.Signed(sign, term):
                return "number", self.operand(sign, term)
            case syntax.Arithmetic(operator, left, right):
                one, other = self.operand(operator, left), self.operand(operator, right)
                return "number", one and other
            case syntax.Comparison():
                return "boolean", self.comparison(node, top=top)
            case syntax.Membership():
                return "boolean", self.membership(node, top=top)
            case syntax.Match(subject, operator):
                kind, constant = self.kind(subject, top=False)
                if kind not in _ACCEPTED["text"]:
                    message = f"'{operator}' compares texts, and {self.written(subject)} is "
                    raise self.error(message + _WORDS[kind], subject, "compare it with ==")
                return "boolean", constant
            case syntax.Call():
                return self.call(node)
            case _:
                assert_never(node)

    def field(self, node: syntax.Field) -> Kind:
        found = self.schema.resolve(node.name)
        if self.strict and not found.known and not node.optional:
            near = difflib.get_close_matches(node.name, self.schema.types, 1)
            hint = f"did you mean {near[0]}? or " if near else ""
            raise self.error(f"unknown field {node.name}", node, f"{hint}write ?{node.name}")
        return _KINDS[found.type]

    def operand(self, operator: str, node: syntax.Expr) -> bool:
        kind, constant = self.kind(node, top=False)
        if kind not in _ACCEPTED["number"]:
            message = f"'{operator}' takes numbers, and {self.written(node)} is {_WORDS[kind]}"
            raise self.error(message, node)
        return constant

    def comparison(self, node: syntax.Comparison, *, top: bool) -> bool:
        tested = is_boolean_test(node)
        if tested is not None:
            kind, constant = self.kind(tested[0], top=top)
            self.alike(node, (tested[0], kind), (node, "boolean"))
            return constant
        left, left_constant = self.kind(node.left, top=False)
        right, right_constant = self.kind(node.right, top=False)
        if top and not left_constant and not right_constant:
            unmapped = is_unmapped(node.left, self.schema) and is_unmapped(node.right, self.schema)
            if not unmapped:
                raise self.two_fields(node, node.right)
        if node.operator in _ORDER and "boolean" in (left, right):
            raise self.error(f"true and false have no order: {self.written(node)}", node)
        self.alike(node, (node.left, left), (node.right, right))
        return left_constant and right_constant

    def membership(self, node: syntax.Membership, *, top: bool) -> bool:
        left, constant = self.kind(node.subject, top=False)
        for item in node.items:
            kind, same = self.kind(item, top=False)
            if top and not same:
                raise self.two_fields(node, item)
            self.alike(node, (node.subject, left), (item, kind))
            constant &= same
        return constant

    def two_fields(self, node: syntax.Node, culprit: syntax.Expr) -> QuerySemanticError:
        message = f"{self.written(culprit)} is not a constant: {self.written(node)}"
        hint = "a comparison has a field on one side only, unless it stands within a function"
        return self.error(message, culprit, hint)

    def alike(
        self, node: syntax.Node, left: tuple[syntax.Expr, Kind], right: tuple[syntax.Expr, Kind]
    ) -> None:
        """A text and a number are never the same; a constant is read as its field's type."""
        if isinstance(left[0], syntax.Field) or isinstance(right[0], syntax.Field):
            return
        if {left[1], right[1]} == {"text", "number"}:
            one = f"{self.written(left[0])} is {_WORDS[left[1]]}"
            other = f"{self.written(right[0])} is {_WORDS[right[1]]}"
            raise self.error(f"cannot compare: {one}, {other}", node)

    def call(self, node: syntax.Call) -> tuple[Kind, bool]:
        name = FUNCTION_NAMES.get(node.name.lower())
        if name is None:
            near = difflib.get_close_matches(node.name.lower(), FUNCTION_NAMES, 1)
            hint = f"did you mean {FUNCTION_NAMES[near[0]]}?" if near else ""
            hint = INSTEAD.get(node.name.lower(), hint)
            span = self.source.span(node.start, node.start + len(node.name))
            raise QuerySemanticError(f"unknown function {node.name}", span, hint)
        if node.fold_case and name not in FOLDING:
            hint = f"functions with ~ are {', '.join(sorted(FOLDING))}"
            raise self.error(f"{name} has no form that ignores case", node, hint)
        function = FUNCTIONS[name]
        least, most = function.arity
        if len(node.args) < least or (most is not None and len(node.args) > most):
            wanted = f"{least}" if least == most else f"{least} to {most}"
            if most is None:
                wanted = f"at least {least}"
            noun = "argument" if wanted.endswith(("1", "one")) else "arguments"
            message = f"{name} takes {wanted} {noun}, found {len(node.args)}"
            raise self.error(message, node)
        constant = True
        for number, argument in enumerate(node.args):
            kind, same = self.kind(argument, top=False)
            constant &= same
            wanted_kind = function.argument(number)
            if wanted_kind != "any" and kind not in _ACCEPTED[wanted_kind]:
                message = f"{name} takes {_WORDS[wanted_kind]} here, and "
                message += f"{self.written(argument)} is {_WORDS[kind]}"
                raise self.error(message, argument)
            if name == "cidrMatch" and number:
                self.block(argument, constant=same)
        return function.returns, constant

    def block(self, node: syntax.Expr, *, constant: bool) -> None:
        if not constant:
            raise self.error(f"{self.written(node)} is not a constant", node, "write the block")
        if not isinstance(node, syntax.Literal) or not isinstance(node.value, str):
            return
        if network_of(node.value) is None:
            raise self.error(f"{self.written(node)} is not a block of addresses", node)

    # --- sequences and samples ----------------------------------------------------------------

    def sequence(self, node: syntax.Sequence) -> None:
        runs = sum(term.runs for term in node.terms)
        if runs < 2:
            raise self.error("a sequence needs at least two terms, found one", node.terms[0])
        terms = [*node.terms, *([node.until] if node.until is not None else [])]
        self.terms(terms, node.by)
        missing = [term for term in node.terms if term.missing]
        if missing and node.maxspan is None:
            hint = "write: sequence with maxspan=…"
            raise self.error("a missing event needs a time span", missing[0], hint)
        if len(missing) == len(node.terms):
            raise self.error("at least one event of a sequence has to happen", node)

    def sample(self, node: syntax.Sample) -> None:
        if len(node.terms) < 2:
            raise self.error("a sample needs at least two terms, found one", node.terms[0])
        if not node.by and not node.terms[0].by:
            raise self.error("a sample needs a key", node.terms[0], "write: sample by …")
        self.terms(node.terms, node.by)

    def terms(
        self, terms: list[syntax.Term] | tuple[syntax.Term, ...], by: tuple[syntax.Field, ...]
    ) -> None:
        for key in by:
            self.field(key)
        wanted = [self.field(key) for key in terms[0].by]
        for term in terms:
            self.condition(term.event.where)
            if len(term.by) != len(wanted):
                raise self.error(
                    f"this term has {_keys(len(term.by))}, and the first one {len(wanted)}",
                    term.by[-1] if len(term.by) > len(wanted) else term,
                    "all terms are joined by as many keys",
                )
            for number, key in enumerate(term.by):
                kind = self.field(key)
                if wanted[number] == "any":
                    wanted[number] = kind
                elif kind not in ("any", wanted[number]):
                    message = f"the key {key.name} is {_WORDS[kind]}, and in the terms before it "
                    raise self.error(f"{message}it is {_WORDS[wanted[number]]}", key)


def _keys(number: int) -> str:
    return f"{number or 'no'} key{'' if number == 1 else 's'}"


def _kind_of(value: object) -> Kind:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "text"
        case _:
            return "number"
