from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Sequence as SequenceOf
from pathlib import Path

import msgspec
import pytest

from tocsin.alerts.model import Alert
from tocsin.cli import _scan_report
from tocsin.errors import StoreError, UsageError
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Key, NewTerms, Query, Sample, Sequence, Term, Threshold
from tocsin.rules.model import Rule
from tocsin.runtime.memory import Forgetful, Stored
from tocsin.runtime.scan import PENDING_ALERTS, Scan
from tocsin.sinks.lines import Held
from tocsin.sources.files import find
from tocsin.store.open import open_store

ANY = Rule(
    id="r1", name="a rule", vendor="elastic", path="r1.toml", language="eql", type="eql",
    kind="eql/event", text="", query=Filter(Always(value=True)),
)  # fmt: skip


class Handed(Forgetful):
    """Notes how many alerts are handed over at a time."""

    def __init__(self, note: bytes | None = None) -> None:
        self.counts: list[int] = []
        self.note = note

    def progress(self, scan: str) -> bytes | None:
        return self.note

    def add(self, alerts: SequenceOf[Alert]) -> int:
        self.counts.append(len(alerts))
        return super().add(alerts)

    def commit(
        self,
        alerts: SequenceOf[Alert],
        changes: dict[str, dict[str, bytes | None]],
        scan: str,
        progress: bytes | None,
    ) -> int:
        self.counts.append(len(alerts))
        return super().commit(alerts, changes, scan, progress)


def events(path: Path, count: int, size: int) -> Path:
    path.write_text("".join(json.dumps({"n": n, "x": "y" * size}) + "\n" for n in range(count)))
    return path


@pytest.mark.parametrize(("count", "size", "most"), [(5_000, 10, PENDING_ALERTS), (50, 10**6, 17)])
def test_the_alerts_of_one_file_do_not_all_wait_in_memory(
    tmp_path: Path, count: int, size: int, most: int
) -> None:
    path = events(tmp_path / "a.ndjson", count, size)
    memory, held = Handed(), Held(most=10, whole=2)
    summary = Scan([ANY], find([str(path)]), memory, held).run()
    assert (sum(memory.counts), summary.new) == (count, count)
    assert max(memory.counts) <= most
    assert held.left_out == count - 10
    assert not any(alert.events for alert in held.in_order())


def test_a_few_alerts_are_held_whole(tmp_path: Path) -> None:
    held = Held(most=10, whole=2)
    Scan([ANY], find([str(events(tmp_path / "a.ndjson", 2, 1))]), Forgetful(), held).run()
    assert [len(alert.events) for alert in held.in_order()] == [1, 1]


def test_a_note_that_cannot_be_read_costs_only_time(tmp_path: Path) -> None:
    path = events(tmp_path / "a.ndjson", 3, 1)
    summary = Scan([ANY], find([str(path)]), Handed(b"{"), Held(10, 2)).run()
    assert (summary.events, summary.new) == (3, 3)


def test_a_dead_letter_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    scan = Scan([ANY], find([]), Forgetful(), Held(10, 2), dead_letters=tmp_path)
    with pytest.raises(UsageError, match="is a directory"):
        scan.run()


def test_a_store_that_breaks_while_it_is_used_is_named(tmp_path: Path) -> None:
    path = events(tmp_path / "a.ndjson", 3, 1)
    engine = open_store(str(tmp_path / "t.db"))
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("drop table alerts")
    connection.close()
    scan = Scan([ANY], find([str(path)]), Stored(engine), Held(10, 2))
    with pytest.raises(StoreError, match=r"t\.db: .*alerts"):
        scan.run()
    engine.dispose()


def test_what_is_held_is_in_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    days = (3, 1, 2)
    path.write_text("".join(f'{{"@timestamp": "2026-11-0{day}"}}\n' for day in days))
    held = Held(10, 2)
    Scan([ANY], find([str(path)]), Forgetful(), held).run()
    assert [alert.time[:10] for alert in held.in_order()] == [
        f"2026-11-0{day}" for day in sorted(days)
    ]
    assert msgspec.json.encode(held.in_order())


HOST_AND_USER = (Key("host"), Key("user"))
ANYTHING = Term(Filter(Always(value=True)), HOST_AND_USER)


@pytest.mark.parametrize(
    "query",
    [
        Threshold(Filter(Always(value=True)), ("host", "user"), 2),
        NewTerms(Filter(Always(value=True)), ("host", "user"), dt.timedelta(days=7)),
        Sequence((ANYTHING, ANYTHING), dt.timedelta(minutes=1)),
        Sample((ANYTHING, ANYTHING)),
    ],
    ids=["threshold", "new_terms", "sequence", "sample"],
)
def test_events_with_more_combinations_of_values_than_count_are_counted(
    tmp_path: Path, query: Query
) -> None:
    lines = [
        {"@timestamp": "2026-11-14T00:00:00Z", "host": list(range(hosts)), "user": list(range(25))}
        for hosts in (1, 40, 41)  # 40 x 25 are as many as count
    ]
    (tmp_path / "a.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rule = msgspec.structs.replace(ANY, query=query)
    job = Scan([rule], find([str(tmp_path / "a.ndjson")]), Forgetful(), Held(0, 0))
    summary = job.run()
    assert summary.crowded == {"a rule": 1}
    [(label, text, _)] = _scan_report._of_losses(summary, ())
    assert label == "crowded"
    assert (
        text == "1 event with more combinations of values than count (1,000 an event): 1 × a rule"
    )
