"""``python -m bench.state``: a million keys through a sequence and a new-terms rule.

State must grow with the windows that are open, not with time: the table shows, as keys go by, how
many are remembered and how large the process is.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from collections.abc import Iterator

from tocsin.engine.state.new_terms import NewTermsState
from tocsin.engine.state.operator import Operator
from tocsin.engine.state.sequence import SequenceState
from tocsin.events.event import Event
from tocsin.logic.expr import Always
from tocsin.logic.query import Filter, Key, NewTerms, Sequence, Term
from tocsin.logic.runs import Runs

SECOND = 1_000_000_000
ANY = Filter(Always(value=True))
BATCH = 10_000


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.state", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument(
        "--a-second", type=int, default=1_000, help="new keys a second of event time"
    )
    options = parser.parse_args()

    by = (Key("host.id", "keyword"), Key("process.entity_id", "keyword"))
    steps = Sequence((Term(ANY, by), Term(ANY, by)), maxspan=dt.timedelta(minutes=1))
    runs = Runs(300 * SECOND, 540 * SECOND)
    terms = NewTerms(ANY, ("host.id", "process.entity_id"), dt.timedelta(minutes=5))
    print("| operator | keys | remembered | resident MB | thousand events a second |")
    print("|---|---|---|---|---|")
    for name, operator in (
        ("sequence, maxspan 1m", SequenceState(steps, runs=runs)),
        ("new terms, history 5m", NewTermsState(terms)),
    ):
        _drive(name, operator, options.keys, options.a_second)


def _drive(name: str, operator: Operator, keys: int, a_second: int) -> None:
    begun, events, shown = time.perf_counter(), 0, 0
    for number in range(0, keys, BATCH):
        for event, role in _events(number, min(BATCH, keys - number), a_second):
            operator.add(event, [role])
            events += 1
        now = (number + BATCH) * SECOND // a_second
        operator.due(now)
        if isinstance(operator, NewTermsState):
            operator.forget(now - 2 * 300 * SECOND)
        operator.changes()
        done = number + BATCH
        if done * 4 // keys > shown:
            shown = done * 4 // keys
            speed = events / (time.perf_counter() - begun) / 1000
            row = (f"{done:,}", f"{len(operator):,}", f"{_resident():,.0f}", f"{speed:,.1f}")
            print(f"| {name} | " + " | ".join(row) + " |")
            sys.stdout.flush()


def _events(first: int, count: int, a_second: int) -> Iterator[tuple[Event, int]]:
    """Each key's first step; every tenth key takes the second one half a minute later."""
    for number in range(first, first + count):
        at = number * SECOND // a_second
        yield _event(number, at), 0
        earlier = number - 30 * a_second
        if earlier >= 0 and earlier % 10 == 0:
            yield _event(earlier, at), 1


def _event(key: int, at: int) -> Event:
    document = {
        "host": {"id": f"host-{key % 500:04d}", "name": f"web-{key % 500}"},
        "process": {
            "entity_id": f"{key:016x}", "name": "curl", "executable": "/usr/bin/curl",
            "command_line": f"curl -s http://10.0.{key % 256}.{key // 256 % 256}/{key}", "pid": key,
        },
        "user": {"name": "www-data", "id": "33"}, "event": {"category": ["process"]},
    }  # fmt: skip
    return Event(f"{key:x}.{at:x}", at, document, "bench", f"line {key}", order=key)


def _resident() -> float:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
