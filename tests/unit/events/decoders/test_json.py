from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tocsin.events.decoders.json import DEEPEST, LONGEST, decode
from tocsin.events.record import Record, Undecodable


def decoded(data: bytes) -> list[Record | Undecodable]:
    return list(decode(io.BytesIO(data), "test"))


def documents(data: bytes) -> list[object]:
    return [found.document for found in decoded(data) if isinstance(found, Record)]


def reasons(data: bytes) -> list[tuple[str, str]]:
    return [(f.position, f.reason) for f in decoded(data) if isinstance(f, Undecodable)]


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1}\n{"a":2}\n',
        b'\n\n{"a":1}\r\n\r\n{"a":2}',
        b'[{"a":1},{"a":2}]',
        b'[\n  {"a": 1},\n  {"a": 2}\n]\n',
        b'{\n "a": 1\n}\n{\n "a": 2\n}\n',
        b'{"a":1}{"a":2}',
        b'{"a":1} {"a":2}',
        b'{\n "a": 1\n}{\n "a": 2\n}',
        b'\xef\xbb\xbf{"a":1}\n{"a":2}\n',
    ],
    ids=["lines", "blank lines", "array", "tall array", "tall objects", "no gap", "blank between",
         "tall without gap", "byte order mark"],
)  # fmt: skip
def test_every_arrangement_gives_the_same_events(data: bytes) -> None:
    assert documents(data) == [{"a": 1}, {"a": 2}]
    assert reasons(data) == []


def test_one_object_over_many_lines_is_one_event() -> None:
    assert documents(b'{\n  "a": {"b": [1, 2]},\n  "c": "} {"\n}\n') == [
        {"a": {"b": [1, 2]}, "c": "} {"}
    ]


def test_the_position_of_a_line_counts_blank_ones() -> None:
    assert [f.position for f in decoded(b'{"a":1}\n\n{"a":2}\n')] == ["line 1", "line 3"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": 1', "not JSON"),
        (b"hello", "not JSON"),
        (b'{"a": "\xff"}', "not"),
        (b"[1, 2]", "not an object"),
        (b"17", "not an object"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), "nested deeper"),
        (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested deeper"),
        (b'{"a":"' + b"x" * LONGEST + b'"}', "longer than 16 MiB"),
    ],
    ids=["cut", "text", "bad UTF-8", "array", "number", "NaN", "deep", "very deep", "long"],
)
def test_a_bad_line_costs_that_line_and_is_named(line: bytes, reason: str) -> None:
    data = b'{"a":1}\n' + line + b'\n{"a":2}\n'
    assert documents(data) == [{"a": 1}, {"a": 2}]
    [(position, found)] = reasons(data)
    assert position == "line 2"
    assert found.startswith(reason)


def test_a_bad_first_line_does_not_hide_that_the_rest_are_lines() -> None:
    data = b'{"a": 1, "b"\n{"a":2}\n{"a":3}\n'
    assert documents(data) == [{"a": 2}, {"a": 3}]
    assert [position for position, _ in reasons(data)] == ["line 1"]


def test_a_broken_element_of_an_array_costs_that_element() -> None:
    assert documents(b'[{"a":1}, {"a":}, 7, {"a":2}]') == [{"a": 1}, {"a": 2}]


def test_an_array_that_ends_early_keeps_what_came_before() -> None:
    data = b'[\n{"a":1},\n{"a":2'
    assert documents(data) == [{"a": 1}]
    assert reasons(data) == [("object 2", "the file ends inside an object")]


def test_a_long_line_does_not_stay_in_memory_as_a_reason() -> None:
    [found] = [
        f for f in decoded(b'{"a":1}\n"' + b"x" * (50 << 20) + b'"\n') if isinstance(f, Undecodable)
    ]
    assert len(found.raw) == 64 << 10


def test_an_array_on_one_line_may_be_longer_than_any_event() -> None:
    one = b'{"a": "%s"}' % (b" x" * 500)
    for glue, begin, end in ((b",", b"[", b"]"), (b"", b"", b""), (b" ", b"", b"\n")):
        data = begin + glue.join([one] * 20_000) + end
        assert len(data) > LONGEST
        found = decoded(data)
        assert [type(f) for f in found] == [Record] * 20_000


def test_of_an_object_that_is_too_long_nothing_inside_is_taken_for_an_event() -> None:
    inside = (b'{"a":"}{%s"},' % (b"x" * 1_000)) * (2 * LONGEST // 1_000)
    data = b'[{"a":1},{"long":[' + inside + b'{}]},{"a":2}]'
    assert documents(data) == [{"a": 1}, {"a": 2}]
    assert reasons(data) == [("object 2", "longer than 16 MiB")]
    cut = data[: len(data) // 2]
    assert reasons(cut) == [("object 2", "longer than 16 MiB")]


def test_many_small_objects_take_time_in_proportion_to_their_bytes() -> None:
    for data in (b"[" + b"{}," * 300_000 + b"{}]", b"{}" * 300_000):
        assert sum(isinstance(f, Record) for f in decode(io.BytesIO(data), "test")) >= 300_000


def test_a_search_hit_is_its_source_with_its_identity() -> None:
    [record] = decoded(b'{"_index": "logs-x", "_id": "7", "_source": {"a": 1}}\n')
    assert isinstance(record, Record)
    assert (record.document, record.id) == ({"a": 1, "_index": "logs-x"}, "7")


def test_an_empty_identity_of_a_search_hit_is_none() -> None:
    [record] = decoded(b'{"_id": "", "_source": {"a": 1}}\n')
    assert isinstance(record, Record)
    assert record.id is None


def test_a_search_answer_is_all_of_its_hits() -> None:
    answer = {"_shards": {}, "hits": {"hits": [{"_id": "1", "_source": {"a": 1}}, {"_id": "2"}]}}
    data = json.dumps(answer, indent=1).encode()
    assert documents(data) == [{"a": 1}]
    assert reasons(data) == [("object 1, hit 2", "a search hit without _source")]


def test_utf_16_is_named() -> None:
    assert "UTF-16" in reasons('{"a":1}'.encode("utf-16"))[0][1]


def test_nothing_at_all_is_no_event() -> None:
    assert decoded(b"") == decoded(b"\n \n") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text('ab{}[]"\\,', max_size=4), JSON, max_size=3), max_size=5)


@given(OBJECTS, st.sampled_from(["lines", "array", "tall", "glued", "tall array"]))
def test_what_was_written_is_read(objects: list[dict[str, object]], how: str) -> None:
    dumps = {
        "lines": lambda o: "\n".join(json.dumps(x, ensure_ascii=False) for x in o),
        "array": json.dumps,
        "tall": lambda o: "\n".join(json.dumps(x, indent=2) for x in o),
        "glued": lambda o: "".join(json.dumps(x) for x in o),
        "tall array": lambda o: json.dumps(o, indent=1),
    }[how]
    # A first line that is a whole object says "lines"; tall objects have to begin tall.
    assume(how != "tall" or not objects or objects[0])
    assert documents(dumps(objects).encode()) == objects


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    decoded(data)
    decoded(b'{"a":1}\n' + data)
    decoded(b"[" + data)


@pytest.mark.parametrize(
    "wrapper",
    [
        {"Records": [{"a": 1}, {"a": 2}]},
        {"records": [{"a": 1}, {"a": 2}]},
        {"@odata.context": "x", "value": [{"a": 1}, {"a": 2}]},
        {"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": [{"a": 1}, {"a": 2}]},
        {"receivedMessages": [{"a": 1}, {"a": 2}]},
    ],
)
def test_a_page_of_records_is_what_it_holds(wrapper: dict[str, Any]) -> None:
    found = list(decode(io.BytesIO(json.dumps(wrapper).encode()), "page.json"))
    assert [record.document for record in found if isinstance(record, Record)] == [
        {"a": 1}, {"a": 2},
    ]  # fmt: skip
    assert found[1].position.endswith("record 2")


@pytest.mark.parametrize("event", [{"value": [{"a": 1}]}, {"Records": [{}], "host": "web-1"}])
def test_an_event_that_has_a_list_is_an_event(event: dict[str, Any]) -> None:
    (found,) = decode(io.BytesIO(json.dumps(event).encode()), "event.json")
    assert isinstance(found, Record)
    assert found.document == event


def test_a_record_that_is_no_object_costs_itself() -> None:
    first, second = decode(io.BytesIO(b'{"Records": [3, {"a": 1}]}'), "page.json")
    assert isinstance(first, Undecodable)
    assert isinstance(second, Record)


def test_the_actions_of_a_bulk_request_name_the_events_behind_them() -> None:
    lines = (
        b'{"index":{"_index":"bells","_id":"b1"}}\n{"a":1}\n{"create":{}}\n{"a":2}\n{"index":5}\n'
    )
    found = list(decode(io.BytesIO(lines), "bulk.ndjson"))
    assert [(r.document, r.id) for r in found if isinstance(r, Record)] == [
        ({"a": 1}, "b1"), ({"a": 2}, None), ({"index": 5}, None),
    ]  # fmt: skip


def test_the_rows_of_an_osquery_result_are_results_of_their_own() -> None:
    about = {"name": "bells", "hostIdentifier": "web-1"}
    snapshot = {**about, "action": "snapshot", "snapshot": [{"pid": "1"}, {"pid": "2"}]}
    changes = {**about, "diffResults": {"added": [{"pid": "3"}], "removed": []}}
    assert documents(json.dumps(snapshot).encode()) == [
        {**about, "action": "snapshot", "columns": {"pid": pid}} for pid in "12"
    ]
    assert documents(json.dumps(changes).encode()) == [
        {**about, "action": "added", "columns": {"pid": "3"}}
    ]
