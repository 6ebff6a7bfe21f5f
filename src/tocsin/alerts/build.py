"""Match → alert: identity, the parts that people read first, and secrets out.

An alert's id is a hash of the rule's id and of what fired it, never of the rule's version or of
when it ran, so that a replay makes the same alerts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from tocsin.alerts.model import (
    Alert,
    AlertEvent,
    AlertEvidence,
    AlertRule,
    AlertSource,
    AlertTechnique,
    AlertThreat,
    EventSource,
    NewTerm,
    Overridden,
)
from tocsin.alerts.overrides import overridden, subject
from tocsin.alerts.scrub import scrub, scrub_field, scrub_text, scrubbed
from tocsin.engine.match import Match
from tocsin.engine.remembered import Remembered
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.logic.field_types import render_date
from tocsin.rules.model import Rule, Technique, Threat

_MOST_DOTS = 50
_MOST_RULES = 4_096
_EMPTY: tuple[Any, ...] = ("", [], {})
_NO_EVENT: tuple[dict[str, Any], dict[str, Any]] = ({},) * 2

_Spec = Mapping[str, Any]  # name → None (keep whatever is there) or a spec of its own

_NAMED: _Spec = dict.fromkeys(("id", "name", "domain"))
_OS: _Spec = dict.fromkeys(
    ("type", "name", "family", "version", "platform", "kernel", "full", "codename")
)
_HOST: _Spec = {
    **dict.fromkeys(("id", "name", "hostname", "ip", "mac", "architecture", "type")),
    "os": _OS,
}
_HASH: _Spec = dict.fromkeys(("md5", "sha1", "sha256", "imphash"))
_PARENT: _Spec = {
    **dict.fromkeys(
        (
            "pid",
            "ppid",
            "entity_id",
            "name",
            "executable",
            "args",
            "args_count",
            "command_line",
            "tty",
            "working_directory",
            "start",
            "interactive",
            "title",
        )
    ),
    "hash": _HASH,
    "user": _NAMED,
}
_PROCESS: _Spec = {**_PARENT, "parent": {**_PARENT, "parent": _PARENT}}
_USER: _Spec = {
    **_NAMED,
    **dict.fromkeys(("full_name", "email", "roles")),
    "effective": _NAMED,
    "group": _NAMED,
}


def alert_of(match: Match, detected_at: int) -> Alert:
    """The alert of a match; it shares with the match what holds no secret.

    Args:
        match: one firing.
        detected_at: when it was found, in nanoseconds since the epoch.
    """
    documents = [scrubbed(event.document) for event in match.events]
    last = documents[-1]
    pairs = {e.id: (e.document, d) for e, d in zip(match.events, documents, strict=True)}

    def shown(event: str, field: str, value: Any) -> Any:
        return _shown(*pairs.get(event, _NO_EVENT), field, value)

    rule = match.rule
    name, severity, risk_score = overridden(rule, subject(match))
    told = _rule(rule)
    if (name, severity, risk_score) != (rule.name, rule.severity, rule.risk_score):
        own = Overridden(rule.name, rule.severity, rule.risk_score)
        told = msgspec.structs.replace(told, name=scrub_text(name), overridden=own)
    return Alert(
        id=alert_id(match),
        time=_rendered(match.time),
        detected_at=_rendered(detected_at),
        rule=told,
        severity=severity,
        risk_score=risk_score,
        host=_object(last, "host", _HOST),
        process=_object(last, "process", _PROCESS),
        user=_object(last, "user", _USER),
        events=tuple(
            AlertEvent(event.id, _rendered(event.time), _source(event), document)
            for event, document in zip(match.events, documents, strict=True)
        ),
        evidence=tuple(
            AlertEvidence(e.event, e.field, e.operator, e.pattern, shown(e.event, e.field, e.value))
            for e in match.evidence
        ),
        new_terms=tuple(
            NewTerm(field, shown(match.events[-1].id, field, v)) for field, v in match.new_terms
        ),
        note=_note(match),
        details=_scrubbed(match.details),
    )


_rendered = lru_cache(maxsize=256)(render_date)


def _shown(document: Mapping[str, Any], clean: Mapping[str, Any], field: str, value: Any) -> Any:
    """A value of a field without secrets: as it stands in the scrubbed event, if it does there.

    Of several arguments, that one is a secret may show in the others alone.
    """
    if clean is not document and isinstance(value, str):
        before, after = values_of(document, field), values_of(clean, field)
        if len(before) == len(after) and value in before:
            value = after[before.index(value)]
    return scrub_field(field, value)


def _scrubbed(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details without secrets; beside the name of a field, its value is one of that field."""
    if not details:
        return {}
    clean: dict[str, Any] = scrub(details)
    groups = (clean, clean.get("threshold_result", {}), clean.get("suppression", {}))
    for group, name in zip(groups, ("joined_by", "terms", "terms"), strict=True):
        for term in group.get(name, ()):
            term["value"] = scrub_field(term["field"], term["value"])
    return clean


def alert_id(match: Match) -> str:
    """A hash of the rule's id and of what fired it: 32 hexadecimal digits."""
    fired_by = [match.rule.id, [event.id for event in match.events], match.key]
    return hashlib.sha256(json.dumps(fired_by).encode()).hexdigest()[:32]


def nested(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with every dotted key taken apart.

    Where a name is both a value and an object, the object wins; of two values the first.

    >>> nested({"host.name": "web-1", "host": {"ip": ["10.0.0.1"]}, "process.parent.pid": 1})
    {'host': {'name': 'web-1', 'ip': ['10.0.0.1']}, 'process': {'parent': {'pid': 1}}}
    """
    tree: dict[str, Any] = {}
    _merge(tree, document, 0)
    return tree


def _merge(tree: dict[str, Any], document: Mapping[str, Any], depth: int) -> None:
    for name, value in document.items():
        node = tree
        # Names with dots in objects in objects: together they could nest without end.
        *path, leaf = name.split(".", max(0, _MOST_DOTS - depth))
        for step in path:
            below = node.get(step)
            if not isinstance(below, dict):
                below = node[step] = {}
            node = below
        there = node.get(leaf)
        if isinstance(value, Mapping):
            if not isinstance(there, dict):
                there = node[leaf] = {}
            _merge(there, value, depth + len(path) + 1)
        elif there is None:
            node[leaf] = value


def _object(document: Mapping[str, Any], name: str, spec: _Spec) -> dict[str, Any]:
    """The parts of one of a document's objects that the spec names, in its order."""
    below = f"{name}."
    if below not in "".join(document) or not any(key.startswith(below) for key in document):
        found = document.get(name)
        kept = _undotted(found, spec) if isinstance(found, dict) else _pick(found, spec)
        if kept is not None:
            return kept
    told = {key: v for key, v in document.items() if key == name or key.startswith(below)}
    return _pick(nested(told).get(name), spec)


def _undotted(found: dict[str, Any], spec: _Spec) -> dict[str, Any] | None:
    """The same of an object without dotted names, which are not looked for; None: it has some."""
    if "." in "".join(found):
        return None
    kept: dict[str, Any] = {}
    for name, below in spec.items():
        value = found.get(name)
        if value is None:
            continue
        if below is not None:
            value = _undotted(value, below) if isinstance(value, dict) else _pick(value, below)
        elif isinstance(value, dict):
            value = None
        if value is None:
            return None
        if value not in _EMPTY:
            kept[name] = value
    return kept


def _pick(found: Any, spec: _Spec) -> dict[str, Any]:
    """The parts of an object that the spec names, in its order; a list stands for its first."""
    if isinstance(found, list):
        found = next((element for element in found if isinstance(element, Mapping)), None)
    if not isinstance(found, Mapping):
        return {}
    found = nested(found)
    kept: dict[str, Any] = {}
    for name, below in spec.items():
        value = found.get(name)
        if below is not None:
            value = _pick(value, below)
        if value is not None and value not in _EMPTY:
            kept[name] = value
    return kept


def _source(event: Event) -> EventSource:
    return EventSource(scrub_text(event.source), event.position)


def _note(match: Match) -> str:
    received = [event for event in match.events if event.received]
    if not received:
        return ""
    first = received[0]
    where = f"{first.position} of {scrub_text(first.source)}"
    if len(received) == 1:
        return (
            f"the event at {where} has no time of its own: "
            "the time at which it was read stands for it"
        )
    return (
        f"{len(received)} of {len(match.events)} events, first {where}, have no time of their "
        "own: the time at which they were read stands for it"
    )


def _rule_of(rule: Rule) -> AlertRule:
    return AlertRule(
        id=rule.id,
        name=scrub_text(rule.name),
        source=AlertSource(rule.vendor, scrub_text(rule.path)),
        language=rule.language,
        type=rule.type,
        author=rule.author,
        license=rule.license,
        tags=rule.tags,
        threat=tuple(_threat(threat) for threat in rule.threat),
        guide=rule.guide,
        false_positives=rule.false_positives,
        references=rule.references,
        description=rule.description,
        building_block=rule.building_block,
    )


_rule = Remembered(_rule_of, _MOST_RULES)


def _threat(threat: Threat) -> AlertThreat:
    return AlertThreat(
        framework=threat.framework,
        tactic=None if threat.tactic is None else _technique(threat.tactic),
        technique=tuple(_technique(name, below) for name, below in threat.techniques),
    )


def _technique(name: Technique, below: tuple[Technique, ...] = ()) -> AlertTechnique:
    return AlertTechnique(name.id, name.name, name.reference, tuple(_technique(b) for b in below))
