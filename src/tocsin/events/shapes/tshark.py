"""Packets as tshark writes them: ``-T ek`` and ``-T json``, whole or with fields chosen by ``-e``.

A packet that holds HTTP, DNS, TLS or ICMP becomes the event that Packetbeat has for it, as a
capture does (``events.wire.documents``): ``data_stream.dataset`` is ``network_traffic.http`` and
so on. tshark tells of packets, not of exchanges: a request is one event and its response another,
which has the client as its source as well. A packet of anything else is an event with its ends.

Only the fields that are named here leave a packet. Of headers nothing but Host, User-Agent,
Referer and Content-Type is read, and whether one of an IMDSv2 session is among them; of an answer
of the metadata service nothing but its AccessKeyId.

Fields: https://www.wireshark.org/docs/dfref/
"""

from __future__ import annotations

from typing import Final

from tocsin.events.record import Document
from tocsin.events.shapes import _tshark_dns, _tshark_http
from tocsin.events.shapes._traffic import add, as_packetbeat, ends, stream
from tocsin.events.shapes._traffic_values import address_of, flag_of, number_of, port_of, time_text
from tocsin.events.shapes._tshark_fields import Packet
from tocsin.events.shapes._values import Object, kept

_TIMES: Final = ("frame.time_epoch", "frame.time_utc", "frame.time")
_ICMP_TRANSPORTS: Final = {"icmp": "icmp", "icmpv6": "ipv6-icmp"}
_ICMP_ANSWERS: Final = {"icmp": frozenset({0, 14, 16, 18}), "icmpv6": frozenset({129})}
_TLS_VERSIONS: Final = {"0x0300": ("ssl", "3.0"), "0x0301": ("tls", "1.0"),
                        "0x0302": ("tls", "1.1"), "0x0303": ("tls", "1.2"),
                        "0x0304": ("tls", "1.3")}  # fmt: skip
_SENT: Final = 2  # tls.handshake.type of the server's hello


MARKS: tuple[bytes, ...] = (rb'"layers"',)


def recognises(document: Document) -> bool:
    """Whether the document is a packet's layers."""
    layers = document.get("layers")
    if not isinstance(layers, dict) or not layers:
        return False
    if "frame" in layers or "timestamp" in document:
        return True
    index = document.get("_index")
    return isinstance(index, str) and index.startswith("packets-")


def to_ecs(document: Document) -> Document:
    """The packet as Packetbeat's event of its innermost protocol."""
    layers = document.get("layers")
    packet = Packet(layers if isinstance(layers, dict) else {})
    is_answer = _is_answer(packet)
    found = _begin(packet, document, is_answer=is_answer)
    if packet.has("http"):
        _tshark_http.build(packet, found, is_answer=is_answer)
    elif packet.has("dns"):
        _tshark_dns.build(packet, found)
    elif packet.has("tls"):
        _tls(packet, found)
    elif packet.has("icmp") or packet.has("icmpv6"):
        _icmp(packet, found)
    as_packetbeat(found)
    return found


def identity(document: Document) -> bytes:
    """Its bytes tell packets apart: they hold their number and their time."""
    return b""


def _is_answer(packet: Packet) -> bool:
    """Whether a packet's sender is the server: its event has the other end as its source."""
    if packet.has("http"):
        return bool(packet.first("http.response.code")) and not packet.first("http.request.method")
    if packet.has("dns"):
        return flag_of(packet.first("dns.flags.response")) is True
    return packet.first("tls.handshake.type") == str(_SENT)


def _begin(packet: Packet, document: Document, *, is_answer: bool) -> Document:
    found = stream("tshark", "tshark.packet")
    found["event"] |= {"category": ["network"], "type": ["connection"]}
    time = next((t for f in _TIMES if (t := time_text(packet.first(f)))), None)
    time = time or time_text(document.get("timestamp"))
    if time:
        found["@timestamp"] = time
    transport = next((t for t in ("tcp", "udp", "sctp") if packet.has(t)), None)
    if transport is None:
        transport = next((t for p, t in _ICMP_TRANSPORTS.items() if packet.has(p)), None)
    sender, receiver = _end(packet, "src", transport), _end(packet, "dst", transport)
    sides = (receiver, sender) if is_answer else (sender, receiver)
    add(found, ends(*sides, transport))
    return found


def _end(packet: Packet, side: str, transport: str | None) -> Object:
    version = "ip" if packet.first(f"ip.{side}") else "ipv6"
    addresses = packet.values(f"{version}.{side}")
    # An ICMP error quotes the packet that it is about; of tunnels the inner addresses count.
    is_quoting = transport in ("icmp", "ipv6-icmp")
    chosen = (addresses[0] if is_quoting else addresses[-1]) if addresses else None
    ports = packet.values(f"{transport}.{side}port") if transport else []
    return kept(
        {
            "ip": address_of(chosen),
            "port": port_of(ports[-1]) if ports else None,
        }
    )


def _tls(packet: Packet, found: Document) -> None:
    _tshark_http.of_stream(found, "tls")
    name = packet.first("tls.handshake.extensions_server_name")
    version = packet.first("tls.handshake.extensions.supported_version")
    is_server = packet.first("tls.handshake.type") == str(_SENT)
    known = _TLS_VERSIONS.get((version if is_server and version else "") or "")
    known = known or _TLS_VERSIONS.get(packet.first("tls.handshake.version") or "")
    protocol, number = known or (None, None)
    add(
        found,
        kept(
            {
                "tls": kept(
                    {
                        "version": number if is_server else None,
                        "version_protocol": protocol if is_server else None,
                        "client": kept(
                            {"server_name": name, "ja3": packet.first("tls.handshake.ja3")}
                        ),
                        "server": kept({"ja3s": packet.first("tls.handshake.ja3s")}),
                    }
                ),
                "destination": kept({"domain": name}),
            }
        ),
    )


def _icmp(packet: Packet, found: Document) -> None:
    _tshark_http.of_stream(found, "icmp")
    protocol = "icmp" if packet.has("icmp") else "icmpv6"
    kind = number_of(packet.first(f"{protocol}.type"))
    code = number_of(packet.first(f"{protocol}.code"))
    side = "response" if kind in _ICMP_ANSWERS[protocol] else "request"
    said = {side: kept({"type": kind, "code": code})}
    found["icmp"] = {"version": "4" if protocol == "icmp" else "6", **said}
    found["network_traffic"] = {"icmp": said}
