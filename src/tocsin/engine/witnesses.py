"""Which leaves of a condition hold of an event, and on which of its values: what evidence is.

`engine.reference` says what holds. This says it again of one event after another, and quickly: a
condition is compiled once, and of an event each field is read once.

    process.name : ("curl", "wget*") and not user.name : "root"   over   {"process.name": "wget2"}
    ->   Witness("process.name", ":", "wget*", "wget2")

Leaves under a negation are left out: what holds there speaks against the rule, and what fails
there has no value to show. A leaf whose operator is itself negative (``!=``) counts as a leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, assert_never

from tocsin.engine import reference
from tocsin.engine.questions import asked, patterns_of
from tocsin.engine.reading import Reading
from tocsin.engine.remembered import Remembered
from tocsin.logic import functions
from tocsin.logic.expr import (
    NEGATIVE_OPERATORS,
    Always,
    And,
    Expr,
    Leaf,
    Nested,
    Not,
    Or,
    Script,
)
from tocsin.logic.field_types import Scalar
from tocsin.logic.value import fields_of

_MOST_CONDITIONS = 8_192


class Witness(NamedTuple):
    """A leaf that held; see `engine.match.Evidence`."""

    field: str
    operator: str
    pattern: str
    value: Scalar | None


def witnesses(expr: Expr, document: Mapping[str, Any]) -> list[Witness]:
    """Every leaf that held, in the tree's order, of all alternatives that did."""
    return list(_compiled(expr).told(Reading(document)))


def witness(leaf: Leaf, document: Mapping[str, Any]) -> Witness | None:
    """The alternative and the value that make a leaf hold; None: it does not."""
    return _Leaf(leaf).fit(Reading(document))


class _Leaf:
    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self._ask = asked(leaf)

    def holds(self, reading: Reading) -> bool:
        return self.fit(reading) is not None

    def fit(self, reading: Reading) -> Witness | None:
        known = reading.known.get(self, reading)
        if known is reading:
            known = reading.known[self] = self._fit(reading)
        found: Witness | None = known
        return found

    def told(self, reading: Reading) -> Iterator[Witness]:
        found = self.fit(reading)
        if found is not None:
            yield found

    def _fit(self, reading: Reading) -> Witness | None:
        leaf, ask = self.leaf, self._ask
        values = reading.values(leaf.field, leaf.type, leaf.missing)
        if leaf.every and not all(ask(value) is not None for value in values):
            return None
        for value in values:
            pattern = ask(value)
            if pattern is not None:
                shown = reading.original(leaf, value)
                return Witness(leaf.name, leaf.operator, pattern, shown)
        return Witness(leaf.name, leaf.operator, "", None) if leaf.every else None


class _NegativeLeaf:
    """A leaf that the rule wrote with a negative operator."""

    def __init__(self, leaf: Leaf) -> None:
        self._inner = _Leaf(leaf)

    def holds(self, reading: Reading) -> bool:
        return not self._inner.holds(reading)

    def told(self, reading: Reading) -> Iterator[Witness]:
        if self._inner.holds(reading):
            return
        leaf = self._inner.leaf
        values = reading.values(leaf.field, leaf.type, leaf.missing)
        shown = reading.original(leaf, values[0]) if values else None
        yield Witness(leaf.name, leaf.operator, ", ".join(patterns_of(leaf)), shown)


class _Not:
    def __init__(self, term: Expr) -> None:
        self._term = _program(term)

    def holds(self, reading: Reading) -> bool:
        return not self._term.holds(reading)

    def told(self, _: Reading) -> Iterator[Witness]:
        return iter(())


class _Always:
    def __init__(self, *, value: bool) -> None:
        self._value = value

    def holds(self, _: Reading) -> bool:
        return self._value

    def told(self, _: Reading) -> Iterator[Witness]:
        return iter(())


class _And:
    def __init__(self, terms: tuple[Expr, ...]) -> None:
        self._terms = [_program(term) for term in terms]

    def holds(self, reading: Reading) -> bool:
        return all(term.holds(reading) for term in self._terms)

    def told(self, reading: Reading) -> Iterator[Witness]:
        for term in self._terms:
            yield from term.told(reading)


class _Or:
    def __init__(self, terms: tuple[Expr, ...]) -> None:
        self._terms = [_program(term) for term in terms]

    def holds(self, reading: Reading) -> bool:
        return any(term.holds(reading) for term in self._terms)

    def told(self, reading: Reading) -> Iterator[Witness]:
        # A leaf that holds in an alternative that does not says nothing.
        for term in [t for t in self._terms if t.holds(reading)] or self._terms:
            yield from term.told(reading)


class _Script:
    def __init__(self, script: Script) -> None:
        self._script = script
        self._fields = fields_of(script.value)

    def holds(self, reading: Reading) -> bool:
        known = reading.known
        if self not in known:
            known[self] = functions.holds(self._script.value, reading.viewed)
        return bool(known[self])

    def told(self, reading: Reading) -> Iterator[Witness]:
        if self.holds(reading):
            read = {field.spelled or field.name: reading.viewed(field) for field in self._fields}
            first = next((values[0] for values in read.values() if values), None)
            yield Witness(", ".join(read), "expression", self._script.text, first)


class _Nested:
    def __init__(self, nested: Nested) -> None:
        self._nested = nested
        self._term = _program(nested.term)

    def holds(self, reading: Reading) -> bool:
        return self._best(reading) is not None

    def told(self, reading: Reading) -> Iterator[Witness]:
        best = self._best(reading)
        if best is not None:
            yield from self._term.told(best)

    def _best(self, reading: Reading) -> Reading | None:
        """The first object that fits."""
        known = reading.known
        if self not in known:
            path, most = self._nested.path, self._nested.most
            objects = map(Reading, reference.nested_objects(reading.document, path, most))
            known[self] = next((one for one in objects if self._term.holds(one)), None)
        best: Reading | None = known[self]
        return best


_Program = _Leaf | _NegativeLeaf | _Not | _Always | _And | _Or | _Script | _Nested


def _program(expr: Expr) -> _Program:
    match expr:
        case Always(value):
            return _Always(value=value)
        case And(terms):
            return _And(terms)
        case Or(terms):
            return _Or(terms)
        case Not(Leaf() as leaf) if leaf.operator in NEGATIVE_OPERATORS:
            return _NegativeLeaf(leaf)
        case Not(term):
            return _Not(term)
        case Leaf():
            return _Leaf(expr)
        case Script():
            return _Script(expr)
        case Nested():
            return _Nested(expr)
        case _:
            assert_never(expr)


_compiled = Remembered(_program, _MOST_CONDITIONS)
