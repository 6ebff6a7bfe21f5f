"""EQL's cases: queries over events, and expressions that need none.

The files made of Python's `eql` package say in ``es_status`` what Elasticsearch makes of the same
text, and Elasticsearch is right:

* ``agrees``: the expectation of the case holds
* ``contradicts``: the one whose name begins with ``es_`` does, be it events, a value or an error
* ``rejected``: the text has to be refused; where there is an ``es_normalised_query`` (its quotes
  and ``=`` rewritten), that one has to give ``es_normalised_expected_event_ids``, or to be refused
  if its own status is ``rejected``
"""

from __future__ import annotations

import re
from collections.abc import Sequence as SequenceOf
from typing import Any, Final, TypeVar

from tocsin.engine.state.keys import join_keys, key_text
from tocsin.engine.state.operator import Operator
from tocsin.engine.state.sample import SampleState
from tocsin.engine.state.sequence import SequenceState
from tocsin.errors import UnsupportedFeature
from tocsin.events.event import Event
from tocsin.events.schema import Schema
from tocsin.languages.eql import compile_expression, compile_query
from tocsin.logic.expr import Always
from tocsin.logic.functions import evaluate
from tocsin.logic.query import Filter, Key, Query, Sample, Sequence, Term, roles_of
from tocsin.logic.value import Field, Result
from tocsin.source_text import SourceText
from tocsin.testing.conformance import datasets
from tocsin.testing.conformance.cases import (
    PASSED,
    Case,
    Context,
    Outcome,
    compared,
    first_that_did_not_pass,
    hits,
    refused,
)
from tocsin.testing.conformance.datasets import Dataset

_NO_FIELDS: Final = Schema({})
T = TypeVar("T")

_BETWEEN: Final = re.compile(r"\s*between~?\s*\((?!.*\bnull\b)", re.IGNORECASE | re.DOTALL)
"""A call of `between` with no null: a bound that is not found gives an empty text.

https://www.elastic.co/docs/reference/query-languages/eql/eql-function-ref#eql-fn-between says so,
and Elasticsearch's code too; a specification file of its tests says null.
"""


def event_query(case: Case, context: Context) -> Outcome:
    """A query and the identifiers of the events that it finds."""
    dataset = datasets.load(context.file, case.get("dataset"), case["data"])
    query = case["query"]
    if "expected_error" in case:
        return _refused(query, dataset)
    anyone = case.get("expected_any_of")
    wanted = [case["expected_event_ids"]] if anyone is None else anyone
    return _finds(query, wanted, dataset, context, case.get("max_samples_per_key", 1))


def python_query(case: Case, context: Context) -> Outcome:
    """A query of Python's `eql`, held to what Elasticsearch makes of it."""
    status = case.get("es_status", "agrees")
    if status == "agrees":
        return event_query(case, context)
    dataset = datasets.load(context.file, case.get("dataset"), case["data"])
    if status == "contradicts" and "es_expected_event_ids" in case:
        return _finds(case["query"], [case["es_expected_event_ids"]], dataset, context)
    if status == "contradicts":
        return _refused(case["query"], dataset)
    normalised = case.get("es_normalised_query")

    def rewritten() -> Outcome:
        if normalised is None:
            return PASSED
        if case["es_normalised_status"] == "rejected":
            return _refused(normalised, dataset)
        return _finds(normalised, [case["es_normalised_expected_event_ids"]], dataset, context)

    return first_that_did_not_pass(lambda: _refused(case["query"], dataset), rewritten)


def expression(case: Case, context: Context) -> Outcome:
    """An expression without fields, and its value."""
    query, status = case["query"], case.get("es_status", "agrees")
    key = "expected_value" if status == "agrees" else "es_expected_value"
    if key not in case:
        return refused(query, lambda: compile_expression(SourceText(query), _NO_FIELDS))
    expected = case[key]
    got = evaluate(compile_expression(SourceText(query), _NO_FIELDS), _no_field)
    if expected is None and _BETWEEN.match(query):
        outcome = compared(query, "", got)
        return Outcome(
            outcome.status, outcome.reason, outcome.query, outcome.expected, outcome.got,
            documented_disagreement=outcome.status == "passed",
        )  # fmt: skip
    return compared(query, expected, got)


def sequence_machine(case: Case, context: Context) -> Outcome:
    """A series of events through the stages of a sequence."""
    steps = list(range(case["stages"]))
    keyed = any(event["key"] is not None for event in case["events"])
    by = (Key("key"),) if keyed else ()
    nothing = Filter(Always(value=False))
    state = SequenceState(Sequence(tuple(Term(nothing, by) for _ in steps)))
    for order, event in enumerate(case["events"]):
        document = {"key": event["key"]}
        time = event["ts"] * 1_000_000
        state.add(Event(event["event"], time, document, "", "", order=order), [event["stage"]])
    got = [[event.id for _, event in firing.events] for firing in state.due(None)]
    return compared(case["query"], case["expected_sequences"], got)


def _compile(query: str, dataset: Dataset) -> Query:
    return compile_query(
        SourceText(query), dataset.schema,
        category_field=dataset.category_field, strict_fields=True,
    )  # fmt: skip


def _refused(query: str, dataset: Dataset) -> Outcome:
    return refused(query, lambda: _compile(query, dataset))


def _finds(
    query: str,
    wanted: SequenceOf[SequenceOf[Any]],
    dataset: Dataset,
    context: Context,
    most: int = 1,
) -> Outcome:
    """Whether the query finds one of some lists of events; ``most`` samples for each key."""
    found = _compile(query, dataset)
    got = []
    for engine in context.engines:
        match found:
            case Filter():
                rows = _piped(hits(found.expr, dataset.documents, engine), found.pipes)
                got.append([dataset.ids[row] for row in rows])
            case Sequence():
                got.append([i for ids in _sequences(found, dataset, engine) for i in ids])
            case Sample():
                samples = _samples(found, dataset, engine, most)
                same = next((one for one in wanted if _as_good(samples, one, found, dataset)), None)
                got.append([i for ids in samples for i in ids] if same is None else list(same))
            case _:
                raise UnsupportedFeature("no EQL query is of this kind")
    wrong = [ids for ids in got if all(ids != list(one) for one in wanted)]
    return PASSED if not wrong else compared(query, wanted[0], wrong[0])


def _sequences(query: Sequence, dataset: Dataset, engine: str) -> list[list[Any]]:
    """The identifiers of each sequence, with -1 where a missing event would be."""
    state = SequenceState(query)
    _feed(state, query, dataset, engine)
    found = []
    for firing in state.due(None):
        ids = [-1] * len(query.terms)
        for role, event in firing.events:
            ids[role] = dataset.ids[event.order]
        found.append(ids)
    return _piped(found, query.pipes)


def _samples(query: Sample, dataset: Dataset, engine: str, most: int) -> list[list[Any]]:
    """The identifiers of each sample, in the order of the terms."""
    state = SampleState(query, runs=None, most_per_key=most)
    _feed(state, query, dataset, engine)
    found = [
        [dataset.ids[event.order] for _, event in sorted(firing.events, key=lambda e: e[0])]
        for firing in state.due(None)
    ]
    return _piped(found, query.pipes)


def _as_good(
    samples: list[list[Any]], wanted: SequenceOf[Any], query: Sample, dataset: Dataset
) -> bool:
    """Whether samples are as good as those that a suite names.

    Elasticsearch leaves open which events of a key it takes: as many samples, of the same keys in
    the same order, are right, as each event fits its term by the way in which it was found.
    """
    size = len(query.terms)
    named = [list(wanted[at : at + size]) for at in range(0, len(wanted), size)]
    places = {identifier: row for row, identifier in enumerate(dataset.ids)}

    def keys(ids: list[Any]) -> set[str]:
        found: set[str] | None = None
        for identifier, term in zip(ids, query.terms, strict=True):
            document = dataset.documents[places[identifier]]
            mine = set(map(key_text, join_keys(document, term.by)))
            found = mine if found is None else found & mine
        return found or set()

    return len(named) == len(samples) and all(
        len(set(mine)) == size and keys(mine) & keys(other)
        for mine, other in zip(samples, named, strict=True)
    )


def _feed(state: Operator, query: Sequence | Sample, dataset: Dataset, engine: str) -> None:
    roles: dict[int, list[int]] = {}
    for role, condition in enumerate(roles_of(query)):
        for row in hits(condition.expr, dataset.documents, engine):
            roles.setdefault(row, []).append(role)
    for row, mine in sorted(roles.items()):
        document, time = dataset.documents[row], dataset.times[row]
        state.add(Event(str(row), time, document, "", "", order=row), mine)


def _piped(rows: list[T], pipes: SequenceOf[tuple[str, int]]) -> list[T]:
    for name, count in pipes:
        rows = rows[:count] if name == "head" else rows[len(rows) - min(count, len(rows)) :]
    return rows


def _no_field(field: Field) -> Result:
    raise AssertionError(f"the expression names a field: {field.name}")
