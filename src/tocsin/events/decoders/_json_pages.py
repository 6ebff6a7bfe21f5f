"""What wraps events in JSON, and is taken off: search hits, pages, deliveries, rows.

Of Elasticsearch's search hits ``_source`` is the event and ``_id`` its identity. A page or delivery
of records is what it holds: CloudTrail's ``Records``, Azure's ``records``, Microsoft Graph's
``value``, the ``logEvents`` of CloudWatch, the ``receivedMessages`` of Pub/Sub, the ``data`` of
Datadog. An osquery result of several rows is a result for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tocsin.events.record import Record, Undecodable

_KEPT = 64 << 10
# The list in a page or delivery → the keys that may stand beside it.
_WRAPPERS: dict[str, frozenset[str]] = {
    "Records": frozenset(),
    "records": frozenset(),
    "value": frozenset({"@odata.context", "@odata.nextLink", "@odata.count", "nextLink"}),
    "logEvents": frozenset(
        {"messageType", "owner", "logGroup", "logStream", "subscriptionFilters"}
    ),
    "receivedMessages": frozenset(),
    "data": frozenset({"meta", "links"}),
}
_MOST_WRAPPER_KEYS = 6


def unwrapped(found: Record | Undecodable) -> Iterator[Record | Undecodable]:
    """The events in what may be one, or a page of them."""
    if isinstance(found, Undecodable):
        yield found
        return
    document = found.document
    source = document.get("_source")
    if isinstance(source, dict):
        yield _hit(document, found.position, found.raw)
        return
    outer = document.get("hits")
    hits = outer.get("hits") if isinstance(outer, dict) and "_shards" in document else None
    if isinstance(hits, list):
        for count, hit in enumerate(hits, 1):
            position = f"{found.position}, hit {count}"
            if isinstance(hit, dict) and isinstance(hit.get("_source"), dict):
                yield _hit(hit, position, msgspec.json.encode(hit))
            else:
                yield Undecodable(position, "a search hit without _source")
        return
    if "hostIdentifier" in document:
        rows = _query_rows(document)
        if rows is not None:
            for count, row in enumerate(rows, 1):
                place = f"{found.position}, row {count}"
                yield Record(row, place, msgspec.json.encode(row))
            return
    inside = _wrapped(document) if len(document) <= _MOST_WRAPPER_KEYS else None
    if inside is not None:
        for count, record in enumerate(inside, 1):
            position = f"{found.position}, record {count}"
            raw = msgspec.json.encode(record)
            if isinstance(record, dict):
                yield Record(record, position, raw)
            else:
                yield Undecodable(position, "not an object", raw[:_KEPT])
        return
    identity = document.get("_id")
    if isinstance(identity, str) and identity:
        found.id = identity
    yield found


def _query_rows(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of an osquery result that holds several, each as a result of its own."""
    snapshot, difference = document.get("snapshot"), document.get("diffResults")
    lists: dict[str, Any] = {}
    if isinstance(snapshot, list):
        lists["snapshot"] = snapshot
    elif isinstance(difference, dict):
        lists = {action: difference.get(action) for action in ("added", "removed")}
    if not lists or not all(isinstance(rows, list) or not rows for rows in lists.values()):
        return None
    about = {k: v for k, v in document.items() if k not in {"snapshot", "diffResults"}}
    return [
        {**about, "action": action, "columns": row}
        for action, rows in lists.items()
        for row in rows or ()
        if isinstance(row, dict)
    ]


def _wrapped(document: dict[str, Any]) -> list[Any] | None:
    """The records of a page or delivery; None for what is an event itself."""
    for name, beside in _WRAPPERS.items():
        inside = document.get(name)
        if isinstance(inside, list) and beside.issuperset(document.keys() - {name}):
            # What a value or data alone is, nobody knows.
            bare = name in {"value", "data"} and len(document) == 1
            return None if bare else inside
    return None


def _hit(hit: dict[str, Any], position: str, raw: bytes) -> Record:
    document = dict(hit["_source"])
    identity, index = hit.get("_id"), hit.get("_index")
    if isinstance(index, str):
        document["_index"] = index
    own = identity if isinstance(identity, str) and identity else None
    return Record(document, position, raw, own)
