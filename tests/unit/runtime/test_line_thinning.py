"""Lines that a threshold need not be told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine import reference
from tocsin.engine.state.threshold import ThresholdState
from tocsin.events.event import Event
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not, Script
from tocsin.logic.field_types import render_date
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.query import Filter, Threshold
from tocsin.logic.runs import Runs
from tocsin.logic.value import Const
from tocsin.rules.index import origin_of, sees
from tocsin.runtime._line_thinning import LineThinning
from tocsin.runtime._times import time_of

SECOND = 1_000_000_000
IS_EVENT = Leaf("event.kind", Equals(("event", "1")), "keyword")
INDEX = ("logs-*",)
USUAL = Runs(10 * SECOND, 10 * SECOND)

values = st.sampled_from(["a", "b", "c", 1, "1", True, None, ["a", "b"], ["c"], []])
times = st.integers(0, 60).map(lambda n: render_date(n * SECOND)) | st.sampled_from(
    ["soon", None, 5_000, ["soon", "1970-01-01T00:00:07Z"]]
)
kinds = st.sampled_from(["event", "alert", 1, True, ["event"], None])
events = st.builds(
    lambda kind, host, user, at, ingested, place: {
        "event": {"kind": kind, "ingested": ingested, "dataset": place},
        "host": {"name": host},
        "user.name": user,
        "@timestamp": at,
    },
    kinds, values, values, times, times, st.sampled_from(["web.access", None, 1]),
)  # fmt: skip
schedules = st.builds(
    Runs, st.just(10 * SECOND), st.sampled_from([0, 3, 9, 10, 14, 25]).map(lambda n: n * SECOND)
)
groups = st.sampled_from([(), ("host.name",), ("host.name", "user.name")])


def line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def thinning(runs: Runs = USUAL, **more: Any) -> LineThinning:
    told: dict[str, Any] = {"fields": ("host.name",), "override": "", "most": 1, **more}
    return LineThinning(IS_EVENT, INDEX, runs=runs, **told)


def at(second: int, host: object) -> bytes:
    when = render_date(second * SECOND)
    return line({"@timestamp": when, "event": {"kind": "event"}, "host": {"name": host}})


@settings(max_examples=300)
@given(st.lists(st.lists(events, max_size=25), max_size=3), schedules, groups,
       st.sampled_from(["", "event.ingested"]), st.integers(1, 3), st.booleans())  # fmt: skip
def test_what_is_told_fires_as_everything_does(
    batches: list[list[dict[str, Any]]],
    runs: Runs,
    fields: tuple[str, ...],
    override: str,
    most: int,
    ends: bool,
) -> None:
    query = Threshold(Filter(IS_EVENT), fields, 1)
    whole, thinned = (ThresholdState(query, runs=runs, most=most) for _ in range(2))
    thin = thinning(runs, fields=fields, override=override, most=most, ends=ends)
    order = 0
    for batch in batches:
        told = thin.told([line(event) for event in batch])
        holding = [
            place for place, event in enumerate(batch)
            if reference.holds(IS_EVENT, event) and sees(INDEX, origin_of(event))
        ]  # fmt: skip
        assert told.every == holding
        assert set(told.some) <= set(holding)
        for place in holding:
            order += 1
            event = batch[place]
            time = time_of(event, override) if override else None
            time = time_of(event, "@timestamp") if time is None else time
            taken = Event(f"e{order}", 9 * SECOND if time is None else time, event, "f", "line 1")
            whole.add(taken)
            if place in told.some:
                thinned.add(taken)
    first, second = whole.due(None), thinned.due(None)
    assert [(f.key, f.time, f.details) for f in first] == [
        (f.key, f.time, f.details) for f in second
    ]
    assert [[e.id for _, e in f.events] for f in first] == [
        [e.id for _, e in f.events] for f in second
    ]
    assert whole.beyond == thinned.beyond


def test_the_first_group_is_told_and_of_others_the_ends() -> None:
    lines = [at(1, "a"), at(2, "b"), at(3, "a"), at(4, "b"), at(5, "b"), at(3, "b")]
    assert thinning().told(lines).some == [0, 1, 2, 4]
    assert thinning(ends=False).told(lines).some == [0, 1, 2]
    assert thinning(most=2).told(lines).some == [0, 1, 2, 3, 4, 5]


def test_what_was_told_before_is_not_told_again() -> None:
    thin = thinning()
    thin.told([at(2, "a"), at(2, "b"), at(4, "b"), at(4, "c")])
    later = [at(3, "b"), at(5, "c"), at(3, "a"), at(1, "b")]
    assert thin.told(later).some == [1, 2, 3]
    thin.forget()
    assert thin.told([at(3, "b"), at(3, "c")]).some == [0, 1]


def test_lines_that_cannot_be_read_are_named() -> None:
    told = thinning().told([b'{"broken', at(1, "a"), b"[]"])
    assert (told.unread, told.every, told.some) == ([0, 2], [1], [1])


@pytest.mark.parametrize(
    ("condition", "is_readable"),
    [
        (IS_EVENT, True),
        (And((IS_EVENT, Not(Leaf("host.name", Exists(), "keyword")))), True),
        (Leaf("host.*", Exists(), "keyword"), False),
        (And((IS_EVENT, Script(Const(value=True)))), False),
        (Nested("files", IS_EVENT), False),
    ],
)
def test_only_what_single_fields_say_is_readable(condition: Expr, is_readable: bool) -> None:
    assert LineThinning.is_readable(condition) == is_readable
