from __future__ import annotations

import datetime as dt
import json

from tocsin.catalogue.counts import count_indicators
from tocsin.catalogue.page import as_data, page_of
from tocsin.logic.expr import And, Leaf, Not, Script
from tocsin.logic.matchers import Equals, Wildcard
from tocsin.logic.query import Filter, NewTerms
from tocsin.logic.value import Const
from tocsin.rules.model import Rule, Technique, Threat

TREE = And((
    Not(Leaf("user.name", Equals(("root",)))),
    Leaf("process.name", Wildcard(("python*",), fold_case=True), operator=":"),
    Script(Const(value=True), "length(x) > 3"),
))  # fmt: skip


def rule(rule_id: str, vendor: str = "elastic") -> Rule:
    return Rule(
        id=rule_id, name="n", vendor=vendor, path="r.toml", language="eql", type="new_terms",
        kind="eql/new_terms", text="any where true",
        query=NewTerms(Filter(TREE, category="process"), ("host.id",), dt.timedelta(days=7)),
        threat=(Threat(Technique("TA0006", "Credential Access"),
                       ((Technique("T1552"), (Technique("T1552.005"),)),)),),
    )  # fmt: skip


def test_indicators_come_with_counts_of_other_rules_and_exclusions_last() -> None:
    rules = [rule("a"), rule("b"), rule("c", "datadog")]
    page = page_of(rules[0], count_indicators(rules))
    assert [(r.indicator.field, r.indicator.polarity, r.same) for r in page.rows] == [
        ("process.name", "match", {"datadog": 1, "elastic": 1}),
        ("user.name", "exclude", {"datadog": 1, "elastic": 1}),
    ]
    assert (page.scripts, page.compared) == (("length(x) > 3",), 3)


def test_as_data_is_json_with_the_rule_its_stages_and_its_indicators() -> None:
    mine = rule("a")
    data = json.loads(json.dumps(as_data(page_of(mine, count_indicators([mine])))))
    assert data["rule"]["id"] == "a"
    assert data["rule"]["interval"] == "5m"
    assert data["rule"]["threat"][0]["technique"][0]["subtechnique"][0]["id"] == "T1552.005"
    assert "query" not in data["rule"]
    (stage,) = data["stages"]
    assert (stage["role"], stage["source"], stage["text"]) == ("match", "process", mine.text)
    assert (stage["terms"], stage["history"]) == (["host.id"], "7d")
    assert list(stage["tree"]) == ["and"]
    first, _ = data["indicators"]
    assert {key: first[key] for key in (
        "field", "canonical_field", "kind", "literal_kind", "value", "canonical_value",
        "polarity", "operator", "count_other", "by_vendor",
    )} == {
        "field": "process.name", "canonical_field": "process.name", "kind": "starts",
        "literal_kind": "wildcard", "value": "python*", "canonical_value": "python",
        "polarity": "match", "operator": ":", "count_other": 0, "by_vendor": {},
    }  # fmt: skip
