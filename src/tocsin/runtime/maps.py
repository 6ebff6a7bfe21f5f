"""Maps of files of lines: which sections they have (`runtime.layout`), noted as they are read.

A map is good for a file that was read to its end and has not been written to since.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from tocsin.runtime.layout import ALWAYS, EARLIEST, Table, coarser, moved, table_of
from tocsin.sources.files import InputFile, OpenFile

MOST_SECTIONS = 100_000
"""A file with more has them joined by twos."""

_SECOND = 1_000_000_000

_State = tuple[int, int, int]
_UNCHANGING: _State = (0, 0, 0)


class _Map(msgspec.Struct):
    """What is known of a file.

    Attributes:
        state: what told it from another when it was opened; None: it could not be told.
        is_plain: it can be read from any place.
        parts: its sections so far.
        is_whole: they are all there.
    """

    state: _State | None
    is_plain: bool
    parts: list[Table] = []
    is_whole: bool = False


class Maps:
    """Maps of files, as they are read."""

    def __init__(self) -> None:
        self._maps: dict[str, _Map] = {}

    def begin(self, opened: OpenFile) -> None:
        """A file is read from its beginning."""
        name = opened.file.name
        self._maps[name] = _Map(_state(opened.file), opened.plain_path is not None)

    def add(self, file: InputFile, layout: bytes, offset: int, line: int) -> None:
        """The next lines of it; without a layout it will be read as it was.

        Args:
            file: which.
            layout: from `Found.layout`.
            offset: where the lines begin in the file, or in what it decompresses to.
            line: the number of the first.
        """
        known = self._maps.get(file.name)
        if known is None:
            return
        if not layout:
            del self._maps[file.name]
            return
        known.parts.append(moved(table_of(layout), offset, line))

    def end(self, file: InputFile) -> None:
        """A file was read to its end."""
        known = self._maps.get(file.name)
        if known is not None:
            parts = known.parts
            # Parts stay apart: of a compressed file they are what is decompressed at once.
            while sum(map(len, parts)) > max(MOST_SECTIONS, len(parts)):
                before, parts = parts, [coarser(part) for part in parts]
                if sum(map(len, parts)) == sum(map(len, before)):
                    break
            known.parts, known.is_whole = [np.concatenate([table_of(b""), *parts])], True

    @property
    def latest(self) -> int | None:
        """All events of some section are that late, in nanoseconds; None: no time is known.

        A single event whose clock is ahead says nothing of the others.
        """
        found = [
            int(times.max())
            for known in self._maps.values()
            for part in known.parts
            if len(times := part[:, EARLIEST][part[:, EARLIEST] > ALWAYS[0]])
        ]
        return max(found) * _SECOND if found else None

    def of(self, file: InputFile) -> tuple[Table, bool] | None:
        """The sections of a file, and whether it can be read from any place."""
        known = self._maps.get(file.name)
        if known is None or not known.is_whole or known.state is None:
            return None
        return (known.parts[0], known.is_plain) if _state(file) == known.state else None


def _state(file: InputFile) -> _State | None:
    """What tells a file from what is there when it was written to."""
    if file.kept is not None:
        return _UNCHANGING
    try:
        found = Path(file.name).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
