"""What never alerts: Kibana's exception items as logic, their files, and whose they are."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.engine.exceptions import swallowed_by
from tocsin.engine.reference import holds
from tocsin.errors import RuleError
from tocsin.logic.expr import Always, Leaf
from tocsin.logic.field_types import date_of
from tocsin.logic.matchers import Equals
from tocsin.logic.query import (
    Filter,
    IndicatorMatch,
    NewTerms,
    Query,
    Sample,
    Sequence,
    Term,
    Threshold,
    roles_of,
)
from tocsin.rules.exception_files import read_exceptions
from tocsin.rules.exceptions import (
    Exceptions,
    compile_item,
    except_from,
    exception_logic,
    with_exceptions,
)
from tocsin.rules.model import ListReference, Rule

NOW = date_of("2026-11-20T00:00:00Z") or 0


def entry(
    field: str, value: Any = None, kind: str = "match", operator: str = "included"
) -> dict[str, Any]:
    return {"field": field, "type": kind, "operator": operator} | (
        {} if value is None else {"value": value}
    )


def item(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"item_id": "i", "list_id": "quiet", "name": "an item", "entries": list(entries)} | more


def listed(field: str, name: str, kind: str, operator: str = "included") -> dict[str, Any]:
    return entry(field, kind="list", operator=operator) | {"list": {"id": name, "type": kind}}


LISTS = {
    "hosts.txt": ("10.0.0.1", "2001:db8::1"),
    "ranges": ("10.1.0.0/16", "10.2.0.5-10.2.0.9"),
    "names": ("curl", "Wget"),
}

CURL = {"process": {"name": "curl", "args": ["curl", "-s"]}, "source": {"ip": "10.0.0.1"}}

HELD = [
    (entry("process.name", "curl"), CURL, True),
    (entry("process.name", "CURL"), CURL, False),
    (entry("process.name.caseless", "CURL"), CURL, True),
    (entry("process.args", "-s"), CURL, True),
    (entry("process.name", "curl", operator="excluded"), CURL, False),
    (entry("process.name", "wget", operator="excluded"), CURL, True),
    (entry("user.name", "root", operator="excluded"), CURL, True),
    (entry("destination.port", "80"), {"destination.port": 80}, True),
    (entry("vendor.flag", "true"), {"vendor": {"flag": True}}, True),
    (entry("process.name", ["wget", "curl"], "match_any"), CURL, True),
    (entry("process.name", ["wget", "curl"], "match_any", "excluded"), CURL, False),
    (entry("source.ip", ["10.0.0.0/24"], "match_any"), CURL, True),
    (entry("process.name", kind="exists"), CURL, True),
    (entry("user.name", kind="exists"), CURL, False),
    (entry("user.name", kind="exists", operator="excluded"), CURL, True),
    (entry("process.name", "c?r*", "wildcard"), CURL, True),
    (entry("process.name", "C?R*", "wildcard"), CURL, False),
    (entry("process.name.caseless", "C?R*", "wildcard"), CURL, True),
    (entry("process.name", "w*", "wildcard", "excluded"), CURL, True),
    (entry("file.path", "C:\\\\tmp\\\\*", "wildcard"), {"file.path": "C:\\tmp\\a"}, True),
    (entry("file.name", "a\\*b", "wildcard"), {"file.name": "axb"}, False),
    (listed("source.ip", "hosts.txt", "ip"), CURL, True),
    (listed("source.ip", "hosts.txt", "ip"), {"source.ip": "2001:0db8:0::1"}, True),
    (listed("source.ip", "hosts.txt", "ip", "excluded"), CURL, False),
    (listed("source.ip", "ranges", "ip_range"), {"source.ip": "10.1.2.3"}, True),
    (listed("source.ip", "ranges", "ip_range"), {"source.ip": "10.2.0.9"}, True),
    (listed("source.ip", "ranges", "ip_range"), {"source.ip": "10.2.0.10"}, False),
    (listed("process.name", "names", "keyword"), CURL, True),
    (listed("process.name", "names", "keyword"), {"process.name": "wget"}, False),
    (listed("process.name", "names", "text"), {"process.name": "wget"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("one", "document", "held"), HELD)
def test_what_an_entry_asks_of_an_event(
    one: dict[str, Any], document: dict[str, Any], held: bool
) -> None:
    assert holds(compile_item(item(one), LISTS).expr, document) is held


SIGNED = item(
    {
        "field": "process.Ext.code_signature",
        "type": "nested",
        "entries": [entry("subject_name", "Bell Foundry"), entry("trusted", "true")],
    }
)


@pytest.mark.parametrize(
    ("signatures", "held"),
    [
        ([{"subject_name": "Bell Foundry", "trusted": True}], True),
        (
            [
                {"subject_name": "Bell Foundry", "trusted": False},
                {"subject_name": "X", "trusted": True},
            ],
            False,
        ),
        ([], False),
    ],
)
def test_nested_entries_hold_together_in_one_object(signatures: list[Any], held: bool) -> None:
    document = {"process": {"Ext": {"code_signature": signatures}}}
    assert holds(compile_item(SIGNED, {}).expr, document) is held


def test_entries_hold_together_and_one_item_is_enough() -> None:
    logic = exception_logic(
        [item(entry("a", "1"), entry("b", "2")), item(entry("c", "3"))],
        {},
    )
    assert not holds(logic, {"a": "1", "b": "2"})
    assert holds(logic, {"a": "1", "b": "3"})
    assert not holds(logic, {"c": "3"})
    assert exception_logic([], {}) == Always(value=True)


def test_an_item_for_systems_holds_on_these_alone() -> None:
    expr = compile_item(item(entry("a", "1"), os_types=["windows", "macos"]), {}).expr
    assert holds(expr, {"a": "1", "host.os.type": "windows"})
    assert holds(expr, {"a": "1", "host": {"os": {"name": "macOS"}}})
    assert not holds(expr, {"a": "1", "host.os.type": "linux"})
    assert not holds(expr, {"a": "1"})


@pytest.mark.parametrize(
    ("end", "applies"),
    [
        ("2026-11-19T23:59:59.999Z", False),
        ("2026-11-20T00:00:00Z", False),
        ("2026-11-20T00:00:01Z", True),
        (dt.datetime(2026, 11, 19, tzinfo=dt.UTC), False),
        (None, True),
        ("never", True),
    ],
)
def test_an_item_ends_when_it_expires(end: object, applies: bool) -> None:
    logic = exception_logic([item(entry("a", "1"), expire_time=end)], {}, now=NOW)
    assert holds(logic, {"a": "1"}) is not applies


WRONG = [
    (item(), "entries has to be a list"),
    (item(entry("")), "an entry has no field"),
    (item(entry("a", "b", "regex")), "the type 'regex' is none of match,"),
    (item(entry("a", "b", operator="is")), "the operator 'is' is neither"),
    (item(entry("a", {"b": 1})), "a: {'b': 1} is no value"),
    (item(entry("a", None)), "a: None is no value"),
    (item(entry("a", [], "match_any")), "a: [] is no list of values"),
    (item(listed("a", "nowhere", "keyword")), "there is no value list 'nowhere'"),
    (item(listed("a", "names", "geo_point")), "a list needs an id, and a type of ip,"),
    (item(listed("a", "names", "ip")), "'curl' is no address"),
    (item(entry("a", "1"), os_types=[{}]), "os_types: {} is no value"),
]


@pytest.mark.parametrize(("one", "message"), WRONG)
def test_an_item_that_makes_no_sense_says_why(one: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError) as found:
        compile_item(one, LISTS)
    assert str(found.value).startswith("exception 'an item': ")
    assert message in str(found.value)


# --- rules ------------------------------------------------------------------------------------

A = Filter(Leaf("a", Equals(("1",)), "keyword"))
ANY = Filter(Always(value=True), "process")
QUERIES: list[Query] = [
    A,
    ANY,
    NewTerms(A, ("b",), dt.timedelta(days=1)),
    Threshold(A, ("b",), 2),
    Sequence((Term(A), Term(ANY)), until=Term(A)),
    Sample((Term(A), Term(ANY))),
    IndicatorMatch(A, (), ANY),
]


def a_rule(query: Query = A, **more: Any) -> Rule:
    return Rule(
        id="r", name="n", vendor="elastic", path="r.toml", language="kuery", type="query",
        kind="kuery/query", text="", query=query, **more,
    )  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: type(q).__name__)
def test_a_rule_sees_nothing_of_its_exceptions_in_any_role(query: Query) -> None:
    rule = with_exceptions(a_rule(query), [compile_item(item(entry("b", "2")), {})])
    event = {"a": "1", "event.category": "process"}
    for before, after in zip(roles_of(query), roles_of(rule.query), strict=True):
        assert holds(before.expr, event | {"b": "2"})
        assert not holds(after.expr, event | {"b": "2"})
        assert holds(after.expr, event)


def test_who_swallowed_a_match() -> None:
    first = compile_item(item(entry("b", "2"), name="first"), {})
    second = compile_item(item(entry("c", "3"), name="second"), {})
    rule = with_exceptions(with_exceptions(a_rule(), [first]), [second, first])
    assert rule.exceptions == (first, second)
    assert swallowed_by(rule, {"a": "1", "b": "2", "c": "3"}) == first
    assert swallowed_by(rule, {"a": "1", "c": "3"}) == second
    assert swallowed_by(rule, {"a": "1"}) is None
    assert swallowed_by(rule, {"b": "2"}) is None  # no match to swallow


def test_a_rule_without_exceptions_is_the_rule() -> None:
    rule = a_rule()
    assert with_exceptions(rule, []) is rule


# --- files ------------------------------------------------------------------------------------


def lists_of(*references: ListReference) -> dict[str, Any]:
    return {"exceptions_list": references}


def test_items_are_for_the_rules_that_name_their_list(tmp_path: Path) -> None:
    file = tmp_path / "exceptions.ndjson"
    lines = [
        {"list_id": "quiet", "type": "detection", "namespace_type": "single", "name": "Quiet"},
        item(entry("b", "2"), name="named"),
        item(entry("b", "3"), list_id="endpoint_list", namespace_type="agnostic"),
        item(entry("b", "4"), list_id="r", name="of one rule"),
        {"list_id": "r", "type": "rule_default"},
        item(entry("b", "5"), list_id="nobody"),
        item(entry("b", "6"), namespace_type="agnostic"),
        {"exported_exception_list_count": 1},
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    found = read_exceptions(file, now=NOW)
    assert found.problems == ()
    rules = [a_rule(**lists_of(ListReference("quiet"))), a_rule()]
    (named, default), problems = except_from(rules, found)
    assert [one.name for one in named.exceptions] == ["named", "of one rule"]
    assert [one.name for one in default.exceptions] == ["of one rule"]
    unnamed = "no rule names that list in its exceptions_list"
    elsewhere = "rules name that list in the namespace 'single', and not in 'agnostic'"
    assert sorted(problem.message for problem in problems) == [
        f"1 exception of the list 'endpoint_list' not used: {unnamed}",
        f"1 exception of the list 'nobody' not used: {unnamed}",
        f"1 exception of the list 'quiet' not used: {elsewhere}",
    ]
    assert {problem.kind for problem in problems} == {"warning"}


def test_yaml_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "exceptions.yaml"
    file.write_text("""
- {list_id: quiet, type: detection}
- list_id: quiet
  name: our scanner
  expire_time: 2030-01-01T00:00:00Z
  entries:
    - {field: source.ip, operator: included, type: match, value: 10.0.0.1}
- list_id: quiet
  name: gone
  expire_time: 2020-01-01T00:00:00Z
  entries:
    - {field: source.ip, operator: included, type: exists}
""")
    found = read_exceptions(file, now=NOW)
    assert [one.name for one in found.items] == ["our scanner"]
    assert [one.id for one in found.lists] == ["quiet"]
    assert json.loads(found.items[0].text)["name"] == "our scanner"


def test_value_lists_stand_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text('curl,a tool\n"wget","another"\n\n')
    (tmp_path / "hosts.txt").write_text("10.0.0.1\r\n\r\n10.0.0.2\n")
    file = tmp_path / "e.ndjson"
    (tmp_path.parent / "secret").write_text("x")
    lines = [
        item(listed("process.name", "names", "keyword"), name="a"),
        item(listed("source.ip", "hosts.txt", "ip"), name="b"),
        item(listed("source.ip", "../secret", "keyword"), name="c"),
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    found = read_exceptions(file, now=NOW)
    assert [one.name for one in found.items] == ["a", "b"]
    assert holds(found.items[0].expr, {"process.name": "wget"})
    assert holds(found.items[1].expr, {"source.ip": "10.0.0.2"})
    (problem,) = found.problems
    assert problem.kind == "invalid"
    assert "there is no value list '../secret'" in problem.message


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{", "unreadable"),
        ("", "invalid"),
        ("{}", "invalid"),
        ("- [", "unreadable"),
        ("a: b", "invalid"),
    ],
)
def test_a_file_that_holds_none_says_so(tmp_path: Path, text: str, kind: str) -> None:
    file = tmp_path / "e.txt"
    file.write_text(text)
    (problem,) = read_exceptions(file, now=NOW).problems
    assert problem.kind == kind
    assert problem.message.startswith(f"{file}: ")


def test_files_add_up(tmp_path: Path) -> None:
    missing = read_exceptions(tmp_path / "none", now=NOW)
    both = sum([missing, missing], Exceptions())
    assert [problem.kind for problem in both.problems] == ["unreadable", "unreadable"]
