"""What the shapes of network sensors have in common: building ECS out of what they saw.

A sensor's own stream is not the only one that its event belongs to: Elastic's rules over captured
traffic ask for Packetbeat's streams, and a request that Zeek or Suricata logged holds the facts
that they ask for. `also_in` says so, in ``_index`` and in ``event.module``.

>>> request_url("/latest/x.php?token=abc", "web-1:8080", "192.0.2.7", 8080)["full"]
'http://web-1:8080/latest/x.php?token=REDACTED'
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._values import Object, kept
from tocsin.events.wire.credentials import (
    IMDS_TOKEN_HEADERS,
    imds_version,
    is_metadata_address,
    redact,
)
from tocsin.events.wire.documents import url_of
from tocsin.events.wire.http import Request, Transaction
from tocsin.events.wire.messages import Origin
from tocsin.events.wire.packets import Endpoint

_LONGEST_TARGET: Final = 64 << 10
_LONGEST_KEY: Final = 64
_DEEPEST: Final = 16
_EXTENSION = re.compile(r"[A-Za-z0-9_-]{1,16}\Z", re.ASCII)
_COMMA: Final = "\x1f"
_NAME_PARTS = re.compile(r"[,/+](?=\s?[A-Za-z][A-Za-z0-9.]{0,31}=)", re.ASCII)
_DISTINGUISHED: Final = {
    "C": "country", "CN": "common_name", "L": "locality", "O": "organization",
    "OU": "organizational_unit", "ST": "state_or_province",
}  # fmt: skip
_PROTOCOLS: Final = {"tcp": 6, "udp": 17, "sctp": 132}
_NOWHERE: Final = Origin(0, 0, 0, None)
_NOBODY: Final = Endpoint("", 0)

SECRET_KEYS: Final = frozenset({
    "authorization", "community", "cookie", "credentials", "creds", "pass", "passwd", "password",
    "proxyauthorization", "pwd", "secret", "secretaccesskey", "sessiontoken", "setcookie", "token",
    # What was said, as opposed to what was said about it.
    "body", "filedata", "httprequestbody", "httprequestbodyprintable", "httpresponsebody",
    "httpresponsebodyprintable", "packet", "payload", "payloadbase64", "payloadprintable",
    "postbody", "requestbody", "requestheaders", "responsebody", "responseheaders", "vnc",
})  # fmt: skip
"""Keys whose values are not carried on: in lower case, without ``_`` and ``-``."""


def add(document: Document, more: Document) -> None:
    """Puts fields into a document, inside the objects that it has already."""
    for key, value in more.items():
        held = document.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            add(held, value)
        else:
            document[key] = value


def stream(module: str, dataset: str) -> Object:
    """The ``event`` and ``data_stream`` that say which of Elastic's streams an event is of."""
    return {
        "event": {"kind": "event", "module": module, "dataset": dataset},
        "data_stream": {"type": "logs", "dataset": dataset, "namespace": "default"},
    }


def also_in(document: Document, dataset: str) -> None:
    """Says that an event belongs to one of Packetbeat's streams, too; the last thing to be said."""
    event = document["event"]
    document["_index"] = f"logs-network_traffic.{dataset}-default"
    event["module"] = [event["module"], "network_traffic"]
    as_packetbeat(document)


def as_packetbeat(document: Document) -> None:
    """The two ends as client and server, and the direction of what asks a metadata service."""
    source, destination = document.get("source"), document.get("destination")
    if source:
        document["client"] = dict(source)
    if destination:
        document["server"] = dict(destination)
        if is_metadata_address(destination.get("ip", "")):
            document.setdefault("network", {}).setdefault("direction", "egress")


def ends(source: Object, destination: Object, transport: str | None) -> Object:
    """The two ends of what was sent, and the network between them.

    Args:
        source: its ``ip`` and ``port``, and more of it.
        destination: the same of the other end.
        transport: ``tcp``, ``udp``, ``icmp``, …
    """
    for side in (source, destination):
        if side.get("ip"):
            side["address"] = side["ip"]
    ip = destination.get("ip") or source.get("ip")
    network = {
        "transport": transport,
        "type": None if ip is None else "ipv6" if ":" in ip else "ipv4",
        "community_id": community_id(
            transport or "", source.get("ip"), source.get("port"),
            destination.get("ip"), destination.get("port"),
        ),
    }  # fmt: skip
    return kept(
        {"source": kept(source), "destination": kept(destination), "network": kept(network)}
    )


def community_id(
    transport: str, one: str | None, one_port: int | None, other: str | None, other_port: int | None
) -> str | None:
    """The Community ID of a connection, version 1 with seed 0; None for ICMP and what is no port.

    https://github.com/corelight/community-id-spec
    """
    protocol = _PROTOCOLS.get(transport)
    if protocol is None or one is None or other is None or one_port is None or other_port is None:
        return None
    first, second = sorted(((_packed(one), one_port), (_packed(other), other_port)))
    digest = hashlib.sha1(
        struct.pack("!H", 0)
        + first[0]
        + second[0]
        + struct.pack("!BBHH", protocol, 0, first[1], second[1]),
        usedforsecurity=False,
    ).digest()
    return "1:" + base64.b64encode(digest).decode("ascii")


@lru_cache(maxsize=16_384)
def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def request_url(
    target: str | None, host: str | None, ip: str | None, port: int | None, method: str = "GET"
) -> Object:
    """The parts of the address that a request asked for, without the secrets in its query.

    Args:
        target: the request's target: a path, or a whole address.
        host: the Host header.
        ip: the server's address.
        port: the server's port.
        method: a CONNECT's target is a host.
    """
    if target is None:
        return kept({"domain": host})
    target = redact(target[:_LONGEST_TARGET])
    request = Request(
        origin=_NOWHERE, time=0, size=0, method=method, target=target, version="", host=host
    )
    server = Endpoint(ip or "", 80 if port is None else port)
    url = url_of(Transaction(_NOBODY, server, 1, request))
    is_placed = bool(url.domain)
    query, _, fragment = (url.query or "").partition("#")
    path = (url.path or "").partition("#")[0]
    extension = path.rpartition("/")[2].rpartition(".")
    return kept(
        url._asdict()
        | {
            "original": target,
            "scheme": url.scheme if is_placed else None,
            "full": url.full if is_placed else None,
            "path": path,
            "query": query,
            "fragment": fragment,
            "extension": extension[2] if extension[1] and _EXTENSION.match(extension[2]) else None,
        }
    )


def redacted(address: str) -> str:
    """An address without the secrets in its query."""
    return redact(address[:_LONGEST_TARGET])


def distinguished(name: str | None) -> Object:
    r"""The parts of a certificate's distinguished name that ECS has fields for.

    >>> distinguished("CN=web-1.example,O=Ringers\\, Ltd,C=GB")
    {'common_name': 'web-1.example', 'organization': 'Ringers, Ltd', 'country': 'GB'}
    """
    found: Object = {}
    for part in _NAME_PARTS.split((name or "")[:_LONGEST_TARGET].replace("\\,", _COMMA)):
        kind, _, value = part.partition("=")
        field = _DISTINGUISHED.get(kind.strip())
        if field and value:
            found.setdefault(field, value.strip().replace(_COMMA, ","))
    return found


def imds(ip: str | None, path: str | None, headers: Iterable[bytes] | None) -> Object:
    """What is known of a request to the instance metadata service, as ``events.wire`` tells it.

    Args:
        ip: the server's address.
        path: the request's path.
        headers: the names of its headers, in lower case; None where they were not seen.
    """
    if ip is None or path is None or headers is None or not is_metadata_address(ip):
        return {}
    has_token = not IMDS_TOKEN_HEADERS.isdisjoint(headers)
    version = imds_version(ip, path, has_token=has_token)
    return {"imds": {"version": version}} if version else {}


def without_secrets(value: Any, depth: int = 0) -> Any:
    """A copy without what stands under one of `SECRET_KEYS` or is nested too deep."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {
            key: without_secrets(item, depth + 1) if isinstance(item, (dict, list)) else item
            for key, item in value.items()
            if not (isinstance(key, str) and is_secret(key))
        }
    if isinstance(value, list):
        return [
            without_secrets(item, depth + 1) if isinstance(item, (dict, list)) else item
            for item in value
        ]
    return value


def is_secret(key: str) -> bool:
    """Whether a key is one of `SECRET_KEYS`, however it is written."""
    return len(key) <= _LONGEST_KEY and _is_secret(key)


@lru_cache(maxsize=4_096)
def _is_secret(key: str) -> bool:
    return key.lower().replace("_", "").replace("-", "") in SECRET_KEYS
