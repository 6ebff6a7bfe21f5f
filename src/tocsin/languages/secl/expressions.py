"""One expression on its way from syntax to logic: names are resolved, types are checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.languages.secl.compared import MEMBERSHIP, Comparison
from tocsin.languages.secl.comparisons import lower_comparison
from tocsin.languages.secl.macros import DEEPEST, LARGEST, Macros
from tocsin.languages.secl.names import Resolver, as_text
from tocsin.languages.secl.operands import (
    Computed,
    Condition,
    Constant,
    Listing,
    Operand,
    Read,
    all_of,
    any_of,
    condition_of,
    depth_of,
    describe,
    is_array,
    negate,
    size_of,
)
from tocsin.languages.secl.syntax import (
    Address,
    Array,
    Bits,
    FieldReference,
    Logic,
    Name,
    Node,
    Number,
    Sum,
    Text,
    Unary,
    Variable,
)
from tocsin.languages.secl.syntax import Comparison as ComparisonNode
from tocsin.logic.expr import Expr
from tocsin.logic.value import Call, Const, Value
from tocsin.source_text import Span

_LONG: Final = 1 << 63
_INTERPOLATION = re.compile(r"([$%])\{([^}]*)\}")
_BIT_CALLS: Final = {"&": "bit_and", "|": "bit_or", "^": "bit_xor"}
_SUM_CALLS: Final = {"+": "add", "-": "subtract"}


class Lowering:
    """One expression on its way.

    Args:
        macros: what it may use.
        resolver: knows the fields and variables.
        tags: what ``event.rule.tags`` holds: the rule's own.
    """

    def __init__(self, macros: Macros, resolver: Resolver, tags: Sequence[str] = ()) -> None:
        self.resolver = resolver
        self._macros = macros
        self._tags = tuple(tags)
        self._lowered: dict[str, Operand] = {}
        self._macro_depth = 0
        self._depth = 0

    def condition(self, node: Node) -> Expr:
        """The node, which has to be a condition."""
        return self._condition(self.operand(node), "a rule needs a condition")

    def _condition(self, operand: Operand, message: str) -> Expr:
        if isinstance(operand, (Constant, Read, Condition)) and operand.type == "bool":
            return condition_of(operand)
        hint = ""
        if operand.type == "int" and not is_array(operand):
            hint = "compare it: … > 0"
        raise QuerySemanticError(f"{message}, found {describe(operand)}", operand.span, hint)

    def operand(self, node: Node) -> Operand:
        """The node, whatever it is."""
        self._depth = _checked(self._depth + 1, node.span)
        operand = self._lowered_node(node)
        self._depth -= 1
        return operand

    def _lowered_node(self, node: Node) -> Operand:
        match node:
            case Logic():
                return self._logic(node)
            case ComparisonNode():
                return self._comparison(node)
            case Sum():
                return self._sum(node)
            case Bits(operator, left, right, span):
                return self._arithmetic(
                    operator, self._int(self.operand(left)), self._int(self.operand(right)), span
                )
            case Unary():
                return self._unary(node)
            case Text(value, form, span):
                return self._text(value, span) if form == "text" else Constant(
                    "string", value, span, form
                )  # fmt: skip
            case Number(value, span, is_duration):
                return Constant("int", value, span, is_duration=is_duration)
            case Address(text, span):
                return Constant("ip", text, span)
            case Array():
                return self._array(node)
            case Name(name, span):
                return self._name(name, span)
            case Variable(name, span):
                return self.resolver.variable(name, span)
            case FieldReference(name, span):
                return self.resolver.reference(name, span)

    # --- logic ---

    def _logic(self, node: Logic) -> Condition:
        """``a && b || c  ->  a && (b || c)``."""
        operands = [self.operand(term) for term in node.terms]
        exprs = [self._condition(term, "'&&' and '||' join conditions") for term in operands]
        size = _sized(sum(map(size_of, operands)), node.span)
        run, operator, depth = [exprs[-1]], node.operators[-1], depth_of(operands[-1]) + 1
        before = zip(exprs[-2::-1], operands[-2::-1], node.operators[::-1], strict=True)
        for expr, operand, this in before:
            if this != operator:
                run, operator, depth = [_joined(operator, run[::-1])], this, depth + 1
            run.append(expr)
            depth = max(depth, depth_of(operand) + 1)
        expr = _joined(operator, run[::-1])
        return Condition(expr, node.span, _checked(depth, node.span), size)

    def _comparison(self, node: ComparisonNode) -> Condition:
        left = self.operand(node.left)
        right = (
            self._behind_in(node.right) if node.operator in MEMBERSHIP else self.operand(node.right)
        )
        # Two conditions that are compared stand each in two places, under one more 'and'.
        depth = _checked(2 + max(depth_of(left), depth_of(right)), node.span)
        size = max(1, size_of(left) + size_of(right))
        if isinstance(left, Condition) and isinstance(right, Condition):
            size = _sized(2 * size, node.span)
        now = self.resolver.now()
        expr = lower_comparison(Comparison(node.operator, left, right, now, node.span))
        return Condition(expr, node.span, depth, size)

    def _unary(self, node: Unary) -> Operand:
        term = self.operand(node.term)
        depth = _checked(depth_of(term) + 1, node.span)
        if node.operator == "!":
            expr = self._condition(term, "'!' and 'not' take a condition")
            return Condition(negate(expr), node.span, depth, size_of(term))
        term = self._int(term)
        if isinstance(term, Constant):
            number = int(term.value)
            return Constant(
                "int", _wrapped(-number if node.operator == "-" else ~number), node.span
            )
        name = "negate" if node.operator == "-" else "complement"
        return Computed("int", Call(name, (term.value(),)), node.span, depth=depth)

    # --- numbers ---

    def _int(self, operand: Operand) -> Constant | Read | Computed:
        if (
            isinstance(operand, (Constant, Read, Computed))
            and operand.type == "int"
            and not is_array(operand)
        ):
            return operand
        raise QuerySemanticError(f"expected an int, found {describe(operand)}", operand.span)

    def _sum(self, node: Sum) -> Operand:
        total = self._int(self.operand(node.first))
        for sign, term in node.rest:
            total = self._arithmetic(sign, total, self._int(self.operand(term)), node.span)
        return msgspec.structs.replace(total, is_sum=True)

    def _arithmetic(
        self,
        operator: Literal["&", "|", "^", "+", "-"],
        left: Constant | Read | Computed,
        right: Constant | Read | Computed,
        span: Span,
    ) -> Constant | Computed:
        if isinstance(left, Constant) and isinstance(right, Constant):
            number = _calculated(operator, int(left.value), int(right.value))
            is_duration = left.is_duration or right.is_duration
            return Constant("int", number, span, is_duration=is_duration)
        name = _BIT_CALLS[operator] if operator in _BIT_CALLS else _SUM_CALLS[operator]
        depth = _checked(1 + max(depth_of(left), depth_of(right)), span)
        return Computed("int", Call(name, (_inside(left), _inside(right))), span, depth=depth)

    # --- texts and lists ---

    def _text(self, text: str, span: Span) -> Constant | Computed:
        """A text, in which ``${variable}`` and ``%{field}`` are put in."""
        pieces: list[Value] = []
        at = 0
        # Behind the last '}' nothing can be put in: not to look there keeps this linear.
        for found in _INTERPOLATION.finditer(text, 0, text.rfind("}") + 1):
            if found.start() > at:
                pieces.append(Const(text[at : found.start()]))
            at = found.end()
            # The text begins behind its quote.
            here = span.source.span(span.start + 1 + found.start(), span.start + 1 + at)
            find = self.resolver.variable if found[1] == "$" else self.resolver.reference
            pieces.append(as_text(find(found[2], here), found[0], here))
        if not pieces:
            return Constant("string", text, span)
        if at < len(text):
            pieces.append(Const(text[at:]))
        return Computed("string", Call("concat", tuple(pieces)), span)

    def _array(self, node: Array) -> Listing:
        members: list[Constant] = []
        for member in node.members:
            constant = self._member(member)
            if members and constant.type != members[0].type:
                message = f"a list of {members[0].type} cannot hold {describe(constant)}"
                raise QuerySemanticError(message, constant.span)
            members.append(constant)
        return Listing(members[0].type, tuple(members), node.span)

    def _member(self, node: Node) -> Constant:
        match node:
            case Text(value, form, span):
                # SECL: nothing is put into the texts of a list.
                return Constant("string", value, span, form)
            case Name(name, span):
                constant = self._constant(name, span)
                if constant is None:
                    hint = "texts stand in double quotes"
                    raise QuerySemanticError(f"{name} is no constant", span, hint)
                return constant
            case _:
                operand = self.operand(node)
                if not isinstance(operand, Constant):
                    raise QuerySemanticError(f"a list cannot hold {describe(operand)}", node.span)
                return operand

    # --- names ---

    def _constant(self, name: str, span: Span) -> Constant | None:
        if name in {"true", "false"}:
            return Constant("bool", name == "true", span)
        value = self.resolver.fields.constants.get(name)
        if isinstance(value, bool):
            return Constant("bool", value, span)
        if isinstance(value, int):
            return Constant("int", value, span)
        return None if value is None else Constant("string", value, span)

    def _name(self, name: str, span: Span) -> Operand:
        constant = self._constant(name, span)
        if constant is not None:
            return constant
        if name in self._macros:
            return self._macro(name, span)
        if name == self.resolver.fields.rule_tags:
            tags = tuple(Constant("string", tag, span) for tag in self._tags)
            return Listing("string", tags, span)
        return self.resolver.field(name, span, in_macro=self._macro_depth > 0)

    def _behind_in(self, node: Node) -> Operand:
        if isinstance(node, Name) and node.name in self._macros:
            return self._macro(node.name, node.span)
        return self.operand(node)

    def _macro(self, name: str, span: Span) -> Operand:
        if name not in self._lowered:
            self._macro_depth += 1
            self._lowered[name] = self.operand(self._macros.node(name))
            self._macro_depth -= 1
        operand = self._lowered[name]
        # What a macro gets wrong is shown in the macro, what is done with it where it is used.
        return operand if isinstance(operand, Listing) else msgspec.structs.replace(
            operand, span=span
        )  # fmt: skip


def _checked(depth: int, span: Span) -> int:
    if depth > DEEPEST:
        raise QuerySemanticError(f"nested deeper than {DEEPEST} levels", span)
    return depth


def _sized(size: int, span: Span) -> int:
    if size > LARGEST:
        raise QuerySemanticError(f"the expression has more than {LARGEST:,} parts", span)
    return size


def _joined(operator: str, terms: list[Expr]) -> Expr:
    return all_of(terms) if operator == "&&" else any_of(terms)


def _inside(operand: Constant | Read | Computed) -> Value:
    return Const(operand.value) if isinstance(operand, Constant) else operand.value()


def _calculated(operator: str, left: int, right: int) -> int:
    match operator:
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "+":
            return _wrapped(left + right)
        case _:
            return _wrapped(left - right)


def _wrapped(number: int) -> int:
    """As 64 bits hold it."""
    return (number + _LONG) % (2 * _LONG) - _LONG
