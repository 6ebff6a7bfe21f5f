"""What a value says of a field by its type in Elasticsearch's mapping, for KQL and for Lucene.

* keyword: the whole value, in this case
* text: its words; in quotes adjacent and in order, else any of them
* numbers, booleans: by value
* addresses: equal, or in a block
* dates: the whole of what is written, ``2026-01-31`` being a day; date math reckons from ``now``
* no known type: the text, and the number or boolean that it spells

What a type cannot hold has no logic: `Fields` answers None, and the language says what that means.

>>> from tocsin.events.schema import ECS
>>> fields = Fields(ECS, now=0)
>>> fields.equals(fields.target("destination.port"), "80", quoted=False).matcher
Equals(values=(80,), fold_case=False)
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tocsin.events.schema import Schema
from tocsin.languages import _dates
from tocsin.logic import expr as logic
from tocsin.logic.expr import Expr, Leaf, disjunction
from tocsin.logic.field_types import FieldType, Scalar, coerce, number_of
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    Matcher,
    Range,
    Wildcard,
    Words,
    network_of,
    tokens,
)
from tocsin.logic.patterns import glob_matches


class Target(msgspec.Struct, frozen=True):
    """The field of a leaf, resolved; ``path`` is relative to the nested object it is in."""

    path: str
    type: FieldType
    fold_case: bool = False
    spelled: str = ""

    def leaf(self, matcher: Matcher, kind: FieldType | None = None, operator: str = ":") -> Leaf:
        """A leaf over the field."""
        return Leaf(self.path, matcher, kind or self.type, operator=operator, spelled=self.spelled)


ANY_FIELD = Target("*", "keyword")
"""Every field of an event, for values without a field."""


class Fields:
    """Leaves by the types of their fields.

    Args:
        schema: types of fields.
        now: what date math reckons from, in nanoseconds since the epoch.
    """

    def __init__(self, schema: Schema, now: int) -> None:
        self._schema = schema
        self._now = now

    def target(self, name: str, prefix: str = "", *, is_pattern: bool = False) -> Target:
        """The field of that name below ``prefix``; a pattern has the type common to its fields."""
        found = self._schema.resolve(prefix + name)
        path = found.path.removeprefix(prefix)
        kind = found.type
        if not found.known and is_pattern:
            kind = self._common_type(prefix + name)
        return Target(path, kind, found.fold_case, "" if path == name else name)

    def _common_type(self, pattern: str) -> FieldType:
        """The type that all fields with such a name have, if it is one."""
        glob = pattern.replace("\\", "\\\\").replace("?", "\\?")
        kinds = {kind for name, kind in self._schema.types.items() if glob_matches(glob, name)}
        return kinds.pop() if len(kinds) == 1 else self._schema.unknown

    def exists(self, target: Target, prefix: str = "") -> Expr:
        """Any value; of what the schema knows as an object, any value of a field below it."""
        leaf = target.leaf(Exists())
        name = prefix + target.path
        if "*" in name or not any(field.startswith(f"{name}.") for field in self._schema.types):
            return leaf
        return disjunction(leaf, Leaf(f"{target.path}.*", Exists(), operator=":"))

    def equals(self, target: Target, text: str, *, quoted: bool) -> Leaf | None:
        """A field has a value; None where its type cannot hold it."""
        match target.type:
            case "keyword" | "version":
                return target.leaf(Equals((text,), target.fold_case))
            case "dynamic":
                return target.leaf(Equals(spellings(text)))
            case "text":
                return target.leaf(Words(tuple(tokens(text)), "phrase" if quoted else "any", text))
            case "date":
                span = _dates.interval(text, self._now)
                return target.leaf(Range(span[0], span[1])) if span else None
            case "ip" if "/" in text:
                block = text.strip()
                return target.leaf(InNetwork((block,))) if network_of(block) else None
            case "ip" | "long" | "double" | "boolean":
                wanted = coerce(target.type, text)
                return None if wanted is None else target.leaf(Equals((wanted,)))

    def bounds(self, target: Target, text: str, *, after: bool) -> tuple[Scalar, ...]:
        """The constants that a bound may be, none where its type has no such order.

        Args:
            target: the field.
            text: the bound as it is written.
            after: whether the far side of what is written counts: ``> 2026-01-31`` begins in
                February, ``>= 2026-01-31`` does not.
        """
        match target.type:
            case "keyword" | "text" | "version":
                return (text,)
            case "dynamic":
                return tuple(b for b in spellings(text) if not isinstance(b, bool))
            case "date":
                span = _dates.interval(text, self._now)
                return () if span is None else (span[after],)
            case "ip" | "long" | "double":
                bound = coerce(target.type, text)
                return () if bound is None else (bound,)
            case "boolean":
                return ()


def in_any_field(text: str, *, quoted: bool) -> Expr:
    """A value without a field: Elasticsearch asks every field in the way of its type."""
    words = Words(tuple(tokens(text)), "phrase" if quoted else "any", text)
    return disjunction(ANY_FIELD.leaf(Equals((text,))), ANY_FIELD.leaf(words, "text"))


def spellings(text: str) -> tuple[Scalar, ...]:
    """What a JSON value may be that somebody writes so: the text, a number, a boolean."""
    number = number_of(text)
    if number is not None:
        return (text, number)
    return (text, text == "true") if text in ("true", "false") else (text,)


# --- one leaf for the alternatives of a field -----------------------------------------------------


def merged(expr: Expr) -> Expr:
    """``f: a or g: x or f: b  ->  f: (a, b) or g: x``: a leaf for each field and matcher."""
    if not isinstance(expr, logic.Or):
        return expr
    groups: dict[object, list[Leaf]] = {}
    terms: list[Expr | list[Leaf]] = []
    for term in expr.terms:
        key = _group_of(term)
        if key is None or not isinstance(term, Leaf):
            terms.append(term)
        elif key in groups:
            groups[key].append(term)
        else:
            groups[key] = [term]
            terms.append(groups[key])
    merged = [_one(term) if isinstance(term, list) else term for term in terms]
    return merged[0] if len(merged) == 1 else logic.Or(tuple(merged))


def _group_of(term: Expr) -> object | None:
    if not isinstance(term, Leaf):
        return None
    matcher = term.matcher
    if not isinstance(matcher, (Equals, Wildcard, InNetwork)):
        return None
    folded = not isinstance(matcher, InNetwork) and matcher.fold_case
    return (term.field, term.spelled, term.type, type(matcher), folded)


def _one(leaves: list[Leaf]) -> Leaf:
    first = leaves[0]
    if len(leaves) == 1:
        return first
    match first.matcher:
        case Equals(fold_case=fold_case):
            values = [v for x in leaves if isinstance(x.matcher, Equals) for v in x.matcher.values]
            matcher: Matcher = Equals(_distinct(values), fold_case)
        case Wildcard(fold_case=fold_case):
            globs = [g for x in leaves if isinstance(x.matcher, Wildcard) for g in x.matcher.globs]
            matcher = Wildcard(tuple(dict.fromkeys(globs)), fold_case)
        case _:
            blocks = [
                b for x in leaves if isinstance(x.matcher, InNetwork) for b in x.matcher.blocks
            ]
            matcher = InNetwork(tuple(dict.fromkeys(blocks)))
    return msgspec.structs.replace(first, matcher=matcher)


def _distinct(values: Iterable[Scalar]) -> tuple[Scalar, ...]:
    """Each value once; 1 and True are two values."""
    return tuple({(isinstance(value, bool), value): value for value in values}.values())
