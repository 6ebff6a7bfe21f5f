"""SigmaHQ's own regression cases: events, and the rule that has to fire on them so many times.

All public rules are loaded once and run over all events at once, each event in both forms in which
it is published: as the log that it was recorded in, and as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

Golden = Callable[[str, str], None]

OFTEN = {
    # The case says once, but so many of its events are what the rule asks for.
    "0b9ad457-2554-44c1-82c2-d56a99c42377": 3,  # a file user.conf.new twice, user.conf~….TMP once
    "45e112d0-7759-4c2a-aa36-9f8fb79d3393": 3,  # a value each for http, https and *
    "c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e": 2,  # AutoShareServer and AutoShareWks
}


OTHERS = {
    # Rules that fire on another rule's case, read by hand: (the case's rule, the other) → why.
    ("e76ca062-4de0-4d79-8d90-160a0d335eca", "d38d2fa4-98e6-4a24-aff1-410b0c9ad177"): (
        "the tool names as its company one of the six that the rule lists"
    ),
    ("62f7c9bf-9135-49b2-8aeb-1e54a6ecc13c", "bafd07c6-3ea5-454a-b4be-058fbb073de7"): (
        "the browser started itself, and its product and original name are in no exception"
    ),
    ("8f3ab69a-aa22-4943-aa58-e0a52fdf6818", "737e618a-a410-49b5-bec3-9e55ff7fbc15"): (
        "what reg.exe writes ends in \\calc.exe and a blank follows"
    ),
    ("50a0aa3d-ab16-4594-a8aa-5145a6e6792b", "f91ed517-a6ba-471d-9910-b3b4a398c0f3"): (
        "the parent lies in WindowsApps, and base64 is in the command line, in another case"
    ),
    ("56454143-524f-49fb-b1c6-3fb8b1ad41fb", "d557dc06-62e8-4468-a8e8-7984124908ce"): (
        "the file that is fetched has the tool's name"
    ),
    ("e568650b-5dcd-4658-8f34-ded0b1e13992", "8d63dadf-b91b-4187-87b6-34a1114577ea"): (
        "a namespace begins with two backslashes, and /Format: is there"
    ),
    ("526cc8bc-1cdc-48ad-8b26-f19bff969cec", "93ff0ceb-e0ef-4586-8cd8-a6c277d738e3"): (
        "a deleted value is an event of the registry, and the rule asks for its place alone"
    ),
    ("c17d47b7-dcd6-4109-87eb-d1817bd4cbc9", "f4bbd493-b796-416e-bbf2-121235348529"): (
        "PowerShell whose parent is not known is in no exception"
    ),
}


class Case(NamedTuple):
    """Events, the rule that they are for, and how often it fires; None: at least once."""

    path: Path
    rule_id: str
    count: int | None


class Outcome(NamedTuple):
    """What came of all cases.

    How often the rule of a case fired on it, which rules there are, and (the case's rule, another
    rule that fired on it) pairs, over the logs.
    """

    fired: dict[tuple[Path, str], int]
    rules: frozenset[str]
    others: frozenset[tuple[str, str]]


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
    wanted = {case.path: case.rule_id for case in cases if case.path.suffix == ".evtx"}
    at = {row: path for path, span in spans.items() if path in wanted for row in span}
    others = {
        (wanted[at[int(row)]], rule_id)
        for rule_id, number in numbers.items()
        for row in hits[number]
        if int(row) in at and (at[int(row)], rule_id) not in fired
    }
    return Outcome(fired, frozenset(numbers), frozenset(others))


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


def test_the_other_rules_that_fire_are_known(outcome: Outcome, golden: Golden) -> None:
    """By ids: the case's rule, then the other. Those in OTHERS were read by hand."""
    lines = [" ".join(pair) for pair in sorted(outcome.others)]
    golden("sigma_regression_others.txt", "\n".join(lines) + "\n")
    assert set(OTHERS) <= outcome.others
