r"""What a line of JSON needs for a field to have a certain number, or a certain boolean.

A number has many spellings (``80``, ``8e1``, ``80.0``), and in a field of numbers a text is one too
(``"080"``). Digits alone are one way; whatever is written in another manner is let through:

    destination.port == 80   ->   port"\s*:\s*(?:80[^0-9.e]|[0-9]+[.e]|"0*80"|"[0-9]*[^0-9"])
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tocsin.logic._anchor_formulas import ANYTHING, NOTHING, Anchor
from tocsin.logic._json_places import value_anchor
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import Range

_LARGEST = 10**18

_BOOLEAN = {True: (b"true", b'"true"'), False: (b"false", b'"false"', b'""')}


def boolean_anchor(field: str, values: Sequence[Scalar]) -> Anchor:
    """One of the booleans, in a field that reads them from texts too."""
    targets = [target for value in values if isinstance(value, bool) for target in _BOOLEAN[value]]
    return value_anchor(field, targets) if targets else NOTHING


def numbers_anchor(field: str, values: Sequence[Scalar], *, in_texts: bool) -> Anchor:
    """One of the numbers; constants that are no numbers are equal to none.

    Args:
        field: dotted path.
        values: the constants.
        in_texts: whether a text is read as the number that it spells.
    """
    numbers = [number for value in values if (number := _number(value)) is not None]
    if not numbers:
        return NOTHING
    if max(map(abs, numbers)) > _LARGEST:
        return ANYTHING
    digits = [b"%d" % int(number) for number in numbers if number >= 0 and number == int(number)]
    return _anchor(field, digits, may_be_negative=min(numbers) <= 0, in_texts=in_texts)


def range_anchor(field: str, matcher: Range, *, in_texts: bool) -> Anchor:
    """A number between two bounds; if these are no numbers, nothing is said."""
    if matcher.low is None and matcher.high is None:
        return ANYTHING  # a text fits as well
    for bound in (matcher.low, matcher.high):
        number = None if bound is None else _number(bound)
        if bound is not None and (number is None or abs(number) > _LARGEST):
            return ANYTHING
    low = None if matcher.low is None else _number(matcher.low)
    high = None if matcher.high is None else _number(matcher.high)
    least = 0 if low is None or low < 0 else math.ceil(low)
    digits = digits_between(least, None if high is None else math.floor(high))
    is_low = low is None or low <= 0
    return _anchor(field, digits, may_be_negative=is_low, in_texts=in_texts)


def _number(value: Scalar) -> int | float | None:
    if isinstance(value, (str, bool)):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _anchor(
    field: str, digits: Sequence[bytes], *, may_be_negative: bool, in_texts: bool
) -> Anchor:
    """A number of plain digits, or one that is written in a manner of which no more is said.

    ``may_be_negative`` is true of 0 as well, which may be written ``-0``.
    """
    either = b"|".join(digits)
    targets = [rb"[0-9]+[.e]"]
    if may_be_negative:
        targets.append(b"-")
    if digits:
        targets.append(rb"(?:%b)[^0-9.e\n]" % either)
    if in_texts:
        targets.append(rb'"[0-9]*[^0-9"\n]')
    if digits and in_texts:
        targets.append(rb'"0*(?:%b)"' % either)
    return value_anchor(field, targets, size=len(digits))


def digits_between(low: int, high: int | None) -> list[bytes]:
    """Regular expressions for the whole numbers between two bounds, without leading zeros.

    >>> digits_between(80, 1023)
    [b'[8-9][0-9]', b'[1-9][0-9]{2}', b'100[0-9]', b'101[0-9]', b'102[0-3]']
    """
    size = len(str(low))
    if high is None:
        return [*_same_size(str(low), "9" * size), b"[1-9][0-9]{%d,}" % size]
    found: list[bytes] = []
    for count in range(size, len(str(max(high, 0))) + 1):
        least = max(low, 10 ** (count - 1) if count > 1 else 0)
        most = min(high, 10**count - 1)
        if least <= most:
            found += _same_size(str(least), str(most))
    return found


def _same_size(low: str, high: str) -> list[bytes]:
    """The same for bounds with as many digits, of which the first ones may be zeros."""
    if not low:
        return [b""]
    rest = len(low) - 1
    first, last = int(low[0]), int(high[0])
    if low[1:] == "0" * rest and high[1:] == "9" * rest:
        return [_free(first, last, rest)]
    if first == last:
        return [b"%d" % first + tail for tail in _same_size(low[1:], high[1:])]
    found = [b"%d" % first + tail for tail in _same_size(low[1:], "9" * rest)]
    if last - first > 1:
        found.append(_free(first + 1, last - 1, rest))
    return found + [b"%d" % last + tail for tail in _same_size("0" * rest, high[1:])]


def _free(first: int, last: int, rest: int) -> bytes:
    """A digit between two, and so many of which nothing is asked."""
    digit = b"%d" % first if first == last else b"[%d-%d]" % (first, last)
    return digit + (b"[0-9]{%d}" % rest if rest > 1 else b"[0-9]" * rest)
