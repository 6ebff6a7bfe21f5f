r"""Patterns over whole texts, what they mean, and many of them as sets of RE2.

A pattern is a glob (`logic.patterns`), a regular expression or a path glob (`logic.path_globs`);
`holds` says what fits it, by the functions that define it. A path glob goes into a set as a glob
that fits more, and `holds` is asked where that fits:

    /sys/**/cgr*  ->  /sys*
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec
import re2

from tocsin.logic.field_types import fold
from tocsin.logic.matchers import regex_matches
from tocsin.logic.path_globs import ANY_SEGMENTS, path_glob_matches
from tocsin.logic.patterns import ANY, Part, glob_matches, glob_parts, glob_to_re2

_SET_MEMORY: Final = 256 << 20
_LARGEST_SET: Final = 1_000
_LONGEST_GLOB: Final = 2_000
"""Of a longer glob its longest piece is looked for, and then it is asked itself."""

LONGEST_PIECE: Final = 60
"""In characters."""

Demoted = tuple[int, str]
"""The number of a pattern, and why it is not asked as others are."""


class Pattern(msgspec.Struct, frozen=True):
    """What may fit a text.

    Attributes:
        text: the pattern.
        kind: how it is read.
        fold_case: whether case is ignored.
        whole: of a regular expression: whether it has to match the whole text, or any part.
    """

    text: str
    kind: Literal["glob", "regex", "path"] = "glob"
    fold_case: bool = False
    whole: bool = True


Weighed = tuple[Pattern, int]
"""A pattern, and the bits that it sets."""


def holds(pattern: Pattern, text: str) -> bool:
    """Whether a pattern fits a text; one that cannot be asked of it (half a surrogate) does not."""
    wanted, folds = pattern.text, pattern.fold_case
    try:
        match pattern.kind:
            case "glob":
                return (
                    glob_matches(fold(wanted), fold(text)) if folds else glob_matches(wanted, text)
                )
            case "path":
                return path_glob_matches(wanted, text, fold_case=folds)
            case "regex":
                return regex_matches(wanted, fold(text) if folds else text, folds, pattern.whole)
    except (re2.error, UnicodeEncodeError):
        return False


def _is_taken(pattern: Pattern) -> bool:
    """Whether RE2 takes a regular expression."""
    try:
        regex_matches(pattern.text, "", pattern.fold_case, pattern.whole)
    except (re2.error, UnicodeEncodeError):
        return False
    return True


def path_needs(pattern: Pattern) -> str:
    """A glob that fits every path that a path glob fits, and others.

    >>> path_needs(Pattern("/a/**/b*", "path")), path_needs(Pattern("/a/*", "path", fold_case=True))
    ('/a*', '?a?*')
    """
    text = pattern.text
    if pattern.fold_case:
        text = fold(text).replace("\\", "/")
    segments = text.split("/")
    if ANY_SEGMENTS in segments:
        place = segments.index(ANY_SEGMENTS)
        before, behind = "/".join(segments[:place]), "/".join(segments[place + 1 :])
        if not behind and place:
            before += "/"
        # What stands before and what stands behind may overlap, so only one of them is looked for.
        text = f"{before}*" if len(before) >= len(behind) else f"*{behind}"
    text = text.replace("\\", "\\\\").replace("?", "\\?")
    # Where case is ignored, a backslash of the path is a slash.
    return text.replace("/", "?") if pattern.fold_case else text


def roughly(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """A glob that fits what another fits and more: the longest of its pieces of text.

    >>> roughly(("a", None, "bcd", None, "e"))
    (None, 'bcd', None)
    """
    places = [place for place, part in enumerate(parts) if isinstance(part, str)]
    if not places:
        return (ANY,)
    place = max(places, key=lambda place: len(str(parts[place])))
    piece = str(parts[place])
    cut = piece[:LONGEST_PIECE]
    before: tuple[Part, ...] = () if place == 0 else (ANY,)
    behind: tuple[Part, ...] = () if place == len(parts) - 1 and cut == piece else (ANY,)
    return (*before, cut, *behind)


def bits_of(mask: int) -> Iterator[int]:
    """The places of the bits that are set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Re2Sets:
    """Patterns as sets of RE2.

    Args:
        patterns: each with the bits that it sets.

    Attributes:
        demoted: patterns that RE2 does not take; they are asked one by one.
    """

    def __init__(self, patterns: Iterable[Weighed]) -> None:
        self._patterns = list(patterns)
        self.demoted: list[Demoted] = []
        self._single: list[Weighed] = []
        cased = [item for item in self._patterns if not item[0].fold_case]
        folded = [item for item in self._patterns if item[0].fold_case]
        self._cased = self._sets(cased)
        self._folded = self._sets(folded)

    def _sets(self, patterns: list[Weighed]) -> list[_Set]:
        """The sets of some patterns; what does not fit into one is asked singly."""
        if len(patterns) > _LARGEST_SET:
            cuts = range(0, len(patterns), _LARGEST_SET)
            return [found for at in cuts for found in self._sets(patterns[at : at + _LARGEST_SET])]
        if not patterns:
            return []
        try:
            return [_Set(patterns)]
        except (re2.error, UnicodeEncodeError):
            if len(patterns) > 1:
                half = len(patterns) // 2
                return self._sets(patterns[:half]) + self._sets(patterns[half:])
        [(pattern, mask)] = patterns
        reason = "RE2 does not take it, so it fits nothing"
        if pattern.kind != "regex" or _is_taken(pattern):
            self._single.append((pattern, mask))
            reason = "it is asked alone: a set cannot hold it"
        self.demoted.extend((number, reason) for number in bits_of(mask))
        return []

    def fits(self, text: str) -> int:
        """The bits of the patterns that fit."""
        mask = 0
        try:
            for one in self._cased:
                mask |= one.fits(text, text)
            if self._folded:
                folded = fold(text)
                for one in self._folded:
                    mask |= one.fits(folded, text)
        except UnicodeEncodeError:
            return sum_of(self._patterns, text)
        return mask | sum_of(self._single, text) if self._single else mask


def sum_of(patterns: Iterable[Weighed], text: str) -> int:
    """The bits of the patterns that fit, asked one by one."""
    mask = 0
    for pattern, bits in patterns:
        if mask & bits != bits and holds(pattern, text):
            mask |= bits
    return mask


class _Set:
    """One set of RE2, all of its patterns cased or all folded.

    Raises:
        re2.error: a pattern is none, or the set would be too large.
        UnicodeEncodeError: a pattern holds half a surrogate.
    """

    def __init__(self, patterns: Sequence[Weighed]) -> None:
        options = re2.Options()
        options.max_mem = _SET_MEMORY
        options.log_errors = False
        self._masks = [mask for _, mask in patterns]
        self._doubtful = {
            n: p
            for n, (p, _) in enumerate(patterns)
            if p.kind == "path" or (p.kind == "glob" and len(p.text) > _LONGEST_GLOB)
        }
        self._expressions = [_expression(pattern) for pattern, _ in patterns]
        self._set = re2.Set.FullMatchSet(options)
        for expression in self._expressions:
            self._set.Add(expression)
        # A set that runs out of memory reports no match at all. This pattern always matches, so
        # its absence gives that away.
        self._canary = self._set.Add(r"(?s:.*)")
        self._set.Compile()
        self._slow: list[re2._Regexp] | None = None

    def fits(self, text: str, original: str) -> int:
        """The bits of the patterns that fit a text, folded where they are."""
        places = self._set.Match(text)
        if self._canary in places:
            places.remove(self._canary)
        else:
            if self._slow is None:
                self._slow = [re2.compile(expression) for expression in self._expressions]
            places = [place for place, one in enumerate(self._slow) if one.fullmatch(text)]
        mask = 0
        for place in places:
            doubtful = self._doubtful.get(place)
            if doubtful is None or holds(doubtful, original):
                mask |= self._masks[place]
        return mask


def _expression(pattern: Pattern) -> str:
    """The expression that the whole text, folded where the pattern is, has to match."""
    match pattern.kind:
        case "glob":
            glob = fold(pattern.text) if pattern.fold_case else pattern.text
            if len(pattern.text) <= _LONGEST_GLOB:
                return glob_to_re2(glob)
            return "".join(
                "(?s:.*)" if p is ANY else re2.escape(p) for p in roughly(glob_parts(glob))
            )
        case "path":
            return glob_to_re2(path_needs(pattern))
        case "regex":
            text = f"(?si:{pattern.text})" if pattern.fold_case else f"(?s:{pattern.text})"
            return text if pattern.whole else f"(?s:.*){text}(?s:.*)"
