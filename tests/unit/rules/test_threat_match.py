"""Elastic's rules that look for indicators of threats."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.logic.expr import Always, And, Leaf
from tocsin.logic.matchers import Equals, Exists, Range
from tocsin.logic.query import Filter, IndicatorMatch, MappingEntry
from tocsin.rules.formats import elastic_toml
from tocsin.rules.load import load_rules
from tocsin.rules.model import Loaded

RULE = """\
[rule]
rule_id = "1"
name = "n"
type = "threat_match"
severity = "low"
query = 'source.ip: *'
threat_query = 'tags: bad'
"""
MAPPING = """
[[rule.threat_mapping]]
[[rule.threat_mapping.entries]]
field = "source.ip"
type = "mapping"
value = "threat.indicator.ip"
[[rule.threat_mapping]]
[[rule.threat_mapping.entries]]
field = "destination.ip"
type = "mapping"
value = "threat.indicator.ip"
[[rule.threat_mapping.entries]]
field = "user.name"
negate = true
type = "mapping"
value = "threat.indicator.user"
"""
FILTERS = """
[[rule.filters]]
[rule.filters.query.exists]
field = "user.name"
[[rule.threat_filters]]
[rule.threat_filters.query.match_phrase]
"event.kind" = "enrichment"
"""


def load(text: str) -> Loaded:
    return elastic_toml.load_file(Path("bells.toml"), text)


def query_of(text: str) -> IndicatorMatch:
    loaded = load(text)
    assert loaded.problems == ()
    [rule] = loaded.rules
    assert (rule.kind, rule.language, rule.type) == ("threat_match", "kuery", "threat_match")
    assert isinstance(rule.query, IndicatorMatch)
    return rule.query


def test_a_rule_is_a_query_over_events_and_one_over_indicators() -> None:
    assert query_of(RULE + MAPPING) == IndicatorMatch(
        Filter(Leaf("source.ip", Exists(), "ip", operator=":")),
        (
            (MappingEntry("source.ip", "threat.indicator.ip"),),
            (
                MappingEntry("destination.ip", "threat.indicator.ip"),
                MappingEntry("user.name", "threat.indicator.user", negate=True),
            ),
        ),
        Filter(Leaf("tags", Equals(("bad",)), "keyword", operator=":")),
    )


def test_filters_narrow_the_one_and_threat_filters_the_other() -> None:
    query = query_of(RULE + MAPPING + FILTERS)
    assert "user.name" in repr(query.filter)
    assert "enrichment" not in repr(query.filter)
    assert "enrichment" in repr(query.indicators)
    assert "user.name" not in repr(query.indicators)


def test_what_a_rule_leaves_out() -> None:
    query = query_of(RULE.replace("threat_query = 'tags: bad'\n", "") + MAPPING)
    assert query.indicators == Filter(Always(value=True))
    assert query.path == "threat.indicator"
    path = 'threat_indicator_path = "other.place"\n'
    assert query_of(RULE + path + MAPPING).path == "other.place"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (RULE, "semantic", "a threat_match rule needs a threat_mapping"),
        (RULE + "threat_mapping = 3", "semantic", "a threat_match rule needs a threat_mapping"),
        (RULE + "threat_mapping = [3]", "semantic", "each item of threat_mapping needs entries"),
        (
            RULE + "threat_mapping = [{entries = [{field = 'a'}]}]",
            "semantic",
            "an entry of threat_mapping has a field and a value, not {'field': 'a'}",
        ),
        (
            RULE + "threat_mapping = [{entries = [{field = 'a', value = 'b', negate = true}]}]",
            "semantic",
            "of the entries of a threat_mapping that go together one has to match",
        ),
        (
            RULE + "threat_language = 'eql'" + MAPPING,
            "unsupported",
            "a threat_query in eql is not run yet",
        ),
        (RULE + "threat_filters = 3" + MAPPING, "invalid", "threat_filters has to be a list"),
        (
            RULE.replace("tags: bad", "tags: (bad") + MAPPING,
            "syntax",
            "threat_query:1:7: this '(' is never closed",
        ),
        (RULE.replace("tags: bad", "") + MAPPING.replace("value", "other"), "semantic", "an entry"),
    ],
)
def test_what_is_wrong_is_told(text: str, kind: str, message: str) -> None:
    loaded = load(text)
    assert loaded.rules == ()
    [problem] = loaded.problems
    assert problem.kind == kind
    assert problem.message.startswith("bells.toml: ")
    assert message in problem.message


def test_the_public_ones_load(shared: Path) -> None:
    corpus = shared / "corpora" / "elastic"
    written = {
        str(path) for path in corpus.rglob("*.toml")
        if '\ntype = "threat_match"\n' in path.read_text(encoding="utf-8")
    }  # fmt: skip
    found = [rule for rule in load_rules([corpus]).rules if rule.type == "threat_match"]
    assert {rule.path for rule in found} == written != set()
    for rule in found:
        assert isinstance(rule.query, IndicatorMatch)
        assert rule.query.mapping
        assert rule.query.filter.where != Always(value=True)
        assert rule.query.indicators.where != Always(value=True)


def test_both_queries_may_be_in_lucene() -> None:
    lucene = RULE.replace("source.ip: *", "source.ip:[10.0.0.0 TO 10.0.0.9]")
    lucene = lucene.replace("tags: bad", "tags:(bad OR worse) AND NOT tags:old")
    loaded = load(lucene + "language = 'lucene'\nthreat_language = 'lucene'" + MAPPING)
    assert loaded.problems == ()
    [rule] = loaded.rules
    assert (rule.kind, rule.language) == ("threat_match", "lucene")
    assert isinstance(rule.query, IndicatorMatch)
    assert rule.query.filter.where == Leaf(
        "source.ip", Range("10.0.0.0", "10.0.0.9"), "ip", operator=":"
    )
    assert isinstance(rule.query.indicators.where, And)


def test_a_mistake_in_a_threat_query_of_lucene_is_told_with_its_place() -> None:
    text = RULE.replace("tags: bad", "tags:(bad") + "threat_language = 'lucene'" + MAPPING
    [problem] = load(text).problems
    assert problem.kind == "syntax"
    assert "threat_query:1:6: this '(' is never closed" in problem.message
