"""Google Cloud's audit logs: entries as Cloud Logging has them, bare or as they are delivered.

An entry becomes what Elastic's integration makes of it (``gcp.audit.*``, dataset ``gcp.audit``),
and stands under ``gcp_audit`` with its own names beside it, for rules that use those
(``gcp_audit.protoPayload.methodName``); ``gcp_audit.log`` is the log's name without its project.
Secrets are blanked in all of it.

Wrappers: Pub/Sub (``message.data`` in base64), ``data``, and the entry as the text of ``message``.

An entry that was delivered twice is one event: Cloud Logging itself takes entries of one log with
the same ``insertId`` and ``timestamp`` for one.

Format: https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes import _gcp_audit_ecs
from tocsin.events.shapes._cloud_secrets import hidden
from tocsin.events.shapes._cloud_values import is_raw, opened
from tocsin.events.shapes._values import Object, text_of

_KIND: Final = "google.cloud.audit.AuditLog"
_PUB_SUB: Final = frozenset({"messageId", "message_id", "publishTime", "publish_time"})
_LONGEST: Final = 4 << 20


MARKS: tuple[bytes, ...] = (
    rb"protopayload",
    rb'"data"\s*:\s*"',
)


def recognises(document: Document) -> bool:
    """Whether the document is an entry of an audit log, bare or wrapped."""
    if "protoPayload" in document:
        return _is_entry(document)
    if "message" in document or "data" in document:
        return is_raw(document, "gcp") and _is_entry(_wrapped(document))
    return False


def to_ecs(document: Document) -> Document:
    """The entry in Elastic's names, and in its own."""
    entry = hidden(_entry(document))
    found = _gcp_audit_ecs.ecs_fields(entry)
    log = (text_of(entry.get("logName")) or "").rpartition("/logs/")[2]
    found["gcp_audit"] = {**entry, "log": log} if log else entry
    return found


def identity(document: Document) -> bytes:
    """The entry's log, ``insertId`` and time; empty for an entry without an ``insertId``."""
    entry = _entry(document)
    own = text_of(entry.get("insertId"))
    if own is None:
        return b""
    parts = ["gcp_audit", own, entry.get("logName"), entry.get("timestamp")]
    try:
        return msgspec.json.encode(parts)
    except (UnicodeError, RecursionError):
        return b""


def _is_entry(found: Any) -> bool:
    payload = found.get("protoPayload") if isinstance(found, dict) else None
    if not isinstance(payload, dict):
        return False
    kind = payload.get("@type")
    named = text_of(payload.get("methodName")) or text_of(payload.get("serviceName"))
    is_audit = kind is None or (isinstance(kind, str) and kind.endswith(_KIND))
    return named is not None and is_audit


def _entry(document: Document) -> Object:
    if "protoPayload" in document:
        return document
    inner = _wrapped(document)
    return inner if isinstance(inner, dict) else document


def _wrapped(document: Document) -> Any:
    """What a wrapper holds; None where this is none."""
    message = document.get("message")
    if isinstance(message, dict):
        return _decoded(message.get("data"))
    if isinstance(message, str):
        is_entry = message.startswith("{") and '"protoPayload"' in message
        return opened(message) if is_entry else None
    data = document.get("data")
    if isinstance(data, str) and not _PUB_SUB.isdisjoint(document):
        return _decoded(data)
    return data


def _decoded(data: Any) -> Any:
    if not isinstance(data, str) or not data or len(data) > _LONGEST:
        return None
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return opened(text) if '"protoPayload"' in text else None
