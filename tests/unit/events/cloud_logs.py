"""What the tests of the clouds' logs share: events of any kind, rules, and which fields they name."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tocsin.events.decoders import json as json_decoder
from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.events.shapes import in_ecs
from tocsin.rules.field_names import _named
from tocsin.rules.formats import elastic_toml
from tocsin.rules.load import load_rules
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["{", '{"a":', "[1]", "2026-03-01T00:00:00Z", "10.0.0.1:1", "a@b", "//"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
CLOUDS = ("azure_logs", "cloudtrail", "gcp_audit", "o365_audit")
SECRET = "hunter2-is-a-secret"


def shaped(document: dict[str, Any]) -> dict[str, Any]:
    """A document as rules see it."""
    found = in_ecs(Record(document, "line 1"))
    assert found is not None, "no shape knows it"
    return found.document


def one(document: dict[str, Any], field: str) -> Any:
    """The one value of a field."""
    (value,) = values_of(document, field)
    return value


def paths(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document."""
    found = [path] if path else []
    if isinstance(document, dict):
        for key, value in document.items():
            found += paths(value, (*path, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            found += paths(value, (*path, number))
    return found


def replaced(document: dict[str, Any], path: Sequence[Any], value: Any) -> dict[str, Any]:
    """A copy of a document with another value at a place."""
    new = copy.deepcopy(document)
    holder: Any = new
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return new


def stays_json(document: dict[str, Any]) -> None:
    """Whatever came in: what rules see can be written down."""
    found = in_ecs(Record(document, "line 1"))
    if found is not None:
        assert isinstance(found.identity, bytes)
        json.dumps(found.document)
    for name in CLOUDS:
        # A user may say that a file is of a cloud, whatever is in it.
        told = in_ecs(Record(document, "line 1", shape=name))
        assert told is not None
        assert isinstance(told.identity, bytes)
        json.dumps(told.document)


def deep(levels: int) -> Any:
    """A value nested so deep."""
    value: Any = "bottom"
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


# --- rules --------------------------------------------------------------------------------------


def elastic_rules(shared: Path, *folders: str) -> tuple[Rule, ...]:
    """Elastic's rules of some integrations, and the building blocks."""
    place = shared / "corpora" / "elastic"
    places = [place / "rules" / "integrations" / name for name in folders]
    return load_rules([*places, place / "rules_building_block"], known=[elastic_toml]).rules


def rung(rules: Sequence[Rule], files: Iterable[Path]) -> Iterator[tuple[str, list[str]]]:
    """(stem of the rule's file, ids of the events) of what rings over files, read as one."""
    detector = Detector(rules, now=0)
    matches = []
    for file in files:
        detector.new_file()
        with file.open("rb") as stream:
            records = [r for r in json_decoder.decode(stream, file.name) if isinstance(r, Record)]
        matches += detector.feed(records, file.name)
    for match in (*matches, *detector.finish()):
        yield Path(match.rule.path).stem, [event.id for event in match.events]


def never_given(
    rules: Iterable[Rule], prefixes: tuple[str, ...], documents: Iterable[dict[str, Any]]
) -> set[str]:
    """The fields that rules over these datasets name and none of the documents has."""
    named = {
        field
        for rule in rules
        if any(pattern.startswith(prefixes) for pattern in rule.index)
        for field in _fields(rule)
    }
    given = list(documents)
    return {field for field in named if not any(values_of(one, field) for one in given)}


def _fields(rule: Rule) -> Iterator[str]:
    yield from _named(rule.query)
    if rule.suppression is not None:
        yield from rule.suppression.group_by
