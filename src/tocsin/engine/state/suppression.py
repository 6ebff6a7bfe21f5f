"""Suppression: matches that have something in common are one alert.

Elastic looks, run by run, for the matches whose ``group_by`` fields have the same values: the
oldest makes the alert and the others are counted on it. With a ``duration``, the matches of later
runs are counted on it too, as long as those runs begin no later than that after the run that made
it: the window is anchored there and does not slide.

A match belongs to the first run that sees it (`logic.runs`), so it is enough to remember of each
group and run the oldest match, how many there were, and the time of the last. Runs are put
together to windows only when everything has come in; the order in which matches come makes no
difference. Across scans it does: what comes to a window that has made its alert, and is no later
than what the alert counts already, is taken for something that was counted. Matches that are only
counted are told apart by numbers of 64 bits (`_numbers`).
"""

from __future__ import annotations

import datetime as dt
import itertools
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tocsin.engine.match import Match
from tocsin.engine.state._held_match import MatchHeld, MatchKept, held_of, hold_match
from tocsin.engine.state._numbers import Numbers, number_of
from tocsin.errors import StoreError
from tocsin.events.event import Event
from tocsin.events.fields import reader
from tocsin.logic.field_types import Scalar, render_date, text_of
from tocsin.logic.query import Threshold
from tocsin.rules.model import Rule

MOST_GROUPS = 1_000
"""To how many groups one match may belong (arrays); more are cut off."""

Value = str | tuple[str, ...] | None
Rank = tuple[int, tuple[str, ...], str]


def rank(match: Match) -> Rank:
    """The order of matches: by time, then by what they are, whatever the order they come in."""
    return match.time, tuple(event.id for event in match.events), match.key


def values_in_common(events: Sequence[Event], field: str) -> list[Scalar]:
    """The values of a field that every one of the events has, in the order of the first."""
    first, *others = (reader(field)(event.document) for event in events)
    if not others:
        return first
    known = [{(type(value), value) for value in values} for values in others]
    return [value for value in first if all((type(value), value) in values for values in known)]


class Window(msgspec.Struct, gc=False, eq=False):
    """Matches of one group that are one alert.

    Attributes:
        run: the run that made the alert.
        terms: the group's (field, value) pairs.
        first: the oldest match.
        place: where that stands among matches (`rank`).
        end: the time of the latest match.
        count: how many matches there are.
        others: the numbers of the other matches, until the alert has been told to count them.
        told: the time up to which the alert has been told to count; None: there is none yet.
        news: whether there is something to tell.
    """

    run: int
    terms: tuple[tuple[str, Value], ...]
    first: MatchHeld
    place: Rank
    end: int
    count: int = 1
    others: Numbers | None = None
    told: int | None = None
    news: bool = True


class WindowKept(msgspec.Struct, array_like=True):
    """A window as it is kept; the attributes are those of `Window`."""

    run: int
    terms: tuple[tuple[str, Value], ...]
    first: MatchKept
    place: Rank
    end: int
    count: int
    others: bytes
    told: int | None
    news: bool


class Kept(msgspec.Struct, array_like=True):
    """What is kept of one group: the windows that are new, and those that have made an alert."""

    new: list[WindowKept]
    told: list[WindowKept]


class Group:
    """What is remembered of one group.

    Args:
        new: by run, what is new.
        told: by run, what has made an alert.
    """

    def __init__(self, new: Iterable[Window] = (), told: Iterable[Window] = ()) -> None:
        self.new = {window.run: window for window in new}
        self.told = {window.run: window for window in told}
        self._order = sorted(self.told)

    def covering(self, run: int, duration: int) -> Window | None:
        """The alert's window in which a run lies: of several, all as long, the latest."""
        place = bisect_right(self._order, run) - 1
        window = self.told[self._order[place]] if place >= 0 else None
        return window if window is not None and run <= window.run + duration else None

    def tell(self, window: Window) -> None:
        """Lets a window have an alert of its own."""
        insort(self._order, window.run)
        self.told[window.run] = window

    def forget(self, before: int) -> bool:
        """Drops the windows of earlier runs; says whether there were any."""
        kept = {run: window for run, window in self.told.items() if run >= before}
        dropped = len(kept) != len(self.told)
        self.told, self._order = kept, sorted(kept)
        return dropped


class SuppressionState:
    """The groups of one rule.

    Args:
        rule: a rule with a suppression.
        saved: what `changes` gave before, from a store.

    Raises:
        StoreError: it is not what `changes` gave.
    """

    def __init__(self, rule: Rule, saved: Mapping[str, bytes] | None = None) -> None:
        self._rule = rule
        self._runs = rule.runs
        suppression = rule.suppression
        duration = suppression.duration if suppression is not None else None
        self._duration = 0 if duration is None else duration // dt.timedelta(microseconds=1) * 1000
        try:
            self._groups = {key: _group_of(value) for key, value in (saved or {}).items()}
        except (msgspec.DecodeError, ValueError) as error:
            message = f"what is suppressed by {rule.name} cannot be read: {error}"
            raise StoreError(message) from error
        self._changed: set[str] = set()
        self.suppressed = 0

    def add(self, match: Match) -> bool:
        """Takes a match, in any order of time; False: it belongs to no group and rings alone."""
        groups = groups_of(match)
        run, place = self._runs.first_at(match.time), rank(match)
        for terms in groups:
            key = _key_of(terms)
            group = self._groups.setdefault(key, Group())
            window = group.covering(run, self._duration)
            if window is not None and window.told is not None and match.time <= window.told:
                if place == window.place:  # a replay tells the same alert again
                    window.news = True
                    self._changed.add(key)
                continue
            there = group.new.get(run)
            if there is None:
                group.new[run] = Window(run, terms, hold_match(match), place, match.time)
            elif not _count(there, match, place):
                continue
            self._changed.add(key)
        return bool(groups)

    def due(self) -> list[Match]:
        """The alerts that are new or count more than they did, oldest first.

        Everything has come in; windows that ended long before the newest run are forgotten.
        """
        found: list[tuple[Rank, str, Match]] = []
        for key, group in self._groups.items():
            for run, window in sorted(group.new.items()):
                window.others = None
                anchor = group.covering(run, self._duration)
                if anchor is None:
                    group.tell(window)
                    continue
                anchor.count += window.count
                anchor.end = max(anchor.end, window.end)
                anchor.news = True
            group.new = {}
            for window in group.told.values():
                if window.news:
                    found.append((window.place, key, self._alerting(window)))
                    self.suppressed += window.count - 1
                    window.told, window.news = window.end, False
                    self._changed.add(key)
        self._forget()
        return [match for _, _, match in sorted(found, key=lambda entry: entry[:2])]

    def _alerting(self, window: Window) -> Match:
        suppression = {
            "terms": [{"field": field, "value": value} for field, value in window.terms],
            "start": render_date(window.place[0]),
            "end": render_date(window.end),
            "docs_count": window.count - 1,
        }
        match = window.first.match(self._rule)
        # One match may be the oldest of several groups; its key says which one.
        key = f"{match.key}{_key_of(window.terms)}"
        details = match.details | {"suppression": suppression}
        return msgspec.structs.replace(match, key=key, details=details)

    def _forget(self) -> None:
        newest = max((run for g in self._groups.values() for run in g.told), default=0)
        before = newest - 2 * (self._duration + self._runs.lookback + self._runs.interval)
        for key, group in list(self._groups.items()):
            if group.forget(before):
                self._changed.add(key)
            if not group.told:
                del self._groups[key]

    def changes(self) -> dict[str, bytes | None]:
        """The groups that changed since the last call, encoded; None for one that is gone."""
        # As JSON: an event may hold whole numbers that MessagePack, with its 64 bits, cannot.
        changed = {
            key: _encoded(self._groups[key]) if key in self._groups else None
            for key in self._changed
        }
        self._changed.clear()
        return changed

    def __len__(self) -> int:
        """How many groups are remembered."""
        return len(self._groups)


def groups_of(match: Match) -> list[tuple[tuple[str, Value], ...]]:
    """The groups to which a match belongs, as (field, value) pairs; none: it alerts by itself.

    A field without a value is null, unless such matches are not to be suppressed. In a plain query
    an array gives a group for each value; in other types it is, sorted, one value. A sequence has
    the values that all of its events share; a threshold is in the group that it counted.
    """
    rule, suppression = match.rule, match.rule.suppression
    if suppression is None:
        return []
    if isinstance(rule.query, Threshold):
        terms = match.details.get("threshold_result", {}).get("terms", ())
        return [tuple((term["field"], term["value"]) for term in terms)]
    choices: list[list[tuple[str, Value]]] = []
    for field in suppression.group_by:
        values = dict.fromkeys(map(text_of, values_in_common(match.events, field)))
        if not values:
            if suppression.missing == "doNotSuppress":
                return []
            choices.append([(field, None)])
        elif rule.type == "query" or len(values) == 1:
            choices.append([(field, value) for value in values])
        else:
            choices.append([(field, tuple(sorted(values)))])
    return list(itertools.islice(itertools.product(*choices), MOST_GROUPS))


def _count(window: Window, match: Match, place: Rank) -> bool:
    """Counts a match of the window's run; says whether it had not been counted already."""
    number = _number_of(place)
    if window.others is None:
        window.others = Numbers()
    if place == window.place or number in window.others:
        return False
    window.count += 1
    window.end = max(window.end, match.time)
    if place < window.place:
        number = _number_of(window.place)
        window.place, window.first = place, hold_match(match)
    window.others.add(number)
    return True


def _number_of(place: Rank) -> bytes:
    return number_of(msgspec.json.encode(place).decode())


def _key_of(terms: Iterable[tuple[str, Value]]) -> str:
    return msgspec.json.encode(list(terms)).decode()


def _encoded(group: Group) -> bytes:
    def kept(window: Window) -> WindowKept:
        others = b"" if window.others is None else bytes(window.others)
        return WindowKept(
            window.run, window.terms, window.first.kept(), window.place, window.end, window.count,
            others, window.told, window.news,
        )  # fmt: skip

    return msgspec.json.encode(
        Kept(list(map(kept, group.new.values())), list(map(kept, group.told.values())))
    )


def _group_of(value: bytes) -> Group:
    def window(kept: WindowKept) -> Window:
        return Window(
            kept.run, kept.terms, held_of(kept.first), kept.place, kept.end, kept.count,
            Numbers(kept.others) if kept.others else None, kept.told, kept.news,
        )  # fmt: skip

    kept = msgspec.json.decode(value, type=Kept)
    return Group(map(window, kept.new), map(window, kept.told))
