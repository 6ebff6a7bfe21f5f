"""Events of Windows' event logs in ECS's names."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.events.fields import flatten, values_of
from tocsin.events.record import Record
from tocsin.events.schema.ecs import TYPES
from tocsin.events.schema.windows import CATEGORIES, KINDS, LINUX_SYSMON, SYSMON, sigma_field
from tocsin.events.shapes import in_ecs, windows_event
from tocsin.events.shapes._windows_values import arguments

Object = dict[str, Any]
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
SUCCESS, FAILURE = "0x8020000000000000", "0x8010000000000000"
PROVIDERS = {
    SYSMON: ("Microsoft-Windows-Sysmon", "5770385F-C22A-43E0-BF4C-06F5698FFBD9"),
    LINUX_SYSMON: ("Linux-Sysmon", "{ff032593-a8d3-4f13-b0d6-01fc615a0f97}"),
    "Security": (
        "Microsoft-Windows-Security-Auditing",
        "{54849625-5478-4994-A5BA-3E3B0328C30D}",
    ),
}


def event(code: int, data: Any, channel: str = SYSMON, **system: Any) -> Object:
    """An event as `evtx_dump` writes it."""
    name, guid = PROVIDERS.get(channel, ("Bell-Tower", ""))
    return {
        "Event": {
            "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
            "System": {
                "Provider": {"#attributes": {"Name": name, "Guid": guid}},
                "EventID": code,
                "Version": 5,
                "Level": 4,
                "Task": code,
                "Opcode": 0,
                "Keywords": "0x8000000000000000",
                "TimeCreated": {"#attributes": {"SystemTime": "2026-03-01T10:00:00.654321Z"}},
                "EventRecordID": 4711,
                "Correlation": None,
                "Execution": {"#attributes": {"ProcessID": 3544, "ThreadID": 4272}},
                "Channel": channel,
                "Computer": "web-1.tower.example",
                "Security": {"#attributes": {"UserID": "S-1-5-18"}},
                **system,
            },
            "EventData": data,
        }
    }


def shaped(document: Object) -> Object:
    found = in_ecs(Record(document, "line 1"))
    assert found is not None
    return found.document


def audit(code: int, keywords: str = SUCCESS, **data: Any) -> Object:
    return shaped(event(code, data, "Security", Keywords=keywords, Level=0))


START = {
    "RuleName": "-",
    "UtcTime": "2026-03-01 10:00:00.123",
    "ProcessGuid": "0197231E-005A-6928-A50B-000000000D00",
    "ProcessId": 4460,
    "Image": "C:\\Tower\\ring.exe",
    "FileVersion": "1.2 (bells)",
    "Description": "Rings a bell",
    "Product": "Bells",
    "Company": "-",
    "OriginalFileName": "RING.EXE",
    "CommandLine": '"C:\\Tower\\ring.exe"  --loud /x:"1 2" ',
    "CurrentDirectory": "C:\\Tower\\",
    "User": "TOWER\\sexton",
    "LogonId": "0x3e7",
    "IntegrityLevel": "High",
    "Hashes": "SHA1=AB01,MD5=CD02,SHA256=EF03,IMPHASH=00000000000000000000000000000000",
    "ParentProcessGuid": "{00000000-0000-0000-0000-000000000000}",
    "ParentProcessId": 4,
    "ParentImage": "C:\\Windows\\explorer.exe",
    "ParentCommandLine": "explorer.exe",
    "ParentUser": "-",
}


@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T10:00:00.123Z"]),
        ("event.created", ["2026-03-01T10:00:00.654321Z"]),
        ("event.kind", ["event"]),
        ("event.code", ["1"]),
        ("event.provider", ["Microsoft-Windows-Sysmon"]),
        ("event.category", ["process"]),
        ("event.type", ["start"]),
        ("event.action", ["Process creation", "Process Create (rule: ProcessCreate)"]),
        ("event.severity", [4]),
        ("event.dataset", ["windows.sysmon_operational"]),
        ("event.module", ["windows"]),
        ("event.outcome", []),
        ("data_stream.dataset", ["windows.sysmon_operational"]),
        ("data_stream.type", ["logs"]),
        ("host.name", ["web-1.tower.example"]),
        ("host.id", ["web-1.tower.example"]),
        ("host.os.type", ["windows"]),
        ("log.level", ["information"]),
        ("process.executable", ["C:\\Tower\\ring.exe"]),
        ("process.name", ["ring.exe"]),
        ("process.pid", [4460]),
        ("process.entity_id", ["{0197231E-005A-6928-A50B-000000000D00}"]),
        ("process.command_line", ['"C:\\Tower\\ring.exe"  --loud /x:"1 2" ']),
        ("process.args", ["C:\\Tower\\ring.exe", "--loud", "/x:1 2"]),
        ("process.args_count", [3]),
        ("process.working_directory", ["C:\\Tower\\"]),
        ("process.pe.original_file_name", ["RING.EXE"]),
        ("process.pe.company", []),
        ("process.hash.sha256", ["ef03"]),
        ("process.hash.imphash", []),
        ("process.pe.imphash", []),
        ("process.parent.name", ["explorer.exe"]),
        ("process.parent.pid", [4]),
        ("process.parent.args", ["explorer.exe"]),
        ("process.parent.entity_id", []),
        ("user.name", ["sexton"]),
        ("user.domain", ["TOWER"]),
        ("user.id", ["S-1-5-18"]),
        ("rule.name", []),
        ("winlog.channel", [SYSMON]),
        ("winlog.computer_name", ["web-1.tower.example"]),
        ("winlog.event_id", ["1"]),
        ("winlog.provider_name", ["Microsoft-Windows-Sysmon"]),
        ("winlog.provider_guid", ["{5770385F-C22A-43E0-BF4C-06F5698FFBD9}"]),
        ("winlog.record_id", ["4711"]),
        ("winlog.process.pid", [3544]),
        ("winlog.process.thread.id", [4272]),
        ("winlog.user.identifier", ["S-1-5-18"]),
        ("winlog.event_data.User", ["TOWER\\sexton"]),
        ("winlog.event_data.Hashes", [START["Hashes"]]),
        ("winlog.event_data.ProcessId", ["4460"]),
        ("winlog.event_data.Company", ["-"]),
        ("winlog.event_data.ParentProcessGuid", ["{00000000-0000-0000-0000-000000000000}"]),
        ("winlog.event_data.IntegrityLevel", ["High"]),
    ],
)
def test_a_new_process_in_sysmons_names_and_in_ecs(field: str, values: list[Any]) -> None:
    assert values_of(shaped(event(1, START)), field) == values


# --- forms ------------------------------------------------------------------------------------


def separate(document: Object) -> Object:
    """The event with its attributes beside its elements, as `evtx` writes it when asked to."""
    found = copy.deepcopy(document)
    system = found["Event"]["System"]
    for name in [n for n, v in system.items() if isinstance(v, dict)]:
        system[f"{name}_attributes"] = system.pop(name)["#attributes"]
    return found


def as_xml_to_json(document: Object) -> Object:
    """The event as programs write it that turn any XML into JSON."""
    event_ = copy.deepcopy(document["Event"])
    system = event_["System"]
    for name, value in system.items():
        if isinstance(value, dict):
            system[name] = {f"@{k}": str(v) for k, v in value["#attributes"].items()}
        elif value is not None:
            system[name] = str(value)
    data = [{"@Name": n, "#text": str(v)} for n, v in event_["EventData"].items()]
    return {"Event": {"@xmlns": "…", "System": system, "EventData": {"Data": data}}}


def with_elements(document: Object) -> Object:
    """The event with EventData as a list of elements."""
    found = copy.deepcopy(document)
    found["Event"]["EventData"] = [
        {"#attributes": {"Name": n}, "#text": v} for n, v in document["Event"]["EventData"].items()
    ]
    return found


def of_velociraptor(document: Object) -> Object:
    """The event without the element around it, times as seconds and values in objects."""
    found = copy.deepcopy(document["Event"])
    system = {
        n: v.get("#attributes", v) if isinstance(v, dict) else v for n, v in found["System"].items()
    }
    system["EventID"] = {"Value": system["EventID"]}
    system["TimeCreated"] = {"SystemTime": 1772359200.654321}
    return {"System": system, "EventData": found["EventData"]}


@pytest.mark.parametrize("form", [separate, as_xml_to_json, with_elements, of_velociraptor])
def test_every_nested_form_is_the_same_event(form: Any) -> None:
    found, expected = shaped(form(event(1, START))), shaped(event(1, START))
    if form is of_velociraptor:  # its times are less exact than its events
        found["event"]["created"] = expected["event"]["created"]
    assert found == expected


def test_flat_events_have_the_same_fields() -> None:
    flat = {
        "EventID": 1,
        "Channel": SYSMON,
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "Guid": "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}",
        "Computer": "web-1.tower.example",
        "EventRecordID": 4711,
        "SystemTime": "2026-03-01T10:00:00.654321Z",
        "Level": 4,
        "Version": 5,
        "Task": 1,
        "Opcode": 0,
        "Keywords": "0x8000000000000000",
        "ProcessID": 3544,
        "ThreadID": 4272,
        "UserID": "S-1-5-18",
        **START,
    }
    assert shaped(flat) == shaped(event(1, START))
    assert shaped({"preview": False, "result": flat}) == shaped(flat)


def test_nxlogs_events_say_their_event_type_and_outcome() -> None:
    found = shaped(
        {
            "EventTime": "2026-03-01 10:00:00",
            "Hostname": "web-1",
            "Keywords": -9218868437227405312,
            "EventType": "AUDIT_FAILURE",
            "Severity": "ERROR",
            "EventID": 4625,
            "SourceName": "Microsoft-Windows-Security-Auditing",
            "Channel": "Security",
            "RecordNumber": 9,
            "ProcessID": 612,
            "Opcode": "Info",
            "Message": "An account failed to log on.",
            "TargetUserName": "sexton",
            "LogonType": "3",
            "IpAddress": "192.0.2.7",
            "SourceModuleName": "in",
        }
    )
    assert values_of(found, "event.outcome") == ["failure"]
    assert values_of(found, "winlog.keywords") == ["0x8010000000000000", "Audit Failure"]
    assert values_of(found, "user.name") == ["sexton"]
    assert values_of(found, "source.ip") == ["192.0.2.7"]
    assert values_of(found, "winlog.logon.type") == ["Network"]
    assert values_of(found, "@timestamp") == ["2026-03-01T10:00:00.000Z"]
    assert values_of(found, "message") == ["An account failed to log on."]
    assert set(found["winlog"]["event_data"]) == {"TargetUserName", "LogonType", "IpAddress"}
    sysmon = {"EventID": 13, "Channel": SYSMON, "EventType": "INFO", "EventTypeOrignal": "SetValue"}
    assert values_of(shaped(sysmon), "winlog.event_data.EventType") == ["SetValue"]


def test_splunks_names_are_known() -> None:
    found = shaped(
        {
            "_time": "2026-03-01T11:00:00.000+01:00",
            "EventCode": "7045",
            "LogName": "System",
            "SourceName": "Service Control Manager",
            "ComputerName": "web-1",
            "sourcetype": "XmlWinEventLog",
            "ImagePath": "C:\\bell.exe",
        }
    )
    assert values_of(found, "event.code") == ["7045"]
    assert values_of(found, "data_stream.dataset") == ["system.system"]
    assert values_of(found, "winlog.event_data.ImagePath") == ["C:\\bell.exe"]
    assert values_of(found, "@timestamp") == ["2026-03-01T10:00:00.000Z"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Event": "ring"},
        {"Event": {"id": 1}},
        {"System": {"name": "tower"}},
        {"EventID": 1},
        {"EventID": 1, "Channel": 7},
        {"event": {"code": "1"}, "winlog": {"channel": SYSMON}, "process": {"pid": 1}},
        {"EventID": 1, "Channel": SYSMON, "winlog": {"channel": SYSMON}},
        {"result": {"result": {"EventID": 1, "Channel": SYSMON}}},
        {"eventID": "f00", "eventSource": "sts.amazonaws.com"},
    ],
)
def test_other_documents_are_not_recognised(document: Object) -> None:
    assert not windows_event.recognises(document)
    assert in_ecs(Record(document, "line 1")) is None


# --- Sysmon -----------------------------------------------------------------------------------

CONNECTION = {
    "Image": "C:\\ring.exe", "Protocol": "tcp", "Initiated": "true", "SourceIsIpv6": "false",
    "SourceIp": "192.0.2.1", "SourcePort": 50000, "SourceHostname": "-", "SourcePortName": "-",
    "DestinationIp": "169.254.169.254", "DestinationPort": 80, "DestinationPortName": "http",
    "DestinationHostname": "metadata.example",
}  # fmt: skip
LOADED = {
    "Image": "C:\\ring.exe", "ImageLoaded": "C:\\Tower\\bell.dll", "OriginalFileName": "BELL.DLL",
    "Signed": "true", "Signature": "Bell Founders", "SignatureStatus": "Valid", "Hashes":
    "SHA256=AA,IMPHASH=BB", "Company": "Bells Inc",
}  # fmt: skip
ASKED = {
    "QueryName": "tower.example", "QueryStatus": "0", "Image": "C:\\ring.exe",
    "QueryResults": "type:  5 bell.example;::ffff:192.0.2.9;2001:db8::1;",
}  # fmt: skip


@pytest.mark.parametrize(
    "code, data, field, values",
    [
        (3, CONNECTION, "destination.ip", ["169.254.169.254"]),
        (3, CONNECTION, "destination.port", [80]),
        (3, CONNECTION, "destination.domain", ["metadata.example"]),
        (3, CONNECTION, "source.domain", []),
        (3, CONNECTION, "source.port", [50000]),
        (3, CONNECTION, "network.transport", ["tcp"]),
        (3, CONNECTION, "network.protocol", ["http"]),
        (3, CONNECTION, "network.direction", ["egress"]),
        (3, CONNECTION, "network.type", ["ipv4"]),
        (3, CONNECTION | {"SourceIp": "tower"}, "source.ip", []),
        (3, CONNECTION | {"DestinationPort": "70000000000000000000"}, "destination.port", []),
        (7, LOADED, "file.path", ["C:\\Tower\\bell.dll"]),
        (7, LOADED, "file.name", ["bell.dll"]),
        (7, LOADED, "file.pe.original_file_name", ["BELL.DLL"]),
        (7, LOADED, "file.pe.imphash", ["bb"]),
        (7, LOADED, "file.hash.sha256", ["aa"]),
        (7, LOADED, "file.code_signature.status", ["Valid"]),
        (7, LOADED, "file.code_signature.subject_name", ["Bell Founders"]),
        (7, LOADED, "file.code_signature.trusted", [True]),
        (7, LOADED, "process.name", ["ring.exe"]),
        (7, LOADED, "process.pe.company", []),
        (7, LOADED, "event.action", ["Image loaded"]),
        (7, LOADED | {"Signed": False}, "file.code_signature.exists", [False]),
        (22, ASKED, "dns.question.name", ["tower.example"]),
        (22, ASKED, "dns.answers.data", ["bell.example", "192.0.2.9", "2001:db8::1"]),
        (22, ASKED, "dns.answers.type", ["CNAME", "A", "AAAA"]),
        (22, ASKED, "dns.resolved_ip", ["192.0.2.9", "2001:db8::1"]),
        (22, ASKED, "sysmon.dns.status", ["SUCCESS"]),
        (22, ASKED, "network.protocol", ["dns"]),
        (10, {"SourceImage": "C:\\a\\b.exe", "SourceProcessGUID": "{1}", "SourceThreadId": 7},
         "process.name", ["b.exe"]),
        (10, {"SourceThreadId": 7}, "process.thread.id", [7]),
        (10, {"TargetImage": "C:\\c.exe"}, "winlog.event_data.TargetImage", ["C:\\c.exe"]),
        (8, {"TargetProcessGuid": "{1}"}, "winlog.event_data.TargetProcessGUID", ["{1}"]),
        (11, {"TargetFilename": "C:\\Tower\\a.b\\rope.txt"}, "file.extension", ["txt"]),
        (11, {"TargetFilename": "C:\\Tower\\a.b\\rope"}, "file.extension", []),
        (11, {"TargetFilename": "C:\\Tower\\rope.txt"}, "file.directory", ["C:\\Tower"]),
        (9, {"Device": "\\Device\\HarddiskVolume2"}, "file.path", ["\\Device\\HarddiskVolume2"]),
        (17, {"PipeName": "\\bell"}, "file.name", ["\\bell"]),
        (23, {"Hashes": "MD5=AB", "Archived": "true"}, "file.hash.md5", ["ab"]),
        (23, {"Hashes": "MD5=AB", "Archived": "true"}, "process.hash.md5", ["ab"]),
        (23, {"Archived": "true"}, "sysmon.file.archived", [True]),
        (15, {"Hash": "SHA256=AB", "Contents": "x"}, "file.hash.sha256", ["ab"]),
        (25, {"Type": "Image is replaced"}, "message", ["Image is replaced"]),
        (255, {"ID": "Bell", "Description": "cracked"}, "error.code", ["Bell"]),
        (1, {"RuleName": "technique_id=T1059"}, "rule.name", ["technique_id=T1059"]),
        (1, {"Image": "System"}, "process.name", ["System"]),
    ],
)  # fmt: skip
def test_sysmons_events_in_ecs(code: int, data: Object, field: str, values: list[Any]) -> None:
    assert values_of(shaped(event(code, data)), field) == values


@pytest.mark.parametrize(
    "target, details, registry",
    [
        (
            "HKLM\\System\\Bell\\Start",
            "DWORD (0x00000004)",
            {"hive": "HKLM", "key": "System\\Bell\\Start", "value": "Start",
             "data": {"strings": ["4"], "type": "SZ_DWORD"}},
        ),
        (
            "HKEY_LOCAL_MACHINE\\Bell",
            "QWORD (0x00000001-0x00000002)",
            {"hive": "HKLM", "key": "Bell", "value": "Bell",
             "data": {"strings": [str(2**32 + 2)], "type": "SZ_QWORD"}},
        ),
        (
            "HKU\\S-1-5-21\\Bell\\Tone",
            "C:\\ring.exe",
            {"hive": "HKU", "key": "S-1-5-21\\Bell\\Tone", "value": "Tone",
             "data": {"strings": ["C:\\ring.exe"], "type": "REG_SZ"}},
        ),
        (
            "\\REGISTRY\\A\\Bell",
            "Binary Data",
            {"value": "Bell", "data": {"strings": ["Binary Data"], "type": "REG_BINARY"}},
        ),
        ("HKCR\\Bell", None, {"hive": "HKCR", "key": "Bell", "value": "Bell"}),
    ],
)  # fmt: skip
def test_registry_values_are_taken_apart(target: str, details: Any, registry: Object) -> None:
    found = shaped(event(13, {"TargetObject": target, "Details": details}))
    assert found["registry"] == {"path": target, **registry}


def test_sysmon_for_linux_is_the_same_on_linux() -> None:
    data = {
        "UtcTime": "2026-03-01 10:00:00.123", "Image": "/usr/bin/ring", "ProcessId": 12,
        "CommandLine": "ring -x 'a b'", "User": "sexton", "ParentImage": "-",
    }  # fmt: skip
    found = shaped(event(1, data, LINUX_SYSMON, Security={"#attributes": {"UserId": "0"}}))
    assert values_of(found, "host.os.type") == ["linux"]
    assert values_of(found, "data_stream.dataset") == ["sysmon_linux.log"]
    assert values_of(found, "process.name") == ["ring"]
    assert values_of(found, "process.parent.executable") == []
    assert values_of(found, "user.name") == ["sexton"]
    assert values_of(found, "user.domain") == []
    assert values_of(found, "user.id") == ["0"]
    assert values_of(found, "event.category") == ["process"]
    file = shaped(event(11, {"TargetFilename": "/etc/bells.d/one.conf"}, LINUX_SYSMON))
    assert file["file"] == {
        "path": "/etc/bells.d/one.conf", "name": "one.conf", "directory": "/etc/bells.d",
        "extension": "conf",
    }  # fmt: skip


# --- audit events -----------------------------------------------------------------------------

WHO = {"SubjectUserSid": "S-1-5-18", "SubjectUserName": "WEB-1$", "SubjectDomainName": "TOWER"}
WHOM = {"TargetUserSid": "S-1-5-21-7", "TargetUserName": "sexton", "TargetDomainName": "TOWER"}
CREATED = {
    **WHO, **WHOM, "SubjectLogonId": "0x3e7", "NewProcessId": "0x116c", "ProcessId": "0x4",
    "NewProcessName": "C:\\Tower\\ring.exe", "ParentProcessName": "C:\\Windows\\explorer.exe",
    "CommandLine": "ring --loud", "TokenElevationType": "%%1936",
    "MandatoryLabel": "S-1-16-12288",
}  # fmt: skip


@pytest.mark.parametrize(
    "field, values",
    [
        ("event.category", ["process"]),
        ("event.type", ["start"]),
        ("event.action", ["created-process"]),
        ("event.outcome", ["success"]),
        ("data_stream.dataset", ["system.security"]),
        ("process.executable", ["C:\\Tower\\ring.exe"]),
        ("process.name", ["ring.exe"]),
        ("process.pid", [0x116C]),
        ("process.args", ["ring", "--loud"]),
        ("process.parent.pid", [4]),
        ("process.parent.name", ["explorer.exe"]),
        ("user.id", ["S-1-5-18"]),
        ("user.name", ["WEB-1$"]),
        ("user.effective.name", ["sexton"]),
        ("winlog.logon.id", ["0x3e7"]),
        ("winlog.keywords", [SUCCESS, "Audit Success"]),
        # What Sigma's rules for new processes ask, in Sysmon's names.
        ("winlog.event_data.User", ["TOWER\\sexton"]),
        ("winlog.event_data.IntegrityLevel", ["High"]),
        ("winlog.event_data.LogonId", ["0x3e7"]),
        ("winlog.event_data.NewProcessName", ["C:\\Tower\\ring.exe"]),
    ],
)
def test_a_new_process_that_windows_itself_audits(field: str, values: list[Any]) -> None:
    assert values_of(audit(4688, **CREATED), field) == values


@pytest.mark.parametrize(
    "code, data, field, values",
    [
        (4624, WHO | WHOM | {"LogonType": 10}, "user.name", ["sexton"]),
        (4624, WHO | WHOM | {"LogonType": 10}, "winlog.logon.type", ["RemoteInteractive"]),
        (4624, {"IpAddress": "::ffff:192.0.2.7", "IpPort": "50000"}, "source.ip", ["192.0.2.7"]),
        (4624, {"IpAddress": "-", "IpPort": "-"}, "source.ip", []),
        (4624, {"IpAddress": "-"}, "winlog.event_data.IpAddress", ["-"]),
        (4624, {"IpPort": "50000", "WorkstationName": "web-2"}, "source.domain", ["web-2"]),
        (4624, {"ProcessId": "0x0", "ProcessName": "-"}, "process.pid", [0]),
        (4624, {"ProcessName": "C:\\a\\b.exe"}, "process.name", ["b.exe"]),
        (4769, {"TargetUserName": "sexton@TOWER.EXAMPLE"}, "user.name", ["sexton"]),
        (4769, {"ServiceName": "bell$"}, "service.name", ["bell$"]),
        (4648, WHO | WHOM, "user.name", ["WEB-1$"]),
        (4648, WHO | WHOM, "user.effective.name", ["sexton"]),
        (4720, WHO | {"TargetSid": "S-1-5-21-9", "TargetUserName": "ringer"},
         "user.target.id", ["S-1-5-21-9"]),
        (4781, {"OldTargetUserName": "a", "NewTargetUserName": "b"}, "user.changes.name", ["b"]),
        (4732, WHO | {"MemberName": "CN=ringer,OU=x", "TargetUserName": "Bells"},
         "group.name", ["Bells"]),
        (4732, {"MemberName": "CN=ringer,OU=x"}, "user.target.name", ["ringer"]),
        (4742, {"TargetUserName": "WEB-2$"}, "winlog.computerObject.name", ["WEB-2$"]),
        (4672, {"PrivilegeList": "SeDebugPrivilege\n\t\t\tSeBackupPrivilege"},
         "winlog.event_data.PrivilegeList", ["SeDebugPrivilege", "SeBackupPrivilege"]),
        (4738, {"NewUacValue": "0x10210"}, "winlog.event_data.NewUACList",
         ["USER_NORMAL_ACCOUNT", "USER_DONT_EXPIRE_PASSWORD", "USER_DONT_REQUIRE_PREAUTH"]),
        (4662, {"AccessMask": "0x20010"}, "winlog.event_data.AccessMaskDescription",
         ["Read Property", "READ_CONTROL"]),
        (4662, {"AccessMask": "0x20010"}, "winlog.event_data.AccessMask", ["0x20010"]),
        (4778, {"AccountName": "sexton", "ClientAddress": "192.0.2.7", "LogonID": "0x1"},
         "user.name", ["sexton"]),
        (4778, {"ClientAddress": "192.0.2.7", "ClientName": "web-2"}, "source.domain", ["web-2"]),
        (4778, {"LogonID": "0x1"}, "winlog.logon.id", ["0x1"]),
        (5145, {"ShareName": "\\\\*\\IPC$", "RelativeTargetName": "svcctl"},
         "file.target_path", ["\\\\*\\IPC$\\svcctl"]),
        (5145, {"ShareLocalPath": "C:\\Bells", "RelativeTargetName": "a\\b.txt"},
         "file.path", ["C:\\Bells\\a\\b.txt"]),
        (4657, {"ObjectName": "\\REGISTRY\\MACHINE\\System", "ObjectValueName": "Bell",
                "NewValue": "1"}, "registry.path", ["HKLM\\System\\Bell"]),
        (4703, {"EnabledPrivilegeList": "SeDebugPrivilege"}, "event.action",
         ["Token Right Adjusted Events"]),
        (9999, WHO, "user.name", ["WEB-1$"]),
        (9999, WHO, "event.category", []),
    ],
)  # fmt: skip
def test_audit_events_in_ecs(code: int, data: Object, field: str, values: list[Any]) -> None:
    assert values_of(audit(code, **data), field) == values


def test_a_failed_audit_is_a_failure() -> None:
    found = audit(4625, FAILURE, **WHOM)
    assert values_of(found, "event.outcome") == ["failure"]
    assert values_of(found, "event.action") == ["logon-failed"]


def test_values_of_user_data_are_found_in_both_places() -> None:
    cleared = event(1102, None, "Security")
    del cleared["Event"]["EventData"]
    cleared["Event"]["UserData"] = {
        "LogFileCleared": {"#attributes": {"xmlns": "x"}, **WHO, "Nested": {"Deep": {"Bell": 1}}}
    }
    found = shaped(cleared)
    assert values_of(found, "winlog.user_data.xml_name") == ["LogFileCleared"]
    assert values_of(found, "winlog.user_data.SubjectUserName") == ["WEB-1$"]
    assert values_of(found, "winlog.event_data.SubjectUserName") == ["WEB-1$"]
    assert values_of(found, "winlog.event_data.Bell") == ["1"]
    assert values_of(found, "user.name") == ["WEB-1$"]
    assert values_of(found, "event.action") == ["audit-log-cleared"]


# --- PowerShell -------------------------------------------------------------------------------

CONTEXT = (
    "        Severity = Informational\r\n        Host Name = ConsoleHost\r\n"
    "        Host ID = 11-22\r\n        Host Application = powershell.exe -File C:\\b.ps1\r\n"
    "        Command Name = Ring-Bell\r\n        Script Name = C:\\Tower\\b.ps1\r\n"
    "        Sequence Number = 34\r\n        User = TOWER\\sexton\r\n"
    "        Connected User = TOWER\\ringer\r\n"
)
CALLED = {
    "ContextInfo": CONTEXT,
    "Payload": 'CommandInvocation(Ring-Bell): "Ring-Bell"\n'
    'ParameterBinding(Ring-Bell): name="Tone"; value="C; D"\nsomething else',
}
ENGINE = (
    "\tNewEngineState=Available\r\n\tPreviousEngineState=None\r\n\r\n\tSequenceNumber=13\r\n\r\n"
    "\tHostName=ConsoleHost\r\n\tHostId=11-22\r\n\tHostApplication=powershell -c $a='b=c\n"
    "d'\r\n\tEngineVersion=2.0\r\n\tScriptName=\r\n"
)
STARTED = ["Available", "None", ENGINE]


@pytest.mark.parametrize(
    "code, data, field, values",
    [
        (4104, {"ScriptBlockText": "Ring-Bell"}, "powershell.file.script_block_text",
         ["Ring-Bell"]),
        (4104, {"ScriptBlockText": "abab"}, "powershell.file.script_block_length", [4]),
        (4104, {"ScriptBlockText": "abab"}, "powershell.file.script_block_entropy_bits", [1.0]),
        (4104, {"ScriptBlockText": "abab"}, "powershell.file.script_block_surprisal_stdev", [0.0]),
        (4104, {"ScriptBlockText": "ab# SIG # Begin signature block\nx"},
         "powershell.file.script_block_unique_symbols", [2]),
        (4104, {"Path": "C:\\Tower\\b.ps1"}, "file.name", ["b.ps1"]),
        (4104, {"MessageNumber": 1, "MessageTotal": 2}, "powershell.total", [2]),
        (4104, {"ScriptBlockText": "x"}, "data_stream.dataset",
         ["windows.powershell_operational"]),
        (4103, CALLED, "process.title", ["ConsoleHost"]),
        (4103, CALLED, "process.entity_id", ["11-22"]),
        (4103, CALLED, "process.args", ["powershell.exe", "-File", "C:\\b.ps1"]),
        (4103, CALLED, "powershell.command.name", ["Ring-Bell"]),
        (4103, CALLED, "file.directory", ["C:\\Tower"]),
        (4103, CALLED, "event.sequence", [34]),
        (4103, CALLED, "user.name", ["ringer"]),
        (4103, CALLED, "source.user.name", ["ringer"]),
        (4103, CALLED, "destination.user.name", ["sexton"]),
        (4103, CALLED, "powershell.command.invocation_details.value",
         ['"Ring-Bell"', '"C; D"', "something else"]),
        (4103, CALLED, "powershell.command.invocation_details.name", ['"Tone"']),
        (4103, CALLED, "winlog.event_data.ContextInfo", [CONTEXT]),
    ],
)  # fmt: skip
def test_powershells_events_in_ecs(code: int, data: Object, field: str, values: list[Any]) -> None:
    assert values_of(shaped(event(code, data, POWERSHELL)), field) == values


@pytest.mark.parametrize(
    "field, values",
    [
        ("powershell.engine.new_state", ["Available"]),
        ("powershell.engine.version", ["2.0"]),
        ("process.command_line", ["powershell -c $a='b=c\nd'"]),
        ("file.path", []),
        ("event.sequence", [13]),
        ("winlog.event_data.param1", ["Available"]),
        ("winlog.event_data.Data", STARTED),
    ],
)
def test_the_classic_log_has_values_without_names(field: str, values: list[Any]) -> None:
    channel = "Windows PowerShell"
    for data in ({"Data": {"#text": STARTED}}, {"Data": STARTED}, STARTED):
        assert values_of(shaped(event(400, data, channel)), field) == values
    flat = {"EventID": 400, "Channel": channel, "Data": STARTED}
    assert values_of(shaped(flat), field) == values


def test_the_details_of_a_pipeline_are_taken_apart() -> None:
    told = "\tDetailSequence=1\r\n\tUserId=TOWER\\sexton\r\n\tCommandLine=Ring-Bell\r\n"
    data = {"Data": ["Ring-Bell", told, 'CommandInvocation(Ring-Bell): "Ring-Bell"']}
    found = shaped(event(800, data, "Windows PowerShell"))
    assert found["powershell"] == {
        "sequence": 1,
        "command": {
            "value": "Ring-Bell",
            "invocation_details": [
                {
                    "type": "CommandInvocation",
                    "related_command": "Ring-Bell",
                    "value": '"Ring-Bell"',
                }
            ],
        },
    }
    assert values_of(found, "user.domain") == ["TOWER"]


# --- other logs -------------------------------------------------------------------------------


def test_an_event_that_no_integration_knows_keeps_its_data() -> None:
    found = shaped(
        event(1033, {"Data": ["Bell Ringer", "1.0", ""], "Binary": "00ff"}, "Application")
    )
    assert values_of(found, "data_stream.dataset") == ["system.application"]
    assert values_of(found, "event.category") == []
    assert values_of(found, "winlog.event_data.param2") == ["1.0"]
    assert values_of(found, "winlog.event_data.param3") == []
    assert values_of(found, "message") == ["Bell Ringer, 1.0"]
    assert values_of(found, "@timestamp") == ["2026-03-01T10:00:00.654321Z"]


def test_blanks_in_names_are_no_obstacle_for_rules() -> None:
    channel = "Microsoft-Windows-Windows Defender/Operational"
    found = shaped(event(1116, {"Threat Name": "Bell", "Feature Name": "Rope"}, channel))
    for name in ("Threat Name", "ThreatName", "Threat_Name"):
        assert values_of(found, f"winlog.event_data.{name}") == ["Bell"]
    assert values_of(found, "data_stream.dataset") == ["windows.windows_defender"]


def test_what_was_rendered_is_told() -> None:
    rendered = event(4703, {}, "Security")
    rendered["Event"]["RenderingInfo"] = {
        "@Culture": "en-GB", "Message": "A right was adjusted.", "Task": "Bells", "Opcode": "Info",
    }  # fmt: skip
    found = shaped(rendered)
    assert values_of(found, "message") == ["A right was adjusted."]
    assert values_of(found, "winlog.task") == ["Bells"]
    assert values_of(found, "winlog.opcode") == ["Info"]


def test_several_values_of_a_name_are_all_kept() -> None:
    data = [{"@Name": "Bell", "#text": "a"}, {"@Name": "Bell", "#text": "b"}]
    assert values_of(shaped(event(1, data)), "winlog.event_data.Bell") == ["a", "b"]


# --- identity ---------------------------------------------------------------------------------


def test_one_event_in_two_forms_has_one_identity() -> None:
    document = event(1, START)
    expected = windows_event.identity(document)
    assert expected
    for form in (separate, as_xml_to_json, with_elements):
        assert windows_event.identity(form(document)) == expected


@pytest.mark.parametrize(
    "system",
    [
        {"EventRecordID": 4712},
        {"Computer": "web-2"},
        {"Channel": "Security"},
        {"TimeCreated": {"#attributes": {"SystemTime": "2026-03-02T10:00:00Z"}}},
    ],
)
def test_another_event_has_another_identity(system: Object) -> None:
    same, other = event(1, START), event(1, START, **system)
    assert windows_event.identity(same) != windows_event.identity(other)
    assert windows_event.identity(same) != windows_event.identity(event(1, START | {"Bell": 1}))


def test_an_event_without_a_number_is_its_bytes() -> None:
    assert windows_event.identity({"EventID": 1, "Channel": SYSMON, "Computer": "web-1"}) == b""


# --- arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command, expected",
    [
        ("", []),
        ("  ", []),
        ("a b\tc", ["a", "b", "c"]),
        ('"a b" c', ["a b", "c"]),
        ('a"b c"d e', ["ab cd", "e"]),
        (r"a\\b c", [r"a\\b", "c"]),
        (r"a\"b c", ['a"b', "c"]),
        (r'"a\\" b', ["a\\", "b"]),
        (r"a\\\"b", ['a\\"b']),
        ('""', [""]),
        ('"a""b c"', ['a"b', "c"]),
        (r'"C:\Program Files\x.exe" "C:\dir\\"', [r"C:\Program Files\x.exe", "C:\\dir\\"]),
        ('"open end', ["open end"]),
    ],
)
def test_command_lines_are_split_as_windows_programs_do(command: str, expected: list[str]) -> None:
    assert arguments(command) == expected


def test_a_command_line_without_end_is_split_up_to_a_bound() -> None:
    assert len(arguments("a " * 1_000_000)) == 1 << 15


# --- laws -------------------------------------------------------------------------------------

TEXT = st.text(min_size=2, max_size=12).filter(lambda text: text.strip("-{}0"))


@settings(max_examples=60)
@given(st.data())
def test_a_document_holds_what_sigma_names_where_the_table_says(data: st.DataObject) -> None:
    category = data.draw(st.sampled_from(sorted(CATEGORIES)))
    source = data.draw(st.sampled_from(CATEGORIES[category]))
    if source.channel == "Windows PowerShell":
        return  # its names are inside of texts
    code = data.draw(st.sampled_from(source.event_ids))
    names = sorted({*KINDS[source.channel, code].fields, "Bell", "User", "Hashes"})
    name = data.draw(st.sampled_from(names))
    field = sigma_field(category, "", name)
    kind = TYPES[field] if not field.startswith("winlog.") else "keyword"
    values = {"long": st.integers(0, 1 << 40), "ip": st.ip_addresses().map(str)}
    value = data.draw(values.get(kind, TEXT))
    found = shaped(event(int(code), {name: value}, source.channel))
    # Windows calls the parent's number so where Sysmon means the process's own.
    if (source.channel, name) == ("Security", "ProcessId"):
        field = "process.parent.pid"
    assert value in values_of(found, field)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *START, *CONNECTION, *LOADED, *ASKED, *CREATED, *CALLED, "Data", "Hash", "TargetObject",
        "Details", "NewUacValue", "AccessMask", "PrivilegeList", "MemberName", "LogonType",
        "ScriptBlockText", "#text", "#attributes", "@Name", "Name", "Value",
    ]
)  # fmt: skip
SYSTEM = st.sampled_from(
    ["Provider", "EventID", "Level", "Keywords", "TimeCreated", "EventRecordID", "Execution",
     "Channel", "Computer", "Security", "Correlation", "Task", "Provider_attributes"]
)  # fmt: skip
CODES = st.sampled_from(sorted({(name, int(code)) for name, code in KINDS}))


@settings(max_examples=200)
@given(CODES, st.dictionaries(NAMES, JSON, max_size=4), st.dictionaries(SYSTEM, JSON, max_size=3))
def test_values_of_any_type_are_borne(kind: tuple[str, int], data: Object, system: Object) -> None:
    for content in (data, [data], {"Data": data}, {"Data": [data]}):
        document = event(kind[1], content, kind[0], **system)
        found = windows_event.to_ecs(document)
        assert isinstance(list(flatten(found)), list)
        assert isinstance(windows_event.identity(document), bytes)
    flat = {"EventID": kind[1], "Channel": kind[0], **system, **data}
    assert isinstance(windows_event.to_ecs(flat), dict)
    assert isinstance(windows_event.identity(flat), bytes)


@settings(max_examples=100)
@given(JSON, JSON, JSON)
def test_documents_of_any_shape_are_borne(first: Any, second: Any, third: Any) -> None:
    for document in (
        {"Event": {"System": first, "EventData": second, "UserData": third}},
        {"System": first, "EventData": second, "RenderingInfo": third},
        {"EventID": first, "Channel": second, "EventData": third, "UserData": first},
        {"result": first, "EventID": second},
    ):
        windows_event.recognises(document)
        assert isinstance(windows_event.to_ecs(document), dict)
        assert isinstance(windows_event.identity(document), bytes)


@pytest.mark.parametrize(("code", "stream"), [(1, "process"), (3, "network"), (11, "file")])
def test_sysmon_for_linux_is_heard_by_rules_over_an_endpoints_events(
    code: int, stream: str
) -> None:
    found = shaped(event(code, {"Image": "/usr/bin/ring"}, LINUX_SYSMON))
    assert found["_index"] == f"logs-endpoint.events.{stream}-default"
    assert "_index" not in shaped(event(code, {"Image": "ring.exe"}))


def test_what_stands_for_a_message_tells_no_password() -> None:
    found = shaped(event(4_000_000, {"Name": "ann", "Password": "s3cret"}))
    assert "ann" in found["message"]
    assert "s3cret" not in found["message"]
