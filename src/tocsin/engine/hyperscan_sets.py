r"""Many patterns over whole texts as databases of Hyperscan.

Hyperscan is given bytes and none of its flags for Unicode. A literal is its UTF-8, and ``?``, one
character, is spelled out as the bytes of one; regular expressions (`ascii_regex`) are asked of
ASCII texts alone, and RE2 of others. All of it is asked at once of an ASCII text, in which a folded
pattern is one that ignores the case of ASCII; another text is asked twice, as it is and folded.

What would take it long to compile (measured: seconds for a hundred globs such as ``*a*b*``) is
given in a simpler form, which fits more, and `holds` is asked where that fits. Where that form is
the same one for many globs, they are asked by their pieces of text (`glob_index`). What is too much
altogether goes to RE2. `HyperscanSet.demoted` says both.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from time import perf_counter
from typing import Any, Final

import msgspec

from tocsin.engine import compiled
from tocsin.engine.ascii_regex import Doubtful, translated
from tocsin.engine.re2_sets import (
    Demoted,
    Pattern,
    Re2Sets,
    Weighed,
    path_needs,
    roughly,
    sum_of,
)
from tocsin.logic.field_types import fold
from tocsin.logic.patterns import ANY, OneCharacter, Part, glob_parts

with contextlib.suppress(Exception):  # where it does not run, `pattern_sets` makes no set
    import hyperscan

CASED, FOLDED, REGEX = range(3)

_ONE: Final = (
    r"(?:[\x00-\x7f]|[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3})"
)
_SPELLED: Final = [
    chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02x}" for byte in range(256)
]

_LONGEST_GLOB: Final = 250
_MOST_PIECES: Final = 8
_MOST_ONES: Final = 16
_MOST_AWKWARD: Final = 8
_LARGEST_DATABASE: Final = 24_000
_MOST_DATABASES: Final = 6
"""How much is compiled at once, and how often: in units of what a glob ``*text*`` costs."""

_AWKWARD_COST: Final = 1_000
MOST_PATTERNS: Final = 50_000
"""So many of a field are given to Hyperscan at all."""

MOST_ALIKE: Final = 100
"""So many globs may have a simpler form in common before it is said that they are slower."""

_LONGEST_COMPILING: Final = 5.0
"""After so many seconds no further database is made."""

_MANY: Final = f"more than {MOST_PATTERNS:,} of one field"
_COSTLY: Final = f"above {_LARGEST_DATABASE * _MOST_DATABASES:,} plain ones"
_TOO_MANY: Final = f"those of one field cost Hyperscan too much ({_COSTLY})"
_ALIKE: Final = f"more than {MOST_ALIKE:,} of one field whose longest text is the same, and short"

_ASKED_SINGLY: Final = 8
_LONGEST_ASKED_SINGLY: Final = 2_000

_WORTH_KEEPING: Final = 0.02
"""What took so many seconds is kept on disk."""


class _Expression(msgspec.Struct, frozen=True):
    """What Hyperscan is given.

    Attributes:
        text: the expression.
        sort: CASED, FOLDED (of these the texts have to be folded) or REGEX.
        cost: what it takes to compile.
        patterns: what it stands for.
        exact: whether it fits what its one pattern fits, or more than any of several.
    """

    text: str
    sort: int
    cost: int
    patterns: tuple[Weighed, ...]
    exact: bool = True


class _Stored(msgspec.Struct):
    """What is kept on disk: the databases, and the places of expressions that they lack."""

    databases: list[bytes]
    refused: dict[int, str]


class HyperscanSet:
    """Patterns for Hyperscan; they are compiled by `build`, or found on disk by `load`.

    Args:
        patterns: each with the bits that it sets.

    Attributes:
        demoted: what RE2 is asked, or nobody at once.
    """

    def __init__(self, patterns: Sequence[Weighed]) -> None:
        self._patterns = patterns
        expressions, self._refused = _expressions(patterns[:MOST_PATTERNS])
        self._refused += [(*item, _MANY) for item in patterns[MOST_PATTERNS:]]
        self._chunks, too_many = _chunks(expressions)
        self._refused += [(*item, _TOO_MANY) for e in too_many for item in e.patterns]
        self.demoted = self._demoted(self._refused)
        self._expressions = [e for chunk in self._chunks for e in chunk]
        self._ids, self._masks, self._sorts, self._doubtful = _numbered(self._expressions)
        self._lock = Lock()
        self._scans: list[tuple[Any, Any]] = []
        self._left: Re2Sets | None = None
        self._beyond: Re2Sets | None = None
        self._all: Re2Sets | None = None
        self._others: list[Weighed] = []
        self._of_empty: int | None = None

    def _demoted(self, refused: Iterable[tuple[Pattern, int, str]]) -> tuple[Demoted, ...]:
        """What is slow, known before anything is compiled."""
        found = [Demoted(pattern, mask, reason) for pattern, mask, reason in refused]
        for expression in (e for chunk in self._chunks for e in chunk):
            if len(expression.patterns) > MOST_ALIKE:
                found += [Demoted(*item, _ALIKE) for item in expression.patterns]
        return tuple(found)

    # --- compiling ----------------------------------------------------------------------------

    @property
    def _key(self) -> bytes:
        return msgspec.msgpack.encode(
            [[(e.text, _flags(e)) for e in chunk] for chunk in self._chunks] + [self._ids]
        )

    def load(self) -> bool:
        """Takes the databases that are kept on disk, if they are."""
        data = compiled.found("patterns", self._key)
        if data is None:
            return False
        try:
            self._open(msgspec.msgpack.decode(data, type=_Stored))
        except Exception:  # whatever is wrong with them, they are made anew
            return False
        return True

    def build(self) -> None:
        """Compiles the databases, or takes those that are kept on disk."""
        if self.load():
            return
        begin = perf_counter()
        stored = self._compiled()
        if perf_counter() - begin > _WORTH_KEEPING:
            compiled.keep("patterns", self._key, msgspec.msgpack.encode(stored))
        self._open(stored)

    def _compiled(self) -> _Stored:
        stored = _Stored([], {})
        start, begin = 0, perf_counter()
        for chunk in self._chunks:
            places = range(start, start + len(chunk))
            start += len(chunk)
            if perf_counter() - begin > _LONGEST_COMPILING:
                stored.refused.update(dict.fromkeys(places, "the others took too long"))
                continue
            database = self._database(places, stored.refused)
            if database is not None:
                stored.databases.append(database)
        return stored

    def _database(self, places: Sequence[int], refused: dict[int, str]) -> bytes | None:
        """The database of some expressions; those that it cannot hold are refused."""
        try:
            return self._compile(places)
        except hyperscan.error:
            # Only regular expressions have been seen to fail, of which there are few.
            for place in places:
                if self._expressions[place].sort == REGEX:
                    try:
                        self._compile([place])
                    except hyperscan.error as error:
                        refused[place] = f"Hyperscan does not take it: {error}"
        kept = [place for place in places if place not in refused]
        try:
            return self._compile(kept) if kept else None
        except hyperscan.error as error:
            refused.update(dict.fromkeys(kept, f"Hyperscan does not take them: {error}"))
            return None

    def _compile(self, places: Sequence[int]) -> bytes:
        expressions = [self._expressions[place] for place in places]
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[e.text.encode("ascii") for e in expressions],
            ids=[self._ids[place] for place in places],
            elements=len(expressions),
            flags=[_flags(e) for e in expressions],
        )
        return bytes(hyperscan.dumpb(database))

    def _open(self, stored: _Stored) -> None:
        scans = []
        for data in stored.databases:
            database = hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
            # A database that was loaded has no scratch space of its own.
            scans.append((database.scan, hyperscan.Scratch(database)))
        self._scans = scans
        refused = list(self._refused)
        for place, reason in stored.refused.items():
            refused += [(*item, reason) for item in self._expressions[place].patterns]
        if refused:
            self._left = Re2Sets((pattern, mask) for pattern, mask, _ in refused)
        self.demoted = self._demoted(refused)
        others = [(p, mask) for p, mask, _ in refused if p.kind != "regex"]
        others += [item for item in self._patterns if item[0].kind == "regex"]
        self._others = others

    # --- asking -------------------------------------------------------------------------------

    def fits(self, text: str) -> int:
        """The bits of the patterns that fit."""
        if not text.isascii():
            return self._of_unicode(text)
        if not text:
            if self._of_empty is None:
                self._of_empty = sum_of(self._patterns, text)
            return self._of_empty
        masks, doubtful = self._masks, self._doubtful
        mask = 0
        try:
            for number in self._found(text.encode()):
                mask |= masks[number]
                if number in doubtful:
                    mask |= doubtful[number](text)
        except hyperscan.error:
            return self._without_hyperscan(text)
        return mask if self._left is None else mask | self._left.fits(text)

    def _found(self, data: bytes) -> list[int]:
        found: list[int] = []
        # A scratch space serves one scan at a time, and a scan lets other threads run.
        with self._lock:
            for scan, scratch in self._scans:
                scan(data, _note, 0, found, scratch)
        return found

    def _of_unicode(self, text: str) -> int:
        masks, sorts, doubtful = self._masks, self._sorts, self._doubtful
        mask = 0
        try:
            for sort, asked in ((CASED, text), (FOLDED, fold(text))):
                for number in self._found(asked.encode("utf-8", "surrogatepass")):
                    if sorts[number] == sort:
                        mask |= masks[number]
                        if number in doubtful:
                            mask |= doubtful[number](text)
        except hyperscan.error:
            return self._without_hyperscan(text)
        if self._others and self._beyond is None:
            self._beyond = Re2Sets(self._others)
        return mask if self._beyond is None else mask | self._beyond.fits(text)

    def _without_hyperscan(self, text: str) -> int:
        if self._all is None:
            self._all = Re2Sets(self._patterns)
        return self._all.fits(text)


def _note(number: int, _begin: int, _end: int, _flags: int, found: Any) -> None:
    found.append(number)


def _flags(expression: _Expression) -> int:
    flags = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
    return flags | (hyperscan.HS_FLAG_CASELESS if expression.sort == FOLDED else 0)


def _numbered(
    expressions: Iterable[_Expression],
) -> tuple[list[int], list[int], list[int], dict[int, Callable[[str], int]]]:
    """A number for each expression, and by number the bits, the sort and who has to be asked.

    Expressions that set the same bits are one, so that they are reported once.
    """
    known: dict[tuple[int, int], int] = {}
    ids: list[int] = []
    masks: list[int] = []
    sorts: list[int] = []
    doubtful: dict[int, Callable[[str], int]] = {}
    for expression in expressions:
        number, mask = len(masks), 0
        if expression.exact:
            [(_, mask)] = expression.patterns
            number = known.setdefault((expression.sort, mask), number)
        else:
            doubtful[number] = _Doubtful(expression.patterns).fits
        if number == len(masks):
            masks.append(mask)
            sorts.append(expression.sort)
        ids.append(number)
    return ids, masks, sorts, doubtful


class _Doubtful:
    """Patterns that may fit, since what stands for all of them does."""

    def __init__(self, patterns: tuple[Weighed, ...]) -> None:
        self._patterns = patterns
        self._sets: Re2Sets | None = None

    def fits(self, text: str) -> int:
        if len(self._patterns) <= _ASKED_SINGLY and len(text) <= _LONGEST_ASKED_SINGLY:
            return sum_of(self._patterns, text)
        if self._sets is None:
            self._sets = Re2Sets(self._patterns)
        return self._sets.fits(text)


def _chunks(expressions: list[_Expression]) -> tuple[list[list[_Expression]], list[_Expression]]:
    """Databases' worth of expressions, and those that are too many."""
    chunks: list[list[_Expression]] = []
    room = 0
    for place, expression in enumerate(expressions):
        if expression.cost > room:
            if len(chunks) == _MOST_DATABASES:
                return chunks, expressions[place:]
            chunks.append([])
            room = _LARGEST_DATABASE
        chunks[-1].append(expression)
        room -= expression.cost
    return chunks, []


def _expressions(
    patterns: Iterable[Weighed],
) -> tuple[list[_Expression], list[tuple[Pattern, int, str]]]:
    """The patterns as expressions, and those that are left to RE2, with the reason."""
    found: list[_Expression] = []
    rough: dict[tuple[int, str], list[Weighed]] = defaultdict(list)
    refused: list[tuple[Pattern, int, str]] = []
    awkward = 0
    for pattern, mask in patterns:
        sort = FOLDED if pattern.fold_case else CASED
        match pattern.kind:
            case "regex":
                try:
                    text, cost = translated(
                        pattern.text, fold_case=pattern.fold_case, whole=pattern.whole
                    )
                except Doubtful as doubt:
                    refused.append((pattern, mask, f"Hyperscan is not given it: {doubt}"))
                else:
                    found.append(_Expression(text, REGEX, cost, ((pattern, mask),)))
            case "glob":
                parts = glob_parts(fold(pattern.text) if pattern.fold_case else pattern.text)
                text, cost = _exactly(parts)
                awkward += cost == _AWKWARD_COST
                if not text or (cost == _AWKWARD_COST and awkward > _MOST_AWKWARD):
                    rough[sort, _spelled(roughly(parts))].append((pattern, mask))
                else:
                    found.append(_Expression(text, sort, cost, ((pattern, mask),)))
            case "path":
                text = _spelled(roughly(glob_parts(path_needs(pattern))))
                rough[sort, text].append((pattern, mask))
    found += [_Expression(t, sort, 2, tuple(p), exact=False) for (sort, t), p in rough.items()]
    return found, refused


def _exactly(parts: tuple[Part, ...]) -> tuple[str, int]:
    """The expression of a glob and what it costs; none where it would cost too much."""
    pieces = [part for part in parts if isinstance(part, str)]
    ones = sum(isinstance(part, OneCharacter) for part in parts)
    lengths = [len(piece.encode("utf-8", "surrogatepass")) for piece in pieces]
    if not pieces or sum(lengths) > _LONGEST_GLOB or len(pieces) > _MOST_PIECES:
        return "", 0
    first = next(place for place, part in enumerate(parts) if isinstance(part, str))
    floats = ANY in parts[:first]
    if len(pieces) == 1 and not ones:
        cost = 1 if floats else 3
    elif ones > _MOST_ONES:
        return "", 0
    elif floats and min(lengths) < 2:
        if max(lengths) > 2 or ones or len(pieces) > 3:
            return "", 0
        cost = _AWKWARD_COST
    else:
        cost = (2 + 3 * (len(pieces) - 1) + 4 * (ones - (0 if floats else first))) * (1 + floats)
    return _spelled(parts), cost


def _spelled(parts: tuple[Part, ...]) -> str:
    if parts == (ANY,):
        return "."  # nobody asks it of an empty text
    begin, end = r"\A", r"\z"
    if parts[0] is ANY:
        begin, parts = "", parts[1:]
    if parts[-1] is ANY:
        end, parts = "", parts[:-1]
    return begin + "".join(map(_part, parts)) + end


def _part(part: Part) -> str:
    if part is ANY:
        return ".*"
    if isinstance(part, OneCharacter):
        return _ONE
    return "".join([_SPELLED[byte] for byte in part.encode("utf-8", "surrogatepass")])
