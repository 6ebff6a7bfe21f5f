"""A correlation rings on what its definition says, however its events come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from unittest import mock

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.engine.solve.correlated import rings
from tocsin.engine.state import _correlation_hits as hits
from tocsin.engine.state import _correlation_level as level
from tocsin.engine.state._correlation_window import as_json
from tocsin.engine.state.correlation import CorrelationState
from tocsin.engine.state.correlation import _spans as spans_of
from tocsin.engine.state.operator import Firing
from tocsin.events.event import Event
from tocsin.logic.expr import Always, And, Expr, Leaf, Not, Or
from tocsin.logic.matchers import Exists
from tocsin.logic.query import Correlation, CorrelationKind, CorrelationTerm, Filter, roles_of

SECOND = 1_000_000_000
ANY = Filter(Always(value=True))
Heard = list[tuple[Event, tuple[int, ...]]]
Rang = tuple[str, float, tuple[str, ...]]
"""Key with its time, value, ids of the events."""

KINDS: tuple[CorrelationKind, ...] = (
    "event_count", "value_count", "temporal", "temporal_ordered",
    "value_sum", "value_avg", "value_median", "value_percentile",
)  # fmt: skip
NAMES = "abc"


# --- rules ------------------------------------------------------------------------------------

lower = st.tuples(st.sampled_from(["gt", "gte"]), st.integers(0, 5) | st.sampled_from([1.5, 7]))
upper = st.tuples(st.sampled_from(["lt", "lte"]), st.integers(0, 6) | st.sampled_from([2.5, 9]))
exact = st.tuples(st.sampled_from(["eq", "neq"]), st.integers(0, 4))
numbers = (
    st.tuples(lower)
    | st.tuples(lower)
    | st.tuples(upper)
    | st.tuples(lower, upper)
    | st.tuples(exact)
)
group_by = st.sampled_from([(), ("user",), ("user",), ("user", "host")])
spans = st.integers(0, 20).map(lambda n: dt.timedelta(seconds=n))


def seen() -> st.SearchStrategy[Expr]:
    leaves: st.SearchStrategy[Expr] = st.sampled_from(NAMES + "x").map(lambda n: Leaf(n, Exists()))
    return st.recursive(
        leaves,
        lambda inner: (
            inner.map(Not)
            | st.lists(inner, min_size=1, max_size=3).map(lambda terms: And(tuple(terms)))
            | st.lists(inner, min_size=1, max_size=3).map(lambda terms: Or(tuple(terms)))
        ),
        max_leaves=5,
    )


@st.composite
def rules(draw: st.DrawFn, kind: CorrelationKind, depth: int = 1) -> Correlation:
    """A correlation of one to three rules, some by other fields, some correlations themselves."""
    by = draw(group_by)
    fields: tuple[str, ...] = ()
    if kind == "value_count":
        fields = draw(st.sampled_from([("port",), ("port", "size")]))
    elif kind.startswith("value"):
        fields = ("size",)
    terms = []
    for name in NAMES[: draw(st.integers(1, 3))]:
        inner: Filter | Correlation = ANY
        if depth and draw(st.integers(0, 3)) == 3:
            inner = draw(rules(draw(st.sampled_from(KINDS)), depth - 1))
        aliased = tuple(draw(st.sampled_from([one, one, "host"])) for one in by)
        own = tuple(draw(st.sampled_from([one, one, "port"])) for one in fields)
        terms.append(
            CorrelationTerm(
                name, inner, draw(st.sampled_from([(), aliased])), draw(st.sampled_from([(), own]))
            )
        )
    temporal = kind.startswith("temporal")
    way = draw(st.sampled_from(["number", "seen", "none"])) if temporal else "number"
    return Correlation(
        kind, tuple(terms), by, draw(spans), draw(numbers) if way == "number" else (), fields,
        draw(st.sampled_from([None, 0, 25, 99.9, 100])) if kind == "value_percentile" else None,
        draw(seen()) if way == "seen" else None,
    )  # fmt: skip


# --- events -----------------------------------------------------------------------------------

texts = st.sampled_from(["x", "y", None]) | st.lists(st.sampled_from(["x", "y"]), max_size=2)
sizes = st.sampled_from(
    [1, "2", -3, 0.1, 0.2, "0.3", 1e300, 2**70, "many", True, None, [1, 1], [5, "x"]]
)


@st.composite
def days(draw: st.DrawFn, query: Correlation) -> Heard:
    """Events of half a minute, often at the same time, that play one role or more."""
    count = len(roles_of(query))
    times = st.integers(-2, 30) | st.integers(0, 4).map(lambda n: 5 * n)
    one = st.tuples(
        times, st.sets(st.integers(0, count - 1), min_size=1, max_size=2), texts, texts,
        st.sampled_from([80, "80", 443, None]), sizes,
    )  # fmt: skip
    least = draw(st.sampled_from([0, 6, 12]))
    drawn = draw(st.lists(one, min_size=least, max_size=16))
    names = draw(st.permutations(range(len(drawn))))
    return [
        (
            Event(
                f"e{n:02}", at * SECOND,
                {"user": user, "host": host, "port": port, "size": size}, "file", "line 1",
            ),
            tuple(sorted(roles)),
        )
        for n, (at, roles, user, host, port, size) in zip(names, drawn, strict=True)
    ]  # fmt: skip


def shown(firings: Iterable[Firing]) -> list[Rang]:
    found = []
    for firing in firings:
        told = firing.details["correlation"]
        ids = tuple(event.id for _, event in firing.events)
        assert firing.key.endswith(f"@{firing.time}")
        found.append((firing.key, told["value"], ids))
    return sorted(found)


def by_definition(query: Correlation, heard: Heard) -> list[Rang]:
    return sorted(
        (
            f"{msgspec.json.encode(rung.group).decode()}@{rung.time}",
            as_json(rung.value),
            tuple(event.id for event in rung.events),
        )
        for rung in rings(query, heard)
    )


def time_of(rang: Rang) -> int:
    return int(rang[0].rpartition("@")[2])


# --- laws -------------------------------------------------------------------------------------

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@settings(max_examples=80)
@given(data=st.data())
def test_it_rings_as_defined_in_whatever_order_events_come(
    kind: CorrelationKind, data: st.DataObject
) -> None:
    query = data.draw(rules(kind))
    heard = data.draw(days(query))
    state = CorrelationState(query)
    for event, roles in data.draw(st.permutations(heard)):
        state.add(event, roles)
    assert shown(state.due(None)) == by_definition(query, heard)


@every_kind
@settings(max_examples=80)
@given(data=st.data())
def test_batches_and_restarts_and_repeats_change_nothing(
    kind: CorrelationKind, data: st.DataObject
) -> None:
    query = data.draw(rules(kind))
    heard = data.draw(days(query))
    saved: dict[str, bytes] = {}
    state, fired, now = CorrelationState(query), list[Firing](), -3 * SECOND

    def arriving(batch: Heard) -> Heard:
        again = st.lists(st.sampled_from(batch), max_size=3) if batch else st.just([])
        return data.draw(st.permutations([*batch, *data.draw(again, label="come twice")]))

    def restart() -> CorrelationState:
        if not data.draw(st.booleans(), label="start again"):
            return state
        for key, value in state.changes().items():
            if value is None:
                saved.pop(key, None)
            else:
                saved[key] = value
        return CorrelationState(query, saved)

    cuts = st.lists(st.integers(-2, 60), max_size=5).map(sorted)
    for second in data.draw(cuts, label="everything has come in up to"):
        until = second * SECOND
        for event, roles in arriving([one for one in heard if now < one[0].time <= until]):
            state.add(event, roles)
            state = restart()
        fired.extend(state.due(until))
        now = max(now, until)
        in_time = [one for one in by_definition(query, heard) if time_of(one) <= until]
        assert shown(fired) == in_time
        state = restart()
    for event, roles in arriving([one for one in heard if one[0].time > now]):
        state.add(event, roles)
    assert state.late == 0
    fired.extend(state.due(None))
    assert shown(fired) == by_definition(query, heard)


@every_kind
@settings(max_examples=50)
@given(data=st.data())
def test_what_comes_early_waits_for_its_time(kind: CorrelationKind, data: st.DataObject) -> None:
    """Events come in any order, but none later than the time that has been completed."""
    query = data.draw(rules(kind))
    heard = data.draw(days(query))
    ahead = {event.id: data.draw(st.integers(0, 20)) * SECOND for event, _ in heard}
    state, fired = CorrelationState(query), list[Firing]()
    waiting = sorted(heard, key=lambda one: one[0].time - ahead[one[0].id])
    for place, (event, roles) in enumerate(waiting):
        state.add(event, roles)
        rest = [other.time for other, _ in waiting[place + 1 :]]
        if rest and data.draw(st.booleans()):
            fired.extend(state.due(min(rest) - 1))
    assert state.late == 0
    fired.extend(state.due(None))
    assert shown(fired) == by_definition(query, heard)


@every_kind
@settings(max_examples=50)
@given(data=st.data())
def test_everything_again_adds_nothing(kind: CorrelationKind, data: st.DataObject) -> None:
    query = data.draw(rules(kind))
    heard = data.draw(days(query))
    state = CorrelationState(query)
    for event, roles in heard:
        state.add(event, roles)
    first = {firing.key for firing in state.due(None)}
    assert state.due(None) == []
    saved = {key: value for key, value in state.changes().items() if value is not None}
    state = CorrelationState(query, saved)
    for event, roles in data.draw(st.permutations(heard)):
        state.add(event, roles)
    assert {firing.key for firing in state.due(None)} <= first


@every_kind
@settings(max_examples=40)
@given(data=st.data())
def test_an_alert_shows_the_same_events_however_they_come(
    kind: CorrelationKind, data: st.DataObject
) -> None:
    query = data.draw(rules(kind))
    heard = sorted(data.draw(days(query)), key=lambda one: one[0].time)
    most = data.draw(st.sampled_from([1, 2, 3]))
    with (
        mock.patch.object(hits, "MOST_EVENTS", most),
        mock.patch.object(level, "MOST_EVENTS", most),
    ):
        at_once = CorrelationState(query)
        for event, roles in data.draw(st.permutations(heard)):
            at_once.add(event, roles)
        state, fired, saved = CorrelationState(query), list[Firing](), dict[str, bytes]()
        for event, roles in heard:
            fired.extend(state.due(event.time - 1))
            state.add(event, roles)
            if data.draw(st.booleans(), label="start again"):
                changes = state.changes()
                saved = {k: v for k, v in (saved | changes).items() if v is not None}  # type: ignore[misc]
                state = CorrelationState(query, saved)
        fired.extend(state.due(None))
        expected = at_once.due(None)
    assert all(1 <= len(firing.events) <= most for firing in fired)
    assert [shown([one]) for one in sorted(fired, key=lambda one: (one.time, one.key))] == [
        shown([one]) for one in expected
    ]


@every_kind
@settings(max_examples=40)
@given(data=st.data())
def test_what_is_remembered_may_come_again(kind: CorrelationKind, data: st.DataObject) -> None:
    """Some events of the shortest span before the newest, whether they have rung or not."""
    query = data.draw(rules(kind))
    heard = data.draw(days(query).filter(bool))
    state = CorrelationState(query)
    for event, roles in heard:
        state.add(event, roles)
    state.due(None)
    since = max(event.time for event, _ in heard) - min(spans_of(query))
    for event, roles in data.draw(st.lists(st.sampled_from(heard))):
        if event.time >= since:
            state.add(event, roles)
    assert state.due(None) == []


@every_kind
@settings(max_examples=50)
@given(data=st.data())
def test_what_can_no_longer_count_is_forgotten(kind: CorrelationKind, data: st.DataObject) -> None:
    query = data.draw(rules(kind))
    heard = data.draw(days(query))
    state = CorrelationState(query)
    for event, roles in sorted(heard, key=lambda one: one[0].time):
        state.add(event, roles)
        state.due(event.time)
    state.due(10_000 * SECOND)
    assert len(state) == 0
    saved = {name: value for name, value in state.changes().items() if value is not None}
    assert saved == {}


@every_kind
@settings(max_examples=50)
@given(data=st.data())
def test_windows_that_are_held_on_to_make_no_difference(
    kind: CorrelationKind, data: st.DataObject
) -> None:
    """To go on with a window is the same as to count it anew, for late events too."""
    query = data.draw(rules(kind))
    heard = data.draw(days(query))
    ends = data.draw(st.lists(st.integers(-2, 40), min_size=len(heard), max_size=len(heard)))

    def rung(worth_keeping: int) -> list[list[Rang]]:
        with mock.patch.object(level, "_WORTH_KEEPING", worth_keeping):
            state, found = CorrelationState(query), []
            for (event, roles), end in zip(heard, ends, strict=True):
                state.add(event, roles)
                found.append(shown(state.due(end * SECOND)))
            return [*found, shown(state.due(None))]

    assert rung(-1) == rung(1_000)


@every_kind
@settings(max_examples=50)
@given(data=st.data())
def test_late_events_raise_nothing_and_are_in_order(
    kind: CorrelationKind, data: st.DataObject
) -> None:
    query = data.draw(rules(kind))
    heard = data.draw(days(query))
    most = data.draw(st.sampled_from([1, 3]))
    with (
        mock.patch.object(hits, "MOST_EVENTS", most),
        mock.patch.object(level, "MOST_EVENTS", most),
    ):
        state, saved = CorrelationState(query), dict[str, bytes]()
        for event, roles in heard:
            state.add(event, roles)
            fired = state.due(data.draw(st.integers(-2, 40)) * SECOND)
            assert all(firing.events for firing in fired)
            assert fired == sorted(fired, key=lambda firing: (firing.time, firing.key))
            assert state.bare == 0 or not_only_counting(query)
            if data.draw(st.booleans(), label="start again"):
                changes = state.changes()
                saved = {k: v for k, v in (saved | changes).items() if v is not None}  # type: ignore[misc]
                state = CorrelationState(query, saved)
        state.due(None)
        assert state.bare == 0 or not_only_counting(query)


def not_only_counting(query: Correlation) -> bool:
    """Whether more hits may mean less, here or in a correlation among the rules."""
    return query.kind in KINDS[4:] or any(
        isinstance(term.query, Correlation) and not_only_counting(term.query)
        for term in query.terms
    )
