"""What must hold of an event if a condition holds."""

from __future__ import annotations

import pytest

from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.matchers import Equals, Exists
from tocsin.logic.prefilter import can_hold, relaxed
from tocsin.logic.value import Call, Const, Field

RUNG = Leaf("bell.rung", Equals((True,)), "boolean", False)
MEMORY = Leaf("memory.x", Exists())
TRUE, FALSE = Always(value=True), Always(value=False)


def is_memory(field: str) -> bool:
    return field.startswith("memory.")


@pytest.mark.parametrize(
    "where, expected",
    [
        (RUNG, RUNG),
        (MEMORY, TRUE),
        (Not(MEMORY), TRUE),
        (Not(Not(MEMORY)), TRUE),
        (And((RUNG, MEMORY)), RUNG),
        (And((MEMORY, Not(MEMORY))), TRUE),
        (Or((RUNG, MEMORY)), TRUE),
        (Or((And((RUNG, MEMORY)), And((Not(RUNG), MEMORY)))), Or((RUNG, Not(RUNG)))),
        (Not(And((RUNG, MEMORY))), TRUE),
        (Not(Or((RUNG, MEMORY))), Not(RUNG)),
        (And(()), TRUE),
        (Or(()), FALSE),
        (And((FALSE, MEMORY)), FALSE),
        (Script(Call("eq", (Field("memory.x"), Field("bell.rung")))), TRUE),
        (Nested("ropes", And((Leaf("red", Exists()), Leaf("^.memory.x", Exists())))),
         Nested("ropes", Leaf("red", Exists()))),
        (Nested("ropes", Leaf("^.memory.x", Exists())), Nested("ropes", TRUE)),
        (Not(Nested("ropes", Leaf("^.memory.x", Exists()))), TRUE),
        # Of a rope, not of the event.
        (Nested("ropes", Leaf("memory.x", Exists())), Nested("ropes", Leaf("memory.x", Exists()))),
        (Nested("memory.ropes", Leaf("red", Exists())), TRUE),
        (And((RUNG, Leaf("m*", Exists()))), RUNG),
    ],
)  # fmt: skip
def test_what_is_not_known_is_not_asked(where: Expr, expected: Expr) -> None:
    assert relaxed(where, is_memory) == expected


GHOST = Leaf("bell.ghost", Equals(("boo",)), "keyword", "")


@pytest.mark.parametrize(
    "where, expected",
    [
        (GHOST, False),
        (Not(GHOST), True),
        (Leaf("bell.ghost", Equals(("",)), "keyword", ""), True),
        (Leaf("bell.ghost", Exists()), False),
        (And((RUNG, GHOST)), False),
        (Or((RUNG, GHOST)), True),
        (Not(And((RUNG, Not(GHOST)))), True),
        (Script(Call("eq", (Field("bell.ghost", "long", 0), Const(1)))), False),
        (Script(Call("eq", (Field("bell.ghost", "long", 0), Const(0)))), True),
        (Script(Call("eq", (Field("bell.ghost", "long", 0), Field("bell.rung")))), True),
        (Nested("bell", Leaf("ghost", Exists())), False),
        (Nested("ropes", Leaf("^.bell.ghost", Exists())), False),
        (Nested("ropes", Leaf("ghost", Exists())), True),
        (FALSE, False),
    ],
)
def test_what_no_event_has_decides_whether_a_condition_can_hold(
    where: Expr, expected: bool
) -> None:
    assert can_hold(where, lambda field: field == "bell.ghost") is expected
