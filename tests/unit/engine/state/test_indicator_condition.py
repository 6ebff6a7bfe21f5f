"""What holds of every event that meets an indicator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine import reference
from tocsin.engine.state import _indicator_table
from tocsin.engine.state.indicator_match import IndicatorMatchState
from tocsin.events.event import Event
from tocsin.logic.expr import Always, And, Expr, Leaf, Not
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.query import Filter, IndicatorMatch, MappingEntry

ANY = Always(value=True)
VALUES = [
    "198.51.100.7", "::ffff:198.51.100.7", "198.51.100.0/24", "198.51.100.0/0", "2001:DB8::1",
    "2001:db8::/33", "198.51.100.7/32", "Curl", "curl", "80", 80, 80.0, True, "true", None,
    ["curl", "198.51.100.9"], {"deeper": "curl"}, "Σ", "ς",
]  # fmt: skip
FIELDS = [
    "source.ip", "process.name", "process.name.caseless", "source.port", "odd.field", "@timestamp",
]  # fmt: skip

documents = st.dictionaries(
    st.sampled_from(FIELDS), st.sampled_from(VALUES) | st.lists(st.sampled_from(VALUES), max_size=2)
)
entries = st.builds(
    MappingEntry, st.sampled_from(FIELDS), st.sampled_from(["a", "b.c"]), st.booleans()
)
items = st.lists(st.lists(entries, min_size=1, max_size=2).map(tuple), max_size=3).map(tuple)
indicators = st.lists(
    st.dictionaries(st.sampled_from(["a", "b.c"]), st.sampled_from(VALUES)), max_size=6
)


def state(
    mapping: tuple[tuple[MappingEntry, ...], ...], known: list[dict[str, Any]], where: Expr = ANY
) -> IndicatorMatchState:
    return IndicatorMatchState(IndicatorMatch(Filter(where), mapping, Filter(ANY), "a"), known)


def fires(found: IndicatorMatchState, document: dict[str, Any]) -> bool:
    found.add(Event("e1", 0, document, "file", "line 1"))
    return bool(found.due(None))


@settings(max_examples=300)
@given(items, indicators, documents, st.sampled_from([0, 1, 100]))
def test_it_holds_of_every_event_that_meets_one(
    mapping: tuple[tuple[MappingEntry, ...], ...],
    known: list[dict[str, Any]],
    document: dict[str, Any],
    most: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_indicator_table, "MOST_ASKED", most)
        found = state(mapping, known)
        if any(found.meet(document)):
            assert reference.holds(found.needed, document)


@settings(max_examples=300)
@given(st.sampled_from(FIELDS), indicators, documents)
def test_of_one_entry_it_holds_of_no_other_event(
    field: str, known: list[dict[str, Any]], document: dict[str, Any]
) -> None:
    found = state(((MappingEntry(field, "a"),),), known)
    assert reference.holds(found.needed, document) == any(found.meet(document))


def test_it_has_the_rules_filter_but_for_fields_with_a_wildcard_which_are_asked_last() -> None:
    mail = Leaf("event.kind", Equals(("event",)), "keyword")
    hashes = Leaf("file.hash.*", Exists(), "keyword")
    where = And((mail, hashes, Not(Leaf("host.*", Equals(("db-1",)), "keyword"))))
    found = state(((MappingEntry("process.name", "a"),),), [{"a": "curl"}], where)
    met = {"process": {"name": "curl"}, "event": {"kind": "event"}}
    assert reference.holds(found.needed, met)
    assert not fires(found, met)
    whole = {**met, "file": {"hash": {"md5": "0" * 32}}}
    assert fires(found, whole)
    assert not fires(found, {**whole, "host": {"name": "db-1"}})
    assert not reference.holds(found.needed, {**whole, "event": {"kind": "alert"}})
    assert not reference.holds(found.needed, {**whole, "process": {"name": "sh"}})


def test_without_a_positive_entry_it_holds_of_nothing() -> None:
    found = state(((MappingEntry("process.name", "a", negate=True),),), [{"a": "curl"}])
    assert not reference.holds(found.needed, {"process": {"name": "sh"}})
