from __future__ import annotations

import datetime as dt
import random
from typing import Any

import msgspec
import pytest

from tocsin.engine.match import Match
from tocsin.events.decoders.json import Block
from tocsin.events.record import Record
from tocsin.logic.expr import Leaf, Not
from tocsin.logic.field_types import date_of
from tocsin.logic.matchers import Equals
from tocsin.logic.query import Filter, NewTerms, Query, Threshold
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector, Window

NOW = date_of("2026-11-20T00:00:00Z") or 0
CONNECTS = Filter(Leaf("event.action", Equals(("connect",)), "keyword"))
FIRST_TIME = NewTerms(CONNECTS, ("host.id", "process.executable"), dt.timedelta(days=7))


def rule(query: Query = CONNECTS, **more: Any) -> Rule:
    base = Rule(
        id="r1", name="a rule", vendor="elastic", path="r1.toml", language="kuery", type="query",
        kind="kuery/query", text="", query=query,
    )  # fmt: skip
    return msgspec.structs.replace(base, **more)


def record(time: str, *, host: object = "h1", program: object = "/bin/a", **more: Any) -> Record:
    document: dict[str, Any] = {"@timestamp": time, "event": {"action": "connect"}, **more}
    if host is not None:
        document["host"] = {"id": host}
    if program is not None:
        document["process"] = {"executable": program}
    return Record(document, f"line {time}", msgspec.json.encode(document))


def run(rules: list[Rule], records: list[Record], **more: Any) -> list[Match]:
    detector = Detector(rules, now=NOW, **more)
    return [*detector.feed(records, "test"), *detector.finish()]


def rung(records: list[Record], **more: Any) -> list[tuple[str, ...]]:
    matches = run([rule(FIRST_TIME)], records, **more)
    return [(m.events[0].position, *(str(v) for _, v in m.new_terms)) for m in matches]


class TestNewTerms:
    def test_the_first_time_rings_and_the_second_does_not(self) -> None:
        records = [record("2026-11-01"), record("2026-11-02")]
        assert rung(records) == [("line 2026-11-01", "h1", "/bin/a")]

    def test_another_host_or_program_is_new(self) -> None:
        records = [
            record("2026-11-01"),
            record("2026-11-02", host="h2"),
            record("2026-11-03", program="/bin/b"),
        ]
        assert len(rung(records)) == 3

    @pytest.mark.parametrize(
        ("second", "rings"),
        [("2026-11-07T23:59:59Z", 1), ("2026-11-08", 1), ("2026-11-08T00:00:01Z", 2)],
        ids=["within seven days", "seven days to the second", "a second more"],
    )
    def test_a_program_is_new_again_after_seven_silent_days(self, second: str, rings: int) -> None:
        assert len(rung([record("2026-11-01"), record(second)])) == rings

    def test_every_use_keeps_a_program_known(self) -> None:
        records = [record(f"2026-11-{day:02d}") for day in (1, 7, 13, 19)]
        assert len(rung(records)) == 1

    def test_the_order_of_the_input_does_not_matter(self) -> None:
        records = [record(f"2026-11-{day:02d}") for day in (1, 3, 5, 13, 14, 23)]
        expected = rung(records)
        assert [position for position, *_ in expected] == [
            "line 2026-11-01", "line 2026-11-13", "line 2026-11-23",
        ]  # fmt: skip
        for seed in range(20):
            random.Random(seed).shuffle(records)
            assert rung(records) == expected

    def test_each_element_of_an_array_is_a_term(self) -> None:
        assert rung([record("2026-11-01", host=["h1", "h2", "h1"], program=["/a", "/b"])]) == [
            ("line 2026-11-01", host, program) for host in ("h1", "h2") for program in ("/a", "/b")
        ]

    @pytest.mark.parametrize("missing", [{"host": None}, {"program": None}, {"host": []}])
    def test_a_document_without_one_of_the_fields_is_ignored(self, missing: dict[str, Any]) -> None:
        assert rung([record("2026-11-01", **missing)]) == []

    def test_history_survives_in_what_changed(self) -> None:
        first = Detector([rule(FIRST_TIME)], now=NOW)
        first.feed([record("2026-11-01")], "test")
        assert len(first.finish()) == 1
        saved = {
            operator: {key: value for key, value in keys.items() if value is not None}
            for operator, keys in first.changes().items()
        }
        assert rung([record("2026-11-05")], saved=saved) == []
        assert first.changes() == {}

    def test_warm_up_learns_without_ringing(self) -> None:
        records = [
            record("2026-11-01T00:00:00Z"),
            record("2026-11-01T11:59:59Z", program="/bin/b"),
            record("2026-11-01T12:00:00Z", program="/bin/c"),
            record("2026-11-01T13:00:00Z"),
        ]
        detector = Detector([rule(FIRST_TIME)], now=NOW, warm_up=dt.timedelta(hours=12))
        detector.feed(records, "test")
        assert [m.new_terms[1][1] for m in detector.finish()] == ["/bin/c"]
        assert detector.learned == 2


class TestIndexPatterns:
    ENDPOINT = rule(index=("logs-endpoint.events.network-*",))

    @pytest.mark.parametrize(
        ("document", "seen"),
        [
            ({}, True),
            ({"data_stream": {"type": "logs", "dataset": "endpoint.events.network",
                              "namespace": "prod"}}, True),
            ({"data_stream.dataset": "okta.system"}, False),
            ({"_index": ".ds-logs-endpoint.events.network-default-2026.11.01-000001"}, True),
            ({"_index": "logs-aws.cloudtrail-default"}, False),
            ({"event.dataset": "endpoint.events.network"}, True),
            ({"event.dataset": "system.auth"}, False),
            ({"event.module": "system"}, True),
            ({"agent": {"type": "filebeat"}}, True),
        ],
    )  # fmt: skip
    def test_decide_which_events_a_rule_sees(self, document: dict[str, Any], seen: bool) -> None:
        events = [record("2026-11-01", **document), record("2026-11-01", _index="other")]
        assert len(run([self.ENDPOINT], events)) == (1 if seen else 0)


class TestTime:
    def test_the_override_counts_where_the_event_has_it(self) -> None:
        events = [
            record("2026-11-01", **{"event.ingested": "2026-11-02"}),
            record("2026-11-03"),
        ]
        matches = run([rule(timestamp_override="event.ingested")], events)
        assert [m.time for m in matches] == [date_of("2026-11-02"), date_of("2026-11-03")]

    def test_an_event_without_a_time_takes_that_of_its_reading_and_says_so(self) -> None:
        [match] = run([rule()], [record("not a time")])
        assert (match.time, match.events[0].received) == (NOW, True)

    def test_events_outside_the_window_do_not_ring_and_are_counted(self) -> None:
        detector = Detector([rule()], now=NOW, window=Window(date_of("2026-11-02"), None))
        assert len(detector.feed([record("2026-11-01"), record("2026-11-02")], "test")) == 1
        assert detector.outside == 1

    @pytest.mark.parametrize(
        "time", [10**18, -(10**15), 253_402_300_800_000, "9999-12-31T23:59:59-05:00", "0001-01-01"]
    )
    def test_a_time_that_nanoseconds_of_64_bits_cannot_hold_is_none(self, time: object) -> None:
        far = {"event.action": "connect", "@timestamp": time}
        [match] = run([rule()], [Record(far, "line 1", b"{}")])
        assert (match.time, match.events[0].received) == (NOW, True)


class TestIdentity:
    def test_equal_lines_are_different_events_in_one_file_and_the_same_in_another(self) -> None:
        twice = [record("2026-11-01"), record("2026-11-01")]
        first = [m.events[0].id for m in run([rule()], twice)]
        assert len(set(first)) == 2
        assert [m.events[0].id for m in run([rule()], twice)] == first

    def test_does_not_depend_on_the_other_rules_or_the_batches(self) -> None:
        records = [record("2026-11-01"), record("2026-11-02"), record("2026-11-01")]
        other = rule(
            Filter(Leaf("@timestamp", Equals((date_of("2026-11-02") or 0,)), "date")), id="r2"
        )
        alone = [m.events[0].id for m in run([rule()], records)]
        together = [m.events[0].id for m in run([other, rule()], records) if m.rule.id == "r1"]
        detector = Detector([rule()], now=NOW)
        split = [m.events[0].id for r in records for m in detector.feed([r], "test")]
        assert alone == together == split

    def test_is_the_events_own_where_it_has_one(self) -> None:
        mine = msgspec.structs.replace(record("2026-11-01"), id="own")
        assert [m.events[0].id for m in run([rule()], [mine])] == ["own"]


def test_a_threshold_is_told_only_what_it_tells_of() -> None:
    anything = Filter(Not(Leaf("event.action", Equals(("accept",)), "keyword")))
    limited = rule(Threshold(anything, ("host.id",), 1), max_signals=1)
    lines = [record("2026-11-14T00:00:00Z", host=f"h{n % 2}").raw for n in range(30_000)]
    detector = Detector([limited], now=NOW, window=Window(), limited=True)
    found = detector.finder.in_block(Block(b"\n".join(lines), 1, 0))
    assert len(found.hits) < len(lines) // 2 + 10
    detector.take(found, "test")
    assert [m.key.partition("@")[0] for m in detector.finish()] == ['["h0"]']


def test_pipes_keep_the_first_and_the_last() -> None:
    piped = Filter(CONNECTS.where, pipes=(("head", 3), ("tail", 2)))
    matches = run([rule(piped)], [record(f"2026-11-{day:02d}") for day in (5, 4, 3, 2, 1)])
    assert [m.events[0].position for m in matches] == ["line 2026-11-02", "line 2026-11-03"]


def test_pipes_hold_no_more_than_they_need_and_cannot_be_resumed() -> None:
    piped = Filter(CONNECTS.where, pipes=(("tail", 2),))
    detector = Detector([rule(piped)], now=NOW)
    for number in range(5_000):
        time = date_of("2026-11-01") or 0
        millis = time // 1_000_000 + (number * 7_919) % 5_000
        assert detector.feed([record("2026-11-01", **{"@timestamp": millis})], "test") == []
    assert sum(map(len, detector._piped.values())) < 2_000
    times = [match.time // 1_000_000 % 86_400_000 for match in detector.finish()]
    assert times == [4_998, 4_999]
    assert not detector.is_resumable
    assert Detector([rule()], now=NOW).is_resumable
