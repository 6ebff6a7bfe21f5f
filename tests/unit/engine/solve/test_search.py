"""The search for an event: every kind of leaf, what has to be avoided, and random logic."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import assume, given

from tocsin.engine import reference
from tocsin.engine.solve.misses import misses
from tocsin.engine.solve.search import find
from tocsin.events.fields import flatten
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import FieldType, Scalar
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    Matcher,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
)
from tocsin.logic.value import Call, Const, Field, Value
from tocsin.testing.strategies import documents, expressions


def leaf(field: str, matcher: Matcher, kind: FieldType = "keyword") -> Leaf:
    return Leaf(field, matcher, kind)


def solved(expr: Expr) -> dict[str, Sequence[Scalar]]:
    solution = find(expr)
    assert solution is not None
    assert reference.holds(expr, solution.document)
    return dict(solution.values)


LEAVES = [
    leaf("f", Exists()),
    leaf("f", Exists(), "ip"),
    leaf("f", Equals(("curl",))),
    leaf("f", Equals((443,)), "long"),
    leaf("f", Equals((True,)), "boolean"),
    leaf("f", Equals(("10.0.0.1",)), "ip"),
    leaf("f", Equals((1_577_836_800_000_000_001,)), "date"),
    leaf("f", Wildcard(("?:\\\\Users\\\\*\\\\x?.exe",), fold_case=True)),
    leaf("f", Wildcard(("a\\*b*",))),
    leaf("f", Regex((r"[^a-z]{2}(cat|dog)+\.\w{3,}\d?",))),
    leaf("f", Regex((r"^/tmp/[^/]+$",), whole=False)),
    leaf("f", Regex((r"(?:[A-Z][0-9]){4}",), fold_case=True)),
    leaf("f", Range(5, 9, low_included=False), "long"),
    leaf("f", Range(None, 0.25, high_included=False), "double"),
    leaf("f", Range("2.10.0", "2.11.0", low_included=False, high_included=False), "version"),
    leaf("f", Range("10.0.0.7", "10.0.0.9", low_included=False, high_included=False), "ip"),
    leaf("f", Range(1_577_836_800_000_000_000, None, low_included=False), "date"),
    leaf("f", Range("m", "n", low_included=False, high_included=False)),
    leaf("f", InNetwork(("10.0.0.0/8",)), "ip"),
    leaf("f", InNetwork(("2001:db8::/64",)), "ip"),
    leaf("f", Words(("foo", "bar"), text="Foo.Bar"), "text"),
    leaf("f", Words(("get*", "*board"), how="wildcard", text="Get* *board"), "text"),
    leaf("f", PathGlob(("/etc/**/conf.d/*.sh",))),
    Leaf("f", Equals(("x", "y")), "keyword", every=True),
    leaf("a.*.b", Equals(("x",))),
]


@pytest.mark.parametrize("one", LEAVES, ids=lambda one: repr(one.matcher)[:60])
def test_every_kind_of_leaf_is_met(one: Leaf) -> None:
    solved(And((one, leaf("f" if one.field != "f" else "g", Exists()))))


@pytest.mark.parametrize("one", LEAVES, ids=lambda one: repr(one.matcher)[:60])
def test_every_kind_of_leaf_has_near_misses(one: Leaf) -> None:
    wanted = And((one, leaf(one.field, Exists(), one.type)))
    solution = find(wanted)
    assert solution is not None
    found = misses(wanted, solution, lambda changed: changed.document)
    assert found
    assert not any(reference.holds(wanted, miss.solution.document) for miss in found)


AVOIDED = [
    (leaf("f", Wildcard(("*.exe",))), leaf("f", Wildcard(("x*", "a*", "*tmp*")))),
    (leaf("f", Equals(("a", "b", "c"))), leaf("f", Equals(("a", "b")))),
    (leaf("f", Range(0, None), "long"), leaf("f", Range(0, 1_000_002), "long")),
    (leaf("f", InNetwork(("10.0.0.0/8",)), "ip"), leaf("f", InNetwork(("10.0.0.0/9",)), "ip")),
    (leaf("f", Exists()), leaf("f", Equals(("x", "k7", "other-9")))),
    (leaf("f", Words(("foo",), text="foo"), "text"), leaf("f", Equals(("foo",)))),
]


@pytest.mark.parametrize(("wanted", "avoided"), AVOIDED)
def test_a_value_dodges_what_is_excepted(wanted: Leaf, avoided: Leaf) -> None:
    solved(And((wanted, Not(avoided))))


def test_one_value_meets_two_patterns_where_it_can() -> None:
    two = And((leaf("f", Wildcard(("*foo*",))), leaf("f", Wildcard(("*bar*",)))))
    assert len(solved(two)["f"]) == 1


def test_an_array_meets_what_one_value_cannot() -> None:
    assert solved(And((leaf("f", Equals(("a",))), leaf("f", Equals(("b",)))))) == {"f": ("a", "b")}


def test_a_contradiction_is_not_solved() -> None:
    assert find(And((leaf("f", Exists()), Not(leaf("f", Exists()))))) is None
    assert find(Always(value=False)) is None
    every = Leaf("f", Equals(("a",)), "keyword", every=True)
    assert find(And((every, leaf("f", Equals(("b",)))))) is None


def test_zero_values_are_taken_into_account() -> None:
    named = Not(Leaf("f", Equals(("",)), "keyword", missing=""))
    assert solved(named)["f"]
    assert solved(Leaf("f", Equals(("",)), "keyword", missing="")) == {}


def test_a_choice_gives_way_to_another() -> None:
    clash = Or((leaf("a", Exists()), leaf("b", Exists())))
    assert list(solved(And((clash, Not(leaf("a", Exists())))))) == ["b"]


def test_of_an_exception_one_condition_is_broken() -> None:
    both = And((leaf("f", Equals(("x",))), leaf("g", Equals(("y", "z")))))
    values = solved(And((leaf("f", Equals(("x",))), leaf("g", Exists()), Not(both))))
    assert values["f"] == ("x",)
    assert values["g"][0] not in {"y", "z"}


def call(name: str, *args: Value) -> Call:
    return Call(name, args)


F, G = Field("f"), Field("g")
SCRIPTS = [
    call("gt", call("length", F), Const(200)),
    call("eq", call("length", F), Const(0)),
    call("endsWith", F, G),
    call("startsWith", F, call("concat", call("substring", G, Const(0), Const(-1)), Const("."))),
    call("stringContains", F, Const("needle")),
    call("is_null", call("indexOf", F, G)),
    call("gt", call("bit_and", Field("f", "long"), Const(0x24)), Const(0)),
    call("cidrMatch", Field("f", "ip"), Const("10.0.0.0/8")),
    call("lt", call("subtract", Field("f", "long"), Field("g", "long")), Const(30)),
    call("eq", call("add", Field("f", "long"), Const(7)), Const(100)),
]


@pytest.mark.parametrize("value", SCRIPTS, ids=lambda value: value.name)
def test_scripts_are_met_and_avoided(value: Call) -> None:
    solved(And((Script(value), leaf("f", Exists(), "dynamic"))))
    if value.name != "cidrMatch":
        needed = [leaf(name, Exists(), "dynamic") for name in ("f", "g")]
        solved(And((Not(Script(value)), *needed)))


def test_scripts_agree_with_what_else_is_asked_of_their_fields() -> None:
    longer = Script(call("gt", call("length", F), Const(50)))
    value = solved(And((longer, leaf("f", Wildcard(("*foo*",))))))["f"][0]
    assert isinstance(value, str)
    assert "foo" in value


def test_one_object_meets_a_nested_condition() -> None:
    term = And((leaf("b", Equals(("x",))), leaf("c", Equals((1,)), "long")))
    other = And((leaf("b", Equals(("x",))), Not(leaf("c", Equals((1,)), "long"))))
    found = find(And((Nested("a", term), Nested("a", other))))
    assert found is not None
    assert len(found.objects["a"]) == 2
    assert find(And((Nested("a", term), Not(Nested("a", leaf("b", Exists())))))) is None


def test_a_nested_condition_may_ask_for_something_of_the_whole_event() -> None:
    expr = Nested("a", And((leaf("b", Exists()), leaf("^.host.name", Equals(("h",))))))
    assert solved(expr) == {"host.name": ("h",)}


@given(expressions())
def test_what_is_found_satisfies_the_condition(expr: Expr) -> None:
    assume(not set("\x1c\x1d\x1e\x1f\x85") & set(repr(expr).encode().decode("unicode_escape")))
    solution = find(expr, attempts=1)
    if solution is not None:
        assert reference.holds(expr, solution.document)
        for miss in misses(expr, solution, lambda one: one.document):
            assert not reference.holds(expr, miss.solution.document)


@given(documents())
def test_what_an_event_says_can_be_asked_for_and_found(document: dict[str, object]) -> None:
    named = [(f, v) for f, v in flatten(document) if f and not {"*", "^"} & set(f)]
    asked = And(tuple(Leaf(field, Equals((value,))) for field, value in named))
    assert find(asked) is not None
