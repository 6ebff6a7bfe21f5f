"""Indicator match: an event that has what an indicator of a threat has.

Kibana searches the indicators in pages and asks for events that have their values (research:
elastic/kibana, ``threat_mapping``); the outcome is a join. Here every field of the indicators that
the rule maps is a table by value, so that an event costs one lookup a value, however many
indicators there are. Few events meet any: what must hold of one that does (`needed`) is a condition
as that of any rule is, so that the others need not be decoded.

A mapping is a choice of items, and all entries of an item have to hold for one indicator. Where an
item has one entry, the first value of the indicator's field counts; where it has several, an
indicator counts only with exactly one value for each of them. An event's array has each of its
elements.

Which indicators the rule's own query lets pass is asked when one is met: few are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.engine import reference
from tocsin.engine.state._indicator_table import Key, Table
from tocsin.engine.state.operator import Firing
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.events.record import Document
from tocsin.events.schema import ECS, Schema
from tocsin.logic.expr import Always, Expr, conjunction, disjunction
from tocsin.logic.field_types import FieldType
from tocsin.logic.matchers import network_of
from tocsin.logic.prefilter import relaxed
from tocsin.logic.query import IndicatorMatch, MappingEntry, roles_of

MOST_ENRICHMENTS = 200
"""How many indicators an alert tells of; the rest is counted in ``enrichments_left_out``."""

MATCH_TYPE = "indicator_match_rule"


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
        self._filter = roles_of(query)[0].expr
        # A field with a wildcard costs a walk over the whole event: it is looked at last.
        self._easy = relaxed(self._filter, lambda field: "*" in field)
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

    @property
    def needed(self) -> Expr:
        """What holds of every event that fires, and of few others.

        Of indicators it asks for the values alone: not whether one has all of them, and not for
        what must differ. Of the rule's filter it has what is easily asked.
        """
        items = []
        for item in self._items:
            asked = [e.table.asked_of(e.path) for e in item if not e.mapping.negate]
            if asked:  # to differ from an indicator is no match
                items.append(conjunction(*asked))
        met = disjunction(*items)
        return met if self._easy == Always(value=True) else conjunction(met, self._easy)

    def add(self, event: Event, roles: Sequence[int] = (0,)) -> None:
        """Looks an event up of which `needed` holds, or the rule's filter."""
        found = list(self.meet(event.document))
        if found and (self._easy == self._filter or reference.holds(self._filter, event.document)):
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
            # Most events meet nothing: the first entry without an indicator says so.
            positive: list[tuple[_Entry, Collection[Key]]] = []
            for entry in item:
                if not entry.mapping.negate:
                    keys = entry.table.keys(document, entry.path)
                    if not entry.table.has_any(keys):
                        positive = []
                        break
                    positive.append((entry, keys))
            if not positive:
                continue  # to differ from an indicator is no match
            negative = [
                (entry, entry.table.keys(document, entry.path))
                for entry in item
                if entry.mapping.negate
            ]
            rarest, its_keys = min(positive, key=lambda pair: pair[0].table.count(pair[1]))
            for number in rarest.table.find(its_keys):
                if not all(entry.holds(number, keys) for entry, keys in (*positive, *negative)):
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
