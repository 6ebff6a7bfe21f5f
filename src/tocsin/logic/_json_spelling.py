r"""How a text may be written in JSON: the bytes to look for in a line that is not decoded.

Nearly every character has one spelling that everybody uses, and some have a second one that some
writers use (Go and .NET: ``\u003c``; PHP: ``\/``; Python: ``\u00e9``). A text is there where it is
spelled as usual, or else one of the other spellings is somewhere in the line:

    it's   ->   Text("it's") or Text("\u0027")

Any other escape of a printable character is legal too, and nobody writes it. Lines that have one
are `UNTOLD`, and so are those with a letter outside ASCII that folds to one inside.

https://www.rfc-editor.org/rfc/rfc8259#section-7
"""

from __future__ import annotations

import re
from functools import lru_cache

from tocsin.logic._anchor_formulas import ANYTHING, Anchor, Pattern, Text, all_of, any_of

QUOTE = "\udcff"
"""In a text to be spelled: the quote that begins or ends a string of JSON.

Half a surrogate pair, which stands in no text of an event.
"""

ONE = rb"(?:[ !#-\[\]-~\x7f]|[^\x00-\x7f]{1,4}|\\u[0-9a-f]{4}(?:\\u[0-9a-f]{4})?|\\[^\nu])"
"""One character of a string, at most; pairs of escapes may be two."""

SOME = rb"(?:[^\"\\\n]|\\[^\n])*"
"""Any characters of a string."""

_ODD = rb"00(?:2[0134589ac-f]|3[0-9abf]|[45][0-9a-f]|6[1-9a-f]|7[0-9a-e])"
UNTOLD = (
    Pattern(rb"[^\\\n](?:\\\\)*\\u(?:%b|212a|0130|017f)" % _ODD),
    Pattern("\u212a|\u0130|\u017f".encode()),
)
r"""Lines in which one of these is found: anchors say nothing about them.

Escapes of printable ASCII that no usual writer makes (``\\u0041`` is none: its backslash is
escaped), and the Kelvin sign, the dotted capital I and the long s, which are equal to k, i and s
where case is ignored (`field_types.fold`, RE2's ``(?i)``).
"""

UNTOLD_TEXTS = (
    *(rb"\u%04x" % code for code in range(0x80) if re.fullmatch(_ODD, b"00%02x" % code)),
    rb"\u212a", rb"\u0130", rb"\u017f", *(one.encode() for one in "\u212a\u0130\u017f"),
)  # fmt: skip
"""Texts of which one is in each line in which one of `UNTOLD` is found; quicker to look for."""


_LONGEST = 64
_SHORTEST = 2
_CONTROLS = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_USUAL = {'"': '\\"', "\\": "\\\\", **_CONTROLS}
_SECOND = frozenset("\"&'+<=>`\x7f")
_PLAIN = re.compile(rf"[ !#-%(-*,.0-;?-_a-~{QUOTE}-]*\Z")
_META = re.compile(rb"[.^$*+?{}\[\]|()]")


@lru_cache(maxsize=65_536)
def usual(character: str) -> bytes:
    r"""How everybody writes a character: ``/`` as itself, a backslash as ``\\``."""
    known = _USUAL.get(character)
    if known is not None:
        return known.encode()
    return _escape(character) if character < " " else character.encode().lower()


@lru_cache(maxsize=65_536)
def second(character: str) -> bytes:
    r"""How some write it: ``\/``, ``\u003c``; empty where nobody writes it in another way."""
    if character == "/":
        return b"\\/"
    if character in _SECOND or character in _CONTROLS or character > "\x7f":
        return _escape(character)
    return b""


def _escape(character: str) -> bytes:
    data = character.encode("utf-16-be")
    return b"".join(b"\\u%02x%02x" % (data[i], data[i + 1]) for i in range(0, len(data), 2))


@lru_cache(maxsize=65_536)
def is_certain(character: str, *, fold_case: bool) -> bool:
    """Whether the bytes of a character are known: not with folding, if it has case.

    What folds to ASCII is in lines that are `UNTOLD`.
    """
    if character.isascii() or character == QUOTE:
        return True
    if "\ud800" <= character <= "\udfff":
        return False  # no text of an event holds half a pair
    return not fold_case or character == character.lower() == character.upper()


@lru_cache(maxsize=65_536)
def spelled(text: str, *, fold_case: bool) -> Anchor:
    """What a line needs if a string in it has this text.

    Args:
        text: a piece of a value, or with `QUOTE` at its ends all of it.
        fold_case: whether other letters of another case may stand for its own; it is folded then.
    """
    if len(text) <= _LONGEST and (plain := _plainly(text)):
        return _run(plain)
    runs: list[list[str]] = [[]]
    for character in text:
        if is_certain(character, fold_case=fold_case):
            runs[-1].append(character)
        else:
            runs.append([])
    return all_of(_alternatives(run) for run in runs)


def _plainly(text: str) -> bytes:
    """The one spelling of a text that has no more than one; else nothing."""
    if not _PLAIN.match(text):
        return b""
    return text.replace("\\", "\\\\").replace(QUOTE, '"').lower().encode()


def _alternatives(run: list[str]) -> Anchor:
    # What stands at the end of a path or a command tells more than what stands at its beginning.
    run = run[-_LONGEST:]
    text = b"".join(b'"' if character == QUOTE else usual(character) for character in run)
    others = {second(character) for character in run if character != QUOTE} - {b""}
    return any_of([_run(text), *(Text(other) for other in sorted(others))])


def _run(text: bytes) -> Anchor:
    text = text[-_LONGEST:]
    return Text(text) if len(text) >= _SHORTEST else ANYTHING


def expression(text: str, *, fold_case: bool) -> bytes:
    """A regular expression for the spellings of a text in a string of JSON.

    Args:
        text: as in `spelled`, with `QUOTE` for quotes around it.
        fold_case: as in `spelled`.
    """
    if plain := _plainly(text):
        return quoted(plain)
    return b"".join(_expression(character, fold_case=fold_case) for character in text)


def _expression(character: str, *, fold_case: bool) -> bytes:
    if character == QUOTE:
        return b'"'
    if not is_certain(character, fold_case=fold_case):
        return ONE
    first, other = quoted(usual(character)), second(character)
    return b"(?:%b|%b)" % (first, quoted(other)) if other else first


def quoted(text: bytes) -> bytes:
    """A regular expression that finds these bytes and nothing else."""
    return _META.sub(rb"\\\g<0>", text.replace(b"\\", b"\\\\"))
