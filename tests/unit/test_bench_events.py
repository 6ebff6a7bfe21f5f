"""The benchmarks' events: the same for a seed, valid, of the right size, variety and ordinariness."""

from __future__ import annotations

import collections
import itertools
import json
import re

import pytest
from bench.events import START_OF_PROGRAM, Fleet, generate, main
from bench.telemetry import tables
from bench.telemetry.mixes import MIXES
from bench.telemetry.words import VALUES

SYSTEMS = ("windows", "linux", "macos")


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


@pytest.mark.parametrize("mix", MIXES)
def test_an_event_of_any_mix_is_about_as_large_as_real_ones(mix):
    lines = list(generate(2_000, seed=1, mix=mix))
    assert 2_300 < sum(map(len, lines)) / len(lines) < 2_900
    assert all(json.loads(line) for line in lines)


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


def test_a_program_keeps_its_identity_until_it_ends(documents):
    seen: dict[tuple[str, str], tuple[int, str, str]] = {}
    several = 0
    for document in documents:
        process = document["process"]
        key = document["host"]["id"], process["entity_id"]
        told = process["pid"], process["start"], process["command_line"]
        if document["event"]["action"] == "start":
            assert key not in seen
            assert process["start"] == document["@timestamp"]
        several += key in seen
        assert seen.setdefault(key, told) == told
        if document["event"]["action"] == "end":
            seen[key] = (0, "", "")
    assert several > 30


def test_the_systems_own_programs_are_signed_and_started_by_the_right_ones(documents):
    parents = collections.defaultdict(set)
    for document in documents:
        process = document["process"]
        if process["executable"].startswith("C:\\Windows\\System32\\"):
            assert process["code_signature"]["trusted"]
            parents[process["name"].lower()].add(process["parent"]["name"])
    assert parents["svchost.exe"] == {"services.exe"}
    assert parents["lsass.exe"] == {"wininit.exe"}


def test_answers_of_name_servers_are_small(documents):
    answers = [d for d in documents if d.get("destination", {}).get("port") == 53]
    assert answers
    assert all(document["destination"]["bytes"] < 1_000 for document in answers)


def test_suspicious_events_are_as_many_as_the_mix_says():
    for mix, least, most in (("quiet", 0, 5), ("default", 1, 15), ("suspicious", 1_500, 2_100)):
        fleet = Fleet(3, mix)
        acts = {id(piece) for made in fleet.acts.values() for piece, _ in made}
        drawn = []
        for system, made in fleet.acts.items():
            fleet.acts[system] = _Noted(made, drawn)
        assert sum(1 for _ in fleet.events(3_000)) == 3_000
        assert acts
        assert least <= len(drawn) <= most, mix


class _Noted(list):
    """Remembers what was taken out of it."""

    def __init__(self, items, drawn):
        super().__init__(items)
        self._drawn = drawn

    def __getitem__(self, number):
        self._drawn.append(number)
        return super().__getitem__(number)


def test_ordinary_events_hold_what_rules_look_for_in_benign_forms(lines):
    text = b"".join(lines)
    for word in (
        b"curl",
        b"-EncodedCommand",
        b"AppData",
        b"/tmp/",
        b"base64",
        b"certutil",
        b".dll",
    ):
        assert word in text, word


@pytest.mark.parametrize("system", SYSTEMS)
def test_tables_ask_for_known_values_only(system):
    templates = [line for program in tables.programs(system)
                 for line in (*program.lines, *program.remarkable)]  # fmt: skip
    templates += [act.what for act in tables.acts(system)]
    templates += [text for kind in ("files", "keys")
                  for texts in tables.templates(system, kind).values() for text in texts]  # fmt: skip
    known = {*VALUES, "default"}  # `bcdedit /set {default}` means what it says
    assert templates
    for template in templates:
        assert set(re.findall(r"\{(\w+)\}", template)) <= known, template


@pytest.mark.parametrize("system", SYSTEMS)
def test_habits_of_programs_have_files(system):
    habits = {*tables.templates(system, "files"), "-"}
    for program in tables.programs(system):
        assert program.habit in habits, program.path


def test_what_a_process_does_at_its_start_says_so():
    assert '"type":["start"]' in START_OF_PROGRAM


def test_the_command_writes_a_file(tmp_path, capsys):
    path = tmp_path / "events.ndjson"
    main(["--count", "50", "--seed", "4", "--out", str(path)])
    assert path.read_bytes() == b"".join(generate(50, seed=4))
    assert "50 events" in capsys.readouterr().out


def test_the_command_writes_to_standard_output(capfdbinary):
    main(["--count", "20", "--mix", "quiet", "--out", "-"])
    assert capfdbinary.readouterr().out == b"".join(generate(20, seed=1, mix="quiet"))
