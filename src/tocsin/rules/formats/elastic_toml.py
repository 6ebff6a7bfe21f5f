"""Elastic's detection rules as their repository holds them: one rule a TOML file.

    [metadata]
    maturity = "production"
    [rule]
    rule_id = "…"
    type = "eql"
    query = '''…'''

Run are EQL event queries, KQL queries and new terms; the other types are problems of the kind
``unsupported``. Everything that is wrong with a file is reported at once.
"""

from __future__ import annotations

import datetime as dt
import re
import time
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from tocsin.errors import QueryError
from tocsin.events.schema import ECS
from tocsin.logic.expr import Always, conjunction
from tocsin.logic.query import Filter, NewTerms, filter_of
from tocsin.rules.formats._query_dsl import lower_filter
from tocsin.rules.model import (
    RISK_SCORES,
    SEVERITIES,
    Loaded,
    Problem,
    ProblemKind,
    Rule,
    Severity,
    Technique,
    Threat,
    severity_of,
)
from tocsin.source_text import SourceText

SUFFIXES: tuple[str, ...] = (".toml",)

_TABLE = re.compile(r"^\[rule\][ \t]*(?:#.*)?$", re.MULTILINE)
_FIRST_LINE = re.compile(r"\[|[\w.\"'-]+[ \t]*=")
_QUERY = re.compile(r"^query[ \t]*=[ \t]*('''|\"\"\"|'|\")", re.MULTILINE)
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d|w)")
_UNITS = {
    "ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks",
}  # fmt: skip
_FIRST_WORD = re.compile(
    r"(?:\s++|//[^\n]*+|(?>/\*.*?\*/))*+(sequence|sample)\b", re.DOTALL
)  # behind comments
_MOST_TERMS = 3
_HIGHEST_SCORE = 100
_RUN = frozenset({"eql/event", "kuery/query", "kuery/new_terms"})


def recognises(path: Path, text: str) -> bool:
    """Whether it begins as TOML does and has a table ``[rule]``; for another ending, all TOML."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if not _FIRST_LINE.match(first) or not _TABLE.search(text):
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        return isinstance(tomllib.loads(text).get("rule"), dict)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def load(path: Path, text: str) -> Loaded:
    """The rule in the file, or what keeps it from being one."""
    name = str(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _unreadable(name, str(error))
    except RecursionError:
        return _unreadable(name, "nested too deeply")
    rule = document.get("rule")
    if not isinstance(rule, dict):
        return _unreadable(name, "there is no table [rule]")
    return _Reader(name, text, document).load()


def _unreadable(path: str, reason: str) -> Loaded:
    found = re.search(r" ?\(at line (\d+), column (\d+)\)", reason)
    place = f"{path}:{found[1]}:{found[2]}" if found else path
    reason = reason if found is None else reason.replace(found[0], "")
    message = f"{place}: not an Elastic rule: {reason[:1].lower()}{reason[1:]}"
    return Loaded((), (Problem(path, "", "unreadable", message),), files=1)


class _Reader:
    """One file: what has been read of it, and what was wrong."""

    def __init__(self, path: str, text: str, document: dict[str, Any]) -> None:
        self._path = path
        self._text = text
        self._document = document
        self._rule: dict[str, Any] = document["rule"]
        self._problems: list[Problem] = []
        self._now = time.time_ns()
        self._id = self._name = self._kind = ""

    def load(self) -> Loaded:
        source = self._source()
        kind = self._one("type") or ""
        language = self._language(kind)
        self._kind = f"{language}/{_shape(kind, source.text)}" if language else kind
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
        metadata = self._document.get("metadata")
        maturity = metadata.get("maturity") if isinstance(metadata, dict) else None
        return Rule(
            id=self._id,
            name=self._name,
            vendor="elastic",
            path=self._path,
            line=source.first_line,
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
            maturity=maturity if isinstance(maturity, str) else "",
        )

    # --- the query ----------------------------------------------------------------------------

    def _language(self, kind: str) -> str:
        """The query's language; none for the types that are named by their type alone."""
        if kind in ("machine_learning", "esql", "threat_match"):
            return ""
        default = "eql" if kind == "eql" else "kuery"
        return self._one("language") or default

    def _source(self) -> SourceText:
        value = self._rule.get("query")
        text = value if isinstance(value, str) else ""
        return SourceText(text, self._path, _line_of_query(self._text, text))

    def _query(self, kind: str, language: str, source: SourceText) -> Filter | NewTerms | None:
        if kind and self._kind not in _RUN:
            what = self._kind.replace("/", " ")
            self._problem("unsupported", f"rules of the type {what} are not run yet")
        elif not isinstance(self._rule.get("query"), str):
            self._problem("invalid", "the rule has no query")
        elif kind:
            if "alert_suppression" in self._rule:
                self._problem("warning", "alert_suppression is not applied: all matches alert")
            query = self._narrowed(self._compiled(language, source))
            return self._new_terms(query) if kind == "new_terms" else query
        return None

    def _compiled(self, language: str, source: SourceText) -> Filter | None:
        from tocsin.languages import eql, kql

        try:
            if language == "kuery":
                return kql.compile_query(source, ECS, now=self._now)
            category = self._one("event_category_override") or "event.category"
            return filter_of(eql.compile_query(source, ECS, category_field=category))
        except QueryError as error:
            self._query_problem(error)
            return None

    def _narrowed(self, query: Filter | None) -> Filter | None:
        """The query with the rule's ``filters``."""
        filters = self._rule.get("filters") or []
        if not isinstance(filters, list):
            self._problem("invalid", "filters has to be a list")
            return None
        terms = []
        for entry in filters:
            try:
                terms.append(lower_filter(entry, ECS, self._now))
            except QueryError as error:
                self._query_problem(error)
                query = None
        if query is None or not terms:
            return query
        where = [] if query.where == Always(value=True) else [query.where]
        return msgspec.structs.replace(query, where=conjunction(*where, *terms))

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

    def _before_now(self, text: str, key: str) -> dt.timedelta:
        """How long before now a moment is, in date math: ``now-9m``, ``now-7d/d``."""
        if text.startswith("now") and not _DURATION.fullmatch(text[4:]):
            from tocsin.languages.kql.dates import interval

            moment = interval(text, self._now)
            # Moments are whole milliseconds.
            before = 0 if moment is None else self._now // 1_000_000 - moment[0] // 1_000_000
            if before > 0:
                return dt.timedelta(milliseconds=before)
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


def _technique(entry: dict[str, Any]) -> Technique:
    return Technique(str(entry["id"]), str(entry.get("name", "")), str(entry.get("reference", "")))


def _shape(kind: str, query: str) -> str:
    """A rule's type; for EQL what sort of query it is."""
    if kind != "eql":
        return kind
    found = _FIRST_WORD.match(query)
    return found[1] if found else "event"


def _line_of_query(text: str, query: str) -> int:
    """The line of the file on which the query's own text begins; 1 where it is not found."""
    table = _TABLE.search(text)
    for found in _QUERY.finditer(text, table.end() if table else 0):
        quote = found[1]
        closing = re.compile(rf"{quote}{{1,3}}" if len(quote) == 1 else rf"{quote[0]}{{3,5}}")
        end = closing.search(text, found.end())
        if end is None and len(quote) > 1:
            continue
        stop = text.find("\n", found.end()) if len(quote) == 1 else end.end() if end else 0
        try:
            value = tomllib.loads(text[found.start() : stop if stop > 0 else len(text)]).get(
                "query"
            )
        except tomllib.TOMLDecodeError:
            continue
        if value == query:
            at = found.end()
            opens_line = text.startswith(("\n", "\r\n"), at) and len(quote) > 1
            return text.count("\n", 0, at) + 1 + opens_line
    return 1
