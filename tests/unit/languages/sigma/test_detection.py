from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tocsin.engine import reference
from tocsin.errors import QueryError, QuerySemanticError
from tocsin.languages.sigma import AsTheyAre, compile_detection
from tocsin.source_text import SourceText, Span


def holds(parts: dict[str, Any], condition: str, document: dict[str, Any], **options: Any) -> bool:
    return reference.holds(compile_detection(parts, condition, **options).where, document)


# --- parts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "document", "expected"),
    [
        ({"a": "x", "b": "y"}, {"a": "x", "b": "y"}, True),
        ({"a": "x", "b": "y"}, {"a": "x"}, False),
        ([{"a": "x"}, {"b": "y"}], {"b": "y"}, True),
        ([{"a": "x", "b": "y"}, {"a": "z"}], {"a": "x"}, False),
        ([{"a": "x"}, "word"], {"c": "some words"}, True),
        ([[{"a": "x"}], [{"b": "y"}]], {"b": "y"}, True),
        # keywords: any field has it somewhere
        ("wget", {"c": {"d": ["x", "run WGET now"]}}, True),
        (["wget", "curl"], {"c": "curl"}, True),
        (["wget", "curl"], {"c": "fetch"}, False),
        ("x*y", {"c": ". x 1 y ."}, True),
        (4625, {"c": "event 4625 seen"}, True),
        (4625, {"c": 4625}, True),
        ({"|all": ["a", "b"]}, {"c": "b", "d": "a"}, True),
        ({"|all": ["a", "b"]}, {"c": "b"}, False),
        ({"|re": r"w\wet"}, {"c": "a wget"}, True),
        ({"|contains": "get"}, {"c": "wget x"}, True),
        ({"|cased": "Wget"}, {"c": "a wget"}, False),
    ],
)
def test_a_part_asks_this_of_an_event(part: Any, document: Any, expected: bool) -> None:
    assert holds({"sel": part}, "sel", document) is expected


class Named(AsTheyAre):
    """Two fields for a name, and one that is empty where they are absent."""

    keywords = ("message", "url.*")

    def fields_of(self, name: str) -> tuple[str, ...]:
        return {"Image": ("process.executable", "exe"), "Nothing": ()}.get(name, (name,))

    def empty_in(self, name: str) -> tuple[str, ...]:
        return ("raw.Image",) if name == "Image" else ()


@pytest.mark.parametrize(
    ("part", "document", "expected"),
    [
        ({"Image": "x"}, {"exe": "x"}, True),
        ({"Image": "x"}, {"process.executable": "x"}, True),
        ({"Image": "x"}, {"Image": "x"}, False),
        ({"Image|contains|all": ["x", "y"]}, {"exe": "x", "process.executable": "y"}, True),
        ({"Image": None}, {"Image": "x"}, True),
        ({"Image": None}, {"exe": "x"}, False),
        ({"Image": None}, {"raw.Image": ""}, False),
        ({"Image": ""}, {"raw.Image": ""}, True),
        ({"Image": ""}, {}, False),
        ({"Image": ["x", "-"]}, {"raw.Image": "-"}, True),
        ({"Image": "x"}, {"raw.Image": "x"}, False),
        ({"Image|exists": False}, {"raw.Image": ""}, False),
        ({"Image|neq": "x"}, {"exe": "x"}, False),
        ({"Image|fieldref": "b"}, {"exe": "x", "b": "x"}, True),
        ({"Nothing": "x"}, {"Nothing": "x"}, False),
        ({"Nothing": None}, {}, True),
        (["word"], {"message": "a word"}, True),
        (["word"], {"url": {"path": "/word"}}, True),
        (["word"], {"user": "word"}, False),
    ],
)
def test_names_stand_for_fields(part: Any, document: Any, expected: bool) -> None:
    assert holds({"sel": part}, "sel", document, fields=Named()) is expected


# --- conditions -------------------------------------------------------------------------------

PARTS: dict[str, Any] = {"sel_1": {"a": 1}, "sel_2": {"b": 1}, "filter": {"c": 1}, "_own": {"d": 1}}


@pytest.mark.parametrize(
    ("condition", "fields", "expected"),
    [
        ("sel_1 and sel_2", "ab", True),
        ("sel_1 and sel_2", "a", False),
        ("1 of sel_*", "b", True),
        ("any of sel_*", "b", True),
        ("all of sel_*", "b", False),
        ("all of sel_*", "ab", True),
        ("sel_1 and not filter", "a", True),
        ("sel_1 and not filter", "ac", False),
        ("1 of them", "c", True),
        ("1 of them", "d", False),  # what begins with _ has to be named so
        ("1 of _*", "d", True),
        ("all of them", "abc", True),
        ("1 of *_2", "b", True),
        ("1 of filter", "c", True),
        ("not 1 of sel_*", "c", True),
    ],
)
def test_a_condition_joins_parts(condition: str, fields: str, expected: bool) -> None:
    assert holds(PARTS, condition, dict.fromkeys(fields, 1)) is expected


def test_of_several_conditions_one_is_enough() -> None:
    query = compile_detection(PARTS, "sel_1", "filter and sel_2")
    assert reference.holds(query.where, {"a": 1})
    assert reference.holds(query.where, {"b": 1, "c": 1})
    assert not reference.holds(query.where, {"b": 1})


def test_an_absent_field_satisfies_a_negation() -> None:
    assert holds({"sel": {"a": "x"}, "f": {"b|startswith": "y"}}, "sel and not f", {"a": "x"})


@pytest.mark.parametrize(
    ("condition", "message", "hint"),
    [
        ("sel_1 and filtr", "the detection has no part 'filtr'", "did you mean filter?"),
        ("zzz", "the detection has no part 'zzz'", "its parts are sel_1, sel_2, filter, _own"),
        ("1 of x_*", "no part of the detection is called x_*", "its parts are"),
    ],
)
def test_a_part_that_is_not_there_is_told(condition: str, message: str, hint: str) -> None:
    with pytest.raises(QuerySemanticError) as caught:
        compile_detection(PARTS, SourceText(condition, "rule.yml", 9))
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)
    assert caught.value.span is not None
    assert caught.value.span.where().startswith("rule.yml:9:")


def test_a_part_that_no_condition_names_has_to_make_sense_too() -> None:
    with pytest.raises(QueryError, match="unknown modifier"):
        compile_detection({"sel": {"a": 1}, "other": {"b|nope": 1}}, "sel")


def test_places_are_asked_for_what_is_wrong() -> None:
    asked: list[tuple[tuple[str | int, ...], bool]] = []
    source = SourceText("text", "rule.yml")

    def places(path: tuple[str | int, ...], key: bool) -> Span:
        asked.append((path, key))
        return source.span(0)

    with pytest.raises(QueryError) as caught:
        compile_detection({"sel": [{"a": 1}, {"b|nope": 1}]}, "sel", places=places)
    assert asked == [(("sel", 1, "b|nope"), True)]
    assert caught.value.span == source.span(0)


# --- the library ------------------------------------------------------------------------------


def test_the_library_is_imported_with_the_first_detection_and_asks_no_network() -> None:
    program = """
import socket, sys
def refuse(*_): raise AssertionError("the network was asked")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import tocsin.rules.formats.sigma_yaml
from tocsin.languages.sigma import compile_detection
assert not any(name == "sigma" or name.startswith("sigma.") for name in sys.modules)
compile_detection({"sel": {"a|windash|contains": "-x"}}, "1 of them")
assert "sigma.rule" in sys.modules
assert not {"sigma.data", "sigma.data.mitre_attack", "requests", "urllib3"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
