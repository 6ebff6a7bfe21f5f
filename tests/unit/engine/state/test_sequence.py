"""Sequences: events that come again, hostile numbers of them, and times before 1970."""

from __future__ import annotations

import datetime as dt
import time
from unittest import mock

import msgspec
import pytest

from tocsin.engine.state import _sequence_rows
from tocsin.engine.state._held import packed
from tocsin.engine.state.sequence import Machine, SequenceState
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Key, Sequence, Term
from tocsin.logic.runs import Runs

SECOND = 1_000_000_000
RUNS = Runs(300 * SECOND, 540 * SECOND)
TAKES = Term(Filter(Always(value=True)))
MISSING = Term(Filter(Always(value=True)), missing=True)
PAIR = Sequence((TAKES, TAKES))


def event(number: int, at: int, order: int | None = None) -> Event:
    place = number if order is None else order
    return Event(f"e{number}", at * SECOND, {"n": number}, "f", f"line {number}", order=place)


def rung(state: SequenceState) -> list[list[str]]:
    return [[event.id for _, event in firing.events] for firing in state.due(None)]


def test_an_event_that_comes_again_does_not_follow_a_later_one() -> None:
    state = SequenceState(PAIR, runs=RUNS)
    for _ in range(2):
        state.add(event(1, 1), [1])
        state.add(event(2, 2), [0])
        assert rung(state) == []


def test_an_event_that_comes_again_does_not_follow_itself() -> None:
    state = SequenceState(PAIR, runs=RUNS)
    for order in (1, 7):
        state.add(event(1, 1, order), [0, 1])
        assert rung(state) == []
    state.add(event(1, 1, 8), [0, 1])
    state.add(event(1, 1, 9), [0, 1])
    assert rung(state) == []
    state.add(event(2, 2, 10), [1])
    assert rung(state) == [["e1", "e2"]]


def test_what_waits_is_remembered_before_1970_too() -> None:
    state = SequenceState(PAIR, runs=RUNS)
    state.add(event(1, -10_000), [0])
    assert rung(state) == []
    saved = {name: value for name, value in state.changes().items() if value is not None}
    state = SequenceState(PAIR, saved, runs=RUNS)
    state.add(event(2, -9_990), [1])
    assert rung(state) == [["e1", "e2"]]


@pytest.mark.parametrize("terms", [(TAKES, MISSING, TAKES), (TAKES, TAKES, MISSING)])
def test_many_events_of_one_key_take_no_time_that_grows_with_their_square(
    terms: tuple[Term, ...],
) -> None:
    state = SequenceState(Sequence(terms, dt.timedelta(days=1)), runs=Runs(SECOND, 86_400 * SECOND))
    begun = time.process_time()
    for number in range(20_000):
        state.add(event(number, number), [0, 1, 2])
    state.due(None)
    assert time.process_time() - begun < 15


def test_the_machine_does_not_run_for_keys_that_cannot_have_all_steps() -> None:
    by = (Key("user"),)
    pair = Sequence((Term(TAKES.filter, by), Term(TAKES.filter, by)), dt.timedelta(minutes=1))
    state = SequenceState(pair, runs=RUNS)
    with mock.patch.object(Machine, "step", autospec=True, side_effect=Machine.step) as step:
        for number in range(300):
            one = event(number, number)
            one.document["user"] = f"user {number % 3}"
            state.add(one, [1 if number == 299 else 0])
        assert rung(state) == [["e296", "e299"]]
    assert step.call_count == 100  # of the one user with both
    # Of the others, the first step that came last is all that matters.
    assert len(state) == 2
    assert len(state._rows) == 2


def test_what_is_only_missing_is_not_held() -> None:
    query = Sequence((TAKES, MISSING), dt.timedelta(minutes=1))
    state = SequenceState(query, runs=RUNS)
    for number in range(50):
        state.add(event(number, number), [1])
    assert set(state._rows._held) == {None}
    state.add(event(50, 0), [0])
    assert rung(state) == []


def test_events_that_come_again_and_again_take_no_more_room() -> None:
    with mock.patch.object(_sequence_rows, "MANY", 100):
        state = SequenceState(Sequence((TAKES, TAKES), dt.timedelta(minutes=1)), runs=RUNS)
        for _ in range(30):
            for number in range(70):
                state.add(event(number, number), [0])
    assert len(state._rows) <= 200


def row_at(time: int) -> bytes:
    """One kept row."""
    return msgspec.json.encode(
        [[time], [0], [(1, 0)], b"k" * 8, b"i" * 8, [(0,)], [0], packed([b"null"])]
    )


DAMAGED = [
    {"rows/0": row_at(2**70)},
    {"state/1": msgspec.json.encode([[], packed([]), [[7]], [], []])},
    {"rows/0": b"{}"},
    {"rows/0": b'[[1],[],[],"","",[],[],""]'},
    {"state/1": b"[]"},
    {"state/x": b""},
]


def test_kept_rows_of_which_none_is_left_are_none() -> None:
    none = msgspec.json.encode([[], [], [], b"", b"", [], [], packed([])])
    assert rung(SequenceState(PAIR, {"rows/0": none, "rows/1": row_at(5)}, runs=RUNS)) == []


@pytest.mark.parametrize("saved", DAMAGED)
def test_what_is_kept_and_damaged_is_named(saved: dict[str, bytes]) -> None:
    with pytest.raises(StoreError, match="what a sequence remembers cannot be read"):
        SequenceState(PAIR, saved, runs=RUNS)
