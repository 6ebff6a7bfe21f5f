"""Fields are read as `values_of` reads them."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.events.fields import reader, values_of

names = st.sampled_from(["a", "b", "c", "a.b", "b.c", "a.b.c", "", ".", "a."])
scalars = st.sampled_from([None, True, 0, 1.5, "x", ""])
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(["a", "a.b", "a.b.c", "b.c", "c", "a.*", "*", "", ".", "a.", "a..b", ".b"])


@given(st.dictionaries(names, trees, max_size=4), fields)
@example({"a": {"b": 1}, "a.b": 2}, "a.b")
@example({"a": {"b": {"c": [1, None, [2]]}}}, "a.b.c")
@example({"a": [{"b": 1}, {"b": 2}]}, "a.b")
def test_the_values_are_the_same(document: dict[str, Any], field: str) -> None:
    assert repr(reader(field)(document)) == repr(values_of(document, field))
