"""Files of columns read by several processes, and rows that a threshold need not be told."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tocsin.alerts.model import Alert
from tocsin.events.arrow import file
from tocsin.events.arrow.batch import ColumnBatch, Layout
from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import date_of
from tocsin.logic.matchers import Equals
from tocsin.logic.query import Filter, Key, Query, Sequence, Term, Threshold
from tocsin.logic.runs import Runs
from tocsin.rules.model import Rule
from tocsin.runtime import scan as scanning
from tocsin.runtime import thinning
from tocsin.runtime.memory import Forgetful
from tocsin.runtime.scan import Scan
from tocsin.runtime.summary import Summary
from tocsin.sources.files import find

NOW = 1_800_000_000 * 10**9
NOON = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


class Rung:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def write(self, alert: Alert) -> None:
        """Takes an alert."""
        self.alerts.append(alert)


def rule(name: str, query: Query, **content: Any) -> Rule:
    return Rule(
        id=name, name=name, vendor="elastic", path="r", language="kuery", type="query",
        kind="query", text="", query=query, **content,
    )  # fmt: skip


def kind_is(*kinds: str) -> Filter:
    return Filter(Leaf("kind", Equals(kinds), "keyword"))


RULES = [
    rule("odd", kind_is("odd")),
    rule(
        "both",
        Sequence((Term(kind_is("plain"), (Key("user"),)), Term(kind_is("odd"), (Key("user"),)))),
    ),
    rule("many", Threshold(kind_is("plain", "odd"), ("user",), 1), max_signals=1),
]


def events(count: int) -> list[dict[str, Any]]:
    return [
        {
            "@timestamp": (NOON + number * dt.timedelta(seconds=7)).isoformat(),
            "event": {"kind": "event"} if number % 11 else {"kind": None},
            "kind": "odd" if number % 50 == 7 else "plain",
            "user": f"u{number % 6}",
            "n": {"count": number, "half": number / 2},
        }
        for number in range(count)
    ]


def scan(path: Path, jobs: int = 1, rules: list[Rule] = RULES) -> tuple[list[Alert], Summary]:
    sink = Rung()
    job = Scan(rules, find([str(path)]), Forgetful(), sink, clock=lambda: NOW, jobs=jobs)
    return sink.alerts, job.run()


def told(alerts: list[Alert]) -> list[Any]:
    return [(alert.id, alert.events, alert.evidence) for alert in alerts]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of few rows, and inputs that are worth reading twice."""
    monkeypatch.setattr(file, "ROWS", 60)
    monkeypatch.setattr(scanning, "MANY_BYTES", 0)


@pytest.mark.usefixtures("small")
def test_several_processes_find_in_row_groups_what_one_does_in_the_same_order(
    tmp_path: Path,
) -> None:
    found = events(400)
    parquet.write_table(pa.Table.from_pylist(found), tmp_path / "a.parquet", row_group_size=25)
    parquet.write_table(
        pa.Table.from_pylist(found[::-1]), tmp_path / "b.parquet", row_group_size=70
    )
    (tmp_path / "c.ndjson").write_text("\n".join(map(json.dumps, found[:90])))
    once, summary = scan(tmp_path)
    assert {alert.rule.name for alert in once} == {"odd", "both", "many"}
    for jobs in (2, 3):
        several, again = scan(tmp_path, jobs)
        assert told(several) == told(once)
        assert (again.events, again.passed_over) == (summary.events, summary.passed_over)


@pytest.mark.usefixtures("small")
def test_a_damaged_row_group_is_named_the_same_by_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.Table.from_pylist(events(300))
    parquet.write_table(table, path, row_group_size=75, compression="zstd", use_dictionary=False)
    group = parquet.ParquetFile(path).metadata.row_group(2)
    kind = next(
        group.column(n) for n in range(group.num_columns)
        if group.column(n).path_in_schema == "kind"
    )  # fmt: skip
    data = bytearray(path.read_bytes())
    data[kind.data_page_offset : kind.data_page_offset + kind.total_compressed_size] = (
        b"\xff" * kind.total_compressed_size
    )
    path.write_bytes(data)
    once, summary = scan(path)
    several, again = scan(path, 2)
    assert summary.undecodable.total() == 1
    assert told(several) == told(once)
    assert (again.examples, again.events) == (summary.examples, summary.events)


def test_a_file_that_is_one_row_group_needs_no_other_process(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist(events(80)), tmp_path / "a.parquet")
    with mock.patch("tocsin.runtime.pieces.Workers", side_effect=AssertionError):
        alerts, _ = scan(tmp_path, 2)
    assert alerts


def test_a_small_file_of_columns_is_worth_reading_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist(events(80)), path)
    size = path.stat().st_size
    with mock.patch.object(scanning, "MANY_BYTES", 4 * size):
        assert scanning._is_worth_it(find([str(path)]))
        path.rename(tmp_path / "a.ndjson")
        assert not scanning._is_worth_it(find([str(tmp_path / "a.ndjson")]))


# --- rows that need not be told -------------------------------------------------------------------


def rows(seconds: int = 5_000, least: int = 0) -> st.SearchStrategy[list[dict[str, Any]]]:
    time = st.integers(0, seconds).map(
        lambda seconds: (NOON + dt.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    )
    one = st.fixed_dictionaries({
        "@timestamp": st.one_of(time, time, st.sampled_from(["2026-11-01", "never"])),
        "ingested": st.one_of(st.none(), time, st.just("never")),
        "event": st.just({"kind": "event"}),
        "kind": st.sampled_from(["a", "b"]),
        "user": st.lists(st.sampled_from("wxy"), max_size=2),
        "host": st.sampled_from([None, "h1", "h2", "h3"]),
    })  # fmt: skip
    return st.lists(one, min_size=least, max_size=60)


def shape(alerts: list[Alert]) -> list[Any]:
    found = [(a.rule.id, a.time, a.details, [e.id for e in a.events]) for a in alerts]
    return sorted(found, key=repr)


@settings(max_examples=40, deadline=None)
@given(
    found=rows(),
    fields=st.sampled_from([("user",), ("host",), ("user", "host"), ()]),
    most=st.integers(1, 3),
    interval=st.integers(1, 20),
    lookback=st.integers(0, 45),
    override=st.sampled_from(["", "ingested"]),
    groups=st.integers(1, 40),
)
def test_a_threshold_rings_as_if_it_had_been_told_all_rows(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[dict[str, Any]],
    fields: tuple[str, ...],
    most: int,
    interval: int,
    lookback: int,
    override: str,
    groups: int,
) -> None:
    rules = [
        rule(
            "first", Threshold(kind_is("a"), fields, 1), max_signals=most,
            timestamp_override=override, interval=interval * MINUTE, lookback=lookback * MINUTE,
        ),
        rule("b", kind_is("b")),
    ]  # fmt: skip
    place = tmp_path_factory.mktemp("rows")
    parquet.write_table(
        pa.Table.from_pylist(found, schema=SCHEMA), place / "a.parquet", row_group_size=groups
    )

    def rung(of: Callable[..., Any]) -> tuple[list[Any], Any]:
        with (
            mock.patch.object(thinning, "_WORTH", 0),
            mock.patch.object(thinning, "_FEW", 0),
            mock.patch.object(file, "ROWS", groups),
            mock.patch.object(thinning.Thinning, "of", of),
        ):
            alerts, summary = scan(place, rules=rules)
            return shape(alerts), (summary.cut, summary.undated, summary.events)

    assert rung(thinning.Thinning.of) == rung(lambda _self, rows, _batch: rows)


@settings(max_examples=100, deadline=None)
@given(
    found=rows(1_200, 30), most=st.integers(1, 2), interval=st.integers(6, 10),
    lookback=st.integers(0, 25),
    override=st.sampled_from(["", "ingested"]),
)  # fmt: skip
def test_a_threshold_is_told_all_of_its_first_groups_and_when_others_came_and_went(
    found: list[dict[str, Any]], most: int, interval: int, lookback: int, override: str
) -> None:
    arrays = pa.RecordBatch.from_pylist(found, schema=SCHEMA)
    runs = Runs(*(minutes * 60 * 10**9 for minutes in (interval, lookback)))
    asked = thinning.Thinning(("host",), override, runs, most)
    batch = ColumnBatch([(0, arrays)], Layout(arrays.schema, asked.read))
    with mock.patch.object(thinning, "_WORTH", 0), mock.patch.object(thinning, "_FEW", 0):
        kept = set(asked.of(np.arange(len(found), dtype=np.int32), batch).tolist())
    cells: dict[tuple[int, int, str], list[tuple[int, int]]] = {}
    groups: dict[int, set[str]] = {}
    for place, event in enumerate(found):
        text = (event[override] if override else None) or event["@timestamp"]
        time = date_of(text)
        if time is None or "Z" not in text:
            assert place in kept, "its time has to be worked out with care"
        elif event["host"]:
            first, last = runs.first_at(time), runs.last_with(time)
            if first <= last:
                groups.setdefault(first, set()).add(event["host"])
                cells.setdefault((first, last, event["host"]), []).append((time, place))
    for (first, _, host), inside in cells.items():
        left = [time for time, place in inside if place in kept]
        if host in sorted(groups[first])[:most]:
            assert len(left) == len(inside)
        else:
            assert (min(left), max(left)) == (min(inside)[0], max(inside)[0])
            assert len(left) <= 2


SCHEMA = pa.schema([
    ("@timestamp", pa.string()), ("ingested", pa.string()),
    ("event", pa.struct([("kind", pa.string())])), ("kind", pa.string()),
    ("user", pa.list_(pa.string())), ("host", pa.string()),
])  # fmt: skip


def test_groups_that_are_not_told_are_told_when_they_came_and_went(tmp_path: Path) -> None:
    found = [
        {"@timestamp": f"2026-11-01T12:01:{second:02}Z", "event": {"kind": "event"}, "kind": "a",
         "host": "h1" if second % 2 else "h2"}
        for second in range(60)
    ]  # fmt: skip
    parquet.write_table(pa.Table.from_pylist(found, schema=SCHEMA), tmp_path / "a.parquet")
    rules = [rule("first", Threshold(kind_is("a"), ("host",), 1), max_signals=1)]
    with mock.patch.object(thinning, "_WORTH", 0), mock.patch.object(thinning, "_FEW", 1):
        [alert], summary = scan(tmp_path, rules=rules)
    assert alert.details["threshold_result"]["count"] == 30
    assert summary.cut == {"first": 1}
    assert summary.passed_over == 28
