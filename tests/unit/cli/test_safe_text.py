from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.cli.safe_text import printable, printable_json, printable_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, with é and 漢字 and 🙂", "plain, with é and 漢字 and 🙂"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("exe\u202egpj.sh", r"exe\u202egpj.sh"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\U000e0041tag", r"\U000e0041tag"),
        ("\ud800", r"\ud800"),
        ("no\u00a0break", "no\u00a0break"),
        ("nul\0", r"nul\x00"),
    ],
)
def test_what_cannot_be_seen_becomes_visible(text, expected):
    assert printable(text) == expected


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = printable(text)
    assert not any(c < " " or "\x7f" <= c <= "\x9f" for c in shown)
    assert printable(shown) == shown
    shown.encode()


def test_lines_stay_lines():
    assert printable_lines("a\r\nb\tc\n\x1bd\re") == "a\nb   c\n\\x1bd\\re"


@given(st.text())
def test_json_says_the_same(text):
    line = printable_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(line) == text
    assert not any(c < " " or "\x7f" <= c <= "\x9f" or c == "\u202e" for c in line)
