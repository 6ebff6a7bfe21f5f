"""What the variables of an Agent rule were worth where it looked at an event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tocsin.events.event import Event
from tocsin.events.record import Record
from tocsin.rules.load import load_rules
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector
from tocsin.runtime.story import variables_of

POLICY = """
rules:
  - id: remembers
    expression: exec.comm == "tower"
    silent: true
    actions:
      - set: {name: bells, field: exec.args, append: true, scope: cgroup}
  - id: asks
    expression: exec.comm == "ringer" && ${cgroup.bells} == "great"
"""


def record(number: int, comm: str, *args: str) -> Record:
    document: dict[str, Any] = {
        "agent": {"rule_id": "x"},
        "evt": {"name": "exec"},
        "date": f"2026-03-01T10:00:{number:02}Z",
        "process": {"pid": number, "comm": comm, "args": list(args), "cgroup": {"id": "blue"}},
    }
    return Record(document, f"line {number}", json.dumps(document).encode())


RECORDS = [
    record(1, "tower", "small"),
    record(2, "ringer"),
    record(3, "tower", "great"),
    record(4, "ringer"),
    record(5, "cat"),
]


def rules(folder: Path) -> tuple[Rule, ...]:
    policy = folder / "tower.policy"
    policy.write_text(POLICY)
    return load_rules([policy]).rules


def at(folder: Path, line: int) -> dict[str, Any] | None:
    loaded = rules(folder)
    asks = next(rule for rule in loaded if rule.id == "asks")

    def is_focus(event: Event) -> bool:
        return event.position == f"line {line}"

    return variables_of(asks, loaded, [("events", RECORDS)], is_focus, now=0)


def test_variables_are_worth_what_other_rules_set_before(tmp_path: Path) -> None:
    early, late = at(tmp_path, 2), at(tmp_path, 4)
    assert early is not None and early["cgroup.bells"] == ["small"]  # noqa: PT018
    assert late is not None and late["cgroup.bells"] == ["great", "small"]  # noqa: PT018


def test_a_rule_that_does_not_come_to_look_has_none(tmp_path: Path) -> None:
    assert at(tmp_path, 5) is None


def test_what_is_remembered_can_be_taken_one_by_one_and_is_not_told_twice(tmp_path: Path) -> None:
    detector = Detector(rules(tmp_path), now=0)
    detector.feed(RECORDS, "events")
    assert [match.rule.id for match in detector.remembered()] == ["asks"]
    assert detector.finish() == []
