"""What an operator is: the memory of one rule that needs more than one event.

An operator is handed the events that play a role in its rule's query (`logic.query.roles_of`), in
any order of time, and says what fires once a stretch of time is complete. Its memory is a mapping
of keys to bytes: `changes` hands over the keys that moved, and an operator that is made from the
keys of its predecessor goes on as that one would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from tocsin.events.event import Event
from tocsin.logic.field_types import Scalar


class Firing(msgspec.Struct, frozen=True):
    """One firing of a rule, before it is a match.

    Attributes:
        events: (role, event) pairs, oldest first: the role says by which of the rule's conditions
            the event is of interest.
        key: what sets this firing apart from others over the same events; part of the alert's id.
        terms: (field, value) pairs: new terms, a threshold's group, a sequence's key.
        time: when it fired, nanoseconds since the epoch; None: the time of the last event.
        details: what the operator has to say besides, as the alert's ``details``.
        context: what the condition read besides the event, as fields of it.
    """

    events: tuple[tuple[int, Event], ...]
    key: str = ""
    terms: tuple[tuple[str, Scalar | None], ...] = ()
    time: int | None = None
    details: dict[str, Any] = {}
    context: dict[str, Any] = {}


class Operator(Protocol):
    """The memory of one rule."""

    def add(self, event: Event, roles: Sequence[int]) -> None:
        """Takes note of an event that plays these roles; events may come in any order of time."""

    def due(self, until: int | None) -> list[Firing]:
        """What fires, each firing once, oldest first.

        Args:
            until: everything up to this time has come in; None: everything there is.
        """

    def changes(self) -> dict[str, bytes | None]:
        """The keys that changed since the last call; None for one that is gone."""

    def __len__(self) -> int:
        """How many keys are remembered."""


Saved = Mapping[str, bytes]
"""What `Operator.changes` gave, gathered."""
