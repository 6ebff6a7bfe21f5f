"""New terms do not depend on the order in which events come, nor on when what was learned is saved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine.state.new_terms import NewTermsState, Terms, combinations, key_of
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, NewTerms

SECOND = 1_000_000_000
AT_THE_END = 10**30
HISTORY = 10 * SECOND
QUERY = NewTerms(Filter(Always(value=True)), ("user", "host"), dt.timedelta(seconds=10))

values = st.sampled_from(["x", "y", 1, "1", True, None])
fields = values | st.lists(values, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Some events in any order of time, often with the same time, often an end of history apart."""
    times = st.integers(0, 6).map(lambda n: n * 5 * SECOND) | st.integers(0, 40 * SECOND)
    drawn = draw(st.lists(st.tuples(times, fields, fields), max_size=12))
    names = draw(st.permutations(range(len(drawn))))
    return [
        Event(f"e{name:02}", time, {"user": user, "host": host}, "file", "line 1")
        for name, (time, user, host) in zip(names, drawn, strict=True)
    ]


def due(state: NewTermsState) -> list[tuple[Terms, str, int]]:
    fired = state.due(AT_THE_END)
    return [(tuple(v for _, v in f.terms), f.events[0][1].id, f.events[0][1].time) for f in fired]


def one_pass(events: Iterable[Event]) -> list[tuple[Terms, str, int]]:
    state = NewTermsState(QUERY)
    for event in events:
        state.add(event)
    return due(state)


def by_definition(events: list[Event]) -> list[tuple[Terms, str, int]]:
    """An event rings where none with the same terms came in the history before it."""
    found = []
    for event in events:
        for terms in combinations(event.document, QUERY.fields):
            earlier = [
                other
                for other in events
                if terms in set(combinations(other.document, QUERY.fields))
                and (other.time, other.id) < (event.time, event.id)
                and event.time - other.time <= HISTORY
            ]
            if not earlier:
                found.append((terms, event.id, event.time))
    return sorted(found, key=lambda item: (item[2], item[1], key_of(item[0])))


@settings(max_examples=300)
@given(histories())
def test_what_rings_is_what_the_definition_says(events: list[Event]) -> None:
    assert one_pass(events) == by_definition(events)


@given(histories(), st.data())
def test_the_order_of_arrival_does_not_matter(events: list[Event], data: st.DataObject) -> None:
    assert one_pass(data.draw(st.permutations(events))) == one_pass(events)


@settings(max_examples=300)
@given(histories(), st.data())
def test_saving_and_starting_again_changes_nothing(
    events: list[Event], data: st.DataObject
) -> None:
    saved: dict[str, bytes] = {}
    state = NewTermsState(QUERY)
    for event in data.draw(st.permutations(events)):
        state.add(event)
        if data.draw(st.booleans(), label="save here"):
            for key, value in state.changes().items():
                if value is None:
                    saved.pop(key, None)
                else:
                    saved[key] = value
            state = NewTermsState(QUERY, saved)
    assert due(state) == one_pass(events)


@given(histories(), st.data())
def test_events_that_come_twice_ring_once(events: list[Event], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    assert one_pass(data.draw(st.permutations([*events, *again]))) == one_pass(events)


@given(histories())
def test_what_rang_in_order_is_what_rings_in_one_pass(events: list[Event]) -> None:
    """A live stream asks after every batch, and gets the same as a scan that asks at the end."""
    state, rang = NewTermsState(QUERY), []
    for event in sorted(events, key=lambda e: (e.time, e.id)):
        state.add(event)
        rang.extend(due(state))
    assert sorted(rang, key=lambda r: (r[2], r[1], key_of(r[0]))) == one_pass(events)


@given(histories())
def test_forgetting_what_is_too_old_to_matter_changes_nothing(events: list[Event]) -> None:
    state, rang = NewTermsState(QUERY), []
    for event in sorted(events, key=lambda e: (e.time, e.id)):
        state.forget(event.time - HISTORY)
        state.add(event)
        rang.extend(due(state))
    assert sorted(rang, key=lambda r: (r[2], r[1], key_of(r[0]))) == one_pass(events)


@given(histories(), st.integers(0, 40 * SECOND))
def test_a_document_of_large_numbers_can_be_saved(events: list[Event], number: int) -> None:
    state = NewTermsState(QUERY)
    for event in events:
        event.document["size"] = [number, 2**64, -(2**70), 10**30]
        state.add(event)
    again = NewTermsState(QUERY, {k: v for k, v in state.changes().items() if v is not None})
    kept = [f.events[0][1].document for f in again.due(AT_THE_END)]
    assert kept == [f.events[0][1].document for f in state.due(AT_THE_END)]
