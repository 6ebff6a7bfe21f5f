"""What a rule of Datadog's Agent does when it matches, a line an action, for people.

adds process.args to ${cgroup.seen}, each for 1h, if process.pid != 0
asks for kill (signal SIGKILL)
"""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.engine.explain import leaf_text, quoted
from tocsin.logic.agent_rule import MOST_ELEMENTS, AgentRule, Response, SetVariable
from tocsin.logic.expr import NEGATIVE_OPERATORS, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.value import Const, Field, Value
from tocsin.rules.model import Rule

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def actions_of(rule: Rule) -> tuple[str, ...]:
    """The actions of a rule in their order; none for rules that have none."""
    if not isinstance(rule.query, AgentRule):
        return ()
    every = rule.query.every
    limit = (f"rings once in {_duration(every)} at most",) if every else ()
    return (*(_line(action) for action in rule.query.actions), *limit)


def _line(action: SetVariable | Response) -> str:
    condition = "" if action.filter is None else f", if {_condition(action.filter)}"
    if isinstance(action, Response):
        settings = ", ".join(f"{name} {value}" for name, value in action.settings)
        return f"asks for {action.action}" + (f" ({settings})" if settings else "") + condition
    return ", ".join(_setting(action)) + condition


def _setting(action: SetVariable) -> Iterator[str]:
    variable, value = action.variable, _value(action.value)
    name = f"${{{variable.name}}}"
    yield f"adds {value} to {name}" if variable.array else f"sets {name} to {value}"
    if action.pid is not None:
        yield f"of the process {action.pid.spelled or action.pid.name}"
    if variable.ttl:
        yield ("each " if variable.array else "") + f"for {_duration(variable.ttl)}"
    if variable.array and variable.size != MOST_ELEMENTS:
        yield f"at most {variable.size}"
    if variable.inherited:
        yield "inherited"


def _value(value: Value) -> str:
    match value:
        case Const(constant):
            return quoted(constant)
        case Field():
            return value.spelled or value.name
        case _:
            return "what is worked out"


def _condition(expr: Expr) -> str:
    match expr:
        case Leaf():
            return leaf_text(expr)
        case Script(_, text):
            return text
        case Not(Leaf() as leaf) if leaf.operator in NEGATIVE_OPERATORS:
            return leaf_text(leaf)
        case Not(term):
            return f"not ({_condition(term)})"
        case And(terms):
            return " and ".join(map(_inside, terms))
        case Or(terms):
            return " or ".join(map(_inside, terms))
        case Nested(path, term):
            return f"one of {path} has {_inside(term)}"
        case _:
            return "always"


def _inside(term: Expr) -> str:
    return f"({_condition(term)})" if isinstance(term, (And, Or)) else _condition(term)


def _duration(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    if rest or not seconds:
        return f"{nanoseconds} ns"
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"
