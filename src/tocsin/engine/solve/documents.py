"""What was found out about an event, field by field, as a document.

>>> document({"process.name": ("sh",), "process": (1,), "host.id": ("a", "b")}, {})
{'process': 1, 'process.name': 'sh', 'host': {'id': ['a', 'b']}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.events.record import Document
from tocsin.logic.field_types import Scalar

Values = Mapping[str, Sequence[Scalar]]
"""The values of each field; none: the event does not have it."""

Objects = Mapping[str, Sequence[Document]]
"""Arrays of objects by their paths."""


def document(values: Values, objects: Objects, *, flat: bool = False) -> Document:
    """Nested objects; where a field has values and fields below it, those keep their dots.

    Args:
        values: the values of each field.
        objects: arrays of objects by their paths.
        flat: every name keeps its dots, so that no objects come to be but those given.
    """
    whole: dict[str, Any] = {path: list(found) for path, found in objects.items()}
    whole.update((f, v[0] if len(v) == 1 else list(v)) for f, v in values.items() if v)
    if flat:
        return whole
    built: Document = {}
    for field in sorted(whole, key=lambda name: name.count(".")):
        _place(built, field, whole[field])
    return built


def _place(built: Document, field: str, value: Any) -> None:
    node: Any = built
    names = field.split(".")
    for name in names[:-1]:
        node = node.setdefault(name, {})
        if not isinstance(node, dict) or not name:
            built[field] = value
            return
    if names[-1] in node:
        built[field] = value
    else:
        node[names[-1]] = value
