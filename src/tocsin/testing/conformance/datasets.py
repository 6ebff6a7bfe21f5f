"""The events of a suite: as documents in the order of their time, and as a schema.

A suite's ``data/_datasets.json`` says which fields are identifier, time and tiebreaker, and which
types are not those that Elasticsearch would make of the JSON: texts are keywords, whole numbers
longs, fractions doubles. Keys such as ``x__source`` are notes of whoever wrote the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from tocsin.errors import InputError
from tocsin.events.fields import flatten, values_of
from tocsin.events.schema import Schema
from tocsin.logic.field_types import FieldType, Scalar, coerce, date_of
from tocsin.testing.conformance.cases import Document

_NOTE: Final = "__"

_TYPES: Final[Mapping[str, FieldType]] = {
    **dict.fromkeys(("keyword", "constant_keyword", "wildcard", "flattened"), "keyword"),
    **dict.fromkeys(("text", "match_only_text", "annotated-text", "annotated_text"), "text"),
    **dict.fromkeys(("long", "integer", "short", "byte", "unsigned_long"), "long"),
    **dict.fromkeys(("double", "float", "half_float", "scaled_float"), "double"),
    **dict.fromkeys(("date", "date_nanos"), "date"),
    "boolean": "boolean",
    "ip": "ip",
    "version": "version",
}
"""Elasticsearch's types → ours; objects (``nested``) are no fields."""


class Dataset(msgspec.Struct, frozen=True):
    """The events of a suite.

    Attributes:
        documents: in the order of their time.
        ids: the identifier of each.
        schema: the types of its fields.
        category_field: where an event's category stands.
        times: the time of each, nanoseconds since the epoch; equal ones are in order already.
    """

    documents: list[Document]
    ids: list[Any]
    schema: Schema
    category_field: str = "event.category"
    times: list[int] = []


def field_types(types: Mapping[str, str]) -> dict[str, FieldType]:
    """Types by Elasticsearch's names → types by ours."""
    bare = {name: kind.partition("(")[0] for name, kind in types.items()}
    return {name: _TYPES[kind] for name, kind in bare.items() if kind in _TYPES}


@lru_cache(maxsize=64)
def load(file: Path, name: str | None, data: str) -> Dataset:
    """The dataset that a case names.

    Args:
        file: the file that the case stands in.
        name: the dataset's name; None where the suite has no description of it.
        data: the path of the events, as the case names it.

    Raises:
        InputError: there are no such events.
    """
    events = _beside(file, data)
    described: Mapping[str, Any] = {}
    if name is not None:
        described = msgspec.json.decode((events.parent / "_datasets.json").read_bytes())[name]
    id_field = described.get("id_field", "_id")
    types: Mapping[str, str] = described.get("types", {})
    documents = [
        _as_indexed(msgspec.json.decode(line), types)
        for line in events.read_bytes().splitlines()
        if line.strip()
    ]
    documents.sort(key=_in_order(described))
    known: dict[str, FieldType] = {
        **_inferred(documents),
        **dict.fromkeys(described.get("mapped_without_docs", ()), "keyword"),
        **field_types(types),
    }
    ids = [next(iter(values_of(document, id_field)), None) for document in documents]
    category_field = described.get("event_category_field", "event.category")
    times = [_time(document, described.get("timestamp_field")) for document in documents]
    return Dataset(documents, ids, Schema(known), category_field, times)


def _beside(file: Path, data: str) -> Path:
    for folder in (file.parent, *file.parent.parents[:2]):
        if (folder / data).is_file():
            return folder / data
    raise InputError(f"{file} names {data}, which is not beside it")


def _as_indexed(document: Document, types: Mapping[str, str]) -> Document:
    """The document as Elasticsearch indexes it: without notes, and with what null stands for."""
    found = {key: value for key, value in document.items() if _NOTE not in key}
    for name, kind in types.items():
        _, given, value = kind.partition("(null_value=")
        if given and name in found and found[name] is None:
            found[name] = value.removesuffix(")")
    return found


def _in_order(described: Mapping[str, Any]) -> Any:
    time, tiebreaker = described.get("timestamp_field"), described.get("tiebreaker_field")

    def key(document: Document) -> tuple[int, bool, Any]:
        first = values_of(document, tiebreaker) if tiebreaker else []
        return (_time(document, time), not first, first[0] if first else 0)

    return key


def _time(document: Document, field: str | None) -> int:
    found = values_of(document, field) if field else []
    return (date_of(found[0]) or 0) if found else 0


def _inferred(documents: Iterable[Document]) -> dict[str, FieldType]:
    kinds: dict[str, set[FieldType]] = {}
    for document in documents:
        for name, value in flatten(document):
            kinds.setdefault(name, set()).add(_type_of(value))
    return {name: _common(found) for name, found in kinds.items()}


def _type_of(value: Scalar) -> FieldType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "keyword"
    return "long" if isinstance(value, int) else "double"


def _common(kinds: set[FieldType]) -> FieldType:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "double" if kinds == {"long", "double"} else "keyword"


def addresses(documents: Iterable[Document]) -> dict[str, FieldType]:
    """The fields whose every value is an IP address."""
    found: dict[str, bool] = {}
    for document in documents:
        for name, value in flatten(document):
            found[name] = found.get(name, True) and isinstance(value, str) and (
                coerce("ip", value) is not None
            )  # fmt: skip
    return {name: "ip" for name, fits in found.items() if fits}
