"""Samples: an event for each term, in any order."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine.state.operator import Firing
from tocsin.engine.state.sample import Candidate, SampleState, samples
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Key, Sample, Term
from tocsin.logic.runs import Runs

MINUTE = 60_000_000_000
RUNS = Runs(5 * MINUTE, 9 * MINUTE)
EVERYTHING = Filter(Always(value=True))


def query(*by: Key, terms: int = 2) -> Sample:
    return Sample((Term(EVERYTHING, by),) * terms)


HOST = query(Key("host"))


def at(minute: float, host: Any = "tower", name: str = "", **fields: Any) -> Event:
    return Event(name or f"{minute}", int(minute * MINUTE), {"host": host, **fields}, "f", "line 1")


def ids(firings: list[Firing]) -> list[list[str]]:
    """The events in the order of the terms."""
    return [[event.id for _, event in sorted(f.events, key=lambda p: p[0])] for f in firings]


def fired(
    state: SampleState, *played: tuple[Event, tuple[int, ...]], until: int | None = None
) -> list[list[str]]:
    for event, roles in played:
        state.add(event, roles)
    return ids(state.due(None if until is None else until * MINUTE))


def test_events_of_one_key_in_any_order() -> None:
    state = SampleState(HOST, runs=None)
    state.add(at(3), (0,))
    state.add(at(1), (1,))
    state.add(at(2, "gate"), (1,))
    (firing,) = state.due(None)
    assert [(role, event.id) for role, event in firing.events] == [(1, "1"), (0, "3")]
    assert (firing.terms, firing.key, firing.time) == (
        (("host", "tower"),),
        '["tower"]',
        3 * MINUTE,
    )
    assert len(state) == 0


CHOICES = [
    ("one event is not two", [(1, (0, 1))], []),
    ("the earliest for each term", [(2, (0,)), (1, (0,)), (4, (1,)), (3, (1,))], [["1", "3"]]),
    ("a term leaves the next one its only event", [(1, (0, 1)), (2, (0,))], [["2", "1"]]),
    ("the same event twice is one", [(1, (0, 1)), (1, (0, 1))], []),
]


@pytest.mark.parametrize("why, played, wanted", CHOICES, ids=lambda value: str(value)[:40])
def test_which_events_a_sample_takes(why: str, played: Any, wanted: list[list[str]]) -> None:
    state = SampleState(HOST, runs=None)
    assert fired(state, *((at(minute), roles) for minute, roles in played)) == wanted


def test_samples_come_by_key_with_null_first() -> None:
    state = SampleState(query(Key("host", optional=True), Key("port", "long")), runs=None)
    for number, (host, port) in enumerate([("b", 10), ("b", "9"), ("a", 80), (None, 80)]):
        state.add(at(number, host, f"{number}x", port=port), (0,))
        state.add(at(number, host, f"{number}y", port=port), (1,))
    firings = state.due(None)
    assert [tuple(v for _, v in f.terms) for f in firings] == [
        (None, 80), ("a", 80), ("b", 9), ("b", 10),
    ]  # fmt: skip


def test_an_array_joins_with_each_of_its_values() -> None:
    state = SampleState(HOST, runs=None)
    played = ((at(1, ["a", "b", "a"]), (0,)), (at(2, "b"), (1,)), (at(3, "a"), (1,)))
    assert fired(state, *played) == [["1", "3"], ["1", "2"]]


def test_terms_may_join_by_different_fields() -> None:
    terms = (Term(EVERYTHING, (Key("host"),)), Term(EVERYTHING, (Key("peer"),)))
    state = SampleState(Sample(terms), runs=None)
    played = (at(1, "a", peer="b"), (0, 1)), (at(2, "b", peer="a"), (0, 1))
    assert fired(state, *played) == [["1", "2"], ["2", "1"]]


def test_an_event_without_the_key_does_not_count_for_the_term() -> None:
    assert fired(SampleState(HOST, runs=None), (at(1), (0,)), (at(2, None), (1,))) == []


@pytest.mark.parametrize("most, wanted", [(1, 1), (2, 2), (9, 3)])
def test_a_key_may_give_several_samples_that_share_events(most: int, wanted: int) -> None:
    state = SampleState(HOST, runs=None, most_per_key=most)
    played = [(at(minute), (0,)) for minute in (1, 2, 4)]
    found = fired(state, *played, (at(3), (1,)))
    assert found == [["1", "3"], ["2", "3"], ["4", "3"]][:wanted]


def test_one_window_closes_when_everything_is_there() -> None:
    state = SampleState(HOST, runs=None)
    played = ((at(1), (0,)), (at(2), (1,)))
    assert fired(state, *played, until=100) == []
    assert fired(state) == [["1", "2"]]
    assert fired(state) == []


WINDOWS: list[tuple[str, list[tuple[float, int]], list[list[str]]]] = [
    ("one run sees both", [(1, 0), (10, 1)], [["1", "10"]]),
    ("no run sees both", [(0.9, 0), (10, 1)], []),
    ("a used event is used up", [(4, 0), (3, 1), (6, 1)], [["4", "3"]]),
    ("one sample a run, the rest in the next", [(2, 0), (3, 0), (2.5, 1), (4, 1)], [["2", "2.5"], ["3", "4"]]),
    ("where the next does not see it, never", [(0.4, 0), (0.1, 0), (0.2, 1), (0.3, 1)], [["0.1", "0.2"]]),
]  # fmt: skip


@pytest.mark.parametrize("why, played, wanted", WINDOWS, ids=lambda value: str(value)[:40])
def test_a_run_sees_a_window(
    why: str, played: list[tuple[float, int]], wanted: list[list[str]]
) -> None:
    state = SampleState(HOST, runs=RUNS)
    assert fired(state, *((at(minute), (role,)) for minute, role in played)) == wanted


@pytest.mark.parametrize("again", [False, True])
def test_a_run_gives_a_key_one_sample_and_the_next_run_another(again: bool) -> None:
    state = SampleState(HOST, runs=RUNS)
    played = [
        (at(minute), (role,))
        for minute, role in zip((2, 2.1, 2.2, 3, 4, 5), (0, 1) * 3, strict=True)
    ]
    found = []
    for until in (5, 6, 10, 15):
        found.append(fired(state, *played, until=until))
        saved = {key: value for key, value in state.changes().items() if value is not None}
        state, played = SampleState(HOST, saved, runs=RUNS) if again and saved else state, []
    assert found == [[["2", "2.1"]], [], [["2.2", "3"]], []]


def test_what_no_open_run_sees_is_forgotten() -> None:
    state = SampleState(HOST, runs=RUNS)
    assert fired(state, (at(1), (0,)), (at(2), (1,)), (at(3), (0,)), until=5) == [["1", "2"]]
    assert len(state) == 1
    assert fired(state, until=10) == []
    assert len(state) == 0
    assert state.changes() == {'["tower"]': None}


def test_an_event_that_was_used_is_known_when_it_comes_again() -> None:
    state = SampleState(HOST, runs=RUNS)
    assert fired(state, (at(3), (0,)), (at(4), (1,)), until=5) == [["3", "4"]]
    assert fired(state, (at(3), (0,)), (at(6), (1,)), until=10) == []
    assert state.late == 1


@pytest.mark.parametrize("value", [b"", b"{}", b"\x90", b"\x92\x90\xc4\x00"])
def test_what_is_kept_and_damaged_is_named(value: bytes) -> None:
    with pytest.raises(StoreError, match="what a sample remembers cannot be read"):
        SampleState(HOST, {'["tower"]': value}, runs=RUNS)


roles = st.sets(st.integers(0, 3), max_size=4).map(lambda found: tuple(sorted(found)))


@settings(max_examples=300)
@given(st.lists(roles, max_size=6), st.integers(1, 4), st.integers(1, 5))
def test_the_first_choices_are_those_of_a_search_through_all(
    played: list[tuple[int, ...]], size: int, most: int
) -> None:
    candidates = [Candidate(n, f"{n}", taken, msgspec.Raw(b"1")) for n, taken in enumerate(played)]
    possible = [
        found
        for found in itertools.product(candidates, repeat=size)
        if len({c.id for c in found}) == size
        and all(role in c.roles for role, c in enumerate(found))
    ]
    found = samples(candidates, size, most)
    assert len(found) == min(most, len(possible))
    assert all(choice in possible for choice in found)
    assert len({tuple(c.id for c in choice) for choice in found}) == len(found)
    assert found[:1] == possible[:1]


def test_many_terms_that_want_the_same_events_do_not_take_forever() -> None:
    size = 24
    everything, none_but_last = tuple(range(size)), tuple(range(size - 1))
    candidates = [
        Candidate(n, f"{n}", everything if n == 0 else none_but_last, msgspec.Raw(b"1"))
        for n in range(size - 1)
    ]
    assert samples(candidates, size) == []


def by_definition(played: list[tuple[Event, tuple[int, ...]]]) -> list[list[str]]:
    """Makes every run, over everything that is left."""
    left, found = sorted(played, key=lambda p: (p[0].time, p[0].id)), []
    for run in range(0, 100, 10):
        hosts = sorted({event.document["host"] for event, _ in left})
        for host in hosts:
            seen = [
                Candidate(event.time, event.id, taken, msgspec.Raw(b"1"))
                for event, taken in left
                if run - 14 <= event.time <= run and event.document["host"] == host
            ]
            for choice in samples(seen, 2):
                found.append([c.id for c in choice])
                left = [p for p in left if p[0].id not in found[-1]]
    return found


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from("ab"), st.sampled_from([(0,), (1,), (0, 1)])),
        max_size=14,
    ),
    st.data(),
)
def test_batches_and_restarts_and_the_order_of_arrival_change_nothing(
    drawn: list[tuple[int, str, tuple[int, ...]]], data: st.DataObject
) -> None:
    played = [
        (Event(f"e{n:02}", time, {"host": host}, "f", "line 1"), taken)
        for n, (time, host, taken) in enumerate(drawn)
    ]
    runs, saved, now = Runs(10, 14), dict[str, bytes](), -1
    state, found = SampleState(HOST, runs=runs), list[list[str]]()
    sometimes = st.lists(st.integers(0, 90), max_size=5).map(sorted)
    cuts = data.draw(sometimes | st.sampled_from([range(0, 90, 5), range(0, 90, 10)]))
    for until in [*cuts, None]:
        batch = [p for p in played if now < p[0].time <= (1_000 if until is None else until)]
        for event, taken in data.draw(st.permutations(batch)):
            state.add(event, taken)
            if data.draw(st.booleans(), label="start again"):
                for key, value in state.changes().items():
                    if value is None:
                        saved.pop(key, None)
                    else:
                        saved[key] = value
                state = SampleState(HOST, saved, runs=runs)
        found.extend(ids(state.due(until)))
        now = now if until is None else until
    assert found == by_definition(played)
