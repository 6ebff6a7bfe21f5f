r"""Many texts and patterns looked for in raw bytes at once, over lines that nobody has decoded.

Hyperscan where it can be had, RE2's sets otherwise: the same places, slower. A scan over a block of
lines says which atom (`logic.anchors`) stands in which line:

    b'{"a":"curl"}\n{"b":1}\n', atoms "curl", "b"   ->   masks {0: 0b01, 1: 0b10}

ASCII letters are equal in both cases. An atom that cannot be compiled, or one of more than can be
looked for at once, is left out, and `refused` says so: whoever asks takes it for present in every
line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.engine import compiled
from tocsin.logic.anchors import Pattern, Text

try:
    import hyperscan as _library
except ImportError:  # there is no wheel for this platform
    hyperscan: Any = None
else:
    hyperscan = _library

Atom = Text | Pattern
Masks = dict[int, int]
"""By atom: a bit for each line in which it stands."""

MOST_ATOMS = 50_000
"""So many are looked for (measured: 1.2 s and 170 MB to compile them for Hyperscan)."""

_ID_BITS = 20
_LARGEST_NUMBER = (1 << _ID_BITS) - 1
_LARGEST_SET = 2_000
_SET_MEMORY = 512 << 20
"""For all sets of RE2 together; one has at least a part of it."""

_LEAST_PART = 32
_MANY = 32

_MOST_PLACES = 64
_MANY_PLACES = 10_000
"""So many places a line, and so many in all, are noted; lines with more are full of atoms."""


class Lines:
    """A block of lines and where each begins.

    Args:
        block: whole lines; the last may lack its line feed.
        feeds: where its line feeds are, if that is known.

    Attributes:
        count: how many lines there are.
    """

    def __init__(self, block: bytes, feeds: npt.NDArray[np.int64] | None = None) -> None:
        self.block = block
        if feeds is None:
            feeds = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 10)
        if block and not block.endswith(b"\n"):
            feeds = np.append(feeds, len(block))
        self.feeds: npt.NDArray[np.int64] = feeds
        self.count = len(feeds)

    @cached_property
    def _bounds(self) -> tuple[list[int], list[int]]:
        ends = self.feeds.tolist()
        return [0, *(end + 1 for end in ends[:-1])] if ends else [], ends

    def line(self, number: int) -> bytes:
        """A line without its line feed."""
        starts, ends = self._bounds
        return self.block[starts[number] : ends[number]]

    def all(self) -> list[bytes]:
        """Every line."""
        starts, ends = self._bounds
        block = self.block
        return [block[start:end] for start, end in zip(starts, ends, strict=True)]

    def odd(self) -> int:
        """A mask of the lines that are no object on their face."""
        if not self.count:
            return 0
        data = np.frombuffer(self.block, dtype=np.uint8)
        starts = np.append(0, self.feeds[:-1] + 1)
        ends = np.maximum(self.feeds - 1, 0)
        last = data[ends]
        last = np.where(last == 13, data[np.maximum(ends - 1, 0)], last)
        odd = (data[np.minimum(starts, len(data) - 1)] != 123) | (last != 125)
        rows = np.flatnonzero(odd)
        return mask_of(rows, self.count) if len(rows) else 0


class ByteScan:
    """Atoms to be looked for.

    Args:
        atoms: an atom's place here is its number.
        numbers: others for them.
        with_hyperscan: False: as on a platform that has none.

    Attributes:
        refused: (number, why) of atoms that are not looked for.
    """

    def __init__(
        self,
        atoms: Sequence[Atom],
        numbers: Sequence[int] | None = None,
        *,
        with_hyperscan: bool = True,
    ) -> None:
        self.refused: list[tuple[int, str]] = []
        numbers = range(len(atoms)) if numbers is None else numbers
        pairs: list[tuple[int, Atom]] = []
        for number, atom in zip(numbers, atoms, strict=True):
            if len(pairs) < MOST_ATOMS and number <= _LARGEST_NUMBER:
                pairs.append((number, atom))
            else:
                self.refused.append((number, f"more than {MOST_ATOMS:,} texts"))
        self._engine: _Hyperscan | _Sets
        if with_hyperscan and has_hyperscan():
            self._engine = _Hyperscan(pairs, self.refused)
        else:
            self._engine = _Sets(pairs, self.refused)

    def masks(self, lines: Lines) -> Masks:
        """Which atoms stand in which lines."""
        return self._engine.masks(lines)


def has_hyperscan() -> bool:
    """Whether this platform has Hyperscan, and a processor that runs it."""
    return hyperscan is not None and compiled.hyperscan_build() is not None


def expression(atom: Atom) -> bytes:
    """The atom as a regular expression."""
    if isinstance(atom, Pattern):
        return atom.regex
    return b"".join(b"\\x%02x" % byte for byte in atom.text)


class _Hyperscan:
    def __init__(self, pairs: list[tuple[int, Atom]], refused: list[tuple[int, str]]) -> None:
        self._database: Any = None
        self._once: Any = None
        self._pairs = pairs
        if not pairs:
            return
        try:
            self._database = _loaded(pairs)
        except hyperscan.HyperscanError:
            reasons = {number: _why_not(atom) for number, atom in pairs}
            refused += [(number, reason) for number, reason in reasons.items() if reason]
            self._pairs = [pair for pair in pairs if not reasons[pair[0]]]
            self._database = _loaded(self._pairs) if self._pairs else None

    def masks(self, lines: Lines) -> Masks:
        found: list[int] = []
        if self._database is None or not lines.count:
            return {}
        append, most = found.append, _MOST_PLACES * lines.count + _MANY_PLACES

        def note(number: int, _begin: int, end: int, _flags: int, _context: object) -> bool:
            append(end << _ID_BITS | number)
            return len(found) > most

        try:
            self._database.scan(lines.block, note)
        except hyperscan.ScanTerminated:
            return self._line_by_line(lines)
        return _masks(found, lines)

    def _line_by_line(self, lines: Lines) -> Masks:
        """The same for lines that are full of atoms: each is told once a line."""
        if self._once is None:
            self._once = _loaded(self._pairs, once=True)
        found: list[int] = []
        append = found.append
        for row, line in enumerate(lines.all()):
            end = (int(lines.feeds[row])) << _ID_BITS

            def note(number: int, *_: object, end: int = end) -> None:
                append(end | number)

            self._once.scan(line, note)
        return _masks(found, lines)


def _loaded(pairs: list[tuple[int, Atom]], *, once: bool = False) -> Any:
    """A compiled database, from the disk where it was compiled before."""
    expressions = [expression(atom) for _, atom in pairs]
    numbers = [number for number, _ in pairs]
    flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_MULTILINE
    flags |= hyperscan.HS_FLAG_SINGLEMATCH if once else 0

    def build() -> bytes:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(expressions=expressions, ids=numbers, elements=len(pairs), flags=flags)
        data: bytes = hyperscan.dumpb(database)
        return data

    key = repr((hyperscan.__version__, flags, numbers, expressions)).encode()
    database = _opened(compiled.found("byte-scan", key))
    if database is None:
        data = build()
        compiled.keep("byte-scan", key, data)
        database = hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database


def _opened(data: bytes | None) -> Any:
    """A database that was kept; None where there is none, or where it is none of this library."""
    try:
        return None if data is None else hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
    except hyperscan.HyperscanError:
        return None


def _why_not(atom: Atom) -> str:
    """Why an atom alone cannot be compiled; empty where it can."""
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
            expressions=[expression(atom)], ids=[0], elements=1, flags=hyperscan.HS_FLAG_MULTILINE
        )
    except hyperscan.HyperscanError as error:
        return str(error) or "it is too large"
    return ""


def _masks(found: list[int], lines: Lines) -> Masks:
    if not found:
        return {}
    places = np.array(found, dtype=np.int64)
    numbers = places & _LARGEST_NUMBER
    rows = np.searchsorted(lines.feeds, (places >> _ID_BITS) - 1)
    keys = numbers * lines.count + rows
    keys.sort()
    numbers, rows = np.divmod(keys, lines.count)
    firsts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1]))
    starts = firsts.tolist()
    result: Masks = {}
    row_list = rows.tolist()
    ends = [*starts[1:], len(row_list)]
    for number, start, end in zip(numbers[firsts].tolist(), starts, ends, strict=True):
        mask = 1 << row_list[start]
        if end - start < _MANY:
            for row in row_list[start + 1 : end]:
                mask |= 1 << row
        else:
            mask = mask_of(rows[start:end], lines.count)
        result[number] = mask
    return result


def mask_of(rows: npt.NDArray[np.int64], count: int) -> int:
    """A bit for each of the rows."""
    bits = np.zeros(count, dtype=np.uint8)
    bits[rows] = 1
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def rows_of(mask: int) -> list[int]:
    """The places of the bits of a mask, ascending."""
    if not mask:
        return []
    if mask.bit_count() < _MANY:
        found = []
        while mask:
            low = mask & -mask
            found.append(low.bit_length() - 1)
            mask ^= low
        return found
    data = np.frombuffer(mask.to_bytes((mask.bit_length() + 7) // 8, "little"), dtype=np.uint8)
    places: list[int] = np.flatnonzero(np.unpackbits(data, bitorder="little")).tolist()
    return places


class _Sets:
    """RE2's sets: which patterns a line has, all at once; without Hyperscan."""

    def __init__(self, pairs: list[tuple[int, Atom]], refused: list[tuple[int, str]]) -> None:
        import re2

        self._sets: list[tuple[Any, list[int], int]] = []
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.case_sensitive = False
        options.log_errors = False
        starts = range(0, len(pairs), _LARGEST_SET)
        options.max_mem = _SET_MEMORY // min(max(len(starts), 1), _LEAST_PART)
        for start in starts:
            automaton = re2.Set.SearchSet(options)
            numbers = []
            for number, atom in pairs[start : start + _LARGEST_SET]:
                try:
                    automaton.Add(expression(atom))
                except re2.error as error:
                    refused.append((number, str(error)))
                else:
                    numbers.append(number)
            # A set that runs out of memory reports no match at all; this one always matches.
            canary = automaton.Add(b"")
            automaton.Compile()
            self._sets.append((automaton, numbers, canary))

    def _present(self, line: bytes) -> set[int]:
        found: set[int] = set()
        for automaton, numbers, canary in self._sets:
            places = automaton.Match(line)
            if canary in places:
                found.update(numbers[place] for place in places if place != canary)
            else:
                found.update(numbers)  # it may be any of them
        return found

    def masks(self, lines: Lines) -> Masks:
        result: Masks = {}
        for row, line in enumerate(lines.all()):
            for number in self._present(line):
                result[number] = result.get(number, 0) | 1 << row
        return result
