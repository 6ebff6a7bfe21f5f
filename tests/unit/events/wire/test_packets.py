from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.events.wire.building import Packet

from tocsin.events.wire.packets import ACK, Endpoint, Frame, Passed, Segment, dissect

V4 = Packet(payload=b"hello")
V6 = Packet(Endpoint("fd00:ec2::1", 5), Endpoint("fd00:ec2::254", 80), payload=b"hello")
TAG = b"\x81\x00\x00\x07"


def frame(data: bytes, link_type: int = 1, length: int | None = None) -> Frame:
    return Frame(7, 123, link_type, data, len(data) if length is None else length)


@pytest.mark.parametrize(
    "link_type, packet, head",
    [
        (1, V4, bytes(12) + b"\x08\x00"),
        (1, V6, bytes(12) + b"\x86\xdd"),
        (1, V4, bytes(12) + TAG + b"\x08\x00"),
        (1, V4, bytes(12) + b"\x88\xa8\x00\x01" + TAG + b"\x08\x00"),
        (113, V4, bytes(14) + b"\x08\x00"),
        (113, V6, bytes(14) + TAG + b"\x86\xdd"),
        (276, V4, b"\x08\x00" + bytes(18)),
        (276, V4, b"\x81\x00" + bytes(18) + b"\x00\x07\x08\x00"),
        (0, V4, struct.pack("<I", 2)),
        (0, V4, struct.pack(">I", 2)),
        (0, V6, struct.pack("<I", 30)),
        (108, V6, struct.pack(">I", 24)),
        (12, V4, b""),
        (101, V4, b""),
        (101, V6, b""),
        (228, V4, b""),
        (229, V6, b""),
    ],
)
def test_a_segment_is_found_behind_every_link_layer(link_type, packet, head):
    found = dissect(frame(head + packet.ip(), link_type))
    assert found == Segment(packet.source, packet.destination, 1000, 5000, ACK, b"hello", 0, 123, 7)


def test_padding_of_short_ethernet_frames_is_no_payload():
    found = dissect(frame(Packet(payload=b"x").ethernet() + bytes(6)))
    assert isinstance(found, Segment)
    assert found.payload == b"x"


def test_a_length_of_zero_means_that_the_card_was_to_fill_it_in():
    data = bytearray(V4.ethernet())
    data[16:18] = b"\0\0"
    found = dissect(frame(bytes(data)))
    assert isinstance(found, Segment)
    assert found.payload == b"hello"


def test_extension_headers_are_passed_over_and_an_atomic_fragment_is_whole():
    ip = V6.ip()
    extensions = bytes([44, 0]) + bytes(6) + bytes([6, 0, 0, 0]) + bytes(4)
    head = ip[:4] + struct.pack("!HB", len(ip) - 40 + 16, 0) + ip[7:40]
    found = dissect(frame(head + extensions + ip[40:], 229))
    assert isinstance(found, Segment)
    assert found.payload == b"hello"


@pytest.mark.parametrize(
    "following, extension, reason",
    [
        (51, bytes([6, 1]) + bytes(10), None),  # authentication header
        (17, b"", Passed.OTHER),
        (60, bytes([6, 200]) + bytes(6), Passed.MALFORMED),  # ends behind the packet
        (59, b"", Passed.OTHER),
    ],
)
def test_ipv6_is_read_as_far_as_its_headers_lead(following, extension, reason):
    ip = V6.ip()
    head = ip[:4] + struct.pack("!HB", len(ip) - 40 + len(extension), following) + ip[7:40]
    found = dissect(frame(head + extension + ip[40:], 229))
    assert found is reason or (reason is None and isinstance(found, Segment))


def test_fragments_are_recognised():
    data = bytearray(V4.ethernet())
    data[20:22] = b"\x20\x00"
    assert dissect(frame(bytes(data))) is Passed.FRAGMENT
    data[20:22] = b"\x00\x05"
    assert dissect(frame(bytes(data))) is Passed.FRAGMENT
    ip = V6.ip()
    head = ip[:4] + struct.pack("!HB", len(ip) - 32, 44) + ip[7:40]
    fragment = head + bytes([6, 0, 0, 1]) + bytes(4) + ip[40:]
    assert dissect(frame(fragment, 229)) is Passed.FRAGMENT


def test_what_the_capture_cut_off_is_counted():
    data = V4.ethernet()
    found = dissect(frame(data[:-3], length=len(data)))
    assert isinstance(found, Segment)
    assert (found.payload, found.lost) == (b"he", 3)
    assert dissect(frame(data[:40], length=len(data))) is Passed.CUT


@pytest.mark.parametrize(
    "data, link_type, reason",
    [
        (bytes(12) + b"\x08\x06" + bytes(28), 1, Passed.OTHER),  # ARP
        (V4.ethernet()[:23] + b"\x11" + V4.ethernet()[24:], 1, Passed.OTHER),  # UDP
        (V4.ethernet()[:14] + b"\x41" + V4.ethernet()[15:], 1, Passed.MALFORMED),
        (V4.ethernet()[:46] + b"\x10" + V4.ethernet()[47:], 1, Passed.MALFORMED),
        (b"", 1, Passed.MALFORMED),
        (V4.ip(), 105, Passed.LINK_TYPE),
        (b"\x00" + V4.ip(), 101, Passed.OTHER),
    ],
)
def test_frames_without_a_segment_say_why(data, link_type, reason):
    assert dissect(frame(data, link_type)) is reason


@given(
    st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276]),
    st.one_of(
        st.binary(max_size=120),
        st.tuples(
            st.sampled_from([V4.ethernet(), V4.ip(), V6.ethernet(), V6.ip()]),
            st.binary(max_size=4),
            st.integers(0, 80),
        ).map(lambda made: made[0][: made[2]] + made[1] + made[0][made[2] + len(made[1]) :]),
    ),
    st.integers(0, 80),
)
def test_no_frame_whatsoever_raises(link_type, data, length):
    assert isinstance(dissect(frame(data, link_type, length)), Segment | Passed)
