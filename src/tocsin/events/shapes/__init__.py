"""Vendors' own event shapes → ECS, one shape a module, found by listing this package.

A shape is a module with

* ``recognises(document) -> bool``: whether a document has this shape; cheap, called for each event;
* ``to_ecs(document) -> Document``: the event as rules see it; never raises;
* ``identity(document) -> bytes``: what the event's id is a hash of; empty for "its bytes".

A module whose name begins with ``_`` is a part of a shape.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache, cached_property
from typing import Protocol

from tocsin.events.record import Document


class Shape(Protocol):
    """A module that knows one vendor's events."""

    def recognises(self, document: Document) -> bool:
        """Whether a document has this shape."""

    def to_ecs(self, document: Document) -> Document:
        """The event as rules see it."""

    def identity(self, document: Document) -> bytes:
        """What the event's id is a hash of; empty for "its bytes"."""


class Shaped:
    """An event that came in a shape of its own.

    Args:
        shape: the shape that knows it.
        original: the event as it came.

    Attributes:
        document: the event as rules see it.
    """

    def __init__(self, shape: Shape, original: Document) -> None:
        self._shape = shape
        self._original = original
        self.document = shape.to_ecs(original)

    @cached_property
    def identity(self) -> bytes:
        """What the event's id is a hash of; empty for "its bytes"."""
        return self._shape.identity(self._original)


@cache
def shapes() -> tuple[Shape, ...]:
    """Every shape, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found: list[Shape] = []
    for name in names:
        if name.startswith("_"):
            continue
        module: Shape = importlib.import_module(f"{__name__}.{name}")
        found.append(module)
    return tuple(found)


def in_ecs(document: Document) -> Shaped | None:
    """The event in ECS's names; None where it has no shape of its own (it is in ECS already)."""
    for shape in shapes():
        if shape.recognises(document):
            return Shaped(shape, document)
    return None
