"""python-eql: the reference implementation of EQL in Python (AGPL), in a process of its own.

Only its engine is measured: the events are decoded and the queries compiled before.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench.figures import Figure, ratio_figure
from bench.measure import Run, alternating
from bench.peers.environment import environment
from bench.scans import scan
from bench.setting import File, Setting

REQUIREMENT = "eql==1.0.1"
EVENTS = 2_000
"""How many events it is given: its speed does not depend on it."""

RUNNER = Path(__file__).with_name("eql_runner.py")


def against(setting: Setting) -> Figure:
    """Tocsin from bytes to alerts, against its engine, over the rules that both take."""
    programs = environment(setting, REQUIREMENT)
    rules = {rule.id: rule for rule in setting.rules("elastic") if rule.language == "eql"}
    texts = setting.folder / "eql.json"
    texts.write_text(json.dumps({rule.id: rule.text for rule in rules.values()}))
    few = setting.events(count=min(EVENTS, setting.options.count))
    with ExitStack() as stack:
        engine = Engine(programs / "python", texts, few)
        stack.callback(engine.close)
        setting.told("python-eql parses the rules and tries each of them")
        taken = engine.answer()
        both = [rules[identifier] for identifier in taken["taken"]]
        first = partial(scan, setting, both, setting.events())
        first()
        ratio = alternating(first, engine.run, setting.runs, setting.told)
    refused = ", ".join(f"{len(ids)} by its {part}" for part, ids in taken["refused"].items())
    detail = f"{len(both)} rules of {len(rules)} ({refused} not taken); {REQUIREMENT}"
    return ratio_figure(ratio, detail)


class Engine:
    """A process that runs it over the same events whenever it is asked to."""

    def __init__(self, python: Path, texts: Path, events: File) -> None:
        self.events = events
        self._process = subprocess.Popen(
            [python, RUNNER, texts, events.path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self) -> Run:
        """One pass over the events."""
        assert self._process.stdin is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        answer = self.answer()
        return Run(answer["seconds"], self.events.many, answer["matches"])

    def answer(self) -> Any:
        """What it says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            message = f"python-eql's process ended with status {self._process.wait()}"
            raise RuntimeError(message)
        return json.loads(line)

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
