"""One field: values that meet all that is wanted of it, and nothing that is not wanted.

A leaf is met by one value of an array, so several wishes may be met by several values; one value
that meets them all is tried first.

>>> from tocsin.logic.matchers import Wildcard
>>> one, other = (Leaf("a", Wildcard((glob,)), "keyword") for glob in ("cu*", "*rl"))
>>> values_for((one, other), ())
['curl']
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tocsin.engine.solve.candidates import FILLINGS, around, candidates, fits, others
from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import Regex, Wildcard, Words

_MOST: Final = 400
_MOST_MERGED: Final = 5
_Values = Sequence[Scalar]


def values_for(
    wants: Sequence[Leaf], avoids: Sequence[Leaf], chance: random.Random | None = None
) -> list[Scalar] | None:
    """Values that satisfy every leaf of ``wants`` and none of ``avoids``; None: none were found.

    Args:
        wants: each has to be met by some value.
        avoids: none may be.
        chance: for the order in which values are tried; without it, the plainest first.
    """
    if _suits((), wants, avoids):
        return []
    tried = distinct(pool(wants, avoids))
    for value in tried if chance is None else _shuffled(tried, chance):
        if _suits((value,), wants, avoids):
            return [value]
    return _several(wants, avoids)


def plausible(
    wants: Sequence[Leaf], avoids: Sequence[Leaf], more: Iterable[Scalar], most: int
) -> list[Scalar]:
    """Values that alone would do, at most so many; ``more`` are asked first."""
    found = (v for v in distinct((*more, *pool(wants, avoids))) if _suits((v,), wants, avoids))
    return list(itertools.islice(found, most))


def pool(
    wants: Sequence[Leaf], avoids: Sequence[Leaf], fillings: Sequence[str] = FILLINGS
) -> Iterator[Scalar]:
    """Values worth a try, the plainest first."""
    for want in wants:
        yield from itertools.islice(candidates(want, fillings), _MOST)
    if len(wants) > 1:
        yield from _merged(wants)
    for leaf in (*wants, *avoids):
        yield from others(leaf.type)
    for avoid in avoids:
        yield from itertools.islice(around(avoid), _MOST)


def distinct(values: Iterable[Scalar]) -> Iterator[Scalar]:
    """Each value once; 1, 1.0 and true are three."""
    seen: set[tuple[type, Scalar]] = set()
    for value in values:
        key = (type(value), value)
        if key not in seen:
            seen.add(key)
            yield value


def _shuffled(values: Iterator[Scalar], chance: random.Random) -> Iterator[Scalar]:
    """Some of the first in another order, then the rest."""
    first = list(itertools.islice(values, _MOST))
    chance.shuffle(first)
    return itertools.chain(first, values)


def _suits(values: _Values, wants: Sequence[Leaf], avoids: Sequence[Leaf]) -> bool:
    return all(fits(want, values) for want in wants) and not any(fits(a, values) for a in avoids)


def _merged(wants: Sequence[Leaf]) -> Iterator[Scalar]:
    """Texts that bear the marks of several wishes: one in the stars of another, or side by side."""
    firsts: list[list[str]] = []
    for want in wants:
        short = itertools.islice(candidates(want, ("", "x")), 60)
        found = [c for c in short if isinstance(c, str)]
        if found:
            firsts.append(list(dict.fromkeys(found))[:_MOST_MERGED])
    for number, want in enumerate(wants):
        rest = [found for place, found in enumerate(firsts) if place != number]
        for texts in itertools.islice(itertools.product(*rest), 30):
            joined = ("".join(texts), " ".join(texts), "".join(reversed(texts)), "x".join(texts))
            if isinstance(want.matcher, Wildcard):
                yield from itertools.islice(candidates(want, joined), 60)
            elif isinstance(want.matcher, (Regex, Words)):
                for own in itertools.islice(candidates(want), 4):
                    yield from (f"{own} {joined[1]}", f"{joined[1]} {own}")


def _several(wants: Sequence[Leaf], avoids: Sequence[Leaf]) -> list[Scalar] | None:
    """One value for each wish that no other value meets."""
    of_all = [want for want in wants if want.every]
    never = [avoid for avoid in avoids if not avoid.every]
    misfits = [avoid for avoid in avoids if avoid.every]

    def allowed(value: Scalar) -> bool:
        return all(fits(w, (value,)) for w in of_all) and not any(fits(a, (value,)) for a in never)

    chosen: list[Scalar] = []
    for want in wants:
        if want.every or (chosen and fits(want, chosen)):
            continue
        found = (v for v in pool((want,), avoids) if fits(want, (v,)) and allowed(v))
        value = next(found, None)
        if value is None:
            return None
        chosen.append(value)
    for avoid in misfits:
        if not chosen or fits(avoid, chosen):
            found = (v for v in pool(wants, avoids) if not fits(avoid, (v,)) and allowed(v))
            value = next(found, None)
            if value is None:
                return None
            chosen.append(value)
    return chosen if chosen and _suits(chosen, wants, avoids) else None
