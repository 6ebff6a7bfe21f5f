"""The ``secl.*`` half of `datadog_cws`: every field of SECL's model that the JSON holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cws_objects import (
    secl_cgroup,
    secl_container,
    secl_family,
    secl_file,
    secl_network,
    secl_socket,
)
from tocsin.events.shapes._cws_values import (
    bool_of,
    date_value,
    int_of,
    number_of,
    numbers_of,
    put,
    put_array,
    texts_of,
)
from tocsin.events.shapes._values import Object, nested, text_of
from tocsin.logic.field_types import date_of

_FILE_EVENTS: Final = frozenset(
    {
        "open", "chmod", "chown", "link", "rename", "unlink", "utimes", "mkdir", "rmdir",
        "setxattr", "removexattr", "mmap", "chdir", "splice", "load_module", "cgroup_write",
        "create", "write", "delete",
    }
)  # fmt: skip
_NUMBERS: Final = {
    # SECL's fields that are enumerations or plain numbers, by event: field → JSON path.
    "mmap": {"protection": "mmap.protection", "flags": "mmap.flags"},
    "mprotect": {"req_protection": "mprotect.req_protection",
                 "vm_protection": "mprotect.vm_protection"},
    "ptrace": {"request": "ptrace.request"},
    "signal": {"type": "signal.type", "pid": "signal.pid"},
    "splice": {"pipe_entry_flag": "splice.pipe_entry_flag",
               "pipe_exit_flag": "splice.pipe_exit_flag"},
    "setsockopt": {key: f"setsockopt.{key}" for key in (
        "level", "optname", "socket_family", "socket_protocol", "socket_type", "filter_len")},
    "prctl": {"option": "prctl.option"},
    "exit": {"cause": "exit.cause", "code": "exit.code"},
    "cgroup_write": {"pid": "cgroup_write.pid"},
    "setrlimit": {key: f"setrlimit.{key}" for key in ("resource", "rlim_cur", "rlim_max")},
    "capabilities": {"attempted": "capabilities.caps_attempted", "used": "capabilities.caps_used"},
    "open": {"flags": "file.flags"},
    "unlink": {"flags": "file.flags"},
    "bpf": {"cmd": "bpf.cmd"},
    "sysctl": {"action": "sysctl.action", "file_position": "sysctl.file_position"},
}  # fmt: skip
_TEXTS: Final = {
    "prctl": {"new_name": "prctl.new_name"},
    "mount": {"fs_type": "mount.fs_type"},
    "load_module": {"name": "module.name"},
    "unload_module": {"name": "module.name"},
    "sysctl": {key: f"sysctl.{key}" for key in ("name", "value", "old_value")},
    "setsockopt": {key: f"setsockopt.{key}" for key in ("filter_hash", "filter_instructions")},
}
_CREDENTIALS: Final = {
    "setuid": (("uid", "euid", "fsuid"), ("user", "euser", "fsuser")),
    "setgid": (("gid", "egid", "fsgid"), ("group", "egroup", "fsgroup")),
}


def secl_fields(body: Document, document: Document) -> Object:
    """Everything under ``secl``.

    Args:
        body: the event's JSON.
        document: the log around it, or the same.
    """
    name = text_of(nested(body, "evt").get("name")) or ""
    found: Object = {"evt": {"name": name}, "event": _event(body, document)}
    own, date = nested(body, "process"), date_value(body)
    put(found, "now", None if date is None else date_of(date))
    container = secl_container(nested(body, "container") or nested(own, "container"))
    if container is not None:
        put_array(container, "tags", _tags(document))
        found["container"] = container
    put(found, "cgroup", secl_cgroup(nested(body, "cgroup") or nested(own, "cgroup")))
    put(found, "network", secl_network(nested(body, "network")) or None)
    process = secl_family(own, body)
    if process:
        found["process"] = process
    specific = _specific(name, body, process)
    if specific and name not in found and "." not in name:
        found[name] = specific
    return found


def _event(body: Document, document: Document) -> Object:
    agent = nested(body, "agent")
    found: Object = {"source": "runtime"}
    put(found, "origin", text_of(agent.get("origin")))
    put(found, "os", text_of(agent.get("os")))
    put(found, "async", bool_of(nested(body, "evt").get("async")))
    put(found, "service", text_of(document.get("service")))
    put(found, "hostname", text_of(document.get("host")) or text_of(document.get("hostname")))
    date = date_value(body)
    put(found, "timestamp", None if date is None else date_of(date))
    return found


def _tags(document: Document) -> list[str]:
    listed = texts_of(document.get("tags"))
    written = text_of(document.get("ddtags"))
    return listed or ([tag.strip() for tag in written.split(",")] if written else [])


def _at(body: Document, path: str) -> Any:
    *keys, last = path.split(".")
    return nested(body, *keys).get(last)


def _specific(name: str, body: Document, process: Object) -> Object:
    """The event's own object: ``exec.*``, ``open.*`` and the like."""
    found: Object = {}
    if name in {"exec", "exit"}:
        # In an exec event the process is the new image: both read the same.
        found.update((k, v) for k, v in process.items() if not k.startswith(("parent", "ancest")))
        file = secl_file(nested(body, "file"))
        if file:
            found["file"] = {**found.get("file", {}), **file}
    elif name in _FILE_EVENTS:
        put(found, "file", _event_file(body) or None)
    for field, path in _NUMBERS.get(name, {}).items():
        put(found, field, number_of(_at(body, path)))
    for field, path in _TEXTS.get(name, {}).items():
        put(found, field, text_of(_at(body, path)))
    build = _BUILDERS.get(name)
    if build is not None:
        found.update(build(body))
    called = text_of(nested(body, "syscall", name).get("path"))
    put(found, "syscall", {"path": called} if called else None)
    return found


def _event_file(body: Document) -> Object:
    file = nested(body, "file")
    found = secl_file(file)
    destination = nested(file, "destination")
    target = secl_file(destination)
    put(target, "name", text_of(file.get("attribute_name")))
    put(target, "namespace", text_of(file.get("attribute_namespace")))
    if target:
        found["destination"] = target
    return found


def _mount(body: Document) -> Object:
    mount, found = nested(body, "mount"), Object()
    for side in ("mountpoint", "source", "root"):
        # The JSON's keys have a dot in them.
        path = text_of(mount.get(f"{side}.path")) or text_of(nested(mount, side).get("path"))
        put(found, side, {"path": path} if path else None)
    return found


def _bpf(body: Document) -> Object:
    bpf, found = nested(body, "bpf"), Object()
    program, table = nested(bpf, "program"), nested(bpf, "map")
    details: Object = {}
    for key in ("name", "tag"):
        put(details, key, text_of(program.get(key)))
    for key in ("type", "attach_type"):
        put(details, key, number_of(program.get(key)))
    put_array(details, "helpers", numbers_of(program.get("helpers")))
    put(found, "prog", details or None)
    mapped: Object = {}
    put(mapped, "name", text_of(table.get("name")))
    put(mapped, "type", number_of(table.get("type")))
    put(found, "map", mapped or None)
    return found


def _module(body: Document) -> Object:
    module, found = nested(body, "module"), Object()
    arguments = texts_of(module.get("argv")) or texts_of(module.get("args"))
    put(found, "args", text_of(module.get("args")) or " ".join(arguments) or None)
    put_array(found, "argv", arguments, indexed=True)
    put(found, "loaded_from_memory", bool_of(module.get("loaded_from_memory")))
    return found


def _dns(body: Document) -> Object:
    dns, found = nested(body, "dns"), Object()
    question, details = nested(dns, "question"), Object()
    put(found, "id", int_of(dns.get("id")))
    put(details, "name", text_of(question.get("name")))
    for key in ("type", "class"):
        put(details, key, number_of(question.get(key)))
    put(details, "length", int_of(question.get("size")))
    put(details, "count", int_of(question.get("count")))
    put(found, "question", details or None)
    code = int_of(nested(dns, "response").get("code"))
    put(found, "response", None if code is None else {"code": code})
    return found


def _imds(body: Document) -> Object:
    imds, found = nested(body, "imds"), Object()
    for key in ("type", "cloud_provider", "url", "host", "user_agent", "server"):
        put(found, key, text_of(imds.get(key)))
    aws, details = nested(imds, "aws"), Object()
    put(details, "is_imds_v2", bool_of(aws.get("is_imds_v2")))
    kind = text_of(nested(aws, "security_credentials").get("type"))
    put(details, "security_credentials", {"type": kind} if kind else None)
    put(found, "aws", details or None)
    return found


def _selinux(body: Document) -> Object:
    selinux, found = nested(body, "selinux"), Object()
    for key, fields in (("bool", ("name", "state")), ("enforce", ("status",))):
        values = {f: v for f in fields if (v := text_of(nested(selinux, key).get(f))) is not None}
        put(found, key, values or None)
    state = bool_of(nested(selinux, "bool_commit").get("state"))
    put(found, "bool_commit", None if state is None else {"state": state})
    return found


def _changed_credentials(kind: str) -> Callable[[Document], Object]:
    numbers, names = _CREDENTIALS[kind]

    def build(body: Document) -> Object:
        target, found = nested(body, "process", "credentials", "destination"), Object()
        for key in numbers:
            put(found, key, int_of(target.get(key)))
        for key in names:
            put(found, key, text_of(target.get(key)))
        return found

    return build


def _capset(body: Document) -> Object:
    target, found = nested(body, "process", "credentials", "destination"), Object()
    for key in ("cap_effective", "cap_permitted"):
        put(found, key, number_of(target.get(key)))
    return found


def _target(*path: str) -> Callable[[Document], Object]:
    def build(body: Document) -> Object:
        found = secl_family(nested(body, *path), {})
        return {path[-1]: found} if found else {}

    return build


def _flows(body: Document) -> Object:
    listed = nested(body, "network_flow_monitor").get("flows")
    flows = [f for f in listed if isinstance(f, dict)] if isinstance(listed, list) else []
    return {"flows": [secl_network(flow) for flow in flows], "flows.length": len(flows)}


_BUILDERS: Final[dict[str, Callable[[Document], Object]]] = {
    "accept": lambda body: secl_socket(nested(body, "accept")),
    "bind": lambda body: secl_socket(nested(body, "bind")),
    "bpf": _bpf,
    "capset": _capset,
    "connect": lambda body: secl_socket(nested(body, "connect")),
    "dns": _dns,
    "imds": _imds,
    "load_module": _module,
    "mount": _mount,
    "network_flow_monitor": _flows,
    "packet": lambda body: secl_network(nested(body, "network")),
    "ptrace": _target("ptrace", "tracee"),
    "selinux": _selinux,
    "setgid": _changed_credentials("setgid"),
    "setrlimit": _target("setrlimit", "target"),
    "setuid": _changed_credentials("setuid"),
    "signal": _target("signal", "target"),
}
