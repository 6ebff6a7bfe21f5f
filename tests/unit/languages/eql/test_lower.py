"""EQL → logic: which leaf a condition becomes, and what it is true of."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tocsin.engine.reference import holds
from tocsin.events.schema import Schema
from tocsin.languages.eql import compile_expression, compile_query
from tocsin.logic.expr import Always, And, Expr, Leaf, Not, Or, Script
from tocsin.logic.field_types import Scalar, date_of
from tocsin.logic.matchers import Equals, Exists, InNetwork, Range, Regex, Wildcard
from tocsin.logic.query import Filter, Sample, Sequence
from tocsin.logic.value import Call, Const, Field
from tocsin.source_text import SourceText

SCHEMA = Schema(
    {
        "k": "keyword",
        "n": "long",
        "ip": "ip",
        "d": "date",
        "b": "boolean",
        "v": "version",
    }
)


def query(text: str) -> Filter:
    found = compile_query(SourceText(text), SCHEMA)
    assert isinstance(found, Filter)
    return found


def where(condition: str) -> Expr:
    return query(f"any where {condition}").where


def true_of(condition: str, **event: Any) -> bool:
    return holds(where(condition), event)


def leaf(
    field: str, matcher: Any, kind: Any = "keyword", operator: str = "==", spelled: str = ""
) -> Leaf:
    return Leaf(field, matcher, kind, operator=operator, spelled=spelled)


@pytest.mark.parametrize(
    "condition, expected",
    [
        ('k == "x"', leaf("k", Equals(("x",)))),
        ('"x" == k', leaf("k", Equals(("x",)))),
        ("k == 4", leaf("k", Equals(("4",)))),
        ('k != "x"', Not(leaf("k", Equals(("x",)), operator="!="))),
        ('not k == "x"', Not(leaf("k", Equals(("x",))))),
        ("k == null", Not(leaf("k", Exists(), operator="!= null"))),
        ("null != k", leaf("k", Exists(), operator="!= null")),
        ('k in ("a", null, "b")', leaf("k", Equals(("a", "b")), operator="in")),
        ('k in~ ("A*")', leaf("k", Equals(("A*",), fold_case=True), operator="in~")),
        ('k not in ("a")', Not(leaf("k", Equals(("a",)), operator="not in"))),
        ('k not in~ ("a")', Not(leaf("k", Equals(("a",), fold_case=True), operator="not in~"))),
        ('k : "a"', leaf("k", Wildcard(("a",), fold_case=True), operator=":")),
        ('k : ("a*", "b")', leaf("k", Wildcard(("a*", "b"), fold_case=True), operator=":")),
        ('k like~ "a?"', leaf("k", Wildcard(("a?",), fold_case=True), operator="like~")),
        ('k like "a\\\\*"', leaf("k", Wildcard(("a\\\\*",)), operator="like")),
        ('k regex "a@"', leaf("k", Regex(("a(?s:.*)",), texts=("a@",)), operator="regex")),
        (
            'k regex~ ("a", "b")',
            leaf("k", Regex(("a", "b"), fold_case=True, texts=("a", "b")), operator="regex~"),
        ),
        ("n > 5", leaf("n", Range(low=5, low_included=False), "long", ">")),
        ("5 <= n", leaf("n", Range(low=5), "long", ">=")),
        ('n < "5"', leaf("n", Range(high=5, high_included=False), "long", "<")),
        ("n <= 2 + 3", leaf("n", Range(high=5), "long", "<=")),
        ("n == -1", leaf("n", Equals((-1,)), "long")),
        ('n == "7"', leaf("n", Equals((7,)), "long")),
        ("b", leaf("b", Equals((True,)), "boolean")),
        ("not ?b", Not(leaf("b", Equals((True,)), "boolean"))),
        ("b != false", Not(leaf("b", Equals((False,)), "boolean", "!="))),
        ("other", leaf("other", Equals((True,)), "dynamic")),
        ("other == 4", leaf("other", Equals((4,)), "dynamic")),
        ('?other == "4"', leaf("other", Equals(("4",)), "dynamic")),
        ('ip == "::FFFF:1.2.3.4"', leaf("ip", Equals(("1.2.3.4",)), "ip")),
        ('ip == "10.0.0.0/8"', leaf("ip", InNetwork(("10.0.0.0/8",)), "ip")),
        (
            'ip not in ("10.0.0.0/8", "::1")',
            Not(leaf("ip", InNetwork(("10.0.0.0/8", "::1")), "ip", "not in")),
        ),
        ('ip : "10.*"', leaf("ip", Wildcard(("10.*",), fold_case=True), "keyword", ":")),
        (
            'cidrmatch(other, "10.0.0.0/8", "::1")',
            leaf("other", InNetwork(("10.0.0.0/8", "::1")), "ip", "cidrMatch"),
        ),
        (
            'd >= "2026-01-01"',
            leaf("d", Range(low=date_of("2026-01-01")), "date", ">="),
        ),
        ("d == 1500", leaf("d", Equals((1_500_000_000,)), "date")),
        ('v > "1.9"', leaf("v", Range(low="1.9", low_included=False), "version", ">")),
        (
            'k.caseless == "X"',
            leaf("k", Equals(("X",), fold_case=True), spelled="k.caseless"),
        ),
        (
            'k.caseless like "X*"',
            leaf("k", Wildcard(("X*",), fold_case=True), operator="like", spelled="k.caseless"),
        ),
        ('startsWith(k, "a*")', leaf("k", Wildcard(("a\\**",)), operator="startsWith")),
        (
            'ENDSWITH~(k, ".x")',
            leaf("k", Wildcard(("*.x",), fold_case=True), operator="endsWith~"),
        ),
        ('stringContains(k, "?")', leaf("k", Wildcard(("*\\?*",)), operator="stringContains")),
        ('stringContains(k, "")', Always(value=False)),
        ('startsWith(k, "a") == true', leaf("k", Wildcard(("a*",)), operator="startsWith")),
        ('false == (k : "a")', Not(leaf("k", Wildcard(("a",), fold_case=True), operator=":"))),
    ],
)
def test_a_field_with_constants_is_a_leaf(condition: str, expected: Expr) -> None:
    assert where(condition) == expected


@pytest.mark.parametrize(
    "condition, value, text",
    [
        (
            "length(k) > 3",
            Call("gt", (Call("length", (Field("k", "keyword"),)), Const(3))),
            "length(k) > 3",
        ),
        (
            "3 == length(?k)",
            Call("eq", (Call("length", (Field("k", "keyword"),)), Const(3))),
            "length(?k) == 3",
        ),
        (
            "null == (n > 1)",
            Call("is_null", (Call("gt", (Field("n", "long"), Const(1))),)),
            "n > 1 == null",
        ),
        (
            "startsWith(k, other)",
            Call("startsWith", (Field("k", "keyword"), Field("other"))),
            "startsWith(k, other)",
        ),
        (
            'concat(k,\n  d) : "x*"',
            Call(
                "wildcard",
                (
                    Call(
                        "concat",
                        (Field("k", "keyword"), Call("date_text", (Field("d", "date"),))),
                    ),
                    Const("x*"),
                ),
                fold_case=True,
            ),
            'concat(k, d) : "x*"',
        ),
        (
            "length(k.caseless) in (1, 2)",
            Call(
                "in",
                (
                    Call(
                        "length", (Call("lower", (Field("k", "keyword", spelled="k.caseless"),)),)
                    ),
                    Const(1),
                    Const(2),
                ),
            ),
            "length(k.caseless) in (1, 2)",
        ),
    ],
)
def test_what_is_computed_is_a_script(condition: str, value: Call, text: str) -> None:
    assert where(condition) == Script(value, text)


def test_negation_stays_outside_a_script() -> None:
    for condition in ("length(k) != 3", "not length(k) == 3", "length(k) not in (3)"):
        found = where(condition)
        assert isinstance(found, Not)
        assert isinstance(found.term, Script)
        assert holds(found, {})
    assert where("length(k) != 3") == where("not length(k) == 3")


@pytest.mark.parametrize(
    "condition, expected",
    [
        ("1 + 1 == 2", True),
        ('"a" in ("a", "b")', True),
        ('"ab" : "A*"', True),
        ("null", False),
        ("not null", False),
        ("k == null and false", False),
        ('k == "x" or true', True),
        ("n > null", False),
        ("not (n > null)", False),
        ("not (null and true)", False),
        ("k in (null)", False),
        ("k not in (null)", False),
        ("length(null) == null", True),
        ('cidrMatch("10.1.2.3", "10.0.0.0/8")', True),
    ],
)
def test_what_needs_no_event_is_computed(condition: str, expected: bool) -> None:
    assert where(condition) == Always(value=expected)


def test_constants_leave_a_condition() -> None:
    assert where('true and k == "x" and not false') == leaf("k", Equals(("x",)))
    assert where('false or k == "x"') == leaf("k", Equals(("x",)))


def test_chains_are_flat() -> None:
    found = where('b or (k == "x" or (n == 1 or n == 2)) or (b and (b and b))')
    assert isinstance(found, Or)
    assert [type(term) for term in found.terms] == [Leaf, Leaf, Leaf, Leaf, And]


@pytest.mark.parametrize(
    "condition, event, expected",
    [
        # negation is complement: what is missing is not equal
        ('k != "x"', {}, True),
        ('k != "x"', {"k": ["x", "y"]}, False),
        ('not k : "x*"', {}, True),
        ("n not in (1)", {"n": None}, True),
        ("n > 1", {}, False),
        ("not n > 1", {}, True),
        # arrays: some value, and each condition by its own
        ('k == "y"', {"k": ["x", "y"]}, True),
        ("n > 100 and n < 200", {"n": [50, 300]}, True),
        # nulls are no values, and the empty text is one
        ("k == null", {"k": [None]}, True),
        ("k == null", {"k": []}, True),
        ("k != null", {"k": ""}, True),
        # == knows neither case nor wildcards, and : knows both
        ('k == "X"', {"k": "x"}, False),
        ('k == "x*"', {"k": "xy"}, False),
        ('k : "X*"', {"k": "xy\nz"}, True),
        ('k like "X*"', {"k": "xy"}, False),
        ('k in~ ("X*")', {"k": "xy"}, False),
        ('k : "?"', {"k": ""}, False),
        # types
        ("n == 4", {"n": "4"}, True),
        ("other == 4", {"other": "4"}, False),
        ('d == "1970-01-01T00:00:01Z"', {"d": 1000}, True),
        ('v > "1.9.0"', {"v": "1.10.0"}, True),
        ('ip == "::1"', {"ip": "0:0::1"}, True),
        ('cidrMatch(ip, "10.6.48.157/8")', {"ip": "10.1.1.1"}, True),
        # one array of a script runs through its values; the other stands still
        ('startsWith(k, "a")', {"k": ["b", "ab"]}, True),
        ("endsWith(k, other)", {"k": ["xa", "xb"], "other": ["c", "b"]}, True),
        ("endsWith(k, other)", {"k": "xa"}, False),
        ("not endsWith(k, other)", {"k": "xa"}, True),
        # some combination is null
        ('indexOf(k, "b") == null', {"k": ["a", "b"]}, True),
        ('indexOf(k, "b") != null', {"k": ["a", "b"]}, False),
        ("null == (n > 1)", {}, True),
        # fields that nobody knows are null to Elasticsearch
        ("?p == ?q", {}, True),
        ("?p != ?q", {}, False),
        ("?p == ?q", {"p": 1}, False),
        ("?p < ?q", {}, False),
        ("?p", {}, False),
        ("?p != 1", {}, True),
        # a tested function is the function itself
        ('startsWith(k, "a") == false', {}, True),
        ("(n > 1) != true", {}, True),
        ('string(ip) : "10.*"', {"ip": "10.0.0.1"}, True),
        ('string(d) : "1970-*"', {"d": 0}, True),
        ('substring(k, 1) regex "b\\\\d$"', {"k": "ab1"}, True),
        ("n / 2 == 2", {"n": 5}, True),
        ("n % 0 == null", {"n": 5}, True),
        ('string(n > 1) == "true"', {"n": [1, 2]}, True),
    ],
)
def test_a_condition_is_true_of_an_event(
    condition: str, event: dict[str, Any], expected: bool
) -> None:
    assert true_of(condition, **event) is expected


def test_the_category_and_the_pipes_are_kept() -> None:
    found = compile_query(
        SourceText("process where true | head 5 | tail 2"), SCHEMA, category_field="kind"
    )
    assert found == Filter(Always(value=True), "process", "kind", (("head", 5), ("tail", 2)))
    assert query("any where b").category is None


def test_a_sequence_is_its_terms_with_their_keys() -> None:
    text = (
        "sequence by k with maxspan=1m [process where b] by ?n with runs=2 ![file where true] by n"
    )
    found = compile_query(SourceText(text), SCHEMA)
    assert isinstance(found, Sequence)
    assert found.maxspan == dt.timedelta(minutes=1)
    assert [(t.filter.category, t.missing) for t in found.terms] == [
        ("process", False), ("process", False), ("file", True),
    ]  # fmt: skip
    assert [(key.field, key.optional) for key in found.terms[0].by] == [("k", False), ("n", True)]


def test_a_sequence_ends_with_its_until_and_its_pipes() -> None:
    text = "sequence [process where b] [file where true] until [any where true] | tail 1"
    found = compile_query(SourceText(text), SCHEMA)
    assert isinstance(found, Sequence)
    assert found.until is not None
    assert found.until.filter.category is None
    assert found.pipes == (("tail", 1),)


def test_a_sample_is_its_terms() -> None:
    found = compile_query(SourceText("sample by k [process where b] [file where n == 1]"), SCHEMA)
    assert isinstance(found, Sample)
    assert [term.filter.category for term in found.terms] == ["process", "file"]


@pytest.mark.parametrize(
    "text, value",
    [
        ("7 / -2", -3),
        ("7 % -2", 1),
        ("-7 % 2", -1),
        ("7 / 2.0", 3.5),
        ("2 * 3 + 4", 10),
        ("1 / 0", None),
        ("9223372036854775807 + 1", None),
        ("false and null", False),
        ("true and null", None),
        ("true or null", True),
        ("false or null", None),
        ("not null", None),
        ("null == null", True),
        ("null != 1", True),
        ("null < 1", None),
        ("concat(1.5, true, 1e10)", "1.5true1.0E10"),
        ("1 in (2, null)", None),
        ('number("0x1f")', 31),
    ],
)
def test_an_expression_is_computed(text: str, value: Scalar | None) -> None:
    found = compile_expression(SourceText(text), SCHEMA)
    assert isinstance(found, Const)
    assert found.value == value
    assert type(found.value) is type(value)
