r"""Patterns over whole texts, what they mean, and many of them as sets of RE2.

A pattern is a glob (`logic.patterns`), a regular expression or a path glob (`logic.path_globs`);
`holds` says what fits it, by the functions that define it. A path glob goes into a set as a glob
that fits more, and `holds` is asked where that fits:

    /sys/**/cgr*  ->  /sys*

A set is an automaton, and some patterns make it grow without bound: globs with several gaps, and
regular expressions that count far. Beyond a number of them, globs are asked by their pieces of text
(`glob_index`), and such an expression alone, of texts that have what it cannot do without
(`logic.regex_pieces`); `demoted` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
import re2

from tocsin.engine.glob_index import GlobIndex
from tocsin.logic.field_types import fold
from tocsin.logic.matchers import regex_matches
from tocsin.logic.path_globs import ANY_SEGMENTS, path_glob_matches
from tocsin.logic.patterns import ANY, Part, glob_matches, glob_parts, glob_to_re2
from tocsin.logic.regex_pieces import piece_test

_SET_MEMORY: Final = 256 << 20
_SETS_MEMORY: Final = 512 << 20
"""For one set, and for all of them together."""

_LARGEST_SET: Final = 1_000
MOST_IN_SETS: Final = 20_000
"""So many globs of a field are made automata; the rest is asked by pieces."""

MOST_GAPPED: Final = 200
"""Globs with a gap inside make an automaton large; more of them are asked by pieces."""

LARGEST_REGEX: Final = 4_000
_OF_A_CHARACTER: Final = 8
"""The size up to which an expression is in a set, counting each character of a repeat so often."""

_MOST_REPEATS: Final = 1_000
LARGEST_REGEXES: Final = 300_000
"""The same for all expressions of a field together."""

_ALONE_MEMORY: Final = (1 << 20, 256 << 20, 8 << 20)
"""What expressions that are asked alone may use: one at least, all together, one at most."""

_LONGEST_GLOB: Final = 2_000
"""Of a longer glob its longest piece is looked for, and then it is asked itself."""

LONGEST_PIECE: Final = 60
"""In characters."""

_COUNTED = re.compile(r"\{([0-9]{1,4})(?:,([0-9]{0,4}))?\}")


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


class Demoted(msgspec.Struct, frozen=True):
    """A pattern that is not asked as others are.

    Attributes:
        pattern: the pattern.
        mask: the bits that it sets.
        reason: why: the limit that it is beyond.
    """

    pattern: Pattern
    mask: int
    reason: str


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
        if place == len(segments) - 1 and place:
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


class Parted(msgspec.Struct, frozen=True):
    """Patterns by how they are asked.

    Attributes:
        together: those for sets.
        alone: regular expressions that are too large for a set.
        by_pieces: globs that are too many for sets, or would make them too large.
        demoted: the last two, with the reason.
    """

    together: tuple[Weighed, ...]
    alone: tuple[Weighed, ...]
    by_pieces: tuple[Weighed, ...]
    demoted: tuple[Demoted, ...]


def parted(patterns: Iterable[Weighed]) -> Parted:
    """How patterns are asked without Hyperscan."""
    together: list[Weighed] = []
    alone: list[Weighed] = []
    gapped: list[Weighed] = []
    demoted: list[Demoted] = []
    room = LARGEST_REGEXES
    for pattern, mask in patterns:
        size = size_of_regex(pattern.text) if pattern.kind == "regex" else 0
        room -= size if size <= LARGEST_REGEX else 0
        if pattern.kind == "glob" and _is_gapped(pattern.text):
            gapped.append((pattern, mask))
        elif size > LARGEST_REGEX or (size and room < 0):
            alone.append((pattern, mask))
            reason = (
                f"it is larger than {LARGEST_REGEX:,} with its repeats written out"
                if size > LARGEST_REGEX
                else f"larger than {LARGEST_REGEXES:,} together, of one field"
            )
            demoted.append(Demoted(pattern, mask, reason))
        else:
            together.append((pattern, mask))
    by_pieces: list[Weighed] = []
    if len(gapped) > MOST_GAPPED:
        by_pieces += gapped
        reason = f"more than {MOST_GAPPED:,} with a gap inside, of one field"
        demoted += [Demoted(*item, reason) for item in gapped]
    else:
        together += gapped
    globs = [item for item in together if item[0].kind == "glob"]
    if len(globs) > MOST_IN_SETS:
        beyond = globs[MOST_IN_SETS:]
        left_out = {id(item) for item in beyond}
        together = [item for item in together if id(item) not in left_out]
        by_pieces += beyond
        demoted += [Demoted(*item, f"more than {MOST_IN_SETS:,} of one field") for item in beyond]
    return Parted(tuple(together), tuple(alone), tuple(by_pieces), tuple(demoted))


def _is_gapped(glob: str) -> bool:
    """Whether a glob has a gap between two texts, and floats: ``*a*b*`` and not ``a*b``."""
    return glob.startswith("*") and "*" in glob.strip("*")


def size_of_regex(text: str) -> int:
    """About how large an expression is with its repeats written out.

    RE2 refuses larger repeats than 1,000, which need not be counted.

    >>> size_of_regex("curl"), size_of_regex(".{1,500}x{20}"), size_of_regex("a{2000}")
    (4, 4173, 7)
    """
    counted = (int(most or least) for least, most in _COUNTED.findall(text))
    return len(text) + _OF_A_CHARACTER * sum(count for count in counted if count <= _MOST_REPEATS)


class Re2Sets:
    """Patterns as sets of RE2.

    Args:
        patterns: each with the bits that it sets.

    Attributes:
        demoted: patterns that are not in a set.
    """

    def __init__(self, patterns: Iterable[Weighed]) -> None:
        self._patterns = list(patterns)
        found = parted(self._patterns)
        self.demoted = list(found.demoted)
        self._single: list[Weighed] = []
        self._memory = max(
            _SET_MEMORY >> 4,
            min(_SET_MEMORY, _SETS_MEMORY // (1 + len(found.together) // _LARGEST_SET)),
        )
        cased = [item for item in found.together if not item[0].fold_case]
        folded = [item for item in found.together if item[0].fold_case]
        self._cased = self._sets(cased)
        self._folded = self._sets(folded)
        self._by_pieces = ByPieces(found.by_pieces) if found.by_pieces else None
        least, in_all, most = _ALONE_MEMORY
        memory = max(least, min(most, in_all // max(1, len(found.alone))))
        self._alone = [_Alone(*item, memory) for item in found.alone]

    def _sets(self, patterns: list[Weighed]) -> list[_Set]:
        """The sets of some patterns; what does not fit into one is asked singly."""
        if len(patterns) > _LARGEST_SET:
            cuts = range(0, len(patterns), _LARGEST_SET)
            return [found for at in cuts for found in self._sets(patterns[at : at + _LARGEST_SET])]
        if not patterns:
            return []
        try:
            return [_Set(patterns, self._memory)]
        except (re2.error, UnicodeEncodeError):
            if len(patterns) > 1:
                half = len(patterns) // 2
                return self._sets(patterns[:half]) + self._sets(patterns[half:])
        [(pattern, mask)] = patterns
        reason = "RE2 does not take it, so it fits nothing"
        if pattern.kind != "regex" or _is_taken(pattern):
            self._single.append((pattern, mask))
            reason = "it is asked alone: a set cannot hold it"
        self.demoted.append(Demoted(pattern, mask, reason))
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
            if self._by_pieces is not None:
                mask |= self._by_pieces.fits(text)
            for lonely in self._alone:
                if mask & lonely.mask != lonely.mask and lonely.fits(text):
                    mask |= lonely.mask
        except UnicodeEncodeError:
            return sum_of(self._patterns, text)
        return mask | sum_of(self._single, text) if self._single else mask


class ByPieces:
    """Globs that are asked by their pieces of text.

    Args:
        globs: each with the bits that it sets.
    """

    def __init__(self, globs: Sequence[Weighed]) -> None:
        self._cased = GlobIndex((p.text, mask) for p, mask in globs if not p.fold_case)
        self._folded = GlobIndex((fold(p.text), mask) for p, mask in globs if p.fold_case)

    def fits(self, text: str) -> int:
        """The bits of the globs that fit."""
        return self._cased.fits(text) | self._folded.fits(fold(text))


class _Alone:
    """A large regular expression, compiled when a text comes that has what it needs."""

    def __init__(self, pattern: Pattern, mask: int, memory: int) -> None:
        self.mask = mask
        self._pattern = pattern
        self._memory = memory
        self._may_fit = piece_test(pattern.text, whole=pattern.whole)
        self._compiled: Callable[[str], Any] | None = None

    def fits(self, text: str) -> bool:
        """Whether it fits a text."""
        if not self._may_fit(text):
            return False
        if self._compiled is None:
            self._compiled = self._asked()
        pattern = self._pattern
        return bool(self._compiled(fold(text) if pattern.fold_case else text))

    def _asked(self) -> Callable[[str], Any]:
        pattern = self._pattern
        flags = "si" if pattern.fold_case else "s"
        try:
            found = _compiled(f"(?{flags}:{pattern.text})", self._memory)
        except (re2.error, UnicodeEncodeError):
            return lambda text: holds(pattern, text)
        asked: Callable[[str], Any] = found.fullmatch if pattern.whole else found.search
        return asked


@lru_cache(maxsize=1_024)
def _compiled(expression: str, memory: int) -> Any:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    return re2.compile(expression, options)


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

    def __init__(self, patterns: Sequence[Weighed], memory: int = _SET_MEMORY) -> None:
        options = re2.Options()
        options.max_mem = memory
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
