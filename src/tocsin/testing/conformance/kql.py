"""KQL's cases: what a query means, what is refused, and Kibana's own syntax trees.

Two parsers are at odds: Kibana's, and `lib/kql` of Elastic's detection rules, which checks types
and refuses upper-case keywords. Where a case says that Kibana answers otherwise, Kibana is right.
"""

from __future__ import annotations

import re
from typing import Any, Final

from tocsin.events.schema import Schema
from tocsin.languages import eql
from tocsin.languages.kql import compile_query, parse
from tocsin.languages.kql.format import to_kibana_ast
from tocsin.logic.expr import Expr, Leaf, walk
from tocsin.logic.field_types import FieldType
from tocsin.logic.matchers import Equals, InNetwork, Range
from tocsin.logic.query import Filter
from tocsin.source_text import SourceText
from tocsin.testing.conformance import datasets, equivalence
from tocsin.testing.conformance.cases import (
    PASSED,
    Case,
    Context,
    Outcome,
    accepted,
    compared,
    hits,
    not_applicable,
    refused,
)

_KIBANA_REFUSES: Final = re.compile(r"(syntax )?error\b|(kibana )?(refuses|rejects)", re.IGNORECASE)
_KIBANA_ACCEPTS: Final = re.compile(r"no (parse |syntax )?error\b|.*kibana accepts", re.IGNORECASE)
_REFUSED_CONVERSION: Final = "conversion refused"
_NOW: Final = 1_700_000_000_000_000_000


def query(case: Case, context: Context) -> Outcome:
    """A query: its events, an equivalent, Kibana's tree, or whether it is accepted at all."""
    text = case["query"]
    error = case.get("expected_error")
    for note in (case.get("kibana"), error):
        if isinstance(note, str) and _KIBANA_REFUSES.match(note):
            return refused(text, lambda: parse(SourceText(text)), "an error, as in Kibana")
        if isinstance(note, str) and _KIBANA_ACCEPTS.match(note):
            return accepted(text, lambda: parse(SourceText(text)))
    if error == _REFUSED_CONVERSION:
        return not_applicable("refused_conversion")
    if error:
        return refused(text, lambda: compile_query(SourceText(text), now=_NOW))
    if "expected_event_ids" in case:
        return _finds(case, context)
    if "equivalent_query" in case or "equivalent_eql" in case:
        return _equivalent(case, context)
    if "expected_dsl" in case:
        return not_applicable("query_dsl")
    if "expected_ast" in case:
        return _tree(case)
    return accepted(text, lambda: parse(SourceText(text)))


def literal(case: Case, context: Context) -> Outcome:
    """A value by itself, as Kibana's parser reads it."""
    text = case["query"]
    if "expected_error" in case:
        return refused(text, lambda: parse(SourceText(text)))
    tree = to_kibana_ast(parse(SourceText(text)))
    got = {"literal": tree.get("value")} if tree.get("field", "") is None else tree
    return compared(text, case["expected_ast"], got)


def _tree(case: Case) -> Outcome:
    expected = case["expected_ast"]
    if not isinstance(expected, dict) or "fn" not in expected:
        return not_applicable("foreign_tree")
    return compared(case["query"], expected, to_kibana_ast(parse(SourceText(case["query"]))))


def _finds(case: Case, context: Context) -> Outcome:
    dataset = datasets.load(context.file, case.get("dataset"), case["data"])
    among = [
        row
        for row, identifier in enumerate(dataset.ids)
        if case.get("document_id") in (None, identifier)
    ]
    # JSON knows no addresses; the index of these cases has to.
    schema = Schema({**dataset.schema.types, **datasets.addresses(dataset.documents)})
    expr = compile_query(SourceText(case["query"]), schema, now=_NOW).expr
    documents = [dataset.documents[row] for row in among]
    for engine in context.engines:
        found = [dataset.ids[among[row]] for row in hits(expr, documents, engine)]
        outcome = compared(case["query"], case["expected_event_ids"], found)
        if outcome.status != "passed":
            return outcome
    return PASSED


# --- equivalents ----------------------------------------------------------------------------------


def _equivalent(case: Case, context: Context) -> Outcome:
    """Two queries that have to be true of the same events."""
    types = datasets.field_types(case.get("schema") or {})
    if "equivalent_query" in case:
        other = case["equivalent_query"]
        unknown: tuple[FieldType, ...] = ("keyword", "dynamic")
        pairs = [
            (_kql(case["query"], schema), _kql(other, schema))
            for schema in (Schema(types, kind) for kind in unknown)
        ]
    else:
        other = as_elasticsearch_spells(case["equivalent_eql"])
        schema = Schema({**_types_in(_eql(other, Schema(types))), **types}, "keyword")
        pairs = [(_kql(case["query"], schema), _eql(other, schema))]
    for one, two in pairs:
        documents = equivalence.documents(one, two)
        for engine in context.engines:
            first, second = hits(one, documents, engine), hits(two, documents, engine)
            if first != second:
                apart = documents[min(set(first) ^ set(second))]
                told = "the first" if apart in [documents[row] for row in first] else "the second"
                expected = f"the same events as {other}"
                return Outcome(
                    "failed", "", case["query"], expected, f"{told} alone is true of {apart}"
                )
    return PASSED


def _kql(text: str, schema: Schema) -> Expr:
    return compile_query(SourceText(text), schema, now=_NOW).expr


def _eql(text: str, schema: Schema) -> Expr:
    found = eql.compile_query(SourceText(f"any where {text}"), schema)
    assert isinstance(found, Filter)
    return found.expr


_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"(?:[^\"\\]|\\.)*\"|(?<![=!<>:])=(?!=)")


def as_elasticsearch_spells(text: str) -> str:
    """Python's EQL in Elasticsearch's spelling: double quotes, and ``==`` for ``=``.

    >>> as_elasticsearch_spells("a = 'b'")
    'a == "b"'
    """

    def spelled(found: re.Match[str]) -> str:
        if found[1] is not None:
            return '"' + found[1].replace('"', '\\"') + '"'
        return "==" if found[0] == "=" else found[0]

    return _STRING.sub(spelled, text)


def _types_in(expr: Expr) -> dict[str, FieldType]:
    """The types that constants of EQL give away: an index has one type for a field."""
    found: dict[str, FieldType] = {}
    for leaf in walk(expr):
        if not isinstance(leaf, Leaf):
            continue
        constants: tuple[Any, ...] = ()
        if isinstance(leaf.matcher, InNetwork):
            found[leaf.field] = "ip"
        elif isinstance(leaf.matcher, Equals):
            constants = leaf.matcher.values
        elif isinstance(leaf.matcher, Range):
            constants = (leaf.matcher.low, leaf.matcher.high)
        for constant in constants:
            if isinstance(constant, bool):
                found[leaf.field] = "boolean"
            elif isinstance(constant, (int, float)):
                whole = isinstance(constant, int) and found.get(leaf.field) != "double"
                found[leaf.field] = "long" if whole else "double"
    return found
