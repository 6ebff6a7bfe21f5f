"""Rules from files and directories: a report of what loaded and what did not, never a crash.

A format is a module of `tocsin.rules.formats`; to add one is to add a file there. What was loaded
is kept on disk, and found again as long as nothing changes (`tocsin.rules.kept`).
"""

from __future__ import annotations

import gc
import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeVar, cast

from tocsin import kept_files, premises
from tocsin.rules import formats as formats_package
from tocsin.rules._files import (
    FileRead,
    Sizes,
    beginning_of,
    is_data,
    read_files,
    read_on,
    text_of,
)
from tocsin.rules.environment import Environment
from tocsin.rules.kept import Shelf
from tocsin.rules.model import Loaded, Problem, ProblemKind, Rule

LARGEST = 10_000_000
"""The largest rule file that is read, in bytes."""

LARGEST_EXPORT = 200_000_000
"""The same for a file of many rules, as an export is."""

RuleFile = tuple[Path, str]
"""A file of rules: its path and its text."""


_YOUNG = 1_000_000
"""How many objects are made before cycles are looked for: more than many rules are."""

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
    return tuple(cast("Format", importlib.import_module(name)) for name in _format_names())


def _format_names() -> list[str]:
    found = sorted(module.name for module in pkgutil.iter_modules(formats_package.__path__))
    return [f"{formats_package.__name__}.{name}" for name in found if not name.startswith("_")]


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
    environment = environment or Environment()
    sizes = Sizes(LARGEST, LARGEST_EXPORT)
    names = _names_of(known)
    shelf = None
    if names is not None and kept_files.is_on():
        shelf = Shelf(names, environment, strict_fields=strict_fields, sizes=sizes)

    def suffixes() -> frozenset[str]:
        return _suffixes(formats() if known is None else known)

    with _rare_collections():
        files = read_files(paths, suffixes() if shelf is None else shelf.suffixes(suffixes), sizes)
        found = None if shelf is None else shelf.find(files)
        if found is not None:
            return found
        with premises.noted() as asked:
            collection = _Collection(formats() if known is None else known, sizes, strict_fields)
            for place, file in enumerate(files):
                collection.add(place, file)
            loaded = collection.loaded(environment)
        if shelf is not None:
            shelf.keep(files, loaded, asked, collection.more)
        return loaded


def _names_of(known: Sequence[Format] | None) -> list[str] | None:
    """The names of formats; None where one is no module, so that its code is not known."""
    if known is None:
        return _format_names()
    ours = f"{formats_package.__name__}."
    names = [
        format_.__name__
        for format_ in known
        if isinstance(format_, ModuleType) and format_.__name__.startswith(ours)
    ]
    return names if len(names) == len(known) else None


def _suffixes(known: Sequence[Format]) -> frozenset[str]:
    return frozenset(suffix for format_ in known for suffix in format_.SUFFIXES)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Makes Python's cycle collector rare: rules are many objects and have no cycles.

    In the end they count as old, so that it does not look at all of them at the next occasion.
    """
    before, are_frozen = gc.get_threshold(), gc.get_freeze_count() > 0
    gc.set_threshold(_YOUNG, 50, 1_000)
    try:
        yield
    finally:
        gc.freeze()
        if not are_frozen:
            gc.unfreeze()
        gc.set_threshold(*before)


class _Collection:
    """What has been loaded so far.

    Attributes:
        more: the files, by their places, of which more was read than their beginning.
    """

    def __init__(self, known: Sequence[Format], sizes: Sizes, strict_fields: bool) -> None:
        self._known = known
        self._sizes = sizes
        self._strict_fields = strict_fields
        self._rules: dict[tuple[str, str], Rule] = {}
        self._problems: list[Problem] = []
        self._texts: list[tuple[Format, Path, str]] = []
        self._places: dict[str, None] = {}
        self._files = 0
        self.more: dict[int, FileRead] = {}

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

    def add(self, place: int, file: FileRead) -> None:
        """Takes a file; ``place`` is its number."""
        self._places.setdefault(file.path)
        path = Path(file.path)
        if is_data(file.path) and not file.named and not file.error:
            if self._format_of(path, beginning_of(file)) is None:
                return
            if not file.is_whole:
                file = self.more[place] = read_on(file, self._sizes)
        try:
            text = text_of(file, self._sizes)
        except ValueError as error:
            self._files += 1
            self._unreadable(path, str(error))
            return
        format_ = self._format_of(path, text)
        if format_ is None:
            if file.named:
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
        from tocsin.rules.field_names import unknown_fields

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
