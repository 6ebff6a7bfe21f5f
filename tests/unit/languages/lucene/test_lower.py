"""Lucene's meaning: which leaves come out, and which events they fit."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.errors import QuerySemanticError
from tocsin.events.fields import values_of
from tocsin.events.schema import Schema
from tocsin.languages import kql, lucene
from tocsin.logic.expr import Always, And, Expr, Leaf, Not, Or
from tocsin.logic.field_types import coerce, date_of
from tocsin.logic.matchers import Equals, Range, Regex, Wildcard, matched_pattern
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
        "v": "version",
        "hash.md5": "keyword",
        "hash.sha1": "keyword",
    }
)


def lower(text: str) -> Expr:
    return lucene.compile_query(SourceText(text), SCHEMA, now=NOON).where


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
        case Leaf():
            read = [coerce(expr.type, value) for value in values_of(event, expr.field)]
            return any(
                value is not None and matched_pattern(expr.matcher, expr.type, value) is not None
                for value in read
            )
        case _:
            raise AssertionError


FITS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("*:*", {}),
    ("k:v", {"k": ["u", "v"]}),
    ("k:(big dog)", {"k": "big dog"}),
    ("k:(big OR dog)", {"k": "dog"}),
    ("k:b?ll", {"k": "bell"}),
    ("k:b*l", {"k": "b\nl"}),
    ("k:C\\:\\\\Win*", {"k": "C:\\Windows"}),
    ("k:/be.{2}/", {"k": "bell"}),
    ("k:/\\/etc\\/[a-z]+/", {"k": "/etc/passwd"}),
    ("k:[a TO c]", {"k": "b"}),
    ("k:*", {"k": ""}),
    ("_exists_:k", {"k": "v"}),
    ("_exists_:hash", {"hash": {"md5": "abc"}}),
    ("hash.\\*:abc", {"hash": {"sha1": "abc"}}),
    ("NOT _exists_:k", {}),
    ("k:a AND (NOT k:b)", {"k": "a"}),
    ("k:a OR n:1 AND b:true", {"n": 1, "b": True}),
    ("+n:1 k:other", {"n": 1}),
    ("t:quick turtle", {"t": "The QUICK fox"}),
    ("t:(quick turtle)", {"t": "a turtle"}),
    ('t:"quick fox"', {"t": "the Quick-fox ran"}),
    ("t:QUI*", {"t": "the quick fox"}),
    ("t:qu?ck", {"t": "the quick fox"}),
    ("n:80", {"n": "80"}),
    ("n:[80 TO 443}", {"n": 442}),
    ("n:{80 TO *]", {"n": 81}),
    ("n:>=80", {"n": 80}),
    ("n:(>80 AND <=443)", {"n": 443}),
    ("n:[* TO *]", {"n": 0}),
    ("d:<0.5", {"d": 0.25}),
    ("b:true", {"b": "true"}),
    ('ip:"10.0.0.0/8"', {"ip": "10.1.2.3"}),
    ("ip:10.0.0.0\\/8", {"ip": "10.1.2.3"}),
    ("ip:[10.0.0.0 TO 10.0.0.9]", {"ip": "10.0.0.7"}),
    ('ip:"fe80::1"', {"ip": "FE80:0::1"}),
    ("v:>1.9.0", {"v": "1.10.0"}),
    ("at:2026-03-14", {"at": "2026-03-14T23:59:59.999Z"}),
    ("at:[2026-03-14 TO 2026-03-15]", {"at": "2026-03-15T23:59:59Z"}),
    ("at:{2026-03-14 TO 2026-03-16}", {"at": "2026-03-15T00:00:00Z"}),
    ("at:[now-1d/d TO now]", {"at": "2026-03-13T00:00:00Z"}),
    ("at:>now-1h", {"at": "2026-03-14T11:30:00Z"}),
    ("bell", {"any": "bell"}),
    ("bell", {"any": "Ring the BELL"}),
    ('"the bell"', {"any": "Ring the BELL"}),
    ("b*l", {"any": "bell"}),
    ("unknown:1", {"unknown": 1}),
    ("unknown:1", {"unknown": "1"}),
    ("unknown:[5 TO 20]", {"unknown": 10}),
    ("unknown:[a TO c]", {"unknown": "b"}),
]


@pytest.mark.parametrize(("text", "event"), FITS)
def test_fits(text: str, event: dict[str, Any]) -> None:
    assert holds(lower(text), event)


FAILS: list[tuple[str, dict[str, Any]]] = [
    ("k:v", {"k": "V"}),
    ("k:v", {}),
    ("k:(big dog)", {"k": "big"}),
    ("k:b?l", {"k": "bell"}),
    ('k:"b*"', {"k": "bell"}),
    ("k:/ell/", {"k": "bell"}),
    ("k:/BELL/", {"k": "bell"}),
    ("k:{a TO c}", {"k": ["a", "c"]}),
    ("k:a OR n:1 AND b:true", {"k": "a"}),
    ("+n:1 k:a", {"k": "a"}),
    ("k:a -n:1", {"k": "a", "n": 1}),
    ("-k:a -n:1", {"n": 1}),
    ('t:"fox quick"', {"t": "the quick fox"}),
    ("n:[80 TO 443}", {"n": 443}),
    ("n:[1 TO 5]", {"n": [0, 6]}),
    ("at:{2026-03-14 TO *]", {"at": "2026-03-14T23:59:59Z"}),
    ("at:[* TO 2026-03-14}", {"at": "2026-03-14T00:00:00Z"}),
    ("unknown:[5 TO 20]", {"unknown": "bell"}),
    ("b*l", {"any": "book"}),
]


@pytest.mark.parametrize(("text", "event"), FAILS)
def test_does_not_fit(text: str, event: dict[str, Any]) -> None:
    assert not holds(lower(text), event)


def test_alternatives_for_one_field_are_one_leaf() -> None:
    assert lower("k:(a OR b) OR k:c") == Leaf("k", Equals(("a", "b", "c")), "keyword", operator=":")


def test_a_range_with_two_ends_is_one_leaf() -> None:
    matcher = Range(1, 5, high_included=False)
    assert lower("n:[1 TO 5}") == Leaf("n", matcher, "long", operator=":")
    assert lower("n:>=1") == Leaf("n", Range(low=1), "long", operator=">=")


def test_a_regular_expression_keeps_its_spelling() -> None:
    leaf = lower("k:/a@/")
    assert isinstance(leaf, Leaf)
    assert leaf.matcher == Regex(("a(?s:.*)",), texts=("a@",))


def test_a_question_mark_in_quotes_is_no_wildcard() -> None:
    assert lower('k:"a?"') == Leaf("k", Equals(("a?",)), "keyword", operator=":")
    assert lower("k:a?") == Leaf("k", Wildcard(("a?",)), "keyword", operator=":")


@pytest.mark.parametrize(
    "text", ["n:abc", "b:maybe", "ip:host", "at:soon", "n:[a TO 5]", "b:[true TO false]", "at:20*"]
)
def test_a_value_that_the_type_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(QuerySemanticError):
        lower(text)


SAME = [
    ("k: v", "k:v"),
    ("k: (a or b)", "k:(a OR b)"),
    ("k: a and not n: 1", "k:a AND NOT n:1"),
    ("hash: *", "_exists_:hash"),
    ("at >= now-1d", "at:>=now-1d"),
    ("ip: 10.0.0.0/8", 'ip:"10.0.0.0/8"'),
    ('t: "quick fox"', 't:"quick fox"'),
    ("bell", "bell"),
    ("unknown > 9", "unknown:>9"),
]


@pytest.mark.parametrize(("as_kql", "as_lucene"), SAME)
def test_what_both_languages_can_say_is_the_same_logic(as_kql: str, as_lucene: str) -> None:
    assert lower(as_lucene) == kql.compile_query(SourceText(as_kql), SCHEMA, now=NOON).where
