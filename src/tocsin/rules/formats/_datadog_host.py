"""The host that Datadog's Agent rules ask about before they apply: its filters and versions.

Tocsin reads events of any host, so it assumes one: Linux, a recent kernel, the newest Agent. Where
the user says that the Agent may be any, so may the kernel and the distribution: what a filter asks
about these is taken for true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from tocsin.errors import QuerySemanticError, RuleError
from tocsin.languages.secl import FieldKind, Fields, compile_query
from tocsin.logic.expr import Always
from tocsin.logic.prefilter import can_hold
from tocsin.rules.environment import Version
from tocsin.source_text import SourceText

# --- filters ----------------------------------------------------------------------------------

_SYSTEM: Final[Mapping[str, str | int | bool]] = {"os": "linux", "origin": "ebpf", "hostname": ""}
_DETAILS: Final[Mapping[str, str | int | bool]] = {
    "os.id": "ubuntu",
    "os.platform_id": "",
    "os.version_id": "24.04",
    **{
        f"os.is_{system}": False
        for system in (
            "amazon_linux", "cos", "debian", "oracle", "rhel", "rhel7", "rhel8", "sles", "sles12",
            "sles15",
        )
    },
    "kernel.version": "6.8.0",
    "kernel.version.major": 6,
    "kernel.version.minor": 8,
    "kernel.version.patch": 0,
    "kernel.version.abi": 0,
    "kernel.version.flavor": "generic",
    "kernel.core.enabled": True,
}  # fmt: skip


def _kind(value: object) -> FieldKind:
    if isinstance(value, bool):
        return FieldKind("bool")
    return FieldKind("int" if isinstance(value, int) else "string")


_ONE_HOST: Final = Fields({}, {**_SYSTEM, **_DETAILS})
_ANY_HOST: Final = Fields({name: _kind(value) for name, value in _DETAILS.items()}, _SYSTEM)


def accepted(filters: Iterable[SourceText], *, any_host: bool = False) -> bool:
    """Whether one of the filters is true of the host; without any it is accepted.

    Args:
        filters: conditions over the host.
        any_host: whether the kernel and the distribution may be any.

    Raises:
        QueryError: a filter that makes no sense.
    """
    fields = _ANY_HOST if any_host else _ONE_HOST
    results = [_is_true(source, fields) for source in filters]
    return any(results) or not results


def _is_true(source: SourceText, fields: Fields) -> bool:
    # What is known of the host are constants, so that it is decided when the filter is compiled.
    where = compile_query(source, fields=fields).where
    if isinstance(where, Always):
        return where.value
    if fields is _ANY_HOST:
        return can_hold(where, lambda _: False)
    raise QuerySemanticError("a filter asks about the host alone", source.span(0))


# --- versions ---------------------------------------------------------------------------------

_CONSTRAINT = re.compile(
    r"\s*,?\s*(?P<operator>!=|>=|<=|=|>|<|~|\^)?\s*v?"
    r"(?P<version>\d{1,9}(?:\.(?:\d{1,9}|[xX*])){0,2}|[xX*])(?:[-+][\w.+-]*)?"
)
_BETWEEN = re.compile(r"(?<!\S)(\S+)[ \t]+-[ \t]+(\S+)")


def version_accepted(constraint: str, version: Version) -> bool:
    """Whether a version satisfies a semver constraint; ``,`` and a blank mean and, ``||`` or.

    A part that is left out stands for any: ``> 7.70`` is above every 7.70.x.

    >>> version_accepted(">=7.65 <7.70", (7, 66, 1)), version_accepted("!= 7.38", (7, 38, 2))
    (True, False)

    Raises:
        RuleError: it is no constraint.
    """
    return any(_all_accepted(part, version) for part in constraint.split("||"))


def _all_accepted(constraint: str, version: Version) -> bool:
    at, results = 0, []
    text = _BETWEEN.sub(r">=\1 <=\2", constraint.strip())
    while at < len(text):
        found = _CONSTRAINT.match(text, at)
        if found is None:
            message = f"{constraint.strip()!r} is no version constraint"
            raise RuleError(message)
        wanted = tuple(int(p) for p in found["version"].split(".") if p.isdigit())
        results.append(_satisfies(version, found["operator"] or "=", wanted))
        at = found.end()
    return all(results)


def _satisfies(version: tuple[int, ...], operator: str, wanted: tuple[int, ...]) -> bool:
    prefix = version[: len(wanted)]
    padded = (*wanted, 0, 0)[:3]
    match operator:
        case "=":
            return prefix == wanted
        case "!=":
            return prefix != wanted
        case ">":
            return prefix > wanted
        case "<=":
            return prefix <= wanted
        case ">=":
            return version >= padded
        case "<":
            return version < padded
        case "~":
            return version >= padded and version[:2] == padded[:2]
        case _:
            return version >= padded and version[0] == padded[0]
