"""Values that a leaf could be met by: guesses, the plainest first, for every kind of matcher.

A guess is a value as an event would have it (a date is a text, an address too) and has to be
checked: `fits` is the judge, by the reference's own reading of values.

>>> from tocsin.logic.matchers import Wildcard
>>> next(candidates(Leaf("process.name", Wildcard(("*.exe",)), "keyword")))
'x.exe'
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, assert_never

from tocsin.engine.reference import leaf_holds
from tocsin.engine.solve import regex_texts
from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import FieldType, Scalar, coerce, render_date
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
    network_of,
)
from tocsin.logic.path_globs import ANY_SEGMENTS
from tocsin.logic.patterns import ANY, glob_parts

FILLINGS: Final = (
    "x", "", "a1", "tmp", "Users\\x", "usr/x", "srv/q/x", "zz qq", "9", "-x-", "X", " x ", "q.w",
    "ProgramData\\q\\x", "k7", "opt/k7/x", "\\x\\", "/x/", "xxxxxxxxxxxx",
)  # fmt: skip
"""What a ``*`` may stand for; many, so that one of them is past a rule's exceptions."""

_CHARACTERS: Final = "Ca1"
_SEGMENTS: Final = ("x", "k7", "q.w", "X", "x1y2", "")
_TEXTS: Final = (
    "x", "k7", "other-9", "/opt/k7/x", "C:\\k7\\x.exe", "q w e", "X", "", "k7.example.org",
    "abcdefghijklmnopqrstuvwxyz",
)  # fmt: skip
_OTHERS: Final[dict[FieldType, tuple[Scalar, ...]]] = {
    "keyword": _TEXTS,
    "text": _TEXTS,
    "dynamic": (*_TEXTS, 7, 7.5, True, False, "203.0.113.9"),
    "long": (7, 1, 2, 0, 3, 11, 42, 500, 1_000, 4_096, 33_188, 50_007, 1_000_003, -1, -7),
    "double": (7.5, 1.5, 0.5, 0, 42.25, 1_000.5, -1.5, 7),
    "boolean": (True, False),
    "ip": ("203.0.113.9", "10.9.8.7", "192.168.77.7", "1.2.3.4", "2001:db8::9", "fd00::9"),
    "date": ("2026-01-05T11:00:00.000Z", "2001-02-03T04:05:06.000Z", "2040-01-01T00:00:00.000Z"),
    "version": ("7.7.7", "0.0.1", "99.0.0"),
}
_SECOND: Final = 1_000_000_000
_STEPS: Final = (0, 1, 2, 5, 9, 13, 77, 254, 257, 300, 4_097, 65_535, 70_001, 1 << 20, 1 << 23)


def fits(leaf: Leaf, values: Sequence[Scalar]) -> bool:
    """Whether a field with these values, as an event has them, satisfies the leaf."""
    read = [v for v in (coerce(leaf.type, raw) for raw in values) if v is not None]
    if not read and leaf.missing is not None:
        read = [leaf.missing]
    return leaf_holds(leaf, read)


def candidates(leaf: Leaf, fillings: Sequence[str] = FILLINGS) -> Iterator[Scalar]:
    """Values that probably fit the leaf's matcher.

    Args:
        leaf: the question; its field does not matter.
        fillings: what wildcards may stand for.
    """
    match leaf.matcher:
        case Exists():
            yield from others(leaf.type)
        case Equals(values):
            yield from (raw_of(leaf.type, value) for value in values)
        case Wildcard(globs):
            for filling in fillings:
                for glob in globs:
                    yield filled(glob, filling)
        case Regex(patterns):
            yield from _in_turn(regex_texts.texts(pattern) for pattern in patterns)
        case Range(low, high):
            yield from _between(leaf.type, low, high)
        case InNetwork(blocks, symmetric):
            yield from _in_turn(_addresses(block) for block in blocks)
            if symmetric:
                yield from blocks
        case Words(words, how, text):
            yield text
            for filling in fillings[:4] if how == "wildcard" else fillings[:1]:
                phrase = " ".join(filled(word, filling) for word in words)
                yield from (phrase, f"{phrase} x", f"x {phrase}", phrase.upper())
            yield from words
        case PathGlob(found):
            for segment in _SEGMENTS:
                for pattern in found:
                    yield from _paths(pattern, segment)
        case _:
            assert_never(leaf.matcher)


def others(kind: FieldType) -> tuple[Scalar, ...]:
    """Values that a field of this type might have, for no reason in particular."""
    return _OTHERS[kind]


def around(leaf: Leaf) -> Iterator[Scalar]:
    """Values that only just do not fit, among others that do."""
    match leaf.matcher:
        case Range(low, high):
            yield from _between(leaf.type, high, None)
            yield from _between(leaf.type, None, low)
        case InNetwork(blocks):
            for block in blocks:
                network = network_of(block)
                if network is not None:
                    number = int(network.network_address)
                    yield from _valid(network.version, (number - 1, number + network.num_addresses))
        case Equals(values):
            for value in values:
                if isinstance(value, bool):
                    yield not value
                elif isinstance(value, str):
                    yield f"{value}x"
                    yield value[:-1]
                else:
                    yield from (raw_of(leaf.type, value + step) for step in (1, -1, _SECOND))
        case _:
            for found in itertools.islice(candidates(leaf), 3):
                if isinstance(found, str):
                    yield from (f"{found}~", f"~{found}", found[1:], found[:-1])


def filled(glob: str, filling: str) -> str:
    """A text that the glob matches, with the same filling for each of its stars."""
    pieces: list[str] = []
    for number, part in enumerate(glob_parts(glob)):
        if part is ANY:
            pieces.append(filling)
        elif isinstance(part, str):
            pieces.append(part)
        else:
            pieces.append(_CHARACTERS[min(number, 2)])
    return "".join(pieces)


def raw_of(kind: FieldType, value: Scalar) -> Scalar:
    """A constant of a rule as an event has it: dates are texts there."""
    if kind == "date" and isinstance(value, int) and not isinstance(value, bool):
        return render_date(value)
    return value


def _between(kind: FieldType, low: Scalar | None, high: Scalar | None) -> Iterator[Scalar]:
    """Values between two bounds, and at them."""
    bounds = [bound for bound in (low, high) if bound is not None]
    if not bounds:
        yield from others(kind)
        return
    if kind == "ip":
        yield from _addresses_near(bounds)
        return
    for bound in bounds:
        if isinstance(bound, str):
            yield bound
            yield from (f"{bound}.1", f"{bound}0", f"{bound}x", f"1{bound}", bound[:-1], "0", "~")
        elif not isinstance(bound, bool):
            unit = _SECOND if kind == "date" else 1
            for step in (0, unit, -unit, 60 * unit, -60 * unit, 86_400 * unit, -86_400 * unit):
                yield raw_of(kind, bound + step)
            if kind != "date":
                yield from (bound + 0.5, bound - 0.5, bound * 2, bound // 2)
    numbers = [b for b in bounds if isinstance(b, (int, float)) and not isinstance(b, bool)]
    if len(numbers) > 1:
        yield raw_of(kind, sum(numbers) // 2)
        yield raw_of(kind, sum(numbers) / 2 if kind != "date" else numbers[0])


def _addresses_near(bounds: Iterable[Scalar]) -> Iterator[str]:
    for bound in bounds:
        try:
            address = ipaddress.ip_address(str(bound))
        except ValueError:
            continue
        steps = (0, 1, -1, 256, -256)
        yield from _valid(address.version, (int(address) + step for step in steps))


def _addresses(block: str) -> Iterator[str]:
    """Addresses in a block: its first ones, and some all over it."""
    network = network_of(block)
    if network is None:
        return
    first, size = int(network.network_address), network.num_addresses
    known = [step for step in _STEPS if step < size]
    spread = [size * part // 17 + 1 for part in range(1, 17)] if size > len(_STEPS) else []
    ordered = [*known[1:], *spread, 0, size - 1]
    yield from _valid(network.version, (first + step for step in ordered if step < size))


def _valid(version: int, numbers: Iterable[int]) -> Iterator[str]:
    most = 1 << (32 if version == 4 else 128)
    make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    yield from (str(make(number)) for number in numbers if 0 <= number < most)


def _paths(pattern: str, segment: str) -> Iterator[str]:
    """Paths that a SECL pattern fits: its stars filled, its ``**`` as one segment, two and none."""
    if "*" not in pattern:
        yield pattern
        return
    parts = (f"/{pattern}" if pattern.startswith("*/") else pattern).split("/")
    for between in ((segment or "x",), (segment or "x", "y"), ()):
        found: list[str] = []
        for part in parts:
            if part == ANY_SEGMENTS:
                found.extend(between)
            else:
                found.append(part.replace("**", "*").replace("*", segment))
        yield "/".join(found)


def _in_turn(streams: Iterable[Iterator[str]]) -> Iterator[str]:
    """The first of each, then the second of each, and so on."""
    waiting = list(streams)
    while waiting:
        going: list[Iterator[str]] = []
        for stream in waiting:
            found = next(stream, None)
            if found is not None:
                yield found
                going.append(stream)
        waiting = going
