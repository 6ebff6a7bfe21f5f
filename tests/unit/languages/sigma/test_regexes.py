from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.languages.sigma.regexes import Translated, translated
from tocsin.logic.matchers import regex_matches


def finds(found: Translated, text: str) -> bool:
    wanted = all(regex_matches(p, text, fold_case=False, whole=False) for p in found.wanted)
    return wanted and not any(
        regex_matches(p, text, fold_case=False, whole=False) for p in found.unwanted
    )


def test_a_dot_is_no_line_break_unless_asked() -> None:
    assert not finds(translated("a.b"), "a\nb")
    assert finds(translated("a.b", "s"), "a\nb")


def test_anchors_are_of_the_text_unless_asked() -> None:
    assert not finds(translated("^b"), "a\nb")
    assert finds(translated("^b", "m"), "a\nb")


AROUND = [
    r"^(?!a)b", r"^(?=ab)a", r"^(?!a)(?=.*b)c", r"a(?=b)", r"(?<=a)b", r"(?<=a)b(?=c)",
    r"^(?!ab)(?!ac)a[^x]", r"(?i)^(?!A)b", r"(?i)^(?!a)(?=B).c", r"^(?!.*c).*b",
]  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(AROUND), st.text("abcAB\n", max_size=6))
def test_look_around_at_an_edge_is_said_without_it(pattern: str, text: str) -> None:
    assert finds(translated(pattern), text) == bool(re.search(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "construct"),
    [
        (r"a(?!b)c", "look-around"),
        (r"a(?<!b)c", "look-around"),
        (r"^(?!a)b|c", "look-around"),
        (r"^(?!a)*b", "look-around"),
        (r"((?=a)b)+", "look-around"),
        (r"(a)\1", r"a back reference '\1'"),
        (r"(?P<x>a)(?P=x)", "a back reference '(?P='"),
        (r"a++b", "a possessive quantifier '++'"),
        (r"(?>a)b", "an atomic group '(?>'"),
        (r"(a)?(?(1)b|c)", "a conditional group '(?('"),
        (r"a\Z", r"an escape '\Z'"),
        (r"(?#why)a", "a comment '(?#'"),
    ],
)
def test_what_re2_has_not_is_refused_by_name(pattern: str, construct: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        translated(pattern)
    assert caught.value.message.endswith(f"needs {construct}")


def test_a_long_repetition_is_refused() -> None:
    with pytest.raises(UnsupportedFeature, match="more than 1,000 times"):
        translated("x{2000}")
    assert translated(".{1000,}").wanted == ("(?-s:.{1000,})",)


@pytest.mark.parametrize("pattern", ["a(", "[a", "*", "a)", "\\", r"(\1", "a{2,1}"])
def test_what_is_no_pattern_is_told(pattern: str) -> None:
    with pytest.raises((QuerySemanticError, UnsupportedFeature)):
        translated(pattern)


@settings(max_examples=100, deadline=None)
@given(st.text("ab(?!=<>)[]\\|^*+{},1$:.i-", max_size=14))
def test_any_text_is_a_pattern_or_refused(pattern: str) -> None:
    try:
        found = translated(pattern)
    except (QuerySemanticError, UnsupportedFeature):
        return
    for part in (*found.wanted, *found.unwanted):
        re2.compile(part)


def test_repetitions_that_multiply_to_too_many_are_not_called_a_broken_pattern() -> None:
    with pytest.raises(UnsupportedFeature, match="repeats too much in all"):
        translated("((a{500}){500}){500}")
