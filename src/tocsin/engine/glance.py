"""A second look at few events: the fields of some conditions, read without decoding the rest.

What bytes and classes let through is mostly let through in vain, and by few conditions: those about
any process that Windows starts, or those that need a frequent name. Their fields are read out of
the line (`events.narrow`) and asked as `rows` asks them; what all the answers say together is
worked out once, since processes come again:

    process.name: 0b01, process.parent.executable: 0b100   ->   conditions 3 and 7 may hold

A condition that needs something which is computed of fields (two of them are alike) is asked for
that last. What reads a field in another way than by its name is taken for true.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from tocsin.engine import reference
from tocsin.engine.plan import Plan
from tocsin.engine.rows import RowPlan
from tocsin.events.narrow import Narrow, Values
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script, walk
from tocsin.logic.prefilter import ignoring, relaxed
from tocsin.logic.value import fields_of

_MOST_KNOWN = 20_000
_TRIAL = 512
"""After so many events it is known which fields repeat, and whether looking pays."""

_REPEATS = 0.25
"""A field repeats if no more of the trial's second half than this had a value that was new."""

_PAYS = 0.7
"""Looking does not pay where more of the events than this are decoded all the same."""


class Glance:
    """Some conditions that most events can be told not to satisfy.

    Args:
        rows: the plan of all conditions.
        conditions: (number, fields that need not be looked at, since they are known) of each.

    Attributes:
        pays: whether it is worth the reading.
    """

    def __init__(self, rows: RowPlan, conditions: Sequence[tuple[int, Collection[str]]]) -> None:
        self._rows = rows
        self._numbers = tuple(number for number, _ in conditions)
        self._exprs = [
            relaxed(ignoring(rows.conditions[number], (Script, Nested)), known.__contains__)
            for number, known in conditions
        ]
        computed = {n: terms for n in self._numbers if (terms := _computed(rows.conditions[n]))}
        asked = {field for terms in computed.values() for field in _fields(And(terms))}
        self._fields = sorted(asked.union(*map(_fields, self._exprs)))
        self._computed = {n: _Computed(terms, self._fields) for n, terms in computed.items()}
        self._narrow = Narrow(self._fields, learns=False)
        whole = _Question(rows, self._numbers, self._exprs, self._fields)
        self._first = self._second = whole
        self._trial: list[Values] = []
        self._left = 0
        self._is_tried = False
        self.pays = bool(self._fields)

    def look(self, lines: Sequence[bytes]) -> list[tuple[int, ...]]:
        """For each line the conditions that may hold, in order; all where it cannot be read."""
        if not self.pays:
            return [self._numbers] * len(lines)
        read = self._narrow.read_all(lines)
        first, second = self._first.ask, self._second.ask
        found = [
            self._numbers if values is None else first(values) and second(values) for values in read
        ]
        if self._computed:
            found = [
                left if values is None or not left else self._still(left, values)
                for left, values in zip(found, read, strict=True)
            ]
        if not self._is_tried:
            self._try(read, found)
        return found

    def _still(self, left: tuple[int, ...], values: Values) -> tuple[int, ...]:
        """Those of some conditions that may hold by what is computed of the values, too."""
        computed = self._computed
        if computed.keys().isdisjoint(left):
            return left
        return tuple(n for n in left if n not in computed or computed[n].holds(values))

    def _try(self, read: list[Values | None], found: list[tuple[int, ...]]) -> None:
        self._trial += filter(None, read)
        self._left += sum(map(bool, found))
        many = len(self._trial)
        if many < _TRIAL:
            return
        self._is_tried = True
        self.pays = self._left <= _PAYS * many
        most = _REPEATS * (many - many // 2)
        columns = zip(self._fields, zip(*self._trial, strict=True), strict=True)
        rare = {
            field
            for field, values in columns
            if len(set(values)) - len(set(values[: many // 2])) > most
        }
        self._trial = []
        if rare and self.pays:
            easy = [relaxed(expr, rare.__contains__) for expr in self._exprs]
            self._first = _Question(self._rows, self._numbers, easy, self._fields)
            # New values are asked no more than these conditions ask of them.
            own = RowPlan(Plan(self._exprs))
            self._second = _Question(own, self._numbers, own.conditions, self._fields)


class _Question:
    """What the values of some fields say of some conditions."""

    def __init__(
        self, rows: RowPlan, numbers: Sequence[int], exprs: Sequence[Expr], fields: Sequence[str]
    ) -> None:
        self._rows = rows
        self._programs = [(n, rows.program(expr)) for n, expr in zip(numbers, exprs, strict=True)]
        bits: dict[int, int] = {}
        for expr in exprs:
            for scan, bit in rows.leaves_of(expr):
                bits[scan] = bits.get(scan, 0) | bit
        self._scans = tuple(bits)
        places = [fields.index(rows.readers[scan].field) for scan in bits]
        self._asked = [
            (place, rows.readers[scan].fits, rows.readers[scan], bits[scan])
            for place, scan in zip(places, bits, strict=True)
        ]
        self._known: dict[tuple[int, ...], tuple[int, ...]] = {}

    def ask(self, values: Values) -> tuple[int, ...]:
        """The conditions that may hold, in order."""
        masks = []
        for place, fits, reader, bits in self._asked:
            value = values[place]
            if value is None:
                masks.append(reader.missing & bits)
            elif type(value) is str:
                mask = fits(value)
                masks.append((mask if mask >= 0 else reader.missing) & bits)
            else:
                masks.append(reader.of_read(value) & bits)
        key = tuple(masks)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            row = self._rows.row({})
            row.masks.update(zip(self._scans, masks, strict=True))
            found = tuple(number for number, program in self._programs if program(row))
            self._known[key] = found
        return found


class _Computed:
    """Terms of a condition that compute something, asked of the values of some fields."""

    def __init__(self, terms: tuple[Expr, ...], fields: Sequence[str]) -> None:
        self._expr = And(terms)
        self._fields = tuple(dict.fromkeys(_fields(self._expr)))
        self._places = [fields.index(field) for field in self._fields]
        self._known: dict[Values, bool] = {}

    def holds(self, values: Values) -> bool:
        """Whether all of them hold."""
        mine = tuple(values[place] for place in self._places)
        if not all(value is None or type(value) is str for value in mine):
            # 1, 1.0 and true are one key of a Python dict, but three values of an event.
            return self._worked_out(mine)
        found = self._known.get(mine)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[mine] = self._worked_out(mine)
        return found

    def _worked_out(self, values: Values) -> bool:
        document = {
            field: list(value) if isinstance(value, tuple) else value
            for field, value in zip(self._fields, values, strict=True)
            if value is not None
        }
        return reference.holds(self._expr, document)


def _computed(expr: Expr) -> tuple[Expr, ...]:
    """What a condition needs in any case and is computed of fields that are read by their names."""
    terms = expr.terms if isinstance(expr, And) else (expr,)
    found: list[Expr] = []
    for term in terms:
        if isinstance(term, And):
            found += _computed(term)
            continue
        nodes = list(walk(term))
        scripts = [node for node in nodes if isinstance(node, Script)]
        fields = [field for script in scripts for field in fields_of(script.value)]
        is_plain = all(isinstance(node, (Script, Not, And, Or, Always)) for node in nodes)
        if fields and is_plain and not any(f.view or "*" in f.name for f in fields):
            found.append(term)
    return tuple(found)


def _fields(expr: Expr) -> Iterator[str]:
    for node in walk(expr):
        if isinstance(node, Leaf):
            yield node.field
        elif isinstance(node, Script):
            yield from (field.name for field in fields_of(node.value))
