"""An alert as OCSF's Detection Finding (class 2004), version 1.8.

Times are milliseconds since the epoch. Each event is one of ``evidences``: what OCSF has names for
under them, all of its fields under ``data`` by their dotted ECS names. `observables` are the
values on which the rule's leaves held, and point to where they stand.

Schema: https://schema.ocsf.io/1.8.0/classes/detection_finding
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import metadata
from typing import Any

import msgspec

from tocsin.alerts.model import Alert, AlertEvent, AlertTechnique, AlertThreat
from tocsin.logic.field_types import Scalar, date_of
from tocsin.rules.model import Severity

VERSION = "1.8.0"

_SEVERITY_IDS: dict[Severity, int] = {
    "informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5,
}  # fmt: skip
_OS_IDS = {"windows": 100, "linux": 200, "macos": 300, "android": 201, "ios": 301}

_Fields = dict[str, Scalar | list[Scalar]]
"""The fields of an event by their dotted names; those with several values have a list of them."""

# ECS field → (where it stands below an element of `evidences`, type of the observable).
_POINTERS: dict[str, tuple[str, int]] = {
    "process.name": ("process.name", 9),
    "process.pid": ("process.pid", 15),
    "process.entity_id": ("process.uid", 39),
    "process.command_line": ("process.cmd_line", 13),
    "process.executable": ("process.file.path", 45),
    "process.parent.name": ("process.parent_process.name", 9),
    "process.parent.pid": ("process.parent_process.pid", 15),
    "process.parent.command_line": ("process.parent_process.cmd_line", 13),
    "process.parent.executable": ("process.parent_process.file.path", 45),
    "source.ip": ("src_endpoint.ip", 2),
    "source.port": ("src_endpoint.port", 11),
    "destination.ip": ("dst_endpoint.ip", 2),
    "destination.port": ("dst_endpoint.port", 11),
    "destination.domain": ("dst_endpoint.hostname", 1),
    "url.full": ("url.url_string", 6),
    "user_agent.original": ("http_request.user_agent", 16),
    "file.path": ("file.path", 45),
    "user.name": ("actor.user.name", 4),
    "user.id": ("actor.user.uid", 31),
    "host.name": ("device.hostname", 1),
    "host.hostname": ("device.hostname", 1),
}
# Fields whose type is known although OCSF has them nowhere in an evidence.
_TYPES: dict[str, int] = {
    "url.original": 6, "url.domain": 1, "dns.question.name": 1,
    "file.name": 7, "client.ip": 2, "server.ip": 2, "host.ip": 2, "group.name": 32,
}  # fmt: skip
_TYPE_NAMES = {
    0: "Unknown", 1: "Hostname", 2: "IP Address", 4: "User Name", 6: "URL String", 7: "File Name",
    9: "Process Name", 11: "Port", 13: "Command Line", 15: "Process ID", 16: "HTTP User-Agent",
    31: "User: uid", 32: "Group: name", 39: "Process Entity: uid", 45: "File Path", 99: "Other",
}  # fmt: skip
_OTHER = 99
_EMPTY: tuple[Any, ...] = ("", [], {})


def ocsf_finding(alert: Alert, *, closed: bool = False) -> dict[str, Any]:
    """The finding, ready to be sent.

    Args:
        alert: the alert.
        closed: whether somebody has closed it: its status is then Resolved.
    """
    events = [_fields_of(event) for event in alert.events]
    first, last = _milliseconds(alert.events[0].time), _last(alert)
    evidences = [
        _evidence(event, fields) for event, fields in zip(alert.events, events, strict=True)
    ]
    whole = evidences[-1]
    finding = {
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": 1,
        "activity_name": "Create",
        "type_uid": 200401,
        "type_name": "Detection Finding: Create",
        "severity_id": _SEVERITY_IDS[alert.severity],
        "severity": alert.severity.capitalize(),
        "status_id": 4 if closed else 1,
        "status": "Resolved" if closed else "New",
        "is_alert": True,
        "time": _milliseconds(alert.detected_at),
        "start_time": first,
        "end_time": last,
        "count": _count(alert),
        "message": alert.rule.name,
        "metadata": _kept(
            {
                "version": VERSION,
                "uid": alert.id,
                "product": {"name": "Tocsin", "vendor_name": "Tocsin", "version": _own_version()},
                "profiles": ["host"],
                "original_event_uid": alert.events[-1].id,
            }
        ),
        "finding_info": _kept(
            {
                **_finding_info(alert),
                "first_seen_time": first,
                "last_seen_time": last,
                "data_sources": sorted({s for f in events if (s := _text(f, "event.dataset"))}),
            }
        ),
        "evidences": evidences,
        "device": whole.get("device"),
        "actor": {**whole.get("actor", {}), **_known({"process": whole.get("process")})},
        "resources": _resources(events[-1]),
        "risk_score": alert.risk_score,
        "confidence_id": 0,
        "confidence": "Unknown",
        "observables": _observables(alert, evidences),
        "remediation": _kept(_remediation(alert)),
        "unmapped": _kept(_unmapped(alert)),
    }
    return _known(finding)


def _fields_of(event: AlertEvent) -> _Fields:
    """What `events.fields.flatten` yields, by name."""
    fields: _Fields = {}
    _gather(event.document.items(), "", fields)
    return fields


def _gather(pairs: Iterable[tuple[str, Any]], prefix: str, fields: _Fields) -> None:
    for key, value in pairs:
        name = prefix + key
        if isinstance(value, (str, int, float)):
            before = fields.get(name)
            if before is None:
                fields[name] = value
            elif isinstance(before, list):
                before.append(value)
            else:
                fields[name] = [before, value]
        elif isinstance(value, dict):
            _gather(value.items(), f"{name}.", fields)
        elif isinstance(value, list):
            _gather([("", element) for element in value], name, fields)


def _last(alert: Alert) -> int:
    """When the last event was, also of those that were only counted."""
    times = [alert.time, alert.events[-1].time]
    times += [alert.details["suppression"]["end"]] if "suppression" in alert.details else []
    return max(map(_milliseconds, times))


def _events_count(alert: Alert) -> int:
    """How many events made the rule fire; of a threshold's, only the oldest are evidences."""
    result = alert.details.get("threshold_result", {})
    return max(int(result.get("count", 0)), len(alert.events))


def _count(alert: Alert) -> int | None:
    """For how many findings or events like it this one stands; None: for itself."""
    suppression = alert.details.get("suppression")
    if suppression is not None:
        return int(suppression["docs_count"]) + 1
    count = _events_count(alert)
    return count if count > 1 else None


def _milliseconds(time: str) -> int:
    return (date_of(time) or 0) // 1_000_000


def _known(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The parts that are known: there may be zeros among them, but nothing empty."""
    return {
        name: value
        for name, value in parts.items()
        if value or (value is not None and value not in _EMPTY)
    }


def _kept(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A tree without what is not known, however deep."""
    return _known({n: _kept(v) if isinstance(v, dict) else v for n, v in tree.items()})


def _text(fields: _Fields, *names: str) -> str | None:
    for name in names:
        found = fields.get(name)
        if found is not None:
            return str(found[0] if isinstance(found, list) else found)
    return None


def _number(fields: _Fields, *names: str) -> int | None:
    for name in names:
        found = fields.get(name)
        for value in found if isinstance(found, list) else () if found is None else (found,):
            if isinstance(value, int) and not isinstance(value, bool):
                return value
            if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
                return int(value)
    return None


# --- the finding ---------------------------------------------------------------------------------


def _finding_info(alert: Alert) -> dict[str, Any]:
    rule = alert.rule
    return {
        "uid": alert.id,
        "title": rule.name,
        "desc": rule.description,
        "types": list(rule.tags),
        "analytic": {
            "name": rule.name,
            "uid": rule.id,
            "type_id": 1,
            "type": "Rule",
            "category": rule.source.vendor,
            "desc": rule.description,
        },
        "attacks": [attack for threat in rule.threat for attack in _attacks(threat)],
        "created_time": _milliseconds(alert.detected_at),
        "related_events_count": _events_count(alert),
    }


@lru_cache(maxsize=1_024)
def _attacks(threat: AlertThreat) -> Sequence[dict[str, Any]]:
    """One entry for a tactic with a technique, or with each of its sub-techniques."""
    tactic = {} if threat.tactic is None else {"tactic": _name(threat.tactic)}
    entries: list[dict[str, Any]] = []
    for technique in threat.technique:
        whole = {**tactic, "technique": _name(technique)}
        below = [{**whole, "sub_technique": _name(sub)} for sub in technique.subtechnique]
        entries += below or [whole]
    return entries or ([tactic] if tactic else [])


def _name(technique: AlertTechnique) -> dict[str, Any]:
    return _known({"uid": technique.id, "name": technique.name, "src_url": technique.reference})


def _remediation(alert: Alert) -> dict[str, Any]:
    if not alert.rule.guide:
        return {}
    return {"desc": alert.rule.guide, "references": list(alert.rule.references)}


def _unmapped(alert: Alert) -> dict[str, Any]:
    return {
        "tocsin": {
            "evidence": [msgspec.to_builtins(evidence) for evidence in alert.evidence],
            "new_terms": [msgspec.to_builtins(term) for term in alert.new_terms],
            "events": [
                {"id": event.id, "time": event.time, **msgspec.to_builtins(event.source)}
                for event in alert.events
            ],
            "rule": {
                "file": alert.rule.source.file,
                "language": alert.rule.language,
                "type": alert.rule.type,
                "author": list(alert.rule.author),
                "license": alert.rule.license,
                "false_positives": list(alert.rule.false_positives),
            },
            "note": alert.note,
            "details": alert.details,
        }
    }


# --- the evidence --------------------------------------------------------------------------------


def _evidence(event: AlertEvent, fields: _Fields) -> dict[str, Any]:
    return _known(
        {
            "uid": event.id,
            "process": _process(fields),
            "actor": _known({"user": _user(fields)}),
            "device": _device(fields),
            "src_endpoint": _endpoint(fields, "source"),
            "dst_endpoint": _endpoint(fields, "destination"),
            "url": _url(fields),
            "http_request": _request(fields),
            "http_response": _known({"code": _number(fields, "http.response.status_code")}),
            "file": _file(fields),
            "api": _api(fields),
            "container": _known(
                {
                    "uid": _text(fields, "container.id"),
                    "name": _text(fields, "container.name"),
                }
            ),
        }
    ) | {"data": fields}


def _process(fields: _Fields, prefix: str = "process") -> dict[str, Any]:
    pid = _number(fields, f"{prefix}.pid")
    uid = _text(fields, f"{prefix}.entity_id")
    if pid is None and uid is None:  # OCSF wants one of them
        return {}
    path = _text(fields, f"{prefix}.executable")
    return _known(
        {
            "pid": pid,
            "uid": uid,
            "name": _text(fields, f"{prefix}.name"),
            "cmd_line": _text(fields, f"{prefix}.command_line"),
            "working_directory": _text(fields, f"{prefix}.working_directory"),
            "file": _file_of(path, _text(fields, f"{prefix}.hash.sha256")),
            "user": _user(fields, f"{prefix}.user"),
            "parent_process": _process(fields, f"{prefix}.parent") if prefix == "process" else {},
        }
    )


def _file_of(
    path: str | None, sha256: str | None = None, name: str | None = None
) -> dict[str, Any]:
    if not path and not name:
        return {}
    name = name or str(path).replace("\\", "/").rstrip("/").rpartition("/")[2] or str(path)
    hashes = [{"algorithm_id": 3, "algorithm": "SHA-256", "value": sha256}] if sha256 else []
    return _known(
        {"name": name, "path": path, "type_id": 1, "type": "Regular File", "hashes": hashes}
    )


def _file(fields: _Fields) -> dict[str, Any]:
    return _file_of(
        _text(fields, "file.path"), _text(fields, "file.hash.sha256"), _text(fields, "file.name")
    )


def _user(fields: _Fields, prefix: str = "user") -> dict[str, Any]:
    user = {"name": _text(fields, f"{prefix}.name"), "uid": _text(fields, f"{prefix}.id")}
    if f"{prefix}.name" in fields:
        user["domain"] = _text(fields, f"{prefix}.domain")
        user["email_addr"] = _text(fields, f"{prefix}.email")
    return _known(user)


def _device(fields: _Fields) -> dict[str, Any]:
    known = _known(
        {
            "hostname": _text(fields, "host.name", "host.hostname"),
            "uid": _text(fields, "host.id"),
            "ip": _text(fields, "host.ip"),
            "mac": _text(fields, "host.mac"),
            "os": _os(fields),
            "region": _text(fields, "cloud.region"),
            "instance_uid": _text(fields, "cloud.instance.id"),
        }
    )
    return {"type_id": 0, "type": "Unknown", **known} if known else {}


def _os(fields: _Fields) -> dict[str, Any]:
    kind = _text(fields, "host.os.type", "host.os.platform", "host.os.family") or ""
    name = _text(fields, "host.os.name", "host.os.full") or kind
    if not name:
        return {}
    type_id = _OS_IDS.get(kind.lower(), 0)
    return _known({"name": name, "type_id": type_id, "version": _text(fields, "host.os.version")})


def _endpoint(fields: _Fields, side: str) -> dict[str, Any]:
    known = {
        "ip": _text(fields, f"{side}.ip"),
        "hostname": _text(fields, f"{side}.domain"),
        "mac": _text(fields, f"{side}.mac"),
    }
    if not known["ip"] and not known["hostname"]:  # a port alone is no endpoint
        return {}
    return _known({**known, "port": _number(fields, f"{side}.port")})


def _url(fields: _Fields) -> dict[str, Any]:
    known = {
        "url_string": _text(fields, "url.full", "url.original"),
        "path": _text(fields, "url.path"),
    }
    if not any(known.values()):
        return {}
    return _known(
        {
            **known,
            "hostname": _text(fields, "url.domain"),
            "query_string": _text(fields, "url.query"),
            "scheme": _text(fields, "url.scheme"),
            "port": _number(fields, "url.port"),
        }
    )


def _request(fields: _Fields) -> dict[str, Any]:
    known = {
        "http_method": _text(fields, "http.request.method"),
        "user_agent": _text(fields, "user_agent.original"),
        "referrer": _text(fields, "http.request.referrer"),
        "version": _text(fields, "http.version"),
    }
    return _known({**known, "url": _url(fields)}) if any(known.values()) else {}


def _api(fields: _Fields) -> dict[str, Any]:
    """The call that an audit log such as CloudTrail tells of."""
    service = _text(fields, "event.provider")
    if "cloud.provider" not in fields or not service or "event.action" not in fields:
        return {}
    return _known({"operation": _text(fields, "event.action"), "service": {"name": service}})


def _resources(fields: _Fields) -> list[dict[str, Any]]:
    """The machine that the event is of, as the resource that was attacked."""
    uid = _text(fields, "cloud.instance.id", "host.id")
    name = _text(fields, "cloud.instance.name", "host.name", "host.hostname")
    if not uid and not name:
        return []
    resource = {"uid": uid, "name": name, "type": "host", "ip": _text(fields, "host.ip")}
    return [_known(resource)]


def _observables(alert: Alert, evidences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    number = {event.id: i for i, event in enumerate(alert.events)}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for evidence in alert.evidence:
        if evidence.value is None or evidence.event not in number:
            continue
        place = number[evidence.event]
        below, type_id = _POINTERS.get(evidence.field, ("", _TYPES.get(evidence.field, _OTHER)))
        if not below or _at(evidences[place], below) != evidence.value:
            below = f"data.{evidence.field}"
        name, value = f"evidences[{place}].{below}", str(evidence.value)
        found[name, value] = {
            "name": name,
            "type_id": type_id,
            "type": _TYPE_NAMES[type_id],
            "value": value,
        }
    return list(found.values())


def _at(tree: Any, path: str) -> Any:
    for step in path.split("."):
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree


@cache
def _own_version() -> str:
    try:
        return metadata.version("tocsin")
    except metadata.PackageNotFoundError:  # run from a source tree
        return ""
