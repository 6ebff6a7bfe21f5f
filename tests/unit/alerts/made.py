"""Matches and alerts of a made-up theft, for tests that need some."""

from __future__ import annotations

from typing import Any

from tocsin.alerts.build import alert_of
from tocsin.alerts.model import Alert
from tocsin.engine.match import Evidence, Match
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Threshold
from tocsin.rules.model import Rule, Technique, Threat

SECOND = 1_000_000_000
START = 1_772_359_200 * SECOND  # 2026-03-01T10:00:00Z
FOUND = START + 100 * SECOND

PATH = "/latest/meta-data/iam/security-credentials/web-role"

GUIDE = """## Triage and analysis

### Investigating credentials read from the metadata service

Somebody asked the **metadata service** for the credentials of a role.

### Investigation steps

- Look at `process.executable` and its parents: is it an agent that belongs here, or a shell that
  somebody opened by hand?
- Ask the [owner](https://wiki.example/owners) of the host.
- Search the cloud's audit log for the role.
- Look for the next host.

### False positives

- cloud-init on a new instance.
"""

TACTIC = Technique("TA0006", "Credential Access", "https://attack.mitre.org/tactics/TA0006/")
TECHNIQUE = Technique(
    "T1552", "Unsecured Credentials", "https://attack.mitre.org/techniques/T1552/"
)
SUB = Technique(
    "T1552.005",
    "Cloud Instance Metadata API",
    "https://attack.mitre.org/techniques/T1552/005/",
)

DOCUMENT: dict[str, Any] = {
    "@timestamp": "2026-03-01T10:00:01Z",
    "event": {"kind": "event", "category": ["network"], "dataset": "network_traffic.http"},
    "host": {
        "id": "i-0a1b2c3d",
        "name": "web-1",
        "ip": ["10.0.0.5"],
        "os": {"type": "linux", "name": "Ubuntu"},
    },
    "process": {
        "pid": 2200,
        "name": "curl",
        "executable": "/usr/bin/curl",
        "args": ["curl", "-s", f"http://169.254.169.254{PATH}"],
        "parent": {"pid": 2101, "name": "bash", "executable": "/usr/bin/bash"},
    },
    "process.command_line": (
        f"curl -s -H 'X-aws-ec2-metadata-token: AQAEAJb0==' http://169.254.169.254{PATH}"
    ),
    "user": {"id": "1000"},
    "user.name": "ubuntu",
    "source": {"ip": "10.0.0.5", "port": 43210},
    "destination": {"ip": "169.254.169.254", "port": 80},
    "url": {"path": PATH, "full": f"http://169.254.169.254{PATH}"},
    "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
    "user_agent": {"original": "curl/8.5.0"},
    "cloud": {"provider": "aws", "region": "eu-west-1", "instance": {"id": "i-0a1b2c3d"}},
}


def a_rule(**changed: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "imds-read",
        "name": "Credentials read from the metadata service",
        "vendor": "elastic",
        "path": "rules/imds_read.toml",
        "language": "eql",
        "type": "eql",
        "kind": "eql/eql",
        "text": "any where true",
        "query": Filter(where=Always(value=True)),
        "severity": "high",
        "risk_score": 73,
        "description": "A process read the credentials of a role.",
        "author": ("The Tocsin authors",),
        "license": "Apache-2.0",
        "tags": ("Domain: Cloud",),
        "guide": GUIDE,
        "false_positives": ("cloud-init reads them when an instance starts.",),
        "references": ("https://hackingthe.cloud/aws/",),
        "threat": (Threat(TACTIC, ((TECHNIQUE, (SUB,)),)),),
    }
    return Rule(**(values | changed))


def an_event(number: int = 1, **changed: Any) -> Event:
    values: dict[str, Any] = {
        "id": f"event-{number}",
        "time": START + number * SECOND,
        "document": DOCUMENT,
        "source": "events.ndjson",
        "position": f"line {number}",
    }
    return Event(**(values | changed))


def some_evidence(event: str = "event-1") -> tuple[Evidence, ...]:
    return (
        Evidence(event, "event.category", "==", "network", "network"),
        Evidence(event, "destination.ip", "==", "169.254.169.254", "169.254.169.254"),
        Evidence(event, "url.path", ":", "/latest/meta-data/iam/security-credentials/*", PATH),
        Evidence(event, "process.name", ":", "curl", "curl"),
        Evidence(event, "destination.port", "==", "80", 80),
    )


def a_match(**changed: Any) -> Match:
    values: dict[str, Any] = {
        "rule": a_rule(),
        "events": (an_event(),),
        "evidence": some_evidence(),
    }
    return Match(**(values | changed))


def an_alert(**changed: Any) -> Alert:
    return alert_of(a_match(**changed), FOUND)


# --- alerts with details -------------------------------------------------------------------------


def a_threshold(count: int = 12, **changed: Any) -> Alert:
    asked = {"field": ["host.name", "user.name"], "value": 10}
    least = [{"field": "destination.ip", "value": 3}]
    result = {
        "terms": [
            {"field": "host.name", "value": "web-1"},
            {"field": "user.name", "value": "ubuntu"},
        ],
        "cardinality": [{"field": "destination.ip", "value": 4}],
        "count": count,
        "from": "2026-03-01T10:00:01.000Z",
    }
    query = Threshold(
        Filter(Always(value=True)), ("host.name", "user.name"), 10, (("destination.ip", 3),)
    )
    values: dict[str, Any] = {
        "rule": a_rule(type="threshold", kind="kuery/threshold", language="kuery", query=query),
        "events": (an_event(1), an_event(2)),
        "key": "group@1",
        "fired": START + 40 * SECOND,
        "details": {"threshold": asked | {"cardinality": least}, "threshold_result": result},
    }
    return an_alert(**(values | changed))


def a_suppressed(docs_count: int = 3, seconds: int = 50, **changed: Any) -> Alert:
    """An alert on which others were counted, the last so many seconds after the start."""
    suppression = {
        "terms": [
            {"field": "user.name", "value": "ubuntu"},
            {"field": "process.args", "value": ["-s", "curl"]},
            {"field": "container.id", "value": None},
        ],
        "start": "2026-03-01T10:00:01.000Z",
        "end": f"2026-03-01T10:00:{seconds}.000Z",
        "docs_count": docs_count,
    }
    values: dict[str, Any] = {"key": "group", "details": {"suppression": suppression}}
    return an_alert(**(values | changed))


def a_sequence(**changed: Any) -> Alert:
    other = {
        "event": {"kind": "event", "category": ["process"]},
        "host": {"id": "i-0a1b2c3d", "name": "web-1", "ip": ["10.0.0.9", "10.0.0.5"]},
        "process": {"pid": 2200, "name": "aws"},
    }
    values: dict[str, Any] = {
        "events": (an_event(1), an_event(2, document=other)),
        "evidence": (*some_evidence("event-1")[:2], *some_evidence("event-2")[3:4]),
        "key": '["i-0a1b2c3d",2200]',
        "details": {
            "joined_by": [
                {"field": "host.id", "value": "i-0a1b2c3d"},
                {"field": "process.pid", "value": 2200},
            ]
        },
    }
    return an_alert(**(values | changed))


def a_met_indicator(**changed: Any) -> Alert:
    def enrichment(value: str, **indicator: str) -> dict[str, Any]:
        matched = {"atomic": value, "field": "destination.ip", "id": "1", "index": "feed.csv"}
        return {"indicator": indicator, "matched": matched | {"type": "indicator_match_rule"}}

    found = [
        enrichment("169.254.169.254", type="ipv4-addr", provider="A feed", description="metadata"),
        enrichment("169.254.0.0/16", type="ipv4-addr", name="169.254.0.0/16"),
        enrichment("169.254.169.254"),
    ]
    details = {"threat": {"enrichments": found}, "enrichments_left_out": 7}
    values: dict[str, Any] = {
        "rule": a_rule(type="threat_match", kind="kuery/threat_match", language="kuery"),
        "details": details,
    }
    return an_alert(**(values | changed))
