"""What a second reading has to look at: texts of which one stands in a line, each at some times.

Of a file whose layout is known (`runtime.layout`) only the stretches are read in which there may be
such a line; in most of them the texts are looked for before anything else is done.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import msgspec
import numpy as np

from tocsin.events.decoders import json
from tocsin.runtime.layout import ALWAYS, BEGIN, EARLIEST, END, LATEST, LINE, WHOLE, Table
from tocsin.runtime.spans import Spans

AT_ONCE = 1 << 20
"""How many bytes are read at a time, about."""

_SECOND = 1_000_000_000
_FAR = (1 << 63) - 1
_SKIPPED, _BY_TEXT, _IN_FULL = 0, 1, 2


class Stretch(msgspec.Struct, frozen=True):
    """Whole lines that are read at once.

    Attributes:
        begin: where they begin in the file.
        end: where they end.
        begins: where its sections begin in it.
        lines: the numbers of their first lines.
        earliest: no line with a text is earlier, in nanoseconds.
        latest: and none is later.
        in_full: every line may matter; else those with a text.
    """

    begin: int
    end: int
    begins: tuple[int, ...]
    lines: tuple[int, ...]
    earliest: int
    latest: int
    in_full: bool

    def line_at(self, data: bytes, begin: int) -> int:
        """The number of the line that begins at a place in its bytes."""
        place = bisect_right(self.begins, begin) - 1
        return self.lines[place] + json.line_feeds(data[self.begins[place] : begin])


class Wanted:
    """Which lines may matter.

    Args:
        texts: by text, folded as `logic.anchors` does it, when lines with it matter.
        others: when any line may.
    """

    def __init__(self, texts: Mapping[bytes, Spans], others: Spans) -> None:
        self.texts = texts
        self._by_text = _Times(chain.from_iterable(spans.pairs for spans in texts.values()))
        self._in_full = _Times(others.pairs)

    def stretches(self, table: Table) -> Iterator[Stretch]:
        """What has to be read of a file."""
        earliest, latest = _nanoseconds(table[:, EARLIEST]), _nanoseconds(table[:, LATEST])
        in_full = self._in_full.meet(earliest, latest) | table[:, WHOLE].astype(np.bool_)
        how = np.where(self._by_text.meet(earliest, latest), _BY_TEXT, _SKIPPED)
        how[in_full] = _IN_FULL
        begins, ends, hows = table[:, BEGIN].tolist(), table[:, END].tolist(), how.tolist()
        most = {_BY_TEXT: AT_ONCE, _IN_FULL: json.LINES_AT_ONCE}
        begun = -1
        for place, kind in enumerate(hows):
            if begun >= 0:
                last = place - 1
                touches = kind == hows[last] and begins[place] == ends[last]
                if touches and ends[place] - begins[begun] <= most[kind]:
                    continue
                yield _stretch(table[begun:place], in_full=hows[begun] == _IN_FULL)
            begun = place if kind else -1
        if begun >= 0:
            yield _stretch(table[begun:], in_full=hows[begun] == _IN_FULL)


def _stretch(rows: Table, *, in_full: bool) -> Stretch:
    begin = int(rows[0, BEGIN])
    begins: list[int] = (rows[:, BEGIN] - begin).tolist()
    return Stretch(
        begin, int(rows[-1, END]), tuple(begins), tuple(rows[:, LINE].tolist()),
        int(_nanoseconds(rows[:, EARLIEST]).min()), int(_nanoseconds(rows[:, LATEST]).max()),
        in_full,
    )  # fmt: skip


def _nanoseconds(seconds: Table) -> Table:
    found: Table = np.clip(seconds, *ALWAYS) * _SECOND
    found[seconds <= ALWAYS[0]], found[seconds >= ALWAYS[1]] = -_FAR, _FAR
    return found


class _Times:
    """Stretches of time, to be asked for many sections at once."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        begins: list[int] = []
        ends: list[int] = []
        for begin, end in sorted(pairs):
            if begins and begin <= ends[-1]:
                ends[-1] = max(ends[-1], end)
            else:
                begins.append(begin)
                ends.append(end)
        self._begins = np.array([max(one, -_FAR) for one in begins], np.int64)
        self._ends = np.array([min(one, _FAR) for one in ends], np.int64)

    def meet(self, earliest: Table, latest: Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether some time from each of the first to that of the second is in a stretch."""
        if not len(self._begins):
            return np.zeros(len(earliest), np.bool_)
        places = np.searchsorted(self._ends, earliest)
        begins = self._begins[np.minimum(places, len(self._begins) - 1)]
        found: np.ndarray[tuple[int], np.dtype[np.bool_]]
        found = (places < len(self._begins)) & (begins <= latest)
        return found
