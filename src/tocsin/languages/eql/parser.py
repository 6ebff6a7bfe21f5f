"""EQL's grammar: words → syntax tree. The lower half, expressions, is in `expressions`.

https://www.elastic.co/docs/reference/query-languages/eql/eql-syntax
"""

from __future__ import annotations

import difflib

from tocsin.errors import QuerySemanticError, QuerySyntaxError
from tocsin.languages._parsing import Token
from tocsin.languages.eql import syntax
from tocsin.languages.eql.expressions import ExpressionParser
from tocsin.languages.eql.lexer import string_of
from tocsin.source_text import SourceText

_PIPES = ("head", "tail")
_MOST_RUNS = 100
_LARGEST_COUNT = 2**31 - 1


def parse(source: SourceText) -> syntax.Query:
    """The syntax tree of a whole query.

    Raises:
        QueryError: it does not follow the grammar.
    """
    return _Parser(source).query()


def parse_expression(source: SourceText) -> syntax.Expr:
    """The syntax tree of a bare expression."""
    parser = ExpressionParser(source)
    found, *_ = parser.expression()
    parser.expect_end()
    return found


class _Parser(ExpressionParser):
    def query(self) -> syntax.Query:
        cursor = self.cursor
        first = cursor.peek()
        body: syntax.EventQuery | syntax.Sequence | syntax.Sample
        if cursor.accept("keyword", "sequence"):
            body = self.sequence(first)
        elif cursor.accept("keyword", "sample"):
            body = self.sample(first)
        else:
            body = self.event()
        pipes = []
        while cursor.at("op", "|"):
            pipes.append(self.pipe())
        self.expect_end()
        return syntax.Query(body, tuple(pipes), start=first.start, end=self.end())

    def event(self) -> syntax.EventQuery:
        cursor = self.cursor
        token = cursor.next()
        category: str | None
        if token.kind == "keyword" and token.text == "any":
            category = None
        elif token.kind in ("string", "raw"):
            category = string_of(token)
        elif token.kind == "name":
            category = token.text
        else:
            raise self.no_category(token)
        if not cursor.at("keyword", "where"):
            raise self.no_where(token)
        cursor.next()
        where, *_ = self.expression()
        return syntax.EventQuery(category, where, start=token.start, end=self.end())

    def sequence(self, first: Token) -> syntax.Sequence:
        cursor = self.cursor
        by = self.keys()
        maxspan = self.maxspan() if cursor.at("keyword", "with") else None
        if maxspan and cursor.at("keyword", "by"):
            raise self.refusal("'by' comes before 'with'", "write: sequence by … with maxspan=…")
        terms = []
        while cursor.at("op", "[", "!["):
            terms.append(self.term())
        if not terms:
            raise self.unexpected("a term in brackets")
        until = None
        if cursor.accept("keyword", "until"):
            if cursor.at("op", "!["):
                raise self.refusal("'until' takes an event that happens")
            until = self.term()
        return syntax.Sequence(tuple(terms), by, maxspan, until, start=first.start, end=self.end())

    def sample(self, first: Token) -> syntax.Sample:
        cursor = self.cursor
        by = self.keys()
        if cursor.at("keyword", "with"):
            raise self.refusal("a sample has no time span", "only a sequence has 'with maxspan='")
        terms = []
        while cursor.at("op", "[", "!["):
            if cursor.at("op", "!["):
                raise self.refusal("a sample has no missing events")
            term = self.term()
            if term.runs > 1:
                span = cursor.source.span(term.start, term.end)
                raise QuerySemanticError("a sample has no runs", span)
            terms.append(term)
        if not terms:
            raise self.unexpected("a term in brackets")
        if cursor.at("keyword", "until"):
            raise self.refusal("a sample has no 'until'")
        return syntax.Sample(tuple(terms), by, start=first.start, end=self.end())

    def term(self) -> syntax.Term:
        cursor = self.cursor
        first = cursor.next()
        event = self.event()
        if not cursor.at("op", "]"):
            raise self.unexpected("']' or an operator")
        cursor.next()
        by = self.keys()
        runs = 1
        if cursor.accept("keyword", "with"):
            if cursor.at("keyword", "maxspan"):
                raise self.refusal("'maxspan' belongs to the sequence, before its first term")
            cursor.expect("name", "runs")
            cursor.expect("op", "=")
            runs = self.count("the number of runs", 1, _MOST_RUNS)
        return syntax.Term(event, by, first.text == "![", runs, start=first.start, end=self.end())

    def keys(self) -> tuple[syntax.Field, ...]:
        cursor = self.cursor
        if not cursor.accept("keyword", "by"):
            return ()
        found = [self.key()]
        while cursor.accept("op", ","):
            found.append(self.key())
        return tuple(found)

    def key(self) -> syntax.Field:
        first = self.cursor.peek()
        if not (first.kind in ("name", "quoted") or self.cursor.at("op", "?")):
            raise self.unexpected("a field to join by")
        field = self.field()
        if self.cursor.at("op", "(", "+", "-", "*", "/", "%"):
            raise self.refusal("a join key has to be a field")
        return field

    def maxspan(self) -> syntax.Timespan:
        cursor = self.cursor
        cursor.next()
        cursor.expect("keyword", "maxspan")
        cursor.expect("op", "=")
        number = cursor.peek()
        count = self.count("the time span", 1, _LARGEST_COUNT)
        unit = cursor.peek()
        hint = f"units are {', '.join(syntax.UNITS)}"
        if unit.kind != "name" or unit.start != number.end:
            message = f"{number.text} of what: the time span has no unit"
            raise QuerySyntaxError(message, cursor.span(number), hint)
        if unit.text not in syntax.UNITS:
            raise QuerySyntaxError(f"no such unit of time: {unit.text}", cursor.span(unit), hint)
        cursor.next()
        return syntax.Timespan(count, unit.text, start=number.start, end=unit.end)

    def pipe(self) -> syntax.Pipe:
        cursor = self.cursor
        first = cursor.next()
        name = cursor.peek()
        if name.kind != "name" or name.text not in _PIPES:
            message = f"no such pipe: {name.text}" if name.text else "expected a pipe after '|'"
            raise QuerySyntaxError(message, cursor.span(name), "there are 'head' and 'tail'")
        cursor.next()
        count = self.count("the number of events", 0, _LARGEST_COUNT)
        return syntax.Pipe(name.text, count, start=first.start, end=self.end())

    def count(self, what: str, least: int, most: int) -> int:
        """A whole number within bounds."""
        token = self.cursor.expect("integer", what=f"{what} as a whole number")
        digits = token.text.lstrip("0") or "0"
        if len(digits) > len(str(most)) or not least <= int(digits) <= most:
            bounds = f"at least {least:,}" if int(digits[:20]) < least else f"at most {most:,}"
            message = f"{token.text[:20]} is out of range: {what} is {bounds}"
            raise QuerySemanticError(message, self.cursor.span(token))
        return int(digits)

    # --- errors -------------------------------------------------------------------------------

    def no_category(self, token: Token) -> QuerySyntaxError:
        span = self.cursor.span(token)
        if token.text == "join":
            return QuerySyntaxError("'join' is not supported", span, "write a sequence or sample")
        if token.kind == "quoted":
            hint = 'quote it as a string: "…"'
            return QuerySyntaxError("a category does not stand in back-ticks", span, hint)
        if token.kind == "keyword":
            hint = f'quote it: "{token.text}"'
            return self.cursor.error("expected an event category", hint, token)
        hint = "as in: process where true"
        if token.text == "[":
            hint = "a sequence begins with the word 'sequence'"
        return self.cursor.error("expected an event category", hint, token)

    def no_where(self, category: Token) -> QuerySyntaxError:
        token = self.cursor.peek()
        hint = f"write: {category.text} where …"
        if token.kind == "name" and token.text.lower() == "where":
            hint = "keywords are in lower case: where"
        elif category.kind == "name" and difflib.get_close_matches(
            category.text.lower(), ["sequence", "sample"], 1, 0.8
        ):
            hint = "did you mean 'sequence' or 'sample', in lower case?"
        return self.cursor.error("expected 'where' after the event category", hint)
