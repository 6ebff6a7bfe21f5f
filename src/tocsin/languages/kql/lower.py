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

from tocsin.errors import QuerySemanticError
from tocsin.events.schema import Schema
from tocsin.languages._elastic_fields import ANY_FIELD, Fields, Target, in_any_field, merged
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
from tocsin.logic.expr import Always, Expr, conjunction, disjunction
from tocsin.logic.field_types import fold, text_of
from tocsin.logic.matchers import Range, Wildcard, Words, tokens
from tocsin.logic.patterns import glob_escape

_NEVER = Always(value=False)


class Lowering:
    """Turns syntax into logic.

    Args:
        schema: types of fields.
        now: what date math reckons from, in nanoseconds since the epoch.
    """

    def __init__(self, schema: Schema, now: int) -> None:
        self._fields = Fields(schema, now)
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
                return merged(disjunction(*[self.lower(term) for term in terms]))
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
            return self._fields.exists(target, self._prefix)
        if isinstance(value, Pattern):
            return _wildcard(target, value)
        return self._equals(target, value)

    def _target(self, field: Name) -> Target:
        name = field.value if isinstance(field, Text) else "*".join(field.parts)
        return self._fields.target(name, self._prefix, is_pattern=isinstance(field, Pattern))

    def _equals(self, target: Target, value: Text | Constant) -> Expr:
        text, quoted = _text(value)
        return self._fields.equals(target, text, quoted=quoted) or _NEVER

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
        bounds = self._fields.bounds(target, text, after=operator in (">", "<="))
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


def _text(value: Text | Constant) -> tuple[str, bool]:
    """The characters of a value, and whether they stood in quotes."""
    if isinstance(value, Text):
        return value.value, value.quoted
    return text_of(bool(value.value)), False


def _glob(pattern: Pattern) -> str:
    return "*".join(glob_escape(part) for part in pattern.parts)


def _wildcard(target: Target, pattern: Pattern) -> Expr:
    match target.type:
        case "keyword" | "version" | "dynamic":
            return target.leaf(Wildcard((_glob(pattern),), target.fold_case))
        case "text":
            return disjunction(*_wildcard_words(target, pattern))
        case _:
            return _NEVER


def _wildcard_words(target: Target, pattern: Pattern) -> list[Expr]:
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
        glob = ANY_FIELD.leaf(Wildcard((_glob(value),)))
        return disjunction(glob, *_wildcard_words(ANY_FIELD, value))
    text, quoted = _text(value)
    return in_any_field(text, quoted=quoted)
