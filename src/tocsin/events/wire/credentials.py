"""What may be kept of requests that carry secrets and of answers that hand out credentials.

Of a metadata service's answer only the AccessKeyId is read: it names a credential and unlocks
nothing. The secret, the session token and the token of an IMDSv2 session are never looked at, let
alone stored. Addresses keep their queries, with the values of what sounds like a secret removed:

>>> redact("/blob?sv=2024-11-04&sig=c2VjcmV0&comp=list")
'/blob?sv=2024-11-04&sig=REDACTED&comp=list'
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

METADATA_ADDRESSES: Final = frozenset(
    {
        "169.254.169.254",  # AWS, Azure, Google Cloud, Oracle, OpenStack and others
        "fd00:ec2::254",  # AWS over IPv6
        "169.254.170.2",  # AWS ECS tasks
        "169.254.170.23",  # AWS EKS pod identity
        "fd00:ec2::23",
        "100.100.100.200",  # Alibaba Cloud
    }
)

IMDS_TOKEN_HEADERS: Final = frozenset(
    {
        b"x-aws-ec2-metadata-token",
        b"x-aws-ec2-metadata-token-ttl-seconds",
        b"x-aliyun-ecs-metadata-token",
        b"x-aliyun-ecs-metadata-token-ttl-seconds",
    }
)
"""Headers that only a client of a session-oriented metadata service (IMDSv2) sends."""

REDACTED: Final = "REDACTED"

_INSTANCE_METADATA_PATH = re.compile(r"/+(?:latest|1\.0|20\d\d-\d\d-\d\d)(?:/|$)")
_ACCESS_KEY_ID = re.compile(rb'"AccessKeyId"\s{0,64}:\s{0,64}"([A-Za-z0-9._-]{16,128})"')
_USER_INFORMATION = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]{0,31}://)[^/?#@]*@")
# A query's punctuation, plain or percent-encoded (an address within an address).
_PUNCTUATION = re.compile(r"([&;?#/=]|%(?:26|3[bBdDfF]|23|2[fF]))")
_SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|pwd|signature|\bsig\b|assertion|jwt|bearer|session|cookie"
    r"|auth(?!or)|(?:api|private|account|subscription)key|accesskey(?!id)|^(?:code|key|sid)$"
)


def is_metadata_address(ip: str) -> bool:
    """Whether a cloud metadata service answers at an address."""
    return ip in METADATA_ADDRESSES


def imds_version(ip: str, path: str, *, has_token: bool) -> str | None:
    """Which version of the instance metadata protocol a request speaks, if it speaks it at all.

    Args:
        ip: the address of the server.
        path: the request's path.
        has_token: whether one of IMDS_TOKEN_HEADERS came with it.

    Returns:
        ``"2"`` with a session token (or the request for one), ``"1"`` without, None for any other
        address and for paths that are not of AWS's form.
    """
    if not is_metadata_address(ip) or not _INSTANCE_METADATA_PATH.match(path):
        return None
    return "2" if has_token else "1"


def access_key_id(body: bytes) -> str | None:
    """The AccessKeyId in a metadata service's answer, which may have been cut off.

    >>> access_key_id(b'{"AccessKeyId" : "ASIAQQQQQQQQQQQQQQQQ", "SecretAccess')
    'ASIAQQQQQQQQQQQQQQQQ'
    """
    found = _ACCESS_KEY_ID.search(body)
    return found[1].decode("ascii") if found else None


def redact(address: str) -> str:
    """A request target or URL without its user information and without secrets in its query."""
    address = _USER_INFORMATION.sub(r"\1", address)
    path, mark, query = address.partition("?")
    if not mark:
        return address
    kept = []
    pieces = [*_PUNCTUATION.split(query), "&"]
    ends_at: tuple[str, ...] = ()  # while a secret is passed over: where it ends
    for text, sign in zip(pieces[::2], pieces[1::2], strict=True):
        if ends_at:
            if sign.lower() in ends_at:
                kept.append(sign)
                ends_at = ()
            continue
        kept.append(text)
        kept.append(sign)
        if sign == "=" and _is_secret(text):
            ends_at = ("&", "#")
        elif sign.lower() == "%3d" and _is_secret(text):
            ends_at = ("&", "#", "%26", "%23")
        if ends_at:
            kept.append(REDACTED)
    if kept[-1] == "&":
        kept.pop()
    return path + mark + "".join(kept)


def _is_secret(name: str) -> bool:
    name = unquote(name).lower()
    return bool(_SECRET_NAME.search(re.sub(r"[-_.\[\]\s]+", "", name))) or name.endswith("-sig")
