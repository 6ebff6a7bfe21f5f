"""``./dev bench``: what `tocsin scan` does, as ratios within one run; see docs/benchmarks.md.

Without arguments it measures every row, prints the table and writes it into docs/benchmarks.md:
about an hour. ``--quick`` only shows that everything works: small sizes, figures that mean little.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.mix import mixes
from bench.page import machine, write
from bench.profile import profile
from bench.setting import CORPORA, Setting
from bench.table import ROWS, markdown, measured
from bench.telemetry.mixes import MIXES

BESIDE = {"profile": profile, "mix": mixes}
"""Tables of their own: where the time goes, what the events are."""

QUICK = {"count": 2_000, "runs": 1, "gigabytes": 0.02, "mix_count": 500, "install": False}
FULL = {"count": 100_000, "runs": 5, "gigabytes": 10.0, "mix_count": 100_000, "install": True}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes; status 1: a row failed."""
    options = parsed(arguments)
    only = options.only or [*(row.key for row in ROWS), *BESIDE]
    sections: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-", dir=options.folder) as folder:
        setting = Setting(options, Path(folder))
        rows = [row for row in ROWS if row.key in only]
        figures = [(row, measured(row, setting)) for row in rows]
        if rows:
            sections["table"] = [_header(setting), "", *markdown(figures)]
        for name, make in BESIDE.items():
            if name in only:
                setting.told.row(name)
                sections[name] = make(setting)
        setting.told.done()
    for lines in sections.values():
        print("\n".join(lines), end="\n\n")
    for failure in setting.failures:
        print(failure, file=sys.stderr)
    if not options.only and not options.quick and options.mix == "default":
        write(sections)
    return 1 if setting.failures else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; what is not given depends on ``--quick``."""
    keys = [row.key for row in ROWS]
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="only show that everything works")
    parser.add_argument("--only", action="append", choices=[*keys, *BESIDE], metavar="ROW",
                        help=f"one row, again for more: {', '.join([*keys, *BESIDE])}")  # fmt: skip
    parser.add_argument("--mix", choices=MIXES, default="default", help="what events are drawn of")
    parser.add_argument("--count", type=int, help="how many events")
    parser.add_argument("--mix-count", type=int, help="how many of which to say what they are")
    parser.add_argument("--runs", type=int, help="pairs of runs; the median counts")
    parser.add_argument("--gigabytes", type=float, help="how much for the rows about memory")
    parser.add_argument("--install", action=argparse.BooleanOptionalAction,
                        help="whether peers that are not there are installed")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpora", type=Path, default=CORPORA, metavar="DIR",
                        help="published rules: DIR/elastic, DIR/datadog, DIR/sigma")  # fmt: skip
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where large files go")
    options = parser.parse_args(arguments)
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def _header(setting: Setting) -> str:
    options = setting.options
    rules = ", ".join(
        f"{len(setting.rules(vendor)):,} of {vendor} in {seconds:.1f} s"
        for vendor, seconds in setting.loading.items()
    )
    return (
        f"{machine()}. {options.count:,} events of the {options.mix} mix, seed {options.seed}; "
        f"median of {options.runs} pairs. Rules loaded: {rules or 'none'}."
    )


if __name__ == "__main__":
    sys.exit(main())
