"""SECL's syntax → logic.

Every field becomes ``secl.<field>``, spelled as the rule has it, and reads as its zero value
where an event lacks it: SECL knows no null. A rule serves one event type, found from its fields.
A rule with an iterator variable is true where one object of the iterator makes it true.

Semantics: https://docs.datadoghq.com/security/workload_protection/secl_expressions/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.events.schema.secl import FIM, SECL_FIELDS, Fields
from tocsin.languages.secl.comparisons import Comparison as Compared
from tocsin.languages.secl.comparisons import lower_comparison
from tocsin.languages.secl.names import DEEPEST, Macro, Macros, Resolver, find_register
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
)
from tocsin.languages.secl.syntax import (
    Address,
    Array,
    Bits,
    Comparison,
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
from tocsin.logic.expr import Expr, Leaf, Nested, Script, conjunction, disjunction
from tocsin.logic.matchers import Equals
from tocsin.logic.value import Call, Const, Value
from tocsin.source_text import Span

_LONG: Final = 1 << 63
_INTERPOLATION = re.compile(r"([$%])\{([^}]*)\}")
_MEMBERSHIP: Final = frozenset({"in", "not in", "allin"})
_BIT_CALLS: Final = {"&": "bit_and", "|": "bit_or", "^": "bit_xor"}
_SUM_CALLS: Final = {"+": "add", "-": "subtract"}

_FIM_VARIANTS: Final = (
    ("open.file.", "open"), ("chmod.file.", "chmod"), ("chown.file.", "chown"),
    ("link.file.", "link"), ("rename.file.", "rename"), ("rename.file.destination.", "rename"),
    ("unlink.file.", "unlink"), ("utimes.file.", "utimes"),
)  # fmt: skip
"""What ``fim.write.file.`` stands for, and in which event type."""

_WRITE_FLAGS: Final = ("O_CREAT", "O_TRUNC", "O_APPEND", "O_RDWR", "O_WRONLY")


def lower(
    node: Node, macros: Mapping[str, Macro | str], fields: Fields = SECL_FIELDS
) -> tuple[Expr, str | None]:
    """The condition of a rule, and its event type; None where no field can fix one.

    Raises:
        QueryError: the expression cannot be used.
    """
    known = Macros(macros)
    known.size(node)
    names = list(known.names(node))
    register = find_register(iter(names), fields)
    fim = next((name for name in names if name.name.startswith(FIM)), None)
    if fim is not None:
        return _lower_fim(node, known, fields), None
    lowering = _Lowering(known, Resolver(fields, register))
    expr = lowering.condition(node)
    if register is not None:
        expr = Nested(fields.prefix + register.iterator, expr)
    event = _event_type(lowering.resolver, fields, node.span)
    if event is None:
        return expr, None
    return conjunction(_event_leaf(event, fields), expr), event


def _lower_fim(node: Node, macros: Macros, fields: Fields) -> Expr:
    # SECL: fim.write.file.path is a rule for each of the events that change a file.
    variants = []
    for prefix, event in _FIM_VARIANTS:
        resolver = Resolver(fields, None, prefix)
        expr = _Lowering(macros, resolver).condition(node)
        found = _event_type(resolver, fields, node.span)
        terms = [_event_leaf(event, fields), expr]
        if found != event:
            raise QuerySemanticError(f"{FIM}* stands for events of several types", node.span)
        if event == "open":
            flags = 0
            for flag in _WRITE_FLAGS:
                flags |= int(fields.constants[flag])
            terms.append(_opened_for(resolver, flags, node.span))
        variants.append(conjunction(*terms))
    return disjunction(*variants)


def _opened_for(resolver: Resolver, flags: int, span: Span) -> Expr:
    read = resolver.field("open.flags", span)
    bits = Call("bit_and", (read.value(), Const(flags)))
    return Script(Call("gt", (bits, Const(0))), "open.flags & " + "|".join(_WRITE_FLAGS) + " > 0")


def _event_leaf(event: str, fields: Fields) -> Leaf:
    name = f"{fields.prefix}evt.name"
    return Leaf(name, Equals((event,)), "keyword", spelled="evt.name")


def _event_type(resolver: Resolver, fields: Fields, span: Span) -> str | None:
    events = resolver.events
    if len(events) > 1:
        first, second, *_ = events
        message = f"a rule serves one event type, and this names {first} and {second}"
        raise QuerySemanticError(message, events[second])
    if events:
        return next(iter(events))
    if not any(kind.event for kind in fields.kinds.values()):
        return None
    hint = "name a field of the event, as exec.file.name or open.file.path"
    raise QuerySemanticError("no field says which event type this is about", span, hint)


class _Lowering:
    """One expression on its way: names are resolved, types are checked."""

    def __init__(self, macros: Macros, resolver: Resolver) -> None:
        self.resolver = resolver
        self._macros = macros
        self._lowered: dict[str, Operand] = {}
        self._macro_depth = 0
        self._depth = 0

    def condition(self, node: Node) -> Expr:
        """The node, which has to be a condition."""
        return self._condition(self._operand(node), "a rule needs a condition")

    def _condition(self, operand: Operand, message: str) -> Expr:
        if isinstance(operand, (Constant, Read, Condition)) and operand.type == "bool":
            return condition_of(operand)
        hint = ""
        if operand.type == "int" and not is_array(operand):
            hint = "compare it: … > 0"
        raise QuerySemanticError(f"{message}, found {describe(operand)}", operand.span, hint)

    def _operand(self, node: Node) -> Operand:
        self._depth = _checked(self._depth + 1, node.span)
        operand = self._lowered_node(node)
        self._depth -= 1
        return operand

    def _lowered_node(self, node: Node) -> Operand:
        match node:
            case Logic():
                return self._logic(node)
            case Comparison():
                return self._comparison(node)
            case Sum():
                return self._sum(node)
            case Bits(operator, left, right, span):
                return self._arithmetic(
                    operator, self._int(self._operand(left)), self._int(self._operand(right)), span
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
                return self._variable(name, span)
            case FieldReference(name, span):
                return self.resolver.field(name, span)

    # --- logic ---

    def _logic(self, node: Logic) -> Condition:
        """``a && b || c  ->  a && (b || c)``."""
        operands = [self._operand(term) for term in node.terms]
        exprs = [self._condition(term, "'&&' and '||' join conditions") for term in operands]
        run, operator, depth = [exprs[-1]], node.operators[-1], depth_of(operands[-1]) + 1
        before = zip(exprs[-2::-1], operands[-2::-1], node.operators[::-1], strict=True)
        for expr, operand, this in before:
            if this != operator:
                run, operator, depth = [_joined(operator, run[::-1])], this, depth + 1
            run.append(expr)
            depth = max(depth, depth_of(operand) + 1)
        return Condition(_joined(operator, run[::-1]), node.span, _checked(depth, node.span))

    def _comparison(self, node: Comparison) -> Condition:
        left = self._operand(node.left)
        right = (
            self._behind_in(node.right)
            if node.operator in _MEMBERSHIP
            else self._operand(node.right)
        )
        now = self.resolver.now()
        expr = lower_comparison(Compared(node.operator, left, right, now, node.span))
        # Two conditions that are compared stand each in two places, under one more 'and'.
        depth = 2 + max(depth_of(left), depth_of(right))
        return Condition(expr, node.span, _checked(depth, node.span))

    def _unary(self, node: Unary) -> Operand:
        term = self._operand(node.term)
        depth = _checked(depth_of(term) + 1, node.span)
        if node.operator == "!":
            expr = self._condition(term, "'!' and 'not' take a condition")
            return Condition(negate(expr), node.span, depth)
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
        total = self._int(self._operand(node.first))
        for sign, term in node.rest:
            total = self._arithmetic(sign, total, self._int(self._operand(term)), node.span)
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
        for found in _INTERPOLATION.finditer(text):
            if found.start() > at:
                pieces.append(Const(text[at : found.start()]))
            at = found.end()
            operand = (
                self._variable(found[2], span)
                if found[1] == "$"
                else self.resolver.field(found[2], span)
            )
            if operand.type in {"bool", "ip"}:
                message = f"a text cannot hold {found[0]}, which is of type {operand.type}"
                raise QuerySemanticError(message, span)
            if is_array(operand):
                raise UnsupportedFeature(f"Tocsin cannot join {found[0]} into a text", span)
            pieces.append(_inside(operand))
        if not pieces:
            return Constant("string", text, span)
        if at < len(text):
            pieces.append(Const(text[at:]))
        return Computed("string", Call("concat", tuple(pieces)), span)

    def _array(self, node: Array) -> Listing:
        members: list[Constant | Computed] = []
        for member in node.members:
            operand = self._member(member)
            if members and operand.type != members[0].type:
                message = f"a list of {members[0].type} cannot hold {describe(operand)}"
                raise QuerySemanticError(message, operand.span)
            members.append(operand)
        return Listing(members[0].type, tuple(members), node.span)

    def _member(self, node: Node) -> Constant | Computed:
        if isinstance(node, Name):
            constant = self._constant(node.name, node.span)
            if constant is None:
                hint = "texts stand in double quotes"
                raise QuerySemanticError(f"{node.name} is no constant", node.span, hint)
            return constant
        operand = self._operand(node)
        if isinstance(operand, (Constant, Computed)):
            return operand
        raise QuerySemanticError(f"a list cannot hold {describe(operand)}", node.span)

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
        return self.resolver.field(name, span, in_macro=self._macro_depth > 0)

    def _behind_in(self, node: Node) -> Operand:
        if isinstance(node, Name) and node.name in self._macros:
            return self._macro(node.name, node.span)
        return self._operand(node)

    def _macro(self, name: str, span: Span) -> Operand:
        if name not in self._lowered:
            self._macro_depth += 1
            self._lowered[name] = self._operand(self._macros.node(name))
            self._macro_depth -= 1
        operand = self._lowered[name]
        # What a macro gets wrong is shown in the macro, what is done with it where it is used.
        return operand if isinstance(operand, Listing) else msgspec.structs.replace(
            operand, span=span
        )  # fmt: skip

    def _variable(self, name: str, span: Span) -> Read | Computed:
        field = self.resolver.fields.variables.get(name)
        if field is not None:
            return self.resolver.field(field, span)
        hint = ""
        if name in self.resolver.fields.kinds:
            hint = f"a field is written %{{{name}}}"
        raise UnsupportedFeature(f"the variable ${{{name}}} needs state between events", span, hint)


def _checked(depth: int, span: Span) -> int:
    if depth > DEEPEST:
        raise QuerySemanticError(f"nested deeper than {DEEPEST} levels", span)
    return depth


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
