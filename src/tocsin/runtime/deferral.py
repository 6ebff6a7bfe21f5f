"""Sequences whose stages are broad: only the rarest stage is looked for, then the rest of its keys.

``sequence by host.id [process where true] [file where file.name == "odd"]`` is hit by every process
that starts, and rings where the odd file is. In an input that can be read twice the first reading
looks for the rarest stage alone and notes the keys of its hits and their times; the second reads
the lines again that hold the text of such a key, and evaluates every stage on them. A sequence
needs all of its stages with one key, and what happens under one key does not depend on others: the
alerts are those of one reading.

Nor does it depend on events that are further than ``maxspan``, or than one run looks back, from
every hit of the rarest stage.
Whatever waits behind a step began no later than what waits behind the steps before it, so a
sequence that began too early never takes the place of one that did not; an ``until`` counts between
events of a sequence, and a missing event spoils one no further than ``maxspan`` from its other end.

What rules remember may be kept for a later scan, whose events are later. Then every stage is also
looked at no further than ``maxspan`` before the latest event, where a sequence may have begun, and
no further than that from what an earlier scan left.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from tocsin.engine.state.keys import JoinKey, join_keys, key_of_text, key_text
from tocsin.events.record import Document
from tocsin.logic.anchors import (
    ANYTHING,
    All,
    Anchor,
    AnyOf,
    Text,
    address_text_anchor,
    text_anchor,
)
from tocsin.logic.field_types import Scalar
from tocsin.logic.query import Key, Query, Sample
from tocsin.logic.query import Sequence as SequenceQuery
from tocsin.logic.runs import Runs
from tocsin.runtime.hits import KeyGate
from tocsin.runtime.spans import EVER, Spans
from tocsin.runtime.wanted import Wanted

BROAD = 0.0005
"""A stage that has to be looked at in a larger share of events is broad."""

MOST_KEYS = 20_000
"""With more keys than this a line is not asked whether it holds one of them."""

LONGEST = dt.timedelta(minutes=15)
"""What is kept for a later scan would be too much of the input where it reaches further."""

Ends = tuple[int, int]
"""From when until when, in nanoseconds."""

Conditions = Sequence[tuple[int, int]]
"""(number of a rule, role in it) pairs."""

_MICROSECOND = dt.timedelta(microseconds=1)


class _Noted(msgspec.Struct, array_like=True):
    leads: dict[int, int]
    wanted: dict[int, dict[str, list[Ends]]]


class Deferral:
    """Which rules are put off, and the keys for which they are taken up again.

    Args:
        queries: of all rules, by their number.
        conditions: what events are asked about.
        runs: of each rule, when it runs: a run has to see all of a sequence.
        left: what rules remember is kept for a later scan: by rule, from when until when the events
            are that an earlier one left. None: it is not kept.

    Attributes:
        leads: by rule that is put off, the role that is looked for.
    """

    def __init__(
        self, queries: Mapping[int, Query], conditions: Conditions, runs: Mapping[int, Runs],
        left: Mapping[int, Ends] | None = None,
    ) -> None:  # fmt: skip
        self._queries = queries
        self._runs = runs
        self._conditions = conditions
        self._left = left
        self.leads: dict[int, int] = {}
        self._has_chosen = False
        self._wanted: dict[int, dict[str, Spans]] = {}
        self._always: dict[int, Spans] = {}

    def choose(self, shares: Sequence[float]) -> frozenset[int]:
        """The conditions that the first reading asks about, given how broad each is."""
        if not self._has_chosen:
            self._has_chosen = True
            self._choose(shares)
        return frozenset(
            number
            for number, (rule, role) in enumerate(self._conditions)
            if self.leads.get(rule, role) == role
        )

    def _choose(self, shares: Sequence[float]) -> None:
        by_rule: dict[int, dict[int, float]] = {}
        for (rule, role), share in zip(self._conditions, shares, strict=True):
            by_rule.setdefault(rule, {})[role] = share
        for rule, of_roles in by_rule.items():
            query = self._queries.get(rule)
            if isinstance(query, SequenceQuery):
                steps = [role for role, term in enumerate(query.terms) if not term.missing]
            elif isinstance(query, Sample):
                steps = list(range(len(query.terms)))
            else:
                continue
            reach = self._reach(rule)
            if self._left is not None and (
                reach is None or reach > LONGEST // _MICROSECOND * 1_000
            ):
                continue
            if max(of_roles.values()) > BROAD and len(of_roles) > 1:
                self.leads[rule] = min(steps, key=lambda role: of_roles[role])

    def note(self, rule: int, document: Document, time: int) -> None:
        """Takes note of an event of the rarest stage of a rule that is put off."""
        by = self._by(rule)[self.leads[rule]]
        keys = self._wanted.setdefault(rule, {})
        reach = self._reach(rule)
        for key in join_keys(document, by):
            spans = keys.setdefault(key_text(key), Spans())
            if reach is None:
                spans.add(-EVER, EVER)
            else:
                spans.add(time - reach, time + reach)

    def second(self, latest: int | None) -> list[int]:
        """The conditions that the second reading asks about; none: it is not needed.

        Args:
            latest: events are that late, where what is remembered is kept; None: nobody knows.
        """
        if self._left is not None:
            for rule in self.leads:
                reach = self._reach(rule) or 0
                spans = self._always[rule] = Spans()
                spans.add(-EVER if latest is None else latest - reach, EVER)
                if rule in self._left:
                    begin, end = self._left[rule]
                    spans.add(begin - reach, end + reach)
        return [
            number
            for number, (rule, _) in enumerate(self._conditions)
            if self._wanted.get(rule) or rule in self._always
        ]

    def gates(self, conditions: Sequence[int]) -> list[Anchor]:
        """What a line holds that has one of the keys, for each of the conditions."""
        if self._always:
            return [ANYTHING for _ in conditions]
        by_rule = {rule: self._gate(rule, keys) for rule, keys in self._wanted.items()}
        return [by_rule[self._conditions[number][0]] for number in conditions]

    def keys(self, conditions: Sequence[int]) -> list[KeyGate | None]:
        """The values that a row has to have for each of the conditions; None: any."""
        if self._always:
            return [None for _ in conditions]
        found: list[KeyGate | None] = []
        for number in conditions:
            rule, role = self._conditions[number]
            by = self._by(rule)[role]
            values = [key_of_text(text) for text in self._wanted[rule]]
            columns = [frozenset(key[place] for key in values) for place in range(len(by))]
            told = [place for place, column in enumerate(columns) if None not in column]
            # Of the fields that join, the one with the most values is shared by fewest events.
            place = max(told, key=lambda place: len(columns[place]), default=None)
            if place is None or by[place].type == "date":
                found.append(None)
            else:
                some = frozenset(value for value in columns[place] if value is not None)
                found.append(KeyGate(by[place].field, by[place].type, some))
        return found

    def is_wanted(self, rule: int, role: int, document: Document, time: int) -> bool:
        """Whether an event has a key of which the rarest stage was hit, and is near enough."""
        always = self._always.get(rule)
        if always is not None and always.meets(time, time):
            return True
        wanted = self._wanted.get(rule, {})
        for key in join_keys(document, self._by(rule)[role]):
            spans = wanted.get(key_text(key))
            if spans is not None and spans.meets(time, time):
                return True
        return False

    def wanted(self) -> Wanted:
        """Which lines may matter to the second reading."""
        texts: dict[bytes, Spans] = {}
        others = Spans()
        for spans in self._always.values():
            for begin, end in spans.pairs:
                others.add(begin, end)
        for rule, keys in self._wanted.items():
            values = {text: key_of_text(text) for text in keys}
            order = _telling(list(values.values()))
            types = self._types(rule)
            for text, key in values.items():
                found = _one_of(key, order, types) if len(keys) <= MOST_KEYS else None
                for begin, end in keys[text].pairs:
                    if found is None:
                        others.add(begin, end)
                    else:
                        for one in found:
                            texts.setdefault(one, Spans()).add(begin, end)
        return Wanted(texts, others)

    def noted(self) -> bytes:
        """What was noted so far, for a scan that goes on where this one was interrupted."""
        wanted = {
            rule: {text: spans.pairs for text, spans in keys.items()}
            for rule, keys in self._wanted.items()
        }
        return msgspec.json.encode(_Noted(self.leads, wanted)) if self._has_chosen else b""

    def go_on(self, noted: bytes) -> None:
        """Goes on with what was noted.

        Raises:
            msgspec.DecodeError: it is damaged.
        """
        if not noted:
            return
        found = msgspec.json.decode(noted, type=_Noted)
        self._has_chosen, self.leads = True, found.leads
        for rule, keys in found.wanted.items():
            for text, pairs in keys.items():
                spans = self._wanted.setdefault(rule, {}).setdefault(text, Spans())
                for begin, end in pairs:
                    spans.add(begin, end)

    def _gate(self, rule: int, keys: Mapping[str, Spans]) -> Anchor:
        if len(keys) > MOST_KEYS:
            return ANYTHING
        types = self._types(rule)
        needed = []
        for text in sorted(keys):
            parts = [_anchor(*one) for one in zip(key_of_text(text), types, strict=True)]
            parts = [part for part in parts if part != ANYTHING]
            if not parts:
                return ANYTHING
            needed.append(All(tuple(parts)) if len(parts) > 1 else parts[0])
        return AnyOf(tuple(needed))

    def _reach(self, rule: int) -> int | None:
        """How far from a hit of the rarest stage events matter; None: there is no limit."""
        query = self._queries[rule]
        maxspan = getattr(query, "maxspan", None)
        found = [] if maxspan is None else [maxspan // _MICROSECOND * 1_000 + 1_000]
        terms = query.terms if isinstance(query, SequenceQuery) else ()
        # An event that must be missing may lie further from what one run sees.
        if not any(term.missing for term in terms):
            found.append(self._runs[rule].lookback)
        return min(found, default=None)

    def _types(self, rule: int) -> list[str]:
        """How the values of a key are read: as ``ip`` or as ``keyword``; empty: as either."""
        columns = zip(*self._by(rule), strict=True)
        types = [{"ip" if key.type == "ip" else "keyword" for key in column} for column in columns]
        return [found.pop() if len(found) == 1 else "" for found in types]

    def _by(self, rule: int) -> list[tuple[Key, ...]]:
        query = self._queries[rule]
        assert isinstance(query, (SequenceQuery, Sample))  # noqa: S101  (only they are put off)
        until = getattr(query, "until", None)
        return [*(term.by for term in query.terms), *((until.by,) if until else ())]


def _anchor(value: Scalar | None, kind: str) -> Anchor:
    """What a line has to hold if a field has this value."""
    if not isinstance(value, str) or not kind:
        return ANYTHING
    # An address has many spellings.
    return address_text_anchor([value]) if kind == "ip" else text_anchor(value)


def _telling(keys: Sequence[JoinKey]) -> list[int]:
    """The places in keys, those first that have most values: each is shared by fewest events."""
    size = len(keys[0]) if keys else 0
    return sorted(range(size), key=lambda place: -len({repr(key[place]) for key in keys}))


def _one_of(key: JoinKey, order: Sequence[int], types: Sequence[str]) -> list[bytes] | None:
    """Texts of which one stands in each line that has a key; None where there are none."""
    for place in order:
        found = _texts(_anchor(key[place], types[place]))
        if found:
            return found
    return None


def _texts(anchor: Anchor) -> list[bytes] | None:
    match anchor:
        case Text(text):
            return [text]
        case AnyOf(terms):
            found = [_texts(term) for term in terms]
            return None if None in found else [text for one in found for text in one or ()]
        case All(terms):
            some = [one for term in terms if (one := _texts(term))]
            # The one whose shortest text is longest.
            return max(some, key=lambda one: min(map(len, one)), default=None)
        case _:
            return None
