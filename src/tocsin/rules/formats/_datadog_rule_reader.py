"""One of Datadog's signal rules, from its JSON object: see `datadog_rule`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any, Final

from tocsin.errors import QueryError, RuleError, UnsupportedFeature
from tocsin.events.schema.datadog import TAG
from tocsin.rules.formats._datadog import threats_of
from tocsin.rules.formats._datadog_methods import METHODS, Draft, Refused
from tocsin.rules.formats._datadog_rule_parts import Object, Parts, Places
from tocsin.rules.formats.datadog_signal import description_of
from tocsin.rules.model import (
    RISK_SCORES,
    SEVERITIES,
    Loaded,
    Problem,
    ProblemKind,
    Rule,
    Severity,
    SeverityMapping,
    Suppression,
    severity_of,
)

LANGUAGE: Final = "datadog_query"

TYPES: Final = frozenset({
    "log_detection", "workload_security", "workload_activity", "application_security",
    "api_security", "cloud_configuration", "infrastructure_configuration", "signal_correlation",
})  # fmt: skip
"""What a rule may be about."""

_LOGS: Final = frozenset({"log_detection", "workload_security", "workload_activity"})
_NOT_RUN: Final = {
    "referenceTables": "reference tables",
    "calculatedFields": "calculated fields",
    "schedulingOptions": "a schedule",
}
_SECOND: Final = dt.timedelta(seconds=1)
_MINUTES: Final = dt.timedelta(minutes=5)
_LESSER: Final = ("staging", "test", "testing", "dev", "development")
"""Environments that are none of production, as far as whole names tell."""

_SLUG: Final = re.compile(r"[^a-z0-9]+")
_RAW: Final = re.compile(r"\{\{\{\{[^{}]*\}\}\}\}")
_BLOCK: Final = re.compile(r"\{\{\s*[#^/][^{}]*\}\}")
_VARIABLE: Final = re.compile(r"\{\{\s*([^{}]*[^{}\s])\s*\}\}")


def read_rule(rule: Object, path: str, places: Places) -> Loaded:
    """The rules that an object is, one for each case, and what keeps others from being some.

    Args:
        rule: the object.
        path: the file, as it was named.
        places: finds lines in the file.
    """
    return _Reader(rule, path, places).load()


class _Reader:
    """One rule, and what was wrong with it."""

    def __init__(self, rule: Object, path: str, places: Places) -> None:
        self._rule = rule
        self._path = self._where = path
        self._places = places
        self._rules: list[Rule] = []
        self._problems: list[Problem] = []
        self._id = self._name = self._kind = ""

    def load(self) -> Loaded:
        try:
            self._read()
        except QueryError as error:
            self._problem(error.kind, str(error))  # type: ignore[arg-type]
        except RuleError as error:
            self._problem("invalid", str(error))
        return Loaded(tuple(self._rules), tuple(self._problems))

    def _read(self) -> None:
        # What a rule is called has to be known before its options are looked at.
        bare = Parts({}, self._path, self._places)
        name = bare.text(self._rule, "name")
        line = self._places.begin(name)
        self._where = f"{self._path}:{line}"
        self._name = " ".join(name.split())
        slug = _SLUG.sub("-", self._name.lower()).strip("-")
        self._id = bare.text(self._rule, "id") or bare.text(self._rule, "ruleId") or slug
        kind = bare.text(self._rule, "type") or "log_detection"
        self._kind = f"{LANGUAGE}/{kind}"
        if not self._id:
            raise RuleError(f"{self._where}: the rule has neither an id nor a name")
        if kind not in _LOGS:
            raise UnsupportedFeature(f"{self._where}: rules of the type {kind[:80]} are not run")
        parts = Parts(self._rule, self._path, self._places, line)
        method = parts.text(parts.options, "detectionMethod") or "threshold"
        self._kind = f"{LANGUAGE}/{method}"
        self._check(method)
        found = list(METHODS[method](parts))
        several = len(found) > 1
        for one in found:
            self._take(parts, one, several=several)

    def _check(self, method: str) -> None:
        """Refuses what is not run as a whole."""
        if method not in METHODS:
            message = f"{self._where}: the detection method {method[:80]} is not run"
            raise UnsupportedFeature(message)
        for key, what in _NOT_RUN.items():
            if self._rule.get(key):
                raise UnsupportedFeature(f"{self._where}: a rule with {what} ({key}) is not run")

    def _take(self, parts: Parts, found: Draft | Refused, *, several: bool) -> None:
        case = f"/{found.label}" if several else ""
        try:
            if isinstance(found, Refused):
                if isinstance(found.error, str):
                    self._problem(
                        "warning", f"{self._where}: the case {found.label} {found.error}", case
                    )
                    return
                raise found.error
            if self._rule.get("isEnabled") is False or self._rule.get("isDeleted") is True:
                self._problem("not_applicable", f"{self._where}: the rule is disabled", case)
                return
            self._rules.append(self._made(parts, found, case))
        except QueryError as error:
            self._problem(error.kind, str(error), case)  # type: ignore[arg-type]
        except RuleError as error:
            self._problem("invalid", str(error), case)

    def _made(self, parts: Parts, draft: Draft, case: str) -> Rule:
        severity = self._severity(parts, draft.status)
        tags = parts.names(self._rule, "tags")
        guide = _guide(parts.text(self._rule, "message"))
        suppression = self._suppression(parts, draft)
        for note in (*draft.notes, *self._references()):
            self._problem("warning", f"{self._where}: {note}", case)
        return Rule(
            id=f"{self._id}{case}",
            name=(self._name or self._id) + (f" – {draft.label}" if case else ""),
            vendor="datadog",
            path=self._path,
            line=draft.line,
            language=LANGUAGE,
            type="signal",
            kind=self._kind,
            text=draft.text,
            query=draft.query,
            description=description_of(guide),
            severity=severity,
            risk_score=RISK_SCORES[severity],
            tags=tags,
            threat=threats_of(tags),
            guide=guide,
            # It looks at each event when it comes, and back for as long as it counts.
            interval=_SECOND,
            lookback=max(draft.window, _MINUTES),
            version=parts.text(self._rule, "version"),
            severity_mapping=_by_environment(parts, severity),
            suppression=suppression,
        )

    def _severity(self, parts: Parts, status: Any) -> Severity:
        found = severity_of(status) if isinstance(status, str) else None
        if found is None:
            message = f"the status {str(status)[:80]!r} of a case is no severity"
            raise parts.wrong(f"{message}\nhint: one of info, {', '.join(SEVERITIES[1:])}")
        return found

    def _suppression(self, parts: Parts, draft: Draft) -> Suppression | None:
        """A signal takes in what comes while it is open."""
        keep = draft.keep
        if keep is None:
            keep = parts.duration(parts.options, "keepAlive") or dt.timedelta(0)
            longest = parts.duration(parts.options, "maxSignalDuration")
            keep = keep if longest is None else min(keep, longest)
        coarser = parts.fields(self._rule, "groupSignalsBy")
        if draft.by is None or not keep:
            return None
        if not set(coarser) <= set(draft.by):
            raise parts.wrong("groupSignalsBy names fields that its queries are not grouped by")
        return Suppression(coarser or draft.by, keep)

    def _references(self) -> Iterator[str]:
        """What the rule names and the file does not hold."""
        listed = self._rule.get("suppressions")
        if isinstance(listed, list) and any(not isinstance(entry, dict) for entry in listed):
            yield "suppressions are named by their ids, and are not applied"

    def _problem(self, kind: ProblemKind, message: str, case: str = "") -> None:
        rule_id = f"{self._id}{case}"
        self._problems.append(Problem(self._path, rule_id, kind, message, self._kind, self._name))


def _by_environment(parts: Parts, severity: Severity) -> tuple[SeverityMapping, ...]:
    """One step less where an event is not of production, if the rule wants that."""
    if parts.options.get("decreaseCriticalityBasedOnEnv") is not True:
        return ()
    lesser = SEVERITIES[max(0, SEVERITIES.index(severity) - 1)]
    return tuple(SeverityMapping(f"{TAG}.env", name, lesser) for name in _LESSER)


def _guide(message: str) -> str:
    """The message without the language of its template: ``{{@usr.id}}`` is read ``{@usr.id}``."""
    text = _BLOCK.sub("", _RAW.sub("", message))
    return _VARIABLE.sub(r"{\1}", text).strip()
