"""SECL, the language of Datadog's Agent rules (Workload Protection).

>>> query = compile_query('exec.comm in ["curl", "wget"] && exec.tty_name != ""')
>>> query.where.terms[0].matcher
Equals(values=('exec',), fold_case=False)

Another table of fields gives another model:

>>> from tocsin.events.schema.secl import FieldKind
>>> table = Fields({"process.uid": FieldKind("int")}, {"ROOT": 0}, prefix="")
>>> compile_query("process.uid == ROOT", fields=table).where.field
'process.uid'
"""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.events.schema.secl import SECL_FIELDS, FieldKind, Fields
from tocsin.languages.secl.lower import lower
from tocsin.languages.secl.names import Macro
from tocsin.languages.secl.parser import parse
from tocsin.logic.query import Filter
from tocsin.source_text import SourceText

__all__ = ["SECL_FIELDS", "FieldKind", "Fields", "Macro", "compile_query", "parse"]


def compile_query(
    source: SourceText | str,
    macros: Mapping[str, Macro | str] | None = None,
    fields: Fields = SECL_FIELDS,
) -> Filter:
    """An expression as logic.

    Args:
        source: its text.
        macros: the macros that it may use, or their texts, by name.
        fields: what its names may stand for. Where fields fix event types, the expression has to
            name fields of exactly one, which becomes part of the condition.

    Raises:
        QuerySyntaxError: the text is not SECL.
        QuerySemanticError: its names or types make no sense.
        UnsupportedFeature: it reads a variable, or needs something else that Tocsin lacks.
    """
    expr, _ = lower(parse(source), macros or {}, fields)
    return Filter(where=expr)
