"""Where in a schema the values of a field are: what `fields.values_of` does, once for all rows.

A way leads from the row to an array of plain values, a step at a time:

    process: struct<args: list<string>>, "process.args"   ->   Child(3), Child(0), Inside()

Columns may be nested, dotted (``event.category``) or both, as documents may be. Objects have their
names in order of the alphabet, as `values` makes them. Where the order of values within a row would
not be that of the document (several ways that part below a list, names with ``*`` that might be
keys of a map) there is no way, and the documents have to be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec
from pyarrow import types as kinds

from tocsin.events.arrow.values import is_list, storage_type
from tocsin.logic.patterns import glob_matches


class Child(msgspec.Struct, frozen=True):
    """A field of a struct; as the first step, a column."""

    place: int


class Inside(msgspec.Struct, frozen=True):
    """The elements of a list."""


class Entry(msgspec.Struct, frozen=True):
    """The value that a map has under a key."""

    key: str


Way = tuple[Child | Inside | Entry, ...]

_INSIDE = Inside()


class Tree:
    """A type, with everything that is in it.

    Args:
        kind: a `pyarrow.DataType`.

    Attributes:
        names: of a struct, its fields; else nothing.
        children: of a struct, their types; of a list or a map, that of what it holds.
        is_list: whether it is a list.
        is_map: whether it is a map.
        is_plain: whether it is none of them.
    """

    def __init__(self, kind: Any) -> None:
        kind = storage_type(kind)
        self.is_list = is_list(kind)
        self.is_map = bool(kinds.is_map(kind))
        self.is_plain = not (self.is_list or self.is_map or kinds.is_struct(kind))
        self.names: tuple[str, ...] = ()
        self.children: tuple[Tree, ...] = ()
        if self.is_list:
            self.children = (Tree(kind.value_type),)
        elif self.is_map:
            self.children = (Tree(kind.item_type),)
        elif kinds.is_struct(kind):
            fields = list(kind)
            self.names = tuple(field.name for field in fields)
            self.children = tuple(Tree(field.type) for field in fields)

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each name."""
        return {name: place for place, name in enumerate(self.names)}

    def ways(self, field: str) -> list[Way] | None:
        """The ways to a field's values, in the order of the document; None: there is none.

        Args:
            field: dotted; one with ``*`` is every field whose whole name fits.
        """
        if "*" in field:
            found = _of_glob(self, field)
        else:
            found = list(_of_path(self, field))
        if found is None or not all(map(_are_apart, found, found[1:])):
            return None
        return found


def _are_apart(one: Way, other: Way) -> bool:
    """Whether all that is on the one way stands before all that is on the other, in every row."""
    for a, b in zip(one, other, strict=False):
        if not isinstance(a, Child) or not isinstance(b, Child):
            return False
        if a != b:
            return True
    return False


def _of_path(tree: Tree, path: str) -> Iterator[Way]:
    if tree.is_list:
        for way in _of_path(tree.children[0], path):
            yield (_INSIDE, *way)
    elif tree.is_map:
        for name in _beginnings(path):
            yield from _below(Entry(name), name, tree.children[0], path)
    elif tree.names:
        places = tree.places
        for name in sorted(name for name in _beginnings(path) if name in places):
            yield from _below(Child(places[name]), name, tree.children[places[name]], path)


def _beginnings(path: str) -> Iterator[str]:
    """The names that a path may begin with: ``a.b.c`` with ``a.b.c``, ``a`` and ``a.b``."""
    yield path
    at = path.find(".")
    while at >= 0:
        yield path[:at]
        at = path.find(".", at + 1)


def _below(step: Child | Entry, name: str, tree: Tree, path: str) -> Iterator[Way]:
    """The ways that go on from a step whose name is the path, or what it begins with."""
    if len(name) == len(path):
        inside = _of_plain(tree)
        if inside is not None:
            yield (step, *inside)
    else:
        for way in _of_path(tree, path[len(name) + 1 :]):
            yield (step, *way)


def _of_plain(tree: Tree) -> Way | None:
    """The way to values that are no objects, through any number of lists."""
    if tree.is_list:
        inside = _of_plain(tree.children[0])
        return None if inside is None else (_INSIDE, *inside)
    return () if tree.is_plain else None


def _of_glob(tree: Tree, field: str) -> list[Way] | None:
    glob = field.replace("\\", "\\\\").replace("?", "\\?")
    head = field.partition(".")[0]
    found: list[Way] = []
    for column, place in sorted(tree.places.items()):
        if "*" not in head and column.partition(".")[0] != head:
            continue
        for name, way in _leaves(tree.children[place], column, (Child(place),)):
            if way is None:
                return None  # a map: its keys are in the data
            if glob_matches(glob, name):
                found.append(way)
    return found


def _leaves(tree: Tree, name: str, way: Way) -> Iterator[tuple[str, Way | None]]:
    """Every (dotted name, way) below a column; of a map, its name and no way."""
    if tree.is_list:
        yield from _leaves(tree.children[0], name, (*way, _INSIDE))
    elif tree.is_map:
        yield name, None
    elif tree.is_plain:
        yield name, way
    else:
        for child, place in sorted(tree.places.items()):
            yield from _leaves(tree.children[place], f"{name}.{child}", (*way, Child(place)))
