"""Many globs asked of a text by the pieces of text between their wildcards, without an automaton.

An automaton of globs such as ``*a*b*c*`` has a state for every set of them that is half done: a
few hundred fill any memory. Here each glob is noted at one short text that it cannot do without,
and a text that holds it is asked for the glob's pieces, one behind the other; globs that begin with
the same pieces are asked together:

    *a*bc*, *a*bd, *xyz*    ->    "bc": *a*bc*    "bd": *a*bd    "xyz": *xyz*

It takes time in proportion to the globs of which something stands in the text, and memory in
proportion to all of them. The answers are those of `logic.patterns.glob_matches`.

>>> index = GlobIndex([("*a*b*", 1), ("*b*a", 2), ("a?c*", 4)])
>>> index.fits("a-b"), index.fits("abca"), index.fits("x")
(1, 7, 0)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tocsin.logic.patterns import ANY, OneCharacter, Part, glob_matches, glob_parts

_LONGEST_GRAM: Final = 4
_MOST_GRAMS: Final = 16
"""A glob is noted at the least crowded of so many grams of its longest piece."""

_AT_ONCE: Final = 64 << 10
"""The grams of so many places are looked at together: those of a whole text may be very many."""

_DEEPEST: Final = 12
"""Globs of more pieces than this are asked one by one, where their first pieces fit."""


class GlobIndex:
    """Globs and the bits that they set.

    Args:
        globs: (glob, bits); folded already where case is ignored.
    """

    def __init__(self, globs: Iterable[tuple[str, int]]) -> None:
        self._grams: dict[str, _Node] = {}
        self._crowds: dict[str, int] = {}
        self._anywhere = _Node()
        for glob, bits in globs:
            self._note(glob, bits)
        self._sizes = sorted({len(gram) for gram in self._grams})
        self._crowds = {}
        for node in (self._anywhere, *self._grams.values()):
            node.settle()

    def _note(self, glob: str, bits: int) -> None:
        parts = glob_parts(glob)
        pieces = [part for part in parts if isinstance(part, str)]
        node = self._anywhere
        if pieces:
            gram = self._gram(max(pieces, key=len))
            self._crowds[gram] = self._crowds.get(gram, 0) + 1
            node = self._grams.setdefault(gram, _Node())
        node.add(glob, parts, bits)

    def _gram(self, piece: str) -> str:
        """The part of a piece at which the fewest globs are noted so far."""
        size = min(len(piece), _LONGEST_GRAM)
        places = range(min(len(piece) - size + 1, _MOST_GRAMS))
        crowds = self._crowds
        return min((piece[at : at + size] for at in places), key=lambda gram: crowds.get(gram, 0))

    def fits(self, text: str) -> int:
        """The bits of the globs that fit."""
        mask = self._anywhere.fits(text, 0)
        found: set[str] = set()
        for size in self._sizes:
            for start in range(0, len(text) - size + 1, _AT_ONCE):
                ends = range(start, min(start + _AT_ONCE, len(text) - size + 1))
                found.update(self._grams.keys() & {text[at : at + size] for at in ends})
        for gram in found:
            mask = self._grams[gram].fits(text, mask)
        return mask


class _Node:
    """What is asked behind some pieces that were found.

    Attributes:
        behind: what is asked behind another piece, by that piece.
        ends: pieces with which the text may end, and the bits that they set.
        open_here: the bits of globs that want no more than this.
        alone: globs that are asked by themselves, with their bits.
        whole: the bits that all globs from here on set, where these are the same; else 0.
    """

    __slots__ = ("alone", "behind", "ends", "open_here", "whole")

    def __init__(self) -> None:
        self.behind: dict[str, _Node] = {}
        self.ends: dict[str, int] = {}
        self.open_here = 0
        self.alone: dict[str, int] = {}
        self.whole = 0

    def add(self, glob: str, parts: tuple[Part, ...], bits: int) -> None:
        """Takes a glob that begins here."""
        is_plain = parts[:1] == (ANY,) and not any(isinstance(p, OneCharacter) for p in parts)
        pieces = [part for part in parts if isinstance(part, str)]
        if not is_plain or len(pieces) > _DEEPEST:
            self.alone[glob] = self.alone.get(glob, 0) | bits
            return
        node: _Node = self
        is_open = parts[-1] is ANY
        for piece in pieces if is_open else pieces[:-1]:
            behind = node.behind.get(piece)
            if behind is None:
                behind = node.behind[piece] = _Node()
            node = behind
        if is_open:
            node.open_here |= bits
        else:
            node.ends[pieces[-1]] = node.ends.get(pieces[-1], 0) | bits

    def settle(self) -> None:
        """Notes what need not be asked once its bits are set."""
        bits = {self.open_here} if self.open_here else set()
        bits.update(self.ends.values(), self.alone.values())
        for behind in self.behind.values():
            behind.settle()
            bits.add(behind.whole)
        self.whole = bits.pop() if len(bits) == 1 else 0

    def fits(self, text: str, mask: int) -> int:
        """The mask with the bits of the globs that fit."""
        pending: list[tuple[_Node, int]] = [(self, 0)]
        while pending:
            node, at = pending.pop()
            mask |= node.open_here
            if node.whole and mask & node.whole == node.whole:
                continue
            for piece, bits in node.ends.items():
                if text.endswith(piece) and len(text) - len(piece) >= at:
                    mask |= bits
            for glob, bits in node.alone.items():
                if mask & bits != bits and glob_matches(glob, text):
                    mask |= bits
            for piece, behind in node.behind.items():
                # What is found first leaves the most room for what comes behind it.
                found = text.find(piece, at)
                if found >= 0 and not (behind.whole and mask & behind.whole == behind.whole):
                    pending.append((behind, found + len(piece)))
        return mask
