"""Events that are held: shared, compressed when there are many, and always what they were."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from tocsin.engine.state import _held
from tocsin.engine.state._held import Shelf, encoded, hold, packed, unpacked
from tocsin.engine.state._told import Packed, Some, events_of, told
from tocsin.events.event import Event


def event(number: int, size: int = 400) -> Event:
    document = {"n": number, "host": {"name": f"web-{number % 7}"}, "text": f"{number:08x}" * size}
    return Event(f"e{number}", number, document, "file", f"line {number}", order=number)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr(_held, "PLAIN", 250_000)
    yield Shelf()
    gc.collect()


def test_one_event_is_held_once_for_all_who_hold_it_now() -> None:
    one = event(1)
    assert hold(one) is hold(one)
    assert hold(event(1)) is not hold(one)


def test_what_is_held_comes_out_as_it_came_in(shelf: Shelf) -> None:
    events = [event(number) for number in range(500)]
    events[7].document["size"] = [2**64, -(2**70), 0.1, "ü", None, True]
    held = [shelf.put(one) for one in events]
    assert [one.get() for one in held] == events
    small = [sys.getsizeof(one.data) for one in held]
    assert small[0] < small[-1] / 3


def test_what_nobody_holds_is_gone(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    squeezed: list[bytes] = []
    compress = shelf._press.compress

    def noted(text: bytes) -> bytes:
        squeezed.append(text)
        return compress(text)

    monkeypatch.setattr(shelf._press, "compress", noted)
    kept = shelf.put(event(50))
    for number in range(500, 700):
        shelf.put(event(number))
    assert shelf._size <= 250_000
    assert squeezed == [encoded(event(50))]
    assert kept.get() == event(50)


def test_other_telemetry_is_learned_anew(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_held, "_LOOKED_AT", 50)
    held = [shelf.put(event(number, 300)) for number in range(300)]
    learned = shelf._press._dictionaries
    others = [
        Event(f"o{n}", n, {f"field{m}": f"{n * m * 7_919:x}" for m in range(150)}, "f", f"line {n}")
        for n in range(400)
    ]
    held += [shelf.put(one) for one in others]
    assert learned == 1 < shelf._press._dictionaries
    assert [one.get() for one in held[300:]] == others
    assert held[0].get() == event(0, 300)


def test_pieces_are_packed_together() -> None:
    pieces = [b'{"a":1}', b"null", b'"\xc3\xbc"', b"123456789012345678901234567890"]
    assert unpacked(packed(pieces)) == pieces
    assert unpacked(packed([])) == []


@pytest.mark.parametrize("data", [b"", b"{}", packed([b"1"])[:-3]])
def test_what_is_packed_and_damaged_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpacked(data)


def test_events_that_are_decoded_late_are_what_a_tuple_of_them_would_be() -> None:
    events = [event(number, 1) for number in range(5)]
    sources = [
        Some([hold(one) for one in events[:2]]),
        Packed(packed(hold(one).json() for one in events[2:]), 3),
    ]
    late = events_of(sources)
    assert (len(late), late[-1], late[1:3]) == (5, events[4], tuple(events[1:3]))
    assert late == tuple(events)
    assert late != tuple(events[:4])
    assert list(late) == events
    assert list(told(sources, 3)) == [(0, one) for one in events[:3]]
    pairs = told(sources, 5, [4, 3, 2, 1, 0])
    assert pairs == tuple(zip([4, 3, 2, 1, 0], events, strict=True))
    assert (len(pairs), pairs[-1]) == (5, (0, events[4]))
