from __future__ import annotations

import re
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from tocsin.errors import StoreError
from tocsin.store import open as opening
from tocsin.store.open import clear_errors, default_url, exists, open_store, shown
from tocsin.store.tables import HEAD, VERSION_TABLE, metadata


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_store_belongs_to_its_user_alone(tmp_path):
    file = tmp_path / "data" / "tocsin" / "alerts.db"
    open_store(f"sqlite:///{file}").dispose()
    assert mode(file) == 0o600
    assert mode(file.parent) == mode(file.parent.parent) == 0o700


def test_a_directory_that_exists_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o750)
    open_store(f"sqlite:///{tmp_path}/alerts.db").dispose()
    assert mode(tmp_path) == 0o750


def test_a_path_is_a_url(tmp_path):
    open_store(str(tmp_path / "plain.db")).dispose()
    assert (tmp_path / "plain.db").exists()


def test_sqlite_waits_keeps_foreign_keys_and_writes_ahead(tmp_path):
    engine = open_store(str(tmp_path / "a.db"))
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    engine.dispose()
    assert found == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "synchronous": 2,
        "busy_timeout": 30_000,
    }


def test_a_transaction_is_all_or_nothing(tmp_path):
    engine = open_store(str(tmp_path / "a.db"))

    def write_and_fail() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO positions VALUES ('a', '1')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM positions")).scalar() == 0
    engine.dispose()


def test_a_store_in_memory():
    engine = open_store("sqlite://")
    with engine.connect() as connection:
        assert inspect(connection).has_table("alerts")
    engine.dispose()


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_migrations_make_the_tables_that_the_code_knows(tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = open_store(str(tmp_path / "a.db"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_head_is_the_newest_migration():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_opening_again_changes_nothing(tmp_path):
    file = tmp_path / "a.db"
    open_store(str(file)).dispose()
    before = file.read_bytes()
    open_store(str(file)).dispose()
    assert file.read_bytes() == before


def test_several_may_open_a_new_store_at_once(tmp_path):
    def one(_: int) -> None:
        open_store(str(tmp_path / "a.db")).dispose()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(16)))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "the store's URL is empty"),
        ("mysql://bob:hush@h/x", "SQLite or PostgreSQL, not 'mysql'"),
        ("postgresql+psycopg2://bob:hush@h/x", "not 'postgresql+psycopg2'"),
        ("::://bob:hush@h", "is no URL of a store"),
        ("postgresql://bob:hush@h:port/x", "is no URL of a store"),
        ("sqlite:///file:x?uri=true", "'file:' URIs are not supported"),
        ("sqlite:////proc/no/such.db", "sqlite:////proc/no/such.db: No such file"),
    ],
)
def test_what_cannot_be_a_store_is_named_without_its_password(url, message):
    with pytest.raises(StoreError, match=re.escape(message)) as caught:
        open_store(url)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_directory_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="is a directory"):
        open_store(str(tmp_path))


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "a.db").write_bytes(b"no database at all, just text. " * 100)
    with pytest.raises(StoreError, match=r"a\.db: this file is not a database"):
        open_store(str(tmp_path / "a.db"))


def test_the_database_of_another_program(tmp_path):
    other = sqlite3.connect(tmp_path / "a.db")
    other.execute("CREATE TABLE users (name)")
    other.close()
    with pytest.raises(StoreError, match=r"another program's tables \(users\)"):
        open_store(str(tmp_path / "a.db"))


def test_a_database_of_a_newer_tocsin(tmp_path):
    open_store(str(tmp_path / "a.db")).dispose()
    newer = sqlite3.connect(tmp_path / "a.db")
    newer.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0999'")
    newer.commit()
    newer.close()
    with pytest.raises(StoreError, match=r"newer Tocsin \(its schema is 0999.*upgrade Tocsin"):
        open_store(str(tmp_path / "a.db"))


def test_a_missing_driver_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'tocsin\[postgres\]'"):
        open_store("postgresql://h/x")


def test_a_server_that_does_not_answer():
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="connection") as caught:
        open_store("postgresql://bob:hush@127.0.0.1:1/x?password=hush")
    assert "hush" not in str(caught.value)
    assert str(caught.value).startswith("postgresql://bob:[redacted]@127.0.0.1:1/x")


def test_errors_of_a_transaction_are_one_line(tmp_path):
    engine = open_store(str(tmp_path / "a.db"))
    with (
        pytest.raises(StoreError, match=r"a\.db: no such table: nonsense") as caught,
        clear_errors(str(tmp_path / "a.db")),
        engine.begin() as connection,
    ):
        connection.execute(text("SELECT * FROM nonsense"))
    assert "\n" not in str(caught.value)
    engine.dispose()


def test_shown_and_exists(tmp_path):
    assert shown("postgres://bob:hush@h/x") == "postgresql://bob:[redacted]@h/x"
    assert not exists(str(tmp_path / "a.db"))
    assert exists("sqlite://")
    assert exists("postgresql://h/x")


def test_the_default_is_in_the_users_data_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_url().startswith(f"sqlite:///{tmp_path}")
    assert default_url().endswith("/tocsin.db")
