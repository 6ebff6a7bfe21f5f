"""Microsoft 365's unified audit log: records as the Management Activity API delivers them.

A record becomes what Elastic's integration makes of it: dataset ``o365.audit``, its own names
under ``o365.audit`` (``o365.audit.ExtendedProperties.RequestType``), lists of named values there as
objects. Secrets are blanked in all of it.

Forms: bare; inside ``auditData`` (Graph's audit query) or as the text of ``AuditData`` (exports of
Purview and PowerShell); as the text of ``message``.

A record that was delivered twice is one event: it is known by its ``Id``.

Format: https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes import _o365_audit_ecs
from tocsin.events.shapes._cloud_secrets import hidden
from tocsin.events.shapes._cloud_values import is_raw, opened
from tocsin.events.shapes._values import Object, text_of

_HOLDERS: Final = ("auditData", "AuditData")


MARKS: tuple[bytes, ...] = (
    rb"workload",
    rb'auditdata"',
)


def recognises(document: Document) -> bool:
    """Whether the document is a record, bare or wrapped."""
    if "Operation" in document:
        return _is_record(document)
    if "auditData" in document or "AuditData" in document:
        return _is_record(_record(document))
    message = document.get("message")
    return (
        isinstance(message, str)
        and message.startswith("{")
        and '"Workload"' in message
        and is_raw(document, "o365")
        and _is_record(opened(message))
    )


def to_ecs(document: Document) -> Document:
    """The record in Elastic's names, its own under ``o365.audit``."""
    return _o365_audit_ecs.ecs_fields(hidden(_record(document)))


def identity(document: Document) -> bytes:
    """The record's ``Id``; empty for one without."""
    own = text_of(_record(document).get("Id"))
    return f"o365_audit\0{own}".encode("utf-8", "replace") if own else b""


def _is_record(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("Operation"), str)
        and isinstance(found.get("Workload"), str)
        and ("RecordType" in found or "CreationTime" in found)
    )


def _record(document: Document) -> Object:
    if isinstance(document.get("Operation"), str) and "Workload" in document:
        return document
    inner: Any = None
    for name in (*_HOLDERS, "message"):
        inner = opened(document.get(name))
        if isinstance(inner, dict):
            return inner
    return document
