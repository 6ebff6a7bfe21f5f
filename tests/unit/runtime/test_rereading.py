"""What a second reading leaves out, and what it does not dare to."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tocsin.engine.needles import Needles
from tocsin.logic import query as logic
from tocsin.logic.expr import Leaf
from tocsin.logic.matchers import Equals
from tocsin.rules.model import Rule
from tocsin.runtime import layout, rereading
from tocsin.runtime import scan as scanning
from tocsin.runtime.memory import Forgetful
from tocsin.runtime.scan import Scan
from tocsin.runtime.wanted import Stretch
from tocsin.sources.files import find

BEGIN = dt.datetime(2026, 11, 14, tzinfo=dt.UTC)
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
