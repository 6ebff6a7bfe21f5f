"""What rows measure with: event files, rules, runs. Made when a row first asks for it."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bench.events import generate
from bench.measure import Missing, Progress
from tocsin.logic.query import Filter, NewTerms, Sample
from tocsin.logic.query import Sequence as SequenceQuery
from tocsin.rules.load import load_rules, shipped_pack
from tocsin.rules.model import Rule
from tocsin.runtime.rule_profile import weak_rules as weak
from tocsin.sources.files import find

CORPORA = Path(__file__).resolve().parent.parent.parent / "shared" / "corpora"
"""Where the vendors' published rules lie beside the checkout; they are no part of it."""

BEGINNING = 5_000
"""How many events a scan's beginning has: what it does once for all events is done by then."""

ONE_IN = 12
"""``--quick`` takes one rule in so many."""


class File(NamedTuple):
    """A file of events."""

    path: Path
    many: int
    size: int


class Setting:
    """One call of the benchmark.

    Args:
        options: of the command line.
        folder: a temporary directory.
    """

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.told = Progress()
        self.runs: int = options.runs
        self.quick: bool = options.quick
        self.loading: dict[str, float] = {}
        self.failures: list[str] = []
        self._files: dict[tuple[str, int], File] = {}
        self._beginnings: dict[Path, File] = {}
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self.cache()

    def events(self, mix: str = "", count: int = 0) -> File:
        """A file of events.

        Args:
            mix: of which mix; by default that of the command line.
            count: how many; by default as many as the command line says.
        """
        mix, count = mix or self.options.mix, count or self.options.count
        found = self._files.get((mix, count))
        if found is None:
            self.told(f"making {count:,} events of the {mix} mix")
            path, size = self.folder / f"{mix}-{count}.ndjson", 0
            with path.open("wb", buffering=1 << 20) as file:
                for line in generate(count, self.options.seed, mix):
                    size += file.write(line)
            found = self._files[mix, count] = File(path, count, size)
        return found

    def beginning(self, file: File) -> File:
        """The first events of a file, as one of its own."""
        many = min(BEGINNING, file.many // 4)
        found = self._beginnings.get(file.path)
        if found is None:
            path, size = file.path.with_suffix(f".first{file.path.suffix}"), 0
            with file.path.open("rb") as source, path.open("wb") as target:
                for line in islice(source, many):
                    size += target.write(line)
            found = self._beginnings[file.path] = File(path, many, size)
        return found

    def begins_with(self, file: File, beginning: File) -> None:
        """Says what the first events of a file are, where they are no lines."""
        self._beginnings[file.path] = beginning

    def cache(self, mix: str = "") -> None:
        """Has Tocsin keep what it compiles in a place of the benchmark's own, one for each mix.

        What it learned from one sort of telemetry would otherwise be used on another.
        """
        os.environ["TOCSIN_CACHE"] = str(self.folder / f"cache-{mix or self.options.mix}")

    def rules(self, *vendors: str) -> tuple[Rule, ...]:
        """All rules of some vendors that load: ``elastic``, ``datadog``, ``sigma``, ``pack``."""
        return tuple(rule for vendor in vendors for rule in self._of(vendor))

    def rule_paths(self, *vendors: str) -> list[str]:
        """The same for the command: its arguments. ``--quick`` makes do with the pack."""
        vendors = ("pack",) if self.quick else vendors
        return [part for vendor in vendors for part in ("--rules", str(self._place(vendor)))]

    @cached_property
    def event_rules(self) -> tuple[Rule, ...]:
        """Elastic's EQL and KQL rules that look at events: sequences and new terms too."""
        kinds = (Filter, NewTerms, SequenceQuery, Sample)
        return tuple(rule for rule in self.rules("elastic") if isinstance(rule.query, kinds))

    def _of(self, vendor: str) -> tuple[Rule, ...]:
        found = self._rules.get(vendor)
        if found is None:
            place = self._place(vendor)
            self.told(f"loading the rules of {vendor}")
            begun = time.perf_counter()
            found = load_rules([place]).rules
            if self.quick and vendor != "pack":
                found = found[::ONE_IN]
            self._rules[vendor] = found
            self.loading[vendor] = time.perf_counter() - begun
        return found

    def _place(self, vendor: str) -> Path:
        if vendor == "pack":
            return shipped_pack()
        place: Path = self.options.corpora / vendor
        if not place.is_dir():
            message = f"needs {vendor}'s published rules, in ../shared/corpora/{vendor}"
            raise Missing(message)
        return place


def weak_rules(rules: Sequence[Rule], path: Path) -> frozenset[str]:
    """The ids of rules without a selective text in a file of lines.

    Such a rule asks for nothing that stands in few lines, so that bytes alone drop few events.
    """
    return frozenset(rule.id for rule in weak(rules, find([str(path)]).files))
