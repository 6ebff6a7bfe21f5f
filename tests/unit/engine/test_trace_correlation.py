from __future__ import annotations

import datetime as dt
from typing import Any

from tocsin.engine.trace import trace
from tocsin.events.event import Event
from tocsin.logic.expr import Always, And, Leaf, Not
from tocsin.logic.matchers import Exists
from tocsin.logic.query import Correlation, CorrelationTerm, Filter
from tocsin.logic.runs import Runs

SECOND = 1_000_000_000
ANY = Filter(Always(value=True))
FAILED, OK, RESET = (CorrelationTerm(name, ANY) for name in ("failed", "ok", "reset"))
FIVE = dt.timedelta(minutes=5)
USER = ("user",)
MANY = Correlation("event_count", (FAILED,), USER, FIVE, (("gte", 3),))
Heard = list[tuple[Event, list[int]]]


def event(number: int, at: int, **fields: Any) -> Event:
    return Event(f"e{number}", at * SECOND, {"user": "ann", **fields}, "f", f"line {number}")


def told(query: Correlation, heard: Heard, focus: int = 0) -> list[str]:
    runs = Runs(300 * SECOND, 540 * SECOND)
    lines = trace(query, runs, heard, heard[focus][0])
    return [
        f"{line.kind} {line.event.position}: {line.text}"
        if line.event
        else f"{line.kind} {line.text}"
        for line in lines
    ]


def test_a_count_says_how_far_it_got_and_until_when_there_was_time() -> None:
    assert told(MANY, [(event(1, 0), [0]), (event(2, 60), [0]), (event(3, 301), [0])]) == [
        "note for user=ann:",
        "lost line 2: 2 events in the 5m up to 1970-01-01T00:01:00.000Z; asked: gte 3",
        "lost what is missing would have to come until 1970-01-01T00:05:00.000Z",
    ]


def test_a_count_says_what_rang() -> None:
    heard = [(event(n, n), [0]) for n in (1, 2, 3)]
    assert told(MANY, heard, 1)[-1] == (
        "fired line 3: it rings: 3 events in the 5m up to 1970-01-01T00:00:03.000Z; asked: gte 3"
    )


def test_what_rang_before_is_used_up() -> None:
    heard = [(event(n, n), [0]) for n in range(1, 6)]
    assert told(MANY, heard, 4)[1:3] == [
        "note it rang at 1970-01-01T00:00:03.000Z; what rang then is used up",
        "lost line 5: 2 events in the 5m up to 1970-01-01T00:00:05.000Z; asked: gte 3",
    ]


def test_rules_that_have_to_match_are_listed() -> None:
    query = Correlation("temporal", (FAILED, OK, RESET), USER, FIVE)
    heard = [(event(n, n), [0]) for n in range(1, 6)] + [(event(6, 6), [2])]
    assert told(query, heard)[1:] == [
        "step failed: line 1, line 2, line 3 and 2 more",
        "lost ok: no match",
        "step reset: line 6",
        "lost line 6: 2 of 3 rules in the 5m up to 1970-01-01T00:00:06.000Z; asked: all rules",
        "lost what is missing would have to come until 1970-01-01T00:05:01.000Z",
    ]


def test_rules_that_match_in_another_order_are_told_so() -> None:
    query = Correlation("temporal_ordered", (FAILED, OK), USER, FIVE)
    lines = told(query, [(event(1, 1), [1]), (event(2, 2), [0])])
    assert "lost all rules matched, but not in this order" in lines


def test_a_rule_that_must_not_match_is_told() -> None:
    seen = And((Leaf("failed", Exists()), Not(Leaf("ok", Exists()))))
    query = Correlation("temporal", (FAILED, OK), USER, FIVE, seen=seen)
    heard = [(event(1, 0), [0]), (event(2, 60), [1])]
    assert told(query, heard)[-1] == (
        "lost line 2: too much of what must not be: 2 of 2 rules from 1970-01-01T00:00:00.000Z "
        "to 1970-01-01T00:05:00.000Z; asked: failed and not ok"
    )
    assert told(query, heard[:1])[-1].startswith("fired line 1: it rings: 1 of 2 rules from")


def test_a_window_that_is_short_is_told() -> None:
    query = Correlation("event_count", (FAILED,), USER, FIVE, (("eq", 3),))
    assert told(query, [(event(1, 0), [0]), (event(2, 60), [0])])[-1] == (
        "lost line 2: too little: 2 events from 1970-01-01T00:00:00.000Z "
        "to 1970-01-01T00:05:00.000Z; asked: eq 3"
    )


def test_a_correlation_among_the_rules_has_a_story_of_its_own() -> None:
    query = Correlation("temporal_ordered", (CorrelationTerm("many", MANY), OK), USER, FIVE)
    heard = [*((event(n, n), [0]) for n in (1, 2, 3)), (event(4, 4), [1])]
    assert told(query, heard) == [
        "note many, a correlation itself:",
        "note for user=ann:",
        "fired line 3: it rings: 3 events in the 5m up to 1970-01-01T00:00:03.000Z; asked: gte 3",
        "note the correlation around it:",
        "note for user=ann:",
        "step many: rang at 1970-01-01T00:00:03.000Z",
        "step ok: line 4",
        (
            "fired line 4: it rings: 2 of 2 rules in order in the 5m up to "
            "1970-01-01T00:00:04.000Z; asked: all rules"
        ),
    ]
    assert told(query, heard[1:])[-1] == (
        "lost line 2: the event does not count here: it is part of no firing"
    )


def test_an_event_that_does_not_count_is_told_why() -> None:
    assert told(MANY, [(event(1, 0, user=None), [0])]) == [
        "lost line 1: the event does not count here: it lacks a value in user"
    ]
    query = Correlation("value_sum", (FAILED,), USER, FIVE, (("gt", 3),), ("size",))
    assert told(query, [(event(1, 0, size="large"), [0])]) == [
        "lost line 1: the event does not count here: it lacks a value in user, size"
    ]


def test_each_group_of_an_event_is_told() -> None:
    lines = told(MANY, [(event(1, 0, user=["ann", "bob"]), [0]), (event(2, 1, user="bob"), [0])])
    assert [line for line in lines if "for user" in line] == [
        "note for user=ann:",
        "note for user=bob:",
    ]


def test_measures_in_words() -> None:
    for kind, text in (
        ("value_count", "1 distinct value of size"), ("value_sum", "a sum of 7 of size"),
        ("value_avg", "a mean of 7 of size"), ("value_median", "a median of 7 of size"),
        ("value_percentile", "a percentile 95 of 7 of size"),
    ):  # fmt: skip
        query = Correlation(kind, (FAILED,), USER, FIVE, (("gt", 100),), ("size",), 95)  # type: ignore[arg-type]
        lines = told(query, [(event(1, 0, size=7), [0])])
        assert any(f"{text} in the 5m up to" in line for line in lines)
