"""What the user says of placeholders: files that make sense, and files that make none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.errors import UsageError
from tocsin.rules.environment import read_values


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "values.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_are_texts_and_add_up(tmp_path: Path) -> None:
    first = written(tmp_path, "admins: [ann, 7]\n'%hosts%': web-1\nsince: 2026-01-31\n")
    assert read_values([first, first])["admins"] == ("ann", "7", "ann", "7")
    assert read_values([first])["hosts"] == ("web-1",)
    assert read_values([first])["since"] == ("2026-01-31",)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{below}: &{below} [{','.join([f'*{above}'] * 10)}]\n"
    for above, below in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected names with their values"),
        ("[1, 2]", "expected names with their values"),
        ("a: 1\n---\nb: 2\n", "expected names with their values"),
        ("a: {b: c}", "a: expected a value or a list of them"),
        ("a: [x, null]", "a: expected a value or a list of them"),
        ("a: []", "a: expected a value or a list of them"),
        ("a: x\na: y\n", "values.yml:2:1: the key 'a' stands here twice"),
        ("a:\n\t- x\n", "values.yml:2:1: a tab in front of the line"),
        (f"a: {'[' * 50_000}", "nested deeper than 100 levels"),
        (BOMB, "more than 200,000 values"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_values([written(tmp_path, text)])
    assert str(refused.value).startswith("--values ")
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing"):
        read_values([tmp_path / "nothing.yml"])
