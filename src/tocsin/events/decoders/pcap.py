"""Packet captures (pcap and pcapng): one event for each HTTP request in them.

The events are those of Packetbeat's HTTP data stream (``events.wire.documents``). What cannot be
read is told at once where the file is damaged, and in sum at the end where single packets are at
fault. Packets of other protocols are no fault and are passed over.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

from tocsin.events.record import Record, Undecodable
from tocsin.events.wire import capture_file
from tocsin.events.wire.capture_file import Flaw, read_frames
from tocsin.events.wire.documents import document, identity
from tocsin.events.wire.monitor import Monitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.events.wire.http import Transaction
    from tocsin.events.wire.packets import Frame

SUFFIXES: Final = (".pcap", ".pcapng", ".cap")


def recognises(head: bytes) -> bool:
    """Whether it begins as a capture does."""
    return head.startswith(capture_file.MAGIC)


def decode(stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
    """The HTTP requests of a capture, each with its response, as they are completed.

    Args:
        stream: the capture from its start; it need not be seekable.
        name: what the capture is called; nothing depends on it.

    Yields:
        a Record for each request, and an Undecodable for what could not be read.
    """
    monitor = Monitor()
    capture, digits = "", 6
    for frame in read_frames(stream):
        if isinstance(frame, Flaw):
            yield Undecodable(frame.position, frame.reason)
            continue
        if not capture:
            capture = _fingerprint(frame)
        digits = frame.digits
        for transaction in monitor.feed(frame):
            yield _record(transaction, capture, digits)
    for transaction in monitor.flush():
        yield _record(transaction, capture, digits)
    for problem in monitor.problems():
        times = "" if problem.count == 1 else f" ({problem.count} times in this capture)"
        yield Undecodable(f"packet {problem.packet}", problem.reason + times)


def _fingerprint(first: Frame) -> str:
    head = struct.pack("!qQ", first.link_type, first.time)
    return hashlib.sha256(head + first.data).hexdigest()


def _record(transaction: Transaction, capture: str, digits: int) -> Record:
    return Record(
        document=document(transaction, digits),
        position=f"packet {transaction.request.origin.packet}",
        id=identity(transaction, capture),
    )
