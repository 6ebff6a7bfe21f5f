"""Files of columns → what their events satisfy, by this process or by several.

A file is cut between its row groups (`ParquetFile.sections`), and a process reads those that it is
asked for by itself. What is asked of events is chosen once, by the first rows, before there are
other processes: all of them ask the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tocsin.events.decoders import parquet
from tocsin.events.record import Undecodable
from tocsin.runtime.finder import Finder
from tocsin.runtime.hits import Found

if TYPE_CHECKING:
    from tocsin.events.arrow.file import ParquetFile


def found_in_columns(
    finder: Finder, file: ParquetFile, groups: range | None = None
) -> Iterator[Found]:
    """What the events of a file satisfy, or those of some of its row groups."""
    for batch in file.batches(finder.fields, groups):
        if isinstance(batch, Undecodable):
            yield Found(undecodable=[batch])
        else:
            yield finder.in_columns(batch)


def is_ready(finder: Finder, file: ParquetFile) -> bool:
    """Has a finder choose what it asks, by the first rows; whether it could."""
    if not finder.is_chosen:
        for batch in file.batches(finder.fields):
            if not isinstance(batch, Undecodable):
                finder.prepare_columns(batch)
                break
    return finder.is_chosen


class Columns:
    """What is found in row groups of one file after the other, each open as long as it is asked."""

    def __init__(self) -> None:
        self._path = ""
        self._stack = ExitStack()
        self._file: ParquetFile | Undecodable | None = None

    def of(self, finder: Finder, path: str, groups: range) -> Iterator[Found]:
        """What is found in some row groups of a file.

        Raises:
            OSError: it cannot be read.
        """
        if self._file is None or path != self._path:
            self._open(path)
        if isinstance(self._file, Undecodable):  # it was another one when it was cut
            yield Found(undecodable=[self._file])
        elif self._file is not None:
            yield from found_in_columns(finder, self._file, groups)

    def _open(self, path: str) -> None:
        self._file = None
        self._stack.close()
        stream = open(path, "rb")  # noqa: PTH123, SIM115  (a name that need not be text)
        self._stack.enter_context(stream)
        self._file, self._path = parquet.open_file(stream, path), path
        if not isinstance(self._file, Undecodable):
            self._stack.enter_context(self._file)
