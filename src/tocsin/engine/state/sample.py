"""Sample: events of the same key, one for each term, in any order of time.

    sample by host [process where …] [network where …]

Of the events that one run of the rule sees together (`logic.runs`), each key gives one sample:
for each term an event, never the same one twice. Elasticsearch leaves open which events; here they
are the earliest, the first term choosing first. The events of a sample are used up by it, and a run
gives a key no second one; so what is left over has its turn in the next run.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

import msgspec

from tocsin.engine.state._held import Held, hold, hold_json, packed, unpacked
from tocsin.engine.state._told import Some, told
from tocsin.engine.state.keys import (
    MOST_KEYS,
    is_crowded,
    join_keys,
    key_of_text,
    key_order,
    key_text,
)
from tocsin.engine.state.operator import Firing
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.query import Sample
from tocsin.logic.runs import Runs


class Candidate(msgspec.Struct, gc=False, eq=False):
    """An event and the terms that would take it."""

    time: int
    id: str
    roles: tuple[int, ...]
    event: Held

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands among the others."""
        return self.time, self.id


_time = attrgetter("time")


class Pool(msgspec.Struct, gc=False, eq=False):
    """What is remembered of one key.

    Attributes:
        candidates: the events that no sample has used, in order.
        used: the times and ids of those that one has, as long as an open run sees them.
        fired: the runs that have given a sample and see one of these events.
    """

    candidates: list[Candidate]
    used: tuple[tuple[int, str], ...] = ()
    fired: tuple[int, ...] = ()


class PoolKept(msgspec.Struct, array_like=True):
    """A pool as it is kept: its candidates, and their events packed."""

    candidates: list[tuple[int, str, tuple[int, ...]]]
    events: bytes
    used: tuple[tuple[int, str], ...] = ()
    fired: tuple[int, ...] = ()


class SampleState:
    """The keys of one rule.

    Args:
        query: the rule's query.
        saved: what `changes` gave before, from a store.
        runs: when the rule runs, and how far back a run looks; None: one run that sees everything,
            made once everything has come in.
        most_per_key: how many samples a run gives for a key; they may share events, as in
            Elasticsearch's ``max_samples_per_key``.

    Raises:
        StoreError: what was saved is not what `changes` gave.

    Attributes:
        late: how many events came after a run that should have seen them had been closed.
        cut: how many events had more than `MOST_KEYS` join keys, the rest of which was cut.
        restored: from when until when the events are that were saved; None: there are none.
    """

    def __init__(
        self,
        query: Sample,
        saved: Mapping[str, bytes] | None = None,
        *,
        runs: Runs | None,
        most_per_key: int = 1,
    ) -> None:
        self._terms = query.terms
        self._keys = query.terms[0].by
        self._runs = runs
        self._most = most_per_key
        try:
            self._pools = {key: _decoded(value) for key, value in (saved or {}).items()}
        except (msgspec.DecodeError, ValueError) as error:
            raise StoreError(f"what a sample remembers cannot be read: {error}") from error
        times = [one.time for pool in self._pools.values() for one in pool.candidates]
        times += [time for pool in self._pools.values() for time, _ in pool.used]
        self.restored = (min(times), max(times)) if times else None
        self._changed: set[str] = set()
        self._late: set[str] = set()
        self._sets: dict[tuple[int, ...], tuple[int, ...]] = {}  # many are equal; one is enough
        self._closed: int | None = None
        self.late = self.cut = 0

    def add(self, event: Event, roles: Sequence[int]) -> None:
        """Takes note of an event that satisfies these terms' filters, in any order of time."""
        if self._runs is not None and self._first(event.time) > self._runs.last_with(event.time):
            return  # a run looks back less than an interval, and none sees it
        by_key: dict[str, list[int]] = {}
        for role in sorted(set(roles)):
            for key in join_keys(event.document, self._terms[role].by):
                by_key.setdefault(key_text(key), []).append(role)
        if not by_key:
            return
        if len(by_key) >= MOST_KEYS:
            self.cut += is_crowded(event.document, (self._terms[role].by for role in set(roles)))
        if self._closed is not None and self._first(event.time) <= self._closed:
            self.late += 1
            self._late.update(by_key)
        place = (event.time, event.id)
        for text, taken in by_key.items():
            pool = self._pools.get(text)
            if pool is None:
                pool = self._pools[text] = Pool([])
            candidates, at = pool.candidates, len(pool.candidates)
            if at and place <= candidates[-1].place:
                at = bisect_left(candidates, place, key=lambda other: other.place)
                if candidates[at].place == place:
                    continue
            if place not in pool.used:
                roles = self._sets.setdefault(tuple(taken), tuple(taken))
                candidates.insert(at, Candidate(event.time, event.id, roles, hold(event)))
                self._changed.add(text)

    def due(self, until: int | None) -> list[Firing]:
        """The samples of the runs at or before ``until``, by run and key, null first.

        Once everything has come in, runs after the newest event are made as well, and what a run
        after it would see is kept all the same: more may come.
        """
        if self._runs is None:
            return [] if until is not None else self._in_order(self._fire_once())
        keys, horizon = list(self._pools), until
        if horizon is None:
            horizon = max(map(_newest, self._pools.values()), default=0)
        elif self._closed is not None and horizon < self._closed + self._runs.interval:
            keys = list(self._late)
        else:
            self._closed = horizon // self._runs.interval * self._runs.interval
        fired: list[tuple[int, Firing]] = []
        for text in keys:
            pool = self._pools.get(text)
            if pool is not None:
                fired.extend(self._fire(text, pool, until, self._runs))
                self._forget(text, pool, horizon, self._runs)
        self._late.clear()
        return self._in_order(fired)

    def _fire_once(self) -> Iterator[tuple[int, Firing]]:
        for text, pool in self._pools.items():
            for taken in samples(pool.candidates, len(self._terms), self._most):
                yield 0, self._firing(text, taken)
        self._changed.update(self._pools)
        self._pools.clear()

    def _fire(
        self, text: str, pool: Pool, until: int | None, runs: Runs
    ) -> Iterator[tuple[int, Firing]]:
        """Makes the runs that see something new, and those after a sample, for what was left."""
        candidates, used, fired = pool.candidates, set(pool.used), set(pool.fired)
        if len({role for one in candidates for role in one.roles}) < len(self._terms):
            return
        waiting = sorted({runs.first_at(c.time) for c in candidates})
        for run in fired:
            heapq.heappush(waiting, run + runs.interval)
        while waiting and (until is None or waiting[0] <= until):
            run = heapq.heappop(waiting)
            if run in fired:
                continue
            start = bisect_left(candidates, run - runs.lookback, key=_time)
            end = bisect_right(candidates, run, key=_time)
            seen = [c for c in candidates[start:end] if c.place not in used]
            found = samples(seen, len(self._terms), self._most)
            if found:
                fired.add(run)
                used.update(c.place for taken in found for c in taken)
                heapq.heappush(waiting, run + runs.interval)
            for taken in found:
                yield run, self._firing(text, taken)
        if len(fired) > len(pool.fired):
            pool.candidates = [c for c in candidates if c.place not in used]
            pool.used, pool.fired = tuple(sorted(used)), tuple(sorted(fired))
            self._changed.add(text)

    def _firing(self, text: str, taken: tuple[Candidate, ...]) -> Firing:
        order = sorted(range(len(taken)), key=lambda role: (taken[role].time, role))
        events = told([Some([taken[role].event for role in order])], len(order), order)
        names = (by.field for by in self._keys)
        terms = tuple(zip(names, key_of_text(text), strict=True))
        return Firing(events, text, terms, taken[order[-1]].time)

    def _in_order(self, fired: Iterable[tuple[int, Firing]]) -> list[Firing]:
        def order(one: tuple[int, Firing]) -> tuple[object, ...]:
            run, firing = one
            return run, key_order(tuple(value for _, value in firing.terms), self._keys)

        return [firing for _, firing in sorted(fired, key=order)]

    def _forget(self, text: str, pool: Pool, horizon: int, runs: Runs) -> None:
        """Drops what no run after the horizon sees."""
        kept = [c for c in pool.candidates if runs.last_with(c.time) > horizon]
        used = tuple(place for place in pool.used if runs.last_with(place[0]) > horizon)
        times = [c.time for c in kept] + [time for time, _ in used]
        fired = tuple(r for r in pool.fired if any(r - runs.lookback <= t <= r for t in times))
        if (len(kept), len(used)) != (len(pool.candidates), len(pool.used)):
            pool.candidates, pool.used, pool.fired = kept, used, fired
            self._changed.add(text)
        if not times:
            del self._pools[text]
            self._changed.add(text)

    def _first(self, time: int) -> int:
        return 0 if self._runs is None else self._runs.first_at(time)

    def changes(self) -> dict[str, bytes | None]:
        """The keys that changed since the last call, encoded; None for one that is gone."""
        changed = {
            key: _encoded(self._pools[key]) if key in self._pools else None for key in self._changed
        }
        self._changed.clear()
        return changed

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._pools)


def samples(
    candidates: Sequence[Candidate], size: int, most: int = 1
) -> list[tuple[Candidate, ...]]:
    """The first few choices of one candidate for each of ``size`` terms, none of them twice.

    Choices come in order: by the first term's candidate, then by the second's, and so on. There is
    no dead end in the search: a term only takes a candidate that leaves the terms behind it theirs.
    """
    # Of so many, one is always left for the term, and enough different ones for all choices.
    enough = size + most - 1
    wanted = [
        list(itertools.islice((c for c in candidates if role in c.roles), enough))
        for role in range(size)
    ]
    return list(itertools.islice(_choices(wanted, ()), most)) if all(wanted) else []


def _choices(
    wanted: list[list[Candidate]], taken: tuple[Candidate, ...]
) -> Iterator[tuple[Candidate, ...]]:
    if len(taken) == len(wanted):
        yield taken
        return
    used = {candidate.place for candidate in taken}
    for candidate in wanted[len(taken)]:
        rest = wanted[len(taken) + 1 :]
        if candidate.place not in used and _all_served(rest, used | {candidate.place}):
            yield from _choices(wanted, (*taken, candidate))


def _all_served(terms: list[list[Candidate]], used: set[tuple[int, str]]) -> bool:
    """Whether each term can have a candidate of its own besides the used: bipartite matching."""
    choices = [[c.place for c in term if c.place not in used] for term in terms]
    taken: dict[tuple[int, str], int] = {}

    def settle(term: int, asked: set[tuple[int, str]]) -> bool:
        for place in choices[term]:
            if place not in asked:
                asked.add(place)
                if place not in taken or settle(taken[place], asked):
                    taken[place] = term
                    return True
        return False

    return all(settle(term, set()) for term in range(len(terms)))


def _newest(pool: Pool) -> int:
    return max(
        (*(c.time for c in pool.candidates[-1:]), *(time for time, _ in pool.used[-1:])), default=0
    )


def _encoded(pool: Pool) -> bytes:
    candidates = [(one.time, one.id, one.roles) for one in pool.candidates]
    events = packed(one.event.json() for one in pool.candidates)
    return msgspec.msgpack.encode(PoolKept(candidates, events, pool.used, pool.fired))


def _decoded(value: bytes) -> Pool:
    kept = msgspec.msgpack.decode(value, type=PoolKept)
    candidates = [
        Candidate(*one, hold_json(event))
        for one, event in zip(kept.candidates, unpacked(kept.events), strict=True)
    ]
    return Pool(candidates, kept.used, kept.fired)
