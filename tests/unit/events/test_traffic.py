"""Reading values of network sensors, and what they build out of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.unit.events.sensors import JSON

from tocsin.events.shapes._traffic import (
    community_id,
    distinguished,
    imds,
    request_url,
    without_secrets,
)
from tocsin.events.shapes._traffic_values import (
    address_of,
    duration_of,
    flag_of,
    instant,
    number_of,
    port_of,
    texts_of,
    time_text,
)
from tocsin.events.shapes._values import text_of


@pytest.mark.parametrize(
    "value, expected",
    [
        (1794657600.5, "2026-11-14T12:00:00.500Z"),
        (1794657600.000001, "2026-11-14T12:00:00.000001Z"),
        (1794657600, "2026-11-14T12:00:00.000Z"),
        (1794657600123, "2026-11-14T12:00:00.123Z"),
        ("1794657600.123456789", "2026-11-14T12:00:00.123456789Z"),
        ("1794657600123", "2026-11-14T12:00:00.123Z"),
        ("2026-11-14T12:00:00.123456+0000", "2026-11-14T12:00:00.123456Z"),
        ("2026-11-14T14:30:00.123456+0230", "2026-11-14T12:00:00.123456Z"),
        ("2026-11-14T12:00:00", "2026-11-14T12:00:00.000Z"),
        ("2026-11-14T12:00:00.123456789Z", "2026-11-14T12:00:00.123456789Z"),
        ("Nov 14, 2026 12:00:00 UTC", None), ("", None), (True, None), (float("nan"), None),
        (float("inf"), None), (1e300, None), (10**300, None), ("9" * 5000, None), (-1.5, None),
        (0, None), ({}, None),
    ],
)  # fmt: skip
def test_times_become_rfc_3339_in_utc_with_all_their_digits(value, expected):
    assert time_text(value) == expected


def test_every_microsecond_survives_the_float_that_zeek_writes():
    for micros in (1, 999_999, 123_456, 489_000):
        assert instant(float(f"1795292814.{micros:06}")) == 1795292814 * 10**9 + micros * 1000


@pytest.mark.parametrize(
    "value, expected",
    [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:169.254.169.254", "169.254.169.254"),
        ("fd00:0ec2:0000:0000:0000:0000:0000:0254", "fd00:ec2::254"), ("fe80::1%eth0", "fe80::1"),
        ("0", None), ("unknown", None), ("", None), (7, None), (None, None), ("1" * 90, None),
    ],
)  # fmt: skip
def test_addresses_are_written_in_one_way(value, expected):
    assert address_of(value) == expected


def test_numbers_are_those_of_64_bits():
    assert [number_of(v) for v in (7, "7", 7.0, "-7", 7.5, "x", True, None, 1 << 63, "9" * 90)] == [
        7, 7, 7, -7, None, None, None, None, None, None,
    ]  # fmt: skip
    assert [port_of(v) for v in (80, "80", 65_536, -1)] == [80, 80, None, None]
    assert [flag_of(v) for v in (True, "T", "1", "F", False, "x", 1)] == [
        True, True, True, False, False, None, None,
    ]  # fmt: skip
    assert duration_of(0.0011) == duration_of("0.001100") == 1_100_000
    assert duration_of(1e-06) == 1_000


@given(JSON)
def test_nothing_that_stands_there_makes_a_reader_fail(value):
    for read in (address_of, duration_of, flag_of, instant, number_of, port_of, text_of, texts_of):
        read(value)
    without_secrets(value)


def test_a_community_id_is_the_same_from_both_ends_and_that_of_the_specification():
    # The pair and its id stand in the specification's baseline.
    ends = ("128.232.110.120", 34855, "66.35.250.204", 80)
    assert community_id("tcp", *ends) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    assert community_id("tcp", *ends[2:], *ends[:2]) == community_id("tcp", *ends)
    assert community_id("udp", *ends) != community_id("tcp", *ends)
    assert community_id("icmp", *ends) is community_id("tcp", None, 1, "192.0.2.7", 2) is None


def test_an_address_loses_its_secrets_and_keeps_its_parts():
    url = request_url("/a/b.PHP?x=1&sig=abc#top", "web-1", "192.0.2.7", 8080)
    assert url == {
        "scheme": "http", "domain": "web-1", "port": 8080, "path": "/a/b.PHP", "extension": "PHP",
        "query": "x=1&sig=REDACTED", "fragment": "top",
        "full": "http://web-1:8080/a/b.PHP?x=1&sig=REDACTED#top",
        "original": "/a/b.PHP?x=1&sig=REDACTED#top",
    }  # fmt: skip
    assert request_url("/a", None, None, None) == {"path": "/a", "original": "/a"}
    assert request_url(None, "web-1", None, None) == {"domain": "web-1"}


def test_the_version_of_a_metadata_request_is_told_only_where_its_headers_were_seen():
    path = "/latest/meta-data/iam/security-credentials/ringer"
    assert imds("169.254.169.254", path, None) == {}
    assert imds("169.254.169.254", path, [b"host"]) == {"imds": {"version": "1"}}
    token = [b"host", b"x-aws-ec2-metadata-token"]
    assert imds("169.254.169.254", path, token) == {"imds": {"version": "2"}}
    assert imds("192.0.2.7", path, token) == {}


def test_a_distinguished_name_is_taken_apart_in_both_spellings():
    expected = {"country": "GB", "organization": "Ringers, Ltd", "common_name": "web-1.example"}
    assert distinguished("C=GB, O=Ringers\\, Ltd, CN=web-1.example") == expected
    assert distinguished("/C=GB/O=Ringers, Ltd/CN=web-1.example") == expected
    assert distinguished(None) == distinguished("no name") == {}


def test_what_stands_under_a_secret_s_name_is_left_behind_at_any_depth():
    kept = without_secrets(
        {"a": [{"Set-Cookie": "x", "b": 1}], "PASSWORD": "x", "community_id": "1:x", "c": {}}
    )
    assert kept == {"a": [{"b": 1}], "community_id": "1:x", "c": {}}
    deep: dict[str, object] = {"password": "x"}
    for _ in range(50):
        deep = {"a": deep}
    assert "x" not in repr(without_secrets(deep))
