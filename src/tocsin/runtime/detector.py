"""Rules × records → matches: one pass of the way of the data, without input and output.

A detector is fed batches of records in any order and asked at the end for what could only be known
then. It holds what rules remember (`engine.state`), and hands over what of that changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from tocsin.engine.evaluate import Evaluation
from tocsin.engine.explain import evidence
from tocsin.engine.match import Match
from tocsin.engine.plan import Plan
from tocsin.engine.state.new_terms import NewTermsState, key_of
from tocsin.events import shapes
from tocsin.events.batch import Batch, Mask
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.events.record import Document, Record
from tocsin.logic.field_types import Scalar, date_of
from tocsin.logic.query import Filter, NewTerms, filter_of
from tocsin.rules.index import FIELDS as ORIGIN_FIELDS
from tocsin.rules.index import Origin, sees
from tocsin.rules.model import Rule


class Window(msgspec.Struct, frozen=True):
    """The stretch of time that is looked at, in nanoseconds; both ends belong to it."""

    since: int | None = None
    until: int | None = None

    def holds(self, time: int) -> bool:
        """Whether a time lies in it."""
        return (self.since is None or time >= self.since) and (
            self.until is None or time <= self.until
        )


class Detector:
    """A set of rules at work.

    Args:
        rules: those that loaded.
        window: events outside it are not looked at.
        warm_up: for so long, counted from the earliest event, what is new is learned and does not
            ring.
        saved: what rules remembered, by operator and key; see `changes`.
        now: the time that events without a time of their own take, nanoseconds since the epoch.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        now: int,
        window: Window | None = None,
        warm_up: dt.timedelta = dt.timedelta(0),
        saved: Mapping[str, Mapping[str, bytes]] | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self._now = now
        self._window = window or Window()
        self._warm_up = int(warm_up.total_seconds() * 1_000_000_000)
        self._filters = [filter_of(rule.query) for rule in self.rules]
        self._plan = Plan(
            (f.expr for f in self._filters), extra_fields=("@timestamp",) if warm_up else ()
        )
        saved = saved or {}
        self._new_terms: dict[int, NewTermsState] = {
            number: NewTermsState(rule.query, saved.get(operator_of(rule)))
            for number, rule in enumerate(self.rules)
            if isinstance(rule.query, NewTerms)
        }
        started = saved.get(_CLOCK, {}).get("earliest")
        self._earliest: int | None = int(started) if started else None
        self._latest: int | None = None
        self._piped: dict[int, list[Match]] = {}
        self._identities = Identities()
        self.hits: Counter[str] = Counter()
        self.learned = 0
        self.undated = 0
        self.outside = 0

    @property
    def is_resumable(self) -> bool:
        """Whether what rules remember is all in `changes`: what pipes hold back is not."""
        return not any(condition.pipes for condition in self._filters)

    def new_file(self) -> None:
        """Says that the records that follow are of another file."""
        self._identities = Identities()

    def feed(self, records: Sequence[Record], source: str) -> list[Match]:
        """What rings at once over some records of a file, in the order of the rules."""
        shaped = [shapes.in_ecs(record.document) for record in records]
        documents: list[Document] = [
            record.document if found is None else found.document
            for record, found in zip(records, shaped, strict=True)
        ]
        batch = Batch(documents, self._plan.extractor)
        if self._warm_up:
            self._note_times(batch)
        evaluation = Evaluation(self._plan, batch)
        masks = _Visibility(batch)
        events: dict[int, Event] = {}
        rows_of: list[tuple[int, int]] = []
        for number, rule in enumerate(self.rules):
            rows = evaluation.rows(number, masks.of(rule.index))
            rows_of.extend((int(row), number) for row in rows)
        matches: list[Match] = []
        # By row, so that how often the same bytes came before does not depend on the rules.
        for row, number in sorted(rows_of):
            event = events.get(row)
            if event is None:
                event = events[row] = self._event(records[row], shaped[row], source)
            matches.extend(self._hit(number, event))
        return matches

    def finish(self) -> list[Match]:
        """What could only be known at the end, oldest first within a rule."""
        matches = []
        for number, held in self._piped.items():
            matches.extend(_piped(held, self._filters[number].pipes))
        self._piped.clear()
        quiet_until = (
            self._earliest + self._warm_up if self._warm_up and self._earliest is not None else None
        )
        for number, state in self._new_terms.items():
            rule = self.rules[number]
            for terms, event in state.due():
                if quiet_until is not None and event.time < quiet_until:
                    self.learned += 1
                    continue
                pairs = tuple(zip(state.fields, terms, strict=True))
                found = evidence(self._filters[number].expr, event.document, event.id)
                matches.append(Match(rule, (event,), found, key_of(terms), pairs))
            state.rung()
            if self._latest is not None and isinstance(rule.query, NewTerms):
                history = int(rule.query.history.total_seconds() * 1_000_000_000)
                state.forget(self._latest - 2 * history)
        return matches

    def changes(self) -> dict[str, dict[str, bytes | None]]:
        """What rules remember and did not at the last call, by operator and key."""
        changed: dict[str, dict[str, bytes | None]] = {
            operator_of(self.rules[number]): state.changes()
            for number, state in self._new_terms.items()
        }
        if self._earliest is not None:
            changed[_CLOCK] = {"earliest": str(self._earliest).encode()}
        return {operator: keys for operator, keys in changed.items() if keys}

    def _note_times(self, batch: Batch) -> None:
        for time in map(_time, batch.column("@timestamp").distinct):
            if time is not None and self._window.holds(time):
                self._earliest = time if self._earliest is None else min(self._earliest, time)

    def _event(self, record: Record, shaped: shapes.Shaped | None, source: str) -> Event:
        document = record.document if shaped is None else shaped.document
        time = _time_of(document, "@timestamp")
        identity = self._identities.name(record, shaped)
        return Event(
            identity, self._now if time is None else time, document, source, record.position,
            None if shaped is None else record.document, time is None, len(record.raw),
        )  # fmt: skip

    def _hit(self, number: int, event: Event) -> Iterator[Match]:
        rule = self.rules[number]
        if rule.timestamp_override:
            time = _time_of(event.document, rule.timestamp_override)
            if time is not None and (time != event.time or event.received):
                event = msgspec.structs.replace(event, time=time, received=False)
        if not self._window.holds(event.time):
            self.outside += 1
            return
        if event.received:
            self.undated += 1
        self.hits[rule.id] += 1
        self._latest = event.time if self._latest is None else max(self._latest, event.time)
        state = self._new_terms.get(number)
        if state is not None:
            state.add(event)
            return
        condition = self._filters[number]
        match = Match(rule, (event,), evidence(condition.expr, event.document, event.id))
        if condition.pipes:
            held = self._piped.setdefault(number, [])
            held.append(match)
            pipe = condition.pipes[0]
            if len(held) > 2 * pipe[1] + _SPARE:
                self._piped[number] = _piped(held, [pipe])
        else:
            yield match


class Identities:
    """Gives the events of one file their ids (design, decision 7).

    An event's id is its own where it has one; else what its shape says it is known by; else its
    bytes and how often those came before. Only events that are asked about count: the same bytes
    hit the same rules, so that every scan counts alike.
    """

    def __init__(self) -> None:
        self._before: Counter[bytes] = Counter()

    def name(self, record: Record, shaped: shapes.Shaped | None) -> str:
        """The id of a record, the next time it is asked for."""
        if record.id is not None:
            return record.id
        if shaped is not None and shaped.identity:
            return hashlib.sha256(shaped.identity).hexdigest()[:32]
        digest = hashlib.sha256(record.raw).digest()
        before = self._before[digest]
        self._before[digest] += 1
        return hashlib.sha256(digest + str(before).encode()).hexdigest()[:32]

    def of(self, record: Record) -> tuple[str, Document]:
        """The id of a record and the event as rules see it."""
        shaped = shapes.in_ecs(record.document)
        document = record.document if shaped is None else shaped.document
        return self.name(record, shaped), document


_CLOCK = "clock"
_SPARE = 1_000


def operator_of(rule: Rule) -> str:
    """The name under which a rule's memory is kept: of the rule and of what it remembers."""
    if isinstance(rule.query, NewTerms):
        return f"new_terms/{rule.id}/{','.join(rule.query.fields)}"
    return f"none/{rule.id}"


def _time_of(document: Document, field: str) -> int | None:
    return next((t for t in map(_time, values_of(document, field)) if t is not None), None)


def _time(value: Scalar) -> int | None:
    """The time that a value says; one outside of 1677 to 2262 is none (see `date_nanos`)."""
    time = date_of(value)
    return time if time is not None and -(2**63) <= time < 2**63 else None


def _piped(matches: list[Match], pipes: Iterable[tuple[str, int]]) -> list[Match]:
    kept = sorted(matches, key=lambda match: match.time)
    for name, count in pipes:
        kept = kept[:count] if name == "head" else kept[-count:] if count else []
    return kept


def piped_filter(matches: list[Match], query: Filter) -> list[Match]:
    """A filter's matches after its pipes."""
    return _piped(matches, query.pipes)


class _Visibility:
    """Which rows of a batch a rule's index patterns let it see; asked once a distinct origin."""

    def __init__(self, batch: Batch) -> None:
        self._masks: dict[tuple[str, ...], Mask | None] = {}
        columns = [batch.column(field) for field in ORIGIN_FIELDS]
        self._plain = not any(len(column.rows) for column in columns)
        self._origins: list[Origin] = []
        self._codes = np.zeros(batch.size, dtype=np.int32)
        if self._plain:
            return
        values = [[""] * batch.size for _ in columns]
        for texts, column in zip(values, columns, strict=True):
            # Backwards, so that of an array the first counts, as in `origin_of`.
            for code, row in zip(column.codes[::-1], column.rows[::-1], strict=True):
                value = column.distinct[code]
                texts[row] = value if isinstance(value, str) else ""
        places: dict[tuple[str, ...], int] = {}
        for row, origin in enumerate(zip(*values, strict=True)):
            self._codes[row] = places.setdefault(origin, len(places))
        self._origins = [Origin(*origin) for origin in places]

    def of(self, patterns: tuple[str, ...]) -> Mask | None:
        """The rows that the patterns see; None: all of them."""
        if self._plain or not patterns:
            return None
        if patterns not in self._masks:
            seen = np.array([sees(patterns, origin) for origin in self._origins])
            self._masks[patterns] = None if seen.all() else seen[self._codes]
        return self._masks[patterns]
