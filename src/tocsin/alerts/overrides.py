"""What an event says of its alert's name, severity and risk score, where its rule lets it.

The alerts of an integration bring their own: Elastic's "External Alerts" takes over the severity
of whatever comes in. The rules of it are Kibana's (``build_severity_from_mapping`` and its like):
of the severities that fit the highest counts, of the scores the first field alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tocsin.engine.match import Match
from tocsin.engine.state.suppression import values_in_common
from tocsin.events.fields import values_of
from tocsin.logic.field_types import Scalar, number_of, text_of
from tocsin.logic.query import Threshold
from tocsin.rules.model import SEVERITIES, Rule, Severity, SeverityMapping

_WHOLE = "event.severity"
"""The one field whose values Kibana takes for whole numbers."""

_SAFE = 2**53 - 1
_HIGHEST_SCORE = 100


def overridden(rule: Rule, document: Mapping[str, Any]) -> tuple[str, Severity, int]:
    """The name, severity and risk score of an alert of the rule on an event.

    Args:
        rule: the rule.
        document: the event; of an alert with several events, see `subject`.
    """
    return _name(rule, document), _severity(rule, document), _risk_score(rule, document)


def subject(match: Match) -> Mapping[str, Any]:
    """The document that speaks for a match: its event, or what all of its events have in common.

    Kibana gives a sequence's alert the fields that its events share, and a threshold's alert the
    terms of its group.
    """
    rule = match.rule
    if isinstance(rule.query, Threshold):
        terms = match.details.get("threshold_result", {}).get("terms", ())
        return {term["field"]: term["value"] for term in terms}
    if len(match.events) == 1:
        return match.events[0].document
    return {field: values_in_common(match.events, field) for field in _fields(rule)}


def _fields(rule: Rule) -> Iterator[str]:
    yield from (mapping.field for mapping in rule.severity_mapping)
    yield from rule.risk_score_mapping[:1]
    if rule.rule_name_override:
        yield rule.rule_name_override


def _name(rule: Rule, document: Mapping[str, Any]) -> str:
    if not rule.rule_name_override:
        return rule.name
    # Kibana takes a text, and none of a list of texts.
    found = values_of(document, rule.rule_name_override)
    return found[0] if len(found) == 1 and isinstance(found[0], str) and found[0] else rule.name


def _severity(rule: Rule, document: Mapping[str, Any]) -> Severity:
    fitting = [m.severity for m in rule.severity_mapping if _fits(m, document)]
    return max(fitting, key=SEVERITIES.index, default=rule.severity)


def _fits(mapping: SeverityMapping, document: Mapping[str, Any]) -> bool:
    values = values_of(document, mapping.field)
    if mapping.field == _WHOLE:
        wanted = number_of(mapping.value)
        return wanted is not None and any(_whole(v) and v == wanted // 1 for v in values)
    return any(
        text_of(int(v) if isinstance(v, float) else v) == mapping.value
        for v in values
        if isinstance(v, str) or _whole(v)
    )


def _whole(value: Scalar) -> bool:
    """Whether JavaScript holds it as a whole number, exactly."""
    if isinstance(value, (bool, str)):
        return False
    return abs(value) <= _SAFE and value == value // 1


def _risk_score(rule: Rule, document: Mapping[str, Any]) -> int:
    if not rule.risk_score_mapping:
        return rule.risk_score
    numbers = (number_of(value) for value in values_of(document, rule.risk_score_mapping[0]))
    valid = [number for number in numbers if number is not None and 0 <= number <= _HIGHEST_SCORE]
    return round(max(valid)) if valid else rule.risk_score
