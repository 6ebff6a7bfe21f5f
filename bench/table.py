"""The rows: what is measured, the goal, and whether it was met."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench import memory, response, throughput
from bench.figures import Figure
from bench.measure import Missing
from bench.peers import python_eql, tenzir
from bench.setting import Setting


class Row(NamedTuple):
    """A row.

    Attributes:
        key: for ``--only``.
        what: is measured.
        goal: as it is written; empty: none.
        bound: the goal as a number.
        is_most: the goal is the most that may be; otherwise the least.
        measure: measures it.
    """

    key: str
    what: str
    goal: str
    bound: float
    is_most: bool
    measure: Callable[[Setting], Figure]


def _least(key: str, what: str, bound: float, measure: Callable[[Setting], Figure]) -> Row:
    return Row(key, what, f"≥ {bound:g}", bound, False, measure)


def _most(key: str, what: str, bound: float, unit: str,
          measure: Callable[[Setting], Figure]) -> Row:  # fmt: skip
    return Row(key, what, f"≤ {bound:g} {unit}", bound, True, measure)


def _beside(key: str, what: str, measure: Callable[[Setting], Figure]) -> Row:
    return Row(key, what, "", 0.0, False, measure)


DECODING = "÷ splitting the lines and `orjson.loads` on each"
ROWS: tuple[Row, ...] = (
    _least("events", f"`tocsin scan`, Elastic's EQL and KQL event rules, sequences and new terms "
           f"too, {DECODING}", 0.5, throughput.event_rules),
    _beside("events-quiet", "the same, quiet mix", throughput.quiet),
    _beside("events-suspicious", "the same, suspicious mix", throughput.suspicious),
    _beside("every-rule", f"every rule of Elastic's that loads, threshold and indicator rules too, "
            f"{DECODING}", throughput.every_rule),
    _least("selective", f"the event rules that have a selective literal, {DECODING}", 1.5,
           throughput.selective),
    _least("imds", f"the IMDS pack, {DECODING}", 5, throughput.imds_pack),
    _least("vendors", "the rules of all three vendors ÷ Elastic's alone", 0.6,
           throughput.all_vendors),
    _least("jobs", "`--jobs 2` ÷ one process, the same alerts", 1.7, throughput.two_jobs),
    _least("python-eql", "end to end ÷ python-eql's engine without its decoding, on the rules that "
           "it takes", 150, python_eql.against),
    _least("tenzir", "end to end ÷ Tenzir's `sigma` operator, the same 1,000 Sigma rules", 20,
           tenzir.against),
    _least("parquet", "Parquet ÷ NDJSON, all of Elastic's rules", 2, throughput.parquet),
    _most("memory", "peak memory, events through standard input", 1_000, "MB", memory.of_stream),
    _most("memory-file", "peak memory, events in a file", 1_000, "MB", memory.of_file),
    _most("batch", "one micro-batch of 100 events with 1,000 rules", 5, "ms",
          response.micro_batch),
    _most("help", "`tocsin --help`", 0.35, "s", response.help_text),
    _most("start", "`tocsin scan` of an empty file with the rules of all vendors, warm", 1.5, "s",
          response.empty_file),
)  # fmt: skip


def measured(row: Row, setting: Setting) -> Figure:
    """A row's figure; what goes wrong is its text."""
    setting.told.row(row.key)
    try:
        return row.measure(setting)
    except Missing as missing:
        return Figure(None, "not measured", str(missing))
    except Exception as error:
        setting.failures.append(f"{row.key}: {traceback.format_exc()}")
        last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        return Figure(None, "failed", last[0])


def verdict(row: Row, figure: Figure) -> str:
    """Whether the goal was met; empty: there is none, or nothing was measured."""
    if figure.value is None or not row.goal:
        return ""
    if not figure.counts:
        return "no"
    met = figure.value <= row.bound if row.is_most else figure.value >= row.bound
    return "yes" if met else "no"


def markdown(figures: Sequence[tuple[Row, Figure]]) -> list[str]:
    """The table."""
    lines = ["| | what | figure | goal | met | |", "|---|---|---|---|---|---|"]
    for row, figure in figures:
        cells = (f"`{row.key}`", row.what, f"**{figure.text}**", row.goal, verdict(row, figure))
        lines.append(f"| {' | '.join(cells)} | {_cell(figure.detail)} |")
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
