"""`tocsin scan` between matches and alerts: exceptions, suppression, limits, overrides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RULE: dict[str, Any] = {
    "rule_id": "bell", "name": "Bell rung", "type": "query", "language": "kuery",
    "query": "process.name: bell", "severity": "low", "risk_score": 21,
}  # fmt: skip
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}


def event(minute: int, **more: Any) -> dict[str, Any]:
    return {
        "@timestamp": f"2026-11-01T{minute // 60:02d}:{minute % 60:02d}:30Z",
        "process": {"name": "bell"},
        **more,
    }


class Scanned:
    def __init__(self, place: Path, *arguments: object, form: str = "ndjson") -> None:
        command = [sys.executable, "-m", "tocsin", "scan", "--format", form, "--rules"]
        command += [str(place / "rules.ndjson"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, env=CLEAN, timeout=60, check=False)
        self.code = done.returncode
        self.said = " ".join(done.stderr.decode().split())
        self.alerts = [json.loads(line) for line in done.stdout.splitlines()]

    @property
    def lines(self) -> list[str]:
        return [alert["events"][0]["source"]["position"] for alert in self.alerts]


def write(place: Path, name: str, *objects: object) -> Path:
    (place / name).write_text("".join(json.dumps(one) + "\n" for one in objects))
    return place / name


def test_exceptions_never_alert_and_those_of_nobody_are_named(tmp_path: Path) -> None:
    reference = {"id": "x", "list_id": "quiet", "namespace_type": "single", "type": "detection"}
    write(tmp_path, "rules.ndjson", RULE | {"exceptions_list": [reference]})
    events = write(tmp_path, "e.ndjson", event(1, user="a"), event(2, user="b"))
    entry = {"field": "user", "operator": "included", "type": "match", "value": "a"}
    exceptions = write(
        tmp_path, "exceptions.ndjson",
        {"list_id": "quiet", "name": "the sexton", "entries": [entry]},
        {"list_id": "other", "name": "nobody", "entries": [entry]},
    )  # fmt: skip
    assert Scanned(tmp_path, events).lines == ["line 1", "line 2"]
    scanned = Scanned(tmp_path, events, "--exceptions", exceptions)
    assert scanned.lines == ["line 2"]
    assert "exceptions 1 exception to 1 rule" in scanned.said
    assert "1 exception of the list 'other' not used: no rule names that list" in scanned.said


def test_suppressed_matches_are_one_alert(tmp_path: Path) -> None:
    suppression = {"group_by": ["user"], "duration": {"value": 1, "unit": "h"}}
    write(tmp_path, "rules.ndjson", RULE | {"alert_suppression": suppression})
    first = write(tmp_path, "1.ndjson", event(30, user="a"), event(5, user="b"))
    second = write(tmp_path, "2.ndjson", event(1, user="a"), event(90, user="a"))
    scanned = Scanned(tmp_path, first, second)
    told = [alert["details"]["suppression"] for alert in scanned.alerts]
    assert [(one["terms"][0]["value"], one["docs_count"]) for one in told] == [
        ("a", 1),
        ("b", 0),
        ("a", 0),
    ]
    assert told[0]["start"] == "2026-11-01T00:01:30.000Z"
    assert "suppressed 1 match counted on other alerts" in scanned.said
    assert Scanned(tmp_path, second, first).alerts[0]["id"] == scanned.alerts[0]["id"]


def test_a_stored_scan_that_is_repeated_finds_the_same_alerts(tmp_path: Path) -> None:
    write(tmp_path, "rules.ndjson", RULE | {"alert_suppression": {"group_by": ["user"]}})
    events = write(tmp_path, "e.ndjson", *(event(n, user="a") for n in range(20)))
    once, twice = (Scanned(tmp_path, events, "--db", tmp_path / "db") for _ in range(2))
    assert len(once.alerts) == 4
    strip = [{k: v for k, v in one.items() if k != "detected_at"} for one in once.alerts]
    assert [{k: v for k, v in one.items() if k != "detected_at"} for one in twice.alerts] == strip
    assert "4 (4 low); 0 new in the store" in twice.said


def test_a_suppression_that_grows_in_a_later_scan_shows(tmp_path: Path) -> None:
    suppression = {"group_by": ["user"], "duration": {"value": 1, "unit": "h"}}
    write(tmp_path, "rules.ndjson", RULE | {"alert_suppression": suppression})
    db = tmp_path / "db"
    first = write(tmp_path, "1.ndjson", event(1, user="a"))
    second = write(tmp_path, "2.ndjson", event(20, user="a"), event(30, user="a"))
    [alert] = Scanned(tmp_path, first, "--db", db).alerts

    def shown() -> str:
        command = [sys.executable, "-m", "tocsin", "alerts", "show", alert["id"], "--db", str(db)]
        done = subprocess.run(command, capture_output=True, env=CLEAN, timeout=60, check=True)
        return " ".join(done.stdout.decode().split())

    assert "like it" not in shown()
    scanned = Scanned(tmp_path, second, "--db", db)
    assert [one["id"] for one in scanned.alerts] == [alert["id"]]
    assert "0 new in the store" in scanned.said
    assert "and 2 more like it until 2026-11-01 00:30:30 user = a" in shown()


def test_a_sequence_names_its_key_and_is_a_group_for_elastic(tmp_path: Path) -> None:
    query = "sequence by user [any where true] [any where true]"
    write(tmp_path, "rules.ndjson", RULE | {"type": "eql", "language": "eql", "query": query})
    events = write(tmp_path, "e.ndjson", event(1, user="a"), event(2, user="a"))
    [alert] = Scanned(tmp_path, events).alerts
    assert alert["details"] == {"joined_by": [{"field": "user", "value": "a"}]}
    documents = Scanned(tmp_path, events, form="ecs").alerts
    assert [one["kibana.alert.depth"] for one in documents] == [1, 1, 2]
    assert documents[2]["user"] == "a"
    again = Scanned(tmp_path, events, form="ecs").alerts
    ids = [[one["kibana.alert.uuid"] for one in found] for found in (documents, again)]
    assert ids[0] == ids[1]


def test_a_threshold_says_what_it_asked_for(tmp_path: Path) -> None:
    threshold = {"field": ["user"], "value": 2, "cardinality": [{"field": "host", "value": 2}]}
    write(tmp_path, "rules.ndjson", RULE | {"type": "threshold", "threshold": threshold})
    events = write(
        tmp_path, "e.ndjson", *(event(1, user="a", host=f"h{number}") for number in range(3))
    )
    [alert] = Scanned(tmp_path, events).alerts
    assert alert["details"]["threshold"] == threshold
    assert alert["details"]["threshold_result"]["count"] == 3
    [document] = Scanned(tmp_path, events, form="ecs").alerts
    assert document["user"] == "a"
    assert "host" not in document


def test_what_is_beyond_max_signals_is_counted(tmp_path: Path) -> None:
    write(tmp_path, "rules.ndjson", RULE)
    events = write(tmp_path, "e.ndjson", *(event(n) for n in (3, 2, 1, 7)))
    assert len(Scanned(tmp_path, events).alerts) == 4
    scanned = Scanned(tmp_path, events, "--max-signals", "2")
    assert scanned.lines == ["line 3", "line 2", "line 4"]
    assert "1 match beyond what a run of their rule may alert (max_signals)" in scanned.said
    assert len(Scanned(tmp_path, events, "--max-signals", "default").alerts) == 4


def test_an_event_says_how_severe_its_alert_is(tmp_path: Path) -> None:
    mapping = [{"field": "level", "operator": "equals", "value": "bad", "severity": "critical"}]
    write(tmp_path, "rules.ndjson", RULE | {"severity_mapping": mapping})
    events = write(tmp_path, "e.ndjson", event(1, level="bad"), event(2))
    scanned = Scanned(tmp_path, events, "--fail-on", "critical")
    assert [alert["severity"] for alert in scanned.alerts] == ["critical", "low"]
    assert scanned.code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-signals", "0"], "--max-signals '0': write a number above 0, or default"),
        (["--exceptions", "/no/such/file"], "--exceptions /no/such/file: no such file"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, arguments: list[str], message: str) -> None:
    write(tmp_path, "rules.ndjson", RULE)
    events = write(tmp_path, "e.ndjson", event(1))
    scanned = Scanned(tmp_path, events, *arguments)
    assert scanned.code == 3
    assert message in scanned.said
