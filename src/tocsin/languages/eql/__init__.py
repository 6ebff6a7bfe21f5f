"""EQL, Elastic's Event Query Language: text → logic.

>>> from tocsin.source_text import SourceText
>>> query = compile_query(SourceText('process where user.name : "adm?n"'))
>>> query.category, query.where.matcher.globs, query.where.operator
('process', ('adm?n',), ':')

https://www.elastic.co/docs/reference/query-languages/eql
"""

from __future__ import annotations

from tocsin.events.schema import ECS, Schema
from tocsin.languages.eql import syntax
from tocsin.languages.eql.checks import check_expression, check_query
from tocsin.languages.eql.format import format_query
from tocsin.languages.eql.lower import lower_expression, lower_query
from tocsin.languages.eql.parser import parse, parse_expression
from tocsin.logic.query import Query
from tocsin.logic.value import Value
from tocsin.source_text import SourceText

__all__ = ["compile_expression", "compile_query", "format_query", "parse", "syntax"]


def compile_query(
    source: SourceText,
    schema: Schema = ECS,
    *,
    category_field: str = "event.category",
    strict_fields: bool = False,
) -> Query:
    """The logic of a query.

    Args:
        source: the query.
        schema: types of fields.
        category_field: where events have their category.
        strict_fields: whether a field that the schema lacks is refused, unless it has a ``?``.

    Raises:
        QuerySyntaxError: it does not follow the grammar.
        QuerySemanticError: EQL refuses what it says.
        UnsupportedFeature: it has a regular expression that RE2 cannot run.
    """
    tree = parse(source)
    check_query(tree, source, schema, strict=strict_fields)
    return lower_query(tree, source, schema, category_field)


def compile_expression(source: SourceText, schema: Schema = ECS) -> Value:
    """The value of a bare expression; a `value.Const` where it needs no event.

    >>> compile_expression(SourceText('concat(length("bell") + 1, "!")'))
    Const(value='5!')

    Raises:
        QueryError: as for `compile_query`.
    """
    tree = parse_expression(source)
    check_expression(tree, source, schema)
    return lower_expression(tree, source, schema)
