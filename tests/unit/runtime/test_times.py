"""When an event happened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logic.field_types import date_of
from tocsin.runtime._times import nanos_of, time_of

USUAL = "2026-11-13T08:15:30.123456789Z"
signs = st.sampled_from("0123456789:.,-+TZz ²٣")


@st.composite
def nearly_dates(draw: st.DrawFn) -> str:
    """What looks like the usual spelling of a date, and may have been changed in a few places."""
    digits = draw(st.integers(0, 10))
    text = list(USUAL[:19] + (USUAL[19 : 19 + digits] if digits else "") + "Z")
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["replace", "insert", "delete"])):
            case "replace":
                text[place : place + 1] = [draw(signs)]
            case "insert":
                text.insert(place, draw(signs))
            case _:
                del text[place : place + 1]
    return "".join(text)


@given(nearly_dates())
def test_the_quick_way_says_what_the_coercion_table_says(text: str) -> None:
    assert nanos_of(text) == date_of(text)


@pytest.mark.parametrize(
    "value", ["2026-11-13", "2026-11-13T08:15:75Z", 1_500.5, True, "soon", "1" * 25 + "Z", ""]
)
def test_other_values_are_read_as_ever(value: str | float | bool) -> None:
    assert nanos_of(value) == date_of(value)


def test_of_several_values_the_first_time_counts() -> None:
    values = ["soon", "9999-01-01T00:00:00Z", "1970-01-01T00:00:02Z", "1970-01-01T00:00:01Z"]
    assert time_of({"event": {"ingested": values}}, "event.ingested") == 2_000_000_000
    assert time_of({"event.ingested": "1970-01-01T00:00:01Z"}, "event.ingested") == 1_000_000_000
    assert time_of({"event": {"ingested": [{}, None]}}, "event.ingested") is None
