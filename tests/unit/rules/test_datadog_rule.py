"""Datadog's signal rules as JSON: which rules they are, and what rings."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.alerts.build import alert_id, alert_of
from tocsin.engine.match import Match
from tocsin.engine.reference import holds
from tocsin.events.record import Record
from tocsin.logic.field_types import date_of
from tocsin.logic.query import Correlation, Filter, NewTerms
from tocsin.rules.formats import datadog_rule
from tocsin.rules.model import Loaded, Problem, Rule, Suppression
from tocsin.runtime.detector import Detector
from tocsin.runtime.outcome import Outcome

NOW = date_of("2026-03-20T00:00:00Z") or 0
HOST = "datadog_log.host"
USER = "datadog.usr.name"

IMDS: dict[str, Any] = {
    "id": "0yz-7md-lqk",
    "name": "Network utility accessed cloud metadata service",
    "type": "workload_security",
    "isEnabled": True,
    "message": "## Goal\nSay when `curl` reads credentials.\n\n## Triage\nAsk {{@usr.name}}.",
    "tags": ["tactic:TA0006-credential-access", "technique:T1552-unsecured-credentials", "x:y"],
    "queries": [
        {
            "name": "imds",
            "query": "@agent.rule_id:(aws_imds OR gcp_imds OR azure_imds) @process.tty:*",
            "aggregation": "count",
            "groupByFields": ["host"],
            "distinctFields": [],
        }
    ],
    "cases": [{"name": "", "status": "medium", "notifications": [], "condition": "imds > 0"}],
    "options": {
        "detectionMethod": "threshold",
        "evaluationWindow": 300,
        "keepAlive": 3600,
        "maxSignalDuration": 86400,
    },
    "filters": [{"action": "suppress", "query": "@process.user:backup"}],
    "hasExtendedTitle": True,
}


def changed(rule: dict[str, Any] = IMDS, **more: Any) -> dict[str, Any]:
    """The rule with other keys; ``options``, the first query and the first case are added to."""
    found = copy.deepcopy(rule)
    for key, value in more.items():
        if key == "options":
            found["options"] |= value
        elif key in {"query", "aggregation", "groupByFields", "distinctFields", "metrics"}:
            found["queries"][0][key] = value
        elif key in {"condition", "status"}:
            found["cases"][0][key] = value
        else:
            found[key] = value
    return found


def load(rule: Any) -> Loaded:
    return datadog_rule.load_file(Path("rule.json"), json.dumps(rule, indent=1))


def the_rule(rule: dict[str, Any]) -> Rule:
    loaded = load(rule)
    assert [p for p in loaded.problems if p.kind != "warning"] == []
    (found,) = loaded.rules
    return found


def the_problem(rule: Any) -> Problem:
    loaded = load(rule)
    assert loaded.rules == ()
    (problem,) = loaded.problems
    return problem


# --- events ---------------------------------------------------------------------------------------


def an_exec(minute: float, rule: str = "aws_imds", **more: Any) -> dict[str, Any]:
    """An event of the Agent."""
    time = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    process = {
        "pid": more.pop("pid", 21),
        "comm": "curl",
        **({"tty": "pts0"} if more.pop("tty", True) else {}),
        "user": more.pop("user", "jane"),
        "args": ["http://169.254.169.254/latest/meta-data/iam/security-credentials/role"],
    }
    event = {
        "agent": {"rule_id": rule},
        "title": f"what {rule} says",
        "date": time.isoformat(),
        "evt": {"name": "exec"},
        "process": process,
        "usr": {"name": process["user"]},
    }
    host = more.pop("host", "web-1")
    return {"host": host, "attributes": event | more}


def a_log(minute: float, **attributes: Any) -> dict[str, Any]:
    time = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    return {
        "date": time.isoformat(), "service": "sso", "host": "web-1", "status": "info",
        "attributes": attributes,
    }  # fmt: skip


def run(rules: list[Rule], documents: list[dict[str, Any]]) -> list[Match]:
    """What rings, suppression included."""
    detector = Detector(rules, now=NOW)
    records = [Record(d, f"line {n}", msgspec.json.encode(d)) for n, d in enumerate(documents, 1)]
    outcome = Outcome(rules)
    ringing = outcome.take(detector.feed(records, "test"))
    ringing += outcome.take(detector.finish())
    return [*ringing, *outcome.finish()]


def times(matches: list[Match]) -> list[str]:
    return [alert_of(match, NOW).time[11:16] for match in matches]


# --- what a rule is -------------------------------------------------------------------------------


def test_a_rule_has_what_its_json_says() -> None:
    rule = the_rule(IMDS)
    assert (rule.id, rule.vendor, rule.type) == ("0yz-7md-lqk", "datadog", "signal")
    assert (rule.language, rule.kind) == ("datadog_query", "datadog_query/threshold")
    assert rule.name == "Network utility accessed cloud metadata service"
    assert (rule.severity, rule.risk_score) == ("medium", 47)
    assert rule.text == IMDS["queries"][0]["query"]
    assert rule.path == "rule.json"
    assert json.dumps(IMDS, indent=1).splitlines()[rule.line - 1].strip().startswith('"query"')
    assert rule.tags == tuple(IMDS["tags"])
    (threat,) = rule.threat
    assert threat.tactic is not None
    assert (threat.tactic.id, threat.techniques[0][0].id) == ("TA0006", "T1552")
    assert rule.description == "Say when `curl` reads credentials."
    assert rule.suppression == Suppression((HOST,), dt.timedelta(hours=1))


@pytest.mark.parametrize(
    "form",
    [
        lambda rule: rule,
        lambda rule: [rule],
        lambda rule: {"data": [rule], "meta": {"page": {"total_count": 1}}},
        lambda rule: {"data": {"id": rule["id"], "type": "x", "attributes": rule}},
        lambda rule: {
            "data": [{"id": rule["id"], "attributes": {k: v for k, v in rule.items() if k != "id"}}]
        },
    ],
)
def test_a_rule_is_found_in_every_form_of_an_answer(form: Any) -> None:
    text = json.dumps(form(IMDS))
    assert datadog_rule.recognises(Path("rule.json"), text)
    (rule,) = datadog_rule.load_file(Path("rule.json"), text).rules
    assert rule.id == "0yz-7md-lqk"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[1, 2]",
        '{"name": "x", "cases": 1, "queries": []}',
        '{"name": "x", "queries": [], "case": []}',
        '{"rule_id": "x", "name": "x", "type": "eql", "query": "x"}',
        '{"event": {"name": "queries"}, "cases": "cases"}',
    ],
)
def test_other_json_is_not_recognised(text: str) -> None:
    assert not datadog_rule.recognises(Path("a.json"), text)


def test_a_rule_without_an_id_is_known_by_its_name() -> None:
    rule = the_rule({k: v for k, v in IMDS.items() if k != "id"})
    assert rule.id == "network-utility-accessed-cloud-metadata-service"


def test_the_template_of_a_message_is_no_part_of_the_guide() -> None:
    message = (
        "{{#is_match \"env\" \"prod\"}}Call {{ service.name }}.{{/is_match}}\n"
        "{{{{raw}}}}plain{{{{/raw}}}} {{@usr.name}}"
    )  # fmt: skip
    assert the_rule(changed(message=message)).guide == "Call {service.name}.\nplain {@usr.name}"


def test_a_disabled_rule_is_not_applicable() -> None:
    assert the_problem(changed(isEnabled=False)).kind == "not_applicable"


def test_an_old_query_names_its_agent_rule() -> None:
    old = changed(queries=[{"agentRule": {"agentRuleId": "etc_shadow"}, "aggregation": "count"}])
    old["cases"] = [{"status": "low"}]
    assert the_rule(old).text == '@agent.rule_id:"etc_shadow"'


# --- cases ----------------------------------------------------------------------------------------


def cases(*conditions: str) -> dict[str, Any]:
    statuses = ["critical", "high", "medium", "low", "info"]
    listed = [
        {"name": f"case {n}", "status": s, "condition": c}
        for n, (c, s) in enumerate(zip(conditions, statuses, strict=False), 1)
    ]
    queries = [
        {"name": name, "query": f"@evt.name:{name}", "groupByFields": ["@usr.name"]}
        for name in ("fail", "ok")
    ]
    return changed(queries=queries, cases=listed, filters=[])


def test_each_case_is_a_rule_of_its_own() -> None:
    loaded = load(cases("fail > 100", "fail > 10 && ok > 0", "fail > 10"))
    assert loaded.problems == ()
    assert [(r.id, r.severity) for r in loaded.rules] == [
        ("0yz-7md-lqk/case 1", "critical"),
        ("0yz-7md-lqk/case 2", "high"),
        ("0yz-7md-lqk/case 3", "medium"),
    ]
    assert loaded.rules[0].name.endswith("service – case 1")
    assert loaded.rules[1].text == "fail: @evt.name:fail\nok: @evt.name:ok\nfail > 10 && ok > 0"


@pytest.mark.parametrize(
    "conditions",
    [
        ("fail > 0", "fail > 10"),
        ("fail > 0", "fail > 10 && ok > 0"),
        ("fail > 5 || ok > 5", "ok > 6"),
        ("fail > 0", "fail > 0 THEN ok > 0"),
        ("fail > 0", "0 < fail"),
        ("2 * fail > 10", "fail >= 6"),
    ],
)
def test_a_case_that_an_earlier_one_covers_never_wins(conditions: tuple[str, ...]) -> None:
    loaded = load(cases(*conditions))
    assert [r.id for r in loaded.rules] == ["0yz-7md-lqk/case 1"]
    (problem,) = loaded.problems
    assert (problem.kind, problem.rule_id) == ("warning", "0yz-7md-lqk/case 2")
    assert "never wins" in problem.message


@pytest.mark.parametrize(
    "conditions",
    [
        ("fail > 10", "fail > 0"),
        ("fail > 0 && ok > 0", "fail > 10"),
        ("fail > 5 && fail < 9", "fail > 6"),
        ("fail > 0 THEN ok > 0", "fail > 5"),
    ],
)
def test_a_case_that_may_hold_alone_is_kept(conditions: tuple[str, ...]) -> None:
    assert len(load(cases(*conditions)).rules) == 2


@pytest.mark.parametrize(
    "condition, kind, message",
    [
        ("fail > ok", "unsupported", "two queries"),
        ("fail > 5 && ok < 3", "unsupported", "upper bound"),
        ("nobody > 0", "semantic", "no query has the name nobody"),
        ("fail > 5 && fail < 5", "semantic", "never comes true"),
        ("fail < 0", "semantic", "never comes true"),
        ("0 * fail > 1", "semantic", "nothing times"),
        ("fail == 5", "syntax", "unexpected '='"),
        ("fail > 1.5", "syntax", "whole number"),
        ("fail > -1", "syntax", "unexpected '-'"),
        ("5 > 3", "syntax", "name of a query"),
        ("fail * ok > 3", "syntax", "between a query and a number"),
        ("fail >", "syntax", "expected a query"),
        ("fail > 1 ok > 1", "syntax", "expected &&"),
        ("(fail > 1", "syntax", r"expected '\)'"),
        ("fail > 0 THEN ok > 0 THEN fail > 0", "syntax", "one THEN"),
        ("(" * 300, "syntax", "nested deeper"),
        (" && ".join(["(fail > 1 || ok > 1)"] * 9), "unsupported", "ways"),
        ("", "invalid", "needs a condition"),
    ],
)
def test_a_case_that_cannot_be_had_is_a_problem_and_the_others_load(
    condition: str, kind: str, message: str
) -> None:
    loaded = load(cases(condition, "fail > 3"))
    assert [r.severity for r in loaded.rules] == ["high"]
    (problem,) = loaded.problems
    assert (problem.kind, problem.rule_id) == (kind, "0yz-7md-lqk/case 1")
    assert pytest.raises(AssertionError, match=message).matches(AssertionError(problem.message))


def test_an_error_in_a_condition_points_to_its_line() -> None:
    rule = cases("fail > 3", "fail > > 5")
    (problem,) = load(rule).problems
    lines = json.dumps(rule, indent=1).splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "> > 5" in text)
    assert problem.message.startswith(f"rule.json:{line}:8: ")
    assert "^" in problem.message


@pytest.mark.parametrize("status, severity", [("info", "informational"), ("CRITICAL", "critical")])
def test_a_status_is_a_severity(status: str, severity: str) -> None:
    assert the_rule(changed(status=status)).severity == severity


def test_a_status_that_is_none_is_a_problem() -> None:
    assert the_problem(changed(status="loud")).kind == "invalid"


def test_a_single_case_needs_no_condition() -> None:
    assert isinstance(the_rule(changed(condition="")).query, Filter)


def test_queries_without_names_are_called_by_letters() -> None:
    queries = [{"query": "@evt.name:ring"}, {"name": "", "query": "@evt.name:toll"}]
    rule = the_rule(changed(queries=queries, condition="b > 0"))
    assert rule.text.startswith("@evt.name:toll")


# --- what does not run ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more, named",
    [
        ({"type": "cloud_configuration"}, "cloud_configuration"),
        ({"type": "signal_correlation"}, "signal_correlation"),
        ({"type": "application_security"}, "application_security"),
        ({"options": {"detectionMethod": "anomaly_detection"}}, "anomaly_detection"),
        ({"options": {"detectionMethod": "impossible_travel"}}, "impossible_travel"),
        ({"options": {"detectionMethod": "hardcoded"}}, "hardcoded"),
        ({"calculatedFields": [{"name": "x", "expression": "1"}]}, "calculatedFields"),
        ({"referenceTables": [{"tableName": "x"}]}, "referenceTables"),
        ({"schedulingOptions": {"rrule": "FREQ=DAILY"}}, "schedulingOptions"),
        ({"aggregation": "geo_data"}, "geo_data"),
        ({"queries": [{"query": "*", "dataSource": "app_sec_spans"}]}, "app_sec_spans"),
        ({"query": "#latency:>5"}, "calculated fields"),
    ],
)
def test_what_does_not_run_is_named(more: dict[str, Any], named: str) -> None:
    problem = the_problem(changed(**more))
    assert problem.kind == "unsupported"
    assert named in problem.message
    assert "rule.json:" in problem.message


@pytest.mark.parametrize(
    "more",
    [
        {"queries": []},
        {"queries": ["x"]},
        {"queries": [{"query": 5}]},
        {"queries": [{"name": "a b", "query": "*"}]},
        {"queries": [{"name": "a", "query": "*"}] * 2},
        {"queries": [{"query": "*", "groupByFields": "host"}]},
        {"queries": [{"query": "*", "aggregation": "sum"}]},
        {"queries": [{"query": "*"}] * 200},
        {"cases": []},
        {"cases": [5]},
        {"tags": "x"},
        {"options": {"evaluationWindow": "5m"}},
        {"options": {"evaluationWindow": -5}},
        {"options": {"keepAlive": True}},
        {"options": {"keepAlive": 10**400}},
        {"filters": [{"action": "drop", "query": "*"}]},
        {"filters": [{"action": "require"}]},
        {"groupSignalsBy": ["@usr.name"]},
    ],
)
def test_what_makes_no_sense_is_invalid(more: dict[str, Any]) -> None:
    problem = the_problem(changed(**more))
    assert problem.kind == "invalid"
    assert problem.message.startswith("rule.json:")


def test_a_broken_query_shows_where_it_stands() -> None:
    problem = the_problem(changed(query="@agent.rule_id:(aws_imds"))
    assert problem.kind == "syntax"
    assert "^" in problem.message


# --- what rings -----------------------------------------------------------------------------------


def test_every_event_of_a_rule_that_asks_for_one_is_a_signal_of_its_group() -> None:
    rule = the_rule(IMDS)
    documents = [
        an_exec(0),
        an_exec(1, "gcp_imds"),
        an_exec(2, "azure_imds", host="web-2"),
        an_exec(3, "something_else", host="web-3"),
        an_exec(4, tty=False, host="web-4"),
        an_exec(5, user="backup", host="web-5"),
        an_exec(59),
        an_exec(61),
    ]
    matches = run([rule], documents)
    assert times(matches) == ["10:00", "10:02", "11:01"]
    first = alert_of(matches[0], NOW)
    assert first.details["suppression"]["terms"] == [{"field": HOST, "value": "web-1"}]
    assert first.details["suppression"]["docs_count"] == 2
    assert any(e.field == "@agent.rule_id" and e.value == "aws_imds" for e in first.evidence)


def test_events_without_the_group_do_not_count() -> None:
    rule = the_rule(changed(groupByFields=["@session"]))
    documents = [an_exec(0), an_exec(1, session="s1"), an_exec(2, session="")]
    assert times(run([rule], documents)) == ["10:01", "10:02"]


def test_events_without_the_group_are_one_group_where_it_is_optional() -> None:
    rule = changed(groupByFields=["@session"])
    rule["queries"][0]["hasOptionalGroupByFields"] = True
    documents = [an_exec(0), an_exec(1, pid=5), an_exec(2, session="s1")]
    assert times(run([the_rule(rule)], documents)) == ["10:00", "10:02"]


def test_events_of_an_untold_host_are_of_one_host() -> None:
    bare = [an_exec(minute)["attributes"] for minute in (0, 1)]
    assert times(run([the_rule(IMDS)], bare)) == ["10:00"]


def test_without_a_keep_alive_every_event_is_a_signal() -> None:
    rule = the_rule(changed(options={"keepAlive": 0}))
    assert rule.suppression is None
    assert len(run([rule], [an_exec(0), an_exec(1), an_exec(2)])) == 3


def test_a_signal_is_open_no_longer_than_its_longest_duration() -> None:
    rule = the_rule(changed(options={"keepAlive": 21_600, "maxSignalDuration": 3_600}))
    assert rule.suppression == Suppression((HOST,), dt.timedelta(hours=1))


def test_signals_may_be_grouped_more_coarsely_than_queries() -> None:
    both = changed(groupByFields=["host", "@usr.name"], groupSignalsBy=["host"])
    assert the_rule(both).suppression == Suppression((HOST,), dt.timedelta(hours=1))


def test_the_made_up_events_ring_by_their_agent_rules(shared: Path) -> None:
    files = sorted((shared / "data" / "cws-events").glob("[0-9]*.json"))
    if not files:
        pytest.skip(f"no events of the Agent in {shared}")
    documents = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}
    wanted = {"aws_imds", "gcp_imds", "azure_imds"}
    rule = the_rule(changed(groupByFields=[], options={"keepAlive": 0}))
    for name, document in documents.items():
        expected = document["agent"]["rule_id"] in wanted and "tty" in document["process"]
        assert bool(run([rule], [document])) == expected, name


class TestOneEventSentForSeveralRules:
    """One exec, as the Agent sends it once for each of its rules: one event in three documents."""

    def test_a_rule_finds_it_by_each_of_them(self) -> None:
        sent = [an_exec(0, rule) for rule in ("something", "aws_imds", "other")]
        for name in ("something", "aws_imds", "other"):
            rule = the_rule(changed(query=f"@agent.rule_id:{name}"))
            (match,) = run([rule], sent)
            assert match.events[0].document["datadog"]["agent"]["rule_id"] == name

    def test_it_is_the_same_event_and_one_alert(self) -> None:
        sent = [an_exec(0, rule) for rule in ("aws_imds", "gcp_imds", "azure_imds")]
        plain = the_rule(changed(options={"keepAlive": 0}))
        matches = run([plain], sent)
        assert len({match.events[0].id for match in matches}) == 1
        assert len({alert_id(match) for match in matches}) == 1
        grouped = run([the_rule(IMDS)], sent)
        assert [m.details["suppression"]["docs_count"] for m in grouped] == [0]

    def test_another_rule_has_an_alert_of_its_own(self) -> None:
        sent = [an_exec(0, rule) for rule in ("aws_imds", "gcp_imds")]
        rules = [
            the_rule(changed(id=name, query=f"@agent.rule_id:{name}"))
            for name in ("aws_imds", "gcp_imds")
        ]
        assert len({alert_id(match) for match in run(rules, sent)}) == 2

    def test_its_rules_are_new_values_each(self) -> None:
        rule = changed(NEW, query="*", metrics=["@agent.rule_id"], groupByFields=[])
        rule["options"]["keepAlive"] = 0
        sent = [an_exec(0, name) for name in ("aws_imds", "gcp_imds", "aws_imds")]
        matches = run([the_rule(rule)], sent)
        assert sorted(value for m in matches for _, value in m.new_terms) == [
            "aws_imds", "gcp_imds",
        ]  # fmt: skip
        assert len({alert_id(match) for match in matches}) == 2

    def test_it_counts_once(self) -> None:
        rule = the_rule(changed(condition="imds > 2"))
        sent = [an_exec(0, name) for name in ("aws_imds", "gcp_imds", "azure_imds")]
        assert run([rule], sent) == []
        several = [an_exec(minute, "aws_imds", pid=minute) for minute in range(3)]
        assert times(run([rule], sent + several[1:])) == ["10:02"]

    def test_an_absence_is_asked_of_each_document(self) -> None:
        sent = [an_exec(0, rule) for rule in ("aws_imds", "gcp_imds")]
        rule = the_rule(changed(query="-@agent.rule_id:aws_imds"))
        (match,) = run([rule], sent)
        assert match.events[0].document["datadog"]["agent"]["rule_id"] == "gcp_imds"


BRUTE: dict[str, Any] = changed(
    id="brute",
    name="Somebody guesses passwords",
    type="log_detection",
    queries=[
        {
            "name": "fail",
            "query": "service:sso @evt.outcome:failure",
            "groupByFields": ["@usr.name"],
        },
        {"name": "ok", "query": "service:sso @evt.outcome:success", "groupByFields": ["@usr.name"]},
    ],
    cases=[{"name": "", "status": "high", "condition": "fail > 2"}],
    filters=[],
)


def login(minute: float, outcome: str, user: str = "jane", **more: Any) -> dict[str, Any]:
    return a_log(minute, evt={"outcome": outcome}, usr={"name": user}, **more)


def brute(condition: str, **more: Any) -> Rule:
    return the_rule(changed(BRUTE, condition=condition, **more))


def test_a_count_is_a_correlation_of_the_group() -> None:
    query = brute("fail > 2").query
    assert isinstance(query, Correlation)
    assert (query.kind, query.condition) == ("event_count", (("gte", 3),))
    assert query.group_by == (USER,)
    assert query.timespan == dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    "condition", ["fail > 2", "fail >= 3", "2 < fail", "3 <= fail", "2 * fail > 5", "(fail > 2)",
                  "fail > 2 && fail > 1", "fail > 2 && fail < 100", "fail > 2 || fail > 3"],
)  # fmt: skip
def test_the_same_count_may_be_written_in_many_ways(condition: str) -> None:
    assert brute(condition).query == brute("fail > 2").query


@pytest.mark.parametrize("condition", ["fail > 0", "fail >= 1", "fail < 5", "fail <= 1"])
def test_what_the_first_event_satisfies_is_a_filter(condition: str) -> None:
    query = brute(condition).query
    assert isinstance(query, Filter)


def test_many_events_of_a_group_ring_within_the_window() -> None:
    documents = [
        *[login(minute, "failure") for minute in (0, 1, 2)],
        *[login(minute, "failure", "john") for minute in (0, 3, 6)],
        login(1, "failure", "ann"),
    ]
    (match,) = run([brute("fail > 2")], documents)
    assert times([match]) == ["10:02"]
    assert len(match.events) == 3
    terms = alert_of(match, NOW).details["suppression"]["terms"]
    assert terms == [{"field": USER, "value": "jane"}]


def test_what_goes_on_is_one_signal() -> None:
    documents = [login(minute, "failure") for minute in range(30)]
    assert times(run([brute("fail > 2")], documents)) == ["10:02"]


def test_several_queries_have_to_come_together() -> None:
    documents = [
        *[login(minute, "failure") for minute in (0, 1, 2)], login(3, "success"),
        *[login(minute, "failure", "john") for minute in (0, 1, 2)], login(9, "success", "john"),
        login(4, "success", "ann"),
    ]  # fmt: skip
    matches = run([brute("fail > 2 && ok > 0")], documents)
    assert times(matches) == ["10:03"]
    assert len(matches[0].events) == 4


def test_one_of_several_is_enough_where_it_says_so() -> None:
    documents = [login(0, "success"), *[login(m, "failure", "john") for m in (0, 1, 2)],
                 login(3, "failure", "ann")]  # fmt: skip
    assert times(run([brute("fail > 2 || ok > 0")], documents)) == ["10:00", "10:02"]


def test_then_asks_for_the_order() -> None:
    right = [login(0, "failure"), login(1, "success")]
    wrong = [login(0, "success"), login(1, "failure")]
    rule = brute("fail > 0 THEN ok > 0")
    assert times(run([rule], right)) == ["10:01"]
    assert run([rule], wrong) == []


def test_events_of_one_kind_or_another_are_one_filter() -> None:
    query = brute("fail > 0 || ok > 0").query
    assert isinstance(query, Filter)
    documents = [login(0, "failure"), login(1, "success"), login(2, "other", "john")]
    assert times(run([brute("fail > 0 || ok > 0")], documents)) == ["10:00"]


def test_distinct_values_are_counted() -> None:
    rule = brute("fail > 2", aggregation="cardinality", distinctFields=["@net.ip"])
    query = rule.query
    assert isinstance(query, Correlation)
    assert (query.kind, query.fields) == ("value_count", ("datadog.net.ip",))
    documents = [
        *[login(m, "failure", net={"ip": f"192.0.2.{m}"}) for m in range(3)],
        *[login(m, "failure", "john", net={"ip": "192.0.2.1"}) for m in range(5)],
    ]
    assert times(run([rule], documents)) == ["10:02"]


def test_one_distinct_value_is_an_event_that_has_one() -> None:
    rule = brute("fail > 0", aggregation="cardinality", distinctFields=["@net.ip"])
    documents = [login(0, "failure"), login(1, "failure", net={"ip": "192.0.2.1"})]
    assert times(run([rule], documents)) == ["10:01"]


def test_a_sum_is_added_up() -> None:
    rule = brute("fail > 10", aggregation="sum", metrics=["@bytes"])
    query = rule.query
    assert isinstance(query, Correlation)
    assert (query.kind, query.condition) == ("value_sum", (("gt", 10),))
    documents = [login(m, "failure", bytes=4.5) for m in range(3)]
    assert times(run([rule], documents)) == ["10:02"]


def test_a_largest_value_is_that_of_one_event() -> None:
    rule = brute("fail >= 10", aggregation="max", metrics=["@bytes"])
    documents = [login(0, "failure", bytes=9), login(1, "failure", bytes="10")]
    assert times(run([rule], documents)) == ["10:01"]


@pytest.mark.parametrize("aggregation", ["sum", "max"])
def test_a_value_that_must_stay_small_is_not_run(aggregation: str) -> None:
    rule = changed(BRUTE, aggregation=aggregation, metrics=["@bytes"], condition="fail < 10")
    assert the_problem(rule).kind == "unsupported"


def test_queries_may_call_the_group_by_different_names() -> None:
    rule = copy.deepcopy(BRUTE)
    rule["queries"][1]["groupByFields"] = ["@actor"]
    rule["cases"][0]["condition"] = "fail > 0 && ok > 0"
    found = the_rule(rule)
    assert found.suppression is None
    documents = [login(0, "failure"), login(1, "success", "x", actor="jane"),
                 login(0, "failure", "john"), login(1, "success", "john", actor="ann")]  # fmt: skip
    assert times(run([found], documents)) == ["10:01"]


def test_queries_of_different_groups_are_not_joined() -> None:
    rule = copy.deepcopy(BRUTE)
    rule["queries"][1]["groupByFields"] = []
    rule["cases"][0]["condition"] = "fail > 0 && ok > 0"
    assert the_problem(rule).kind == "unsupported"


def test_an_optional_group_of_a_count_is_told() -> None:
    rule = copy.deepcopy(BRUTE)
    rule["queries"][0]["hasOptionalGroupByFields"] = True
    (problem,) = load(rule).problems
    assert (problem.kind, "not counted" in problem.message) == ("warning", True)


@pytest.mark.parametrize(
    "more, found",
    [
        ({"filters": [{"action": "require", "query": "env:prod"}]}, ["prod"]),
        ({"filters": [{"action": "suppress", "query": "env:prod"}]}, ["dev"]),
        ({"suppressions": [{"suppressionQuery": "env:prod"}]}, ["dev"]),
        ({"suppressions": [{"query": "env:prod", "enabled": False}]}, ["prod", "dev"]),
        (
            {
                "filters": [
                    {"action": "require", "query": "env:(prod OR dev)"},
                    {"action": "suppress", "query": "env:dev"},
                ]
            },
            ["prod"],
        ),
    ],
)
def test_filters_hold_for_every_event(more: dict[str, Any], found: list[str]) -> None:
    rule = the_rule(changed(BRUTE, condition="ok > 0", **more))
    documents = [
        {**login(n, "success", f"user {n}"), "tags": [f"env:{env}"]}
        for n, env in enumerate(["prod", "dev"])
    ]
    envs = [m.events[0].document["datadog_log"]["tag"]["env"][0] for m in run([rule], documents)]
    assert envs == found


def test_suppressions_that_are_only_named_are_told() -> None:
    loaded = load(changed(suppressions=["abc-def"]))
    assert len(loaded.rules) == 1
    assert [p.kind for p in loaded.problems] == ["warning"]


@pytest.mark.parametrize(
    "tags, severity",
    [(["env:prod"], "medium"), (["env:staging"], "low"), (["env:dev"], "low"), ([], "medium")],
)
def test_outside_of_production_a_signal_may_be_less_severe(tags: list[str], severity: str) -> None:
    rule = the_rule(changed(options={"decreaseCriticalityBasedOnEnv": True}))
    (match,) = run([rule], [{**an_exec(0), "tags": tags}])
    assert alert_of(match, NOW).severity == severity


# --- new values -----------------------------------------------------------------------------------

NEW: dict[str, Any] = changed(
    id="new",
    name="A program reads credentials for the first time",
    queries=[
        {
            "name": "first",
            "query": "@evt.name:exec @agent.rule_id:aws_imds",
            "aggregation": "new_value",
            "metrics": ["@process.comm"],
            "groupByFields": ["host"],
        }
    ],
    cases=[{"name": "", "status": "low", "notifications": []}],
    options={
        "detectionMethod": "new_value",
        "keepAlive": 0,
        "newValueOptions": {
            "forgetAfter": 7,
            "learningMethod": "threshold",
            "learningThreshold": 0,
        },
    },
    filters=[],
)


def test_a_new_value_is_one_that_the_group_has_not_had_for_days() -> None:
    rule = the_rule(NEW)
    assert rule.kind == "datadog_query/new_value"
    query = rule.query
    assert isinstance(query, NewTerms)
    assert (query.fields, query.history) == ((HOST, "datadog.process.comm"), dt.timedelta(days=7))
    day = 24 * 60
    documents = [
        an_exec(0), an_exec(day), an_exec(0.5, host="web-2"), an_exec(7.9 * day),
        an_exec(16 * day),
    ]  # fmt: skip
    matches = run([rule], documents)
    assert len(matches) == 3
    assert matches[0].new_terms == ((HOST, "web-1"), ("datadog.process.comm", "curl"))


def test_new_values_of_a_group_are_one_signal_while_it_is_open() -> None:
    rule = the_rule(changed(NEW, metrics=["@process.pid"], options={"keepAlive": 3600}))
    documents = [an_exec(m, pid=100 + m) for m in (0, 10, 20, 90)]
    assert times(run([rule], documents)) == ["10:00", "11:30"]


@pytest.mark.parametrize(
    "options, told",
    [
        ({"learningMethod": "threshold", "learningThreshold": 0}, ""),
        ({"learningMethod": "threshold", "learningThreshold": 1}, "first value"),
        ({"learningDuration": 7}, "--warm-up 7d"),
        ({"learningDuration": 0}, "first value"),
        ({"learningMethod": "duration", "learningDuration": 1, "forgetAfter": 28}, "--warm-up 1d"),
    ],
)
def test_what_is_not_learned_is_told(options: dict[str, Any], told: str) -> None:
    loaded = load(changed(NEW, options={"newValueOptions": options}))
    assert len(loaded.rules) == 1
    assert [p.kind for p in loaded.problems] == (["warning"] if told else [])
    assert all(told in problem.message for problem in loaded.problems)


@pytest.mark.parametrize(
    "more",
    [
        {"queries": [NEW["queries"][0], {**NEW["queries"][0], "name": "b"}]},
        {"metrics": []},
        {"options": {"newValueOptions": 5}},
        {"options": {"newValueOptions": {"forgetAfter": "a week"}}},
    ],
)
def test_a_new_value_that_makes_no_sense_is_invalid(more: dict[str, Any]) -> None:
    assert the_problem(changed(NEW, **more)).kind == "invalid"


# --- alerts of others -----------------------------------------------------------------------------

OTHERS: dict[str, Any] = {
    "id": "edr",
    "name": "Alerts of the watchman",
    "type": "log_detection",
    "message": "m",
    "isEnabled": True,
    "queries": [
        {"query": "@severity:Critical", "aggregation": "none"},
        {"query": "@severity:(Critical OR High)", "aggregation": "none"},
    ],
    "cases": [{"name": "worst", "status": "critical"}, {"status": "high"}],
    "options": {
        "detectionMethod": "third_party",
        "thirdPartyRuleOptions": {
            "defaultStatus": "low",
            "rootQueries": [{"query": "source:watchman", "groupByFields": ["@host.name"]}],
        },
    },
}


def watchman(minute: float, severity: str, host: str = "web-1") -> dict[str, Any]:
    log = a_log(minute, severity=severity, host={"name": host})
    return {**log, "source": "watchman"}


def test_the_first_case_that_fits_an_alert_gives_its_severity() -> None:
    loaded = load(OTHERS)
    assert loaded.problems == ()
    assert [r.id for r in loaded.rules] == ["edr/worst", "edr/2", "edr/default"]
    documents = [
        watchman(0, "Critical"), watchman(1, "High"), watchman(2, "Low"), watchman(3, "High"),
        watchman(4, "High", "web-2"), {**watchman(5, "High"), "source": "other"},
    ]  # fmt: skip
    matches = run(list(loaded.rules), documents)
    assert [(m.rule.severity, t) for m, t in zip(matches, times(matches), strict=True)] == [
        ("critical", "10:00"), ("high", "10:01"), ("high", "10:04"), ("low", "10:02"),
    ]  # fmt: skip


def test_cases_of_alerts_may_bring_their_queries() -> None:
    rule = {k: v for k, v in OTHERS.items() if k not in {"cases", "queries"}}
    rule["thirdPartyCases"] = [{"name": "a", "query": "@severity:High", "status": "high"}]
    assert [r.id for r in load(rule | {"queries": []}).rules] == ["edr/a", "edr/default"]


def test_each_root_query_has_its_own_groups() -> None:
    rule = copy.deepcopy(OTHERS)
    roots = rule["options"]["thirdPartyRuleOptions"]["rootQueries"]
    roots.append({"query": "source:watchdog", "groupByFields": []})
    rules = {found.id: found for found in load(rule).rules}
    assert list(rules) == [
        "edr/worst/1", "edr/2/1", "edr/default/1", "edr/worst/2", "edr/2/2", "edr/default/2",
    ]  # fmt: skip
    assert rules["edr/2/1"].suppression == Suppression(("datadog.host.name",), dt.timedelta(days=1))
    assert rules["edr/2/2"].suppression is None


@pytest.mark.parametrize(
    "more",
    [
        {"cases": [{"status": "high"}]},
        {"options": {"detectionMethod": "third_party"}},
    ],
)
def test_alerts_without_cases_or_roots_are_invalid(more: dict[str, Any]) -> None:
    assert the_problem({**OTHERS, **more}).kind == "invalid"


# --- sequences ------------------------------------------------------------------------------------

STEPS: dict[str, Any] = {
    **OTHERS,
    "id": "steps",
    "queries": [
        {"name": q, "query": f"@evt.name:{q}", "aggregation": "count", "groupByFields": ["@ip"]}
        for q in ("create", "attach", "use")
    ],
    "cases": [{"status": "high", "condition": "third > 0"}],
    "options": {
        "detectionMethod": "sequence_detection",
        "sequenceDetectionOptions": {
            "steps": [
                {"name": "first", "condition": "create > 0", "evaluationWindow": 60},
                {"name": "second", "condition": "attach > 1", "evaluationWindow": 300},
                {"name": "third", "condition": "use > 0", "evaluationWindow": 60},
            ],
            "stepTransitions": [
                {"parent": "first", "child": "second", "evaluationWindow": 600},
                {"parent": "second", "child": "third", "evaluationWindow": 1800},
            ],
        },
    },
}


def step(minute: float, name: str, ip: str = "192.0.2.1") -> dict[str, Any]:
    return a_log(minute, evt={"name": name}, ip=ip)


def test_steps_follow_each_other_within_their_windows() -> None:
    rule = the_rule(STEPS)
    assert rule.kind == "datadog_query/sequence_detection"
    query = rule.query
    assert isinstance(query, Correlation)
    assert (query.kind, query.timespan) == ("temporal_ordered", dt.timedelta(minutes=30))
    right = [step(0, "create"), step(5, "attach"), step(6, "attach"), step(30, "use")]
    assert times(run([rule], right)) == ["10:30"]
    for wrong in (
        [step(0, "create"), step(5, "attach"), step(30, "use")],
        [step(0, "create"), step(11, "attach"), step(12, "attach"), step(30, "use")],
        [step(0, "create"), step(5, "attach"), step(6, "attach"), step(37, "use")],
        [step(0, "use"), step(1, "create"), step(5, "attach"), step(6, "attach")],
        [step(0, "create"), step(5, "attach"), step(6, "attach"), step(30, "use", "192.0.2.2")],
    ):
        assert run([rule], wrong) == []


@pytest.mark.parametrize(
    "transitions, kind",
    [
        ([{"parent": "first", "child": "second"}], "unsupported"),
        ([{"parent": "first", "child": "third"}, {"parent": "second", "child": "third"}],
         "unsupported"),
        ("x", "invalid"),
    ],
)  # fmt: skip
def test_steps_that_are_no_row_are_refused(transitions: Any, kind: str) -> None:
    rule = copy.deepcopy(STEPS)
    rule["options"]["sequenceDetectionOptions"]["stepTransitions"] = transitions
    assert the_problem(rule).kind == kind


# --- hostile input --------------------------------------------------------------------------------


def test_broken_json_is_unreadable_and_says_where() -> None:
    text = json.dumps(IMDS, indent=1)[:-5]
    assert datadog_rule.recognises(Path("a.json"), text)
    (problem,) = datadog_rule.load_file(Path("a.json"), text).problems
    assert problem.kind == "unreadable"
    assert "line " in problem.message


def test_nesting_without_end_is_unreadable() -> None:
    text = '{"name": 1, "cases": [], "queries": ' + "[" * 100_000
    assert datadog_rule.recognises(Path("a.json"), text)
    (problem,) = datadog_rule.load_file(Path("a.json"), text).problems
    assert problem.kind == "unreadable"


def test_one_broken_rule_of_many_is_a_problem_alone() -> None:
    loaded = load({"data": [IMDS, changed(id="x", query="("), changed(id="y"), 5, None]})
    assert [rule.id for rule in loaded.rules] == ["0yz-7md-lqk", "y"]
    assert [problem.rule_id for problem in loaded.problems] == ["x"]
    assert loaded.files == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) \
        if isinstance(value, list) else ()  # fmt: skip
    for key, inner in items:
        found += paths(inner, (*path, key))
    return found


@given(st.sampled_from([IMDS, BRUTE, NEW, OTHERS, STEPS]), st.data())
def test_wrong_types_in_any_place_are_no_crash(rule: dict[str, Any], data: st.DataObject) -> None:
    broken = copy.deepcopy(rule)
    *way, last = data.draw(st.sampled_from(paths(rule)))
    holder: Any = broken
    for key in way:
        holder = holder[key]
    holder[last] = data.draw(JSON)
    text = json.dumps(broken)
    datadog_rule.recognises(Path("a.json"), text)
    loaded = datadog_rule.load_file(Path("a.json"), text)
    assert loaded.rules or loaded.problems
    for found in loaded.rules:
        roles = run_roles(found)
        assert all(isinstance(holds(role.expr, {}), bool) for role in roles)


def run_roles(rule: Rule) -> tuple[Filter, ...]:
    from tocsin.logic.query import roles_of

    return roles_of(rule.query)
