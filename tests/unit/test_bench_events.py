"""The benchmarks' events: the same for a seed, valid, of the right size and variety."""

from __future__ import annotations

import collections
import itertools
import json

import pytest
from bench.events import generate, main


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list(generate(6_000, seed=1))


@pytest.fixture(scope="module")
def documents(lines):
    return [json.loads(line) for line in lines]


def test_the_same_seed_gives_the_same_bytes(lines):
    assert list(generate(500, seed=1)) == lines[:500]
    assert list(generate(500, seed=2)) != lines[:500]


def test_every_event_is_one_line(lines):
    assert all(line.endswith(b"}\n") and line.count(b"\n") == 1 for line in lines)


def test_an_event_is_about_as_large_as_real_ones(lines):
    assert 2_300 < sum(map(len, lines)) / len(lines) < 2_900


def test_nothing_is_generated_before_it_is_asked_for():
    assert len(list(itertools.islice(generate(10**12, seed=1), 3))) == 3


def test_kinds_and_systems_are_all_there(documents):
    kinds = collections.Counter(document["event"]["category"][0] for document in documents)
    assert set(kinds) == {"process", "network", "file", "registry", "library"}
    assert any("dns" in document for document in documents)
    assert any("http" in document for document in documents)
    systems = {document["host"]["os"]["type"] for document in documents}
    assert systems == {"windows", "linux", "macos"}


def test_registry_events_come_from_windows_alone(documents):
    for document in documents:
        if "registry" in document:
            assert document["host"]["os"]["type"] == "windows"


def test_values_have_a_long_tail(documents):
    lines = collections.Counter(document["process"]["command_line"] for document in documents)
    assert len(lines) > 1_500
    assert lines.most_common(1)[0][1] > 50
    programs = {document["process"]["executable"] for document in documents}
    assert 200 < len(programs) < 600


def test_events_are_in_order_and_have_their_own_ids(documents):
    times = [document["@timestamp"] for document in documents]
    assert times == sorted(times)
    assert len({document["event"]["id"] for document in documents}) == len(documents)


def test_the_data_stream_is_that_of_the_event(documents):
    for document in documents:
        assert document["data_stream"]["dataset"] == document["event"]["dataset"]
        assert document["event"]["ingested"] > document["@timestamp"]


def test_the_command_writes_a_file(tmp_path, capsys):
    path = tmp_path / "events.ndjson"
    main(["--count", "50", "--seed", "4", "--out", str(path)])
    assert path.read_bytes() == b"".join(generate(50, seed=4))
    assert "50 events" in capsys.readouterr().out
