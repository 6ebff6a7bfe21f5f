"""Comparisons of IP addresses and blocks of them → logic: either side may hold the other."""

from __future__ import annotations

from tocsin.languages.secl.compared import Comparison, refuse, script, value_of
from tocsin.languages.secl.operands import (
    Constant,
    Listing,
    Operand,
    Read,
    all_of,
    describe,
    is_array,
    leaf_of,
)
from tocsin.logic.expr import Always, Expr
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import InNetwork, in_network
from tocsin.logic.value import Call


def compare_addresses(this: Comparison) -> Expr:
    """The comparison without its negation.

    Raises:
        QuerySemanticError: it makes no sense.
    """
    left, right = this.left, this.right
    if isinstance(right, Listing):
        return _listed(this, left, tuple(str(member.value) for member in right.members))
    if is_array(left) and is_array(right):
        refuse(this, f"'{this.operator}' needs a list behind {describe(left)}")
    if isinstance(left, Constant):
        left, right = right, left
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Always(value=_meets(left.value, str(right.value)))
    if isinstance(left, Read) and isinstance(right, Constant):
        return _network(left, (str(right.value),), this.operator)
    one, other = value_of(left), value_of(right)
    # Either may hold the other.
    either = Call("or", (Call("cidrMatch", (one, other)), Call("cidrMatch", (other, one))))
    return script(this, either)


def _listed(this: Comparison, left: Operand, blocks: tuple[str, ...]) -> Expr:
    if isinstance(left, Constant):
        # SECL: a single address `allin` a list is as `in`.
        return Always(value=any(_meets(left.value, block) for block in blocks))
    if not isinstance(left, Read):
        refuse(this, f"unexpected {describe(left)}")
    if this.operator == "allin" and left.array:
        return all_of([_network(left, (b,), this.operator, every=True) for b in blocks])
    return _network(left, blocks, this.operator)


def _network(read: Read, blocks: tuple[str, ...], operator: str, *, every: bool = False) -> Expr:
    return leaf_of(read, InNetwork(blocks, symmetric=True), operator, every=every)


def _meets(one: Scalar, other: str) -> bool:
    return in_network(str(one), other, symmetric=True)
