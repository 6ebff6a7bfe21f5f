"""Windows event logs: whole ones, damaged ones, and ones made to do harm."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.events.decoders import recognise
from tocsin.events.decoders._evtx_chunk import CHUNK, HEADER
from tocsin.events.decoders.evtx import decode, recognises
from tocsin.events.record import Record, Undecodable
from tocsin.events.shapes import in_ecs

Element = tuple[str, dict[str, str], Any]
"""Name, attributes, and a text or elements."""

FILE_TIME = 133_500_000_000_000_000
NAMESPACE = {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}


# --- making logs ------------------------------------------------------------------------------


class Chunk:
    """A chunk of a log that is being written.

    Args:
        first: the number of its first record.
    """

    def __init__(self, first: int = 1) -> None:
        self.data = bytearray(512)
        self.starts: list[int] = []
        self.first = first
        self._names: dict[str, int] = {}

    def put(self, form: str, *values: Any) -> None:
        self.data += struct.pack(f"<{form}", *values)

    def name(self, text: str) -> None:
        """A name: its offset, and itself where it stands for the first time."""
        place = self._names.get(text)
        if place is None:
            self._names[text] = len(self.data) + 4
            self.put("IIHH", len(self.data) + 4, 0, 0, len(text))
            self.data += text.encode("utf-16-le") + b"\0\0"
        else:
            self.put("I", place)

    def text(self, text: str) -> None:
        self.put("BBH", 0x05, 0x01, len(text))
        self.data += text.encode("utf-16-le")

    def element(self, element: Element, *, in_template: bool = False) -> None:
        name, attributes, body = element
        self.put("B", 0x41 if attributes else 0x01)
        if in_template:
            self.put("H", 0xFFFF)
        self.put("I", 0)
        self.name(name)
        if attributes:
            at = len(self.data)
            self.put("I", 0)
            for left, (key, value) in zip(
                range(len(attributes) - 1, -1, -1), attributes.items(), strict=True
            ):
                self.put("B", 0x46 if left else 0x06)
                self.name(key)
                self.text(value)
            struct.pack_into("<I", self.data, at, len(self.data) - at - 4)
        self.put("B", 0x02)
        if isinstance(body, bytes):
            self.data += body
        elif isinstance(body, str):
            self.text(body)
        else:
            for child in body:
                self.element(child, in_template=in_template)
        self.put("B", 0x04)

    def begin(self) -> int:
        self.starts.append(len(self.data))
        self.put("4sIQQ", b"**\0\0", 0, self.first + len(self.starts) - 1, FILE_TIME)
        self.put("4B", 0x0F, 1, 1, 0)
        return self.starts[-1]

    def end(self) -> Chunk:
        start = self.starts[-1]
        self.put("B", 0)
        self.data += bytes(-(len(self.data) + 4 - start) % 8)
        size = len(self.data) + 4 - start
        self.put("I", size)
        struct.pack_into("<I", self.data, start + 4, size)
        return self

    def record(self, element: Element) -> Chunk:
        self.begin()
        self.element(element)
        return self.end()

    def bytes(self) -> bytes:
        last, free = self.first + len(self.starts) - 1, len(self.data)
        struct.pack_into(
            "<8sQQQQIII", self.data, 0, b"ElfChnk\0", self.first, last, self.first, last, 128,
            self.starts[-1] if self.starts else 512, free,
        )  # fmt: skip
        return sealed(bytes(self.data).ljust(CHUNK, b"\0"))


def sealed(chunk: bytes) -> bytes:
    """The chunk with the checksum of its header."""
    counted = zlib.crc32(chunk[128:512], zlib.crc32(chunk[:120]))
    return chunk[:124] + struct.pack("<I", counted) + chunk[128:]


def log(*chunks: Chunk | bytes) -> bytes:
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, 1, 128, 1, 3, HEADER, len(chunks))
    bodies = [chunk.bytes() if isinstance(chunk, Chunk) else chunk for chunk in chunks]
    return head.ljust(HEADER, b"\0") + b"".join(bodies)


def event(number: int, *data: Element, code: str = "1", channel: str = "Tower") -> Element:
    system = [
        ("Provider", {"Name": "Bells", "Guid": "{1}"}, ""),
        ("EventID", {}, code),
        ("TimeCreated", {"SystemTime": "2026-03-01T10:00:00.123456Z"}, ""),
        ("EventRecordID", {}, str(number)),
        ("Channel", {}, channel),
        ("Computer", {}, "web-1"),
    ]
    return ("Event", NAMESPACE, [("System", {}, system), ("EventData", {}, list(data))])


def ringing(number: int, bell: str = "Great Tom") -> Element:
    return event(number, ("Data", {"Name": "Bell"}, bell), ("Data", {"Name": "Tone"}, "A"))


def three(first: int = 1) -> Chunk:
    chunk = Chunk(first)
    for number in range(first, first + 3):
        chunk.record(ringing(700 + number))
    return chunk


THREE = log(three())


class Pipe(io.RawIOBase):
    """Bytes that come a few at a time and cannot be sought."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 1000))

    def seekable(self) -> bool:
        return False


def found(data: bytes) -> list[Record | Undecodable]:
    return list(decode(io.BytesIO(data), "tower.evtx"))


def places(data: bytes) -> list[str]:
    return [item.position for item in found(data)]


def problems(data: bytes) -> list[tuple[str, str]]:
    return [(i.position, i.reason) for i in found(data) if isinstance(i, Undecodable)]


def records(data: bytes) -> list[Record]:
    return [item for item in found(data) if isinstance(item, Record)]


# --- whole logs -------------------------------------------------------------------------------


def test_every_event_is_a_record_with_its_number() -> None:
    assert places(THREE) == ["record 701", "record 702", "record 703"]
    record = records(THREE)[0]
    assert record.document["Event"]["EventData"] == {"Bell": "Great Tom", "Tone": "A"}
    assert record.document["Event"]["System"]["Provider"]["#attributes"]["Name"] == "Bells"
    assert json.loads(record.raw) == record.document
    assert (record.id, record.shape) == (None, "")


def test_the_records_are_events_of_windows() -> None:
    shaped = in_ecs(records(THREE)[1])
    assert shaped is not None
    assert shaped.document["winlog"]["event_data"] == {"Bell": "Great Tom", "Tone": "A"}
    assert shaped.document["winlog"]["record_id"] == "702"
    assert shaped.document["@timestamp"] == "2026-03-01T10:00:00.123456Z"
    assert shaped.identity


def test_values_without_names_and_other_data_are_kept() -> None:
    chunk = Chunk()
    chunk.record(event(1, ("Data", {}, "a"), ("Data", {}, "b\x01\n"), ("Binary", {}, "00ff")))
    chunk.record(("Event", NAMESPACE, [
        ("System", {}, [("EventID", {}, "2"), ("Channel", {}, "Tower")]),
        ("UserData", {}, [("Rope", {"xmlns": "tower"}, [("Length", {}, "7")])]),
    ]))  # fmt: skip
    first, second = [in_ecs(record) for record in records(log(chunk))]
    assert first is not None
    assert second is not None
    assert first.document["winlog"]["event_data"]["Data"] == ["a", "b\x01\n"]
    assert first.document["winlog"]["event_data"]["param2"] == "b\x01\n"
    assert second.document["winlog"]["user_data"] == {"xml_name": "Rope", "Length": "7"}
    assert records(log(chunk))[1].position == "record 2"


def test_chunks_follow_one_another_and_unused_ones_are_passed_over() -> None:
    file = log(three(), bytes(CHUNK), three(4), bytes(CHUNK))
    assert places(file) == [f"record 70{n}" for n in range(1, 7)]


def test_a_log_without_events_has_none() -> None:
    assert found(log(Chunk())) == []
    assert found(log()) == []


def test_a_stream_need_not_be_seekable() -> None:
    piped = list(decode(Pipe(THREE), "tower.evtx"))  # type: ignore[arg-type]
    assert piped == found(THREE)


def test_the_bytes_of_a_record_are_the_same_each_time() -> None:
    assert [record.raw for record in records(THREE)] == [record.raw for record in records(THREE)]


def test_logs_are_recognised_by_their_first_bytes_and_their_ending() -> None:
    assert recognises(THREE[:HEADER])
    assert not recognises(b"<Event")
    assert not recognises(b"")
    by_bytes = recognise("tower.log", THREE[:HEADER])
    assert by_bytes is not None
    assert by_bytes is recognise("TOWER.EVTX", b"")


# --- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "the file is empty"),
        (b"<Event/>", "the file does not begin as an event log"),
        (THREE[:100], "the file ends inside its header"),
    ],
)
def test_a_file_that_is_no_log_is_undecodable(data: bytes, reason: str) -> None:
    assert problems(data) == [("start of file", reason)]


def test_a_damaged_header_of_the_file_costs_no_event() -> None:
    damaged = b"BellFile" + THREE[8:]
    assert problems(damaged) == [("start of file", "the file does not begin as an event log")]
    assert len(records(damaged)) == 3


def test_a_damaged_chunk_is_skipped_and_the_others_still_come() -> None:
    file = log(three(), b"\xff" * CHUNK, three(4))
    assert places(file) == [
        "record 701", "record 702", "record 703", "chunk 2", "record 704", "record 705",
        "record 706",
    ]  # fmt: skip
    assert problems(file) == [("chunk 2", "not a chunk of an event log")]


def test_a_damaged_header_of_a_chunk_costs_no_event() -> None:
    chunk = three().bytes()
    for damaged in (bytes(512) + chunk[512:], chunk[:8] + b"\xff" * 300 + chunk[308:]):
        assert len(records(log(damaged))) == 3
        assert problems(log(damaged)) == [("chunk 1, byte 0", "the chunk's header is damaged")]


def test_a_damaged_record_is_told_and_the_others_still_come() -> None:
    chunk = three()
    data = bytearray(chunk.bytes())
    data[chunk.starts[1] + 28] = 0xEE  # the first part of its XML
    assert places(log(bytes(data))) == ["record 701", "chunk 1, record 2", "record 703"]
    ((_, reason),) = problems(log(bytes(data)))
    assert reason == "its XML has an unknown part, 0xee"
    (told,) = [i for i in found(log(bytes(data))) if isinstance(i, Undecodable)]
    assert told.raw == bytes(data)[chunk.starts[1] : chunk.starts[2]]


def test_bytes_between_records_that_are_none_are_stepped_over() -> None:
    chunk = three()
    data = bytearray(chunk.bytes())
    start, after = chunk.starts[1], chunk.starts[2]
    data[start : start + 8] = b"\xff" * 8
    size = after - start
    assert problems(log(bytes(data))) == [
        (f"chunk 1, byte {start}", f"{size:,} bytes that are no record")
    ]
    assert places(log(bytes(data)))[0::2] == ["record 701", "record 703"]


def test_a_record_with_a_wrong_size_costs_itself_alone() -> None:
    chunk = three()
    for size in (0, 27, 1 << 20, 0xFFFFFFFF):
        data = bytearray(chunk.bytes())
        struct.pack_into("<I", data, chunk.starts[1] + 4, size)
        assert [record.position for record in records(log(bytes(data)))] == [
            "record 701",
            "record 703",
        ]


def test_damage_to_what_others_refer_to_is_told_for_each() -> None:
    chunk = three()
    data = bytearray(chunk.bytes())
    # The first record's names are those of all: one of them becomes much too long.
    place = bytes(data).index("EventData".encode("utf-16-le"))
    struct.pack_into("<H", data, place - 2, 0xFFFF)
    found_ = found(log(bytes(data)))
    assert len(found_) == 3
    assert all(isinstance(item, Undecodable) for item in found_)


def test_records_that_a_copied_log_had_not_counted_yet_are_found() -> None:
    chunk = three()
    data = bytearray(chunk.bytes())
    # As the header was before the last two were written.
    struct.pack_into("<QQQQ", data, 8, 1, 1, 1, 1)
    struct.pack_into("<II", data, 44, chunk.starts[0], chunk.starts[1])
    file = log(sealed(bytes(data)))
    assert places(file) == ["record 701", "record 702", "record 703"]


def test_what_an_earlier_use_of_a_chunk_left_is_no_record() -> None:
    chunk = three()
    data = bytearray(chunk.bytes())
    struct.pack_into("<QQQQ", data, 8, 1, 1, 1, 1)
    struct.pack_into("<II", data, 44, chunk.starts[0], chunk.starts[1])
    struct.pack_into("<Q", data, chunk.starts[1] + 8, 99)
    assert places(log(sealed(bytes(data)))) == ["record 701"]


def test_xml_that_is_no_event_is_told() -> None:
    chunk = Chunk().record(("Bell", {}, [("Tone", {}, "A")])).record(ringing(2))
    assert problems(log(chunk)) == [("chunk 1, record 1", "its XML is no event")]
    assert len(records(log(chunk))) == 1


@pytest.mark.parametrize("size", [HEADER, HEADER + 4, HEADER + 600, HEADER + 30_000])
def test_a_truncated_log_gives_the_events_before_its_end(size: int) -> None:
    whole = three()
    for number in range(4, 120):
        whole.record(ringing(700 + number))
    file = log(whole)
    cut = found(file[:size])
    known = [record.raw for record in records(file)]
    assert [item.raw for item in cut if isinstance(item, Record)] == known[
        : sum(HEADER + start < size for start in whole.starts[1:])
    ]
    if size > HEADER:
        assert isinstance(cut[0], Undecodable)
        inside = f"after {size - HEADER:,} of 65,536 bytes"
        assert cut[0].reason == f"the file ends inside the chunk, {inside}"


# --- harm -------------------------------------------------------------------------------------


def template(chunk: Chunk, number: int, places_: int, kind: int) -> int:
    """A template that has one value in many places; its instance goes on with the values."""
    chunk.put("BBII", 0x0C, 1, number, len(chunk.data) + 10)
    at = len(chunk.data)
    chunk.put("I16sI", 0, struct.pack("<I", number), 0)
    chunk.put("4B", 0x0F, 1, 1, 0)
    chunk.element(("Event", {}, struct.pack("<BHB", 0x0D, 0, kind) * places_), in_template=True)
    chunk.put("B", 0)
    struct.pack_into("<I", chunk.data, at + 20, len(chunk.data) - at - 24)
    return at


def nested(place: int, number: int, depth: int) -> bytes:
    """A value that is the template with a value that is the template …"""
    head = struct.pack("<4BBBII", 0x0F, 1, 1, 0, 0x0C, 1, number, place)
    if depth == 0:
        text = "bell".encode("utf-16-le")
        return head + struct.pack("<IHBB", 1, len(text), 0x01, 0) + text + b"\0"
    inner = nested(place, number, depth - 1)
    return head + struct.pack("<IHBB", 1, len(inner), 0x21, 0) + inner + b"\0"


def test_a_value_in_very_many_places_is_refused() -> None:
    chunk = Chunk()
    chunk.begin()
    template(chunk, 7, 5_000, 0x01)
    text = ("ding" * 3_000).encode("utf-16-le")
    chunk.put("IHBB", 1, len(text), 0x01, 0)
    chunk.data += text
    chunk.end().record(ringing(2))
    ((place, reason),) = problems(log(chunk))
    assert place == "chunk 1, record 1"
    assert reason.startswith("its XML would take up to ")
    assert [record.position for record in records(log(chunk))] == ["record 2"]


@pytest.mark.parametrize("depth", [14, 15, 200])
def test_templates_that_double_one_another_are_refused(depth: int) -> None:
    chunk = Chunk()
    chunk.begin()
    place = template(chunk, 7, 2, 0x21)
    value = nested(place, 7, depth)
    chunk.put("IHBB", 1, len(value), 0x21, 0)
    chunk.data += value
    chunk.end().record(ringing(2))
    ((told, reason),) = problems(log(chunk))
    assert told == "chunk 1, record 1"
    assert "its XML" in reason
    assert [record.position for record in records(log(chunk))] == ["record 2"]


def test_a_template_that_is_not_out_of_proportion_is_read() -> None:
    chunk = Chunk()
    chunk.begin()
    place = template(chunk, 7, 1, 0x21)
    value = nested(place, 7, 3)
    chunk.put("IHBB", 1, len(value), 0x21, 0)
    chunk.data += value
    chunk.end()
    # It is XML, though no event.
    assert problems(log(chunk)) == [("chunk 1, record 1", "its XML is no event")]


def test_elements_nested_without_end_are_refused() -> None:
    chunk = Chunk()
    chunk.begin()
    for _ in range(2_000):
        chunk.put("BI", 0x01, 0)
        chunk.name("a")
        chunk.put("B", 0x02)
    chunk.put("2000s", b"\x04" * 2_000)
    chunk.end().record(ringing(2))
    ((told, _),) = problems(log(chunk))
    assert told == "chunk 1, record 1"


USED = three().data.__len__()


@settings(max_examples=150)
@given(st.data())
def test_no_damage_whatsoever_raises(data: st.DataObject) -> None:
    damaged = bytearray(THREE)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, HEADER + USED))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, HEADER + USED))
    for item in found(bytes(damaged[:cut])):
        assert isinstance(item, Record | Undecodable)


@given(st.binary(max_size=300))
def test_any_bytes_are_borne(data: bytes) -> None:
    for prefix in (b"", THREE[:HEADER], THREE[: HEADER + 512]):
        for item in found(prefix + data):
            assert isinstance(item, Record | Undecodable)


# --- real logs --------------------------------------------------------------------------------


def cases(shared: Path) -> list[Path]:
    return sorted((shared / "corpora" / "sigma-regression").rglob("*.evtx"))


def said(document: Any) -> Any:
    """A document without the blanks at the ends of texts, which some tools cut off."""
    if isinstance(document, dict):
        return {key: said(value) for key, value in document.items()}
    if isinstance(document, list):
        return [said(value) for value in document]
    return document.rstrip() if isinstance(document, str) else document


def test_real_logs_say_the_same_as_their_json(shared: Path) -> None:
    count = 0
    for file in cases(shared):
        text = file.with_suffix(".json").read_text(encoding="utf-8-sig")
        decoder, at, expected = json.JSONDecoder(), 0, []
        while at < len(text.rstrip()):
            document, at = decoder.raw_decode(text, at)
            at = len(text) - len(text[at:].lstrip())
            expected.append(in_ecs(Record(document, "")))
        items = found(file.read_bytes())
        assert [type(item) for item in items] == [Record] * len(expected), file
        shaped = [in_ecs(item) for item in items if isinstance(item, Record)]
        for one, other in zip(shaped, expected, strict=True):
            assert one is not None
            assert other is not None
            assert said(one.document) == said(other.document), file
        count += len(items)
    assert count == 175


def test_real_logs_lose_no_more_than_what_is_damaged(shared: Path) -> None:
    largest = max(cases(shared), key=lambda file: len(records(file.read_bytes())))
    data = largest.read_bytes()
    whole = [record.raw for record in records(data)]
    assert len(whole) == 7
    starts = [at for at in range(HEADER, len(data)) if data[at : at + 4] == b"**\0\0"]
    for number, start in enumerate(starts[1:], 1):
        damaged = data[:start] + b"\xff" * 24 + data[start + 24 :]
        left = [record.raw for record in records(damaged)]
        assert left == whole[:number] + whole[number + 1 :]
        assert len(problems(damaged)) == 1


def test_real_logs_put_together_are_one(shared: Path) -> None:
    files = [file.read_bytes() for file in cases(shared)[:20]]
    chunks = [data[HEADER : HEADER + CHUNK] for data in files]
    whole = [record.raw for data in files for record in records(data)]
    assert [record.raw for record in records(log(*chunks))] == whole
    broken = log(*chunks[:10], b"\x01" * CHUNK, *chunks[10:])
    assert [record.raw for record in records(broken)] == whole
    assert [place for place, _ in problems(broken)] == ["chunk 11"]
