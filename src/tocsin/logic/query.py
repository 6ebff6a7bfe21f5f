"""What a whole rule asks for: a query over events.

`Filter` rings for every event that satisfies it; `NewTerms` for the first event in a while that
brings a combination of terms. Sequences, samples, thresholds and the rest join them here.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from tocsin.logic.expr import Always, Expr, Leaf, conjunction
from tocsin.logic.matchers import Equals


class Filter(msgspec.Struct, frozen=True, tag="filter"):
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


class NewTerms(msgspec.Struct, frozen=True, tag="new_terms"):
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


Query = Filter | NewTerms


def filter_of(query: Query) -> Filter:
    """The condition that an event has to satisfy for the query to look at it."""
    return query if isinstance(query, Filter) else query.filter
