"""What host sensors say of processes and connections, under SECL's names.

auditd, Falco, Tetragon and Tracee know the same things by other names. Each of them fills in a
`Process`; here it becomes ``secl.*`` by the code that reads Datadog's own events, so that a field
has the same type and the same derived fields (``args_flags``, ``file.name``, ``addr.is_public``)
whoever saw it. What a sensor does not say has no value: SECL reads it as ``""`` or 0.

>>> curl = Process(pid=7, comm="curl", argv0="curl", arguments=["-s", "http://h/"], tty="pts0")
>>> found = secl_event("exec", curl, time="2026-11-21T20:26:54Z")
>>> found["exec"]["args"], found["exec"]["args_flags"], found["exec"]["tty_name"]
('-s http://h/', ['s'], 'pts0')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tocsin.events.shapes._cws_secl import secl_fields
from tocsin.events.shapes._values import Object

UNSET: Final = 0xFFFFFFFF
"""The audit user of a process that nobody logged in for."""

_COMM: Final = 15


class Process(msgspec.Struct, kw_only=True):
    """A process as a sensor describes it; None, and nothing in a list, for what it does not say.

    Attributes:
        pid: in the namespace of the host.
        parent_pid: its parent's, where no more is known of that.
        tid: the thread that did what the event tells.
        comm: the name that the kernel has for it: at most 15 bytes.
        path: of its executable.
        argv0: the name that it was called by.
        arguments: what came behind that.
        command_line: all of it in one text, where the sensor writes it so.
        directory: its working directory.
        tty: the name of its controlling terminal: ``pts0``.
        interactive: whether it has a terminal at all.
        start: when it was executed, in RFC 3339.
        entity_id: what names it among all processes of all hosts.
        uid, gid, euid, egid, fsuid, fsgid, auid: its credentials.
        user, group: the names of uid and gid.
        capabilities: its effective ones.
        inode, mode, sha256: of the executable.
        exit_code: of a process that ended.
    """

    pid: int | None = None
    parent_pid: int | None = None
    tid: int | None = None
    comm: str | None = None
    path: str | None = None
    argv0: str | None = None
    arguments: list[str] = []
    command_line: str | None = None
    directory: str | None = None
    tty: str | None = None
    interactive: bool | None = None
    start: str | None = None
    entity_id: str | None = None
    uid: int | None = None
    gid: int | None = None
    euid: int | None = None
    egid: int | None = None
    fsuid: int | None = None
    fsgid: int | None = None
    auid: int | None = None
    user: str | None = None
    group: str | None = None
    capabilities: list[str] = []
    inode: int | None = None
    mode: int | None = None
    sha256: str | None = None
    exit_code: int | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What a process connected to.

    Attributes:
        ip: the address; None for a socket that is no address.
        port: the port.
        family: ``AF_INET`` and the like, or its number.
        protocol: ``IP_PROTO_TCP`` and the like, or its number.
        names: names that led there.
        result: what the call returned.
    """

    ip: str | None = None
    port: int | None = None
    family: str | int | None = None
    protocol: str | int | None = None
    names: tuple[str, ...] = ()
    result: int | None = None


def comm_of(path: str | None) -> str | None:
    """The name that the kernel gives a process for what it executes."""
    base = path.rpartition("/")[2] if path else ""
    return base.encode("utf-8", "replace")[:_COMM].decode("utf-8", "ignore") or None


def secl_event(
    name: str,
    process: Process,
    *,
    time: str | None,
    host: str | None = None,
    container: str | None = None,
    ancestors: Sequence[Process] = (),
    address: Address | None = None,
) -> Object:
    """Everything under ``secl`` of one event.

    Args:
        name: SECL's name of the event: ``exec``, ``exit`` or ``connect``.
        process: who did it; for ``exec``, what it became.
        time: when, in RFC 3339.
        host: where.
        container: the id of the container; None on the host itself.
        ancestors: from the parent on, as far as they are known.
        address: what was connected to.
    """
    body: dict[str, Any] = {
        "evt": {"name": name},
        "date": time,
        "agent": {"os": "linux"},
        "process": _as_json(process, ancestors),
    }
    if container:
        body["container"] = {"id": container}
    if address is not None:
        body[name] = {
            "addr": {"ip": address.ip, "port": address.port, "family": address.family},
            "protocol": address.protocol,
            "hostnames": list(address.names),
        }
    found = secl_fields(body, {"host": host})
    own = found.get(name)
    if address is not None and address.result is not None and isinstance(own, dict):
        own["retval"] = address.result
    if name == "exit" and process.exit_code is not None and isinstance(own, dict):
        own["code"] = process.exit_code
    if process.parent_pid is not None and not ancestors:
        # Its id alone makes no ancestor: an element without a name would answer for one.
        found.setdefault("process", {})["parent"] = {"pid": process.parent_pid}
    return found


def _as_json(process: Process, ancestors: Sequence[Process] = ()) -> Object:
    """The process as Datadog's Agent would send it."""
    found: Object = {
        "pid": process.pid,
        "ppid": process.parent_pid,
        "tid": process.tid,
        "comm": process.comm,
        "tty": process.tty,
        "argv0": process.argv0,
        "args": process.arguments,
        "user": process.user,
        "group": process.group,
        "exec_time": process.start,
        "executable": {
            "path": process.path,
            "inode": process.inode,
            "mode": process.mode,
            "hashes": [f"sha256:{process.sha256}"] if process.sha256 else [],
        },
        "credentials": {
            **{key: getattr(process, key) for key in _CREDENTIALS},
            "cap_effective": process.capabilities or None,
        },
    }
    if ancestors:
        found["ancestors"] = [_as_json(ancestor) for ancestor in ancestors]
        found["ppid"] = process.parent_pid if ancestors[0].pid is None else ancestors[0].pid
    return found


_CREDENTIALS: Final = ("uid", "gid", "euid", "egid", "fsuid", "fsgid", "auid")
