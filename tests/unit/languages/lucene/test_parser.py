r"""Lucene's grammar: what is read as what, and what Elasticsearch refuses."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Golden

from tocsin.errors import QueryError, UnsupportedFeature
from tocsin.languages.lucene import compile_query, parse
from tocsin.languages.lucene.syntax import (
    Bound,
    Clause,
    Clauses,
    Everything,
    Exists,
    Expression,
    Interval,
    Match,
    Name,
    Node,
    Pattern,
    Text,
    Value,
    unplaced,
)
from tocsin.source_text import SourceText


def read(text: str) -> Node:
    return unplaced(parse(SourceText(text)))


def f(value: Value | str, field: str | None = "f") -> Match:
    return Match(Name(field) if field else None, Text(value) if isinstance(value, str) else value)


def bare(value: str) -> Match:
    return f(value, None)


def may(*nodes: Node) -> Clauses:
    return Clauses(tuple(Clause("should", node) for node in nodes))


def must(*nodes: Node) -> Clauses:
    return Clauses(tuple(Clause("must", node) for node in nodes))


def counted(text: str) -> list[str]:
    """How the clauses of a query count: "+f:a" as "+a", and so on."""
    node = read(text)
    assert isinstance(node, Clauses)
    signs = {"must": "+", "should": "", "must_not": "-"}
    found = []
    for clause in node.clauses:
        assert isinstance(clause.node, Match)
        assert isinstance(clause.node.value, Text)
        found.append(signs[clause.occur] + clause.node.value.value)
    return found


VALUES: dict[str, Node] = {
    "": Everything(),
    " \n\t": Everything(),
    "*": Everything(),
    "*:*": Everything(),
    "bell": bare("bell"),
    "*:bell": bare("bell"),
    "f:bell": f("bell"),
    "f : bell": f("bell"),
    "f:@now": f("@now"),
    "@timestamp:2026": f("2026", "@timestamp"),
    "f:and": f("and"),
    "f:&": f("&"),
    "f:a&&b": f("a&&b"),
    "f:a-b+c": f("a-b+c"),
    'f:"AND"': f(Text("AND", quoted=True)),
    'f:"a \\"b\\" c"': f(Text('a "b" c', quoted=True)),
    'f:"a*"': f(Text("a*", quoted=True)),
    "f:*": Exists(Name("f")),
    "_exists_:f": Exists(Name("f")),
    '_exists_:"f"': Exists(Name("f")),
    "_exists_:g.*": Exists(Name("g.*")),
    "f:a*": f(Pattern("a*")),
    "f:?ell": f(Pattern("?ell")),
    "f:a\\*": f("a*"),
    "f:a\\**": f(Pattern("a\\**")),
    "f:C\\:\\\\*": f(Pattern("C:\\\\*")),
    "f:\\(a\\ b\\)": f("(a b)"),
    "f:\\u0042ell": f("Bell"),
    "f:\\-1": f("-1"),
    "g.\\*.h:x": f("x", "g.*.h"),
    "my\\ field:x": f("x", "my field"),
    "f:/a.c/": f(Expression("a.c")),
    "f:/a\\/c/": f(Expression("a\\/c")),
    "f:a^2": f("a"),
    'f:"a"^0.5': f(Text("a", quoted=True)),
    "f:(a)^3": f("a"),
    "f:[1 TO 5]": f(Interval(Bound("1", included=True), Bound("5", included=True))),
    "f:{1 TO 5}": f(Interval(Bound("1", included=False), Bound("5", included=False))),
    "f:[1 TO 5}": f(Interval(Bound("1", included=True), Bound("5", included=False))),
    "f:{* TO 5]": f(Interval(None, Bound("5", included=True))),
    'f:["a b" TO *]': f(Interval(Bound("a b", included=True), None)),
    "f:[10:30 TO now-1d/d]": f(
        Interval(Bound("10:30", included=True), Bound("now-1d/d", included=True))
    ),
    "f:>5": f(Interval(Bound("5", included=False), None)),
    "f:>=5": f(Interval(Bound("5", included=True), None)),
    "f:<5": f(Interval(None, Bound("5", included=False))),
    "f:\\<=5": f(Interval(None, Bound("5", included=True))),
    "f:(>=1 AND <5)": must(
        f(Interval(Bound("1", included=True), None)), f(Interval(None, Bound("5", included=False)))
    ),
}


@pytest.mark.parametrize("text", VALUES)
def test_reads(text: str) -> None:
    assert read(text) == VALUES[text]


CLAUSES = {
    "f:a f:b": ["a", "b"],
    "f:a OR f:b": ["a", "b"],
    "f:a || f:b": ["a", "b"],
    "f:a AND f:b": ["+a", "+b"],
    "f:a && f:b": ["+a", "+b"],
    "f:a OR f:b AND f:c": ["a", "+b", "+c"],
    "f:a AND f:b OR f:c": ["+a", "+b", "c"],
    "+f:a f:b": ["+a", "b"],
    "f:a -f:b": ["a", "-b"],
    "f:a !f:b": ["a", "-b"],
    "f:a NOT f:b": ["a", "-b"],
    "f:a AND NOT f:b": ["+a", "-b"],
    "NOT f:a AND f:b": ["-a", "+b"],
    "NOT f:a": ["-a"],
    "f:(+a -b)": ["+a", "-b"],
}


@pytest.mark.parametrize("text", CLAUSES)
def test_operators_say_how_the_clauses_beside_them_count(text: str) -> None:
    assert counted(text) == CLAUSES[text]


RUNS = {
    "big red dog": ["big red dog"],
    "f:big red": ["big", "red"],
    "f:big red dog": ["big", "red dog"],
    "f:(big red dog)": ["big red dog"],
    "big red OR dog cat": ["big", "red", "dog", "cat"],
    "big red dog OR cat": ["big red", "dog", "cat"],
    "-big red dog": ["-big", "red dog"],
    "big dog^2": ["big", "dog"],
    "big f:dog": ["big", "dog"],
}


@pytest.mark.parametrize("text", RUNS)
def test_words_in_a_row_are_one_text_where_no_operator_is_near(text: str) -> None:
    node = read(text)
    found = [clause.node for clause in node.clauses] if isinstance(node, Clauses) else [node]
    negated = isinstance(node, Clauses) and node.clauses[0].occur == "must_not"
    values = [
        one.value.value for one in found if isinstance(one, Match) if isinstance(one.value, Text)
    ]
    assert ["-" * negated + values[0], *values[1:]] == RUNS[text]


def test_a_group_has_the_field_in_front_of_it_but_for_those_with_their_own() -> None:
    assert read("f:(a OR (b OR g:c))") == may(f("a"), may(f("b"), f("c", "g")))


REFUSED = [
    "f:(a OR b",
    "f:a)",
    "f:()",
    'f:"never ends',
    "f:a AND",
    "AND f:a",
    "f:a OR AND f:b",
    "f:(a OR )",
    "NOT",
    "NOT NOT f:a",
    "f:NOT a",
    "f:-1",
    "f:",
    "f: OR g:a",
    ":a",
    "f:a:b",
    "f::a",
    "g.*:a",
    "f:[1 2]",
    "f:1 TO 5]",
    "[1 TO 5]",
    "f:>",
    'f:>"5"',
    "f:a\\",
    'f:"C:\\users"',
    "f:\\ud83d",
    "f:a^b",
    "^2",
    "(f:a)~",
    "source.ip:10.0.0.0/8",
    "destination.port:(80 443)",
    "destination.port:eighty",
    "destination.port:[80 TO high]",
    "source.ip:10.*",
    "process.pid:/8+/",
    "network.direction:/(/",
    "_exists_:[1 TO 2]",
    "process.Ext.relative_file_creation_time:\nAND x",
]


def test_what_elasticsearch_refuses_is_explained(golden: Golden) -> None:
    told = []
    for text in REFUSED:
        with pytest.raises(QueryError) as caught:
            compile_query(SourceText(text, name="rule.toml", first_line=7), now=0)
        assert not isinstance(caught.value, UnsupportedFeature)
        told.append(str(caught.value))
    golden("errors/lucene.txt", "\n\n".join(told))


UNSUPPORTED = [
    "f:bell~",
    "f:bell~2",
    'f:"big bell"~3',
    "- a",
    "a ! b",
    "file.path:/etc/passwd",
    "file.path:etc/passwd/",
    "message:/bel+/",
    "process.name:/a&b/",
    "process.name:/(a{900}){900}/",
]


def test_what_is_legal_and_not_run_is_told_apart(golden: Golden) -> None:
    told = []
    for text in UNSUPPORTED:
        with pytest.raises(UnsupportedFeature) as caught:
            compile_query(SourceText(text, name="rule.toml", first_line=7), now=0)
        told.append(str(caught.value))
    golden("errors/lucene_unsupported.txt", "\n\n".join(told))


@pytest.mark.parametrize("depth", [10, 199, 200, 201, 5_000])
@pytest.mark.parametrize("shape", ["({})", "(a OR {})", "f:(-a {})", "NOT ({})"])
def test_depth_is_refused_before_it_hurts(shape: str, depth: int) -> None:
    before, after = shape.split("{}")
    text = before * depth + "b" + after * depth
    refused = ""
    try:
        compile_query(SourceText(text))
    except QueryError as error:
        refused = error.message
    assert bool(refused) is (depth > 200)


HOSTILE = [
    "[" * 300_000,
    "f:[1 " * 100_000,
    "[a " + " " * 400_000,
    '"' * 99_999,
    "/" * 99_999,
    "a " * 100_000,
    "a OR " * 40_000 + "b",
    "\\" * 99_999,
    "a\\" * 200_000,
    "~" * 99_999,
    "!" * 99_999,
    "a:" * 100_000,
    "f:" + "*a" * 100_000,
    "f:/" + "(a" * 100_000 + "/",
    "x" * 1_000_001,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:6])
def test_hostile_texts_take_linear_time(text: str) -> None:
    begun = time.monotonic()
    with suppress(QueryError):
        compile_query(SourceText(text), now=0)
    assert time.monotonic() - begun < 20


PIECES = st.sampled_from(
    ["f", ":", "(", ")", '"', "/", "[", "]", "{", "}", " TO ", "*", "?", "\\", "~", "^", "2",
     " ", "AND", "OR", "NOT", "&&", "||", "!", "+", "-", ">", "<", "=", "a", "é", "\u3000", "\\u00"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    refused: QueryError | None = None
    try:
        compile_query(SourceText(text), now=0)
    except QueryError as error:
        refused = error
    assert refused is None or refused.span is not None
