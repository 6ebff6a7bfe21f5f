"""The table of functions: what each does, with nulls, and over the values of arrays."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logic.functions import FUNCTIONS, MOST_ROUNDS, evaluate, holds
from tocsin.logic.value import Call, Const, Field, Result, Value


def run(name: str, *args: Result, fold_case: bool = False) -> Result:
    call = Call(name, tuple(Const(argument) for argument in args), fold_case)
    return evaluate(call, lambda _: None)


@pytest.mark.parametrize(
    "name, args, result",
    [
        ("and", (True, None), None),
        ("and", (False, None), False),
        ("and", (), True),
        ("or", (True, None), True),
        ("or", (False, None), None),
        ("or", (), False),
        ("not", (None,), None),
        ("not", (True,), False),
        ("is_null", (None,), True),
        ("is_not_null", (0,), True),
        ("eq", (1, 1.0), True),
        ("eq", (1, True), False),
        ("eq", (1, "1"), False),
        ("ne", ("a", "A"), True),
        ("eq", (None, None), None),
        ("lt", ("B", "a"), True),
        ("le", (2, 2.0), True),
        ("gt", (2, "1"), None),
        ("ge", (True, False), None),
        ("in", ("a", "b", "a"), True),
        ("in", ("a", "b", None), None),
        ("in", ("a", "b"), False),
        ("in", (None, "b"), None),
        ("wildcard", ("abc", "x", "a*"), True),
        ("wildcard", (4, "*"), None),
        ("regex", ("abc", "a.c"), True),
        ("regex", ("abcd", "a.c"), False),
        ("regex_search", ("xabcd", "a.c"), True),
        ("cidrMatch", ("10.1.2.3", "192.168.0.0/16", "10.0.0.0/8"), True),
        ("cidrMatch", ("here", "0.0.0.0/0"), None),
        ("cidrMatch", ("::ffff:10.1.2.3", "10.0.0.0/8"), True),
        ("add", (1, 2), 3),
        ("add", (1, 2.5), 3.5),
        ("add", ("1", 2), None),
        ("add", (True, 2), None),
        ("add", (2**63 - 1, 1), None),
        ("subtract", (1, None), None),
        ("multiply", (1e308, 10), None),
        ("divide", (-7, 2), -3),
        ("divide", (7, -2.0), -3.5),
        ("divide", (7, 0), None),
        ("divide", (7, 0.0), None),
        ("modulo", (-7, 2), -1),
        ("modulo", (7, -2), 1),
        ("modulo", (7.5, 2), 1.5),
        ("modulo", (7, 0), None),
        ("negate", (5,), -5),
        ("negate", (-(2**63),), None),
        ("bit_and", (12, 10), 8),
        ("bit_or", (12, 10), 14),
        ("bit_xor", (12, 10), 6),
        ("bit_and", (-1, 255), 255),
        ("bit_or", (1, 2.0), None),
        ("complement", (0,), -1),
        ("complement", (5,), -6),
        ("date_text", (1_500_000_000,), "1970-01-01T00:00:01.500Z"),
        ("lower", ("ÄB",), "äb"),
    ],
)
def test_operators(name: str, args: tuple[Result, ...], result: Result) -> None:
    assert run(name, *args) == result
    assert type(run(name, *args)) is type(result)


@pytest.mark.parametrize(
    "name, args, result",
    [
        ("between", ("key=value;rest;", "=", ";"), "value"),
        ("between", ("key=value;rest;", "=", ";", True), "value;rest"),
        ("between", ("key=value", "=", ";"), ""),
        ("between", ("key=value", ":", ";"), ""),
        ("between", ("", "=", ";"), ""),
        ("between", ("aXb", "x", "B"), ""),
        ("between", (None, "=", ";"), None),
        ("between", ("=;", "=", None), None),
        ("concat", ("a", 1, True, 2.0), "a1true2.0"),
        ("concat", ("a", None), None),
        ("endsWith", ("bell.exe", ".exe"), True),
        ("endsWith", ("bell.exe", ""), True),
        ("endsWith", ("bell.exe", ".EXE"), False),
        ("endsWith", (None, ".exe"), None),
        ("indexOf", ("tocsin", "s"), 3),
        ("indexOf", ("tocsin", "o", 2), None),
        ("indexOf", ("tocsin", "t", -4), 0),
        ("indexOf", ("tocsin", "t", None), 0),
        ("indexOf", ("tocsin", "", 4), 4),
        ("indexOf", ("tocsin", "", -4), 0),
        ("indexOf", ("tocsin", "S"), None),
        ("indexOf", ("🔔!", "!"), 2),
        ("indexOf", (None, "!"), None),
        ("length", ("naïve",), 5),
        ("length", ("🔔",), 2),
        ("length", ("",), 0),
        ("length", (5,), None),
        ("length_bytes", ("naïve",), 6),
        ("number", (" 42 ",), 42),
        ("number", ("-4.5",), -4.5),
        ("number", ("+4",), 4),
        ("number", ("1e3",), 1000.0),
        ("number", ("0x1F",), 31),
        ("number", ("-0x1F",), -31),
        ("number", ("1F", 16), 31),
        ("number", ("0x1F", 16), 31),
        ("number", ("0x1F", 10), None),
        ("number", ("777", 8), 511),
        ("number", ("778", 8), None),
        ("number", ("1.5", 16), None),
        ("number", ("bell",), None),
        ("number", ("",), None),
        ("number", ("1" + "0" * 30,), 1e30),
        ("number", ("9" * 5000,), None),
        ("number", ("1", 99), None),
        ("number", (None,), None),
        ("startsWith", ("bell", "be"), True),
        ("startsWith", ("bell", ""), True),
        ("startsWith", ("bell", 4), None),
        ("string", (True,), "true"),
        ("string", (0.5,), "0.5"),
        ("string", (1e7,), "1.0E7"),
        ("string", (-1.25e-5,), "-1.25E-5"),
        ("string", (9999999.0,), "9999999.0"),
        ("string", (None,), None),
        ("stringContains", ("bell", "el"), True),
        ("stringContains", ("bell", ""), False),
        ("stringContains", ("", ""), False),
        ("substring", ("tocsin", 3), "sin"),
        ("substring", ("tocsin", -3, -1), "si"),
        ("substring", ("tocsin", None, 2), "to"),
        ("substring", ("tocsin", 4, 2), ""),
        ("substring", ("tocsin", -60, 60), "tocsin"),
        ("substring", ("🔔bell", 2), "bell"),
        ("substring", (None, 1), None),
        ("substring", ("bell", 1.5), None),
    ],
)
def test_functions_of_texts(name: str, args: tuple[Result, ...], result: Result) -> None:
    assert run(name, *args) == result
    assert type(run(name, *args)) is type(result)


@pytest.mark.parametrize(
    "name, args, result",
    [
        ("eq", ("Bell", "bELL"), True),
        ("in", ("Bell", "x", "bELL"), True),
        ("wildcard", ("Bell", "B*L"), True),
        ("regex", ("Bell", "B[E]LL"), True),
        ("between", ("AxB", "a", "b"), "x"),
        ("between", ("İAxB", "a", "b"), "x"),
        ("endsWith", ("Bell", "LL"), True),
        ("indexOf", ("Bell", "L"), 2),
        ("startsWith", ("Bell", "bE"), True),
        ("stringContains", ("Bell", "EL"), True),
    ],
)
def test_case_is_folded_on_demand(name: str, args: tuple[Result, ...], result: Result) -> None:
    assert run(name, *args, fold_case=True) == result


def test_versions_and_addresses_have_their_own_order() -> None:
    def less(kind: Any, left: str, right: str) -> Result:
        return evaluate(Call("lt", (Field("f", kind), Const(right))), lambda _: left)

    assert less("version", "1.9.0", "1.10.0") is True
    assert less("keyword", "1.9.0", "1.10.0") is False
    assert less("ip", "10.0.0.9", "10.0.0.10") is True


# --- over events ------------------------------------------------------------------------------

A, B = Field("a"), Field("b")
SAME = Call("eq", (A, B))


def true_of(value: Value, **values: list[Any]) -> bool:
    return holds(value, lambda field: values.get(field.name, []))


def test_some_combination_of_values_is_enough() -> None:
    assert true_of(SAME, a=[1, 2], b=[3, 2])
    assert not true_of(SAME, a=[1, 2], b=[3, 4])


def test_a_field_has_one_value_in_a_round() -> None:
    both = Call("and", (Call("gt", (A, Const(100))), Call("lt", (A, Const(200)))))
    assert not true_of(both, a=[50, 300])
    assert true_of(both, a=[50, 150])


def test_null_is_not_true() -> None:
    assert not true_of(SAME, a=[1])
    assert true_of(Call("is_null", (SAME,)), a=[1])


def test_a_missing_field_reads_as_its_missing_value() -> None:
    zero = Field("z", "long", missing=0)
    assert true_of(Call("eq", (zero, Const(0))))
    assert not true_of(Call("eq", (zero, Const(0))), z=[1])


def test_one_and_true_are_two_values() -> None:
    assert true_of(Call("eq", (A, Const(value=True))), a=[1, True])


def test_a_number_is_not_true() -> None:
    assert not true_of(A, a=[1, "true"])
    assert true_of(A, a=[1, True])


def test_huge_products_are_cut() -> None:
    many = list(range(MOST_ROUNDS))
    assert true_of(SAME, a=many, b=[0])
    assert not true_of(Call("eq", (Call("add", (A, B)), Const(-1))), a=many, b=many)


def test_every_row_takes_what_it_says() -> None:
    for name, function in FUNCTIONS.items():
        least, most = function.arity
        assert most is None or least <= most, name
        options = set(inspect.signature(function.run).parameters)
        assert ("fold_case" in options) == function.folds, name
        assert ("kind" in options) == function.typed, name


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6) | st.sampled_from(["", "::1", "10.0.0.0/8", "0x1f", "1.5", "İ🔔"]),
)


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(VALUES, max_size=4), st.booleans())
def test_no_value_of_an_event_raises(name: str, values: list[Result], fold_case: bool) -> None:
    function = FUNCTIONS[name]
    least, most = function.arity
    if name.startswith("regex"):
        values = [values[0] if values else None, "a.*"]
    values = (values + [None] * least)[: 4 if most is None else max(most, least)]
    result = run(name, *values, fold_case=fold_case)
    if not function.nulls and None in values:
        assert result is None
    if function.returns == "boolean":
        assert result in (True, False, None)
    if isinstance(result, int) and not isinstance(result, bool):
        assert -(2**63) <= result < 2**63
