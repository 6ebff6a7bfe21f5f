"""How a command ends: exit codes, and errors as one line for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tocsin.cli.safe_text import printable
from tocsin.errors import TocsinError

OK, ALERTS, RULES, USAGE, INTERRUPTED = 0, 1, 2, 3, 130


def fail(message: str, code: int = USAGE) -> SystemExit:
    """Prints a message to standard error and gives the exit to raise."""
    text = "\n".join(printable(line) for line in message.splitlines())
    sys.stderr.write(f"tocsin: {text}\n")
    return SystemExit(code)


@contextmanager
def for_people() -> Iterator[None]:
    """Turns what Tocsin raises on purpose into a message and exit code 3."""
    try:
        yield
    except TocsinError as error:
        raise fail(str(error)) from None
