"""Lucene's regular expressions, by what they match."""

from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from tocsin.languages._lucene_regex import BadRegex, to_re2
from tocsin.logic.matchers import regex_matches


def matches(pattern: str, text: str) -> bool:
    return regex_matches(to_re2(pattern), text, fold_case=False, whole=True)


@pytest.mark.parametrize(
    "pattern, fits, misfits",
    [
        ("abc", ["abc"], ["xabc", "abcx", ""]),
        ("", [""], ["a"]),
        ("a.c", ["abc", "a\nc", "a🔔c"], ["ac", "abbc"]),
        ("^a$", ["^a$"], ["a"]),
        (".*?b", ["b", "aab"], ["ba"]),
        ("a+?", ["", "a", "aaa"], ["b"]),
        ("a**", ["", "aa"], ["b"]),
        ("(ab|cd){2}", ["abcd", "cdcd"], ["ab", "ababab"]),
        ("(a{2})?", ["", "aa"], ["a"]),
        ("a{2}?", ["", "aa"], ["a", "aaa"]),
        ("a{2,}", ["aa", "aaaa"], ["a"]),
        ("a{1,2}b", ["ab", "aab"], ["b", "aaab"]),
        ("[a-c]+", ["abc"], ["abx"]),
        ("[^a-c]", ["d", "\n", "-"], ["a", ""]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[^]]", ["a"], ["]"]),
        (r"[\]\-\\^]+", ["]-\\^"], ["a"]),
        ("[.*~&@#<]+", [".*~&@#<"], ["a"]),
        (r"\d\d", ["42"], ["4x", "٤٢"]),
        (r"\D", ["x"], ["4"]),
        (r"[\s\w]+", ["a b_1\t"], ["a-b"]),
        (r"[\S]+", ["ab"], ["a b"]),
        (r"[^\W]", ["a"], ["-"]),
        (r"[\D]+", ["ab-"], ["a1"]),
        (r"a\.b\"\~\$", ['a.b"~$'], ["axb"]),
        ('a"b.*"c', ["ab.*c"], ["abxxc"]),
        ('"ab"*', ["", "abab"], ["abb"]),
        ("a@z", ["az", "a...\nz"], ["a"]),
        ("a#|b", ["b"], ["a", "a#"]),
        ("()|b", ["", "b"], ["a"]),
        ("*a", ["*a"], ["a", ""]),
        ("a|*", ["a", "*"], [""]),
        ("a||b", ["a", "|b"], ["b", ""]),
        ("<7-12>", ["7", "12", "007", "10"], ["6", "13", ""]),
        ("<07-12>", ["07", "12"], ["7", "007", "13"]),
        ("x<1-1>y", ["x1y"], ["x01y", "xy"]),
        ("]}>-,!%", ["]}>-,!%"], [""]),
        ("a b\t", ["a b\t"], ["ab"]),
    ],
)
def test_patterns_match_whole_values(pattern: str, fits: list[str], misfits: list[str]) -> None:
    assert [text for text in fits if not matches(pattern, text)] == []
    assert [text for text in misfits if matches(pattern, text)] == []


@pytest.mark.parametrize(
    "pattern, message",
    [
        ("(a", "a '(' is not closed"),
        ("a)", "a ')' closes nothing"),
        ("[a", "a '[' is not closed"),
        ("[", "a '[' is not closed"),
        ("[z-a]", "no such range of characters: z-a"),
        ("a{", "a '{' does not begin a number of repeats; a plain one is written \\{"),
        ("a{3,2}", "more at least than at most: {3,2}"),
        ('a"b', "a '\"' is not closed; an ordinary one is written \\\""),
        ("a\\", "it ends in a backslash"),
        ("\\n", "no such class of characters: \\n"),
        ("a<b", "a '<' does not begin a numeric interval; a plain one is written \\<"),
        ("a|", "it ends where something has to follow"),
        ("(?:a)", None),
    ],
)
def test_what_lucene_refuses_is_refused(pattern: str, message: str | None) -> None:
    if message is None:  # `?` and `:` are ordinary there
        assert matches(pattern, "?:a")
        return
    with pytest.raises(BadRegex) as caught:
        to_re2(pattern)
    assert caught.value.message == message
    assert not caught.value.unsupported


@pytest.mark.parametrize("pattern", ["~a", "ab~(cd)", "a&b", "a{1}" + "{1}" * 30])
def test_what_re2_lacks_is_not_supported(pattern: str) -> None:
    with pytest.raises(BadRegex) as caught:
        to_re2(pattern)
    assert caught.value.unsupported


@given(st.integers(0, 1200), st.integers(0, 1200), st.booleans())
def test_an_interval_is_its_numbers(low: int, high: int, fixed: bool) -> None:
    width = 4 if fixed else 0
    pattern = re.compile(to_re2(f"<{low:0{width}}-{high:0{width}}>"))
    low, high = sorted((low, high))
    for number in {
        0,
        1,
        9,
        10,
        11,
        99,
        100,
        101,
        999,
        1000,
        1001,
        1200,
        low,
        high,
        low - 1,
        high + 1,
    }:
        if number >= 0:
            expected = low <= number <= high
            assert (pattern.fullmatch(f"{number:0{width}}") is not None) == expected


@given(st.text(alphabet='ab.*+?|(){}[]^-\\"~&@#<>01,dw', max_size=12))
def test_any_pattern_is_translated_or_refused(pattern: str) -> None:
    try:
        translated = to_re2(pattern)
    except BadRegex:
        return
    options = re2.Options()
    options.log_errors = False
    re2.compile(translated, options)
