"""Suppression and limits do not depend on order or batches, nor on when what is held is saved."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine.match import Match
from tocsin.engine.state.suppression import groups_of, rank
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter
from tocsin.rules.model import Rule, Suppression
from tocsin.runtime.outcome import Outcome

MINUTE = 60_000_000_000
INTERVAL = 5 * MINUTE

values = st.sampled_from(["x", "y", 1, None]) | st.lists(st.sampled_from(["x", "y"]), max_size=2)
rules = st.builds(
    lambda kind, duration, missing, suppressed, most: Rule(
        id="r", name="n", vendor="elastic", path="r.toml", language="kuery", type=kind,
        kind="kuery/query", text="", query=Filter(Always(value=True)), max_signals=most,
        suppression=Suppression(("user",), duration, missing) if suppressed else None,
    ),
    st.sampled_from(["query", "eql"]),
    st.sampled_from([None, dt.timedelta(minutes=5), dt.timedelta(minutes=12)]),
    st.sampled_from(["suppress", "doNotSuppress"]),
    st.booleans(),
    st.sampled_from([None, 1, 2, 3]),
)  # fmt: skip


@st.composite
def matched(draw: st.DrawFn) -> list[Match]:
    """Some matches of one rule in any order of time, often at the edges of its runs."""
    rule = draw(rules)
    times = st.integers(0, 8).map(lambda n: n * INTERVAL) | st.integers(0, 40 * MINUTE)
    drawn = draw(st.lists(st.tuples(times, values), min_size=1, max_size=14))
    return [
        Match(rule, (Event(f"e{number:02}", time, {"user": user}, "file", "line 1"),))
        for number, (time, user) in enumerate(drawn)
    ]


def shown(matches: list[Match]) -> list[Any]:
    return sorted((rank(match), repr(match.details)) for match in matches)


def at_once(matches: list[Match]) -> list[Any]:
    outcome = Outcome([matches[0].rule])
    return shown([*outcome.take(matches), *outcome.finish()])


@settings(max_examples=200)
@given(matched(), st.data())
def test_order_and_batches_do_not_matter(matches: list[Match], data: st.DataObject) -> None:
    outcome, rang = Outcome([matches[0].rule]), []
    for match in data.draw(st.permutations(matches)):
        rang += outcome.take([match])
    assert shown([*rang, *outcome.finish()]) == at_once(matches)


@settings(max_examples=200)
@given(matched(), st.data())
def test_saving_and_starting_again_changes_nothing(
    matches: list[Match], data: st.DataObject
) -> None:
    rule = matches[0].rule
    saved: dict[str, dict[str, bytes]] = {}
    outcome, rang = Outcome([rule]), []
    for match in data.draw(st.permutations(matches)):
        rang += outcome.take([match])
        if data.draw(st.booleans(), label="save here"):
            for operator, keys in outcome.changes().items():
                held = saved.setdefault(operator, {})
                for key, value in keys.items():
                    if value is None:
                        held.pop(key, None)
                    else:
                        held[key] = value
            outcome = Outcome([rule], saved)
    assert shown([*rang, *outcome.finish()]) == at_once(matches)


@given(matched(), st.data())
def test_matches_that_come_twice_change_nothing(matches: list[Match], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(matches), max_size=5))
    mixed = data.draw(st.permutations([*matches, *again]))
    assert list(dict.fromkeys(map(repr, at_once(mixed)))) == list(map(repr, at_once(matches)))


@settings(max_examples=200)
@given(matched())
def test_suppression_is_what_the_definition_says(matches: list[Match]) -> None:
    """In order of time, a match is counted on an alert of its group whose window holds its run."""
    rule = matches[0].rule
    suppression = rule.suppression
    if suppression is None or rule.max_signals is not None:
        return
    duration = (suppression.duration or dt.timedelta(0)) // dt.timedelta(microseconds=1) * 1000
    alerts: list[tuple[Any, int, list[Match]]] = []  # group, run, matches
    alone = []
    for match in sorted(matches, key=rank):
        groups = groups_of(match)
        if not groups:
            alone.append((rank(match), 0))
        run = rule.runs.first_at(match.time)
        for group in groups:
            mine = next((a for a in alerts if a[0] == group and run <= a[1] + duration), None)
            if mine is None:
                alerts.append((group, run, [match]))
            else:
                mine[2].append(match)
    expected = [(rank(found[0]), len(found) - 1) for _, _, found in alerts]
    outcome = Outcome([rule])
    rang = [*outcome.take(matches), *outcome.finish()]
    told = [
        ((m.time, (m.events[0].id,), ""), m.details.get("suppression", {}).get("docs_count", 0))
        for m in rang
    ]
    assert sorted(told) == sorted(expected + alone)


@settings(max_examples=200)
@given(matched())
def test_a_limit_keeps_the_first_of_each_run(matches: list[Match]) -> None:
    rule = matches[0].rule
    if rule.suppression is not None or rule.max_signals is None:
        return
    kept: list[Match] = []
    for run in {rule.runs.first_at(match.time) for match in matches}:
        found = sorted((m for m in matches if rule.runs.first_at(m.time) == run), key=rank)
        kept += found[-rule.max_signals :] if rule.type == "eql" else found[: rule.max_signals]
    outcome = Outcome([rule])
    assert outcome.take(matches) == []
    assert shown(outcome.finish()) == shown(kept)
    assert outcome.cut.total() == len(matches) - len(kept)
