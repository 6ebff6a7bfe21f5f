"""Compiled things are kept for what they were compiled from and with, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tocsin import kept_files
from tocsin.engine import compiled


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_CACHE", str(tmp_path))
    return tmp_path / "kept"


class Builder:
    """Builds something and counts how often."""

    def __init__(self, content: bytes = b"built") -> None:
        self.content = content
        self.times = 0

    def __call__(self) -> bytes:
        self.times += 1
        return self.content


def test_what_was_built_once_is_not_built_again() -> None:
    build = Builder()
    assert [compiled.kept("patterns", b"key", build) for _ in range(3)] == [b"built"] * 3
    assert build.times == 1


def test_another_key_and_another_kind_are_something_else() -> None:
    assert compiled.kept("patterns", b"one", Builder(b"1")) == b"1"
    assert compiled.kept("patterns", b"two", Builder(b"2")) == b"2"
    assert compiled.kept("others", b"one", Builder(b"3")) == b"3"
    assert compiled.found("patterns", b"one") == b"1"
    assert compiled.found("patterns", b"three") is None


@pytest.mark.parametrize("version", [b"another Tocsin", b"another processor"])
def test_what_another_version_or_processor_compiled_is_not_used(
    version: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled.keep("patterns", b"key", b"old")
    monkeypatch.setattr(compiled, "_versions", lambda: version)
    assert compiled.kept("patterns", b"key", Builder(b"new")) == b"new"
    monkeypatch.undo()


def test_the_versions_name_tocsin_and_what_hyperscan_compiles_for() -> None:
    versions = compiled._versions()
    assert versions.startswith(b"tocsin ")
    assert (b"hyperscan " in versions) == (compiled.hyperscan_build() is not None)


def truncated(content: bytes) -> bytes:
    return content[:-1]


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [truncated, flipped, lambda _: b"", lambda _: b"\x00" * 100])
def test_a_damaged_file_is_built_anew_and_replaced(
    damage: Callable[[bytes], bytes], place: Path
) -> None:
    compiled.keep("patterns", b"key", b"content")
    [file] = place.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    build = Builder(b"content")
    for _ in range(2):
        assert compiled.kept("patterns", b"key", build) == b"content"
    assert build.times == 1


def test_a_file_that_was_given_the_name_of_another_is_not_used(place: Path) -> None:
    compiled.keep("patterns", b"one", b"of one")
    [one] = place.iterdir()
    compiled.keep("patterns", b"two", b"of two")
    [two] = [file for file in place.iterdir() if file != one]
    two.write_bytes(one.read_bytes())
    assert compiled.kept("patterns", b"two", Builder(b"anew")) == b"anew"
    assert compiled.found("patterns", b"two") == b"anew"


def test_nothing_is_kept_where_the_user_wants_none(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_CACHE", "off")
    build = Builder()
    for _ in range(2):
        assert compiled.kept("patterns", b"key", build) == b"built"
    assert build.times == 2
    assert not place.exists()


def test_nothing_is_kept_where_others_can_write(place: Path) -> None:
    compiled.keep("patterns", b"key", b"mine")
    place.chmod(0o777)
    assert compiled.found("patterns", b"key") is None
    assert compiled.kept("patterns", b"key", Builder(b"anew")) == b"anew"


def test_nothing_is_said_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TOCSIN_CACHE", str(tmp_path / "file"))
    assert compiled.kept("patterns", b"key", Builder()) == b"built"
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_files, "_write", full)
    assert compiled.kept("patterns", b"key", Builder()) == b"built"
    assert compiled.found("patterns", b"key") is None


def test_many_at_once_get_whole_things(place: Path) -> None:
    content = b"0123456789" * 20_000
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: compiled.kept("patterns", b"key", lambda: content), range(64))
        )
    assert found == [content] * 64
    assert len(list(place.iterdir())) == 1
