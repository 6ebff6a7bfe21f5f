"""The two things that are compared most: a scan through Tocsin's public API, and `orjson.loads`."""

from __future__ import annotations

import gc
import inspect
import io
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from bench.measure import Missing, Run, apart
from bench.setting import File, Setting
from tocsin.alerts.model import Alert
from tocsin.rules.model import Rule
from tocsin.runtime.memory import Forgetful
from tocsin.runtime.scan import Scan
from tocsin.sources.files import find


class Ids:
    """A sink that remembers which alerts there were."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def write(self, alert: Alert) -> None:
        """Takes an alert."""
        self.ids.append(alert.id)


def baseline(file: File) -> Run:
    """Splits the lines of a file that was read and decodes each with orjson; keeps none of them."""
    return apart(partial(_loads, file))


def _loads(file: File) -> Run:
    data = file.path.read_bytes()
    loads = orjson.loads
    begun = time.perf_counter()
    for line in io.BytesIO(data):  # the fastest of the ways to split lines that were tried
        loads(line)
    return Run(time.perf_counter() - begun, file.many)


def scan(setting: Setting, rules: Sequence[Rule], file: File, mix: str = "", **options: Any) -> Run:
    """Scans a file, from its bytes to alerts; what is done once for all events does not count.

    Rules are loaded before. They are made ready in part when the first events are there, so the
    first events of the file are scanned by themselves too, and the difference of both is what the
    others took.

    Args:
        setting: of this call.
        rules: which.
        file: events.
        mix: what they were drawn from, where it is not the command line's.
        options: further arguments of `Scan`.

    Returns:
        a run whose result are the ids of the alerts, sorted.
    """
    unknown = set(options) - set(inspect.signature(Scan).parameters)
    if unknown:
        message = f"`Scan` knows no {', '.join(unknown)}"
        raise Missing(message)
    few = setting.beginning(file)
    first = apart(partial(_scan, setting, rules, few, mix, options))
    whole = apart(partial(_scan, setting, rules, file, mix, options))
    seconds, units = whole.seconds - first.seconds, file.many - few.many
    if seconds <= 0:  # too few events to tell
        seconds, units = whole.seconds, file.many
    once = first.seconds - few.many * seconds / units
    return Run(seconds, units, whole.result, whole.before + max(once, 0.0))


def _scan(
    setting: Setting, rules: Sequence[Rule], file: File, mix: str, options: dict[str, Any]
) -> Run:
    setting.cache(mix)
    sink = Ids()
    begun = time.perf_counter()
    job = Scan(rules, find([str(file.path)]), Forgetful(), sink, **options)
    before = time.perf_counter() - begun
    gc.collect()
    begun = time.perf_counter()
    summary = job.run()
    seconds = time.perf_counter() - begun
    if summary.events != file.many or summary.refused or summary.undecodable:
        message = f"read {summary.events} of {file.many} events; {summary.refused}"
        raise RuntimeError(message)
    return Run(seconds, file.many, sorted(sink.ids), before)
