"""osquery's results."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.events.sensors import (
    IMDS,
    JSON,
    damaged,
    is_flat,
    rung,
    seeds,
    shape_of,
    shaped,
    values,
)

from tocsin.events.decoders import json as json_decoder
from tocsin.events.record import Record
from tocsin.events.shapes import osquery
from tocsin.events.shapes._osquery_tables import table_of
from tocsin.rules.index import origin_of, sees

AROUND: dict[str, Any] = {
    "hostIdentifier": "web-1", "calendarTime": "Sat Nov 14 12:00:05 2026 UTC",
    "unixTime": 1_794_657_605, "epoch": 0, "counter": 3, "numerics": False, "action": "added",
    "decorations": {"host_uuid": "B311", "username": "sexton"},
}  # fmt: skip


def result(query: str, columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": query, **AROUND, "columns": columns, **more}


SOCKET = result("pack_tower_socket_events", {
    "action": "connect", "pid": "21", "path": "/usr/bin/curl", "fd": "5", "auid": "1000",
    "status": "in_progress", "family": "2", "protocol": "6", "local_address": "",
    "local_port": "0", "remote_address": IMDS, "remote_port": "80", "time": "1794657600",
    "uptime": "9",
})  # fmt: skip
BPF_SOCKET = result("connections", {
    "tid": "21", "pid": "21", "parent": "20", "uid": "0", "gid": "0", "exit_code": "0",
    "syscall": "connect", "path": "/usr/bin/curl", "family": "2", "protocol": "6",
    "local_address": "10.1.2.3", "local_port": "40000", "remote_address": IMDS,
    "remote_port": "80", "ntime": "9",
})  # fmt: skip
PROCESS = result("process_events", {
    "pid": "21", "parent": "20", "path": "/usr/bin/curl", "cwd": "/root", "auid": "1000",
    "cmdline": "curl -s http://web-1/", "uid": "0", "euid": "1", "gid": "0",
    "syscall": "execve", "time": "1794657600",
    "env": "HOME=/root LD_PRELOAD=/tmp/bell.so AWS_SECRET_ACCESS_KEY=c2VjcmV0",
})  # fmt: skip
BPF_PROCESS = result("execs", {
    "pid": "21", "parent": "20", "uid": "0", "gid": "0", "exit_code": "0", "syscall": "execve",
    "path": "/usr/bin/sh", "cwd": "/", "cmdline": "sh -c ring it", "ntime": "9",
    "json_cmdline": '["sh","-c","ring it"]',
})  # fmt: skip
ES_PROCESS = result("es_process_events", {
    "version": "5", "seq_num": "1", "pid": "21", "path": "/Applications/Bell.app/Bell",
    "parent": "1", "cmdline": "Bell", "username": "sexton", "signing_id": "com.example.bell",
    "team_id": "TOWER", "platform_binary": "0", "event_type": "exit", "exit_code": "3",
    "uid": "501", "time": "1794657600",
})  # fmt: skip
FILE = result("file_events", {
    "target_path": "/etc/cron.d/bell", "category": "etc", "action": "CREATED", "inode": "7",
    "uid": "0", "gid": "0", "mode": "0644", "size": "9", "mtime": "1794657600",
    "sha256": "c" * 64, "time": "1794657600", "transaction_id": "0",
})  # fmt: skip
ES_FILE = result("es_process_file_events", {
    "seq_num": "1", "pid": "21", "path": "/bin/mv", "filename": "/tmp/a", "dest_filename": "/tmp/b.plist",
    "event_type": "rename", "time": "1794657600",
})  # fmt: skip
USER = result("logins_user_events", {
    "uid": "0", "auid": "1000", "pid": "21", "type": "1112", "path": "/usr/sbin/sshd",
    "message": 'op=login acct="sexton" exe="/usr/sbin/sshd" res=failed', "address": "192.0.2.9",
    "terminal": "ssh", "time": "1794657600",
})  # fmt: skip
OTHER = result("all_files", {
    "path": "/etc/passwd", "directory": "/etc", "filename": "passwd", "size": "9", "mode": "0644",
    "password": "c2VjcmV0", "empty": "",
})  # fmt: skip
SNAPSHOT = {**{k: v for k, v in SOCKET.items() if k != "columns"}, "action": "snapshot",
            "snapshot": [SOCKET["columns"]]}  # fmt: skip
SNAPSHOTS = {**SNAPSHOT, "snapshot": [SOCKET["columns"], BPF_SOCKET["columns"]]}
BATCH = {"name": "process_events", "hostIdentifier": "web-1", "unixTime": "1794657605",
         "diffResults": {"added": [PROCESS["columns"]], "removed": []}}  # fmt: skip
ALL = [SOCKET, BPF_SOCKET, PROCESS, BPF_PROCESS, ES_PROCESS, FILE, ES_FILE, USER, OTHER, SNAPSHOT,
       SNAPSHOTS, BATCH]  # fmt: skip


@pytest.mark.parametrize("document", ALL)
def test_results_are_recognised(document):
    assert shape_of(document) == "osquery"


def test_other_documents_are_not_taken_for_osquery_s():
    for document in (
        {"name": "x", "columns": {}}, {"hostIdentifier": "web-1", "columns": {}},
        {"hostIdentifier": "web-1", "name": "x", "columns": []},
        {"hostIdentifier": "web-1", "severity": 0, "filename": "a.cpp", "message": "x"},
        {"@timestamp": "x", "osquery": {"result": {"name": "x"}}},
    ):  # fmt: skip
        assert shape_of(document) is None, document


@pytest.mark.parametrize(
    "query, columns, table",
    [
        ("pack_it_bpf_process_events", {}, "bpf_process_events"),
        ("ES_Process_Events_all", {}, "es_process_events"),
        ("x", SOCKET["columns"], "socket_events"),
        ("x", BPF_SOCKET["columns"], "bpf_socket_events"),
        ("x", PROCESS["columns"], "process_events"),
        ("x", BPF_PROCESS["columns"], "bpf_process_events"),
        ("x", ES_PROCESS["columns"], "es_process_events"),
        ("x", ES_FILE["columns"], "es_process_file_events"),
        ("x", FILE["columns"], "file_events"),
        ("x", USER["columns"], "user_events"),
        # A name that columns belie: rows of sockets in a query about processes.
        ("process_events_and_sockets", SOCKET["columns"], "socket_events"),
        ("listening_ports", {"pid": "1", "port": "80", "address": "::"}, None),
        ("processes", {"pid": "1", "cmdline": "x", "path": "/bin/x", "parent": "0"}, None),
    ],
)  # fmt: skip
def test_a_table_is_found_in_the_query_s_name_or_by_its_columns(query, columns, table):
    found = table_of(query, columns)
    assert (found.name if found else None) == table


@pytest.mark.parametrize(
    "document, field, expected",
    [
        (SOCKET, "@timestamp", ["2026-11-14T12:00:00.000Z"]),
        (SOCKET, "event.created", ["2026-11-14T12:00:05.000Z"]),
        (SOCKET, "event.dataset", ["osquery.result"]),
        (SOCKET, "event.module", ["osquery"]),
        (SOCKET, "data_stream.dataset", ["osquery.result"]),
        (SOCKET, "event.category", ["network"]),
        (SOCKET, "event.type", ["start"]),
        (SOCKET, "event.action", ["connection_attempted"]),
        (SOCKET, "event.outcome", ["unknown"]),
        (SOCKET, "host.id", ["B311"]),
        (SOCKET, "host.name", ["web-1"]),
        (SOCKET, "host.os.type", ["linux"]),
        (SOCKET, "process.executable", ["/usr/bin/curl"]),
        (SOCKET, "process.name", ["curl"]),
        (SOCKET, "process.pid", [21]),
        (SOCKET, "destination.ip", [IMDS]),
        (SOCKET, "destination.address", [IMDS]),
        (SOCKET, "destination.port", [80]),
        (SOCKET, "source.port", []),
        (SOCKET, "network.transport", ["tcp"]),
        (SOCKET, "network.direction", ["egress"]),
        (SOCKET, "user.name", ["sexton"]),
        (SOCKET, "rule.name", ["pack_tower_socket_events"]),
        (SOCKET, "osquery.result.name", ["pack_tower_socket_events"]),
        (SOCKET, "osquery.result.host_identifier", ["web-1"]),
        (SOCKET, "osquery.result.unix_time", [1_794_657_605]),
        (SOCKET, "osquery.result.columns.auid", ["1000"]),
        (SOCKET, "osquery.result.columns.local_address", []),
        (BPF_SOCKET, "host.os.type", ["linux"]),
        (BPF_SOCKET, "source.ip", ["10.1.2.3"]),
        (BPF_SOCKET, "process.parent.pid", [20]),
        (BPF_SOCKET, "user.id", ["0"]),
        (BPF_SOCKET, "@timestamp", ["2026-11-14T12:00:05.000Z"]),
        (PROCESS, "event.category", ["process"]),
        (PROCESS, "event.type", ["start"]),
        (PROCESS, "event.action", ["exec"]),
        (PROCESS, "host.os.type", ["linux"]),
        (PROCESS, "process.command_line", ["curl -s http://web-1/"]),
        (PROCESS, "process.args", ["curl", "-s", "http://web-1/"]),
        (PROCESS, "process.args_count", [3]),
        (PROCESS, "process.working_directory", ["/root"]),
        (PROCESS, "process.env_vars", ["LD_PRELOAD=/tmp/bell.so"]),
        (PROCESS, "user.id", ["1"]),
        (PROCESS, "process.user.id", ["1"]),
        (PROCESS, "process.real_user.id", ["0"]),
        (PROCESS, "process.real_group.id", ["0"]),
        (BPF_PROCESS, "process.user.id", []),
        (BPF_PROCESS, "user.id", ["0"]),
        (PROCESS, "osquery.result.columns.env", []),
        (BPF_PROCESS, "process.args", ["sh", "-c", "ring it"]),
        (ES_PROCESS, "host.os.type", ["macos"]),
        (ES_PROCESS, "event.type", ["end"]),
        (ES_PROCESS, "process.exit_code", [3]),
        (ES_PROCESS, "process.code_signature.signing_id", ["com.example.bell"]),
        (ES_PROCESS, "user.name", ["sexton"]),
        (FILE, "event.category", ["file"]),
        (FILE, "event.type", ["creation"]),
        (FILE, "event.action", ["creation"]),
        (FILE, "file.path", ["/etc/cron.d/bell"]),
        (FILE, "file.name", ["bell"]),
        (FILE, "file.hash.sha256", ["c" * 64]),
        (FILE, "file.mtime", ["2026-11-14T12:00:00.000Z"]),
        (FILE, "process.executable", []),
        (ES_FILE, "file.path", ["/tmp/b.plist"]),
        (ES_FILE, "file.Ext.original.path", ["/tmp/a"]),
        (ES_FILE, "file.extension", ["plist"]),
        (ES_FILE, "event.action", ["rename"]),
        (ES_FILE, "process.name", ["mv"]),
        (USER, "event.category", ["authentication"]),
        (USER, "event.action", ["logged-in"]),
        (USER, "event.outcome", ["failure"]),
        (USER, "user.name", ["sexton"]),
        (USER, "source.ip", ["192.0.2.9"]),
        (USER, "host.os.type", ["linux"]),
        (OTHER, "file.path", ["/etc/passwd"]),
        (OTHER, "file.name", ["passwd"]),
        (OTHER, "event.action", ["added"]),
        (OTHER, "event.type", ["info"]),
        (OTHER, "event.category", []),
        (OTHER, "osquery.result.columns.directory", ["/etc"]),
        (OTHER, "osquery.result.columns.password", []),
        (OTHER, "_index", []),
        (SNAPSHOT, "destination.ip", [IMDS]),
        (SNAPSHOT, "osquery.result.action", ["snapshot"]),
        (SNAPSHOTS, "destination.ip", []),
        (SNAPSHOTS, "osquery.result.columns.remote_address", [IMDS, IMDS]),
        (BATCH, "process.name", ["curl"]),
        (BATCH, "@timestamp", ["2026-11-14T12:00:00.000Z"]),
    ],
)  # fmt: skip
def test_fields_are_those_of_elastic_s_integrations(document, field, expected):
    assert values(document, field) == expected


def with_columns(document: dict[str, Any], **columns: Any) -> dict[str, Any]:
    return {**document, "columns": {**document["columns"], **columns}}


@pytest.mark.parametrize(
    "document, system",
    [
        (with_columns(SOCKET, status=""), "linux"),
        (with_columns(SOCKET, status="", local_address="0"), "macos"),
        (with_columns(SOCKET, status="", local_address="10.1.2.3"), None),
        (with_columns(PROCESS, syscall=""), None),
        (with_columns(PROCESS, syscall="", path="/Applications/x"), "macos"),
        ({**FILE, "decorations": {"platform": "ubuntu"}}, "linux"),
        ({**FILE, "decorations": {"platform": "darwin"}}, "macos"),
        (with_columns(FILE, target_path="C:\\bell.exe"), "windows"),
        (FILE, None),
        (OTHER, None),
    ],
)
def test_a_system_is_told_only_where_something_tells_it(document, system):
    assert values(document, "host.os.type") == ([system] if system else [])


def test_an_incoming_connection_comes_from_the_other_side():
    found = shaped(with_columns(BPF_SOCKET, syscall="accept4"))
    assert found["source"]["ip"] == IMDS
    assert found["destination"] == {"ip": "10.1.2.3", "port": 40_000, "address": "10.1.2.3"}
    assert found["network"]["direction"] == "ingress"
    assert found["event"]["action"] == "connection_accepted"


def test_a_call_that_failed_started_nothing():
    found = shaped(with_columns(BPF_PROCESS, exit_code="-2"))
    assert (found["event"]["type"], found["event"]["outcome"]) == (["info"], "failure")


def test_rows_that_went_away_are_no_events_of_their_own():
    found = shaped({**PROCESS, "action": "removed"})
    assert "process" not in found
    assert found["event"]["action"] == "removed"


def test_a_time_is_taken_from_the_calendar_where_there_is_no_other():
    bare = {k: v for k, v in OTHER.items() if k != "unixTime"}
    assert values(bare, "@timestamp") == ["2026-11-14T12:00:05.000Z"]
    assert values({**bare, "calendarTime": "soon"}, "@timestamp") == []
    assert values({**bare, "calendarTime": "Sat Foo 14 12:00:05 2026 UTC"}, "@timestamp") == []


def test_secrets_are_left_behind():
    for document in ALL:
        assert "c2VjcmV0" not in repr(shaped(document))


def test_the_patterns_of_endpoint_rules_see_what_they_are_about():
    for document, pattern in (
        (SOCKET, "logs-endpoint.events.network-*"), (FILE, "logs-endpoint.events.file-*"),
        (PROCESS, "logs-endpoint.events.process*"), (PROCESS, "logs-osquery.result-*"),
    ):  # fmt: skip
        assert sees((pattern,), origin_of(shaped(document))), pattern
    assert not sees(("logs-endpoint.events.process*",), origin_of(shaped(SOCKET)))
    assert not sees(("logs-endpoint.events.*",), origin_of(shaped(OTHER)))


@settings(max_examples=200)
@given(damaged(ALL))
def test_nothing_in_a_result_makes_it_fail(document):
    osquery.recognises(document)
    assert is_flat(osquery.to_ecs(document))


@settings(max_examples=100)
@given(
    st.dictionaries(st.sampled_from([*SNAPSHOT, "columns", "diffResults"]), JSON),
    st.dictionaries(
        st.sampled_from([*SOCKET["columns"], *FILE["columns"], *USER["columns"]]), JSON
    ),
)
def test_nothing_at_all_makes_it_fail(around, columns):
    for document in (around, {**around, "columns": columns}):
        osquery.recognises(document)
        assert is_flat(osquery.to_ecs(document))
        assert osquery.identity(document) == b""


def test_the_published_rules_ring_for_the_sampled_connection_alone(shared: Path):
    data = (shared / "data" / "sensor-samples" / "osquery.json").read_bytes()
    records = [r for r in json_decoder.decode(io.BytesIO(data), "x.json") if isinstance(r, Record)]
    assert len(records) == 2
    assert rung(seeds(shared), records) == [
        ("line 1", "Suspicious Instance Metadata Service (IMDS) API Request")
    ]
    elsewhere = json.loads(data.splitlines()[0])
    elsewhere["columns"]["remote_address"] = "192.0.2.7"
    assert rung(seeds(shared), [Record(elsewhere, "a")]) == []
