"""Suppression: what makes a group, what makes a window, and what an alert counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tocsin.engine.match import Match
from tocsin.engine.state.suppression import SuppressionState, groups_of, values_in_common
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, NewTerms, Sequence, Term, Threshold
from tocsin.rules.model import Rule, Suppression

MINUTE = 60_000_000_000
HOUR = dt.timedelta(hours=1)
ANY = Filter(Always(value=True))
PER_RUN = Suppression(("user",))
ONE_HOUR = Suppression(("user",), HOUR)


def a_rule(suppression: Suppression | None = PER_RUN, **more: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "r", "name": "n", "vendor": "elastic", "path": "r.toml", "language": "kuery",
        "type": "query", "kind": "kuery/query", "text": "", "query": ANY,
        "suppression": suppression,
    }  # fmt: skip
    return Rule(**(values | more))


def an_event(minutes: float, document: dict[str, Any], name: str = "") -> Event:
    return Event(name or f"e{minutes}", int(minutes * MINUTE), document, "file", "line 1")


def a_match(rule: Rule, minutes: float, name: str = "", **document: Any) -> Match:
    return Match(rule, (an_event(minutes, document, name),))


def alerts(state: SuppressionState) -> list[tuple[str, int, str, str]]:
    """(event, docs_count, start, end) of what rings."""
    found = []
    for match in state.due():
        told = match.details["suppression"]
        found.append(
            (match.events[0].id, told["docs_count"], told["start"][14:19], told["end"][14:19])
        )
    return found


def run(rule: Rule, *matches: Match) -> list[tuple[str, int, str, str]]:
    state = SuppressionState(rule)
    for match in matches:
        assert state.add(match)
    return alerts(state)


def kept(state: SuppressionState) -> dict[str, bytes]:
    return {key: value for key, value in state.changes().items() if value is not None}


def test_the_oldest_match_of_a_run_makes_the_alert_and_the_others_are_counted() -> None:
    rule = a_rule()
    found = run(
        rule,
        a_match(rule, 3, user="a"),
        a_match(rule, 1, user="a"),
        a_match(rule, 4, user="a"),
        a_match(rule, 2, user="b"),
        a_match(rule, 5, user="a"),  # the end of a run belongs to it
        a_match(rule, 6, user="a"),  # the next run
    )
    assert found == [
        ("e1", 3, "01:00", "05:00"),
        ("e2", 0, "02:00", "02:00"),
        ("e6", 0, "06:00", "06:00"),
    ]


def test_a_duration_is_counted_from_the_run_of_the_alert_and_does_not_slide() -> None:
    rule = a_rule(ONE_HOUR)
    # Runs at 5, 65 and 70: the second begins an hour after the first, the third later than that.
    found = run(
        rule,
        a_match(rule, 66, user="a"),
        a_match(rule, 64, user="a"),
        a_match(rule, 1, user="a"),
        a_match(rule, 40, user="a"),
        a_match(rule, 124, user="a"),
    )
    assert found == [("e1", 2, "01:00", "04:00"), ("e66", 1, "06:00", "04:00")]


def test_the_details_name_the_group() -> None:
    rule = a_rule(Suppression(("user", "host.id")))
    state = SuppressionState(rule)
    state.add(a_match(rule, 1, user="a", host={"id": 7}))
    (match,) = state.due()
    assert match.details["suppression"] == {
        "terms": [{"field": "user", "value": "a"}, {"field": "host.id", "value": "7"}],
        "start": "1970-01-01T00:01:00.000Z",
        "end": "1970-01-01T00:01:00.000Z",
        "docs_count": 0,
    }
    assert match.time == MINUTE


GROUPS = [
    ("query", {"user": "a"}, [(("user", "a"),)]),
    ("query", {"user": 1}, [(("user", "1"),)]),
    ("query", {}, [(("user", None),)]),
    ("query", {"user": ["b", "a", "b"]}, [(("user", "b"),), (("user", "a"),)]),
    ("eql", {"user": ["b", "a", "b"]}, [(("user", ("a", "b")),)]),
    ("eql", {"user": ["a"]}, [(("user", "a"),)]),
    ("new_terms", {"user": ["b", "a"]}, [(("user", ("a", "b")),)]),
]


@pytest.mark.parametrize(("kind", "document", "groups"), GROUPS)
def test_what_groups_a_match_is_in(kind: str, document: dict[str, Any], groups: list[Any]) -> None:
    assert groups_of(a_match(a_rule(type=kind), 1, **document)) == groups


def test_a_match_that_lacks_a_field_may_alert_by_itself() -> None:
    rule = a_rule(Suppression(("user", "host"), None, "doNotSuppress"))
    state = SuppressionState(rule)
    assert not state.add(a_match(rule, 1, user="a"))
    assert not state.add(a_match(rule, 1, user="a", host=None))
    assert state.add(a_match(rule, 1, user="a", host="h"))
    assert alerts(state) == [("e1", 0, "01:00", "01:00")]


def test_a_match_in_two_groups_makes_an_alert_of_each() -> None:
    rule = a_rule()
    state = SuppressionState(rule)
    state.add(a_match(rule, 1, user=["a", "b"]))
    first, second = state.due()
    assert first.events == second.events
    assert first.key != second.key


def test_a_sequence_has_the_values_that_its_events_share() -> None:
    rule = a_rule(query=Sequence((Term(ANY), Term(ANY))), type="eql")
    first, last = an_event(1, {"user": ["a", "b"]}), an_event(2, {"user": ["b", "c"]})
    assert groups_of(Match(rule, (first, last))) == [(("user", "b"),)]
    assert values_in_common([first, an_event(2, {"user": [True]})], "user") == []
    assert values_in_common([an_event(1, {"n": 1}), an_event(2, {"n": True})], "n") == []


def test_a_threshold_is_in_the_group_that_it_counted() -> None:
    rule = a_rule(Suppression((), HOUR), query=Threshold(ANY, ("user",), 2), type="threshold")
    state = SuppressionState(rule)
    for minutes, user in ((2, "a"), (9, "a"), (9, "b")):
        terms = {"threshold_result": {"terms": [{"field": "user", "value": user}], "count": 2}}
        event = an_event(minutes, {"user": [user, "x"]}, f"{user}{minutes}")
        state.add(Match(rule, (event,), key=f"{user}@{minutes}", details=terms))
    found = state.due()
    assert [(m.events[0].id, m.details["suppression"]["docs_count"]) for m in found] == [
        ("a2", 1),
        ("b9", 0),
    ]
    assert found[0].details["threshold_result"]["count"] == 2


def test_the_same_match_twice_is_counted_once() -> None:
    rule = a_rule()
    matches = [a_match(rule, 1, user="a"), a_match(rule, 2, user="a"), a_match(rule, 3, user="a")]
    assert run(rule, *matches, *reversed(matches), *matches) == [("e1", 2, "01:00", "03:00")]


def test_a_later_scan_adds_to_the_same_alert() -> None:
    rule = a_rule(ONE_HOUR)
    first = SuppressionState(rule)
    first.add(a_match(rule, 1, user="a"))
    first.add(a_match(rule, 2, user="a"))
    (before,) = first.due()
    second = SuppressionState(rule, kept(first))
    second.add(a_match(rule, 2, user="a"))  # counted already
    assert second.due() == []
    second.add(a_match(rule, 30, user="a"))
    second.add(a_match(rule, 70, user="a"))
    after, other = second.due()
    assert (after.events, after.key) == (before.events, before.key)
    assert after.details["suppression"]["docs_count"] == 2
    assert other.events[0].id == "e70"


def test_a_replay_tells_the_same_alert_again() -> None:
    rule = a_rule(ONE_HOUR)
    matches = [a_match(rule, n, user="a") for n in (1, 2, 30)]
    first = SuppressionState(rule)
    for match in matches:
        first.add(match)
    told = first.due()
    second = SuppressionState(rule, kept(first))
    for match in reversed(matches):
        second.add(match)
    assert second.due() == told


def test_what_was_long_ago_is_forgotten() -> None:
    rule = a_rule(ONE_HOUR)
    state = SuppressionState(rule)
    state.add(a_match(rule, 1, user="a"))
    state.add(a_match(rule, 2, user="b"))
    state.due()
    saved = kept(state)
    state = SuppressionState(rule, saved)
    state.add(a_match(rule, 10_000, user="a"))
    state.due()
    changes = state.changes()
    assert len(state) == 1
    assert sorted(value is None for value in changes.values()) == [False, True]


def test_terms_and_evidence_of_the_oldest_match_are_kept() -> None:
    rule = a_rule(query=NewTerms(ANY, ("user",), HOUR), type="new_terms")
    event = an_event(1, {"user": "a", "size": 2**70})
    match = Match(rule, (event,), (), '["a"]', (("user", "a"),), 3 * MINUTE, {"x": 1})
    state = SuppressionState(rule)
    state.add(match)
    (found,) = SuppressionState(rule, kept(state)).due()
    assert (found.events, found.new_terms, found.fired) == ((event,), (("user", "a"),), 3 * MINUTE)
    assert found.details["x"] == 1
    assert found.key.startswith('["a"]')


def test_how_many_were_suppressed_is_counted() -> None:
    rule = a_rule()
    state = SuppressionState(rule)
    for minutes in (1, 2, 3, 8):
        state.add(a_match(rule, minutes, user="a"))
    state.due()
    assert state.suppressed == 2


def test_matches_that_are_only_counted_take_little_room() -> None:
    rule = a_rule()
    state = SuppressionState(rule)
    for _ in range(2):
        for number in range(2_000):
            state.add(a_match(rule, 1 + number / 1_000, f"e{number:05}", user="a", text="x" * 500))
    assert sum(len(value or b"") for value in state.changes().values()) < 2_000 * 13
    (match,) = state.due()
    assert (match.events[0].id, match.details["suppression"]["docs_count"]) == ("e00000", 1_999)


@pytest.mark.parametrize("value", [b"", b"{}", b"[[],[[]]]"])
def test_what_is_kept_and_damaged_is_named(value: bytes) -> None:
    with pytest.raises(StoreError, match="what is suppressed by n cannot be read"):
        SuppressionState(a_rule(), {"[]": value})
