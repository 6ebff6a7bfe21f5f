"""One event of which each field is read once, however many leaves ask for it.

>>> reading = Reading({"process": {"pid": "7", "name": ["sh", "curl"]}})
>>> reading.values("process.pid", "long"), reading.raw("process.pid"), reading.raw("process.name")
([7], ['7'], ['sh', 'curl'])
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from tocsin.engine import reference
from tocsin.events.fields import values_of
from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import FieldType, Scalar, coerce
from tocsin.logic.value import Field, Result
from tocsin.logic.views import viewed

Document = Mapping[str, Any]

ODD: Final[Any] = object()
"""In the place of an object: what stands there can only be read by `values_of`."""

_NOWHERE = "*"
"""The path of what has no path."""

_TEXTS = frozenset(("keyword", "text", "version", "dynamic"))
"""The types as which texts stay as they are."""


class Objects:
    """An event of which each object is looked for once, however many fields stand in it.

    Attributes:
        document: the event as rules see it.
    """

    __slots__ = ("_objects", "document")

    def __init__(self, document: Document) -> None:
        self.document = document
        self._objects: dict[str, Any] = {}

    def _object(self, path: str) -> Any:
        """The object at a path, of which no key has a dot; None where there is nothing; `ODD`."""
        found = self._objects.get(path, self)
        if found is not self:
            return found
        if not path:
            found = self.document
        elif path == _NOWHERE:
            found = ODD
        else:
            outer, _, key = path.rpartition(".")
            above = self._object(outer)
            found = above if above is ODD or above is None else above.get(key)
        if isinstance(found, dict):
            # A dotted key may hold any field below it.
            if "." in "".join(found):
                found = ODD
        elif found is not ODD:
            found = ODD if isinstance(found, (list, Mapping)) else None
        self._objects[path] = found
        return found


class Reading(Objects):
    """An event of which each field is read once.

    Attributes:
        document: the event as rules see it.
        known: what parts of conditions have found of it.
    """

    __slots__ = ("_raw", "_values", "known")

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.known: dict[Any, Any] = {}
        self._raw: dict[str, list[Scalar]] = {}
        self._values: dict[tuple[str, FieldType], list[Scalar]] = {}

    def values(self, field: str, kind: FieldType, missing: Result = None) -> list[Scalar]:
        """What `reference.read` gives."""
        found = self._values.get((field, kind))
        if found is None:
            if "*" in field:
                found = reference.read(self.document, field, kind)
            else:
                found = _read_as(kind, self.raw(field))
            self._values[field, kind] = found
        return [missing] if not found and missing is not None else found

    def viewed(self, field: Field) -> list[Scalar]:
        """What `reference.read_field` gives."""
        return viewed(field.view, self.values(field.name, field.type))

    def raw(self, field: str) -> list[Scalar]:
        """What `values_of` gives."""
        found = self._raw.get(field)
        if found is None:
            found = self._raw[field] = self._read(field)
        return found

    def original(self, leaf: Leaf, value: Scalar) -> Scalar:
        """The value as the event has it, before its type's reading (``"80"`` behind 80)."""
        if leaf.type in {"keyword", "dynamic"}:
            return value
        raw = self.raw(leaf.field)
        return next((r for r in raw if coerce(leaf.type, r) == value), value)

    def _read(self, field: str) -> list[Scalar]:
        path, key = place_of(field)
        holder = self._object(path)
        if holder is None:
            return []
        if holder is ODD:
            return values_of(self.document, field)
        value = holder.get(key)
        if isinstance(value, (str, bool, int, float)):
            return [value]
        # What is in a list, or in objects of lists, is read in the one way that there is.
        return [] if value is None else values_of({key: value}, key)


@lru_cache(maxsize=16_384)
def place_of(field: str) -> tuple[str, str]:
    """Where a field stands: the path of its object, and its key there."""
    # A field with a wildcard is every field that fits; a name without a name is nobody's.
    if "*" in field or "" in field.split("."):
        return _NOWHERE, ""
    path, _, key = field.rpartition(".")
    return path, key


def _read_as(kind: FieldType, raw: list[Scalar]) -> list[Scalar]:
    if len(raw) == 1 and type(raw[0]) is str and kind in _TEXTS:
        return raw
    return [value for value in (coerce(kind, found) for found in raw) if value is not None]
