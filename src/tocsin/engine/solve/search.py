"""An event that satisfies a condition, by search: choose, see what is still wrong, choose again.

What a conjunction asks is taken on at once: each leaf becomes a wish about its field, each leaf
under a negation something to avoid. A disjunction (or the negation of a conjunction) waits: an
event is made of what is known so far, and only where that does not satisfy it already, one of its
terms is chosen, with the others to come back to. Most exceptions of a rule never have to be chosen
at all, as the event has nothing of what they name.

Whatever comes out has been asked of `reference.holds`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from tocsin.engine import reference
from tocsin.engine.reference import OUTER
from tocsin.engine.solve.candidates import fits
from tocsin.engine.solve.documents import document
from tocsin.engine.solve.fields import values_for
from tocsin.engine.solve.scripts import Pin, script_ways
from tocsin.events.record import Document
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script, walk
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.patterns import glob_matches
from tocsin.logic.value import fields_of

MOST_STEPS: Final = 600
"""How many events one attempt makes."""

_ATTEMPTS: Final = 3
_MOST_WAYS: Final = 60
_DEPTH: Final = 3
_UP: Final = f"{OUTER}."


class Goal(NamedTuple):
    """Something that has to come true, or not."""

    expr: Expr
    positive: bool
    tried: int = 0


class Solution(msgspec.Struct, frozen=True):
    """An event that satisfies a condition.

    Attributes:
        values: what each field has; a field without values is absent.
        objects: arrays of objects by their paths.
        wants: what was wished of each field.
        avoids: what was to be avoided.
        outer: what an object needs of the event around it (only inside `Nested`).
        flat: whether names keep their dots.
    """

    values: dict[str, tuple[Scalar, ...]]
    objects: dict[str, tuple[Document, ...]]
    wants: dict[str, tuple[Leaf, ...]]
    avoids: dict[str, tuple[Leaf, ...]]
    outer: dict[str, tuple[Scalar, ...]] = {}
    flat: bool = False

    @property
    def document(self) -> Document:
        """The event."""
        return document(self.values, self.objects, flat=self.flat)

    def having(self, field: str, values: Sequence[Scalar]) -> Solution:
        """The same with other values in one field."""
        changed = {**self.values, field: tuple(values)}
        return msgspec.structs.replace(self, values=changed)


def find(
    expr: Expr, *, base: Mapping[str, Any] | None = None, seed: int = 0, attempts: int = _ATTEMPTS
) -> Solution | None:
    """An event that satisfies the condition; None where none was found.

    Args:
        expr: the condition.
        base: fields that the event has anyway, unless it gets others.
        seed: for what is chosen; 0 is what is plainest.
        attempts: how many searches there are, each with another order.
    """
    return next(_solutions(expr, dict(base or {}), {}, seed, attempts, _DEPTH), None)


def _solutions(
    expr: Expr, base: Document, outer: Document, seed: int, attempts: int, depth: int
) -> Iterator[Solution]:
    for attempt in range(attempts):
        # The first attempt takes what is plainest; another seed asks for something else.
        number = seed * 1_000 + attempt
        chance = random.Random(number) if number else None  # noqa: S311 (no secret)
        found = _Search(expr, base, outer, chance, depth).run()
        if found is not None:
            yield found


class _State:
    """What has been decided so far."""

    def __init__(self) -> None:
        self.wants: dict[str, tuple[Leaf, ...]] = {}
        self.avoids: dict[str, tuple[Leaf, ...]] = {}
        self.everywhere: tuple[tuple[str, Leaf, bool], ...] = ()
        self.goals: tuple[Goal, ...] = ()
        self.values: dict[str, tuple[Scalar, ...]] = {}
        self.objects: dict[str, tuple[Document, ...]] = {}
        self.barred: dict[str, tuple[Expr, ...]] = {}
        self.dirty: frozenset[str] = frozenset()

    def copy(self) -> _State:
        new = _State()
        new.__dict__.update(
            {k: dict(v) if isinstance(v, dict) else v for k, v in self.__dict__.items()}
        )
        return new

    def want(self, leaf: Leaf, *, positive: bool) -> None:
        """Takes on a wish about a field, or something to avoid."""
        field = leaf.field
        if "*" in field:
            if positive == leaf.every:
                self.everywhere = (*self.everywhere, (field, leaf, positive))
                self.dirty |= self.wants.keys() | self.avoids.keys()
            if not positive and not fits(leaf, ()):
                return
            field = field.replace("*", "0")
        known = self.wants if positive else self.avoids
        known[field] = (*known.get(field, ()), leaf)
        self.dirty |= {field}

    def settle(self, chance: random.Random | None) -> bool:
        """Gives every field that was touched its values; False where one has none that do."""
        for field in sorted(self.dirty):
            wants, avoids = self.asked(field)
            found = values_for(wants, avoids, chance)
            if found is None:
                return False
            self.values[field] = tuple(found)
        self.dirty = frozenset()
        return True

    def asked(self, field: str) -> tuple[tuple[Leaf, ...], tuple[Leaf, ...]]:
        """What is wished of a field and what it has to avoid."""
        wants, avoids = self.wants.get(field, ()), self.avoids.get(field, ())
        if self.everywhere:
            near = [(leaf, yes) for glob, leaf, yes in self.everywhere if glob_matches(glob, field)]
            wants = (*wants, *(leaf for leaf, yes in near if yes))
            avoids = (*avoids, *(leaf for leaf, yes in near if not yes))
        return wants, avoids


class _Search:
    def __init__(
        self, expr: Expr, base: Document, outer: Document, chance: random.Random | None, depth: int
    ) -> None:
        self._expr = expr
        self._base = base
        self._outer = outer
        self._chance = chance
        self._depth = depth
        self._flat = any(isinstance(node, Nested) for node in walk(expr))

    def run(self) -> Solution | None:
        state = _State()
        if not self._assume(state, self._expr, positive=True):
            return None
        stack = [state]
        for _ in range(MOST_STEPS):
            if not stack:
                return None
            state = stack.pop()
            if not state.settle(self._chance):
                continue
            event = self._event(state)
            unmet = min(
                (g for g in state.goals if reference.holds(g.expr, event) != g.positive),
                key=_urgency,
                default=None,
            )
            if unmet is None:
                if reference.holds(self._expr, event):
                    return self._solution(state)
                continue
            ways = itertools.islice(self._ways(state, unmet, event), _MOST_WAYS)
            stack.extend(reversed(list(ways)))
        return None

    def _event(self, state: _State) -> Document:
        inner = {f: v for f, v in state.values.items() if not f.startswith(_UP)}
        built = {**self._base, **document(inner, state.objects, flat=self._flat)}
        if self._outer or len(inner) != len(state.values):
            above = {f.removeprefix(_UP): v for f, v in state.values.items() if f.startswith(_UP)}
            built[OUTER] = {**self._outer, **document(above, {}, flat=True)}
        return built

    def _solution(self, state: _State) -> Solution:
        values = {f: v for f, v in state.values.items() if v and not f.startswith(_UP)}
        outer = {f.removeprefix(_UP): v for f, v in state.values.items() if f.startswith(_UP) and v}
        return Solution(
            values, dict(state.objects), dict(state.wants), dict(state.avoids), outer, self._flat
        )

    # --- what a term asks ---------------------------------------------------------------------

    def _assume(self, state: _State, expr: Expr, *, positive: bool) -> bool:
        """Takes on a term; False where it can never be met."""
        match expr:
            case Always(value):
                return value == positive
            case Not(term):
                return self._assume(state, term, positive=not positive)
            case Leaf():
                state.want(expr, positive=positive)
                return True
            case And(terms) | Or(terms):
                if isinstance(expr, And) == positive:
                    return all(self._assume(state, term, positive=positive) for term in terms)
                if not terms:
                    return False
                if len(terms) == 1:
                    return self._assume(state, terms[0], positive=positive)
        state.goals = (*state.goals, Goal(expr, positive))
        return True

    def _ways(self, state: _State, goal: Goal, event: Document) -> Iterator[_State]:
        """What could be decided next, so that the goal comes true; the likeliest first."""
        expr, positive, tried = goal
        if isinstance(expr, (And, Or)):
            for term in self._ordered(state, expr.terms, positive=positive):
                child = state.copy()
                child.goals = tuple(g for g in state.goals if g is not goal)
                if self._assume(child, term, positive=positive):
                    yield child
            return
        if tried:
            return
        again = tuple(Goal(expr, positive, 1) if g is goal else g for g in state.goals)
        if isinstance(expr, Script):
            for pins in script_ways(expr, positive, state.asked, event, self._chance):
                child = state.copy()
                child.goals = again
                pin(child, pins, alone=not positive)
                yield child
        elif isinstance(expr, Nested) and self._depth:
            yield from self._nested_ways(state, expr, again, event, positive=positive)

    def _nested_ways(
        self, state: _State, expr: Nested, goals: tuple[Goal, ...], event: Document, *,
        positive: bool,
    ) -> Iterator[_State]:  # fmt: skip
        path = expr.path
        if not positive:
            child = state.copy()
            child.goals = goals
            child.barred[path] = (*state.barred.get(path, ()), expr.term)
            child.objects.pop(path, None)
            # The objects were there for a reason: their goals are looked at anew.
            child.goals = tuple(g._replace(tried=0) if _about(g, path) else g for g in goals)
            if state.objects.get(path) and len(child.barred[path]) < _MOST_WAYS:
                yield child
            return
        wanted = And((expr.term, *(Not(term) for term in state.barred.get(path, ()))))
        above = {key: value for key, value in event.items() if key != OUTER}
        for found in _solutions(wanted, {}, above, 0, 2, self._depth - 1):
            child = state.copy()
            child.goals = goals
            child.objects[path] = (*state.objects.get(path, ()), found.document)
            pins = {f: Pin(v[0]) for f, v in found.outer.items()}
            pin(child, pins, alone=False)
            yield child

    def _ordered(self, state: _State, terms: Sequence[Expr], *, positive: bool) -> list[Expr]:
        chance = self._chance

        def cost(term: Expr) -> float:
            luck = 0.0 if chance is None else 6 * chance.random()
            return luck + _cost(state, term, positive=positive)

        return sorted(terms, key=cost)


def pin(state: _State, pins: Mapping[str, Pin | None], *, alone: bool) -> None:
    """Says what fields have to have; with ``alone`` they have nothing besides, None is nothing."""
    for field, pinned in pins.items():
        if pinned is None:
            state.want(Leaf(field, Exists()), positive=False)
            continue
        exact = Equals((pinned.value,))
        state.want(Leaf(field, exact), positive=True)
        if alone:
            state.want(Leaf(field, exact, every=True), positive=True)


def _urgency(goal: Goal) -> int:
    """Scripts last, as they have to do with what the others leave; true ones before false ones."""
    if isinstance(goal.expr, Script):
        return 4 * len(fields_of(goal.expr.value)) + (not goal.positive)
    return 0


def _about(goal: Goal, path: str) -> bool:
    return isinstance(goal.expr, Nested) and goal.expr.path == path and goal.positive


def _cost(state: _State, term: Expr, *, positive: bool) -> int:
    """How much a choice asks: little on a field of which nothing is asked yet."""
    match term:
        case Always(value):
            return 0 if value == positive else 1_000
        case Not(inner):
            return _cost(state, inner, positive=not positive)
        case Leaf():
            taken = 2 * len(state.wants.get(term.field, ()))
            if not positive:
                return 2 + taken
            return 1 + taken + isinstance(term.matcher, Exists)
        case And(terms) | Or(terms):
            costs = [_cost(state, t, positive=positive) for t in terms]
            if isinstance(term, And) == positive:
                return 1 + sum(costs)
            return 1 + min(costs, default=1_000)
        case Script():
            return 12
        case Nested():
            return 15
