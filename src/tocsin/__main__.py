"""``python -m tocsin`` and the command ``tocsin``."""

from __future__ import annotations

import sys


def run() -> None:
    """Runs the command line; an interruption while it is still being read ends it quietly too."""
    try:
        from tocsin.cli.main import run as run_command

        run_command()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
