"""SECL's syntax → logic: the expression of a rule, a condition of an action, a value that is set.

Every field becomes ``secl.<field>``, spelled as the rule has it, and reads as its zero value
where an event lacks it: SECL knows no null. A variable becomes the field of `Variable.field`. A
rule serves one event type, found from its fields. A rule with an iterator variable is true where
one object of the iterator makes it true.

Semantics: https://docs.datadoghq.com/security/workload_protection/secl_expressions/
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.events.schema.secl import FIM, SECL_FIELDS, FieldClass, Fields
from tocsin.languages.secl.expressions import Lowering
from tocsin.languages.secl.macros import Macros
from tocsin.languages.secl.names import Register, Resolver, Variables, find_register
from tocsin.languages.secl.operands import (
    Computed,
    Condition,
    Constant,
    Read,
    constant_value,
    describe,
    is_array,
)
from tocsin.languages.secl.syntax import Name, Node
from tocsin.logic.agent_rule import Variable
from tocsin.logic.expr import Expr, Leaf, Nested, Script, conjunction, disjunction
from tocsin.logic.matchers import Equals
from tocsin.logic.value import Call, Const, Value
from tocsin.source_text import Span

_FIM_VARIANTS: Final = (
    ("open.file.", "open"), ("chmod.file.", "chmod"), ("chown.file.", "chown"),
    ("link.file.", "link"), ("rename.file.", "rename"), ("rename.file.destination.", "rename"),
    ("unlink.file.", "unlink"), ("utimes.file.", "utimes"),
)  # fmt: skip
"""What ``fim.write.file.`` stands for, and in which event type."""

_MOST_OBJECTS: Final = 100
"""How many objects an iterator variable may stand for: the Agent asks no more."""

_WRITE_FLAGS: Final = ("O_CREAT", "O_TRUNC", "O_APPEND", "O_RDWR", "O_WRONLY")


class Known(msgspec.Struct, frozen=True):
    """What the names in an expression may stand for.

    Attributes:
        macros: by name.
        fields: the table.
        variables: those that rules set.
        tags: what ``event.rule.tags`` holds.
    """

    macros: Macros
    fields: Fields = SECL_FIELDS
    variables: Variables = {}
    tags: tuple[str, ...] = ()


class Compiled(msgspec.Struct, frozen=True):
    """A condition.

    Attributes:
        where: as logic.
        events: the event types that its fields fix.
        variables: those that it reads.
    """

    where: Expr
    events: tuple[str, ...]
    variables: tuple[Variable, ...]


class Computation(msgspec.Struct, frozen=True):
    """A value that an action sets.

    Attributes:
        type: of the value.
        array: whether it is any number of values.
        value: as logic; None where it is a condition.
        condition: what a bool is worth, as logic; None where it is a value.
        variables: those that it reads.
    """

    type: FieldClass
    array: bool
    value: Value | None
    condition: Expr | None
    variables: tuple[Variable, ...]


# --- rules ------------------------------------------------------------------------------------


def lower_rule(node: Node, known: Known) -> Compiled:
    """The condition of a rule, its event type included; of every event where no field fixes one.

    Raises:
        QueryError: the expression cannot be used.
    """
    names, register = _names(node, known)
    if any(name.name.startswith(FIM) for name in names):
        return _lower_fim(node, known)
    lowering = _lowering(known, register)
    expr = _over_objects(lowering.condition(node), register, known.fields)
    event = _event_type(lowering.resolver, known.fields, node.span)
    variables = tuple(lowering.resolver.read.values())
    if event is None:
        return Compiled(expr, (), variables)
    return Compiled(conjunction(_event_leaf(event, known.fields), expr), (event,), variables)


def _names(node: Node, known: Known) -> tuple[list[Name], Register | None]:
    known.macros.size(node)
    names = list(known.macros.names(node))
    return names, find_register(iter(names), known.fields)


def _lowering(known: Known, register: Register | None, fim: str = "") -> Lowering:
    resolver = Resolver(known.fields, known.variables, register, fim)
    return Lowering(known.macros, resolver, known.tags)


def _over_objects(expr: Expr, register: Register | None, fields: Fields) -> Expr:
    if register is None:
        return expr
    return Nested(fields.prefix + register.iterator, expr, _MOST_OBJECTS)


def _lower_fim(node: Node, known: Known) -> Compiled:
    # SECL: fim.write.file.path is a rule for each of the events that change a file.
    variants: list[Expr] = []
    variables: dict[str, Variable] = {}
    for prefix, event in _FIM_VARIANTS:
        lowering = _lowering(known, None, prefix)
        expr = lowering.condition(node)
        found = _event_type(lowering.resolver, known.fields, node.span)
        terms = [_event_leaf(event, known.fields), expr]
        if found != event:
            raise QuerySemanticError(f"{FIM}* stands for events of several types", node.span)
        if event == "open":
            terms.append(_opened_for_writing(lowering.resolver, known.fields, node.span))
        variants.append(conjunction(*terms))
        variables.update(lowering.resolver.read)
    events = tuple(dict.fromkeys(event for _, event in _FIM_VARIANTS))
    return Compiled(disjunction(*variants), events, tuple(variables.values()))


def _opened_for_writing(resolver: Resolver, fields: Fields, span: Span) -> Expr:
    flags = 0
    for flag in _WRITE_FLAGS:
        flags |= int(fields.constants[flag])
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
        event = next(iter(events))
        _check_shared(resolver, (event,))
        return event
    if not any(kind.event for kind in fields.kinds.values()):
        return None
    hint = "name a field of the event, as exec.file.name or open.file.path"
    raise QuerySemanticError("no field says which event type this is about", span, hint)


# --- actions ----------------------------------------------------------------------------------


def lower_condition(node: Node, known: Known, events: Collection[str]) -> Compiled:
    """A condition of an action; its fields have to be those of the rule's event types.

    Raises:
        QueryError: it cannot be used.
    """
    _, register = _names(node, known)
    lowering = _lowering(known, register)
    expr = _over_objects(lowering.condition(node), register, known.fields)
    _check_events(lowering.resolver, events)
    found = tuple(lowering.resolver.events)
    return Compiled(expr, found, tuple(lowering.resolver.read.values()))


def lower_value(node: Node, known: Known, events: Collection[str]) -> Computation:
    """A value that an action sets; its fields have to be those of the rule's event types.

    Raises:
        QueryError: it cannot be used.
    """
    _, register = _names(node, known)
    if register is not None:
        message = "a value that is set cannot hold an iterator variable"
        raise QuerySemanticError(message, node.span, f"write {register.iterator} without it")
    lowering = _lowering(known, None)
    operand = lowering.operand(node)
    _check_events(lowering.resolver, events)
    variables = tuple(lowering.resolver.read.values())
    match operand:
        case Condition(expr):
            return Computation("bool", False, None, expr, variables)
        case Constant() if operand.form == "text":
            return Computation(operand.type, False, constant_value(operand), None, variables)
        case Read() | Computed():
            kind, array = operand.type, is_array(operand)
            return Computation(kind, array, operand.value(), None, variables)
        case _:
            message = f"{describe(operand)} is no value that can be set"
            raise QuerySemanticError(message, operand.span)


def _check_events(resolver: Resolver, events: Iterable[str]) -> None:
    """Refuses fields that an event of the rule does not have.

    Raises:
        QuerySemanticError: there is one.
    """
    served = list(events)
    for event, span in resolver.events.items():
        if any(event != one for one in served):
            message = f"the rule is about {', '.join(served)} events, and this about {event}"
            raise QuerySemanticError(message, span)
    _check_shared(resolver, served)


def _check_shared(resolver: Resolver, served: Iterable[str]) -> None:
    for name, (events, span) in resolver.shared.items():
        for event in served:
            if event not in events:
                message = f"{event} events have no {name}, only {', '.join(events)} have"
                raise QuerySemanticError(message, span)
