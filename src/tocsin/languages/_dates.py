"""What a date in a query covers, and date math: ``2026-01-31``, ``now-30d/d``, ``2026-01||+1M/d``.

>>> from tocsin.logic.field_types import render_date
>>> [render_date(bound) for bound in interval("2026-01-31", now=0) or ()]
['2026-01-31T00:00:00.000Z', '2026-01-31T23:59:59.999999999Z']

https://www.elastic.co/docs/reference/elasticsearch/rest-apis/common-options#date-math
"""

from __future__ import annotations

import calendar
import datetime as dt
import re

from tocsin.logic.field_types import date_of
from tocsin.premises import note

_STEP = re.compile(r"([+-])(\d{1,6})([yMwdhHms])|/([yMwdhHms])")
_WRITTEN = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?"
    r"(?P<time>[T ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?)?(?P<zone>Z|z|[+-]\d\d(?::?\d\d)?)?\Z"
)
_SECOND = 1_000_000_000
_SIZES = {"w": 604_800, "d": 86_400, "h": 3_600, "H": 3_600, "m": 60, "s": 1}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def interval(text: str, now: int) -> tuple[int, int] | None:
    """The first and the last nanosecond of what a text means; None where it is no date.

    Elasticsearch fills what is left out of a date with the first month and day, and with the last
    hour, minute and second of that day: ``2026-03`` covers the first of March. Its dates are
    whole milliseconds.
    """
    text = text.strip()
    found = _interval(text, now)
    if text.startswith("now"):
        note("date", text, repr(found))
    return found


def before(text: str, now: int) -> int | None:
    """How many milliseconds before now a text's first moment is; None where it is no date."""
    text = text.strip()
    found = _interval(text, now)
    result = None if found is None else now // 1_000_000 - found[0] // 1_000_000
    note("before", text, repr(result))
    return result


def _interval(text: str, now: int) -> tuple[int, int] | None:
    if text.startswith("now"):
        base, steps = now, text[3:]
        first, last = base, base
    else:
        written, _, steps = text.partition("||")
        covered = _covered(written)
        if covered is None:
            return None
        first, last = covered
    if steps:
        moved, rounded = _reckon(first, steps, up=False), _reckon(last, steps, up=True)
        if moved is None or rounded is None:
            return None
        first, last = moved, rounded
    return first // 1_000_000 * 1_000_000, last // 1_000_000 * 1_000_000 + 999_999


def _covered(text: str) -> tuple[int, int] | None:
    start = date_of(text)
    if start is None:
        return None
    found = _WRITTEN.match(text)
    if found is None:
        return start, start
    parts = (found["time"] or "").lstrip("T ").replace(":", "")
    size = {0: 86_400, 2: 3_600, 4: 60}.get(len(parts), 1)
    if "." in parts or "," in parts:
        return start, start
    return start, start + size * _SECOND - 1


def _reckon(nanos: int, steps: str, *, up: bool) -> int | None:
    at = 0
    while at < len(steps):
        found = _STEP.match(steps, at)
        if found is None:
            return None
        at = found.end()
        sign, count, unit, rounding = found.groups()
        try:
            if rounding:
                nanos = _rounded(nanos, rounding, up=up)
            else:
                nanos = _moved(nanos, int(count) * (1 if sign == "+" else -1), unit)
        except (ValueError, OverflowError):
            return None
    return nanos


def _moved(nanos: int, count: int, unit: str) -> int:
    if unit in _SIZES:
        return nanos + count * _SIZES[unit] * _SECOND
    moment, rest = _moment(nanos)
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise OverflowError
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return _nanos(moment.replace(year=year, month=month + 1, day=day)) + rest


def _rounded(nanos: int, unit: str, *, up: bool) -> int:
    """The first, or the last, nanosecond of the unit that the moment lies in."""
    moment, _ = _moment(nanos)
    if unit in "yMwd":
        moment = moment.replace(hour=0, minute=0, second=0)
        if unit == "w":
            moment -= dt.timedelta(days=moment.weekday())
        elif unit != "d":
            moment = moment.replace(day=1, month=1 if unit == "y" else moment.month)
        start = _nanos(moment)
    else:
        size = _SIZES[unit] * _SECOND
        start = nanos // size * size
    return _moved(start, 1, unit) - 1 if up else start


def _moment(nanos: int) -> tuple[dt.datetime, int]:
    seconds, rest = divmod(nanos, _SECOND)
    return _EPOCH + dt.timedelta(seconds=seconds), rest


def _nanos(moment: dt.datetime) -> int:
    return round((moment - _EPOCH).total_seconds()) * _SECOND
