"""Rules that look for indicators, from the files to the alert."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RULE = """
[rule]
rule_id = "00000000-0000-4000-8000-000000000009"
name = "An address of a known threat"
description = "test"
risk_score = 73
severity = "high"
type = "threat_match"
language = "kuery"
query = 'source.ip:* or destination.ip:*'
threat_query = '@timestamp >= "now-30d/d" and event.module:(threatintel or ti_*) and threat.indicator.ip:*'
threat_indicator_path = "threat.indicator"
[[rule.threat_filters]]
[rule.threat_filters.query.match_phrase]
"event.kind" = "enrichment"
[[rule.threat_mapping]]
[[rule.threat_mapping.entries]]
field = "source.ip"
type = "mapping"
value = "threat.indicator.ip"
[[rule.threat_mapping]]
[[rule.threat_mapping.entries]]
field = "destination.ip"
type = "mapping"
value = "threat.indicator.ip"
"""
EVENTS = [
    {"@timestamp": "2026-11-01", "destination": {"ip": ["10.0.0.1", "203.0.113.9"]}},
    {"@timestamp": "2026-11-02", "destination": {"ip": "10.0.0.1"}},
    {"@timestamp": "2026-11-03", "source": {"ip": "2001:db8::1"}, "threat": {
        "enrichments": [{"matched": {"id": "before"}}], "framework": "F"}},
]  # fmt: skip
BUNDLE = {
    "type": "bundle",
    "id": "bundle--1",
    "objects": [
        {"type": "indicator", "id": "indicator--1", "pattern_type": "stix",
         "pattern": "[ipv6-addr:value = '2001:DB8:0::1']"},
        {"type": "indicator", "id": "indicator--2", "pattern_type": "stix", "revoked": True,
         "pattern": "[ipv4-addr:value = '10.0.0.1']"},
    ],
}  # fmt: skip
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "rule.toml").write_text(RULE)
    (tmp_path / "a.ndjson").write_text("".join(json.dumps(line) + "\n" for line in EVENTS))
    intel = tmp_path / "intel"
    intel.mkdir()
    (intel / "blocks.csv").write_text(
        "type,value,name,first_seen\nip,203.0.113.0/24,a block,\n"
        "ip,10.0.0.1,too old,2020-01-01\nip,300.0.0.1,none,\n"
    )
    (intel / "bundle.json").write_text(json.dumps(BUNDLE))
    return tmp_path


def scan(place: Path, *more: object, form: str = "ndjson") -> tuple[list[dict[str, Any]], str]:
    command = [
        sys.executable, "-m", "tocsin", "scan", place / "a.ndjson", "--rules",
        place / "rule.toml", "--format", form, *more,
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, env=CLEAN, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_an_alert_tells_which_indicators_its_event_met(place: Path) -> None:
    found, summary = scan(place, "--indicators", place / "intel")
    assert [alert["events"][0]["source"]["position"] for alert in found] == ["line 1", "line 3"]
    [enrichment] = found[0]["details"]["threat"]["enrichments"]
    assert enrichment["indicator"]["name"] == "a block"
    assert enrichment["matched"] == {
        "atomic": "203.0.113.0/24", "field": "destination.ip", "index": "blocks.csv",
        "id": enrichment["matched"]["id"], "type": "indicator_match_rule",
    }  # fmt: skip
    assert found[1]["details"]["threat"]["enrichments"][0]["matched"]["id"] == "indicator--1"
    assert "3 loaded; skipped: 1 × revoked" in summary
    assert "blocks.csv: line 4: '300.0.0.1' is no ip" in summary
    assert "cannot ring" not in summary


def test_what_an_alert_tells_of_an_indicator_has_no_secrets(place: Path) -> None:
    feed = {"threat.indicator": {"ip": "10.0.0.1", "reference": "https://me:hush@feed.example/"}}
    (place / "feed.json").write_text(json.dumps(feed))
    found, _ = scan(place, "--indicators", place / "feed.json")
    assert len(found) == 2
    shown = json.dumps([alert["details"] for alert in found])
    assert "feed.example" in shown
    assert "hush" not in shown


def test_elastics_document_has_them_after_those_of_the_event(place: Path) -> None:
    found, _ = scan(place, "--indicators", place / "intel" / "bundle.json", form="ecs")
    [document] = found
    ids = [one["matched"]["id"] for one in document["threat.enrichments"]]
    assert ids == ["before", "indicator--1"]
    assert document["threat"] == {"framework": "F"}
    assert document["kibana.alert.rule.rule_type_id"] == "siem.indicatorRule"


def test_a_rule_without_indicators_cannot_ring_and_says_so(place: Path) -> None:
    (place / "old.csv").write_text("type,value,first_seen\nip,10.0.0.1,2020-01-01\n")
    for more in ([], ["--indicators", place / "old.csv"]):
        found, summary = scan(place, *more)
        assert found == []
        assert "1 rule of the type threat_match cannot ring" in summary


def test_a_second_scan_adds_nothing(place: Path) -> None:
    more = ["--indicators", place / "intel", "--db", place / "t.db"]
    first, _ = scan(place, *more)
    second, summary = scan(place, *more)
    assert [alert["id"] for alert in first] == [alert["id"] for alert in second]
    assert "0 new in the store" in summary
