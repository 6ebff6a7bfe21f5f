"""Tests of rules: the events that an author keeps beside a rule, and those made out of its logic.

An author's events stand in files beside the rule (see `own_files`): each line of ``fires.ndjson``
has to fire the rule by itself, each of ``silent.ndjson`` must not. A rule that needs several events
takes those with the same ``labels.case`` together; without that, the whole file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from tocsin.engine.solve import Case, Unsolved, solve
from tocsin.engine.solve.agent_rules import others_of
from tocsin.engine.solve.cases import NOON
from tocsin.engine.solve.judge import fires as by_definition
from tocsin.errors import InputError
from tocsin.events.fields import values_of
from tocsin.events.record import Document, Record, Undecodable
from tocsin.logic.query import Filter, NewTerms
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector
from tocsin.sources.files import InputFile, OpenFile

Origin = Literal["own", "generated"]
Expected = Literal["fires", "silent"]
_INDICATORS: Final = "indicators"
_ENDINGS: Final[tuple[Expected, ...]] = ("fires", "silent")


class Outcome(msgspec.Struct, frozen=True):
    """What became of one test.

    Attributes:
        origin: whether the author wrote the events or they were made out of the logic.
        expected: what the rule has to do.
        name: what the events are.
        passed: whether it did.
        reason: why not; empty where it passed.
        events: the events, where it failed.
    """

    origin: Origin
    expected: Expected
    name: str
    passed: bool
    reason: str = ""
    events: tuple[Document, ...] = ()


class RuleResult(msgspec.Struct, frozen=True):
    """A rule and its tests.

    Attributes:
        rule: the rule.
        outcomes: of each test.
        unsolved: why no events could be made; empty where they could.
    """

    rule: Rule
    outcomes: tuple[Outcome, ...]
    unsolved: str = ""

    @property
    def failed(self) -> bool:
        """Whether some test did not pass."""
        return any(not outcome.passed for outcome in self.outcomes)

    def count(self, origin: Origin, expected: Expected) -> tuple[int, int]:
        """How many tests of a sort passed, and how many there were."""
        mine = [o for o in self.outcomes if (o.origin, o.expected) == (origin, expected)]
        return sum(outcome.passed for outcome in mine), len(mine)


def run_tests(rules: Sequence[Rule], *, seed: int = 0) -> Iterator[RuleResult]:
    """Tests each rule with its author's events and with generated ones.

    Raises:
        InputError: an author's file cannot be read.
    """
    neighbours = Counter(rule.path for rule in rules)
    others = others_of(rules)
    for rule in rules:
        own = own_outcomes(rule, alone=neighbours[rule.path] == 1)
        generated, unsolved = generated_outcomes(rule, others, seed=seed)
        yield RuleResult(rule, (*own, *generated), unsolved)


# --- what the logic says -----------------------------------------------------------------------


def generated_outcomes(
    rule: Rule, others: Sequence[Rule] = (), *, seed: int = 0
) -> tuple[list[Outcome], str]:
    """The tests made out of a rule's logic, or none and why.

    Args:
        rule: the rule.
        others: rules that set what it remembers.
        seed: for what is chosen where any choice would do.
    """
    solved = solve(rule, others=others, seed=seed)
    if isinstance(solved, Unsolved):
        return [], solved.reason
    wanted: list[tuple[Expected, Case]] = [("fires", solved.fires)]
    wanted += [("silent", case) for case in solved.misses]
    rang = _rings(rule, [case for _, case in wanted])
    return [
        _outcome("generated", expected, case, rings, by_definition(rule, case))
        for (expected, case), rings in zip(wanted, rang, strict=True)
    ], ""


def _outcome(
    origin: Origin, expected: Expected, case: Case, rings: bool, defined: bool
) -> Outcome:  # fmt: skip
    should = expected == "fires"
    reasons = [
        f"{engine} {'fires' if said else 'keeps silent'}"
        for engine, said in (("the columnar engine", rings), ("the reference", defined))
        if said != should
    ]
    events = () if not reasons else (*case.indicators, *case.before, *case.events)
    return Outcome(origin, expected, case.about, not reasons, " and ".join(reasons), events)


def _rings(rule: Rule, cases: Sequence[Case]) -> list[bool]:
    """Whether the columnar engine fires on each; those of single events as one batch."""
    if isinstance(rule.query, Filter) and not rule.query.pipes:
        records = [_record(case.events[0], n) for n, case in enumerate(cases)]
        rang = set().union(*_matched(rule, records, ()))
        return [record.position in rang for record in records]
    return [_rings_on(rule, case) for case in cases]


def _rings_on(rule: Rule, case: Case) -> bool:
    records = [_record(event, n) for n, event in enumerate((*case.before, *case.events))]
    asked = {record.position for record in records[len(case.before) :]}
    found = _matched(rule, records, case.indicators, case.others)
    return any(match & asked for match in found)


def _matched(
    rule: Rule,
    records: Sequence[Record],
    indicators: Sequence[Document],
    others: Sequence[Rule] = (),
) -> list[set[str]]:
    """Where the events of each of the rule's matches stand; a silent rule is heard here."""
    heard = msgspec.structs.replace(rule, silent=False)
    detector = Detector([*others, heard], now=NOON, indicators=indicators)
    matches = [*detector.feed(records, "test"), *detector.finish()]
    return [{event.position for event in match.events} for match in matches if match.rule is heard]


def _record(event: Document, number: int) -> Record:
    return Record(event, f"event {number + 1}", msgspec.json.encode(event))


# --- what the author wrote ---------------------------------------------------------------------


def own_files(rule: Rule, what: str, *, alone: bool) -> list[Path]:
    """The author's files for a rule, those that there are.

    Beside the rule's file, ``<file>.fires.ndjson`` or ``<rule id>.fires.ndjson``; in ``events``
    beside it or beside its directory, ``<file>/fires.ndjson`` or ``<file>/<rule id>.fires.ndjson``.

    Args:
        rule: the rule.
        what: the other half of the name: ``fires``, ``silent``; ``indicators`` for the documents
            about threats that go with both.
        alone: whether the rule is the only one of its file; else only names with its id count.
    """
    path = Path(rule.path)
    named = f"{rule.id}.{what}.ndjson"
    identified = rule.id and Path(named).name == named and "\0" not in named
    found: list[Path] = []
    if alone:
        found.append(path.with_name(f"{path.stem}.{what}.ndjson"))
    if identified:
        found.append(path.with_name(named))
    for base in (path.parent, path.parent.parent):
        folder = base / "events" / path.stem
        if alone:
            found.append(folder / f"{what}.ndjson")
        if identified:
            found.append(folder / named)
    return [file for file in dict.fromkeys(found) if file.is_file()]


def own_outcomes(rule: Rule, *, alone: bool) -> list[Outcome]:
    """The tests that the author wrote.

    Raises:
        InputError: a file cannot be read, or holds something that is no event.
    """
    indicators = [
        record.document
        for file in own_files(rule, _INDICATORS, alone=alone)
        for record in _read(file)
    ]
    return [
        _own_outcome(rule, expected, name, records, indicators)
        for expected in _ENDINGS
        for file in own_files(rule, expected, alone=alone)
        for name, records in _runs(rule, file)
    ]


def _runs(rule: Rule, file: Path) -> Iterable[tuple[str, list[Record]]]:
    """The events of a file, those that are asked together in one list."""
    records = list(_read(file))
    if isinstance(rule.query, (Filter, NewTerms)):
        return [(_name(file, record, record.position), [record]) for record in records]
    runs: dict[str, list[Record]] = {}
    for record in records:
        runs.setdefault(_name(file, record, "all events"), []).append(record)
    return runs.items()


def _name(file: Path, record: Record, otherwise: str) -> str:
    case = next(iter(values_of(record.document, "labels.case")), None)
    return f"{file.name}, {otherwise if case is None else case}"


def _read(file: Path) -> Iterator[Record]:
    with OpenFile(InputFile(str(file))) as opened:
        for record in opened.records():
            if isinstance(record, Undecodable):
                message = f"{file}, {record.position}: {record.reason}"
                raise InputError(message)
            yield record


def _own_outcome(
    rule: Rule, expected: Expected, name: str, records: Sequence[Record],
    indicators: Sequence[Document],
) -> Outcome:  # fmt: skip
    rings = bool(_matched(rule, records, indicators))
    if rings == (expected == "fires"):
        return Outcome("own", expected, name, passed=True)
    reason = "the rule fires" if rings else "the rule keeps silent"
    events = tuple(record.document for record in records)
    return Outcome("own", expected, name, passed=False, reason=reason, events=events)
