"""KQL's syntax as logic: what a leaf means depends on the type of its field.

* keyword: the whole value, in this case; ``*`` any run of characters, ``?`` an ordinary one
* text: its words; in quotes adjacent and in order, else any of them
* numbers, booleans: by value; a value that the type cannot hold matches nothing
* addresses: equal, or in a block
* dates: the whole of what is written, ``2026-01-31`` being a day; date math reckons from ``now``
* no known type: the text, and the number or boolean that it spells

Alternatives for one field become one leaf: ``f: (a or b or c*)`` is an `Equals` and a `Wildcard`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.events.schema import Schema
from tocsin.languages.kql import dates
from tocsin.languages.kql.syntax import (
    And,
    Compare,
    Constant,
    Match,
    Name,
    Nested,
    Node,
    Not,
    Or,
    Pattern,
    Text,
    Value,
)
from tocsin.logic import expr as logic
from tocsin.logic.expr import Always, Expr, Leaf, conjunction, disjunction
from tocsin.logic.field_types import FieldType, Scalar, coerce, fold, number_of, text_of
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
from tocsin.logic.patterns import glob_escape, glob_matches

_NEVER = Always(value=False)


class _Target(msgspec.Struct, frozen=True):
    """The field of a leaf, resolved; ``path`` is relative to the nested object it is in."""

    path: str
    type: FieldType
    fold_case: bool = False
    spelled: str = ""

    def leaf(self, matcher: Matcher, kind: FieldType | None = None, operator: str = ":") -> Leaf:
        return Leaf(self.path, matcher, kind or self.type, operator=operator, spelled=self.spelled)


_ANY_FIELD = _Target("*", "keyword")


class Lowering:
    """Turns syntax into logic.

    Args:
        schema: types of fields.
        now: what date math reckons from, in nanoseconds since the epoch.
    """

    def __init__(self, schema: Schema, now: int) -> None:
        self._schema = schema
        self._now = now
        self._prefix = ""

    def lower(self, node: Node) -> Expr:
        """The logic of a query, or of a part of one."""
        match node:
            case Match(field, value):
                return self._match(field, value)
            case Compare(field, operator, value):
                return self._compare(field, operator, value)
            case Not(term):
                return logic.Not(self.lower(term))
            case And(terms):
                return conjunction(*[self.lower(term) for term in terms])
            case Or(terms):
                return _merged(disjunction(*[self.lower(term) for term in terms]))
            case Nested(path, term):
                return self._nested(path, term)

    def _nested(self, path: Name, term: Node) -> Expr:
        if isinstance(path, Pattern):
            message = "a nested object has to be named without a wildcard"
            raise QuerySemanticError(message, path.span)
        outer, self._prefix = self._prefix, f"{self._prefix}{path.value}."
        inner = self.lower(term)
        self._prefix = outer
        return logic.Nested(path.value, inner)

    # --- field: value -------------------------------------------------------------------------

    def _match(self, field: Name | None, value: Value) -> Expr:
        if isinstance(value, Constant) and value.value is None:
            message = "null is no value that a field can have"
            raise QuerySemanticError(message, value.span, "a field without a value: not field: *")
        lone = isinstance(value, Pattern) and value.is_lone
        if field is None or (isinstance(field, Pattern) and field.is_lone):
            return Always(value=True) if lone else _in_any_field(value)
        target = self._target(field)
        if lone:
            return self._exists(target)
        if isinstance(value, Pattern):
            return _wildcard(target, value)
        return self._equals(target, value)

    def _exists(self, target: _Target) -> Expr:
        """Any value; of what the schema knows as an object, any value of a field below it."""
        leaf = target.leaf(Exists())
        name = self._prefix + target.path
        if "*" in name or not any(field.startswith(f"{name}.") for field in self._schema.types):
            return leaf
        return disjunction(leaf, Leaf(f"{target.path}.*", Exists(), operator=":"))

    def _target(self, field: Name) -> _Target:
        name = field.value if isinstance(field, Text) else "*".join(field.parts)
        found = self._schema.resolve(self._prefix + name)
        path = found.path.removeprefix(self._prefix)
        kind = found.type
        if not found.known and isinstance(field, Pattern):
            kind = self._common_type(self._prefix + name)
        return _Target(path, kind, found.fold_case, "" if path == name else name)

    def _common_type(self, pattern: str) -> FieldType:
        """The type that all fields with such a name have, if it is one."""
        glob = pattern.replace("\\", "\\\\").replace("?", "\\?")
        kinds = {kind for name, kind in self._schema.types.items() if glob_matches(glob, name)}
        return kinds.pop() if len(kinds) == 1 else self._schema.unknown

    def _equals(self, target: _Target, value: Text | Constant) -> Expr:
        text = value.value if isinstance(value, Text) else text_of(bool(value.value))
        match target.type:
            case "keyword" | "version":
                return target.leaf(Equals((text,), target.fold_case))
            case "dynamic":
                return target.leaf(Equals(_spellings(text)))
            case "text":
                how = "phrase" if isinstance(value, Text) and value.quoted else "any"
                return target.leaf(Words(tuple(tokens(text)), how, text))
            case "date":
                span = dates.interval(text, self._now)
                return target.leaf(Range(span[0], span[1])) if span else _NEVER
            case "ip" if "/" in text:
                block = text.strip()
                return target.leaf(InNetwork((block,))) if network_of(block) else _NEVER
            case "ip" | "long" | "double" | "boolean":
                wanted = coerce(target.type, text)
                return _NEVER if wanted is None else target.leaf(Equals((wanted,)))

    # --- field < value ------------------------------------------------------------------------

    def _compare(self, field: Name, operator: str, value: Value) -> Expr:
        target = self._target(field)
        match value:
            case Pattern(parts):
                text = "*".join(parts)
            case Constant(constant):
                text = "null" if constant is None else text_of(constant)
            case Text(text):
                pass
        match target.type:
            case "keyword" | "text" | "version":
                bounds: tuple[Scalar, ...] = (text,)
            case "dynamic":
                bounds = tuple(b for b in _spellings(text) if not isinstance(b, bool))
            case "date":
                span = dates.interval(text, self._now)
                # On the far side of what is written, or not: `> 2026-01-31` begins in February.
                bounds = () if span is None else (span[operator in (">", "<=")],)
            case "ip" | "long" | "double":
                bound = coerce(target.type, text)
                bounds = () if bound is None else (bound,)
            case "boolean":
                bounds = ()
        included = operator.endswith("=")
        leaves = [
            target.leaf(
                Range(low=b, low_included=included)
                if operator.startswith(">")
                else Range(high=b, high_included=included),
                operator=operator,
            )
            for b in bounds
        ]
        return disjunction(*leaves) if leaves else _NEVER


def _spellings(text: str) -> tuple[Scalar, ...]:
    """What a JSON value may be that somebody writes so: the text, a number, a boolean."""
    number = number_of(text)
    if number is not None:
        return (text, number)
    return (text, text == "true") if text in ("true", "false") else (text,)


def _glob(pattern: Pattern) -> str:
    return "*".join(glob_escape(part) for part in pattern.parts)


def _wildcard(target: _Target, pattern: Pattern) -> Expr:
    match target.type:
        case "keyword" | "version" | "dynamic":
            return target.leaf(Wildcard((_glob(pattern),), target.fold_case))
        case "text":
            return disjunction(*_wildcard_words(target, pattern))
        case _:
            return _NEVER


def _wildcard_words(target: _Target, pattern: Pattern) -> list[Expr]:
    """Wildcards in analysed text: each word for itself, one of them is enough."""
    words: list[list[str]] = [[""]]
    for number, part in enumerate(pattern.parts):
        if number:
            words[-1].append("")
        first, *others = _split(part)
        words[-1][-1] += first
        words.extend([piece] for piece in others)
    leaves: list[Expr] = []
    for word in words:
        written = "*".join(word)
        if len(word) > 1:
            glob = _glob(Pattern(tuple(fold(piece) for piece in word)))
            leaves.append(target.leaf(Words((glob,), "wildcard", written), "text"))
        elif found := tokens(written):
            leaves.append(target.leaf(Words(tuple(found), "any", written), "text"))
    return leaves or [_NEVER]


def _split(text: str) -> list[str]:
    """Words between blanks; a blank at an end leaves an empty one there."""
    words = text.split()
    if not words:
        return [""] if not text else ["", ""]
    return [*([""] if text[0].isspace() else []), *words, *([""] if text[-1].isspace() else [])]


def _in_any_field(value: Value) -> Expr:
    """A value without a field: Elasticsearch asks every field in the way of its type."""
    if isinstance(value, Pattern):
        glob = _ANY_FIELD.leaf(Wildcard((_glob(value),)))
        return disjunction(glob, *_wildcard_words(_ANY_FIELD, value))
    text = value.value if isinstance(value, Text) else text_of(bool(value.value))
    how = "phrase" if isinstance(value, Text) and value.quoted else "any"
    words = Words(tuple(tokens(text)), how, text)
    return disjunction(_ANY_FIELD.leaf(Equals((text,))), _ANY_FIELD.leaf(words, "text"))


# --- one leaf for the alternatives of a field -----------------------------------------------------


def _merged(expr: Expr) -> Expr:
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
