"""Rows about memory: the peak of `tocsin scan` as gigabytes of events go by.

The events are fresh ones in order of time, as a sensor sends them. The same file over and over
would be no test: its alerts would be the ones that there were, and its time would stand still, so
that what rules remember would never have to be given up.

* through standard input, which can be read only once: sequences are followed as events come
* as a file, which Tocsin may read a second time for sequences that it put off
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.events import Fleet
from bench.figures import Figure
from bench.measure import Missing
from bench.response import command
from bench.setting import Setting

GIGABYTE = 1_000_000_000
MARKS = (0.1, 0.5, 1.0)
"""The parts of the whole at which the peak is noted."""

SIZE = 2_712
"""About how large an event is; only how many are made depends on it."""

PAUSE = 0.1


def of_stream(setting: Setting) -> Figure:
    """Through a pipe, from the generator."""
    total = int(setting.options.gigabytes * GIGABYTE)
    source = subprocess.Popen(
        [sys.executable, "-m", "bench.events", "--count", str(total // SIZE), "--out", "-",
         "--mix", setting.options.mix, "--seed", str(setting.options.seed)],
        stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    try:
        return _peak(setting, "-", total, stdin=source.stdout)
    finally:
        source.kill()
        source.wait()


def of_file(setting: Setting) -> Figure:
    """As a file on disk."""
    total = int(setting.options.gigabytes * GIGABYTE)
    if shutil.disk_usage(setting.folder).free < 1.2 * total:
        message = f"needs {1.2 * total / GIGABYTE:.0f} GB of disk"
        raise Missing(message)
    path = setting.folder / "large.ndjson"
    setting.told(f"writing {total / GIGABYTE:.1f} GB")
    with path.open("wb", buffering=1 << 20) as file:
        for line in Fleet(setting.options.seed, setting.options.mix).events(total // SIZE):
            file.write(line)
    try:
        return _peak(setting, str(path), total)
    finally:
        path.unlink()


def _peak(setting: Setting, name: str, total: int, **streams: Any) -> Figure:
    if not Path("/proc/self/io").exists():
        message = "needs /proc"
        raise Missing(message)
    setting.cache()
    arguments = ["scan", name, *setting.rule_paths("elastic"), "--format", "ndjson", "--quiet"]
    begun = time.perf_counter()
    scan = subprocess.Popen([command(), *arguments], stdout=subprocess.DEVNULL, **streams)
    peaks: dict[int, float] = {}
    noted: list[tuple[float, float]] = []
    while scan.poll() is None:
        _note(_family(scan.pid), peaks)
        position = _read_by(scan.pid)
        while len(noted) < len(MARKS) - 1 and position >= MARKS[len(noted)] * total:
            noted.append((MARKS[len(noted)] * total, sum(peaks.values())))
            setting.told(f"{noted[-1][0] / GIGABYTE:.2g} GB: {noted[-1][1]:,.0f} MB")
        time.sleep(PAUSE)
    if scan.returncode:
        message = f"the scan ended with status {scan.returncode}"
        raise RuntimeError(message)
    noted.append((total, sum(peaks.values())))
    took = time.perf_counter() - begun
    detail = ", ".join(f"{size / GIGABYTE:.2g} GB: {peak:,.0f} MB" for size, peak in noted)
    if len(peaks) > 1:
        each = ", ".join(f"{peak:,.0f}" for peak in peaks.values())
        detail += f"; of each process: {each} MB"
    rules = setting.rules("pack" if setting.quick else "elastic")
    detail += f"; {len(rules):,} rules, {took:.0f} s"
    return Figure(noted[-1][1], f"{noted[-1][1]:,.0f} MB", detail)


def _family(root: int) -> list[int]:
    """A process and those that it started, as long as they run."""
    found = [root]
    for pid in found:
        try:
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        except OSError:
            continue
        found.extend(map(int, text.split()))
    return found


def _note(pids: Sequence[int], peaks: dict[int, float]) -> None:
    """The most memory that each of them has had, in megabytes."""
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith("VmHWM:"):
                peaks[pid] = int(line.split()[1]) * 1024 / 1e6


def _read_by(pid: int) -> int:
    """How many bytes a process has read."""
    try:
        text = Path(f"/proc/{pid}/io").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(text.split()[1])
