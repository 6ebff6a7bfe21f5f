"""What a result rests on besides what it was made from."""

from __future__ import annotations

import doctest
import os
from pathlib import Path

from tocsin import premises
from tocsin.premises import note, note_file, noted, state_of


def test_the_example_holds() -> None:
    assert doctest.testmod(premises).failed == 0


def test_what_is_noted_is_heard_within_alone() -> None:
    note("date", "now", "before")
    with noted() as found:
        note("date", "now/d", "(1, 2)")
        with noted() as inner:
            note("end", "7", "True")
        note("date", "now/d", "(1, 2)")
    note("date", "now", "after")
    assert found == {("date", "now/d"): "(1, 2)"}
    assert inner == {("end", "7"): "True"}


def test_two_answers_to_one_question_rest_on_the_clock() -> None:
    with noted() as found:
        note("date", "now", "(1, 1)")
        note("date", "now", "(2, 2)")
    assert ("clock", "") in found


def test_a_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "a"
    states = [state_of(str(file))]
    file.write_text("one")
    states.append(state_of(str(file)))
    file.write_text("two")
    states.append(state_of(str(file)))
    file.unlink()
    file.mkdir()
    states.append(state_of(str(file)))
    file.rmdir()
    os.mkfifo(file)
    states.append(state_of(str(file)))
    assert len(set(states)) == 5
    file.unlink()
    assert state_of(str(file)) == states[0]
    assert state_of("a\0b") == state_of("a\0b")


def test_a_file_is_looked_at_only_where_somebody_listens(tmp_path: Path) -> None:
    note_file(tmp_path / "nothing")
    with noted() as found:
        note_file(tmp_path / "nothing")
    ((kind, path),) = found
    assert (kind, path) == ("file", str(tmp_path / "nothing"))
