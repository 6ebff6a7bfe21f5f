"""What the tests of sensors' shapes share: events as rules see them, rules at work, odd values."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tocsin.events.fields import flatten, values_of
from tocsin.events.record import Record
from tocsin.events.shapes import in_ecs, shapes
from tocsin.rules.load import load_rules
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector

NOW = 1_800_000_000 * 10**9
IMDS = "169.254.169.254"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Any JSON, with numbers that are too large and floats that are none."""

Document = dict[str, Any]


def shaped(document: Document) -> Document:
    """The event as rules see it."""
    found = in_ecs(Record(document, "line 1"))
    assert found is not None
    return found.document


def shape_of(document: Document) -> str | None:
    """The name of the shape that takes a document."""
    return next((name for name, shape in shapes().items() if shape.recognises(document)), None)


def values(document: Document, field: str) -> list[Any]:
    """A field of the event as rules see it."""
    return list(values_of(shaped(document), field))


def seeds(shared: Path) -> list[Rule]:
    """The three published rules that started it; Elastic's two as they stand in its repository."""
    elastic = shared / "corpora" / "elastic" / "rules"
    places = [
        elastic / "network" / "credential_access_cloud_imds_credential_http_request.toml",
        elastic / "cross-platform"
        / "credential_access_suspicious_instance_metadata_service_api_request.toml",
        *(shared / "seeds").glob("004_*"),
    ]  # fmt: skip
    rules = load_rules(places).rules
    assert len(rules) == 3
    return list(rules)


def rung(rules: list[Rule], records: list[Record]) -> list[tuple[str, str]]:
    """(position, rule) of every match."""
    detector = Detector(rules, now=NOW)
    matches = [*detector.feed(records, "events"), *detector.finish()]
    return sorted((match.events[-1].position, match.rule.name) for match in matches)


def spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to everything in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from spots(inner, (*path, key))


@st.composite
def damaged(draw: st.DrawFn, documents: list[Document]) -> Document:
    """One of some documents, with any JSON in up to three places."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(spots(document))
        if not places:
            break
        *path, last = draw(st.sampled_from(places))
        holder: Any = document
        for key in path:
            holder = holder[key]
        holder[last] = draw(JSON)
    return document


def is_flat(document: Document) -> bool:
    """Whether every field of a document can be read."""
    return len(list(flatten(document))) > 0
