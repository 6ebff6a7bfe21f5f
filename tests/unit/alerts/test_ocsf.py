from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.alerts.made import (
    PATH,
    START,
    a_rule,
    a_sequence,
    a_suppressed,
    a_threshold,
    an_alert,
    an_event,
    some_evidence,
)

from tocsin.alerts.ocsf import ocsf_finding
from tocsin.rules.model import Technique, Threat

# The attributes that OCSF has for these objects, as far as a finding of ours may use them.
NAMES = {
    "finding": "activity_id activity_name actor category_name category_uid class_name class_uid confidence confidence_id count device end_time evidences finding_info is_alert message metadata observables remediation resources risk_score severity severity_id start_time status status_id time type_name type_uid unmapped",
    "metadata": "original_event_uid product profiles uid version",
    "product": "name vendor_name version",
    "finding_info": "analytic attacks created_time data_sources desc first_seen_time last_seen_time related_events_count title types uid",
    "analytic": "category desc name type type_id uid",
    "attacks": "sub_technique tactic technique",
    "tactic": "name src_url uid",
    "technique": "name src_url uid",
    "sub_technique": "name src_url uid",
    "evidences": "actor api container data device dst_endpoint file http_request http_response process src_endpoint uid url user",
    "process": "cmd_line file name parent_process pid uid user working_directory",
    "parent_process": "cmd_line file name pid uid user working_directory",
    "file": "hashes name path type type_id",
    "hashes": "algorithm algorithm_id value",
    "actor": "process user",
    "user": "domain email_addr name uid",
    "device": "hostname instance_uid ip mac os region type type_id uid",
    "os": "name type_id version",
    "src_endpoint": "hostname ip mac port",
    "dst_endpoint": "hostname ip mac port",
    "url": "hostname path port query_string scheme url_string",
    "http_request": "http_method referrer url user_agent version",
    "http_response": "code",
    "resources": "ip name type uid",
    "observables": "name type type_id value",
    "remediation": "desc references",
}
REQUIRED = {
    "finding": "activity_id category_uid class_uid finding_info metadata severity_id time type_uid",
    "metadata": "product version",
    "finding_info": "uid",
    "analytic": "type_id",
    "file": "name type_id",
    "device": "type_id",
    "os": "name type_id",
    "http_response": "code",
    "observables": "name type_id",
    "remediation": "desc",
}


def check(tree: dict[str, Any], kind: str = "finding") -> None:
    assert set(tree) <= set(NAMES[kind].split()), kind
    assert set(REQUIRED.get(kind, "").split()) <= set(tree), kind
    for name, value in tree.items():
        if name in {"unmapped", "data"}:
            continue
        for element in value if isinstance(value, list) else [value]:
            assert element not in (None, "", {}), name
            if isinstance(element, dict):
                check(element, name)


def test_class_and_times():
    finding = ocsf_finding(an_alert(events=(an_event(1), an_event(2))))
    assert finding["class_uid"] == 2004
    assert finding["category_uid"] == 2
    assert finding["type_uid"] == 2004 * 100 + finding["activity_id"]
    assert finding["is_alert"] is True
    assert finding["time"] == START // 1_000_000 + 100_000
    assert finding["start_time"] == START // 1_000_000 + 1_000
    assert finding["end_time"] == START // 1_000_000 + 2_000
    assert finding["metadata"]["version"] == "1.8.0"
    assert finding["metadata"]["product"]["name"] == "Tocsin"


@pytest.mark.parametrize(
    ("severity", "number"),
    [("informational", 1), ("low", 2), ("medium", 3), ("high", 4), ("critical", 5)],
)
def test_severities(severity, number):
    finding = ocsf_finding(an_alert(rule=a_rule(severity=severity)))
    assert (finding["severity_id"], finding["severity"]) == (number, severity.capitalize())


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"process.name": "curl", "host": {"os": {"type": "beos"}}, "source.port": 1},
        {"event": {"provider": "s3.amazonaws.com", "action": "GetObject"}, "cloud.provider": "aws"},
        {"file.path": "/tmp/x", "file.hash.sha256": "00", "user.id": 7, "process.pid": "12"},
        {"process": {"pid": "x"}, "user": {"domain": "d"}, "http.response.status_code": "200"},
    ],
)
def test_only_attributes_that_ocsf_has(document):
    events = (
        (an_event(1), an_event(2, document=document)) if document is not None else (an_event(),)
    )
    finding = ocsf_finding(an_alert(events=events))
    finding["evidences"] = [
        {n: v for n, v in e.items() if n != "api"} for e in finding["evidences"]
    ]
    check(finding)
    msgspec.json.encode(finding)


def test_the_api_call_of_an_audit_log():
    document = {
        "event": {"provider": "s3.amazonaws.com", "action": "GetObject"},
        "cloud.provider": "aws",
    }
    finding = ocsf_finding(an_alert(events=(an_event(document=document),)))
    assert finding["evidences"][0]["api"] == {
        "operation": "GetObject",
        "service": {"name": "s3.amazonaws.com"},
    }


def test_an_api_call_without_a_name_has_none():
    document = {"event": {"provider": "s3.amazonaws.com", "action": ""}, "cloud.provider": "aws"}
    finding = ocsf_finding(an_alert(events=(an_event(document=document),)))
    assert finding["evidences"][0]["api"] == {"service": {"name": "s3.amazonaws.com"}}


def test_attacks():
    finding = ocsf_finding(an_alert())
    [attack] = finding["finding_info"]["attacks"]
    assert attack["tactic"]["uid"] == "TA0006"
    assert attack["technique"]["uid"] == "T1552"
    assert attack["sub_technique"]["uid"] == "T1552.005"


def test_a_tactic_alone_and_a_technique_alone():
    one, two = Technique("TA0001", "Initial Access"), Technique("T1078", "Valid Accounts")
    rule = a_rule(threat=(Threat(one), Threat(None, ((two, ()),))))
    finding = ocsf_finding(an_alert(rule=rule))
    assert finding["finding_info"]["attacks"] == [
        {"tactic": {"uid": "TA0001", "name": "Initial Access"}},
        {"technique": {"uid": "T1078", "name": "Valid Accounts"}},
    ]


def test_evidence():
    [evidence] = ocsf_finding(an_alert())["evidences"]
    assert evidence["process"]["pid"] == 2200
    assert evidence["process"]["file"]["path"] == "/usr/bin/curl"
    assert evidence["process"]["parent_process"]["name"] == "bash"
    assert evidence["dst_endpoint"] == {"ip": "169.254.169.254", "port": 80}
    assert evidence["http_request"]["http_method"] == "GET"
    assert evidence["data"]["url.path"] == PATH


def test_observables_point_to_where_they_stand():
    finding = ocsf_finding(
        an_alert(
            events=(an_event(1), an_event(2)),
            evidence=(*some_evidence(), *some_evidence("event-2")[:2], *some_evidence()[:1]),
        )
    )
    found = {o["name"]: (o["type_id"], o["value"]) for o in finding["observables"]}
    assert found == {
        "evidences[0].data.event.category": (99, "network"),
        "evidences[0].dst_endpoint.ip": (2, "169.254.169.254"),
        "evidences[0].data.url.path": (99, PATH),
        "evidences[0].process.name": (9, "curl"),
        "evidences[0].dst_endpoint.port": (11, "80"),
        "evidences[1].data.event.category": (99, "network"),
        "evidences[1].dst_endpoint.ip": (2, "169.254.169.254"),
    }
    assert len(found) == len(finding["observables"])


def test_a_closed_alert_is_resolved():
    assert ocsf_finding(an_alert())["status"] == "New"
    assert ocsf_finding(an_alert(), closed=True)["status_id"] == 4


def test_the_guide_is_the_remediation():
    remediation = ocsf_finding(an_alert())["remediation"]
    assert remediation["desc"].startswith("## Triage")
    assert remediation["references"] == ["https://hackingthe.cloud/aws/"]
    assert "remediation" not in ocsf_finding(an_alert(rule=a_rule(guide="")))


@pytest.mark.parametrize(
    ("alert", "count", "related", "evidences", "ended"),
    [
        (an_alert(), None, 1, 1, 1),
        (a_sequence(), 2, 2, 2, 2),
        (a_threshold(), 12, 12, 2, 40),
        (a_suppressed(), 4, 1, 1, 50),
    ],
)
def test_how_many_events_there_were(alert, count, related, evidences, ended):
    finding = ocsf_finding(alert)
    check(finding)
    assert finding.get("count") == count
    assert finding["finding_info"]["related_events_count"] == related
    assert len(finding["evidences"]) == evidences
    assert finding["start_time"] == START // 1_000_000 + 1_000
    assert finding["end_time"] == START // 1_000_000 + ended * 1_000
    assert finding["finding_info"]["last_seen_time"] == finding["end_time"]
    assert finding["unmapped"]["tocsin"].get("details", {}) == alert.details
