from __future__ import annotations

from typing import Any

import pytest

from tocsin.catalogue.lint import lint, why_never
from tocsin.logic.expr import Always, Expr, Leaf
from tocsin.logic.matchers import Equals, InNetwork, PathGlob, Range, Regex, Wildcard
from tocsin.logic.query import Filter
from tocsin.rules.model import Rule, Technique, Threat

MAPPED = (Threat(Technique("TA0006"), ((Technique("T1552"), (Technique("T1552.005"),)),)),)


def rule(rule_id: str = "1", tree: Expr | None = None, **fields: Any) -> Rule:
    """A rule with nothing wrong, but for what is asked for."""
    given: dict[str, Any] = {
        "id": rule_id, "name": f"rule {rule_id}", "vendor": "elastic", "path": f"{rule_id}.toml", "line": 10,
        "language": "kuery", "type": "query", "kind": "kuery/query", "text": "",
        "query": Filter(tree or Leaf("a", Equals(("x",)))), "author": ("me",),
        "description": "d", "threat": MAPPED, "guide": "g",
    }  # fmt: skip
    return Rule(**{**given, **fields})


def found_in(*rules: Rule) -> list[tuple[str, str]]:
    return [(found.check, found.message) for found in lint(rules)]


def test_nothing_is_wrong() -> None:
    assert found_in(rule("1"), rule("2")) == []


@pytest.mark.parametrize(
    "fields, check, message",
    [
        ({"author": ()}, "author", "no author"),
        ({"author": (" ",)}, "author", "no author"),
        ({"description": "\n"}, "description", "no description"),
        ({"threat": ()}, "attack", "not mapped to ATT&CK"),
        ({"guide": ""}, "guide", "no investigation guide"),
        ({"maturity": "deprecated"}, "deprecated", "deprecated by its vendor"),
        (
            {"threat": (Threat(Technique("credential-access")),)},
            "attack-id",
            "'credential-access' is no id of an ATT&CK tactic (like TA0006)",
        ),
        (
            {"threat": (Threat(None, ((Technique("1552"), ()),)),)},
            "attack-id",
            "'1552' is no id of an ATT&CK technique (like T1552)",
        ),
        (
            {"threat": (Threat(None, ((Technique("T1552"), (Technique("T1003.001"),)),)),)},
            "attack-id",
            "'T1003.001' is no id of a sub-technique of T1552",
        ),
    ],
)
def test_metadata(fields: dict[str, Any], check: str, message: str) -> None:
    assert found_in(rule(**fields)) == [(check, message)]


def test_a_building_block_needs_no_guide() -> None:
    assert found_in(rule(guide="", building_block=True)) == []


def test_another_framework_has_ids_of_its_own() -> None:
    threat = Threat(Technique("AML.TA0000"), framework="MITRE ATLAS")
    assert found_in(rule(threat=(threat,))) == []


@pytest.mark.parametrize(
    "tree, check, message",
    [
        (
            Leaf("a", Wildcard(("x", "*"))),
            "always-matches",
            "* fits every value that a can have",
        ),
        (Leaf("a", Regex((".*",))), "always-matches", ".* fits every value that a can have"),
        (Leaf("a", PathGlob(("**",))), "always-matches", "** fits every value that a can have"),
        (Leaf("p", Equals(("http",)), "long"), "never-matches", "p can never fit: http is no long"),
        (Always(value=False), "never-matches", "no event can satisfy the condition"),
        (
            Leaf("a", Equals(("x", "y", "x"))),
            "repeated-value",
            "x stands twice in the list of a",
        ),
        (
            Leaf("a", Wildcard(("X*", "x*", "x*"), fold_case=True)),
            "repeated-value",
            "x* stands 3 times in the list of a",
        ),
    ],
)
def test_logic(tree: Expr, check: str, message: str) -> None:
    assert found_in(rule(tree=tree)) == [(check, message)]


def test_values_that_differ_in_case_are_two_where_case_matters() -> None:
    assert found_in(rule(tree=Leaf("a", Equals(("X", "x"))))) == []


@pytest.mark.parametrize(
    "leaf, reason",
    [
        (Leaf("a", Equals(("x",)), "keyword"), ""),
        (Leaf("a", Equals(("80",)), "long"), ""),
        (Leaf("a", Equals(("80", "http")), "long"), ""),
        (Leaf("a", Equals(("1.2.3",)), "ip"), "1.2.3 is no ip"),
        (Leaf("a", Wildcard(("8*",)), "long"), "a pattern is for texts, and the field is a long"),
        (Leaf("a", Wildcard(("10.*",)), "ip"), ""),
        (Leaf("a", Range(low=9, high=5), "long"), "the range is empty"),
        (Leaf("a", Range(low=5, high=5), "long"), ""),
        (Leaf("a", Range(low=5, high=5, low_included=False), "long"), "the range is empty"),
        (Leaf("a", Range(low=5), "long"), ""),
        (Leaf("a", InNetwork(("10.0.0.0/33",)), "ip"), "10.0.0.0/33 is no address block"),
        (Leaf("a", InNetwork(("10.0.0.0/8",)), "ip"), ""),
    ],
)
def test_why_a_leaf_can_never_fit(leaf: Leaf, reason: str) -> None:
    assert why_never(leaf) == reason


def test_a_finding_says_where_in_the_file_it_is_at_the_second_of_two_equal_values() -> None:
    tree = Leaf("user.name", Equals(("root", "root")))
    (found,) = lint([rule(text='event.code:1 and\n  user.name:("root" or "root")', tree=tree)])
    assert found.span is not None
    assert found.span.where() == "1.toml:11:25"


def test_of_very_many_values_that_stand_twice_only_the_first_are_named() -> None:
    values = tuple(f"v{number}" for number in range(5_000))
    found = lint([rule(tree=Leaf("a", Equals((*values, *values))))])
    assert [one.message for one in found[:2]] == [
        "v0 stands twice in the list of a",
        "v1 stands twice in the list of a",
    ]
    assert found[-1].message == "4,980 more stand several times in the list of a"
    assert len(found) == 21


def test_ids_and_names_that_two_rules_share() -> None:
    first, again = rule("1", name="Same"), rule("1", name="same", path="b.toml")
    other = rule("2", name="Same", path="b.toml")
    assert found_in(first, again, other) == [
        ("duplicate-id", "the id 1 is also that of 1.toml"),
        ("duplicate-name", "its name is also that of 1.toml"),
    ]


def test_two_vendors_may_use_one_id() -> None:
    assert found_in(rule("1"), rule("1", vendor="datadog")) == []
