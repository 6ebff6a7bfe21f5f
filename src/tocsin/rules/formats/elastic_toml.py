"""Elastic's detection rules as their repository holds them: one rule a TOML file.

    [metadata]
    maturity = "production"
    [rule]
    rule_id = "…"
    type = "eql"
    query = '''…'''

`_elastic` reads what its table ``[rule]`` says, as it reads a rule from anywhere; here is what
belongs to the file: TOML, the table ``[metadata]``, and the line on which the query stands.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tocsin.rules.environment import Environment
from tocsin.rules.formats._elastic import read_rule
from tocsin.rules.model import Loaded, Problem
from tocsin.source_text import SourceText

SUFFIXES: tuple[str, ...] = (".toml",)

_TABLE = re.compile(r"^\[rule\][ \t]*(?:#.*)?$", re.MULTILINE)
_FIRST_LINE = re.compile(r"\[|[\w.\"'-]+[ \t]*=")
_QUERY = re.compile(r"^query[ \t]*=[ \t]*('''|\"\"\"|'|\")", re.MULTILINE)


def recognises(path: Path, text: str) -> bool:
    """Whether it begins as TOML does and has a table ``[rule]``; for another ending, all TOML."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if not _FIRST_LINE.match(first) or not _TABLE.search(text):
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        return isinstance(tomllib.loads(text).get("rule"), dict)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def load(files: Sequence[tuple[Path, str]], environment: Environment) -> Loaded:
    """The rules of all files, each by itself."""
    return Loaded.together(load_file(path, text) for path, text in files)


def load_file(path: Path, text: str) -> Loaded:
    """The rule in the file, or what keeps it from being one."""
    name = str(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _unreadable(name, str(error))
    except RecursionError:
        return _unreadable(name, "nested too deeply")
    rule = document.get("rule")
    if not isinstance(rule, dict):
        return _unreadable(name, "there is no table [rule]")
    metadata = document.get("metadata")
    maturity = metadata.get("maturity") if isinstance(metadata, dict) else None
    value = rule.get("query")
    query = value if isinstance(value, str) else ""
    line = _line_of_query(text, query)
    return read_rule(
        rule, name, SourceText(query, name, line), line=line,
        maturity=maturity if isinstance(maturity, str) else "",
    )  # fmt: skip


def _unreadable(path: str, reason: str) -> Loaded:
    found = re.search(r" ?\(at line (\d+), column (\d+)\)", reason)
    place = f"{path}:{found[1]}:{found[2]}" if found else path
    reason = reason if found is None else reason.replace(found[0], "")
    message = f"{place}: not an Elastic rule: {reason[:1].lower()}{reason[1:]}"
    return Loaded((), (Problem(path, "", "unreadable", message),), files=1)


def _line_of_query(text: str, query: str) -> int:
    """The line of the file on which the query's own text begins; 1 where it is not found."""
    table = _TABLE.search(text)
    for found in _QUERY.finditer(text, table.end() if table else 0):
        quote = found[1]
        closing = re.compile(rf"{quote}{{1,3}}" if len(quote) == 1 else rf"{quote[0]}{{3,5}}")
        end = closing.search(text, found.end())
        if end is None and len(quote) > 1:
            continue
        stop = text.find("\n", found.end()) if len(quote) == 1 else end.end() if end else 0
        try:
            value = tomllib.loads(text[found.start() : stop if stop > 0 else len(text)]).get(
                "query"
            )
        except tomllib.TOMLDecodeError:
            continue
        if value == query:
            at = found.end()
            opens_line = text.startswith(("\n", "\r\n"), at) and len(quote) > 1
            return text.count("\n", 0, at) + 1 + opens_line
    return 1
