r"""One line of an audit log: its header, its fields, and what is encoded in them.

    [syslog's prefix ][node=web-1 ]type=SYSCALL msg=audit(1795292814.490:32): arch=c000003e …

* What user space wrote stands in quotes, or as hexadecimal digits without them (`decoded`).
* Messages of user space have fields of their own inside ``msg='…'``; they count as the record's,
  and before those around them.
* Behind a group separator (``\x1d``) auditd adds names for numbers, in upper case.
* ``?``, ``(null)`` and nothing at all are no values.
* What was typed into a terminal (``data`` of TTY records) is not taken: it may be a password.

Format: https://github.com/linux-audit/audit-documentation/wiki/SPEC-Writing-Good-Events
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from tocsin.events.decoders._audit_tables import record_name, record_number

Fields = dict[str, str]
Token = tuple[str, str, bool]
"""A key, its value, and whether that stood in quotes."""

_HEADER: Final = re.compile(
    r"(?:node=(\S{1,255}) )?type=([A-Za-z0-9_\[\]]{1,48}) "
    r"(?:msg=)?audit\((\d{1,11}\.\d{1,9}):(\d{1,18})\):?[ ]?"
)
_LONGEST_PREFIX: Final = 1_000
_SYSLOG_HOST: Final = re.compile(
    r"(?:<\d{1,3}>)?(?:1 )?"
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.,Z+-]{8,40})"
    r" ([A-Za-z0-9_.:-]{1,255}) "
)
_INTERPRETED: Final = re.compile(r"audit\(\d\d?/\d\d?/\d\d")
_TOKEN: Final = re.compile(
    r"(?<![^\s(])([A-Za-z_][A-Za-z0-9_-]{0,63}(?:\[\d{1,7}\])?)="
    r"""(?:"([^"]*)"|'([^']*)'|\{([^}]{0,1000})\}|(\S*))"""
)
_HEXADECIMAL: Final = re.compile(r"(?:[0-9A-F]{2})+\Z")
_NOTHING: Final = frozenset({"", "?", "?,", "(null)"})
_ENCODED: Final = frozenset(
    {
        "acct", "cgroup", "cmd", "comm", "cwd", "device", "dir", "exe", "file", "grp", "key",
        "name", "new_group", "ocomm", "path", "proctitle", "profile", "root_dir", "sw", "vm",
        "watch",
    }
)  # fmt: skip
_MAYBE_NUMBERS: Final = frozenset({"acct", "device", "grp", "key", "new_group", "vm"})
_TYPED: Final = frozenset({"TTY", "USER_TTY"})
_ARGUMENT: Final = re.compile(r"a(\d{1,7})(?:\[(\d{1,7})\])?\Z")


class AuditRecord(msgspec.Struct):
    """One line, parsed.

    Attributes:
        type: its name.
        number: of its type; None where that is unknown.
        time: seconds since the epoch as they were written.
        serial: which event of this time it belongs to.
        node: the host that it names; empty for none.
        fields: its fields, decoded.
        pieces: of an EXECVE record, its arguments as they were written.
    """

    type: str
    number: int | None
    time: str
    serial: str
    node: str
    fields: Fields
    pieces: list[Token] = []


def parse(line: bytes) -> AuditRecord | str:
    """The record of a line, or why there is none."""
    text = line.decode("utf-8", "backslashreplace")
    header = _HEADER.search(text, 0, _LONGEST_PREFIX + 500)
    if header is None or header.start() > _LONGEST_PREFIX:
        if _INTERPRETED.search(text, 0, _LONGEST_PREFIX):
            return "interpreted by ausearch; use ausearch --raw"
        return "no audit record: expected type=… msg=audit(seconds:serial): …"
    node, kind, time, serial = header.groups()
    name = record_name(kind)
    prefix = text[: header.start()]
    if node is None and prefix:
        found = _SYSLOG_HOST.match(prefix)
        node = found[1] if found else None
    body, _, names = text[header.end() :].partition("\x1d")
    if prefix and not names:  # how rsyslog writes the separator
        body, _, names = body.partition("#035")
    record = AuditRecord(name, record_number(name), time, serial, node or "", {})
    around, message = _messages(f" {body}") if is_alone(record) else (_plain(name, body), "")
    tokens = _tokens(around)
    # Old messages have commas and parentheses around their fields.
    inner = [(k, v if quoted else v.rstrip(",)"), quoted) for k, v, quoted in _tokens(message)]
    _fill(record, [*tokens, *inner])
    for key, value, _ in _tokens(names):
        if value not in _NOTHING:
            record.fields.setdefault(key, value)
    return record


def is_alone(record: AuditRecord) -> bool:
    """Whether records of this type are events by themselves: user space's, and auditd's own."""
    number = record.number
    return number is not None and record.type != "LOGIN" and (number < 1300 or number >= 2000)


def _fill(record: AuditRecord, tokens: list[Token]) -> None:
    kind, fields = record.type, record.fields
    is_execve, is_typed = kind == "EXECVE", kind in _TYPED
    for key, value, quoted in tokens:
        if is_execve and _ARGUMENT.match(key):
            record.pieces.append((key, value, quoted))
        if (value in _NOTHING and not is_execve) or key.endswith("]"):
            continue
        if is_typed and key == "data":
            continue
        if not quoted and (is_execve or key in _ENCODED):
            value = decoded(kind, key, value)
        fields[key] = value


def _plain(name: str, body: str) -> str:
    """The body as nothing but fields, where a type of records has something else in it."""
    if name == "AVC":
        start, end = body.find("{"), body.find("}")
        if body.startswith("avc:") and 0 < start < end:
            verdict = body[len("avc:") : start].strip()
            rights = ",".join(body[start + 1 : end].split())
            return f"seresult={verdict} seperms={rights} {body[end + 1 :]}"
    if name == "LOGIN":
        return body.replace("old ", "old-", 2).replace("new ", "new-", 2)
    return body


def _tokens(text: str) -> list[Token]:
    """The fields of a text; what is no field is passed over."""
    # Of the four ways to write a value one is there; an empty one is no value.
    return [
        (key, double or single or braces or bare, not bare)
        for key, double, single, braces, bare in _TOKEN.findall(text)
    ]


def _messages(text: str) -> tuple[str, str]:
    """What stands around ``msg='…'``, and what in it."""
    for mark in "'\"":
        start = text.find(f" msg={mark}")
        # What is in a message may have apostrophes; the last one ends it.
        end = text.rfind(mark) if start >= 0 else -1
        if end > start + 5:
            return f"{text[:start]} {text[end + 1 :]}", text[start + 6 : end]
    return text, ""


# --- what is encoded ------------------------------------------------------------------------------


def decoded(kind: str, key: str, value: str) -> str:
    """An unquoted value, whose hexadecimal digits may stand for a text.

    >>> decoded("PROCTITLE", "proctitle", "6375726C002D73"), decoded("SYSCALL", "a0", "7F")
    ('curl -s', '7F')
    """
    if kind == "EXECVE":
        encoded = _ARGUMENT.match(key) is not None
    else:
        encoded = key in _ENCODED and not (key in _MAYBE_NUMBERS and value.isdecimal())
    return from_hexadecimal(value) if encoded else value


def from_hexadecimal(value: str) -> str:
    """The text of hexadecimal digits, with spaces for its zeros; else the value as it is."""
    if not _HEXADECIMAL.match(value):
        return value
    text = bytes.fromhex(value).decode("utf-8", "backslashreplace")
    return text.rstrip("\0").replace("\0", " ")


def arguments(records: Iterable[AuditRecord]) -> list[str]:
    """What a program was started with, the name it was called by first.

    Long arguments come in pieces (``a1[0]``, ``a1[1]``), which may be on several records; they are
    put together before they are decoded.
    """
    pieces: dict[int, list[tuple[int, str, bool]]] = {}
    for record in records:
        for key, value, quoted in record.pieces:
            found = _ARGUMENT.match(key)
            if found is not None:
                place = pieces.setdefault(int(found[1]), [])
                place.append((int(found[2] or 0), value, quoted))
    return [_joined(sorted(pieces[number])) for number in sorted(pieces)]


def _joined(pieces: list[tuple[int, str, bool]]) -> str:
    if all(not quoted for _, _, quoted in pieces):
        return from_hexadecimal("".join(value for _, value, _ in pieces))
    return "".join(value if quoted else from_hexadecimal(value) for _, value, quoted in pieces)


def socket_address(record: AuditRecord) -> Fields:
    """What a SOCKADDR record says: ``family``, and ``addr`` and ``port``, or ``path``.

    >>> from tocsin.events.decoders._audit_records import parse, socket_address
    >>> line = b"type=SOCKADDR msg=audit(1.0:1): saddr=020000507F0000010000000000000000"
    >>> socket_address(parse(line))
    {'family': 'ipv4', 'addr': '127.0.0.1', 'port': '80'}
    """
    digits = record.fields.get("saddr", "")
    if len(digits) < 4 or not _HEXADECIMAL.match(digits):
        return _enriched(record.fields.get("SADDR", ""))
    data = bytes.fromhex(digits)
    # In the byte order of the machine: the families that matter are below 256.
    family = data[0] or data[1]
    if family == 1:
        path = data[2:]
        abstract = path.startswith(b"\0")
        path = path[abstract:].split(b"\0", 1)[0]
        shown = ("@" if abstract and path else "") + path.decode("utf-8", "backslashreplace")
        return {"family": "unix", "path": shown} if shown else {"family": "unix"}
    if family == 2 and len(data) >= 8:
        return _internet("ipv4", data[4:8], data[2:4])
    if family == 10 and len(data) >= 24:
        return _internet("ipv6", data[8:24], data[2:4])
    return {"family": "netlink" if family == 16 else str(family), "saddr": digits}


def _internet(family: str, address: bytes, port: bytes) -> Fields:
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return {
        "family": family,
        "addr": str(mapped or parsed),
        "port": str(int.from_bytes(port, "big")),
    }


def _enriched(text: str) -> Fields:
    """``saddr_fam=inet laddr=… lport=…``: how auditd itself writes an address."""
    fields = {key: value for key, value, _ in _tokens(text)}
    family = {"inet": "ipv4", "inet6": "ipv6", "local": "unix"}.get(fields.get("saddr_fam", ""))
    found = {"family": family or fields.get("saddr_fam"), "addr": fields.get("laddr"),
             "port": fields.get("lport"), "path": fields.get("path")}  # fmt: skip
    return {key: value for key, value in found.items() if value}
