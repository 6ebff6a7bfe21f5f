"""Datadog's Workload Protection policies: YAML with macros and Agent rules in SECL.

    macros: [{id: NET_UTILS, expression: '["curl", "wget"]'}]
    rules: [{id: net_util, expression: exec.comm in NET_UTILS && exec.tty_name != ""}]

A rule rings for every event that satisfies its expression: ``every`` and other limits of sending
are not applied, and of the actions none is. What does not load, and as which problem:

* ``not_applicable``: a filter or ``agent_version`` that rules the assumed host out (`_datadog`),
  ``disabled`` rules, and ``silent`` ones, which never alert but prepare variables for others;
* ``unsupported``: rules that read a variable (``${…}``);
* ``syntax``, ``semantic``, ``invalid``: broken ones; the others load.

Of several accepted rules with one id the first stays; ``combine: override`` and ``disabled`` of
later ones change it.

Format: https://docs.datadoghq.com/security/workload_protection/workload_security_rules/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tocsin.errors import QueryError, RuleError
from tocsin.languages.secl import Macro, compile_query
from tocsin.rules.environment import Environment
from tocsin.rules.formats._datadog import (
    Entry,
    accepted,
    macro_of,
    read_yaml,
    threats_of,
    version_accepted,
)
from tocsin.rules.model import Loaded, Problem, ProblemKind, Rule

SUFFIXES: tuple[str, ...] = (".policy", ".yaml", ".yml")

KIND: Final = "secl"
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
    """The rules of all files, each by itself."""
    return Loaded.together(load_file(path, text) for path, text in files)


def load_file(path: Path, text: str) -> Loaded:
    """The rules of a policy, and what keeps the others from being some."""
    policy = _Policy(str(path))
    try:
        policy.read(read_yaml(text, str(path)))
    except RuleError as error:
        policy.problem("unreadable", str(error))
    return Loaded(tuple(policy.rules), tuple(policy.problems), 1)


class _Policy:
    """A policy while it is read."""

    def __init__(self, path: str) -> None:
        self.rules: list[Rule] = []
        self.problems: list[Problem] = []
        self._path = path
        self._macros: dict[str, Macro] = {}

    def problem(self, kind: ProblemKind, message: str, entry: Entry | None = None) -> None:
        rule_id = entry.text("id") if entry else ""
        name = _name(entry) if entry else ""
        self.problems.append(Problem(self._path, rule_id, kind, message, KIND, name))

    def read(self, document: Entry) -> None:
        for key in ("macros", "rules"):
            if not isinstance(document.values.get(key) or [], list):
                self.problem("invalid", f"{self._path}:{document.line(key)}: '{key}' is no list")
        for entry in document.entries("macros"):
            self._add_macro(entry)
        for definition in self._definitions(document):
            self._compile(definition, document.text("version"))

    # --- macros ---

    def _add_macro(self, entry: Entry | None) -> None:
        if entry is None or not entry.text("id"):
            self.problem("invalid", f"{self._path}: a macro without an id")
            return
        if self._rules_out(entry) is not None:
            return
        name = entry.text("id")
        try:
            macro = macro_of(entry)
        except RuleError as error:
            self.problem("invalid", str(error), entry)
            return
        combine, earlier = entry.text("combine"), self._macros.get(name)
        if combine == "merge" and earlier is not None:
            if not (earlier.values and macro.values):
                message = f"{self._path}:{entry.line('id')}: only macros with values can be merged"
                self.problem("invalid", message, entry)
                return
            macro = Macro(values=(*earlier.values, *macro.values))
        elif earlier is not None and combine != "override":
            return
        self._macros[name] = macro

    # --- rules ---

    def _definitions(self, document: Entry) -> list[_Definition]:
        """The accepted rules in the order of the file, each with what later ones change."""
        found: dict[str, _Definition] = {}
        for entry in document.entries("rules"):
            if entry is None or not entry.text("id"):
                self.problem("invalid", f"{self._path}: a rule without an id", entry)
                continue
            reason = self._rules_out(entry)
            if reason is not None:
                if reason:
                    self.problem("not_applicable", f"{_place(entry)}: {reason}", entry)
                continue
            earlier = found.get(entry.text("id"))
            if earlier is None:
                found[entry.text("id")] = _Definition(entry)
            else:
                earlier.change(entry)
        return list(found.values())

    def _rules_out(self, entry: Entry) -> str | None:
        """Why the entry has no part here; empty where that is a problem reported already."""
        constraint = entry.text("agent_version")
        try:
            if constraint and not version_accepted(constraint):
                return f"it is for Agent {constraint} only"
            if not accepted(entry.sources("filters")):
                return f"its filter rules this host out: {' or '.join(entry.texts('filters'))}"
        except RuleError as error:
            self.problem("invalid", f"{_place(entry)}: {error}", entry)
            return ""
        except QueryError as error:
            self.problem("invalid", str(error), entry)
            return ""
        return None

    def _compile(self, definition: _Definition, version: str) -> None:
        entry, expression = definition.entry, definition.expression
        if definition.is_disabled:
            self.problem("not_applicable", f"{_place(entry)}: the rule is disabled", entry)
            return
        if entry.values.get("silent") is True:
            message = f"{_place(entry)}: the rule is silent: it never alerts"
            self.problem("not_applicable", message, entry)
            return
        source = expression.source("expression")
        if not source.text.strip():
            self.problem("invalid", f"{_place(entry)}: the rule has no expression", entry)
            return
        try:
            query = compile_query(source, self._macros)
        except QueryError as error:
            self.problem(error.kind, str(error), entry)  # type: ignore[arg-type]
            return
        tags = tuple(dict.fromkeys(definition.product_tags))
        self.rules.append(
            Rule(
                id=entry.text("id"),
                name=_name(entry),
                vendor=VENDOR,
                path=self._path,
                line=source.first_line,
                language="secl",
                type="agent_rule",
                kind=KIND,
                text=source.text,
                query=query,
                description=entry.text("description"),
                tags=tags,
                threat=threats_of(tags),
                version=entry.text("version") or version,
            )
        )


class _Definition:
    """A rule with what later entries of the same id change about it."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.expression = entry
        self.product_tags = entry.texts("product_tags")
        self.is_disabled = _is_disabled(entry)

    def change(self, later: Entry) -> None:
        """Takes over what a later entry of the same id says."""
        # A rule that does not say is not disabled, so that a later one switches an earlier one on.
        self.is_disabled = _is_disabled(later)
        if later.text("combine") != "override" or _is_disabled(later):
            return
        options: Any = later.values.get("override_options")
        listed = options.get("fields") if isinstance(options, dict) else None
        fields = {str(f) for f in listed} if isinstance(listed, list) and listed else {"expression"}
        if fields & {"all", "expression"} and later.text("expression"):
            self.expression = later
        if "product_tags" in fields:
            self.product_tags = (*self.product_tags, *later.texts("product_tags"))
        elif "all" in fields:
            self.entry, self.product_tags = later, later.texts("product_tags")


def _is_disabled(entry: Entry) -> bool:
    return entry.values.get("disabled") is True


def _name(entry: Entry) -> str:
    return " ".join(entry.text("description").split()) or entry.text("id")


def _place(entry: Entry) -> str:
    return f"{entry.name}:{entry.line('id')}"
