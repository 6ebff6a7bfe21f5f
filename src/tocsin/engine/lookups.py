"""Ranges, networks and phrases, many of them asked of a value at once: the bits of those that fit.

Ranges cut the line of their bounds into steps, on each of which the same ones hold, so that a value
is looked up by bisection; networks are ranges of addresses. Phrases are looked up by their first
word:

    >= 5 (bit 0), < 9 (bit 1)    bounds 5 9, steps ..5 5 5..9 9 9..    10 11 11 01 01
    "evil script", "evil plan"   {"evil": [("evil", "script"), ("evil", "plan")]}

`matchers` defines what is right.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key, partial
from typing import Any, NamedTuple

from tocsin.logic.field_types import FieldType, Scalar
from tocsin.logic.matchers import (
    InNetwork,
    Network,
    Range,
    Words,
    compare,
    matched_pattern,
    network_of,
    tokens,
)
from tocsin.logic.patterns import glob_matches

_WORDS_OF_ASCII = re.compile(r"\w+", re.ASCII)


class Bounds(NamedTuple):
    """A range of keys that have an order; None is open. No bit stands at two ranges that meet."""

    low: Any
    high: Any
    low_included: bool
    high_included: bool
    mask: int


class Steps:
    """Ranges of keys.

    Args:
        ranges: the ranges.
    """

    def __init__(self, ranges: Iterable[Bounds]) -> None:
        ranges = list(ranges)
        bounds = sorted(b for r in ranges for b in (r.low, r.high) if b is not None)
        keys = [bound for n, bound in enumerate(bounds) if not n or bounds[n - 1] != bound]
        # Of the steps, 2i is what lies before key i, 2i + 1 the key itself.
        changes: dict[int, int] = defaultdict(int)
        for low, high, low_included, high_included, mask in ranges:
            first, last = 0, 2 * len(keys)
            if low is not None:
                first = 2 * bisect_left(keys, low) + (1 if low_included else 2)
            if high is not None:
                last = 2 * bisect_left(keys, high) + (1 if high_included else 0)
            if first <= last:
                changes[first] ^= mask
                changes[last + 1] ^= mask
        self._keys = keys
        self._masks: list[int] = []
        mask = 0
        for step in range(2 * len(keys) + 1):
            mask ^= changes[step]
            self._masks.append(mask)

    def at(self, key: Any) -> int:
        """The bits of the ranges that hold the key."""
        keys = self._keys
        place = bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            return self._masks[2 * place + 1]
        return self._masks[2 * place]


class Ranges:
    """The ranges of one type.

    Args:
        kind: how values are read.
        ranges: each with its bit.
    """

    def __init__(self, kind: FieldType, ranges: Iterable[tuple[Range, int]]) -> None:
        self._kind = kind
        self._ranges = list(ranges)
        self._always = 0
        self._odd: list[tuple[Range, int]] = []
        self._key: Callable[[Any], Any] = _same
        if kind in {"ip", "version"}:
            self._key = cmp_to_key(partial(_compared, kind))
        numbers: list[Bounds] = []
        texts: list[Bounds] = []
        for matcher, mask in self._ranges:
            bounds = [b for b in (matcher.low, matcher.high) if b is not None]
            if not bounds:
                self._always |= mask  # it asks nothing
            elif any(map(_is_nan, bounds)):
                self._odd.append((matcher, mask))
            # A bound without an order (a boolean, no address at all) is met by nothing.
            elif all(_is_number(bound) for bound in bounds):
                numbers.append(_bounds(matcher, mask, _same))
            elif all(isinstance(b, str) and _is_ordered(kind, b) for b in bounds):
                texts.append(_bounds(matcher, mask, self._key))
        self._numbers = Steps(numbers) if numbers else None
        self._texts = Steps(texts) if texts else None

    def of_text(self, text: str) -> int:
        """The bits of the ranges that a text is in."""
        if self._texts is None:
            return self._always
        try:
            return self._always | self._texts.at(self._key(text))
        except (TypeError, ValueError):  # no version, no address
            return self._always

    def of_other(self, value: Scalar) -> int:
        """The bits of the ranges that a number or boolean is in."""
        if isinstance(value, bool):
            return self._always
        if _is_nan(value):
            return self._singly(self._ranges, value)
        mask = self._always if self._numbers is None else self._always | self._numbers.at(value)
        return mask | self._singly(self._odd, value) if self._odd else mask

    def _singly(self, ranges: Iterable[tuple[Range, int]], value: Scalar) -> int:
        """What has no place in an order."""
        mask = 0
        for matcher, bits in ranges:
            if matched_pattern(matcher, self._kind, value) is not None:
                mask |= bits
        return mask


def _same(value: Any) -> Any:
    return value


def _compared(kind: FieldType, left: str, right: str) -> int:
    order = compare(kind, left, right)
    if order is None:
        raise ValueError
    return order


def _is_nan(value: Scalar) -> bool:
    return isinstance(value, float) and value != value


def _is_number(value: Scalar) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_ordered(kind: FieldType, bound: str) -> bool:
    try:
        return compare(kind, bound, bound) == 0
    except ValueError:
        return False


def _bounds(matcher: Range, mask: int, key: Callable[[Any], Any]) -> Bounds:
    low = None if matcher.low is None else key(matcher.low)
    high = None if matcher.high is None else key(matcher.high)
    return Bounds(low, high, matcher.low_included, matcher.high_included, mask)


# --- networks ---------------------------------------------------------------------------------


class Networks:
    """Blocks of addresses.

    Args:
        matchers: each with its bit.
    """

    def __init__(self, matchers: Iterable[tuple[InNetwork, int]]) -> None:
        ranges: dict[int, list[Bounds]] = {4: [], 6: []}
        starts: dict[int, dict[int, int]] = {4: defaultdict(int), 6: defaultdict(int)}
        for matcher, mask in matchers:
            networks = [n for n in map(network_of, matcher.blocks) if n is not None]
            for version in (4, 6):
                found = [network for network in networks if network.version == version]
                for network in _collapsed(found):
                    first, last = _ends(network)
                    ranges[version].append(Bounds(first, last, True, True, mask))
                if matcher.symmetric:
                    for network in found:
                        starts[version][_ends(network)[0]] |= mask
        self._steps = {version: Steps(found) for version, found in ranges.items()}
        self._starts = {version: sorted(found.items()) for version, found in starts.items()}

    def of_text(self, text: str) -> int:
        """The bits of the networks that an address, or a block's first address, is in."""
        first = last = plain_address(text)
        version = 4
        if first is None or last is None:
            network = network_of(text)
            if network is None:
                return 0
            version = network.version
            first, last = _ends(network)
        mask = self._steps[version].at(first)
        starts = self._starts[version]
        if first < last and starts:  # the value is a block that may hold others
            begin = bisect_left(starts, (first, 0))
            for _, bits in starts[begin : bisect_right(starts, last, key=_start)]:
                mask |= bits
        return mask


def plain_address(text: str) -> int | None:
    """The number of an IPv4 address in its usual form; None where the text is anything else.

    >>> plain_address("10.0.0.1"), plain_address("10.0.0.01"), plain_address("::1")
    (167772161, None, None)
    """
    try:
        packed = socket.inet_pton(socket.AF_INET, text)
        return int.from_bytes(packed) if socket.inet_ntoa(packed) == text else None
    except (OSError, ValueError):
        return None


def _start(item: tuple[int, int]) -> int:
    return item[0]


def _ends(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def _collapsed(networks: Sequence[Network]) -> Iterable[Network]:
    """The same addresses in blocks that do not meet."""
    found: Iterable[Network] = ipaddress.collapse_addresses(networks)  # type: ignore[type-var]
    return found


# --- words ------------------------------------------------------------------------------------


class Phrases:
    """What is asked of analysed text.

    Args:
        matchers: each with its bit.
    """

    def __init__(self, matchers: Iterable[tuple[Words, int]]) -> None:
        self._words: dict[str, int] = defaultdict(int)
        self._phrases: dict[str, list[tuple[list[str], int]]] = defaultdict(list)
        self._globs: list[tuple[tuple[str, ...], int]] = []
        for matcher, mask in matchers:
            words = matcher.words
            if matcher.how == "wildcard":
                self._globs.append((words, mask))
            elif matcher.how == "any":
                for word in words:
                    self._words[word] |= mask
            elif len(words) == 1:
                self._words[words[0]] |= mask
            elif words:
                self._phrases[words[0]].append((list(words), mask))

    def of_text(self, text: str) -> int:
        """The bits of what is found in a text."""
        found = _WORDS_OF_ASCII.findall(text.lower()) if text.isascii() else tokens(text)
        distinct = set(found)
        mask = 0
        for word in distinct & self._words.keys():
            mask |= self._words[word]
        if self._phrases.keys() & distinct:
            mask |= self._phrases_in(found)
        for globs, bits in self._globs:
            if all(any(glob_matches(glob, word) for word in distinct) for glob in globs):
                mask |= bits
        return mask

    def _phrases_in(self, found: list[str]) -> int:
        mask = 0
        begun = self._phrases
        for place, word in enumerate(found):
            if word in begun:
                for words, bits in begun[word]:
                    if mask & bits != bits and found[place : place + len(words)] == words:
                        mask |= bits
        return mask
