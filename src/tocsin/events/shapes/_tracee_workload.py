"""Where a Tracee event happened: process, container, pod and host, in both forms of the JSON."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes._cws_values import texts_of
from tocsin.events.shapes._secl_events import Process
from tocsin.events.shapes._sensor_ecs import integer, utc
from tocsin.events.shapes._values import Object, kept, nested, text_of

_TERMINALS: Final = ("/dev/pts/", "/dev/tty", "/dev/console")
_VALUES: Final = (
    # How a value of the new form may be called: by protobuf's own JSON, by its type.
    "value", "str", "int32", "int64", "u_int32", "u_int64", "uInt32", "uInt64", "bool", "str_array",
    "strArray", "sockaddr", "http", "http_request", "httpRequest", "http_response", "httpResponse",
)  # fmt: skip


class Workload(msgspec.Struct):
    """Who did it, and where.

    Attributes:
        process: the process.
        ancestors: from the parent on, where they are told.
        container: ``container``.
        pod: namespace, name, uid and labels.
        host: the name of the machine.
    """

    process: Process
    ancestors: list[Process]
    container: Object
    pod: tuple[Any, Any, Any, Any]
    host: str | None


def is_old_form(document: Document) -> bool:
    """Whether the event is in the form of earlier versions."""
    return "eventName" in document


def data_of(document: Document) -> Object:
    """The event's own values by their names."""
    listed = document.get("args" if is_old_form(document) else "data")
    found: Object = {}
    for item in listed if isinstance(listed, list) else ():
        name = text_of(item.get("name")) if isinstance(item, dict) else None
        if name is not None:
            value = next((item[key] for key in _VALUES if key in item), None)
            found[name] = plain(value)
    return found


def plain(value: Any) -> Any:
    """A number or a list out of what protobuf wraps it in."""
    if isinstance(value, dict) and set(value) == {"value"}:
        return value["value"]
    return value


def workload_of(document: Document, data: Object, *, executes: bool) -> Workload:
    """The process and its surroundings.

    Args:
        document: the event.
        data: its own values.
        executes: it tells of a program that is executed.
    """
    found = _old(document) if is_old_form(document) else _new(document)
    if executes:
        _as_executed(found.process, data)
    return found


def _as_executed(process: Process, data: Object) -> None:
    """What the event of an execution says about what the process has become."""
    argv = texts_of(data.get("argv"))
    process.path = text_of(data.get("pathname")) or process.path
    process.argv0 = argv[0] if argv else None
    process.arguments = argv[1:]
    process.command_line = " ".join(argv) or None
    process.inode = integer(data.get("inode"))
    mode = data.get("inode_mode")
    process.mode = integer(mode)
    process.sha256 = text_of(data.get("sha256"))
    told = text_of(data.get("stdin_path"))
    if told is not None:
        process.interactive = told.startswith(_TERMINALS)


# --- the old form ---------------------------------------------------------------------------------


def _old(document: Document) -> Workload:
    container, pod = nested(document, "container"), nested(document, "kubernetes")
    process = Process(
        pid=_first(document, "hostProcessId", "processId"),
        parent_pid=_first(document, "hostParentProcessId", "parentProcessId"),
        tid=_first(document, "hostThreadId", "threadId"),
        comm=text_of(document.get("processName")),
        path=text_of(nested(document, "executable").get("path")),
        uid=integer(document.get("userId")),
        start=utc(document.get("threadStartTime")),
        entity_id=_identity(document.get("processEntityId")),
    )
    identity = text_of(container.get("id")) or text_of(document.get("containerId"))
    image = text_of(container.get("image")) or text_of(document.get("containerImage"))
    return Workload(
        process=process,
        ancestors=[],
        container=kept(
            {
                "id": identity,
                "name": text_of(container.get("name")) or text_of(document.get("containerName")),
                "image": kept({"name": image}),
            }
        ),
        pod=(
            pod.get("podNamespace") or document.get("podNamespace"),
            pod.get("podName") or document.get("podName"),
            pod.get("podUID") or document.get("podUID"),
            None,
        ),
        host=text_of(document.get("hostName")),
    )


def _first(document: Document, *names: str) -> int | None:
    """The first of some numbers that is there and not 0."""
    return next((n for name in names if (n := integer(document.get(name)))), None)


def _identity(value: Any) -> str | None:
    number = integer(value)
    return None if number is None else str(number)


# --- the new form ---------------------------------------------------------------------------------


def _new(document: Document) -> Workload:
    workload = nested(document, "workload")
    own = nested(workload, "process")
    container, image = nested(workload, "container"), nested(workload, "container", "image")
    kubernetes = nested(workload, "k8s")
    pod = nested(kubernetes, "pod") or nested(workload, "pod")
    listed = own.get("ancestors")
    ancestors = (
        [_process(a) for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []
    )
    process = _process(own)
    # Mostly an ancestor is a number alone, and then no ancestor that rules could ask about.
    told = [a for a in ancestors if a.comm or a.path]
    if ancestors:
        process.parent_pid = ancestors[0].pid
    return Workload(
        process=process,
        ancestors=told if told and told[0] is ancestors[0] else [],
        container=kept(
            {
                "id": text_of(container.get("id")),
                "name": text_of(container.get("name")),
                "image": kept({"name": text_of(image.get("name"))}),
            }
        ),
        pod=(
            nested(kubernetes, "namespace").get("name"),
            pod.get("name"),
            pod.get("uid"),
            pod.get("labels"),
        ),
        host=text_of(document.get("hostName")) or text_of(document.get("hostname")),
    )


def _process(own: Object) -> Process:
    thread = nested(own, "thread")
    return Process(
        pid=integer(plain(own.get("host_pid"))) or integer(plain(own.get("pid"))),
        tid=integer(plain(thread.get("host_tid"))) or integer(plain(thread.get("tid"))),
        comm=text_of(thread.get("name")),
        path=text_of(nested(own, "executable").get("path")),
        uid=integer(plain(nested(own, "real_user").get("id"))),
        start=utc(thread.get("start_time")),
        entity_id=_identity(plain(own.get("unique_id"))),
    )
