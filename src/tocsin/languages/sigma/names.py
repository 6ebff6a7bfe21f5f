"""What a rule's names stand for, and where its parts stand in a file: given by who has the rule.

The language knows neither documents nor files: a `Fields` says which fields of an event a name of
Sigma means, and a `Places` where in the text a part of the detection stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tocsin.errors import QueryError
from tocsin.source_text import Span

Path = tuple[str | int, ...]
"""Where something stands in a detection: keys of maps and places in lists, from the outside."""

Places = Callable[[Path, bool], Span | None]
"""The stretch of text of a value, or, where the second argument says so, of its key."""


def nowhere(path: Path, key: bool) -> Span | None:
    """For a detection that comes from no text."""
    del path, key
    return None


class Fields(Protocol):
    """The fields of events that are meant by Sigma's names."""

    def fields_of(self, name: str) -> tuple[str, ...]:
        """The fields that a name stands for; a condition holds where it does for one of them."""

    def empty_in(self, name: str) -> tuple[str, ...]:
        """More fields of a name, which say nothing (``""``, ``-``) where the others are absent."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """The fields in which a value without a name is looked for; with ``*`` for many."""


class AsTheyAre:
    """Names that are fields themselves."""

    keywords: tuple[str, ...] = ("*",)

    def fields_of(self, name: str) -> tuple[str, ...]:
        """The name."""
        return (name,)

    def empty_in(self, name: str) -> tuple[str, ...]:
        """None: a field that says nothing is there."""
        del name
        return ()


class NeedsValues(QueryError):  # noqa: N818  (it says what is missing, not what went wrong)
    """A rule with placeholders (``%admins%``) that nobody gave values for.

    Attributes:
        names: the placeholders, each once.
    """

    kind = "needs_values"

    def __init__(self, names: tuple[str, ...], span: Span | None = None) -> None:
        several = "s" if len(names) > 1 else ""
        message = f"the placeholder{several} {', '.join(f'%{name}%' for name in names)} "
        message += "have no values" if several else "has no values"
        hint = f"--values FILE, with '{names[0]}: [one, another]' in it"
        super().__init__(message, span, hint)
        self.names = names
