from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
    _parse_condition_string,
)

from tocsin.errors import QuerySyntaxError, UnsupportedFeature
from tocsin.languages.sigma.condition import And, Name, Node, Not, Or, Selector, parse
from tocsin.source_text import SourceText


def text_of(node: Node) -> str:
    """The tree, fully bracketed."""
    match node:
        case Name(name):
            return name
        case Selector(pattern):
            return f"{'all' if node.all else 'any'}[{pattern}]"
        case Not(term):
            return f"!{text_of(term)}"
        case And(terms):
            return "(" + "&".join(map(text_of, terms)) + ")"
        case Or(terms):
            return "(" + "|".join(map(text_of, terms)) + ")"


def pysigmas(node: object) -> str:
    """The same of pySigma's tree."""
    match node:
        case ConditionIdentifier():
            return node.identifier
        case ConditionSelector():
            return f"{'all' if node.cond_class is ConditionAND else 'any'}[{node.pattern}]"
        case ConditionNOT():
            return f"!{pysigmas(node.args[0])}"
        case ConditionAND():
            return "(" + "&".join(map(pysigmas, node.args)) + ")"
        case ConditionOR():
            return "(" + "|".join(map(pysigmas, node.args)) + ")"
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", "a"),
        ("a and b or c and not d", "((a&b)|(c&!d))"),
        ("a or b and c", "(a|(b&c))"),
        ("a and (b or c)", "(a&(b|c))"),
        ("not not a", "!!a"),
        ("not (a or b) and c", "(!(a|b)&c)"),
        ("1 of them", "any[them]"),
        ("any of x_*", "any[x_*]"),
        ("all of filter*", "all[filter*]"),
        ("1 of *_x and not 1 of them", "(any[*_x]&!any[them])"),
        ("all of a", "all[a]"),
        ("notepad and android and orbit", "(notepad&android&orbit)"),
        ("sel-1 and sel_2", "(sel-1&sel_2)"),
        ("1", "1"),
        ("a\n  and\tb", "(a&b)"),
    ],
)
def test_a_condition_binds_as_it_should(text: str, tree: str) -> None:
    assert text_of(parse(SourceText(text))) == tree


WORDS = st.sampled_from(
    ["sel", "filter_1", "notsel", "x-y", "1 of them", "all of f_*", "any of *x"]
)
CONDITIONS = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        inner.map(lambda t: f"not {t}"),
        inner.map(lambda t: f"({t})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(CONDITIONS)
def test_conditions_read_as_pysigma_reads_them(text: str) -> None:
    assert text_of(parse(SourceText(text))) == pysigmas(_parse_condition_string(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a name, found the end of the query"),
        ("a and", "expected a name, found the end of the query"),
        ("a b", "expected 'and' or 'or', found 'b'"),
        ("(a", "expected ')', found the end of the query"),
        ("a)", "expected 'and' or 'or', found ')'"),
        ("and a", "expected a name, found 'and'"),
        ("2 of them", "'2' is no quantifier of Sigma"),
        ("most of them", "'most' is no quantifier of Sigma"),
        ("all of", "expected a name, a pattern or 'them', found the end of the query"),
        ("1 of (a or b)", "expected a name, a pattern or 'them', found '('"),
        ("them", "several names need a quantifier"),
        ("sel*", "several names need a quantifier"),
        ("a & b", "unexpected character '&'"),
    ],
)
def test_what_is_no_condition_is_told(text: str, message: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(SourceText(text))
    assert caught.value.message == message


def test_a_keyword_in_capitals_is_told() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(SourceText("a AND b"))
    assert caught.value.hint == "write 'and' in lower case"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sel | count() by user > 5", "count()"),
        ("sel | near other", "near"),
        ("sel|count(a) > 1", "count(a)"),
        ("sel |", ""),
    ],
)
def test_an_aggregation_is_not_run_and_named(text: str, name: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        parse(SourceText(text))
    assert caught.value.message == f"the condition counts or orders events: | {name}".rstrip()
    assert "correlation" in caught.value.hint


@pytest.mark.parametrize("text", ["(" * 5_000, "not " * 5_000 + "a", "(" * 300 + "a" + ")" * 300])
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match="nested deeper"):
        parse(SourceText(text))
