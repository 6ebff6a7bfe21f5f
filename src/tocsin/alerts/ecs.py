"""An alert as Elastic's detection engine writes it: the event, and ``kibana.alert.*`` beside it.

The document is the event's own; an alert over several events has what they have in common, as the
shell alert of Elastic's sequences has. What Elastic has no name for stands under ``tocsin``.

Field names: https://www.elastic.co/docs/reference/security/fields-and-object-schemas/alert-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tocsin.alerts.build import nested
from tocsin.alerts.model import Alert
from tocsin.events.fields import flatten, objects_of, values_of

_KINDS = {
    "query": ("Custom Query Rule", "siem.queryRule"),
    "eql": ("Event Correlation Rule", "siem.eqlRule"),
    "new_terms": ("New Terms Rule", "siem.newTermsRule"),
    "threshold": ("Threshold Rule", "siem.thresholdRule"),
    "threat_match": ("Indicator Match Rule", "siem.indicatorRule"),
    "esql": ("ES|QL Rule", "siem.esqlRule"),
}
_RULE = "kibana.alert.rule."


def ecs_document(alert: Alert, *, closed: bool = False) -> dict[str, Any]:
    """The alert document, ready to be indexed.

    Args:
        alert: the alert.
        closed: whether somebody has closed it (``kibana.alert.workflow_status``).
    """
    document, event = _source(alert)
    document["@timestamp"] = alert.detected_at
    document["event.kind"] = "signal"
    for name, value in event.items():
        document[f"kibana.alert.original_event.{name}"] = value
    document.update(_alert_fields(alert, closed=closed))
    document.update(_rule_fields(alert))
    document.update(_enrichments(alert, document))
    document["tocsin"] = _own_fields(alert)
    return document


def _source(alert: Alert) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document without what is the alert's own, and the fields of its ``event``."""
    document = alert.events[0].document
    for event in alert.events[1:]:
        document = _common(nested(document), nested(event.document))
    document = {
        name: value
        for name, value in document.items()
        if name != "@timestamp" and not name.startswith("kibana.") and name != "event.kind"
    }
    fields = nested(document).get("event")
    original = _flat(fields) if isinstance(fields, dict) else {}
    whole = values_of(alert.events[-1].document, "event.kind")
    if whole:
        original["kind"] = whole[0]
    if isinstance(document.get("event"), dict):
        document["event"] = {n: v for n, v in document["event"].items() if n != "kind"}
    return document, original


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of a tree by their dotted names; lists stay whole."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _common(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What two documents agree on; of arrays, the elements that both have.

    >>> _common({"a": {"b": 1, "c": 2}, "d": [1, 2]}, {"a": {"b": 1, "c": 3}, "d": [2, 3]})
    {'a': {'b': 1}, 'd': [2]}
    """
    shared: dict[str, Any] = {}
    for name, value in one.items():
        there = other.get(name)
        both: Any = None
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            both = _common(value, there) or None
        elif isinstance(value, list) and isinstance(there, list):
            both = [element for element in value if element in there] or None
        elif value == there:
            both = value
        if both is not None:
            shared[name] = both
    return shared


def _alert_fields(alert: Alert, *, closed: bool) -> dict[str, Any]:
    ancestors = [
        {"id": event.id, "type": "event", "index": _index(event.document), "depth": 0}
        for event in alert.events
    ]
    fields: dict[str, Any] = {
        "uuid": alert.id,
        "status": "active",
        "workflow_status": "closed" if closed else "open",
        "workflow_tags": [],
        "workflow_assignee_ids": [],
        "depth": 1,
        "ancestors": ancestors,
        "original_time": alert.time,
        "start": alert.detected_at,
        "last_detected": alert.detected_at,
        "severity": _severity(alert),
        "risk_score": alert.risk_score,
        "reason": reason(alert),
    }
    if alert.new_terms:
        fields["new_terms"] = [term.value for term in alert.new_terms]
    return {
        **{f"kibana.alert.{name}": value for name, value in fields.items()},
        "kibana.space_ids": ["default"],
    }


def _rule_fields(alert: Alert) -> dict[str, Any]:
    rule = alert.rule
    category, type_id = _KINDS.get(rule.type, ("Custom Query Rule", "siem.queryRule"))
    parameters = {
        "rule_id": rule.id,
        "type": rule.type,
        "language": rule.language,
        "description": rule.description,
        "severity": _severity(alert),
        "risk_score": alert.risk_score,
        "author": list(rule.author),
        "license": rule.license,
        "note": rule.guide,
        "references": list(rule.references),
        "false_positives": list(rule.false_positives),
        "threat": [msgspec.to_builtins(threat) for threat in rule.threat],
    }
    fields: dict[str, Any] = {
        "uuid": rule.id,
        "name": rule.name,
        "category": category,
        "rule_type_id": type_id,
        "consumer": "siem",
        "producer": "siem",
        "tags": list(rule.tags),
        "enabled": True,
        "parameters": parameters,
        "execution.type": "scheduled",
        **parameters,
    }
    if alert.new_terms:
        parameters["new_terms_fields"] = [term.field for term in alert.new_terms]
    return {f"{_RULE}{name}": value for name, value in fields.items()}


def _own_fields(alert: Alert) -> dict[str, Any]:
    own: dict[str, Any] = {
        "vendor": alert.rule.source.vendor,
        "rule_file": alert.rule.source.file,
        "severity": alert.severity,
        "evidence": [msgspec.to_builtins(evidence) for evidence in alert.evidence],
        "events": [
            {"id": event.id, "time": event.time, **msgspec.to_builtins(event.source)}
            for event in alert.events
        ],
    }
    if alert.note:
        own["note"] = alert.note
    return own


def _enrichments(alert: Alert, document: Mapping[str, Any]) -> dict[str, Any]:
    """The indicators that the event met, after those that it came with."""
    found = objects_of({"details": alert.details}, "details.threat.enrichments")
    if not found:
        return {}
    fields: dict[str, Any] = {
        "threat.enrichments": [*objects_of(document, "threat.enrichments"), *found]
    }
    threat = document.get("threat")
    if isinstance(threat, dict) and "enrichments" in threat:
        fields["threat"] = {name: value for name, value in threat.items() if name != "enrichments"}
    return fields


def _severity(alert: Alert) -> str:
    # Elastic's lowest severity is low; the alert's own stands in tocsin.severity.
    return "low" if alert.severity == "informational" else alert.severity


def _index(document: Mapping[str, Any]) -> str:
    """The data stream that the event came out of, where it says so."""
    named = values_of(document, "_index")
    if named:
        return str(named[0])
    parts = [values_of(document, f"data_stream.{p}") for p in ("type", "dataset", "namespace")]
    return "-".join(str(part[0]) for part in parts) if all(parts) else ""


def reason(alert: Alert) -> str:
    """One sentence of what happened, worded as Kibana words it.

    ``process event with process curl, by ubuntu on web-1 created medium alert Name.``
    """
    document, _ = _source(alert)
    values: dict[str, str] = {}
    for name, value in flatten(document):
        values.setdefault(name, str(value))

    def endpoint(side: str) -> str:
        address = values.get(f"{side}.ip") or values.get(f"{side}.address") or ""
        port = values.get(f"{side}.port")
        return f"{address}:{port}" if address and port else address

    details = [
        f"{label} {value}"
        for label, value in (
            ("process", values.get("process.name")),
            ("parent process", values.get("process.parent.name")),
            ("file", values.get("file.name")),
            ("source", endpoint("source")),
            ("destination", endpoint("destination")),
        )
        if value
    ]
    category = values.get("event.category", "")
    words = f"{category} event" if category else "event"
    if details:
        words += f" with {', '.join(details)},"
    if values.get("user.name"):
        words += f" by {values['user.name']}"
    if values.get("host.name"):
        words += f" on {values['host.name']}"
    return f"{words} created {_severity(alert)} alert {alert.rule.name}."
