"""``auditd.*`` of one audit event: what has no place in ECS, and the records themselves.

Format: https://www.elastic.co/docs/reference/beats/auditbeat/exported-fields-auditd
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.decoders._audit_records import AuditRecord, Fields
from tocsin.events.decoders._audit_tables import error_name
from tocsin.events.record import Document
from tocsin.events.shapes._sensor_ecs import integer
from tocsin.events.shapes._values import kept

Object = dict[str, Any]

_ELSEWHERE: Final = frozenset(
    {
        "pid", "ppid", "comm", "exe", "cwd", "proctitle", "ses", "success", "res", "result", "key",
        "items", "msg",
    }
)  # fmt: skip


def auditd_fields(
    leading: AuditRecord,
    records: list[AuditRecord],
    fields: Fields,
    found: Document,
    socket: Fields,
    result: str,
) -> Object:
    """Everything under ``auditd``.

    Args:
        leading: the record that says what happened.
        records: of the event.
        fields: of all of them that describe the event itself.
        found: what the document says already.
        socket: what the SOCKADDR record says.
        result: ``success``, ``fail`` or ``unknown``.
    """
    data: Object = {
        key.replace("-", "_"): value
        for key, value in fields.items()
        if key not in _ELSEWHERE and not key.endswith(("uid", "gid")) and not key[0].isupper()
    }
    if "SYSCALL" in fields:
        data["syscall"] = fields["SYSCALL"]
    if "arch" in data:
        data["arch"] = found["host"].get("architecture", data["arch"])
    code = integer(fields.get("exit"))
    if code is not None and code < 0:
        data["exit"] = error_name(code) or fields["exit"]
    if socket:
        data["socket"] = socket
    session = fields.get("ses")
    return kept(
        {
            "message_type": leading.type.lower(),
            "sequence": int(leading.serial),
            "result": result,
            "session": None if session in {"4294967295", "-1"} else session,
            "key": found["tags"],
            "data": data,
            "paths": [record.fields for record in records if record.type == "PATH"],
            "summary": _summary(found, fields),
            "user": kept({"audit": found.get("user", {}).get("audit")}),
            "log": _log(leading, records, data, fields),
            "record": [{**r.fields, "type": r.type} for r in records],
        }
    )


def _summary(found: Document, fields: Fields) -> Object:
    user = found.get("user", {})
    target = found.get("file") or found.get("destination") or found.get("source") or {}
    return kept(
        {
            "actor": kept({"primary": fields.get("auid"), "secondary": user.get("id")}),
            "how": fields.get("exe") or fields.get("comm"),
            "object": kept(
                {
                    "primary": target.get("path") or target.get("address"),
                    "secondary": str(target["port"]) if "port" in target else None,
                    "type": next(
                        (t for t in ("file", "destination", "source") if t in found), None
                    ),
                }
            ),
        }
    )


def _log(leading: AuditRecord, records: list[AuditRecord], data: Object, fields: Fields) -> Object:
    told = {key: fields.get(key) for key in ("success", "res", "items", "ses", "key", "proctitle")}
    return kept(
        {
            **{key: value for key, value in data.items() if key != "socket"},
            **told,
            "record_type": [record.type for record in records],
            "sequence": int(leading.serial),
            "node": leading.node,
        }
    )
