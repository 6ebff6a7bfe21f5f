"""The times that a column says, against those that its values say one by one."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.events.arrow.batch import ColumnBatch, Layout
from tocsin.events.arrow.moments import Moments, moments
from tocsin.events.arrow.values import scalars
from tocsin.logic.field_types import date_of

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def of(array: pa.Array) -> Moments:
    arrays = pa.record_batch([array], names=["at"])
    batch = ColumnBatch([(0, arrays)], Layout(arrays.schema, ["at"]))
    return moments(batch.column("at"), batch.size)


def texts() -> st.SearchStrategy[str]:
    seconds = st.integers(-2_200_000_000, 4_100_000_000)
    usual = st.tuples(seconds, st.integers(0, 999_999)).map(
        lambda at: (
            f"{EPOCH + dt.timedelta(seconds=at[0], microseconds=at[1]):%Y-%m-%dT%H:%M:%S.%fZ}"
        )
    )
    odd = st.sampled_from([
        "", "2026-02-30T00:00:00Z", "2026-11-14", "1794614400000", "2026-11-14T24:00:00Z",
        "2026-11-14T00:00:60Z", "2026-11-14T00:00:00+01:00", "2026-11-14T00:00:00Z ",
        "\u0662026-11-14T00:00:00Z", "2026-11-14T00:00:00.123456789Z", "2026-11-14T00:00:00",
    ])  # fmt: skip
    return usual | usual | usual | odd


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | texts(), min_size=1, max_size=6))
def test_what_is_known_of_a_text_is_what_it_says(values: list[str | None]) -> None:
    found = of(pa.array(values, "string"))
    for row, value in enumerate(values):
        assert found.absent[row] == (value is None)
        if found.known[row]:
            assert value is not None
            assert found.nanos[row] == date_of(value)


def test_texts_in_the_usual_spelling_are_known() -> None:
    found = of(pa.array(["2026-11-14T00:00:00Z", None, "2026-11-14T00:00:00.25Z", "soon"]))
    assert found.known.tolist() == [True, False, True, False]
    assert found.nanos[2] - found.nanos[0] == 250_000_000


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("us", "UTC"), pa.timestamp("ns")])
def test_timestamps_are_known_as_far_as_they_can_be_counted(kind: pa.DataType) -> None:
    array = pa.array([0, 1_794_614_400, None, 2**62, -5, -(2**63)], "int64").view(kind)
    found = of(array)
    assert found.known[:2].all()
    for row, value in enumerate(scalars(array)):
        if found.known[row]:
            assert value is not None
            assert found.nanos[row] == date_of(value)


def test_of_several_times_in_a_row_none_is_known() -> None:
    one = "2026-11-14T00:00:00Z"
    found = of(pa.array([[one, one], [one], []]))
    assert found.known.tolist() == [False, True, False]
    assert found.absent.tolist() == [False, False, True]
