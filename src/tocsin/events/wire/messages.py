"""HTTP/1.x messages: their start lines, their headers, and where their bodies end.

``reader.Reader`` finds them in a stream of bytes; here is what it finds and by which rules.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_HEAD: Final = 64 << 10
"""Bytes of a start line and headers together; what is beyond is not read."""

LARGEST_KEPT_BODY: Final = 64 << 10

WANTED: Final = frozenset(
    {b"host", b"user-agent", b"referer", b"content-type", b"content-length", b"transfer-encoding"}
)
"""Headers whose values are read. No other value leaves a head: cookies, authorizations, tokens."""


StartLine = tuple[bytes, bytes, bytes]
"""Method, target and version of a request; version, status and phrase of a response."""


class Grammar(NamedTuple):
    """How the messages of a direction start.

    Attributes:
        parse: takes a start line apart into its three parts; None if it is none.
        prefix: what the beginning of one looks like.
        anchor: bytes that every start line holds: what a lost reader looks for.
        resume: what a lost reader wants to see at (responses) or before (requests) the anchor.
        is_request: whether these are requests.
    """

    parse: Callable[[bytes], StartLine | None]
    prefix: re.Pattern[bytes]
    anchor: bytes
    resume: re.Pattern[bytes]
    is_request: bool


_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"

_METHOD = re.compile(_TOKEN + rb"{1,32}")
_VERSION = re.compile(rb"1\.\d")
_STATUS = re.compile(rb"[1-5]\d\d")


# Start lines are split, not matched: a pattern that allows spaces within a target (as lenient
# servers do) can be made to backtrack for minutes by a line full of them.


def _parse_request_line(line: bytes) -> StartLine | None:
    before, _, version = line.rstrip().rpartition(b"HTTP/")
    parts = before.split(None, 1)
    if len(parts) < 2 or before[-1:] not in (b" ", b"\t") or not _VERSION.fullmatch(version):
        return None
    method, target = parts[0], parts[1].rstrip()
    if before[:1].isspace() or not _METHOD.fullmatch(method):
        return None
    return method, target, version


def _parse_status_line(line: bytes) -> StartLine | None:
    parts = line.rstrip().split(None, 2)
    if len(parts) < 2 or not line.startswith(b"HTTP/"):
        return None
    version, status = parts[0][5:], parts[1]
    if not _VERSION.fullmatch(version) or not _STATUS.fullmatch(status):
        return None
    return version, status, parts[2] if len(parts) > 2 else b""


REQUESTS: Final = Grammar(
    parse=_parse_request_line,
    prefix=re.compile(_TOKEN + rb"{1,32}(?:[ \t]|\Z)"),
    anchor=b" HTTP/1.",
    resume=re.compile(
        rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PROPFIND|SEARCH|REPORT)[ \t]"
    ),
    is_request=True,
)
RESPONSES: Final = Grammar(
    parse=_parse_status_line,
    prefix=re.compile(rb"H(?:T(?:T(?:P(?:/(?:1(?:\.|\Z)|\Z)|\Z)|\Z)|\Z)|\Z)"),
    anchor=b"HTTP/1.",
    resume=re.compile(rb"HTTP/1\.\d[ \t]+[1-5]\d\d[ \t\r\n]"),
    is_request=False,
)

_FOLD = re.compile(rb"\r?\n[ \t]+")


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a byte came from: the packet, its time, and the TCP numbers at this byte."""

    time: int
    packet: int
    sequence: int
    acknowledged: int | None


class Head(msgspec.Struct, frozen=True, gc=False):
    """A start line with its headers.

    Attributes:
        line: the three parts of the start line.
        headers: values of the WANTED headers by lower-case name; of repeated ones the first.
        names: the lower-case names of all headers.
        origin: where its first byte came from.
        time: when its last byte came.
        size: its bytes.
        is_whole: whether the blank line after it was seen.
        is_resumed: whether the reader had lost its place before.
    """

    line: StartLine
    headers: dict[bytes, bytes]
    names: frozenset[bytes]
    origin: Origin
    time: int
    size: int
    is_whole: bool
    is_resumed: bool


class Message(msgspec.Struct, kw_only=True):
    """What is known of a message while and after it is read.

    Attributes:
        origin: where its first byte came from.
        time: when its latest byte came.
        size: bytes of head and body on the wire.
        body_size: bytes of the body, without the framing of chunks.
        kept: the start of the body, up to LARGEST_KEPT_BODY; None where it is not wanted.
        is_whole: whether all of it was captured.
    """

    origin: Origin
    time: int
    size: int
    body_size: int = 0
    kept: bytearray | None = None
    is_whole: bool = True


class Framing(enum.Enum):
    """How the end of a body is found."""

    NONE = enum.auto()
    LENGTH = enum.auto()
    CHUNKED = enum.auto()
    UNTIL_CLOSE = enum.auto()


def framing_of_request(head: Head) -> tuple[Framing, int]:
    """The framing of a request's body, and its length where that is said (RFC 9112, 6.3)."""
    framing, length = _announced(head)
    # A request cannot end with the connection: nobody could answer it.
    return (Framing.NONE, 0) if framing is Framing.UNTIL_CLOSE else (framing, length)


def framing_of_response(head: Head, method: str) -> tuple[Framing, int]:
    """The same for the response to a request with this method."""
    status = int(head.line[1])
    if method == "HEAD" or status < 200 or status in (204, 304):
        return Framing.NONE, 0
    if method == "CONNECT" and status < 300:
        return Framing.NONE, 0
    return _announced(head)


def _announced(head: Head) -> tuple[Framing, int]:
    coding = head.headers.get(b"transfer-encoding")
    if coding is not None:
        is_chunked = b"chunked" in coding.lower()
        return (Framing.CHUNKED if is_chunked else Framing.UNTIL_CLOSE), 0
    length = head.headers.get(b"content-length", b"").split(b",")[0].strip()
    if length.isdigit() and len(length) < 19:
        return (Framing.LENGTH, int(length)) if int(length) else (Framing.NONE, 0)
    return Framing.UNTIL_CLOSE, 0


def parse_headers(text: bytes) -> tuple[dict[bytes, bytes], frozenset[bytes]]:
    r"""The WANTED headers, folded lines joined, and the lower-case names of all.

    >>> parse_headers(b"Host: a\r\nX-Trace: 1\r\n")[0]
    {b'host': b'a'}
    """
    headers: dict[bytes, bytes] = {}
    names: set[bytes] = set()
    for line in _FOLD.sub(b" ", text).split(b"\n"):
        name, colon, value = line.partition(b":")
        name = name.strip().lower()
        if not colon or not name:
            continue
        if name in WANTED and name not in headers:
            headers[name] = value.strip()
        names.add(name)
    return headers, frozenset(names)
