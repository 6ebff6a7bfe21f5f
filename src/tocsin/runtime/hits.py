"""What is found in a piece of an input: plain values that go from who finds to who remembers."""

from __future__ import annotations

import msgspec

from tocsin.events import shapes
from tocsin.events.record import Document, Record, Undecodable
from tocsin.logic.field_types import FieldType, Scalar


class Hit(msgspec.Struct):
    """An event that satisfies conditions.

    Attributes:
        place: where it stands among the events of its piece; later ones have larger numbers.
        record: the event as it was decoded.
        shaped: the event in ECS's names, where it came in a shape of its own.
        conditions: the numbers of the conditions that hold, ascending.
    """

    place: int
    record: Record
    shaped: shapes.Shaped | None
    conditions: list[int]

    @property
    def document(self) -> Document:
        """The event as rules see it."""
        return self.record.document if self.shaped is None else self.shaped.document


class Found(msgspec.Struct):
    """What there is in a piece of an input.

    Attributes:
        hits: in the order of the piece.
        events: how many events it has, those included that nobody decoded.
        passed_over: how many of them nobody decoded, as no condition can hold of them.
        undecodable: what was to be decoded, and is no event.
        span: how far `Hit.place` goes.
        earliest: the earliest time of an event, where somebody asks.
        is_bulk: the piece is in Elasticsearch's bulk format and has to be read record by record;
            nothing else is said of it.
        layout: of lines, what `runtime.layout` says of them, where somebody asks.
    """

    hits: list[Hit] = msgspec.field(default_factory=list)
    events: int = 0
    passed_over: int = 0
    undecodable: list[Undecodable] = msgspec.field(default_factory=list)
    span: int = 0
    earliest: int | None = None
    is_bulk: bool = False
    layout: bytes = b""


class KeyGate(msgspec.Struct, frozen=True):
    """Values of which a row has to have one.

    Attributes:
        field: dotted path.
        type: how its values are read.
        values: the values, as the type reads them.
    """

    field: str
    type: FieldType
    values: frozenset[Scalar]


def earlier(one: int | None, other: int | None) -> int | None:
    """The earlier of two times, of which either may be missing."""
    return other if one is None else one if other is None else min(one, other)
