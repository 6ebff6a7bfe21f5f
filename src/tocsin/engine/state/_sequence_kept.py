"""What a sequence's machine remembers of one key, as it is kept; see `sequence`."""

from __future__ import annotations

import msgspec

from tocsin.engine.state._held import Held, hold_json, packed, unpacked
from tocsin.engine.state._sequence_machine import Entry, KeyState, Ordinal


class EntryKept(msgspec.Struct, array_like=True):
    """An entry without its event."""

    time: int
    tie_missing: int
    tie: int | float | str
    order: int
    ident: bytes


class StateKept(msgspec.Struct, array_like=True):
    """A state whose entries are numbers: each stands once in ``entries``, with its event."""

    entries: list[EntryKept]
    events: bytes
    waiting: list[list[int] | None]
    candidates: list[list[int]]
    missing: list[list[Ordinal]]
    until: Ordinal | None = None


def kept_of(state: KeyState) -> bytes:
    """What is kept of a state."""
    entries: dict[int, Entry] = {}

    def numbers(chain: list[Entry]) -> list[int]:
        for entry in chain:
            entries.setdefault(id(entry), entry)
        return [id(entry) for entry in chain]

    waiting = [None if chain is None else numbers(chain) for chain in state.waiting]
    candidates = [numbers(chain) for chain in state.candidates]
    number = {identity: place for place, identity in enumerate(entries)}
    held: list[Held] = [entry.kept[1] for entry in entries.values()]
    kept = StateKept(
        [EntryKept(*entry.ordinal, entry.kept[0]) for entry in entries.values()],
        packed(one.json() for one in held),
        [None if chain is None else [number[one] for one in chain] for chain in waiting],
        [[number[one] for one in chain] for chain in candidates],
        state.missing,
        state.until,
    )
    # As JSON: a tiebreaker may be a whole number that MessagePack, with its 64 bits, cannot hold.
    return msgspec.json.encode(kept)


def state_of(data: bytes) -> KeyState:
    """The state that was kept.

    Raises:
        msgspec.DecodeError: it is damaged.
        ValueError: its events are.
    """
    kept = msgspec.json.decode(data, type=StateKept)
    events = unpacked(kept.events)
    entries = [
        Entry(one.time, one.tie_missing, one.tie, one.order, (one.ident, hold_json(event)))
        for one, event in zip(kept.entries, events, strict=True)
    ]
    waiting = [None if chain is None else [entries[n] for n in chain] for chain in kept.waiting]
    candidates = [[entries[n] for n in chain] for chain in kept.candidates]
    return KeyState(waiting, candidates, kept.missing, kept.until)
