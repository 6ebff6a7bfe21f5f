"""Makes events for rules out of their logic and holds both engines to them.

    python -m tocsin.testing.generate rules/ --json

For each rule, an event (or a run of events) that has to fire it, and near misses that must not, are
solved for (`tocsin.engine.solve`), judged by the reference, and run through the columnar engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from tocsin.engine.solve import Case, Solved, Unsolved, solve
from tocsin.engine.solve.agent_rules import others_of
from tocsin.rules.model import Rule
from tocsin.runtime.rule_tests import generated_outcomes

__all__ = ["Case", "Generated", "Solved", "Unsolved", "generate", "solve", "text"]


class Generated(msgspec.Struct, frozen=True):
    """What became of a rule.

    Attributes:
        rule_id: its id.
        name: its name.
        kind: its language and type, as ``eql/event``.
        solved: whether events were found for it.
        fired: whether it fired on those that have to fire it.
        near_miss_held: whether it kept silent on every near miss.
        near_misses: how many there were.
        reason: what is false of these, and why; else empty.
        events: those on which it went wrong.
    """

    rule_id: str
    name: str
    kind: str
    solved: bool
    fired: bool = False
    near_miss_held: bool = False
    near_misses: int = 0
    reason: str = ""
    events: tuple[tuple[dict[str, Any], ...], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether an engine did what it must not."""
        return self.solved and not (self.fired and self.near_miss_held)

    def as_json(self) -> dict[str, Any]:
        """The line for a machine."""
        return {
            "rule_id": self.rule_id,
            "name": self.name,
            "solved": self.solved,
            "fired": self.fired,
            "near_miss_held": self.near_miss_held,
            "reason": self.reason,
        }


def generate(rules: Iterable[Rule], *, seed: int = 0) -> Iterator[Generated]:
    """What becomes of each rule, in their order."""
    rules = tuple(rules)
    others = others_of(rules)
    for rule in rules:
        outcomes, unsolved = generated_outcomes(rule, others, seed=seed)
        if unsolved:
            yield Generated(rule.id, rule.name, rule.kind, solved=False, reason=unsolved)
            continue
        wrong = [outcome for outcome in outcomes if not outcome.passed]
        misses = [outcome for outcome in outcomes if outcome.expected == "silent"]
        yield Generated(
            rule.id, rule.name, rule.kind, solved=True,
            fired=not any(outcome.expected == "fires" for outcome in wrong),
            near_miss_held=all(outcome.passed for outcome in misses),
            near_misses=len(misses),
            reason="; ".join(f"{outcome.name}: {outcome.reason}" for outcome in wrong),
            events=tuple(outcome.events for outcome in wrong),
        )  # fmt: skip


def text(found: Sequence[Generated]) -> str:
    """A table by kind of rule, what was not solved, and every failure, for people."""
    kinds = sorted({one.kind for one in found})
    rows = [_row(kind, [one for one in found if one.kind == kind]) for kind in kinds]
    if len(kinds) > 1:
        rows.append(_row("total", found))
    heads = ("rules", "solved", "fired", "held", "near misses")
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"{'':<{width}}  {'  '.join(heads)}"]
    for name, counts in rows:
        cells = (f"{n:>{len(head)}}" for n, head in zip(counts, heads, strict=True))
        lines.append(f"{name:<{width}}  {'  '.join(cells)}")
    lines += [
        f"not solved: {one.rule_id} ({one.name}): {one.reason}" for one in found if not one.solved
    ]
    for one in found:
        if one.failed:
            lines += ["", f"FAILED {one.rule_id} ({one.name})", f"  {one.reason}"]
            for events in one.events:
                lines.append("  on " + " ".join(msgspec.json.encode(e).decode() for e in events))
    return "\n".join(lines)


def _row(name: str, found: Sequence[Generated]) -> tuple[str, tuple[int, ...]]:
    return name, (
        len(found),
        sum(one.solved for one in found),
        sum(one.fired for one in found),
        sum(one.near_miss_held for one in found),
        sum(one.near_misses for one in found),
    )
