"""How many events of which group, as a ``threshold`` rule writes it.

    {"field": ["user.id"], "value": 1, "cardinality": [{"field": "source.ip", "value": 20}]}

``field`` may be one text; where it is empty, all events are one group.
"""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.errors import QuerySemanticError
from tocsin.logic.query import Filter, Threshold


def threshold_of(table: object, query: Filter) -> Threshold:
    """The query with what the table asks for.

    Raises:
        QuerySemanticError: it makes no sense.
    """
    if not isinstance(table, Mapping):
        raise QuerySemanticError("a threshold rule needs a table threshold")
    fields = table.get("field", [])
    fields = [fields] if isinstance(fields, str) and fields else fields or []
    if not (isinstance(fields, list) and all(isinstance(f, str) and f for f in fields)):
        raise QuerySemanticError(f"the field of a threshold is a list of fields, not {fields!r}")
    counted = table.get("cardinality") or []
    if not isinstance(counted, list):
        raise QuerySemanticError("the cardinality of a threshold is a list of tables")
    cardinality = tuple(_cardinality(entry) for entry in counted)
    value = _number(table.get("value"), 1, "the value of a threshold")
    return Threshold(query, tuple(dict.fromkeys(fields)), value, cardinality)


def _cardinality(entry: object) -> tuple[str, int]:
    found = entry if isinstance(entry, Mapping) else {}
    field = found.get("field")
    if not (isinstance(field, str) and field):
        raise QuerySemanticError(f"a cardinality of a threshold has a field, not {entry!r}")
    return field, _number(found.get("value"), 0, f"the cardinality of {field}")


def _number(value: object, least: int, what: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise QuerySemanticError(f"{what} is a whole number from {least} on, not {value!r}")
