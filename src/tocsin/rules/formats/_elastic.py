"""Elastic's rules from one plain mapping, wherever it stood: a table of TOML or an object of JSON.

    {"rule_id": "…", "name": "…", "type": "eql", "query": "…", "severity": "low", …}

The other types of rules are problems of the kind ``unsupported``. Everything that is wrong with a
rule is reported at once.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec

from tocsin.errors import QueryError
from tocsin.events.schema import ECS
from tocsin.logic.expr import Always, conjunction
from tocsin.logic.query import (
    Filter,
    IndicatorMatch,
    NewTerms,
    Query,
    Sequence,
    Threshold,
    narrowed,
)
from tocsin.rules.formats._query_dsl import lower_filter
from tocsin.rules.formats._threat_mapping import mapping_of
from tocsin.rules.formats._threshold import threshold_of
from tocsin.rules.model import (
    RISK_SCORES,
    SEVERITIES,
    ListReference,
    Loaded,
    Problem,
    ProblemKind,
    Rule,
    Severity,
    SeverityMapping,
    Suppression,
    Technique,
    Threat,
    severity_of,
)
from tocsin.source_text import SourceText

_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d|w)")
_UNITS = {
    "ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks",
}  # fmt: skip
_FIRST_WORD = re.compile(
    r"(?:\s++|//[^\n]*+|(?>/\*.*?\*/))*+(sequence|sample)\b", re.DOTALL
)  # behind comments
_MOST_TERMS = 3
_HIGHEST_SCORE = 100
_RUN = frozenset({
    "eql/event", "eql/sequence", "eql/sample", "kuery/query", "kuery/new_terms",
    "threat_match", "kuery/threshold", "lucene/query", "lucene/new_terms", "lucene/threshold",
})  # fmt: skip
_MOST_GROUPS = 3
_SUPPRESSION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
_ONLY_DURATION = frozenset({"threshold"})

# fmt: off
_READ = frozenset({
    "rule_id", "name", "type", "language", "query", "description", "severity", "risk_score",
    "author", "license", "tags", "threat", "note", "setup", "false_positives", "references",
    "index", "timestamp_override", "interval", "from", "version", "building_block_type",
    "severity_mapping", "risk_score_mapping", "rule_name_override", "max_signals",
    "alert_suppression", "exceptions_list", "investigation_fields", "new_terms",
    "new_terms_fields", "history_window_start", "threshold",
})
_KEPT_BY_KIBANA = frozenset({
    "id", "enabled", "immutable", "rule_source", "revision", "created_at", "created_by",
    "updated_at", "updated_by", "execution_summary", "outcome", "alias_target_id",
    "alias_purpose", "output_index", "namespace", "to", "actions", "throttle",
    "response_actions",
})
"""What a Kibana knows of its own copy of a rule, and nobody else needs."""
# fmt: on


def read_rule(
    rule: Mapping[str, Any], path: str, source: SourceText, *, line: int, maturity: str = ""
) -> Loaded:
    """A rule, or what keeps it from being one.

    Args:
        rule: its keys as Elastic names them.
        path: the file, as it is named.
        source: the query's text with its place, for messages.
        line: the line of the file on which the query, or the rule, begins.
        maturity: what the file says of it besides.
    """
    return _Reader(path, rule, source, line, maturity).load()


class _Reader:
    """One rule: what has been read of it, and what was wrong."""

    def __init__(
        self, path: str, rule: Mapping[str, Any], source: SourceText, line: int, maturity: str
    ) -> None:
        self._path = path
        self._rule = rule
        self._source = source
        self._line = line
        self._maturity = maturity
        self._problems: list[Problem] = []
        self._now = time.time_ns()
        self._id = self._name = self._kind = ""

    def load(self) -> Loaded:
        source = self._source
        kind = self._one("type") or ""
        language = self._language(kind)
        is_alone = not language or kind == "threat_match"
        self._kind = kind if is_alone else f"{language}/{_shape(kind, source.text)}"
        self._id = self._one("rule_id") or ""
        self._name = self._one("name") or ""
        for key in ("rule_id", "name", "type"):
            if self._rule.get(key, "") == "":
                self._problem("invalid", f"the rule has no {key}")
        rule = self._read(kind, language, source)
        failed = any(problem.kind != "warning" for problem in self._problems)
        return Loaded(() if failed else (rule,), tuple(self._problems), files=1)

    def _read(self, kind: str, language: str, source: SourceText) -> Rule:
        """The rule; where something is wrong with it, a problem and a stopgap."""
        severity = self._severity()
        return Rule(
            id=self._id,
            name=self._name,
            vendor="elastic",
            path=self._path,
            line=self._line,
            language=language,
            type=kind,
            kind=self._kind,
            text=source.text,
            query=self._query(kind, language, source) or Filter(Always(value=False)),
            description=(self._one("description") or "").strip(),
            severity=severity,
            risk_score=self._risk_score(severity),
            author=self._many("author"),
            license=self._one("license") or "",
            tags=self._many("tags"),
            threat=self._threat(),
            guide=self._one("note") or "",
            setup=self._one("setup") or "",
            false_positives=tuple(text.strip() for text in self._many("false_positives")),
            references=self._many("references"),
            index=self._many("index"),
            timestamp_override=self._one("timestamp_override") or "",
            interval=self._duration(self._one("interval") or "5m", "interval"),
            # Kibana's default for a rule that does not say.
            lookback=self._before_now(self._one("from") or "now-6m", "from"),
            version=str(self._rule.get("version", "")),
            building_block=bool(self._rule.get("building_block_type")),
            maturity=self._maturity,
            severity_mapping=self._severity_mapping(),
            risk_score_mapping=tuple(
                str(entry["field"]) for entry in self._tables("risk_score_mapping", "field")
            ),
            rule_name_override=self._one("rule_name_override") or "",
            max_signals=self._max_signals(),
            suppression=self._suppression(kind),
            exceptions_list=tuple(
                ListReference(
                    str(entry["list_id"]),
                    str(entry.get("type", "detection")),
                    str(entry.get("namespace_type", "single")),
                    str(entry.get("id", "")),
                )
                for entry in self._tables("exceptions_list", "list_id")
            ),
            investigation_fields=self._investigation_fields(),
            rest=_rest(self._rule),
        )

    # --- the query ----------------------------------------------------------------------------

    def _language(self, kind: str) -> str:
        """The query's language; none for the types that are named by their type alone."""
        if kind in ("machine_learning", "esql"):
            return ""
        default = "eql" if kind == "eql" else "kuery"
        return self._one("language") or default

    def _query(self, kind: str, language: str, source: SourceText) -> Query | None:
        if kind and self._kind not in _RUN:
            what = self._kind.replace("/", " ")
            self._problem("unsupported", f"rules of the type {what} are not run yet")
        elif not isinstance(self._rule.get("query"), str):
            self._problem("invalid", "the rule has no query")
        elif kind:
            query = self._narrowed(self._compiled(language, source))
            if kind == "threat_match":
                return self._indicator_match(query if isinstance(query, Filter) else None)
            if kind == "threshold":
                return self._threshold(query if isinstance(query, Filter) else None)
            if kind != "new_terms":
                return query
            return self._new_terms(query if isinstance(query, Filter) else None)
        return None

    def _compiled(self, language: str, source: SourceText) -> Query | None:
        from tocsin.languages import eql, kql, lucene

        try:
            if language == "kuery":
                return kql.compile_query(source, ECS, now=self._now)
            if language == "lucene":
                return lucene.compile_query(source, ECS, now=self._now)
            category = self._one("event_category_override") or "event.category"
            query = eql.compile_query(source, ECS, category_field=category)
            tiebreaker = self._one("tiebreaker_field")
            if isinstance(query, Sequence) and tiebreaker:
                return msgspec.structs.replace(query, tiebreaker=tiebreaker)
            return query
        except QueryError as error:
            self._query_problem(error)
            return None

    def _narrowed(self, query: Query | None, key: str = "filters") -> Query | None:
        """The query with the rule's ``filters``."""
        filters = self._rule.get(key) or []
        if not isinstance(filters, list):
            self._problem("invalid", f"{key} has to be a list")
            return None
        terms = []
        for entry in filters:
            try:
                terms.append(lower_filter(entry, ECS, self._now))
            except QueryError as error:
                self._query_problem(error)
                query = None
        return query if query is None or not terms else narrowed(query, conjunction(*terms))

    def _indicator_match(self, query: Filter | None) -> IndicatorMatch | None:
        """The query over events, the one over indicators, and what the two have to share."""
        language = self._one("threat_language") or "kuery"
        if language not in {"kuery", "lucene"}:
            self._problem("unsupported", f"a threat_query in {language} is not run yet")
            return None
        # Elastic's own interface fills in the query that takes every indicator.
        text = self._one("threat_query") or "*:*"
        source = SourceText(text, f"{self._path}: threat_query")
        indicators = self._narrowed(self._compiled(language, source), "threat_filters")
        try:
            mapping = mapping_of(self._rule.get("threat_mapping"))
        except QueryError as error:
            self._query_problem(error)
            return None
        if query is None or not isinstance(indicators, Filter):
            return None
        path = self._one("threat_indicator_path") or "threat.indicator"
        return IndicatorMatch(query, mapping, indicators, path)

    def _threshold(self, query: Filter | None) -> Threshold | None:
        try:
            found = threshold_of(self._rule.get("threshold"), query or Filter(Always(value=False)))
        except QueryError as error:
            self._query_problem(error)
            return None
        return found if query is not None else None

    def _new_terms(self, query: Filter | None) -> NewTerms | None:
        """The query over a history, as the repository or an export writes it."""
        table = self._rule.get("new_terms")
        table = table if isinstance(table, dict) else {}
        fields = table.get("value", self._rule.get("new_terms_fields"))
        starts = table.get("history_window_start")
        first = starts[0] if isinstance(starts, list) and starts else None
        start = first.get("value") if isinstance(first, dict) else None
        start = start or self._rule.get("history_window_start")
        if not isinstance(start, str):
            self._problem("invalid", "a new_terms rule needs a history_window_start")
            start = "now-7d"
        history = self._before_now(start, "history_window_start")
        if not (
            isinstance(fields, list)
            and 1 <= len(fields) <= _MOST_TERMS
            and all(isinstance(field, str) for field in fields)
        ):
            self._problem("invalid", f"a new_terms rule needs one to {_MOST_TERMS} fields")
            return None
        return None if query is None else NewTerms(query, tuple(fields), history)

    # --- metadata -----------------------------------------------------------------------------

    def _severity(self) -> Severity:
        text = self._one("severity")
        severity = severity_of(text) if text is not None else "low"
        if severity is None:
            known = ", ".join(SEVERITIES)
            self._problem("invalid", f"the severity {text!r} is none of {known}")
        return severity or "low"

    def _risk_score(self, severity: Severity) -> int:
        score = self._rule.get("risk_score", RISK_SCORES[severity])
        number = None if isinstance(score, bool) else score
        if isinstance(number, (int, float)) and 0 <= number <= _HIGHEST_SCORE:
            return round(number)
        self._problem("invalid", f"the risk_score {score!r} is no number from 0 to 100")
        return RISK_SCORES[severity]

    def _severity_mapping(self) -> tuple[SeverityMapping, ...]:
        found = []
        for entry in self._tables("severity_mapping", "field"):
            severity = severity_of(str(entry.get("severity", "")))
            if severity is None:
                known = ", ".join(SEVERITIES[1:])
                text = entry.get("severity")
                self._problem(
                    "invalid", f"the severity {text!r} in severity_mapping is none of {known}"
                )
            else:
                found.append(SeverityMapping(entry["field"], str(entry.get("value", "")), severity))
        return tuple(found)

    def _max_signals(self) -> int | None:
        number = self._rule.get("max_signals")
        if number is None:
            return None
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            return number
        self._problem("invalid", f"max_signals {number!r} is no number above 0")
        return None

    def _suppression(self, kind: str) -> Suppression | None:
        """What alerts once; a threshold rule says for how long, the others by what as well."""
        table = self._rule.get("alert_suppression")
        if table is None:
            return None
        if not isinstance(table, Mapping):
            self._problem("invalid", "alert_suppression has to be a table")
            return None
        fields = table.get("group_by", [] if kind in _ONLY_DURATION else None)
        duration = self._suppressed_for(table.get("duration"))
        missing = table.get("missing_fields_strategy", "suppress")
        least = 0 if kind in _ONLY_DURATION else 1
        if not (
            isinstance(fields, list)
            and least <= len(fields) <= _MOST_GROUPS
            and all(isinstance(field, str) and field for field in fields)
        ):
            self._problem(
                "invalid", f"alert_suppression needs one to {_MOST_GROUPS} fields in group_by"
            )
        elif kind in _ONLY_DURATION and duration is None:
            self._problem("invalid", "alert_suppression of a threshold rule needs a duration")
        elif missing not in {"suppress", "doNotSuppress"}:
            message = f"missing_fields_strategy {missing!r} is neither suppress nor doNotSuppress"
            self._problem("invalid", message)
        else:
            strategy = cast("Literal['suppress', 'doNotSuppress']", missing)
            return Suppression(tuple(fields), duration, strategy)
        return None

    def _suppressed_for(self, found: object) -> dt.timedelta | None:
        if found is None:
            return None
        if isinstance(found, Mapping):
            value, unit = found.get("value"), found.get("unit")
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                try:
                    return dt.timedelta(**{_SUPPRESSION_UNITS[str(unit)]: value})
                except (KeyError, OverflowError):
                    pass
        self._problem("invalid", f"the duration {found!r} is none like {{value = 5, unit = 'm'}}")
        return None

    def _investigation_fields(self) -> tuple[str, ...]:
        found = self._rule.get("investigation_fields")
        found = found.get("field_names") if isinstance(found, Mapping) else found
        if found is None:
            return ()
        if isinstance(found, list) and all(isinstance(entry, str) for entry in found):
            return tuple(found)
        self._problem("invalid", "investigation_fields has to hold a list of field_names")
        return ()

    def _tables(self, key: str, needed: str) -> list[Mapping[str, Any]]:
        """A list of tables; those in which the needed key is empty say nothing."""
        found = self._rule.get(key)
        if found is None:
            return []
        if isinstance(found, list) and all(
            isinstance(entry, Mapping) and isinstance(entry.get(needed), str) for entry in found
        ):
            return [entry for entry in found if entry[needed]]
        self._problem("invalid", f"{key} has to be a list of tables with a {needed}")
        return []

    def _before_now(self, text: str, key: str) -> dt.timedelta:
        """How long before now a moment is, in date math: ``now-9m``, ``now-7d/d``."""
        if text.startswith("now") and not _DURATION.fullmatch(text[4:]):
            from tocsin.languages._dates import before

            milliseconds = before(text, self._now) or 0
            if milliseconds > 0:
                return dt.timedelta(milliseconds=milliseconds)
        return self._duration(text.removeprefix("now-") if text[:4] == "now-" else "", key, text)

    def _duration(self, text: str, key: str, written: str = "") -> dt.timedelta:
        found = _DURATION.fullmatch(text)
        try:
            if found and int(found[1]):
                return dt.timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            pass
        example = "now-9m" if written else "5m"
        self._problem("invalid", f"{key} {written or text!r} is no time like {example!r}")
        return dt.timedelta(minutes=5)

    def _threat(self) -> tuple[Threat, ...]:
        entries = self._rule.get("threat") or []
        try:
            return tuple(
                Threat(
                    tactic=_technique(entry["tactic"]) if entry.get("tactic") else None,
                    techniques=tuple(
                        (
                            _technique(technique),
                            tuple(_technique(sub) for sub in technique.get("subtechnique", ())),
                        )
                        for technique in entry.get("technique", ())
                    ),
                    framework=str(entry.get("framework", "MITRE ATT&CK")),
                )
                for entry in entries
            )
        except (KeyError, TypeError, AttributeError):
            self._problem("invalid", "threat has to be a list of tactics with their techniques")
            return ()

    def _one(self, key: str) -> str | None:
        value = self._rule.get(key)
        if value is None or isinstance(value, str):
            return value
        self._problem("invalid", f"{key} has to be a text")
        return None

    def _many(self, key: str) -> tuple[str, ...]:
        value = self._rule.get(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            return tuple(value)
        self._problem("invalid", f"{key} has to be a list of texts")
        return ()

    # --- problems -----------------------------------------------------------------------------

    def _problem(self, kind: ProblemKind, message: str) -> None:
        message = f"{self._path}: {message}"
        self._problems.append(Problem(self._path, self._id, kind, message, self._kind, self._name))

    def _query_problem(self, error: QueryError) -> None:
        kinds: dict[str, ProblemKind] = {
            "syntax": "syntax", "semantic": "semantic", "unsupported": "unsupported",
        }  # fmt: skip
        message = str(error) if error.span else f"{self._path}: {error}"
        kind = kinds.get(error.kind, "invalid")
        self._problems.append(Problem(self._path, self._id, kind, message, self._kind, self._name))


def _rest(rule: Mapping[str, Any]) -> str:
    """The keys that say something of the rule, and nothing to what is read here."""
    rest = {
        key: value for key, value in sorted(rule.items())
        if key not in _READ and key not in _KEPT_BY_KIBANA and value not in (None, [], {}, "")
    }  # fmt: skip
    return msgspec.json.encode(rest).decode() if rest else ""


def _technique(entry: dict[str, Any]) -> Technique:
    return Technique(str(entry["id"]), str(entry.get("name", "")), str(entry.get("reference", "")))


def _shape(kind: str, query: str) -> str:
    """A rule's type; for EQL what sort of query it is."""
    if kind != "eql":
        return kind
    found = _FIRST_WORD.match(query)
    return found[1] if found else "event"
