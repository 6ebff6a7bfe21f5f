"""Reading one value of a sensor's JSON, whatever stands there: None for what cannot be used.

>>> instant("2026-11-14T13:00:00.5+0100") == instant(1794657600.5) == instant("1794657600.500000")
True
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Any, Final

from tocsin.logic.field_types import date_of, render_date

_LONG: Final = 1 << 63
_SECOND: Final = 10**9
_LATEST: Final = 253_402_300_800  # the first second of the year 10000
_MILLIS_FROM: Final = 100_000_000_000
_LONGEST_NUMBER: Final = 40
_LONGEST_ADDRESS: Final = 60
_EPOCH = re.compile(r"(-?\d{1,15})(?:\.(\d{0,18}))?\Z", re.ASCII)


def texts_of(value: Any) -> list[str]:
    """The texts of a list, or the one text that stands there alone."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str) and item]
    return [value] if isinstance(value, str) and value else []


def number_of(value: Any) -> int | None:
    """A whole number of 64 bits, from a number or from its text."""
    if isinstance(value, str):
        if len(value) > _LONGEST_NUMBER or not value.removeprefix("-").isdecimal():
            return None
        value = int(value)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -_LONG <= value < _LONG else None


def port_of(value: Any) -> int | None:
    """A port's number."""
    number = number_of(value)
    return number if number is not None and 0 <= number < 65_536 else None


def flag_of(value: Any) -> bool | None:
    """A truth value, as JSON, Zeek's tables and tshark write it."""
    if isinstance(value, bool):
        return value
    return _FLAGS.get(value) if isinstance(value, str) else None


_FLAGS: Final = {"1": True, "T": True, "true": True, "True": True, "0": False, "F": False,
                 "false": False, "False": False}  # fmt: skip


def address_of(value: Any) -> str | None:
    """An address in its shortest text, IPv4 in place of an IPv4-mapped one."""
    if isinstance(value, str) and 1 < len(value) <= _LONGEST_ADDRESS:
        return _address(value)
    return None


@lru_cache(maxsize=16_384)
def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def instant(value: Any) -> int | None:
    """Nanoseconds since the epoch, from seconds or milliseconds since then, or from ISO 8601 text.

    All digits are kept; what has no zone is in UTC.
    """
    value = _written(value)
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return None
    found = _EPOCH.match(value)
    if found is None:
        nanos = date_of(value) if value[4:5] == "-" else None
    else:
        nanos = int(found[1]) * _SECOND + int((found[2] or "").ljust(9, "0")[:9])
        if abs(int(found[1])) >= _MILLIS_FROM:
            nanos //= 1_000
    return nanos if nanos is not None and 0 < nanos < _LATEST * _SECOND else None


def time_text(value: Any) -> str | None:
    """The same as RFC 3339 text in UTC."""
    nanos = instant(value)
    return None if nanos is None else render_date(nanos)


def duration_of(value: Any) -> int | None:
    """Nanoseconds, from seconds as a number or as text."""
    value = _written(value)
    found = _EPOCH.match(value) if isinstance(value, str) else None
    if found is None or len(found[1]) > 9 or found[1].startswith("-"):
        return None
    return int(found[1]) * _SECOND + int((found[2] or "").ljust(9, "0")[:9])


def _written(value: Any) -> Any:
    """A number as it was written in decimal; everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if isinstance(value, int) and abs(value) >= _LONG:
        return None
    text = repr(value)
    return f"{value:.9f}" if "e-" in text else text
