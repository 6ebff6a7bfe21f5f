"""Reading fields out of documents: what ``process.name`` means in a JSON object.

Objects may be nested, dotted (``{"process.name": …}``) or both; arrays are flattened, nulls and
objects are no values (Elasticsearch indexes a document in the same way).

>>> values_of({"a": [{"b": 1}, {"b": [2, None]}], "a.b": 3}, "a.b")
[1, 2, 3]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from tocsin.logic.field_types import Scalar
from tocsin.logic.patterns import glob_matches


def values_of(document: Mapping[str, Any], field: str) -> list[Scalar]:
    """Every value of the field, in the order of the document.

    A field with ``*`` in it is every field whose whole name fits.
    """
    if "*" in field:
        return [value for name, value in flatten(document) if glob_matches(_glob(field), name)]
    found: list[Scalar] = []
    _collect(document, field, found)
    return found


@lru_cache(maxsize=4_096)
def _glob(field: str) -> str:
    return field.replace("\\", "\\\\").replace("?", "\\?")


def _collect(node: Any, path: str, found: list[Scalar]) -> None:
    if isinstance(node, list):
        for element in node:
            _collect(element, path, found)
        return
    if not isinstance(node, Mapping):
        return
    for key, value in node.items():
        if key == path:
            _scalars(value, found)
        elif path.startswith(key) and path[len(key) : len(key) + 1] == ".":
            _collect(value, path[len(key) + 1 :], found)


def _scalars(value: Any, found: list[Scalar]) -> None:
    if isinstance(value, (str, bool, int, float)):
        found.append(value)
    elif isinstance(value, list):
        for element in value:
            _scalars(element, found)


Reader = Callable[[Mapping[str, Any]], list[Scalar]]


@lru_cache(maxsize=4_096)
def reader(field: str) -> Reader:
    """Reads a field of very many documents: the same values as `values_of`, sooner.

    Most documents are nested all the way, and then a field has one place. Whether one is shows in
    its names: where no name that is passed has a dot in it, nothing else can hold a part of the
    field.

    >>> read = reader("host.name")
    >>> read({"host": {"name": ["a", None]}}), read({"host.name": "b"})
    (['a'], ['b'])
    """
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


def objects_of(document: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """The objects that stand at a path, arrays flattened: what a `Nested` leaf looks at.

    >>> objects_of({"a": {"b": [{"c": 1}, {"c": 2}]}}, "a.b")
    [{'c': 1}, {'c': 2}]
    """
    found: list[dict[str, Any]] = []

    def objects(value: Any) -> None:
        if isinstance(value, dict):
            found.append(value)
        elif isinstance(value, list):
            for element in value:
                objects(element)

    def search(node: Any, rest: str) -> None:
        if isinstance(node, list):
            for element in node:
                search(element, rest)
        elif isinstance(node, Mapping):
            for key, value in node.items():
                if key == rest:
                    objects(value)
                elif rest.startswith(key) and rest[len(key) : len(key) + 1] == ".":
                    search(value, rest[len(key) + 1 :])

    search(document, path)
    return found


def flatten(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Scalar]]:
    """Every (dotted name, value) of the document, arrays flattened."""
    pending: list[tuple[str, Any]] = [
        (f"{prefix}{k}", v) for k, v in reversed(list(document.items()))
    ]
    while pending:
        name, value = pending.pop()
        if isinstance(value, (str, bool, int, float)):
            yield name, value
        elif isinstance(value, Mapping):
            pending.extend((f"{name}.{k}", v) for k, v in reversed(list(value.items())))
        elif isinstance(value, list):
            pending.extend((name, element) for element in reversed(value))


_MOST_REMEMBERED = 8 << 20
"""How many characters of names an `Extractor` remembers."""


class Extractor:
    """Reads many fields out of a document in one walk; the same values as `values_of`.

    Args:
        fields: dotted names; those with ``*`` in them cost a walk over everything below their
            first name, over the whole document where that is a wildcard itself.
    """

    def __init__(self, fields: Iterable[str]) -> None:
        self.fields = tuple(fields)
        self._root = _Node()
        self._globs: list[tuple[int, str]] = []
        self._heads: set[str] = set()
        self._named: dict[str, tuple[int, ...]] = {}
        self._remembered = 0
        for number, field in enumerate(self.fields):
            if "*" in field:
                self._globs.append((number, _glob(field)))
                self._heads.add(field.partition(".")[0])
                continue
            node = self._root
            for segment in field.split("."):
                node = node.children.setdefault(segment, _Node())
            node.field = number

    def extract(self, document: Mapping[str, Any]) -> list[tuple[int, Scalar]]:
        """(number of the field, value) pairs; a field's values in the order of the document."""
        found: list[tuple[int, Scalar]] = []
        _walk(document, self._root, found)
        if self._globs:
            for name, value in flatten(self._below_globs(document)):
                found.extend((number, value) for number in self._globbed(name))
        return found

    def _below_globs(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        heads = self._heads
        if any("*" in head for head in heads):
            return document
        return {k: v for k, v in document.items() if k.partition(".")[0] in heads}

    def _globbed(self, name: str) -> tuple[int, ...]:
        """The fields with a wildcard that a name fits; names recur, so they are remembered."""
        known = self._named.get(name)
        if known is None:
            self._remembered += len(name)
            if self._remembered > _MOST_REMEMBERED:
                self._named.clear()
                self._remembered = len(name)
            known = tuple(n for n, glob in self._globs if glob_matches(glob, name))
            self._named[name] = known
        return known


class _Node:
    __slots__ = ("children", "field")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.field = -1


def _walk(node: Mapping[str, Any], trie: _Node, found: list[tuple[int, Scalar]]) -> None:
    children = trie.children
    for key, value in node.items():
        child = children.get(key)
        if child is None:
            if "." not in key:
                continue
            child = trie
            for segment in key.split("."):
                child = child.children.get(segment)
                if child is None:
                    break
            if child is None:
                continue
        _take(value, child, found)


def _take(value: Any, trie: _Node, found: list[tuple[int, Scalar]]) -> None:
    if isinstance(value, (str, bool, int, float)):
        if trie.field >= 0:
            found.append((trie.field, value))
    elif isinstance(value, dict):
        if trie.children:
            _walk(value, trie, found)
    elif isinstance(value, list):
        for element in value:
            _take(element, trie, found)
