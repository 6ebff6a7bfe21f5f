"""What a condition asks of an event alone is true wherever the whole condition can be."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.engine.reference import holds
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not, Or, Script, walk
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.prefilter import can_hold, relaxed
from tocsin.logic.value import Call, Const, Field, fields_of
from tocsin.testing import strategies as some

ROOTS = ("a", "b", "c")


def is_below(root: str, name: str) -> bool:
    return name == root or name.startswith(f"{root}.")


def without(document: dict[str, Any], root: str) -> dict[str, Any]:
    """The event alone: nothing at the root, however it is spelled."""
    return {key: value for key, value in document.items() if not is_below(root, key)}


SEEN = Leaf("b", Equals(("x",)))
KNOWN = Leaf("a.b", Exists())


@settings(max_examples=600)
@given(some.expressions(), some.documents(), st.sampled_from(ROOTS))
@example(Not(SEEN), {"b": "y"}, "b")
@example(Nested("a", Not(Leaf("^.b", Exists()))), {"a": [{}]}, "b")
@example(Nested("a", Leaf("b", Exists())), {"a": [{"b": 1}]}, "b")  # a.b, which is known
@example(Nested("a", Leaf("b", Exists())), {"a": [{"b": 1}]}, "a")
@example(Not(Nested("a", Leaf("^.b", Exists()))), {"a": [{}]}, "b")
@example(Nested("a", Nested("c", Leaf("^.^.b", Exists()))), {"a": {"c": {}}, "b": 1}, "b")
@example(Leaf("*", Equals(("x",))), {"b": "x"}, "b")
@example(Script(Call("not", (Call("eq", (Field("b"), Const(1))),))), {"b": 2}, "b")
@example(And((Or((SEEN, KNOWN)), Not(And((SEEN, Not(KNOWN)))))), {"a.b": 1}, "b")
def test_nothing_that_the_whole_finds_is_lost(
    where: Expr, document: dict[str, Any], root: str
) -> None:
    needs = relaxed(where, lambda field: is_below(root, field))
    if holds(where, document):
        assert holds(needs, without(document, root))


@settings(max_examples=300)
@given(some.expressions(), some.documents(), st.sampled_from(ROOTS))
def test_what_cannot_hold_holds_of_no_event_without_the_fields(
    where: Expr, document: dict[str, Any], root: str
) -> None:
    if not can_hold(where, lambda field: is_below(root, field)):
        assert not holds(where, without(document, root))


@given(some.expressions(some.FIELDS), some.documents())
def test_with_nothing_unknown_the_condition_says_the_same(
    where: Expr, document: dict[str, Any]
) -> None:
    assert holds(relaxed(where, lambda _: False), document) == holds(where, document)


@given(some.expressions(), some.documents())
def test_with_everything_unknown_only_constants_are_asked(
    where: Expr, document: dict[str, Any]
) -> None:
    needs = relaxed(where, lambda _: True)
    assert not any(
        isinstance(node, (Leaf, Nested)) or (isinstance(node, Script) and fields_of(node.value))
        for node in walk(needs)
    )
    if holds(where, document):
        assert holds(needs, {})
