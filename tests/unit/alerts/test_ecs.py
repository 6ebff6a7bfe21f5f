from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.alerts.made import (
    DOCUMENT,
    FOUND,
    PATH,
    SECOND,
    a_match,
    a_rule,
    a_sequence,
    a_suppressed,
    a_threshold,
    an_alert,
    an_event,
)

from tocsin.alerts.build import alert_of
from tocsin.alerts.ecs import ecs_documents, reason
from tocsin.alerts.model import Alert
from tocsin.rules.model import SeverityMapping


def the_document(alert: Alert, *, closed: bool = False) -> dict[str, Any]:
    [document] = ecs_documents(alert, closed=closed)
    return document


def test_the_event_is_kept_and_becomes_a_signal():
    document = the_document(an_alert())
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
    document = the_document(an_alert(events=(an_event(document=event),)))
    assert document["event.kind"] == "signal"
    assert document["kibana.alert.original_event.kind"] == "event"
    assert document["kibana.alert.original_event.action"] == "exec"


def test_fields_of_the_alert():
    alert = an_alert(new_terms=(("host.id", "i-1"), ("process.name", "curl")))
    document = the_document(alert)
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
    assert the_document(an_alert(), closed=True)["kibana.alert.workflow_status"] == "closed"


def test_the_ancestor_names_its_data_stream():
    stream = {"data_stream": {"type": "logs", "dataset": "a.b", "namespace": "default"}}
    document = the_document(an_alert(events=(an_event(document=stream),)))
    assert document["kibana.alert.ancestors"][0]["index"] == "logs-a.b-default"


def test_elastic_has_no_informational_severity():
    document = the_document(an_alert(rule=a_rule(severity="informational", risk_score=0)))
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
    document = the_document(an_alert(events=(an_event(document=forged),)))
    assert document["kibana.alert.uuid"] == an_alert().id
    assert "kibana.alert.extra" not in document
    assert document["tocsin"] != "forged"


def test_it_can_be_written():
    msgspec.json.encode(the_document(an_alert(new_terms=(("host.id", "x"),))))


# --- several events ------------------------------------------------------------------------------


def test_a_sequence_is_a_building_block_for_each_event_and_a_shell():
    alert = a_sequence()
    *blocks, shell = ecs_documents(alert)
    group = shell["kibana.alert.uuid"]
    assert [block["kibana.alert.group.index"] for block in blocks] == [0, 1]
    assert {block["kibana.alert.group.id"] for block in blocks} == {group}
    assert {block["kibana.alert.building_block_type"] for block in blocks} == {"default"}
    assert {block["kibana.alert.depth"] for block in blocks} == {1}
    assert [block["process"]["name"] for block in blocks] == ["curl", "aws"]
    assert [block["kibana.alert.original_time"][17:19] for block in blocks] == ["01", "02"]
    assert [len(block["tocsin"]["evidence"]) for block in blocks] == [2, 1]
    assert shell["kibana.alert.group.id"] == group
    assert shell["kibana.alert.depth"] == 2
    assert "kibana.alert.group.index" not in shell
    assert "kibana.alert.building_block_type" not in shell
    assert {one["tocsin"]["alert"]["id"] for one in (*blocks, shell)} == {alert.id}


def test_the_shell_has_what_the_events_have_in_common():
    *_, shell = ecs_documents(a_sequence())
    assert shell["host"] == {"id": "i-0a1b2c3d", "name": "web-1", "ip": ["10.0.0.5"]}
    assert shell["process"] == {"pid": 2200}
    assert "event" not in shell
    assert "user" not in shell


def test_true_and_one_have_nothing_in_common():
    events = (
        an_event(1, document={"a": True, "b": [1, True], "c": 1}),
        an_event(2, document={"a": 1, "b": [True], "c": 1.0}),
    )
    *_, shell = ecs_documents(an_alert(events=events))
    assert "a" not in shell
    assert shell["b"] == [True]
    assert shell["c"] == 1


def test_the_shell_descends_from_the_blocks_and_their_events():
    *blocks, shell = ecs_documents(a_sequence())
    own = [block["kibana.alert.uuid"] for block in blocks]
    assert [block["kibana.alert.ancestors"][0]["id"] for block in blocks] == ["event-1", "event-2"]
    ancestors = shell["kibana.alert.ancestors"]
    assert [one["id"] for one in ancestors] == ["event-1", own[0], "event-2", own[1]]
    assert [one["depth"] for one in ancestors] == [0, 1, 0, 1]
    assert ancestors[1] == {
        "id": own[0], "type": "signal", "index": "", "depth": 1, "rule": "imds-read",
    }  # fmt: skip


def test_ids_are_the_same_in_every_run_and_differ_between_alerts():
    def ids(alert: Alert) -> list[str]:
        return [document["kibana.alert.uuid"] for document in ecs_documents(alert)]

    later = a_sequence()
    assert ids(a_sequence()) == ids(msgspec.structs.replace(later, detected_at=later.time))
    everyone = [*ids(a_sequence()), *ids(a_sequence(key="another")), *ids(an_alert())]
    everyone += ids(a_sequence(rule=a_rule(id="another")))
    assert len(set(everyone)) == 3 + 3 + 1 + 3


def test_what_events_say_of_the_severity_is_for_the_shell():
    rule = a_rule(
        severity="low",
        risk_score=21,
        severity_mapping=(SeverityMapping("host.name", "web-1", "critical"),),
        risk_score_mapping=("process.pid",),
        rule_name_override="host.name",
    )
    events = tuple(an_event(n, document={"host.name": "web-1", "process.pid": 99}) for n in (1, 2))
    *blocks, shell = ecs_documents(alert_of(a_match(rule=rule, events=events), FOUND))

    def told(document: dict[str, Any]) -> list[Any]:
        return [document[f"kibana.alert.{n}"] for n in ("severity", "risk_score", "rule.name")]

    assert told(shell) == ["critical", 99, "web-1"]
    assert [told(block) for block in blocks] == [["low", 21, rule.name]] * 2
    assert shell["kibana.alert.rule.parameters"]["severity"] == "low"
    assert shell["kibana.alert.rule.parameters"]["risk_score"] == 21


def test_a_closed_group_says_so_in_every_document():
    documents = ecs_documents(a_sequence(), closed=True)
    assert {one["kibana.alert.workflow_status"] for one in documents} == {"closed"}


@pytest.mark.parametrize("make", [an_alert, a_sequence])
def test_the_alerts_of_a_building_block_are_building_blocks(make):
    documents = ecs_documents(make(rule=a_rule(building_block=True)))
    assert {one["kibana.alert.building_block_type"] for one in documents} == {"default"}
    assert {one["kibana.alert.rule.building_block_type"] for one in documents} == {"default"}
    assert "kibana.alert.building_block_type" not in the_document(an_alert())


# --- thresholds and suppression ------------------------------------------------------------------


def test_a_threshold_has_the_terms_of_its_group():
    document = the_document(a_threshold())
    source = {name: v for name, v in document.items() if not name.startswith(("kibana.", "tocsin"))}
    assert source == {
        "@timestamp": "2026-03-01T10:01:40.000Z",
        "event.kind": "signal",
        "host.name": "web-1",
        "user.name": "ubuntu",
    }
    assert document["kibana.alert.original_time"] == "2026-03-01T10:00:40.000Z"
    assert document["kibana.alert.threshold_result"]["count"] == 12
    assert document["kibana.alert.rule.parameters"]["threshold"]["value"] == 10
    assert document["kibana.alert.reason"].startswith("event by ubuntu on web-1 created high")


def test_a_threshold_over_alerts_does_not_pass_for_one_of_them():
    term = {"field": "kibana.alert.rule.name", "value": "forged"}
    document = the_document(a_threshold(details={"threshold_result": {"terms": [term]}}))
    assert document["kibana.alert.rule.name"] == a_rule().name


def test_suppression_tells_what_was_counted():
    document = the_document(a_suppressed())
    found = {
        name: document[f"kibana.alert.suppression.{name}"]
        for name in ("start", "end", "docs_count")
    }
    assert found == {
        "start": "2026-03-01T10:00:01.000Z", "end": "2026-03-01T10:00:50.000Z", "docs_count": 3,
    }  # fmt: skip
    terms = document["kibana.alert.suppression.terms"]
    assert terms[0] == {"field": "user.name", "value": "ubuntu"}
    assert terms[2] == {"field": "container.id", "value": None}
    assert "kibana.alert.instance.id" not in the_document(an_alert())


def test_the_instance_of_a_suppression_is_its_group():
    def instance(alert: Alert) -> str:
        return str(the_document(alert)["kibana.alert.instance.id"])

    assert instance(a_suppressed()) == instance(a_suppressed(9, events=(an_event(5),)))
    assert instance(a_suppressed()) != instance(a_suppressed(rule=a_rule(id="another")))


def test_an_alert_was_last_detected_when_the_last_event_was_counted():
    def last(alert: Alert) -> str:
        return str(the_document(alert)["kibana.alert.last_detected"])

    assert last(a_suppressed()) == "2026-03-01T10:01:40.000Z"  # found long after
    early = alert_of(a_match(details=a_suppressed().details), FOUND - 90 * SECOND)
    assert last(early) == "2026-03-01T10:00:50.000Z"


def test_what_an_agent_rule_remembered_and_asks_for_is_told():
    told = {
        "variables": {"process.bell": "great"},
        "responses": [{"action": "kill", "signal": "SIGKILL"}],
    }
    alert = an_alert(details=told)
    own = the_document(alert)["tocsin"]
    assert {key: own[key] for key in told} == told
