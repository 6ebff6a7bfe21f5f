"""Indicator match: an event that has what an indicator of a threat has.

Kibana searches the indicators in pages and asks for events that have their values (research:
elastic/kibana, ``threat_mapping``); the outcome is a join. Here every field of the indicators that
the rule maps is a table by value, so that an event costs one lookup a value, however many
indicators there are. Blocks of addresses stand in the same table under their network, and cost one
more lookup for each length of prefix that occurs.

A mapping is a choice of items, and all entries of an item have to hold for one indicator. Where an
item has one entry, the first value of the indicator's field counts; where it has several, an
indicator counts only with exactly one value for each of them. An event's array has each of its
elements.

Which indicators the rule's own query lets pass is asked when one is met: few are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.engine import reference
from tocsin.engine.state.operator import Firing
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.events.record import Document
from tocsin.events.schema import ECS, Schema
from tocsin.logic.field_types import FieldType, Scalar, coerce, fold
from tocsin.logic.matchers import network_of
from tocsin.logic.query import IndicatorMatch, MappingEntry

MOST_ENRICHMENTS = 200
"""How many indicators an alert tells of; the rest is counted in ``enrichments_left_out``."""

MATCH_TYPE = "indicator_match_rule"

Key = Scalar | tuple[int, int, int]
"""A value as its type holds it, or a block: version of IP, length of the prefix, network."""


class Found(msgspec.Struct, frozen=True):
    """An indicator that an event has met.

    Attributes:
        number: its place among the indicators.
        field: the event's field, as the rule names it.
        value: the indicator's field.
    """

    number: int
    field: str
    value: str


class IndicatorMatchState:
    """The indicators of one rule, ready to be met; remembers nothing of the events.

    Args:
        query: the rule's query.
        indicators: documents in ECS's names, with ``_id`` and ``_index``.
        schema: types of the events' fields, by which values compare.
    """

    def __init__(
        self, query: IndicatorMatch, indicators: Sequence[Document], *, schema: Schema = ECS
    ) -> None:
        self._indicators = indicators
        self._wanted = query.indicators.expr
        self._path = query.path
        tables: dict[tuple[str, FieldType, bool, bool], Table] = {}
        self._items: list[list[_Entry]] = []
        for entries in query.mapping:
            item = []
            for entry in entries:
                resolved = schema.resolve(entry.field)
                # A field that no schema knows is a keyword, as nobody maps a text or a number.
                kind: FieldType = "keyword" if resolved.type == "dynamic" else resolved.type
                first = len(entries) == 1
                name = (entry.value, kind, resolved.fold_case, first)
                if name not in tables:
                    tables[name] = Table(indicators, *name)
                item.append(_Entry(entry, resolved.path, tables[name]))
            self._items.append(item)
        self._tables = tuple(tables.values())
        self._passes: dict[int, bool] = {}
        self._due: list[Firing] = []

    @property
    def has_indicators(self) -> bool:
        """Whether any indicator passes the rule's query and has a value that the rule maps."""
        return any(self._counts(number) for table in self._tables for number in table.numbers())

    def add(self, event: Event, roles: Sequence[int] = (0,)) -> None:
        """Looks an event up that satisfies the rule's filter."""
        found = list(self.meet(event.document))
        if found:
            self._due.append(Firing(((0, event),), details=self._details(found)))

    def due(self, until: int | None) -> list[Firing]:
        """What fires: every event that met an indicator, at once, whatever the time."""
        due, self._due = self._due, []
        return sorted(due, key=lambda f: (f.events[0][1].time, f.events[0][1].order))

    def changes(self) -> dict[str, bytes | None]:
        """Nothing: no event has to do with another."""
        return {}

    def __len__(self) -> int:
        """How many keys are remembered: none."""
        return 0

    def meet(self, document: Mapping[str, Any]) -> Iterator[Found]:
        """The indicators that an event meets, in their order, and by which fields."""
        found: dict[Found, None] = {}
        for item in self._items:
            asked = [(entry, entry.table.keys(document, entry.path)) for entry in item]
            positive = [(entry, keys) for entry, keys in asked if not entry.mapping.negate]
            if not positive:
                continue  # to differ from an indicator is no match
            rarest, its_keys = min(positive, key=lambda pair: pair[0].table.count(pair[1]))
            for number in rarest.table.find(its_keys):
                if not all(entry.holds(number, keys) for entry, keys in asked):
                    continue
                if self._counts(number):
                    for entry, _ in positive:
                        found[Found(number, entry.mapping.field, entry.mapping.value)] = None
        yield from sorted(found, key=lambda one: one.number)

    def _counts(self, number: int) -> bool:
        """Whether an indicator satisfies the rule's query over indicators."""
        passes = self._passes.get(number)
        if passes is None:
            document = self._indicators[number]
            passes = reference.holds(self._wanted, _with_addresses(document, self._tables))
            self._passes[number] = passes
        return passes

    def _details(self, found: list[Found]) -> dict[str, Any]:
        enrichments = [self._enrichment(one) for one in found[:MOST_ENRICHMENTS]]
        details: dict[str, Any] = {"threat": {"enrichments": enrichments}}
        if len(found) > MOST_ENRICHMENTS:
            details["enrichments_left_out"] = len(found) - MOST_ENRICHMENTS
        return details

    def _enrichment(self, found: Found) -> dict[str, Any]:
        document = self._indicators[found.number]
        return {
            "indicator": object_at(document, self._path),
            "matched": {
                "atomic": values_of(document, found.value)[0],
                "field": found.field,
                "id": str(document.get("_id", "")),
                "index": str(document.get("_index", "")),
                "type": MATCH_TYPE,
            },
        }


class _Entry(msgspec.Struct, frozen=True):
    """An entry of the mapping: where the event has the value, and what it is looked up in."""

    mapping: MappingEntry
    path: str
    table: Table

    def holds(self, number: int, keys: Collection[Key]) -> bool:
        """Whether it holds for an indicator; never for one without its value."""
        key = self.table.key_of(number)
        return key is not None and (key in keys) != self.mapping.negate


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
        for raw in values_of(document, path):
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


def _with_addresses(document: Document, tables: Sequence[Table]) -> Document:
    """An indicator as the rule's query sees it: of a block of addresses, the first.

    Elasticsearch cannot hold a block in a field for addresses; rules ask ``threat.indicator.ip:*``.
    """
    seen = document
    for table in tables:
        if table.kind == "ip":
            for value in values_of(document, table.field)[:1]:
                block = network_of(value) if isinstance(value, str) and "/" in value else None
                if block is not None:
                    seen = {**seen, table.field: str(block.network_address)}
    return seen


def object_at(document: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The first object at a path, whether the document nests, dots, or does both.

    >>> object_at({"threat.indicator.url": {"full": "x"}, "threat": {"indicator.ip": "::1"}},
    ...           "threat.indicator")
    {'url': {'full': 'x'}, 'ip': '::1'}
    """
    tree: dict[str, Any] = {}
    _gather(document, f"{path}.", "", tree)
    return tree


def _gather(node: Any, path: str, name: str, tree: dict[str, Any]) -> None:
    """Puts what lies below ``path`` into the tree; ``name`` leads from the root to the node."""
    if isinstance(node, list) and path.startswith(name):
        node = next((element for element in node if isinstance(element, Mapping)), None)
    if isinstance(node, Mapping) and (path.startswith(name) or name.startswith(path)):
        for key, value in node.items():
            _gather(value, path, f"{name}{key}.", tree)
    elif name.startswith(path) and name != path:
        *steps, leaf = name[len(path) : -1].split(".")
        for step in steps:
            below = tree.get(step)
            if not isinstance(below, dict):
                below = tree[step] = {}
            tree = below
        tree.setdefault(leaf, node)
