"""EQL's syntax tree: what was written, before anybody asks what it means.

Every node knows its place (``start`` and ``end``, in characters); `same` compares two trees
without their places.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from tocsin.logic.value import Result


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Anything that was written somewhere."""

    start: int = 0
    end: int = 0


# --- expressions ------------------------------------------------------------------------------


class Literal(Node, frozen=True):
    """A constant, or null."""

    value: Result


class Field(Node, frozen=True):
    """A field by its dotted name; ``optional`` with ``?`` in front of it."""

    name: str
    optional: bool = False


class Call(Node, frozen=True):
    """A function by the name as written, without the ``~`` that ``fold_case`` stands for."""

    name: str
    args: tuple[Expr, ...]
    fold_case: bool = False


class Signed(Node, frozen=True):
    """``-x`` or ``+x``."""

    sign: str
    term: Expr


class Arithmetic(Node, frozen=True):
    """``+ - * / %`` of two."""

    operator: str
    left: Expr
    right: Expr


class Comparison(Node, frozen=True):
    """``== != < <= > >=`` of two."""

    operator: str
    left: Expr
    right: Expr


class Membership(Node, frozen=True):
    """``subject [not] in (items)``, with ``fold_case`` as ``in~``."""

    subject: Expr
    items: tuple[Expr, ...]
    negated: bool = False
    fold_case: bool = False

    @property
    def operator(self) -> str:
        """The operator as written."""
        return ("not " if self.negated else "") + "in" + ("~" if self.fold_case else "")


class Match(Node, frozen=True):
    """``subject : patterns``; the operator is ``: like like~ regex`` or ``regex~``."""

    subject: Expr
    operator: str
    patterns: tuple[Literal, ...]


class Not(Node, frozen=True):
    """``not term``."""

    term: Expr


class And(Node, frozen=True):
    """``a and b and …``, at least two."""

    terms: tuple[Expr, ...]


class Or(Node, frozen=True):
    """``a or b or …``, at least two."""

    terms: tuple[Expr, ...]


Expr = (
    Literal | Field | Call | Signed | Arithmetic | Comparison | Membership | Match | Not | And | Or
)

# --- queries ----------------------------------------------------------------------------------

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Units of a time span, in milliseconds."""


class Timespan(Node, frozen=True):
    """``5m``."""

    count: int
    unit: str

    @property
    def duration(self) -> dt.timedelta:
        """How long it is."""
        return dt.timedelta(milliseconds=self.count * UNITS[self.unit])


class EventQuery(Node, frozen=True):
    """``category where condition``; the category is None for ``any``."""

    category: str | None
    where: Expr


class Term(Node, frozen=True):
    """``[event] by keys with runs=n``; ``missing`` as ``![event]``."""

    event: EventQuery
    by: tuple[Field, ...] = ()
    missing: bool = False
    runs: int = 1


class Sequence(Node, frozen=True):
    """``sequence by keys with maxspan=… terms until term``."""

    terms: tuple[Term, ...]
    by: tuple[Field, ...] = ()
    maxspan: Timespan | None = None
    until: Term | None = None


class Sample(Node, frozen=True):
    """``sample by keys terms``."""

    terms: tuple[Term, ...]
    by: tuple[Field, ...] = ()


class Pipe(Node, frozen=True):
    """``| head n`` or ``| tail n``."""

    name: str
    count: int


class Query(Node, frozen=True):
    """A whole query."""

    body: EventQuery | Sequence | Sample
    pipes: tuple[Pipe, ...] = ()


def same(one: object, other: object) -> bool:
    """Whether two trees say the same, wherever they were written; 1, 1.0 and true differ."""
    pending: list[tuple[Any, Any]] = [(one, other)]
    while pending:
        left, right = pending.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, Node):
            names = (name for name in left.__struct_fields__ if name not in ("start", "end"))
            pending.extend((getattr(left, name), getattr(right, name)) for name in names)
        elif isinstance(left, tuple):
            if len(left) != len(right):
                return False
            pending.extend(zip(left, right, strict=True))
        elif left != right:
            return False
    return True
