"""Packets as tshark writes them."""

from __future__ import annotations

import io
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
from tests.unit.events.wire.building import GET, OK, Connection, pcap

from tocsin.events.decoders import json as json_decoder
from tocsin.events.decoders import pcap as pcap_decoder
from tocsin.events.fields import flatten
from tocsin.events.record import Record
from tocsin.events.shapes import tshark

PATH = "/latest/meta-data/iam/security-credentials/ringer"
HEAD = f"GET {PATH} HTTP/1.1\r\nHost: {IMDS}\r\nUser-Agent: curl/8.5.0\r\n"
ANSWER = '{"AccessKeyId" : "ASIAQQQQQQQQQQQQQQQQ", "SecretAccessKey" : "c2VjcmV0"}'
TIME = "1794657600.123456789"


def hexed(text: str) -> str:
    return text.encode().hex(":")


def tree(*, back: bool = False, **layers: Any) -> dict[str, Any]:
    """A packet of `-T json` after its wrapping is off."""
    ends = ("10.1.2.3", IMDS) if not back else (IMDS, "10.1.2.3")
    ports = ("40000", "80") if not back else ("80", "40000")
    return {
        "_index": "packets-2026-11-14",
        "layers": {
            "frame": {"frame.time_epoch": TIME, "frame.number": "4"},
            "ip": {"ip.src": ends[0], "ip.dst": ends[1], "ip.addr": ends[1]},
            "tcp": {"tcp.srcport": ports[0], "tcp.dstport": ports[1], "tcp.len": "90"},
            **layers,
        },
    }


def flat(*, back: bool = False, **layers: Any) -> dict[str, Any]:
    """The same packet of `-T ek`."""
    packet = tree(back=back)["layers"]
    made = {
        protocol: {f"{protocol}_{key.replace('.', '_')}": value for key, value in layer.items()}
        for protocol, layer in packet.items()
    }
    return {"timestamp": "1794657600123", "layers": made | layers}


def line(start: str) -> dict[str, Any]:
    return {"_ws.expert": {"http.chat": ""}, "http.request.method": "GET",
            "http.request.uri": PATH, "http.request.version": "HTTP/1.1"} if start == "q" else {
        "http.response.version": "HTTP/1.1", "http.response.code": "200",
        "http.response.phrase": "OK"}  # fmt: skip


REQUEST = tree(
    http={
        f"GET {PATH} HTTP/1.1\\r\\n": line("q"), "http.host": IMDS,
        "http.user_agent": "curl/8.5.0", "http.cookie": "c2VjcmV0",
        "http.request.line": "Cookie: c2VjcmV0\r\n",
        "http.referer": "http://web-1/?sig=c2VjcmV0",
    },
)  # fmt: skip
RESPONSE = tree(
    back=True,
    http={
        "HTTP/1.1 200 OK\\r\\n": line("s"), "http.content_type": "Text/Plain; charset=utf-8",
        "http.content_length_header": "77", "http.content_length_header_tree":
        {"http.content_length": "77"}, "http.time": "0.000500000",
        "http.response_for.uri": f"http://{IMDS}{PATH}", "http.file_data": ANSWER,
    },
)  # fmt: skip
EK_REQUEST = flat(
    http={
        "text": [f"GET {PATH} HTTP/1.1\\r\\n", "\\r\\n"], "http_http_request_method": "GET",
        "http_http_request_uri": PATH, "http_http_request_version": "HTTP/1.1",
        "http_http_host": IMDS, "http_http_user_agent": "curl/8.5.0",
        "http_http_authorization": "c2VjcmV0", "http_http_request": True,
        "http_http_request_line": [f"Host: {IMDS}\r\n", "User-Agent: curl/8.5.0\r\n"],
    },
)  # fmt: skip
CHOSEN_EK: dict[str, Any] = {
    "timestamp": "1794657600123",
    "layers": {"frame_time_epoch": [TIME], "ip_src": ["10.1.2.3"], "ip_dst": [IMDS],
               "tcp_srcport": ["40000"], "tcp_dstport": ["80"], "http_request_method": ["GET"],
               "http_request_uri": [PATH], "http_user_agent": ["curl/8.5.0"]},
}  # fmt: skip
CHOSEN_JSON: dict[str, Any] = {
    "_index": "packets-2026-11-14",
    "layers": {key.replace("_", ".", 1).replace("request_", "request."): value
               for key, value in CHOSEN_EK["layers"].items()},
}  # fmt: skip
DNS_QUERY = tree(
    back=False, tcp=None, udp={"udp.srcport": "40000", "udp.dstport": "53"},
    dns={"dns.id": "0x1234", "dns.flags_tree": {"dns.flags.response": "0", "dns.flags.opcode": "0",
                                               "dns.flags.recdesired": "1"},
         "Queries": {"web-1.example: type A, class IN": {
             "dns.qry.name": "web-1.example", "dns.qry.type": "1", "dns.qry.class": "0x0001"}}},
)  # fmt: skip
DNS_ANSWER = flat(
    back=True, tcp=None, udp={"udp_udp_srcport": "53", "udp_udp_dstport": "40000"},
    dns={"dns_dns_id": "0x1234", "dns_dns_flags_response": True, "dns_dns_flags_rcode": "0",
         "dns_dns_flags_recavail": True, "dns_dns_flags_truncated": False,
         "dns_dns_qry_name": "web-1.example", "dns_dns_qry_type": "1",
         "dns_dns_qry_class": "0x0001", "dns_dns_count_answers": "2",
         "dns_dns_resp_name": ["web-1.example", "w.x"], "dns_dns_resp_type": ["5", "1"],
         "dns_dns_resp_class": ["0x0001", "0x0001"], "dns_dns_resp_ttl": ["300", "60"],
         "dns_dns_cname": "w.x", "dns_dns_a": "192.0.2.7", "dns_dns_time": "0.25"},
)  # fmt: skip
HELLO = tree(
    tls={
        "tls.record": {
            "tls.handshake": {
                "tls.handshake.type": "1",
                "tls.handshake.version": "0x0303",
                "tls.handshake.extensions_server_name": "web-1.example",
                "tls.handshake.ja3": "a" * 32,
            }
        }
    }
)
HELLO_BACK = tree(
    back=True,
    tls={
        "tls.handshake.type": "2",
        "tls.handshake.version": "0x0303",
        "tls.handshake.extensions.supported_version": "0x0304",
    },
)
PING = tree(tcp=None, icmp={"icmp.type": "8", "icmp.code": "0"})
PLAIN = tree()
ALL = [REQUEST, RESPONSE, EK_REQUEST, CHOSEN_EK, CHOSEN_JSON, DNS_QUERY, DNS_ANSWER, HELLO,
       HELLO_BACK, PING, PLAIN]  # fmt: skip


@pytest.mark.parametrize("document", ALL)
def test_packets_are_recognised(document):
    assert shape_of(document) == "tshark"


def test_other_documents_are_not_taken_for_packets():
    for document in (
        {"layers": {}}, {"layers": {"a": 1}}, {"layers": ["frame"]}, {"timestamp": "1"},
        {"_index": "logs-x", "layers": {"a": 1}}, {"@timestamp": "x", "network": {"layers": 1}},
    ):  # fmt: skip
        assert shape_of(document) is None, document


@pytest.mark.parametrize("document", [REQUEST, EK_REQUEST, CHOSEN_EK, CHOSEN_JSON])
def test_a_request_reads_alike_in_every_form(document):
    found = shaped(document)
    assert found["@timestamp"] == "2026-11-14T12:00:00.123456789Z"
    assert found["data_stream"]["dataset"] == found["event"]["dataset"] == "network_traffic.http"
    assert found["event"]["module"] == "network_traffic"
    assert (found["source"]["ip"], found["source"]["port"]) == ("10.1.2.3", 40_000)
    assert (found["destination"]["ip"], found["destination"]["port"]) == (IMDS, 80)
    assert found["http"]["request"]["method"] == "GET"
    assert found["url"]["path"] == PATH
    assert found["url"]["full"] == f"http://{IMDS}{PATH}"
    assert found["user_agent"]["original"] == "curl/8.5.0"
    assert found["network"]["direction"] == "egress"
    assert "_index" not in found


@pytest.mark.parametrize(
    "document, field, expected",
    [
        (REQUEST, "http.request.referrer", ["http://web-1/?sig=REDACTED"]),
        (REQUEST, "http.request.bytes", [90]),
        (REQUEST, "source.bytes", [90]),
        (REQUEST, "aws.imds.version", []),
        (EK_REQUEST, "aws.imds.version", ["1"]),
        (RESPONSE, "source.ip", ["10.1.2.3"]),
        (RESPONSE, "destination.ip", [IMDS]),
        (RESPONSE, "destination.bytes", [90]),
        (RESPONSE, "event.outcome", ["success"]),
        (RESPONSE, "event.duration", [500_000]),
        (RESPONSE, "http.response.status_code", [200]),
        (RESPONSE, "http.response.status_phrase", ["ok"]),
        (RESPONSE, "http.response.mime_type", ["text/plain"]),
        (RESPONSE, "http.response.body.bytes", [77]),
        (RESPONSE, "http.request.method", []),
        (RESPONSE, "url.path", [PATH]),
        (RESPONSE, "aws.credential.access_key_id", ["ASIAQQQQQQQQQQQQQQQQ"]),
        (DNS_QUERY, "event.dataset", ["network_traffic.dns"]),
        (DNS_QUERY, "dns.type", ["query"]),
        (DNS_QUERY, "dns.id", ["4660"]),
        (DNS_QUERY, "dns.op_code", ["QUERY"]),
        (DNS_QUERY, "dns.question.name", ["web-1.example"]),
        (DNS_QUERY, "dns.question.type", ["A"]),
        (DNS_QUERY, "dns.question.class", ["IN"]),
        (DNS_QUERY, "dns.header_flags", ["RD"]),
        (DNS_QUERY, "network.transport", ["udp"]),
        (DNS_QUERY, "destination.port", [53]),
        (DNS_ANSWER, "dns.type", ["answer"]),
        (DNS_ANSWER, "destination.port", [53]),
        (DNS_ANSWER, "dns.answers.data", ["w.x", "192.0.2.7"]),
        (DNS_ANSWER, "dns.answers.type", ["CNAME", "A"]),
        (DNS_ANSWER, "dns.answers.ttl", [300, 60]),
        (DNS_ANSWER, "dns.resolved_ip", ["192.0.2.7"]),
        (DNS_ANSWER, "dns.response_code", ["NOERROR"]),
        (DNS_ANSWER, "dns.header_flags", ["RA"]),
        (DNS_ANSWER, "event.duration", [250_000_000]),
        (HELLO, "event.dataset", ["network_traffic.tls"]),
        (HELLO, "tls.client.server_name", ["web-1.example"]),
        (HELLO, "tls.client.ja3", ["a" * 32]),
        (HELLO, "destination.domain", ["web-1.example"]),
        (HELLO_BACK, "tls.version", ["1.3"]),
        (HELLO_BACK, "source.ip", ["10.1.2.3"]),
        (PING, "data_stream.dataset", ["network_traffic.icmp"]),
        (PING, "icmp.request.type", [8]),
        (PING, "network_traffic.icmp.request.type", [8]),
        (PING, "network.transport", ["icmp"]),
        (PLAIN, "event.dataset", ["tshark.packet"]),
        (PLAIN, "destination.port", [80]),
    ],
)
def test_fields_are_packetbeat_s(document, field, expected):
    assert values(document, field) == expected


@pytest.mark.parametrize(
    "head, version",
    [(HEAD, "1"), (HEAD + "X-AWS-EC2-metadata-token: c2VjcmV0\r\n", "2")],
)
def test_which_version_was_spoken_shows_in_the_bytes_of_a_request(head, version):
    layers = REQUEST["layers"]
    sent = {**layers["tcp"], "tcp.payload": hexed(f"{head}\r\n")}
    assert values({**REQUEST, "layers": {**layers, "tcp": sent}}, "aws.imds.version") == [version]
    # Over several segments the last one is not enough, and what was put together stands beside.
    last = {**layers["tcp"], "tcp.payload": hexed("\r\n")}
    whole = {"tcp.segment": "3", "tcp.reassembled.data": hexed(f"{head}\r\n")}
    document = {**REQUEST, "layers": {**layers, "tcp": last}}
    assert values(document, "aws.imds.version") == []
    document["layers"]["tcp.segments"] = whole
    assert values(document, "aws.imds.version") == [version]


def test_the_answer_of_newer_versions_is_in_hexadecimal():
    layers = RESPONSE["layers"]
    http = {**layers["http"], "http.file_data": hexed(ANSWER)}
    field = "aws.credential.access_key_id"
    document = {**RESPONSE, "layers": {**layers, "http": http}}
    assert values(document, field) == ["ASIAQQQQQQQQQQQQQQQQ"]
    elsewhere = {**layers["ip"], "ip.src": "192.0.2.7"}
    assert values({**RESPONSE, "layers": {**layers, "ip": elsewhere}}, field) == []


def test_an_answer_without_addresses_is_an_answer_all_the_same():
    http = {**RESPONSE["layers"]["http"], "http.response_for.uri": "/bell"}
    document = {"_index": "packets-1", "layers": {"frame": {}, "http": http}}
    assert values(document, "http.response.status_code") == [200]
    assert values(document, "url.original") == ["/bell"]
    assert values(document, "source.ip") == []


def test_of_several_requests_in_a_packet_none_goes_unseen():
    http = EK_REQUEST["layers"]["http"]
    first = {**http, "http_http_request_uri": "/first", "http_http_user_agent": "bells"}
    document = {**EK_REQUEST, "layers": {**EK_REQUEST["layers"], "http": [first, http]}}
    assert values(document, "url.path") == ["/first", PATH]
    assert values(document, "user_agent.original") == ["bells", "curl/8.5.0"]
    assert values(document, "http.request.method") == ["GET"]
    assert values(document, "http.request.bytes") == []


def test_within_a_tunnel_the_inner_addresses_count():
    ip = [{"ip_ip_src": "192.0.2.1", "ip_ip_dst": "192.0.2.2"}, EK_REQUEST["layers"]["ip"]]
    document = {**EK_REQUEST, "layers": {**EK_REQUEST["layers"], "ip": ip}}
    assert values(document, "destination.ip") == [IMDS]
    chosen = {**CHOSEN_EK["layers"], "ip_dst": ["192.0.2.2", IMDS], "ip_src": ["192.0.2.1", "::1"]}
    assert values({**CHOSEN_EK, "layers": chosen}, "destination.ip") == [IMDS]


def test_an_icmp_error_is_of_who_sent_it_not_of_what_it_quotes():
    chosen = {"ip_src": ["192.0.2.1", "10.1.2.3"], "ip_dst": ["10.1.2.3", IMDS],
              "icmp_type": ["3"], "icmp_code": ["1"]}  # fmt: skip
    document = {"timestamp": "1794657600123", "layers": chosen}
    assert values(document, "source.ip") == ["192.0.2.1"]
    assert values(document, "@timestamp") == ["2026-11-14T12:00:00.123Z"]


def test_times_in_iso_are_understood():
    frame = {"frame.time_epoch": "2026-11-14T12:00:00.123456789Z"}
    document = {**REQUEST, "layers": {**REQUEST["layers"], "frame": frame}}
    assert values(document, "@timestamp") == ["2026-11-14T12:00:00.123456789Z"]


def test_secrets_are_left_behind():
    for document in ALL:
        shown = repr(shaped(document))
        assert "c2VjcmV0" not in shown
        assert "SecretAccessKey" not in shown


def test_a_packet_s_event_is_that_of_the_same_capture():
    packets = Connection().open().ask(GET).answer(OK).close().packets
    (record,) = [
        found
        for found in pcap_decoder.decode(io.BytesIO(pcap(packets)), "x.pcap")
        if isinstance(found, Record)
    ]
    event = record.document
    method, target = GET.decode().split(" ")[:2]
    told = tree(
        frame={"frame.time_epoch": event["@timestamp"]},
        ip={"ip.src": event["source"]["ip"], "ip.dst": event["destination"]["ip"]},
        tcp={"tcp.srcport": str(event["source"]["port"]),
             "tcp.dstport": str(event["destination"]["port"]), "tcp.len": str(len(GET)),
             "tcp.payload": GET.hex(":")},
        http={"http.request.method": method, "http.request.uri": target,
              "http.request.version": "HTTP/1.1", "http.host": event["destination"]["domain"],
              "http.user_agent": event["user_agent"]["original"]},
    )  # fmt: skip
    expected = {*flatten(event), ("event.outcome", "unknown")}
    told_only = {(f, v) for f, v in flatten(shaped(told)) if f != "@timestamp"} - expected
    assert told_only == set()


def test_both_ways_of_wrapping_packets_are_taken_off():
    ek = [{"index": {"_index": "packets-2026-11-14", "_type": "doc"}}, EK_REQUEST]
    lines = "\n".join(json.dumps(one) for one in ek)
    index, layers = REQUEST["_index"], {"layers": REQUEST["layers"]}
    array = json.dumps([{"_index": index, "_score": None, "_source": layers}], indent=1)
    for text in (lines, array):
        (record,) = json_decoder.decode(io.BytesIO(text.encode()), "x.json")
        assert isinstance(record, Record)
        assert shaped(record.document)["url"]["path"] == PATH


@settings(max_examples=200)
@given(damaged(ALL))
def test_nothing_in_a_packet_makes_it_fail(document):
    tshark.recognises(document)
    assert is_flat(tshark.to_ecs(document))


LAYERS = st.dictionaries(
    st.sampled_from(["frame", "ip", "ipv6", "tcp", "udp", "http", "dns", "tls", "icmp", "http_host",
                     "dns.qry.name", "tcp.segments"]),
    JSON | st.dictionaries(st.sampled_from([
        "http.request.method", "http_http_response_code", "dns.flags.response", "ip.src",
        "tcp.payload", "dns.resp.type", "icmp.type", "tls.handshake.type"]), JSON),
)  # fmt: skip


@settings(max_examples=150)
@given(LAYERS | JSON)
def test_nothing_at_all_makes_it_fail(layers):
    document = {"layers": layers, "timestamp": "1"}
    tshark.recognises(document)
    assert is_flat(tshark.to_ecs(document))
    assert tshark.identity(document) == b""


@pytest.mark.parametrize(
    "name, first", [("tshark.json", "object 1"), ("tshark_ek.ndjson", "line 2")]
)
def test_the_published_rule_rings_for_the_samples(shared: Path, name: str, first: str):
    data = (shared / "data" / "sensor-samples" / name).read_bytes()
    records = [r for r in json_decoder.decode(io.BytesIO(data), name) if isinstance(r, Record)]
    found = rung(seeds(shared), records)
    assert [rule for _, rule in found] == [
        "Cloud Instance Metadata Credential Path HTTP Request"
    ] * 2
    assert found[0][0] == first
    assert all(shape_of(record.document) == "tshark" for record in records)
