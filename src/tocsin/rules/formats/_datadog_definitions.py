"""Policies before anything is compiled: which macros and rules there are, and what each says.

All files count together. The default policy comes first, then the others in the order of their
names. Definitions that the host or the Agent's version rules out have no part in anything. Of
several rules with one id the first stays, and later ones may change it:

* ``combine: override`` replaces what its ``override_options.fields`` name (none: the expression);
* a later one that is not disabled switches a disabled one on, and a custom policy's that is
  disabled switches a default one's off.

Format: https://docs.datadoghq.com/security/workload_protection/workload_security_rules/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tocsin.errors import QueryError, RuleError
from tocsin.languages.secl import Macro
from tocsin.rules.environment import NEWEST_AGENT, Environment
from tocsin.rules.formats._datadog import Entry, macro_of, read_yaml
from tocsin.rules.formats._datadog_host import accepted, version_accepted
from tocsin.rules.model import Problem, ProblemKind

KIND: Final = "secl"
_DEFAULT_NAME: Final = "default.policy"
_DEFAULT_TYPE: Final = "policy"
_WINDOWS: Final = "windows"
_MOST_COMPARED: Final = 1_000


class Policy:
    """One file.

    Args:
        path: where it stands.
        document: what it holds.
    """

    def __init__(self, path: Path, document: Entry) -> None:
        self.path = path
        self.document = document
        self.is_default = path.name == _DEFAULT_NAME or document.text("type") == _DEFAULT_TYPE
        self.version = document.text("version")
        self.replaces = document.text("replace_policy_id")

    def is_called(self, name: str) -> bool:
        """Whether another policy means this one."""
        return bool(name) and name in {self.path.name, self.path.stem}


class Definition:
    """A rule with what later entries of the same id have changed about it.

    Attributes:
        entry: where its id, description, version and the like stand.
        policy: the file that it belongs to.
        expression: where its expression stands.
        limit: where its ``every`` and ``limiter_token`` stand.
        tags: its ``tags``.
        product_tags: the others.
        actions: its actions, of whatever file.
        is_disabled: whether it is not to be used.
    """

    def __init__(self, entry: Entry, policy: Policy) -> None:
        self.policy = policy
        self._take(entry)
        self.is_disabled = entry.flag("disabled")

    def _take(self, entry: Entry) -> None:
        self.entry = self.expression = self.limit = entry
        self.tags = _tags(entry)
        self.product_tags = tuple(dict.fromkeys(entry.texts("product_tags")))
        self.actions = entry.entries("actions")

    @property
    def id(self) -> str:
        """Its id, the same in every entry."""
        return self.entry.text("id")

    @property
    def rank(self) -> tuple[int, int, int]:
        """Its place in the order of evaluation: contexts first, then defaults, then priority."""
        is_context = self.tags.get("execution_context", "").lower() == "true"
        priority = self.entry.values.get("priority")
        if not isinstance(priority, int) or isinstance(priority, bool):
            priority = 0
        return int(not is_context), int(not self.policy.is_default), -priority

    def change(self, later: Entry, policy: Policy) -> bool:
        """Takes over what a later entry of the same id says; False: it says nothing."""
        disabled = later.flag("disabled")
        if later.text("combine") == "override":
            if not disabled:
                self._override(later, policy)
        elif self.is_disabled == disabled:
            return False
        if self.is_disabled or (self.policy.is_default and not policy.is_default):
            self.is_disabled = disabled
        return True

    def _override(self, later: Entry, policy: Policy) -> None:
        options = later.entry("override_options")
        fields = set(options.texts("fields")) if options else set()
        if "all" in fields:
            expression = self.expression
            self._take(later)
            self.policy = policy
            if not later.text("expression"):
                self.expression = expression
            return
        if (not fields or "expression" in fields) and later.text("expression"):
            self.expression = later
        if "actions" in fields:
            known = [action.values for action in self.actions if action is not None]
            self.actions = [
                *self.actions,
                *(
                    action
                    for action in later.entries("actions")
                    if action is None or not any(_same(action.values, one) for one in known)
                ),
            ]
        if "every" in fields:
            self.limit = later
        if "tags" in fields:
            self.tags = {**self.tags, **_tags(later)}
        if "product_tags" in fields:
            self.product_tags = tuple(dict.fromkeys(later.texts("product_tags")))
        if fields & {"actions", "every", "tags"}:
            self.policy = policy


def _same(one: object, other: object) -> bool:
    """Whether two values of YAML are equal; those that are too large to ask about are not."""
    pending = [(one, other)]
    for _ in range(_MOST_COMPARED):
        if not pending:
            return True
        left, right = pending.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            if left.keys() != right.keys():
                return False
            pending.extend((left[key], right[key]) for key in left)
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pending.extend(zip(left, right, strict=True))
        elif isinstance(left, (dict, list)) or type(left) is not type(right) or left != right:
            return False
    return False


def _tags(entry: Entry) -> dict[str, str]:
    held = entry.entry("tags")
    return {str(key): scalar_text(value) for key, value in held.values.items()} if held else {}


class Definitions:
    """What a set of policies defines.

    Attributes:
        rules: by id, in the order of their policies.
        macros: by id.
        ruled_out: (rule, why) pairs of the rules that have no part here.
        problems: what is wrong.
    """

    def __init__(self, environment: Environment) -> None:
        self.rules: dict[str, Definition] = {}
        self.macros: dict[str, Macro] = {}
        self.ruled_out: list[tuple[Entry, str]] = []
        self.problems: list[Problem] = []
        self._paths: list[str] = []
        self._agent = environment.agent_version
        self._macro_entries: dict[str, Entry] = {}

    def problem(
        self, kind: ProblemKind, message: str, path: str, entry: Entry | None = None
    ) -> None:
        """Notes that something is wrong, in the file that the message names, or else in this."""
        # What overrides a rule may stand in another file than the rule.
        path = next((known for known in self._paths if message.startswith(f"{known}:")), path)
        rule_id = entry.text("id") if entry else ""
        name = name_of(entry) if entry else ""
        self.problems.append(Problem(path, rule_id, kind, message, KIND, name))

    def read(self, files: Sequence[tuple[Path, str]]) -> None:
        """Reads all files."""
        policies = []
        for path, text in files:
            self._paths.append(str(path))
            try:
                policies.append(Policy(path, read_yaml(text, str(path))))
            except RuleError as error:
                self.problem("unreadable", str(error), str(path))
        policies.sort(key=lambda policy: not policy.is_default)
        for policy in policies:
            by = next(
                (p for p in policies if p is not policy and policy.is_called(p.replaces)), None
            )
            if by is not None:
                self._replaced(policy, by)
                continue
            self._check_lists(policy)
            for entry in policy.document.entries("macros"):
                self._add_macro(entry, policy)
            for entry in policy.document.entries("rules"):
                self._add_rule(entry, policy)

    def _replaced(self, policy: Policy, by: Policy) -> None:
        for entry in policy.document.entries("rules"):
            if entry is not None:
                reason = f"the policy {by.path} replaces this one"
                self._rule_out(entry, policy, reason)

    def _check_lists(self, policy: Policy) -> None:
        document = policy.document
        for key in ("macros", "rules"):
            if not isinstance(document.values.get(key) or [], list):
                message = f"{document.place(key)}: '{key}' is no list"
                self.problem("invalid", message, str(policy.path))

    # --- macros ---

    def _add_macro(self, entry: Entry | None, policy: Policy) -> None:
        path = str(policy.path)
        if entry is None or not entry.text("id"):
            self.problem("invalid", f"{path}: a macro without an id", path)
            return
        reason = self._reason(entry, policy)
        if reason is not None:
            return
        name = entry.text("id")
        try:
            macro = macro_of(entry)
        except RuleError as error:
            self.problem("invalid", str(error), path, entry)
            return
        combine, earlier = entry.text("combine"), self.macros.get(name)
        if combine == "merge" and earlier is not None:
            if not (earlier.values and macro.values):
                message = f"{entry.place()}: only macros with values can be merged"
                self.problem("invalid", message, path, entry)
                return
            macro = Macro(values=(*earlier.values, *macro.values))
        elif earlier is not None and combine != "override":
            if not self._is_meant_rather(entry, self._macro_entries[name]):
                self._second("macro", entry, self._macro_entries[name], path)
                return
            self._second("macro", self._macro_entries[name], entry, path)
        self.macros[name], self._macro_entries[name] = macro, entry

    # --- rules ---

    def _add_rule(self, entry: Entry | None, policy: Policy) -> None:
        path = str(policy.path)
        if entry is None or not entry.text("id"):
            self.problem("invalid", f"{path}: a rule without an id", path, entry)
            return
        reason = self._reason(entry, policy)
        if reason is not None:
            if reason:
                self._rule_out(entry, policy, reason)
            return
        earlier = self.rules.get(entry.text("id"))
        if earlier is None:
            self.rules[entry.text("id")] = Definition(entry, policy)
        elif not entry.text("combine") and self._is_meant_rather(entry, earlier.entry):
            self._second("rule", earlier.entry, entry, str(earlier.policy.path))
            self.rules[entry.text("id")] = Definition(entry, policy)
        elif not earlier.change(entry, policy):
            self._second("rule", entry, earlier.entry, path)

    def _second(self, what: str, passed_over: Entry, used: Entry, path: str) -> None:
        name = used.text("id")
        message = f"{passed_over.place()}: the {what} {name} is in {used.place()} already"
        if self._agent is None:
            message = f"{passed_over.place()}: of the {what}s called {name}, {used.place()} is used"
        self.problem("warning", message, path, passed_over)

    def _is_meant_rather(self, later: Entry, earlier: Entry) -> bool:
        """Where the Agent may be any: whether the newest takes the later and not the earlier."""
        if self._agent is not None:
            return False
        constraints = later.text("agent_version"), earlier.text("agent_version")
        wanted, other = (not c or version_accepted(c, NEWEST_AGENT) for c in constraints)
        return wanted and not other

    def _rule_out(self, entry: Entry, policy: Policy, reason: str) -> None:
        self.ruled_out.append((entry, reason))
        self.problem("not_applicable", f"{entry.place()}: {reason}", str(policy.path), entry)

    def _reason(self, entry: Entry, policy: Policy) -> str | None:
        """Why the entry has no part here; empty where that is a problem reported already."""
        constraint = entry.text("agent_version")
        try:
            if constraint:
                applies = version_accepted(constraint, self._agent or NEWEST_AGENT)
                if self._agent is not None and not applies:
                    return f"it is for Agent {constraint} only"
            if not accepted(entry.sources("filters"), any_host=self._agent is None):
                return _filtered(entry.texts("filters"))
        except RuleError as error:
            self.problem("invalid", f"{entry.place()}: {error}", str(policy.path), entry)
            return ""
        except QueryError as error:
            self.problem("invalid", str(error), str(policy.path), entry)
            return ""
        return None


def _filtered(filters: Iterable[str]) -> str:
    text = " or ".join(" ".join(f.split()) for f in filters)
    reason = f"its filter rules this host out: {text}"
    if _WINDOWS in text:
        reason += " (Tocsin reads the Agent's events of Linux)"
    return reason


def name_of(entry: Entry) -> str:
    """What people call a rule."""
    return " ".join(entry.text("description").split()) or entry.text("id")


def scalar_text(value: Any) -> str:
    """A value of YAML as text, as YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
