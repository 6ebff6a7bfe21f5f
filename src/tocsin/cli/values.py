"""What options are given as: moments and durations as people write them.

>>> duration("36h"), moment("2026-11-14", now=0) < moment("2026-11-14T00:00:01Z", now=0)
(datetime.timedelta(days=1, seconds=43200), True)
"""

from __future__ import annotations

import datetime as dt
import re

from tocsin.errors import UsageError
from tocsin.logic.field_types import date_of

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LONGEST = 365_250 * 86_400
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w)\Z")
_MOMENT = re.compile(r"\d{4}-\d{2}(-\d{2})?([T ].*)?\Z")


def duration(text: str) -> dt.timedelta:
    """A duration such as ``90s``, ``30m``, ``12h``, ``7d``, ``2w``.

    Raises:
        UsageError: the text is none.
    """
    found = _DURATION.match(text.strip())
    if found is None:
        message = f"{text!r} is no duration: write a number and s, m, h, d or w, as in 12h"
        raise UsageError(message)
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > _LONGEST:
        message = f"{text!r} is too long: a duration is 1000 years at the most"
        raise UsageError(message)
    return dt.timedelta(seconds=seconds)


def moment(text: str, *, now: int) -> int:
    """A moment as nanoseconds since the epoch: a date, a time, or ``24h`` for "so long ago".

    Raises:
        UsageError: the text is none.
    """
    plain = text.strip()
    ago = plain.removeprefix("now").removeprefix("-")
    if plain == "now":
        return now
    if _DURATION.match(ago):
        return now - int(duration(ago).total_seconds() * 1_000_000_000)
    found = date_of(plain) if _MOMENT.match(plain) else None
    if found is None:
        message = f"{text!r} is no time: write 2026-11-14, 2026-11-14T09:30:00Z or 24h (ago)"
        raise UsageError(message)
    return found
