"""Every exception that Tocsin raises on purpose, as one tree.

* TocsinError
    * QueryError: a query that cannot be used; knows its text and where in it
        * QuerySyntaxError: the text does not follow the language's grammar
        * QuerySemanticError: it does, but the language refuses what it says (unknown function, …)
        * UnsupportedFeature: legal, but not yet run by Tocsin
    * RuleError: a rule file or a rule's metadata that cannot be used
    * InputError: an input that cannot be opened or whose format is unknown
    * StoreError: the alert store cannot be opened or used
    * UsageError: settings or a command line that make no sense
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.source_text import Span


class TocsinError(Exception):
    """The root: catch it to catch everything that Tocsin raises on purpose."""


class QueryError(TocsinError):
    """A query that cannot be used.

    Args:
        message: a lower-case sentence with the offending text.
        span: where in the text; its source gives line, column and caret.
        hint: what to do next, or nothing.
    """

    kind = "query"

    def __init__(self, message: str, span: Span | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint

    def __str__(self) -> str:
        """The message, its place with a caret, and the hint, on as many lines as they need."""
        parts = [self.message]
        if self.span is not None:
            parts = [f"{self.span.where()}: {self.message}", self.span.caret()]
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)


class QuerySyntaxError(QueryError):
    """The text does not follow the grammar of its language."""

    kind = "syntax"


class QuerySemanticError(QueryError):
    """The text parses, but its language refuses what it says."""

    kind = "semantic"


class UnsupportedFeature(QueryError):  # noqa: N818  (it says what is missing, not what went wrong)
    """A legal query that Tocsin does not run yet."""

    kind = "unsupported"


class RuleError(TocsinError):
    """A rule file, or a rule's metadata, that cannot be used."""


class InputError(TocsinError):
    """An input that cannot be opened, or whose format is unknown."""


class StoreError(TocsinError):
    """The alert store cannot be opened or used."""


class UsageError(TocsinError):
    """Settings or a command line that make no sense."""
