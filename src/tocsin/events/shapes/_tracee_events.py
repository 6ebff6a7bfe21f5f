"""What Tracee's events tell, by their names: connections, requests, files, processes, findings."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes._cws_values import texts_of
from tocsin.events.shapes._secl_events import Address
from tocsin.events.shapes._sensor_calls import call_of
from tocsin.events.shapes._sensor_ecs import address, end, file_of, integer
from tocsin.events.shapes._values import Object, kept, nested, text_of
from tocsin.events.wire.credentials import redact

_PROCESSES: Final = {
    # name: (action, type, SECL's name)
    "sched_process_exec": ("exec", "start", "exec"),
    "sched_process_fork": ("fork", "start", ""),
    "sched_process_exit": ("end", "end", "exit"),
}
_FILES: Final = {
    # name: (action, type, the value that names the file)
    "security_file_open": ("open", "access", "pathname"),
    "security_inode_unlink": ("deletion", "deletion", "pathname"),
    "security_inode_rename": ("rename", "change", "new_path"),
    "security_inode_mknod": ("creation", "creation", "file_name"),
    "security_inode_symlink": ("creation", "creation", "linkpath"),
    "security_path_notify": ("open", "access", "pathname"),
    "magic_write": ("modification", "change", "pathname"),
    "file_modification": ("modification", "change", "file_path"),
    "vfs_write": ("modification", "change", "pathname"),
    "vfs_writev": ("modification", "change", "pathname"),
    "shared_object_loaded": ("load", "access", "pathname"),
}
_CONNECTS: Final = frozenset({"security_socket_connect", "connect", "net_tcp_connect"})
_ACCEPTS: Final = frozenset({"security_socket_accept", "accept", "accept4"})
_LISTENS: Final = frozenset({"security_socket_bind", "security_socket_listen", "bind", "listen"})
_PATHS: Final = ("pathname", "path", "filename")
_FAMILIES: Final = {1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6"}
_DIRECTIONS: Final = {
    "ingress": "ingress", "incoming": "ingress", "egress": "egress", "outgoing": "egress",
}  # fmt: skip
_LONGEST_TARGET: Final = 64 << 10


class Done(msgspec.Struct, kw_only=True):
    """What an event was.

    Attributes:
        action: ``event.action``.
        categories: ``event.category``.
        types: ``event.type``.
        more: fields of what it was done to.
        secl: SECL's name of the event; empty for none.
        address: what was connected to.
        is_http: it is a request over HTTP.
        is_alert: a signature found it.
        returns: its result says whether it succeeded.
    """

    action: str | None
    categories: tuple[str, ...] = ("process",)
    types: tuple[str, ...] = ("info",)
    more: Document = {}
    secl: str = ""
    address: Address | None = None
    is_http: bool = False
    is_alert: bool = False
    returns: bool = False

    def outcome(self, result: Any) -> str | None:
        """``event.outcome`` by what a system call returned."""
        number = integer(result)
        if not self.returns or number is None:
            return None
        return "success" if number >= 0 else "failure"


def done(name: str, data: Object) -> Done:
    """What an event was.

    Args:
        name: its name.
        data: its own values.
    """
    if name in _PROCESSES:
        action, kind, secl = _PROCESSES[name]
        return Done(action=action, types=(kind,), secl=secl)
    if name in _CONNECTS | _ACCEPTS | _LISTENS:
        return _socket(name, data)
    if name.startswith("net_"):
        return _packet(name, data)
    if name in _FILES:
        action, kind, key = _FILES[name]
        return Done(action=action, categories=("file",), types=(kind,), more=_file(data, key))
    call = call_of(name)
    if not call.action:
        return Done(action=name or None, is_alert="triggeredBy" in data)
    more = {}
    if "file" in call.categories:
        more = _file(data, next((key for key in _PATHS if key in data), "pathname"))
    # The system call behind sched_process_exec: what it becomes is told there.
    return Done(action=call.action, categories=call.categories, types=call.types, more=more,
                returns=True)  # fmt: skip


def _file(data: Object, key: str) -> Document:
    path = text_of(data.get(key))
    before = text_of(data.get("old_path"))
    found = file_of(path)
    if before:
        found["Ext"] = {"original": {"path": before, "name": before.rpartition("/")[2]}}
    return {"file": found} if found else {}


# --- connections ----------------------------------------------------------------------------------


def _socket(name: str, data: Object) -> Done:
    """What was done with a socket."""
    ip, port, family = _address(data)
    names = tuple(texts_of(data.get("dst_dns")) or texts_of(data.get("results")))
    there = end(ip, port, names[0] if names else None)
    if name in _CONNECTS:
        is_tcp = name == "net_tcp_connect"
        reached = Address(
            ip=ip,
            port=port,
            family=family,
            names=names,
            protocol="IP_PROTO_TCP" if is_tcp else None,
        )
        transport = "tcp" if is_tcp else _transport(data)
        network = {"direction": "egress", "type": _version(ip), "transport": transport}
        return Done(
            action="connection_attempted",
            categories=("network",),
            types=("connection", "start"),
            more=kept({"destination": there, "network": kept(network)}),
            secl="connect" if ip or family == "AF_UNIX" else "",
            address=reached,
            returns=name == "connect",
        )
    if name in _ACCEPTS:
        side = "destination" if "local_addr" in data else "source"
        return Done(
            action="connection_accepted",
            categories=("network",),
            types=("connection", "start"),
            more=kept({side: there, "network": {"direction": "ingress"}}),
        )
    more = kept({"source": there})
    return Done(action=name, categories=("network",), types=("start",), more=more)


def _address(data: Object) -> tuple[str | None, int | None, str | None]:
    """The address, port and family that an event names."""
    held = next((nested(data, key) for key in ("remote_addr", "addr", "local_addr")
                 if nested(data, key)), {})  # fmt: skip
    if held:
        said = held.get("sa_family")
        family = text_of(said) or _FAMILIES.get(integer(said) or 0)
        ip = address(held.get("sin_addr")) or address(held.get("sin6_addr"))
        port = integer(held.get("sin_port", held.get("sin6_port")))
        return ip, port, family
    ip = address(data.get("dst")) or address(data.get("src"))
    port = integer(data.get("dst_port"))
    return ip, port, None if ip is None else "AF_INET6" if ":" in ip else "AF_INET"


def _transport(data: Object) -> str | None:
    return {"SOCK_STREAM": "tcp", "SOCK_DGRAM": "udp"}.get(text_of(data.get("type")) or "")


def _version(ip: str | None) -> str | None:
    return None if ip is None else "ipv6" if ":" in ip else "ipv4"


# --- packets --------------------------------------------------------------------------------------


def _packet(name: str, data: Object) -> Done:
    """What was sent."""
    told = nested(data, "metadata") or nested(data, "packet_metadata")
    source = address(data.get("src")) or address(told.get("src_ip"))
    target = address(data.get("dst")) or address(told.get("dst_ip"))
    ports = [integer(data.get(f"{side}_port", told.get(f"{side}_port"))) for side in ("src", "dst")]
    said = text_of(told.get("direction")) or text_of(data.get("conn_direction")) or ""
    direction = _DIRECTIONS.get(said.lower())
    protocol = next((p for p in ("http", "dns", "icmp") if p in name), None)
    transport = next(
        (p for p in ("tcp", "udp") if p in name), "tcp" if protocol == "http" else None
    )
    more = kept(
        {
            "source": end(source, ports[0]),
            "destination": end(target, ports[1]),
            "network": kept(
                {
                    "transport": transport,
                    "protocol": protocol,
                    "type": _version(target),
                    "direction": direction,
                }
            ),
        }
    )
    request = _request(data)
    if request:
        _add_request(more, request)
    return Done(action=name, categories=("network",), types=("connection", "protocol"), more=more,
                is_http=bool(request))  # fmt: skip


def _request(data: Object) -> Object:
    """A request over HTTP; nothing for a response and for anything else."""
    told = next((nested(data, key) for key in ("http_request", "proto_http", "http")
                 if nested(data, key)), {})  # fmt: skip
    is_request = text_of(told.get("method")) and told.get("direction") in (None, "request")
    return told if is_request else {}


def _add_request(more: Document, request: Object) -> None:
    target = text_of(request.get("uri_path")) or text_of(request.get("uri")) or ""
    target = redact(target[:_LONGEST_TARGET])
    path, mark, query = target.partition("?")
    server = nested(more, "destination")
    domain, _, port = (text_of(request.get("host")) or "").partition(":")
    shown = domain or server.get("ip")
    where = f"{shown}:{port}" if port else shown
    more["http"] = {"request": {"method": request["method"]}}
    more["url"] = kept(
        {
            "scheme": "http",
            "domain": shown,
            "path": path,
            "query": query if mark else None,
            "original": target,
            "full": f"http://{where}{target}" if where else None,
        }
    )
    agent = _header(request, "user-agent")
    if agent:
        more["user_agent"] = {"original": agent}
    if domain and server:
        server["domain"] = domain


def _header(request: Object, name: str) -> str | None:
    """The first value of a header."""
    for key, value in nested(request, "headers").items():
        if key.lower() == name:
            values = nested(value).get("header") if isinstance(value, dict) else value
            found = values[0] if isinstance(values, list) and values else values
            return text_of(found)
    return None
