"""Packets and capture files for tests, built from nothing but what a test wants to say."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field, replace

from tocsin.events.wire.packets import ACK, FIN, RST, SYN, Endpoint, Frame, Segment

CLIENT = Endpoint("10.1.2.3", 40_000)
SERVER = Endpoint("169.254.169.254", 80)
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Packet:
    """One TCP packet; everything that a test does not name has a harmless value."""

    source: Endpoint = CLIENT
    destination: Endpoint = SERVER
    sequence: int = 1000
    acknowledged: int | None = 5000
    flags: int = 0
    payload: bytes = b""
    time: int = START

    def tcp(self) -> bytes:
        flags = self.flags | (0 if self.acknowledged is None else ACK)
        return (
            struct.pack(
                "!HHIIBBHHH",
                self.source.port,
                self.destination.port,
                self.sequence % 2**32,
                (self.acknowledged or 0) % 2**32,
                0x50,
                flags,
                65535,
                0,
                0,
            )
            + self.payload
        )

    def ip(self) -> bytes:
        tcp = self.tcp()
        source, destination = (
            ipaddress.ip_address(end.ip).packed for end in (self.source, self.destination)
        )
        if len(source) == 16:
            return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + source + destination + tcp
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0)
        return head + source + destination + tcp

    def ethernet(self) -> bytes:
        kind = b"\x86\xdd" if ":" in self.source.ip else b"\x08\x00"
        return bytes(12) + kind + self.ip()

    def frame(self, number: int = 1) -> Frame:
        data = self.ethernet()
        return Frame(number, self.time, 1, data, len(data))

    def segment(self, number: int = 1) -> Segment:
        return Segment(
            source=self.source,
            destination=self.destination,
            sequence=self.sequence % 2**32,
            acknowledged=None if self.acknowledged is None else self.acknowledged % 2**32,
            flags=self.flags | (0 if self.acknowledged is None else ACK),
            payload=self.payload,
            lost=0,
            time=self.time,
            packet=number,
        )


@dataclass
class Connection:
    """Writes down a connection packet by packet, and keeps its sequence numbers straight."""

    client: Endpoint = CLIENT
    server: Endpoint = SERVER
    client_next: int = 1000
    server_next: int = 5000
    time: int = START
    step: int = MILLISECOND
    packets: list[Packet] = field(default_factory=list)

    def open(self) -> Connection:
        self._add(is_client=True, flags=SYN, acknowledged=None)
        self.client_next += 1
        self._add(is_client=False, flags=SYN)
        self.server_next += 1
        self._add(is_client=True)
        return self

    def ask(self, data: bytes, *cuts: int) -> Connection:
        return self._send(data, cuts, is_client=True)

    def answer(self, data: bytes, *cuts: int) -> Connection:
        return self._send(data, cuts, is_client=False)

    def close(self) -> Connection:
        self._add(is_client=True, flags=FIN)
        self.client_next += 1
        self._add(is_client=False, flags=FIN)
        self.server_next += 1
        self._add(is_client=True)
        return self

    def reset(self) -> Connection:
        self._add(is_client=False, flags=RST)
        return self

    def _send(self, data: bytes, cuts: tuple[int, ...], *, is_client: bool) -> Connection:
        for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            self._add(is_client=is_client, payload=data[start:end])
            if is_client:
                self.client_next += end - start
            else:
                self.server_next += end - start
        return self

    def _add(self, *, is_client: bool, **changes: object) -> None:
        here, there = (self.client, self.server) if is_client else (self.server, self.client)
        mine, theirs = self.client_next, self.server_next
        if not is_client:
            mine, theirs = theirs, mine
        packet = Packet(here, there, mine, theirs, time=self.time)
        self.packets.append(replace(packet, **changes))  # type: ignore[arg-type]
        self.time += self.step


def pcap(
    packets: list[Packet], *, order: str = "<", nanoseconds: bool = False, snapshot: int = 65535
) -> bytes:
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    file = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snapshot, 1)
    for packet in packets:
        data = packet.ethernet()
        seconds, rest = divmod(packet.time, 10**9)
        fraction = rest if nanoseconds else rest // 1000
        captured = data[:snapshot]
        file += struct.pack(order + "IIII", seconds, fraction, len(captured), len(data)) + captured
    return file


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    order: str = "<", link_type: int = 1, options: list[tuple[int, bytes]] | None = None
) -> bytes:
    body = struct.pack(order + "HHI", link_type, 0, 0)
    for code, value in options or []:
        body += struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)
    return block(1, body + bytes(4), order)


def enhanced_packet(data: bytes, ticks: int, order: str = "<", number: int = 0) -> bytes:
    head = struct.pack(
        order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)
    )
    return block(6, head + data, order)


def pcapng(packets: list[Packet], order: str = "<") -> bytes:
    return (
        section(order)
        + interface(order, options=[(9, b"\x09")])
        + b"".join(enhanced_packet(packet.ethernet(), packet.time, order) for packet in packets)
    )


GET = b"GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\nHost: 169.254.169.254\r\nUser-Agent: curl/8.5.0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nsome-role"
