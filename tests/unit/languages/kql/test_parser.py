"""KQL's grammar: what is read as what, and what Kibana refuses."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import QueryError, QuerySyntaxError
from tocsin.languages.kql import compile_query, parse
from tocsin.languages.kql.format import format_query, to_kibana_ast
from tocsin.languages.kql.syntax import (
    EVERYTHING,
    And,
    Compare,
    Constant,
    Match,
    Nested,
    Node,
    Not,
    Or,
    Pattern,
    Text,
    unplaced,
)
from tocsin.source_text import SourceText


def read(text: str) -> Node:
    return unplaced(parse(SourceText(text)))


def f(value: str, *, quoted: bool = False, field: str = "f") -> Match:
    return Match(Text(field), Text(value, quoted))


LEGAL = {
    "  \n": EVERYTHING,
    "f: v": f("v"),
    "f:v": f("v"),
    '"f" : "v"': Match(Text("f", quoted=True), Text("v", quoted=True)),
    "v": Match(None, Text("v")),
    "f: true": Match(Text("f"), Constant(value=True)),
    "f: null": Match(Text("f"), Constant(None)),
    'f: "true"': f("true", quoted=True),
    "f: trueish": f("trueish"),
    "f: *": Match(Text("f"), Pattern(("", ""))),
    "f: a*b*": Match(Text("f"), Pattern(("a", "b", ""))),
    'f: "a*b"': f("a*b", quoted=True),
    "f: a\\*b": f("a*b"),
    "f: a?b": f("a?b"),
    "g.*.h: v": Match(Pattern(("g.", ".h")), Text("v")),
    "f < 3": Compare(Text("f"), "<", Text("3")),
    'f>="3"': Compare(Text("f"), ">=", Text("3", quoted=True)),
    "f: (a or b)": Or((f("a"), f("b"))),
    "f: (a and not (b or c))": And((f("a"), Not(Or((f("b"), f("c")))))),
    "f: a or f: b and f: c": Or((f("a"), And((f("b"), f("c"))))),
    "not f: a and f: b": And((Not(f("a")), f("b"))),
    "NOT f: a AND f: b Or f: c": Or((And((Not(f("a")), f("b"))), f("c"))),
    "not (not f: a)": Not(Not(f("a"))),
    "p: { f: a and q: { f: b } }": Nested(Text("p"), And((f("a"), Nested(Text("q"), f("b"))))),
}


@pytest.mark.parametrize("text", LEGAL)
def test_reads(text: str) -> None:
    assert read(text) == LEGAL[text]


RUNS_ON = {
    "f: big red dog": "big red dog",
    "f: one\n   two": "one\n   two",
    "f: or": "or",
    "f: or else": "or else",
    "f: this and": "this and",  # there is no blank behind it
    "f: notable": "notable",
    "f: band": "band",
    "f: /etc/*": "/etc/",
    "f: it's": "it's",
    "f: a\u00a0b": "a\u00a0b",
    "f:  \u2003trimmed\u2003 ": "trimmed",
}


@pytest.mark.parametrize("text", RUNS_ON)
def test_an_unquoted_value_runs_over_blanks_and_stops_at_keywords(text: str) -> None:
    found = read(text)
    assert isinstance(found, Match)
    value = found.value
    assert (value.parts[0] if isinstance(value, Pattern) else value.value) == RUNS_ON[text]


def test_a_forgotten_or_fuses_two_values() -> None:
    assert read("f: (*.pem\n */.aws or x)") == Or(
        (Match(Text("f"), Pattern(("", ".pem\n ", "/.aws"))), f("x"))
    )


ESCAPES = {
    r"f: a\:b": "a:b",
    r"f: \(\)\{\}\<\>\"\\": '(){}<>"\\',
    r"f: a\tb\r\nc": "a\tb\r\nc",
    r"f: a\u0042c": "aBc",
    r"f: \ud83d\udd14": "\U0001f514",
    r"f: this \or that": "this or that",
    r"f: this \and that": "this and that",
    r"f: \not this": "not this",
    r'f: "C:\\Windows\System32"': "C:\\Windows\\System32",
    r'f: "say \"hi\"\n"': 'say "hi"\n',
}


@pytest.mark.parametrize("text", ESCAPES)
def test_escapes(text: str) -> None:
    found = read(text)
    assert isinstance(found, Match)
    assert isinstance(found.value, Text)
    assert found.value.value == ESCAPES[text]


def test_spans_point_at_the_words() -> None:
    source = SourceText('process.name : "a b" and  g :  open sesame  ')
    found = parse(source)
    assert isinstance(found, And)
    words = [
        part.span.text
        for term in found.terms
        if isinstance(term, Match)
        for part in (term.field, term.value)
        if part is not None and part.span is not None
    ]
    assert words == ["process.name", '"a b"', "g", "open sesame"]


REFUSED = [
    "f: (a or b",
    "p: { f: a",
    "f: a)",
    "f: a }",
    'f: "never ends',
    '"a"and "b"',
    '"a" or"b"',
    "f: (a) and",
    "f: a and ",
    "f: (a or )",
    "f: not x",
    "not not x",
    "f: cannot go",
    "f: a not g: b",
    "f: a: b",
    "f: a<b",
    'f: "a" "b"',
    "f: (a) (b)",
    "f:",
    ": a",
    "f: ()",
    "not(f: a)",
    "f: (a or(b))",
    'f: a and"b"',
    "f < (a or b)",
    "f: C:\\Windows",
    "f: it\\'s",
    "f: a\\",
    "f: \\ud83d",
    "{ f: a }",
    "f: (a: b)",
    "f: a\n  and g: (b or\n  c d: e)",
]


def test_what_kibana_refuses_is_explained(golden) -> None:
    told = []
    for text in REFUSED:
        with pytest.raises(QuerySyntaxError) as caught:
            parse(SourceText(text, name="rule.toml", first_line=7))
        told.append(str(caught.value))
    golden("errors/kql.txt", "\n\n".join(told))


def test_parentheses_may_nest_as_deep_as_the_limit() -> None:
    source = SourceText("(" * 150 + "f: (a or not (b and c))" + ")" * 150)
    assert read(source.text) == Or((f("a"), Not(And((f("b"), f("c"))))))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "f:" + "(" * 100_000,
        "p:{" * 50_000,
        "not (" * 50_000,
        "f: (" + "not (" * 50_000,
    ],
)
def test_deeper_nesting_is_refused(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match="nested deeper"):
        parse(SourceText(text))


@pytest.mark.parametrize(
    ("level", "size"), [("f: a or not (g: b and not (", 49), ("p: { f: a or not (", 65)]
)
def test_the_deepest_query_is_lowered_and_written(level: str, size: int) -> None:
    closing = {"(": ")", "{": "}"}
    text = level * size + "f: a" + "".join(closing[c] for c in level if c in closing)[::-1] * size
    node = parse(SourceText(text))
    assert parse(SourceText(format_query(node))) is not None
    assert to_kibana_ast(node)
    assert compile_query(SourceText(text))


@pytest.mark.parametrize(
    "text",
    [
        "f: (" + " or ".join(f"a{n}" for n in range(10_000)) + ")",
        "f:" + "a " * 200_000,
        "f:" + " " * 400_000 + "a",
        "f: a" + " " * 400_000,
        "f:" + "*" * 400_000,
        'f:"' + "\\" * 400_000 + '"',
        "f:" + "no" * 200_000,
        "f:" + "\\u0041" * 60_000,
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.perf_counter()
    compile_query(SourceText(text))
    assert time.perf_counter() - start < 5


def test_a_query_may_not_be_endless() -> None:
    with pytest.raises(QuerySyntaxError, match="longer than"):
        parse(SourceText("a" * 1_000_001))


words = st.text(
    st.one_of(st.sampled_from('ab \\():<>"*{}\tnot\r\n\u00a0'), st.characters(codec="utf-8")),
    max_size=12,
)
pieces = st.sampled_from(
    ["f", ":", " ", "(", ")", "{", "}", '"', "*", "or", "and", "not", "\\", "<", ">=", "a b",
     " or ", " and ", "not ", "\n", "\\u00", "true", "f: a", "p:{"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(pieces, max_size=25).map("".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        node = parse(SourceText(text))
    except QueryError:
        return
    assert unplaced(parse(SourceText(format_query(node)))) == unplaced(node)
    assert to_kibana_ast(node)


_TRIMMED = " \t\r\n\v\f\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def _trimmed_parts(parts: list[str]) -> Pattern:
    first, *middle, last = parts
    return Pattern((first.lstrip(_TRIMMED), *middle, last.rstrip(_TRIMMED)))


texts = st.one_of(
    words.map(lambda text: text.strip(_TRIMMED))
    .filter(lambda text: text not in {"true", "false", "null"})
    .map(Text),
    words.map(lambda text: Text(text, quoted=True)),
)
patterns = st.lists(words, min_size=2, max_size=4).map(_trimmed_parts)
names = st.one_of(texts, patterns)
leaves = st.one_of(
    st.builds(
        Match,
        st.one_of(st.none(), names),
        st.one_of(names, st.sampled_from([True, False, None]).map(Constant)),
    ),
    st.builds(Compare, names, st.sampled_from(["<", "<=", ">", ">="]), names),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=4).map(lambda terms: And(tuple(terms))),
        st.lists(inner, min_size=2, max_size=4).map(lambda terms: Or(tuple(terms))),
        st.builds(Nested, names, inner),
    ),
    max_leaves=8,
)


@given(trees)
def test_what_is_written_reads_as_it_was(tree: Node) -> None:
    assert read(format_query(tree)) == tree


def test_the_tree_in_kibanas_form() -> None:
    node = parse(SourceText('not f: (a* or "b") and p: { n >= 4 } and word'))
    assert to_kibana_ast(node) == {
        "fn": "and",
        "args": [
            {
                "fn": "not",
                "arg": {
                    "fn": "or",
                    "args": [
                        {"fn": "is", "field": "f", "value": {"wildcard": "a*"}},
                        {"fn": "is", "field": "f", "value": "b", "quoted": True},
                    ],
                },
            },
            {
                "fn": "nested",
                "path": "p",
                "arg": {"fn": "range", "field": "n", "op": "gte", "value": "4"},
            },
            {"fn": "is", "field": None, "value": "word"},
        ],
    }
