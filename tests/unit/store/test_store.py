"""The checks of every store, on SQLite."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.unit.alerts.made import a_rule, an_alert, an_event
from tests.unit.store import checks

from tocsin.store.alerts import count_alerts, save_alerts
from tocsin.store.open import open_store
from tocsin.store.state import read_state, write_state


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_store(str(tmp_path / "tocsin.db"))
    yield engine
    engine.dispose()


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_store(engine, check):
    with engine.begin() as connection:
        check(connection)


def test_what_belongs_together_is_written_together(engine):
    checks.what_belongs_together_is_written_together(engine)


def test_writers_wait_for_each_other(engine):
    alerts = [an_alert(events=(an_event(n),)) for n in range(80)]
    added: list[int] = []

    def write(part: int) -> None:
        for alert in alerts[part::2]:
            with engine.begin() as connection:
                added.append(save_alerts(connection, [alert, alerts[0]]))

    threads = [threading.Thread(target=write, args=(part,)) for part in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == 80


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 5), st.text(max_size=3)),
        max_size=12,
    )
)
def test_saving_any_alerts_twice_adds_nothing(parts):
    alerts = [an_alert(rule=a_rule(id=r), events=(an_event(n),), key=k) for r, n, k in parts]
    engine = open_store("sqlite://")
    with engine.begin() as connection:
        assert save_alerts(connection, alerts) == len({alert.id for alert in alerts})
        assert save_alerts(connection, alerts) == 0
        assert count_alerts(connection) == len({alert.id for alert in alerts})
    engine.dispose()


@given(st.lists(st.dictionaries(st.text(), st.none() | st.binary(), max_size=6), max_size=5))
def test_state_is_a_dictionary_that_outlives_the_process(changes):
    engine = open_store("sqlite://")
    expected: dict[str, bytes] = {}
    with engine.begin() as connection:
        for change in changes:
            write_state(connection, "operator", change)
            expected = {k: v for k, v in (expected | change).items() if v is not None}
        assert read_state(connection, "operator") == expected
    engine.dispose()
