"""New terms: the first event within the history that brings a combination of terms.

Elastic runs the rule every few minutes: a combination is new when its earliest matching document in
``[history_window_start, now]`` lies inside the run's own window, and the alert is made of that
document (research: elastic/kibana, ``new_terms`` executors). As if by event time, that is: an event
rings when no event with the same terms came in the ``history`` before it, its ends included.

What has to be remembered for that is little. Events of one combination, in order of time, fall into
*clusters* in which no gap is longer than the history: only the first event of a cluster rings, and
whether a late event is new depends on the clusters' ends alone. So the order in which events come
in does not matter until somebody asks what rings.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.engine.state._held import Held, decoded, hold, hold_json
from tocsin.engine.state._told import Some, told
from tocsin.engine.state.operator import Firing
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.events.fields import reader, values_of
from tocsin.logic.field_types import Scalar, text_of
from tocsin.logic.query import NewTerms

MOST_COMBINATIONS = 1_000
"""How many combinations of terms one event may bring; more are cut off, and counted."""

Terms = tuple[Scalar, ...]


_SOME = 16
"""What is to be forgotten is looked for each time that so large a part of the history is over."""


class Cluster(msgspec.Struct, gc=False, eq=False):
    """Events of one combination without a gap longer than the history.

    Attributes:
        first: the time of the earliest event.
        last: the time of the latest.
        first_id: the id of the earliest.
        pending: the earliest event, until it has rung.
    """

    first: int
    last: int
    first_id: str
    pending: Held | None = None


_NEVER = -(2**63)
"""No event is earlier (times are nanoseconds in 64 bits)."""

_EVENT = "event "
"""What the keys begin with under which events are kept; those of combinations begin with ``[``."""


class _Kept(msgspec.Struct, array_like=True):
    """A cluster as it is kept: its event has a key of its own."""

    first: int
    last: int
    first_id: str
    pending: str = ""


class NewTermsState:
    """The clusters of one rule.

    Args:
        query: the rule's query.
        saved: what `changes` gave before, from a store.

    Raises:
        StoreError: it is not what `changes` gave.
    """

    def __init__(self, query: NewTerms, saved: Mapping[str, bytes] | None = None) -> None:
        self.fields = query.fields
        self._history = int(query.history.total_seconds() * 1_000_000_000)
        self._clusters: dict[str, list[Cluster]] = {}
        self._readers = [reader(field) for field in query.fields]
        self._changed: set[str] = set()
        self._waiting: dict[str, tuple[str, ...]] = {}
        self._waits: Counter[str] = Counter()
        try:
            self._restore(saved or {})
        except msgspec.DecodeError as error:
            message = f"what a rule remembers of {', '.join(query.fields)} cannot be read: {error}"
            raise StoreError(message) from error
        # Keys with an event that has not rung: asking what is due costs what has changed alone.
        self._unrung = {k for k, cs in self._clusters.items() if any(c.pending for c in cs)}
        ends = (c.last for cs in self._clusters.values() for c in cs)
        self._newest = max(ends, default=_NEVER)
        self._forgotten = _NEVER
        self.cut = 0

    def _restore(self, saved: Mapping[str, bytes]) -> None:
        events = {name: _held(value) for name, value in saved.items() if name.startswith(_EVENT)}
        for key, value in saved.items():
            if not key.startswith(_EVENT):
                kept = msgspec.json.decode(value, type=list[_Kept])
                self._clusters[key] = [
                    Cluster(k.first, k.last, k.first_id, events.get(k.pending)) for k in kept
                ]
                self._wait(key, [k.pending for k in kept if k.pending])

    def add(self, event: Event, roles: Sequence[int] = (0,)) -> None:
        """Takes note of an event that satisfies the rule's filter, in any order of time."""
        found = [read(event.document) for read in self._readers]
        if all(len(values) == 1 for values in found):
            self._add(key_of(tuple(text_of(values[0]) for values in found)), event)
            return
        texts = [tuple(dict.fromkeys(map(text_of, values))) for values in found]
        for terms in itertools.islice(itertools.product(*texts), MOST_COMBINATIONS):
            self._add(key_of(terms), event)
        self.cut += math.prod(map(len, texts)) > MOST_COMBINATIONS

    def _add(self, key: str, event: Event) -> None:
        time, clusters = event.time, self._clusters.get(key)
        if time > self._newest:
            self._newest = time
        if clusters is None:
            self._clusters[key] = clusters = []
        elif len(clusters) == 1:
            # Nearly always: it was seen, and not long ago.
            seen = clusters[0]
            if seen.first < time <= seen.last + self._history:
                if time > seen.last:
                    seen.last = time
                    self._changed.add(key)
                return
        # Clusters are in order of time and further apart than the history.
        begin = bisect.bisect_left(clusters, time - self._history, key=lambda c: c.last)
        end = bisect.bisect_right(clusters, time + self._history, key=lambda c: c.first)
        mine = Cluster(time, time, event.id)
        if not any(_is_before(other, mine) for other in clusters[begin:end]):
            mine.pending = hold(event)
        for other in clusters[begin:end]:
            mine = _joined(mine, other)
        clusters[begin:end] = [mine]
        self._changed.add(key)
        if mine.pending is not None:
            self._unrung.add(key)

    def due(self, until: int | None) -> list[Firing]:
        """What rings: the first event of each cluster that has not rung, oldest first.

        Once everything has come in, clusters that ended more than two histories before the newest
        event are forgotten.
        """
        found: list[tuple[tuple[int, str, str], Firing]] = []
        for key in list(self._unrung):
            for cluster in self._clusters[key]:
                held = cluster.pending
                if held is None or (until is not None and cluster.first > until):
                    continue
                terms = tuple(zip(self.fields, msgspec.json.decode(key), strict=True))
                place = (cluster.first, cluster.first_id, key)
                found.append((place, Firing(told([Some([held])], 1), key, terms)))
                cluster.pending = None
                self._changed.add(key)
            if all(cluster.pending is None for cluster in self._clusters[key]):
                self._unrung.discard(key)
        if until is None:
            self._forgotten = _NEVER
            self.forget(self._newest - 2 * self._history)
        found.sort(key=lambda one: one[0])
        return [firing for _, firing in found]

    def forget(self, before: int) -> None:
        """Drops, now or soon, clusters that ended before a time and are not waiting to ring."""
        if before < self._forgotten + self._history // _SOME:
            return
        self._forgotten = before
        gone = []
        for key, clusters in self._clusters.items():
            kept = [c for c in clusters if c.last >= before or c.pending is not None]
            if len(kept) < len(clusters):
                clusters[:] = kept
                self._changed.add(key)
                if not kept:
                    gone.append(key)
        for key in gone:
            del self._clusters[key]
            self._unrung.discard(key)  # what was to ring may have become a part of what rang

    def changes(self) -> dict[str, bytes | None]:
        """The keys that changed since the last call, encoded; None for one that is gone."""
        # As JSON: an event may hold whole numbers that MessagePack, with its 64 bits, cannot.
        changed: dict[str, bytes | None] = {}
        names: dict[int, str] = {}
        for key in self._changed:
            kept = []
            for cluster in self._clusters.get(key, ()):
                name, held = "", cluster.pending
                if held is not None:
                    # One event may bring many combinations; it is kept once for all of them.
                    name = names.get(id(held), "")
                    if not name:
                        encoded = held.json()
                        name = names[id(held)] = _EVENT + hashlib.sha256(encoded).hexdigest()[:32]
                        changed[name] = encoded
                kept.append(_Kept(cluster.first, cluster.last, cluster.first_id, name))
            changed[key] = msgspec.json.encode(kept) if kept else None
            for name in self._wait(key, [k.pending for k in kept if k.pending]):
                changed.setdefault(name, None)
        self._changed.clear()
        self._waits = +self._waits
        # One key may have let go of an event that another still waits for.
        return {name: value for name, value in changed.items() if value or not self._waits[name]}

    def _wait(self, key: str, names: list[str]) -> list[str]:
        """Notes the events that a key waits for; returns those that it does no longer."""
        before = self._waiting.pop(key, ())
        if names:
            self._waiting[key] = tuple(names)
        self._waits.update(names)
        self._waits.subtract(before)
        return list(before)

    def __len__(self) -> int:
        """How many combinations are remembered."""
        return len(self._clusters)


def combinations(document: Mapping[str, Any], fields: tuple[str, ...]) -> Iterator[Terms]:
    """Every combination of the fields' values; none where a field has no value."""
    return itertools.product(*(_terms(document, field) for field in fields))


def _terms(document: Mapping[str, Any], field: str) -> Iterable[Scalar]:
    return dict.fromkeys(text_of(value) for value in values_of(document, field))


def key_of(terms: Terms) -> str:
    """The combination as a key of the store: compared by exact value."""
    return msgspec.json.encode(terms).decode()


def _held(value: bytes) -> Held:
    decoded(value)  # what is damaged is named before anything is made of it
    return hold_json(value)


def _is_before(other: Cluster, mine: Cluster) -> bool:
    """Whether a cluster that holds an event would not ring with it, but earlier."""
    return (other.first, other.first_id) < (mine.first, mine.first_id)


def _joined(mine: Cluster, other: Cluster) -> Cluster:
    """One cluster out of two; the earlier first event is the one that rings.

    The same event again (a replay) rings again: its alert has the same id, so nothing is doubled.
    An event that is earlier than one that has rung already rings as well: it came late.
    """
    same = (mine.first, mine.first_id) == (other.first, other.first_id)
    first = mine if (mine.first, mine.first_id) <= (other.first, other.first_id) else other
    pending = (mine.pending or other.pending) if same else first.pending
    return Cluster(first.first, max(mine.last, other.last), first.first_id, pending)
