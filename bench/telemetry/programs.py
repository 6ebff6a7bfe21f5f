"""Programs with their parents, users and command lines: tables in, rendered pieces out.

Besides those of the tables there are the programs of made-up vendors, whose arguments are random
words. A `Piece` is a program with one command line, rendered to JSON once and open at what every
event has anew.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.telemetry import tables
from bench.telemetry.mixes import Mix
from bench.telemetry.systems import SERVICES_OF, SIGNERS, VENDORS
from bench.telemetry.tables import Program
from bench.telemetry.words import PEOPLE, WORDS, Document, base, compact, digest, filled

IDS = {
    "SYSTEM": "S-1-5-18", "LOCAL SERVICE": "S-1-5-19", "NETWORK SERVICE": "S-1-5-20",
    "svc_sql": "S-1-5-21-1004-1005-1006-1120", "root": "0", "www-data": "33", "postgres": "114",
    "redis": "115", "systemd-resolve": "991", "deploy": "1000", "app": "1001",
    "_mdnsresponder": "65",
}  # fmt: skip
ORDINARY = {"windows": PEOPLE, "linux": ["deploy", "app", "www-data", "postgres"],
            "macos": PEOPLE[:9]}  # fmt: skip
INTEGRITY = {"SYSTEM": "system", "LOCAL SERVICE": "system", "NETWORK SERVICE": "system"}
HABITS = ("app", "app", "app", "service", "-")


class Piece(NamedTuple):
    """A program at work, rendered: until its pid, its entity id, its start; and the rest."""

    to_pid: str
    to_entity: str
    to_start: str
    rest: str
    ports: tuple[int, ...]
    habit: str
    number: int


class Catalogue:
    """The programs of one operating system.

    Args:
        system: ``windows``, ``linux`` or ``macos``.
        draw: what everything is drawn from.
    """

    def __init__(self, system: str, draw: random.Random, mix: Mix) -> None:
        self.system, self.draw, self.mix = system, draw, mix
        self.made = 0
        self.vendors = list(self._vendors())
        self.programs = [*tables.programs(system), *self.vendors]
        self.by_path = {program.path: program for program in self.programs}
        self.weights = [program.weight for program in self.programs]

    def pieces(self, count: int) -> list[Piece]:
        """So many programs at work."""
        chosen = self.draw.choices(self.programs, self.weights, k=count)
        return [self.piece(program) for program in chosen]

    def piece(self, program: Program, line: str | None = None, parent: str = "",
              user: str = "") -> Piece:  # fmt: skip
        """A program at work; what is not said is drawn."""
        draw = self.draw
        user = user or draw.choice(program.users)
        user = draw.choice(ORDINARY[self.system]) if user == "$" else user
        parent, _, called = filled(self._parent(program, parent), draw).partition("#")
        path = filled(program.path, draw)
        process = self._described(path, self.line(path, program, line), user)
        began = self.by_path.get(parent)
        process["parent"] = named(parent, self.line(parent, began, called or None)) | {
            "pid": draw.randrange(2, 9000), "entity_id": digest("e", parent)[:24],
        }  # fmt: skip
        process["Ext"] = {
            "ancestry": [digest(str(draw.random()), parent)[:24] for _ in range(2)],
            "authentication_id": hex(draw.randrange(900, 999_999)),
        }
        if self.system == "windows":
            level = INTEGRITY.get(user, "high" if draw.random() < 0.05 else "medium")
            process["Ext"]["token"] = {
                "integrity_level_name": level, "elevation": level != "medium",
            }  # fmt: skip
        else:
            process |= _leaders(parent, draw)
        identifier = IDS.get(user) or (
            f"S-1-5-21-1004-1005-1006-{1107 + PEOPLE.index(user)}" if self.system == "windows"
            else str(501 + PEOPLE.index(user))
        )  # fmt: skip
        domain = "local" if self.system != "windows" else (
            "NT AUTHORITY" if user in INTEGRITY else "CORP")  # fmt: skip
        who = {"name": user, "id": identifier, "domain": domain}
        self.made += 1
        return _opened({"process": process, "user": who}, program, self.made)

    def line(self, path: str, program: Program | None, line: str | None) -> str:
        """A command line, with the program in front."""
        draw = self.draw
        if line is None:
            if program is None:  # one of the system's that starts others
                line = ""
            else:
                line = self._words() if program in self.vendors else self._template(program)
        first = path if draw.random() < 0.6 else base(path)
        first = f'"{first}"' if " " in first else first
        return f"{first} {filled(line, draw)}".rstrip()

    def _template(self, program: Program) -> str:
        odds = self.mix.remarkable * len(program.remarkable)
        usual = program.lines or program.remarkable
        if program.remarkable and self.draw.random() * (len(usual) + odds) < odds:
            return self.draw.choice(program.remarkable)
        return self.draw.choice(usual)

    def _parent(self, program: Program, parent: str) -> str:
        parent = parent or self.draw.choice(program.parents)
        if parent == "@":
            return self.draw.choice(self.vendors).path
        return program.path if parent == "=" else parent

    def _described(self, path: str, line: str, user: str) -> Document:
        """A program as endpoint sensors describe it."""
        known = named(path, line) | {
            "pid": "@pid@", "entity_id": "@entity@", "start": "@start@",
            "working_directory": "C:\\Windows\\system32\\" if self.system == "windows" else "/",
            "uptime": self.draw.randrange(90_000),
            "hash": {"md5": digest("m", path)[:32], "sha1": digest("1", path)[:40],
                     "sha256": digest("2", path)},
        }  # fmt: skip
        if self.system == "windows":
            known["pe"] = {"original_file_name": base(path), "imphash": digest("i", path)[:32]}
        if self.system != "linux":
            known["code_signature"] = self.signature(path)
        return known

    def signature(self, path: str) -> Document:
        """Who signed what lies at a path; of what people install for themselves, not all is."""
        known = SIGNERS[self.system]
        signer = next((name for start, name in known if path.startswith(start)), None)
        own = "\\AppData\\" in path and int(digest("s", path)[:4], 16) % 4 == 0
        if signer is None and not own:
            signer = f"{path.split(chr(92))[-2]} Software, Inc."
        return signed(signer)

    def _words(self) -> str:
        """Arguments of a program that nobody knows."""
        draw, args = self.draw, []
        for _ in range(min(14, int(draw.expovariate(0.4)))):
            word, other = draw.choice(WORDS), draw.choice(WORDS)
            below = (f"C:\\ProgramData\\{word}\\{other}.log" if self.system == "windows"
                     else f"/var/lib/{word}/{other}.db")  # fmt: skip
            args.append((
                f"--{word}={other}", f"-{word[0]}", f"{word}.{other}.svc:{draw.randrange(9999)}",
                below, f"{draw.getrandbits(48):012x}",
                f"/{word}" if self.system == "windows" else word,
                f"https://{word}.example.com/api/{other}?id={draw.randrange(99999)}",
            )[draw.randrange(7)])  # fmt: skip
        return " ".join(args)

    def _vendors(self) -> Iterator[Program]:
        service, starter, shell = SERVICES_OF[self.system]
        for count, template in VENDORS[self.system]:
            for _ in range(count):
                serves = "AppData" not in template and self.draw.random() < 0.4
                ports = self.draw.choice(((443,), (443, 443, 80), (443, 8443), (), (5432, 443)))
                yield Program(
                    filled(template, self.draw), self.draw.random() ** 3 * 2,
                    (starter if serves else shell,), (service if serves else "$",), ports,
                    self.draw.choice(HABITS), (), (),
                )  # fmt: skip


def named(path: str, line: str) -> Document:
    """A program as it appears in its children's events."""
    args = [arg.strip('"') for arg in _ARGUMENT.findall(line)]
    return {"executable": path, "name": base(path), "args": args, "args_count": len(args),
            "command_line": line}  # fmt: skip


def signed(signer: str | None) -> Document:
    """A code signature; None or empty: there is none."""
    if not signer:
        return {"exists": False, "status": "noSignature", "trusted": False}
    return {"exists": True, "status": "trusted", "subject_name": signer, "trusted": True}


def _leaders(parent: str, draw: random.Random) -> Document:
    interactive = draw.random() < 0.1
    leader = {"executable": parent, "name": base(parent), "pid": draw.randrange(2, 9000),
              "entity_id": digest("l", parent)[:24], "interactive": interactive,
              "user": {"id": "0", "name": "root"}}  # fmt: skip
    brief = {key: leader[key] for key in ("entity_id", "pid", "interactive")}
    return {"session_leader": brief, "group_leader": brief, "entry_leader": leader}


def _opened(document: Document, program: Program, number: int) -> Piece:
    text = compact(document)[1:-1]
    to_pid, text = text.split('"@pid@"')
    to_entity, text = text.split("@entity@")
    to_start, rest = text.split("@start@")
    return Piece(to_pid, to_entity, to_start, rest, program.ports, program.habit, number)


def by_weight(
    pieces: Sequence[Piece], draw: random.Random, weights: list[float]
) -> Iterator[Piece]:
    """Pieces without end, the first far more often than the last."""
    while True:
        yield from draw.choices(pieces, cum_weights=weights[: len(pieces)], k=1024)


_ARGUMENT = re.compile(r'"[^"]*"|\S+')
