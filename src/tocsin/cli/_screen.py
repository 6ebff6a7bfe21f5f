"""What the commands that print tables share: a console, colours with a meaning, safe text.

Nothing here reads markup: text of rules and events is data, and goes through `safe` first.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tocsin.cli.safe_text import printable, printable_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

WIDTH_OF_FILES: Final = 120
"""How wide output is that goes to a file or a pipe, unless COLUMNS says something else."""

NARROW: Final = 100
"""Below this, tables leave out or shorten what can be missed."""

PATIENCE: Final = 2.0
"""Seconds of silence before a bar shows that work goes on."""

SEVERITY_STYLES: Final = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
}


def console(*, stderr: bool = False) -> Console:
    """A console for tables: as wide as the terminal, of fixed width elsewhere."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    fixed = not stream.isatty() and not os.environ.get("COLUMNS")
    return Console(
        stderr=stderr,
        width=WIDTH_OF_FILES if fixed else None,
        markup=False,
        highlight=False,
        emoji=False,
    )


def safe(text: object) -> str:
    """Text of somebody else's, made harmless and put on one line."""
    return printable(" ".join(str(text).split()))


def exact(text: str, style: str = "") -> Text:
    """A value of a rule: safe, and every blank of it as it is."""
    from rich.text import Text

    return Text(printable(text), style=style)


def safe_lines(text: str) -> list[str]:
    """Text of somebody else's, made harmless line by line."""
    return [printable(line.expandtabs(4)).rstrip() for line in text.strip("\n").splitlines()]


def styled(text: object, style: str = "") -> Text:
    """One piece of safe text in a style."""
    from rich.text import Text

    return Text(safe(text), style=style)


def styled_line(line: str, style: str = "") -> Text:
    """A line that is safe already, with its blanks as they are."""
    from rich.text import Text

    return Text(line, style=style)


def number_of(number: int, what: str, plural: str = "s") -> str:
    """``1 rule``, ``2 rules``, ``1,649 rules``; with another ending ``2 matches``."""
    return f"{number:,} {what}{'' if number == 1 else plural}"


def severity(name: str) -> Text:
    """A severity in its colour."""
    return styled(name, SEVERITY_STYLES.get(name, ""))


def table(*columns: str, right: tuple[str, ...] = (), fold: tuple[str, ...] = ()) -> Table:
    """An empty table without lines.

    Args:
        columns: the headings.
        right: those whose numbers stand at the right.
        fold: those whose text goes on below where it is too long; others are never cut.
    """
    from rich.table import Table

    empty = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold dim")
    for column in columns:
        empty.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column not in fold,
        )
    return empty


def put(screen: Console, what: RenderableType, margin: int = 0) -> None:
    """Prints something so many columns in, and no blanks behind its lines."""
    from rich.segment import Segment, Segments

    options = screen.options.update(width=max(1, screen.width - margin))
    for line in screen.render_lines(what, options, pad=False):
        while line and not line[-1].text.rstrip():
            line.pop()
        if line:
            last = line[-1]
            line[-1] = Segment(last.text.rstrip(), last.style)
        pieces = [Segment(" " * margin), *line] if line else []
        screen.print(Segments([*pieces, Segment.line()]), soft_wrap=True, end="")


def print_json(data: Any) -> None:
    """JSON in which what a terminal could take for a command is escaped."""
    text = printable_json(json.dumps(data, indent=2, ensure_ascii=False))
    sys.stdout.write(f"{text}\n")


@contextmanager
def bar(what: str) -> Iterator[None]:
    """Shows on a terminal that work goes on, once it has gone on for `PATIENCE` seconds."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console(stderr=True), transient=True)
    progress.add_task(what, total=None)
    timer = threading.Timer(PATIENCE, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        progress.stop()
