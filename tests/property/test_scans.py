"""A scan finds the same alerts however its events come: files, order, interruptions, repetitions.

Every event has a number of its own, so that no two have the same bytes: how often the same bytes
came before is counted within a file, and so depends on where files are cut. Sequences take that
number as their tiebreaker: of events of the same time that have none, the order of arrival decides.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast
from unittest import mock

import msgspec
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sqlalchemy import select
from tests.property.stores import empty_store, store

from tocsin.alerts.model import Alert
from tocsin.engine.state import threshold
from tocsin.events.decoders import json as decoding
from tocsin.events.record import Document
from tocsin.logic import query as logic
from tocsin.logic.expr import Always, Leaf
from tocsin.logic.matchers import Equals
from tocsin.rules.model import Rule, Suppression
from tocsin.runtime import deferral, layout, pieces, workers
from tocsin.runtime import scan as scanning
from tocsin.runtime.finder import Finder
from tocsin.runtime.memory import Forgetful, Stored
from tocsin.runtime.scan import Memory, Scan
from tocsin.sources.files import OpenFile, find
from tocsin.store.tables import alerts as alert_table

__all__ = ["empty_store"]

NOW = 1_800_000_000 * 10**9
MINUTE = dt.timedelta(minutes=1)
Content = dict[str, Any]
Files = list[list[Document]]

INDICATORS: list[Document] = [
    {"_id": "i1", "threat": {"indicator": {"ip": "10.0.0.0/8", "name": "x"}}},
    {"_id": "i2", "threat": {"indicator": {"ip": "192.0.2.7", "name": ["y", "z"]}}},
]


# --- rules ------------------------------------------------------------------------------------


def kind_is(*kinds: str) -> logic.Filter:
    return logic.Filter(Leaf("kind", Equals(kinds), "keyword") if kinds else Always(value=True))


filters = st.sampled_from([kind_is(), kind_is("a"), kind_is("b"), kind_is("a", "b")])
keys = st.sampled_from([
    (),
    (logic.Key("user"),),
    (logic.Key("user", "keyword", optional=True),),
    (logic.Key("user", optional=True), logic.Key("host")),
])  # fmt: skip
spans = st.integers(1, 12).map(lambda n: n * MINUTE)
group_fields = st.sampled_from([("user",), ("user", "host"), ("absent",)])


@st.composite
def sequences(draw: st.DrawFn, *, trailing: bool = True) -> logic.Sequence:
    by = draw(keys)
    kinds = draw(st.lists(st.booleans(), min_size=2, max_size=4))
    if all(kinds) or (kinds[-1] and not trailing):
        kinds = [*kinds[:-1], False]
    if draw(st.booleans()):  # ``with runs``
        found = draw(filters)
        terms = tuple(logic.Term(found, by, missing) for missing in kinds)
    else:
        terms = tuple(logic.Term(draw(filters), by, missing) for missing in kinds)
    maxspan = draw(spans if any(kinds) else st.none() | spans)
    until = logic.Term(draw(filters), by) if draw(st.booleans()) else None
    return logic.Sequence(terms, maxspan, until, tiebreaker="n")


@st.composite
def samples(draw: st.DrawFn) -> logic.Sample:
    by = draw(keys.filter(bool))
    count = draw(st.integers(2, 3))
    return logic.Sample(tuple(logic.Term(draw(filters), by) for _ in range(count)))


thresholds = st.builds(
    logic.Threshold, filters,
    st.sampled_from([(), ("user",), ("user", "host")]), st.integers(1, 4),
    st.sampled_from([(), (("host", 2),), (("host", 1), ("address", 2))]),
)  # fmt: skip
new_terms = st.builds(logic.NewTerms, filters, group_fields, spans)
indicator_matches = st.builds(
    logic.IndicatorMatch, filters,
    st.sampled_from([
        ((logic.MappingEntry("source.ip", "threat.indicator.ip"),),),
        (
            (
                logic.MappingEntry("source.ip", "threat.indicator.ip"),
                logic.MappingEntry("user", "threat.indicator.name", negate=True),
            ),
            (logic.MappingEntry("user", "threat.indicator.name"),),
        ),
    ]),
    st.just(kind_is()),
)  # fmt: skip


@st.composite
def correlations(draw: st.DrawFn, *, waiting: bool = True, depth: int = 1) -> logic.Correlation:
    """One to three rules, which may be correlations themselves."""
    kind = draw(st.sampled_from(["event_count", "value_count", "temporal", "temporal_ordered"]))
    by = draw(st.sampled_from([(), ("user",), ("user", "host")]))
    terms = []
    for name in "abc"[: draw(st.integers(1, 3))]:
        inner: Any = draw(filters)
        if depth and draw(st.integers(0, 3)) == 0:
            inner = draw(correlations(waiting=waiting, depth=depth - 1))
        terms.append(logic.CorrelationTerm(name, inner))
    operators = ["gte", "gt", "lt", "eq", "neq"] if waiting else ["gte", "gt"]
    condition = ((draw(st.sampled_from(operators)), draw(st.integers(0, 4))),)
    if kind.startswith("temporal") and draw(st.booleans()):
        condition = ()
    fields = ("address",) if kind == "value_count" else ()
    return logic.Correlation(kind, tuple(terms), by, draw(spans), condition, fields)


QUERIES: dict[str, st.SearchStrategy[Any]] = {
    "eql sequence": sequences(),
    "eql sample": samples(),
    "threshold": thresholds,
    "new_terms": new_terms,
    "threat_match": indicator_matches,
    "query": filters,
    "sigma correlation": correlations(),
}
KINDS = [*QUERIES, "mixed"]
suppressions = st.builds(
    Suppression, group_fields, st.none() | spans, st.sampled_from(["suppress", "doNotSuppress"])
)


@st.composite
def rules_of(
    draw: st.DrawFn,
    kind: str,
    *,
    limits: bool = True,
    suppressed: bool = True,
    queries: Any = QUERIES,
) -> list[Rule]:
    """One to three rules of a kind, or of several."""
    count = draw(st.integers(1, 4 if kind == "mixed" else 2))
    made = []
    for number in range(count):
        mine = draw(st.sampled_from(list(queries))) if kind == "mixed" else kind
        made.append(
            Rule(
                id=f"r{number}", name=f"rule {number}", vendor="elastic", path="r.toml",
                language="kuery", type=mine.split()[0], kind=mine, text=str(number),
                query=draw(queries[mine]),
                timestamp_override=draw(st.sampled_from(["", "", "event.ingested"])),
                interval=draw(st.sampled_from([1, 5])) * MINUTE,
                lookback=draw(st.sampled_from([0, 1, 5, 9, 30])) * MINUTE,
                suppression=draw(st.none() | suppressions) if suppressed else None,
                max_signals=draw(st.none() | st.integers(1, 3)) if limits else None,
            )
        )  # fmt: skip
    return made


# --- events -----------------------------------------------------------------------------------

odd = st.sampled_from(
    [None, "", 1, 1.0, "1", True, 0.5, -0.0, 1e300, 2**70, {"x": 1}, [], [["x", None], "y"], "ÄX"]
)
values = st.sampled_from(["x", "x", "y", "z"])
fields = values | values | st.lists(values, max_size=3) | odd
clock_times = st.sampled_from(["2026-11-01T12:00:00Z", "1969-12-31T23:50:00Z"])
far = st.sampled_from(["1677-10-01T00:00:00Z", "2262-04-01T00:00:00Z", "2001-09-09T01:46:40Z"])


def text_of_time(base: str, seconds: int) -> str:
    begin = dt.datetime.fromisoformat(base)
    return (begin + dt.timedelta(seconds=seconds)).isoformat()


@st.composite
def events(draw: st.DrawFn, *, in_time: bool = False) -> list[Document]:
    """Some events of about half an hour, often at the same time or at the edge of a run.

    Args:
        draw: hypothesis's.
        in_time: all of them have a time, the rules' override none, and no time is far away.
    """
    base = draw(clock_times)
    seconds = st.integers(0, 30).map(lambda n: n * 60) | st.integers(0, 1_800)
    times: Any = seconds.map(lambda n: text_of_time(base, n))
    if not in_time:
        times = times | times | times | far | st.sampled_from([None, "noon", 10**18, True])
    one = st.fixed_dictionaries(
        {"@timestamp": times, "kind": st.sampled_from(["a", "b", "c", ["a", "b"]]), "user": fields},
        optional={
            "host": fields,
            "source": st.fixed_dictionaries(
                {"ip": st.sampled_from(["10.1.2.3", "192.0.2.7", "::1", "no address", 5])}
            ),
            "address": fields,
        } | ({} if in_time else {"event": st.fixed_dictionaries({"ingested": times})}),
    )  # fmt: skip
    drawn = draw(st.lists(one, max_size=16))
    return [{"n": number, **event} for number, event in enumerate(drawn)]


def split(draw: Any, found: Sequence[Document]) -> Files:
    """The events in one to five files, some of which may be empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(found)), max_size=4)))
    edges = [0, *cuts, len(found)]
    return [list(found[a:b]) for a, b in itertools.pairwise(edges)]


# --- scans ------------------------------------------------------------------------------------


class Rung:
    """A sink; stops everything when it is handed the alert of a number."""

    def __init__(self, stop: int | None = None) -> None:
        self.alerts: list[Alert] = []
        self._stop = stop

    def write(self, alert: Alert) -> None:
        if self._stop == len(self.alerts):
            raise KeyboardInterrupt
        self.alerts.append(alert)


class Dying(Stored):
    """A store whose process ends at a commit, before it or after."""

    def __init__(self, engine: Any, commits: int, *, after: bool) -> None:
        super().__init__(engine)
        self._left = commits
        self._after = after
        self.ended = False

    def commit(self, *arguments: Any) -> int:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise KeyboardInterrupt
        added = super().commit(*arguments)
        self.ended = arguments[-1] is None  # the last commit leaves no note
        if self._left < 0:
            raise KeyboardInterrupt
        return added


@contextmanager
def directory(files: Files) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        for number, found in enumerate(files):
            lines = "".join(json.dumps(event) + "\n" for event in found)
            (Path(place) / f"{number}.ndjson").write_text(lines)
        yield Path(place)


def scan(
    rules: Sequence[Rule],
    place: Path,
    memory: Memory | None = None,
    sink: Rung | None = None,
    *,
    jobs: int = 1,
) -> Rung:
    """Scans the files of a directory in small batches; alerts are handed over a few at a time."""
    sink = Rung() if sink is None else sink
    inputs = find([str(file) for file in sorted(place.glob("*.ndjson"))])
    with (
        mock.patch.object(pieces, "BATCH_RECORDS", 3),
        mock.patch.object(scanning, "PENDING_ALERTS", 2),
    ):
        Scan(
            rules, inputs, memory or Forgetful(), sink, indicators=INDICATORS, clock=lambda: NOW,
            jobs=jobs,
        ).run()  # fmt: skip
    return sink


def told(found: Sequence[Alert]) -> Content:
    """What alerts say, by their ids, without where their events stood."""
    by_id = {alert.id: (alert.rule.id, alert.time, alert.details) for alert in found}
    assert len(by_id) == len(found), "an alert rang twice"
    return by_id


def stored(engine: Any) -> dict[str, Any]:
    with engine.connect() as connection:
        rows = connection.execute(select(alert_table.c.id, alert_table.c.document))
        return {row.id: json.loads(row.document) for row in rows}


# --- laws -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(data=st.data())
def test_neither_files_nor_batches_nor_order_matter(kind: str, data: st.DataObject) -> None:
    rules, found = data.draw(rules_of(kind)), data.draw(events())
    with directory([found]) as place:
        expected = told(scan(rules, place).alerts)
    mixed = split(data.draw, data.draw(st.permutations(found)))
    with directory(mixed) as place:
        assert told(scan(rules, place).alerts) == expected


@contextmanager
def small_blocks(size: int) -> Iterator[None]:
    """Files are read a few lines at a time, and read twice where that can be."""
    with (
        mock.patch.object(decoding, "LINES_AT_ONCE", size),
        mock.patch.object(workers, "SECTION", size),
        mock.patch.object(scanning, "MANY_BYTES", 0),
        mock.patch.object(deferral, "BROAD", -1.0),
        mock.patch.object(layout, "SECTION", size),
    ):
        yield


def read(data: st.DataObject, kind: str) -> AbstractContextManager[None]:
    """How files are read: as usual, or what may have sequences in a way that tells more."""
    if kind not in {"eql sequence", "mixed"}:
        return nullcontext()
    size = data.draw(st.sampled_from([0, 60, 400, 1 << 20]), label="bytes of a block")
    return small_blocks(size) if size else nullcontext()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(data=st.data())
def test_a_scan_that_was_interrupted_ends_as_if_it_had_not_been(
    empty_store: Path, kind: str, data: st.DataObject
) -> None:
    rules, found = data.draw(rules_of(kind)), data.draw(events())
    with directory(split(data.draw, data.draw(st.permutations(found)))) as place:
        with store(empty_store) as engine:
            whole = told(scan(rules, place, Stored(engine)).alerts)
            expected = stored(engine)
        assert whole.keys() == expected.keys()
        with store(empty_store) as engine, read(data, kind):
            ended = False
            for _ in range(data.draw(st.integers(1, 2), label="interruptions")):
                memory: Stored = Stored(engine)
                sink = Rung()
                if data.draw(st.booleans(), label="by the sink"):
                    sink = Rung(data.draw(st.integers(0, 5)))
                else:
                    memory = Dying(
                        engine, data.draw(st.integers(0, 5)), after=data.draw(st.booleans())
                    )
                try:
                    scan(rules, place, memory, sink)
                except KeyboardInterrupt:
                    ended = ended or (isinstance(memory, Dying) and memory.ended)
                    continue
                break
            else:
                sink = scan(rules, place, Stored(engine))
            # What was killed behind its last commit had ended: to scan again is to repeat it.
            if not ended:
                assert told(sink.alerts) == whole
            assert stored(engine) == expected


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(data=st.data())
def test_a_scan_that_is_repeated_adds_nothing(
    empty_store: Path, kind: str, data: st.DataObject
) -> None:
    # A sequence that rang is not told again, which leaves room for one that was cut or suppressed.
    told = kind not in {"eql sequence", "mixed"}
    rules = data.draw(rules_of(kind, limits=told, suppressed=told))
    found = data.draw(events())
    files = split(data.draw, data.draw(st.permutations(found)))
    with store(empty_store) as engine:
        with directory(files) as place, read(data, kind):
            scan(rules, place, Stored(engine))
        expected = stored(engine)
        # The same files, in another order: the same events of the same ids.
        with directory(data.draw(st.permutations(files))) as place, read(data, kind):
            scan(rules, place, Stored(engine))
        assert stored(engine).keys() == expected.keys()


# What stands at the end of a scan is judged then: a threshold's count and a sample's choice are
# those of the events that a run has seen by then, and a trailing missing event is missing. So
# nothing that one run sees may lie on both sides of the end of a scan, nor a span that ends with a
# missing event. A limit is one of a scan.
LATER = QUERIES | {
    "eql sequence": sequences(trailing=False),
    "sigma correlation": correlations(waiting=False),
}
APART = {"threshold", "eql sample", "mixed"}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(data=st.data())
def test_files_of_later_times_may_be_scanned_later(
    empty_store: Path, kind: str, data: st.DataObject
) -> None:
    rules = data.draw(rules_of(kind, limits=False, queries=LATER))
    parts: list[list[Document]] = []
    found = sorted(
        data.draw(events(in_time=True)), key=lambda event: cast("str", event["@timestamp"])
    )
    times = sorted({event["@timestamp"] for event in found})
    ends = data.draw(st.sets(st.sampled_from(times), max_size=3)) if times else set()
    moved, gap = dt.timedelta(0), 40 * MINUTE if kind in APART else dt.timedelta(0)
    parts.append([])
    for number, event in enumerate(found):
        time = dt.datetime.fromisoformat(cast("str", event["@timestamp"])) + moved
        parts[-1].append(event | {"@timestamp": time.isoformat()})
        last = number + 1 == len(found) or found[number + 1]["@timestamp"] != event["@timestamp"]
        if last and event["@timestamp"] in ends:
            parts.append([])
            moved += gap
    with store(empty_store) as engine, directory(parts) as place:
        scan(rules, place, Stored(engine))
        expected = stored(engine).keys()
    with store(empty_store) as engine:
        for part in parts:
            with directory([data.draw(st.permutations(part))]) as place, read(data, kind):
                scan(rules, place, Stored(engine))
        assert stored(engine).keys() == expected


def test_the_order_of_arrival_goes_on_where_a_scan_was_interrupted(empty_store: Path) -> None:
    steps = tuple(logic.Term(kind_is(kind)) for kind in ("a", "b"))
    rule = Rule(
        id="r", name="n", vendor="elastic", path="r.toml", language="eql", type="eql",
        kind="eql sequence", text="", query=logic.Sequence(steps),
    )  # fmt: skip
    time = "2026-11-01T12:00:00Z"
    first = [{"n": n, "@timestamp": time, "kind": kind} for n, kind in enumerate("cca")]
    files: Files = [first, [{"n": 3, "@timestamp": time, "kind": "b"}]]
    with directory(files) as place, store(empty_store) as engine:
        with pytest.raises(KeyboardInterrupt):
            scan([rule], place, Dying(engine, 1, after=False))
        assert len(scan([rule], place, Stored(engine)).alerts) == 1
    with directory([[{"n": 3, "@timestamp": time, "kind": "b"}], first]) as place:
        assert scan([rule], place).alerts == []


def test_huge_arrays_of_keys_and_terms_raise_nothing() -> None:
    many = [f"{number}" for number in range(40)]
    one = {"@timestamp": "2026-11-01T12:00:00Z", "kind": "a", "user": many, "host": many}
    by = (logic.Key("user"), logic.Key("host"))
    terms = (logic.Term(kind_is("a"), by), logic.Term(kind_is("a"), by))
    queries: list[Any] = [
        logic.Sequence(terms, 5 * MINUTE), logic.Sample(terms), kind_is("a"),
        logic.Threshold(kind_is("a"), ("user", "host"), 2, (("user", 2),)),
        logic.NewTerms(kind_is("a"), ("user", "host"), 5 * MINUTE),
        logic.Correlation(
            "event_count", (logic.CorrelationTerm("a", kind_is("a")),), ("user", "host"),
            5 * MINUTE, (("gte", 2),),
        ),
    ]  # fmt: skip
    rules = [
        Rule(
            id=f"r{number}", name="n", vendor="elastic", path="r.toml", language="kuery",
            type="query", kind="query", text="", query=query,
            suppression=Suppression(("user", "host")) if query == kind_is("a") else None,
        )
        for number, query in enumerate(queries)
    ]  # fmt: skip
    with directory([[one | {"n": 1}, one | {"n": 2}]]) as place:
        rang = scan(rules, place).alerts
    assert {alert.rule.id for alert in rang} == {rule.id for rule in rules}
    assert len(rang) == 6_000


def in_full(found: Sequence[Alert]) -> list[bytes]:
    return sorted(msgspec.json.encode(alert) for alert in found)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(data=st.data())
def test_reading_twice_for_broad_sequences_changes_nothing(kind: str, data: st.DataObject) -> None:
    rules, found = data.draw(rules_of(kind)), data.draw(events())
    with directory(split(data.draw, found)) as place:
        once = in_full(scan(rules, place).alerts)
        with small_blocks(data.draw(st.sampled_from([60, 400, 1 << 20]))):
            assert in_full(scan(rules, place).alerts) == once


@pytest.mark.parametrize("kind", ["eql sequence", "query", "new_terms", "threshold", "mixed"])
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_several_processes_find_what_one_does(kind: str, data: st.DataObject) -> None:
    rules, found = data.draw(rules_of(kind)), data.draw(events())
    with directory([found, [], found[::-1]]) as place:
        packed = gzip.compress((place / "0.ndjson").read_bytes())
        (place / "3.ndjson").write_bytes(packed)
        once = in_full(scan(rules, place).alerts)
        with small_blocks(300):
            assert in_full(scan(rules, place, jobs=3).alerts) == once


def test_places_and_broken_lines_are_the_same_with_several_processes(tmp_path: Path) -> None:
    lines = [json.dumps({"kind": "abc"[n % 3], "n": n}) for n in range(200)]
    lines[50], lines[51], lines[150] = "{broken", "", "x" * 2_000
    (tmp_path / "a.ndjson").write_text("\r\n".join(lines))
    rule = Rule(
        id="r", name="r", vendor="elastic", path="r", language="kuery", type="query", kind="query",
        text="", query=kind_is("a"),
    )  # fmt: skip
    found = []
    for jobs in (1, 2):
        inputs = find([str(tmp_path / "a.ndjson")])
        sink = Rung()
        with small_blocks(300), mock.patch.object(decoding, "LONGEST", 1_000):
            job = Scan([rule], inputs, Forgetful(), sink, clock=lambda: NOW, jobs=jobs)
            summary = job.run()
        found.append((in_full(sink.alerts), summary.events, summary.undecodable, summary.examples))
    assert found[0] == found[1]
    assert found[0][1] == 197
    assert [example.split(": ")[1] for example in found[0][3]] == ["line 51", "line 151"]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_columns_ring_as_lines_do(kind: str, data: st.DataObject) -> None:
    rules = data.draw(rules_of(kind))
    text = st.sampled_from(["x", "y", "z"])
    one = st.fixed_dictionaries(
        {"kind": st.sampled_from(["a", "b", "c"]), "user": text, "host": text, "address": text}
    )
    drawn = data.draw(st.lists(st.tuples(st.integers(0, 900), one), max_size=14))
    found = [
        {"@timestamp": text_of_time("2026-11-01T12:00:00Z", seconds), "n": number, **event,
         "event": {"kind": "event"} if number % 3 else {"kind": None}}
        for number, (seconds, event) in enumerate(drawn)
    ]  # fmt: skip
    with directory([found]) as place:
        as_lines = scan(rules, place).alerts
        (place / "0.ndjson").unlink()
        columns = pyarrow.Table.from_pylist(found)
        parquet.write_table(columns, place / "0.ndjson", row_group_size=5)
        told = []
        for patched in (False, True):
            with small_blocks(60) if patched else nullcontext():
                told.append(scan(rules, place).alerts)
    for alerts in told:
        assert sorted((a.rule.id, a.time, a.severity) for a in alerts) == sorted(
            (a.rule.id, a.time, a.severity) for a in as_lines
        )


def test_a_small_file_in_the_bulk_format_keeps_the_ids_of_its_events(tmp_path: Path) -> None:
    lines = []
    for number in range(6):
        lines.append(json.dumps({"create": {"_id": f"own-{number}"}}))
        lines.append(json.dumps({"kind": "a", "n": number, "@timestamp": "2026-11-01T12:00:00Z"}))
    (tmp_path / "0.ndjson").write_text("\n".join(lines))
    rule = Rule(
        id="r", name="r", vendor="elastic", path="r", language="kuery", type="query", kind="query",
        text="", query=kind_is("a"),
    )  # fmt: skip
    inputs = find([str(tmp_path / "0.ndjson")])
    sink = Rung()
    summary = Scan([rule], inputs, Forgetful(), sink, clock=lambda: NOW).run()
    assert sorted(alert.events[0].id for alert in sink.alerts) == [f"own-{n}" for n in range(6)]
    assert (summary.events, summary.undecodable) == (6, {})


@pytest.mark.parametrize("jobs", [1, 2])
def test_standard_input_may_become_a_bulk_request(
    monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    lines = []
    for number in range(200):
        lines += [json.dumps({"create": {"_id": f"own-{number}"}})] if number >= 90 else []
        lines.append(json.dumps({"kind": "a", "n": number, "@timestamp": "2026-11-01T12:00:00Z"}))
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(lines).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    rule = Rule(
        id="r", name="r", vendor="elastic", path="r", language="kuery", type="query", kind="query",
        text="", query=kind_is("a"),
    )  # fmt: skip
    sink = Rung()
    with small_blocks(1_000):
        job = Scan([rule], find(["-"]), Forgetful(), sink, clock=lambda: NOW, jobs=jobs)
        summary = job.run()
    assert (summary.events, summary.undecodable) == (200, {})
    assert {f"own-{n}" for n in range(90, 200)} < {alert.events[0].id for alert in sink.alerts}


@pytest.mark.timeout(60)
def test_processes_that_find_much_do_not_wait_for_each_other(tmp_path: Path) -> None:
    # Sections and answers are both larger than what a pipe holds.
    event = {"kind": "a", "@timestamp": "2026-11-01T12:00:00Z", "event": {"kind": "event"}}
    lines = [json.dumps(event | {"n": n, "text": "x" * 4_000}) for n in range(2_000)]
    (tmp_path / "0.ndjson").write_bytes(gzip.compress("\n".join(lines).encode()))
    finder = Finder([kind_is("a").expr], [()], few=0)
    with (
        mock.patch.object(decoding, "LINES_AT_ONCE", 400_000),
        OpenFile(find([str(tmp_path / "0.ndjson")]).files[0]) as opened,
        pieces.Pieces(finder, jobs=2) as found_pieces,
    ):
        assert sum(len(found.hits) for found in found_pieces.of(opened)) == 2_000


@settings(max_examples=25)
@given(st.integers(1, 3), events(in_time=True), st.sampled_from([("user",), ("user", "host")]))
def test_a_threshold_that_tells_no_more_than_may_ring_counts_the_rest(
    most: int, found: list[Document], fields: tuple[str, ...]
) -> None:
    rule = Rule(
        id="r", name="rule", vendor="elastic", path="r.toml", language="kuery", type="threshold",
        kind="threshold", text="", query=logic.Threshold(kind_is(), fields, 1), max_signals=most,
        interval=5 * MINUTE, lookback=5 * MINUTE,
    )  # fmt: skip
    told_all = threshold.ThresholdState.__init__

    def unlimited(self: Any, *arguments: Any, most: Any = None, **named: Any) -> None:
        told_all(self, *arguments, **named)

    with directory([found]) as place:
        inputs = find([str(place / "0.ndjson")])
        summaries, rung = [], []
        for patched in (False, True):
            replaced = mock.patch.object(threshold.ThresholdState, "__init__", unlimited)
            with replaced if patched else nullcontext():
                sink = Rung()
                job = Scan([rule], inputs, Forgetful(), sink, clock=lambda: NOW)
                summaries.append(job.run().cut)
                rung.append(in_full(sink.alerts))
    assert rung[0] == rung[1]
    assert summaries[0] == summaries[1]
