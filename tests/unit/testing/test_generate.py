"""Events made for whole collections of rules, and the command that makes them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tocsin.engine.rows import RowPlan
from tocsin.rules.load import load_rules, shipped_pack
from tocsin.testing.generate import generate, text
from tocsin.testing.generate.__main__ import main


def test_every_rule_of_the_pack_is_solved_fires_and_holds() -> None:
    found = list(generate(load_rules([shipped_pack()]).rules))
    assert [(one.rule_id, one.reason) for one in found if one.reason or one.failed] == []
    assert all(one.near_misses for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["elastic", "datadog/default.policy"])
def test_public_rules_are_solved_fire_and_hold(shared: Path, corpus: str) -> None:
    place = shared / "corpora" / corpus
    if not place.exists():
        pytest.skip(f"no rules at {place}")
    rules = load_rules([place]).rules
    some = random.Random(1).sample(rules, min(200, len(rules)))
    found = list(generate(some))
    assert [(one.rule_id, one.name, one.reason) for one in found if one.failed] == []
    assert sum(one.solved for one in found) >= 0.98 * len(found)


def test_an_engine_that_misses_an_event_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = load_rules([shipped_pack()]).rules[:2]
    monkeypatch.setattr(RowPlan, "holds", lambda self, number, row: False)
    found = list(generate(rules))
    assert [one.fired for one in found] == [False, False]
    assert all(one.near_miss_held for one in found)
    assert "FAILED" in text(found)


def test_an_engine_that_fires_on_everything_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = load_rules([shipped_pack()]).rules[:2]
    monkeypatch.setattr(RowPlan, "holds", lambda self, number, row: True)
    assert not any(one.near_miss_held for one in generate(rules))


def test_the_command_prints_a_line_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(shipped_pack() / "elastic"), "--json", "--seed", "3"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    assert lines[0].keys() == {
        "rule_id", "name", "solved", "fired", "near_miss_held", "reason",
    }  # fmt: skip
    assert all(line["solved"] and line["fired"] and line["near_miss_held"] for line in lines)


def test_the_command_prints_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(shipped_pack())]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.split() == ["rules", "solved", "fired", "held", "near", "misses"]


def test_the_command_says_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere/at/all"]) == 3
    assert "no such file" in capsys.readouterr().err
