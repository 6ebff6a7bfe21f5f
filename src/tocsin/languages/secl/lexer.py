"""SECL's words.

At each place the first kind that fits wins, which has its surprises:

* an identifier may hold ``[`` and ``]``, so ``x in["a"]`` needs a space before the bracket;
* a sign belongs to the digits behind it: ``5-2`` is two numbers, ``5 - 2`` a difference;
* texts keep everything between their outer quotes, backslashes too;
* operators are single characters until the grammar joins them: ``= =`` is ``==``, and ``=~"a*"``
  is ``=`` before a pattern, which is nothing;
* a carriage return is no blank.
"""

from __future__ import annotations

from typing import Final

from tocsin.languages._parsing import Lexer

_QUOTED = r'"(?:[^"\\]|\\[\s\S])*"'
_IPV4 = r"\d+\.\d+\.\d+\.\d+"
_IPV6 = rf"(?:[0-9A-Fa-f]*:){{2,}}(?:{_IPV4}|[0-9A-Fa-f]*)"
_ADDRESS = rf"(?:{_IPV6}|{_IPV4})"

_KINDS: Final = (
    ("comment", r"(?:#|//)[^\n]*"),
    ("cidr", rf"{_ADDRESS}/\d+"),
    ("ip", _ADDRESS),
    ("variable", r"\$\{[A-Za-z_][A-Za-z0-9_.]*\}"),
    ("field", r"%\{[A-Za-z_][A-Za-z0-9_.\[\]]*\}"),
    ("duration", r"\d+(?:ms|s|m|h)"),
    ("regex", f"r{_QUOTED}"),
    ("name", r"[A-Za-z_][A-Za-z0-9_.\[\]]*"),
    ("text", _QUOTED),
    ("pattern", f"~{_QUOTED}"),
    ("int", r"[+-]?\d+"),
    ("sign", r"[!=<>()\[\],&|^+\-~]"),
    ("blank", r"[ \t\n]+"),
)


def _explain(text: str, at: int) -> tuple[str, str] | None:
    character = text[at]
    if character == '"':
        return "this text has no end", 'close it with "'
    if character == "'":
        return 'unexpected character "\'"', 'texts stand in double quotes: "text"'
    if character == "\r":
        return "a carriage return is no blank in SECL", "end lines with a line feed alone"
    if character in "$%" and text[at + 1 : at + 2] == "{":
        what = "variable" if character == "$" else "field"
        return f"this is no {what}", f"a {what} is written {character}{{name}}, without blanks"
    return None


LEXER: Final = Lexer(_KINDS, skip={"comment", "blank"}, explain=_explain)
