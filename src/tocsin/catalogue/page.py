"""Everything that there is to show about one rule: what a terminal, a page and JSON are made from.

`page_of` puts a rule's stages and indicators beside the counts over other rules, `as_data` makes
one JSON object of it: ``{"rule": …, "stages": […], "indicators": […]}``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tocsin.catalogue.counts import Counts
from tocsin.catalogue.indicators import Indicator, Polarity, indicators_of, scripts_in
from tocsin.catalogue.stages import Stage, duration_text, stages_of_rule
from tocsin.catalogue.tree import as_data as tree_as_data
from tocsin.rules.model import Rule, Threat


class Row(msgspec.Struct, frozen=True):
    """An indicator, and how many other rules look for the same or leave the same out.

    Attributes:
        indicator: what the rule looks for or leaves out.
        same: other rules that do the same with it, by vendor.
        opposite: other rules that do the opposite with it, by vendor.
    """

    indicator: Indicator
    same: dict[str, int]
    opposite: dict[str, int]

    @property
    def count_other(self) -> int:
        """How many other rules do the same with it."""
        return sum(self.same.values())


class Page(msgspec.Struct, frozen=True):
    """A rule with what its logic comes to.

    Attributes:
        rule: the rule.
        stages: what it asks for.
        rows: its indicators, sorted for reading; those it leaves out come last.
        scripts: parts that are computed, as the rule wrote them: no indicator says what they do.
        compared: how many rules the counts are over.
    """

    rule: Rule
    stages: tuple[Stage, ...]
    rows: tuple[Row, ...]
    scripts: tuple[str, ...]
    compared: int


def page_of(rule: Rule, counts: Counts) -> Page:
    """What there is to show about a rule.

    Args:
        rule: the rule.
        counts: over the rules to compare it with; whether it is one of them does not matter.
    """
    stages = stages_of_rule(rule)
    rows = [_row(found, rule, counts) for found in indicators_of(stages, rule.language)]
    rows.sort(key=lambda row: _order(row.indicator))
    scripts = tuple(script.text for stage in stages for script in scripts_in(stage.tree))
    return Page(rule, stages, tuple(rows), scripts, counts.rules)


def _row(found: Indicator, rule: Rule, counts: Counts) -> Row:
    other: Polarity = "match" if found.polarity == "exclude" else "exclude"
    return Row(
        found,
        counts.by_vendor(found.key, found.polarity, besides=rule),
        counts.by_vendor(found.key, other, besides=rule),
    )


def _order(found: Indicator) -> tuple[bool, int, str, str, str]:
    exclude = found.polarity == "exclude"
    return (exclude, found.stage, found.field, found.literal_kind, found.value)


def as_data(page: Page) -> dict[str, Any]:
    """The page as one JSON object."""
    return {
        "rule": rule_as_data(page.rule),
        "stages": [
            {
                "number": stage.number,
                "role": stage.role,
                "source": stage.source,
                "tree": tree_as_data(stage.tree),
                "text": stage.text,
                "terms": list(stage.terms),
                "by": list(stage.by),
                "runs": stage.runs,
                "note": stage.note,
                "history": None if stage.history is None else duration_text(stage.history),
            }
            for stage in page.stages
        ],
        "indicators": [_row_as_data(row) for row in page.rows],
        "scripts": list(page.scripts),
        "compared_with": page.compared,
    }


def _row_as_data(row: Row) -> dict[str, Any]:
    found = msgspec.to_builtins(row.indicator)
    return {
        **found,
        "count_other": row.count_other,
        "by_vendor": row.same,
        "opposite_by_vendor": row.opposite,
    }


def rule_as_data(rule: Rule) -> dict[str, Any]:
    """A rule's metadata and text as JSON; its logic is in the stages."""
    fields = msgspec.structs.asdict(rule)
    del fields["query"]
    return {
        **fields,
        "threat": [threat_as_data(threat) for threat in rule.threat],
        "interval": duration_text(rule.interval),
        "lookback": duration_text(rule.lookback),
    }


def threat_as_data(threat: Threat) -> dict[str, Any]:
    """A tactic and its techniques as Elastic's rules nest them."""
    return {
        "framework": threat.framework,
        "tactic": None if threat.tactic is None else msgspec.to_builtins(threat.tactic),
        "technique": [
            {**msgspec.to_builtins(technique), "subtechnique": msgspec.to_builtins(subs)}
            for technique, subs in threat.techniques
        ],
    }
