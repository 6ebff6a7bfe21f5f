r"""The words of Datadog's log search, and what to say where there is none.

A backslash takes the meaning from the character behind it. What is special has to be escaped or
quoted inside a value: blanks and ``( ) [ ] { } " : < > ! ~ ^ #``; a hyphen, ``+`` and ``=`` only
in front. Curly quotation marks are blanks, as Datadog ignores them.
"""

from __future__ import annotations

import re
from typing import Final

from tocsin.languages._parsing import Lexer

_BLANK: Final = " \\t\\n\\r\\u00a0\\u3000“”"
_REST: Final = rf'[^{_BLANK}()\[\]{{}}":<>!~^#\\]|\\(?s:.)'
_FIRST: Final = rf'[^{_BLANK}()\[\]{{}}":<>!~^#\\+=\-]|\\(?s:.)'
_QUOTED: Final = r'"(?:[^"\\]|\\(?s:.))*+"'
_END: Final = rf'(?:{_QUOTED}|(?:[^{_BLANK}\[\]{{}}"\\]|\\(?s:.))++)'
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)

RANGE: Final = re.compile(rf"[\[{{]\s*+({_END})\s++TO\s++({_END})\s*+[\]}}]")
"""A range with its two ends."""


def _explain(text: str, at: int) -> tuple[str, str] | None:
    character = text[at]
    match character:
        case '"':
            return "this quote is never closed", 'add the missing "; a quote inside is written \\"'
        case "[" | "{":
            hint = f"a range is like [1 TO 5] or {{1 TO *}}; for the character write \\{character}"
            return "this is no range", hint
        case "]" | "}":
            return f"there is no range to this {character!r}", f"write \\{character} for one"
        case "\\":
            return "the query ends in a backslash", "write \\\\ for one"
        case "!":
            return "'!' is no operator", "write NOT or -; for the character itself write \\!"
        case "<" | ">":
            hint = "write the bound without a blank: @http.status_code:>=500"
            return f"nothing stands right behind {character!r}", hint
        case "~" | "^" | "=":
            return (
                f"{character!r} means nothing here",
                f"for the character itself write \\{character}",
            )
        case _:
            return None


LEXER: Final = Lexer(
    [
        ("blank", rf"[{_BLANK}]+"),
        ("phrase", _QUOTED),
        ("range", rf"[\[{{]\s*+{_END}\s++TO\s++{_END}\s*+[\]}}]"),
        ("call", r"CIDR[ \t]*+\([^()\"]*+\)"),
        ("both", r"&&"),
        ("either", r"\|\|"),
        ("compare", rf"(?>>=|<=|>|<)(?:{_QUOTED}|(?:{_REST})++)"),
        ("word", rf"(?:{_FIRST})(?:{_REST})*+"),
        ("calculated", rf"\#(?:{_REST})*+"),
        ("sign", r"[+\-]"),
        ("bracket", r"[()]"),
        ("colon", r":"),
    ],
    skip={"blank"},
    explain=_explain,
)


def unescaped(text: str) -> str:
    """The text without its backslashes."""
    return _ESCAPE.sub(r"\1", text)


def unquoted(text: str) -> str:
    """What a phrase, a bound or a word says."""
    return unescaped(text[1:-1] if text.startswith('"') else text)


def has_wildcard(text: str) -> bool:
    """Whether a wildcard stands in a word without a backslash in front."""
    plain = _ESCAPE.sub("", text)
    return "*" in plain or "?" in plain


def glob_of(text: str) -> str:
    """A word as a glob: escapes stay where they matter there."""
    return _ESCAPE.sub(lambda found: found[0] if found[1] in "*?\\" else found[1], text)
