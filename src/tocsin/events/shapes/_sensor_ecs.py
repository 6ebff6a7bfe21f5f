"""The ECS half of what host sensors say: processes, ends of a connection, hosts, containers, times.

An event of Falco, Tetragon or Tracee stands in for Elastic Defend's of the same kind, whose rules
see it where it has what they ask for: besides the data stream of its own integration it names, as
``_index``, that of the endpoint (`placed`), and its actions are those of the endpoint.

Fields: https://www.elastic.co/docs/reference/ecs
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cws_values import int_of
from tocsin.events.shapes._secl_events import UNSET, Process
from tocsin.events.shapes._values import Object, kept, nested
from tocsin.logic.field_types import date_of

_UTC_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z\Z")
_FRACTION: Final = re.compile(r"\.(\d{1,9})")
_ENDPOINT: Final = frozenset({"process", "network", "file"})
_SECOND: Final = 1_000_000_000
_FIRST_TIME: Final = 100_000_000 * _SECOND
"""Nanoseconds below this count from the start of a machine."""
_NUMBER: Final = re.compile(r"-?\d{1,19}\Z")


def integer(value: Any) -> int | None:
    """A number, or the text of one."""
    if isinstance(value, str):
        return int_of(int(value)) if _NUMBER.match(value) and value.isascii() else None
    return int_of(value)


def address(value: Any) -> str | None:
    """An IP address; one of IPv4 mapped into IPv6 as the former.

    >>> address("::ffff:169.254.169.254"), address("web-1")
    ('169.254.169.254', None)
    """
    if not isinstance(value, str) or len(value) > 60:
        return None
    try:
        parsed = ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


# --- times ----------------------------------------------------------------------------------------


def utc(value: Any) -> str | None:
    """A time in RFC 3339 and UTC, with the digits that it came with; None for what is none.

    Numbers are nanoseconds since the epoch.

    >>> utc("2026-11-21T21:26:54.490+01:00"), utc(1795292814490000000)
    ('2026-11-21T20:26:54.490Z', '2026-11-21T20:26:54.490000000Z')
    """
    if isinstance(value, str) and not _NUMBER.match(value):
        nanos = date_of(value) if len(value) >= len("2026-11-21T20:26") else None
        if nanos is None or _UTC_TIME.match(value):
            return None if nanos is None else value
        fraction = _FRACTION.search(value)
        return written(nanos, len(fraction[1]) if fraction else 0)
    number = integer(value)
    return None if number is None or number < _FIRST_TIME else written(number, 9)


def written(nanos: int, digits: int) -> str | None:
    """Nanoseconds since the epoch in RFC 3339, to so many decimal places."""
    seconds, rest = divmod(nanos, _SECOND)
    try:
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    except OverflowError:
        return None
    fraction = f".{rest:09d}"[: digits + 1] if digits else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


# --- processes and users --------------------------------------------------------------------------


def ecs_process(process: Process, name: str | None = None) -> Object:
    """A process as ECS has it; `name` where it is not what the kernel calls it."""
    first = process.argv0 or process.path or process.comm
    told = process.argv0 or process.arguments
    arguments = [first, *process.arguments] if first and told else []
    tty = process.tty
    return kept(
        {
            "pid": process.pid,
            "name": name or process.comm,
            "executable": process.path,
            "args": arguments,
            "args_count": len(arguments) or None,
            "command_line": process.command_line or " ".join(arguments),
            "working_directory": process.directory,
            "start": process.start,
            "entity_id": process.entity_id,
            "exit_code": process.exit_code,
            "hash": kept({"sha256": process.sha256}),
            "interactive": process.interactive,
            "tty": {"name": tty} if tty else None,
            "user": ecs_user(process),
            "real_user": kept({"id": _id(_either(process.uid, process.euid))}),
            "group": _group(process),
            "real_group": kept({"id": _id(_either(process.gid, process.egid))}),
            "thread": kept(
                {"id": process.tid, "capabilities": kept({"effective": process.capabilities})}
            ),
            "parent": kept({"pid": process.parent_pid}),
        }
    )


def ecs_user(process: Process) -> Object:
    """Whose rights a process has: the effective user.

    Where only one user is told, it is the real one too: rules ask whether the two differ.
    """
    number = _either(process.euid, process.uid)
    named = number is None or process.uid in (None, number)
    return kept({"id": _id(number), "name": process.user if named else None})


def _group(process: Process) -> Object:
    number = _either(process.egid, process.gid)
    named = number is None or process.gid in (None, number)
    return kept({"id": _id(number), "name": process.group if named else None})


def _either(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _id(number: int | None) -> str | None:
    return None if number is None or number in (-1, UNSET) else str(number)


def family(process: Process, ancestors: list[Process], name: str | None = None) -> Document:
    """``process`` with its parent, and ``user``."""
    found = ecs_process(process, name)
    if ancestors:
        parent = ecs_process(ancestors[0], base_of(ancestors[0].path) if name else None)
        found["parent"] = {**found.get("parent", {}), **parent}
    return kept({"process": found, "user": ecs_user(process)})


def base_of(path: str | None) -> str | None:
    """The last part of a path."""
    return (path.rpartition("/")[2] if path else None) or None


# --- the rest -------------------------------------------------------------------------------------


def end(ip: str | None, port: int | None, domain: str | None = None) -> Object:
    """``source`` or ``destination``."""
    return kept({"ip": ip, "address": ip or domain, "port": port, "domain": domain})


def file_of(path: str | None) -> Object:
    """``file``."""
    if not path:
        return {}
    directory, _, name = path.rpartition("/")
    whole = path.startswith("/")
    extension = name.rpartition(".")[2] if "." in name.lstrip(".") else None
    return kept(
        {
            "path": path,
            "name": name,
            "directory": (directory or "/") if whole else directory,
            "extension": extension,
        }
    )


def host(name: str | None) -> Object:
    """``host`` of a Linux machine; what no one has told its id has its name for one."""
    return kept({"name": name, "hostname": name, "id": name, "os": {"type": "linux"}})


def placed(dataset: str, categories: list[str]) -> Document:
    """Where the event is, and where an endpoint's of its kind would be."""
    found: Document = {
        "data_stream": {"type": "logs", "dataset": dataset, "namespace": "default"},
    }
    kind = next((category for category in categories if category in _ENDPOINT), None)
    if kind:
        found["_index"] = f"logs-endpoint.events.{kind}-default"
    return found


def pod(namespace: Any, name: Any, uid: Any = None, labels: Any = None) -> Document:
    """``orchestrator`` and ``kubernetes`` of a pod."""
    texts = [value if isinstance(value, str) else None for value in (namespace, name, uid)]
    if not any(texts):
        return {}
    resource = kept({"name": texts[1], "id": texts[2], "type": "pod"})
    known = {k: v for k, v in nested(labels).items() if isinstance(v, str)}
    return {
        "orchestrator": kept(
            {"type": "kubernetes", "namespace": texts[0], "resource": resource},
        ),
        "kubernetes": kept(
            {
                "namespace": texts[0],
                "pod": kept({"name": texts[1], "uid": texts[2]}),
                "labels": known,
            }
        ),
    }
