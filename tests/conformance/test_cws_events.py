"""Datadog's default policy over events of its Agent: every rule, each event with an empty memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tocsin.events.record import Record
from tocsin.rules.environment import Environment
from tocsin.rules.formats import datadog_policy
from tocsin.rules.load import load_rules
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector

NOW = 1_772_359_200_000_000_000


@pytest.fixture(scope="module")
def rules(shared: Path) -> tuple[Rule, ...]:
    """The rules for any Agent; the silent ones are let ring, so that their matches show."""
    policy = shared / "corpora" / "datadog" / "default.policy"
    if not policy.is_file():
        pytest.skip(f"no {policy}")
    loaded = load_rules(
        [policy], environment=Environment(agent_version=None), known=[datadog_policy]
    )
    assert len(loaded.rules) == 282
    return tuple(msgspec.structs.replace(rule, silent=False) for rule in loaded.rules)


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    file = shared / "data" / "cws-events" / "expected.json"
    if not file.is_file():
        pytest.skip(f"no {file}")
    events: dict[str, Any] = json.loads(file.read_text())["events"]
    return events


def matches(rules: tuple[Rule, ...], raw: bytes) -> Iterator[str]:
    detector = Detector(rules, now=NOW)
    record = Record(msgspec.json.decode(raw), "line 1", raw)
    for match in (*detector.feed([record], "event.json"), *detector.finish()):
        yield match.rule.id


def test_every_event_is_found_by_just_these_rules(
    shared: Path, rules: tuple[Rule, ...], expected: dict[str, Any]
) -> None:
    found, wanted = {}, {}
    for name, event in expected.items():
        raw = (shared / "data" / "cws-events" / f"{name}.json").read_bytes()
        found[name] = sorted(matches(rules, raw))
        wanted[name] = sorted(event["rules_matched_empty_state"])
    assert len(found) == 20
    assert found == wanted
