"""Rows about how much a scan gets through: against `orjson.loads`, and against other scans."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bench.figures import Figure, ratio_figure
from bench.measure import alternating
from bench.parquet import as_parquet
from bench.scans import baseline, scan
from bench.setting import Setting, weak_rules
from bench.threats import indicators
from tocsin.rules.model import Rule


def event_rules(setting: Setting) -> Figure:
    """Elastic's EQL and KQL event rules."""
    return _against_decoding(setting, setting.event_rules)


def quiet(setting: Setting) -> Figure:
    """The same, over events of which hardly any is of interest."""
    return _against_decoding(setting, setting.event_rules, mix="quiet")


def suspicious(setting: Setting) -> Figure:
    """The same, over events of which most are of interest."""
    return _against_decoding(setting, setting.event_rules, mix="suspicious")


def every_rule(setting: Setting) -> Figure:
    """Every rule of Elastic's that loads: thresholds, and indicators with something to look for."""
    documents = indicators()
    figure = _against_decoding(setting, setting.rules("elastic"), indicators=documents)
    return figure._replace(detail=f"{figure.detail}; {len(documents):,} indicators")


def selective(setting: Setting) -> Figure:
    """The event rules without those that have no selective literal."""
    rules = setting.event_rules
    weak = weak_rules(rules, setting.events("").path)
    figure = _against_decoding(setting, [rule for rule in rules if rule.id not in weak])
    return figure._replace(detail=f"{figure.detail}; {len(weak)} rules left out")


def imds_pack(setting: Setting) -> Figure:
    """The pack that ships."""
    return _against_decoding(setting, setting.rules("pack"))


def _against_decoding(
    setting: Setting, rules: Sequence[Rule], mix: str = "", **options: object
) -> Figure:
    file = setting.events(mix)
    once = partial(scan, setting, rules, file, mix, **options)
    warmed = once()
    ratio = alternating(once, partial(baseline, file), setting.runs, setting.told)
    detail = (
        f"{len(rules):,} rules, {len(ratio.first[-1].result):,} alerts, ready in "
        f"{ratio.first[-1].before:.1f} s (at first {warmed.before:.1f} s)"
    )
    return ratio_figure(ratio, detail)


def all_vendors(setting: Setting) -> Figure:
    """The rules of all three vendors, against Elastic's alone."""
    more, fewer = setting.rules("elastic", "datadog", "sigma"), setting.rules("elastic")
    file = setting.events()
    first, second = (partial(scan, setting, rules, file) for rules in (more, fewer))
    first(), second()
    ratio = alternating(first, second, setting.runs, setting.told)
    return ratio_figure(ratio, f"{len(more):,} rules against {len(fewer):,}")


def two_jobs(setting: Setting) -> Figure:
    """Two processes against one; the alerts have to be the same."""
    rules, file = setting.event_rules, setting.events()
    second = partial(scan, setting, rules, file)
    first = partial(scan, setting, rules, file, jobs=2)
    one, two = second().result, first().result
    ratio = alternating(first, second, setting.runs, setting.told)
    if one != two:
        differing = len({*one} ^ {*two})
        return ratio_figure(ratio, f"the alerts differ in {differing}", counts=False)
    return ratio_figure(ratio, f"the same {len(one):,} alerts")


def parquet(setting: Setting) -> Figure:
    """Parquet against NDJSON, of the same events."""
    rules, lines = setting.rules("elastic"), setting.events()
    columns = as_parquet(lines)
    setting.begins_with(columns, as_parquet(setting.beginning(lines)))
    first, second = (partial(scan, setting, rules, file) for file in (columns, lines))
    many, few = len(first().result), len(second().result)
    ratio = alternating(first, second, setting.runs, setting.told)
    detail = f"{columns.size / lines.size:.2f} of the size; {many:,} alerts against {few:,}"
    return ratio_figure(ratio, detail)
