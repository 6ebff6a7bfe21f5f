"""Zeek's own tables."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.events.sensors import rung, seeds

from tocsin.events.decoders import recognise, zeek_tsv
from tocsin.events.decoders.zeek_tsv import LONGEST, decode, recognises
from tocsin.events.record import Record, Undecodable
from tocsin.events.shapes import in_ecs

HEADER = """\
#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\thttp
#open\t2026-11-14-12-00-00
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tmethod\turi\treferrer\ttags\tis_bell\
\tratio\tpeals\tTTLs
#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tstring\tset[enum]\tbool\
\tdouble\tvector[string]\tvector[interval]
"""
ROW = (
    "1794657600.123456\tCBell1\t10.1.2.3\t40000\t169.254.169.254\t80\tGET\t/a\\x09b\t-\t(empty)"
    "\tT\t0.5\ta,b\\x2cc,-\t60.000000,0.500000"
)
AS_JSON: dict[str, Any] = {
    "_path": "http", "ts": 1794657600.123456, "uid": "CBell1", "id.orig_h": "10.1.2.3",
    "id.orig_p": 40000, "id.resp_h": "169.254.169.254", "id.resp_p": 80, "method": "GET",
    "uri": "/a\tb", "tags": [], "is_bell": True, "ratio": 0.5, "peals": ["a", "b,c"],
    "TTLs": [60.0, 0.5],
}  # fmt: skip
CLOSE = "#close\t2026-11-14-13-00-00\n"


def found(text: str | bytes) -> list[Record | Undecodable]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(decode(io.BytesIO(data), "http.log"))


def test_an_entry_is_what_the_json_writer_makes_of_it():
    (record,) = found(f"{HEADER}{ROW}\n{CLOSE}")
    assert isinstance(record, Record)
    assert record.document == AS_JSON
    assert (record.position, record.shape, record.raw) == ("line 9", "zeek", ROW.encode())
    made = in_ecs(record)
    read = in_ecs(Record(AS_JSON, "line 1"))
    assert made is not None
    assert read is not None
    assert made.document == read.document
    assert made.document["event"]["dataset"] == "zeek.http"


def test_a_table_is_recognised_by_its_first_line_and_its_ending():
    assert recognises(HEADER.encode())
    assert recognises(b"\xef\xbb\xbf#separator ,\n")
    assert recognises(b"#fields\tts\tuid\n")
    assert not recognises(b'{"ts": 1}')
    assert not recognises(b"# a comment\n")
    assert recognise("x.txt", HEADER.encode()) is zeek_tsv
    assert "conn.log".endswith(zeek_tsv.SUFFIXES)


def test_json_in_a_log_file_is_read_as_json():
    decoder = recognise("http.log", b'{"ts": 1.5, "id.orig_h": "10.1.2.3"}\n')
    assert decoder is not None
    assert decoder is not zeek_tsv


def test_tables_follow_one_another_with_headers_of_their_own():
    second = "#separator \\x2c\n#path,dns\n#fields,ts,query\n#types,time,string\n1.5,web-1\n"
    one, two = found(f"{HEADER}{ROW}\n{CLOSE}{second}")
    assert isinstance(one, Record)
    assert isinstance(two, Record)
    assert one.document["_path"] == "http"
    assert two.document == {"_path": "dns", "ts": 1.5, "query": "web-1"}


def test_a_row_that_does_not_fit_costs_that_row_alone():
    bad, good = found(f"{HEADER}1.5\tCBell1\n{ROW}\n")
    assert isinstance(bad, Undecodable)
    assert (bad.position, bad.reason) == ("line 9", "2 fields where its header names 14")
    assert bad.raw == b"1.5\tCBell1"
    assert isinstance(good, Record)
    assert good.position == "line 10"


def test_rows_without_a_header_are_told_of_once():
    first, *rest = found(f"one\ntwo\nthree\n{HEADER}{ROW}\n")
    assert isinstance(first, Undecodable)
    assert (first.position, first.reason) == (
        "line 1",
        "no #fields line before it: no table of Zeek's",
    )
    assert [type(one) for one in rest] == [Record]


def test_values_of_another_type_stay_texts():
    row = ROW.replace("\t40000\t", "\tmany\t").replace("\tT\t", "\tperhaps\t")
    (record,) = found(f"{HEADER}{row}\n")
    assert isinstance(record, Record)
    assert (record.document["id.orig_p"], record.document["is_bell"]) == ("many", "perhaps")
    assert in_ecs(record) is not None


def test_a_port_may_name_its_protocol_and_a_number_may_be_none():
    row = ROW.replace("\t40000\t", "\t40000/tcp\t").replace("\t0.5\t", "\tnan\t")
    (record,) = found(f"{HEADER}{row}\n")
    assert isinstance(record, Record)
    assert record.document["id.orig_p"] == 40000
    assert "ratio" not in record.document


def test_without_types_everything_is_text_and_is_understood_all_the_same():
    bare = "".join(line for line in HEADER.splitlines(True) if not line.startswith("#types"))
    (record,) = found(f"{bare}{ROW}\n")
    assert isinstance(record, Record)
    assert record.document["id.orig_p"] == "40000"
    made = in_ecs(record)
    assert made is not None
    assert made.document["@timestamp"] == "2026-11-14T12:00:00.123456Z"
    assert made.document["source"]["port"] == 40000


@pytest.mark.parametrize(
    "text, expected",
    [
        (r"TOWER\x5cbell", "TOWER\\bell"), (r"\xc3\xa4", "ä"), ("ä", "ä"), (r"\xff!", "\\xff!"),
        (r"\x2d", "-"), (r"\x28empty)", "(empty)"), (r"\xzz", "\\xzz"), ("(empty)", ""),
    ],
)  # fmt: skip
def test_escapes_are_taken_off(text, expected):
    (record,) = found(HEADER + ROW.replace("/a\\x09b", text) + "\n")
    assert isinstance(record, Record)
    assert record.document["uri"] == expected


def test_windows_line_ends_and_bad_bytes_do_no_harm():
    data = f"{HEADER}{ROW}\n".replace("\n", "\r\n").encode().replace(b"CBell1", b"CBell\xff")
    (record,) = found(data)
    assert isinstance(record, Record)
    assert record.document["uid"] == "CBell\\xff"
    assert record.document["TTLs"] == [60.0, 0.5]


def test_a_line_without_an_end_costs_its_beginning_and_the_next_is_read():
    long = b"x" * (LONGEST + 10)
    one, two = found(HEADER.encode() + long + b"\n" + ROW.encode())
    assert isinstance(one, Undecodable)
    assert one.reason == "longer than 16 MiB"
    assert len(one.raw) == 64 << 10
    assert isinstance(two, Record)
    assert two.position == "line 10"


def test_entries_come_while_the_stream_is_still_open():
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.left = HEADER.encode() + ROW.encode() + b"\n"

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            assert self.left, "it read on before it gave what it had"
            buffer[:1], self.left = self.left[:1], self.left[1:]
            return 1

    entries = decode(io.BufferedReader(Endless(), 1), "http.log")
    assert isinstance(next(entries), Record)


LINES = st.lists(
    st.sampled_from(
        [*HEADER.splitlines(), ROW, CLOSE, "", "#fields", "#types\tset[x]", "#separator", "\t\t",
         "#separator \\x", "#unset_field", "#path\t-", "#set_separator\t"]
    )
    | st.text(max_size=30),
    max_size=12,
)  # fmt: skip


@settings(max_examples=200)
@given(LINES, st.binary(max_size=20))
def test_no_table_makes_it_fail(lines, tail):
    for record in found("\n".join(lines).encode("utf-8", "surrogatepass") + tail):
        if isinstance(record, Record):
            json.dumps(record.document)
            assert in_ecs(record) is not None


def test_the_published_rule_rings_for_the_sample_as_a_table(shared: Path):
    sample = json.loads(
        (shared / "data" / "sensor-samples" / "zeek_http.json").read_text(encoding="utf-8")
    )
    kinds = {int: "count", float: "time", str: "string", list: "set[string]"}
    names = random.Random(7).sample(sorted(sample), len(sample))
    header = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-",
              "#path\thttp", "\t".join(["#fields", *names]),
              "\t".join(["#types", *(kinds[type(sample[name])] for name in names)])]  # fmt: skip
    cells = [sample[name] for name in names]
    row = "\t".join(
        (",".join(cell) or "(empty)") if isinstance(cell, list) else str(cell) for cell in cells
    )
    records = [r for r in found("\n".join([*header, row])) if isinstance(r, Record)]
    assert [record.document for record in records] == [{"_path": "http", **sample}]
    assert rung(seeds(shared), records) == [
        ("line 8", "Cloud Instance Metadata Credential Path HTTP Request")
    ]
