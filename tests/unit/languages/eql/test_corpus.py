"""Every public rule in EQL is read, and those about single events are compiled."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tocsin.languages.eql import compile_query, format_query, parse, syntax
from tocsin.source_text import SourceText


@pytest.fixture(scope="module")
def queries(shared: Path) -> list[SourceText]:
    found = []
    for folder in ("rules", "rules_building_block"):
        for file in sorted((shared / "corpora" / "elastic" / folder).rglob("*.toml")):
            rule = tomllib.loads(file.read_text(encoding="utf-8"))["rule"]
            if rule["type"] == "eql":
                found.append(SourceText(rule["query"], file.name))
    if not found:
        pytest.skip("there are no public rules in EQL")
    return found


def test_every_query_compiles(queries: list[SourceText]) -> None:
    for source in queries:
        compile_query(source)


def test_formatted_queries_read_as_themselves(queries: list[SourceText]) -> None:
    for source in queries:
        tree = parse(source)
        assert syntax.same(parse(SourceText(format_query(tree))), tree), source.name
