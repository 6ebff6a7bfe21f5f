"""A detection as logic: its named parts, and the condition that joins them.

    selection: {Image: /bin/sh, User: root}     both
    selection: [{Image: /bin/sh}, {User: root}] one of them
    keywords: [wget, curl]                      one of them anywhere in the event

Detections: https://sigmahq.io/sigma-specification/specification/sigma-rules-specification.html
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

from tocsin.errors import QueryError, QuerySemanticError, UnsupportedFeature
from tocsin.languages.sigma import condition as syntax
from tocsin.languages.sigma.leaves import item_as_logic, merged
from tocsin.languages.sigma.names import Fields, NeedsValues, Path, Places
from tocsin.languages.sigma.values import Reader
from tocsin.logic.expr import And, Expr, Not, Or, conjunction, disjunction
from tocsin.logic.patterns import glob_matches
from tocsin.source_text import SourceText

_LONGEST_NAME: Final = 100
_LONGEST_HINT: Final = 200
_MOST: Final = 200_000


class Lowering:
    """The detection of one rule.

    Args:
        parts: its parts by name, as YAML has them.
        fields: what the rule's names stand for.
        placeholders: values of placeholders by name.
        places: where things stand.
    """

    def __init__(
        self,
        parts: Mapping[str, object],
        fields: Fields,
        placeholders: Mapping[str, tuple[str, ...]],
        places: Places,
    ) -> None:
        self._parts = parts
        self._fields = fields
        self._places = places
        self._reader = Reader(placeholders, places)
        self._known: dict[str, Expr] = {}
        self._groups: dict[tuple[str, bool], Expr] = {}
        self._spent = 0

    def lower(self, conditions: tuple[SourceText, ...]) -> Expr:
        """The logic of the rule: one of the conditions holds.

        Raises:
            QueryError: it makes no sense, or cannot be run.
            NeedsValues: placeholders have no values.
        """
        for name in self._parts:  # what no condition names may be broken too
            self._part(name)
        lacking = self._reader.lacking
        if lacking:
            raise NeedsValues(tuple(lacking), next(iter(lacking.values())))
        trees = [syntax.parse(condition) for condition in conditions]
        return self._joined(disjunction, map(self._condition, trees))

    # --- the condition ---

    def _condition(self, node: syntax.Node) -> Expr:
        match node:
            case syntax.Name(name):
                if name not in self._parts:
                    raise self._undefined(node)
                return self._part(name)
            case syntax.Selector():
                return self._group(node)
            case syntax.Not(term):
                return Not(self._condition(term))
            case syntax.And(nodes):
                return self._joined(conjunction, map(self._condition, nodes))
            case syntax.Or(nodes):
                return self._joined(disjunction, map(self._condition, nodes))

    def _group(self, node: syntax.Selector) -> Expr:
        key = (node.pattern, node.all)
        found = self._groups.get(key)
        if found is None:
            self._spend(len(self._parts))
            names = self._selected(node.pattern)
            if not names:
                message = f"no part of the detection is called {node.pattern}"
                raise QuerySemanticError(message, node.span, self._names())
            terms = [self._part(name) for name in names]
            found = conjunction(*terms) if node.all else merged(terms)
            self._groups[key] = found
        return found

    def _joined(self, join: Callable[..., Expr], terms: Iterable[Expr]) -> Expr:
        """The terms as one, each once: a part that a condition names again is the same object."""
        once = list({id(term): term for term in terms}.values())
        self._spend(sum(len(t.terms) if isinstance(t, And | Or) else 1 for t in once))
        return join(*once)

    def _spend(self, steps: int) -> None:
        self._spent += steps
        if self._spent > _MOST:
            message = f"the condition asks for more than {_MOST:,} things"
            raise UnsupportedFeature(message, hint="split the rule into several")

    def _selected(self, pattern: str) -> list[str]:
        """The parts that a pattern names; those that begin with ``_`` have to be named so."""
        glob = "*" if pattern == syntax.THEM else pattern.replace("?", "\\?")
        hidden = pattern.startswith("_")
        return [
            name
            for name in self._parts
            if (hidden or not name.startswith("_")) and _fits(glob, name)
        ]

    def _undefined(self, node: syntax.Name) -> QuerySemanticError:
        near = []
        if len(node.name) <= _LONGEST_NAME:
            near = difflib.get_close_matches(node.name, [str(name) for name in self._parts], n=1)
        hint = f"did you mean {near[0]}?" if near else self._names()
        message = f"the detection has no part {node.name!r}"
        return QuerySemanticError(message, node.span, hint)

    def _names(self) -> str:
        shown = ", ".join(str(name)[:_LONGEST_NAME] for name in list(self._parts)[:10])
        if len(shown) > _LONGEST_HINT:
            shown = f"{shown[:_LONGEST_HINT]}…"
        return f"its parts are {shown}" if shown else ""

    # --- the parts ---

    def _part(self, name: str) -> Expr:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._definition(self._parts[name], (name,))
        return known

    def _definition(self, value: object, path: Path) -> Expr:
        if isinstance(value, Mapping):
            self._refuse_empty(value, path)
            lines = [self._line(str(k or ""), v, (*path, k)) for k, v in value.items()]
            return conjunction(*lines)
        if isinstance(value, list):
            self._refuse_empty(value, path)
            if not any(isinstance(one, (Mapping, list)) for one in value):
                return self._keywords(value, path)
            return merged(self._definition(one, (*path, n)) for n, one in enumerate(value))
        return self._keywords([value], path)

    def _refuse_empty(self, value: Mapping[str, object] | list[object], path: Path) -> None:
        if not value:
            raise QuerySemanticError(f"{path[0]!r} is empty", self._places(path[:1], True))

    def _line(self, key: str, value: object, path: Path) -> Expr:
        try:
            return item_as_logic(self._reader.item(key, value, path), self._fields)
        except QueryError as error:
            raise self._placed(error, path) from None

    def _keywords(self, values: list[object], path: Path) -> Expr:
        try:
            return item_as_logic(self._reader.keywords(values, path), self._fields)
        except QueryError as error:
            raise self._placed(error, path) from None

    def _placed(self, error: QueryError, path: Path) -> QueryError:
        if error.span is None:
            error.span = self._places(path, len(path) > 1)
        return error


@lru_cache(maxsize=4_096)
def _fits(glob: str, name: str) -> bool:
    return glob_matches(glob, name)
