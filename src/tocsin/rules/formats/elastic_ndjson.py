"""Elastic's rules as Kibana exports and imports them: a JSON object a line.

    {"rule_id": "…", "name": "…", "type": "eql", "query": "…", "exceptions_list": […], …}
    {"list_id": "quiet", "type": "detection", …}
    {"item_id": "…", "list_id": "quiet", "entries": […], …}
    {"exported_count": 3, …}

Rules, the exception lists that they name, the items of those, action connectors (not read) and a
last line that counts. `export` writes what `load` reads, and what Kibana's import takes.

https://www.elastic.co/docs/api/doc/kibana/operation/operation-exportrules
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tocsin.logic.query import NewTerms, Threshold
from tocsin.rules.environment import Environment
from tocsin.rules.exception_files import exceptions_among
from tocsin.rules.exceptions import except_from
from tocsin.rules.formats._elastic import read_rule
from tocsin.rules.model import (
    ExceptionItem,
    ListReference,
    Loaded,
    Problem,
    Rule,
    Technique,
    Threat,
)
from tocsin.source_text import SourceText

SUFFIXES: tuple[str, ...] = (".ndjson",)

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_LOOKED_AT: Final = 20
"""How many lines are looked at for a rule: an export begins with them."""


def recognises(path: Path, text: str) -> bool:
    """Whether one of its first lines is a rule with an id, a type and a name."""
    for number, line in enumerate(text.split("\n")):
        if number >= _LOOKED_AT or line.strip()[:1] not in ("{", ""):
            return False
        if "rule_id" not in line:
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return False
        if isinstance(found, dict) and {"rule_id", "type", "name"} <= found.keys():
            return True
    return False


def load(files: Sequence[tuple[Path, str]], environment: Environment) -> Loaded:
    """The rules of all files, each by itself."""
    return Loaded.together(load_file(path, text) for path, text in files)


def load_file(path: Path, text: str) -> Loaded:
    """The rules of the file, with the exceptions that stand in it; what is wrong with the rest."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    others: list[object] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = str(error).partition(":")[0] if isinstance(error, ValueError) else "too deep"
            message = f"{path}:{number}: not an Elastic rule: {reason[:1].lower()}{reason[1:]}"
            problems.append(Problem(str(path), "", "unreadable", message))
            continue
        if isinstance(found, dict) and "rule_id" in found:
            read = _rule(found, path, number)
            rules += read.rules
            problems += read.problems
        else:
            others.append(found)
    exceptions = exceptions_among(others, path, now=time.time_ns())
    # A list that no rule here names is for other rules: that is none of this file's problems.
    excepted, _ = except_from(rules, exceptions)
    return Loaded(tuple(excepted), (*problems, *exceptions.problems), files=1)


def _rule(found: Mapping[str, Any], path: Path, number: int) -> Loaded:
    query = found.get("query")
    place = f"{path}:{number}"
    source = SourceText(query if isinstance(query, str) else "", place)
    read = read_rule(found, place, source, line=number)
    # Messages name the line; the rule and its problems are of the file.
    return Loaded(
        tuple(msgspec.structs.replace(rule, path=str(path)) for rule in read.rules),
        tuple(msgspec.structs.replace(problem, path=str(path)) for problem in read.problems),
    )


def export(rules: Iterable[Rule]) -> str:
    """Rules, with their exceptions, as Kibana imports them; rules of other vendors are left out."""
    chosen = [rule for rule in rules if rule.vendor == "elastic"]
    lines = [_as_object(rule) for rule in chosen]
    items = list(dict.fromkeys(item for rule in chosen for item in rule.exceptions))
    lists = _lists(chosen, items)
    lines += lists
    lines += [json.loads(item.text) for item in items]
    lines.append(
        {
            "exported_count": len(lines),
            "exported_rules_count": len(chosen),
            "missing_rules": [],
            "missing_rules_count": 0,
            "exported_exception_list_count": len(lists),
            "exported_exception_list_item_count": len(items),
            "missing_exception_list_items": [],
            "missing_exception_list_items_count": 0,
            "missing_exception_lists": [],
            "missing_exception_lists_count": 0,
            "exported_action_connector_count": 0,
            "missing_action_connection_count": 0,
            "missing_action_connections": [],
            "excluded_action_connection_count": 0,
            "excluded_action_connections": [],
        }
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _as_object(rule: Rule) -> dict[str, Any]:
    """The rule in Kibana's keys; without those that it does not state."""
    stated: dict[str, Any] = {
        "version": int(rule.version) if rule.version.isdecimal() else None,
        "building_block_type": "default" if rule.building_block else None,
        "index": list(rule.index),
        "note": rule.guide,
        "license": rule.license,
        "timestamp_override": rule.timestamp_override,
        "rule_name_override": rule.rule_name_override,
        "max_signals": rule.max_signals,
        "alert_suppression": _suppression(rule),
        "investigation_fields": {"field_names": list(rule.investigation_fields)}
        if rule.investigation_fields
        else None,
    }
    return {
        "rule_id": rule.id,
        "name": rule.name,
        "description": rule.description or rule.name,
        "type": rule.type,
        "language": rule.language,
        "query": rule.text,
        "severity": rule.severity,
        "risk_score": rule.risk_score,
        "enabled": False,
        "immutable": False,
        "interval": _text_of(rule.interval),
        "from": f"now-{_text_of(rule.lookback)}",
        "to": "now",
        "author": list(rule.author),
        "tags": list(rule.tags),
        "threat": [_threat(threat) for threat in rule.threat],
        "references": list(rule.references),
        "false_positives": list(rule.false_positives),
        "setup": rule.setup,
        "severity_mapping": [
            {"field": m.field, "operator": "equals", "value": m.value, "severity": m.severity}
            for m in rule.severity_mapping
        ],
        "risk_score_mapping": [
            {"field": field, "operator": "equals", "value": ""} for field in rule.risk_score_mapping
        ],
        "exceptions_list": [
            {"id": r.id or r.list_id, "list_id": r.list_id, "namespace_type": r.namespace,
             "type": r.type} for r in rule.exceptions_list
        ],
        "actions": [],
        **{key: value for key, value in stated.items() if value not in (None, "", [])},
        **_of_type(rule),
        **(json.loads(rule.rest) if rule.rest else {}),
    }  # fmt: skip


def _of_type(rule: Rule) -> dict[str, Any]:
    query = rule.query
    if isinstance(query, NewTerms):
        start = f"now-{_text_of(query.history)}"
        return {"new_terms_fields": list(query.fields), "history_window_start": start}
    if isinstance(query, Threshold):
        counted = [{"field": field, "value": value} for field, value in query.cardinality]
        table = {"field": list(query.fields), "value": query.value, "cardinality": counted}
        return {"threshold": table}
    return {}


def _suppression(rule: Rule) -> dict[str, Any] | None:
    found = rule.suppression
    if found is None:
        return None
    table: dict[str, Any] = {}
    if found.group_by:
        table |= {"group_by": list(found.group_by), "missing_fields_strategy": found.missing}
    if found.duration is not None:
        number, unit = _measured(found.duration, "hms")
        table["duration"] = {"value": number, "unit": unit}
    return table


def _threat(threat: Threat) -> dict[str, Any]:
    found: dict[str, Any] = {"framework": threat.framework}
    if threat.tactic is not None:
        found["tactic"] = _technique(threat.tactic)
    found["technique"] = [
        _technique(one) | {"subtechnique": [_technique(sub) for sub in below]}
        for one, below in threat.techniques
    ]
    return found


def _technique(one: Technique) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "reference": one.reference}


def _references(rule: Rule) -> tuple[ListReference, ...]:
    """The lists that the rule names, and those that name the rule."""
    named = {(ref.list_id, ref.namespace) for ref in rule.exceptions_list}
    others = dict.fromkeys((item.list_id, item.namespace) for item in rule.exceptions)
    return rule.exceptions_list + tuple(
        ListReference(list_id, "rule_default", namespace)
        for list_id, namespace in others
        if (list_id, namespace) not in named
    )


def _lists(rules: Iterable[Rule], items: Iterable[ExceptionItem]) -> list[dict[str, Any]]:
    """The lists on which there are items, once each."""
    wanted = {(item.list_id, item.namespace) for item in items}
    named = {
        (ref.list_id, ref.namespace): ref for rule in rules for ref in _references(rule)
    }  # fmt: skip
    return [
        {
            "list_id": ref.list_id, "namespace_type": ref.namespace, "type": ref.type,
            "name": ref.list_id, "description": ref.list_id, "tags": [], "os_types": [],
            "immutable": False, "version": 1,
        }
        for key, ref in named.items() if key in wanted
    ]  # fmt: skip


def _text_of(duration: dt.timedelta) -> str:
    number, unit = _measured(duration, "dhms")
    return f"{number}{unit}"


def _measured(duration: dt.timedelta, units: str) -> tuple[int, str]:
    """A duration in the largest unit that it is a whole number of."""
    seconds = max(1, duration // dt.timedelta(seconds=1))
    return next(
        (seconds // size, unit) for unit, size in _UNITS if unit in units and seconds % size == 0
    )
