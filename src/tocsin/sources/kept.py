"""A stream that can be read from its beginning again: what was read of it is kept, compressed.

What comes through a pipe comes once. What a scan may want to see a second time (`runtime.deferral`)
is copied as it is read into a temporary file, which has no name where the system knows such files
and is a ninth as large as usual telemetry; where there is no room for it, into memory.

>>> stream = Kept(lambda: io.BytesIO(b"some lines"))
>>> stream.open().read(4), stream.open().read()
(b'some', b'some lines')
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import zstandard

LEVEL = 1
_AT_ONCE = 1 << 20


class Kept:
    """A stream and what was read of it.

    Args:
        begin: opens it, once.
        closes: what it opens is closed in the end.
    """

    def __init__(self, begin: Callable[[], BinaryIO], *, closes: bool = True) -> None:
        self._begin = begin
        self._closes = closes
        self._stream: Any = None
        self._packed = _Packed()
        self._writer: Any = None
        self._has_ended = False

    def open(self) -> BinaryIO:
        """The stream from its beginning; whoever read it before must not go on.

        Raises:
            OSError: it cannot be opened. Reading raises it where more cannot be read.
        """
        if self._stream is None:
            self._stream = self._begin()
        self._end_frame()
        return io.BufferedReader(_Reader(self, self._packed.unpacked()), _AT_ONCE)

    def exceeds(self, size: int) -> bool:
        """Whether there are more bytes than so many; waits for them.

        Raises:
            OSError: it cannot be opened or read.
        """
        stream, left = self.open(), size + 1
        while left and (piece := stream.read(min(left, _AT_ONCE))):
            left -= len(piece)
        return not left

    def more(self, buffer: memoryview) -> int:
        """Reads what nobody has read, and keeps it; 0 at the end."""
        if self._has_ended:
            return 0  # a terminal would ask for more
        size: int = self._stream.readinto(buffer)
        if size:
            if self._writer is None:
                compressor = zstandard.ZstdCompressor(level=LEVEL)
                target = cast("BinaryIO", self._packed)
                self._writer = compressor.stream_writer(target, closefd=False)
            self._writer.write(buffer[:size])
        else:
            self._has_ended = True
        return size

    def close(self) -> None:
        """Forgets what was kept."""
        self._end_frame()
        self._packed.close()
        if self._closes and self._stream is not None:
            self._stream.close()

    def _end_frame(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Reader(io.RawIOBase):
    """What is kept, and then what comes."""

    def __init__(self, kept: Kept, before: Any) -> None:
        self._kept = kept
        self._before: Any = before

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._before is not None:
            size: int = self._before.readinto(buffer)
            if size:
                return size
            self._before = None
        return self._kept.more(buffer)


class _Packed(io.RawIOBase):
    """Compressed bytes: in a file, and what does not fit any more in memory."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._filed = 0
        self._is_full = False
        try:
            self._file: Any = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  (as long as this)
        except OSError:
            self._file, self._is_full = None, True

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        size = len(view)
        while len(view) and not self._is_full:
            try:
                written = self._file.write(view)
            except OSError:
                self._is_full = True
            else:
                self._filed += written
                view = view[written:]
        if len(view):
            self._rest.append(bytes(view))
        return size

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._rest.clear()
        super().close()

    def unpacked(self) -> Any:
        """What it all is, as a stream; nothing may be written while that is read."""
        source = io.BufferedReader(_Again(self._file, self._filed, self._rest), _AT_ONCE)
        return zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)


class _Again(io.RawIOBase):
    """So many bytes of a file from its beginning, and then some pieces."""

    def __init__(self, file: Any, size: int, pieces: list[bytes]) -> None:
        self._file = file
        self._left = size
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")
        if size:
            file.seek(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._left:
            size: int = self._file.readinto(buffer[: min(self._left, len(buffer))])
            if not size:
                raise OSError("the copy of what was read was cut")
            self._left -= size
            return size
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._piece = memoryview(piece)
        size = min(len(self._piece), len(buffer))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size
