"""The one coercion table: how a value of an event is read as a field's type.

Elasticsearch decides this when it indexes (mapping); Tocsin reads JSON, so it decides when it
compares. Both sides of a comparison go through `coerce`: the constant of a rule when the rule is
lowered, the value of an event when it is looked at. A value that its type cannot hold is no value
at all (Elasticsearch: `ignore_malformed`), so it never matches and never raises.

>>> coerce("long", "80"), coerce("keyword", 80), coerce("ip", "::FFFF:1.2.3.4")
(80, '80', '1.2.3.4')
>>> coerce("long", "eighty") is None
True

Semantics: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/field-data-types
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from functools import lru_cache
from typing import Literal

Scalar = str | int | float | bool
"""A JSON scalar that is not null. Dates are held as int: nanoseconds since the epoch."""

FieldType = Literal[
    "dynamic",  # no schema knows the field: a value keeps the type that its JSON has
    "keyword",
    "text",  # analysed: KQL compares words, everything else the whole value
    "long",
    "double",
    "boolean",
    "ip",
    "date",
    "version",
]

_NUMBER = re.compile(r"[ \t\r\n]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\r\n]*\Z")
_DATE = re.compile(
    r"([+-]?\d{4,6})(?:-(\d{2})(?:-(\d{2}))?)?"
    r"(?:[T ](\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?)?\Z"
)
_LONGEST_NUMBER = 400
_LONGEST = 100
"""The longest text that is looked at as an address or a date; what is remembered stays small."""


def coerce(kind: FieldType, value: Scalar) -> Scalar | None:
    """``value`` as a field of type ``kind`` holds it, or None where it cannot."""
    match kind:
        case "dynamic":
            return value
        case "keyword" | "text" | "version":
            return text_of(value)
        case "long" | "double":
            return number_of(value)
        case "boolean":
            return _boolean_of(value)
        case "ip":
            return _ip_of(value) if isinstance(value, str) and len(value) <= _LONGEST else None
        case "date":
            return date_of(value)


def text_of(value: Scalar) -> str:
    """The text that Elasticsearch stores for a value in a keyword field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def number_of(value: Scalar) -> int | float | None:
    """A number from a number or from its text; booleans, NaN and infinities are none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if len(value) > _LONGEST_NUMBER or not _NUMBER.match(value):
        return None
    try:
        return int(value)
    except ValueError:
        number = float(value)
        return number if math.isfinite(number) else None


def _boolean_of(value: Scalar) -> bool | None:
    if isinstance(value, bool):
        return value
    # Elasticsearch reads the empty string as false.
    return {"true": True, "false": False, "": False}.get(value) if isinstance(value, str) else None


@lru_cache(maxsize=65_536)
def _ip_of(value: str) -> str | None:
    try:
        address = ipaddress.ip_address(value.strip().partition("%")[0])
    except ValueError:
        return None
    # An IPv4-mapped address is the IPv4 address, as in Lucene's InetAddressPoint.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def date_of(value: Scalar) -> int | None:
    """Nanoseconds since the epoch, from ISO 8601 text or from epoch milliseconds.

    Milliseconds may be a number or its text, as in `strict_date_optional_time||epoch_millis`;
    a year alone is a year only with four digits.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return _from_millis(value)
    return _date_of_text(value) if len(value) <= _LONGEST else None


@lru_cache(maxsize=65_536)
def _date_of_text(value: str) -> int | None:
    found = _DATE.match(value)
    if found is None:
        number = number_of(value)
        return None if number is None else _from_millis(number)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if month is None and hour is None and len(year) != 4:
        return int(year) * 1_000_000
    try:
        moment = dt.datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
            min(int(second or 0), 59), tzinfo=_zone(zone),
        )  # fmt: skip
    except (ValueError, OverflowError):
        return None
    nanos = int((fraction or "").ljust(9, "0") or 0)
    return round(moment.timestamp()) * 1_000_000_000 + nanos


def _from_millis(millis: float) -> int | None:
    try:
        return int(millis * 1_000_000)
    except (OverflowError, ValueError):
        return None


def _zone(text: str | None) -> dt.timezone:
    if text is None or text in "Zz":
        return dt.UTC
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "").ljust(4, "0")
    return dt.timezone(sign * dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))


def render_date(nanos: int) -> str:
    """RFC 3339 in UTC, with milliseconds, or with as many digits as it needs.

    >>> render_date(1_500_000_000)
    '1970-01-01T00:00:01.500Z'
    """
    seconds, rest = divmod(nanos, 1_000_000_000)
    try:
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    except OverflowError:
        return f"{nanos // 1_000_000} ms"  # beyond the years that a calendar here has
    fraction = f"{rest:09d}"
    fraction = fraction[:3] if fraction.endswith("000000") else fraction.rstrip("0").ljust(6, "0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def version_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """An order for version texts: numbers by size, a pre-release before its release."""
    release, dash, pre = text.partition("+")[0].partition("-")

    def parts(piece: str) -> list[tuple[int, int, str]]:
        return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in piece.split(".")]

    tail = [(-1, 0, ""), *parts(pre)] if dash else [(0, -1, "")]
    return (*parts(release), *tail)


def fold(text: str) -> str:
    """The one case folding: what "insensitive" means everywhere.

    Each character by itself: ``lower`` would write a sigma at the end of a word in another way.
    """
    return text.lower() if "Σ" not in text else "".join(c.lower() for c in text)
