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

Stages may be broad, and most keys never have events of all of them. So what is heard waits as rows
(`_sequence_rows`), and the machine runs for the keys alone that may now have all steps. Of the
others, what cannot become part of a sequence any more is dropped: a step that no earlier one can
come before, and a first step that a later one takes the place of. Keys are told apart by numbers of
64 bits (`_numbers`).
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf

import msgspec
import numpy as np
import numpy.typing as npt

from tocsin.engine.state._held import hold
from tocsin.engine.state._numbers import number_of, usual_number_of
from tocsin.engine.state._sequence_kept import kept_of, state_of
from tocsin.engine.state._sequence_machine import (
    LONG_AGO,
    Entry,
    KeyState,
    Machine,
    Ordinal,
    machine_of,
    tiebreaker_of,
)
from tocsin.engine.state._sequence_rows import Keys, Places, Rows
from tocsin.engine.state._sequence_stages import MOST_STAGES, Stages, reached
from tocsin.engine.state._told import Some, told
from tocsin.engine.state.keys import MOST_KEYS, JoinKey, is_crowded, join_keys, key_text
from tocsin.engine.state.operator import Firing, Saved
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.query import Sequence
from tocsin.logic.runs import Runs

_STATE, _ROWS = "state/", "rows/"

FOLD = 16
"""With more rows than this a key's are run through the machine, which remembers less."""


class SequenceState:
    """The operator of a sequence.

    Args:
        query: the rule's query.
        saved: what `changes` gave before, gathered.
        runs: when the rule would have run; None: everything is one window.

    Attributes:
        cut: how many events had more than `MOST_KEYS` join keys, the rest of which was cut.
        restored: from when until when the events are that were saved; None: there are none.

    Raises:
        StoreError: what was saved is not what `changes` gave.
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
        self._rows = Rows()
        self._stages = Stages(self._machine)
        self._states: dict[int, KeyState] = {}
        self._live: set[int] = set()
        self._expiries: list[tuple[int, int]] = []
        self._expiring: set[int] = set()
        self._newest = LONG_AGO
        self.restored: tuple[int, int] | None = None
        try:
            self._restore(saved or {})
        except (msgspec.DecodeError, ValueError, OverflowError, IndexError) as error:
            raise StoreError(f"what a sequence remembers cannot be read: {error}") from error
        self._changed: set[int] = set()
        self.cut = 0

    def add(self, event: Event, roles: SequenceOf[int]) -> None:
        """Takes note of an event that satisfies some terms, in any order of time."""
        if event.time > self._newest:
            self._newest = event.time
        if len(roles) == 1:
            keys = join_keys(event.document, self._by[roles[0]])
            by_key = dict.fromkeys(map(key_text, keys), tuple(roles))
        else:
            by_key = {}
            for role in roles:
                for values in join_keys(event.document, self._by[role]):
                    text = key_text(values)
                    by_key[text] = (*by_key.get(text, ()), role)
        if not by_key:
            return
        if len(by_key) >= MOST_KEYS:
            self.cut += is_crowded(event.document, (self._by[role] for role in roles))
        tie = tiebreaker_of(self._query, event)
        ident = usual_number_of(event.id)
        for text, mine in by_key.items():
            held = hold(event) if self._stages.is_step(mine) else None
            self._rows.add(event.time, event.order, tie, usual_number_of(text), ident, mine, held)

    def due(self, until: int | None) -> list[Firing]:
        """The sequences that are complete once everything up to a time has come in."""
        found: list[tuple[int, list[Entry]]] = []
        new = self._rows.take(until)
        if len(new):
            for key, places in self._to_run(new):
                found += [(key, entries) for entries in self._run(key, places)]
        for key in sorted(self._live):
            found += [(key, entries) for entries in self._settled(key, until)]
        self._expire(self._newest if until is None else until)
        self._rows.settle()
        return self._firings(found)

    def changes(self) -> dict[str, bytes | None]:
        """The keys and events that changed since the last call."""
        changed: dict[str, bytes | None] = {}
        for key in self._changed:
            state = self._states.get(key)
            changed[f"{_STATE}{key}"] = None if state is None else kept_of(state)
        self._changed.clear()
        changed.update({_ROWS + name: chunk for name, chunk in self._rows.changes().items()})
        return changed

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._states.keys() | self._rows.all_keys().tolist())

    def _to_run(self, new: Places) -> list[tuple[int, list[int]]]:
        """The keys for which the machine has to run, with their rows in order.

        Of the others, rows that cannot matter any more are dropped.
        """
        rows, stages = self._rows, self._stages
        stages.learn(rows.sets)
        keys = np.unique(rows.keys(new))
        places = rows.of_keys(keys)
        sets = rows.roles(places)
        starts = np.searchsorted(rows.keys(places), keys)
        of_key = np.repeat(np.arange(len(keys)), np.diff(np.append(starts, len(places))))
        hit, steps, whole = self._remembered(keys)
        hit |= np.bitwise_or.reduceat(stages.bits(sets), starts)
        steps += np.add.reduceat(stages.steps(sets).astype(np.intp), starts)
        whole |= (hit == stages.all) & (steps >= self._machine.size)
        useless = stages.useless(sets, of_key, hit)
        stay = np.bincount(of_key[~useless & ~stages.missing(sets)], minlength=len(keys))
        whole |= stay > FOLD
        rows.drop(places[useless & ~whole[of_key]], quietly=True)
        found: dict[int, list[int]] = {}
        numbers, mine = keys.tolist(), whole[of_key]
        for place, at in zip(places[mine].tolist(), of_key[mine].tolist(), strict=True):
            found.setdefault(numbers[at], []).append(place)
        return list(found.items())

    def _remembered(self, keys: Keys) -> tuple[Keys, npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Of some keys, the stages that were hit, of how many events, and whether it must run."""
        hit, steps = np.zeros(len(keys), np.uint64), np.zeros(len(keys), np.intp)
        whole = np.zeros(len(keys), bool)
        if self._states:
            for place, key in enumerate(keys.tolist()):
                state = self._states.get(key)
                if state is not None:
                    steps[place] = reached(state)
                    hit[place] = (1 << min(int(steps[place]), MOST_STAGES)) - 1
                    whole[place] = key in self._live
        return hit, steps, whole

    def _run(self, key: int, places: list[int]) -> list[list[Entry]]:
        """Runs the machine over rows of a key, in their order."""
        machine, found = self._machine, []
        state = self._states.get(key) or machine.new_state()
        entries = [(self._rows.entry(p), self._rows.sets[s]) for p, s in self._with_roles(places)]
        self._rows.drop(np.array(places, np.intp))
        for entry, roles in entries:
            _begin_anew(state, entry)
            complete, _ = machine.step(state, entry, roles)
            for chain in complete:
                if not self._fits(chain):
                    continue
                if machine.trails:
                    state.candidates.append(chain)
                elif not machine.is_spoiled(state, chain):
                    found.append(chain)
        if state.candidates:
            self._live.add(key)
        self._remember(key, state, entries[-1][0].time)
        return found

    def _with_roles(self, places: list[int]) -> Iterator[tuple[int, int]]:
        """Rows with the numbers of what they play."""
        sets: list[int] = self._rows.roles(np.array(places, np.intp)).tolist()
        return zip(places, sets, strict=True)

    def _remember(self, key: int, state: KeyState, time: int) -> None:
        if state.is_empty:
            if self._states.pop(key, None) is None:
                return
        else:
            self._states[key] = state
            if key not in self._live:
                self._remember_expiry(key, time)
        self._changed.add(key)

    def _settled(self, key: int, until: int | None) -> list[list[Entry]]:
        """The sequences of a key whose trailing missing event cannot come any more."""
        state, machine = self._states[key], self._machine
        found: list[list[Entry]] = []
        waiting: list[list[Entry]] = []
        for chain in state.candidates:
            if until is not None and until <= chain[0].time + (machine.maxspan or 0):
                waiting.append(chain)
            elif not machine.is_spoiled(state, chain):
                found.append(chain)
        if len(waiting) < len(state.candidates):
            state.candidates = waiting
            if not waiting:
                self._live.discard(key)
            self._remember(key, state, self._newest)
        return found

    def _fits(self, chain: list[Entry]) -> bool:
        return self._runs is None or self._runs.together(chain[0].time, chain[-1].time)

    def _firings(self, found: list[tuple[int, list[Entry]]]) -> list[Firing]:
        names = [k.field for k in self._by[self._machine.positive[0]]]
        firings: list[tuple[list[Ordinal], str, Firing]] = []
        for key, chain in found:
            values = self._values(key, chain[0])
            text, terms = key_text(values), tuple(zip(names, values, strict=True))
            source = Some([entry.kept[1] for entry in chain])
            events = told([source], len(chain), self._machine.positive)
            firing = Firing(events, text if terms else "", terms)
            firings.append(([entry.ordinal for entry in reversed(chain)], text, firing))
        firings.sort(key=lambda one: one[:2])
        return [firing for _, _, firing in firings]

    def _values(self, key: int, entry: Entry) -> JoinKey:
        """The values of a key of which its first step has the number."""
        document = entry.kept[1].get().document
        choices = join_keys(document, self._by[self._machine.positive[0]])
        return next(values for values in choices if _key_of(values) == key)

    def _remember_expiry(self, key: int, time: int) -> None:
        if self._span is not None and key not in self._expiring:
            self._expiring.add(key)
            heapq.heappush(self._expiries, (time + self._horizon, key))

    def _expire(self, now: int) -> None:
        """Forgets what no event that is still to come can belong to."""
        if self._span is None:
            return
        self._rows.expire(now - max(self._span, self._horizon))
        while self._expiries and self._expiries[0][0] < now:
            _, key = heapq.heappop(self._expiries)
            self._expiring.discard(key)
            state = self._states.get(key)
            if state is None or key in self._live:
                continue  # a key that is live is looked at again when it is not
            self._prune(state, now)
            self._remember(key, state, now)

    def _prune(self, state: KeyState, now: int) -> None:
        oldest = now - (self._span or 0)
        for place, waits in enumerate(state.waiting):
            if waits and waits[0].time < oldest:
                state.waiting[place] = None
        since = now - self._horizon
        state.missing = [[h for h in hits if h[0] >= since] for hits in state.missing]
        if not any(state.waiting):
            state.until = None  # it ends only what was under way when it came

    def _restore(self, saved: Saved) -> None:
        times: list[int] = []
        for name, value in saved.items():
            if name.startswith(_ROWS):
                self._rows.restore(int(name[len(_ROWS) :]), value)
                continue
            key, state = int(name[len(_STATE) :]), state_of(value)
            self._states[key] = state
            chains = [*(chain for chain in state.waiting if chain), *state.candidates]
            mine = [entry.time for chain in chains for entry in chain]
            mine += [hit[0] for hits in state.missing for hit in hits]
            newest = max(mine, default=LONG_AGO)
            times += mine
            if state.candidates:
                self._live.add(key)
            else:
                self._remember_expiry(key, newest)
        times += self._rows.ends
        if times:
            self.restored = min(times), max(times)
            self._newest = max(times)


def _begin_anew(state: KeyState, entry: Entry) -> None:
    """Drops what waits and holds the same event: it came again, and must not follow itself."""
    for stage, waits in enumerate(state.waiting):
        if waits and waits[-1].time >= entry.time and any(_is_same(entry, one) for one in waits):
            state.waiting[stage] = None


def _is_same(one: Entry, other: Entry) -> bool:
    return one.time == other.time and bool(one.kept[0] == other.kept[0])


def _key_of(values: JoinKey) -> int:
    return int.from_bytes(number_of(key_text(values)), sys.byteorder)


__all__ = [
    "Entry", "KeyState", "Machine", "SequenceState", "machine_of", "tiebreaker_of",
]  # fmt: skip
