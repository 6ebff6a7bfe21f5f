"""Rules that are hostile to the scan: none is lost, each is named with the limit that it is beyond."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.cli import _scan_report as report
from tocsin.cli.main import app
from tocsin.engine import byte_scan
from tocsin.rules.load import load_rules
from tocsin.runtime.detector import Detector
from tocsin.runtime.slow_patterns import slow_patterns, slow_patterns_of
from tocsin.sources.files import OpenFile, find

RULE = """
[rule]
rule_id = "00000000-0000-4000-8000-{number:012d}"
name = "{name}"
description = "test"
risk_score = 21
severity = "low"
type = "eql"
language = "eql"
index = ["logs-*"]
query = '''
process where {where}
'''
"""

needs_hyperscan = pytest.mark.skipif(
    not byte_scan.has_hyperscan(), reason="Hyperscan does not run here"
)


def rules(place: Path, *wheres: str) -> Path:
    folder = place / "rules"
    folder.mkdir()
    for number, where in enumerate(wheres, 1):
        text = RULE.format(number=number, name=f"Hostile {number}", where=where)
        (folder / f"{number}.toml").write_text(text)
    return folder


def listed(globs: list[str]) -> str:
    return ", ".join(f'"{glob}"' for glob in globs)


def letters(count: int) -> list[str]:
    choose = random.Random(1)
    words = ("".join(choose.choices("qxzjkvwy", k=6)) for _ in range(count))
    return [f"*{'*'.join(word)}*" for word in words]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    lines = [
        {
            "@timestamp": "2026-11-14T00:00:00Z",
            "event": {"kind": "event", "category": ["process"], "type": ["start"]},
            "data_stream": {"dataset": "endpoint.events.process", "type": "logs"},
            "process": {"name": "sh", "pid": number, "command_line": text},
        }
        for number, text in enumerate(["qxzjkvwy" * 6, "ls -l", "y" * 700 + "end"] + ["id"] * 60)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_thousands_of_letters_ring_and_are_named_once(tmp_path: Path, events: Path) -> None:
    folder = rules(tmp_path, f"process.command_line : ({listed(letters(3_000))})")
    shown = CliRunner().invoke(app, ["scan", str(events), "-r", str(folder), "-f", "ndjson"])
    assert len(shown.stdout.splitlines()) == 1
    if byte_scan.has_hyperscan():
        reason = "more than 100 of one field whose longest text is the same, and short"
    else:
        reason = "more than 200 with a gap inside, of one field"
    assert shown.stderr.count("Hostile 1: process.command_line *") == 1
    assert reason in shown.stderr
    assert "slower, and nothing is lost" in shown.stderr


def test_a_scan_names_a_few_rules_and_counts_the_others(tmp_path: Path, events: Path) -> None:
    folder = rules(tmp_path, *(f'process.command_line : "{glob}"' for glob in letters(1_000)))
    shown = CliRunner().invoke(app, ["scan", str(events), "-r", str(folder), "-f", "ndjson"])
    named = [line for line in shown.stderr.splitlines() if "slow rule" in line]
    assert len(named) == report.MOST_SLOW
    assert "more: `tocsin rules profile` shows each" in shown.stderr


def test_a_regular_expression_that_counts_far_is_named_and_rings(
    tmp_path: Path, events: Path
) -> None:
    folder = rules(tmp_path, 'process.command_line regex~ """.*y{600}.{1,999}[a-z]{1,900}end"""')
    shown = CliRunner().invoke(app, ["scan", str(events), "-r", str(folder), "-f", "ndjson"])
    assert len(shown.stdout.splitlines()) == 1
    assert "slow rule  Hostile 1: process.command_line" in shown.stderr


def test_lint_warns_of_slow_patterns_at_their_place(tmp_path: Path) -> None:
    folder = rules(tmp_path, f"process.command_line : ({listed(letters(3_000))})")
    shown = CliRunner().invoke(app, ["rules", "lint", str(folder), "--format", "json"])
    found = [one for one in json.loads(shown.stdout)["findings"] if one["check"] == "slow-pattern"]
    assert [(one["level"], one["line"]) for one in found] == [("warning", 12)]
    assert "asked apart from the others, which is slower" in found[0]["message"]


def test_profile_lists_them_for_people_and_machines(tmp_path: Path, events: Path) -> None:
    folder = rules(tmp_path, f"process.command_line : ({listed(letters(3_000))})")
    arguments = ["rules", "profile", str(folder), "--events", str(events)]
    shown = CliRunner().invoke(app, arguments)
    assert "1 rule with patterns that are asked apart from the others" in shown.stdout
    data = json.loads(CliRunner().invoke(app, [*arguments, "--format", "json"]).stdout)
    (slow,) = data["slow"]
    assert (slow["rule"]["name"], slow["field"]) == ("Hostile 1", "process.command_line")
    assert slow["pattern"].startswith("*")
    assert slow["more"] > 1_000


@needs_hyperscan
def test_what_cannot_be_looked_for_in_lines_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byte_scan, "MOST_ATOMS", 60)
    folder = rules(tmp_path, f"process.name in ({listed([f'name-{n:04}' for n in range(200)])})")
    events = tmp_path / "events.ndjson"
    event = {"event": {"category": "process"}, "process": {"name": "name-0199"}}
    events.write_text((json.dumps(event) + "\n") * 600)
    detector = Detector(load_rules([folder]).rules, now=0)
    with OpenFile(find([str(events)]).files[0]) as opened:
        for block in opened.blocks() or ():
            detector.finder.prepare(block)  # type: ignore[arg-type]
            assert len(detector.finder.in_block(block).hits) == 600  # type: ignore[arg-type]
    (slow,) = slow_patterns(detector)
    assert (slow.rule.name, slow.field) == ("Hostile 1", "")
    assert slow.reason == "not looked for in raw lines: more than 60 texts"
    assert "the text " in slow.message


def test_a_long_pattern_is_shortened(tmp_path: Path) -> None:
    folder = rules(tmp_path, f'process.name regex """{"b" * 500}[a-z]{{1,999}}c{{1,999}}"""')
    (slow,) = slow_patterns_of(load_rules([folder]).rules)
    assert len(slow.message) < 200
    assert "…" in slow.message


def test_published_rules_are_beyond_no_limit(shared: Path) -> None:
    for vendor in ("elastic", "sigma", "datadog"):
        place = shared / "corpora" / vendor
        if place.is_dir():
            assert not slow_patterns_of(load_rules([place]).rules)


# --- a platform without Hyperscan ---------------------------------------------------------------


def test_a_platform_without_hyperscan_is_said_once(
    tmp_path: Path, events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = rules(tmp_path, 'process.command_line : "ls *"', 'process.name : "sh"')
    arguments = ["scan", str(events), "-r", str(folder), "-f", "ndjson"]
    before = CliRunner().invoke(app, arguments)
    monkeypatch.setattr(byte_scan, "has_hyperscan", lambda: False)
    without = CliRunner().invoke(app, arguments)
    said = "slower  Hyperscan does not run here: RE2 is used instead, with the same alerts"
    assert without.stderr.count(said) == 1
    assert ids(without.stdout) == ids(before.stdout)
    assert len(ids(before.stdout)) == 64
    if byte_scan.hyperscan is not None:
        assert said not in before.stderr


def ids(output: str) -> set[str]:
    return {json.loads(line)["id"] for line in output.splitlines()}
