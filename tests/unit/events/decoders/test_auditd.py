"""Audit logs: putting records together, and what a document says."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.events.decoders import auditd, recognise
from tocsin.events.decoders._audit_records import arguments, parse, socket_address
from tocsin.events.fields import objects_of, values_of
from tocsin.events.record import Record, Undecodable

TIME = "1772359200.250"


def line(kind: str, body: str, serial: int = 7, time: str = TIME, node: str = "") -> str:
    front = f"node={node} " if node else ""
    return f"{front}type={kind} msg=audit({time}:{serial}): {body}"


def syscall(number: int, **more: str) -> str:
    said = {
        "arch": "c000003e", "syscall": str(number), "success": "yes", "exit": "0", "a0": "55d0",
        "a1": "55e0", "a2": "55f0", "a3": "8", "items": "1", "ppid": "20", "pid": "21",
        "auid": "1000", "uid": "1000", "gid": "1000", "euid": "0", "suid": "0", "fsuid": "0",
        "egid": "1000", "sgid": "1000", "fsgid": "1000", "tty": "pts3", "ses": "4",
        "comm": '"ring"', "exe": '"/tower/ring"', "key": '"bells"', **more,
    }  # fmt: skip
    return " ".join(f"{key}={value}" for key, value in said.items())


def execution(serial: int = 7, time: str = TIME, node: str = "", **more: str) -> list[str]:
    bodies = [
        ("SYSCALL", syscall(59, **more)),
        ("EXECVE", 'argc=3 a0="ring" a1="-l" a2=7477696365206120646179'),
        ("CWD", 'cwd="/tower"'),
        ("PATH", 'item=0 name="/tower/ring" inode=9 mode=0100755 ouid=0 ogid=0 nametype=NORMAL'),
        ("PROCTITLE", "proctitle=72696E67002D6C"),
    ]  # fmt: skip
    return [line(kind, body, serial, time, node) for kind, body in bodies]


def decoded(lines: Iterable[str] | bytes, name: str = "audit.log") -> list[Record | Undecodable]:
    data = lines if isinstance(lines, bytes) else "\n".join(lines).encode()
    return list(auditd.decode(io.BytesIO(data), name))


def document(lines: Iterable[str]) -> dict[str, Any]:
    (found,) = decoded(lines)
    assert isinstance(found, Record)
    return found.document


# --- putting together -----------------------------------------------------------------------------


def test_the_records_of_an_event_are_one_event_with_its_lines() -> None:
    lines = execution()
    (found,) = decoded(["", *lines])
    assert isinstance(found, Record)
    assert found.position == "line 2"
    assert found.raw == "\n".join(lines).encode()
    assert found.shape == "ecs"


def test_events_whose_records_interleave_come_apart() -> None:
    mine, others = execution(7), execution(8, comm='"toll"')
    woven = [record for pair in zip(mine, others, strict=True) for record in pair]
    found = decoded(woven)
    assert [values_of(f.document, "process.name") for f in found if isinstance(f, Record)] == [
        ["ring"], ["toll"],
    ]  # fmt: skip
    assert [f.position for f in found] == ["line 1", "line 2"]
    assert [len(f.raw.splitlines()) for f in found] == [5, 5]


def test_the_same_serial_at_another_time_or_on_another_host_is_another_event() -> None:
    halves = [
        line("SYSCALL", syscall(59), 7), line("SYSCALL", syscall(59), 7, "1772359201.250"),
        line("SYSCALL", syscall(59), 7, node="tower-1"),
    ]  # fmt: skip
    assert len(decoded(halves)) == 3


def test_an_event_ends_with_its_end_record() -> None:
    lines = [*execution()[:4], line("EOE", "")]
    later = line("CWD", 'cwd="/late"')
    first, second = decoded([*lines, later])
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert first.raw.endswith(b"type=EOE msg=audit(1772359200.250:7):")
    assert values_of(first.document, "process.working_directory") == ["/tower"]
    assert second.position == "line 6"


def test_an_end_without_an_event_is_nothing() -> None:
    assert decoded([line("EOE", ""), *execution(9), line("EOE", "", 9)])[0].position == "line 2"
    assert decoded([line("EOE", "")]) == []


def test_what_never_ends_is_there_at_the_end_of_the_file() -> None:
    (found,) = decoded(execution()[:3])
    assert isinstance(found, Record)
    assert values_of(found.document, "process.args") == ["ring", "-l", "twice a day"]


def open_events(stream: Iterable[bytes]) -> auditd._Events:
    events = auditd._Events("here")
    for number, record in enumerate(stream, 1):
        parsed = parse(record)
        assert not isinstance(parsed, str)
        list(events.take(number, record, parsed))
    return events


def test_an_event_waits_two_seconds_of_its_host_and_no_longer() -> None:
    old = line("SYSCALL", syscall(59), 7, "1772359200.250").encode()
    soon = line("SYSCALL", syscall(59), 8, "1772359202.250").encode()
    late = line("SYSCALL", syscall(59), 9, "1772359202.251").encode()
    elsewhere = line("SYSCALL", syscall(59), 9, "1772359999.000", "tower-2").encode()
    assert len(open_events([old, soon])._open) == 2
    assert len(open_events([old, elsewhere])._open) == 2
    assert {key[2] for key in open_events([old, soon, late])._open} == {"8", "9"}


def test_an_event_waits_for_so_many_lines_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditd, "MOST_LINES", 3)
    stream = [line("SYSCALL", syscall(59), serial).encode() for serial in range(6)]
    assert {key[2] for key in open_events(stream)._open} == {"2", "3", "4", "5"}


def test_open_events_are_bounded_in_number_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = [line("SYSCALL", syscall(59), serial).encode() for serial in range(20)]
    monkeypatch.setattr(auditd, "MOST_EVENTS", 5)
    assert len(open_events(stream)._open) == 5
    monkeypatch.setattr(auditd, "MOST_BYTES", 3 * len(stream[-1]))
    held = open_events(stream)
    assert len(held._open) == 3
    assert held._size == sum(len(line) for line in stream[-3:])
    assert len(decoded([line.decode() for line in stream])) == 20


def test_one_event_of_endless_records_does_not_grow_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auditd, "MOST_BYTES", 10_000)
    found = decoded(line("PATH", f'name="/{number}"') for number in range(1_000))
    assert all(len(f.raw) < 11_000 for f in found)
    assert sum(len(f.raw.splitlines()) for f in found) == 1_000


def test_messages_of_user_space_are_events_by_themselves() -> None:
    message = line("USER_LOGIN", "pid=5 uid=0 auid=1000 ses=4 msg='op=login id=1000 res=success'")
    assert len(decoded([message, message])) == 2


@pytest.mark.parametrize(
    "bad, reason",
    [
        ("the bell is broken", "no audit record"),
        ("type=SYSCALL msg=audit(soon:7): arch=c000003e", "no audit record"),
        ("type=SYSCALL msg=audit(11/22/2026 01:00:00.250:7) : arch=x86_64", "interpreted by"),
        ("type=PATH msg=audit(1.0:1): " + "x" * auditd.LONGEST, "longer than 1 MiB"),
    ],
    ids=["words", "no time", "interpreted", "long"],
)
def test_a_garbled_line_costs_that_line(bad: str, reason: str) -> None:
    lines = execution()
    found = decoded([*lines[:2], bad, *lines[2:]])
    (told,) = [f for f in found if isinstance(f, Undecodable)]
    assert told.position == "line 3"
    assert told.reason.startswith(reason)
    assert len(told.raw) <= 64 << 10
    (event,) = [f for f in found if isinstance(f, Record)]
    assert values_of(event.document, "process.working_directory") == ["/tower"]


def test_separators_of_ausearch_are_passed_over() -> None:
    assert len(decoded(["----", "time->Sun Mar  1 10:00:00 2026", *execution()])) == 1


# --- recognising ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head, expected",
    [
        ("\n".join(execution()), True),
        ("\n----\n" + "\n".join(execution(node="tower-1")), True),
        ("Mar  1 10:00:00 tower-1 audispd: " + execution()[0], True),
        (f"<13>1 2026-03-01T10:00:00Z tower-1 audisp-syslog - - - {execution()[0]}", True),
        ("[   12.345678] audit: " + execution()[0].replace("msg=", ""), True),
        ("garbled\n" + "\n".join(execution()), True),
        ("", False),
        ('{"message": "type=SYSCALL msg=audit(1772359200.250:7): arch=c000003e"}', False),
        ("Mar  1 10:00:00 tower-1 sshd[1]: hello\n" * 5 + execution()[0], False),
    ],
    ids=[
        "raw",
        "ausearch",
        "syslog",
        "syslog 5424",
        "kernel",
        "garbled first",
        "empty",
        "json",
        "mixed",
    ],
)
def test_a_log_is_recognised_by_its_lines(head: str, expected: bool) -> None:
    assert auditd.recognises(head.encode()) is expected
    assert (recognise("x.bin", head.encode()) is auditd) is expected


@given(st.binary(max_size=400))
def test_anything_may_be_looked_at(head: bytes) -> None:
    assert auditd.recognises(head) in (True, False)


# --- lines ----------------------------------------------------------------------------------------


def test_a_host_is_named_by_its_node_or_by_syslog_or_by_its_file() -> None:
    bare = execution()[0]
    cases = [
        (bare, "host.name", []),
        (bare, "host.id", ["/logs/web-1/audit.log"]),
        (execution(node="tower-1")[0], "host.name", ["tower-1"]),
        (execution(node="tower-1")[0], "host.id", ["tower-1"]),
        (f"Mar  1 10:00:00 tower-2 audispd: {bare}", "host.name", ["tower-2"]),
        (f"<13>Mar 11 10:00:00 tower-2 audispd: node=tower-3 {bare}", "host.name", ["tower-3"]),
        (f"2026-03-01T10:00:00.5+01:00 tower-4 kernel: [ 1.2] audit: {bare}", "host.name",
         ["tower-4"]),
    ]  # fmt: skip
    for text, field, expected in cases:
        (found,) = decoded([text], "/logs/web-1/audit.log.3.gz")
        assert isinstance(found, Record)
        assert values_of(found.document, field) == expected, text


def test_the_kernels_own_lines_have_numbers_for_types() -> None:
    told = document([line("1300", syscall(59)).replace("msg=", "")])
    assert values_of(told, "auditd.record.type") == ["SYSCALL"]
    assert values_of(document([line("UNKNOWN[1334]", "prog-id=4 op=LOAD")]), "auditd.record.type") \
        == ["BPF"]  # fmt: skip


@pytest.mark.parametrize("separator", ["\x1d", "#035"])
def test_enriched_logs_name_who_numbers_are(separator: str) -> None:
    text = execution()[0] + f'{separator}ARCH=x86_64 SYSCALL=execve AUID="ann" UID="bob" GID="ring"'
    told = document([f"Mar  1 10:00:00 tower-1 x: {text}"])
    assert values_of(told, "user.name") == ["bob"]
    assert values_of(told, "user.audit.name") == ["ann"]
    assert values_of(told, "user.group.name") == ["ring"]
    assert values_of(told, "auditd.record.SYSCALL") == ["execve"]
    assert values_of(told, "secl.exec.user") == ["bob"]


@pytest.mark.parametrize(
    "arch, number, name",
    [("c000003e", 42, "connect"), ("c00000b7", 203, "connect"), ("40000003", 11, "execve"),
     ("c000003e", 0x40000000 + 59, "execve"), ("deadbeef", 1, "1")],
)  # fmt: skip
def test_syscalls_are_named_by_machine(arch: str, number: int, name: str) -> None:
    told = document([line("SYSCALL", syscall(number, arch=arch))])
    assert values_of(told, "auditd.data.syscall") == [name]


@pytest.mark.parametrize(
    "saddr, expected",
    [
        ("02000050C6336407", {"family": "ipv4", "addr": "198.51.100.7", "port": "80"}),
        ("0A000050000000000000000000000000 0000FFFFA9FEA9FE00000000".replace(" ", ""),
         {"family": "ipv6", "addr": "169.254.169.254", "port": "80"}),
        ("0A0001BB0000000020010DB800000000 000000000000000100000000".replace(" ", ""),
         {"family": "ipv6", "addr": "2001:db8::1", "port": "443"}),
        ("01002F72756E2F62656C6C00", {"family": "unix", "path": "/run/bell"}),
        ("01000062656C6C", {"family": "unix", "path": "@bell"}),
        ("0002005000000000", {"family": "ipv4", "addr": "0.0.0.0", "port": "80"}),
        ("100000000000000000000000", {"family": "netlink", "saddr": "100000000000000000000000"}),
        ("0200", {"family": "2", "saddr": "0200"}),
        ("bell", {}),
    ],
)  # fmt: skip
def test_socket_addresses(saddr: str, expected: dict[str, str]) -> None:
    record = parse(line("SOCKADDR", f"saddr={saddr}").encode())
    assert not isinstance(record, str)
    assert socket_address(record) == expected


def test_an_address_that_auditd_interpreted() -> None:
    record = parse(
        line("SOCKADDR", "saddr=?\x1dSADDR={ saddr_fam=inet laddr=198.51.100.7 lport=80 }").encode()
    )
    assert not isinstance(record, str)
    assert socket_address(record) == {"family": "ipv4", "addr": "198.51.100.7", "port": "80"}


def parsed(*bodies: str) -> list[Any]:
    return [parse(line("EXECVE", body).encode()) for body in bodies]


@pytest.mark.parametrize(
    "bodies, expected",
    [
        (['argc=2 a0="sh" a1="-c"'], ["sh", "-c"]),
        (['argc=3 a0="sh" a1="" a2="?"'], ["sh", "", "?"]),
        (['argc=2 a0="sh" a1=68690A'], ["sh", "hi\n"]),
        (['argc=2 a0="sh" a1="68690A"'], ["sh", "68690A"]),
        (['argc=2 a0="sh" a1_len=4 a1[0]="ab" a1[1]="cd"'], ["sh", "abcd"]),
        (['argc=2 a0="sh" a1_len=8 a1[0]=6869', "a1[1]=2079"], ["sh", "hi y"]),
        (['argc=2 a0="sh" a1_len=8 a1[0]=68692', "a1[1]=079"], ["sh", "hi y"]),
        (['argc=12 a0="sh"', 'a10="ten" a2="two"'], ["sh", "two", "ten"]),
        (['argc=2 a0="sh" a1="msg=\'x\'"'], ["sh", "msg='x'"]),
        (["argc=1 a0=C3A4FF"], ["ä\\xff"]),
        (["argc=99"], []),
    ],
)
def test_arguments_are_put_together(bodies: list[str], expected: list[str]) -> None:
    assert arguments(parsed(*bodies)) == expected


def test_arguments_in_pieces_are_whole_in_the_record_too() -> None:
    first, *rest = execution()
    told = document([
        first, line("EXECVE", 'argc=2 a0="ring" a1_len=8 a1[0]="lo"'), line("EXECVE", 'a1[1]="ud"'),
        rest[-1],
    ])  # fmt: skip
    assert values_of(told, "process.args") == ["ring", "loud"]
    assert values_of(told, "auditd.record.a1") == ["55e0", "loud"]


# --- what a document says -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T10:00:00.250Z"]),
        ("event.kind", ["event"]),
        ("event.category", ["process"]),
        ("event.type", ["start"]),
        ("event.action", ["executed"]),
        ("event.outcome", ["success"]),
        ("event.module", ["auditd"]),
        ("event.dataset", ["auditd_manager.auditd"]),
        ("data_stream.dataset", ["auditd_manager.auditd"]),
        ("_index", ["auditbeat-default"]),
        ("host.os.type", ["linux"]),
        ("host.architecture", ["x86_64"]),
        ("process.pid", [21]),
        ("process.parent.pid", [20]),
        ("process.name", ["ring"]),
        ("process.executable", ["/tower/ring"]),
        ("process.title", ["ring -l"]),
        ("process.args", ["ring", "-l", "twice a day"]),
        ("process.args_count", [3]),
        ("process.command_line", ["ring -l twice a day"]),
        ("process.working_directory", ["/tower"]),
        ("process.tty.name", ["pts3"]),
        ("process.interactive", [True]),
        ("user.id", ["1000"]),
        ("user.effective.id", ["0"]),
        ("user.audit.id", ["1000"]),
        ("auditd.user.audit.id", ["1000"]),
        ("file.path", ["/tower/ring"]),
        ("file.mode", ["0755"]),
        ("auditd.session", ["4"]),
        ("auditd.data.syscall", ["execve"]),
        ("auditd.data.a0", ["55d0"]),
        ("auditd.data.tty", ["pts3"]),
        ("auditd.data.argc", ["3"]),
        ("auditd.data.pid", []),
        ("auditd.key", ["bells"]),
        ("tags", ["bells"]),
        ("auditd.message_type", ["syscall"]),
        ("auditd.result", ["success"]),
        ("auditd.summary.object.primary", ["/tower/ring"]),
        ("auditd.paths.nametype", ["NORMAL"]),
        ("auditd.log.record_type", ["SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE"]),
        ("auditd.log.sequence", [7]),
        ("auditd.record.type", ["SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE"]),
        ("auditd.record.a0", ["55d0", "ring"]),
        ("auditd.record.SYSCALL", ["execve"]),
        ("auditd.record.proctitle", ["ring -l"]),
        ("secl.evt.name", ["exec"]),
        ("secl.now", [1772359200250000000]),
        ("secl.exec.comm", ["ring"]),
        ("secl.exec.args", ["-l twice a day"]),
        ("secl.exec.argv0", ["ring"]),
        ("secl.exec.argv[1]", ["twice a day"]),
        ("secl.exec.args_flags", ["l"]),
        ("secl.exec.tty_name", ["pts3"]),
        ("secl.exec.file.path", ["/tower/ring"]),
        ("secl.process.uid", [1000]),
        ("secl.process.euid", [0]),
        ("secl.process.auid", [1000]),
        ("secl.process.ppid", [20]),
        ("secl.process.parent.pid", [20]),
        ("secl.process.ancestors.length", []),
    ],
)
def test_an_execution(field: str, values: list[Any]) -> None:
    assert values_of(document(execution()), field) == values


def test_each_record_can_be_asked_by_itself() -> None:
    records = objects_of(document(execution()), "auditd.record")
    assert [record["a0"] for record in records if record["type"] == "EXECVE"] == ["ring"]
    assert [record["a0"] for record in records if record["type"] == "SYSCALL"] == ["55d0"]


@pytest.mark.parametrize(
    "tty, values", [("pts3", ["pts3"]), ("(none)", []), ("?", [])], ids=["pty", "none", "unknown"]
)
def test_only_a_terminal_is_a_terminal(tty: str, values: list[str]) -> None:
    told = document(execution(tty=tty))
    assert values_of(told, "secl.exec.tty_name") == values
    assert values_of(told, "process.tty.name") == values
    assert values_of(told, "process.interactive") == ([] if tty == "?" else [bool(values)])


def test_an_execution_that_failed_executed_nothing() -> None:
    told = document(execution(success="no", exit="-13"))
    assert values_of(told, "event.outcome") == ["failure"]
    assert values_of(told, "auditd.data.exit") == ["EACCES"]
    assert values_of(told, "secl.evt.name") == []


def test_arguments_tell_an_execution_whose_first_record_is_lost() -> None:
    told = document(execution()[1:])
    assert values_of(told, "event.action") == ["executed"]
    assert values_of(told, "process.args") == ["ring", "-l", "twice a day"]
    assert values_of(told, "secl.exec.argv0") == ["ring"]


@pytest.mark.parametrize(
    "field, values",
    [
        ("event.category", ["network"]),
        ("event.type", ["connection", "start"]),
        ("event.action", ["connected-to"]),
        ("destination.ip", ["198.51.100.7"]),
        ("destination.address", ["198.51.100.7"]),
        ("destination.port", [80]),
        ("network.direction", ["egress"]),
        ("auditd.data.socket.addr", ["198.51.100.7"]),
        ("auditd.data.exit", ["EINPROGRESS"]),
        ("data_stream.dataset", ["auditd_manager.auditd"]),
        ("_index", ["logs-endpoint.events.network-default"]),
        ("user.audit.id", []),
        ("auditd.session", []),
        ("secl.evt.name", ["connect"]),
        ("secl.connect.addr.ip", ["198.51.100.7"]),
        ("secl.connect.addr.port", [80]),
        ("secl.connect.addr.family", [2]),
        ("secl.connect.addr.is_public", [False]),
        ("secl.connect.retval", [-115]),
        ("secl.process.comm", ["ring"]),
        ("secl.process.auid", [4294967295]),
        ("secl.exec.comm", []),
    ],
)
def test_a_connection(field: str, values: list[Any]) -> None:
    told = document([
        line("SYSCALL", syscall(42, success="no", exit="-115", auid="4294967295", ses="4294967295")),
        line("SOCKADDR", "saddr=02000050C63364070000000000000000"),
        line("PROCTITLE", "proctitle=72696E67"),
    ])  # fmt: skip
    assert values_of(told, field) == values


def test_a_connection_that_came_in() -> None:
    told = document([
        line("SYSCALL", syscall(43)), line("SOCKADDR", "saddr=0200D431C63364070000000000000000"),
    ])  # fmt: skip
    assert values_of(told, "source.ip") == ["198.51.100.7"]
    assert values_of(told, "network.direction") == ["ingress"]
    assert values_of(told, "_index") == ["auditbeat-default"]
    assert values_of(told, "secl.evt.name") == []


@pytest.mark.parametrize(
    "number, action, kind, path",
    [
        (2, "opened-file", "info", "/belfry"),
        (82, "renamed", "change", "/loft"),
        (83, "created-directory", "creation", "/tower/new"),
        (87, "deleted", "deletion", "/tower/new"),
        (92, "changed-file-ownership-of", "change", "/tower/new"),
    ],
)
def test_the_file_that_an_event_is_about(number: int, action: str, kind: str, path: str) -> None:
    names = {
        2: [("/belfry", "NORMAL"), ("/x", "NORMAL")],
        82: [("/a", "PARENT"), ("/b", "PARENT"), ("/loft", "DELETE"), ("/loft2", "CREATE")],
    }.get(number, [("/tower/", "PARENT"), ("/tower/new", "CREATE")])
    told = document([
        line("SYSCALL", syscall(number)),
        *(line("PATH", f'item={i} name="{name}" nametype={type_}')
          for i, (name, type_) in enumerate(names)),
    ])  # fmt: skip
    assert values_of(told, "event.action") == [action]
    assert values_of(told, "event.category") == ["file"]
    assert values_of(told, "event.type") == [kind]
    assert values_of(told, "file.path") == [path]


def test_a_refusal_of_apparmor_and_the_call_that_it_stopped() -> None:
    told = document([
        line("AVC", 'apparmor="DENIED" operation="chown" profile="/tower/ring" name="/bell" pid=21 '
                    'comm="ring" requested_mask="w" denied_mask="w" fsuid=1000 ouid=0'),
        line("SYSCALL", syscall(92, success="no", exit="-13")),
        line("PATH", 'item=0 name="/bell" nametype=NORMAL'),
    ])  # fmt: skip
    assert values_of(told, "event.action") == ["violated-apparmor-policy"]
    assert values_of(told, "event.category") == ["file"]
    assert values_of(told, "event.type") == ["change"]
    assert values_of(told, "auditd.data.operation") == ["chown"]
    assert values_of(told, "auditd.data.syscall") == ["chown"]
    assert values_of(told, "auditd.message_type") == ["avc"]


def test_a_refusal_of_selinux() -> None:
    told = document([
        line("AVC", 'avc:  denied  { read write } for  pid=21 comm="ring" name="bell" dev="sda1" '
                    "scontext=system_u:system_r:ring_t:s0 tclass=file permissive=0"),
    ])  # fmt: skip
    assert values_of(told, "event.action") == ["violated-selinux-policy"]
    assert values_of(told, "event.category") == ["intrusion_detection"]
    assert values_of(told, "auditd.data.seperms") == ["read,write"]


LOGIN = 'op=login acct={} exe="/usr/sbin/sshd" hostname=? addr={} terminal=ssh res={}'


def message(kind: str, inner: str, **more: str) -> dict[str, Any]:
    said = {"pid": "30", "uid": "0", "auid": "1000", "ses": "4", **more}
    outer = " ".join(f"{key}={value}" for key, value in said.items())
    return document([line(kind, f"{outer} msg='{inner}'")])


def test_a_login_that_failed() -> None:
    told = message("USER_LOGIN", LOGIN.format("62656C6C20726F7065", "198.51.100.7", "failed"),
                   auid="4294967295", ses="4294967295")  # fmt: skip
    assert values_of(told, "event.category") == ["authentication"]
    assert values_of(told, "event.action") == ["logged-in"]
    assert values_of(told, "event.outcome") == ["failure"]
    assert values_of(told, "source.ip") == ["198.51.100.7"]
    assert values_of(told, "user.effective.name") == ["bell rope"]
    assert values_of(told, "user.id") == []
    assert values_of(told, "process.executable") == ["/usr/sbin/sshd"]
    assert values_of(told, "auditd.data.terminal") == ["ssh"]
    assert values_of(told, "secl.evt.name") == []


def test_who_did_what_to_whose_account() -> None:
    told = message("ADD_USER", 'op=adding user id=1004 exe="/usr/sbin/useradd" res=success')
    assert values_of(told, "event.action") == ["added-user-account"]
    assert values_of(told, "event.type") == ["user", "creation"]
    assert values_of(told, "user.id") == ["1000"]
    assert values_of(told, "user.effective.id") == ["0"]
    assert values_of(told, "user.target.id") == ["1004"]
    group = message("ADD_GROUP", 'op=adding group acct="ringers" res=success')
    assert values_of(group, "group.name") == ["ringers"]


def test_who_grants_is_there_for_rules_that_ask() -> None:
    told = message("USER_AUTH", 'op=PAM:authentication grantors=pam_bell acct="ann" res=success')
    assert values_of(told, "auditd.data.grantors") == ["pam_bell"]
    assert values_of(told, "user.effective.name") == ["ann"]


def test_a_login_id_that_changes_has_the_record_of_its_call() -> None:
    told = document([
        line("LOGIN", "pid=30 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 "
                      "ses=4 res=1"),
        line("SYSCALL", syscall(1)),
        line("PROCTITLE", "proctitle=72"),
    ])  # fmt: skip
    assert values_of(told, "event.action") == ["changed-login-id-to"]
    assert values_of(told, "event.category") == ["authentication", "file"]
    assert values_of(told, "user.effective.id") == ["1000"]


def test_what_is_typed_into_a_terminal_is_left_out() -> None:
    told = document(
        [line("TTY", 'tty pid=21 uid=0 major=136 minor=3 comm="bash" data=7365637265740D')]
    )
    assert values_of(told, "auditd.record.type") == ["TTY"]
    assert "secret" not in str(told)
    assert "7365637265740D" not in str(told)


def test_several_keys_are_several_tags() -> None:
    told = document(execution(key="62656C6C730172696E67"))
    assert values_of(told, "tags") == ["bells", "ring"]


def test_a_message_cannot_pass_for_another_type() -> None:
    told = message("USER_CMD", 'type=EXECVE cmd=6C73 exe="/usr/bin/sudo" res=success')
    assert values_of(told, "auditd.record.type") == ["USER_CMD"]
    assert values_of(told, "auditd.data.cmd") == ["ls"]
    assert values_of(told, "process.command_line") == []


# --- anything at all ------------------------------------------------------------------------------

KINDS = st.sampled_from(
    ["SYSCALL", "EXECVE", "PATH", "CWD", "SOCKADDR", "PROCTITLE", "EOE", "AVC", "LOGIN",
     "USER_LOGIN", "USER_CMD", "ADD_USER", "TTY", "CONFIG_CHANGE", "1300", "9", "UNKNOWN[77]", "?"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["a0", "a1", "a1[0]", "a99999[2]", "argc", "arch", "syscall", "exit", "saddr", "name", "mode",
     "nametype", "comm", "exe", "uid", "auid", "tty", "key", "msg", "proctitle", "acct", "addr",
     "type", "res", "success", "SADDR", "SYSCALL", "data", "ses", "old-auid", "x.y"]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        ["?", "(null)", '""', "59", "42", "c000003e", "yes", "no", "-1", "4294967295", "0100755",
         "9" * 30, "0200", "02000050C6336407", "0A00", "01", "'op=x", "{", '"', "PARENT", "41" * 40]
    ),
    st.text(st.characters(exclude_characters="\n\r"), max_size=8),
)  # fmt: skip
BODIES = st.lists(st.tuples(KEYS, VALUES), max_size=6).map(
    lambda pairs: " ".join(f"{key}={value}" for key, value in pairs)
)
LINES = st.one_of(
    st.builds(
        line, KINDS, BODIES, st.integers(0, 2), st.sampled_from([TIME, "0.0", "99999999999.9"])
    ),
    st.text(max_size=30),
)


@settings(max_examples=150)
@given(st.lists(LINES, max_size=8))
def test_whatever_lines_say_nothing_breaks_and_no_line_is_lost(lines: list[str]) -> None:
    data = "\n".join(lines).encode("utf-8", "replace")
    found = decoded(data)
    for event in found:
        if isinstance(event, Record):
            msgspec.json.encode(event.document)
    told = sum(len(f.raw.split(b"\n")) for f in found if isinstance(f, Record))
    assert told <= data.count(b"\n") + 1


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_whatever_bytes_say_nothing_breaks(data: bytes) -> None:
    decoded(b"type=SYSCALL msg=audit(1.0:1): " + data)
    decoded(data)


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_records_may_come_in_any_order_among_those_of_other_events(seed: int) -> None:
    pick = random.Random(seed)
    pending = [execution(serial, comm=f'"ring{serial}"') for serial in range(6)]
    woven = []
    while any(pending):
        lines = pick.choice([lines for lines in pending if lines])
        woven.append(lines.pop(0))
    found = decoded(woven)
    names = sorted(values_of(f.document, "process.name")[0] for f in found if isinstance(f, Record))
    assert names == [f"ring{serial}" for serial in range(6)]
    assert all(len(f.raw.splitlines()) == 5 for f in found)
