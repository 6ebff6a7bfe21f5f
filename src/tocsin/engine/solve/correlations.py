"""Cases for correlations: as many events as it takes, of one group, within the timespan.

Every rule's condition is solved once, for all rules together, as their events have to agree in what
groups them. Then events are laid out in time: hits of a correlation among the rules are a firing of
it each, with its own events before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from tocsin.engine import reference
from tocsin.engine.solve.cases import SECOND, Case, dated, last_time, shown
from tocsin.engine.solve.correlation_tree import (
    MOST_EVENTS,
    UnsolvableError,
    fields_below,
    group_fields,
    holds,
    least,
    levels,
    rules_for,
    starts,
    unwanted_roles,
    value_fields,
)
from tocsin.engine.solve.joint import solve_together
from tocsin.engine.solve.misses import MOST, misses
from tocsin.engine.solve.search import Solution
from tocsin.engine.solve.varied import distinct_values, more_values
from tocsin.engine.state._correlation_walk import nanoseconds
from tocsin.events.record import Document
from tocsin.events.schema import ECS
from tocsin.logic import query as logic
from tocsin.logic.expr import Expr, Leaf, Not, conjunction
from tocsin.logic.field_types import Scalar, number_of, text_of
from tocsin.logic.matchers import Exists
from tocsin.rules.model import Rule

_MILLISECOND: Final = 1_000_000
_NO_EVENTS: Final = "no events were found that satisfy the conditions and belong to one group"


class Hit(NamedTuple):
    """A hit in the making.

    Attributes:
        term: the number of its rule.
        field: the rule's name for a field that has a value of its own; empty: none.
        value: that value.
    """

    term: int
    field: str = ""
    value: Scalar = ""


class _Event(NamedTuple):
    """An event in the making.

    Attributes:
        time: when it is.
        part: the role that it plays, and so the solution that it is made of.
        values: what it has instead in some fields, by role and field.
    """

    time: int
    part: int
    values: Mapping[tuple[int, str], Scalar] = {}


def correlation_cases(rule: Rule, query: logic.Correlation, seed: int) -> list[Case] | str:
    """Events that make a correlation ring, and what takes one thing away from them."""
    try:
        return _Cases(rule, query, seed).all()
    except UnsolvableError as error:
        return str(error)


class _Cases:
    def __init__(self, rule: Rule, query: logic.Correlation, seed: int) -> None:
        self._rule = rule
        self._query = query
        self._roles = logic.roles_of(query)
        self._needed = self._conditions(query)
        self._solutions = self._solved(seed)

    # --- what each event has to be ------------------------------------------------------------

    def _conditions(self, query: logic.Correlation) -> list[Expr]:
        """The condition of each role with the fields that have to be there."""
        needed: list[dict[str, Expr]] = [{} for _ in self._roles]
        for level, first in levels(query):
            names = [group_fields(level, place, first) for place in range(len(level.group_by))]
            for role, field in itertools.chain.from_iterable(names):
                needed[role][field] = Leaf(field, Exists(), ECS.resolve(field).type)
            for role, field in value_fields(level, first):
                kind = ECS.resolve(field).type if level.kind == "value_count" else "double"
                needed[role][f"{field} "] = Leaf(field, Exists(), kind)
        return [
            conjunction(role.expr, *more.values())
            for role, more in zip(self._roles, needed, strict=True)
        ]

    def _solved(self, seed: int) -> list[Solution]:
        """An event for each role, all of one group."""
        shared = [
            group_fields(level, place, first)
            for level, first in levels(self._query)
            for place in range(len(level.group_by))
        ]
        unwanted = unwanted_roles(self._query)
        apart = [
            conjunction(expr, *(Not(self._roles[other].expr) for other in unwanted - {role}))
            for role, expr in enumerate(self._needed)
        ]
        found = solve_together(apart, shared, seed=seed)
        found = found or solve_together(self._needed, shared, seed=seed)
        if found is None:
            raise UnsolvableError(_NO_EVENTS)
        return found

    # --- what comes together ------------------------------------------------------------------

    def all(self) -> list[Case]:
        query = self._query
        hits = self._hits(query, 0)
        first = self._case(_about(query, hits), hits)
        return [
            first,
            *self._fewer(hits),
            *self._more(hits),
            *self._spread(hits),
            *self._missed(hits),
        ]

    def _hits(self, query: logic.Correlation, first: int) -> list[Hit]:
        """The fewest hits that a correlation rings on."""
        if query.is_temporal:
            return [Hit(term) for term in rules_for(query)]
        if query.kind == "event_count":
            count = least(query.bounds)
            return [Hit(number % len(query.terms)) for number in range(count)]
        field = (query.terms[0].fields or query.fields)[0]
        if query.kind == "value_count":
            values = self._distinct(query, first, field, least(query.bounds))
            return [Hit(0, field, value) for value in values]
        return [Hit(0, field, self._number(query, first, field, wanted=True))]

    def _distinct(
        self, query: logic.Correlation, first: int, field: str, count: int
    ) -> list[Scalar]:
        """So many values that the first rule's events may have in a field."""
        part, name = fields_below(query.terms[0], field, first)[0]
        solution, needed = self._solutions[part], self._needed[part]
        found = distinct_values(needed, solution, name, count)
        values = [value for values in found or () for value in values[-1:]]
        if len({text_of(value) for value in values}) < count:
            raise UnsolvableError(f"fewer than {count} values of {name} satisfy the condition")
        return values

    def _number(self, query: logic.Correlation, first: int, field: str, *, wanted: bool) -> Scalar:
        """A value of a field that satisfies the condition alone, or that does not."""
        part, name = fields_below(query.terms[0], field, first)[0]
        near = [n + step for _, n in query.bounds for step in (0, 1, -1, 0.5, -0.5, 1_000, -1_000)]
        own = self._solutions[part].values.get(name, ())
        for value in (*near, 0, 1, *own):
            number = number_of(value)
            if number is None:
                continue
            whole = int(number) if float(number).is_integer() else number
            changed = self._solutions[part].having(name, (whole,))
            if holds(query.bounds, whole) == wanted and reference.holds(
                self._needed[part], changed.document
            ):
                return whole
        raise UnsolvableError(f"no value of {name} satisfies the condition")

    # --- in time ------------------------------------------------------------------------------

    def _case(self, about: str, hits: Sequence[Hit], step: int | None = None) -> Case:
        return Case(about, self._documents(self._laid(hits, step)))

    def _laid(self, hits: Sequence[Hit], step: int | None = None) -> list[_Event]:
        """The events of some hits, so that the last is at a time just before a run."""
        events, end = self._lay(self._query, hits, 0, 0, step)
        moved = last_time(self._rule) - end
        return [event._replace(time=event.time + moved) for event in events]

    def _lay(
        self, query: logic.Correlation, hits: Sequence[Hit], first: int, begin: int,
        step: int | None = None,
    ) -> tuple[list[_Event], int]:  # fmt: skip
        """The events of some hits from a time on, and when the last of them is."""
        begins = starts(query, first)
        step = _step(query, len(hits)) if step is None else step
        events: list[_Event] = []
        time = begin
        for number, hit in enumerate(hits):
            term, start = query.terms[hit.term], begins[hit.term]
            where = fields_below(term, hit.field, start) if hit.field else []
            values = dict.fromkeys(where, hit.value)
            at = time + (step if number else 0)
            if not isinstance(term.query, logic.Correlation):
                time = at
                events.append(_Event(at, start, values))
                continue
            if hit.field in term.query.group_by:  # of another group each, and so side by side
                at = begin + number * step
            below = self._hits(term.query, start)
            inside, fired = self._fire(term.query, below, start, at)
            time = max(time, fired)
            events += [event._replace(values={**event.values, **values}) for event in inside]
        return events, time

    def _fire(
        self, query: logic.Correlation, hits: Sequence[Hit], first: int, begin: int
    ) -> tuple[list[_Event], int]:
        """The events of a firing, and when it fires."""
        events, end = self._lay(query, hits, first, begin)
        if len(events) > MOST_EVENTS:
            raise UnsolvableError(f"it takes more than {MOST_EVENTS:,} events to fire")
        return events, begin + nanoseconds(query.timespan) if query.waits else end

    def _documents(self, events: Iterable[_Event]) -> tuple[Document, ...]:
        found = []
        for event in events:
            solution = self._solutions[event.part]
            for (part, field), value in event.values.items():
                if part == event.part:
                    solution = solution.having(field, (value,))
            found.append(shown(self._rule, dated(solution, event.time)))
        return tuple(found)

    # --- near misses --------------------------------------------------------------------------

    def _fewer(self, hits: list[Hit]) -> Iterator[Case]:
        """Something is left out, or something is not what is asked for."""
        query = self._query
        if query.is_temporal:
            for number, hit in enumerate(hits):
                left = hits[:number] + hits[number + 1 :]
                if left:
                    yield self._case(f"without {query.terms[hit.term].name}", left)
            if query.kind == "temporal_ordered" and len(hits) > 1:
                yield self._case("in the reverse order", hits[::-1])
        elif query.kind == "value_count" and len(hits) > 1:
            same = [*hits[:-1], hits[-1]._replace(value=hits[0].value)]
            yield self._case(f"one value of {hits[0].field} fewer", same)
        elif query.kind == "event_count" and len(hits) > 1:
            yield self._case(_events(len(hits) - 1), hits[:-1])
        elif query.kind not in {"value_count", "event_count"}:
            try:
                value = self._number(query, 0, hits[0].field, wanted=False)
            except UnsolvableError:
                return
            yield self._case(f"{hits[0].field} is {value}", [hits[0]._replace(value=value)])

    def _more(self, hits: list[Hit]) -> Iterator[Case]:
        """Something comes that must not, or too often."""
        query = self._query
        for number, term in enumerate(query.terms):
            if term.name in query.unwanted:
                yield self._case(f"with {term.name}", [Hit(number), *hits])
        if query.kind == "event_count" and query.waits:
            for count in range(len(hits) + 1, MOST_EVENTS):
                if not holds(query.bounds, count):
                    more = [Hit(number % len(query.terms)) for number in range(count)]
                    yield self._case(_events(count), more)
                    break

    def _spread(self, hits: list[Hit]) -> Iterator[Case]:
        """The last event comes too late, or is of another group."""
        if len(hits) < 2:
            return
        span = nanoseconds(self._query.timespan)
        *events, last = self._laid(hits)
        late = last._replace(time=events[0].time + span + _MILLISECOND)
        if late.time > last.time and not isinstance(
            self._query.terms[hits[0].term].query, logic.Correlation
        ):
            yield Case("the last event comes after the timespan", self._documents([*events, late]))
        for place, name in enumerate(self._query.group_by):
            fields = [
                field for role, field in group_fields(self._query, place, 0) if role == last.part
            ]
            for field in fields[:1]:
                solution, needed = self._solutions[last.part], self._needed[last.part]
                for other in itertools.islice(more_values(needed, solution, field), 1):
                    moved = last._replace(values={**last.values, (last.part, field): other})
                    about = f"the last event has another {name}"
                    yield Case(about, self._documents([*events, moved]))

    def _missed(self, hits: list[Hit]) -> Iterator[Case]:
        """For each rule, near misses of its own condition."""
        laid = self._laid(hits)
        parts = list(dict.fromkeys(event.part for event in laid))
        streams = [
            iter(misses(self._roles[part].expr, self._solutions[part], self._made))
            for part in parts
        ]
        for _ in range(-(-MOST // len(streams))):
            for part, stream in zip(parts, streams, strict=True):
                miss = next(stream, None)
                if miss is None:
                    continue
                kept, self._solutions[part] = self._solutions[part], miss.solution
                yield Case(f"{self._name(part)}: {miss.about}", self._documents(laid))
                self._solutions[part] = kept

    def _made(self, solution: Solution) -> Document:
        return shown(self._rule, dated(solution, last_time(self._rule)))

    def _name(self, part: int) -> str:
        """The rule of a role, as the correlation around it calls it."""
        for level, first in levels(self._query):
            for term, start in zip(level.terms, starts(level, first), strict=True):
                if start == part and not isinstance(term.query, logic.Correlation):
                    return term.name
        return f"rule {part + 1}"


def _step(query: logic.Correlation, count: int) -> int:
    """How far apart hits are, so that all are within the timespan."""
    step = min(nanoseconds(query.timespan) // max(count, 1), SECOND)
    return step // _MILLISECOND * _MILLISECOND or step


def _about(query: logic.Correlation, hits: Sequence[Hit]) -> str:
    if query.is_temporal:
        order = ", in order" if query.kind == "temporal_ordered" else ""
        return f"all that is asked for{order}"
    if query.kind == "event_count":
        return _events(len(hits))
    if query.kind == "value_count":
        return f"{len(hits)} values of {hits[0].field}"
    return f"{hits[0].field} is {hits[0].value}"


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"
