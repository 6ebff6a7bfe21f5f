"""What a scan remembers between batches and runs: nothing, or a store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import msgspec

from tocsin.alerts.model import Alert

if TYPE_CHECKING:
    from sqlalchemy import Engine


class Forgetful:
    """For a scan without a store: every alert is new, nothing is kept."""

    remembers = False

    def saved(self, operators: Sequence[str]) -> dict[str, dict[str, bytes]]:
        """Nothing."""
        return {}

    def add(self, alerts: Sequence[Alert]) -> int:
        """All of the alerts are new."""
        return len(alerts)

    def progress(self, scan: str) -> bytes | None:
        """Nothing."""
        return None

    def commit(
        self,
        alerts: Sequence[Alert],
        changes: dict[str, dict[str, bytes | None]],
        scan: str,
        progress: bytes | None,
    ) -> int:
        """All of the alerts are new."""
        return len(alerts)

    def alerts(self, identifiers: Sequence[str]) -> list[Alert]:
        """None."""
        return []


class Stored:
    """Kept in a store.

    Args:
        engine: from `store.open.open_store`.
    """

    remembers = True

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _clear_errors(self) -> AbstractContextManager[None]:
        from tocsin.store.open import clear_errors

        return clear_errors(self._engine.url.render_as_string())

    def saved(self, operators: Sequence[str]) -> dict[str, dict[str, bytes]]:
        """What rules remember, by operator and key."""
        from tocsin.store.state import read_state

        with self._clear_errors(), self._engine.connect() as connection:
            return {operator: read_state(connection, operator) for operator in operators}

    def add(self, alerts: Sequence[Alert]) -> int:
        """Writes some alerts; returns how many were not there before."""
        from tocsin.store.alerts import save_alerts

        with self._clear_errors(), self._engine.begin() as connection:
            return save_alerts(connection, alerts)

    def progress(self, scan: str) -> bytes | None:
        """The note that an interrupted scan left."""
        from tocsin.store.positions import read_position

        with self._clear_errors(), self._engine.connect() as connection:
            note = read_position(connection, scan)
        return None if note is None else note.encode()

    def commit(
        self,
        alerts: Sequence[Alert],
        changes: dict[str, dict[str, bytes | None]],
        scan: str,
        progress: bytes | None,
    ) -> int:
        """Writes all of it in one transaction; returns how many alerts were not there before."""
        from tocsin.store.alerts import save_alerts
        from tocsin.store.positions import delete_position, write_position
        from tocsin.store.state import write_state

        with self._clear_errors(), self._engine.begin() as connection:
            added = save_alerts(connection, alerts)
            for operator, keys in changes.items():
                write_state(connection, operator, keys)
            if progress is None:
                delete_position(connection, scan)
            else:
                write_position(connection, scan, progress.decode())
        return added

    def alerts(self, identifiers: Sequence[str]) -> list[Alert]:
        """Alerts that were committed before."""
        from tocsin.store.alerts import get_alert

        found = []
        with self._clear_errors(), self._engine.connect() as connection:
            for identifier in identifiers:
                stored = get_alert(connection, identifier)
                if stored is not None:
                    found.append(msgspec.json.decode(stored.document, type=Alert))
        return found
