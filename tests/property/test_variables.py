"""Variables are what they would be if the events had come in order, however they come."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine import reference
from tocsin.engine.state.variables import VariablesState
from tocsin.events.event import Event
from tocsin.logic.agent_rule import VARIABLES, AgentRule, SetVariable, Variable
from tocsin.logic.expr import Always, Expr, Leaf, Not
from tocsin.logic.matchers import Equals
from tocsin.logic.value import Call, Const, Field

LAST = Variable("cgroup.last", "string", "cgroup", ttl=12)
COUNT = Variable("count", "int")
SEEN = Variable("cgroup.seen", "string", "cgroup", array=True, ttl=15, size=2)
VARIABLES_OF_ALL = (LAST, COUNT, SEEN)
NAME = Field("secl.exec.name", "keyword", "")

Fired = tuple[str, str]
"""Event and rule."""

names = st.sampled_from(["a", "b", "c"])
conditions: st.SearchStrategy[Expr] = st.one_of(
    st.just(Always(value=True)),
    names.map(lambda n: Leaf("secl.exec.name", Equals((n,)), "keyword", "")),
    st.sampled_from(["", "a", "b"]).map(lambda n: Leaf(LAST.field, Equals((n,)), "keyword", "")),
    st.integers(0, 4).map(lambda n: Leaf(COUNT.field, Equals((n,)), "long", 0)),
    names.map(lambda n: Leaf(SEEN.field, Equals((n,)), "keyword")),
)
negatable = conditions | conditions.map(Not)
actions = st.builds(
    SetVariable, st.just(LAST), st.just(NAME), st.none() | negatable
) | st.builds(
    SetVariable, st.just(SEEN), st.just(NAME), st.none() | negatable
) | st.builds(
    SetVariable, st.just(COUNT),
    st.just(Call("add", (Field(COUNT.field, "long", 0), Const(1)))), st.none() | negatable,
)  # fmt: skip
agent_rules = st.builds(
    AgentRule, negatable, st.just(Always(value=True)), st.just(VARIABLES_OF_ALL),
    st.lists(actions, max_size=2).map(tuple),
    st.tuples(st.integers(0, 1), st.just(1), st.just(0)), st.sampled_from([0, 0, 9]),
)  # fmt: skip


@st.composite
def days(draw: st.DrawFn) -> list[Event]:
    drawn = draw(st.lists(st.tuples(st.integers(0, 40), names, st.sampled_from("xy")), max_size=12))
    return [
        Event(
            f"e{n:02}", time,
            {"secl": {"exec": {"name": name}, "process": {"pid": 1, "cgroup": {"id": cgroup}}}},
            "file", f"line {n}",
        )
        for n, (time, name, cgroup) in enumerate(drawn)
    ]  # fmt: skip


def by_definition(rules: list[AgentRule], events: list[Event]) -> list[Fired]:
    """One event after another, with nothing but the values of the moment."""
    last: dict[str, tuple[int, str]] = {}
    seen: dict[str, list[tuple[int, str]]] = {}
    counted = [0]
    sent: dict[int, int] = {}
    fired: list[Fired] = []
    for event in sorted(events, key=lambda e: (e.time, e.id)):
        cgroup = event.document["secl"]["process"]["cgroup"]["id"]
        name = event.document["secl"]["exec"]["name"]

        def known(event: Event = event, cgroup: str = cgroup) -> dict[str, Any]:
            time = event.time
            when, text = last.get(cgroup, (-99, ""))
            elements = [v for t, v in seen.get(cgroup, []) if time < t + SEEN.ttl]
            values = {
                LAST.name: text if time < when + LAST.ttl else "",
                SEEN.name: elements[-SEEN.size :],
                COUNT.name: counted[0],
            }
            return {**event.document, VARIABLES: values}

        for place in sorted(range(len(rules)), key=lambda place: (rules[place].rank, place)):
            rule = rules[place]
            if not reference.holds(rule.where, known()):
                continue
            for action in rule.actions:
                assert isinstance(action, SetVariable)
                if action.filter is not None and not reference.holds(action.filter, known()):
                    continue
                if action.variable == LAST:
                    last[cgroup] = (event.time, name)
                elif action.variable == SEEN:
                    kept = [pair for pair in seen.get(cgroup, []) if pair[1] != name]
                    alive = [pair for pair in kept if event.time < pair[0] + SEEN.ttl]
                    seen[cgroup] = [*alive, (event.time, name)][-SEEN.size :]
                else:
                    counted[0] += 1
            if not rule.every or event.time - sent.get(place, -99) >= rule.every:
                sent[place] = event.time
                fired.append((event.id, str(place)))
    return fired


def feed(state: VariablesState, rules: list[AgentRule], events: list[Event]) -> None:
    for event in events:
        state.add(event, range(len(rules)))


def shown(state: VariablesState) -> list[Fired]:
    return [(f.events[0][1].id, str(f.events[0][0])) for f in state.due(None)]


def state_of(rules: list[AgentRule], saved: dict[str, bytes] | None = None) -> VariablesState:
    return VariablesState([(str(n), rule) for n, rule in enumerate(rules)], saved)


sets_of_rules = st.lists(agent_rules, min_size=1, max_size=4)


@given(sets_of_rules, days(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_arrival_makes_no_difference(
    rules: list[AgentRule], events: list[Event], chance: Any
) -> None:
    mixed = list(events)
    chance.shuffle(mixed)
    state = state_of(rules)
    feed(state, rules, mixed)
    assert shown(state) == by_definition(rules, events)


@given(sets_of_rules, days(), st.integers(0, 40), st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_is_kept_goes_on_as_if_nothing_had_happened(
    rules: list[AgentRule], events: list[Event], cut: int, evaluated: bool
) -> None:
    before = [event for event in events if event.time <= cut]
    after = [event for event in events if event.time > cut]
    first = state_of(rules)
    feed(first, rules, before)
    found = shown(first) if evaluated else []
    saved = {key: value for key, value in first.changes().items() if value is not None}
    second = state_of(rules, saved)
    feed(second, rules, after)
    assert found + shown(second) == by_definition(rules, events)


@given(sets_of_rules, days())
@settings(max_examples=75, deadline=None)
def test_to_see_everything_again_finds_the_same(
    rules: list[AgentRule], events: list[Event]
) -> None:
    state = state_of(rules)
    feed(state, rules, events)
    once = shown(state)
    state.changes()
    feed(state, rules, events)
    assert shown(state) == once
    assert not {k: v for k, v in state.changes().items() if k.startswith("v/")}


@given(sets_of_rules, days(), st.lists(st.integers(0, 40), max_size=3))
@settings(max_examples=75, deadline=None)
def test_a_stream_in_order_gives_what_a_scan_gives(
    rules: list[AgentRule], events: list[Event], stops: list[int]
) -> None:
    state, found = state_of(rules), []
    waiting = sorted(events, key=lambda e: e.time)
    for stop in sorted(stops):
        feed(state, rules, [event for event in waiting if event.time <= stop])
        waiting = [event for event in waiting if event.time > stop]
        found += [(f.events[0][1].id, str(f.events[0][0])) for f in state.due(stop)]
    feed(state, rules, waiting)
    assert found + shown(state) == by_definition(rules, events)
