"""From matches to those that ring: plain, limited, suppressed, and both."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.match import Evidence, Match
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, NewTerms, Threshold
from tocsin.rules.model import Rule, Suppression
from tocsin.runtime.outcome import ELASTIC_DEFAULT, Outcome

MINUTE = 60_000_000_000
ANY = Filter(Always(value=True))


def a_rule(**more: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "r", "name": "a rule", "vendor": "elastic", "path": "r.toml", "language": "kuery",
        "type": "query", "kind": "kuery/query", "text": "", "query": ANY,
    }  # fmt: skip
    return Rule(**(values | more))


def a_match(rule: Rule, minutes: float, name: str = "", **more: Any) -> Match:
    document = more.pop("document", {"user": "a"})
    event = Event(name or f"e{minutes}", int(minutes * MINUTE), document, "file", "line 1")
    return Match(rule, (event,), **more)


def names(matches: list[Match]) -> list[str]:
    return [match.events[0].id for match in matches]


def test_plain_rules_ring_at_once() -> None:
    rule = a_rule()
    outcome = Outcome([rule])
    matches = [a_match(rule, 0.001 * n) for n in range(500)]
    assert outcome.take(matches) == matches
    assert outcome.finish() == []
    assert outcome.changes() == {}


@pytest.mark.parametrize(
    ("more", "rang"),
    [
        ({}, ["e1", "e2", "e7"]),
        ({"type": "eql"}, ["e2", "e3", "e7"]),
        ({"type": "new_terms", "query": NewTerms(ANY, ("user",), None)}, ["e1", "e2", "e7"]),  # type: ignore[arg-type]
    ],
)
def test_the_oldest_of_a_run_ring_and_of_eql_the_latest(
    more: dict[str, Any], rang: list[str]
) -> None:
    rule = a_rule(max_signals=2, **more)
    outcome = Outcome([rule])
    assert outcome.take([a_match(rule, n) for n in (3, 7, 1, 2)]) == []
    assert names(outcome.finish()) == rang
    assert outcome.cut == {"a rule": 1}


def test_of_a_threshold_the_first_groups_ring() -> None:
    rule = a_rule(max_signals=2, type="threshold", query=Threshold(ANY, ("user",), 1))
    outcome = Outcome([rule])
    outcome.take([a_match(rule, n, key=key) for n, key in ((1, "c"), (2, "a"), (3, "b"))])
    assert names(outcome.finish()) == ["e2", "e3"]


def test_the_default_is_for_rules_of_elastic_that_do_not_say() -> None:
    silent, says, other = a_rule(), a_rule(id="s", max_signals=3), a_rule(id="d", vendor="datadog")
    outcome = Outcome([silent, says, other], max_signals=ELASTIC_DEFAULT)
    for rule in (silent, says, other):
        rang = outcome.take([a_match(rule, 0.001 * n) for n in range(1, 151)])
        assert len(rang) == (150 if rule is other else 0)
    assert len(outcome.finish()) == 100 + 3
    assert outcome.cut == {"a rule": 50 + 147}


def test_a_limit_counts_alerts_and_not_what_is_suppressed() -> None:
    rule = a_rule(max_signals=1, suppression=Suppression(("user",)))
    outcome = Outcome([rule])
    taken = outcome.take(
        [a_match(rule, n, document={"user": user}) for n, user in enumerate("abaab", 1)]
    )
    assert taken == []
    (alert,) = outcome.finish()
    assert alert.details["suppression"]["docs_count"] == 2
    assert outcome.suppressed == 3
    assert outcome.cut == {"a rule": 1}


def test_what_is_not_to_be_suppressed_rings_at_once() -> None:
    rule = a_rule(suppression=Suppression(("user",), None, "doNotSuppress"))
    outcome = Outcome([rule])
    assert names(outcome.take([a_match(rule, 1, document={}), a_match(rule, 2)])) == ["e1"]
    assert names(outcome.finish()) == ["e2"]


def test_what_is_held_is_handed_over_and_taken_back() -> None:
    rule = a_rule(max_signals=2, suppression=Suppression(("user",)))
    limited = a_rule(id="l", max_signals=1)
    first = Outcome([rule, limited])
    first.take([a_match(rule, 1), a_match(limited, 2), a_match(limited, 1)])
    changes = first.changes()
    assert sorted(changes) == ["max_signals/l", "suppression/r"]
    assert set(changes) <= set(Outcome.operators([rule, limited]))
    assert first.changes() == {}
    saved = {o: {k: v for k, v in keys.items() if v is not None} for o, keys in changes.items()}
    second = Outcome([rule, limited], saved)
    assert names(second.finish()) == ["e1", "e1"]
    assert second.cut == {"a rule": 1}
    assert second.changes()["max_signals/l"] == {str(5 * MINUTE): None}
    assert second.finish() == []


def test_the_same_match_twice_takes_one_place() -> None:
    rule = a_rule(max_signals=2)
    outcome = Outcome([rule])
    outcome.take([a_match(rule, n) for n in (1, 1, 2, 2, 1)])
    assert names(outcome.finish()) == ["e1", "e2"]
    assert not outcome.cut


def test_what_is_held_comes_out_as_it_came_in() -> None:
    rule = a_rule(max_signals=2)
    evidence = (Evidence("e1", "user", ":", "a*", "ann"), Evidence("e1", "n", "==", "1", 2**70))
    match = a_match(
        rule, 1, evidence=evidence, key='["a"]', new_terms=(("user", "ann"),), fired=2 * MINUTE,
        details={"a": {"b": [1, None]}}, document={"user": "ann", "n": [2**64, 0.1, "ü"]},
    )  # fmt: skip
    first = Outcome([rule])
    first.take([match])
    saved = {o: {k: v or b"" for k, v in keys.items()} for o, keys in first.changes().items()}
    for outcome in (first, Outcome([rule], saved)):
        assert outcome.finish() == [match]


@pytest.mark.parametrize("value", [b"", b"{}", b"[[],[[]],0]"])
def test_what_is_kept_and_damaged_is_named(value: bytes) -> None:
    with pytest.raises(StoreError, match="what a rule may alert cannot be read"):
        Outcome([a_rule(max_signals=1)], {"max_signals/r": {"0": value}})
