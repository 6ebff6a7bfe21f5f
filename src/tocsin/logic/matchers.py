"""What a leaf asks of one value: eight small frozen classes and one function.

A matcher sees values that `field_types.coerce` has read as the leaf's type. Several patterns in
one matcher are alternatives.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import assert_never

import msgspec

from tocsin.logic.field_types import FieldType, Scalar, fold, version_key
from tocsin.logic.patterns import glob_matches, glob_text


class Exists(msgspec.Struct, frozen=True, tag="exists"):
    """Any value at all."""


class Equals(msgspec.Struct, frozen=True, tag="equals"):
    """One of the values. Numbers equal by size (1 and 1.0), never a boolean or a text."""

    values: tuple[Scalar, ...]
    fold_case: bool = False


class Wildcard(msgspec.Struct, frozen=True, tag="wildcard"):
    """A text that fits one of the globs (`patterns`) as a whole."""

    globs: tuple[str, ...]
    fold_case: bool = False


class Regex(msgspec.Struct, frozen=True, tag="regex"):
    """A text that one of the regular expressions finds.

    Attributes:
        patterns: RE2 syntax.
        fold_case: whether case is ignored.
        whole: whether it has to match the whole value (Lucene) or any part of it (SECL).
        texts: the patterns as the rule wrote them, in the same order.
    """

    patterns: tuple[str, ...]
    fold_case: bool = False
    whole: bool = True
    texts: tuple[str, ...] = ()


class Range(msgspec.Struct, frozen=True, tag="range"):
    """A value between two bounds; a missing bound is open.

    Numbers with numbers, texts by code unit, dates as nanoseconds, versions by semver, IP
    addresses by number; values of different kinds never compare.
    """

    low: Scalar | None = None
    high: Scalar | None = None
    low_included: bool = True
    high_included: bool = True


class InNetwork(msgspec.Struct, frozen=True, tag="network"):
    """An IP address in one of the blocks.

    Attributes:
        blocks: CIDR notation or bare addresses; host bits are ignored.
        symmetric: SECL: the event's value may itself be a block, and either may hold the other.
    """

    blocks: tuple[str, ...]
    symmetric: bool = False


class Words(msgspec.Struct, frozen=True, tag="words"):
    """Analysed text (Elasticsearch's `text` fields and their standard analyzer).

    Attributes:
        words: lower-case tokens; with ``how="wildcard"`` globs over one token each.
        how: "phrase" = adjacent and in order, "any" = at least one.
        text: the value as the rule wrote it.
    """

    words: tuple[str, ...]
    how: str = "phrase"
    text: str = ""


class PathGlob(msgspec.Struct, frozen=True, tag="path"):
    """SECL's globs over paths: ``*`` stays inside one segment, ``**`` is any number of them."""

    patterns: tuple[str, ...]
    fold_case: bool = False


Matcher = Exists | Equals | Wildcard | Regex | Range | InNetwork | Words | PathGlob

# Elastic's Windows integrations analyse script blocks at what is no letter, digit or underscore
# (and keep hyphens); the standard analyzer keeps some dots within words besides. Cutting at both
# finds every phrase that either finds, as a phrase is words in a row.
_LONGEST_BLOCK = 100
_TOKEN = re.compile(r"\w+")


def matched_pattern(matcher: Matcher, kind: FieldType, value: Scalar) -> str | None:
    """The pattern of the matcher that the value fits, as the rule wrote it; None for no match.

    This is the definition: the columnar engine's scans are held to it.

    Args:
        matcher: what to ask.
        kind: the leaf's type, for the order of versions and addresses.
        value: read as ``kind`` by `field_types.coerce`.
    """
    match matcher:
        case Exists():
            return "*"
        case Equals(values, fold_case):
            return next((show(kind, v) for v in values if _equal(v, value, fold_case)), None)
        case Wildcard(globs, fold_case):
            if not isinstance(value, str):
                return None
            text = fold(value) if fold_case else value
            return next(
                (glob_text(g) for g in globs if glob_matches(fold(g) if fold_case else g, text)),
                None,
            )
        case Regex(patterns, fold_case, whole, texts):
            if not isinstance(value, str):
                return None
            text = fold(value) if fold_case else value
            for number, pattern in enumerate(patterns):
                if regex_matches(pattern, text, fold_case, whole):
                    return texts[number] if texts else pattern
            return None
        case Range():
            return show_range(matcher, kind) if _in_range(matcher, kind, value) else None
        case InNetwork(blocks, symmetric):
            if not isinstance(value, str):
                return None
            return next((b for b in blocks if in_network(value, b, symmetric=symmetric)), None)
        case Words():
            return matcher.text if isinstance(value, str) and _has_words(matcher, value) else None
        case PathGlob(patterns, fold_case):
            if not isinstance(value, str):
                return None
            from tocsin.logic.path_globs import path_glob_matches

            return next(
                (p for p in patterns if path_glob_matches(p, value, fold_case=fold_case)), None
            )
        case _:
            assert_never(matcher)


def show(kind: FieldType, value: Scalar) -> str:
    """A constant of a rule for people: dates as dates, booleans as JSON has them."""
    from tocsin.logic.field_types import render_date, text_of

    if kind == "date" and isinstance(value, int) and not isinstance(value, bool):
        return render_date(value)
    return text_of(value)


def show_range(matcher: Range, kind: FieldType) -> str:
    """The bounds of a range, as ``> 5`` or ``>= 5 and < 9``."""
    parts = []
    if matcher.low is not None:
        parts.append((">=" if matcher.low_included else ">") + f" {show(kind, matcher.low)}")
    if matcher.high is not None:
        parts.append(("<=" if matcher.high_included else "<") + f" {show(kind, matcher.high)}")
    return " and ".join(parts)


def tokens(text: str) -> list[str]:
    """The words of analysed text: runs of letters, digits and underscores, in lower case."""
    return [fold(token) for token in _TOKEN.findall(text)]


def _equal(wanted: Scalar, value: Scalar, fold_case: bool) -> bool:
    if isinstance(wanted, str) or isinstance(value, str):
        if not (isinstance(wanted, str) and isinstance(value, str)):
            return False
        return fold(wanted) == fold(value) if fold_case else wanted == value
    if isinstance(wanted, bool) != isinstance(value, bool):
        return False
    return wanted == value


def compare(kind: FieldType, left: Scalar, right: Scalar) -> int | None:
    """Negative, zero or positive, as an order; None where the two have no order."""
    if isinstance(left, str) and isinstance(right, str):
        if kind == "version":
            a, b = version_key(left), version_key(right)
            return (a > b) - (a < b)
        if kind == "ip":
            one, other = _address(left), _address(right)
            return None if one is None or other is None else (one > other) - (one < other)
        # Elasticsearch orders keywords by their UTF-8 bytes, which is the order of code points.
        return (left > right) - (left < right)
    if isinstance(left, (str, bool)) or isinstance(right, (str, bool)):
        return None
    return (left > right) - (left < right)


@lru_cache(maxsize=65_536)
def _address(text: str) -> int | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # Lucene holds every address as sixteen bytes, IPv4 as its mapped form.
    return int(address) if address.version == 6 else int(address) | 0xFFFF << 32


def _in_range(matcher: Range, kind: FieldType, value: Scalar) -> bool:
    if matcher.low is not None:
        order = compare(kind, value, matcher.low)
        if order is None or order < 0 or (order == 0 and not matcher.low_included):
            return False
    if matcher.high is not None:
        order = compare(kind, value, matcher.high)
        if order is None or order > 0 or (order == 0 and not matcher.high_included):
            return False
    return True


def _has_words(matcher: Words, value: str) -> bool:
    found = tokens(value)
    match matcher.how:
        case "any":
            return any(word in found for word in matcher.words)
        case "wildcard":
            return all(any(glob_matches(g, token) for token in found) for g in matcher.words)
        case _:
            size = len(matcher.words)
            wanted = list(matcher.words)
            return size > 0 and any(
                found[i : i + size] == wanted for i in range(len(found) - size + 1)
            )


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network_of(text: str) -> Network | None:
    """A block or a bare address as a network; an IPv4-mapped one as its IPv4 form."""
    return _network_of(text) if len(text) <= _LONGEST_BLOCK else None


@lru_cache(maxsize=65_536)
def _network_of(text: str) -> Network | None:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return ipaddress.ip_network((mapped, network.prefixlen - 96), strict=False)
    return network


def in_network(value: str, block: str, *, symmetric: bool) -> bool:
    """Whether an address lies in a block; with ``symmetric``, whether either holds the other."""
    one, other = network_of(value), network_of(block)
    if one is None or other is None or one.version != other.version:
        return False
    if one.network_address in other:
        return True
    return symmetric and other.network_address in one


@lru_cache(maxsize=4_096)
def _compiled(pattern: str, whole: bool) -> re.Pattern[str]:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    compiled: re.Pattern[str] = re2.compile(f"^(?:{pattern})$" if whole else pattern, options)
    return compiled


def regex_matches(pattern: str, text: str, fold_case: bool, whole: bool) -> bool:
    """Whether RE2 finds the pattern; with ``fold_case`` the text is folded already."""
    if fold_case:
        pattern = f"(?i:{pattern})"
    compiled = _compiled(rf"(?s){pattern}", whole)
    return (compiled.fullmatch(text) if whole else compiled.search(text)) is not None
