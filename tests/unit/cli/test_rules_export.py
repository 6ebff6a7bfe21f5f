"""`tocsin rules export`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tocsin.cli.rules import app
from tocsin.rules.load import load_rules, shipped_pack


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_the_pack_as_kibana_imports_it() -> None:
    result = run(shipped_pack())
    assert result.exit_code == 0
    *rules, summary = map(json.loads, result.stdout.splitlines())
    assert summary["exported_rules_count"] == len(rules)
    assert {(rule["enabled"], rule["immutable"]) for rule in rules} == {(False, False)}
    others = len(load_rules([shipped_pack()]).rules) - len(rules)
    assert result.stderr == f"{len(rules)} rules written; left out: {others} of other vendors\n"


def test_what_did_not_load_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[rule]\nname = 'a'\n")
    result = run(tmp_path, "--output", tmp_path / "out.ndjson")
    assert result.stdout == ""
    assert result.stderr == "0 rules written; left out: 3 that did not load\n"
    assert len((tmp_path / "out.ndjson").read_text().splitlines()) == 1


def test_a_file_that_was_written_is_read_again(tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    assert run(shipped_pack(), "-o", out).exit_code == 0
    loaded = load_rules([tmp_path])
    assert loaded.problems == ()
    assert {rule.id for rule in loaded.rules} == {
        rule.id for rule in load_rules([shipped_pack()]).rules if rule.vendor == "elastic"
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "toml"], "--format 'toml': choose elastic-ndjson"),
        (["--output", "/no/such/place"], "--output /no/such/place: no such file or directory"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: list[str], message: str) -> None:
    result = run(shipped_pack(), *arguments)
    assert result.exit_code == 3
    assert message in result.stderr
