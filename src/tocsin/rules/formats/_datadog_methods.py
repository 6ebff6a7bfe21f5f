"""The detection methods of Datadog's signal rules: from a rule's parts to a query for each case.

A `Draft` is what becomes of a case; a case that cannot be had is a `Refused`, and the others load.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from tocsin.errors import QueryError, QuerySemanticError, RuleError, UnsupportedFeature
from tocsin.logic.expr import Expr, Not
from tocsin.logic.query import Correlation, Filter, NewTerms, Query
from tocsin.rules.formats._datadog_condition import (
    AllOf,
    AnyOf,
    Bounds,
    Condition,
    Then,
    implies,
    parse_condition,
    ways_of,
)
from tocsin.rules.formats._datadog_detection import Counted, Side, followed, having, narrow, side_of
from tocsin.rules.formats._datadog_rule_parts import Object, Parts

_MINUTES: Final = dt.timedelta(minutes=5)
"""The window of a rule that does not say."""

_DAY: Final = dt.timedelta(days=1)
_FORGET: Final = dt.timedelta(days=28)


class Draft(msgspec.Struct, frozen=True):
    """A case that can be had.

    Attributes:
        label: its name, or its number.
        status: its severity, as the rule writes it.
        query: what it asks for.
        by: the fields of which a signal is made by value; None: they differ between its queries.
        text: its queries and condition, as they were written.
        line: where the first of them stands.
        window: the longest stretch of time that it looks at.
        keep: for how long a signal stays open, where the method says.
        notes: what is not as Datadog has it.
    """

    label: str
    status: Any
    query: Query
    by: tuple[str, ...] | None
    text: str
    line: int
    window: dt.timedelta = _MINUTES
    keep: dt.timedelta | None = None
    notes: tuple[str, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """A case that cannot be had, and why; a note only where it never matters."""

    label: str
    error: QueryError | RuleError | str


def threshold(parts: Parts) -> Iterator[Draft | Refused]:
    """Counts over a window that slides: the first case that holds makes the signal."""
    queries = {counted.name: counted for counted in parts.queries()}
    window = parts.duration(parts.options, "evaluationWindow")
    window = _MINUTES if window is None else window
    optional = _is_optional(parts)
    earlier: list[tuple[str, Condition | Then]] = []
    for label, case in _cases(parts):
        try:
            condition, written = _condition(parts, case, queries)
            wins = next((other for other, held in earlier if _covers(held, condition)), None)
            if wins is not None:
                yield Refused(label, f"never wins: the case {wins}, before it, holds as well")
                continue
            side = side_of(condition, queries, window)
            if side is None:
                raise QuerySemanticError(
                    f"{parts.where}: the condition {written!r} never comes true"
                )
        except (QueryError, RuleError) as error:
            yield Refused(label, error)
            continue
        earlier.append((label, condition))
        used = [queries[name] for name in dict.fromkeys(_names(condition))]
        query, notes = _grouped(side, optional=optional)
        yield Draft(label, case.get("status"), query, _by(side), _text(used, written),
                    used[0].line, window, notes=notes)  # fmt: skip


def new_value(parts: Parts) -> Iterator[Draft | Refused]:
    """A combination of values that was not seen for a while, within the values of the group."""
    queries = parts.queries(frozenset({"new_value"}))
    if len(queries) > 1:
        raise parts.wrong("a new_value rule has one query")
    (counted,) = queries
    settings = parts.object(parts.options, "newValueOptions")
    history = parts.duration(settings, "forgetAfter", "days") or _FORGET
    fields = tuple(dict.fromkeys((*counted.by, *counted.over)))
    notes = list(_learning(parts, settings))
    if _is_optional(parts) and counted.by:
        notes.append("events without a value to group by are not looked at")
    for number, (label, case) in enumerate(_cases(parts)):
        if number:
            yield Refused(label, "never wins: a new value makes a signal of the first case")
            continue
        query = NewTerms(counted.filter, fields, history)
        yield Draft(label, case.get("status"), query, counted.by, counted.text, counted.line,
                    history, notes=tuple(notes))  # fmt: skip


def _learning(parts: Parts, settings: Object) -> Iterator[str]:
    """What a rule says of learning, which is not done for each rule here."""
    method = parts.text(settings, "learningMethod") or "duration"
    length = parts.duration(settings, "learningDuration", "days") or dt.timedelta(0)
    if method == "duration" and length:
        days = f"{length / _DAY:g}d"
        yield f"it learns for {days} before it rings; scan with --warm-up {days} for that"
    elif method == "duration" or settings.get("learningThreshold"):
        yield "the first value of all is learned silently there, and rings here"


def third_party(parts: Parts) -> Iterator[Draft | Refused]:
    """Alerts of another product, with its severities."""
    settings = parts.object(parts.options, "thirdPartyRuleOptions")
    everywhere = parts.everywhere()
    roots = parts.objects(settings, "rootQueries")
    if not roots:
        raise parts.wrong("a third_party rule has no rootQueries")
    cases: list[tuple[str, Object, Expr, str]] = []
    for label, case, query in _third_party_cases(parts):
        condition, source = parts.condition(query)
        cases.append((label, case, condition.where, source.text))
    default = settings.get("defaultStatus")
    for number, root in enumerate(roots, 1):
        condition, source = parts.condition(root)
        condition = narrow(condition, *everywhere)
        by = parts.fields(root, "groupByFields")
        keep = _DAY if by else dt.timedelta(0)
        suffix = f"/{number}" if len(roots) > 1 else ""
        before: list[Expr] = []
        for label, case, where, text in cases:
            yield Draft(
                f"{label}{suffix}", case.get("status"), narrow(condition, where, *before), by,
                f"({source.text}) ({text})", source.first_line, keep=keep,
            )  # fmt: skip
            before.append(Not(where))
        if default is not None:
            yield Draft(
                f"default{suffix}", default, narrow(condition, *before), by, source.text,
                source.first_line, keep=keep,
            )  # fmt: skip


def _third_party_cases(parts: Parts) -> Iterator[tuple[str, Object, Object]]:
    listed = parts.objects(parts.rule, "thirdPartyCases")
    if listed:
        for number, case in enumerate(listed, 1):
            yield _label(parts, case, number), case, case
        return
    queries, cases = parts.objects(parts.rule, "queries"), parts.objects(parts.rule, "cases")
    if len(queries) != len(cases):
        raise parts.wrong("a third_party rule has a case for each query")
    for number, (case, query) in enumerate(zip(cases, queries, strict=True), 1):
        yield _label(parts, case, number), case, query


def sequence(parts: Parts) -> Iterator[Draft | Refused]:
    """Steps that come one after another, each within a while of the one before."""
    queries = {counted.name: counted for counted in parts.queries(frozenset({"count"}))}
    settings = parts.object(parts.options, "sequenceDetectionOptions")
    steps = parts.objects(settings, "steps")
    if len(steps) < 2:
        raise parts.wrong("a sequence_detection rule has at least two steps")
    names = [parts.text(step, "name") for step in steps]
    waits = _transitions(parts, settings, names)
    side: Side | None = None
    used: dict[str, Counted] = {}
    for number, step in enumerate(steps):
        condition, _ = _condition(parts, step, queries)
        used |= {name: queries[name] for name in _names(condition)}
        here = side_of(condition, queries, parts.duration(step, "evaluationWindow") or _MINUTES)
        if here is None:
            raise QuerySemanticError(f"{parts.where}: the step {names[number]} never comes true")
        here = msgspec.structs.replace(here, name=names[number])
        side = here if side is None else followed(side, here, waits[number - 1])
    assert side is not None  # noqa: S101  (there are steps)
    written = " THEN ".join(parts.text(step, "condition") for step in steps)
    first = next(iter(used.values()))
    for number, (label, case) in enumerate(_cases(parts)):
        if number:
            yield Refused(label, "never wins: the steps make a signal of the first case")
            continue
        yield Draft(label, case.get("status"), side.query, _by(side),
                    _text(list(used.values()), written), first.line,
                    sum(waits, dt.timedelta(0)))  # fmt: skip


def _transitions(parts: Parts, settings: Object, names: list[str]) -> list[dt.timedelta]:
    """How long each step waits for the next."""
    if len(set(names)) < len(names) or not all(names):
        raise parts.wrong("each step of a sequence needs a name of its own")
    waits: dict[tuple[str, str], dt.timedelta] = {}
    for entry in parts.objects(settings, "stepTransitions"):
        pair = parts.text(entry, "parent"), parts.text(entry, "child")
        waits[pair] = parts.duration(entry, "evaluationWindow") or dt.timedelta(0)
    line = list(itertools.pairwise(names))
    if set(line) != set(waits):
        raise UnsupportedFeature(f"{parts.where}: steps that do not follow one after another")
    return [waits[pair] for pair in line]


METHODS: Final[Mapping[str, Callable[[Parts], Iterator[Draft | Refused]]]] = {
    "threshold": threshold,
    "new_value": new_value,
    "third_party": third_party,
    "sequence_detection": sequence,
}


# --- cases ----------------------------------------------------------------------------------------


def _cases(parts: Parts) -> Iterator[tuple[str, Object]]:
    cases = parts.objects(parts.rule, "cases")
    if not cases:
        raise parts.wrong("the rule has no cases")
    taken: set[str] = set()
    for number, case in enumerate(cases, 1):
        label = _label(parts, case, number)
        label = f"{label} {number}" if label in taken else label
        taken.add(label)
        yield label, case


def _label(parts: Parts, case: Object, number: int) -> str:
    return parts.text(case, "name").strip() or str(number)


def _condition(
    parts: Parts, holder: Object, queries: Mapping[str, Counted]
) -> tuple[Condition | Then, str]:
    """The condition of a case or step, and its text; a single query needs none."""
    text = parts.text(holder, "condition")
    if not text.strip():
        if len(queries) > 1:
            raise parts.wrong("a case of a rule with several queries needs a condition")
        text = f"{next(iter(queries))} > 0"
    source = parts.source(text)
    condition = parse_condition(source)
    for bounds in _leaves(condition):
        if bounds.query not in queries:
            message = f"no query has the name {bounds.query}"
            raise QuerySemanticError(message, bounds.span, f"there are {', '.join(queries)}")
    return condition, text


def _leaves(condition: Condition | Then) -> Iterator[Bounds]:
    match condition:
        case Bounds():
            yield condition
        case AllOf(terms) | AnyOf(terms):
            for term in terms:
                yield from _leaves(term)
        case Then(first, second):
            yield from _leaves(first)
            yield from _leaves(second)


def _names(condition: Condition | Then) -> list[str]:
    return [bounds.query for bounds in _leaves(condition)]


def _covers(earlier: Condition | Then, condition: Condition | Then) -> bool:
    """Whether an earlier case holds wherever this one does."""
    if isinstance(earlier, Then):
        return False
    if isinstance(condition, Then):
        return _covers(earlier, condition.first) or _covers(earlier, condition.second)
    return implies(ways_of(condition), ways_of(earlier))


def _text(queries: list[Counted], condition: str) -> str:
    if len(queries) == 1 and condition.replace(" ", "") == f"{queries[0].name}>0":
        return queries[0].text
    return "\n".join([*(f"{counted.name}: {counted.text}" for counted in queries), condition])


# --- groups ---------------------------------------------------------------------------------------


def _is_optional(parts: Parts) -> bool:
    entries = parts.objects(parts.rule, "queries")
    return any(entry.get("hasOptionalGroupByFields") is True for entry in entries)


def _grouped(side: Side, *, optional: bool) -> tuple[Query, tuple[str, ...]]:
    """The query over the events that have what they are grouped by, and what differs."""
    if isinstance(side.query, Correlation):
        missing = "events without a value to group by are not counted"
        return side.query, (missing,) if optional and side.by else ()
    if optional:
        return side.query, ()
    return having(side.query, side.by), ()


def _by(side: Side) -> tuple[str, ...] | None:
    """The fields of the group, where all queries call them alike."""
    return side.by if all(by == side.by for by in _all_by(side.query)) else None


def _all_by(query: Filter | Correlation) -> Iterator[tuple[str, ...]]:
    if isinstance(query, Correlation):
        for term in query.terms:
            yield term.by
            yield from _all_by(term.query)
