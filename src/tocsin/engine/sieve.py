"""Which lines of raw JSON can satisfy which conditions: decided before anything is decoded.

From each condition follow texts that have to stand in the line (`logic.anchors`). All of them are
looked for at once (`engine.byte_scan`); what a condition needs is then a formula over masks, in
which every atom is a whole number with a bit for each line:

    process.name : "curl" and destination.ip : "192.0.2.7"   ->   masks["curl"] & masks["192.0.2.7"]

A text that stands in many lines says little and costs a call for each, so a sample decides which
ones are looked for (`engine.selection`). A condition that has rare ones among those that it needs
is *anchored*, and nobody looks at it in a block without them; any other is *weak*, and every line
is a candidate for it as far as bytes can tell. Nothing is lost either way: a sieve lets too much
through, never too little, and what it lets through is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tocsin.engine.byte_scan import Atom, ByteScan, Lines, Masks
from tocsin.logic.anchors import UNTOLD_TEXTS, All, Anchor, AnyOf, Pattern, Text

Node = Any
"""A formula: an atom's number, or a sequence: `ALL` or `ANY`, and the formulas that it is of."""

ALL, ANY = -1, -2
NOTHING: Node = (ALL,)
"""The formula of what needs nothing."""


class Formulas:
    """What conditions need, over atoms with numbers.

    Args:
        anchors: one for each condition.
        marks: atoms of lines that have to be decoded before anything can be said of them.
        ends: atoms of lines that change how lines after them are read.

    Attributes:
        atoms: by number.
        nodes: a formula for each condition.
        untold: the numbers of `UNTOLD_TEXTS`.
        marks: the numbers of the marks.
        ends: the numbers of the ends.
    """

    def __init__(
        self, anchors: Iterable[Anchor], marks: Iterable[Atom] = (), ends: Iterable[Atom] = ()
    ) -> None:
        self._numbers: dict[Atom, int] = {}
        self.untold = tuple(self.number_of(Text(text)) for text in UNTOLD_TEXTS)
        self.marks = tuple(map(self.number_of, marks))
        self.ends = tuple(map(self.number_of, ends))
        self.nodes = [self._node(anchor) for anchor in anchors]
        self.atoms = list(self._numbers)

    def number_of(self, atom: Atom) -> int:
        """The number of an atom."""
        return self._numbers.setdefault(atom, len(self._numbers))

    def _node(self, anchor: Anchor) -> Node:
        match anchor:
            case All(terms):
                return (ALL, *map(self._node, terms))
            case AnyOf(terms):
                return (ANY, *map(self._node, terms))
            case _:
                return self.number_of(anchor)


class Selected(msgspec.Struct, frozen=True):
    """What is looked for, of all that conditions need.

    Attributes:
        texts: (number, text) of each text that is looked for.
        patterns: (number, regular expression) of each pattern.
        nodes: for each condition what it needs of them.
        gates: for each, atoms of which one stands in each of its candidates; none: it is weak.
        shares: for each, in how large a share of a sample it was a candidate.
        untold: the atoms of lines of which bytes say nothing.
        marks: of lines that have to be decoded first.
        ends: of lines that change how others are read.
        refused: (atom, why) of what cannot be looked for.
    """

    texts: tuple[tuple[int, bytes], ...]
    patterns: tuple[tuple[int, bytes], ...]
    nodes: tuple[Node, ...]
    gates: tuple[tuple[int, ...], ...]
    shares: tuple[float, ...]
    untold: tuple[int, ...]
    marks: tuple[int, ...]
    ends: tuple[int, ...]
    refused: tuple[tuple[int, str], ...] = ()

    @property
    def atoms(self) -> dict[int, Atom]:
        """What is looked for, by number."""
        found: dict[int, Atom] = {number: Text(text) for number, text in self.texts}
        return found | {number: Pattern(regex) for number, regex in self.patterns}


class Sifted(msgspec.Struct, frozen=True):
    """What the bytes of a block of lines say.

    Attributes:
        candidates: (condition, mask of lines) pairs, of anchored conditions.
        untold: the lines of which bytes say nothing, by the way in which they are written.
        marked: the lines that have to be decoded first.
        ended: the lines behind which lines are read in another way.
        noted: the lines in which something stands that somebody besides conditions asks about.
    """

    candidates: list[tuple[int, int]]
    untold: int
    marked: int
    ended: int
    noted: int = 0


class Sieve:
    """Conditions to be found by bytes.

    Args:
        selected: what is looked for.
        only: the conditions that anybody asks about; None: all.
        noted: what else is looked for, see `Sifted.noted`.
        with_hyperscan: False: as on a platform that has none.
    """

    def __init__(
        self,
        selected: Selected,
        only: frozenset[int] | None = None,
        noted: Sequence[Atom] = (),
        *,
        with_hyperscan: bool = True,
    ) -> None:
        self._selected = selected
        self._anchored: dict[int, list[int]] = {}
        wanted = {*selected.untold, *selected.marks, *selected.ends}
        for number, gate in enumerate(selected.gates):
            if only is None or number in only:
                for atom in gate:
                    self._anchored.setdefault(atom, []).append(number)
                if gate:
                    wanted |= numbers_in(selected.nodes[number])
        atoms = selected.atoms
        begin = max(atoms, default=-1) + 1
        self._noted = tuple(range(begin, begin + len(noted)))
        atoms |= dict(zip(self._noted, noted, strict=True))
        numbers = sorted((wanted & atoms.keys()) | set(self._noted))
        self._scan = ByteScan([atoms[n] for n in numbers], numbers, with_hyperscan=with_hyperscan)
        # What cannot be compiled on this platform may stand anywhere.
        self._everywhere = {number for number, _ in self._scan.refused}

    def sift(self, lines: Lines) -> Sifted:
        """Which of the lines are candidates for which of the anchored conditions."""
        masks = self._scan.masks(lines)
        selected, anchored = self._selected, self._anchored
        whole = (1 << lines.count) - 1
        for number in self._everywhere:
            masks[number] = whole
        touched: set[int] = set()
        for number in masks:
            touched.update(anchored.get(number, ()))
        found = []
        for number in sorted(touched):
            mask = mask_of_node(selected.nodes[number], masks, whole)
            if mask:
                found.append((number, mask))
        untold, marked, ended, noted = (
            _any_of(numbers, masks)
            for numbers in (selected.untold, selected.marks, selected.ends, self._noted)
        )
        return Sifted(found, untold, marked, ended, noted)


def numbers_in(node: Node) -> set[int]:
    """The atoms of a formula."""
    found: set[int] = set()
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, int):
            found.add(one)
        else:
            pending.extend(one[1:])
    return found


def mask_of_node(node: Node, masks: Masks, whole: int) -> int:
    """The lines of which a formula is true; ``whole`` is the mask of all lines."""
    if isinstance(node, int):
        return masks.get(node, 0)
    if node[0] == ALL:
        found = whole
        for term in node[1:]:
            found &= (
                masks.get(term, 0) if isinstance(term, int) else mask_of_node(term, masks, whole)
            )
            if not found:
                return 0
        return found
    found = 0
    for term in node[1:]:
        found |= masks.get(term, 0) if isinstance(term, int) else mask_of_node(term, masks, whole)
    return found


def _any_of(numbers: Sequence[int], masks: Masks) -> int:
    found = 0
    for number in numbers:
        found |= masks.get(number, 0)
    return found
