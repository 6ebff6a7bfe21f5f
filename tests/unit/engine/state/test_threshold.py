"""Events counted by group and run."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.state.build import operator_name
from tocsin.engine.state.new_terms import MOST_COMBINATIONS
from tocsin.engine.state.operator import Firing
from tocsin.engine.state.threshold import MOST_EVENTS, ThresholdState
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Threshold
from tocsin.logic.runs import Runs
from tocsin.rules.model import Rule

MINUTE = 60_000_000_000
EVERYTHING = Filter(Always(value=True))
RUNS = Runs(5 * MINUTE, 9 * MINUTE)


def at(minute: float, number: int = 0, **fields: Any) -> Event:
    return Event(f"{minute}/{number}", int(minute * MINUTE), fields, "file", "line 1")


def state_of(
    fields: tuple[str, ...], value: int, *cardinality: tuple[str, int], runs: Runs = RUNS
) -> ThresholdState:
    return ThresholdState(Threshold(EVERYTHING, fields, value, cardinality), runs=runs)


def fired(state: ThresholdState, *events: Event, until: int | None = None) -> list[Firing]:
    for event in events:
        state.add(event)
    return state.due(None if until is None else until * MINUTE)


def test_a_group_that_is_large_enough() -> None:
    state = state_of(("user", "host"), 2, ("port", 2))
    (firing,) = fired(
        state,
        at(3, user="ann", host="tower", port=1),
        at(1, user="ann", host="tower", port=[2, "1"]),
        at(2, user="ann", host="gate", port=3),
        at(2, user="bob", host="tower", port=[1, 2, 3]),
    )
    assert [event.id for _, event in firing.events] == ["1/0", "3/0"]
    assert firing.terms == (("user", "ann"), ("host", "tower"))
    assert firing.key == f'["ann","tower"]@{5 * MINUTE}'
    assert firing.time == 3 * MINUTE
    assert firing.details == {
        "threshold_result": {
            "terms": [{"field": "user", "value": "ann"}, {"field": "host", "value": "tower"}],
            "cardinality": [{"field": "port", "value": 2}],
            "count": 2,
            "from": "1970-01-01T00:01:00.000Z",
        }
    }


COUNTED: list[tuple[str, list[Any], dict[str, int]]] = [
    ("each value of an array", [["x", "y"], ["y"]], {"x": 1, "y": 2}),
    ("the same value twice in one event: once", [["x", "x"]], {"x": 1}),
    ("no value: not at all", [None, [], "x"], {"x": 1}),
    ("a number and its text are one keyword", [80, "80", 80.0], {"80": 2, "80.0": 1}),
    ("case matters", ["a", "A"], {"a": 1, "A": 1}),
    ("an empty text is a value", [""], {"": 1}),
]


@pytest.mark.parametrize("why, users, counts", COUNTED, ids=lambda value: str(value)[:30])
def test_what_a_group_counts(why: str, users: list[Any], counts: dict[str, int]) -> None:
    events = [at(1, n, user=user) for n, user in enumerate(users)]
    found = fired(state_of(("user",), 1), *events)
    assert {f.terms[0][1]: f.details["threshold_result"]["count"] for f in found} == counts


def test_without_fields_all_events_are_one_group() -> None:
    (firing,) = fired(state_of((), 2), at(1, user="ann"), at(2))
    assert (firing.terms, firing.key) == ((), f"[]@{5 * MINUTE}")
    assert firing.details["threshold_result"]["terms"] == []


def test_a_group_without_values_to_tell_apart_is_not_enough() -> None:
    assert fired(state_of((), 1, ("port", 1)), at(1), at(2)) == []


WINDOWS = [
    ("one run sees both ends of its window", [1, 10], [10]),
    ("no run sees both", [0.9, 10], []),
    ("an event at a run belongs to it", [5, 5], [5]),
    ("what alerted does not count again", [1, 2, 6], [5]),
    ("but what comes after it does", [1, 2, 6, 7], [5, 10]),
    ("as late as by the next run", [4, 6], [10]),
]


@pytest.mark.parametrize("why, minutes, runs", WINDOWS, ids=lambda value: str(value)[:40])
def test_a_run_sees_a_window(why: str, minutes: list[float], runs: list[int]) -> None:
    found = fired(state_of((), 2), *(at(minute, n) for n, minute in enumerate(minutes)))
    assert [firing.key for firing in found] == [f"[]@{run * MINUTE}" for run in runs]


def test_a_run_is_made_when_it_is_closed() -> None:
    state = state_of((), 2)
    assert fired(state, at(1), at(2), until=4) == []
    (firing,) = fired(state, at(5), until=5)
    assert len(firing.events) == 3
    assert fired(state, at(6), until=10) == []


def test_the_end_of_what_there_is_closes_all_runs_and_keeps_what_may_count_yet() -> None:
    state = state_of((), 2)
    assert fired(state, at(4)) == []
    (firing,) = fired(state, at(6))
    assert [event.id for _, event in firing.events] == ["4/0", "6/0"]
    assert fired(state, at(7)) == []


def test_an_event_that_is_late_counts_in_the_runs_that_are_still_open() -> None:
    state = state_of((), 2)
    assert fired(state, at(4), until=5) == []
    (firing,) = fired(state, at(3), until=6)
    assert [event.id for _, event in firing.events] == ["3/0", "4/0"]
    assert state.late == 1


@pytest.mark.parametrize("late", [3, 6.5])
def test_an_event_that_is_late_and_before_what_alerted_does_not_count(late: float) -> None:
    state = state_of((), 2, runs=Runs(5 * MINUTE, 14 * MINUTE))
    assert len(fired(state, at(6), at(7), until=10)) == 1
    again = ThresholdState(
        Threshold(EVERYTHING, (), 2),
        {key: value for key, value in state.changes().items() if value is not None},
        runs=Runs(5 * MINUTE, 14 * MINUTE),
    )
    for one in (state, again):
        assert fired(one, at(late), at(12), until=15) == []
        assert len(fired(one, at(13), until=20)) == 1


def test_what_is_late_and_after_what_alerted_counts_with_what_comes() -> None:
    state = state_of((), 2)
    assert len(fired(state, at(6), at(7), until=10)) == 1
    (firing,) = fired(state, at(6.5), at(8), at(12), until=15)
    assert [event.id for _, event in firing.events] == ["8/0", "12/0"]


def test_an_older_file_after_a_newer_one_is_judged_by_itself() -> None:
    state = state_of((), 2)
    assert len(fired(state, at(101), at(102))) == 1
    assert len(fired(state, at(1), at(2))) == 1


def test_an_event_that_comes_twice_counts_once() -> None:
    assert fired(state_of((), 2), at(1), at(1)) == []


def test_a_firing_holds_the_oldest_events_and_the_number_of_all() -> None:
    many = [at(1 + n / 1_000, n) for n in range(3 * MOST_EVENTS)]
    (firing,) = fired(state_of((), 1), *reversed(many), *many)
    assert [event.id for _, event in firing.events] == [event.id for event in many[:MOST_EVENTS]]
    assert firing.details["threshold_result"]["count"] == len(many)
    assert firing.time == many[-1].time


def test_no_run_sees_what_falls_between_two_of_them() -> None:
    state = state_of((), 1, runs=Runs(10 * MINUTE, 3 * MINUTE))
    found = fired(state, at(6.9), at(7), at(10), at(11))
    assert [[event.id for _, event in firing.events] for firing in found] == [["7/0", "10/0"]]
    assert len(fired(state, until=20)) == len(state) == 0


def test_an_event_of_endless_groups_is_cut_and_counted() -> None:
    state = state_of(("a", "b"), 1)
    state.add(at(1, a=list(range(MOST_COMBINATIONS)), b=[1, 2]))
    assert (len(state), state.cut) == (MOST_COMBINATIONS, 1)


def test_each_group_is_a_key_that_is_handed_over_when_it_changed() -> None:
    state = state_of(("user",), 2)
    state.add(at(1, user=["ann", "bob"]))
    assert state.changes().keys() == {'["ann"]', '["bob"]'}
    state.add(at(2, user="bob"))
    assert state.changes().keys() == {'["bob"]'}
    assert state.changes() == {}
    state.due(20 * MINUTE)
    assert state.changes() == {'["ann"]': None, '["bob"]': None}
    assert len(state) == 0


def test_many_events_of_one_group_take_little_room() -> None:
    state = state_of((), 1)
    for number in range(5_000):
        state.add(at(1 + number / 10_000, number, text="x" * 500))
    (cell,) = state._groups["[]"].cells
    assert cell.oldest == []
    assert (len(cell.pack) < 10_000, cell.count) == (True, 5_000)
    assert sum(len(value or b"") for value in state.changes().values()) < 5_000 * 10
    (firing,) = state.due(None)
    assert [event.id for _, event in firing.events] == [f"{1 + n / 10_000}/{n}" for n in range(100)]
    assert firing.details["threshold_result"]["count"] == 5_000


def test_of_groups_that_are_not_told_there_is_no_more_than_a_count() -> None:
    state = ThresholdState(Threshold(EVERYTHING, ("user",), 1), runs=RUNS, most=2)
    for number, user in enumerate("dcbabcd"):
        state.add(at(1, number, user=user))
    held = {key: len(group.cells[0].oldest) for key, group in state._groups.items()}
    assert held == {'["a"]': 1, '["b"]': 2, '["c"]': 0, '["d"]': 0}
    assert [firing.terms for firing in state.due(None)] == [(("user", "a"),), (("user", "b"),)]
    assert state.beyond == 2


@pytest.mark.parametrize("value", [b"", b"{}", b"[[],[]]", b"\x92\x91\x90\x90"])
def test_what_is_kept_and_damaged_is_named(value: bytes) -> None:
    with pytest.raises(StoreError, match="what a rule counted by user cannot be read"):
        ThresholdState(Threshold(EVERYTHING, ("user",), 1), {'["a"]': value}, runs=RUNS)


def test_with_another_limit_a_rule_begins_anew() -> None:
    def rule(most: int | None, value: int = 1) -> Rule:
        return Rule(
            id="r", name="r", vendor="elastic", path="r.toml", language="kuery", type="threshold",
            kind="threshold", text="", query=Threshold(EVERYTHING, ("user",), value),
            max_signals=most,
        )  # fmt: skip

    names = [operator_name(rule(most)) for most in (None, 1, 2, 1)]
    assert len(set(names)) == 3
    assert names[1] == names[3]
