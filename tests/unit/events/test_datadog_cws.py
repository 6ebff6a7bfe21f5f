"""Events of Datadog's Workload Protection."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.engine.reference import holds
from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.events.shapes import datadog_cws, in_ecs
from tocsin.events.shapes._cws_values import args_flags, args_options, is_public
from tocsin.languages.secl import compile_query
from tocsin.logic.query import Filter
from tocsin.rules.load import load_rules

SHELL = {
    "pid": 20,
    "comm": "sh",
    "uid": 0,
    "executable": {"path": "/usr/bin/dash"},
    "args": ["-c", "ring"],
}
EXEC: dict[str, Any] = {
    "agent": {"rule_id": "bell_rung", "origin": "ebpf", "os": "linux", "arch": "x64"},
    "title": "Somebody rang the bell",
    "date": "2026-03-01T10:00:00.5Z",
    "evt": {"name": "exec", "outcome": "Success", "matched_rules": [{"id": "bell_rung"}]},
    "container": {"id": "c0ffee", "created_at": "2026-03-01T09:00:00Z"},
    "process": {
        "pid": 21,
        "ppid": 20,
        "uid": 1000,
        "user": "sexton",
        "comm": "ring",
        "tty": "pts0",
        "argv0": "ring",
        "args": ["-ln", "--loud", "-p", "80", ""],
        "exec_time": "2026-03-01T10:00:00Z",
        "credentials": {"auid": 1000, "cap_permitted": ["CAP_CHOWN", "CAP_SYS_ADMIN"]},
        "executable": {
            "path": "/tower/ring",
            "name": "ring",
            "mode": 35309,
            "hashes": ["sha256:b311"],
        },
        "ancestors": [SHELL, {"pid": 1, "comm": "init"}],
    },
}


def shaped(document: dict[str, Any]) -> dict[str, Any]:
    found = in_ecs(Record(document, "line 1"))
    assert found is not None
    return found.document


def of_type(name: str, **more: Any) -> dict[str, Any]:
    return {"agent": {"rule_id": "x"}, "evt": {"name": name}, **more}


def rings(expression: str, document: dict[str, Any]) -> bool:
    return holds(compile_query(expression).expr, shaped(document))


@pytest.mark.parametrize(
    "field, values",
    [
        ("secl.evt.name", ["exec"]),
        ("secl.now", [1772359200500000000]),
        ("secl.event.origin", ["ebpf"]),
        ("secl.exec.args", ["-ln --loud -p 80 "]),
        ("secl.exec.argv.length", [5]),
        ("secl.exec.argv[1]", ["--loud"]),
        ("secl.exec.args_flags", ["l", "n", "ln", "loud", "p"]),
        ("secl.exec.args_options", ["p=80"]),
        ("secl.exec.tty_name", ["pts0"]),
        ("secl.process.created_at", [1772359200000000000]),
        ("secl.process.auid", [1000]),
        ("secl.process.cap_permitted", [1 | 1 << 21]),
        ("secl.process.file.rights", [0o4755]),
        ("secl.process.container.id", ["c0ffee"]),
        ("secl.container.created_at", [1772355600000000000]),
        ("secl.process.parent.comm", ["sh"]),
        ("secl.process.parent.file.name", ["dash"]),
        ("secl.process.ancestors.comm", ["sh", "init"]),
        ("secl.process.ancestors.length", [2]),
        ("secl.process.ancestors.args", ["-c ring"]),
        ("@timestamp", ["2026-03-01T10:00:00.5Z"]),
        ("event.category", ["process"]),
        ("event.type", ["start"]),
        ("event.action", ["exec"]),
        ("event.dataset", ["datadog.cws"]),
        ("event.outcome", ["success"]),
        ("process.pid", [21]),
        ("process.args", ["ring", "-ln", "--loud", "-p", "80", ""]),
        ("process.executable", ["/tower/ring"]),
        ("process.interactive", [True]),
        ("process.hash.sha256", ["b311"]),
        ("process.parent.name", ["dash"]),
        ("user.name", ["sexton"]),
        ("user.id", ["1000"]),
        ("container.id", ["c0ffee"]),
        ("host.os.type", ["linux"]),
    ],
)
def test_an_exec_in_secls_names_and_in_ecs(field: str, values: list[Any]) -> None:
    assert values_of(shaped(EXEC), field) == values


@pytest.mark.parametrize(
    "expression, document",
    [
        (
            'open.flags & (O_CREAT | O_TRUNC) > 0 && open.file.extension == ".yaml"',
            of_type("open", file={"path": "/a/b.yaml", "flags": ["O_WRONLY", "O_CREAT"]}),
        ),
        (
            'rename.file.destination.path =~ "/b/*" && rename.file.name == "x"',
            of_type("rename", file={"path": "/a/x", "destination": {"path": "/b/y"}}),
        ),
        (
            'connect.addr.family == AF_INET && connect.addr.is_public == true && connect.addr.ip in 8.0.0.0/8 && connect.addr.hostname in ["bells.example"]',
            of_type(
                "connect",
                connect={
                    "addr": {"family": "AF_INET", "ip": "8.8.8.8", "port": 53},
                    "hostnames": ["bells.example"],
                },
            ),
        ),
        (
            'dns.question.type == TXT && dns.question.name == "BELLS.example"',
            of_type("dns", dns={"question": {"type": "TXT", "name": "bells.EXAMPLE"}}),
        ),
        (
            'imds.url =~ "/latest/*" && imds.aws.is_imds_v2 == false',
            of_type("imds", imds={"type": "request", "url": "/latest/user-data"}),
        ),
        (
            "bpf.cmd == BPF_PROG_LOAD && bpf.prog.helpers == BPF_PROBE_WRITE_USER",
            of_type(
                "bpf", bpf={"cmd": "BPF_PROG_LOAD", "program": {"helpers": ["BPF_PROBE_WRITE_USER"]}}
            ),
        ),
        (
            "ptrace.request == PTRACE_POKETEXT && ptrace.tracee.euid == 0",
            of_type(
                "ptrace",
                ptrace={"request": "PTRACE_POKETEXT", "tracee": {"credentials": {"euid": 0}}},
            ),
        ),
        (
            "mmap.protection & PROT_EXEC > 0",
            of_type("mmap", mmap={"protection": "PROT_READ | PROT_EXEC"}),
        ),
        (
            'mount.source.path == "/dev/sda" && mount.fs_type == "ext4"',
            of_type("mount", mount={"source.path": "/dev/sda", "fs_type": "ext4"}),
        ),
        (
            'load_module.name == "bell" && load_module.loaded_from_memory == true',
            of_type("load_module", module={"name": "bell", "loaded_from_memory": True}),
        ),
        (
            "setuid.euid == 0 && setuid.uid == 1000",
            of_type(
                "setuid",
                process={"credentials": {"destination": {"uid": 1000, "euid": 0}}},
            ),
        ),
        (
            "signal.type == SIGKILL && signal.target.pid == 7",
            of_type("signal", signal={"type": "SIGKILL", "target": {"pid": 7}}),
        ),
        (
            "setsockopt.level == SOL_SOCKET && setsockopt.optname == SO_ATTACH_FILTER",
            of_type(
                "setsockopt", setsockopt={"level": "SOL_SOCKET", "optname": "SO_ATTACH_FILTER"}
            ),
        ),
        (
            "packet.destination.port == 53 && packet.source.ip in 10.0.0.0/8 && packet.l4_protocol == IP_PROTO_UDP && packet.destination.is_public",
            of_type(
                "packet",
                network={
                    "l4_protocol": "IP_PROTO_UDP",
                    "source": {"ip": "10.0.0.7", "port": 4000},
                    "destination": {"ip": "8.8.8.8", "port": 53},
                },
            ),
        ),
        (
            "unlink.flags & AT_REMOVEDIR > 0 && unlink.file.path == \"/belfry\"",
            of_type("unlink", file={"path": "/belfry", "flags": ["AT_REMOVEDIR"]}),
        ),
        (
            "exit.cause == COREDUMPED && exit.comm == \"bell\"",
            of_type("exit", exit={"cause": "COREDUMPED"}, process={"comm": "bell"}),
        ),
        (
            "chmod.file.destination.mode & S_IXUSR > 0 && chmod.file.mode & S_ISUID > 0",
            of_type("chmod", file={"path": "/a", "mode": 0o104755, "destination": {"mode": 0o755}}),
        ),
        ("exec.comm == \"ring\" && process.parent.file.path == \"/usr/bin/dash\"", EXEC),
        ("process.ancestors[A].comm == \"sh\" && process.ancestors[A].pid == 20 && exec.uid > 0",
         EXEC),
        ("exec.comm != \"\" && event.source == \"runtime\"", EXEC),
    ],
)  # fmt: skip
def test_expressions_read_the_fields_of_each_event(
    expression: str, document: dict[str, Any]
) -> None:
    assert rings(expression, document)


def test_a_rule_of_another_event_type_does_not_ring() -> None:
    assert not rings('exec.comm == "ring"', EXEC | {"evt": {"name": "exit"}})


def test_the_parent_and_the_ancestors_stand_in_for_each_other() -> None:
    alone = of_type("exec", process={"comm": "ring", "parent": {"comm": "sh"}})
    assert rings('exec.comm == "ring" && process.ancestors.comm == "sh"', alone)
    assert rings('exec.comm == "ring" && process.parent.comm == "sh"', EXEC)


def test_a_log_around_the_event_gives_host_service_and_tags() -> None:
    log = {
        "_id": "1",
        "host": "tower-1",
        "service": "bells",
        "tags": ["env:prod"],
        "attributes": EXEC,
    }
    document = shaped(log)
    assert values_of(document, "host.name") == ["tower-1"]
    assert values_of(document, "secl.event.service") == ["bells"]
    assert values_of(document, "secl.container.tags") == ["env:prod"]
    assert values_of(document, "secl.exec.comm") == ["ring"]


def test_one_exec_for_two_rules_is_one_event() -> None:
    other = copy.deepcopy(EXEC)
    other["agent"] |= {"rule_id": "net_util", "rule_actions": [{"hash": {}}]}
    other["title"] = "Something else"
    other["evt"]["rule_context"] = {"expression": "exec.comm != ''"}
    other["process"]["variables"] = {"rung": True}
    assert datadog_cws.identity(EXEC) == datadog_cws.identity(other)
    other["process"]["pid"] = 22
    assert datadog_cws.identity(EXEC) != datadog_cws.identity(other)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"evt": "exec"},
        {"evt": {"name": 1}, "agent": {"rule_id": "x"}},
        {"evt": {"name": "exec"}},
        {"process": {"name": "bell"}, "event": {"kind": "event"}},
    ],
)
def test_other_documents_are_not_recognised(document: dict[str, Any]) -> None:
    assert not datadog_cws.recognises(document)
    assert in_ecs(Record(document, "line 1")) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = [
    "process",
    "file",
    "evt",
    "agent",
    "date",
    "container",
    "cgroup",
    "network",
    "connect",
    "dns",
    "imds",
    "bpf",
    "ptrace",
    "signal",
    "mount",
    "module",
    "selinux",
    "setsockopt",
    "usr",
    "host",
    "tags",
    "exec",
]
NAMES = [
    "exec",
    "exit",
    "open",
    "rename",
    "link",
    "connect",
    "dns",
    "imds",
    "bpf",
    "ptrace",
    "signal",
    "mount",
    "load_module",
    "selinux",
    "setuid",
    "setgid",
    "capset",
    "setrlimit",
    "network_flow_monitor",
    "process",
    "now",
    ".",
    "secl.exec",
]


def paths(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document."""
    found = [path] if path else []
    if isinstance(document, dict):
        for key, value in document.items():
            found += paths(value, (*path, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            found += paths(value, (*path, number))
    return found


@given(st.dictionaries(st.sampled_from(KEYS), JSON), st.sampled_from(NAMES))
def test_nothing_in_an_event_raises(fields: dict[str, Any], name: str) -> None:
    document = {**fields, "evt": {"name": name}, "agent": {"rule_id": "x"}}
    shaped(document)
    json.dumps(shaped(document))


@given(st.sampled_from(paths(EXEC)), JSON, st.sampled_from(NAMES))
def test_nothing_at_any_place_raises(path: tuple[Any, ...], value: Any, name: str) -> None:
    document = copy.deepcopy(EXEC)
    document["evt"]["name"] = name
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    found = in_ecs(Record(document, "line 1"))
    assert found is None or found.identity


def test_arguments() -> None:
    assert list(args_flags(["-sV", "--version", "-", "--", "--x", "-k=v", "a"])) == [
        "s", "V", "sV", "version",
    ]  # fmt: skip
    # A name may begin with anything, and stand behind a third dash.
    assert list(args_flags(["-@list", "-_", "--_all", "---deep", "-a=b", "-?x=y"])) == [
        "@list", "_all", "-deep",
    ]  # fmt: skip
    assert list(args_options(["-p", "1", "--q=2", "-r", "-s", "t", "u"])) == [
        "p=1", "q=2", "s=t",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address, expected",
    [
        ("8.8.8.8", True), ("10.1.2.3", False), ("169.254.169.254", False), ("::1", False),
        ("fd00:ec2::254", False), ("2606:4700::1111", True), ("::ffff:10.0.0.1", False),
        ("bells", None),
    ],
)  # fmt: skip
def test_public_addresses(address: str, expected: bool | None) -> None:
    assert is_public(address) is expected


def test_the_made_up_events(shared: Path) -> None:
    place = shared / "data" / "cws-events"
    expected = json.loads((place / "expected.json").read_text(encoding="utf-8"))["events"]
    (page,) = (shared / "seeds").glob("004_*")
    (seed,) = load_rules([page]).rules
    policy = load_rules([shared / "corpora" / "datadog" / "default.policy"]).rules
    # Those that remember are asked in tests/conformance/test_cws_events.py.
    policy = tuple(rule for rule in policy if isinstance(rule.query, Filter))
    known = {rule.id for rule in policy}
    assert {"aws_imds", "azure_imds", "gcp_imds", "webapp_imds_V1_request"} <= known
    for name, event in expected.items():
        document = shaped(json.loads((place / f"{name}.json").read_text(encoding="utf-8")))
        assert holds(seed.query.expr, document) is event["seed_signal"], name
        rung = {rule.id for rule in policy if holds(rule.query.expr, document)}
        assert rung == known & set(event["rules_matched_empty_state"]), name
