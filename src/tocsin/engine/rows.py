"""A plan over single events: whether one satisfies a condition, as quickly as it can be told.

What every leaf of a field and type says of a value is one whole number, a bit for each leaf; the
scans (`engine.scans`) remember it by value, since values come again. Of an event the numbers of the
fields that somebody asks about are made once, and a condition is a program over their bits:

    process.name : "curl"   ->   row.mask(scan of process.name) & (1 << place of the leaf)

`engine.reference` says what is right; this is held to it by property tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, assert_never

from tocsin.engine import reference
from tocsin.engine.plan import Plan
from tocsin.engine.reading import ODD, Objects, place_of
from tocsin.engine.scans import Scan
from tocsin.events.fields import values_of
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script, walk

Document = Mapping[str, Any]
Program = Callable[["Row"], bool]


class RowPlan:
    """The conditions of a plan as programs over single events; each is made when first asked.

    Args:
        plan: the conditions.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._programs: list[Program | None] = [None] * len(plan.conditions)
        self._leaves: dict[int, Program] = {}
        self.readers = [_Reader(field, scan) for field, scan in plan.scans]
        for slot in plan.leaves.values():
            self.readers[slot.scan].note(slot.number, slot.leaf, if_missing=slot.if_missing)

    def row(self, document: Document) -> Row:
        """An event that conditions can be asked about."""
        return Row(document, self.readers)

    def forget(self) -> None:
        """Forgets what leaves said of values; what was compiled stays."""
        for _, scan in self._plan.scans:
            scan.forget()

    def holds(self, number: int, row: Row) -> bool:
        """Whether an event satisfies the condition of that number."""
        program = self._programs[number]
        if program is None:
            program = self._programs[number] = self.program(self._plan.conditions[number])
        return program(row)

    @property
    def conditions(self) -> Sequence[Expr]:
        """The conditions, by number."""
        return self._plan.conditions

    def leaves_of(self, expr: Expr) -> Iterator[tuple[int, int]]:
        """(scan, bit) of each leaf of an expression that is made of leaves of the plan."""
        for node in walk(expr):
            if isinstance(node, Leaf):
                slot = self._plan.leaves[id(node)]
                yield slot.scan, 1 << slot.number

    def program(self, expr: Expr) -> Program:
        """The program of an expression that is made of leaves of the plan."""
        match expr:
            case Leaf():
                known = self._leaves.get(id(expr))
                if known is None:
                    slot = self._plan.leaves[id(expr)]
                    known = self._leaves[id(expr)] = _leaf(slot.scan, 1 << slot.number)
                return known
            case Always(value):
                return lambda _: value
            case Not(term):
                inside = self.program(term)
                return lambda row: not inside(row)
            case And(terms):
                dear = [t for t in terms if isinstance(t, (Script, Nested))]
                cheap = [t for t in terms if not isinstance(t, (Script, Nested))]
                return _all([self.program(t) for t in cheap], [self.program(t) for t in dear])
            case Or(terms):
                return self._any(terms)
            case Script() | Nested():
                return lambda row: reference.holds(expr, row.document)
            case _:
                assert_never(expr)

    def _any(self, terms: tuple[Expr, ...]) -> Program:
        """Leaves of one scan are asked together: their bits are one number."""
        bits: dict[int, int] = {}
        others: list[Program] = []
        for term in terms:
            if isinstance(term, Leaf):
                slot = self._plan.leaves[id(term)]
                bits[slot.scan] = bits.get(slot.scan, 0) | 1 << slot.number
            else:
                others.append(self.program(term))
        programs = [_leaf(scan, mask) for scan, mask in bits.items()]
        return _some([*programs, *others])


def _leaf(scan: int, bits: int) -> Program:
    def holds(row: Row) -> bool:
        mask = row.masks.get(scan)
        if mask is None:
            mask = row.mask(scan)
        return mask & bits != 0

    return holds


def _all(programs: list[Program], dear: list[Program]) -> Program:
    """All of the programs; the one that says no most often comes to be asked first."""
    if not dear and len(programs) == 1:
        return programs[0]

    def holds(row: Row) -> bool:
        for place, program in enumerate(programs):
            if not program(row):
                if place:
                    programs[place - 1 : place + 1] = program, programs[place - 1]
                return False
        for program in dear:  # noqa: SIM110  (a generator costs as much as a program)
            if not program(row):
                return False
        return True

    return holds


def _some(programs: list[Program]) -> Program:
    if len(programs) == 1:
        return programs[0]

    def holds(row: Row) -> bool:
        for program in programs:  # noqa: SIM110  (as above)
            if program(row):
                return True
        return False

    return holds


class Row(Objects):
    """One event, and what is known of it so far.

    Attributes:
        document: the event as rules see it.
        masks: by scan, which of its leaves hold.
    """

    __slots__ = ("_readers", "masks")

    def __init__(self, document: Document, readers: list[_Reader]) -> None:
        super().__init__(document)
        self.masks: dict[int, int] = {}
        self._readers = readers

    def mask(self, scan: int) -> int:
        """Which leaves of a scan hold."""
        reader = self._readers[scan]
        where = self._objects.get(reader.parent, self)
        if where is self:
            where = self._object(reader.parent)
        if where is ODD:
            found = reader.of_values(values_of(self.document, reader.field))
        elif where is None:
            found = reader.missing
        else:
            value = where.get(reader.key)
            if value is None:
                found = reader.missing
            elif type(value) is str:
                found = reader.fits(value)
                if found < 0:
                    found = reader.missing
            else:
                found = reader.of_value(value)
        self.masks[scan] = found
        return found


class _Reader:
    """The leaves of one scan, and where their field stands in a document."""

    __slots__ = ("_every", "field", "fits", "key", "missing", "parent")

    def __init__(self, field: str, scan: Scan) -> None:
        self.field = field
        self.fits = scan.fits
        self.parent, self.key = place_of(field)
        self.missing = 0
        self._every = 0

    def note(self, number: int, leaf: Leaf, *, if_missing: bool) -> None:
        """Takes a leaf of the scan."""
        if if_missing:
            self.missing |= 1 << number
        if leaf.every:
            self._every |= 1 << number

    def of_read(self, value: object) -> int:
        """The leaves that hold of what `narrow.Narrow` reads."""
        if value is None:
            return self.missing
        return self.of_values(list(value) if isinstance(value, tuple) else [value])

    def of_value(self, value: Any) -> int:
        """The leaves that hold of what stands at the field's place."""
        if isinstance(value, (bool, int, float)):
            found: int = self.fits(value)
            return self.missing if found < 0 else found
        if not isinstance(value, list):
            return self.missing  # an object is no value
        return self.of_values(_flat(value))

    def of_values(self, values: list[Any]) -> int:
        """The leaves that hold of a field's values."""
        some, each, none = 0, -1, True
        for value in values:
            found = self.fits(value)
            if found >= 0:
                none = False
                some |= found
                each &= found
        if none:
            return self.missing
        every = self._every
        return some if not every else (some & ~every) | (each & every)


def _flat(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, (str, bool, int, float)):
            found.append(value)
        elif isinstance(value, list):
            found.extend(_flat(value))
    return found
