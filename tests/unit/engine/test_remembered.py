from __future__ import annotations

from tocsin.engine.remembered import Remembered


def test_a_thing_is_made_once() -> None:
    made: list[list[int]] = []

    def make(key: list[int]) -> int:
        made.append(key)
        return len(made)

    remembered = Remembered(make, most=4)
    one, like_it = [1], [1]
    assert [remembered(one), remembered(one), remembered(like_it), remembered(one)] == [1, 1, 2, 1]


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    remembered = Remembered(len, most=3)
    keys = ["a" * size for size in range(10)]
    assert [remembered(key) for key in keys] == list(range(10))
    assert len(remembered._made) <= 3
    assert [remembered(key) for key in keys] == list(range(10))


def test_an_object_in_the_place_of_one_that_is_gone_is_another() -> None:
    remembered = Remembered(tuple, most=2)
    assert [remembered([number]) for number in range(50)] == [(number,) for number in range(50)]
