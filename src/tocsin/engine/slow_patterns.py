"""Which patterns of a set of conditions are asked in a slower way than others, and why.

Known without any event, and exact where patterns were compiled already:

    process.command_line : "*a*b*", … 5,000 of them   ->   Slow(0, "process.command_line", …)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from tocsin.engine.plan import Plan
from tocsin.engine.re2_sets import Demoted, Pattern, bits_of
from tocsin.logic.expr import Leaf, walk
from tocsin.logic.patterns import glob_text


class Slow(msgspec.Struct, frozen=True):
    """Patterns of one condition and field that are slow for the same reason.

    Attributes:
        condition: the number of the condition.
        field: the field that they are asked of; empty: the text of the whole event.
        pattern: the first of them.
        more: how many more there are.
        reason: the limit that they are beyond.
    """

    condition: int
    field: str
    pattern: str
    more: int
    reason: str


def slow_in(plan: Plan) -> Iterator[Slow]:
    """What is slow in a plan, condition by condition."""
    by_leaf: dict[int, list[Demoted]] = {}
    leaves = {(slot.scan, slot.number): key for key, slot in plan.leaves.items()}
    for number, (_, scan) in enumerate(plan.scans):
        for demoted in scan.demoted():
            for bit in bits_of(demoted.mask):
                by_leaf.setdefault(leaves[number, bit], []).append(demoted)
    if not by_leaf:
        return
    for number, condition in enumerate(plan.conditions):
        groups: dict[tuple[str, str], dict[Pattern, None]] = defaultdict(dict)
        for node in walk(condition):
            if isinstance(node, Leaf) and id(node) in by_leaf:
                for demoted in by_leaf[id(node)]:
                    groups[node.field, demoted.reason][demoted.pattern] = None
        for (field, reason), patterns in groups.items():
            first = next(iter(patterns))
            text = glob_text(first.text) if first.kind == "glob" else first.text
            yield Slow(number, field, text, len(patterns) - 1, reason)
