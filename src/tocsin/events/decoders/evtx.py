"""Windows event logs (.evtx): one record for each event, as JSON of the nested form.

The file is a header and chunks of 64 KiB, each of which can be read by itself: so it is read chunk
by chunk, from a stream that need not be seekable, and a chunk or a record that is damaged costs no
other. What becomes of the events says `events.shapes.windows_event`.

    {"Event": {"System": {"Provider": {"#attributes": {"Name": …}}, "EventID": 1, …},
               "EventData": {"Image": …}}}

Format: https://github.com/libyal/libevtx/blob/main/documentation/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from tocsin.events.decoders._evtx_chunk import CHUNK, FILE_MAGIC, HEADER, MAGIC, Found, records
from tocsin.events.record import Record, Undecodable

SUFFIXES: Final = (".evtx",)

_FIRST: Final = 512
_RECORD: Final = b"**\0\0"
_KEPT: Final = 64 << 10
_DECODER: Final = msgspec.json.Decoder()


def recognises(head: bytes) -> bool:
    """Whether it begins as an event log does."""
    return head.startswith(FILE_MAGIC)


def decode(stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
    """The events of a log.

    Args:
        stream: the log from its start; it need not be seekable.
        name: what it is called; nothing depends on it.

    Yields:
        a Record for each event, and an Undecodable for what cannot be read.
    """
    head = _read(stream, HEADER)
    if len(head) < HEADER or not head.startswith(FILE_MAGIC):
        reason = "the file is empty"
        if head:
            reason = "the file does not begin as an event log"
            if head.startswith(FILE_MAGIC):
                reason = "the file ends inside its header"
        yield Undecodable("start of file", reason, head)
    number = 0
    while chunk := _read(stream, CHUNK):
        number += 1
        if len(chunk) < CHUNK:
            reason = f"the file ends inside the chunk, after {len(chunk):,} of {CHUNK:,} bytes"
            yield Undecodable(f"chunk {number}", reason)
        if chunk.startswith(MAGIC) or chunk[_FIRST:].startswith(_RECORD):
            yield from _events(chunk, number)
        elif chunk.strip(b"\0"):
            yield Undecodable(f"chunk {number}", "not a chunk of an event log", chunk[:_KEPT])


def _read(stream: BinaryIO, size: int) -> bytes:
    """Bytes up to a size; fewer at the end of the stream alone."""
    blocks: list[bytes] = []
    while size > 0 and (block := stream.read(size)):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)


def _events(chunk: bytes, number: int) -> Iterator[Record | Undecodable]:
    for found in records(chunk):
        yield _event(found, number) if found.text else _damage(found, number, found.reason)


def _damage(found: Found, chunk: int, reason: str) -> Undecodable:
    place = f"byte {found.offset}" if found.number is None else f"record {found.number}"
    return Undecodable(f"chunk {chunk}, {place}", reason, found.raw)


def _event(found: Found, chunk: int) -> Record | Undecodable:
    raw = found.text.encode("utf-8", "replace")
    try:
        document = _DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return _damage(found, chunk, f"its JSON cannot be read: {error}")
    event = document.get("Event") if isinstance(document, dict) else None
    system = event.get("System") if isinstance(event, dict) else None
    if not isinstance(system, dict):
        return _damage(found, chunk, "its XML is no event")
    # The record's own number, unless the event tells the one that it had in the log it is from.
    told = system.get("EventRecordID")
    named = told if isinstance(told, int | str) and str(told).isdecimal() else found.number
    return Record(document, f"record {named}", raw)
