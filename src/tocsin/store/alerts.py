"""Alerts in the store: saving, finding, closing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    func,
    or_,
    select,
    true,
    update,
)

from tocsin.alerts.model import Alert
from tocsin.errors import StoreError
from tocsin.logic.field_types import date_of
from tocsin.rules.model import SEVERITIES, Severity
from tocsin.store.tables import alerts
from tocsin.store.upsert import chunks, insert

Status = Literal["open", "closed"]
AnyStatus = Literal["open", "closed", "all"]

_CHUNK = 500
_LONGEST_HOST = 255
_CANDIDATES = 10
_GROWING = ("rule_name", "severity", "risk_score", "time", "host", "document")


class StoredAlert(msgspec.Struct, frozen=True):
    """An alert and what became of it; times are nanoseconds since the epoch.

    Attributes:
        host: its name (id, where it has none), or empty.
        status: ``open`` or ``closed``.
        closed_at: when it was closed.
        closed_reason: what whoever closed it wrote.
        document: the whole alert as JSON; `alert` is what it says.
    """

    id: str
    rule_id: str
    rule_name: str
    severity: Severity
    risk_score: int
    time: int
    detected_at: int
    host: str
    status: Status
    closed_at: int | None
    closed_reason: str
    document: str

    @property
    def alert(self) -> Alert:
        """The alert as it was made."""
        return _decoded(self.document)


class AmbiguousIdError(StoreError):
    """An id's beginning that several alerts share; `candidates` are the first of them."""

    def __init__(self, prefix: str, candidates: Sequence[str]) -> None:
        super().__init__(f"{prefix!r} is the beginning of several ids: {', '.join(candidates)}")
        self.candidates = tuple(candidates)


def save_alerts(connection: Connection, new: Iterable[Alert]) -> int:
    """Saves alerts and tells how many of them were not there yet.

    One that is there already stays as it is, unless it counts more events than it did: then it is
    brought up to date, and what became of it (status, reason, when it was found) stays.
    """
    added = 0
    statement = insert(connection, alerts).on_conflict_do_nothing().returning(alerts.c.id)
    for chunk in chunks(new, _CHUNK):
        largest: dict[str, Alert] = {}
        for alert in chunk:
            if alert.id not in largest or _extent(alert) > _extent(largest[alert.id]):
                largest[alert.id] = alert
        rows = [_row(alert) for alert in largest.values()]
        made = set(connection.execute(statement, rows).scalars())
        added += len(made)
        _grow(connection, [a for a in largest.values() if a.id not in made and _extent(a)])
    return added


def _grow(connection: Connection, candidates: Sequence[Alert]) -> None:
    """Brings alerts up to date that are there and count less than these.

    Nobody writes in between: SQLite is locked since the insert, and PostgreSQL locks the rows; in
    one order, so that two who save the same alerts do not wait for each other.
    """
    if not candidates:
        return
    ids = sorted(alert.id for alert in candidates)
    query = select(alerts.c.id, alerts.c.document).where(alerts.c.id.in_(ids))
    query = query.order_by(alerts.c.id).with_for_update()
    stored = {row.id: _decoded(row.document) for row in connection.execute(query)}
    grown: list[dict[str, Any]] = []
    for alert in candidates:
        known = stored.get(alert.id)
        if known is not None and _extent(alert) > _extent(known):
            row = _row(msgspec.structs.replace(alert, detected_at=known.detected_at))
            grown.append({f"new_{name}": row[name] for name in ("id", *_GROWING)})
    if grown:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _GROWING}
        change = update(alerts).where(alerts.c.id == bindparam("new_id")).values(values)
        connection.execute(change, grown)


def _extent(alert: Alert) -> tuple[int, int, int] | tuple[()]:
    """What grows when more events come that belong to the alert; empty: nothing does."""
    suppression = alert.details.get("suppression")
    result = alert.details.get("threshold_result")
    if suppression is None and result is None:
        return ()
    suppression, result = suppression or {}, result or {}
    end = date_of(suppression.get("end", "")) or 0
    return int(suppression.get("docs_count", 0)), int(result.get("count", 0)), end


def list_alerts(
    connection: Connection,
    *,
    status: AnyStatus = "all",
    severity_at_least: Severity | None = None,
    rule: str | None = None,
    host: str | None = None,
    since: int | None = None,
    until: int | None = None,
    limit: int | None = None,
) -> list[StoredAlert]:
    """Alerts, the newest first.

    Args:
        connection: to the store.
        status: ``open``, ``closed`` or both.
        severity_at_least: this severity or a worse one.
        rule: a rule's id, or a part of its name in any case.
        host: a host's name (id, where it has none) in any case.
        since: happened at this time (nanoseconds since the epoch) or later.
        until: happened before this time.
        limit: how many at most.
    """
    conditions = _conditions(
        status=status, severity_at_least=severity_at_least, rule=rule, host=host, since=since,
        until=until,
    )  # fmt: skip
    query = (
        select(alerts).where(*conditions).order_by(alerts.c.time.desc(), alerts.c.id).limit(limit)
    )
    return [_stored(row) for row in connection.execute(query)]


def count_alerts(
    connection: Connection,
    *,
    status: AnyStatus = "all",
    severity_at_least: Severity | None = None,
    rule: str | None = None,
    host: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> int:
    """How many alerts there are; the arguments are those of `list_alerts`."""
    conditions = _conditions(
        status=status, severity_at_least=severity_at_least, rule=rule, host=host, since=since,
        until=until,
    )  # fmt: skip
    query = select(func.count()).select_from(alerts).where(*conditions)
    return int(connection.execute(query).scalar_one())


def count_by_severity(connection: Connection, *, status: AnyStatus = "all") -> dict[Severity, int]:
    """How many alerts there are of every severity, the worst first."""
    query = select(alerts.c.severity, func.count()).group_by(alerts.c.severity)
    query = query.where(*_conditions(status=status))
    found: dict[str, int] = {row[0]: int(row[1]) for row in connection.execute(query)}
    return {severity: found.get(severity, 0) for severity in reversed(SEVERITIES)}


def get_alert(connection: Connection, id_or_prefix: str) -> StoredAlert | None:
    """The alert whose id begins so, or None.

    Raises:
        AmbiguousIdError: there are several, and none has just this id.
    """
    prefix = id_or_prefix.strip().lower()
    if not prefix:
        return None
    exact = connection.execute(select(alerts).where(alerts.c.id == prefix)).one_or_none()
    if exact is not None:
        return _stored(exact)
    query = select(alerts).where(alerts.c.id.startswith(prefix, autoescape=True))
    rows = connection.execute(query.order_by(alerts.c.id).limit(_CANDIDATES)).all()
    if len(rows) > 1:
        raise AmbiguousIdError(prefix, [row.id for row in rows])
    return _stored(rows[0]) if rows else None


def close_alert(connection: Connection, id: str, reason: str, now: int) -> bool:  # noqa: A002
    """Closes an alert, and tells whether it was open; closing it again changes nothing.

    Args:
        connection: to the store.
        id: the alert's whole id.
        reason: why, in somebody's words; may be empty.
        now: nanoseconds since the epoch.
    """
    closing = (
        update(alerts)
        .where(alerts.c.id == id, alerts.c.status == "open")
        .values(status="closed", closed_at=now, closed_reason=_without_nul(reason))
    )
    return connection.execute(closing).rowcount > 0


def _conditions(
    *,
    status: AnyStatus = "all",
    severity_at_least: Severity | None = None,
    rule: str | None = None,
    host: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [true()]
    if status != "all":
        found.append(alerts.c.status == status)
    if severity_at_least is not None:
        found.append(alerts.c.severity.in_(SEVERITIES[SEVERITIES.index(severity_at_least) :]))
    if rule is not None:
        rule = _without_nul(rule)
        named = alerts.c.rule_name.icontains(rule, autoescape=True)
        found.append(or_(alerts.c.rule_id == rule, named))
    if host is not None:
        found.append(func.lower(alerts.c.host) == func.lower(_host_text(host)))
    if since is not None:
        found.append(alerts.c.time >= since)
    if until is not None:
        found.append(alerts.c.time < until)
    return found


def _row(alert: Alert) -> dict[str, Any]:
    host = next((str(v) for n in ("name", "hostname", "id") if (v := alert.host.get(n))), "")
    return {
        "id": alert.id,
        "rule_id": _without_nul(alert.rule.id),
        "rule_name": _without_nul(alert.rule.name),
        "severity": alert.severity,
        "risk_score": alert.risk_score,
        "time": date_of(alert.time) or 0,
        "detected_at": date_of(alert.detected_at) or 0,
        "host": _host_text(host),
        "status": "open",
        "document": msgspec.json.encode(alert).decode(),
    }


def _decoded(document: str) -> Alert:
    return msgspec.json.decode(document, type=Alert)


def _stored(row: Row[Any]) -> StoredAlert:
    return StoredAlert(**{**row._mapping, "closed_reason": row.closed_reason or ""})  # noqa: SLF001


def _host_text(host: str) -> str:
    return _without_nul(host)[:_LONGEST_HOST]


def _without_nul(text: str) -> str:
    return text.replace("\0", "\ufffd")  # PostgreSQL has no NUL in its texts
