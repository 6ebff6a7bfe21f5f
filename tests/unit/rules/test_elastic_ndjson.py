"""Kibana's own rule files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tocsin.engine.exceptions import swallowed_by
from tocsin.logic.query import NewTerms
from tocsin.rules.formats import elastic_ndjson
from tocsin.rules.load import load_rules, shipped_pack
from tocsin.rules.model import Loaded, Rule

PATH = Path("export.ndjson")

RULE: dict[str, Any] = {
    "id": "0b1c", "rule_id": "bell-1", "name": "Bell rung", "description": "Somebody rings.",
    "type": "query", "language": "kuery", "query": "process.name: bell", "severity": "high",
    "risk_score": 73, "enabled": True, "immutable": False, "revision": 4, "version": 2,
    "created_at": "2026-01-01T00:00:00.000Z", "created_by": "sexton", "interval": "5m",
    "from": "now-360s", "to": "now", "max_signals": 100, "actions": [], "index": ["logs-*"],
    "threat": [], "severity_mapping": [], "risk_score_mapping": [], "exceptions_list": [
        {"id": "x", "list_id": "quiet", "namespace_type": "single", "type": "detection"}],
    "filters": [{"meta": {"negate": True}, "query": {"exists": {"field": "group.name"}}}],
    "alert_suppression": {"group_by": ["user.name"], "duration": {"value": 90, "unit": "m"},
                          "missing_fields_strategy": "doNotSuppress"},
}  # fmt: skip
LIST = {"list_id": "quiet", "type": "detection", "namespace_type": "single", "name": "Quiet"}
ITEM = {
    "item_id": "i1", "list_id": "quiet", "namespace_type": "single", "name": "the sexton",
    "entries": [{"field": "user.name", "operator": "included", "type": "match", "value": "sexton"}],
}  # fmt: skip
CONNECTOR = {"id": "c", "type": "action", "attributes": {"name": "slack"}}
SUMMARY = {"exported_count": 3, "exported_rules_count": 1}


def ndjson(*objects: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)


def load(*objects: object) -> Loaded:
    return elastic_ndjson.load_file(PATH, ndjson(*objects))


def as_loaded_from_anywhere(rule: Rule) -> Rule:
    return msgspec.structs.replace(rule, path="", line=0, maturity="")


def again(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    loaded = elastic_ndjson.load_file(PATH, elastic_ndjson.export(rules))
    assert loaded.problems == ()
    return loaded.rules


def test_rules_with_their_exceptions() -> None:
    loaded = load(
        RULE, RULE | {"rule_id": "bell-2", "exceptions_list": []}, LIST, ITEM, CONNECTOR, SUMMARY
    )
    assert loaded.problems == ()
    first, second = loaded.rules
    assert (first.id, first.path, first.line, second.line) == ("bell-1", "export.ndjson", 1, 2)
    assert first.max_signals == 100
    assert [one.name for one in first.exceptions] == ["the sexton"]
    assert second.exceptions == ()
    found = swallowed_by(first, {"process.name": "bell", "user.name": "sexton"})
    assert found is not None
    assert found.id == "i1"


def test_what_a_kibana_knows_of_its_own_copy_is_not_kept() -> None:
    (rule,) = load(RULE).rules
    assert json.loads(rule.rest).keys() == {"filters"}


def test_new_terms_as_kibana_writes_them() -> None:
    new = RULE | {
        "type": "new_terms",
        "new_terms_fields": ["a", "b"],
        "history_window_start": "now-14d",
    }
    (rule,) = load(new).rules
    assert isinstance(rule.query, NewTerms)
    assert rule.query.fields == ("a", "b")


def test_a_mistake_is_told_with_its_line() -> None:
    loaded = elastic_ndjson.load_file(
        PATH, ndjson(RULE, RULE | {"query": "a: ("}) + "{]\n" + ndjson(RULE | {"severity": "x"})
    )
    assert len(loaded.rules) == 1
    assert [problem.kind for problem in loaded.problems] == ["syntax", "unreadable", "invalid"]
    syntax, broken, invalid = (problem.message for problem in loaded.problems)
    assert syntax.startswith("export.ndjson:2:1:")
    assert broken.startswith("export.ndjson:3: not an Elastic rule: expecting")
    assert invalid.startswith("export.ndjson:4: the severity 'x'")
    assert {problem.path for problem in loaded.problems} == {"export.ndjson"}


def test_an_exception_that_makes_no_sense_is_a_problem() -> None:
    loaded = load(RULE, ITEM | {"entries": []})
    assert len(loaded.rules) == 1
    (problem,) = loaded.problems
    assert "exception 'the sexton'" in problem.message


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (ndjson(RULE), True),
        (ndjson(LIST, ITEM, RULE), True),
        (ndjson(LIST, ITEM), False),
        (ndjson({"@timestamp": "2026-01-01", "message": "rule_id type name"}), False),
        ('{"rule_id": "a", "type": "b"', False),
        ("", False),
        ("\n\n", False),
        ("[rule]\nrule_id = 'a'\n", False),
    ],
)
def test_recognises(text: str, is_one: bool) -> None:
    assert elastic_ndjson.recognises(PATH, text) is is_one


def test_telemetry_in_a_directory_of_rules_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "rules.ndjson").write_text(ndjson(RULE, SUMMARY))
    (tmp_path / "events.ndjson").write_text(ndjson({"message": "dong"}) * 3)
    (tmp_path / "bytes.ndjson").write_bytes(b"\xff\xfe")
    loaded = load_rules([tmp_path])
    assert [rule.id for rule in loaded.rules] == ["bell-1"]
    assert loaded.problems == ()
    (problem,) = load_rules([tmp_path / "events.ndjson"]).problems
    assert problem.kind == "unreadable"


def test_an_export_holds_what_an_import_needs() -> None:
    loaded = load(RULE, LIST, ITEM)
    rule, one, item, summary = map(json.loads, elastic_ndjson.export(loaded.rules).splitlines())
    for key in ("rule_id", "name", "description", "type", "language", "query", "index", "version"):
        assert rule[key] == RULE[key]
    assert (rule["severity"], rule["risk_score"], rule["max_signals"]) == ("high", 73, 100)
    assert (rule["immutable"], rule["enabled"]) == (False, False)
    assert (rule["interval"], rule["from"], rule["to"]) == ("5m", "now-6m", "now")
    assert rule["alert_suppression"] == RULE["alert_suppression"]
    assert rule["exceptions_list"] == RULE["exceptions_list"]
    assert rule["filters"] == RULE["filters"]
    assert (one["list_id"], one["type"]) == ("quiet", "detection")
    assert (item["list_id"], item["type"], item["entries"]) == ("quiet", "simple", ITEM["entries"])
    assert summary["exported_rules_count"] == 1
    assert summary["exported_exception_list_item_count"] == 1
    assert summary["exported_count"] == 3


def test_an_export_comes_back_as_it_was() -> None:
    loaded = load(RULE, RULE | {"rule_id": "bell-2"}, LIST, ITEM)
    assert again(loaded.rules) == loaded.rules


def test_an_exception_of_one_rule_is_exported_with_it() -> None:
    default = LIST | {"type": "rule_default", "list_id": "bell-1"}
    loaded = load(RULE | {"exceptions_list": []}, default, ITEM | {"list_id": "bell-1"})
    (rule,) = again(loaded.rules)
    assert [one.name for one in rule.exceptions] == ["the sexton"]


def elastic(loaded: Loaded) -> tuple[Rule, ...]:
    return tuple(rule for rule in loaded.rules if rule.vendor == "elastic")


def test_the_shipped_pack_comes_back_as_it_was() -> None:
    loaded = load_rules([shipped_pack()])
    rules = elastic(loaded)
    assert rules
    back = again(loaded.rules)
    assert list(map(as_loaded_from_anywhere, back)) == list(map(as_loaded_from_anywhere, rules))


def test_the_public_rules_come_back_as_they_were(shared: Path) -> None:
    rules = elastic(load_rules([shared / "corpora" / "elastic"]))
    back = again(rules)
    assert len(back) == len(rules)
    for one, other in zip(back, rules, strict=True):
        assert as_loaded_from_anywhere(one) == as_loaded_from_anywhere(other)
