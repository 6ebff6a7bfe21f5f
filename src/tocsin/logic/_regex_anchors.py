r"""Texts that a regular expression cannot do without.

A small reader of RE2's syntax keeps, for each part of a pattern, either the few texts that it is
(``a[bc]`` is ``ab`` or ``ac``), or what it begins with, has inside and ends in:

    (?:curl|wget) .*\.sh$   ->   "curl " or "wget ", and ".sh" at the end of the value

It reads less than RE2 does: a pattern with anything else, or one too long or too deep, needs
nothing. Case is not looked at.

https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from tocsin.logic._json_spelling import QUOTE


class Every(msgspec.Struct, frozen=True):
    """All of the pieces have to be in the value."""

    terms: tuple[Need, ...]


class OneOf(msgspec.Struct, frozen=True):
    """One of the pieces has to be in the value."""

    terms: tuple[Need, ...]


Need = str | Every | OneOf
"""What a value has to hold; `QUOTE` in a piece is an end of the value."""

_MOST_TEXTS = 16
_MOST_BRANCHES = 200
_LONGEST_TEXT = 128
_LONGEST_PATTERN = 20_000
_DEEPEST = 40
_WIDEST_CLASS = 4
_MOST_COPIES = 8
_MOST_PIECES = 200
_MOST_BESIDE = 4

_REPEAT = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}")
_GROUP = re.compile(r"\(\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|[imsU]*(?:-[imsU]+)?:)")
_FLAGS = re.compile(r"\(\?[imsU]*(?:-[imsU]+)?\)")
_BY_LINE = re.compile(r"\(\?[imsU]*m")
_HEXADECIMAL = re.compile(r"x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))")
_PROPERTY = re.compile(r"[pP](?:\{\^?\w+\}|[A-Z])")
_POSIX = re.compile(r"\[:\^?[a-z]+:\]")
_ORDINARY = re.compile(r"[^\\\[\](){}|*+?.^$\x80-\U0010ffff]+")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


class _Unreadable(Exception):  # noqa: N818 (no error: the pattern needs nothing)
    """The pattern has syntax that is not read here."""


class _Part(NamedTuple):
    """A part of a pattern.

    Attributes:
        whole: the texts that it is; empty where they are too many.
        first: texts of which it begins with one.
        inner: what is in it besides.
        last: texts of which it ends in one.
        branches: of alternatives, each of them.
    """

    whole: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset({""})
    inner: tuple[Need, ...] = ()
    last: frozenset[str] = frozenset({""})
    branches: tuple[_Part, ...] = ()


_GAP = _Part()
_END = _Part(frozenset({QUOTE}))
_EMPTY = _Part(frozenset({""}))


def needs_of(pattern: str, *, whole: bool) -> Need:
    """What a value has to hold for the pattern to be found in it.

    Args:
        pattern: in RE2's syntax.
        whole: whether it has to match the whole value.
    """
    if len(pattern) > _LONGEST_PATTERN:
        return Every(())
    try:
        part = _Reader(pattern).read()
    except (_Unreadable, IndexError, ValueError, OverflowError):
        return Every(())
    return _needs(part, (_END,) if whole else ())


def _needs(part: _Part, around: tuple[_Part, ...]) -> Need:
    if part.branches:
        if not around:
            return part.inner[0]
        return OneOf(tuple(_needs(branch, around) for branch in part.branches))
    joined = _joined((*around, part, *around))
    ends = [joined.whole] if joined.whole else [joined.first, joined.last]
    return Every((*joined.inner, *itertools.chain.from_iterable(map(_piece, ends))))


def _piece(texts: Iterable[str]) -> list[Need]:
    found = sorted(texts)
    if "" in found:
        return []
    return [OneOf(tuple(found)) if len(found) > 1 else found[0]]


def _joined(parts: Sequence[_Part]) -> _Part:
    """The parts one behind the other."""
    choices = [place for place, part in enumerate(parts) if part.branches]
    if len(parts) > 1 and len(choices) == 1 and _are_ends(parts):
        place = choices[0]
        before, after = parts[:place], parts[place + 1 :]
        return _either([_joined((*before, b, *after)) for b in parts[place].branches])
    first: frozenset[str] | None = None
    inner: list[Need] = []
    texts = frozenset({""})

    def close() -> None:
        nonlocal first
        if first is None:
            first = texts
        else:
            inner.extend(_piece(texts))

    for part in parts:
        begins = part.whole or part.first
        crossed = _crossed(texts, begins)
        if crossed is None:
            close()
        texts = begins if crossed is None else crossed
        if not part.whole:
            close()
            inner.extend(part.inner)
            texts = part.last
    if first is None:
        return _Part(texts)
    return _Part(frozenset(), first, tuple(inner[:_MOST_PIECES]), texts)


def _are_ends(parts: Sequence[_Part]) -> bool:
    """Whether what stands beside alternatives is little enough to stand beside each of them."""
    beside = [part for part in parts if not part.branches]
    choices = next(part for part in parts if part.branches)
    return (
        len(beside) <= _MOST_BESIDE
        and all(len(part.whole) == 1 for part in beside)
        and len(choices.branches) <= _MOST_BRANCHES
        and not any(branch.branches for branch in choices.branches)
    )


def _crossed(left: frozenset[str], right: frozenset[str]) -> frozenset[str] | None:
    if len(left) * len(right) > _MOST_TEXTS:
        return None
    if max(map(len, left)) + max(map(len, right)) > _LONGEST_TEXT:
        return None
    # Two ends of a value one behind the other are one and the same.
    return frozenset((a + b).replace(QUOTE + QUOTE, QUOTE) for a in left for b in right)


def _either(parts: Sequence[_Part]) -> _Part:
    """One of the parts."""
    if len(parts) == 1:
        return parts[0]
    if all(part.whole for part in parts):
        texts = frozenset().union(*(part.whole for part in parts))
        if len(texts) <= _MOST_BRANCHES:
            return _Part(texts)
    return _Part(inner=(OneOf(tuple(_needs(part, ()) for part in parts)),), branches=tuple(parts))


def _repeated(part: _Part, least: int, most: int | None) -> _Part:
    if least == 0:
        if most == 1 and part.whole and len(part.whole) < _MOST_TEXTS:
            return _Part(part.whole | {""})
        return _EMPTY if most == 0 else _GAP
    copies = _joined([part] * min(least, _MOST_COPIES))
    if least == most and least <= _MOST_COPIES:
        return copies
    if copies.whole:
        # It begins with them and ends in them, which may be the same.
        return _Part(frozenset(), copies.whole, (), copies.whole)
    return copies._replace(branches=())


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._depth = 0
        self._end = _EMPTY if _BY_LINE.search(pattern) else _END

    def read(self) -> _Part:
        part = self._alternatives()
        if self._at < len(self._text):
            raise _Unreadable
        return part

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _takes(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _alternatives(self) -> _Part:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Unreadable
        branches = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence())
        self._depth -= 1
        return _either(branches)

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self._peek() not in {"", "|", ")"}:
            parts.extend(self._ordinary() or (self._quantified(self._atom()),))
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _ordinary(self) -> list[_Part]:
        """Characters that stand for themselves, without the one that a quantifier is of."""
        found = self._takes(_ORDINARY)
        if found is None:
            return []
        text = found[0]
        if self._peek() and self._peek() in "*+?{":
            self._at -= 1
            text = text[:-1]
            if not text:
                self._at += 1
                return [self._quantified(_literal(found[0]))]
        pieces = (text[i : i + _LONGEST_TEXT] for i in range(0, len(text), _LONGEST_TEXT))
        return [_literal(piece) for piece in pieces]

    def _quantified(self, part: _Part) -> _Part:
        while True:
            character = self._peek()
            if character == "{":
                found = self._takes(_REPEAT)
                if found is None:
                    return part
                least = int(found[1])
                most = least if found[2] is None else int(found[3]) if found[3] else None
            elif character and character in "*+?":
                self._at += 1
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[character]
            else:
                return part
            if self._peek() == "?":
                self._at += 1
            part = _repeated(part, least, most)

    def _atom(self) -> _Part:
        character = self._text[self._at]
        if character == "(":
            return self._group()
        self._at += 1
        match character:
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case ".":
                return _GAP
            case "^" | "$":
                return self._end
            case "{" | "}" | "]":
                return _literal(character)
            case "*" | "+" | "?":
                raise _Unreadable
            case _:
                return _GAP  # a letter outside ASCII, which may have case

    def _group(self) -> _Part:
        if self._takes(_FLAGS):
            return _EMPTY
        if not self._takes(_GROUP):
            self._at += 1
            if self._peek() == "?":
                raise _Unreadable
        part = self._alternatives()
        if self._peek() != ")":
            raise _Unreadable
        self._at += 1
        return part

    def _escape(self) -> _Part:
        if self._peek() == "Q":
            end = self._text.index("\\E", self._at)
            text, self._at = self._text[self._at + 1 : end], end + 2
            # A quantifier behind it would be of its last character alone.
            if self._peek() and self._peek() in "*+?{":
                raise _Unreadable
            return _joined([_literal(c) if c.isascii() else _GAP for c in text])
        if self._peek() and self._peek() in "bB":
            self._at += 1
            return _EMPTY
        if self._peek() and self._peek() in "Az":
            self._at += 1
            return _END
        character = self._escaped()
        return _GAP if not character or not character.isascii() else _literal(character)

    def _escaped(self) -> str:
        """The character that an escape stands for; empty where it stands for several."""
        found = self._takes(_HEXADECIMAL)
        if found is not None:
            return chr(int(found[1] or found[2], 16))
        if self._takes(_PROPERTY):
            return ""
        character = self._text[self._at]
        self._at += 1
        if character in "dDsSwW":
            return ""
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isalnum() or character > "\x7f":
            raise _Unreadable
        return character

    def _class(self) -> _Part:
        """The few characters of a class; a gap where they are many."""
        found: set[str] = set()
        is_wide = self._peek() == "^"
        self._at += is_wide
        begin = self._at
        while self._peek() != "]" or self._at == begin:
            if self._takes(_POSIX):
                is_wide = True
                continue
            low = self._member()
            high = low
            if self._peek() == "-" and self._text[self._at + 1] != "]":
                self._at += 1
                high = self._member()
            if not low or not high or ord(high) - ord(low) >= _WIDEST_CLASS:
                is_wide = True
            else:
                found.update(chr(code).lower() for code in range(ord(low), ord(high) + 1))
        self._at += 1
        if is_wide or len(found) > _WIDEST_CLASS or not all(map(str.isascii, found)):
            return _GAP
        return _Part(frozenset(found)) if found else _GAP

    def _member(self) -> str:
        character = self._text[self._at]
        self._at += 1
        return self._escaped() if character == "\\" else character


def _literal(text: str) -> _Part:
    return _Part(frozenset({text.lower()}))
