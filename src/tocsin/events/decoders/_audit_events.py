"""The records of one audit event → one document, as Auditbeat and Elastic's integrations have it.

* ``process.*``, ``user.*``, ``file.*``, ``destination.*`` and ``event.*`` in ECS, ``auditd.data.*``
  for the rest of the SYSCALL record or of the message, ``auditd.paths``, ``auditd.summary``,
  ``auditd.session``, ``tags`` (and ``auditd.key``) for the keys of the audit rule;
* ``auditd.log.*``: the same under the names of the integration that reads the file;
* ``auditd.record``: every record with its fields as they were written (``type``, ``a0``, ``comm``,
  ``name`` …, decoded; ``SYSCALL`` and the like where the log is enriched, or a table knows them),
  for rules that ask for those. Together they read as fields with many values
  (``auditd.record.a0``); one by one they are objects;
* ``secl.*`` for programs that were executed and for connections (`shapes._secl_events`).

Beyond Auditbeat: ``process.command_line``, ``process.args_count``, ``process.tty.name`` and
``process.interactive`` (``tty`` of a syscall), ``destination.address``, and ``host.id``: the node,
or the file that the log was in, since rules count and join by it. Events are where Elastic's agent
would put them (``data_stream``) and where Auditbeat would (``_index``); a connection is where
Elastic Defend's would be instead of the latter, so that rules for endpoints see it.

Format: https://www.elastic.co/docs/reference/beats/auditbeat/auditbeat-module-auditd
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.decoders._audit_actions import (
    Meaning,
    category_of,
    record_meaning,
    syscall_meaning,
)
from tocsin.events.decoders._audit_fields import auditd_fields
from tocsin.events.decoders._audit_records import (
    AuditRecord,
    Fields,
    arguments,
    socket_address,
)
from tocsin.events.decoders._audit_tables import architecture, syscall_name
from tocsin.events.decoders._audit_users import users
from tocsin.events.record import Document
from tocsin.events.shapes._secl_events import Address, Process, secl_event
from tocsin.events.shapes._sensor_ecs import (
    address,
    ecs_process,
    end,
    file_of,
    integer,
    placed,
    written,
)
from tocsin.events.shapes._values import kept

Object = dict[str, Any]

_DATASET: Final = "auditd_manager.auditd"
_AUDITBEAT: Final = "auditbeat-default"
_OWN: Final = frozenset({"PATH", "SOCKADDR", "EXECVE"})
_INBOUND: Final = frozenset({"recvfrom", "recvmsg", "accept", "accept4"})
_OUTBOUND: Final = frozenset({"connect", "sendto", "sendmsg"})
_EXECUTED: Final = frozenset({"execve", "execveat"})
_LATER_PATH: Final = {"mkdir": 1, "mkdirat": 1, "mount": 1, "rename": 2, "renameat": 2,
                      "renameat2": 2}  # fmt: skip
_NO_FILE: Final = frozenset({"PARENT", "UNKNOWN"})
_SOURCES: Final = frozenset(
    {"USER_LOGIN", "USER_ERR", "USER_START", "CRYPTO_KEY_USER", "CRYPTO_SESSION"}
)
_NO_TTY: Final = frozenset({"", "(none)"})
_RESULTS: Final = {"success": "success", "fail": "failure"}


def document(records: list[AuditRecord], host: str) -> Document:
    """The event that some records are about.

    Args:
        records: of one event, in the order in which they came; at least one.
        host: what to call a host that they do not name.
    """
    name_syscalls(records)
    first = next((r for r in records if r.type == "SYSCALL"), records[0])
    leading = records[0]
    argv = arguments(records)
    _replace_pieces(records, argv)
    fields = _together(records, first)
    called = _syscall(first, argv)
    meanings = _meanings(leading, called, fields)
    process = _process(fields, argv, called)
    socket = next((socket_address(r) for r in records if r.type == "SOCKADDR"), {})
    paths = [r.fields for r in records if r.type == "PATH"]
    result = _result(fields)
    categories = _each(c for meaning in meanings for c in meaning.categories)
    if not categories:
        categories = [c for c in (category_of(leading.number),) if c]
    time = _time(leading.time)
    found: Document = {
        "@timestamp": time,
        "event": kept(
            {
                "kind": "event",
                "category": categories,
                "type": _each(t for meaning in meanings for t in meaning.types),
                "action": meanings[0].action,
                "outcome": _RESULTS.get(result, "unknown"),
                "module": "auditd",
                "dataset": _DATASET,
                "sequence": int(leading.serial),
            }
        ),
        "host": _host(leading.node, host, fields),
        "process": _ecs_process(process, fields),
        **users(leading, fields),
        **_network(called, socket, leading, fields),
    }
    meaning = next((m for m in meanings if m.has_file), None)
    if meaning is not None:
        found["file"] = _file(paths, meaning)
    keys = [key for key in fields.get("key", "").split("\x01") if key]
    found["tags"] = [key.removeprefix("key=") for key in keys]
    found["auditd"] = auditd_fields(leading, records, fields, found, socket, result)
    found.update(placed(_DATASET, ["network"] if called == "connect" else []))
    found.setdefault("_index", _AUDITBEAT)
    found["secl"] = _secl(called, process, fields, socket, time, found["host"].get("name"))
    return kept(found)


def _each(values: Any) -> list[str]:
    return list(dict.fromkeys(values))


def _time(text: str) -> str | None:
    seconds, _, fraction = text.partition(".")
    return written(int(seconds) * 10**9 + int(fraction.ljust(9, "0")), len(fraction))


def _replace_pieces(records: list[AuditRecord], argv: list[str]) -> None:
    """Arguments that came in pieces, whole on the first record that has any."""
    holder = next((record for record in records if record.pieces), None)
    if holder is not None and any("[" in key for r in records for key, _, _ in r.pieces):
        for record in records:
            for key, _, _ in record.pieces:
                record.fields.pop(key, None)
        holder.fields.update((f"a{number}", value) for number, value in enumerate(argv))


def _together(records: list[AuditRecord], first: AuditRecord) -> Fields:
    """The fields of all records that describe the event itself; the SYSCALL's come first."""
    found = dict(first.fields) if first.type not in _OWN else {}
    for record in records:
        if record is not first and record.type not in _OWN:
            for key, value in record.fields.items():
                found.setdefault(key, value)
        elif record.type == "EXECVE" and "argc" in record.fields:
            found.setdefault("argc", record.fields["argc"])
    return found


def _syscall(first: AuditRecord, argv: list[str]) -> str:
    """The name of the syscall; empty for none."""
    name = first.fields.get("SYSCALL") or first.fields.get("syscall", "")
    # Where the SYSCALL record is lost, arguments still tell what was called.
    return name if first.type in {"SYSCALL", "SECCOMP"} else "execve" if argv else ""


def name_syscalls(records: list[AuditRecord]) -> None:
    """Gives records the name of their syscall, as auditd does in enriched logs."""
    for record in records:
        number = record.fields.get("syscall", "")
        if "SYSCALL" not in record.fields and number.isdecimal() and len(number) < 12:
            name = syscall_name(record.fields.get("arch", ""), int(number))
            if name is not None:
                record.fields["SYSCALL"] = name


def _meanings(leading: AuditRecord, called: str, fields: Fields) -> list[Meaning]:
    """What happened, the most telling first; a message may have come of a syscall."""
    syscall = [syscall_meaning(called)] if called else []
    if syscall and leading.type in {"SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE", "SOCKADDR"}:
        return syscall
    return [record_meaning(leading.type, fields), *syscall]


def _result(fields: Fields) -> str:
    told = fields.get("success") or fields.get("res") or fields.get("result")
    if told is None:
        return "unknown"
    said = told.lower()
    return "success" if said in {"yes", "1"} or said.startswith("suc") else "fail"


def _host(node: str, fallback: str, fields: Fields) -> Object:
    arch = fields.get("ARCH") or architecture(fields.get("arch", ""))
    return kept(
        {
            "name": node,
            "hostname": node,
            "id": node or fallback,
            "architecture": arch,
            "os": {"type": "linux"},
        }
    )


# --- who did it -----------------------------------------------------------------------------------


def _process(fields: Fields, argv: list[str], called: str) -> Process:
    tty = fields.get("tty")
    named = fields.get("UID")
    ids = fields if called else {}  # those of a message may be another's than the process's
    return Process(
        pid=integer(fields.get("pid")),
        parent_pid=integer(fields.get("ppid")),
        comm=fields.get("comm"),
        path=fields.get("exe"),
        argv0=argv[0] if argv else None,
        arguments=argv[1:],
        directory=fields.get("cwd"),
        tty=None if tty is None or tty in _NO_TTY else tty,
        interactive=None if tty is None else tty not in _NO_TTY,
        user=None if named == "unset" else named,
        group=fields.get("GID"),
        uid=integer(ids.get("uid")),
        gid=integer(ids.get("gid")),
        euid=integer(ids.get("euid")),
        egid=integer(ids.get("egid")),
        fsuid=integer(ids.get("fsuid")),
        fsgid=integer(ids.get("fsgid")),
        auid=integer(ids.get("auid")),
    )


def _ecs_process(process: Process, fields: Fields) -> Object:
    found = ecs_process(process)
    for key in ("user", "real_user", "group", "real_group"):  # Auditbeat's stand in `user`
        found.pop(key, None)
    return kept({**found, "title": fields.get("proctitle")})


def _secl(
    called: str,
    process: Process,
    fields: Fields,
    socket: Fields,
    time: str | None,
    host: str | None,
) -> Object:
    """Executions that succeeded and connections that were tried, as Datadog's Agent tells them."""
    if called in _EXECUTED and _result(fields) != "fail":
        return secl_event("exec", process, time=time, host=host)
    if called == "connect" and socket:
        families = {"ipv4": "AF_INET", "ipv6": "AF_INET6", "unix": "AF_UNIX"}
        said = socket.get("family", "")
        target = Address(
            ip=address(socket.get("addr")),
            port=integer(socket.get("port")),
            family=families.get(said) or integer(said),
            result=integer(fields.get("exit")),
        )
        return secl_event("connect", process, time=time, host=host, address=target)
    return {}


# --- what it was done to --------------------------------------------------------------------------


def _network(called: str, socket: Fields, leading: AuditRecord, fields: Fields) -> Document:
    if socket and called in _INBOUND | _OUTBOUND:
        inbound = called in _INBOUND
        side = end(address(socket.get("addr")), integer(socket.get("port")), socket.get("path"))
        side.pop("domain", None)
        return {
            "source" if inbound else "destination": side,
            "network": {"direction": "ingress" if inbound else "egress"},
        }
    if leading.type in _SOURCES and "addr" in fields:
        return {
            "source": end(address(fields["addr"]), None) or {"address": fields["addr"]},
            "network": {"direction": "ingress"},
        }
    return {}


def _file(paths: list[Fields], meaning: Meaning) -> Object:
    """The one that the event is about, of those that its PATH records name."""
    if not paths:
        return {}
    start = _LATER_PATH.get(meaning.name, 0)
    start = start if start < len(paths) else 0
    path = next(
        (p for p in paths[start:] if p.get("nametype", "NORMAL") not in _NO_FILE), paths[start]
    )
    mode = path.get("mode", "")
    return kept(
        {
            **file_of(path.get("name")),
            "inode": path.get("inode"),
            "device": path.get("rdev"),
            "mode": f"{int(mode, 8) & 0o777:04o}" if _is_octal(mode) else None,
            "uid": path.get("ouid"),
            "gid": path.get("ogid"),
            "owner": path.get("OUID"),
            "group": path.get("OGID"),
        }
    )


def _is_octal(text: str) -> bool:
    return 0 < len(text) < 12 and all("0" <= digit <= "7" for digit in text)
