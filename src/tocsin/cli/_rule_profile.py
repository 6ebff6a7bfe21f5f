"""What ``tocsin rules profile`` prints, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.cli._screen import console, number_of, safe

if TYPE_CHECKING:
    from tocsin.runtime.rule_profile import Cost, Profile

_LONGEST = 1_000
"""So much of a pattern is given to machines."""


def profile_as_data(found: Profile) -> dict[str, Any]:
    """The whole profile."""
    return {
        "events": found.events,
        "decoded": found.decoded,
        "conditions": [
            {
                "rule": {"id": cost.rule.id, "name": cost.rule.name, "path": cost.rule.path},
                "role": cost.role,
                "anchors": list(cost.anchors),
                "more_anchors": cost.more_anchors,
                "weak": not cost.anchors,
                "evaluated": cost.tried,
                "held": cost.held,
                "microseconds": round(cost.nanoseconds / 1_000, 1),
            }
            for cost in found.costs
        ],
        "slow": [
            {
                "rule": {"id": one.rule.id, "name": one.rule.name, "path": one.rule.path},
                "field": one.field,
                "pattern": one.pattern[:_LONGEST],
                "more": one.more,
                "reason": one.reason,
            }
            for one in found.slow
        ],
    }


def print_profile(found: Profile, most: int) -> None:
    """The dearest conditions as a table, and the patterns that are beyond a limit."""
    from rich.table import Table
    from rich.text import Text

    screen = console()
    events = max(found.events, 1)
    weak = sum(not cost.anchors for cost in found.costs)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("µs/1000 events", "evaluated", "held", "per try"):
        table.add_column(name, justify="right")
    table.add_column("rule", overflow="fold")
    table.add_column("needs one of", overflow="fold")
    for cost in found.costs[:most]:
        per_try = f"{cost.nanoseconds / cost.tried / 1_000:.1f} µs" if cost.tried else ""
        role = f" [step {cost.role + 1}]" if cost.role else ""
        table.add_row(
            f"{cost.nanoseconds / events:,.0f}",
            f"{cost.tried / events:.2%}",
            f"{cost.held:,}",
            per_try,
            Text(safe(cost.rule.name) + role),
            _needs(cost),
        )
    screen.print(table)
    screen.print(
        f"\n{number_of(found.events, 'event')}, {found.decoded / events:.1%} of them decoded; "
        f"{number_of(len(found.costs), 'condition')}, {weak:,} without a rare text (weak)"
    )
    _print_slow(found, most)


def _print_slow(found: Profile, most: int) -> None:
    from rich.text import Text

    screen = console()
    if not found.slow:
        return
    rules = len({(one.rule.path, one.rule.id) for one in found.slow})
    screen.print(
        f"\n{number_of(rules, 'rule')} with patterns that are asked apart from the others, which "
        "is slower (nothing is lost):",
        soft_wrap=True,
    )
    for one in found.slow[:most]:
        line = Text.assemble("  ", (safe(one.rule.name), "bold"), f": {safe(one.message)}")
        screen.print(line, soft_wrap=True)
    if len(found.slow) > most:
        screen.print(f"  and {len(found.slow) - most:,} more: --most shows more of them")


def _needs(cost: Cost) -> Any:
    from rich.text import Text

    if not cost.anchors:
        return Text("weak: no rare text", style="yellow")
    more = f" … {cost.more_anchors:,} more" if cost.more_anchors else ""
    return Text(safe("  ".join(cost.anchors)) + more, style="dim")
