"""The second reading of files, for sequences that were put off (`runtime.deferral`).

The first one leaves a map of each file of lines (`runtime.maps`), and what it found says which
texts matter and when (`runtime.wanted`). Of a file whose map is whole, and which has not been
written to since, only some stretches are read, or nothing at all; in a stretch the texts are looked
for, and lines that have one are looked at. Every other file is read as it was the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO

from tocsin.engine.needles import Needles, Place
from tocsin.errors import InputError
from tocsin.events.decoders.json import Block
from tocsin.runtime.finder import Finder
from tocsin.runtime.hits import Found
from tocsin.runtime.layout import BEGIN, END, Table
from tocsin.runtime.maps import Maps
from tocsin.runtime.wanted import AT_ONCE, Stretch, Wanted
from tocsin.runtime.workers import SECTION, Task, Workers, found_in
from tocsin.sources.files import InputFile, OpenFile

_TASK = 4 * SECTION
"""How much a process is given to read at once: lines that matter are few, and better together."""

_LINE = re.compile(r"line (\d+)")


class Rereading:
    """Reads what matters of files whose maps are known; a context manager.

    Args:
        finder: what is looked for in the lines.
        wanted: which lines may matter.
        maps: of the files.
        jobs: how many processes read.
    """

    def __init__(self, finder: Finder, wanted: Wanted, maps: Maps, jobs: int = 1) -> None:
        self._wanted = wanted
        self._maps = maps
        self._jobs = jobs
        self._reader = Reader(finder, wanted)
        self._workers: Workers | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Rereading:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends what other processes do."""
        self._stack.close()

    def of(self, file: InputFile) -> Iterator[Found] | None:
        """What is found in a file; None: it has to be read as it was.

        Raises:
            InputError: the file cannot be read any more.
        """
        known = self._maps.of(file)
        if known is None:
            return None
        table, is_plain = known
        if not is_plain:
            return self._packed(file, table)
        stretches = list(self._wanted.stretches(table))
        if self._jobs > 1 and len(stretches) > self._jobs:
            return self._by_others(file, stretches)
        return self._plain(file, stretches)

    def _plain(self, file: InputFile, stretches: list[Stretch]) -> Iterator[Found]:
        try:
            yield from self._reader.again(file.name, stretches)
        except OSError as error:
            raise _unreadable(file, (error.strerror or str(error)).lower()) from error

    def _by_others(self, file: InputFile, stretches: list[Stretch]) -> Iterator[Found]:
        if self._workers is None:
            reader = self._reader
            self._workers = self._stack.enter_context(
                Workers(reader.finder, self._jobs, reader.again)
            )
        tasks = (Task(file.name, stretches=some) for some in _together(stretches))
        for _, answer in self._workers.answers(tasks):
            if answer.failure:
                raise _unreadable(file, answer.failure)
            yield found_in(answer, 0)

    def _packed(self, file: InputFile, table: Table) -> Iterator[Found]:
        if next(self._wanted.stretches(table), None) is not None:
            with OpenFile(file) as opened:
                yield from self._reader.found(self._unpacked(opened, table))

    def _unpacked(self, opened: OpenFile, table: Table) -> Iterator[tuple[Stretch, bytes]]:
        for block in opened.blocks() or ():
            if not isinstance(block, Block):
                continue
            end = block.offset + len(block.data)
            mine = (table[:, BEGIN] >= block.offset) & (table[:, END] <= end)
            for stretch in self._wanted.stretches(table[mine]):
                begin = stretch.begin - block.offset
                yield stretch, block.data[begin : stretch.end - block.offset]


class Reader:
    """Reads stretches of files.

    Args:
        finder: what is looked for in the lines.
        wanted: which lines may matter.
    """

    def __init__(self, finder: Finder, wanted: Wanted) -> None:
        self.finder = finder
        self._needles = Needles(list(wanted.texts))
        self._spans = list(wanted.texts.values())

    def again(self, path: str, stretches: Sequence[Stretch]) -> Iterator[Found]:
        """What is found in stretches of a file.

        Raises:
            OSError: the file cannot be read any more.
        """
        if stretches:
            yield from self.found(_read(path, stretches))

    def found(self, pieces: Iterator[tuple[Stretch, bytes]]) -> Iterator[Found]:
        """What is found in stretches; lines with texts are looked at many at a time."""
        lines: list[bytes] = []
        numbers: list[int] = []
        size = 0
        for stretch, data in pieces:
            places = None if stretch.in_full else self._needles.places(data)
            if places is None:
                yield self._in_lines(lines, numbers)
                lines, numbers, size = [], [], 0
                yield self.finder.in_block(Block(data, stretch.lines[0], stretch.begin))
                continue
            for number, line in self._with_texts(stretch, data, places):
                lines.append(line)
                numbers.append(number)
                size += len(line)
            if size >= AT_ONCE:
                yield self._in_lines(lines, numbers)
                lines, numbers, size = [], [], 0
        yield self._in_lines(lines, numbers)

    def _in_lines(self, lines: list[bytes], numbers: list[int]) -> Found:
        """What is found in some lines with their numbers."""
        if not lines:
            return Found()
        found = self.finder.in_block(Block(b"\n".join(lines), 1, 0))
        for hit in found.hits:
            where = _LINE.match(hit.record.position)
            assert where is not None  # noqa: S101  (so are the events of lines called)
            number = numbers[int(where[1]) - 1]
            hit.record.position = f"line {number}{hit.record.position[where.end() :]}"
        return found

    def _with_texts(
        self, stretch: Stretch, data: bytes, places: list[Place]
    ) -> Iterator[tuple[int, bytes]]:
        """The lines that have a text at a time when it matters, with their numbers."""
        matters: dict[int, bool] = {}
        behind = 0
        for number, end in places:
            if end <= behind:
                continue  # of a line that is there already
            does = matters.get(number)
            if does is None:
                does = self._spans[number].meets(stretch.earliest, stretch.latest)
                matters[number] = does
            if does:
                begin = data.rfind(b"\n", 0, end) + 1
                behind = data.find(b"\n", end)
                if behind < 0:
                    behind = len(data)
                yield stretch.line_at(data, begin), data[begin:behind]


def _read(path: str, stretches: Sequence[Stretch]) -> Iterator[tuple[Stretch, bytes]]:
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123  (a name that need not be text)
        for stretch in stretches:
            stream.seek(stretch.begin)
            data = _exactly(stream, stretch.end - stretch.begin)
            if not data:
                return  # somebody cut the file just now
            yield stretch, data


def _together(stretches: Sequence[Stretch]) -> Iterator[list[Stretch]]:
    """As many of them as are about `_TASK` bytes."""
    some: list[Stretch] = []
    size = 0
    for stretch in stretches:
        some.append(stretch)
        size += stretch.end - stretch.begin
        if size >= _TASK:
            yield some
            some, size = [], 0
    if some:
        yield some


def _unreadable(file: InputFile, why: str) -> InputError:
    message = f"{file.shown}: {why}"
    return InputError(message)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """So many bytes; none where there are fewer."""
    data = stream.read(size)
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data if len(data) == size else b""
