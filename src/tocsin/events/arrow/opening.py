"""Opening Parquet files that nobody vouches for.

What pyarrow raises of a damaged file becomes one exception; a stream that cannot be read in any
order goes to a temporary file; a schema that no writer of events writes is refused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types as kinds

from tocsin.events.arrow.values import is_list

LARGEST_SPOOL = 64 << 30
"""How much of a stream that cannot be read in any order is put into a temporary file at most."""

DEEPEST = 100
"""The deepest nesting of a schema."""

_MOST_COLUMNS = 100_000
_BUFFER = 256 << 10
_IN_DICTIONARIES = "DictAccumulator"


class DamagedError(Exception):
    """A file, or a part of it, cannot be read; the message is a lower-case sentence."""


class NoDictionariesError(Exception):
    """The texts are in an encoding that pyarrow cannot read as dictionaries."""


@contextmanager
def clear_errors() -> Iterator[None]:
    """Everything that a damaged file makes pyarrow raise, as `DamagedError`.

    Raises:
        NoDictionariesError: nothing is damaged.
    """
    try:
        yield
    except OSError as error:
        if error.errno:  # the disk's, not the file's
            raise
        if _IN_DICTIONARIES in str(error):
            raise NoDictionariesError from error
        raise DamagedError(_why(error)) from error
    except (
        pa.ArrowException, ValueError, TypeError, KeyError, IndexError, MemoryError, OverflowError,
        RecursionError,
    ) as error:  # fmt: skip
        raise DamagedError(_why(error)) from error


def _why(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")[:300]
    return f"not Parquet that can be read: {text or type(error).__name__}"


def opened(stream: BinaryIO) -> tuple[Any, Any]:
    """The file as a `pyarrow.parquet.ParquetFile`, twice: with texts as dictionaries, and without.

    Raises:
        DamagedError: it is none that can be read.
    """
    with clear_errors(), _memory_of_the_system():
        plain = pq.ParquetFile(stream, buffer_size=_BUFFER, pre_buffer=False)
        meta = plain.metadata
        # Not `row_group(…).column(…)`: of damaged metadata that ends the whole process.
        columns = (meta.schema.column(place) for place in range(meta.num_columns))
        texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
        file = pq.ParquetFile(
            stream, metadata=meta, read_dictionary=texts, buffer_size=_BUFFER, pre_buffer=False
        )
        _check(pa.struct(list(file.schema_arrow)))
    return file, plain


@contextmanager
def _memory_of_the_system() -> Iterator[None]:
    """Has what is opened take its memory from the system's allocator.

    Columns come in large pieces that live for a moment. The allocator that pyarrow brings gives
    them back to the system and takes fresh ones, which can cost more than to decode them.
    """
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def spooled(stream: BinaryIO) -> BinaryIO:
    """A stream's content in a temporary file, which is gone when it is closed.

    Raises:
        DamagedError: it is longer than `LARGEST_SPOOL`.
    """
    spool: Any = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
    size = 0
    try:
        while block := stream.read(1 << 20):
            size += len(block)
            if size > LARGEST_SPOOL:
                raise DamagedError(
                    f"longer than {LARGEST_SPOOL >> 30} GiB, which is too much for a stream: "
                    "decompress it into a file"
                )
            spool.write(block)
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    return spool  # type: ignore[no-any-return]


def _check(root: Any) -> None:
    """Refuses a schema that no writer of events writes."""
    if not root.num_fields:
        raise DamagedError("the file has no columns")
    for count, (kind, depth) in enumerate(_types(root)):
        if depth > DEEPEST:
            raise DamagedError(f"nested deeper than {DEEPEST} levels")
        if count > _MOST_COLUMNS:
            raise DamagedError(f"more than {_MOST_COLUMNS:,} columns")
        if kinds.is_struct(kind):
            names = [field.name for field in kind]
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise DamagedError(f"two columns are called {twice!r}")


def _types(kind: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    """Every type in a type, with how deep it is."""
    yield kind, depth
    if kinds.is_struct(kind):
        for field in kind:
            yield from _types(field.type, depth + 1)
    elif kinds.is_map(kind):
        yield from _types(kind.item_type, depth + 1)
    elif is_list(kind):
        yield from _types(kind.value_type, depth + 1)
