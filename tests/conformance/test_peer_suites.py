"""The suites of other engines, where they are at hand, and the runner itself, on suites of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conftest import Golden

from tocsin.testing.conformance import ENGINES, Report, run_file
from tocsin.testing.conformance.__main__ import main
from tocsin.testing.conformance.report import table

# --- other engines' suites ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reports(shared: Path) -> list[Report]:
    suites = sorted((shared / "conformance").glob("*/*.json"))
    if not suites:
        pytest.skip(f"no suites under {shared}/conformance")
    return [
        msgspec.structs.replace(run_file(str(suite)), file=f"{suite.parent.name}/{suite.name}")
        for suite in suites
    ]


def test_no_case_fails(reports: list[Report]) -> None:
    assert {report.file: [name for name, _ in report.failures()] for report in reports} == {
        report.file: [] for report in reports
    }


def test_what_passes_keeps_passing(reports: list[Report], golden: Golden) -> None:
    golden("conformance.txt", "\n".join(table(reports)))


@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_alone_fails_no_case(shared: Path, engine: str) -> None:
    for name in ("es_eql_queries", "kql_eval", "kql_equivalent"):
        suite = shared / "conformance" / "elastic" / f"{name}.json"
        if not suite.is_file():
            pytest.skip(f"no {suite}")
        assert run_file(str(suite), [engine]).failures() == []


# --- the runner -----------------------------------------------------------------------------------

DATASETS = {
    "bells": {
        "id_field": "id",
        "event_category_field": "kind",
        "timestamp_field": "when",
        "tiebreaker_field": "id",
        "types": {"when": "date", "tone": "keyword(null_value=none)", "address": "ip"},
        "mapped_without_docs": ["clapper"],
    }
}
EVENTS = [
    {"id": 3, "kind": "bell", "when": "30", "weight": 200, "address": "10.0.0.3"},
    {"id": 1, "kind": "bell", "when": "10", "weight": 100, "tone": "c", "tone__source": "x"},
    {"id": 2, "kind": "bell", "when": "10", "weight": 100, "tone": None},
    {"id": 4, "kind": "gong", "when": "1970-01-01T00:00:00.040Z", "weight": 900.5},
]


def suite(folder: Path, content: object) -> str:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "_datasets.json").write_text(json.dumps(DATASETS))
    (folder / "data" / "bells.ndjson").write_text("".join(json.dumps(e) + "\n" for e in EVENTS))
    file = folder / "suite.json"
    file.write_text(json.dumps(content))
    return str(file)


def outcome(folder: Path, case: dict[str, Any]) -> tuple[str, str]:
    given = {"name": "one", "dataset": "bells", "data": "data/bells.ndjson", **case}
    [(_, found)] = run_file(suite(folder, [given])).outcomes
    return found.status, found.got or found.reason


def eql(query: str, **expected: Any) -> dict[str, Any]:
    return {"language": "eql", "query": query, **expected}


def machine(stages: list[int], expected: list[list[str]]) -> dict[str, Any]:
    events = [
        {"event": f"e{n}", "stage": stage, "key": None, "ts": n}
        for n, stage in enumerate(stages, 1)
    ]
    return {
        "language": "eql-sequence-machine", "stages": 2, "query": "", "events": events,
        "expected_sequences": expected,
    }  # fmt: skip


def python(query: str, status: str, **expected: Any) -> dict[str, Any]:
    return {"language": "eql-python", "query": query, "es_status": status, **expected}


def kql(query: str, **expected: Any) -> dict[str, Any]:
    return {"language": "kuery", "query": query, **expected}


def fold(query: str, **expected: Any) -> dict[str, Any]:
    return {"language": "eql-expression", "query": query, **expected}


@pytest.mark.parametrize(
    "case, status",
    [
        # events, in the order of time and tiebreaker
        (eql("bell where true", expected_event_ids=[1, 2, 3]), "passed"),
        (eql("bell where true", expected_event_ids=[3, 1, 2]), "failed"),
        (eql("bell where true | tail 2 | head 1", expected_event_ids=[2]), "passed"),
        (eql("bell where true | tail 0", expected_event_ids=[]), "passed"),
        (eql("bell where true", expected_event_ids=[1], expected_any_of=[[2], [1, 2, 3]]), "passed"),
        # types and fields as the dataset says
        (eql('any where tone == "none"', expected_event_ids=[2]), "passed"),
        (eql("any where weight > 900", expected_event_ids=[4]), "passed"),
        (eql('any where cidrMatch(address, "10.0.0.0/8")', expected_event_ids=[3]), "passed"),
        (eql("any where clapper == null", expected_event_ids=[1, 2, 3, 4]), "passed"),
        (eql("any where rope == null", expected_event_ids=[1, 2, 3, 4]), "failed"),
        (eql("any where rope == null", expected_error="unknown column"), "passed"),
        (eql("any where tone__source != null", expected_error="a note is no field"), "passed"),
        (eql("any where ?rope == null", expected_event_ids=[1, 2, 3, 4]), "passed"),
        (eql("any where weight > 1", expected_error="it has none"), "failed"),
        # what cannot be run yet
        (eql("sequence [bell where true] [gong where true]", expected_event_ids=[3, 4]), "passed"),
        (eql("sequence [bell where true] [gong where true]", expected_event_ids=[2, 4]), "failed"),
        (eql("sample by kind [bell where id < 3] [bell where id > 1]", expected_event_ids=[1, 2]), "passed"),
        (eql("sample by kind [bell where id < 3] [bell where id > 1]", expected_event_ids=[]), "failed"),
        (machine([0, 1], [["e1", "e2"]]), "passed"),
        (machine([1, 0], [["e1", "e2"]]), "failed"),
        ({"language": "klingon", "query": "Qapla'"}, "unsupported"),
        # what Elasticsearch says of Python's EQL
        (python("gong where true", "agrees", expected_event_ids=[4]), "passed"),
        (python("gong where true", "contradicts", expected_event_ids=[], es_expected_event_ids=[4]), "passed"),
        (python("gong where id = 4", "rejected", expected_event_ids=[4]), "passed"),
        (python("gong where id == 4", "rejected", expected_event_ids=[4]), "failed"),
        (
            python("gong where id = 4", "rejected", es_normalised_query="gong where id == 4",
                   es_normalised_status="agrees", es_normalised_expected_event_ids=[4]),
            "passed",
        ),
        (
            python("gong where id = 4", "rejected", es_normalised_query="gong where id == 4",
                   es_normalised_status="contradicts", es_normalised_expected_event_ids=[]),
            "failed",
        ),
        (
            python("gong where f(id) = 4", "rejected", es_normalised_query="gong where f(id) == 4",
                   es_normalised_status="rejected"),
            "passed",
        ),
        # expressions
        (fold("1 + 2", expected_value=3), "passed"),
        (fold("1 + 2", expected_value=3.0), "failed"),
        (fold("1 == 1", expected_value=1), "failed"),
        (fold("not null", expected_value=None), "passed"),
        (fold("length()", expected_error=True), "passed"),
        (fold("length(weight)", expected_value=3), "failed"),
        # KQL
        (kql("weight > 150 and not kind: gong", expected_event_ids=[3]), "passed"),
        (kql("address: 10.0.0.0/8", expected_event_ids=[3]), "passed"),
        (kql("kind: bell", document_id=2, expected_event_ids=[2]), "passed"),
        (kql("kind: bell", document_id=4, expected_event_ids=[4]), "failed"),
        (kql("a: b", expected_ast={"fn": "is", "field": "a", "value": "b"}), "passed"),
        (kql("a: b", expected_ast={"fn": "is", "field": "a", "value": "c"}), "failed"),
        (kql("a: b", expected_ast={"node": "FieldComparison"}), "not_applicable"),
        (kql("a: b", expected_dsl={"match": {"a": "b"}}), "not_applicable"),
        (kql("a: ", expected_error=True), "passed"),
        (kql("a: b", expected_error=True), "failed"),
        (kql("a: b", expected_error=True, kibana="no parse error: it checks no types"), "passed"),
        (kql("a: not not b", expected_parse=True, kibana="syntax error (differs)"), "passed"),
        (kql("a: b", expected_parse=True, kibana="syntax error (differs)"), "failed"),
        (kql("a: b", equivalent_eql="a == 'b'", expected_error="conversion refused"), "not_applicable"),
        ({"language": "kuery-literal", "query": '"a\\"b"', "expected_ast": {"literal": 'a"b'}}, "passed"),
        ({"language": "kuery-literal", "query": "true", "expected_ast": {"literal": "true"}}, "failed"),
        # equivalents
        (kql("not (a: b or a: c)", equivalent_query="not a: (b or c)"), "passed"),
        (kql("a: b and a: c", equivalent_query="a: (b or c)"), "failed"),
        (kql("not a: b", equivalent_query="a: (not b) and a: *"), "failed"),
        (kql("a < 5 or not b: *", equivalent_eql="a < 5 or b == null"), "passed"),
        (kql("a <= 5", equivalent_eql="a < 5"), "failed"),
        (kql("a: 1.5", equivalent_eql="a = 1.5"), "passed"),
        (kql("a: x and b: y", equivalent_eql="a = 'x' and not b = 'y'"), "failed"),
        (kql("d: 10.0.0.0/8", equivalent_eql="cidrMatch(d, '10.0.0.0/8')", schema={"d": "ip"}), "passed"),
        (kql("d: 10.0.0.0/9", equivalent_eql="cidrMatch(d, '10.0.0.0/8')", schema={"d": "ip"}), "failed"),
        (kql("d: 10.0.0.0/8", equivalent_eql="d == '10.0.0.0'", schema={"d": "ip"}), "failed"),
    ],
)  # fmt: skip
def test_a_case_gets_its_verdict(tmp_path: Path, case: dict[str, Any], status: str) -> None:
    assert outcome(tmp_path, case)[0] == status, outcome(tmp_path, case)


SECL = {
    "field_types": {
        "lamp.name": "string",
        "lamp.path": "string, glob patterns (path-like)",
        "lamp.watts": "int",
        "lamp.lit_at": "int (ns timestamp)",
        "lamp.nets": "array of cidr",
        "lamp.wires": "iterator of {id:int,colour:string}; and .length",
        "lamp.ropes": "iterator, likewise",
    },
    "constants": {"BRIGHT": 100, "my_word": "string constant", "true": True},
}


def secl(section: str, case: dict[str, Any]) -> dict[str, Any]:
    return {**SECL, section: [case]}


def event(expr: str, expected: object, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return secl("cases", {"expr": expr, "expected": expected, "fields": fields, **more})


def versions(agent: str, expected: dict[str, bool]) -> dict[str, Any]:
    constraints = {"a": ">= 7.38", "b": "> 7.38"}
    rules = [
        {"id": name, "expression": "open.flags > 0", "agent_version": constraint}
        for name, constraint in constraints.items()
    ]
    return {"agent_version": agent, "rules": rules, "expected_loaded": expected}


def remembers(
    matches: list[list[str]], after: dict[str, Any], later: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A rule that remembers the paths of a process, and one that asks for them."""
    path = {"name": "seen", "field": "open.file.path", "append": True, "scope": "process"}
    count = {"name": "n", "expression": "${n} + 1", "default_value": 0, "ttl": "1s"}
    rules = [
        {"id": "reads", "expression": 'open.flags == 1 && "/a" in ${process.seen}'},
        {"id": "sets", "expression": 'open.file.path == "/a"',
         "actions": [{"set": path}, {"set": count}]},
    ]  # fmt: skip
    asks = {"type": "open", "fields": {"open.flags": 1}, "pid": 7, "parent": None}
    sets = {**asks, "fields": {"open.file.path": "/a"}}
    return {
        "rules": rules, "events": [asks, sets, asks], "expected_matches": matches,
        "variables_after": after, "variables_after_1100ms": later or {},
    }  # fmt: skip


LAMP = {"lamp.name": "a", "lamp.watts": 1}


def partial(expr: str, field: str, *, is_discarder: bool) -> dict[str, Any]:
    case = {"expr": expr, "fields": LAMP, "field": field, "is_discarder": is_discarder}
    return secl("partial_cases", case)


def marked(expr: str, markup: str) -> dict[str, Any]:
    return secl("subexpr_cases", {"expr": expr, "fields": LAMP, "matched_markup": markup})


WIRES = {"lamp.wires": [{"id": 1, "colour": "red"}, {"id": 2, "colour": "blue"}]}


@pytest.mark.parametrize(
    "content, status",
    [
        (event('lamp.name == "a" && lamp.watts > 5', True, {"lamp.name": "a", "lamp.watts": 6}), "passed"),
        (event('lamp.name == "a"', True, {"lamp.name": "b"}), "failed"),
        (event('lamp.name == 5', "error", {}), "passed"),
        (event('lamp.name == "5"', "error", {}), "failed"),
        (event("lamp.watts == BRIGHT", True, {"lamp.watts": 100}), "passed"),
        (event('lamp.path =~ "/dev/*"', False, {"lamp.path": "/dev/a/b"}), "passed"),
        (event("lamp.lit_at < 5s", True, {"lamp.lit_at": 10**9}, now_ns=5 * 10**9), "passed"),
        (event("lamp.lit_at < 5s", True, {"lamp.lit_at": 10**9}, now_ns=6 * 10**9), "failed"),
        (event("10.0.0.1 in lamp.nets", True, {"lamp.nets": ["10.0.0.0/8"]}), "passed"),
        (event('lamp.wires[A].id == 1 && lamp.wires[A].colour == "red"', True, WIRES), "passed"),
        (event('lamp.wires[A].id == 1 && lamp.wires[A].colour == "blue"', True, WIRES), "failed"),
        (event("lamp.wires.length == 2", True, WIRES), "passed"),
        (event("lamp.ropes.id == 7", True, {"lamp.ropes": [{"id": 7}]}), "passed"),
        (event("bright", True, {"lamp.watts": 9}, macros={"bright": "lamp.watts > 5"}), "passed"),
        (event("lamp.watts == ${watts}", True, {"lamp.watts": 9}, variables={"watts": 9}), "passed"),
        (event("lamp.watts == ${watts}", True, {"lamp.watts": 9}, variables={"watts": 8}), "failed"),
        (event('lamp.name in ${names}', True, {"lamp.name": "a"}, variables={"names": ["b", "a"]}), "passed"),
        (event("lamp.watts == ${watts}", "error", {"lamp.watts": 9}), "passed"),
        (event("lamp.bulb == 1", True, {"lamp.watts": 1}, source="legacy alias lamp.bulb -> lamp.watts"), "passed"),
        (event("lamp.watts == -1", "error", {}, source="the model forbids a negative watts"), "passed"),
        (
            event('lamp.wires[A].id == 1 && lamp.wires[A].colour == "blue"', True, WIRES,
                  note="lamp.wires.colour has no per-register accessor"),
            "passed",
        ),
        (secl("compile_cases", {"expr": "a.b > 1", "expected": "parses"}), "passed"),
        (secl("compile_cases", {"expr": "[ 1, 2 ]", "expected": "parses", "as_": "macro"}), "passed"),
        (secl("compile_cases", {"expr": "[ 1, 2 ]", "expected": "parses"}), "failed"),
        (secl("compile_cases", {"expr": "a.b =-= 1", "expected": "syntax error"}), "passed"),
        (secl("compile_cases", {"expr": "lamp.watts > 1", "expected": "ok"}), "passed"),
        (secl("compile_cases", {"expr": "lamp.wattage > 1", "expected": "ok"}), "failed"),
        (secl("compile_cases", {"expr": "x", "expected": "override-demo:True", "portable": False}), "not_applicable"),
        (secl("matcher_cases", {"kind": "glob", "pattern": "/a/**", "value": "/a/b/c", "expected": True}), "passed"),
        (secl("matcher_cases", {"kind": "glob", "pattern": "/a/*", "value": "/a/b/c", "expected": True}), "failed"),
        (secl("matcher_cases", {"kind": "pattern", "pattern": "A*", "value": "ab", "case_insensitive": True, "expected": True}), "passed"),
        (secl("matcher_cases", {"kind": "dns_regexp", "pattern": "A.", "value": "ab", "expected": False}), "passed"),
        (secl("matcher_cases", {"kind": "glob_is_prefix", "pattern": "/a", "value": "/a/b", "expected": True}), "not_applicable"),
        (secl("args_cases", {"args": ["-x"], "args_flags_equals": ["x"]}), "passed"),
        (secl("args_cases", {"args": ["-x", "1"], "args_options_contains": ["x=2"]}), "failed"),
        (secl("stateful_cases", {"rules": [{"id": "r", "expression": 'open.file.path == "/a"'}], "expected": "loads"}), "passed"),
        (secl("stateful_cases", {"rules": [{"id": "r", "expression": "open.file.path == 1"}], "expected": "loads"}), "failed"),
        (secl("stateful_cases", {"rules": [{"id": "r", "expression": "open.file.path == 1"}], "expected": "load error"}), "passed"),
        (secl("stateful_cases", {"rules": [{"id": "r", "expression": 'open.file.path == "/a"'}], "expected": "load error"}), "failed"),
        (secl("stateful_cases", versions("7.38", {"a": True, "b": False})), "passed"),
        (secl("stateful_cases", versions("7.40", {"a": True, "b": False})), "failed"),
        (secl("stateful_cases", remembers([[], ["sets"], ["reads"]], {"process.seen": ["/a"], "n": 1})), "passed"),
        (secl("stateful_cases", remembers([["reads"], ["sets"], ["reads"]], {})), "failed"),
        (secl("stateful_cases", remembers([[], ["sets"], ["reads"]], {"process.seen": ["/b"]})), "failed"),
        (secl("stateful_cases", remembers([[], ["sets"], ["reads"]], {"n": 0})), "failed"),
        (secl("stateful_cases", remembers([[], ["sets"], ["reads"]], {"n": 1}, later={"n": 0})), "passed"),
        (secl("stateful_cases", remembers([[], ["sets"], ["reads"]], {"n": 1}, later={"n": 1})), "failed"),
        (partial('lamp.name == "a" && lamp.watts > 5', "lamp.watts", is_discarder=True), "passed"),
        (partial('lamp.name == "a" && lamp.watts > 5', "lamp.name", is_discarder=True), "failed"),
        (partial('lamp.name == "a" || lamp.watts > 5', "lamp.watts", is_discarder=False), "passed"),
        (marked('lamp.name == "a" && lamp.watts > 5', '<b>lamp.name</b> == <b>"a"</b> && lamp.watts > 5'), "passed"),
        (marked('lamp.name == "b"', '<b>lamp.name</b> == <b>"b"</b>'), "failed"),
        (marked('lamp.name == "a"', 'lamp.name == "a"'), "failed"),
    ],
)  # fmt: skip
def test_a_case_of_secl_gets_its_verdict(
    tmp_path: Path, content: dict[str, Any], status: str
) -> None:
    [(_, found)] = run_file(suite(tmp_path, content)).outcomes
    assert found.status == status, found


def test_a_bound_that_between_does_not_find_is_held_to_the_documentation(tmp_path: Path) -> None:
    cases = [
        {"name": "absent", **fold('between("abc", "x", "c")', expected_value=None)},
        {"name": "null", **fold('between("abc", null, "c")', expected_value=None)},
    ]
    report = run_file(suite(tmp_path, cases)).as_json()
    assert (report["passed"], report["documented_disagreements"]) == (2, ["absent"])


def test_the_command_prints_one_object_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"name": "good", **fold("1 + 1", expected_value=2)}
    bad = {"name": "bad", **fold("1 + 1", expected_value=3)}
    file = suite(tmp_path, [good, bad])
    assert main([file, "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {
            "file": file, "passed": 1, "failed": 1, "unsupported": 0, "not_applicable": 0,
            "failures": ["bad"], "documented_disagreements": [],
        }
    ]  # fmt: skip


def test_the_command_shows_what_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = {"name": "bad", **fold("1 + 1", expected_value=3)}
    file = suite(tmp_path, [bad])
    assert main([file, "--engine", "columnar"]) == 1
    shown = capsys.readouterr().out
    for piece in (f"FAILED {file}: bad", "1 + 1", "expected  3", "got       2"):
        assert piece in shown


def test_nothing_failed_is_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([suite(tmp_path, [{"name": "a", **fold("1", expected_value=1)}])]) == 0
    assert "passed" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "[1]", '"text"'])
def test_what_is_no_suite_is_a_usage_error(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "suite.json").write_text(content)
    assert main([str(tmp_path / "suite.json")]) == 3
    assert "suite.json" in capsys.readouterr().err


def test_a_missing_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["there-is-none.json"]) == 3
    assert "there-is-none.json" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["a.json", "--engine", "steam"], ["a.json", "--what"]])
def test_arguments_that_make_no_sense_are_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code == 3
    assert "usage" in capsys.readouterr().err
