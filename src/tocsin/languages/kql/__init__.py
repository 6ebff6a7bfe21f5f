"""KQL, Kibana's query language (``kuery``), as Kibana 9 reads it.

>>> compile_query(SourceText("process.name: (curl or wg*)")).where.terms[1].matcher.globs
('wg*',)

Manual: https://www.elastic.co/docs/reference/query-languages/kql
"""

from __future__ import annotations

import time

from tocsin.events.schema import ECS, Schema
from tocsin.languages.kql.lower import Lowering
from tocsin.languages.kql.parser import parse
from tocsin.logic.query import Filter
from tocsin.source_text import SourceText

__all__ = ["compile_query", "parse"]


def compile_query(source: SourceText, schema: Schema = ECS, *, now: int | None = None) -> Filter:
    """The logic of a query.

    Args:
        source: its text.
        schema: types of fields, which decide what a value means.
        now: what date math (``now-1d``) reckons from, in nanoseconds since the epoch; without it,
            the time of the call.

    Raises:
        QuerySyntaxError: Kibana would refuse the text.
        QuerySemanticError: Elasticsearch would refuse what it says.
    """
    return Filter(Lowering(schema, time.time_ns() if now is None else now).lower(parse(source)))
