"""Columns of Parquet files: what is read of them, and in which portions."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tocsin.events import shapes
from tocsin.events.arrow import file, rows
from tocsin.events.arrow.batch import ColumnBatch
from tocsin.events.arrow.file import ParquetFile
from tocsin.events.arrow.values import values
from tocsin.events.fields import values_of
from tocsin.events.record import Undecodable

ROWS = [
    {
        "@timestamp": f"2026-03-01T12:00:{n % 60:02d}Z",
        "event": {"category": ["process"], "kind": "event"},
        "process": {"name": ("curl", "sh", "id")[n % 3], "pid": n, "args": ["-c"] * (n % 3)},
        "message": f"line {n}",
    }
    for n in range(100)
]


def written(table: pa.Table | list[dict[str, Any]], **options: Any) -> io.BytesIO:
    target = io.BytesIO()
    pq.write_table(
        table if isinstance(table, pa.Table) else pa.Table.from_pylist(table), target, **options
    )
    return target


def batches(opened: ParquetFile, fields: list[str] | None) -> Iterator[ColumnBatch]:
    for batch in opened.batches(fields):
        assert isinstance(batch, ColumnBatch)
        yield batch


def of(batch: ColumnBatch, field: str) -> list[list[Any]]:
    column = batch.column(field)
    found: list[list[Any]] = [[] for _ in range(batch.size)]
    for code, row in zip(column.codes.tolist(), column.rows.tolist(), strict=True):
        found[row].append(column.distinct[code])
    return found


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The columns that were read, by row group."""
    found: list[list[str]] = []
    check = rows.check_columns

    def note(arrays: Any) -> None:
        found.append(arrays.schema.names)
        check(arrays)

    monkeypatch.setattr(rows, "check_columns", note)
    return found


def test_only_the_columns_are_read_that_tell_the_fields(read: list[list[str]]) -> None:
    [batch] = batches(ParquetFile(written(ROWS)), ["process.name", "no.such.field", "process.args"])
    assert read == [["@timestamp", "event", "process"]]
    assert of(batch, "process.name") == [[row["process"]["name"]] for row in ROWS]
    assert of(batch, "process.args") == [row["process"]["args"] for row in ROWS]
    assert of(batch, "message") == [[]] * 100, "it was not asked for in time"


def test_a_column_of_texts_has_each_once(read: list[list[str]]) -> None:
    [batch] = batches(ParquetFile(written(ROWS)), ["process.name", "process.pid"])
    column = batch.column("process.name")
    assert sorted(column.distinct) == ["curl", "id", "sh"]
    assert not column.is_broad
    assert batch.column("process.pid").is_broad
    assert len(batch.column("process.pid").distinct) == 100


def test_documents_are_whole_though_few_columns_were_read(read: list[list[str]]) -> None:
    [batch] = batches(ParquetFile(written(ROWS)), ["process.name"])
    assert [record.document for record in batch.records([99, 3])] == [ROWS[99], ROWS[3]]
    assert [record.position for record in batch.records([99, 3])] == ["row 100", "row 4"]
    assert read == [["@timestamp", "event", "process"], ["process", "message"]]
    assert batch.documents[-1] == ROWS[99]
    assert batch.documents[1:3] == ROWS[1:3]
    assert read[2:] == [["@timestamp", "event", "process", "message"]]


def test_few_documents_are_joined_as_many_are_read() -> None:
    made = [
        {
            "a": {"z": n, "b": {"x": str(n), "y": None if n % 3 else n}, "a": [n]},
            "b": {"only": None if n % 2 else {"deep": n}},
            "c": [{"one": n, "two": None}],
            "d": None,
            "a.b": n,
        }
        for n in range(50)
    ]
    for fields in (["a.b.y"], ["c.one", "b.only.deep"], ["a.*"], ["no.such"], ["d", "a.a"]):
        [few] = batches(ParquetFile(written(made)), fields)
        [many] = batches(ParquetFile(written(made)), fields)
        rows = [41, 2, 3, 30]
        every = list(many.records(range(50)))
        assert [one.raw for one in few.records(rows)] == [every[row].raw for row in rows]


def test_once_documents_were_wanted_row_groups_are_read_whole(
    read: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "ROWS", 20)
    some = ["@timestamp", "event", "process"]
    every = ["@timestamp", "event", "process", "message"]
    opened = ParquetFile(written(ROWS, row_group_size=20))
    wanted = [False, True, True, False, False]
    for batch, is_wanted in zip(batches(opened, ["process.name"]), wanted, strict=True):
        if is_wanted:
            assert batch.documents[7] == ROWS[batch.first + 7]
    assert read == [some, some, every, every, every, some]


def test_small_row_groups_make_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "ROWS", 30)
    found = list(batches(ParquetFile(written(ROWS, row_group_size=7)), ["process.*"]))
    assert [(batch.first, batch.size) for batch in found] == [(0, 35), (35, 35), (70, 30)]
    for batch in found:
        mine = ROWS[batch.first : batch.first + batch.size]
        assert of(batch, "process.name") == [[row["process"]["name"]] for row in mine]
        assert list(batch.documents) == mine
        # The columns of a struct stand in order of their names.
        names = ("args", "name", "pid")
        wanted = [[v for n in names for v in values_of(row, f"process.{n}")] for row in mine]
        assert of(batch, "process.*") == wanted


def test_a_large_row_group_makes_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ROWS", 40)
    monkeypatch.setattr(file, "ROWS", 40)
    found = list(batches(ParquetFile(written(ROWS)), ["process.pid"]))
    assert [(batch.first, batch.size) for batch in found] == [(0, 40), (40, 40), (80, 20)]
    # From back to front, and twice.
    for batch in (*found[::-1], found[0]):
        assert batch.documents[5] == ROWS[batch.first + 5]


def test_rows_that_are_large_are_read_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    large = [{"a": "x" * 1_000 + str(n)} for n in range(100)]
    monkeypatch.setattr(rows, "BYTES", 10_000)
    monkeypatch.setattr(file, "BYTES", 10_000)
    opened = ParquetFile(written(large, use_dictionary=False))
    assert max(batch.size for batch in batches(opened, ["a"])) < 20


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"])
def test_texts_in_encodings_without_dictionaries_are_read(encoding: str) -> None:
    data = written(
        [{"a": f"x{n % 7}", "b": {"c": [f"y{n}"]}} for n in range(100)], row_group_size=50,
        use_dictionary=False, column_encoding={"a": encoding, "b.c.list.element": encoding},
    )  # fmt: skip
    [batch] = batches(ParquetFile(data), ["a", "b.c"])
    assert of(batch, "a") == [[f"x{n % 7}"] for n in range(100)]
    assert of(batch, "b.c") == [[f"y{n}"] for n in range(100)]
    assert batch.documents[99] == {"a": "x1", "b": {"c": ["y99"]}}


def test_what_is_damaged_where_nobody_looks_costs_no_event() -> None:
    data = written(ROWS, row_group_size=50, compression="zstd")
    meta = pq.ParquetFile(data).metadata
    broken = bytearray(data.getvalue())
    columns = [meta.row_group(0).column(place) for place in range(meta.num_columns)]
    [column] = [one for one in columns if one.path_in_schema == "message"]
    begin, size = column.dictionary_page_offset, column.total_compressed_size
    broken[begin : begin + size] = b"\xff" * size

    opened = ParquetFile(io.BytesIO(bytes(broken)))
    [batch] = batches(opened, ["process.name"])
    assert batch.size == 100

    found = opened.batches(["process.name"])
    batch = next(found)  # type: ignore[assignment]
    document = batch.documents[3]
    assert document["process"]["name"] == "curl"
    assert "message" not in document
    assert batch.documents[60] == ROWS[60]
    [damage] = found
    assert isinstance(damage, Undecodable)
    assert damage.position == "row group 1"


def test_where_all_columns_are_wanted_and_one_is_damaged_there_are_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file, "ROWS", 50)
    data = written(ROWS, row_group_size=50, compression="zstd")
    meta = pq.ParquetFile(data).metadata
    broken = bytearray(data.getvalue())
    columns = [meta.row_group(1).column(place) for place in range(meta.num_columns)]
    [column] = [one for one in columns if one.path_in_schema == "message"]
    begin, size = column.dictionary_page_offset, column.total_compressed_size
    broken[begin : begin + size] = b"\xff" * size
    found: list[object] = []
    for one in ParquetFile(io.BytesIO(bytes(broken))).batches(["process.name"]):
        found.append(one.position if isinstance(one, Undecodable) else (one.first, one.size))
        if isinstance(one, ColumnBatch) and not one.first:
            assert one.documents[0] == ROWS[0]
    assert found == [(0, 50), "row group 2", (50, 50)]


def test_which_rows_are_in_ecs_shows_in_the_columns() -> None:
    some: list[dict[str, Any]] = [
        {"@timestamp": "x", "event": {"kind": "event", "category": None, "code": "1"}},
        {"@timestamp": "x", "event": {"kind": None, "category": ["process"], "code": "1"}},
        {"@timestamp": "x", "event": {"kind": None, "category": [], "code": "1"}},
        {"@timestamp": "x", "event": {"kind": None, "category": None, "code": "1"}},
        {"@timestamp": "x", "event": None},
        {"@timestamp": None, "event": {"kind": "event", "category": None, "code": "1"}},
    ]
    [batch] = batches(ParquetFile(written(some)), ["event.code"])
    assert batch.in_ecs.tolist() == [shapes.is_in_ecs(one) for one in batch.documents]
    assert batch.in_ecs.tolist() == [True, True, True, False, False, False]
    flat = pa.table({"@timestamp": ["x", "x"], "event.kind": ["event", None], "event": [1, 2]})
    [batch] = batches(ParquetFile(written(flat)), ["event.code"])
    assert batch.in_ecs.tolist() == [True, False]


def test_a_field_that_only_documents_tell_is_read_from_them() -> None:
    labels = pa.array([[("a.b", "x"), ("c", "y")], None, [("a", "z")]], pa.map_("string", "string"))
    table = pa.table({"labels": labels, "n": [1, 2, 3]})
    [batch] = batches(ParquetFile(written(table)), ["labels.*", "labels.c", "labels.a.b", "n"])
    assert of(batch, "labels.*") == [["x", "y"], [], ["z"]]
    assert of(batch, "labels.c") == [["y"], [], []]
    assert of(batch, "labels.a.b") == [["x"], [], []]
    assert of(batch, "l*.c") == [["y"], [], []]


def test_a_part_of_maps_that_hold_a_column_of_nulls_is_read() -> None:
    # Of a part of such an array Arrow makes no list: it ends the process.
    inside = pa.struct([("x", pa.string()), ("b", pa.null())])
    maps = pa.array([[("k", {"x": "y"})] * (n % 3) for n in range(12)], pa.map_("string", inside))
    assert [found.get("k") for found in values(maps.slice(9))] == [None, *[{"x": "y"}] * 2]


def test_a_file_knows_how_many_rows_it_has_and_leaves_the_stream_open() -> None:
    stream = written(ROWS)
    with ParquetFile(stream) as opened:
        assert opened.rows == 100
        assert (opened.json_column, opened.may_wrap) == ("", False)
    assert not stream.closed
