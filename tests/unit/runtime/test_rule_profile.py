"""What rules cost: which are told by bytes, and which are weak."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tocsin.cli.main import app
from tocsin.engine import scans
from tocsin.logic import query as logic
from tocsin.logic.expr import And, Leaf, Not
from tocsin.logic.matchers import Equals
from tocsin.rules.model import Rule
from tocsin.runtime.rule_profile import profile, weak_rules
from tocsin.sources.files import find

START = Leaf("event.type", Equals(("start",)), "keyword")


def rule(name: str, where: logic.Expr) -> Rule:
    return Rule(
        id=name, name=name, vendor="elastic", path="r.toml", language="kuery", type="query",
        kind="query", text="", query=logic.Filter(where),
    )  # fmt: skip


RULES = [
    rule("curl", And((START, Leaf("process.name", Equals(("curl",)), "keyword")))),
    rule("anything but sh", And((START, Not(Leaf("process.name", Equals(("sh",)), "keyword"))))),
    rule("elsewhere", Leaf("okta.event_type", Equals(("user.login",)), "keyword")),
]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    names = ["sh", "sh", "curl", *["bash"] * 197]
    path.write_text(
        "".join(
            json.dumps(
                {
                    "event": {"kind": "event", "category": "process", "type": "start"},
                    "process": {"name": name},
                }
            )
            + "\n"
            for name in names
        )
    )
    return path


def test_what_is_made_at_its_first_use_is_not_timed(
    events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    made: list[int] = []
    clock, make = time.perf_counter_ns, scans._Lookups.__init__

    def read() -> int:
        looks.append(0)
        return clock()

    def noted(*arguments: Any) -> None:
        made.append(len(looks))
        make(*arguments)

    monkeypatch.setattr(time, "perf_counter_ns", read)
    monkeypatch.setattr(scans._Lookups, "__init__", noted)
    profile(RULES, find([str(events)]).files)
    assert looks
    assert made
    assert set(made) == {0}  # everything, before the clock is read first


def test_a_rule_is_weak_where_no_text_of_it_is_rare(events: Path) -> None:
    files = find([str(events)]).files
    assert [one.name for one in weak_rules(RULES, files)] == ["anything but sh"]
    found = {cost.rule.name: cost for cost in profile(RULES, files).costs}
    assert found["curl"].anchors == ('"curl"',)
    assert (found["curl"].tried, found["curl"].held) == (1, 1)
    assert (found["anything but sh"].tried, found["anything but sh"].held) == (
        198,
        198,
    )  # its name makes a class
    assert found["elsewhere"].tried == 0
    assert found["anything but sh"].nanoseconds > 0


def test_the_command_shows_it(events: Path, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(
        '[metadata]\n[rule]\nrule_id = "r"\nname = "Ring"\ntype = "eql"\nlanguage = "eql"\n'
        'risk_score = 1\nseverity = "low"\nindex = ["logs-*"]\ndescription = "d"\n'
        "query = 'process where process.name == \"curl\"'\n"
    )
    arguments = ["rules", "profile", str(tmp_path / "r.toml"), "--events", str(events)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0
    assert "Ring" in shown.stdout
    assert "200 events, 0.5% of them decoded; 1 condition, 0 without a rare text" in shown.stdout
    data = json.loads(CliRunner().invoke(app, [*arguments, "--format", "json"]).stdout)
    assert data["conditions"][0]["anchors"] == ['"curl"']


@pytest.mark.parametrize(
    "more, message",
    [
        (["--format", "xml"], "--format 'xml': choose text or json"),
        (["--events", "/no/such/file"], "/no/such/file: no such file or directory"),
    ],
)
def test_what_makes_no_sense_is_said(events: Path, more: list[str], message: str) -> None:
    shown = CliRunner().invoke(
        app, ["rules", "profile", str(events.parent), "--events", str(events), *more]
    )
    assert shown.exit_code == 3
    assert message in shown.output
