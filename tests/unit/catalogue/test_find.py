from __future__ import annotations

import pytest

from tocsin.catalogue.find import find
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter
from tocsin.rules.model import Rule


def rule(rule_id: str, name: str, path: str) -> Rule:
    return Rule(
        id=rule_id, name=name, vendor="elastic", path=path, language="eql", type="eql",
        kind="eql/event", text="", query=Filter(Always(value=True)),
    )  # fmt: skip


RULES = [
    rule("7a10-01", "Keys Read by Curl", "rules/linux/keys_read.toml"),
    rule("7a10-02", "Keys Read by Python", "rules/linux/keys_python.toml"),
    rule("9b", "Keys", "rules/windows/keys.toml"),
    rule("curl", "A rule named like a program", "other/x.toml"),
]


@pytest.mark.parametrize(
    "wanted, ids",
    [
        ("7a10-01", ["7a10-01"]),
        ("7A10-0", ["7a10-01", "7a10-02"]),
        ("9", ["9b"]),
        ("keys_read.toml", ["7a10-01"]),
        ("keys_read", ["7a10-01"]),
        ("linux/keys_read.toml", ["7a10-01"]),
        ("rules/linux/keys_read.toml", ["7a10-01"]),
        ("ys_read.toml", []),
        ("python keys", ["7a10-02"]),
        ("KEYS", ["9b"]),
        ("read", ["7a10-01", "7a10-02"]),
        ("curl", ["curl"]),
    ],
)
def test_find(wanted: str, ids: list[str]) -> None:
    assert [found.id for found in find(wanted, RULES).rules] == ids


def test_what_is_unknown_brings_the_nearest_names() -> None:
    found = find("keys read by pythonn", RULES)
    assert found.rules == ()
    assert found.nearest[0].id == "7a10-02"


def test_what_is_like_nothing_brings_nothing() -> None:
    assert find("zzzzzzzz", RULES) == find("", [])
