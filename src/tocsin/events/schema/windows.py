"""Windows' events in ECS's names and Sigma's: one table for both.

* `KINDS`: what an event is, by its channel (or its provider, where nothing tells the channel) and
  its event code; `kind_of` looks it up, whatever the case of the names.
* `CATEGORIES` and `SERVICES`: where the events of Sigma's log sources are.
* `sigma_field`: the field in which a document holds what a Sigma rule names.

A document (`shapes.windows_event`) has all of EventData, and what UserData adds, as texts under
``winlog.event_data``, and beside it ECS fields. These leave ``-``, empty texts and empty GUIDs out,
as Elastic's integrations do; ``winlog.event_data`` does not.

>>> kind_of("Microsoft-Windows-Sysmon/Operational", "", "13").sigma_category
'registry_set'
>>> sigma_field("process_creation", "", "Image"), sigma_field("", "security", "LogonType")
('process.executable', 'winlog.event_data.LogonType')
>>> [(source.channel, source.event_ids) for source in CATEGORIES["ps_module"]][0]
('Microsoft-Windows-PowerShell/Operational', ('4103',))

Names: https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon#events,
https://sigmahq.io/sigma-specification/specification/sigma-appendix-taxonomy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from tocsin.events.schema._windows_events import EVENTS, SECURITY
from tocsin.events.schema._windows_events import SERVICES as _SERVICE_ROWS
from tocsin.events.schema._windows_fields import EVERYWHERE, FAMILIES

SYSMON: Final = "Microsoft-Windows-Sysmon/Operational"
LINUX_SYSMON: Final = "Linux-Sysmon/Operational"
AUDIT: Final = "Security"

_SAME: Final = {
    # Who else writes the events of a channel: other channels, and providers.
    SYSMON: (LINUX_SYSMON, "Microsoft-Windows-Sysmon", "Linux-Sysmon"),
    "Microsoft-Windows-PowerShell/Operational": (
        "PowerShellCore/Operational",
        "Microsoft-Windows-PowerShell",
        "PowerShellCore",
    ),
    "Windows PowerShell": ("PowerShell",),
    AUDIT: ("Microsoft-Windows-Security-Auditing",),
}


class Kind(msgspec.Struct, frozen=True):
    """What the events of one code are.

    Attributes:
        sigma_category: the category of Sigma's log sources; empty for none.
        category: ``event.category``.
        type: ``event.type``.
        action: ``event.action``: what Elastic calls the event.
        task: what Windows calls it, where published rules ask for that beside `action`.
        family: what its EventData is like: the events of a family have the same names.
        fields: the ECS field of each name in EventData whose value it keeps as it came.
    """

    sigma_category: str
    category: tuple[str, ...]
    type: tuple[str, ...]
    action: str
    task: str = ""
    family: str = ""
    fields: Mapping[str, str] = {}


class Source(msgspec.Struct, frozen=True):
    """Where a part of the events of a Sigma category is.

    Attributes:
        channel: the channel.
        event_ids: their codes, as texts.
        product: the product of Sigma's log sources.
        where: what EventData has to say beside (name → any of these values); empty for nothing.
    """

    channel: str
    event_ids: tuple[str, ...]
    product: Literal["windows", "linux"] = "windows"
    where: Mapping[str, tuple[str, ...]] = {}


def _listed(words: str) -> tuple[str, ...]:
    return () if words == "." else tuple(words.split(","))


def _rows() -> Iterator[tuple[str, str, Kind]]:
    channel = ""
    for line in EVENTS.splitlines():
        if not line.startswith(" "):
            channel = line
            continue
        head, _, names = line.partition(" : ")
        code, sigma, category, type_, family = head.split()
        action, _, task = names.partition(" | ")
        sigma = "" if sigma == "." else sigma
        what = _listed(category), _listed(type_), action, task
        yield channel, code, Kind(sigma, *what, family, FAMILIES[family])
    category = type_ = ""
    for line in SECURITY.splitlines():
        if not line.startswith(" "):
            category, type_ = line.split()
            continue
        words = line.split()
        for code, action in zip(words[::2], words[1::2], strict=True):
            what = _listed(category), _listed(type_), action, ""
            yield AUDIT, code, Kind("", *what, "security", FAMILIES["security"])


def _kinds() -> Iterator[tuple[tuple[str, str], Kind]]:
    for channel, code, kind in _rows():
        yield (channel, code), kind
        for other in _SAME.get(channel, ()):
            yield (other, code), kind


KINDS: Final[Mapping[tuple[str, str], Kind]] = dict(_kinds())
"""(channel or provider, event code) → what the event is."""

UNKNOWN_AUDIT: Final = Kind("", (), (), "", family="security", fields=FAMILIES["security"])
"""What an event of the security log is whose code no table knows."""

_KINDS: Final = {(name.lower(), code): kind for (name, code), kind in KINDS.items()}


def kind_of(channel: str, provider: str, event_id: str) -> Kind | None:
    """What an event is; None for what no table knows.

    Args:
        channel: of the event; empty where it does not say.
        provider: the same.
        event_id: its code, as text.
    """
    return _KINDS.get((channel.lower(), event_id)) or _KINDS.get((provider.lower(), event_id))


# --- Sigma's log sources ----------------------------------------------------------------------

_MORE_CATEGORIES: Final[Mapping[str, tuple[Source, ...]]] = {
    # An object that is made and one that is deleted share a code; a name tells them apart.
    "registry_event": (Source(SYSMON, ("12", "13", "14")),),
    "registry_add": (Source(SYSMON, ("12",), where={"EventType": ("CreateKey",)}),),
    "registry_delete": (
        Source(SYSMON, ("12",), where={"EventType": ("DeleteKey", "DeleteValue")}),
    ),
    # Which of the two a file's deletion is depends on whether Sysmon was told to keep the file.
    "file_delete": (Source(SYSMON, ("23", "26")), Source(LINUX_SYSMON, ("23",), "linux")),
    "clipboard_change": (Source(SYSMON, ("24",)),),
}
_LINUX: Final = ("1", "3", "4", "5", "9", "11", "16", "23", "255")  # all that it writes


def _categories() -> Iterator[tuple[str, tuple[Source, ...]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for (name, code), kind in KINDS.items():
        is_channel = "/" in name or name in {AUDIT, "Windows PowerShell"}
        if not kind.sigma_category or not is_channel:
            continue
        if name != LINUX_SYSMON or code in _LINUX:
            found.setdefault(kind.sigma_category, {}).setdefault(name, []).append(code)
    for category, channels in found.items():
        yield (
            category,
            tuple(
                Source(name, tuple(codes), "linux" if name == LINUX_SYSMON else "windows")
                for name, codes in channels.items()
            ),
        )


CATEGORIES: Final[Mapping[str, tuple[Source, ...]]] = {**dict(_categories()), **_MORE_CATEGORIES}
"""Sigma's category → where its events are."""


def _services() -> Iterator[tuple[str, tuple[str, ...]]]:
    name, channels = "", list[str]()
    for line in [*_SERVICE_ROWS.splitlines(), ""]:
        if line.startswith(" "):
            channels.append(line.strip())
            continue
        if name:
            yield name, tuple(channels)
        name, channels = line, []


SERVICES: Final[Mapping[str, tuple[str, ...]]] = dict(_services())
"""Sigma's service of the product Windows → its channels."""

DATASETS: Final[Mapping[str, str]] = {
    SYSMON: "windows.sysmon_operational",
    LINUX_SYSMON: "sysmon_linux.log",
    "Microsoft-Windows-PowerShell/Operational": "windows.powershell_operational",
    "PowerShellCore/Operational": "windows.powershell_operational",
    "Windows PowerShell": "windows.powershell",
    AUDIT: "system.security",
    "System": "system.system",
    "Application": "system.application",
    "Microsoft-Windows-Windows Defender/Operational": "windows.windows_defender",
    "Microsoft-Windows-AppLocker/EXE and DLL": "windows.applocker_exe_and_dll",
    "Microsoft-Windows-AppLocker/MSI and Script": "windows.applocker_msi_and_script",
    "Microsoft-Windows-AppLocker/Packaged app-Deployment": (
        "windows.applocker_packaged_app_deployment"
    ),
    "Microsoft-Windows-AppLocker/Packaged app-Execution": (
        "windows.applocker_packaged_app_execution"
    ),
}
"""Channel → ``data_stream.dataset``; those that no integration reads are ``windows.forwarded``."""

_DATASETS: Final = {channel.lower(): dataset for channel, dataset in DATASETS.items()}


def dataset_of(channel: str) -> str:
    """The data set in which Elastic's integrations put the events of a channel."""
    return _DATASETS.get(channel.lower(), "windows.forwarded")


# --- Sigma's fields ---------------------------------------------------------------------------

_SYSTEM: Final = {
    "Channel": "winlog.channel",
    "Computer": "winlog.computer_name",
    "ComputerName": "winlog.computer_name",
    "EventID": "event.code",
    "EventId": "event.code",
    "EventRecordID": "winlog.record_id",
    "Keywords": "winlog.keywords",
    "Level": "event.severity",
    "Message": "message",
    "Opcode": "winlog.opcode",
    "Provider_Guid": "winlog.provider_guid",
    "Provider_Name": "winlog.provider_name",
    "Task": "winlog.task",
}
_OF_THE_DATA: Final = {
    # Event 104 of the system log names the log that was cleared; the channel is known already.
    ("system", "Channel"),
}
_HIDDEN: Final = frozenset({"Destination"})  # of a WMI consumer: a path or a whole script
_LIKE: Final = {
    "registry_add": "registry_set",
    "registry_delete": "registry_set",
    "clipboard_change": "clipboard_capture",
}
_TRACED: Final = ("file_access", "file_rename")  # kernel tracing alone has them, no channel


def _sigma_fields() -> Iterator[tuple[str, Mapping[str, str]]]:
    found: dict[str, dict[str, str]] = {}
    # Audit events come first: Sigma's names are Sysmon's, and ProcessId differs in them.
    for channel, _, kind in sorted(_rows(), key=lambda row: row[0] != AUDIT):
        if kind.sigma_category:
            names = found.setdefault(kind.sigma_category, {})
            names.update(EVERYWHERE if channel == SYSMON else {})
            names.update((n, f) for n, f in kind.fields.items() if n not in _HIDDEN)
    yield from found.items()
    for category, like in _LIKE.items():
        yield category, found[like]
    for category in _TRACED:
        more = {"FileName": "file.path", "SourceFilename": "file.Ext.original.path"}
        yield category, {**found["file_event"], **more}


_SIGMA_FIELDS: Final = dict(_sigma_fields())


def sigma_field(category: str, service: str, name: str) -> str:
    """The field in which a document holds what a rule of a Sigma log source calls ``name``.

    Args:
        category: of the log source; empty for none.
        service: the same.
        name: as the rule writes it.
    """
    if (service, name) not in _OF_THE_DATA and name in _SYSTEM:
        return _SYSTEM[name]
    return _SIGMA_FIELDS.get(category, {}).get(name) or f"winlog.event_data.{name}"
