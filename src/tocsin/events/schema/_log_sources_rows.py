"""What the tables of `log_sources` are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

_GOES_ON = re.compile(r"\n\s*\+ ")

Condition = tuple[str, tuple[str, ...]]
"""A field and the values of which it has to have one: with ``*`` patterns, ``*`` alone: any.

No values: the field has to be absent.
"""

Alternative = tuple[Condition, ...]
"""Conditions that have to hold together."""


class Row(msgspec.Struct, frozen=True):
    """What a table says of a log source.

    Attributes:
        alternatives: what an event has to be, one of them.
        names: Sigma's name → the fields that it stands for.
        inside: beginnings of names → the beginnings of fields (``requestParameters.`` …), besides.
        prefixes: what stands before a name that ``names`` has not.
        lower: whether such a name also stands there with small initials (``TargetResources.Type``
            is ``targetResources.type``), as tables of a vendor's own write it.
        keywords: where values without a name are looked for.
        nested: where the objects stand of which each is an event to Sigma.
        fed_by: decoders and shapes of ours.
        note: for people, where nothing of ours decodes it.
    """

    alternatives: tuple[Alternative, ...] = ()
    names: Mapping[str, tuple[str, ...]] = {}
    inside: Mapping[str, str] = {}
    prefixes: tuple[str, ...] = ("",)
    lower: bool = False
    keywords: tuple[str, ...] = ("*",)
    nested: str = ""
    fed_by: tuple[str, ...] = ()
    note: str = ""

    def __hash__(self) -> int:
        """By what tells rows apart: mappings have no hash."""
        return hash((self.alternatives, self.prefixes, self.keywords, self.nested, self.fed_by))

    def spelled(self, name: str) -> Iterator[str]:
        """The fields of a name that has none of its own."""
        for prefix in self.prefixes:
            if self.lower:
                small = ".".join(part[:1].lower() + part[1:] for part in name.split("."))
                yield prefix + small
            else:
                yield prefix + name
        for beginning, field in self.inside.items():
            if name.startswith(beginning):
                yield field + name.removeprefix(beginning)


def names(text: str) -> dict[str, tuple[str, ...]]:
    """A table of names: ``Image process.executable`` a line, several fields one behind another.

    A line that begins with ``+`` goes on with the one above.
    """
    rows = (line.split() for line in _GOES_ON.sub(" ", text.strip()).splitlines())
    return {name: tuple(fields) for name, *fields in rows}


def dataset(*values: str) -> Alternative:
    """Events of a data set of Elastic's."""
    return (("event.dataset", values),)


def host_event(system: str, category: str, *types: str) -> Alternative:
    """Events of a host in ECS."""
    kinds: Alternative = (("event.type", types),) if types else ()
    return (("host.os.type", (system,)), ("event.category", (category,)), *kinds)
