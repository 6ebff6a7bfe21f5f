from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from tocsin.engine.state.new_terms import MOST_COMBINATIONS, NewTermsState
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, NewTerms

DAY = 86_400 * 10**9
AT_THE_END = 10**30
QUERY = NewTerms(Filter(Always(value=True)), ("x",), dt.timedelta(days=7))


def event(day: float, x: object = "a", identity: str = "") -> Event:
    return Event(identity or f"e{day}", int(day * DAY), {"x": x}, "test", f"line {day}")


def due(state: NewTermsState) -> list[tuple[object, str]]:
    """What rings: the term and the event's id."""
    return [(f.terms[0][1], f.events[0][1].id) for f in state.due(AT_THE_END)]


def kept(state: NewTermsState, before: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """What a store holds after the state's changes."""
    store = dict(before or {})
    for key, value in state.changes().items():
        if value is None:
            store.pop(key, None)
        else:
            store[key] = value
    return store


def test_clusters_join_in_any_order_of_time() -> None:
    for days in ((0, 20, 8, 14), (14, 8, 20, 0), (8, 20, 0, 14)):
        state = NewTermsState(QUERY)
        for day in days:
            state.add(event(day))
        assert [identity for _, identity in due(state)] == ["e0", "e8"]


def test_an_event_that_waits_is_kept_once_for_all_of_its_terms() -> None:
    state = NewTermsState(QUERY)
    state.add(event(1, [f"{n}" for n in range(MOST_COMBINATIONS)] + ["x" * 100_000]))
    store = kept(state)
    assert len(store) == MOST_COMBINATIONS + 1
    assert sum(map(len, store.values())) < 300_000


def test_what_is_kept_rings_when_it_is_read_again_and_is_forgotten_then() -> None:
    state = NewTermsState(QUERY)
    state.add(event(1, ["a", "b"]))
    store = kept(state)
    again = NewTermsState(QUERY, store)
    again.add(event(0, "b"))
    store = kept(again, store)
    assert sum(key.startswith("event ") for key in store) == 2
    last = NewTermsState(QUERY, store)
    assert due(last) == [("b", "e0"), ("a", "e1")]
    store = kept(last, store)
    assert sorted(store) == ['["a"]', '["b"]']
    assert all(b"event" not in value for value in store.values())
    assert due(NewTermsState(QUERY, store)) == []


def test_an_event_that_others_still_wait_for_stays() -> None:
    state = NewTermsState(QUERY)
    state.add(event(1, ["a", "b"]))
    store = kept(state)
    state.add(event(0, "a"))
    store = kept(state, store)
    assert due(NewTermsState(QUERY, store)) == [("a", "e0"), ("b", "e1")]


def test_many_clusters_of_one_combination_take_time_in_proportion() -> None:
    state = NewTermsState(QUERY)
    for number in range(20_000):
        state.add(event(8 * (number * 7_919 % 20_000)))
    assert len(due(state)) == 20_000


def test_numbers_beyond_64_bits_are_kept() -> None:
    state = NewTermsState(QUERY)
    state.add(event(1, 2**70))
    [firing] = NewTermsState(QUERY, kept(state)).due(AT_THE_END)
    assert firing.terms == (("x", str(2**70)),)
    [(_, found)] = firing.events
    assert msgspec.structs.astuple(found) == msgspec.structs.astuple(event(1, 2**70))


@pytest.mark.parametrize("value", [b"", b"{", b"[1]", b'[["x",1,"e",""]]'])
def test_what_is_kept_and_damaged_is_named(value: bytes) -> None:
    with pytest.raises(StoreError, match="what a rule remembers of x cannot be read"):
        NewTermsState(QUERY, {'["a"]': value})


def test_what_was_seen_already_is_written_only_where_it_moved() -> None:
    state = NewTermsState(QUERY)
    for day in (1, 3):
        state.add(event(day))
    assert due(state) == [("a", "e1")]
    store = kept(state)
    for day in (1.5, 2, 3):
        state.add(event(day))
    assert state.changes() == {}
    state.add(event(4))
    assert state.changes().keys() == store.keys()


def test_terms_that_ended_long_ago_are_forgotten_sooner_or_later() -> None:
    state = NewTermsState(QUERY)
    for day in range(0, 400, 2):
        state.add(event(day, f"user {day}"))
        due(state)
        state.forget((day - 7) * DAY)
        assert len(state) <= 5


def test_a_key_is_forgotten_though_something_of_it_had_waited_to_ring() -> None:
    state = NewTermsState(QUERY)
    state.add(event(0))
    assert due(state) == [("a", "e0")]
    state.add(event(12))
    state.add(event(6))  # and so the one before is a part of what rang
    state.forget(1_000 * DAY)
    assert due(state) == []
    assert kept(state) == {}
