"""An alert as Elastic's detection engine writes it: the event, and ``kibana.alert.*`` beside it.

* An alert on one event is one document, which is the event's own.
* A threshold's alert has the terms of its group, and `kibana.alert.threshold_result`.
* An alert on several events is a group: a building block for each, and then the shell, which has
  what they have in common. Ids are hashes of what fired, the same in every run.

What Elastic has no name for stands under ``tocsin``; ``tocsin.alert.id`` is the id of the alert.

Field names: https://www.elastic.co/docs/reference/security/fields-and-object-schemas/alert-schema
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tocsin.alerts.build import nested
from tocsin.alerts.model import Alert, AlertEvent, Overridden
from tocsin.events.fields import Extractor, objects_of
from tocsin.logic.field_types import Scalar, date_of

_KINDS = {
    "query": ("Custom Query Rule", "siem.queryRule"),
    "eql": ("Event Correlation Rule", "siem.eqlRule"),
    "new_terms": ("New Terms Rule", "siem.newTermsRule"),
    "threshold": ("Threshold Rule", "siem.thresholdRule"),
    "threat_match": ("Indicator Match Rule", "siem.indicatorRule"),
    "esql": ("ES|QL Rule", "siem.esqlRule"),
}
_ALERT = "kibana.alert."
_RULE = f"{_ALERT}rule."
_ENDPOINT = ("ip", "address", "port")
_PLACES = Extractor(
    ("_index", "data_stream.type", "data_stream.dataset", "data_stream.namespace", "event.kind")
)
_TOLD = Extractor(
    (
        *("process.name", "process.parent.name", "file.name", "event.category"),
        *(f"{side}.{part}" for side in ("source", "destination") for part in _ENDPOINT),
        *("user.name", "host.name"),
    )
)
"""The fields that the sentence of what happened has."""

_BUILDING_BLOCK = "default"
_SPACE = "default"


def ecs_documents(alert: Alert, *, closed: bool = False) -> list[dict[str, Any]]:
    """The alert's documents, ready to be indexed: building blocks first, what counts last.

    Args:
        alert: the alert.
        closed: whether somebody has closed it (``kibana.alert.workflow_status``).
    """
    origins = [_origin(event) for event in alert.events]
    if len(origins) == 1 or _is_counted(alert):
        return [_document(alert, alert.id, origins, closed=closed)]
    fired = [alert.rule.id, alert.id, [[origin["id"], origin["index"]] for origin in origins]]
    ids = [_digest([*fired, number]) for number in range(len(origins))]
    ancestors: list[dict[str, Any]] = []
    for id_, origin in zip(ids, origins, strict=True):
        block = {"id": id_, "type": "signal", "index": "", "depth": 1, "rule": alert.rule.id}
        ancestors += [origin, block]
    group = _digest([alert.rule.id, alert.id, [[one["id"], one["index"]] for one in ancestors]])
    documents = []
    for number, (id_, origin) in enumerate(zip(ids, origins, strict=True)):
        document = _document(_block(alert, number), id_, [origin], closed=closed)
        document[f"{_ALERT}building_block_type"] = _BUILDING_BLOCK
        document[f"{_ALERT}group.id"] = group
        document[f"{_ALERT}group.index"] = number
        documents.append(document)
    shell = _document(alert, group, ancestors, closed=closed)
    shell[f"{_ALERT}group.id"] = group
    return [*documents, shell]


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _is_counted(alert: Alert) -> bool:
    """Whether it is a threshold's: its events are samples of what was counted."""
    return "threshold_result" in alert.details


def _block(alert: Alert, number: int) -> Alert:
    """The alert of one of several events; what events say of name and severity is the shell's."""
    event, own = alert.events[number], alert.rule.overridden
    block = msgspec.structs.replace(
        alert,
        time=event.time,
        events=(event,),
        evidence=tuple(e for e in alert.evidence if e.event == event.id),
        new_terms=(),
        note="",
        details={},
    )
    if own is None:
        return block
    rule = msgspec.structs.replace(alert.rule, name=own.name)
    return msgspec.structs.replace(
        block, rule=rule, severity=own.severity, risk_score=own.risk_score
    )


def _document(
    alert: Alert, uuid: str, ancestors: list[dict[str, Any]], *, closed: bool
) -> dict[str, Any]:
    document, event = _source(alert)
    words = _reason(alert, document)
    document["@timestamp"] = alert.detected_at
    document["event.kind"] = "signal"
    for name, value in event.items():
        document[f"{_ALERT}original_event.{name}"] = value
    document.update(_alert_fields(alert, uuid, ancestors, words, closed=closed))
    document.update(_rule_fields(alert))
    document.update(_enrichments(alert, document))
    document["tocsin"] = _own_fields(alert)
    return document


def _source(alert: Alert) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document without what is the alert's own, and the fields of its ``event``."""
    document: Mapping[str, Any]
    if _is_counted(alert):
        terms = alert.details["threshold_result"].get("terms", ())
        document = {term["field"]: term["value"] for term in terms}
    else:
        document = alert.events[0].document
        for event in alert.events[1:]:
            document = _common(nested(document), nested(event.document))
    document = {
        name: value
        for name, value in document.items()
        if name != "@timestamp" and not name.startswith("kibana.") and name != "event.kind"
    }
    told = {n: v for n, v in document.items() if n == "event" or n.startswith("event.")}
    fields = nested(told).get("event")
    original = _flat(fields) if isinstance(fields, dict) else {}
    whole = _first(_PLACES, alert.events[-1].document)
    if "event.kind" in whole:
        original["kind"] = whole["event.kind"]
    if isinstance(document.get("event"), dict):
        rest = {n: v for n, v in document.pop("event").items() if n != "kind"}
        document |= {"event": rest} if rest else {}
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
            both = [e for e in value if any(_is_same(e, other) for other in there)] or None
        elif _is_same(value, there):
            both = value
        if both is not None:
            shared[name] = both
    return shared


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are one in JSON, where true is no number."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _origin(event: AlertEvent) -> dict[str, Any]:
    return {"id": event.id, "type": "event", "index": _index(event.document), "depth": 0}


def _alert_fields(
    alert: Alert, uuid: str, ancestors: list[dict[str, Any]], words: str, *, closed: bool
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "uuid": uuid,
        "status": "active",
        "workflow_status": "closed" if closed else "open",
        "workflow_tags": [],
        "workflow_assignee_ids": [],
        "depth": 1 + max((ancestor["depth"] for ancestor in ancestors), default=0),
        "ancestors": ancestors,
        "original_time": alert.time,
        "start": alert.detected_at,
        "last_detected": alert.detected_at,
        "severity": _severity(alert),
        "risk_score": alert.risk_score,
        "reason": words,
    }
    if alert.rule.building_block:
        fields["building_block_type"] = _BUILDING_BLOCK
    if alert.new_terms:
        fields["new_terms"] = [term.value for term in alert.new_terms]
    if _is_counted(alert):
        fields["threshold_result"] = alert.details["threshold_result"]
    fields |= _suppression_fields(alert)
    return {
        **{f"{_ALERT}{name}": value for name, value in fields.items()},
        "kibana.space_ids": [_SPACE],
    }


def _suppression_fields(alert: Alert) -> dict[str, Any]:
    """What of the alert is said of others like it; `instance.id` is their group, in every run."""
    suppression = alert.details.get("suppression")
    if not suppression:
        return {}
    terms = suppression["terms"]
    # Kibana says when it ran; here an event may be later, and one of the past is no end of now.
    last = max(alert.detected_at, suppression["end"], key=lambda time: date_of(time) or 0)
    return {
        "suppression.terms": terms,
        "suppression.start": suppression["start"],
        "suppression.end": suppression["end"],
        "suppression.docs_count": suppression["docs_count"],
        "instance.id": _digest([terms, alert.rule.id, _SPACE]),
        "last_detected": last,
    }


def _rule_fields(alert: Alert) -> dict[str, Any]:
    rule, own = alert.rule, alert.rule.overridden
    category, type_id = _KINDS.get(rule.type, ("Custom Query Rule", "siem.queryRule"))
    parameters = {
        "rule_id": rule.id,
        "type": rule.type,
        "language": rule.language,
        "description": rule.description,
        "severity": _severity(own or alert),
        "risk_score": (own or alert).risk_score,
        "author": list(rule.author),
        "license": rule.license,
        "note": rule.guide,
        "references": list(rule.references),
        "false_positives": list(rule.false_positives),
        "threat": [msgspec.to_builtins(threat) for threat in rule.threat],
    }
    if rule.building_block:
        parameters["building_block_type"] = _BUILDING_BLOCK
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
    if "threshold" in alert.details:
        parameters["threshold"] = alert.details["threshold"]
    return {f"{_RULE}{name}": value for name, value in fields.items()}


_OWN_DETAILS: Final = ("variables", "responses")
"""What Datadog's Agent rules say besides, for which Kibana's alerts have no field."""


def _own_fields(alert: Alert) -> dict[str, Any]:
    own: dict[str, Any] = {
        "alert": {"id": alert.id},
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
    own |= {key: alert.details[key] for key in _OWN_DETAILS if key in alert.details}
    return own


def _enrichments(alert: Alert, document: Mapping[str, Any]) -> dict[str, Any]:
    """The indicators that the event met, after those that it came with."""
    if not alert.details:
        return {}
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


def _severity(told: Alert | Overridden) -> str:
    # Elastic's lowest severity is low; the alert's own stands in tocsin.severity.
    return "low" if told.severity == "informational" else told.severity


def _index(document: Mapping[str, Any]) -> str:
    """The data stream that the event came out of, where it says so."""
    found = _first(_PLACES, document)
    if "_index" in found:
        return str(found["_index"])
    parts = [found.get(f"data_stream.{part}") for part in ("type", "dataset", "namespace")]
    return "" if None in parts else "-".join(map(str, parts))


def _first(extractor: Extractor, document: Mapping[str, Any]) -> dict[str, Scalar]:
    """The first value of each of some fields."""
    found: dict[str, Scalar] = {}
    for number, value in extractor.extract(document):
        found.setdefault(extractor.fields[number], value)
    return found


def reason(alert: Alert) -> str:
    """One sentence of what happened, worded as Kibana words it.

    ``process event with process curl, by ubuntu on web-1 created medium alert Name.``
    """
    return _reason(alert, _source(alert)[0])


def _reason(alert: Alert, document: Mapping[str, Any]) -> str:
    values = {name: str(value) for name, value in _first(_TOLD, document).items()}

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
