"""What a leaf asks of one value, prepared: `matched_pattern` for many values one after another.

Constants are looked up by their text, globs are only tried on texts that have their longest part,
and what was answered of a short text is remembered: values come again.

>>> from tocsin.logic.matchers import Wildcard
>>> ask = asked(Leaf("process.name", Wildcard(("curl", "*get*"), fold_case=True), "keyword"))
>>> ask("CURL"), ask("wget2"), ask("bash")
('curl', '*get*', None)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import assert_never

from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import FieldType, Scalar, fold
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
    matched_pattern,
    show,
    show_range,
)
from tocsin.logic.patterns import glob_matches, glob_parts, glob_text, is_literal

Ask = Callable[[Scalar], str | None]
"""Given a value that is read as the leaf's type, the alternative that it fits, if any."""

_MOST_ANSWERS = 16_384
_LONGEST_KEPT = 256
"""The longest text of which is remembered what it fits."""


def patterns_of(leaf: Leaf) -> tuple[str, ...]:
    """The alternatives of a leaf as the rule wrote them."""
    match leaf.matcher:
        case Exists():
            return ("*",)
        case Equals(values):
            return tuple(dict.fromkeys(show(leaf.type, value) for value in values))
        case Wildcard(globs):
            return tuple(glob_text(glob) for glob in globs)
        case Regex(patterns, _, _, texts):
            return texts or patterns
        case Range():
            return (show_range(leaf.matcher, leaf.type),)
        case InNetwork(blocks):
            return blocks
        case Words(words, _, text):
            return (text or " ".join(words),)
        case PathGlob(patterns):
            return patterns
        case _:
            assert_never(leaf.matcher)


def asked(leaf: Leaf) -> Ask:
    """`matched_pattern` for a leaf, as an alert shows it."""
    ask: Ask = partial(matched_pattern, leaf.matcher, leaf.type)
    match leaf.matcher:
        case Exists():
            return lambda _: "*"
        case Equals():
            return _Equals(leaf.matcher, leaf.type)
        case Range(low, high):
            # A bound says its operator itself.
            mark = f"{leaf.operator} " if None in (low, high) else ""
            return partial(_in_range, ask, mark)
        case Wildcard():
            return partial(_answer, _Globs(leaf.matcher))
        case Regex() | InNetwork() | Words() | PathGlob():
            return partial(_answer, ask)
        case _:
            assert_never(leaf.matcher)


def _in_range(ask: Ask, mark: str, value: Scalar) -> str | None:
    pattern = ask(value)
    return None if pattern is None else pattern.removeprefix(mark)


def _answer(ask: Ask, value: Scalar) -> str | None:
    if not isinstance(value, str):
        return None  # the matchers that ask this way are of texts
    return _known(ask, value) if len(value) <= _LONGEST_KEPT else ask(value)


@lru_cache(maxsize=_MOST_ANSWERS)
def _known(ask: Ask, value: str) -> str | None:
    return ask(value)


class _Equals:
    """The values of a matcher by their texts."""

    def __init__(self, matcher: Equals, kind: FieldType) -> None:
        self._folds = matcher.fold_case
        self._texts: dict[str, str] = {}
        others: list[Scalar] = []
        for value in matcher.values:
            if isinstance(value, str):
                self._texts.setdefault(fold(value) if self._folds else value, show(kind, value))
            else:
                others.append(value)
        self._others = partial(matched_pattern, Equals(tuple(others)), kind)

    def __call__(self, value: Scalar) -> str | None:
        if isinstance(value, str):
            return self._texts.get(fold(value) if self._folds else value)
        return self._others(value)


class _Globs:
    """The globs of a matcher: those without wildcards by their texts, the others in order."""

    def __init__(self, matcher: Wildcard) -> None:
        self._folds = matcher.fold_case
        self._globs = matcher.globs
        self._literals: dict[str, int] = {}
        self._others: list[tuple[int, str, str]] = []
        for number, spelled in enumerate(matcher.globs):
            glob = fold(spelled) if self._folds else spelled
            texts = [part for part in glob_parts(glob) if isinstance(part, str)]
            if is_literal(glob):
                self._literals.setdefault("".join(texts), number)
            else:
                # Nothing fits a glob that does not have all of its texts; the longest is rare.
                self._others.append((number, max(texts, key=len, default=""), glob))

    def __call__(self, value: Scalar) -> str | None:
        text = fold(str(value)) if self._folds else str(value)
        best = self._literals.get(text, len(self._globs))
        for number, part, glob in self._others:
            if number > best:
                break
            if part in text and glob_matches(glob, text):
                best = number
                break
        return glob_text(self._globs[best]) if best < len(self._globs) else None
