"""The state machine of a sequence, for one join key; see `sequence`."""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Sequence as SequenceOf
from typing import Any

import msgspec

from tocsin.events.event import Event
from tocsin.events.fields import reader
from tocsin.logic.query import Sequence

Ordinal = tuple[int, int, int | float | str, int]
"""What orders events: time, whether the tiebreaker is missing (last), tiebreaker, arrival."""

LONG_AGO = -(2**63)
"""No event is earlier (times are nanoseconds in 64 bits)."""


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """An event of a sequence.

    Attributes:
        time: when it is, in nanoseconds since the epoch.
        tie_missing: whether it lacks the tiebreaker; see `tiebreaker_of`.
        tie: its tiebreaker.
        order: when it came.
        kept: what it is known by, and where it is.
    """

    time: int
    tie_missing: int
    tie: int | float | str
    order: int
    kept: tuple[Any, Any]

    @property
    def ordinal(self) -> Ordinal:
        """What orders it among events."""
        return (self.time, self.tie_missing, self.tie, self.order)


class KeyState(msgspec.Struct, array_like=True):
    """What is remembered for one join key.

    Attributes:
        waiting: behind each step but the last, the sequence that waits there.
        candidates: sequences of all steps whose trailing missing event may still come.
        missing: for each missing term, when its events came, in order.
        until: when the last ``until`` came.
    """

    waiting: list[list[Entry] | None]
    candidates: list[list[Entry]]
    missing: list[list[Ordinal]]
    until: Ordinal | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it matters any more."""
        return not (any(self.waiting) or self.candidates or any(self.missing) or self.until)


class Machine:
    """The steps of a sequence; see `sequence`.

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
        return KeyState([None] * (self.size - 1), [], [[] for _ in self.missing])

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
    found = reader(query.tiebreaker)(event.document) if query.tiebreaker else ()
    value = next(iter(found), None)
    if value is None or isinstance(value, bool):
        return 1, 0
    # Numbers before texts: a field has one type in Elasticsearch, and may have two here.
    return (-1, value) if isinstance(value, (int, float)) else (0, value)
