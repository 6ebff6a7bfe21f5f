"""The pack that ships: every rule loads, fires on its events and keeps silent on its near misses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.catalogue.lint import lint
from tocsin.events.record import Record
from tocsin.rules.load import load_rules, shipped_pack
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector
from tocsin.sources.files import InputFile, OpenFile

PACK = shipped_pack()
LOADED = load_rules([PACK])
RULES = {rule.id: rule for rule in LOADED.rules}


def events_of(rule: Rule, how: str) -> Path:
    """Where a rule's events stand: by its file, in a policy of many rules by its id besides."""
    folder = PACK / "events" / Path(rule.path).stem
    alone = folder / f"{how}.ndjson"
    return alone if alone.exists() else folder / f"{rule.id}.{how}.ndjson"


def cases(how: str) -> Iterator[object]:
    for rule in LOADED.rules:
        with OpenFile(InputFile(str(events_of(rule, how)))) as opened:
            for record in opened.records():
                assert isinstance(record, Record)
                name = f"{rule.id}, {record.document['labels']['case']}"
                yield pytest.param(rule, record, id=name)


def rings(rule: Rule, record: Record) -> bool:
    detector = Detector([rule], now=0)
    return bool([*detector.feed([record], "test"), *detector.finish()])


@pytest.mark.parametrize(("rule", "record"), list(cases("fires")))
def test_fires_on(rule: Rule, record: Record) -> None:
    assert rings(rule, record)


@pytest.mark.parametrize(("rule", "record"), list(cases("silent")))
def test_keeps_silent_on(rule: Rule, record: Record) -> None:
    assert not rings(rule, record)


def test_every_rule_loads_without_a_problem() -> None:
    assert LOADED.problems == ()
    assert len(RULES) == 15


@pytest.mark.parametrize("rule", LOADED.rules, ids=lambda rule: rule.id)
def test_every_rule_has_what_an_analyst_needs(rule: Rule) -> None:
    assert len(rule.description) > 20
    assert any(technique.id for threat in rule.threat for technique, _ in threat.techniques)
    for how in ("fires", "silent"):
        with OpenFile(InputFile(str(events_of(rule, how)))) as opened:
            assert sum(1 for _ in opened.records()) >= 6


@pytest.mark.parametrize(
    "rule", [r for r in LOADED.rules if r.type != "agent_rule"], ids=lambda rule: rule.id
)
def test_every_rule_that_can_carry_a_guide_has_one(rule: Rule) -> None:
    assert len(rule.guide) > 500


def test_the_lint_finds_nothing() -> None:
    assert [f for f in lint(LOADED.rules) if f.check not in {"guide", "author"}] == []
