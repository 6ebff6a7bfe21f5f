"""Several processes that look for hits, and the one that holds state taking them in order.

A file of lines is cut into sections; a line belongs to the section in which it begins. Sections go
to the processes in turn, and what they found comes back in the order of the file, so that the
alerts are those of one process. A process reads its sections itself; of a compressed file it is
given the lines, which are decompressed beside it. A file of columns is cut between row groups.
"""

from __future__ import annotations

import io
import multiprocessing
import re
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from tocsin.errors import TocsinError
from tocsin.events.decoders import json
from tocsin.events.record import Record, Undecodable
from tocsin.events.shapes import in_ecs
from tocsin.runtime.columns import Columns
from tocsin.runtime.finder import Finder
from tocsin.runtime.hits import Found, Hit, earlier
from tocsin.runtime.layout import Table, moved, table_of
from tocsin.runtime.wanted import Stretch

if TYPE_CHECKING:
    from tocsin.events.arrow.file import ParquetFile

SECTION = json.LINES_AT_ONCE - (64 << 10)
"""How many bytes a section has, about: with the rest of its last line it is one block."""

_AHEAD = 3
_LINE = re.compile(r"line (\d+)")


class Task(msgspec.Struct, array_like=True):
    """A section: of a file that can be read from any place, or as bytes.

    Attributes:
        path: the file; empty: ``data`` has the lines.
        begin: where the section begins; of a file of columns, its first row group.
        end: where the next one does.
        data: whole lines.
        stretches: of a second reading, what is read instead of a section.
        has_columns: the file is one of columns.
    """

    path: str = ""
    begin: int = 0
    end: int = 0
    data: bytes = b""
    stretches: list[Stretch] = []
    has_columns: bool = False


class Sent(msgspec.Struct, array_like=True):
    """A hit on its way between processes: the event is decoded again where it arrives."""

    place: int
    position: str
    raw: bytes
    id: str | None
    shape: str
    conditions: list[int]


class Answer(msgspec.Struct, array_like=True):
    """What a process found in a section.

    Attributes:
        lines: how many lines the section has.
        hits: positions in them are counted from the beginning of the section.
        is_bulk: the file is in the bulk format; nothing else is said.
        failure: why the section could not be read.
        layout: see `Found.layout`; sections begin where they do in the file.
    """

    lines: int
    hits: list[Sent] = []
    undecodable: list[Undecodable] = []
    events: int = 0
    passed_over: int = 0
    span: int = 0
    earliest: int | None = None
    is_bulk: bool = False
    failure: str = ""
    layout: bytes = b""


Again = Callable[[str, Sequence[Stretch]], Iterator[Found]]
"""What is found in some stretches of a file."""


class Workers:
    """Processes that all have the same finder; a context manager.

    Args:
        finder: what they look for; it has learned what it can.
        count: how many processes.
        again: answers tasks with stretches.
    """

    def __init__(self, finder: Finder, count: int, again: Again | None = None) -> None:
        start = "fork" if sys.platform == "linux" else "spawn"
        context: Any = multiprocessing.get_context(start)
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(count):
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(finder, again, there), daemon=True)
            process.start()
            there.close()
            self._ends.append(here)
            self._processes.append(process)
        self._sent = self._taken = 0

    def __enter__(self) -> Workers:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the processes."""
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.terminate()
            process.join()

    def answers(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Answer]]:
        """What is found in each section, in order."""
        under_way: deque[Task] = deque()
        count = len(self._ends)
        try:
            for task in tasks:
                if len(under_way) >= _AHEAD * count:
                    yield under_way.popleft(), self._take()
                self._send(task)
                under_way.append(task)
            while under_way:
                yield under_way.popleft(), self._take()
        except GeneratorExit:
            for _ in under_way:  # nobody wants to know any more, and other tasks come behind
                self._take()
            raise

    def _send(self, task: Task) -> None:
        try:
            self._ends[self._sent % len(self._ends)].send_bytes(msgspec.msgpack.encode(task))
        except OSError as error:
            raise _died() from error
        self._sent += 1

    def _take(self) -> Answer:
        end = self._ends[self._taken % len(self._ends)]
        self._taken += 1
        try:
            return msgspec.msgpack.decode(end.recv_bytes(), type=Answer)
        except (EOFError, OSError) as error:
            raise _died() from error


def sections(path: str, size: int) -> Iterator[Task]:
    """The sections of a file that can be read from any place."""
    for begin in range(0, size, SECTION):
        yield Task(path, begin, min(begin + SECTION, size))


def groups_of(path: str, file: ParquetFile) -> list[Task]:
    """The sections of a file of columns: some row groups each."""
    return [Task(path, some.start, some.stop, has_columns=True) for some in file.sections()]


def found_in(answer: Answer, before: int) -> Found:
    """What was found in a section before which there are so many lines."""
    return Found(
        [_hit(sent, before) for sent in answer.hits],
        answer.events,
        answer.passed_over,
        [
            msgspec.structs.replace(piece, position=_moved(piece.position, before))
            for piece in answer.undecodable
        ],
        answer.span,
        answer.earliest,
        answer.is_bulk,
    )


def _hit(sent: Sent, before: int) -> Hit:
    document = msgspec.json.decode(sent.raw)
    record = Record(document, _moved(sent.position, before), sent.raw, sent.id, sent.shape)
    return Hit(sent.place, record, in_ecs(record), sent.conditions)


def _moved(position: str, by: int) -> str:
    return _LINE.sub(lambda found: f"line {int(found[1]) + by}", position, count=1)


def _died() -> TocsinError:
    message = (
        "a process that was looking for hits has ended; it may have run out of memory\n"
        "hint: try again with fewer --jobs"
    )
    return TocsinError(message)


# --- in the other process ------------------------------------------------------------------------


def _work(finder: Finder, again: Again | None, end: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process says when it is over
    encoder, columns = msgspec.msgpack.Encoder(), Columns()
    tasks: SimpleQueue[Task | None] = SimpleQueue()
    # Tasks are taken while an answer is sent: else each side could wait for the other to read.
    threading.Thread(target=_receive, args=(end, tasks), daemon=True).start()
    while (task := tasks.get()) is not None:
        try:
            if again is not None and task.stretches:
                answer = _again(again, task)
            elif task.has_columns:
                answer = _of_columns(columns, finder, task)
            else:
                answer = _answer(finder, task)
        except OSError as error:
            answer = Answer(0, failure=(error.strerror or str(error)).lower())
        try:
            end.send_bytes(encoder.encode(answer))
        except OSError:
            return


def _receive(end: Connection, tasks: SimpleQueue[Task | None]) -> None:
    """Takes tasks as they come: there are never more than a few (`_AHEAD`)."""
    while True:
        try:
            tasks.put(msgspec.msgpack.decode(end.recv_bytes(), type=Task))
        except (EOFError, OSError):
            tasks.put(None)
            return


def _answer(finder: Finder, task: Task) -> Answer:
    begin, data = _section(task) if task.path else (task.begin, task.data)
    stream = io.BytesIO(data)
    answer = Answer(0)
    parts: list[Table] | None = []
    for block in json.blocks(stream):
        if isinstance(block, Undecodable):
            answer.undecodable.append(block)
            answer.lines += 1
            continue
        found = finder.in_block(block)
        if found.is_bulk:
            return Answer(answer.lines, is_bulk=True)
        _add(answer, found)
        if found.layout and parts is not None:
            parts.append(moved(table_of(found.layout), begin + block.offset, block.first))
        else:
            parts = None  # a file of which a part is not known is read in full
        answer.lines += len(block.feeds) + (not block.data.endswith(b"\n"))
    answer.layout = b"" if parts is None else b"".join(part.tobytes() for part in parts)
    return answer


def _again(again: Again, task: Task) -> Answer:
    answer = Answer(0)
    for found in again(task.path, task.stretches):
        _add(answer, found)
    return answer


def _of_columns(columns: Columns, finder: Finder, task: Task) -> Answer:
    answer = Answer(0)
    for found in columns.of(finder, task.path, range(task.begin, task.end)):
        _add(answer, found)
    return answer


def _add(answer: Answer, found: Found) -> None:
    answer.hits += [_sent(hit, answer.span) for hit in found.hits]
    answer.undecodable += found.undecodable
    answer.events += found.events
    answer.passed_over += found.passed_over
    answer.span += found.span
    answer.earliest = earlier(answer.earliest, found.earliest)


def _sent(hit: Hit, before: int) -> Sent:
    record = hit.record
    return Sent(
        hit.place + before, record.position, record.raw, record.id, record.shape, hit.conditions
    )


def _section(task: Task) -> tuple[int, bytes]:
    """Where the first line begins that begins in a section, and those lines."""
    with open(task.path, "rb") as stream:  # noqa: PTH123  (a name that need not be text)
        begin = task.begin
        if begin:
            stream.seek(begin - 1)
            begin = begin - 1 + _behind_line(stream)
        if begin >= task.end:
            return begin, b""
        data = stream.read(task.end - begin)
        if not data.endswith(b"\n"):
            data += stream.readline(json.LONGEST + 2)
        return begin, data


def _behind_line(stream: BinaryIO) -> int:
    """Passes over the rest of a line; returns how many bytes that were."""
    size = 0
    while part := stream.readline(SECTION):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size
