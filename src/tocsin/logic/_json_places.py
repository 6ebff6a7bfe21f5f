r"""Where things stand in JSON: what a line has that holds a field, or a field with a value.

    process.name   ->   "process" or "process.   and   "name" or .name"
    event.type, "start"   ->   type"\s*:\s*(?:"start"|\[…"start"), as a regular expression

However the levels of a field are split between nested and dotted keys, the first key begins with
the first level and the last key ends in the last one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tocsin.logic._anchor_formulas import ANYTHING, Anchor, Pattern, all_of, any_of
from tocsin.logic._json_spelling import QUOTE, expression, spelled

_MOST_TARGETS = 80
_LONGEST = 1_500

_BLANKS = rb"[ \t\r]*"
_ELEMENTS = rb'\[(?:[^\]"\[{\n]|"(?:[^"\\\n]|\\[^\n])*")*'
"""The beginning of an array, up to some element, if none before it is an array or an object."""


@lru_cache(maxsize=65_536)
def key_anchor(field: str) -> Anchor:
    """What a line needs to have the field; of a field with ``*`` in it, what is certain."""
    levels = [level.split("*") for level in field.split(".")]
    begin, end = levels[0], levels[-1]
    if len(levels) == 1:
        pieces = [f"{QUOTE}{begin[0]}", *begin[1:]]
        return all_of(_spelled((*pieces[:-1], f"{pieces[-1]}{QUOTE}")))
    # A level ends where its key does, or where a dotted key goes on, unless it is cut by a "*".
    ends = (QUOTE, ".") if len(begin) == 1 else ("",)
    begins = (QUOTE, ".") if len(end) == 1 else ("",)
    inner = (*begin[1:], *itertools.chain.from_iterable(levels[1:-1]), *end[:-1])
    return all_of(
        (
            any_of(_spelled(f"{QUOTE}{begin[0]}{one}" for one in ends)),
            *_spelled(inner),
            any_of(_spelled(f"{one}{end[-1]}{QUOTE}" for one in begins)),
        )
    )


def _spelled(pieces: Iterable[str]) -> Iterator[Anchor]:
    return (spelled(piece, fold_case=False) for piece in pieces)


def value_anchor(field: str, targets: Iterable[bytes], *, size: int = 0) -> Anchor:
    """The last key of the field, and a value of it, or of its array, that begins like a target.

    Objects and arrays in the array may hold what fits or not: they are let through.

    Args:
        field: dotted path.
        targets: regular expressions for the beginning of a value.
        size: how many alternatives there are, where that is not the number of targets.
    """
    key = field.rpartition(".")[2]
    found = list(dict.fromkeys(targets))
    if not key or "*" in field or max(size, len(found)) > _MOST_TARGETS:
        return ANYTHING
    begins = rb'[".]' + expression(key, fold_case=False) + rb'"' + _BLANKS + b":" + _BLANKS
    either = b"|".join(found)
    regex = begins + rb"(?:(?:%b)?(?:%b)|%b[\[{])" % (_ELEMENTS, either, _ELEMENTS)
    return Pattern(regex) if len(regex) <= _LONGEST else ANYTHING
