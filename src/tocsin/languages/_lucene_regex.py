r"""Lucene's regular expressions → RE2.

They match a whole value. ``^`` and ``$`` are ordinary characters, ``.`` is any character at all,
``"…"`` quotes, ``@`` is any text, ``#`` none, ``<5-80>`` a number; there are no lazy quantifiers,
no look-around and no references. Complement (``~``) and intersection (``&``) have no counterpart
in RE2.

>>> to_re2('a$"b."<8-12>'), to_re2(r"\w+?@")
('a\\$(?:b\\.)(?:0*(?:[8-9]|1[0-2]))', '[a-zA-Z0-9_]*(?s:.*)')

A sign that repeats or separates, where nothing stands before it, is an ordinary character, as in
Lucene: ``*a``.

https://www.elastic.co/docs/reference/query-languages/query-dsl/regexp-syntax
"""

from __future__ import annotations

import re

from tocsin.errors import TocsinError

_CLASSES = {"d": "0-9", "s": r"\t\n\r ", "w": "a-zA-Z0-9_"}
_CLASS = {letter: f"[{inner}]" for letter, inner in _CLASSES.items()}
_CLASS |= {letter.upper(): f"[^{inner}]" for letter, inner in _CLASSES.items()}
# What is not in a class, as ranges that may stand in a class.
_OTHERS = {
    "D": r"\x{0}-/:-\x{10FFFF}",
    "S": r"\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}!-\x{10FFFF}",
    "W": r"\x{0}-/:-@\[-\^`{-\x{10FFFF}",
}
_NOTHING = r"[^\x{0}-\x{10FFFF}]"
_ANYTHING = "(?s:.*)"
_ONE = "(?s:.)"
_REPEAT = re.compile(r"\{([0-9]{1,9})(?:(,)([0-9]{1,9})?)?\}")
_INTERVAL = re.compile(r"<([0-9]{1,18})-([0-9]{1,18})>")
_MOST_WRAPS = 20
_SIMPLER = {"**": "*", "*+": "*", "*?": "*", "+*": "*", "++": "+", "+?": "*"}
_SIMPLER |= {"?*": "*", "?+": "*", "??": "?"}


class BadRegex(TocsinError):  # noqa: N818  (what is bad is told by the message)
    """A regular expression that cannot be used.

    Attributes:
        message: why.
        unsupported: whether Lucene would take it.
    """

    def __init__(self, message: str, *, unsupported: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.unsupported = unsupported


def to_re2(pattern: str) -> str:
    """The regular expression in RE2's syntax, for the whole value.

    Raises:
        BadRegex: Lucene refuses it, or RE2 has nothing of the kind.
    """
    return _Translation(pattern).run() if pattern else "(?:)"


class _Translation:
    """One pass over a pattern: atoms are added to ``pieces``, and repeated there."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.pieces: list[str] = []
        self.groups: list[int] = []  # where in `pieces` each open group begins
        self.atom = -1  # where the last atom begins; -1: there is none to repeat or to join
        self.quantifier = ""
        self.wraps = 0

    def run(self) -> str:
        while self.at < len(self.pattern):
            self.step(self.pattern[self.at])
        if self.groups:
            raise BadRegex("a '(' is not closed")
        if self.atom < 0:
            raise BadRegex("it ends where something has to follow")
        return "".join(self.pieces)

    def step(self, character: str) -> None:
        if self.atom >= 0:
            if character in "*+?":
                self.at += 1
                self.repeat(character)
                return
            if character == "{":
                self.counted()
                return
            if character == "|":
                self.at += 1
                self.pieces.append("|")
                self.atom = -1
                return
            if character == ")":
                self.close()
                return
            if character == "&":
                message = "intersections (&) are not supported; an ordinary & is written \\&"
                raise BadRegex(message, unsupported=True)
        match character:
            case "(":
                self.open()
            case "[":
                self.character_class()
            case '"':
                self.quoted()
            case "<":
                self.interval()
            case "\\":
                self.at += 1
                self.add(self.escaped())
            case "~":
                message = "complements (~) are not supported; an ordinary ~ is written \\~"
                raise BadRegex(message, unsupported=True)
            case _:
                self.at += 1
                plain = {".": _ONE, "@": _ANYTHING, "#": _NOTHING}
                self.add(plain.get(character) or re.escape(character))

    def add(self, atom: str) -> None:
        self.atom = len(self.pieces)
        self.pieces.append(atom)
        self.quantifier = ""

    # --- groups and repeats -------------------------------------------------------------------

    def open(self) -> None:
        if self.pattern.startswith("()", self.at):
            self.at += 2
            self.add("(?:)")
            return
        self.at += 1
        self.groups.append(len(self.pieces))
        self.pieces.append("(?:")
        self.atom = -1

    def close(self) -> None:
        if not self.groups:
            raise BadRegex("a ')' closes nothing")
        self.at += 1
        self.pieces.append(")")
        self.atom = self.groups.pop()
        self.quantifier = ""

    def repeat(self, sign: str) -> None:
        if self.quantifier:
            simpler = _SIMPLER.get(self.quantifier + sign)
            if simpler is not None:
                self.pieces[-1] = self.quantifier = simpler
                return
            self.wrap()
        self.pieces.append(sign)
        self.quantifier = sign

    def wrap(self) -> None:
        """Brackets around what is repeated already: in RE2 ``a{2}?`` would be lazy."""
        self.wraps += 1
        if self.wraps > _MOST_WRAPS:
            raise BadRegex("too many repeats of repeats", unsupported=True)
        self.pieces[self.atom] = "(?:" + self.pieces[self.atom]
        self.pieces.append(")")

    def counted(self) -> None:
        found = _REPEAT.match(self.pattern, self.at)
        if found is None:
            raise BadRegex("a '{' does not begin a number of repeats; a plain one is written \\{")
        self.at = found.end()
        least, comma, most = found.groups()
        if most is not None and int(most) < int(least):
            raise BadRegex(f"more at least than at most: {found[0]}")
        if self.quantifier:
            self.wrap()
        self.pieces.append("{" + str(int(least)) + (comma or "") + (most or "") + "}")
        self.quantifier = "{"

    # --- atoms --------------------------------------------------------------------------------

    def escaped(self) -> str:
        """What stands behind a backslash, as an atom."""
        character = self.character_behind_backslash()
        return _CLASS[character[1]] if len(character) > 1 else re.escape(character)

    def character_behind_backslash(self) -> str:
        """One character, or two for a class: a backslash and its letter."""
        character = self.pattern[self.at : self.at + 1]
        self.at += 1
        if not character:
            raise BadRegex("it ends in a backslash")
        if character in _CLASS:
            return "\\" + character
        if character.isascii() and character.isalpha():
            raise BadRegex(f"no such class of characters: \\{character}")
        return character

    def quoted(self) -> None:
        end = self.pattern.find('"', self.at + 1)
        if end < 0:
            raise BadRegex("a '\"' is not closed; an ordinary one is written \\\"")
        self.add(_grouped(re.escape(self.pattern[self.at + 1 : end]), end - self.at - 1))
        self.at = end + 1

    def interval(self) -> None:
        found = _INTERVAL.match(self.pattern, self.at)
        if found is None:
            raise BadRegex("a '<' does not begin a numeric interval; a plain one is written \\<")
        self.at = found.end()
        low, high = sorted((found[1], found[2]), key=int)
        width = len(low) if len(low) == len(high) else 0
        self.add(_between(int(low), int(high), width))

    def character_class(self) -> None:
        self.at += 1
        negated = self.pattern.startswith("^", self.at)
        self.at += negated
        ranges: list[str] = []
        while True:
            if self.at >= len(self.pattern):
                raise BadRegex("a '[' is not closed")
            if self.pattern[self.at] == "]" and ranges:
                self.at += 1
                break
            ranges.append(self.one_range())
        self.add(f"[{'^' if negated else ''}{''.join(ranges)}]")

    def one_range(self) -> str:
        low = self.class_character()
        if len(low) > 1:
            return _CLASSES.get(low[1]) or _OTHERS[low[1]]
        rest = self.pattern[self.at : self.at + 2]
        if not rest.startswith("-") or rest == "-]" or len(rest) < 2:
            return _class_escape(low)
        self.at += 1
        high = self.class_character()
        if len(high) > 1 or ord(high) < ord(low):
            raise BadRegex(f"no such range of characters: {low}-{high}")
        return f"{_class_escape(low)}-{_class_escape(high)}"

    def class_character(self) -> str:
        character = self.pattern[self.at]
        self.at += 1
        return self.character_behind_backslash() if character == "\\" else character


def _class_escape(character: str) -> str:
    return f"\\{character}" if character in "\\]^-[&~" else character


def _grouped(text: str, size: int) -> str:
    return text if size == 1 else f"(?:{text})"


def _between(low: int, high: int, width: int) -> str:
    """The numbers from ``low`` to ``high``, of ``width`` digits or with any number of zeros."""
    if width:
        return f"(?:{'|'.join(_of_width(low, high, width))})"
    alternatives: list[str] = []
    for digits in range(len(str(low)), len(str(high)) + 1):
        least = 10 ** (digits - 1) if digits > 1 else 0
        alternatives += _of_width(max(low, least), min(high, 10**digits - 1), digits)
    return f"(?:0*(?:{'|'.join(alternatives)}))"


def _of_width(low: int, high: int, digits: int) -> list[str]:
    """Patterns of so many digits each, in order.

    >>> _of_width(37, 652, 3)
    ['03[7-9]', '0[4-9][0-9]', '[1-5][0-9][0-9]', '6[0-4][0-9]', '65[0-2]']
    """
    found: list[str] = []
    while low <= high:
        # As many free digits at the end as fit, and the longest row of digits before them.
        free, step = 0, 1
        while free + 1 < digits and low % (step * 10) == 0 and low + step * 10 - 1 <= high:
            free, step = free + 1, step * 10
        prefix, first = divmod(low // step, 10)
        last = min(9, first + (high + 1 - low) // step - 1)
        written = str(prefix).rjust(digits - free - 1, "0") if digits > free + 1 else ""
        row = str(first) if first == last else f"[{first}-{last}]"
        found.append(written + row + "[0-9]" * free)
        low += (last - first + 1) * step
    return found
