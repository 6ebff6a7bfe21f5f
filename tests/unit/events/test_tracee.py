"""Events of Tracee's, in both forms."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.events.shapes import in_ecs, tracee


def listed(**values: Any) -> list[dict[str, Any]]:
    return [{"name": name, "type": "x", "value": value} for name, value in values.items()]


def old(name: str, **values: Any) -> dict[str, Any]:
    return {
        "timestamp": 1772359200250000002,
        "threadStartTime": 1772359200250000001,
        "processId": 2,
        "hostProcessId": 21,
        "hostThreadId": 22,
        "hostParentProcessId": 20,
        "userId": 1000,
        "processName": "ring",
        "executable": {"path": "/tower/ring"},
        "hostName": "tower-1",
        "container": {"id": "c0ffee", "name": "tower", "image": "registry.example/ring:1.2"},
        "kubernetes": {"podName": "tower-0", "podNamespace": "bells", "podUID": "0d"},
        "processEntityId": 3999221038,
        "eventId": "1",
        "eventName": name,
        "matchedPolicies": ["ringing"],
        "returnValue": 0,
        "syscall": "x",
        "args": listed(**values),
    }


def new(name: str, **values: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-03-01T10:00:00.250000002Z",
        "id": 1,
        "name": name,
        "policies": {"matched": ["ringing"]},
        "hostname": "tower-1",
        "workload": {
            "process": {
                "executable": {"path": "/tower/ring"},
                "unique_id": 3999221038,
                "host_pid": 21,
                "pid": 2,
                "real_user": {"id": 1000},
                "thread": {
                    "start_time": "2026-03-01T10:00:00.250000001Z", "name": "ring", "host_tid": 22,
                },
                "ancestors": [{"host_pid": 20, "pid": 1}],
            },
            "container": {
                "id": "c0ffee", "name": "tower", "image": {"name": "registry.example/ring:1.2"},
            },
            "k8s": {"pod": {"name": "tower-0", "uid": "0d"}, "namespace": {"name": "bells"}},
        },
        "data": [{"name": key, "value": value} for key, value in values.items()],
    }  # fmt: skip


FORMS = pytest.mark.parametrize("form", [old, new])
EXECUTED: dict[str, Any] = {
    "cmdpath": "./ring",
    "pathname": "/tower/ring-2",
    "argv": ["./ring", "-l", "twice a day"],
    "env": ["TOKEN=swordfish"],
    "inode": 9,
    "inode_mode": 35309,
    "stdin_type": "S_IFCHR",
    "stdin_path": "/dev/pts/3",
}


def said(document: dict[str, Any], field: str) -> list[Any]:
    found = in_ecs(Record(document, "line 1"))
    assert found is not None
    return values_of(found.document, field)


@FORMS
@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T10:00:00.250000002Z"]),
        ("event.category", ["process"]),
        ("event.type", ["start"]),
        ("event.action", ["exec"]),
        ("event.module", ["tracee"]),
        ("data_stream.dataset", ["tracee.events"]),
        ("_index", ["logs-endpoint.events.process-default"]),
        ("host.name", ["tower-1"]),
        ("host.id", ["tower-1"]),
        ("process.pid", [21]),
        ("process.entity_id", ["3999221038"]),
        ("process.name", ["ring"]),
        ("process.executable", ["/tower/ring-2"]),
        ("process.args", ["./ring", "-l", "twice a day"]),
        ("process.command_line", ["./ring -l twice a day"]),
        ("process.start", ["2026-03-01T10:00:00.250000001Z"]),
        ("process.interactive", [True]),
        ("process.tty.name", []),
        ("process.parent.pid", [20]),
        ("user.id", ["1000"]),
        ("container.id", ["c0ffee"]),
        ("container.image.name", ["registry.example/ring:1.2"]),
        ("orchestrator.namespace", ["bells"]),
        ("kubernetes.pod.uid", ["0d"]),
        ("tracee.args.cmdpath", ["./ring"]),
        ("tracee.args.env", []),
        ("secl.evt.name", ["exec"]),
        ("secl.now", [1772359200250000002]),
        ("secl.exec.comm", ["ring"]),
        ("secl.exec.args", ["-l twice a day"]),
        ("secl.exec.argv0", ["./ring"]),
        ("secl.exec.file.path", ["/tower/ring-2"]),
        ("secl.exec.file.rights", [0o4755]),
        ("secl.exec.tty_name", []),
        ("secl.exec.container.id", ["c0ffee"]),
        ("secl.process.uid", [1000]),
        ("secl.process.parent.pid", [20]),
        ("secl.process.ancestors.pid", []),
    ],
)
def test_a_program_that_was_executed(form: Any, field: str, values: list[Any]) -> None:
    assert said(form("sched_process_exec", **EXECUTED), field) == values


@FORMS
@pytest.mark.parametrize(
    "address",
    [
        {"sa_family": "AF_INET", "sin_addr": "198.51.100.7", "sin_port": "80"},
        {"sa_family": 2, "sin_addr": "198.51.100.7", "sin_port": 80},
    ],
)
@pytest.mark.parametrize(
    "field, values",
    [
        ("event.category", ["network"]),
        ("event.action", ["connection_attempted"]),
        ("_index", ["logs-endpoint.events.network-default"]),
        ("destination.ip", ["198.51.100.7"]),
        ("destination.port", [80]),
        ("network.direction", ["egress"]),
        ("network.transport", ["tcp"]),
        ("process.executable", ["/tower/ring"]),
        ("secl.evt.name", ["connect"]),
        ("secl.connect.addr.ip", ["198.51.100.7"]),
        ("secl.connect.addr.port", [80]),
        ("secl.connect.addr.family", [2]),
        ("secl.connect.addr.is_public", [False]),
        ("secl.exec.comm", []),
    ],
)
def test_a_connection(form: Any, address: Any, field: str, values: list[Any]) -> None:
    told = form("security_socket_connect", sockfd=5, type="SOCK_STREAM", remote_addr=address)
    assert said(told, field) == values


@FORMS
def test_a_connection_with_the_names_that_led_there(form: Any) -> None:
    told = form("net_tcp_connect", dst="2001:db8::7", dst_port=443, dst_dns=["bells.example"])
    assert said(told, "destination.domain") == ["bells.example"]
    assert said(told, "network.transport") == ["tcp"]
    assert said(told, "secl.connect.addr.hostname") == ["bells.example"]
    assert said(told, "secl.connect.addr.family") == [10]
    assert said(told, "secl.connect.protocol") == [6]


@FORMS
def test_a_socket_of_the_machine_itself(form: Any) -> None:
    told = form(
        "security_socket_connect", remote_addr={"sa_family": "AF_UNIX", "sun_path": "/run/x"}
    )
    assert said(told, "destination.ip") == []
    assert said(told, "secl.connect.addr.family") == [1]


REQUEST = {
    "direction": "request",
    "method": "GET",
    "host": "198.51.100.7:8080",
    "uri_path": "/latest/x?token=swordfish&a=1",
    "headers": {"User-Agent": ["curl/8.5.0"], "X-Aws-Ec2-Metadata-Token": ["swordfish"]},
}


@FORMS
@pytest.mark.parametrize(
    "field, values",
    [
        ("event.category", ["network"]),
        ("event.module", ["tracee", "network_traffic"]),
        ("_index", ["logs-network_traffic.http-default"]),
        ("data_stream.dataset", ["tracee.events"]),
        ("network.protocol", ["http"]),
        ("destination.ip", ["198.51.100.7"]),
        ("destination.port", [8080]),
        ("http.request.method", ["GET"]),
        ("url.path", ["/latest/x"]),
        ("url.query", ["token=REDACTED&a=1"]),
        ("url.full", ["http://198.51.100.7:8080/latest/x?token=REDACTED&a=1"]),
        ("user_agent.original", ["curl/8.5.0"]),
        ("process.name", ["ring"]),
    ],
)
def test_a_request(form: Any, field: str, values: list[Any]) -> None:
    told = form("net_packet_http_request", src="192.0.2.10", dst="198.51.100.7", src_port=40312,
                dst_port=8080, http_request=REQUEST)  # fmt: skip
    assert said(told, field) == values
    found = in_ecs(Record(told, "line 1"))
    assert found is not None
    assert "swordfish" not in str(found.document)


@FORMS
def test_a_response_is_no_request(form: Any) -> None:
    told = form("net_packet_http", src="198.51.100.7", dst="192.0.2.10", src_port=80, dst_port=4,
                proto_http={"direction": "response", "method": "", "status_code": 200})  # fmt: skip
    assert said(told, "event.module") == ["tracee"]
    assert said(told, "http.request.method") == []


@FORMS
@pytest.mark.parametrize(
    "name, values, action, path",
    [
        ("security_file_open", {"pathname": "/etc/bell"}, "open", "/etc/bell"),
        ("security_inode_unlink", {"pathname": "/etc/bell"}, "deletion", "/etc/bell"),
        ("security_inode_rename", {"old_path": "/a", "new_path": "/b"}, "rename", "/b"),
        ("openat", {"dirfd": -100, "pathname": "/etc/bell"}, "open", "/etc/bell"),
    ],
)
def test_files(form: Any, name: str, values: dict[str, Any], action: str, path: str) -> None:
    told = form(name, **values)
    assert said(told, "event.category") == ["file"]
    assert said(told, "event.action") == [action]
    assert said(told, "file.path") == [path]


def test_a_finding_names_its_signature_and_nothing_of_the_environment() -> None:
    found_by = {"Description": "somebody rang", "Properties": {"signatureID": "TRC-1",
                                                              "signatureName": "Ringing"}}  # fmt: skip
    told = {
        **old("ringing", triggeredBy={"args": [{"name": "env", "value": ["TOKEN=swordfish"]}]}),
        "metadata": found_by,
    }
    assert said(told, "event.kind") == ["alert"]
    assert said(told, "rule.id") == ["TRC-1"]
    assert said(told, "rule.name") == ["Ringing"]
    found = in_ecs(Record(told, "line 1"))
    assert found is not None
    assert "swordfish" not in str(found.document)
    later = {**new("ringing"), "threat": {"name": "Ringing", "properties": {"id": "TRC-1"}}}
    assert said(later, "event.kind") == ["alert"]
    assert said(later, "rule.id") == ["TRC-1"]


@pytest.mark.parametrize(
    "timestamp, expected",
    [
        (1772359200250000002, ["2026-03-01T10:00:00.250000002Z"]),
        ("2026-03-01T11:00:00.25+01:00", ["2026-03-01T10:00:00.25Z"]),
        ({"seconds": "1772359200", "nanos": 250000000}, ["2026-03-01T10:00:00.250000000Z"]),
        (341237880436231, []),
        ("soon", []),
        ({"seconds": "soon"}, []),
    ],
    ids=["nanoseconds", "zone", "protobuf", "since boot", "words", "odd"],
)
def test_times(timestamp: Any, expected: list[str]) -> None:
    assert said({**old("openat"), "timestamp": timestamp}, "@timestamp") == expected


def test_values_as_protobuf_wraps_them() -> None:
    told = new("sched_process_exec")
    told["workload"]["process"] |= {"host_pid": {"value": 21}, "real_user": {"id": {"value": 7}}}
    told["data"] = [
        {"name": "pathname", "str": "/x"},
        {"name": "argv", "str_array": {"value": ["x"]}},
    ]
    assert said(told, "process.pid") == [21]
    assert said(told, "user.id") == ["7"]
    assert said(told, "process.args") == ["x"]


@pytest.mark.parametrize(
    "document",
    [
        {}, {"eventName": "AssumeRole", "eventSource": "sts.amazonaws.com"},
        {"eventName": "x", "processName": "y"}, {"name": "x", "workload": {}},
        {"name": "x", "workload": [], "timestamp": 1}, {"timestamp": 1, "workload": {}},
    ],
)  # fmt: skip
def test_other_documents_are_not_taken(document: dict[str, Any]) -> None:
    assert not tracee.recognises(document)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["connect", "::1", "9" * 30, "80", "GET", "2026-03-01T10:00:00Z"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)  # fmt: skip
EVENTS = st.sampled_from(
    ["sched_process_exec", "security_socket_connect", "net_tcp_connect", "net_packet_http", "accept4",
     "security_socket_bind", "security_inode_rename", "openat", "x", "", "net_flow_tcp_begin"]
)  # fmt: skip
VALUES = st.dictionaries(
    st.sampled_from([*EXECUTED, "remote_addr", "dst", "dst_port", "dst_dns", "proto_http",
                     "http_request", "old_path", "metadata", "type", "addr"]),
    ODD
    | st.dictionaries(st.sampled_from([*REQUEST, "sa_family", "sin_addr", "sin_port"]), ODD),
    max_size=5,
)  # fmt: skip
KEYS = st.sampled_from([*old("x"), *new("x"), "metadata", "threat"])


@settings(max_examples=200)
@given(EVENTS, VALUES, st.dictionaries(KEYS, ODD, max_size=4), st.booleans(), ODD)
def test_whatever_stands_in_an_event_nothing_breaks(
    name: str, values: dict[str, Any], keys: dict[str, Any], is_old: bool, process: Any
) -> None:
    told = {**(old if is_old else new)(name, **values), **keys}
    if isinstance(told.get("workload"), dict):
        told["workload"] = {**told["workload"], "process": process}
    tracee.recognises(told)
    found = tracee.to_ecs(told)
    values_of(found, "process.args")
    msgspec.json.encode(found["event"])
    assert tracee.identity(told) == b""
