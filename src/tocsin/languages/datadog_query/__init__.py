"""Datadog's log search, in which its signal rules are written.

>>> compile_query(SourceText("service:web @http.status_code:>=500 -env:dev")).where.terms[1]
... # doctest: +ELLIPSIS
Leaf(field='datadog.http.status_code', matcher=Range(low=500, ...

Fields are those of `tocsin.events.schema.datadog`.

Manual: https://docs.datadoghq.com/logs/explorer/search_syntax/
"""

from __future__ import annotations

from tocsin.languages.datadog_query.format import format_query
from tocsin.languages.datadog_query.lower import lower
from tocsin.languages.datadog_query.parser import parse
from tocsin.logic.query import Filter
from tocsin.source_text import SourceText

__all__ = ["compile_query", "format_query", "parse"]


def compile_query(source: SourceText) -> Filter:
    """The logic of a query.

    Raises:
        QuerySyntaxError: the text does not follow the grammar.
        QuerySemanticError: it does, but says what makes no sense (a block that is none).
        UnsupportedFeature: it asks for what only Datadog can know (a calculated field).
    """
    return Filter(lower(parse(source)))
