"""Measuring: each run in a process of its own, two things in turn, and the median of the ratios.

A machine's speed drifts, so nothing is said in seconds alone: A and B run alternately (A B A B …),
each pair gives a ratio, and the median of the ratios counts. A run happens in a forked child, so
that nothing which it remembers, and nothing that it leaves to the collector, helps the next.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Missing(Exception):  # noqa: N818  (it is no error: the row says why)
    """Something that a row needs is not here."""


class Run(NamedTuple):
    """What was done in how long.

    Attributes:
        seconds: by the clock.
        units: how much was done: events.
        result: what came out.
        before: seconds of preparation, which do not count.
    """

    seconds: float
    units: float
    result: Any = None
    before: float = 0.0

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.seconds


class Ratio(NamedTuple):
    """How many times faster the first of two things is than the second.

    Attributes:
        median: of the pairs' ratios.
        least: the smallest of them.
        most: the largest.
        first: the runs of the first.
        second: the runs of the second.
    """

    median: float
    least: float
    most: float
    first: list[Run]
    second: list[Run]

    @property
    def rates(self) -> tuple[float, float]:
        """The median of units a second, of each."""
        return rate(self.first), rate(self.second)


def rate(runs: list[Run]) -> float:
    """The median of units a second."""
    return statistics.median(run.rate for run in runs)


def alternating(
    first: Callable[[], Run], second: Callable[[], Run], runs: int, told: Callable[[str], None]
) -> Ratio:
    """Runs two things in turn, the second (what is compared with) before the first."""
    ones: list[Run] = []
    others: list[Run] = []
    for number in range(runs):
        others.append(second())
        ones.append(first())
        told(f"pair {number + 1} of {runs}: {ones[-1].rate / others[-1].rate:.3g}")
    ratios = [one.rate / other.rate for one, other in zip(ones, others, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios), ones, others)


def apart(work: Callable[[], T]) -> T:
    """Does something in a forked process and gives back what it returns."""
    if not hasattr(os, "fork"):
        message = "a run is a forked process, and this system has none"
        raise Missing(message)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(work, sender))
    process.start()
    sender.close()
    try:
        result, failure = receiver.recv()
    except EOFError:
        process.join()
        message = f"the process that was measured ended with status {process.exitcode}"
        raise RuntimeError(message) from None
    process.join()
    if isinstance(failure, Missing):
        raise failure
    if failure is not None:
        raise RuntimeError(failure)
    return result  # type: ignore[no-any-return]


def _child(work: Callable[[], Any], sender: Connection) -> None:
    gc.collect()
    gc.freeze()  # what the parent loaded is nothing that a collection here should walk through
    try:
        sender.send((work(), None))
    except Missing as missing:
        sender.send((None, missing))
    except BaseException:
        sender.send((None, traceback.format_exc()))
    sender.close()


class Progress:
    """Says on standard error what is going on; on a terminal, one line over the other."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._begun = time.monotonic()
        self._row = ""

    def row(self, name: str) -> None:
        """A row begins."""
        self._row = name
        self("")

    def __call__(self, text: str) -> None:
        """Something about it."""
        line = f"bench {time.monotonic() - self._begun:6.0f} s  {self._row}: {text}".rstrip(": ")
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{line[:110]}")
        else:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def done(self) -> None:
        """Nothing more is going on."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
