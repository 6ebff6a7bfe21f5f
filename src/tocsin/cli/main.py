"""The command ``tocsin``: mounts the commands and turns every way to end into an exit code.

0 fine · 1 alerts at or above --fail-on · 2 a rule could not be loaded (--strict, lint) · 3 input,
settings or usage wrong · 130 interrupted
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

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
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="tocsin", standalone_mode=False)
    except _NoArguments as error:
        # A bare `tocsin` asks for help; that is called an error only inside.
        sys.stdout.write(error.format_message() + "\n")
        sys.exit(OK)
    except _Refused as error:
        error.show(sys.stderr)
        sys.exit(USAGE)
    except (KeyboardInterrupt, typer.Abort):
        raise fail("interrupted", INTERRUPTED) from None
    except TocsinError as error:
        raise fail(str(error)) from None
    except BrokenPipeError:
        # Whoever read the output has enough; nothing must be said to a closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(OK)
    sys.exit(code if isinstance(code, int) else OK)
