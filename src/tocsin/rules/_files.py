"""Files of rules as they lie on the disk: which there are, and what is in them.

A file is read once, here: what is loaded is what was looked at to tell whether it had been loaded
before (`rules.kept`). In a directory, most files of JSON are telemetry; of these the beginning is
read, and more only once somebody knows that there are rules in it.
"""

# Of thousands of files, to make path objects takes longer than to read them.
# ruff: noqa: PTH116, PTH118, PTH122, PTH123, PTH208

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from tocsin.errors import RuleError

DATA: Final = (".ndjson", ".json")
"""Endings of files that hold many rules; in a directory, most of them are telemetry."""

_LONGEST_ENDING: Final = max(map(len, DATA))

BEGINNING: Final = 1_000_000
"""How much is read of a file that may be telemetry, in bytes."""

_PIECE: Final = 1 << 20
_NOTHING_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP})


class FileRead(msgspec.Struct, frozen=True):
    """A file and what was read of it.

    Attributes:
        path: as people see it.
        named: the user named the file itself; its ending is no reason to pass it over.
        content: its bytes, at most one more than may be.
        is_whole: there is no more; else it is the beginning of a file that may be telemetry.
        error: why it could not be read; empty: it could.
    """

    path: str
    named: bool
    content: bytes = b""
    is_whole: bool = True
    error: str = ""


class Sizes(msgspec.Struct, frozen=True):
    """The largest file that is read, in bytes: of one rule, and of many."""

    rule: int
    export: int

    def of(self, path: str) -> int:
        """The largest that a file of this name may be."""
        return self.export if is_data(path) else self.rule


def is_data(path: str) -> bool:
    """Whether a file may be telemetry, by its ending."""
    return path[-_LONGEST_ENDING:].lower().endswith(DATA)


def read_files(paths: Iterable[Path], suffixes: frozenset[str], sizes: Sizes) -> list[FileRead]:
    """Files, and those with these endings in directories, in order, each of them once.

    Raises:
        RuleError: a path does not exist.
    """
    found: list[FileRead] = []
    seen = _Seen()
    for path in paths:
        if path.is_dir():
            names, named = _files_below(str(path), suffixes), False
        elif path.exists():
            names, named = iter((str(path),)), True
        else:
            message = f"no such file or directory: {path}"
            raise RuleError(message)
        for name in names:
            read, identity = _read(name, sizes, named=named)
            if seen.is_new(name, identity):
                found.append(read)
    return found


def read_on(file: FileRead, sizes: Sizes) -> FileRead:
    """The whole of a file of which the beginning was read."""
    return _read(file.path, sizes, named=file.named, whole=True)[0]


def text_of(file: FileRead, sizes: Sizes) -> str:
    """The file's text.

    Raises:
        ValueError: it could not be read, is too large, or no UTF-8.
    """
    if file.error:
        raise ValueError(file.error)
    content, largest = file.content, sizes.of(file.path)
    if len(content) > largest:
        message = f"larger than {largest // 1_000_000} MB"
        raise ValueError(message)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8: byte {content[error.start]:#04x} on line {line}"
        raise ValueError(message) from None


def beginning_of(file: FileRead) -> str:
    """The file's first lines, whatever is in them."""
    return file.content[:BEGINNING].decode("utf-8-sig", "replace")


# --- the disk ---------------------------------------------------------------------------------

Identity = tuple[int, int]
"""The device and number of a file."""


class _Seen:
    """Which files were met already, by whatever links lead to them.

    To follow every link takes longer than to read a file. A file that has a number of its own
    cannot have been met before; only where two have the same do their real paths decide.
    """

    def __init__(self) -> None:
        self._first: dict[Identity, str] = {}
        self._real: set[str] = set()

    def is_new(self, path: str, identity: Identity | None) -> bool:
        """Whether the file was not met before. None: nothing is known of it but its path."""
        if identity is not None:
            if identity not in self._first:
                self._first[identity] = path
                return True
            self._real.add(os.path.realpath(self._first[identity]))
        real = os.path.realpath(path)
        if real in self._real:
            return False
        self._real.add(real)
        return True


def _files_below(directory: str, suffixes: frozenset[str]) -> Iterator[str]:
    """Files with these endings in order; each directory once, however links lead to it."""
    seen: set[Identity] = set()
    pending = [directory]
    while pending:
        place = pending.pop()
        try:
            identity = _directory(place)
            if identity is None:
                if _suffix(place) in suffixes:
                    yield place
            elif identity not in seen:
                seen.add(identity)
                inside = (name for name in os.listdir(place) if not name.startswith("."))
                pending.extend(_below(place, name) for name in sorted(inside, reverse=True))
        except OSError:
            yield place  # reading it will tell what is wrong with it


def _directory(place: str) -> Identity | None:
    """The identity of a directory; None for what is none.

    Raises:
        OSError: it cannot be told.
    """
    try:
        status = os.stat(place)
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return None
        raise
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _below(place: str, name: str) -> str:
    return name if place == "." else os.path.join(place, name)


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _read(
    path: str, sizes: Sizes, *, named: bool, whole: bool = False
) -> tuple[FileRead, Identity | None]:
    """What is in a file, and which it is."""
    most, is_whole = sizes.of(path) + 1, True
    identity: Identity | None = None
    try:
        with open(path, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            identity = (status.st_dev, status.st_ino)
            if is_data(path) and not named and not whole and most > BEGINNING:
                most, is_whole = BEGINNING, False
            content = _content(file.fileno(), most, status)
    except (OSError, ValueError) as error:
        return FileRead(path, named, error=str(error)), identity
    return FileRead(path, named, content, is_whole or len(content) < most), identity


def _content(descriptor: int, most: int, status: os.stat_result) -> bytes:
    """The first bytes of a file, as many as there are and no more than ``most``."""
    size = status.st_size if stat.S_ISREG(status.st_mode) else -1
    first = os.read(descriptor, min(most, size + 1 if size >= 0 else _PIECE))
    if len(first) == size:
        return first  # the end was asked for, and was there
    pieces, read = [first], len(first)
    while read < most and (piece := os.read(descriptor, min(most - read, _PIECE))):
        pieces.append(piece)
        read += len(piece)
    return b"".join(pieces)
