"""Events of firings and matches that are decoded when somebody looks at them.

At the end of a scan there may be many thousands of firings, of which most may yet be cut; all of
their events at once would be far larger than the scan itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

import msgspec

from tocsin.engine.state._held import Held, decoded, unpacked
from tocsin.events.event import Event


class Source(Protocol):
    """Some events, in order."""

    def events(self) -> Iterator[Event]:
        """The events."""

    def __len__(self) -> int:
        """How many there are."""


class Some(msgspec.Struct, gc=False, eq=False):
    """Events that are held."""

    held: list[Held]

    def events(self) -> Iterator[Event]:
        """The events."""
        return (one.get() for one in self.held)

    def __len__(self) -> int:
        return len(self.held)


class Packed(msgspec.Struct, gc=False, eq=False):
    """Events that are packed (`_held.packed`)."""

    data: bytes
    size: int

    def events(self) -> Iterator[Event]:
        """The events."""
        return map(decoded, unpacked(self.data))

    def __len__(self) -> int:
        return self.size


def told(
    sources: Sequence[Source], most: int, roles: Sequence[int] = ()
) -> tuple[tuple[int, Event], ...]:
    """The (role, event) pairs of a firing; to whoever reads them they are what a tuple would be.

    Args:
        sources: where the events are.
        most: so many of them count.
        roles: which role each plays; none: all play role 0.
    """
    return cast("tuple[tuple[int, Event], ...]", _Pairs(_Events(sources, most), roles))


def events_of(sources: Sequence[Source]) -> tuple[Event, ...]:
    """The events of a match; to whoever reads them they are what a tuple of them would be."""
    return cast("tuple[Event, ...]", _Events(sources, sum(map(len, sources))))


class _Decoded:
    """What was decoded last: the same is often asked for several times at once."""

    last: tuple[object, tuple[Event, ...]] = (None, ())


class _Events(Sequence[Event]):
    __slots__ = ("_most", "_sources")

    def __init__(self, sources: Sequence[Source], most: int) -> None:
        self._sources = sources
        self._most = most

    def all(self) -> tuple[Event, ...]:
        whose, events = _Decoded.last
        if whose is not self:
            found = itertools.chain.from_iterable(source.events() for source in self._sources)
            events = tuple(itertools.islice(found, self._most))
            _Decoded.last = self, events
        return events

    def __iter__(self) -> Iterator[Event]:
        return iter(self.all())

    def __len__(self) -> int:
        return min(self._most, sum(map(len, self._sources)))

    def __getitem__(self, place: Any) -> Any:
        return self.all()[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.all() == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(event.id for event in self.all()))

    def __repr__(self) -> str:
        return repr(self.all())


class _Pairs(Sequence[tuple[int, Event]]):
    __slots__ = ("_events", "_roles")

    def __init__(self, events: _Events, roles: Sequence[int]) -> None:
        self._events = events
        self._roles = roles

    def __iter__(self) -> Iterator[tuple[int, Event]]:
        return zip(self._roles or itertools.repeat(0), self._events.all(), strict=False)

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, place: Any) -> Any:
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # nobody keeps firings by what they hold

    def __repr__(self) -> str:
        return repr(tuple(self))
