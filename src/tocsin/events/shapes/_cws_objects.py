"""Objects of `datadog_cws`'s JSON that occur in several events, as SECL names their fields."""

from __future__ import annotations

from typing import Final

from tocsin.events.record import Document
from tocsin.events.shapes._cws_values import (
    args_flags,
    args_options,
    bool_of,
    int_of,
    is_public,
    number_of,
    put,
    put_array,
    texts_of,
    time_of,
)
from tocsin.events.shapes._values import Object, nested, text_of

_PERMISSIONS: Final = 0o7777


# --- files ------------------------------------------------------------------------------------


def secl_file(file: Object) -> Object:
    """A file, as ``*.file``."""
    found: Object = {}
    path = text_of(file.get("path"))
    name = text_of(file.get("name")) or (path.rpartition("/")[2] or None if path else None)
    put(found, "path", path)
    put(found, "name", name)
    put(found, "extension", _extension(text_of(file.get("extension")), name))
    for key in ("user", "group", "filesystem", "device_path"):
        put(found, key, text_of(file.get(key)))
    for key in ("inode", "mode", "uid", "gid", "mount_id"):
        put(found, key, int_of(file.get(key)))
    if "mode" in found:
        found["rights"] = found["mode"] & _PERMISSIONS
    for key in ("in_upper_layer", "mount_visible", "mount_detached"):
        put(found, key, bool_of(file.get(key)))
    for key in ("modification_time", "change_time"):
        put(found, key, time_of(file.get(key)))
    put_array(found, "hashes", texts_of(file.get("hashes")))
    package = nested(file, "package")
    named = (("name", "package_name"), ("version", "package_version"))
    details = {
        **{key: text_of(package.get(key)) or text_of(file.get(flat)) for key, flat in named},
        **{key: text_of(package.get(key)) for key in ("release", "source_name", "source_version")},
    }
    put(found, "package", {k: v for k, v in details.items() if v is not None} or None)
    return found


def _extension(extension: str | None, name: str | None) -> str | None:
    # Rules write it with its dot: open.file.extension == ".yaml".
    if extension is not None:
        return extension if extension.startswith(".") else f".{extension}"
    _, dot, suffix = (name or "").rpartition(".")
    return f".{suffix}" if dot and suffix else None


# --- processes --------------------------------------------------------------------------------


def secl_process(process: Object, top: Document) -> Object:
    """A process alone, as ``process.*``, ``exec.*``, ``ptrace.tracee.*``."""
    found: Object = {}
    for key in ("pid", "ppid", "tid", "uid", "gid"):
        put(found, key, int_of(process.get(key)))
    for key in ("user", "group", "comm", "argv0", "cmdline"):
        put(found, key, text_of(process.get(key)))
    put(found, "tty_name", text_of(process.get("tty")))
    created = time_of(process.get("exec_time"))
    put(found, "created_at", created or time_of(process.get("fork_time")))
    arguments = texts_of(process.get("args"))
    put(found, "args", " ".join(arguments) or None)
    put_array(found, "argv", arguments, indexed=True)
    put_array(found, "args_flags", list(args_flags(arguments)))
    put_array(found, "args_options", list(args_options(arguments)))
    put_array(found, "envs", texts_of(process.get("envs")))
    for key in ("args_truncated", "envs_truncated", "is_thread", "is_kworker"):
        put(found, key, bool_of(process.get(key)))
    credentials = nested(process, "credentials")
    for key in ("uid", "gid", "euid", "egid", "fsuid", "fsgid", "auid"):
        if key not in found:
            put(found, key, int_of(credentials.get(key)))
    for key in ("euser", "egroup", "fsuser", "fsgroup"):
        put(found, key, text_of(credentials.get(key)))
    for key in ("cap_effective", "cap_permitted"):
        put(found, key, number_of(credentials.get(key)))
    for key in ("caps_attempted", "caps_used"):
        put(found, key, number_of(process.get(key)))
    put(found, "file", secl_file(nested(process, "executable")) or None)
    interpreter = secl_file(nested(process, "interpreter"))
    put(found, "interpreter", {"file": interpreter} if interpreter else None)
    # Where a process does not say, the event does.
    put(
        found, "container", secl_container(nested(process, "container") or nested(top, "container"))
    )
    put(found, "cgroup", secl_cgroup(nested(process, "cgroup") or nested(top, "cgroup")))
    put(found, "user_session", _session(nested(process, "user_session")))
    return found


def secl_family(process: Object, top: Document) -> Object:
    """A process with its parent and its ancestors, of which the parent is the first."""
    found = secl_process(process, top)
    parent, ancestors = lineage(process)
    if ancestors:
        found["ancestors"] = [secl_process(ancestor, {}) for ancestor in ancestors]
        found["ancestors.length"] = len(ancestors)
    if parent:
        found["parent"] = secl_process(parent, top)
    return found


def lineage(process: Object) -> tuple[Object, list[Object]]:
    """The parent and the ancestors; either stands in for the other where it is missing."""
    listed = process.get("ancestors")
    ancestors = [a for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []
    parent = nested(process, "parent") or (ancestors[0] if ancestors else {})
    return parent, ancestors or ([parent] if parent else [])


def secl_container(container: Object) -> Object | None:
    found: Object = {}
    put(found, "id", text_of(container.get("id")))
    put(found, "created_at", time_of(container.get("created_at")))
    put(found, "runtime", text_of(container.get("runtime")))
    return found or None


def secl_cgroup(cgroup: Object) -> Object | None:
    found: Object = {}
    put(found, "id", text_of(cgroup.get("id")))
    put(found, "manager", text_of(cgroup.get("manager")))
    return found or None


def _session(session: Object) -> Object | None:
    found: Object = {}
    for key in (
        "id", "k8s_session_id", "k8s_uid", "k8s_username", "ssh_session_id", "ssh_username",
        "ssh_client_ip", "ssh_public_key",
    ):  # fmt: skip
        put(found, key, text_of(session.get(key)))
    put(found, "ssh_client_port", int_of(session.get("ssh_client_port")))
    put_array(found, "k8s_groups", texts_of(session.get("k8s_groups")))
    return found or None


# --- network ---


def secl_endpoint(address: Object) -> Object:
    found: Object = {}
    ip = text_of(address.get("ip"))
    put(found, "ip", ip)
    put(found, "port", int_of(address.get("port")))
    stated = bool_of(address.get("is_public"))
    put(found, "is_public", is_public(ip) if stated is None and ip else stated)
    return found


def secl_socket(event: Object) -> Object:
    """``connect``, ``accept`` and ``bind``."""
    address = nested(event, "addr")
    found = secl_endpoint(address)
    put(found, "family", number_of(address.get("family")))
    names = texts_of(event.get("hostnames")) or texts_of(address.get("hostname"))
    put_array(found, "hostname", names)
    result: Object = {"addr": found} if found else {}
    put(result, "protocol", number_of(event.get("protocol")))
    return result


def secl_network(network: Object) -> Object:
    found: Object = {}
    for side in ("source", "destination"):
        put(found, side, secl_endpoint(nested(network, side)) or None)
    interface = text_of(nested(network, "device").get("ifname"))
    put(found, "device", {"ifname": interface} if interface else None)
    for key in ("l3_protocol", "l4_protocol", "network_direction"):
        put(found, key, number_of(network.get(key)))
    put(found, "size", int_of(network.get("size")))
    return found
