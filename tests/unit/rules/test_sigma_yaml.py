from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tocsin.engine import reference
from tocsin.logic.expr import Leaf, Nested, walk
from tocsin.logic.query import Filter
from tocsin.rules.environment import Environment
from tocsin.rules.formats import sigma_yaml
from tocsin.rules.formats._sigma_metadata import threat_of
from tocsin.rules.load import load_rules
from tocsin.rules.model import Loaded, Problem, Rule

RULE = """\
title: Curl by a daemon
id: 11111111-0000-4000-8000-000000000000
name: curl_daemon
status: test
description: |
  A daemon runs curl.
references: [https://example.org/curl]
author: Ann Example (Example Ltd, Berlin), Bob Sample
date: 2026-01-31
tags: [attack.command-and-control, attack.t1105, attack.stealth, attack.t1218.011, cve.2026-1]
logsource:
  category: process_creation
  product: linux
  definition: execve has to be logged
detection:
  # a comment
  selection:
    Image|endswith: /curl
    User: daemon
  condition: selection
fields: [CommandLine]
falsepositives: [Updates]
level: high
"""


def event(image: str, user: str, **more: Any) -> dict[str, Any]:
    return {
        "event": {"category": ["process"], "type": ["start"]},
        "host": {"os": {"type": "linux"}},
        "process": {"executable": image},
        "user": {"name": user},
        **more,
    }


def load(*texts: str, values: dict[str, tuple[str, ...]] | None = None) -> Loaded:
    files = [(Path(f"rule{n}.yml"), dedent(text)) for n, text in enumerate(texts)]
    return sigma_yaml.load(files, Environment(values=values or {}))


def rule_of(text: str, **options: Any) -> Rule:
    loaded = load(text, **options)
    assert [p for p in loaded.problems if p.kind != "no_source"] == []
    [rule] = loaded.rules
    return rule


def rings(rule: Rule, document: dict[str, Any]) -> bool:
    assert isinstance(rule.query, Filter)
    return reference.holds(rule.query.expr, document)


def problem_of(text: str, **options: Any) -> Problem:
    loaded = load(text, **options)
    assert loaded.rules == ()
    [problem] = loaded.problems
    return problem


# --- a rule -----------------------------------------------------------------------------------


def test_a_rule_has_what_its_file_says() -> None:
    rule = rule_of(RULE)
    assert (rule.id, rule.name) == ("11111111-0000-4000-8000-000000000000", "Curl by a daemon")
    assert (rule.vendor, rule.language, rule.type) == ("sigma", "sigma", "event")
    assert (rule.kind, rule.path, rule.line) == ("sigma/event", "rule0.yml", 15)
    assert rule.text.startswith("detection:\n  # a comment\n")
    assert rule.text.endswith("condition: selection")
    assert (rule.severity, rule.risk_score) == ("high", 73)
    assert rule.description == "A daemon runs curl."
    assert rule.author == ("Ann Example (Example Ltd, Berlin)", "Bob Sample")
    assert rule.references == ("https://example.org/curl",)
    assert rule.false_positives == ("Updates",)
    assert rule.investigation_fields == ("CommandLine",)
    assert rule.setup == "execve has to be logged"
    assert (rule.maturity, rule.version) == ("test", "2026-01-31")
    assert rule.index == ()
    assert not rule.silent
    assert json.loads(rule.rest)["logsource"]["product"] == "linux"


def test_a_rule_rings_for_its_log_source_alone() -> None:
    rule = rule_of(RULE)
    assert rings(rule, event("/usr/bin/curl", "Daemon"))
    assert not rings(rule, event("/usr/bin/curl", "ann"))
    assert not rings(rule, {**event("/usr/bin/curl", "daemon"), "host": {"os": {"type": "macos"}}})
    assert not rings(rule, {"process": {"executable": "/usr/bin/curl"}, "user": {"name": "daemon"}})


def test_attack_comes_of_tags() -> None:
    found = {
        threat.tactic.id if threat.tactic else "": [
            technique.id for technique, _ in threat.techniques
        ]
        for threat in rule_of(RULE).threat
    }
    assert found == {"TA0011": ["T1105"], "TA0005": ["T1218"]}


@pytest.mark.parametrize(
    ("tag", "tactic"),
    [
        ("attack.credential_access", "TA0006"),
        ("attack.defense-evasion", "TA0005"),
        ("attack.defense-impairment", "TA0112"),
        ("ATTACK.Execution", "TA0002"),
    ],
)
def test_tactics_are_known_by_their_names(tag: str, tactic: str) -> None:
    [threat] = threat_of([tag])
    assert threat.tactic is not None
    assert threat.tactic.id == tactic


def test_other_tags_are_no_attack() -> None:
    assert threat_of(["attack.g0016", "attack.s0002", "car.2013-02-003", "cve.2021-1", "x"]) == ()


def test_a_rule_without_an_id_is_known_by_its_name_or_title() -> None:
    lines = RULE.splitlines()
    without_id = "\n".join(line for line in lines if not line.startswith("id:"))
    assert rule_of(without_id).id == "curl_daemon"
    without_both = "\n".join(line for line in lines if not line.startswith(("id:", "name:")))
    assert rule_of(without_both).id == "Curl by a daemon"


def test_a_rule_without_a_level_is_low() -> None:
    assert rule_of(RULE.replace("level: high\n", "")).severity == "low"


def test_dates_and_versions_stay_as_they_are_written() -> None:
    text = RULE.replace("User: daemon", "User: 2026-01-31")
    assert rings(rule_of(text), event("/bin/curl", "2026-01-31"))


def test_several_conditions_are_alternatives() -> None:
    text = RULE.replace("condition: selection", "other: {User: x}\n  condition: [selection, other]")
    rule = rule_of(text)
    assert rings(rule, event("/bin/curl", "daemon"))
    assert rings(rule, event("/bin/sh", "x"))


def test_records_of_auditd_are_asked_one_by_one() -> None:
    rule = rule_of("""
        title: chmod
        logsource: {product: linux, service: auditd}
        detection:
          selection: {type: EXECVE, a0: chmod, a1|contains: '+s'}
          words: ['+s']
          condition: all of them
    """)
    assert isinstance(rule.query, Filter)
    assert any(isinstance(node, Nested) for node in walk(rule.query.expr))

    def audit(*records: dict[str, str]) -> dict[str, Any]:
        return {"auditd": {"record": list(records)}}

    assert rings(rule, audit({"type": "SYSCALL"}, {"type": "EXECVE", "a0": "chmod", "a1": "u+s"}))
    assert not rings(
        rule, audit({"type": "SYSCALL", "a1": "u+s"}, {"type": "EXECVE", "a0": "chmod"})
    )


# --- several documents --------------------------------------------------------------------------


def test_actions_share_what_rules_have_in_common() -> None:
    loaded = load("""
        action: global
        title: Shared
        level: high
        logsource: {category: process_creation, product: linux}
        detection:
          condition: selection
        ---
        id: 11111111-0000-4000-8000-000000000001
        detection:
          selection: {Image: /bin/a}
        ---
        action: repeat
        id: 11111111-0000-4000-8000-000000000002
        detection:
          selection: {User: ann}
        ---
        action: reset
        ---
        title: Other
        logsource: {product: linux}
        detection: {words: [x], condition: words}
    """)
    assert loaded.problems == ()
    first, second, third = loaded.rules
    assert (first.name, first.severity, third.name) == ("Shared", "high", "Other")
    assert rings(first, event("/bin/a", "eve"))
    assert rings(second, event("/bin/a", "ann"))
    assert not rings(second, event("/bin/a", "eve"))
    assert [rule.line for rule in loaded.rules] == [10, 15, 22]


def test_an_unknown_action_is_told() -> None:
    problem = problem_of("action: nope\ntitle: x\n")
    assert problem.message == ("rule0.yml:1: unknown action 'nope'\nhint: global, reset or repeat")


def test_empty_documents_are_none() -> None:
    assert len(load(RULE + "---\n---\n").rules) == 1


# --- filters ----------------------------------------------------------------------------------

FILTER = """
    title: Not our scanner
    logsource: {category: process_creation, product: linux}
    filter:
      rules: RULES
      selection: {User: scanner}
      other: {Image: /opt/scanner/curl}
      condition: not 1 of them
"""
OPEN = RULE.replace("    User: daemon\n", "")


@pytest.mark.parametrize(
    "rules",
    [
        "any",
        "ANY",
        "[]",
        "curl_daemon",
        "[x, curl_daemon]",
        "[11111111-0000-4000-8000-000000000000]",
    ],
)
def test_a_filter_narrows_the_rules_that_it_names(rules: str) -> None:
    loaded = load(OPEN, FILTER.replace("RULES", rules))
    assert loaded.problems == ()
    [rule] = loaded.rules
    assert rings(rule, event("/bin/curl", "ann"))
    assert not rings(rule, event("/bin/curl", "scanner"))
    assert not rings(rule, event("/opt/scanner/curl", "ann"))


@pytest.mark.parametrize(
    ("rules", "source"),
    [("[other]", "product: linux"), ("any", "product: windows"), ("any", "service: auditd")],
)
def test_a_filter_for_other_rules_changes_nothing_and_says_so(rules: str, source: str) -> None:
    text = FILTER.replace("RULES", rules).replace(
        "category: process_creation, product: linux", source
    )
    loaded = load(OPEN, text)
    [rule] = loaded.rules
    assert rings(rule, event("/bin/curl", "scanner"))
    [problem] = loaded.problems
    assert (problem.kind, problem.rule_kind) == ("warning", "sigma/filter")
    assert "the filter is for no rule that is here" in problem.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("      rules: RULES\n", ""), "the filter names no rules\nhint: rules: any"),
        (("RULES", "{a: b}"), "rules has to be any, or a list of ids or names"),
        (("      condition: not 1 of them\n", ""), "the detection has no condition"),
        (("logsource: {category: process_creation, product: linux}", ""), "has no logsource"),
    ],
)
def test_a_broken_filter_is_told(change: tuple[str, str], message: str) -> None:
    problem = problem_of(FILTER.replace(*change).replace("RULES", "any"))
    assert problem.kind == "invalid"
    assert message in problem.message


def test_a_filter_that_makes_no_sense_is_told_once_and_narrows_nothing() -> None:
    text = FILTER.replace("RULES", "any").replace("not 1 of them", "not selectoin")
    other = OPEN.replace("curl_daemon", "other").replace("0000\n", "0001\n", 1)
    loaded = load(OPEN, text, other)
    [problem] = loaded.problems
    assert problem.message.startswith("rule1.yml:8:5: the detection has no part 'selectoin'")
    assert (problem.kind, problem.rule_kind) == ("semantic", "sigma/filter")
    assert [rings(rule, event("/bin/curl", "scanner")) for rule in loaded.rules] == [True, True]


def test_a_filter_takes_placeholders_too() -> None:
    text = FILTER.replace("RULES", "any").replace("User:", "User|expand:")
    text = text.replace("scanner}", "'%scanners%'}")
    assert [problem.kind for problem in load(OPEN, text).problems] == ["needs_values"]
    loaded = load(OPEN, text, values={"scanners": ("nessus", "qualys")})
    [rule] = loaded.rules
    assert not rings(rule, event("/bin/curl", "qualys"))
    assert rings(rule, event("/bin/curl", "scanner"))


# --- placeholders -----------------------------------------------------------------------------

PLACEHOLDER = RULE.replace("User: daemon", "User|expand: '%admins%'")


def test_a_rule_with_a_placeholder_waits_for_its_values() -> None:
    problem = problem_of(PLACEHOLDER)
    assert (problem.kind, problem.name) == ("needs_values", "Curl by a daemon")
    assert not problem.is_failure
    assert problem.message.startswith("rule0.yml:19:18: the placeholder %admins% has no values")


def test_values_fill_placeholders_in() -> None:
    rule = rule_of(PLACEHOLDER, values={"admins": ("ann", "bob")})
    assert rings(rule, event("/bin/curl", "bob"))
    assert not rings(rule, event("/bin/curl", "eve"))


# --- log sources ------------------------------------------------------------------------------


def test_a_rule_that_nothing_here_feeds_loads_and_says_so() -> None:
    loaded = load("""
        title: Honeypot
        logsource: {product: beehive, service: sting}
        detection: {selection: {kind: 3}, condition: selection}
    """)
    [rule] = loaded.rules
    assert rings(rule, {"event": {"dataset": "beehive.sting"}, "kind": 3})
    assert not rings(rule, {"kind": 3})
    [problem] = loaded.problems
    assert (problem.kind, problem.is_failure) == ("no_source", False)
    assert "the log source product beehive, service sting" in problem.message


# --- what is broken ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (("title: Curl by a daemon\nid", "id"), "invalid", "the rule has no title"),
        (("  category: process_creation\n  product: linux\n", ""), "invalid", "the logsource is empty"),
        (("product: linux", "product: [linux]"), "invalid", "the product has to be a text"),
        (("level: high", "level: hgh"), "invalid", "unknown level 'hgh'\nhint: did you mean high?"),
        (("  condition: selection\n", ""), "invalid", "the detection has no condition"),
        (("condition: selection", "condition: 5"), "invalid", "a condition has to be a text"),
        (("condition: selection", "condition: []"), "invalid", "the detection has no condition"),
        (("condition: selection", "condition: selection and"), "syntax", "expected a name"),
        (("condition: selection", "condition: selectoin"), "semantic", "did you mean selection?"),
        (("condition: selection", "condition: selection | count() > 5"), "unsupported", "count()"),
        (("Image|endswith", "Image|endwith"), "semantic", "did you mean endswith?"),
        (("Image|endswith: /curl", "Image|re: 'a(?!b)'"), "unsupported", "look-around"),
        (("User: daemon", "User|cidr: x"), "semantic", "rule0.yml:19:5: invalid CIDR"),
        (("  selection:\n    Image|endswith: /curl\n    User: daemon\n", ""), "invalid", "nothing but"),
        (("detection:\n", "detection: x\nother:\n"), "invalid", "the detection has to be a mapping"),
        (("User: daemon", "Image|endswith: /wget"), "unreadable", "rule0.yml:19:5: the key"),
        (("User: daemon", "User: [daemon"), "unreadable", "rule0.yml:2"),
        (("User: daemon", "User: &a [*a]"), "unreadable", "a value that holds itself"),
        (("User: daemon", f"User: {'[' * 200}"), "unreadable", "deeper than 100 levels"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told(change: tuple[str, str], kind: str, message: str) -> None:
    problem = problem_of(RULE.replace(*change))
    assert problem.kind == kind
    assert message in problem.message
    assert problem.message.startswith("rule0.yml:")


def test_a_problem_knows_its_rule() -> None:
    problem = problem_of(RULE.replace("level: high", "level: hgh"))
    assert problem.rule_id == "11111111-0000-4000-8000-000000000000"
    assert (problem.name, problem.rule_kind) == ("Curl by a daemon", "sigma/event")


def test_an_error_points_at_its_line() -> None:
    problem = problem_of(RULE.replace("Image|endswith", "Image|endwith"))
    assert problem.message.splitlines() == [
        "rule0.yml:18:5: unknown modifier 'endwith'",
        "    18 |     Image|endwith: /curl",
        "       |     ^^^^^^^^^^^^^",
        "hint: did you mean endswith?",
    ]


def test_an_unknown_status_is_a_warning() -> None:
    loaded = load(RULE.replace("status: test", "status: tset"))
    assert len(loaded.rules) == 1
    assert [problem.kind for problem in loaded.problems] == ["warning"]


def test_one_broken_rule_does_not_take_others_with_it() -> None:
    loaded = load(
        RULE.replace("level: high", "level: hgh") + "---\n" + RULE.replace("0000\n", "0001\n", 1)
    )
    assert len(loaded.rules) == 1
    assert len(loaded.problems) == 1


# --- files ------------------------------------------------------------------------------------


def test_sigma_is_known_among_other_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE)
    (tmp_path / "b.yaml").write_text("title: x\nlogsource: y\n")
    loaded = load_rules([tmp_path])
    assert [rule.name for rule in loaded.rules] == ["Curl by a daemon"]
    assert [problem.kind for problem in loaded.problems] == ["warning"]


def test_a_markdown_page_that_shows_a_rule_is_none() -> None:
    assert not sigma_yaml.recognises(Path("page.md"), RULE)
    assert sigma_yaml.recognises(Path("rule.yaml"), RULE)


def test_conditions_on_any_field_stay_where_they_belong() -> None:
    rule = rule_of("""
        title: Words
        logsource: {product: linux, service: sshd}
        detection: {words: [unexpected internal error], condition: words}
    """)
    assert isinstance(rule.query, Filter)
    fields = {node.field for node in walk(rule.query.expr) if isinstance(node, Leaf)}
    assert "*" not in fields
    log = {"process": {"name": "sshd"}, "message": "fatal: unexpected internal error"}
    assert rings(rule, log)
    assert not rings(rule, {**log, "process": {"name": "cron"}})


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "category: process_creation",
            "category: proces_creation",
            "did you mean category process_c",
        ),
        ("product: linux", "product: linx", "did you mean product linux?"),
    ],
)
def test_a_log_source_that_nobody_knows_is_told_its_neighbour(
    before: str, after: str, message: str
) -> None:
    [problem] = load(RULE.replace(before, after)).problems
    assert problem.kind == "no_source"
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "title: A\ndetection:\n  s: {a: b}\n  condition: s\n",
            "the rule has no logsource\nhint: log",
        ),
        (
            "title: A\nlogsource: windows\ndetection:\n  s: {a: b}\n  condition: s\n",
            "rule0.yml:2: the logsource has to be a mapping",
        ),
        (
            "title: A\nlogsource: {product: linux}\ndetection:\n  - a: b\n",
            "rule0.yml:3: the detection has to be a mapping",
        ),
    ],
)
def test_what_is_wrong_with_the_outermost_keys_is_said(text: str, message: str) -> None:
    [problem] = load(text).problems
    assert problem.kind == "invalid"
    assert message in problem.message


def test_a_rule_whose_log_source_was_forgotten_is_a_rule_of_sigma() -> None:
    text = "title: A\n\ndetection:\n  # seen\n\n  s:\n    a: b\n  condition: s\n"
    assert sigma_yaml.recognises(Path("a.yml"), text)
    assert not sigma_yaml.recognises(Path("a.yml"), "title: A\ndetection: none\nx:\n  condition: s")
    assert not sigma_yaml.recognises(Path("a.yml"), text.replace("title", "name"))
