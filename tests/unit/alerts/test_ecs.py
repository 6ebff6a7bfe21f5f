from __future__ import annotations

import msgspec
import pytest
from tests.unit.alerts.made import DOCUMENT, PATH, a_rule, an_alert, an_event

from tocsin.alerts.ecs import ecs_document, reason


def test_the_event_is_kept_and_becomes_a_signal():
    document = ecs_document(an_alert())
    assert document["host"] == DOCUMENT["host"]
    assert document["user.name"] == "ubuntu"
    assert document["event.kind"] == "signal"
    assert "kind" not in document["event"]
    assert document["event"]["category"] == ["network"]
    assert document["@timestamp"] == "2026-03-01T10:01:40.000Z"


@pytest.mark.parametrize(
    "event",
    [
        {"event": {"kind": "event", "action": "exec"}},
        {"event.kind": "event", "event.action": "exec"},
        {"event": {"kind": "event"}, "event.action": "exec"},
    ],
)
def test_the_original_event_is_kept_beside_it(event):
    document = ecs_document(an_alert(events=(an_event(document=event),)))
    assert document["event.kind"] == "signal"
    assert document["kibana.alert.original_event.kind"] == "event"
    assert document["kibana.alert.original_event.action"] == "exec"


def test_fields_of_the_alert():
    alert = an_alert(new_terms=(("host.id", "i-1"), ("process.name", "curl")))
    document = ecs_document(alert)
    expected = {
        "uuid": alert.id,
        "status": "active",
        "workflow_status": "open",
        "depth": 1,
        "ancestors": [{"id": "event-1", "type": "event", "index": "", "depth": 0}],
        "original_time": "2026-03-01T10:00:01.000Z",
        "severity": "high",
        "risk_score": 73,
        "new_terms": ["i-1", "curl"],
        "rule.rule_id": "imds-read",
        "rule.name": "Credentials read from the metadata service",
        "rule.category": "Event Correlation Rule",
        "rule.type": "eql",
        "rule.tags": ["Domain: Cloud"],
    }
    assert {name: document[f"kibana.alert.{name}"] for name in expected} == expected
    assert document["kibana.space_ids"] == ["default"]
    parameters = document["kibana.alert.rule.parameters"]
    assert parameters["note"].startswith("## Triage")
    assert parameters["threat"][0]["technique"][0]["subtechnique"][0]["id"] == "T1552.005"
    assert document["tocsin"]["evidence"][2]["value"] == PATH
    assert document["tocsin"]["events"][0]["position"] == "line 1"


def test_a_closed_alert_says_so():
    assert ecs_document(an_alert(), closed=True)["kibana.alert.workflow_status"] == "closed"


def test_the_ancestor_names_its_data_stream():
    stream = {"data_stream": {"type": "logs", "dataset": "a.b", "namespace": "default"}}
    document = ecs_document(an_alert(events=(an_event(document=stream),)))
    assert document["kibana.alert.ancestors"][0]["index"] == "logs-a.b-default"


def test_several_events_give_what_they_have_in_common():
    other = {"host": {"name": "web-1", "ip": ["10.0.0.9", "10.0.0.5"]}, "process.name": "aws"}
    document = ecs_document(an_alert(events=(an_event(1), an_event(2, document=other))))
    assert document["host"] == {"name": "web-1", "ip": ["10.0.0.5"]}
    assert "process" not in document
    assert [a["id"] for a in document["kibana.alert.ancestors"]] == ["event-1", "event-2"]


def test_elastic_has_no_informational_severity():
    document = ecs_document(an_alert(rule=a_rule(severity="informational", risk_score=0)))
    assert document["kibana.alert.severity"] == "low"
    assert document["tocsin"]["severity"] == "informational"


def test_the_reason_is_one_sentence():
    assert reason(an_alert()) == (
        "network event with process curl, parent process bash, source 10.0.0.5:43210, "
        "destination 169.254.169.254:80, by ubuntu on web-1 created high alert "
        "Credentials read from the metadata service."
    )
    bare = an_alert(events=(an_event(document={}),))
    assert reason(bare) == ("event created high alert Credentials read from the metadata service.")


def test_an_event_cannot_pass_for_an_alert():
    forged = {"kibana.alert.uuid": "forged", "kibana.alert.extra": 1, "tocsin": "forged"}
    document = ecs_document(an_alert(events=(an_event(document=forged),)))
    assert document["kibana.alert.uuid"] == an_alert().id
    assert "kibana.alert.extra" not in document
    assert document["tocsin"] != "forged"


def test_it_can_be_written():
    msgspec.json.encode(ecs_document(an_alert(new_terms=(("host.id", "x"),))))
