"""Fields and their types: what an index mapping says in Elasticsearch.

>>> ECS.resolve("destination.port").type, ECS.resolve("process.name.caseless").fold_case
('long', True)
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tocsin.events.schema.ecs import TYPES
from tocsin.logic.field_types import FieldType


class Resolved(msgspec.Struct, frozen=True):
    """A field as a rule names it, resolved.

    Attributes:
        path: the field that events have.
        type: how its values are read.
        fold_case: the name is of a multi-field that is stored in lower case (``.caseless``).
        known: whether the schema has it; an unknown one is read as ``dynamic``.
    """

    path: str
    type: FieldType
    fold_case: bool = False
    known: bool = True


class Schema(msgspec.Struct, frozen=True):
    """Field types by name.

    Attributes:
        types: the fields that are known.
        unknown: what a field reads as that is not among them.
    """

    types: Mapping[str, FieldType]
    unknown: FieldType = "dynamic"

    def resolve(self, field: str) -> Resolved:
        """The field's path and type; multi-fields (``.text``, ``.caseless``) by their parent."""
        kind = self.types.get(field)
        if kind is not None:
            return Resolved(field, kind)
        parent, _, suffix = field.rpartition(".")
        if parent in self.types:
            if suffix == "caseless":
                return Resolved(parent, "keyword", fold_case=True)
            if suffix == "text":
                return Resolved(parent, "text")
            if suffix == "keyword":
                return Resolved(parent, "keyword")
        return Resolved(field, self.unknown, known=False)


ECS = Schema(TYPES)
"""The Elastic Common Schema 9, and the fields of Elastic's integrations that public rules use."""
