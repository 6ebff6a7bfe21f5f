"""What is left out of a second reading changes no alert, however times and keys are spelled."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.stores import empty_store, store

from tocsin.alerts.model import Alert
from tocsin.events.decoders import json as decoding
from tocsin.logic import query as logic
from tocsin.logic.expr import Leaf
from tocsin.logic.matchers import Equals
from tocsin.rules.model import Rule
from tocsin.runtime import deferral, layout, maps, wanted, workers
from tocsin.runtime import scan as scanning
from tocsin.runtime.memory import Forgetful, Stored
from tocsin.runtime.scan import Memory, Scan
from tocsin.sources.files import InputFile, find
from tocsin.sources.kept import Kept

__all__ = ["empty_store"]

NOW = 1_800_000_000 * 10**9
BEGIN = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)

KINDS = st.sampled_from("abc")


def kind_is(*kinds: str) -> logic.Filter:
    return logic.Filter(Leaf("kind", Equals(kinds), "keyword"))


keys = st.sampled_from([
    (logic.Key("user"),),
    (logic.Key("user"), logic.Key("host", optional=True)),
    (logic.Key("user", optional=True),),
    (logic.Key("address", "ip"),),
    (),
])  # fmt: skip


@st.composite
def sequences(draw: st.DrawFn) -> logic.Sequence:
    by = draw(keys)
    missing = draw(st.lists(st.integers(0, 4).map(lambda n: n == 0), min_size=2, max_size=4))
    if missing.count(False) < 2:
        missing = [False, False]
    terms = tuple(logic.Term(kind_is(draw(KINDS)), by, none) for none in missing)
    until = logic.Term(kind_is(draw(KINDS)), by) if draw(st.integers(0, 3)) == 0 else None
    spans = st.integers(1, 6).map(lambda n: n * MINUTE / 2)
    return logic.Sequence(terms, draw(spans if any(missing) else spans | st.none()), until)


def rules_of(queries: Sequence[logic.Query]) -> list[Rule]:
    return [
        Rule(
            id=f"r{number}", name=f"rule {number}", vendor="elastic", path="r.toml",
            language="eql", type="eql", kind="eql sequence", text=str(number), query=query,
            interval=5 * MINUTE, lookback=30 * MINUTE,
        )
        for number, query in enumerate(queries)
    ]  # fmt: skip


# --- lines ------------------------------------------------------------------------------------


@st.composite
def times(draw: st.DrawFn) -> str:
    """A time as text of JSON; most are spelled as everybody does it."""
    moment = BEGIN + draw(st.integers(0, 120)) * dt.timedelta(seconds=15)
    moment += draw(st.sampled_from([0, 0, 0, 1])) * dt.timedelta(hours=4)
    spelled = [
        f"{moment:%Y-%m-%dT%H:%M:%S}Z",
        f"{moment:%Y-%m-%dT%H:%M:%S}.{draw(st.sampled_from(['5', '123', '999999999']))}Z",
        f"{moment.astimezone(dt.timezone(dt.timedelta(hours=-5, minutes=-30))).isoformat()}",
        f"{moment.astimezone(dt.timezone(dt.timedelta(hours=9))).isoformat()}",
    ]
    odd = ["2026-11-31T12:00:00Z", "2026-11-01T24:00:00Z", "noon", "2026-11-01", "2026-11-01T12Z"]
    text = draw(st.sampled_from([*(spelled * 4), *odd]))
    return draw(st.sampled_from([f'"{text}"'] * 9 + ["null", str(int(moment.timestamp() * 1_000))]))


users = st.sampled_from(
    ['"user-x"', '"user-y"', '"user-z/1"', r'"user-z\/1"', r'"us\u0065r-x"', '["user-x","user-y"]',
     '"USER-X"', "7", '"7"', "null", '"ünder"', r'"\u00fcnder"']
)  # fmt: skip
addresses = st.sampled_from(
    ['"192.0.2.7"', '"::ffff:192.0.2.7"', '"::ffff:c000:207"', '"2001:db8::1"', '"2001:0DB8:0::1"']
)


@st.composite
def event(draw: st.DrawFn) -> str:
    """An event, whose time mostly stands first."""
    named = f'"@timestamp":{draw(st.sampled_from(["", " "]))}{draw(times())}'
    parts = [f'"kind":"{draw(KINDS)}"', f'"user":{draw(users)}', f'"n":{draw(st.integers(0, 9))}']
    parts += [f'"host":"host-{draw(st.sampled_from("12"))}"'] if draw(st.booleans()) else []
    parts += [f'"address":{draw(addresses)}'] if draw(st.booleans()) else []
    match draw(st.integers(0, 15)):
        case 0:
            parts.insert(1, named)
        case 1:
            parts = [named, *parts, f'"@timestamp":{draw(times())}']
        case 2:
            parts = [named, *parts, f'"\\u0040timestamp":{draw(times())}']
        case 3:
            parts = [named, *parts, f'"in":{{"@timestamp":{draw(times())}}}']
        case 4:
            pass  # it has none
        case _:
            parts = [named, *parts]
    return "{" + ",".join(parts) + "}"


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    plain = st.lists(event(), min_size=1, max_size=30)
    found = draw(plain)
    for _ in range(draw(st.integers(0, 2))):
        others = [event().map("{}".format), st.just(""), st.just("{broken"), st.just(found[0])]
        two = st.tuples(event(), st.sampled_from(["", " ", ",", "\t"]), event()).map("".join)
        found.insert(draw(st.integers(0, len(found))), draw(st.one_of(two, *others)))
    return found


# --- scans ------------------------------------------------------------------------------------


class Rung:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def write(self, alert: Alert) -> None:
        self.alerts.append(alert)


def scan(
    rules: Sequence[Rule],
    files: Sequence[Path],
    jobs: int = 1,
    *,
    piped: bool = False,
    memory: Memory | None = None,
) -> list[bytes]:
    sink = Rung()
    inputs = find([str(file) for file in files])
    if piped:
        inputs = msgspec.structs.replace(inputs, files=tuple(map(as_of_a_pipe, inputs.files)))
    Scan(rules, inputs, memory or Forgetful(), sink, clock=lambda: NOW, jobs=jobs).run()
    return sorted(msgspec.json.encode(alert) for alert in sink.alerts)


def as_of_a_pipe(file: InputFile) -> InputFile:
    data = Path(file.name).read_bytes()
    return msgspec.structs.replace(file, kept=Kept(lambda: io.BytesIO(data)))


@contextmanager
def small(section: int, block: int) -> Iterator[None]:
    """Files are read twice, and noted in small sections."""
    with (
        mock.patch.object(scanning, "MANY_BYTES", 0),
        mock.patch.object(deferral, "BROAD", -1.0),
        mock.patch.object(layout, "SECTION", section),
        mock.patch.object(wanted, "AT_ONCE", 2 * section),
        mock.patch.object(decoding, "LINES_AT_ONCE", block),
        mock.patch.object(workers, "SECTION", block),
    ):
        yield


@contextmanager
def written(*contents: Sequence[str]) -> Iterator[list[Path]]:
    with tempfile.TemporaryDirectory() as place:
        files = []
        for number, content in enumerate(contents):
            file = Path(place) / f"{number}.ndjson"
            file.write_text("\n".join(content), encoding="utf-8")
            files.append(file)
        yield files


@pytest.mark.parametrize("seed", range(4))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_is_left_out_of_the_second_reading_changes_no_alert(
    seed: int, data: st.DataObject
) -> None:
    rules = rules_of(data.draw(st.lists(sequences(), min_size=1, max_size=2)))
    with written(data.draw(lines()), data.draw(lines())) as files:
        if data.draw(st.booleans()):
            files[0].write_bytes(gzip.compress(files[0].read_bytes()))
        once = scan(rules, files)
        section = data.draw(st.sampled_from([1, 150, 500]))
        with small(section, data.draw(st.sampled_from([60, 700, 1 << 20]))):
            assert scan(rules, files) == once
            with mock.patch.object(maps, "MOST_SECTIONS", 2):
                assert scan(rules, files, piped=True) == once


@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_several_processes_leave_out_what_one_does(data: st.DataObject) -> None:
    rules = rules_of(data.draw(st.lists(sequences(), min_size=1, max_size=2)))
    with written(data.draw(lines()) * 2, data.draw(lines())) as files:
        files[1].write_bytes(gzip.compress(files[1].read_bytes()))
        once = scan(rules, files)
        with small(150, 400):
            assert scan(rules, files, jobs=2, piped=data.draw(st.booleans())) == once


# --- with a store -----------------------------------------------------------------------------


@st.composite
def later_and_later(draw: st.DrawFn) -> list[list[str]]:
    """Events in order of time, in one to four parts; those of one time are in one part."""
    seconds = sorted(draw(st.lists(st.integers(0, 20).map(lambda n: n * 15), max_size=40)))
    ends = draw(st.sets(st.sampled_from(seconds), max_size=3)) if seconds else set()
    parts: list[list[str]] = [[]]
    for number, second in enumerate(seconds):
        time = f"{BEGIN + dt.timedelta(seconds=second):%Y-%m-%dT%H:%M:%S}Z"
        kind, user = draw(KINDS), f"user-{draw(st.integers(1, 5))}"
        parts[-1].append(
            f'{{"@timestamp":"{time}","kind":"{kind}","user":"{user}","host":"host-1","n":{number}}}'
        )
        if second in ends and seconds[number + 1 : number + 2] != [second]:
            parts.append([])
    return parts


@pytest.mark.parametrize("seed", range(4))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_is_put_off_goes_on_in_the_next_scan(
    empty_store: Path, seed: int, data: st.DataObject
) -> None:
    # What ends with a missing event is judged at the end of a scan.
    queries = sequences().filter(lambda query: not query.terms[-1].missing)
    rules = rules_of(data.draw(st.lists(queries, min_size=1, max_size=2)))
    with written(*data.draw(later_and_later())) as files:
        with store(empty_store) as engine:
            once = {key for file in files for key in scan(rules, [file], memory=Stored(engine))}
        with store(empty_store) as engine, small(data.draw(st.sampled_from([1, 150, 500])), 700):
            found = {key for file in files for key in scan(rules, [file], memory=Stored(engine))}
        assert found == once
