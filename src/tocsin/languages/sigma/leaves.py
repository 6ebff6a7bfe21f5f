r"""Lines of a detection as logic: each value a leaf, alternatives of one field one leaf.

    CommandLine|contains|all: [a, b]   ->   CommandLine: *a* and CommandLine: *b*
    User|fieldref: ParentUser          ->   a script that compares the two fields
    Image: null                        ->   not Image exists

A name of Sigma may stand for several fields of events: then one of them has to fit, and for
``null`` all of them have to be absent.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from tocsin.errors import QuerySemanticError
from tocsin.languages.sigma.names import Fields
from tocsin.languages.sigma.regexes import translated
from tocsin.languages.sigma.values import Item
from tocsin.logic.expr import Always, Expr, Leaf, Not, Or, Script, conjunction, disjunction
from tocsin.logic.field_types import FieldType
from tocsin.logic.matchers import Equals, Exists, InNetwork, Range, Regex, Wildcard
from tocsin.logic.patterns import glob_escape, is_literal
from tocsin.logic.value import Call, Const, Field, Value

_SYMBOLS: Final = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
    CompareOperators.NEQ: "!=",
}
_CALLS: Final = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "!=": "ne", "==": "eq"}
_FLAGS: Final = {SigmaRegularExpressionFlag.MULTILINE: "m", SigmaRegularExpressionFlag.DOTALL: "s"}


def item_as_logic(item: Item, fields: Fields) -> Expr:
    """The condition that a line is.

    Raises:
        QuerySemanticError: a keyword is something that cannot be looked for.
    """
    line = _Line(item, fields)
    if not item.values:
        expr = line.value(SigmaNull())  # a list of nothing asks for nothing
    elif item.every:
        expr = conjunction(*(line.value(value) for value in item.values))
    else:
        expr = line.any_of(item.values)
    return Not(expr) if item.negated else expr


class _Line:
    """A line with the fields that it asks."""

    def __init__(self, item: Item, fields: Fields) -> None:
        self._item = item
        self._names = fields
        self._fields = fields.fields_of(item.field) if item.field else fields.keywords
        self._more = fields.empty_in(item.field) if item.field else ()

    def any_of(self, values: Iterable[SigmaType]) -> Expr:
        return merged([self.value(value) for value in values])

    def value(self, value: SigmaType) -> Expr:
        """The condition that one of the values is."""
        if isinstance(value, SigmaExpansion):
            return self.any_of(value.values)
        if not self._item.field:
            value = self._keyword(value)
        match value:
            case SigmaNull() | SigmaExists(exists=False):
                return Not(self._exists())
            case SigmaExists():
                return self._exists()
            case SigmaRegularExpression():
                return disjunction(*(self._regex(f, value) for f in self._fields))
            case SigmaFieldReference():
                others = self._names.fields_of(value.field)
                pairs = itertools.product(self._fields, others)
                return disjunction(*(self._reference(f, o, value) for f, o in pairs))
            case SigmaTimestampPart():
                return disjunction(*(self._moment(f, value, "==") for f in self._fields))
            case SigmaCompareExpression():
                return disjunction(*(self._compared(f, value) for f in self._fields))
            case _:
                more = self._more if _says_nothing(value) else ()
                return disjunction(*(self._plain(f, value) for f in (*self._fields, *more)))

    def _exists(self) -> Expr:
        return disjunction(*(self._leaf(f, Exists()) for f in (*self._fields, *self._more)))

    def _keyword(self, value: SigmaType) -> SigmaType:
        """What is looked for anywhere in a field, if it has to be put into a pattern."""
        if isinstance(value, SigmaRegularExpression):
            return value
        if isinstance(value, (SigmaNumber, SigmaBool)):
            value = SigmaString(_text(value))
        if isinstance(value, SigmaString):
            kind = SigmaCasedString if isinstance(value, SigmaCasedString) else SigmaString
            found = kind()
            found.s = [SpecialChars.WILDCARD_MULTI, *value.s, SpecialChars.WILDCARD_MULTI]
            return found
        raise QuerySemanticError("a keyword has to be a text or a number")

    def _leaf(self, field: str, matcher: _Matcher, operator: str = ":") -> Leaf:
        kind: FieldType = "keyword"
        if isinstance(matcher, (InNetwork, Range)):
            kind = "ip" if isinstance(matcher, InNetwork) else "double"
        return Leaf(field, matcher, kind, operator=operator, spelled=self._spelled(field))

    def _spelled(self, field: str) -> str:
        name = self._item.field or "keywords"
        return "" if name == field else name

    def _plain(self, field: str, value: SigmaType) -> Expr:
        if isinstance(value, SigmaCIDRExpression):
            return self._leaf(field, InNetwork((value.cidr,)), "cidr")
        if isinstance(value, SigmaString):
            glob = _glob(value)
            if is_literal(glob):
                return self._leaf(field, Equals((_literal(value),), not self._item.cased))
            return self._leaf(field, Wildcard((glob,), not self._item.cased))
        if isinstance(value, (SigmaNumber, SigmaBool)):
            return self._leaf(field, Equals((_text(value),), not self._item.cased))
        message = f"{self._item.key!r} compares with something that is no value"
        raise QuerySemanticError(message)

    def _regex(self, field: str, value: SigmaRegularExpression) -> Expr:
        flags = "".join(letter for flag, letter in _FLAGS.items() if flag in value.flags)
        folds = SigmaRegularExpressionFlag.IGNORECASE in value.flags
        written = str(value.regexp)
        found = translated(written, flags)
        if len(found.wanted) == 1 and not found.unwanted:
            return self._leaf(
                field, Regex(found.wanted, folds, whole=False, texts=(written,)), "re"
            )
        # All of it has to be true of one value: a field may have several.
        read = Field(field, "keyword", spelled=self._spelled(field))
        calls: list[Value] = [
            Call("regex_search", (read, Const(part)), folds) for part in found.wanted
        ]
        calls += [
            Call("not", (Call("regex_search", (read, Const(part)), folds),))
            for part in found.unwanted
        ]
        return Script(Call("and", tuple(calls)), f"{self._item.field} re {written}")

    def _reference(self, field: str, other: str, value: SigmaFieldReference) -> Expr:
        folds = not self._item.cased
        left = Field(field, "keyword", spelled=self._spelled(field))
        right = Field(other, "keyword", spelled="" if other == value.field else value.field)
        match value.starts_with, value.ends_with:
            case True, True:
                name, word = "stringContains", "contains"
            case True, False:
                name, word = "startsWith", "starts with"
            case False, True:
                name, word = "endsWith", "ends with"
            case _:
                name, word = "eq", "=="
        text = f"{self._item.field} {word} {value.field}"
        return Script(Call(name, (left, right), folds), text)

    # --- numbers and moments ---

    def _compared(self, field: str, value: SigmaCompareExpression) -> Expr:
        symbol = _SYMBOLS[value.op]
        if isinstance(value.number, SigmaTimestampPart):
            return self._moment(field, value.number, symbol)
        number = value.number.number
        included = value.op in {CompareOperators.LTE, CompareOperators.GTE}
        if value.op in {CompareOperators.LT, CompareOperators.LTE}:
            return self._leaf(field, Range(high=number, high_included=included), symbol)
        if value.op in {CompareOperators.GT, CompareOperators.GTE}:
            return self._leaf(field, Range(low=number, low_included=included), symbol)
        return Not(self._leaf(field, Equals((_text(value.number),)), symbol))

    def _moment(self, field: str, part: SigmaTimestampPart, symbol: str) -> Expr:
        """A part of a moment, in UTC, compared with a number."""
        unit = part.timestamp_part.name.lower()
        read = Field(field, "date", spelled=self._spelled(field))
        call = Call("date_part", (read, Const(unit)))
        text = f"{unit} of {self._item.field} {symbol} {part.number}"
        return Script(Call(_CALLS[symbol], (call, Const(part.number))), text)


_Matcher = Exists | Equals | Wildcard | Regex | Range | InNetwork


def _text(value: SigmaNumber | SigmaBool) -> str:
    return str(value.number) if isinstance(value, SigmaNumber) else str(value.boolean).lower()


def _says_nothing(value: SigmaType) -> bool:
    return isinstance(value, SigmaString) and value.s in ([], [""], ["-"])


def _glob(value: SigmaString) -> str:
    return "".join(
        glob_escape(part)
        if isinstance(part, str)
        else "?"
        if part is SpecialChars.WILDCARD_SINGLE
        else "*"
        for part in value.s
    )


def _literal(value: SigmaString) -> str:
    return "".join(part for part in value.s if isinstance(part, str))


# --- one leaf for the alternatives of a field -----------------------------------------------------


def merged(terms: Iterable[Expr]) -> Expr:
    """``f: a or g: x or f: b*  ->  f: (a, b*) or g: x``: a leaf for each field and kind."""
    groups: dict[object, list[Leaf]] = {}
    found: list[Expr | list[Leaf]] = []
    for term in _alternatives(terms):
        if term == Always(value=False):
            continue
        key = _group_of(term)
        if key is None or not isinstance(term, Leaf):
            found.append(term)
        elif key in groups:
            groups[key].append(term)
        else:
            groups[key] = [term]
            found.append(groups[key])
    return disjunction(*(_one(term) if isinstance(term, list) else term for term in found))


def _alternatives(terms: Iterable[Expr]) -> Iterator[Expr]:
    for term in terms:
        if isinstance(term, Or):
            yield from term.terms
        else:
            yield term


def _group_of(term: Expr) -> object | None:
    match term:
        case Leaf(field, Equals(_, fold) | Wildcard(_, fold)):
            return (field, term.spelled, "text", fold)
        case Leaf(field, Regex(_, fold)):
            return (field, term.spelled, "regex", fold)
        case Leaf(field, InNetwork()):
            return (field, term.spelled, "network")
        case _:
            return None


def _one(leaves: list[Leaf]) -> Leaf:
    """The leaves as one; literal texts and patterns are patterns together."""
    matchers = [leaf.matcher for leaf in leaves]
    first = matchers[0]
    if len(leaves) == 1:
        return leaves[0]
    matcher: _Matcher
    if isinstance(first, Regex):
        regexes = [m for m in matchers if isinstance(m, Regex)]
        matcher = msgspec.structs.replace(
            first,
            patterns=tuple(p for m in regexes for p in m.patterns),
            texts=tuple(t for m in regexes for t in m.texts),
        )
    elif isinstance(first, InNetwork):
        blocks = (b for m in matchers if isinstance(m, InNetwork) for b in m.blocks)
        matcher = InNetwork(tuple(dict.fromkeys(blocks)))
    elif all(isinstance(m, Equals) for m in matchers):
        values = (v for m in matchers if isinstance(m, Equals) for v in m.values)
        matcher = Equals(tuple(dict.fromkeys(values)), _folds(first))
    else:
        globs = (g for m in matchers for g in _globs(m))
        matcher = Wildcard(tuple(dict.fromkeys(globs)), _folds(first))
    return msgspec.structs.replace(leaves[0], matcher=matcher)


def _folds(matcher: object) -> bool:
    return isinstance(matcher, (Equals, Wildcard)) and matcher.fold_case


def _globs(matcher: object) -> tuple[str, ...]:
    if isinstance(matcher, Equals):
        return tuple(glob_escape(str(value)) for value in matcher.values)
    return matcher.globs if isinstance(matcher, Wildcard) else ()
