"""Datadog's signal rules as JSON: what its API answers, its pages export, and Terraform takes.

    {"id": "abc-123", "name": "…", "type": "workload_security", "message": "…", "tags": ["…"],
     "queries": [{"name": "a", "query": "@agent.rule_id:aws_imds", "aggregation": "count",
                  "groupByFields": ["host"]}],
     "cases": [{"name": "", "status": "medium", "condition": "a > 0"}],
     "options": {"detectionMethod": "threshold", "evaluationWindow": 300, "keepAlive": 3600}}

One such object, a list of them, or ``{"data": […]}``, also with ``attributes`` in between. Each
case is a rule of its own, since each makes signals of its own: ``<id>/<case>`` where there are
several. What a signal stays open for (``keepAlive``) is a suppression by the group's values.

Methods that run: ``threshold``, ``new_value``, ``third_party`` and ``sequence_detection``; whatever
else a rule asks for is a problem of the kind ``unsupported`` that names it.

https://docs.datadoghq.com/api/latest/security-monitoring/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tocsin.rules.environment import Environment
from tocsin.rules.formats._datadog_rule_parts import Places
from tocsin.rules.formats._datadog_rule_reader import TYPES, read_rule
from tocsin.rules.model import Loaded, Problem

SUFFIXES: tuple[str, ...] = (".json",)

_DEEPEST: Final = 3


def recognises(path: Path, text: str) -> bool:
    """Whether it is JSON with a signal rule in it."""
    if text.lstrip()[:1] not in {"{", "["} or not _looks_alike(text):
        return False
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return path.suffix.lower() in SUFFIXES and '"queries"' in text
    return next(_rules_in(found), None) is not None


def _looks_alike(text: str) -> bool:
    return '"name"' in text and ('"cases"' in text or '"thirdPartyCases"' in text)


def load(files: Sequence[tuple[Path, str]], environment: Environment) -> Loaded:
    """The rules of all files, each by itself."""
    return Loaded.together(load_file(path, text) for path, text in files)


def load_file(path: Path, text: str) -> Loaded:
    """The rules of a file, and what keeps the others from being some."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{path}: not JSON: {_reason(error)}"
        return Loaded(problems=(Problem(str(path), "", "unreadable", message),), files=1)
    rules = list(_rules_in(found))
    if not rules:
        message = f"{path}: no signal rule of Datadog's is in it"
        return Loaded(problems=(Problem(str(path), "", "invalid", message),), files=1)
    places = Places(text)
    loaded = Loaded.together(read_rule(rule, str(path), places) for rule in rules)
    return msgspec.structs.replace(loaded, files=1)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg.lower()}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _rules_in(found: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The objects that are rules, wherever an answer of the API has them."""
    if isinstance(found, list) and depth < _DEEPEST:
        for item in found:
            yield from _rules_in(item, depth + 1)
    if not isinstance(found, dict):
        return
    inside = found.get("attributes")
    if isinstance(inside, dict) and _is_rule(inside):
        yield {"id": found.get("id"), **inside}
    elif _is_rule(found):
        yield found
    elif "data" in found and depth < _DEEPEST:
        yield from _rules_in(found["data"], depth + 1)


def _is_rule(found: Mapping[str, Any]) -> bool:
    cases = found.get("cases", found.get("thirdPartyCases"))
    if not isinstance(cases, list) or "name" not in found:
        return False
    kind = found.get("type")
    return isinstance(found.get("queries"), list) or (isinstance(kind, str) and kind in TYPES)
