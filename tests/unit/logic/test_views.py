"""Another look at a field's values."""

from __future__ import annotations

import pytest

from tocsin.engine.reference import holds, read_field
from tocsin.logic.expr import Leaf, Nested
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import Equals
from tocsin.logic.value import Field
from tocsin.logic.views import root_domain, viewed


@pytest.mark.parametrize(
    "view, values, expected",
    [
        ("", ["a"], ["a"]),
        ("length", ["a", "a"], [2]),
        ("length", [], []),
        ("joined", ["a", 7, True], ["a,7,true"]),
        ("[0]", ["a", "b"], ["a"]),
        ("[2]", ["a", "b"], []),
        ("root_domain", ["a.b.c", "b.c", 7], ["b.c", "7"]),
    ],
)
def test_views(view: str, values: list[Scalar], expected: list[Scalar]) -> None:
    assert viewed(view, values) == expected
    assert read_field({"x": values}, Field("x", view=view)) == expected


@pytest.mark.parametrize(
    "name, expected",
    [
        ("www.bells.example", "bells.example"), ("bells.example", "bells.example"),
        ("a.b.bells.co.uk", "bells.co.uk"), ("bells.co.uk", "bells.co.uk"), ("co.uk", "co.uk"),
        ("WWW.BELLS.CO.UK", "BELLS.CO.UK"), ("a.bells.uk", "bells.uk"), ("uk", "uk"),
        ("co.example.com", "example.com"), ("localhost", "localhost"), ("", ""),
        ("bells.example.", "bells.example."), (".example", ".example"), ("a..b", "a..b"),
    ],
)  # fmt: skip
def test_root_domains(name: str, expected: str) -> None:
    assert root_domain(name) == expected


def test_only_the_first_objects_are_looked_at() -> None:
    third = Nested("a", Leaf("b", Equals((3,))), 2)
    assert not holds(third, {"a": [{"b": 1}, {"b": 2}, {"b": 3}]})
    assert holds(third, {"a": [{"b": 1}, {"b": 3}]})
