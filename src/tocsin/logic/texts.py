r"""The functions of `functions.FUNCTIONS` that work on texts.

Positions and lengths are in UTF-16 units, as in Java, in which the languages were defined.

>>> between("C:\\Windows\\notepad.exe", "\\", ".", fold_case=False)
'Windows\\notepad'
>>> length("naïve"), length("🔔"), substring("tocsin", -3, None)
(5, 2, 'sin')

Semantics: https://www.elastic.co/docs/reference/query-languages/eql/eql-function-ref
"""

from __future__ import annotations

import re
from decimal import Decimal

from tocsin.logic.field_types import Scalar, fold, number_of, text_of
from tocsin.logic.value import Result

_NUMBER = re.compile(r"([+-]?)(0[xX])?([0-9A-Za-z.]+(?:[eE][+-]?[0-9]+)?)")
_LONGEST_NUMBER = 400
_LONG = 1 << 63
_DECIMAL = 10
_HEXADECIMAL = 16
_BASES = range(2, 37)
_PLAIN = (1e-3, 1e7)


def _units(text: str) -> str:
    """The text with each character beyond the first 65,536 as its two UTF-16 units."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(data[i] | data[i + 1] << 8) for i in range(0, len(data), 2))


def _from_units(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _folded_units(text: str, *, fold_case: bool) -> str:
    """The units in which a text is searched: folding moves none of them."""
    units = _units(text)
    if not fold_case:
        return units
    folded = fold(units)
    if len(folded) == len(units):
        return folded
    return "".join(fold(c) if len(fold(c)) == 1 else c for c in units)


def between(
    text: Scalar, left: Scalar, right: Scalar, greedy: Scalar = False, *, fold_case: bool
) -> Result:
    """What stands between the first ``left`` and the next ``right``; empty where one is absent.

    With ``greedy`` up to the last ``right``.
    """
    if not (isinstance(text, str) and isinstance(left, str) and isinstance(right, str)):
        return None
    units = _folded_units(text, fold_case=fold_case)
    before = _folded_units(left, fold_case=fold_case)
    behind = _folded_units(right, fold_case=fold_case)
    at = units.find(before)
    if at < 0:
        return ""
    start = at + len(before)
    end = units.rfind(behind, start) if greedy is True else units.find(behind, start)
    return _from_units(_units(text)[start:end]) if end >= 0 else ""


def concat(*values: Scalar) -> Result:
    """The texts of all values, one behind the other."""
    return "".join(string(value) for value in values)


def contains(text: Scalar, part: Scalar, *, fold_case: bool) -> Result:
    """Whether the part is in the text; an empty one is in none."""
    if not (isinstance(text, str) and isinstance(part, str)):
        return None
    if fold_case:
        text, part = fold(text), fold(part)
    return part != "" and part in text


def ends_with(text: Scalar, part: Scalar, *, fold_case: bool) -> Result:
    """Whether the text ends in the part; in an empty one it always does."""
    if not (isinstance(text, str) and isinstance(part, str)):
        return None
    return fold(text).endswith(fold(part)) if fold_case else text.endswith(part)


def starts_with(text: Scalar, part: Scalar, *, fold_case: bool) -> Result:
    """Whether the text begins with the part; with an empty one it always does."""
    if not (isinstance(text, str) and isinstance(part, str)):
        return None
    return fold(text).startswith(fold(part)) if fold_case else text.startswith(part)


def index_of(text: Result, part: Result, start: Result = None, *, fold_case: bool) -> Result:
    """Where the part stands for the first time at or behind ``start``, from 0, or null."""
    if not (isinstance(text, str) and isinstance(part, str)):
        return None
    begin = 0 if start is None else start
    if not isinstance(begin, int) or isinstance(begin, bool):
        return None
    begin = max(begin, 0)
    if not part:
        return begin
    units = _folded_units(text, fold_case=fold_case)
    at = units.find(_folded_units(part, fold_case=fold_case), begin)
    return at if at >= 0 else None


def length(text: Scalar) -> Result:
    """How many UTF-16 units the text has."""
    return len(_units(text)) if isinstance(text, str) else None


def length_bytes(text: Scalar) -> Result:
    """How many bytes the text has in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else None


def substring(text: Result, start: Result, end: Result = None) -> Result:
    """The text from ``start`` up to ``end``; negative ones count from the end of the text."""
    if not isinstance(text, str):
        return None
    if not (start is None or isinstance(start, int)) or isinstance(start, bool):
        return None
    if not (end is None or isinstance(end, int)) or isinstance(end, bool):
        return None
    return _from_units(_units(text)[start:end])


def number(text: Result, base: Result = None) -> Result:
    """The number that a text holds; ``0x`` says by itself that it is of base 16."""
    if not isinstance(text, str) or len(text) > _LONGEST_NUMBER:
        return None
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    sign, hexadecimal, digits = found.groups()
    if base is None:
        base = _HEXADECIMAL if hexadecimal else _DECIMAL
    if not isinstance(base, int) or base not in _BASES:
        return None
    if hexadecimal and base != _HEXADECIMAL:
        return None
    if base == _DECIMAL:
        result = number_of(sign + digits)
    else:
        try:
            result = int(sign + digits, base)
        except ValueError:
            return None
    if isinstance(result, int) and not -_LONG <= result < _LONG:
        try:
            return float(result)
        except OverflowError:
            return None
    return result


def string(value: Scalar) -> str:
    """The text of a value; fractions as Java writes them: ``1.0E7``."""
    if not isinstance(value, float) or value == 0 or _PLAIN[0] <= abs(value) < _PLAIN[1]:
        return text_of(value)
    exact = Decimal(repr(value)).normalize()
    digits = "".join(map(str, exact.as_tuple().digits))
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exact.adjusted()}"
