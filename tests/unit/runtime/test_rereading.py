"""What a second reading leaves out, and what it does not dare to."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import msgspec
import pytest

from tocsin.engine.needles import Needles
from tocsin.logic import query as logic
from tocsin.logic.expr import Leaf
from tocsin.logic.matchers import Equals
from tocsin.rules.model import Rule
from tocsin.runtime import layout, rereading
from tocsin.runtime import scan as scanning
from tocsin.runtime.detector import ALWAYS, Window
from tocsin.runtime.memory import Forgetful, Stored
from tocsin.runtime.scan import Scan
from tocsin.runtime.wanted import Stretch
from tocsin.sources.files import find
from tocsin.store.open import open_store

BEGIN = dt.datetime(2026, 11, 14, tzinfo=dt.UTC)
NOW = int((BEGIN + dt.timedelta(hours=4)).timestamp()) * 1_000_000_000
KEY = (logic.Key("process.entity_id"),)
RULE = Rule(
    id="r", name="r", vendor="elastic", path="r.toml", language="eql", type="eql",
    kind="eql sequence", text="",
    query=logic.Sequence(
        tuple(
            logic.Term(logic.Filter(Leaf("kind", Equals((kind,)), "keyword")), KEY)
            for kind in ("start", "odd")
        ),
        dt.timedelta(minutes=1),
    ),
)  # fmt: skip


def line(second: int, key: str, kind: str = "start") -> str:
    time = f"{BEGIN + dt.timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}"
    start = f'{{"@timestamp":"{time}","kind":"{kind}","process":{{"entity_id":"{key}"}}'
    return f'{start},"message":"{"x" * 100}","n":{second}}}'


class Rung:
    def __init__(self) -> None:
        self.found: list[list[str]] = []

    def write(self, alert: object) -> None:
        self.found.append([event.source.position for event in alert.events])  # type: ignore[attr-defined]


@pytest.fixture
def read() -> Iterator[list[Stretch]]:
    """The stretches that were read again."""
    found: list[Stretch] = []
    original = rereading.Reader.found

    def noted(self: rereading.Reader, pieces: Iterator[tuple[Stretch, bytes]]) -> object:
        def pass_on() -> Iterator[tuple[Stretch, bytes]]:
            for stretch, data in pieces:
                found.append(stretch)
                yield stretch, data

        return original(self, pass_on())

    with (
        mock.patch.object(rereading.Reader, "found", noted),
        mock.patch.object(scanning, "MANY_BYTES", 0),
        mock.patch.object(layout, "SECTION", 1_000),
    ):
        yield found


def scan(file: Path) -> list[list[str]]:
    sink = Rung()
    Scan([RULE], find([str(file)]), Forgetful(), sink, clock=lambda: 0).run()
    return sink.found


def lines(count: int = 4_000) -> list[str]:
    """Every event begins a process; one of them is odd 10 seconds later."""
    found = [line(second, f"key-{second:05}") for second in range(count)]
    found[2_010] = line(2_010, "key-02000", "odd")
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_only_what_lies_near_a_rare_hit_is_read_again(
    tmp_path: Path, read: list[Stretch], packed: bool
) -> None:
    data = "\n".join(lines()).encode()
    (tmp_path / "a.ndjson").write_bytes(gzip.compress(data) if packed else data)
    assert scan(tmp_path / "a.ndjson") == [["line 2001", "line 2011"]]
    assert 0 < sum(one.end - one.begin for one in read) < len(data) / 20
    assert not any(one.in_full for one in read)


def test_a_file_without_a_rare_hit_near_is_not_opened_again(
    tmp_path: Path, read: list[Stretch]
) -> None:
    (tmp_path / "a.ndjson").write_text("\n".join(lines()))
    (tmp_path / "b.ndjson").write_text("\n".join(line(n, f"key-{n}") for n in range(9_000, 12_000)))
    opened: list[str] = []
    real = rereading._read

    def noted(path: str, stretches: object) -> object:
        opened.append(Path(path).name)
        return real(path, stretches)  # type: ignore[arg-type]

    with mock.patch.object(rereading, "_read", noted):
        assert len(scan(tmp_path)) == 1
    assert opened == ["a.ndjson"]


def test_a_time_that_stands_twice_is_not_believed(tmp_path: Path, read: list[Stretch]) -> None:
    found = lines()
    twice = line(2_000, "key-02000")
    found[2_000] = line(2_000, "key-other")
    found[100] = line(100, "key-02000")[:-1] + "," + twice[1:36] + "}"
    assert found[100].count('"@timestamp":"') == 2
    (tmp_path / "a.ndjson").write_text("\n".join(found))
    assert scan(tmp_path / "a.ndjson") == [["line 101", "line 2011"]]


def test_a_file_that_was_written_to_meanwhile_is_read_in_full(
    tmp_path: Path, read: list[Stretch]
) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text("\n".join(lines()))
    real = scanning.Scan._read_again

    def after_writing(self: Scan, maps: object) -> None:
        file.write_text("\n".join(["", *lines()]))
        real(self, maps)  # type: ignore[arg-type]

    with mock.patch.object(scanning.Scan, "_read_again", after_writing):
        assert scan(file) == [["line 2002", "line 2012"]]
    assert not read


def test_needles_are_found_in_either_case_and_too_many_are_not_counted() -> None:
    needles = Needles([b"odd", b"rare"])
    assert needles.places(b'{"a":1}\n{"b":"ODD"}\n') in ([(0, 17)], None)
    assert needles.places(b"odd" * 100_000) is None
    assert Needles([]).places(b"odd") == []
    assert Needles([b"odd"], with_hyperscan=False).places(b"odd") is None


def kept(file: Path, store: Path, rule: Rule = RULE, window: Window = ALWAYS) -> list[list[str]]:
    """Scans a file with a store, and says what rang."""
    sink, engine = Rung(), open_store(f"sqlite:///{store}")
    try:
        Scan(
            [rule], find([str(file)]), Stored(engine), sink, window=window, clock=lambda: NOW
        ).run()
    finally:
        engine.dispose()
    return sink.found


def test_with_a_store_what_a_later_scan_may_go_on_with_is_looked_at_too(
    tmp_path: Path, read: list[Stretch]
) -> None:
    data = [f"{line}\n" for line in lines()]
    for name, part in ("a", data[:2_005]), ("b", data[2_005:]):
        (tmp_path / name).with_suffix(".ndjson").write_text("".join(part))
    assert kept(tmp_path / "a.ndjson", tmp_path / "t.db") == []
    # The last minute, and nothing else.
    assert 60 * len(data[0]) < sum(one.end - one.begin for one in read) < 80 * len(data[0])
    read.clear()
    assert kept(tmp_path / "b.ndjson", tmp_path / "t.db") == [["line 2001", "line 6"]]
    # Its first minute, since what began before may go on, and its last.
    assert 120 * len(data[0]) < sum(one.end - one.begin for one in read) < 160 * len(data[0])


def test_with_a_store_what_an_earlier_scan_left_is_gone_on_with(
    tmp_path: Path, read: list[Stretch]
) -> None:
    query = RULE.query
    assert isinstance(query, logic.Sequence)
    rule = msgspec.structs.replace(
        RULE, query=msgspec.structs.replace(query, terms=query.terms[::-1])
    )
    data = lines()
    data[2_010] = line(2_010, "key-02020", "odd")
    (tmp_path / "a.ndjson").write_text("\n".join(data[:2_015]))
    (tmp_path / "b.ndjson").write_text("\n".join(data[2_015:]))
    assert kept(tmp_path / "a.ndjson", tmp_path / "t.db", rule) == []
    assert kept(tmp_path / "b.ndjson", tmp_path / "t.db", rule) == [["line 2011", "line 6"]]
    assert sum(one.end - one.begin for one in read) < 400 * len(data[0])


def test_a_clock_that_is_ahead_does_not_hide_what_others_say(
    tmp_path: Path, read: list[Stretch]
) -> None:
    ahead = line(200_000_000, "key-ahead", "other")
    (tmp_path / "a.ndjson").write_text("\n".join([*lines()[:2_005], ahead]))
    (tmp_path / "b.ndjson").write_text("\n".join(lines()[2_005:]))
    assert kept(tmp_path / "a.ndjson", tmp_path / "t.db") == []
    assert kept(tmp_path / "b.ndjson", tmp_path / "t.db") == [["line 2001", "line 6"]]


def test_what_lies_before_until_may_be_gone_on_with(tmp_path: Path, read: list[Stretch]) -> None:
    (tmp_path / "a.ndjson").write_text("\n".join(lines()))
    half = int((BEGIN + dt.timedelta(seconds=2_005)).timestamp()) * 1_000_000_000
    for window in (Window(None, half - 1), Window(half, None)):
        found = kept(tmp_path / "a.ndjson", tmp_path / "t.db", window=window)
    assert found == [["line 2001", "line 2011"]]


def test_a_file_that_is_gone_when_it_is_read_again_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text("\n".join(lines()))
    sink = Rung()
    real = Scan._read_again

    def after_removing(self: Scan, maps: object) -> None:
        (tmp_path / "a.ndjson").unlink()
        real(self, maps)  # type: ignore[arg-type]

    with (
        mock.patch.object(scanning, "MANY_BYTES", 0),
        mock.patch.object(Scan, "_read_again", after_removing),
    ):
        job = Scan([RULE], find([str(tmp_path / "a.ndjson")]), Forgetful(), sink, clock=lambda: NOW)
        summary = job.run()
    assert [reason.partition(": ")[2] for reason in summary.refused] == [
        "no such file or directory, when it was read again for sequences"
    ]
