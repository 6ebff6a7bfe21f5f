"""One theft of a credential, told by three sensors: each vendor's rule rings on its own telling.

Somebody at a terminal of web-1 asks the metadata service for the credentials of its role. A packet
sensor saw the request, an endpoint sensor the connection, Datadog's agent the program.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HOST = {"id": "5e1f0a", "name": "web-1", "os": {"type": "linux"}}
PATH = "/latest/meta-data/iam/security-credentials/bell-ringer"

PACKETS: dict[str, Any] = {
    "@timestamp": "2026-03-01T10:00:00.020Z",
    "host": HOST,
    "event": {"kind": "event", "category": ["network"], "type": ["connection", "protocol"],
              "module": "network_traffic", "dataset": "network_traffic.http"},
    "data_stream": {"type": "logs", "dataset": "network_traffic.http", "namespace": "default"},
    "source": {"ip": "192.0.2.10", "port": 40312},
    "destination": {"ip": "169.254.169.254", "port": 80},
    "http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
    "url": {"path": PATH, "full": f"http://169.254.169.254{PATH}"},
    "user_agent": {"original": "curl/8.5.0"},
    "process": {"name": "curl", "executable": "/usr/bin/curl"},
}  # fmt: skip
ENDPOINT: dict[str, Any] = {
    "@timestamp": "2026-03-01T10:00:00.010Z",
    "host": HOST,
    "event": {"kind": "event", "category": ["network"], "type": ["start"],
              "action": "connection_attempted", "module": "endpoint",
              "dataset": "endpoint.events.network"},
    "data_stream": {"type": "logs", "dataset": "endpoint.events.network", "namespace": "default"},
    "destination": {"ip": "169.254.169.254", "port": 80},
    "process": {"name": "curl", "executable": "/usr/bin/curl", "pid": 4201},
    "user": {"name": "ann", "id": "1001"},
}  # fmt: skip
AGENT: dict[str, Any] = {
    "agent": {"rule_id": "program_started", "origin": "ebpf", "os": "linux", "version": "7.72.0"},
    "title": "A program was started",
    "evt": {"name": "exec", "category": "Process Activity", "outcome": "Success"},
    "date": "2026-03-01T10:00:00.000Z",
    "hostname": "web-1",
    "process": {
        "pid": 4201, "ppid": 4100, "uid": 1001, "gid": 1001, "user": "ann", "comm": "curl",
        "tty": "pts0", "argv0": "curl", "args": ["-s", f"http://169.254.169.254{PATH}"],
        "executable": {"path": "/usr/bin/curl", "name": "curl"},
        "parent": {"pid": 4100, "comm": "bash", "uid": 1001, "gid": 1001},
    },
}  # fmt: skip
TOLD = {"packets": PACKETS, "endpoint": ENDPOINT, "agent": AGENT}


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    """A file for each sensor."""
    place = tmp_path / "telemetry"
    place.mkdir()
    for name, event in TOLD.items():
        (place / f"{name}.ndjson").write_text(json.dumps(event) + "\n", encoding="utf-8")
    return place


def rings(place: Path, *rules: Path) -> list[tuple[str, str]]:
    """The file of the event and the name of the rule, of every alert."""
    command = [sys.executable, "-m", "tocsin", "scan", str(place), "-f", "ndjson", "-q"]
    for rule in rules:
        command += ["--rules", str(rule)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    return sorted((Path(a["events"][0]["source"]["file"]).stem, a["rule"]["name"]) for a in alerts)


def test_the_three_published_rules_ring_on_one_attack(telemetry: Path, shared: Path) -> None:
    elastic = shared / "corpora" / "elastic" / "rules"
    (page,) = (shared / "seeds").glob("004_*")
    assert rings(
        telemetry,
        elastic / "network" / "credential_access_cloud_imds_credential_http_request.toml",
        elastic
        / "cross-platform"
        / "credential_access_suspicious_instance_metadata_service_api_request.toml",
        page,
    ) == [
        ("agent", "Network utility accessed cloud metadata service"),
        ("endpoint", "Suspicious Instance Metadata Service (IMDS) API Request"),
        ("packets", "Cloud Instance Metadata Credential Path HTTP Request"),
    ]


def test_the_pack_rings_on_each_telling(telemetry: Path) -> None:
    assert rings(telemetry) == [
        ("agent", "A command-line program asked EC2's metadata service for credentials"),
        ("agent", "Metadata service queried by hand"),
        ("endpoint", "First Metadata Service Connection by a Program on a Host"),
        ("packets", "Cloud Credentials Requested over HTTP by a Tool"),
    ]
