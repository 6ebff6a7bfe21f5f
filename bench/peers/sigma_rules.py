"""Sigma rules for an engine that knows no log sources and no mapping of names.

Tenzir's operator takes a rule's field names as paths of the event, so `Image` becomes
`process.executable`, and it does not look at what the rule is for: the ``logsource`` becomes one
more selection, as Tocsin adds it too. The rest of the rule stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from tocsin.events.schema.log_sources import LogSource, Source, find
from tocsin.logic.query import Filter
from tocsin.rules.model import Rule

_IS = "events_of_its_log_source"
_ALL = re.compile(r"\bthem\b|\bof \*")


def fields_of(lines: Iterable[bytes]) -> frozenset[str]:
    """Every dotted path that has a value in some event."""
    found: set[str] = set()

    def note(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                note(below, f"{path}.{key}" if path else key)
        else:
            found.add(path)

    for line in lines:
        note(json.loads(line), "")
    return frozenset(found)


def usable(rules: Sequence[Rule], fields: frozenset[str]) -> list[tuple[Rule, str]]:
    """Rules all of whose fields such events have, each with its text for Tenzir.

    In the order of a hash of their ids: as good as drawn, and always the same.
    """
    found = []
    for rule in sorted(rules, key=lambda rule: sha256(rule.id.encode()).digest()):
        text = translated(rule, fields)
        if text is not None:
            found.append((rule, text))
    return found


def translated(rule: Rule, fields: frozenset[str]) -> str | None:
    """A rule's YAML with ECS's names; None where events of these fields cannot match it."""
    if rule.vendor != "sigma" or not isinstance(rule.query, Filter):
        return None
    document = yaml.safe_load(Path(rule.path).read_text(encoding="utf-8"))
    place = document.get("logsource", {})
    wanted = LogSource(*(str(place.get(k) or "") for k in ("category", "product", "service")))
    source = find(wanted)
    try:
        detection = {
            key: below if key == "condition" else _renamed(below, source, fields)
            for key, below in document["detection"].items()
        }
        condition = detection["condition"]
        if not isinstance(condition, str) or _ALL.search(condition):
            return None  # "them" would take in the selection that is added
        detection["condition"] = f"{_IS} and ({condition})"
        detection[_IS] = _what_it_is(source, fields)
    except KeyError:
        return None
    kept = {key: document.get(key) for key in ("title", "id", "status", "level", "logsource")}
    return yaml.safe_dump(kept | {"detection": detection}, sort_keys=False, allow_unicode=True)


def _what_it_is(source: Source, fields: frozenset[str]) -> list[dict[str, Any]]:
    """The log source as a selection; KeyError: no such event can be one of its."""
    found = [
        dict(_asked(field, values) for field, values in alternative)
        for alternative in source.alternatives
        if all(field in fields or not values for field, values in alternative)
    ]
    if not found:
        raise KeyError
    return found


def _asked(field: str, values: tuple[str, ...]) -> tuple[str, Any]:
    return (f"{field}|exists", True) if values == ("*",) else (field, list(values) or None)


def _renamed(selection: Any, source: Source, fields: frozenset[str]) -> Any:
    """A search identifier with ECS's names; KeyError: one of its own has no single one."""
    if isinstance(selection, dict):
        return {_path(name, source, fields): value for name, value in selection.items()}
    if isinstance(selection, list) and all(isinstance(part, dict) for part in selection):
        return [_renamed(part, source, fields) for part in selection]
    raise KeyError  # keywords: a field is not said


def _path(name: str, source: Source, fields: frozenset[str]) -> str:
    field, bar, modifiers = str(name).partition("|")
    paths = [path for path in source.fields_of(field) if path in fields]
    if len(paths) != 1:  # none, or several of which one has to match: one name cannot say that
        raise KeyError(name)
    return paths[0] + bar + modifiers
