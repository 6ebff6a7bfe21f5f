"""What a sample of telemetry teaches: which texts are looked for, which fields make classes.

A lesson is kept on disk for the conditions that it was learned for, so that the next scan begins
with it. It says how to find candidates quickly, and never what holds: another one finds the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tocsin import kept_files
from tocsin.engine import byte_scan
from tocsin.engine.byte_scan import Atom
from tocsin.engine.classes import Classes, telling_fields
from tocsin.engine.plan import Plan
from tocsin.engine.rows import RowPlan
from tocsin.engine.selection import learn
from tocsin.engine.sieve import Formulas, Selected, numbers_in
from tocsin.engine.slow_patterns import Slow, slow_in
from tocsin.events import shapes
from tocsin.events.decoders import json
from tocsin.events.record import Document, Record
from tocsin.logic.anchors import Anchor, Pattern, Text, anchors_of
from tocsin.logic.expr import Expr
from tocsin.rules.kept import code_state

BROAD = 0.003
"""A condition that is a candidate in a larger share of lines is asked about by class."""

_PAYS = 0.03
"""Without weak conditions, classes pay when so many candidates a line could be dropped."""

_NOT_FOUND = "not looked for in raw lines"
_VERSION = 3
"""Of the form of lessons that are kept."""


class Lesson(msgspec.Struct, frozen=True):
    """What a sample of the telemetry taught.

    Attributes:
        selected: the texts that are looked for.
        fields: the fields that make classes.
        shares: of each condition, in how large a share of events it has to be evaluated.
        refused: what cannot be looked for in lines, and is taken for present in each.
        size: how many events the sample had.
    """

    selected: Selected
    fields: tuple[str, ...]
    shares: tuple[float, ...]
    refused: tuple[Slow, ...] = ()
    size: int = 0


class Pupil:
    """Who learns how a set of conditions is found.

    Args:
        conditions: what may hold of an event.
        indices: for each, the index patterns of its rule.
    """

    def __init__(self, conditions: Sequence[Expr], indices: Sequence[tuple[str, ...]]) -> None:
        self._conditions = conditions
        self._indices = indices
        digest = hashlib.sha256(code_state().encode())
        digest.update(repr((byte_scan.has_hyperscan(), _VERSION)).encode())
        digest.update(msgspec.msgpack.encode([msgspec.Raw(_encoded(c)) for c in conditions]))
        self._key = digest.digest()

    def known(self) -> Lesson | None:
        """What was learned before, on this machine."""
        data = kept_files.load("lesson", self._key)
        if data is None:
            return None
        try:
            found = msgspec.msgpack.decode(data, type=Lesson)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return None
        return found if len(found.shares) == len(self._conditions) else None

    def learn(self, texts: Sequence[bytes]) -> Lesson:
        """Learns from some events as JSON, and keeps it."""
        found = self._learned(texts)
        kept_files.store("lesson", self._key, msgspec.msgpack.encode(found))
        return found

    def slow(self, plan: Plan) -> tuple[Slow, ...]:
        """The patterns of the conditions that are beyond a limit; on a machine worked out once."""
        data = kept_files.load("slow", self._key)
        with contextlib.suppress(msgspec.DecodeError):
            if data is not None:
                return msgspec.msgpack.decode(data, type=tuple[Slow, ...])
        found = tuple(slow_in(plan))
        with contextlib.suppress(UnicodeError):  # half of a surrogate
            kept_files.store("slow", self._key, msgspec.msgpack.encode(found))
        return found

    def _learned(self, texts: Sequence[bytes]) -> Lesson:
        needed = formulas(map(anchors_of, self._conditions))
        selected = learn(needed, texts)
        refused = _refused(needed, selected)
        documents = [msgspec.json.decode(text) for text in texts]
        lesson = Lesson(selected, (), selected.shares, refused, len(texts))
        asked = broad(lesson)
        if not asked or not texts:
            return lesson
        fields = telling_fields([self._conditions[number] for number in asked], documents)
        lesson = Lesson(selected, fields, selected.shares)
        classes = classes_of(asked, lesson, self._conditions, self._indices)
        counts = dict.fromkeys(asked, 0)
        for values in classes.narrow.read_all(texts):
            for number in asked if values is None else classes.of(values).allowed:
                counts[number] += 1
        shares = list(selected.shares)
        for number, count in counts.items():
            shares[number] = min(shares[number], count / len(texts))
        return Lesson(selected, fields, tuple(shares), refused, len(texts))


def _refused(needed: Formulas, selected: Selected) -> tuple[Slow, ...]:
    """The conditions that miss something which cannot be looked for."""
    reasons = dict(selected.refused)
    found: list[Slow] = []
    for number, node in enumerate(needed.nodes) if reasons else ():
        missed: dict[str, list[Atom]] = {}
        for atom in sorted(numbers_in(node) & reasons.keys()):
            missed.setdefault(reasons[atom], []).append(needed.atoms[atom])
        for reason, atoms in missed.items():
            first = shown(atoms[0])
            found.append(Slow(number, "", first, len(atoms) - 1, f"{_NOT_FOUND}: {reason}"))
    return tuple(found)


def shown(atom: Atom) -> str:
    """An atom for people."""
    data = atom.text if isinstance(atom, Text) else atom.regex
    return data.decode("utf-8", "replace")


def broad(lesson: Lesson, only: frozenset[int] | None = None) -> list[int]:
    """The conditions that are asked about by class; none where that would not pay.

    Args:
        lesson: what was learned.
        only: the conditions that anybody asks about; None: all.
    """
    selected = lesson.selected
    numbers = [
        number
        for number, share in enumerate(selected.shares)
        if share > BROAD and (only is None or number in only)
    ]
    pays = any(not selected.gates[number] for number in numbers)
    pays = pays or sum(selected.shares[number] for number in numbers) > _PAYS
    return numbers if pays else []


def classes_of(
    numbers: Sequence[int],
    lesson: Lesson,
    conditions: Sequence[Expr],
    indices: Sequence[tuple[str, ...]],
    rows: RowPlan | None = None,
) -> Classes:
    """The classes that tell some of the conditions apart."""
    gates = lesson.selected.gates
    return Classes(
        [(n, conditions[n], indices[n], bool(gates[n])) for n in numbers], lesson.fields, rows
    )


def formulas(anchors: Iterable[Anchor]) -> Formulas:
    """What conditions need, and what stands in lines that go another way."""
    return Formulas(
        anchors,
        marks=[*map(_mark, shapes.marks()), *(Text(text.lower()) for text in json.WRAPPED)],
        ends=[Text(text) for text in json.BULK],
    )


def _mark(regex: bytes) -> Atom:
    """A mark of a shape; as a text where it is one, which is quicker to find."""
    is_plain = re.fullmatch(rb'[\w"@ -]+', regex) is not None
    return Text(regex.lower()) if is_plain else Pattern(regex)


def _encoded(condition: Expr) -> bytes:
    try:
        return msgspec.msgpack.encode(condition)
    except (OverflowError, UnicodeError, TypeError):
        return msgspec.msgpack.encode(repr(condition).encode("utf-8", "surrogatepass"))


def spread(things: Sequence[Any], most: int) -> list[Any]:
    """So many of them, evenly spread."""
    step = max(1, len(things) // most)
    return list(things[::step][:most])


def texts_of(line: bytes) -> list[bytes]:
    """The events of a line as rules see them, as JSON."""
    found = []
    for record in json.of_line(line, 0):
        if isinstance(record, Record):
            shaped = shapes.in_ecs(record)
            text = text_of_event(record.document if shaped is None else shaped.document)
            if text:
                found.append(text)
    return found


def text_of_event(document: Document) -> bytes:
    """An event as JSON; nothing where it cannot be written."""
    try:
        return msgspec.json.encode(document)
    except (UnicodeError, OverflowError, msgspec.MsgspecError, TypeError, RecursionError):
        return b""
