"""Which of the texts that conditions need are looked for: learned from a sample of lines.

Each condition is to be anchored by atoms that are as rare as can be. Texts are preferred; patterns
cost more and are for conditions that have no rare text; and a few conditions are worth a text that
is frequent and still says something. Whatever is not looked for is taken for present.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.engine.byte_scan import ByteScan, Lines, Masks
from tocsin.engine.sieve import (
    ALL,
    ANY,
    NOTHING,
    Formulas,
    Node,
    Selected,
    mask_of_node,
    numbers_in,
)
from tocsin.logic.anchors import Text

SAMPLE = 512
"""How many lines are looked at."""

ANCHORING = 0.05
"""A condition is anchored if it needs one of some texts that stand in fewer lines than this."""

OPEN = 0.003
"""Of a condition whose anchors stand in a larger share of lines, rare texts are looked for, too."""

RARE = 0.03
"""A text that stands in a smaller share of lines than this is rare."""

MOST_PATTERNS = 64
"""So many patterns are looked for besides texts."""

MOST_FREQUENT = 1.0
"""Of frequent texts so many are looked for that one of them, on average, is in each line."""

_MOST_TOGETHER = 3
_MOST_TRIED = 2_000
_SHORT = 4
"""Texts that are shorter cost more: they are often found, and make the whole scan slower."""

_ENDLESS = 1 << 60


def learn(formulas: Formulas, lines: Sequence[bytes], *, with_hyperscan: bool = True) -> Selected:
    """What is looked for, by how rare it is in some lines."""
    return _Lesson(formulas, lines, with_hyperscan=with_hyperscan).selected()


def inherited(
    formulas: Formulas, before: Selected, of: Sequence[int], gated: Sequence[bool]
) -> Selected:
    """What is looked for where something rare is asked besides of conditions known before.

    Args:
        formulas: of some conditions; a gated one is All of something rare and what it was.
        before: what was looked for.
        of: for each condition its number before.
        gated: whether it is gated.
    """
    there = before.atoms
    known = {atom for atom in there.values() if atom in set(formulas.atoms)}
    kept = {formulas.number_of(atom) for atom in known}
    gates: list[tuple[int, ...]] = []
    shares: list[float] = []
    for node, old, is_gated in zip(formulas.nodes, of, gated, strict=True):
        if is_gated:
            kept |= numbers_in(node[1])
            gates.append(tuple(sorted(_rarest(node[1], {})[1])))
            shares.append(0.0)
        else:
            gates.append(tuple(formulas.number_of(there[number]) for number in before.gates[old]))
            shares.append(before.shares[old])
    nodes = [without_others(node, kept) for node in formulas.nodes]
    return _selected(formulas, kept, nodes, gates, shares, ())


def without_others(node: Node, kept: set[int]) -> Node:
    """The formula with every atom that is not kept taken for true."""
    if isinstance(node, int):
        return node if node in kept else NOTHING
    inner = [without_others(term, kept) for term in node[1:]]
    if node[0] == ANY:
        if NOTHING in inner:
            return NOTHING
        return inner[0] if len(inner) == 1 else (ANY, *inner)
    inner = [term for term in inner if term != NOTHING]
    return inner[0] if len(inner) == 1 else (ALL, *inner)


def _selected(
    formulas: Formulas,
    kept: set[int],
    nodes: Sequence[Node],
    gates: Sequence[tuple[int, ...]],
    shares: Sequence[float],
    refused: Sequence[tuple[int, str]],
) -> Selected:
    always = {*formulas.untold, *formulas.marks, *formulas.ends}
    atoms = [(number, formulas.atoms[number]) for number in sorted(kept | always)]
    return Selected(
        tuple((number, atom.text) for number, atom in atoms if isinstance(atom, Text)),
        tuple((number, atom.regex) for number, atom in atoms if not isinstance(atom, Text)),
        tuple(nodes), tuple(gates), tuple(shares),
        formulas.untold, formulas.marks, formulas.ends, tuple(refused),
    )  # fmt: skip


class _Lesson:
    def __init__(self, formulas: Formulas, lines: Sequence[bytes], *, with_hyperscan: bool) -> None:
        self._formulas = formulas
        self._with_hyperscan = with_hyperscan
        self._lines = Lines(b"".join(line + b"\n" for line in lines))
        self._count = max(len(lines), 1)
        self._known: set[int] = set()
        self._masks: Masks = {}
        self._costs: dict[int, int] = {}
        self._refused: list[tuple[int, str]] = []

    def selected(self) -> Selected:
        formulas = self._formulas
        texts = {n for n, atom in enumerate(formulas.atoms) if isinstance(atom, Text)}
        self._note(texts)
        most = max(1, int(ANCHORING * self._count))
        gates = [self._gate(node, self._known, most) for node in formulas.nodes]
        self._add_patterns(gates, texts, most)
        self._add_frequent(gates, texts)
        rare = {n for n in self._known & texts if self._costs.get(n, 0) <= RARE * self._count}
        kept: set[int] = set()
        nodes, shares = [], []
        whole = (1 << self._count) - 1
        for node, gate in zip(formulas.nodes, gates, strict=True):
            is_open = sum(self._costs.get(number, 0) for number in gate) > OPEN * self._count
            # Where the gate is often open, other texts close it again.
            needed = without_others(node, rare | gate if is_open else gate) if gate else NOTHING
            kept |= numbers_in(needed)
            nodes.append(needed)
            shares.append(mask_of_node(needed, self._masks, whole).bit_count() / self._count)
        sorted_gates = [tuple(sorted(gate)) for gate in gates]
        return _selected(formulas, kept, nodes, sorted_gates, shares, self._refused)

    def _add_patterns(self, gates: list[set[int]], texts: set[int], most: int) -> None:
        nodes = self._formulas.nodes
        weak = [number for number, gate in enumerate(gates) if not gate]
        patterns = set().union(*(numbers_in(nodes[number]) for number in weak)) - texts
        if len(patterns) > _MOST_TRIED:
            return
        self._note(patterns)
        chosen: set[int] = set()
        for number in weak:
            gate = self._gate(nodes[number], self._known, most)
            new = (gate & patterns) - chosen
            if gate and len(chosen) + len(new) <= MOST_PATTERNS:
                gates[number] = gate
                chosen |= new

    def _add_frequent(self, gates: list[set[int]], texts: set[int]) -> None:
        room = int(MOST_FREQUENT * self._count)
        frequent: set[int] = set()
        for number, gate in enumerate(gates):
            if gate:
                continue
            found = self._gate(self._formulas.nodes[number], self._known & texts, room // 4)
            price = sum(self._costs.get(one, 0) for one in found - frequent)
            if found and len(found) <= _MOST_TOGETHER and price <= room:
                gates[number] = found
                frequent |= found
                room -= price

    def _note(self, numbers: set[int]) -> None:
        """Finds out in which lines some atoms stand."""
        order = sorted(numbers)
        atoms = [self._formulas.atoms[number] for number in order]
        scan = ByteScan(atoms, order, with_hyperscan=self._with_hyperscan)
        self._refused += scan.refused
        self._known |= numbers - {number for number, _ in scan.refused}
        for number, mask in scan.masks(self._lines).items():
            atom = self._formulas.atoms[number]
            is_dear = not isinstance(atom, Text) or len(atom.text) < _SHORT
            self._masks[number] = mask
            self._costs[number] = mask.bit_count() * (2 if is_dear else 1)

    def _gate(self, node: Node, known: set[int], most: int) -> set[int]:
        """The rarest atoms of which one is always there; none where that is in too many lines."""
        expected, gate = _rarest(without_others(node, known), self._costs)
        return gate if expected <= most else set()


def _rarest(node: Node, counts: dict[int, int]) -> tuple[int, set[int]]:
    """Atoms of which one is in every line that the formula is true of, as rare as can be.

    Returns:
        in how many lines they are at most, and the atoms; none where nothing is needed.
    """
    if isinstance(node, int):
        return counts.get(node, 0), {node}
    found = [_rarest(term, counts) for term in node[1:]]
    if node[0] == ALL:
        found = [one for one in found if one[1]]
        return min(found, key=lambda one: (one[0], len(one[1])), default=(_ENDLESS, set()))
    if any(not gate for _, gate in found):
        return _ENDLESS, set()
    return sum(expected for expected, _ in found), set().union(*(gate for _, gate in found))
