"""Datadog's policies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.engine.reference import holds
from tocsin.logic.agent_rule import AgentRule, Response, SetVariable, Variable
from tocsin.logic.expr import Not, Script
from tocsin.logic.query import Filter
from tocsin.logic.value import Call, Const, Field
from tocsin.rules.environment import Environment
from tocsin.rules.formats import datadog_policy
from tocsin.rules.formats._datadog import threats_of
from tocsin.rules.formats._datadog_host import version_accepted
from tocsin.rules.formats._datadog_variables import duration_of
from tocsin.rules.load import load_rules
from tocsin.rules.model import Loaded, Problem, Rule

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
  - id: broken
    expression: exec.comm ==
  - id: remembers
    expression: exec.comm == "bell" && ${process.rung}
"""


def load(*texts: str, agent: tuple[int, int, int] | None = Environment().agent_version) -> Loaded:
    files = [(PATH, texts[0])] if len(texts) == 1 else []
    files = files or [(Path(f"{n}.policy"), text) for n, text in enumerate(texts)]
    return datadog_policy.load(files, Environment(agent_version=agent))


def rules(text: str) -> str:
    """A policy whose rules are these lines."""
    return "rules:\n" + text


def kinds(loaded: Loaded) -> list[tuple[str, str]]:
    return [(p.rule_id, p.kind) for p in loaded.problems]


def acting(*actions: str, more: str = "") -> Loaded:
    """A rule over execs with these actions."""
    listed = ", ".join(f"{{{action}}}" for action in actions)
    return load(rules(f'  - {{id: a, expression: exec.comm == "a", actions: [{listed}]{more}}}'))


def agent_rule(loaded: Loaded, rule_id: str = "a") -> AgentRule:
    [query] = [rule.query for rule in loaded.rules if rule.id == rule_id]
    assert isinstance(query, AgentRule), loaded.problems
    return query


def only(loaded: Loaded) -> Problem:
    [problem] = loaded.problems
    return problem


# --- rules ---------------------------------------------------------------------------------------


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
    assert (rule.path, rule.line, rule.silent) == ("tower.policy", 19, False)
    assert rule.tags[0] == "policy:threat-detection"
    (threat,) = rule.threat
    assert threat.tactic is not None
    assert (threat.tactic.id, threat.tactic.name) == ("TA0006", "Credential Access")
    ((technique, subs),) = threat.techniques
    assert (technique.id, [s.id for s in subs]) == ("T1552", ["T1552.005"])
    ring = {"comm": "ringer", "tty_name": "pts0"}
    assert isinstance(rule.query, Filter)
    assert holds(rule.query.expr, {"secl": {"evt": {"name": "exec"}, "exec": ring}})


def test_what_is_broken_costs_itself_alone_and_is_shown_where_it_stands() -> None:
    loaded = load(TOWER)
    broken, remembers = loaded.problems
    assert (broken.rule_id, broken.kind, broken.rule_kind) == ("broken", "syntax", "secl")
    assert broken.message == (
        "tower.policy:28:13: expected a value, found the end of the query\n"
        "    28 | exec.comm ==\n"
        "       |             ^"
    )
    assert (remembers.rule_id, remembers.kind) == ("remembers", "semantic")
    assert "tower.policy:30:24: no rule sets the variable ${process.rung}" in remembers.message


@pytest.mark.parametrize(
    "more, kind",
    [
        ("agent_version: '< 7.71'", "not_applicable"),
        ("filters: [os == \"windows\"]", "not_applicable"),
        ("filters: [kernel.version.major < 5 && os == \"linux\"]", "not_applicable"),
        ("disabled: true", "not_applicable"),
        ("agent_version: soon", "invalid"),
        ("filters: [os === 1]", "invalid"),
        ("filters: [exec.comm == \"a\"]", "invalid"),
        ("every: soon", "invalid"),
        ("every: -5", "invalid"),
        ("every: [1]", "invalid"),
        ("{every: 1s, limiter_token: [exec.comm, exec.com]}", "semantic"),
        ("{every: 1s, limiter_token: [open.file.path]}", "semantic"),
        ("{every: 1s, limiter_token: ['\"x\"']}", "invalid"),
    ],
)  # fmt: skip
def test_a_rule_that_has_no_part_here(more: str, kind: str) -> None:
    more = more.strip("{}") if more.startswith("{") else more
    loaded = load(rules(f'  - {{id: a, expression: exec.comm == "a", {more}}}\n'))
    assert kinds(loaded) == [("a", kind)]
    assert loaded.rules == ()


@pytest.mark.parametrize(
    "more",
    [
        "agent_version: '>= 7.30, < 8, != 7.38'",
        "filters: [os == \"windows\", os == \"linux\"]",
        "filters: [kernel.version.major >= 5 && kernel.version.minor > 2]",
        "disabled: false",
        "every: 0",
        "actions: []",
    ],
)  # fmt: skip
def test_a_rule_that_has(more: str) -> None:
    loaded = load(rules(f'  - id: a\n    expression: exec.comm == "a"\n    {more}\n'))
    assert (len(loaded.rules), loaded.problems) == (1, ())
    assert isinstance(loaded.rules[0].query, Filter)


def test_a_rule_of_another_system_says_so() -> None:
    loaded = load(rules('  - {id: a, expression: exec.comm == "a", filters: [os == "windows"]}\n'))
    assert only(loaded).message == (
        'tower.policy:2: its filter rules this host out: os == "windows" '
        "(Tocsin reads the Agent's events of Linux)"
    )


def test_a_silent_rule_loads_and_stays_silent() -> None:
    loaded = load(rules('  - {id: a, expression: exec.comm == "a", silent: true}\n'))
    assert [(rule.id, rule.silent) for rule in loaded.rules] == [("a", True)]


@pytest.mark.parametrize(
    "expression, field",
    [
        ('packet.filter == "tcp" && process.file.path != "/a"', "packet.filter"),
        ('exec.comm != "a" && cgroup.file.inode != 0', "cgroup.file.inode"),
    ],
)
def test_a_rule_over_what_no_event_holds_loads_and_is_told_of(expression: str, field: str) -> None:
    loaded = load(rules(f"  - id: a\n    expression: {expression}\n"))
    assert len(loaded.rules) == 1
    assert only(loaded).kind == "no_source"
    assert only(loaded).message == (
        f"tower.policy:3: no event that Tocsin reads has {field}: the rule cannot fire"
    )


def test_a_rule_that_may_fire_without_such_a_field_is_not() -> None:
    expression = 'exec.comm != "a" && (cgroup.file.inode == 0 || exec.pid > 1)'
    assert load(rules(f"  - id: a\n    expression: {expression}\n")).problems == ()


def test_the_tags_of_a_rule_are_its_own() -> None:
    loaded = load(
        rules(
            """\
  - {id: a, expression: '"x:1" in event.rule.tags && exec.pid > 0', product_tags: ["x:1"]}
  - {id: b, expression: '"x:1" in event.rule.tags && exec.pid > 0'}
"""
        )
    )
    event = {"secl": {"evt": {"name": "exec"}, "exec": {"pid": 7}}}
    queries = [rule.query for rule in loaded.rules]
    assert [holds(q.expr, event) for q in queries if isinstance(q, Filter)] == [True, False]


# --- several definitions -------------------------------------------------------------------------


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
    assert kinds(loaded) == [("a", "warning"), ("b", "not_applicable")]
    assert loaded.problems[0].message == "tower.policy:3: the rule a is in tower.policy:2 already"


RULE = '- {{id: a, expression: exec.comm == "{}", {}}}'


@pytest.mark.parametrize(
    "first, second, loads",
    [
        # A later one that is not disabled switches on; it changes nothing else.
        ("disabled: true", "disabled: false", True),
        ("disabled: true", "version: 2", True),
        ("disabled: true", "combine: override", True),
        ("disabled: true", "disabled: true", False),
        # Only a custom policy switches off, and only a rule of the default one.
        ("version: 1", "disabled: true", False),
        ("version: 1", "{combine: override, disabled: true}", False),
    ],
)
def test_a_custom_policy_switches_rules_of_the_default_one(
    first: str, second: str, loads: bool
) -> None:
    second = second.strip("{}")
    default = "type: policy\nrules:\n" + RULE.format("one", first)
    loaded = load(default, rules(RULE.format("two", second)))
    assert [r.id for r in loaded.rules] == (["a"] if loads else [])
    if loads:
        assert loaded.rules[0].text[-5:] == ('"two"' if "combine" in second else '"one"')


def test_within_a_policy_nothing_is_switched_off() -> None:
    text = "\n".join([RULE.format("one", "version: 1"), RULE.format("two", "disabled: true")])
    assert [r.id for r in load(rules(text)).rules] == ["a"]


def test_the_default_policy_comes_first_whatever_its_place() -> None:
    custom = rules(RULE.format("two", "version: 1"))
    default = "type: policy\nrules:\n" + RULE.format("one", "version: 1")
    loaded = load(custom, default)
    assert [(r.path, r.text[-5:]) for r in loaded.rules] == [("1.policy", '"one"')]
    assert (only(loaded).path, only(loaded).kind) == ("0.policy", "warning")
    named = datadog_policy.load(
        [(Path("x/own.policy"), custom), (Path("x/default.policy"), custom)], Environment()
    )
    assert [r.path for r in named.rules] == ["x/default.policy"]


BASE = """\
rules:
  - id: a
    version: 1.0
    description: the first
    expression: exec.comm == "one"
    tags: {colour: red, execution_context: 'True'}
    product_tags: ["x:1"]
    every: 1s
    actions: [{hash: {}}, {kill: {signal: SIGKILL}}]
"""


def overriding(fields: str) -> Rule:
    override = f"""\
rules:
  - id: a
    combine: override
    override_options: {{fields: [{fields}]}}
    version: 2.0
    description: the second
    expression: exec.comm == "two"
    tags: {{shape: round}}
    product_tags: ["x:2"]
    every: 2s
    silent: true
    actions: [{{kill: {{signal: SIGKILL}}}}, {{log: {{level: info}}}}]
"""
    loaded = load(BASE, override)
    assert loaded.problems == ()
    (rule,) = loaded.rules
    return rule


@pytest.mark.parametrize(
    "fields, changed",
    [
        ("", {"text": 'exec.comm == "two"', "path": "1.policy"}),
        ("expression", {"text": 'exec.comm == "two"', "path": "1.policy"}),
        ("actions", {"actions": ["hash", "kill", "log"]}),
        ("every", {"every": 2 * 10**9}),
        ("tags", {}),
        ("product_tags", {"tags": ("x:2",)}),
        ("every, product_tags", {"every": 2 * 10**9, "tags": ("x:2",)}),
        ("nothing_known", {}),
        ("all", {
            "text": 'exec.comm == "two"', "path": "1.policy", "actions": ["kill", "log"],
            "every": 2 * 10**9, "tags": ("x:2",), "name": "the second", "version": "2.0",
            "silent": True, "rank": (1, 1, 0),
        }),
    ],
)  # fmt: skip
def test_an_override_replaces_what_it_names(fields: str, changed: dict[str, Any]) -> None:
    rule = overriding(fields)
    query = rule.query
    assert isinstance(query, AgentRule)
    before = {
        "text": 'exec.comm == "one"', "path": "0.policy", "actions": ["hash", "kill"],
        "every": 10**9, "tags": ("x:1",), "name": "the first", "version": "1.0", "silent": False,
        "rank": (0, 1, 0),
    }  # fmt: skip
    found = {
        "text": rule.text, "path": rule.path, "tags": rule.tags, "name": rule.name,
        "version": rule.version, "silent": rule.silent, "every": query.every, "rank": query.rank,
        "actions": [a.action for a in query.actions if isinstance(a, Response)],
    }  # fmt: skip
    assert found == before | changed


def test_a_mistake_in_an_override_is_shown_in_its_file() -> None:
    loaded = load(BASE, "rules:\n- {id: a, combine: override, expression: exec.comm ==}\n")
    assert (only(loaded).path, only(loaded).kind) == ("1.policy", "syntax")
    assert only(loaded).message.startswith("1.policy:2:")


def test_macros_are_merged_and_overridden_across_files() -> None:
    first = """\
macros:
  - {id: M, values: [a]}
  - {id: N, values: [a]}
  - {id: P, values: [a]}
  - {id: Q, expression: '["a"]'}
rules:
  - {id: m, expression: exec.comm in M}
  - {id: n, expression: exec.comm in N}
  - {id: p, expression: exec.comm in P}
  - {id: q, expression: exec.comm in Q}
"""
    second = """\
macros:
  - {id: M, values: [b], combine: merge}
  - {id: N, values: [b], combine: override}
  - {id: P, values: [b]}
  - {id: Q, values: [b], combine: merge}
"""
    loaded = load(first, second)
    found = [rule.query.expr.terms[1].matcher.values for rule in loaded.rules]  # type: ignore[union-attr]
    assert found == [("a", "b"), ("b",), ("a",), ("a",)]
    assert [(p.rule_id, p.kind, p.path) for p in loaded.problems] == [
        ("P", "warning", "1.policy"), ("Q", "invalid", "1.policy"),
    ]  # fmt: skip


def test_a_policy_replaces_the_one_that_it_names() -> None:
    own = 'replace_policy_id: 0.policy\nrules: [{id: b, expression: exec.comm == "two"}]'
    loaded = load("type: policy\n" + BASE, own)
    assert [r.id for r in loaded.rules] == ["b"]
    assert only(loaded).message == "0.policy:3: the policy 1.policy replaces this one"


def test_rules_for_any_agent_stand_side_by_side() -> None:
    text = """\
  - {id: a, expression: exec.comm == "a", agent_version: < 7.71}
  - {id: a_v2, expression: exec.comm == "a", agent_version: ">= 7.71"}
  - {id: b, expression: exec.comm == "old", agent_version: < 7.71}
  - {id: b, expression: exec.comm == "new", agent_version: ">= 7.71"}
  - {id: c, expression: exec.comm == "a", filters: [kernel.version.major == 5 && os == "linux"]}
  - {id: d, expression: exec.comm == "a", filters: [os == "windows" && kernel.version.major == 6]}
  - {id: e, expression: exec.comm == "a", filters: [os.is_debian || kernel.version.major >= 5]}
  - {id: f, expression: exec.comm == "a", agent_version: soon}
"""
    loaded = load(rules(text), agent=None)
    assert [(r.id, r.text[-5:]) for r in loaded.rules] == [
        ("a", '= "a"'), ("a_v2", '= "a"'), ("b", '"new"'), ("c", '= "a"'), ("e", '= "a"'),
    ]  # fmt: skip
    assert sorted(kinds(loaded)) == [("b", "warning"), ("d", "not_applicable"), ("f", "invalid")]
    old = load(rules(text), agent=(7, 60, 0))
    assert [(r.id, r.text[-5:]) for r in old.rules] == [
        ("a", '= "a"'),
        ("b", '"old"'),
        ("e", '= "a"'),
    ]


# --- variables and actions -----------------------------------------------------------------------

COUNT = Variable("count", "int", default=0)


@pytest.mark.parametrize(
    "body, variable, value",
    [
        ("name: x, value: true", Variable("x", "bool"), Const(value=True)),
        ("name: x, value: 7", Variable("x", "int"), Const(7)),
        ("name: x, value: ''", Variable("x"), Const("")),
        ("name: x, value: a, default_value: b", Variable("x", default="b"), Const("a")),
        ("name: x, value: a, append: true, default_value: b",
         Variable("x", array=True, default=("b",)), Const("a")),
        ("name: x, value: a, scope: process, default_value: b",
         Variable("process.x", scope="process"), Const("a")),
        ("name: x, field: exec.comm, scope: container, ttl: 10m, private: true",
         Variable("container.x", scope="container", ttl=600 * 10**9, private=True),
         Field("secl.exec.comm", "keyword", "", "exec.comm")),
        ("name: x, field: process.pid, append: true, size: 3, ttl: 5",
         Variable("x", "int", array=True, size=3, ttl=5),
         Field("secl.process.pid", "long", 0, "process.pid")),
        ("name: x, field: exec.argv, append: true", Variable("x", array=True),
         Field("secl.exec.argv", "keyword", None, "exec.argv")),
        ("name: x, field: 'exec.argv[1]'", Variable("x"),
         Field("secl.exec.argv[1]", "keyword", "", "exec.argv[1]")),
        ("name: x, field: process.is_thread", Variable("x", "bool"),
         Field("secl.process.is_thread", "boolean", missing=False, spelled="process.is_thread")),
        # Addresses are always kept as an array.
        ("name: x, field: process.user_session.ssh_client_ip", Variable("x", "ip", array=True),
         Field("secl.process.user_session.ssh_client_ip", "keyword", "",
               "process.user_session.ssh_client_ip")),
        ("name: x, field: process.name, default_value: ''", Variable("x", default=""),
         Field("secl.process.comm", "keyword", "", "process.name")),
        ("name: x, expression: 1 + 2, default_value: 0", Variable("x", "int", default=0), Const(3)),
        ("name: x, expression: '\"a\"', default_value: [z], append: true",
         Variable("x", array=True, default=("z",)), Const("a")),
        ("name: x, expression: exec.argv, default_value: [z]",
         Variable("x", array=True, default=("z",)),
         Field("secl.exec.argv", "keyword", None, "exec.argv")),
        ("name: x, expression: '\"k_${builtins.uuid4}\"', default_value: '', scope: process, inherited: true",
         Variable("process.x", scope="process", inherited=True),
         Call("concat", (Const("k_"),
                         Field("secl_variables.builtins.uuid4", "keyword", "", "${builtins.uuid4}")))),
    ],
)  # fmt: skip
def test_what_a_rule_sets(body: str, variable: Variable, value: Any) -> None:
    loaded = acting(f"set: {{{body}}}")
    assert loaded.problems == ()
    query = agent_rule(loaded)
    assert query.actions == (SetVariable(variable, value),)
    assert query.variables == (variable,)


def test_a_list_is_set_one_by_one() -> None:
    query = agent_rule(acting("set: {name: x, value: [1, 2]}"))
    listed = Variable("x", "int", array=True)
    assert query.actions == (SetVariable(listed, Const(1)), SetVariable(listed, Const(2)))


def test_a_bool_is_set_to_a_condition_by_two_actions() -> None:
    loaded = acting("set: {name: x, default_value: false, expression: exec.pid == 1}")
    yes, no = agent_rule(loaded).actions
    assert isinstance(yes, SetVariable)
    assert isinstance(no, SetVariable)
    assert (yes.value, no.value) == (Const(value=True), Const(value=False))
    assert yes.filter is not None
    assert no.filter == Not(yes.filter)
    toggled = acting("set: {name: x, default_value: false, expression: '!${x}'}")
    assert kinds(toggled) == [("a", "unsupported")]


def test_an_action_has_a_filter_and_a_scope_of_another_process() -> None:
    text = """\
  - id: a
    expression: cgroup_write.pid > 0 && ${process.key} == ""
    actions:
      - filter: ${process.key} == "" && process.pid != 0
        set:
          name: key
          default_value: ''
          expression: '"${process.key}x"'
          scope: process
          scope_field: cgroup_write.pid
"""
    query = agent_rule(load(rules(text)))
    (action,) = query.actions
    assert isinstance(action, SetVariable)
    assert action.pid == Field("secl.cgroup_write.pid", "long", 0, "cgroup_write.pid")
    assert action.filter is not None
    assert holds(action.filter, {"secl.process.pid": 3})
    key = Variable("process.key", scope="process")
    assert query.variables == (key,)
    # What the event alone has to be like.
    assert not isinstance(query.needs, Script)
    assert "secl_variables" in repr(query.where)
    assert "secl_variables" not in repr(query.needs)
    event = {"secl": {"evt": {"name": "cgroup_write"}, "cgroup_write": {"pid": 7}}}
    assert holds(query.needs, event)
    assert not holds(query.needs, {"secl": {"evt": {"name": "exec"}}})


@pytest.mark.parametrize(
    "actions, settings",
    [
        ("hash: {}", ("hash", (("field", "exec.file"),))),
        ("hash: {field: process.file, max_file_size: 1000}",
         ("hash", (("field", "process.file"), ("max_file_size", "1000")))),
        ("kill: {signal: SIGTERM, scope: cgroup}",
         ("kill", (("signal", "SIGTERM"), ("scope", "cgroup")))),
        ("coredump: {process: true, no_compression: false}",
         ("coredump", (("process", "true"), ("no_compression", "false")))),
        ("log: {level: info, message: hm}", ("log", (("level", "info"), ("message", "hm")))),
        ("network_filter: {filter: port 53, policy: drop}",
         ("network_filter", (("filter", "port 53"), ("policy", "drop")))),
    ],
)  # fmt: skip
def test_a_response_is_handed_on(actions: str, settings: tuple[str, Any]) -> None:
    (action,) = agent_rule(acting(actions)).actions
    assert action == Response(*settings)


def test_a_response_has_a_filter_too() -> None:
    (action,) = agent_rule(acting("filter: exec.pid > 1, hash: {}")).actions
    assert action.filter is not None
    assert holds(action.filter, {"secl.exec.pid": 2})


@pytest.mark.parametrize(
    "action, message",
    [
        ("set: {name: '', value: 1}", "name is of letters"),
        ("set: {name: a.b, value: 1}", "name is of letters"),
        ("set: {value: 1}", "name is of letters"),
        ("set: {name: pid, scope: process, value: 1}", "would be called as a field"),
        ("set: {name: O_CREAT, value: 1}", "would be called as a constant"),
        ("set: {name: x}", "this has none of them"),
        ("set: {name: x, value: 1, field: exec.pid}", "this has value and field"),
        ("set: {name: x, value: '', expression: '1'}", "this has expression and value"),
        ("set: {name: x, value: 1, scope: pod}", "there is no scope"),
        ("set: {name: x, value: 1.5}", "holds texts, integers or a bool"),
        ("set: {name: x, value: {a: 1}}", "holds texts, integers or a bool"),
        ("set: {name: x, value: []}", "an empty list"),
        ("set: {name: x, value: [true]}", "cannot be a list of bools"),
        ("set: {name: x, value: [1, a]}", "holds texts, integers or a bool"),
        ("set: {name: x, value: 99999999999999999999}", "holds texts, integers or a bool"),
        ("set: {name: x, value: 1, default_value: a}", "differ in type"),
        ("set: {name: x, value: [1], default_value: [a]}", "differ in type"),
        ("set: {name: x, value: true, append: true}", "nothing can be appended"),
        ("set: {name: x, field: process.is_thread, append: true}", "nothing can be appended"),
        ("set: {name: x, expression: exec.pid}", "needs a default_value"),
        ("set: {name: x, field: exec.argv}", "needs 'append: true'"),
        ("set: {name: x, field: exec.nothing}", "there is no field"),
        ("set: {name: x, field: 'exec.comm[0]'}", "is no array"),
        ("set: {name: x, field: exec.pid, default_value: a}", "is of type int"),
        ("set: {name: x, field: exec.comm, default_value: [a]}", "is an array"),
        ("set: {name: x, value: 1, inherited: true}", "only variables of the scope process"),
        ("set: {name: x, value: 1, scope: cgroup, scope_field: exec.pid}", "only variables of"),
        ("set: {name: x, value: 1, ttl: soon}", "'ttl' is a duration"),
        ("set: {name: x, value: 1, ttl: -1}", "'ttl' is a duration"),
        ("set: {name: x, value: 1, size: many}", "'size' is how many"),
        ("set: {name: x, value: 1, size: -1}", "'size' is how many"),
        ("set: 7", "'set' needs keys and values"),
        ("set: {name: x, value: 1}, hash: {}", "this one has set and hash"),
        ("filter: exec.pid > 0", "this one is none that Tocsin knows"),
        ("kill: {}", "'kill' needs a signal"),
        ("kill: {signal: SIGNOTHING}", "'kill' needs a signal"),
        ("log: {message: hm}", "'log' needs a level"),
        ("network_filter: {}", "needs a filter"),
        ("network_filter: {filter: x, scope: pod}", "cannot have the scope"),
    ],
)
def test_an_action_that_makes_no_sense_costs_itself_alone(action: str, message: str) -> None:
    loaded = acting(action)
    assert kinds(loaded) == [("a", "warning")]
    assert only(loaded).message.startswith("tower.policy:2: ")
    assert message in only(loaded).message
    assert only(loaded).message.endswith("the action is passed over")
    assert [type(rule.query) for rule in loaded.rules] == [Filter]


@pytest.mark.parametrize(
    "action, kind",
    [
        ("filter: exec.pid >, hash: {}", "syntax"),
        ("filter: open.flags > 0, hash: {}", "semantic"),
        ("set: {name: x, default_value: 0, expression: 1 +}", "syntax"),
        ("set: {name: x, default_value: 0, expression: open.flags}", "semantic"),
        ("set: {name: x, default_value: 0, expression: exec.comm}", "semantic"),
        ("set: {name: x, default_value: '', expression: exec.argv}", "semantic"),
        ("set: {name: x, default_value: '', append: true, expression: exec.argv}", "semantic"),
        ("set: {name: x, default_value: [a], expression: exec.comm}", "semantic"),
        ("set: {name: x, field: open.file.path}", "semantic"),
        ("set: {name: x, value: 1, scope: process, scope_field: exec.comm}", "invalid"),
        ("set: {name: x, value: 1, scope: process, scope_field: cgroup_write.pid}", "semantic"),
        ("hash: {field: exec.comm}", "invalid"),
        ("hash: {field: open.file}", "invalid"),
        ("filter: '\"b\" not in ${x}', set: {name: x, value: [a, b]}", "unsupported"),
    ],
)
def test_an_action_that_does_not_fit_costs_its_rule(action: str, kind: str) -> None:
    loaded = acting(action)
    assert kinds(loaded) == [("a", kind)]
    assert only(loaded).message.startswith("tower.policy:2")


def test_only_rules_about_files_that_run_or_open_hash_by_themselves() -> None:
    text = "rules: [{id: a, expression: connect.addr.port == 80, actions: [{hash: {}}]}]"
    assert "'hash' needs a field" in only(load(text)).message
    fim = 'rules: [{id: a, expression: fim.write.file.name == "a", actions: [{hash: {}}]}]'
    assert "'hash' needs a field" in only(load(fim)).message
    named = fim.replace("{hash: {}}", "{hash: {field: process.file}}")
    assert agent_rule(load(named)).actions == (Response("hash", (("field", "process.file"),)),)


def test_definitions_of_one_variable_have_to_agree() -> None:
    loaded = acting(
        "set: {name: x, value: 1, ttl: 1s}",
        "set: {name: x, value: a}",
        "set: {name: x, value: [1]}",
        "set: {name: x, value: 1, private: true}",
        "set: {name: x, value: 2, ttl: 2s}",
    )
    assert [p.message.partition(": ")[2] for p in loaded.problems] == [
        "x is of type string here, and of type int elsewhere: the action is passed over",
        "x is of type array of int here, and of type int elsewhere: the action is passed over",
        "x is private in one place and not in another: the action is passed over",
    ]
    # For everything else the last one counts, for all of them.
    x = Variable("x", "int", ttl=2 * 10**9)
    assert agent_rule(loaded).actions == (SetVariable(x, Const(1)), SetVariable(x, Const(2)))


def test_rules_share_variables_across_files() -> None:
    reads = "rules: [{id: r, expression: 'exec.comm == ${who}'}]"
    sets = "rules: [{id: s, expression: exec.pid > 0, actions: [{set: {name: who, value: a}}]}]"
    loaded = load(reads, sets)
    assert loaded.problems == ()
    assert agent_rule(loaded, "r").variables == agent_rule(loaded, "s").variables


@pytest.mark.parametrize(
    "more, hint",
    [
        ("agent_version: '>= 9'", "s would set it, but it is for Agent >= 9 only"),
        ('filters: [os == "windows"]', "s would set it, but its filter rules this host out"),
    ],
)
def test_a_rule_that_reads_what_nobody_sets_says_who_would(more: str, hint: str) -> None:
    text = f"""\
  - {{id: r, expression: exec.comm == ${{process.who}}}}
  - id: s
    expression: exec.pid > 0
    actions: [{{set: {{name: who, value: a, scope: process}}}}]
    {more}
"""
    loaded = load(
        rules(text.replace("exec.comm == ${process.who}", "'exec.comm == ${process.who}'"))
    )
    reader = next(p for p in loaded.problems if p.rule_id == "r")
    assert reader.kind == "semantic"
    assert f"hint: {hint}" in reader.message


@pytest.mark.parametrize(
    "expression, more", [("exec.pid >", ""), ("exec.pid > 0", ", disabled: true")]
)
def test_a_broken_or_disabled_rule_declares_its_variables(expression: str, more: str) -> None:
    text = f"""\
  - {{id: r, expression: 'exec.comm == ${{who}}'}}
  - {{id: s, expression: {expression}, actions: [{{set: {{name: who, value: a}}}}]{more}}}
"""
    loaded = load(rules(text))
    assert [rule.id for rule in loaded.rules] == ["r"]
    [warning] = [p for p in loaded.problems if p.kind == "warning"]
    assert warning.message == (
        "tower.policy:2: nothing sets ${who}, which the rule reads: s would, but did not load"
    )


@pytest.mark.parametrize(
    "text, more, rank",
    [
        ("rules:\n", "", (1, 1, 0)),
        ("rules:\n", "priority: 7, ", (1, 1, -7)),
        ("rules:\n", "priority: high, ", (1, 1, 0)),
        ("rules:\n", "tags: {execution_context: 'TRUE'}, ", (0, 1, 0)),
        ("rules:\n", "tags: {execution_context: true}, ", (0, 1, 0)),
        ("rules:\n", "tags: {execution_context: 'no'}, ", (1, 1, 0)),
        ("type: policy\nrules:\n", "priority: -2, ", (1, 0, 2)),
    ],
)
def test_the_rank_of_a_rule(text: str, more: str, rank: tuple[int, int, int]) -> None:
    loaded = load(text + f"- {{id: a, {more}expression: exec.pid > 0, actions: [{{hash: {{}}}}]}}")
    assert agent_rule(loaded).rank == rank


def test_a_limit_counts_by_fields() -> None:
    loaded = acting(more=", every: 10m, limiter_token: [process.pid, exec.comm]")
    query = agent_rule(loaded)
    assert query.every == 600 * 10**9
    assert [field.name for field in query.limiter] == ["secl.process.pid", "secl.exec.comm"]
    assert query.actions == ()


def test_a_rule_about_every_write_reads_variables_too() -> None:
    text = """\
  - id: a
    expression: fim.write.file.path =~ "/bells/**" && process.comm not in ${seen}
    actions: [{set: {name: seen, field: process.comm, append: true}}]
"""
    query = agent_rule(load(rules(text)))
    assert query.variables == (Variable("seen", array=True),)
    event = {"secl": {"evt": {"name": "unlink"}, "unlink": {"file": {"path": "/bells/a"}}}}
    assert holds(query.needs, event)
    seen = {**event, "secl_variables": {"seen": [""]}}
    assert (holds(query.where, event), holds(query.where, seen)) == (True, False)


@pytest.mark.parametrize(
    "text, expected",
    [
        (None, 0), (0, 0), (5, 5), ("10m", 600 * 10**9), ("1h30m", 5400 * 10**9), ("1.5s", 15 * 10**8),
        ("100ms", 10**8), ("3us", 3000), ("3µs", 3000), ("7ns", 7), ("-1s", -(10**9)), ("+1s", 10**9),
        ("0", 0), ("", None), ("1", None), ("1d", None), ("s", None), ("1 s", None), (True, None),
        (1.5, None), ([1], None), ("9" * 99 + "h", None), ("9" * 200 + "h", None), (2**70, None),
    ],
)  # fmt: skip
def test_durations_are_as_go_writes_them(text: object, expected: int | None) -> None:
    assert duration_of(text) == expected


# --- files ---------------------------------------------------------------------------------------


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


def test_actions_that_are_larger_than_life_are_not_compared_without_end() -> None:
    bomb = "x0: &x0 [a]\n" + "".join(
        f"x{n}: &x{n} [" + ", ".join([f"*x{n - 1}"] * 9) + "]\n" for n in range(1, 12)
    )
    action = "[{log: {level: info, more: *x11}}]"
    first = f"{bomb}rules: [{{id: a, expression: exec.pid > 0, actions: {action}}}]"
    second = (
        f"{bomb}rules: [{{id: a, combine: override, override_options: {{fields: [actions]}}, "
        f"actions: {action}}}]"
    )
    assert len(agent_rule(load(first, second)).actions) == 2


KEYS = """
id version type description expression values tags product_tags agent_version filters
disabled combine override_options fields actions every limiter_token silent priority set hash kill
log coredump network_filter name value field default_value append scope scope_field size ttl private
inherited signal level filter macros rules"""
PIECES = """a b process "x" 7 -1 true exec.comm exec.pid>0 exec.comm==${a} ${process.a} 1s all override
merge actions every SIGKILL open.file.path exec.argv[0] os=="linux" >=7 <7.1 fim.write.file.path=="/a"
"""
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**65)
    | st.floats()
    | st.sampled_from(PIECES.split()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6)
    ),
    max_leaves=30,
)
ENTRY = st.dictionaries(st.sampled_from(KEYS.split()), VALUES, max_size=8)
RULES = st.lists(
    st.builds(
        lambda entry, expression: {"id": "a", "expression": expression, **entry},
        ENTRY,
        st.sampled_from(["exec.pid > 0", "exec.comm == ${a}", "exec.comm in a"]),
    )
    | VALUES,
    max_size=4,
)


@settings(max_examples=150)
@given(st.lists(st.fixed_dictionaries({"rules": RULES | VALUES, "macros": RULES}), max_size=2))
@example([{"rules": [{"id": "a", "actions": [{"set": {"name": 1, "value": None}}]}], "macros": []}])
def test_whatever_stands_in_a_policy_it_is_a_report(policies: list[Any]) -> None:
    import msgspec

    texts = [msgspec.json.encode(policy).decode() for policy in policies]
    for agent in (None, (7, 78, 0)):
        files = [(Path(f"{n}.policy"), text) for n, text in enumerate(texts)]
        loaded = datadog_policy.load(files, Environment(agent_version=agent))
        assert loaded.files == len(texts)
        for rule in loaded.rules:
            assert isinstance(rule.query, (Filter, AgentRule))


# --- the published policy ------------------------------------------------------------------------


def published(shared: Path, environment: Environment) -> Loaded:
    policy = shared / "corpora" / "datadog" / "default.policy"
    return load_rules([policy], environment=environment, known=[datadog_policy])


def test_the_published_policy(shared: Path) -> None:
    loaded = published(shared, Environment())
    assert len(loaded.rules) == 255
    assert Counter(problem.kind for problem in loaded.problems) == {
        "not_applicable": 64, "no_source": 4,
    }  # fmt: skip
    queries = Counter(type(rule.query).__name__ for rule in loaded.rules)
    assert sum(rule.silent for rule in loaded.rules) == 19
    actions = [a for r in loaded.rules if isinstance(r.query, AgentRule) for a in r.query.actions]
    assert Counter(type(a).__name__ for a in actions) == {"SetVariable": 125, "Response": 5}
    assert queries["AgentRule"] == 62


def test_the_published_policy_for_any_agent(shared: Path) -> None:
    loaded = published(shared, Environment(agent_version=None))
    assert len(loaded.rules) == 282
    assert Counter(problem.kind for problem in loaded.problems) == {
        "not_applicable": 37, "no_source": 4,
    }  # fmt: skip


def test_the_published_policy_for_an_old_agent_names_who_would_set_a_variable(
    shared: Path,
) -> None:
    loaded = published(shared, Environment(agent_version=(7, 60, 0)))
    assert {p.kind for p in loaded.problems} <= {"not_applicable", "no_source", "semantic"}
    for problem in loaded.problems:
        if problem.kind == "semantic":
            assert "would set it, but it is for Agent" in problem.message


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{id: 0x%s, expression: exec.uid == 0}]",
        "version: 0x%s\nrules: [{id: a, expression: exec.uid == 0}]",
        "rules: [{id: a, tags: {b: 0x%s}, expression: exec.uid == 0}]",
        "rules: [{id: a, every: 0x%s, priority: 0b1, expression: exec.uid == 0}]",
    ],
)
def test_a_number_that_nobody_can_write_out_is_a_problem(text: str) -> None:
    problem = only(load(text % ("f" * 6_000)))
    assert problem.kind == "unreadable"
    assert "a number of more than 100 characters" in problem.message


@pytest.mark.parametrize("key", ["field", "expression"])
@pytest.mark.parametrize("value", ["[process.pid]", "{a: 1}", "true"])
def test_what_a_variable_is_set_to_has_to_be_a_text(key: str, value: str) -> None:
    loaded = acting(f"set: {{name: n, {key}: {value}, default_value: 1}}")
    assert f"'{key}' of n is a text" in only(loaded).message
