"""The definition of the semantics, where a rule reads more than one field at once."""

from __future__ import annotations

from tocsin.engine.reference import holds
from tocsin.logic.expr import Leaf, Nested
from tocsin.logic.matchers import Equals

EVENT = {"bells": [{"tone": "c"}, {"tone": "g"}], "host": "web-1"}


def test_every_field_of_a_nested_object_is_none_of_the_event_around_it() -> None:
    assert holds(Nested("bells", Leaf("*", Equals(("g",)))), EVENT)
    assert not holds(Nested("bells", Leaf("*", Equals(("web-1",)))), EVENT)


def test_a_nested_object_can_ask_every_field_of_the_event() -> None:
    assert holds(Nested("bells", Leaf("^.*", Equals(("web-1",)))), EVENT)


def test_a_key_of_an_event_that_looks_like_the_event_around_is_one_of_its_fields() -> None:
    leaf = Leaf("*", Equals(("",)), "dynamic", missing="")
    assert not holds(leaf, {"^": "a"})
    assert holds(leaf, {"^": ""})
