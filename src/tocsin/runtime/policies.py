"""The rules of Datadog's Agent at work: one memory for all that remember, with a seat for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.engine.state.build import operator_name
from tocsin.engine.state.operator import Firing
from tocsin.engine.state.variables import VariablesState
from tocsin.events.event import Event
from tocsin.logic.agent_rule import AgentRule
from tocsin.rules.model import Rule


class Remembered(msgspec.Struct, frozen=True):
    """What the memory of Datadog's Agent rules has to say of itself.

    Attributes:
        limited: matches that their rule sends once in a while only (``every``).
        blind: looks of a rule at an event whose past is forgotten, and which it passed over.
        homeless: values that were to be set in a scope that the event has not.
    """

    limited: int = 0
    blind: int = 0
    homeless: int = 0


class Policies:
    """The rules of Datadog's Agent that remember together, each with its seat among them."""

    def __init__(self, rules: Sequence[Rule], saved: Mapping[str, Mapping[str, bytes]]) -> None:
        seated = [(n, r) for n, r in enumerate(rules) if isinstance(r.query, AgentRule)]
        self._numbers = [number for number, _ in seated]
        self._seats = {number: seat for seat, number in enumerate(self._numbers)}
        self._state: VariablesState | None = None
        if seated:
            self._name = operator_name(seated[0][1])
            members = [(r.id, r.query) for _, r in seated if isinstance(r.query, AgentRule)]
            self._state = VariablesState(members, saved.get(self._name))

    @property
    def told(self) -> Remembered:
        """What the memory has to say of itself."""
        state = self._state
        if state is None:
            return Remembered()
        return Remembered(state.limited, state.blind, state.homeless)

    def takes(self, number: int, event: Event) -> bool:
        """Takes note of an event that a rule may match; False if the rule is no member."""
        seat = self._seats.get(number)
        if seat is None or self._state is None:
            return False
        self._state.add(event, (seat,))
        return True

    def listen(self, note: Callable[[str, Event, dict[str, Any]], None]) -> None:
        """Has every look of a rule at an event told."""
        if self._state is not None:
            self._state.on_look = note

    def due(self, until: int | None) -> Iterator[tuple[int, Firing]]:
        """What fires, with the numbers of the rules."""
        for firing in self._state.due(until) if self._state is not None else ():
            ((seat, event),) = firing.events
            yield self._numbers[seat], msgspec.structs.replace(firing, events=((0, event),))

    def changes(self) -> dict[str, dict[str, bytes | None]]:
        """What is to be kept of their memory."""
        return {} if self._state is None else {self._name: self._state.changes()}
