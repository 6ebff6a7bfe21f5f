from __future__ import annotations

from dataclasses import replace

from tests.unit.events.wire.building import GET, MILLISECOND, OK, Connection

from tocsin.events.wire.monitor import Monitor, Problem
from tocsin.events.wire.packets import Frame
from tocsin.events.wire.tcp import Limits

MINUTE = 60_000 * MILLISECOND


def test_silence_brings_out_what_was_not_answered():
    monitor = Monitor()
    packets = Connection().open().ask(GET).packets
    assert [monitor.feed(packet.frame()) for packet in packets] == [[], [], [], []]
    assert monitor.expire(packets[-1].time + MINUTE) == []
    assert len(monitor.expire(packets[-1].time + 6 * MINUTE)) == 1


def test_later_packets_of_others_bring_it_out_too():
    monitor = Monitor()
    packets = Connection().open().ask(GET).packets
    for packet in packets:
        monitor.feed(packet.frame())
    packet = packets[-1]
    later = replace(packet, source=packet.source._replace(port=1), time=packet.time + 6 * MINUTE)
    assert len(monitor.feed(later.frame())) == 1


def test_nothing_is_remembered_of_closed_connections():
    monitor = Monitor()
    for packet in Connection().open().ask(GET).answer(OK).close().packets:
        monitor.feed(packet.frame())
    assert monitor._conversations == {}


def test_problems_are_summed_up_by_their_reason():
    monitor = Monitor(Limits(flows=1))
    packet = Connection().open().packets[0]
    data = packet.ethernet()
    monitor.feed(Frame(1, 0, 105, b"", 0))
    monitor.feed(Frame(2, 0, 1, data[:40], 54))
    monitor.feed(Frame(3, 0, 1, data[:40], 54))
    monitor.feed(Frame(4, 0, 1, bytes(12) + b"\x08\x06" + bytes(28), 42))
    monitor.feed(packet.frame(5))
    monitor.feed(replace(packet, source=packet.source._replace(port=1)).frame(6))
    assert monitor.problems() == [
        Problem("link type 105 is not supported", 1, 1),
        Problem("cut off by the capture inside its headers", 2, 2),
        Problem("too many connections at once: the most silent was given up", 6, 1),
    ]


def test_a_gap_is_a_problem_of_http_connections_only():
    def problems(text: bytes) -> list[Problem]:
        monitor = Monitor()
        connection = Connection().open().ask(text).ask(b"lost").ask(b"after")
        del connection.packets[4]
        for number, packet in enumerate(connection.packets, 1):
            monitor.feed(packet.frame(number))
        monitor.flush()
        return monitor.problems()

    assert problems(b"SSH-2.0-x\r\n") == []
    assert problems(GET) == [Problem("a gap before it in an HTTP connection", 5, 1)]
