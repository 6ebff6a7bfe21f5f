"""What ``tocsin rules stats`` and ``list`` print, for people and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from tocsin.cli._rule_lint import not_loaded, placed
from tocsin.cli._screen import (
    NARROW,
    console,
    number_of,
    put,
    safe,
    severity,
    styled,
    styled_line,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tocsin.rules.model import Loaded, Problem, Rule

UNKNOWN: Final = "unknown"
"""The type of a rule that could not be read far enough to have one."""

FIRST: Final = 3
"""How many problems of a kind are shown unless all are asked for."""

_BAR = 20

KINDS: Final = {
    "unreadable": "files that cannot be read",
    "invalid": "metadata that makes no sense",
    "syntax": "queries that do not parse",
    "semantic": "queries that their language refuses",
    "unsupported": "not run by Tocsin yet",
    "no_query": "pages that come without a query",
    "not_applicable": "ruled out here by their own conditions",
    "needs_values": "placeholders wait for values: --values FILE",
    "no_source": "loaded, over events that nothing here decodes",
    "warning": "loaded, and worth a look",
}
"""What the kinds of problem mean, in the order in which they are shown."""

_STYLES = {"unsupported": "yellow", "no_query": "yellow", "not_applicable": "dim",
           "needs_values": "yellow", "no_source": "dim", "warning": "yellow"}  # fmt: skip


# --- stats --------------------------------------------------------------------------------------


def by_type(loaded: Loaded) -> dict[str, dict[str, int]]:
    """How many rules there are of each type and how many of them loaded, most first."""
    good = Counter(rule.kind for rule in loaded.rules)
    bad = Counter(problem.rule_kind or UNKNOWN for problem in not_loaded(loaded))
    kinds = sorted(good | bad, key=lambda kind: (-(good[kind] + bad[kind]), kind))
    return {kind: {"rules": good[kind] + bad[kind], "loaded": good[kind]} for kind in kinds}


def stats_as_data(loaded: Loaded) -> dict[str, Any]:
    """The JSON of ``tocsin rules stats``."""
    return {
        "files": loaded.files,
        "rules": len(loaded.rules) + len(not_loaded(loaded)),
        "loaded": len(loaded.rules),
        "by_type": by_type(loaded),
        "problems": [
            {"path": p.path, "rule_id": p.rule_id, "kind": p.kind, "message": p.message}
            for p in loaded.problems
        ],
    }


def print_stats(loaded: Loaded, *, all_problems: bool) -> None:
    """The tables of ``tocsin rules stats``."""
    from rich.text import Text

    screen = console()
    types = by_type(loaded)
    total = sum(row["rules"] for row in types.values())
    rows = table("TYPE", "LOADED", "OF", "", "", right=("LOADED", "OF"))
    for kind, row in types.items():
        rows.add_row(styled(kind), *_share(row["loaded"], row["rules"]))
    if len(types) > 1:
        rows.add_section()
        loaded_of = _share(len(loaded.rules), total)
        rows.add_row(Text("all", style="bold"), *loaded_of, style="bold")
    screen.print(f"{number_of(loaded.files, 'file')}, {number_of(total, 'rule')}")
    if types:
        screen.print()
        put(screen, rows)
    if loaded.problems:
        screen.print()
        _print_problems(screen, loaded.problems, all_problems=all_problems)


def _share(part: int, whole: int) -> tuple[Text, Text, Text, Text]:
    from rich.text import Text

    share = part / whole if whole else 0.0
    style = "green" if part == whole else "yellow" if part else "red"
    full = _BAR if part == whole else min(_BAR - 1, round(share * _BAR))
    percent = f"{int(share * 1000) / 10:g}%"
    return (
        Text(f"{part:,}", style=style),
        Text(f"{whole:,}"),
        Text.assemble(("█" * full, style), ("░" * (_BAR - full), "dim")),
        Text(f"{percent:>6}", style=style),
    )


def _print_problems(screen: Console, problems: Sequence[Problem], *, all_problems: bool) -> None:
    grouped: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        grouped[problem.kind].append(problem)
    for kind, meaning in KINDS.items():
        if not grouped[kind]:
            continue
        head = styled(f"{len(grouped[kind]):,} {kind}", f"bold {_STYLES.get(kind, 'red')}")
        head.append(f"  {meaning}", style="not bold dim")
        screen.print(head)
        if all_problems:
            for problem in grouped[kind]:
                _print_problem(screen, problem)
        else:
            _print_first(screen, grouped[kind])
    if not all_problems:
        screen.print(styled("--problems shows each.", "dim"))


def _print_problem(screen: Console, problem: Problem) -> None:
    """A problem with all that it says."""
    where, lines = placed(problem)
    head = styled_line(f"  {safe(where)}")
    head.append(f"  {safe(problem.name or problem.rule_id)}", style="dim")
    screen.print(head, soft_wrap=True)
    for line in lines:
        screen.print(styled_line(f"    {line}"), soft_wrap=True)


def _print_first(screen: Console, problems: Sequence[Problem]) -> None:
    """The commonest messages of a kind, each with how often it was said and of which file first."""
    said: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        where, lines = placed(problem)
        said[lines[0] if lines else ""].append(where)
    commonest = sorted(said.items(), key=lambda item: -len(item[1]))
    width = len(f"{len(commonest[0][1]):,}")
    for message, places in commonest[:FIRST]:
        line = styled_line(f"  {len(places):>{width},} × ", "dim")
        line.append(message, style="not dim")
        put(screen, line)
        place = f"{safe(places[0])}{' …' if len(places) > 1 else ''}"
        screen.print(styled_line(" " * (width + 5) + place, "dim"), soft_wrap=True)
    rest = sum(len(places) for _, places in commonest[FIRST:])
    if rest:
        screen.print(styled_line(f"  … and {rest:,} more", "dim"))


# --- list ---------------------------------------------------------------------------------------


def technique_ids(rule: Rule) -> list[str]:
    """The ids of all techniques and sub-techniques of a rule."""
    ids = [
        one.id
        for threat in rule.threat
        for technique, subs in threat.techniques
        for one in (technique, *subs)
    ]
    return list(dict.fromkeys(ids))


def finest_ids(rule: Rule) -> list[str]:
    """Sub-techniques, techniques that come without one, and tactics that come without either."""
    ids: dict[str, None] = {}
    for threat in rule.threat:
        for technique, subs in threat.techniques:
            ids.update(dict.fromkeys([sub.id for sub in subs] or [technique.id]))
        if threat.tactic is not None and not threat.techniques:
            ids.setdefault(threat.tactic.id)
    return list(ids)


def row_as_data(rule: Rule) -> dict[str, Any]:
    """One rule in the JSON of ``tocsin rules list``."""
    tactics = [threat.tactic.id for threat in rule.threat if threat.tactic is not None]
    return {
        "id": rule.id,
        "name": rule.name,
        "vendor": rule.vendor,
        "type": rule.kind,
        "severity": rule.severity,
        "risk_score": rule.risk_score,
        "tactics": list(dict.fromkeys(tactics)),
        "techniques": technique_ids(rule),
        "building_block": rule.building_block,
        "path": rule.path,
    }


def print_list(rules: Sequence[Rule], loaded: Loaded) -> None:
    """The table of ``tocsin rules list``."""
    screen = console()
    if rules:
        put(screen, _wide_list(rules) if screen.width >= NARROW else _narrow_list(rules))
        screen.print()
    failed = sum(problem.is_failure for problem in not_loaded(loaded))
    of = "" if len(rules) == len(loaded.rules) else f" of {len(loaded.rules):,}"
    screen.print(f"{len(rules):,}{of} rules" if of else number_of(len(rules), "rule"))
    if failed:
        text = f"{number_of(failed, 'rule')} could not be loaded; `tocsin rules lint` shows why"
        screen.print(styled(text, "red"))


def _wide_list(rules: Sequence[Rule]) -> Table:
    columns = ("ID", "NAME", "VENDOR", "TYPE", "SEVERITY", "ATT&CK")
    rows = table(*columns, fold=("NAME", "ATT&CK"))
    for rule in rules:
        rows.add_row(
            styled(rule.id, "dim"),
            styled(rule.name),
            styled(rule.vendor),
            styled(rule.kind),
            severity(rule.severity),
            styled(" ".join(finest_ids(rule))),
        )
    return rows


def _narrow_list(rules: Sequence[Rule]) -> Table:
    """Two lines a rule, for terminals that have no room for six columns."""
    from rich.text import Text

    rows = table(
        "SEVERITY", "NAME / ID, VENDOR, TYPE, ATT&CK", fold=("NAME / ID, VENDOR, TYPE, ATT&CK",)
    )
    for rule in rules:
        second = [rule.id, rule.vendor, rule.kind, " ".join(finest_ids(rule))]
        below = Text("  ").join(styled(text, "dim") for text in second if text)
        rows.add_row(severity(rule.severity), Text("\n").join([styled(rule.name), below]))
    return rows
