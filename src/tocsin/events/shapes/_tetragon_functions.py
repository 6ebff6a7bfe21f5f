"""What a function in the kernel that a Tetragon policy watches was called for.

The arguments tell most of it: a socket has two ends, a file a path. The name of the function
decides what was done with them.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes._secl_events import Address
from tocsin.events.shapes._sensor_calls import call_of
from tocsin.events.shapes._sensor_ecs import address, end, file_of, integer
from tocsin.events.shapes._values import Object, kept, nested, text_of

_SYSCALL: Final = re.compile(r"(?:__(?:x64|arm64|ia32|s390x|riscv)_)?(?:__)?sys_(\w{1,64})\Z")
_CONNECTS: Final = frozenset(
    {"tcp_connect", "tcp_v4_connect", "tcp_v6_connect", "security_socket_connect",
     "inet_stream_connect", "__inet_stream_connect", "ip4_datagram_connect"}
)  # fmt: skip
_ACCEPTS: Final = frozenset({"inet_csk_accept", "inet_accept", "security_socket_accept"})
_CLOSES: Final = frozenset({"tcp_close", "tcp_disconnect", "inet_release"})
_FILES: Final = {
    # Beginnings of functions: (action, type)
    "security_inode_unlink": ("deletion", "deletion"),
    "security_path_unlink": ("deletion", "deletion"),
    "security_path_rmdir": ("deletion", "deletion"),
    "security_inode_rename": ("rename", "change"),
    "security_path_rename": ("rename", "change"),
    "security_inode_create": ("creation", "creation"),
    "security_path_mkdir": ("creation", "creation"),
    "security_path_mknod": ("creation", "creation"),
    "security_path_symlink": ("creation", "creation"),
    "security_path_chmod": ("permission_change", "change"),
    "security_path_chown": ("owner_change", "change"),
    "security_path_truncate": ("modification", "change"),
    "security_file_open": ("open", "access"),
    "security_mmap_file": ("open", "access"),
    "fd_install": ("open", "access"),
    "vfs_write": ("modification", "change"),
    "vfs_unlink": ("deletion", "deletion"),
}
_MAY_WRITE: Final = 2 | 8
_PROTOCOLS: Final = {"IPPROTO_TCP": ("tcp", "IP_PROTO_TCP"), "IPPROTO_UDP": ("udp", "IP_PROTO_UDP")}
_VERSIONS: Final = {"AF_INET": "ipv4", "AF_INET6": "ipv6"}


class Seen(msgspec.Struct, kw_only=True):
    """What an event was.

    Attributes:
        action: ``event.action``.
        categories: ``event.category``.
        types: ``event.type``.
        more: fields of what it was done to.
        secl: SECL's name of the event; empty for none.
        address: what was connected to.
        is_old: it is told of a process that was there before the sensor.
    """

    action: str | None
    categories: tuple[str, ...]
    types: tuple[str, ...]
    more: Document = {}
    secl: str = ""
    address: Address | None = None
    is_old: bool = False


def seen_by(kind: str, body: Object) -> Seen:
    """What an event of a kind was.

    Args:
        kind: ``process_exec`` and the like.
        body: what stands under it.
    """
    if kind == "process_exec":
        flags = (text_of(nested(body, "process").get("flags")) or "").split()
        if "procFS" in flags and "execve" not in flags:
            return Seen(action="already_running", categories=("process",), types=("info",),
                        secl="exec", is_old=True)  # fmt: skip
        return Seen(action="exec", categories=("process",), types=("start",), secl="exec")
    if kind == "process_exit":
        return Seen(action="end", categories=("process",), types=("end",), secl="exit")
    if kind == "process_loader":
        path = text_of(body.get("path"))
        return Seen(action="load", categories=("library",), types=("start",),
                    more=kept({"dll": kept({"path": path})}))  # fmt: skip
    listed = body.get("args")
    arguments = [a for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []
    name = text_of(body.get("function_name")) or text_of(body.get("event")) or ""
    syscall = _SYSCALL.match(name)
    if syscall is not None:
        name = syscall[1]
    return (
        _socket(name, arguments)
        or _file(name, arguments)
        or Seen(
            action=call_of(name).action or name or None,
            categories=call_of(name).categories,
            types=call_of(name).types,
        )
    )


def _socket(name: str, arguments: list[Object]) -> Seen | None:
    """What was done with a socket; None where no argument is one."""
    told = next((s for a in arguments if (s := nested(a, "sock_arg") or nested(a, "skb_arg"))), {})
    target = next((s for a in arguments if (s := nested(a, "sockaddr_arg"))), {})
    if not told and not target:
        return None
    inbound = name in _ACCEPTS or call_of(name).name in {"accept", "accept4"}
    here = address(told.get("saddr")), integer(told.get("sport"))
    there = address(told.get("daddr")), integer(told.get("dport"))
    if target:
        there = address(target.get("addr")), integer(target.get("port"))
    if inbound:
        here, there = there, here
    protocol, number = _PROTOCOLS.get(text_of(told.get("protocol")) or "", (None, None))
    called = text_of(target.get("family")) or text_of(told.get("family"))
    network = {
        "transport": protocol,
        "type": _VERSIONS.get(called or ""),
        "direction": "ingress" if inbound else "egress",
    }
    more = kept({"source": end(*here), "destination": end(*there), "network": kept(network)})
    if name in _CONNECTS or name == "connect":
        reached = Address(ip=there[0], port=there[1], family=called, protocol=number)
        return Seen(action="connection_attempted", categories=("network",), more=more,
                    types=("connection", "start"), secl="connect", address=reached)  # fmt: skip
    if inbound:
        return Seen(action="connection_accepted", categories=("network",), more=more,
                    types=("connection", "start"))  # fmt: skip
    closed = name in _CLOSES
    return Seen(action="disconnect_received" if closed else name, categories=("network",),
                types=("connection", "end" if closed else "info"), more=more)  # fmt: skip


def _file(name: str, arguments: list[Object]) -> Seen | None:
    """What was done with a file; None where no argument names one."""
    path = next((p for a in arguments if (p := _path(a))), None)
    if path is None:
        return None
    call = call_of(name)
    if "file" in call.categories:
        action, kind = call.action, call.types[0]
    elif name == "security_file_permission":
        asked = next((n for a in arguments if (n := integer(a.get("int_arg"))) is not None), 0)
        writes = bool(asked & _MAY_WRITE)
        action, kind = ("modification", "change") if writes else ("open", "access")
    elif name in _FILES:
        action, kind = _FILES[name]
    else:
        return None
    more = {"file": file_of(path)}
    return Seen(action=action, categories=("file",), types=(kind,), more=more)


def _path(argument: Object) -> str | None:
    for key in ("file_arg", "path_arg", "linux_binprm_arg"):
        path = text_of(nested(argument, key).get("path"))
        if path:
            return path
    text = text_of(argument.get("string_arg"))
    return text if text and text.startswith("/") else None
