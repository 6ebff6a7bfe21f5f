"""Datadog's Workload Protection policies: YAML with macros and Agent rules in SECL.

    macros: [{id: NET_UTILS, expression: '["curl", "wget"]'}]
    rules: [{id: net_util, expression: exec.comm in NET_UTILS && exec.tty_name != ""}]

All policies are loaded together (`_datadog_definitions`): later ones change earlier ones, and
rules read variables that others set (`_datadog_actions`). A rule without variables, actions and a
limit is a `Filter`, another an `AgentRule`. What does not load, and as which problem:

* ``not_applicable``: a filter or ``agent_version`` that rules the assumed host out, a policy that
  another one replaces, and ``disabled`` rules;
* ``syntax``, ``semantic``, ``invalid``: broken ones; the others load.

An action that makes no sense costs itself alone (``warning``). A rule over what the Agent sends in
no event (``packet.filter``) loads, and cannot fire (``no_source``).

Format: https://docs.datadoghq.com/security/workload_protection/workload_security_rules/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tocsin.errors import QueryError, RuleError
from tocsin.events.schema.secl import SECL_FIELDS, is_sent
from tocsin.languages.secl import Compiled, Compiler
from tocsin.logic.agent_rule import UNIQUE, AgentRule, Variable, is_variable
from tocsin.logic.expr import Expr, Leaf, Nested, Script, walk
from tocsin.logic.prefilter import can_hold, relaxed
from tocsin.logic.query import Filter
from tocsin.logic.value import Field, fields_of
from tocsin.rules.environment import Environment
from tocsin.rules.formats._datadog import Entry, read_yaml, threats_of
from tocsin.rules.formats._datadog_actions import Plan, compile_action, plan_action
from tocsin.rules.formats._datadog_definitions import KIND, Definition, Definitions, name_of
from tocsin.rules.formats._datadog_variables import declare, every_of
from tocsin.rules.model import Loaded, ProblemKind, Rule

SUFFIXES: tuple[str, ...] = (".policy", ".yaml", ".yml")

VENDOR: Final = "datadog"

_SECTION = re.compile(r"""^["']?(?:rules|macros)["']?[ \t]*:""", re.MULTILINE)
_RULES = re.compile(r"""^["']?rules["']?[ \t]*:""", re.MULTILINE)
_EXPRESSION = re.compile(r"""(?:^|[\s{,-])["']?expression["']?[ \t]*:""", re.MULTILINE)
_FRONT_MATTER = re.compile(r"---[ \t]*\n.*?^---[ \t]*$", re.DOTALL | re.MULTILINE)


def recognises(path: Path, text: str) -> bool:
    """Whether it has rules at its top level, and expressions below them."""
    if path.suffix.lower() == ".policy":
        return _SECTION.search(text) is not None
    if not _RULES.search(text) or not _EXPRESSION.search(text) or _FRONT_MATTER.match(text):
        return False
    try:
        entries = read_yaml(text, str(path)).entries("rules")
    except RuleError:
        return path.suffix.lower() in SUFFIXES
    return any(entry is not None and "expression" in entry.values for entry in entries)


def load(files: Sequence[tuple[Path, str]], environment: Environment) -> Loaded:
    """The rules of all policies together, and what keeps the others from being some."""
    definitions = Definitions(environment)
    definitions.read(files)
    policies = _Policies(definitions)
    policies.compile()
    return Loaded(tuple(policies.rules), tuple(definitions.problems), len(files))


class _Policies:
    """The definitions of all policies while they become rules."""

    def __init__(self, definitions: Definitions) -> None:
        self.rules: list[Rule] = []
        self._definitions = definitions
        self._plans: dict[str, list[Plan]] = {}
        self._variables: dict[str, Variable] = {}

    def compile(self) -> None:
        """Declares all variables, and then compiles every rule."""
        rules = self._definitions.rules.values()
        for definition in rules:
            # SECL: a disabled or broken rule declares its variables as well.
            self._plans[definition.id] = list(self._plan(definition))
        known: dict[str, Variable | str] = {**self._reasons(), **self._variables}
        compiler = Compiler(self._definitions.macros, SECL_FIELDS, known)
        for definition in rules:
            if definition.is_disabled:
                message = f"{definition.entry.place()}: the rule is disabled"
                self._problem("not_applicable", message, definition)
                continue
            try:
                self.rules.append(self._rule(definition, compiler))
            except QueryError as error:
                self._problem(error.kind, str(error), definition)  # type: ignore[arg-type]
            except RuleError as error:
                self._problem("invalid", str(error), definition)
        self._tell_of_what_is_never_set()

    def _problem(self, kind: ProblemKind, message: str, definition: Definition) -> None:
        path = str(definition.policy.path)
        self._definitions.problem(kind, message, path, definition.entry)

    # --- variables ---

    def _plan(self, definition: Definition) -> Iterable[Plan]:
        for entry in definition.actions:
            if entry is None:
                message = f"{definition.entry.place('actions')}: an action needs keys and values"
                self._problem("warning", f"{message}: it is passed over", definition)
                continue
            try:
                plan = plan_action(entry)
            except RuleError as error:
                self._problem("warning", f"{error}: the action is passed over", definition)
                continue
            wrong = declare(self._variables, plan.variable) if plan.variable else ""
            if wrong:
                message = f"{plan.body.place('name')}: {wrong}: the action is passed over"
                self._problem("warning", message, definition)
            else:
                yield plan

    def _reasons(self) -> dict[str, str]:
        """Why there is no variable that a rule which has no part here would set."""
        found: dict[str, str] = {}
        for entry, reason in self._definitions.ruled_out:
            for action in entry.entries("actions"):
                body = action.entry("set") if action is not None else None
                if body is None:
                    continue
                scope, name = body.text("scope"), body.text("name")
                full = f"{scope}.{name}" if scope else name
                found.setdefault(full, f"{entry.text('id')} would set it, but {reason}")
        return found

    def _tell_of_what_is_never_set(self) -> None:
        queries = [rule.query for rule in self.rules if isinstance(rule.query, AgentRule)]
        set_ = {
            action.variable.name for query in queries for action in query.actions
            if hasattr(action, "variable")
        }  # fmt: skip
        for rule in self.rules:
            if not isinstance(rule.query, AgentRule):
                continue
            for variable in rule.query.variables:
                if variable.name not in set_:
                    setters = [
                        identity for identity, plans in self._plans.items()
                        if any(p.variable and p.variable.name == variable.name for p in plans)
                    ]  # fmt: skip
                    message = (
                        f"{rule.path}:{rule.line}: nothing sets ${{{variable.name}}}, which the "
                        f"rule reads: {', '.join(setters)} would, but did not load"
                    )
                    self._problem("warning", message, self._definitions.rules[rule.id])

    # --- rules ---

    def _rule(self, definition: Definition, compiler: Compiler) -> Rule:
        entry, source = definition.entry, definition.expression.source("expression")
        if not source.text.strip():
            message = f"{entry.place()}: the rule has no expression"
            raise RuleError(message)
        tags = definition.product_tags
        compiled = compiler.rule(source, tags)
        if not can_hold(compiled.where, _is_never_sent):
            names = ", ".join(sorted(_unsent(compiled.where)))
            message = f"{definition.expression.place('expression')}: no event that Tocsin reads "
            self._problem("no_source", f"{message}has {names}: the rule cannot fire", definition)
        return Rule(
            id=entry.text("id"),
            name=name_of(entry),
            vendor=VENDOR,
            path=source.name,
            line=source.first_line,
            language="secl",
            type="agent_rule",
            kind=KIND,
            text=source.text,
            query=self._query(definition, compiled, compiler),
            description=entry.text("description"),
            tags=tags,
            threat=threats_of(tags),
            version=entry.text("version") or definition.policy.version,
            silent=entry.flag("silent"),
        )

    def _query(
        self, definition: Definition, compiled: Compiled, compiler: Compiler
    ) -> Filter | AgentRule:
        found = [
            compile_action(
                plan, compiler, compiled.events, definition.product_tags, self._variables
            )
            for plan in self._plans[definition.id]
        ]
        actions = tuple(action for one in found for action in one.actions)
        every = every_of(definition.limit)
        where = compiled.where
        if not actions and not every and not any(map(is_variable, _fields(where))):
            return Filter(where)
        read = [*compiled.variables, *(v for one in found for v in one.variables)]
        return AgentRule(
            where=where,
            needs=relaxed(where, is_variable),
            variables=tuple(dict.fromkeys(v for v in read if v != UNIQUE)),
            actions=actions,
            rank=definition.rank,
            every=every,
            limiter=_limiter(definition.limit, compiler, compiled.events) if every else (),
        )


def _limiter(entry: Entry, compiler: Compiler, events: Sequence[str]) -> tuple[Field, ...]:
    """The fields for each of whose values a rule's limit counts by itself."""
    fields = []
    for source in entry.sources("limiter_token"):
        value = compiler.value(source, events).value
        if not isinstance(value, Field):
            message = f"{source.name}:{source.first_line}: {source.text!r} is no field"
            raise RuleError(message)
        fields.append(value)
    return tuple(fields)


def _fields(where: Expr) -> Iterable[str]:
    """The fields of a condition, as it names them in the whole event."""
    for node in walk(where):
        if isinstance(node, Leaf):
            yield node.field.removeprefix("^.")
        elif isinstance(node, Script):
            yield from (field.name.removeprefix("^.") for field in fields_of(node.value))
        elif isinstance(node, Nested):
            yield node.path


def _is_never_sent(field: str) -> bool:
    return not is_sent(field)


def _unsent(where: Expr) -> set[str]:
    prefix = SECL_FIELDS.prefix
    return {field.removeprefix(prefix) for field in _fields(where) if not is_sent(field)}
