"""What a solved rule comes with: events that must fire it, and near misses that must not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

import msgspec

from tocsin.engine.solve.search import Solution
from tocsin.events.fields import values_of
from tocsin.events.record import Document
from tocsin.logic.field_types import date_of, render_date
from tocsin.rules.index import origin_of, sees
from tocsin.rules.model import Rule

SECOND: Final = 1_000_000_000
NOON: Final = int(dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC).timestamp()) * SECOND
"""Around when everything happens."""


class Case(msgspec.Struct, frozen=True):
    """Events, and what is to be learnt from them.

    Attributes:
        about: what it is, in a few words: ``all conditions met``, ``process.name is "x"``.
        events: those that must fire the rule, or must not.
        before: events that come with them and may fire: what a new-terms rule knows already.
        indicators: documents about threats.
        others: rules that have to be at work besides: those that set what the rule remembers.
    """

    about: str
    events: tuple[Document, ...]
    before: tuple[Document, ...] = ()
    indicators: tuple[Document, ...] = ()
    others: tuple[Rule, ...] = ()


class Solved(msgspec.Struct, frozen=True):
    """A rule, and what shows that it works.

    Attributes:
        rule: the rule.
        fires: must fire it.
        misses: must not, each for a small difference; empty where everything fires the rule.
    """

    rule: Rule
    fires: Case
    misses: tuple[Case, ...]


class Unsolved(msgspec.Struct, frozen=True):
    """A rule for which no events were found.

    Attributes:
        rule: the rule.
        reason: why, in a few words.
    """

    rule: Rule
    reason: str


def last_time(rule: Rule) -> int:
    """A time just before a run of the rule, so that all that came just before is in one run."""
    interval = max(rule.runs.interval, 1)
    return -(-NOON // interval) * interval - SECOND


def dated(solution: Solution, time: int) -> Document:
    """The event at a time, unless its condition asked for another."""
    document = solution.document
    if values_of(document, "@timestamp"):
        return document
    return {"@timestamp": render_date(time), **document}


def redated(document: Document, time: int) -> Document:
    """The same event at another time."""
    return {**document, "@timestamp": render_date(time)}


def time_of(document: Document) -> int:
    """When an event happened."""
    return next((t for t in map(date_of, values_of(document, "@timestamp")) if t is not None), 0)


def visible(rule: Rule, document: Document) -> bool:
    """Whether the rule's index patterns let it see the event."""
    return sees(rule.index, origin_of(document))


def shown(rule: Rule, document: Document) -> Document:
    """The event where the rule sees it: in an index of its own if what it says is elsewhere."""
    if visible(rule, document):
        return document
    for index in _indices(rule.index):
        placed = {**document, "_index": index}
        if visible(rule, placed):
            return placed
    return document


def _indices(patterns: Iterable[str]) -> Iterable[str]:
    pieces = (piece.strip() for pattern in patterns for piece in pattern.split(","))
    return (p.rpartition(":")[2].replace("*", "x") for p in pieces if not p.startswith("-"))
