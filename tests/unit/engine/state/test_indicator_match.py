"""Events that meet indicators."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.engine.state.indicator_match import MOST_ENRICHMENTS, IndicatorMatchState, object_at
from tocsin.events.event import Event
from tocsin.logic.expr import Always, Expr, Leaf, Not
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import Equals, Exists, Range
from tocsin.logic.query import Filter, IndicatorMatch, MappingEntry

ANY = Always(value=True)
IP = MappingEntry("source.ip", "threat.indicator.ip")
NAME = MappingEntry("process.name", "threat.indicator.file.name")
NOT_USER = MappingEntry("user.name", "threat.indicator.x.user", negate=True)
ANY_PORT = MappingEntry("source.port", "threat.indicator.port")


def state(
    *items: tuple[MappingEntry, ...],
    indicators: list[dict[str, Any]],
    wanted: Expr = ANY,
    path: str = "threat.indicator",
) -> IndicatorMatchState:
    query = IndicatorMatch(Filter(ANY), items, Filter(wanted), path)
    numbered = [{"_id": f"i{n}", "_index": "list", **one} for n, one in enumerate(indicators, 1)]
    return IndicatorMatchState(query, numbered)


def event(document: dict[str, Any], time: int = 0, order: int = 0) -> Event:
    return Event(f"e{time}", time, document, "file", "line 1", order=order)


def met(found: IndicatorMatchState, document: dict[str, Any]) -> list[str]:
    """The ids of the indicators that an event meets."""
    found.add(event(document))
    return [
        enrichment["matched"]["id"]
        for firing in found.due(None)
        for enrichment in firing.details["threat"]["enrichments"]
    ]


def indicator(**fields: object) -> dict[str, Any]:
    return {"threat": {"indicator": fields}}


class TestOneEntry:
    @pytest.mark.parametrize(
        ("value", "field", "meets"),
        [
            ("198.51.100.7", "198.51.100.7", True),
            ("198.51.100.7", "198.51.100.8", False),
            ("198.51.100.7", "::ffff:198.51.100.7", True),
            ("2001:DB8::0:1", "2001:db8::1", True),
            ("198.51.100.0/24", "198.51.100.7", True),
            ("198.51.100.9/24", "198.51.100.7", True),  # host bits do not matter
            ("198.51.100.7/32", "198.51.100.7", True),
            ("198.51.100.0/25", "198.51.100.128", False),
            ("2001:db8::/32", "2001:db8:1::1", True),
            ("0.0.0.0/0", "2001:db8::1", False),
            ("no address", "no address", False),
            ("198.51.100.7", ["10.0.0.1", "198.51.100.7"], True),
            ("198.51.100.7", "no address", False),
            ("198.51.100.7", None, False),
        ],
    )
    def test_addresses_compare_as_addresses(self, value: str, field: object, meets: bool) -> None:
        found = state((IP,), indicators=[indicator(ip=value)])
        assert met(found, {"source": {"ip": field}}) == (["i1"] if meets else [])

    @pytest.mark.parametrize(
        ("field", "value", "in_event", "meets"),
        [
            ("process.name", "evil", "evil", True),
            ("process.name", "evil", "Evil", False),
            ("process.name", "evil*", "evil.exe", False),
            ("process.name.caseless", "EVIL", "eviL", True),
            ("source.port", "4444", 4444, True),
            ("source.port", 4444.0, "4444", True),
            ("source.port", True, 1, False),
            ("process.interactive", "true", True, True),
            ("process.interactive", 1, True, False),
            ("of.nobody", "4444", 4444, True),
            ("of.nobody", "10.0.0.0/8", "10.1.2.3", False),
            ("message", "many words here", "words", False),
        ],
    )
    def test_everything_else_is_exact_in_the_type_of_the_events_field(
        self, field: str, value: Scalar, in_event: Scalar, meets: bool
    ) -> None:
        entry = MappingEntry(field, "a.b")
        found = state((entry,), indicators=[{"a.b": value}])
        assert met(found, {field.removesuffix(".caseless"): in_event}) == (["i1"] if meets else [])

    def test_of_several_values_of_an_indicator_the_first_counts(self) -> None:
        found = state((NAME,), indicators=[indicator(file={"name": ["first", "second"]})])
        assert met(found, {"process.name": "first"}) == ["i1"]
        assert met(found, {"process.name": "second"}) == []

    def test_several_items_are_a_choice_and_an_indicator_is_told_once_a_field(self) -> None:
        other = MappingEntry("destination.ip", "threat.indicator.ip")
        found = state((IP,), (other,), (IP,), indicators=[indicator(ip="::1")])
        document = {"source.ip": "::1", "destination.ip": ["::1", "::1"]}
        assert met(found, document) == ["i1", "i1"]
        assert met(found, {"destination.ip": "::1"}) == ["i1"]


class TestSeveralEntries:
    BOTH = (IP, NAME)

    def test_have_to_hold_for_one_indicator(self) -> None:
        apart = [indicator(ip="::1", file={"name": "b"}), indicator(ip="::2", file={"name": "a"})]
        found = state(self.BOTH, indicators=[*apart, indicator(ip="::1", file={"name": "a"})])
        assert met(found, {"source.ip": "::1", "process.name": "a"}) == ["i3", "i3"]
        assert met(found, {"source.ip": "::1"}) == []

    @pytest.mark.parametrize("name", [None, [], ["a", "b"], ["a", "a"]])
    def test_need_one_value_each_of_an_indicator(self, name: object) -> None:
        found = state(self.BOTH, indicators=[indicator(ip="::1", file={"name": name})])
        assert met(found, {"source.ip": "::1", "process.name": "a"}) == []

    def test_a_negated_entry_holds_where_the_two_differ(self) -> None:
        one = {**indicator(ip="::1"), "threat.indicator.x.user": "scanner"}
        found = state((IP, NOT_USER), indicators=[one])
        assert met(found, {"source.ip": "::1", "user.name": "eve"}) == ["i1"]
        assert met(found, {"source.ip": "::1"}) == ["i1"]
        assert met(found, {"source.ip": "::1", "user.name": ["eve", "scanner"]}) == []
        assert met(found, {"source.ip": "::2", "user.name": "eve"}) == []

    def test_a_negated_entry_needs_a_value_of_the_indicator_too(self) -> None:
        found = state((IP, NOT_USER), indicators=[indicator(ip="::1")])
        assert met(found, {"source.ip": "::1", "user.name": "eve"}) == []

    def test_a_difference_alone_is_no_match(self) -> None:
        found = state((NOT_USER,), indicators=[{"threat.indicator.x.user": "scanner"}])
        assert met(found, {"user.name": "eve"}) == []


class TestWhichIndicatorsCount:
    def test_those_that_satisfy_the_rules_query(self) -> None:
        recent = Leaf("@timestamp", Range(low=1_000_000), "date")
        benign = Leaf("tags", Equals(("benign",)), "keyword")
        indicators = [
            {**indicator(ip="::1"), "@timestamp": 0},
            {**indicator(ip="::1"), "@timestamp": 1},
            {**indicator(ip="::2"), "@timestamp": 1, "tags": ["benign"]},
        ]
        found = state((IP,), indicators=indicators, wanted=recent)
        assert met(found, {"source.ip": "::1"}) == ["i2"]
        assert state((IP,), indicators=indicators, wanted=benign).has_indicators
        assert (
            met(state((IP,), indicators=indicators, wanted=Not(benign)), {"source.ip": "::2"}) == []
        )

    @pytest.mark.parametrize(
        "form", [indicator(ip="10.0.0.0/8"), {"threat.indicator.ip": "10.0.0.0/8"}]
    )
    def test_a_block_is_an_address_where_the_query_asks_for_one(self, form: dict[str, Any]) -> None:
        exists = Leaf("threat.indicator.ip", Exists(), "ip")
        found = state((IP,), indicators=[form], wanted=exists)
        assert met(found, {"source.ip": "10.1.2.3"}) == ["i1"]

    def test_a_rule_says_whether_it_has_any(self) -> None:
        assert not state((IP,), indicators=[]).has_indicators
        assert not state((IP,), indicators=[indicator(file={"name": "a"})]).has_indicators
        assert not state((IP,), indicators=[indicator(ip="::1")], wanted=Not(ANY)).has_indicators
        assert state((IP,), indicators=[indicator(ip="::1")]).has_indicators


class TestAFiring:
    def test_tells_of_the_indicator_and_what_matched(self) -> None:
        indicators = [
            {"threat.indicator.ip": "10.0.0.0/8", "threat.indicator.provider": "P", "event.x": 1},
            indicator(ip="10.1.2.3", name="host"),
        ]
        found = state((IP,), indicators=indicators)
        found.add(event({"source.ip": "10.1.2.3"}))
        [firing] = found.due(None)
        assert (firing.key, firing.terms, firing.time) == ("", (), None)
        matched = {"field": "source.ip", "index": "list", "type": "indicator_match_rule"}
        assert firing.details == {
            "threat": {
                "enrichments": [
                    {
                        "indicator": {"ip": "10.0.0.0/8", "provider": "P"},
                        "matched": {"atomic": "10.0.0.0/8", "id": "i1", **matched},
                    },
                    {
                        "indicator": {"ip": "10.1.2.3", "name": "host"},
                        "matched": {"atomic": "10.1.2.3", "id": "i2", **matched},
                    },
                ]
            }
        }

    def test_is_one_an_event_however_many_indicators_and_counts_what_it_leaves_out(self) -> None:
        found = state((IP,), indicators=[indicator(ip="::1")] * (MOST_ENRICHMENTS + 7))
        found.add(event({"source.ip": "::1"}))
        [firing] = found.due(None)
        told = [one["matched"]["id"] for one in firing.details["threat"]["enrichments"]]
        assert told == [f"i{n}" for n in range(1, MOST_ENRICHMENTS + 1)]
        assert firing.details["enrichments_left_out"] == 7

    def test_is_due_at_once_and_once_oldest_first(self) -> None:
        found = state((IP,), indicators=[indicator(ip="::1")])
        for time in (3, 1, 2):
            found.add(event({"source.ip": "::1"}, time))
        found.add(event({"source.ip": "::2"}, 4))
        assert [firing.events[0][1].time for firing in found.due(0)] == [1, 2, 3]
        assert found.due(None) == []

    def test_leaves_nothing_to_remember(self) -> None:
        found = state((IP,), indicators=[indicator(ip="::1")])
        found.add(event({"source.ip": "::1"}))
        assert (found.changes(), len(found)) == ({}, 0)


@pytest.mark.parametrize(
    ("document", "path", "found"),
    [
        ({"a": {"b": {"c": 1}}}, "a.b", {"c": 1}),
        ({"a.b.c.d": 1, "a": {"b.c": {"e": 2}}}, "a.b", {"c": {"d": 1, "e": 2}}),
        ({"a": [{"b": {"c": [1, 2]}}, {"b": {"c": 3}}]}, "a.b", {"c": [1, 2]}),
        ({"a": {"bc": 1, "b": 2}, "ab.c": 1}, "a.b", {}),
        ({}, "a.b", {}),
    ],
)
def test_the_object_at_a_path(document: dict[str, Any], path: str, found: dict[str, Any]) -> None:
    assert object_at(document, path) == found


def test_an_event_costs_a_lookup_a_value_however_many_indicators() -> None:
    """Counts the indicators that are looked at, not the time."""
    many = 100_000
    addresses = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(many)]
    indicators: list[dict[str, Any]] = [{"threat.indicator.ip": text} for text in addresses]
    indicators.append({"threat.indicator.ip": "10.1.0.0/16"})
    twins = (IP, MappingEntry("event.kind", "kind"))  # the same for every indicator
    query = IndicatorMatch(
        Filter(ANY), ((IP,), (MappingEntry("destination.ip", IP.value),), twins), Filter(ANY)
    )
    found = IndicatorMatchState(query, [{**one, "kind": "x"} for one in indicators])
    single, shared, together = (item[0].table for item in found._items)
    assert single is shared
    assert single is not together
    document = {"source.ip": addresses[70_000], "destination.ip": "10.200.0.0", "event.kind": "x"}
    keys = single.keys(document, "source.ip")
    assert len(keys) == 2  # the address, and the block of the one length there is
    assert single.count(keys) == 2
    assert [one.number for one in found.meet(document)] == [70_000] * 2 + [many] * 2
    assert len(found._passes) == 2
