"""Files and directories of rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tocsin.errors import RuleError
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter
from tocsin.rules import load as load_module
from tocsin.rules.environment import Environment
from tocsin.rules.load import formats, load_rules, shipped_pack
from tocsin.rules.model import Loaded, Problem, Rule


class Lines:
    """A format for tests: a file is a list of rule ids, an id with a ! in it is a problem."""

    SUFFIXES = (".ids",)

    def recognises(self, path: Path, text: str) -> bool:
        return text.startswith("ids")

    def load(self, files: Sequence[tuple[Path, str]], environment: Environment) -> Loaded:
        return Loaded.together(self._load(path, text) for path, text in files)

    def _load(self, path: Path, text: str) -> Loaded:
        names = text.split()[1:]
        return Loaded(
            tuple(self._rule(path, name) for name in names if "!" not in name),
            tuple(Problem(str(path), n, "syntax", n) for n in names if "!" in n),
            files=1,
        )

    def _rule(self, path: Path, name: str) -> Rule:
        query = Filter(Always(value=True))
        return Rule(
            id=name, name=name, vendor="test", path=str(path), language="x", type="x", kind="x/x",
            text="", query=query,
        )  # fmt: skip


KNOWN = (Lines(),)


def write(directory: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


def ids(loaded: Loaded) -> list[str]:
    return [rule.id for rule in loaded.rules]


def kinds(loaded: Loaded) -> list[tuple[str, str]]:
    return [(problem.kind, Path(problem.path).name) for problem in loaded.problems]


def test_a_directory_is_read_in_order_with_all_below_it(tmp_path: Path) -> None:
    write(
        tmp_path, {"b.ids": "ids 3", "a/z.ids": "ids 1 2", "c.IDS": "ids 4", ".git/x.ids": "ids 9"}
    )
    loaded = load_rules([tmp_path], known=KNOWN)
    assert ids(loaded) == ["1", "2", "3", "4"]
    assert loaded.files == 3
    assert not loaded.problems


def test_in_a_directory_other_endings_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "ids 1", "b.ids": "something else", "c.ids": "ids 2"})
    loaded = load_rules([tmp_path], known=KNOWN)
    assert ids(loaded) == ["2"]
    assert kinds(loaded) == [("warning", "b.ids")]


def test_a_file_that_is_named_may_have_any_ending(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "ids 1", "b.txt": "something else"})
    loaded = load_rules([tmp_path / "a.txt", tmp_path / "b.txt"], known=KNOWN)
    assert ids(loaded) == ["1"]
    assert kinds(loaded) == [("unreadable", "b.txt")]
    assert loaded.files == 2


def test_the_first_rule_with_an_id_stays(tmp_path: Path) -> None:
    write(tmp_path, {"a.ids": "ids 1 2", "b.ids": "ids 2 3"})
    loaded = load_rules([tmp_path], known=KNOWN)
    assert ids(loaded) == ["1", "2", "3"]
    (problem,) = loaded.problems
    assert (problem.kind, problem.rule_id, problem.rule_kind) == ("warning", "2", "x/x")
    assert "a.ids" in problem.message
    assert not problem.is_failure


def test_a_file_counts_once_however_often_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.ids": "ids 1"})
    loaded = load_rules([tmp_path, tmp_path / "a.ids", tmp_path], known=KNOWN)
    assert ids(loaded) == ["1"]
    assert not loaded.problems


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/c.ids": "ids 1"})
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.ids").symlink_to(tmp_path / "self.ids")
    loaded = load_rules([tmp_path], known=KNOWN)
    assert ids(loaded) == ["1"]
    assert kinds(loaded) == [("unreadable", "self.ids")]


def test_what_cannot_be_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "LARGEST", 20)
    write(
        tmp_path,
        {"bytes.ids": b"ids\n1\xff", "large.ids": "ids " + "1" * 20, "ok.ids": "\ufeffids 5"},
    )
    loaded = load_rules([tmp_path], known=KNOWN)
    assert ids(loaded) == ["5"]
    assert kinds(loaded) == [("unreadable", "bytes.ids"), ("unreadable", "large.ids")]
    assert "not UTF-8: byte 0xff on line 2" in loaded.problems[0].message
    assert all(problem.is_failure for problem in loaded.problems)


def test_problems_of_a_format_are_kept(tmp_path: Path) -> None:
    write(tmp_path, {"a.ids": "ids 1 2!"})
    loaded = load_rules([tmp_path], known=KNOWN)
    assert ids(loaded) == ["1"]
    assert kinds(loaded) == [("syntax", "a.ids")]


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no such file or directory"):
        load_rules([tmp_path / "nothing"], known=KNOWN)


def test_formats_are_found_by_their_files() -> None:
    names = [format_.__name__ for format_ in formats()]  # type: ignore[attr-defined]
    assert "tocsin.rules.formats.elastic_toml" in names
    assert not any("._" in name for name in names)
    assert all(format_.SUFFIXES for format_ in formats())


def test_the_shipped_pack_is_there() -> None:
    assert shipped_pack().is_dir()
