"""Correlation: matches of other rules that come together, as Sigma's correlation rules ask.

The specification (https://sigmahq.io/sigma-specification/) says what is counted and leaves open how
windows lie and how often one rings. Here:

* Time is the events'. Hits of one group are looked at in order of time, whenever they came in;
  those of the same time come together.
* **A window slides.** A condition that only asks for enough (``gt``, ``gte``, rules that have to
  match) is judged at each hit, over the hits of the ``timespan`` up to it, both ends included. It
  rings there and then.
* **Less is known at the end.** A condition with ``lt``, ``lte``, ``eq``, ``neq`` or ``not`` is
  judged when a window is complete: it begins with the group's first hit and lasts for ``timespan``,
  and rings at its end. A window that is short of what is asked for (``gt``, ``gte``, ``eq``, a rule
  that has to match) gives up its first hits only, and the next begins with the next hit; one that
  has too much is used up, as its parts are no better. A group of which there is nothing does not
  ring: nobody knows of it.
* **Hits that rang are used up**, and so are all of their window. The next alert consists of new
  events; no event is in two alerts of one group, none rings by itself what others have rung with
  it, and what goes on is not silent either, as it would be if a condition had to become false
  before it could ring again.
* A correlation among the rules is a hit where it fires, in the groups that its events are in: a
  field that it groups by itself has its group's value. Its events are the events of the hit.

What that means for a scan of everything and for a stream is the same, as long as events come before
their window is closed (``due``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.engine.state._correlation_hits import Outcome, shown_of
from tocsin.engine.state._correlation_level import Level
from tocsin.engine.state._correlation_walk import nanoseconds
from tocsin.engine.state._correlation_window import as_json
from tocsin.engine.state.kept import Kept
from tocsin.engine.state.operator import Firing
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.logic.field_types import render_date
from tocsin.logic.query import Correlation

_EVENT = "event/"
_LONG_AGO = -(2**63)


class CorrelationState:
    """The groups of one rule.

    Args:
        query: the rule's query.
        saved: what `changes` gave before, from a store.

    Attributes:
        late: how many events came after a window that should have had them was closed.
        bare: how many windows would have rung only after such an event had used up what was in
            them besides, and had no event left to show (see `MOST_EVENTS`): they do not ring.

    Raises:
        StoreError: it is not what `changes` gave.
    """

    def __init__(self, query: Correlation, saved: Mapping[str, bytes] | None = None) -> None:
        self._query = query
        saved = saved or {}
        self._kept = Kept({k[len(_EVENT) :]: v for k, v in saved.items() if k.startswith(_EVENT)})
        spans = _spans(query)
        reach = 2 * max(spans) if len(spans) > 1 else None
        self._level = Level(query, self._kept, reach=reach)
        try:
            self._level.restore(saved)
        except msgspec.DecodeError as error:
            message = f"what a correlation remembers cannot be read: {error}"
            raise StoreError(message) from error
        self._kept.forget_unheld()
        self.late = self.bare = 0

    @property
    def cut(self) -> int:
        """How many events had more groups than are looked at."""
        return self._level.cut

    def add(self, event: Event, roles: Sequence[int]) -> None:
        """Takes note of an event that satisfies these roles' filters, in any order of time."""
        self.late += self._level.take(event, roles)

    def due(self, until: int | None) -> list[Firing]:
        """The windows that ring, oldest first.

        Once everything has come in, windows that are not complete are judged by what they have, and
        what may count with later events is kept all the same: more may come.
        """
        horizon = self._level.newest() if until is None else until
        outcomes = self._level.judge(until, _LONG_AGO if horizon is None else horizon)
        shown = [shown_of(outcome.hits) for outcome in outcomes]
        # In the order in which they are kept, so that no block is opened twice.
        needed = sorted({reference for pairs in shown for _, reference in pairs})
        events = {reference: self._kept.get(reference) for reference in needed}
        fired = [
            self._firing(outcome, [(role, events[reference]) for role, reference in pairs])
            for outcome, pairs in zip(outcomes, shown, strict=True)
            if pairs
        ]
        self.bare += len(outcomes) - len(fired)
        for outcome in outcomes:
            self._level.release(outcome.hits)
        return fired

    def changes(self) -> dict[str, bytes | None]:
        """The groups and events that changed since the last call."""
        changed = self._level.changes()
        changed.update({_EVENT + name: block for name, block in self._kept.changes().items()})
        return changed

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._level)

    def _firing(self, outcome: Outcome, shown: Iterable[tuple[int, Event]]) -> Firing:
        by_id: dict[str, tuple[int, Event]] = {}
        for role, event in shown:  # each event once, by the first of the conditions it satisfies
            first, _ = by_id.get(event.id, (role, event))
            by_id[event.id] = min(first, role), event
        events = sorted(by_id.values(), key=lambda pair: (pair[1].time, pair[1].id))
        values: list[str] = msgspec.json.decode(outcome.key)
        terms = tuple(zip(self._query.group_by, values, strict=True))
        details = {"correlation": _told(self._query, outcome)}
        key = f"{outcome.key}@{outcome.time}"
        return Firing(tuple(events), key, terms, outcome.time, details)


def _told(query: Correlation, outcome: Outcome) -> dict[str, Any]:
    """What an alert says of a window: what was asked for and what was found."""
    told: dict[str, Any] = {
        "type": query.kind,
        "rules": [term.name for term in query.terms],
        "group_by": list(query.group_by),
        "timespan": span_text(nanoseconds(query.timespan)),
        "condition": query.asked,
    }
    if query.fields:
        told["field"] = list(query.fields)
    if query.kind == "value_percentile":
        told["percentile"] = query.percentile
    matched = [
        {"rule": term.name, "count": sum(number in hit.terms for hit in outcome.hits)}
        for number, term in enumerate(query.terms)
    ]
    return told | {
        "value": as_json(outcome.value),
        "matched": matched,
        "count": outcome.count,
        "from": render_date(outcome.hits[0].time),
        "to": render_date(outcome.time),
    }


def _spans(query: Correlation) -> list[int]:
    """The spans of a correlation and of those among its rules."""
    spans = [nanoseconds(query.timespan)]
    for term in query.terms:
        if isinstance(term.query, Correlation):
            spans += _spans(term.query)
    return spans


def span_text(nanoseconds: int) -> str:
    """A span as rules write it.

    >>> span_text(300_000_000_000), span_text(1_500_000_000)
    ('5m', '1.5s')
    """
    seconds = nanoseconds / 1_000_000_000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
