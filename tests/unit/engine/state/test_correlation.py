"""What a correlation says when it rings, and what it keeps until then."""

from __future__ import annotations

import datetime as dt
from typing import Any
from unittest import mock

import msgspec
import pytest

from tocsin.engine.state import _correlation_hits as hits
from tocsin.engine.state import _correlation_level as level
from tocsin.engine.state._correlation_hits import MOST_EVENTS
from tocsin.engine.state._correlation_window import as_json
from tocsin.engine.state.build import operator_for, operator_name
from tocsin.engine.state.correlation import CorrelationState, span_text
from tocsin.engine.state.new_terms import MOST_COMBINATIONS
from tocsin.engine.state.operator import Firing
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.expr import Always, And, Expr, Leaf, Not, Or
from tocsin.logic.matchers import Exists
from tocsin.logic.query import Correlation, CorrelationTerm, Filter
from tocsin.rules.model import Rule

MINUTE = 60_000_000_000
ANY = Filter(Always(value=True))
A, B, C = (CorrelationTerm(name, ANY) for name in "abc")
USER = ("user",)
FIVE = dt.timedelta(minutes=5)


def at(minute: float, number: int = 0, **fields: Any) -> Event:
    return Event(f"{minute}/{number}", int(minute * MINUTE), fields, "file", "line 1")


def fired(
    state: CorrelationState, *events: tuple[Event, int] | Event, until: float | None = None
) -> list[Firing]:
    for event in events:
        if isinstance(event, Event):
            state.add(event, (0,))
        else:
            state.add(event[0], event[1:])
    return state.due(None if until is None else int(until * MINUTE))


def ids(firings: list[Firing]) -> list[list[str]]:
    return [[event.id for _, event in firing.events] for firing in firings]


def counting(*condition: tuple[str, float], by: tuple[str, ...] = USER) -> Correlation:
    return Correlation("event_count", (A,), by, FIVE, condition)


# --- what it says -----------------------------------------------------------------------------


def test_what_a_count_says() -> None:
    state = CorrelationState(counting(("gte", 2), by=("user", "host")))
    (firing,) = fired(
        state,
        at(3, user="ann", host="web-1"),
        at(1, user="ann", host=["web-1", "web-2"]),
        at(2, user="bob", host="web-1"),
    )
    assert ids([firing]) == [["1/0", "3/0"]]
    assert firing.terms == (("user", "ann"), ("host", "web-1"))
    assert firing.key == f'["ann","web-1"]@{3 * MINUTE}'
    assert firing.time == 3 * MINUTE
    assert firing.details == {
        "correlation": {
            "type": "event_count",
            "rules": ["a"],
            "group_by": ["user", "host"],
            "timespan": "5m",
            "condition": "gte 2",
            "value": 2,
            "matched": [{"rule": "a", "count": 2}],
            "count": 2,
            "from": "1970-01-01T00:01:00.000Z",
            "to": "1970-01-01T00:03:00.000Z",
        }
    }


def test_what_a_percentile_says() -> None:
    query = Correlation("value_percentile", (A,), (), FIVE, (("gt", 2),), ("size",), percentile=90)
    (firing,) = fired(CorrelationState(query), at(1, size=1), at(2, size="4"))
    told = firing.details["correlation"]
    assert (told["field"], told["percentile"], told["value"]) == (["size"], 90, 3.7)


def test_a_window_that_waits_rings_at_its_end() -> None:
    (firing,) = fired(CorrelationState(counting(("lt", 3))), at(1, user="ann"), at(2, user="ann"))
    assert firing.time == 6 * MINUTE
    told = firing.details["correlation"]
    assert (told["from"], told["to"]) == ("1970-01-01T00:01:00.000Z", "1970-01-01T00:06:00.000Z")


def test_rules_play_their_roles() -> None:
    query = Correlation("temporal", (A, B, C), (), FIVE)
    (firing,) = fired(CorrelationState(query), (at(1), 2), (at(2), 0), (at(3), 1))
    assert [(role, event.id) for role, event in firing.events] == [
        (2, "1/0"), (0, "2/0"), (1, "3/0"),
    ]  # fmt: skip
    assert firing.terms == ()


def test_an_event_of_several_rules_is_one_event() -> None:
    query = Correlation("temporal", (A, B), (), FIVE)
    (firing,) = fired(CorrelationState(query), (at(1), 1, 0))  # type: ignore[arg-type]
    assert [role for role, _ in firing.events] == [0]
    told = firing.details["correlation"]
    assert (told["value"], told["count"]) == (2, 1)
    counted = Correlation("event_count", (A, B), (), FIVE, (("gte", 2),))
    assert fired(CorrelationState(counted), (at(1), 1, 0)) == []  # type: ignore[arg-type]


def test_a_correlation_among_the_rules_brings_its_events() -> None:
    inner = CorrelationTerm("many", counting(("gte", 2)))
    query = Correlation("temporal_ordered", (inner, B), USER, FIVE)
    (firing,) = fired(
        CorrelationState(query),
        (at(1, user="ann"), 0), (at(2, user="ann"), 0), (at(3, user="ann"), 1),
    )  # fmt: skip
    assert [(role, event.id) for role, event in firing.events] == [
        (0, "1/0"), (0, "2/0"), (1, "3/0"),
    ]  # fmt: skip
    told = firing.details["correlation"]
    assert (told["value"], told["count"]) == (2, 3)
    assert told["matched"] == [{"rule": "many", "count": 1}, {"rule": "b", "count": 1}]


def test_a_field_that_all_inner_rules_group_by_has_the_groups_value() -> None:
    by_name = (CorrelationTerm("a", ANY, ("user.name",)), CorrelationTerm("b", ANY, ("user.name",)))
    inner = Correlation("event_count", by_name, ("User",), FIVE, (("gte", 2),))
    query = Correlation(
        "event_count", (CorrelationTerm("many", inner, ("user.name",)),), ("who",), FIVE,
        (("gte", 1),),
    )  # fmt: skip
    both = {"user.name": ["ann", "bob"]}
    found = fired(CorrelationState(query), at(1, **both), at(2, **{"user.name": "ann"}))
    assert [firing.terms for firing in found] == [(("who", "ann"),)]


FOUR = tuple(CorrelationTerm(name, ANY) for name in "abcd")
ORDERS = [
    ("what has left the window is no step", FOUR[:3], (), "0a 2b 3a 5.5c", 0),
    ("what is there again is one", FOUR[:3], (), "0a 2a 3b 5.5c", 1),
    ("a later start does not spoil an earlier one", FOUR, (("gte", 3),), "1b 2c 3a 4d", 1),
    ("rules between may be left out", FOUR, (("gte", 3),), "1a 2c 3d", 1),
    ("but not stand before", FOUR, (("gte", 3),), "1c 2a 3d", 0),
]


@pytest.mark.parametrize("why, terms, condition, events, count", ORDERS, ids=lambda v: str(v)[:40])
def test_rules_in_order(why: str, terms: Any, condition: Any, events: str, count: int) -> None:
    query = Correlation("temporal_ordered", terms, (), FIVE, condition)
    heard = [(at(float(text[:-1])), "abcd".index(text[-1])) for text in events.split()]
    assert len(fired(CorrelationState(query), *heard)) == count


def test_too_few_give_way_to_what_comes() -> None:
    state = CorrelationState(counting(("eq", 3)))
    minutes = (0, 3, 6, 7)
    assert ids(fired(state, *(at(minute, user="ann") for minute in minutes))) == [
        ["3/0", "6/0", "7/0"]
    ]
    seen = And((leaf("a"), leaf("b"), Not(leaf("c"))))
    query = Correlation("temporal", (A, B, C), (), FIVE, seen=seen)
    assert ids(fired(CorrelationState(query), (at(0), 0), (at(3), 0), (at(6), 1))) == [
        ["3/0", "6/0"]
    ]


def test_a_rule_of_no_events_rings_by_itself() -> None:
    """What a loader does not let through raises nothing either."""
    query = Correlation("event_count", (A,), (), FIVE)
    assert len(fired(CorrelationState(query), at(1), at(2))) == 2


# --- conditions over rules --------------------------------------------------------------------


def leaf(name: str) -> Expr:
    return Leaf(name, Exists())


def test_a_condition_over_rules_in_words() -> None:
    expr = And((leaf("a"), Or((leaf("b"), And((leaf("c"), leaf("d"))))), Not(Or((leaf("x"),)))))
    query = Correlation("temporal", (A, B), seen=expr)
    assert query.asked == "a and (b or (c and d)) and not x"
    assert query.unwanted == {"x"}
    assert query.waits
    assert Correlation("temporal", (A, B)).asked == "all rules"
    assert counting(("gt", 1_000_000), ("lte", 2.5)).asked == "gt 1000000 and lte 2.5"


@pytest.mark.parametrize("operator", ["gt", "gte"])
def test_bounds_from_below_ring_at_once(operator: str) -> None:
    assert not counting((operator, 3)).waits
    state = CorrelationState(counting((operator, 1)))
    assert len(fired(state, at(1, user="ann"), at(2, user="ann"), until=2)) >= 1


@pytest.mark.parametrize("operator", ["lt", "lte", "eq", "neq"])
def test_other_bounds_wait(operator: str) -> None:
    assert counting(("gt", 1), (operator, 3)).waits
    state = CorrelationState(counting((operator, {"neq": 3}.get(operator, 2))))
    events = (at(1, user="ann"), at(2, user="ann"))[: 1 if operator == "lt" else 2]
    assert fired(state, *events, until=5.99) == []
    assert len(fired(state, until=6)) == 1


def test_a_huge_condition_in_order_ends() -> None:
    """Twenty pairs of alternatives can come true in a million ways; the first thousand count."""
    names = [f"r{number}" for number in range(40)]
    pairs = zip(names[::2], names[1::2], strict=True)
    expr = And(tuple(Or((leaf(one), leaf(other))) for one, other in pairs))
    terms = tuple(CorrelationTerm(name, ANY) for name in names)
    state = CorrelationState(Correlation("temporal_ordered", terms, (), FIVE, seen=expr))
    assert fired(state, *((at(n / 20, n), 2 * n) for n in range(19))) == []
    assert len(fired(state, (at(1), 38))) == 1


# --- what it keeps ----------------------------------------------------------------------------


def test_the_latest_events_of_each_rule_are_shown() -> None:
    query = Correlation("temporal", (A, B, C), (), FIVE)
    many = [(at(1, n), 0) for n in range(300)]
    (firing,) = fired(
        CorrelationState(query), *many, *((at(2, n), 1) for n in range(3)), (at(3), 2)
    )
    roles = [role for role, _ in firing.events]
    assert [roles.count(role) for role in range(3)] == [MOST_EVENTS - 4, 3, 1]
    assert firing.details["correlation"]["count"] == 304
    newest = sorted(event.id for event, _ in many)[-(MOST_EVENTS - 4) :]
    assert sorted(event.id for role, event in firing.events if role == 0) == newest


def test_no_more_events_are_kept_than_an_alert_would_show() -> None:
    state = CorrelationState(Correlation("temporal", (A, B), (), FIVE))
    for number in range(20):
        fired(state, *((at(1, 1_000 * number + n), 0) for n in range(1_000)), until=1)
    blocks = [name for name, value in state.changes().items() if name[:6] == "event/" and value]
    assert 1 <= len(blocks) <= 3
    (firing,) = fired(state, (at(2), 1))
    assert len(firing.events) == MOST_EVENTS
    assert firing.details["correlation"]["count"] == 20_001


def test_what_is_used_up_and_what_has_gone_is_forgotten() -> None:
    state = CorrelationState(counting(("gte", 2)))
    fired(state, at(1, user="ann"), at(2, user="ann"), at(2, user="bob"), until=2)
    assert len(state) == 2
    fired(state, until=7.01)
    assert len(state) == 1  # what rang is known for another span, should it come again
    fired(state, until=12.01)
    assert len(state) == 0
    assert set(state.changes().values()) == {None}


def test_an_event_comes_out_as_it_came_in() -> None:
    event = Event(
        "e", MINUTE, {"user": "ann", "size": [2**64, -(2**70), 0.1, "ü", None]}, "f", "line 7",
        {"as": "it came"}, received=True, order=4, size=9,
    )  # fmt: skip
    state = CorrelationState(counting(("gte", 1)))
    state.add(event, (0,))
    saved = {key: value for key, value in state.changes().items() if value is not None}
    (firing,) = CorrelationState(counting(("gte", 1)), saved).due(None)
    ((_, found),) = firing.events
    assert msgspec.structs.asdict(found) == msgspec.structs.asdict(event)


def test_what_was_judged_with_more_before_it_is_not_judged_again_without() -> None:
    """The small one is forgotten in time, and the large one alone would ring."""
    query = Correlation("value_avg", (A,), (), FIVE, (("gte", 50),), ("size",))
    state = CorrelationState(query)
    assert fired(state, at(0, size=1), at(4, size=60), until=7) == []
    saved = {key: value for key, value in state.changes().items() if value is not None}
    assert fired(CorrelationState(query, saved), at(8, size=1), until=8) == []


def test_what_was_short_with_what_rang_later_is_short_without_it() -> None:
    """Everything comes again, and the first alone would be within bounds."""
    query = Correlation("value_avg", (A,), (), FIVE, (("gte", 5), ("lte", 10)), ("size",))
    events = (at(0, size=6), at(2, size=-100), at(6, size=120))
    state = CorrelationState(query)
    assert ids(fired(state, *events)) == [["2/0", "6/0"]]
    assert fired(state, *events) == []


def test_late_events_are_counted() -> None:
    state = CorrelationState(counting(("gte", 2)))
    fired(state, at(1, user="ann"), until=4)
    assert ids(fired(state, at(2, user="ann"), at(5, user="bob"), until=4)) == [["1/0", "2/0"]]
    assert state.late == 1
    waits = CorrelationState(counting(("lt", 2)))
    assert fired(waits, at(1, user="ann"), until=4) == []
    assert fired(waits, at(2, user="ann"), until=6) == []
    assert waits.late == 0
    fired(waits, at(1.5, user="ann"), until=7)
    assert waits.late == 1


def test_a_window_without_an_event_to_show_is_counted() -> None:
    """A late event uses up what kept a mean low; what is left has long let go of its events."""
    query = Correlation("value_avg", (A,), (), FIVE, (("gte", 50),), ("size",))
    with mock.patch.object(hits, "MOST_EVENTS", 1), mock.patch.object(level, "MOST_EVENTS", 1):
        state = CorrelationState(query)
        events = (at(0, size=0), at(1, size=90), at(2, size=40), at(3, size=30))
        assert fired(state, *events, until=3) == []
        assert len(fired(state, at(0.5, size=1_000), until=3)) == 1
    assert (state.late, state.bare) == (1, 1)


def test_a_time_at_the_end_of_all_times() -> None:
    latest = Event("e", 2**63 - 1, {"user": "ann"}, "f", "line 1")
    state = CorrelationState(counting(("lt", 2)))
    state.add(latest, (0,))
    assert state.due(2**63 - 1) == []
    saved = {key: value for key, value in state.changes().items() if value is not None}
    (firing,) = CorrelationState(counting(("lt", 2)), saved).due(None)
    assert firing.time == 2**63 - 1


# --- hostile input ----------------------------------------------------------------------------


def test_of_a_great_many_groups_the_first_count() -> None:
    state = CorrelationState(counting(("gte", 1), by=("user", "host")))
    many = [str(number) for number in range(40)]
    assert len(fired(state, at(1, user=many, host=many))) == MOST_COMBINATIONS
    assert state.cut == 1
    fired(state, at(2, user="ann", host=many))
    assert state.cut == 1


ODD: list[Any] = [
    None,
    {},
    [],
    {"x": 1},
    [[["ann"]]],
    True,
    1e300,
    2**70,
    "",
    "\x00",
    [{"user": 1}],
]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("kind", ["event_count", "value_count", "value_avg", "value_median"])
def test_odd_values_raise_nothing(kind: Any, value: Any) -> None:
    query = Correlation(kind, (A,), USER, FIVE, (("gt", 0),), ("size",))
    state = CorrelationState(query)
    fired(state, at(1, user=value, size=value), at(2, user="ann", size=value))
    state = CorrelationState(query, {k: v for k, v in state.changes().items() if v is not None})
    fired(state, at(3, user=value, size=1))


def test_sums_are_exact_and_shown_as_well_as_they_can_be() -> None:
    query = Correlation("value_sum", (A,), (), FIVE, (("eq", 0.3),), ("size",))
    assert fired(CorrelationState(query), at(1, size=0.1), at(2, size=0.2)) == []
    huge = Correlation("value_sum", (A,), (), FIVE, (("gt", 0),), ("size",))
    (firing,) = fired(CorrelationState(huge), at(1, size=[1e308, 1e308, -5]))
    assert firing.details["correlation"]["value"] == 1.7976931348623157e308
    assert [as_json(n) for n in (2**52, 2**60, -(10**400), 0.5)] == [
        2**52, float(2**60), -1.7976931348623157e308, 0.5,
    ]  # fmt: skip


def test_memory_that_cannot_be_read_is_said_so() -> None:
    with pytest.raises(StoreError, match="what a correlation remembers cannot be read"):
        CorrelationState(counting(("gte", 2)), {'group/["ann"]': b"[1]"})


# --- its place in the engine ------------------------------------------------------------------


def test_it_is_the_operator_of_its_rules() -> None:
    rule = Rule(
        id="r", name="n", vendor="sigma", path="r.yml", language="sigma", type="correlation",
        kind="sigma/correlation", text="", query=counting(("gte", 2)),
    )  # fmt: skip
    assert isinstance(operator_for(rule), CorrelationState)
    assert operator_name(rule).startswith("correlation/r/")


def test_spans_as_rules_write_them() -> None:
    texts = [span_text(seconds * 10**9) for seconds in (1, 90, 3_600, 86_400, 0)]
    assert texts == ["1s", "90s", "1h", "1d", "0s"]


@pytest.mark.parametrize("parted", [False, True])
def test_documents_of_one_event_count_once_and_with_all_that_each_of_them_matches(
    parted: bool,
) -> None:
    state = CorrelationState(Correlation("temporal", (A, B), USER, FIVE))
    first, second = (at(1, user="ann", rule=rule) for rule in ("x", "y"))
    found = fired(state, (first, 0)) if parted else []
    assert not found
    (firing,) = fired(state, *([] if parted else [(first, 0)]), (second, 1))
    assert ids([firing]) == [["1/0"]]
    counted = CorrelationState(counting(("gte", 2)))
    assert not fired(counted, first, second)


def test_documents_of_one_event_bring_their_values() -> None:
    query = Correlation("value_count", (A,), USER, FIVE, (("gte", 2),), ("rule",))
    documents = [at(1, user="ann", rule=rule) for rule in ("x", "y")]
    for order in (documents, documents[::-1]):
        (firing,) = fired(CorrelationState(query), *order)
        assert firing.details["correlation"]["value"] == 2
