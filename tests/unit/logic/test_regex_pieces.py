"""A text that a regular expression fits has the pieces that it cannot do without."""

from __future__ import annotations

import pytest
import re2

from tocsin.logic.regex_pieces import piece_test

TEXTS = (
    "",
    "li\u017ft",
    "\u03c2",
    "café ls",
    "curl http://192.0.2.7/a.sh",
    "WGET -q",
    "ab",
    "\u212aelvin",
    "\ud800",
    "kelvin",
)
PATTERNS = (
    r"(?:curl|wget)\s.*", r"curl.{1,900}\.sh$", r"^ab$", r"(?i)Kelvin", r"[^a]*", r"a{2,3}b", r"x|", r".{40}",
    r"(?i)list", "(?i)\u03c3", "(?i)CAF\u00c9",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("whole", [False, True])
def test_no_text_that_fits_is_told_not_to(pattern: str, whole: bool) -> None:
    may_fit = piece_test(pattern, whole=whole)
    compiled = re2.compile(pattern)
    for text in TEXTS:
        if text == "\ud800":  # RE2 reads no such text
            may_fit(text)
        elif (compiled.fullmatch if whole else compiled.search)(text):
            assert may_fit(text), text


def test_a_text_without_the_pieces_is_told_apart() -> None:
    may_fit = piece_test(r"(?:curl|wget)\s.{1,900}\.sh$")
    assert [may_fit(text) for text in ("CURL x.sh", "curl x", "x.sh")] == [True, False, False]


def test_so_is_one_that_is_not_all_ascii() -> None:
    may_fit = piece_test(r"(?:curl|wget)\s.{1,900}\.sh$")
    assert [may_fit(text) for text in ("café", "wget café.sh")] == [False, True]
