"""What ``tocsin rules show`` prints: one rule like a page of a catalogue, for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tocsin.cli._screen import (
    NARROW,
    WIDTH_OF_FILES,
    console,
    exact,
    number_of,
    put,
    safe,
    safe_lines,
    severity,
    styled,
    table,
)
from tocsin.cli.safe_text import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from tocsin.catalogue.page import Page, Row
    from tocsin.catalogue.stages import Stage
    from tocsin.catalogue.tree import Line
    from tocsin.rules.model import Rule, Threat

MARGIN: Final = 2

_LEAST = 8
_LEAST_VALUE = 18
_GAPS = 3 * 2
_STAGE = len("STAGE") + 2

PIECE_STYLES: Final = {
    "guide": "dim",
    "connective": "bold magenta",
    "field": "cyan",
    "operator": "dim",
    "value": "green",
    "script": "yellow",
    "note": "dim italic",
}
"""How the pieces of a tree look, by their role."""

_STRINGS = r"'''.*?'''|\"\"\".*?\"\"\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_WORDS = r"\b(?i:and|or|not|in|like|regex|where|sequence|by|with|until)\b|&&|\|\|"
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*\Z")


def print_page(page: Page, *, guide: bool) -> None:
    """Prints all of a rule's page.

    Args:
        page: the rule and what its logic comes to.
        guide: whether to print the whole guide, and not its headings only.
    """
    from tocsin.catalogue.actions import actions_of

    screen = console()
    rule = page.rule
    screen.print(styled(rule.name, "bold"))
    screen.print(_status(rule))
    screen.print()
    _indented(screen, _facts(rule))
    if rule.description.strip():
        _section(screen, "Description")
        for number, paragraph in enumerate(re.split(r"\n\s*\n", rule.description.strip())):
            if number:
                screen.print()
            _indented(screen, styled(paragraph))
    if rule.threat:
        _section(screen, "MITRE ATT&CK coverage")
        for line in _coverage(rule.threat):
            _indented(screen, line)
    _section(screen, f"Rule body ({safe(rule.language)})")
    _print_query(screen, rule.text)
    _section(screen, "Stages and predicates")
    for stage in page.stages:
        _print_stage(screen, stage)
    _print_list(screen, "Actions", actions_of(rule))
    _print_indicators(screen, page)
    _print_guide(screen, rule, whole=guide)
    _print_list(screen, "False positives", rule.false_positives)
    _print_list(screen, "References", rule.references)


def _section(screen: Console, title: str, note: str = "") -> None:
    screen.print()
    head = styled(title, "bold underline")
    if note:
        head.append(f"  {note}", style="not bold not underline dim")
    screen.print(head)


def _indented(screen: Console, what: RenderableType) -> None:
    put(screen, what, MARGIN)


def _whole(screen: Console, line: Text) -> None:
    """A line that is not broken by us: a terminal breaks it, a file or `grep` gets it whole."""
    from rich.text import Text

    screen.print(Text(" " * MARGIN) + line, soft_wrap=True)


def _status(rule: Rule) -> Text:
    from rich.text import Text

    from tocsin.catalogue.stages import duration_text

    every, back = duration_text(rule.interval), duration_text(rule.lookback)
    # Only Elastic runs rules now and then; the others look at each event when it comes.
    window = [styled(f"window {back}, every {every}")] if rule.vendor == "elastic" else []
    building = [styled("building block")] if rule.building_block else []
    status = [styled(rule.maturity, "green" if rule.maturity == "production" else "yellow")]
    parts = [
        *(status if rule.maturity else []),
        severity(rule.severity),
        styled(f"risk {rule.risk_score}"),
        *window,
        *building,
    ]
    return Text(" · ").join(parts)


def _facts(rule: Rule) -> RenderableType:
    from rich.table import Table

    facts = {
        "Author": ", ".join(rule.author),
        "Source": f"{rule.path}:{rule.line}",
        "Licence": rule.license,
        "Id": rule.id + (f" (version {rule.version})" if rule.version else ""),
        "Vendor": rule.vendor,
        "Type": rule.kind,
        "Data": ", ".join(rule.index),
        "Time": rule.timestamp_override and f"{rule.timestamp_override}, else @timestamp",
        "Tags": ", ".join(rule.tags),
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            grid.add_row(name, styled(value))
    return grid


def _coverage(threats: tuple[Threat, ...]) -> Iterator[Text]:
    """A tactic, its techniques below it, and their sub-techniques below them."""
    for threat in threats:
        depth = 0
        if threat.tactic is not None:
            yield styled(f"{threat.tactic.id} {threat.tactic.name}", "bold")
            depth = 1
        elif "ATT&CK" not in threat.framework:
            yield styled(threat.framework, "bold")
            depth = 1
        for technique, subs in threat.techniques:
            yield _branch(depth, f"{technique.id} {technique.name}")
            for sub in subs:
                yield _branch(depth + 1, f"{sub.id} {sub.name}")


def _branch(depth: int, what: str) -> Text:
    from rich.text import Text

    return Text.assemble(("   " * (depth - 1) + "└─ " if depth else "", "dim"), safe(what))


def _print_query(screen: Console, text: str) -> None:
    from rich.text import Text

    body = Text("\n".join(safe_lines(text)))
    body.highlight_regex(_WORDS, "bold")
    body.highlight_regex(re.compile(_STRINGS, re.DOTALL), "not bold green")
    for line in body.split("\n", allow_blank=True):
        if screen.is_terminal:
            _indented(screen, line)
        else:
            _whole(screen, line)


def _print_stage(screen: Console, stage: Stage) -> None:
    from tocsin.catalogue.stages import duration_text
    from tocsin.catalogue.tree import lines_of

    role = "" if stage.role == "match" else f"{stage.role}: "
    head = f"Stage {stage.number}: {role}{stage.source}"
    head += f" · {stage.runs} times in a row" if stage.runs > 1 else ""
    head += f" · by {', '.join(stage.by)}" if stage.by else ""
    head += f" · {stage.note}" if stage.note else ""
    if stage.terms:
        history = f" in {duration_text(stage.history)}" if stage.history else ""
        head += f" · first time{history} of {' × '.join(stage.terms)}"
    head += "".join(f" | {name} {number}" for name, number in stage.pipes)
    _indented(screen, styled(head, "bold"))
    for line in lines_of(stage.tree, screen.width - MARGIN):
        _whole(screen, _tree_line(line))


def _tree_line(line: Line) -> Text:
    from rich.text import Text

    pieces = [(printable(piece.text), PIECE_STYLES[piece.role]) for piece in line]
    shown = Text.assemble(*pieces)
    shown.rstrip()
    return shown


# --- indicators ---------------------------------------------------------------------------------


def _print_indicators(screen: Console, page: Page) -> None:
    match = [row for row in page.rows if row.indicator.polarity == "match"]
    exclude = [row for row in page.rows if row.indicator.polarity == "exclude"]
    _section(screen, "Indicators", f"compared with {number_of(page.compared, 'rule')}")
    if match:
        _indented(screen, _rows(screen, match, several=len(page.stages) > 1))
    else:
        _indented(screen, styled("none", "dim"))
    if exclude:
        _section(screen, "Exclusions", "what the rule must not see")
        _indented(screen, _rows(screen, exclude, several=len(page.stages) > 1))
    if page.scripts:
        parts = number_of(len(page.scripts), "part")
        _section(screen, "Computed", f"{parts} of the condition for which no row stands")
        for script in page.scripts:
            _indented(screen, exact(script, PIECE_STYLES["script"]))


def _rows(screen: Console, rows: list[Row], *, several: bool) -> RenderableType:
    stage = ("STAGE",) if several else ()
    grid = table(*stage, "FIELD", "KIND", "VALUE", "OTHER RULES", fold=("FIELD", "VALUE"))
    others = [_others(row, screen.width) for row in rows]
    for row, other in zip(rows, others, strict=True):
        found = row.indicator
        number = [styled(found.stage)] if several else []
        grid.add_row(
            *number,
            exact(found.field, PIECE_STYLES["field"]),
            styled(found.literal_kind, "dim"),
            exact(found.value or '""', PIECE_STYLES["value"]),
            other,
        )
    field, kind, value, last = grid.columns[-4:]
    # Counts and kinds have the room that they need; fields are broken late, and values first.
    kind.width = max(len("KIND"), *(len(row.indicator.literal_kind) for row in rows))
    last.width = max(len("OTHER RULES"), *(other.cell_len for other in others))
    room = screen.width - MARGIN - kind.width - last.width - _GAPS - (_STAGE if several else 0)
    longest = max(len("FIELD"), *(len(row.indicator.field) for row in rows))
    field.width = max(_LEAST, min(longest, room - _LEAST_VALUE))
    value.width = max(_LEAST, room - field.width)
    widest = max(len("VALUE"), *(len(printable(row.indicator.value)) for row in rows))
    value.width = min(value.width, widest)
    return grid


def _others(row: Row, width: int) -> Text:
    """How many other rules do the same, and, where there is room, how many the opposite."""
    from rich.text import Text

    shown = Text()
    if row.count_other:
        vendors = ", ".join(f"{vendor} {number:,}" for vendor, number in row.same.items())
        many = number_of(row.count_other, "other rule") if width >= NARROW else row.count_other
        shown.append(f"{many}", style="bold")
        shown.append(f" ({safe(vendors)})", style="dim")
    opposite = sum(row.opposite.values())
    if opposite and width >= WIDTH_OF_FILES:
        verb = "excluded" if row.indicator.polarity == "match" else "matched"
        shown.append(f"{' · ' if shown else ''}{verb} by {opposite:,}", style="dim")
    return shown


# --- guide --------------------------------------------------------------------------------------


def _print_guide(screen: Console, rule: Rule, *, whole: bool) -> None:
    guide = "\n\n".join(part for part in (rule.guide.strip(), rule.setup.strip()) if part)
    if not guide:
        return
    if whole:
        from rich.markdown import Markdown

        _section(screen, "Investigation guide")
        # Links become text with its address behind it: no hidden address can be clicked.
        _indented(screen, Markdown("\n".join(safe_lines(guide)), hyperlinks=False))
        return
    headings = [found for found in map(_HEADING.match, safe_lines(guide)) if found]
    _section(screen, "Investigation guide", "--guide prints it")
    least = min((len(found[1]) for found in headings), default=1)
    for found in headings:
        _indented(screen, styled_indent(found[2], len(found[1]) - least))
    if not headings:
        _indented(screen, styled(safe_lines(guide)[0]))


def styled_indent(text: str, depth: int) -> Text:
    """Safe text, two columns further in for each depth."""
    from rich.text import Text

    return Text(f"{'  ' * depth}{safe(text)}")


def _print_list(screen: Console, title: str, items: tuple[str, ...]) -> None:
    if not items:
        return
    from rich.table import Table

    _section(screen, title)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for item in items:
        grid.add_row("•", styled(item))
    _indented(screen, grid)
