"""osquery's results: a row that was added or removed, or a snapshot of rows.

Rows of the tables of events (``process_events``, ``socket_events``, ``file_events``,
``user_events``, their BPF and EndpointSecurity likes) become what Elastic Defend has for the same
thing, as far as the row says it: a connection that is not told of stays unknown. Which table a
query asked is nowhere said: its name is looked for in the query's, else its columns tell. Rows of
any other query keep their columns under ``osquery.result.columns``.

The operating system is in no row: it follows from the table, from a decoration, or from columns
that only one system fills (`_osquery_tables.system_of`); else it is left open. A snapshot of
several rows is one event and has no ECS fields from them, since their values would mix.

Results: https://osquery.readthedocs.io/en/stable/deployment/logging/
Fields: https://www.elastic.co/docs/reference/integrations/osquery
"""

from __future__ import annotations

import re
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._osquery_ecs import BUILDERS
from tocsin.events.shapes._osquery_tables import Table, system_of, table_of
from tocsin.events.shapes._traffic import add, is_secret, stream
from tocsin.events.shapes._traffic_values import time_text
from tocsin.events.shapes._values import Object, kept, nested, text_of

_RENAMED: Final = {"hostIdentifier": "host_identifier", "unixTime": "unix_time",
                   "calendarTime": "calendar_time", "diffResults": "diff_results"}  # fmt: skip
_ENVIRONMENT: Final = frozenset({"env", "environment"})
_MOST_ROWS: Final = 10_000
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
                  "Dec")  # fmt: skip
_CALENDAR = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})(?: UTC)?\Z", re.ASCII
)


MARKS: tuple[bytes, ...] = (
    rb'"hostidentifier"',
    rb'"calendartime"',
)


def recognises(document: Document) -> bool:
    """Whether the document is a named query's result on a host."""
    if "hostIdentifier" not in document and "calendarTime" not in document:
        return False
    if not isinstance(document.get("name"), str):
        return False
    return (
        isinstance(document.get("columns"), dict)
        or isinstance(document.get("snapshot"), list)
        or isinstance(document.get("diffResults"), (dict, list))
    )


def to_ecs(document: Document) -> Document:
    """The result under ``osquery.result``, and its row in ECS's names."""
    query = text_of(document.get("name")) or ""
    rows = _rows(document)
    action = text_of(document.get("action"))
    found: Document = stream("osquery", "osquery.result")
    add(
        found,
        {
            "event": kept({"type": ["info"], "action": action}),
            "osquery": {"result": _own(document, rows)},
            "rule": {"name": query},
        },
    )
    row = rows[0] if len(rows) == 1 else {}
    table = table_of(query, row)
    logged = time_text(document.get("unixTime")) or _calendar(document.get("calendarTime"))
    time = (time_text(row.get("time")) if table else None) or logged
    if time:
        found["@timestamp"] = time
    if logged:
        found["event"]["created"] = logged
    host = _host(document, table, row)
    if host:
        found["host"] = host
    if row and action != "removed":
        BUILDERS[table.kind if table else "any"](row, found)
    user = text_of(nested(document, "decorations").get("username"))
    if user and "user" not in found:
        found["user"] = {"name": user}
    return found


def identity(document: Document) -> bytes:
    """Its bytes tell results apart: they hold a counter and a time."""
    return b""


def _rows(document: Document) -> list[Object]:
    columns, snapshot = document.get("columns"), document.get("snapshot")
    if isinstance(columns, dict):
        return [columns]
    if isinstance(snapshot, list):
        return [row for row in snapshot[:_MOST_ROWS] if isinstance(row, dict)]
    changes = document.get("diffResults")
    added = changes.get("added") if isinstance(changes, dict) else changes
    listed = added if isinstance(added, list) else []
    return [row for row in listed[:_MOST_ROWS] if isinstance(row, dict)]


def _own(document: Document, rows: list[Object]) -> Object:
    """The result with the names that Elastic gives it; empty columns are left out."""
    own: Object = {
        _RENAMED.get(key, key): value
        for key, value in document.items()
        if key not in ("columns", "snapshot", "diffResults", "decorations")
        and not isinstance(value, (dict, list))
    }
    own["decorations"] = _columns(nested(document, "decorations"))
    columns = [_columns(row) for row in rows]
    own["columns"] = columns[0] if len(columns) == 1 else columns
    return kept(own)


def _columns(row: Object) -> Object:
    return {
        key: value
        for key, value in row.items()
        if value not in ("", None)
        and not isinstance(value, (dict, list))
        and key not in _ENVIRONMENT
        and not is_secret(key)
    }


def _host(document: Document, table: Table | None, row: Object) -> Object:
    decorations = nested(document, "decorations")
    identifier = text_of(document.get("hostIdentifier"))
    name = text_of(decorations.get("hostname")) or text_of(decorations.get("host_name"))
    system = system_of(table, row, decorations)
    return kept(
        {
            "id": text_of(decorations.get("host_uuid")) or identifier,
            "name": name or identifier,
            "hostname": name or identifier,
            "os": kept({"type": system}),
        }
    )


def _calendar(value: Any) -> str | None:
    """``Sat Nov 21 20:26:54 2026 UTC`` as RFC 3339."""
    found = _CALENDAR.match(value) if isinstance(value, str) else None
    if found is None or found[1] not in _MONTHS:
        return None
    month = _MONTHS.index(found[1]) + 1
    return time_text(f"{found[4]}-{month:02}-{int(found[2]):02}T{found[3]}Z")
