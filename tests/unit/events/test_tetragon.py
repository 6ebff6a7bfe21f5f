"""Events of Tetragon's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.events.shapes import in_ecs, tetragon

POD = {
    "namespace": "bells",
    "name": "tower-0",
    "uid": "0d",
    "workload_kind": "StatefulSet",
    "pod_labels": {"app": "ring"},
    "container": {
        "id": "containerd://c0ffee", "name": "tower",
        "image": {"id": "sha256:b311", "name": "registry.example/ring:1.2"},
        "security_context": {"privileged": True},
    },
}  # fmt: skip
PROCESS: dict[str, Any] = {
    "exec_id": "cmluZw==",
    "pid": 21,
    "uid": 0,
    "cwd": "/tower",
    "binary": "/tower/ring-the-great-bell",
    "arguments": '-l "twice a day" --p=80',
    "flags": "execve clone",
    "start_time": "2026-03-01T10:00:00.250000001Z",
    "auid": 4294967295,
    "tid": 22,
    "parent_exec_id": "c2g=",
    "pod": POD,
    "process_credentials": {"uid": 1000, "gid": 100, "euid": 0, "egid": 100},
    "cap": {"effective": ["CAP_CHOWN", "DAC_OVERRIDE"]},
    "environment_variables": [{"key": "TOKEN", "value": "swordfish"}],
}
PARENT = {"exec_id": "c2g=", "pid": 20, "uid": 1000, "binary": "/usr/bin/dash", "arguments": "-i"}
BEFORE = {"exec_id": "c3NoZA==", "pid": 9, "binary": "/usr/sbin/sshd"}


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {
        kind: {"process": PROCESS, "parent": PARENT, "ancestors": [BEFORE], **more},
        "node_name": "tower-1",
        "cluster_name": "steeple",
        "time": "2026-03-01T10:00:00.250000002Z",
    }


EXEC = event("process_exec")
SOCKET = {
    "family": "AF_INET", "type": "SOCK_STREAM", "protocol": "IPPROTO_TCP", "saddr": "192.0.2.10",
    "daddr": "198.51.100.7", "sport": 40312, "dport": 80,
}  # fmt: skip
CONNECT = event(
    "process_kprobe", function_name="tcp_connect", policy_name="calls", message="a call",
    args=[{"sock_arg": SOCKET}], action="KPROBE_ACTION_POST",
)  # fmt: skip


def said(document: dict[str, Any], field: str) -> list[Any]:
    found = in_ecs(Record(document, "line 1"))
    assert found is not None
    return values_of(found.document, field)


@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T10:00:00.250000002Z"]),
        ("event.category", ["process"]),
        ("event.type", ["start"]),
        ("event.action", ["exec"]),
        ("event.module", ["tetragon"]),
        ("data_stream.dataset", ["tetragon.log"]),
        ("_index", ["logs-endpoint.events.process-default"]),
        ("host.name", ["tower-1"]),
        ("host.id", ["tower-1"]),
        ("process.pid", [21]),
        ("process.entity_id", ["cmluZw=="]),
        ("process.name", ["ring-the-great-bell"]),
        ("process.executable", ["/tower/ring-the-great-bell"]),
        ("process.args", ["/tower/ring-the-great-bell", "-l", "twice a day", "--p=80"]),
        ("process.command_line", ['/tower/ring-the-great-bell -l "twice a day" --p=80']),
        ("process.working_directory", ["/tower"]),
        ("process.start", ["2026-03-01T10:00:00.250000001Z"]),
        ("process.parent.entity_id", ["c2g="]),
        ("process.parent.name", ["dash"]),
        ("process.parent.args", ["/usr/bin/dash", "-i"]),
        ("process.thread.id", [22]),
        ("process.thread.capabilities.effective", ["CAP_CHOWN", "CAP_DAC_OVERRIDE"]),
        ("process.tty.name", []),
        ("process.interactive", []),
        ("user.id", ["0"]),
        ("process.user.id", ["0"]),
        ("process.real_user.id", ["1000"]),
        ("process.real_group.id", ["100"]),
        ("container.id", ["c0ffee"]),
        ("container.runtime", ["containerd"]),
        ("container.name", ["tower"]),
        ("container.image.name", ["registry.example/ring:1.2"]),
        ("container.security_context.privileged", [True]),
        ("orchestrator.namespace", ["bells"]),
        ("orchestrator.cluster.name", ["steeple"]),
        ("orchestrator.resource.name", ["tower-0"]),
        ("orchestrator.resource.parent.type", ["StatefulSet"]),
        ("kubernetes.labels.app", ["ring"]),
        ("tetragon.type", ["process_exec"]),
        ("tetragon.process.flags", ["execve", "clone"]),
        ("secl.evt.name", ["exec"]),
        ("secl.event.source", ["runtime"]),
        ("secl.now", [1772359200250000002]),
        ("secl.exec.comm", ["ring-the-great-"]),
        ("secl.exec.args", ["-l twice a day --p=80"]),
        ("secl.exec.argv[1]", ["twice a day"]),
        ("secl.exec.args_options", ["l=twice a day", "p=80"]),
        ("secl.exec.tty_name", []),
        ("secl.exec.file.name", ["ring-the-great-bell"]),
        ("secl.process.uid", [1000]),
        ("secl.process.euid", [0]),
        ("secl.process.cap_effective", [0b11]),
        ("secl.process.container.id", ["c0ffee"]),
        ("secl.process.parent.comm", ["dash"]),
        ("secl.process.ancestors.comm", ["dash", "sshd"]),
        ("secl.process.ancestors.pid", [20, 9]),
    ],
)
def test_a_program_that_was_executed(field: str, values: list[Any]) -> None:
    assert said(EXEC, field) == values


@pytest.mark.parametrize(
    "field, values",
    [
        ("event.category", ["network"]),
        ("event.type", ["connection", "start"]),
        ("event.action", ["connection_attempted"]),
        ("_index", ["logs-endpoint.events.network-default"]),
        ("rule.name", ["calls"]),
        ("message", ["a call"]),
        ("source.port", [40312]),
        ("destination.ip", ["198.51.100.7"]),
        ("destination.port", [80]),
        ("network.direction", ["egress"]),
        ("network.transport", ["tcp"]),
        ("tetragon.function_name", ["tcp_connect"]),
        ("tetragon.args.sock_arg.dport", [80]),
        ("secl.evt.name", ["connect"]),
        ("secl.connect.addr.ip", ["198.51.100.7"]),
        ("secl.connect.addr.port", [80]),
        ("secl.connect.addr.family", [2]),
        ("secl.connect.addr.is_public", [False]),
        ("secl.connect.protocol", [6]),
        ("secl.exec.comm", []),
    ],
)
def test_a_connection(field: str, values: list[Any]) -> None:
    assert said(CONNECT, field) == values


@pytest.mark.parametrize(
    "name", ["__x64_sys_connect", "__arm64_sys_connect", "__sys_connect", "sys_connect"]
)
def test_a_connection_that_was_seen_at_the_system_call(name: str) -> None:
    target = {"family": "AF_INET6", "addr": "::ffff:198.51.100.7", "port": 80}
    told = event(
        "process_kprobe", function_name=name, args=[{"int_arg": 3}, {"sockaddr_arg": target}]
    )
    assert said(told, "destination.ip") == ["198.51.100.7"]
    assert said(told, "secl.connect.addr.ip") == ["198.51.100.7"]
    assert said(told, "secl.connect.addr.family") == [10]


def test_a_connection_that_came_in_ends_here() -> None:
    told = event("process_kprobe", function_name="inet_csk_accept", args=[{"sock_arg": SOCKET}])
    assert said(told, "source.ip") == ["198.51.100.7"]
    assert said(told, "destination.port") == [40312]
    assert said(told, "network.direction") == ["ingress"]
    assert said(told, "secl.evt.name") == []


def test_a_process_that_ended() -> None:
    told = event("process_exit", status=3, signal="SIGTERM")
    assert said(told, "event.type") == ["end"]
    assert said(told, "event.action") == ["end"]
    assert said(told, "process.exit_code") == [3]
    assert said(told, "secl.evt.name") == ["exit"]
    assert said(told, "secl.exit.code") == [3]


def test_a_process_that_was_there_before_starts_nothing() -> None:
    old = {**PROCESS, "flags": "procFS auid"}
    told = event("process_exec") | {"process_exec": {"process": old}}
    assert said(told, "event.type") == ["info"]
    assert said(told, "event.action") == ["already_running"]
    assert said(told, "secl.event.source") == ["snapshot"]


@pytest.mark.parametrize(
    "name, arguments, action, kind",
    [
        ("security_file_permission", [{"file_arg": {"path": "/bell"}}, {"int_arg": 4}], "open",
         "access"),
        ("security_file_permission", [{"file_arg": {"path": "/bell"}}, {"int_arg": 2}],
         "modification", "change"),
        ("fd_install", [{"int_arg": 1}, {"file_arg": {"path": "/bell"}}], "open", "access"),
        ("security_path_truncate", [{"path_arg": {"path": "/bell"}}], "modification", "change"),
        ("__x64_sys_openat", [{"int_arg": 1}, {"string_arg": "/bell"}], "open", "access"),
        ("sys_unlinkat", [{"string_arg": "/bell"}], "deletion", "deletion"),
    ],
)  # fmt: skip
def test_files(name: str, arguments: list[Any], action: str, kind: str) -> None:
    told = event("process_kprobe", function_name=name, args=arguments)
    assert said(told, "event.category") == ["file"]
    assert said(told, "event.action") == [action]
    assert said(told, "event.type") == [kind]
    assert said(told, "file.path") == ["/bell"]
    assert said(told, "_index") == ["logs-endpoint.events.file-default"]


def test_a_function_that_is_not_known_has_its_own_name_for_an_action() -> None:
    told = event("process_kprobe", function_name="commit_creds", args=[{"string_arg": "/x"}])
    assert said(told, "event.category") == ["process"]
    assert said(told, "event.action") == ["commit_creds"]
    assert said(told, "secl.evt.name") == []


def test_arguments_that_are_not_there_leave_the_binary() -> None:
    own = {key: value for key, value in PROCESS.items() if key != "arguments"}
    told = EXEC | {"process_exec": {"process": own}}
    assert said(told, "process.args") == ["/tower/ring-the-great-bell"]
    assert said(told, "process.command_line") == ["/tower/ring-the-great-bell"]


def test_nothing_of_the_environment_or_of_what_was_read_is_carried_on() -> None:
    told = event(
        "process_kprobe", function_name="fd_install",
        args=[{"bytes_arg": "c3dvcmRmaXNo"}, {"truncated_bytes_arg": {"bytes_arg": "c3dvcmRmaXNo"}}],
    )  # fmt: skip
    found = in_ecs(Record(told, "line 1"))
    assert found is not None
    assert "swordfish" not in str(found.document)
    assert "c3dvcmRmaXNo" not in str(found.document)


@pytest.mark.parametrize(
    "document",
    [
        {}, {"time": "2026-03-01T10:00:00Z"}, {"process_exec": {"process": {}}},
        {"time": "x", "process_exec": []}, {"time": "x", "process_exec": {"process": 1}},
        {"@timestamp": "2026-03-01T10:00:00Z", "process": {"name": "ring"}},
    ],
)  # fmt: skip
def test_other_documents_are_not_taken(document: dict[str, Any]) -> None:
    assert not tetragon.recognises(document)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["tcp_connect", "::1", '"', "9" * 30, "2026-03-01T10:00:00Z", "://"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)  # fmt: skip
KEYS = st.sampled_from(
    [*PROCESS, "function_name", "args", "process", "parent", "ancestors", "status", "event",
     "policy_name", "return", "binary_properties", "user"]
)  # fmt: skip
KINDS = st.sampled_from([*tetragon._KINDS, "process_else"])
SOCKETS = st.dictionaries(st.sampled_from([*SOCKET, "path", "addr", "port"]), ODD, max_size=5)
ARGUMENTS = st.lists(
    st.dictionaries(
        st.sampled_from(["sock_arg", "sockaddr_arg", "file_arg", "string_arg", "int_arg"]),
        SOCKETS | ODD, max_size=2,
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=200)
@given(
    KINDS, st.dictionaries(KEYS, ODD, max_size=5), st.dictionaries(KEYS, ODD, max_size=4), ARGUMENTS
)
def test_whatever_stands_in_an_event_nothing_breaks(
    kind: str, process: dict[str, Any], body: dict[str, Any], arguments: list[Any]
) -> None:
    told = event(kind)
    told[kind] = {"process": {**PROCESS, **process}, "args": arguments, **body}
    tetragon.recognises(told)
    found = tetragon.to_ecs(told)
    values_of(found, "process.args")
    msgspec.json.encode(found["event"])
    assert tetragon.identity(told) == b""
    assert isinstance(tetragon.to_ecs({**told, kind: body.get("args")}), dict)
