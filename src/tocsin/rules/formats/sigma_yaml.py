"""Sigma's rules, correlations and filters: YAML, all files together.

    title: …                     title: …
    logsource: {category: …}     correlation: {type: event_count, rules: [failed_logon], …}
    detection: {…}

Files refer to each other: a correlation names rules by id or name, a filter names the rules that it
narrows. What does not load, and as which problem:

* ``needs_values``: a rule with placeholders (``%admins%``) that the user gave no values for
* ``unsupported``: an aggregation in a condition, a regular expression that RE2 has no words for
* ``syntax``, ``semantic``, ``invalid``: broken ones; the others load

A rule whose log source nothing here decodes loads, and says so (``no_source``). A rule that a
correlation is about keeps silent itself, unless every such correlation says ``generate: true``.

Specification 2.1: https://sigmahq.io/sigma-specification/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tocsin.errors import QueryError, RuleError
from tocsin.rules.environment import Environment
from tocsin.rules.formats._sigma_correlations import Base, Definition, compiled, read_correlation
from tocsin.rules.formats._sigma_documents import SigmaDocument, documents_of
from tocsin.rules.formats._sigma_events import Event, Narrowing, read_event, read_filter
from tocsin.rules.formats._sigma_metadata import Metadata
from tocsin.rules.model import Loaded, Problem, ProblemKind, Rule

SUFFIXES: tuple[str, ...] = (".yml", ".yaml")

_KEY = r"^[\"']?{}[\"']?[ \t]*:"
_LOGSOURCE: Final = re.compile(_KEY.format("logsource"), re.MULTILINE)
_DETECTION: Final = re.compile(_KEY.format("(?:detection|filter)"), re.MULTILINE)
_TITLE: Final = re.compile(_KEY.format("title"), re.MULTILINE)
_CONDITION: Final = re.compile(
    r"^detection[ \t]*:[^\n]*\n(?:(?:[ \t#][^\n]*)?\n)*?[ \t]+condition[ \t]*:", re.MULTILINE
)
_CORRELATION: Final = re.compile(_KEY.format("correlation"), re.MULTILINE)
_DEEPEST: Final = 20


def recognises(path: Path, text: str) -> bool:
    """Whether it has a correlation, or a log source with a detection or a filter, at its top.

    A detection below a title is one too: its log source was forgotten, and somebody should say so.
    """
    if path.suffix.lower() not in SUFFIXES:
        return False
    if _LOGSOURCE.search(text) is not None and _DETECTION.search(text) is not None:
        return True
    if _TITLE.search(text) is not None and _CONDITION.search(text) is not None:
        return True
    return _CORRELATION.search(text) is not None


def load(files: Sequence[tuple[Path, str]], environment: Environment) -> Loaded:
    """The rules of all files."""
    collection = _Collection(environment.values)
    for path, text in files:
        collection.add(str(path), text)
    return collection.loaded(len(files))


class _Collection:
    """What the files hold, and what became of it."""

    def __init__(self, placeholders: Mapping[str, tuple[str, ...]]) -> None:
        self._placeholders = placeholders
        self._documents: list[SigmaDocument] = []
        self._problems: list[Problem] = []
        self._rules: dict[int, Rule] = {}
        self._bases: dict[int, Base] = {}
        self._why: dict[int, ProblemKind] = {}
        self._named: dict[str, int] = {}
        self._definitions: dict[int, Definition] = {}

    def add(self, path: str, text: str) -> None:
        """Reads a file."""
        documents, problems = documents_of(path, text)
        self._documents += documents
        self._problems += problems

    def loaded(self, files: int) -> Loaded:
        """Compiles everything."""
        for number, document in enumerate(self._documents):
            if document.kind != "filter":
                for name in document.references:
                    self._named.setdefault(name, number)
        filters = self._filters()
        for number, document in enumerate(self._documents):
            if document.kind == "event":
                event, problems = read_event(document, filters, self._placeholders)
                self._keep(number, event, problems)
        self._problems += [narrowing.problem for narrowing in filters if narrowing.problem]
        self._problems += [_unmet(narrowing) for narrowing in filters if not narrowing.met]
        self._correlations()
        self._silence()
        return Loaded(
            tuple(self._rules[number] for number in sorted(self._rules)),
            tuple(self._problems),
            files,
        )

    # --- rules and filters ---

    def _filters(self) -> list[Narrowing]:
        found: list[Narrowing] = []
        for document in self._documents:
            if document.kind == "filter":
                try:
                    found.append(read_filter(document))
                except RuleError as error:
                    self._problems.append(document.problem("invalid", str(error)))
        return found

    def _keep(self, number: int, event: Event | None, problems: Iterable[Problem]) -> None:
        self._problems += problems
        if event is None:
            self._fail(number, problems)
        else:
            self._rules[number] = event.rule
            self._bases[number] = Base(event.rule.query, event.source)

    def _fail(self, number: int, problems: Iterable[Problem]) -> None:
        kinds = [problem.kind for problem in problems if problem.kind != "warning"]
        self._why[number] = kinds[0] if kinds else "invalid"

    # --- correlations ---

    def _correlations(self) -> None:
        for number, document in enumerate(self._documents):
            if document.kind != "correlation":
                continue
            try:
                self._definitions[number] = read_correlation(document)
            except QueryError as error:
                self._refuse(number, error.kind, str(error))  # type: ignore[arg-type]
            except RuleError as error:
                self._refuse(number, "invalid", str(error))
        for number in self._definitions:
            self._correlate(number, ())

    def _refuse(self, number: int, kind: ProblemKind, message: str) -> None:
        self._why[number] = kind
        self._problems.append(self._documents[number].problem(kind, message))

    def _correlate(self, number: int, above: tuple[int, ...]) -> None:
        """Compiles a correlation and those below it; ``above`` are those that lead to it."""
        if number in self._rules or number in self._why:
            return
        definition = self._definitions[number]
        found: dict[str, Base] = {}
        for name in definition.rules:
            below = self._named.get(name)
            if below in self._definitions and below is not None:
                if below in (*above, number) or len(above) > _DEEPEST:
                    message = f"the correlation is about itself, by way of {name!r}"
                    self._refuse_rule(number, "invalid", message)
                    return
                self._correlate(below, (*above, number))
            base = None if below is None else self._bases.get(below)
            if base is None:
                self._refuse_base(number, name, below)
                return
            found[name] = base
        aliases = self._aliases(number, definition)
        if aliases is not None:
            self._build(number, msgspec.structs.replace(definition, aliases=aliases), found)

    def _aliases(
        self, number: int, definition: Definition
    ) -> Mapping[str, Mapping[str, str]] | None:
        """The aliases by what the correlation calls its rules: they may use the other name."""
        called = {self._named[name]: name for name in definition.rules}
        found: dict[str, dict[str, str]] = {}
        for alias, fields in definition.aliases.items():
            for rule, field in fields.items():
                below = self._named.get(rule)
                if below not in called:
                    place = self._documents[number].place("correlation", "aliases", alias)
                    message = f"{place}: the alias is for {rule!r}, which is none of the rules"
                    self._refuse(number, "invalid", message)
                    return None
                found.setdefault(alias, {})[called[below]] = field
        return found

    def _refuse_base(self, number: int, name: str, below: int | None) -> None:
        if below is None:
            message = f"the correlation is about a rule {name!r}, which is not among the rules here"
            self._refuse_rule(number, "invalid", message)
        else:
            kind = self._why.get(below, "invalid")
            title = self._documents[below].title
            message = f"the correlation is about {name!r} ({title}), which did not load"
            self._refuse_rule(number, kind, message)

    def _refuse_rule(self, number: int, kind: ProblemKind, message: str) -> None:
        document = self._documents[number]
        self._refuse(number, kind, f"{document.place('correlation', 'rules')}: {message}")

    def _build(self, number: int, definition: Definition, bases: Mapping[str, Base]) -> None:
        document = self._documents[number]
        metadata = Metadata(document)
        fields = metadata.fields()
        self._problems += metadata.problems
        if any(problem.kind != "warning" for problem in metadata.problems):
            self._fail(number, metadata.problems)
            return
        query = compiled(definition, bases)
        line, text = document.document.block("correlation")
        self._rules[number] = Rule(**fields, line=line, text=text, query=query)
        self._bases[number] = Base(query, next(iter(bases.values())).source)

    def _silence(self) -> None:
        """Rules that correlations are about ring for the correlations alone."""
        for number, definition in self._definitions.items():
            if number not in self._rules or definition.generate:
                continue
            for name in definition.rules:
                below = self._named[name]
                self._rules[below] = msgspec.structs.replace(self._rules[below], silent=True)


def _unmet(narrowing: Narrowing) -> Problem:
    document = narrowing.document
    message = f"{document.place('filter')}: the filter is for no rule that is here"
    return document.problem("warning", message)
