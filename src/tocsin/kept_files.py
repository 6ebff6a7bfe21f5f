"""What took long to work out and is kept on disk: bytes, by kind and key.

Whoever keeps something says in the key all that it was made of: what is found under a key is
taken for what would be made again. A kept file is a convenience and nothing else. One that is
damaged, or cannot be read or written, is as if it were not there.

    <cache>/kept/<kind>-<hash of the key>    mark, BLAKE2b-256 of name and content, content

``<cache>`` is the user's cache directory, or what the environment variable TOCSIN_CACHE names;
with ``TOCSIN_CACHE=off`` nothing is kept. What is in ``kept`` decides which rules run, so it is
used only if it belongs to the user alone. It stays small: the oldest files go.

>>> kept("sums", b"1 2 3", lambda: b"6"), kept("sums", b"1 2 3", lambda: b"never made")
(b'6', b'6')
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 256 << 20
MOST_FILES: Final = 2_000
"""How much is kept; beyond it the files that were used longest ago go."""

LARGEST: Final = MOST_BYTES // 2
"""The largest thing that is kept, in bytes."""

_MARK: Final = b"tocsin kept 1\n"
_DIGEST: Final = 32
_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}-[0-9a-f]{64}\Z")
_UNFINISHED: Final = re.compile(r"\.[0-9a-f]{16}\.new\Z")
_ABANDONED: Final = 3_600
"""After so many seconds nobody is writing an unfinished file any more."""

_USED_AGAIN: Final = 3_600
"""The time of a file is set when it is used, but not more often than this."""

_UNCOUNTED_FILES: Final = 50
_UNCOUNTED_BYTES: Final = 16 << 20
"""How much a process writes before it looks again at how much there is."""

_written = {"files": _UNCOUNTED_FILES, "bytes": 0}
"""What this process wrote since it last looked; it looks after the first."""


def kept(kind: str, key: bytes, build: Callable[[], bytes]) -> bytes:
    """What is kept under a key, or what ``build`` makes, which is kept from then on.

    Args:
        kind: what sort of thing it is, as ``rules``; a name of small letters, digits and dashes.
        key: all that it is made of, or a hash of that.
        build: makes it.
    """
    found = load(kind, key)
    if found is None:
        found = build()
        store(kind, key, found)
    return found


def load(kind: str, key: bytes) -> bytes | None:
    """What is kept under a key; None where nothing is, or where it is damaged."""
    name = _name(kind, key)
    with _directory(make=False) as directory:
        if directory is None:
            return None
        try:
            content = _read(directory, name)
        except (OSError, MemoryError):
            return None
        data = _checked(name, content)
        if data is None:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=directory)
        return data


def store(kind: str, key: bytes, data: bytes) -> None:
    """Keeps something under a key, if that can be done."""
    name = _name(kind, key)
    if len(data) > LARGEST:
        return
    with _directory(make=True) as directory:
        if directory is None:
            return
        try:
            _write(directory, name, data)
            _written["files"] += 1
            _written["bytes"] += len(data)
            if _written["files"] > _UNCOUNTED_FILES or _written["bytes"] > _UNCOUNTED_BYTES:
                _written.update(files=0, bytes=0)
                _make_room(directory)
        except (OSError, MemoryError):
            return


def is_on() -> bool:
    """Whether anything is to be kept at all; what follows may still fail."""
    return _place() is not None


def _name(kind: str, key: bytes) -> str:
    if _KIND.match(kind) is None:
        message = f"a kind of what is kept is a name of small letters, digits and dashes: {kind!r}"
        raise ValueError(message)
    return f"{kind}-{hashlib.sha256(key).hexdigest()}"


def _checked(name: str, content: bytes) -> bytes | None:
    """What a file holds, if it is all there, and was written under this name."""
    start = len(_MARK) + _DIGEST
    if len(content) < start or not content.startswith(_MARK):
        return None
    data = content[start:]
    return data if content[len(_MARK) : start] == _digest(name, data) else None


def _digest(name: str, data: bytes) -> bytes:
    digest = hashlib.blake2b(name.encode(), digest_size=_DIGEST)
    digest.update(data)
    return digest.digest()


# --- the directory ----------------------------------------------------------------------------


def _place() -> Path | None:
    """Where things are kept; None: nowhere."""
    named = os.environ.get("TOCSIN_CACHE", "")
    if named.lower() == "off":
        return None
    if named:
        return Path(named) / "kept"
    import platformdirs

    place = platformdirs.user_cache_path("tocsin", appauthor=False)
    # A user without a home gets a path with ~ in it.
    return place / "kept" if place.is_absolute() else None


@contextlib.contextmanager
def _directory(*, make: bool) -> Iterator[int | None]:
    """The directory, open; None where there is none that may be used.

    All that follows is done with the open directory, so that nothing else can be put in its place
    after it was looked at.
    """
    directory: int | None = None
    try:
        place = _place()
        if place is not None:
            if make:
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            if _is_ours(os.fstat(opened)):
                directory = opened
            else:
                os.close(opened)
    except (OSError, RuntimeError, ValueError):
        directory = None
    try:
        yield directory
    finally:
        if directory is not None:
            os.close(directory)


def _is_ours(status: os.stat_result) -> bool:
    """Whether nobody else can have written it."""
    others = stat.S_IWGRP | stat.S_IWOTH
    return status.st_uid == os.geteuid() and not status.st_mode & others


def _read(directory: int, name: str) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=directory), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or not _is_ours(status):
            return b""
        content = file.read(LARGEST + len(_MARK) + _DIGEST)
        if time.time() - status.st_mtime > _USED_AGAIN:
            with contextlib.suppress(OSError):
                os.utime(file.fileno())
        return content


def _write(directory: int, name: str, data: bytes) -> None:
    """Writes a file so that there is a whole one under its name, or the one of before."""
    new = f".{secrets.token_hex(8)}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(new, flags, 0o600, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MARK + _digest(name, data))
            file.write(data)
        os.replace(new, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new, dir_fd=directory)
        raise


def _make_room(directory: int) -> None:
    """Deletes what was used longest ago until the rest is no more than may be kept."""
    now = time.time()
    files: list[tuple[float, int, str]] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # another process may delete too
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    continue
                if _NAME.match(entry.name):
                    files.append((status.st_mtime, status.st_size, entry.name))
                elif _UNFINISHED.match(entry.name) and now - status.st_mtime > _ABANDONED:
                    os.unlink(entry.name, dir_fd=directory)
    size, count = sum(size for _, size, _ in files), len(files)
    for _, bytes_, name in sorted(files):
        if size <= MOST_BYTES and count <= MOST_FILES:
            break
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=directory)
        size, count = size - bytes_, count - 1
