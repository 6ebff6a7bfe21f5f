"""The command: ``python -m tocsin.testing.conformance FILE… [--engine …] [--json]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import msgspec

from tocsin.errors import InputError
from tocsin.testing.conformance import run_file
from tocsin.testing.conformance.cases import ENGINES
from tocsin.testing.conformance.report import text

USAGE: Final = 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs suites; 0: nothing failed, 1: something did, 3: a file or argument makes no sense."""
    parser = _Parser("python -m tocsin.testing.conformance", description="Run test suites.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a suite, as JSON")
    parser.add_argument(
        "--engine", choices=(*ENGINES, "both"), default="both",
        help="which engine has to give the answer (default: both)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one array, an object a file")
    given = parser.parse_args(arguments)
    engines = ENGINES if given.engine == "both" else (given.engine,)
    try:
        reports = [run_file(file, engines) for file in given.files]
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return USAGE
    if given.json:
        print(msgspec.json.format(msgspec.json.encode([r.as_json() for r in reports])).decode())
    else:
        print(text(reports))
    return 1 if any(report.failures() for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
