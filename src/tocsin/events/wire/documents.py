"""HTTP transactions to ECS documents, as Packetbeat's HTTP data stream writes them.

https://www.elastic.co/docs/reference/integrations/network_traffic lists the fields. Beyond them
there are two of our own: ``aws.imds.version`` and ``aws.credential.access_key_id``.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import struct
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tocsin.events.wire.credentials import imds_version, is_metadata_address

if TYPE_CHECKING:
    from tocsin.events.wire.http import Request, Response, Transaction
    from tocsin.events.wire.packets import Endpoint

_SECOND: Final = 10**9
_DATASET: Final = "network_traffic.http"
_TCP: Final = 6
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31})://([^/?#]*)")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.%]*\]|[^:\[\]]*)(?::(\d{1,5}))?")


class Url(NamedTuple):
    """The parts of the address that a request asked for; None where there is none."""

    scheme: str
    domain: str
    port: int | None
    path: str | None
    query: str | None
    full: str


def document(transaction: Transaction, digits: int) -> dict[str, Any]:
    """The event of a transaction.

    Args:
        transaction: what was said.
        digits: decimal places of a second in its times.
    """
    request, response = transaction.request, transaction.response
    url = url_of(transaction)
    version = "ipv6" if ":" in transaction.server.ip else "ipv4"
    received = response.size if response else 0
    client = _end(transaction.client, request.size)
    server = _end(transaction.server, received)
    if request.host:
        server["domain"] = _authority(request.host)[0]
    network: dict[str, Any] = {
        "transport": "tcp",
        "protocol": "http",
        "type": version,
        "bytes": request.size + received,
        "community_id": community_id(transaction.client, transaction.server),
    }
    if is_metadata_address(transaction.server.ip):
        network["direction"] = "egress"
    event: dict[str, Any] = {
        "kind": "event",
        "category": ["network"],
        "type": ["connection", "protocol"],
        "module": "network_traffic",
        "dataset": _DATASET,
        "outcome": _outcome(response),
    }
    found: dict[str, Any] = {
        "event": event,
        "data_stream": {"type": "logs", "dataset": _DATASET, "namespace": "default"},
        "network": network,
        "source": client,
        "destination": server,
        "client": dict(client),
        "server": dict(server),
        "http": _http(request, response),
        "url": _present(url._asdict() | {"original": request.target}),
    }
    start = request.origin.time
    if start:  # a capture without times has none to give
        end = max(start, request.time, response.time if response else 0)
        found["@timestamp"] = timestamp(start, digits)
        event["start"] = found["@timestamp"]
        event["end"] = timestamp(end, digits)
        event["duration"] = end - start
    if request.user_agent:
        found["user_agent"] = {"original": request.user_agent}
    aws = _aws(transaction, url.path or "")
    if aws:
        found["aws"] = aws
    return found


def identity(transaction: Transaction, capture: str) -> str:
    """An identifier that a transaction has however its capture is named or compressed.

    Args:
        transaction: what was said.
        capture: what identifies the capture.
    """
    client, server = transaction.client, transaction.server
    parts = (
        capture,
        client.ip,
        client.port,
        server.ip,
        server.port,
        transaction.request.origin.time,
        transaction.number,
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def timestamp(time: int, digits: int) -> str:
    """Nanoseconds since the epoch in RFC 3339, to so many decimal places.

    >>> timestamp(1_700_000_000_123_456_789, 6)
    '2023-11-14T22:13:20.123456Z'
    """
    seconds, fraction = divmod(time, _SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09}"[: len(text) + 1 + digits].rstrip(".") + "Z"


@lru_cache(maxsize=4096)
def community_id(one: Endpoint, other: Endpoint) -> str:
    """The Community ID of a TCP connection, version 1 with seed 0, the same from both ends.

    https://github.com/corelight/community-id-spec
    """
    ends = sorted((ipaddress.ip_address(end.ip).packed, end.port) for end in (one, other))
    (a, a_port), (b, b_port) = ends
    digest = hashlib.sha1(
        struct.pack("!H", 0) + a + b + struct.pack("!BBHH", _TCP, 0, a_port, b_port),
        usedforsecurity=False,
    ).digest()
    return "1:" + base64.b64encode(digest).decode("ascii")


def url_of(transaction: Transaction) -> Url:
    """The address that a request asked for, from its target, its Host header and its server."""
    request, server = transaction.request, transaction.server
    target = request.target
    scheme, authority = "http", request.host or ""
    absolute = _ABSOLUTE.match(target)
    if absolute:
        scheme, authority = absolute[1].lower(), absolute[2]
        target = target[absolute.end() :]
        if not target.startswith("/"):
            target = "/" + target
    elif request.method == "CONNECT":
        authority, target = target, ""
    domain, port = _authority(authority)
    if not domain:
        domain = server.ip
    if port is None and not absolute and server.port != 80:
        port = server.port
    path, mark, query = target.partition("?")
    host = f"[{domain}]" if ":" in domain else domain
    full = f"{scheme}://{host}{'' if port is None else f':{port}'}"
    full += target if target.startswith("/") else ""
    return Url(scheme, domain, port, path or None, query if mark else None, full)


def _authority(text: str) -> tuple[str, int | None]:
    """Host and port of ``host:port``; IPv6 addresses without their brackets, as Packetbeat does."""
    found = _AUTHORITY.fullmatch(text)
    if not found:
        return text, None
    port = int(found[2]) if found[2] else None
    return found[1].strip("[]").lower(), port if port is None or port < 65536 else None


def _end(endpoint: Endpoint, size: int) -> dict[str, Any]:
    return {"ip": endpoint.ip, "address": endpoint.ip, "port": endpoint.port, "bytes": size}


def _http(request: Request, response: Response | None) -> dict[str, Any]:
    asked = {
        "method": request.method,
        "bytes": request.size,
        "body": {"bytes": request.body_size},
        "referrer": request.referrer,
    }
    found: dict[str, Any] = {"version": request.version, "request": _present(asked)}
    if response is not None:
        answered = {
            "status_code": response.status,
            "status_phrase": response.phrase.lower() or None,  # Packetbeat's are in lower case
            "mime_type": response.mime_type,
            "bytes": response.size,
            "body": {"bytes": response.body_size},
        }
        found["response"] = _present(answered)
    return found


def _outcome(response: Response | None) -> str:
    if response is None:
        return "unknown"
    return "success" if response.status < 400 else "failure"


def _aws(transaction: Transaction, path: str) -> dict[str, Any]:
    request, response = transaction.request, transaction.response
    found: dict[str, Any] = {}
    version = imds_version(transaction.server.ip, path, has_token=request.has_imds_token)
    if version:
        found["imds"] = {"version": version}
    if response is not None and response.access_key_id:
        found["credential"] = {"access_key_id": response.access_key_id}
    return found


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
