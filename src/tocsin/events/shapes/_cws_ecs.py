"""The ECS half of `datadog_cws`: the same facts under names that other vendors' rules use."""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cws_objects import lineage
from tocsin.events.shapes._cws_values import date_value, texts_of
from tocsin.events.shapes._values import Object, nested, text_of

_KINDS: Final[dict[str, tuple[str, str]]] = {
    # evt.name: (event.category, event.type)
    "exec": ("process", "start"),
    "exit": ("process", "end"),
    **dict.fromkeys(("ptrace", "signal", "prctl", "setrlimit"), ("process", "info")),
    **dict.fromkeys(("setuid", "setgid", "capset", "capabilities"), ("process", "change")),
    "open": ("file", "access"),
    **dict.fromkeys(
        ("chmod", "chown", "utimes", "setxattr", "removexattr", "rename", "write"),
        ("file", "change"),
    ),
    **dict.fromkeys(("link", "mkdir", "create"), ("file", "creation")),
    **dict.fromkeys(("unlink", "rmdir", "delete"), ("file", "deletion")),
    **dict.fromkeys(("chdir", "mount", "splice", "mmap"), ("file", "access")),
    **dict.fromkeys(("connect", "accept", "bind"), ("network", "connection")),
    **dict.fromkeys(("dns", "imds", "packet", "network_flow_monitor"), ("network", "protocol")),
    **dict.fromkeys(("load_module", "unload_module"), ("driver", "start")),
    "set": ("registry", "change"),
}
_OUTCOMES: Final = {"success": "success", "refused": "failure", "error": "failure"}
_HASHES: Final = frozenset({"md5", "sha1", "sha256", "sha512", "ssdeep", "tlsh"})
_DIRECTIONS: Final = {"INGRESS": "ingress", "EGRESS": "egress"}
_TRANSPORTS: Final = {"TCP": "tcp", "UDP": "udp", "ICMP": "icmp", "ICMPV6": "ipv6-icmp"}
_PROTOCOLS: Final = {"dns": "dns", "imds": "http"}
_READ: Final = "response"


def _kept(values: Object) -> Object:
    """Without what the event does not say."""
    return {key: value for key, value in values.items() if value not in (None, {}, [], "")}


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def ecs_fields(body: Document, document: Document) -> Document:
    """The event in ECS's names.

    Args:
        body: the event's JSON.
        document: the log around it, or the same.
    """
    name = text_of(nested(body, "evt").get("name")) or ""
    process = nested(body, "process")
    found: Document = _kept(
        {
            "@timestamp": date_value(body) or date_value(document),
            "host": _host(nested(body, "agent"), document),
            "process": _process_and_parent(process),
            "user": _user(process),
            "container": _container(nested(body, "container") or nested(process, "container")),
            "file": _file(nested(body, "file"), name),
            "tags": texts_of(document.get("tags")),
        }
    )
    found["event"] = _event(nested(body, "evt"), name)
    found.update(_network(body, name))
    return found


def host_name(document: Document) -> str | None:
    """The host that a log says it is of; the event's JSON does not tell."""
    name = document.get("host", document.get("hostname"))
    return text_of(name) or text_of(nested(name).get("name"))


def _event(event: Object, name: str) -> Object:
    category, kind = _KINDS.get(name, ("host", "info"))
    outcome = (text_of(event.get("outcome")) or "").lower()
    return _kept(
        {
            "kind": "event",
            "category": [category],
            "type": [kind],
            "action": name,
            "module": "datadog",
            "dataset": "datadog.cws",
            "outcome": _OUTCOMES.get(outcome, "unknown") if outcome else None,
        }
    )


def _host(agent: Object, document: Document) -> Object:
    name = host_name(document)
    kernel, system = text_of(agent.get("kernel_version")), text_of(agent.get("os"))
    return _kept(
        {
            "name": name,
            "hostname": name,
            "architecture": text_of(agent.get("arch")),
            "os": _kept(
                {
                    "type": system,
                    "platform": system,
                    "full": text_of(agent.get("distribution")),
                    "kernel": kernel,
                }
            ),
        }
    )


def _process_and_parent(process: Object) -> Object:
    found = _process(process)
    parent, _ = lineage(process)
    if parent:
        found["parent"] = _process(parent)
    return found


def _process(process: Object) -> Object:
    executable = nested(process, "executable")
    path, comm = text_of(executable.get("path")), text_of(process.get("comm"))
    name = text_of(executable.get("name")) or (path.rpartition("/")[2] if path else None)
    # ECS counts argv[0] as an argument, Datadog keeps it apart.
    first = text_of(process.get("argv0"))
    arguments = ([first] if first else []) + texts_of(process.get("args"))
    tty = text_of(process.get("tty"))
    found = _kept(
        {
            "pid": _number(process.get("pid")),
            "name": name or comm,
            "executable": path,
            "args": arguments,
            "args_count": len(arguments) or None,
            "command_line": text_of(process.get("cmdline")) or " ".join(arguments),
            "start": text_of(process.get("exec_time")) or text_of(process.get("fork_time")),
            "end": text_of(process.get("exit_time")),
            "env_vars": texts_of(process.get("envs")),
            "hash": _hashes(executable),
            "user": _user(process),
            "group": _group(process),
            "tty": {"name": tty} if tty else None,
        }
    )
    if found:
        found["interactive"] = tty is not None
    return found


def _user(process: Object) -> Object:
    return _identified(process, "uid", "user")


def _group(process: Object) -> Object:
    return _identified(process, "gid", "group")


def _identified(process: Object, id_key: str, name_key: str) -> Object:
    number = _number(process.get(id_key))
    text = None if number is None else str(number)
    return _kept({"id": text, "name": text_of(process.get(name_key))})


def _hashes(file: Object) -> Object:
    pairs = (text.partition(":") for text in texts_of(file.get("hashes")))
    return {kind: value for kind, _, value in pairs if kind in _HASHES and value}


def _container(container: Object) -> Object:
    return _kept({"id": text_of(container.get("id"))})


def _file(file: Object, event: str) -> Object:
    found = _file_alone(file)
    destination = _file_alone(nested(file, "destination"))
    if event in {"rename", "link"} and "path" in destination:
        # ECS's file is what there is afterwards; Elastic keeps the old path in Ext.original.
        original = _kept({"path": found.get("path"), "name": found.get("name")})
        return {**found, **destination, "Ext": {"original": original}}
    return found


def _file_alone(file: Object) -> Object:
    path = text_of(file.get("path"))
    directory, _, base = path.rpartition("/") if path else ("", "", "")
    name = text_of(file.get("name")) or base
    mode = _number(file.get("mode"))
    return _kept(
        {
            "path": path,
            "name": name,
            "directory": (directory or "/") if path and path.startswith("/") else directory,
            "extension": name.rpartition(".")[2] if "." in name.lstrip(".") else None,
            "inode": _text(_number(file.get("inode"))),
            "mode": None if mode is None else f"{mode & 0o7777:04o}",
            "uid": _text(_number(file.get("uid"))),
            "gid": _text(_number(file.get("gid"))),
            "owner": text_of(file.get("user")),
            "group": text_of(file.get("group")),
            "mtime": text_of(file.get("modification_time")),
            "ctime": text_of(file.get("change_time")),
            "hash": _hashes(file),
        }
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


# --- network ----------------------------------------------------------------------------------


def _network(body: Document, name: str) -> Document:
    network = nested(body, "network")
    sides = {side: _endpoint(nested(network, side)) for side in ("source", "destination")}
    if name in {"connect", "accept", "bind"}:
        address = _endpoint(nested(body, name, "addr"))
        domain = next(iter(texts_of(nested(body, name).get("hostnames"))), None)
        side = {"connect": "destination", "accept": "source", "bind": "source"}[name]
        sides[side] = _kept({**address, "domain": domain})
    protocol = text_of(network.get("l4_protocol")) or text_of(nested(body, name).get("protocol"))
    found = _kept(
        {
            **sides,
            "network": _kept(
                {
                    "transport": _TRANSPORTS.get((protocol or "").rpartition("_")[2]),
                    "protocol": _PROTOCOLS.get(name),
                    "direction": _DIRECTIONS.get(text_of(network.get("network_direction")) or ""),
                    "bytes": _number(network.get("size")),
                }
            ),
        }
    )
    if name == "dns":
        found["dns"] = _dns(nested(body, "dns"))
    if name == "imds":
        found.update(_imds(nested(body, "imds")))
    return found


def _endpoint(address: Object) -> Object:
    ip = text_of(address.get("ip"))
    return _kept({"ip": ip, "address": ip, "port": _number(address.get("port"))})


def _dns(dns: Object) -> Object:
    question = nested(dns, "question")
    return _kept(
        {
            "type": "query" if dns.get("is_query") is True else None,
            "question": _kept(
                {
                    "name": text_of(question.get("name")),
                    "type": text_of(question.get("type")),
                    "class": (text_of(question.get("class")) or "").removeprefix("CLASS_"),
                }
            ),
        }
    )


def _imds(imds: Object) -> Document:
    url, host = text_of(imds.get("url")), text_of(imds.get("host"))
    path, _, query = (url or "").partition("?")
    credentials = nested(imds, "aws", "security_credentials")
    agent = text_of(imds.get("user_agent"))
    kind = text_of(imds.get("type"))
    return _kept(
        {
            "cloud": _kept({"provider": text_of(imds.get("cloud_provider"))}),
            "url": _kept({"original": url, "path": path, "query": query, "domain": host}),
            "user_agent": {"original": agent} if agent else None,
            # The Agent never serialises more of a credential than its id.
            "aws": _kept({"access_key_id": text_of(credentials.get("access_key_id"))})
            if kind == _READ
            else None,
        }
    )
