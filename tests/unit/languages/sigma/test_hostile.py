from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine import reference
from tocsin.engine.evaluate import evaluate
from tocsin.engine.plan import Plan
from tocsin.errors import QueryError, UnsupportedFeature
from tocsin.events.batch import Batch
from tocsin.languages.sigma import compile_detection
from tocsin.logic.expr import Leaf
from tocsin.logic.matchers import Equals

MODIFIERS = [
    "contains", "startswith", "endswith", "all", "cased", "re", "i", "m", "s", "cidr", "base64",
    "base64offset", "utf16", "utf16le", "utf16be", "wide", "windash", "exists", "expand",
    "fieldref", "gt", "gte", "lt", "lte", "neq", "minute", "hour", "day", "week", "month", "year",
    "", "nope",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10_000), st.floats(),
    st.text(max_size=8),
    st.sampled_from(["*", "?", "\\", "\\*", "%x%", "%y%", "a*b", "192.0.2.0/24", "(?!a)b", "-x /y",
                     "é🔔", "2026-02-03T04:05:06Z", "[", "(", "\x00"]),
)  # fmt: skip
KEYS = st.builds(
    lambda field, names: "|".join((field, *names)),
    st.sampled_from(["a", "b", "", "a.b"]),
    st.lists(st.sampled_from(MODIFIERS), max_size=3),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
PARTS = st.recursive(
    VALUES | st.dictionaries(KEYS | st.none() | st.integers(), VALUES, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "c"]), SCALARS | st.lists(SCALARS, max_size=2), max_size=3
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["x", "y_1", "_z"]), PARTS, min_size=1, max_size=3),
    st.sampled_from(["x", "1 of them", "x and not y_1", "all of y*", "x or _z", "nope (", "x | c"]),
)
def test_a_detection_compiles_or_is_refused(parts: dict[str, Any], condition: str) -> None:
    with contextlib.suppress(QueryError):
        compile_detection(parts, condition, placeholders={"x": ("1", "a*")})


LINES = st.builds(
    lambda field, names, value: {"|".join((field, *names)): value},
    st.sampled_from(["a", "b", ""]),
    st.sampled_from([
        (), ("contains",), ("startswith",), ("endswith", "cased"), ("contains", "all"), ("re", "i"),
        ("re",), ("neq",), ("windash", "contains"), ("cased",),
    ]),
    st.text("aB*?\\-/.1", max_size=5) | st.lists(st.text("aB*.1", max_size=3), max_size=3),
)  # fmt: skip
SMALL = st.text("abAB*\\-/.1", max_size=4) | st.integers(0, 12) | st.booleans()
EVENTS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b"]), SMALL | st.lists(SMALL, max_size=2), max_size=2),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=3), EVENTS)
def test_the_engine_and_the_reference_agree(lines: list[Any], events: list[Any]) -> None:
    try:
        found = compile_detection({"sel": lines}, "sel").where
    except QueryError:
        return
    plan = Plan([found])
    rows = evaluate(plan, Batch(events, plan.extractor))[0].tolist()
    assert rows == [n for n, event in enumerate(events) if reference.holds(found, event)]


def test_a_condition_that_names_the_same_again_and_again_is_not_read_again() -> None:
    parts = {f"s_{number}": {"a": f"b{number}"} for number in range(5_000)}
    once = compile_detection(parts, "1 of s_*").where
    assert compile_detection(parts, " or ".join(["1 of s_*"] * 500)).where == once
    assert compile_detection(parts, " and ".join(["s_1"] * 500)).where == Leaf(
        "a", Equals(("b1",), fold_case=True), "keyword", operator=":"
    )


@pytest.mark.parametrize(
    "condition",
    [
        " or ".join(f"1 of s_{number}*" for number in range(200)),
        " or ".join(f"(all of s_* and s_{number})" for number in range(200)),
    ],
)
def test_a_condition_that_becomes_huge_is_refused(condition: str) -> None:
    parts = {f"s_{number}": {"a": f"b{number}"} for number in range(5_000)}
    with pytest.raises(UnsupportedFeature, match="more than 200,000 things"):
        compile_detection(parts, condition)


def test_the_names_in_a_hint_are_cut() -> None:
    parts = {f"{'x' * 500}{number}": {"a": "b"} for number in range(20)}
    with pytest.raises(QueryError) as refused:
        compile_detection(parts, "nothing")
    assert len(refused.value.hint) < 300
