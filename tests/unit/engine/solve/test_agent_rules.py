"""Events for rules with variables, and what has to come before them."""

from __future__ import annotations

import pytest

from tocsin.engine.solve import Solved, Unsolved, solve
from tocsin.engine.solve.agent_rules import fires_among, others_of
from tocsin.logic.agent_rule import AgentRule, SetVariable, Variable
from tocsin.logic.expr import Always, Expr, Leaf, Not, Script, conjunction
from tocsin.logic.matchers import Equals
from tocsin.logic.value import Call, Const, Field
from tocsin.rules.model import Rule

EXEC = Leaf("secl.evt.name", Equals(("exec",)), "keyword", "")
PATH = Field("secl.exec.file.path", "keyword", "")
BUSY = Variable("process.busy", "bool", "process")
COUNT = Variable("cgroup.count", "int", "cgroup")
FILES = Variable("cgroup.files", "string", "cgroup", array=True)
MORE = Call("add", (Field(COUNT.field, "long", 0), Const(1)))


def rule(
    name: str, where: Expr, *actions: SetVariable, variables: tuple[Variable, ...] = ()
) -> Rule:
    query = AgentRule(where, where, (*variables, *(a.variable for a in actions)), actions)
    return Rule(
        id=name, name=name, vendor="datadog", path="x.policy", language="secl", type="agent_rule",
        kind="secl", text="", query=query, silent=bool(actions),
    )  # fmt: skip


def named(name: str) -> Expr:
    return conjunction(EXEC, Leaf("secl.exec.comm", Equals((name,)), "keyword", ""))


SETTERS = (
    rule("gets busy", named("work"), SetVariable(BUSY, Const(True))),
    rule("counts", named("step"), SetVariable(COUNT, MORE)),
    rule("notes a file", named("make"), SetVariable(FILES, PATH)),
)
READERS = {
    "gets busy": rule("r", conjunction(named("ring"), Leaf(BUSY.field, Equals((True,)), "boolean", False)), variables=(BUSY,)),
    "counts": rule("r", Script(Call("ge", (Field(COUNT.field, "long", 0), Const(3)))), variables=(COUNT,)),
    "notes a file": rule("r", Script(Call("eq", (PATH, Field(FILES.field, "keyword")))), variables=(FILES,)),
}  # fmt: skip


def test_what_is_asked_of_a_variable_that_is_not_set_comes_with_the_event_alone() -> None:
    quiet = Not(Leaf(BUSY.field, Equals((True,)), "boolean", False))
    found = solve(rule("r", conjunction(named("ring"), quiet), variables=(BUSY,)), others=SETTERS)
    assert isinstance(found, Solved)
    assert not found.fires.before
    assert found.misses
    assert not any("secl_variables" in event for event in found.fires.events)


@pytest.mark.parametrize(
    ("setter", "times"), [("gets busy", 1), ("counts", 3), ("notes a file", 1)]
)
def test_what_another_rule_sets_is_led_up_to(setter: str, times: int) -> None:
    found = solve(READERS[setter], others=others_of(SETTERS))
    assert isinstance(found, Solved)
    assert [one.id for one in found.fires.others] == [setter]
    assert len(found.fires.before) == times
    assert [miss.about for miss in found.misses] == ["nothing came before"]
    assert fires_among(READERS[setter], found.fires)


def test_a_rule_whose_variable_nobody_sets_is_not_solved() -> None:
    found = solve(READERS["gets busy"], others=())
    assert isinstance(found, Unsolved)
    assert "before it" in found.reason


def test_only_rules_that_set_something_are_needed_besides() -> None:
    plain = rule("plain", Always(value=True), variables=(BUSY,))
    assert others_of([plain, *SETTERS]) == SETTERS
