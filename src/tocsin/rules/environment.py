"""What the user says of the place where rules run; part of loading them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tocsin.errors import RuleError, UsageError

Version = tuple[int, int, int]

NEWEST_AGENT: Final[Version] = (7, 78, 0)
"""The newest version of Datadog's Agent that this program knows of."""

_VERSION = re.compile(r"v?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?(?:[-+][\w.+-]*)?\Z")


class Environment(msgspec.Struct, frozen=True):
    """What some rules ask of their surroundings before they apply.

    Attributes:
        agent_version: the version of Datadog's Agent for which rules of policies are chosen;
            None: rules for any version load, side by side.
        values: for Sigma's placeholders (``%admins%``), the values that each stands for.
    """

    agent_version: Version | None = NEWEST_AGENT
    values: Mapping[str, tuple[str, ...]] = {}


def agent_version(text: str) -> Version | None:
    """A version as a user writes it; ``any`` is None.

    >>> agent_version("7.60"), agent_version("any")
    ((7, 60, 0), None)

    Raises:
        UsageError: it is no version.
    """
    if text.strip().lower() == "any":
        return None
    found = _VERSION.match(text.strip())
    if found is None:
        message = f"--agent-version {text!r}: expected a version, as 7.60 or 7.60.1, or any"
        raise UsageError(message)
    major, minor, patch = (int(part or 0) for part in found.groups())
    return major, minor, patch


def read_values(paths: Iterable[Path]) -> dict[str, tuple[str, ...]]:
    """Values for placeholders: YAML files, each a mapping of names to a value or a list of them.

    Raises:
        UsageError: a file cannot be read, or is something else.
    """
    from tocsin.rules.formats._yaml import read_documents

    found: dict[str, tuple[str, ...]] = {}
    for path in paths:
        try:
            documents = read_documents(path.read_text(encoding="utf-8-sig"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            message = f"--values {path}: {error}"
            raise UsageError(message) from None
        except RuleError as error:
            message = f"--values {error}"
            raise UsageError(message) from None
        content = documents[0].values if len(documents) == 1 else None
        if not isinstance(content, dict):
            message = f"--values {path}: expected names with their values, as 'admins: [ann, bob]'"
            raise UsageError(message)
        for name, values in content.items():
            several = values if isinstance(values, list) else [values]
            wrong = [v for v in several if not isinstance(v, (str, int, float))]
            if wrong or not several:
                message = f"--values {path}: {name}: expected a value or a list of them"
                raise UsageError(message)
            key = str(name).strip("%")  # as rules write it, or as this file should
            found[key] = (*found.get(key, ()), *map(str, several))
    return found
