"""Cases for whole rules of every type, held to the engine that runs them."""

from __future__ import annotations

import datetime as dt

import pytest

from tocsin.engine.solve import Case, Solved, Unsolved, solve
from tocsin.engine.solve.judge import fires
from tocsin.languages.eql import compile_query
from tocsin.logic.expr import Always, And, Expr, Leaf
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.query import (
    Filter,
    IndicatorMatch,
    MappingEntry,
    NewTerms,
    Query,
    Threshold,
)
from tocsin.rules.model import Rule
from tocsin.runtime.rule_tests import generated_outcomes
from tocsin.source_text import SourceText


def rule_of(query: Query, **more: object) -> Rule:
    base = {
        "id": "r", "name": "R", "vendor": "elastic", "path": "r.toml", "language": "eql",
        "type": "eql", "kind": "eql/event", "text": "", "query": query,
    }  # fmt: skip
    return Rule(**{**base, **more})  # type: ignore[arg-type]


def eql(text: str, **more: object) -> Rule:
    return rule_of(compile_query(SourceText(text)), **more)


def cases_of(rule: Rule) -> Solved:
    """The cases, of which the engine says the same as the definition."""
    solved = solve(rule)
    assert isinstance(solved, Solved), solved
    outcomes, _ = generated_outcomes(rule)
    assert [(o.name, o.reason) for o in outcomes if not o.passed] == []
    return solved


def abouts(solved: Solved) -> list[str]:
    return [case.about for case in solved.misses]


CURL: Expr = Leaf("process.name", Equals(("curl",)), "keyword")


def test_an_event_has_a_time_and_its_category() -> None:
    event = cases_of(eql('process where process.name == "curl"')).fires.events[0]
    assert event["event"] == {"category": "process"}
    assert event["@timestamp"] == "2026-01-05T11:59:59.000Z"


def test_near_misses_break_one_condition_each() -> None:
    rule = eql(
        'process where process.name == "curl" and user.id == "0" and not'
        ' (process.args : "x" and host.id == "h")'
    )
    assert abouts(cases_of(rule)) == [
        'event.category is "PROCESS", in another case',
        "as in the exception of host.id, process.args",
        "process.name left out",
        'user.id is "0~"',
        'event.category is "process~"',
        'process.name is "CURL", in another case',
        "user.id left out",
    ]


def test_an_event_is_where_the_rule_sees_it() -> None:
    where = Leaf("event.dataset", Equals(("other",)), "keyword")
    rule = rule_of(Filter(where), index=("logs-mine-*", "-logs-secret-*"))
    assert cases_of(rule).fires.events[0]["_index"] == "logs-mine-x"


def test_what_everything_satisfies_has_no_near_miss() -> None:
    assert cases_of(rule_of(Filter(Always(value=True)))).misses == ()


def test_what_nothing_satisfies_is_not_solved() -> None:
    rule = rule_of(Filter(Always(value=False)))
    assert solve(rule) == Unsolved(rule, "no event was found that satisfies the condition")


def test_new_terms_are_not_new_a_second_time() -> None:
    query = NewTerms(Filter(CURL), ("host.id", "source.ip"), dt.timedelta(days=7))
    solved = cases_of(rule_of(query))
    assert solved.fires.events[0]["source"] == {"ip": "203.0.113.9"}
    assert abouts(solved)[:3] == [
        "the same terms came before", "host.id left out", "source.ip left out",
    ]  # fmt: skip


def test_a_sequence_comes_in_order_with_its_keys_and_within_its_span() -> None:
    solved = cases_of(
        eql(
            "sequence by host.id with maxspan=5s"
            ' [process where process.name == "a"] by process.pid'
            " [network where process.pid > 4] by process.parent.pid"
            ' [file where user.name == "b"] by process.pid'
        )
    )
    first, second, third = solved.fires.events
    assert first["process"]["pid"] == second["process"]["parent"]["pid"] == third["process"]["pid"]
    assert first["@timestamp"] < second["@timestamp"] < third["@timestamp"]
    assert abouts(solved)[:4] == [
        "in the reverse order",
        "the last event comes after the span",
        "the last event has another host.id",
        "the last event has another process.pid",
    ]


def test_what_a_key_has_to_be_in_one_term_it_is_in_all() -> None:
    rule = eql('sequence by user.name [any where user.name == "eve"] [any where user.id == "1"]')
    assert [e["user"]["name"] for e in cases_of(rule).fires.events] == ["eve", "eve"]


def test_until_and_missing_events_silence_a_sequence() -> None:
    stopped = eql(
        "sequence by host.id [process where true] [file where true] until [network where true]"
    )
    assert "until comes before the last event" in abouts(cases_of(stopped))
    for text in (
        "sequence by host.id with maxspan=1m [process where true] ![network where true] [file where true]",
        "sequence by host.id with maxspan=1m ![network where true] [process where true] [file where true]",
        "sequence by host.id with maxspan=1m [process where true] [file where true] ![network where true]",
    ):
        assert "an event comes that must be missing" in abouts(cases_of(eql(text)))


def test_runs_are_as_many_events() -> None:
    rule = eql("sequence by host.id with maxspan=1m [process where true] with runs=25")
    assert len(cases_of(rule).fires.events) == 25


def test_a_sample_needs_all_of_its_terms() -> None:
    rule = eql("sample by host.id [process where true] [file where true]")
    assert "without the last event" in abouts(cases_of(rule))


def test_a_threshold_is_crossed_and_just_not() -> None:
    query = Threshold(Filter(CURL), ("user.name",), 4, (("destination.port", 3),))
    solved = cases_of(rule_of(query))
    assert [len(solved.fires.events), solved.fires.about] == [4, "4 events"]
    assert len({event["destination"]["port"] for event in solved.fires.events}) == 3
    assert abouts(solved)[:3] == [
        "3 events", "one value of destination.port fewer", "one of the events has another user.name",
    ]  # fmt: skip


def test_a_threshold_that_its_condition_rules_out_is_not_solved() -> None:
    few = Leaf("process.name", Equals(("a", "b")), "keyword", every=True)
    query = Threshold(Filter(few), ("host.id",), 1, (("process.name", 3),))
    solved = solve(rule_of(query))
    assert isinstance(solved, Unsolved)
    assert solved.reason == "fewer than 3 values of process.name satisfy the condition"


def test_an_indicator_and_an_event_agree() -> None:
    mapping = (
        (MappingEntry("destination.ip", "threat.indicator.ip"),),
        (MappingEntry("url.full", "threat.indicator.url.full"),),
    )
    indicators = Filter(Leaf("event.kind", Equals(("enrichment",)), "keyword"))
    solved = cases_of(rule_of(IndicatorMatch(Filter(CURL), mapping, indicators)))
    (indicator,), (event,) = solved.fires.indicators, solved.fires.events
    assert indicator["threat"]["indicator"]["ip"] == event["destination"]["ip"]
    assert "no indicators" in abouts(solved)


@pytest.mark.parametrize(
    "text",
    [
        "sequence by host.id [process where true] [file where true]",
        "sample by host.id [process where true] [file where true]",
    ],
)
def test_the_definition_asks_for_a_common_key(text: str) -> None:
    rule = eql(text)
    solved = cases_of(rule)
    assert fires(rule, solved.fires)
    one, other = solved.fires.events
    assert not fires(rule, Case("", (one, {**other, "host": {"id": "elsewhere"}})))
    assert not fires(rule, Case("", (one,)))


def test_another_seed_solves_as_well() -> None:
    rule = rule_of(Filter(And((CURL, Leaf("user.id", Exists(), "keyword")))))
    assert isinstance(solve(rule, seed=7), Solved)
