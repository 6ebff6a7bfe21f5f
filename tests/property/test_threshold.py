"""What a threshold alerts on is what the rule's runs would have seen, however the events come."""

from __future__ import annotations

from collections.abc import Iterable
from unittest import mock

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine.state import _threshold_cell, threshold
from tocsin.engine.state.new_terms import combinations, key_of
from tocsin.engine.state.operator import Firing
from tocsin.engine.state.threshold import ThresholdState
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.logic.expr import Always
from tocsin.logic.field_types import text_of
from tocsin.logic.query import Filter, Threshold
from tocsin.logic.runs import Runs

EVERYTHING = Filter(Always(value=True))
Fired = tuple[str, int, int, tuple[str, ...], tuple[int, ...]]
"""Key with its run, time, count, ids of the events it holds, distinct values."""

values = st.sampled_from(["x", "y", 1, "1", True, None])
fields = values | st.lists(values, max_size=3)
schedules = st.builds(Runs, st.just(10), st.sampled_from([0, 3, 9, 10, 14, 25, 40]))
rules = st.builds(
    Threshold,
    st.just(EVERYTHING),
    st.sampled_from([(), ("user",), ("user", "host")]),
    st.integers(1, 4),
    st.sampled_from([(), (), (("port", 2),), (("port", 1), ("host", 3))]),
)


@st.composite
def days(draw: st.DrawFn) -> list[Event]:
    """Some events by time and id, often at the same time, often at the end of a window."""
    times = st.integers(-2, 12).map(lambda n: n * 5) | st.integers(0, 60)
    drawn = draw(st.lists(st.tuples(times, fields, fields, fields), max_size=20))
    names = draw(st.permutations(range(len(drawn))))
    found = [
        Event(f"e{n:02}", time, {"user": user, "host": host, "port": port}, "file", "line 1")
        for n, (time, user, host, port) in zip(names, drawn, strict=True)
    ]
    return sorted(found, key=lambda e: (e.time, e.id))


def shown(firings: Iterable[Firing]) -> list[Fired]:
    found: list[Fired] = []
    for firing in firings:
        result = firing.details["threshold_result"]
        distinct = tuple(entry["value"] for entry in result["cardinality"])
        ids = tuple(event.id for _, event in firing.events)
        assert firing.time is not None
        found.append((firing.key, firing.time, result["count"], ids, distinct))
    return sorted(found)


def by_definition(events: list[Event], rule: Threshold, runs: Runs) -> list[Fired]:
    """Makes every run, over everything."""
    found: list[Fired] = []
    buckets: dict[str, list[Event]] = {}
    for event in events:
        for terms in combinations(event.document, rule.fields):
            buckets.setdefault(key_of(terms), []).append(event)
    for key, bucket in buckets.items():
        alerted = None
        for run in range(-100, 200, runs.interval):
            seen = [
                e for e in bucket
                if run - runs.lookback <= e.time <= run and (alerted is None or e.time > alerted)
            ]  # fmt: skip
            distinct = tuple(
                len({text_of(v) for e in seen for v in values_of(e.document, field)})
                for field, _ in rule.cardinality
            )
            enough = all(
                n >= least for n, (_, least) in zip(distinct, rule.cardinality, strict=True)
            )
            if seen and len(seen) >= rule.value and enough:
                alerted = seen[-1].time
                ids = tuple(e.id for e in seen[: threshold.MOST_EVENTS])
                found.append((f"{key}@{run}", alerted, len(seen), ids, distinct))
    return sorted(found)


@settings(max_examples=400)
@given(days(), rules, schedules, st.sampled_from([1, 2, 100]), st.data())
def test_it_fires_where_a_run_sees_enough_in_whatever_order_events_come(
    events: list[Event], rule: Threshold, runs: Runs, most: int, data: st.DataObject
) -> None:
    with mock.patch.object(threshold, "MOST_EVENTS", most):
        state = ThresholdState(rule, runs=runs)
        for event in data.draw(st.permutations(events)):
            state.add(event)
        assert shown(state.due(None)) == by_definition(events, rule, runs)


@settings(max_examples=400)
@given(days(), rules, schedules, st.sampled_from([1, 2, 100]), st.data())
def test_batches_and_restarts_and_repeats_change_nothing(
    events: list[Event], rule: Threshold, runs: Runs, most: int, data: st.DataObject
) -> None:
    with mock.patch.object(threshold, "MOST_EVENTS", most):
        saved: dict[str, bytes] = {}
        state, fired, now = ThresholdState(rule, runs=runs), list[Firing](), -11

        def arriving(batch: Iterable[Event]) -> list[Event]:
            batch = list(batch)
            again = st.lists(st.sampled_from(batch), max_size=3) if batch else st.just([])
            return data.draw(st.permutations([*batch, *data.draw(again, label="come twice")]))

        def restart() -> ThresholdState:
            if not data.draw(st.booleans(), label="start again"):
                return state
            for key, value in state.changes().items():
                if value is None:
                    saved.pop(key, None)
                else:
                    saved[key] = value
            return ThresholdState(rule, saved, runs=runs)

        sometimes = st.lists(st.integers(-10, 80), max_size=6).map(sorted)
        cuts = sometimes | st.sampled_from([range(-10, 80, 5), range(-10, 80, 10)])
        for until in data.draw(cuts, label="everything has come in up to"):
            for event in arriving(e for e in events if now < e.time <= until):
                state.add(event)
                state = restart()
            fired.extend(state.due(until))
            now = until
            state = restart()
        for event in arriving(e for e in events if e.time > now):
            state.add(event)
        fired.extend(state.due(None))
        assert shown(fired) == by_definition(events, rule, runs)


@given(days(), rules, schedules, st.integers(-10, 60))
def test_what_no_open_run_sees_is_forgotten(
    events: list[Event], rule: Threshold, runs: Runs, until: int
) -> None:
    state = ThresholdState(rule, runs=runs)
    for event in events:
        state.add(event)
    state.due(until)
    open_still = {
        key_of(terms)
        for event in events
        if runs.last_with(event.time) > until
        for terms in combinations(event.document, rule.fields)
    }
    assert {key for key, value in state.changes().items() if value is not None} <= open_still
    assert len(state) <= len(open_still)
    state.due(10_000)
    assert len(state) == 0
    assert set(state.changes().values()) <= {None}


@given(days(), rules, schedules)
def test_asking_again_gives_nothing(events: list[Event], rule: Threshold, runs: Runs) -> None:
    state = ThresholdState(rule, runs=runs)
    for event in events:
        state.add(event)
    state.due(None)
    assert state.due(None) == []
    for event in events:
        state.add(event)
    again = shown(state.due(None))
    assert again == [f for f in again if f in by_definition(events, rule, runs)]


@given(days(), rules, schedules, st.integers())
def test_an_event_comes_out_as_it_came_in(
    events: list[Event], rule: Threshold, runs: Runs, number: int
) -> None:
    state = ThresholdState(rule, runs=runs)
    for event in events:
        event.document["size"] = [number, 2**64, -(2**70), 0.1, "ü"]
        state.add(event)
    saved = {k: v for k, v in state.changes().items() if v is not None}
    fired = ThresholdState(rule, saved, runs=runs).due(None)
    by_id = {event.id: event for event in events}
    for firing in fired:
        for _, event in firing.events:
            assert msgspec.structs.asdict(event) == msgspec.structs.asdict(by_id[event.id])
    assert shown(fired) == by_definition(events, rule, runs)


@settings(max_examples=200)
@given(days(), rules, schedules, st.integers(1, 5), st.data())
def test_how_cells_are_packed_makes_no_difference(
    events: list[Event], rule: Threshold, runs: Runs, most: int, data: st.DataObject
) -> None:
    often = data.draw(st.integers(0, 3), label="packed so often")
    with (
        mock.patch.object(threshold, "MOST_EVENTS", most),
        mock.patch.object(_threshold_cell, "_WORTH", 1),
        mock.patch.object(_threshold_cell, "_OFTEN", often),
    ):
        state = ThresholdState(rule, runs=runs)
        again = data.draw(st.lists(st.sampled_from(events), max_size=9)) if events else []
        for event in data.draw(st.permutations([*events, *again])):
            state.add(event)
            for group in state._groups.values():
                for cell in group.cells:
                    if data.draw(st.integers(0, 4), label="pack it now") == 0:
                        cell.close()
        assert shown(state.due(None)) == by_definition(events, rule, runs)


@settings(max_examples=200)
@given(days(), rules, schedules, st.integers(1, 3), st.data())
def test_where_only_the_first_groups_are_told_the_others_are_counted(
    events: list[Event], rule: Threshold, runs: Runs, most: int, data: st.DataObject
) -> None:
    state, fired, now, beyond = ThresholdState(rule, runs=runs, most=most), list[Firing](), -11, 0
    for until in data.draw(st.lists(st.integers(-10, 80), max_size=4).map(sorted)):
        for event in data.draw(st.permutations([e for e in events if now < e.time <= until])):
            state.add(event)
        fired, now = fired + state.due(until), until
        beyond += state.beyond
        state.changes()
        state.beyond = 0
    for event in data.draw(st.permutations([e for e in events if e.time > now])):
        state.add(event)
        if data.draw(st.integers(0, 3), label="start again") == 0:
            saved = {key: value for key, value in state.changes().items() if value is not None}
            saved = {key: threshold.kept_of(group) for key, group in state._groups.items()} | saved
            beyond, state = beyond + state.beyond, ThresholdState(rule, saved, runs=runs, most=most)
    found, all_of_them = shown([*fired, *state.due(None)]), by_definition(events, rule, runs)
    if rule.value > 1 or rule.cardinality:
        assert found == all_of_them
        return
    first: list[Fired] = []
    for run in {key.rpartition("@")[2] for key, *_ in all_of_them}:
        first += [one for one in all_of_them if one[0].rpartition("@")[2] == run][:most]
    assert found == sorted(first)
    assert beyond + state.beyond == len(all_of_them) - len(first)
