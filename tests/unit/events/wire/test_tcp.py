from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.events.wire.building import CLIENT, MILLISECOND, SERVER, Connection, Packet

from tocsin.events.wire.packets import FIN, RST, SYN
from tocsin.events.wire.tcp import Closed, Data, End, Gap, Limits, Reassembler

SECOND = 1000 * MILLISECOND


def read(packets, limits=None, *, flush=True):
    """What the client said, connection by connection, with its gaps; and the reassembler."""
    reassembler = Reassembler(limits)
    said: dict[object, str] = {}
    events = []
    for number, packet in enumerate(packets, 1):
        events += reassembler.feed(packet.segment(number))
    if flush:
        events += reassembler.flush()
    for event in events:
        flow = event.flow
        said.setdefault(flow, "")
        if isinstance(event, Closed | End):
            continue
        if flow.ends[event.side] == CLIENT:
            is_gap = isinstance(event, Gap)
            said[flow] += f"<{event.length}>" if is_gap else event.data.decode()
    return list(said.values()), reassembler, events


def said(packets, limits=None):
    return read(packets, limits)[0]


def at(sequence, text, **changes):
    return replace(Packet(sequence=sequence, payload=text.encode()), **changes)


def start():
    return Connection().open().packets


@pytest.mark.parametrize(
    "segments, expected",
    [
        ([at(1001, "abc"), at(1004, "def")], "abcdef"),
        ([at(1004, "def"), at(1001, "abc")], "abcdef"),
        ([at(1001, "abc"), at(1001, "abc"), at(1004, "def"), at(1001, "abc")], "abcdef"),
        ([at(1001, "abcd"), at(1003, "XXef")], "abcdef"),
        ([at(1003, "cd"), at(1001, "abXXef")], "abcdef"),
        ([at(1005, "e"), at(1003, "c"), at(1001, "aXXXXXg")], "aXcXeXg"),
        ([at(1003, "cdef"), at(1004, "XX"), at(1001, "ab")], "abcdef"),
        ([at(1000, "?"), at(1001, "abc")], "abc"),
        ([at(1001, "abc"), at(1006, "fgh")], "abc<2>fgh"),
    ],
)  # fmt: skip
def test_bytes_come_in_order_and_the_first_to_come_wins(segments, expected):
    assert said(start() + segments) == [expected]


def test_sequence_numbers_wrap_around():
    talk = Connection(client_next=2**32 - 4, server_next=2**32 - 1).open()
    talk.ask(b"abcdef", 1, 5).answer(b"xyz").ask(b"gh").close()
    packets = talk.packets
    packets[3], packets[5] = packets[5], packets[3]
    assert said(packets) == ["abcdefgh"]


def test_a_capture_may_start_in_the_middle_of_a_connection():
    talk = Connection().ask(b"abc").answer(b"x").ask(b"def")
    assert said(talk.packets) == ["abcdef"]


def test_the_first_packets_of_a_capture_may_be_out_of_order():
    packets = Connection().ask(b"abcdef", 3).answer(b"x").packets
    packets[0], packets[1] = packets[1], packets[0]
    assert said(packets) == ["abcdef"]


def test_a_port_that_is_used_again_is_another_connection():
    first = Connection().open().ask(b"one").packets
    again = Connection(client_next=70_000, server_next=90_000).open().ask(b"two").packets
    assert said(first + again) == ["one", "two"]


def test_a_port_that_is_used_again_after_its_connection_closed_is_another_one():
    first = Connection().open().ask(b"one").close().packets
    again = Connection(client_next=70_000, server_next=90_000).open().ask(b"two").packets
    unseen = Connection(client_next=2_000_000_000, server_next=90_000).ask(b"three").packets
    assert said(first + again + unseen) == ["one", "two", "three"]


def test_a_repeated_or_late_handshake_is_the_same_connection():
    packets = Connection().open().ask(b"abc").packets
    assert said([packets[0], packets[0], *packets, packets[0], packets[1]]) == ["abc"]
    assert said([packets[3], packets[0], packets[1], at(1004, "def")]) == ["abcdef"]


def test_data_may_ride_on_the_first_packet():
    opening = at(1000, "abc", flags=SYN, acknowledged=None)
    assert said([opening, at(1004, "def")]) == ["abcdef"]


def test_a_connection_closes_when_both_sides_have_said_so():
    packets = Connection().open().ask(b"abc").close().packets
    _, _, events = read(packets, flush=False)
    assert [type(event) for event in events] == [Data, End, End, Closed]


def test_what_comes_before_a_late_end_is_still_read():
    packets = Connection().open().ask(b"abc").close().packets
    data, end = packets[3], packets[4]
    assert said([*packets[:3], end, data, *packets[5:]]) == ["abc"]


def test_stragglers_of_a_closed_connection_are_not_a_new_one():
    packets = Connection().open().ask(b"abc").close().packets
    assert said(packets + packets[3:]) == ["abc"]


def test_a_reset_closes_and_a_forged_one_does_not():
    talk = Connection().open().ask(b"abc")
    _, _, events = read(talk.reset().packets, flush=False)
    assert isinstance(events[-1], Closed)
    forged = Packet(SERVER, CLIENT, 4_000_000, 1004, RST)
    assert said([*talk.packets[:4], forged, at(1004, "def")]) == ["abcdef"]


def test_a_forged_end_does_not_hide_what_follows():
    forged = Packet(sequence=1003, flags=FIN)
    assert said([*start(), forged, at(1001, "abcdef"), at(1007, "ghi")]) == ["abcdefghi"]


def test_a_hole_is_skipped_once_the_receiver_has_long_confirmed_what_follows():
    confirmed = Packet(SERVER, CLIENT, 5001, 1009)
    later = replace(confirmed, time=confirmed.time + 2 * SECOND)
    packets = [*start(), at(1006, "fgh"), confirmed]
    assert read(packets, flush=False)[0] == []
    assert read([*packets, later], flush=False)[0] == ["<5>fgh"]


def test_a_hole_is_skipped_after_a_while_without_confirmation_too():
    reassembler = Reassembler()
    packets = [*start(), at(1006, "fgh")]
    for packet in packets:
        assert reassembler.feed(packet.segment()) == []
    now = packets[-1].time
    assert reassembler.expire(now + 29 * SECOND) == []
    assert isinstance(reassembler.expire(now + 31 * SECOND)[0], Gap)
    assert (reassembler.gaps, reassembler.lost) == (1, 5)


def test_a_hole_is_skipped_when_too_much_waits_behind_it():
    limits = Limits(held=3000)
    packets = [*start(), at(1011, "x" * 1000), at(2011, "y" * 1000), at(3011, "z" * 1000)]
    found, reassembler, _ = read(packets, limits, flush=False)
    assert found == ["<10>" + "x" * 1000 + "y" * 1000 + "z" * 1000]
    assert reassembler.lost == 10


def test_memory_is_bounded_over_all_connections_and_for_tiny_pieces():
    reassembler = Reassembler(Limits(held_in_all=20_000))
    for port in range(50):
        source = CLIENT._replace(port=port + 1)
        for n in range(40):
            reassembler.feed(at(2000 + 2 * n, "x", source=source).segment())
            assert reassembler._held <= 20_000 + 300


def test_the_most_silent_connection_makes_room():
    reassembler = Reassembler(Limits(flows=2, closed=2))
    events = []
    for port in (1, 2, 1, 3, 4, 5):
        events += reassembler.feed(at(1, "x", source=CLIENT._replace(port=port)).segment())
    closed = [event.flow.ends[0].port for event in events if isinstance(event, Closed)]
    assert closed == [2, 1, 3]
    assert reassembler.given_up == 3
    assert len(reassembler._closed) == 2


def test_a_silent_connection_expires():
    reassembler = Reassembler()
    for packet in start():
        reassembler.feed(packet.segment())
    assert reassembler.expire(packet.time + 299 * SECOND) == []
    assert isinstance(reassembler.expire(packet.time + 301 * SECOND)[-1], Closed)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 2**32 - 1), st.data())
def test_any_order_and_repetition_of_overlapping_segments_gives_the_stream(text, first, data):
    cuts = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    pieces = [(min(cut), max(cut)) for cut in data.draw(st.lists(cuts, max_size=12))]
    edges = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=8))})
    pieces += itertools.pairwise(edges)
    packets = [Packet(sequence=first + 1 + a, payload=text[a:b]) for a, b in pieces]
    packets.append(Packet(sequence=first + 1 + len(text), flags=FIN))
    opening = Packet(sequence=first, flags=SYN, acknowledged=None)
    reassembler = Reassembler()
    events = []
    for packet in [opening, *data.draw(st.permutations(packets))]:
        events += reassembler.feed(packet.segment())
    assert b"".join(event.data for event in events if isinstance(event, Data)) == text
    assert isinstance(events[-1], End)
    assert reassembler._held == 0


@given(st.lists(st.builds(
    Packet,
    source=st.sampled_from([CLIENT, SERVER]),
    destination=st.sampled_from([SERVER, CLIENT]),
    sequence=st.one_of(st.integers(990, 1020), st.integers(0, 2**32 - 1)),
    acknowledged=st.one_of(st.none(), st.integers(990, 1020)),
    flags=st.sampled_from([0, SYN, FIN, RST, SYN | FIN]),
    payload=st.binary(max_size=5),
    time=st.integers(0, 2**62),
), max_size=30))  # fmt: skip
def test_no_sequence_of_packets_raises_or_leaks(packets):
    reassembler = Reassembler(Limits(flows=2, closed=1))
    for packet in packets:
        reassembler.feed(packet.segment())
        reassembler.expire(packet.time)
    reassembler.flush()
    assert (reassembler._held, len(reassembler._open), len(reassembler._waiting)) == (0, 0, 0)
