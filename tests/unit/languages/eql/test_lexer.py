"""EQL's words."""

from __future__ import annotations

import pytest

from tocsin.errors import QuerySyntaxError
from tocsin.languages.eql.lexer import LEXER, string_of
from tocsin.source_text import SourceText


def words(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in LEXER.tokens(SourceText(text))[:-1]]


@pytest.mark.parametrize(
    "text, kinds",
    [
        ("process where", "name keyword"),
        ("in in~ like like~ regex regex~", "keyword keyword keyword keyword keyword keyword"),
        ("inner android liked", "name name name"),
        ("@timestamp _x a1", "name name name"),
        ("endsWith~(a)", "folded op name op"),
        ("1 1. .5 1.5e-3 1e5", "integer decimal decimal decimal decimal"),
        ("30s", "integer name"),
        ("a.`0`.b", "name op quoted op name"),
        ("?field", "op name"),
        ("a![b]", "name op name op"),
        ('"" "a" """b"""', "string string raw"),
        ("a//b\nc", "name name"),
        ("a/b", "name op name"),
        ("a/**/b", "name name"),
    ],
)
def test_words_have_kinds(text: str, kinds: str) -> None:
    assert [kind for kind, _ in words(text)] == kinds.split()


def test_comments_nest() -> None:
    assert words("a /* b /* c */ d */ e") == [("name", "a"), ("name", "e")]


def test_a_star_behind_a_slash_in_a_comment_does_not_swallow_the_query() -> None:
    assert words("a /* not /srv/* */ b /* c */ d") == [("name", w) for w in ("a", "b", "d")]


def test_comment_marks_in_strings_are_text() -> None:
    assert words('"/* //" b') == [("string", '"/* //"'), ("name", "b")]


@pytest.mark.parametrize(
    "text, value",
    [
        (r'"C:\\tmp"', "C:\\tmp"),
        (r'"\"\'\b\t\n\f\r"', "\"'\b\t\n\f\r"),
        (r'"\u{e9}\u{202E}\u{0001F514}"', "\u00e9\u202e\U0001f514"),
        (r'"""C:\tmp\"""', "C:\\tmp\\"),
        ('"""say "hi" """', 'say "hi" '),
        ('""""a"""""', '"a""'),
        ('""""""', ""),
    ],
)
def test_strings_say(text: str, value: str) -> None:
    (token,) = LEXER.tokens(SourceText(text))[:-1]
    assert string_of(token) == value


@pytest.mark.parametrize(
    "text, message, at",
    [
        ("any where 'x'", "a string does not begin with '", 10),
        ('any where ?"x"', 'a string does not begin with ?"', 10),
        ('any where "x', "the string does not end on its line", 10),
        ('any where "x\n"', "the string does not end on its line", 10),
        (r'any where "\w"', r"no such escape: \w", 11),
        (r'any where "\u{1}"', r"no such escape: \u", 11),
        (r'any where "ab\u{D800}"', r"no such character: \u{D800}", 13),
        (r'any where "\u{110000}"', r"no such character: \u{110000}", 11),
        ('any where """x', "the raw string does not end on its line", 10),
        ("any where `x", "the quoted name does not end", 10),
        ("any /* where", "the comment does not end", 4),
        ("any where !x", "unexpected character '!'", 10),
        ("any where a && b", "unexpected character '&'", 12),
        ('any where a == "\ud800"', "half a character (U+D800)", 16),
    ],
)
def test_bad_words_are_pointed_at(text: str, message: str, at: int) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        LEXER.tokens(SourceText(text))
    assert caught.value.message == message
    assert caught.value.span is not None
    assert caught.value.span.start == at
