"""``./dev bench``: what `tocsin scan` does in a second, as ratios within one run.

A machine's speed drifts, so every figure stands beside `orjson.loads` over the same lines, measured
in the same process, and the ratio is what counts. `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import orjson

from bench.events import generate
from tocsin.events.record import Record
from tocsin.rules.load import load_rules, shipped_pack
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector
from tocsin.runtime.scan import rare_collections

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BATCH = 4_096


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many events")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--rules", type=Path, action="append", help="besides the pack that ships")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    options = parser.parse_args()

    lines = [line.rstrip(b"\n") for line in generate(options.count, options.seed)]
    size = sum(map(len, lines))
    header = f"{len(lines):,} events, {size / len(lines):,.0f} bytes each on average"
    print(header, file=sys.stderr)

    sets: list[tuple[str, tuple[Rule, ...]]] = [("the pack", load_rules([shipped_pack()]).rules)]
    for path in options.rules or _corpora():
        begun = time.perf_counter()
        rules = load_rules([path]).rules
        loading = time.perf_counter() - begun
        print(f"{len(rules):,} rules of {path.name} loaded in {loading:.1f} s", file=sys.stderr)
        sets.append((f"{len(rules):,} rules of {path.name}", rules))

    rows = [_row("orjson.loads", lambda: _loads(lines), options.runs)]
    rows.append(_row("decode only", lambda: _decode(lines), options.runs))
    for name, rules in sets:
        begun = time.perf_counter()
        Detector(rules, now=0)
        compiled = time.perf_counter() - begun
        print(f"{name}: compiled in {compiled:.2f} s", file=sys.stderr)
        rows.append(_row(f"scan, {name}", partial(_scan, rules, lines), options.runs))
    base = rows[0][1]
    table = ["| what | thousand events a second | time ÷ `orjson.loads` |", "|---|---|---|"]
    table += [f"| {n} | {len(lines) / s / 1000:,.1f} | {s / base:.2f} |" for n, s in rows]
    print("\n".join(table))
    if options.write:
        _write(header, table)


def _row(name: str, work: Callable[[], object], runs: int) -> tuple[str, float]:
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return name, statistics.median(seconds)


def _loads(lines: list[bytes]) -> None:
    # Not kept: a list of them would measure the garbage collector.
    for line in lines:
        orjson.loads(line)


def _decode(lines: list[bytes]) -> int:
    import io

    from tocsin.events.decoders import json

    return sum(1 for _ in json.decode(io.BytesIO(b"\n".join(lines)), "bench"))


def _scan(rules: tuple[Rule, ...], lines: list[bytes]) -> int:
    """From bytes to matches; compiling the rules is left out, it is said apart."""
    with rare_collections():
        return _matches(Detector(rules, now=0), lines)


def _matches(detector: Detector, lines: list[bytes]) -> int:
    import io

    from tocsin.events.decoders import json

    batch: list[Record] = []
    found = 0
    for record in json.decode(io.BytesIO(b"\n".join(lines)), "bench"):
        if isinstance(record, Record):
            batch.append(record)
        if len(batch) == BATCH:
            found += len(detector.feed(batch, "bench"))
            batch = []
    found += len(detector.feed(batch, "bench"))
    return found + len(detector.finish())


def _corpora() -> list[Path]:
    corpus = PAGE.parent.parent.parent / "shared" / "corpora" / "elastic"
    return [corpus] if corpus.is_dir() else []


def _write(header: str, table: list[str]) -> None:
    begin, end = "<!-- table -->", "<!-- end of table -->"
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(
        f"{before}{begin}\n{header}; `./dev bench`.\n\n" + "\n".join(table) + f"\n{end}{after}",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
