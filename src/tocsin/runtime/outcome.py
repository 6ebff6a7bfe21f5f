"""Which matches ring: exceptions aside, everything that stands between a match and its alert.

* A rule's suppression makes one alert of matches that have something in common
  (`engine.state.suppression`).
* A rule's ``max_signals`` is how many alerts one of its runs may make: a query's oldest, an EQL
  rule's latest, a threshold's first groups. What is beyond is dropped, and counted.

Which match is the oldest is known only at the end. So the matches of rules that have neither ring
at once, and those of the others are held: of a run no more than it may make, of a suppressed group
the oldest. What is held is part of what `changes` hands over, so that an interrupted scan goes on
with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tocsin.engine.match import Match
from tocsin.engine.state._held_match import MatchHeld, MatchKept, held_of, hold_match
from tocsin.engine.state.operator import Saved
from tocsin.engine.state.suppression import Rank, SuppressionState, rank
from tocsin.errors import StoreError
from tocsin.logic.query import Threshold
from tocsin.rules.model import Rule

ELASTIC_DEFAULT = 100
"""How many alerts a run of an Elastic rule may make that says nothing of it."""

Place = tuple[str, Rank]


class Outcome:
    """The ways of a set of rules from matches to alerts.

    Args:
        rules: those whose matches come.
        saved: what `changes` gave before, by operator (`operators`) and key.
        max_signals: how many alerts a run of an Elastic rule may make that does not say; None: any
            number.

    Attributes:
        cut: matches that were beyond a rule's ``max_signals``, by the rule's name.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        saved: Mapping[str, Saved] | None = None,
        *,
        max_signals: int | None = None,
    ) -> None:
        saved = saved or {}
        self._suppressions: dict[str, SuppressionState] = {}
        self._limits: dict[str, Limit] = {}
        for rule in rules:
            if rule.suppression is not None:
                state = SuppressionState(rule, saved.get(_suppression(rule.id)))
                self._suppressions[rule.id] = state
            most = limit_of(rule, max_signals)
            if most is not None:
                self._limits[rule.id] = Limit(rule, most, saved.get(_limit(rule.id)))
        self.cut: Counter[str] = Counter()

    @staticmethod
    def operators(rules: Iterable[Rule], max_signals: int | None = None) -> list[str]:
        """The names under which these rules' matches are kept."""
        names = []
        for rule in rules:
            if rule.suppression is not None:
                names.append(_suppression(rule.id))
            if limit_of(rule, max_signals) is not None:
                names.append(_limit(rule.id))
        return names

    @property
    def suppressed(self) -> int:
        """How many matches were counted on another's alert."""
        return sum(state.suppressed for state in self._suppressions.values())

    def take(self, matches: Iterable[Match]) -> list[Match]:
        """Takes matches in any order, and gives back those that ring at once."""
        ringing: list[Match] = []
        for match in matches:
            suppression = self._suppressions.get(match.rule.id)
            if suppression is None or not suppression.add(match):
                ringing += self._limited(match)
        return ringing

    def finish(self) -> list[Match]:
        """What else rings once everything has come in, oldest first within a rule."""
        ringing: list[Match] = []
        for state in self._suppressions.values():
            for match in state.due():
                ringing += self._limited(match)
        for limit in self._limits.values():
            ringing += limit.release()
            if limit.cut:
                self.cut[limit.rule.name] += limit.cut
                limit.cut = 0
        return ringing

    def changes(self) -> dict[str, dict[str, bytes | None]]:
        """What is held or remembered and was not at the last call, by operator and key."""
        changed = {_suppression(name): s.changes() for name, s in self._suppressions.items()}
        changed |= {_limit(name): limit.changes() for name, limit in self._limits.items()}
        return {operator: keys for operator, keys in changed.items() if keys}

    def _limited(self, match: Match) -> Sequence[Match]:
        limit = self._limits.get(match.rule.id)
        if limit is None:
            return (match,)
        limit.add(match)
        return ()


def limit_of(rule: Rule, default: int | None) -> int | None:
    """How many alerts one run of a rule may make; None: any number."""
    if rule.max_signals is not None:
        return rule.max_signals
    return default if rule.vendor == "elastic" else None


def _suppression(rule_id: str) -> str:
    return f"suppression/{rule_id}"


def _limit(rule_id: str) -> str:
    return f"max_signals/{rule_id}"


class Run(msgspec.Struct):
    """The matches of one run: the best so far in order of their places, and how many were cut."""

    places: list[Place] = []
    held: list[MatchHeld] = []
    cut: int = 0


class RunKept(msgspec.Struct, array_like=True):
    """A run as it is kept."""

    places: list[Place]
    matches: list[MatchKept]
    cut: int


class Limit:
    """The first so many matches of each run of a rule, in the order that its type has.

    Args:
        rule: the rule.
        most: how many.
        saved: what `changes` gave before.

    Raises:
        StoreError: it is not what `changes` gave.
    """

    def __init__(self, rule: Rule, most: int, saved: Saved | None = None) -> None:
        self.rule = rule
        self._most = most
        self._latest = rule.type == "eql"
        self._by_group = isinstance(rule.query, Threshold)
        try:
            self._runs = {int(key): _run_of(value) for key, value in (saved or {}).items()}
        except (msgspec.DecodeError, ValueError) as error:
            message = f"what {rule.name} may alert cannot be read: {error}"
            raise StoreError(message) from error
        self._changed: set[int] = set()
        self.cut = 0

    def add(self, match: Match) -> None:
        """Holds a match, and drops the one that is then too many."""
        number = self.rule.runs.first_at(match.time)
        run = self._runs.setdefault(number, Run())
        place: Place = (match.key if self._by_group else "", rank(match))
        at = bisect_left(run.places, place)
        if at < len(run.places) and run.places[at] == place:
            return  # the same match again
        self._changed.add(number)
        full = len(run.places) >= self._most
        worst = 0 if self._latest else len(run.places)
        if full:
            run.cut += 1
            if at == worst:
                return
        run.places.insert(at, place)
        run.held.insert(at, hold_match(match))
        if full:
            drop = 0 if self._latest else len(run.places) - 1
            del run.places[drop], run.held[drop]

    def release(self) -> list[Match]:
        """Everything that is held, oldest first."""
        found = [
            held.match(self.rule) for _, run in sorted(self._runs.items()) for held in run.held
        ]
        self.cut += sum(run.cut for run in self._runs.values())
        self._changed.update(self._runs)
        self._runs.clear()
        return found

    def changes(self) -> dict[str, bytes | None]:
        """The runs that changed since the last call, encoded; None for one that was released."""
        changed = {
            str(number): _encoded(self._runs[number]) if number in self._runs else None
            for number in self._changed
        }
        self._changed.clear()
        return changed


def _encoded(run: Run) -> bytes:
    return msgspec.json.encode(RunKept(run.places, [one.kept() for one in run.held], run.cut))


def _run_of(value: bytes) -> Run:
    kept = msgspec.json.decode(value, type=RunKept)
    return Run(kept.places, list(map(held_of, kept.matches)), kept.cut)
