from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Golden
from typer.testing import CliRunner, Result

from tocsin.cli import rules as command
from tocsin.cli.rules import app
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter
from tocsin.rules.model import Loaded, Problem, Rule

TOKEN = r'''
[metadata]
maturity = "production"

[rule]
author = ["The Tests"]
description = """
A tool that is no SDK asked the metadata service for the token of a role. Whoever holds it is the
machine, wherever they are.

Agents of the platform do so too, with user agents of their own.
"""
from = "now-9m"
index = ["logs-network_traffic.http*", "packetbeat-*"]
language = "eql"
license = "Apache-2.0"
name = "Role Token Requested by a Tool"
note = """## Triage

### What was asked

Look at `url.path`.

### Who asked

Look at `process.name`.
"""
false_positives = ["Bootstrap scripts that use\n    curl."]
references = ["https://example.org/metadata"]
risk_score = 73
rule_id = "5f3c0a52-0000-4000-8000-000000000001"
severity = "high"
tags = ["Domain: Cloud"]
timestamp_override = "event.ingested"
type = "eql"
query = """
network where destination.ip == "169.254.169.254" and destination.port == 80 and
  url.path : ("*/iam/security-credentials/*", "*/v1/instance/service-accounts/*/token*") and
  (
    ?process.name : ("curl", "wget", "python*", "perl", "ruby", "node", "php*", "bash", "dash", "zsh")
    or process.executable : ("/tmp/*", "*/nc")
    or length(user_agent.original) < 5
  ) and not process.parent.name in ("cloud-init", "waagent") and user.name != "root"
"""

[[rule.threat]]
framework = "MITRE ATT&CK"
[rule.threat.tactic]
id = "TA0006"
name = "Credential Access"
reference = ""
[[rule.threat.technique]]
id = "T1552"
name = "Unsecured Credentials"
reference = ""
[[rule.threat.technique.subtechnique]]
id = "T1552.005"
name = "Cloud Instance Metadata API"
reference = ""
'''

FIRST = """
[rule]
author = ["The Tests"]
description = "A program nobody saw before spoke to the metadata service."
language = "kuery"
name = "First Metadata Connection by a Program"
risk_score = 21
rule_id = "5f3c0a52-0000-4000-8000-000000000002"
severity = "low"
type = "new_terms"
query = 'destination.ip: "169.254.169.254" and not process.name: (curl or curl)'
[rule.new_terms]
field = "new_terms_fields"
value = ["host.id", "process.executable"]
[[rule.new_terms.history_window_start]]
field = "history_window_start"
value = "now-14d"
"""

POLICY = """
version: 1.0.0
type: policy
rules:
  - id: fetch_tool
    description: A tool that fetches was started
    expression: exec.comm in ["curl", "wget", ~"python*"] && exec.tty_name != ""
    product_tags: ["tactic:TA0006-credential-access", "technique:T1552-unsecured-credentials"]
"""

BROKEN = """
[rule]
name = "Broken"
rule_id = "5f3c0a52-0000-4000-8000-000000000009"
type = "eql"
language = "eql"
risk_score = 1
severity = "low"
query = 'process where process.name == or'
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with rules of our own, which is the current one."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "token.toml").write_text(TOKEN, encoding="utf-8")
    (rules / "first.toml").write_text(FIRST, encoding="utf-8")
    (rules / "own.policy").write_text(POLICY, encoding="utf-8")
    (tmp_path / "broken.toml").write_text(BROKEN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, width: int = 80) -> Result:
    env = {"COLUMNS": str(width), "NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb"}
    return CliRunner().invoke(app, list(arguments), env=env)


def printed(*arguments: str, width: int = 80, code: int = 0) -> str:
    result = run(*arguments, width=width)
    assert result.exit_code == code, result.output
    assert [line for line in result.stdout.splitlines() if line != line.rstrip()] == []
    return result.stdout


def parsed(*arguments: str) -> Any:
    return json.loads(printed(*arguments))


# --- stats --------------------------------------------------------------------------------------


def a_rule(number: int, kind: str) -> Rule:
    return Rule(
        id=f"id-{number}", name=f"Rule {number}", vendor="elastic", path=f"rules/{number}.toml",
        language="eql", type="eql", kind=kind, text="", query=Filter(Always(value=True)),
    )  # fmt: skip


def a_problem(number: int, kind: Any, message: str, rule_kind: str = "") -> Problem:
    path = f"rules/{number}.toml"
    return Problem(path, f"id-{number}", kind, f"{path}{message}", rule_kind, f"Rule {number}")


SOME = Loaded(
    rules=(
        *(a_rule(n, "eql/event") for n in range(1_200)),
        a_rule(2_000, "kuery/query"),
    ),
    problems=(
        *(a_problem(n, "unsupported", ": esql is not run yet", "esql") for n in range(3_000, 3_005)),
        a_problem(4_000, "syntax", ":13:5: expected a value\n    13 | a or\n       |     ^", "eql/event"),
        a_problem(4_000, "invalid", ": the severity 'x' is none", "eql/event"),
        a_problem(4_001, "unreadable", ": not UTF-8"),
        *(a_problem(5, "not_applicable", f":{n}: for another Agent", "secl") for n in (7, 9)),
        a_problem(2_000, "warning", ": alert_suppression is not applied", "kuery/query"),
    ),
    files=1_209,
)  # fmt: skip


@pytest.fixture
def some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "load", lambda _paths, _where, **_: SOME)


@pytest.mark.usefixtures("some")
def test_stats_counts_a_rule_once_however_many_problems_it_has() -> None:
    data = parsed("stats", "rules", "--json")
    assert list(data) == ["files", "rules", "loaded", "by_type", "problems"]
    assert (data["files"], data["rules"], data["loaded"]) == (1_209, 1_210, 1_201)
    assert data["by_type"] == {
        "eql/event": {"rules": 1_201, "loaded": 1_200},
        "esql": {"rules": 5, "loaded": 0},
        "secl": {"rules": 2, "loaded": 0},
        "kuery/query": {"rules": 1, "loaded": 1},
        "unknown": {"rules": 1, "loaded": 0},
    }
    assert len(data["problems"]) == len(SOME.problems)
    assert data["problems"][5] == {
        "path": "rules/4000.toml",
        "rule_id": "id-4000",
        "kind": "syntax",
        "message": "rules/4000.toml:13:5: expected a value\n    13 | a or\n       |     ^",
    }


@pytest.mark.usefixtures("some")
def test_the_stats_screen(golden: Golden) -> None:
    golden("cli/rules/stats.txt", printed("stats", "rules"))


@pytest.mark.usefixtures("some")
def test_the_stats_screen_with_every_problem(golden: Golden) -> None:
    golden("cli/rules/stats_problems.txt", printed("stats", "rules", "--problems"))


def test_stats_of_nothing(tmp_path: Path) -> None:
    assert printed("stats", str(tmp_path)) == "0 files, 0 rules\n"


def test_a_share_that_is_nearly_all_is_not_called_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tuple(a_rule(n, "eql/event") for n in range(9_999))
    problems = (a_problem(10_000, "syntax", ": x", "eql/event"),)
    monkeypatch.setattr(
        command, "load", lambda _paths, _where, **_: Loaded(rules, problems, 10_000)
    )
    assert "░   99.9%" in printed("stats", "rules")


# --- list ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("width", [80, 120])
def test_the_list_screen(golden: Golden, width: int) -> None:
    golden(f"cli/rules/list_{width}.txt", printed("list", "rules", width=width))


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "options, ids",
    [
        ([], ["0002", "fetch_tool", "0001"]),
        (["--severity", "medium"], ["0001"]),
        (["--vendor", "Datadog"], ["fetch_tool"]),
        (["--tactic", "TA0006"], ["fetch_tool", "0001"]),
        (["--tactic", "credential-access"], ["fetch_tool", "0001"]),
        (["--technique", "T1552"], ["fetch_tool", "0001"]),
        (["--technique", "t1552.005"], ["0001"]),
        (["--technique", "T1003"], []),
    ],
)
def test_list_takes_what_is_asked_for(options: list[str], ids: list[str]) -> None:
    found = parsed("list", "rules", "--json", *options)
    assert [row["id"] if "-" not in row["id"] else row["id"][-4:] for row in found] == ids


def test_without_a_path_the_shipped_pack_is_listed() -> None:
    rows = parsed("list", "--json")
    assert rows
    assert all("imds" in row["path"] for row in rows)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            ["--severity", "bad"],
            "--severity 'bad': choose informational, low, medium, high, critical",
        ),
        (["--technique", "1552"], "--technique '1552': write an id such as T1552 or T1552.005"),
    ],
)
def test_list_refuses_what_is_no_choice(options: list[str], message: str) -> None:
    result = run("list", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", f"tocsin: {message}\n")


# --- lint ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("place")
def test_the_lint_screen(golden: Golden) -> None:
    golden("cli/rules/lint.txt", printed("lint", "rules", "broken.toml", code=2))


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "arguments, code",
    [
        (["rules/token.toml"], 0),
        (["rules/token.toml", "--strict"], 0),
        (["rules/first.toml"], 0),
        (["rules/first.toml", "--strict"], 2),
        (["broken.toml"], 2),
        (["broken.toml", "--format", "json"], 2),
        (["nowhere"], 3),
        (["rules", "--format", "xml"], 3),
    ],
)
def test_lint_ends_with(arguments: list[str], code: int) -> None:
    assert run("lint", *arguments).exit_code == code


@pytest.mark.usefixtures("place")
def test_a_clean_rule_is_said_to_be_clean() -> None:
    assert printed("lint", "rules/token.toml") == "1 file, 1 rule: nothing to complain about\n"


@pytest.mark.usefixtures("some")
def test_what_is_not_run_yet_is_a_note_and_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Loaded(problems=tuple(p for p in SOME.problems if p.kind == "unsupported"), files=5)
    monkeypatch.setattr(command, "load", lambda _paths, _where, **_: loaded)
    assert printed("lint", "rules", "--strict").endswith("5 files, 5 rules: 5 notes\n")


@pytest.mark.usefixtures("place")
def test_lint_as_json_has_places() -> None:
    result = run("lint", "rules/first.toml", "broken.toml", "--format", "json")
    found = json.loads(result.stdout)["findings"]
    (error,) = (one for one in found if one["level"] == "error")
    assert (error["path"], error["line"], error["check"]) == ("broken.toml", 9, "syntax")
    assert {one["check"] for one in found if one["level"] == "warning"} == {"attack", "guide"}


# --- show ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("width", [80, 120])
def test_the_page_of_a_rule(golden: Golden, width: int) -> None:
    golden(f"cli/rules/show_{width}.txt", printed("show", "token.toml", "rules", width=width))


@pytest.mark.usefixtures("place")
def test_the_page_with_the_whole_guide(golden: Golden) -> None:
    page = printed("show", "token", "rules", "--guide")
    golden("cli/rules/show_guide.txt", page[page.index("Investigation guide") :])


@pytest.mark.usefixtures("place")
def test_the_page_of_new_terms_and_of_a_policys_rule(golden: Golden) -> None:
    pages = [printed("show", name, "rules", width=100) for name in ("first metadata", "fetch_tool")]
    golden("cli/rules/show_others.txt", f"\n{'=' * 40}\n\n".join(pages))


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "wanted",
    [
        "5f3c0a52-0000-4000-8000-000000000001",
        "token.toml",
        "token",
        "rules/token.toml",
        "token tool",
    ],
)
def test_a_rule_is_found_by(wanted: str) -> None:
    assert parsed("show", wanted, "rules", "--json")["rule"]["severity"] == "high"


@pytest.mark.usefixtures("place")
def test_show_as_json() -> None:
    data = parsed("show", "token", "rules", "--json")
    assert list(data)[:3] == ["rule", "stages", "indicators"]
    (stage,) = data["stages"]
    assert (stage["role"], stage["source"]) == ("match", "network")
    assert stage["text"] == data["rule"]["text"]
    found = {(one["field"], one["value"]): one for one in data["indicators"]}
    curl = found["process.name", "curl"]
    assert (curl["literal_kind"], curl["kind"], curl["polarity"]) == ("wildcard", "eq", "match")
    assert (curl["count_other"], curl["by_vendor"]) == (1, {"datadog": 1})
    assert curl["opposite_by_vendor"] == {"elastic": 1}
    assert found["process.executable", "*/nc"]["canonical_field"] == "process.name"
    assert found["user.name", "root"]["polarity"] == "exclude"
    assert data["scripts"] == ["length(user_agent.original) < 5"]


@pytest.mark.usefixtures("place")
def test_a_name_that_fits_several_rules_lists_them() -> None:
    result = run("show", "5f3c0a52", "rules")
    assert (result.exit_code, result.stdout) == (3, "")
    assert (
        result.stderr
        == """\
tocsin: '5f3c0a52' may mean 2 rules:
  5f3c0a52-0000-4000-8000-000000000002  First Metadata Connection by a Program
  5f3c0a52-0000-4000-8000-000000000001  Role Token Requested by a Tool
"""
    )


@pytest.mark.usefixtures("place")
def test_an_unknown_name_brings_the_nearest() -> None:
    result = run("show", "role tokens request by tools", "rules")
    assert result.exit_code == 3
    assert result.stderr.startswith("tocsin: no rule 'role tokens request by tools' among 3; did")
    assert "Role Token Requested by a Tool" in result.stderr


@pytest.mark.usefixtures("place")
def test_a_rule_that_did_not_load_says_why() -> None:
    result = run("show", "broken.toml", "rules")
    assert result.exit_code == 3
    assert "broken.toml could not be loaded (syntax): broken.toml:9:" in result.stderr


@pytest.mark.usefixtures("place")
def test_a_path_that_is_not_there() -> None:
    result = run("show", "x", "nowhere")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "tocsin: nowhere: no such file or directory\n"


@pytest.mark.usefixtures("place")
def test_what_a_rule_says_cannot_command_the_terminal(place: Path) -> None:
    text = TOKEN.replace("Role Token Requested", r"Role\u001b[2J\u202e Token").replace(
        '"wget"', '"w\x7fget"'
    )
    text = text.replace("Look at `url.path`.", r"Look \u001b]8;;https://evil.example\u0007here")
    (place / "rules" / "token.toml").write_text(text.replace("\x7f", r"\u007f"), encoding="utf-8")
    for arguments in (
        ["list"],
        ["show", "token", "--guide"],
        ["show", "token", "--json"],
        ["lint"],
    ):
        verb, *rest = arguments
        name = [rest.pop(0)] if verb == "show" else []
        out = printed(verb, *name, "rules", *rest)
        assert not {"\x1b", "\x07", "\x7f", "\u202e"} & set(out)


# --- public rules -------------------------------------------------------------------------------


def test_a_public_rule_over_its_corpus(shared: Path) -> None:
    corpora = [str(shared / "corpora" / "elastic"), str(shared / "corpora" / "datadog")]
    wanted = "73dd1f2c-3c24-4e13-a64b-dfd510e9fd98"
    data = parsed("show", wanted, *corpora, "--json")
    found = {(one["field"], one["literal_kind"], one["value"]): one for one in data["indicators"]}
    python = found["process.name", "wildcard", "python*"]
    assert python["by_vendor"]["elastic"] > 20
    assert python["opposite_by_vendor"]["elastic"] > 10
    assert found["destination.ip", "eq", "169.254.169.254"]["count_other"] >= 1
    assert found["process.name", "wildcard", "curl"]["by_vendor"]["datadog"] >= 1
    screen = printed("show", wanted, *corpora, width=120)
    lines = [line.split() for line in screen.splitlines()]
    assert ["process.name", "wildcard", "python*"] in [line[:3] for line in lines]
    assert ["destination.ip", "eq", "169.254.169.254"] in [line[:3] for line in lines]


def test_rules_are_not_read_before_they_are_asked_for() -> None:
    """Each heavy import stands inside a command: --help needs none of them."""
    import subprocess

    code = (
        "import sys, tocsin.cli.rules; "
        "print([m for m in ('rich.table', 'msgspec', 'yaml', 'tocsin.rules.model') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


MISSPELT = """
[rule]
author = ["The Tests"]
language = "kuery"
name = "Misspelt"
rule_id = "5f3c0a52-0000-4000-8000-000000000009"
severity = "low"
type = "query"
query = "proces.name: curl"
"""


def test_an_unknown_field_is_a_warning_and_with_strict_fields_an_error(tmp_path: Path) -> None:
    file = tmp_path / "misspelt.toml"
    file.write_text(MISSPELT)
    for options, level, status in (((), "warning", 0), (("--strict-fields",), "error", 2)):
        result = CliRunner().invoke(app, ["lint", str(file), "--format", "json", *options])
        assert result.exit_code == status
        (found,) = [f for f in json.loads(result.stdout)["findings"] if "unknown" in f["message"]]
        assert (found["level"], found["line"], found["column"]) == (level, 9, 1)
        assert "did you mean process.name?" in found["message"]


def test_stats_counts_with_strict_fields_what_would_not_load(tmp_path: Path) -> None:
    file = tmp_path / "misspelt.toml"
    file.write_text(MISSPELT)
    for options, loaded in (((), 1), (("--strict-fields",), 0)):
        result = CliRunner().invoke(app, ["stats", str(file), "--json", *options])
        data = json.loads(result.stdout)
        assert (data["rules"], data["loaded"], len(data["problems"])) == (1, loaded, 1)
