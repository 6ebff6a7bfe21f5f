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
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from tocsin.events.decoders._json_pages import unwrapped
from tocsin.events.record import Record, Undecodable

SUFFIXES = (".json", ".ndjson", ".jsonl", ".jsonlines")

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
_ACTIONS = (b'{"index"', b'{"create"', b'{ "index"', b'{ "create"')
_ACTION_KEYS = frozenset({"_index", "_id", "_type", "routing", "pipeline", "require_alias"})


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
    if first.lstrip(_BLANKS).startswith(b"["):
        yield from _pieces(reader, skip=b"[],")
    elif first.lstrip(_BLANKS).startswith(b"{") and not _is_lines(first, reader):
        yield from _pieces(reader, skip=b",")
    else:
        yield from _by_line(reader)


def _is_lines(first: bytes, reader: _Lines) -> bool:
    """Whether the first lines say that the file is NDJSON."""
    if len(first) > LONGEST:
        # Too long for an event, unless it is many, one after another.
        return next(_Cutter().feed(first), (b"", False))[1] is False
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

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead: list[tuple[int, bytes]] = []
        self._number = 0
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
            line = self._ahead.pop(0)[1]
            yield line if self._is_cut and not self._ahead else line + b"\n"
        while block := self._stream.read(_BLOCK):
            yield block


def _by_line(reader: _Lines) -> Iterator[Record | Undecodable]:
    identity: str | None = None
    for number, line in reader:
        if line.startswith(_ACTIONS) and (action := _action(line)) is not None:
            own = action.get("_id")
            identity = own if isinstance(own, str) and own else None
            continue
        found = _event(line, f"line {number}")
        if isinstance(found, Undecodable) and len(line) <= LONGEST and _are_objects(line):
            for count, (piece, _) in enumerate(_Cutter().feed(line), 1):
                yield from _events(piece, f"line {number}, object {count}")
        else:
            if identity is not None and isinstance(found, Record):
                found.id, identity = identity, None
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
    cutter, count = _Cutter(), 0
    for piece, is_whole in cutter.feed(line):
        count += 1
        if not is_whole or _parsed(piece) is None:
            return False
    return count > 1 and not cutter.pending


def _pieces(reader: _Lines, skip: bytes) -> Iterator[Record | Undecodable]:
    cutter, count = _Cutter(skip), 0
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


class _Cutter:
    """Cuts a stream at the braces of its outermost objects.

    Args:
        skip: bytes that may stand between objects.
    """

    def __init__(self, skip: bytes = b",") -> None:
        self._skip = skip + _BLANKS
        self._between = re.compile(b"[" + re.escape(self._skip) + b"]*")
        self._data = b""
        self._start = 0
        self._at = 0
        self._depth = 0
        self._in_string = False
        self._is_dropped = False

    @property
    def pending(self) -> bytes:
        """What has begun, has not ended and was not handed out as too long."""
        return b"" if self._is_dropped else self._data[self._start :].rstrip(self._skip)

    def feed(self, block: bytes) -> Iterator[tuple[bytes, bool]]:
        """(piece, whether it is a whole object) pairs that the block completes.

        Of an object that is too long the beginning is handed out; the rest is passed over.
        """
        if self._is_dropped:
            self._start = self._at
        data = self._data = self._data[self._start :] + block
        self._start, self._at = 0, self._at - self._start
        while True:
            if self._depth == 0:
                self._start = self._at = self._between.match(data, self._at).end()  # type: ignore[union-attr]
                if self._start == len(data):
                    return
                if not data.startswith(b"{", self._start):
                    # Something that is no object: it ends where the next one may begin.
                    begun = data.find(b"{", self._start)
                    if begun < 0:
                        if len(data) - self._start > LONGEST:
                            yield data[self._start :], False
                            self._start = self._at = len(data)
                        return
                    yield data[self._start : begun].rstrip(self._skip), False
                    self._start = self._at = begun
            if not self._scan():
                if len(data) - self._start > LONGEST and not self._is_dropped:
                    self._is_dropped = True
                    yield data[self._start :], False
                return
            if not self._is_dropped:
                yield data[self._start : self._at], True
            self._is_dropped = False

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
    yield from unwrapped(_event(piece, position))


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
