"""Cases for correlations, held to the engine that runs them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tocsin.engine.solve import Solved, Unsolved, solve
from tocsin.logic.expr import And, Expr, Leaf, Not, Or
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.query import Correlation, CorrelationTerm, Filter
from tocsin.rules.model import Rule
from tocsin.runtime.rule_tests import generated_outcomes

MINUTE = dt.timedelta(minutes=1)


def event(code: str) -> Filter:
    return Filter(Leaf("event.code", Equals((code,)), "keyword"))


FAILED = CorrelationTerm("failed", event("4625"), ("user.name",))
LOGGED_ON = CorrelationTerm("logged_on", event("4624"), ("user.name",))
CREATED = CorrelationTerm("created", event("4720"), ("user.target.name",))
BY_USER = ("User",)


def rule_of(query: Correlation) -> Rule:
    return Rule(
        id="r", name="R", vendor="sigma", path="r.yml", language="sigma", type="correlation",
        kind="sigma/correlation", text="", query=query,
    )  # fmt: skip


def cases_of(query: Correlation) -> Solved:
    """The cases, of which the engine says the same as the definition."""
    rule = rule_of(query)
    solved = solve(rule)
    assert isinstance(solved, Solved), solved
    outcomes, _ = generated_outcomes(rule)
    assert [(o.name, o.reason) for o in outcomes if not o.passed] == []
    return solved


def abouts(solved: Solved) -> list[str]:
    return [case.about for case in solved.misses]


def seen(name: str) -> Expr:
    return Leaf(name, Exists())


def counting(kind: Any, *condition: tuple[str, float], **more: Any) -> Correlation:
    return Correlation(kind, (FAILED,), BY_USER, 5 * MINUTE, condition, **more)


def test_as_many_events_as_it_takes() -> None:
    solved = cases_of(counting("event_count", ("gte", 4)))
    assert [solved.fires.about, len(solved.fires.events)] == ["4 events", 4]
    assert abouts(solved)[:3] == [
        "3 events", "the last event comes after the timespan", "the last event has another User",
    ]  # fmt: skip


def test_few_events_ring_and_many_do_not() -> None:
    solved = cases_of(counting("event_count", ("lt", 3)))
    assert solved.fires.about == "1 event"
    assert abouts(solved)[0] == "3 events"


def test_a_range_is_missed_on_both_sides() -> None:
    solved = cases_of(counting("event_count", ("gt", 2), ("lte", 4)))
    assert solved.fires.about == "3 events"
    assert abouts(solved)[:2] == ["2 events", "5 events"]


def test_so_many_different_values() -> None:
    solved = cases_of(counting("value_count", ("gte", 3), fields=("source.ip",)))
    assert len({event["source"]["ip"] for event in solved.fires.events}) == 3
    assert abouts(solved)[0] == "one value of source.ip fewer"


@pytest.mark.parametrize("kind", ["value_sum", "value_avg", "value_median", "value_percentile"])
def test_a_number_that_is_large_enough(kind: Any) -> None:
    solved = cases_of(counting(kind, ("gt", 1_000), fields=("source.bytes",), percentile=95))
    assert solved.fires.about == "source.bytes is 1001"
    assert abouts(solved)[0] == "source.bytes is 1000"


def test_all_rules_in_one_group_by_fields_of_their_own() -> None:
    query = Correlation("temporal", (FAILED, LOGGED_ON, CREATED), BY_USER, 5 * MINUTE)
    solved = cases_of(query)
    first, second, third = solved.fires.events
    assert first["user"]["name"] == second["user"]["name"] == third["user"]["target"]["name"]
    assert abouts(solved)[:5] == [
        "without failed", "without logged_on", "without created",
        "the last event comes after the timespan", "the last event has another User",
    ]  # fmt: skip


def test_rules_in_order() -> None:
    query = Correlation("temporal_ordered", (FAILED, LOGGED_ON), BY_USER, 5 * MINUTE)
    solved = cases_of(query)
    assert [event["event"]["code"] for event in solved.fires.events] == ["4625", "4624"]
    assert "in the reverse order" in abouts(solved)


def test_rules_that_must_and_rules_that_must_not_match() -> None:
    expr = And((Or((seen("failed"), seen("created"))), Not(seen("logged_on"))))
    query = Correlation("temporal", (FAILED, LOGGED_ON, CREATED), BY_USER, 5 * MINUTE, seen=expr)
    solved = cases_of(query)
    assert [event["event"]["code"] for event in solved.fires.events] == ["4625"]
    assert "with logged_on" in abouts(solved)


def test_a_correlation_of_correlations() -> None:
    many = counting("event_count", ("gte", 3))
    query = Correlation(
        "temporal_ordered", (CorrelationTerm("many", many), LOGGED_ON), BY_USER, 10 * MINUTE
    )
    solved = cases_of(query)
    codes = [event["event"]["code"] for event in solved.fires.events]
    assert codes == ["4625", "4625", "4625", "4624"]
    assert {"without many", "without logged_on", "in the reverse order"} <= set(abouts(solved))


def test_several_firings_of_a_correlation_that_waits() -> None:
    few = counting("event_count", ("lte", 2))
    query = Correlation(
        "event_count", (CorrelationTerm("few", few),), BY_USER, 60 * MINUTE, (("gte", 3),)
    )
    assert len(cases_of(query).fires.events) == 3


def test_values_that_a_correlation_groups_by() -> None:
    few = counting("event_count", ("lt", 2))
    query = Correlation(
        "value_count", (CorrelationTerm("few", few),), (), 5 * MINUTE, (("gte", 3),), ("User",)
    )
    solved = cases_of(query)
    assert len({event["user"]["name"] for event in solved.fires.events}) == 3
    assert "one value of User fewer" in abouts(solved)


UNSOLVED = [
    (("gt", 3), ("lt", 3), "no number of events satisfies the condition"),
    (("gte", 20_000), ("gt", 1), "it takes 20,000 events to fire"),
]


@pytest.mark.parametrize("one, other, why", UNSOLVED)
def test_what_cannot_be_is_not_solved(
    one: tuple[str, float], other: tuple[str, float], why: str
) -> None:
    solved = solve(rule_of(counting("event_count", one, other)))
    assert isinstance(solved, Unsolved)
    assert solved.reason == why


def test_a_condition_over_unknown_rules_is_not_solved() -> None:
    query = Correlation("temporal", (FAILED,), BY_USER, seen=seen("unheard_of"))
    solved = solve(rule_of(query))
    assert isinstance(solved, Unsolved)
    assert solved.reason == "no choice of its rules satisfies the condition"
