"""Classes of events: what a few fields with few values say about conditions that bytes do not tell.

Most conditions whose texts stand in every other line ask for a category, a type or an operating
system first. Those fields are read out of each line (`events.narrow`); events that have the same
values in all of them are one class, and which conditions can hold in it is worked out once: the
condition with everything that reads another field taken for true (`logic.prefilter.relaxed`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.engine.byte_scan import Lines
from tocsin.engine.glance import Glance
from tocsin.engine.plan import Plan
from tocsin.engine.rows import RowPlan
from tocsin.events.fields import values_of
from tocsin.events.narrow import Narrow
from tocsin.logic.expr import Expr, Leaf, Nested, walk
from tocsin.logic.prefilter import ignoring, relaxed
from tocsin.rules.index import FIELDS as ORIGIN_FIELDS
from tocsin.rules.index import Origin, sees

Values = tuple[object, ...]

Candidates = dict[int, Sequence[int]]
"""By the place of an event, the conditions that may hold of it."""

MOST_FIELDS = 10
"""How many fields make a class, besides those that say where an event belongs."""

MOST_CLASSES = 64
"""How many classes a sample may have; a field that makes more of them is left out."""

NEW = 0.04
"""A field is left out if more of a sample's second half than this is of classes that are new."""

_OFTEN = 128
"""Conditions that come together in so many events are given a glance of their own."""

_MOST_GLANCES = 256
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
        rows: the plan of all conditions: those of which nothing was said, too.

    Attributes:
        asked: the numbers of the conditions.
        known: the classes that were met, those with numbers left out; see `of`.
    """

    def __init__(
        self,
        conditions: Sequence[tuple[int, Expr, tuple[str, ...], bool]],
        fields: Sequence[str],
        rows: RowPlan | None = None,
    ) -> None:
        self._numbers = [number for number, *_ in conditions]
        self._indices = [index for _, _, index, _ in conditions]
        self._weak = frozenset(number for number, *_, is_told in conditions if not is_told)
        self.asked = frozenset(self._numbers)
        self.narrow = Narrow(tuple(dict.fromkeys((*ORIGIN_FIELDS, *fields))))
        known = frozenset(fields)
        self._plan = RowPlan(
            Plan(
                # Of an object it is not read whether it is there.
                relaxed(ignoring(expr, (Nested,)), lambda field: field not in known)
                for _, expr, *_ in conditions
            )
        )
        self._rows = rows
        self._glances: dict[tuple[int, ...], Glance] = {}
        self._met: dict[tuple[int, ...], int] = {}
        self.known: dict[Values, Class] = {}

    def narrowed(self, lines: Lines, told: Candidates) -> tuple[Candidates, int]:
        """Takes candidates away that their class does not allow, and adds those without texts.

        Args:
            lines: one event each.
            told: by line what bytes let through.

        Returns:
            the candidates, and a mask of the lines that cannot be read.
        """
        rows: Sequence[int] = range(lines.count) if self._weak else sorted(told)
        texts = lines.all() if self._weak else [lines.line(row) for row in rows]
        unread = 0
        asked, read = self.asked, self.narrow.read_all(texts)
        known: Callable[[Any], Class | None] = self.known.get
        alike: dict[tuple[int, ...], list[int]] = {}
        for place, found in enumerate(map(known, read)):
            row = rows[place]
            if found is None:
                values = read[place]
                if values is None:
                    unread |= 1 << row
                    continue
                found = self.of(values)
            numbers = found.weak
            if row in told:
                allowed = found.allowed
                kept = [n for n in told[row] if n not in asked or n in allowed]
                if kept:
                    numbers = (*kept, *numbers)
            if numbers:
                alike.setdefault(numbers, []).append(row)
        candidates: Candidates = {}
        for numbers, same in alike.items():
            glance = self._glance(numbers, len(same))
            if glance is None:
                candidates.update(dict.fromkeys(same, numbers))
                continue
            for row, left in zip(same, glance.look([lines.line(n) for n in same]), strict=True):
                if left:
                    candidates[row] = left
        return candidates, unread

    def _glance(self, numbers: tuple[int, ...], many: int) -> Glance | None:
        """What tells more of some conditions, where they come together often enough."""
        found = self._glances.get(numbers)
        if found is None:
            count = self._met[numbers] = self._met.get(numbers, 0) + many
            rows = self._rows
            if rows is None or count < _OFTEN or len(self._glances) >= _MOST_GLANCES:
                return None
            known = self.narrow.fields
            found = self._glances[numbers] = Glance(
                rows, [(number, known if number in self.asked else ()) for number in numbers]
            )
            del self._met[numbers]
        return found

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
