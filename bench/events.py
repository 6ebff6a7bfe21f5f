"""Made-up endpoint telemetry of any size: what the benchmarks run on.

``python -m bench.events --count N --seed S --mix MIX --out FILE`` writes NDJSON (``-``: standard
output); `generate` yields it line by line. Events are Elastic Defend's (process, network, file,
registry, dns, library) and captured HTTP, of 150 Windows, Linux and macOS hosts, 2.6 KB on average.
Values are spread as on real fleets: a few hundred executables of which some do most of the work,
thousands of command lines with long tails, a few dozen users. How much of what rules look for there
is in them is the mix's matter: `bench.telemetry.mixes`, and `bench.mix` measures it.

How it is fast: everything that repeats (a host, a program with its parent and one command line) is
rendered to JSON once, and an event is a join of such pieces with a few fresh numbers between them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.telemetry import objects, tables
from bench.telemetry.kinds import END as END_OF_PROGRAM
from bench.telemetry.kinds import START as START_OF_PROGRAM
from bench.telemetry.kinds import Kinds, does
from bench.telemetry.mixes import MIXES
from bench.telemetry.programs import Catalogue, Piece, by_weight
from bench.telemetry.systems import FAMILIES, host
from bench.telemetry.tables import Program
from bench.telemetry.words import cumulative, filled, members

Made = tuple[Piece, str]
"""A program and what is its event's own: see `bench.telemetry.kinds`."""

START = dt.datetime(2026, 11, 14, tzinfo=dt.UTC)
HOSTS = {"windows": 90, "linux": 48, "macos": 12}
COMMAND_LINES = {"windows": 6000, "linux": 4200, "macos": 1200}
MOST_RUNNING = 20_000
"""How many programs run on all hosts together; beyond that the one forgotten longest is gone."""

BUSY = 16
"""How many programs of a host are busy at a time: most events are of one that did something before.
"""

VARIANTS = 40
"""How many times each act of an attacker is made, with other names."""


def generate(count: int, seed: int, mix: str = "default") -> Iterator[bytes]:
    """Events as NDJSON lines, each with its line feed.

    Args:
        count: how many.
        seed: the same seed gives the same bytes.
        mix: one of `MIXES`.
    """
    return Fleet(seed, mix).events(count)


class Fleet:
    """Hosts, programs and command lines, rendered once; and the events made of them.

    Args:
        seed: what everything is drawn from.
        mix: one of `MIXES`.
    """

    def __init__(self, seed: int, mix: str = "default") -> None:
        self.random = random.Random(seed)
        self.mix = MIXES[mix]
        self.hosts: list[tuple[str, str]] = []
        self.kinds: dict[str, Kinds] = {}
        self.makers: dict[tuple[str, str], Callable[[list[Piece]], Made]] = {}
        self.acts: dict[str, list[Made]] = {}
        for system, many in HOSTS.items():
            catalogue = Catalogue(system, self.random, self.mix)
            pieces = catalogue.pieces(COMMAND_LINES[system])
            kinds = self.kinds[system] = Kinds(system, self.random, self.mix)
            for kind in self.mix.kinds:
                self.makers[system, kind] = self._maker(kinds, kind, pieces)
            self.acts[system] = list(self._acts(system, catalogue))
            self.hosts += [(system, host(system, number, self.random)) for number in range(many)]

    def events(self, count: int) -> Iterator[bytes]:
        """Draw so many events, in order of time."""
        drawn = self.random.choices([*self.mix.kinds], [*self.mix.kinds.values()], k=4096)
        clock, below, hosts = 0, self.random.random, self.hosts
        running: dict[int, tuple[int, str, str]] = {}
        recent: list[list[Piece]] = [[] for _ in hosts]
        second, stamp, later = -1, "", ""
        for number in range(count):
            clock += int(below() * 40)
            if clock // 1000 != second:
                second = clock // 1000
                stamp = (START + dt.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.")
                later = (START + dt.timedelta(seconds=second + 3)).strftime("%Y-%m-%dT%H:%M:%S.")
            when = f"{stamp}{clock % 1000:03d}Z"
            which = int(below() * len(hosts))
            system, place = hosts[which]
            if below() < self.mix.suspicious:
                acts = self.acts[system]
                piece, own = acts[int(below() * len(acts))]
            else:
                kind = drawn[int(below() * 4096)]
                if system not in FAMILIES[kind]:
                    kind = "file"
                piece, own = self.makers[system, kind](recent[which])
            key = piece.number * len(hosts) + which
            if own is START_OF_PROGRAM or (found := running.pop(key, None)) is None:
                pid = int(below() * 65000) + 2
                found = pid, f"{pid * 2654435761 % 4294967296:08x}{number:08x}", when
            pid, entity, began = found
            busy = recent[which]
            if own is END_OF_PROGRAM:
                busy[:] = [one for one in busy if one is not piece]
            else:
                if len(running) > MOST_RUNNING:
                    del running[next(iter(running))]
                running[key] = found
                if not any(one is piece for one in busy):
                    busy.append(piece)
                    del busy[:-BUSY]
            yield (
                f'{{"@timestamp":"{when}",{place}"event":{{"created":"{when}",'
                f'"ingested":"{later}{clock % 1000:03d}Z","id":"Nq{number:09x}Zr+{pid:x}",'
                f'"sequence":{number},"kind":"event","module":"endpoint",{own},'
                f"{piece.to_pid}{pid}{piece.to_entity}{entity}"
                f"{piece.to_start}{began}{piece.rest}}}\n"
            ).encode()

    def _maker(
        self, kinds: Kinds, kind: str, pieces: Sequence[Piece]
    ) -> Callable[[list[Piece]], Made]:
        """What makes ordinary events of a kind, given the programs that are busy on the host."""
        able = [piece for piece in pieces if does(piece, kind)]
        own: Callable[[Piece], str] = getattr(kinds, kind)
        endless = iter(by_weight(able, self.random, cumulative(len(able))))
        below = self.random.random

        def make(busy: list[Piece]) -> Made:
            if kind == "process" and below() < 0.6:
                return next(endless), START_OF_PROGRAM
            if busy and below() < 0.75:
                piece = busy[int(below() * len(busy))]
                if does(piece, kind):
                    return piece, own(piece)
            piece = next(endless)
            return piece, own(piece)

        return make

    def _acts(self, system: str, catalogue: Catalogue) -> Iterator[Made]:
        """What rules look for, each with many names."""
        kinds, draw = self.kinds[system], self.random
        for act in [*tables.acts(system)] * VARIANTS:
            known = catalogue.by_path.get(act.program)
            program = known or Program(act.program, 0.0, ("@",), ("$",), (), "app", ("",), ())
            if act.kind == "process":
                piece = catalogue.piece(program, act.what, act.parent, act.user)
                yield piece, START_OF_PROGRAM
                continue
            piece, what = catalogue.piece(program), filled(act.what, draw)
            if act.kind == "file":
                own = kinds.of_file(act.action, act.action, members(objects.file(what, draw)))
            elif act.kind == "registry":
                own = kinds.of_key(members(objects.key(what)))
            elif act.kind == "network":
                address, port = what.split()
                own = kinds.connection(address, int(port))
            elif act.kind == "dns":
                own = kinds.lookup(what)
            else:
                own = kinds.of_library(members(objects.library(what, None)))
            yield piece, own


def main(arguments: Sequence[str] | None = None) -> None:
    """The command of this module's head."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.events", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mix", choices=MIXES, default="default")
    parser.add_argument("--out", required=True, help="a file, or - for standard output")
    options = parser.parse_args(arguments)
    events = generate(options.count, options.seed, options.mix)
    if options.out == "-":
        sys.stdout.buffer.writelines(events)
        return
    began, size = time.perf_counter(), 0
    with Path(options.out).open("wb", buffering=1 << 20) as file:
        for line in events:
            size += file.write(line)
    took = time.perf_counter() - began
    sys.stdout.write(
        f"{options.out}: {options.count} events, {size / 1e6:.1f} MB, "
        f"{size / max(options.count, 1):.0f} bytes each, {options.count / took:,.0f} a second\n"
    )


if __name__ == "__main__":
    main()
