"""JSON in every arrangement that telemetry comes in.

* NDJSON: one object a line;
* one object or one array of objects, over as many lines as they like;
* objects one after another, with or without anything between them.

Which it is shows in the beginning: ``[`` is an array; a first line that is a whole object, or is
followed by one, means lines; anything else is cut at its braces. A piece that is no event costs
that piece alone. Of keys that stand twice in an object the last counts; ``NaN``, unpaired
surrogates, bad UTF-8, nesting deeper than `DEEPEST` and events longer than `LONGEST` are refused.

Elasticsearch's search hits are taken apart: ``_source`` is the event, ``_id`` its identity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from tocsin.events.record import Record, Undecodable

SUFFIXES = (".json", ".ndjson", ".jsonl", ".jsonlines")
MAGIC: tuple[bytes, ...] = (b"{", b"[", b"\xef\xbb\xbf{", b"\xef\xbb\xbf[")

LONGEST = 16 << 20
"""The longest event that is decoded, in bytes."""

DEEPEST = 100
"""The deepest nesting that is decoded."""

_KEPT = 64 << 10
_BLOCK = 1 << 20
_BLANKS = b" \t\r\n\x0b\x0c"
_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING_END = re.compile(rb'["\\]')
_DECODER = msgspec.json.Decoder()


def decode(stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
    """The events of a stream of JSON; see the module."""
    reader = _Lines(stream)
    first = reader.peek()
    if first is None:
        return
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield Undecodable("line 1", "the text is UTF-16; convert it to UTF-8", first[:_KEPT])
        return
    if first.startswith(b"["):
        yield from _pieces(reader, skip=b"[],")
    elif first.startswith(b"{") and not _is_lines(first, reader.peek(1)):
        yield from _pieces(reader, skip=b",")
    else:
        yield from _by_line(reader)


def _is_lines(first: bytes, second: bytes | None) -> bool:
    """Whether the first lines say that the file is NDJSON."""
    if len(first) > LONGEST or _parsed(first) is not None or second is None:
        return True
    return second.startswith(b"{") and _parsed(second) is not None


def _parsed(line: bytes) -> Any | None:
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


class _Lines:
    """A stream's lines with their numbers; one that is too long is cut, and its rest skipped."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead: list[tuple[int, bytes]] = []
        self._number = 0

    def _read(self) -> tuple[int, bytes] | None:
        while True:
            line = self._stream.readline(LONGEST + 2)
            if not line:
                return None
            self._number += 1
            if len(line) > LONGEST and not line.endswith(b"\n"):
                while (rest := self._stream.readline(_BLOCK)) and not rest.endswith(b"\n"):
                    pass
            if self._number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            line = line.strip(_BLANKS)
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
            yield self._ahead.pop(0)[1] + b"\n"
        while block := self._stream.read(_BLOCK):
            yield block


def _by_line(reader: _Lines) -> Iterator[Record | Undecodable]:
    for number, line in reader:
        found = _event(line, f"line {number}")
        if isinstance(found, Undecodable) and len(line) <= LONGEST:
            pieces = list(_cut(line))
            if len(pieces) > 1 and all(_parsed(piece) is not None for piece in pieces):
                for count, piece in enumerate(pieces, 1):
                    yield from _events(piece, f"line {number}, object {count}")
                continue
        yield from _unwrapped(found)


def _cut(line: bytes) -> Iterator[bytes]:
    cutter = _Cutter()
    for piece, whole in cutter.feed(line):
        if whole:
            yield piece
    if cutter.pending:
        yield cutter.pending


def _pieces(reader: _Lines, skip: bytes) -> Iterator[Record | Undecodable]:
    cutter, count = _Cutter(skip), 0
    for block in reader.rest():
        for piece, whole in cutter.feed(block):
            count += 1
            position = f"object {count}"
            if whole:
                yield from _events(piece, position)
            else:
                reason = (
                    f"longer than {LONGEST >> 20} MiB"
                    if len(piece) > LONGEST
                    else ("expected an object")
                )
                yield Undecodable(position, reason, piece[:_KEPT])
    if piece := cutter.pending:
        whole = piece.startswith(b"{")
        reason = "the file ends inside an object" if whole else "expected an object"
        yield Undecodable(f"object {count + 1}", reason, piece[:_KEPT])


class _Cutter:
    """Cuts a stream at the braces of its outermost objects.

    Args:
        skip: bytes that may stand between objects.
    """

    def __init__(self, skip: bytes = b",") -> None:
        self._skip = skip + _BLANKS
        self._data = b""
        self._at = 0
        self._depth = 0
        self._in_string = False

    @property
    def pending(self) -> bytes:
        """What has begun and not ended."""
        return self._data.strip(self._skip) if self._depth == 0 else self._data

    def feed(self, block: bytes) -> Iterator[tuple[bytes, bool]]:
        """(piece, whether it is a whole object) pairs that the block completes."""
        self._data += block
        while True:
            if self._depth == 0:
                self._data = self._data.lstrip(self._skip)
                self._at = 0
                if not self._data:
                    return
                if not self._data.startswith(b"{"):
                    # Something that is no object: it ends where the next one may begin.
                    start = self._data.find(b"{")
                    if start < 0:
                        if len(self._data) > LONGEST:
                            yield self._data, False
                            self._data = b""
                        return
                    yield self._data[:start].rstrip(self._skip), False
                    self._data = self._data[start:]
            if not self._scan():
                if len(self._data) > LONGEST:
                    yield self._data, False
                    self._data, self._at, self._depth, self._in_string = b"", 0, 0, False
                return
            yield self._data[: self._at], True
            self._data = self._data[self._at :]

    def _scan(self) -> bool:
        """Moves on to behind the end of the object; False where the data ends before it."""
        data = self._data
        while True:
            if self._in_string:
                found = _STRING_END.search(data, self._at)
                if found is None:
                    self._at = len(data)
                    return False
                if found.group() == b"\\":
                    if found.end() >= len(data):
                        self._at = found.start()
                        return False
                    self._at = found.end() + 1
                    continue
                self._in_string = False
                self._at = found.end()
                continue
            found = _STRUCTURE.search(data, self._at)
            if found is None:
                self._at = len(data)
                return False
            self._at = found.end()
            mark = found.group()
            if mark == b'"':
                self._in_string = True
            elif mark in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    return True


def _events(piece: bytes, position: str) -> Iterator[Record | Undecodable]:
    yield from _unwrapped(_event(piece, position))


def _event(raw: bytes, position: str) -> Record | Undecodable:
    if len(raw) > LONGEST:
        return Undecodable(position, f"longer than {LONGEST >> 20} MiB", raw[:_KEPT])
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and _depth(raw) > DEEPEST:
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


def _depth(raw: bytes) -> int:
    deepest = depth = at = 0
    while (found := _STRUCTURE.search(raw, at)) is not None:
        at = found.end()
        mark = found.group()
        if mark == b'"':
            while (end := _STRING_END.search(raw, at)) is not None:
                at = end.end()
                if end.group() == b'"':
                    break
                at += 1
            else:
                break
        elif mark in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _unwrapped(found: Record | Undecodable) -> Iterator[Record | Undecodable]:
    if isinstance(found, Undecodable):
        yield found
        return
    document = found.document
    source = document.get("_source")
    if isinstance(source, dict):
        yield _hit(document, found.position, found.raw)
        return
    outer = document.get("hits")
    hits = outer.get("hits") if isinstance(outer, dict) and "_shards" in document else None
    if isinstance(hits, list):
        for count, hit in enumerate(hits, 1):
            position = f"{found.position}, hit {count}"
            if isinstance(hit, dict) and isinstance(hit.get("_source"), dict):
                yield _hit(hit, position, msgspec.json.encode(hit))
            else:
                yield Undecodable(position, "a search hit without _source")
        return
    identity = document.get("_id")
    if isinstance(identity, str) and identity:
        found.id = identity
    yield found


def _hit(hit: dict[str, Any], position: str, raw: bytes) -> Record:
    document = dict(hit["_source"])
    identity, index = hit.get("_id"), hit.get("_index")
    if isinstance(index, str):
        document["_index"] = index
    return Record(document, position, raw, identity if isinstance(identity, str) else None)
