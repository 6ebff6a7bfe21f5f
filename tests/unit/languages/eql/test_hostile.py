"""Queries that nobody writes: they are compiled in good time, or refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from tocsin.errors import QueryError, QuerySemanticError
from tocsin.languages.eql import compile_query, format_query, parse
from tocsin.logic.expr import Leaf, Or
from tocsin.logic.matchers import Equals
from tocsin.logic.query import Filter
from tocsin.source_text import SourceText


def compiled(text: str) -> Filter:
    found = compile_query(SourceText(text))
    assert isinstance(found, Filter)
    return found


DEEP: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "(" * n + "true" + ")" * n,
    "calls": lambda n: "length(" * n + "a" + ")" * n + " == 1",
    "not": lambda n: "not " * n + "true",
    "not in brackets": lambda n: "not (" * n + "a == 1" + ")" * n,
    "signs": lambda n: "-" * n + "1 == 1",
    "sums": lambda n: "a" + " + 1" * n + " == 1",
    "sums of sums": lambda n: "(1 + " * n + "a" + ")" * n + " == 1",
    "lists": lambda n: "a in (" * n + "1" + ")" * n,
    "subjects": lambda n: "(" * n + "a" + " in (1))" * n,
    "tests": lambda n: "(" * n + "a == 1" + ") == true" * n,
    "turns": lambda n: "(a == 1 and (b == 1 or " * n + "c == 1" + "))" * n,
    "conditions in calls": lambda n: "string(a == 1 and " * n + "b" + ")" * n + ' == "true"',
}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("depth", [10, 60, 95, 199, 200, 250, 5_000, 50_000])
def test_depth_is_refused_before_it_hurts(kind: str, depth: int) -> None:
    text = "any where " + DEEP[kind](depth)
    refused = ""
    try:
        compiled(text)
        format_query(parse(SourceText(text)))
    except QueryError as error:
        refused = error.message
    assert depth > 60 or "nested" not in refused


def test_ten_thousand_alternatives_are_one_node() -> None:
    query = compiled("any where " + " or ".join(f'a == "{i}"' for i in range(10_000)))
    assert isinstance(query.where, Or)
    assert len(query.where.terms) == 10_000


def test_a_long_list_is_one_leaf() -> None:
    query = compiled("any where a in (" + ", ".join(map(str, range(50_000))) + ")")
    assert isinstance(query.where, Leaf)
    assert isinstance(query.where.matcher, Equals)
    assert len(query.where.matcher.values) == 50_000


LONG = {
    "or": lambda n: "any where " + "a or " * n + "a",
    "and not": lambda n: "any where " + "not a and " * n + "a",
    "strings": lambda n: 'any where a == "' + "x" * n * 5 + '"',
    "escapes": lambda n: 'any where a == "' + "\\\\" * n + '"',
    "unclosed strings": lambda n: "any where a == " + '"""x' * n,
    "comments": lambda n: "any " + "/* /* */ " * n + "where true",
    "deep comments": lambda n: "/*" * n + "*/" * n + " any where true",
    "stars": lambda n: 'any where a : "' + "*a?" * n + '"',
    "segments": lambda n: "any where a" + ".a" * n,
    "regex": lambda n: 'any where a regex "' + "a?" * n + '"',
    "regex braces": lambda n: 'any where a regex "a' + "{1}" * n + '"',
    "regex groups": lambda n: 'any where a regex "' + "(" * n + "a" + ")" * n + '"',
    "digits": lambda n: "any where a == " + "9" * n * 5,
    "pipes": lambda n: "any where true" + " | head 1" * n,
    "terms": lambda n: "sequence " + "[any where true]" * n,
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", LONG)
def test_long_queries_are_compiled_or_refused(kind: str) -> None:
    with suppress(QueryError):
        compile_query(SourceText(LONG[kind](40_000)))


def test_a_regex_that_re2_would_take_long_for_is_refused_with_its_limit() -> None:
    with pytest.raises(QuerySemanticError, match="longer than 10,000 characters"):
        compiled('any where a regex "' + "a?" * 5_001 + '"')


def test_a_query_of_more_than_a_million_characters_is_refused() -> None:
    with pytest.raises(QueryError, match="longer than"):
        compiled("any where true " + " " * 1_000_000)
