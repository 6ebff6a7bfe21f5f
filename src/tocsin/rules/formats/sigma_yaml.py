"""Sigma rules: recognised and counted, so that none is dropped silently; they do not run yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tocsin.rules.environment import Environment
from tocsin.rules.model import Loaded, Problem

SUFFIXES: tuple[str, ...] = (".yml", ".yaml")

KIND: Final = "sigma"
_LOGSOURCE = re.compile(r"^logsource[ \t]*:", re.MULTILINE)
_DETECTION = re.compile(r"^detection[ \t]*:", re.MULTILINE)
_FIELD = r"^{}[ \t]*:[ \t]*[\"']?(.*?)[\"']?[ \t]*$"
_ID = re.compile(_FIELD.format("id"), re.MULTILINE)
_TITLE = re.compile(_FIELD.format("title"), re.MULTILINE)


def recognises(path: Path, text: str) -> bool:
    """Whether it has a log source and a detection at its top level."""
    return (
        path.suffix.lower() in SUFFIXES
        and _LOGSOURCE.search(text) is not None
        and _DETECTION.search(text) is not None
    )


def load(files: Sequence[tuple[Path, str]], environment: Environment) -> Loaded:
    """The rules of all files, each by itself."""
    return Loaded.together(load_file(path, text) for path, text in files)


def load_file(path: Path, text: str) -> Loaded:
    """The rule as one that is not supported."""
    identity, title = _ID.search(text), _TITLE.search(text)
    problem = Problem(
        str(path), identity[1] if identity else "", "unsupported",
        "Sigma rules are not run yet", KIND, title[1] if title else "",
    )  # fmt: skip
    return Loaded((), (problem,), 1)
