"""Datadog Workload Protection's event JSON, one object for each event and rule it was sent for.

What SECL rules read becomes ``secl.*`` under SECL's own names and types (`events.schema.secl`):
names of enumerations become numbers, times nanoseconds, ``args`` one text. Beside it stand the
same facts in ECS's names. The JSON leaves most zero values out, and so does the result; a value of
another type than the schema's is left out too.

Not in the JSON, and so without a value: symlink paths, ``cgroup.file.inode``, ``packet.filter``,
the environment's values, ``event.service`` (a log's own ``service`` is taken for it).
``addr.is_public`` is worked out, and ``event.source`` is ``runtime``: snapshots are not sent.

Rules in Datadog's log search read the JSON as it came, below ``datadog``, and what the log around
it says, below ``datadog_log`` (`events.schema.datadog`).

Format: https://docs.datadoghq.com/security/workload_protection/backend_linux/
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes import _cws_ecs, _cws_secl
from tocsin.events.shapes._cws_objects import lineage
from tocsin.events.shapes._datadog_log import around, log_fields, time_value

_RULE_KEYS: Final = frozenset({"agent", "title", "_id", "id"})
_EVENT_RULE_KEYS: Final = frozenset({"matched_rules", "rule_context", "variables"})
_SCOPES: Final = ("process", "container", "cgroup")
_SOURCE: Final = "runtime-security-agent"
"""What the Agent calls itself as the source of these logs."""


MARKS: tuple[bytes, ...] = (rb'"evt"',)


def recognises(document: Document) -> bool:
    """Whether the document is an event of Workload Protection, bare or inside a log."""
    body = _body(document)
    event, agent = body.get("evt"), body.get("agent")
    if not isinstance(event, dict) or not isinstance(event.get("name"), str):
        return False
    return (isinstance(agent, dict) and "rule_id" in agent) or isinstance(body.get("process"), dict)


def to_ecs(document: Document) -> Document:
    """The event with SECL's fields under ``secl``, with ECS's, and as it came under ``datadog``."""
    body, log = _body(document), around(document)
    if log is not document and "date" not in log:
        log = {**log, "date": time_value(log)}
    secl = _cws_secl.secl_fields(body, log)
    ecs = _cws_ecs.ecs_fields(body, log)
    ecs["secl"] = secl
    ecs["datadog"] = _attributes(body)
    # The log around it has a host, and rules group by it: one that is not told is one host.
    ecs["datadog_log"] = {"host": "", **log_fields(log, _SOURCE)}
    return ecs


def _attributes(body: Document) -> Document:
    """The event as it came, and what it says in one place only: nothing below is copied."""
    process = body.get("process")
    if not isinstance(process, dict):
        return body
    found = dict(body)
    parent, _ = lineage(process)
    if parent and "parent" not in process:
        found["process"] = {**process, "parent": parent}
    if "container" not in body and isinstance(process.get("container"), dict):
        found["container"] = process["container"]
    if "usr" not in body:
        user = {"id": process.get("user"), "group": process.get("group")}
        found["usr"] = {key: value for key, value in user.items() if isinstance(value, str)}
    return found


def identity(document: Document) -> bytes:
    """Canonical JSON of the event without what names the rule that it was sent for.

    One exec that three rules asked for comes as three documents: they differ in ``agent`` and
    ``title``, in the matched rules, and in the variables that rules set on the way.
    """
    body = {key: value for key, value in _body(document).items() if key not in _RULE_KEYS}
    event = body.get("evt")
    if isinstance(event, dict):
        body["evt"] = {k: v for k, v in event.items() if k not in _EVENT_RULE_KEYS}
    for scope in _SCOPES:
        holder = body.get(scope)
        if isinstance(holder, dict) and "variables" in holder:
            body[scope] = {k: v for k, v in holder.items() if k != "variables"}
    return msgspec.json.encode([_cws_ecs.host_name(around(document)), body], order="sorted")


def _body(document: Document) -> dict[str, Any]:
    """The event itself: a log has it under ``attributes``."""
    for holder in (document, around(document)):
        inner = holder.get("attributes")
        if isinstance(inner, dict) and isinstance(inner.get("evt"), dict):
            return inner
    return document
