"""Events of Windows' event logs, and Sysmon for Linux's, as JSON of any of the usual forms.

Nested as `evtx_dump` and our own decoders of EVTX and XML write it, or flat as shippers do
(`_windows_forms`). The result has the names of Elastic's ``windows`` and ``system`` integrations:
everything of EventData as texts under ``winlog.event_data``, as it came, and ECS fields beside it
(`events.schema.windows` says which). Values of UserData are in ``winlog.user_data`` and, where
EventData has no such name, in ``winlog.event_data`` too. Values without a name are
``winlog.event_data.Data``, and ``param1``, ``param2`` … as Winlogbeat calls them.

What rendering or an agent would give, raw events lack: the message (where no integration knows the
event, the values of its data stand for it), the names of tasks, what ``%%1234`` means, and the
machine's ``host.id`` (the computer's name stands for it). Winlogbeat's own documents have all of
this; they are in ECS already and not of this shape.

Format: https://learn.microsoft.com/en-us/windows/win32/wes/eventschema-schema
"""

from __future__ import annotations

from typing import Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.schema.windows import AUDIT, LINUX_SYSMON, UNKNOWN_AUDIT, Kind, kind_of
from tocsin.events.shapes._sensor_ecs import placed
from tocsin.events.shapes._windows_ecs import ecs_fields, put_fields, put_names
from tocsin.events.shapes._windows_entry import Entry
from tocsin.events.shapes._windows_forms import entry_of, is_entry
from tocsin.events.shapes._windows_powershell import context, powershell_fields
from tocsin.events.shapes._windows_security import audit_fields
from tocsin.events.shapes._windows_sysmon import sysmon_fields
from tocsin.events.shapes._windows_values import Value

_LONGEST_MESSAGE: Final = 1 << 16
_MOST_PARAMETERS: Final = 100
_SECOND: Final = 1_000_000_000


MARKS: tuple[bytes, ...] = (
    rb'"system"\s*:\s*\{',
    rb'"eventid"',
    rb'"eventcode"',
)


def recognises(document: Document) -> bool:
    """Whether the document is an event of a Windows event log."""
    return is_entry(document)


def to_ecs(document: Document) -> Document:
    """The event as Elastic's integrations would have it."""
    entry = entry_of(document)
    kind = kind_of(entry.channel, entry.provider, entry.code)
    if kind is None and entry.channel.lower() == AUDIT.lower():
        kind = UNKNOWN_AUDIT
    data = _event_data(entry)
    found = ecs_fields(entry, kind, data)
    if kind is None:
        if "message" not in found and (message := _message(data)):
            found["message"] = message
        return found
    told = context(entry) if kind.family in {"powershell", "classic"} else {}
    put_fields(found, kind.fields, {**told, **data} if told else data)
    _put_own(found, entry, kind, data, told)
    is_linux = entry.channel.lower() == LINUX_SYSMON.lower()
    put_names(found, "/" if is_linux else "\\")
    if is_linux:
        # No rule of Elastic's asks for this sensor: it is heard as an endpoint's events are.
        found |= placed(found["event"]["dataset"], found["event"].get("category", []))
    return found


def _put_own(
    found: Document, entry: Entry, kind: Kind, data: dict[str, Value], told: dict[str, Value]
) -> None:
    """What the events of a source say in words of their own."""
    match kind.family:
        case "powershell" | "classic":
            powershell_fields(found, entry, told)
        case "security" | "created":
            audit_fields(found, entry, data)
        case _:
            sysmon_fields(found, entry, data)


def identity(document: Document) -> bytes:
    """Canonical JSON of what the event is, whether it came as EVTX, XML or JSON.

    A log that was cleared counts its records anew, so the number alone says nothing; an event
    without one is its bytes.
    """
    entry = entry_of(document)
    if not entry.record_id or not entry.computer:
        return b""
    second = None if entry.created is None else entry.created // _SECOND
    number = [entry.computer, entry.channel, entry.provider, entry.code, entry.record_id, second]
    return msgspec.json.encode([number, entry.data, entry.user_data], order="sorted")


def _event_data(entry: Entry) -> dict[str, Value]:
    """What becomes ``winlog.event_data``: the data, and its values under other usual names."""
    data = dict(entry.data)
    for number, text in enumerate(entry.unnamed[:_MOST_PARAMETERS], 1):
        if text:
            data.setdefault(f"param{number}", text)
    for name, value in entry.user_data.items():
        data.setdefault(name, value)
    for name in [name for name in data if " " in name]:
        # Defender's names have blanks; rules write them without, or with underscores.
        data.setdefault(name.replace(" ", ""), data[name])
        data.setdefault(name.replace(" ", "_"), data[name])
    return data


def _message(data: dict[str, Value]) -> str:
    """The values of the data, for people and for rules that look for words; no passwords."""
    texts: list[str] = []
    for name, value in data.items():
        if name != "Binary" and not name.startswith("param") and "password" not in name.lower():
            texts += [value] if isinstance(value, str) else value
    return ", ".join(text for text in texts if text)[:_LONGEST_MESSAGE]
