"""What Hyperscan is given for a regular expression fits the ASCII texts that RE2 says."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine import compiled
from tocsin.engine.ascii_regex import LONGEST, Doubtful, translated
from tocsin.logic.field_types import fold
from tocsin.logic.matchers import regex_matches

ALPHABET = "aAbBkKsS01_-. \t\n\x0b\x00\x7f/\\"


def found_by_hyperscan(expression: str, texts: Iterable[str]) -> dict[str, bool]:
    """By text whether it is found; nothing where Hyperscan does not take the expression."""
    hyperscan = pytest.importorskip("hyperscan")
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
    try:
        database.compile(expressions=[expression.encode("ascii")], ids=[0], elements=1, flags=flags)
    except hyperscan.error:
        return {}
    answers: dict[str, bool] = {}
    for text in texts:
        found: list[int] = []
        database.scan(text.encode("ascii"), lambda *event: event[4].append(1), 0, found)
        answers[text] = bool(found)
    return answers


def expressions() -> st.SearchStrategy[str]:
    """Expressions of RE2, most of which can be translated."""
    literal = st.sampled_from(
        [
            *"aAbkKsS01 _-/<>:,=!&%#@~\"'`;é\u212aſ{}]",
            "\\.",
            "\\\\",
            "\\-",
            "\\{",
            "\\t",
            "\\n",
            "\\x41",
            "\\x{73}",
            "\\v",
        ]
    )
    member = st.sampled_from(
        [
            *"abkKsS0 ._^-é",
            "a-z",
            "A-K",
            "0-9",
            "\\d",
            "\\w",
            "\\s",
            "\\S",
            "\\W",
            "\\-",
            "\\]",
            "\\\\",
            "!-~",
            "a-\u212a",
            "[",
        ]
    )
    char_class = st.builds(
        lambda negated, members: f"[{negated}{''.join(members)}]",
        st.sampled_from(("", "^")), st.lists(member, min_size=1, max_size=3),
    )  # fmt: skip
    atom = st.one_of(
        literal,
        literal,
        char_class,
        st.sampled_from(
            [".", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "^", "$", "\\b", "\\B", "\\A", "\\z"]
        ),
    )
    repeat = st.sampled_from(
        [
            "",
            "",
            "",
            "*",
            "+",
            "?",
            "*?",
            "+?",
            "??",
            "{2}",
            "{1,3}",
            "{2,}",
            "{0,2}?",
            "{0}",
            "{,2}",
        ]
    )

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        piece = st.builds(lambda a, r: a + r, atom | inner, repeat)
        branch = st.lists(piece, max_size=4).map("".join)
        body = st.lists(branch, min_size=1, max_size=3).map("|".join)
        opening = st.sampled_from(["(", "(?:", "(?i:", "(?s:", "(?-s:", "(?is:", "(?i-s:"])
        return st.builds(lambda o, b: f"{o}{b})", opening, body)

    inner = st.recursive(st.builds(lambda a, r: a + r, atom, repeat), deeper, max_leaves=8)
    start = st.sampled_from(["", "", "", "(?i)", "(?-s)", "^", ".*"])
    branch = st.lists(inner, max_size=4).map("".join)
    return st.builds(
        lambda s, b: s + b, start, st.lists(branch, min_size=1, max_size=2).map("|".join)
    )


@pytest.mark.skipif(compiled.hyperscan_build() is None, reason="no Hyperscan")
@settings(max_examples=400)
@given(
    expressions(),
    st.lists(st.text(ALPHABET, max_size=8), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_a_translated_expression_fits_the_ascii_texts_that_re2_says(
    pattern: str, texts: list[str], fold_case: bool, whole: bool
) -> None:
    re2 = pytest.importorskip("re2")
    try:
        expression, _ = translated(pattern, fold_case=fold_case, whole=whole)
        wanted = {
            text: regex_matches(pattern, fold(text) if fold_case else text, fold_case, whole)
            for text in texts
            if text
        }
    except (Doubtful, re2.error):
        return
    found = found_by_hyperscan(expression, wanted)
    assert not found or found == wanted, (pattern, expression)


@pytest.mark.parametrize(
    "pattern, reason",
    [
        (r"\pL", r"an escape: \p"),
        (r"\Qa.b\E", r"an escape: \Q"),
        (r"\1", r"an escape: \1"),
        (r"(?P<name>a)", "a group of another kind"),
        (r"(?m)^a", "a group of another kind"),
        (r"(?U)a*", "a group of another kind"),
        (r"(?-i:a)", "a group of another kind"),
        (r"[[:alpha:]]", "a named class"),
        (r"[]a]", "a class that begins with ']'"),
        (r"[z-a]", "a range that runs backwards"),
        (r"(?i)é", "a character beyond ASCII"),
        (r"(?i)[a-\x{17f}]", "a character beyond ASCII"),
        (r"a**", "a repeat of a repeat"),
        (r"a{2}{3}", "a repeat of a repeat"),
        (r"a++", "a repeat of a repeat"),
        (r"^*", "a repeat of an assertion"),
        (r"*a", "a repeat of nothing"),
        (r"(?i)*", "a repeat of nothing"),
        (r"{2}", "a repeat of nothing"),
        (r"a{3,2}", "a repeat: {3,2}"),
        (r"a{1001}", "a repeat: {1001}"),
        (r"(a", "it ends too early"),
        (r"[a", "it ends too early"),
        (r"a)", "a ')' closes nothing"),
        ("a\\", "it ends too early"),
        ("(" * 40 + "a" + ")" * 40, "it nests deep"),
        ("(a{50}){50}", "it is large"),
        ("a{900}b{900}", "it is large"),
        ("a" * (LONGEST + 1), "it is long"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(Doubtful, match=f"^{re.escape(reason)}$"):
        translated(pattern, fold_case=False, whole=True)


@pytest.mark.parametrize(
    "pattern, fold_case, whole, expression",
    [
        ("a.b", False, True, r"\A(?:a.b)\z"),
        ("a|b", False, True, r"\A(?:a|b)\z"),
        ("(?s:.)*a(?s:.)*", False, True, "(?:a)"),
        (".*a", False, True, r"(?:a)\z"),
        (".*", False, True, r"(?:)\z"),
        (".*.*", False, True, "(?:)"),
        ("(a)(bc)(d*)*", False, False, "(?:a(?:bc)(?:d*)*)"),
        ("(?-s).", False, False, r"(?:[^\x0a])"),
        ("é", False, False, r"(?:\xff)"),
        (r"\s", False, False, r"(?:[\x09-\x0a\x0c-\x0d\x20])"),
        ("k", True, False, "(?:[Kk])"),
    ],
)
def test_expressions_are_spelled_out_in_bytes(
    pattern: str, fold_case: bool, whole: bool, expression: str
) -> None:
    assert translated(pattern, fold_case=fold_case, whole=whole)[0] == expression
