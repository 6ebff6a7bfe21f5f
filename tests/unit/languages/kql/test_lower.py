"""KQL's meaning: which leaves come out, and which events they fit."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tocsin.errors import QuerySemanticError
from tocsin.events.fields import objects_of, values_of
from tocsin.events.schema import ECS, Schema
from tocsin.languages.kql import compile_query
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import coerce, date_of, render_date
from tocsin.logic.matchers import Equals, Exists, InNetwork, Range, Wildcard, Words, matched_pattern
from tocsin.source_text import SourceText

NOON = date_of("2026-03-14T12:00:00Z")
assert NOON is not None

SCHEMA = Schema(
    {
        "k": "keyword",
        "t": "text",
        "n": "long",
        "d": "double",
        "b": "boolean",
        "ip": "ip",
        "at": "date",
        "hash.md5": "keyword",
        "hash.sha1": "keyword",
        "mixed.k": "keyword",
        "mixed.n": "long",
        "list.role": "keyword",
        "list.size": "long",
        "outer.list.size": "long",
    }
)


def lower(text: str, schema: Schema = SCHEMA) -> Expr:
    return compile_query(SourceText(text), schema, now=NOON).where


def holds(expr: Expr, event: dict[str, Any]) -> bool:
    match expr:
        case Always(value):
            return value
        case Not(term):
            return not holds(term, event)
        case And(terms):
            return all(holds(term, event) for term in terms)
        case Or(terms):
            return any(holds(term, event) for term in terms)
        case Nested(path, term):
            return any(holds(term, found) for found in objects_of(event, path))
        case Leaf():
            read = [coerce(expr.type, value) for value in values_of(event, expr.field)]
            return any(
                value is not None and matched_pattern(expr.matcher, expr.type, value) is not None
                for value in read
            )
        case Script():
            raise AssertionError


FITS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("*", {}),
    ("*:*", {"k": "v"}),
    ("k: v", {"k": ["u", "v"]}),
    ("not k: v", {}),
    ("k: *", {"k": ""}),
    ("k: C*e", {"k": "C\n:e"}),
    ("k: a?*", {"k": "a?b"}),
    ("k: 1", {"k": 1}),
    ("k: true", {"k": True}),
    ("k: (a and b)", {"k": ["a", "b"]}),
    ("k: (* and not a)", {"k": "b"}),
    ("k > a", {"k": "b"}),
    ("t: quick turtle", {"t": "The QUICK fox"}),
    ('t: "quick fox"', {"t": "the quick-fox ran"}),
    ("t: qui*", {"t": "the quick fox"}),
    ("t: nothing or* wat*", {"t": "fresh water"}),
    ("t: *", {"t": "-"}),
    ("n: 80", {"n": "80"}),
    ('n: "80.0"', {"n": 80}),
    ("n >= 80 and n < 443", {"n": 80}),
    ("d > 0.5", {"d": 0.75}),
    ("b: true", {"b": "true"}),
    ('b: "false"', {"b": False}),
    ("ip: 10.0.0.0/8", {"ip": "10.1.2.3"}),
    ('ip: ("10.0.0.0/8" or 192.168.0.0/16)', {"ip": "192.168.4.5"}),
    ("ip: fe80\\:\\:1", {"ip": "FE80:0::1"}),
    ("ip >= 10.0.0.9", {"ip": "10.0.0.10"}),
    ('at: "2026-03-14"', {"at": "2026-03-14T23:59:59.999Z"}),
    ('at > "2026-03-14"', {"at": "2026-03-15T00:00:00Z"}),
    ("at >= now-1d/d", {"at": "2026-03-13T00:00:00Z"}),
    ("at < now", {"at": "2026-03-14T11:59:59.999Z"}),
    ("at: *", {"at": 1}),
    ("hash: *", {"hash": {"md5": "abc"}}),
    ("list: { size: * }", {"list": [{"size": 1}]}),
    ("outer: { list: * }", {"outer": [{"list": {"size": 1}}]}),
    ("unknown: 1", {"unknown": 1}),
    ("unknown: 1", {"unknown": "1"}),
    ("unknown: true", {"unknown": True}),
    ("unknown > 9", {"unknown": 10}),
    ("unknown > 9", {"unknown": "91"}),
    ("hash.*: abc", {"hash": {"sha1": "abc"}}),
    ("*: abc", {"any": {"where": "abc"}}),
    ("abc", {"k": "abc"}),
    ("abc", {"message": "it is as easy as ABC"}),
    ('"as easy"', {"message": "it is as easy as ABC"}),
    ("ab*", {"any": "abc"}),
    ("list: { role: owner and size > 2 }", {"list": [{"role": "owner", "size": 3}]}),
]

FITS_NOT: list[tuple[str, dict[str, Any]]] = [
    ("k: v", {}),
    ("k: v", {"k": "V"}),
    ("k: *", {"k": None}),
    ("k: *", {"k": {"below": "x"}}),
    ("hash: *", {"hash": {}}),
    ("hash: *", {"hashes": {"md5": "abc"}}),
    ("unknown: *", {"unknown": [{"deep": 1}]}),
    ('k: "v*"', {"k": "vw"}),
    ("k: a?b", {"k": "axb"}),
    ("k: (a and b)", {"k": "a"}),
    ("k: (* and not a)", {"k": ["a", "b"]}),
    ('t: "quick fox"', {"t": "quick brown fox"}),
    ("t: qui*k", {"t": "qui ck"}),
    ("n: eighty", {"n": "eighty"}),
    ("n: 8*", {"n": 80}),
    ("n > eighty", {"n": 81}),
    ("n: true", {"n": 1}),
    ("b: yes", {"b": True}),
    ("b > false", {"b": True}),
    ("ip: 10.*", {"ip": "10.0.0.1"}),
    ("ip: 10.0.0.0/99", {"ip": "10.0.0.1"}),
    ('at: "2026-03-14"', {"at": "2026-03-15T00:00:00Z"}),
    ('at > "2026-03-14"', {"at": "2026-03-14T23:00:00Z"}),
    ("at: soon", {"at": "2026-03-14"}),
    ("at > now+1q", {"at": "2026-03-14"}),
    ("unknown: true", {"unknown": 1}),
    ("unknown > 9", {"unknown": "10"}),
    ("hash.*: abc", {"hash": {"sha1": "abcd"}}),
    ('"as easy"', {"message": "easy as"}),
    (
        "list: { role: owner and size > 2 }",
        {"list": [{"role": "owner", "size": 1}, {"role": "guest", "size": 3}]},
    ),
]


@pytest.mark.parametrize(("text", "event"), FITS)
def test_fits(text: str, event: dict[str, Any]) -> None:
    assert holds(lower(text), event)


@pytest.mark.parametrize(("text", "event"), FITS_NOT)
def test_fits_not(text: str, event: dict[str, Any]) -> None:
    assert not holds(lower(text), event)


def test_alternatives_for_a_field_are_one_leaf_a_matcher() -> None:
    assert lower('k: (a or "b" or c* or a or *d) or n: (1 or 2.0) or k: e') == Or(
        (
            Leaf("k", Equals(("a", "b", "e")), "keyword", operator=":"),
            Leaf("k", Wildcard(("c*", "*d")), "keyword", operator=":"),
            Leaf("n", Equals((1, 2.0)), "long", operator=":"),
        )
    )


def test_blocks_are_one_leaf() -> None:
    expr = lower("ip: (10.0.0.0/8 or 127.0.0.0/8)")
    assert expr == Leaf("ip", InNetwork(("10.0.0.0/8", "127.0.0.0/8")), "ip", operator=":")


def test_one_and_true_are_two_values() -> None:
    expr = lower("x: (1 or true)")
    assert isinstance(expr, Leaf)
    assert isinstance(expr.matcher, Equals)
    assert [repr(value) for value in expr.matcher.values] == ["'1'", "1", "'true'", "True"]


def test_ten_thousand_alternatives_are_one_leaf() -> None:
    expr = lower("k: (" + " or ".join(f"v{n}" for n in range(10_000)) + ")")
    assert isinstance(expr, Leaf)
    assert isinstance(expr.matcher, Equals)
    assert len(expr.matcher.values) == 10_000


def test_wildcards_are_globs_with_their_literals_escaped() -> None:
    assert lower(r"k: C\:\\a?\\*") == Leaf(
        "k", Wildcard(("C:\\\\a\\?\\\\*",)), "keyword", operator=":"
    )


def test_multi_fields_are_read_by_their_parent() -> None:
    assert lower("process.name.caseless: CMD.exe", ECS) == Leaf(
        "process.name",
        Equals(("CMD.exe",), fold_case=True),
        "keyword",
        operator=":",
        spelled="process.name.caseless",
    )
    assert lower('process.command_line.text: "a b"', ECS) == Leaf(
        "process.command_line",
        Words(("a", "b"), "phrase", "a b"),
        "text",
        operator=":",
        spelled="process.command_line.text",
    )


@pytest.mark.parametrize(
    ("field", "kind"),
    [("hash.*", "keyword"), ("mixed.*", "dynamic"), ("nowhere.*", "dynamic"), ("m*.n", "long")],
)
def test_a_field_with_a_wildcard_has_the_type_that_all_its_fields_have(
    field: str, kind: str
) -> None:
    expr = lower(f"{field}: *")
    assert expr == Leaf(field, Exists(), kind, operator=":")  # type: ignore[arg-type]


def test_fields_in_a_nested_object_have_their_types() -> None:
    expr = lower("list: { size: 3 }")
    assert expr == Nested("list", Leaf("size", Equals((3,)), "long", operator=":"))


def test_a_comparison_shows_its_operator() -> None:
    expr = lower("n <= 3")
    assert isinstance(expr, Leaf)
    assert expr.operator == "<="


DATES = {
    'at: "2026-03-14"': "2026-03-14T00:00:00.000Z 2026-03-14T23:59:59.999999999Z",
    'at: "2026-03"': "2026-03-01T00:00:00.000Z 2026-03-01T23:59:59.999999999Z",
    'at: "2026-03-14T12:30"': "2026-03-14T12:30:00.000Z 2026-03-14T12:30:59.999999999Z",
    'at: "2026-03-14T12:30:15.25+02:00"': (
        "2026-03-14T10:30:15.250Z 2026-03-14T10:30:15.250999999Z"
    ),
    "at: now/M": "2026-03-01T00:00:00.000Z 2026-03-31T23:59:59.999999999Z",
    "at: now-1M/y": "2026-01-01T00:00:00.000Z 2026-12-31T23:59:59.999999999Z",
    "at: now/w": "2026-03-09T00:00:00.000Z 2026-03-15T23:59:59.999999999Z",
    "at: now-90m/h": "2026-03-14T10:00:00.000Z 2026-03-14T10:59:59.999999999Z",
    'at: "2024-02-29||+1y"': "2025-02-28T00:00:00.000Z 2025-02-28T23:59:59.999999999Z",
    "at: 1500": "1500-01-01T00:00:00.000Z 1500-01-01T23:59:59.999999999Z",
    "at: 86400000": "1970-01-02T00:00:00.000Z 1970-01-02T00:00:00.000999999Z",
}


@pytest.mark.parametrize("text", DATES)
def test_a_date_covers_what_is_written(text: str) -> None:
    expr = lower(text)
    assert isinstance(expr, Leaf)
    assert isinstance(expr.matcher, Range)
    low, high = expr.matcher.low, expr.matcher.high
    assert isinstance(low, int)
    assert isinstance(high, int)
    assert f"{render_date(low)} {render_date(high)}" == DATES[text]


def test_without_a_clock_now_is_now() -> None:
    expr = compile_query(SourceText("@timestamp < now+1h and @timestamp > now-1h")).where
    assert holds(expr, {"@timestamp": dt.datetime.now(dt.UTC).isoformat()})


def test_null_is_no_value() -> None:
    with pytest.raises(QuerySemanticError, match="null is no value"):
        lower("k: null")


def test_a_nested_object_has_one_name() -> None:
    with pytest.raises(QuerySemanticError, match="without a wildcard"):
        lower("li*: { role: owner }")
