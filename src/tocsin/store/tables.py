"""The tables, as this version of Tocsin knows them; `migrations` says how to get there."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
)

HEAD = "0001"
"""The revision that these tables are; the newest of `migrations/versions`."""

VERSION_TABLE = "tocsin_version"
"""Where a database says which revision it is: not Alembic's own name, for shared databases."""

metadata = MetaData()

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("rule_id", Text, nullable=False),
    Column("rule_name", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("risk_score", Integer, nullable=False),
    Column("time", BigInteger, nullable=False),  # nanoseconds since the epoch, as all times here
    Column("detected_at", BigInteger, nullable=False),
    Column("host", Text, nullable=False),
    Column("status", String(16), nullable=False, server_default="open"),  # or "closed"
    Column("closed_at", BigInteger),
    Column("closed_reason", Text),
    Column("document", Text, nullable=False),  # the whole alert, JSON
)
Index("alerts_status_time", alerts.c.status, alerts.c.time)
Index("alerts_time", alerts.c.time)
Index("alerts_rule", alerts.c.rule_id, alerts.c.time)
Index("alerts_host", func.lower(alerts.c.host), alerts.c.time)

state = Table(
    "state",
    metadata,
    Column("operator", Text, primary_key=True),
    # Keys hold values of events, of any length and with any character: PostgreSQL's text refuses
    # some, and its indexes long ones. So a hash is the key, and the key itself a value.
    Column("key_hash", String(64), primary_key=True),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
)

positions = Table(
    "positions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
