"""What must hold of an event alone if a condition holds: an over-approximation, drops no match.

``relaxed(a and b)  ->  a``, where b reads what is not known yet: for every event e and everything
unknown u, ``where(e, u)  =>  relaxed(where)(e)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.value import fields_of

_OUTER = "^."


def relaxed(where: Expr, is_unknown: Callable[[str], bool]) -> Expr:
    """The condition with everything that reads an unknown field taken for true.

    Under a `Not` it is taken for false, so that the whole still holds wherever ``where`` can.

    Args:
        where: the condition.
        is_unknown: whether a field, by its dotted name, has no value yet.
    """
    return _approximated(where, is_unknown, above=True)


def _approximated(expr: Expr, is_unknown: Callable[[str], bool], *, above: bool) -> Expr:
    match expr:
        case Always():
            return expr
        case Leaf(field):
            return Always(value=above) if is_unknown(field.removeprefix(_OUTER)) else expr
        case Script(value):
            reads = any(is_unknown(f.name.removeprefix(_OUTER)) for f in fields_of(value))
            return Always(value=above) if reads else expr
        case Not(term):
            inner = _approximated(term, is_unknown, above=not above)
            return Always(value=not inner.value) if isinstance(inner, Always) else Not(inner)
        case Nested(path, term):
            inner = _approximated(term, is_unknown, above=above)
            # True of each object is not true: there may be none.
            return inner if inner == Always(value=False) else Nested(path, inner)
        case And(terms):
            kept = [_approximated(term, is_unknown, above=above) for term in terms]
            if Always(value=False) in kept:
                return Always(value=False)
            kept = [term for term in kept if term != Always(value=True)]
            return And(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Always(value=True)
        case Or(terms):
            kept = [_approximated(term, is_unknown, above=above) for term in terms]
            if Always(value=True) in kept:
                return Always(value=True)
            kept = [term for term in kept if term != Always(value=False)]
            return Or(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Always(value=False)
        case _:
            assert_never(expr)
