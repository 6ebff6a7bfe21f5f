"""Parquet: one event a row, in columns of fields or as JSON in a column of texts.

What a column says is what `events.arrow.values` makes of it. Rules that look for little need not
see every row: `open_file` hands out columns (`ParquetFile.batches`), `decode` rows.

Needs pyarrow, which comes with Tocsin's extra ``parquet``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from tocsin.errors import InputError
from tocsin.events.decoders import json
from tocsin.events.decoders._json_pages import unwrapped
from tocsin.events.record import Record, Undecodable

if TYPE_CHECKING:
    from tocsin.events.arrow.file import ParquetFile

SUFFIXES: Final = (".parquet", ".parq")

_MAGIC: Final = b"PAR1"
_ENCRYPTED: Final = b"PARE"


def recognises(head: bytes) -> bool:
    """Whether it begins as a Parquet file does."""
    return head.startswith((_MAGIC, _ENCRYPTED))


def open_file(stream: BinaryIO, name: str) -> ParquetFile | Undecodable:
    """A Parquet file whose rows can be read, or why they cannot.

    Args:
        stream: the file from its start; one that is not seekable is put into a temporary file.
        name: what it is called, for the message.

    Raises:
        InputError: pyarrow is not installed.
    """
    try:
        from tocsin.events.arrow.file import DamagedError, ParquetFile
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "pyarrow":
            raise
        message = f"{name}: Parquet needs pyarrow\nhint: pip install 'tocsin[parquet]'"
        raise InputError(message) from error
    try:
        return ParquetFile(stream)
    except DamagedError as error:
        return Undecodable("end of file", str(error))


def decode(stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
    """The events of a Parquet file, in the order of its rows.

    Args:
        stream: the file from its start; it need not be seekable.
        name: what it is called.

    Yields:
        a Record for each row, several where a row is a page of events, and an Undecodable for what
        cannot be read.

    Raises:
        InputError: pyarrow is not installed.
    """
    file = open_file(stream, name)
    if isinstance(file, Undecodable):
        yield file
        return
    with file:
        yield from records_of(file)


def has_columns(file: ParquetFile) -> bool:
    """Whether the rows of a file are events as they stand, so that columns tell all of them."""
    return not file.json_column and not file.may_wrap


def records_of(file: ParquetFile) -> Iterator[Record | Undecodable]:
    """The same as `decode`, of a file that is open."""
    if file.json_column:
        for text in file.texts():
            yield from (text,) if isinstance(text, Undecodable) else _of_text(*text)
        return
    for found in file.records():
        yield from unwrapped(found) if file.may_wrap else (found,)


def _of_text(row: int, text: bytes) -> Iterator[Record | Undecodable]:
    for found in json.of_line(text, row + 1):
        place = found.position.removeprefix("line ")
        yield msgspec.structs.replace(found, position=f"row {place}")
