"""Datadog's policies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tocsin.engine.reference import holds
from tocsin.rules.formats import datadog_policy
from tocsin.rules.formats._datadog import threats_of, version_accepted
from tocsin.rules.load import load_rules
from tocsin.rules.model import Loaded

PATH = Path("tower.policy")

TOWER = """\
version: 1.2.3
type: policy
macros:
  - id: RINGERS
    description: Programs that ring
    expression: '["bell", ~"ring*"]'
  - id: NOISE
    expression: exec.comm in RINGERS
    filters:
      - os == "linux"
  - id: NOISE
    expression: 'false'
    filters: [os == "windows"]
rules:
  - id: bell_rung
    description: Somebody rang
      the bell
    expression: |-
      NOISE &&
      exec.tty_name != ""
    product_tags:
      - policy:threat-detection
      - tactic:TA0006-credential-access
      - technique:T1552-unsecured-credentials
      - subtechnique:T1552.005-cloud-instance-metadata-api
    agent_version: '>= 7.50'
    actions:
      - set: {name: rung, value: true}
  - id: broken
    expression: exec.comm ==
  - id: remembers
    expression: exec.comm == "bell" && ${process.rung}
"""


def load(text: str) -> Loaded:
    return datadog_policy.load_file(PATH, text)


def rules(text: str) -> str:
    """A policy whose rules are these lines."""
    return "rules:\n" + text


def kinds(loaded: Loaded) -> list[tuple[str, str]]:
    return [(p.rule_id, p.kind) for p in loaded.problems]


def test_a_rule_with_everything() -> None:
    loaded = load(TOWER)
    (rule,) = loaded.rules
    assert (rule.id, rule.name, rule.description) == (
        "bell_rung", "Somebody rang the bell", "Somebody rang the bell",
    )  # fmt: skip
    assert (rule.vendor, rule.language, rule.type, rule.kind) == (
        "datadog", "secl", "agent_rule", "secl",
    )  # fmt: skip
    assert (rule.severity, rule.risk_score, rule.version) == ("low", 21, "1.2.3")
    assert rule.text == 'NOISE &&\nexec.tty_name != ""'
    assert rule.line == 19
    assert rule.tags[0] == "policy:threat-detection"
    (threat,) = rule.threat
    assert threat.tactic is not None
    assert (threat.tactic.id, threat.tactic.name) == ("TA0006", "Credential Access")
    ((technique, subs),) = threat.techniques
    assert (technique.id, [s.id for s in subs]) == ("T1552", ["T1552.005"])
    ring = {"comm": "ringer", "tty_name": "pts0"}
    assert holds(rule.query.expr, {"secl": {"evt": {"name": "exec"}, "exec": ring}})


def test_what_is_broken_costs_itself_alone_and_is_shown_where_it_stands() -> None:
    loaded = load(TOWER)
    broken, remembers = loaded.problems
    assert (broken.rule_id, broken.kind, broken.rule_kind) == ("broken", "syntax", "secl")
    assert broken.message == (
        "tower.policy:30:13: expected a value, found the end of the query\n"
        "    30 | exec.comm ==\n"
        "       |             ^"
    )
    assert (remembers.rule_id, remembers.kind) == ("remembers", "unsupported")
    assert "tower.policy:32:" in remembers.message


@pytest.mark.parametrize(
    "more, kind",
    [
        ("agent_version: '< 7.71'", "not_applicable"),
        ("filters: [os == \"windows\"]", "not_applicable"),
        ("filters: [kernel.version.major < 5 && os == \"linux\"]", "not_applicable"),
        ("disabled: true", "not_applicable"),
        ("silent: true", "not_applicable"),
        ("agent_version: soon", "invalid"),
        ("filters: [os === 1]", "invalid"),
        ("filters: [exec.comm == \"a\"]", "invalid"),
    ],
)  # fmt: skip
def test_a_rule_that_has_no_part_here(more: str, kind: str) -> None:
    loaded = load(rules(f'  - id: a\n    expression: exec.comm == "a"\n    {more}\n'))
    assert kinds(loaded) == [("a", kind)]
    assert loaded.rules == ()


@pytest.mark.parametrize(
    "more",
    [
        "agent_version: '>= 7.30, < 8, != 7.38'",
        "filters: [os == \"windows\", os == \"linux\"]",
        "filters: [kernel.version.major >= 5 && kernel.version.minor > 2]",
        "disabled: false",
        "every: 60000000000",
    ],
)  # fmt: skip
def test_a_rule_that_has(more: str) -> None:
    loaded = load(rules(f'  - id: a\n    expression: exec.comm == "a"\n    {more}\n'))
    assert (len(loaded.rules), loaded.problems) == (1, ())


def test_of_two_rules_with_one_id_the_first_stays() -> None:
    text = """\
  - {id: a, expression: exec.comm == "one"}
  - {id: a, expression: exec.comm == "two"}
  - {id: b, expression: exec.comm == "one", agent_version: < 7.1}
  - {id: b, expression: exec.comm == "two"}
"""
    loaded = load(rules(text))
    assert [(r.id, r.text) for r in loaded.rules] == [
        ("a", 'exec.comm == "one"'), ("b", 'exec.comm == "two"'),
    ]  # fmt: skip


def test_later_rules_override_switch_off_and_switch_on() -> None:
    text = """\
  - {id: a, expression: exec.comm == "one", product_tags: ["x:1"]}
  - {id: a, expression: exec.comm == "two", product_tags: ["x:2"], combine: override}
  - {id: b, expression: exec.comm == "one"}
  - {id: b, disabled: true}
  - {id: c, expression: exec.comm == "one", disabled: true}
  - {id: c, disabled: false}
  - {id: d, expression: exec.comm == "one", product_tags: ["x:1"]}
  - {id: d, product_tags: ["x:2"], combine: override, override_options: {fields: [product_tags]}}
"""
    loaded = load(rules(text))
    assert [(r.id, r.text[-5:], r.tags) for r in loaded.rules] == [
        ("a", '"two"', ("x:1",)), ("c", '"one"', ()), ("d", '"one"', ("x:1", "x:2")),
    ]  # fmt: skip
    assert kinds(loaded) == [("b", "not_applicable")]


def test_a_later_rule_that_does_not_say_disabled_switches_on() -> None:
    text = """\
  - {id: a, expression: exec.comm == "one", disabled: true}
  - {id: a, expression: exec.comm == "two"}
  - {id: b, expression: exec.comm == "one", disabled: true}
  - {id: b, expression: exec.comm == "two", combine: override}
  - {id: c, expression: exec.comm == "one"}
  - {id: c, expression: exec.comm == "two", combine: override, disabled: true}
"""
    loaded = load(rules(text))
    assert [(r.id, r.text[-5:]) for r in loaded.rules] == [("a", '"one"'), ("b", '"two"')]
    assert kinds(loaded) == [("c", "not_applicable")]


def test_macros_with_values_are_merged_and_overridden() -> None:
    text = """\
macros:
  - {id: M, values: [a]}
  - {id: M, values: [b], combine: merge}
  - {id: N, values: [a]}
  - {id: N, values: [b], combine: override}
rules:
  - {id: m, expression: exec.comm in M}
  - {id: n, expression: exec.comm in N}
"""
    found = [rule.query.expr.terms[1].matcher.values for rule in load(text).rules]  # type: ignore[union-attr]
    assert found == [("a", "b"), ("b",)]


@pytest.mark.parametrize(
    "text, kind",
    [
        ("rules: [", "unreadable"),
        ("- a", "unreadable"),
        ("\x00", "unreadable"),
        ("a: 2001-99-99", "unreadable"),
        ("rules: {a: 1}", "invalid"),
        ("rules: [1, {expression: x}]", "invalid"),
        ("rules: [{id: a}]", "invalid"),
        ("macros: [{id: M, expression: 'true', values: [a]}]\nrules: []", "invalid"),
    ],
)
def test_files_that_make_no_sense_are_problems(text: str, kind: str) -> None:
    loaded = load(text)
    assert {p.kind for p in loaded.problems} == {kind}
    assert loaded.files == 1


def test_nesting_without_end_is_a_problem() -> None:
    assert load("rules: " + "[" * 50_000).problems[0].kind == "unreadable"


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("a.policy", "version: 1\nrules:\n- {id: a}\n", True),
        ("a.yaml", "rules:\n- {id: a, expression: exec.comm == \"a\"}\n", True),
        ("a.txt", "rules:\n- {id: a, expression: exec.comm == \"a\"}\n", True),
        ("a.yml", "title: A Sigma rule\ndetection: {a: {b: c}, condition: a}\n", False),
        ("a.yml", "groups:\n  rules:\n  - expression: up == 0\n", False),
        ("a.yml", "rules:\n- {alert: a, labels: {expression: x}}\n", False),
        ("a.companion.yaml", "macros: []\nexpression: exec.comm == \"a\"\n", False),
    ],
)  # fmt: skip
def test_a_policy_is_recognised_by_its_rules(name: str, text: str, expected: bool) -> None:
    assert datadog_policy.recognises(Path(name), text) is expected


@pytest.mark.parametrize(
    "constraint, version, expected",
    [
        ("< 7.71", (7, 71, 0), False), ("< 7.71", (7, 70, 9), True), (">=7.70.1", (7, 70, 0), False),
        ("> 7.70", (7, 70, 5), False), ("> 7.70", (7, 71, 0), True), ("<= 7.70", (7, 70, 5), True),
        ("7.70", (7, 70, 5), True), ("= 7.70.4", (7, 70, 5), False), ("~7.70.2", (7, 70, 5), True),
        ("^7.2", (7, 70, 5), True), ("^7.2", (8, 0, 0), False), ("7.x", (7, 1, 0), True),
        (">= 7.30, < 7.39 || 8", (8, 1, 0), True), ("!= 7.38", (7, 38, 1), False),
        ("*", (7, 1, 0), True), ("7.70 - 7.72", (7, 71, 3), True), ("7.70 - 7.72", (7, 73, 0), False),
        ("7.70.2 - 8", (7, 70, 1), False),
    ],
)  # fmt: skip
def test_versions(constraint: str, version: tuple[int, int, int], expected: bool) -> None:
    assert version_accepted(constraint, version) is expected


def test_techniques_belong_to_the_tactic_before_them() -> None:
    threats = threats_of(
        [
            "tactic:TA0008-lateral-movement", "technique:T1021-remote-services",
            "tactic:TA0011-command-and-control", "technique:T1090-proxy", "policy:compliance",
        ]
    )  # fmt: skip
    assert [(t.tactic and t.tactic.id, [x.id for x, _ in t.techniques]) for t in threats] == [
        ("TA0008", ["T1021"]), ("TA0011", ["T1090"]),
    ]  # fmt: skip
    (alone,) = threats_of(["technique:T1552.005-cloud-instance-metadata-api"])
    assert alone.tactic is None


def test_the_published_policy(shared: Path) -> None:
    loaded = load_rules([shared / "corpora" / "datadog" / "default.policy"])
    assert len(loaded.rules) == 200
    assert Counter(problem.kind for problem in loaded.problems) == {
        "not_applicable": 83, "unsupported": 36,
    }  # fmt: skip
