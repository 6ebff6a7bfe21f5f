"""Where one of an event's nested objects fits, the event as a whole passes the gate."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.engine.reference import holds
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not
from tocsin.logic.gates import gate_of
from tocsin.logic.matchers import Equals, Exists
from tocsin.testing import strategies as some

ZERO = Leaf("b", Equals((0,)), "long", missing=0)


@settings(max_examples=600)
@given(st.sampled_from(["a", "b", "a.b", "c"]), some.expressions(), some.documents())
@example("a", ZERO, {"a": [{}, {"b": 5}]})
@example("a", Leaf("b", Equals(("",)), "keyword", missing=""), {"a": [{}, {"b": "x"}]})
@example("a", Not(Leaf("b", Equals((1,)))), {"a": [{"b": 1}, {"b": 2}]})
@example("a", Leaf("b", Equals((1,)), every=True), {"a": [{"b": 1}, {"b": 2}]})
@example("a", Leaf("*", Equals((1,))), {"a": [{}], "b": 1})
@example("a", Leaf("^.*", Equals((1,))), {"a": [{}], "b": 1})
@example("a", Leaf("^.b", Exists()), {"a": [{}], "b": 1})
@example("a", And((Leaf("b", Exists()), Leaf("c", Exists()))), {"a": [{"b": [1], "c": 1}]})
def test_the_gate_lets_through_what_fits(path: str, term: Expr, document: dict[str, Any]) -> None:
    nested = Nested(path, term)
    if holds(nested, document):
        assert holds(gate_of(nested), document)


def test_the_gate_keeps_out_what_has_no_such_value() -> None:
    nested = Nested("a", And((Leaf("b", Equals((1,))), Not(Leaf("c", Exists())))))
    assert not holds(gate_of(nested), {"a": [{"b": 2}]})
    assert holds(gate_of(nested), {"a": [{"b": 1, "c": 1}]})
