"""Suricata's EVE."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.events.sensors import (
    IMDS,
    JSON,
    damaged,
    is_flat,
    rung,
    seeds,
    shape_of,
    shaped,
    values,
)

from tocsin.events.record import Record
from tocsin.events.shapes import suricata
from tocsin.rules.index import origin_of, sees

ANSWER = '{"AccessKeyId" : "ASIAQQQQQQQQQQQQQQQQ", "SecretAccessKey" : "c2VjcmV0"}'
COMMON: dict[str, Any] = {
    "timestamp": "2026-11-14T13:00:00.123456+0100", "flow_id": 1_234_567_890_123_456,
    "in_iface": "eth0", "src_ip": "10.1.2.3", "src_port": 40_000, "dest_ip": IMDS,
    "dest_port": 80, "proto": "TCP", "host": "tower",
    "ether": {"src_mac": "02:00:00:00:00:01", "dest_mac": "02:00:00:00:00:02"},
}  # fmt: skip
REQUEST: dict[str, Any] = {
    "hostname": IMDS, "http_port": 80, "http_method": "GET", "protocol": "HTTP/1.1",
    "url": "/latest/meta-data/iam/security-credentials/ringer?token=c2VjcmV0",
    "http_user_agent": "curl/8.5.0", "http_refer": "http://web-1/?sig=c2VjcmV0", "status": 200,
    "http_content_type": "Text/Plain; charset=utf-8", "length": 77,
    "request_headers": [{"name": "Host", "value": IMDS}, {"name": "Cookie", "value": "c2VjcmV0"}],
    "http_response_body_printable": ANSWER, "http_request_body": "c2VjcmV0",
}  # fmt: skip
HTTP = {**COMMON, "event_type": "http", "http": REQUEST}
ALERT: dict[str, Any] = {
    **COMMON, "event_type": "alert", "app_proto": "http", "http": REQUEST, "direction": "to_server",
    "payload": "c2VjcmV0", "payload_printable": "c2VjcmV0", "packet": "c2VjcmV0", "stream": 1,
    "alert": {"action": "blocked", "gid": 1, "signature_id": 7, "rev": 3, "severity": 1,
              "signature": "TOWER bell asked for credentials", "category": "Attempted Bell Ringing",
              "metadata": {"mitre_technique_id": ["T1552"], "deployment": ["Perimeter"]}},
    "flow": {"pkts_toserver": 3, "pkts_toclient": 2, "bytes_toserver": 300, "bytes_toclient": 200,
             "start": "2026-11-14T13:00:00.000001+0100"},
}  # fmt: skip
DNS: dict[str, Any] = {
    **COMMON, "event_type": "dns", "proto": "UDP", "dest_ip": "192.0.2.53", "dest_port": 53,
    "dns": {"version": 2, "type": "answer", "id": 7, "qr": True, "rd": True, "ra": True,
            "rrname": "web-1.example", "rrtype": "A", "rcode": "NOERROR",
            "answers": [{"rrname": "web-1.example", "rrtype": "CNAME", "ttl": 9, "rdata": "w.x"},
                        {"rrname": "w.x", "rrtype": "A", "ttl": 5, "rdata": "192.0.2.7"}]},
}  # fmt: skip
DNS_1 = {**DNS, "dns": {"type": "answer", "id": 7, "rcode": "NOERROR", "rrname": "w.x",
                        "rrtype": "A", "ttl": 5, "rdata": "192.0.2.7"}}  # fmt: skip
DNS_3 = {**DNS, "dns": {"version": 3, "type": "request", "id": 7,
                        "queries": [{"rrname": "web-1.example", "rrtype": "TXT"}]}}  # fmt: skip
TLS: dict[str, Any] = {
    **COMMON, "event_type": "tls", "dest_port": 443,
    "tls": {"subject": "C=GB, O=Ringers, CN=web-1.example", "issuerdn": "CN=Tower CA",
            "serial": "0A:0B", "fingerprint": "ab:cd", "sni": "web-1.example.",
            "version": "TLS 1.2", "notbefore": "2026-01-01T00:00:00",
            "notafter": "2027-01-01T00:00:00", "ja3": {"hash": "a" * 32, "string": "771,1"},
            "ja3s": {"hash": "b" * 32}},
}  # fmt: skip
FLOW: dict[str, Any] = {
    **COMMON, "event_type": "flow", "app_proto": "failed",
    "flow": {"pkts_toserver": 3, "pkts_toclient": 2, "bytes_toserver": 300, "bytes_toclient": 200,
             "start": "2026-11-14T13:00:00.000000+0100", "end": "2026-11-14T13:00:02.500000+0100",
             "state": "closed", "reason": "timeout"},
}  # fmt: skip
FILE: dict[str, Any] = {
    **COMMON, "event_type": "fileinfo", "app_proto": "http",
    "fileinfo": {"filename": "/dl/peal.exe?sig=c2VjcmV0", "size": 9, "sha256": "c" * 64,
                 "magic": "PE32", "state": "CLOSED"},
}  # fmt: skip
SSH: dict[str, Any] = {
    **COMMON, "event_type": "ssh", "dest_port": 22,
    "ssh": {"client": {"proto_version": "2.0", "software_version": "OpenSSH_9"},
            "server": {"proto_version": "2.0", "software_version": "OpenSSH_8"}},
}  # fmt: skip
FTP = {**COMMON, "event_type": "ftp", "ftp": {"command": "PASS", "command_data": "c2VjcmV0"}}
MQTT = {**COMMON, "event_type": "mqtt",
        "mqtt": {"connect": {"username": "sexton", "password": "c2VjcmV0"}}}  # fmt: skip
STATS = {"timestamp": COMMON["timestamp"], "event_type": "stats", "stats": {"uptime": 9}}
ALL = [HTTP, ALERT, DNS, DNS_1, DNS_3, TLS, FLOW, FILE, SSH, FTP, MQTT, STATS]


@pytest.mark.parametrize("document", ALL)
def test_records_are_recognised(document):
    assert shape_of(document) == "suricata"


def test_other_documents_are_not_taken_for_suricata_s():
    for document in (
        {"@timestamp": "2026-11-14T12:00:00Z", "suricata": {"eve": {"event_type": "http"}}},
        {"event_type": "http", "timestamp": "2026-11-14T12:00:00Z"},
        {"event_type": "login", "timestamp": "2026-11-14T12:00:00Z", "src_ip": "192.0.2.7"},
        {"event_type": 7, "timestamp": "x", "flow_id": 1}, {"timestamp": "x", "flow_id": 1},
    ):  # fmt: skip
        assert shape_of(document) is None, document


@pytest.mark.parametrize(
    "document, field, expected",
    [
        (HTTP, "@timestamp", ["2026-11-14T12:00:00.123456Z"]),
        (HTTP, "event.dataset", ["suricata.eve"]),
        (HTTP, "data_stream.dataset", ["suricata.eve"]),
        (HTTP, "event.module", ["suricata", "network_traffic"]),
        (HTTP, "event.kind", ["event"]),
        (HTTP, "event.category", ["network", "web"]),
        (HTTP, "event.type", ["access", "protocol"]),
        (HTTP, "event.outcome", ["success"]),
        (HTTP, "suricata.eve.event_type", ["http"]),
        (HTTP, "suricata.eve.flow_id", ["1234567890123456"]),
        (HTTP, "suricata.eve.in_iface", ["eth0"]),
        (HTTP, "suricata.eve.http.protocol", ["HTTP/1.1"]),
        (HTTP, "observer.hostname", ["tower"]),
        (HTTP, "source.ip", ["10.1.2.3"]),
        (HTTP, "source.port", [40_000]),
        (HTTP, "source.mac", ["02-00-00-00-00-01"]),
        (HTTP, "destination.address", [IMDS]),
        (HTTP, "destination.domain", [IMDS]),
        (HTTP, "network.transport", ["tcp"]),
        (HTTP, "network.protocol", ["http"]),
        (HTTP, "network.type", ["ipv4"]),
        (HTTP, "http.request.method", ["GET"]),
        (HTTP, "http.request.referrer", ["http://web-1/?sig=REDACTED"]),
        (HTTP, "http.response.status_code", [200]),
        (HTTP, "http.response.body.bytes", [77]),
        (HTTP, "http.response.mime_type", ["text/plain"]),
        (HTTP, "http.version", ["1.1"]),
        (HTTP, "url.path", ["/latest/meta-data/iam/security-credentials/ringer"]),
        (HTTP, "url.query", ["token=REDACTED"]),
        (HTTP, "url.original",
         ["/latest/meta-data/iam/security-credentials/ringer?token=REDACTED"]),
        (HTTP, "url.domain", [IMDS]),
        (HTTP, "user_agent.original", ["curl/8.5.0"]),
        (HTTP, "aws.imds.version", ["1"]),
        (HTTP, "aws.credential.access_key_id", ["ASIAQQQQQQQQQQQQQQQQ"]),
        (ALERT, "event.kind", ["alert"]),
        (ALERT, "event.category", ["network", "intrusion_detection"]),
        (ALERT, "event.type", ["denied"]),
        (ALERT, "event.module", ["suricata"]),
        (ALERT, "event.severity", [1]),
        (ALERT, "message", ["Attempted Bell Ringing"]),
        (ALERT, "rule.id", ["7"]),
        (ALERT, "rule.name", ["TOWER bell asked for credentials"]),
        (ALERT, "rule.category", ["Attempted Bell Ringing"]),
        (ALERT, "threat.technique.id", ["T1552"]),
        (ALERT, "suricata.eve.alert.signature_id", [7]),
        (ALERT, "suricata.eve.alert.deployment", ["Perimeter"]),
        (ALERT, "url.path", ["/latest/meta-data/iam/security-credentials/ringer"]),
        (ALERT, "network.bytes", [500]),
        (ALERT, "event.start", ["2026-11-14T12:00:00.000001Z"]),
        (ALERT, "_index", []),
        (DNS, "dns.question.name", ["web-1.example"]),
        (DNS, "dns.question.type", ["A"]),
        (DNS, "dns.type", ["answer"]),
        (DNS, "dns.answers.data", ["w.x", "192.0.2.7"]),
        (DNS, "dns.answers.name", ["web-1.example", "w.x"]),
        (DNS, "dns.resolved_ip", ["192.0.2.7"]),
        (DNS, "dns.response_code", ["NOERROR"]),
        (DNS, "dns.header_flags", ["RD", "RA"]),
        (DNS, "dns.id", ["7"]),
        (DNS, "network.transport", ["udp"]),
        (DNS_1, "dns.question.name", []),
        (DNS_1, "dns.answers.data", ["192.0.2.7"]),
        (DNS_3, "dns.type", ["query"]),
        (DNS_3, "dns.question.name", ["web-1.example"]),
        (DNS_3, "dns.question.type", ["TXT"]),
        (TLS, "tls.version", ["1.2"]),
        (TLS, "tls.version_protocol", ["tls"]),
        (TLS, "tls.client.server_name", ["web-1.example"]),
        (TLS, "destination.domain", ["web-1.example"]),
        (TLS, "tls.server.hash.sha1", ["ABCD"]),
        (TLS, "tls.server.x509.serial_number", ["0A0B"]),
        (TLS, "tls.server.x509.subject.organization", ["Ringers"]),
        (TLS, "tls.server.not_after", ["2027-01-01T00:00:00.000Z"]),
        (TLS, "tls.client.ja3", ["a" * 32]),
        (TLS, "tls.server.ja3s", ["b" * 32]),
        (FLOW, "event.type", ["connection", "end"]),
        (FLOW, "event.duration", [2_500_000_000]),
        (FLOW, "source.bytes", [300]),
        (FLOW, "destination.packets", [2]),
        (FLOW, "network.packets", [5]),
        (FLOW, "network.protocol", []),
        (FILE, "file.path", ["/dl/peal.exe?sig=REDACTED"]),
        (FILE, "file.name", ["peal.exe"]),
        (FILE, "file.extension", ["exe"]),
        (FILE, "file.hash.sha256", ["c" * 64]),
        (FILE, "file.size", [9]),
        (SSH, "network.protocol", ["ssh"]),
        (SSH, "suricata.eve.ssh.client.software_version", ["OpenSSH_9"]),
        (FTP, "suricata.eve.ftp.command", ["PASS"]),
        (MQTT, "suricata.eve.mqtt.connect.username", ["sexton"]),
        (STATS, "event.kind", ["metric"]),
        ({**HTTP, "community_id": "1:own"}, "network.community_id", ["1:own"]),
        ({**HTTP, "app_proto": "ftp-data"}, "network.protocol", ["ftp"]),
        ({**HTTP, "vlan": [7]}, "network.vlan.id", ["7"]),
    ],
)  # fmt: skip
def test_fields_are_those_of_elastic_s_integration(document, field, expected):
    assert values(document, field) == expected


def test_an_alert_on_an_answer_has_the_server_as_its_source():
    answer = {
        **ALERT, "direction": "to_client", "src_ip": IMDS, "src_port": 80,
        "dest_ip": "10.1.2.3", "dest_port": 40_000,
    }  # fmt: skip
    found = shaped(answer)
    assert found["aws"]["imds"]["version"] == "1"
    assert found["url"]["full"].startswith(f"http://{IMDS}/latest/")
    assert (found["source"]["bytes"], found["destination"]["bytes"]) == (200, 300)


def test_the_key_s_id_is_read_out_of_an_encoded_body_and_nowhere_but_from_a_metadata_service():
    body = base64.b64encode(ANSWER.encode()).decode()
    request = {k: v for k, v in REQUEST.items() if not k.endswith("printable")}
    encoded = {**HTTP, "http": {**request, "http_response_body": body}}
    field = "aws.credential.access_key_id"
    assert values(encoded, field) == ["ASIAQQQQQQQQQQQQQQQQ"]
    assert values({**encoded, "dest_ip": "192.0.2.7"}, field) == []
    assert values({**HTTP, "http": {**request, "http_response_body": "%%"}}, field) == []


def test_a_token_among_dumped_headers_says_which_version_was_spoken():
    headers = [{"name": "X-aws-ec2-metadata-token", "value": "c2VjcmV0"}]
    document = {**HTTP, "http": {**REQUEST, "request_headers": headers}}
    assert values(document, "aws.imds.version") == ["2"]
    bare = {k: v for k, v in REQUEST.items() if k != "request_headers"}
    assert values({**HTTP, "http": bare}, "aws.imds.version") == []


def test_secrets_are_left_behind():
    for document in ALL:
        shown = repr(shaped(document))
        assert "c2VjcmV0" not in shown
        assert "SecretAccessKey" not in shown


def test_the_patterns_of_both_streams_see_a_request():
    for pattern in ("logs-suricata.*", "logs-network_traffic.http*"):
        assert sees((pattern,), origin_of(shaped(HTTP))), pattern
    assert not sees(("logs-network_traffic.http*",), origin_of(shaped(ALERT)))
    assert sees(("logs-suricata.*",), origin_of(shaped(ALERT)))


def test_the_record_itself_is_not_changed():
    before = json.dumps(ALL)
    for document in ALL:
        shaped(document)
        assert suricata.identity(document) == b""
    assert json.dumps(ALL) == before


@settings(max_examples=200)
@given(damaged(ALL))
def test_nothing_in_a_record_makes_it_fail(document):
    suricata.recognises(document)
    assert is_flat(suricata.to_ecs(document))


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from([*ALERT, *DNS, "fileinfo", "tls", "vlan"]), JSON))
def test_nothing_at_all_makes_it_fail(document):
    suricata.recognises(document)
    assert is_flat(suricata.to_ecs(document))


def test_the_published_rule_rings_for_the_sampled_request_and_for_nothing_else(shared: Path):
    (file,) = (shared / "data" / "sensor-samples").glob("suricata_eve_http*")
    sample = json.loads(file.read_text(encoding="utf-8"))
    other = {**sample, "http": {**sample["http"], "http_method": "PUT"}}
    alert = {**sample, "event_type": "alert", "alert": {"signature": "x"}}
    records = [Record(sample, "a"), Record(other, "b"), Record(alert, "c")]
    assert rung(seeds(shared), records) == [
        ("a", "Cloud Instance Metadata Credential Path HTTP Request")
    ]
