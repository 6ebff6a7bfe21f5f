"""What became of a file's cases: counts, reasons and failures, for machines and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tocsin.testing.conformance.cases import Outcome

_COLUMNS: Final = ("passed", "failed", "unsupported", "not_applicable")


class Report(msgspec.Struct, frozen=True):
    """What became of a file's cases.

    Attributes:
        file: as it was named.
        outcomes: (name of the case, outcome) pairs in the order of the file.
    """

    file: str
    outcomes: list[tuple[str, Outcome]]

    def count(self, status: str) -> int:
        """How many cases have a status."""
        return sum(outcome.status == status for _, outcome in self.outcomes)

    def failures(self) -> list[tuple[str, Outcome]]:
        """The cases that failed."""
        return [(name, outcome) for name, outcome in self.outcomes if outcome.status == "failed"]

    def reasons(self, status: str) -> Counter[str]:
        """Why cases are unsupported or not applicable, and how many for each reason."""
        return Counter(found.reason for _, found in self.outcomes if found.status == status)

    def as_json(self) -> dict[str, Any]:
        """The report for a machine."""
        disagreements = [name for name, found in self.outcomes if found.documented_disagreement]
        return {
            "file": self.file,
            "passed": self.count("passed"),
            "failed": self.count("failed"),
            "unsupported": self.count("unsupported"),
            "not_applicable": self.count("not_applicable"),
            "failures": [name for name, _ in self.failures()],
            "documented_disagreements": disagreements,
        }


def table(reports: Sequence[Report]) -> list[str]:
    """How many cases of each file passed, failed and so on, with their sums."""
    rows = [(report.file, [report.count(column) for column in _COLUMNS]) for report in reports]
    if len(rows) > 1:
        rows.append(("total", [sum(column) for column in zip(*[c for _, c in rows], strict=True)]))
    heads = [column.replace("_", " ") for column in _COLUMNS]
    width = max(len(name) for name, _ in rows)
    lines = [f"{'file':<{width}}  {'  '.join(heads)}"]
    for name, counts in rows:
        cells = [f"{count:>{len(head)}}" for count, head in zip(counts, heads, strict=True)]
        lines.append(f"{name:<{width}}  {'  '.join(cells)}")
    return lines


def text(reports: Sequence[Report]) -> str:
    """The table, why cases did not run, and every failure, for people."""
    lines = table(reports)
    for status in ("unsupported", "not_applicable"):
        for report in reports:
            for reason, count in sorted(report.reasons(status).items()):
                label = status.replace("_", " ")
                lines.append(f"{report.file}: {count} {label}: {reason}")
    for report in reports:
        for name in report.as_json()["documented_disagreements"]:
            lines.append(f"{report.file}: {name}: sources disagree; held to the documentation")
    for report in reports:
        for name, outcome in report.failures():
            lines += [
                "", f"FAILED {report.file}: {name}", f"  query     {outcome.query}",
                f"  expected  {outcome.expected}", f"  got       {outcome.got}",
            ]  # fmt: skip
    return "\n".join(lines)
