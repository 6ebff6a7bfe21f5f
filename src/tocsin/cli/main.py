"""The command ``tocsin``: mounts the commands and turns every way to end into an exit code.

0 fine · 1 alerts at or above --fail-on · 2 a rule could not be loaded (--strict, lint) · 3 input,
settings or usage wrong · 130 interrupted
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from tocsin.cli import alerts, demo, explain, rules, scan
from tocsin.cli.errors import INTERRUPTED, OK, USAGE, fail
from tocsin.errors import TocsinError

# Typer brings its own copy of click, or uses the one there is: its exceptions are in the module of
# the one that it does export.
_exceptions = sys.modules[typer.BadParameter.__module__]
_NoArguments = _exceptions.NoArgsIsHelpError
_Refused = _exceptions.ClickException

app = typer.Typer(
    name="tocsin",
    help="Run the detection rules that vendors publish on your own telemetry.",
    epilog="Start with: tocsin demo · Then: tocsin scan capture.pcap events.ndjson.gz",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("scan")(scan.scan)
app.command("explain")(explain.explain)
app.command("demo")(demo.demo)
app.add_typer(alerts.app, name="alerts")
app.add_typer(rules.app, name="rules")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tocsin {version('tocsin')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Run the detection rules that vendors publish on your own telemetry."""


def run(arguments: list[str] | None = None) -> int:
    """Runs a command line and exits.

    Raises:
        SystemExit: always, with the exit code.
    """
    _open_streams()
    stdout = sys.stdout
    try:
        code = _code_of(arguments)
        stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has enough; nothing must be said to a closed pipe at exit.
        _discard(stdout)
        code = OK
    except OSError as error:
        _discard(stdout)
        named = f"{error.filename}: " if error.filename else ""
        raise fail(f"{named}{(error.strerror or str(error)).lower()}") from None
    sys.exit(code)


def _code_of(arguments: list[str] | None) -> int:
    """What the command line's command ends with."""
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="tocsin", standalone_mode=False)
    except _NoArguments as error:
        # A bare `tocsin` asks for help; that is called an error only inside.
        sys.stdout.write(error.format_message() + "\n")
        return OK
    except _Refused as error:
        error.show(sys.stderr)
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        code = fail("interrupted", INTERRUPTED).code
    except TocsinError as error:
        code = fail(str(error)).code
    except SystemExit as end:
        if end.code == 1:
            # How Typer and rich take a closed pipe. What ends with 1 for alerts returns it.
            raise BrokenPipeError from None
        code = end.code
    return code if isinstance(code, int) else OK


def _open_streams() -> None:
    """What was closed before Tocsin was started discards; what cannot be encoded is escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nothing = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the end)
            setattr(sys, name, nothing)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard(stream: TextIO) -> None:
    """What is still to be written cannot be, and must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
