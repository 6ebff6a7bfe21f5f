"""Lucene's query strings, as Elasticsearch's ``query_string`` reads them for Kibana.

>>> compile_query(SourceText("process.name:(curl OR wg*)")).where.terms[1].matcher.globs
('wg*',)

Manual:
https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query
"""

from __future__ import annotations

import time

from tocsin.events.schema import ECS, Schema
from tocsin.languages.lucene.lower import Lowering
from tocsin.languages.lucene.parser import parse
from tocsin.logic.query import Filter
from tocsin.source_text import SourceText

__all__ = ["compile_query", "parse"]


def compile_query(source: SourceText, schema: Schema = ECS, *, now: int | None = None) -> Filter:
    """The logic of a query.

    Args:
        source: its text.
        schema: types of fields, which decide what a value means.
        now: what date math reckons from, in nanoseconds since the epoch; without it, the time of
            the call.

    Raises:
        QuerySyntaxError: Elasticsearch could not read the text.
        QuerySemanticError: it would refuse what it says.
        UnsupportedFeature: it asks for likeness or nearness, or RE2 cannot run a regular
            expression of it.
    """
    return Filter(Lowering(schema, time.time_ns() if now is None else now).lower(parse(source)))
