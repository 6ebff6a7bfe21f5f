"""Values for the fields of a script, so that it is true, or is not.

A script has no structure that could be solved in general, so values are tried: those that its
fields may have by everything else that is known, the constants in it and what lies near them, and
the values of its other fields with something before or behind them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tocsin.engine import reference
from tocsin.engine.solve.candidates import candidates, fits, others
from tocsin.engine.solve.fields import distinct, plausible, pool
from tocsin.logic import functions
from tocsin.logic.expr import Leaf, Script
from tocsin.logic.field_types import FieldType, Scalar, coerce, render_date
from tocsin.logic.matchers import Exists, InNetwork
from tocsin.logic.value import Call, Const, Field, Value, fields_of

MOST_ROUNDS: Final = 6_000
"""How many combinations of values one script is tried with."""

_MOST_WAYS: Final = 12
_MOST_VALUES: Final = 60
_LONGEST: Final = 20_000

Asked = Callable[[str], tuple[Sequence[Leaf], Sequence[Leaf]]]
"""What is wished of a field, and what it has to avoid."""


class Pin(NamedTuple):
    """The value that a field has to have."""

    value: Scalar


def script_ways(
    script: Script, positive: bool, asked: Asked, event: Mapping[str, Any],
    chance: random.Random | None,
) -> Iterator[dict[str, Pin | None]]:  # fmt: skip
    """Values for its fields with which the script is true (or is not), one way after another.

    None is no value. What an absent field reads as is tried too, where it may be absent.
    """
    fields = fields_of(script.value)
    names = list(dict.fromkeys(field.name for field in fields))
    choices = _choices(script, fields, names, asked, event)
    seen = 0
    for combination in _combinations([choices[name] for name in names], chance):
        chosen = dict(zip(names, combination, strict=True))
        if _holds(script, chosen) == positive:
            yield {name: None if v is None else Pin(v) for name, v in chosen.items()}
            seen += 1
            if seen >= _MOST_WAYS:
                return


def _holds(script: Script, chosen: Mapping[str, Scalar | None]) -> bool:
    def rows(field: Field) -> list[Scalar]:
        raw = chosen[field.name]
        read = None if raw is None else coerce(field.type, raw)
        return [] if read is None else [read]

    return functions.holds(script.value, rows)


def _choices(
    script: Script, fields: Sequence[Field], names: Sequence[str], asked: Asked,
    event: Mapping[str, Any],
) -> dict[str, list[Scalar | None]]:  # fmt: skip
    constants = [value for value in _constants(script.value) if value is not None]
    sizes = sorted({n for n in constants if isinstance(n, int) and 0 <= n <= _LONGEST})
    lengths = [n + step for n in sizes for step in (0, 1, -1) if n + step >= 0]
    known: dict[str, list[Scalar]] = {}
    for field in fields:
        wants, avoids = asked(field.name)
        own = reference.read(event, field.name, "dynamic")
        known[field.name] = [*own, *plausible(wants, avoids, (), 12)]
    found: dict[str, list[Scalar | None]] = {}
    for field in fields:
        name, kind = field.name, field.type
        wants, avoids = asked(name)
        others_known = [v for other in names if other != name for v in known[other][:8]]
        more = [*_near(kind, constants), *_composed(kind, others_known, constants)]
        if kind not in {"long", "double", "boolean", "date", "ip"}:
            fillings = [f"{'x' * n}" for n in lengths]
            more += [v for v in pool(wants, avoids, fillings) if isinstance(v, str)][:60]
            more += fillings
        more = [v for v in distinct(more) if not (isinstance(v, str) and len(v) > _LONGEST)]
        may_miss = not any(not fits(want, ()) for want in wants)
        values = [*known[name], *plausible(wants, avoids, more, _MOST_VALUES)]
        if not wants:
            values += others(kind)
        merged: list[Scalar | None] = list(distinct(values))
        if may_miss and not any(isinstance(a.matcher, Exists) for a in wants):
            merged.append(None)
        found[name] = [*found.get(name, ()), *merged]
    return found


def _constants(value: Value) -> Iterator[Scalar | None]:
    if isinstance(value, Const):
        yield value.value
    elif isinstance(value, Call):
        for argument in value.args:
            yield from _constants(argument)


def _near(kind: FieldType, constants: Sequence[Scalar]) -> Iterator[Scalar]:
    for constant in constants:
        if isinstance(constant, str):
            yield from (constant, f"{constant}x", f"x{constant}", f"x{constant}x")
            yield from (constant.replace("*", "x").replace("?", "a"),)
            yield from itertools.islice(candidates(Leaf("", InNetwork((constant,)))), 8)
        elif isinstance(constant, bool):
            yield from (constant, not constant)
        elif kind == "date" and isinstance(constant, int):
            yield from (render_date(abs(constant) + step) for step in (0, 10**9, -(10**9)))
        else:
            yield from (constant, constant + 1, constant - 1, constant * 2, -constant)
            if isinstance(constant, int) and constant > 0:
                yield 1 << (constant.bit_length() - 1)
                yield constant & -constant
    numbers = [c for c in constants if isinstance(c, (int, float)) and not isinstance(c, bool)]
    for one, other in itertools.islice(itertools.permutations(numbers, 2), 30):
        yield from (one + other, one - other, one * other)
        if other:
            yield from (one // other, one / other)
    yield from (0, 1, 1 << 40, 10**12, (1 << 62)) if kind in {"long", "double"} else ()


def _composed(
    kind: FieldType, values: Sequence[Scalar], constants: Sequence[Scalar]
) -> Iterator[Scalar]:
    """Values of other fields, as they are and with something before or behind them."""
    pieces = ["x", "\\x", *(c for c in constants if isinstance(c, str) and c)]
    for value in values:
        yield value
        if isinstance(value, str) and kind not in {"long", "double", "boolean", "date", "ip"}:
            yield from (value[:-1], value[1:])
            for piece in pieces[:6]:
                yield from (f"{value}{piece}", f"{piece}{value}")
        elif not isinstance(value, (str, bool)):
            sizes = [
                c for c in constants if isinstance(c, (int, float)) and not isinstance(c, bool)
            ]
            for size in (1, *sizes):
                yield from (value + size, value - size, value - size + 1, value - 2 * size)


def _combinations(
    choices: Sequence[Sequence[Scalar | None]], chance: random.Random | None
) -> Iterator[tuple[Scalar | None, ...]]:
    """All of them where there are few; else those of the first values, and some by chance."""
    total = 1
    for values in choices:
        total *= len(values)
    if total <= MOST_ROUNDS:
        # By how far the values are from the plainest, so that ways differ in every field.
        places = itertools.product(*(range(len(values)) for values in choices))
        for place in sorted(places, key=sum):
            yield tuple(values[at] for at, values in zip(place, choices, strict=True))
        return
    few = 2
    while (few + 1) ** len(choices) <= MOST_ROUNDS // 2:
        few += 1
    yield from itertools.product(*(values[:few] for values in choices))
    chance = chance or random.Random(0)  # noqa: S311 (no secret)
    for _ in range(MOST_ROUNDS // 2):
        yield tuple(chance.choice(values) for values in choices)
