from __future__ import annotations

import datetime as dt
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from tocsin.logic.expr import And, Leaf, Not
from tocsin.logic.matchers import Exists
from tocsin.logic.query import Correlation
from tocsin.rules.environment import Environment
from tocsin.rules.formats import sigma_yaml
from tocsin.rules.model import Loaded, Rule

BASES = """
title: Logon failed
name: failed
id: 11111111-0000-4000-8000-000000000001
logsource: {product: windows, service: security}
detection: {selection: {EventID: 4625}, condition: selection}
---
title: Connection to the outside
name: outside
logsource: {category: network_connection, product: linux}
detection: {selection: {DestinationPort: 443}, condition: selection}
"""


def correlation(text: str, title: str = "Many") -> str:
    return f"title: {title}\nlevel: high\ncorrelation:\n{indent(dedent(text), '  ')}"


def load(*texts: str, values: dict[str, tuple[str, ...]] | None = None) -> Loaded:
    files = [(Path(f"{n}.yml"), text) for n, text in enumerate(texts)]
    return sigma_yaml.load(files, Environment(values=values or {}))


def rules_of(loaded: Loaded) -> dict[str, Rule]:
    assert loaded.problems == ()
    return {rule.name: rule for rule in loaded.rules}


def query_of(*texts: str, name: str = "Many") -> Correlation:
    query = rules_of(load(*texts))[name].query
    assert isinstance(query, Correlation)
    return query


COUNT = """
    type: event_count
    rules: [failed]
    group-by: [TargetUserName]
    timespan: 5m
    condition: {gte: 10, lt: 100}
"""


def test_a_correlation_is_a_rule() -> None:
    rule = rules_of(load(BASES, correlation(COUNT)))["Many"]
    assert (rule.type, rule.kind, rule.severity) == ("correlation", "sigma/correlation", "high")
    assert (rule.path, rule.line) == ("1.yml", 3)
    assert rule.text.startswith("correlation:\n")


def test_a_correlation_has_its_rules_and_what_it_asks() -> None:
    query = query_of(BASES, correlation(COUNT))
    assert query.kind == "event_count"
    assert query.timespan == dt.timedelta(minutes=5)
    assert query.condition == (("gte", 10), ("lt", 100))
    assert query.group_by == ("TargetUserName",)
    [term] = query.terms
    assert (term.name, term.by) == ("failed", ("winlog.event_data.TargetUserName",))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_order_of_files_does_not_matter(order: tuple[int, int]) -> None:
    texts = (BASES, correlation(COUNT))
    assert len(load(*(texts[n] for n in order)).rules) == 3


def test_a_rule_is_meant_by_its_id_too() -> None:
    text = COUNT.replace("[failed]", "11111111-0000-4000-8000-000000000001")
    assert query_of(BASES, correlation(text)).terms[0].name.startswith("11111111")


@pytest.mark.parametrize(
    ("generate", "silent"), [("", True), ("generate: false", True), ("generate: true", False)]
)
def test_rules_of_a_correlation_keep_silent_unless_it_says_otherwise(
    generate: str, silent: bool
) -> None:
    found = rules_of(load(BASES, correlation(f"{dedent(COUNT)}{generate}\n")))
    assert found["Logon failed"].silent is silent
    assert not found["Connection to the outside"].silent
    assert not found["Many"].silent


def test_rules_ring_where_the_correlation_did_not_load() -> None:
    loaded = load(BASES, correlation(COUNT.replace("5m", "5 m")))
    assert not any(rule.silent for rule in loaded.rules)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", {"seconds": 30}), ("5m", {"minutes": 5}), ("1h", {"hours": 1}), ("7d", {"days": 7}),
        ("2w", {"weeks": 2}), ("1M", {"seconds": 2_629_746}), ("1y", {"seconds": 31_556_952}),
    ],
)  # fmt: skip
def test_timespans(text: str, expected: dict[str, int]) -> None:
    query = query_of(BASES, correlation(COUNT.replace("5m", text)))
    assert query.timespan == dt.timedelta(**expected)


@pytest.mark.parametrize(
    ("kind", "condition", "fields", "percentile"),
    [
        ("value_count", "{field: TargetUserName, gte: 3}", ("TargetUserName",), None),
        ("value_count", "{field: [TargetUserName, IpAddress], gt: 3}",
         ("TargetUserName", "IpAddress"), None),
        ("value_sum", "{field: Size, gt: 1.5}", ("Size",), None),
        ("value_avg", "{field: Size, neq: 3}", ("Size",), None),
        ("value_median", "{field: Size, eq: 3}", ("Size",), None),
        ("value_percentile", "{field: Size, lte: 3, percentile: 95}", ("Size",), 95),
    ],
)  # fmt: skip
def test_values_are_counted_or_summed(
    kind: str, condition: str, fields: tuple[str, ...], percentile: float | None
) -> None:
    text = COUNT.replace("event_count", kind).replace("{gte: 10, lt: 100}", condition)
    query = query_of(BASES, correlation(text))
    assert (query.kind, query.fields, query.percentile) == (kind, fields, percentile)
    mapped = {"TargetUserName": "winlog.event_data.TargetUserName", "IpAddress": "source.ip"}
    expected = tuple(mapped.get(f, f"winlog.event_data.{f}") for f in fields)
    assert query.terms[0].fields in {
        expected,
        tuple(f.replace("source.ip", "winlog.event_data.IpAddress") for f in expected),
    }


TEMPORAL = """
    type: temporal
    rules: [failed, outside]
    timespan: 1h
"""


def test_a_temporal_correlation_asks_for_all_its_rules() -> None:
    query = query_of(BASES, correlation(TEMPORAL))
    assert (query.kind, query.condition, query.seen) == ("temporal", (), None)
    assert [term.name for term in query.terms] == ["failed", "outside"]
    assert query.bounds == (("gte", 2),)


def test_aliases_say_which_field_is_meant() -> None:
    text = f"""{dedent(TEMPORAL)}
group-by: [who, host]
aliases:
  who:
    11111111-0000-4000-8000-000000000001: TargetUserName
    outside: User
"""
    first, second = query_of(BASES, correlation(text)).terms
    assert first.by == ("winlog.event_data.TargetUserName", "winlog.event_data.host")
    assert second.by == ("user.name", "host")


def test_an_extended_condition_is_logic_over_rules() -> None:
    query = query_of(
        BASES,
        correlation(f"{dedent(TEMPORAL)}condition: failed and not outside\n"),
    )
    seen = And((Leaf("failed", Exists()), Not(Leaf("outside", Exists()))))
    assert (query.seen, query.condition) == (seen, ())


def test_rules_may_be_named_by_the_condition_alone() -> None:
    text = "type: temporal_ordered\ntimespan: 1h\ncondition: failed and outside\n"
    query = query_of(BASES, correlation(text))
    assert [term.name for term in query.terms] == ["failed", "outside"]


def test_correlations_of_correlations_nest() -> None:
    inner = correlation(COUNT).replace("title: Many", "title: Inner\nname: inner")
    outer = correlation("""
        type: temporal
        rules: [inner, outside]
        group-by: [TargetUserName, host]
        timespan: 1h
    """)
    found = rules_of(load(BASES, outer, inner))
    query = found["Many"].query
    assert isinstance(query, Correlation)
    assert isinstance(query.terms[0].query, Correlation)
    # What the inner one groups by is a name of its own; other names are its events'.
    assert query.terms[0].by == ("TargetUserName", "winlog.event_data.host")
    assert {name for name, rule in found.items() if rule.silent} == {
        "Inner", "Logon failed", "Connection to the outside",
    }  # fmt: skip


def test_filters_narrow_the_rules_of_a_correlation() -> None:
    text = """
title: Not by the scanner
logsource: {product: windows}
filter: {rules: any, selection: {IpAddress: 192.0.2.9}, condition: not selection}
"""
    plain, narrowed = (
        query_of(BASES, correlation(COUNT), *more).terms[0].query for more in ((), (text,))
    )
    assert plain != narrowed
    assert "192.0.2.9" in repr(narrowed)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (COUNT.replace("[failed]", "[nobody]"), "invalid",
         "1.yml:6: the correlation is about a rule 'nobody', which is not among the rules here"),
        (COUNT.replace("event_count", "event_cuont"), "invalid", "did you mean event_count?"),
        (COUNT.replace("    type: event_count\n", ""), "invalid", "the correlation has no type"),
        (COUNT.replace("    rules: [failed]\n", ""), "invalid", "the correlation names no rules"),
        (COUNT.replace("[failed]", "{a: b}"), "invalid", "rules has to be a text or a list"),
        (COUNT.replace("timespan", "timeframe"), "invalid", "did you mean timespan?"),
        (COUNT.replace("5m", "5 minutes"), "invalid", "'5 minutes' is no timespan"),
        (COUNT.replace("5m", "0m"), "invalid", "'0m' is no timespan"),
        (COUNT.replace("5m", "999999999y"), "invalid", "is too long"),
        (COUNT.replace("    condition: {gte: 10, lt: 100}\n", ""), "invalid", "needs a condition"),
        (COUNT.replace("gte: 10, lt: 100", "field: x"), "invalid", "the condition compares nothing"),
        (COUNT.replace("gte: 10", "ge: 10"), "invalid", "unknown operator 'ge'"),
        (COUNT.replace("gte: 10", "gte: ten"), "invalid", "'ten' is no number"),
        (COUNT.replace("{gte: 10, lt: 100}", "failed"), "invalid", "only temporal correlations"),
        (COUNT.replace("event_count", "value_sum"), "invalid", "needs a field"),
        (COUNT.replace("event_count", "value_percentile").replace("gte", "field: x, gte"),
         "invalid", "needs a percentile"),
        (COUNT.replace("event_count", "value_percentile")
         .replace("gte", "field: x, percentile: 101, gte"), "invalid", "101 is no percentile"),
        (COUNT + "    generate: maybe\n", "invalid", "generate has to be true or false"),
        (COUNT + "    aliases: [x]\n", "invalid", "aliases has to say"),
        (COUNT + "    aliases: {x: {outside: User}}\n", "invalid",
         "the alias is for 'outside', which is none of the rules"),
        (TEMPORAL + "    condition: failed and\n", "syntax", "1.yml:8:11: expected a name"),
        (TEMPORAL + "    condition: failed\n", "invalid",
         "'outside' has to stand in rules and in the condition"),
        (TEMPORAL + "    condition: 1 of failed*\n", "syntax", "has to name its rules"),
        ("    x", "invalid", "a correlation has to be a mapping"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told(text: str, kind: str, message: str) -> None:
    loaded = load(BASES, correlation(text))
    assert len(loaded.rules) == 2
    [problem] = loaded.problems
    assert (problem.kind, problem.rule_kind, problem.name) == (kind, "sigma/correlation", "Many")
    assert message in problem.message


def test_a_correlation_about_itself_is_refused() -> None:
    def about(name: str, other: str) -> str:
        text = f"type: temporal\nrules: [{other}]\ntimespan: 1h\n"
        return correlation(text, title=name).replace("level", f"name: {name}\nlevel", 1)

    loaded = load(about("one", "two"), about("two", "one"))
    assert loaded.rules == ()
    assert {problem.kind for problem in loaded.problems} == {"invalid"}
    assert any("is about itself" in problem.message for problem in loaded.problems)


@pytest.mark.parametrize(
    ("detection", "kind"),
    [
        ("{selection: {User|expand: '%admins%'}, condition: selection}", "needs_values"),
        ("{selection: {a: b}, condition: selection | count() > 5}", "unsupported"),
        ("{selection: {a|nope: b}, condition: selection}", "semantic"),
    ],
)
def test_a_correlation_waits_for_its_rules(detection: str, kind: str) -> None:
    base = f"title: Base\nname: failed\nlogsource: {{product: linux}}\ndetection: {detection}\n"
    loaded = load(base, correlation(COUNT))
    assert loaded.rules == ()
    assert [problem.kind for problem in loaded.problems] == [kind, kind]
    assert "'failed' (Base), which did not load" in loaded.problems[1].message


def test_values_for_a_rule_serve_its_correlation() -> None:
    base = """
title: Base
name: failed
logsource: {product: linux}
detection: {selection: {User|expand: '%admins%'}, condition: selection}
"""
    found = rules_of(load(base, correlation(COUNT), values={"admins": ("ann",)}))
    assert len(found) == 2


def kinds(loaded: Loaded) -> list[Any]:
    return [problem.kind for problem in loaded.problems]


def test_a_broken_title_keeps_a_correlation_from_loading() -> None:
    text = correlation(COUNT).replace("level: high", "level: hgh")
    assert kinds(load(BASES, text)) == ["invalid"]
