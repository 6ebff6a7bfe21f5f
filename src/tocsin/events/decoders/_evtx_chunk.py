"""One chunk of an event log: 64 KiB that hold records and all that these refer to.

    header (512 bytes) · record · record · … · unused

A record is ``2a 2a 00 00``, its size, its number, its time, binary XML, and its size again. The
library that reads binary XML (PyPI's ``evtx``) gets a chunk as if it were a whole file. Of a chunk
that is sound it gives every record at once. Of any other it gives up at the first fault that it
cannot step over, and says nothing of records that it does not come to; so the records are looked
for here, and given to it one by one.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from tocsin.events.decoders._evtx_binxml import Sizes, Unfollowable

CHUNK: Final = 1 << 16
HEADER: Final = 1 << 12
"""How large a chunk is, and the header in front of the first."""

MAGIC: Final = b"ElfChnk\0"
FILE_MAGIC: Final = b"ElfFile\0"
LARGEST: Final = 4 << 20
"""The largest that a record may become, in characters; no record that Windows wrote gets near."""

_FIRST: Final = 512  # offset of the first record
_RECORD: Final = b"**\0\0"
_HEAD: Final = struct.Struct("<4sIQQ")
_SMALLEST: Final = _HEAD.size + 5
_U32: Final = struct.Struct("<I")
_FREE, _SUM = 48, 124  # offsets in the header: of the unused rest; of the header's checksum
_TIME: Final = 133_000_000_000_000_000  # some time that the library can read
_BUDGET: Final = 8 * LARGEST
_KEPT: Final = 64 << 10
_LEAD: Final = re.compile(
    r"(?:Failed to parse record number \d+: )?"
    r"(?:An error occurred while trying to deserialize evtx stream\.: |"
    r"Failed to create record model, reason: )?"
)


class Found(msgspec.Struct):
    """A record, or what stands where one should be.

    Attributes:
        number: of the record in its chunk's file; None where none can be read.
        offset: in the chunk.
        text: the event as JSON; empty where it cannot be read.
        reason: why it cannot.
        raw: its bytes then, cut to the first 64 KiB.
    """

    number: int | None
    offset: int
    text: str = ""
    reason: str = ""
    raw: bytes = b""


class _Slot(msgspec.Struct):
    start: int
    size: int
    number: int | None
    reason: str = ""


def records(chunk: bytes) -> Iterator[Found]:
    """Every record of a chunk, in the order of its bytes; never raises.

    Args:
        chunk: its 64 KiB; shorter ones end with unused bytes.
    """
    chunk = chunk.ljust(CHUNK, b"\0")[:CHUNK]
    is_sound = _is_sound(chunk)
    slots = list(_slots(chunk, is_sound=is_sound))
    _refuse_bombs(chunk, slots)
    if is_sound and not any(slot.reason for slot in slots):
        texts = _decoded(chunk)
        if len(texts) == len(slots) and all(isinstance(text, str) for text in texts):
            for slot, text in zip(slots, texts, strict=True):
                yield Found(slot.number, slot.start, cast("str", text))
            return
    if not is_sound:
        yield Found(None, 0, reason="the chunk's header is damaged", raw=chunk[:_FIRST])
    for slot in slots:
        yield _alone(chunk, slot)


def _is_sound(chunk: bytes) -> bool:
    """Whether the header is whole."""
    stored = _U32.unpack_from(chunk, _SUM)[0]
    counted = zlib.crc32(chunk[128:_FIRST], zlib.crc32(chunk[:120]))
    return chunk.startswith(MAGIC) and bool(counted == stored)


# --- where the records are --------------------------------------------------------------------


def _slots(chunk: bytes, *, is_sound: bool) -> Iterator[_Slot]:
    """The records by their own sizes, and gaps where there should be some.

    Behind the end that the header tells may stand what an earlier use of the chunk left; or, where
    a log was copied while it was written, its newest records, whose numbers go on.
    """
    free = _U32.unpack_from(chunk, _FREE)[0]
    end = free if is_sound and _FIRST <= free <= CHUNK else CHUNK
    at, last = _FIRST, None
    while at < CHUNK:
        size = _size(chunk, at)
        if size is None:
            if at >= end or (end == CHUNK and not chunk[at:].strip(b"\0")):
                return
            after = _next(chunk, at + 1, end)
            if after == CHUNK and not is_sound:
                return  # nobody knows whether that was used
            yield _Slot(at, after - at, None, f"{after - at:,} bytes that are no record")
            at = after
            continue
        number = _HEAD.unpack_from(chunk, at)[2]
        if at >= end and (last is None or number != last + 1):
            return
        yield _Slot(at, size, number)
        at, last = at + size, number


def _size(chunk: bytes, at: int, *, strictly: bool = False) -> int | None:
    """The size of the record at an offset; None where there is none."""
    if chunk[at : at + 4] != _RECORD or at + _SMALLEST > CHUNK:
        return None
    size = int(_HEAD.unpack_from(chunk, at)[1])
    if not _SMALLEST <= size <= CHUNK - at:
        return None
    after = at + size
    if _U32.unpack_from(chunk, after - 4)[0] == size:
        return size
    is_followed = chunk[after : after + 4] == _RECORD
    return size if is_followed and not strictly else None


def _next(chunk: bytes, at: int, end: int) -> int:
    """Where the next record begins; the end where there is none."""
    while (at := chunk.find(_RECORD, at, end)) >= 0:
        if _size(chunk, at, strictly=True) is not None:
            return at
        at += 1
    return end


def _refuse_bombs(chunk: bytes, slots: list[_Slot]) -> None:
    """Gives a reason to every record that becomes too large, alone or with those before it."""
    sizes, total = Sizes(chunk), 0
    for slot in slots:
        if slot.reason:
            continue
        try:
            size = sizes.of_record(slot.start + _HEAD.size, slot.start + slot.size - 4)
        except Unfollowable as error:
            slot.reason = str(error)
            continue
        if size > LARGEST or total + size > _BUDGET:
            slot.reason = f"its XML would take up to {max(size >> 20, 1):,} MiB"
        else:
            total += size


# --- what the library makes of them -----------------------------------------------------------


def _alone(chunk: bytes, slot: _Slot) -> Found:
    """One record by itself: everything before it is one record that the library steps over."""
    raw = chunk[slot.start : slot.start + slot.size][:_KEPT]
    if slot.reason:
        return Found(slot.number, slot.start, reason=slot.reason, raw=raw)
    copy = bytearray(chunk)
    end = slot.start + slot.size
    if slot.start > _FIRST:
        before = slot.start - _FIRST
        copy[_FIRST : _FIRST + _HEAD.size] = _HEAD.pack(_RECORD, before, 0, _TIME)
        copy[_FIRST + _HEAD.size] = 0xFF  # no XML begins so
    last = (1 << 64) - 1
    header = struct.pack("<8sQQQQIII", MAGIC, 0, last, 0, last, 128, slot.start, end)
    # Without its tables of strings and templates the library looks at each where it is used.
    copy[:_FIRST] = header.ljust(_FIRST, b"\0")
    texts = _decoded(bytes(copy))
    text = texts[-1] if len(texts) == 1 + (slot.start > _FIRST) else ValueError("not decoded")
    if isinstance(text, str):
        return Found(slot.number, slot.start, text)
    return Found(slot.number, slot.start, reason=_reason(text), raw=raw)


def _decoded(chunk: bytes) -> list[str | BaseException]:
    """What the library makes of a chunk: texts, and what it raised in between."""
    import evtx

    head = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, 0, 1, 128, 1, 3, HEADER, 1)
    file = io.BytesIO(head.ljust(HEADER, b"\0") + chunk)
    found: list[str | BaseException] = []
    try:
        events: Iterator[Any] = evtx.PyEvtxParser(file, 1).records_json()
    except Exception as error:
        return [error]
    for _ in range(CHUNK // _SMALLEST + 2):
        try:
            event = next(events)
        except StopIteration:
            break
        except BaseException as error:
            # Its panics are no Exceptions.
            if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
                raise
            found.append(error)
        else:
            # Some versions hand errors over.
            found.append(event["data"] if isinstance(event, dict) else ValueError(str(event)))
    return found


def _reason(error: BaseException) -> str:
    """The library's message, from its cause on."""
    return f"its XML is damaged: {_LEAD.sub('', str(error), count=1)[:300]}"
