"""The log of the Linux audit daemon (``audit.log``): one event for all records of one.

A record is a line, and an event's records have its time and serial number in common; between them
may stand those of others. An event is whole at its EOE or PROCTITLE record, or with its only one
(messages of user space). One of which neither comes is closed when its host has gone on by
`LATEST` seconds, when `MOST_LINES` lines came without it, when too much else is open, or at the
end of the file. A record that comes later than that is an event of its own.

Lines may have syslog's header in front and ``node=``, be raw or enriched, and come from ausearch
(``--raw``, or with the separators that it writes without). What a document holds: `_audit_events`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from tocsin.events.decoders._audit_events import document
from tocsin.events.decoders._audit_records import AuditRecord, is_alone, parse
from tocsin.events.record import Record, Undecodable

SUFFIXES: Final = ("audit.log",)

LONGEST: Final = 1 << 20
"""The longest line that is decoded, in bytes; the kernel's are below 9 KiB."""

LATEST: Final = 2
"""How many seconds of its host an event waits for its end, as ausearch does."""

MOST_LINES: Final = 4_096
"""How many lines an event waits for its next record."""

MOST_EVENTS: Final = 1_024
"""How many events are open at a time."""

MOST_BYTES: Final = 8 << 20
"""How much the lines of open events come to; in memory they take some thirty times as much."""

_KEPT: Final = 64 << 10
_BLOCK: Final = 64 << 10
_BLANKS: Final = b" \t\r\n\x0b\x0c\0"
_AUDIT: Final = re.compile(
    rb"(?:[^{\[]|\[ *\d+\.\d+\] ).{0,400}?type=\S{1,48} (?:msg=)?audit\(\d{1,11}\.\d"
)
_START: Final = re.compile(rb"type=\S{1,48} (?:msg=)?audit\(\d{1,11}\.\d")
_SEPARATORS: Final = (b"----", b"time->")
_LOOKED_AT: Final = 8
_MOST_NODES: Final = 4_096
_ROTATED: Final = re.compile(r"(?<=\.log)(?:[.-]\d{1,8})+\Z")
_COMPRESSED: Final = (".gz", ".zst", ".zstd")
_LAST: Final = frozenset({"EOE", "PROCTITLE"})


def recognises(head: bytes) -> bool:
    """Whether most of the first lines are records of an audit log."""
    lines = [line for line in head[:_KEPT].splitlines()[: 2 * _LOOKED_AT] if _says_something(line)]
    lines = lines[:_LOOKED_AT]
    audit = sum(1 for line in lines if _START.match(line) or _AUDIT.match(line[:512]))
    return audit * 2 > len(lines)


def decode(stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
    """The events of an audit log, as they become whole."""
    events = _Events(_host_of(name))
    for number, line in _lines(stream):
        if not _says_something(line):
            continue
        if len(line) > LONGEST:
            yield Undecodable(f"line {number}", f"longer than {LONGEST >> 20} MiB", line[:_KEPT])
            continue
        record = parse(line)
        if isinstance(record, str):
            yield Undecodable(f"line {number}", record, line[:_KEPT])
        else:
            yield from events.take(number, line, record)
    yield from events.rest()


def _says_something(line: bytes) -> bool:
    bare = line.strip(_BLANKS)
    return bool(bare) and not bare.startswith(_SEPARATORS)


def _host_of(name: str) -> str:
    """What to call a host that its log does not name: the log, without what rotation adds."""
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return _ROTATED.sub("", name)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers; of one that is too long, the beginning."""
    number = 0
    while line := stream.readline(LONGEST + 2):
        number += 1
        is_cut = len(line) > LONGEST and not line.endswith(b"\n")
        while is_cut:
            rest = stream.readline(_BLOCK)
            is_cut = bool(rest) and not rest.endswith(b"\n")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        yield number, line if len(line) > LONGEST + 1 else line.strip(_BLANKS)


# --- putting records together ---------------------------------------------------------------------

_Key = tuple[str, str, str]


class _Open(msgspec.Struct):
    """An event that is not whole yet.

    Attributes:
        first: the number of its first line.
        last: of its latest.
        time: in seconds.
        node: the host.
        lines: as they came.
        records: the same, parsed.
        size: how long the lines are together.
    """

    first: int
    last: int
    time: float
    node: str
    lines: list[bytes]
    records: list[AuditRecord]
    size: int


class _Events:
    """Events by what their records have in common.

    Args:
        host: what to call a host that no record names.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._open: OrderedDict[_Key, _Open] = OrderedDict()
        self._size = 0
        self._latest: dict[str, float] = {}

    def take(self, number: int, line: bytes, record: AuditRecord) -> Iterator[Record]:
        """The events that a record makes whole, its own or older ones."""
        key = (record.node, record.time, record.serial)
        found = self._open.get(key)
        if record.type == "EOE":
            if found is not None:
                found.lines.append(line)
                yield self._close(key)
            return
        if found is None:
            time = float(record.time)
            self._see(record.node, time)
            yield from self._overdue(number)
            found = _Open(number, number, time, record.node, [], [], 0)
            self._open[key] = found
        found.last = number
        found.lines.append(line)
        found.records.append(record)
        found.size += len(line)
        self._size += len(line)
        if record.type in _LAST or is_alone(record):
            yield self._close(key)
        while len(self._open) > MOST_EVENTS or self._size > MOST_BYTES:
            yield self._close(next(iter(self._open)))

    def rest(self) -> Iterator[Record]:
        """What is still open."""
        while self._open:
            yield self._close(next(iter(self._open)))

    def _see(self, node: str, time: float) -> None:
        if len(self._latest) > _MOST_NODES:
            self._latest.clear()
        self._latest[node] = max(time, self._latest.get(node, 0.0))

    def _overdue(self, number: int) -> Iterator[Record]:
        """Closes the oldest events for as long as they have waited too long."""
        while self._open:
            key, event = next(iter(self._open.items()))
            behind = self._latest.get(event.node, 0.0) - event.time
            if behind <= LATEST and number - event.last <= MOST_LINES:
                return
            yield self._close(key)

    def _close(self, key: _Key) -> Record:
        event = self._open.pop(key)
        self._size -= event.size
        return Record(
            document=document(event.records, self._host),
            position=f"line {event.first}",
            raw=b"\n".join(event.lines),
            shape="ecs",
        )
