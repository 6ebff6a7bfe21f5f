"""Loaded rules that are kept on disk, so that they need not be loaded again.

What is kept is found by a hash of all that it was made of:

* the files, by path and content, as `rules._files` read them;
* what the user says of the place where the rules run, and how strict to be;
* Tocsin's own code and the libraries under it, by the sizes and times of their files.

Some things show only while rules are loaded: that a query has ``now-30d/d`` in it, that an
exception ends on some day, that a list of values stands beside a file (`tocsin.premises`), that
one of many files of JSON is one of rules, and has to be read to its end. They are kept beside the
rules, and have to be the same still.

    kind ``rules``: MessagePack of `_Entry`; the rules in it as `rules._kept_form` writes them
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from tocsin import kept_files, premises
from tocsin.rules._files import FileRead, Sizes, read_on
from tocsin.rules.environment import Environment
from tocsin.rules.model import Loaded

_OURS: Final = ("rules", "languages", "events", "logic")
"""The packages whose code takes part in loading, besides the modules above them."""

_LIBRARIES: Final = ("msgspec", "re2", "sigma", "yaml")
_PLACE: Final = Path(__file__).resolve().parent.parent
_LEVEL: Final = 3


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """What is kept.

    Attributes:
        premises: (kind, question, answer) of what loading asked besides.
        read_on: (place among the files, hash) of the files of which more was read than was known to
            be needed.
        loaded: the rules, compressed.
    """

    premises: tuple[tuple[str, bytes, str], ...]
    read_on: tuple[tuple[int, bytes], ...]
    loaded: bytes


class Shelf:
    """Where loaded rules are kept and found again.

    Args:
        formats: the names of the formats that read the files, in order.
        environment: what the user says of the place where the rules run.
        strict_fields: whether rules with unknown fields are refused.
        sizes: how large a file may be.
    """

    def __init__(
        self, formats: Sequence[str], environment: Environment, *, strict_fields: bool, sizes: Sizes
    ) -> None:
        self._sizes = sizes
        self._code = _hash_of([_bytes_of(code_state()), *map(_bytes_of, formats)])
        values = list(environment.values.items())
        asked = repr((environment.agent_version, values, strict_fields, sizes))
        self._asked = _bytes_of(asked)

    def suffixes(self, find: Callable[[], frozenset[str]]) -> frozenset[str]:
        """The endings of files of rules; to ask the formats means to import them all."""

        def build() -> bytes:
            return "\n".join(sorted(find())).encode()

        return frozenset(kept_files.kept("rule-endings", self._code, build).decode().split("\n"))

    def find(self, files: Sequence[FileRead]) -> Loaded | None:
        """What was loaded from the same files before; None where that is not known."""
        data = kept_files.load("rules", self._key(files))
        if data is None:
            return None
        try:
            entry = msgspec.msgpack.decode(data, type=_Entry)
            if not self._holds(entry, files):
                return None
            return _loaded_of(entry.loaded)
        except ValueError:
            return None  # of another kind than this code writes

    def keep(
        self,
        files: Sequence[FileRead],
        loaded: Loaded,
        asked: premises.Premises,
        more: Mapping[int, FileRead],
    ) -> None:
        """Keeps what was loaded, if it would be the same the next time.

        Args:
            files: what it was loaded from.
            loaded: the rules and problems.
            asked: what loading asked besides.
            more: the files, by place, of which more was read while loading.
        """
        from tocsin.rules._kept_form import InexactError, packed

        asked = dict(asked)
        if not kept_files.is_on() or not _hold(asked):
            return
        try:
            told = tuple((kind, _bytes_of(q), answer) for (kind, q), answer in asked.items())
            rest = tuple((place, _hash_of([file.content])) for place, file in more.items())
            entry = _Entry(told, rest, _compressed(packed(loaded)))
        except InexactError:
            return
        kept_files.store("rules", self._key(files), msgspec.msgpack.encode(entry))

    def _key(self, files: Sequence[FileRead]) -> bytes:
        return _hash_of([self._code, self._asked, *_told(files)])

    def _holds(self, entry: _Entry, files: Sequence[FileRead]) -> bool:
        asked: premises.Premises = {
            (kind, q.decode("utf-8", "surrogatepass")): answer  # type: ignore[misc]
            for kind, q, answer in entry.premises
        }
        return _hold(asked) and all(
            place < len(files) and _hash_of([read_on(files[place], self._sizes).content]) == digest
            for place, digest in entry.read_on
        )


def _told(files: Sequence[FileRead]) -> Iterator[bytes]:
    for file in files:
        yield os.fsencode(file.path)
        yield b"%d%d%b" % (file.named, file.is_whole, _bytes_of(file.error))
        yield file.content


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _hash_of(parts: Sequence[bytes]) -> bytes:
    """A hash of several texts that no other texts have."""
    digest = hashlib.blake2b(digest_size=32)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


def _compressed(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def _loaded_of(data: bytes) -> Loaded:
    import zstandard

    from tocsin.rules._kept_form import unpacked

    try:
        return unpacked(zstandard.ZstdDecompressor().decompress(data))
    except (zstandard.ZstdError, MemoryError) as error:
        raise ValueError(str(error)) from None


# --- what else has to be the same -------------------------------------------------------------


def _hold(asked: premises.Premises) -> bool:
    """Whether everything that was asked would be answered the same now."""
    now = time.time_ns()
    return all(_answer(kind, q, now) == answer for (kind, q), answer in asked.items())


def _answer(kind: premises.Kind, question: str, now: int) -> str | None:
    match kind:
        case "date" | "before":
            from tocsin.languages import _dates

            reckon = _dates.interval if kind == "date" else _dates.before
            return repr(reckon(question, now))
        case "end":
            return str(int(question) <= now)
        case "file":
            return premises.state_of(question)
        case _:
            return None


@cache
def code_state() -> str:
    """What code loads rules: a text that is another one after every change of it."""
    found = {f"{sys.version} {sys.platform} {_PLACE}"}
    found.update(_state(entry) for entry in os.scandir(_PLACE) if entry.is_file())
    for package in _OURS:
        for directory, inside, names in os.walk(_PLACE / package):
            inside[:] = [name for name in inside if name != "__pycache__"]
            found.update(_state(os.path.join(directory, name)) for name in names)  # noqa: PTH118
    for library in _LIBRARIES:
        spec = importlib.util.find_spec(library)
        for place in (spec and spec.submodule_search_locations) or ():
            found.add(_state(place))
            found.update(_installed_in(os.path.dirname(place)))  # noqa: PTH120
    return "\n".join(sorted(found))


def _state(path: str | os.DirEntry[str]) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116  (a path object takes longer to make)
    except OSError:
        return os.fspath(path)
    return f"{os.fspath(path)} {status.st_size} {status.st_mtime_ns}"


def _installed_in(directory: str) -> list[str]:
    """The names and versions of what is installed in a directory."""
    try:
        return [path.name for path in Path(directory).glob("*.dist-info")]
    except OSError:
        return []
