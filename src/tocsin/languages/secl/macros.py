"""Macros: named parts of expressions, parsed when they are first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.languages.secl.parser import parse
from tocsin.languages.secl.syntax import Array, Name, Node, Text, children
from tocsin.source_text import SourceText

LARGEST: Final = 100_000
"""How many nodes an expression may have once its macros are put in."""

DEEPEST: Final = 100
"""How deep an expression may be once its macros are put in."""


class Macro(msgspec.Struct, frozen=True):
    """A named part of expressions: an expression, a list, or values.

    Attributes:
        expression: its text, with its place in the file; None where it has values.
        values: plain texts, never patterns.
    """

    expression: SourceText | None = None
    values: tuple[str, ...] = ()


class Macros:
    """The macros of a policy, parsed when they are first used."""

    def __init__(self, macros: Mapping[str, Macro | str]) -> None:
        self._macros = macros
        self._nodes: dict[str, Node] = {}
        self._sizes: dict[str, int] = {}
        self._open: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._macros

    def __iter__(self) -> Iterator[str]:
        return iter(self._macros)

    def node(self, name: str) -> Node:
        """The macro's syntax tree."""
        if name not in self._nodes:
            macro = self._macros[name]
            if isinstance(macro, str):
                macro = Macro(SourceText(macro, f"macro {name}"))
            self._nodes[name] = _listed(name, macro) if macro.expression is None else parse(
                macro.expression, macro=True
            )  # fmt: skip
        return self._nodes[name]

    def size(self, node: Node) -> int:
        """How many nodes the tree has once macros are put in.

        Raises:
            QuerySemanticError: a macro uses itself, or there are too many.
        """
        total, pending = 0, [node]
        while pending:
            here = pending.pop()
            total += 1
            pending.extend(children(here))
            if isinstance(here, Name) and here.name in self._macros:
                total += self._size_of(here)
            if total > LARGEST:
                message = f"the expression has more than {LARGEST:,} parts"
                raise QuerySemanticError(message, here.span)
        return total

    def _size_of(self, use: Name) -> int:
        name = use.name
        if name in self._open:
            message = f"the macro {name} uses itself"
            raise QuerySemanticError(message, use.span)
        if len(self._open) >= DEEPEST:
            raise QuerySemanticError(f"macros nest deeper than {DEEPEST} levels", use.span)
        if name not in self._sizes:
            self._open.append(name)
            try:
                self._sizes[name] = self.size(self.node(name))
            finally:
                self._open.pop()
        return self._sizes[name]

    def names(self, node: Node) -> Iterator[Name]:
        """Every name of a tree that is no macro, those inside macros too."""
        pending, seen = [node], set[str]()
        while pending:
            here = pending.pop()
            pending.extend(reversed(children(here)))
            if isinstance(here, Name):
                if here.name not in self._macros:
                    yield here
                elif here.name not in seen:
                    seen.add(here.name)
                    pending.append(self.node(here.name))


def _listed(name: str, macro: Macro) -> Node:
    source = SourceText(", ".join(f'"{value}"' for value in macro.values), f"macro {name}")
    span = source.span(0, len(source.text))
    if not macro.values:
        raise QuerySemanticError(f"the macro {name} has neither an expression nor values", span)
    return Array(tuple(Text(value, "text", span) for value in macro.values), span)
