"""A syntax tree as text, in one spelling: what two ways of writing a query have in common.

>>> from tocsin.languages.eql.parser import parse
>>> from tocsin.source_text import SourceText
>>> format_query(parse(SourceText('process where((a.b=="x"or ?`c d`:("y*")))  // why')))
'process where a.b == "x" or ?`c d` : "y*"'
"""

from __future__ import annotations

from typing import assert_never

from tocsin.languages.eql import syntax
from tocsin.languages.eql.lexer import is_plain

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN, _OPERAND = range(1, 9)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def format_query(query: syntax.Query) -> str:
    """The query on one line; `parser.parse` makes the same tree of it."""
    return " ".join([_body(query.body), *(f"| {p.name} {p.count}" for p in query.pipes)])


def format_expression(expr: syntax.Expr) -> str:
    """The expression on one line."""
    return _text(expr)[0]


def _body(body: syntax.EventQuery | syntax.Sequence | syntax.Sample) -> str:
    match body:
        case syntax.EventQuery(category, where):
            word = "any" if category is None else category
            if category is not None and not is_plain(category):
                word = _string(category)
            return f"{word} where {format_expression(where)}"
        case syntax.Sequence(terms, by, maxspan, until):
            parts = ["sequence" + _by(by)]
            if maxspan is not None:
                parts.append(f"with maxspan={maxspan.count}{maxspan.unit}")
            parts += [_term(term) for term in terms]
            if until is not None:
                parts.append(f"until {_term(until)}")
            return " ".join(parts)
        case syntax.Sample(terms, by):
            return " ".join(["sample" + _by(by), *map(_term, terms)])
        case _:
            assert_never(body)


def _term(term: syntax.Term) -> str:
    runs = f" with runs={term.runs}" if term.runs > 1 else ""
    return f"{'!' if term.missing else ''}[{_body(term.event)}]{_by(term.by)}{runs}"


def _by(keys: tuple[syntax.Field, ...]) -> str:
    return " by " + ", ".join(map(_field, keys)) if keys else ""


def _field(field: syntax.Field) -> str:
    segments = field.name.split(".")
    if all(segments):
        name = ".".join(s if is_plain(s) else "`" + s.replace("`", "``") + "`" for s in segments)
    else:
        name = "`" + field.name.replace("`", "``") + "`"
    return ("?" if field.optional else "") + name


def _string(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(c, c) for c in text) + '"'


def _literal(literal: syntax.Literal) -> str:
    match literal.value:
        case None:
            return "null"
        case bool():
            return "true" if literal.value else "false"
        case str():
            return _string(literal.value)
        case _:
            return repr(literal.value)


def _inside(expr: syntax.Expr, least: int) -> str:
    """The expression, in brackets where its operator does not bind as tightly as ``least``."""
    text, rank = _text(expr)
    return text if rank >= least else f"({text})"


def _text(expr: syntax.Expr) -> tuple[str, int]:
    """The expression, and how tightly its operator binds."""
    match expr:
        case syntax.Literal():
            return _literal(expr), _OPERAND
        case syntax.Field():
            return _field(expr), _OPERAND
        case syntax.Call(name, args, fold_case):
            inner = ", ".join(format_expression(argument) for argument in args)
            return f"{name}{'~' if fold_case else ''}({inner})", _OPERAND
        case syntax.Signed(sign, term):
            return sign + _inside(term, _SIGN), _SIGN
        case syntax.Arithmetic(operator, left, right):
            rank = _SUM if operator in "+-" else _PRODUCT
            return f"{_inside(left, rank)} {operator} {_inside(right, rank + 1)}", rank
        case syntax.Comparison(operator, left, right):
            return f"{_inside(left, _SUM)} {operator} {_inside(right, _SUM)}", _COMPARISON
        case syntax.Membership(subject, items):
            inner = ", ".join(format_expression(item) for item in items)
            return f"{_subject(subject)} {expr.operator} ({inner})", _OPERAND
        case syntax.Match(subject, operator, patterns):
            inner = ", ".join(_literal(pattern) for pattern in patterns)
            texts = inner if len(patterns) == 1 else f"({inner})"
            return f"{_subject(subject)} {operator} {texts}", _OPERAND
        case syntax.Not(term):
            return f"not {_inside(term, _NOT)}", _NOT
        case syntax.And(terms):
            return " and ".join(_inside(term, _NOT) for term in terms), _AND
        case syntax.Or(terms):
            return " or ".join(_inside(term, _AND) for term in terms), _OR
        case _:
            assert_never(expr)


def _subject(subject: syntax.Expr) -> str:
    text, rank = _text(subject)
    # One operand takes one predicate.
    bare = rank == _OPERAND and not isinstance(subject, (syntax.Membership, syntax.Match))
    return text if bare else f"({text})"
