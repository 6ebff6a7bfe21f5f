"""A glance at a few fields of a line takes no condition away that the reference says holds."""

from __future__ import annotations

from typing import Any
from unittest import mock

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine import glance, reference
from tocsin.engine.glance import Glance
from tocsin.engine.plan import Plan
from tocsin.engine.rows import RowPlan
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not, Script, walk
from tocsin.logic.matchers import Equals
from tocsin.logic.value import Call, Field
from tocsin.testing import strategies as some

Documents = list[dict[str, Any]]

CURL = Leaf("process.name", Equals(("curl",)), "keyword")


def written(documents: Documents) -> tuple[Documents, list[bytes]]:
    """The documents that come back from JSON as they were, and their lines."""
    found = []
    for document in documents:
        try:
            line = msgspec.json.encode(document)
            if msgspec.json.decode(line) == document:
                found.append((document, line))
        except (UnicodeError, OverflowError, msgspec.MsgspecError):
            continue
    return [document for document, _ in found], [line for _, line in found]


def is_told(rule: Expr) -> bool:
    """Whether its fields, one by one, tell all of it."""
    return not any(
        isinstance(node, (Script, Nested)) or (isinstance(node, Leaf) and "*" in node.field)
        for node in walk(rule)
    )


@settings(max_examples=300)
@given(st.lists(some.expressions(), min_size=1, max_size=4), some.batches(), st.integers(1, 4))
def test_what_holds_is_left_and_what_fields_tell_is_taken(
    rules: list[Expr], batch: Documents, trial: int
) -> None:
    documents, lines = written(batch)
    rows = RowPlan(Plan(rules))
    with mock.patch.object(glance, "_TRIAL", trial), mock.patch.object(glance, "_PAYS", 1.0):
        tells = Glance(rows, [(number, ()) for number in range(len(rules))])
        for _ in range(3):  # before it is known which fields repeat, and then
            for document, left in zip(documents, tells.look(lines), strict=True):
                holding = {n for n, rule in enumerate(rules) if reference.holds(rule, document)}
                assert holding <= set(left)
                assert list(left) == sorted(left)
                if tells.pays:
                    assert {n for n in left if is_told(rules[n])} <= holding


@settings(max_examples=100)
@given(st.lists(some.expressions(), min_size=1, max_size=3), some.batches())
def test_fields_that_are_known_are_not_asked_again(rules: list[Expr], batch: Documents) -> None:
    documents, lines = written(batch)
    rows = RowPlan(Plan(rules))
    known = {node.field for rule in rules for node in walk(rule) if isinstance(node, Leaf)}
    tells = Glance(rows, [(number, known) for number in range(len(rules))])
    for document, left in zip(documents, tells.look(lines), strict=True):
        assert {n for n, rule in enumerate(rules) if reference.holds(rule, document)} <= set(left)


def test_what_is_computed_of_fields_is_asked_last() -> None:
    alike = Script(Call("eq", (Field("process.name"), Field("process.parent.name")), True))
    rules = [And((Not(CURL), And((alike,)))), CURL, Not(alike)]
    names = [("sh", "SH"), ("sh", "vi"), ("curl", "curl"), ("curl", None), (None, "vi"), (1, True)]
    documents = [{"process": {"name": name, "parent.name": parent}} for name, parent in names]
    holding = [
        tuple(n for n, rule in enumerate(rules) if reference.holds(rule, document))
        for document in documents
    ]
    assert holding[:3] == [(0,), (2,), (1,)]
    tells = Glance(RowPlan(Plan(rules)), [(0, ()), (1, ()), (2, ())])
    for _ in range(2):
        assert tells.look(list(map(msgspec.json.encode, documents))) == holding


def test_a_line_that_cannot_be_read_is_left_to_others() -> None:
    rows = RowPlan(Plan([CURL]))
    lines = [b'{"process":{"name":"sh"}}', b'{"process":', b'{"process":{"name":"curl"}}', b"[]"]
    assert Glance(rows, [(0, ())]).look(lines) == [(), (0,), (0,), (0,)]


def test_looking_stops_where_most_is_left_all_the_same() -> None:
    rows = RowPlan(Plan([CURL]))
    tells = Glance(rows, [(0, ())])
    lines = [b'{"process":{"name":"curl"}}'] * 300
    for _ in range(3):
        assert tells.look(lines) == [(0,)] * 300
    assert not tells.pays
