"""Sequences: EQL's state machine, one small state a join key.

For every key at most one sequence waits behind each step. An event is offered to the steps from
the last to the first, so that one event can serve several steps of different sequences:

* an event of step k takes the sequence that waits behind step k - 1 one step further; one that
  waited behind step k already is replaced (the latest start wins);
* when it is taken out, a sequence that is longer than ``maxspan`` or has an ``until`` behind its
  last event is dropped, and there is no second try with another start;
* a sequence of all steps is a match if none of its missing events (``![ ]``) came where it must
  not; behind the last step that is known only when the span has passed.

Semantics: elastic/elasticsearch, ``SequenceMatcher`` and the test suites beside it.

Events come in any order; they wait until their time is complete and are then taken in order of
time, tiebreaker and arrival. A rule's window is that of `Runs`: all events of a sequence have to
be seen by one run.
"""

from __future__ import annotations

import bisect
import datetime as dt
import heapq
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from typing import Any

import msgspec

from tocsin.engine.state.kept import Kept, Reference
from tocsin.engine.state.keys import join_keys, key_text
from tocsin.engine.state.operator import Firing, Saved
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.logic.field_types import Scalar
from tocsin.logic.query import Sequence
from tocsin.logic.runs import Runs

Ordinal = tuple[int, int, int | float | str, int]
"""What orders events: time, whether the tiebreaker is missing (last), tiebreaker, arrival."""

_STATE, _EVENT = "state/", "event/"

LONG_AGO = -(2**63)
"""No event is earlier (times are nanoseconds in 64 bits)."""


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """An event of a sequence: when it is, and where its document is kept."""

    time: int
    tie_missing: int
    tie: int | float | str
    order: int
    kept: Reference

    @property
    def ordinal(self) -> Ordinal:
        """What orders it among events."""
        return (self.time, self.tie_missing, self.tie, self.order)


class KeyState(msgspec.Struct, array_like=True):
    """What is remembered for one join key.

    Attributes:
        waiting: behind each step but the last, the sequence that waits there.
        candidates: sequences of all steps whose trailing missing event may still come.
        pending: events whose time is not complete yet, with their roles.
        missing: for each missing term, when its events came, in order.
        until: when the last ``until`` came.
    """

    waiting: list[list[Entry] | None]
    candidates: list[list[Entry]]
    pending: list[tuple[Entry, list[int]]]
    missing: list[list[Ordinal]]
    until: Ordinal | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it matters any more."""
        return not (
            any(self.waiting) or self.candidates or self.pending or any(self.missing) or self.until
        )


class Machine:
    """The steps of a sequence; see the module.

    Args:
        positive: the role of each step.
        missing: for each missing term, its role and the number of steps before it.
        until: the role of ``until``.
        maxspan: the longest time from the first event to the last, in nanoseconds.
    """

    def __init__(
        self,
        positive: SequenceOf[int],
        missing: SequenceOf[tuple[int, int]] = (),
        until: int | None = None,
        maxspan: int | None = None,
    ) -> None:
        self.positive = tuple(positive)
        self.missing = tuple(missing)
        self.maxspan = maxspan
        self._until = until
        self.size = len(self.positive)
        self.trails = any(place == self.size for _, place in self.missing)

    def new_state(self) -> KeyState:
        """A key of which nothing is known."""
        return KeyState([None] * (self.size - 1), [], [], [[] for _ in self.missing])

    def step(
        self, state: KeyState, entry: Entry, roles: SequenceOf[int]
    ) -> tuple[list[list[Entry]], list[list[Entry]]]:
        """Takes the next event of a key, in order.

        Returns:
            sequences that now have all steps, and those that were dropped or replaced.
        """
        complete: list[list[Entry]] = []
        dropped: list[list[Entry]] = []
        for stage in reversed(range(self.size)):
            if self.positive[stage] not in roles:
                continue
            advanced = self._advanced(state, stage, entry, dropped)
            if advanced is None:
                continue
            if stage == self.size - 1:
                complete.append(advanced)
                continue
            replaced = state.waiting[stage]
            if replaced is not None:
                dropped.append(replaced)
            state.waiting[stage] = advanced
        for number, (role, _) in enumerate(self.missing):
            if role in roles:
                bisect.insort(state.missing[number], entry.ordinal)
        if self._until is not None and self._until in roles:
            state.until = entry.ordinal
        return complete, dropped

    def _advanced(
        self, state: KeyState, stage: int, entry: Entry, dropped: list[list[Entry]]
    ) -> list[Entry] | None:
        if stage == 0:
            return [entry]
        before = state.waiting[stage - 1]
        # What is later than the event came in an earlier scan: events follow, never precede.
        if before is None or before[-1].ordinal > entry.ordinal:
            return None
        state.waiting[stage - 1] = None
        too_long = self.maxspan is not None and entry.time - before[0].time > self.maxspan
        # An `until` on the last matched event itself cancels, one on the new event does not.
        ended = state.until is not None and before[-1].ordinal <= state.until < entry.ordinal
        if too_long or ended:
            dropped.append(before)
            return None
        return [*before, entry]

    def is_spoiled(self, state: KeyState, found: SequenceOf[Entry]) -> bool:
        """Whether a missing event came where it must not; see A7 of the semantics."""
        first, last, span = found[0], found[-1], self.maxspan or 0
        leading: list[int] = []  # the time of each term's nearest hit before the first event
        trailing: list[int] = []  # and behind the last
        for number, (_, place) in enumerate(self.missing):
            hits = state.missing[number]
            if place == 0:
                before = bisect.bisect_left(hits, first.ordinal)
                leading += [hits[before - 1][0]] if before else []
                continue
            after = bisect.bisect_right(hits, found[place - 1].ordinal)
            if after == len(hits):
                continue
            if place == self.size:
                trailing.append(hits[after][0])
            elif hits[after] < found[place].ordinal:
                return True
        leads = any(place == 0 for _, place in self.missing)
        if leads and self.trails:
            return bool(leading and trailing and min(trailing) - max(leading) <= span)
        if leads:
            return any(time >= last.time - span for time in leading)
        return any(time <= first.time + span for time in trailing)


class SequenceState:
    """The operator of a sequence.

    Args:
        query: the rule's query.
        saved: what `changes` gave before, gathered.
        runs: when the rule would have run; None: everything is one window.
    """

    def __init__(
        self, query: Sequence, saved: Saved | None = None, *, runs: Runs | None = None
    ) -> None:
        self._query = query
        self._runs = runs
        self._machine = machine_of(query)
        maxspan, missing = self._machine.maxspan, self._machine.missing
        spans = [] if maxspan is None else [maxspan]
        spans += [] if runs is None else [runs.lookback]
        self._span = min(spans, default=None)
        # A missing event may lie up to `maxspan` from the other end of its sequence.
        self._horizon = (maxspan if missing else self._span) or 0
        self._by = [*(t.by for t in query.terms), *((query.until.by,) if query.until else ())]
        saved = saved or {}
        self._kept = Kept({k[len(_EVENT) :]: v for k, v in saved.items() if k.startswith(_EVENT)})
        self._states: dict[str, KeyState] = {}
        self._live: set[str] = set()
        self._expiries: list[tuple[int, str]] = []
        self._expiring: set[str] = set()
        self._newest = LONG_AGO
        for name, value in saved.items():
            if name.startswith(_STATE):
                self._restore(name[len(_STATE) :], msgspec.json.decode(value, type=KeyState))
        self._kept.forget_unheld()
        self._changed: set[str] = set()

    def add(self, event: Event, roles: SequenceOf[int]) -> None:
        """Takes note of an event that satisfies some terms, in any order of time."""
        self._newest = max(self._newest, event.time)
        by_key: dict[str, list[int]] = {}
        for role in roles:
            for values in join_keys(event.document, self._by[role]):
                by_key.setdefault(key_text(values), []).append(role)
        tie_missing, tie = tiebreaker_of(self._query, event)
        for key, mine in by_key.items():
            entry = Entry(event.time, tie_missing, tie, event.order, self._kept.put(event))
            state = self._states.get(key)
            if state is None:
                state = self._states[key] = self._machine.new_state()
            state.pending.append((entry, mine))
            self._live.add(key)
            self._changed.add(key)

    def due(self, until: int | None) -> list[Firing]:
        """The sequences that are complete once everything up to a time has come in."""
        found: list[tuple[list[Entry], str]] = []
        for key in sorted(self._live):
            found.extend((entries, key) for entries in self._advance(key, until))
        self._expire(self._newest if until is None else until)
        found.sort(key=lambda item: ([e.ordinal for e in reversed(item[0])], item[1]))
        return [self._firing(entries, key) for entries, key in found]

    def changes(self) -> dict[str, bytes | None]:
        """The keys and events that changed since the last call."""
        changed: dict[str, bytes | None] = {}
        for key in self._changed:
            state = self._states.get(key)
            changed[_STATE + key] = None if state is None else msgspec.json.encode(state)
        self._changed.clear()
        changed.update({_EVENT + name: block for name, block in self._kept.changes().items()})
        return changed

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._states)

    def _advance(self, key: str, until: int | None) -> Iterator[list[Entry]]:
        state, machine = self._states[key], self._machine
        ready = [p for p in state.pending if until is None or p[0].time <= until]
        if ready:
            self._changed.add(key)
            state.pending = [p for p in state.pending if not (until is None or p[0].time <= until)]
        for entry, roles in self._each_once(state, ready):
            before = sum(len(w) for w in state.waiting if w)
            complete, dropped = machine.step(state, entry, roles)
            held = sum(len(w) for w in state.waiting if w) + sum(len(c) for c in complete)
            self._hold(entry, held - before + sum(len(d) for d in dropped) - 1)
            for entries in dropped:
                self._release(entries)
            for entries in complete:
                if not self._fits(entries):
                    self._release(entries)
                elif machine.trails:
                    state.candidates.append(entries)
                elif machine.is_spoiled(state, entries):
                    self._release(entries)
                else:
                    yield entries
        waiting: list[list[Entry]] = []
        for entries in state.candidates:
            if until is not None and until <= entries[0].time + (machine.maxspan or 0):
                waiting.append(entries)
                continue
            self._changed.add(key)
            if machine.is_spoiled(state, entries):
                self._release(entries)
            else:
                yield entries
        state.candidates = waiting
        if not state.pending and not state.candidates:
            self._live.discard(key)
            self._remember_expiry(key, max((e.time for e, _ in ready), default=self._newest))

    def _each_once(
        self, state: KeyState, ready: list[tuple[Entry, list[int]]]
    ) -> Iterator[tuple[Entry, list[int]]]:
        """The events in order; what has come before begins anew, so that none follows itself."""
        time, seen = LONG_AGO - 1, set[str]()
        ready.sort(key=lambda item: item[0].ordinal)
        for place, (entry, roles) in enumerate(ready):
            if entry.time != time:
                time, seen = entry.time, set()
            alone = place + 1 == len(ready) or ready[place + 1][0].time != time
            if seen or not alone:
                identity = self._kept.get(entry.kept).id
                if identity in seen:
                    self._kept.release(entry.kept)
                    continue
                seen.add(identity)
            for stage, waits in enumerate(state.waiting):
                if waits and any(self._is_same(entry, other) for other in waits):
                    self._release(waits)
                    state.waiting[stage] = None
            yield entry, roles

    def _is_same(self, one: Entry, other: Entry) -> bool:
        """Whether two entries are of one event: it came again, in a scan that was repeated."""
        if one.time != other.time:
            return False
        return self._kept.get(one.kept).id == self._kept.get(other.kept).id

    def _fits(self, entries: list[Entry]) -> bool:
        return self._runs is None or self._runs.together(entries[0].time, entries[-1].time)

    def _firing(self, entries: list[Entry], key: str) -> Firing:
        machine = self._machine
        events = tuple(
            (role, self._kept.get(entry.kept))
            for role, entry in zip(machine.positive, entries, strict=True)
        )
        self._release(entries)
        values: list[Scalar | None] = msgspec.json.decode(key)
        names = [k.field for k in self._by[machine.positive[0]]]
        terms = tuple(zip(names, values, strict=True))
        return Firing(events, key if terms else "", terms)

    def _hold(self, entry: Entry, times: int) -> None:
        if times < 0:
            self._kept.release(entry.kept)
        for _ in range(times):
            self._kept.hold(entry.kept)

    def _release(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._kept.release(entry.kept)

    def _remember_expiry(self, key: str, time: int) -> None:
        if self._span is not None and key not in self._expiring:
            self._expiring.add(key)
            heapq.heappush(self._expiries, (time + self._horizon, key))

    def _expire(self, now: int) -> None:
        """Forgets what no event that is still to come can belong to."""
        while self._expiries and self._expiries[0][0] < now:
            _, key = heapq.heappop(self._expiries)
            self._expiring.discard(key)
            state = self._states.get(key)
            if state is None or key in self._live:
                continue  # a key that is live is looked at again when it is not
            self._prune(state, now)
            self._changed.add(key)
            if state.is_empty:
                del self._states[key]
            else:
                self._remember_expiry(key, now)

    def _prune(self, state: KeyState, now: int) -> None:
        oldest = now - (self._span or 0)
        for place, waits in enumerate(state.waiting):
            if waits and waits[0].time < oldest:
                self._release(waits)
                state.waiting[place] = None
        since = now - self._horizon
        state.missing = [[h for h in hits if h[0] >= since] for hits in state.missing]
        if not any(state.waiting):
            state.until = None  # it ends only what was under way when it came

    def _restore(self, key: str, state: KeyState) -> None:
        self._states[key] = state
        groups: list[Any] = [*state.waiting, *state.candidates, [e for e, _ in state.pending]]
        newest = LONG_AGO
        for entries in groups:
            for entry in entries or ():
                self._kept.hold(entry.kept)
                newest = max(newest, entry.time)
        for hits in state.missing:
            newest = max([newest, *(h[0] for h in hits)])
        self._newest = max(self._newest, newest)
        self._remember_expiry(key, newest)
        if state.pending or state.candidates:
            self._live.add(key)


def machine_of(query: Sequence) -> Machine:
    """The steps of a query; its ``until`` plays the role behind the last term's."""
    positive = [role for role, term in enumerate(query.terms) if not term.missing]
    missing = [
        (role, sum(not t.missing for t in query.terms[:role]))
        for role, term in enumerate(query.terms)
        if term.missing
    ]
    until = len(query.terms) if query.until else None
    span = query.maxspan
    nanoseconds = None if span is None else span // dt.timedelta(microseconds=1) * 1_000
    return Machine(positive, missing, until, nanoseconds)


def tiebreaker_of(query: Sequence, event: Event) -> tuple[int, int | float | str]:
    """What orders an event among those of its time: whether it has a tiebreaker, and which."""
    found = values_of(event.document, query.tiebreaker) if query.tiebreaker else ()
    value = next(iter(found), None)
    if value is None or isinstance(value, bool):
        return 1, 0
    # Numbers before texts: a field has one type in Elasticsearch, and may have two here.
    return (-1, value) if isinstance(value, (int, float)) else (0, value)
