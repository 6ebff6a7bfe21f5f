"""What is kept on disk: found again, or as if it were not there."""

from __future__ import annotations

import doctest
import errno
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tocsin import kept_files
from tocsin.kept_files import is_on, kept, load, store


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kept"


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is made after every file and not after many."""
    monkeypatch.setattr(kept_files, "_UNCOUNTED_FILES", 0)


def files(place: Path) -> list[Path]:
    return sorted(place.iterdir())


def no_building() -> bytes:
    pytest.fail("it was kept")


def test_the_example_holds() -> None:
    assert doctest.testmod(kept_files) == (0, 1)


def test_what_is_stored_is_loaded() -> None:
    store("bells", b"key", b"ding")
    assert load("bells", b"key") == b"ding"


def test_another_key_or_kind_is_another_thing() -> None:
    store("bells", b"key", b"ding")
    assert load("bells", b"other") is None
    assert load("gongs", b"key") is None


@pytest.mark.parametrize("data", [b"", b"\0", b"tocsin kept 1\n", os.urandom(100_000)])
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    store("bells", b"key", data)
    assert load("bells", b"key") == data


def test_what_is_kept_is_built_once() -> None:
    assert kept("bells", b"key", lambda: b"ding") == b"ding"
    assert kept("bells", b"key", no_building) == b"ding"


def test_what_is_stored_again_is_the_last() -> None:
    store("bells", b"key", b"ding")
    store("bells", b"key", b"dong")
    assert load("bells", b"key") == b"dong"


def test_off_keeps_nothing(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    for off in ("off", "OFF"):
        monkeypatch.setenv("TOCSIN_CACHE", off)
        assert not is_on()
        assert kept("bells", b"key", lambda: b"ding") == b"ding"
        assert kept("bells", b"key", lambda: b"dong") == b"dong"
    assert not place.exists()


def test_without_a_name_it_is_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOCSIN_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store("bells", b"key", b"ding")
    (found,) = tmp_path.rglob("bells-*")
    assert found.parent.parent.name == "tocsin"


@pytest.mark.parametrize("kind", ["", "Bells", "../bells", "bells/x", "1", "b" * 40])
def test_a_kind_is_a_plain_name(kind: str) -> None:
    with pytest.raises(ValueError, match="a kind of what is kept"):
        load(kind, b"key")


def test_nobody_else_may_look(place: Path) -> None:
    store("bells", b"key", b"ding")
    (file,) = files(place)
    assert place.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


# --- damage -----------------------------------------------------------------------------------

DAMAGES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("empty", lambda _: b""),
    ("cut off", lambda content: content[:-1]),
    ("cut off in the hash", lambda content: content[:30]),
    ("longer", lambda content: content + b"\0"),
    ("another mark", lambda content: b"x" + content[1:]),
    ("another hash", lambda content: content[:20] + bytes([content[20] ^ 1]) + content[21:]),
    ("another byte", lambda content: content[:-3] + bytes([content[-3] ^ 128]) + content[-2:]),
]


@pytest.mark.parametrize("damage", [d for _, d in DAMAGES], ids=[name for name, _ in DAMAGES])
def test_what_is_damaged_is_built_anew(damage: Callable[[bytes], bytes], place: Path) -> None:
    store("bells", b"key", b"ding dong")
    (file,) = files(place)
    file.write_bytes(damage(file.read_bytes()))
    assert load("bells", b"key") is None
    assert kept("bells", b"key", lambda: b"ding dong") == b"ding dong"
    assert kept("bells", b"key", no_building) == b"ding dong"


def test_a_file_under_another_name_is_nothing(place: Path) -> None:
    store("bells", b"key", b"ding")
    store("bells", b"other", b"dong")
    one, other = files(place)
    one.replace(other)
    assert load("bells", b"key") is None
    assert load("bells", b"other") is None


def test_a_directory_in_the_place_of_a_file_is_nothing(place: Path) -> None:
    store("bells", b"key", b"ding")
    (file,) = files(place)
    file.unlink()
    file.mkdir()
    assert kept("bells", b"key", lambda: b"ding") == b"ding"
    assert load("bells", b"key") is None


def test_a_link_is_not_followed(place: Path, tmp_path: Path) -> None:
    store("bells", b"key", b"ding")
    (file,) = files(place)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert load("bells", b"key") is None
    store("bells", b"key", b"dong")
    assert load("bells", b"key") == b"dong"
    assert not file.is_symlink()


def test_a_pipe_does_not_hold_it_up(place: Path) -> None:
    store("bells", b"key", b"ding")
    (file,) = files(place)
    file.unlink()
    os.mkfifo(file)
    assert load("bells", b"key") is None


# --- places that cannot be used ---------------------------------------------------------------


def is_refused() -> bool:
    """Whether nothing is read, and nothing written that could be read later."""
    store("bells", b"other", b"ding")
    return load("bells", b"key") is None and load("bells", b"other") is None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_directory_that_others_can_write_is_refused(mode: int, place: Path) -> None:
    store("bells", b"key", b"ding")
    place.chmod(mode)
    assert is_refused()
    place.chmod(0o700)
    assert load("bells", b"key") == b"ding"
    assert load("bells", b"other") is None


def test_a_directory_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    store("bells", b"key", b"ding")
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert is_refused()


def test_a_file_that_others_can_write_is_refused(place: Path) -> None:
    store("bells", b"key", b"ding")
    files(place)[0].chmod(0o666)
    assert load("bells", b"key") is None


def test_a_link_to_a_directory_is_refused(place: Path, tmp_path: Path) -> None:
    store("bells", b"key", b"ding")
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert is_refused()
    assert len(files(tmp_path / "elsewhere")) == 1


def test_a_file_in_the_place_of_the_directory_is_refused(place: Path) -> None:
    place.parent.mkdir()
    place.write_text("no directory")
    assert is_refused()
    assert place.read_text() == "no directory"


def test_a_user_without_a_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import platformdirs

    monkeypatch.setenv("TOCSIN_CACHE", "")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: Path("~/.cache/tocsin"))
    assert not is_on()
    assert is_refused()


@pytest.mark.parametrize("call", ["open", "replace", "fdopen", "mkdir"])
def test_a_full_disk_is_no_error(call: str, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        assert kept("bells", b"key", lambda: b"ding") == b"ding"
    assert not place.exists() or not files(place)


def test_an_interruption_leaves_nothing_unfinished(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store("bells", b"key", b"ding")
    assert not files(place)


# --- room -------------------------------------------------------------------------------------


def aged(place: Path, seconds: float) -> None:
    """Makes everything that is there older."""
    for file in files(place):
        status = file.stat()
        os.utime(file, (status.st_atime - seconds, status.st_mtime - seconds))


def test_the_oldest_files_go(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(kept_files, "MOST_FILES", 3)
    for number in range(5):
        store("bells", b"%d" % number, b"ding")
        aged(place, 10)
    assert [n for n in range(5) if load("bells", b"%d" % n) is not None] == [2, 3, 4]


def test_the_oldest_files_go_where_they_are_large(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.setattr(kept_files, "MOST_BYTES", 2_500)
    for number in range(4):
        store("bells", b"%d" % number, bytes(1_000))
        aged(place, 10)
    assert [n for n in range(4) if load("bells", b"%d" % n) is not None] == [2, 3]


def test_what_is_used_is_young(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(kept_files, "MOST_FILES", 2)
    store("bells", b"old", b"ding")
    aged(place, 20_000)
    store("bells", b"new", b"dong")
    aged(place, 10_000)
    assert load("bells", b"old") == b"ding"
    store("bells", b"newest", b"bong")
    assert load("bells", b"new") is None
    assert load("bells", b"old") == b"ding"


def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(kept_files, "LARGEST", 10)
    store("bells", b"key", bytes(11))
    assert load("bells", b"key") is None


def test_what_others_left_unfinished_goes_after_a_while(place: Path) -> None:
    store("bells", b"key", b"ding")
    for name, age in ((".0123456789abcdef.new", 10_000), (".fedcba9876543210.new", 10)):
        (place / name).write_bytes(b"half")
        os.utime(place / name, (time.time() - age, time.time() - age))
    store("bells", b"other", b"dong")
    assert [file.name for file in files(place) if file.name.startswith(".")] == [
        ".fedcba9876543210.new"
    ]


def test_files_of_others_stay(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(kept_files, "MOST_FILES", 1)
    store("bells", b"key", b"ding")
    (place / "notes.txt").write_text("mine")
    os.utime(place / "notes.txt", (0, 0))
    store("bells", b"other", b"dong")
    assert (place / "notes.txt").read_text() == "mine"


# --- at once ----------------------------------------------------------------------------------


def write_and_read(worker: int, rounds: int) -> int:
    """How often something was found; what is found is what belongs there."""
    kept_files.MOST_FILES = 3  # type: ignore[misc]
    found = 0
    for number in range(rounds):
        key = b"%d" % (number % 5)
        data = load("bells", key)
        if data is not None:
            assert data == key * 5_000
            found += 1
        store("bells", key, key * 5_000)
        assert worker >= 0
    return found


def test_processes_do_not_disturb_each_other(place: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.starmap(write_and_read, [(worker, 100) for worker in range(3)])
    assert all(found)
    assert all(file.name.startswith("bells-") for file in files(place))
