"""The command: ``python -m tocsin.testing.generate PATH… [--json] [--seed N]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from tocsin.errors import TocsinError
from tocsin.rules.load import load_rules
from tocsin.testing.generate import generate, text

USAGE: Final = 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes events for rules; 0: all is well, 1: a rule failed, 3: an argument makes no sense."""
    parser = _Parser("python -m tocsin.testing.generate", description="Make events for rules.")
    parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="rule files")
    parser.add_argument("--json", action="store_true", help="print one line a rule")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for what chance chooses")
    given = parser.parse_args(arguments)
    try:
        loaded = load_rules(given.paths)
    except TocsinError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return USAGE
    found = []
    for one in generate(loaded.rules, seed=given.seed):
        found.append(one)
        if given.json:
            print(msgspec.json.encode(one.as_json()).decode())
    if not given.json:
        print(text(found))
    return 1 if any(one.failed for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
