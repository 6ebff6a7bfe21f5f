"""The part of `windows_event` that all of Windows' events share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.schema.ecs import TYPES
from tocsin.events.schema.windows import LINUX_SYSMON, Kind, dataset_of
from tocsin.events.shapes._values import kept
from tocsin.events.shapes._windows_entry import Entry
from tocsin.events.shapes._windows_values import (
    NOTHING,
    Object,
    Value,
    account,
    arguments,
    at,
    base_name,
    file_parts,
    ip_of,
    long_of,
    number_of,
    put,
    rendered,
    single,
    time_of,
)

_LEVELS: Final = {1: "critical", 2: "error", 3: "warning", 5: "verbose"}
_SUCCESS, _FAILURE, _CLASSIC = 1 << 53, 1 << 52, 1 << 55  # bits of the keywords


def ecs_fields(entry: Entry, kind: Kind | None, data: dict[str, Value]) -> Document:
    """What every event has.

    Args:
        entry: the event.
        kind: what it is.
        data: what becomes ``winlog.event_data``.
    """
    dataset = dataset_of(entry.channel)
    found: Document = {
        "@timestamp": rendered(time_of(single(data.get("UtcTime"))) or entry.created),
        "event": _event(entry, kind, dataset),
        "data_stream": {"type": "logs", "dataset": dataset, "namespace": "default"},
        "host": _host(entry),
        "log": kept({"level": _level(entry)}),
        "message": entry.message,
        "winlog": _winlog(entry, data),
    }
    if entry.user not in NOTHING:
        found["user"] = {"id": entry.user}
    return kept(found)


def _event(entry: Entry, kind: Kind | None, dataset: str) -> Object:
    task = entry.rendered.get("Task", "")
    action: Any = task
    if kind is not None:
        action = [kind.action, kind.task] if kind.task else kind.action
    return kept(
        {
            "kind": "event",
            "code": entry.code,
            "provider": entry.provider,
            "module": dataset.partition(".")[0],
            "dataset": dataset,
            "category": list(kind.category) if kind else None,
            "type": list(kind.type) if kind else None,
            "action": action,
            "outcome": _outcome(entry),
            "severity": entry.level,
            "created": rendered(entry.created),
        }
    )


def _outcome(entry: Entry) -> str:
    bits = number_of(entry.keywords) or 0
    if bits & (_SUCCESS | _FAILURE):
        return "failure" if bits & _FAILURE else "success"
    return entry.outcome


def _host(entry: Entry) -> Object:
    system = "linux" if entry.channel == LINUX_SYSMON or "Linux" in entry.provider else "windows"
    # An event does not tell the machine's identifier: its name stands for it, so that sequences
    # that rules keep apart by host.id are kept apart.
    name = entry.computer
    family = (
        {"type": system}
        if system == "linux"
        else dict.fromkeys(("type", "family", "platform"), system)
    )
    return kept({"name": name, "hostname": name, "id": name, "os": family})


def _level(entry: Entry) -> str:
    if entry.level is None:
        return entry.rendered.get("Level", "").lower()
    return _LEVELS.get(entry.level, "information")


def _winlog(entry: Entry, data: dict[str, Value]) -> Object:
    bits = number_of(entry.keywords) or 0
    words = ("Audit Success", _SUCCESS), ("Audit Failure", _FAILURE), ("Classic", _CLASSIC)
    keywords = [entry.keywords, *(word for word, bit in words if bits & bit)]
    user_data = {"xml_name": entry.user_data_name, **entry.user_data} if entry.user_data else {}
    found = kept(
        {
            "channel": entry.channel,
            "provider_name": entry.provider,
            "provider_guid": entry.provider_guid,
            "event_id": entry.code,
            "version": entry.version,
            "task": entry.rendered.get("Task") or entry.task,
            "opcode": entry.rendered.get("Opcode") or entry.opcode,
            "keywords": keywords if entry.keywords else None,
            "computer_name": entry.computer,
            "record_id": entry.record_id,
            "process": kept({"pid": entry.pid, "thread": kept({"id": entry.tid})}),
            "user": kept({"identifier": entry.user}),
            "activity_id": entry.activity,
            "related_activity_id": entry.related_activity,
            "user_data": user_data,
        }
    )
    if data:
        found["event_data"] = data
    return found


# --- fields that keep their values -------------------------------------------------------------


def put_fields(found: Document, fields: Mapping[str, str], data: dict[str, Value]) -> None:
    """The values of names that have an ECS field."""
    for name, field in fields.items():
        value = data.get(name)
        if value is None or (isinstance(value, str) and value in NOTHING):
            continue
        read = _typed(field, value)
        if read is not None:
            put(found, field, read)


def _typed(field: str, value: Value) -> Any:
    match TYPES.get(field):
        case "long":
            return long_of(single(value))
        case "ip":
            return ip_of(single(value))
        case _:
            return value


def put_names(found: Document, separator: str) -> None:
    """What follows from paths and command lines: names, directories, arguments."""
    for holder in ("process", "process.parent"):
        process = at(found, holder)
        if not isinstance(process, dict):
            continue
        path, command = process.get("executable"), process.get("command_line")
        if isinstance(path, str) and path:
            process["name"] = base_name(path, separator) or path
        if isinstance(command, str) and command:
            process["args"] = arguments(command)
            process["args_count"] = len(process["args"])
    path = at(found, "file.path")
    if isinstance(path, str):
        found["file"].update(file_parts(path, separator))


def put_user(found: Document, text: str, holder: str = "user") -> None:
    r"""A user that is written ``DOMAIN\name``."""
    domain, name = account(text)
    if name:
        put(found, f"{holder}.name", name)
    if domain:
        put(found, f"{holder}.domain", domain)
