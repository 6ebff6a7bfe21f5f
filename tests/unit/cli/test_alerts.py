from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.unit.alerts.made import FOUND, SECOND, a_rule, a_sequence, an_alert, an_event
from typer.testing import CliRunner, Result

from tocsin.cli import alerts as command
from tocsin.store.alerts import get_alert, save_alerts
from tocsin.store.open import open_store

HIGH = an_alert()
LOW = an_alert(
    rule=a_rule(id="low", name="Something \x1b[2J odd", severity="low", risk_score=21),
    events=(an_event(2, document={"host": {"name": "db-1"}}),),
    evidence=(),
)
WORST = an_alert(rule=a_rule(id="worst", severity="critical", risk_score=99), events=(an_event(3),))

Run = Callable[..., Result]


@pytest.fixture
def db(tmp_path) -> str:
    path = str(tmp_path / "alerts.db")
    engine = open_store(path)
    with engine.begin() as connection:
        save_alerts(connection, [HIGH, LOW, WORST])
    engine.dispose()
    return path


@pytest.fixture
def tocsin(db, monkeypatch, tmp_path) -> Run:
    monkeypatch.setattr(command, "_now", lambda: FOUND + 100 * SECOND)
    monkeypatch.setenv("TOCSIN_DB", db)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(command.app, list(arguments), env=environment)

    return run


def ids(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["id"] for line in result.stdout.splitlines()]


def as_json(tocsin: Run, *arguments: str) -> list[str]:
    return ids(tocsin("list", "--format", "ndjson", *arguments))


@pytest.mark.parametrize("width", [80, 120])
def test_list(golden, tocsin, width):
    golden(f"cli/alerts_list_{width}.txt", tocsin("list", COLUMNS=str(width)).stdout)


@pytest.mark.parametrize("width", [80, 120])
def test_show(golden, tocsin, width):
    golden(f"cli/alerts_show_{width}.txt", tocsin("show", HIGH.id, COLUMNS=str(width)).stdout)


def test_the_newest_comes_first(tocsin):
    assert as_json(tocsin) == [WORST.id, LOW.id, HIGH.id]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--severity", "high"], [WORST, HIGH]),
        (["--severity", "Critical"], [WORST]),
        (["--rule", "low"], [LOW]),
        (["--rule", "Metadata Service"], [WORST, HIGH]),
        (["--host", "DB-1"], [LOW]),
        (["--since", "2026-03-01T10:00:02Z"], [WORST, LOW]),
        (["--until", "2026-03-01T10:00:02Z"], [HIGH]),
        (["--since", "198s"], [WORST, LOW]),
        (["--limit", "1"], [WORST]),
        (["--limit", "0"], [WORST, LOW, HIGH]),
        (["--status", "closed"], []),
        (["--status", "all"], [WORST, LOW, HIGH]),
    ],
)
def test_filters(tocsin, arguments, found):
    assert as_json(tocsin, *arguments) == [alert.id for alert in found]


def test_a_limit_says_how_much_it_left_out(tocsin):
    assert "2 of 3 open alerts; --limit 0 lists all." in tocsin("list", "--limit", "2").stdout


def test_an_empty_list_says_so(tocsin):
    assert tocsin("list", "--host", "nowhere").stdout == "No open alerts match.\n"
    assert tocsin("list", "--status", "all", "--rule", "x").stdout == "No alerts match.\n"


@pytest.mark.parametrize(
    ("form", "key", "value"),
    [
        ("ndjson", "status", "open"),
        ("ecs", "kibana.alert.workflow_status", "open"),
        ("ocsf", "class_uid", 2004),
    ],
)
def test_formats_for_machines(tocsin, form, key, value):
    for arguments in (["list", "--limit", "1"], ["show", WORST.id]):
        result = tocsin(*arguments, "--format", form)
        [document] = map(json.loads, result.stdout.splitlines())
        assert document[key] == value
    assert "\x1b" not in tocsin("list", "--format", form).stdout


def test_an_alert_on_several_events_is_several_documents_of_elastics(tocsin, db):
    alert = a_sequence()
    engine = open_store(db)
    with engine.begin() as connection:
        save_alerts(connection, [alert])
    engine.dispose()
    lines = tocsin("show", alert.id, "--format", "ecs").stdout.splitlines()
    assert [json.loads(line).get("kibana.alert.group.index") for line in lines] == [0, 1, None]
    assert len(tocsin("show", alert.id, "--format", "ocsf").stdout.splitlines()) == 1


def test_show_takes_the_beginning_of_an_id(tocsin):
    assert f"id {HIGH.id}" in tocsin("show", HIGH.id[:8]).stdout


def test_what_events_and_rules_say_is_not_obeyed(tocsin):
    for result in (tocsin("show", LOW.id), tocsin("list")):
        assert "\x1b" not in result.stdout
        assert "\\x1b[2J odd" in result.stdout


def test_an_ambiguous_id_lists_the_candidates(tocsin, db):
    engine = open_store(db)
    many = [an_alert(events=(an_event(n),)) for n in range(10, 50)]
    with engine.begin() as connection:
        save_alerts(connection, many)
    engine.dispose()
    first = next(c for c in "0123456789abcdef" if sum(a.id[0] == c for a in many) > 1)
    result = tocsin("show", first)
    assert result.exit_code == 3
    assert f"'{first}' is the beginning of several ids" in result.stderr
    assert any(alert.id in result.stderr for alert in many)


def test_closing_is_idempotent(tocsin, db):
    assert tocsin("close", HIGH.id[:10], LOW.id, "--reason", "a test").stdout == "closed 2 alerts\n"
    again = tocsin("close", HIGH.id, HIGH.id, "--reason", "another")
    assert again.stdout == "closed 0 alerts; 1 had been closed before\n"
    assert again.exit_code == 0
    engine = open_store(db)
    with engine.connect() as connection:
        stored = get_alert(connection, HIGH.id)
    engine.dispose()
    assert stored is not None
    assert stored.closed_reason == "a test"
    assert stored.closed_at == FOUND + 100 * SECOND
    assert as_json(tocsin) == [WORST.id]
    assert tocsin("show", HIGH.id).stdout.startswith("closed 2026-03-01 10:03:20 UTC: a test\n")
    assert "STATUS" in tocsin("list", "--status", "all").stdout


def test_one_id_that_is_not_there_closes_nothing(tocsin):
    result = tocsin("close", HIGH.id, "feed")
    assert result.exit_code == 3
    assert "there is no alert 'feed'" in result.stderr
    assert len(as_json(tocsin)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--status", "gone"], "--status 'gone': choose open, closed or all"),
        (["list", "--severity", "loud"], "--severity 'loud': choose informational, low"),
        (["list", "--since", "yesterday"], "'yesterday' is no time"),
        (["list", "--format", "xml"], "--format 'xml': choose table, ndjson, ecs or ocsf"),
        (["list", "--limit", "-1"], "--limit -1: give a number"),
        (["list", "--db", "/nowhere/a.db"], "there is no store sqlite:////nowhere/a.db"),
        (["list", "--db", "mysql://bob:hush@h/x"], "SQLite or PostgreSQL, not 'mysql'"),
        (["show", "feed"], "there is no alert 'feed'"),
        (["show", "\x1b[2J"], "there is no alert '\\x1b[2J'"),
    ],
)
def test_errors_are_one_line_on_stderr(tocsin, arguments, message):
    result = tocsin(*arguments)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "hush" not in result.stderr
    assert "\x1b" not in result.stderr


def test_a_store_that_was_never_written_is_not_made_by_looking(tocsin, tmp_path):
    result = tocsin("list", TOCSIN_DB="")
    assert result.exit_code == 0
    assert result.stdout == "No alerts are kept yet: `tocsin scan --save INPUT` keeps them.\n"
    assert tocsin("list", "--format", "ndjson", TOCSIN_DB="").stdout == ""
    assert tocsin("show", HIGH.id, TOCSIN_DB="").exit_code == 3
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_no_store(tocsin, tmp_path):
    (tmp_path / "text.db").write_text("just text, and not short either. " * 200)
    result = tocsin("list", "--db", str(tmp_path / "text.db"))
    assert result.exit_code == 3
    assert "this file is not a database" in result.stderr
