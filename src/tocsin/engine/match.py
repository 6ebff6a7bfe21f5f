"""What the engine hands on: one firing of a rule, and why."""

from __future__ import annotations

from typing import Any

import msgspec

from tocsin.events.event import Event
from tocsin.logic.field_types import Scalar
from tocsin.rules.model import Rule


class Evidence(msgspec.Struct, frozen=True):
    """A leaf of the rule that held.

    Attributes:
        event: the id of the event on which it held.
        field: the field as the rule names it.
        operator: as the rule wrote it.
        pattern: the one alternative of the leaf that fitted, as the rule wrote it.
        value: the value of the event that fitted.
    """

    event: str
    field: str
    operator: str
    pattern: str
    value: Scalar | None


class Match(msgspec.Struct, frozen=True):
    """One firing.

    Attributes:
        rule: the rule that fired.
        events: the events that made it fire, oldest first.
        evidence: every leaf that held, in the tree's order.
        key: what sets this firing apart from others of the rule over the same events: the new
            terms, a group, a slot; empty where the events say it all.
        new_terms: (field, value) of a new-terms rule.
        fired: when it fired, where that is not the time of the last event.
        details: what the rule's type has to say besides: a group and its count, indicators, …
    """

    rule: Rule
    events: tuple[Event, ...]
    evidence: tuple[Evidence, ...] = ()
    key: str = ""
    new_terms: tuple[tuple[str, Scalar], ...] = ()
    fired: int | None = None
    details: dict[str, Any] = {}

    @property
    def time(self) -> int:
        """When it happened: the time of the last event, in nanoseconds since the epoch."""
        return self.events[-1].time if self.fired is None else self.fired
