"""Zeek's logs, one JSON object an entry (``LogAscii::use_json``), or a row of its own tables.

What stands in an entry is kept under ``zeek.<log>`` with Zeek's own names, so that Sigma's rules
find ``zeek.dns.query``; beside it stand the ECS fields of Elastic's integration, which renames
many of them. Connections, requests, lookups and handshakes belong to Packetbeat's streams as well
(`_traffic.also_in`). Passwords, SNMP communities and bodies are left behind, and so is what sounds
like a secret in an address's query.

Entries: https://docs.zeek.org/en/current/script-reference/log-files.html
Fields: https://www.elastic.co/docs/reference/integrations/zeek
"""

from __future__ import annotations

from typing import Final

from tocsin.events.record import Document
from tocsin.events.shapes._traffic import (
    add,
    also_in,
    ends,
    is_secret,
    redacted,
    stream,
    without_secrets,
)
from tocsin.events.shapes._traffic_values import address_of, number_of, port_of, time_text
from tocsin.events.shapes._values import Object, kept, nested, text_of
from tocsin.events.shapes._zeek_ecs import BUILDERS
from tocsin.events.shapes._zeek_logs import Log, about, field_of, log_of

_PACKETBEATS: Final = {"conn": "flow", "http": "http", "dns": "dns", "ssl": "tls"}
_NO_SECRETS: Final = {"rdp": ("cookie",)}  # it holds a user's name
_ADDRESSES: Final = ("uri", "referrer")


MARKS: tuple[bytes, ...] = (rb'"ts"',)


def recognises(document: Document) -> bool:
    """Whether the document has a time of Zeek's, and a connection, file or log of Zeek's."""
    time = document.get("ts")
    if time is None or isinstance(time, (bool, list, dict)):
        return False
    if "id.orig_h" in document or isinstance(document.get("_path"), str):
        return True
    if isinstance(document.get("uid"), str) and "orig_h" in nested(document, "id"):
        return True
    if isinstance(document.get("fuid"), str):
        return True
    # A note is one of Zeek's types of notices (`SSL::Invalid_Server_Cert`), not any remark.
    return "::" in (text_of(document.get("note")) or "") or log_of(document) == "x509"


def to_ecs(document: Document) -> Document:
    """The entry under ``zeek`` and in ECS's names."""
    log = log_of(document)
    kind = about(log)
    found: Document = stream("zeek", f"zeek.{kind.name}")
    event = found["event"]
    event["category"], event["type"] = list(kind.category), list(kind.type)
    session = text_of(document.get("uid"))
    time = time_text(document.get("ts"))
    if time:
        found["@timestamp"] = time
    if session:
        event["id"] = session
    own = _own(document, log)
    found["zeek"] = kept({"session_id": session, kind.name: own})
    add(found, _ends(document, kind))
    system = text_of(document.get("_system_name"))
    if system:
        found["observer"] = {"hostname": system}
    build = BUILDERS.get(log)
    if build is not None:
        build(document, found, own)
    if log in _PACKETBEATS:
        also_in(found, _PACKETBEATS[log])
    return found


def identity(document: Document) -> bytes:
    """Its bytes tell entries apart."""
    return b""


def _own(document: Document, log: str) -> Object:
    """The entry with Zeek's names, without its secrets."""
    harmless = _NO_SECRETS.get(log, ())
    own: Object = {
        key: without_secrets(value) if isinstance(value, (dict, list)) else value
        for key, value in document.items()
        if key in harmless or not is_secret(key)
    }
    if str(own.get("command")).upper() == "PASS":
        own.pop("arg", None)
    for key in _ADDRESSES:
        address = own.get(key)
        if isinstance(address, str):
            own[key] = redacted(address)
    return own


def _ends(document: Document, kind: Log) -> Document:
    transport = text_of(document.get("proto")) or kind.transport or None
    source: Object = {
        "ip": address_of(field_of(document, "id.orig_h")),
        "port": port_of(field_of(document, "id.orig_p")),
        "mac": text_of(document.get("orig_l2_addr")),
    }
    destination: Object = {
        "ip": address_of(field_of(document, "id.resp_h")),
        "port": port_of(field_of(document, "id.resp_p")),
        "mac": text_of(document.get("resp_l2_addr")),
    }
    found = ends(source, destination, transport)
    network = found.setdefault("network", {})
    known = text_of(document.get("community_id"))
    if known:
        network["community_id"] = known
    if kind.protocol:
        network["protocol"] = kind.protocol
    vlan = number_of(document.get("vlan"))
    if vlan is not None:
        network["vlan"] = {"id": str(vlan)}
    return found
