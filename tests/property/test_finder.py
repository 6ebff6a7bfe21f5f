"""What is found by bytes, by classes and by rows is what the reference says."""

from __future__ import annotations

import json as standard
from collections.abc import Iterator
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.engine import byte_scan, classes, reference
from tocsin.engine.plan import Plan
from tocsin.engine.rows import RowPlan
from tocsin.events.decoders import json
from tocsin.events.record import Record
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not, Or
from tocsin.logic.matchers import Equals, Exists, Wildcard
from tocsin.runtime.finder import Finder
from tocsin.runtime.hits import Found
from tocsin.testing import strategies as some

Documents = list[dict[str, Any]]


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_kept() -> Iterator[None]:
    with mock.patch.dict("os.environ", {"TOCSIN_CACHE": "off"}):
        yield


def wanted(rules: list[Expr], documents: Documents) -> list[tuple[int, list[int]]]:
    holding = [
        [number for number, rule in enumerate(rules) if reference.holds(rule, document)]
        for document in documents
    ]
    return [(place, numbers) for place, numbers in enumerate(holding) if numbers]


def hits(found: Found) -> list[tuple[int, list[int]]]:
    return [(hit.place, list(hit.conditions)) for hit in found.hits]


def writable(document: dict[str, Any]) -> bool:
    try:
        return msgspec.json.decode(msgspec.json.encode(document)) == document
    except (UnicodeError, OverflowError, msgspec.MsgspecError):
        return False


@settings(max_examples=400)
@given(st.lists(some.expressions(), min_size=1, max_size=4), some.batches())
def test_a_row_satisfies_what_the_reference_says(rules: list[Expr], documents: Documents) -> None:
    plan = RowPlan(Plan(rules))
    for document in documents:
        row = plan.row(document)
        for number, rule in enumerate(rules):
            assert plan.holds(number, row) == reference.holds(rule, document)


# Conditions as rules have them: texts that are rare, and some that are everywhere.
WORDS = ("curl", "powershell.exe", "C:\\Windows\\cmd.exe", "169.254.169.254", "start", "é", "80")
FIELDS = ("process.name", "event.type", "host.os.type", "destination.ip", "url")
leaves = st.builds(
    Leaf,
    st.sampled_from(FIELDS),
    st.sampled_from(WORDS).map(lambda word: Equals((word,), fold_case=True))
    | st.sampled_from(("*curl*", "C:\\\\*", "*.exe", "*é*")).map(
        lambda glob: Wildcard((glob,), fold_case=True)
    ),
    st.sampled_from(("keyword", "dynamic", "text", "ip")),
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: And(tuple(terms)))
        | st.lists(inner, min_size=2, max_size=3).map(lambda terms: Or(tuple(terms)))
        | inner.map(Not)
    ),
    max_leaves=5,
)
values = st.sampled_from((*WORDS, "CURL", "x", "\u212a", 80, 1.5, True, None, ["curl", 80]))
events = st.dictionaries(st.sampled_from(FIELDS), values, max_size=4).map(
    lambda flat: {"@timestamp": "2026-11-22T00:00:00Z", "event.kind": "event", **flat}
)


def line_of(document: dict[str, Any], way: int) -> bytes:
    if way == 0:
        return msgspec.json.encode(document)
    return standard.dumps(document, ensure_ascii=way == 1, separators=(", ", " : ")).encode()


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(conditions | some.expressions(), min_size=1, max_size=6),
    st.lists(st.tuples(events, st.integers(0, 2)), min_size=1, max_size=40),
    st.booleans(),
    st.sampled_from((1, 10_000)),
)
def test_lines_have_the_hits_that_the_reference_says(
    rules: list[Expr], written: list[tuple[dict[str, Any], int]], with_hyperscan: bool, often: int
) -> None:
    data = b"".join(line_of(document, way) + b"\n" for document, way in written)
    documents = [document for document, _ in written]
    library = byte_scan.hyperscan if with_hyperscan else None
    with (
        mock.patch.object(byte_scan, "hyperscan", library),
        mock.patch.object(classes, "_OFTEN", often),
    ):
        finder = Finder(rules, [()] * len(rules), few=0)
        first = finder.in_block(json.Block(data, 1, 0))
        again = finder.in_block(json.Block(data, 1, 0))
    assert hits(first) == wanted(rules, documents)
    assert hits(again) == hits(first)
    assert first.events == len(documents)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(some.expressions(), min_size=1, max_size=4), some.batches())
def test_records_have_the_hits_that_the_reference_says(
    rules: list[Expr], documents: Documents
) -> None:
    documents = [document for document in documents if writable(document)]
    records = [Record(document, f"line {n}", shape="ecs") for n, document in enumerate(documents)]
    finder = Finder(rules, [()] * len(rules), few=0)
    assert hits(finder.in_records(records)) == wanted(rules, documents)


def test_an_object_that_is_there_and_empty_is_no_missing_one() -> None:
    inside = Nested("a", Leaf("a", Exists(), every=True))
    rules = [Leaf("a", Exists()), inside]
    finder = Finder(rules, [()] * len(rules), few=0)
    records = [Record(found, "line 1", shape="ecs") for found in ({}, {"a": {}})]
    assert hits(finder.in_records(records)) == [(1, [1])]


def test_a_line_that_nothing_can_match_is_passed_over_and_counted() -> None:
    finder = Finder([Leaf("process.name", Equals(("curl",)), "keyword")], [()], few=0)
    lines = [b'{"event.kind":"event","n":%d}' % n for n in range(50)]
    lines[7] = b'{"event.kind":"event","process":{"name":"curl"}}'
    lines[9] = b'{"event.kind":"event","process":'
    found = finder.in_block(json.Block(b"\n".join(lines), 1, 0))
    assert hits(found) == [(7, [0])]
    assert found.hits[0].record.position == "line 8"
    assert (found.events, found.passed_over) == (49, 48)
    assert [piece.position for piece in found.undecodable] == ["line 10"]


def test_a_line_in_a_vendors_shape_is_decoded_before_anything_is_said() -> None:
    finder = Finder([Leaf("event.dataset", Equals(("aws.cloudtrail",)), "keyword")], [()], few=0)
    record = (
        b'{"eventVersion":"1.08","eventSource":"sts.amazonaws.com","eventName":"GetCallerIdentity"}'
    )
    lines = [b'{"n":%d}' % n for n in range(50)] + [record]
    found = finder.in_block(json.Block(b"\n".join(lines), 1, 0))
    assert hits(found) == [(50, [0])]


def test_a_page_of_records_in_one_line_is_as_many_events() -> None:
    finder = Finder([Leaf("a", Equals(("yes",)), "keyword")], [()], few=0)
    lines = [b'{"n":1}', b'{"records":[{"a":"no"},{"a":"yes"}]}', b'{"a":"yes"}']
    found = finder.in_block(json.Block(b"\n".join(lines), 1, 0))
    assert [hit.record.position for hit in found.hits] == ["line 2, record 2", "line 3"]
    assert [hit.place for hit in found.hits] == sorted({hit.place for hit in found.hits})
    assert found.events == 4


def test_bulk_actions_are_told_from_events_that_look_like_them() -> None:
    finder = Finder([Leaf("a", Equals(("yes",)), "keyword")], [()], few=0)
    event = b'{"a":"yes","nested":{"index":1}}\n' * 3
    assert not finder.in_block(json.Block(event, 1, 0)).is_bulk
    assert finder.in_block(json.Block(b'{"index":{"_id":"1"}}\n' + event, 1, 0)).is_bulk
