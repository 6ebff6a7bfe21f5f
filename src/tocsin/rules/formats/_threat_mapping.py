"""What an event and an indicator have to share, as a ``threat_match`` rule writes it.

    [{"entries": [{"field": "source.ip", "type": "mapping", "value": "threat.indicator.ip"}]}]

One of the items has to hold, with all of its entries for one indicator. An entry with ``negate``
holds where the two differ; alone it would ring for nearly every event, and Kibana wants another
beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.errors import QuerySemanticError
from tocsin.logic.query import MappingEntry


def mapping_of(items: object) -> tuple[tuple[MappingEntry, ...], ...]:
    """The mapping of a rule.

    Raises:
        QuerySemanticError: it makes no sense.
    """
    if not isinstance(items, list) or not items:
        raise QuerySemanticError("a threat_match rule needs a threat_mapping")
    return tuple(_item(item) for item in items)


def _item(item: object) -> tuple[MappingEntry, ...]:
    entries = item.get("entries") if isinstance(item, Mapping) else None
    if not isinstance(entries, list) or not entries:
        raise QuerySemanticError("each item of threat_mapping needs entries")
    found = tuple(_entry(entry) for entry in entries)
    if all(entry.negate for entry in found):
        message = "of the entries of a threat_mapping that go together one has to match"
        raise QuerySemanticError(message)
    return found


def _entry(entry: object) -> MappingEntry:
    found = entry if isinstance(entry, Mapping) else {}
    field, value, negate = found.get("field"), found.get("value"), found.get("negate", False)
    if (
        found.get("type", "mapping") == "mapping"
        and isinstance(field, str)
        and isinstance(value, str)
        and isinstance(negate, bool)
        and field
        and value
    ):
        return MappingEntry(field, value, negate)
    message = f"an entry of threat_mapping has a field and a value, not {entry!r}"
    raise QuerySemanticError(message)
