"""Sets of which only the numbers are kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.engine.state import _numbers
from tocsin.engine.state._numbers import WIDTH, Numbers, how_many, number_of, usual_number_of

texts = st.lists(st.text(max_size=3) | st.integers(0, 300).map(str), max_size=400)


def numbers_of(found: list[str]) -> Numbers:
    numbers = Numbers()
    for text in found:
        numbers.add(number_of(text))
    return numbers


@given(texts, texts, st.data())
def test_they_are_what_a_set_is(found: list[str], others: list[str], data: st.DataObject) -> None:
    numbers = Numbers()
    for place, text in enumerate(found):
        numbers.add(number_of(text))
        if data.draw(st.integers(0, 30), label="ask now") == 0:
            assert len(numbers) == len(set(found[: place + 1]))
    assert [number_of(text) in numbers for text in others] == [
        text in set(found) for text in others
    ]
    assert len(numbers) == len(set(found))
    assert len(bytes(numbers)) == WIDTH * len(set(found))
    assert Numbers(bytes(numbers)) == numbers
    assert how_many([numbers]) == len(set(found))
    assert how_many([numbers, numbers_of(others), Numbers()]) == len(set(found) | set(others))


@given(st.lists(st.integers(0, 255), min_size=16, max_size=16))
def test_a_number_is_found_only_where_one_begins(found: list[int]) -> None:
    data = bytes(found)
    numbers = Numbers(data)
    assert (data[3:11] in numbers) == (data[3:11] in {data[:8], data[8:]})


def test_a_number_is_the_same_everywhere_and_for_odd_texts_too() -> None:
    assert number_of("web-1").hex() == "011b87832f454e67"
    assert number_of("\ud800") != number_of("\ud801")
    assert usual_number_of("web-1") == number_of("web-1")


def test_many_take_eight_bytes_each() -> None:
    numbers = Numbers()
    for place in range(100_000):
        numbers.add(number_of(f"{place // 2}"))
    assert len(numbers) == 50_000
    assert sum(run.nbytes for run in numbers._runs) + len(numbers._new) == 8 * 50_000


def test_adding_and_asking_in_turn_sorts_each_number_a_few_times_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    unique = _numbers.np.unique

    def counted(found: Any) -> Any:
        sizes.append(len(found))
        return unique(found)

    monkeypatch.setattr(_numbers.np, "unique", counted)
    numbers, many, runs = Numbers(), 20_000, 0
    for place in range(many):
        number = number_of(str(place))
        if number not in numbers:
            numbers.add(number)
        runs = max(runs, len(numbers._runs))
    assert len(numbers) == many
    assert sum(sizes) < 40 * many  # and not many * many
    assert runs < 10


@pytest.mark.parametrize("size", [7, 9, 1_001])
def test_numbers_that_were_cut_are_none(size: int) -> None:
    with pytest.raises(ValueError, match="cut"):
        Numbers(b"x" * size)
