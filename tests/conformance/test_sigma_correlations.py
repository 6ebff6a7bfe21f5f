"""Sigma's correlations, from YAML to the events of an alert.

Beside each ``<rule>.yml`` in ``sigma_correlations`` stand events: ``<rule>.fires.ndjson`` and
``<rule>.silent.ndjson``. An event says in ``labels`` which ``case`` it is of, its number ``n`` there,
and in which ``alert`` of the case it has to be, one or several; in none where it says nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tocsin.engine.state.correlation import CorrelationState
from tocsin.engine.state.operator import Firing
from tocsin.events.event import Event
from tocsin.events.record import Document, Record
from tocsin.logic.query import Correlation
from tocsin.rules.load import load_rules
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector

PLACE = Path(__file__).parent / "sigma_correlations"
RULES = sorted(path.stem for path in PLACE.glob("*.yml") if path.stem != "bases")
NOW = 1_800_000_000 * 10**9
Alerts = set[frozenset[int]]
"""The numbers of the events of each alert."""


@lru_cache
def rule_of(name: str) -> Rule:
    """The one rule of a file that alerts."""
    path = PLACE / f"{name}.yml"
    loaded = load_rules([PLACE / "bases.yml", path])
    assert [p for p in loaded.problems if p.kind != "no_source"] == []
    [rule] = [rule for rule in loaded.rules if rule.path == str(path) and not rule.silent]
    return rule


def cases_of(name: str) -> dict[str, list[Document]]:
    cases: dict[str, list[Document]] = {}
    for ending in ("fires", "silent"):
        file = PLACE / f"{name}.{ending}.ndjson"
        lines = file.read_text().splitlines() if file.is_file() else []
        for event in map(json.loads, lines):
            cases.setdefault(event["labels"]["case"], []).append(event)
    return cases


every_rule = pytest.mark.parametrize("name", RULES)
every_case = pytest.mark.parametrize(
    "name, events",
    [
        pytest.param(name, events, id=f"{name}: {case}")
        for name in RULES
        for case, events in cases_of(name).items()
    ],
)


def expected(events: Iterable[Document]) -> Alerts:
    alerts: dict[int, set[int]] = {}
    for event in events:
        labels: Any = event["labels"]
        numbers = labels.get("alert", [])
        for number in numbers if isinstance(numbers, list) else [numbers]:
            alerts.setdefault(number, set()).add(labels["n"])
    return {frozenset(found) for found in alerts.values()}


def numbers_of(events: Iterable[Event]) -> frozenset[int]:
    return frozenset(event.document["labels"]["n"] for event in events)  # type: ignore[index,call-overload]


def rung(rule: Rule, *batches: Sequence[Document]) -> Alerts:
    """What rings when events come in batches, each to a detector that begins where one ended."""
    saved: dict[str, dict[str, bytes]] = {}
    detector = Detector([rule], now=NOW)
    for batch in batches:
        detector = Detector([rule], now=NOW, saved=saved)
        records = [Record(e, f"line {n}", json.dumps(e).encode()) for n, e in enumerate(batch)]
        assert detector.feed(records, "file") == []
        for operator, keys in detector.changes().items():
            known = saved.setdefault(operator, {})
            for key, value in keys.items():
                known.pop(key, None)
                known |= {} if value is None else {key: value}
    matches = detector.finish()
    assert all(match.evidence for match in matches)
    return {numbers_of(match.events) for match in matches}


def heard(rule: Rule, events: Sequence[Document]) -> list[tuple[Event, tuple[int, ...]]]:
    detector, listener = Detector.listening(rule, now=NOW)
    detector.feed([Record(e, "", json.dumps(e).encode()) for e in events], "file")
    return listener.heard


def told(firings: Iterable[Firing]) -> Alerts:
    return {numbers_of(event for _, event in firing.events) for firing in firings}


def state_of(rule: Rule) -> CorrelationState:
    assert isinstance(rule.query, Correlation)
    return CorrelationState(rule.query)


@every_case
def test_a_scan_rings_as_the_case_says(name: str, events: list[Document]) -> None:
    assert rung(rule_of(name), events) == expected(events)


@every_case
def test_events_may_come_in_any_order_and_in_parts(name: str, events: list[Document]) -> None:
    assert rung(rule_of(name), events[::-1]) == expected(events)
    for seed in range(3):
        mixed = random.Random(seed).sample(events, len(events))
        half = len(mixed) // 2
        assert rung(rule_of(name), mixed[:half], mixed[half:]) == expected(events)


@every_case
def test_a_stream_rings_as_the_case_says(name: str, events: list[Document]) -> None:
    """Each time is complete when a later event comes; at the end, time goes on for a day."""
    state, found = state_of(rule_of(name)), Alerts()
    for event, roles in sorted(heard(rule_of(name), events), key=lambda one: one[0].time):
        found |= told(state.due(event.time - 1))
        state.add(event, roles)
    found |= told(state.due(NOW + 86_400 * 10**9))
    assert (found, state.late, len(state)) == (expected(events), 0, 0)


def all_but_the_first(name: str, events: Sequence[Document]) -> tuple[Any, Any]:
    """What the first event of a case is, and a state that has been handed the others."""
    first, *rest = sorted(heard(rule_of(name), events), key=lambda one: one[0].time)
    state = state_of(rule_of(name))
    for event, roles in rest:
        state.add(event, roles)
    return first, state


@every_rule
def test_an_event_that_is_late_counts_with_what_is_remembered(name: str) -> None:
    """The first comes last, when all others have been looked at; unless those ring without it."""
    counted = 0
    for events in cases_of(name).values():
        heard_all = heard(rule_of(name), events)
        if len(heard_all) < 2 or not rung(rule_of(name), events[1:]) <= expected(events):
            continue
        (late, roles), state = all_but_the_first(name, events)
        found = told(state.due(max(event.time for event, _ in heard_all)))
        state.add(late, roles)
        found |= told(state.due(None))
        assert found == expected(events)
        counted += 1
    assert counted > 0


@every_rule
def test_an_event_that_is_too_late_is_counted(name: str) -> None:
    events = next(iter(cases_of(name).values()))
    (late, roles), state = all_but_the_first(name, events)
    state.due(late.time + 3 * 3_600 * 10**9)
    state.add(late, roles)
    state.due(None)
    assert state.late == 1


@every_rule
def test_what_comes_again_rings_no_second_time(name: str) -> None:
    for events in cases_of(name).values():
        state = state_of(rule_of(name))
        for event, roles in heard(rule_of(name), events):
            state.add(event, roles)
        assert told(state.due(None)) == expected(events)
        for event, roles in heard(rule_of(name), events):
            state.add(event, roles)
        assert told(state.due(None)) == Alerts()
