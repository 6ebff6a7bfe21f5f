"""Texts, patterns and regular expressions → matchers, and what SECL refuses among them."""

from __future__ import annotations

from tocsin.errors import QuerySemanticError
from tocsin.events.schema.secl import FieldKind
from tocsin.languages.secl.operands import Constant
from tocsin.logic.matchers import Equals, Matcher, PathGlob, Regex, Wildcard
from tocsin.logic.path_globs import check_path_glob, check_path_literal


def matchers_of(kind: FieldKind, constants: list[Constant]) -> list[Matcher]:
    """One matcher for the plain texts, one for the patterns, one for the regular expressions."""
    # SECL: a pattern without '*' is the text itself.
    plain = [c for c in constants if c.form == "text" or (c.form == "pattern" and not _stars(c))]
    patterns = tuple(str(c.value) for c in constants if c.form == "pattern" and _stars(c))
    regexes = tuple(str(c.value) for c in constants if c.form == "regex")
    found: list[Matcher] = []
    if plain:
        found.append(Equals(tuple(dict.fromkeys(c.value for c in plain)), kind.fold_case))
    if patterns and kind.glob:
        found.append(PathGlob(patterns, kind.fold_case))
    elif patterns:
        found.append(Wildcard(tuple(_glob(p) for p in patterns), kind.fold_case))
    if regexes:
        # Case counts even where texts ignore it, and '.' is no line break, as in Go.
        # https://pkg.go.dev/regexp/syntax
        found.append(Regex(tuple(_go_regex(p) for p in regexes), whole=False, texts=regexes))
    return found


def _stars(constant: Constant) -> bool:
    return "*" in str(constant.value)


def _glob(pattern: str) -> str:
    """The pattern as a glob of `patterns`: ``*`` alone is special."""
    return pattern.replace("\\", "\\\\").replace("?", "\\?")


def _go_regex(pattern: str) -> str:
    return f"(?-s:{pattern})" if "." in pattern else pattern


def check_text(kind: FieldKind, constant: Constant, left: str) -> None:
    """Refuses a constant that makes no sense for what stands on the left.

    Raises:
        QuerySemanticError: it does not.
    """
    text, reason = str(constant.value), None
    match constant.form:
        case "regex":
            reason = _check_regex(text)
            if kind.path:
                reason = f"{left} is a path, which takes patterns and no regexp"
        case "pattern":
            if kind.glob:
                reason = check_path_glob(text)
            elif "**" in text:
                reason = f"'**' is for paths, and {left} is none"
        case _:
            pass
    if reason is None and kind.path and constant.form != "regex":
        reason = check_path_literal(text)
    if reason is not None:
        raise QuerySemanticError(reason, constant.span)


def _check_regex(pattern: str) -> str | None:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(_go_regex(pattern), options)
    except (re2.error, UnicodeEncodeError, ValueError) as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return f"not a regular expression: {text}"
    return None
