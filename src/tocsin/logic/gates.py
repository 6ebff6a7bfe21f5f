"""What the event as a whole has where one of its nested objects fits: cheap, and drops no match.

``gate_of(Nested("a", b == 1 and not c == 2))  ->  a.b == 1``: for every event e,
``holds(nested, e)  =>  holds(gate_of(nested), e)``.

>>> from tocsin.logic.expr import Not
>>> from tocsin.logic.matchers import Equals
>>> one, two = Leaf("b", Equals((1,))), Leaf("c", Equals((2,)))
>>> gate_of(Nested("a", And((one, Not(two))))) == Leaf("a.b", Equals((1,)))
True
"""

from __future__ import annotations

import msgspec

from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Or
from tocsin.logic.matchers import matched_pattern

_OUTER = "^."
_TRUE = Always(value=True)


def gate_of(nested: Nested) -> Expr:
    """A condition over the whole event that is true wherever the nested one is."""
    return _flat(nested.term, f"{nested.path}.")


def _flat(expr: Expr, prefix: str) -> Expr:
    match expr:
        case Always():
            return expr
        case Leaf():
            return _flat_leaf(expr, prefix)
        case And(terms):
            kept = [one for term in terms if (one := _flat(term, prefix)) != _TRUE]
            return And(tuple(kept)) if len(kept) > 1 else kept[0] if kept else _TRUE
        case Or(terms):
            found = [_flat(term, prefix) for term in terms]
            return _TRUE if _TRUE in found or not found else Or(tuple(found))
        case _:
            # Of another object than the one that fits, what is negated here may hold.
            return _TRUE


def _flat_leaf(leaf: Leaf, prefix: str) -> Expr:
    if leaf.every:
        return _TRUE
    if leaf.field.startswith(_OUTER):
        # One level up is the whole event, unless this object is inside another one.
        outer = leaf.field.removeprefix(_OUTER)
        return _TRUE if outer.startswith(_OUTER) else msgspec.structs.replace(leaf, field=outer)
    missing = leaf.missing
    if missing is not None and matched_pattern(leaf.matcher, leaf.type, missing) is not None:
        return _TRUE  # the object may lack the field where another one has it
    return msgspec.structs.replace(leaf, field=prefix + leaf.field)
