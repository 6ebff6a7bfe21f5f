"""Vendors' own event shapes → ECS, one shape a module, found by listing this package.

A shape is a module with

* ``recognises(document) -> bool``: whether a document has this shape; cheap, called for each event;
* ``to_ecs(document) -> Document``: the event as rules see it; never raises;
* ``identity(document) -> bytes``: what the event's id is a hash of; empty for "its bytes".
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol

import msgspec

from tocsin.events.record import Document


class Shape(Protocol):
    """A module that knows one vendor's events."""

    def recognises(self, document: Document) -> bool:
        """Whether a document has this shape."""

    def to_ecs(self, document: Document) -> Document:
        """The event as rules see it."""

    def identity(self, document: Document) -> bytes:
        """What the event's id is a hash of; empty for "its bytes"."""


class Shaped(msgspec.Struct):
    """An event that came in a shape of its own: as rules see it, and what it is known by."""

    document: Document
    identity: bytes = b""


@cache
def shapes() -> tuple[Shape, ...]:
    """Every shape, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found: list[Shape] = []
    for name in names:
        module: Shape = importlib.import_module(f"{__name__}.{name}")  # type: ignore[assignment]
        found.append(module)
    return tuple(found)


def in_ecs(document: Document) -> Shaped | None:
    """The event in ECS's names; None where it has no shape of its own (it is in ECS already)."""
    for shape in shapes():
        if shape.recognises(document):
            return Shaped(shape.to_ecs(document), shape.identity(document))
    return None
