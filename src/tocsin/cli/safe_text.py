r"""Text of somebody else's, made harmless for a terminal.

What a rule, an event or a file name says is data. Control characters, escape sequences, what turns
the direction of writing, and what cannot be seen at all become visible escapes:

>>> printable("name\x1b[2Jgone"), printable("exe\u202etxt.sh")
('name\\x1b[2Jgone', 'exe\\u202etxt.sh')
"""

from __future__ import annotations

import re
import unicodedata

_JSON_UNSAFE = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def printable(text: str) -> str:
    """The text on one line, everything in it visible."""
    if text.isprintable():
        return text
    return "".join(c if _is_visible(c) else _escape(c) for c in text)


def printable_lines(text: str) -> str:
    r"""The text with its lines, tabs as four blanks, and everything else in it visible.

    >>> printable_lines("# Guide\n\n- one\x07")
    '# Guide\n\n- one\\x07'
    """
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(printable(line.expandtabs(4)) for line in lines)


def printable_json(text: str) -> str:
    r"""JSON that says the same, with what a terminal could take for a command escaped.

    JSON escapes the first 32 characters itself, and no others.
    """
    return _JSON_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _is_visible(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if short:
        return short
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
