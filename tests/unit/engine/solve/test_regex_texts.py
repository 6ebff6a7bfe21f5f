"""Texts written from regular expressions are found by them."""

from __future__ import annotations

import itertools

import pytest

from tocsin.engine.solve.regex_texts import texts
from tocsin.logic.matchers import regex_matches

PATTERNS = [
    "", "abc", "a|bc|d", "(a|b)(c|d)", "a?b*c+", "a{3}b{2,4}c{2,}", "a+?b*?", "[a-f0-9]{32}",
    "[^a-z]+", r"[\d\-x]", r"[]a]", r"[^]a]", r"\d\D\w\W\s\S", r"\x41\x{1F514}", r"\.\*\\",
    r"\Qa.b*c\E+", "(?:x)(?P<n>y)", "(?i)curl", "(?i:CURL)", "^a$", r"\bcmd\b", "[[:alpha:]]+x",
    r"\pL+", r"/proc/[0-9]+/(mem|maps)", "(((a|b)|c)|d){2}", ".*foo.*", "a{",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_some_text_is_found(pattern: str) -> None:
    assert any(regex_matches(pattern, text, fold_case=False, whole=True) for text in texts(pattern))


def test_every_branch_is_written() -> None:
    assert {"a", "b", "c"} <= set(texts("a|b|c"))


@pytest.mark.parametrize("pattern", ["(", "[", "a)", "\\", "(?<!a)b", "x" * 30_000])
def test_what_cannot_be_read_gives_nothing(pattern: str) -> None:
    assert list(itertools.islice(texts(pattern), 1)) == []


@pytest.mark.parametrize(
    "pattern",
    ["((((a{200}){200}){200}){200}){200}", "(((((){200}){200}){200}){200}){200}", "(" * 5_000],
)
def test_a_hostile_pattern_costs_little(pattern: str) -> None:
    assert all(len(text) < 50_000 for text in texts(pattern))


def test_the_same_seed_writes_the_same() -> None:
    assert list(texts(r"\w{9}", seed=4)) == list(texts(r"\w{9}", seed=4))
    assert list(texts(r"\w{9}", seed=4)) != list(texts(r"\w{9}", seed=400))
