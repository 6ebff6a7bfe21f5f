from __future__ import annotations

import pytest

from tocsin.catalogue.tree import as_data, lines_of, text_of
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.matchers import Equals, Exists, Range, Wildcard
from tocsin.logic.value import Const


def drawn(expr: Expr, width: int = 100) -> str:
    return "\n".join(text_of(line) for line in lines_of(expr, width))


def leaf(field: str = "f", *values: str, operator: str = "==") -> Leaf:
    return Leaf(field, Equals(values), operator=operator)


def test_a_tree() -> None:
    tree = And((
        leaf("a", "1"),
        Or((leaf("b", "2"), Not(And((leaf("c", "3"), leaf("d", "4")))))),
        Nested("e", Not(leaf("f", "5"))),
    ))  # fmt: skip
    assert (
        drawn(tree)
        == """\
AND
├─ a == 1
├─ OR
│  ├─ b == 2
│  └─ NOT
│     └─ AND
│        ├─ c == 3
│        └─ d == 4
└─ SOME e
   └─ NOT f == 5"""
    )


@pytest.mark.parametrize(
    "expr, text",
    [
        (Not(leaf("a", "1", operator="!=")), "a != 1"),
        (Not(leaf("a", "1", "2", operator="not in")), "a not in 1, 2"),
        (leaf("a", "1", operator="!="), "a == 1"),
        (leaf("a", "1", operator="not in"), "a in 1"),
        (Not(leaf("a", "1")), "NOT a == 1"),
        (Leaf("a", Exists(), operator="!="), "a exists"),
        (Not(Leaf("a", Exists())), "NOT a exists"),
        (Leaf("a", Range(low=5, low_included=False), operator=">"), "a > 5"),
        (Leaf("a", Wildcard(("x*",)), operator=":", spelled="?a"), "?a : x*"),
        (Leaf("a", Equals(("x",)), every=True, operator="allin"), "a (every value) allin x"),
        (Script(Const(value=True), "length(a)\n   > 3"), "length(a) > 3 (computed)"),
        (Not(Script(Const(value=True), "x")), "NOT x (computed)"),
        (Always(value=True), "every event"),
        (And(()), "every event"),
        (Or(()), "no event"),
    ],
)
def test_one_line(expr: Expr, text: str) -> None:
    assert drawn(expr) == text


def test_long_lists_are_wrapped_under_their_first_value() -> None:
    tree = And((leaf("process.name", "curl", "wget", "python", "node", "ruby"), leaf("a", "1")))
    assert drawn(tree, 36) == """\
AND
├─ process.name == curl, wget,
│                  python, node,
│                  ruby
└─ a == 1""".replace("\n│                  python, node,\n│                  ruby",
                     "\n│      python, node, ruby")  # fmt: skip


def test_values_with_room_hang_under_the_first() -> None:
    assert (
        drawn(leaf("name", "curl", "wget", "python", "node", "ruby"), 36)
        == """\
name == curl, wget, python, node,
        ruby"""
    )


def test_a_value_too_long_for_any_line_has_one_to_itself_and_is_not_cut() -> None:
    long = "x" * 50
    assert (
        drawn(leaf("name", "a", long, "b"), 36)
        == f"""\
name == a,
    {long},
    b"""
    )


def test_no_line_is_wider_than_asked_where_values_are_short() -> None:
    tree = And((leaf("process.name", *(f"program{n}" for n in range(60))),) * 2)
    for width in (40, 80, 120):
        assert max(len(line) for line in drawn(tree, width).splitlines()) <= width


def test_values_that_could_be_misread_are_quoted() -> None:
    assert drawn(leaf("a", "x y", "p,q", "", 'say "hi"')) == r'a == "x y", "p,q", "", "say \"hi\""'


def test_as_data() -> None:
    tree = And((Or((leaf("a", "1"),)), Not(Nested("n", Script(Const(value=True), "s")))))
    assert as_data(tree) == {
        "and": [
            {"or": [{"field": "a", "operator": "==", "values": ["1"]}]},
            {"not": {"some": "n", "of": {"script": "s"}}},
        ]
    }
