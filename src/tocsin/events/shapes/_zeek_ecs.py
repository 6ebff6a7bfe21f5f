"""What single logs of `zeek` say in ECS's names, beyond their ends and their time.

Each builder gets the entry, the document so far and the entry's part of it under ``zeek``, and
puts into both what Elastic's integration has there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes import _zeek_objects
from tocsin.events.shapes._traffic import add, imds, redacted, request_url
from tocsin.events.shapes._traffic_values import (
    address_of,
    duration_of,
    flag_of,
    number_of,
    texts_of,
)
from tocsin.events.shapes._values import Object, kept, text_of

Builder = Callable[[Document, Document, Object], None]

_STATES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    # conn_state: (how a connection in it went, event.type)
    "S0": ("attempted, never answered", ("connection", "start")),
    "S1": ("established, not closed", ("connection", "start")),
    "SF": ("established and closed", ("connection", "start", "end")),
    "REJ": ("attempted and rejected", ("connection", "start", "denied")),
    "S2": ("established, closed by the originator alone", ("connection", "info")),
    "S3": ("established, closed by the responder alone", ("connection", "info")),
    "RSTO": ("established, reset by the originator", ("connection", "info")),
    "RSTR": ("reset by the responder", ("connection", "info")),
    "RSTOS0": ("attempted and reset by the originator", ("connection", "info")),
    "RSTRH": ("answered and reset by the responder, no attempt seen", ("connection", "info")),
    "SH": ("attempted and closed by the originator, never answered", ("connection", "info")),
    "SHR": ("answered and closed by the responder, no attempt seen", ("connection", "info")),
    "OTH": ("seen from its middle on", ("connection", "info")),
}
_CLASSES: Final = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}


def _connection(entry: Document, found: Document, own: Object) -> None:
    state = text_of(entry.get("conn_state"))
    if state in _STATES:
        own["state"] = state
        own["state_message"], kinds = _STATES[state]
        found["event"]["type"] = list(kinds)
    duration = duration_of(entry.get("duration"))
    if duration is not None:
        found["event"]["duration"] = duration
    sent, received = number_of(entry.get("orig_ip_bytes")), number_of(entry.get("resp_ip_bytes"))
    packets = number_of(entry.get("orig_pkts")), number_of(entry.get("resp_pkts"))
    if found.get("network", {}).get("transport") == "icmp":
        # Zeek has ICMP's type and code where others have ports.
        own["icmp"] = kept(
            {side: found.get(end, {}).pop("port", None)
             for side, end in (("type", "source"), ("code", "destination"))}
        )  # fmt: skip
    add(
        found,
        kept(
            {
                "source": kept({"bytes": sent, "packets": packets[0]}),
                "destination": kept({"bytes": received, "packets": packets[1]}),
                "network": kept(
                    {
                        "protocol": text_of(entry.get("service")),
                        "bytes": _sum(sent, received),
                        "packets": _sum(*packets),
                        "direction": _direction(entry),
                    }
                ),
            }
        ),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _direction(entry: Document) -> str | None:
    local = flag_of(entry.get("local_orig")), flag_of(entry.get("local_resp"))
    return {
        (True, True): "internal",
        (True, False): "outbound",
        (False, True): "inbound",
        (False, False): "external",
    }.get(local)  # type: ignore[arg-type]


def _http(entry: Document, found: Document, own: Object) -> None:
    method, host = text_of(entry.get("method")), text_of(entry.get("host"))
    status = number_of(entry.get("status_code"))
    server = found.get("destination", {})
    url = request_url(
        text_of(entry.get("uri")), host, server.get("ip"), server.get("port"), method or ""
    )
    user = text_of(entry.get("username"))
    if user:
        url["username"] = user
    if "password" in entry and entry["password"] is not None:
        # That there was one is evidence; which one is not.
        url["password"] = "REDACTED" if entry["password"] else ""
    names = entry.get("client_header_names")
    headers = [name.lower().encode() for name in texts_of(names)] if names else None
    agent, referrer = text_of(entry.get("user_agent")), text_of(entry.get("referrer"))
    event = kept(
        {
            "action": method,
            "outcome": None if status is None else "success" if status < 400 else "failure",
        }
    )
    add(
        found,
        kept(
            {
                "event": event,
                "destination": kept({"domain": url.get("domain") if host else None}),
                "http": kept(
                    {
                        "version": text_of(entry.get("version")),
                        "request": kept(
                            {
                                "method": method,
                                "referrer": redacted(referrer) if referrer else None,
                                "body": kept({"bytes": number_of(entry.get("request_body_len"))}),
                            }
                        ),
                        "response": kept(
                            {
                                "status_code": status,
                                "status_phrase": (text_of(entry.get("status_msg")) or "").lower(),
                                "mime_type": next(iter(texts_of(entry.get("resp_mime_types"))), ""),
                                "body": kept({"bytes": number_of(entry.get("response_body_len"))}),
                            }
                        ),
                    }
                ),
                "url": url,
                "user_agent": kept({"original": agent}),
                "user": kept({"name": user}),
                "aws": imds(server.get("ip"), url.get("path"), headers),
            }
        ),
    )


def _dns(entry: Document, found: Document, own: Object) -> None:
    answers, lives = texts_of(entry.get("answers")), entry.get("TTLs")
    if not isinstance(lives, list) or len(lives) != len(answers):
        lives = [None] * len(answers)
    code = text_of(entry.get("rcode_name"))
    identifier = number_of(entry.get("trans_id"))
    lookup = number_of(entry.get("qclass"))
    add(
        found,
        {
            "event": kept({"duration": duration_of(entry.get("rtt")), "outcome": "success"}),
            "dns": kept(
                {
                    "type": "query" if code is None else "answer",
                    "id": None if identifier is None else str(identifier),
                    "question": kept(
                        {
                            "name": text_of(entry.get("query")),
                            "type": text_of(entry.get("qtype_name")),
                            "class": _CLASSES.get(lookup) if lookup is not None else None,
                        }
                    ),
                    "answers": [
                        kept({"data": data, "ttl": _whole(life)})
                        for data, life in zip(answers, lives, strict=True)
                    ],
                    "resolved_ip": [ip for data in answers if (ip := address_of(data))],
                    "response_code": code,
                    "header_flags": [f for f in ("AA", "TC", "RD", "RA") if flag_of(entry.get(f))],
                }
            ),
        },
    )


def _whole(value: Any) -> int | None:
    nanos = duration_of(value)
    return None if nanos is None else nanos // 10**9


def _operation(key: str) -> Builder:
    def build(entry: Document, found: Document, own: Object) -> None:
        action = text_of(entry.get(key))
        if action:
            found["event"]["action"] = action

    return build


BUILDERS: Final[dict[str, Builder]] = {
    "conn": _connection,
    "dce_rpc": _operation("operation"),
    "dns": _dns,
    "files": _zeek_objects.files,
    "ftp": _operation("command"),
    "http": _http,
    "kerberos": _zeek_objects.kerberos,
    "notice": _zeek_objects.notice,
    "ntlm": _zeek_objects.ntlm,
    "smb_cmd": _operation("command"),
    "smb_files": _zeek_objects.smb_files,
    "ssh": _zeek_objects.ssh,
    "ssl": _zeek_objects.ssl,
    "weird": _operation("name"),
    "x509": _zeek_objects.x509,
}
