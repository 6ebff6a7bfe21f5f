"""EQL's grammar: what groups with what, and that a formatted tree reads as itself."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import QueryError
from tocsin.languages.eql import format_query, parse, syntax
from tocsin.languages.eql.format import format_expression
from tocsin.languages.eql.parser import parse_expression
from tocsin.source_text import SourceText


def reads_as(text: str) -> str:
    return format_query(parse(SourceText(text)))


@pytest.mark.parametrize(
    "one, other",
    [
        ("not a and b or c", "((not a) and b) or c"),
        ("a or b and c", "a or (b and c)"),
        ("not a == 1", "not (a == 1)"),
        ("1 + 2 * 3 == -4 % 5", "(1 + (2 * 3)) == ((-4) % 5)"),
        ("1 - 2 - 3 == 0", "((1 - 2) - 3) == 0"),
        ("- a * b == 1", "(-a) * b == 1"),
        ("not a in (1)", "not (a in (1))"),
        ('not a : "x"', 'not (a : ("x"))'),
        ('length(a) in (1) and b : "x"', '(length(a) in (1)) and (b : "x")'),
        ("a.`b`.c == 1", "`a.b.c` == 1"),
        ("a . b == 1", "a.b == 1"),
        ("? a == null", "?a == null"),
    ],
)
def test_two_spellings_are_one_tree(one: str, other: str) -> None:
    left, right = (parse_expression(SourceText(text)) for text in (one, other))
    assert format_expression(left) == format_expression(right)
    assert syntax.same(left, right)


def test_a_chain_of_and_is_one_node() -> None:
    tree = parse_expression(SourceText("a and b and c and d"))
    assert isinstance(tree, syntax.And)
    assert len(tree.terms) == 4


def test_brackets_keep_a_chain_apart() -> None:
    tree = parse_expression(SourceText("a or (b or c)"))
    assert isinstance(tree, syntax.Or)
    assert len(tree.terms) == 2


def test_places_include_the_brackets_of_operands() -> None:
    text = "(1 + a) * 2 == (b)"
    tree = parse_expression(SourceText(text))
    assert text[tree.start : tree.end] == text


def test_an_operator_may_stand_next_to_its_operands() -> None:
    assert reads_as('any where a:"x"and b==-1') == 'any where a : "x" and b == -1'


def test_categories_may_be_quoted() -> None:
    query = parse(SourceText('"odd one" where true'))
    assert isinstance(query.body, syntax.EventQuery)
    assert query.body.category == "odd one"


def test_any_is_no_category() -> None:
    query = parse(SourceText("any where true"))
    assert isinstance(query.body, syntax.EventQuery)
    assert query.body.category is None


def test_a_sequence_has_all_its_parts() -> None:
    query = parse(
        SourceText(
            """
            sequence by host.id, ?user.id with maxspan = 90s
              [file where a == 1] by b with runs=3
              ![process where true] by c
              [network where d == 2] by `e f`
            until [any where g] by h
            | head 5 | tail 1
            """
        )
    )
    body = query.body
    assert isinstance(body, syntax.Sequence)
    assert [key.name for key in body.by] == ["host.id", "user.id"]
    assert [key.optional for key in body.by] == [False, True]
    assert body.maxspan is not None
    assert body.maxspan.duration == dt.timedelta(seconds=90)
    assert [term.runs for term in body.terms] == [3, 1, 1]
    assert [term.missing for term in body.terms] == [False, True, False]
    assert [key.name for term in body.terms for key in term.by] == ["b", "c", "e f"]
    assert body.until is not None
    assert [(pipe.name, pipe.count) for pipe in query.pipes] == [("head", 5), ("tail", 1)]


def test_a_bracket_behind_a_key_begins_the_next_term() -> None:
    text = "sequence [any where true] by a.b [any where true] by a.c"
    assert reads_as(text) == text


def test_a_sample_has_terms_with_keys() -> None:
    text = "sample by host.id [file where true] [process where x == 1]"
    assert reads_as(text) == text
    assert isinstance(parse(SourceText(text)).body, syntax.Sample)


@pytest.mark.parametrize(
    "text, value",
    [
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", 9223372036854775808.0),
        ("007", 7),
        ("1.", 1.0),
        (".5", 0.5),
        ("25e-1", 2.5),
    ],
)
def test_numbers_are_whole_where_64_bits_hold_them(text: str, value: float) -> None:
    tree = parse_expression(SourceText(text))
    assert isinstance(tree, syntax.Literal)
    assert tree.value == value
    assert type(tree.value) is type(value)


# --- parse(format(tree)) == tree --------------------------------------------------------------

SEGMENTS = st.sampled_from(["a", "host", "in", "any", "0", "x y", "a`b", "@t", "Größe"])
FIELDS = st.builds(
    syntax.Field, st.lists(SEGMENTS, min_size=1, max_size=3).map(".".join), st.booleans()
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
STRINGS = st.builds(syntax.Literal, TEXTS)
LITERALS = st.builds(
    syntax.Literal,
    st.none()
    | st.booleans()
    | TEXTS
    | st.integers(0, 2**63 - 1)
    | st.floats(0, allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0),
)


def tuples_of(items: st.SearchStrategy[object], least: int = 1) -> st.SearchStrategy[object]:
    return st.lists(items, min_size=least, max_size=3).map(tuple)


def larger(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.builds(
            syntax.Call, st.sampled_from(["length", "f1"]), tuples_of(inner, 0), st.booleans()
        ),
        st.builds(syntax.Signed, st.sampled_from("+-"), inner),
        st.builds(syntax.Arithmetic, st.sampled_from("+-*/%"), inner, inner),
        st.builds(
            syntax.Comparison, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner, inner
        ),
        st.builds(syntax.Membership, inner, tuples_of(inner), st.booleans(), st.booleans()),
        st.builds(
            syntax.Match,
            inner,
            st.sampled_from([":", "like", "like~", "regex", "regex~"]),
            tuples_of(STRINGS),
        ),
        st.builds(syntax.Not, inner),
        st.builds(syntax.And, tuples_of(inner, 2)),
        st.builds(syntax.Or, tuples_of(inner, 2)),
    )


EXPRESSIONS = st.recursive(LITERALS | FIELDS, larger, max_leaves=12)
EVENTS = st.builds(syntax.EventQuery, st.none() | TEXTS | st.just("process"), EXPRESSIONS)
KEYS = tuples_of(FIELDS, 0)
TERMS = st.builds(syntax.Term, EVENTS, KEYS, st.booleans(), st.integers(1, 100))
SPANS = st.builds(syntax.Timespan, st.integers(1, 1000), st.sampled_from(list(syntax.UNITS)))
SEQUENCES = st.builds(
    syntax.Sequence,
    tuples_of(TERMS),
    KEYS,
    st.none() | SPANS,
    st.none() | st.builds(syntax.Term, EVENTS, KEYS),
)
SAMPLES = st.builds(syntax.Sample, tuples_of(st.builds(syntax.Term, EVENTS, KEYS)), KEYS)
PIPES = st.builds(syntax.Pipe, st.sampled_from(["head", "tail"]), st.integers(0, 100))
QUERIES = st.builds(syntax.Query, EVENTS | SEQUENCES | SAMPLES, tuples_of(PIPES, 0))


@given(QUERIES)
def test_a_formatted_tree_reads_as_itself(tree: syntax.Query) -> None:
    text = format_query(tree)
    assert syntax.same(parse(SourceText(text)), tree), text


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(QueryError):
        parse(SourceText(f"any where {text} \x00"))


PIECES = [
    "process",
    "any",
    "where",
    "sequence",
    "sample",
    "by",
    "with",
    "maxspan",
    "=",
    "1",
    "1m",
    "runs",
    "until",
    "[",
    "![",
    "]",
    "(",
    ")",
    ",",
    "|",
    "head",
    "not",
    "and",
    "or",
    "in",
    "in~",
    ":",
    "like",
    "regex~",
    "==",
    "<",
    "+",
    "-",
    "*",
    "?",
    "a.b",
    "`c`",
    '"x*"',
    '"""y"""',
    "2",
    ".5",
    "true",
    "null",
    "length(",
    "//",
    "/*",
    "*/",
]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join))
def test_any_words_are_read_or_refused(text: str) -> None:
    for before in ("", "any where ", "sequence by a "):
        read: syntax.Query | QueryError
        try:
            read = parse(SourceText(before + text))
        except QueryError as error:
            read = error
        if isinstance(read, QueryError):
            assert read.span is not None
            assert str(read)
        else:
            assert syntax.same(parse(SourceText(format_query(read))), read)
