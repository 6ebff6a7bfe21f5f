"""Matches that wait, with their events held (`_held`) and the rest as JSON; the rule is known."""

from __future__ import annotations

from typing import Any

import msgspec

from tocsin.engine.match import Evidence, Match
from tocsin.engine.state._held import Held, hold, hold_json, packed, unpacked
from tocsin.engine.state._told import Some, events_of
from tocsin.logic.field_types import Scalar
from tocsin.rules.model import Rule


class Rest(msgspec.Struct, array_like=True):
    """What a match has besides its rule and events; the attributes are those of `Match`."""

    evidence: tuple[Evidence, ...]
    key: str
    new_terms: tuple[tuple[str, Scalar], ...]
    fired: int | None
    details: dict[str, Any]


class MatchKept(msgspec.Struct, array_like=True):
    """A match as it is kept: its events packed."""

    events: bytes
    rest: msgspec.Raw


class MatchHeld(msgspec.Struct, gc=False, eq=False):
    """A match that is held."""

    events: list[Held]
    rest: bytes

    def match(self, rule: Rule) -> Match:
        """The match of a rule that it is; its events are decoded when somebody looks at them."""
        rest = msgspec.json.decode(self.rest, type=Rest)
        events = events_of([Some(self.events)])
        return Match(rule, events, rest.evidence, rest.key, rest.new_terms, rest.fired,
                     rest.details)  # fmt: skip

    def kept(self) -> MatchKept:
        """What is kept of it."""
        events = packed(event.json() for event in self.events)
        return MatchKept(events, msgspec.Raw(self.rest))


def hold_match(match: Match) -> MatchHeld:
    """Holds a match."""
    # As JSON: an event may hold whole numbers that MessagePack, with its 64 bits, cannot.
    rest = Rest(match.evidence, match.key, match.new_terms, match.fired, match.details)
    return MatchHeld([hold(event) for event in match.events], msgspec.json.encode(rest))


def held_of(kept: MatchKept) -> MatchHeld:
    """The match that was kept.

    Raises:
        ValueError: its events are damaged.
    """
    return MatchHeld([hold_json(event) for event in unpacked(kept.events)], bytes(kept.rest))
