"""Loaded rules that are kept on disk: the same as loaded anew, or loaded anew."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from tests.unit.rules.exactly import differences, same

from tocsin import kept_files
from tocsin.rules import _files, kept
from tocsin.rules import load as load_module
from tocsin.rules.environment import Environment
from tocsin.rules.formats import elastic_toml, sigma_yaml
from tocsin.rules.load import load_rules, shipped_pack
from tocsin.rules.model import Loaded

DAY = 86_400_000_000_000
NOW = 20_500 * DAY + DAY // 2

RULE = """\
[rule]
rule_id = "{id}"
name = "Bell {id}"
severity = "low"
type = "query"
language = "kuery"
from = "{start}"
query = '''
{query}
'''
"""
SIGMA = """\
title: Ringers
id: 5d9b3e0c-3c5e-4f0e-9a55-0123456789ab
logsource: {category: process_creation, product: windows}
detection:
  ringer: {User|expand: "%ringers%"}
  condition: ringer
level: high
"""
PAGE = """\
---
aliases: [bell-rung]
kind: documentation
rule_category: [Workload Security]
source: runtime security
title: Somebody rang the bell
type: security_rules
---

## Goal
Detect when somebody rings the bell.
"""
COMPANION = """\
aliases: [bell-rung]
severity: high
language: secl
about: From the goal of the page.
expression: exec.comm == "{comm}"
"""


@pytest.fixture(autouse=True)
def place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where rules are kept: a place of its own for each test."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TOCSIN_CACHE", str(cache))
    return cache / "kept"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the clock, which stands still."""

    def set_to(nanoseconds: int) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: nanoseconds)

    set_to(NOW)
    return set_to


class Count:
    """How often rules were loaded, and not found."""

    def __init__(self) -> None:
        self.loads = 0


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Count:
    counted = Count()
    loaded = load_module._Collection.loaded

    def counting(self: load_module._Collection, environment: Environment) -> Loaded:
        counted.loads += 1
        return loaded(self, environment)

    monkeypatch.setattr(load_module._Collection, "loaded", counting)
    return counted


def write(directory: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


def rule(number: str = "1", query: str = "host.id:1", start: str = "now-9m") -> str:
    return RULE.format(id=number, query=query, start=start)


def fresh(paths: Sequence[Path], **how: Any) -> Loaded:
    """What is loaded where nothing is kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOCSIN_CACHE", "off")
        return load_rules(paths, **how)


# --- the same -----------------------------------------------------------------------------------


def test_the_pack_is_found_again_as_it_was_loaded(count: Count) -> None:
    first = load_rules([shipped_pack()])
    again = load_rules([shipped_pack()])
    assert count.loads == 1
    assert first.rules
    assert same(again, first)
    assert same(again, fresh([shipped_pack()]))


@pytest.mark.parametrize("vendor", ["elastic", "datadog", "sigma"])
def test_public_rules_are_found_again_as_they_were_loaded(
    vendor: str, shared: Path, count: Count, clock: object
) -> None:
    corpus = shared / "corpora" / vendor
    first = load_rules([corpus])
    again = load_rules([corpus])
    assert count.loads == 1
    assert len(first.rules) > 50
    assert same(again, first)
    assert same(again, fresh([corpus]))


def test_problems_are_found_again(tmp_path: Path, count: Count) -> None:
    write(
        tmp_path,
        {
            "broken.toml": rule(query="host.id:("),
            "twice.toml": rule("2"),
            "twice_2.toml": rule("2"),
            "unknown.toml": rule("3", query="hots.id:1"),
            "no.toml": "[other]\n",
            "bytes.toml": b"[rule]\nname = '\xff'\n",
            "needs.yml": SIGMA,
            "events.ndjson": '{"message": "ding"}\n',
        },
    )
    first = load_rules([tmp_path])
    again = load_rules([tmp_path])
    assert count.loads == 1
    assert {problem.kind for problem in first.problems} >= {
        "syntax", "warning", "unreadable", "needs_values"
    }  # fmt: skip
    assert same(again, first)
    assert same(again, fresh([tmp_path]))


def test_an_empty_directory_is_found_again(tmp_path: Path, count: Count) -> None:
    assert same(load_rules([tmp_path]), load_rules([tmp_path]))
    assert count.loads == 1


def test_rules_from_a_pipe_are_read_once(count: Count) -> None:
    for _ in range(2):
        reader, writer = os.pipe()
        os.write(writer, rule().encode())
        os.close(writer)
        (found,) = load_rules([Path(f"/dev/fd/{reader}")]).rules
        os.close(reader)
        assert found.id == "1"
    assert count.loads == 1


# --- whatever changes -----------------------------------------------------------------------------


def test_one_byte_more_or_less_is_another_rule(tmp_path: Path, count: Count) -> None:
    file = write(tmp_path, {"a.toml": rule(query="host.id:17")}) / "a.toml"
    status = file.stat()
    load_rules([tmp_path])
    file.write_text(rule(query="host.id:18"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    (changed,) = load_rules([tmp_path]).rules
    assert count.loads == 2
    assert changed.text.strip() == "host.id:18"
    assert same(load_rules([tmp_path]), fresh([tmp_path]))


def test_every_byte_counts(tmp_path: Path) -> None:
    text = rule()
    file = write(tmp_path, {"a.toml": text}) / "a.toml"
    load_rules([tmp_path])
    for at in range(0, len(text), 7):
        file.write_text(text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :])
        assert same(load_rules([tmp_path]), fresh([tmp_path]))


def test_a_file_more_or_less_is_another_set(tmp_path: Path) -> None:
    write(tmp_path, {"a.toml": rule("1"), "b.toml": rule("2")})
    both = load_rules([tmp_path])
    (tmp_path / "a.toml").unlink()
    assert [r.id for r in load_rules([tmp_path]).rules] == ["2"]
    write(tmp_path, {"a.toml": rule("1")})
    assert same(load_rules([tmp_path]), both)


def test_a_file_of_another_name_is_another_set(tmp_path: Path) -> None:
    write(tmp_path, {"a.toml": rule()})
    load_rules([tmp_path])
    (tmp_path / "a.toml").rename(tmp_path / "b.toml")
    (found,) = load_rules([tmp_path]).rules
    assert Path(found.path).name == "b.toml"


def test_paths_are_told_as_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"rules/a.toml": rule()})
    monkeypatch.chdir(tmp_path)
    for named in ("rules", "rules/a.toml", str(tmp_path / "rules"), "."):
        load_rules([Path(named)])
        assert same(load_rules([Path(named)]), fresh([Path(named)]))


def test_the_order_of_files_counts(tmp_path: Path) -> None:
    one, two = (write(tmp_path, {f"{n}.toml": rule()}) / f"{n}.toml" for n in (1, 2))
    for paths in ([one, two], [two, one], [one], [one, two, one]):
        for _ in range(2):
            assert same(load_rules(paths), fresh(paths))


def test_whether_two_names_are_one_file_counts(tmp_path: Path) -> None:
    write(tmp_path, {"a.toml": rule()})
    os.link(tmp_path / "a.toml", tmp_path / "b.toml")
    assert len(load_rules([tmp_path]).problems) == 1  # two files, with one rule
    (tmp_path / "b.toml").unlink()
    (tmp_path / "b.toml").symlink_to("a.toml")
    assert not load_rules([tmp_path]).problems
    assert same(load_rules([tmp_path]), fresh([tmp_path]))


ENVIRONMENTS = [
    Environment(),
    Environment(agent_version=(7, 50, 0)),
    Environment(agent_version=None),
    Environment(values={"ringers": ("ann",)}),
    Environment(values={"ringers": ("ann", "bob")}),
    Environment(values={"ringers": ("bob", "ann")}),
    Environment(values={"others": ("ann",)}),
]


def test_what_the_user_says_of_the_place_counts(tmp_path: Path, count: Count) -> None:
    policy = "rules:\n- {id: a, expression: exec.comm == \"a\", agent_version: '>= 7.60'}\n"
    write(tmp_path, {"r.yml": SIGMA, "p.policy": policy})
    for _ in range(2):
        for where in ENVIRONMENTS:
            assert same(load_rules([tmp_path], environment=where),
                        fresh([tmp_path], environment=where))  # fmt: skip
    assert count.loads == 3 * len(ENVIRONMENTS)


def test_strictness_counts(tmp_path: Path) -> None:
    write(tmp_path, {"a.toml": rule(query="hots.id:1")})
    for strict in (False, True, False, True):
        assert len(load_rules([tmp_path], strict_fields=strict).rules) == (not strict)


def test_the_formats_count(tmp_path: Path) -> None:
    write(tmp_path, {"a.toml": rule(), "b.yml": SIGMA})
    for known in ([elastic_toml], [sigma_yaml], [elastic_toml, sigma_yaml]) * 2:
        assert same(load_rules([tmp_path], known=known), fresh([tmp_path], known=known))


def test_with_a_format_of_somebody_else_nothing_is_kept(tmp_path: Path, place: Path) -> None:
    stranger = ModuleType("stranger")
    vars(stranger).update(vars(elastic_toml) | {"__name__": "stranger"})
    write(tmp_path, {"a.toml": rule()})
    load_rules([tmp_path], known=[stranger])  # type: ignore[list-item]
    assert not place.exists()


def test_the_code_that_loads_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    write(tmp_path, {"a.toml": rule()})
    load_rules([tmp_path])
    monkeypatch.setattr(kept, "code_state", lambda: "another")
    load_rules([tmp_path])
    load_rules([tmp_path])
    assert count.loads == 2


def test_every_edit_of_the_code_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path(kept.__file__).parent.parent
    copied = tmp_path / "tocsin"
    shutil.copytree(package, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(kept, "_PLACE", copied)
    states = [kept.code_state.__wrapped__()]
    for name in ("rules/formats/_elastic.py", "logic/expr.py", "source_text.py",
                 "events/schema/ecs.py", "languages/eql/lower.py"):  # fmt: skip
        file = copied / name
        file.write_text(f"{file.read_text()}\n")
        states.append(kept.code_state.__wrapped__())
    file = copied / "logic" / "expr.py"
    os.utime(file, ns=(1, 1))
    states.append(kept.code_state.__wrapped__())
    assert len(set(states)) == 7
    assert kept.code_state.__wrapped__() == states[-1]
    (copied / "rules" / "__pycache__").mkdir()
    assert kept.code_state.__wrapped__().splitlines()[2:] == states[-1].splitlines()[2:]


def test_the_largest_size_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.toml": rule()})
    assert load_rules([tmp_path]).rules
    monkeypatch.setattr(load_module, "LARGEST", 20)
    assert not load_rules([tmp_path]).rules
    monkeypatch.undo()
    assert load_rules([tmp_path]).rules


# --- what shows only while they are loaded --------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "start", "later", "is_kept"),
    [
        ("host.id:1", "now-9m", 400 * DAY, True),
        ("@timestamp >= now-30d/d", "now-9m", DAY // 3, True),
        ("@timestamp >= now-30d/d", "now-9m", DAY, False),
        ('@timestamp >= "now-30d/d"', "now-9m", DAY, False),
        ("@timestamp >= now-30d", "now-9m", 1_000_000, False),
        ("host.id:1", "now-1d-6h", 400 * DAY, True),
        ("host.id:1", "now-7d/d", 1_000_000, False),
        ("host.id:1", "now-1M", DAY, True),
        ("host.id:1", "now-1M", 30 * DAY, False),
    ],
)
def test_a_date_that_moves_is_reckoned_again(
    query: str, start: str, later: int, is_kept: bool,
    tmp_path: Path, count: Count, clock: Callable[[int], None],
) -> None:  # fmt: skip
    write(tmp_path, {"a.toml": rule(query=query, start=start)})
    first = load_rules([tmp_path])
    assert first.rules
    clock(NOW + later)
    again = load_rules([tmp_path])
    assert count.loads == (1 if is_kept else 2)
    assert same(again, fresh([tmp_path]))
    assert is_kept == (not list(differences(first, again)))


def test_a_date_that_never_stays_is_not_kept(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(NOW, NOW + DAY, 1_000_000))
    monkeypatch.setattr(time, "time_ns", lambda: next(ticks))
    write(tmp_path, {"a.toml": rule(query="@timestamp >= now-30d")})
    load_rules([tmp_path])
    assert not list(place.glob("rules-*"))


def export(*items: dict[str, Any]) -> str:
    one = {
        "rule_id": "1", "name": "Bell", "type": "query", "language": "kuery", "severity": "low",
        "query": "process.name:bell",
        "exceptions_list": [{"list_id": "quiet", "type": "detection", "namespace_type": "single"}],
    }  # fmt: skip
    quiet = {"list_id": "quiet", "type": "detection", "namespace_type": "single", "name": "Quiet"}
    return "".join(f"{json.dumps(line)}\n" for line in (one, quiet, *items))


def item(**more: Any) -> dict[str, Any]:
    entry = {"field": "host.id", "operator": "included", "type": "match", "value": "7"}
    return {
        "item_id": "i", "list_id": "quiet", "name": "Belfry", "type": "simple",
        "namespace_type": "single", "entries": [entry], **more,
    }  # fmt: skip


def test_an_exception_ends_in_time(
    tmp_path: Path, count: Count, clock: Callable[[int], None]
) -> None:
    end = dt.datetime.fromtimestamp((NOW + DAY) // 1_000_000_000, dt.UTC).isoformat()
    write(tmp_path, {"rules.ndjson": export(item(expire_time=end))})
    for days, loads, exceptions in ((0, 1, 1), (0, 1, 1), (2, 2, 0), (3, 2, 0)):
        clock(NOW + days * DAY)
        (found,) = load_rules([tmp_path]).rules
        assert (count.loads, len(found.exceptions)) == (loads, exceptions)


def test_a_list_of_values_beside_the_file_counts(tmp_path: Path, count: Count) -> None:
    listed = {"field": "source.ip", "operator": "included", "type": "list",
              "list": {"id": "hosts", "type": "ip"}}  # fmt: skip
    write(tmp_path, {"rules.ndjson": export(item(entries=[listed]))})
    for number, values in enumerate((None, "192.0.2.1\n", "192.0.2.2\n", "192.0.2.1\n", None)):
        if values is None:
            (tmp_path / "hosts.txt").unlink(missing_ok=True)
        else:
            write(tmp_path, {"hosts.txt": values})
        assert same(load_rules([tmp_path]), fresh([tmp_path]))
        before = count.loads
        assert same(load_rules([tmp_path]), fresh([tmp_path]))
        assert count.loads == before + 1, number


def test_a_companion_beside_a_page_counts(tmp_path: Path) -> None:
    page = write(tmp_path, {"bell.md": PAGE}) / "bell.md"
    assert not load_rules([page]).rules
    for comm in ("ding", "dong"):
        write(tmp_path, {"bell.companion.yaml": COMPANION.format(comm=comm)})
        for _ in range(2):
            (found,) = load_rules([page]).rules
            assert comm in found.text
    (tmp_path / "bell.companion.yaml").unlink()
    assert not load_rules([page]).rules


def test_a_file_of_rules_counts_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    monkeypatch.setattr(_files, "BEGINNING", 1_000)
    file = write(tmp_path, {"rules.ndjson": export() + " " * 2_000 + "\n"}) / "rules.ndjson"
    assert len(load_rules([tmp_path]).rules) == 1
    assert len(load_rules([tmp_path]).rules) == 1
    assert count.loads == 1
    with file.open("a") as end:
        end.write(export().replace('"rule_id": "1"', '"rule_id": "2"'))
    for _ in range(2):
        assert [r.id for r in load_rules([tmp_path]).rules] == ["1", "2"]
    assert count.loads == 2


def test_telemetry_counts_by_its_beginning_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    monkeypatch.setattr(_files, "BEGINNING", 1_000)
    events = '{"message": "ding"}\n' * 100
    write(tmp_path, {"a.toml": rule(), "events.ndjson": events})
    load_rules([tmp_path])
    write(tmp_path, {"events.ndjson": events * 2})
    assert same(load_rules([tmp_path]), fresh([tmp_path]))
    assert count.loads == 2  # one of them where nothing is kept


# --- damage -------------------------------------------------------------------------------------


def kept_file(place: Path) -> Path:
    (found,) = place.glob("rules-*")
    return found


def test_a_damaged_file_is_loaded_anew(tmp_path: Path, place: Path, count: Count) -> None:
    write(tmp_path, {"a.toml": rule()})
    first = load_rules([tmp_path])
    content = kept_file(place).read_bytes()
    for at in range(0, len(content), 97):
        kept_file(place).write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        before = count.loads
        assert same(load_rules([tmp_path]), first)
        assert count.loads == before + 1
        assert same(load_rules([tmp_path]), first)
        assert count.loads == before + 1


NOT_RULES = [
    b"",
    b"\xc1",
    msgspec.msgpack.encode(["other"]),
    msgspec.msgpack.encode([[], [], b"not compressed"]),
    msgspec.msgpack.encode([[], [], kept._compressed(b"no rules")]),
    msgspec.msgpack.encode(
        [[], [], kept._compressed(msgspec.msgpack.encode([{}, [[0, ["Rule"]]]]))]
    ),
    msgspec.msgpack.encode([[["sort", b"of", "premise"]], [], b""]),
    msgspec.msgpack.encode([[["end", b"soon", "True"]], [], b""]),
    msgspec.msgpack.encode([[], [[99, b"no such file"]], b""]),
    msgspec.msgpack.encode([[], [[-1, b"no such file"]], b""]),
]


@pytest.mark.parametrize("content", NOT_RULES)
def test_what_is_kept_there_and_no_rules_is_passed_over(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.toml": rule()})
    load = kept_files.load
    monkeypatch.setattr(
        kept_files, "load", lambda kind, key: content if kind == "rules" else load(kind, key)
    )
    assert same(load_rules([tmp_path]), fresh([tmp_path]))


def test_where_nothing_can_be_written_rules_load_all_the_same(
    tmp_path: Path, place: Path, count: Count
) -> None:
    place.write_text("a file where the directory would be")
    write(tmp_path, {"a.toml": rule()})
    for _ in range(2):
        assert len(load_rules([tmp_path]).rules) == 1
    assert count.loads == 2


def test_off_keeps_nothing(
    tmp_path: Path, place: Path, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.toml": rule()})
    monkeypatch.setenv("TOCSIN_CACHE", "off")
    for _ in range(2):
        assert len(load_rules([tmp_path]).rules) == 1
    assert count.loads == 2
    assert not place.exists()


def loaded_in_another_process(directory: str) -> list[tuple[str, str]]:
    return [(r.id, r.text) for _ in range(5) for r in load_rules([Path(directory)]).rules]


def test_two_processes_at_once_load_the_same(tmp_path: Path, place: Path) -> None:
    write(tmp_path, {f"{n}.toml": rule(str(n), query=f"host.id:{n}") for n in range(20)})
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, other = pool.map(loaded_in_another_process, [str(tmp_path)] * 2)
    expected = [(r.id, r.text) for r in fresh([tmp_path]).rules] * 5
    assert one == other == expected
    assert kept_file(place).stat().st_size > 0


def test_formats_are_imported_only_where_rules_are_loaded(tmp_path: Path) -> None:
    """What makes a start slow: YAML, pySigma, the parsers of the languages."""
    write(tmp_path, {"a.toml": rule()})
    program = (
        "import sys; from pathlib import Path; from tocsin.rules.load import load_rules\n"
        f"found = load_rules([Path({str(tmp_path)!r})])\n"
        "heavy = {'yaml', 'sigma', 'tocsin.languages.kql', 'tocsin.rules.formats.elastic_toml'}\n"
        "print(len(found.rules), *sorted(heavy & sys.modules.keys()))"
    )
    told = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    assert told[0].split()[0] == b"1"
    assert b"yaml" in told[0]
    assert told[1].split() == [b"1"]
