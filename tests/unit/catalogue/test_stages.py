from __future__ import annotations

import datetime as dt

import msgspec

from tocsin.catalogue.stages import stages_of
from tocsin.logic.expr import And, Leaf, Not
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.query import (
    Correlation,
    CorrelationTerm,
    Filter,
    Key,
    NewTerms,
    Sequence,
    Term,
    Threshold,
)

TREE = Leaf("a", Equals(("x",)))


def test_a_filter_is_one_stage_whose_source_is_its_category() -> None:
    (stage,) = stages_of(Filter(TREE, category="network", pipes=(("head", 3),)), "the text")
    assert (stage.number, stage.role, stage.source) == (1, "match", "network")
    assert (stage.tree, stage.text, stage.pipes) == (TREE, "the text", (("head", 3),))


def test_without_a_category_the_source_is_the_index_patterns() -> None:
    (stage,) = stages_of(Filter(TREE), index=("logs-a-*", "logs-b-*"))
    assert stage.source == "logs-a-*, logs-b-*"


def test_without_either_the_source_is_any_event() -> None:
    (stage,) = stages_of(Filter(TREE))
    assert stage.source == "any"


def test_new_terms_say_what_has_to_be_new_and_for_how_long() -> None:
    query = NewTerms(
        Filter(TREE, category="process"), ("host.id", "user.name"), dt.timedelta(days=7)
    )
    (stage,) = stages_of(query)
    assert (stage.source, stage.terms) == ("process", ("host.id", "user.name"))
    assert stage.history == dt.timedelta(days=7)


def test_a_sequence_has_a_stage_a_term_and_its_until() -> None:
    by = (Key("host.id"),)
    one, two = (Term(Filter(TREE, category), by) for category in ("process", "network"))
    gone = msgspec.structs.replace(two, missing=True)
    query = Sequence((one, one, gone), dt.timedelta(minutes=5), Term(Filter(TREE), by))
    assert [(s.role, s.source, s.runs, s.by, s.note) for s in stages_of(query)] == [
        ("match", "process", 2, ("host.id",), "within 5m of the first event"),
        ("absent", "network", 1, ("host.id",), ""),
        ("until", "any", 1, ("host.id",), ""),
    ]


def test_a_threshold_says_how_many_of_what() -> None:
    query = Threshold(Filter(TREE), ("host.id",), 5, (("user.name", 3),))
    [stage] = stages_of(query)
    assert (stage.by, stage.note) == (("host.id",), "at least 5 events, 3 distinct user.name")


def test_a_correlation_has_a_stage_a_rule_and_says_what_has_to_come_together() -> None:
    one = CorrelationTerm("failed", Filter(TREE, category="network"), ("user.name",))
    other = CorrelationTerm("approved", Filter(TREE))
    seen = And((Leaf("failed", Exists()), Not(Leaf("approved", Exists()))))
    query = Correlation("temporal", (one, other), ("User",), dt.timedelta(minutes=5), seen=seen)
    assert [(s.number, s.role, s.source, s.by, s.note) for s in stages_of(query)] == [
        (1, "match", "network", ("user.name",), "temporal failed and not approved within 5m; failed"),
        (2, "absent", "any", ("User",), "approved"),
    ]  # fmt: skip


def test_a_correlation_of_correlations_has_the_stages_of_all() -> None:
    failed = CorrelationTerm("failed", Filter(TREE))
    inner = Correlation(
        "value_count", (failed,), ("User",), dt.timedelta(minutes=5), (("gte", 3),), ("source.ip",)
    )
    terms = (CorrelationTerm("many", inner), CorrelationTerm("ok", Filter(TREE)))
    query = Correlation("temporal_ordered", terms, ("User",), dt.timedelta(hours=1))
    many = "value_count of source.ip gte 3 within 5m"
    assert [(s.number, s.note) for s in stages_of(query)] == [
        (1, f"temporal_ordered all rules within 1h; {many}; failed"),
        (2, "ok"),
    ]
