"""How large a record of an event log becomes: a bound, before anything is expanded.

A record is binary XML. Most of it is a template with places for values; a template may use one
value in many places, and a value may be a template with values again. A kilobyte can so be made to
expand to terabytes. Windows never writes such records; `Sizes` finds them.

The walk follows the format's tokens: names and templates stand at offsets in the chunk, and where
one stands for the first time it is written in line.

Format: https://github.com/libyal/libevtx/blob/main/documentation/
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")
_VALUE: Final = struct.Struct("<HBB")
_DEEPEST: Final = 16
_MOST_TOKENS: Final = 250_000
_BINARY_XML: Final = 0x21
_GROWTH: Final = 8  # characters that a byte of a value becomes at most: \u0001, 0x…, S-1-…
_PER_TOKEN: Final = 24
_FIXED: Final = {
    0x00: 0, 0x03: 1, 0x04: 1, 0x05: 2, 0x06: 2, 0x07: 4, 0x08: 4, 0x09: 8, 0x0A: 8, 0x0B: 4,
    0x0C: 8, 0x0D: 4, 0x0F: 16, 0x11: 8, 0x12: 16, 0x14: 4, 0x15: 8,
}  # fmt: skip


class Unfollowable(Exception):  # noqa: N818  (it is caught here and by `_evtx_chunk` alone)
    """The binary XML breaks the format's rules, or its bounds."""


class _Part(msgspec.Struct):
    """A run of tokens.

    Attributes:
        size: of what it says itself, in characters.
        uses: how often it has a place for each value.
        end: where it ends in the chunk.
    """

    size: int
    uses: dict[int, int]
    end: int


class Sizes:
    """The sizes of one chunk's records.

    Args:
        chunk: all its bytes.
    """

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk
        self._templates: dict[int, _Part] = {}
        self._tokens = 0

    def of_record(self, start: int, end: int) -> int:
        """An upper bound of what the binary XML between two offsets becomes, in characters.

        Raises:
            Unfollowable: it breaks the rules of the format.
        """
        try:
            return self._part(start, end, depth=0, in_template=False).size
        except (struct.error, IndexError) as error:
            raise Unfollowable("its XML points outside of the chunk") from error

    def _part(self, at: int, end: int, depth: int, *, in_template: bool) -> _Part:
        """The tokens from an offset on, up to the token that ends them."""
        if depth > _DEEPEST:
            raise Unfollowable(f"its XML is nested deeper than {_DEEPEST} templates")
        chunk, found = self._chunk, _Part(0, {}, end)
        while at < end:
            self._tokens += 1
            if self._tokens > _MOST_TOKENS:
                raise Unfollowable("the chunk's XML has too many parts")
            found.size += _PER_TOKEN
            token, at = chunk[at], at + 1
            match token & 0xBF:
                case 0x00:
                    found.end = at
                    return found
                case 0x01:
                    at = self._name(at + (6 if in_template else 4), found) + (token >> 6 & 1) * 4
                case 0x02 | 0x03 | 0x04:
                    pass
                case 0x05:
                    at = self._inline(at, found)
                case 0x06 | 0x09 | 0x0A:
                    at = self._name(at, found)
                case 0x07 | 0x0B:
                    length = _U16.unpack_from(chunk, at)[0]
                    found.size += length * _GROWTH
                    at += 2 + 2 * length
                case 0x08:
                    at += 2
                case 0x0C if not in_template:
                    at = self._instance(at, end, depth, found)
                case 0x0D | 0x0E if in_template:
                    number = _U16.unpack_from(chunk, at)[0]
                    found.uses[number] = found.uses.get(number, 0) + 1
                    at += 3
                case 0x0F:
                    at += 3
                case _:
                    raise Unfollowable(f"its XML has an unknown part, 0x{token:02x}")
        return found

    def _name(self, at: int, found: _Part) -> int:
        """A name's offset, and the name itself where it is written in line."""
        chunk = self._chunk
        place, at = _U32.unpack_from(chunk, at)[0], at + 4
        length = _U16.unpack_from(chunk, place + 6)[0]
        found.size += length * _GROWTH
        return int(at + 10 + 2 * length if place == at else at)

    def _inline(self, at: int, found: _Part) -> int:
        kind, at = self._chunk[at], at + 1
        if kind == 0x01:
            length = _U16.unpack_from(self._chunk, at)[0]
            found.size += length * _GROWTH
            return int(at + 2 + 2 * length)
        if kind not in _FIXED:
            raise Unfollowable(f"its XML has a value of an unknown type, 0x{kind:02x}")
        return at + _FIXED[kind]

    def _instance(self, at: int, end: int, depth: int, found: _Part) -> int:
        """A template with its values, which stand behind it."""
        chunk = self._chunk
        place, at = _U32.unpack_from(chunk, at + 5)[0], at + 9
        template = self._template(place, depth)
        if place == at:
            at += 24 + _U32.unpack_from(chunk, at + 20)[0]
        count, at = _U32.unpack_from(chunk, at)[0], at + 4
        body = at + 4 * count
        if body > end:
            raise Unfollowable("its XML has more values than fit")
        found.size += template.size
        for number in range(count):
            length, kind, _ = _VALUE.unpack_from(chunk, at + 4 * number)
            uses = template.uses.get(number, 0)
            if kind == _BINARY_XML and length:
                inner = self._part(body, body + length, depth + 1, in_template=False)
                found.size += inner.size * max(uses, 1)
            else:
                found.size += (length * _GROWTH + _PER_TOKEN) * uses
            body += length
        if body > end:
            raise Unfollowable("its values are longer than it is")
        return int(body)

    def _template(self, place: int, depth: int) -> _Part:
        known = self._templates.get(place)
        if known is None:
            length = _U32.unpack_from(self._chunk, place + 20)[0]
            end = min(place + 24 + length, len(self._chunk))
            known = self._part(place + 24, end, depth + 1, in_template=True)
            self._templates[place] = known
        return known
