"""What a whole rule asks for: a query over events.

`Filter` rings for every event that satisfies it, `NewTerms` for the first event in a while that
brings a combination of terms, `Sequence` and `Sample` for events that belong together, `Threshold`
for many events of one group, `IndicatorMatch` for an event that bears the mark of a known threat,
`Correlation` for matches of other rules that come together, `AgentRule` for an event and what was
remembered of others (`logic.agent_rule`).

An event plays a *role* in a query where it satisfies the filter of that number in `roles_of`.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal, assert_never

import msgspec

from tocsin.logic.agent_rule import AgentRule
from tocsin.logic.expr import Always, And, Expr, Leaf, Not, Or, conjunction, walk
from tocsin.logic.field_types import FieldType
from tocsin.logic.matchers import Equals


class Filter(msgspec.Struct, frozen=True, tag_field="node", tag="filter"):
    """Every event that satisfies the condition.

    Attributes:
        where: the condition.
        category: EQL: the event has this category; None for ``any``.
        category_field: where the category stands.
        pipes: EQL: ("head", n) and ("tail", n), applied from left to right.
    """

    where: Expr
    category: str | None = None
    category_field: str = "event.category"
    pipes: tuple[tuple[str, int], ...] = ()

    @property
    def expr(self) -> Expr:
        """The condition with the category in it."""
        if self.category is None:
            return self.where
        leaf = Leaf(self.category_field, Equals((self.category,)), "keyword")
        return leaf if self.where == Always(value=True) else conjunction(leaf, self.where)


class NewTerms(msgspec.Struct, frozen=True, tag_field="node", tag="new_terms"):
    """The first event within ``history`` that satisfies ``filter`` and has these terms.

    Attributes:
        filter: which events count at all, now and in the history.
        fields: one to three fields; an event without a value in one of them does not count, an
            array counts with each element, several fields with every combination.
        history: how far back a combination is remembered.
    """

    filter: Filter
    fields: tuple[str, ...]
    history: dt.timedelta


class Key(msgspec.Struct, frozen=True, tag_field="node", tag="key"):
    """A field that joins the events of a sequence or sample.

    Attributes:
        field: dotted path.
        type: how values are read; keys are equal by value and type, dates by instant.
        optional: an event without a value has the key null, and null equals null; otherwise such
            an event does not count.
    """

    field: str
    type: FieldType = "dynamic"
    optional: bool = False


class Term(msgspec.Struct, frozen=True, tag_field="node", tag="term"):
    """One step of a sequence or sample.

    Attributes:
        filter: which events it takes.
        by: the keys, those of the whole query first.
        missing: EQL's ``![ ]``: no such event comes between its neighbours.
    """

    filter: Filter
    by: tuple[Key, ...] = ()
    missing: bool = False


class Sequence(msgspec.Struct, frozen=True, tag_field="node", tag="sequence"):
    """Events of the same key, one for each term, in order of time.

    Attributes:
        terms: the steps; ``with runs=n`` stands here as n equal terms.
        maxspan: the longest time from the first event to the last, itself included.
        until: an event that ends every sequence of its key that is under way.
        pipes: as in `Filter`.
        tiebreaker: the field that orders events of the same time; events without it come last.
    """

    terms: tuple[Term, ...]
    maxspan: dt.timedelta | None = None
    until: Term | None = None
    pipes: tuple[tuple[str, int], ...] = ()
    tiebreaker: str = ""


class Sample(msgspec.Struct, frozen=True, tag_field="node", tag="sample"):
    """Events of the same key, one for each term, in any order of time."""

    terms: tuple[Term, ...]
    pipes: tuple[tuple[str, int], ...] = ()


class Threshold(msgspec.Struct, frozen=True, tag_field="node", tag="threshold"):
    """At least so many events in one group.

    Attributes:
        filter: which events count.
        fields: what groups them; none: all are one group. An event without a value in one of them
            does not count, an array counts in each value's group.
        value: how many events at least.
        cardinality: (field, how many distinct values of it at least) pairs.
    """

    filter: Filter
    fields: tuple[str, ...]
    value: int
    cardinality: tuple[tuple[str, int], ...] = ()


class MappingEntry(msgspec.Struct, frozen=True, tag_field="node", tag="mapping"):
    """An event's field that has to have a value of an indicator's field; or must not."""

    field: str
    value: str
    negate: bool = False


class IndicatorMatch(msgspec.Struct, frozen=True, tag_field="node", tag="indicator_match"):
    """An event that has what an indicator of a threat has.

    Attributes:
        filter: which events are looked at.
        mapping: alternatives, each of entries that have to hold together for one indicator.
        indicators: which indicators count.
        path: where an indicator document holds the indicator (``threat.indicator``).
    """

    filter: Filter
    mapping: tuple[tuple[MappingEntry, ...], ...]
    indicators: Filter
    path: str = "threat.indicator"


CorrelationKind = Literal[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_median",
    "value_percentile",
]


class CorrelationTerm(msgspec.Struct, frozen=True, tag_field="node", tag="correlation_term"):
    """A rule that a correlation is about.

    Attributes:
        name: how the correlation calls the rule.
        query: its condition, or it is a correlation itself.
        by: the fields of its events that group them, in the order of `Correlation.group_by`; none:
            they are called as there. Of a correlation, a name that it groups by is its group's.
        fields: the fields of its events that `Correlation.fields` are, in that order; none: they
            are called as there.
    """

    name: str
    query: Filter | Correlation
    by: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


class Correlation(msgspec.Struct, frozen=True, tag_field="node", tag="correlation"):
    """Sigma's correlations: matches of other rules that come together.

    When a window begins, when it rings and what is used up: `tocsin.engine.state.correlation`.

    Attributes:
        kind: what is asked of the matches of one group within ``timespan``.
        terms: the rules.
        group_by: what groups their events, as the rule names it: a field or an alias.
        timespan: the longest time from the first event to the last.
        condition: (``gt gte lt lte eq neq``, number) pairs that the count or value has to satisfy,
            all of them; empty for the temporal kinds without one.
        fields: whose values are counted or summed; several are counted as combinations.
        percentile: which, for ``value_percentile``.
        seen: temporal kinds with a boolean condition over the rules: a leaf
            ``Leaf(name, Exists())`` is true where the rule of that name has matched.
    """

    kind: CorrelationKind
    terms: tuple[CorrelationTerm, ...]
    group_by: tuple[str, ...] = ()
    timespan: dt.timedelta = dt.timedelta(minutes=5)
    condition: tuple[tuple[str, float], ...] = ()
    fields: tuple[str, ...] = ()
    percentile: float | None = None
    seen: Expr | None = None

    @property
    def is_temporal(self) -> bool:
        """Whether it asks which rules have matched, and not for a number."""
        return self.kind in {"temporal", "temporal_ordered"}

    @property
    def bounds(self) -> tuple[tuple[str, float], ...]:
        """The condition as it holds: a temporal one without any asks for all rules."""
        if self.is_temporal and not self.condition and self.seen is None:
            return (("gte", len(self.terms)),)
        return self.condition

    @property
    def unwanted(self) -> frozenset[str]:
        """The rules that must not match: ``seen`` names them under a negation alone."""
        named: dict[bool, set[str]] = {True: set(), False: set()}
        pending = [] if self.seen is None else [(self.seen, True)]
        while pending:
            node, positive = pending.pop()
            match node:
                case Leaf(field=name):
                    named[positive].add(name)
                case Not(term):
                    pending.append((term, not positive))
                case And(terms) | Or(terms):
                    pending += [(term, positive) for term in terms]
        return frozenset(named[False] - named[True])

    @property
    def waits(self) -> bool:
        """Whether only a complete window tells: something must not be there, or not too often."""
        absent = self.seen is not None and any(isinstance(node, Not) for node in walk(self.seen))
        return absent or any(operator not in {"gt", "gte"} for operator, _ in self.condition)

    @property
    def asked(self) -> str:
        """The condition in words: ``gt 100 and lte 200``, ``a and not b``, ``all rules``."""
        bounds = self.bounds if self.condition or not self.is_temporal else ()
        words = [f"{operator} {int(n) if float(n).is_integer() else n}" for operator, n in bounds]
        words += [] if self.seen is None else [_seen_text(self.seen)]
        return " and ".join(words) or ("all rules" if self.is_temporal else "any")


def _seen_text(expr: Expr, outer: type | None = None) -> str:
    match expr:
        case Leaf(field=name):
            return name
        case Not(term):
            return f"not {_seen_text(term, Not)}"
        case And(terms) | Or(terms):
            word = " and " if isinstance(expr, And) else " or "
            text = word.join(_seen_text(term, type(expr)) for term in terms)
            return text if outer in {None, type(expr)} or len(terms) < 2 else f"({text})"
        case Always(value):
            return "true" if value else "false"
        case _:
            return "?"


Query = Filter | NewTerms | Sequence | Sample | Threshold | IndicatorMatch | AgentRule | Correlation


def roles_of(query: Query) -> tuple[Filter, ...]:
    """The filters of a query by role; an event is of interest where it satisfies one of them.

    A sequence's roles are its terms in order, then its ``until``; of a correlation they are those
    of its rules one after another; every other query has one for each term, or one.
    """
    match query:
        case Filter():
            return (query,)
        case Sequence(terms=terms, until=until):
            return (*(term.filter for term in terms), *((until.filter,) if until else ()))
        case Sample(terms):
            return tuple(term.filter for term in terms)
        case NewTerms(found) | Threshold(found) | IndicatorMatch(found):
            return (found,)
        case AgentRule(needs=needs):
            return (Filter(needs),)
        case Correlation(terms=correlated):
            return tuple(role for term in correlated for role in roles_of(term.query))
        case _:
            assert_never(query)


def filter_of(query: Filter | NewTerms | Threshold | IndicatorMatch) -> Filter:
    """The condition that an event has to satisfy for the query to look at it."""
    return query if isinstance(query, Filter) else query.filter


def narrowed(query: Query, condition: Expr) -> Query:
    """The query over those events alone that satisfy the condition, in every role they play.

    Elastic filters the events before a query sees them: a rule's ``filters`` and its exceptions
    hold for each event of a sequence.
    """

    def narrow(found: Filter) -> Filter:
        where = () if found.where == Always(value=True) else (found.where,)
        return msgspec.structs.replace(found, where=conjunction(*where, condition))

    def narrow_term(term: Term) -> Term:
        return msgspec.structs.replace(term, filter=narrow(term.filter))

    def narrow_correlated(term: CorrelationTerm) -> CorrelationTerm:
        inside = narrowed(term.query, condition)
        assert isinstance(inside, (Filter, Correlation))  # noqa: S101  (for the types)
        return msgspec.structs.replace(term, query=inside)

    match query:
        case Filter():
            return narrow(query)
        case Sequence(terms=terms, until=until):
            return msgspec.structs.replace(
                query,
                terms=tuple(narrow_term(term) for term in terms),
                until=until and narrow_term(until),
            )
        case Sample(terms=terms):
            return msgspec.structs.replace(query, terms=tuple(narrow_term(term) for term in terms))
        case AgentRule(where=where, needs=needs):
            return msgspec.structs.replace(
                query, where=conjunction(where, condition), needs=conjunction(needs, condition)
            )
        case Correlation(terms=correlated):
            return msgspec.structs.replace(
                query, terms=tuple(narrow_correlated(term) for term in correlated)
            )
        case NewTerms() | Threshold() | IndicatorMatch():
            return msgspec.structs.replace(query, filter=narrow(query.filter))
        case _:
            assert_never(query)
