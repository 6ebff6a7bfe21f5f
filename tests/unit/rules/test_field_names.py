"""Fields that no schema knows: which they are, and what becomes of their rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Golden

from tocsin.rules.field_names import Unknown, is_known, nearest, unknown_fields
from tocsin.rules.formats import elastic_toml
from tocsin.rules.load import load_rules
from tocsin.rules.model import Loaded, Rule

PATH = Path("bells.toml")


def toml(query: str, language: str = "kuery", kind: str = "query", more: str = "") -> str:
    return f"""\
[rule]
rule_id = "1"
name = "n"
severity = "low"
type = "{kind}"
language = "{language}"
query = '''
{query}
'''
{more}
"""


def rule_of(text: str) -> Rule:
    (rule,) = elastic_toml.load_file(PATH, text).rules
    return rule


def found(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    unknown = unknown_fields(rule_of(text))
    return unknown.required, unknown.optional


def load(tmp_path: Path, text: str, *, strict_fields: bool) -> Loaded:
    (tmp_path / "bells.toml").write_text(text)
    return load_rules([tmp_path], strict_fields=strict_fields)


KNOWN = [
    toml("process.name: a and message: b and host.os.type: c"),
    toml("process.name.caseless: a and process.name.text: b"),
    toml("process.parent: * and labels.anything: 1 and labels: *"),
    toml("winlog.event_data.Whatever: a"),
    toml("file.hash.*: a and _index: b and bell"),
    toml("file.hash.\\*:a AND _id:b AND _exists_:user.name", "lucene"),
    toml("process where process.pid == 4 and ?process.name : 'a'".replace("'", '"'), "eql", "eql"),
]


@pytest.mark.parametrize("text", KNOWN)
def test_these_are_known(text: str) -> None:
    assert found(text) == ((), ())


REQUIRED = {
    "a leaf": (toml("tower.bell: a or not tower.rope: *"), ("tower.bell", "tower.rope")),
    "in Lucene": (toml("tower.bell:>3 AND _exists_:tower.rope", "lucene"), ("tower.bell", "tower.rope")),
    "a nested object": (toml("tower: { bell: a }"), ("tower.bell",)),
    "a function": (toml("any where length(tower.bell) > 3", "eql", "eql"), ("tower.bell",)),
    "a join key": (
        toml("sequence by tower.id [any where true] [any where true] by host.id".replace(
            "[any where true] [", "[any where true] by host.id ["), "eql", "eql"),
        ("tower.id",),
    ),
    "a filter": (
        toml("user.name: a", more="[[rule.filters]]\n[rule.filters.query.exists]\nfield = 'tower.id'"),
        ("tower.id",),
    ),
    "a threshold": (
        toml("user.name: a", kind="threshold", more="""
[rule.threshold]
field = ['tower.id']
value = 2
[[rule.threshold.cardinality]]
field = 'tower.bell'
value = 3"""),
        ("tower.id", "tower.bell"),
    ),
    "new terms": (
        toml("user.name: a", kind="new_terms",
             more="new_terms_fields = ['tower.id', 'host.id']\nhistory_window_start = 'now-7d'"),
        ("tower.id",),
    ),
    "suppression": (
        toml("user.name: a", more="alert_suppression = {group_by = ['tower.id']}"), ("tower.id",)
    ),
    "indicators": (
        toml("user.name: a", kind="threat_match", more="""threat_query = 'tower.age < 3'
[[rule.threat_mapping]]
[[rule.threat_mapping.entries]]
field = "tower.ip"
type = "mapping"
value = "threat.indicator.ip" """),
        ("tower.ip", "tower.age"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("where", REQUIRED)
def test_an_unknown_field_is_found_in(where: str) -> None:
    text, names = REQUIRED[where]
    assert found(text) == (names, ())


def test_an_optional_field_is_told_apart() -> None:
    eql = 'process where ?tower.bell == 1 and ?tower.rope : "a" and tower.rope : "b"'
    assert found(toml(eql, "eql", "eql")) == (("tower.rope",), ("tower.bell",))


def test_an_optional_join_key_is_optional() -> None:
    eql = "sequence by ?tower.id [any where true] [any where true]"
    assert found(toml(eql, "eql", "eql")) == ((), ("tower.id",))


def test_other_languages_check_their_own_fields(shared: Path) -> None:
    rules = load_rules([shared / "corpora" / "datadog" / "default.policy"]).rules
    assert rules
    assert not any(unknown_fields(rule) for rule in rules)


NEAR = {
    "proces.name": "process.name",
    "process.comand_line": "process.command_line",
    "user_agent.origin": "user_agent.original",
    "azure.activitylogs.resource.id": "azure.resource.id",
    "tower.bell": "",
    "x" * 500: "",
}


@pytest.mark.parametrize("name", NEAR)
def test_the_nearest_known_name(name: str) -> None:
    assert not is_known(name)
    assert nearest(name) == NEAR[name]


def test_what_is_told(golden: Golden) -> None:
    many = " or ".join(f"tower.bell{number}: a" for number in range(9))
    told = [
        unknown_fields(rule_of(toml(text))).told()
        for text in ("user.name: a and\n  proces.name: b", "proces.name: a or usr.name: b", many)
    ]
    more = "alert_suppression = {group_by = ['tower.id']}"
    told.append(unknown_fields(rule_of(toml("user.name: a", more=more))).told())
    golden("errors/unknown_fields.txt", "\n\n".join(told))


def test_a_rule_with_an_unknown_field_loads_with_one_warning(tmp_path: Path) -> None:
    loaded = load(tmp_path, toml("tower.bell: a and tower.rope: b"), strict_fields=False)
    assert len(loaded.rules) == 1
    (problem,) = loaded.problems
    assert (problem.kind, problem.rule_id, problem.rule_kind) == ("warning", "1", "kuery/query")
    assert "tower.bell, tower.rope" in problem.message
    assert not problem.is_failure


def test_with_strict_fields_it_does_not_load(tmp_path: Path) -> None:
    loaded = load(tmp_path, toml("tower.bell: a"), strict_fields=True)
    assert loaded.rules == ()
    (problem,) = loaded.problems
    assert problem.kind == "semantic"
    assert problem.is_failure


def test_with_strict_fields_an_optional_one_is_still_a_warning(tmp_path: Path) -> None:
    text = toml("process where ?tower.bell == 1 or true", "eql", "eql")
    loaded = load(tmp_path, text, strict_fields=True)
    assert len(loaded.rules) == 1
    assert [problem.kind for problem in loaded.problems] == ["warning"]


def test_the_public_rules_name_known_fields(shared: Path) -> None:
    loaded = load_rules([shared / "corpora" / "elastic"])
    unknown: list[Unknown] = [u for u in map(unknown_fields, loaded.rules) if u]
    # The rule counts the values of azure.activitylogs.resource.id; it is azure.resource.id.
    assert [(u.required, u.optional) for u in unknown] == [
        (("azure.activitylogs.resource.id",), ())
    ]
