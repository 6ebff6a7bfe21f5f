"""One field of indicators as a table by value; see `indicator_match`.

Blocks of addresses stand in it under their network, and cost one more lookup for each length of
prefix that occurs.

>>> table = Table([{"ip": "192.0.2.0/24"}, {"ip": "198.51.100.7"}], "ip", "ip", False, True)
>>> list(table.find(table.keys({"source": {"ip": "192.0.2.9"}}, "source.ip")))
[0]
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tocsin.events.fields import reader, values_of
from tocsin.events.record import Document
from tocsin.logic.expr import Expr, Leaf, Or
from tocsin.logic.field_types import FieldType, Scalar, coerce, fold
from tocsin.logic.matchers import Equals, Exists, InNetwork, network_of

Key = Scalar | tuple[int, int, int]
"""A value as its type holds it, or a block: version of IP, length of the prefix, network."""

MOST_ASKED = 100_000
"""With more values than this a condition asks whether there is any value."""


class Table:
    """One field of the indicators by value.

    Args:
        indicators: all of them; the numbers are their places.
        field: the field.
        kind: the type of the event's field, as which both sides are read.
        fold_case: whether case is ignored.
        first: of several values the first counts; else one with several does not count.
    """

    def __init__(
        self,
        indicators: Sequence[Document],
        field: str,
        kind: FieldType,
        fold_case: bool,
        first: bool,
    ) -> None:
        self.field = field
        self.kind = kind
        self._fold_case = fold_case
        self._keys: dict[int, Key] = {}
        self._numbers: dict[Key, list[int]] = {}
        self._prefixes: set[tuple[int, int]] = set()
        for number, document in enumerate(indicators):
            values = values_of(document, field)
            if not values or (len(values) > 1 and not first):
                continue
            key = self._indicator_key(values[0])
            if key is not None:
                self._keys[number] = key
                self._numbers.setdefault(key, []).append(number)

    def numbers(self) -> Collection[int]:
        """The indicators that are in it."""
        return self._keys.keys()

    def key_of(self, number: int) -> Key | None:
        """What an indicator stands under."""
        return self._keys.get(number)

    def keys(self, document: Mapping[str, Any], path: str) -> dict[Key, None]:
        """What an event's values have to be looked up under."""
        keys: dict[Key, None] = {}
        for raw in reader(path)(document):
            value = self._read(raw)
            if value is None:
                continue
            keys[value] = None
            if self._prefixes:
                address = ipaddress.ip_address(str(value))
                for version, length in self._prefixes:
                    if version == address.version:
                        spare = address.max_prefixlen - length
                        keys[version, length, int(address) >> spare << spare] = None
        return keys

    def asked_of(self, path: str) -> Expr:
        """The condition that an event has a value at a path that some indicator stands under."""
        if len(self._numbers) > MOST_ASKED:
            return Leaf(path, Exists(), self.kind)
        values = tuple(key for key in self._numbers if not isinstance(key, tuple))
        blocks = tuple(_written(key) for key in self._numbers if isinstance(key, tuple))
        found: list[Expr] = []
        if values:
            found.append(Leaf(path, Equals(values, self._fold_case), self.kind))
        if blocks:
            found.append(Leaf(path, InNetwork(blocks), self.kind))
        return found[0] if len(found) == 1 else Or(tuple(found))

    def has_any(self, keys: Collection[Key]) -> bool:
        """Whether any indicator stands under the keys."""
        numbers = self._numbers
        return any(key in numbers for key in keys)

    def count(self, keys: Collection[Key]) -> int:
        """How many indicators stand under the keys."""
        return sum(len(self._numbers.get(key, ())) for key in keys)

    def find(self, keys: Collection[Key]) -> Iterator[int]:
        """The indicators that stand under the keys."""
        for key in keys:
            yield from self._numbers.get(key, ())

    def _read(self, raw: Scalar) -> Scalar | None:
        value = coerce(self.kind, raw)
        return fold(value) if self._fold_case and isinstance(value, str) else value

    def _indicator_key(self, raw: Scalar) -> Key | None:
        value = self._read(raw)
        if value is not None or self.kind != "ip" or not isinstance(raw, str):
            return value
        block = network_of(raw)
        if block is None:
            return None
        if block.prefixlen == block.max_prefixlen:
            return str(block.network_address)
        self._prefixes.add((block.version, block.prefixlen))
        return block.version, block.prefixlen, int(block.network_address)


def _written(block: tuple[int, int, int]) -> str:
    version, length, number = block
    address = ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number)
    return f"{address}/{length}"
