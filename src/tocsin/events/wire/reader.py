"""HTTP/1.x messages out of one direction of a connection, however the bytes are cut up.

A ``Reader`` is fed the ``Data`` of one side and asked for heads and bodies in turn::

    reader = Reader(REQUESTS)
    reader.feed(data)
    while (head := reader.next_head()) is not None:
        message = Message(origin=head.origin, time=head.time, size=head.size)
        reader.begin(message, *framing_of_request(head))
        if not reader.read_body():
            break  # more bytes are needed

Bodies are counted and thrown away, unless a message brings a ``kept`` to collect them in. A reader
that loses its place (a gap, garbage, a broken chunk) looks for the next start line by itself.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from typing import TYPE_CHECKING, Final

from tocsin.events.wire.messages import (
    LARGEST_HEAD,
    LARGEST_KEPT_BODY,
    Framing,
    Grammar,
    Head,
    Message,
    Origin,
    parse_headers,
)

if TYPE_CHECKING:
    from tocsin.events.wire.tcp import Data

_LONGEST_LINE: Final = 8 << 10
_LAST_FEW: Final = 256
_MOST_MARKS: Final = 1024

_BLANK_LINE = re.compile(rb"\n\r?\n")
_LINE_ENDS = re.compile(rb"[\r\n]+")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r?\Z", re.DOTALL)


class _Queue:
    """Bytes in order, each of which still knows where it came from."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._marks: deque[tuple[int, int, Origin]] = deque()  # start, end, origin at the start
        self._front = 0

    def append(self, data: Data) -> None:
        start = self._front + len(self.data)
        end = start + len(data.data)
        self.data += data.data
        if len(self._marks) < _MOST_MARKS:
            origin = Origin(data.time, data.packet, data.sequence, data.acknowledged)
            self._marks.append((start, end, origin))
        else:
            # Thousands of crumbs: their own origins would cost far more memory than they do.
            start, _, origin = self._marks[-1]
            self._marks[-1] = (start, end, origin)

    def origin(self) -> Origin:
        """Where the byte at the front came from."""
        start, _, origin = self._marks[0]
        sequence = (origin.sequence + self._front - start) % (1 << 32)
        return Origin(origin.time, origin.packet, sequence, origin.acknowledged)

    def drop(self, count: int) -> int:
        """Remove bytes from the front; the time of the last of them (0 for none)."""
        time = 0
        self._front += count
        del self.data[:count]
        while count and self._marks:
            start, end, origin = self._marks[0]
            if start >= self._front:
                break
            time = origin.time
            if end > self._front:
                break
            self._marks.popleft()
        return time


class _Phase(enum.Enum):
    HEAD = enum.auto()
    LENGTH = enum.auto()
    UNTIL_CLOSE = enum.auto()
    CHUNK_SIZE = enum.auto()
    CHUNK = enum.auto()
    CHUNK_END = enum.auto()
    TRAILERS = enum.auto()


_FIRST_PHASE = {
    Framing.LENGTH: _Phase.LENGTH,
    Framing.CHUNKED: _Phase.CHUNK_SIZE,
    Framing.UNTIL_CLOSE: _Phase.UNTIL_CLOSE,
}


class Reader:
    """The messages of one direction.

    Attributes:
        is_lost: whether it is looking for the next start line.
        skipped: bytes that belonged to no message.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._queue = _Queue()
        self._phase = _Phase.HEAD
        self._message: Message | None = None
        self._remaining = 0
        self._searched = 0
        self._was_lost = False
        self.is_lost = False
        self.skipped = 0

    @property
    def waiting(self) -> int:
        """Bytes that were fed and not yet used."""
        return len(self._queue.data)

    @property
    def has_begun(self) -> bool:
        """Whether the bytes that wait are plainly the start of a message (for responses)."""
        return not self.is_lost and self._queue.data.startswith(self._grammar.anchor)

    def feed(self, data: Data) -> None:
        """Take the next bytes of the stream."""
        self._queue.append(data)

    def shed(self) -> None:
        """Give up bytes that have waited for too long, all but the last few."""
        self._lose()
        self._skip(max(0, self.waiting - _LAST_FEW))

    # --- heads -------------------------------------------------------------------------------

    def next_head(self) -> Head | None:
        """The next head, once all of it is there; only between messages."""
        while self._queue.data:
            if self.is_lost and not self._resume():
                return None
            blank = _LINE_ENDS.match(self._queue.data)
            if blank:
                # Empty lines before a start line are to be ignored (RFC 9112, 2.2).
                self._skip(blank.end())
                continue
            newline = self._queue.data.find(b"\n")
            if not self._can_start(newline):
                # Go past one byte, so that the same place is not taken for a start again.
                self._lose()
                self._skip(1)
                continue
            if newline < 0:
                return None
            # The line feed that ends the start line may be the first half of the blank line.
            end = _BLANK_LINE.search(self._queue.data, max(newline, self._searched - 2))
            if end is not None and end.end() <= LARGEST_HEAD:
                return self._take_head(newline, end.end(), is_whole=True)
            self._searched = len(self._queue.data)
            if self._searched <= LARGEST_HEAD:
                return None
            head = self._take_head(newline, LARGEST_HEAD, is_whole=False)
            self._lose()
            return head
        return None

    def salvage(self) -> Head | None:
        """The head that was being read, as far as it came, when its rest will never come."""
        if self._phase is not _Phase.HEAD or self.is_lost or not self._queue.data:
            return None
        newline = self._queue.data.find(b"\n")
        if newline < 0 or not self._can_start(newline):
            return None
        size = min(len(self._queue.data), LARGEST_HEAD)
        return self._take_head(newline, size, is_whole=False)

    def _can_start(self, newline: int) -> bool:
        """Whether the bytes at the front are a start line, or may become one."""
        data = self._queue.data
        if newline < 0:
            return len(data) <= LARGEST_HEAD and self._grammar.prefix.match(data) is not None
        return newline < LARGEST_HEAD and self._grammar.parse(bytes(data[:newline])) is not None

    def _take_head(self, newline: int, size: int, *, is_whole: bool) -> Head:
        origin = self._queue.origin()
        text = bytes(self._queue.data[:size])
        if not is_whole:
            text = text[: text.rfind(b"\n") + 1]  # half a header may be half a lie
        line = self._grammar.parse(text[:newline])
        if line is None:  # pragma: no cover  (_can_start saw to it)
            line = (b"", b"", b"")
        headers, names = parse_headers(text[newline + 1 :])
        self._searched = 0
        was_lost, self._was_lost = self._was_lost, False
        time = self._queue.drop(size)
        return Head(line, headers, names, origin, time, size, is_whole, was_lost)

    def _lose(self) -> None:
        self.is_lost = self._was_lost = True
        self._searched = 0

    def _skip(self, count: int) -> None:
        self.skipped += count
        self._queue.drop(count)
        self._searched = 0

    def _resume(self) -> bool:
        """Look for the next start line; drop what stands before it."""
        data, grammar = self._queue.data, self._grammar
        floor = 0
        at = data.find(grammar.anchor, self._searched)
        while at >= 0:
            if grammar.is_request:
                line = max(data.rfind(b"\n", floor, at) + 1, floor)
                found = grammar.resume.search(data, line, at + 1)
                # The version's last digit has to be there as well.
                is_open = at + len(grammar.anchor) >= len(data)
                is_there = is_open or data[at + len(grammar.anchor)] in b"0123456789"
            else:
                found = grammar.resume.match(data, at)
                is_open = len(data) - at < 14
                is_there = True
            if found and is_there:
                self._skip(found.start())
                self.is_lost = False
                return True
            if is_open:
                break
            floor = at + 1
            at = data.find(grammar.anchor, floor)
        # Keep what may be the beginning of a start line: the last line, within reason.
        keep = at
        if at < 0 or grammar.is_request:
            keep = max(data.rfind(b"\n") + 1, len(data) - _LONGEST_LINE)
        self._skip(keep)
        if grammar.is_request:
            self._searched = max(0, len(data) - len(grammar.anchor))
        return False

    # --- bodies ------------------------------------------------------------------------------

    def begin(self, message: Message, framing: Framing, length: int) -> None:
        """Say how the body that follows the last head is to be read."""
        self._message = message
        self._remaining = length
        self._phase = _FIRST_PHASE.get(framing, _Phase.HEAD)

    def read_body(self) -> bool:
        """Read on in the body; whether it is complete now."""
        while self._message is not None:
            match self._phase:
                case _Phase.HEAD:
                    self._message = None
                case _Phase.LENGTH | _Phase.CHUNK:
                    self._consume(min(self._remaining, self.waiting))
                    if self._remaining:
                        return False
                    is_chunk = self._phase is _Phase.CHUNK
                    self._phase = _Phase.CHUNK_END if is_chunk else _Phase.HEAD
                case _Phase.UNTIL_CLOSE:
                    self._consume(self.waiting)
                    return False
                case _:
                    if not self._read_chunk_line():
                        return False
        return True

    def gap(self, length: int) -> None:
        """Bytes of the stream are missing here."""
        message = self._message
        if message is None:
            self._skip(self.waiting)
            self._lose()
            return
        message.is_whole = False
        within = length
        if self._phase in (_Phase.LENGTH, _Phase.CHUNK):
            within = min(length, self._remaining)
            self._remaining -= within
        elif self._phase is not _Phase.UNTIL_CLOSE:
            within = 0
        message.size += within
        message.body_size += within
        if within < length:
            self.abandon()
            self._skip(self.waiting)
            self._lose()

    def abandon(self) -> None:
        """No more bytes will come for the message that is being read: it ends here."""
        if self._message is not None:
            if self._phase is not _Phase.UNTIL_CLOSE:
                self._message.is_whole = False
            self._message = None
        self._phase = _Phase.HEAD

    def _consume(self, count: int) -> None:
        message = self._message
        if not count or message is None:
            return
        if message.kept is not None and len(message.kept) < LARGEST_KEPT_BODY:
            room = LARGEST_KEPT_BODY - len(message.kept)
            message.kept += self._queue.data[: min(count, room)]
        message.body_size += count
        self._remaining -= count
        self._count(count)

    def _count(self, count: int) -> None:
        if self._message is not None and count:
            self._message.size += count
            self._message.time = self._queue.drop(count)

    def _read_chunk_line(self) -> bool:
        """Take the next line between chunks; False if it is not there yet."""
        data = self._queue.data
        end = data.find(b"\n")
        if end < 0 and len(data) <= _LONGEST_LINE:
            return False
        line = bytes(data[:end]) if end >= 0 else b"\x00"
        is_blank = line in (b"", b"\r")
        size = _CHUNK_SIZE.match(line)
        if self._phase is _Phase.CHUNK_SIZE and size:
            self._remaining = int(size[1], 16)
            self._phase = _Phase.CHUNK if self._remaining else _Phase.TRAILERS
        elif self._phase is _Phase.CHUNK_END and is_blank:
            self._phase = _Phase.CHUNK_SIZE
        elif self._phase is _Phase.TRAILERS and end >= 0:
            self._phase = _Phase.HEAD if is_blank else _Phase.TRAILERS
        else:
            self._lose_message()
            return True
        self._count(end + 1)
        return True

    def _lose_message(self) -> None:
        """The framing of chunks is broken: nobody knows where the message ends."""
        if self._message is not None:
            self._message.is_whole = False
        self._message = None
        self._phase = _Phase.HEAD
        self._lose()
