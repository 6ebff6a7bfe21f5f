"""Classes of events: what a few fields with few values say about conditions that bytes do not tell.

Most conditions whose texts stand in every other line ask for a category, a type or an operating
system first. Those fields are read out of each line (`events.narrow`); events that have the same
values in all of them are one class, and which conditions can hold in it is worked out once: the
condition with everything that reads another field taken for true (`logic.prefilter.relaxed`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tocsin.engine.plan import Plan
from tocsin.engine.rows import RowPlan
from tocsin.events.fields import values_of
from tocsin.events.narrow import Narrow
from tocsin.logic.expr import Expr, Leaf, walk
from tocsin.logic.prefilter import relaxed
from tocsin.rules.index import FIELDS as ORIGIN_FIELDS
from tocsin.rules.index import Origin, sees

Values = tuple[object, ...]

MOST_FIELDS = 10
"""How many fields make a class, besides those that say where an event belongs."""

MOST_CLASSES = 64
"""How many classes a sample may have; a field that makes more of them is left out."""

NEW = 0.04
"""A field is left out if more of a sample's second half than this is of classes that are new."""

_MOST_KNOWN = 20_000
_TYPED = object()


class Class(msgspec.Struct, frozen=True):
    """Events with the same values in the fields that tell.

    Attributes:
        weak: the conditions that bytes do not tell and that may hold, in order.
        allowed: all conditions that may hold, of those that anybody asked about.
    """

    weak: tuple[int, ...]
    allowed: frozenset[int]


class Classes:
    """The classes of events under some conditions.

    Args:
        conditions: (number, condition, index patterns of its rule, whether bytes tell) of each.
        fields: the fields that make a class, from `telling_fields`.

    Attributes:
        asked: the numbers of the conditions.
        known: the classes that were met, those with numbers left out; see `of`.
    """

    def __init__(
        self, conditions: Sequence[tuple[int, Expr, tuple[str, ...], bool]], fields: Sequence[str]
    ) -> None:
        self._numbers = [number for number, *_ in conditions]
        self._indices = [index for _, _, index, _ in conditions]
        self._weak = frozenset(number for number, *_, is_told in conditions if not is_told)
        self.asked = frozenset(self._numbers)
        self.narrow = Narrow(tuple(dict.fromkeys((*ORIGIN_FIELDS, *fields))))
        known = frozenset(fields)
        self._plan = RowPlan(
            Plan(relaxed(expr, lambda field: field not in known) for _, expr, *_ in conditions)
        )
        self.known: dict[Values, Class] = {}

    def of(self, values: Values) -> Class:
        """The class with these values of `narrow`'s fields."""
        found = self.known.get(values)
        if found is None:
            # 1, 1.0 and true are one key of a Python dict, but three values of an event.
            key = (_TYPED, *map(repr, values)) if _has_numbers(values) else values
            found = self.known.get(key)
        if found is None:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            found = self.known[key] = self._worked_out(values)
        return found

    def _worked_out(self, values: Values) -> Class:
        origin = Origin(*map(_first, values[: len(ORIGIN_FIELDS)]))
        fields = self.narrow.fields
        document = {
            field: list(value) if isinstance(value, tuple) else value
            for field, value in zip(fields, values, strict=True)
            if value is not None
        }
        row = self._plan.row(document)
        allowed = [
            number
            for place, number in enumerate(self._numbers)
            if sees(self._indices[place], origin) and self._plan.holds(place, row)
        ]
        weak = self._weak
        return Class(tuple(n for n in allowed if n in weak), frozenset(allowed))


def telling_fields(
    conditions: Sequence[Expr], documents: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """The fields that tell most conditions apart, and have few values.

    Args:
        conditions: those that bytes do not tell.
        documents: a sample of events.
    """
    asked: Counter[str] = Counter()
    for condition in conditions:
        leaves = (node for node in walk(condition) if isinstance(node, Leaf))
        asked.update({leaf.field for leaf in leaves if "*" not in leaf.field})
    chosen: list[str] = []
    classes: list[tuple[object, ...]] = [() for _ in documents]
    for field, _ in asked.most_common(4 * MOST_FIELDS):
        values = [tuple(values_of(one, field)) for one in documents]
        if not all(isinstance(value, str) for found in values for value in found):
            continue
        finer = [(*before, found) for before, found in zip(classes, values, strict=True)]
        if field in ORIGIN_FIELDS or _are_few(finer):
            chosen.append(field)
            classes = finer
        if len(chosen) == MOST_FIELDS:
            break
    return tuple(chosen)


def _are_few(classes: Sequence[tuple[object, ...]]) -> bool:
    """Whether the classes of a sample are few, and most events to come are in one of them."""
    half = len(classes) // 2
    known = set(classes[:half])
    new = sum(one not in known for one in classes[half:])
    return len(known) + new <= MOST_CLASSES and new <= NEW * half


def _has_numbers(values: Values) -> bool:
    for value in values:
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None and not isinstance(one, str):
                return True
    return False


def _first(value: object) -> str:
    if isinstance(value, tuple):
        value = value[0] if value else ""
    return value if isinstance(value, str) else ""
