from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.events.wire.building import GET, OK, START, Connection, pcap, pcapng

from tocsin.events.decoders.pcap import decode, recognises
from tocsin.events.record import Record, Undecodable

TALK = Connection().open().ask(GET, 20).answer(OK).ask(GET).answer(OK).close().packets


def records(data: bytes) -> list[Record]:
    return [found for found in decode(io.BytesIO(data), "x.pcap") if isinstance(found, Record)]


def problems(data: bytes) -> list[Undecodable]:
    return [found for found in decode(io.BytesIO(data), "x.pcap") if isinstance(found, Undecodable)]


def test_every_request_is_a_record_with_its_packet_and_its_own_identifier():
    first, second = records(pcap(TALK))
    assert (first.position, second.position) == ("packet 4", "packet 7")
    assert first.raw == b""
    assert first.id is not None
    assert len(first.id) == 32
    assert first.id != second.id
    assert first.document["user_agent"] == {"original": "curl/8.5.0"}
    assert problems(pcap(TALK)) == []


def test_identifiers_do_not_depend_on_the_container_of_a_capture():
    ids = [record.id for record in records(pcap(TALK))]
    for file in (
        pcap(TALK, order=">"),
        pcap(TALK, nanoseconds=True),
        pcapng(TALK),
        pcapng(TALK, ">"),
    ):
        assert [record.id for record in records(file)] == ids
    with gzip.open(io.BytesIO(gzip.compress(pcap(TALK)))) as packed:
        assert [found.id for found in decode(packed, "other.name")] == ids


def test_the_same_talk_at_another_time_or_in_another_capture_has_other_identifiers():
    later = Connection(time=START + 1000).open().ask(GET, 20).answer(OK).ask(GET).answer(OK).packets
    ids = {record.id for record in records(pcap(TALK))}
    assert ids.isdisjoint(record.id for record in records(pcap(later)))
    assert ids.isdisjoint(record.id for record in records(pcap(TALK[1:])))


def test_the_precision_of_a_capture_is_that_of_its_events():
    (micro, _), (nano, _) = records(pcap(TALK)), records(pcap(TALK, nanoseconds=True))
    assert micro.document["@timestamp"] == "2023-11-14T22:13:20.003000Z"
    assert nano.document["@timestamp"] == "2023-11-14T22:13:20.003000000Z"


@pytest.mark.parametrize("file", [b"", b"GET / HTTP/1.1", pcap([])[:20]])
def test_a_file_that_is_no_capture_is_undecodable(file):
    (found,) = decode(io.BytesIO(file), "x.pcap")
    assert isinstance(found, Undecodable)


def test_a_truncated_file_gives_what_came_before_and_says_where_it_ends():
    assert problems(pcap(TALK)[:-10]) == [
        Undecodable("packet 11", "the file ends inside the packet, after 44 of 54 bytes")
    ]
    assert len(records(pcap(TALK)[:-10])) == 2


def test_packets_cut_by_the_snapshot_length_are_told_in_sum():
    found = problems(pcap(TALK, snapshot=80))
    assert (
        Undecodable(
            "packet 5", "the capture cut off a part of its TCP payload (4 times in this capture)"
        )
        in found
    )


@given(st.sampled_from([pcap(TALK), pcapng(TALK)]), st.data())
def test_any_truncation_gives_a_part_of_the_same_records(file, data):
    cut = file[: data.draw(st.integers(0, len(file)))]
    assert {record.id for record in records(cut)} <= {record.id for record in records(file)}


@given(st.sampled_from([pcap(TALK), pcapng(TALK)]), st.data())
def test_no_damage_whatsoever_raises(file, data):
    damaged = bytearray(file)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    for found in decode(io.BytesIO(damaged), "x.pcap"):
        assert isinstance(found, Record | Undecodable)


def test_capture_files_are_recognised_by_their_first_bytes():
    for file in (pcap([]), pcap([], order=">"), pcap([], nanoseconds=True), pcapng([])):
        assert recognises(file)


CREDENTIALS = "/latest/meta-data/iam/security-credentials/"


@pytest.mark.parametrize(
    "name, paths",
    [
        ("aws_v1_curl", [CREDENTIALS, CREDENTIALS + "demo-role"]),
        ("aws_v2_curl", [CREDENTIALS, CREDENTIALS + "demo-role"]),
        ("nano_aws_v1", [CREDENTIALS, CREDENTIALS + "demo-role"]),
        ("no_handshake", [CREDENTIALS, CREDENTIALS + "demo-role"]),
        ("aws_v1_python_urllib", [CREDENTIALS + "demo-role"]),
        ("aws_v1_wget", [CREDENTIALS + "demo-role"]),
        ("aws_ipv6_curl", [CREDENTIALS + "demo-role"]),
        ("out_of_order", [CREDENTIALS + "demo-role"]),
        ("split_request", [CREDENTIALS + "demo-role"]),
        ("azure_token_curl", ["/metadata/identity/oauth2/token"]),
        ("gcp_oauth2_access_token_query", ["/computeMetadata/v1/instance/service-accounts/default/oauth2/access_token"]),
        ("gcp_token_curl", ["/computeMetadata/v1/instance/service-accounts/default/token"]),
        ("aws_benign_instance_id", []),
    ],
)  # fmt: skip
def test_captures_of_real_clients_show_their_requests_for_credentials(shared, name, paths):
    file = (shared / "data" / "pcaps" / f"{name}.pcap").read_bytes()
    assert problems(file) == []
    found = [
        record.document
        for record in records(file)
        if record.document["http"]["request"]["method"] == "GET"
        and (
            "credentials" in record.document["url"]["path"]
            or "token" in record.document["url"]["path"]
        )
    ]
    assert [event["url"]["path"] for event in found] == paths
    for event in found:
        assert event["event"]["module"] == "network_traffic"
        is_ipv6 = name == "aws_ipv6_curl"
        assert event["destination"]["ip"] == ("fd00:ec2::254" if is_ipv6 else "169.254.169.254")
        assert event["destination"]["port"] == 80
        assert event["user_agent"]["original"].startswith(("curl/", "Wget/", "Python-urllib/"))
        hands_out = event["url"]["path"] == CREDENTIALS + "demo-role"
        key = {"access_key_id": "ASIAFAKEFAKEFAKEFAKE"} if hands_out else None
        assert event.get("aws", {}).get("credential") == key
        if "aws" in event:
            assert event["aws"]["imds"]["version"] == ("2" if name == "aws_v2_curl" else "1")
    shown = repr(records(file))
    for secret in ("fakefake", "FAKE" * 6, "iHQhlot09T6GAU5"):
        assert secret not in shown
