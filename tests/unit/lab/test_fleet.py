"""The made-up day of a fleet: the same for a seed, whole, harmless, and telling its story."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re

import pytest

from tocsin.lab import fleet

SECRETS = {
    "a key that AWS's documentation does not use": r"\b(?:AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[A-Z0-9]{16}\b",
    "a secret key": r"(?i)secret_?access_?key|aws_secret",
    "a session token of AWS": r"IQoJb3JpZ2lu|FwoGZXIvYXdz",
    "a JSON web token": r"eyJ[A-Za-z0-9_-]{10,}\.",
    "a token of Google": r"ya29\.",
    "a private key": r"BEGIN [A-Z ]*PRIVATE KEY",
    "a metadata token in a header": r"(?i)metadata-token: *[A-Za-z0-9]",
}


@pytest.fixture(scope="module")
def day() -> dict[str, list[fleet.Document]]:
    return fleet.generate(seed=1)


def when(document: fleet.Document) -> dt.datetime:
    return dt.datetime.fromisoformat(document.get("@timestamp") or document["date"])


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    first = fleet.write(fleet.generate(seed=5, hosts=4), tmp_path / "a")
    second = fleet.write(fleet.generate(seed=5, hosts=4), tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert fleet.generate(seed=6, hosts=4) != fleet.generate(seed=5, hosts=4)


def test_what_ships_is_seed_one(day):
    for name, documents in day.items():
        with gzip.open(fleet.DATA / f"{name}.ndjson.gz", "rt", encoding="utf-8") as file:
            assert [json.loads(line) for line in file] == documents


def test_it_is_small_and_covers_twelve_hosts(day):
    assert 6_000 <= sum(map(len, day.values())) <= 9_000
    assert sum(path.stat().st_size for path in fleet.DATA.iterdir()) < 600_000
    hosts = {document["host"]["name"] for documents in day.values() for document in documents}
    assert len(hosts) == 12


def test_every_event_lies_within_the_day_and_in_order(day):
    for documents in day.values():
        times = [when(document) for document in documents]
        assert times == sorted(times)
        assert fleet.MIDNIGHT <= times[0] <= times[-1] < fleet.MIDNIGHT + dt.timedelta(days=1)


def test_elastic_events_have_what_rules_and_routing_need(day):
    identifiers = set()
    for document in day["endpoint"] + day["http"]:
        event, stream = document["event"], document["data_stream"]
        assert stream["dataset"] == event["dataset"]
        assert stream["type"] == "logs"
        delay = dt.datetime.fromisoformat(event["ingested"]) - when(document)
        assert dt.timedelta(0) < delay < dt.timedelta(seconds=10)
        identifiers.add(event["id"])
        assert document["host"]["id"]
        assert document["process"]["executable"]
    assert len(identifiers) == len(day["endpoint"]) + len(day["http"])


def test_cws_events_come_from_two_hosts_and_are_of_three_types(day):
    assert {document["host"]["name"] for document in day["cws"]} == {"bastion-01", "k8s-node-01"}
    assert {document["evt"]["name"] for document in day["cws"]} == {"exec", "connect", "imds"}


def test_no_event_holds_a_secret(day):
    text = "\n".join(json.dumps(document) for documents in day.values() for document in documents)
    for what, pattern in SECRETS.items():
        found = re.search(pattern, text)
        assert found is None, f"{what}: {found}"


def test_every_benign_program_met_its_metadata_service_before_half_past_eleven(day):
    first: dict[tuple[str, str], dt.datetime] = {}
    services = {"169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16"}
    for document in day["endpoint"]:
        if document.get("destination", {}).get("ip") in services:
            key = (document["host"]["name"], document["process"]["executable"])
            first.setdefault(key, when(document))
    late = {key for key, time in first.items() if time > fleet.at("11:30:00")}
    assert late == {("web-01", "/usr/bin/curl"), ("worker-01", "/dev/shm/.cache-sync")}
    assert len(first) > 20


def test_the_theft_is_there_at_its_hours(day):
    asked = [
        (document["host"]["name"], document["@timestamp"][11:16], document["url"]["path"])
        for document in day["http"]
        if document["process"]["name"] in {"curl", ".cache-sync"}
        and "security-credentials" in document["url"]["path"]
    ]
    roles = "/latest/meta-data/iam/security-credentials/"
    assert asked == [
        ("web-01", "14:12", roles),
        ("web-01", "14:12", f"{roles}web-app-role"),
        ("worker-01", "15:33", f"{roles}queue-worker-role"),
    ]
    by_hand = [
        (document["date"][11:16], document["process"]["args"][-1].rpartition("/")[2])
        for document in day["cws"]
        if document["evt"]["name"] == "exec"
        and document["process"]["comm"] == "curl"
        and document["process"].get("tty")
    ]
    assert by_hand == [("16:48", "info"), ("16:48", "bastion-ops-role")]


@pytest.mark.parametrize("hosts", [3, 13, 24])
def test_any_number_of_hosts_tells_the_story(hosts):
    day = fleet.generate(seed=2, hosts=hosts)
    names = {document["host"]["name"] for documents in day.values() for document in documents}
    assert len(names) == hosts
    assert any(document["process"]["name"] == ".cache-sync" for document in day["http"])


def test_two_hosts_are_too_few():
    with pytest.raises(ValueError, match="3 hosts, not 2"):
        fleet.generate(hosts=2)


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    fleet.main(["--seed", "3", "--hosts", "3", "--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("/")[2].partition(":")[0] for line in lines] == [
        "endpoint.ndjson.gz",
        "http.ndjson.gz",
        "cws.ndjson.gz",
    ]
