"""The checks of every store, on a PostgreSQL of their own: started here, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from tests.unit.store import checks

from tocsin.errors import StoreError
from tocsin.store.open import open_store
from tocsin.store.tables import VERSION_TABLE, metadata

pytestmark = pytest.mark.postgres


def _programs() -> Path | None:
    """Where initdb and pg_ctl are: the newest of Debian's, or on PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    on_path = shutil.which("initdb")
    if not found and on_path:
        found = [Path(on_path)]
    return found[-1].parent if found else None


def _as_user() -> list[str]:
    """What to put before a command: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("runuser"):
        return ["runuser", "-u", "postgres", "--"]
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


def _has_user(name: str) -> bool:
    import pwd

    return any(entry.pw_name == name for entry in pwd.getpwall())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (initdb in /usr/lib/postgresql or PATH)")
    as_user = _as_user()
    if as_user and not _has_user("postgres"):
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    # Not tmp_path: a socket's path is short, and another user has to get there.
    place = Path(tempfile.mkdtemp(prefix="tocsin-pg-", dir="/tmp"))

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs / program), *arguments]
        done = subprocess.run(  # its output to a file: the server keeps what it inherits open
            command, cwd=place, stdout=log, stderr=log, timeout=90, check=False
        )
        if done.returncode:
            pytest.fail(f"{program} failed: {(place / 'setup.log').read_text()[-2000:]}")

    with (place / "setup.log").open("wb") as log:
        try:
            if as_user:
                shutil.chown(place, "postgres")
            data = str(place / "data")
            run("initdb", "-D", data, "-U", "tocsin", "-A", "trust", "-E", "UTF8", "--no-sync")
            options = f"-k {place} -c listen_addresses='' -c fsync=off"
            run("pg_ctl", "-D", data, "-o", options, "-l", str(place / "log"), "-w", "start")
            try:
                yield f"postgresql://tocsin:hush@/postgres?host={place}"
            finally:
                run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        finally:
            shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def engine(server: str) -> Iterator[Engine]:
    engine = open_store(server)
    yield engine
    _empty(engine)


def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in (*metadata.tables, VERSION_TABLE):
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    engine.dispose()


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_store(engine, check):
    with engine.begin() as connection:
        check(connection)


def test_what_belongs_together_is_written_together(engine):
    checks.what_belongs_together_is_written_together(engine)


def test_migrations_make_the_tables_that_the_code_knows(engine):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_several_may_open_a_new_store_at_once(server):
    with ThreadPoolExecutor(6) as pool:
        engines = list(pool.map(lambda _: open_store(server), range(6)))
    for engine in engines[1:]:
        engine.dispose()
    _empty(engines[0])


def test_tables_of_other_programs_do_not_matter(server):
    engine = open_store(server)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE users (name text)"))
    open_store(server).dispose()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE users"))
    _empty(engine)


def test_tables_of_our_names_do(server):
    engine = open_store(server)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    with pytest.raises(StoreError, match=r"another program's tables \(alerts") as caught:
        open_store(server)
    assert "hush" not in str(caught.value)
    _empty(engine)


def test_a_database_that_is_not_there(server):
    with pytest.raises(StoreError, match='database "nowhere" does not exist') as caught:
        open_store(server.replace("/postgres?", "/nowhere?"))
    assert "hush" not in str(caught.value)
