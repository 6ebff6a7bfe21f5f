"""Capture files to frames: pcap and pcapng, read forward only and as far as they go.

``read_frames`` yields a ``Frame`` for each packet, and a ``Flaw`` for what cannot be read. A file
that ends early or turns into garbage gives what stood before; memory is bounded by the largest
packet that is believed (``LARGEST_PACKET``), whatever lengths a damaged file claims.

dpkt's readers were measured against this and not used: they raise at a file that ends inside a
record header, hand on a packet that was cut as if it were whole, know one pcapng interface only,
and turn pcapng's nanoseconds into floats, which lose them.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import msgspec

from tocsin.events.wire.packets import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_PACKET: Final = 1 << 20
"""libpcap writes 256 KiB at most; the rest is room for large offloaded segments."""


class Flaw(msgspec.Struct, frozen=True):
    """A place where a capture cannot be read.

    Attributes:
        position: ``packet 7`` or ``byte 1024``.
        reason: a lower-case sentence.
    """

    position: str
    reason: str


class _Pcap(NamedTuple):
    """What a magic number says: byte order, decimal places of a second, size of a record header."""

    order: str
    digits: int
    header: int


_PCAP_VARIANTS = {
    b"\xd4\xc3\xb2\xa1": _Pcap("<", 6, 16),
    b"\xa1\xb2\xc3\xd4": _Pcap(">", 6, 16),
    b"\x4d\x3c\xb2\xa1": _Pcap("<", 9, 16),
    b"\xa1\xb2\x3c\x4d": _Pcap(">", 9, 16),
    # Alexey Kuznetsov's variant, which some old tools write: eight more bytes a packet.
    b"\x34\xcd\xb2\xa1": _Pcap("<", 6, 24),
    b"\xa1\xb2\xcd\x34": _Pcap(">", 6, 24),
}
_SECTION = b"\x0a\x0d\x0d\x0a"

MAGIC: Final = (*_PCAP_VARIANTS, _SECTION)
"""The first four bytes of every capture file that is understood."""

_SECOND: Final = 10**9
_END_OF_TIME: Final = 253_402_300_800 * _SECOND  # year 10000
_MOST_INTERFACES: Final = 1 << 16
_SECTION_TYPE, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_RESOLUTION_OPTION, _OFFSET_OPTION = 9, 14


def read_frames(stream: BinaryIO) -> Iterator[Frame | Flaw]:
    """Every packet of a capture file, in its order.

    Args:
        stream: a binary stream at its start; it need not be seekable and may read short.

    Yields:
        a Frame for each packet, and a Flaw where the file is damaged.
    """
    source = _Source(stream)
    magic = source.take(4)
    if not magic:
        yield Flaw("byte 0", "the file is empty")
    elif magic in _PCAP_VARIANTS:
        yield from _pcap(source, _PCAP_VARIANTS[magic])
    elif magic == _SECTION:
        yield from _Pcapng(source).frames()
    else:
        yield Flaw("byte 0", f"not a capture file: it starts with {magic.hex(' ')}")
    if source.damage:
        yield Flaw(f"byte {source.offset}", f"the compressed file is damaged: {source.damage}")


class _Source:
    """Exact reads from a stream that may read short, and the offset they have come to."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.offset = 0
        self.damage = ""

    def take(self, size: int) -> bytes:
        """The next bytes: fewer than asked for only at the end."""
        pieces = []
        missing = size
        while missing > 0 and not self.damage:
            try:
                piece = self._stream.read(missing)
            except (EOFError, zlib.error) as error:
                # A stream that decompresses as it is read finds out here that its file was cut.
                self.damage = str(error)
                break
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
        taken = b"".join(pieces)
        self.offset += len(taken)
        return taken

    def skip(self, size: int) -> bool:
        """Pass over bytes without keeping them; False if the stream ended before."""
        while size > 0:
            taken = len(self.take(min(size, 1 << 16)))
            if not taken:
                return False
            size -= taken
        return True


# --- pcap ------------------------------------------------------------------------------------


def _pcap(source: _Source, variant: _Pcap) -> Iterator[Frame | Flaw]:
    rest = source.take(20)
    if len(rest) < 20:
        yield Flaw("byte 0", f"the file ends inside its header, after {4 + len(rest)} of 24 bytes")
        return
    # The upper half of the last word tells of a checksum after each frame, which IP ignores.
    link_type = struct.unpack(variant.order + "HHiIII", rest)[5] & 0xFFFF
    record = struct.Struct(variant.order + "IIII")
    tick = 10 ** (9 - variant.digits)
    number = 0
    while header := source.take(variant.header):
        number += 1
        if len(header) < variant.header:
            reason = f"the file ends inside the packet's header, after {len(header)} bytes"
            yield Flaw(f"packet {number}", reason)
            return
        seconds, fraction, captured, length = record.unpack_from(header)
        if captured > LARGEST_PACKET:
            reason = f"a packet of {captured} bytes is not believed; what follows is not read"
            yield Flaw(f"packet {number}", reason)
            return
        data = source.take(captured)
        if len(data) < captured:
            reason = f"the file ends inside the packet, after {len(data)} of {captured} bytes"
            yield Flaw(f"packet {number}", reason)
            return
        time = seconds * _SECOND + fraction * tick
        yield Frame(number, time, link_type, data, max(length, captured), variant.digits)


# --- pcapng ----------------------------------------------------------------------------------


class _Interface(NamedTuple):
    """What an interface description says of the packets that name it."""

    link_type: int
    snapshot: int
    ticks: int  # in a second
    digits: int
    offset: int  # nanoseconds


class _Pcapng:
    """The blocks of a pcapng file, one section after another."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._number = 0

    def frames(self) -> Iterator[Frame | Flaw]:
        """What the blocks hold, from behind the magic number on."""
        pending = _SECTION
        while True:
            start = self._source.offset - len(pending)
            head = pending + self._source.take(8 - len(pending))
            pending = b""
            if not head:
                return
            body = self._block(head, start)
            if isinstance(body, Flaw):
                yield body
                return
            if body is None:
                continue
            found = self._read(struct.unpack(self._order + "I", head[:4])[0], body)
            if found is not None:
                yield found

    def _block(self, head: bytes, start: int) -> bytes | Flaw | None:
        """The body of the block that starts with these bytes; None for one without packets."""
        where = f"byte {start}"
        ends = Flaw(where, "the file ends inside a block")
        if len(head) < 8:
            return ends
        begun = b""
        if head[:4] == _SECTION:
            begun = self._source.take(4)
            order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(begun)
            if len(begun) < 4:
                return ends
            if order is None:
                return Flaw(where, "a section header without its byte order")
            self._order = order
            self._interfaces = []
        kind, size = struct.unpack(self._order + "II", head)
        if size < 12 + len(begun):
            return Flaw(where, f"a block cannot have {size} bytes; what follows is not read")
        rest = size - 12 - len(begun)
        rest += -rest % 4  # blocks are padded; some writers do not count it
        if kind not in (_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET):
            return None if self._source.skip(rest + 4) else ends
        if rest > LARGEST_PACKET + 4096:
            return Flaw(where, f"a block of {size} bytes is not believed; what follows is not read")
        body = self._source.take(rest)
        closing = self._source.take(4)
        if len(body) < rest or len(closing) < 4:
            if kind == _INTERFACE:
                return ends
            return Flaw(f"packet {self._number + 1}", "the file ends inside the packet")
        if struct.unpack(self._order + "I", closing)[0] != size:
            reason = "a block whose two lengths differ; what follows is not read"
            return Flaw(where, reason)
        return body

    def _read(self, kind: int, body: bytes) -> Frame | Flaw | None:
        if kind == _INTERFACE:
            if len(self._interfaces) < _MOST_INTERFACES:
                self._interfaces.append(_interface(body, self._order))
            return None
        self._number += 1
        where = f"packet {self._number}"
        try:
            index, ticks, captured, length, start = self._packet_header(kind, body)
        except struct.error:
            return Flaw(where, "the packet's block is too short for its header")
        if index >= len(self._interfaces):
            return Flaw(where, f"the packet names interface {index}, which is not described")
        interface = self._interfaces[index]
        if kind == _SIMPLE_PACKET:
            # A simple packet does not say how much of it was captured: the snapshot length does.
            captured = min(length, interface.snapshot or length)
        if start + captured > len(body):
            return Flaw(where, f"{captured} bytes do not fit into the packet's block")
        time = 0
        if kind != _SIMPLE_PACKET:
            time = ticks * _SECOND // interface.ticks + interface.offset
        if not 0 <= time < _END_OF_TIME:
            time = 0
        data = body[start : start + captured]
        length = max(length, captured)
        return Frame(self._number, time, interface.link_type, data, length, interface.digits)

    def _packet_header(self, kind: int, body: bytes) -> tuple[int, int, int, int, int]:
        """Interface, time in ticks, length captured, length on the wire, start of the data."""
        if kind == _SIMPLE_PACKET:
            return 0, 0, 0, struct.unpack_from(self._order + "I", body)[0], 4
        if kind == _PACKET:
            index, high, low, captured, length = struct.unpack_from(self._order + "IIIII", body)
        else:
            index, _, high, low, captured, length = struct.unpack_from(self._order + "HHIIII", body)
        return index, high << 32 | low, captured, length, 20


def _interface(body: bytes, order: str) -> _Interface:
    if len(body) < 8:
        return _Interface(-1, 0, 10**6, 6, 0)
    link_type, _, snapshot = struct.unpack_from(order + "HHI", body)
    ticks, digits, offset = 10**6, 6, 0
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == _RESOLUTION_OPTION and len(value) == 1:
            # The top bit chooses the base: 2 to the minus n, or 10 to the minus n.
            power = value[0] & 0x7F
            ticks, digits = (2**power, 9) if value[0] & 0x80 else (10**power, min(power, 9))
        elif code == _OFFSET_OPTION and len(value) == 8:
            offset = struct.unpack(order + "q", value)[0] * _SECOND
        at += 4 + size + -size % 4
    return _Interface(link_type, snapshot, ticks, digits, offset)
