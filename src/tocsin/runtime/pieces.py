"""Files → what their events satisfy, piece by piece, whoever looks for it.

Files of lines are read in blocks, by this process or by several (`runtime.workers`); files of
columns in batches of rows; everything else event by event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING

from tocsin.errors import InputError
from tocsin.events.decoders import json
from tocsin.events.record import Record, Undecodable
from tocsin.runtime.columns import found_in_columns, is_ready
from tocsin.runtime.finder import Finder
from tocsin.runtime.hits import Found
from tocsin.runtime.maps import Maps
from tocsin.runtime.workers import Task, Workers, found_in, groups_of, sections
from tocsin.sources.files import OpenFile

if TYPE_CHECKING:
    from tocsin.events.arrow.file import ParquetFile

ASIDE = b"\n"
"""What is sent in the place of a line that was put aside."""

BATCH_RECORDS = 4_096
BATCH_BYTES = 16 << 20


class Pieces:
    """What the events of files satisfy, piece by piece; a context manager.

    Args:
        finder: what is looked for.
        jobs: how many processes look for it.

    Attributes:
        maps: of the files that were read to their ends.
    """

    def __init__(self, finder: Finder, jobs: int = 1) -> None:
        self._finder = finder
        self._jobs = jobs
        self._stack = ExitStack()
        self._workers: Workers | None = None
        self._column_workers: Workers | None = None
        self.maps = Maps()

    def __enter__(self) -> Pieces:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends what other processes do."""
        self._stack.close()

    def of(self, opened: OpenFile) -> Iterator[Found]:
        """What a file's events satisfy."""
        columns = opened.columns()
        if columns is not None:
            yield from self._by_column(opened, columns)
            return
        blocks = opened.blocks()
        if blocks is None:
            yield from _by_record(opened.records(), self._finder)
        elif self._jobs > 1:
            yield from self._by_others(opened, blocks)
        else:
            yield from self._by_block(opened, blocks)

    def _by_column(self, opened: OpenFile, file: ParquetFile | Undecodable) -> Iterator[Found]:
        if isinstance(file, Undecodable):
            yield Found(undecodable=[file])
            return
        with file:
            path = opened.plain_path
            tasks = groups_of(path, file) if path is not None and self._jobs > 1 else []
            if len(tasks) < 2 or not is_ready(self._finder, file):
                yield from found_in_columns(self._finder, file)
                return
            if self._column_workers is None:
                # Others than those for lines: what is learned of these comes too late for those.
                workers = Workers(self._finder, self._jobs)
                self._column_workers = self._stack.enter_context(workers)
            for _, answer in self._column_workers.answers(iter(tasks)):
                if answer.failure:
                    message = f"{opened.file.shown}: {answer.failure}"
                    raise InputError(message)
                yield found_in(answer, 0)

    def _by_block(
        self, opened: OpenFile, blocks: Iterator[json.Block | Undecodable]
    ) -> Iterator[Found]:
        self.maps.begin(opened)
        for block in blocks:
            if isinstance(block, Undecodable):
                yield Found(undecodable=[block])
                continue
            found = self._finder.in_block(block)
            if found.is_bulk:
                yield from _by_record(opened.from_block(block), self._finder)
                return
            self.maps.add(opened.file, found.layout, block.offset, block.first)
            yield found
        self.maps.end(opened.file)

    def _by_others(
        self, opened: OpenFile, blocks: Iterator[json.Block | Undecodable]
    ) -> Iterator[Found]:
        first = next(blocks, None)
        if not isinstance(first, json.Block):
            yield from self._by_block(opened, chain([] if first is None else [first], blocks))
            return
        self._finder.prepare(first)
        if self._workers is None:
            self._workers = self._stack.enter_context(Workers(self._finder, self._jobs))
        before = 0
        aside: list[Undecodable] = []
        self.maps.begin(opened)
        for task, answer in self._workers.answers(_tasks(opened, first, blocks, aside)):
            if answer.failure:
                message = f"{opened.file.shown}: {answer.failure}"
                raise InputError(message)
            if answer.is_bulk:
                with OpenFile(opened.file) as again:
                    rest = _behind(again.records(), before)
                    yield from _by_record(rest, self._finder)
                return
            if answer.lines and task.data != ASIDE:
                self.maps.add(opened.file, answer.layout, 0, before)
            yield found_in(answer, before)
            before += answer.lines
        self.maps.end(opened.file)
        if aside:
            yield Found(undecodable=aside)


def _tasks(
    opened: OpenFile,
    first: json.Block,
    blocks: Iterator[json.Block | Undecodable],
    aside: list[Undecodable],
) -> Iterator[Task]:
    """The sections of a file; what is too long to be sent as a section is put aside."""
    path = opened.plain_path
    if path is not None:
        yield from sections(path, opened.file.size)
        return
    for block in chain([first], blocks):
        if isinstance(block, Undecodable):
            aside.append(block)
            yield Task(data=ASIDE)
        else:
            yield Task(begin=block.offset, data=block.data)


def _behind(pieces: Iterator[Record | Undecodable], before: int) -> Iterator[Record | Undecodable]:
    """The pieces behind so many lines."""
    for piece in pieces:
        line = re.match(r"line (\d+)", piece.position)
        if line is None or int(line[1]) > before:
            yield piece


def _by_record(pieces: Iterator[Record | Undecodable], finder: Finder) -> Iterator[Found]:
    batch: list[Record] = []
    size = 0
    for piece in pieces:
        if isinstance(piece, Undecodable):
            yield Found(undecodable=[piece])
            continue
        batch.append(piece)
        size += len(piece.raw)
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield finder.in_records(batch)
            batch, size = [], 0
    if batch:
        yield finder.in_records(batch)
