"""A sequence does not depend on the order of arrival, on batches, nor on restarts."""

from __future__ import annotations

import datetime as dt
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine.state import _sequence_rows, sequence
from tocsin.engine.state.sequence import SequenceState
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Key, Sequence, Term
from tocsin.logic.runs import Runs

SECOND = 1_000_000_000
ANY = Filter(Always(value=True))
Heard = list[tuple[Event, list[int]]]
Found = list[tuple[str, ...]]


@st.composite
def queries(draw: st.DrawFn) -> Sequence:
    """Two to four steps, some missing, with and without a span, a key and an until."""
    by = draw(st.sampled_from([(), (Key("user"),), (Key("user", optional=True), Key("host"))]))
    kinds = draw(st.lists(st.booleans(), min_size=2, max_size=4))
    if all(kinds):
        kinds[0] = False
    terms = tuple(Term(ANY, by, missing) for missing in kinds)
    spans = st.integers(1, 20).map(lambda n: dt.timedelta(seconds=n))
    maxspan = draw(spans if any(kinds) else st.none() | spans)
    until = Term(ANY, by) if draw(st.booleans()) else None
    return Sequence(terms, maxspan, until)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Sequence, Heard]:
    query = draw(queries())
    roles = len(query.terms) + (query.until is not None)
    values = st.sampled_from(["x", "y", None]) | st.lists(st.sampled_from(["x", "y"]), max_size=2)
    one = st.tuples(
        st.integers(0, 30), values, values, st.sets(st.integers(0, roles - 1), min_size=1)
    )
    drawn = draw(st.lists(one, max_size=14))
    heard = [
        (
            Event(f"e{n}", at * SECOND, {"user": user, "host": host}, "f", f"line {n}", order=n),
            sorted(mine),
        )
        for n, (at, user, host, mine) in enumerate(drawn)
    ]
    return query, heard


def rung(state: SequenceState, until: int | None = None) -> Found:
    return [(firing.key, *(e.id for _, e in firing.events)) for firing in state.due(until)]


def in_one_pass(query: Sequence, heard: Heard, runs: Runs | None = None) -> Found:
    state = SequenceState(query, runs=runs)
    for event, roles in sorted(heard, key=lambda item: (item[0].time, item[0].order)):
        state.add(event, roles)
    return rung(state)


WINDOWS = st.none() | st.builds(
    lambda interval, more: Runs(interval * SECOND, (interval + more) * SECOND),
    st.integers(1, 8),
    st.integers(0, 30),
)


@settings(max_examples=300)
@given(cases(), WINDOWS, st.data())
def test_the_order_of_arrival_does_not_matter(
    case: tuple[Sequence, Heard], runs: Runs | None, data: st.DataObject
) -> None:
    query, heard = case
    state = SequenceState(query, runs=runs)
    for event, roles in data.draw(st.permutations(heard)):
        state.add(event, roles)
    assert rung(state) == in_one_pass(query, heard, runs)


@settings(max_examples=300)
@given(cases(), WINDOWS, st.integers(0, 10), st.data())
def test_a_live_stream_rings_as_a_scan_does(
    case: tuple[Sequence, Heard], runs: Runs | None, late: int, data: st.DataObject
) -> None:
    """Events come up to so many seconds late, and the state is saved and read again at times."""
    query, heard = case
    delays = {event.id: data.draw(st.integers(0, late)) * SECOND for event, _ in heard}
    arrivals = sorted(heard, key=lambda item: item[0].time + delays[item[0].id])
    state, found, saved = SequenceState(query, runs=runs), [], {}
    for event, roles in arrivals:
        state.add(event, roles)
        # Nothing older than this can still come.
        found += rung(state, event.time + delays[event.id] - late * SECOND - 1)
        if data.draw(st.booleans(), label="start again"):
            saved |= state.changes()
            kept = {name: value for name, value in saved.items() if value is not None}
            state = SequenceState(query, kept, runs=runs)
    found += rung(state)
    assert sorted(found) == sorted(in_one_pass(query, heard, runs))


@settings(max_examples=200)
@given(cases())
def test_nothing_is_kept_that_no_state_refers_to(case: tuple[Sequence, Heard]) -> None:
    query, heard = case
    runs = Runs(SECOND, 5 * SECOND)
    state = SequenceState(query, runs=runs)
    for event, roles in sorted(heard, key=lambda item: item[0].time):
        state.add(event, roles)
        state.due(event.time)
    state.due(10_000 * SECOND)
    assert len(state) == 0
    blocks = {name for name, value in state.changes().items() if value is not None}
    assert blocks == set()


@settings(max_examples=200)
@given(cases(), WINDOWS, st.data())
def test_what_waits_as_rows_and_what_the_machine_holds_make_no_difference(
    case: tuple[Sequence, Heard], runs: Runs | None, data: st.DataObject
) -> None:
    """However few rows there may be of a key, in a chunk or at all; and events come twice."""
    query, heard = case
    with (
        mock.patch.object(sequence, "FOLD", data.draw(st.sampled_from([0, 1, 3, 16]))),
        mock.patch.object(_sequence_rows, "CHUNK", data.draw(st.sampled_from([1, 2, 256]))),
        mock.patch.object(_sequence_rows, "MANY", data.draw(st.sampled_from([1, 3, 50_000]))),
    ):
        state, now, saved = SequenceState(query, runs=runs), -1, dict[str, bytes]()
        found: Found = []
        cuts = data.draw(st.lists(st.integers(0, 35), max_size=5).map(sorted))
        for until in [*cuts, None]:
            end = 100 if until is None else until
            batch = [one for one in heard if now < one[0].time // SECOND <= end]
            again = data.draw(st.lists(st.sampled_from(batch), max_size=4)) if batch else []
            for event, roles in data.draw(st.permutations([*batch, *again])):
                state.add(event, roles)
                if data.draw(st.integers(0, 5), label="start again") == 0:
                    for name, value in state.changes().items():
                        if value is None:
                            saved.pop(name, None)
                        else:
                            saved[name] = value
                    state = SequenceState(query, saved, runs=runs)
            found += rung(state, None if until is None else until * SECOND)
            now = max(now, end)
    assert sorted(found) == sorted(in_one_pass(query, heard, runs))
