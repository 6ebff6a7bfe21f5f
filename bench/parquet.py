"""The events of a file as Parquet: nested columns, as `pyarrow` makes them of JSON."""

from __future__ import annotations

from bench.measure import Missing
from bench.setting import File
from tocsin.events.decoders import decoders


def as_parquet(file: File) -> File:
    """Writes the events of a file of NDJSON into one of Parquet, beside it.

    Raises:
        Missing: Tocsin reads no Parquet, or nothing here writes any.
    """
    if "parquet" not in decoders():
        message = "Tocsin reads no Parquet yet"
        raise Missing(message)
    try:
        from pyarrow import json, parquet  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        message = "needs pyarrow to write the file"
        raise Missing(message) from None
    path = file.path.with_suffix(".parquet")
    if not path.exists():
        table = json.read_json(file.path)
        parquet.write_table(table, path, compression="zstd")
    return File(path, file.many, path.stat().st_size)
