from __future__ import annotations

import gzip
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.events.wire.building import (
    START,
    Packet,
    block,
    enhanced_packet,
    interface,
    pcap,
    pcapng,
    section,
)

from tocsin.events.wire.capture_file import Flaw, read_frames
from tocsin.events.wire.packets import Frame

PACKETS = [Packet(payload=b"one"), Packet(payload=b"two", time=START + 123_456_789)]


class Pipe(io.RawIOBase):
    """A stream that cannot seek and hands out a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 7))


def frames(data: bytes) -> list[Frame | Flaw]:
    return list(read_frames(io.BytesIO(data)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_is_read_in_both_byte_orders_and_both_precisions(order, nanoseconds):
    first, second = frames(pcap(PACKETS, order=order, nanoseconds=nanoseconds))
    assert first == Frame(1, START, 1, PACKETS[0].ethernet(), 57, 9 if nanoseconds else 6)
    assert second.time == START + (123_456_789 if nanoseconds else 123_456_000)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_is_read_in_both_byte_orders(order):
    found = frames(pcapng(PACKETS, order))
    assert [(frame.number, frame.time, frame.data) for frame in found] == [
        (number, packet.time, packet.ethernet()) for number, packet in enumerate(PACKETS, 1)
    ]


@pytest.mark.parametrize(
    "options, ticks, time, digits",
    [
        ([], 1_000_001, 1_000_001_000, 6),
        ([(9, b"\x03")], 1500, 1_500_000_000, 3),
        ([(9, b"\x0c")], 1_500_000_000_999, 1_500_000_000, 9),
        ([(9, b"\x8a")], 1536, 1_500_000_000, 9),  # 2 to the minus 10
        ([(14, struct.pack("<q", 100))], 5, 100_000_005_000, 6),
        ([(2, b"eth0"), (9, b"\x00")], 7, 7_000_000_000, 0),
        ([(14, struct.pack("<q", -100))], 5, 0, 6),  # before 1970: unknown
    ],
)
def test_pcapng_times_follow_their_interface(options, ticks, time, digits):
    (frame,) = frames(section() + interface(options=options) + enhanced_packet(b"data", ticks))
    assert (frame.time, frame.digits) == (time, digits)


def test_each_pcapng_packet_belongs_to_its_interface_and_each_section_starts_anew():
    file = section() + interface(link_type=1) + interface(link_type=101)
    file += enhanced_packet(b"a", 1, number=1) + enhanced_packet(b"b", 1, number=0)
    file += block(5, bytes(40))  # statistics
    file += section(">") + interface(">", link_type=113) + enhanced_packet(b"c", 1, ">")
    assert [(frame.link_type, frame.data) for frame in frames(file)] == [
        (101, b"a"),
        (1, b"b"),
        (113, b"c"),
    ]


def test_simple_and_obsolete_packet_blocks_are_read():
    file = section() + interface()
    file += block(3, struct.pack("<I", 4) + b"data")
    file += block(2, struct.pack("<HHIIII", 0, 0, 0, 77, 4, 9) + b"data")
    assert frames(file) == [Frame(1, 0, 1, b"data", 4), Frame(2, 77_000, 1, b"data", 9)]


def test_a_pipe_that_reads_short_will_do():
    assert list(read_frames(Pipe(pcap(PACKETS)))) == frames(pcap(PACKETS))
    assert list(read_frames(Pipe(pcapng(PACKETS)))) == frames(pcapng(PACKETS))


@pytest.mark.parametrize(
    "data, position, reason",
    [
        (b"", "byte 0", "the file is empty"),
        (b"ab", "byte 0", "not a capture file: it starts with 61 62"),
        (pcap(PACKETS)[:10], "byte 0", "the file ends inside its header, after 10 of 24 bytes"),
        (pcap(PACKETS)[:30], "packet 1", "the file ends inside the packet's header, after 6 bytes"),
        (pcap(PACKETS)[:-5], "packet 2", "the file ends inside the packet, after 52 of 57 bytes"),
        (pcap([]) + b"\xff" * 16, "packet 1", "a packet of 4294967295 bytes is not believed; what follows is not read"),
        (pcapng(PACKETS)[:-1], "packet 2", "the file ends inside the packet"),
        (section() + b"\x01\0\0\0", "byte 28", "the file ends inside a block"),
        (section()[:10], "byte 0", "the file ends inside a block"),
        (section()[:8] + bytes(20), "byte 0", "a section header without its byte order"),
        (section() + b"\x06\0\0\0\x04\0\0\0", "byte 28", "a block cannot have 4 bytes; what follows is not read"),
        (section() + b"\x06\0\0\0\xf0\xff\xff\xff", "byte 28", "a block of 4294967280 bytes is not believed; what follows is not read"),
        (section() + b"\x63\0\0\0\xf0\xff\xff\xff", "byte 28", "the file ends inside a block"),
        (section() + enhanced_packet(b"", 0), "packet 1", "the packet names interface 0, which is not described"),
        (section() + interface() + block(6, b"abcd"), "packet 1", "the packet's block is too short for its header"),
        (section() + interface() + block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99)), "packet 1", "99 bytes do not fit into the packet's block"),
        (section() + interface()[:-4] + b"\x15\0\0\0", "byte 28", "a block whose two lengths differ; what follows is not read"),
    ],
)  # fmt: skip
def test_a_damaged_file_says_where_and_why(data, position, reason):
    assert frames(data)[-1] == Flaw(position, reason)


def test_what_stands_before_the_damage_is_kept():
    assert [frame.number for frame in frames(pcap(PACKETS)[:-1])[:-1]] == [1]


def test_a_compressed_stream_that_was_cut_keeps_what_came_out_of_it():
    packets = [Packet(payload=bytes([n])) for n in range(200)]
    cut = gzip.compress(pcap(packets))[:-20]
    with gzip.open(io.BytesIO(cut)) as stream:
        found = list(read_frames(stream))
    assert isinstance(found[0], Frame)
    assert isinstance(found[-1], Flaw)
    assert "the compressed file is damaged" in found[-1].reason


@given(st.sampled_from([pcap(PACKETS), pcapng(PACKETS)]), st.data())
def test_no_damage_whatsoever_raises(file, data):
    at = data.draw(st.integers(0, len(file)))
    junk = data.draw(st.binary(max_size=12))
    for damaged in (file[:at], file[:at] + junk, file[:at] + junk + file[at + len(junk) :]):
        assert all(isinstance(found, Frame | Flaw) for found in frames(damaged))
