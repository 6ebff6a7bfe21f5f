from __future__ import annotations

import datetime as dt

from tocsin.catalogue.stages import stages_of
from tocsin.logic.expr import Leaf
from tocsin.logic.matchers import Equals
from tocsin.logic.query import Filter, NewTerms

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
