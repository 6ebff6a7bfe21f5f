"""Rows about how soon an answer comes: of a micro-batch, of the command."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.figures import Figure
from bench.measure import apart
from bench.setting import File, Setting
from tocsin.events.record import Record
from tocsin.logic.query import Filter
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector
from tocsin.sources.files import OpenFile, find

BATCH = 100
RULES = 1_000
STARTS = 7
"""How many times a command is started."""


def micro_batch(setting: Setting) -> Figure:
    """One batch of 100 events with 1,000 rules over single events."""
    rules = [rule for rule in setting.rules("elastic") if isinstance(rule.query, Filter)][:RULES]
    file = setting.events(count=min(setting.options.count, 20_000))
    seconds = apart(partial(_feed, setting, rules, file))
    middle = statistics.median(seconds) * 1000
    worst = statistics.quantiles(seconds, n=20)[-1] * 1000
    detail = f"{len(rules):,} rules, {len(seconds)} batches, 95 % below {worst:.1f} ms"
    return Figure(middle, f"{middle:.1f} ms", detail)


def _feed(setting: Setting, rules: Sequence[Rule], file: File) -> list[float]:
    setting.cache()
    with OpenFile(find([str(file.path)]).files[0]) as opened:
        records = [record for record in opened.records() if isinstance(record, Record)]
    detector = Detector(rules, now=time.time_ns())
    seconds = []
    for start in range(0, len(records) - BATCH + 1, BATCH):
        batch = records[start : start + BATCH]
        begun = time.perf_counter()
        detector.feed(batch, "bench")
        seconds.append(time.perf_counter() - begun)
    return seconds[len(seconds) // 10 :]  # what it learns at first it learns once


def help_text(setting: Setting) -> Figure:
    """``tocsin --help``."""
    return _seconds(setting, ["--help"])


def empty_file(setting: Setting) -> Figure:
    """``tocsin scan`` of an empty file with the rules of all vendors."""
    empty = setting.folder / "empty.ndjson"
    empty.touch()
    scan = ["scan", str(empty), "--quiet"]
    everything = setting.rule_paths("elastic", "datadog", "sigma")
    figure = _seconds(setting, scan + everything)
    alone = _seconds(setting, scan + setting.rule_paths("elastic"))
    return figure._replace(detail=f"{figure.detail}; with Elastic's rules alone {alone.text}")


def _seconds(setting: Setting, arguments: list[str]) -> Figure:
    setting.cache()
    _start(arguments)  # what is compiled once is compiled now
    seconds = []
    starts = 1 if setting.quick else STARTS
    for number in range(starts):
        seconds.append(_start(arguments))
        setting.told(f"start {number + 1} of {starts}: {seconds[-1]:.2f} s")
    middle = statistics.median(seconds)
    return Figure(middle, f"{middle:.2f} s", f"{min(seconds):.2f} to {max(seconds):.2f} s")


def _start(arguments: list[str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run([command(), *arguments], capture_output=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return seconds


def command() -> str:
    """The command ``tocsin`` of this environment."""
    return str(Path(sys.executable).parent / "tocsin")
