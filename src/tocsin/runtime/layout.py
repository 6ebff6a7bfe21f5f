"""Where in a file of lines which times are, so that a second reading can leave parts of it out.

A file is noted in sections of whole lines (`SECTION`), one row of whole numbers each:

    begin, end (bytes) · line (number of its first) · earliest, latest (seconds) · whole

Times are read from the bytes of lines that begin with their time, as nearly all writers of ECS do,
in the one spelling that needs no thought: ``{"@timestamp":"2026-11-14T00:00:00.020Z"``, with or
without a fraction, with ``Z`` or an offset. It is the event's if the name does not stand in the
line a second time (`LATER`: of keys that stand twice the last counts) and nothing in it is spelled
oddly. A section with any other line is of all times; where a line has to be decoded before anything
can be said of it, the section is ``whole``: nobody may look for texts in it.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from tocsin.engine.byte_scan import Lines, rows_of
from tocsin.logic.anchors import Text

SECTION = 64 << 10
"""How many bytes a section has, about: its last line may go beyond."""

BEGIN, END, LINE, EARLIEST, LATEST, WHOLE = range(6)
ALWAYS = (-9_223_372_036, 9_223_372_036)
"""In seconds before and behind all times, which fit 64 bits as nanoseconds."""

_NAME = b'"@timestamp"'
LATER = tuple(
    Text(before + _NAME)
    for before in (
        b",", b" ", b"\t", b"\r",
        b",{", b" {", b"\t{", b"\r{", b"\x0b{", b"\x0c{", b"}{", b"]{",
    )
)  # fmt: skip
"""Texts of which one stands before every name of a time that does not begin its line."""

Table = npt.NDArray[np.int64]
_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]

_COLUMNS = 6
_TIME = re.compile(
    rb'\{"@timestamp": ?"(?P<clock>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<fraction>\.\d{1,9})?'
    rb'(?:Z|(?P<ahead>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))"'
)
_MOST_FORMS = 12
"""In a block so many ways to write a time are read; a fraction may have up to nine digits."""

_WEIGHTS = np.zeros((19, 6), np.float32)
_WEIGHTS[0:4, 0] = 1_000, 100, 10, 1
for _part in range(1, 6):
    _WEIGHTS[3 * _part + 2 : 3 * _part + 4, _part] = 10, 1
_WORD = 8
_ALL_TRUE = np.frombuffer(b"\1" * _WORD, np.uint64)[0]
_FIRST_YEAR = 1900
_LEAST, _MOST = np.array([[_FIRST_YEAR, 1, 1, 0, 0, 0], [2199, 12, 31, 23, 59, 59]], np.int64)
_MONTHS = np.arange("1900-01", "2200-02", dtype="datetime64[M]").astype("datetime64[D]")
_MONTH_BEGINS = _MONTHS.astype(np.int64)
_MONTH_LENGTHS = np.diff(_MONTH_BEGINS)
_SECONDS = np.array([86_400, 3_600, 60, 1], np.int64)


def layout_of(lines: Lines, apart: int, later: int) -> Table:
    """The sections of a block of lines, as if it began the file with line 0.

    Args:
        lines: the block.
        apart: the lines that have to be decoded before anything can be said of them.
        later: those in which one of `LATER` stands.
    """
    if not lines.count:
        return np.empty((0, _COLUMNS), np.int64)
    starts = np.append(0, lines.feeds[:-1] + 1)
    is_apart = np.zeros(lines.count, np.bool_)
    is_apart[rows_of(apart)] = True
    is_doubtful = is_apart.copy()
    is_doubtful[rows_of(later)] = True
    seconds, known = _times(lines, starts, np.flatnonzero(~is_doubtful))
    in_section = starts // SECTION
    first = np.flatnonzero(np.append(True, in_section[1:] != in_section[:-1]))
    table = np.empty((len(first), _COLUMNS), np.int64)
    table[:, BEGIN] = starts[first]
    table[:, END] = np.append(starts[first[1:]], len(lines.block))
    table[:, LINE] = first
    table[:, EARLIEST] = np.minimum.reduceat(np.where(known, seconds, ALWAYS[0]), first)
    table[:, LATEST] = np.maximum.reduceat(np.where(known, seconds + 1, ALWAYS[1]), first)
    table[:, WHOLE] = np.logical_or.reduceat(is_apart, first)
    return table


def table_of(layout: bytes) -> Table:
    """The sections that were sent as bytes."""
    return np.frombuffer(layout, np.int64).reshape(-1, _COLUMNS)


def moved(table: Table, offset: int, line: int) -> Table:
    """The same sections in a file in which their block begins elsewhere."""
    table = table.copy()
    table[:, (BEGIN, END)] += offset
    table[:, LINE] += line
    return table


def coarser(table: Table) -> Table:
    """Half as many sections; those that do not touch stay apart."""
    even, odd = table[0::2], table[1::2]
    paired = even[: len(odd)]
    touch = paired[:, END] == odd[:, BEGIN]
    joined = paired.copy()
    joined[:, END] = odd[:, END]
    joined[:, EARLIEST] = np.minimum(paired[:, EARLIEST], odd[:, EARLIEST])
    joined[:, LATEST] = np.maximum(paired[:, LATEST], odd[:, LATEST])
    joined[:, WHOLE] |= odd[:, WHOLE]
    parts = [joined[touch], paired[~touch], odd[~touch], even[len(odd) :]]
    found: Table = np.concatenate(parts)
    return found[np.argsort(found[:, BEGIN], kind="stable")]


def _times(lines: Lines, starts: Table, rows: Table) -> tuple[Table, _Flags]:
    """The time of each line in seconds, and of which it is known.

    Args:
        lines: the block.
        starts: where they begin.
        rows: the lines that are asked about.
    """
    seconds, known = np.zeros(lines.count, np.int64), np.zeros(lines.count, np.bool_)
    data = np.frombuffer(lines.block, np.uint8)
    for _ in range(_MOST_FORMS):
        if not len(rows):
            break
        like = _TIME.match(lines.block, int(starts[rows[0]]))
        if like is None:
            rows = rows[1:]
            continue
        # The last lines may be too short to have all of these bytes.
        width = -(-len(like[0]) // _WORD) * _WORD
        there = rows[: np.searchsorted(starts[rows], len(data) - width, side="right")]
        if not len(there):
            break
        heads = np.lib.stride_tricks.sliding_window_view(data, width)[starts[there]]
        found, are_times = _read(heads, like)
        seconds[there], known[there] = found, known[there] | are_times
        rows = rows[~known[rows]]
        if len(rows) and rows[0] == there[0]:
            rows = rows[1:]  # it looks like a time and is none
    return seconds, known


def _read(heads: _Bytes, like: re.Match[bytes]) -> tuple[Table, _Flags]:
    """The times of lines that are written like one of them, and which are."""
    width = heads.shape[1]
    least, room = np.zeros(width, np.uint8), np.full(width, 255, np.uint8)
    least[: len(like[0])], room[: len(like[0])] = np.frombuffer(like[0], np.uint8), 0
    clock = like.start("clock") - like.start()
    fraction = len(like["fraction"] or b".") - 1
    behind = clock + len(_WEIGHTS) + 1
    digits = [*(clock + np.flatnonzero(_WEIGHTS.any(axis=1))), *range(behind, behind + fraction)]
    least[digits], room[digits] = ord("0"), 9
    above = heads - least  # what is less than the least is far above it, as bytes go
    fits = (above <= room).view(np.uint64) == _ALL_TRUE
    weights = np.zeros((width, 6), np.float32)
    weights[clock : clock + len(_WEIGHTS)] = _WEIGHTS
    parts = (above @ weights).astype(np.int64)
    in_bounds = (parts >= _LEAST) & (parts <= _MOST)
    are_times: _Flags = np.logical_and.reduce([*fits.T, *in_bounds.T])
    month = (parts[:, 0] - _FIRST_YEAR) * 12 + parts[:, 1] - 1
    month[~are_times] = 0
    are_times &= parts[:, 2] <= _MONTH_LENGTHS[month]
    seconds = parts[:, 2:] @ _SECONDS + (_MONTH_BEGINS[month] - 1) * 86_400
    if like["ahead"]:
        hours, minutes = int(like["hours"]), int(like["minutes"])
        are_times &= hours < 24 and minutes < 60
        seconds -= (1 if like["ahead"] == b"+" else -1) * (hours * 60 + minutes) * 60
    return seconds, are_times
