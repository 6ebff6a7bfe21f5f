"""Datadog's published pages of signal rules: Markdown with front matter, and no query.

    ---
    aliases: [0yz-7md-lqk, /security_monitoring/default_rules/aws_metadata_service]
    kind: documentation
    type: security_rules
    title: Network utility accessed cloud metadata service
    ---
    ## Goal …

The query of such a rule is not public. It comes from a *companion*, YAML with the keys ``aliases
severity language macros expression about``, in SECL or, with ``language: datadog_query``, in the
log search that the rule itself would be written in:

* ``<page>.companion.yaml`` beside the page, or
* one that ships with Tocsin, in ``rules/companions/datadog``, found by the page's aliases.

A page without one is a problem of the kind ``no_query``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from tocsin.errors import QueryError, RuleError
from tocsin.languages import datadog_query
from tocsin.languages.secl import compile_query
from tocsin.logic.query import Query
from tocsin.premises import note_file
from tocsin.rules.environment import Environment
from tocsin.rules.formats._datadog import Entry, macro_of, read_yaml, threats_of
from tocsin.rules.model import (
    RISK_SCORES,
    SEVERITIES,
    Loaded,
    Problem,
    ProblemKind,
    Rule,
    Severity,
    severity_of,
)
from tocsin.source_text import SourceText

SUFFIXES: tuple[str, ...] = (".md",)

KIND: Final = "secl/signal"
_KINDS: Final = {"secl": KIND, "datadog_query": "datadog_query/signal"}
"""What a companion may be written in, and as what the rule is counted."""

COMPANION_SUFFIX: Final = ".companion.yaml"

_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_TYPE = re.compile(r"""^type[ \t]*:[ \t]*["']?security_rules["']?[ \t]*$""", re.MULTILINE)
_GOAL = re.compile(r"^#+[ \t]*Goal[ \t]*$(.*?)(?=^#|\Z)", re.DOTALL | re.MULTILINE)
_SHIPPED: Final = Path(__file__).resolve().parent.parent / "companions" / "datadog"


def recognises(path: Path, text: str) -> bool:
    """Whether its front matter is of a security rule; also the companion of a page."""
    if path.name.endswith(COMPANION_SUFFIX):
        return True
    found = _FRONT_MATTER.match(text.replace("\r\n", "\n"))
    return found is not None and _TYPE.search(found[1]) is not None


def load(files: Sequence[tuple[Path, str]], environment: Environment) -> Loaded:
    """The rules of all files, each by itself."""
    return Loaded.together(load_file(path, text) for path, text in files)


def load_file(path: Path, text: str) -> Loaded:
    """The rule of a page; a companion alone is none and says nothing."""
    if path.name.endswith(COMPANION_SUFFIX):
        return Loaded(files=1)
    text = text.replace("\r\n", "\n")
    found = _FRONT_MATTER.match(text)
    if found is None:
        return Loaded(problems=(_problem(path, "invalid", f"{path}: no front matter"),), files=1)
    try:
        # Empty lines in front, so that places are those of the page.
        above = "\n" * text.count("\n", 0, found.start(1))
        page = read_yaml(above + found[1], str(path))
    except RuleError as error:
        return Loaded(problems=(_problem(path, "unreadable", str(error)),), files=1)
    body = text[found.end() :].strip()
    aliases = _aliases(page)
    rule_id, title = (aliases[0] if aliases else path.stem), page.text("title")
    try:
        companion = _companion(path, aliases)
        if companion is None:
            message = (
                f"{path}: Datadog publishes no query for this rule, and Tocsin has no companion "
                f"for it\nhint: write one as {path.stem}{COMPANION_SUFFIX} beside it"
            )
            problem = _problem(path, "no_query", message, rule_id, title)
            return Loaded(problems=(problem,), files=1)
        rule = _rule(path, page, companion, body, rule_id)
    except QueryError as error:
        kind: ProblemKind = error.kind  # type: ignore[assignment]
        return Loaded(problems=(_problem(path, kind, str(error), rule_id, title),), files=1)
    except RuleError as error:
        return Loaded(problems=(_problem(path, "invalid", str(error), rule_id, title),), files=1)
    return Loaded((rule,), files=1)


def _rule(path: Path, page: Entry, companion: Entry, body: str, rule_id: str) -> Rule:
    language = companion.text("language") or "secl"
    if language not in _KINDS:
        message = f"{companion.name}:{companion.line('language')}: unknown language {language!r}"
        raise RuleError(message)
    source = companion.source("expression")
    if not source.text.strip():
        message = f"{companion.name}: the companion has no expression"
        raise RuleError(message)
    severity = _severity(companion)
    return Rule(
        id=rule_id,
        name=page.text("title") or rule_id,
        vendor="datadog",
        path=str(path),
        language=language,
        type="signal",
        kind=_KINDS[language],
        text=source.text.strip(),
        query=_query(companion, source, language),
        description=description_of(body),
        severity=severity,
        risk_score=RISK_SCORES[severity],
        tags=tuple(dict.fromkeys([*page.texts("rule_category"), *page.texts("source")])),
        threat=threats_of([page.text("tactic"), *page.texts("technique"),
                           *page.texts("subtechnique")]),
        guide=body,
        setup=companion.text("about").strip(),
    )  # fmt: skip


def _query(companion: Entry, source: SourceText, language: str) -> Query:
    if language != "secl":
        return datadog_query.compile_query(source)
    macros = {
        entry.text("id"): macro_of(entry)
        for entry in companion.entries("macros")
        if entry is not None
    }
    return compile_query(source, macros)


def _severity(companion: Entry) -> Severity:
    word = companion.text("severity")
    severity = severity_of(word) if word else "low"
    if severity is None:
        message = (
            f"{companion.name}:{companion.line('severity')}: unknown severity {word!r}\n"
            f"hint: one of {', '.join(SEVERITIES)}"
        )
        raise RuleError(message)
    return severity


def description_of(body: str) -> str:
    """The text of the section "Goal", where there is one, else the first paragraph."""
    goal = _GOAL.search(body)
    text = goal[1] if goal else body
    return " ".join(text.strip().split("\n\n")[0].split())


def _aliases(page: Entry) -> tuple[str, ...]:
    """The last parts of the page's paths, each once."""
    parts = (alias.rstrip("/").rpartition("/")[2] for alias in page.texts("aliases"))
    return tuple(dict.fromkeys(part for part in parts if part))


def _companion(path: Path, aliases: tuple[str, ...]) -> Entry | None:
    """The companion beside the page, else the one that ships for one of its aliases.

    Raises:
        RuleError: it cannot be read.
    """
    beside = path.with_name(path.stem + COMPANION_SUFFIX)
    note_file(beside)
    if beside.is_file():
        return _read(beside)
    return next((shipped for alias in aliases if (shipped := _shipped().get(alias))), None)


@cache
def _shipped() -> dict[str, Entry]:
    """The companions that ship with Tocsin, by alias."""
    found: dict[str, Entry] = {}
    for file in sorted(_SHIPPED.glob("*.yaml")):
        companion = _read(file)
        for alias in companion.texts("aliases"):
            found.setdefault(alias, companion)
    return found


def _read(file: Path) -> Entry:
    try:
        return read_yaml(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: {error}"
        raise RuleError(message) from None


def _problem(
    path: Path, kind: ProblemKind, message: str, rule_id: str = "", name: str = ""
) -> Problem:
    return Problem(str(path), rule_id, kind, message, KIND, name)
