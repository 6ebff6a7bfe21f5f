"""Hypothesis strategies: random events and random logic, made so that they meet.

Few field names and few values, so that a random condition often holds of a random event, and those
that are easily got wrong: dotted and nested objects side by side, arrays in arrays, nulls, numbers
that are texts, booleans beside 1 and 0, letters whose case changes their length.

>>> from hypothesis import find
>>> find(documents(), lambda document: "a" in document)
{'a': None}

Needs `hypothesis`, which comes with Tocsin's development dependencies and not with Tocsin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import FieldType, Scalar, coerce
from tocsin.logic.functions import FUNCTIONS
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    Matcher,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
    tokens,
)
from tocsin.logic.patterns import glob_escape
from tocsin.logic.value import Call, Const, Field, Value

try:
    from hypothesis import strategies as st
except ImportError as missing:  # pragma: no cover
    message = "tocsin.testing.strategies needs hypothesis: pip install hypothesis"
    raise ImportError(message) from missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

KEYS: Final = ("a", "b", "c", "a.b", "b.c", "a.b.c", "a.a")
"""The keys of objects; one in a while is something else."""

FIELDS: Final = ("a", "b", "c", "a.b", "a.a", "a.b.c", "b.c", "a.c")
"""The fields that conditions name."""

GLOB_FIELDS: Final = ("*", "a.*", "*.c", "a*c")
"""Names for several fields at once."""

TYPES: Final[tuple[FieldType, ...]] = get_args(FieldType)

TEXTS: Final = (
    "", "a", "A", "ab", "curl", "CURL", "cmd.exe", "C:\\Windows\\cmd.exe", "a*b", "a?b", "a\\b",
    "hello world", "Hello, World!", "line\nbreak", " a ", "é", "É", "x\x00y", "\U0001d54f",
    # Letters whose lower case is longer, or another letter, or depends on what is around it.
    "İ", "i̇", "I", "ı", "ẞ", "ß", "SS", "\u212a", "k", "K", "ſ", "ΑΣ", "ας", "ασ", "ΑΣΑ", "ǅ",
    "/etc/passwd", "/etc/ssl/certs/ca.pem", "/", "/etc/", "etc/passwd",
    "0", "1", "1.0", "01", "-1", "2", "1e3", " 1 ", "²", "٣", "true", "false", "True", "null",
    "10.0.0.1", "10.0.0.0/8", "::ffff:10.0.0.1", "::1", "fe80::1%eth0", "169.254.169.254",
    "2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000000001+01:00", "20200101",
    "1577836800000", "1.2.3", "1.2.3-rc.1", "1.10.0", "1.2.3+build",
)  # fmt: skip

NUMBERS: Final = (
    0, 1, -1, 2, 80, 255, 1.0, 0.0, -0.0, 0.5, 1.5, -1.0, 1e300, 1e16, 2**53 + 1, 2.0**53,
    2**63 - 1, -(2**63), 2**70, 10**30, 1577836800000,
)  # fmt: skip

PATTERNS: Final = (
    "", "a", "curl", ".", ".*", "a|b", "^a", "a$", "^$", "[a-z]+", "[^a]", "c.*l", "(?:a|A)b?",
    r"\d+", r"\w+\.exe", r"\s", r"\bcmd\b", "K", "ß", "İ", "Σ", "a{2,}", r"\.", r"C:\\",
)  # fmt: skip
"""Regular expressions that RE2 takes."""


_FIELD: Final = (*FIELDS * 3, *GLOB_FIELDS)


def texts() -> SearchStrategy[str]:
    """Texts: mostly well known ones, now and then any (no lone surrogates)."""
    known = st.sampled_from(TEXTS)
    return known | known | st.text(st.characters(codec="utf-8"), max_size=6)


def numbers() -> SearchStrategy[int | float]:
    """Numbers, as JSON has them: no NaN, no infinity."""
    return st.sampled_from(NUMBERS) | st.integers(-5, 300) | st.floats(-1e300, 1e300)


def scalars() -> SearchStrategy[Scalar]:
    """JSON's values that are no containers and not null."""
    return st.one_of(texts(), texts(), numbers(), st.booleans())


def documents(*, max_size: int = 4) -> SearchStrategy[dict[str, Any]]:
    """Events: JSON objects, nested, dotted and both, with arrays, nulls and mixed types.

    Args:
        max_size: how many keys an object has at most.
    """
    odd = ("", "d", "a.", ".a", "a..b", "A", "a*c", "a.d", "^")
    keys = st.sampled_from((*KEYS * 5, *odd))
    values = st.recursive(
        st.none() | scalars(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=max_size),
        max_leaves=8,
    )
    return st.dictionaries(keys, values, max_size=max_size)


def batches(*, max_size: int = 6) -> SearchStrategy[list[dict[str, Any]]]:
    """Some events."""
    return st.lists(documents(), max_size=max_size)


def field_names() -> SearchStrategy[str]:
    """The fields that conditions name: mostly one, now and then several by a wildcard."""
    return st.sampled_from(_FIELD)


def globs() -> SearchStrategy[str]:
    """Wildcard patterns as `logic.patterns` spells them."""
    pieces = st.sampled_from(("*", "?", "\\*", "\\?", "\\")) | texts().map(glob_escape)
    return st.lists(pieces, max_size=4).map("".join)


@st.composite
def path_globs(draw: DrawFn) -> str:
    """SECL's patterns over paths, with at most one ``**``."""
    segments = st.sampled_from(("", "*", "etc", "e*", "*d", "ca.pem", "passwd", "ETC"))
    parts = draw(st.lists(segments, max_size=4))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), "**")
    return draw(st.sampled_from(("", "/"))) + "/".join(parts)


@st.composite
def matchers(draw: DrawFn, kind: FieldType = "dynamic") -> Matcher:
    """Every matcher, with constants read as a field of the type holds them, or as they are."""

    def held(value: Scalar) -> Scalar:
        found = coerce(kind, value)
        return value if found is None else found

    constants = scalars() | scalars().map(held)
    bounds = st.none() | constants
    blocks = st.sampled_from(
        ("10.0.0.0/8", "10.0.0.1", "0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104", "::1", "10.6.4.2/8")
    )
    fold_case = st.booleans()
    number = draw(st.integers(0, 7))
    match number:
        case 0:
            return Exists()
        case 1:
            return Equals(draw(_some(constants)), draw(fold_case))
        case 2:
            return Wildcard(draw(_some(globs())), draw(fold_case))
        case 3:
            patterns = _some(st.sampled_from(PATTERNS))
            return Regex(draw(patterns), draw(fold_case), draw(st.booleans()))
        case 4:
            return Range(draw(bounds), draw(bounds), draw(st.booleans()), draw(st.booleans()))
        case 5:
            return InNetwork(draw(_some(blocks)), draw(st.booleans()))
        case 6:
            return PathGlob(draw(_some(path_globs())), draw(fold_case))
        case _:
            text = draw(texts())
            how = draw(st.sampled_from(("phrase", "any", "wildcard")))
            suffix = "*" if how == "wildcard" else ""
            return Words(tuple(f"{word}{suffix}" for word in tokens(text)), how, text)


@st.composite
def leaves(draw: DrawFn, fields: Sequence[str] = _FIELD) -> Leaf:
    """A question about a field: every matcher, every type, with and without a missing value.

    Args:
        draw: given by hypothesis.
        fields: the names to choose from.
    """
    kind = draw(st.sampled_from(TYPES))
    return Leaf(
        draw(st.sampled_from(fields)),
        draw(matchers(kind)),
        kind,
        draw(st.none() | st.none() | scalars()),
        draw(st.booleans()),
        draw(st.sampled_from(("==", ":", "!="))),
        draw(st.sampled_from(("", "A.b"))),
    )


@st.composite
def values(draw: DrawFn, fields: Sequence[str] = _FIELD, *, depth: int = 2) -> Value:
    """What is computed in a script: every function, also with arguments of the wrong kind.

    Args:
        draw: given by hypothesis.
        fields: the names to choose from.
        depth: how deep calls nest.
    """
    number = draw(st.integers(0, 4 if depth else 2))
    if number == 0:
        return Const(draw(st.none() | scalars()))
    if number <= 2:  # a field as often as a call
        kind = draw(st.sampled_from(TYPES))
        return Field(draw(st.sampled_from(fields)), kind, draw(st.none() | scalars()))
    name = draw(st.sampled_from(sorted(FUNCTIONS)))
    least, most = FUNCTIONS[name].arity
    size = draw(st.integers(least, least + 2 if most is None else most))
    inner = values(fields, depth=depth - 1)
    patterns = st.sampled_from(PATTERNS).map(Const)
    takes_patterns = name in {"regex", "regex_search"}
    arguments = [draw(patterns if takes_patterns and place else inner) for place in range(size)]
    return Call(name, tuple(arguments), FUNCTIONS[name].folds and draw(st.booleans()))


@st.composite
def expressions(draw: DrawFn, fields: Sequence[str] = _FIELD, *, depth: int = 3) -> Expr:
    """Conditions: every node of `logic.expr`.

    Args:
        draw: given by hypothesis.
        fields: the names to choose from.
        depth: how deep terms nest.
    """
    inner = expressions(fields, depth=depth - 1)
    number = draw(st.integers(0, 14 if depth else 4))
    if number <= 4:  # the numbers are weights
        return draw(leaves(fields))
    match number:
        case 5:
            return Always(draw(st.booleans()))
        case 6:
            return Script(draw(values(fields)))
        case 7:
            names = (*FIELDS, "b", "c", "^.a", "^.b.c")
            term = draw(expressions(names, depth=min(depth - 1, 1)))
            return Nested(draw(st.sampled_from(("a", "b", "a.b", "c"))), term)
        case 8 | 9:
            return Not(draw(inner))
        case 10 | 11 | 12:
            return And(tuple(draw(st.lists(inner, max_size=3))))
        case _:
            return Or(tuple(draw(st.lists(inner, max_size=3))))


def _some(items: SearchStrategy[Any]) -> SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, min_size=1, max_size=3).map(tuple)
