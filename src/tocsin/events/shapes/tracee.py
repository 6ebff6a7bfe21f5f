"""Tracee's events as JSON, in both of its forms.

    {"timestamp": 1795292814490000000, "eventName": "security_socket_connect", "processName":
     "curl", "hostProcessId": 7, "args": [{"name": "remote_addr", "value": {…}}], …}
    {"timestamp": "2026-11-21T20:26:54.49Z", "name": "security_socket_connect", "workload":
     {"process": {"thread": {"name": "curl"}, …}}, "data": [{"name": "remote_addr", …}]}

The first is that of earlier versions, the second (``v1beta1.Event``) that of later ones. Executed
programs and connections are under ``secl.*`` too, requests over HTTP also stand in for Packetbeat's
(``_index``, ``event.module``), and ``tracee.*`` holds the event itself.

* No event tells the controlling terminal. Where the standard input of an executed program is one
  (``stdin_path``), the process is interactive as ECS means it; SECL's ``tty_name`` stays empty.
* Of the old form ``hostProcessId`` counts, ``processId`` being that of the container.
* Environment variables, headers and packets are left out: they may be secrets.

Format: https://aquasecurity.github.io/tracee/latest/docs/outputs/event-structure/
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._secl_events import Address, secl_event
from tocsin.events.shapes._sensor_ecs import family, host, placed, pod, utc
from tocsin.events.shapes._tracee_events import Done, done
from tocsin.events.shapes._tracee_workload import (
    Workload,
    data_of,
    is_old_form,
    workload_of,
)
from tocsin.events.shapes._values import Object, kept, nested, text_of

_DATASET: Final = "tracee.events"
_HTTP: Final = "network_traffic.http"
_SECRET: Final = frozenset(
    {"env", "envp", "headers", "payload", "bytes", "data", "http_request", "http_response",
     "proto_http", "packet", "buf", "triggeredBy", "triggered_by"}
)  # fmt: skip
_TOLD: Final = ("eventName", "eventId", "name", "id", "syscall", "returnValue", "matchedPolicies",
                "policies", "threat", "metadata")  # fmt: skip


MARKS: tuple[bytes, ...] = (
    rb'"eventname"',
    rb'"workload"',
)


def recognises(document: Document) -> bool:
    """Whether the document is an event of Tracee's."""
    if "eventName" in document:
        known = "processName" in document or "hostProcessId" in document
        return known and isinstance(document.get("args"), list)
    if "workload" not in document or "timestamp" not in document:
        return False
    known = "data" in document or "policies" in document or "threat" in document
    if not known and "process" not in nested(document, "workload"):
        return False
    return isinstance(document.get("name"), str) and isinstance(document["workload"], dict)


def identity(document: Document) -> bytes:
    """Nothing: an event's bytes say who it is."""
    return b""


def to_ecs(document: Document) -> Document:
    """The event in ECS's names, with ``tracee.*`` and ``secl.*``."""
    name = text_of(document.get("eventName" if is_old_form(document) else "name")) or ""
    data = data_of(document)
    workload = workload_of(document, data, executes=name == "sched_process_exec")
    event = done(name, data)
    time = _time(document.get("timestamp"))
    found: Document = {
        "@timestamp": time,
        "event": kept(
            {
                "kind": "alert" if event.is_alert or "threat" in document else "event",
                "category": list(event.categories),
                "type": list(event.types),
                "action": event.action,
                "outcome": event.outcome(document.get("returnValue")),
                "module": "tracee",
                "dataset": _DATASET,
            }
        ),
        "rule": _rule(document),
        "host": host(workload.host),
        **family(workload.process, workload.ancestors),
        "container": workload.container,
        **pod(*workload.pod),
        **event.more,
        "tracee": _tracee(document, data),
        **placed(_DATASET, list(event.categories)),
    }
    if event.is_http:
        found["event"]["module"] = ["tracee", "network_traffic"]
        found["_index"] = f"logs-{_HTTP}-default"
    found["secl"] = _secl(event, workload, time)
    return kept(found)


def _time(value: Any) -> str | None:
    """The time, in any of the ways in which it has been written."""
    if isinstance(value, dict):  # a timestamp of protobuf's, as a template may show it
        seconds, nanos = value.get("seconds"), value.get("nanos", 0)
        digits = str(seconds)
        if digits.isdecimal() and len(digits) < 12 and isinstance(nanos, int):
            return utc(int(digits) * 10**9 + max(0, min(nanos, 10**9 - 1)))
        return None
    return utc(value)


def _rule(document: Document) -> Object:
    """The signature that found it."""
    told = nested(document, "metadata") or nested(document, "threat")
    properties = nested(told, "Properties") or nested(told, "properties")
    identity = text_of(properties.get("signatureID")) or text_of(properties.get("id"))
    name = text_of(properties.get("signatureName")) or text_of(told.get("name"))
    about = text_of(told.get("Description")) or text_of(told.get("description"))
    return kept({"id": identity, "name": name, "description": about})


def _tracee(document: Document, data: Object) -> Object:
    told = {key: document.get(key) for key in _TOLD}
    return kept(
        {
            **told,
            "args": {key: value for key, value in data.items() if key not in _SECRET},
        }
    )


def _secl(event: Done, workload: Workload, time: str | None) -> Object:
    if not event.secl:
        return {}
    address: Address | None = event.address
    return secl_event(
        event.secl,
        workload.process,
        time=time,
        host=workload.host,
        container=text_of(workload.container.get("id")),
        ancestors=workload.ancestors,
        address=address,
    )
