"""One document, one shape: who takes what, and who takes nothing."""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.events.sensors import JSON

from tocsin.alerts.scrub import scrub
from tocsin.events.record import Record
from tocsin.events.shapes import carries_others, in_ecs, is_in_ecs, marks, shapes
from tocsin.sources.files import OpenFile, find, formats

Document = dict[str, Any]

TIME = "2026-11-14T13:00:00Z"

RAW: dict[str, Document] = {
    "azure_logs": {
        "time": TIME, "category": "AuditLogs", "operationName": "Add user",
        "resourceId": "/tenants/ring/providers/Microsoft.aadiam", "properties": {"id": "ring-1"},
    },
    "cloudtrail": {
        "eventVersion": "1.11", "eventTime": TIME, "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser", "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333", "userName": "quasi"},
        "requestParameters": {"userName": "bell"}, "eventID": "ring-2",
    },
    "datadog_cws": {
        "evt": {"name": "exec"}, "agent": {"rule_id": "bell"}, "date": TIME,
        "process": {"pid": 7, "executable": {"path": "/usr/bin/curl"}, "args": ["-s"]},
    },
    "falco": {
        "rule": "Bell", "priority": "Notice", "time": TIME, "output": "it rang", "source": "syscall",
        "hostname": "web-1", "output_fields": {"evt.type": "execve", "proc.cmdline": "curl -s"},
    },
    "gcp_audit": {
        "insertId": "ring-3", "logName": "projects/bell/logs/cloudaudit.googleapis.com%2Factivity",
        "timestamp": TIME,
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "methodName": "storage.buckets.delete", "serviceName": "storage.googleapis.com",
            "authenticationInfo": {"principalEmail": "quasi@ring.example"},
        },
    },
    "o365_audit": {
        "CreationTime": "2026-11-14T13:00:00", "Operation": "Send", "RecordType": 2,
        "Workload": "Exchange", "Id": "ring-4", "UserId": "quasi@ring.example",
        "ExtendedProperties": [{"Name": "RequestType", "Value": "OAuth2:Authorize"}],
    },
    "osquery": {
        "name": "bells", "hostIdentifier": "web-1", "calendarTime": "Sat Nov 14 13:00:00 2026 UTC",
        "unixTime": 1_794_661_200, "action": "added",
        "columns": {"pid": "7", "path": "/usr/bin/curl", "cmdline": "curl -s"},
    },
    "suricata": {
        "timestamp": "2026-11-14T13:00:00.000000+0000", "event_type": "dns", "flow_id": 7,
        "src_ip": "192.0.2.7", "src_port": 5_353, "dest_ip": "192.0.2.8", "dest_port": 53,
        "proto": "UDP", "dns": {"type": "query", "rrname": "ring.example", "rrtype": "A"},
    },
    "tetragon": {
        "process_exec": {"process": {"pid": 7, "binary": "/usr/bin/curl", "arguments": "-s"}},
        "node_name": "web-1", "time": TIME,
    },
    "tracee": {
        "timestamp": 1_794_661_200_000_000_000, "eventName": "sched_process_exec",
        "processName": "curl", "hostProcessId": 7, "hostName": "web-1",
        "args": [{"name": "pathname", "type": "const char*", "value": "/usr/bin/curl"}],
    },
    "tshark": {
        "timestamp": "1794661200000",
        "layers": {"frame": {"frame_frame_number": "7"}, "ip": {"ip_ip_src": "192.0.2.7"}},
    },
    "windows_event": {
        "EventID": 4625, "Channel": "Security", "Hostname": "web-1", "EventTime": TIME,
        "SourceName": "Microsoft-Windows-Security-Auditing", "RecordNumber": 9,
    },
    "zeek": {
        "ts": 1_794_661_200.5, "uid": "CBell1", "id.orig_h": "192.0.2.7", "id.orig_p": 50_000,
        "id.resp_h": "192.0.2.8", "id.resp_p": 80, "proto": "tcp", "conn_state": "SF",
    },
}  # fmt: skip

IN_ECS: list[Document] = [
    {"@timestamp": TIME, "event": {"kind": "event", "category": ["network"]}, **about}
    for about in (
        {"zeek": {"session_id": "CBell1", "connection": {"state": "SF"}}, "ts": 1.5, "uid": "CB",
         "id": {"orig_h": "192.0.2.7"}},
        {"suricata": {"eve": RAW["suricata"]}},
        {"event_type": "dns", "timestamp": TIME, "src_ip": "192.0.2.7", "flow_id": 7},
        {"aws": {"cloudtrail": {"event_version": "1.11"}}, "eventSource": "iam.amazonaws.com",
         "eventName": "CreateUser", "awsRegion": "eu-west-1"},
        {"osquery": {"result": {}}, "columns": {"pid": "7"}, "name": "q", "hostIdentifier": "h"},
        {"message": json.dumps(RAW["cloudtrail"])},
        {"rule": "Bell", "priority": "Notice", "output_fields": {"evt.type": "execve"}},
        {"Operation": "Send", "Workload": "Exchange", "RecordType": 2},
        {"winlog": {"event_id": "1"}, "EventID": 1, "Channel": "Security"},
    )
]  # fmt: skip

OF_NOBODY: list[Document] = [
    {"ts": 1.5, "level": "info", "msg": "rang", "note": "twice"},
    {"ts": 1.5, "level": "info", "uid": "42", "id": {"user": "quasi"}},
    {"timestamp": TIME, "name": "GET /bells", "workload": {"kind": "Deployment"}},
    {"rule": {"name": "bell"}, "priority": 1, "output_fields": {}},
    {"@timestamp": TIME, "ecs.version": "8.17", "message": json.dumps(RAW["cloudtrail"])},
    {"@timestamp": TIME, "data_stream.dataset": "x", "message": json.dumps(RAW["gcp_audit"])},
    {"@timestamp": TIME, "event.dataset": "x", "message": json.dumps(RAW["o365_audit"])},
    {"@timestamp": TIME, "ecs.version": "8.17", "message": json.dumps(RAW["azure_logs"])},
    {"EventID": 5, "Source": "bells"},
    {},
]


def takers(document: Document) -> list[str]:
    """Every shape that recognises a document."""
    return [name for name, shape in shapes().items() if shape.recognises(document)]


def taker(document: Document) -> str | None:
    """The shape that a document has, however the shapes are ordered."""
    if is_in_ecs(document):
        return None
    found = takers(document)
    carriers = [name for name in found if carries_others(shapes()[name])]
    chosen = carriers or found
    assert len(chosen) <= 1, f"{found} all take {document}"
    return chosen[0] if chosen else None


def in_a_log(document: Document) -> Document:
    """What Datadog's archives make of an event."""
    return {
        "_id": "ring", "date": TIME, "service": "bells", "host": "web-1", "status": "info",
        "source": "ring", "message": "it rang", "tags": ["env:test"], "attributes": document,
    }  # fmt: skip


@pytest.mark.parametrize("name", RAW)
def test_a_vendors_event_has_the_one_shape_of_its_vendor(name: str) -> None:
    assert takers(RAW[name]) == [name]
    decoded_by_a_shipper = {
        **RAW[name], "@timestamp": TIME, "ecs": {"version": "8.17"}, "agent": {"type": "filebeat"},
        "input": {"type": "filestream"}, "log": {"offset": 0}, "event": {"dataset": "generic"},
    }  # fmt: skip
    if name != "datadog_cws":  # its agent is the Agent
        assert taker(decoded_by_a_shipper) == name


@pytest.mark.parametrize("name", RAW)
def test_an_event_in_a_log_of_datadogs_is_that_log(name: str) -> None:
    expected = "datadog_cws" if name == "datadog_cws" else "datadog_log"
    sent = {"ddsource": "ring", "ddtags": "env:test", "service": "bells", "message": "rang"}
    forms = [
        in_a_log(RAW[name]),
        {"id": "r", "type": "log", "attributes": {"timestamp": TIME, "attributes": RAW[name]}},
        {"id": "r", "content": {"timestamp": TIME, "message": "m", "attributes": RAW[name]}},
        {**RAW[name], **sent},
    ]
    for form in forms:
        assert taker(form) == expected
        found = in_ecs(Record(form, "line 1"))
        assert found is not None
        assert "datadog" in found.document


def test_what_a_log_was_sent_with_is_still_the_event_that_it_is() -> None:
    sent = {"ddsource": "cloudtrail", "ddtags": "env:test", "message": "x", **RAW["cloudtrail"]}
    found = in_ecs(Record(sent, "line 1"))
    assert found is not None
    assert found.document["event"]["action"] == "CreateUser"
    assert found.document["datadog"]["eventName"] == "CreateUser"


@pytest.mark.parametrize("document", IN_ECS)
def test_what_is_in_ecs_already_is_left_alone(document: Document) -> None:
    assert in_ecs(Record(document, "line 1")) is None
    event = document["event"]
    dotted = {key: value for key, value in document.items() if key != "event"}
    assert in_ecs(Record({**dotted, "event.kind": event["kind"]}, "line 1")) is None


@pytest.mark.parametrize("document", OF_NOBODY)
def test_what_only_resembles_an_event_has_no_shape(document: Document) -> None:
    assert takers(document) == []


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(RAW, 2)))
def test_an_event_inside_another_one_does_not_take_it_over(one: str, other: str) -> None:
    assert takers({**RAW[one], "original": RAW[other]}) == [one]


@pytest.mark.parametrize("place", ["sensor-samples", "cws-events", "cloudtrail/stratus"])
def test_every_sample_has_at_most_one_shape(place: str, shared: Path) -> None:
    inputs = find([str(shared / "data" / place)]).files
    seen = 0
    for file in inputs:
        if file.name.endswith("README.md"):
            continue
        with OpenFile(file) as opened:
            for record in opened.records():
                assert isinstance(record, Record)
                taker(record.document)
                if not record.shape:
                    assert len(takers(record.document)) <= 1
                seen += 1
    assert seen > 10


def test_every_event_that_ships_has_at_most_one_shape() -> None:
    import tocsin

    package = Path(tocsin.__file__).parent
    for file in find([str(package / "packs"), str(package / "lab" / "data")]).files:
        with OpenFile(file) as opened:
            for record in opened.records():
                assert isinstance(record, Record)
                assert len(takers(record.document)) <= 1


@pytest.mark.parametrize("name", [*RAW, "datadog_log"])
@pytest.mark.parametrize("content", [*RAW, "datadog_log"])
def test_a_shape_that_contradicts_the_event_does_no_harm(name: str, content: str) -> None:
    document = in_a_log({"a": 1}) if content == "datadog_log" else RAW[content]
    found = in_ecs(Record(document, "line 1", shape=name))
    assert found is not None
    assert isinstance(found.document, dict)
    assert isinstance(found.identity, bytes)


@pytest.mark.parametrize("format_", formats())
def test_a_format_that_contradicts_the_bytes_does_no_harm(format_: str, tmp_path: Path) -> None:
    noise = random.Random(7).randbytes(20_000)
    contents = (
        noise, b"", b"\n" * 100, b"\0" * 5_000, json.dumps(RAW["zeek"]).encode(),
        b"type=SYSCALL msg=audit(1.5:7): syscall=59\n", b"#fields\tts\tuid\n1\tC\n", b"<Event>",
    )  # fmt: skip
    for number, content in enumerate(contents):
        path = tmp_path / f"{number}.log"
        path.write_bytes(content)
        for file in find([str(path)], format_).files:
            with OpenFile(file) as opened:
                for found in opened.records():
                    if isinstance(found, Record):
                        in_ecs(found)


ODD: list[Any] = [
    None, True, -1, 2**63, 10**30, 1e308, "", "9" * 5_000, "²", "[", '{"a":1}', "::ffff:192.0.2.7",
    "192.0.2.7:99999999", "https://u:p@h/?a=b", "http://[", "9999-99-99T99:99:99Z", "1e400", "0x",
    [], {}, [[]], [{}], [None], {"": ""}, {"name": "x", "value": "y"}, [{"Name": 1, "Value": []}],
    {"seconds": "1", "nanos": -5}, float("nan"), float("inf"),
]  # fmt: skip


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for key, inner in items:
        found.append((*at, key))
        if isinstance(inner, (dict, list)):
            found += _places(inner, (*at, key))
    return found


@settings(max_examples=25)
@given(st.data())
@pytest.mark.parametrize("name", [*RAW, "datadog_log"])
def test_nothing_in_any_place_of_an_event_breaks_its_shape(name: str, data: st.DataObject) -> None:
    document = copy.deepcopy(in_a_log(RAW["osquery"]) if name == "datadog_log" else RAW[name])
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(document)
        if not places:
            break
        *path, last = data.draw(st.sampled_from(places))
        holder: Any = document
        for key in path:
            holder = holder[key]
        holder[last] = copy.deepcopy(data.draw(st.sampled_from(ODD) | JSON))
    for shape in (name, ""):
        found = in_ecs(Record(document, "line 1", shape=shape))
        if found is not None:
            assert isinstance(found.identity, bytes)
            scrub(found.document)


def test_a_logs_attributes_are_without_what_their_cloud_would_hide() -> None:
    record = {**RAW["cloudtrail"], "responseElements": {"userData": "aHVzaA==", "instanceId": "i"}}
    found = in_ecs(Record(in_a_log(record), "line 1"))
    assert found is not None
    assert "aHVzaA==" not in json.dumps(found.document)
    assert found.document["datadog"]["responseElements"]["instanceId"] == "i"


def test_a_storage_accounts_keys_and_a_password_sent_to_an_ftp_server_are_hidden() -> None:
    keys = {"keys": [{"keyName": "key1", "value": "aHVzaA==", "permissions": "FULL"}]}
    listed = {**RAW["azure_logs"], "properties": {"responseBody": json.dumps(keys)}}
    login = {**RAW["zeek"], "_path": "ftp", "command": "PASS", "arg": "aHVzaA=="}
    for document in (listed, login):
        found = in_ecs(Record(document, "line 1"))
        assert found is not None
        assert "aHVzaA==" not in json.dumps(found.document)


def spellings(document: Document) -> list[bytes]:
    """A document as different writers write it."""
    plain = json.dumps(document)
    return [
        plain.encode(),
        json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(),
        json.dumps(document, separators=(" , ", " : ")).encode(),
    ]


@pytest.mark.parametrize("name", shapes())
def test_a_shape_says_what_stands_in_the_json_of_its_documents(name: str) -> None:
    own: tuple[bytes, ...] = getattr(shapes()[name], "MARKS", ())
    assert own, "without marks every line of every file is decoded"
    assert set(own) <= set(marks())
    for document in [RAW[name]] if name in RAW else []:
        assert shapes()[name].recognises(document)
        for line in spellings(document):
            assert any(re.search(mark, line, re.IGNORECASE) for mark in own)


def test_every_sample_in_a_vendors_shape_has_a_mark(shared: Path) -> None:
    pattern = re.compile(b"|".join(marks()), re.IGNORECASE)
    seen = set()
    for path in sorted((shared / "data").rglob("*.json*")):
        with OpenFile(find([str(path)]).files[0]) as opened:
            for record in itertools.islice(opened.records(), 200):
                if isinstance(record, Record) and in_ecs(record) is not None:
                    name = next(n for n, s in shapes().items() if s.recognises(record.document))
                    seen.add(name)
                    assert all(pattern.search(line) for line in spellings(record.document)), name
    assert len(seen) >= 5
