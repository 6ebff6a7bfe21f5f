"""What anchors are made of: atoms over the bytes of a line, and formulas over atoms.

Everything that anybody may name is in `logic.anchors`; here are the shapes, and the two functions
that put formulas together and keep them small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec


class Text(msgspec.Struct, frozen=True):
    """An atom: these bytes stand in the line; ASCII letters are equal in both cases.

    Attributes:
        text: the bytes, with ASCII letters in lower case.
    """

    text: bytes


class Pattern(msgspec.Struct, frozen=True):
    r"""An atom: this regular expression is found in the line.

    Attributes:
        regex: over bytes, in the syntax that RE2 (read as Latin-1), Hyperscan and `re` share;
            ASCII letters are equal in both cases, and it is written in lower case. It never
            matches across ``\n``.
    """

    regex: bytes


class All(msgspec.Struct, frozen=True):
    """Every one of the terms; of none at all it is true of any line (`ANYTHING`)."""

    terms: tuple[Anchor, ...]


class AnyOf(msgspec.Struct, frozen=True):
    """At least one of the terms; of none at all it is true of no line (`NOTHING`)."""

    terms: tuple[Anchor, ...]


Anchor = Text | Pattern | All | AnyOf

ANYTHING = All(())
NOTHING = AnyOf(())

MOST_ALTERNATIVES = 2_000
"""The most atoms below an `AnyOf`; with more of them it says too little for what it costs."""

_MOST_ATOMS = 4_000


def all_of(terms: Iterable[Anchor]) -> Anchor:
    """Every one of the terms, flattened: ``ANYTHING`` says nothing, ``NOTHING`` says it all."""
    found: dict[Anchor, None] = {}
    for term in terms:
        if isinstance(term, All):
            found.update(dict.fromkeys(term.terms))
        elif term == NOTHING:
            return NOTHING
        else:
            found[term] = None
    kept = [t for t in found if not (isinstance(t, AnyOf) and any(o in found for o in t.terms))]
    return kept[0] if len(kept) == 1 else All(tuple(kept)) if kept else ANYTHING


def any_of(terms: Iterable[Anchor]) -> Anchor:
    """At least one of the terms, flattened; too many of them are `ANYTHING`."""
    found: dict[Anchor, None] = {}
    for term in terms:
        if isinstance(term, AnyOf):
            found.update(dict.fromkeys(term.terms))
        elif term == ANYTHING:
            return ANYTHING
        else:
            found[term] = None
    if len(found) == 1:
        return next(iter(found))
    if len(found) > MOST_ALTERNATIVES or sum(map(size, found)) > MOST_ALTERNATIVES:
        return ANYTHING
    return AnyOf(tuple(found)) if found else NOTHING


def size(anchor: Anchor) -> int:
    """How many atoms an anchor has, each as often as it stands there."""
    if isinstance(anchor, (All, AnyOf)):
        return sum(map(size, anchor.terms))
    return 1


def bounded(anchor: Anchor) -> Anchor:
    """The anchor without its largest terms where it has too many atoms."""
    if not isinstance(anchor, All) or size(anchor) <= _MOST_ATOMS:
        return anchor
    kept, left = set(), _MOST_ATOMS
    for term in sorted(anchor.terms, key=size):
        left -= size(term)
        if left < 0:
            break
        kept.add(term)
    return all_of(term for term in anchor.terms if term in kept)


def atoms(anchor: Anchor) -> Iterator[Text | Pattern]:
    """Every atom of an anchor, in order and as often as it stands there."""
    pending: list[Anchor] = [anchor]
    while pending:
        one = pending.pop()
        if isinstance(one, (All, AnyOf)):
            pending.extend(reversed(one.terms))
        else:
            yield one
