from __future__ import annotations

import datetime as dt
from typing import Any

from tocsin.engine.trace import trace
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Key, NewTerms, Sequence, Term, Threshold
from tocsin.logic.runs import Runs

SECOND = 1_000_000_000
PROCESS = Filter(Always(value=True), "process")
NETWORK = Filter(Always(value=True), "network")
HOST = (Key("host.id", "keyword"),)
RUNS = Runs(300 * SECOND, 540 * SECOND)
STEPS = Sequence(
    (Term(PROCESS, HOST), Term(NETWORK, HOST), Term(NETWORK, HOST)), dt.timedelta(minutes=1)
)


def event(number: int, at: int, **fields: Any) -> Event:
    document = {"host.id": "h1", **fields}
    return Event(f"e{number}", at * SECOND, document, "f", f"line {number}", order=number)


def told(query: Any, heard: list[tuple[Event, list[int]]], focus: int = 0) -> list[str]:
    lines = trace(query, RUNS, heard, heard[focus][0])
    return [f"{line.event.position}: {line.text}" if line.event else line.text for line in lines]


def test_a_sequence_says_which_step_it_reached_and_what_is_missing() -> None:
    assert told(STEPS, [(event(1, 0), [0]), (event(2, 10), [1])]) == [
        "for host.id=h1:",
        "line 1: opens a sequence (1 of 3)",
        "line 2: takes it to step 2 (2 of 3)",
        (
            "reached step 2 of 3 with line 1, line 2; missing: step 3 (network) within 1m, "
            "that is until 1970-01-01T00:01:00.000Z"
        ),
    ]


def test_a_sequence_says_that_it_took_too_long() -> None:
    heard = [(event(1, 0), [0]), (event(2, 10), [1]), (event(3, 71), [2])]
    assert told(STEPS, heard)[3:] == [
        "line 3: the sequence that line 1 opened is dropped: 71s is longer than maxspan 1m",
        "no sequence is under way: step 1 (process) is missing",
    ]


def test_a_sequence_says_what_completed_it() -> None:
    heard = [(event(1, 0), [0]), (event(2, 10), [1]), (event(3, 20), [2])]
    assert told(STEPS, heard, 2)[-1] == "line 3: completes the sequence: line 1, line 2, line 3"


def test_events_of_another_key_are_not_told() -> None:
    heard = [(event(1, 0), [0]), (event(2, 10, **{"host.id": "h2"}), [1])]
    assert not any("line 2" in line for line in told(STEPS, heard))


def test_an_event_without_a_key_is_told_so() -> None:
    lonely = Event("e", 0, {}, "f", "line 1")
    [line] = trace(STEPS, RUNS, [(lonely, [0])], lonely)
    assert line.text == "the event has no value in a join key (host.id), so that it does not count"


def test_known_terms_say_since_when() -> None:
    query = NewTerms(PROCESS, ("host.id",), dt.timedelta(days=7))
    heard = [(event(n, n * 60), [0]) for n in (1, 2, 3)]
    assert told(query, heard, 2) == [
        (
            "line 2: host.id=h1 is known since 1970-01-01T00:01:00.000Z (line 1), "
            "last seen 1970-01-01T00:02:00.000Z (line 2)"
        ),
    ]
    assert told(query, heard, 0) == ["line 1: host.id=h1 is new: never seen before"]


def test_a_threshold_says_how_far_it_got() -> None:
    query = Threshold(PROCESS, ("host.id",), 3, (("user.name", 2),))
    heard = [(event(n, n, **{"user.name": "x"}), [0]) for n in (1, 2)]
    assert told(query, heard) == [
        "line 1: host.id=h1: 2 of 3 events in the 9m up to 1970-01-01T00:05:00.000Z",
        "line 1: 1 of 2 distinct values of user.name",
    ]


def test_a_sequence_says_that_its_last_event_was_not_missing() -> None:
    query = Sequence(
        (Term(PROCESS, HOST), Term(NETWORK, HOST), Term(PROCESS, HOST, missing=True)),
        dt.timedelta(minutes=1),
    )
    heard = [(event(1, 0), [0]), (event(2, 10), [1]), (event(3, 20), [2])]
    assert told(query, heard)[-2].endswith("but an event came that must be missing")
    assert told(query, heard[:2])[-1] == "line 2: completes the sequence: line 1, line 2"


def test_a_sequence_is_told_in_the_order_of_its_tiebreaker() -> None:
    query = Sequence((Term(PROCESS, HOST), Term(NETWORK, HOST)), tiebreaker="n")
    heard = [(event(1, 0, n=2), [1]), (event(2, 0, n=1), [0])]
    assert told(query, heard)[-1] == "line 1: completes the sequence: line 2, line 1"


def test_an_event_that_was_heard_twice_is_told() -> None:
    query = NewTerms(PROCESS, ("host.id",), dt.timedelta(days=7))
    assert told(query, [(event(1, 0), [0]), (event(1, 0), [0])])[-1].endswith("never seen before")


def test_of_a_great_many_terms_the_first_are_told() -> None:
    query = Threshold(PROCESS, ("a", "b", "c"), 2)
    many = event(1, 0, a=[*range(300)], b=[*range(300)], c=[*range(300)])
    assert len(told(query, [(many, [0])])) == 1_000
