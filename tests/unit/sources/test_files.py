from __future__ import annotations

import errno
import gzip
import io
import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tocsin.errors import InputError, UsageError
from tocsin.events.record import Record, Undecodable
from tocsin.sources.files import InputFile, OpenFile, find

LINES = b'{"a":1}\n{"a":2}\n'


def read(path: Path) -> list[Record | Undecodable]:
    with OpenFile(InputFile(str(path))) as opened:
        return list(opened.records())


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a.jsonl", "a", "a.log"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_what_a_file_is_shows_in_its_first_bytes(
    tmp_path: Path, name: str, compress: object
) -> None:
    path = written(tmp_path / name, compress(LINES))  # type: ignore[operator]
    assert [f.document for f in read(path) if isinstance(f, Record)] == [{"a": 1}, {"a": 2}]


def test_several_gzip_members_and_zstandard_frames_are_one_file(tmp_path: Path) -> None:
    for compress in (gzip.compress, zstandard.compress):
        path = written(tmp_path / "two", compress(LINES) + compress(LINES))
        assert len(read(path)) == 4


def test_frames_of_zstandard_that_hold_no_data_are_passed_over(tmp_path: Path) -> None:
    note = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    assert len(read(written(tmp_path / "a", note + zstandard.compress(LINES) + note))) == 2


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_compression_that_breaks_off_keeps_what_came_before(
    tmp_path: Path, compress: object
) -> None:
    import random

    noise = random.Random(4)
    lines = b"".join(b'{"a":"%032x"}\n' % noise.getrandbits(128) for _ in range(40_000))
    data: bytes = compress(lines)  # type: ignore[operator]
    found = read(written(tmp_path / "cut.ndjson", data[: len(data) // 2]))
    assert sum(isinstance(f, Record) for f in found) > 1_000
    assert isinstance(found[-1], Undecodable)
    assert found[-1].position == "end of file"


def test_directories_are_read_whole_in_order_and_say_what_they_pass_over(tmp_path: Path) -> None:
    written(tmp_path / "b" / "2.ndjson.gz", gzip.compress(LINES))
    written(tmp_path / "a.json", LINES)
    written(tmp_path / "notes.txt", b"hello")
    written(tmp_path / ".hidden.json", LINES)
    found = find([str(tmp_path)])
    assert [Path(f.name).name for f in found.files] == ["a.json", "2.ndjson.gz"]
    assert [Path(name).name for name in found.passed_over] == ["notes.txt"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", LINES)
    assert len(find([str(path), str(tmp_path), str(path)]).files) == 1


def test_what_cannot_be_read_is_refused_by_name_and_the_rest_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", LINES)
    found = find([str(tmp_path / "none.json"), str(path)])
    assert len(found.files) == 1
    assert found.refused == (f"{tmp_path / 'none.json'}: no such file or directory",)


def test_an_unknown_format_says_what_is_known(tmp_path: Path) -> None:
    path = written(tmp_path / "picture.png", b"\x89PNG\r\n")
    with pytest.raises(InputError, match=r"picture.png: unknown format; Tocsin reads .*\.ndjson"):
        read(path)


def test_an_empty_file_with_a_known_ending_has_no_events(tmp_path: Path) -> None:
    assert read(written(tmp_path / "empty.ndjson", b"")) == []


def test_standard_input_is_recognised_like_a_file() -> None:
    for data in (LINES, gzip.compress(LINES), b" \n" + LINES):
        with OpenFile(InputFile("-"), io.BytesIO(data)) as opened:
            assert len(list(opened.records())) == 2


def test_the_position_moves_to_the_end_of_the_file_as_it_lies_on_disk(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson.gz", gzip.compress(LINES))
    with OpenFile(InputFile(str(path))) as opened:
        list(opened.records())
        assert opened.position == path.stat().st_size


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_what_stands_behind_the_compressed_data_costs_nothing_of_it(
    tmp_path: Path, compress: object
) -> None:
    data: bytes = compress(LINES)  # type: ignore[operator]
    found = read(written(tmp_path / "a.ndjson", data + b"garbage that is nothing"))
    assert [type(f) for f in found] == [Record, Record, Undecodable]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_few_bytes_that_stand_for_very_many_are_taken_little_by_little(
    tmp_path: Path, compress: object
) -> None:
    data: bytes = compress(b"x" * (200 << 20))  # type: ignore[operator]
    path = written(tmp_path / "bomb.ndjson", compress(LINES) + data)  # type: ignore[operator]
    with OpenFile(InputFile(str(path))) as opened:
        tracemalloc.start()
        try:
            assert [type(f) for f in opened.records()] == [Record, Record, Undecodable]
            assert tracemalloc.get_traced_memory()[1] < 96 << 20
        finally:
            tracemalloc.stop()


def test_a_directory_that_cannot_be_listed_is_named_and_those_beside_it_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "a" / "1.json", LINES)
    written(tmp_path / "b" / "2.json", LINES)
    listing = os.scandir

    def scandir(path: str) -> object:
        if Path(path).name == "a":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = find([str(tmp_path)])
    assert [Path(f.name).name for f in found.files] == ["2.json"]
    assert found.refused == (f"{tmp_path / 'a'}: permission denied",)


def test_what_is_no_file_is_passed_over_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round").symlink_to(tmp_path)
    found = find([str(tmp_path)])
    assert found.files == ()
    assert [Path(name).name for name in found.passed_over] == ["gone.json", "pipe.json", "round"]


def test_a_name_that_is_no_text_is_shown_with_escapes(tmp_path: Path) -> None:
    path = written(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json")), LINES)
    assert len(read(path)) == 2
    assert InputFile(str(path)).shown == f"{tmp_path}/\\xff.json"


def test_a_file_that_cannot_be_read_on_is_named(tmp_path: Path) -> None:
    class Breaking(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            if count := super().readinto(buffer):
                return count
            raise OSError(errno.EIO, "Input/output error")

    with OpenFile(InputFile("-"), Breaking(LINES)) as opened:
        records = opened.records()
        with pytest.raises(InputError, match="-: input/output error"):
            list(records)


def test_a_closed_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="-: standard input is closed"):
        OpenFile(InputFile("-"))


@pytest.mark.parametrize("name", ["bells.ndjson.1", "bells.ndjson.12.gz"])
def test_a_rotated_file_of_a_directory_is_read(tmp_path: Path, name: str) -> None:
    content = b'{"a":1}\n'
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    (file,) = find([str(tmp_path)]).files
    with OpenFile(file) as opened:
        assert [r.document for r in opened.records() if isinstance(r, Record)] == [{"a": 1}]


def test_an_input_may_be_said_to_be_something(tmp_path: Path) -> None:
    path = tmp_path / "bells"
    path.write_bytes(b'{"evt": {"name": "exec"}, "process": {}}\n')
    for said, shape in (("datadog_cws", "datadog_cws"), ("ecs", "ecs"), ("json", ""), ("", "")):
        (file,) = find([str(path)], said).files
        with OpenFile(file) as opened:
            assert [r.shape for r in opened.records() if isinstance(r, Record)] == [shape]


def test_an_unknown_format_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean evtx"):
        find(["-"], "evtxx")
    with pytest.raises(UsageError, match=r"one of auditd, .*zeek"):
        find(["-"], "qqq")
