"""Rules × records → matches: one pass of the way of the data, without input and output.

A detector is fed batches of records in any order and asked at the end for what could only be known
then. It holds what rules remember (`engine.state`), and hands over what of that changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from tocsin.engine.explain import evidence
from tocsin.engine.match import Match
from tocsin.engine.state.build import operator_for, operator_name
from tocsin.engine.state.indicator_match import IndicatorMatchState
from tocsin.engine.state.operator import Firing, Operator
from tocsin.engine.state.sample import SampleState
from tocsin.engine.state.sequence import SequenceState
from tocsin.engine.state.threshold import ThresholdState
from tocsin.events import shapes
from tocsin.events.event import Event
from tocsin.events.record import Document, Record
from tocsin.logic.agent_rule import AgentRule
from tocsin.logic.expr import Expr
from tocsin.logic.query import Correlation, Filter, NewTerms, Query, Sample, Threshold, roles_of
from tocsin.logic.query import Sequence as SequenceQuery
from tocsin.rules.model import Rule
from tocsin.runtime._times import time_of
from tocsin.runtime.deferral import Deferral, Ends
from tocsin.runtime.finder import Finder
from tocsin.runtime.hits import Found, Hit
from tocsin.runtime.policies import Policies, Remembered
from tocsin.runtime.thinning import thinnings
from tocsin.runtime.wanted import Wanted


class Window(msgspec.Struct, frozen=True):
    """The stretch of time that is looked at, in nanoseconds; both ends belong to it."""

    since: int | None = None
    until: int | None = None

    def holds(self, time: int) -> bool:
        """Whether a time lies in it."""
        return (self.since is None or time >= self.since) and (
            self.until is None or time <= self.until
        )


ALWAYS = Window()
"""All times."""


class Detector:
    """A set of rules at work.

    Args:
        rules: those that loaded.
        window: events outside it are not looked at.
        warm_up: for so long, counted from the earliest event, what is new is learned and does not
            ring.
        saved: what rules remembered, by operator and key; see `changes`.
        now: the time that events without a time of their own take, nanoseconds since the epoch.
        indicators: documents about threats, for the rules that look for them.
        reads_twice: the input will be read again where `again` asks for it, so that sequences with
            broad stages can be put off (`runtime.deferral`).
        remembers: what rules remember is kept for a later scan.
        all_decoded: see `Finder`.
        limited: what rings goes through an `Outcome`: what that would cut need not ring (`beyond`).

    Attributes:
        finder: finds the hits that `take` is given; `feed` does both.
        wanted: what a second reading has to look at, once `again` said that there is one.
        without_indicators: how many rules look for indicators and have none.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        now: int,
        window: Window = ALWAYS,
        warm_up: dt.timedelta = dt.timedelta(0),
        saved: Mapping[str, Mapping[str, bytes]] | None = None,
        indicators: Sequence[Document] = (),
        reads_twice: bool = False,
        remembers: bool = True,
        all_decoded: bool = False,
        limited: bool = False,
    ) -> None:
        # A silent rule that nothing else needs at work costs nothing.
        self.rules = tuple(r for r in rules if not r.silent or isinstance(r.query, AgentRule))
        self._now = now
        self._window = window
        self._warm_up = int(warm_up.total_seconds() * 1_000_000_000)
        self._roles = [roles_of(rule.query) for rule in self.rules]
        self._overrides = [_override(rule) for rule in self.rules]
        saved = saved or {}
        self._operators: dict[int, Operator] = {}
        for number, rule in enumerate(self.rules):
            operator = operator_for(
                rule, saved.get(operator_name(rule)), indicators=indicators, limited=limited
            )
            if operator is not None:
                self._operators[number] = operator
        self._policies = Policies(self.rules, saved)
        self.without_indicators = sum(
            isinstance(operator, IndicatorMatchState) and not operator.has_indicators
            for operator in self._operators.values()
        )
        started = saved.get(_CLOCK, {}).get("earliest")
        self._earliest: int | None = int(started) if started else None
        # By role: what an alert's evidence is taken from.
        self._told = [
            [r.query.where] if isinstance(r.query, AgentRule) else [role.expr for role in roles]
            for r, roles in zip(self.rules, self._roles, strict=True)
        ]
        self._conditions = [
            (number, role)
            for number, roles in enumerate(self._roles)
            for role in range(len(roles))
            if not self._is_blind(number)
        ]
        self._deferral = (
            Deferral(
                {n: rule.query for n, rule in enumerate(self.rules)},
                self._conditions,
                {n: rule.runs for n, rule in enumerate(self.rules)},
                _left(self._operators) if remembers else None,
            )
            if reads_twice
            else None
        )
        self._latest: int | None = None
        self._is_second = False
        self.wanted: Wanted | None = None
        self.finder = Finder(
            [self._condition(number, role) for number, role in self._conditions],
            [self.rules[number].index for number, _ in self._conditions],
            choose=self._deferral.choose if self._deferral else None,
            all_decoded=all_decoded,
            clock=partial(_time_within, self._window) if warm_up else None,
            thinnings=(
                thinnings(self.rules, self._conditions, saved, ends=remembers)
                if limited and window == ALWAYS
                else None
            ),
            reads_twice=reads_twice,
        )
        self._order = 0
        self._piped: dict[int, list[Match]] = {}
        self._identities = Identities()
        self.learned = 0
        self.undated = 0
        self.outside = 0

    @classmethod
    def listening(cls, rule: Rule, *, now: int) -> tuple[Detector, Listener]:
        """A detector that only listens: every event of interest to the rule, and nothing fires."""
        detector, listener = cls([rule], now=now), Listener()
        detector._operators, detector._policies = {0: listener}, Policies((), {})
        return detector, listener

    @property
    def is_resumable(self) -> bool:
        """Whether what rules remember is all in `changes`: what pipes hold back is not."""
        return not any(isinstance(r.query, Filter) and r.query.pipes for r in self.rules)

    def new_file(self) -> None:
        """Says that the records that follow are of another file."""
        self._identities = Identities()

    @property
    def read(self) -> int:
        """How many records have been read."""
        return self._order

    def go_on(self, read: int, noted: bytes) -> None:
        """Says that so many records were read before, by a scan that was interrupted.

        The order of arrival decides between equal times; what is remembered was counted from there.

        Args:
            read: how many.
            noted: what that scan's detector had `noted`.

        Raises:
            msgspec.DecodeError: that is damaged.
        """
        if self._deferral is not None:
            self._deferral.go_on(noted)
        self._order = read

    def noted(self) -> bytes:
        """What was noted of sequences that are put off."""
        return b"" if self._deferral is None else self._deferral.noted()

    def feed(self, records: Sequence[Record], source: str) -> list[Match]:
        """What rings at once over some records of a file, in the order of the rules."""
        return self.take(self.finder.in_records(records), source)

    def take(self, found: Found, source: str) -> list[Match]:
        """What rings at once over the hits in a piece of a file."""
        if found.earliest is not None:
            earliest = self._earliest
            self._earliest = found.earliest if earliest is None else min(earliest, found.earliest)
        matches: list[Match] = []
        conditions = self._conditions
        # By place, so that how often the same bytes came before does not depend on the rules.
        for hit in found.hits:
            event = self._event(hit, source)
            if len(hit.conditions) == 1:
                number, role = conditions[hit.conditions[0]]
                self._hit(number, self._dated(number, event), (role,), matches)
                continue
            roles_of_rules: dict[int, list[int]] = {}
            for condition in hit.conditions:
                number, role = conditions[condition]
                roles_of_rules.setdefault(number, []).append(role)
            dated: dict[str | None, Event] = {None: event}
            for number in sorted(roles_of_rules):
                field = self._overrides[number]
                if field not in dated:
                    dated[field] = self._dated(number, event)
                self._hit(number, dated[field], roles_of_rules[number], matches)
        self._order += found.span
        return matches

    def again(self, latest: int | None = None) -> bool:
        """Whether the input has to be read a second time, for sequences that were put off.

        If so, everything is made ready for it: `finder` finds what is needed, from the first file
        on, and `take` takes it.

        Args:
            latest: events are that late; None: nobody knows but of hits.
        """
        deferral = self._deferral
        if deferral is None or self._is_second:
            return False
        known = self._latest if latest is None else latest
        if known is not None:
            # A clock that is ahead must not hide what is now, nor what is not looked at.
            until = self._window.until
            known = min(known, self._now) if until is None else min(known, self._now, until)
        chosen = deferral.second(known)
        if not chosen:
            return False
        self.wanted = deferral.wanted()
        self.finder = self.finder.again(chosen, deferral.gates(chosen), deferral.keys(chosen))
        self._conditions = [self._conditions[number] for number in chosen]
        self._is_second, self._order = True, 0
        self.new_file()
        return True

    @property
    def conditions(self) -> list[tuple[int, int]]:
        """What `finder` looks for: (rule, role) by the number of the condition."""
        return [(number, role) for number, role in self._conditions]

    @property
    def policies(self) -> Remembered:
        """What the memory of Datadog's Agent rules has to say of itself."""
        return self._policies.told

    def finish(self) -> list[Match]:
        """What could only be known at the end, oldest first within a rule."""
        return list(self.finishing())

    def finishing(self) -> Iterator[Match]:
        """The same one by one: all of their events at once may be more than anybody can hold."""
        for number, held in self._piped.items():
            yield from _piped(held, getattr(self.rules[number].query, "pipes", ()))
        self._piped.clear()
        quiet_until = (
            self._earliest + self._warm_up if self._warm_up and self._earliest is not None else None
        )
        yield from self.remembered()
        for number, operator in self._operators.items():
            rule = self.rules[number]
            learns = quiet_until if isinstance(rule.query, NewTerms) else None
            loud = self._loud(number, operator.due(None), learns)
            pipes = getattr(rule.query, "pipes", ())
            yield from _piped(list(loud), pipes) if pipes else loud

    def _loud(self, number: int, firings: Iterable[Firing], learns: int | None) -> Iterator[Match]:
        for firing in firings:
            match = self._match(number, firing)
            if learns is not None and match.time < learns:
                self.learned += 1
            else:
                yield match

    @property
    def beyond(self) -> Counter[str]:
        """How many firings were not told as they were beyond ``max_signals``, by rule name."""
        found: Counter[str] = Counter()
        for number, operator in self._operators.items():
            if isinstance(operator, ThresholdState) and operator.beyond:
                found[self.rules[number].name] += operator.beyond
        return found

    @property
    def crowded(self) -> Counter[str]:
        """How many events had more combinations of values than count, by rule name."""
        found: Counter[str] = Counter()
        for number, operator in self._operators.items():
            many = getattr(operator, "cut", 0)
            if many:
                found[self.rules[number].name] += many
        return found

    def remembered(self) -> Iterator[Match]:
        """What rules of Datadog's Agent find, oldest first: as much as nobody can hold at once.

        To be asked for at the end. `finish` has what was not.
        """
        for number, firing in self._policies.due(None):
            if not self.rules[number].silent:
                yield self._match(number, firing)

    def variables_at(self, rule: Rule, is_focus: Callable[[Event], bool]) -> dict[str, Any] | None:
        """What a rule's variables are worth where it looks at an event; asked for at the end.

        None: it does not get to look at it.
        """
        found: list[dict[str, Any]] = []

        def note(looking: str, event: Event, values: dict[str, Any]) -> None:
            if looking == rule.id and is_focus(event):
                found.append(values)

        self._policies.listen(note)
        for _ in self._policies.due(None):
            pass
        return found[0] if found else None

    def changes(self) -> dict[str, dict[str, bytes | None]]:
        """What rules remember and did not at the last call, by operator and key."""
        changed: dict[str, dict[str, bytes | None]] = {
            operator_name(self.rules[number]): operator.changes()
            for number, operator in self._operators.items()
        }
        changed |= self._policies.changes()
        if self._earliest is not None:
            changed[_CLOCK] = {"earliest": str(self._earliest).encode()}
        return {operator: keys for operator, keys in changed.items() if keys}

    def _match(self, number: int, firing: Firing) -> Match:
        rule, told = self.rules[number], self._told[number]
        found = [
            leaf
            for role, event in firing.events
            for leaf in evidence(told[role], _with(event.document, firing.context), event.id)
        ]
        new_terms = tuple((f, v) for f, v in firing.terms if v is not None)
        return Match(
            rule, tuple(event for _, event in firing.events), tuple(found), firing.key,
            new_terms if isinstance(rule.query, NewTerms) else (), firing.time,
            firing.details | _details(rule.query, firing),
        )  # fmt: skip

    def _is_blind(self, number: int) -> bool:
        """Whether a rule looks for indicators and has none: it can never ring."""
        operator = self._operators.get(number)
        return isinstance(operator, IndicatorMatchState) and not operator.has_indicators

    def _condition(self, number: int, role: int) -> Expr:
        """What is asked of an event."""
        operator = self._operators.get(number)
        if isinstance(operator, IndicatorMatchState):
            return operator.needed
        return self._roles[number][role].expr

    def _event(self, hit: Hit, source: str) -> Event:
        record, shaped, document = hit.record, hit.shaped, hit.document
        time = time_of(document, "@timestamp")
        identity = self._identities.name(record, shaped)
        if time is not None and (self._latest is None or time > self._latest):
            self._latest = time
        return Event(
            identity, self._now if time is None else time, document, source, record.position,
            None if shaped is None else record.document, received=time is None,
            order=self._order + hit.place, size=len(record.raw),
        )  # fmt: skip

    def _dated(self, number: int, event: Event) -> Event:
        """The event with its time as a rule sees it."""
        field = self._overrides[number]
        time = None if field is None else time_of(event.document, field)
        if time is None or (time == event.time and not event.received):
            return event
        return Event(
            event.id, time, event.document, event.source, event.position, event.original,
            order=event.order, size=event.size,
        )  # fmt: skip

    def _hit(self, number: int, event: Event, roles: Sequence[int], matches: list[Match]) -> None:
        """Takes an event that plays these roles for a rule, and adds what rings to the matches."""
        rule = self.rules[number]
        if self._is_put_off(number, event, roles):
            return
        if not self._window.holds(event.time):
            self.outside += 1
            return
        if event.received:
            self.undated += 1
        if self._policies.takes(number, event):
            return
        operator = self._operators.get(number)
        if operator is not None:
            operator.add(event, roles)
            if isinstance(operator, IndicatorMatchState):
                # It remembers nothing, so what it found must not wait for the end.
                matches.extend(self._match(number, firing) for firing in operator.due(None))
            return
        match = self._match(number, Firing(((0, event),)))
        pipes = getattr(rule.query, "pipes", ())
        if pipes:
            held = self._piped.setdefault(number, [])
            held.append(match)
            if len(held) > 2 * pipes[0][1] + _SPARE:
                self._piped[number] = _piped(held, [pipes[0]])
        else:
            matches.append(match)

    def _is_put_off(self, number: int, event: Event, roles: Sequence[int]) -> bool:
        """Takes care of an event of a sequence with broad stages; whether it was one."""
        deferral = self._deferral
        if deferral is None or number not in deferral.leads:
            return False
        if self._window.holds(event.time):
            if not self._is_second:
                deferral.note(number, event.document, event.time)
            elif any(deferral.is_wanted(number, r, event.document, event.time) for r in roles):
                self._operators[number].add(event, roles)
        return True


def _with(document: Document, context: Document) -> Document:
    return {**document, **context} if context else document


class Listener:
    """In the place of an operator: remembers every event of interest, and never fires."""

    def __init__(self) -> None:
        self.heard: list[tuple[Event, tuple[int, ...]]] = []

    def add(self, event: Event, roles: Sequence[int]) -> None:
        """Takes note of an event and the roles that it plays."""
        self.heard.append((event, tuple(roles)))

    def due(self, until: int | None) -> list[Firing]:
        """Nothing."""
        return []

    def changes(self) -> dict[str, bytes | None]:
        """Nothing."""
        return {}

    def __len__(self) -> int:
        """How many events were heard."""
        return len(self.heard)


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
        shaped = shapes.in_ecs(record)
        document = record.document if shaped is None else shaped.document
        return self.name(record, shaped), document


_CLOCK = "clock"
_SPARE = 1_000


def _details(query: Query, firing: Firing) -> dict[str, Any]:
    """What the query says of a firing besides: the key of its events, what it asks of a group."""
    match query:
        case SequenceQuery() | Sample() | Correlation() if firing.terms:
            return {"joined_by": [{"field": f, "value": v} for f, v in firing.terms]}
        case Threshold():
            least = [{"field": field, "value": value} for field, value in query.cardinality]
            asked = {"field": list(query.fields), "value": query.value, "cardinality": least}
            return {"threshold": asked}
        case _:
            return {}


def _left(operators: Mapping[int, Operator]) -> dict[int, Ends]:
    """By sequence or sample, from when until when the events are that an earlier scan left."""
    return {
        number: operator.restored
        for number, operator in operators.items()
        if isinstance(operator, (SequenceState, SampleState)) and operator.restored is not None
    }


def _time_within(window: Window, document: Document) -> int | None:
    time = time_of(document, "@timestamp")
    return time if time is not None and window.holds(time) else None


def _override(rule: Rule) -> str | None:
    """The field by which a rule tells the time, where that is not ``@timestamp``."""
    # Sequences are in order of @timestamp, whatever the rule's override (Kibana does the same).
    if isinstance(rule.query, (SequenceQuery, Sample)):
        return None
    return rule.timestamp_override or None


def _piped(matches: list[Match], pipes: Iterable[tuple[str, int]]) -> list[Match]:
    kept = sorted(matches, key=lambda match: match.time)
    for name, count in pipes:
        kept = kept[:count] if name == "head" else kept[-count:] if count else []
    return kept
