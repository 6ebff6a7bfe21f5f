"""What a scan did and what it did not, on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tocsin.cli._screen import number_of
from tocsin.cli.errors import fail
from tocsin.cli.safe_text import printable

if TYPE_CHECKING:
    from tocsin.rules.model import Loaded, Problem
    from tocsin.runtime.summary import Summary
    from tocsin.sources.indicators import Indicators

MOST_SLOW = 3
"""How many rules with slow patterns are named."""

_WORRYING = "yellow"

_Line = tuple[str, str, str]
"""A label, a text, and its style."""


def report(
    summary: Summary,
    loaded: Loaded,
    passed_over: tuple[str, ...],
    indicators: Indicators,
    unused: Sequence[Problem],
) -> None:
    """Prints it.

    Args:
        summary: of the scan.
        loaded: the rules.
        passed_over: files that no decoder knows.
        indicators: documents about threats.
        unused: exceptions that nothing uses.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    parts: tuple[Iterator[_Line], ...] = (
        _of_events(summary),
        _of_rules(summary, loaded),
        _of_exceptions(loaded, unused),
        _of_indicators(summary, indicators),
        _of_alerts(summary),
        _of_losses(summary, passed_over),
    )
    for part in parts:
        for label, text, style in part:
            console.print(Text.assemble((f"{label:>12}  ", "dim"), (printable(text), style)))
    refused(summary)


def refused(summary: Summary) -> None:
    """Prints the inputs that could not be read."""
    for reason in summary.refused:
        fail(reason)


def _of_events(summary: Summary) -> Iterator[_Line]:
    from tocsin.engine.byte_scan import has_hyperscan

    speed = summary.events / summary.seconds if summary.seconds else 0
    events, files = number_of(summary.events, "event"), number_of(summary.files, "file")
    yield "scanned", f"{events} in {files}, {summary.seconds:.1f} s ({speed:,.0f} a second)", ""
    if summary.passed_over:
        events = number_of(summary.passed_over, "event")
        yield "passed over", f"{events} that no rule can match, without decoding them", ""
    if summary.events and not has_hyperscan():
        text = "Hyperscan does not run here: RE2 is used instead, with the same alerts"
        yield "slower", text, ""
    if summary.resumed:
        files = number_of(summary.resumed, "file")
        yield "resumed", f"{files} had been done before the interruption", ""


def _of_rules(summary: Summary, loaded: Loaded) -> Iterator[_Line]:
    failures = [p for p in loaded.problems if p.is_failure]
    others = [p for p in loaded.problems if not p.is_failure and not p.loads]
    text = f"{len(loaded.rules):,} loaded"
    yield "rules", text + (f", {len(others):,} not for Tocsin or this host" if others else ""), ""
    for problem in failures[:3]:
        for number, line in enumerate(problem.message.split("\n")):
            yield "" if number else "rule failed", line, "red"
    if failures:
        yield "rules failed", f"{len(failures):,}; `tocsin rules lint` shows each", "red"
    for one in summary.slow[:MOST_SLOW]:
        yield "slow rule", f"{one.rule.name}: {one.message}", _WORRYING
    if summary.slow:
        more = len(summary.slow) - MOST_SLOW
        text = f"and {more:,} more: `tocsin rules profile` shows each; " if more > 0 else ""
        text += "such patterns are asked apart from the others: slower, and nothing is lost"
        yield "", text, _WORRYING


def _of_exceptions(loaded: Loaded, unused: Sequence[Problem]) -> Iterator[_Line]:
    excepting = [rule for rule in loaded.rules if rule.exceptions]
    if excepting:
        items = {item for rule in excepting for item in rule.exceptions}
        rules = number_of(len(excepting), "rule")
        yield "exceptions", f"{number_of(len(items), 'exception')} to {rules}", ""
    for problem in unused:
        yield "exceptions", problem.message, _WORRYING


def _of_indicators(summary: Summary, indicators: Indicators) -> Iterator[_Line]:
    if summary.indicators or indicators.skipped:
        skipped = ", ".join(f"{n:,} × {why}" for why, n in indicators.skipped.most_common(4))
        text = f"{summary.indicators:,} loaded" + (f"; skipped: {skipped}" if skipped else "")
        yield "indicators", text, ""
    if indicators.problems:
        text = f"{number_of(len(indicators.problems), 'row')} could not be read"
        yield "indicators", text, _WORRYING
        for bad in indicators.problems[:5]:
            yield "", str(bad), _WORRYING
    if summary.without_indicators:
        text = f"{number_of(summary.without_indicators, 'rule')} of the type threat_match "
        text += "cannot ring: no indicators; --indicators PATH gives some"
        yield "indicators", text, _WORRYING


def _of_alerts(summary: Summary) -> Iterator[_Line]:
    from tocsin.rules.model import SEVERITIES

    counts = ", ".join(
        f"{summary.alerts[one]:,} {one}" for one in reversed(SEVERITIES) if summary.alerts[one]
    )
    total = sum(summary.alerts.values())
    kept = f"; {summary.new:,} new in the store" if summary.new != total else ""
    yield "alerts", f"{total:,}" + (f" ({counts})" if counts else "") + kept, ""
    if summary.suppressed:
        matches = number_of(summary.suppressed, "match", "es")
        yield "suppressed", f"{matches} counted on other alerts", ""
    if summary.cut:
        worst = ", ".join(f"{n:,} × {name}" for name, n in summary.cut.most_common(3))
        text = f"{number_of(summary.cut.total(), 'match', 'es')} beyond what a run of their rule "
        yield "cut", f"{text}may alert (max_signals): {worst}", _WORRYING


def _of_losses(summary: Summary, passed_over: tuple[str, ...]) -> Iterator[_Line]:
    """What did not ring, or was no event."""
    from tocsin.engine.state.new_terms import MOST_COMBINATIONS

    policies = summary.policies
    told: tuple[tuple[str, int, tuple[str, ...], str, str], ...] = (
        ("limited", policies.limited, ("match", "es"), ("kept back, as their rules send one in a "
         "while only (every)"), ""),
        ("forgotten", policies.blind, ("look",), ("of a rule at an event so old that what was "
         "known then is forgotten"), _WORRYING),
        ("variables", policies.homeless, ("value",), ("not kept: the event has no such process, "
         "container or cgroup"), _WORRYING),
        ("learned", summary.learned, ("new term",), "kept quiet by the warm-up", ""),
        ("outside", summary.outside, ("hit",), "before --since or after --until", ""),
        ("undated", summary.undated, ("hit",), ("on events without a time: they took the time of "
         "this scan"), _WORRYING),
    )  # fmt: skip
    for label, number, what, text, style in told:
        if number:
            yield label, f"{number_of(number, *what)} {text}", style
    if summary.crowded:
        worst = ", ".join(f"{n:,} × {name}" for name, n in summary.crowded.most_common(3))
        text = f"{number_of(summary.crowded.total(), 'event')} with more combinations of values "
        yield "crowded", f"{text}than count ({MOST_COMBINATIONS:,} an event): {worst}", _WORRYING
    if summary.undecodable:
        reasons = summary.undecodable.most_common(4)
        yield "undecodable", ", ".join(f"{n:,} × {why}" for why, n in reasons), _WORRYING
        for example in summary.examples:
            yield "", example, _WORRYING
    if passed_over:
        files = number_of(len(passed_over), "file")
        text = f"{files} that no decoder knows, such as {passed_over[0]}"
        yield "passed over", text, _WORRYING
