"""Tenzir: its ``sigma`` operator over the same rules and events, in a process of its own.

Its start and its compiling of the rules are left out: it runs over a few events and over many, and
the difference of both is what the others took. It is one pipeline in one thread, as Tocsin is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.figures import Figure, ratio_figure
from bench.measure import Missing, Run, alternating
from bench.peers.environment import environment
from bench.peers.sigma_rules import fields_of, usable
from bench.scans import scan
from bench.setting import File, Setting
from tocsin.rules.model import Rule

REQUIREMENT = "tenzir==6.20.0"
RULES = 1_000
FEW, MANY = 500, 10_500


def against(setting: Setting) -> Figure:
    """Tocsin from bytes to alerts, against Tenzir from bytes to a count."""
    program = environment(setting, REQUIREMENT) / "tenzir"
    many = setting.events(count=min(MANY, setting.options.count))
    few = setting.events(count=min(FEW, many.many // 4))
    with many.path.open("rb") as lines:
        known = usable(setting.rules("sigma"), fields_of(lines))
    pipeline = Pipeline(program, setting.folder / "sigma")
    wanted = RULES // 50 if setting.quick else RULES
    while ignored := pipeline.write(known[:wanted], few):
        known = [one for one in known if one[0].id not in ignored]
    rules = [rule for rule, _ in known[:wanted]]
    if len(rules) < wanted:
        message = f"only {len(rules)} Sigma rules are about such events and load in both"
        raise Missing(message)
    ours, theirs = len(scan(setting, rules, many).result), pipeline.over(many)[1]
    first = partial(scan, setting, rules, setting.events())
    second = partial(pipeline.run, few, many)
    ratio = alternating(first, second, setting.runs, setting.told)
    detail = f"{len(rules):,} rules; {ours} alerts against {theirs}; {REQUIREMENT}"
    return ratio_figure(ratio, detail)


class Pipeline:
    """Tenzir with a directory of rules."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder

    def write(self, rules: Sequence[tuple[Rule, str]], probe: File) -> set[str]:
        """Has it use these rules; returns the ids of those that it ignores."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        for rule, text in rules:
            (self._folder / f"{rule.id}.yml").write_text(text, encoding="utf-8")
        told = self._run(probe).stderr
        return {rule.id for rule, _ in rules if f"{rule.id}.yml" in told}

    def over(self, file: File) -> tuple[float, int]:
        """Seconds over the whole of a file, with its start; and how many matches there were."""
        begun = time.perf_counter()
        output = self._run(file).stdout
        seconds = time.perf_counter() - begun
        return seconds, sum(json.loads(line)["n"] for line in output.splitlines())

    def run(self, few: File, many: File) -> Run:
        """What the events took that the one file has more than the other."""
        less, more = self.over(few)[0], self.over(many)[0]
        return Run(more - less, many.many - few.many)

    def _run(self, file: File) -> subprocess.CompletedProcess[str]:
        source = f'from_file "{file.path}" {{ read_ndjson }}'
        pipeline = f'{source} | sigma path="{self._folder}" | summarize n=count() | write_ndjson'
        done = subprocess.run(
            [self._program, pipeline], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done
