"""What a rule is, whoever published it: metadata, and a query as logic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Literal

import msgspec

from tocsin.logic.expr import Expr
from tocsin.logic.query import Query
from tocsin.logic.runs import Runs

Severity = Literal["informational", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("informational", "low", "medium", "high", "critical")
RISK_SCORES: dict[Severity, int] = {
    "informational": 0, "low": 21, "medium": 47, "high": 73, "critical": 99,
}  # fmt: skip
"""The risk score of a rule that states a severity only: Elastic's defaults."""


class Technique(msgspec.Struct, frozen=True):
    """A name in ATT&CK: a tactic, technique or sub-technique."""

    id: str
    name: str = ""
    reference: str = ""


class Threat(msgspec.Struct, frozen=True):
    """One tactic with its techniques, as Elastic's rules write it.

    Attributes:
        tactic: None where a rule names a technique alone.
        techniques: pairs of a technique and its sub-techniques.
        framework: ``MITRE ATT&CK``.
    """

    tactic: Technique | None
    techniques: tuple[tuple[Technique, tuple[Technique, ...]], ...] = ()
    framework: str = "MITRE ATT&CK"


class SeverityMapping(msgspec.Struct, frozen=True):
    """An event whose ``field`` has this value makes an alert of this severity."""

    field: str
    value: str
    severity: Severity


class Suppression(msgspec.Struct, frozen=True):
    """What alerts once: Elastic's ``alert_suppression``.

    Attributes:
        group_by: the fields whose values make a group; empty for threshold rules, whose own group
            counts.
        duration: for how long after a group's first alert; None: within a run of the rule.
        missing: whether events that lack one of the fields are a group too, or alert singly.
    """

    group_by: tuple[str, ...]
    duration: dt.timedelta | None = None
    missing: Literal["suppress", "doNotSuppress"] = "suppress"


class ListReference(msgspec.Struct, frozen=True):
    """A list of exceptions that a rule names."""

    list_id: str
    type: str = "detection"
    namespace: str = "single"
    id: str = ""


class ExceptionItem(msgspec.Struct, frozen=True):
    """An exception, compiled: an event that satisfies ``expr`` never alerts.

    Attributes:
        id: the item's ``item_id``.
        name: for people.
        list_id: the list that it belongs to.
        expr: its entries as logic.
        namespace: of the list: ``single`` or ``agnostic``.
        text: the item as JSON, in Kibana's shape.
    """

    id: str
    name: str
    list_id: str
    expr: Expr
    namespace: str = "single"
    text: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was loaded: everything an alert, the catalogue and the engine need.

    Attributes:
        id: the vendor's identifier (rule_id, a policy's rule id).
        vendor: ``elastic``, ``datadog``, ``sigma``.
        path: the file it came from, as it was named.
        line: the line of that file on which the query begins.
        language: ``eql``, ``kuery``, ``secl``, ``sigma``.
        type: Elastic's rule type (``eql``, ``query``, ``new_terms``), ``agent_rule``, ``signal``.
        kind: the key under which `tocsin rules stats` counts it, as ``kuery/new_terms``.
        text: the query as it was written.
        query: its logic.
        guide: Markdown for the analyst: Elastic's ``note``, the body of a Datadog page.
        index: index patterns; empty: the rule sees every event.
        timestamp_override: the field that holds the event's time, where it has one.
        interval: how often the vendor runs it.
        lookback: how far back a run reaches (Elastic's ``from``).
        building_block: its alerts are material for other rules rather than for people.
        severity_mapping: values of events that change an alert's severity.
        risk_score_mapping: fields of events that hold an alert's risk score.
        rule_name_override: a field of events that holds an alert's name; empty: none.
        max_signals: how many alerts a run may make; None: the rule does not say.
        suppression: which matches are one alert.
        exceptions_list: the lists of exceptions that the rule names.
        exceptions: those that were found; `tocsin.rules.exceptions` has put them into ``query``.
        investigation_fields: what to look at first in an alert.
        rest: the vendor's other keys as JSON: nothing here needs them, an export does.
        silent: it never alerts; others build on what it finds.
    """

    id: str
    name: str
    vendor: str
    path: str
    line: int = 1
    language: str
    type: str
    kind: str
    text: str
    query: Query
    description: str = ""
    severity: Severity = "low"
    risk_score: int = 21
    author: tuple[str, ...] = ()
    license: str = ""
    tags: tuple[str, ...] = ()
    threat: tuple[Threat, ...] = ()
    guide: str = ""
    setup: str = ""
    false_positives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    timestamp_override: str = ""
    interval: dt.timedelta = dt.timedelta(minutes=5)
    lookback: dt.timedelta = dt.timedelta(minutes=9)
    version: str = ""
    building_block: bool = False
    maturity: str = ""
    severity_mapping: tuple[SeverityMapping, ...] = ()
    risk_score_mapping: tuple[str, ...] = ()
    rule_name_override: str = ""
    max_signals: int | None = None
    suppression: Suppression | None = None
    exceptions_list: tuple[ListReference, ...] = ()
    exceptions: tuple[ExceptionItem, ...] = ()
    investigation_fields: tuple[str, ...] = ()
    rest: str = ""
    silent: bool = False

    @property
    def runs(self) -> Runs:
        """When the vendor would have run it."""
        return Runs(_nanoseconds(self.interval), _nanoseconds(self.lookback))


def _nanoseconds(duration: dt.timedelta) -> int:
    return duration // dt.timedelta(microseconds=1) * 1_000


ProblemKind = Literal[
    "unreadable",  # the file, or its TOML or YAML
    "invalid",  # metadata that makes no sense
    "syntax",
    "semantic",
    "unsupported",  # a type or feature that Tocsin does not run: no fault of the rule
    "no_query",  # a documentation page without a companion
    "not_applicable",  # a filter or agent version of the rule rules it out here
    "needs_values",  # a placeholder that the user has to give values for
    "no_source",  # a rule that loads, over events that nothing here decodes
    "warning",
]


class Problem(msgspec.Struct, frozen=True):
    """Something about a rule that somebody should know.

    Attributes:
        path: the file.
        rule_id: the rule, where it got as far as having one.
        kind: what sort of problem.
        message: for people, with line and caret where there is a query.
        rule_kind: the rule's `Rule.kind`, so that statistics can count what did not load.
        name: the rule's name, where it got as far.
    """

    path: str
    rule_id: str
    kind: ProblemKind
    message: str
    rule_kind: str = ""
    name: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether a rule was meant to load and did not (what ``--strict`` refuses)."""
        return self.kind in {"unreadable", "invalid", "syntax", "semantic"}

    @property
    def loads(self) -> bool:
        """Whether the rule that it is about loads all the same."""
        return self.kind in {"warning", "no_source"}


class Loaded(msgspec.Struct, frozen=True):
    """What came out of rule files.

    Attributes:
        rules: in the order of the files and within them.
        problems: what did not load or deserves a word.
        files: how many rule files were read.
    """

    rules: tuple[Rule, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: int = 0

    @classmethod
    def together(cls, parts: Iterable[Loaded]) -> Loaded:
        """Several of them as one, in their order."""
        rules: list[Rule] = []
        problems: list[Problem] = []
        files = 0
        for part in parts:
            rules.extend(part.rules)
            problems.extend(part.problems)
            files += part.files
        return cls(tuple(rules), tuple(problems), files)


def severity_of(text: str) -> Severity | None:
    """A severity from its name in any vendor's spelling; None for an unknown one."""
    word = text.strip().lower()
    word = {"info": "informational", "moderate": "medium"}.get(word, word)
    return next((s for s in SEVERITIES if s == word), None)
