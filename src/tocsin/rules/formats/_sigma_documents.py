"""The documents of Sigma files: rules, correlations and filters, told apart.

    action: global          what the rules behind it have in common
    ---
    detection: {…}          a rule
    ---
    action: repeat          the rule before it once more, with this changed
    ---
    action: reset           nothing in common any more

Collections: https://sigmahq.io/sigma-specification/specification/sigma-rules-specification.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from tocsin.errors import RuleError
from tocsin.rules.formats._yaml import Document, read_documents
from tocsin.rules.model import Problem, ProblemKind

Kind = Literal["event", "correlation", "filter"]

KINDS: Final[tuple[Kind, ...]] = ("event", "correlation", "filter")


class SigmaDocument(msgspec.Struct, frozen=True):
    """A rule, a correlation or a filter as it stands in a file.

    Attributes:
        kind: which of them.
        values: its keys, with what an action gave it.
        document: where it stands.
    """

    kind: Kind
    values: Mapping[str, Any]
    document: Document

    @property
    def path(self) -> str:
        """The file."""
        return self.document.name

    @property
    def rule_kind(self) -> str:
        """What statistics count it as."""
        return f"sigma/{self.kind}"

    @property
    def title(self) -> str:
        """For people."""
        return self.text("title") or self.text("name")

    @property
    def id(self) -> str:
        """What alerts know it by."""
        return self.text("id") or self.text("name") or self.text("title")

    @property
    def references(self) -> tuple[str, ...]:
        """What correlations and filters may call it."""
        return tuple(name for name in (self.text("id"), self.text("name")) if name)

    def text(self, key: str) -> str:
        """A text or number at the top; else nothing."""
        value = self.values.get(key)
        is_text = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        return str(value).strip() if is_text else ""

    def place(self, *path: object) -> str:
        """``file:line`` of a key, or of the whole."""
        span = self.document.span(path, key=True) if path else None
        line = self.document.first_line if span is None else span.line
        return f"{self.path}:{line}"

    def problem(self, kind: ProblemKind, message: str) -> Problem:
        """Something to be said of it."""
        return Problem(self.path, self.id, kind, message, self.rule_kind, self.title)


def documents_of(path: str, text: str) -> tuple[list[SigmaDocument], list[Problem]]:
    """The rules, correlations and filters of a file, and what is wrong with others."""
    try:
        documents = read_documents(text, path)
    except RuleError as error:
        return [], [Problem(path, "", "unreadable", str(error), "sigma")]
    found: list[SigmaDocument] = []
    problems: list[Problem] = []
    for one in _acted_out(documents):
        if isinstance(one, SigmaDocument):
            found.append(one)
        else:
            problems.append(one)
    return found, problems


def _acted_out(documents: list[Document]) -> Iterator[SigmaDocument | Problem]:
    common: dict[str, Any] = {}
    before: dict[str, Any] = {}
    for document in documents:
        values = document.values
        if not isinstance(values, dict):
            message = f"{document.name}:{document.first_line}: expected keys and values"
            yield Problem(document.name, "", "invalid", message, "sigma")
            continue
        values = {str(key): value for key, value in values.items()}
        action = values.pop("action", None)
        match action:
            case "global":
                common = before = values
            case "reset":
                common = {}
            case "repeat":
                before = _updated(before, values)
                yield SigmaDocument("event", before, document)
            case None if "correlation" in values:
                yield SigmaDocument("correlation", values, document)
            case None if "filter" in values:
                yield SigmaDocument("filter", values, document)
            case None:
                before = _updated(values, common)
                yield SigmaDocument("event", before, document)
            case _:
                found = SigmaDocument("event", values, document)
                message = f"{found.place()}: unknown action {action!r}"
                yield found.problem("invalid", f"{message}\nhint: global, reset or repeat")


def _updated(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values with changes, which reach into mappings."""
    result = dict(values)
    for key, value in changes.items():
        below = result.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            value = _updated(below, value)
        result[key] = value
    return result
