"""Files, directories of them and standard input; plain, gzip or Zstandard.

What a file is shows in its first bytes; its ending decides only where they do not.
"""

from __future__ import annotations

import difflib
import errno
import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import msgspec

from tocsin.errors import InputError, UsageError
from tocsin.events.decoders import Decoder, decoders, json, parquet, recognise, suffixes
from tocsin.events.record import Record, Undecodable
from tocsin.events.shapes import PLAIN, shapes
from tocsin.sources.kept import Kept

if TYPE_CHECKING:
    from tocsin.events.arrow.file import ParquetFile

T = TypeVar("T")

STANDARD_INPUT = "-"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # behind 0x50 to 0x5f: a Zstandard frame that is no data
_COMPRESSED = (".gz", ".zst", ".zstd")
_ROTATION = re.compile(r"\.\d{1,4}\Z")
_HEAD = 4_096
_BLOCK = 1 << 20
_COMPRESSED_BLOCK = 512


class InputFile(msgspec.Struct, frozen=True):
    """A file to read.

    Attributes:
        name: what opens it: as the user wrote it, or below what they wrote.
        size: in bytes as it lies on disk; 0 where that is unknown.
        format: the decoder or the shape that it has, where the user said so (`formats`); empty:
            to be recognised.
        kept: what was read of it, where it comes only once (`readable_again`).
    """

    name: str
    size: int = 0
    format: str = ""
    kept: Kept | None = None

    @property
    def shown(self) -> str:
        r"""The name as text; bytes of it that are no UTF-8 stand as escapes (``\xff``)."""
        return os.fsencode(self.name).decode("utf-8", "backslashreplace")


class Found(msgspec.Struct, frozen=True):
    """What inputs come to.

    Attributes:
        files: in order, each once.
        passed_over: what lies in directories and no decoder knows: by its ending, or because it
            is no file (a pipe, a socket, a link to a directory).
        refused: inputs that cannot be read, as ``name: reason``.
    """

    files: tuple[InputFile, ...]
    passed_over: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def formats() -> tuple[str, ...]:
    """What an input may be said to be: a decoder, a shape of JSON events, or ``ecs``."""
    return tuple(sorted({*decoders(), *shapes(), PLAIN}))


def find(inputs: Iterable[str], format: str = "") -> Found:  # noqa: A002  (the user's word)
    """The files that inputs name: files, directories (with everything below them) and ``-``.

    Args:
        inputs: as the user wrote them.
        format: what they are said to be, one of `formats`; empty: to be recognised, and then only
            files count in directories whose ending some decoder knows.

    Raises:
        UsageError: there is no such format.
    """
    if format and format not in formats():
        near = difflib.get_close_matches(format, formats(), 1)
        meant = f"did you mean {near[0]}?" if near else f"one of {', '.join(formats())}"
        message = f"unknown input format {format!r}\nhint: {meant}"
        raise UsageError(message)
    files: dict[str, InputFile] = {}
    passed_over: list[str] = []
    refused: list[str] = []
    for name in inputs:
        if name == STANDARD_INPUT:
            files.setdefault(name, InputFile(name, 0, format))
            continue
        try:
            if Path(name).is_dir():
                for below in _below(name, refused):
                    if _is_readable(below, any_ending=bool(format)):
                        size = below.stat().st_size
                        files.setdefault(str(below), InputFile(str(below), size, format))
                    else:
                        passed_over.append(InputFile(str(below)).shown)
            else:
                files.setdefault(name, InputFile(name, Path(name).stat().st_size, format))
        except OSError as error:
            refused.append(f"{InputFile(name).shown}: {_why(error)}")
    return Found(tuple(files.values()), tuple(passed_over), tuple(refused))


def readable_again(found: Found) -> Found:
    """The same files; what comes only once (a pipe, standard input) is kept as it is read."""

    def again(file: InputFile) -> InputFile:
        if file.name != STANDARD_INPUT and Path(file.name).is_file():
            return file
        kept = Kept(partial(_raw, file), closes=file.name != STANDARD_INPUT)
        return msgspec.structs.replace(file, kept=kept)

    return msgspec.structs.replace(found, files=tuple(map(again, found.files)))


def _below(directory: str, refused: list[str]) -> Iterator[Path]:
    """Everything in a directory and below that is no directory; links are not followed to one."""

    def refuse(error: OSError) -> None:
        refused.append(f"{InputFile(str(error.filename or directory)).shown}: {_why(error)}")

    for folder, folders, names in os.walk(directory, onerror=refuse):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        folders.sort()
        for name in sorted([*names, *links]):
            if not name.startswith("."):
                yield Path(folder, name)


def _is_readable(path: Path, *, any_ending: bool) -> bool:
    return path.is_file() and (any_ending or _plain_name(path.name).endswith(suffixes()))


def _plain_name(name: str) -> str:
    """The name without the ending of a compression and the number of a rotated log."""
    lowered = name.lower()
    for ending in _COMPRESSED:
        lowered = lowered.removesuffix(ending)
    return _ROTATION.sub("", lowered)


class OpenFile:
    """A file that is being read; a context manager.

    Args:
        file: which.

    Raises:
        InputError: it cannot be opened, or no decoder knows its format.
    """

    def __init__(self, file: InputFile, standard_input: BinaryIO | None = None) -> None:
        self.file = file
        try:
            if file.kept is not None:
                self._raw = file.kept.open()
            else:
                self._raw = standard_input or _raw(file)
            self._counted = _Counted(self._raw)
            self._stream: Any = io.BufferedReader(self._counted, _BLOCK)
            self._content: _Decompressed | None = None
            self._pieces: Iterator[Record | Undecodable] | None = None
            begin = _decompressor(self._stream.peek(4)[:4])
            if begin is not None:
                self._content = _Decompressed(self._stream, begin)
                self._stream = io.BufferedReader(self._content, _BLOCK)
            head = self._stream.peek(_HEAD)[:_HEAD]
        except OSError as error:
            self.close()
            message = f"{file.shown}: {_why(error)}"
            raise InputError(message) from error
        decoder = _decoder(file, head)
        if decoder is None:
            self.close()
            known = ", ".join(suffixes())
            message = f"{file.shown}: unknown format; Tocsin reads {known} (plain, .gz or .zst)"
            raise InputError(message)
        self._decoder: Decoder = decoder

    def __enter__(self) -> OpenFile:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the file."""
        self.close()

    def close(self) -> None:
        """Closes the file; standard input stays open, and what is kept is kept."""
        is_open = self.file.name == STANDARD_INPUT and self.file.kept is None
        if not is_open and hasattr(self, "_raw"):
            self._raw.close()

    @property
    def position(self) -> int:
        """How many bytes of the file, as it lies on disk, have been read."""
        return self._counted.count

    @property
    def plain_path(self) -> str | None:
        """Where the file lies, if any part of it can be read by itself; None: it cannot."""
        name = self.file.name
        is_plain = self._content is None and name != STANDARD_INPUT and Path(name).is_file()
        return name if is_plain else None

    def blocks(self) -> Iterator[json.Block | Undecodable] | None:
        """The lines of a file of JSON, many at a time; None: it has to be read by `records`.

        Raises:
            InputError: the file cannot be read on.
        """
        if self._decoder is not decoders()["json"] or self.file.format not in {"", "json"}:
            return None
        with self._clear_errors():
            blocks = json.blocks(cast("BinaryIO", self._stream))
        if not blocks.are_lines:
            self._stream = blocks.rewound()
            return None
        self._blocks = blocks
        return self._to_the_end(iter(blocks))

    def columns(self) -> ParquetFile | Undecodable | None:
        """The columns of a file of columns, or why it has none; None: it is read by `records`.

        Raises:
            InputError: the file cannot be read.
        """
        if self._decoder is not decoders()["parquet"] or self.file.format not in {"", "parquet"}:
            return None
        with self._clear_errors():
            found = parquet.open_file(cast("BinaryIO", self._stream), self.file.shown)
            if isinstance(found, Undecodable) or parquet.has_columns(found):
                return found
        self._pieces = parquet.records_of(found)
        return None

    def from_block(self, block: json.Block) -> Iterator[Record | Undecodable]:
        """The events from a block on, one by one; no more blocks may be asked for."""
        return self._to_the_end(self._blocks.from_block(block))

    def records(self) -> Iterator[Record | Undecodable]:
        """What is in the file; damage to the compression ends it and is reported as such.

        Raises:
            InputError: the file cannot be read on.
        """
        shape = "" if self.file.format in decoders() else self.file.format
        found = self._pieces
        if found is None:
            found = self._decoder.decode(cast("BinaryIO", self._stream), self.file.shown)
        for piece in self._to_the_end(found):
            if shape and isinstance(piece, Record):
                piece.shape = shape
            yield piece

    def _to_the_end(self, pieces: Iterator[T]) -> Iterator[T | Undecodable]:
        """All of the pieces, and what is wrong with the compression."""
        with self._clear_errors():
            yield from pieces
        if self._content is not None and self._content.damage:
            yield Undecodable("end of file", self._content.damage)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"{self.file.shown}: {_why(error)}"
            raise InputError(message) from error


def _raw(file: InputFile) -> BinaryIO:
    if file.name != STANDARD_INPUT:
        return Path(file.name).open("rb")
    if sys.stdin is None:  # it was closed before Tocsin was started
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer


def _decoder(file: InputFile, head: bytes) -> Decoder | None:
    if file.format in decoders():
        return decoders()[file.format]
    plain = _plain_name(Path(file.name).name)
    if file.format:
        # A shape is one of JSON events, unless the file is something else for certain.
        return next((d for d in decoders().values() if d.recognises(head)), decoders()["json"])
    if file.name == STANDARD_INPUT and not head:
        return recognise("empty.json", b"")
    # Blank lines may stand before JSON, but belong to the first bytes of a pcapng file.
    return recognise(plain, head) or recognise(plain, head.lstrip(b" \t\r\n"))


class _Counted(io.RawIOBase):
    """Counts the bytes that pass."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        self.count += count
        return count


class _Decompressed(io.RawIOBase):
    """A compressed stream's content; where it is damaged, it ends, and `damage` says why.

    A few bytes of compressed data may stand for very many, so little is taken at a time.

    Args:
        stream: the compressed bytes.
        begin: makes a decompressor for the next gzip member or Zstandard frame.
    """

    def __init__(self, stream: BinaryIO, begin: Callable[[], Any]) -> None:
        self._stream = stream
        self._begin = begin
        self._member: Any = None
        self._ready = memoryview(b"")
        self.damage = ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self.damage:
            data = self._stream.read(_COMPRESSED_BLOCK)
            if not data:
                if self._member is not None and not self._member.eof:
                    self.damage = "the compressed file is cut off"
                break
            self._ready = memoryview(b"".join(self._decompress(data)))
        size = min(len(self._ready), len(buffer))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _decompress(self, data: bytes) -> Iterator[bytes]:
        """The content of some more bytes, up to where they are damaged."""
        while data:
            try:
                if self._member is None or self._member.eof:
                    # Padding of zeros behind the last member is legal.
                    data = data.lstrip(b"\0")
                    if not data:
                        return
                    self._member = self._begin()
                content = self._member.decompress(data)
            except Exception as error:
                # zlib.error, or zstandard's own class, which is known only when it is imported.
                if type(error).__name__ not in {"error", "ZstdError"}:
                    raise
                self.damage = f"the compressed file is damaged: {error}"
                return
            yield content
            data = self._member.unused_data if self._member.eof else b""


def _decompressor(head: bytes) -> Callable[[], Any] | None:
    if head.startswith(_GZIP):
        return lambda: zlib.decompressobj(wbits=31)
    if head.startswith(_ZSTD) or (head[1:] == _SKIPPABLE and head[0] >> 4 == 5):
        import zstandard

        return lambda: zstandard.ZstdDecompressor().decompressobj()
    return None


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
