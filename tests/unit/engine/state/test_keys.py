"""By which values events join."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.state.keys import MOST_KEYS, join_keys, key_of_text, key_order, key_text
from tocsin.logic.field_types import FieldType
from tocsin.logic.query import Key

BELL = 1_671_235_200_000_000_000

VALUES: list[tuple[FieldType, Any, list[Any]]] = [
    ("dynamic", "a", ["a"]),
    ("dynamic", ["a", "A", "a", None], ["a", "A"]),
    ("dynamic", [1, 1.0, True, "1", False, 0, -0.0], [1, True, "1", False, 0]),
    ("dynamic", [1.5, 2**70], [1.5, 2**70]),
    ("dynamic", float("nan"), []),
    ("dynamic", [None, []], []),
    ("dynamic", {"inside": 1}, []),
    ("keyword", [1, "1", True, "true"], ["1", "true"]),
    ("long", ["80", 80, 80.0, "http"], [80]),
    ("double", ["0.50", 0.5, 1e3], [0.5, 1000]),
    ("boolean", ["true", True, "false", "no"], [True, False]),
    ("ip", ["::ffff:10.0.0.5", "10.0.0.5", "FE80::1", "door"], ["10.0.0.5", "fe80::1"]),
    ("date", ["2022-12-17T00:00:00Z", "2022-12-17T01:00+01:00", 1_671_235_200_000], [BELL]),
]


@pytest.mark.parametrize("kind, value, wanted", VALUES)
def test_a_field_joins_by_each_of_its_values_once(
    kind: FieldType, value: Any, wanted: list[Any]
) -> None:
    found = join_keys({"door": value}, (Key("door", kind),))
    assert [repr(key) for key in found] == [repr((value,)) for value in wanted]


def test_several_fields_join_by_every_combination() -> None:
    document = {"a": [1, 2], "b": {"c": ["x", "y"]}}
    keys = (Key("a"), Key("b.c", "keyword"))
    assert join_keys(document, keys) == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]


def test_without_a_value_an_event_joins_only_by_an_optional_key() -> None:
    document = {"a": 1, "b": [None], "c": "door"}
    assert join_keys(document, (Key("a"), Key("b", optional=True))) == [(1, None)]
    assert join_keys(document, (Key("a"), Key("none", optional=True))) == [(1, None)]
    assert join_keys(document, (Key("a"), Key("c", "long", optional=True))) == [(1, None)]
    assert join_keys(document, (Key("a"), Key("b"))) == []


def test_no_keys_join_everything() -> None:
    assert join_keys({"a": 1}, ()) == [()]


def test_an_event_of_endless_combinations_joins_by_the_first_of_them() -> None:
    document = {"a": list(range(10_000)), "b": list(range(10_000))}
    assert len(join_keys(document, (Key("a"), Key("b")))) == MOST_KEYS


def test_a_key_as_text_and_back() -> None:
    key = ('a,"', 1, True, None, 0.5, 2**70, "é")
    assert key_text(key) == f'["a,\\"",1,true,null,0.5,{2**70},"é"]'
    assert repr(key_of_text(key_text(key))) == repr(key)


ORDERS: list[tuple[FieldType, list[Any]]] = [
    ("dynamic", [None, False, True, -1, 0.5, 2, "10", "9", "a"]),
    ("keyword", [None, "", "A", "Z", "a", "é"]),
    ("ip", [None, "::1", "9.0.0.0", "10.0.0.0", "fe80::"]),
    ("version", [None, "1.2.0-beta", "1.2.0", "1.10.0"]),
]


@pytest.mark.parametrize("kind, ascending", ORDERS)
def test_keys_ascend_from_null(kind: FieldType, ascending: list[Any]) -> None:
    by = (Key("door", kind),)
    keys = [(value,) for value in ascending]
    descending = [*reversed(keys)]
    assert sorted(descending, key=lambda key: key_order(key, by)) == keys
