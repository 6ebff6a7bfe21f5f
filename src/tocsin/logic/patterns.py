r"""Patterns as values: wildcards whose escapes are settled, and their texts.

A *glob* is text in which ``*`` stands for any run of characters (also none, also line breaks),
``?`` for exactly one, and a backslash takes the meaning from the character behind it. Each
language turns its own spelling into this one when it is lowered: EQL, where a backslash is an
ordinary character, through `glob_from_eql`; KQL, where ``?`` is one, by escaping.

>>> glob_matches(glob_escape("a*") + "*", "a*b"), glob_matches("?:\\\\Win*", "C:\\Windows")
(True, True)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

ANY: Final = None
"""In `glob_parts`: any run of characters."""


class OneCharacter:
    """In `glob_parts`: exactly one character."""

    def __repr__(self) -> str:
        """Its spelling in a glob."""
        return "?"


ONE: Final = OneCharacter()
Part = str | OneCharacter | None


def glob_escape(text: str) -> str:
    """The glob that matches ``text`` and nothing else."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def glob_from_eql(text: str) -> str:
    """EQL's spelling: ``*`` and ``?`` are wildcards, a backslash is an ordinary character."""
    return text.replace("\\", "\\\\")


def glob_text(glob: str) -> str:
    """A glob for people: without its escapes, as most languages spell it."""
    return "".join("*" if p is None else "?" if isinstance(p, OneCharacter) else p
                   for p in glob_parts(glob))  # fmt: skip


@lru_cache(maxsize=65_536)
def glob_parts(glob: str) -> tuple[Part, ...]:
    """The glob in pieces: literal texts, ONE and ANY; runs of ANY are one."""
    parts: list[Part] = []
    literal: list[str] = []

    def flush() -> None:
        if literal:
            parts.append("".join(literal))
            literal.clear()

    characters = iter(glob)
    for character in characters:
        if character == "\\":
            literal.append(next(characters, "\\"))
        elif character == "*":
            flush()
            if not parts or parts[-1] is not ANY:
                parts.append(ANY)
        elif character == "?":
            flush()
            parts.append(ONE)
        else:
            literal.append(character)
    flush()
    return tuple(parts)


def is_literal(glob: str) -> bool:
    """Whether the glob has no wildcard."""
    return all(isinstance(part, str) for part in glob_parts(glob))


def glob_matches(glob: str, text: str) -> bool:
    """Whether the whole text fits the glob; time is at most linear in each, multiplied."""
    parts = glob_parts(glob)
    at, part = 0, 0
    retry_part, retry_at = -1, 0
    while True:
        if part < len(parts):
            piece = parts[part]
            if piece is ANY:
                retry_part, retry_at = part + 1, at
                part += 1
                continue
            if isinstance(piece, str):
                if text.startswith(piece, at):
                    at += len(piece)
                    part += 1
                    continue
            elif at < len(text):
                at += 1
                part += 1
                continue
        elif at == len(text):
            return True
        # The last ANY takes one character more; what it skipped cannot match later either.
        if retry_part < 0 or retry_at >= len(text):
            return False
        retry_at += 1
        at, part = retry_at, retry_part


def glob_to_re2(glob: str) -> str:
    """The regular expression that a whole value has to match, for RE2 and for `re`."""
    import re

    pieces = [
        r"(?s:.*)" if p is ANY else r"(?s:.)" if isinstance(p, OneCharacter) else re.escape(p)
        for p in glob_parts(glob)
    ]
    return "".join(pieces)
