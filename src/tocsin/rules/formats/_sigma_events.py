"""Sigma rules over single events, and the filters that narrow them.

A rule becomes its log source's condition and its own; a filter that names it adds one more:

    source and detection and filter
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from tocsin.errors import QueryError, RuleError
from tocsin.events.schema.log_sources import LogSource, Source, find, resembling, where
from tocsin.languages.sigma import Path, compile_detection
from tocsin.logic.expr import Expr, Nested, conjunction
from tocsin.logic.query import Filter
from tocsin.rules.formats._sigma_documents import SigmaDocument
from tocsin.rules.formats._sigma_metadata import Metadata
from tocsin.rules.model import Problem, Rule
from tocsin.source_text import SourceText, Span

_SOURCE_KEYS: Final = ("category", "product", "service")
Placeholders = Mapping[str, tuple[str, ...]]


class Narrowing(msgspec.Struct):
    """A filter, and whether it has met a rule.

    Attributes:
        document: where it stands.
        source: the log source that it is for.
        rules: ids and names of the rules that it is for; None: any.
        parts: its detection.
        conditions: what joins them.
        met: whether a rule was one of them.
        problem: what is wrong with it; then it narrows nothing, so that rules still ring.
    """

    document: SigmaDocument
    source: LogSource
    rules: frozenset[str] | None
    parts: Mapping[str, object]
    conditions: tuple[SourceText, ...]
    met: bool = False
    problem: Problem | None = None

    def applies(self, rule: SigmaDocument, source: LogSource) -> bool:
        """Whether the rule is one of those that it is for."""
        named = self.rules is None or not self.rules.isdisjoint(rule.references)
        return self.problem is None and named and self.source.holds(source)


class Event(NamedTuple):
    """A rule over single events, and the log source that its names belong to."""

    rule: Rule
    source: Source


# --- reading ----------------------------------------------------------------------------------


def read_filter(document: SigmaDocument) -> Narrowing:
    """A filter.

    Raises:
        RuleError: it is none.
    """
    found = document.values["filter"]
    if not isinstance(found, dict):
        raise _broken(document, "a filter has to be a mapping", "filter")
    rules = found.get("rules", ...)
    if rules is ...:
        raise _broken(document, "the filter names no rules\nhint: rules: any", "filter")
    named: frozenset[str] | None
    if isinstance(rules, list) and all(isinstance(name, str) for name in rules):
        named = frozenset(rules) or None
    elif isinstance(rules, str):
        named = None if rules.lower() == "any" else frozenset((rules,))
    else:
        raise _broken(document, "rules has to be any, or a list of ids or names", "filter", "rules")
    parts, conditions = _detection(document, "filter", without=("rules",))
    return Narrowing(document, log_source(document), named, parts, conditions)


def _detection(
    document: SigmaDocument, key: str, without: tuple[str, ...] = ()
) -> tuple[dict[str, object], tuple[SourceText, ...]]:
    detection = document.values.get(key)
    if detection is None:
        raise _broken(document, f"the rule has no {key}", key)
    if not isinstance(detection, dict):
        raise _broken(document, f"the {key} has to be a mapping", key)
    parts = {str(k): v for k, v in detection.items() if k not in ("condition", *without)}
    condition = detection.get("condition")
    listed = condition if isinstance(condition, list) else [condition]
    if condition is None or not listed:
        raise _broken(document, "the detection has no condition", key)
    texts = [text for text in listed if isinstance(text, str)]
    if len(texts) != len(listed):
        raise _broken(document, "a condition has to be a text", key, "condition")
    if not parts:
        raise _broken(document, "the detection has nothing but a condition", key)
    # Where they stand is looked for once something is wrong with one of them.
    return parts, tuple(SourceText(text, document.path) for text in texts)


def log_source(document: SigmaDocument) -> LogSource:
    """The log source that a rule or a filter is for.

    Raises:
        RuleError: it says none.
    """
    found = document.values.get("logsource")
    if found is None:
        hint = "logsource: {category: process_creation, product: windows}"
        raise _broken(document, f"the rule has no logsource\nhint: {hint}")
    if not isinstance(found, dict):
        hint = "product: windows, below it"
        raise _broken(document, f"the logsource has to be a mapping\nhint: {hint}", "logsource")
    values = {key: found.get(key) for key in _SOURCE_KEYS}
    for key, value in values.items():
        if value is not None and not isinstance(value, str):
            raise _broken(document, f"the {key} has to be a text", "logsource", key)
    source = LogSource(*(str(value or "").strip().lower() for value in values.values()))
    if source == LogSource():
        message = "the logsource is empty\nhint: it needs a category, a product or a service"
        raise _broken(document, message, "logsource")
    return source


def _broken(document: SigmaDocument, message: str, *path: object) -> RuleError:
    return RuleError(f"{document.place(*path)}: {message}")


# --- compiling --------------------------------------------------------------------------------


def read_event(
    document: SigmaDocument, filters: Sequence[Narrowing], placeholders: Placeholders
) -> tuple[Event | None, list[Problem]]:
    """A rule, unless something is wrong with it, and what is to be said of it."""
    metadata = Metadata(document)
    fields = metadata.fields()
    try:
        wanted = log_source(document)
        source = find(wanted)
        query = _query(document, wanted, source, filters, placeholders)
    except QueryError as error:
        text = _told(error, document, "detection")
        metadata.problems.append(document.problem(error.kind, text))  # type: ignore[arg-type]
        return None, metadata.problems
    except RuleError as error:
        metadata.problems.append(document.problem("invalid", str(error)))
        return None, metadata.problems
    if any(problem.kind != "warning" for problem in metadata.problems):
        return None, metadata.problems
    if not source.fed_by:
        metadata.problems.append(document.problem("no_source", _unfed(document, wanted, source)))
    line, text = document.document.block("detection")
    return Event(Rule(**fields, line=line, text=text, query=query), source), metadata.problems


def _query(
    document: SigmaDocument,
    wanted: LogSource,
    source: Source,
    filters: Sequence[Narrowing],
    placeholders: Placeholders,
) -> Filter:
    parts, conditions = _detection(document, "detection")
    terms = [_compiled(document, "detection", parts, conditions, source, placeholders)]
    for narrowing in filters:
        if narrowing.applies(document, wanted):
            narrowing.met = True
            terms += _narrowed(narrowing, source, placeholders)
    expr = conjunction(*terms)
    if source.nested:
        # Sigma's event is one of the records that the document was made of.
        expr = Nested(source.nested, expr)
    return Filter(conjunction(where(source), expr))


def _narrowed(narrowing: Narrowing, source: Source, placeholders: Placeholders) -> tuple[Expr, ...]:
    """The condition of a filter over a rule's log source; none where something is wrong with it."""
    document, parts, conditions = narrowing.document, narrowing.parts, narrowing.conditions
    try:
        return (_compiled(document, "filter", parts, conditions, source, placeholders),)
    except QueryError as error:
        narrowing.problem = document.problem(error.kind, _told(error, document, "filter"))  # type: ignore[arg-type]
        return ()


def _told(error: QueryError, document: SigmaDocument, key: str) -> str:
    return str(error) if error.span else f"{document.place(key)}: {error}"


def _compiled(
    document: SigmaDocument,
    key: str,
    parts: Mapping[str, object],
    conditions: tuple[SourceText, ...],
    source: Source,
    placeholders: Placeholders,
) -> Expr:
    def span(path: Path, is_key: bool) -> Span | None:
        return document.document.span((key, *path), key=is_key)

    try:
        return compile_detection(
            parts, *conditions, fields=source, placeholders=placeholders, places=span
        ).where
    except QueryError as error:
        _place_condition(error, document, key, conditions)
        raise


def _place_condition(
    error: QueryError, document: SigmaDocument, key: str, conditions: tuple[SourceText, ...]
) -> None:
    """An error in a condition points into a text of which nobody knew yet where it stands."""
    if error.span is None or error.span.source not in conditions:
        return
    listed = isinstance(document.values[key].get("condition"), list)
    at = conditions.index(error.span.source)
    path = (key, "condition", at) if listed else (key, "condition")
    source = document.document.source(path, error.span.source.text)
    error.span = Span(source, error.span.start, error.span.end)


def _unfed(document: SigmaDocument, wanted: LogSource, source: Source) -> str:
    what = f"{document.place('logsource')}: nothing here decodes the log source {wanted.shown}"
    near = resembling(wanted)
    if near:
        return f"{what}\nhint: did you mean {near}?"
    return f"{what}\nhint: {source.note}" if source.note else what
