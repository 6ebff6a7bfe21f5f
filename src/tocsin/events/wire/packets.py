"""Frames to TCP segments: link layer, VLAN tags, IPv4 and IPv6, and no further.

``dissect`` takes one frame and answers with the ``Segment`` in it, or with the ``Passed`` that says
why there is none. It keeps no state, reads nothing and raises nothing, so captures, a live sensor
and tests use it alike. Checksums are not verified: a capture taken on the sending host holds wrong
ones as a rule, since the network card fills them in later.
"""

from __future__ import annotations

import enum
import socket
import struct
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One packet as it was captured.

    Attributes:
        number: its place in the capture, counted from 1.
        time: nanoseconds since the epoch; 0 where the capture does not say.
        link_type: what the bytes start with, in the numbers of
            https://www.tcpdump.org/linktypes.html.
        data: the bytes that were captured.
        length: how many bytes there were on the wire.
        digits: decimal places of a second that the time is known to.
    """

    number: int
    time: int
    link_type: int
    data: bytes
    length: int
    digits: int = 6


class Endpoint(NamedTuple):
    """One end of a connection; the address is in its canonical text (RFC 5952)."""

    ip: str
    port: int


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One TCP segment.

    Attributes:
        source: who sent it.
        destination: who was to receive it.
        sequence: the number of its first byte (of the SYN, where it has one).
        acknowledged: the number of the next byte that its sender waits for; None without ACK.
        flags: FIN, SYN, RST and ACK, or-ed.
        payload: the bytes that were captured.
        lost: bytes of the payload that the capture cut off.
        time: as in Frame.
        packet: the frame's number.
    """

    source: Endpoint
    destination: Endpoint
    sequence: int
    acknowledged: int | None
    flags: int
    payload: bytes
    lost: int
    time: int
    packet: int


class Passed(enum.Enum):
    """Why a frame holds no segment; the values are phrases for people."""

    OTHER = "not TCP over IP"
    FRAGMENT = "an IP fragment, which is not put together"
    MALFORMED = "its IP or TCP header is malformed"
    CUT = "cut off by the capture inside its headers"
    LINK_TYPE = "its link type is not supported"


_IPV4, _IPV6, _TCP = 0x0800, 0x86DD, 6
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_MOST_TAGS = 4
_MOST_EXTENSIONS = 16
_FRAGMENT_HEADER, _AUTHENTICATION_HEADER = 44, 51
# Hop-by-hop, routing, destination options, mobility, HIP, Shim6: next header, length in 8 bytes.
_EXTENSIONS = frozenset({0, 43, 60, 135, 139, 140})
# AF_INET6 is 24, 28 or 30 on the BSDs and macOS, and 10 on Linux.
_FAMILIES = {2: _IPV4, 10: _IPV6, 24: _IPV6, 28: _IPV6, 30: _IPV6}

_TCP_HEADER = struct.Struct("!HHIIBB")
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")


class _Network(NamedTuple):
    """Where the network header starts, and which one it is (an EtherType)."""

    protocol: int
    start: int


class _Transport(NamedTuple):
    """Where the TCP header starts, and where the packet ends by its own account."""

    source: str
    destination: str
    start: int
    end: int


def dissect(frame: Frame) -> Segment | Passed:
    """The TCP segment in a frame, or why there is none."""
    try:
        network = _network(frame.link_type, frame.data)
        if isinstance(network, Passed):
            return network
        if network.protocol == _IPV4:
            transport = _ipv4(frame.data, network.start)
        elif network.protocol == _IPV6:
            transport = _ipv6(frame.data, network.start)
        else:
            return Passed.OTHER
        if isinstance(transport, Passed):
            return transport
        return _tcp(frame, transport)
    except (struct.error, IndexError):
        # The bytes ended inside a header: the capture's doing, or the sender's.
        return Passed.CUT if frame.length > len(frame.data) else Passed.MALFORMED


def _network(link_type: int, data: bytes) -> _Network | Passed:
    match link_type:
        case 1:  # Ethernet
            return _after_tags(data, 12)
        case 113:  # Linux cooked capture, version 1
            return _after_tags(data, 14)
        case 276:  # Linux cooked capture, version 2: the protocol comes first
            protocol = _U16.unpack_from(data, 0)[0]
            return _after_tags(data, 22) if protocol in _VLAN_TAGS else _Network(protocol, 20)
        case 0:  # BSD loopback: the address family, in the byte order of the capturing host
            family = int.from_bytes(data[:4], "little")
            if family > 0xFFFF:
                family = int.from_bytes(data[:4], "big")
            return _Network(_FAMILIES.get(family, 0), 4)
        case 108:  # OpenBSD loopback: the same in network byte order
            return _Network(_FAMILIES.get(_U32.unpack_from(data, 0)[0], 0), 4)
        case 12 | 14 | 101:  # raw IP
            return _Network({4: _IPV4, 6: _IPV6}.get(data[0] >> 4, 0), 0)
        case 228:
            return _Network(_IPV4, 0)
        case 229:
            return _Network(_IPV6, 0)
        case _:
            return Passed.LINK_TYPE


def _after_tags(data: bytes, at: int) -> _Network:
    """The EtherType at an offset, past the VLAN tags that may stand there."""
    protocol = _U16.unpack_from(data, at)[0]
    for _ in range(_MOST_TAGS):
        if protocol not in _VLAN_TAGS:
            break
        at += 4
        protocol = _U16.unpack_from(data, at)[0]
    return _Network(protocol, at + 2)


def _ipv4(data: bytes, start: int) -> _Transport | Passed:
    version_and_length, _, total, _, fragment, _, protocol = struct.unpack_from(
        "!BBHHHBB", data, start
    )
    header = (version_and_length & 0x0F) * 4
    if version_and_length >> 4 != 4 or header < 20:
        return Passed.MALFORMED
    if total == 0:
        # Segmentation offload: the card was to fill in the length.
        total = len(data) - start
    if total < header:
        return Passed.MALFORMED
    if fragment & 0x3FFF:  # more fragments, or an offset
        return Passed.FRAGMENT if protocol == _TCP else Passed.OTHER
    if protocol != _TCP:
        return Passed.OTHER
    addresses = data[start + 12 : start + 20]
    return _Transport(
        _address(addresses[:4]), _address(addresses[4:]), start + header, start + total
    )


def _ipv6(data: bytes, start: int) -> _Transport | Passed:
    first, length, following = struct.unpack_from("!IHB", data, start)
    if first >> 28 != 6:
        return Passed.MALFORMED
    at = start + 40
    end = at + length if length else len(data)  # 0: offload, or a jumbogram
    source, destination = data[start + 8 : start + 24], data[start + 24 : at]
    for _ in range(_MOST_EXTENSIONS):
        if following == _TCP:
            return _Transport(_address(source), _address(destination), at, end)
        if following in _EXTENSIONS:
            following, size = data[at], (data[at + 1] + 1) * 8
        elif following == _AUTHENTICATION_HEADER:
            following, size = data[at], (data[at + 1] + 2) * 4
        elif following == _FRAGMENT_HEADER:
            # "Atomic" fragments (RFC 6946) carry the header and are whole all the same.
            is_whole = _U16.unpack_from(data, at + 2)[0] & 0xFFF9 == 0
            following, size = data[at], 8
            if not is_whole:
                return Passed.FRAGMENT if following == _TCP else Passed.OTHER
        else:
            return Passed.OTHER
        at += size
        if at > end:
            return Passed.MALFORMED
    return Passed.MALFORMED


def _tcp(frame: Frame, at: _Transport) -> Segment | Passed:
    source, destination, sequence, acknowledged, offset, flags = _TCP_HEADER.unpack_from(
        frame.data, at.start
    )
    start = at.start + (offset >> 4) * 4
    if offset < 0x50 or start > at.end:
        return Passed.MALFORMED
    payload = frame.data[start : at.end]
    return Segment(
        source=Endpoint(at.source, source),
        destination=Endpoint(at.destination, destination),
        sequence=sequence,
        acknowledged=acknowledged if flags & ACK else None,
        flags=flags & (FIN | SYN | RST | ACK),
        payload=payload,
        lost=at.end - start - len(payload),
        time=frame.time,
        packet=frame.number,
    )


@lru_cache(maxsize=4096)
def _address(packed: bytes) -> str:
    if len(packed) not in (4, 16):
        raise IndexError
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
