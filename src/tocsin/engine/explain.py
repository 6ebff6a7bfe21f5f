"""Why a rule did or did not fire on an event: the tree with what held, what failed, and why.

The same walk gives an alert its evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

import msgspec

from tocsin.engine import reference
from tocsin.engine.match import Evidence
from tocsin.engine.questions import patterns_of
from tocsin.engine.reading import Reading
from tocsin.engine.witnesses import witness, witnesses
from tocsin.events.fields import values_of
from tocsin.logic.expr import (
    NEGATIVE_OPERATORS,
    Always,
    And,
    Expr,
    Leaf,
    Nested,
    Not,
    Or,
    Script,
)
from tocsin.logic.field_types import Scalar
from tocsin.logic.matchers import (
    Equals,
    Exists,
    PathGlob,
    Range,
    Regex,
    Wildcard,
)
from tocsin.logic.value import fields_of

_SHOWN_VALUE = 120


class Explained(msgspec.Struct, frozen=True):
    """A node of the tree and what became of it.

    Attributes:
        kind: ``and``, ``or``, ``not``, ``leaf``, ``script``, ``nested``, ``always``.
        held: whether it is true of the event.
        text: the leaf as a person would write it; empty for and, or, not.
        reason: why it failed, or which value made it hold.
        why: the reason in a word: ``held``, ``absent``, ``case``, ``type``, ``value``; empty for
            nodes that are no leaves.
        field: the leaf's field as the rule wrote it.
        operator: as the rule wrote it.
        pattern: the alternative that fitted; empty where none did.
        value: the value that fitted.
        children: the nodes below.
    """

    kind: str
    held: bool
    text: str = ""
    reason: str = ""
    why: str = ""
    field: str = ""
    operator: str = ""
    pattern: str = ""
    value: Scalar | None = None
    children: tuple[Explained, ...] = ()


def explain(expr: Expr, document: Mapping[str, Any]) -> Explained:
    """The tree over one event; every node is looked at, also behind the first failure."""
    match expr:
        case Always(value):
            return Explained("always", value, "true" if value else "false")
        case And(terms):
            children = tuple(explain(term, document) for term in terms)
            return Explained("and", all(c.held for c in children), children=children)
        case Or(terms):
            children = tuple(explain(term, document) for term in terms)
            return Explained("or", any(c.held for c in children), children=children)
        case Not(Leaf() as leaf) if leaf.operator in NEGATIVE_OPERATORS:
            return _negative_leaf(leaf, document)
        case Not(term):
            child = explain(term, document)
            return Explained("not", not child.held, children=(child,))
        case Leaf():
            return _leaf(expr, document)
        case Script():
            return _script(expr, document)
        case Nested(path, term, most):
            objects = reference.nested_objects(document, path, most)
            trees = [explain(term, one) for one in objects]
            best = next((t for t in trees if t.held), trees[0] if trees else None)
            reason = "" if trees else f"the event has no objects at {path}"
            return Explained(
                "nested", best is not None and best.held, f"{path}: one object with", reason,
                children=() if best is None else (best,),
            )  # fmt: skip
        case _:
            assert_never(expr)


def evidence(expr: Expr, document: Mapping[str, Any], event_id: str) -> tuple[Evidence, ...]:
    """Every leaf that held, in the tree's order, of all alternatives that did; see `witnesses`."""
    return tuple(Evidence(event_id, *found) for found in witnesses(expr, document))


def leaf_text(leaf: Leaf) -> str:
    """The leaf as a person would write it: field, operator, alternatives."""
    patterns = patterns_of(leaf)
    if isinstance(leaf.matcher, Exists):
        return f"{leaf.name} exists"
    if isinstance(leaf.matcher, Range):
        return f"{leaf.name} {patterns[0]}"
    patterns = tuple(pattern or '""' for pattern in patterns)
    shown = patterns[0] if len(patterns) == 1 else "(" + ", ".join(patterns) + ")"
    return f"{leaf.name} {leaf.operator} {shown}"


def _leaf(leaf: Leaf, document: Mapping[str, Any]) -> Explained:
    found = witness(leaf, document)
    if found is not None:
        # Of every value of none, there is none that could be shown.
        reason = "" if found.value is None else f"is {quoted(found.value)}"
        return Explained(
            "leaf", held=True, text=leaf_text(leaf), reason=reason, why="held", field=leaf.name,
            operator=leaf.operator, pattern=found.pattern, value=found.value,
        )  # fmt: skip
    values = reference.read(document, leaf.field, leaf.type, leaf.missing)
    why, reason = _failure(leaf, values, document)
    return Explained(
        "leaf", held=False, text=leaf_text(leaf), reason=reason, why=why, field=leaf.name,
        operator=leaf.operator,
    )  # fmt: skip


def _failure(leaf: Leaf, values: list[Scalar], document: Mapping[str, Any]) -> tuple[str, str]:
    if not values:
        raw = values_of(document, leaf.field)
        if raw:
            return "type", f"{quoted(raw[0])} is no {leaf.type}"
        return "absent", f"the event has no {leaf.name}"
    shown = [_original(leaf, document, value) for value in values]
    text = (
        f"is {quoted(shown[0])}"
        if len(shown) == 1
        else ("is " + ", ".join(map(quoted, shown[:5])) + (" …" if len(shown) > 5 else ""))
    )
    matcher = leaf.matcher
    if isinstance(matcher, (Equals, Wildcard, Regex, PathGlob)) and not matcher.fold_case:
        folded = msgspec.structs.replace(leaf, matcher=_folding(matcher))
        if reference.leaf_holds(folded, values):
            return "case", f"{text}: differs by case only"
    if leaf.missing is not None and not values_of(document, leaf.field):
        return "absent", f"the event has no {leaf.name}, which reads as {quoted(leaf.missing)}"
    return "value", text


def _folding(
    matcher: Equals | Wildcard | Regex | PathGlob,
) -> Equals | Wildcard | Regex | PathGlob:
    return msgspec.structs.replace(matcher, fold_case=True)


def _negative_leaf(leaf: Leaf, document: Mapping[str, Any]) -> Explained:
    inner = _leaf(leaf, document)
    values = reference.read(document, leaf.field, leaf.type, leaf.missing)
    patterns = patterns_of(leaf)
    shown = _original(leaf, document, values[0]) if values else None
    if inner.held:
        return msgspec.structs.replace(
            inner, held=False, why="value", reason=f"is {quoted(inner.value)}", pattern="",
            value=None,
        )  # fmt: skip
    reason = f"is {quoted(shown)}" if values else f"the event has no {leaf.name}"
    return msgspec.structs.replace(
        inner, held=True, why="held", reason=reason, value=shown,
        pattern=patterns[0] if len(patterns) == 1 else ", ".join(patterns),
    )  # fmt: skip


def _script(script: Script, document: Mapping[str, Any]) -> Explained:
    held = reference.holds(script, document)
    fields = fields_of(script.value)
    read = {f.spelled or f.name: reference.read_field(document, f) for f in fields}
    absent = [name for name, values in read.items() if not values]
    shown = ", ".join(
        f"{name} is " + " and ".join(map(quoted, values[:3])) for name, values in read.items()
        if values
    )  # fmt: skip
    why = "held" if held else "absent" if absent else "value"
    reason = shown + (f"; the event has no {', '.join(absent)}" if absent else "")
    first = next((values[0] for values in read.values() if values), None)
    return Explained(
        "script", held, script.text, reason.strip("; "), why,
        field=", ".join(read), operator="expression", pattern=script.text if held else "",
        value=first if held else None,
    )  # fmt: skip


def _original(leaf: Leaf, document: Mapping[str, Any], value: Scalar) -> Scalar:
    return Reading(document).original(leaf, value)


def quoted(value: Scalar | None) -> str:
    """A value for a sentence: texts in quotes and cut, the rest as JSON has it."""
    if isinstance(value, str):
        return f'"{value[:_SHOWN_VALUE]}…"' if len(value) > _SHOWN_VALUE else f'"{value}"'
    return (
        "null"
        if value is None
        else {True: "true", False: "false"}.get(value, str(value))
        if isinstance(value, bool)
        else str(value)
    )
