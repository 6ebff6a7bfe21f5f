"""Where objects of JSON begin and end, in bytes that nobody has decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator

BLANKS = b" \t\r\n\x0b\x0c"
_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING_END = re.compile(rb'["\\]')


class Cutter:
    """Cuts a stream at the braces of its outermost objects.

    Args:
        longest: an object of more bytes is handed out as too long, and the rest of it passed over.
        skip: bytes that may stand between objects.
    """

    def __init__(self, longest: int, skip: bytes = b",") -> None:
        self._longest = longest
        self._skip = skip + BLANKS
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
                        if len(data) - self._start > self._longest:
                            yield data[self._start :], False
                            self._start = self._at = len(data)
                        return
                    yield data[self._start : begun].rstrip(self._skip), False
                    self._start = self._at = begun
            if not self._scan():
                if len(data) - self._start > self._longest and not self._is_dropped:
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


def depth_of(raw: bytes) -> int:
    """How deep the deepest object or array of a text lies."""
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
