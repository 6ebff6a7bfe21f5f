"""Sections of a file of lines and their times, read from bytes."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.engine.byte_scan import Lines
from tocsin.logic.field_types import date_of
from tocsin.runtime import layout
from tocsin.runtime.layout import ALWAYS, EARLIEST, LATEST, LINE, WHOLE, coarser, layout_of
from tocsin.runtime.spans import MOST, Spans

# What stands behind the time, so that no line is too short to be looked at.
MOMENTS = st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2262, 1, 1))  # noqa: DTZ001  (by zone)
REST = ',"message":"' + "x" * 60 + '"}'


def seconds_of(value: str) -> tuple[int, int]:
    line = f'{{"@timestamp":{json.dumps(value)}{REST}'
    row = layout_of(Lines(line.encode()), 0, 0)[0]
    return int(row[EARLIEST]), int(row[LATEST])


@pytest.mark.parametrize(
    "value",
    ["2026-11-14T00:00:00Z", "2024-02-29T23:59:59.999999999Z", "1969-12-31T23:59:59.5+02:00",
     "2100-02-28T00:00:00.1-11:30", "1900-01-01T00:00:00+00:00"],
)  # fmt: skip
def test_a_plain_time_is_read_from_the_bytes(value: str) -> None:
    time = date_of(value)
    assert time is not None
    assert seconds_of(value) == (time // 10**9, time // 10**9 + 1)


@pytest.mark.parametrize(
    "value",
    ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "noon", "2026",
     "2026-01-01T00:00:60Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.1234567890Z",
     "2026-01-01T00:00:00+25:00", "2026-01-01t00:00:00z", "2026-01-01T00:00:00.Z"],
)  # fmt: skip
def test_any_other_time_may_be_any_time(value: str) -> None:
    assert seconds_of(value) == ALWAYS


@given(st.lists(MOMENTS, min_size=2, max_size=20), st.sampled_from(["Z", "+05:45", "-03:00"]))
def test_what_is_known_of_many_lines_is_what_each_of_them_says(
    times: list[dt.datetime], zone: str
) -> None:
    texts = [f"{time.isoformat()}{zone}" for time in times]
    block = "\n".join(f'{{"@timestamp":"{text}"{REST}' for text in texts).encode()
    row = layout_of(Lines(block), 0, 0)[0]
    said = [time // 10**9 for text in texts if (time := date_of(text)) is not None]
    assert row[EARLIEST] <= min(said)
    assert row[LATEST] >= max(said)


def test_sections_know_their_lines_and_who_stands_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f'{{"@timestamp":"2026-11-14T00:00:{n:02}Z"{REST}' for n in range(12)]
    monkeypatch.setattr(layout, "SECTION", 2 * (len(lines[0]) + 1))
    table = layout_of(Lines("\n".join(lines).encode()), 1 << 5, 1 << 9)
    begin = date_of("2026-11-14T00:00:00Z")
    assert begin is not None
    assert table[:, LINE].tolist() == [0, 2, 4, 6, 8, 10]
    assert table[:, WHOLE].tolist() == [0, 0, 1, 0, 0, 0]
    told = [begin // 10**9 + second for second in (0, 2, 6, 10)]
    assert table[[0, 1, 3, 5], EARLIEST].tolist() == told
    assert table[[2, 4], EARLIEST].tolist() == [ALWAYS[0]] * 2
    assert coarser(table)[:, WHOLE].tolist() == [0, 1, 0]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 50)), max_size=200))
def test_spans_hold_what_was_added_and_stay_few(pairs: list[tuple[int, int]]) -> None:
    spans = Spans()
    for begin, length in pairs:
        spans.add(begin, begin + length)
    assert len(spans.pairs) <= MOST
    assert all(a[1] < b[0] for a, b in zip(spans.pairs, spans.pairs[1:], strict=False))
    for begin, length in pairs:
        assert spans.meets(begin, begin)
        assert spans.meets(begin + length, begin + length + 1)
    if len(pairs) < MOST:
        inside = {n for begin, length in pairs for n in range(begin, begin + length + 1)}
        for begin, _ in pairs:
            for place in (begin - 1, begin + 51):
                assert spans.meets(place, place) == (place in inside)
