"""Rules of Datadog's Agent that share variables: one remembers what another asks for later.

A variable is read like a field of the event, ``VARIABLES.<name>``: who evaluates a condition puts
the variables' values into the event first. What a condition asks of the event alone is derived
from it (`logic.prefilter`), so that the columnar engine can find the candidates.

Semantics: https://docs.datadoghq.com/security/workload_protection/workload_security_rules/
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from tocsin.logic.expr import Expr
from tocsin.logic.value import Field, Value

VARIABLES: Final = "secl_variables"
"""Where a document holds the values of variables, by their names, while a rule looks at it."""

Scope = Literal["", "process", "container", "cgroup"]
"""What a variable belongs to; empty: to the whole set of rules."""

MOST_ELEMENTS: Final = 100
"""How many elements an array keeps that says nothing else; the oldest go."""


class Variable(msgspec.Struct, frozen=True, tag_field="node", tag="variable"):
    """What is remembered under a name.

    Attributes:
        name: as rules write it between ``${`` and ``}``: ``x``, ``process.x``.
        type: of its values.
        scope: what it belongs to.
        array: whether it is a set of values.
        default: what a global one reads as until it is set; a scoped one reads as zero.
        inherited: a process that has no value of its own reads its nearest ancestor's.
        ttl: nanoseconds after which a value is forgotten, each element of an array by itself; 0:
            never.
        size: how many elements an array keeps.
        private: left out of alerts.
    """

    name: str
    type: Literal["string", "int", "bool", "ip"] = "string"
    scope: Scope = ""
    array: bool = False
    default: str | int | bool | tuple[str | int, ...] | None = None
    inherited: bool = False
    ttl: int = 0
    size: int = MOST_ELEMENTS
    private: bool = False

    @property
    def field(self) -> str:
        """The field as which conditions read it."""
        return f"{VARIABLES}.{self.name}"


UNIQUE: Final = Variable("builtins.uuid4")
"""A variable that no rule sets: another text at each place in the order of events."""


def is_variable(field: str) -> bool:
    """Whether a field is one as which conditions read a variable."""
    return field.startswith(f"{VARIABLES}.")


class SetVariable(msgspec.Struct, frozen=True, tag_field="node", tag="set_variable"):
    """What a matching rule does to a variable.

    Attributes:
        variable: which; several actions may set one.
        value: what it becomes, or what is added to an array: a constant, a `Field` (of an array,
            each of its values), or a `Call`.
        filter: a condition besides that of the rule; None: always.
        pid: the field of the pid in whose scope all this happens; None: that of the event.
    """

    variable: Variable
    value: Value
    filter: Expr | None = None
    pid: Field | None = None


class Response(msgspec.Struct, frozen=True, tag_field="node", tag="response"):
    """What a policy asks the Agent to do about a match: part of the alert, and never done here.

    Attributes:
        action: ``kill``, ``hash``, ``coredump``, ``network_filter``, ``log``.
        settings: (name, value) pairs as the policy has them.
        filter: a condition besides that of the rule; None: always.
    """

    action: str
    settings: tuple[tuple[str, str], ...] = ()
    filter: Expr | None = None


class AgentRule(msgspec.Struct, frozen=True, tag_field="node", tag="agent_rule"):
    """A rule that reads or sets variables, or asks for a response.

    Attributes:
        where: the condition, which reads variables as fields.
        needs: what the condition asks of the event alone: true wherever ``where`` can be.
        variables: every variable that the rule reads or sets.
        actions: in the order of the policy.
        rank: rules are evaluated in ascending order of this, then in the order of their files:
            execution contexts first, then rules of the default policy, then by priority.
        every: nanoseconds in which it sends one event only; 0: no limit.
        limiter: the fields for each of whose values the limit counts by itself.
    """

    where: Expr
    needs: Expr
    variables: tuple[Variable, ...] = ()
    actions: tuple[SetVariable | Response, ...] = ()
    rank: tuple[int, int, int] = (1, 1, 0)
    every: int = 0
    limiter: tuple[Field, ...] = ()
