"""Cases for rules with variables: one event, or what leads to it and then the event.

What a rule asks of a variable that is not set comes with the event alone. Where it asks for a value
that only other rules set, their events are solved for together with its own, in the same process or
cgroup, and are put before it: one of them, several of one (counters), or one of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from tocsin.engine.solve.cases import SECOND, Case, dated, last_time, redated, time_of
from tocsin.engine.solve.joint import solve_together
from tocsin.engine.solve.misses import misses
from tocsin.engine.solve.search import Solution, find
from tocsin.engine.state.variables import VariablesState
from tocsin.events.event import Event
from tocsin.events.record import Document
from tocsin.logic.agent_rule import VARIABLES, AgentRule, SetVariable, Variable
from tocsin.logic.expr import Expr, Leaf, Not, conjunction
from tocsin.logic.field_types import FieldType
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.value import Field
from tocsin.rules.model import Rule

MOST_REPEATED: Final = 10
"""How often one rule's event is put before the rule that counts them."""

_CLOCK: Final = "secl.now"
_IDENTITY: Final[dict[str, tuple[tuple[str, FieldType], ...]]] = {
    "": (),
    "process": (("secl.process.pid", "long"), ("secl.process.created_at", "long")),
    "container": (("secl.process.container.id", "keyword"),),
    "cgroup": (("secl.process.cgroup.id", "keyword"),),
}
"""The fields that say to whom an event's variables belong."""


def agent_rule_cases(
    rule: Rule, query: AgentRule, others: Sequence[Rule], seed: int
) -> list[Case] | str:
    """The event that fires the rule, with what has to come before it; then the near misses.

    Args:
        rule: the rule.
        query: its query.
        others: the rules that may be at work besides.
        seed: for what is chosen where any choice would do.
    """
    unset = conjunction(query.where, *(Not(_has(v)) for v in query.variables))
    solution = _found(rule, unset, seed)
    if solution is not None:
        event = _event(rule, solution)
        near = [
            Case(miss.about, (_event(rule, miss.solution),))
            for miss in misses(unset, solution, lambda one: _event(rule, one))
        ]
        return [Case("all conditions met", (event,)), *near]
    for case in _led_up_to(rule, query, others, seed):
        if fires_among(rule, case):
            return [case, msgspec.structs.replace(case, about="nothing came before", before=())]
    return "no event was found that satisfies the condition, nor events of other rules before it"


def fires_among(rule: Rule, case: Case) -> bool:
    """Whether one of the case's events fires the rule, after what comes before, by the operator."""
    rules = [*case.others, rule]
    members = [(one.id, one.query) for one in rules if isinstance(one.query, AgentRule)]
    state, asked = VariablesState(members), set[str]()
    for number, document in enumerate((*case.before, *case.events)):
        event = Event(f"{number}", time_of(document), document, "", "")
        state.add(event, range(len(members)))
        if number >= len(case.before):
            asked.add(event.id)
    last = len(members) - 1
    return any(
        place == last and event.id in asked
        for firing in state.due(None)
        for place, event in firing.events
    )


def _found(rule: Rule, where: Expr, seed: int) -> Solution | None:
    """An event that satisfies a condition, with the rule's own time as its clock."""
    return find(conjunction(where, _at(last_time(rule))), seed=seed) or find(where, seed=seed)


def _at(time: int) -> Leaf:
    return Leaf(_CLOCK, Equals((time,)), "long")


def _has(variable: Variable) -> Leaf:
    return Leaf(variable.field, Exists())


def _event(rule: Rule, solution: Solution) -> Document:
    document = dict(dated(solution, last_time(rule)))
    # What the rule remembers is in nobody's event.
    document.pop(VARIABLES, None)
    return {k: v for k, v in document.items() if not k.startswith(f"{VARIABLES}.")}


class _Setter(NamedTuple):
    """A rule that sets a variable, by one of its actions."""

    rule: Rule
    query: AgentRule
    action: SetVariable


def _led_up_to(
    rule: Rule, query: AgentRule, others: Sequence[Rule], seed: int
) -> Iterator[Case]:  # fmt: skip
    """What may fire the rule: its own event after those of rules that set what it reads."""
    for variable in query.variables:
        setters = list(_setters(variable, rule, others))
        single = [(s, made) for s in setters if (made := _together(rule, query, s, seed))]
        for setter, (before, event) in single:
            for number in (1, *range(2, MOST_REPEATED)):
                yield _case(rule, [setter] * number, [before] * number, event)
        if len(single) > 1:
            _, (_, event) = single[0]
            yield _case(rule, [s for s, _ in single], [before for _, (before, _) in single], event)


def _setters(variable: Variable, rule: Rule, others: Iterable[Rule]) -> Iterator[_Setter]:
    for other in others:
        query = other.query
        if isinstance(query, AgentRule) and other.id != rule.id:
            for action in query.actions:
                if isinstance(action, SetVariable) and action.variable.name == variable.name:
                    yield _Setter(other, query, action)


def _together(
    rule: Rule, query: AgentRule, setter: _Setter, seed: int
) -> tuple[Document, Document] | None:
    """An event of the setter and one of the rule, of the same process, container or cgroup."""
    action = setter.action
    identity = _IDENTITY[action.variable.scope]
    exist = [Leaf(field, Exists(), kind) for field, kind in identity]
    own = [v for v in query.variables if v.name != action.variable.name]
    conditions = [
        conjunction(query.where, *exist, *(Not(_has(v)) for v in own)),
        conjunction(
            setter.query.where,
            *([action.filter] if action.filter is not None else []),
            *exist,
            *(Not(_has(v)) for v in setter.query.variables),
        ),
    ]
    shared = [[(0, field), (1, field)] for field, _ in identity]
    if isinstance(action.value, Field):
        shared.append([(0, action.variable.field), (1, action.value.name)])
    for clocks in ([_at(last_time(rule))], []):
        timed = [conjunction(one, *clocks) for one in conditions]
        found = solve_together(timed, shared, seed=seed)
        if found is not None:
            event, before = (_event(rule, solution) for solution in found)
            return before, event
    return None


def _case(
    rule: Rule, setters: Sequence[_Setter], before: Sequence[Document], event: Document
) -> Case:
    """The events a second apart, each of them another event."""
    last = time_of(event)
    times = range(last - len(before) * SECOND, last, SECOND)
    earlier = tuple(redated(one, time) for one, time in zip(before, times, strict=True))
    others = {setter.rule.id: setter.rule for setter in setters}
    names = ", ".join(others)
    count = f" {len(before)} times" if len(others) < len(before) else ""
    return Case(
        f"all conditions met, after {names}{count}", (event,), earlier,
        others=tuple(others.values()),
    )  # fmt: skip


def others_of(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules that may have to be at work besides another: those that set a variable."""
    return tuple(
        rule
        for rule in rules
        if isinstance(rule.query, AgentRule)
        and any(isinstance(action, SetVariable) for action in rule.query.actions)
    )
