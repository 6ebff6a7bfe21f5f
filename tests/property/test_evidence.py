"""Evidence is held to its plain definition, over random logic and random events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.engine import reference
from tocsin.engine.explain import evidence, explain
from tocsin.engine.match import Evidence
from tocsin.engine.questions import asked, patterns_of
from tocsin.engine.reading import Reading
from tocsin.events.fields import values_of
from tocsin.logic.expr import NEGATIVE_OPERATORS, Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.field_types import Scalar, coerce
from tocsin.logic.matchers import Equals, Exists, Range, Wildcard, matched_pattern
from tocsin.logic.value import fields_of
from tocsin.testing import strategies as some

Document = dict[str, Any]
Told = tuple[str, str, str, Scalar | None]


# --- the definition ------------------------------------------------------------------------------


def told(expr: Expr, document: Document) -> Iterator[Told]:
    match expr:
        case And(terms):
            for term in terms:
                yield from told(term, document)
        case Or(terms):
            for term in [t for t in terms if reference.holds(t, document)] or terms:
                yield from told(term, document)
        case Not(Leaf() as leaf) if leaf.operator in NEGATIVE_OPERATORS:
            if not reference.holds(leaf, document):
                values = reference.read(document, leaf.field, leaf.type, leaf.missing)
                shown = original(leaf, document, values[0]) if values else None
                yield leaf.name, leaf.operator, ", ".join(patterns_of(leaf)), shown
        case Leaf():
            yield from fitting(expr, document)
        case Script():
            if reference.holds(expr, document):
                fields = fields_of(expr.value)
                read = {f.spelled or f.name: reference.read_field(document, f) for f in fields}
                first = next((values[0] for values in read.values() if values), None)
                yield ", ".join(read), "expression", expr.text, first
        case Nested(path, term, most):
            objects = reference.nested_objects(document, path, most)
            best = next((one for one in objects if reference.holds(term, one)), None)
            if best is not None:
                yield from told(term, best)
        case Not() | Always():
            pass


def fitting(leaf: Leaf, document: Document) -> Iterator[Told]:
    values = reference.read(document, leaf.field, leaf.type, leaf.missing)
    if leaf.every and not reference.leaf_holds(leaf, values):
        return
    for value in values:
        pattern = matched_pattern(leaf.matcher, leaf.type, value)
        if pattern is not None:
            if isinstance(leaf.matcher, Range) and None in (leaf.matcher.low, leaf.matcher.high):
                pattern = pattern.removeprefix(f"{leaf.operator} ")
            yield leaf.name, leaf.operator, pattern, original(leaf, document, value)
            return
    if leaf.every:
        yield leaf.name, leaf.operator, "", None


def original(leaf: Leaf, document: Document, value: Scalar) -> Scalar:
    if leaf.type in {"keyword", "dynamic"}:
        return value
    found = values_of(document, leaf.field)
    return next((raw for raw in found if coerce(leaf.type, raw) == value), value)


# --- what is held to it --------------------------------------------------------------------------

GLOBS = Leaf("a", Wildcard(("x*", "a*b", "curl", "c*l", "*"), fold_case=True), "keyword")
NESTED = Nested("a", And((Leaf("b", Exists()), Leaf("^.c", Equals((1,))))))


@settings(max_examples=500)
@given(some.expressions(), some.documents())
@example(GLOBS, {"a": ["CURL", "AB"]})
@example(NESTED, {"a": [{"c": 2}, {"b": 1}], "c": 1})
@example(Or((NESTED, Leaf("*", Exists(), every=True))), {"a": [{"c": 2}]})
@example(Leaf("a.b", Range(low=3), "long", operator=">="), {"a": [{"b": "7"}], "a.b": 1})
def test_evidence_is_what_its_definition_says(expr: Expr, document: Document) -> None:
    expected = tuple(Evidence("e", *found) for found in told(expr, document))
    found = evidence(expr, document, "e")
    assert found == expected
    # One, 1.0 and true are equal.
    assert [type(one.value) for one in found] == [type(one.value) for one in expected]
    assert evidence(expr, document, "e") == expected, "the second time"


@settings(max_examples=300)
@given(some.leaves(), st.lists(some.scalars(), max_size=4))
@example(GLOBS, ["curl", "CURL", "ab", "axb", "", "xx" * 200])
def test_a_leaf_asks_what_its_matcher_asks(leaf: Leaf, values: list[Scalar]) -> None:
    ask = asked(leaf)
    for raw in values:
        value = coerce(leaf.type, raw)
        if value is None:
            continue
        expected = matched_pattern(leaf.matcher, leaf.type, value)
        found = ask(value)
        if isinstance(leaf.matcher, Range) and expected is not None:
            assert found is not None
            assert expected.endswith(found)
        else:
            assert found == expected


@settings(max_examples=300)
@given(some.documents(), st.lists(st.tuples(some.field_names(), st.sampled_from(some.TYPES))))
def test_an_event_is_read_as_the_reference_reads_it(document: Document, asked_for: Any) -> None:
    reading = Reading(document)
    for field, kind in [*asked_for, ("a..b", "dynamic"), ("", "dynamic"), ("a.", "keyword")]:
        for missing in (None, "x", 0):
            expected = reference.read(document, field, kind, missing)
            assert repr(reading.values(field, kind, missing)) == repr(expected)
        assert repr(reading.raw(field)) == repr(values_of(document, field))


@settings(max_examples=200)
@given(some.leaves(), some.documents())
def test_a_leaf_that_is_explained_shows_its_evidence(leaf: Leaf, document: Document) -> None:
    tree = explain(leaf, document)
    assert tree.held == reference.holds(leaf, document)
    expected = [Evidence("e", tree.field, tree.operator, tree.pattern, tree.value)]
    assert list(evidence(leaf, document, "e")) == (expected if tree.held else [])
