"""One event on its way: what rules see of it, where it stands, and who it is."""

from __future__ import annotations

import msgspec

from tocsin.events.record import Document


class Event(msgspec.Struct):
    """An event that some rule hit, with everything an alert needs of it.

    Attributes:
        id: its ``_id`` where it has one, else a hash of its bytes and of how often those bytes
            came before in the same file; the same event has the same id in every run.
        time: nanoseconds since the epoch, by the field that the rule says.
        document: the event in ECS's names, as rules see it.
        original: the event as it came, where the decoder changed its shape; else None.
        source: the file, as it was named.
        position: where in the file: ``line 12``, ``packet 7``.
        order: its place among all events that were read, which decides between equal times.
        received: the event has no time of its own and took the time at which it was read.
        size: how many bytes it came in; 0 where it was made out of packets.
    """

    id: str
    time: int
    document: Document
    source: str
    position: str
    original: Document | None = None
    received: bool = False
    order: int = 0
    size: int = 0
