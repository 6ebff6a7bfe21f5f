"""Reading one value of a Windows event, whatever stands there, and what follows from it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from tocsin.events.shapes._values import kept
from tocsin.logic.field_types import coerce, date_of, render_date

Object = dict[str, Any]
Value = str | list[str]
"""What a name in EventData has: a text, or several where the name stands several times."""

NOTHING: Final = frozenset({"", "-", "{00000000-0000-0000-0000-000000000000}"})
"""How events write that there is no value; ECS fields leave it out."""

LONGEST_COMMAND: Final = 1 << 16
"""The longest command line that is split into arguments; Windows itself allows half of it."""

_LONG: Final = 1 << 63
_GUID: Final = re.compile(r"[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}\Z")
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}\Z|0[xX][0-9a-fA-F]{1,16}\Z")
_DOT_NET: Final = re.compile(r"/Date\((-?[0-9]{1,17})(?:[+-][0-9]{4})?\)/\Z")
_PIECE: Final = re.compile(r'[ \t]+|\\+|"|[^ \t\\"]+')
_MAPPED: Final = "::ffff:"


def text_of(value: Any) -> str | None:
    """A scalar as Windows would write it; None for what is none, an empty text for null.

    A GUID gets its braces back, which some tools leave out: theirs are in upper case and bare.
    """
    if isinstance(value, str):
        return f"{{{value}}}" if len(value) == 36 and _GUID.match(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -_LONG <= value < 2 * _LONG else None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _LONG else str(value)
    return "" if value is None else None


def number_of(text: Any) -> int | None:
    """A whole number that 64 bits hold, from its decimal or hexadecimal text."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text if -_LONG <= text < 2 * _LONG else None
    if not isinstance(text, str) or not _NUMBER.match(text := text.strip()[:24]):
        return None
    number = int(text, 16 if text[:2] in {"0x", "0X"} else 10)
    return number if -_LONG <= number < 2 * _LONG else None


def long_of(text: Any) -> int | None:
    """A number for a field of type long, which ends at 2**63."""
    number = number_of(text)
    return number if number is None or number < _LONG else None


def ip_of(text: str) -> str | None:
    """An address, as it came; an IPv4 address that came as IPv6 is the IPv4 address."""
    if text.lower().startswith(_MAPPED):
        text = text[len(_MAPPED) :]
    return text if coerce("ip", text) is not None else None


def time_of(*values: Any) -> int | None:
    """The first of them that is a time, as nanoseconds since the epoch.

    Texts are ISO 8601 (with ``UTC`` or a blank where they like) or .NET's ``/Date(1)/``, numbers
    seconds or milliseconds.
    """
    for value in values:
        found = _time(value)
        if found is not None:
            return found
    return None


def _time(value: Any) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return date_of(value * 1000 if abs(value) < 1e11 else value)
    if not isinstance(value, str) or not value or value.isdecimal():
        return None
    dot_net = _DOT_NET.match(value)
    if dot_net is not None:
        return date_of(int(dot_net[1]))
    return date_of(value.removesuffix(" UTC"))


def rendered(nanos: int | None) -> str | None:
    """A time as text."""
    return None if nanos is None else render_date(nanos)


def put(target: Object, path: str, value: Any) -> None:
    """Puts a value under a dotted name, into objects that are made on the way."""
    *holders, last = _split(path)
    for name in holders:
        target = target.setdefault(name, {})
    target[last] = value


def at(holder: Object, path: str) -> Any:
    """The value under a dotted name; None where there is none."""
    found: Any = holder
    for name in _split(path):
        found = found.get(name) if isinstance(found, dict) else None
    return found


@lru_cache(maxsize=1_024)
def _split(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def single(value: Value | None) -> str:
    """A text; of several the first, and of none an empty one."""
    if isinstance(value, list):
        return value[0] if value else ""
    return value or ""


def said(value: Value | None) -> str:
    """A text that says something, else an empty one."""
    text = single(value)
    return "" if text in NOTHING else text


def arguments(command: str) -> list[str]:
    r"""A command line's arguments, by the rules that Windows' programs split it.

    Blanks part arguments unless they are quoted; backslashes are special in front of a quote
    alone; two quotes in a quoted part are one quote and its end.

    >>> arguments('"C:\\a b\\c.exe" /x:"1 2" \\"d')
    ['C:\\a b\\c.exe', '/x:1 2', '"d']

    Rules: https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments
    """
    found: list[str] = []
    current: list[str] | None = None
    quoted, slashes, may_double = False, 0, False
    for piece in _PIECE.findall(command[:LONGEST_COMMAND]):
        if piece == '"':
            current = [] if current is None else current
            current.append("\\" * (slashes // 2))
            if slashes % 2:
                current.append('"')
                may_double = False
            elif may_double:
                # The quote before this one has ended the part: together they are one quote.
                current.append('"')
                may_double = False
            else:
                may_double, quoted = quoted, not quoted
            slashes = 0
            continue
        if current is not None:
            current.append("\\" * slashes)
        elif slashes:
            current = ["\\" * slashes]
        slashes, may_double = 0, False
        if piece[0] == "\\":
            slashes = len(piece)
        elif piece[0] in " \t" and not quoted:
            if current is not None:
                found.append("".join(current))
            current = None
        else:
            current = [] if current is None else current
            current.append(piece)
    if current is not None or slashes:
        found.append("".join([*(current or []), "\\" * slashes]))
    return found


def base_name(path: str, separator: str) -> str:
    """The last part of a path."""
    return path.rpartition(separator)[2]


def file_parts(path: str, separator: str) -> Object:
    """A file's name, directory and extension."""
    directory, parted, name = path.rpartition(separator)
    if not parted:
        return {}
    _, dot, extension = name.rpartition(".")
    return kept(
        {"name": name, "directory": directory or separator, "extension": extension if dot else ""}
    )


def account(text: str) -> tuple[str, str]:
    r"""Domain and name of ``DOMAIN\name``; the domain is empty where there is none."""
    domain, _, name = text.rpartition("\\")
    return domain, name
