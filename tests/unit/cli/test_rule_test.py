"""``tocsin rules test``: the author's events, those made of the logic, JSON and JUnit's XML."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from tocsin.cli.rules import app
from tocsin.rules.load import shipped_pack

RULE = """
[metadata]
maturity = "production"
[rule]
rule_id = "{id}"
name = "{name}"
description = "d"
language = "eql"
type = "eql"
severity = "low"
risk_score = 21
query = '''{query}'''
"""
CURL = 'process where process.name == "curl"'
PAIR = 'sequence by host.id [process where process.name == "a"] [file where true]'


def rule(directory: Path, name: str = "x", query: str = CURL, title: str = "X") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{name}.toml"
    file.write_text(RULE.format(id=f"id-{name}", name=title, query=query))
    return file


def events(file: Path, *found: dict[str, object]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(one)}\n" for one in found))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["test", *map(str, arguments)])


def event(name: str, **more: object) -> dict[str, object]:
    return {"event.category": "process", "process.name": name, **more}


PLACES = [
    "rules/x.{}.ndjson",
    "rules/id-x.{}.ndjson",
    "rules/events/x/{}.ndjson",
    "events/x/{}.ndjson",
    "events/x/id-x.{}.ndjson",
]


@pytest.mark.parametrize("place", PLACES)
def test_the_authors_events_are_found_and_run(tmp_path: Path, place: str) -> None:
    file = rule(tmp_path / "rules")
    events(tmp_path / place.format("fires"), event("curl"), event("wget"))
    events(tmp_path / place.format("silent"), event("curl"))
    result = run(file, "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)["results"]
    own = [test for test in found["tests"] if test["origin"] == "own"]
    assert [(test["expected"], test["passed"]) for test in own] == [
        ("fires", True), ("fires", False), ("silent", False),
    ]  # fmt: skip
    assert own[1]["reason"] == "the rule keeps silent"
    assert own[1]["events"] == [event("wget")]


def test_all_is_well_without_events_of_the_author(tmp_path: Path) -> None:
    result = run(rule(tmp_path))
    assert result.exit_code == 0
    assert "all passed" in result.stdout


def test_events_of_one_case_are_taken_together(tmp_path: Path) -> None:
    file = rule(tmp_path, query=PAIR)
    first = {"@timestamp": "2026-01-01T00:00:01Z", "host.id": "h", **event("a")}
    second = {"@timestamp": "2026-01-01T00:00:02Z", "host.id": "h", "event.category": "file"}
    case = {"labels": {"case": "one after the other"}}
    events(tmp_path / "x.fires.ndjson", first | case, second | case)
    events(tmp_path / "x.silent.ndjson", first, second | {"host.id": "i"})
    assert run(file).exit_code == 0
    events(tmp_path / "x.silent.ndjson", first, second)
    result = run(file)
    assert result.exit_code == 1
    assert "keeps silent on x.silent.ndjson, all events" in result.stdout


def test_a_file_of_several_rules_goes_by_their_ids(tmp_path: Path) -> None:
    policy = tmp_path / "p.policy"
    policy.write_text(
        "rules:\n"
        '  - {id: one, expression: exec.file.name == "a"}\n'
        '  - {id: two, expression: exec.file.name == "b"}\n'
    )
    document = {"secl": {"evt": {"name": "exec"}, "exec": {"file": {"name": "a"}}}}
    events(tmp_path / "events" / "p" / "one.fires.ndjson", document)
    events(tmp_path / "events" / "p" / "fires.ndjson", {})
    results = json.loads(run(policy, "--json").stdout)["results"]
    own = {r["rule_id"]: [t for t in r["tests"] if t["origin"] == "own"] for r in results}
    assert [len(tests) for tests in own.values()] == [1, 0]
    assert own["one"][0]["passed"]


def test_a_rule_that_does_not_load_is_an_error_of_its_own(tmp_path: Path) -> None:
    rule(tmp_path, "good")
    rule(tmp_path, "bad", query="process where")
    result = run(tmp_path, "--junit", tmp_path / "out.xml")
    assert result.exit_code == 2
    assert "1 rule could not be loaded" in result.stdout
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert root.attrib["errors"] == "1"
    assert root.find(".//error") is not None


def test_junit_is_valid_whatever_a_rule_is_called(tmp_path: Path) -> None:
    title = 'A <b>&amp;</b> \\u001b[2J \\u0007 \\" ]]> \\uFFFE'
    file = rule(tmp_path, title=title)
    events(tmp_path / "x.fires.ndjson", event("]]><evil/>\x00\ud7ff"))
    assert run(file, "--junit", tmp_path / "out.xml").exit_code == 1
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    suite = root.find("testsuite")
    assert suite is not None
    assert suite.attrib["name"] == 'A <b>&amp;</b> \\u001b[2J \\u0007 " ]]> \\ufffe'
    assert suite.attrib["failures"] == root.attrib["failures"] == "1"
    failure = root.find(".//failure")
    assert failure is not None
    assert "]]><evil/>" in (failure.text or "")
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))


def test_a_rule_that_nothing_satisfies_is_skipped_and_no_failure(tmp_path: Path) -> None:
    file = rule(tmp_path, query='any where a == "x" and a == null')
    result = run(file, "--junit", tmp_path / "out.xml")
    assert result.exit_code == 0
    assert "not tested" in result.stdout
    assert ElementTree.parse(tmp_path / "out.xml").getroot().find(".//skipped") is not None


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    file = rule(tmp_path)
    result = run(file, "--junit", tmp_path / "no" / "out.xml")
    assert (result.exit_code, "cannot write" in result.stderr) == (3, True)
    (tmp_path / "x.fires.ndjson").write_text("{}\nnonsense\n")
    result = run(file)
    assert (result.exit_code, "line 2" in result.stderr) == (3, True)


def test_an_id_leads_to_no_other_directory(tmp_path: Path) -> None:
    file = tmp_path / "rules" / "x.toml"
    rule(file.parent)
    file.write_text(file.read_text().replace("id-x", "../secret"))
    events(tmp_path / "secret.fires.ndjson", event("wget"))
    assert run(file).exit_code == 0


def test_the_shipped_pack_passes() -> None:
    result = run(shipped_pack(), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["failed"] == 0
