"""The table by which Windows' names become ECS's and Sigma's."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tocsin.events.schema.ecs import TYPES
from tocsin.events.schema.windows import (
    AUDIT,
    CATEGORIES,
    DATASETS,
    KINDS,
    LINUX_SYSMON,
    SERVICES,
    SYSMON,
    dataset_of,
    kind_of,
    sigma_field,
)

POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
# Log sources of published rules that no channel of Windows has: kernel tracing alone does.
TRACED = {"file_access", "file_rename"}


@pytest.mark.parametrize(
    "channel, code, sigma, category, type_, action",
    [
        (SYSMON, "1", "process_creation", ("process",), ("start",), "Process creation"),
        (SYSMON, "3", "network_connection", ("network",), ("start", "connection", "protocol"), "Network connection"),
        (SYSMON, "13", "registry_set", ("configuration", "registry"), ("change",), "RegistryEvent (Value Set)"),
        (SYSMON, "22", "dns_query", ("network",), ("connection", "protocol", "info"), "DNSEvent (DNS query)"),
        (SYSMON, "24", "clipboard_capture", (), ("change",), "ClipboardChange (New content in the clipboard)"),
        (LINUX_SYSMON, "11", "file_event", ("file",), ("creation",), "FileCreate"),
        (POWERSHELL, "4104", "ps_script", ("process",), ("info",), "Execute a Remote Command"),
        ("PowerShellCore/Operational", "4103", "ps_module", ("process",), ("info",), "Executing Pipeline"),
        ("Windows PowerShell", "400", "ps_classic_start", ("process",), ("start",), "Engine Lifecycle"),
        (AUDIT, "4688", "process_creation", ("process",), ("start",), "created-process"),
        (AUDIT, "4625", "", ("authentication",), ("start",), "logon-failed"),
        (AUDIT, "5145", "", ("network", "file"), ("info", "access"), "network-share-object-access-checked"),
    ],
)  # fmt: skip
def test_an_event_code_says_what_an_event_is(
    channel: str, code: str, sigma: str, category: tuple[str], type_: tuple[str], action: str
) -> None:
    kind = kind_of(channel, "", code)
    assert kind is not None
    assert (kind.sigma_category, kind.category, kind.type) == (sigma, category, type_)
    assert kind.action == action


def test_the_provider_tells_where_the_channel_does_not() -> None:
    known = kind_of(SYSMON, "", "1")
    assert kind_of("", "Microsoft-Windows-Sysmon", "1") == known
    assert kind_of("ForwardedEvents", "Microsoft-Windows-Sysmon", "1") == known
    assert kind_of(SYSMON.upper(), "", "1") == known
    assert kind_of("", "Microsoft-Windows-Security-Auditing", "4624") == kind_of(AUDIT, "", "4624")


def test_what_no_table_knows_is_no_kind() -> None:
    assert kind_of("Application", "MsiInstaller", "1033") is None
    assert kind_of(SYSMON, "", "4624") is None
    assert kind_of("", "", "") is None


def test_every_field_of_the_table_is_known_to_ecs() -> None:
    fields = {field for kind in KINDS.values() for field in kind.fields.values()}
    assert {field for field in fields if field not in TYPES} == set()
    assert len(fields) > 40


def test_every_source_of_a_category_is_of_that_category() -> None:
    for category, sources in CATEGORIES.items():
        for source in sources:
            for code in source.event_ids:
                kind = kind_of(source.channel, "", code)
                assert kind is not None, (category, source)
                alike = {kind.sigma_category, "registry_event", "registry_add", "registry_delete"}
                alike |= {"file_delete", "clipboard_change"}
                assert category in alike
            assert (source.product == "linux") == (source.channel == LINUX_SYSMON)


def test_objects_that_are_made_and_deleted_are_told_apart() -> None:
    (added,), (deleted,) = CATEGORIES["registry_add"], CATEGORIES["registry_delete"]
    assert added.event_ids == deleted.event_ids == ("12",)
    assert added.where == {"EventType": ("CreateKey",)}
    assert deleted.where == {"EventType": ("DeleteKey", "DeleteValue")}
    assert CATEGORIES["registry_event"][0].event_ids == ("12", "13", "14")


def test_new_processes_come_from_three_channels() -> None:
    found = {(source.channel, source.event_ids) for source in CATEGORIES["process_creation"]}
    assert found == {(SYSMON, ("1",)), (LINUX_SYSMON, ("1",)), (AUDIT, ("4688",))}


@pytest.mark.parametrize(
    "category, service, name, field",
    [
        ("process_creation", "", "Image", "process.executable"),
        ("process_creation", "", "ParentCommandLine", "process.parent.command_line"),
        ("process_creation", "", "OriginalFileName", "process.pe.original_file_name"),
        ("process_creation", "", "ProcessId", "process.pid"),
        ("process_creation", "", "NewProcessName", "process.executable"),
        ("process_creation", "", "User", "winlog.event_data.User"),
        ("process_creation", "", "Hashes", "winlog.event_data.Hashes"),
        ("image_load", "", "OriginalFileName", "file.pe.original_file_name"),
        ("image_load", "", "ImageLoaded", "file.path"),
        ("image_load", "", "Signed", "winlog.event_data.Signed"),
        ("file_event", "", "TargetFilename", "file.path"),
        ("file_access", "", "FileName", "file.path"),
        ("registry_set", "", "TargetObject", "registry.path"),
        ("registry_delete", "", "TargetObject", "registry.path"),
        ("registry_set", "", "Details", "winlog.event_data.Details"),
        ("network_connection", "", "DestinationIp", "destination.ip"),
        ("network_connection", "", "CommandLine", "process.command_line"),
        ("dns_query", "", "QueryName", "dns.question.name"),
        ("pipe_created", "", "PipeName", "file.name"),
        ("process_access", "", "SourceImage", "process.executable"),
        ("process_access", "", "TargetImage", "winlog.event_data.TargetImage"),
        ("wmi_event", "", "Destination", "winlog.event_data.Destination"),
        ("ps_script", "", "ScriptBlockText", "powershell.file.script_block_text"),
        ("ps_module", "", "Payload", "winlog.event_data.Payload"),
        ("ps_classic_start", "", "Data", "winlog.event_data.Data"),
        ("", "security", "ProcessName", "winlog.event_data.ProcessName"),
        ("", "security", "EventID", "event.code"),
        ("", "system", "Provider_Name", "winlog.provider_name"),
        ("", "application", "Level", "event.severity"),
        ("", "security", "Channel", "winlog.channel"),
        ("", "system", "Channel", "winlog.event_data.Channel"),
        ("", "", "Image", "winlog.event_data.Image"),
        ("no_such_category", "", "Computer", "winlog.computer_name"),
    ],
)
def test_sigmas_names_have_a_field(category: str, service: str, name: str, field: str) -> None:
    assert sigma_field(category, service, name) == field


def test_channels_have_the_data_sets_of_elastics_integrations() -> None:
    assert dataset_of(SYSMON) == "windows.sysmon_operational"
    assert dataset_of("security") == "system.security"
    assert dataset_of("Microsoft-Windows-TaskScheduler/Operational") == "windows.forwarded"
    assert len(set(DATASETS.values())) > 10


def log_sources(directory: Path) -> set[tuple[str, str]]:
    """The log sources of rules for Windows, as (category, service)."""
    found = set()
    for file in directory.rglob("*.yml"):
        for rule in yaml.load_all(file.read_bytes(), yaml.CSafeLoader):
            source = rule.get("logsource", {}) if isinstance(rule, dict) else {}
            if source.get("product") == "windows":
                found.add((source.get("category") or "", source.get("service") or ""))
    return found


def test_every_log_source_of_published_rules_has_a_place(shared: Path) -> None:
    sources = log_sources(shared / "corpora" / "sigma" / "rules")
    assert len(sources) > 50
    assert {c for c, _ in sources if c and c not in CATEGORIES} <= TRACED
    assert {s for c, s in sources if s and not c and s not in SERVICES} == set()
