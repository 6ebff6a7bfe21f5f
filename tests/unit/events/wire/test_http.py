from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.events.wire.building import CLIENT, GET, OK, SERVER, Connection, Packet

from tocsin.events.wire.http import Transaction
from tocsin.events.wire.messages import LARGEST_HEAD
from tocsin.events.wire.monitor import Monitor


def transactions(packets, *, flush=True) -> list[Transaction]:
    monitor = Monitor()
    found = []
    for number, packet in enumerate(packets, 1):
        found += monitor.feed(packet.frame(number))
    return found + (monitor.flush() if flush else [])


def talk(*turns: bytes) -> list[tuple[str, int | None]]:
    """Targets and status codes when client and server speak in turn."""
    connection = Connection().open()
    for n, turn in enumerate(turns):
        (connection.answer if n % 2 else connection.ask)(turn)
    return summary(connection.packets)


def summary(packets, *, flush=True) -> list[tuple[str, int | None]]:
    return [
        (found.request.target, found.response.status if found.response else None)
        for found in transactions(packets, flush=flush)
    ]


def get(target: str = "/", *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", *headers, "", ""]).encode()


def ok(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


UPLOAD = get("/up", "Content-Length: 27", method="POST") + b"GET /not-me HTTP/1.1\r\n\r\nabc"


def test_a_request_and_its_response_are_one_transaction():
    (found,) = transactions(Connection().open().ask(GET).answer(OK).packets, flush=False)
    assert (found.client, found.server, found.number) == (CLIENT, SERVER, 1)
    request, response = found.request, found.response
    assert request.method == "GET"
    assert request.target == "/latest/meta-data/iam/security-credentials/"
    assert (request.host, request.user_agent) == ("169.254.169.254", "curl/8.5.0")
    assert (request.size, request.body_size, request.origin.packet) == (len(GET), 0, 4)
    assert response is not None
    assert (response.status, response.phrase, response.mime_type) == (200, "OK", "text/plain")
    assert (response.size, response.body_size, response.is_whole) == (len(OK), 9, True)


@pytest.mark.parametrize(
    "turns, expected",
    [
        ([get("/1"), ok(b"x"), get("/2"), ok()], [("/1", 200), ("/2", 200)]),
        ([get("/1") + get("/2") + get("/3"), ok(b"x") + ok(status="404 Not Found") + ok()], [("/1", 200), ("/2", 404), ("/3", 200)]),
        ([UPLOAD + get("/2"), ok() + ok(b"y", status="201 Created")], [("/up", 200), ("/2", 201)]),
        ([get("/c"), chunked(b"HTTP/1.1 500 no\r\n", b"b" * 300), get("/2"), ok()], [("/c", 200), ("/2", 200)]),
        ([get("/c", "Transfer-Encoding: gzip, chunked", method="PUT") + b"3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n", ok(), get("/2"), ok()], [("/c", 200), ("/2", 200)]),
        ([get("/h", method="HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", get("/2"), ok()], [("/h", 200), ("/2", 200)]),
        ([get("/n"), b"HTTP/1.1 204 No Content\r\n\r\n", get("/2"), b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", get("/3"), ok()], [("/n", 204), ("/2", 304), ("/3", 200)]),
        ([get("/e", "Expect: 100-continue", "Content-Length: 2", method="POST"), b"HTTP/1.1 100 Continue\r\n\r\n", b"ab", ok(), get("/2"), ok()], [("/e", 200), ("/2", 200)]),
        ([get("/early"), b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(b"x")], [("/early", 200)]),
        ([get("/old"), b"HTTP/1.0 200 OK\r\n\r\neverything until the end"], [("/old", 200)]),
        ([get("/alone")], [("/alone", None)]),
        ([get("/1") + get("/2"), ok()], [("/1", 200), ("/2", None)]),
        ([b"\r\n\r\n" + get("/blank"), ok()], [("/blank", 200)]),
        ([get("/lf").replace(b"\r", b""), ok(b"x").replace(b"\r", b""), get("/2"), ok()], [("/lf", 200), ("/2", 200)]),
        ([get("/a b  c"), ok()], [("/a b  c", 200)]),
        ([get("http://example.org:8080/absolute?q"), ok()], [("http://example.org:8080/absolute?q", 200)]),
        ([get("host:443", method="CONNECT"), b"HTTP/1.1 200 Established\r\nContent-Length: 7\r\n\r\n", get("/inside"), ok()], [("host:443", 200), ("/inside", 200)]),
        ([get("/ws", "Upgrade: websocket"), b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"\x81\x05hello", b"\x81\x05hello"], [("/ws", 101)]),
        ([b"\x00\xffjunk" + get("/after-junk"), ok()], [("/after-junk", 200)]),
        ([b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + get("/proxied"), ok()], [("/proxied", 200)]),
        ([get("/1"), ok(), b"garbage\r\n" + get("/2"), b"noise\r\n" + ok(b"x")], [("/1", 200), ("/2", 200)]),
        ([get("GET HTTP/1.1\r\nGET /x"), ok()], [("GET", 200)]),
        ([get("/1"), ok(), b"GET HTTP/1.1\r\n\r\n" + get("/2"), ok()], [("/1", 200), ("/2", 200)]),
        ([get("/1", "Content-Length: none", method="POST") + get("/2"), ok() + ok()], [("/1", 200), ("/2", 200)]),
        ([get("/c", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n" + get("/2"), ok() + ok()], [("/c", 200), ("/2", 200)]),
        ([b"SSH-2.0-OpenSSH_9\r\n", b"SSH-2.0-x\r\n", b"GET" + bytes(500)], []),
        ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(20)], []),
        ([b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", get("/2"), ok()], [("/2", 200)]),
    ],
)  # fmt: skip
def test_messages_end_where_they_end_and_responses_find_their_requests(turns, expected):
    assert talk(*turns) == expected


def test_transactions_are_handed_on_as_soon_as_they_are_complete():
    packets = Connection().open().ask(get("/1")).answer(ok()).ask(get("/2")).packets
    assert summary(packets, flush=False) == [("/1", 200)]
    closed = Connection().open().ask(get("/1")).answer(b"HTTP/1.0 200 OK\r\n\r\nbody").close()
    assert summary(closed.packets, flush=False) == [("/1", 200)]


def test_a_connection_that_is_reset_still_tells_its_request():
    packets = Connection().open().ask(get("/1")).reset().packets
    assert summary(packets, flush=False) == [("/1", None)]


def test_the_client_is_the_side_that_asks_whoever_opened_the_connection():
    packets = Connection().open().answer(get("/reversed")).ask(ok()).packets
    (found,) = transactions(packets)
    assert (found.client, found.server) == (SERVER, CLIENT)


def test_a_capture_that_starts_inside_a_body_finds_the_next_request():
    connection = Connection().answer(b"rest of a body HTTP/1.1 nothing\r\n" * 300, 5000)
    connection.ask(get("/next")).answer(ok(status="404 no"))
    assert summary(connection.packets) == [("/next", 404)]


def test_a_response_to_a_request_before_the_capture_is_nobodys():
    connection = Connection().answer(ok(b"x", status="500 no")).ask(get("/next")).answer(ok())
    assert summary(connection.packets) == [("/next", 200)]


def test_a_head_that_was_not_captured_to_its_end_still_tells_its_request():
    whole = get("/x", "Host: h", "User-Agent: curl/8.5.0")
    (found,) = transactions(Connection().open().ask(whole[:-8]).packets)
    assert (found.request.target, found.request.host) == ("/x", "h")
    assert (found.request.user_agent, found.request.is_whole) == (None, False)


def test_a_gap_in_a_body_is_part_of_it():
    packets = (
        Connection()
        .open()
        .ask(get("/1"))
        .answer(ok(b"x" * 50), 45, 60)
        .ask(get("/2"))
        .answer(ok())
        .packets
    )
    del packets[5]
    first, second = transactions(packets)
    assert first.response is not None
    assert (first.response.body_size, first.response.is_whole) == (50, False)
    assert second.response is not None


def test_a_gap_across_messages_costs_no_more_than_they():
    connection = Connection().open().ask(get("/1")).answer(ok(b"x" * 50), 60)
    connection.ask(get("/2")).answer(ok(status="404 no"), 20).ask(get("/3")).answer(ok())
    lost = [
        packet
        for n, packet in enumerate(connection.packets)
        if n not in (5, 7)  # the end of the first response and the start of the second
    ]
    assert summary(lost) == [("/1", 200), ("/2", None), ("/3", 200)]


def test_a_lost_request_does_not_move_responses_to_others():
    connection = Connection().open()
    for n in range(4):
        connection.ask(get(f"/{n}")).answer(ok(status=f"20{n} OK"))
    del connection.packets[5]
    assert summary(connection.packets) == [("/0", 200), ("/2", 202), ("/3", 203)]


def test_heads_that_break_off_tell_what_came_before():
    second = get("/2", "Host: h", "X-Long: " + "x" * 50)
    connection = Connection().open().ask(get("/1")).answer(ok()).ask(second, 40).ask(get("/3"))
    connection.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Ty")
    del connection.packets[6]
    assert summary(connection.packets) == [("/1", 200), ("/2", 403), ("/3", None)]


def test_a_missed_response_is_not_made_up_from_the_next_one():
    connection = Connection().open().ask(get("/1") + get("/2"))
    connection.answer(ok(status="201 x") + ok(status="202 x"), 20, 45)
    del connection.packets[4]  # the start of the first response
    assert summary(connection.packets) == [("/1", None), ("/2", 202)]


def test_a_gap_in_the_framing_of_chunks_ends_the_message():
    answer = chunked(b"a" * 10, b"b" * 10)
    connection = Connection().open().ask(get("/1")).answer(answer, 60, 75)
    connection.ask(get("/2")).answer(ok())
    del connection.packets[5]
    first, second = transactions(connection.packets)
    assert first.response is not None
    assert not first.response.is_whole
    assert second.response is not None


def test_a_server_that_talks_unasked_is_not_remembered():
    connection = Connection().open().ask(get("/ws")).answer(ok())
    for _ in range(100):
        connection.answer(b"\x82" + b"x" * 1300)
    assert summary(connection.ask(get("/2")).answer(ok()).packets) == [("/ws", 200), ("/2", 200)]


def test_headers_may_be_folded_repeated_and_oddly_spaced():
    head = get("/", "host : a", "HOST: b", "User-Agent: one\r\n\ttwo", "Bogus", ": x")
    (found,) = transactions(Connection().open().ask(head).packets)
    assert (found.request.host, found.request.user_agent) == ("a", "one two")


def test_text_that_is_not_utf_8_is_kept_as_latin_1():
    head = b"GET /\xe9 HTTP/1.1\r\nUser-Agent: \xc3\xa9\r\n\r\n"
    (found,) = transactions(Connection().open().ask(head).packets)
    assert (found.request.target, found.request.user_agent) == ("/é", "é")


def test_a_head_beyond_all_measure_is_cut_and_what_follows_is_found():
    endless = get("/big", "User-Agent: x", *["A: " + "b" * 1000] * 100)
    cuts = range(1400, len(endless), 1400)
    connection = Connection().open().ask(endless, *cuts).ask(get("/2")).answer(ok() + ok())
    first, second = transactions(connection.packets)
    assert (first.request.target, first.request.user_agent) == ("/big", "x")
    assert first.request.size == LARGEST_HEAD
    assert second.request.target == "/2"


def test_requests_that_nobody_answers_do_not_pile_up():
    connection = Connection().open()
    for n in range(400):
        connection.ask(get(f"/{n}"))
    assert len(transactions(connection.packets, flush=False)) == 400 - 128
    assert len(transactions(connection.packets)) == 400


def test_neither_line_noise_nor_endless_lines_take_memory_or_time():
    monitor = Monitor()
    for junk in (
        b"GET " * 300,
        b" " * 1200,
        b"a" * 1200,
        b" HTTP/1." * 150,
        b"HTTP/1.1 2",
        b"\n" * 1200,
        b"GET HTTP/1.1\n" * 90,
    ):
        for is_open in (True, False):
            connection = Connection(client=CLIENT._replace(port=len(junk) + is_open))
            if is_open:
                connection.open()
            for _ in range(150):
                connection.ask(junk).answer(junk)
            for packet in connection.packets:
                monitor.feed(packet.frame())
            for conversation in monitor._conversations.values():
                for reader in (*conversation._as_client, *conversation._as_server):
                    assert reader.waiting <= LARGEST_HEAD + 2000


SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"


@pytest.mark.parametrize(
    "ask, answer, key",
    [
        (GET, ok(b'{"AccessKeyId":"ASIAQQQQQQQQQQQQQQQQ","SecretAccessKey":"%s"}' % SECRET.encode()), "ASIAQQQQQQQQQQQQQQQQ"),
        (GET, chunked(b'{"AccessKeyId":"ASIAQQQQ', b'QQQQQQQQQQQQ","Token":"%s"}' % SECRET.encode()), "ASIAQQQQQQQQQQQQQQQQ"),
        (GET, ok(b"x" * 70_000 + b'{"AccessKeyId":"ASIAQQQQQQQQQQQQQQQQ"}'), None),
        (get("/latest/api/token", method="PUT"), ok(SECRET.encode()), None),
        (get("/", f"X-aws-ec2-metadata-token: {SECRET}", f"Cookie: a={SECRET}", f"Authorization: Bearer {SECRET}", f"Referer: http://u:{SECRET}@h/?token={SECRET}"), ok(b"", f"Set-Cookie: {SECRET}"), None),
        (get(f"/?access_token={SECRET}"), ok(SECRET.encode()), None),
    ],
)  # fmt: skip
def test_no_secret_leaves_a_conversation_and_the_key_id_does(ask, answer, key):
    cuts = range(1400, len(answer), 1400)
    (found,) = transactions(Connection().open().ask(ask).answer(answer, *cuts).packets)
    assert found.response is not None
    assert found.response.access_key_id == key
    assert found.response.kept is None
    assert SECRET not in repr(found)


def test_answers_of_other_servers_are_not_looked_into():
    answer = ok(b'{"AccessKeyId":"ASIAQQQQQQQQQQQQQQQQ"}')
    server = SERVER._replace(ip="192.0.2.1")
    (found,) = transactions(Connection(server=server).open().ask(GET).answer(answer).packets)
    assert found.response is not None
    assert found.response.access_key_id is None


# --- however the bytes are cut up ------------------------------------------------------------

TURNS = [
    (get("/1", "User-Agent: a") + get("/2", method="HEAD"), ok(b"one") + ok(b"", status="404 x")[:-2] + b"X: y\r\n\r\n"),
    (UPLOAD, b"HTTP/1.1 100 Continue\r\n\r\n" + chunked(b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 20)),
    (get("http://h/3"), b"HTTP/1.1 204 No Content\r\n\r\n"),
    (get("/4"), b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
]  # fmt: skip


def whole_talk() -> Connection:
    connection = Connection(step=0).open()
    for ask, answer in TURNS:
        connection.ask(ask).answer(answer)
    return connection.close()


def comparable(found: list[Transaction]) -> list[object]:
    """Everything but the packets' numbers and the acknowledgements, in the order of requests."""
    return [
        (t.number, t.request.target, t.request.size, t.request.body_size, t.request.time,
         t.response and (t.response.status, t.response.size, t.response.body_size, t.response.is_whole))
        for t in sorted(found, key=lambda t: t.number)
    ]  # fmt: skip


@given(st.data())
def test_any_cutting_order_and_repetition_of_segments_gives_the_same_transactions(data):
    opening, packets = [], []
    for packet in whole_talk().packets:
        if not packet.payload:
            (packets if packet.flags == 1 else opening).append(packet)
            continue
        size = len(packet.payload)
        spans = data.draw(
            st.lists(st.tuples(st.integers(0, size), st.integers(0, size)), max_size=3)
        )
        edges = sorted({0, size, *data.draw(st.lists(st.integers(0, size), max_size=6))})
        for a, b in [*map(sorted, spans), *itertools.pairwise(edges)]:
            piece = packet.payload[a:b]
            packets.append(
                Packet(
                    packet.source,
                    packet.destination,
                    packet.sequence + a,
                    packet.acknowledged,
                    0,
                    piece,
                )
            )
    shuffled = data.draw(st.permutations(packets))
    found = transactions([*opening[:2], *shuffled])
    assert comparable(found) == comparable(transactions(whole_talk().packets))


def test_one_byte_at_a_time_will_do():
    connection = Connection(step=0).open()
    for ask, answer in TURNS:
        connection.ask(ask, *range(1, len(ask))).answer(answer, *range(1, len(answer)))
    expected = comparable(transactions(whole_talk().packets))
    assert comparable(transactions(connection.close().packets)) == expected
    assert [row[1] for row in expected] == ["/1", "/2", "/up", "http://h/3", "/4"]


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(
                [GET, OK, UPLOAD, chunked(b"abc"), b"\r\n", b"GET ", b"HTTP/1.1 ", b"\n"]
            ),
            st.integers(0, 40),
            st.sampled_from([0, 0, 0, 1, 1000, 70_000]),
        ),
        max_size=25,
    )
)
def test_no_talk_whatsoever_raises(turns):
    connection = Connection()
    for is_client, text, start, hole in turns:
        (connection.ask if is_client else connection.answer)(text[start:])
        if is_client:
            connection.client_next += hole
        else:
            connection.server_next += hole
    targets = [found.request.target for found in transactions(connection.packets)]
    assert all(targets)
