"""``python -m tocsin.cli``: the same as the command ``tocsin``."""

from __future__ import annotations

from tocsin.cli.main import run

run()
