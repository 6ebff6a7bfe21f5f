"""Vendors' own event shapes → ECS, one shape a module, found by listing this package.

A shape is a module with

* ``recognises(document) -> bool``: whether a document has this shape; cheap, called for each event;
* ``to_ecs(document) -> Document``: the event as rules see it; never raises;
* ``identity(document) -> bytes``: what the event's id is a hash of; empty for "its bytes";
* ``MARKS: tuple[bytes, ...]``: regular expressions, ASCII letters being equal in both cases, of
  which one is found in the JSON of each document that it recognises. Lines without any are not
  decoded to find out; of a shape without marks every line is.

One document has one shape: no two modules recognise the same, whatever their order. The exception
is a shape that says ``CARRIES_OTHERS = True``: its documents may hold an event of another shape
beside its own keys, so it is asked first. What has a category or a kind of event in ECS's names
is in ECS already, and no shape is asked.

A module whose name begins with ``_`` is a part of a shape.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Protocol

from tocsin.events.record import Document, Record


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


PLAIN = "ecs"
"""The name of no shape at all: the event is in ECS already."""


@cache
def shapes() -> Mapping[str, Shape]:
    """Every shape by its name, in the order in which they are asked."""
    found: dict[str, Shape] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if not name.startswith("_"):
            module: Shape = importlib.import_module(f"{__name__}.{name}")
            found[name] = module
    return dict(sorted(found.items(), key=lambda shape: not carries_others(shape[1])))


@cache
def marks() -> tuple[bytes, ...]:
    """What one of is found in the JSON of each document that some shape recognises."""
    found: dict[bytes, None] = {}
    for shape in shapes().values():
        found.update(dict.fromkeys(getattr(shape, "MARKS", (b"",))))
    return tuple(found)


def carries_others(shape: Shape) -> bool:
    """Whether documents of a shape may look like documents of another one, too."""
    return getattr(shape, "CARRIES_OTHERS", False) is True


def is_in_ecs(document: Document) -> bool:
    """Whether a document went through somebody's pipeline: no vendor's own event says this."""
    if "@timestamp" not in document:
        return False
    event = document.get("event")
    if isinstance(event, dict) and ("kind" in event or "category" in event):
        return True
    return "event.kind" in document or "event.category" in document


def in_ecs(record: Record) -> Shaped | None:
    """The event in ECS's names; None where it has no shape of its own (it is in ECS already)."""
    document = record.document
    if record.shape:
        named = shapes().get(record.shape)
        return None if named is None else Shaped(named, document)
    if is_in_ecs(document):
        return None
    for shape in shapes().values():
        if shape.recognises(document):
            return Shaped(shape, document)
    return None
