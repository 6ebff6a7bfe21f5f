"""What a decoder hands on: one record after another, or what could not be decoded.

A decoder is a module ``events/decoders/<format>.py`` with

* ``SUFFIXES: tuple[str, ...]`` and ``recognises(head: bytes) -> bool``, by which a file is
  recognised: by what its first 4 KiB say, else by its ending;
* ``decode(stream, name) -> Iterator[Record | Undecodable]``, which reads a binary stream that need
  not be seekable, never raises for what is in it, and yields as it goes.
"""

from __future__ import annotations

from typing import Any

import msgspec

Document = dict[str, Any]


class Record(msgspec.Struct):
    """One event as it came out of a file.

    Attributes:
        document: the event in ECS's names, nested or dotted, as rules see it.
        position: where it stands in its file, in words that a person can follow: ``line 12``,
            ``packet 7``, ``object 3``.
        raw: the event's bytes as they came, for evidence and identity; empty where the event was
            made out of many packets, which then has an ``id``.
        id: the event's own identifier; None where its bytes have to speak for it.
        shape: the name of the shape (`events.shapes`) that the event has, where the user said so;
            ``ecs`` for none; empty: to be recognised.
    """

    document: Document
    position: str
    raw: bytes = b""
    id: str | None = None
    shape: str = ""


class Undecodable(msgspec.Struct):
    """A piece of a file that is no event.

    Attributes:
        position: as in Record.
        reason: a lower-case sentence.
        raw: the bytes, cut to the first 64 KiB.
    """

    position: str
    reason: str
    raw: bytes = b""
