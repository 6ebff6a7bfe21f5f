"""What must hold of an event alone if a condition holds: an over-approximation, drops no match.

``relaxed(a and b)  ->  a``, where b reads what is not known yet: for every event e and everything
unknown u, ``where(e, u)  =>  relaxed(where)(e)``. What is unknown stands apart: whole branches of
the document, of which the event has none (SECL's variables: ``secl_variables``).

>>> from tocsin.logic.matchers import Equals
>>> rings, heavy = Leaf("bell.rings", Equals((True,))), Leaf("memory.heavy", Equals((True,)))
>>> relaxed(And((rings, Not(heavy))), lambda field: field.startswith("memory.")) == rings
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from tocsin.logic import functions
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.matchers import matched_pattern
from tocsin.logic.value import fields_of

_OUTER = "^."
_TRUE, _FALSE = Always(value=True), Always(value=False)

IsUnknown = Callable[[str], bool]


def relaxed(where: Expr, is_unknown: IsUnknown) -> Expr:
    """The condition with everything that reads an unknown field taken for true.

    Under a `Not` it is taken for false, so that the whole still holds wherever ``where`` can.

    Args:
        where: the condition.
        is_unknown: whether a field, by its dotted name in the whole event, has no value yet.
    """
    return _approximated(where, is_unknown, (), above=True)


def ignoring(where: Expr, kinds: tuple[type[Expr], ...]) -> Expr:
    """The condition with all nodes of some kinds taken for true; under a `Not`, for false.

    >>> from tocsin.logic.matchers import Equals
    >>> ignoring(Not(Nested("bells", Leaf("tone", Equals(("c",))))), (Nested,))
    Not(term=Always(value=False))
    """
    return _ignoring(where, kinds, above=True)


def _ignoring(expr: Expr, kinds: tuple[type[Expr], ...], *, above: bool) -> Expr:
    if isinstance(expr, kinds):
        return Always(value=above)
    match expr:
        case Not(term):
            return Not(_ignoring(term, kinds, above=not above))
        case And(terms):
            return And(tuple(_ignoring(term, kinds, above=above) for term in terms))
        case Or(terms):
            return Or(tuple(_ignoring(term, kinds, above=above) for term in terms))
        case _:
            return expr


def can_hold(where: Expr, is_absent: Callable[[str], bool]) -> bool:
    """Whether some event satisfies the condition, if none has these fields.

    Leaves over the fields are decided, everything else may be either way: True may be wrong.

    >>> from tocsin.logic.matchers import Equals
    >>> can_hold(Leaf("bell.ghost", Equals(("x",)), missing=""), lambda f: f == "bell.ghost")
    False
    """
    decided = _without(where, is_absent, ())
    return relaxed(decided, lambda _: True) != _FALSE


def _approximated(
    expr: Expr, is_unknown: IsUnknown, outside: tuple[str, ...], *, above: bool
) -> Expr:
    """The condition with unknown leaves as constants; ``outside``: the paths of nested objects."""
    match expr:
        case Always():
            return expr
        case Leaf(field):
            return Always(value=above) if _reads(field, is_unknown, outside) else expr
        case Script(value):
            reads = any(_reads(field.name, is_unknown, outside) for field in fields_of(value))
            return Always(value=above) if reads else expr
        case Not(term):
            inner = _approximated(term, is_unknown, outside, above=not above)
            return Always(value=not inner.value) if isinstance(inner, Always) else Not(inner)
        case Nested(path, term, most):
            below = (*outside, f"{_absolute(path, outside)}.")
            inner = _approximated(term, is_unknown, below, above=above)
            if inner == _FALSE:
                return inner
            # True of each object is not true: there may be none.
            unknown = _reads(path, is_unknown, outside)
            return Always(value=above) if unknown else Nested(path, inner, most)
        case And(terms):
            kept = [_approximated(term, is_unknown, outside, above=above) for term in terms]
            if _FALSE in kept:
                return _FALSE
            kept = [term for term in kept if term != _TRUE]
            return And(tuple(kept)) if len(kept) > 1 else kept[0] if kept else _TRUE
        case Or(terms):
            kept = [_approximated(term, is_unknown, outside, above=above) for term in terms]
            if _TRUE in kept:
                return _TRUE
            kept = [term for term in kept if term != _FALSE]
            return Or(tuple(kept)) if len(kept) > 1 else kept[0] if kept else _FALSE
        case _:
            assert_never(expr)


def _without(expr: Expr, is_absent: Callable[[str], bool], outside: tuple[str, ...]) -> Expr:
    match expr:
        case Leaf(field, matcher, kind, missing) if is_absent(_absolute(field, outside)):
            if missing is None:
                return Always(value=expr.every)
            return Always(value=matched_pattern(matcher, kind, missing) is not None)
        case Script(value):
            fields = [_absolute(field.name, outside) for field in fields_of(value)]
            if fields and all(map(is_absent, fields)):
                return Always(value=functions.holds(value, lambda _: []))
            return expr
        case Not(term):
            return Not(_without(term, is_absent, outside))
        case Nested(path, term, most):
            below = (*outside, f"{_absolute(path, outside)}.")
            return Nested(path, _without(term, is_absent, below), most)
        case And(terms):
            return And(tuple(_without(term, is_absent, outside) for term in terms))
        case Or(terms):
            return Or(tuple(_without(term, is_absent, outside) for term in terms))
        case _:
            return expr


def _reads(field: str, is_unknown: IsUnknown, outside: tuple[str, ...]) -> bool:
    """Whether a field, as named inside nested objects, may be an unknown one of the event."""
    # A wildcard reads whatever there is, and so what is unknown.
    return "*" in field or is_unknown(_absolute(field, outside))


def _absolute(field: str, outside: tuple[str, ...]) -> str:
    """The name in the whole event: ``comm  ->  process.ancestors.comm``, ``^.pid  ->  pid``."""
    level = len(outside)
    while level and field.startswith(_OUTER):
        field, level = field[len(_OUTER) :], level - 1
    return (outside[level - 1] if level else "") + field
