"""What is right: the slow row-at-a-time definition of the semantics.

Short and obvious on purpose. The columnar engine (`evaluate`), every shortcut and every distributed
form is held to it by property tests; where the two disagree, this one is right or has the bug.

>>> from tocsin.logic.expr import Leaf, Not
>>> from tocsin.logic.matchers import Equals
>>> curl = Leaf("process.name", Equals(("curl",)), "keyword")
>>> holds(curl, {"process": {"name": ["sh", "curl"]}}), holds(Not(curl), {})
(True, True)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from tocsin.events.fields import objects_of, values_of
from tocsin.logic import functions
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import FieldType, Scalar, coerce
from tocsin.logic.matchers import matched_pattern
from tocsin.logic.value import Field, Result
from tocsin.logic.views import viewed

Document = Mapping[str, Any]

OUTER = "^"
"""The key under which an object of a `Nested` sees the whole event."""


def holds(expr: Expr, document: Document) -> bool:
    """Whether the event satisfies the expression."""
    match expr:
        case Always(value):
            return value
        case And(terms):
            return all(holds(term, document) for term in terms)
        case Or(terms):
            return any(holds(term, document) for term in terms)
        case Not(term):
            return not holds(term, document)
        case Leaf():
            return leaf_holds(expr, read(document, expr.field, expr.type, expr.missing))
        case Script(value):
            return functions.holds(value, lambda field: read_field(document, field))
        case Nested(path, term, most):
            return any(holds(term, o) for o in nested_objects(document, path, most))
        case _:
            assert_never(expr)


def leaf_holds(leaf: Leaf, values: list[Scalar]) -> bool:
    """Whether some value (with ``every``: each of them) fits the leaf's matcher."""
    fits = (matched_pattern(leaf.matcher, leaf.type, value) is not None for value in values)
    return all(fits) if leaf.every else any(fits)


def read(document: Document, field: str, kind: FieldType, missing: Result = None) -> list[Scalar]:
    """The field's values as its type holds them; what cannot be held is no value."""
    if "*" in field and isinstance(document, _Inside) and not field.startswith(f"{OUTER}."):
        # Every field of a nested object is none of the event around it.
        document = {key: value for key, value in document.items() if key != OUTER}
    found = [v for v in (coerce(kind, raw) for raw in values_of(document, field)) if v is not None]
    return [missing] if not found and missing is not None else found


def read_field(document: Document, field: Field) -> list[Scalar]:
    """The same for a field of a script; what it is missing as, `functions.holds` decides."""
    return viewed(field.view, read(document, field.name, field.type))


def nested_objects(document: Document, path: str, most: int = 0) -> list[dict[str, Any]]:
    """The objects at a path, at most so many, each with the whole event within reach."""
    found = objects_of(document, path)
    return [_Inside({**one, OUTER: document}) for one in (found[:most] if most else found)]


class _Inside(dict[str, Any]):
    """An object of a `Nested`: in an event the key of the whole one is a key like any other."""
