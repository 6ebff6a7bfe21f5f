"""TCP segments to byte streams, one for each direction of a connection.

``Reassembler`` takes segments and answers with what they complete::

    for segment in segments:
        for event in reassembler.feed(segment):   # Data, Gap, End, Closed
            ...
    for event in reassembler.flush():             # at the end of a capture
        ...

Segments may come late, twice and overlapping (what came first wins), without a handshake, and
across the wrap of the sequence numbers. A hole is skipped, as a ``Gap``, when it is plain that it
will stay: the receiver confirmed bytes beyond it a while ago, too much has come after it, or the
connection is over. All memory is bounded by ``Limits``; time is that of the packets.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

from tocsin.events.wire.packets import FIN, RST, SYN, Endpoint, Segment
from tocsin.events.wire.stream import PIECE_COST, WRAP, Piece, Stream

_SECOND: Final = 10**9
_WINDOW: Final = 16 << 20
"""Bytes further away than this from what is expected belong to another connection."""
_LATE_SYN: Final = 1 << 16


class Limits(msgspec.Struct, frozen=True):
    """What a Reassembler may keep, and for how long.

    Attributes:
        flows: open connections; the one longest silent makes room.
        closed: finished connections remembered, to recognise their stragglers.
        held: bytes kept behind a hole, for one direction of a connection.
        held_in_all: the same for all connections together.
        confirmed_hole: nanoseconds that a hole stays after the receiver confirmed what follows it.
        hole: nanoseconds that any hole stays.
        idle: nanoseconds of silence after which a connection is given up.
    """

    flows: int = 32_768
    closed: int = 16_384
    held: int = 1 << 20
    held_in_all: int = 64 << 20
    confirmed_hole: int = _SECOND
    hole: int = 30 * _SECOND
    idle: int = 300 * _SECOND


class Flow:
    """One connection: its two ends, the sender of the first packet seen first.

    Attributes:
        ends: the two endpoints; a side (0 or 1) is an index into them.
        seen_from_start: whether a SYN was seen, so that its streams begin with their first byte.
    """

    __slots__ = ("ends", "last", "seen_from_start", "streams")

    def __init__(self, ends: tuple[Endpoint, Endpoint]) -> None:
        self.ends = ends
        self.seen_from_start = False
        self.last = 0
        self.streams = (Stream(), Stream())


class Data(msgspec.Struct, frozen=True, gc=False):
    """The next bytes of a stream, all of one packet.

    Attributes:
        flow: the connection.
        side: who sent them.
        data: the bytes.
        time: when the packet was captured.
        packet: its number.
        sequence: the sequence number of the first byte.
        acknowledged: what the packet confirmed of the other direction; None if nothing.
    """

    flow: Flow
    side: int
    data: bytes
    time: int
    packet: int
    sequence: int
    acknowledged: int | None


class Gap(msgspec.Struct, frozen=True, gc=False):
    """Bytes of a stream that were not captured; ``packet`` is the one that follows them."""

    flow: Flow
    side: int
    length: int
    packet: int


class End(msgspec.Struct, frozen=True, gc=False):
    """One side has sent all it had to send."""

    flow: Flow
    side: int


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The connection is over or given up: nothing more comes of it."""

    flow: Flow


StreamEvent = Data | Gap | End | Closed


class Reassembler:
    """Segments in, byte streams out.

    Attributes:
        given_up: connections that were closed early, to make room.
        gaps: holes that were skipped.
        lost: bytes that were in them.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._open: OrderedDict[tuple[Endpoint, Endpoint], Flow] = OrderedDict()
        self._closed: OrderedDict[tuple[Endpoint, Endpoint], Flow] = OrderedDict()
        self._waiting: dict[Flow, None] = {}
        self._held = 0
        self.given_up = 0
        self.gaps = 0
        self.lost = 0

    def feed(self, segment: Segment) -> list[StreamEvent]:
        """What a segment completes."""
        out: list[StreamEvent] = []
        flow = self._flow(segment, out)
        if flow is None:
            return out
        side = 0 if segment.source == flow.ends[0] else 1
        stream, other = flow.streams[side], flow.streams[1 - side]
        flow.last = segment.time
        if segment.acknowledged is not None:
            other.confirm(segment.acknowledged)
        self._take(flow, stream, segment)
        self._advance(flow, side, segment.time, out)
        if other.held:
            self._advance(flow, 1 - side, segment.time, out)
        if (stream.over and other.over) or self._is_reset(stream, segment):
            self._close(flow, out)
        elif stream.held or other.held:
            self._waiting[flow] = None
        else:
            self._waiting.pop(flow, None)
        return out

    def expire(self, now: int) -> list[StreamEvent]:
        """What the passing of time completes: holes that stay, connections that fell silent.

        Args:
            now: the time of the latest packet, or of the clock on a live sensor.
        """
        out: list[StreamEvent] = []
        for flow in list(self._waiting):
            for side in (0, 1):
                self._advance(flow, side, now, out)
            if not any(stream.held for stream in flow.streams):
                del self._waiting[flow]
        while self._open:
            flow = next(iter(self._open.values()))
            if flow.last + self._limits.idle >= now:
                break
            self._close(flow, out)
        return out

    def flush(self) -> list[StreamEvent]:
        """What is left when no more segments come: everything is closed."""
        out: list[StreamEvent] = []
        for flow in list(self._open.values()):
            self._close(flow, out)
        self._closed.clear()
        return out

    # --- connections -------------------------------------------------------------------------

    def _flow(self, segment: Segment, out: list[StreamEvent]) -> Flow | None:
        """The open connection of a segment, or None if it is a straggler of a closed one."""
        a, b = segment.source, segment.destination
        key = (a, b) if a <= b else (b, a)
        flow = self._open.get(key)
        if flow is not None:
            if not _is_another(flow, segment):
                self._open.move_to_end(key)
                return flow
            self._close(flow, out)
        closed = self._closed.get(key)
        if closed is not None:
            if not _is_another(closed, segment):
                return None
            del self._closed[key]
        if len(self._open) >= self._limits.flows:
            self.given_up += 1
            self._close(next(iter(self._open.values())), out)
        flow = Flow((a, b))
        self._open[key] = flow
        return flow

    def _close(self, flow: Flow, out: list[StreamEvent]) -> None:
        for side, stream in enumerate(flow.streams):
            self._advance(flow, side, flow.last, out, is_final=True)
            if not stream.over:
                out.append(End(flow, side))
        out.append(Closed(flow))
        self._waiting.pop(flow, None)
        a, b = flow.ends
        key = (a, b) if a <= b else (b, a)
        del self._open[key]
        self._closed[key] = flow
        if len(self._closed) > self._limits.closed:
            self._closed.popitem(last=False)

    def _is_reset(self, stream: Stream, segment: Segment) -> bool:
        # A reset outside of what the receiver expects is ignored by it (RFC 9293, 3.5.3), and so
        # must be here: else one forged packet would blind us to the rest of the connection.
        if not segment.flags & RST:
            return False
        return 0 <= stream.distance(segment.sequence) <= self._limits.held

    # --- bytes -------------------------------------------------------------------------------

    def _take(self, flow: Flow, stream: Stream, segment: Segment) -> None:
        sequence = segment.sequence
        if segment.flags & SYN:
            sequence = (sequence + 1) % WRAP
            if stream.next is None:
                stream.next = stream.begun = stream.place(sequence)
                flow.seen_from_start = True
        start = stream.place(sequence)
        if segment.payload:
            piece = Piece(
                start, segment.payload, segment.time, segment.packet, segment.acknowledged
            )
            had = bool(stream.held)
            self._held += stream.hold(piece)
            if stream.held and not had:
                stream.hole_since = segment.time
        end = start + len(segment.payload) + segment.lost
        if stream.fin is not None and segment.payload and end > stream.fin:
            stream.fin = None  # it was forged or belonged to another connection
        if segment.flags & FIN and abs(stream.distance(sequence)) <= _WINDOW:
            if stream.next is None and not stream.held:
                stream.next = stream.begun = start
            stream.fin = end

    def _advance(
        self,
        flow: Flow,
        side: int,
        now: int,
        out: list[StreamEvent],
        *,
        is_final: bool = False,
    ) -> None:
        """Hand on what can be, skipping the holes that will stay."""
        stream = flow.streams[side]
        used = 0
        for piece in stream.held:
            if stream.next is None:
                if not (is_final or self._may_begin(stream, piece, now)):
                    break
                stream.next = stream.begun = piece.start
            if piece.start > stream.next:
                if not (is_final or self._will_stay(stream, piece, now)):
                    break
                self.gaps += 1
                self.lost += piece.start - stream.next
                out.append(Gap(flow, side, piece.start - stream.next, piece.packet))
            used += 1
            stream.next = piece.end
            stream.hole_since = now
            size = len(piece.data) + PIECE_COST
            stream.held_bytes -= size
            self._held -= size
            sequence = piece.start % WRAP
            out.append(
                Data(
                    flow,
                    side,
                    piece.data,
                    piece.time,
                    piece.packet,
                    sequence,
                    piece.acknowledged,
                )
            )
        if used:
            del stream.held[:used]
        if stream.fin is not None and not stream.over and stream.next is not None:
            stream.over = stream.next >= stream.fin
            if stream.over:
                out.append(End(flow, side))

    def _may_begin(self, stream: Stream, first: Piece, now: int) -> bool:
        """Whether a stream whose SYN was not seen has no earlier bytes still to come."""
        if stream.is_confirmed_to(first.start) or self._is_full(stream):
            return True
        return now - stream.hole_since > self._limits.confirmed_hole

    def _will_stay(self, stream: Stream, following: Piece, now: int) -> bool:
        """Whether the hole before a piece will not be filled any more."""
        waited = now - stream.hole_since
        if self._is_full(stream) or waited > self._limits.hole:
            return True
        # A confirmation alone does not do: captures of several queues mix up directions.
        return waited > self._limits.confirmed_hole and stream.is_confirmed_to(following.start)

    def _is_full(self, stream: Stream) -> bool:
        return stream.held_bytes > self._limits.held or self._held > self._limits.held_in_all


def _is_another(flow: Flow, segment: Segment) -> bool:
    """Whether a segment begins, or belongs to, a later connection between the same two ends."""
    side = 0 if segment.source == flow.ends[0] else 1
    stream, other = flow.streams[side], flow.streams[1 - side]
    if not segment.flags & SYN:
        return bool(segment.payload) and abs(stream.distance(segment.sequence)) > _WINDOW
    start = (segment.sequence + 1) % WRAP
    if stream.next is None and not stream.held:
        # The first of this side. Bytes of the other side without a SYN are of an older connection.
        has_begun = other.next is not None or bool(other.held)
        return segment.acknowledged is None and has_begun and not flow.seen_from_start
    # A SYN that comes behind the first bytes (or again) starts just where they do.
    first = stream.begun if stream.begun is not None else stream.held[0].start
    early = (first - start) % WRAP
    return early > (0 if flow.seen_from_start else _LATE_SYN)
