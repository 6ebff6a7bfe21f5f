"""Files of exceptions: what Kibana exports, a JSON object a line, or YAML with the same keys.

A file holds lists (``list_id``, ``type``, ``namespace_type``) and their items (``list_id``,
``entries``); anything else in it is somebody else's. The value lists that items name stand beside
it, each in a file named like the list's id (with ``.txt`` or ``.csv``, where the id has neither): a
value a line, of CSV the first column.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import yaml

from tocsin.errors import RuleError
from tocsin.premises import note_file
from tocsin.rules.exceptions import (
    ExceptionList,
    Exceptions,
    Item,
    compile_item,
    is_expired,
    list_ids,
)
from tocsin.rules.model import Problem, ProblemKind

LARGEST: Final = 50_000_000
"""The largest file that is read, in bytes."""

_ENDINGS = ("", ".txt", ".csv")


def read_exceptions(path: Path, *, now: int | None = None) -> Exceptions:
    """The exceptions in a file; what cannot be read is among its problems.

    Args:
        path: the file.
        now: items that have expired by then are left out, nanoseconds since the epoch; the clock's
            time, where none is given.
    """
    try:
        objects = _objects(_text_of(path), path)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        return Exceptions(problems=(_problem(path, "unreadable", reason),))
    found = exceptions_among(objects, path, now=time.time_ns() if now is None else now)
    if not found.lists and not found.items and not found.problems:
        empty = _problem(path, "invalid", "there is no exception list and no item in it")
        return Exceptions(problems=(empty,))
    return found


def exceptions_among(objects: Iterable[object], path: Path, *, now: int) -> Exceptions:
    """The exceptions among the objects of a file."""
    lists: list[ExceptionList] = []
    items: list[Item] = []
    for one in objects:
        if not isinstance(one, Mapping) or "rule_id" in one:
            continue
        if "entries" in one:
            items.append(cast("Item", one))
        elif isinstance(one.get("list_id"), str):
            lists.append(_list(one))
    values, problems = value_lists_beside(path, list_ids(items))
    compiled = []
    for item in items:
        if is_expired(item, now):
            continue
        try:
            compiled.append(compile_item(item, values))
        except RuleError as error:
            problems.append(_problem(path, "invalid", str(error)))
    return Exceptions(tuple(lists), tuple(compiled), tuple(problems))


def value_lists_beside(
    path: Path, wanted: Iterable[str]
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """The value lists that stand beside a file, by id, and those that could not be read."""
    found: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for name in sorted(wanted):
        # An id is a name and no path: it leads nowhere else.
        files = [path.parent / f"{name}{ending}" for ending in _ENDINGS]
        files = [file for file in files if file.name != ".." and file.parent == path.parent]
        for possible in files:
            note_file(possible)
        file = next(filter(Path.is_file, files), None)
        if file is None:
            continue
        try:
            found[name] = read_values(file)
        except (OSError, ValueError, csv.Error) as error:
            problems.append(_problem(file, "unreadable", str(error)))
    return found, problems


def read_values(path: Path) -> tuple[str, ...]:
    """The values of a list, each once: a line each, of CSV the first column.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large, or no UTF-8.
        csv.Error: it is no CSV.
    """
    lines = _text_of(path).splitlines()
    if path.suffix.lower() == ".csv":
        lines = [row[0] for row in csv.reader(lines) if row]
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _list(one: Mapping[str, Any]) -> ExceptionList:
    return ExceptionList(
        id=str(one["list_id"]),
        type=str(one.get("type") or "detection"),
        namespace=str(one.get("namespace_type") or "single"),
        name=str(one.get("name") or ""),
        text=msgspec.json.encode(one, order="sorted").decode(),
    )


def _objects(text: str, path: Path) -> list[object]:
    """The objects of a file, whichever way they are written."""
    if path.suffix.lower() not in {".yml", ".yaml"} and text.lstrip()[:1] in ("{", ""):
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    found: list[object] = []
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        found.extend(document if isinstance(document, list) else [document])
    return found


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        message = f"larger than {LARGEST // 1_000_000} MB"
        raise ValueError(message)
    return content.decode("utf-8-sig")


def _problem(path: Path, kind: ProblemKind, reason: str) -> Problem:
    return Problem(str(path), "", kind, f"{path}: {reason}")
