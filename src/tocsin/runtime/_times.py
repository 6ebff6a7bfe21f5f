"""When an event happened, by one of its fields.

Most events say it as ``2026-11-13T08:15:30.250Z``, and many of them fall into one minute: what is
before the seconds is read once. Everything else is read as `field_types.date_of` reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from tocsin.events.fields import reader
from tocsin.events.record import Document
from tocsin.logic.field_types import Scalar, date_of

_SHORTEST = len("2026-11-13T08:15:30Z")
_LONGEST = len("2026-11-13T08:15:30.123456789Z")
_SCALE = tuple(10 ** (9 - digits) for digits in range(10))


def time_of(document: Document, field: str) -> int | None:
    """The first of a field's values that is a time, in nanoseconds since the epoch.

    One outside of 1677 to 2262 is none, as nanoseconds of it do not fit 64 bits (in Elasticsearch:
    ``date_nanos``).

    >>> time_of({"event": {"ingested": ["soon", "1970-01-01T00:00:01.5Z"]}}, "event.ingested")
    1500000000
    """
    return first_time(reader(field)(document))


def first_time(values: Iterable[Scalar]) -> int | None:
    """The same of values that were read."""
    for value in values:
        time = nanos_of(value)
        if time is not None and -(2**63) <= time < 2**63:
            return time
    return None


def nanos_of(value: Scalar) -> int | None:
    """What `date_of` says of a value."""
    if type(value) is not str or not _SHORTEST <= len(value) <= _LONGEST or value[-1] != "Z":
        return date_of(value)
    # The seconds and what follows the point as one number; 21 characters would be a point alone.
    digits = value[17:19] + value[20:-1]
    if value[17] > "5" or not digits.isascii() or not digits.isdigit():
        return date_of(value)
    if len(value) > _SHORTEST and (value[19] != "." or len(value) == _SHORTEST + 1):
        return date_of(value)
    minute = _minute(value[:17])
    return date_of(value) if minute is None else minute + int(digits) * _SCALE[len(digits) - 2]


@lru_cache(maxsize=4_096)
def _minute(text: str) -> int | None:
    """When a minute begins: ``2026-11-13T08:15:``."""
    return date_of(f"{text[:-1]}Z") if text[13] == text[16] == ":" else None
