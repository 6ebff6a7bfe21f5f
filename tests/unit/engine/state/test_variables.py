"""Variables of Datadog's Agent rules: scopes, inheritance, times to live, order, limits."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.state.operator import Firing
from tocsin.engine.state.variables import FORGOTTEN_AFTER, VariablesState
from tocsin.events.event import Event
from tocsin.logic.agent_rule import AgentRule, Response, SetVariable, Variable
from tocsin.logic.expr import Always, Expr, Leaf, Not, Script
from tocsin.logic.matchers import Equals, Wildcard
from tocsin.logic.value import Call, Const, Field, Value

ALL = Always(value=True)
NAME = Field("secl.exec.name", "keyword", "")


def exec_of(name: str) -> Leaf:
    return Leaf("secl.exec.name", Equals((name,)), "keyword", "")


def reads(variable: Variable, *values: Any) -> Leaf:
    kinds = {"int": "long", "bool": "boolean"}
    zero = None if variable.array else {"int": 0, "bool": False}.get(variable.type, "")
    return Leaf(variable.field, Equals(values), kinds.get(variable.type, "keyword"), zero)  # type: ignore[arg-type]


def sets(variable: Variable, value: Value, **more: Any) -> SetVariable:
    return SetVariable(variable, value, **more)


def rule(
    where: Expr, *actions: Any, variables: tuple[Variable, ...] = (), **more: Any
) -> AgentRule:
    named = [action.variable for action in actions if isinstance(action, SetVariable)]
    every = tuple(dict.fromkeys([*variables, *named]))
    return AgentRule(where, ALL, every, tuple(actions), **more)


def event(
    time: int,
    name: str = "",
    *,
    pid: int = 10,
    host: str = "web-1",
    cgroup: str = "blue",
    ancestors: tuple[int, ...] = (),
    **secl: Any,
) -> Event:
    process: dict[str, Any] = {"pid": pid, "created_at": pid * 100}
    if cgroup:
        process["cgroup"] = {"id": cgroup}
    process["ancestors"] = [{"pid": one, "created_at": one * 100} for one in ancestors]
    document = {
        "host": {"name": host},
        "secl": {"exec": {"name": name}, "process": process, **secl},
    }
    return Event(f"{host}/{time}/{name}/{pid}", time, document, "file", f"line {time}")


def run(rules: dict[str, AgentRule], *events: Event) -> list[tuple[str, int]]:
    return fired(VariablesState(list(rules.items())), rules, *events)


def firings(state: VariablesState, rules: dict[str, AgentRule], *events: Event) -> list[Firing]:
    for one in events:
        state.add(one, range(len(rules)))
    return list(state.due(None))


def fired(
    state: VariablesState, rules: dict[str, AgentRule], *events: Event
) -> list[tuple[str, int]]:
    names = list(rules)
    found = firings(state, rules, *events)
    return [(names[f.events[0][0]], f.events[0][1].time) for f in found]


def test_a_later_rule_sees_what_an_earlier_one_set_on_the_same_event() -> None:
    seen = Variable("seen", "bool")
    rules = {
        "before": rule(reads(seen, True), variables=(seen,)),
        "sets": rule(exec_of("curl"), sets(seen, Const(True))),
        "after": rule(reads(seen, True), variables=(seen,)),
    }
    assert run(rules, event(1, "curl"), event(2, "ls")) == [
        ("sets", 1),
        ("after", 1),
        ("before", 2),
        ("after", 2),
    ]


def test_execution_contexts_come_first_then_default_rules_then_by_priority() -> None:
    rules = {
        "custom": rule(ALL, rank=(1, 1, 0)),
        "urgent": rule(ALL, rank=(1, 1, -5)),
        "default": rule(ALL, rank=(1, 0, 0)),
        "context": rule(ALL, rank=(0, 1, 0)),
        "second": rule(ALL, rank=(0, 1, 0)),
    }
    found = [name for name, _ in run(rules, event(1))]
    assert found == ["context", "second", "default", "urgent", "custom"]


def test_every_host_has_variables_of_its_own() -> None:
    count = Variable("count", "int")
    more = Call("add", (Field(count.field, "long", 0), Const(1)))
    rules = {
        "count": rule(ALL, sets(count, more)),
        "two": rule(reads(count, 2), variables=(count,)),
    }
    events = [event(1), event(2, host="web-2"), event(3, host="web-2")]
    assert ("two", 3) in run(rules, *events)
    assert ("two", 2) not in run(rules, *events)


@pytest.mark.parametrize(
    ("scope", "same", "other"),
    [
        ("process", event(2, pid=10), event(2, pid=11)),
        ("cgroup", event(2, pid=11), event(2, cgroup="red")),
        ("cgroup", event(2), event(2, cgroup="")),
        ("container", event(2, container={"id": "c1"}, pid=11), event(2, container={"id": "c2"})),
    ],
)  # fmt: skip
def test_a_variable_belongs_to_its_scope(scope: Any, same: Event, other: Event) -> None:
    mark = Variable(f"{scope}.mark", "string", scope)
    rules = {
        "sets": rule(exec_of("curl"), sets(mark, Const("x"))),
        "reads": rule(reads(mark, "x"), variables=(mark,)),
    }
    first = event(1, "curl", container={"id": "c1"})
    assert ("reads", 2) in run(rules, first, same)
    assert ("reads", 2) not in run(rules, first, other)


def test_a_scope_that_the_event_lacks_reads_as_zero_and_loses_what_is_set() -> None:
    mark = Variable("container.mark", "string", "container", default="d")
    rules = {
        "sets": rule(exec_of("curl"), sets(mark, Const("x"))),
        "zero": rule(reads(mark, ""), variables=(mark,)),
    }
    state = VariablesState(list(rules.items()))
    assert ("zero", 2) in fired(state, rules, event(1, "curl"), event(2))
    assert state.homeless == 1


def test_a_global_variable_has_its_default_until_it_is_set_and_zero_once_it_expired() -> None:
    mood = Variable("mood", default="calm", ttl=10)
    rules = {
        "sets": rule(exec_of("curl"), sets(mood, Const("angry"))),
        **{word or "zero": rule(reads(mood, word), variables=(mood,)) for word in ("calm", "angry", "")},
    }  # fmt: skip
    found = run(rules, event(0), event(1, "curl"), event(10), event(11))
    assert [name for name, time in found if time != 1] == ["calm", "angry", "zero"]


def test_what_is_inherited_comes_from_the_nearest_ancestor_that_has_it() -> None:
    key = Variable("process.key", "string", "process", inherited=True)
    own = Variable("process.own", "string", "process")
    rules = {
        "sets": rule(Not(exec_of("")), sets(key, NAME), sets(own, NAME)),
        "near": rule(reads(key, "near"), variables=(key,)),
        "far": rule(reads(key, "far"), variables=(key,)),
        "not inherited": rule(reads(own, "near", "far"), variables=(own,)),
    }
    family = [event(1, "far", pid=1), event(2, "near", pid=2, ancestors=(1,))]
    found = run(
        rules, *family, event(3, pid=9, ancestors=(5, 2, 1)), event(4, pid=8, ancestors=(1,))
    )
    assert [f for f in found if f[1] > 2] == [("near", 3), ("far", 4)]


def test_an_inherited_array_is_added_to_and_the_ancestor_keeps_its_own() -> None:
    keys = Variable("process.keys", "string", "process", array=True, inherited=True)
    rules = {
        "sets": rule(Not(exec_of("")), sets(keys, NAME)),
        "a": rule(reads(keys, "a"), variables=(keys,)),
        "b": rule(reads(keys, "b"), variables=(keys,)),
    }
    child = event(2, "b", pid=2, ancestors=(1,))
    found = run(
        rules, event(1, "a", pid=1), child, event(3, pid=2, ancestors=(1,)), event(4, pid=1)
    )
    assert [f for f in found if f[1] > 2] == [("a", 3), ("b", 3), ("a", 4)]


def test_a_process_of_the_same_pid_and_another_image_is_another() -> None:
    key = Variable("process.key", "string", "process")
    rules = {
        "sets": rule(exec_of("a"), sets(key, NAME)),
        "reads": rule(reads(key, "a"), variables=(key,)),
    }
    later = event(2)
    later.document["secl"]["process"]["created_at"] = 7
    assert run(rules, event(1, "a"), later) == [("sets", 1), ("reads", 1)]


def test_elements_of_an_array_expire_one_by_one_and_are_refreshed_when_added_again() -> None:
    seen = Variable("cgroup.seen", "string", "cgroup", array=True, ttl=10)
    rules = {
        "adds": rule(Not(exec_of("")), sets(seen, NAME)),
        "a": rule(reads(seen, "a"), variables=(seen,)),
        "b": rule(reads(seen, "b"), variables=(seen,)),
    }
    found = run(rules, event(0, "a"), event(2, "b"), event(5, "a"), event(12), event(14), event(15))
    assert [f for f in found if f[1] > 5] == [("a", 12), ("a", 14)]


def test_of_more_elements_than_fit_the_oldest_go() -> None:
    seen = Variable("seen", "string", array=True, size=2)
    rules = {
        "adds": rule(Not(exec_of("")), sets(seen, NAME)),
        **{n: rule(reads(seen, n), variables=(seen,)) for n in "abc"},
    }
    found = run(rules, event(1, "a"), event(2, "b"), event(3, "a"), event(4, "c"), event(5))
    assert [name for name, time in found if time == 5] == ["a", "c"]


def test_a_field_with_many_values_adds_each() -> None:
    names = Variable("names", "string", array=True)
    rules = {
        "adds": rule(exec_of("a"), sets(names, Field("secl.exec.args", "keyword"))),
        "y": rule(reads(names, "y"), variables=(names,)),
    }
    first = event(1, "a", exec={"name": "a", "args": ["x", "y"]})
    assert run(rules, first, event(2)) == [("adds", 1), ("y", 1), ("y", 2)]


def test_an_action_happens_only_where_its_filter_holds() -> None:
    seen, again = Variable("seen", "bool"), Variable("again", "bool")
    rules = {
        "sets": rule(
            exec_of("a"),
            sets(again, Const(True), filter=reads(seen, True)),
            sets(seen, Const(True)),
            variables=(seen, again),
        ),
        "again": rule(reads(again, True), variables=(again,)),
    }
    assert run(rules, event(1, "a"), event(2, "a")) == [("sets", 1), ("sets", 2), ("again", 2)]


@pytest.mark.parametrize("reader", [event(3, pid=7), event(3, pid=9, ancestors=(8, 7))])
def test_a_rule_may_set_a_variable_of_another_process(reader: Event) -> None:
    key = Variable("process.key", "string", "process", inherited=True)
    rules = {
        "sets": rule(exec_of("a"), sets(key, NAME, pid=Field("secl.cgroup_write.pid", "long"))),
        "reads": rule(reads(key, "a"), variables=(key,)),
    }
    first = event(1000, "a", pid=3, cgroup_write={"pid": 7})
    reader = event(1001, pid=reader.document["secl"]["process"]["pid"],
                   ancestors=tuple(a["pid"] for a in reader.document["secl"]["process"]["ancestors"]))  # fmt: skip
    assert run(rules, first, reader, event(1002, pid=3)) == [("sets", 1000), ("reads", 1001)]


def test_of_another_process_what_it_has_already_is_seen() -> None:
    key, before = (Variable(f"process.{n}", "string", "process") for n in ("key", "before"))
    pid = Field("secl.cgroup_write.pid", "long")
    rules = {
        "own": rule(exec_of("own"), sets(key, NAME)),
        "moves": rule(
            exec_of("move"),
            sets(before, Field(key.field, "keyword", ""), filter=Not(reads(key, "")), pid=pid),
            variables=(key, before),
        ),
        "reads": rule(reads(before, "own"), variables=(before,)),
    }
    move = event(2, "move", pid=3, cgroup_write={"pid": 7})
    assert run(rules, event(1, "own", pid=7), move, event(3, pid=7))[-1] == ("reads", 3)


def test_a_limit_lets_one_match_out_in_a_while_and_keeps_setting_variables() -> None:
    count = Variable("count", "int")
    more = Call("add", (Field(count.field, "long", 0), Const(1)))
    rules = {
        "limited": rule(exec_of("a"), sets(count, more), every=10, limiter=(NAME,)),
        "three": rule(reads(count, 3), variables=(count,)),
    }
    state = VariablesState(list(rules.items()))
    found = fired(state, rules, event(0, "a"), event(4, "a"), event(9, "a"), event(10, "a"))
    assert found == [("limited", 0), ("three", 9), ("limited", 10)]
    assert state.limited == 2


def test_a_match_tells_what_was_remembered_and_what_the_policy_asks_for() -> None:
    seen, secret = Variable("seen", "int"), Variable("secret", private=True)
    kill = Response("kill", (("signal", "SIGKILL"),))
    never = Response("hash", filter=Always(value=False))
    rules = {
        "sets": rule(exec_of("a"), sets(seen, Const(3)), sets(secret, Const("x"))),
        "asks": rule(ALL, kill, never, variables=(seen, secret)),
    }
    *_, last = firings(VariablesState(list(rules.items())), rules, event(1, "a"))
    assert last.details == {
        "variables": {"seen": 3},
        "responses": [{"action": "kill", "signal": "SIGKILL"}],
    }


def test_a_uuid_is_another_each_time_and_the_same_when_everything_is_done_again() -> None:
    key = Variable("cgroup.key", "string", "cgroup")
    value = Call("concat", (Const("k_"), Field("secl_variables.builtins.uuid4", "keyword", "")))
    fits = Leaf(key.field, Wildcard(("k_????????-????-4???-????-????????????",)), "keyword", "")
    rules = {"sets": rule(ALL, sets(key, value)), "reads": rule(fits, variables=(key,))}

    def keys() -> list[str]:
        found = firings(VariablesState(list(rules.items())), rules, event(1), event(2))
        return [f.details["variables"]["cgroup.key"] for f in found if f.events[0][0] == 1]

    assert len(set(keys())) == 2
    assert keys() == keys()


def test_a_value_that_the_variable_cannot_hold_is_not_set() -> None:
    count = Variable("count", "int")
    rules = {
        "sets": rule(exec_of("many"), sets(count, NAME)),
        "zero": rule(reads(count, 0), variables=(count,)),
    }
    assert run(rules, event(1, "many"), event(2)) == [("sets", 1), ("zero", 1), ("zero", 2)]


def test_events_that_came_late_are_counted_and_read_what_was_known_at_their_time() -> None:
    seen = Variable("seen", "bool")
    rules = {
        "sets": rule(exec_of("a"), sets(seen, Const(True))),
        "no": rule(reads(seen, False), variables=(seen,)),
    }
    state = VariablesState(list(rules.items()))
    assert fired(state, rules, event(5, "a"), event(6)) == [("sets", 5)]
    assert fired(state, rules, event(4)) == [("no", 4)]
    assert state.late == 1


def test_what_was_not_used_for_long_is_forgotten() -> None:
    seen = Variable("cgroup.seen", "bool", "cgroup")
    rules = {
        "sets": rule(exec_of("a"), sets(seen, Const(True))),
        "yes": rule(reads(seen, True), variables=(seen,)),
    }
    state = VariablesState(list(rules.items()))
    hour = 3_600_000_000_000
    assert fired(state, rules, event(1, "a"), event(2 + FORGOTTEN_AFTER, cgroup="red")) == [
        ("sets", 1), ("yes", 1),
    ]  # fmt: skip
    assert len(state) == 1
    fired(state, rules, event(2 + FORGOTTEN_AFTER + 2 * hour, cgroup="red"))
    assert len(state) == 0


def test_a_script_reads_variables_too() -> None:
    count = Variable("count", "int")
    many = Script(Call("ge", (Field(count.field, "long", 0), Const(2))))
    more = Call("add", (Field(count.field, "long", 0), Const(1)))
    rules = {"count": rule(ALL, sets(count, more)), "many": rule(many, variables=(count,))}
    assert ("many", 2) in run(rules, event(1), event(2))


def test_an_element_stays_however_often_others_are_added_again() -> None:
    seen = Variable("cgroup.seen", scope="cgroup", array=True)
    rules = {
        "adds": rule(Not(exec_of("?")), sets(seen, NAME)),
        "knows": rule(reads(seen, "first"), variables=(seen,)),
    }
    many = [event(number, "often") for number in range(2, 2_000)]
    found = run(rules, event(1, "first"), *many, event(2_000, "late"))
    assert found[-1] == ("knows", 2_000)
    assert len([name for name, _ in found if name == "knows"]) == 2_000


def test_events_that_come_again_ring_no_more_even_where_their_time_is_forgotten() -> None:
    seen = Variable("cgroup.seen", scope="cgroup", array=True, size=1)
    last = Variable("last", "string")
    rules = {
        "new": rule(Not(reads(seen, "tower")), sets(seen, NAME)),
        "first": rule(reads(last, ""), sets(last, NAME)),
        "counts": rule(ALL, sets(last, NAME)),
        "seldom": rule(ALL, every=5),
    }
    events = [event(number, f"bell {number}") for number in range(1_000)]
    state = VariablesState(list(rules.items()))
    once = {*fired(state, rules, *events)}
    assert ("first", 0) in once
    again = fired(state, rules, *events)
    assert set(again) <= once
    assert state.blind


def test_what_is_forgotten_is_still_forgotten_when_it_was_saved() -> None:
    last = Variable("last", "string")
    rules = {"first": rule(reads(last, ""), sets(last, NAME)), "sets": rule(ALL, sets(last, NAME))}
    events = [event(number, f"bell {number}") for number in range(1_000)]
    state = VariablesState(list(rules.items()))
    fired(state, rules, *events)
    saved = {key: value for key, value in state.changes().items() if value is not None}
    after = VariablesState(list(rules.items()), saved)
    assert fired(after, rules, events[500]) == []
    # Before all that was ever set there is nothing to be forgotten.
    assert ("first", -5) in fired(after, rules, event(-5, "before"))


def test_events_in_any_order_are_taken_in_that_of_their_time() -> None:
    last = Variable("last", "string")
    rules = {"same": rule(reads(last, "a"), variables=(last,)), "sets": rule(ALL, sets(last, NAME))}
    events = [event(number, "a" if number % 3 else "b") for number in range(5_000)]
    in_order = run(rules, *events)
    assert run(rules, *(events[number * 1_999 % 5_000] for number in range(5_000))) == in_order
