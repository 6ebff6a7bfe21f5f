from __future__ import annotations

import json

import msgspec
import pytest

from tocsin.events import narrow as module
from tocsin.events.fields import values_of
from tocsin.events.narrow import Narrow

FIELDS = ("@timestamp", "event.category", "event.type", "host.os.type", "_index")
NESTED = (
    b'{"@timestamp":"2026-01-01T00:00:00Z","_index":"logs-1","host":{"name":"web-1","os":{"type":'
    b'"linux","name":"Debian"}},"event":{"category":["process"],"type":["start","info"]}}'
)
FLAT = (
    b'{"@timestamp":"2026-01-01T00:00:00Z","_index":"logs-1","host.name":"web-1","host.os.type":'
    b'"linux","host.os.name":"Debian","event.category":["process"],"event.type":["start","info"]}'
)
READ = ("2026-01-01T00:00:00Z", ("process",), ("start", "info"), "linux", "logs-1")


def read(line: str | bytes, *fields: str) -> tuple[object, ...] | None:
    return Narrow(fields or ("a.b", "c")).read(line.encode() if isinstance(line, str) else line)


@pytest.mark.parametrize("line", [NESTED, FLAT])
def test_fields_are_read_whether_names_are_nested_or_full(line: bytes) -> None:
    assert Narrow(FIELDS).read(line) == READ


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"host": {"os.type": "linux"}}', "linux"),
        ('{"host.os": {"type": "linux"}}', "linux"),
        ('{"host": [{"os": {"type": "linux"}}, {"os": [{"type": "macos"}]}]}', ("linux", "macos")),
        ('{"host": {"os": {"type": [["linux"], null, "macos"]}}}', ("linux", "macos")),
        ('{"host": {"os": {"type": []}}}', None),
        ('{"host": {"os": {"type": {"name": "linux"}}}}', None),
        ('{"host": {"os": {"type": null}}}', None),
        ('{"host": {"os": null}}', None),
        ('{"host": "web-1"}', None),
        ('{"host": null, "host.os.type": "linux"}', "linux"),
        ('{"host": {"name": "web-1"}, "host.os.type": "linux"}', "linux"),
        ('{"host.os.type": null, "host": {"os": {"type": "linux"}}}', "linux"),
        ("{}", None),
        ('{"host": {"os": {"type": 0}}}', 0),
        ('{"host": {"os": {"type": false}}}', False),
        ('{"host": {"os": {"type": ""}}}', ""),
    ],
)
def test_other_arrangements_are_read_as_well(line: str, expected: object) -> None:
    assert read(line, "host.os.type", "event.kind") == (expected, None)


def test_the_values_of_two_spellings_come_in_the_order_of_the_document() -> None:
    assert read('{"a": {"b": 1}, "a.b": 2}') == ((1, 2), None)
    assert read('{"a.b": 2, "a": {"b": 1}}') == ((2, 1), None)
    assert read('{"a": {"b": 1, "x": {}}, "a.b": []}') == (1, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("1.0", 1.0),
        ("true", True),
        ("-0", 0),
        ("-0.0", -0.0),
        ("1e2", 100.0),
        ("18446744073709551616", 18446744073709551616),
        ("-9223372036854775809", -9223372036854775809),
        ("1" * 400, int("1" * 400)),
        ('"1"', "1"),
        ('"\\u00e9\\ud83d\\ude00"', "é😀"),
    ],
)
def test_values_keep_their_type(text: str, expected: object) -> None:
    for line in (f'{{"a":{{"b":{text}}}}}', f'{{"a.b":{text}}}', f'{{"a":[{{"b":{text}}}]}}'):
        found = read(line)
        assert found is not None
        assert repr(found) == repr((expected, None))
    found = read(f'{{"a":{{"b":["x",{text}]}}}}')
    assert repr(found) == repr((("x", expected), None))


def test_of_keys_that_stand_twice_the_last_counts() -> None:
    assert read('{"a": {"b": 1}, "a": {"b": 2}}') == (2, None)
    assert read('{"a": {"b": 1}, "a": {}}') == (None, None)
    assert read('{"a": {"b": 1, "b": null}}') == (None, None)
    assert read('{"a": null, "a": {"b": 1}}') == (1, None)
    assert read('{"a": {"b": 1}, "a": null}') == (None, None)
    assert read('{"c": {"x": 1}, "c": "y"}') == (None, "y")


def test_keys_may_be_spelled_with_escapes() -> None:
    assert read('{"\\u0061": {"\\u0062": 1}, "\\u0063": 2}') == (1, 2)
    assert read('{"a\\u002eb": 1}') == (1, None)


def test_names_of_any_letters_are_read() -> None:
    fields = ("größe.é", "größe.日本", "名", "a b.c/d", "", ".", "x.", "y..z")
    line = json.dumps(
        {
            "größe": {"é": 1, "日本": 2},
            "名": 3,
            "a b": {"c/d": 4},
            "": {"": 6},
            "x": {"": 7},
            "y": {"": {"z": 8}},
        }
    )
    for text in (line, line.encode().decode("unicode_escape")):
        assert read(text, *fields) == (1, 2, 3, 4, None, 6, 7, 8)


@pytest.mark.parametrize("fields", [(), ("a.b",), ("a.b", "a.b", "c"), ("a", "a.b"), ("a.b", "a")])
def test_any_number_of_fields_is_read_and_one_may_stand_in_another(fields: tuple[str, ...]) -> None:
    for line in ('{"a": {"b": 1}, "c": 2}', '{"a": 3, "c": 2}', '{"a.b": 1, "a": 3, "c": 2}'):
        document = json.loads(line)
        expected = tuple(next(iter(values_of(document, field)), None) for field in fields)
        assert read(line, *fields) == expected if fields else Narrow(()).read(line.encode()) == ()


@pytest.mark.parametrize(
    ("field", "line", "expected"),
    [
        ("a.*", '{"a": {"b": 1, "c": {"d": 2}}, "e": 3}', (1, 2)),
        ('a"b', '{"a\\"b": 1}', 1),
        ("a\\b", '{"a\\\\b": 1}', 1),
        ("a\nb.c", '{"a\\nb": {"c": 1}}', 1),
        ("\ud800", '{"a": 1}', None),
        (".".join("a" * 200), '{"a":' * 200 + "1" + "}" * 200, 1),
    ],
)
def test_odd_names_are_read_by_a_full_decode(field: str, line: str, expected: object) -> None:
    assert read(line, field, "x") == (expected, None)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"{",
        b'{"a": {"b": 1}',
        b'{"a": {"b": 1}} {}',
        b'{"a": {"b": 1},}',
        b'{"a": {"b": 1} "c": 2}',
        b'{"a": {"b": NaN}}',
        b'{"a": {"b": 1e999}}',
        b'{"a": {"b": "\xff"}}',
        b'{"a": {"b": "\\ud800"}}',
        b'{"a": {"b": ' + b"1" * 4_301 + b"}}",
        b'{"x": NaN}',
        b'{"x": Infinity}',
        b'{"x": 01}',
        b'{"x": 1.}',
        b'{"x": -}',
        b'{"x": truE}',
        b'{"x": "\\x"}',
        b'{"x": "\\ud800"}',
        b'{"x": "\\ud800\\u0041"}',
        b'{"\\udc00": 1}',
        b'{"x": "a\nb"}',
        b'{"x": [1,]}',
        b'{"x": [1 2]}',
        b'{"x": {"y"}}',
        b'{"x": {1: 2}}',
        b"{x: 1}",
        b'{"x": ' + b"[" * 100_000,
        b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"\xef\xbb\xbf{}",
        b"[]",
        b'[{"a": {"b": 1}}]',
        b'"a"',
        b"1",
        b"null",
    ],
)
def test_what_is_no_object_of_json_is_left_to_a_full_decode(line: bytes) -> None:
    assert read(line) is None
    assert read(line, "a.b", "a") is None
    assert read(line, "a.*") is None


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": {"b": 1}, "x": "\xff"}',
        b'{"a": {"b": 1, "x": "\xed\xa0\x80"}}',
        b'{"a": {"b": 1}, "\xff": 1}',
        b'{"a": {"b": 1}, "x": [1e999]}',
        b'{"a": {"b": 1}, "x": ' + b"1" * 4_301 + b"}",
    ],
)
def test_these_lines_are_read_though_a_full_decode_refuses_them(line: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        msgspec.json.decode(line)
    assert read(line) == (1, None)


def test_many_lines_are_read_as_one_is_and_in_their_order() -> None:
    lines = [NESTED, b"{", FLAT, b'{"host": null}', b"[]", NESTED, b'{"_index": "\xff"}', FLAT, b""]
    alone = [Narrow(FIELDS).read(line) for line in lines]
    nothing = (None,) * len(FIELDS)
    assert alone == [READ, None, READ, nothing, None, READ, None, READ, None]
    narrow = Narrow(FIELDS)
    assert narrow.read_all(lines) == alone
    assert narrow.read_all(lines * 3) == alone * 3
    assert narrow.read_all([]) == []


def test_what_is_read_can_be_a_key() -> None:
    narrow = Narrow(FIELDS)
    lines = (NESTED, FLAT, b'{"event": [{"category": [["a"], "b"]}]}', b'{"event": {"type": [1]}}')
    assert len({narrow.read(line) for line in lines}) == 3


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is decoded as a whole."""

    def fail(self: object, line: bytes) -> None:
        pytest.fail(f"decoded as a whole: {line!r}")

    monkeypatch.setattr(module._Whole, "read", fail)


@pytest.mark.usefixtures("tight")
def test_lines_arranged_alike_are_not_decoded_as_a_whole() -> None:
    lines = [NESTED, FLAT, b'{"event":{"type":[1,true,2.5]}}', b'{"x":{"event":1}}', b"{}", b"{"]
    found = Narrow(FIELDS).read_all(lines * 100)
    nothing = (None,) * 5
    numbers = (None, None, (1, True, 2.5), None, None)
    assert (
        list(map(repr, found))
        == list(map(repr, [READ, READ, numbers, nothing, nothing, None])) * 100
    )


@pytest.mark.usefixtures("tight")
def test_texts_that_come_late_are_read_like_those_that_were_learned() -> None:
    narrow = Narrow(("event.kind", "event.type"))

    def line(number: int, text: object) -> bytes:
        event = {"kind": "event" if number % 7 else "alert", "type": ["info", text]}
        return json.dumps({"event": event, "number": number}).encode()

    texts = ["start"] * 600 + ["é", "", "a\0b", '"', 1, 1.0, True, "x" * 200] * 20
    texts += [f"name {number}" for number in range(200)] + ["start"] * 300
    lines = [line(*pair) for pair in enumerate(texts)]
    expected = [
        ("event" if number % 7 else "alert", ("info", text)) for number, text in enumerate(texts)
    ]
    for size in (1, 50, len(lines)):
        found: list[object] = []
        for start in range(0, len(lines), size):
            found += narrow.read_all(lines[start : start + size])
        assert list(map(repr, found)) == list(map(repr, expected))


def test_texts_that_were_learned_are_shared_and_others_take_no_memory() -> None:
    narrow = Narrow(("event.kind", "event.id"))
    lines = [b'{"event":{"kind":"event","id":"%d"}}' % number for number in range(3_000)]
    for line in lines:
        narrow.read(line)
    one, other = narrow.read_all(lines[:2])
    assert one is not None
    assert other is not None
    assert one[0] is other[0]
    assert one[1] != other[1]
    assert [len(texts or ()) for texts in narrow._tight[0]._texts] == [1, 0]
