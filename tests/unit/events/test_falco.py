"""Alerts of Falco's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.events.shapes import falco, in_ecs
from tocsin.events.shapes._falco_fields import terminal

FIELDS: dict[str, Any] = {
    "evt.time": 1772359200250000000,
    "evt.res": "SUCCESS",
    "proc.name": "ring",
    "proc.exepath": "/tower/ring",
    "proc.exe": "./ring",
    "proc.cmdline": "ring -l  twice",
    "proc.pid": 21,
    "proc.ppid": "20",
    "proc.tty": 34819,
    "proc.cwd": "/tower/",
    "proc.pname": "sh",
    "proc.pexepath": "/usr/bin/dash",
    "proc.pcmdline": "sh -c ring",
    "proc.aname[2]": "sshd",
    "proc.aname[3]": "<NA>",
    "proc.aname[4]": "init",
    "user.name": "bob",
    "user.uid": 1000,
    "user.loginuid": -1,
    "group.gid": 1000,
    "container.id": "c0ffee00c0ff",
    "container.name": "tower",
    "container.image.repository": "registry.example/ring",
    "container.image.tag": "1.2",
    "k8s.ns.name": "bells",
    "k8s.pod.name": "tower-0",
    "k8s.pod.labels": "app:ring, tier:top",
}


def alert(kind: str, /, **more: Any) -> dict[str, Any]:
    fields = {**FIELDS, "evt.type": kind, **{k.replace("__", "."): v for k, v in more.items()}}
    return {
        "uuid": "1",
        "rule": "Somebody rang",
        "priority": "Warning",
        "time": "2026-03-01T10:00:00.250000001Z",
        "source": "syscall",
        "hostname": "tower-1",
        "tags": ["bells", "T1059.004"],
        "output": "10:00:00.250000001: Warning Somebody rang",
        "output_fields": {key: value for key, value in fields.items() if value != "absent"},
    }


EXEC = alert("execve")
CONNECT = alert(
    "connect", fd__sip="198.51.100.7", fd__sport=80, fd__cip="192.0.2.10", fd__cport="40312",
    fd__l4proto="tcp", fd__type="ipv4", evt__rawres=-115,
)  # fmt: skip


def said(document: dict[str, Any], field: str) -> list[Any]:
    found = in_ecs(Record(document, "line 1"))
    assert found is not None
    return values_of(found.document, field)


@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T10:00:00.250000001Z"]),
        ("event.kind", ["alert"]),
        ("event.category", ["process"]),
        ("event.type", ["start"]),
        ("event.action", ["exec"]),
        ("event.outcome", ["success"]),
        ("event.severity", [3]),
        ("event.module", ["falco"]),
        ("event.dataset", ["falco.alerts"]),
        ("event.provider", ["syscall"]),
        ("data_stream.dataset", ["falco.alerts"]),
        ("_index", ["logs-endpoint.events.process-default"]),
        ("rule.name", ["Somebody rang"]),
        ("threat.technique.id", ["T1059"]),
        ("threat.technique.subtechnique.id", ["T1059.004"]),
        ("host.name", ["tower-1"]),
        ("host.id", ["tower-1"]),
        ("host.os.type", ["linux"]),
        ("process.pid", [21]),
        ("process.name", ["ring"]),
        ("process.executable", ["/tower/ring"]),
        ("process.command_line", ["ring -l  twice"]),
        ("process.args", ["./ring", "-l", "", "twice"]),
        ("process.working_directory", ["/tower/"]),
        ("process.tty.name", ["pts3"]),
        ("process.interactive", [True]),
        ("process.parent.pid", [20]),
        ("process.parent.name", ["sh"]),
        ("process.parent.executable", ["/usr/bin/dash"]),
        ("process.parent.command_line", ["sh -c ring"]),
        ("user.id", ["1000"]),
        ("user.name", ["bob"]),
        ("process.user.name", ["bob"]),
        ("process.real_user.id", ["1000"]),
        ("process.real_group.id", ["1000"]),
        ("container.id", ["c0ffee00c0ff"]),
        ("container.image.name", ["registry.example/ring"]),
        ("container.image.tag", ["1.2"]),
        ("orchestrator.namespace", ["bells"]),
        ("orchestrator.resource.name", ["tower-0"]),
        ("kubernetes.pod.name", ["tower-0"]),
        ("kubernetes.labels.tier", ["top"]),
        ("falco.rule", ["Somebody rang"]),
        ("falco.output_fields.proc.aname[2]", ["sshd"]),
        ("secl.evt.name", ["exec"]),
        ("secl.now", [1772359200250000001]),
        ("secl.container.id", ["c0ffee00c0ff"]),
        ("secl.exec.comm", ["ring"]),
        ("secl.exec.args", ["-l  twice"]),
        ("secl.exec.argv0", ["./ring"]),
        ("secl.exec.args_flags", ["l"]),
        ("secl.exec.tty_name", ["pts3"]),
        ("secl.exec.file.name", ["ring"]),
        ("secl.exec.auid", [4294967295]),
        ("secl.process.container.id", ["c0ffee00c0ff"]),
        ("secl.process.parent.comm", ["sh"]),
        ("secl.process.parent.args", ["-c ring"]),
        ("secl.process.ancestors.comm", ["sh", "sshd"]),
        ("secl.process.ancestors.file.path", ["/usr/bin/dash"]),
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
        ("source.ip", ["192.0.2.10"]),
        ("source.port", [40312]),
        ("destination.ip", ["198.51.100.7"]),
        ("destination.address", ["198.51.100.7"]),
        ("destination.port", [80]),
        ("network.direction", ["egress"]),
        ("network.transport", ["tcp"]),
        ("network.type", ["ipv4"]),
        ("secl.evt.name", ["connect"]),
        ("secl.connect.addr.ip", ["198.51.100.7"]),
        ("secl.connect.addr.port", [80]),
        ("secl.connect.addr.family", [2]),
        ("secl.connect.addr.is_public", [False]),
        ("secl.connect.protocol", [6]),
        ("secl.connect.retval", [-115]),
        ("secl.process.comm", ["ring"]),
        ("secl.exec.comm", []),
        ("file.path", []),
    ],
)
def test_a_connection(field: str, values: list[Any]) -> None:
    assert said(CONNECT, field) == values


@pytest.mark.parametrize(
    "more, source, destination",
    [
        ({"fd__name": "192.0.2.10:4->198.51.100.7:80"}, "192.0.2.10", "198.51.100.7"),
        ({"fd__name": "2001:db8::1:4->2001:db8::2:80"}, "2001:db8::1", "2001:db8::2"),
        ({"fd__name": "::ffff:192.0.2.10:4->::ffff:198.51.100.7:80"}, "192.0.2.10",
         "198.51.100.7"),
        ({"fd__rip": "198.51.100.7", "fd__rport": 80, "fd__lip": "192.0.2.10", "fd__lport": 4},
         "192.0.2.10", "198.51.100.7"),
    ],
)  # fmt: skip
def test_the_ends_of_a_connection_are_found_where_they_are(
    more: dict[str, Any], source: str, destination: str
) -> None:
    told = alert("connect", **more)
    assert said(told, "source.ip") == [source]
    assert said(told, "destination.ip") == [destination]
    assert said(told, "destination.port") == [80]
    assert said(told, "secl.connect.addr.ip") == [destination]


@pytest.mark.parametrize("name", ["/run/bell.sock", "a->b", "0->ffff /run/x:1", "->", 7, None])
def test_what_is_no_pair_of_addresses_is_none(name: Any) -> None:
    told = alert("connect", fd__name=name)
    assert said(told, "destination.ip") == []
    assert said(told, "secl.evt.name") == []


def test_a_connection_that_came_in_ends_here() -> None:
    told = alert("accept4", fd__name="198.51.100.7:4->192.0.2.10:80")
    assert said(told, "source.ip") == ["198.51.100.7"]
    assert said(told, "destination.ip") == ["192.0.2.10"]
    assert said(told, "network.direction") == ["ingress"]
    assert said(told, "secl.evt.name") == []


@pytest.mark.parametrize("tty", [0, "0", None, "absent"])
def test_without_a_terminal_there_is_no_name_of_one(tty: Any) -> None:
    told = alert("execve", proc__tty=tty)
    assert said(told, "secl.exec.tty_name") == []
    assert said(told, "process.tty.name") == []
    assert said(told, "process.interactive") == ([] if tty in (None, "absent") else [False])


def test_terminals_have_the_kernels_names() -> None:
    assert terminal(34816 + 255) == "pts255"
    assert terminal(137 << 8) == "pts256"
    assert terminal((5 << 8) + 1) == "console"
    assert terminal(0xCC40) == "tty204:64"


def test_an_execution_that_failed_executed_nothing() -> None:
    told = alert("execve", evt__res="EACCES", evt__failed="true")
    assert said(told, "event.outcome") == ["failure"]
    assert said(told, "secl.evt.name") == []


def test_the_host_itself_is_no_container() -> None:
    told = alert("execve", container__id="host", container__name="host")
    assert said(told, "container.id") == []
    assert said(told, "secl.container.id") == []


@pytest.mark.parametrize(
    "kind, more, action, path",
    [
        ("openat", {"fd__name": "/etc/bell", "fd__type": "file"}, "open", "/etc/bell"),
        ("unlinkat", {"fs__path__name": "/etc/bell"}, "deletion", "/etc/bell"),
        ("rename", {"fs__path__source": "/a", "fs__path__target": "/b"}, "rename", "/b"),
    ],
)
def test_files(kind: str, more: dict[str, Any], action: str, path: str) -> None:
    told = alert(kind, **more)
    assert said(told, "event.category") == ["file"]
    assert said(told, "event.action") == [action]
    assert said(told, "file.path") == [path]
    assert said(told, "_index") == ["logs-endpoint.events.file-default"]


def test_nothing_of_the_environment_or_of_what_was_read_is_carried_on() -> None:
    secrets = {
        "proc__env": "TOKEN=swordfish", "proc__aenv[2]": "TOKEN=swordfish",
        "proc__env[TOKEN]": "swordfish", "evt__args": "env=TOKEN=swordfish",
        "evt__arg__data": "swordfish", "evt__buffer": "swordfish", "evt__info": "swordfish",
    }  # fmt: skip
    told = {**alert("execve", **secrets), "output": "Somebody rang (env=TOKEN=swordfish)"}
    found = in_ecs(Record(told, "line 1"))
    assert found is not None
    assert "swordfish" not in str(found.document)


def test_an_alert_of_another_source_is_no_event_of_the_host() -> None:
    told = {**alert("request"), "source": "k8s_audit", "output_fields": {"ka.verb": "create"}}
    assert said(told, "event.category") == []
    assert said(told, "_index") == []
    assert said(told, "host.os.type") == []
    assert said(told, "falco.output_fields.ka.verb") == ["create"]


@pytest.mark.parametrize(
    "document",
    [
        {}, {"rule": {"name": "x"}}, {"output_fields": {}}, {"falco": {"output_fields": {}}},
        {"rule": "x", "priority": "Notice", "output_fields": "x"},
        {"@timestamp": "2026-03-01T10:00:00Z", "event": {"module": "falco"}},
    ],
)  # fmt: skip
def test_other_documents_are_not_taken(document: dict[str, Any]) -> None:
    assert not falco.recognises(document)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["connect", "execve", "::1", "1:2->3:4", "9" * 30, "2026-03-01T10:00:00Z"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)  # fmt: skip
NAMES = st.sampled_from(
    [*EXEC["output_fields"], *CONNECT["output_fields"], "evt.type", "fd.name", "fs.path.name",
     "fd.is_server", "proc.args", "proc.pid.ts", "thread.cap_effective", "container.privileged"]
)  # fmt: skip
KEYS = st.sampled_from([*EXEC, "output_fields"])


@settings(max_examples=200)
@given(st.dictionaries(NAMES, ODD, max_size=6), st.dictionaries(KEYS, ODD, max_size=4))
def test_whatever_stands_in_an_alert_nothing_breaks(
    fields: dict[str, Any], keys: dict[str, Any]
) -> None:
    told = {**EXEC, **keys}
    if isinstance(told["output_fields"], dict):
        told["output_fields"] = {**CONNECT["output_fields"], **fields}
    falco.recognises(told)
    found = falco.to_ecs(told)
    assert isinstance(found, dict)
    values_of(found, "process.args")
    assert falco.identity(told) == b""
    msgspec.json.encode(found["event"])
