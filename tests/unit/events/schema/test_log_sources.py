from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tocsin.engine import reference
from tocsin.events.decoders import decoders
from tocsin.events.record import Record
from tocsin.events.schema.log_sources import ROWS, LogSource, Source, find, where
from tocsin.events.shapes import PLAIN, in_ecs, shapes

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def fits(source: LogSource, document: dict[str, Any]) -> bool:
    return reference.holds(where(find(source)), document)


def windows(channel: str, code: int | str, **data: str) -> dict[str, Any]:
    return {
        "event": {"code": str(code)},
        "winlog": {"channel": channel, "event_data": data},
        "host": {"os": {"type": "windows"}},
    }


def agent(system: str, category: str, kind: str, **event: str) -> dict[str, Any]:
    return {
        "event": {"category": [category], "type": [kind], **event},
        "host": {"os": {"type": system}},
    }


# --- Windows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "document"),
    [
        ("process_creation", windows(SYSMON, 1)),
        ("process_creation", windows(SYSMON.lower(), 1)),
        ("process_creation", windows("Security", 4688)),
        ("process_creation", agent("windows", "process", "start")),
        ("process_termination", windows(SYSMON, 5)),
        ("file_event", windows(SYSMON, 11)),
        ("file_event", agent("windows", "file", "creation")),
        ("file_delete", windows(SYSMON, 26)),
        ("file_rename", agent("windows", "file", "change", action="rename")),
        ("registry_set", windows(SYSMON, 13)),
        ("registry_event", windows(SYSMON, 14)),
        ("registry_add", windows(SYSMON, 12, EventType="CreateKey")),
        ("registry_delete", windows(SYSMON, 12, EventType="DeleteValue")),
        ("image_load", windows(SYSMON, 7)),
        ("image_load", agent("windows", "library", "start")),
        ("network_connection", windows(SYSMON, 3)),
        ("ps_script", windows("Microsoft-Windows-PowerShell/Operational", 4104)),
        ("ps_module", windows("PowerShellCore/Operational", 4103)),
        ("ps_classic_start", windows("Windows PowerShell", 400)),
        ("pipe_created", windows(SYSMON, 18)),
        ("wmi_event", windows(SYSMON, 21)),
    ],
)
def test_a_category_of_windows_is_where_its_events_are(
    category: str, document: dict[str, Any]
) -> None:
    assert fits(LogSource(category, "windows"), document)


@pytest.mark.parametrize(
    ("category", "document"),
    [
        ("process_creation", windows(SYSMON, 11)),
        ("process_creation", windows("Security", 4624)),
        ("process_creation", agent("linux", "process", "start")),
        # Logs give these categories to more than Sigma means.
        ("process_creation", {**agent("windows", "process", "start"), **windows("Security", 5024)}),
        ("file_event", {**agent("windows", "file", "creation"), "winlog": {"channel": SYSMON}}),
        ("registry_add", windows(SYSMON, 12, EventType="DeleteKey")),
        ("registry_set", windows(SYSMON, 12, EventType="CreateKey")),
    ],
)
def test_other_events_are_not_of_the_category(category: str, document: dict[str, Any]) -> None:
    assert not fits(LogSource(category, "windows"), document)


@pytest.mark.parametrize(
    ("service", "channel"),
    [
        ("security", "Security"),
        ("system", "System"),
        ("sysmon", SYSMON),
        ("windefend", "Microsoft-Windows-Windows Defender/Operational"),
        ("powershell-classic", "Windows PowerShell"),
        ("some-new-service", "Microsoft-Windows-Some-New-Service/Operational"),
    ],
)
def test_a_service_of_windows_is_a_channel(service: str, channel: str) -> None:
    assert fits(LogSource("", "windows", service), windows(channel, 1))
    assert not fits(LogSource("", "windows", service), windows("Setup", 1))


def test_a_category_and_a_service_hold_both() -> None:
    both = LogSource("process_creation", "windows", "security")
    assert fits(both, windows("Security", 4688))
    assert not fits(both, windows(SYSMON, 1))


def test_names_of_windows_are_those_of_its_tables() -> None:
    process = find(LogSource("process_creation", "windows"))
    assert process.fields_of("Image") == ("process.executable",)
    assert process.fields_of("Hashes") == ("winlog.event_data.Hashes",)
    assert process.fields_of("EventID") == ("event.code",)
    assert process.fields_of("User") == ("winlog.event_data.User", "user.name")
    assert find(LogSource("", "windows", "security")).fields_of("LogonType") == (
        "winlog.event_data.LogonType",
    )


def test_what_says_nothing_stands_under_its_own_name() -> None:
    process = find(LogSource("process_creation", "windows"))
    assert process.empty_in("CommandLine") == ("winlog.event_data.CommandLine",)
    assert process.empty_in("Hashes") == ()
    assert process.empty_in("EventID") == ()
    assert find(LogSource("process_creation", "linux")).empty_in("CommandLine") == ()


# --- other hosts ------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["linux", "macos"])
def test_categories_of_hosts_are_ecs(system: str) -> None:
    process = LogSource("process_creation", system)
    assert fits(process, agent(system, "process", "start"))
    assert not fits(process, agent(system, "process", "end"))
    assert not fits(process, agent("windows", "process", "start"))
    assert fits(LogSource("file_event", system), agent(system, "file", "creation"))


def test_sysmon_for_linux_writes_them_too() -> None:
    document = windows("Linux-Sysmon/Operational", 1)
    assert fits(LogSource("process_creation", "linux"), document)
    assert not fits(LogSource("process_creation", "macos"), document)


@pytest.mark.parametrize(
    ("service", "document"),
    [
        ("auditd", {"auditd": {"record": [{"type": "EXECVE"}]}}),
        ("sshd", {"process": {"name": "sshd"}}),
        ("sshd", {"log": {"syslog": {"appname": "sshd"}}}),
        ("auth", {"event": {"dataset": "system.auth"}}),
        ("auth", {"log": {"file": {"path": "/var/log/auth.log.1"}}}),
        ("syslog", {"log": {"file": {"path": "/var/log/syslog"}}}),
        ("cron", {"process": {"name": "crond"}}),
        ("vsftpd", {"log.file.path": "/var/log/vsftpd.log"}),
        ("", {"host": {"os": {"type": "linux"}}}),
    ],
)
def test_services_of_linux_are_known_by_program_or_file(
    service: str, document: dict[str, Any]
) -> None:
    assert fits(LogSource("", "linux", service), document)
    assert not fits(LogSource("", "linux", service), {"event": {"dataset": "okta.system"}})


# --- the rest ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name", "fields"),
    [
        (LogSource("", "aws", "cloudtrail"), "eventName", ("event.action",)),
        (
            LogSource("", "aws", "cloudtrail"),
            "requestParameters.enable",
            (
                "cloudtrail.requestParameters.enable",
                "aws.cloudtrail.flattened.request_parameters.enable",
            ),
        ),
        (LogSource("", "zeek", "dns"), "query", ("zeek.dns.query",)),
        (LogSource("", "zeek", "conn"), "id.orig_h", ("zeek.connection.id.orig_h",)),
        (
            LogSource("", "azure", "auditlogs"),
            "TargetResources.Type",
            ("azure_logs.targetResources.type", "azure_logs.properties.targetResources.type"),
        ),
        (LogSource("webserver"), "cs-method", ("http.request.method",)),
        (LogSource("", "nobody", "knows"), "a.b", ("a.b",)),
    ],
)
def test_names_stand_for_fields(source: LogSource, name: str, fields: tuple[str, ...]) -> None:
    assert find(source).fields_of(name) == fields


@pytest.mark.parametrize(
    ("source", "document"),
    [
        (LogSource("", "beehive", "sting"), {"event": {"dataset": "beehive.sting"}}),
        (LogSource("", "beehive", "sting"), {"event": {"dataset": "sting"}}),
        (LogSource("", "beehive", "beehive.sting"), {"event": {"dataset": "beehive.sting"}}),
        (
            LogSource("", "beehive", "sting"),
            {"event": {"module": "beehive", "dataset": "queen.sting"}},
        ),
        (LogSource("", "beehive"), {"event": {"module": "beehive"}}),
        (LogSource("", "", "beehive"), {"event": {"dataset": "beehive.log"}}),
        (LogSource("honey"), {"event": {"category": ["honey"]}}),
    ],
)
def test_what_no_table_knows_is_looked_for_by_its_name(
    source: LogSource, document: dict[str, Any]
) -> None:
    found = find(source)
    assert (found.known, found.fed_by) == (False, ())
    assert fits(source, document)
    assert not fits(source, {"event": {"module": "other", "dataset": "other.log"}})


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (LogSource("", "windows"), LogSource("file_event", "windows"), True),
        (LogSource("file_event", "windows"), LogSource("", "windows"), False),
        (LogSource("", "windows"), LogSource("", "linux"), False),
        (LogSource("a", "b", "c"), LogSource("a", "b", "c"), True),
    ],
)
def test_a_log_source_holds_its_parts(one: LogSource, other: LogSource, expected: bool) -> None:
    assert one.holds(other) is expected


def test_a_log_source_is_shown_by_what_it_says() -> None:
    assert LogSource("", "aws", "cloudtrail").shown == "product aws, service cloudtrail"


def test_rows_name_decoders_and_shapes_that_there_are() -> None:
    known = {*decoders(), *shapes(), PLAIN}
    assert {name for row in ROWS.values() for name in row.fed_by} <= known
    assert set(find(LogSource("process_creation", "windows")).fed_by) <= known


def test_a_row_that_nothing_feeds_says_what_is_seen_all_the_same() -> None:
    assert [key for key, row in ROWS.items() if not row.fed_by and not row.note] == []


# --- shapes → log sources -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "document"),
    [
        (
            LogSource("", "aws", "cloudtrail"),
            {"eventVersion": "1.08", "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets",
             "eventTime": "2026-01-01T00:00:00Z", "awsRegion": "eu-west-1", "eventID": "1"},
        ),
        (
            LogSource("", "zeek", "dns"),
            {"_path": "dns", "ts": 1_760_000_000.0, "id.orig_h": "192.0.2.7", "query": "x.example"},
        ),
        (
            LogSource("", "azure", "signinlogs"),
            {"time": "2026-01-01T00:00:00Z", "category": "SignInLogs",
             "operationName": "Sign-in activity", "properties": {"id": "1"}},
        ),
        (
            LogSource("", "m365", "audit"),
            {"Operation": "UserLoggedIn", "Workload": "AzureActiveDirectory", "RecordType": 15,
             "CreationTime": "2026-01-01T00:00:00", "Id": "1"},
        ),
        (
            LogSource("registry_set", "windows"),
            {"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
                                  "EventID": 13, "Channel": SYSMON, "Computer": "web-1"},
                       "EventData": {"TargetObject": "HKLM\\x"}}},
        ),
    ],
)  # fmt: skip
def test_a_shape_feeds_the_log_source_that_says_so(
    source: LogSource, document: dict[str, Any]
) -> None:
    shaped = in_ecs(Record(document, b""))
    assert shaped is not None
    assert fits(source, shaped.document)
    assert type(shaped._shape).__name__ == "module"
    assert shaped._shape.__name__.rpartition(".")[2] in find(source).fed_by  # type: ignore[attr-defined]


# --- every published log source -----------------------------------------------------------------


def decision_of(source: Source) -> str:
    if source.fed_by:
        return "fed"
    return "in ECS alone" if source.known else "by name"


def test_every_log_source_of_the_public_rules_is_decided(shared: Path) -> None:
    corpus = shared / "corpora" / "sigma"
    if not corpus.is_dir():
        pytest.skip(f"no rules at {corpus}")
    rules: Counter[str] = Counter()
    by_name = set[str]()
    for path in corpus.rglob("*.yml"):
        text = path.read_text(encoding="utf-8")
        found = yaml.load(text, yaml.CSafeLoader)["logsource"]
        values = (str(found.get(key) or "").lower() for key in ("category", "product", "service"))
        source = find(LogSource(*values))
        rules[decision_of(source)] += 1
        if not source.known:
            by_name.add(source.wanted.shown)
    assert rules == {"fed": 2904, "in ECS alone": 136}
    assert by_name == set()
