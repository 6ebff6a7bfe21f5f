"""Datadog's pages of signal rules, and their companions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.engine.reference import holds
from tocsin.rules.formats import datadog_signal
from tocsin.rules.load import load_rules

PAGE = """\
---
aliases:
- {alias}
- /security_monitoring/default_rules/{alias}
kind: documentation
rule_category:
- Workload Security
source: runtime security
tactic: TA0006-credential-access
technique: T1552-unsecured-credentials
title: Somebody rang the bell
type: security_rules
---

## Goal
Detect when somebody
rings the bell.

## Strategy
Bells are loud.
"""
COMPANION = """\
aliases: [bell-rung]
severity: high
language: secl
about: From the goal of the page.
macros:
  - {id: RINGERS, values: [bell]}
expression: >-
  exec.comm in RINGERS
  && exec.tty_name != ""
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "bell.md"
    path.write_text(PAGE.format(alias="bell-rung"), encoding="utf-8")
    return path


def write_companion(page: Path, text: str = COMPANION) -> None:
    page.with_name("bell.companion.yaml").write_text(text, encoding="utf-8")


def test_a_page_with_a_companion_beside_it_is_a_rule(page: Path) -> None:
    write_companion(page)
    loaded = load_rules([page])
    assert loaded.problems == ()
    (rule,) = loaded.rules
    assert (rule.id, rule.name, rule.vendor) == ("bell-rung", "Somebody rang the bell", "datadog")
    assert (rule.type, rule.kind, rule.language) == ("signal", "secl/signal", "secl")
    assert (rule.severity, rule.risk_score) == ("high", 73)
    assert rule.description == "Detect when somebody rings the bell."
    assert rule.guide.startswith("## Goal")
    assert rule.guide.endswith("Bells are loud.")
    assert rule.tags == ("Workload Security", "runtime security")
    (threat,) = rule.threat
    assert threat.tactic is not None
    assert threat.tactic.id == "TA0006"
    assert [technique.id for technique, _ in threat.techniques] == ["T1552"]
    ring = {"comm": "bell", "tty_name": "pts0"}
    assert holds(rule.query.expr, {"secl": {"evt": {"name": "exec"}, "exec": ring}})


def test_a_page_without_a_companion_is_no_rule_and_says_what_to_do(page: Path) -> None:
    (problem,) = load_rules([page]).problems
    assert (problem.kind, problem.rule_id) == ("no_query", "bell-rung")
    assert "bell.companion.yaml" in problem.message


def test_a_companion_that_ships_is_found_by_an_alias(page: Path) -> None:
    page.write_text(PAGE.format(alias="aws_metadata_service"), encoding="utf-8")
    (rule,) = load_rules([page]).rules
    assert "169.254.169.254" in rule.text


SEARCHED = """\
severity: high
language: datadog_query
expression: >-
  @agent.rule_id:(bell_rung OR bell_tolled)
  -@process.user:sexton
"""


def test_a_companion_may_be_a_log_search(page: Path) -> None:
    write_companion(page, SEARCHED)
    (rule,) = load_rules([page]).rules
    assert (rule.kind, rule.language) == ("datadog_query/signal", "datadog_query")
    assert rule.text == "@agent.rule_id:(bell_rung OR bell_tolled) -@process.user:sexton"
    event = {"agent": {"rule_id": "bell_tolled"}, "process": {"user": "jane"}}
    assert holds(rule.query.expr, {"datadog": event})
    event["process"]["user"] = "sexton"
    assert not holds(rule.query.expr, {"datadog": event})


def test_a_broken_log_search_shows_its_place(page: Path) -> None:
    write_companion(page, SEARCHED.replace("tolled)", "tolled"))
    (problem,) = load_rules([page]).problems
    assert problem.kind == "syntax"
    assert "bell.companion.yaml:4:16" in problem.message


@pytest.mark.parametrize(
    "companion, kind",
    [
        (COMPANION.replace('!= ""', "!="), "syntax"),
        (COMPANION.replace("exec.comm", "exec.com"), "semantic"),
        (COMPANION.replace("exec.tty_name", "${process.tty}"), "semantic"),
        (COMPANION.replace("severity: high", "severity: loud"), "invalid"),
        (COMPANION.replace("language: secl", "language: eql"), "invalid"),
        ("severity: low", "invalid"),
        ("[", "invalid"),
    ],
)
def test_a_broken_companion_is_a_problem(page: Path, companion: str, kind: str) -> None:
    write_companion(page, companion)
    (problem,) = load_rules([page]).problems
    assert problem.kind == kind
    assert "bell.companion.yaml" in problem.message


def test_a_page_is_recognised_by_its_front_matter_whatever_its_ending(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert datadog_signal.recognises(Path("page.txt"), text)
    assert datadog_signal.recognises(Path("page.md"), text.replace("\n", "\r\n"))
    assert not datadog_signal.recognises(Path("README.md"), "# Bells\n")
    assert not datadog_signal.recognises(Path("a.md"), "---\ntype: blog\n---\n")


def test_front_matter_that_is_no_yaml_is_shown_where_it_stands(page: Path) -> None:
    page.write_text("---\ntype: security_rules\ntitle: [\n---\n", encoding="utf-8")
    (problem,) = load_rules([page]).problems
    assert problem.kind == "unreadable"
    assert f"{page}:4:" in problem.message


def test_a_directory_with_pages_and_companions(page: Path) -> None:
    write_companion(page)
    loaded = load_rules([page.parent])
    assert [rule.id for rule in loaded.rules] == ["bell-rung"]
    assert loaded.problems == ()


def test_the_published_page(shared: Path) -> None:
    (page,) = (shared / "seeds").glob("004_*")
    (rule,) = load_rules([page]).rules
    assert rule.id == "0yz-7md-lqk"
    assert rule.name == "Network utility accessed cloud metadata service"
