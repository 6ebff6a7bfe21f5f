"""What became of a rule that needs more than one event: the story around one of them.

`explain` says what a rule's conditions make of an event; this says how far the events around it
got: which step of a sequence was reached and what was missing, since when new terms are known, how
full a group is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import assert_never

import msgspec

from tocsin.engine.state.keys import JoinKey, join_keys, key_text
from tocsin.engine.state.new_terms import MOST_COMBINATIONS, Terms, combinations
from tocsin.engine.state.sequence import Entry, KeyState, Machine, machine_of, tiebreaker_of
from tocsin.events.event import Event
from tocsin.logic.agent_rule import AgentRule
from tocsin.logic.field_types import Scalar, render_date
from tocsin.logic.query import (
    Correlation,
    Filter,
    IndicatorMatch,
    Key,
    NewTerms,
    Query,
    Sample,
    Term,
    Threshold,
)
from tocsin.logic.query import Sequence as SequenceQuery
from tocsin.logic.runs import Runs

Heard = Sequence[tuple[Event, Sequence[int]]]
"""The events around, with the roles that they play in the query; in any order."""

_SECOND = 1_000_000_000


class Line(msgspec.Struct, frozen=True):
    """A sentence of the story.

    Attributes:
        text: the sentence.
        event: the event that it is about, if it is about one.
        kind: ``step``, ``lost``, ``fired`` or ``note``.
    """

    text: str
    event: Event | None = None
    kind: str = "note"


def trace(query: Query, runs: Runs, heard: Heard, focus: Event) -> tuple[Line, ...]:
    """The story of a query around one event.

    Args:
        query: the rule's query.
        runs: when the rule runs.
        heard: every event of interest, the one in question among them.
        focus: the event in question.
    """
    match query:
        case AgentRule() if query.variables:
            return (Line("its variables read here as if nothing had been set before"),)
        case Filter() | IndicatorMatch() | AgentRule():
            return ()
        case Correlation():
            from tocsin.engine.trace_correlation import correlation_story

            return tuple(correlation_story(query, heard, focus))
        case SequenceQuery():
            return tuple(_sequence(query, runs, heard, focus))
        case Sample():
            return tuple(_sample(query, heard, focus))
        case NewTerms():
            return tuple(_new_terms(query, heard, focus))
        case Threshold():
            return tuple(_threshold(query, runs, heard, focus))
        case _:
            assert_never(query)


# --- sequences --------------------------------------------------------------------------------


def _sequence(query: SequenceQuery, runs: Runs, heard: Heard, focus: Event) -> Iterator[Line]:
    by = [*(t.by for t in query.terms), *((query.until.by,) if query.until else ())]
    mine = next((roles for event, roles in heard if event.id == focus.id), ())
    if not mine:
        yield Line("the event takes part in no step of the sequence")
        return
    keys = dict.fromkeys(key for role in mine for key in join_keys(focus.document, by[role]))
    if not keys:
        names = ", ".join(k.field for role in mine for k in by[role] if not k.optional)
        yield Line(f"the event has no value in a join key ({names}), so that it does not count")
    for key in keys:
        yield from _one_key(query, runs, heard, by, key)


def _one_key(
    query: SequenceQuery, runs: Runs, heard: Heard, by: Sequence[tuple[Key, ...]], key: JoinKey
) -> Iterator[Line]:
    machine, text = machine_of(query), key_text(key)
    state, events = machine.new_state(), {}
    if key:
        yield Line(f"for {_pairs(by[machine.positive[0]], key)}:")
    taking = [
        (event, [r for r in roles if text in map(key_text, join_keys(event.document, by[r]))])
        for event, roles in heard
    ]
    entries_of = [
        Entry(event.time, *tiebreaker_of(query, event), event.order, (0, number))
        for number, (event, roles) in enumerate(taking)
        if roles
    ]
    fired = False
    completed: list[tuple[list[Entry], Event]] = []
    for entry in sorted(entries_of, key=lambda entry: (entry.ordinal, entry.kept)):
        event, roles = taking[entry.kept[1]]
        events[entry.kept[1]] = event
        before = _reached(state)
        complete, dropped = machine.step(state, entry, roles)
        yield from _said(query, machine, state, event, roles, before)
        for lost in dropped:
            yield _why_lost(query, machine, state, lost, event, events)
        completed += [(entries, event) for entries in complete]
        if machine.trails:
            continue  # whether the last missing event comes is known when all have come
        for entries, event in completed:
            line = _outcome(machine, runs, state, entries, event, events)
            fired = fired or line.kind == "fired"
            yield line
        completed.clear()
    for entries, event in completed:
        line = _outcome(machine, runs, state, entries, event, events)
        fired = fired or line.kind == "fired"
        yield line
    if not fired:
        yield _what_is_missing(query, machine, state, events)


def _reached(state: KeyState) -> list[int]:
    return [len(waits) if waits else 0 for waits in state.waiting]


def _said(
    query: SequenceQuery,
    machine: Machine,
    state: KeyState,
    event: Event,
    roles: Sequence[int],
    before: list[int],
) -> Iterator[Line]:
    size, after = machine.size, _reached(state)
    for stage, (was, now) in enumerate(zip(before, after, strict=True)):
        if machine.positive[stage] in roles and now:
            what = "opens a sequence" if stage == 0 else f"takes it to step {stage + 1}"
            again = ", in place of an earlier one" if was else ""
            yield Line(f"{what} ({stage + 1} of {size}){again}", event, "step")
    for role in roles:
        if role < len(query.terms) and query.terms[role].missing:
            yield Line("is an event that must be missing", event, "lost")
        elif role == len(query.terms):
            yield Line("is the until: it ends what is under way", event, "lost")
        elif role == machine.positive[-1] and size > 1 and not before[-1]:
            yield Line(f"would be step {size}, but nothing waits for it", event, "lost")


def _why_lost(
    query: SequenceQuery,
    machine: Machine,
    state: KeyState,
    lost: Sequence[Entry],
    event: Event,
    events: dict[int, Event],
) -> Line:
    first = events[lost[0].kept[1]]
    whose = f"the sequence that {first.position} opened"
    if machine.maxspan is not None and event.time - lost[0].time > machine.maxspan:
        took, span = _span(event.time - lost[0].time), _span(machine.maxspan)
        return Line(f"{whose} is dropped: {took} is longer than maxspan {span}", event, "lost")
    if query.until is not None and state.until and lost[-1].ordinal <= state.until:
        return Line(f"{whose} is dropped: until came before the next step", event, "lost")
    return Line(f"{whose} is given up for a later start", event, "lost")


def _outcome(
    machine: Machine,
    runs: Runs,
    state: KeyState,
    entries: Sequence[Entry],
    event: Event,
    events: dict[int, Event],
) -> Line:
    places = ", ".join(events[entry.kept[1]].position for entry in entries)
    if machine.is_spoiled(state, entries):
        return Line(f"all steps ({places}), but an event came that must be missing", event, "lost")
    if not runs.together(entries[0].time, entries[-1].time):
        window = _span(runs.lookback)
        return Line(
            f"all steps ({places}), but no run's window of {window} sees all", event, "lost"
        )
    return Line(f"completes the sequence: {places}", event, "fired")


def _what_is_missing(
    query: SequenceQuery, machine: Machine, state: KeyState, events: dict[int, Event]
) -> Line:
    best = max((waits for waits in state.waiting if waits), key=len, default=None)
    if best is None:
        step = _named(query.terms[machine.positive[0]], 1)
        return Line(f"no sequence is under way: {step} is missing", None, "lost")
    step = _named(query.terms[machine.positive[len(best)]], len(best) + 1)
    places = ", ".join(events[entry.kept[1]].position for entry in best)
    within = ""
    if machine.maxspan is not None:
        end = render_date(best[0].time + machine.maxspan)
        within = f" within {_span(machine.maxspan)}, that is until {end}"
    reached = f"reached step {len(best)} of {machine.size} with {places}"
    return Line(f"{reached}; missing: {step}{within}", None, "lost")


def _named(term: Term, number: int) -> str:
    return f"step {number} ({term.filter.category or 'any'})"


# --- samples, new terms, thresholds -----------------------------------------------------------


def _sample(query: Sample, heard: Heard, focus: Event) -> Iterator[Line]:
    mine = next((roles for event, roles in heard if event.id == focus.id), ())
    for key in dict.fromkeys(k for r in mine for k in join_keys(focus.document, query.terms[r].by)):
        text = key_text(key)
        yield Line(f"for {_pairs(query.terms[0].by, key)}:")
        for role, term in enumerate(query.terms):
            fits = [
                event.position
                for event, roles in heard
                if role in roles and text in map(key_text, join_keys(event.document, term.by))
            ]
            if fits:
                yield Line(f"term {role + 1}: {_some(fits)}", None, "step")
            else:
                yield Line(f"term {role + 1}: no event", None, "lost")


def _new_terms(query: NewTerms, heard: Heard, focus: Event) -> Iterator[Line]:
    history = int(query.history.total_seconds() * _SECOND)
    for terms in _combinations(focus, query.fields):
        same = sorted(
            (event for event, _ in heard if _has(event, query.fields, terms)),
            key=lambda event: (event.time, event.id),
        )
        earlier = [e for e in same if (e.time, e.id) < (focus.time, focus.id)]
        within = [e for e in earlier if e.time >= focus.time - history]
        what = _pairs(query.fields, terms)
        if within:
            first, last = within[0], within[-1]
            since = f"since {render_date(first.time)} ({first.position})"
            seen = f"last seen {render_date(last.time)} ({last.position})"
            yield Line(f"{what} is known {since}, {seen}", last, "lost")
        elif earlier:
            last = earlier[-1]
            ago = _span(focus.time - last.time)
            yield Line(f"{what} is new: last seen {ago} before ({last.position})", last, "fired")
        else:
            yield Line(f"{what} is new: never seen before", focus, "fired")


def _threshold(query: Threshold, runs: Runs, heard: Heard, focus: Event) -> Iterator[Line]:
    for terms in _combinations(focus, query.fields):
        group = [event for event, _ in heard if _has(event, query.fields, terms)]
        what = _pairs(query.fields, terms) or "all events"
        best: tuple[int, int] = (0, 0)
        for run in range(runs.first_at(focus.time), runs.last_with(focus.time) + 1, runs.interval):
            count = sum(run - runs.lookback <= e.time <= run for e in group)
            best = max(best, (count, run))
        count, run = best
        kind = "fired" if count >= query.value else "lost"
        window = f"the {_span(runs.lookback)} up to {render_date(run)}"
        yield Line(f"{what}: {count} of {query.value} events in {window}", focus, kind)
        for field, least in query.cardinality:
            found = {
                value
                for e in group
                if run - runs.lookback <= e.time <= run
                for (value,) in combinations(e.document, (field,))
            }
            kind = "fired" if len(found) >= least else "lost"
            yield Line(f"{len(found)} of {least} distinct values of {field}", focus, kind)


def _combinations(event: Event, fields: tuple[str, ...]) -> Iterator[Terms]:
    return itertools.islice(combinations(event.document, fields), MOST_COMBINATIONS)


def _has(event: Event, fields: tuple[str, ...], terms: Terms) -> bool:
    """Whether the terms are among the event's, without going through all combinations."""
    return all(
        (term,) in combinations(event.document, (field,))
        for field, term in zip(fields, terms, strict=True)
    )


def _pairs(fields: Sequence[Key | str], values: Sequence[Scalar | None]) -> str:
    names = [f if isinstance(f, str) else f.field for f in fields]
    return ", ".join(f"{n}={v}" for n, v in zip(names, values, strict=False))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _span(nanoseconds: int) -> str:
    seconds = nanoseconds / _SECOND
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
