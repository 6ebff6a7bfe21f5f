"""One direction of a TCP connection: bytes put into their places.

Sequence numbers have 32 bits and wrap; places are plain integers that do not, near each other where
the numbers are. ``Stream`` keeps what came too early; ``tcp.Reassembler`` decides when to go on.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

WRAP: Final = 1 << 32
_HALF: Final = 1 << 31

PIECE_COST: Final = 256
"""What keeping a piece costs beside its bytes, so that many tiny ones are bounded as well."""


class Piece(NamedTuple):
    """Bytes that wait; ``start`` is their place in the stream, sequence numbers unwrapped."""

    start: int
    data: bytes
    time: int
    packet: int
    acknowledged: int | None

    @property
    def end(self) -> int:
        """The place behind its last byte."""
        return self.start + len(self.data)

    def cut(self, start: int, end: int) -> Piece:
        """The part between two places."""
        return self._replace(start=start, data=self.data[start - self.start : end - self.start])


def _start_of(piece: Piece) -> int:
    return piece.start


class Stream:
    """One direction of a connection.

    Attributes:
        next: the place of the next byte that is expected; None before the stream has begun.
        begun: where it began, by its SYN or by the first bytes used.
        held: what came too early, sorted and without overlaps.
        held_bytes: what that costs.
        hole_since: the time since when ``held`` waits for what is missing before it.
        confirmed: the acknowledgement number that its receiver sent last.
        fin: where it ends, if that is known.
        over: whether it has come to its end.
    """

    __slots__ = ("begun", "confirmed", "fin", "held", "held_bytes", "hole_since", "next", "over")

    def __init__(self) -> None:
        self.next: int | None = None
        self.begun: int | None = None
        self.held: list[Piece] = []
        self.held_bytes = 0
        self.hole_since = 0
        self.confirmed: int | None = None
        self.fin: int | None = None
        self.over = False

    def place(self, sequence: int) -> int:
        """A sequence number of 32 bits as a place in the stream."""
        near = self.next
        if near is None:
            near = self.held[0].start if self.held else sequence
        return near + (sequence - near + _HALF) % WRAP - _HALF

    def distance(self, sequence: int) -> int:
        """How far a sequence number is from what the stream expects; negative for what was."""
        if self.next is not None:
            return self.place(sequence) - self.next
        return self.place(sequence) - self.held[0].start if self.held else 0

    def confirm(self, acknowledged: int) -> None:
        """The receiver says that it has everything before this number."""
        old = self.confirmed
        if old is None or 0 < (acknowledged - old) % WRAP < _HALF:
            self.confirmed = acknowledged

    def is_confirmed_to(self, place: int) -> bool:
        """Whether the receiver has everything before a place, captured or not."""
        return self.confirmed is not None and self.place(self.confirmed) >= place

    def hold(self, piece: Piece) -> int:
        """Keep what is new in a piece; how much more is held now."""
        if self.next is not None and piece.start < self.next:
            piece = piece.cut(min(self.next, piece.end), piece.end)
        before = self.held_bytes
        at = bisect_right(self.held, piece.start, key=_start_of)
        start, end = piece.start, piece.end
        if at and self.held[at - 1].end > start:
            start = self.held[at - 1].end
        while start < end:
            following = self.held[at].start if at < len(self.held) else end
            if following > start:
                new = piece.cut(start, min(following, end))
                self.held.insert(at, new)
                self.held_bytes += len(new.data) + PIECE_COST
                at += 1
            if at < len(self.held):
                start = max(start, self.held[at].end)
                at += 1
            else:
                break
        return self.held_bytes - before
