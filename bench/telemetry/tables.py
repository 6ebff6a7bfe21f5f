"""The tables beside this module: programs, acts of attackers, files and registry values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bench.telemetry.systems import SYSTEM_FOLDERS

HERE = Path(__file__).resolve().parent


class Program(NamedTuple):
    """A program: a line of a table and those below it; see ``windows.programs.txt``."""

    path: str
    weight: float
    parents: tuple[str, ...]
    users: tuple[str, ...]
    ports: tuple[int, ...]
    habit: str
    lines: tuple[str, ...]
    remarkable: tuple[str, ...]


class Act(NamedTuple):
    """What rules look for: a line of a table; see ``windows.acts.txt``.

    Attributes:
        kind: ``process``, ``file``, ``registry``, ``network``, ``dns``, ``library``.
        program: its path.
        what: arguments, a path, a key with its value, an address with its port, a name.
        parent: a process's parent.
        user: a process's user.
        action: of a file.
    """

    kind: str
    program: str
    what: str
    parent: str = ""
    user: str = ""
    action: str = ""


def programs(system: str) -> Iterator[Program]:
    """The programs of an operating system."""
    for head, below in _blocks(f"{system}.programs.txt"):
        path, weight, parents, users, ports, habit = (part.strip() for part in head.split("|"))
        yield Program(
            at_home(path, system), float(weight),
            tuple(at_home(parent.strip(), system) for parent in parents.split(",")),
            tuple(user.strip() for user in users.split(",")), tuple(map(int, ports.split())),
            habit, tuple(line.strip() for line in below if line[:1] != "!"),
            tuple(line[1:].strip() for line in below if line[:1] == "!"),
        )  # fmt: skip


def acts(system: str) -> Iterator[Act]:
    """What attackers do on an operating system."""
    for head, _ in _blocks(f"{system}.acts.txt"):
        kind, rest = (part.strip() for part in head.split("|", 1))
        if kind == "process":
            parent, program, user, what = (part.strip() for part in rest.split("|", 3))
            yield Act(kind, at_home(program, system), what, at_home(parent, system), user)
        else:
            program, *more = (part.strip() for part in rest.split("|"))
            action = more[0] if kind == "file" else ""
            yield Act(kind, at_home(program, system), more[-1], action=action)


@cache
def templates(system: str, kind: str) -> dict[str, list[str]]:
    """``files`` or ``keys`` by habit: templates, with ``!`` in front of the remarkable ones."""
    found = {}
    for head, below in _blocks("files.txt"):
        where, what, habit = head.split()
        if (where, what) == (system, kind):
            found[habit] = [line[:1].strip() + line[1:].strip() for line in below]
    return found


def at_home(path: str, system: str) -> str:
    """The path with the system's folder in the place of ``~``."""
    return SYSTEM_FOLDERS[system] + path[1:] if path[:1] == "~" else path


def _blocks(name: str) -> Iterable[tuple[str, list[str]]]:
    """A table's lines at the margin, each with those below it."""
    text = (HERE / name).read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if line[:1] != "#")
    for block in re.split(r"\n(?=[^\s!])", text.strip("\n")):
        head, *below = block.split("\n")
        yield head, below
