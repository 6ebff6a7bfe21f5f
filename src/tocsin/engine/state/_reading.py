"""Reading a field of very many documents: the same values as `events.fields.values_of`, sooner.

Most documents are nested all the way, and then a field has one place. Whether one is shows in its
names: where no name that is passed has a dot in it, nothing else can hold a part of the field.

>>> reader("host.name")({"host": {"name": ["a", None]}}), reader("host.name")({"host.name": "b"})
(['a'], ['b'])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from tocsin.events.fields import values_of
from tocsin.logic.field_types import Scalar

Reader = Callable[[Mapping[str, Any]], list[Scalar]]


@lru_cache(maxsize=4_096)
def reader(field: str) -> Reader:
    """Reads a field."""
    *above, last = field.split(".")

    def read(document: Mapping[str, Any]) -> list[Scalar]:
        node: Any = document
        for name in above:
            if type(node) is not dict or "." in "".join(node):
                return values_of(document, field)
            node = node.get(name)
            if node is None:
                return []
        if type(node) is not dict:
            return values_of(document, field)
        value: Any = node.get(last)
        kind = type(value)
        if kind is str or kind is int or kind is float or kind is bool:
            return [value]
        return [] if value is None else values_of(document, field)

    return (lambda document: values_of(document, field)) if "*" in field else read
