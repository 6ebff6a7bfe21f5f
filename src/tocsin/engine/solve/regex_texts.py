r"""Texts that a regular expression finds: a small reader of RE2's syntax that writes instead.

The pattern is read into pieces, and each piece writes a text: `texts` gives one after another, the
plainest first. What it gives is a guess that whoever asks has to check (`matchers.regex_matches`):
boundaries and anchors in odd places, and flags, are not followed.

>>> import itertools
>>> list(itertools.islice(texts(r"^(cur|wg)(l|et)\d{2,}\.exe$"), 2))
['curl00.exe', 'wget914.exe']
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Final

VARIANTS: Final = 40
"""How many texts one pattern gives at most, some of them equal."""

_MOST_REPEATS: Final = 200
_LONGEST: Final = 20_000
_PRINTABLE: Final = [chr(code) for code in (*range(97, 123), *range(48, 58), *range(32, 127))]
_DIGITS: Final = "0123456789"
_WORD: Final = "abcdefghijklmnopqrstuvwxyz0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BLANKS: Final = " \t"
_SETS: Final[dict[str, str]] = {"d": _DIGITS, "w": _WORD, "s": _BLANKS}
_POSIX: Final[dict[str, str]] = {
    "alpha": "abcxyzABCXYZ", "digit": _DIGITS, "alnum": _WORD.replace("_", ""), "word": _WORD,
    "lower": "abcxyz", "upper": "ABCXYZ", "space": _BLANKS, "xdigit": "0123456789abcdef",
    "punct": "-./:", "print": "".join(_PRINTABLE), "graph": _WORD, "blank": _BLANKS,
}  # fmt: skip
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_NOTHING: Final = "bBAzZG"
_REPEAT: Final = re.compile(r"\{(\d+)(,(\d*))?\}")
_GROUP: Final = re.compile(r"\?(?:P?<\w+>|[imsU-]*:)")
_FLAGS: Final = re.compile(r"\?[imsU-]+\)")
_CLASS: Final = re.compile(r"\[:(\^?)(\w+):\]")

Piece = Callable[[random.Random, int], str]
"""Writes a text; the number grows from variant to variant, 0 is the plainest."""


class _Unreadable(Exception):  # noqa: N818 (no error: the pattern is passed over)
    """The pattern has syntax that is not known here."""


def texts(pattern: str, *, seed: int = 0) -> Iterator[str]:
    """Texts that the pattern probably finds; none where it cannot be read."""
    try:
        piece = _Reader(pattern).read()
    except (_Unreadable, RecursionError, IndexError, ValueError):
        return
    for variant in range(VARIANTS):
        try:
            text = piece(random.Random(seed + variant), variant)  # noqa: S311 (no secret)
        except RecursionError:
            return
        if len(text) <= _LONGEST:
            yield text


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def read(self) -> Piece:
        piece = self._alternatives()
        if self._at < len(self._text):
            raise _Unreadable
        return piece

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._text[self._at]
        self._at += 1
        return character

    def _alternatives(self) -> Piece:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]

        def one(chance: random.Random, variant: int) -> str:
            branch = branches[variant % len(branches)]
            return branch(chance, variant // len(branches) if variant >= len(branches) else 0)

        return one

    def _sequence(self) -> Piece:
        pieces: list[Piece] = []
        while self._peek() not in {"", "|", ")"}:
            pieces.append(self._repeated(self._atom()))
        return lambda chance, variant: "".join(piece(chance, variant) for piece in pieces)

    def _repeated(self, piece: Piece) -> Piece:
        while True:
            character = self._peek()
            counted = _REPEAT.match(self._text, self._at) if character == "{" else None
            if counted is not None:
                self._at = counted.end()
                least = int(counted[1])
                most = least if counted[2] is None else int(counted[3] or least + 3)
            elif character and character in "*+?":
                self._at += 1
                least, most = {"*": (0, 3), "+": (1, 4), "?": (0, 1)}[character]
            else:
                return piece
            if self._peek() == "?":
                self._at += 1
            piece = _times(piece, min(least, _MOST_REPEATS), min(most, _MOST_REPEATS))

    def _atom(self) -> Piece:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return _choice(self._class())
        if character == ".":
            return _choice("".join(_PRINTABLE))
        if character == "\\":
            return self._escape()
        if character in "^$":
            return _literal("")
        return _literal(character)

    def _group(self) -> Piece:
        flags = _FLAGS.match(self._text, self._at)
        if flags is not None:
            self._at = flags.end()
            return _literal("")
        opened = _GROUP.match(self._text, self._at)
        if opened is not None:
            self._at = opened.end()
        elif self._peek() == "?":
            raise _Unreadable
        piece = self._alternatives()
        if self._next() != ")":
            raise _Unreadable
        return piece

    def _escape(self) -> Piece:
        character = self._next()
        if character == "Q":
            end = self._text.find("\\E", self._at)
            end = len(self._text) if end < 0 else end
            quoted, self._at = self._text[self._at : end], end + 2
            return _literal(quoted)
        if character in _NOTHING:
            return _literal("")
        found = self._set_of(character)
        return _literal(self._character(character)) if found is None else _choice(found)

    def _set_of(self, character: str) -> str | None:
        known = _SETS.get(character.lower())
        if character in "pP":
            if self._next() == "{":
                self._at = self._text.index("}", self._at) + 1
            return _WORD if character == "p" else "-. /"
        if known is None:
            return None
        return known if character.islower() else _without(known)

    def _character(self, character: str) -> str:
        if character == "x":
            if self._peek() == "{":
                end = self._text.index("}", self._at)
                digits, self._at = self._text[self._at + 1 : end], end + 1
            else:
                digits = self._text[self._at : self._at + 2]
                self._at += 2
            return chr(int(digits, 16))
        return _CONTROLS.get(character, character)

    def _class(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self._at += 1
        found: list[str] = []
        first = True
        while first or self._peek() != "]":
            first = False
            found.append(self._class_item())
        self._at += 1
        inside = "".join(found)
        return _without(inside) if negated else inside

    def _class_item(self) -> str:
        posix = _CLASS.match(self._text, self._at)
        if posix is not None:
            self._at = posix.end()
            known = _POSIX.get(posix[2], "")
            return _without(known) if posix[1] else known
        character = self._next()
        if character == "\\":
            character = self._next()
            found = self._set_of(character)
            if found is not None:
                return found
            character = self._character(character)
        if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in {"]", ""}:
            self._at += 1
            last = self._next()
            last = self._character(self._next()) if last == "\\" else last
            return "".join(
                map(chr, range(ord(character), min(ord(last), ord(character) + 300) + 1))
            )
        return character


def _literal(text: str) -> Piece:
    return lambda _chance, _variant: text


def _choice(characters: str) -> Piece:
    if not characters:
        raise _Unreadable
    return lambda chance, variant: chance.choice(characters) if variant else characters[0]


def _without(characters: str) -> str:
    rest = "".join(c for c in _PRINTABLE if c not in characters)
    return rest or "\u00e9"


def _times(piece: Piece, least: int, most: int) -> Piece:
    def run(chance: random.Random, variant: int) -> str:
        count = least if not variant else chance.randint(least, max(least, most))
        written: list[str] = []
        size = 0
        for _ in range(count):
            text = piece(chance, variant)
            written.append(text)
            size += len(text)
            # One that may be nothing may be nothing from here on; too long is of no use.
            if not text or size > _LONGEST:
                break
        return "".join(written)

    return run
