"""One scan a field: every leaf of a field and type, asked of a value at once.

What the leaves say of a value is one whole number, a bit for each leaf that fits. Equalities are
looked up in a dictionary, globs, regular expressions and path globs are one automaton
(`pattern_sets`), and ranges, networks and words are looked up too (`engine.lookups`):

    leaves: "curl", *.exe, Exists    "curl" -> 0b101    "a.exe" -> 0b110    [no value] -> -1

Answers are remembered, since values come again. `matchers` defines what is right.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from sys import getsizeof
from typing import Final

from tocsin.engine.lookups import Networks, Phrases, Ranges, plain_address
from tocsin.engine.pattern_sets import Demoted, Pattern, PatternSet
from tocsin.engine.re2_sets import bits_of
from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import FieldType, Scalar, coerce, fold
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
)
from tocsin.logic.patterns import glob_parts

NO_VALUE: Final = -1
"""What `Scan.fits` says of what the leaves' type cannot hold."""

_LONGEST: Final = 4_096
"""Longer texts are not remembered."""

_MOST: Final = 65_536
_MOST_BYTES: Final = 16 << 20
"""How many values a scan remembers, and of what size."""

_MOST_BYTES_IN_ALL: Final = 128 << 20
"""The same for all scans of the process together."""

_PIECE: Final = 64 << 10
"""So much memory a scan takes at once."""

_ENTRY: Final = 110
"""About what an entry of a dictionary takes beside its key."""


class Scan:
    """The question that the leaves of one field and type ask together.

    Nothing is compiled before the first value comes.

    Args:
        leaves: leaves of the same field and type.
        with_hyperscan: see `PatternSet`.

    Attributes:
        type: the leaves' type.
        fits: of a value, bit n is set where ``leaves[n]`` fits it; -1 where the value cannot be
            read as the leaves' type at all.
        forget: forgets all answers.
        demoted: says which patterns are asked in a slower way; bit n of their masks is
            ``leaves[n]``.
    """

    fits: Callable[[Scalar], int]
    demoted: Callable[[], tuple[Demoted, ...]]

    def __init__(self, leaves: Sequence[Leaf], *, with_hyperscan: bool | None = None) -> None:
        self.type: FieldType = leaves[0].type
        self._size = len(leaves)
        question = _Question(leaves, with_hyperscan)
        self.demoted = question.demoted
        # A dictionary that knows how to answer is the quickest way to ask it.
        remembered = _Remembered(question)
        self.fits, self.forget = remembered.__getitem__, remembered.forget

    def run(self, distinct: Sequence[Scalar]) -> tuple[list[list[int]], list[int]]:
        """For each leaf the codes (places in ``distinct``) that fit it, and those that are values.

        Both ascending.
        """
        hits: list[list[int]] = [[] for _ in range(self._size)]
        valid: list[int] = []
        known: dict[int, tuple[list[int], ...]] = {0: ()}
        fits = self.fits
        for code, value in enumerate(distinct):
            mask = fits(value)
            if mask < 0:
                continue
            valid.append(code)
            places = known.get(mask)
            if places is None:
                places = known[mask] = tuple(hits[number] for number in bits_of(mask))
            for place in places:
                place.append(code)
        return hits, valid


class _Remembered(dict[Scalar, int]):
    """Answers by text. Other values stand apart, since 1, 1.0 and true are one key.

    Attributes:
        taken: how much memory it may use at present.
    """

    __slots__ = ("__weakref__", "_others", "_question", "_room", "_same", "taken")

    def __init__(self, question: _Question) -> None:
        super().__init__()
        self._question = question
        self._others: dict[int | tuple[type, str], int] = {}
        self._same: dict[int, int] = {}
        self._room = self.taken = 0
        _all.add(self)

    def __missing__(self, value: Scalar) -> int:
        if isinstance(value, str):
            found = self._question.ask(value)
            if len(value) <= _LONGEST:
                found = self._noted(value, found)
                self[value] = found
            return found
        # A whole number is its own key; 0.0 and -0.0 are equal and are not the same text.
        key = value if type(value) is int else (type(value), repr(value))
        known = self._others.get(key)
        if known is None:
            known = self._noted(value, self._question.ask(value))
            self._others[key] = known
        return known

    def _noted(self, value: Scalar, answer: int) -> int:
        """The answer, of which there is one object only; there is room for it then."""
        same = self._same.get(answer)
        if same is None:
            self._room -= getsizeof(answer) + _ENTRY
        self._room -= getsizeof(value) + _ENTRY
        if self._room < 0:
            self._make_room()
        if same is None:
            self._same[answer] = same = answer
        return same

    def _make_room(self) -> None:
        """Takes some more of the memory that there is, or forgets."""
        if self.taken + _PIECE > _MOST_BYTES or len(self) + len(self._others) >= _MOST:
            self.forget()
        _all.take(_PIECE)
        self.taken += _PIECE
        self._room = _PIECE

    def forget(self) -> None:
        """Forgets all answers."""
        self.clear()
        self._others.clear()
        self._same.clear()
        self._room = self.taken = 0


class _All:
    """What the scans of the process remember together."""

    def __init__(self) -> None:
        self._scans: weakref.WeakValueDictionary[int, _Remembered] = weakref.WeakValueDictionary()
        self._room = _MOST_BYTES_IN_ALL

    def add(self, scan: _Remembered) -> None:
        """Adds a scan that remembers nothing yet."""
        self._scans[id(scan)] = scan

    def take(self, size: int) -> None:
        """Notes how much more a scan is about to remember; all forget where that is too much."""
        self._room -= size
        if self._room < 0:
            scans = list(self._scans.values())
            self._room = _MOST_BYTES_IN_ALL - size - sum(scan.taken for scan in scans)
            if self._room < 0:
                for scan in scans:
                    scan.forget()
                self._room = _MOST_BYTES_IN_ALL - size


_all = _All()

_PATTERNS: Final = (Wildcard, Regex, PathGlob)


class _Question:
    """The leaves of a scan, made ready when they are first asked."""

    def __init__(self, leaves: Sequence[Leaf], with_hyperscan: bool | None) -> None:
        self._leaves = leaves
        self._kind: FieldType = leaves[0].type
        self._holds_texts = self._kind in {"dynamic", "keyword", "text", "version"}
        self._holds_numbers = self._kind in {"dynamic", "long", "double"}
        self._with_hyperscan = with_hyperscan
        self._lookups: _Lookups | None = None

    def ask(self, value: Scalar) -> int:
        """The bits of the leaves that fit a value as an event has it."""
        lookups = self._lookups
        if lookups is None:
            lookups = self._lookups = _Lookups(self._kind, self._leaves, self._with_hyperscan)
        if type(value) is str and self._holds_texts:
            return lookups.of_text(value)
        if type(value) is int and self._holds_numbers:
            return lookups.of_other(value)
        if type(value) is str and self._kind == "ip" and plain_address(value) is not None:
            return lookups.of_text(value)  # written as it would be held
        held = coerce(self._kind, value)
        if held is None:
            return NO_VALUE
        return lookups.of_text(held) if isinstance(held, str) else lookups.of_other(held)

    def demoted(self) -> tuple[Demoted, ...]:
        """The patterns that are asked in a slower way; nothing is compiled for that."""
        lookups = self._lookups
        if lookups is None:
            if not any(isinstance(leaf.matcher, _PATTERNS) for leaf in self._leaves):
                return ()
            lookups = self._lookups = _Lookups(self._kind, self._leaves, self._with_hyperscan)
        return lookups.demoted


class _Lookups:
    """Leaves by what can be looked up at once."""

    def __init__(
        self, kind: FieldType, leaves: Sequence[Leaf], with_hyperscan: bool | None
    ) -> None:
        self._always = 0
        self._equal: dict[object, int] = defaultdict(int)
        self._folded: dict[str, int] = defaultdict(int)
        patterns: list[tuple[Pattern, int]] = []
        ranges: list[tuple[Range, int]] = []
        networks: list[tuple[InNetwork, int]] = []
        words: list[tuple[Words, int]] = []
        for number, leaf in enumerate(leaves):
            match leaf.matcher:
                case Exists():
                    self._always |= 1 << number
                case Equals(values, fold_case):
                    for value in values:
                        self._add_equal(value, number, fold_case=fold_case)
                case Wildcard(globs, fold_case):
                    for glob in globs:
                        if "*" not in glob and "?" not in glob:
                            text = "".join(map(str, glob_parts(glob))) if "\\" in glob else glob
                            self._add_equal(text, number, fold_case=fold_case)
                        else:
                            patterns.append((Pattern(glob, fold_case=fold_case), number))
                case Regex(texts, fold_case, whole):
                    patterns.extend((Pattern(t, "regex", fold_case, whole), number) for t in texts)
                case PathGlob(globs, fold_case):
                    for glob in globs:
                        if "*" in glob or fold_case:
                            patterns.append((Pattern(glob, "path", fold_case), number))
                        elif glob:
                            self._equal[glob] |= 1 << number
                case Range():
                    ranges.append((leaf.matcher, 1 << number))
                case InNetwork():
                    networks.append((leaf.matcher, 1 << number))
                case Words():
                    words.append((leaf.matcher, 1 << number))
        self._patterns = PatternSet(patterns, with_hyperscan=with_hyperscan) if patterns else None
        self._ranges = Ranges(kind, ranges) if ranges else None
        self._others: list[Callable[[str], int]] = []
        if self._ranges:
            self._others.append(self._ranges.of_text)
        if networks:
            self._others.append(Networks(networks).of_text)
        if words:
            self._others.append(Phrases(words).of_text)

    @property
    def demoted(self) -> tuple[Demoted, ...]:
        """The patterns that are asked in a slower way."""
        return () if self._patterns is None else self._patterns.demoted

    def _add_equal(self, value: Scalar, number: int, *, fold_case: bool) -> None:
        if isinstance(value, str) and fold_case:
            self._folded[fold(value)] |= 1 << number
        else:
            self._equal[_key(value)] |= 1 << number

    def of_text(self, text: str) -> int:
        """The bits of the leaves that fit a text."""
        mask = self._always | self._equal.get(text, 0)
        if self._folded:
            mask |= self._folded.get(fold(text), 0)
        if self._patterns is not None:
            mask |= self._patterns.fits(text)
        for other in self._others:
            mask |= other(text)
        return mask

    def of_other(self, value: Scalar) -> int:
        """The bits of the leaves that fit a number or boolean."""
        mask = self._always | self._equal.get(_key(value), 0)
        return mask if self._ranges is None else mask | self._ranges.of_other(value)


def _key(value: Scalar) -> object:
    # Numbers are equal by size, booleans only to booleans.
    return ("boolean", value) if isinstance(value, bool) else value
