r"""Regular expressions of Sigma rules, for RE2: a dialect without look-around and references.

Where a look-around stands at an edge of the pattern, the same can be said without it:

* ``^(?!a)b`` finds where ``^b`` is found and ``^a`` is not; ``^(?=a)b`` where both are
* ``a(?=b)`` at the end finds where ``a(?:b)`` does, and so does ``(?<=a)b`` at the beginning

>>> translated("^(?!C:)[A-Z]:", "s").unwanted, translated("user(?= add)", "s").wanted
(('^(?:C:)',), ('user(?: add)',))

What is left is refused by the name of the construct. In Sigma ``.`` is no line break unless the
modifier ``s`` says so, and a pattern is found anywhere in a value.

Syntax of RE2: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from tocsin.errors import QuerySemanticError, UnsupportedFeature

_LONGEST: Final = 20_000
_LARGEST_REPEAT: Final = 1_000


class Translated(msgspec.Struct, frozen=True):
    """What has to be found in a value, and what must not be."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...] = ()


def translated(pattern: str, flags: str = "") -> Translated:
    """A pattern in RE2's syntax.

    Args:
        pattern: as the rule wrote it.
        flags: ``m`` and ``s``, where the rule has these modifiers.

    Raises:
        UnsupportedFeature: RE2 has nothing of the kind.
        QuerySemanticError: it is no regular expression.
    """
    if len(pattern) > _LONGEST:
        message = f"a regular expression of more than {_LONGEST:,} characters"
        raise UnsupportedFeature(message)
    found = _without_edges(pattern, flags)
    prefix = _prefix(flags)
    for part in (*found.wanted, *found.unwanted):
        _check(part, pattern)
    return Translated(
        tuple(prefix.format(part) for part in found.wanted),
        tuple(prefix.format(part) for part in found.unwanted),
    )


def _prefix(flags: str) -> str:
    """The engine's own default is that ``.`` is any character."""
    on = "m" if "m" in flags else ""
    off = "" if "s" in flags else "-s"
    return f"(?{on}{off}:{{}})" if on or off else "{}"


# --- look-around at the edges -------------------------------------------------------------------

_AROUND: Final = ("(?=", "(?!", "(?<=", "(?<!")


def _without_edges(pattern: str, flags: str) -> Translated:
    if not any(sign in pattern for sign in _AROUND):
        return Translated((pattern,))
    # Flags at the beginning hold for every part that the pattern is cut into.
    set_here = _FLAGS.match(pattern)
    lead = set_here.group() if set_here else ""
    pieces = _pieces(pattern[len(lead) :])
    if pieces is None or "|" in pieces:
        return Translated((pattern,))
    if pieces[-1].startswith("(?="):
        pieces[-1] = f"(?:{pieces[-1][3:]}"
    if pieces[0].startswith("(?<=") and not _is_repeated(pieces, 0):
        pieces[0] = f"(?:{pieces[0][4:]}"
    anchor = 1 if pieces[0] == "^" and "m" not in flags + lead else 0
    end = anchor
    while anchor and end < len(pieces) and pieces[end].startswith(("(?=", "(?!")):
        if _is_repeated(pieces, end):
            return Translated((pattern,))
        end += 1
    ahead = pieces[anchor:end]
    rest = "".join((*pieces[:anchor], *pieces[end:]))
    return Translated(
        (*(f"{lead}^(?:{p[3:]}" for p in ahead if p.startswith("(?=")), lead + rest),
        tuple(f"{lead}^(?:{p[3:]}" for p in ahead if p.startswith("(?!")),
    )


def _is_repeated(pieces: list[str], place: int) -> bool:
    return place + 1 < len(pieces) and pieces[place + 1][0] in "*+?{"


_PIECE: Final = re.compile(
    r"\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\w+:\]|[^\]\\])*\]|[()|^]|[^()|^\\\[]+|[\s\S]"
)
_FLAGS: Final = re.compile(r"\(\?[a-zA-Z]*-?[a-zA-Z]*\)")  # no colon: for what stands behind


def _pieces(pattern: str) -> list[str] | None:
    """The pattern cut at its outermost groups; None where they do not close."""
    pieces: list[str] = []
    depth, start = 0, 0
    for found in _PIECE.finditer(pattern):
        sign = found.group()
        if sign == "(":
            if depth == 0:
                start = found.start()
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth < 0:
                return None
            if depth == 0:
                group = pattern[start : found.end()]
                if _FLAGS.fullmatch(group):
                    return None  # they change the meaning of everything behind them
                pieces.append(group)
        elif depth == 0:
            pieces.append(sign)
    return None if depth or not pieces else pieces


# --- what RE2 has not -----------------------------------------------------------------------------

_CONSTRUCTS: Final = (
    (re.compile(r"\(\?<?[=!]"), "look-around"),
    (re.compile(r"\(\?>"), "an atomic group"),
    (re.compile(r"[*+?}]\+"), "a possessive quantifier"),
    (re.compile(r"\\[1-9]|\\k[<{']|\(\?P="), "a back reference"),
    (re.compile(r"\(\?\("), "a conditional group"),
    (re.compile(r"\(\?(?:R|[+-]?\d|&|P>)"), "recursion"),
    (re.compile(r"\(\?#"), "a comment"),
    (re.compile(r"\\[ZGKXRNhHeu]"), "an escape"),
)
_REPEAT: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")


@lru_cache(maxsize=4_096)
def _problem(pattern: str) -> str:
    """Why RE2 refuses a pattern; empty where it does not."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it is none"
        return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return ""


def _check(pattern: str, written: str) -> None:
    reason = _problem(pattern)
    if not reason:
        return
    outside = _PIECE.sub(lambda found: _outside(found.group()), pattern)
    for sign, name in _CONSTRUCTS:
        found = sign.search(outside)
        if found is not None:
            shown = "" if name == "look-around" else f" '{found.group()}'"
            message = f"the regular expression {_cut(written)} needs {name}{shown}"
            raise UnsupportedFeature(message, hint="RE2, which cannot run away, has none")
    if any(int(n or 0) > _LARGEST_REPEAT for pair in _REPEAT.findall(outside) for n in pair):
        message = (
            f"the regular expression {_cut(written)} repeats more than {_LARGEST_REPEAT:,} times"
        )
        raise UnsupportedFeature(message)
    if reason.startswith("invalid repetition size"):
        message = f"the regular expression {_cut(written)} repeats too much in all"
        raise UnsupportedFeature(
            message, hint="RE2 takes 1,000 repetitions, nested ones multiplied"
        )
    message = f"{_cut(written)} is no regular expression: {reason}"
    raise QuerySemanticError(message)


def _outside(piece: str) -> str:
    """What of a piece is no class: signs in it mean nothing."""
    if piece == "\\\\":
        return ""
    return "[]" if len(piece) > 1 and piece[0] == "[" else piece


def _cut(pattern: str, longest: int = 80) -> str:
    return pattern if len(pattern) <= longest else f"{pattern[:longest]}…"
