"""Loaded rules as bytes and back, exactly."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.rules.exactly import same

from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.matchers import Equals, Range, Regex
from tocsin.logic.query import Correlation, CorrelationTerm, Filter, NewTerms
from tocsin.logic.value import Call, Const, Field
from tocsin.rules import _kept_form
from tocsin.rules._kept_form import InexactError, packed, unpacked
from tocsin.rules.model import Loaded, Problem, Rule


def ruled(query: Any, **more: Any) -> Rule:
    return Rule(**{
        "id": "1", "name": "n", "vendor": "test", "path": "p", "language": "x", "type": "x",
        "kind": "x/x", "text": "t", "query": query, **more,
    })  # fmt: skip


def comes_back(*rules: Rule, problems: tuple[Problem, ...] = ()) -> bool:
    loaded = Loaded(rules, problems, 7)
    return same(unpacked(packed(loaded)), loaded)


SCALARS = [
    1, 1.0, True, "1", 0, 0.0, -0.0, False, "", 2**63 - 1, -(2**63), 2**63, 2**64, -(2**70),
    10**400, math.inf, math.nan, 1e300, "\ud800", "a\0b", "\U0001f514",
]  # fmt: skip


@pytest.mark.parametrize("value", SCALARS, ids=map(str, range(len(SCALARS))))
def test_a_value_keeps_its_type(value: Any) -> None:
    for expr in (
        Leaf("a", Equals((value, 1)), missing=value),
        Leaf("a", Range(value, None)),
        Script(Call("eq", (Field("a", missing=value), Const(value)))),
        Not(Nested("a", And((Or(()), Leaf("b", Equals((value,))))))),
    ):
        assert comes_back(ruled(Filter(expr)), ruled(Filter(Always(value=True))))


def test_an_integer_that_python_will_not_write_in_decimal_stays() -> None:
    (found,) = unpacked(packed(Loaded((ruled(Filter(Leaf("a", Equals((10**5_000,))))),)))).rules
    assert isinstance(found.query, Filter)
    assert isinstance(found.query.where, Leaf)
    assert found.query.where.matcher == Equals((10**5_000,))


def test_odd_rules_and_problems_keep_their_places() -> None:
    odd = Filter(Leaf("a", Equals((2**70,))))
    rules = [ruled(odd if n in {0, 3, 4, 6} else Filter(Always(value=True)), id=str(n))
             for n in range(7)]  # fmt: skip
    problems = tuple(
        Problem(f"{n}\udcff" if n % 2 else f"{n}", "", "warning", "m") for n in range(5)
    )
    assert comes_back(*rules, problems=problems)


def test_a_number_that_is_no_float_where_one_is_expected_stays() -> None:
    term = CorrelationTerm("a", Filter(Always(value=True)))
    whole = Correlation("event_count", (term,), condition=(("gte", 5),), percentile=50)
    assert comes_back(ruled(whole), ruled(msgspec.structs.replace(whole, percentile=50.0)))
    assert comes_back(ruled(msgspec.structs.replace(whole, condition=(("gte", 5.0),))))


def test_durations_stay() -> None:
    for duration in (dt.timedelta(0), dt.timedelta(microseconds=1), dt.timedelta.max,
                     -dt.timedelta(days=2, microseconds=7)):  # fmt: skip
        query = NewTerms(Filter(Always(value=True)), ("a",), duration)
        assert comes_back(ruled(query, interval=duration, max_signals=None))
        assert comes_back(ruled(query, interval=duration, name="\udcff"))


def test_what_would_not_come_back_is_not_written() -> None:
    for strange in ([1], {1}, b"1", Path("x")):
        with pytest.raises(InexactError):
            packed(Loaded((ruled(Filter(Leaf("a", Equals((strange,))))),)))  # type: ignore[arg-type]


def test_a_list_in_the_place_of_a_tuple_is_not_written() -> None:
    with pytest.raises(InexactError):
        packed(Loaded((ruled(Filter(Leaf("a", Equals([1])))),)))  # type: ignore[arg-type]


def test_what_is_too_deep_is_not_written() -> None:
    expr: Expr = Always(value=True)
    for _ in range(50_000):
        expr = Not(expr)
    with pytest.raises(InexactError):
        packed(Loaded((ruled(Filter(expr)),)))


scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(SCALARS),
)
leaves = st.one_of(
    st.builds(Always, value=st.booleans()),
    st.builds(
        Leaf,
        st.text(max_size=5),
        st.one_of(
            st.builds(Equals, st.lists(scalars, max_size=3).map(tuple), st.booleans()),
            st.builds(Range, st.none() | scalars, scalars),
            st.builds(Regex, st.lists(st.text(max_size=4), max_size=2).map(tuple)),
        ),
        st.sampled_from(["dynamic", "keyword", "long"]),
        st.none() | scalars,
    ),
    st.builds(Script, st.builds(Const, st.none() | scalars), st.text(max_size=3)),
)
exprs = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Nested, st.text(max_size=3), inner, st.integers()),
    ),
    max_leaves=8,
)


@given(st.lists(exprs, max_size=4), st.lists(st.text(max_size=5), max_size=3))
@settings(max_examples=60)
def test_any_rules_come_back_the_same(found: list[Expr], messages: list[str]) -> None:
    rules = [ruled(Filter(expr), id=str(number)) for number, expr in enumerate(found)]
    problems = tuple(Problem(m, m, "warning", m) for m in messages)
    assert comes_back(*rules, problems=problems)


def test_every_class_of_a_rule_is_known() -> None:
    seen: set[str] = set()
    pending: list[Any] = [msgspec.inspect.type_info(Loaded)]
    while pending:
        node = pending.pop()
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls.__name__ in seen:
                continue
            seen.add(node.cls.__name__)
            pending += [field.type for field in node.fields]
        elif isinstance(node, msgspec.inspect.UnionType):
            pending += node.types
        elif isinstance(node, msgspec.inspect.TupleType):
            pending += node.item_types
        elif isinstance(node, msgspec.inspect.VarTupleType):
            pending.append(node.item_type)
    assert {"Rule", "Leaf", "Equals", "Call", "SetVariable", "Correlation"} <= seen
    assert seen <= _kept_form._classes().keys()
