"""The table of where the time of a scan goes."""

from __future__ import annotations

import gc
from functools import partial

from bench.measure import Missing, apart
from bench.sampler import OTHER, STAGES, sampling
from bench.scans import Ids
from bench.setting import File, Setting
from tocsin.runtime.memory import Forgetful
from tocsin.runtime.scan import Scan
from tocsin.sources.files import find

FUNCTIONS = 12
"""How many functions are named, those with the most time of their own."""


def profile(setting: Setting) -> list[str]:
    """Where a scan with Elastic's event rules spends its CPU time, as Markdown."""
    try:
        file = setting.events()
        few = setting.beginning(file)
        sampled = partial(_sampled, setting)
        apart(partial(sampled, file))
        once, whole = apart(partial(sampled, few)), apart(partial(sampled, file))
    except Missing as missing:
        return [f"Not measured: {missing}."]
    # What is done once for all events is left out, as it is in the rows.
    stages, functions = ({name: max(spent - before.get(name, 0.0), 0.0)
                          for name, spent in after.items()}
                         for before, after in zip(once, whole, strict=True))  # fmt: skip
    total = sum(stages.values()) or 1.0
    many = file.many - few.many
    lines = ["| stage | share | µs an event |", "|---|---|---|"]
    for stage in (*(stage for stage, _ in STAGES), OTHER):
        spent = stages.get(stage, 0.0)
        lines.append(f"| {stage} | {100 * spent / total:.1f} % | {1e6 * spent / many:.2f} |")
    lines += ["", f"{total:.2f} s of CPU time over {many:,} events. Most of it in:", ""]
    top = sorted(functions.items(), key=lambda pair: -pair[1])[:FUNCTIONS]
    lines += [f"* {100 * spent / total:.1f} % `{name}`" for name, spent in top]
    return lines


def _sampled(setting: Setting, file: File) -> tuple[dict[str, float], dict[str, float]]:
    setting.cache()
    job = Scan(setting.event_rules, find([str(file.path)]), Forgetful(), Ids())
    gc.collect()
    with sampling() as samples:
        job.run()
    return dict(samples.stages), dict(samples.functions)
