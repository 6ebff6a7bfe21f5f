"""Parquet: rows as events, JSON in a column of texts, and files made to do harm."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import sys
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.errors import InputError
from tocsin.events.arrow import opening
from tocsin.events.decoders import parquet as decoder
from tocsin.events.decoders import recognise
from tocsin.events.decoders.parquet import decode, recognises
from tocsin.events.record import Record, Undecodable

EVENT = {
    "@timestamp": "2026-03-01T12:00:00.250Z",
    "event": {"category": ["process"], "kind": "event"},
    "process": {"args": ["curl", "http://192.0.2.7/"], "name": "curl", "pid": 4711},
}


class Pipe(io.BytesIO):
    """A stream that gives a few bytes at a time and cannot go back."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation("seek")

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1_000, size) if size and size > 0 else 1_000)


def written(table: pa.Table | dict[str, Any], **options: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), target, **options)
    return target.getvalue()


def found(data: bytes) -> list[Record | Undecodable]:
    return list(decode(io.BytesIO(data), "some.parquet"))


def documents(data: bytes) -> list[dict[str, Any]]:
    records = found(data)
    assert all(isinstance(one, Record) for one in records), records
    return [one.document for one in records if isinstance(one, Record)]


def reason(data: bytes) -> str:
    [piece] = found(data)
    assert isinstance(piece, Undecodable)
    return piece.reason


# --- rows -------------------------------------------------------------------------------------


def test_a_row_is_an_event() -> None:
    data = written(pa.Table.from_pylist([EVENT]))
    [record] = found(data)
    assert isinstance(record, Record)
    assert record.document == EVENT
    assert (record.position, record.id) == ("row 1", None)
    assert json.loads(record.raw) == EVENT
    assert recognises(data[:16])
    assert recognise("x.bin", data[:4_096]) is decoder


def test_a_null_is_absent_and_so_is_an_object_without_anything() -> None:
    rows = [
        {"a": None, "b": {"c": None}, "d": [], "e": [None, "x"], "f": [{"g": None}, {"g": 1}]},
        {"a": "x", "b": {"c": 1}, "d": [1], "e": None, "f": None},
    ]
    assert documents(written(pa.Table.from_pylist(rows))) == [
        {"d": [], "e": [None, "x"], "f": [{}, {"g": 1}]},
        {"a": "x", "b": {"c": 1}, "d": [1]},
    ]


def test_names_with_dots_stay_as_they_are() -> None:
    data = written({"event.category": ["process"], "process": [{"parent.name": "sh"}]})
    assert documents(data) == [{"event.category": "process", "process": {"parent.name": "sh"}}]


def test_a_map_is_an_object_in_which_the_last_of_equal_keys_counts() -> None:
    maps = pa.array(
        [[("env", "prod"), ("env", "test")], [("a.b", None)], [], None, [("", "x")]],
        pa.map_(pa.string(), pa.string()),
    )
    numbers = pa.array(
        [[(7, [1.5])], None, None, None, None], pa.map_(pa.int64(), pa.list_(pa.float64()))
    )
    assert documents(written({"labels": maps, "n": numbers})) == [
        {"labels": {"env": "test"}, "n": {"7": [1.5]}}, {}, {}, {}, {"labels": {"": "x"}},
    ]  # fmt: skip


UTC = dt.UTC


@pytest.mark.parametrize(
    "array, value",
    [
        pytest.param(pa.array(["é"]), "é", id="text"),
        pytest.param(pa.array(["x"], pa.large_string()), "x", id="large text"),
        pytest.param(pa.array(["x"], pa.string_view()), "x", id="view of a text"),
        pytest.param(pa.array(["x"]).dictionary_encode(), "x", id="dictionary"),
        pytest.param(pa.array([True]), True, id="boolean"),
        pytest.param(pa.array([2**64 - 1], pa.uint64()), 2**64 - 1, id="unsigned"),
        pytest.param(pa.array([-0.0]), -0.0, id="number"),
        pytest.param(pa.array([1.5], pa.float16()), 1.5, id="half a number"),
        pytest.param(pa.array([float("nan")]), None, id="not a number"),
        pytest.param(pa.array([float("inf")], pa.float32()), None, id="infinity"),
        pytest.param(pa.array([decimal.Decimal("1.25")]), 1.25, id="decimal"),
        pytest.param(pa.array([decimal.Decimal(7)], pa.decimal128(20, 0)), 7, id="whole decimal"),
        pytest.param(
            pa.array([decimal.Decimal(10**30)], pa.decimal128(38, 0)), "1" + "0" * 30,
            id="a decimal beyond 64 bits",
        ),
        pytest.param(pa.array([b"id\n"]), "id\n", id="bytes of a text"),
        pytest.param(pa.array([b"\xff\x00"]), "/wA=", id="bytes"),
        pytest.param(pa.array([b"\xff\x00"], pa.binary(2)), "/wA=", id="so many bytes"),
        pytest.param(
            pa.array([uuid.UUID(int=7).bytes], pa.uuid()), str(uuid.UUID(int=7)), id="uuid"
        ),
        pytest.param(pa.array(['{"a": 1}'], pa.json_()), '{"a": 1}', id="text that says it is JSON"),
        pytest.param(
            pa.array([1], pa.timestamp("s")), "1970-01-01T00:00:01.000Z", id="seconds"
        ),
        pytest.param(
            pa.array([1_500], pa.timestamp("ms", "UTC")), "1970-01-01T00:00:01.500Z", id="millis"
        ),
        pytest.param(
            pa.array([dt.datetime(2026, 3, 1, 12, tzinfo=UTC)], pa.timestamp("us", "Europe/Vienna")),
            "2026-03-01T12:00:00.000Z", id="a moment somewhere",
        ),
        pytest.param(
            pa.array([1_500], pa.timestamp("us")), "1970-01-01T00:00:00.001500Z", id="micros"
        ),
        pytest.param(
            pa.array([1], pa.timestamp("ns")), "1970-01-01T00:00:00.000000001Z", id="nanos"
        ),
        pytest.param(
            pa.array([2**62], pa.timestamp("ms")), f"{2**62} ms", id="beyond all calendars"
        ),
        pytest.param(pa.array([dt.date(2026, 3, 1)]), "2026-03-01", id="date"),
        pytest.param(pa.array([dt.date(2026, 3, 1)], pa.date64()), "2026-03-01", id="wide date"),
        pytest.param(pa.array([dt.time(1, 2, 3)]), "01:02:03", id="time of day"),
        pytest.param(pa.array([dt.time(1, 2, 3, 500_000)]), "01:02:03.5", id="half a second"),
        pytest.param(pa.array([dt.timedelta(seconds=2)]), 2_000_000_000, id="duration"),
        pytest.param(
            pa.array([2**62], pa.duration("s")), str(2**62 * 10**9), id="a very long duration"
        ),
        pytest.param(pa.nulls(1), None, id="nothing"),
        pytest.param(pa.array([[[1], None]]), [[1], None], id="lists in a list"),
        pytest.param(pa.array([[1, 2]], pa.list_(pa.int64(), 2)), [1, 2], id="so many numbers"),
    ],
)  # fmt: skip
def test_what_a_column_says_is_what_json_would(array: pa.Array, value: object) -> None:
    [document] = documents(written({"a": array, "b": ["x"]}))
    assert repr(document.get("a")) == repr(value)


def test_text_that_is_no_utf_8_is_read_as_far_as_it_is() -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"a\xffb"]).buffers())
    data = written({"a": bad, "b": [{"c": 1}]})
    assert documents(data) == [{"a": "a�b", "b": {"c": 1}}]


def test_the_same_event_is_known_by_the_same_bytes_whatever_the_order_of_columns() -> None:
    one = found(written({"a": [1], "b": [{"c": 1, "d": 2}]}))
    other = found(written({"b": [{"d": 2, "c": 1}], "a": [1]}))
    assert isinstance(one[0], Record)
    assert isinstance(other[0], Record)
    assert one[0].raw == other[0].raw == b'{"a":1,"b":{"c":1,"d":2}}'


def test_an_event_has_the_id_that_a_column_gives_it() -> None:
    records = found(written({"_id": ["one", "", None], "a": [1, 2, 3]}))
    assert [one.id for one in records if isinstance(one, Record)] == ["one", None, None]


def test_rows_are_counted_over_row_groups() -> None:
    data = written({"a": [*range(5)], "b": [1] * 5}, row_group_size=2)
    assert [one.position for one in found(data)] == [f"row {n}" for n in range(1, 6)]
    assert documents(data)[4] == {"a": 4, "b": 1}


def test_a_stream_that_cannot_go_back_is_read() -> None:
    data = written(pa.Table.from_pylist([EVENT] * 100))
    records = list(decode(Pipe(data), "-"))
    assert len(records) == 100
    assert isinstance(records[99], Record)
    assert records[99].document == EVENT


def test_a_row_may_be_a_page_of_events() -> None:
    rows = [{"Records": [{"eventName": "GetUser"}, {"eventName": "ListKeys"}]}]
    records = found(written(pa.Table.from_pylist(rows)))
    assert [one.position for one in records] == ["row 1, record 1", "row 1, record 2"]


# --- JSON in a column -------------------------------------------------------------------------


def test_a_lone_column_of_json_holds_the_events() -> None:
    texts = [json.dumps(EVENT), None, json.dumps(EVENT, indent=1), '{"Records": [{"a": 1}]}']
    records = found(written({"whatever": texts}))
    assert [one.position for one in records] == ["row 1", "row 3", "row 4, record 1"]
    assert [one.document for one in records if isinstance(one, Record)] == [EVENT, EVENT, {"a": 1}]
    assert isinstance(records[0], Record)
    assert records[0].raw == texts[0].encode()


@pytest.mark.parametrize("name", ["value", "raw", "event", "Message", "_raw"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_json_in_a_column_whose_name_says_so_holds_the_events(name: str, as_bytes: bool) -> None:
    text = json.dumps(EVENT)
    column = pa.array([text.encode()] if as_bytes else [text])
    assert documents(written({"topic": ["edr"], name: column, "offset": [7]})) == [EVENT]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"@timestamp": ["2026-03-01"], "message": ["{}"]}, id="an event already"),
        pytest.param({"a": [1], "comment": ["{}"]}, id="another name"),
        pytest.param({"a": [1], "message": ["{} and more"]}, id="no object"),
        pytest.param({"a": [1, 2], "message": ["{}", "disk full"]}, id="not always"),
        pytest.param({"a": [1], "message": pa.nulls(1, pa.string())}, id="no text"),
        pytest.param({"a": [1], "event": [{"kind": "{}"}]}, id="inside of another"),
    ],
)
def test_other_texts_stay_fields(columns: dict[str, Any]) -> None:
    wanted = [
        {name: value for name, value in row.items() if value is not None}
        for row in pa.table(columns).to_pylist()
    ]
    assert documents(written(columns)) == wanted


def test_a_row_whose_text_is_no_json_costs_that_row() -> None:
    texts = ['{"a": 1}'] * 100 + ["oops", '{"a": 2}']
    records = found(written({"raw": texts, "offset": [*range(102)]}))
    assert len(records) == 102
    assert isinstance(records[100], Undecodable)
    assert records[100].position == "row 101"
    assert isinstance(records[101], Record)
    assert records[101].document == {"a": 2}


# --- files that cannot be read, and such as do harm -------------------------------------------


def test_without_pyarrow_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("tocsin.events.arrow")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"some.parquet: .*\n.*tocsin\[parquet\]"):
        found(written({"a": [1]}))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"PAR1", id="four bytes"),
        pytest.param(b"PAR1" * 3, id="no footer"),
        pytest.param(b"PARE" + b"\0" * 100 + b"PARE", id="encrypted"),
        pytest.param(b"{}" * 100, id="something else"),
    ],
)
def test_what_is_no_parquet_is_said_to_be_none(data: bytes) -> None:
    assert reason(data).startswith("not Parquet that can be read: ")


def test_a_file_that_was_cut_off_is_none() -> None:
    data = written(pa.Table.from_pylist([EVENT]))
    assert reason(data[:-1]).startswith("not Parquet that can be read: ")


def test_a_damaged_row_group_costs_that_row_group() -> None:
    rows = [{**EVENT, "message": f"event {number} of many"} for number in range(300)]
    data = bytearray(written(pa.Table.from_pylist(rows), row_group_size=100, compression="zstd"))
    meta = pq.ParquetFile(io.BytesIO(bytes(data))).metadata
    column = meta.row_group(1).column(0)
    begin = column.dictionary_page_offset or column.data_page_offset
    data[begin : begin + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    records = found(bytes(data))
    assert [one.position for one in records if isinstance(one, Undecodable)] == ["row group 2"]
    assert [one.position for one in records if isinstance(one, Record)] == [
        *(f"row {n}" for n in range(1, 101)), *(f"row {n}" for n in range(201, 301)),
    ]  # fmt: skip


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    assert reason(written(table)) == "two columns are called 'a'"


def test_a_file_without_columns_is_refused() -> None:
    assert reason(written(pa.table({}))) == "the file has no columns"


def test_a_schema_that_is_too_deep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "DEEPEST", 5)
    value: Any = 1
    for _ in range(6):
        value = {"a": [value]}
    assert reason(written(pa.Table.from_pylist([value]))) == "nested deeper than 5 levels"


def test_a_stream_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LARGEST_SPOOL", 100)
    data = written(pa.Table.from_pylist([EVENT]))
    [piece] = decode(Pipe(data), "-")
    assert isinstance(piece, Undecodable)
    assert "too much for a stream" in piece.reason


def test_a_value_that_very_many_rows_share_is_held_once() -> None:
    rows = 20_000  # of a megabyte each, in a file of a few kilobytes
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * rows, "int32"), ["x" * (1 << 20)])
    nested = pa.StructArray.from_arrays([shared], ["b"])
    data = written({"a": shared, "n": nested}, compression="zstd", store_schema=False)
    assert len(data) < 1 << 20
    allocated = pa.total_allocated_bytes()
    for record in decode(io.BytesIO(data), "bomb"):
        assert isinstance(record, Record)
        assert len(record.document["a"]) == 1 << 20
        assert pa.total_allocated_bytes() - allocated < 256 << 20
        if record.position == "row 300":
            break


TABLE = pa.Table.from_pylist(
    [
        {**EVENT, "tags": ["a", "b"][: n % 3], "n": n, "o": [{"x": str(n)}] * (n % 3)}
        for n in range(60)
    ]
)
FILES = [
    written(TABLE),
    written(TABLE, compression="none"),
    written(TABLE, row_group_size=20, data_page_version="2.0", compression="zstd"),
    written(TABLE, use_dictionary=False, compression="none"),
    written({"raw": [json.dumps(EVENT)] * 30}, compression="none"),
]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5),
    st.floats(0, 1) | st.just(1.0),
)
def test_no_damage_makes_it_fail(data: bytes, changes: list[tuple[float, int]], end: float) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    damaged = damaged[: int(end * len(damaged))]
    for one in found(bytes(damaged)):
        assert isinstance(one, Record | Undecodable)
