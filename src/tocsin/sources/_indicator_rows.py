"""Rows of indicators: what a type and a value are in ECS, and the rows of a CSV file.

>>> typed_fields("domain", "A.example")["threat.indicator.url.domain"]
'a.example'
"""

from __future__ import annotations

import csv
import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from tocsin.events.record import Document
from tocsin.logic.field_types import date_of, number_of

_MOST_LINES = 20  # that a row of CSV may go over
_HASH = re.compile(r"[0-9A-Fa-f]+\Z")
_CONFIDENCE = ((0, "None"), (29, "Low"), (69, "Medium"), (100, "High"))  # STIX 2.1, appendix A
_PLAIN_COLUMNS = {
    "name": "threat.indicator.name",
    "description": "threat.indicator.description",
    "provider": "threat.indicator.provider",
    "reference": "threat.indicator.reference",
    "first_seen": "threat.indicator.first_seen",
    "last_seen": "threat.indicator.last_seen",
    "confidence": "threat.indicator.confidence",
}
_DATES = ("threat.indicator.first_seen", "threat.indicator.last_seen")


class _Kind(msgspec.Struct, frozen=True):
    """A type of indicator: what ECS calls it, the fields that hold it, and what it must be."""

    type: str
    fields: tuple[str, ...]
    read: Callable[[str], str | None]


def _address(text: str) -> str | None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return text


def _hash_of(length: int) -> Callable[[str], str | None]:
    return lambda text: text.lower() if len(text) == length and _HASH.match(text) else None


def _domain(text: str) -> str | None:
    text = text.lower().rstrip(".")
    return text if text and not re.search(r"[\s/:@\[\]]", text) else None


def _file_hash(name: str, length: int) -> _Kind:
    return _Kind("file", (f"threat.indicator.file.hash.{name}",), _hash_of(length))


_URL_FIELDS = ("threat.indicator.url.full", "threat.indicator.url.original")
_KINDS = {
    "ip": _Kind("", ("threat.indicator.ip",), _address),
    "domain": _Kind("domain-name", ("threat.indicator.url.domain",), _domain),
    "url": _Kind("url", _URL_FIELDS, lambda text: text if "://" in text else None),
    "email": _Kind(
        "email-addr",
        ("threat.indicator.email.address",),
        lambda text: text if "@" in text else None,
    ),
    "md5": _file_hash("md5", 32),
    "sha1": _file_hash("sha1", 40),
    "sha256": _file_hash("sha256", 64),
}
_SPELLINGS = {
    "ipv4": "ip", "ipv6": "ip", "ipv4-addr": "ip", "ipv6-addr": "ip", "ip-src": "ip",
    "ip-dst": "ip", "domain-name": "domain", "hostname": "domain", "uri": "url",
    "email-addr": "email", "email-src": "email", "sha-1": "sha1", "sha-256": "sha256",
}  # fmt: skip


class BadRow(Exception):  # noqa: N818  (says what a row is)
    """A row that is no indicator, with the reason."""


def row_fields(header: Sequence[str], row: Sequence[str]) -> Document:
    """The fields of a row under its header.

    Raises:
        BadRow: it is no indicator.
    """
    if len(row) > len(header):
        message = f"{len(row)} cells under a header of {len(header)}"
        raise BadRow(message)
    cells = {n: c.strip() for n, c in zip(header, row, strict=False) if n and c.strip()}
    plain = {name.lower(): cell for name, cell in cells.items() if "." not in name}
    document: Document = {n: c for n, c in cells.items() if "." in n or n == "@timestamp"}
    if "type" in plain or "value" in plain:
        document |= typed_fields(plain.get("type", ""), plain.get("value", ""))
    for name, field in _PLAIN_COLUMNS.items():
        if name in plain:
            document[field] = confidence_of(plain[name]) if name == "confidence" else plain[name]
    for field in _DATES:
        if field in document and date_of(document[field]) is None:
            message = f"{document[field]!r} is no date"
            raise BadRow(message)
    if not document:
        raise BadRow("the row is empty")
    return document


def typed_fields(kind: str, value: str) -> Document:
    """The fields of a value of a type.

    Raises:
        BadRow: the type is unknown, or the value is none of it.
    """
    name = kind.strip().lower()
    found = _KINDS.get(_SPELLINGS.get(name, name))
    if found is None:
        message = f"unknown type {kind!r}; known are {', '.join(_KINDS)}" if kind else "no type"
        raise BadRow(message)
    read = found.read(value.strip())
    if read is None:
        message = f"{value!r} is no {kind}"
        raise BadRow(message)
    kind = found.type or ("ipv6-addr" if ":" in read else "ipv4-addr")
    return {"threat.indicator.type": kind, "threat.indicator.name": read} | dict.fromkeys(
        found.fields, read
    )


def confidence_of(value: object) -> str | None:
    """In ECS's words, which are STIX's."""
    if not isinstance(value, (str, int, float)):
        return None
    number = number_of(value)
    if number is None:
        return str(value).strip().capitalize()
    return next((word for most, word in _CONFIDENCE if number <= most), "High")


def rows_of(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """(line, row) pairs, or the line with what is wrong there; ``#`` begins a comment."""
    lines = text.split("\n")
    delimiter = ""
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        if not line or line.startswith("#"):
            at += 1
            continue
        delimiter = delimiter or next((d for d in ",;\t" if d in line), ",")
        row, taken = _parsed_row(lines[at : at + _MOST_LINES], delimiter)
        yield at + 1, row
        at += taken


def _parsed_row(lines: Sequence[str], delimiter: str) -> tuple[list[str] | str, int]:
    """The row that begins with the first line, and how many lines it takes."""
    reason = ""
    for count in range(1, len(lines) + 1):
        text = "\n".join(line.rstrip("\r") for line in lines[:count])
        try:
            [row] = csv.reader((text,), delimiter=delimiter, strict=True)
        except csv.Error as error:
            reason = reason or str(error)
            if "unexpected end" not in str(error):
                break
        except ValueError:
            break
        else:
            return row, count
    return f"no row of CSV: {reason or 'several rows in one'}", 1
