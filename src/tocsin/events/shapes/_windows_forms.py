"""The forms that Windows events come in, each read as an `Entry`.

* Nested, as `evtx` and `evtx_dump` write it, with attributes under ``#attributes``, beside their
  element (``Provider_attributes``), or as ``@Name``: ``{"Event": {"System": …, "EventData": …}}``;
  ``System`` may stand at the top too (Velociraptor).
* Flat, as shippers and converters write it (NXLog, Splunk, Zircolite …): ``EventID`` and
  ``Channel`` with EventData's names beside them.
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._windows_entry import (
    Entry,
    content,
    name_unnamed,
    read_data,
    read_named,
    read_user_data,
    read_values,
)
from tocsin.events.shapes._windows_values import Object, number_of, text_of, time_of

_CODES: Final = ("EventID", "EventId", "EventCode")
_LOGS: Final = ("Channel", "LogName")
_PROVIDERS: Final = ("Provider_Name", "ProviderName", "SourceName")
_COMPUTERS: Final = ("Computer", "ComputerName", "Hostname", "MachineName", "host")
_RECORDS: Final = ("EventRecordID", "EventRecordId", "RecordNumber", "RecordID", "RecordId")
_GUIDS: Final = ("Provider_Guid", "ProviderGuid", "Guid")
_TIMES: Final = ("SystemTime", "TimeCreated", "@timestamp", "TimeGenerated", "EventTime", "_time")
_USERS: Final = ("UserID", "UserSid")
_SYSTEM: Final = frozenset(
    {
        *_CODES, *_LOGS, *_PROVIDERS, *_COMPUTERS, *_RECORDS, *_GUIDS, *_TIMES, *_USERS,
        "ActivityID", "Keywords", "Level", "Message", "Opcode", "OpcodeValue", "ProcessID",
        "Qualifiers", "RelatedActivityID", "Task", "ThreadID", "Version",
        # What shippers add of their own.
        "@version", "EventReceivedTime", "EventTypeOrignal", "EventTypeOriginal", "Severity",
        "SeverityValue", "SourceModuleName", "SourceModuleType", "_id", "_index", "index",
        "linecount", "port", "source", "sourcetype", "splunk_server", "tags", "xmlns",
        "OriginalLogfile",
    }
)  # fmt: skip
_LEVELS: Final = {  # NXLog has its own word where the event may have an EventType, and outcomes
    "INFO": "", "WARNING": "", "ERROR": "", "VERBOSE": "", "CRITICAL": "",
    "AUDIT_SUCCESS": "success", "AUDIT_FAILURE": "failure",
}  # fmt: skip


def is_entry(document: Document) -> bool:
    """Whether a document is a Windows event in one of the forms; a look at a few keys."""
    event = document.get("Event")
    if isinstance(event, dict):
        return isinstance(event.get("System"), dict)
    if "System" in document:
        return isinstance(document["System"], dict) and (
            "EventData" in document or "UserData" in document
        )
    if "EventID" in document or "EventCode" in document:
        return "winlog" not in document and any(
            isinstance(document.get(name), str) for name in (*_LOGS, *_PROVIDERS)
        )
    inner = document.get("result")  # what Splunk exports
    return isinstance(inner, dict) and "result" not in inner and is_entry(inner)


def entry_of(document: Document) -> Entry:
    """The event that a document is; what is not of the expected type counts as missing."""
    inner = document.get("result")
    if isinstance(inner, dict) and "Event" not in document and "System" not in document:
        document = inner if "EventID" not in document else document
    event = document.get("Event")
    holder = event if isinstance(event, dict) else document
    system = holder.get("System")
    return _nested(system, holder) if isinstance(system, dict) else _flat(document)


# --- nested -----------------------------------------------------------------------------------


def _attribute(holder: Object, element: str, name: str) -> Any:
    """An attribute of an element, wherever it is kept; None where there is none."""
    node = holder.get(element)
    beside = holder.get(f"{element}_attributes")
    inside = node.get("#attributes") if isinstance(node, dict) else None
    for place in (beside, inside, node):
        if isinstance(place, dict):
            found = place.get(name, place.get(f"@{name}"))
            if found is not None:
                return found
    return None


def _nested(system: Object, holder: Object) -> Entry:
    def attribute(element: str, *names: str) -> str:
        values = (text_of(_attribute(system, element, name)) for name in names)
        return next((value for value in values if value), "")

    rendered = holder.get("RenderingInfo")
    words = rendered if isinstance(rendered, dict) else {}
    message = content(words.get("Message")) or content(holder.get("Message"))
    entry = Entry(
        channel=content(system.get("Channel")),
        provider=attribute("Provider", "Name") or attribute("Provider", "EventSourceName"),
        provider_guid=attribute("Provider", "Guid"),
        code=content(system.get("EventID")).strip(),
        level=number_of(content(system.get("Level"))),
        version=number_of(content(system.get("Version"))),
        task=content(system.get("Task")),
        opcode=content(system.get("Opcode")),
        keywords=_keywords(system.get("Keywords")),
        created=time_of(_attribute(system, "TimeCreated", "SystemTime")),
        record_id=content(system.get("EventRecordID")),
        computer=content(system.get("Computer")),
        user=attribute("Security", "UserID", "UserId"),
        pid=number_of(attribute("Execution", "ProcessID", "ProcessId")),
        tid=number_of(attribute("Execution", "ThreadID", "ThreadId")),
        activity=attribute("Correlation", "ActivityID"),
        related_activity=attribute("Correlation", "RelatedActivityID"),
        message=message,
        rendered={
            name: text for name in ("Task", "Opcode", "Level") if (text := content(words.get(name)))
        },
    )
    read_data(holder.get("EventData"), entry)
    read_user_data(holder.get("UserData"), entry)
    return entry


def _keywords(value: Any) -> str:
    """Keywords in hexadecimal, as Windows writes them; some tools write a signed number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"0x{value % (1 << 64):x}"
    return content(value)


# --- flat -------------------------------------------------------------------------------------


def _flat(document: Document) -> Entry:
    def first(names: tuple[str, ...]) -> str:
        values = (text_of(document.get(name)) for name in names)
        return next((value for value in values if value), "")

    kind = document.get("EventType")
    is_level = isinstance(kind, str) and kind in _LEVELS
    entry = Entry(
        channel=first(_LOGS),
        provider=first(_PROVIDERS),
        provider_guid=first(_GUIDS),
        code=first(_CODES).strip(),
        level=number_of(document.get("Level")),
        version=number_of(document.get("Version")),
        task=first(("Task",)),
        opcode=first(("OpcodeValue", "Opcode")),
        keywords=_keywords(document.get("Keywords")),
        created=time_of(*(document.get(name) for name in _TIMES)),
        record_id=first(_RECORDS),
        computer=first(_COMPUTERS),
        user=first(_USERS),
        pid=number_of(document.get("ProcessID")),
        tid=number_of(document.get("ThreadID")),
        activity=first(("ActivityID",)),
        related_activity=first(("RelatedActivityID",)),
        outcome=_LEVELS.get(kind, "") if isinstance(kind, str) else "",
        message=first(("Message",)),
    )
    read_data(document.get("EventData"), entry)
    read_user_data(document.get("UserData"), entry)
    for name, value in document.items():
        if name not in _SYSTEM and name not in {"EventData", "UserData"}:
            if name == "Data":
                read_values(value, entry)
            elif name != "EventType" or not is_level:
                read_named(name, value, entry.data)
    name_unnamed(entry)
    own = document.get("EventTypeOrignal", document.get("EventTypeOriginal"))
    if is_level and isinstance(own, str):
        entry.data["EventType"] = own
    return entry
