"""Zeek's logs as JSON."""

from __future__ import annotations

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
from tocsin.events.shapes import zeek
from tocsin.events.shapes._zeek_logs import log_of
from tocsin.events.wire.documents import community_id
from tocsin.events.wire.packets import Endpoint
from tocsin.rules.index import origin_of, sees

SERVER = Endpoint(IMDS, 80)
ENDS = {"id.orig_h": "10.1.2.3", "id.orig_p": 40_000, "id.resp_h": IMDS, "id.resp_p": 80}
START = {"ts": 1_794_657_600.123456, "uid": "CBell1", **ENDS}

CONN: dict[str, Any] = {
    **START, "proto": "tcp", "service": "http", "duration": 0.5, "orig_bytes": 100,
    "resp_bytes": 700, "conn_state": "SF", "local_orig": True, "local_resp": False,
    "history": "ShADadfF", "orig_pkts": 6, "orig_ip_bytes": 420, "resp_pkts": 4,
    "resp_ip_bytes": 900, "tunnel_parents": [],
}  # fmt: skip
HTTP: dict[str, Any] = {
    **START, "trans_depth": 1, "method": "GET", "host": IMDS,
    "uri": "/latest/meta-data/iam/security-credentials/ringer?token=c2VjcmV0", "version": "1.1",
    "referrer": "http://web-1/?sig=c2VjcmV0", "user_agent": "curl/8.5.0", "request_body_len": 0,
    "response_body_len": 512, "status_code": 200, "status_msg": "OK", "tags": [],
    "username": "sexton", "password": "c2VjcmV0", "post_body": "c2VjcmV0",
    "resp_mime_types": ["text/json"], "client_header_names": ["HOST", "USER-AGENT"],
    "server_header_names": ["CONTENT-TYPE"],
}  # fmt: skip
DNS: dict[str, Any] = {
    **START, "id.resp_h": "192.0.2.53", "id.resp_p": 53, "proto": "udp", "trans_id": 4_660,
    "rtt": 0.25, "query": "web-1.example", "qclass": 1, "qclass_name": "C_INTERNET", "qtype": 1,
    "qtype_name": "A", "rcode": 0, "rcode_name": "NOERROR", "AA": False, "TC": False, "RD": True,
    "RA": True, "Z": 0, "answers": ["web.example", "192.0.2.7"], "TTLs": [300.0, 60.0],
    "rejected": False,
}  # fmt: skip
SSL: dict[str, Any] = {
    **START, "id.resp_p": 443, "version": "TLSv12", "cipher": "TLS_X", "curve": "x25519",
    "server_name": "web-1.example", "resumed": False, "established": True, "next_protocol": "h2",
    "subject": "CN=web-1.example,O=Ringers,C=GB", "issuer": "CN=Tower CA,C=GB",
    "resp_certificate_sha1": "ab12", "ja3": "a" * 32, "ja3s": "b" * 32,
    "not_valid_after": 1_894_657_600.0, "validation_status": "ok",
}  # fmt: skip
FILES: dict[str, Any] = {
    "ts": 1_794_657_600.5, "fuid": "FBell1", "tx_hosts": ["192.0.2.7"], "rx_hosts": ["10.1.2.3"],
    "conn_uids": ["CBell1"], "source": "HTTP", "depth": 0, "analyzers": ["MD5"],
    "mime_type": "application/x-dosexec", "filename": "peal.exe", "seen_bytes": 9,
    "total_bytes": 9, "md5": "a" * 32, "sha256": "c" * 64,
}  # fmt: skip
NOTICE: dict[str, Any] = {
    "ts": 1_794_657_600.5, "note": "Scan::Port_Scan", "msg": "192.0.2.9 scanned 20 ports",
    "src": "192.0.2.9", "dst": "10.1.2.3", "p": 22, "actions": ["Notice::ACTION_LOG"],
    "suppress_for": 3_600.0, "dropped": False,
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "dce_rpc": {**START, "named_pipe": "svcctl", "endpoint": "svcctl", "operation": "CreateService"},
    "kerberos": {**START, "request_type": "TGS", "client": "sexton/EXAMPLE", "cipher": "rc4-hmac",
                 "success": False},
    "ntlm": {**START, "username": "sexton", "domainname": "TOWER", "success": True},
    "rdp": {**START, "cookie": "sexton", "security_protocol": "HYBRID"},
    "smb_files": {**START, "action": "SMB::FILE_OPEN", "path": "\\\\web-1\\c$", "name": "a.kirbi",
                  "size": 3, "times.modified": 1_794_657_600.0},
    "smb_mapping": {**START, "path": "\\\\web-1\\IPC$", "share_type": "PIPE"},
    "snmp": {**START, "community": "c2VjcmV0", "get_requests": 1},
    "ssh": {**START, "auth_success": True, "auth_attempts": 1, "client": "SSH-2.0-x"},
    "weird": {**START, "name": "bad_TCP_checksum", "peer": "zeek"},
    "x509": {"ts": 1.7e9, "id": "FBell2", "certificate.serial": "0A",
             "certificate.subject": "CN=web-1.example", "san.dns": ["web-1.example"]},
}  # fmt: skip
ALL = [CONN, HTTP, DNS, SSL, FILES, NOTICE, *OTHERS.values()]
NAMED = {"conn": CONN, "http": HTTP, "dns": DNS, "ssl": SSL, "files": FILES, "notice": NOTICE,
         **OTHERS}  # fmt: skip


@pytest.mark.parametrize("log", NAMED)
def test_a_log_is_known_by_its_name_and_by_its_fields(log):
    assert log_of(NAMED[log]) == log
    assert log_of({**NAMED[log], "_path": log}) == log
    assert shape_of(NAMED[log]) == "zeek"
    assert shape_of({**NAMED[log], "_path": "bells"}) == "zeek"


def test_a_log_that_nobody_knows_keeps_its_name():
    document = {"ts": 1.7e9, "_path": "bells", "loudness": 3}
    assert values(document, "event.dataset") == ["zeek.bells"]
    assert values(document, "zeek.bells.loudness") == [3]
    assert values({**START, "bell": 1}, "event.dataset") == ["zeek.unknown"]
    assert values({**START, "_path": "../x y"}, "event.dataset") == ["zeek.unknown"]
    assert values({**CONN, "_path": "conn_red"}, "event.dataset") == ["zeek.connection"]


def test_other_documents_are_not_taken_for_zeek_s():
    for document in (
        {"@timestamp": "2026-11-14T12:00:00Z", "event": {"dataset": "zeek.http"}},
        {"ts": 1.7e9, "uid": "0"}, {"ts": "1", "msg": "started", "level": "info"}, {"uid": "C1"},
        {"ts": {}, "id.orig_h": "x"}, {"ts": True, "_path": "conn"}, {"ts": 1, "user": "U1"},
        {"ts": 1.7e9, "method": "GET", "uri": "/", "trans_depth": 1},
    ):  # fmt: skip
        assert shape_of(document) is None, document


@pytest.mark.parametrize(
    "document, field, expected",
    [
        (CONN, "@timestamp", ["2026-11-14T12:00:00.123456Z"]),
        (CONN, "event.dataset", ["zeek.connection"]),
        (CONN, "data_stream.dataset", ["zeek.connection"]),
        (CONN, "event.module", ["zeek", "network_traffic"]),
        (CONN, "event.category", ["network"]),
        (CONN, "event.type", ["connection", "start", "end"]),
        (CONN, "event.id", ["CBell1"]),
        (CONN, "event.duration", [500_000_000]),
        (CONN, "zeek.session_id", ["CBell1"]),
        (CONN, "zeek.connection.state", ["SF"]),
        (CONN, "zeek.connection.history", ["ShADadfF"]),
        (CONN, "zeek.connection.id.resp_h", [IMDS]),
        (CONN, "source.ip", ["10.1.2.3"]),
        (CONN, "source.address", ["10.1.2.3"]),
        (CONN, "source.bytes", [420]),
        (CONN, "destination.port", [80]),
        (CONN, "network.transport", ["tcp"]),
        (CONN, "network.protocol", ["http"]),
        (CONN, "network.bytes", [1_320]),
        (CONN, "network.packets", [10]),
        (CONN, "network.direction", ["outbound"]),
        (CONN, "network.community_id", [community_id(Endpoint("10.1.2.3", 40_000), SERVER)]),
        ({**CONN, "conn_state": "REJ"}, "event.type", ["connection", "start", "denied"]),
        ({**CONN, "proto": "icmp", "id.orig_p": 8, "id.resp_p": 0}, "zeek.connection.icmp.type", [8]),
        ({**CONN, "proto": "icmp", "id.orig_p": 8, "id.resp_p": 0}, "destination.port", []),
        ({**CONN, "community_id": "1:own"}, "network.community_id", ["1:own"]),
        ({**CONN, "_system_name": "tower"}, "observer.hostname", ["tower"]),
        (HTTP, "event.dataset", ["zeek.http"]),
        (HTTP, "event.action", ["GET"]),
        (HTTP, "event.outcome", ["success"]),
        (HTTP, "event.category", ["network", "web"]),
        (HTTP, "http.request.method", ["GET"]),
        (HTTP, "http.request.referrer", ["http://web-1/?sig=REDACTED"]),
        (HTTP, "http.request.body.bytes", [0]),
        (HTTP, "http.response.status_code", [200]),
        (HTTP, "http.response.body.bytes", [512]),
        (HTTP, "http.version", ["1.1"]),
        (HTTP, "url.path", ["/latest/meta-data/iam/security-credentials/ringer"]),
        (HTTP, "url.query", ["token=REDACTED"]),
        (HTTP, "url.domain", [IMDS]),
        (HTTP, "url.username", ["sexton"]),
        (HTTP, "url.password", ["REDACTED"]),
        ({**HTTP, "password": ""}, "url.password", [""]),
        (HTTP, "user.name", ["sexton"]),
        (HTTP, "user_agent.original", ["curl/8.5.0"]),
        (HTTP, "network.direction", ["egress"]),
        (HTTP, "destination.domain", [IMDS]),
        (HTTP, "server.ip", [IMDS]),
        (HTTP, "zeek.http.server_header_names", ["CONTENT-TYPE"]),
        (HTTP, "zeek.http.uri",
         ["/latest/meta-data/iam/security-credentials/ringer?token=REDACTED"]),
        (HTTP, "aws.imds.version", ["1"]),
        ({**HTTP, "client_header_names": ["X-AWS-EC2-METADATA-TOKEN"]}, "aws.imds.version", ["2"]),
        ({**HTTP, "client_header_names": None}, "aws.imds.version", []),
        (DNS, "event.dataset", ["zeek.dns"]),
        (DNS, "dns.question.name", ["web-1.example"]),
        (DNS, "dns.question.type", ["A"]),
        (DNS, "dns.question.class", ["IN"]),
        (DNS, "dns.id", ["4660"]),
        (DNS, "dns.type", ["answer"]),
        (DNS, "dns.answers.data", ["web.example", "192.0.2.7"]),
        (DNS, "dns.answers.ttl", [300, 60]),
        (DNS, "dns.resolved_ip", ["192.0.2.7"]),
        (DNS, "dns.response_code", ["NOERROR"]),
        (DNS, "dns.header_flags", ["RD", "RA"]),
        (DNS, "zeek.dns.query", ["web-1.example"]),
        (DNS, "event.duration", [250_000_000]),
        (SSL, "event.dataset", ["zeek.ssl"]),
        (SSL, "tls.version", ["1.2"]),
        (SSL, "tls.version_protocol", ["tls"]),
        (SSL, "tls.server.hash.sha1", ["AB12"]),
        (SSL, "tls.server.x509.subject.common_name", ["web-1.example"]),
        (SSL, "tls.server.x509.issuer.country", ["GB"]),
        (SSL, "tls.server.not_after", ["2030-01-14T21:46:40.000Z"]),
        (SSL, "tls.client.server_name", ["web-1.example"]),
        (SSL, "tls.client.ja3", ["a" * 32]),
        (SSL, "tls.established", [True]),
        (SSL, "zeek.ssl.server.name", ["web-1.example"]),
        (FILES, "event.category", ["file"]),
        (FILES, "file.name", ["peal.exe"]),
        (FILES, "file.extension", ["exe"]),
        (FILES, "file.hash.sha256", ["c" * 64]),
        (FILES, "file.size", [9]),
        (FILES, "server.ip", ["192.0.2.7"]),
        (FILES, "client.ip", ["10.1.2.3"]),
        (FILES, "zeek.session_id", ["CBell1"]),
        (FILES, "_index", []),
        (NOTICE, "event.kind", ["alert"]),
        (NOTICE, "rule.name", ["Scan::Port_Scan"]),
        (NOTICE, "rule.description", ["192.0.2.9 scanned 20 ports"]),
        (NOTICE, "source.ip", ["192.0.2.9"]),
        (NOTICE, "destination.port", [22]),
        (NOTICE, "event.type", ["info", "allowed"]),
        (OTHERS["kerberos"], "event.outcome", ["failure"]),
        (OTHERS["kerberos"], "user.domain", ["EXAMPLE"]),
        (OTHERS["ntlm"], "user.name", ["sexton"]),
        (OTHERS["rdp"], "zeek.rdp.cookie", ["sexton"]),
        (OTHERS["smb_files"], "file.path", ["\\\\web-1\\c$\\a.kirbi"]),
        (OTHERS["smb_files"], "event.action", ["SMB::FILE_OPEN"]),
        (OTHERS["snmp"], "zeek.snmp.community", []),
        (OTHERS["ssh"], "event.outcome", ["success"]),
        (OTHERS["dce_rpc"], "event.action", ["CreateService"]),
        (OTHERS["x509"], "file.x509.subject.common_name", ["web-1.example"]),
    ],
)  # fmt: skip
def test_fields_are_those_of_elastic_s_integration(document, field, expected):
    assert values(document, field) == expected


def test_an_address_may_stand_in_an_object():
    keys = {key: value for key, value in CONN.items() if not key.startswith("id.")}
    inner = {key.partition(".")[2]: value for key, value in ENDS.items()}
    nested = shaped({**keys, "id": inner})
    flat = shaped(CONN)
    assert nested["source"] == flat["source"]
    assert nested["network"] == flat["network"]


@pytest.mark.parametrize(
    "time", ["2026-11-14T12:00:00.123456Z", 1_794_657_600_123, 1794657600.123456]
)
def test_times_may_be_iso_text_or_milliseconds(time):
    (found,) = values({**CONN, "ts": time}, "@timestamp")
    assert found.startswith("2026-11-14T12:00:00.123")


def test_numbers_and_truth_values_may_be_texts():
    texts = {k: str(v) for k, v in CONN.items() if not isinstance(v, (list, bool))}
    found = shaped({**texts, "local_orig": "T", "local_resp": "F"})
    assert found["destination"] == shaped(CONN)["destination"]
    assert found["network"] == shaped(CONN)["network"]


def test_secrets_are_left_behind():
    for document in ALL:
        assert "c2VjcmV0" not in repr(shaped(document))


def test_the_patterns_of_both_streams_see_a_request():
    origin = origin_of(shaped(HTTP))
    for pattern in ("logs-zeek.http*", "logs-network_traffic.http*", "logs-zeek.*"):
        assert sees((pattern,), origin), pattern
    assert not sees(("logs-network_traffic.dns*",), origin)
    assert not sees(("logs-endpoint.events.network-*",), origin)


def test_the_entry_itself_is_not_changed():
    before = json.dumps(HTTP)
    shaped(HTTP)
    assert json.dumps(HTTP) == before
    assert zeek.identity(HTTP) == b""


@settings(max_examples=200)
@given(damaged(ALL))
def test_nothing_in_an_entry_makes_it_fail(document):
    zeek.recognises(document)
    assert is_flat(zeek.to_ecs(document))


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from([*HTTP, *CONN, "_path", "id"]), JSON))
def test_nothing_at_all_makes_it_fail(document):
    zeek.recognises(document)
    assert is_flat(zeek.to_ecs(document))


def test_the_published_rule_rings_for_the_sampled_request_and_for_nothing_else(shared: Path):
    place = shared / "data" / "sensor-samples"
    rules = seeds(shared)
    sample = json.loads((place / "zeek_http.json").read_text(encoding="utf-8"))
    other = {**sample, "user_agent": "Bells/1.0"}
    conn = json.loads((place / "zeek_conn.json").read_text(encoding="utf-8"))
    assert rung(rules, [Record(sample, "a"), Record(other, "b"), Record(conn, "c")]) == [
        ("a", "Cloud Instance Metadata Credential Path HTTP Request")
    ]
