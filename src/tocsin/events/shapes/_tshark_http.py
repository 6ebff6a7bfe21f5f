"""The HTTP half of `tshark`: the messages of a packet as Packetbeat's HTTP stream has them.

A packet may hold several requests (they were pipelined, or a proxy put them together). Their
fields become arrays then, so that none of them goes unseen.
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._traffic import add, imds, redacted, request_url
from tocsin.events.shapes._traffic_values import duration_of, number_of
from tocsin.events.shapes._tshark_fields import Fields, Packet, bytes_of
from tocsin.events.shapes._values import Object, kept, nested
from tocsin.events.wire.credentials import access_key_id, is_metadata_address
from tocsin.events.wire.messages import LARGEST_HEAD, LARGEST_KEPT_BODY, parse_headers

_MOST_MESSAGES: Final = 64


def of_stream(found: Document, protocol: str) -> None:
    """Says that an event is of one of Packetbeat's streams."""
    dataset = f"network_traffic.{protocol}"
    found["event"]["module"] = "network_traffic"
    found["event"]["dataset"] = dataset
    found["event"]["type"] = ["connection", "protocol"]
    found["data_stream"] = {"type": "logs", "dataset": dataset, "namespace": "default"}
    if protocol != "icmp":
        found.setdefault("network", {})["protocol"] = protocol


def build(packet: Packet, found: Document, *, is_answer: bool) -> None:
    """Puts the packet's messages into its event."""
    of_stream(found, "http")
    server = nested(found, "destination")
    messages = [m for m in packet.all("http") if _first(m, "http_request_method")]
    if not messages or is_answer:
        messages = [m for m in packet.all("http") if _first(m, "http_response_code")]
    sent = _Bytes(packet)
    for number, message in enumerate(messages[:_MOST_MESSAGES]):
        if _first(message, "http_request_method"):
            said = _request(message, server, sent)
        else:
            said = _response(message, server)
        if number == 0:
            add(found, said)
        else:
            _gather(found, said)
    if len(messages) == 1:
        _sizes(packet, found, is_answer=is_answer)
    _times(packet, found)


def _first(message: Fields, name: str) -> str | None:
    return next(iter(message.get(name, ())), None) or None


class _Bytes:
    """The bytes of a packet's requests, of which nothing but names of headers is read.

    ``-T json`` writes a key twice where a packet has a field twice, so that of its
    ``http.request.line`` one is left; the bytes have them all.
    """

    def __init__(self, packet: Packet) -> None:
        self._texts = (
            *packet.values("tcp.reassembled.data")[-1:],
            *packet.values("tcp.payload")[-1:],
        )

    def names(self, method: str, target: str) -> frozenset[bytes]:
        """The names of the headers of a request; empty where its head is not all there."""
        start = f"{method} {target} HTTP/".encode("utf-8", "replace")
        for text in self._texts:
            data = bytes_of(text, LARGEST_HEAD)
            begin = data.find(start)
            head, blank, _ = data[max(begin, 0) :].partition(b"\r\n\r\n")
            if begin >= 0 and blank:
                return parse_headers(head.partition(b"\r\n")[2])[1]
        return frozenset()


def _names(message: Fields, sent: _Bytes) -> frozenset[bytes] | None:
    """The names of a request's headers; None where not all of them can be known."""
    told = message.get("http_request_line", [])
    names = frozenset(
        line.partition(":")[0].strip().lower().encode("utf-8", "replace") for line in told
    )
    method, target = _first(message, "http_request_method"), _first(message, "http_request_uri")
    seen = sent.names(method or "", target or "")
    return names | seen if seen or len(told) > 1 else None


def _request(message: Fields, server: Object, sent: _Bytes) -> Object:
    host, target = _first(message, "http_host"), _first(message, "http_request_uri")
    method = _first(message, "http_request_method")
    referrer, agent = _first(message, "http_referer"), _first(message, "http_user_agent")
    url = request_url(target, host, server.get("ip"), server.get("port"), method or "")
    version = (_first(message, "http_request_version") or "").removeprefix("HTTP/")
    return kept(
        {
            "event": {"outcome": "unknown"},
            "destination": kept({"domain": url.get("domain") if host else None}),
            "http": kept(
                {
                    "version": version,
                    "request": kept(
                        {
                            "method": method,
                            "referrer": redacted(referrer) if referrer else None,
                            "body": {"bytes": _length(message) or 0},
                        }
                    ),
                }
            ),
            "url": url,
            "user_agent": kept({"original": agent}),
            "aws": imds(server.get("ip"), url.get("path"), _names(message, sent)),
        }
    )


def _length(message: Fields) -> int | None:
    return number_of(_first(message, "http_content_length"))


def _response(message: Fields, server: Object) -> Object:
    status = number_of(_first(message, "http_response_code"))
    asked = _first(message, "http_response_for_uri")
    phrase = _first(message, "http_response_phrase") or _first(message, "http_response_code_desc")
    version = (_first(message, "http_response_version") or "").removeprefix("HTTP/")
    mime_type = (_first(message, "http_content_type") or "").partition(";")[0].strip().lower()
    url = request_url(asked, None, server.get("ip"), server.get("port")) if asked else {}
    if "full" in url:
        # The request's target was not told: only the address that tshark made of it.
        url["original"] = url["full"]
    key = _key_id(message, server) if status == 200 else None
    outcome = None if status is None else "success" if status < 400 else "failure"
    return kept(
        {
            "event": kept({"outcome": outcome}),
            "http": kept(
                {
                    "version": version,
                    "response": kept(
                        {
                            "status_code": status,
                            "status_phrase": (phrase or "").lower(),
                            "mime_type": mime_type,
                            "body": kept({"bytes": _length(message)}),
                        }
                    ),
                }
            ),
            "url": url,
            "aws": kept({"credential": kept({"access_key_id": key})}),
        }
    )


def _key_id(message: Fields, server: Object) -> str | None:
    data = _first(message, "http_file_data")
    if data is None or not is_metadata_address(server.get("ip") or ""):
        return None
    # Text up to Wireshark 4.0, bytes in hexadecimal from 4.2 on.
    body = bytes_of(data, LARGEST_KEPT_BODY) or data[:LARGEST_KEPT_BODY].encode("utf-8", "replace")
    return access_key_id(body)


def _gather(document: Document, more: Document) -> None:
    """Puts another message's fields beside those that are there, as arrays."""
    for key, value in more.items():
        held = document.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            _gather(held, value)
        elif held is None:
            document[key] = value
        else:
            values: list[Any] = held if isinstance(held, list) else [held]
            document[key] = values if value in values else [*values, value]


def _sizes(packet: Packet, found: Document, *, is_answer: bool) -> None:
    size = number_of(packet.first("tcp.reassembled.length") or packet.first("tcp.len"))
    if size is None:
        return
    side, end = ("response", "destination") if is_answer else ("request", "source")
    add(found, {"http": {side: {"bytes": size}}, end: {"bytes": size}})


def _times(packet: Packet, found: Document) -> None:
    duration = duration_of(packet.first("http.time"))
    if duration is not None:
        found["event"]["duration"] = duration
