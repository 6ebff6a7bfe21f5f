"""What ``tocsin rules lint`` prints, for people and as JSON; and how problems are told apart."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tocsin.cli._screen import console, number_of, safe, safe_lines, styled, styled_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from tocsin.catalogue.lint import Finding
    from tocsin.rules.model import Loaded, Problem, Rule

_PLACE = re.compile(r":(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?: ")

_LEVELS: Final = {"error": "bold red", "warning": "yellow", "note": "dim"}


def not_loaded(loaded: Loaded) -> list[Problem]:
    """The rules that did not load, each by the first of its problems.

    A rule may have several. A rule that its conditions rule out may stand there again under the
    same id with other conditions, and is another one each time.
    """
    first: dict[tuple[str, ...], Problem] = {}
    for number, problem in enumerate(loaded.problems):
        if not problem.loads:
            again = str(number) if problem.kind == "not_applicable" else ""
            first.setdefault((problem.path, problem.rule_id, problem.name, again), problem)
    return list(first.values())


def level_of(problem: Problem) -> str:
    """``error`` for what does not load by its own fault, ``warning``, else ``note``."""
    if problem.is_failure:
        return "error"
    return "warning" if problem.kind == "warning" else "note"


def place_of(problem: Problem) -> tuple[int, int | None, str] | None:
    """Line, column and the rest of a message that begins with its place; None for another."""
    if not problem.message.startswith(problem.path):
        return None
    found = _PLACE.match(problem.message, len(problem.path))
    if found is None:
        return None
    column = found["column"] and int(found["column"])
    return int(found["line"]), column or None, problem.message[found.end() :]


def placed(problem: Problem) -> tuple[str, list[str]]:
    """Where a problem is, as exactly as it says, and its message without that."""
    place = place_of(problem)
    if place is None:
        return problem.path, safe_lines(problem.message.removeprefix(f"{problem.path}: "))
    line, column, message = place
    where = f"{problem.path}:{line}" + (f":{column}" if column else "")
    return where, safe_lines(message)


def find_slow(rules: Sequence[Rule]) -> list[Finding]:
    """Patterns that are beyond a limit of the engine, and so slow."""
    from tocsin.catalogue.lint import Finding, span_of
    from tocsin.runtime.slow_patterns import slow_patterns_of

    return [
        Finding(
            one.rule,
            "slow-pattern",
            f"{one.message}; asked apart from the others, which is slower",
            span_of(one.rule, one.field) if one.field else None,
        )
        for one in slow_patterns_of(rules)
    ]


def lint_as_data(loaded: Loaded, findings: Iterable[Finding]) -> dict[str, Any]:
    """The JSON of ``tocsin rules lint``."""
    return {
        "files": loaded.files,
        "rules": len(loaded.rules) + len(not_loaded(loaded)),
        "loaded": len(loaded.rules),
        "findings": [*map(_problem_as_data, loaded.problems), *map(_finding_as_data, findings)],
    }


def _problem_as_data(problem: Problem) -> dict[str, Any]:
    line, column, _ = place_of(problem) or (None, None, "")
    return {
        "level": level_of(problem),
        "check": problem.kind,
        "path": problem.path,
        "line": line,
        "column": column,
        "rule_id": problem.rule_id,
        "message": problem.message,
    }


def _finding_as_data(found: Finding) -> dict[str, Any]:
    return {
        "level": "warning",
        "check": found.check,
        "path": found.rule.path,
        "line": found.span.line if found.span else None,
        "column": found.span.column if found.span else None,
        "rule_id": found.rule.id,
        "message": found.message,
    }


class _Block(NamedTuple):
    """One thing to say, and where; sorted by the first two."""

    path: str
    line: int
    where: str
    lines: list[str]
    level: str
    check: str
    rule_id: str


def print_lint(loaded: Loaded, findings: Sequence[Finding]) -> None:
    """The report of ``tocsin rules lint``: one block a problem, compilers' fashion."""
    from rich.text import Text

    screen = console()
    blocks = [*map(_problem_block, loaded.problems), *map(_finding_block, findings)]
    for block in sorted(blocks, key=lambda block: block[:2]):
        _print_block(screen, block)
    if blocks:
        screen.print()
    levels = Counter(block.level for block in blocks)
    parts = [
        styled(number_of(levels[level], level), style)
        for level, style in _LEVELS.items()
        if levels[level]
    ]
    total = len(loaded.rules) + len(not_loaded(loaded))
    head = f"{number_of(loaded.files, 'file')}, {number_of(total, 'rule')}:"
    screen.print(head, Text(", ").join(parts or [styled("nothing to complain about", "green")]))


def _problem_block(problem: Problem) -> _Block:
    line, _, _ = place_of(problem) or (0, 0, "")
    where, lines = placed(problem)
    level = level_of(problem)
    return _Block(problem.path, line, where, lines, level, problem.kind, problem.rule_id)


def _finding_block(found: Finding) -> _Block:
    rule, span = found.rule, found.span
    lines = [safe(found.message), *(safe_lines(span.caret()) if span else [])]
    where = span.where() if span else rule.path
    return _Block(
        rule.path, span.line if span else 0, where, lines, "warning", found.check, rule.id
    )


def _print_block(screen: Console, block: _Block) -> None:
    from rich.text import Text

    head = Text.assemble(
        (f"{safe(block.where)}: ", "bold"),
        (f"{block.level}: ", _LEVELS[block.level]),
        block.lines[0] if block.lines else "",
        (f" [{block.check}]", "dim"),
        (f" {safe(block.rule_id)}" if block.rule_id else "", "dim"),
    )
    screen.print(head, soft_wrap=True)
    for line in block.lines[1:]:
        screen.print(styled_line(line), soft_wrap=True)
