"""One correlation with its groups; a correlation among its rules is a level of its own below it.

What is remembered of a group are its hits that may still count, and the ends of the windows that
were used up: a hit that comes again, or late, inside one of those is no new one.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from tocsin.engine.state._correlation_hits import (
    LATEST,
    MOST_EVENTS,
    Group,
    Hit,
    Outcome,
    Row,
    shown_of,
)
from tocsin.engine.state._correlation_terms import MOST_ROWS, Draft, Term
from tocsin.engine.state._correlation_walk import Sliding, Walk
from tocsin.engine.state.kept import Kept, Reference
from tocsin.engine.state.new_terms import MOST_COMBINATIONS
from tocsin.events.event import Event
from tocsin.logic.query import Correlation

_GROUP = "group/"
_WORTH_KEEPING: Final = 32

_place = attrgetter("place")
_time = attrgetter("time")


class Level:
    """The groups of one correlation, and of those among its rules.

    Args:
        query: the correlation.
        kept: where events are put away.
        first_role: the first of its roles in the whole rule.
        wanted: what the correlation around it asks of its events.
        reach: how far back it remembers, in nanoseconds, where it is one of several levels; None:
            as far as it needs.

    Attributes:
        below: the correlations among its rules.
        cut: how many events had more than `MOST_COMBINATIONS` groups, the rest of which was cut.
    """

    def __init__(
        self,
        query: Correlation,
        kept: Kept,
        *,
        first_role: int = 0,
        wanted: Sequence[str] = (),
        reach: int | None = None,
    ) -> None:
        self.query = query
        self._walk = Walk(query)
        self.span = self._walk.span
        self._hits_for = self.span if reach is None else reach
        self._spent_for = 2 * self.span if reach is None else reach
        self._waits = query.waits
        self._numbers = query.kind not in {"value_count", "event_count"} and not query.is_temporal
        self._counts_values = query.kind != "event_count" and not query.is_temporal
        self._kept = kept
        self._plain: dict[int, Term] = {}
        self.below: list[tuple[Term, Level]] = []
        for number, term in enumerate(query.terms):
            here = Term(query, number, first_role, wanted)
            first_role = here.roles.stop
            if isinstance(term.query, Correlation):
                level = Level(
                    term.query, kept, first_role=here.roles.start, wanted=here.asked, reach=reach
                )
                self.below.append((here, level))
            else:
                self._plain[here.roles.start] = here
        self._groups: dict[str, Group] = {}
        self._windows: dict[str, Sliding] = {}
        self._untrimmed: Counter[str] = Counter()
        self._live: set[str] = set()
        self._next: dict[str, int] = {}
        self._times: list[tuple[int, str]] = []
        self._changed: set[str] = set()
        self._closed: int | None = None
        self.cut = 0

    # --- what comes in ------------------------------------------------------------------------

    def take(self, event: Event, roles: Sequence[int]) -> bool:
        """Takes note of an event that plays these roles; says whether it came late."""
        mine = [self._plain[role] for role in sorted(set(roles)) if role in self._plain]
        drafts: dict[str, Draft] = {}
        for term in mine:
            self._draft(drafts, term, term.roles.start, [(term.row(event), 1)])
        late = False
        for key, draft in drafts.items():
            shown = ((draft.role, self._kept.put(event)),)
            late |= self._add(key, self._hit(event.time, event.id, draft, shown, 1))
        for term, level in self.below:
            inner = [role for role in roles if role in term.roles]
            late |= bool(inner) and level.take(event, inner)
        return late

    def _draft(
        self, drafts: dict[str, Draft], term: Term, role: int, rows: Iterable[tuple[Row, int]]
    ) -> None:
        """What a rule's match makes of the groups that its events count in."""
        first: dict[str, bool] = {}
        cut = False
        for row, times in rows:
            values = term.values(row, numbers=self._numbers) if self._counts_values else []
            if self._counts_values and not values:
                continue
            groups = term.groups(row)
            for key in itertools.islice(groups, MOST_COMBINATIONS):
                if key not in drafts:
                    if len(drafts) >= MOST_COMBINATIONS:
                        break
                    drafts[key] = Draft(role)
                if key not in first:
                    first[key] = drafts[key].first_of(term.fields)
                drafts[key].add(term, row, values if first[key] else [], times)
            cut = cut or next(groups, None) is not None
        self.cut += cut

    def _hit(
        self, time: int, name: str, draft: Draft, shown: tuple[tuple[int, Reference], ...],
        count: int,
    ) -> Hit:  # fmt: skip
        values = tuple(draft.values)
        return Hit(time, name, tuple(draft.terms), values, shown, count, draft.kept_rows())

    def _add(self, key: str, hit: Hit) -> bool:
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group([], [], [])
        group.fresh.append(hit)
        self._live.add(key)
        self._changed.add(key)
        if self._closed is None:
            return False
        judged = self._closed - self.span if self._waits else self._closed
        return hit.time <= judged or group.is_spent(hit.time, self.span)

    def take_outcome(self, term: Term, outcome: Outcome, level: Level) -> None:
        """A firing of a correlation among the rules is a hit at its time."""
        group: list[str] = msgspec.json.decode(outcome.key)
        below: Counter[Row] = Counter()
        for hit in outcome.hits:
            below.update(dict(hit.rows) if hit.rows else {(): hit.count})
        rows = [(term.row_below(group, row), times) for row, times in sorted(below.items())]
        drafts: dict[str, Draft] = {}
        self._draft(drafts, term, term.roles.start, rows[:MOST_ROWS])
        shown = tuple(shown_of(outcome.hits))
        for key, draft in drafts.items():
            for _, reference in shown:
                self._kept.hold(reference)
            name = f"{term.number}:{outcome.key}"
            self._add(key, self._hit(outcome.time, name, draft, shown, draft.events))
        level.release(outcome.hits)

    def gathered(self) -> dict[str, Group]:
        """The groups with everything that has come in, before any of it is looked at."""
        for key, group in self._groups.items():
            self._merge(key, group, None)
        return self._groups

    # --- windows ------------------------------------------------------------------------------

    def newest(self) -> int | None:
        """The time of the latest event that is remembered."""
        plain = {term.number for term in self._plain.values()}
        own = (
            hit.time
            for group in self._groups.values()
            for hit in itertools.chain(group.fresh, group.hits)
            if hit.terms[0] in plain
        )
        below = (level.newest() for _, level in self.below)
        known = (time for time in below if time is not None)
        return max(itertools.chain(own, known), default=None)

    def judge(self, until: int | None, horizon: int) -> list[Outcome]:
        """The windows that ring, in order.

        Args:
            until: everything up to this time has come in; None: everything there is.
            horizon: what is later than this may still come.
        """
        for term, level in self.below:
            for outcome in level.judge(until, horizon):
                self.take_outcome(term, outcome, level)
        found: list[Outcome] = []
        for key in self._keys_due(until):
            group = self._groups.get(key)
            if group is not None:
                found.extend(self._judge_group(key, group, until))
                self._forget(key, group, until, horizon)
        if until is not None:
            self._closed = until if self._closed is None else max(self._closed, until)
        return sorted(found, key=lambda outcome: (outcome.time, outcome.key))

    def _keys_due(self, until: int | None) -> list[str]:
        """The groups of which something may have changed."""
        if until is None:
            return list(self._groups)
        keys = set(self._live)
        while self._times and self._times[0][0] <= until:
            time, key = heapq.heappop(self._times)
            if self._next.get(key) == time:
                del self._next[key]
            keys.add(key)
        return list(keys)

    def _judge_group(self, key: str, group: Group, until: int | None) -> list[Outcome]:
        since = self._merge(key, group, until)
        if not group.fresh:
            self._live.discard(key)
        if self._waits:
            found, dropped = self._walk.complete(group, key, until)
            self.release(dropped)
            if found or dropped:
                self._changed.add(key)
            return found
        if since is None:
            return []
        found, window = self._walk.slide(group, key, since, self._windows.pop(key, None))
        if window.end - window.start > _WORTH_KEEPING:
            self._windows[key] = window
        return found

    def _merge(self, key: str, group: Group, until: int | None) -> int | None:
        """Puts what has come into its place; returns the time of the earliest that is new."""
        limit = LATEST if until is None else until
        ready = [hit for hit in group.fresh if hit.time <= limit]
        if not ready:
            return None
        self._changed.add(key)
        group.fresh = [hit for hit in group.fresh if hit.time > limit]
        ready.sort(key=lambda hit: (hit.place, hit.terms, hit.values))
        hits, new = group.hits, list[Hit]()
        earliest: int | None = None
        for hit in ready:
            if group.is_spent(hit.time, self.span):
                self.release((hit,))
            elif new and new[-1].place == hit.place:
                new[-1] = new[-1].with_more_of(hit)
                self.release((hit,))
            elif (at := _known_at(hits, hit)) is not None:
                more = hits[at].with_more_of(hit)
                if more is not hits[at]:
                    hits[at] = more
                    earliest = hit.time if earliest is None else earliest
                    self._windows.pop(key, None)
                self.release((hit,))
            else:
                new.append(hit)
        if not new:
            return earliest
        self._untrimmed[key] += len(new)
        if hits and new[0].place < hits[-1].place:
            self._windows.pop(key, None)
            group.hits = list(heapq.merge(hits, new, key=_place))
        else:
            hits.extend(new)
        return new[0].time if earliest is None else min(earliest, new[0].time)

    # --- memory -------------------------------------------------------------------------------

    def release(self, hits: Iterable[Hit]) -> None:
        """Lets go of the events of some hits."""
        for hit in hits:
            for _, reference in hit.shown:
                self._kept.release(reference)

    def _forget(self, key: str, group: Group, until: int | None, horizon: int) -> None:
        """Drops what no event after the horizon can count with.

        A hit that is used up has to be known for longer, as what came before it may still count.
        Where a correlation is among the rules, all levels remember alike: a firing that does not
        come again because the level below knows it must be known to the level above.
        """
        gone = bisect_left(group.hits, horizon - self._hits_for, key=_time)
        if gone:
            if key in self._windows:
                self._windows[key].forget(group.hits, gone)
            self.release(group.hits[:gone])
            del group.hits[:gone]
            self._changed.add(key)
        old = bisect_left(group.spent, horizon - self._spent_for)
        if old:
            del group.spent[:old]
            self._changed.add(key)
        if group.hits or group.fresh or group.spent:
            if until is None or not group.hits or group.hits[-1].time <= until:
                self._trim(key, group)
            self._schedule(key, group, until)
            return
        del self._groups[key]
        self._windows.pop(key, None)
        self._untrimmed.pop(key, None)
        self._next.pop(key, None)
        self._changed.add(key)

    def _trim(self, key: str, group: Group) -> None:
        """Lets go of events that no alert would show: those with enough later ones of each rule."""
        if self._untrimmed[key] < 2 * MOST_EVENTS:
            return
        del self._untrimmed[key]
        shown: Counter[int] = Counter()
        for hit in reversed(group.hits):
            if hit.shown and all(shown[term] >= MOST_EVENTS for term in hit.terms):
                self.release((hit,))
                hit.shown = ()
                self._changed.add(key)
            for term in hit.terms:
                shown[term] += len(hit.shown)

    def _schedule(self, key: str, group: Group, until: int | None) -> None:
        """Notes when to look at a group again, if nothing comes."""
        times = [group.hits[-1].time + self._hits_for + 1] if group.hits else []
        times += [group.spent[-1] + self._spent_for + 1] if group.spent else []
        if self._waits and group.hits:
            place = 0
            if until is not None:
                place = bisect_left(group.hits, until - self.span + 1, key=_time)
            if place < len(group.hits):
                times = [group.hits[place].time + self.span]
        if times and max(times) < self._next.get(key, LATEST + 1):
            self._next[key] = max(times)
            heapq.heappush(self._times, (max(times), key))

    def changes(self, prefix: str = "") -> dict[str, bytes | None]:
        """The groups that changed since the last call, encoded; None for one that is gone."""
        changed: dict[str, bytes | None] = {}
        for key in self._changed:
            group = self._groups.get(key)
            # As JSON: a time may need more than 64 bits once a span has been added to it.
            encoded = None if group is None else msgspec.json.encode(group)
            changed[f"{prefix}{_GROUP}{key}"] = encoded
        self._changed.clear()
        for term, level in self.below:
            changed |= level.changes(f"{prefix}{term.number}/")
        return changed

    def restore(self, saved: Mapping[str, bytes], prefix: str = "") -> None:
        """Goes on from what `changes` gave."""
        for name, value in saved.items():
            if not name.startswith(prefix + _GROUP):
                continue
            key = name[len(prefix) + len(_GROUP) :]
            group = self._groups[key] = msgspec.json.decode(value, type=Group)
            for hit in itertools.chain(group.hits, group.fresh):
                for _, reference in hit.shown:
                    self._kept.hold(reference)
            if group.fresh:
                self._live.add(key)
            self._schedule(key, group, None)
        for term, level in self.below:
            level.restore(saved, f"{prefix}{term.number}/")

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._groups) + sum(len(level) for _, level in self.below)


def _known_at(hits: Sequence[Hit], hit: Hit) -> int | None:
    """Where the hit of the same event stands; None: there is none."""
    if not hits or hits[-1].place < hit.place:
        return None
    at = bisect_left(hits, hit.place, key=_place)
    return at if hits[at].place == hit.place else None
