"""Datadog's logs of any source: archives, the API's answers, and what is sent to the intake.

Rules in Datadog's log search read the attributes as they came, below ``datadog``, and the rest
below ``datadog_log`` (`events.schema.datadog`). For the rules of other vendors the attributes are
given to the shape that knows them (a CloudTrail record in a log is a CloudTrail record), and
Datadog's standard attributes (``network.client.ip``, ``usr.name`` …) have ECS's names besides.

https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes import datadog_cws
from tocsin.events.shapes._cloud_secrets import hidden
from tocsin.events.shapes._datadog_log import around, attributes_of, log_fields, time_value
from tocsin.events.shapes._values import Object, text_of
from tocsin.logic.field_types import date_of, render_date

CARRIES_OTHERS: Final = True
"""As it is sent, a log has its attributes beside its own keys: they may be anybody's event."""

_BESIDE: Final = ("service", "source", "status", "message", "tags", "host")
_OTHERS: Final = frozenset({"@timestamp", "body", "resource", "severity_text", "severityText"})
_ECS: Final = {
    "network.client.ip": ("source.ip", "source.address", "client.ip"),
    "network.client.port": ("source.port",),
    "network.client.geoip.country.iso_code": ("source.geo.country_iso_code",),
    "network.client.geoip.city.name": ("source.geo.city_name",),
    "network.client.geoip.as.number": ("source.as.number",),
    "network.destination.ip": ("destination.ip", "destination.address"),
    "network.destination.port": ("destination.port",),
    "network.bytes_read": ("destination.bytes",),
    "network.bytes_written": ("source.bytes",),
    "dns.question.name": ("dns.question.name",),
    "dns.question.type": ("dns.question.type",),
    "evt.name": ("event.action",),
    "evt.outcome": ("event.outcome",),
    "http.method": ("http.request.method",),
    "http.referer": ("http.request.referrer",),
    "http.status_code": ("http.response.status_code",),
    "http.url": ("url.original",),
    "http.url_details.host": ("url.domain",),
    "http.url_details.path": ("url.path",),
    "http.url_details.scheme": ("url.scheme",),
    "http.useragent": ("user_agent.original",),
    "usr.email": ("user.email",),
    "usr.id": ("user.id",),
    "usr.name": ("user.name",),
    "logger.name": ("log.logger",),
    "error.kind": ("error.type",),
    "error.message": ("error.message",),
}
"""Datadog's standard attributes, and ECS's fields of the same meaning."""

_EVENT: Final = {
    "event.kind": "event", "event.module": "datadog", "event.dataset": "datadog.log",
}  # fmt: skip
_OUTCOMES: Final = frozenset({"success", "failure"})


MARKS: tuple[bytes, ...] = (
    rb'"attributes"',
    rb'"ddsource"',
)


def recognises(document: Document) -> bool:
    """Whether the document is a log in one of Datadog's forms, and none of Workload Protection."""
    return _is_log(document) and not datadog_cws.recognises(document)


def _is_log(document: Document) -> bool:
    inner = document.get("attributes")
    if isinstance(inner, dict):
        if document.get("type") == "log" and "id" in document:
            return "timestamp" in inner or "message" in inner
        if "date" not in document and "timestamp" not in document:
            return False
        if not _OTHERS.isdisjoint(document):
            return False
        return sum(key in document for key in _BESIDE) > 1
    content = document.get("content")
    if isinstance(content, dict):
        return isinstance(content.get("attributes"), dict) and "timestamp" in content
    return isinstance(document.get("ddsource"), str) and (
        "message" in document or "ddtags" in document
    )


def to_ecs(document: Document) -> Document:
    """The log with its attributes, and with ECS's names where its meaning is known."""
    log = around(document)
    attributes = attributes_of(log)
    fields = log_fields(log)
    found = _known_shape(attributes)
    if found is None:
        found = {**_EVENT, **_standard(attributes)}
        if "status" in fields:
            found["log.level"] = fields["status"].lower()
    value = time_value(log)
    time = date_of(value) if isinstance(value, (str, int, float)) else None
    host = fields.get("host")
    stated = {
        "@timestamp": None if time is None else value if isinstance(value, str) else
        render_date(time),
        "message": fields.get("message"),
        "host": {"name": host, "hostname": host} if host else None,
        "service": {"name": fields["service"]} if "service" in fields else None,
        "tags": fields.get("tags"),
    }  # fmt: skip
    found.update((key, value) for key, value in stated.items() if value and key not in found)
    found["datadog"], found["datadog_log"] = hidden(attributes), fields
    return found


def identity(document: Document) -> bytes:
    """The id that Datadog gave the log; empty where it has none."""
    own = text_of(document.get("_id")) or text_of(document.get("id"))
    return b"" if own is None else b"datadog log " + own.encode("utf-8", "surrogatepass")


def _known_shape(attributes: Object) -> Document | None:
    """The attributes in ECS, where they are an event whose shape is known."""
    # Not above: the package lists its modules, this one among them.
    from tocsin.events.shapes import shapes

    for name, shape in shapes().items():
        if not name.startswith("datadog_") and shape.recognises(attributes):
            return dict(shape.to_ecs(attributes))
    return None


def _standard(attributes: Object) -> Document:
    """The standard attributes under ECS's names, dotted."""
    found: Document = {}
    for path, names in _ECS.items():
        value = _at(attributes, path)
        if value is not None:
            found.update(dict.fromkeys(names, value))
    if "event.outcome" in found:
        word = str(found["event.outcome"]).lower()
        found["event.outcome"] = word if word in _OUTCOMES else "unknown"
    return found


def _at(attributes: Object, path: str) -> Any:
    """A scalar at a dotted path, where the attributes are nested or dotted."""
    value = attributes.get(path)
    if value is None:
        value = attributes
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, (str, int, float, bool)) and value != "" else None
