"""`tocsin scan` as a user runs it: a process of its own, real files, a real store."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

CONNECT_RULE = """
[rule]
rule_id = "00000000-0000-4000-8000-000000000001"
name = "A program asks for metadata"
description = "test"
risk_score = 73
severity = "high"
type = "eql"
language = "eql"
index = ["logs-endpoint.events.network-*"]
query = '''
network where destination.ip == "169.254.169.254" and
  process.name : ("curl", "wget")
'''
"""
FIRST_RULE = """
[rule]
rule_id = "00000000-0000-4000-8000-000000000002"
name = "The first time"
description = "test"
risk_score = 21
severity = "low"
type = "new_terms"
language = "kuery"
query = 'destination.ip:"169.254.169.254"'
[rule.new_terms]
field = "new_terms_fields"
value = ["host.id", "process.executable"]
[[rule.new_terms.history_window_start]]
field = "history_window_start"
value = "now-7d"
"""
BROKEN_RULE = """
[rule]
rule_id = "00000000-0000-4000-8000-000000000003"
name = "Broken"
risk_score = 21
severity = "low"
type = "eql"
language = "eql"
query = '''
process where
  process.name = "curl"
'''
"""
RULE = "00000000-0000-4000-8000-000000000001"
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}


def tocsin(
    *arguments: object, stdin: bytes = b"", **more: Any
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tocsin", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, env=CLEAN, timeout=60, **more)


def event(number: int, *, program: str = "/usr/bin/curl", day: int = 1) -> dict[str, Any]:
    return {
        "@timestamp": f"2026-11-{day:02d}T00:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "event": {"category": ["network"], "dataset": "endpoint.events.network"},
        "host": {"id": "h1", "name": "web-1"},
        "process": {"name": program.rpartition("/")[2], "executable": program, "pid": number},
        "destination": {"ip": "169.254.169.254", "port": 80},
        "user": {"name": "www-data", "id": "33"},
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "connect.toml").write_text(CONNECT_RULE)
    (tmp_path / "rules" / "first.toml").write_text(FIRST_RULE)
    lines = [event(1), event(2), event(3, program="/usr/bin/python3")]
    (tmp_path / "a.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def alerts(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_alert_is_one_line_with_everything_that_explains_it(place: Path) -> None:
    done = tocsin("scan", place / "a.ndjson", "--rules", place / "rules", "--format", "ndjson")
    found = alerts(done)
    assert [(a["rule"]["name"], a["events"][0]["source"]["position"]) for a in found] == [
        ("A program asks for metadata", "line 1"),
        ("A program asks for metadata", "line 2"),
        ("The first time", "line 1"),
        ("The first time", "line 3"),
    ]
    first = found[0]
    assert first["time"] == "2026-11-01T00:00:01.000Z"
    assert first["severity"] == "high"
    assert first["risk_score"] == 73
    assert first["host"]["name"] == "web-1"
    assert first["user"]["name"] == "www-data"
    assert first["process"]["executable"] == "/usr/bin/curl"
    assert first["rule"]["source"] == {
        "vendor": "elastic", "file": str(place / "rules" / "connect.toml"),
    }  # fmt: skip
    assert [(e["field"], e["operator"], e["pattern"], e["value"]) for e in first["evidence"]] == [
        ("event.category", "==", "network", "network"),
        ("destination.ip", "==", "169.254.169.254", "169.254.169.254"),
        ("process.name", ":", "curl", "curl"),
    ]
    assert first["events"][0]["document"] == event(1)
    assert found[2]["new_terms"] == [
        {"field": "host.id", "value": "h1"},
        {"field": "process.executable", "value": "/usr/bin/curl"},
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 0),
        (["--fail-on", "critical"], 0),
        (["--fail-on", "high"], 1),
        (["--fail-on", "low"], 1),
        (["--strict"], 0),
        (["--fail-on", "fatal"], 3),
        (["--since", "yesterday"], 3),
        (["--warm-up", "soon"], 3),
        (["--format", "xml"], 3),
        (["--frobnicate"], 3),
        (["--db", "mysql://x/y"], 3),
        (["--rules", "/nowhere"], 3),
    ],
)
def test_the_exit_status(place: Path, arguments: list[str], code: int) -> None:
    rules = [] if "--rules" in arguments else ["--rules", place / "rules"]
    done = tocsin("scan", place / "a.ndjson", *rules, *arguments)
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_broken_rule_points_at_the_place_and_the_others_run(place: Path) -> None:
    (place / "rules" / "broken.toml").write_text(BROKEN_RULE)
    arguments = ("scan", place / "a.ndjson", "--rules", place / "rules", "--format", "ndjson")
    done = tocsin(*arguments)
    assert done.returncode == 0
    assert len(alerts(done)) == 4
    message = done.stderr.decode()
    assert "broken.toml:11:16" in message
    assert "    11 |   process.name = " in message
    assert "^" in message
    assert tocsin(*arguments, "--strict").returncode == 2
    assert tocsin(*arguments, "--strict", "--fail-on", "high").returncode == 2
    assert tocsin(*arguments, place / "none.json", "--strict").returncode == 3


def test_bad_events_cost_themselves_and_are_kept_with_their_place(place: Path) -> None:
    good = json.dumps(event(1)).encode()
    bad = [b'{"cut": ', b'{"x": "\xff"}', b'{"a":' * 10_000, b'"' + b"x" * (50 << 20) + b'"']
    (place / "bad.ndjson").write_bytes(b"\n".join([good, *bad, good]) + b"\n")
    letters = place / "letters.ndjson"
    done = tocsin(
        "scan", place / "bad.ndjson", "--rules", place / "rules" / "connect.toml",
        "--format", "ndjson", "--dead-letter", letters, "--verify-input",
    )  # fmt: skip
    assert done.returncode == 0
    assert len(alerts(done)) == 2
    kept = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [entry["position"] for entry in kept] == [f"line {n}" for n in (2, 3, 4, 5)]
    assert kept[0]["raw"] == '{"cut":'
    assert "raw_base64" in kept[1]
    assert "undecodable" in done.stderr.decode()


def test_an_unreadable_input_is_named_and_the_others_are_scanned(place: Path) -> None:
    (place / "picture.png").write_bytes(b"\x89PNG")
    done = tocsin(
        "scan", place / "picture.png", place / "none.json", place / "a.ndjson",
        "--rules", place / "rules", "--format", "ndjson",
    )  # fmt: skip
    assert done.returncode == 3
    assert len(alerts(done)) == 4
    message = done.stderr.decode()
    assert "picture.png: unknown format" in message
    assert "none.json: no such file or directory" in message


def test_standard_input_compressed_or_not(place: Path) -> None:
    data = (place / "a.ndjson").read_bytes()
    for stdin in (data, gzip.compress(data)):
        done = tocsin("scan", "-", "--rules", place / "rules", "-f", "ndjson", stdin=stdin)
        assert len(alerts(done)) == 4


def test_since_and_until_limit_what_is_looked_at(place: Path) -> None:
    arguments = ("scan", place / "a.ndjson", "--rules", place / "rules", "--format", "ndjson")
    assert len(alerts(tocsin(*arguments, "--since", "2026-11-01T00:00:02Z"))) == 3
    assert len(alerts(tocsin(*arguments, "--until", "2026-11-01T00:00:01Z"))) == 2


def count(db: Path) -> int:
    with sqlite3.connect(db) as connection:
        [(number,)] = connection.execute("select count(*) from alerts")
    connection.close()
    return int(number)


def test_the_second_scan_of_the_same_input_adds_nothing(place: Path) -> None:
    db = place / "t.db"
    arguments = ("scan", place / "a.ndjson", "--rules", place / "rules", "-f", "ndjson", "--db", db)
    first = alerts(tocsin(*arguments))
    assert count(db) == 4
    again = tocsin(*arguments)
    assert count(db) == 4
    assert {a["id"] for a in alerts(again)} == {a["id"] for a in first}
    assert "0 new in the store" in again.stderr.decode()


def test_history_survives_between_runs(place: Path) -> None:
    db = place / "t.db"
    (place / "b.ndjson").write_text(json.dumps(event(5, day=4)) + "\n")
    rules = ("--rules", place / "rules" / "first.toml", "-f", "ndjson", "--db", db)
    assert len(alerts(tocsin("scan", place / "a.ndjson", *rules))) == 2
    assert alerts(tocsin("scan", place / "b.ndjson", *rules)) == []
    assert len(alerts(tocsin("scan", place / "b.ndjson", *rules[:-2]))) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_scan_goes_on_where_it_was(place: Path, how: signal.Signals) -> None:
    """The last input is a pipe that gives nothing, so the scan is stopped in the midst of it."""
    day = place / "day"
    day.mkdir()
    for part in range(3):
        lines = [json.dumps(event(60 * part + n)) + "\n" for n in range(10)]
        (day / f"{part}.ndjson").write_text("".join(lines))
    pipe, db = place / "pipe.ndjson", place / "t.db"
    os.mkfifo(pipe)
    command = [
        sys.executable, "-m", "tocsin", "scan", str(day), str(pipe), "--rules",
        str(place / "rules"), "-f", "ndjson", "--db", str(db),
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN
    ) as running:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not (db.exists() and _done(db) == 3):
            time.sleep(0.05)
        message = _ended(running, how)
    assert count(db) == 30
    if how is signal.SIGINT:
        assert running.returncode == 130
        assert b"goes on from there" in message
    pipe.unlink()
    pipe.write_text(json.dumps(event(500)) + "\n")
    again = tocsin(*command[3:])
    assert "3 files had been done" in again.stderr.decode()
    assert len(alerts(again)) == 32
    assert count(db) == 32


def _ended(running: subprocess.Popen[bytes], how: signal.Signals) -> bytes:
    """What a process says when a signal ends it.

    A signal that comes just before a pipe is opened is known to Python when that has returned, and
    so for this pipe never: whoever presses the keys then presses them again.
    """
    for _ in range(10):
        running.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return running.communicate(timeout=3)[1]
    running.kill()
    pytest.fail("the signal did not end it")


def _done(db: Path) -> int:
    try:
        with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as connection:
            rows = connection.execute("select value from positions").fetchall()
        connection.close()
    except sqlite3.OperationalError:
        return 0
    return len(json.loads(rows[0][0])["done"]) if rows else 0


def shell(line: str, place: Path) -> subprocess.CompletedProcess[bytes]:
    """A command line as a shell runs it; ``$T`` is tocsin, ``$R`` names the rules, ``$ID`` one."""
    more = {"T": f"{sys.executable} -m tocsin", "R": "--rules rules", "ID": RULE}
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=place, capture_output=True, env={**CLEAN, **more}, timeout=60
    )


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("$T scan - $R <&-", 3, "-: standard input is closed"),
        ("$T scan a.ndjson $R -f ndjson >&-", 0, "4 (2 high, 2 low)"),
        ("$T scan a.ndjson $R -f ndjson >&- 2>&-", 0, ""),
        ("$T scan a.ndjson $R -f ndjson >/dev/full", 3, "standard output: no space left"),
        ("$T scan a.ndjson $R >/dev/full", 3, "standard output: no space left"),
        ("$T scan a.ndjson $R -o /dev/full", 3, "--output /dev/full: no space left"),
        ("$T scan a.ndjson $R -f ecs -o /dev/full", 3, "--output /dev/full: no space left"),
        ("$T scan a.ndjson $R -o /nowhere/x", 3, "--output /nowhere/x: no such file"),
        ("$T scan a.ndjson $R -o rules", 3, "--output rules: is a directory"),
        ("$T scan a.ndjson $R --dead-letter /nowhere/x", 3, "/nowhere/x: no such file"),
        ("$T scan bad.json $R --dead-letter /dev/full", 3, "/dev/full: no space left"),
        ("$T --help >/dev/full", 3, "no space left"),
        ("$T explain $ID a.ndjson:1 $R >/dev/full", 3, "no space left"),
        ("$T scan a.ndjson $R --warm-up 999999999w", 3, "'999999999w' is too long"),
        ("$T scan a.ndjson $R --since 2027 --until 2026", 3, "is no time"),
        ("$T scan a.ndjson $R --since 2026-11-02 --until 2026-11-01", 3, "is later than --until"),
        ('$T explain $ID "$(printf %5000s x):1" $R', 3, "file name too long"),
    ],
)
def test_whatever_cannot_be_read_or_written_is_said(
    place: Path, line: str, code: int, said: str
) -> None:
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (place / "bad.json").write_text("{x")
    done = shell(line, place)
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done.stderr.decode()
    assert said in done.stderr.decode()


@pytest.mark.parametrize("line", ["$T scan a.ndjson $R -f ndjson", "$T scan a.ndjson $R", "$T -h"])
def test_a_reader_that_has_enough_is_no_failure(place: Path, line: str) -> None:
    done = shell(f"({line}; echo status $? >&2) | true", place)
    assert "status 0" in done.stderr.decode()
    assert b"Error" not in done.stderr


@pytest.mark.parametrize("option", ["--output", "--dead-letter"])
def test_what_is_read_is_never_written_over(place: Path, option: str) -> None:
    (place / "link.ndjson").symlink_to(place / "a.ndjson")
    before = (place / "a.ndjson").read_bytes()
    shell("$T scan a.ndjson $R --db t.db -f ndjson", place)
    for target in ("a.ndjson", "./link.ndjson", "t.db"):
        done = shell(f"$T scan a.ndjson $R -f ndjson --db t.db {option} {target}", place)
        assert done.returncode == 3
        assert f"{option} {target.removeprefix('./')}: this scan uses" in done.stderr.decode()
    assert (place / "a.ndjson").read_bytes() == before
    assert count(place / "t.db") == 4


def test_names_that_are_no_text_are_written_with_escapes(place: Path) -> None:
    name = os.fsdecode(b"\xff\x1b[31m.ndjson")
    (place / name).write_bytes((place / "a.ndjson").read_bytes() + b"{\n")
    done = shell("$T scan *31m.ndjson $R -f ndjson --db t.db --dead-letter l.ndjson", place)
    assert done.returncode == 0
    sources = {a["events"][0]["source"]["file"] for a in alerts(done)}
    assert sources == {"\\xff\x1b[31m.ndjson"}
    assert json.loads((place / "l.ndjson").read_text())["file"] == "\\xff\x1b[31m.ndjson"
    assert b"\x1b[31m" not in done.stderr


def test_a_terminal_that_knows_only_ascii_gets_escapes(place: Path) -> None:
    (place / "u.ndjson").write_text(json.dumps(event(1, program="/bin/ü/curl")) + "\n")
    done = shell("PYTHONIOENCODING=ascii $T scan u.ndjson $R", place)
    assert done.returncode == 0
    assert b"\\xfc" in done.stdout
    done = shell("PYTHONIOENCODING=ascii $T explain $ID u.ndjson:1 $R", place)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_caret_of_a_broken_rule_stands_below_its_place(place: Path) -> None:
    (place / "rules" / "broken.toml").write_text(BROKEN_RULE)
    lines = shell("$T scan a.ndjson $R -f ndjson", place).stderr.decode().splitlines()
    [place_of] = [n for n, line in enumerate(lines) if "11 |" in line]
    assert lines[place_of].index("= ") == lines[place_of + 1].index("^")


def test_a_pipe_over_several_files_is_the_same_after_an_interruption(place: Path) -> None:
    piped = CONNECT_RULE.replace('("curl", "wget")', '("curl", "wget") | head 1')
    (place / "rules" / "connect.toml").write_text(piped)
    os.mkfifo(place / "pipe.ndjson")
    command = "exec $T scan a.ndjson pipe.ndjson $R -f ndjson --db t.db"
    done = shell(f"timeout -s INT 5 sh -c '{command}'", place)
    (place / "pipe.ndjson").unlink()
    (place / "pipe.ndjson").write_text(json.dumps(event(500)) + "\n")
    again = shell(command, place)
    found = [a["events"][0]["source"] for a in alerts(again) if a["rule"]["name"].startswith("A p")]
    assert found == [{"file": "a.ndjson", "position": "line 1"}], done.stderr
