"""Tetragon's events as JSON: processes that start and end, and the functions that policies watch.

    {"process_exec": {"process": {"binary": "/usr/bin/curl", "arguments": "-s http://h/", …},
                      "parent": {…}}, "node_name": "web-1", "time": "2026-11-21T20:26:54.470Z"}

Kinds are ``process_exec``, ``process_exit``, ``process_kprobe`` (``tcp_connect``,
``security_file_permission`` …), ``process_tracepoint``, ``process_lsm``, ``process_uprobe``,
``process_usdt`` and ``process_loader``. ``process.*``, ``container.*`` and ``orchestrator.*`` are
those of Elastic's integration, and ``tetragon.*`` holds what has no other place.

* Arguments are one text in which those with spaces stand in quotes; so they can be told apart.
* The kernel's name of a process (SECL's ``comm``) is not in the events: it is that of the binary,
  cut as the kernel cuts it. There is nothing about terminals.
* A ``process_exec`` of a process that ran before Tetragon did (``procFS``) starts nothing.
* ``uid`` is the effective user, unless the credentials are there and tell both.
* Environment variables, and bytes that were read or written, are left out: they may be secrets.

Format: https://tetragon.io/docs/reference/grpc-api/
"""

from __future__ import annotations

import re
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cws_values import bool_of, texts_of
from tocsin.events.shapes._secl_events import Process, comm_of, secl_event
from tocsin.events.shapes._sensor_ecs import base_of, family, host, integer, placed, pod, utc
from tocsin.events.shapes._tetragon_functions import Seen, seen_by
from tocsin.events.shapes._values import Object, kept, nested, text_of

_DATASET: Final = "tetragon.log"
_KINDS: Final = (
    "process_exec", "process_exit", "process_kprobe", "process_tracepoint", "process_lsm",
    "process_uprobe", "process_usdt", "process_loader",
)  # fmt: skip
_ARGUMENT: Final = re.compile(r'"([^"]* [^"]*)"(?=\s|\Z)|(\S+)')
_KNOWN: Final = ("function_name", "policy_name", "action", "return_action", "message", "tags",
                 "subsys", "event", "path", "symbol", "provider", "signal")  # fmt: skip
_BYTES: Final = frozenset({"bytes_arg", "truncated_bytes_arg"})


MARKS: tuple[bytes, ...] = tuple(f'"{kind}"'.encode() for kind in _KINDS)


def recognises(document: Document) -> bool:
    """Whether the document is an event of Tetragon's."""
    if "time" not in document:
        return False
    kind = next((kind for kind in _KINDS if kind in document), None)
    return kind is not None and isinstance(nested(document, kind).get("process"), dict)


def identity(document: Document) -> bytes:
    """Nothing: an event's bytes say who it is."""
    return b""


def to_ecs(document: Document) -> Document:
    """The event in ECS's names, with ``tetragon.*`` and ``secl.*``."""
    kind = next((kind for kind in _KINDS if kind in document), "")
    body = nested(document, kind)
    own = nested(body, "process")
    ancestors = _ancestors(body)
    process = _process(own, ancestors)
    process.exit_code = integer(body.get("status")) if kind == "process_exit" else None
    seen = seen_by(kind, body)
    time, name = utc(document.get("time")), text_of(document.get("node_name"))
    cluster = text_of(document.get("cluster_name"))
    found: Document = {
        "@timestamp": time,
        "event": kept(
            {
                "kind": "event",
                "category": list(seen.categories),
                "type": list(seen.types),
                "action": seen.action,
                "module": "tetragon",
                "dataset": _DATASET,
            }
        ),
        "rule": kept({"name": text_of(body.get("policy_name"))}),
        "message": text_of(body.get("message")),
        "host": host(name),
        **family(process, ancestors, base_of(process.path)),
        "container": _container(own),
        **_pod(nested(own, "pod"), cluster),
        **seen.more,
        "tetragon": _tetragon(kind, body, own),
        **placed(_DATASET, list(seen.categories)),
    }
    if process.path and process.argv0 is None and not process.arguments:
        found["process"]["args"] = [process.path]
    found["secl"] = _secl(seen, process, ancestors, time, name, found["container"].get("id"))
    return kept(found)


# --- processes ------------------------------------------------------------------------------------


def _process(own: Object, ancestors: list[Process]) -> Process:
    path, text = text_of(own.get("binary")), text_of(own.get("arguments"))
    credentials = nested(own, "process_credentials")
    uid = integer(own.get("uid"))
    real = integer(credentials.get("uid"))
    properties = nested(own, "binary_properties")
    inode = nested(properties, "file", "inode")
    capabilities = texts_of(nested(own, "cap").get("effective"))
    return Process(
        pid=integer(own.get("pid")),
        parent_pid=ancestors[0].pid if ancestors else None,
        tid=integer(own.get("tid")),
        comm=comm_of(path),
        path=path,
        arguments=split(text or ""),
        command_line=f"{path} {text}" if path and text else path,
        directory=text_of(own.get("cwd")),
        start=utc(own.get("start_time")),
        entity_id=text_of(own.get("exec_id")),
        uid=uid if real is None else real,
        gid=integer(credentials.get("gid")),
        euid=uid if real is None else integer(credentials.get("euid")),
        egid=integer(credentials.get("egid")),
        fsuid=integer(credentials.get("fsuid")),
        fsgid=integer(credentials.get("fsgid")),
        auid=integer(own.get("auid")),
        user=text_of(nested(own, "user").get("name")),
        capabilities=[_capability(name) for name in capabilities],
        inode=integer(inode.get("number")),
    )


def _capability(name: str) -> str:
    """Two names lack their beginning."""
    return name if name.startswith("CAP_") else f"CAP_{name}"


def split(text: str) -> list[str]:
    """The arguments that Tetragon wrote into one text.

    >>> split('-c "echo  hi" "x"')
    ['-c', 'echo  hi', '"x"']
    """
    return [quoted or plain for quoted, plain in _ARGUMENT.findall(text)]


def _ancestors(body: Object) -> list[Process]:
    """The parent and those before it."""
    listed = body.get("ancestors")
    further = [a for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []
    parent = nested(body, "parent")
    return [_process(one, []) for one in ([parent] if parent else []) + further]


# --- where it runs --------------------------------------------------------------------------------


def _container(own: Object) -> Object:
    container = nested(own, "pod", "container")
    runtime, mark, identity = (text_of(container.get("id")) or "").rpartition("://")
    image = nested(container, "image")
    digest = text_of(image.get("id"))
    return kept(
        {
            "id": identity or text_of(own.get("docker")),
            "runtime": runtime if mark else None,
            "name": text_of(container.get("name")),
            "image": kept(
                {
                    "name": text_of(image.get("name")),
                    "hash": kept({"all": [digest] if digest else []}),
                }
            ),
            "security_context": kept(
                {"privileged": bool_of(nested(container, "security_context").get("privileged"))}
            ),
        }
    )


def _pod(told: Object, cluster: str | None) -> Document:
    found = pod(told.get("namespace"), told.get("name"), told.get("uid"), told.get("pod_labels"))
    if found and cluster:
        found["orchestrator"]["cluster"] = {"name": cluster}
    kind = text_of(told.get("workload_kind"))
    if found and kind:
        found["orchestrator"]["resource"]["parent"] = {"type": kind}
    return found


def _tetragon(kind: str, body: Object, own: Object) -> Object:
    """What has no other place, without what may be a secret."""
    flags = text_of(own.get("flags"))
    return kept(
        {
            "type": kind,
            **{key: body.get(key) for key in _KNOWN},
            "args": [_without_bytes(argument) for argument in _objects(body.get("args"))],
            "return": _without_bytes(nested(body, "return")),
            "process": kept(
                {
                    "flags": flags.split() if flags else [],
                    "in_init_tree": bool_of(own.get("in_init_tree")),
                    "parent_exec_id": text_of(own.get("parent_exec_id")),
                }
            ),
        }
    )


def _objects(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _without_bytes(argument: Object) -> Object:
    return {key: value for key, value in argument.items() if key not in _BYTES}


def _secl(
    seen: Seen,
    process: Process,
    ancestors: list[Process],
    time: str | None,
    host: str | None,
    container: str | None,
) -> Object:
    if not seen.secl:
        return {}
    found = secl_event(
        seen.secl,
        process,
        time=time,
        host=host,
        container=container,
        ancestors=ancestors,
        address=seen.address,
    )
    if seen.is_old:
        found["event"]["source"] = "snapshot"
    return found
