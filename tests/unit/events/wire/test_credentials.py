from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.events.wire.credentials import access_key_id, imds_version, redact


@pytest.mark.parametrize(
    "address, expected",
    [
        ("/plain/path", "/plain/path"),
        ("/a?b=c&d", "/a?b=c&d"),
        ("/a?", "/a?"),
        ("/a?access_token=abc/d=e?f&x=1", "/a?access_token=REDACTED&x=1"),
        ("/a?x=1&TOKEN=abc", "/a?x=1&TOKEN=REDACTED"),
        ("/a?X-Amz-Signature=00ff&X-Amz-Date=20260101", "/a?X-Amz-Signature=REDACTED&X-Amz-Date=20260101"),
        ("/a?X-Amz-Security-Token=q%2Fq", "/a?X-Amz-Security-Token=REDACTED"),
        ("/a?X-Amz-Credential=AKIAQ/20260101", "/a?X-Amz-Credential=AKIAQ/20260101"),
        ("/a?sv=1&sig=abc%3D", "/a?sv=1&sig=REDACTED"),
        ("/a?my-sig=abc&design=yes", "/a?my-sig=REDACTED&design=yes"),
        ("/a?client_secret=s&client_id=i", "/a?client_secret=REDACTED&client_id=i"),
        ("/a?%74oken=abc", "/a?%74oken=REDACTED"),
        ("/a?api-key=1&api-version=2", "/a?api-key=REDACTED&api-version=2"),
        ("/a?code=1&zipcode=2&author=3&key=4&keyword=5", "/a?code=REDACTED&zipcode=2&author=3&key=REDACTED&keyword=5"),
        ("/a?url=http://b/c?token=d&e=f", "/a?url=http://b/c?token=REDACTED&e=f"),
        ("/a?url=http%3A%2F%2Fb%3Ftoken%3Dd%26e%3Df", "/a?url=http%3A%2F%2Fb%3Ftoken%3DREDACTED%26e%3Df"),
        ("/a?b=c#access_token=d", "/a?b=c#access_token=REDACTED"),
        ("http://user:word@host/a@b?c", "http://host/a@b?c"),
        ("/a?resource=https://management.azure.com/", "/a?resource=https://management.azure.com/"),
    ],
)  # fmt: skip
def test_addresses_lose_their_secrets_and_nothing_else(address, expected):
    assert redact(address) == expected


def test_redaction_takes_no_time_worth_mentioning():
    for text in ("=", "&", "a=", "%3D", "?token=", "x://"):
        redact("/a?" + text * 20_000)


@given(st.text(max_size=40))
def test_redaction_is_final(text):
    once = redact("/a?" + text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "ip, path, has_token, expected",
    [
        ("169.254.169.254", "/latest/meta-data/", False, "1"),
        ("169.254.169.254", "/latest/api/token", True, "2"),
        ("fd00:ec2::254", "//2021-07-15/user-data", True, "2"),
        ("100.100.100.200", "/latest/meta-data/ram/", False, "1"),
        ("169.254.169.254", "/computeMetadata/v1/", False, None),
        ("169.254.169.254", "/metadata/identity/oauth2/token", False, None),
        ("169.254.169.254", "/latestnews", False, None),
        ("10.0.0.1", "/latest/meta-data/", True, None),
    ],
)
def test_the_version_of_the_metadata_protocol_is_known_by_its_token(ip, path, has_token, expected):
    assert imds_version(ip, path, has_token=has_token) == expected


@pytest.mark.parametrize(
    "body, expected",
    [
        (b'{"AccessKeyId": "ASIAQQQQQQQQQQQQQQQQ"}', "ASIAQQQQQQQQQQQQQQQQ"),
        (b'{\n "AccessKeyId"\t:\n"STS.NUgYrLnoCsXY3eDcA9xxx",', "STS.NUgYrLnoCsXY3eDcA9xxx"),
        (b'{"AccessKeyId": "ASIAQQQQ', None),
        (b'{"AccessKeyId": ""}', None),
        (b'{"SecretAccessKey": "ASIAQQQQQQQQQQQQQQQQ"}', None),
        (b'"{\\"AccessKeyId\\": \\"ASIAQQQQQQQQQQQQQQQQ\\"}"', None),
        (b"", None),
    ],
)
def test_only_the_access_key_id_is_read_from_an_answer(body, expected):
    assert access_key_id(body) == expected
