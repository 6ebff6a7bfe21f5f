from __future__ import annotations

import pytest
from tests.unit.events.wire.building import CLIENT, GET, OK, SERVER, START, Connection

from tocsin.events.wire.documents import community_id, document, timestamp
from tocsin.events.wire.monitor import Monitor
from tocsin.events.wire.packets import Endpoint


def event(connection: Connection, digits: int = 6):
    monitor = Monitor()
    found = []
    for number, packet in enumerate(connection.packets, 1):
        found += monitor.feed(packet.frame(number))
    (transaction,) = found + monitor.flush()
    return document(transaction, digits)


def asked(target: str, host: str | None = None, method: str = "GET", port: int = 80):
    lines = [f"{method} {target} HTTP/1.1", *([f"Host: {host}"] if host else []), "", ""]
    connection = Connection(server=SERVER._replace(port=port)).open()
    return event(connection.ask("\r\n".join(lines).encode()))


def test_an_event_has_the_fields_of_packetbeats_http_data_stream():
    end = {"ip": "10.1.2.3", "address": "10.1.2.3", "port": 40000, "bytes": len(GET)}
    other = {"ip": "169.254.169.254", "address": "169.254.169.254", "port": 80, "bytes": len(OK)}
    other["domain"] = "169.254.169.254"
    assert event(Connection().open().ask(GET).answer(OK)) == {
        "@timestamp": "2023-11-14T22:13:20.003000Z",
        "event": {
            "kind": "event",
            "category": ["network"],
            "type": ["connection", "protocol"],
            "module": "network_traffic",
            "dataset": "network_traffic.http",
            "outcome": "success",
            "start": "2023-11-14T22:13:20.003000Z",
            "end": "2023-11-14T22:13:20.004000Z",
            "duration": 1_000_000,
        },
        "data_stream": {"type": "logs", "dataset": "network_traffic.http", "namespace": "default"},
        "network": {
            "transport": "tcp",
            "protocol": "http",
            "type": "ipv4",
            "direction": "egress",
            "bytes": len(GET) + len(OK),
            "community_id": community_id(CLIENT, SERVER),
        },
        "source": end,
        "client": end,
        "destination": other,
        "server": other,
        "http": {
            "version": "1.1",
            "request": {"method": "GET", "bytes": len(GET), "body": {"bytes": 0}},
            "response": {
                "status_code": 200,
                "status_phrase": "ok",
                "mime_type": "text/plain",
                "bytes": len(OK),
                "body": {"bytes": 9},
            },
        },
        "url": {
            "scheme": "http",
            "domain": "169.254.169.254",
            "path": "/latest/meta-data/iam/security-credentials/",
            "full": "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
            "original": "/latest/meta-data/iam/security-credentials/",
        },
        "user_agent": {"original": "curl/8.5.0"},
        "aws": {"imds": {"version": "1"}},
    }


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("/a?b=c&d",), {"domain": "169.254.169.254", "path": "/a", "query": "b=c&d", "full": "http://169.254.169.254/a?b=c&d"}),
        (("/a?", "h"), {"domain": "h", "path": "/a", "query": "", "full": "http://h/a?"}),
        (("/a", "H.example:8080"), {"domain": "h.example", "port": 8080, "full": "http://h.example:8080/a"}),
        (("/a", "h:80"), {"port": 80, "full": "http://h:80/a"}),
        (("/a", "h", "GET", 8000), {"domain": "h", "port": 8000, "full": "http://h:8000/a"}),
        (("/a", "[fd00:ec2::254]"), {"domain": "fd00:ec2::254", "full": "http://[fd00:ec2::254]/a"}),
        (("/a", "[::1]:81"), {"domain": "::1", "port": 81, "full": "http://[::1]:81/a"}),
        (("/a", "not a host:x"), {"domain": "not a host:x"}),
        (("http://u:p@other/a?b", "h"), {"domain": "other", "path": "/a", "query": "b", "full": "http://other/a?b", "original": "http://other/a?b"}),
        (("http://other", "h"), {"domain": "other", "path": "/", "full": "http://other/"}),
        (("https://other:444/a", "h", "GET", 3128), {"scheme": "https", "port": 444, "path": "/a"}),
        (("other:443", "h", "CONNECT"), {"domain": "other", "port": 443, "full": "http://other:443", "original": "other:443"}),
        (("*", "h", "OPTIONS"), {"path": "*", "full": "http://h", "original": "*"}),
        (("/a?token=b", "h"), {"query": "token=REDACTED", "full": "http://h/a?token=REDACTED", "original": "/a?token=REDACTED"}),
    ],
)  # fmt: skip
def test_an_address_is_taken_apart(arguments, expected):
    url = asked(*arguments)["url"]
    assert {name: url.get(name) for name in expected} == expected
    assert ("port" in url) == ("port" in expected)


def test_the_host_header_names_the_destination_even_of_a_proxied_request():
    assert asked("http://other/a", "H:80")["destination"]["domain"] == "h"
    assert "domain" not in asked("/a")["destination"]


def test_an_unanswered_request_has_an_unknown_outcome_and_an_error_is_a_failure():
    found = asked("/a")
    assert found["event"]["outcome"] == "unknown"
    assert "response" not in found["http"]
    error = b"HTTP/1.1 403 \r\nContent-Length: 0\r\n\r\n"
    found = event(Connection().open().ask(GET).answer(error))
    assert found["event"]["outcome"] == "failure"
    assert found["http"]["response"] == {
        "status_code": 403,
        "bytes": len(error),
        "body": {"bytes": 0},
    }


def test_ipv6_is_written_canonically_and_called_so():
    server = Endpoint("fd00:ec2::254", 80)
    found = event(Connection(Endpoint("fd00::1", 9), server).open().ask(GET))
    assert found["destination"]["ip"] == "fd00:ec2::254"
    assert found["network"]["type"] == "ipv6"
    assert found["network"]["direction"] == "egress"


def test_other_destinations_have_no_direction_and_no_metadata_fields():
    found = event(Connection(server=Endpoint("192.0.2.1", 80)).open().ask(GET))
    assert "direction" not in found["network"]
    assert "aws" not in found


def test_a_session_token_shows_as_version_2_and_never_itself():
    request = GET[:-2] + b"X-AWS-EC2-Metadata-Token: dG9rZW4\r\n\r\n"
    found = event(Connection().open().ask(request))
    assert found["aws"] == {"imds": {"version": "2"}}
    assert "dG9rZW4" not in repr(found)


def test_packets_without_a_time_give_events_without_one():
    found = event(Connection(time=0, step=0).open().ask(GET))
    assert "@timestamp" not in found
    assert "start" not in found["event"]


@pytest.mark.parametrize(
    "digits, expected",
    [(0, "2023-11-14T22:13:20Z"), (3, "2023-11-14T22:13:20.001Z"), (9, "2023-11-14T22:13:20.001002003Z")],
)  # fmt: skip
def test_times_are_as_precise_as_their_capture(digits, expected):
    assert timestamp(START + 1_002_003, digits) == expected


def test_community_ids_are_those_of_the_specification():
    # The specification's baseline for TCP: https://github.com/corelight/community-id-spec
    one, other = Endpoint("128.232.110.120", 34855), Endpoint("66.35.250.204", 80)
    assert community_id(one, other) == community_id(other, one) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
