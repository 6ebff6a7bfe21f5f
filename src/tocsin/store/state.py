"""The state of operators: for every operator, bytes by key.

An operator writes the keys that changed, in the transaction that saves the alerts that came of
them, and reads all of them when it starts again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, select

from tocsin.store.tables import state
from tocsin.store.upsert import chunks, replacing

_CHUNK = 1_000


def read_state(connection: Connection, operator: str) -> dict[str, bytes]:
    """Everything that an operator left behind."""
    query = select(state.c.key, state.c.value).where(state.c.operator == operator)
    return {_text(row.key): bytes(row.value) for row in connection.execute(query)}


def write_state(
    connection: Connection, operator: str, changes: Mapping[str, bytes | None], *, time: int = 0
) -> None:
    """Writes the keys that changed; one whose value is None goes.

    Args:
        connection: to the store.
        operator: whose state it is.
        changes: the new value of every key that changed.
        time: the event time, in nanoseconds, up to which the values are true.
    """
    rows = [(_bytes(key), value) for key, value in changes.items()]
    gone = delete(state).where(
        state.c.operator == operator, state.c.key_hash == bindparam("gone_hash")
    )
    for chunk in chunks((key for key, value in rows if value is None), _CHUNK):
        connection.execute(gone, [{"gone_hash": _hash(key)} for key in chunk])
    kept = replacing(connection, state)
    for pairs in chunks(((key, value) for key, value in rows if value is not None), _CHUNK):
        connection.execute(
            kept,
            [
                {"operator": operator, "key_hash": _hash(k), "key": k, "value": v, "time": time}
                for k, v in pairs
            ],
        )


def delete_state(connection: Connection, operator: str) -> None:
    """Forgets all that an operator left behind."""
    connection.execute(delete(state).where(state.c.operator == operator))


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _text(key: bytes) -> str:
    return bytes(key).decode("utf-8", "surrogatepass")


def _hash(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()
