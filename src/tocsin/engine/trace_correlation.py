"""What became of a correlation around one event: how much of what it asks for came together.

The hits of the event's groups are gathered as the operator gathers them, and its windows are looked
at once more: the one that rang with the event, or else the one that came closest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from tocsin.engine.state._correlation_hits import Group, Hit, Number, Outcome
from tocsin.engine.state._correlation_level import Level
from tocsin.engine.state._correlation_walk import Sliding, Walk
from tocsin.engine.state._correlation_window import Matched, as_json, window_of
from tocsin.engine.state.correlation import span_text
from tocsin.engine.state.kept import Kept
from tocsin.engine.trace import Heard, Line
from tocsin.events.event import Event
from tocsin.logic.field_types import render_date
from tocsin.logic.query import Correlation, roles_of

Place = tuple[int, str]
"""The time of a hit and what it is known by."""

_LONG_AGO: Final = -(2**63)
_SHOWN: Final = 3
_GROWING: Final = frozenset({"event_count", "value_count", "temporal", "temporal_ordered"})


def correlation_story(query: Correlation, heard: Heard, focus: Event) -> Iterator[Line]:
    """The story of a correlation around one event, that of correlations among its rules first."""
    level = Level(query, Kept())
    events: dict[Place, Event] = {}
    for event, roles in heard:
        level.take(event, list(roles))
        events[event.time, event.id] = event
    if (focus.time, focus.id) not in events:
        yield Line("the event is one of none of the rules")
        return
    yield from _below(query, heard, focus)
    mine = _places(level, focus)
    groups = {
        key: group
        for key, group in level.gathered().items()
        if any(hit.place in mine for hit in group.hits)
    }
    if not groups:
        roles = next(roles for event, roles in heard if event.id == focus.id)
        yield Line(_not_counted(query, mine, roles), focus, "lost")
    for key, group in sorted(groups.items()):
        values = msgspec.json.decode(key)
        if values:
            pairs = zip(query.group_by, values, strict=True)
            yield Line(f"for {', '.join(f'{name}={value}' for name, value in pairs)}:")
        yield from _Story(query, group, mine, events).tell(key)


def _below(query: Correlation, heard: Heard, focus: Event) -> Iterator[Line]:
    """The stories of the correlations among the rules that the event is part of."""
    role = 0
    for term in query.terms:
        count = len(roles_of(term.query))
        if isinstance(term.query, Correlation):
            inside = [
                (event, [r - role for r in roles if role <= r < role + count])
                for event, roles in heard
            ]
            inside = [(event, roles) for event, roles in inside if roles]
            if any((event.time, event.id) == (focus.time, focus.id) for event, _ in inside):
                yield Line(f"{term.name}, a correlation itself:")
                yield from correlation_story(term.query, inside, focus)
                yield Line("the correlation around it:")
        role += count


def _places(level: Level, focus: Event) -> set[Place]:
    """The hits that the event is, or is part of; the firings below become hits of the level."""
    places = {(focus.time, focus.id)}
    for term, below in level.below:
        inside = _places(below, focus)
        for outcome in below.judge(None, _LONG_AGO):
            if any(hit.place in inside for hit in outcome.hits):
                places.add((outcome.time, f"{term.number}:{outcome.key}"))
            level.take_outcome(term, outcome, below)
    return places


def _not_counted(query: Correlation, mine: set[Place], roles: Sequence[int]) -> str:
    """Why the event is in no group: what its rules' events need and it lacks."""
    if len(mine) > 1:
        return "the firing that it is part of does not count here"
    role, needed = 0, list[str]()
    for term in query.terms:
        if role in roles and not isinstance(term.query, Correlation):
            needed += [*(term.by or query.group_by), *(term.fields or query.fields)]
        role += len(roles_of(term.query))
    if not needed:
        return "the event does not count here: it is part of no firing"
    lacked = ", ".join(dict.fromkeys(needed))
    return f"the event does not count here: it lacks a value in {lacked}"


class _Story:
    """The windows of one group around the hits of an event."""

    def __init__(
        self, query: Correlation, group: Group, mine: set[Place], events: dict[Place, Event]
    ) -> None:
        self._query = query
        self._hits = list(group.hits)
        self._mine = mine
        self._events = events
        self._walk = Walk(query)
        self._span = span_text(self._walk.span)

    def tell(self, key: str) -> Iterator[Line]:
        group = Group(list(self._hits), [], [])
        if self._query.waits:
            found, _ = self._walk.complete(group, key, None)
        else:
            found, _ = self._walk.slide(group, key, _LONG_AGO, None)
        rung = next((outcome for outcome in found if self._is_in(outcome.hits)), None)
        if rung is not None:
            yield from self._rules(rung.hits)
            yield Line(f"it rings: {self._said(rung)}", self._event(rung.hits[-1]), "fired")
        elif self._query.waits:
            yield from self._complete()
        else:
            yield from self._sliding(found)

    def _is_in(self, hits: Sequence[Hit]) -> bool:
        return any(hit.place in self._mine for hit in hits)

    def _said(self, outcome: Outcome) -> str:
        end = render_date(outcome.time)
        what = measure_text(self._query, outcome.value)
        if not self._query.waits:
            return f"{what} in the {self._span} up to {end}; asked: {self._query.asked}"
        begin = render_date(outcome.hits[0].time)
        return f"{what} from {begin} to {end}; asked: {self._query.asked}"

    def _complete(self) -> Iterator[Line]:
        """The window that took the event and did not ring; of short ones, the fullest."""
        group = Group(self._hits, [], [])
        judged = [
            one
            for one in self._walk.judged(group, None)
            if self._is_in(self._hits[one.start : one.end])
        ]
        over = [one for one in judged if one.verdict == "over"]
        best = over[0] if over else max(judged, key=lambda one: one.value)
        hits = self._hits[best.start : best.end]
        yield from self._rules(hits)
        outcome = Outcome(best.close, "", hits, best.value)
        why = "too much of what must not be" if over else "too little"
        yield Line(f"{why}: {self._said(outcome)}", self._event(hits[-1]), "lost")

    def _sliding(self, found: Sequence[Outcome]) -> Iterator[Line]:
        """The window with the event that came closest, of what earlier alerts have left."""
        used = {hit.place for outcome in found for hit in outcome.hits}
        left = [hit for hit in self._hits if hit.place not in used]
        mine = [place for place, hit in enumerate(left) if hit.place in self._mine]
        sliding = Sliding(window_of(self._query))
        best: Outcome | None = None
        most: tuple[Number, int] | None = None
        while sliding.end < len(left):
            time, window = sliding.take_time(left, self._walk.span), sliding.window
            if not any(sliding.start <= place < sliding.end for place in mine):
                continue
            reached = window.value, len(window.times) if isinstance(window, Matched) else 0
            if most is None or reached > most:
                hits = left[sliding.start : sliding.end]
                best, most = Outcome(time, "", hits, window.value), reached
        if best is None:
            return
        earlier = [outcome for outcome in found if outcome.time < best.hits[0].time]
        if earlier:
            before = render_date(earlier[-1].time)
            yield Line(f"it rang at {before}; what rang then is used up")
        yield from self._rules(best.hits)
        yield Line(self._said(best), self._event(best.hits[-1]), "lost")
        if self._query.kind in _GROWING:
            end = render_date(best.hits[0].time + self._walk.span)
            yield Line(f"what is missing would have to come until {end}", None, "lost")

    def _rules(self, hits: Sequence[Hit]) -> Iterator[Line]:
        """Which rules matched, and on which events."""
        if not self._query.is_temporal and len(self._query.terms) < 2:
            return
        for number, term in enumerate(self._query.terms):
            matched = [hit for hit in hits if number in hit.terms]
            if matched:
                yield Line(f"{term.name}: {self._some(matched)}", None, "step")
            else:
                yield Line(f"{term.name}: no match", None, "lost")
        there = {term for hit in hits for term in hit.terms}
        if self._query.kind == "temporal_ordered" and len(there) == len(self._query.terms):
            window = window_of(self._query)
            for hit in hits:
                window.push(hit)
            if window.value < len(there):
                yield Line("all rules matched, but not in this order", None, "lost")

    def _some(self, hits: Sequence[Hit]) -> str:
        names = []
        for hit in hits[:_SHOWN]:
            event = self._events.get(hit.place)
            names.append(f"rang at {render_date(hit.time)}" if event is None else event.position)
        more = f" and {len(hits) - _SHOWN} more" if len(hits) > _SHOWN else ""
        return ", ".join(names) + more

    def _event(self, hit: Hit) -> Event | None:
        return self._events.get(hit.place)


def measure_text(query: Correlation, value: Number) -> str:
    """What a condition is about, in words.

    >>> from tocsin.logic.query import Correlation
    >>> measure_text(Correlation("value_sum", (), fields=("bytes",)), 12)
    'a sum of 12 of bytes'
    """
    number = as_json(value)
    shown = f"{number:,}"
    fields = ", ".join(query.fields)
    match query.kind:
        case "event_count":
            return f"{shown} event{'' if number == 1 else 's'}"
        case "value_count":
            return f"{shown} distinct value{'' if number == 1 else 's'} of {fields}"
        case "temporal":
            return f"{shown} of {len(query.terms)} rules"
        case "temporal_ordered":
            return f"{shown} of {len(query.terms)} rules in order"
        case "value_sum":
            return f"a sum of {shown} of {fields}"
        case "value_avg":
            return f"a mean of {shown} of {fields}"
        case "value_median":
            return f"a median of {shown} of {fields}"
        case "value_percentile":
            return f"a percentile {query.percentile:g} of {shown} of {fields}"
