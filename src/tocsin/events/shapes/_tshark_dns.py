"""The DNS half of `tshark`: a packet's question and answers as Packetbeat's DNS stream has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tocsin.events.record import Document
from tocsin.events.shapes._traffic import add
from tocsin.events.shapes._traffic_values import address_of, duration_of, flag_of, number_of
from tocsin.events.shapes._tshark_fields import Packet
from tocsin.events.shapes._tshark_http import of_stream
from tocsin.events.shapes._values import Object, kept

_MOST_ANSWERS: Final = 1_024
_TYPES: Final = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA",
    33: "SRV", 35: "NAPTR", 41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 64: "SVCB",
    65: "HTTPS", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
}  # fmt: skip
_CLASSES: Final = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
_OPERATIONS: Final = {0: "QUERY", 1: "IQUERY", 2: "STATUS", 4: "NOTIFY", 5: "UPDATE"}
_CODES: Final = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
    6: "YXDOMAIN", 7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE",
}  # fmt: skip
_FLAGS: Final = (("authoritative", "AA"), ("truncated", "TC"), ("recdesired", "RD"),
                 ("recavail", "RA"), ("authenticated", "AD"), ("checkdisable", "CD"))  # fmt: skip
_DATA: Final = {
    # The field that holds the data of an answer of each type.
    "A": "dns.a", "AAAA": "dns.aaaa", "CNAME": "dns.cname", "NS": "dns.ns",
    "MX": "dns.mx.mail_exchange",
    "PTR": "dns.ptr.domain_name", "TXT": "dns.txt", "SRV": "dns.srv.target",
}  # fmt: skip


def build(packet: Packet, found: Document) -> None:
    """Puts the packet's question and answers into its event."""
    of_stream(found, "dns")
    is_answer = flag_of(packet.first("dns.flags.response")) is True
    code = _number(packet.first("dns.flags.rcode"))
    operation = _number(packet.first("dns.flags.opcode"))
    identifier = _number(packet.first("dns.id"))
    answers = list(_answers(packet)) if is_answer else []
    duration = duration_of(packet.first("dns.time"))
    add(
        found,
        {
            "event": kept({"duration": duration, "outcome": _outcome(code, is_answer=is_answer)}),
            "dns": kept(
                {
                    "type": "answer" if is_answer else "query",
                    "id": None if identifier is None else str(identifier),
                    "op_code": _OPERATIONS.get(operation) if operation is not None else None,
                    "question": kept(
                        {
                            "name": packet.first("dns.qry.name"),
                            "type": _named(packet.first("dns.qry.type"), _TYPES),
                            "class": _named(packet.first("dns.qry.class"), _CLASSES),
                        }
                    ),
                    "answers": answers,
                    "answers_count": _number(packet.first("dns.count.answers")),
                    "resolved_ip": [
                        ip
                        for answer in answers
                        if answer.get("type") in ("A", "AAAA")
                        and (ip := address_of(answer.get("data")))
                    ],
                    "response_code": _named(packet.first("dns.flags.rcode"), _CODES),
                    "header_flags": [
                        name for flag, name in _FLAGS if flag_of(packet.first(f"dns.flags.{flag}"))
                    ],
                }
            ),
        },
    )


def _outcome(code: int | None, *, is_answer: bool) -> str:
    if not is_answer:
        return "unknown"
    return "success" if code == 0 else "failure"


def _number(text: str | None) -> int | None:
    """A number in decimal or in hexadecimal (``0x0001``).

    >>> _number("0x8180"), _number("28")
    (33152, 28)
    """
    if text is not None and text.startswith("0x") and len(text) <= 10:
        try:
            return int(text, 16)
        except ValueError:
            return None
    return number_of(text)


def _named(text: str | None, names: dict[int, str]) -> str | None:
    number = _number(text)
    return None if number is None else names.get(number, str(number))


def _answers(packet: Packet) -> Iterator[Object]:
    """The records of an answer: their parts stand in lists, each in the order of the packet."""
    names, lives = packet.values("dns.resp.name"), packet.values("dns.resp.ttl")
    classes = packet.values("dns.resp.class")
    data = {kind: iter(packet.values(field)) for kind, field in _DATA.items()}
    for place, kind in enumerate(packet.values("dns.resp.type")[:_MOST_ANSWERS]):
        name = _named(kind, _TYPES)
        yield kept(
            {
                "name": names[place] if place < len(names) else None,
                "type": name,
                "class": _named(classes[place], _CLASSES) if place < len(classes) else None,
                "ttl": _number(lives[place]) if place < len(lives) else None,
                "data": next(data[name], None) if name in data else None,
            }
        )
