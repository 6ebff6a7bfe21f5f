"""Where the time of a scan goes: a statistical sampler of the process itself.

A timer of CPU time interrupts the process, and the time since the last interruption goes to the
stage that it is in: the innermost frame whose module stands in `STAGES`. Python takes a signal
between two steps of its own, so a long call of C (a scan of bytes, a decode) is interrupted once,
when it returns, in the frame that made it. That is why a sample weighs the CPU time since the one
before and not a tick: what a call took goes to its caller, however long it was.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERVAL = 0.001

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("reading", ("sources",)),
    ("scan of bytes", ("engine.sieve", "engine.byte_scan")),
    ("narrow decode", ("events.narrow", "engine.classes")),
    ("full decode", ("events.decoders", "events.shapes", "events.batch")),
    ("leaves", ("engine.answers", "engine.scans", "logic", "events.fields")),
    ("boolean programs", ("engine.rows", "engine.evaluate", "engine.gating", "engine.plan")),
    ("state", ("engine.state", "runtime.deferral", "runtime.policies")),
    ("alerts", ("alerts", "engine.explain", "runtime.outcome", "runtime.memory", "bench")),
    ("joining it all", ("runtime",)),
)
"""What a module does, by the beginning of its name behind ``tocsin.``; the first that fits counts.

Modules that several stages share and that stand nowhere here go to the stage that called them.
"""

OTHER = "anything else"


class Samples:
    """What was seen.

    Attributes:
        stages: seconds by stage.
        functions: seconds by ``module.function``, of the innermost frames of Tocsin's own.
    """

    def __init__(self) -> None:
        self.stages: defaultdict[str, float] = defaultdict(float)
        self.functions: defaultdict[str, float] = defaultdict(float)
        self._before = 0.0

    def begin(self) -> None:
        """Time counts from now on."""
        self._before = time.process_time()

    def take(self, _number: int, frame: FrameType | None) -> None:
        """A handler of signals."""
        now = time.process_time()
        seconds, self._before = now - self._before, now
        stage, function = place(frame)
        self.stages[stage] += seconds
        self.functions[function] += seconds


@contextmanager
def sampling() -> Iterator[Samples]:
    """Samples what the process does inside of the ``with``; in its main thread only."""
    samples = Samples()
    handler = signal.signal(signal.SIGPROF, samples.take)
    samples.begin()
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)


def place(frame: FrameType | None) -> tuple[str, str]:
    """The stage and the function that a frame, or one of those around it, belongs to."""
    function = ""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(("tocsin.", "bench.")):
            function = function or f"{module}.{frame.f_code.co_qualname}"
            stage = stage_of(module.removeprefix("tocsin."))
            if stage:
                return stage, function
        frame = frame.f_back
    return OTHER, function or OTHER


def stage_of(module: str) -> str:
    """The stage of a module; empty: it is shared.

    >>> stage_of("engine.state.sequence"), stage_of("events.record")
    ('state', '')
    """
    for stage, beginnings in STAGES:
        if any(f"{module}.".startswith(f"{beginning}.") for beginning in beginnings):
            return stage
    return ""
