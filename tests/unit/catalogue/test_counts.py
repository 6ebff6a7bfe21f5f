from __future__ import annotations

from typing import Any

from tocsin.catalogue.counts import count_indicators
from tocsin.logic.expr import And, Expr, Leaf, Not
from tocsin.logic.matchers import Equals, Wildcard
from tocsin.logic.query import Filter
from tocsin.rules.model import Rule

CURL = Leaf("process.name", Equals(("curl",)))
KEY = ("process.name", "eq", "curl")


def rule(rule_id: str, tree: Expr = CURL, vendor: str = "elastic", **fields: Any) -> Rule:
    return Rule(
        id=rule_id, name=rule_id, vendor=vendor, path=f"{rule_id}.toml", language="eql", type="eql",
        kind="eql/event", text="", query=Filter(tree), **fields,
    )  # fmt: skip


def test_a_rule_counts_once_however_often_it_says_it() -> None:
    spelled_otherwise = Leaf("process.executable", Wildcard(("*/curl",)), operator=":")
    counts = count_indicators([rule("a", And((CURL, CURL, spelled_otherwise)))])
    assert counts.by_vendor(KEY) == {"elastic": 1}


def test_a_rule_loaded_twice_counts_once() -> None:
    counts = count_indicators([rule("a"), rule("a")])
    assert (counts.rules, counts.by_vendor(KEY)) == (1, {"elastic": 1})


def test_match_and_exclude_are_counted_apart() -> None:
    counts = count_indicators([rule("a"), rule("b", Not(CURL)), rule("c", And((CURL, Not(CURL))))])
    assert counts.by_vendor(KEY) == {"elastic": 2}
    assert counts.by_vendor(KEY, "exclude") == {"elastic": 2}


def test_the_vendor_with_most_rules_comes_first() -> None:
    rules = [rule("a", vendor="datadog"), rule("b"), rule("c"), rule("d", vendor="acme")]
    assert list(count_indicators(rules).by_vendor(KEY).items()) == [
        ("elastic", 2), ("acme", 1), ("datadog", 1),
    ]  # fmt: skip


def test_the_rule_that_is_looked_at_is_left_out_and_another_vendors_of_that_id_is_not() -> None:
    mine, theirs = rule("a"), rule("a", vendor="datadog")
    counts = count_indicators([mine, theirs])
    assert counts.by_vendor(KEY, besides=mine) == {"datadog": 1}


def test_a_rule_that_is_not_among_them_changes_nothing() -> None:
    assert count_indicators([rule("a")]).by_vendor(KEY, besides=rule("z")) == {"elastic": 1}


def test_deprecated_rules_do_not_count_and_building_blocks_do_unless_unwanted() -> None:
    rules = [rule("a", maturity="deprecated"), rule("b", building_block=True)]
    assert count_indicators(rules).by_vendor(KEY) == {"elastic": 1}
    assert count_indicators(rules, building_blocks=False).by_vendor(KEY) == {}


def test_what_nobody_looks_for_has_no_count() -> None:
    assert count_indicators([]).by_vendor(KEY) == {}
