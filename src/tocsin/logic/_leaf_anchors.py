r"""What a line of JSON needs for one leaf to hold of its event.

Three things, each an over-approximation:

* the field is there (`_json_places.key_anchor`);
* the value: the pieces of texts that the matcher cannot do without, as JSON spells them. In a field
  of texts a number stands without quotes (`field_types.text_of`), so the pieces count only if no
  number and no boolean has them all;
* both together, for texts that are so short that they are found in many places
  (`_json_places.value_anchor`): ``"start"`` in ``event.type`` is another one than elsewhere.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from tocsin.logic._address_anchors import address_text_anchor, addresses_anchor, networks_anchor
from tocsin.logic._anchor_formulas import (
    ANYTHING,
    MOST_ALTERNATIVES,
    NOTHING,
    Anchor,
    Text,
    all_of,
    any_of,
)
from tocsin.logic._json_places import key_anchor, value_anchor
from tocsin.logic._json_spelling import QUOTE, expression, spelled
from tocsin.logic._number_anchors import boolean_anchor, numbers_anchor, range_anchor
from tocsin.logic._regex_anchors import Every, Need, OneOf, needs_of
from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import FieldType, Scalar, fold
from tocsin.logic.matchers import (
    Equals,
    InNetwork,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
    matched_pattern,
)
from tocsin.logic.patterns import glob_parts, is_literal

_TELLING = 12
"""A text of so many characters is seldom found in another place than its own."""

_TEXTS: frozenset[FieldType] = frozenset({"keyword", "text", "version"})
_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")
_BARE = re.compile(r"-?[0-9]*(?:\.[0-9]*)?(?:e[-+]?[0-9]*)?\Z|[-+][0-9]*\Z")
"""A part of a number's text: one point, one exponent."""

_ODD_NUMBER = rb"-?[0-9]+[.e]"
"""How a number begins whose text is another one than what stands in the line."""
_PATH_GAPS = re.compile(r"(?:^|/)\*\*(?:/|$)|\*+")


def leaf_anchor(leaf: Leaf) -> Anchor:
    """What a line needs for the leaf to hold."""
    if holds_without(leaf):
        return ANYTHING
    return all_of((key_anchor(leaf.field), _asked(leaf)))


def holds_without(leaf: Leaf) -> bool:
    """Whether the leaf holds of an event that lacks the field."""
    if leaf.missing is None:
        return leaf.every
    return matched_pattern(leaf.matcher, leaf.type, leaf.missing) is not None


def _asked(leaf: Leaf) -> Anchor:
    """What the value that fits needs, and where it has to stand."""
    match leaf.matcher:
        case Equals(values, fold_case):
            return _equals(leaf, values, fold_case=fold_case)
        case Wildcard(globs, fold_case):
            return _wildcard(leaf, globs, fold_case=fold_case)
        case Regex(patterns, fold_case, whole):
            needs = [needs_of(pattern, whole=whole) for pattern in patterns]
            return _texts(leaf, needs, fold_case=fold_case)
        case Words():
            return _text_anchor(_needs_of_words(leaf.matcher), leaf, fold_case=True)
        case PathGlob(patterns, fold_case):
            return _path(leaf, patterns, fold_case=fold_case)
        case InNetwork(blocks, symmetric) if leaf.type == "ip" and not symmetric:
            return networks_anchor(leaf.field, blocks)
        case Range() if leaf.type in {"long", "double", "dynamic"}:
            return range_anchor(leaf.field, leaf.matcher, in_texts=leaf.type != "dynamic")
        case _:
            return ANYTHING


# --- equality ---------------------------------------------------------------------------------


def _equals(leaf: Leaf, values: Sequence[Scalar], *, fold_case: bool) -> Anchor:
    if len(values) > MOST_ALTERNATIVES:
        return ANYTHING
    field, kind = leaf.field, leaf.type
    texts = [fold(v) if fold_case else v for v in values if isinstance(v, str)]
    match kind:
        case "date":
            return ANYTHING
        case "ip":
            return addresses_anchor(field, texts)
        case "boolean":
            return boolean_anchor(field, values)
        case "long" | "double":
            return numbers_anchor(field, values, in_texts=True)
        case "dynamic":
            found = [_equal_texts(field, texts, fold_case=fold_case, is_typed=False)]
            flags = [b"true" if v else b"false" for v in values if isinstance(v, bool)]
            found.append(value_anchor(field, flags) if flags else NOTHING)
            return any_of((*found, numbers_anchor(field, values, in_texts=False)))
        case _:
            return _equal_texts(field, texts, fold_case=fold_case, is_typed=True)


def _equal_texts(field: str, texts: Sequence[str], *, fold_case: bool, is_typed: bool) -> Anchor:
    """One of the texts; ``is_typed``: where numbers and booleans are read as texts too."""
    found: list[Anchor] = []
    targets = []
    for text in texts:
        if is_typed and _INTEGER.match(text):
            found.append(spelled(text, fold_case=False))
            # Only 0 has a second spelling without a fraction.
            targets.append((b"-?" if text == "0" else b"") + text.encode() + rb"[^0-9.e\n]")
        elif is_typed and text in {"true", "false"}:
            found.append(Text(text.encode()))
            targets.append(text.encode())
        elif is_typed and _is_fraction(text):
            found.append(ANYTHING)
            targets.append(rb"-?[0-9]+[.e]")
        else:
            found.append(spelled(f"{QUOTE}{text}{QUOTE}", fold_case=fold_case))
    if min(map(len, texts), default=_TELLING) >= _TELLING:
        return any_of(found)
    targets += [expression(f"{QUOTE}{text}{QUOTE}", fold_case=fold_case) for text in texts]
    return all_of((any_of(found), value_anchor(field, targets)))


def _is_fraction(text: str) -> bool:
    """Whether it is the text of a number that JSON may spell in many ways: ``1.5``, ``1e+16``."""
    try:
        return _BARE.match(text) is not None and str(float(text)) == text
    except ValueError:
        return False


# --- pieces of texts --------------------------------------------------------------------------


def _texts(leaf: Leaf, needs: Sequence[Need], *, fold_case: bool) -> Anchor:
    """What a line needs for a value with one of these sets of pieces."""
    found = any_of(_text_anchor(need, leaf, fold_case=fold_case) for need in needs)
    if min(map(_length, needs), default=_TELLING) >= _TELLING:
        return found
    if leaf.type != "dynamic" and (leaf.type not in _TEXTS or any(map(_may_be_bare, needs))):
        return found
    pieces = [piece for need in needs for piece in _best(need)]
    if not all(piece.startswith(QUOTE) for piece in pieces):
        return found  # to look through whole values for what is inside costs too much
    targets = [expression(piece, fold_case=fold_case) for piece in pieces]
    return all_of((found, value_anchor(leaf.field, targets)))


def _length(need: Need) -> int:
    """How long the longest text is that a value has in any case."""
    match need:
        case Every(terms):
            return max(map(_length, terms), default=0)
        case OneOf(terms):
            return min(map(_length, terms), default=0)
        case _:
            return len(need)


def _best(need: Need) -> tuple[str, ...]:
    """The texts, as long as can be, of which a value has one in any case."""
    match need:
        case Every(terms):
            return _best(max(terms, key=_length)) if terms else ("",)
        case OneOf(terms):
            return tuple(itertools.chain.from_iterable(map(_best, terms)))
        case _:
            return (need,)


def _text_anchor(need: Need, leaf: Leaf, *, fold_case: bool) -> Anchor:
    """What a line needs for a value of the leaf's field with these pieces."""
    match leaf.type:
        case "dynamic":
            return _spelled(need, fold_case=fold_case, odd=None)
        case "keyword" | "text" | "version":
            odd = value_anchor(leaf.field, [_ODD_NUMBER])
            return _spelled(need, fold_case=fold_case, odd=odd)
        case "ip":
            return _address_text(need)
        case _:
            return NOTHING  # its values are no texts


def _spelled(need: Need, *, fold_case: bool, odd: Anchor | None) -> Anchor:
    """The pieces as JSON spells them.

    Args:
        need: the pieces.
        fold_case: whether letters are equal in both cases.
        odd: what a line needs for a number in the field that is spelled in another manner than its
            text; None: it is known that the value is a string.
    """
    match need:
        case Every(terms):
            odd = odd if _may_be_bare(need) else None
            return all_of(_spelled(t, fold_case=fold_case, odd=odd) for t in terms)
        case OneOf(terms):
            return any_of(_spelled(t, fold_case=fold_case, odd=odd) for t in terms)
        case _:
            if odd is None or not is_bare(need):
                return spelled(need, fold_case=fold_case)
            text = need.replace(QUOTE, "")
            return any_of((spelled(text, fold_case=fold_case), odd)) if text else ANYTHING


def _may_be_bare(need: Need) -> bool:
    """Whether a number or a boolean may have the pieces: such values stand without quotes."""
    match need:
        case Every(terms):
            return all(map(_may_be_bare, terms))
        case OneOf(terms):
            return any(map(_may_be_bare, terms))
        case _:
            return is_bare(need)


def is_bare(text: str) -> bool:
    """Whether a number's or a boolean's text may hold this one."""
    text = text.replace(QUOTE, "").lower()
    return _BARE.match(text) is not None or text in "true" or text in "false"


def _address_text(need: Need) -> Anchor:
    match need:
        case Every(terms):
            return all_of(map(_address_text, terms))
        case OneOf(terms):
            return any_of(map(_address_text, terms))
        case _:
            return address_text_anchor([need.replace(QUOTE, "")])


# --- what patterns cannot do without ----------------------------------------------------------


def _wildcard(leaf: Leaf, globs: Sequence[str], *, fold_case: bool) -> Anchor:
    if len(globs) > MOST_ALTERNATIVES:
        return ANYTHING
    folded = [fold(glob) if fold_case else glob for glob in globs]
    texts = ["".join(map(str, glob_parts(glob))) for glob in folded if is_literal(glob)]
    needs = [Every(tuple(_pieces_of_glob(glob))) for glob in folded if not is_literal(glob)]
    equal = _equals(leaf, texts, fold_case=fold_case) if texts else NOTHING
    return any_of((equal, _texts(leaf, needs, fold_case=fold_case)))


def _pieces_of_glob(glob: str) -> Iterator[str]:
    """The texts between the wildcards, with `QUOTE` where the glob begins or ends with one."""
    piece = QUOTE
    for part in glob_parts(glob):
        if isinstance(part, str):
            piece += part
        else:
            yield piece
            piece = ""
    yield piece + QUOTE


def _needs_of_words(words: Words) -> Need:
    match words.how:
        case "any":
            return OneOf(words.words)
        case "wildcard":
            parts = itertools.chain.from_iterable(map(glob_parts, words.words))
            return Every(tuple(part for part in parts if isinstance(part, str)))
        case _:
            return Every(words.words)


def _path(leaf: Leaf, patterns: Sequence[str], *, fold_case: bool) -> Anchor:
    if len(patterns) > MOST_ALTERNATIVES:
        return ANYTHING
    plain = [pattern for pattern in patterns if "*" not in pattern and not fold_case]
    globs = [pattern for pattern in patterns if "*" in pattern or fold_case]
    equal = _equals(leaf, plain, fold_case=False) if plain else NOTHING
    needs = [_needs_of_path(glob, fold_case=fold_case) for glob in globs]
    return any_of((equal, _texts(leaf, needs, fold_case=fold_case)))


def _needs_of_path(pattern: str, *, fold_case: bool) -> Need:
    if fold_case:
        # Separators are written in two ways there.
        pieces = re.split(r"[*/\\]+", fold(pattern))
    else:
        # What is before a "**" may overlap with what is behind it, and so their separators too.
        pieces = _PATH_GAPS.split(pattern)
        pieces[0] = QUOTE + pieces[0] if not pattern.startswith("*") else pieces[0]
        pieces[-1] += QUOTE if not pattern.endswith("*") else ""
    return Every(tuple(piece for piece in pieces if piece))
