"""``tocsin scan``: telemetry and rules in, alerts out."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from tocsin.cli._scan_report import refused, report
from tocsin.cli.errors import ALERTS, OK, RULES, USAGE, fail, for_people
from tocsin.cli.options import AgentVersion, InputFormat, Values, environment
from tocsin.cli.safe_text import printable_json
from tocsin.errors import UsageError

if TYPE_CHECKING:
    from tocsin.rules.environment import Environment
    from tocsin.rules.model import Loaded, Problem
    from tocsin.runtime.scan import Memory
    from tocsin.runtime.summary import Summary
    from tocsin.sinks.lines import Held

MOST_SHOWN = 1_000
"""How many alerts the table holds; machines' formats have no limit."""

MOST_IN_FULL = 12
"""Up to how many alerts are shown with evidence and first steps, and not as rows."""


def scan(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Captures, Windows event logs, audit logs, JSON of sensors and clouds, plain or "
            ".gz or .zst; directories of them; - for standard input.",
            show_default=False,
        ),
    ],
    input_format: InputFormat = "",
    rules: Annotated[
        list[Path] | None,
        typer.Option(
            "--rules",
            "-r",
            metavar="PATH",
            help="A rule file or a directory of them; again for more. [default: the pack that "
            "ships]",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORM", help="table, ndjson, ecs or ocsf.")
    ] = "table",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the alerts there."),
    ] = None,
    since: Annotated[
        str,
        typer.Option(metavar="TIME", help="Only events from then on: 2026-11-14, or 24h (ago)."),
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Only events up to then.")] = "",
    warm_up: Annotated[
        str,
        typer.Option(
            "--warm-up",
            metavar="DURATION",
            help="Learn what is normal for so long, from the first event on, before what is new "
            "rings: 12h, 7d.",
        ),
    ] = "",
    indicators: Annotated[
        list[Path] | None,
        typer.Option(
            "--indicators",
            metavar="PATH",
            help="Indicators of threats (JSON in ECS, CSV, STIX) for the rules that look for them: "
            "a file or a directory; again for more.",
            show_default=False,
        ),
    ] = None,
    exceptions: Annotated[
        list[Path] | None,
        typer.Option(
            "--exceptions",
            metavar="FILE",
            help="What never alerts: exception lists as Kibana exports them, or YAML with the same "
            "keys, for the rules that name them; again for more.",
            show_default=False,
        ),
    ] = None,
    max_signals: Annotated[
        str,
        typer.Option(
            "--max-signals",
            metavar="N",
            help="How many alerts a run of an Elastic rule may make that does not say: a number, "
            "or default for Elastic's 100. Without it, any number.",
        ),
    ] = "",
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            metavar="SEVERITY",
            help="Exit 1 on an alert of this severity or above: informational, low, medium, high, "
            "critical.",
        ),
    ] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 2 if a rule could not be loaded.")
    ] = False,
    strict_fields: Annotated[
        bool,
        typer.Option(
            "--strict-fields", help="Refuse rules that name a field which no schema knows."
        ),
    ] = False,
    agent: AgentVersion = "",
    values: Values = None,
    db: Annotated[
        str,
        typer.Option(
            "--db",
            metavar="URL",
            envvar="TOCSIN_DB",
            show_envvar=True,
            help="Keep alerts and what rules remember: a file, sqlite:///FILE or "
            "postgresql://USER@HOST/NAME.",
        ),
    ] = "",
    save: Annotated[
        bool, typer.Option("--save", help="The same, in your user's data directory.")
    ] = False,
    dead_letter: Annotated[
        Path | None,
        typer.Option(
            "--dead-letter", metavar="FILE", help="Append what could not be decoded, as NDJSON."
        ),
    ] = None,
    verify_input: Annotated[
        bool,
        typer.Option(
            "--verify-input",
            help="Decode every line, also those that no rule can match, and name the broken ones.",
        ),
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, help="How many processes read JSON or Parquet."
        ),
    ] = 1,
    guide: Annotated[
        str,
        typer.Option("--guide", metavar="HOW", help="The guide in the table: short, full, none."),
    ] = "short",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No summary and no progress bar.")
    ] = False,
) -> int:
    """Run rules over telemetry and print the alerts.

    Exit status: 3 if an input or an option is wrong, else 2 with --strict if a rule could not be
    loaded, else 1 with --fail-on if an alert is that severe, else 0.

    \b
    Examples:
      tocsin scan capture.pcap
      tocsin scan --rules ~/detection-rules/rules /var/log/endpoint/
      zcat events.gz | tocsin scan - --format ndjson --fail-on high
      tocsin scan today/ --save --warm-up 7d
    """  # noqa: D301  (the \b is for the help: keep these lines as they are)
    with for_people():
        where = environment(agent, values)
        return _scan(
            inputs, input_format, rules, where, form, output, since, until, warm_up,
            indicators or [], exceptions or [], max_signals, fail_on, strict, strict_fields,
            _store_url(db, save), dead_letter, verify_input, jobs, guide, quiet,
        )  # fmt: skip


def _scan(
    inputs: list[str],
    input_format: str,
    rule_paths: list[Path] | None,
    where: Environment,
    form: str,
    output: Path | None,
    since: str,
    until: str,
    warm_up: str,
    indicator_paths: list[Path],
    exception_paths: list[Path],
    max_signals: str,
    fail_on: str,
    strict: bool,
    strict_fields: bool,
    url: str,
    dead_letter: Path | None,
    verify_input: bool,
    jobs: int,
    guide: str,
    quiet: bool,
) -> int:
    import datetime as dt

    from tocsin.cli.values import duration, moment
    from tocsin.rules.load import load_rules, shipped_pack
    from tocsin.rules.model import SEVERITIES, severity_of
    from tocsin.runtime.detector import Window
    from tocsin.runtime.scan import Scan
    from tocsin.sinks.lines import FORMS, Held, Lines
    from tocsin.sources.files import find
    from tocsin.sources.indicators import load_indicators

    now = time.time_ns()
    if form not in ("table", *FORMS):
        message = f"--format {form!r}: choose table, {', '.join(FORMS)}"
        raise UsageError(message)
    if guide not in {"short", "full", "none"}:
        message = f"--guide {guide!r}: choose short, full or none"
        raise UsageError(message)
    threshold = severity_of(fail_on) if fail_on else None
    if fail_on and threshold is None:
        message = f"--fail-on {fail_on!r}: choose {', '.join(SEVERITIES)}"
        raise UsageError(message)
    window = Window(
        moment(since, now=now) if since else None, moment(until, now=now) if until else None
    )
    if window.since is not None and window.until is not None and window.since > window.until:
        message = f"--since {since} is later than --until {until}: nothing is in between"
        raise UsageError(message)
    learning = duration(warm_up) if warm_up else dt.timedelta(0)
    found = find(inputs, input_format)
    indicators = load_indicators(indicator_paths, now=now)
    used = [Path(file.name) for file in found.files] + (rule_paths or [])
    used += [*indicator_paths, *exception_paths]
    used += [_file_of(url)] if url else []
    _keep_apart("--output", output, used)
    _keep_apart("--dead-letter", dead_letter, used if output is None else [*used, output])
    loaded = load_rules(
        rule_paths or [near(shipped_pack())], environment=where, strict_fields=strict_fields
    )
    most = _most_signals(max_signals)
    loaded, unused = excepted(loaded, exception_paths, now)
    if not loaded.rules and not loaded.problems:
        named = ", ".join(map(str, rule_paths or []))
        message = (
            f"no rule in {named}: Tocsin reads Elastic's .toml and .ndjson, "
            "Datadog's .policy, .yaml and .json, and Sigma's .yml"
        )
        raise UsageError(message)

    with ExitStack() as stack:
        stream = stack.enter_context(_output(output))
        held = Held(MOST_SHOWN, MOST_IN_FULL)
        sink: Any = held if form == "table" else Lines(stream, form)  # type: ignore[arg-type]
        moved = stack.enter_context(_progress(sum(f.size for f in found.files), quiet))
        job = Scan(
            loaded.rules, found, _memory(url, stack), sink, window=window, warm_up=learning,
            dead_letters=dead_letter, indicators=indicators.documents, max_signals=most,
            moved=moved, verify_input=verify_input, jobs=jobs,
        )  # fmt: skip
        try:
            summary = job.run()
        except KeyboardInterrupt:
            kept = (
                "what was found is kept; the same command goes on from there"
                if url
                else ("nothing is kept without --save or --db")
            )
            raise fail(f"interrupted: {kept}", 130) from None
        if form == "table":
            _table(held, stream, to_file=output is not None, guide=guide)
    if not quiet:
        report(summary, loaded, found.passed_over, indicators, unused)
    elif summary.refused:
        refused(summary)
    return _exit_code(summary, loaded, strict, threshold)


def _most_signals(text: str) -> int | None:
    from tocsin.runtime.outcome import ELASTIC_DEFAULT

    if not text:
        return None
    if text == "default":
        return ELASTIC_DEFAULT
    if not text.isdecimal() or not int(text):
        message = f"--max-signals {text!r}: write a number above 0, or default"
        raise UsageError(message)
    return int(text)


def excepted(loaded: Loaded, paths: list[Path], now: int) -> tuple[Loaded, list[Problem]]:
    """The rules with their exceptions; problems that are a file's own count among the rules'."""
    import msgspec

    from tocsin.rules.exception_files import read_exceptions
    from tocsin.rules.exceptions import Exceptions, except_from

    if not paths:
        return loaded, []
    for path in paths:
        if not path.is_file():
            message = f"--exceptions {path}: no such file"
            raise UsageError(message)
    found = sum((read_exceptions(path, now=now) for path in paths), Exceptions())
    rules, unused = except_from(loaded.rules, found)
    problems = (*loaded.problems, *found.problems)
    return msgspec.structs.replace(loaded, rules=tuple(rules), problems=problems), unused


def near(path: Path) -> Path:
    """The path as a person here would write it: relative where it lies below the folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _exit_code(summary: Summary, loaded: Loaded, strict: bool, threshold: str | None) -> int:
    from tocsin.rules.model import SEVERITIES

    if summary.refused:
        return USAGE
    if strict and any(problem.is_failure for problem in loaded.problems):
        return RULES
    highest = summary.highest
    if threshold and highest and SEVERITIES.index(highest) >= SEVERITIES.index(threshold):
        return ALERTS
    return OK


def _store_url(db: str, save: bool) -> str:
    if db:
        return db
    if not save:
        return ""
    from tocsin.store.open import default_url

    return default_url()


def _memory(url: str, stack: ExitStack) -> Memory:
    from tocsin.runtime.memory import Forgetful, Stored

    if not url:
        return Forgetful()
    from tocsin.store.open import open_store

    engine = open_store(url)
    stack.callback(engine.dispose)
    return Stored(engine)


def _keep_apart(option: str, written: Path | None, used: list[Path]) -> None:
    """Refuses to write over what is read, or written otherwise."""
    if written is None or not written.is_file():
        return
    for path in used:
        if path.is_file() and path.samefile(written):
            message = f"{option} {written}: this scan uses that file for something else"
            raise UsageError(message)


def _file_of(url: str) -> Path:
    """The file of a store; of one without a file, a path at which there is none."""
    return Path(url.partition("://")[2].removeprefix("/") if "://" in url else url)


@contextmanager
def _output(path: Path | None) -> Iterator[Any]:
    """Where alerts are written, as a binary stream."""
    try:
        if path is not None:
            with path.open("wb") as stream:
                yield stream
        else:
            yield _Terminal(sys.stdout.buffer) if sys.stdout.isatty() else sys.stdout.buffer
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "standard output" if path is None else f"--output {path}"
        message = f"{name}: {(error.strerror or str(error)).lower()}"
        raise UsageError(message) from error


class _Terminal:
    """Takes lines of JSON; what a terminal could take for a command is escaped in them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        self._stream.write(printable_json(data.decode()).encode())


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[int, int, int], None]]:
    """A bar on standard error after two seconds of work, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda _read, _total, _alerts: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("scanning"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[alerts]} alerts"), console=Console(stderr=True), transient=True,
    )  # fmt: skip
    task = bar.add_task("scan", total=total or None, alerts=0)
    begun, shown = time.monotonic(), False

    def moved(read: int, _total: int, alerts: int) -> None:
        nonlocal shown
        bar.update(task, completed=read, alerts=alerts)
        if not shown and time.monotonic() - begun > 2:
            bar.start()
            shown = True

    try:
        yield moved
    finally:
        if shown:
            bar.stop()


def _table(held: Held, stream: Any, *, to_file: bool, guide: str) -> None:
    from rich.console import Console

    from tocsin.cli.render import alert_panel, alert_table

    alerts = held.in_order()
    if not alerts:
        return
    with ExitStack() as stack:
        console = Console(highlight=False)
        if to_file:
            file = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace")
            stack.callback(file.detach)
            console = Console(file=file, width=120, highlight=False)
        if len(alerts) <= MOST_IN_FULL:
            for alert in alerts:
                alert_panel(alert, console, guide=guide)  # type: ignore[arg-type]
        else:
            alert_table(alerts, console)
            console.print(
                f"{len(alerts)} alerts: too many to show each with its evidence. "
                "--format ndjson has all of it; --save and then `tocsin alerts show ID` shows one."
            )
        if held.left_out:
            console.print(f"{held.left_out:,} more alerts are not in the table.")
