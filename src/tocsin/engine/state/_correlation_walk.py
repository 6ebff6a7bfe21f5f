"""The walk through the hits of one group: which windows there are, and which of them ring.

    slide      |--A-----B--|--C          a window up to each hit: enough is seen at once
    complete   A--B-----|     C-----     a window from a hit on: what must not come, has not come

Semantics: `tocsin.engine.state.correlation`.
"""

from __future__ import annotations

import datetime as dt
from bisect import insort
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from tocsin.engine.state._correlation_asked import Asked, Verdict
from tocsin.engine.state._correlation_hits import LATEST, Group, Hit, Number, Outcome
from tocsin.engine.state._correlation_window import Window, window_of
from tocsin.logic.query import Correlation


class Sliding(msgspec.Struct):
    """How far a window has slid: it has the group's hits from a place to a place."""

    window: Window
    start: int = 0
    end: int = 0

    def take_time(self, hits: Sequence[Hit], span: int) -> int:
        """Takes the hits of the next time, and lets go of those that are too old for it."""
        time = hits[self.end].time
        while self.end < len(hits) and hits[self.end].time == time:
            self.window.push(hits[self.end])
            self.end += 1
        while hits[self.start].time < time - span:
            self.window.pop(hits[self.start])
            self.start += 1
        return time

    def forget(self, hits: Sequence[Hit], count: int) -> None:
        """Lets go of the first hits, which are gone from the group."""
        for hit in hits[self.start : count]:
            self.window.pop(hit)
        self.start, self.end = max(self.start - count, 0), self.end - count


class Judged(NamedTuple):
    """A complete window: what is said of it, the places of its hits, its end and its value."""

    verdict: Verdict
    start: int
    end: int
    close: int
    value: Number


class Walk:
    """Goes through the hits of a group as a correlation asks.

    Args:
        query: the correlation.

    Attributes:
        span: the correlation's timespan in nanoseconds.
    """

    def __init__(self, query: Correlation) -> None:
        self._query = query
        self._asked = Asked(query)
        self.span = nanoseconds(query.timespan)

    def slide(
        self, group: Group, key: str, since: int, known: Sliding | None
    ) -> tuple[list[Outcome], Sliding]:
        """Looks, at each time that has a hit, at the hits of the span up to it.

        Args:
            group: the group; it is left with the hits that did not ring.
            key: what it is known by.
            since: before this time, all has been looked at.
            known: how far the walk got the last time, if nothing has come before that place.
        """
        hits, found = group.hits, list[Outcome]()
        sliding = known or Sliding(window_of(self._query))
        unspent, base = list[Hit](), 0
        while sliding.end < len(hits):
            time = sliding.take_time(hits, self.span)
            if time < since or self._asked.verdict(sliding.window) != "rings":
                continue
            rung = hits[sliding.start : sliding.end]
            found.append(Outcome(time, key, rung, sliding.window.value))
            insort(group.spent, time)
            unspent += hits[base : sliding.start]
            base = sliding.end
            sliding = Sliding(window_of(self._query), base, base)
        if base:
            group.hits = unspent + hits[base:]
            sliding.start += len(unspent) - base
            sliding.end += len(unspent) - base
        return found, sliding

    def complete(
        self, group: Group, key: str, until: int | None
    ) -> tuple[list[Outcome], list[Hit]]:
        """Looks at the windows that are complete, one after another.

        Args:
            group: the group; it is left with the hits that were not used up.
            key: what it is known by.
            until: up to when everything has come in; None: everything has.

        Returns:
            the windows that ring, and the hits of those that were used up without that.
        """
        found, dropped = list[Outcome](), list[Hit]()
        unspent, base = list[Hit](), 0
        ends: list[int] = []
        for judged in self.judged(group, until):
            if judged.verdict == "short":
                continue
            hits = group.hits[judged.start : judged.end]
            if judged.verdict == "rings":
                found.append(Outcome(min(judged.close, LATEST), key, hits, judged.value))
            else:
                dropped += hits
            ends.append(judged.close)
            unspent += group.hits[base : judged.start]
            base = judged.end
        if base:
            group.hits = unspent + group.hits[base:]
            group.spent = sorted((*group.spent, *ends))
        return found, dropped

    def judged(self, group: Group, until: int | None) -> Iterator[Judged]:
        """The windows that begin with a hit and are complete, and what is said of them."""
        hits = group.hits
        window, start, end = window_of(self._query), 0, 0
        while start < len(hits):
            begin = hits[start].time
            close = begin + self.span
            if until is not None and close > until:
                break
            while end < len(hits) and hits[end].time <= close:
                window.push(hits[end])
                end += 1
            # One that reaches into a used one has been found short before: its hits came again.
            is_cut = group.is_cut(begin, close, self.span)
            verdict = "short" if is_cut else self._asked.verdict(window)
            yield Judged(verdict, start, end, close, window.value)
            if verdict != "short":
                start, window = end, window_of(self._query)
            while start < end and hits[start].time == begin:
                window.pop(hits[start])
                start += 1


def nanoseconds(duration: dt.timedelta) -> int:
    """A duration in nanoseconds."""
    return duration // dt.timedelta(microseconds=1) * 1_000
