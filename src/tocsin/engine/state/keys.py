"""Join keys: what makes events of a sequence or sample belong together.

Keys are equal by value and type: dates by instant, numbers by size, texts with their case, and
`true` is neither `1` nor `"true"`. An array joins with each of its values.

>>> by = (Key("host.name", "keyword"), Key("user.id", optional=True))
>>> join_keys({"host": {"name": ["a", "b", "a", None]}}, by)
[('a', None), ('b', None)]
>>> join_keys({"user.id": 1}, by)
[]
>>> key_text(("a", None))
'["a",null]'
"""

from __future__ import annotations

import ipaddress
import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tocsin.events.fields import reader
from tocsin.logic.field_types import FieldType, Scalar, coerce, version_key
from tocsin.logic.query import Key

MOST_KEYS = 1_000
"""How many combinations of keys one event may join with; more are cut off, and counted."""

JoinKey = tuple[Scalar | None, ...]


def join_keys(document: Mapping[str, Any], keys: tuple[Key, ...]) -> list[JoinKey]:
    """Every combination of the keys' values, each once, in the order of the document.

    Nulls, and values that the key's type cannot hold, are no values. A key without a value is null
    where it is optional; otherwise there is no combination at all. No keys: one empty combination.
    """
    if len(keys) == 1:
        return [(value,) for value in _values(document, keys[0])[:MOST_KEYS]]
    product = itertools.product(*[_values(document, key) for key in keys])
    return list(itertools.islice(product, MOST_KEYS))


def is_crowded(document: Mapping[str, Any], choices: Iterable[tuple[Key, ...]]) -> bool:
    """Whether an event has more combinations of some keys than `join_keys` gives."""
    return any(
        math.prod(len(_values(document, key)) for key in keys) > MOST_KEYS for keys in choices
    )


def key_text(key: JoinKey) -> str:
    """The combination as text: equal where the combinations are, and only there."""
    return msgspec.json.encode(key).decode()


def key_of_text(text: str) -> JoinKey:
    """The combination that `key_text` made a text of."""
    return msgspec.json.decode(text, type=JoinKey)


def key_order(key: JoinKey, keys: tuple[Key, ...]) -> tuple[tuple[int, Any], ...]:
    """What to sort combinations by: null first, addresses and versions by size."""
    return tuple(_order(value, by.type) for value, by in zip(key, keys, strict=True))


def _values(document: Mapping[str, Any], key: Key) -> list[Scalar | None]:
    raws = reader(key.field)(document)
    if len(raws) == 1:
        value = _value(key.type, raws[0])
        return [value] if value is not None or key.optional else []
    found: dict[tuple[bool, Scalar], Scalar | None] = {}
    for raw in raws:
        value = _value(key.type, raw)
        if value is not None:
            found[isinstance(value, bool), value] = value  # for Python, True == 1
    return list(found.values()) or ([None] if key.optional else [])


def _value(kind: FieldType, raw: Scalar) -> Scalar | None:
    value = coerce(kind, raw)
    return _by_size(value) if isinstance(value, float) else value


def _by_size(number: float) -> int | float | None:
    """``80.0`` as ``80``: one number has one text."""
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _order(value: Scalar | None, kind: FieldType) -> tuple[int, Any]:
    match value:
        case None:
            return (0, 0)
        case bool():
            return (1, value)
        case int() | float():
            return (2, value)
        case str():
            if kind == "version":
                return (3, version_key(value))
            return (3, _address(value) if kind == "ip" else value)


def _address(text: str) -> int:
    """An address by its sixteen bytes; IPv4 lies in ``::ffff:0:0/96``."""
    address = ipaddress.ip_address(text)
    return int(address) + (0xFFFF << 32 if address.version == 4 else 0)
