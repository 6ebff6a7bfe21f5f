"""HTTP transactions out of the two byte streams of a connection.

``Conversation`` is fed the stream events of one connection, whatever its port and in whatever order
the two directions come, and answers with the ``Transaction``s that they complete. The client is the
side that sends something like a request. A response belongs to the first unanswered request that
its sender can have seen: that is known from the acknowledgement number of the response's first
packet, not from the order in which packets were captured.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tocsin.events.wire.credentials import (
    IMDS_TOKEN_HEADERS,
    access_key_id,
    is_metadata_address,
    redact,
)
from tocsin.events.wire.messages import (
    REQUESTS,
    RESPONSES,
    Framing,
    Head,
    Message,
    framing_of_request,
    framing_of_response,
)
from tocsin.events.wire.packets import Endpoint
from tocsin.events.wire.reader import Reader
from tocsin.events.wire.tcp import Closed, Data, End, Flow, Gap, StreamEvent

_MOST_OPEN: Final = 128
_MOST_HELD: Final = 64 << 10
_MOST_UNKNOWN: Final = 2 << 10
_MOST_SKIPPED: Final = 64 << 10


class Request(Message, kw_only=True):
    """A request, without what it carried in confidence.

    Attributes:
        method: as it was sent.
        target: the request target, secrets in its query redacted.
        version: ``1.0`` or ``1.1``.
        host: the Host header.
        user_agent: the User-Agent header.
        referrer: the Referer header, redacted likewise.
        has_imds_token: whether a header of an IMDSv2 session came with it.
    """

    method: str
    target: str
    version: str
    host: str | None = None
    user_agent: str | None = None
    referrer: str | None = None
    has_imds_token: bool = False


class Response(Message, kw_only=True):
    """A response.

    Attributes:
        status: its code.
        phrase: the words after the code, as they were sent.
        mime_type: the type in its Content-Type, in lower case and without parameters.
        access_key_id: which credential a metadata service handed out in it.
    """

    status: int
    phrase: str
    mime_type: str | None = None
    access_key_id: str | None = None


class Transaction(msgspec.Struct):
    """A request and its response.

    Attributes:
        client: who asked.
        server: who was asked.
        number: of the request in its connection, from 1.
        request: the request.
        response: the response; None if none was captured.
    """

    client: Endpoint
    server: Endpoint
    number: int
    request: Request
    response: Response | None = None


class _Open(msgspec.Struct, eq=False):
    """A transaction that is not complete yet."""

    transaction: Transaction
    is_asked: bool = False
    is_answered: bool = False


class Conversation:
    """What is said on one connection.

    Attributes:
        is_http: False once there is no hope of it; None while nobody knows.
        gaps: holes in the streams of an HTTP connection.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        # Until it is known who is who, each side is read as a client and held as a server.
        self._as_client: tuple[Reader, ...] = (Reader(REQUESTS), Reader(REQUESTS))
        self._as_server: tuple[Reader, ...] = (Reader(RESPONSES), Reader(RESPONSES))
        self._client_side = 0
        self._number = 0
        self._open: list[_Open] = []
        self._asking: _Open | None = None
        self._answering: Message | None = None
        self._answered: _Open | None = None
        self._done: list[Transaction] = []
        self.is_http: bool | None = None
        self.gaps = 0

    def feed(self, event: StreamEvent) -> list[Transaction]:
        """What an event of this connection's streams completes."""
        if self.is_http is not False:
            match event:
                case Data():
                    self._data(event)
                case Gap():
                    self._gap(event)
                case End():
                    self._end(event)
                case Closed():
                    self._close()
        done, self._done = self._done, []
        return done

    # --- events of the streams ---------------------------------------------------------------

    def _data(self, data: Data) -> None:
        side = data.side
        if self.is_http is None:
            self._as_client[side].feed(data)
            self._as_server[side].feed(data)
            self._identify(side)
        elif side == self._client_side:
            self._client.feed(data)
        else:
            self._server.feed(data)
        if self.is_http:
            self._read()

    def _gap(self, gap: Gap) -> None:
        if self.is_http is None:
            self._as_client[gap.side].gap(gap.length)
            self._as_server[gap.side].gap(gap.length)
            return
        self.gaps += 1
        if gap.side == self._client_side:
            self._salvage_request()
            self._client.gap(gap.length)
        else:
            self._salvage_response()
            self._server.gap(gap.length)
        self._read()

    def _end(self, end: End) -> None:
        # A client may say that it has said everything and go on listening.
        if self.is_http and end.side != self._client_side and self._answering is not None:
            self._server.abandon()
            self._read()

    def _close(self) -> None:
        if self.is_http is None:
            for side in (0, 1):
                head = self._as_client[side].salvage()
                if head is not None:
                    self._decide(side)
                    self._begin_request(head)
                    break
            else:
                self.is_http = False
                return
        else:
            self._salvage_request()
        self._client.abandon()
        self._read()
        self._salvage_response()
        self._server.abandon()
        self._read()
        for waiting in list(self._open):
            self._emit(waiting)

    # --- who is who --------------------------------------------------------------------------

    @property
    def _client(self) -> Reader:
        return self._as_client[self._client_side]

    @property
    def _server(self) -> Reader:
        return self._as_server[1 - self._client_side]

    def _identify(self, side: int) -> None:
        if self._as_server[side].has_begun:
            self._decide(1 - side)
            return
        head = self._as_client[side].next_head()
        if head is not None:
            self._decide(side)
            self._begin_request(head)
            return
        if self._as_server[side].waiting > _MOST_UNKNOWN:
            self._as_server[side].shed()
        skipped = sum(reader.skipped for reader in self._as_client)
        # In the middle of a connection a long body may come before the next request.
        if self._flow.seen_from_start and skipped > _MOST_SKIPPED:
            self.is_http = False
            self._as_client = self._as_server = ()

    def _decide(self, client_side: int) -> None:
        self.is_http = True
        self._client_side = client_side

    # --- messages ----------------------------------------------------------------------------

    def _read(self) -> None:
        """Read on wherever it is possible."""
        while self._read_request():
            pass
        while self._read_response():
            pass

    def _read_request(self) -> bool:
        if self._asking is None:
            head = self._client.next_head()
            if head is None:
                return False
            self._begin_request(head)
        asking = self._asking
        if asking is None or not self._client.read_body():
            return False
        asking.is_asked = True
        self._asking = None
        self._emit_if_complete(asking)
        return True

    def _begin_request(self, head: Head) -> None:
        method, target, version = head.line
        request = Request(
            origin=head.origin,
            time=head.time,
            size=head.size,
            is_whole=head.is_whole,
            method=_text(method),
            target=redact(_text(target)),
            version=_text(version),
            host=_value(head, b"host"),
            user_agent=_value(head, b"user-agent"),
            referrer=_value(head, b"referer"),
            has_imds_token=not IMDS_TOKEN_HEADERS.isdisjoint(head.names),
        )
        if request.referrer is not None:
            request.referrer = redact(request.referrer)
        self._number += 1
        ends = self._flow.ends
        client, server = ends[self._client_side], ends[1 - self._client_side]
        self._asking = _Open(Transaction(client, server, self._number, request))
        self._open.append(self._asking)
        if len(self._open) > _MOST_OPEN:
            self._emit(self._open[0])
        framing = framing_of_request(head) if head.is_whole else (Framing.NONE, 0)
        self._client.begin(request, *framing)

    def _read_response(self) -> bool:
        if self._answering is None:
            if not any(not waiting.is_answered for waiting in self._open):
                # Directions may be captured out of step: the request may be still to come.
                if self._server.waiting > _MOST_HELD:
                    self._server.shed()
                return False
            head = self._server.next_head()
            if head is None:
                return False
            self._begin_response(head)
        if not self._server.read_body():
            return False
        self._answering = None
        answered, self._answered = self._answered, None
        if answered is not None:
            answered.is_answered = True
            self._emit_if_complete(answered)
        return True

    def _begin_response(self, head: Head) -> None:
        status = int(head.line[1])
        asked = self._asked_before(head)
        if asked is None or (status < 200 and status != 101):
            # The answer to a request before the capture, or an interim one.
            message = Message(origin=head.origin, time=head.time, size=head.size)
            self._answering = message
            self._server.begin(message, *framing_of_response(head, "GET"))
            return
        transaction = asked.transaction
        content_type = _value(head, b"content-type") or ""
        response = Response(
            origin=head.origin,
            time=head.time,
            size=head.size,
            is_whole=head.is_whole,
            status=status,
            phrase=_text(head.line[2]),
            mime_type=content_type.partition(";")[0].strip().lower() or None,
        )
        method = transaction.request.method
        if status == 200 and method != "PUT" and is_metadata_address(transaction.server.ip):
            response.kept = bytearray()
        transaction.response = response
        self._answering, self._answered = response, asked
        framing = framing_of_response(head, method) if head.is_whole else (Framing.NONE, 0)
        self._server.begin(response, *framing)

    def _asked_before(self, head: Head) -> _Open | None:
        """The request that a response answers; None if it was not captured."""
        acknowledged = head.origin.acknowledged
        possible = [
            waiting
            for waiting in self._open
            if waiting.transaction.response is None
            and _is_beyond(acknowledged, waiting.transaction.request.origin.sequence)
        ]
        if not possible:
            return None
        if not head.is_resumed:
            return possible[0]
        # Responses were missed: those that came before the last request are not known.
        for unanswered in possible[:-1]:
            unanswered.is_answered = True
            self._emit_if_complete(unanswered)
        return possible[-1]

    def _salvage_request(self) -> None:
        if self._asking is None:
            head = self._client.salvage()
            if head is not None:
                self._begin_request(head)
                self._read_request()

    def _salvage_response(self) -> None:
        if self._answering is None and any(not waiting.is_answered for waiting in self._open):
            head = self._server.salvage()
            if head is not None:
                self._begin_response(head)
                self._read_response()

    # --- transactions ------------------------------------------------------------------------

    def _emit_if_complete(self, waiting: _Open) -> None:
        if waiting.is_asked and waiting.is_answered:
            self._emit(waiting)

    def _emit(self, waiting: _Open) -> None:
        if waiting not in self._open:
            return
        self._open.remove(waiting)
        response = waiting.transaction.response
        if response is not None and response.kept is not None:
            response.access_key_id = access_key_id(bytes(response.kept))
            response.kept = None
        self._done.append(waiting.transaction)


def _is_beyond(acknowledged: int | None, sequence: int) -> bool:
    return acknowledged is None or 0 < (acknowledged - sequence) % (1 << 32) < 1 << 31


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _value(head: Head, name: bytes) -> str | None:
    value = head.headers.get(name)
    return _text(value) if value else None
