"""Rules from files and directories: a report of what loaded and what did not, never a crash.

A format is a module of `tocsin.rules.formats`; to add one is to add a file there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar, cast

from tocsin.errors import RuleError
from tocsin.rules import formats as formats_package
from tocsin.rules.environment import Environment
from tocsin.rules.field_names import unknown_fields
from tocsin.rules.model import Loaded, Problem, ProblemKind, Rule

LARGEST = 10_000_000
"""The largest rule file that is read, in bytes."""

LARGEST_EXPORT = 200_000_000
"""The same for a file of many rules, as an export is."""

_DATA = frozenset({".ndjson", ".json"})
"""Endings of such files; in a directory, most of them are telemetry and none of ours."""

_BEGINNING = 1_000_000

RuleFile = tuple[Path, str]
"""A file of rules: its path and its text."""


_Placed = TypeVar("_Placed", Rule, Problem)


class Format(Protocol):
    """How a module of `tocsin.rules.formats` looks."""

    @property
    def SUFFIXES(self) -> tuple[str, ...]:  # noqa: N802  (a constant of a module)
        """The endings of its files."""

    def recognises(self, path: Path, text: str) -> bool:
        """Whether a file is one of this format, whatever its ending."""

    def load(self, files: Sequence[RuleFile], environment: Environment) -> Loaded:
        """The rules and problems of all files of this format; never raises for what is in them.

        The files come together, in the order in which they were named or found, since rules of
        some formats refer to others: a problem or a rule names its file by its `path`.
        """


@cache
def formats() -> tuple[Format, ...]:
    """Every format there is, by the names of their modules."""
    found = sorted(module.name for module in pkgutil.iter_modules(formats_package.__path__))
    return tuple(
        cast("Format", importlib.import_module(f"{formats_package.__name__}.{name}"))
        for name in found
        if not name.startswith("_")
    )


def shipped_pack() -> Path:
    """The directory of the rules that come with Tocsin."""
    return Path(__file__).resolve().parent.parent / "packs" / "imds"


def load_rules(
    paths: Iterable[Path],
    *,
    environment: Environment | None = None,
    known: Sequence[Format] | None = None,
    strict_fields: bool = False,
) -> Loaded:
    """All rules in files and in directories, these with everything below them.

    In a directory, files count whose ending a format claims (``.ndjson`` only where there are rules
    in it); a file that is named itself may have any. Of several rules with one id the first stays.

    Args:
        paths: files and directories.
        environment: what the user says of the place where the rules run.
        known: the formats; all there are, if not given.
        strict_fields: whether a rule that names fields which no schema knows is refused; otherwise
            it loads with a warning.

    Raises:
        RuleError: a path does not exist.
    """
    known = formats() if known is None else known
    collection = _Collection(known, strict_fields=strict_fields)
    for path in paths:
        if path.is_dir():
            for file in _files_below(path, _suffixes(known)):
                collection.add(file, named=False)
        elif path.exists():
            collection.add(path, named=True)
        else:
            message = f"no such file or directory: {path}"
            raise RuleError(message)
    return collection.loaded(environment or Environment())


def _suffixes(known: Sequence[Format]) -> frozenset[str]:
    return frozenset(suffix for format_ in known for suffix in format_.SUFFIXES)


def _files_below(directory: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    """Files with these endings in order; each directory once, however links lead to it."""
    seen: set[tuple[int, int]] = set()
    pending = [directory]
    while pending:
        place = pending.pop()
        try:
            if place.is_dir():
                status = place.stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                inside = (entry for entry in place.iterdir() if not entry.name.startswith("."))
                pending.extend(sorted(inside, reverse=True))
            elif place.suffix.lower() in suffixes:
                yield place
        except OSError:
            yield place  # reading it will tell what is wrong with it


class _Collection:
    """What has been loaded so far."""

    def __init__(self, known: Sequence[Format], *, strict_fields: bool) -> None:
        self._known = known
        self._strict_fields = strict_fields
        self._rules: dict[tuple[str, str], Rule] = {}
        self._problems: list[Problem] = []
        self._texts: list[tuple[Format, Path, str]] = []
        self._places: dict[str, None] = {}
        self._seen: set[Path] = set()
        self._files = 0

    def loaded(self, environment: Environment) -> Loaded:
        """Loads what was added, each format its files together, in the order of the files."""
        found = [
            format_.load(files, environment)
            for format_ in self._known
            if (files := [(path, text) for mine, path, text in self._texts if mine is format_])
        ]
        self._problems.extend(problem for loaded in found for problem in loaded.problems)
        for rule in self._in_order(rule for loaded in found for rule in loaded.rules):
            self._keep(rule)
        return Loaded(
            tuple(self._rules.values()), tuple(self._in_order(self._problems)), self._files
        )

    def _in_order(self, items: Iterable[_Placed]) -> list[_Placed]:
        """Rules or problems in the order of their files; a format's own order within a file."""
        places = {place: number for number, place in enumerate(self._places)}
        return sorted(items, key=lambda item: places.get(item.path, len(places)))

    def add(self, path: Path, *, named: bool) -> None:
        """Reads one file, once; ``named`` says that its ending is no reason to pass it over."""
        self._places.setdefault(str(path))
        try:
            real = path.resolve()
            if real in self._seen:
                return
            self._seen.add(real)
            is_data = path.suffix.lower() in _DATA
            if is_data and not named and self._format_of(path, _beginning_of(path)) is None:
                return
            text = _text_of(path, LARGEST_EXPORT if is_data else LARGEST)
        except (OSError, RuntimeError, ValueError) as error:
            self._files += 1
            self._unreadable(path, str(error))
            return
        format_ = self._format_of(path, text)
        if format_ is None:
            if named:
                self._files += 1
                self._unreadable(path, "this is no rule file that Tocsin knows")
            else:
                message = f"{path}: passed over: this is no rule file that Tocsin knows"
                self._problems.append(Problem(str(path), "", "warning", message))
            return
        self._files += 1
        self._texts.append((format_, path, text))

    def _format_of(self, path: Path, text: str) -> Format | None:
        """The format that recognises the file; those that claim its ending are asked first."""
        suffix = path.suffix.lower()
        order = sorted(self._known, key=lambda format_: suffix not in format_.SUFFIXES)
        return next((format_ for format_ in order if format_.recognises(path, text)), None)

    def _keep(self, rule: Rule) -> None:
        first = self._rules.get((rule.vendor, rule.id))
        if first is None:
            if self._knows_fields_of(rule):
                self._rules[rule.vendor, rule.id] = rule
        else:
            message = (
                f"{rule.path}: the rule {rule.id} is in {first.path} already; that one is used"
            )
            self._problems.append(
                Problem(rule.path, rule.id, "warning", message, rule.kind, rule.name)
            )

    def _knows_fields_of(self, rule: Rule) -> bool:
        """Whether the rule may stay; tells of the fields that no schema knows."""
        unknown = unknown_fields(rule)
        refused = self._strict_fields and bool(unknown.required)
        if unknown:
            kind: ProblemKind = "semantic" if refused else "warning"
            self._problems.append(
                Problem(rule.path, rule.id, kind, unknown.told(), rule.kind, rule.name)
            )
        return not refused

    def _unreadable(self, path: Path, reason: str) -> None:
        message = f"{path}: {reason}"
        self._problems.append(Problem(str(path), "", "unreadable", message))


def _beginning_of(path: Path) -> str:
    """The file's first lines, whatever is in them.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(_BEGINNING).decode("utf-8-sig", "replace")


def _text_of(path: Path, largest: int = LARGEST) -> str:
    """The file's text.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or no UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        message = f"larger than {largest // 1_000_000} MB"
        raise ValueError(message)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8: byte {content[error.start]:#04x} on line {line}"
        raise ValueError(message) from None
