"""Datadog's log search: what a text says, and what is said of one that makes no sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import QueryError, QuerySemanticError, QuerySyntaxError, UnsupportedFeature
from tocsin.languages.datadog_query import compile_query, format_query, parse
from tocsin.languages.datadog_query.syntax import (
    And,
    Bound,
    Everything,
    Exists,
    Interval,
    Match,
    Name,
    Network,
    Node,
    Not,
    Or,
    Pattern,
    Text,
    unplaced,
)
from tocsin.source_text import SourceText


def said(text: str) -> Node:
    return unplaced(parse(SourceText(text)))


def term(text: str) -> Match:
    return Match(None, Text(text))


@pytest.mark.parametrize(
    "text, node",
    [
        ("bell", term("bell")),
        ('"great bell"', Match(None, Text("great bell", quoted=True))),
        ("great bell", And((term("great"), term("bell")))),
        ("great AND bell", And((term("great"), term("bell")))),
        ("great && bell", And((term("great"), term("bell")))),
        ("a OR b c", Or((term("a"), And((term("b"), term("c")))))),
        ("a || b", Or((term("a"), term("b")))),
        ("(a OR b) c", And((Or((term("a"), term("b"))), term("c")))),
        ("-a", Not(term("a"))),
        ("NOT a", Not(term("a"))),
        ("NOT(a b)", Not(And((term("a"), term("b"))))),
        ("+a - b", And((term("a"), Not(term("b"))))),
        ("or and not", And((term("or"), term("and"), term("not")))),
        ("service:web-app", Match(Name("service"), Text("web-app"))),
        ("@usr.name: jane", Match(Name("@usr.name"), Text("jane"))),
        ("@x:a=b+c", Match(Name("@x"), Text("a=b+c"))),
        ("@x:a@b.example", Match(Name("@x"), Text("a@b.example"))),
        (r"@x:a\:b\ c\-d", Match(Name("@x"), Text("a:b c-d"))),
        (r'@x:"a\"b: *"', Match(Name("@x"), Text('a"b: *', quoted=True))),
        (r"@a\:b:c", Match(Name("@a:b"), Text("c"))),
        ("@x:*", Exists(Name("@x"))),
        ("-@x:*", Not(Exists(Name("@x")))),
        ("_exists_:@x", Exists(Name("@x"))),
        ('_exists_:"@x"', Exists(Name("@x"))),
        ("_missing_:service", Not(Exists(Name("service")))),
        ("@x:/api/*", Match(Name("@x"), Pattern("/api/*"))),
        (r"@x:\*a?", Match(Name("@x"), Pattern(r"\*a?"))),
        (r"@x:\\a*", Match(Name("@x"), Pattern(r"\\a*"))),
        ("*:bell", Match(Name("*"), Text("bell"))),
        ("*", Everything()),
        ("*:*", Everything()),
        ("", Everything()),
        ("  \n", Everything()),
        ("@x:>5", Match(Name("@x"), Interval(Bound("5", False), None))),
        ("@x:<=-5", Match(Name("@x"), Interval(None, Bound("-5", True)))),
        ('@x:>="a b"', Match(Name("@x"), Interval(Bound("a b", True), None))),
        ("@x:[1 TO 5]", Match(Name("@x"), Interval(Bound("1", True), Bound("5", True)))),
        ("@x:{1 TO *]", Match(Name("@x"), Interval(Bound("1", False), None))),
        ('@x:["*" TO 5}', Match(Name("@x"), Interval(Bound("*", True), Bound("5", False)))),
        (
            "@x:(a OR -b* OR >5)",
            Or(
                (
                    Match(Name("@x"), Text("a")),
                    Not(Match(Name("@x"), Pattern("b*"))),
                    Match(Name("@x"), Interval(Bound("5", False), None)),
                )
            ),
        ),
        ("env:(a OR team:b)", Or((Match(Name("env"), Text("a")), Match(Name("team"), Text("b"))))),
        (
            "CIDR(@ip, 192.0.2.0/24,2001:db8::/32)",
            Network(Name("@ip"), (Text("192.0.2.0/24"), Text("2001:db8::/32"))),
        ),
        ("NOT(CIDR (@ip,192.0.2.7))", Not(Network(Name("@ip"), (Text("192.0.2.7"),)))),
        ("“great bell”", And((term("great"), term("bell")))),
    ],
)
def test_a_text_says(text: str, node: Node) -> None:
    assert said(text) == node


@pytest.mark.parametrize(
    "text, column, message",
    [
        ('@x:"a', 4, "never closed"),
        ("(a", 1, "never closed"),
        ("a)", 2, "there is no"),
        ("a ()", 3, "nothing stands in these parentheses"),
        ("a AND", 3, "nothing stands behind 'AND'"),
        ("a OR )", 3, "nothing stands behind 'OR'"),
        ("AND a", 1, "expected a field or a value"),
        ("a OR OR b", 6, "expected a field or a value"),
        ("NOT", 1, "nothing stands behind 'NOT'"),
        ("NOT -a", 5, "does not stand behind"),
        ("@x:", 3, "no value stands behind"),
        ("@x:AND b", 3, "no value stands behind"),
        ("@x:-5", 4, "does not stand behind a colon"),
        (":a", 1, "expected a field or a value"),
        ("@x :a", 4, "expected a field or a value"),
        ('"x":a', 4, "right behind a value"),
        ("@x:http://bell", 8, "right behind a value"),
        ('@x:"a"b', 7, "right behind a value"),
        ("@x:a>b", 5, "right behind a value"),
        ("@x:a#b", 5, "right behind a value"),
        ("@x:>", 4, "nothing stands right behind"),
        ("@x:>= 5", 4, "nothing stands right behind"),
        ("@x:[1 5]", 4, "this is no range"),
        ("@x:1]", 5, "no range to this"),
        ("a!", 2, "no operator"),
        ("@x:=5", 4, "means nothing here"),
        ("@x:a~1", 5, "means nothing here"),
        ("a\\", 2, "backslash"),
        ("@:a", 1, "needs the name"),
        ("CIDR(@ip)", 1, "at least one block"),
        ("CIDR(,192.0.2.0/24)", 1, "at least one block"),
        ("(" * 300 + "a" + ")" * 300, 202, "nested deeper"),
    ],
)
def test_an_error_points_to_where_it_is(text: str, column: int, message: str) -> None:
    with pytest.raises(QuerySyntaxError, match=message) as caught:
        parse(SourceText(text))
    assert caught.value.span is not None
    assert caught.value.span.column == column


@pytest.mark.parametrize(
    "text, message",
    [
        ("@a*:b", "no wildcards"),
        ("[1 TO 5]", "needs a field"),
        ("*:>5", "needs a field"),
        ("message:[a TO b]", "no ranges"),
        ("_exists_:[a TO b]", "name of a field"),
        ("_exists_:*", "name of a field"),
        ("_exists_:@a*", "no wildcards"),
        ("CIDR(@ip, 192.0.2.0/99)", "no block"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(QuerySemanticError, match=message) as caught:
        compile_query(SourceText(text))
    assert caught.value.span is not None


@pytest.mark.parametrize(
    "text, message",
    [
        ("#latency:>5", "calculated field"),
        ("timestamp:>5", "timestamp"),
        ('"!!"', "no letter or digit"),
        (r"@a\*:b", "asterisk"),
    ],
)
def test_what_is_legal_and_not_run_is_named(text: str, message: str) -> None:
    with pytest.raises(UnsupportedFeature, match=message):
        compile_query(SourceText(text))


def test_an_error_shows_the_line_of_the_file_and_a_caret() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(SourceText("service:web\n@x:(a OR", "rule.json", 7))
    assert "rule.json:8:7" in str(caught.value)
    assert str(caught.value).splitlines()[2].endswith("^^")


# --- written out ----------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
ODD = st.sampled_from(["AND", "OR", "NOT", "CIDR", "-a", "+", "&&", "||", "a&&b", "a:b", "*", "\\"])
VALUES = st.one_of(
    st.builds(Text, TEXTS | ODD, st.just(True)),
    st.builds(Text, TEXTS | ODD, st.just(False)),
    st.sampled_from([Pattern("a*"), Pattern("?x"), Pattern(r"-\*b*"), Pattern(r"a b\\*")]),
)
BOUNDS = st.none() | st.builds(Bound, TEXTS | ODD, st.booleans())
NAMES = st.builds(
    Name, st.sampled_from(["@a", "@a.b", "service", "env", "@a:b", "NOT", "-x", "CIDR"])
)
LEAVES = st.one_of(
    st.just(Everything()),
    st.builds(Match, st.none() | NAMES | st.just(Name("*")), VALUES),
    st.builds(Match, NAMES, st.builds(Interval, BOUNDS, BOUNDS)),
    st.builds(Exists, NAMES),
    st.builds(Network, NAMES, st.just((Text("192.0.2.0/24"), Text("::1")))),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda terms: And(tuple(terms)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda terms: Or(tuple(terms)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


@given(NODES)
def test_what_is_written_out_says_the_same(node: Node) -> None:
    assert said(format_query(node)) == unplaced(node)


@given(st.text(st.sampled_from('ab @:*?()[]{}"\\<>=!~^#&|-+,.1T OANDR/'), max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    refused: QueryError | None = None
    try:
        compile_query(SourceText(text))
    except QueryError as error:
        refused = error
    assert refused is None or refused.span is not None


def test_a_long_row_of_terms_is_read() -> None:
    found = parse(SourceText(" ".join(f"@x:{number}" for number in range(20_000))))
    assert isinstance(found, And)
    assert len(found.terms) == 20_000
