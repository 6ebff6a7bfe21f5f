"""Which exception it was that kept an event from a rule."""

from __future__ import annotations

from tocsin.engine.reference import Document, holds
from tocsin.logic.expr import And, Not
from tocsin.logic.query import roles_of
from tocsin.rules.model import ExceptionItem, Rule


def swallowed_by(rule: Rule, document: Document) -> ExceptionItem | None:
    """The exception, the first of several, but for which the rule would look at the event.

    None where no exception holds, and where the event is none for the rule anyway.
    """
    item = next((item for item in rule.exceptions if holds(item.expr, document)), None)
    if item is None:
        return None
    excluded = {Not(item.expr) for item in rule.exceptions}
    for role in roles_of(rule.query):
        terms = role.expr.terms if isinstance(role.expr, And) else (role.expr,)
        if all(holds(term, document) for term in terms if term not in excluded):
            return item
    return None
