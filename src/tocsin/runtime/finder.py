"""Events × conditions → hits: what holds no memory, and so can be done anywhere and in any order.

Lines of JSON go a way of their own, since most of them need not be decoded: the bytes say which
lines can satisfy which conditions (`engine.sieve`), a few fields say it of conditions that bytes do
not tell (`engine.classes`), and what is left is decoded and evaluated (`engine.rows`). Events of
any other format, and those that came in a vendor's own shape, are written as JSON and go the same
way. Which texts and fields are worth looking at is learned from the first lines, kept on disk for
the next time, and learned anew where other telemetry comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.engine.byte_scan import Lines, mask_of, rows_of
from tocsin.engine.classes import Classes
from tocsin.engine.evaluate import Evaluation
from tocsin.engine.plan import Plan
from tocsin.engine.rows import Row, RowPlan
from tocsin.engine.selection import SAMPLE, inherited
from tocsin.engine.sieve import Sieve, Sifted
from tocsin.engine.visibility import Visibility
from tocsin.events import shapes
from tocsin.events.batch import Mask
from tocsin.events.decoders import json
from tocsin.events.record import Document, Record, Undecodable
from tocsin.logic.anchors import ANYTHING, All, Anchor, Text, anchors_of
from tocsin.logic.expr import Expr
from tocsin.logic.field_types import coerce
from tocsin.rules.index import origin_of, sees
from tocsin.runtime.hits import Found, Hit, KeyGate, earlier
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

if TYPE_CHECKING:
    from tocsin.events.arrow.batch import ColumnBatch

FEW = 20_000
"""So many pairs of event and condition are evaluated without any preparation."""

_AT_ONCE = 1_024
"""So many rows of columns are made documents at a time."""

_MOST_LESSONS = 4
_BUSY = 4
"""So many times more candidates than the sample had mean that it was of other telemetry."""


Candidates = dict[int, Sequence[int]]
"""By the place of an event, the conditions that may hold of it."""

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
        few: int = FEW,
    ) -> None:
        self._conditions = conditions
        self._indices = indices
        self._choose = choose
        self._all_decoded = all_decoded or clock is not None
        self._clock = clock
        self._few = few
        self._all = range(len(conditions))
        self._only: frozenset[int] | None = None
        self._keys: Sequence[KeyGate | None] = ()
        self._chosen = False
        self._sieve: Sieve | None = None
        self._classes: Classes | None = None
        self._lessons = 0
        self._expected = 0.0
        self.lesson: Lesson | None = None

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
        lines = Lines(block.data)
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
        if self._all_decoded:
            return self._decoded(lines, block, (1 << lines.count) - 1, {})
        apart = sifted.marked | sifted.untold | _odd(lines)
        candidates = _candidates(sifted, apart)
        if self._classes is not None:
            apart |= self._by_class(lines, candidates)
        found = self._decoded(lines, block, apart, candidates)
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
        return tuple(dict.fromkeys((*self._plan.extractor.fields, *more)))

    def in_columns(self, batch: ColumnBatch) -> Found:
        """The hits in rows that come as columns."""
        seen, sure = Visibility(batch), batch.in_ecs
        evaluation = Evaluation(self._plan, batch)
        if self._choose is not None and not self._chosen:
            found = dict(evaluation.hits())
            size = max(batch.size, 1)
            self._only = self._choose([len(found.get(n, ())) / size for n in self._all])
            self._chosen = True
        only = None if self._only is None else sorted(self._only)
        by_row: dict[int, list[int]] = {}
        for number, rows in evaluation.hits(only, lambda n: self._among(n, batch, seen)):
            for row in rows[sure[rows]].tolist():
                by_row.setdefault(row, []).append(number)
        hits = []
        order = sorted(by_row)
        for row, record in zip(order, batch.records(order), strict=True):
            hits.append(Hit(row, record, None, sorted(by_row[row])))
        others = np.flatnonzero(~sure).tolist()
        for start in range(0, len(others), _AT_ONCE):
            some = others[start : start + _AT_ONCE]
            for hit in self.in_records(list(batch.records(some))).hits:
                hit.place = some[hit.place]
                hits.append(hit)
        hits.sort(key=lambda hit: hit.place)
        decoded = len(order) + len(others)
        earliest = None
        if self._clock is not None:
            values = [{"@timestamp": value} for value in batch.column("@timestamp").distinct]
            times = [time for one in values if (time := self._clock(one)) is not None]
            earliest = min(times, default=None)
        return Found(
            hits, batch.size, batch.size - decoded, span=batch.size, earliest=earliest
        )  # fmt: skip

    def _among(self, number: int, batch: ColumnBatch, seen: Visibility) -> Mask | None:
        """The rows that a condition may look at; None: all of them."""
        mask = seen.of(self._indices[number])
        gate = self._keys[number] if self._keys else None
        if gate is None:
            return mask
        column = batch.column(gate.field)
        fits = np.array(
            [coerce(gate.type, one) in gate.values for one in column.distinct], np.bool_
        )
        keyed = np.zeros(batch.size, dtype=np.bool_)
        if len(column.rows):
            keyed[column.rows[fits[column.codes]]] = True
        return keyed if mask is None else keyed & mask

    def tried(self, block: json.Block) -> list[tuple[Document, Sequence[int]]]:
        """Each event that would be decoded in a block, and the conditions that may hold of it.

        Lines that stand apart (vendors' shapes, odd spellings) are left out.
        """
        self.prepare(block)
        lines = Lines(block.data)
        sieve = self._sieve
        assert sieve is not None  # noqa: S101
        sifted = sieve.sift(lines)
        candidates = _candidates(sifted, sifted.marked | sifted.untold | _odd(lines))
        if self._classes is not None:
            self._by_class(lines, candidates)
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

    def share_by_bytes(self, number: int) -> float:
        """In how large a share of a sample bytes alone let a condition through."""
        return 1.0 if self.lesson is None else self.lesson.selected.shares[number]

    def row(self, document: Document) -> Row:
        """An event that single conditions can be asked about, by `is_held`."""
        return self._rows.row(document)

    def is_held(self, number: int, row: Row) -> bool:
        """Whether a condition holds of an event; whether its rule sees it is not asked."""
        return self._rows.holds(number, row)

    def _by_class(self, lines: Lines, candidates: Candidates) -> int:
        """Adds the candidates that classes of events let through; returns lines to be decoded."""
        classes = self._classes
        assert classes is not None  # noqa: S101
        unread = 0
        known, of, asked = classes.known, classes.of, classes.asked
        for row, values in enumerate(classes.narrow.read_all(lines.all())):
            if values is None:
                unread |= 1 << row
                continue
            found = known.get(values)
            if found is None:
                found = of(values)
            told = candidates.pop(row, None)
            if told is not None:
                allowed = found.allowed
                kept = [n for n in told if n not in asked or n in allowed]
                if kept or found.weak:
                    candidates[row] = [*kept, *found.weak]
            elif found.weak:
                candidates[row] = found.weak
        return unread

    def _decoded(
        self, lines: Lines, block: json.Block, apart: int, candidates: Candidates
    ) -> Found:
        """Decodes and evaluates candidates, and all that there is in lines that stand apart."""
        found = Found()
        extra = 0
        whole = set(rows_of(apart))
        for row in sorted(candidates.keys() | whole):
            if row not in whole:
                record = json.plain_event(lines.line(row), block.first + row)
                if record is not None:
                    found.events += 1
                    numbers = self._holding(record.document, candidates[row])
                    if numbers:
                        found.hits.append(Hit(row + extra, record, None, numbers))
                    continue
            pieces = list(json.of_line(lines.line(row), block.first + row))
            records = [piece for piece in pieces if isinstance(piece, Record)]
            found.undecodable += [piece for piece in pieces if isinstance(piece, Undecodable)]
            found.events += len(records)
            inside = self.in_records(records)
            found.earliest = earlier(found.earliest, inside.earliest)
            for hit in inside.hits:
                hit.place += row + extra
                found.hits.append(hit)
            extra += max(len(pieces) - 1, 0)
        untouched = lines.count - len(candidates.keys() | whole)
        found.passed_over = untouched
        found.events += untouched
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
            unsaid |= self._by_class(lines, candidates)
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
        return found

    def prepare(self, block: json.Block) -> None:
        """Learns from some lines, unless something is known already."""
        if self.lesson is None:
            sample = spread(Lines(block.data).all(), SAMPLE)
            self._learn([text for line in sample for text in texts_of(line)])

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to go on from here: what is compiled is compiled there."""
        left_out = ("_plan", "_rows", "_sieve", "_classes", "_choose", "_pupil")
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Goes on in another process."""
        self.__dict__.update(state, _choose=None, _sieve=None, _classes=None)
        if self.lesson is not None:
            self._use(self.lesson)

    def _learn(self, texts: Sequence[bytes]) -> None:
        lesson = self._pupil.known() if self._lessons == 0 else None
        self._use(lesson or self._pupil.learn(texts))

    @cached_property
    def _pupil(self) -> Pupil:
        return Pupil(self._conditions, self._indices)

    def _use(self, lesson: Lesson) -> None:
        self._lessons += 1
        self.lesson = lesson
        if not self._chosen:
            self._only = self._choose(lesson.shares) if self._choose else None
            self._chosen = True
        only = self._only
        self._expected = sum(
            share for n, share in enumerate(lesson.shares) if only is None or n in only
        )
        self._sieve = Sieve(lesson.selected, only)
        asked = broad(lesson, only)
        self._classes = (
            classes_of(asked, lesson, self._plan.conditions, self._indices) if asked else None
        )


def _candidates(sifted: Sifted, apart: int) -> Candidates:
    """By line, the anchored conditions that may hold of it; without lines that stand apart."""
    found: dict[int, list[int]] = {}
    for number, mask in sifted.candidates:
        for row in rows_of(mask & ~apart):
            found.setdefault(row, []).append(number)
    return dict(found)


def _odd(lines: Lines) -> int:
    """The lines that are no object on their face."""
    if not lines.count:
        return 0
    data = np.frombuffer(lines.block, dtype=np.uint8)
    starts = np.append(0, lines.feeds[:-1] + 1)
    ends = np.maximum(lines.feeds - 1, 0)
    last = data[ends]
    last = np.where(last == 13, data[np.maximum(ends - 1, 0)], last)
    odd = (data[np.minimum(starts, len(data) - 1)] != 123) | (last != 125)
    rows = np.flatnonzero(odd)
    return mask_of(rows, lines.count) if len(rows) else 0
