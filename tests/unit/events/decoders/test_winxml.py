"""Windows events as XML, alone, together, and in lines of syslog."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.events.decoders import recognise, winxml
from tocsin.events.decoders.winxml import decode, recognises
from tocsin.events.record import Record, Undecodable
from tocsin.events.shapes import in_ecs

SYSTEM = (
    '<Provider Name="Linux-Sysmon" Guid="{ff032593-a8d3-4f13-b0d6-01fc615a0f97}"/>'
    "<EventID>3</EventID><Version>5</Version><Level>4</Level><Task>3</Task><Opcode>0</Opcode>"
    "<Keywords>0x8000000000000000</Keywords>"
    '<TimeCreated SystemTime="2026-03-01T10:00:00.654321000Z"/><EventRecordID>{number}'
    '</EventRecordID><Correlation/><Execution ProcessID="900" ThreadID="901"/>'
    "<Channel>Linux-Sysmon/Operational</Channel><Computer>web-1</Computer>"
    '<Security UserId="0"/>'
)
DATA = (
    '<Data Name="Image">/usr/bin/curl</Data><Data Name="User">sexton</Data>'
    '<Data Name="DestinationIp">169.254.169.254</Data><Data Name="DestinationPort">80</Data>'
)


def event(number: int = 21, data: str = DATA) -> str:
    system = SYSTEM.replace("{number}", str(number))
    return f"<Event><System>{system}</System><EventData>{data}</EventData></Event>"


def found(text: str | bytes) -> list[Record | Undecodable]:
    data = text.encode() if isinstance(text, str) else text
    return list(decode(io.BytesIO(data), "tower.xml"))


def outcome(text: str | bytes) -> list[tuple[str, str]]:
    """Where things stand, and what was wrong with them."""
    return [(i.position, "" if isinstance(i, Record) else i.reason) for i in found(text)]


def document(text: str) -> Any:
    (record,) = found(text)
    assert isinstance(record, Record), record
    return record.document


# --- what there is ----------------------------------------------------------------------------


def test_an_event_is_json_of_the_nested_form() -> None:
    (record,) = found(f"{event()}\n")
    assert isinstance(record, Record)
    assert record.position == "line 1"
    assert record.raw == event().encode()
    assert record.document["Event"]["EventData"] == {
        "Image": "/usr/bin/curl",
        "User": "sexton",
        "DestinationIp": "169.254.169.254",
        "DestinationPort": "80",
    }
    system = record.document["Event"]["System"]
    assert system["EventID"] == "3"
    assert system["Correlation"] == ""
    assert system["Execution"] == {"#attributes": {"ProcessID": "900", "ThreadID": "901"}}


def test_a_connection_that_sysmon_for_linux_saw_in_ecs() -> None:
    shaped = in_ecs(Record(document(event()), ""))
    assert shaped is not None
    found_ = shaped.document
    assert found_["host"]["os"]["type"] == "linux"
    assert found_["event"]["category"] == ["network"]
    assert found_["process"]["name"] == "curl"
    assert found_["destination"] == {"ip": "169.254.169.254", "port": 80}
    assert found_["@timestamp"] == "2026-03-01T10:00:00.654321Z"
    assert found_["winlog"]["record_id"] == "21"


@pytest.mark.parametrize(
    "text",
    [
        event(1) + event(2),
        f"{event(1)}\n{event(2)}\n",
        f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<Events>{event(1)}\n{event(2)}</Events>',
        f"<Events xmlns='tower'\n>{event(1)}{event(2)}\n</Events>\n",
        f"\ufeff{event(1)}\r\n{event(2)}\r\n",
        f"Nov 21 20:26:54 web-1 sysmon: {event(1)}\nNov  1 20:26:55 web-1 sysmon[7]: {event(2)}\n",
        f"<14>1 2026-03-01T10:00:00.1Z web-1 sysmon 7 - - {event(1)}\n\n<14>Mar  1 10:00:00 web-1 sysmon: {event(2)}",
        f"2026-03-01T10:00:00.123456+01:00 web-1 sysmon: {event(1)}\n2026-03-01T10:00:00Z web-1 cron[1]: CMD\n2026-03-01T10:00:00Z web-1 sysmon: {event(2)}",
    ],
)
def test_events_are_found_in_whatever_is_around_them(text: str) -> None:
    records = found(text)
    assert recognises(text.encode()[:4096])
    assert [type(record) for record in records] == [Record, Record]
    numbers = [
        r.document["Event"]["System"]["EventRecordID"] for r in records if isinstance(r, Record)
    ]
    assert numbers == ["1", "2"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_where_it_says_so(encoding: str) -> None:
    text = event(1, '<Data Name="Bell">Großer Gott \U0001f514</Data>') + "\n"
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    data = marks.get(encoding, b"") + text.encode(encoding)
    assert recognises(data[:4096])
    (record,) = found(data)
    assert isinstance(record, Record)
    assert record.document["Event"]["EventData"] == {"Bell": "Großer Gott \U0001f514"}
    assert record.raw == text.strip().encode()


def test_positions_are_lines_and_the_events_of_one_line_are_counted() -> None:
    text = f"<Events>\n{event(1)}{event(2)}\n\n{event(3)}\n</Events>"
    assert outcome(text) == [("line 2", ""), ("line 2, event 2", ""), ("line 4", "")]


def test_an_event_may_go_over_many_lines() -> None:
    text = event(1).replace("><", ">\n  <")
    assert outcome(f"{text}\n{event(2)}") == [
        ("line 1", ""),
        (f"line {text.count(chr(10)) + 2}", ""),
    ]
    assert document(text)["Event"]["EventData"]["Image"] == "/usr/bin/curl"


@pytest.mark.parametrize(
    "data, expected",
    [
        ('<Data Name="Bell">a &lt; b &amp;&#233;</Data>', {"Bell": "a < b &é"}),
        ('<Data Name="Bell"></Data>', {"Bell": ""}),
        ('<Data Name="Bell">\n    </Data>', {"Bell": ""}),
        ('<Data Name="Bell">  </Data>', {"Bell": "  "}),
        ('<Data Name="Bell"/>', {"Bell": ""}),
        ("<Data>a</Data><Data>b</Data>", {"Data": ["a", "b"]}),
        ('<Data Name="a">1</Data><Data Name="a">2</Data>', {"a": ["1", "2"]}),
        ("<Data>a</Data><Binary>00ff</Binary>", {"Data": "a", "Binary": "00ff"}),
        ("<Data Name='x'><![CDATA[<b>]]></Data>", {"x": "<b>"}),
        ("text", "text"),
        ("", ""),
    ],
)
def test_data_has_its_names(data: str, expected: Any) -> None:
    assert document(event(1, data))["Event"]["EventData"] == expected


def test_user_data_and_rendering_are_kept() -> None:
    more = (
        "<UserData><Rope xmlns='tower'><Length>7</Length></Rope></UserData>"
        "<RenderingInfo Culture='en-GB'><Message>It rings.</Message><Keywords>"
        "<Keyword>a</Keyword><Keyword>b</Keyword></Keywords></RenderingInfo>"
    )
    found_ = document(event().replace("</Event>", f"{more}</Event>"))["Event"]
    assert found_["UserData"]["Rope"] == {"#attributes": {"xmlns": "tower"}, "Length": "7"}
    assert found_["RenderingInfo"]["Message"] == "It rings."
    assert found_["RenderingInfo"]["Keywords"] == {"Keyword": ["a", "b"]}
    shaped = in_ecs(Record({"Event": found_}, ""))
    assert shaped is not None
    assert shaped.document["message"] == "It rings."


# --- what is none -----------------------------------------------------------------------------


def test_characters_that_xml_does_not_allow_are_replaced() -> None:
    for bad in ("\x01", "&#1;", "&#x0;", "&#xD800;", "&#x110000;"):
        data = f'<Data Name="Bell">a{bad}b</Data>'
        assert document(event(1, data))["Event"]["EventData"] == {"Bell": "a\ufffdb"}
    raw = event(1, '<Data Name="Bell">a@b</Data>').encode().replace(b"@", b"\xff")
    (record,) = found(raw)
    assert isinstance(record, Record)
    assert record.document["Event"]["EventData"] == {"Bell": "a\ufffdb"}


@pytest.mark.parametrize(
    "broken, reason",
    [
        ("<Event><System><a></System></Event>", "not XML: mismatched tag"),
        ("<Event><System>&bell;</System></Event>", "not XML: undefined entity"),
        ("<Event>ring</Event>", "an event without System"),
        ("<Event><System>1</System></Event>", "an event without System"),
        ("<Event " + "a" * 50 + "></Event>", "not XML: not well-formed (invalid token)"),
        ("<Event>" + "<a>" * 200 + "</a>" * 200 + "</Event>", "nested deeper than 100 levels"),
        ("</Event>", "an end without a beginning"),
    ],
)
def test_a_piece_that_is_no_event_costs_that_piece_alone(broken: str, reason: str) -> None:
    assert outcome(f"{event(1)}\n{broken}\n{event(2)}\n") == [
        ("line 1", ""),
        ("line 2", reason),
        ("line 3", ""),
    ]


def test_lines_without_an_event_are_told_unless_other_programs_wrote_them() -> None:
    text = f"{event(1)}\nding\nMar  1 10:00:00 web-1 cron[1]: dong\n<bell/>\n{event(2)}\nding"
    assert outcome(text) == [
        ("line 1", ""),
        ("line 2", "expected an event"),
        ("line 4", "expected an event"),
        ("line 5", ""),
        ("line 6", "expected an event"),
    ]


def test_an_event_that_is_cut_off_ends_where_the_next_begins() -> None:
    text = f"Mar  1 10:00:00 web-1 sysmon: {event(1)[:300]}\nMar  1 10:00:00 web-1 sysmon: {event(2)}\n"
    assert outcome(text) == [("line 1", "the event is cut off"), ("line 2", "")]
    assert outcome(event(1)[:300]) == [("line 1", "the file ends inside the event")]


def test_a_document_type_is_none_of_ours() -> None:
    text = '<!DOCTYPE x [<!ENTITY a "ding">]>\n' + event(1, '<Data Name="Bell">&a;</Data>')
    assert outcome(text) == [
        ("line 1", "expected an event"),
        ("line 2", "not XML: undefined entity"),
    ]


def test_an_event_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winxml, "LONGEST", 5_000)
    monkeypatch.setattr(winxml, "_BLOCK", 1_000)
    long = f"<Event>{'x' * 50_000}"
    expected = [("line 1", ""), ("line 2", "longer than 0 MiB"), ("line 3", "")]
    assert outcome(f"{event(1)}\n{long}</Event>\n{event(2)}") == expected
    assert outcome(f"{event(1)}\n{long}\n{event(2)}") == expected
    assert outcome("x" * 20_000 + event(1))[-1] == ("line 1", "")


def test_an_empty_file_has_no_events() -> None:
    assert found(b"") == []
    assert found(b"<Events>\n</Events>") == []
    assert found(b"\xff\xfe") == []


@pytest.mark.parametrize(
    "head, is_ours",
    [
        (b"<Event><System>", True),
        (b"  \n<Events>", True),
        (b"<?xml version='1.0'?><Events><Event>", True),
        (b"Mar  1 10:00:00 web-1 cron: x\nMar  1 10:00:00 web-1 sysmon: <Event><System>", True),
        (b"<?xml version='1.0'?><svg>", False),
        (b"<EventBell>", False),
        (b'{"message": "<Event>"}', False),
        (b'Mar  1 10:00:00 web-1 bell: {"a": "<Event>"}', False),
        (b"ding <Event>", False),
        (b"", False),
    ],
)
def test_events_are_recognised_by_their_beginning(head: bytes, is_ours: bool) -> None:
    assert recognises(head) == is_ours


def test_the_decoder_is_found_by_bytes_and_by_ending() -> None:
    by_bytes = recognise("tower.log", event().encode())
    assert by_bytes is not None
    assert by_bytes is recognise("tower.xml", b"")


# --- laws -------------------------------------------------------------------------------------


class Pieces(io.BytesIO):
    """Bytes that come in pieces of any length."""

    def __init__(self, data: bytes, seed: int) -> None:
        super().__init__(data)
        self._random = random.Random(seed)

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._random.randint(1, 40))


PART = st.sampled_from(
    [event(1), event(2, ""), event(3)[:200], "\n", "</Event>", "<Events>", "ding\n", "<Event>",
     "Mar  1 10:00:00 web-1 sysmon: ", "<?xml version='1.0'?>", "\ufffd", "<Event", "\x00"]
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(PART, max_size=8), st.integers(0, 99))
def test_how_a_stream_is_cut_into_blocks_makes_no_difference(parts: list[str], seed: int) -> None:
    data = "".join(parts).encode()
    events = [(i.position, i.raw) for i in found(data) if isinstance(i, Record)]
    pieces = list(decode(Pieces(data, seed), "x"))
    assert [(i.position, i.raw) for i in pieces if isinstance(i, Record)] == events


@settings(max_examples=150)
@given(st.data())
def test_no_damage_whatsoever_raises(data: st.DataObject) -> None:
    damaged = bytearray(f"<Events>{event(1)}\n{event(2)}</Events>".encode())
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    for item in found(bytes(damaged)):
        assert isinstance(item, Record | Undecodable)


@given(st.binary(max_size=200))
def test_any_bytes_are_borne(data: bytes) -> None:
    recognises(data)
    for item in found(data):
        assert isinstance(item, Record | Undecodable)


def test_a_published_sample_of_sysmon_for_linux_is_read(shared: Path) -> None:
    (record,) = found((shared / "data" / "sensor-samples" / "sysmon_linux.xml").read_bytes())
    assert isinstance(record, Record)
    shaped = in_ecs(record)
    assert shaped is not None
    assert shaped.document["destination"]["ip"] == "169.254.169.254"
    assert shaped.document["process"]["executable"] == "/usr/bin/curl"
    assert shaped.document["host"]["os"]["type"] == "linux"
