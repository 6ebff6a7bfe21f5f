"""Streams that can be read from their beginning again."""

from __future__ import annotations

import errno
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.sources.kept import Kept

DATA = b"".join(b'{"n":%d,"host":"web-1"}\n' % n for n in range(20_000))


class SmallDisk:
    """A temporary file for which there is so much room."""

    def __init__(self, room: int) -> None:
        self._file = io.BytesIO()
        self._room = room

    def write(self, data: memoryview) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        size = min(len(data), self._room)
        self._room -= size
        return self._file.write(data[:size])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    with mock.patch.object(tempfile, "TemporaryFile", return_value=SmallDisk(size)):
        yield


@given(st.lists(st.lists(st.integers(1, 200_000), max_size=4), max_size=4), st.integers(0, 90_000))
def test_it_is_the_same_however_far_it_was_read_before(
    readings: list[list[int]], room: int
) -> None:
    with disk_of(room):
        kept = Kept(lambda: io.BytesIO(DATA))
        for sizes in readings:
            stream, place = kept.open(), 0
            for size in sizes:
                assert stream.read(size) == DATA[place : place + size]
                place += size
        assert kept.open().read() == DATA
        assert kept.open().read() == DATA
        kept.close()


def test_without_a_place_for_files_it_is_kept_in_memory() -> None:
    with mock.patch.object(tempfile, "TemporaryFile", side_effect=FileNotFoundError):
        kept = Kept(lambda: io.BytesIO(DATA))
    assert [kept.open().read() == DATA for _ in range(2)] == [True, True]
    kept.close()


def test_it_takes_less_room_than_it_is_long() -> None:
    with disk_of(len(DATA) // 4):
        kept = Kept(lambda: io.BytesIO(DATA))
        kept.open().read()
        assert not kept._packed._rest
        kept.close()


def test_nobody_is_asked_for_more_behind_the_end() -> None:
    class Terminal(io.BytesIO):
        ended = 0

        def readinto(self, buffer: Any) -> int:
            size = super().readinto(buffer)
            self.ended += not size
            return size

    terminal = Terminal(b"{}\n")
    kept = Kept(lambda: terminal, closes=False)
    assert [kept.open().read(), kept.open().read(), terminal.ended] == [b"{}\n", b"{}\n", 1]
    kept.close()
    assert not terminal.closed


def test_a_copy_that_somebody_cut_is_not_taken_for_the_whole() -> None:
    disk = SmallDisk(1 << 20)
    with mock.patch.object(tempfile, "TemporaryFile", return_value=disk):
        kept = Kept(lambda: io.BytesIO(DATA))
    kept.open().read()
    again = kept.open()
    disk.truncate(10)
    with pytest.raises(OSError, match="was cut"):
        again.read()
    kept.close()


def test_what_cannot_be_read_on_says_so_each_time() -> None:
    class Breaking(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            if size := super().readinto(buffer):
                return size
            raise OSError(errno.EIO, "Input/output error")

    kept = Kept(lambda: Breaking(DATA))
    for _ in range(2):
        stream = kept.open()
        assert stream.read(len(DATA)) == DATA
        with pytest.raises(OSError, match="output error"):
            stream.read(1)
    kept.close()


def test_whether_there_is_more_is_known_without_losing_anything() -> None:
    kept = Kept(lambda: io.BytesIO(DATA))
    assert kept.exceeds(len(DATA) - 1)
    assert not kept.exceeds(len(DATA))
    assert kept.open().read() == DATA
    kept.close()
