"""``python -m bench.mix``: what the mixes are made of, measured.

* how many lines hold what some rule looks for: the line satisfies the *anchor* of a condition, the
  texts that follow from it (`tocsin.logic.anchors`), and that condition is a selective one
* how many events ring, by vendor
* how many different values there are
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench.measure import Missing, apart
from bench.setting import CORPORA, File, Setting
from bench.telemetry.mixes import MIXES
from tocsin.alerts.model import Alert
from tocsin.logic.anchors import anchors_of, holds
from tocsin.logic.query import roles_of
from tocsin.rules.model import Rule
from tocsin.runtime.memory import Forgetful
from tocsin.runtime.scan import Scan
from tocsin.sources.files import find

SELECTIVE = 0.01
"""A condition whose anchor stands in more lines than this says little."""

LINES = 1_000
"""Of how many lines the anchors are looked for: one by one, which takes time."""

FIELDS = ("host.name", "user.name", "process.executable", "process.command_line",
          "process.parent.command_line", "file.path", "dll.path", "registry.path",
          "dns.question.name", "destination.ip", "process.entity_id")  # fmt: skip


class Rings:
    """A sink that remembers which events rang, and for how many alerts."""

    def __init__(self) -> None:
        self.events: set[str] = set()
        self.rules: Counter[str] = Counter()

    def write(self, alert: Alert) -> None:
        """Takes an alert: the last of its events is the one that rang."""
        self.events.add(alert.events[-1].id)
        self.rules[alert.rule.id] += 1


class Anchored(NamedTuple):
    """What anchors say of some lines: in which share of them one stands, and how many of them."""

    lines: float
    pairs: float
    selective: int
    conditions: int


def mixes(setting: Setting) -> list[str]:
    """A table of all mixes, as Markdown."""
    columns = {mix: of_mix(setting, mix) for mix in MIXES}
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for what in next(iter(columns.values())):
        cells = (column[what] for column in columns.values())
        lines += [f"| {what} | {' | '.join(cells)} |"]
    return lines


def of_mix(setting: Setting, mix: str) -> dict[str, str]:
    """What a mix is made of."""
    file = setting.events(mix, setting.options.mix_count)
    found = {"events": f"{file.many:,}", "bytes an event": f"{file.size / file.many:,.0f}"}
    for vendor in ("elastic", "pack") if setting.quick else ("elastic", "sigma", "datadog", "pack"):
        try:
            rules = setting.rules(vendor)
        except Missing:
            continue
        setting.told(f"what rings for {vendor} in the {mix} mix")
        rings = apart(partial(_rings, setting, rules, file, mix))
        many, share = sum(rings.rules.values()), len(rings.events) / file.many
        who = "the pack" if vendor == "pack" else f"{vendor.title()}'s rules"
        found[f"events that ring for {who}"] = (
            f"{_share(share)} ({many:,} alerts of {len(rings.rules):,} rules)"
        )
        if vendor == "elastic":
            setting.told(f"which lines of the {mix} mix hold an anchor")
            anchored = _anchored(rules, file)
            found["lines that hold a selective condition's anchor"] = (
                f"{_share(anchored.lines)} ({anchored.pairs:.2f} conditions a line; "
                f"{anchored.selective:,} of {anchored.conditions:,} are selective)"
            )
    with file.path.open("rb") as lines:
        values: dict[str, set[Any]] = {field: set() for field in FIELDS}
        for line in lines:
            document = json.loads(line)
            for field, known in values.items():
                known.add(_at(document, field))
    return found | {f"different `{f}`": f"{len(v - {None}):,}" for f, v in values.items()}


def _rings(setting: Setting, rules: Sequence[Rule], file: File, mix: str) -> Rings:
    setting.cache(mix)
    sink = Rings()
    Scan(rules, find([str(file.path)]), Forgetful(), sink).run()
    return sink


def _anchored(rules: Sequence[Rule], file: File) -> Anchored:
    with file.path.open("rb") as stream:
        lines = stream.readlines()
    count = min(LINES, len(lines) // 10)
    lines = lines[:: len(lines) // count][:count]
    anchors = [anchors_of(role.expr) for rule in rules for role in roles_of(rule.query)]
    rows = [[row for row, line in enumerate(lines) if holds(one, line)] for one in anchors]
    selective = [row for row in rows if len(row) <= SELECTIVE * len(lines)]
    touched = {line for row in selective for line in row}
    pairs = sum(map(len, selective))
    return Anchored(
        len(touched) / len(lines), pairs / len(lines), len(selective), len(anchors)
    )  # fmt: skip


def _share(share: float) -> str:
    return f"1 in {1 / share:,.0f}" if 0 < share < 0.02 else f"{100 * share:.0f} %"


def _at(document: Any, field: str) -> Any:
    for part in field.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def main() -> None:
    """The command of this module's head."""
    parser = argparse.ArgumentParser(prog="python -m bench.mix", description=__doc__.split("\n")[0])
    parser.add_argument("--count", dest="mix_count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpora", type=Path, default=CORPORA)
    options = parser.parse_args(
        namespace=argparse.Namespace(mix="default", count=1, runs=1, quick=False)
    )
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        setting = Setting(options, Path(folder))
        setting.told.row("mix")
        table = mixes(setting)
        setting.told.done()
        print("\n".join(table))


if __name__ == "__main__":
    main()
