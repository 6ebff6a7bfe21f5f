"""Opening the store: a URL becomes an engine on a database that is up to date.

``sqlite:///relative.db``, ``sqlite:////absolute.db`` or just a path; ``postgresql://…``.

Several processes may open the same new database at once: the first migrates it, the others wait.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from tocsin.alerts.scrub import scrub_text
from tocsin.errors import StoreError
from tocsin.store.tables import HEAD, VERSION_TABLE, metadata

_BUSY_MILLISECONDS = 30_000
_LOCK = 0x746F_6373_696E  # "tocsin": PostgreSQL's advisory lock while migrating
_DRIVER = "postgresql+psycopg"


def default_url() -> str:
    """The database in the user's data directory."""
    import platformdirs

    return f"sqlite:///{platformdirs.user_data_path('tocsin', appauthor=False) / 'tocsin.db'}"


def open_store(url: str) -> Engine:
    """An engine on the database, which is created or brought up to date first.

    Raises:
        StoreError: the URL, file, driver or server cannot be used, or the database was written by
            a newer Tocsin. The message never holds a password.
    """
    parsed = _parse(url)
    with clear_errors(url):
        engine = _sqlite(parsed) if parsed.drivername == "sqlite" else _postgres(parsed)
        try:
            _migrate(engine)
        except BaseException:
            engine.dispose()
            raise
    return engine


def exists(url: str) -> bool:
    """Whether there is a store to be opened; what a server has, only opening tells."""
    parsed = _parse(url)
    if parsed.drivername != "sqlite" or parsed.database in (None, "", ":memory:"):
        return True
    return Path(str(parsed.database)).expanduser().exists()


def shown(url: str) -> str:
    """A store's URL as it may be printed: without its password."""
    return _shown(_parse(url))


def _shown(url: URL) -> str:
    url = url.set(drivername=url.get_backend_name())
    return scrub_text(url.render_as_string(hide_password=True))


@contextlib.contextmanager
def clear_errors(url: str) -> Iterator[None]:
    """What the database says becomes a StoreError of one line that names the store.

    Use it around transactions that a person waits for.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(f"{shown(url)}: {_reason(error)}") from error


# --- URLs and engines ----------------------------------------------------------------------------


def _parse(url: str) -> URL:
    if not url.strip():
        raise StoreError("the store's URL is empty; try sqlite:///tocsin.db or postgresql://…")
    if "://" not in url:
        return URL.create("sqlite", database=url)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        without_user = re.sub("://.*@", "://[redacted]@", url)
        raise StoreError(
            f"{without_user!r} is no URL of a store; try sqlite:///tocsin.db or "
            "postgresql://user@host/database"
        ) from None
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return parsed.set(drivername="sqlite")
        case "postgres" | "postgresql" | "postgresql+psycopg":
            return parsed.set(drivername=_DRIVER)
        case other:
            raise StoreError(
                f"alerts are stored in SQLite or PostgreSQL, not {other!r}; "
                "try sqlite:///tocsin.db or postgresql://user@host/database"
            )


def _sqlite(url: URL) -> Engine:
    options: dict[str, Any] = {}
    if url.database in (None, "", ":memory:"):
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    elif str(url.database).startswith("file:"):
        raise StoreError("SQLite's own 'file:' URIs are not supported: name the file itself")
    else:
        path = Path(str(url.database)).expanduser()
        _create(path)
        url = url.set(database=str(path))
    engine = create_engine(url, **options)
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _create(path: Path) -> None:
    """The file and its directories, for the user alone; what exists keeps its mode."""
    if path.is_dir():
        raise StoreError(f"{path} is a directory: name a file for the store")
    missing = [parent for parent in path.parents if not parent.exists()]
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    # SQLite opens what it cannot write for reading, and fails later and less clearly.
    with path.open("rb+"):
        pass


def _set_up_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the transactions are ours, see `_begin`
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # committed is committed, also when power fails
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    how = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    connection.exec_driver_sql(how)


def _postgres(url: URL) -> Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise StoreError(
            "PostgreSQL needs the psycopg driver: pip install 'tocsin[postgres]'"
        ) from error
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": "10"})
    return create_engine(url, pool_pre_ping=True)


# --- migrations ----------------------------------------------------------------------------------


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.connect() as connection:
        connection = connection.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            found = _revision(connection)
            if found != HEAD:  # somebody else may have done it while this one waited
                _upgrade(connection, found)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    revision = found.scalar()
    return None if revision is None else str(revision)


def _upgrade(connection: Connection, found: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    place = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(place).replace("%", "%%"))
    config.attributes["connection"] = connection
    if found is None:
        _refuse_foreign_tables(connection)
    elif found not in {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}:
        raise StoreError(
            f"{_name(connection)} was written by a newer Tocsin (its schema is {found}, "
            f"this Tocsin knows up to {HEAD}): upgrade Tocsin"
        )
    command.upgrade(config, "head")


def _refuse_foreign_tables(connection: Connection) -> None:
    there = set(inspect(connection).get_table_names())
    if connection.dialect.name == "postgresql":  # other programs may have tables beside ours
        there &= set(metadata.tables)
    if there:
        raise StoreError(
            f"{_name(connection)} holds another program's tables ({', '.join(sorted(there)[:5])})"
            ": name another database"
        )


def _name(connection: Connection) -> str:
    return _shown(connection.engine.url)


def _reason(error: BaseException) -> str:
    """What went wrong, in one line, without SQL and without secrets."""
    if isinstance(error, OSError):
        return f"{error.strerror or error} ({error.filename})" if error.filename else str(error)
    cause = error.orig if isinstance(error, DatabaseError) and error.orig else error
    words = " ".join(str(cause).split())
    advice = {
        "file is not a database": "this file is not a database; name another",
        "database is locked": "the database stayed locked by another process",
        "attempt to write a readonly database": "the file or its directory cannot be written to",
        "unable to open database file": "the file cannot be opened",
    }
    return advice.get(words, scrub_text(words) or type(error).__name__)
