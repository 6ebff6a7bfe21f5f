from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.explain import Explained, evidence, explain
from tocsin.logic.expr import And, Leaf, Nested, Not, Or
from tocsin.logic.field_types import FieldType
from tocsin.logic.matchers import Equals, Exists, Matcher, Range, Wildcard


def leaf(field: str, matcher: Matcher, kind: FieldType = "keyword", operator: str = ":") -> Leaf:
    return Leaf(field, matcher, kind, operator=operator)


CURL = leaf("process.name", Wildcard(("curl", "wget", "python*"), fold_case=True))
PORT = leaf("destination.port", Equals((80,)), "long", "==")
NOT_ROOT = Not(leaf("user.name", Equals(("root",)), operator="!="))


def only(tree: Explained) -> tuple[bool, str, str]:
    return tree.held, tree.why, tree.reason


@pytest.mark.parametrize(
    ("expr", "document", "expected"),
    [
        (CURL, {"process.name": "Python3"}, (True, "held", 'is "Python3"')),
        (CURL, {"process": {"name": "bash"}}, (False, "value", 'is "bash"')),
        (CURL, {}, (False, "absent", "the event has no process.name")),
        (
            leaf("process.name", Equals(("curl",))),
            {"process.name": "CURL"},
            (False, "case", 'is "CURL": differs by case only'),
        ),
        (PORT, {"destination.port": "80"}, (True, "held", 'is "80"')),
        (PORT, {"destination.port": "http"}, (False, "type", '"http" is no long')),
        (PORT, {"destination.port": [22, 443]}, (False, "value", "is 22, 443")),
        (NOT_ROOT, {"user.name": "www-data"}, (True, "held", 'is "www-data"')),
        (NOT_ROOT, {"user.name": "root"}, (False, "value", 'is "root"')),
        (NOT_ROOT, {}, (True, "held", "the event has no user.name")),
        (
            Leaf("secl.tty", Equals(("pts0",)), "keyword", missing="", spelled="exec.tty_name"),
            {},
            (False, "absent", 'the event has no exec.tty_name, which reads as ""'),
        ),
    ],
)  # fmt: skip
def test_a_leaf_says_why(expr: Any, document: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert only(explain(expr, document)) == expected


def test_evidence_names_the_alternative_that_fitted_and_the_value() -> None:
    found = evidence(
        And((CURL, PORT)), {"process.name": ["sh", "wget"], "destination.port": 80}, "e1"
    )
    assert [(e.event, e.field, e.operator, e.pattern, e.value) for e in found] == [
        ("e1", "process.name", ":", "wget", "wget"),
        ("e1", "destination.port", "==", "80", 80),
    ]


def test_evidence_is_in_the_trees_order_and_has_every_alternative_that_held() -> None:
    expr = Or((And((PORT, leaf("a", Exists()))), CURL, NOT_ROOT))
    found = evidence(expr, {"process.name": "curl", "destination.port": 80}, "e")
    assert [e.field for e in found] == ["process.name", "user.name"]


def test_what_holds_under_a_negation_is_no_evidence() -> None:
    expr = And((PORT, Not(And((CURL, leaf("user.name", Equals(("root",))))))))
    document = {"process.name": "curl", "destination.port": 80, "user.name": "x"}
    assert [e.field for e in evidence(expr, document, "e")] == ["destination.port"]


def test_a_range_reads_as_a_person_would_write_it() -> None:
    tree = explain(leaf("p", Range(low=5, low_included=False, high=9), "long", ">"), {"p": 7})
    assert (tree.text, tree.pattern) == ("p > 5 and <= 9", "> 5 and <= 9")


def test_of_nested_objects_the_one_that_fits_is_shown() -> None:
    expr = Nested("deltas", And((leaf("action", Equals(("ADD",))), leaf("role", Equals(("x",))))))
    document = {"deltas": [{"action": "ADD", "role": "y"}, {"action": "ADD", "role": "x"}]}
    assert explain(expr, document).held
    assert len(evidence(expr, document, "e")) == 2
    apart = {"deltas": [{"action": "ADD", "role": "y"}, {"action": "DEL", "role": "x"}]}
    assert not explain(expr, apart).held


@pytest.mark.parametrize(
    ("operator", "matcher", "pattern"),
    [
        (">=", Range(low=3), "3"),
        ("<", Range(high=100, high_included=False), "100"),
        ("==", Range(low=3, high=100), ">= 3 and <= 100"),
    ],
)
def test_a_bound_says_its_operator_once(operator: str, matcher: Range, pattern: str) -> None:
    leaf = Leaf("destination.port", matcher, "long", operator=operator)
    (found,) = evidence(leaf, {"destination": {"port": 80}}, "e1")
    assert (found.operator, found.pattern) == (operator, pattern)


def test_an_empty_text_is_seen():
    tree = explain(leaf("p", Equals(("",)), operator="=="), {"p": "a"})
    assert tree.text == 'p == ""'


def test_a_leaf_of_an_alternative_that_does_not_hold_is_no_evidence() -> None:
    one = And((leaf("channel", Equals(("x",))), leaf("code", Equals(("1",)))))
    other = And((leaf("os", Equals(("w",))), Not(leaf("channel", Exists()))))
    found = evidence(Or((one, other)), {"channel": "x", "code": "1", "os": "w"}, "e")
    assert [leaf.field for leaf in found] == ["channel", "code"]
