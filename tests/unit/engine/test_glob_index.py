"""Globs that are asked by their pieces answer as each of them alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.engine import glob_index
from tocsin.engine.glob_index import GlobIndex
from tocsin.logic.patterns import glob_matches

GLOBS = st.text("ab*?\\é", max_size=9)
TEXTS = st.text("ab\\é\n", max_size=10)


def check(globs: list[tuple[str, int]], texts: list[str]) -> None:
    index = GlobIndex(globs)
    for text in texts:
        expected = 0
        for glob, bits in globs:
            if glob_matches(glob, text):
                expected |= bits
        assert index.fits(text) == expected, text


@given(st.lists(GLOBS, max_size=12), st.lists(TEXTS, max_size=6), st.integers(1, 12))
def test_an_index_answers_as_each_glob_alone(
    globs: list[str], texts: list[str], leaves: int
) -> None:
    check([(glob, 1 << number % leaves) for number, glob in enumerate(globs)], texts)


def test_thousands_of_letters_in_a_row_are_found_in_their_order() -> None:
    choose = random.Random(1)
    letters = ["".join(choose.choices("abcdefgh", k=choose.randint(1, 6))) for _ in range(3_000)]
    globs = [(f"*{'*'.join(word)}*", 1 << number) for number, word in enumerate(letters)]
    globs += [(f"*{'*'.join(word)}", 1 << number) for number, word in enumerate(letters, 3_000)]
    check(globs, ["", "a", "abcdefgh" * 3, "hgfedcba", "x" * 500 + "ab"])


def test_a_glob_of_very_many_pieces_is_no_deep_recursion() -> None:
    glob = "*" + "*".join("ab" * 20_000) + "*"
    check([(glob, 1), ("*a*b*", 2)], ["ab", "ab" * 20_000, "ab" * 19_999 + "a"])


def test_globs_that_begin_alike_are_told_apart_by_what_comes_behind() -> None:
    check(
        [("*abcd*x", 1), ("*abcd*x*", 2), ("*abcd*", 4), ("abcd*x", 8), ("*ab?d*", 16)],
        ["abcd", "abcdx", "zabcdxz", "abxdx", "xabcd"],
    )


def test_a_long_text_is_looked_at_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glob_index, "_AT_ONCE", 5)
    globs = [("*abcd*ef*", 1), ("*cd", 2), ("*x?z*", 4), ("*q*", 8)]
    check(globs, ["-" * n + "abcd" + "-" * n + "efcd" for n in range(8)] + ["----xyz", "q"])
