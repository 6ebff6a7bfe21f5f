"""Variables in SECL: what they read as, and what actions make of expressions."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.reference import holds
from tocsin.errors import QuerySemanticError
from tocsin.events.schema.secl import SECL_FIELDS
from tocsin.languages.secl import Compiler, FieldKind, Fields
from tocsin.logic.agent_rule import VARIABLES, Variable
from tocsin.logic.expr import Leaf, Nested, Not, Script
from tocsin.logic.functions import evaluate
from tocsin.logic.matchers import Equals
from tocsin.logic.value import Call, Const, Field

TABLE = Fields(
    {
        "bell.name": FieldKind(),
        "bell.path": FieldKind(glob=True),
        "bell.weight": FieldKind("int"),
        "bell.address": FieldKind("ip"),
        "bell.tones": FieldKind(array=True),
        "bell.tags": FieldKind(array=True),
        "ropes.colour": FieldKind(array=True, iterator="ropes"),
        "ropes.metres": FieldKind("int", array=True, iterator="ropes"),
    },
    prefix="",
    rule_tags="bell.tags",
)
KNOWN: dict[str, Variable | str] = {
    variable.name: variable
    for variable in (
        Variable("ringer"),
        Variable("count", "int"),
        Variable("rung", "bool"),
        Variable("process.key", scope="process", inherited=True),
        Variable("cgroup.names", scope="cgroup", array=True),
        Variable("cgroup.numbers", "int", "cgroup", array=True),
        Variable("from", "ip", array=True),
        Variable("since", "int"),
    )
}
KNOWN["late"] = "the rule evening would set it, but it is disabled"
COMPILER = Compiler({"RINGS": "${rung}"}, TABLE, KNOWN)


def says(text: str, known: dict[str, Any] | None = None, **event: Any) -> bool:
    document = {key.replace("__", "."): value for key, value in event.items()}
    return holds(COMPILER.rule(text).where, {"now": 0, **document, VARIABLES: known or {}})


@pytest.mark.parametrize(
    "text, known, expected",
    [
        ('${ringer} == "ann"', {"ringer": "ann"}, True),
        ('${ringer} == ""', {}, True),
        ("${count} + 1 == 1 && !${rung} && RINGS == false", {}, True),
        ("${count} + ${count} + 1 >= 7", {"count": 3}, True),
        ("${count} & 2 > 0", {"count": 3}, True),
        ('${process.key} in ["", ~"cgroup_*"]', {}, True),
        ('${process.key} in ["", ~"cgroup_*"]', {"process.key": "cgroup_7"}, True),
        ('${process.key} in ["", ~"cgroup_*"]', {"process.key": "auid_7"}, False),
        ('${process.key} =~ "auid_*" && ${process.key} != bell.name', {"process.key": "auid_7"}, True),
        ('${process.key} == r"^a.id"', {"process.key": "auid_7"}, True),
        ("bell.name not in ${cgroup.names}", {}, True),
        ("bell.name not in ${cgroup.names}", {"cgroup.names": ["bob", "ann"]}, False),
        ('"bob" in ${cgroup.names} && "eve" not in ${cgroup.names}', {"cgroup.names": ["bob"]}, True),
        ('~"b*" in ${cgroup.names} && ${cgroup.names} == ~"b*"', {"cgroup.names": ["bob"]}, True),
        ('${cgroup.names} in ["eve", ~"b*"]', {"cgroup.names": ["bob"]}, True),
        ("bell.tones in ${cgroup.names}", {"cgroup.names": ["c"]}, True),
        ("7 in ${cgroup.numbers} && bell.weight in ${cgroup.numbers}", {"cgroup.numbers": [7, 9]}, True),
        ("${cgroup.numbers} > 8 && ${cgroup.numbers} != 8", {"cgroup.numbers": [7, 9]}, True),
        ("ropes.metres in ${cgroup.numbers}", {"cgroup.numbers": [5]}, True),
        ("ropes.metres in ${cgroup.numbers}", {"cgroup.numbers": [0]}, True),
        ("${from} == 10.0.0.0/8 && ${from} in [10.0.0.0/24, ::1]", {"from": ["10.0.0.9"]}, True),
        ("bell.address in ${from}", {"from": ["10.0.0.1", "10.2.0.1"]}, True),
        ("bell.address not in ${from}", {"from": ["10.2.0.0/16"]}, True),
        ("${since} < 5s", {"since": -3 * 10**9}, True),
        ("${since} > 5s", {"since": -3 * 10**9}, False),
        ('bell.path == "/proc/${count}/mem"', {"count": 12}, True),
        ('"${ringer}:${count}" == "ann:3"', {"ringer": "ann", "count": 3}, True),
        ('"${ringer" == bell.name', {}, False),
        ("${ringer.length} == 4", {"ringer": "Zoë"}, True),
        ("${cgroup.names.length} == 2", {"cgroup.names": ["bob", "ann"]}, True),
        ("${cgroup.numbers.length} == 0 && ${from.length} < 1", {}, True),
        ('"${cgroup.names}/${cgroup.numbers}" == "bob,ann/7"',
         {"cgroup.names": ["bob", "ann"], "cgroup.numbers": [7]}, True),
    ],
)  # fmt: skip
def test_a_variable_reads_as_what_it_is_worth(
    text: str, known: dict[str, Any], expected: bool
) -> None:
    event = {
        "bell__name": "ann", "bell__weight": 7, "bell__tones": ["c"], "bell__address": "10.0.0.1",
        "bell__path": "/proc/12/mem", "ropes": [{"metres": 5}, {"colour": "red"}],
    }  # fmt: skip
    assert says(text, known, **event) is expected


def test_a_variable_against_constants_is_a_leaf() -> None:
    leaf = Leaf(
        "secl_variables.process.key", Equals(("x",)), "keyword", "", spelled="${process.key}"
    )
    assert COMPILER.rule('${process.key} == "x"').where == leaf
    numbers = COMPILER.rule("5 in ${cgroup.numbers}").where
    assert numbers == Leaf(
        "secl_variables.cgroup.numbers", Equals((5,)), "long",
        operator="in", spelled="${cgroup.numbers}",
    )  # fmt: skip


def test_inside_an_iterator_a_variable_is_of_the_whole_event() -> None:
    where = COMPILER.rule("ropes[A].colour == ${ringer} && ropes[A].metres > ${count}").where
    assert isinstance(where, Nested)
    assert "^.secl_variables.ringer" in repr(where)
    ropes = [{"colour": "red", "metres": 1}, {"colour": "blue", "metres": 9}]
    assert holds(where, {"ropes": ropes, VARIABLES: {"ringer": "blue", "count": 5}})
    assert not holds(where, {"ropes": ropes, VARIABLES: {"ringer": "red", "count": 5}})


def test_an_expression_says_which_variables_it_reads() -> None:
    found = COMPILER.rule('RINGS && "${ringer}" != "" && ${process.key} == "x"')
    assert [v.name for v in found.variables] == ["rung", "ringer", "process.key"]


@pytest.mark.parametrize(
    "text, message, hint",
    [
        ("${rnger} == \"a\"", "no rule sets the variable ${rnger}", "did you mean ringer?"),
        ("${process.kez.length} == 1", "no rule sets the variable ${process.kez.length}",
         "did you mean process.key?"),
        ("${bell.name} == \"a\"", "no rule sets the variable ${bell.name}",
         "a field is written %{bell.name}"),
        ("${late} == 1", "no rule sets the variable ${late}",
         "the rule evening would set it, but it is disabled"),
        ("${late.length} == 1", "no rule sets the variable ${late.length}",
         "the rule evening would set it, but it is disabled"),
        ('"x${nobody}y" == bell.name', "no rule sets the variable ${nobody}", ""),
        ('"${rung}" == bell.name', "a text cannot hold ${rung}, which is of type bool", ""),
        ("${count.length} == 1", "${count} has no length", ""),
        ("${rung.length} == 1", "${rung} has no length", ""),
        ("bell.name in ${ringer}", "expected an array behind 'in', found ${ringer} (string)", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_variable(text: str, message: str, hint: str) -> None:
    with pytest.raises(QuerySemanticError) as caught:
        COMPILER.rule(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.span is not None


def test_a_mistake_in_a_text_is_shown_where_it_stands() -> None:
    with pytest.raises(QuerySemanticError) as caught:
        COMPILER.rule('"of ${nobody}" == bell.name')
    assert caught.value.span is not None
    assert caught.value.span.text == "${nobody}"


def test_every_evaluation_has_a_unique_text() -> None:
    found = COMPILER.rule('"key_${builtins.uuid4}" != bell.name')
    assert "secl_variables.builtins.uuid4" in repr(found.where)


# --- the tags of the rule ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ('"policy:a" in bell.tags', True),
        ('bell.tags in ["x", ~"policy:*"]', True),
        ('bell.tags == "policy:a" && bell.tags != "policy:b"', True),
        ('bell.tags =~ "tactic*"', False),
        ("bell.name in bell.tags", True),
        ("bell.name not in bell.tags", False),
    ],
)
def test_a_rule_reads_its_own_tags(text: str, expected: bool) -> None:
    where = COMPILER.rule(text, tags=["policy:a", "ann"]).where
    assert holds(where, {"bell": {"name": "ann"}}) is expected
    assert holds(COMPILER.rule('"x" in bell.tags || bell.tags == "y"').where, {}) is False


# --- actions -------------------------------------------------------------------------------------

AGENT = Compiler({}, SECL_FIELDS, KNOWN)


def test_the_filter_of_an_action_says_nothing_of_the_event() -> None:
    found = AGENT.condition('process.pid != 0 && ${ringer} == ""', ["exec"])
    assert "evt.name" not in repr(found.where)
    assert (found.events, [v.name for v in found.variables]) == ((), ["ringer"])
    assert AGENT.condition('exec.comm == "a"', ["exec"]).events == ("exec",)
    assert isinstance(AGENT.condition("process.ancestors[A].pid > 1", ["exec"]).where, Nested)


@pytest.mark.parametrize(
    "text, events",
    [
        ('open.file.path == "/a"', ["exec"]),
        ('open.file.path == "/a"', ["open", "chmod"]),
        ("network.size > 1", ["exec"]),
        ('fim.write.file.path == "/a"', ["open"]),
        ("process.pid", ["exec"]),
    ],
)
def test_the_filter_of_an_action_has_to_fit_its_rule(text: str, events: list[str]) -> None:
    with pytest.raises(QuerySemanticError):
        AGENT.condition(text, events)


@pytest.mark.parametrize(
    "text, kind, array, value",
    [
        ('"first"', "string", False, Const("first")),
        ("7 + 1", "int", False, Const(8)),
        ("true", "bool", False, Const(value=True)),
        ("10.0.0.1", "ip", False, Const("10.0.0.1")),
        ("process.pid", "int", False, Field("secl.process.pid", "long", 0, "process.pid")),
        ("exec.comm", "string", False, Field("secl.exec.comm", "keyword", "", "exec.comm")),
        ("exec.argv", "string", True, Field("secl.exec.argv", "keyword", None, "exec.argv")),
        ("${cgroup.numbers}", "int", True,
         Field("secl_variables.cgroup.numbers", "long", None, "${cgroup.numbers}")),
        ("process.ancestors.pid", "int", True,
         Field("secl.process.ancestors.pid", "long", None, "process.ancestors.pid")),
        ("connect.addr.ip", "ip", False,
         Field("secl.connect.addr.ip", "keyword", "", "connect.addr.ip")),
    ],
)  # fmt: skip
def test_what_an_action_sets(text: str, kind: str, array: bool, value: Any) -> None:
    events = ["connect"] if "connect" in text else ["exec"]
    found = AGENT.value(text, events)
    assert (found.type, found.array, found.value, found.condition) == (kind, array, value, None)


def test_an_action_may_calculate_and_put_texts_together() -> None:
    counted = AGENT.value("${count} + ${count} + 1", ["exec"])
    assert counted.value is not None
    assert evaluate(counted.value, lambda field: 123) == 247
    text = AGENT.value('"${ringer}:${ringer}"', ["exec"])
    assert isinstance(text.value, Call)
    assert evaluate(text.value, lambda field: "foo") == "foo:foo"
    assert [v.name for v in text.variables] == ["ringer"]


def test_an_action_may_set_a_bool_to_a_condition() -> None:
    found = AGENT.value("${from} == 192.0.2.1/32 && !${rung}", ["exec"])
    assert (found.type, found.value) == ("bool", None)
    assert found.condition is not None
    assert holds(found.condition, {VARIABLES: {"from": ["192.0.2.1"]}})
    assert not isinstance(found.condition, (Not, Script))


@pytest.mark.parametrize(
    "text, events",
    [
        ("open.file.path", ["exec"]),
        ("open.file.path", ["open", "rename"]),
        ("process.ancestors[A].pid", ["exec"]),
        ('~"a*"', ["exec"]),
        ('r"a"', ["exec"]),
        ("exec.nothing", ["exec"]),
        ("${nobody}", ["exec"]),
    ],
)
def test_what_no_action_can_set(text: str, events: list[str]) -> None:
    with pytest.raises(QuerySemanticError):
        AGENT.value(text, events)


def test_a_list_is_no_value() -> None:
    listed = Compiler({"NAMES": '["a"]'}, SECL_FIELDS)
    with pytest.raises(QuerySemanticError, match="no value that can be set"):
        listed.value("NAMES", ["exec"])
