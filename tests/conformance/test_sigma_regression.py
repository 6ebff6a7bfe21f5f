"""SigmaHQ's own regression cases: events, and the rule that has to fire on them so many times.

All public rules are loaded once and run over all events at once, each event in both forms in which
it is published: as the log that it was recorded in, and as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tocsin.engine.evaluate import evaluate
from tocsin.engine.plan import Plan
from tocsin.events.batch import Batch
from tocsin.events.record import Document, Undecodable
from tocsin.events.shapes import in_ecs
from tocsin.logic.query import Filter
from tocsin.rules.load import load_rules
from tocsin.sources.files import InputFile, OpenFile

OFTEN = {
    # The case says once, but so many of its events are what the rule asks for.
    "0b9ad457-2554-44c1-82c2-d56a99c42377": 3,  # a file user.conf.new twice, user.conf~….TMP once
    "45e112d0-7759-4c2a-aa36-9f8fb79d3393": 3,  # a value each for http, https and *
    "c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e": 2,  # AutoShareServer and AutoShareWks
}


class Case(NamedTuple):
    """Events, the rule that they are for, and how often it fires; None: at least once."""

    path: Path
    rule_id: str
    count: int | None


class Outcome(NamedTuple):
    """What came of all cases: how often the rule fired on each, and which rules there are."""

    fired: dict[tuple[Path, str], int]
    rules: frozenset[str]


def cases_below(place: Path) -> Iterator[Case]:
    for info in sorted(place.rglob("info.yml")):
        content = yaml.safe_load(info.read_text(encoding="utf-8"))
        for test in content.get("regression_tests_info") or ():
            files = sorted(f for f in info.parent.iterdir() if f.suffix in {".evtx", ".json"})
            for rule in content["rule_metadata"]:
                count = OFTEN.get(rule["id"], test.get("match_count"))
                yield from (Case(file, rule["id"], count) for file in files)


def documents_of(path: Path) -> list[Document]:
    found: list[Document] = []
    with OpenFile(InputFile(str(path))) as file:
        for record in file.records():
            assert not isinstance(record, Undecodable), (path, record)
            shaped = in_ecs(record)
            found.append(record.document if shaped is None else shaped.document)
    return found


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Case]:
    place = shared / "corpora" / "sigma-regression"
    if not place.is_dir():
        pytest.skip(f"no regression cases at {place}")
    return list(cases_below(place))


@pytest.fixture(scope="module")
def outcome(shared: Path, cases: list[Case]) -> Outcome:
    rules = load_rules([shared / "corpora" / "sigma"]).rules
    queries = {rule.id: rule.query for rule in rules if isinstance(rule.query, Filter)}
    plan = Plan([query.expr for query in queries.values()])
    numbers = {rule_id: number for number, rule_id in enumerate(queries)}
    documents: list[Document] = []
    spans: dict[Path, range] = {}
    for path in dict.fromkeys(case.path for case in cases):
        found = documents_of(path)
        spans[path] = range(len(documents), len(documents) + len(found))
        documents += found
    hits = evaluate(plan, Batch(documents, plan.extractor))
    fired = {
        (case.path, case.rule_id): sum(
            int(row) in spans[case.path] for row in hits[numbers[case.rule_id]]
        )
        for case in cases
        if case.rule_id in numbers
    }
    return Outcome(fired, frozenset(numbers))


def test_every_case_has_its_rule(cases: list[Case], outcome: Outcome) -> None:
    assert len(cases) == 290
    assert {case.rule_id for case in cases} <= outcome.rules


def test_every_rule_fires_on_its_events(cases: list[Case], outcome: Outcome) -> None:
    wrong = [
        f"{case.path.name}: {fired} and not {case.count or 'at all'}"
        for case in cases
        if (fired := outcome.fired[case.path, case.rule_id]) != case.count
        and not (case.count is None and fired)
    ]
    assert wrong == []
