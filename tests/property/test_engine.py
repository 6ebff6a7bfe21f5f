"""The columnar engine is held to the reference, over random logic and random events."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tocsin.engine import answers, asking, reference
from tocsin.engine import evaluate as engine
from tocsin.engine.evaluate import Evaluation, evaluate
from tocsin.engine.plan import Plan
from tocsin.events.batch import Batch
from tocsin.events.fields import Extractor, values_of
from tocsin.logic.expr import Always, And, Expr, Leaf, Not, Or
from tocsin.logic.field_types import FieldType, Scalar
from tocsin.logic.matchers import Equals, Exists, Range
from tocsin.testing import strategies as some

Documents = list[dict[str, Any]]


def columnar(rules: list[Expr], documents: Documents) -> list[list[int]]:
    plan = Plan(rules)
    rows = evaluate(plan, Batch(documents, plan.extractor))
    return [found.tolist() for found in rows]


def by_row(rule: Expr, documents: Documents) -> list[int]:
    return [row for row, document in enumerate(documents) if reference.holds(rule, document)]


ONE = Leaf("a", Equals((1,)))
YES = Leaf("a", Equals((True,)))


@settings(max_examples=400)
@given(some.expressions(), some.batches())
def test_the_engine_says_what_the_reference_says(rule: Expr, documents: Documents) -> None:
    assert columnar([rule], documents) == [by_row(rule, documents)]


@settings(max_examples=400)
@given(some.leaves(), some.batches())
def test_a_leaf_alone_says_what_the_reference_says(leaf: Leaf, documents: Documents) -> None:
    assert columnar([leaf, Not(leaf)], documents) == [
        by_row(leaf, documents),
        by_row(Not(leaf), documents),
    ]


@given(some.expressions(), some.batches(max_size=8), st.data())
def test_splitting_a_batch_does_not_change_what_is_hit(
    rule: Expr, documents: Documents, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(documents)))
    [whole] = columnar([rule], documents)
    [first], [second] = columnar([rule], documents[:at]), columnar([rule], documents[at:])
    assert whole == first + [row + at for row in second]


@settings(max_examples=200)
@given(st.lists(some.expressions(), min_size=2, max_size=5), some.batches())
@example([ONE, YES], [{"a": 1}, {"a": True}])
@example([YES, ONE], [{"a": 1.0}, {"a": True}])
@example([Leaf("a", Equals(("-0.0",)), "keyword"), YES], [{"a": 0.0}, {"a": -0.0}])
@example([Leaf("a", Exists(), missing=0), Leaf("a", Exists())], [{}, {"a": 1}])
@example(
    [Leaf("a", Equals((0,)), missing=0), Leaf("a", Equals((0,)), missing=False)],
    [{}, {"a": 0}, {"a": False}],
)
def test_other_rules_of_a_plan_do_not_change_what_a_rule_hits(
    rules: list[Expr], documents: Documents
) -> None:
    assert columnar(rules, documents) == [columnar([rule], documents)[0] for rule in rules]


@given(some.leaves(), some.batches())
def test_what_is_for_people_does_not_change_what_a_leaf_hits(
    leaf: Leaf, documents: Documents
) -> None:
    plain = Leaf(leaf.field, leaf.matcher, leaf.type, leaf.missing, leaf.every)
    assert columnar([leaf, plain], documents)[0] == columnar([plain], documents)[0]


@settings(max_examples=400)
@given(
    some.documents(max_size=6),
    st.lists(some.field_names() | st.sampled_from(("", ".a", "a.", "a..b", "d")), unique=True),
)
def test_the_extractor_finds_what_a_field_has(document: dict[str, Any], fields: list[str]) -> None:
    found: dict[str, list[tuple[type, object]]] = {field: [] for field in fields}
    extractor = Extractor(fields)
    for number, value in extractor.extract(document):
        found[extractor.fields[number]].append((type(value), value))
    for field in fields:
        wanted = [(type(value), value) for value in values_of(document, field)]
        assert Counter(found[field]) == Counter(wanted)
        if "*" not in field:
            assert found[field] == wanted, "a field's values keep the order of the document"


@pytest.mark.parametrize(
    "kind, bound, value",
    [
        pytest.param("date", 0, 1e303, id="a date beyond floats"),
        pytest.param("date", 0, 10**400, id="a date beyond any float"),
        pytest.param("date", 253_402_300_800 * 10**9, 1e20, id="a date beyond the year 9999"),
        pytest.param("version", "1.0", "1.²", id="a version with a digit that is no number"),
    ],
)
def test_no_value_of_an_event_makes_the_engine_fail(
    kind: FieldType, bound: Scalar, value: Scalar
) -> None:
    rule = Leaf("a", Range(low=bound), kind)
    assert columnar([rule], [{"a": value}]) == [by_row(rule, [{"a": value}])]


@pytest.fixture(params=["late", "dense", "by value"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What large batches make the engine do, on small ones."""
    if request.param == "late":  # no field has few values
        monkeypatch.setattr(engine, "_FEW_VALUES", 0)
        monkeypatch.setattr(engine, "_FEW", 1 << 30)
    elif request.param == "dense":  # nothing is rare, and every answer is for all rows
        monkeypatch.setattr(asking, "_RARE", 1 << 30)
        monkeypatch.setattr(answers, "_DENSE", 1 << 30)
    else:  # what holds of few rows is found by its values, in small steps
        monkeypatch.setattr(asking, "_RARE", 1)
        monkeypatch.setattr(answers, "_DENSE", 0)
        monkeypatch.setattr(asking, "_WORTH_ORDERING", 0)
    return str(request.param)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.lists(some.expressions(), min_size=1, max_size=5),
    st.lists(some.documents(), min_size=1, max_size=8),
    st.data(),
)
def test_gates_orders_and_late_scans_change_nothing(
    way: str, rules: list[Expr], documents: Documents, data: st.DataObject
) -> None:
    plan = Plan(rules)
    wanted = [by_row(rule, documents) for rule in rules]
    assert [rows.tolist() for rows in evaluate(plan, Batch(documents, plan.extractor))] == wanted
    masks = [
        data.draw(
            st.none() | st.lists(st.booleans(), min_size=len(documents), max_size=len(documents))
        )
        for _ in rules
    ]
    arrays = [None if mask is None else np.array(mask, np.bool_) for mask in masks]
    seen = [
        rows if mask is None else [row for row in rows if mask[row]]
        for rows, mask in zip(wanted, masks, strict=True)
    ]
    evaluation = Evaluation(plan, Batch(documents, plan.extractor))
    numbers = data.draw(st.permutations(range(len(rules))))
    asked = numbers[: data.draw(st.integers(0, len(rules)))]
    found = {number: rows.tolist() for number, rows in evaluation.hits(asked, arrays.__getitem__)}
    assert found == {number: seen[number] for number in asked if seen[number]}
    # One by one, and after others were asked.
    for number in numbers:
        assert evaluation.rows(number, arrays[number]).tolist() == seen[number]


@given(
    st.lists(some.leaves(), min_size=1, max_size=3),
    some.batches(),
    st.permutations(["and", "not", "or"]),
)
def test_a_gate_stands_open_wherever_the_condition_holds(
    leaves: list[Leaf], documents: Documents, shapes: list[str]
) -> None:
    condition: Expr = leaves[0]
    for shape, leaf in zip(shapes, [*leaves, *leaves, *leaves], strict=False):
        if shape == "not":
            condition = Not(condition)
        else:
            condition = And((condition, leaf)) if shape == "and" else Or((condition, leaf))
    plan = Plan([condition])
    for document in documents:
        if reference.holds(condition, document):
            possible = [reference.holds(slot.leaf, document) for slot in plan.slots]
            assert plan.gates.open(np.array(possible, np.bool_)).tolist() == [True]


def test_a_condition_that_needs_what_no_event_has_is_never_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rare = Leaf("a", Equals(("curl",)))
    broad, absent = Leaf("b", Exists()), Leaf("c", Exists())
    rules = [And((broad, rare)), And((broad, absent)), And((broad, Or((rare, absent)))), broad]
    begun: list[int] = []
    begin = Evaluation._begin
    monkeypatch.setattr(
        Evaluation, "_begin", lambda self, s, among: (begun.append(s.number), begin(self, s, among))
    )
    plan = Plan(rules)
    documents: Documents = [{"a": "id", "b": 1}, {"a": "sh", "b": 2}]
    assert dict(Evaluation(plan, Batch(documents, plan.extractor)).hits()).keys() == {3}
    assert begun == [3]


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_rule_without_leaves_hits_all_or_nothing(size: int) -> None:
    documents: Documents = [{}] * size
    rules: list[Expr] = [Always(value=True), Always(value=False), And(()), Or(())]
    assert columnar(rules, documents) == [[*range(size)], [], [*range(size)], []]
