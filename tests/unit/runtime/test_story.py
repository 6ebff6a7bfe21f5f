from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from tocsin.events.record import Record
from tocsin.logic.expr import Leaf
from tocsin.logic.matchers import Equals
from tocsin.logic.query import Filter, Key, Query, Sequence, Term
from tocsin.rules.model import Rule, Suppression
from tocsin.runtime.story import tell


def of(kind: str) -> Filter:
    return Filter(Leaf("kind", Equals((kind,)), "keyword"))


def rule(query: Query, **more: Any) -> Rule:
    return Rule(
        id="r", name="r", vendor="elastic", path="r.toml", language="eql", type="eql", kind="",
        text="", query=query, **more,
    )  # fmt: skip


def records(*kinds: str) -> list[Record]:
    found = []
    for number, kind in enumerate(kinds, 1):
        time = f"2026-11-01T00:00:{number:02d}Z"
        document = {"@timestamp": time, "kind": kind, "host": {"id": "h1"}}
        found.append(Record(document, f"line {number}", msgspec.json.encode(document)))
    return found


def told(of_rule: Rule, heard: list[Record], line: int) -> list[str]:
    position = f"line {line}"
    lines = tell(of_rule, [("f", heard)], lambda event: event.position == position, now=0)
    return [line.text for line in lines]


def test_a_rule_over_single_events_has_no_story() -> None:
    assert told(rule(of("a")), records("a"), 1) == []


def test_a_suppressed_match_names_the_alert_that_counts_it() -> None:
    suppressed = rule(of("a"), suppression=Suppression(("host.id",), dt.timedelta(hours=1)))
    heard = records("a", "b", "a", "a")
    assert told(suppressed, heard, 1) == ["it rings"]
    assert told(suppressed, heard, 4) == [
        "suppressed for host.id=h1: it counts on the alert of line 1, with 1 more"
    ]
    assert told(suppressed, heard, 2) == []


def test_a_match_beyond_max_signals_is_told_so() -> None:
    limited = rule(of("a"), max_signals=1)
    # Of an EQL rule the latest are kept.
    assert told(limited, records("a", "a"), 1) == [
        "beyond the max_signals of its run: it does not ring"
    ]


def test_a_sequence_tells_how_far_it_got() -> None:
    by = (Key("host.id", "keyword"),)
    steps = Sequence((Term(of("a"), by), Term(of("b"), by)), dt.timedelta(minutes=1))
    assert told(rule(steps), records("a", "c", "b"), 3)[-1] == (
        "completes the sequence: line 1, line 3"
    )
