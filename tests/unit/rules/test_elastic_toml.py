"""Elastic's rule files."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest

from tocsin.logic.expr import And, Leaf, Not
from tocsin.logic.matchers import Equals, Exists, Wildcard, Words
from tocsin.logic.query import Filter, NewTerms, roles_of
from tocsin.rules.formats import elastic_toml
from tocsin.rules.load import load_rules
from tocsin.rules.model import (
    ListReference,
    Loaded,
    Problem,
    Rule,
    SeverityMapping,
    Suppression,
    Technique,
    Threat,
)

PATH = Path("bells.toml")

FULL = """\
# a rule of our own
[metadata]
maturity = "production"

[[transform.osquery]]
query = "SELECT 1"

[rule]
author = ["A", "B"]
description = '''
Somebody rings.
'''
false_positives = ["  The sexton.  "]
from = "now-1h"
index = ["logs-tower.*"]
interval = "10m"
language = "kuery"
license = "Apache-2.0"
name = "Bell rung"
note = '''## Triage

query = "this is no query"
'''
references = ["https://example.com/bell"]
rule_id = "11111111-2222-3333-4444-555555555555"
setup = "Hang a bell."
severity = "high"
tags = ["Tower"]
timestamp_override = "event.ingested"
type = "query"
building_block_type = "default"

query = '''
process.name: (bell or ring*)
  and not user.name: sexton
'''

[[rule.threat]]
framework = "MITRE ATT&CK"

[[rule.threat.technique]]
id = "T1"
name = "One"
reference = "https://example.com/T1"

[[rule.threat.technique.subtechnique]]
id = "T1.001"
name = "One half"

[rule.threat.tactic]
id = "TA1"
name = "Ring"

[[rule.threat]]
[rule.threat.tactic]
id = "TA2"
"""


def toml(**changes: str | None) -> str:
    """A small rule; a change is a TOML value, or None to leave a key out."""
    keys = {
        "rule_id": '"1"', "name": '"n"', "type": '"query"', "severity": '"low"',
        "query": "'process.name: a'",
    } | changes  # fmt: skip
    return "[rule]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items() if v is not None)


def load(text: str) -> Loaded:
    return elastic_toml.load_file(PATH, text)


def rule_of(text: str) -> Rule:
    loaded = load(text)
    assert [problem.message for problem in loaded.problems if problem.kind != "warning"] == []
    (rule,) = loaded.rules
    return rule


def problems_of(text: str) -> list[Problem]:
    loaded = load(text)
    assert loaded.rules == ()
    assert loaded.files == 1
    return list(loaded.problems)


def test_everything_that_a_rule_says() -> None:
    rule = rule_of(FULL)
    assert rule.query == Filter(
        And(
            (
                # the two alternatives are one Or of two leaves
                rule_of(toml(query="'process.name: (bell or ring*)'")).query.where,  # type: ignore[union-attr]
                Not(Leaf("user.name", Equals(("sexton",)), "keyword", operator=":")),
            )
        )
    )
    assert rule.id == "11111111-2222-3333-4444-555555555555"
    assert (rule.name, rule.vendor, rule.path) == ("Bell rung", "elastic", "bells.toml")
    assert (rule.language, rule.type, rule.kind) == ("kuery", "query", "kuery/query")
    assert (rule.severity, rule.risk_score) == ("high", 73)
    assert rule.author == ("A", "B")
    assert rule.license == "Apache-2.0"
    assert rule.description == "Somebody rings."
    assert rule.false_positives == ("The sexton.",)
    assert rule.references == ("https://example.com/bell",)
    assert rule.guide.startswith("## Triage")
    assert rule.setup == "Hang a bell."
    assert rule.tags == ("Tower",)
    assert rule.index == ("logs-tower.*",)
    assert rule.timestamp_override == "event.ingested"
    assert rule.lookback == dt.timedelta(hours=1)
    assert rule.interval == dt.timedelta(minutes=10)
    assert rule.building_block
    assert rule.maturity == "production"
    half = Technique("T1.001", "One half")
    assert rule.threat == (
        Threat(
            Technique("TA1", "Ring"),
            ((Technique("T1", "One", "https://example.com/T1"), (half,)),),
        ),
        Threat(Technique("TA2")),
    )


def test_what_a_rule_leaves_out() -> None:
    rule = rule_of(toml(severity=None))
    assert (rule.language, rule.kind) == ("kuery", "kuery/query")
    assert (rule.severity, rule.risk_score) == ("low", 21)
    assert rule.interval == dt.timedelta(minutes=5)
    assert rule.lookback == dt.timedelta(minutes=6)
    assert rule.index == ()


def test_carets_point_into_the_file() -> None:
    assert rule_of(FULL).line == FULL.split("\n").index("process.name: (bell or ring*)") + 1
    (problem,) = problems_of(FULL.replace("sexton\n'''", "sexton and\n'''"))
    assert problem.kind == "syntax"
    line = FULL.split("\n").index("  and not user.name: sexton") + 1
    assert problem.message.startswith(f"bells.toml:{line}:29: ")
    assert problem.message.endswith("^^^\nhint: remove the trailing 'and'")


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("'process.name: a'", 6),
        ('"process.name: a"', 6),
        ('"process.name: \\"a\\""', 6),
        ('"""process.name: a"""', 6),
        ("'''\n\nprocess.name: a'''", 7),
        ('"""\nprocess.name: \\"a\\" """', 7),
    ],
)
def test_the_line_on_which_a_query_begins(query: str, line: int) -> None:
    assert rule_of(toml(query=query)).line == line


def test_eql_event_queries() -> None:
    rule = rule_of(toml(type='"eql"', query="'process where process.name : \"a*\"'"))
    assert (rule.language, rule.kind) == ("eql", "eql/event")
    assert isinstance(rule.query, Filter)
    assert rule.query.category == "process"
    assert rule.query.category_field == "event.category"


def test_the_category_may_stand_elsewhere() -> None:
    rule = rule_of(
        toml(type='"eql"', event_category_override='"event.type"', query="'start where true'")
    )
    assert isinstance(rule.query, Filter)
    assert rule.query.category_field == "event.type"


NEW_TERMS = """
[rule.new_terms]
field = "new_terms_fields"
value = ["host.id", "process.name"]
[[rule.new_terms.history_window_start]]
field = "history_window_start"
value = "now-14d"
"""


def test_new_terms() -> None:
    rule = rule_of(toml(type='"new_terms"') + NEW_TERMS)
    leaf = Leaf("process.name", Equals(("a",)), "keyword", operator=":")
    assert rule.kind == "kuery/new_terms"
    assert rule.query == NewTerms(Filter(leaf), ("host.id", "process.name"), dt.timedelta(days=14))


def test_new_terms_as_an_export_writes_them() -> None:
    rule = rule_of(
        toml(type='"new_terms"', new_terms_fields='["host.id"]', history_window_start='"now-7d"')
    )
    assert isinstance(rule.query, NewTerms)
    assert (rule.query.fields, rule.query.history) == (("host.id",), dt.timedelta(days=7))


@pytest.mark.parametrize(
    ("start", "least", "most"),
    [
        ("now-12h", dt.timedelta(hours=12), dt.timedelta(hours=12)),
        ("now-600000ms", dt.timedelta(minutes=10), dt.timedelta(minutes=10)),
        ("now-1d-6h", dt.timedelta(hours=30), dt.timedelta(hours=30)),
        ("now-2H", dt.timedelta(hours=2), dt.timedelta(hours=2)),
        ("now-1M", dt.timedelta(days=28), dt.timedelta(days=31)),
        ("now-1y", dt.timedelta(days=365), dt.timedelta(days=366)),
        ("now-7d/d", dt.timedelta(days=7), dt.timedelta(days=8)),
    ],
)
def test_moments_are_date_math(start: str, least: dt.timedelta, most: dt.timedelta) -> None:
    more = {"new_terms_fields": '["host.id"]', "history_window_start": f'"{start}"'}
    rule = rule_of(toml(type='"new_terms"', **more, **{"from": f'"{start}"'}))
    assert isinstance(rule.query, NewTerms)
    assert least <= rule.query.history <= most
    assert least <= rule.lookback <= most


def test_filters_narrow_the_query() -> None:
    rule = rule_of(
        toml()
        + """
[[rule.filters]]
[rule.filters.meta]
negate = true
[rule.filters.query.wildcard."file.path"]
case_insensitive = true
value = "?:\\\\\\\\Program?Files\\\\\\\\*"
[[rule.filters]]
[rule.filters.query.exists]
field = "user.name"
[[rule.filters]]
[rule.filters.meta]
disabled = true
[rule.filters.query.exists]
field = "no.matter"
[[rule.filters]]
[[rule.filters.query.bool.should]]
[rule.filters.query.bool.should.match_phrase]
message = "as easy"
[[rule.filters.query.bool.should]]
[rule.filters.query.bool.should.terms]
"event.code" = [1, "2"]
[[rule.filters.query.bool.must_not]]
[rule.filters.query.bool.must_not.range."event.severity"]
gte = 3
"""
    )
    assert isinstance(rule.query, Filter)
    where = rule.query.where
    assert isinstance(where, And)
    easy, path, exists, *rest = where.terms
    assert easy == Leaf("process.name", Equals(("a",)), "keyword", operator=":")
    wildcard = Wildcard(("?:\\\\Program?Files\\\\*",), fold_case=True)
    assert path == Not(Leaf("file.path", wildcard, "keyword", operator="wildcard"))
    assert exists == Leaf("user.name", Exists(), "keyword", operator=":")
    shown = repr(rest)
    assert "no.matter" not in shown
    assert repr(Words(("as", "easy"), "phrase", "as easy")) in shown
    assert "Equals(values=('1',)" in shown
    assert "Range(low=3" in shown


@pytest.mark.parametrize(
    "clause",
    [
        "script.source = 'x'",
        "regexp.a = 'x'",
        "wildcard.a = {value = 'x', fuzzy = 1}",
        "query_string.query = 'x'",
    ],
)
def test_a_filter_that_is_not_understood_is_not_passed_over(clause: str) -> None:
    (problem,) = problems_of(toml() + f"[[rule.filters]]\nquery.{clause}\n")
    assert (problem.kind, problem.rule_kind) == ("unsupported", "kuery/query")


@pytest.mark.parametrize(
    "clause",
    [
        "query = {exists = 3}",
        "query = {exists = {}}",
        "query.terms.a = 'b'",
        "query = {a = {}, b = {}}",
        "meta = 4",
    ],
)
def test_a_filter_that_makes_no_sense(clause: str) -> None:
    (problem,) = problems_of(toml() + f"[[rule.filters]]\n{clause}\n")
    assert problem.kind == "semantic"


ALERTING = """
max_signals = 33
rule_name_override = "message"
building_block_type = "default"
[rule.investigation_fields]
field_names = ["host.name", "user.name"]
[rule.alert_suppression]
group_by = ["source.ip", "user.name"]
duration = {unit = "m", value = 130}
missing_fields_strategy = "doNotSuppress"
[[rule.severity_mapping]]
field = "event.severity"
operator = "equals"
severity = "critical"
value = "99"
[[rule.severity_mapping]]
field = ""
severity = "low"
value = ""
[[rule.risk_score_mapping]]
field = "event.risk_score"
operator = "equals"
value = ""
[[rule.exceptions_list]]
id = "endpoint_list"
list_id = "endpoint_list"
namespace_type = "agnostic"
type = "endpoint"
"""


def test_what_becomes_of_a_match() -> None:
    rule = rule_of(toml() + ALERTING)
    assert rule.max_signals == 33
    assert rule.rule_name_override == "message"
    assert rule.investigation_fields == ("host.name", "user.name")
    assert rule.severity_mapping == (SeverityMapping("event.severity", "99", "critical"),)
    assert rule.risk_score_mapping == ("event.risk_score",)
    assert rule.suppression == Suppression(
        ("source.ip", "user.name"), dt.timedelta(minutes=130), "doNotSuppress"
    )
    assert rule.exceptions_list == (
        ListReference("endpoint_list", "endpoint", "agnostic", "endpoint_list"),
    )


def test_suppression_within_a_run_is_what_a_rule_without_a_duration_means() -> None:
    rule = rule_of(toml(alert_suppression='{group_by = ["host.id"]}'))
    assert rule.suppression == Suppression(("host.id",))


@pytest.mark.parametrize(
    "changes",
    [
        {"max_signals": "0"},
        {"max_signals": "true"},
        {"alert_suppression": "3"},
        {"alert_suppression": "{}"},
        {"alert_suppression": "{group_by = []}"},
        {"alert_suppression": "{group_by = ['a', 'b', 'c', 'd']}"},
        {"alert_suppression": "{group_by = ['a'], duration = {value = 1, unit = 'd'}}"},
        {"alert_suppression": "{group_by = ['a'], duration = {value = 0, unit = 'h'}}"},
        {"alert_suppression": "{group_by = ['a'], missing_fields_strategy = 'x'}"},
        {"severity_mapping": "[{field = 'a', severity = 'x', value = 'b'}]"},
        {"severity_mapping": "{field = 'a'}"},
        {"risk_score_mapping": "[3]"},
        {"exceptions_list": "[{id = 'a'}]"},
        {"investigation_fields": "3"},
    ],
)
def test_what_cannot_be_done_with_a_match(changes: dict[str, str | None]) -> None:
    (problem,) = problems_of(toml(**changes))
    assert problem.kind == "invalid"


LUCENE = {
    "query": "",
    "new_terms": "new_terms_fields = ['host.id']\nhistory_window_start = 'now-7d'",
    "threshold": "threshold = {field = 'host.id', value = 3}",
}


@pytest.mark.parametrize("kind", LUCENE)
def test_rules_in_lucene_load(kind: str) -> None:
    query = "'process.name:(bell OR gong) AND NOT user.name:sexton'"
    rule = rule_of(toml(type=f'"{kind}"', language='"lucene"', query=query) + LUCENE[kind])
    assert (rule.kind, rule.language) == (f"lucene/{kind}", "lucene")
    (condition,) = roles_of(rule.query)
    bells = Leaf("process.name", Equals(("bell", "gong")), "keyword", operator=":")
    sexton = Leaf("user.name", Equals(("sexton",)), "keyword", operator=":")
    assert condition.where == And((bells, Not(sexton)))


def test_a_mistake_in_lucene_is_told_with_its_place() -> None:
    (problem,) = problems_of(toml(language='"lucene"', query="'process.name:(bell'"))
    assert (problem.kind, problem.rule_kind) == ("syntax", "lucene/query")
    assert problem.message.startswith("bells.toml:6:14: this '(' is never closed")


UNSUPPORTED = {
    "esql": toml(type='"esql"', language='"esql"', query="'from a'"),
    "machine_learning": toml(type='"machine_learning"', query=None),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_types_that_are_not_run_are_named(kind: str) -> None:
    (problem,) = problems_of(UNSUPPORTED[kind])
    assert (problem.kind, problem.rule_kind) == ("unsupported", kind)
    assert (problem.rule_id, problem.name) == ("1", "n")
    assert not problem.is_failure


WRONG = {
    "no table": ("[other]\na = 1", ["unreadable"]),
    "not TOML": ('[rule]\nname = "a\n', ["unreadable"]),
    "brackets": ("[rule]\na = " + "[" * 100_000, ["unreadable"]),
    "nothing in it": ("[rule]", ["invalid"] * 4),
    "no query": (toml(query=None), ["invalid"]),
    "query": (toml(query="3"), ["invalid"]),
    "type": (toml(type='"bell"'), ["unsupported"]),
    "types everywhere": (
        toml(name="1", severity="2", tags="3", index='[1]', threat="4", interval="5", license="[]"),
        ["invalid"] * 7,
    ),
    "severity": (toml(severity='"deadly"'), ["invalid"]),
    "risk score": (toml(risk_score="true"), ["invalid"]),
    "risk score too high": (toml(risk_score="101"), ["invalid"]),
    "interval": (toml(interval='"often"'), ["invalid"]),
    "interval too long": (toml(interval='"999999999w"'), ["invalid"]),
    "from": (toml(**{"from": '"9m"'}), ["invalid"]),
    "from now": (toml(**{"from": '"now"'}), ["invalid"]),
    "from the future": (toml(**{"from": '"now+5m"'}), ["invalid"]),
    "from a date": (toml(**{"from": '"2026-01-01"'}), ["invalid"]),
    "threat": (toml(threat="[{tactic = {}, technique = [{name = 'x'}]}]"), ["invalid"]),
    "filters": (toml(filters="3"), ["invalid"]),
    "new terms": (toml(type='"new_terms"'), ["invalid", "invalid"]),
    "too many terms": (
        toml(type='"new_terms"', new_terms_fields="['a', 'b', 'c', 'd']", history_window_start="'now-7d'"),
        ["invalid"],
    ),
    "several at once": (toml(query="'a: ('", severity="'x'", interval="'x'"), ["invalid", "syntax", "invalid"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_everything_wrong_with_a_file_is_told(name: str) -> None:
    text, kinds = WRONG[name]
    problems = problems_of(text)
    assert sorted(problem.kind for problem in problems) == sorted(kinds)
    assert all(problem.message.startswith("bells.toml:") for problem in problems)


def test_the_messages(golden) -> None:
    told = [problem.message for text, _ in WRONG.values() for problem in problems_of(text)]
    golden("errors/elastic_toml.txt", "\n".join(told))


def test_toml_that_is_broken_says_where() -> None:
    (problem,) = problems_of('[rule]\nname = "a\n')
    assert problem.message.startswith("bells.toml:2:10: not an Elastic rule: ")


RECOGNISED = [
    ("a.toml", FULL, True),
    ("a.toml", '[rule]\nname = "broken\n', True),
    ("a.toml", "[project]\nname = 'x'\n", False),
    ("a.toml", "Rules\n\n[rule]\nname = 'x'\n", False),
    ("a.txt", FULL, True),
    ("a.txt", '[rule]\nname = "broken\n', False),
    ("a.txt", f"All rules > Bells\n\nBell rung\n\n{FULL}", False),
    ("a.txt", "", False),
]


@pytest.mark.parametrize(("name", "text", "is_one"), RECOGNISED)
def test_recognises(name: str, text: str, is_one: bool) -> None:
    assert elastic_toml.recognises(Path(name), text) is is_one


def test_the_public_rules_load(shared: Path) -> None:
    corpus = shared / "corpora" / "elastic"
    loaded = load_rules([corpus])
    assert [problem.message for problem in loaded.problems if problem.is_failure] == []
    run = {
        "eql/event", "eql/sequence", "eql/sample", "kuery/query", "kuery/new_terms",
        "kuery/threshold", "threat_match",
    }  # fmt: skip
    missing = [p.message for p in loaded.problems if p.kind != "warning" and p.rule_kind in run]
    assert missing == []
    assert len(loaded.rules) + sum(p.kind == "unsupported" for p in loaded.problems) == loaded.files
    assert Counter(rule.kind for rule in loaded.rules).keys() == run
    for rule in loaded.rules:
        lines = Path(rule.path).read_text(encoding="utf-8").split("\n")
        assert rule.text.split("\n")[0] in lines[rule.line - 1]
