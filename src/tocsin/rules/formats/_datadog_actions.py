"""The actions of Agent rules, as logic.

    actions:
      - filter: process.pid != 0
        set: {name: seen, field: process.args, append: true, scope: cgroup, ttl: 1h}
      - hash: {}

A `Plan` is an action that makes sense by itself. Once the variables of all plans are known
(`_datadog_variables`), `compile_action` makes logic of one.

Format: https://docs.datadoghq.com/security/workload_protection/workload_security_rules/
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.events.schema.secl import SECL_FIELDS
from tocsin.events.schema.secl_constants import SIGNALS
from tocsin.languages.secl import Compiler, Computation
from tocsin.logic.agent_rule import Response, SetVariable, Variable
from tocsin.logic.expr import Expr, Not, conjunction
from tocsin.logic.value import Const, Field, Value
from tocsin.rules.formats._datadog import Entry
from tocsin.rules.formats._datadog_definitions import scalar_text
from tocsin.rules.formats._datadog_variables import fail, kind_name, variable_of

KINDS: Final = ("set", "kill", "hash", "coredump", "log", "network_filter")
"""What an action may be; exactly one of them."""


class Plan(msgspec.Struct, frozen=True):
    """An action that makes sense by itself.

    Attributes:
        entry: the action.
        kind: one of `KINDS`.
        body: what stands below that.
        variable: what a ``set`` sets.
    """

    entry: Entry
    kind: str
    body: Entry
    variable: Variable | None = None


def plan_action(entry: Entry) -> Plan:
    """The action of an entry, looked at without the rule around it.

    Raises:
        RuleError: it makes no sense.
    """
    found = [kind for kind in KINDS if entry.values.get(kind) is not None]
    if len(found) != 1:
        what = "has " + " and ".join(found) if found else "is none that Tocsin knows"
        fail(entry, "filter", f"an action is one of {', '.join(KINDS)}; this one {what}")
    kind = found[0]
    body = entry.entry(kind)
    if body is None:
        fail(entry, kind, f"'{kind}' needs keys and values")
    match kind:
        case "set":
            return Plan(entry, kind, body, variable_of(body))
        case "kill" if body.text("signal") not in SIGNALS:
            fail(body, "signal", f"'kill' needs a signal, as SIGKILL, not {body.text('signal')!r}")
        case "log" if not body.text("level"):
            fail(body, "level", "'log' needs a level")
        case "network_filter" if not body.text("filter"):
            fail(body, "filter", "'network_filter' needs a filter")
        case "network_filter" if body.text("scope") not in {"", "process", "cgroup"}:
            fail(body, "scope", f"a network filter cannot have the scope {body.text('scope')!r}")
        case _:
            pass
    return Plan(entry, kind, body)


# --- logic ------------------------------------------------------------------------------------


class Compiled(msgspec.Struct, frozen=True):
    """An action as logic: several ones for a bool that is worked out.

    Attributes:
        actions: in order.
        variables: those that they read.
    """

    actions: tuple[SetVariable | Response, ...]
    variables: tuple[Variable, ...] = ()


def compile_action(
    plan: Plan,
    compiler: Compiler,
    events: Collection[str],
    tags: tuple[str, ...],
    variables: Mapping[str, Variable],
) -> Compiled:
    """The action of a rule as logic.

    Args:
        plan: the action.
        compiler: knows the macros and variables.
        events: the event types of the rule.
        tags: the rule's own.
        variables: what each name stands for in the end.

    Raises:
        RuleError: it does not fit the rule.
        QueryError: an expression in it cannot be used.
    """
    condition: Expr | None = None
    read: tuple[Variable, ...] = ()
    if plan.entry.text("filter"):
        found = compiler.condition(plan.entry.source("filter"), events, tags)
        condition, read = found.where, found.variables
    if plan.variable is None:
        return Compiled((_response(plan, condition, events),), read)
    stated = plan.body.values.get("value")
    if (
        isinstance(stated, list)
        and len(stated) > 1
        and plan.variable.name in {v.name for v in read}
    ):
        source = plan.entry.source("filter")
        message = f"Tocsin cannot add several values to {plan.variable.name} if it asks for them"
        raise UnsupportedFeature(message, source.span(0, len(source.text)))
    pid: Field | None = None
    if plan.body.text("scope_field"):
        pid = _pid_field(plan.body, compiler, events)
    variable = variables[plan.variable.name]
    computed = _computed(plan, variable, compiler, events, tags)
    read = (*read, *computed.variables, variable)
    actions = tuple(
        SetVariable(variable, value, _both(condition, only_if), pid)
        for value, only_if in _values(plan, variable, computed)
    )
    return Compiled(actions, tuple(dict.fromkeys(read)))


def _both(one: Expr | None, other: Expr | None) -> Expr | None:
    if one is None or other is None:
        return other if one is None else one
    return conjunction(one, other)


def _computed(
    plan: Plan,
    variable: Variable,
    compiler: Compiler,
    events: Collection[str],
    tags: tuple[str, ...],
) -> Computation:
    body = plan.body
    if body.text("field"):
        return compiler.value(body.source("field"), events, tags)
    if not body.text("expression"):
        value = body.values.get("value")
        if value is None:
            key = "field" if body.values.get("field") else "expression"
            fail(body, key, f"'{key}' of {variable.name} is a text")
        array = isinstance(value, list)
        return Computation(variable.type, array, None if array else Const(value), None, ())
    computed = compiler.value(body.source("expression"), events, tags)
    default = body.values["default_value"]
    fits = computed.type == variable.type and (
        isinstance(default, list) == computed.array
        or (variable.array and body.flag("append") and not computed.array)
    )
    if not fits:
        kind = f"array of {computed.type}" if computed.array else computed.type
        message = f"{variable.name} is of type {kind_name(variable)}, and this of type {kind}"
        source = body.source("expression")
        raise QuerySemanticError(message, source.span(0, len(source.text)))
    return computed


def _values(
    plan: Plan, variable: Variable, computed: Computation
) -> list[tuple[Value, Expr | None]]:
    """What the variable is set to, each with the condition under which it is."""
    if computed.value is not None:
        return [(computed.value, None)]
    if computed.condition is None:
        return [(Const(member), None) for member in plan.body.values["value"]]
    if variable in computed.variables:
        source = plan.body.source("expression")
        message = f"Tocsin cannot set {variable.name} to a condition that reads it"
        raise UnsupportedFeature(message, source.span(0, len(source.text)))
    # x = c  ->  if c: x = true; if not c: x = false, where c does not read x.
    condition = computed.condition
    return [(Const(value=True), condition), (Const(value=False), Not(condition))]


def _pid_field(body: Entry, compiler: Compiler, events: Collection[str]) -> Field:
    """The field of the pid in whose scope an action happens."""
    computed = compiler.value(body.source("scope_field"), events)
    if not isinstance(computed.value, Field) or computed.array or computed.type != "int":
        fail(body, "scope_field", f"{body.text('scope_field')} is no field that holds a pid")
    return computed.value


def _response(plan: Plan, condition: Expr | None, events: Collection[str]) -> Response:
    settings = {
        str(key): scalar_text(value)
        for key, value in plan.body.values.items()
        if isinstance(value, (str, int, float))
    }
    if plan.kind == "hash":
        settings.setdefault("field", _hashed(plan.body, events))
    return Response(plan.kind, tuple(settings.items()), condition)


def _hashed(body: Entry, events: Collection[str]) -> str:
    """The file that is hashed; it has to be one of the event's."""
    field = body.text("field")
    if not field:
        event = next(iter(events)) if len(events) == 1 else ""
        if event not in {"open", "exec"}:
            fail(body, "field", "'hash' needs a field, except in rules about open and exec")
        return f"{event}.file"
    kind = SECL_FIELDS.kinds.get(f"{field}.path")
    if kind is None:
        fail(body, "field", f"{field!r} is no file")
    if kind.event and any(kind.event != event for event in events):
        message = f"the rule is about {', '.join(events)} events, and {field} about {kind.event}"
        fail(body, "field", message)
    return field
