"""What one variable was worth when: its history, and how it is read at a place in the order."""

from __future__ import annotations

from bisect import bisect_left, insort

import msgspec

from tocsin.logic.agent_rule import Variable
from tocsin.logic.field_types import Scalar, coerce

Place = tuple[int, str, int]
"""Where in the order something happens: the event's time and id, and the number of the action."""

Values = Scalar | list[Scalar]

MOST_WRITES = 256
"""How many times of a variable are remembered, besides the elements that an array has."""

_LONG = 1 << 63


class History(msgspec.Struct, array_like=True):
    """When a variable was set to what, in order; of an array, when each element was added.

    Attributes:
        writes: (place, value) pairs in order.
        used: the hour of event time, since the epoch, in which it was last read or set.
        lost: from where to where it is not whole any more, both included; None: it is.
    """

    writes: list[tuple[Place, Scalar]]
    used: int = 0
    lost: tuple[Place, Place] | None = None

    def is_lost(self, place: Place) -> bool:
        """Whether what was known at a place has been forgotten."""
        return self.lost is not None and self.lost[0] <= place <= self.lost[1]

    def write(self, place: Place, values: list[Scalar], variable: Variable) -> bool:
        """Notes what an action sets; says whether that is news."""
        self.used = max(self.used, place[0] // 3_600_000_000_000)
        if self.happened(place):
            return False
        at = bisect_left(self.writes, place, key=_place_of)
        self.writes[at:at] = [(place, value) for value in values]
        self._shorten(variable.size if variable.array else 0)
        return True

    def _shorten(self, size: int) -> None:
        """Forgets what is older than the latest writes, but no element that an array still has."""
        if len(self.writes) <= MOST_WRITES + 2 * size:
            return
        older, recent = self.writes[:-MOST_WRITES], self.writes[-MOST_WRITES:]
        latest: dict[tuple[type, Scalar], tuple[Place, Scalar]] = {}
        for write in reversed(older):
            if len(latest) >= size:
                break
            latest.setdefault((type(write[1]), write[1]), write)
        first = older[0][0] if self.lost is None else min(older[0][0], self.lost[0])
        self.lost = (first, recent[0][0])
        self.writes = [*reversed(latest.values()), *recent]

    def happened(self, place: Place) -> bool:
        """Whether something was noted at this very place."""
        at = bisect_left(self.writes, place, key=_place_of)
        return at < len(self.writes) and self.writes[at][0] == place

    def admits(self, place: Place, every: int) -> bool:
        """Whether something that may happen once in a while may happen now; notes that it has."""
        at = bisect_left(self.writes, place, key=_place_of)
        if at and place[0] - self.writes[at - 1][0][0] < every:
            return False
        self.used = max(self.used, place[0] // 3_600_000_000_000)
        insort(self.writes, (place, True), key=_place_of)
        self._shorten(0)
        return True


def _place_of(write: tuple[Place, Scalar]) -> Place:
    return write[0]


def value_at(history: History, place: Place, ttl: int = 0, since: int = 0) -> Scalar | None:
    """What was last set before a place; None: nothing, or nothing that counts any more.

    Args:
        history: where to look.
        place: in the order.
        ttl: nanoseconds after which a value is forgotten; 0: never.
        since: what was set before this time does not count.
    """
    before = bisect_left(history.writes, place, key=_place_of)
    if not before:
        return None
    (time, _, _), value = history.writes[before - 1]
    return None if time < since or (ttl and time + ttl <= place[0]) else value


def elements_at(
    history: History, place: Place, variable: Variable, since: int = 0
) -> list[Scalar] | None:
    """The elements of an array at a place, those added last first; None for none.

    Each element has a time to live of its own, and of more than fit the oldest go.
    """
    found: dict[tuple[type, Scalar], Scalar] = {}
    before = bisect_left(history.writes, place, key=_place_of)
    ttl = variable.ttl
    for (time, _, _), value in reversed(history.writes[:before]):
        if len(found) >= variable.size or time < since or (ttl and time + ttl <= place[0]):
            break
        found.setdefault((type(value), value), value)
    return list(found.values()) or None


def zero_of(variable: Variable) -> Values:
    """What a variable without a value reads as."""
    if variable.array:
        return []
    zeros: dict[str, Scalar] = {"string": "", "int": 0, "bool": False, "ip": ""}
    return zeros[variable.type]


def typed(variable: Variable, value: Scalar) -> Scalar | None:
    """The value as the variable holds it; None where it cannot."""
    if variable.type == "int":
        number = coerce("long", value)
        fits = isinstance(number, int) and -_LONG <= number < _LONG
        return number if fits and not isinstance(number, bool) else None
    if variable.type == "bool":
        return coerce("boolean", value)
    return coerce("keyword", value)
