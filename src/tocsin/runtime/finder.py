"""Events × conditions → hits: what holds no memory, and so can be done anywhere and in any order.

Lines of JSON go a way of their own, since most of them need not be decoded: the bytes say which
lines can satisfy which conditions (`engine.sieve`), a few fields say it of conditions that bytes do
not tell (`engine.classes`), and what is left is decoded and evaluated (`engine.rows`). Events of
any other format, and those that came in a vendor's own shape, are written as JSON and go the same
way. Which texts and fields are worth looking at is learned from the first lines, kept on disk for
the next time, and learned anew where other telemetry comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.engine.byte_scan import Lines, rows_of
from tocsin.engine.classes import Candidates, Classes
from tocsin.engine.evaluate import Evaluation
from tocsin.engine.plan import Plan
from tocsin.engine.rows import Row, RowPlan
from tocsin.engine.selection import SAMPLE, inherited
from tocsin.engine.sieve import Sieve, Sifted
from tocsin.engine.slow_patterns import Slow
from tocsin.events import shapes
from tocsin.events.decoders import json
from tocsin.events.record import Document, Record, Undecodable
from tocsin.logic.anchors import ANYTHING, All, Anchor, Text, anchors_of
from tocsin.logic.expr import Expr
from tocsin.rules.index import origin_of, sees
from tocsin.runtime._line_thinning import LineThinning
from tocsin.runtime.column_hits import Asked, hits_in
from tocsin.runtime.hits import Found, Hit, KeyGate, earlier
from tocsin.runtime.layout import LATER, layout_of
from tocsin.runtime.lessons import (
    Lesson,
    Pupil,
    broad,
    classes_of,
    formulas,
    spread,
    text_of_event,
    texts_of,
)
from tocsin.runtime.thinning import Thinning

if TYPE_CHECKING:
    from tocsin.events.arrow.batch import ColumnBatch

_FEW = 20_000
"""So many pairs of event and condition are evaluated without any preparation."""

_AT_ONCE = 1_024
"""So many rows of columns are made documents at a time."""

_SAMPLED = 4_096
"""So many rows of columns tell how broad conditions are."""

_MOST_LESSONS = 4
_BUSY = 4
"""So many times more candidates than the sample had mean that it was of other telemetry."""

Choice = Callable[[Sequence[float]], frozenset[int] | None]
"""Given the shares of all conditions, the ones that are asked about; None: all."""


class Finder:
    """A set of conditions at work.

    Args:
        conditions: what may hold of an event.
        indices: for each, the index patterns of its rule (`rules.index`).
        choose: asked once, before anything is evaluated.
        all_decoded: every line is decoded, so that each that is no event is named.
        clock: the time of an event, where `Found.earliest` is asked for; every line is decoded.
        few: so many pairs of event and condition are evaluated without any preparation.
        thinnings: by condition, which of its events need not be told.
        reads_twice: the input will be read again where something is put off.

    Attributes:
        lesson: what was learned; None: nothing yet.
    """

    def __init__(
        self,
        conditions: Sequence[Expr],
        indices: Sequence[tuple[str, ...]],
        *,
        choose: Choice | None = None,
        all_decoded: bool = False,
        clock: Callable[[Document], int | None] | None = None,
        few: int = _FEW,
        thinnings: Mapping[int, Thinning] | None = None,
        reads_twice: bool = False,
    ) -> None:
        self._conditions = conditions
        self._indices = indices
        self._choose = choose
        self._all_decoded = all_decoded or clock is not None
        self._clock = clock
        # Only what was learned says what can be put off.
        self._few = 0 if reads_twice else few
        self._all = range(len(conditions))
        self._only: frozenset[int] | None = None
        self._keys: Sequence[KeyGate | None] = ()
        self._chosen = False
        self._sieve: Sieve | None = None
        self._classes: Classes | None = None
        self._lessons = 0
        self._thin: dict[int, LineThinning] = {}
        self._expected = 0.0
        self.lesson: Lesson | None = None
        self._thinnings = thinnings or {}
        self._makes_maps = reads_twice

    @cached_property
    def _plan(self) -> Plan:
        # Made when there is an event: rules are many, and inputs may be empty.
        return Plan(self._conditions)

    @cached_property
    def _rows(self) -> RowPlan:
        return RowPlan(self._plan)

    # --- pieces of input -----------------------------------------------------------------------

    def in_records(self, records: Sequence[Record]) -> Found:
        """The hits in some records."""
        shaped = [shapes.in_ecs(record) for record in records]
        documents: list[Document] = [
            record.document if found is None else found.document
            for record, found in zip(records, shaped, strict=True)
        ]
        holding = self._in_documents(documents)
        hits = [
            Hit(place, records[place], shaped[place], numbers)
            for place, numbers in sorted(holding.items())
        ]
        found = Found(hits, len(records), span=len(records))
        if self._clock is not None:
            times = [time for one in documents if (time := self._clock(one)) is not None]
            found.earliest = min(times, default=None)
        return found

    def in_block(self, block: json.Block) -> Found:
        """The hits in some lines of JSON."""
        lines = Lines(block.data, block.feeds)
        if self.lesson is None:
            if lines.count * len(self._all) <= self._few:
                if any(map(json.says_of_next, lines.all())):
                    return Found(is_bulk=True)
                return self._decoded(lines, block, (1 << lines.count) - 1, {})
            self.prepare(block)
        sieve = self._sieve
        assert sieve is not None  # noqa: S101  (it was made by the lesson)
        sifted = sieve.sift(lines)
        if any(json.says_of_next(lines.line(row)) for row in rows_of(sifted.ended)):
            return Found(is_bulk=True)
        apart = sifted.marked | sifted.untold | lines.odd()
        candidates = _candidates(sifted, apart)
        if self._classes is not None:
            candidates, unread = self._classes.narrowed(lines, candidates)
            apart |= unread
        found = self._thinned(lines, block, apart, candidates)
        if self._makes_maps:
            found.layout = layout_of(lines, apart, sifted.noted).tobytes()
        pairs = sum(map(len, candidates.values()))
        is_busy = pairs > (_BUSY * self._expected + 1) * lines.count
        if is_busy and lines.count >= SAMPLE and self._lessons < _MOST_LESSONS:
            self.lesson = None  # this is other telemetry than the sample was
        return found

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that conditions read, and those that tell what else is asked of events."""
        more = [gate.field for gate in self._keys if gate is not None]
        more += ["@timestamp"] if self._clock is not None else []
        more += [field for thinning in self._thinnings.values() for field in thinning.read]
        return tuple(dict.fromkeys((*self._plan.extractor.fields, *more)))

    @property
    def is_chosen(self) -> bool:
        """Whether it is known which conditions are asked about."""
        return self._choose is None or self._chosen

    def prepare_columns(self, batch: ColumnBatch) -> None:
        """Chooses what is asked by some rows, unless that is done."""
        if self._choose is not None and not self._chosen:
            some = batch.sampled(_SAMPLED)
            found = dict(Evaluation(self._plan, some).hits())
            size = max(some.size, 1)
            self._only = self._choose([len(found.get(n, ())) / size for n in self._all])
            self._chosen = True

    def in_columns(self, batch: ColumnBatch) -> Found:
        """The hits in rows that come as columns."""
        self.prepare_columns(batch)
        asked = Asked(self._plan, self._indices, self._only, self._keys, self._thinnings)
        by_row = hits_in(batch, asked)
        hits = []
        order = sorted(by_row)
        for row, record in zip(order, batch.records(order), strict=True):
            hits.append(Hit(row, record, None, sorted(by_row[row])))
        others = np.flatnonzero(~batch.in_ecs).tolist()
        for start in range(0, len(others), _AT_ONCE):
            some = others[start : start + _AT_ONCE]
            for hit in self.in_records(list(batch.records(some))).hits:
                hit.place = some[hit.place]
                hits.append(hit)
        hits.sort(key=lambda hit: hit.place)
        decoded = len(order) + len(others)
        return Found(
            hits, batch.size, batch.size - decoded, span=batch.size,
            earliest=self._earliest(batch),
        )  # fmt: skip

    def _earliest(self, batch: ColumnBatch) -> int | None:
        """The earliest time of an event, where somebody asks."""
        if self._clock is None:
            return None
        values = [{"@timestamp": value} for value in batch.column("@timestamp").distinct]
        times = [time for one in values if (time := self._clock(one)) is not None]
        return min(times, default=None)

    def tried(self, block: json.Block) -> list[tuple[Document, Sequence[int]]]:
        """Each event that would be decoded in a block, and the conditions that may hold of it.

        Lines that stand apart (vendors' shapes, odd spellings) are left out.
        """
        self.prepare(block)
        lines = Lines(block.data, block.feeds)
        sieve = self._sieve
        assert sieve is not None  # noqa: S101
        sifted = sieve.sift(lines)
        candidates = _candidates(sifted, sifted.marked | sifted.untold | lines.odd())
        if self._classes is not None:
            candidates, _ = self._classes.narrowed(lines, candidates)
        for number in self._thin:
            _add(candidates, range(lines.count), number)
        found = []
        for row, numbers in sorted(candidates.items()):
            record = json.plain_event(lines.line(row), block.first + row)
            if record is not None:
                found.append((record.document, numbers))
        return found

    def anchors_of(self, number: int) -> tuple[str, ...]:
        """The texts of which one stands in each candidate of a condition; none: it is weak."""
        if self.lesson is None:
            return ()
        selected = self.lesson.selected
        atoms = selected.atoms
        found = (atoms[one] for one in selected.gates[number])
        return tuple(
            (atom.text if isinstance(atom, Text) else atom.regex).decode("utf-8", "replace")
            for atom in found
        )

    @property
    def slow(self) -> tuple[Slow, ...]:
        """The patterns that are beyond a limit, and so asked in a slower way."""
        refused = () if self.lesson is None else self.lesson.refused
        return (*self._pupil.slow(self._plan), *refused)

    def share_by_bytes(self, number: int) -> float:
        """In how large a share of a sample bytes alone let a condition through."""
        return 1.0 if self.lesson is None else self.lesson.selected.shares[number]

    def row(self, document: Document) -> Row:
        """An event that single conditions can be asked about, by `is_held`."""
        return self._rows.row(document)

    def forget(self) -> None:
        """Forgets what was found of values, as if none had come; what was compiled stays."""
        self._rows.forget()

    def is_held(self, number: int, row: Row) -> bool:
        """Whether a condition holds of an event; whether its rule sees it is not asked."""
        return self._rows.holds(number, row)

    def _thinned(
        self, lines: Lines, block: json.Block, apart: int, candidates: Candidates
    ) -> Found:
        """The same as `_decoded` with the lines that thresholds of many events have to be told."""
        thin = self._thin
        if not thin:
            return self._decoded(lines, block, apart, candidates)
        every = lines.all()
        rows: Sequence[int] = range(lines.count)
        if apart:
            rows = [row for row in rows if not apart >> row & 1]
            every = [every[row] for row in rows]
        told = {number: one.told(every) for number, one in thin.items()}
        for number, places in told.items():
            _add(candidates, [rows[place] for place in places.some], number)
            apart |= sum(1 << rows[place] for place in places.unread)
        refused: set[int] = set()
        found = self._decoded(lines, block, apart, candidates, refused)
        if not any(refused.intersection(rows[place] for place in t.some) for t in told.values()):
            return found
        # A line that is no event stood in the way of others.
        for number, places in told.items():
            thin[number].forget()
            more = set(places.every).difference(places.some)
            _add(candidates, [rows[place] for place in more], number)
        return self._decoded(lines, block, apart, candidates)

    def _decoded(
        self,
        lines: Lines,
        block: json.Block,
        apart: int,
        candidates: Candidates,
        refused: set[int] | None = None,
    ) -> Found:
        """Decodes and evaluates candidates, and all that there is in lines that stand apart.

        The candidates that are no events, or more than one, are added to ``refused``.
        """
        found = Found()
        extra = 0
        whole = set(rows_of(apart))
        rows = range(lines.count) if self._all_decoded else sorted(candidates.keys() | whole)
        others: list[Record] = []
        places: list[int] = []
        for row in rows:
            if row not in whole:
                record = json.plain_event(lines.line(row), block.first + row)
                if record is not None:
                    found.events += 1
                    if self._clock is not None:
                        found.earliest = earlier(found.earliest, self._clock(record.document))
                    numbers = candidates.get(row)
                    if numbers and (numbers := self._holding(record.document, numbers)):
                        found.hits.append(Hit(row + extra, record, None, numbers))
                    continue
                if refused is not None:
                    refused.add(row)
            pieces = list(json.of_line(lines.line(row), block.first + row))
            records = [piece for piece in pieces if isinstance(piece, Record)]
            found.undecodable += [piece for piece in pieces if isinstance(piece, Undecodable)]
            places += range(row + extra, row + extra + len(records))
            others += records
            extra += max(len(pieces) - 1, 0)
        if others:
            inside = self.in_records(others)
            found.earliest = earlier(found.earliest, inside.earliest)
            for hit in inside.hits:
                hit.place = places[hit.place]
            found.hits = sorted([*found.hits, *inside.hits], key=lambda hit: hit.place)
        found.passed_over = lines.count - len(rows)
        found.events += len(others) + found.passed_over
        found.span = lines.count + extra
        return found

    # --- evaluation ----------------------------------------------------------------------------

    def _in_documents(self, documents: Sequence[Document]) -> dict[int, list[int]]:
        """For each event that satisfies something, by its place, the conditions that hold."""
        if self.lesson is None:
            if len(documents) * len(self._all) <= self._few:
                return self._each(range(len(documents)), documents)
            self._learn([text for one in spread(documents, SAMPLE) if (text := text_of_event(one))])
        sieve = self._sieve
        assert sieve is not None  # noqa: S101
        texts = [text_of_event(document) for document in documents]
        lines = Lines(b"".join(text + b"\n" for text in texts))
        sifted = sieve.sift(lines)
        unsaid = sifted.untold | sum(1 << row for row, text in enumerate(texts) if not text)
        candidates = _candidates(sifted, unsaid)
        if self._classes is not None:
            candidates, unread = self._classes.narrowed(lines, candidates)
            unsaid |= unread
        for number in self._thin:
            _add(candidates, range(len(documents)), number)
        found = self._each(rows_of(unsaid), documents)
        for row, numbers in candidates.items():
            if row not in found and not unsaid >> row & 1:
                holding = self._holding(documents[row], numbers)
                if holding:
                    found[row] = holding
        return found

    def _each(self, rows: Iterable[int], documents: Sequence[Document]) -> dict[int, list[int]]:
        """The same without any preparation."""
        numbers = self._all if self._only is None else sorted(self._only)
        found = {}
        for row in rows:
            holding = self._holding(documents[row], numbers)
            if holding:
                found[row] = holding
        return found

    def _holding(self, document: Document, numbers: Iterable[int]) -> list[int]:
        """Those of some conditions that hold of an event and whose rules see it."""
        row, holds = self._rows.row(document), self._rows.holds
        found = [number for number in numbers if holds(number, row)]
        if not found:
            return found
        origin = origin_of(document)
        return sorted(number for number in found if sees(self._indices[number], origin))

    # --- learning ------------------------------------------------------------------------------

    def again(
        self,
        numbers: Sequence[int],
        gates: Sequence[Anchor],
        keys: Sequence[KeyGate | None] = (),
    ) -> Finder:
        """A finder of some of the conditions, in events that have something rare besides.

        Args:
            numbers: of conditions here.
            gates: for each of them, what a line has to hold.
            keys: and which values a row has to have.
        """
        found = Finder(
            [self._conditions[number] for number in numbers],
            [self._indices[number] for number in numbers],
            few=0,
        )
        found._keys = keys
        lesson = self.lesson
        if lesson is None:
            return found
        gated = [gate != ANYTHING for gate in gates]
        anchors = [
            All((gate, anchors_of(self._conditions[number]))) if is_gated
            else anchors_of(self._conditions[number])
            for number, gate, is_gated in zip(numbers, gates, gated, strict=True)
        ]  # fmt: skip
        selected = inherited(formulas(anchors), lesson.selected, numbers, gated)
        found._use(Lesson(selected, lesson.fields, selected.shares))
        found._lessons = _MOST_LESSONS  # lines with something rare are no sample of others
        return found

    def prepare(self, block: json.Block) -> None:
        """Learns from some lines, unless something is known already."""
        if self.lesson is None:
            sample = spread(Lines(block.data, block.feeds).all(), SAMPLE)
            self._learn([text for line in sample for text in texts_of(line)])

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to go on from here: what is compiled is compiled there."""
        left_out = ("_plan", "_rows", "_sieve", "_classes", "_choose", "_pupil", "_thin")
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Goes on in another process."""
        self.__dict__.update(state, _choose=None, _sieve=None, _classes=None)
        if self.lesson is not None:
            self._use(self.lesson)

    def _learn(self, texts: Sequence[bytes]) -> None:
        lesson = self._pupil.known() if self._lessons == 0 else None
        # What a few events taught is no lesson for many.
        is_enough = lesson is not None and 2 * lesson.size >= len(texts)
        self._use(lesson if lesson is not None and is_enough else self._pupil.learn(texts))

    @cached_property
    def _pupil(self) -> Pupil:
        return Pupil(self._conditions, self._indices)

    def _use(self, lesson: Lesson) -> None:
        self._lessons += 1
        self.lesson = lesson
        if not self._chosen:
            self._only = self._choose(_costs(lesson)) if self._choose else None
            self._chosen = True
            # Where nothing is put off, nothing will be read again.
            self._makes_maps = self._makes_maps and len(self._only or self._all) < len(self._all)
        only = self._only
        self._expected = sum(
            share for n, share in enumerate(lesson.shares) if only is None or n in only
        )
        self._sieve = Sieve(lesson.selected, only, LATER if self._makes_maps else ())
        self._thin = {
            number: LineThinning(
                self._conditions[number], self._indices[number], fields=one.fields,
                override=one.override, runs=one.runs, most=one.most,
                ends=one.ends,
            )
            for number, one in self._thinnings.items()
            if not lesson.selected.gates[number]
            and (only is None or number in only)
            and LineThinning.is_readable(self._conditions[number])
        }  # fmt: skip
        others = only or frozenset(self._all)
        asked = broad(lesson, others.difference(self._thin) if self._thin else only)
        self._classes = (
            classes_of(asked, lesson, self._plan.conditions, self._indices, self._rows)
            if asked
            else None
        )


def _costs(lesson: Lesson) -> list[float]:
    """How broad each condition is: one that bytes do not tell has every line looked at."""
    gates = lesson.selected.gates
    return [
        share if gate else 1.0 + share for share, gate in zip(lesson.shares, gates, strict=True)
    ]


def _candidates(sifted: Sifted, apart: int) -> Candidates:
    """By line, the anchored conditions that may hold of it; without lines that stand apart."""
    found: dict[int, list[int]] = {}
    for number, mask in sifted.candidates:
        for row in rows_of(mask & ~apart):
            found.setdefault(row, []).append(number)
    return dict(found)


def _add(candidates: Candidates, rows: Iterable[int], number: int) -> None:
    for row in rows:
        candidates[row] = [*candidates.get(row, ()), number]
