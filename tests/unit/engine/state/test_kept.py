"""Events kept in blocks, and given back in any order."""

from __future__ import annotations

from tocsin.engine.state.kept import BLOCK, Kept
from tocsin.events.event import Event


def event(number: int) -> Event:
    return Event(f"e{number}", number, {"n": number}, "file", f"line {number}")


def test_many_events_come_in_the_order_in_which_they_are_asked_for() -> None:
    kept = Kept()
    references = [kept.put(event(number)) for number in range(3 * BLOCK + 5)]
    wanted = [*reversed(references), references[7], references[-1]]
    found = [one.document["n"] for one in kept.together(wanted)]
    assert found == [*reversed(range(3 * BLOCK + 5)), 7, 3 * BLOCK + 4]


def test_what_was_asked_for_together_may_be_released_meanwhile() -> None:
    kept = Kept()
    references = [kept.put(event(number)) for number in range(BLOCK + 1)]
    times = []
    for reference, one in zip(references, kept.together(references), strict=True):
        times.append(one.time)
        kept.release(reference)
    assert times == list(range(BLOCK + 1))
    assert len(kept) == 0
