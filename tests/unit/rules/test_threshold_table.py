"""What a threshold rule of Elastic's asks for."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from tocsin.logic.expr import Leaf
from tocsin.logic.matchers import Equals
from tocsin.logic.query import Filter, Threshold
from tocsin.rules.formats import elastic_toml
from tocsin.rules.load import load_rules
from tocsin.rules.model import Loaded

RULE = """\
[rule]
rule_id = "1"
name = "n"
type = "threshold"
from = "now-60m"
interval = "15m"
query = "process.name: a"
"""
LEAF = Filter(Leaf("process.name", Equals(("a",)), "keyword", operator=":"))


def load(table: str) -> Loaded:
    return elastic_toml.load_file(Path("bells.toml"), RULE + table)


ASKED = [
    ("field = ['a.b', 'c']\nvalue = 3", Threshold(LEAF, ("a.b", "c"), 3)),
    ("field = 'a'\nvalue = 1", Threshold(LEAF, ("a",), 1)),
    ("field = []\nvalue = 1", Threshold(LEAF, (), 1)),
    ("field = ''\nvalue = 1", Threshold(LEAF, (), 1)),
    ("value = 1\ncardinality = []", Threshold(LEAF, (), 1)),
    ("field = ['a', 'a']\nvalue = 1", Threshold(LEAF, ("a",), 1)),
    (
        "field = ['a']\nvalue = 1\n[[rule.threshold.cardinality]]\nfield = 'b'\nvalue = 40",
        Threshold(LEAF, ("a",), 1, (("b", 40),)),
    ),
]


@pytest.mark.parametrize("table, query", ASKED)
def test_a_threshold_is_read(table: str, query: Threshold) -> None:
    loaded = load(f"[rule.threshold]\n{table}")
    assert loaded.problems == ()
    (rule,) = loaded.rules
    assert rule.query == query
    assert rule.kind == "kuery/threshold"
    assert (rule.interval, rule.lookback) == (dt.timedelta(minutes=15), dt.timedelta(hours=1))


WRONG = [
    ("", "a threshold rule needs a table threshold"),
    ("threshold = 3", "a threshold rule needs a table threshold"),
    ("threshold = {field = [3], value = 1}", "is a list of fields, not [3]"),
    ("threshold = {field = {a = 1}, value = 1}", "is a list of fields, not {'a': 1}"),
    ("threshold = {field = ['']}", "is a list of fields, not ['']"),
    ("threshold = {field = 'a'}", "the value of a threshold is a whole number from 1 on, not None"),
    ("threshold = {value = 0}", "is a whole number from 1 on, not 0"),
    ("threshold = {value = true}", "is a whole number from 1 on, not True"),
    ("threshold = {value = 1, cardinality = {field = 'a', value = 1}}", "is a list of tables"),
    ("threshold = {value = 1, cardinality = [3]}", "has a field, not 3"),
    ("threshold = {value = 1, cardinality = [{value = 3}]}", "has a field, not {'value': 3}"),
    (
        "threshold = {value = 1, cardinality = [{field = 'a', value = '3'}]}",
        "the cardinality of a is a whole number from 0 on, not '3'",
    ),
]


@pytest.mark.parametrize("table, message", WRONG)
def test_a_threshold_that_makes_no_sense(table: str, message: str) -> None:
    loaded = load(table)
    assert loaded.rules == ()
    (problem,) = loaded.problems
    assert problem.kind == "semantic"
    assert re.match(rf"bells\.toml: .*{re.escape(message)}$", problem.message)


def test_a_threshold_over_a_broken_query_says_what_is_wrong_with_each() -> None:
    loaded = elastic_toml.load_file(
        Path("bells.toml"), RULE.replace(": a", ": (") + "threshold = 3"
    )
    assert sorted(problem.kind for problem in loaded.problems) == ["semantic", "syntax"]


def test_the_public_thresholds_load(shared: Path) -> None:
    corpus = shared / "corpora" / "elastic"
    written = [
        path for path in corpus.rglob("*.toml")
        if re.search(r'^type = "threshold"', path.read_text(encoding="utf-8"), re.MULTILINE)
    ]  # fmt: skip
    rules = [rule for rule in load_rules([corpus]).rules if isinstance(rule.query, Threshold)]
    assert sorted(rule.path for rule in rules) == sorted(map(str, written))
    assert len(rules) > 20
