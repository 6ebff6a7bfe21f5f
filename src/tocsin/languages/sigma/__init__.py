"""Sigma: what a rule's detection asks of an event, as logic.

>>> parts = {"selection": {"Image|endswith": "/curl"}, "filter": {"User": "root"}}
>>> query = compile_detection(parts, "selection and not filter")
>>> query.where.terms[0].matcher
Wildcard(globs=('*/curl',), fold_case=True)

The library that reads values and modifiers is imported when the first detection is compiled.

Specification 2.1: https://sigmahq.io/sigma-specification/
"""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.languages.sigma.condition import parse as parse_condition
from tocsin.languages.sigma.names import AsTheyAre, Fields, NeedsValues, Path, Places, nowhere
from tocsin.logic.query import Filter
from tocsin.source_text import SourceText

__all__ = [
    "AsTheyAre",
    "Fields",
    "NeedsValues",
    "Path",
    "Places",
    "compile_detection",
    "parse_condition",
]


def compile_detection(
    parts: Mapping[str, object],
    *conditions: SourceText | str,
    fields: Fields | None = None,
    placeholders: Mapping[str, tuple[str, ...]] | None = None,
    places: Places = nowhere,
) -> Filter:
    """A detection as logic.

    Args:
        parts: its named parts, as YAML has them.
        conditions: what joins them; of several, one has to hold.
        fields: the fields that its names stand for; they are fields themselves, if not given.
        placeholders: the values of placeholders (``%admins%``) by name.
        places: where in a file things stand, for messages.

    Raises:
        QuerySyntaxError: a condition is none.
        QuerySemanticError: the detection makes no sense.
        UnsupportedFeature: it needs something that Tocsin lacks.
        NeedsValues: it has placeholders without values.
    """
    from tocsin.languages.sigma.lower import Lowering

    sources = tuple(
        text if isinstance(text, SourceText) else SourceText(text, "condition")
        for text in conditions
    )
    lowering = Lowering(parts, fields or AsTheyAre(), placeholders or {}, places)
    return Filter(lowering.lower(sources))
