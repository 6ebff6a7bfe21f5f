"""Which rules see which events: Elastic's index patterns over where an event is, or would be.

An event's names are its ``_index`` and what its data stream says; an event that has neither is
named by its dataset and by the beat that sent it; one without any of it is seen by every rule.

>>> stream = Origin(type="logs", dataset="endpoint.events.network", namespace="default")
>>> sees(("logs-endpoint.events.network-*",), stream), sees(("logs-okta*",), stream)
(True, False)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from tocsin.events.fields import reader
from tocsin.logic.patterns import glob_matches

_LONGEST_NAME = 300
_BACKING = re.compile(r"(?:partial-|restored-|shrink-\w+-)*\.ds-(.+)-\d{4}\.\d\d\.\d\d-\d{6,}\Z")


class Origin(msgspec.Struct, frozen=True):
    """What an event says about where it belongs; empty: it does not say.

    The fields that they come from stand in `FIELDS`, in the same order.
    """

    index: str = ""
    type: str = ""
    dataset: str = ""
    namespace: str = ""
    event_dataset: str = ""
    agent_type: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The indices that the event is in, or would be."""
        found: list[str] = []
        if self.index:
            index = self.index.rpartition(":")[2]
            backing = _BACKING.match(index)
            found += [index] if backing is None else [backing[1], index]
        if self.dataset:
            found.append(f"{self.type or 'logs'}-{self.dataset}-{self.namespace or 'default'}")
        if found:
            return tuple(found)
        if self.event_dataset:
            found.append(f"logs-{self.event_dataset}-default")
            if self.agent_type.endswith("beat"):
                found.append(f"{self.agent_type}-default")
        return tuple(found)


FIELDS = (
    "_index",
    "data_stream.type",
    "data_stream.dataset",
    "data_stream.namespace",
    "event.dataset",
    "agent.type",
)
"""The fields of an event that make its `Origin`."""

_READERS = tuple(map(reader, FIELDS))


def origin_of(document: Mapping[str, Any]) -> Origin:
    """The origin of an event; of a field with several values, the first."""
    first = (read(document) for read in _READERS)
    return Origin(*[one[0] if one and isinstance(one[0], str) else "" for one in first])


def sees(patterns: tuple[str, ...], origin: Origin) -> bool:
    """Whether a rule with these index patterns looks at an event of this origin.

    Patterns are taken in order, as Elasticsearch does: ``-pattern`` takes away what those before
    it gave. A cluster in front (``*:logs-*``) makes no difference: there is but one place here.
    """
    longest = max(map(len, msgspec.structs.astuple(origin)))
    # What is remembered stays small: Elasticsearch itself takes no name of more than 255 bytes.
    ask = _sees if longest <= _LONGEST_NAME else _sees.__wrapped__
    return ask(patterns, origin)


@lru_cache(maxsize=65_536)
def _sees(patterns: tuple[str, ...], origin: Origin) -> bool:
    names = origin.names
    if not patterns or not names:
        return True
    seen = False
    for minus, glob in _globs(patterns):
        if any(glob_matches(glob, name) for name in names):
            seen = not minus
    return seen


@lru_cache(maxsize=4_096)
def _globs(patterns: tuple[str, ...]) -> tuple[tuple[bool, str], ...]:
    """(takes away, glob) pairs; ``?`` and a backslash are ordinary characters in them."""
    found: list[tuple[bool, str]] = []
    for pattern in (piece.strip() for entry in patterns for piece in entry.split(",")):
        if not pattern:
            continue
        minus = pattern.startswith("-")
        bare = pattern[minus:].rpartition(":")[2]
        if bare.startswith("-"):
            minus, bare = True, bare[1:]
        bare = "*" if bare == "_all" else bare
        found.append((minus, bare.replace("\\", "\\\\").replace("?", "\\?")))
    return tuple(found)
