"""What the parts of an EVE record (its objects ``alert``, ``http``, ``dns`` …) say in ECS's names.

A record may have several: an alert carries what is known of the request that it is about.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._traffic import add, distinguished, imds, redacted, request_url
from tocsin.events.shapes._traffic_values import (
    address_of,
    flag_of,
    instant,
    number_of,
    texts_of,
    time_text,
)
from tocsin.events.shapes._values import Object, kept, nested, text_of
from tocsin.events.wire.credentials import access_key_id, is_metadata_address

Builder = Callable[[Object, Document, Document], None]

_LARGEST_BODY: Final = 64 << 10
_HASHES: Final = ("md5", "sha1", "sha256")
_FLOW_TYPES: Final = {"new": "start", "closed": "end"}


def _alert(alert: Object, record: Document, found: Document) -> None:
    action = text_of(alert.get("action"))
    if action:
        found["event"]["type"].append("denied" if action == "blocked" else action)
    category, metadata = text_of(alert.get("category")), nested(alert, "metadata")
    identifier = number_of(alert.get("signature_id"))
    own = found["suricata"]["eve"].get("alert")
    if isinstance(own, dict):
        # Elastic takes the keys that the signatures' schema defines out of ``metadata``.
        own.update((key, value) for key, value in metadata.items() if key not in own)
    add(
        found,
        kept(
            {
                "event": kept({"severity": number_of(alert.get("severity"))}),
                "message": category,
                "rule": kept(
                    {
                        "id": None if identifier is None else str(identifier),
                        "name": text_of(alert.get("signature")),
                        "category": category,
                        "version": _text(number_of(alert.get("rev"))),
                    }
                ),
                "threat": kept(
                    {
                        "tactic": kept(
                            {
                                "id": texts_of(metadata.get("mitre_tactic_id")),
                                "name": texts_of(metadata.get("mitre_tactic_name")),
                            }
                        ),
                        "technique": kept(
                            {
                                "id": texts_of(metadata.get("mitre_technique_id")),
                                "name": texts_of(metadata.get("mitre_technique_name")),
                            }
                        ),
                    }
                ),
            }
        ),
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _http(http: Object, record: Document, found: Document) -> None:
    method, host = text_of(http.get("http_method")), text_of(http.get("hostname"))
    status = number_of(http.get("status"))
    server = _server(record, found)
    url = request_url(
        text_of(http.get("url")), host, server.get("ip"), server.get("port"), method or ""
    )
    port = number_of(http.get("http_port"))
    if port is not None:
        url["port"] = port
    referrer, agent = text_of(http.get("http_refer")), text_of(http.get("http_user_agent"))
    protocol = text_of(http.get("protocol")) or ""
    aws = imds(server.get("ip"), url.get("path"), _header_names(http))
    key = _key_id(http, server.get("ip"))
    if key:
        aws["credential"] = {"access_key_id": key}
    if status is not None and record.get("event_type") in ("http", "http2"):
        found["event"]["outcome"] = "success" if status < 400 else "failure"
    if host:
        found.setdefault("destination", {})["domain"] = url.get("domain", host)
    add(
        found,
        kept(
            {
                "http": kept(
                    {
                        "version": protocol.removeprefix("HTTP/"),
                        "request": kept(
                            {
                                "method": method,
                                "referrer": redacted(referrer) if referrer else None,
                            }
                        ),
                        "response": kept(
                            {
                                "status_code": status,
                                "mime_type": _mime_type(http.get("http_content_type")),
                                "body": kept({"bytes": number_of(http.get("length"))}),
                            }
                        ),
                    }
                ),
                "url": url,
                "user_agent": kept({"original": agent}),
                "aws": aws,
            }
        ),
    )


def _server(record: Document, found: Document) -> Object:
    """The end that was asked: an alert's source may be the answering side."""
    if record.get("direction") == "to_client":
        return nested(found, "source")
    return nested(found, "destination")


def _mime_type(value: Any) -> str:
    return (text_of(value) or "").partition(";")[0].strip().lower()


def _header_names(http: Object) -> list[bytes] | None:
    """The names of a request's headers, where Suricata was told to dump them."""
    headers = http.get("request_headers")
    if not isinstance(headers, list):
        return None
    names = (text_of(header.get("name")) for header in headers if isinstance(header, dict))
    return [name.lower().encode("utf-8", "replace") for name in names if name]


def _key_id(http: Object, server: str | None) -> str | None:
    if server is None or not is_metadata_address(server):
        return None
    printable, encoded = http.get("http_response_body_printable"), http.get("http_response_body")
    if isinstance(printable, str):
        return access_key_id(printable[:_LARGEST_BODY].encode("utf-8", "replace"))
    if isinstance(encoded, str):
        try:
            return access_key_id(base64.b64decode(encoded[:_LARGEST_BODY]))
        except (binascii.Error, ValueError):
            return None
    return None


def _dns(dns: Object, record: Document, found: Document) -> None:
    queries, kind = dns.get("queries", dns.get("query")), text_of(dns.get("type"))
    asked = [q for q in queries if isinstance(q, dict)] if isinstance(queries, list) else []
    # Version 1 has an answer's own name where the others have the question's.
    is_question = kind in ("query", "request") or dns.get("version") in (2, 3)
    question = asked[0] if asked else dns if is_question else {}
    answers = list(_answers(dns))
    resolved = [ip for a in answers if a.get("type") in ("A", "AAAA")
                and (ip := address_of(a.get("data")))]  # fmt: skip
    flags = (flag.upper() for flag in ("aa", "tc", "rd", "ra") if flag_of(dns.get(flag)))
    kinds = {"request": "query", "response": "answer", "query": "query", "answer": "answer"}
    add(
        found,
        {
            "dns": kept(
                {
                    "id": _text(number_of(dns.get("id"))),
                    "type": kinds.get(kind or ("query" if asked else "")),
                    "question": kept(
                        {
                            "name": text_of(question.get("rrname")),
                            "type": text_of(question.get("rrtype")),
                        }
                    ),
                    "answers": answers,
                    "resolved_ip": resolved,
                    "response_code": text_of(dns.get("rcode")),
                    "header_flags": list(flags),
                }
            )
        },
    )


def _answers(dns: Object) -> Iterator[Object]:
    answers = dns.get("answers", dns.get("answer"))
    if isinstance(answers, dict):
        answers = answers.get("answers")
    if not isinstance(answers, list):
        # Version 1: one record an answer.
        answers = [dns] if dns.get("type") == "answer" and "rdata" in dns else []
    for answer in answers:
        if isinstance(answer, dict):
            yield kept(
                {
                    "name": text_of(answer.get("rrname")),
                    "type": text_of(answer.get("rrtype")),
                    "ttl": number_of(answer.get("ttl")),
                    "data": text_of(answer.get("rdata")),
                }
            )


def _tls(tls: Object, record: Document, found: Document) -> None:
    name = (text_of(tls.get("sni")) or "").removesuffix(".")
    protocol, _, version = (text_of(tls.get("version")) or "").partition(" ")
    subject, issuer = text_of(tls.get("subject")), text_of(tls.get("issuerdn"))
    begin, end = time_text(tls.get("notbefore")), time_text(tls.get("notafter"))
    x509 = kept(
        {
            "subject": distinguished(subject),
            "issuer": distinguished(issuer),
            "serial_number": (text_of(tls.get("serial")) or "").replace(":", ""),
            "not_before": begin,
            "not_after": end,
        }
    )
    fingerprint = (text_of(tls.get("fingerprint")) or "").replace(":", "").upper()
    if name:
        found.setdefault("destination", {})["domain"] = name
    add(
        found,
        {
            "tls": kept(
                {
                    "version": version,
                    "version_protocol": protocol.lower() if version else None,
                    "resumed": flag_of(tls.get("session_resumed")),
                    "client": kept(
                        {
                            "server_name": name,
                            "ja3": text_of(nested(tls, "ja3").get("hash")),
                        }
                    ),
                    "server": kept(
                        {
                            "subject": subject,
                            "issuer": issuer,
                            "not_before": begin,
                            "not_after": end,
                            "ja3s": text_of(nested(tls, "ja3s").get("hash")),
                            "hash": kept({"sha1": fingerprint}),
                            "x509": x509,
                        }
                    ),
                }
            )
        },
    )


def _flow(flow: Object, record: Document, found: Document) -> None:
    state = _FLOW_TYPES.get(text_of(flow.get("state")) or "")
    if state and record.get("event_type") == "flow":
        found["event"]["type"].append(state)
    sent, received = number_of(flow.get("bytes_toserver")), number_of(flow.get("bytes_toclient"))
    packets = number_of(flow.get("pkts_toserver")), number_of(flow.get("pkts_toclient"))
    begin, end = instant(flow.get("start")), instant(flow.get("end"))
    times = {"start": time_text(flow.get("start")), "end": time_text(flow.get("end"))}
    duration = end - begin if begin is not None and end is not None and end >= begin else None
    sides = ("source", "destination")
    if record.get("direction") == "to_client" and record.get("event_type") != "flow":
        sides = ("destination", "source")
    add(
        found,
        kept(
            {
                "event": kept(times | {"duration": duration}),
                sides[0]: kept({"bytes": sent, "packets": packets[0]}),
                sides[1]: kept({"bytes": received, "packets": packets[1]}),
                "network": kept(
                    {"bytes": _sum(sent, received), "packets": _sum(packets[0], packets[1])}
                ),
            }
        ),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def _file(file: Object, record: Document, found: Document) -> None:
    path = text_of(file.get("filename"))
    path = redacted(path) if path else None
    name = (path or "").partition("?")[0].rpartition("/")[2]
    add(
        found,
        {
            "file": kept(
                {
                    "path": path,
                    "name": name,
                    "extension": name.rpartition(".")[2] if "." in name.lstrip(".") else None,
                    "size": number_of(file.get("size")),
                    "mime_type": text_of(file.get("mimetype")),
                    "hash": kept({kind: text_of(file.get(kind)) for kind in _HASHES}),
                }
            )
        },
    )


BUILDERS: Final[dict[str, Builder]] = {
    "alert": _alert,
    "dns": _dns,
    "fileinfo": _file,
    "flow": _flow,
    "http": _http,
    "tls": _tls,
}
"""By the name of the part of a record that they read."""
