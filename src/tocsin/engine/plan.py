"""All rules compiled together: each leaf once, each field one scan, each rule a boolean program."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate

import msgspec
import numpy as np

from tocsin.engine.gating import Gates, Mask
from tocsin.engine.scans import Scan
from tocsin.events.fields import Extractor
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import FieldType
from tocsin.logic.gates import gate_of
from tocsin.logic.matchers import matched_pattern
from tocsin.logic.value import fields_of
from tocsin.rules.index import FIELDS as ORIGIN_FIELDS


class LeafSlot(msgspec.Struct, frozen=True):
    """A distinct leaf's place.

    Attributes:
        leaf: the leaf, without what is for people only.
        scan: the number of its scan.
        number: its place in that scan.
        if_missing: what it says of an event without the field.
        place: its place among all leaves; those of a scan stand together, in order.
    """

    leaf: Leaf
    scan: int
    number: int
    if_missing: bool
    place: int = 0


class Term(msgspec.Struct, frozen=True, eq=False):
    """One of the terms that a condition is the conjunction of.

    Attributes:
        expr: the term.
        scans: the scans of its leaves.
        by_row: whether something in it is asked row by row.
    """

    expr: Expr
    scans: frozenset[int]
    by_row: bool


class Plan:
    """What a set of conditions needs of every batch.

    Args:
        conditions: one per rule, in order.

    Attributes:
        conditions: the conditions, each leaf in its bare form, cheap terms first.
        extractor: reads every field that is needed out of a document.
        scans: (field, scan) pairs.
        leaves: the leaves by `id`: those of ``conditions`` that ask the same are one object.
    """

    def __init__(self, conditions: Iterable[Expr], extra_fields: Iterable[str] = ()) -> None:
        known: dict[str, Leaf] = {}
        self.conditions: tuple[Expr, ...] = tuple(_prepared(c, known) for c in conditions)
        groups: dict[tuple[str, FieldType], dict[int, Leaf]] = defaultdict(dict)
        fields: dict[str, None] = dict.fromkeys((*ORIGIN_FIELDS, *extra_fields))
        for condition in self.conditions:
            for node in _outer_nodes(condition):
                if isinstance(node, Leaf):
                    groups[node.field, node.type].setdefault(id(node), node)
                    fields.setdefault(node.field)
                elif isinstance(node, Script):
                    for used in fields_of(node.value):
                        fields.setdefault(used.name)
        self.extractor = Extractor(fields)
        self.scans: list[tuple[str, Scan]] = []
        self.leaves: dict[int, LeafSlot] = {}
        for (field, _), leaves in groups.items():
            for number, leaf in enumerate(leaves.values()):
                slot = LeafSlot(leaf, len(self.scans), number, _if_missing(leaf), len(self.leaves))
                self.leaves[id(leaf)] = slot
            self.scans.append((field, Scan(tuple(leaves.values()))))

    @cached_property
    def slots(self) -> tuple[LeafSlot, ...]:
        """The leaves in the order of their places."""
        return tuple(self.leaves.values())

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The place of each scan's first leaf, and behind the last the number of leaves."""
        sizes = Counter(slot.scan for slot in self.slots)
        return (0, *accumulate(sizes[scan] for scan in range(len(self.scans))))

    @cached_property
    def terms(self) -> tuple[tuple[Term, ...], ...]:
        """Each condition as the terms that it is the conjunction of."""
        return tuple(
            tuple(self._term(term) for term in _conjuncts(condition))
            for condition in self.conditions
        )

    @cached_property
    def gates(self) -> Gates:
        """What each condition needs of a batch at least."""
        return Gates(self.conditions, {key: slot.place for key, slot in self.leaves.items()})

    @cached_property
    def scans_of(self) -> tuple[frozenset[int], ...]:
        """The scans that each condition asks."""
        return tuple(frozenset().union(*(t.scans for t in terms)) for terms in self.terms)

    @cached_property
    def asks(self) -> Mask:
        """The same as a table, conditions by scans."""
        table = np.zeros((len(self.conditions), len(self.scans)), dtype=np.bool_)
        for number, scans in enumerate(self.scans_of):
            table[number, list(scans)] = True
        return table

    def _term(self, expr: Expr) -> Term:
        nodes = _outer_nodes(expr)
        scans = frozenset(self.leaves[id(n)].scan for n in nodes if isinstance(n, Leaf))
        return Term(expr, scans, any(isinstance(n, (Script, Nested)) for n in nodes))


def bare(leaf: Leaf) -> Leaf:
    """The leaf without what is for people only, so that equal questions are one."""
    if leaf.operator == "==" and not leaf.spelled:
        return leaf
    return msgspec.structs.replace(leaf, operator="==", spelled="")


def _if_missing(leaf: Leaf) -> bool:
    if leaf.missing is None:
        return leaf.every
    return matched_pattern(leaf.matcher, leaf.type, leaf.missing) is not None


def _prepared(expr: Expr, known: dict[str, Leaf]) -> Expr:
    """``a and b  ->  b and a`` where b is cheaper: order never changes the meaning.

    A leaf becomes the one of ``known`` that asks the same. It is known by its text, since 1, 1.0
    and true are equal to Python, and three constants to a rule.
    """
    match expr:
        case Leaf():
            leaf = bare(expr)
            return known.setdefault(repr(leaf), leaf)
        case Not(term):
            return Not(_prepared(term, known))
        case And(terms):
            return And(tuple(sorted((_prepared(t, known) for t in terms), key=_cost)))
        case Or(terms):
            return Or(tuple(sorted((_prepared(t, known) for t in terms), key=_cost)))
        case Nested():
            # Objects are looked at row by row, and only where the event as a whole allows it.
            gate = gate_of(expr)
            return expr if isinstance(gate, Always) else And((_prepared(gate, known), expr))
        case _:
            return expr


def _cost(expr: Expr) -> int:
    match expr:
        case Always():
            return 0
        case Leaf():
            return 1
        case Not(term):
            return 1 + _cost(term)
        case And(terms) | Or(terms):
            return 2 + max((_cost(t) for t in terms), default=0)
        case _:
            return 1_000


def _conjuncts(expr: Expr) -> list[Expr]:
    if isinstance(expr, And):
        return [term for inner in expr.terms for term in _conjuncts(inner)]
    return [expr]


def _outer_nodes(expr: Expr) -> Sequence[Expr]:
    """The nodes of a tree, those inside a `Nested` left out: the reference looks at those."""
    found: list[Expr] = []
    pending = [expr]
    while pending:
        node = pending.pop()
        found.append(node)
        if isinstance(node, (And, Or)):
            pending.extend(node.terms)
        elif isinstance(node, Not):
            pending.append(node.term)
    return found
