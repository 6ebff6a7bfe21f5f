from __future__ import annotations

import pytest

from tocsin.catalogue.indicators import (
    Indicator,
    indicators_in,
    indicators_of,
    scripts_in,
    values_of,
)
from tocsin.catalogue.stages import stages_of
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    Matcher,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
)
from tocsin.logic.query import Filter
from tocsin.logic.value import Const


def one(expr: Expr, language: str = "eql") -> Indicator:
    (found,) = indicators_in(expr, language)
    return found


def leaf(matcher: Matcher, operator: str = "==", field: str = "process.name") -> Leaf:
    return Leaf(field, matcher, operator=operator)


@pytest.mark.parametrize(
    "expr, polarity",
    [
        (leaf(Equals(("a",))), "match"),
        (Not(leaf(Equals(("a",)))), "exclude"),
        (Not(Not(leaf(Equals(("a",))))), "match"),
        (Not(Or((leaf(Equals(("a",))),))), "exclude"),
        (Not(And((Not(leaf(Equals(("a",)))),))), "match"),
        (Not(leaf(Equals(("a",)), "!=")), "exclude"),
        (Nested("x", Not(leaf(Equals(("a",))))), "exclude"),
    ],
)
def test_polarity_is_the_parity_of_the_negations_above(expr: Expr, polarity: str) -> None:
    assert one(expr).polarity == polarity


@pytest.mark.parametrize(
    "language, operator, matcher, literal, kind",
    [
        ("eql", ":", Equals(("cmd.exe",), fold_case=True), "wildcard", "eq"),
        ("eql", ":", Wildcard(("cmd*",), fold_case=True), "wildcard", "starts"),
        ("eql", "like~", Wildcard(("*cmd*",), fold_case=True), "wildcard", "contains"),
        ("eql", "==", Equals(("cmd.exe",)), "eq", "eq"),
        ("eql", "in~", Equals(("cmd.exe",), fold_case=True), "in", "eq"),
        ("eql", "not in", Equals(("cmd.exe",)), "in", "eq"),
        ("eql", "regex~", Regex(("cmd.*",), fold_case=True), "regex", "regex"),
        ("eql", "!=", Exists(), "exists", "exists"),
        ("eql", ">", Range(low=1), "range", "range"),
        ("eql", "cidrMatch", InNetwork(("10.0.0.0/8",)), "cidr", "cidr"),
        ("eql", "cidrMatch", InNetwork(("10.0.0.1/32",)), "cidr", "eq"),
        ("kuery", ":", Equals(("cmd.exe",)), "eq", "eq"),
        ("kuery", ":", Wildcard(("cmd*",)), "wildcard", "starts"),
        ("kuery", ":", Words(("a", "b"), text="A b"), "wildcard", "contains"),
        ("kuery", ":", Exists(), "exists", "exists"),
        ("secl", "in", PathGlob(("/tmp/**",)), "in", "starts"),
        ("secl", "==", Equals(("curl",)), "eq", "eq"),
        ("secl", "=~", PathGlob(("/etc/*/x",)), "wildcard", "wildcard"),
    ],
)
def test_the_literal_kind_is_the_operators_and_the_kind_is_what_it_means(
    language: str, operator: str, matcher: Matcher, literal: str, kind: str
) -> None:
    found = one(leaf(matcher, operator, "destination.ip"), language)
    assert (found.literal_kind, found.kind) == (literal, kind)


@pytest.mark.parametrize(
    "matcher, expected",
    [
        (Wildcard(("*PowerShell*",), fold_case=True), ("*PowerShell*", "contains", "powershell")),
        (Wildcard(("*PowerShell*",)), ("*PowerShell*", "contains", "PowerShell")),
        (Wildcard(("a\\*b",)), ("a*b", "eq", "a*b")),
        (Wildcard(("a?",)), ("a?", "wildcard", "a?")),
        (Wildcard(("*",)), ("*", "exists", "*")),
        (Wildcard(("",)), ("", "eq", "")),
        (Wildcard(("*.exe",)), ("*.exe", "ends", ".exe")),
        (Regex(("a.*",), texts=("A.*",)), ("A.*", "regex", "A.*")),
        (Range(low=5, high=9, high_included=False), (">= 5 and < 9", "range", ">= 5 and < 9")),
        (InNetwork(("169.254.169.254",)), ("169.254.169.254", "eq", "169.254.169.254")),
        (InNetwork(("nonsense",)), ("nonsense", "cidr", "nonsense")),
        (Words(("foo", "bar"), text="Foo bar"), ("Foo bar", "contains", "foo bar")),
        (PathGlob(("/usr/bin/curl",)), ("/usr/bin/curl", "eq", "/usr/bin/curl")),
        (PathGlob(("**/x/*",)), ("**/x/*", "wildcard", "**/x/*")),
    ],
)
def test_values(matcher: Matcher, expected: tuple[str, str, str]) -> None:
    assert values_of(leaf(matcher)) == [expected]


@pytest.mark.parametrize(
    "field, glob, key",
    [
        ("process.executable", "*\\\\cmd.exe", ("process.name", "eq", "cmd.exe")),
        ("process.executable", "*/curl", ("process.name", "eq", "curl")),
        ("process.parent.executable", "*/sshd", ("process.parent.name", "eq", "sshd")),
        ("file.path", "*/.aws/credentials", ("file.path", "ends", "/.aws/credentials")),
        ("process.executable", "*curl", ("process.executable", "ends", "curl")),
        ("process.executable", "/usr/bin/curl", ("process.executable", "eq", "/usr/bin/curl")),
        ("process.executable", "*/", ("process.executable", "ends", "/")),
        ("url.path", "*/token", ("url.path", "ends", "/token")),
    ],
)
def test_the_end_of_a_path_that_is_a_whole_name_is_folded_to_the_name(
    field: str, glob: str, key: tuple[str, str, str]
) -> None:
    found = one(leaf(Wildcard((glob,), fold_case=True), ":", field))
    assert found.key == key
    assert found.field == field


def test_vendors_that_look_for_the_same_program_have_one_key() -> None:
    eql = one(leaf(Wildcard(("*\\\\Curl.exe",), fold_case=True), ":", "process.executable"))
    kql = one(leaf(Equals(("curl.exe",)), ":", "process.name"), "kuery")
    secl = one(Leaf("whatever", Equals(("curl.exe",)), spelled="exec.comm"), "secl")
    assert eql.key == kql.key == secl.key == ("process.name", "eq", "curl.exe")
    assert len({eql.literal_key, kql.literal_key, secl.literal_key}) == 3


def test_the_mark_of_an_optional_field_is_not_part_of_its_name() -> None:
    found = one(Leaf("process.name", Equals(("a",)), spelled="?process.name"))
    assert (found.field, found.canonical_field) == ("process.name", "process.name")


def test_fields_inside_a_nested_object_have_their_whole_name() -> None:
    inner = And((leaf(Equals(("a",)), field="b"), leaf(Equals(("c",)), field="^.d")))
    assert [f.field for f in indicators_in(Nested("x.y", inner), "kuery")] == ["x.y.b", "d"]


def test_a_value_said_twice_is_one_indicator_and_one_said_and_denied_is_two() -> None:
    said = leaf(Equals(("a", "a")))
    stages = stages_of(Filter(And((said, said, Not(said)))))
    assert [f.polarity for f in indicators_of(stages, "eql")] == ["match", "exclude"]


def test_leaves_are_numbered_in_the_order_of_the_text() -> None:
    tree = And((leaf(Equals(("a", "b"))), Not(leaf(Equals(("c",))))))
    assert [(f.value, f.leaf) for f in indicators_in(tree, "eql")] == [
        ("a", 0), ("b", 0), ("c", 1),
    ]  # fmt: skip


def test_scripts_are_listed_and_yield_no_indicator() -> None:
    script = Script(Const(value=True), "length(x) > 3")
    tree = And((script, Not(script), Always(value=True)))
    assert list(indicators_in(tree, "eql")) == []
    assert scripts_in(tree) == (script, script)


def test_a_sigma_field_counts_as_the_one_that_is_read() -> None:
    leaf = Leaf(
        "process.executable", Wildcard(("*\\\\adfind.exe",), fold_case=True), spelled="Image"
    )
    (found,) = indicators_in(leaf, "sigma")
    assert (found.field, found.canonical_field) == ("Image", "process.name")  # all of a last part
