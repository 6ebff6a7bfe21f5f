"""AWS CloudTrail: records as they are delivered, bare or in the wrappers they travel in.

A record becomes what Elastic's CloudTrail integration makes of it (``aws.cloudtrail.*``, dataset
``aws.cloudtrail``), and stands under ``cloudtrail`` with its own names beside it, for rules that
use those (``cloudtrail.eventName``, ``cloudtrail.requestParameters.enable``). Objects that rules
read as texts are JSON under ``cloudtrail_text`` (``cloudtrail_text.requestParameters``). Secrets
are blanked in all of it.

Wrappers: EventBridge (``detail``), CloudWatch Logs and S3 readers (the record is the text of
``message``). A file's ``Records`` are taken apart by the JSON decoder.

A record that was delivered twice is one event: it is known by its ``eventID``.

Format: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes import _cloudtrail_ecs
from tocsin.events.shapes._cloud_secrets import hidden
from tocsin.events.shapes._cloud_values import is_raw, opened
from tocsin.events.shapes._values import Object, text_of

_TEXTS: Final = ("requestParameters", "responseElements", "additionalEventData")


MARKS: tuple[bytes, ...] = (rb"eventsource",)


def recognises(document: Document) -> bool:
    """Whether the document is a record, bare or wrapped."""
    if "eventSource" in document:
        return _is_record(document)
    if "detail" in document:
        return "detail-type" in document and _is_record(document["detail"])
    message = document.get("message") or document.get("@message")
    return (
        isinstance(message, str)
        and message.startswith("{")
        and '"eventSource"' in message
        and is_raw(document, "aws")
        and _is_record(opened(message))
    )


def to_ecs(document: Document) -> Document:
    """The record in Elastic's names, and in its own."""
    record = hidden(_record(document))
    found = _cloudtrail_ecs.ecs_fields(record)
    found["cloudtrail"] = record
    texts = {name: _json(record[name]) for name in _TEXTS if record.get(name)}
    if texts:
        found["cloudtrail_text"] = texts
    return found


def identity(document: Document) -> bytes:
    """The ``eventID``; empty for a record without one."""
    event = text_of(_record(document).get("eventID"))
    return f"cloudtrail\0{event}".encode("utf-8", "replace") if event else b""


def _is_record(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("eventSource"), str)
        and isinstance(found.get("eventName"), str)
        and ("eventVersion" in found or "userIdentity" in found or "awsRegion" in found)
    )


def _record(document: Document) -> Object:
    if "eventSource" in document:
        return document
    inner = document.get("detail")
    if not isinstance(inner, dict):
        inner = opened(document.get("message") or document.get("@message"))
    return inner if isinstance(inner, dict) else document


def _json(value: Any) -> str:
    try:
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    except (UnicodeError, RecursionError, TypeError, ValueError):
        return ""
