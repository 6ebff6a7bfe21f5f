"""JSON in every arrangement that telemetry comes in.

* NDJSON: one object a line;
* one object or one array of objects, over as many lines as they like;
* objects one after another, with or without anything between them.

Which it is shows in the beginning: ``[`` is an array; a first line that is a whole object, or is
followed by one, means lines; anything else is cut at its braces. A piece that is no event costs
that piece alone. Of keys that stand twice in an object the last counts; ``NaN``, unpaired
surrogates, bad UTF-8, nesting deeper than `DEEPEST` and events longer than `LONGEST` are refused.

What wraps events is taken off (`_json_pages`), and the actions of Elasticsearch's bulk format are
passed over.

Of a file of lines, `blocks` hands out the bytes, many lines at a time, so that lines which no rule
can match need not be decoded; `of_line` decodes one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from tocsin.events.decoders._json_cutter import BLANKS, Cutter, depth_of
from tocsin.events.decoders._json_pages import unwrapped
from tocsin.events.record import Record, Undecodable

SUFFIXES = (".json", ".ndjson", ".jsonl", ".jsonlines")

LONGEST = 16 << 20
"""The longest event that is decoded, in bytes."""

DEEPEST = 100
"""The deepest nesting that is decoded."""

LINES_AT_ONCE = 2 << 20
"""How many bytes of lines a block has, about."""

_LARGE = 16 << 20
_LONG = 700
"""Lines that are longer are found one by one sooner than all at once."""

_FEED = 10
_KEPT = 64 << 10
_BLOCK = 1 << 20
_DECODER = msgspec.json.Decoder()
_ACTION_KEYS = frozenset({"_index", "_id", "_type", "routing", "pipeline", "require_alias"})


BULK: tuple[bytes, ...] = (b'{"index"', b'{"create"', b'{ "index"', b'{ "create"')
"""Texts of which one stands in lines that say something of the next one."""

WRAPPED: tuple[bytes, ...] = (
    *(
        b'{%b"%b"' % (blank, key)
        for blank in (b"", b" ")
        for key in (
            b"Records", b"records", b"value", b"@odata.context", b"@odata.nextlink",
            b"@odata.count", b"nextLink", b"logEvents", b"messageType", b"owner", b"logGroup",
            b"logStream", b"subscriptionFilters", b"receivedMessages", b"data", b"meta", b"links",
        )
    ),
    b"{  ", b"{\t", b'"_source"', b'"_shards"', b'"hostIdentifier"',
)  # fmt: skip
"""Texts of which one stands in lines that hold events inside of something else."""


def recognises(head: bytes) -> bool:
    """Whether it begins with an object or an array."""
    return head.removeprefix(b"\xef\xbb\xbf").startswith((b"{", b"["))


def decode(stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
    """The events of a stream of JSON; see the module."""
    reader = _Lines(stream)
    first = reader.peek()
    if first is None:
        return
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield Undecodable("line 1", "the text is UTF-16; convert it to UTF-8", first[:_KEPT])
        return
    if first.lstrip(BLANKS).startswith(b"["):
        yield from _pieces(reader, skip=b"[],")
    elif first.lstrip(BLANKS).startswith(b"{") and not _is_lines(first, reader):
        yield from _pieces(reader, skip=b",")
    else:
        yield from _by_line(reader)


class Block:
    """Some lines of a file.

    Attributes:
        data: whole lines with their line feeds; the last one of a file may lack it.
        first: the number of the first of them.
        offset: where it begins in the stream.
    """

    def __init__(self, data: bytes, first: int, offset: int) -> None:
        self.data = data
        self.first = first
        self.offset = offset

    @cached_property
    def feeds(self) -> npt.NDArray[np.int64]:
        """Where in the data its line feeds are."""
        return _feeds(self.data)


class Blocks:
    """A stream of JSON, as blocks of lines where it is one object a line.

    Args:
        stream: need not be seekable.

    Attributes:
        are_lines: whether it is; else only `rewound` can be asked.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._head = _read(stream, LINES_AT_ONCE)
        self.are_lines = _has_lines(self._head)

    def rewound(self) -> BinaryIO:
        """The stream from its beginning; nothing else must have been asked for."""
        return _Chained(self._head, self._stream)

    def __iter__(self) -> Iterator[Block | Undecodable]:
        """The blocks, and lines that are too long to be events."""
        # glibc gives a block's memory back and takes it again page by page for the next one, until
        # a larger piece was freed.
        bytes(_LARGE)
        stream = self._stream
        data = self._head.removeprefix(b"\xef\xbb\xbf")
        first, offset = 1, len(self._head) - len(data)
        self._head = b""
        while data:
            if not data.endswith(b"\n"):
                tail = stream.readline(LONGEST + 2)
                begun = len(data) - data.rfind(b"\n") - 1
                data += tail
                if begun + len(tail) > LONGEST + 1 and not tail.endswith(b"\n"):
                    yield from self._long(data, len(data) - begun - len(tail), first, offset)
                    first += line_feeds(data) + 1
                    offset += len(data) + self._skip_line()
                    data = _read(stream, LINES_AT_ONCE)
                    continue
            block = Block(data, first, offset)
            yield block
            first += len(block.feeds)
            offset += len(data)
            data = _read(stream, LINES_AT_ONCE)

    def _long(
        self, data: bytes, end: int, first: int, offset: int
    ) -> Iterator[Block | Undecodable]:
        """The lines before one that is too long, and what begins it."""
        block = Block(data[:end], first, offset)
        if block.data:
            yield block
        reason = f"longer than {LONGEST >> 20} MiB"
        line = first + len(block.feeds)
        yield Undecodable(f"line {line}", reason, data[end : end + _KEPT])

    def from_block(self, block: Block) -> Iterator[Record | Undecodable]:
        """The events from a block on that was handed out last: what follows is read here."""
        yield from _by_line(_Lines(_Chained(block.data, self._stream), block.first))

    def _skip_line(self) -> int:
        """Passes over the rest of a line; returns how many bytes that were."""
        size = 0
        while more := self._stream.readline(_BLOCK):
            size += len(more)
            if more.endswith(b"\n"):
                break
        return size


def line_feeds(data: bytes) -> int:
    """How many line feeds there are; over megabytes quicker than `bytes.count`."""
    return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == _FEED))


def _feeds(data: bytes) -> npt.NDArray[np.int64]:
    found: list[int] = []
    most = len(data) // _LONG
    place = data.find(b"\n")
    while place >= 0 and len(found) <= most:
        found.append(place)
        place = data.find(b"\n", place + 1)
    if place < 0:
        return np.array(found, dtype=np.int64)
    return np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _FEED)


def blocks(stream: BinaryIO) -> Blocks:
    """The lines of a stream, if it has lines of JSON; see `Blocks`."""
    return Blocks(stream)


def of_line(line: bytes, number: int) -> Iterator[Record | Undecodable]:
    """The events of one line of a file of lines; none of a blank one."""
    line = line.strip(BLANKS)
    if line:
        yield from _line(line, number, None)


def says_of_next(line: bytes) -> bool:
    """Whether a line is an action of the bulk format, and no event."""
    line = line.strip(BLANKS)
    return line.startswith(BULK) and _action(line) is not None


def plain_event(line: bytes, number: int) -> Record | None:
    """The event of a line that holds just one, without anything around it; None: ask `of_line`.

    It must be known that nothing of `WRAPPED` and `BULK` stands in the line.
    """
    if len(line) > LONGEST or line.count(b"{") + line.count(b"[") > DEEPEST:
        return None
    try:
        document = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if type(document) is not dict:
        return None
    identity = document.get("_id")
    own = identity if isinstance(identity, str) and identity else None
    return Record(document, f"line {number}", line.strip(BLANKS), own)


def _has_lines(head: bytes) -> bool:
    reader = _Lines(io.BytesIO(head))
    first = reader.peek()
    if first is None or first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    if b"\n" not in head[: LINES_AT_ONCE - 1] and len(head) >= LINES_AT_ONCE:
        return False
    begun = first.lstrip(BLANKS)
    if begun.startswith(b"["):
        return False
    return not begun.startswith(b"{") or _is_lines(first, reader)


def _read(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, or all there are: a pipe gives fewer at a time."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class _Chained(io.BufferedReader):
    """Some bytes, and then a stream."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        super().__init__(_Behind(head, stream), _BLOCK)


class _Behind(io.RawIOBase):
    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = memoryview(head)
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._head[: len(buffer)] if self._head else self._stream.read(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def _is_lines(first: bytes, reader: _Lines) -> bool:
    """Whether the first lines say that the file is NDJSON."""
    if len(first) > LONGEST:
        # Too long for an event, unless it is many, one after another.
        return next(Cutter(LONGEST).feed(first), (b"", False))[1] is False
    if _parsed(first) is not None:
        return True
    second = reader.peek(1)
    return second is None or (second.startswith(b"{") and _parsed(second) is not None)


def _parsed(line: bytes) -> Any | None:
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


class _Lines:
    """A stream's lines with their numbers.

    Of a line that is too long only the beginning is a line; the rest is there for `rest` alone.
    """

    def __init__(self, stream: BinaryIO, first: int = 1) -> None:
        self._stream = stream
        self._ahead: list[tuple[int, bytes]] = []
        self._number = first - 1
        self._is_cut = False

    def _read(self) -> tuple[int, bytes] | None:
        while True:
            while self._is_cut:
                rest = self._stream.readline(_BLOCK)
                self._is_cut = bool(rest) and not rest.endswith(b"\n")
            line = self._stream.readline(LONGEST + 2)
            if not line:
                return None
            self._number += 1
            self._is_cut = len(line) > LONGEST and not line.endswith(b"\n")
            if self._number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not self._is_cut:
                line = line.strip(BLANKS)
            if line:
                return self._number, line

    def peek(self, ahead: int = 0) -> bytes | None:
        """A line that is not blank, without taking it."""
        while len(self._ahead) <= ahead:
            line = self._read()
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[ahead][1]

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while self._ahead:
            yield self._ahead.pop(0)
        while (line := self._read()) is not None:
            yield line

    def rest(self) -> Iterator[bytes]:
        """Everything from the beginning of what was peeked at, in blocks."""
        while self._ahead:
            line = self._ahead.pop(0)[1]
            yield line if self._is_cut and not self._ahead else line + b"\n"
        while block := self._stream.read(_BLOCK):
            yield block


def _by_line(reader: _Lines) -> Iterator[Record | Undecodable]:
    identity: str | None = None
    for number, line in reader:
        if line.startswith(BULK) and (action := _action(line)) is not None:
            own = action.get("_id")
            identity = own if isinstance(own, str) and own else None
            continue
        yield from _line(line, number, identity)
        identity = None


def _line(line: bytes, number: int, identity: str | None) -> Iterator[Record | Undecodable]:
    found = _event(line, f"line {number}")
    if isinstance(found, Undecodable) and len(line) <= LONGEST and _are_objects(line):
        for count, (piece, _) in enumerate(Cutter(LONGEST).feed(line), 1):
            yield from _events(piece, f"line {number}, object {count}")
        return
    if identity is not None and isinstance(found, Record):
        found.id = identity
    yield from unwrapped(found)


def _action(line: bytes) -> dict[str, Any] | None:
    """What an action line of Elasticsearch's bulk format says; None for any other line."""
    found = _parsed(line)
    if not isinstance(found, dict) or len(found) != 1:
        return None
    action = next(iter(found.values()))
    return action if isinstance(action, dict) and _ACTION_KEYS.issuperset(action) else None


def _are_objects(line: bytes) -> bool:
    """Whether a line is several objects, one after another, and nothing else."""
    cutter, count = Cutter(LONGEST), 0
    for piece, is_whole in cutter.feed(line):
        count += 1
        if not is_whole or _parsed(piece) is None:
            return False
    return count > 1 and not cutter.pending


def _pieces(reader: _Lines, skip: bytes) -> Iterator[Record | Undecodable]:
    cutter, count = Cutter(LONGEST, skip), 0
    for block in reader.rest():
        for piece, is_whole in cutter.feed(block):
            count += 1
            position = f"object {count}"
            if is_whole:
                yield from _events(piece, position)
            else:
                too_long = f"longer than {LONGEST >> 20} MiB"
                reason = too_long if len(piece) > LONGEST else "expected an object"
                yield Undecodable(position, reason, piece[:_KEPT])
    if piece := cutter.pending:
        reason = (
            "the file ends inside an object" if piece.startswith(b"{") else "expected an object"
        )
        yield Undecodable(f"object {count + 1}", reason, piece[:_KEPT])


def _events(piece: bytes, position: str) -> Iterator[Record | Undecodable]:
    yield from unwrapped(_event(piece, position))


def _event(raw: bytes, position: str) -> Record | Undecodable:
    if len(raw) > LONGEST:
        return Undecodable(position, f"longer than {LONGEST >> 20} MiB", raw[:_KEPT])
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and depth_of(raw) > DEEPEST:
        return Undecodable(position, f"nested deeper than {DEEPEST} levels", raw[:_KEPT])
    try:
        document = _DECODER.decode(raw)
    except msgspec.DecodeError as error:
        return Undecodable(position, _reason(str(error)), raw[:_KEPT])
    except UnicodeDecodeError:
        return Undecodable(position, "not UTF-8", raw[:_KEPT])
    except RecursionError:
        return Undecodable(position, f"nested deeper than {DEEPEST} levels", raw[:_KEPT])
    if not isinstance(document, dict):
        return Undecodable(position, "not an object", raw[:_KEPT])
    return Record(document, position, raw)


def _reason(message: str) -> str:
    return f"not JSON: {message.removeprefix('JSON is malformed: ')}"
