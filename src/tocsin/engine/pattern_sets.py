"""Many patterns over whole texts, asked at once: which of them fit, as the bits of a number.

The answers are those of `holds`. Nothing is compiled before the first text comes, since most fields
that rules name are in no event. How a set is asked:

    no more than a few plain globs       texts compared in Python
    a database of Hyperscan on disk      Hyperscan
    else                                 RE2, and Hyperscan once RE2 took long enough
    where Hyperscan does not run         RE2

Measured, in microseconds a text, for 600 globs over command lines: RE2 190 as long as the texts
are new to it (it makes its automaton as it goes) and 2.4 then, Hyperscan 1.2 at once.

>>> patterns = PatternSet([(Pattern("*curl*"), 0), (Pattern("CU?L", fold_case=True), 2)])
>>> patterns.fits("curl"), patterns.fits("CURL"), patterns.fits("")
(5, 4, 0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from time import perf_counter
from typing import Final

from tocsin.engine import compiled
from tocsin.engine.hyperscan_sets import HyperscanSet
from tocsin.engine.re2_sets import Demoted, Pattern, Re2Sets, Weighed, holds, parted
from tocsin.logic.field_types import fold
from tocsin.logic.patterns import ANY, glob_parts

__all__ = ["HYPERSCAN", "Demoted", "Pattern", "PatternSet", "holds"]

HYPERSCAN: Final = compiled.hyperscan_build() is not None
"""Whether Hyperscan runs here."""

_FEW: Final = 3
_SAFE: Final = 100
"""So many globs are beyond no limit, whatever they are."""

_LONG_ENOUGH: Final = (0.02, 0.000_05)
"""How long RE2 is asked, and how much longer for each pattern, in seconds.

Compiling takes two or three times as long, once for all runs where it can be kept on disk.
"""

_Length = tuple[int, bool, bool, int]
"""How many characters, whether also more of them, whether of the folded text, the bits."""

_Test = tuple[Callable[[str, str], bool], str, int]
"""A method of texts, what it is asked, the bits."""


class PatternSet:
    """Patterns with their numbers; a number may stand at several.

    Args:
        patterns: the pairs.
        with_hyperscan: True: from the first text on, False: never, None: as it pays.

    Attributes:
        fits: the bits of the numbers whose patterns fit a text.
    """

    fits: Callable[[str], int]

    def __init__(
        self, patterns: Iterable[tuple[Pattern, int]], *, with_hyperscan: bool | None = None
    ) -> None:
        self._patterns: dict[Pattern, int] = {}
        for pattern, number in patterns:
            self._patterns[pattern] = self._patterns.get(pattern, 0) | 1 << number
        self._with_hyperscan = HYPERSCAN and with_hyperscan is not False
        self._at_once = bool(with_hyperscan)
        self._lengths: list[_Length] = []
        self._databases: HyperscanSet | None = None
        self._planned: HyperscanSet | None = None
        self._sets: Re2Sets | None = None
        self._ask: Callable[[str], int] = self._first
        self._spent, self._allowed = 0.0, 0.0
        self._choosing = Lock()
        self._has_chosen = False
        self.fits = self._first

    def _use(self, ask: Callable[[str], int]) -> None:
        self._ask = ask
        self.fits = self._with_lengths if self._lengths else ask

    def _first(self, text: str) -> int:
        """Chooses how to ask, and asks."""
        with self._choosing:
            if not self._has_chosen:
                self._choose()
                self._has_chosen = True
        return self.fits(text)

    @property
    def demoted(self) -> tuple[Demoted, ...]:
        """The patterns that are not asked with the others; known before any text came."""
        if self._databases is not None:
            return self._databases.demoted
        if self._sets is not None:
            return tuple(self._sets.demoted)
        rest = [item for item in self._patterns.items() if _length(*item) is None]
        has_regex = any(pattern.kind == "regex" for pattern, _ in rest)
        if self._has_chosen or _few(rest) is not None or (len(rest) <= _SAFE and not has_regex):
            return ()
        if not self._with_hyperscan:
            return parted(rest).demoted
        self._planned = self._planned or HyperscanSet(rest)
        return self._planned.demoted

    def _choose(self) -> None:
        rest: list[Weighed] = []
        for pattern, mask in self._patterns.items():
            length = _length(pattern, mask)
            if length is None:
                rest.append((pattern, mask))
            else:
                self._lengths.append(length)
        few = _few(rest)
        if few is not None:
            self._use(few)
        elif not self._with_hyperscan:
            self._use_sets(rest)
        else:
            self._databases = self._planned or HyperscanSet(rest)
            if self._databases.load():
                self._use(self._databases.fits)
            elif self._at_once:
                self._databases.build()
                self._use(self._databases.fits)
            else:
                self._allowed = _LONG_ENOUGH[0] + _LONG_ENOUGH[1] * len(rest)
                self._use_sets(rest)
                self._use(self._while_it_pays)

    def _use_sets(self, patterns: list[Weighed]) -> None:
        self._sets = Re2Sets(patterns)
        self._use(self._sets.fits)

    def _while_it_pays(self, text: str) -> int:
        """RE2, until it has taken long enough that compiling for Hyperscan pays."""
        sets, databases = self._sets, self._databases
        if sets is None or databases is None:  # another thread was first
            return self.fits(text)
        begin = perf_counter()
        mask = sets.fits(text)
        self._spent += perf_counter() - begin
        if self._spent > self._allowed:
            databases.build()
            self._use(databases.fits)
            self._sets = None
        return mask

    def _with_lengths(self, text: str) -> int:
        mask, size = self._ask(text), len(text)
        folded = size if text.isascii() else len(fold(text))
        for least, or_more, folds, bits in self._lengths:
            found = folded if folds else size
            if found == least or (or_more and found > least):
                mask |= bits
        return mask


def _length(pattern: Pattern, mask: int) -> _Length | None:
    """A glob without any text in it asks for a length."""
    if pattern.kind != "glob" or pattern.text.strip("*?"):
        return None
    parts = glob_parts(pattern.text)
    return sum(part is not ANY for part in parts), ANY in parts, pattern.fold_case, mask


def _few(patterns: list[Weighed]) -> Callable[[str], int] | None:
    """A few globs with one piece of text each, as comparisons; None where they are others."""
    if len(patterns) > _FEW:
        return None
    cased: list[_Test] = []
    folded: list[_Test] = []
    for pattern, mask in patterns:
        if pattern.kind != "glob":
            return None
        parts = glob_parts(fold(pattern.text) if pattern.fold_case else pattern.text)
        piece = next(part for part in parts if isinstance(part, str))
        tests = folded if pattern.fold_case else cased
        if parts == (piece, ANY):
            tests.append((str.startswith, piece, mask))
        elif parts == (ANY, piece):
            tests.append((str.endswith, piece, mask))
        elif parts == (ANY, piece, ANY):
            tests.append((str.__contains__, piece, mask))
        elif parts == (piece,):
            tests.append((str.__eq__, piece, mask))
        else:
            return None

    def fits(text: str) -> int:
        mask = 0
        for test, piece, bits in cased:
            if test(text, piece):
                mask |= bits
        if folded:
            text = fold(text)
            for test, piece, bits in folded:
                if test(text, piece):
                    mask |= bits
        return mask

    return fits
