"""What ``tocsin rules test`` prints: a table, failures with their events, JSON, JUnit's XML."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from tocsin.cli._screen import NARROW, console, number_of, put, safe, styled, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tocsin.rules.model import Loaded, Problem
    from tocsin.runtime.rule_tests import Outcome, RuleResult

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SHOWN_EVENTS: Final = 3
_LONGEST_EVENT: Final = 1_000


def tests_as_data(tested: Sequence[RuleResult], problems: Sequence[Problem]) -> dict[str, Any]:
    """The JSON of ``tocsin rules test``."""
    return {
        "rules": len(tested),
        "failed": sum(one.failed for one in tested),
        "not_loaded": [
            {"path": p.path, "rule_id": p.rule_id, "message": p.message} for p in problems
        ],
        "results": [_rule_as_data(one) for one in tested],
    }


def _rule_as_data(tested: RuleResult) -> dict[str, Any]:
    return {
        "rule_id": tested.rule.id,
        "name": tested.rule.name,
        "path": tested.rule.path,
        "passed": not tested.failed,
        "unsolved": tested.unsolved,
        "tests": [_test_as_data(outcome) for outcome in tested.outcomes],
    }


def _test_as_data(outcome: Outcome) -> dict[str, Any]:
    found = {
        "origin": outcome.origin,
        "expected": outcome.expected,
        "name": outcome.name,
        "passed": outcome.passed,
    }
    return (
        found if outcome.passed else {**found, "reason": outcome.reason, "events": outcome.events}
    )


# --- for people ---------------------------------------------------------------------------------


def print_tests(tested: Sequence[RuleResult], loaded: Loaded, problems: Sequence[Problem]) -> None:
    """The table, then every failure with its events."""
    screen = console()
    if tested:
        put(screen, _table(tested, narrow=screen.width < NARROW))
        screen.print()
    for one in tested:
        for outcome in one.outcomes:
            if not outcome.passed:
                _print_failure(screen, one, outcome)
    failed, unsolved = sum(one.failed for one in tested), sum(bool(o.unsolved) for o in tested)
    tests = sum(len(one.outcomes) for one in tested)
    parts = (
        [styled(f"{failed:,} failed", "bold red")] if failed else [styled("all passed", "green")]
    )
    if unsolved:
        parts.append(styled(f"no events could be made for {unsolved:,}", "yellow"))
    if problems:
        what = f"{number_of(len(problems), 'rule')} could not be loaded"
        parts.append(styled(f"{what}; `tocsin rules lint` shows why", "red"))
    screen.print(
        f"{number_of(len(loaded.rules), 'rule')}, {number_of(tests, 'test')}:", _all(parts)
    )


def _all(parts: Iterable[Text]) -> Text:
    from rich.text import Text

    return Text(", ").join(parts)


def _table(tested: Sequence[RuleResult], *, narrow: bool) -> Table:
    numbers = ("OWN FIRES", "OWN SILENT", "MADE FIRES", "NEAR MISSES")
    columns = ("RULE", *numbers, "RESULT") if narrow else ("ID", "RULE", *numbers, "RESULT")
    rows = table(*columns, right=numbers, fold=("RULE",))
    for one in tested:
        counts = [
            one.count("own", "fires"), one.count("own", "silent"),
            one.count("generated", "fires"), one.count("generated", "silent"),
        ]  # fmt: skip
        cells = [styled(one.rule.name), *(_count(*count) for count in counts), _result(one)]
        rows.add_row(*(cells if narrow else [styled(one.rule.id, "dim"), *cells]))
    return rows


def _count(passed: int, of: int) -> Text:
    if not of:
        return styled("–", "dim")
    return styled(f"{passed}/{of}", "" if passed == of else "bold red")


def _result(tested: RuleResult) -> Text:
    if tested.failed:
        return styled("failed", "bold red")
    if not tested.outcomes:
        return styled("not tested", "yellow")
    return styled("passed", "green")


def _print_failure(screen: Console, tested: RuleResult, outcome: Outcome) -> None:
    head = f"{tested.rule.path}: {tested.rule.id}: {_title(outcome)}"
    screen.print(styled(head, "bold"), soft_wrap=True)
    screen.print(styled(f"  {outcome.reason}", "red"), soft_wrap=True)
    for line in _events(outcome):
        screen.print(styled(f"  {line}", "dim"), soft_wrap=True)
    screen.print()


def _title(outcome: Outcome) -> str:
    return f"{'fires on' if outcome.expected == 'fires' else 'keeps silent on'} {outcome.name}"


def _events(outcome: Outcome) -> list[str]:
    lines = [json.dumps(event, ensure_ascii=False, default=str) for event in outcome.events]
    shown = [f"{x[:_LONGEST_EVENT]}…" if len(x) > _LONGEST_EVENT else x for x in lines]
    rest = len(shown) - _SHOWN_EVENTS
    return [
        *shown[:_SHOWN_EVENTS],
        *([f"… and {number_of(rest, 'event')} more"] if rest > 0 else []),
    ]


# --- JUnit --------------------------------------------------------------------------------------


def junit(tested: Sequence[RuleResult], problems: Sequence[Problem]) -> str:
    """The results as JUnit's XML: a suite for each rule, an error for each that did not load.

    What XML cannot hold of a rule's or an event's text stands in it as an escape.
    """
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    tests = sum(len(one.outcomes) + bool(one.unsolved) for one in tested) + len(problems)
    failures = sum(not outcome.passed for one in tested for outcome in one.outcomes)
    root = Element("testsuites", name="tocsin rules test", tests=str(tests))
    root.attrib.update(failures=str(failures), errors=str(len(problems)))
    for one in tested:
        wrong = sum(not outcome.passed for outcome in one.outcomes)
        suite = SubElement(root, "testsuite", name=_xml(one.rule.name), file=_xml(one.rule.path))
        size = len(one.outcomes) + bool(one.unsolved)
        skipped = int(bool(one.unsolved))
        suite.attrib.update(tests=str(size), failures=str(wrong), errors="0", skipped=str(skipped))
        for outcome in one.outcomes:
            name = f"{outcome.origin}: {_title(outcome)}"
            case = SubElement(suite, "testcase", classname=_xml(one.rule.id), name=_xml(name))
            if not outcome.passed:
                failure = SubElement(case, "failure", message=_xml(outcome.reason))
                failure.text = _xml("\n".join(_events(outcome)))
        if one.unsolved:
            name = "generated: events for the rule"
            case = SubElement(suite, "testcase", classname=_xml(one.rule.id), name=name)
            SubElement(case, "skipped", message=_xml(one.unsolved))
    if problems:
        count = str(len(problems))
        suite = SubElement(root, "testsuite", name="rules that did not load", tests=count)
        suite.attrib.update(failures="0", errors=count, skipped="0")
        for problem in problems:
            what = _xml(problem.rule_id or problem.path)
            case = SubElement(suite, "testcase", classname=what, name="loads")
            error = SubElement(case, "error", message=_xml(safe(problem.message)))
            error.text = _xml(problem.message)
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _xml(text: str) -> str:
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
