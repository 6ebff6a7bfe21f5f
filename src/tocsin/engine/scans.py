"""One scan a field: every leaf of a field and type, answered over its distinct values at once.

Equalities are looked up in a dictionary, all wildcards and regular expressions of a kind run as one
RE2 set, and the rest (ranges, networks, words, path globs) are asked one by one: they are few. The
answer for a leaf is the list of codes (places among the distinct values) that fit; `matchers`
defines what is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import re2

from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import FieldType, Scalar, coerce, fold
from tocsin.logic.matchers import Equals, Exists, Regex, Wildcard, matched_pattern
from tocsin.logic.patterns import glob_parts, glob_to_re2, is_literal

_SET_MEMORY = 256 << 20
_LARGEST_SET = 1_000


class Scan:
    """The compiled question that the leaves of one field and type ask together.

    Args:
        leaves: leaves of the same field and type.
    """

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.type: FieldType = leaves[0].type
        self._size = len(leaves)
        self._all: list[int] = []
        self._equal: dict[object, list[int]] = defaultdict(list)
        self._folded: dict[str, list[int]] = defaultdict(list)
        self._single: list[tuple[int, Leaf]] = []
        cased: list[tuple[str, int]] = []
        folded: list[tuple[str, int]] = []
        for number, leaf in enumerate(leaves):
            match leaf.matcher:
                case Exists():
                    self._all.append(number)
                case Equals(values, fold_case):
                    for value in values:
                        self._add_equal(value, number, fold_case)
                case Wildcard(globs, fold_case):
                    for glob in globs:
                        if is_literal(glob):
                            self._add_equal("".join(map(str, glob_parts(glob))), number, fold_case)
                        elif fold_case:
                            folded.append((glob_to_re2(fold(glob)), number))
                        else:
                            cased.append((glob_to_re2(glob), number))
                case Regex(patterns, fold_case, whole):
                    for pattern in patterns:
                        text = f"(?si:{pattern})" if fold_case else f"(?s:{pattern})"
                        text = text if whole else f"(?s:.*){text}(?s:.*)"
                        (folded if fold_case else cased).append((text, number))
                case _:
                    self._single.append((number, leaf))
        self._cased_sets = [_PatternSet(part) for part in _chunks(cased)]
        self._folded_sets = [_PatternSet(part) for part in _chunks(folded)]

    def _add_equal(self, value: Scalar, number: int, fold_case: bool) -> None:
        if isinstance(value, str) and fold_case:
            self._folded[fold(value)].append(number)
        else:
            self._equal[_key(value)].append(number)

    def run(self, distinct: Sequence[Scalar]) -> tuple[list[list[int]], list[int]]:
        """For each leaf the codes that fit it, and the codes that are values at all."""
        hits: list[list[int]] = [[] for _ in range(self._size)]
        valid: list[int] = []
        kind = self.type
        for code, raw in enumerate(distinct):
            value = coerce(kind, raw)
            if value is None:
                continue
            valid.append(code)
            for number in self._all:
                hits[number].append(code)
            found = set(self._equal.get(_key(value), ()))
            if isinstance(value, str):
                for pattern_set in self._cased_sets:
                    found.update(pattern_set.numbers(value))
                if self._folded or self._folded_sets:
                    text = fold(value)
                    found.update(self._folded.get(text, ()))
                    for pattern_set in self._folded_sets:
                        found.update(pattern_set.numbers(text))
            for number, leaf in self._single:
                if matched_pattern(leaf.matcher, kind, value) is not None:
                    found.add(number)
            for number in found:
                hits[number].append(code)
        return hits, valid


def _key(value: Scalar) -> object:
    # Numbers are equal by size, booleans only to booleans.
    return ("boolean", value) if isinstance(value, bool) else value


def _chunks(patterns: list[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    return [patterns[i : i + _LARGEST_SET] for i in range(0, len(patterns), _LARGEST_SET)]


class _PatternSet:
    """Many patterns as one automaton, each over the whole text."""

    def __init__(self, patterns: Sequence[tuple[str, int]]) -> None:
        options = re2.Options()
        options.max_mem = _SET_MEMORY
        options.log_errors = False
        self._patterns = patterns
        self._set = re2.Set.FullMatchSet(options)
        for pattern, _ in patterns:
            self._set.Add(pattern)
        # A set that runs out of memory reports no match at all. This pattern always matches, so
        # its absence gives that away.
        self._canary = self._set.Add(r"(?s:.*)")
        self._set.Compile()
        self._slow: list[tuple[object, int]] | None = None

    def numbers(self, text: str) -> list[int]:
        """The numbers of the patterns that match."""
        places = self._set.Match(text)
        if self._canary in places:
            patterns = self._patterns
            return [patterns[place][1] for place in places if place != self._canary]
        if self._slow is None:
            self._slow = [(re2.compile(pattern), number) for pattern, number in self._patterns]
        return [n for pattern, n in self._slow if pattern.fullmatch(text)]  # type: ignore[attr-defined]
