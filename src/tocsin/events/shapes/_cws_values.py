"""Reading one value of `datadog_cws`'s JSON, whatever stands there, and what follows from it.

A value of another type than the schema's counts as none. SECL's helpers over arguments and
addresses are here too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.schema.secl import INDEXED
from tocsin.events.schema.secl_constants import CONSTANTS
from tocsin.events.shapes._values import Object
from tocsin.logic.field_types import date_of

_LONG: Final = 1 << 63


# --- reading one value, whatever the JSON has there -------------------------------------------


def texts_of(value: Any) -> list[str]:
    """The texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def int_of(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -_LONG <= value < 2 * _LONG:
        return None
    return value if value < _LONG else value - 2 * _LONG


def bool_of(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def time_of(value: Any) -> int | None:
    return date_of(value) if isinstance(value, str) else None


def date_value(body: Document) -> str | int | None:
    """The time of the event as it came: text, or epoch milliseconds."""
    value = body.get("date")
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return value if date_of(value) is not None else None
    return None


def number_of(value: Any) -> int | None:
    """The number of an enumeration's name, or of several: ``["O_CREAT"]``, ``"A | B"``."""
    if isinstance(value, str):
        value = value.split("|")
    if not isinstance(value, list):
        return int_of(value)
    total, known = 0, False
    for item in value:
        number = _constant(item.strip()) if isinstance(item, str) else int_of(item)
        if number is not None:
            total, known = total | number, True
    return total if known else None


def numbers_of(value: Any) -> list[int]:
    found = (number_of(item) for item in value) if isinstance(value, list) else ()
    return [number for number in found if number is not None]


def _constant(name: str) -> int | None:
    number = CONSTANTS.get(name)
    if number is None and name.isascii() and name.removeprefix("-").isdigit():
        return int_of(int(name[:20]))
    return number


def put(target: Object, name: str, value: object) -> None:
    if value is not None:
        target[name] = value


def put_array(target: Object, name: str, values: list[Any], *, indexed: bool = False) -> None:
    """The array, its length, and its first elements: what an expression may ask of it."""
    if not values:
        return
    target[name] = values
    target[f"{name}.length"] = len(values)
    if indexed:
        for place, value in enumerate(values[:INDEXED]):
            target[f"{name}[{place}]"] = value


# --- arguments --------------------------------------------------------------------------------

_FLAG = re.compile(r"(--?)([^=]+)\Z")
_LETTERS = re.compile(r"[A-Za-z0-9]+\Z")
_OPTION = re.compile(r"-{1,2}([A-Za-z0-9][^=]*)(?:=(.*))?\Z", re.DOTALL)


def args_flags(arguments: Iterable[str]) -> Iterator[str]:
    """The flags among arguments: ``-ln`` is ``l``, ``n`` and ``ln``; ``--version`` is ``version``.

    >>> list(args_flags(["-ln", "--version", "--x", "-k=v"]))
    ['l', 'n', 'ln', 'version']
    """
    for argument in arguments:
        found = _FLAG.match(argument)
        if found is None:
            continue
        dashes, name = found[1], found[2]
        if dashes == "-" and _LETTERS.match(name):
            yield from name
        if len(name) > 1:
            yield name


def args_options(arguments: Iterable[str]) -> Iterator[str]:
    """The options with their values: ``-p 80`` and ``--p=80`` are both ``p=80``.

    >>> list(args_options(["-s", "http://h/", "--post-data=x", "-v", "-q"]))
    ['s=http://h/', 'post-data=x']
    """
    pending: str | None = None
    for argument in arguments:
        if pending is not None and not argument.startswith("-"):
            yield f"{pending}={argument}"
            pending = None
            continue
        pending = None
        found = _OPTION.match(argument)
        if found is None:
            continue
        if found[2] is None:
            pending = found[1]
        else:
            yield f"{found[1]}={found[2]}"


# --- addresses --------------------------------------------------------------------------------

# What the Agent takes for private unless it is told otherwise.
_PRIVATE: Final = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/127", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10",
        "ff00::/8",
    )
)  # fmt: skip


@lru_cache(maxsize=4_096)
def is_public(address: str) -> bool | None:
    """Whether an address is of the internet; None for what is no address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0].partition("/")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return not any((mapped or parsed) in block for block in _PRIVATE)
