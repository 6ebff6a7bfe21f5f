"""Suricata's EVE: alerts, and what it logs of HTTP, DNS, TLS, SSH, flows, files and other traffic.

The record is kept under ``suricata.eve`` with Suricata's own names; beside it stand the ECS fields
of Elastic's integration, which takes many of them out of there. Requests, lookups, handshakes and
flows belong to Packetbeat's streams as well (`_traffic.also_in`); an alert does not, since the
request that it is about is logged by itself. Payloads, packets, bodies, headers with credentials
and passwords are left behind; of a metadata service's answer the AccessKeyId is kept.

Records: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
Fields: https://www.elastic.co/docs/reference/integrations/suricata
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._suricata_ecs import BUILDERS
from tocsin.events.shapes._traffic import add, also_in, ends, redacted, stream, without_secrets
from tocsin.events.shapes._traffic_values import address_of, number_of, port_of, time_text
from tocsin.events.shapes._values import Object, kept, nested, text_of

_DATASET: Final = "suricata.eve"
_PACKETBEATS: Final = {"http": "http", "http2": "http", "dns": "dns", "tls": "tls", "flow": "flow"}
_KINDS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], str]]] = {
    # event_type: (event.category, event.type, network.protocol)
    "alert": (("network", "intrusion_detection"), (), ""),
    "flow": (("network",), ("connection",), ""),
    "netflow": (("network",), ("connection",), ""),
    "fileinfo": (("network",), (), ""),
    "http": (("network", "web"), ("access", "protocol"), "http"),
    "http2": (("network", "web"), ("access", "protocol"), "http"),
    "ftp_data": (("network",), ("protocol",), "ftp"),
    **{name: (("network",), ("protocol",), name) for name in (
        "dcerpc", "dhcp", "dnp3", "dns", "ftp", "ike", "ikev2", "krb5", "ldap", "modbus", "mqtt",
        "nfs", "pgsql", "quic", "rdp", "rfb", "sip", "smb", "smtp", "snmp", "ssh", "telnet",
        "tftp", "tls", "websocket",
    )},
}  # fmt: skip
_OTHERS: Final = frozenset({"anomaly", "drop", "stats", "engine", "metadata", "bittorrent_dht"})
_NO_PROTOCOLS: Final = frozenset({"failed", "template", "template-rust", "unknown"})
_ADDRESSES: Final = (("http", "url"), ("http", "http_refer"), ("http", "redirect"),
                     ("fileinfo", "filename"))  # fmt: skip


MARKS: tuple[bytes, ...] = (rb'"event_type"',)


def recognises(document: Document) -> bool:
    """Whether the document has Suricata's type of event, its time, and a flow or an address."""
    kind = document.get("event_type")
    if not isinstance(kind, str) or not isinstance(document.get("timestamp"), str):
        return False
    if "flow_id" in document or "src_ip" in document:
        return kind in document or kind in _KINDS or kind in _OTHERS or "proto" in document
    return kind in {"stats", "engine"} and kind in document


def to_ecs(document: Document) -> Document:
    """The record under ``suricata.eve`` and in ECS's names."""
    kind = (text_of(document.get("event_type")) or "").lower()
    category, types, protocol = _KINDS.get(kind, (("network",), (), ""))
    found: Document = stream("suricata", _DATASET)
    event = found["event"]
    event["category"], event["type"] = list(category), list(types)
    if kind in {"alert", "stats"}:
        event["kind"] = "alert" if kind == "alert" else "metric"
    time = time_text(document.get("timestamp"))
    if time:
        found["@timestamp"] = time
    found["suricata"] = {"eve": _own(document)}
    add(found, _ends(document, protocol))
    sensor = text_of(document.get("host"))
    if sensor:
        found["observer"] = {"hostname": sensor}
    for name, build in BUILDERS.items():
        part = document.get(name)
        if isinstance(part, dict):
            build(part, document, found)
    if not event["type"]:
        del event["type"]
    if kind in _PACKETBEATS:
        also_in(found, _PACKETBEATS[kind])
    return found


def identity(document: Document) -> bytes:
    """Its bytes tell records apart."""
    return b""


def _own(document: Document) -> Object:
    """The record with Suricata's names, without its secrets."""
    own: Object = without_secrets(document)
    flow = document.get("flow_id")
    if flow is not None and not isinstance(flow, (dict, list)):
        own["flow_id"] = str(flow)  # as Elastic has it: the number is too large for a double
    for part, key in _ADDRESSES:
        holder = own.get(part)
        if isinstance(holder, dict) and isinstance(holder.get(key), str):
            holder[key] = redacted(holder[key])
    ftp = own.get("ftp")
    if isinstance(ftp, dict) and str(ftp.get("command")).upper() == "PASS":
        ftp.pop("command_data", None)
    return own


def _ends(document: Document, protocol: str) -> Document:
    transport = (text_of(document.get("proto")) or "").lower() or None
    found = ends(_end(document, "src"), _end(document, "dest"), transport)
    network = found.setdefault("network", {})
    application = (text_of(document.get("app_proto")) or "").lower()
    if application and application not in _NO_PROTOCOLS:
        protocol = "ftp" if application == "ftp-data" else application
    add(
        network,
        kept(
            {
                "protocol": protocol,
                "community_id": text_of(document.get("community_id")),
                "vlan": kept({"id": _vlan(document.get("vlan"))}),
            }
        ),
    )
    return found


def _end(document: Document, side: str) -> Object:
    mac = text_of(nested(document, "ether").get(f"{side}_mac"))
    return {
        "ip": address_of(document.get(f"{side}_ip")),
        "port": port_of(document.get(f"{side}_port")),
        "mac": mac.upper().replace(":", "-") if mac else None,
    }


def _vlan(value: Any) -> list[str]:
    numbers = map(number_of, value if isinstance(value, list) else [value])
    return [str(number) for number in numbers if number is not None]
