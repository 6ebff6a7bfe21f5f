"""To whom variables belong: an event's host, process and ancestors, container and cgroup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from tocsin.events.fields import objects_of, values_of
from tocsin.events.record import Document
from tocsin.logic.agent_rule import Variable
from tocsin.logic.field_types import text_of

MOST_ANCESTORS: Final = 200
"""How many ancestors of a process are asked for an inherited value."""


class Scopes:
    """To whom an event's variables belong: its host, process, ancestors, container and cgroup."""

    def __init__(self, document: Document, process: str | None = None) -> None:
        self.host = first_of(document, ("host.id", "host.name", "agent.id", "agent.name"))
        self.pid = first_of(document, ("secl.process.pid", "process.pid"))
        self.created = first_of(document, ("secl.process.created_at",))
        self.process = process or process_key(self.pid, self.created)
        self._scopes: dict[str, str | None] = {
            "": "",
            "process": self.process,
            "container": first_of(document, ("secl.process.container.id", "secl.container.id",
                                           "container.id")) or None,
            "cgroup": first_of(document, ("secl.process.cgroup.id", "secl.cgroup.id")) or None,
        }  # fmt: skip
        self._document = document
        self._is_own = process is None
        self._family: list[tuple[str, str]] | None = None

    def withprocess_key(self, process: str) -> Scopes:
        """The same for another process of the host."""
        return Scopes(self._document, process)

    def family(self) -> list[tuple[str, str]]:
        """The (pid, time of its image) of the process and of its ancestors, the nearest first."""
        if self._family is None:
            ancestors = objects_of(self._document, "secl.process.ancestors")
            self._family = [(self.pid, self.created)]
            self._family += [
                (first_of(ancestor, ("pid",)), first_of(ancestor, ("created_at",)))
                for ancestor in ancestors[:MOST_ANCESTORS]
            ]
        return self._family

    def key(self, variable: Variable) -> str | None:
        """Under which a variable is remembered; None: the event has no such scope."""
        owner = self._scopes[variable.scope]
        return None if owner is None else self._named(variable, owner)

    def sources(self, variable: Variable) -> Iterator[tuple[str, int]]:
        """The keys under which a variable may have a value, the nearest first.

        With each comes the time since when what is there counts: what was set by pid alone may
        have been meant for a process that had the pid before.
        """
        own = self.key(variable)
        if own is None:
            return
        if variable.scope != "process" or not self._is_own:
            yield own, 0
            return
        for pid, created in self.family():
            process = process_key(pid, created)
            if process is not None:
                yield self._named(variable, process), 0
                if created:
                    since = int(created) if created.isdecimal() else 0
                    yield self._named(variable, process_key(pid, "") or ""), since
            if not variable.inherited:
                return

    def _named(self, variable: Variable, owner: str) -> str:
        return key_text([self.host, variable.name, owner])


def image_key(host: str, pid: str) -> str:
    """Under which it is remembered which image of a process has variables."""
    return f"image/{key_text([host, pid])}"


def process_key(pid: str, created: str) -> str | None:
    """A process: pids are used again, so that it takes the time of its image as well."""
    return f"{pid}@{created}" if pid and pid != "0" else None


def first_of(document: Mapping[str, Any], fields: Iterable[str]) -> str:
    """The first value that one of the fields has, as text; empty for none."""
    return next((text_of(v) for field in fields for v in values_of(document, field)), "")


def key_text(parts: Sequence[object]) -> str:
    """What something is remembered under: equal where the parts are, and only there."""
    return msgspec.json.encode(parts).decode()
