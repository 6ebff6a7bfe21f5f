"""How far each source was read, in words that only the source understands."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from tocsin.store.tables import positions
from tocsin.store.upsert import replacing


def read_position(connection: Connection, source: str) -> str | None:
    """Where to go on, or None for a source that was never read."""
    query = select(positions.c.value).where(positions.c.source == source)
    return connection.execute(query).scalar_one_or_none()


def write_position(connection: Connection, source: str, value: str) -> None:
    """Remembers how far a source was read: in the transaction that saves what came of it."""
    connection.execute(replacing(connection, positions), {"source": source, "value": value})


def delete_position(connection: Connection, source: str) -> None:
    """Forgets a source, so that it is read from its beginning."""
    connection.execute(delete(positions).where(positions.c.source == source))
