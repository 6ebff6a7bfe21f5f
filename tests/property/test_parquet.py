"""Columns of a Parquet file are held to the documents of its rows, over random tables."""

from __future__ import annotations

import decimal
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tocsin.engine import reference
from tocsin.engine.evaluate import evaluate
from tocsin.engine.plan import Plan
from tocsin.events.arrow import file
from tocsin.events.arrow.batch import ColumnBatch
from tocsin.events.arrow.file import ParquetFile
from tocsin.events.decoders import parquet
from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.logic.expr import Expr
from tocsin.testing import strategies as some

FIELDS = (
    *some.FIELDS,
    *some.GLOB_FIELDS,
    "a.d",
    "b",
    "",
    ".a",
    "a.",
    "a..b",
    "d",
    "a.b.c.d",
    "b.*",
)

_MOMENTS = st.integers(-(10**12), 10**13)


def scalars() -> st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]]:
    """Types of plain values, each with a strategy for values that Arrow takes."""
    return st.sampled_from(
        (
            (pa.string(), some.texts()),
            (pa.string(), some.texts()),
            (pa.large_string(), some.texts()),
            (pa.binary(), st.binary(max_size=4)),
            (pa.binary(2), st.binary(min_size=2, max_size=2)),
            (pa.bool_(), st.booleans()),
            (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
            (pa.uint64(), st.integers(0, 2**64 - 1)),
            (pa.int8(), st.integers(-3, 3)),
            (pa.float64(), st.floats()),
            (pa.float32(), st.floats(width=32)),
            (pa.float16(), st.floats(width=16)),
            (pa.timestamp("ns"), _MOMENTS),
            (pa.timestamp("ms", "Europe/Vienna"), _MOMENTS),
            (pa.timestamp("us", "UTC"), st.integers(-(2**63), 2**63 - 1)),
            (pa.date32(), st.integers(-(2**31), 2**31 - 1)),
            (pa.time64("us"), st.integers(0, 86_399_999_999)),
            (pa.duration("s"), st.integers(-(2**62), 2**62)),
            (pa.decimal128(30, 0), st.integers(-(10**29), 10**29).map(decimal.Decimal)),
            (pa.decimal128(8, 2), st.integers(-999, 999).map(lambda n: decimal.Decimal(n) / 100)),
        )
    )


@st.composite
def columns(draw: st.DrawFn, depth: int = 3) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    """A type, nested or not, and a strategy for its values, nulls among them."""
    number = draw(st.integers(0, 9 if depth else 4))
    if number <= 4:
        kind, values = draw(scalars())
    elif number <= 6:
        inner, inside = draw(columns(depth - 1))
        kind = draw(st.sampled_from((pa.list_, pa.large_list)))(inner)
        values = st.lists(inside, max_size=3)
    elif number == 7:
        inner, inside = draw(columns(depth - 1))
        keys = st.sampled_from((*some.KEYS, "d"))
        kind = pa.map_(pa.string(), inner)
        values = st.lists(st.tuples(keys, inside), max_size=3)
    else:
        kind, values = draw(structs(depth - 1))
    return kind, st.none() | values | values | values


@st.composite
def structs(draw: st.DrawFn, depth: int = 3) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    names = draw(
        st.lists(st.sampled_from((*some.KEYS, "d", "a.")), min_size=1, max_size=4, unique=True)
    )
    found = [(name, *draw(columns(depth))) for name in names]
    kind = pa.struct([pa.field(name, inner) for name, inner, _ in found])
    return kind, st.fixed_dictionaries({name: values for name, _, values in found})


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Parquet files, of few rows and fewer in a row group."""
    kind, values = draw(structs())
    rows = draw(st.lists(values, min_size=1, max_size=8))
    table = pa.Table.from_arrays(
        [pa.array([row[field.name] for row in rows], field.type) for field in kind],
        schema=pa.schema(list(kind)),
    )
    target = io.BytesIO()
    pq.write_table(
        table, target, row_group_size=draw(st.integers(1, 8)),
        use_dictionary=draw(st.booleans()), data_page_size=draw(st.sampled_from((64, 1 << 20))),
        store_schema=draw(st.booleans()),
    )  # fmt: skip
    try:
        readable = pq.ParquetFile(target).read().num_rows == len(rows)
    except pa.ArrowException:
        readable = False
    assume(readable)  # pyarrow confuses some columns whose names have dots
    return target.getvalue()


def documents_of(data: bytes) -> list[dict[str, Any]]:
    found = list(parquet.decode(io.BytesIO(data), "t.parquet"))
    assert all(isinstance(one, Record) for one in found)
    assert [one.position for one in found] == [f"row {n}" for n in range(1, len(found) + 1)]
    return [one.document for one in found if isinstance(one, Record)]


def typed(values: list[Any]) -> list[tuple[type, str]]:
    return [(type(value), repr(value)) for value in values]


@pytest.mark.parametrize("rows", [2, 1 << 16])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=tables(), fields=st.lists(st.sampled_from(FIELDS), max_size=4, unique=True))
def test_a_column_has_what_the_documents_have(
    rows: int, monkeypatch: pytest.MonkeyPatch, data: bytes, fields: list[str]
) -> None:
    monkeypatch.setattr(file, "ROWS", rows)
    documents = documents_of(data)
    with ParquetFile(io.BytesIO(data)) as opened:
        first = 0
        for batch in opened.batches(fields):
            assert isinstance(batch, ColumnBatch)
            assert batch.first == first
            mine = documents[first : first + batch.size]
            for field in fields:
                column = batch.column(field)
                assert (column.rows[1:] >= column.rows[:-1]).all()
                found: list[list[Any]] = [[] for _ in mine]
                for code, row in zip(column.codes.tolist(), column.rows.tolist(), strict=True):
                    found[row].append(column.distinct[code])
                wanted = [values_of(document, field) for document in mine]
                assert [typed(v) for v in found] == [typed(v) for v in wanted], field
            assert list(batch.documents) == mine
            first += batch.size
        assert first == len(documents)


@settings(max_examples=120, deadline=None)
@given(tables(), st.lists(some.expressions(), min_size=1, max_size=3))
def test_the_engine_says_of_columns_what_the_reference_says_of_documents(
    data: bytes, rules: list[Expr]
) -> None:
    documents = documents_of(data)
    plan = Plan(rules)
    with ParquetFile(io.BytesIO(data)) as opened:
        for batch in opened.batches(plan.extractor.fields):
            assert isinstance(batch, ColumnBatch)
            assert [found.tolist() for found in evaluate(plan, batch)] == [
                [row for row, document in enumerate(documents) if reference.holds(rule, document)]
                for rule in rules
            ]
