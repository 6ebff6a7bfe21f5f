from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.errors import RuleError
from tocsin.rules.formats._yaml import Document, read_documents


def one(text: str) -> Document:
    [found] = read_documents(text, "a.yml")
    return found


def test_a_file_may_hold_several_documents() -> None:
    found = read_documents("a: 1\n---\n\nb: 2\n---\n", "a.yml")
    assert [document.values for document in found] == [{"a": 1}, {"b": 2}]
    assert [document.first_line for document in found] == [1, 4]


def test_dates_stay_texts() -> None:
    values: Any = one("a: 2026-01-31\nb: 2026-01-31 12:00:00\nc: 5\nd: true").values
    assert values == {"a": "2026-01-31", "b": "2026-01-31 12:00:00", "c": 5, "d": True}


@pytest.mark.parametrize(
    ("path", "key", "caret"),
    [
        (("bé", 1, "k|re"), True, "k|re"),
        (("bé", 1, "k|re"), False, "'ü'"),
        (("bé", 0), False, "x"),
        (("bé",), True, "bé"),
        (("nope",), False, None),
        (("bé", 7), False, None),
        (("bé", "x"), False, None),
        (("a", "x"), False, None),
    ],
)
def test_things_are_found_again(path: tuple[object, ...], key: bool, caret: str | None) -> None:
    _, document = read_documents("a: 'é 😀'\n---\nbé: [x, {k|re: 'ü'}]\na: 1\n", "a.yml")
    span = document.span(path, key=key)
    assert (None if span is None else span.text) == caret
    assert span is None or span.line == 3


def test_a_value_over_several_lines_is_pointed_at_where_it_begins() -> None:
    span = one("a:\n  - b\n  - c\n").span(("a",))
    assert span is not None
    assert (span.line, span.text) == (2, "- b")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: x", 1), ("b: 1\na: >\n  x\n", 3), ("b: 1\na: |\n  x\n", 3), ("b:\na:\n  x\n", 3)],
)
def test_a_text_knows_its_line(text: str, line: int) -> None:
    assert one(text).source(("a",), "x").first_line == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb:\n  c: 2\n\n# of d\nd: 3\n", (2, "b:\n  c: 2\n\n# of d")),
        ("a: 1\nb:\n- c\n- d\ne: 1\n", (2, "b:\n- c\n- d")),
        ("b: 1", (1, "b: 1")),
        ("{b: 1}", (1, "{b: 1}")),
    ],
)
def test_a_block_ends_at_the_next_key(text: str, expected: tuple[int, str]) -> None:
    assert one(text).block("b") == expected


def test_a_block_stays_in_its_document() -> None:
    first, second = read_documents("b: 1\n---\na: 1\nb:\n  c: 2\n", "a.yml")
    assert first.block("b") == (1, "b: 1")
    assert second.block("b") == (4, "b:\n  c: 2")


TEN = ",".join(["*{0}"] * 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "a.yml:2:1: the key 'a' stands here twice"),
        ("x: {b: 1, b: 2}", "a.yml:1:11: the key 'b' stands here twice"),
        ("a: &x [*x]", "a.yml:1: a value that holds itself"),
        ("a: &x {b: {c: *x}}", "a.yml:1: a value that holds itself"),
        ("[" * 101 + "]" * 101, "nested deeper than 100 levels"),
        ("a: " + "{a: " * 200, "nested deeper than 100 levels"),
        ("\n".join("  " * n + "a:" for n in range(120)), "nested deeper than 100 levels"),
        ("a:\n" + "\n".join("  " * n + "- a:" for n in range(60)), "nested deeper than 100 levels"),
        ("\n".join(" " * n + "a:\n" + " " * n + "-" for n in range(60)), "deeper than 100 levels"),
        ("- ? " * 60 + "a", "nested deeper than 100 levels"),
        ("- " * 120 + "a", "nested deeper than 100 levels"),
        (
            "\n".join(
                [
                    "a: &a [1,1,1,1,1,1,1,1,1,1]",
                    *(
                        f"{n}: &{n} [{TEN.format(m)}]"
                        for m, n in zip("abcde", "bcdef", strict=True)
                    ),
                ]
            ),
            "more than 200,000 values",
        ),
        ("a: [", "a.yml:2:1: "),
        ("\ta: 1", "a.yml:1:1: "),
        ("a: \x07", "a.yml: "),
        ("{[a]: b}", "unhashable key"),
        ("a: !!python/object:os.system 1", "could not determine a constructor"),
        ("a: " + "9" * 6_000, "a.yml: not YAML"),
    ],
)
def test_what_should_not_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_documents(text, "a.yml")
    assert message in str(caught.value)


def test_an_alias_is_read() -> None:
    assert one("a: &x [1, 2]\nb: *x\n").values == {"a": [1, 2], "b": [1, 2]}


@settings(max_examples=150, deadline=None)
@given(st.text("ab:-[]{}\"'#&*!|>?%@\n \t1é", max_size=40))
def test_any_text_is_yaml_or_refused(text: str) -> None:
    try:
        found = read_documents(text, "a.yml")
    except RuleError:
        return
    for document in found:
        document.block("a")
        document.span(("a", 0), key=True)
        assert document.first_line >= 1


def test_a_tab_is_called_a_tab() -> None:
    with pytest.raises(
        RuleError, match=r"a\.yml:2:1: a tab in front of the line: YAML wants spaces"
    ):
        read_documents("a:\n\tb: 1\n", "a.yml")
