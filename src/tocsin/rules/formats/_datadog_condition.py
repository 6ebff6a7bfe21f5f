r"""The condition of a case of Datadog's signal rules: comparisons of what its queries counted.

    condition  := any [ THEN any ]
    any        := all ( '||' all )*
    all        := comparison ( '&&' comparison )*
    comparison := side ('>' | '>=' | '<' | '<=') side  |  '(' any ')'
    side       := query | number | query '*' number | number '*' query

A comparison of two queries (``errors > warnings``) is legal and not run.

>>> condition = parse_condition(SourceText("failed > 5 && ok > 0"))
>>> [(bounds.query, bounds.least) for bounds in condition.terms]
[('failed', 6), ('ok', 1)]

https://docs.datadoghq.com/security/cloud_siem/detect_and_monitor/custom_detection_rules/
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

import msgspec

from tocsin.errors import QuerySemanticError, QuerySyntaxError, UnsupportedFeature
from tocsin.languages._parsing import Cursor, Lexer, Token
from tocsin.source_text import SourceText, Span

MOST_WAYS: Final = 64
"""In how many ways a condition may come true; more are refused."""


class End(msgspec.Struct, frozen=True, order=True):
    """A bound: the number, and 1 where the number itself lies below it."""

    number: Fraction
    beyond: int


class Bounds(msgspec.Struct, frozen=True):
    """What a query counted lies between two ends; either may be open.

    Attributes:
        query: its name.
        low: the lower end.
        high: the upper end: the first that is too much.
        span: where it stands.
    """

    query: str
    low: End | None = None
    high: End | None = None
    span: Span | None = None

    @property
    def least(self) -> int:
        """The smallest count in it."""
        if self.low is None:
            return 0
        number = self.low.number
        return max(0, math.floor(number) + 1 if self.low.beyond else math.ceil(number))

    @property
    def is_possible(self) -> bool:
        """Whether a count lies in it."""
        return self.high is None or End(Fraction(self.least), 0) < self.high


class AllOf(msgspec.Struct, frozen=True):
    """``&&``."""

    terms: tuple[Condition, ...]


class AnyOf(msgspec.Struct, frozen=True):
    """``||``."""

    terms: tuple[Condition, ...]


Condition = Bounds | AllOf | AnyOf


class Then(msgspec.Struct, frozen=True):
    """``THEN``: one after the other."""

    first: Condition
    second: Condition


_LEXER: Final = Lexer(
    [
        ("blank", r"\s+"),
        ("number", r"[0-9]{1,18}(?![0-9A-Za-z_.])"),
        ("name", r"[A-Za-z_][A-Za-z0-9_]*"),
        ("compare", r">=|<=|>(?!=)|<(?!=)"),
        ("and", r"&&"),
        ("or", r"\|\|"),
        ("times", r"\*"),
        ("bracket", r"[()]"),
    ],
    skip={"blank"},
    explain=lambda text, at: (
        f"unexpected {text[at]!r}",
        "a condition is like a > 5 && b > 0, of whole numbers, with > >= < <= && || THEN",
    ),
)
_TURNED: Final = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


def parse_condition(source: SourceText) -> Condition | Then:
    """What a condition says.

    Raises:
        QuerySyntaxError: it does not follow the grammar.
        UnsupportedFeature: it compares two queries.
    """
    return _Parser(source).condition()


class _Parser:
    """A place among the tokens."""

    def __init__(self, source: SourceText) -> None:
        self.cursor = Cursor(source, _LEXER)

    def condition(self) -> Condition | Then:
        first = self.any()
        second = self.any() if self.cursor.accept("name", "THEN") else None
        if second is not None and self.cursor.at("name", "THEN"):
            raise self.cursor.error("a condition has one THEN at most")
        if not self.cursor.at("end"):
            raise self.cursor.error("expected && or ||")
        return first if second is None else Then(first, second)

    def any(self) -> Condition:
        terms = [self.all()]
        while self.cursor.accept("or"):
            terms.append(self.all())
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))

    def all(self) -> Condition:
        terms = [self.comparison()]
        while self.cursor.accept("and"):
            terms.append(self.comparison())
        return terms[0] if len(terms) == 1 else AllOf(tuple(terms))

    def comparison(self) -> Condition:
        if self.cursor.accept("bracket", "("):
            with self.cursor.deeper():
                found = self.any()
            self.cursor.expect("bracket", ")", what="')'")
            return found
        first = self.cursor.peek()
        left, operator, right = self.side(), self.operator(), self.side()
        span = self.cursor.span(first, self.cursor.tokens[self.cursor.index - 1])
        match left, right:
            case (str(name), int(times)), (None, int(number)):
                return _bounds(name, times, operator, number, span)
            case (None, int(number)), (str(name), int(times)):
                return _bounds(name, times, _TURNED[operator], number, span)
            case (str(), _), (str(), _):
                raise UnsupportedFeature("a comparison of two queries is not run", span)
            case _:
                raise QuerySyntaxError("a comparison needs the name of a query", span)

    def operator(self) -> str:
        return self.cursor.expect("compare", what="one of > >= < <=").text

    def side(self) -> tuple[str | None, int]:
        """(query, factor), or (None, number)."""
        first = self.factor()
        if not self.cursor.accept("times"):
            return (None, int(first.text)) if first.kind == "number" else (first.text, 1)
        second = self.factor()
        if (first.kind == "number") == (second.kind == "number"):
            raise QuerySyntaxError("'*' stands between a query and a number",
                                   self.cursor.span(first, second))  # fmt: skip
        name, number = (second, first) if first.kind == "number" else (first, second)
        return name.text, int(number.text)

    def factor(self) -> Token:
        if self.cursor.at("number") or (
            self.cursor.at("name") and not self.cursor.at("name", "THEN")
        ):
            return self.cursor.next()
        raise self.cursor.error("expected a query or a whole number")


def _bounds(query: str, times: int, operator: str, number: int, span: Span) -> Bounds:
    """``times * query operator number``."""
    if not times:
        raise QuerySemanticError("nothing times a query tells nothing", span)
    end = End(Fraction(number, times), int(operator in {">", "<="}))
    return Bounds(query, end, None, span) if ">" in operator else Bounds(query, None, end, span)


# --- in how many ways it comes true ---------------------------------------------------------------

Way = dict[str, Bounds]
"""By query, between which numbers it lies."""


def ways_of(condition: Condition) -> tuple[Way, ...]:
    """The ways in which a condition comes true; none: it never does.

    >>> [list(way) for way in ways_of(parse_condition(SourceText("a > 1 || b > 1 && a > 0")))]
    [['a'], ['b', 'a']]

    Raises:
        UnsupportedFeature: there are more than `MOST_WAYS`.
    """
    found: tuple[Way, ...]
    match condition:
        case Bounds(query=query):
            return ({query: condition},) if condition.is_possible else ()
        case AnyOf(terms):
            found = tuple(way for term in terms for way in ways_of(term))
        case AllOf(terms):
            found = ({},)
            for term in terms:
                more = ways_of(term)
                _check(len(found) * len(more))
                pairs = [_both(one, other) for one in found for other in more]
                found = tuple(w for w in pairs if all(b.is_possible for b in w.values()))
    _check(len(found))
    return found


def _check(count: int) -> None:
    if count > MOST_WAYS:
        message = f"a condition that comes true in more than {MOST_WAYS} ways is not run"
        raise UnsupportedFeature(message)


def _both(one: Way, other: Way) -> Way:
    found = dict(one)
    for query, bounds in other.items():
        mine = found.get(query, bounds)
        lows = [end for end in (mine.low, bounds.low) if end is not None]
        highs = [end for end in (mine.high, bounds.high) if end is not None]
        found[query] = Bounds(query, max(lows, default=None), min(highs, default=None), mine.span)
    return found


def implies(one: tuple[Way, ...], other: tuple[Way, ...]) -> bool:
    """Whether a condition holds only where another one does, as far as single ways tell."""
    return all(any(_lies_in(way, wider) for wider in other) for way in one)


def _lies_in(way: Way, wider: Way) -> bool:
    for query, bounds in wider.items():
        mine = way.get(query, Bounds(query))
        if bounds.low is not None and (mine.low is None or mine.low < bounds.low):
            return False
        if bounds.high is not None and (mine.high is None or mine.high > bounds.high):
            return False
    return True
