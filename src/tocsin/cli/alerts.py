"""``tocsin alerts``: what was found and kept, one of it in full, and what is settled."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli.errors import for_people
from tocsin.errors import StoreError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from tocsin.store.alerts import AnyStatus, StoredAlert

app = typer.Typer(
    help="Look at the alerts that were kept (tocsin scan --save), and close them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_STATUSES = ("open", "closed", "all")
_FORMS = ("table", "ndjson", "ecs", "ocsf")

_Db = Annotated[
    str,
    typer.Option(
        "--db",
        metavar="URL",
        envvar="TOCSIN_DB",
        show_envvar=True,
        help="Where the alerts are: a file, sqlite:///FILE or postgresql://USER@HOST/NAME. "
        "[default: in your user's data directory]",
        show_default=False,
    ),
]
_Form = Annotated[
    str, typer.Option("--format", "-f", metavar="FORM", help="table, ndjson, ecs or ocsf.")
]


@app.command("list")
def list_stored(
    db: _Db = "",
    status: Annotated[
        str, typer.Option("--status", metavar="STATUS", help="open, closed or all.")
    ] = "open",
    severity: Annotated[
        str,
        typer.Option(
            "--severity",
            metavar="SEVERITY",
            help="Of this severity or above: informational, low, medium, high, critical.",
        ),
    ] = "",
    rule: Annotated[
        str, typer.Option("--rule", metavar="RULE", help="Of a rule: its id, or part of its name.")
    ] = "",
    host: Annotated[str, typer.Option("--host", metavar="NAME", help="Of a host.")] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Happened from then on: 2026-11-14, or 24h (ago).")
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Happened before then.")] = "",
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", help="How many at most; 0 for all.")
    ] = 50,
    form: _Form = "table",
) -> None:
    r"""List alerts, the newest first.

    \b
    Examples:
      tocsin alerts list --severity high --since 24h
      tocsin alerts list --status all --format ndjson --limit 0 > alerts.ndjson
    """
    with for_people():
        from tocsin.cli.values import moment
        from tocsin.store.alerts import count_alerts, list_alerts

        now = _now()
        _choose("--format", form, _FORMS)
        if limit < 0:
            raise UsageError(f"--limit {limit}: give a number of alerts, or 0 for all")
        filters: dict[str, Any] = {
            "status": _choose("--status", status, _STATUSES),
            "severity_at_least": _severity(severity),
            "rule": rule or None,
            "host": host or None,
            "since": moment(since, now=now) if since else None,
            "until": moment(until, now=now) if until else None,
        }
        with _connected(db) as connection:
            if connection is None:
                _nothing_kept(form)
                return
            found = list_alerts(connection, **filters, limit=limit or None)
            total = len(found)
            if limit and total == limit:
                total = count_alerts(connection, **filters)
        if form == "table":
            _table(found, total, filters["status"])
        else:
            _lines(found, form)


@app.command()
def show(
    id: Annotated[  # noqa: A002
        str, typer.Argument(metavar="ID", help="An alert's id, or the beginning of it.")
    ],
    db: _Db = "",
    form: _Form = "table",
) -> None:
    """Show one alert: who, where, why, the events, and the rule's guide."""
    with for_people():
        _choose("--format", form, _FORMS)
        with _connected(db) as connection:
            stored = _find(connection, id)
        if form == "table":
            _page(stored)
        else:
            _lines([stored], form)


@app.command()
def close(
    ids: Annotated[
        list[str],
        typer.Argument(metavar="ID...", help="Alerts' ids, or the beginnings of them."),
    ],
    reason: Annotated[
        str, typer.Option("--reason", "-m", metavar="TEXT", help="Why, for whoever looks later.")
    ] = "",
    db: _Db = "",
) -> None:
    """Close alerts: all that are named, or none if one cannot be found. Again changes nothing."""
    with for_people():
        from tocsin.store.alerts import close_alert

        with _connected(db) as connection:
            # All are looked up before the first is closed.
            chosen = list(dict.fromkeys(_find(connection, id).id for id in ids))  # noqa: A001
        with _connected(db) as connection:
            assert connection is not None  # noqa: S101  (`_find` found something in it)
            closed = [close_alert(connection, id, reason, _now()) for id in chosen]  # noqa: A001
        done, before = sum(closed), len(closed) - sum(closed)
        words = f"closed {done} {'alert' if done == 1 else 'alerts'}"
        typer.echo(words + (f"; {before} had been closed before" if before else ""))


def _now() -> int:
    return time.time_ns()


def _choose(option: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise UsageError(f"{option} {value!r}: choose {', '.join(choices[:-1])} or {choices[-1]}")
    return value


def _severity(text: str) -> str | None:
    from tocsin.rules.model import SEVERITIES, severity_of

    if not text:
        return None
    found = severity_of(text)
    if found is None:
        raise UsageError(f"--severity {text!r}: choose {', '.join(SEVERITIES)}")
    return found


@contextmanager
def _connected(db: str) -> Iterator[Connection | None]:
    """A transaction on the store; None where the default one was never written.

    A store that was named and is not there is an error: nothing is created by looking.
    """
    from tocsin.store.open import clear_errors, default_url, exists, open_store, shown

    url = db or default_url()
    if not exists(url):
        if db:
            raise StoreError(f"there is no store {shown(url)}")
        yield None
        return
    engine: Engine = open_store(url)
    try:
        with clear_errors(url), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _find(connection: Connection | None, id_or_prefix: str) -> StoredAlert:
    from tocsin.store.alerts import get_alert

    stored = None if connection is None else get_alert(connection, id_or_prefix)
    if stored is None:
        raise UsageError(
            f"there is no alert {id_or_prefix!r}; `tocsin alerts list --status all` shows them"
        )
    return stored


# --- printing ------------------------------------------------------------------------------------


def _nothing_kept(form: str) -> None:
    if form == "table":
        typer.echo("No alerts are kept yet: `tocsin scan --save INPUT` keeps them.")


def _table(found: list[StoredAlert], total: int, status: AnyStatus) -> None:
    from tocsin.cli._screen import console
    from tocsin.cli.render import alert_table

    kind = "" if status == "all" else f"{status} "
    if not found:
        typer.echo(f"No {kind}alerts match.")
        return
    screen = console()
    alert_table(found, screen)
    screen.print()
    if total > len(found):
        screen.print(f"{len(found)} of {total:,} {kind}alerts; --limit 0 lists all.", style="dim")
    else:
        screen.print(f"{total:,} {kind}{'alert' if total == 1 else 'alerts'}.", style="dim")


def _page(stored: StoredAlert) -> None:
    from rich.text import Text

    from tocsin.cli._screen import console
    from tocsin.cli.render import alert_panel
    from tocsin.cli.safe_text import printable
    from tocsin.logic.field_types import render_date

    screen = console()
    if stored.status == "closed":
        when = render_date(stored.closed_at or 0)[:19].replace("T", " ")
        why = f": {printable(stored.closed_reason)}" if stored.closed_reason else ""
        screen.print(Text(f"closed {when} UTC{why}", style="dim"))
    alert_panel(stored.alert, screen, guide="full")


def _lines(found: list[StoredAlert], form: str) -> None:
    """One JSON document a line, nothing in it that a terminal could take for a command."""
    import msgspec

    from tocsin.alerts.ecs import ecs_documents
    from tocsin.alerts.ocsf import ocsf_finding
    from tocsin.cli.safe_text import printable_json

    for stored in found:
        closed = stored.status == "closed"
        match form:
            case "ecs":
                documents = ecs_documents(stored.alert, closed=closed)
            case "ocsf":
                documents = [ocsf_finding(stored.alert, closed=closed)]
            case _:
                fate = {n: getattr(stored, n) for n in ("status", "closed_at", "closed_reason")}
                documents = [{**msgspec.json.decode(stored.document), **fate}]
        for document in documents:
            text = msgspec.json.encode(document).decode()
            sys.stdout.write(f"{printable_json(text)}\n")
