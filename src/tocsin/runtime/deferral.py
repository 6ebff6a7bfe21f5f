"""Sequences whose stages are broad: only the rarest stage is looked for, then the rest of its keys.

``sequence by host.id [process where true] [file where file.name == "odd"]`` is hit by every process
that starts, and rings where the odd file is. In an input that can be read twice the first reading
looks for the rarest stage alone and notes the keys of its hits; the second reads the lines again
that hold the text of such a key, and evaluates every stage on them. A sequence needs all of its
stages with one key, and what happens under one key does not depend on others: the alerts are those
of one reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin.engine.state.keys import join_keys, key_of_text, key_text
from tocsin.events.record import Document
from tocsin.logic.anchors import ANYTHING, All, Anchor, AnyOf, text_anchor
from tocsin.logic.query import Key, Query, Sample
from tocsin.logic.query import Sequence as SequenceQuery
from tocsin.runtime.hits import KeyGate

BROAD = 0.0005
"""A stage that has to be looked at in a larger share of events is broad."""

MOST_KEYS = 20_000
"""With more keys than this a line is not asked whether it holds one of them."""

Conditions = Sequence[tuple[int, int]]
"""(number of a rule, role in it) pairs."""


class Deferral:
    """Which rules are put off, and the keys for which they are taken up again.

    Args:
        queries: of all rules, by their number.
        conditions: what events are asked about.

    Attributes:
        leads: by rule that is put off, the role that is looked for.
    """

    def __init__(self, queries: Mapping[int, Query], conditions: Conditions) -> None:
        self._queries = queries
        self._conditions = conditions
        self.leads: dict[int, int] = {}
        self._wanted: dict[int, set[str]] = {}

    def choose(self, shares: Sequence[float]) -> frozenset[int]:
        """The conditions that the first reading asks about, given how broad each is."""
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
            if max(of_roles.values()) > BROAD and len(of_roles) > 1:
                self.leads[rule] = min(steps, key=lambda role: of_roles[role])
        return frozenset(
            number
            for number, (rule, role) in enumerate(self._conditions)
            if self.leads.get(rule, role) == role
        )

    def note(self, rule: int, document: Document) -> None:
        """Takes note of an event of the rarest stage of a rule that is put off."""
        by = self._by(rule)[self.leads[rule]]
        keys = self._wanted.setdefault(rule, set())
        keys.update(key_text(key) for key in join_keys(document, by))

    def second(self) -> list[int]:
        """The conditions that the second reading asks about; none: it is not needed."""
        return [n for n, (rule, _) in enumerate(self._conditions) if self._wanted.get(rule)]

    def gates(self, conditions: Sequence[int]) -> list[Anchor]:
        """What a line holds that has one of the keys, for each of the conditions."""
        by_rule = {rule: self._gate(keys) for rule, keys in self._wanted.items()}
        return [by_rule[self._conditions[number][0]] for number in conditions]

    def keys(self, conditions: Sequence[int]) -> list[KeyGate | None]:
        """The values that a row has to have for each of the conditions; None: any."""
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

    def is_wanted(self, rule: int, role: int, document: Document) -> bool:
        """Whether an event has a key of which the rarest stage was hit."""
        wanted = self._wanted.get(rule, set())
        return any(key_text(key) in wanted for key in join_keys(document, self._by(rule)[role]))

    def _gate(self, keys: set[str]) -> Anchor:
        if len(keys) > MOST_KEYS:
            return ANYTHING
        needed = []
        for text in sorted(keys):
            parts = [text_anchor(value) for value in key_of_text(text) if isinstance(value, str)]
            parts = [part for part in parts if part != ANYTHING]
            if not parts:
                return ANYTHING
            needed.append(All(tuple(parts)) if len(parts) > 1 else parts[0])
        return AnyOf(tuple(needed))

    def _by(self, rule: int) -> list[tuple[Key, ...]]:
        query = self._queries[rule]
        assert isinstance(query, (SequenceQuery, Sample))  # noqa: S101  (only they are put off)
        until = getattr(query, "until", None)
        return [*(term.by for term in query.terms), *((until.by,) if until else ())]
