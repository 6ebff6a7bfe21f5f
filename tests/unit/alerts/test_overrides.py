from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.alerts.made import FOUND, a_match, a_rule, an_event

from tocsin.alerts.build import alert_of
from tocsin.alerts.overrides import overridden, subject
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Sequence, Term, Threshold
from tocsin.rules.model import SeverityMapping

LEVELS = (
    SeverityMapping("event.severity", "99", "critical"),
    SeverityMapping("event.severity", "21.7", "low"),
    SeverityMapping("vendor.level", "HIGH", "high"),
    SeverityMapping("vendor.level", "7", "medium"),
)

SEVERITIES = [
    ({}, "informational"),
    ({"event": {"severity": 99}}, "critical"),
    ({"event": {"severity": 21}}, "low"),  # the wanted number is floored
    ({"event": {"severity": 21.7}}, "informational"),  # the event's is not
    ({"event": {"severity": "99"}}, "informational"),  # nor is a text a number there
    ({"event.severity": 99.0}, "critical"),
    ({"vendor": {"level": "HIGH"}}, "high"),
    ({"vendor": {"level": "high"}}, "informational"),
    ({"vendor": {"level": 7}}, "medium"),
    ({"vendor": {"level": 7.0}}, "medium"),
    ({"vendor": {"level": 7.5}}, "informational"),
    ({"vendor": {"level": True}}, "informational"),
    ({"vendor": {"level": ["x", "HIGH"]}}, "high"),
    ({"vendor": {"level": ["7", "HIGH"]}, "event": {"severity": 21}}, "high"),
]


@pytest.mark.parametrize(("document", "severity"), SEVERITIES)
def test_the_highest_severity_that_fits_counts(document: dict[str, Any], severity: str) -> None:
    rule = a_rule(severity="informational", severity_mapping=LEVELS)
    assert overridden(rule, document)[1] == severity


def test_a_mapping_may_make_an_alert_less_severe() -> None:
    rule = a_rule(severity="critical", severity_mapping=LEVELS)
    assert overridden(rule, {"event": {"severity": 21}})[1] == "low"


SCORES = [
    ({}, 73),
    ({"score": 12}, 12),
    ({"score": "12.4"}, 12),
    ({"score": [5, "90", 101, -1, "many", True, None]}, 90),
    ({"score": 0}, 0),
    ({"score": 100}, 100),
    ({"score": 100.5}, 73),
    ({"other": 99}, 73),
]


@pytest.mark.parametrize(("document", "score"), SCORES)
def test_the_highest_valid_score_of_the_first_field_counts(
    document: dict[str, Any], score: int
) -> None:
    rule = a_rule(risk_score=73, risk_score_mapping=("score", "other"))
    assert overridden(rule, document)[2] == score


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"message": "Bell stolen"}, "Bell stolen"),
        ({}, "n"),
        ({"message": ""}, "n"),
        ({"message": 3}, "n"),
        ({"message": ["one", "two"]}, "n"),
    ],
)
def test_the_name_is_a_text_of_the_event(document: dict[str, Any], name: str) -> None:
    assert overridden(a_rule(name="n", rule_name_override="message"), document)[0] == name


def test_a_rule_without_overrides_is_taken_at_its_word() -> None:
    document = {"message": "x", "event": {"severity": 99}}
    assert overridden(a_rule(name="n"), document) == ("n", "high", 73)


EVERYTHING = {
    "severity_mapping": (SeverityMapping("vendor.level", "HIGH", "critical"),),
    "risk_score_mapping": ("score",),
    "rule_name_override": "message",
}


def test_an_alert_says_what_its_event_does() -> None:
    event = an_event(document={"vendor.level": "HIGH", "score": 91, "message": "Bell stolen"})
    alert = alert_of(a_match(rule=a_rule(**EVERYTHING), events=(event,)), FOUND)
    assert (alert.rule.name, alert.severity, alert.risk_score) == ("Bell stolen", "critical", 91)


def test_the_events_of_a_sequence_speak_with_one_voice_or_not_at_all() -> None:
    any_event = Filter(Always(value=True))
    rule = a_rule(query=Sequence((Term(any_event), Term(any_event))), **EVERYTHING)
    events = (
        an_event(1, document={"vendor.level": ["HIGH", "LOW"], "score": 91, "message": "a"}),
        an_event(2, document={"vendor.level": "HIGH", "score": 12, "message": "b"}),
    )
    alert = alert_of(a_match(rule=rule, events=events), FOUND)
    assert (alert.rule.name, alert.severity, alert.risk_score) == (rule.name, "critical", 73)


def test_a_threshold_has_the_terms_of_its_group_and_no_event_of_its_own() -> None:
    query = Threshold(Filter(Always(value=True)), ("message",), 2)
    terms = [{"field": "message", "value": "Bell stolen"}]
    rule = a_rule(query=query, **EVERYTHING)
    events = tuple(
        an_event(n, document={"message": ["Bell stolen", "x"], "score": 91}) for n in (1, 2)
    )
    match = a_match(rule=rule, events=events, details={"threshold_result": {"terms": terms}})
    assert subject(match) == {"message": "Bell stolen"}
    alert = alert_of(match, FOUND)
    assert (alert.rule.name, alert.risk_score) == ("Bell stolen", 73)


def test_overrides_do_not_change_who_an_alert_is() -> None:
    match = a_match(rule=a_rule(**EVERYTHING), events=(an_event(document={"message": "x"}),))
    plain = msgspec.structs.replace(match, rule=a_rule())
    assert alert_of(match, FOUND).id == alert_of(plain, FOUND).id
