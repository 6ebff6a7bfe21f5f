"""``tocsin demo``: the main job on telemetry that ships with Tocsin."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.cli.errors import for_people


def demo(
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORM", help="table, ndjson, ecs or ocsf.")
    ] = "table",
) -> int:
    """Scan a day of a small cloud fleet in which somebody steals a credential.

    The telemetry is made by Tocsin's own generator: benign metadata traffic of agents and SDKs on a
    dozen hosts, and a theft in three places. The first twelve hours are for learning.
    """
    from importlib.resources import as_file, files

    from tocsin.cli.scan import near, scan

    with for_people(), as_file(files("tocsin.lab") / "data" / "fleet-day") as day:
        typer.echo(f"$ tocsin scan {near(day)} --warm-up 12h", err=True)
        return scan([str(near(day))], warm_up="12h", form=form)
