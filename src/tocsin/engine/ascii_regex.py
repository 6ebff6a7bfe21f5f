r"""Regular expressions of RE2's syntax for Hyperscan, good for ASCII texts and no others.

Over ASCII a character is a byte, and what differs between RE2 and other dialects (classes of
Unicode, folding, ``\s``, ``$``) can be spelled out: every class as the bytes it holds, a letter in
both cases where case is ignored. What is not known for certain to mean the same is refused.

>>> translated(r"(?i)a\s$", fold_case=False, whole=False)
('(?:[Aa][\\x09-\\x0a\\x0c-\\x0d\\x20]\\z)', 108)

Semantics: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

LONGEST: Final = 1_000
LARGEST: Final = 1_100
"""So many characters and, with repeats written out, so many bytes an expression may have."""

MOST_REPEATS: Final = 1_000
_DEEPEST: Final = 20

_REPEAT = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}")
_FLAGS = re.compile(r"\(\?([is]*)(?:-(s))?([:)])")
_HEX = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})")

_ALL: Final = frozenset(range(128))
_DIGITS: Final = frozenset(b"0123456789")
_LETTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_WORD: Final = _LETTERS | _DIGITS | frozenset(b"_")
_SPACE: Final = frozenset(b"\t\n\f\r ")
_PERL: Final = {
    "d": _DIGITS, "D": _ALL - _DIGITS, "w": _WORD, "W": _ALL - _WORD,
    "s": _SPACE, "S": _ALL - _SPACE,
}  # fmt: skip
_CONTROLS: Final = {"a": 7, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_ASSERTIONS: Final = {"A": r"\A", "z": r"\z", "b": r"\b", "B": r"\B"}
_ANYTHING: Final = ".*"


class Doubtful(Exception):  # noqa: N818  (what is doubtful is told by the message)
    """An expression that is left to RE2; the message says why."""


class _Flags(NamedTuple):
    fold: bool
    dot_all: bool


class _Part(NamedTuple):
    """A piece of the result: its text, its size with repeats written out.

    Whether it can be repeated, and whether it is one already.
    """

    text: str
    size: int
    repeats: bool = True
    is_repeat: bool = False


def _joined(branches: Iterable[Iterable[_Part]]) -> str:
    return "|".join("".join(part.text for part in branch) for branch in branches)


def translated(pattern: str, *, fold_case: bool, whole: bool) -> tuple[str, int]:
    """The expression as Hyperscan has to be given it, with a dot for any byte and no other flags.

    With it comes about what it takes to compile, in units of what a short literal takes.

    Args:
        pattern: RE2 syntax, in which a dot is any character at all.
        fold_case: whether case is ignored.
        whole: whether it has to match the whole text, or any part of it.

    Raises:
        Doubtful: it is not certain that the two would agree, or it is large.
    """
    if len(pattern) > LONGEST:
        raise Doubtful("it is long")
    reader = _Reader(pattern)
    branches, size = reader.alternation(_Flags(fold_case, dot_all=True), depth=0)
    if not reader.at_end:
        raise Doubtful("a ')' closes nothing")
    if size > LARGEST:
        raise Doubtful("it is large")
    begin, end = (r"\A", r"\z") if whole else ("", "")
    if len(branches) == 1:
        [parts] = branches
        if whole and parts and parts[0].text == _ANYTHING:
            parts, begin = parts[1:], ""
        if whole and parts and parts[-1].text == _ANYTHING:
            parts, end = parts[:-1], ""
        branches = [parts]
    # Measured: the square of the size for counted repeats, and more for every repeat without end.
    cost = 100 + 4 * size + size * size // 100 + 250 * reader.endless
    return f"{begin}(?:{_joined(branches)}){end}", cost


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.endless = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._text)

    def _next(self) -> str:
        if self.at_end:
            raise Doubtful("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def alternation(self, flags: _Flags, depth: int) -> tuple[list[list[_Part]], int]:
        """Branches up to a ``)`` or the end, each as its parts, and the size of all."""
        if depth > _DEEPEST:
            raise Doubtful("it nests deep")
        branches: list[list[_Part]] = [[]]
        size = 0
        while self._peek() not in {"", ")"}:
            if self._peek() == "|":
                self._at += 1
                branches.append([])
                continue
            found = _FLAGS.match(self._text, self._at)
            if found is not None and found[3] == ")":
                self._at = found.end()
                flags = _changed(flags, found)
                if self._peek() in set("*+?{"):
                    raise Doubtful("a repeat of nothing")
                continue
            part = self._repeated(self._atom(flags, depth))
            branches[-1].append(part)
            size += part.size
        return branches, size

    def _atom(self, flags: _Flags, depth: int) -> _Part:
        character = self._next()
        match character:
            case "(":
                return self._group(flags, depth)
            case "[":
                return _Part(_spelled(self._class(flags)), 1)
            case ".":
                return _Part(_spelled(_ALL if flags.dot_all else _ALL - {10}), 1)
            case "^":
                return _Part(r"\A", 0, repeats=False)
            case "$":
                return _Part(r"\z", 0, repeats=False)
            case "\\":
                return self._escape(flags)
            case "*" | "+" | "?":
                raise Doubtful("a repeat of nothing")
            case "{" if _REPEAT.match(self._text, self._at - 1):
                raise Doubtful("a repeat of nothing")
            case _:
                return _Part(_spelled(_folded(ord(character), flags)), 1)

    def _group(self, flags: _Flags, depth: int) -> _Part:
        if self._peek() == "?":
            found = _FLAGS.match(self._text, self._at - 1)
            if found is None:
                raise Doubtful("a group of another kind")
            self._at = found.end()
            flags = _changed(flags, found)
        branches, size = self.alternation(flags, depth + 1)
        if self._next() != ")":
            raise Doubtful("a '(' is not closed")
        if len(branches) == 1 and len(branches[0]) == 1 and not branches[0][0].is_repeat:
            return branches[0][0]
        return _Part(f"(?:{_joined(branches)})", size + 1)

    def _escape(self, flags: _Flags) -> _Part:
        character = self._peek()
        if character in _ASSERTIONS:
            self._at += 1
            return _Part(_ASSERTIONS[character], 0, repeats=False)
        if character in _PERL:
            self._at += 1
            return _Part(_spelled(_PERL[character]), 1)
        return _Part(_spelled(_folded(self._escaped(), flags)), 1)

    def _escaped(self) -> int:
        """The character behind a backslash."""
        found = _HEX.match(self._text, self._at - 1)
        if found is not None:
            self._at = found.end()
            return int(found[1] or found[2], 16)
        character = self._next()
        if character in _CONTROLS:
            return _CONTROLS[character]
        if ord(character) > 127 or ord(character) in _WORD:
            raise Doubtful(f"an escape: \\{character}")
        return ord(character)

    def _class(self, flags: _Flags) -> frozenset[int]:
        negated = self._peek() == "^"
        if negated:
            self._at += 1
        members: set[int] = set()
        if self._peek() == "]":
            raise Doubtful("a class that begins with ']'")
        while (character := self._next()) != "]":
            if character == "[" and self._peek() in set(":=."):
                raise Doubtful("a named class")
            if character == "\\" and self._peek() in _PERL:
                members |= _PERL[self._next()]
                continue
            low = high = self._escaped() if character == "\\" else ord(character)
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in {"", "]"}:
                self._at += 1
                character = self._next()
                high = self._escaped() if character == "\\" else ord(character)
            if high < low:
                raise Doubtful("a range that runs backwards")
            if high > 127 and flags.fold:
                raise Doubtful("a character beyond ASCII")
            members.update(range(low, min(high, 127) + 1))
        if flags.fold:
            members |= {byte ^ 32 for byte in members & _LETTERS}
        return _ALL - members if negated else frozenset(members)

    def _repeated(self, part: _Part) -> _Part:
        character = self._peek()
        found = _REPEAT.match(self._text, self._at)
        if character in {"*", "+", "?"}:
            self._at += 1
            suffix, times = character, 1
            self.endless += character != "?"
        elif found is not None:
            self._at = found.end()
            low = int(found[1])
            times = int(found[3]) if found[3] else low
            if times < low or times > MOST_REPEATS:
                raise Doubtful(f"a repeat: {found[0]}")
            self.endless += bool(found[2] and not found[3])
            suffix = f"{{{low}{',' if found[2] else ''}{found[3] or ''}}}"
        else:
            return part
        if not part.repeats:
            raise Doubtful("a repeat of an assertion")
        if self._peek() == "?":  # whether it takes much or little makes no difference to what fits
            self._at += 1
        if self._peek() in {"*", "+", "?"} or _REPEAT.match(self._text, self._at):
            raise Doubtful("a repeat of a repeat")
        return _Part(part.text + suffix, part.size * max(times, 1), is_repeat=True)


def _changed(flags: _Flags, found: re.Match[str]) -> _Flags:
    """The flags of ``(?is-s:``."""
    fold = flags.fold or "i" in found[1]
    return _Flags(fold, (flags.dot_all or "s" in found[1]) and found[2] is None)


def _folded(character: int, flags: _Flags) -> frozenset[int]:
    if character > 127:
        if flags.fold:
            raise Doubtful("a character beyond ASCII")
        return frozenset()
    if flags.fold and character in _LETTERS:
        return frozenset({character, character ^ 32})
    return frozenset({character})


def _spelled(members: Iterable[int]) -> str:
    """Bytes as a character or a class; none at all as a byte that is in no ASCII text."""
    ordered = sorted(members) or [0xFF]
    if len(ordered) == 1:
        return _byte(ordered[0])
    if len(ordered) == len(_ALL):
        return "."
    if len(ordered) > len(_ALL) // 2:
        return f"[^{_ranges(sorted(_ALL.difference(ordered)))}]"
    return f"[{_ranges(ordered)}]"


def _ranges(ordered: list[int]) -> str:
    pieces: list[str] = []
    start = last = ordered[0]
    for byte in [*ordered[1:], 999]:
        if byte != last + 1:
            pieces.append(_byte(start) if start == last else f"{_byte(start)}-{_byte(last)}")
            start = byte
        last = byte
    return "".join(pieces)


def _byte(byte: int) -> str:
    return chr(byte) if byte in _LETTERS | _DIGITS else f"\\x{byte:02x}"
