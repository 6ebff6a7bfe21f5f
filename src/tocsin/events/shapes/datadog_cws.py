"""Datadog Workload Protection's event JSON, one object for each event and rule it was sent for.

What SECL rules read becomes ``secl.*`` under SECL's own names and types (`events.schema.secl`):
names of enumerations become numbers, times nanoseconds, ``args`` one text. Beside it stand the
same facts in ECS's names. The JSON leaves most zero values out, and so does the result; a value of
another type than the schema's is left out too.

Not in the JSON, and so without a value: symlink paths, ``cgroup.file.inode``, ``packet.filter``,
the environment's values, ``event.service`` (a log's own ``service`` is taken for it).
``addr.is_public`` is worked out, and ``event.source`` is ``runtime``: snapshots are not sent.

Format: https://docs.datadoghq.com/security/workload_protection/backend_linux/
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes import _cws_ecs, _cws_secl

_RULE_KEYS: Final = frozenset({"agent", "title", "_id", "id"})
_EVENT_RULE_KEYS: Final = frozenset({"matched_rules", "rule_context", "variables"})
_SCOPES: Final = ("process", "container", "cgroup")


def recognises(document: Document) -> bool:
    """Whether the document is an event of Workload Protection, bare or inside a log."""
    body = _body(document)
    event, agent = body.get("evt"), body.get("agent")
    if not isinstance(event, dict) or not isinstance(event.get("name"), str):
        return False
    return (isinstance(agent, dict) and "rule_id" in agent) or isinstance(body.get("process"), dict)


def to_ecs(document: Document) -> Document:
    """The event with SECL's fields under ``secl`` and with ECS's."""
    body = _body(document)
    secl = _cws_secl.secl_fields(body, document)
    ecs = _cws_ecs.ecs_fields(body, document)
    ecs["secl"] = secl
    return ecs


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
    return msgspec.json.encode([_cws_ecs.host_name(document), body], order="sorted")


def _body(document: Document) -> dict[str, Any]:
    """The event itself: a log has it under ``attributes``."""
    inner = document.get("attributes")
    return inner if isinstance(inner, dict) and isinstance(inner.get("evt"), dict) else document
