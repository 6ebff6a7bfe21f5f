"""The meaning of Datadog's log search: which logs a query finds."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.reference import holds
from tocsin.events.record import Record
from tocsin.events.shapes import in_ecs
from tocsin.languages.datadog_query import compile_query
from tocsin.logic.expr import Leaf
from tocsin.logic.matchers import Equals
from tocsin.source_text import SourceText

LOG: dict[str, Any] = {
    "date": "2026-03-14T12:00:00Z",
    "service": "Tower",
    "source": "bells",
    "host": "web-1",
    "status": "error",
    "message": "The GREAT bell rang 3 times, by hand: ring-master@tower.example!",
    "tags": ["env:prod", "team:sextons", "team:ringers", "version:12", "loud"],
    "attributes": {
        "bell": {"name": "Great Tom", "weight": 6300, "cast": "1680", "cracked": False},
        "usr": {"name": ["jane", "John"], "id": "7"},
        "http": {"url": "/api-v1/ring?times=3", "status_code": 404},
        "ips": ["192.0.2.7", "2001:db8::1"],
        "ringers": [{"name": "ann", "age": 30}, {"name": "bob", "age": 8}],
        "note": "hello world",
        "dotted.key": "x",
        "empty": None,
        "pattern": "a*c",
    },
}


def finds(text: str, **changes: Any) -> bool:
    shaped = in_ecs(Record(LOG | changes, "line 1"))
    assert shaped is not None
    return holds(compile_query(SourceText(text)).expr, shaped.document)


FOUND = [
    # attributes: whole values, in this case
    '@bell.name:"Great Tom"',
    r"@bell.name:Great\ Tom",
    "@bell.name:Great?Tom",
    "@bell.name:Great*",
    "@bell.name:*Tom",
    "@bell.weight:6300",
    "@bell.weight:63*",
    "@bell.cracked:false",
    "@usr.id:7",
    "@dotted.key:x",
    r"@pattern:a\*c",
    '@pattern:"a*c"',
    "@http.url:/api-v1/*",
    # several values
    "@usr.name:jane",
    "@usr.name:John",
    "@usr.name:(nobody OR jane)",
    "@usr.name:(jane AND John)",
    "@ringers.name:bob",
    "-@usr.name:nobody",
    # numbers
    "@bell.weight:>6299",
    "@bell.weight:>=6300",
    "@bell.weight:<=6300.0",
    "@bell.weight:[6000 TO 7000]",
    "@bell.weight:{6299 TO 6301}",
    "@bell.weight:[6300 TO *]",
    "@bell.cast:<1700",
    "@ringers.age:<10",
    "@http.status_code:[400 TO 499]",
    "@bell.name:[A TO H]",
    "@bell.name:>Grea",
    # what is there
    "@bell.name:*",
    "@bell:*",
    "@ringers:*",
    "_exists_:@bell.weight",
    "-@nothing:*",
    "-@empty:*",
    "_missing_:@nothing",
    "service:*",
    "env:*",
    # reserved fields and tags
    "service:Tower",
    "host:web-1",
    "source:bells",
    "status:error",
    "status:ERROR",
    "status:err*",
    "env:prod",
    "env:(prod OR staging)",
    "team:sextons team:ringers",
    "team:ring*",
    "version:>9",
    "tags:loud",
    'tags:"env:prod"',
    r"tags:env\:prod",
    "tags:env*",
    # the message: words, in any case
    "great",
    "Bell",
    '"great bell"',
    '"great   BELL rang"',
    "rang times",
    "ring-master@tower.example",
    "message:hand",
    "message:(hand OR foot)",
    "ran*",
    "*ell",
    "g?eat",
    "great?bell",
    r"*hand\:*",
    "*master@tow*",
    "-foot",
    "*:great",
    '*:"GREAT tom"',
    "*:hello",
    "*:wor*",
    "*:6300",
    # addresses
    "CIDR(@ips, 192.0.2.0/24)",
    "CIDR(@ips, 203.0.113.0/24, 2001:db8::/32)",
    "NOT(CIDR(@ips, 203.0.113.0/24))",
    # all of it
    "*",
    "",
    "service:Tower (env:staging OR @bell.weight:>1) -status:ok",
    "nothing OR great",
    "nothing bell OR great hand",
]
MISSED = [
    "@bell.name:great*",
    '@bell.name:"great tom"',
    "@bell.name:Great",
    '@bell.name:"Great*"',
    "@bell.weight:630",
    "@bell.weight:>6300",
    "@bell.weight:{6300 TO *]",
    "@bell.name:>5",
    "@pattern:abc",
    "@usr.name:JOHN",
    "-@usr.name:jane",
    "@usr.name:(jane AND nobody)",
    "@usr:jane",
    "@nothing:*",
    "@nothing:<5",
    "-@bell:*",
    "@empty:*",
    "@service:Tower",
    "service:tower",
    "bell.name:*",
    "env:PROD",
    "env:pro",
    "@env:prod",
    "team:(sextons -ringers)",
    "tags:prod",
    "grea",
    '"bell great"',
    "rang*times",
    "?eat",
    "ha",
    "message:tom",
    "tom",
    "*:nothing",
    "-great",
    "CIDR(@ips, 203.0.113.0/24)",
    "CIDR(@bell.name, 0.0.0.0/0)",
    "-*",
    "great nothing",
    "great nothing OR bell nothing",
]


@pytest.mark.parametrize("text", FOUND)
def test_a_query_finds_the_log(text: str) -> None:
    assert finds(text)


@pytest.mark.parametrize("text", MISSED)
def test_a_query_does_not_find_the_log(text: str) -> None:
    assert not finds(text)


@pytest.mark.parametrize("value", [404, "404", 404.0])
def test_a_number_is_found_however_it_is_written(value: object) -> None:
    attributes = {"http": {"status_code": value}}
    assert finds("@http.status_code:404", attributes=attributes)
    assert finds('@http.status_code:"404"', attributes=attributes)
    assert finds("@http.status_code:>=404", attributes=attributes)


def test_true_is_no_number_and_no_other_word() -> None:
    assert finds("@up:true", attributes={"up": True})
    assert finds("@up:true", attributes={"up": "true"})
    assert not finds("@up:1", attributes={"up": True})
    assert not finds("@up:>0", attributes={"up": True})


def test_a_log_without_a_message_has_no_words() -> None:
    assert not finds("bell", message="")
    assert finds("-bell", message="")
    assert not finds("message:*", message="")


def test_alternatives_of_one_field_are_one_leaf() -> None:
    where = compile_query(SourceText("@agent.rule_id:(aws_imds OR gcp_imds)")).where
    assert isinstance(where, Leaf)
    assert where.matcher == Equals(("aws_imds", "gcp_imds"))
    assert (where.field, where.spelled) == ("datadog.agent.rule_id", "@agent.rule_id")


@pytest.mark.parametrize("glob", ["a*" * 400 + "b", "?" * 900, ("ab." * 300) + "*"])
def test_wildcards_in_a_message_take_no_long_time(glob: str) -> None:
    assert not finds(glob, message="a" * 20_000)
