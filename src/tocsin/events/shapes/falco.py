"""Falco's alerts as JSON: what a rule of Falco's saw of one system call.

    {"rule": "…", "priority": "Notice", "time": "2026-11-21T20:26:54.490000000Z",
     "source": "syscall", "hostname": "web-1", "output_fields": {"evt.type": "connect", …}}

Which ``output_fields`` there are is the choice of whoever wrote the rule; each that has a meaning
in ECS or SECL gets it, and none is needed. ``process.*``, ``container.*`` and the like are those of
Elastic's integration for Falco, and ``falco.*`` holds the alert itself. Connections and executed
programs are under ``secl.*`` too (`_secl_events`).

* The ends of a connection are taken from ``fd.sip`` and the like, else from ``fd.name``.
* Arguments and terminals: `_falco_fields`.
* Environment variables, and what a process read or wrote, are left out: they may be secrets.

Format: https://falco.org/docs/reference/rules/supported-fields/
"""

from __future__ import annotations

import re
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._falco_fields import SECRET, Said, ancestors_of, process_of
from tocsin.events.shapes._secl_events import Address, Process, secl_event
from tocsin.events.shapes._sensor_calls import Call, call_of
from tocsin.events.shapes._sensor_ecs import (
    address,
    end,
    family,
    file_of,
    host,
    integer,
    placed,
    pod,
    utc,
)
from tocsin.events.shapes._values import Object, kept, nested, text_of

_DATASET: Final = "falco.alerts"
_HOST: Final = "host"
_SEVERITIES: Final = (
    "debug", "informational", "notice", "warning", "error", "critical", "alert", "emergency",
)  # fmt: skip
_TECHNIQUE: Final = re.compile(r"T\d{4}(?:\.\d{3})?\Z")
_LONGEST_NAME: Final = 200


MARKS: tuple[bytes, ...] = (rb'"output_fields"',)


def recognises(document: Document) -> bool:
    """Whether the document is an alert of Falco's."""
    return (
        "output_fields" in document
        and isinstance(document.get("rule"), str)
        and "priority" in document
        and isinstance(document["output_fields"], dict)
    )


def identity(document: Document) -> bytes:
    """Nothing: an alert's bytes say who it is."""
    return b""


def to_ecs(document: Document) -> Document:
    """The alert in ECS's names, with ``falco.*`` and ``secl.*``."""
    said = Said(nested(document, "output_fields"))
    call = call_of(said.text("evt.type", "syscall.type") or "")
    time = _time(document, said)
    process, ancestors = process_of(said), ancestors_of(said)
    name = said.text("evt.hostname") or text_of(document.get("hostname"))
    is_syscall = document.get("source", "syscall") == "syscall"
    categories = list(call.categories) if is_syscall else []
    ends = _ends(said, call)
    found: Document = {
        "@timestamp": time,
        "event": _event(document, said, call, categories),
        "message": None if said.has_secrets else text_of(document.get("output")),
        "rule": kept({"name": text_of(document.get("rule"))}),
        "observer": {"vendor": "sysdig", "product": "falco", "type": "sensor", "hostname": name},
        "host": host(name) if is_syscall else kept({"name": name}),
        **family(process, ancestors),
        "file": _file(said, call),
        "container": _container(said),
        **pod(
            said.text("k8s.ns.name"),
            said.text("k8s.pod.name"),
            said.text("k8s.pod.uid", "k8s.pod.id"),
            _labels(said.text("k8s.pod.labels")),
        ),
        "threat": _threat(document.get("tags")),
        **ends,
        "falco": _falco(document, said),
        **placed(_DATASET, categories),
    }
    found["secl"] = _secl(said, call, process, ancestors, time=time, host=name, ends=ends)
    return kept(found)


def _time(document: Document, said: Said) -> str | None:
    told = [document.get("time")]
    told += [said.fields.get(name) for name in ("evt.time.iso8601", "evt.rawtime", "evt.time")]
    return next((time for time in map(utc, told) if time is not None), None)


def _event(document: Document, said: Said, call: Call, categories: list[str]) -> Object:
    priority = (text_of(document.get("priority")) or "").lower()
    outcome = said.text("evt.res")
    return kept(
        {
            "kind": "alert",
            "category": categories,
            "type": list(call.types) if categories else [],
            "action": call.action or said.text("evt.type"),
            "outcome": None if outcome is None else _outcome(outcome, said),
            "severity": _SEVERITIES.index(priority) if priority in _SEVERITIES else None,
            "module": "falco",
            "dataset": _DATASET,
            "provider": text_of(document.get("source")),
            "id": text_of(document.get("uuid")),
        }
    )


def _outcome(result: str, said: Said) -> str:
    return "success" if result == "SUCCESS" and said.flag("evt.failed") is not True else "failure"


def _threat(tags: Any) -> Object:
    names = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    ids = [tag for tag in names if _TECHNIQUE.match(tag)]
    technique = {
        "id": list(dict.fromkeys(tag.partition(".")[0] for tag in ids)),
        "subtechnique": kept({"id": [tag for tag in ids if "." in tag]}),
    }
    return kept({"technique": kept(technique) if ids else None})


# --- what it was done to --------------------------------------------------------------------------


def _ends(said: Said, call: Call) -> Document:
    """``source``, ``destination`` and ``network``."""
    if "network" not in call.categories:
        return {}
    inbound = call.name in {"accept", "accept4"} or said.flag("fd.is_server") is True
    client = (address(said.fields.get("fd.cip")), said.number("fd.cport"), said.text("fd.cip.name"))
    server = (address(said.fields.get("fd.sip")), said.number("fd.sport"), said.text("fd.sip.name"))
    if inbound:  # the process is the server
        here, there = "fd.lip", "fd.rip"
    else:
        here, there = "fd.rip", "fd.lip"
    server = server if server[0] else _side(said, here)
    client = client if client[0] else _side(said, there)
    if not (client[0] or server[0]):
        client, server = _tuple(said.text("fd.name"))
    protocol = said.text("fd.l4proto")
    kinds = {"4": "ipv4", "6": "ipv6"}
    kind = said.text("fd.type") or kinds.get(said.text("fd.typechar") or "")
    network = {
        "direction": "ingress" if inbound else "egress",
        "transport": protocol if protocol in {"tcp", "udp", "icmp"} else None,
        "type": kind if kind in {"ipv4", "ipv6"} else None,
    }
    if not (client[0] or server[0]):
        return {}
    return kept({"source": end(*client), "destination": end(*server), "network": kept(network)})


_Side = tuple[str | None, int | None, str | None]


def _side(said: Said, name: str) -> _Side:
    port = said.number(name.replace("ip", "port"))
    return address(said.fields.get(name)), port, said.text(f"{name}.name")


def _tuple(name: str | None) -> tuple[_Side, _Side]:
    """The ends that ``10.0.0.2:60966->198.51.100.7:80`` names; of anything else, none."""
    ends: list[_Side] = []
    for part in (name or "")[:_LONGEST_NAME].split("->"):
        ip, _, port = part.rpartition(":")
        ends.append((address(ip), integer(port), None))
    both = len(ends) == 2 and ends[0][0] and ends[1][0]
    return (ends[0], ends[1]) if both else ((None, None, None), (None, None, None))


def _file(said: Said, call: Call) -> Object:
    if "network" in call.categories:
        return {}
    kind, name = said.text("fd.type"), said.text("fd.name")
    path = name if kind in {"file", "directory"} or (name or "").startswith("/") else None
    path = said.text("fs.path.target", "fs.path.name") or path
    before = said.text("fs.path.source")
    original = kept({"path": before, "name": before.rpartition("/")[2]}) if before else {}
    return kept(
        {
            **file_of(path),
            "type": {"file": "file", "directory": "dir"}.get(kind or "") if path else None,
            "inode": str(number) if (number := said.number("fd.ino")) else None,
            "Ext": kept({"original": original}),
        }
    )


def _container(said: Said) -> Object:
    identity = said.text("container.full_id", "container.id")
    if identity in (None, _HOST):
        return {}
    name, image = said.text("container.name"), said.text("container.image")
    repository, tag = said.text("container.image.repository"), said.text("container.image.tag")
    return kept(
        {
            "id": identity,
            "name": None if name == _HOST else name,
            "runtime": said.text("container.type"),
            "image": kept({"name": repository or image, "tag": [tag] if tag else []}),
            "security_context": kept({"privileged": said.flag("container.privileged")}),
        }
    )


def _labels(text: str | None) -> Object:
    pairs = (pair.strip().partition(":") for pair in (text or "").split(","))
    return {name: value for name, _, value in pairs if name and value}


def _falco(document: Document, said: Said) -> Object:
    """The alert itself, without what may be a secret."""
    fields = {k: v for k, v in said.fields.items() if not SECRET.match(k) and v is not None}
    kept_too = {key: document.get(key) for key in ("rule", "priority", "source", "uuid", "tags")}
    output = None if said.has_secrets else text_of(document.get("output"))
    return kept({**kept_too, "output": output, "output_fields": fields})


def _secl(
    said: Said,
    call: Call,
    process: Process,
    ancestors: list[Process],
    *,
    time: str | None,
    host: str | None,
    ends: Document,
) -> Object:
    container = _container(said).get("id")
    if call.secl == "exec" and said.flag("evt.failed") is not True:
        return secl_event("exec", process, time=time, host=host, container=container,
                          ancestors=ancestors)  # fmt: skip
    there = ends.get("destination", {})
    if call.secl != "connect" or "ip" not in there:
        return {}
    transport = ends.get("network", {}).get("transport")
    domain = there.get("domain")
    target = Address(
        ip=there["ip"],
        port=there.get("port"),
        family="AF_INET6" if ":" in there["ip"] else "AF_INET",
        protocol={"tcp": "IP_PROTO_TCP", "udp": "IP_PROTO_UDP"}.get(transport),
        names=(domain,) if domain else (),
        result=said.number("evt.rawres"),
    )
    return secl_event("connect", process, time=time, host=host, container=container,
                      ancestors=ancestors, address=target)  # fmt: skip
