"""A log of Datadog's taken apart, in the forms in which one comes; a part of the shapes of them.

* archive: ``{"_id", "date", "service", "host", "source", "status", "message", "tags": ["k:v"],
  "attributes": {…}}``
* API: ``{"id", "type": "log", "attributes": {"timestamp", "service", …, "attributes": {…}}}``
* older API and export: ``{"id", "content": {"timestamp", "service", …, "attributes": {…}}}``
* as it is sent: ``{"ddsource", "ddtags": "k:v,k:v", "hostname", "service", "message", …}``, where
  every other key is an attribute

https://docs.datadoghq.com/api/latest/logs/
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._values import Object, nested, text_of

MOST_TAGS: Final = 1_000
"""How many tags of a log are looked at."""

_SENT: Final = frozenset(
    {"ddsource", "ddtags", "hostname", "host", "service", "source", "status", "message", "tags",
     "timestamp", "date", "_id", "id"}
)  # fmt: skip


def around(document: Document) -> Object:
    """The object that holds what is beside the attributes."""
    inner = document.get("attributes")
    if document.get("type") == "log" and isinstance(inner, dict):
        return inner
    content = document.get("content")
    if isinstance(content, dict) and isinstance(content.get("attributes"), dict):
        return content
    return document


def attributes_of(log: Object) -> Object:
    """The attributes of a log (see `around`)."""
    inner = log.get("attributes")
    if isinstance(inner, dict):
        return inner
    return {key: value for key, value in log.items() if key not in _SENT}


def time_value(log: Object) -> Any:
    """The time of a log as it came."""
    return log.get("date", log.get("timestamp"))


def host_name(log: Object) -> str | None:
    """The host that a log says it is of."""
    name = log.get("host", log.get("hostname"))
    return text_of(name) or text_of(nested(name).get("name"))


def tags_of(log: Object) -> list[str]:
    """The tags of a log, from a list or as one text."""
    listed = log.get("tags")
    found = [tag for tag in listed if isinstance(tag, str)] if isinstance(listed, list) else []
    written = text_of(log.get("ddtags")) or text_of(listed)
    if written:
        found += [tag.strip() for tag in written.split(",", MOST_TAGS)]
    return [tag for tag in found[:MOST_TAGS] if tag]


def log_fields(log: Object, source: str | None = None) -> Object:
    """What stands below ``datadog_log``: the reserved fields, the tags, and the tags by key.

    Args:
        log: see `around`.
        source: what sent the log, where it does not say.
    """
    tags = tags_of(log)
    by_key: dict[str, list[str]] = {}
    for tag in tags:
        key, colon, value = tag.partition(":")
        if colon and key:
            by_key.setdefault(key, []).append(value)
    stated = {
        "host": host_name(log),
        "service": text_of(log.get("service")),
        "source": text_of(log.get("source")) or text_of(log.get("ddsource")),
    }
    found: Object = {
        # The API's answers hold the source as a tag.
        **{key: value or by_key.get(key) for key, value in stated.items()},
        "status": text_of(log.get("status")),
        "message": text_of(log.get("message")),
        "trace_id": text_of(log.get("trace_id")),
        "tags": tags,
        "tag": by_key,
    }
    found["source"] = found["source"] or source
    return {key: value for key, value in found.items() if value}
