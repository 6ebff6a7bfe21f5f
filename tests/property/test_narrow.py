"""What is read of a line without decoding the rest of it is what a full decode says."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.events import narrow as module
from tocsin.events.fields import values_of
from tocsin.events.narrow import Narrow

SEGMENTS = st.sampled_from(["a", "b", "c", "@t", "_i", ""])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=3).map(".".join)
FIELDS = st.lists(NAMES, max_size=8)
"""Of few segments, so that names meet in every way that they can."""

Pairs = tuple[tuple[str, Any], ...]
"""An object as it is written: keys may stand in it more than once."""


class Text(str):
    """A value's JSON, as it is written."""


SCALARS = st.one_of(
    st.sampled_from(
        [
            *("null", "true", "false", "0", "-0", "1", "1.0", "1e0", "-0.0", "0.1", "1E+2"),
            *("18446744073709551615", "18446744073709551616", "-9223372036854775809"),
            *('""', '"a"', '"1"', '"\\u0061"', '"\\ud83d\\ude00"', '"é😀"', '"\\"\\\\\\/\\n"'),
        ]
    ),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
).map(Text)
DAMAGE = st.sampled_from(
    ["NaN", "1e999", "1" * 4_301, "01", "+1", "nul", '"\\ud800"', '"\\x"', "[,]", "{]", ""]
).map(Text)


def _values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple),
        ),
        max_leaves=12,
    )


def _objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Pairs]:
    return st.lists(st.tuples(NAMES, _values(leaves)), max_size=6).map(tuple)


class Writer:
    """Writes JSON with blanks and escapes wherever there may be some, or with none at all."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._share = seed % 3 / 4

    def _blank(self) -> str:
        return self._random.choice(" \t\r\n") if self._random.random() < self._share else ""

    def _key(self, name: str) -> str:
        return "".join(
            f"\\u{ord(letter):04x}" if self._random.random() < self._share / 4 else letter
            for letter in name
        )

    def text(self, value: Any) -> str:
        if isinstance(value, Text):
            return f"{self._blank()}{value}{self._blank()}"
        if isinstance(value, tuple):
            members = (
                f'{self._blank()}"{self._key(k)}"{self._blank()}:{self.text(v)}' for k, v in value
            )
            return f"{self._blank()}{{{','.join(members)}{self._blank()}}}{self._blank()}"
        return f"{self._blank()}[{','.join(map(self.text, value)) or self._blank()}]"


def lines(leaves: st.SearchStrategy[Any] = SCALARS) -> st.SearchStrategy[bytes]:
    seeds = st.integers(0, 1 << 16)
    return st.builds(lambda pairs, seed: Writer(seed).text(pairs).encode(), _objects(leaves), seeds)


def _tagged(values: Any) -> list[tuple[type, str]]:
    return [(type(value), repr(value)) for value in values]


def _listed(value: object) -> list[object]:
    return [] if value is None else list(value) if isinstance(value, tuple) else [value]


def assert_reads(found: Any, document: dict[str, Any], fields: list[str]) -> None:
    assert found is not None
    for field, value in zip(fields, found, strict=True):
        assert _tagged(_listed(value)) == _tagged(values_of(document, field))
        assert value != ()


@settings(max_examples=400)
@given(FIELDS, lines())
@example(["a.b"], b'{"a":{"b":1},"a.b":2,"a":{"b":3}}')
@example(["a.b"], b'{"a.b":2,"a":{"b":[]}}')
@example(["a.b", "a"], b'{"a":{"b":1}}')
@example(["a.b.c"], b'{"a":{"b.c":1,"b":{"c":2}}}')
@example(["a"], b'{"a":[1,[true,[1.0]],null]}')
def test_a_line_reads_as_it_decodes(fields: list[str], line: bytes) -> None:
    document = msgspec.json.decode(line)
    found = Narrow(fields).read(line)
    assert_reads(found, document, fields)
    assert len({found}) == 1


@pytest.mark.parametrize(("sample", "surprises", "most"), [(256, 16, 32), (1, 1, 2), (3, 2, 32)])
@settings(max_examples=100)
@given(FIELDS, st.lists(lines(st.one_of(SCALARS, DAMAGE)), max_size=12))
def test_many_lines_read_as_each_does(
    sample: int, surprises: int, most: int, fields: list[str], many: list[bytes]
) -> None:
    expected = [repr(Narrow(fields).read(line)) for line in many]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SAMPLE", sample)
        patch.setattr(module, "_SURPRISES", surprises)
        patch.setattr(module, "_MOST_TEXTS", most)
        narrow = Narrow(fields)
        for _ in range(2):
            assert list(map(repr, narrow.read_all(many))) == expected
        assert [repr(narrow.read(line)) for line in many] == expected


@settings(max_examples=200)
@given(FIELDS, lines(st.one_of(SCALARS, DAMAGE)), st.binary(max_size=3), st.floats(0, 1))
def test_of_a_damaged_line_nothing_is_read(
    fields: list[str], line: bytes, noise: bytes, where: float
) -> None:
    place = int(where * len(line))
    for text in (line, line[:place], line[:place] + noise + line[place:]):
        found = Narrow(fields).read(text)
        document = _decoded(text)
        if isinstance(document, dict):
            assert_reads(found, document, fields)
        elif document is not PASSED_OVER:
            assert found is None


PASSED_OVER = object()
"""What may be read where the damage is passed over."""


def _decoded(text: bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except UnicodeDecodeError:
        return PASSED_OVER
    except msgspec.DecodeError as error:
        return PASSED_OVER if "out of range" in str(error) else None


@settings(max_examples=200)
@given(FIELDS, st.binary(max_size=40))
def test_no_bytes_raise(fields: list[str], line: bytes) -> None:
    Narrow(fields).read(line)
