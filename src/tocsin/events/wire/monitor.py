"""Frames in, HTTP transactions out: the wire library as one object, without any I/O.

The decoder of capture files and the live sensor both drive it::

    monitor = Monitor()
    for frame in frames:
        for transaction in monitor.feed(frame):
            ...
    for transaction in monitor.flush():
        ...
    for problem in monitor.problems():
        ...

A live sensor also calls ``expire`` when no packet came for a second or so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tocsin.events.wire.http import Conversation
from tocsin.events.wire.packets import Frame, Passed, dissect
from tocsin.events.wire.tcp import Closed, Data, Flow, Gap, Reassembler

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.events.wire.http import Transaction
    from tocsin.events.wire.tcp import Limits, StreamEvent

_SECOND: Final = 10**9


class Problem(msgspec.Struct):
    """Something that kept packets from being understood.

    Attributes:
        reason: a lower-case sentence.
        packet: the first packet to which it happened.
        count: how many times it happened.
    """

    reason: str
    packet: int
    count: int = 0


class Monitor:
    """Follows the HTTP connections in a sequence of frames."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._reassembler = Reassembler(limits)
        self._conversations: dict[Flow, Conversation] = {}
        self._problems: dict[str, Problem] = {}
        self._expired = 0
        self._given_up = 0

    def feed(self, frame: Frame) -> list[Transaction]:
        """The transactions that a frame completes."""
        segment = dissect(frame)
        if isinstance(segment, Passed):
            if segment is Passed.LINK_TYPE:
                self._note(f"link type {frame.link_type} is not supported", frame.number)
            elif segment is not Passed.OTHER:
                self._note(segment.value, frame.number)
            return []
        if segment.lost:
            self._note("the capture cut off a part of its TCP payload", frame.number)
        found = self._hear(self._reassembler.feed(segment))
        if self._reassembler.given_up > self._given_up:
            self._given_up = self._reassembler.given_up
            self._note("too many connections at once: the most silent was given up", frame.number)
        if abs(segment.time - self._expired) > _SECOND:
            self._expired = segment.time
            found += self.expire(segment.time)
        return found

    def expire(self, now: int) -> list[Transaction]:
        """The transactions that the passing of time completes.

        Args:
            now: the time, in nanoseconds since the epoch, on the clock of the frames.
        """
        return self._hear(self._reassembler.expire(now))

    def flush(self) -> list[Transaction]:
        """The transactions that are left when no more frames come."""
        return self._hear(self._reassembler.flush())

    def problems(self) -> list[Problem]:
        """What was not understood so far, one entry for each reason."""
        return list(self._problems.values())

    def _hear(self, events: Iterable[StreamEvent]) -> list[Transaction]:
        found: list[Transaction] = []
        for event in events:
            conversation = self._conversations.get(event.flow)
            if conversation is None:
                if not isinstance(event, Data | Gap):
                    continue
                conversation = self._conversations[event.flow] = Conversation(event.flow)
            if isinstance(event, Gap) and conversation.is_http:
                self._note("a gap before it in an HTTP connection", event.packet)
            found += conversation.feed(event)
            if isinstance(event, Closed):
                del self._conversations[event.flow]
        return found

    def _note(self, reason: str, packet: int) -> None:
        problem = self._problems.setdefault(reason, Problem(reason, packet))
        problem.count += 1
