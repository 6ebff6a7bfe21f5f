"""Sigma's correlations: rules over what other rules find, which may be correlations themselves.

    correlation:
        type: event_count
        rules: [failed_logon]
        group-by: [TargetUserName]
        timespan: 5m
        condition: {gte: 10}

A rule is meant by its id or its name, in whatever file it stands. A name to group by is a field of
each rule's own log source, or an alias that says which field it is for which rule.

Correlations: https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, cast, get_args

import msgspec

from tocsin.errors import QuerySyntaxError, RuleError
from tocsin.events.schema.log_sources import Source
from tocsin.languages.sigma import condition as syntax
from tocsin.languages.sigma import parse_condition
from tocsin.logic.expr import Expr, Leaf, Not, conjunction, disjunction
from tocsin.logic.matchers import Exists
from tocsin.logic.query import Correlation, CorrelationKind, CorrelationTerm
from tocsin.rules.formats._sigma_documents import SigmaDocument

TYPES: Final[tuple[str, ...]] = get_args(CorrelationKind)
_TEMPORAL: Final = frozenset({"temporal", "temporal_ordered"})
_COUNTS_EVENTS: Final = frozenset({"event_count", *_TEMPORAL})
_OPERATORS: Final = ("gt", "gte", "lt", "lte", "eq", "neq")
_KEYS: Final = frozenset({
    "type", "rules", "generate", "group-by", "timespan", "aliases", "condition",
})  # fmt: skip
_CLOSE: Final = 0.55  # timeframe is what sigmac called it
_TIMESPAN: Final = re.compile(r"(\d{1,9})([smhdwMy])")
_SECONDS: Final = {
    "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "M": 2_629_746, "y": 31_556_952,
}  # fmt: skip
"""A month and a year are those of the calendar on average."""


class Definition(msgspec.Struct, frozen=True):
    """A correlation as it is written.

    Attributes:
        document: where it stands.
        type: what it asks.
        rules: ids or names of the rules.
        group_by: what groups their events.
        timespan: within which time they have to come.
        aliases: for a name of ``group_by``, the field of each rule by the rule's id or name.
        condition: operators and numbers.
        expression: the extended condition of a temporal one; None: none.
        fields: whose values count.
        percentile: which.
        generate: whether its rules ring for themselves all the same.
    """

    document: SigmaDocument
    type: CorrelationKind
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    timespan: dt.timedelta
    aliases: Mapping[str, Mapping[str, str]]
    condition: tuple[tuple[str, float], ...]
    expression: Expr | None
    fields: tuple[str, ...]
    percentile: float | None
    generate: bool


def read_correlation(document: SigmaDocument) -> Definition:
    """A correlation.

    Raises:
        RuleError: it is none.
        QueryError: its condition is none.
    """
    return _Reader(document).read()


class _Reader:
    """Reads one correlation."""

    def __init__(self, document: SigmaDocument) -> None:
        self._document = document
        found = document.values["correlation"]
        if not isinstance(found, dict):
            self._fail("a correlation has to be a mapping")
        self._values: dict[str, Any] = {str(key): value for key, value in found.items()}

    def read(self) -> Definition:
        for key in self._values:
            if key not in _KEYS:
                self._fail(f"unknown key {key!r}{_hint(key, _KEYS)}", key)
        kind = self._type()
        condition = self._values.get("condition")
        expression, named = self._expression(kind, condition)
        table = condition if isinstance(condition, dict) else {}
        rules = self._names("rules") or named
        if not rules:
            self._fail("the correlation names no rules", "rules")
        for name in sorted({*named} ^ {*rules} if named else ()):
            self._fail(f"{name!r} has to stand in rules and in the condition", "rules")
        generate = self._values.get("generate", False)
        if not isinstance(generate, bool):
            self._fail("generate has to be true or false", "generate")
        return Definition(
            self._document,
            kind,
            rules,
            self._names("group-by"),
            self._timespan(),
            self._aliases(),
            self._bounds(kind, condition),
            expression,
            self._fields(kind, table),
            self._percentile(kind, table),
            generate,
        )

    def _fail(self, message: str, *path: str) -> NoReturn:
        place = self._document.place("correlation", *path)
        raise RuleError(f"{place}: {message}")

    def _type(self) -> CorrelationKind:
        kind = self._values.get("type")
        if kind is None:
            self._fail(f"the correlation has no type\nhint: one of {', '.join(TYPES)}")
        if kind not in TYPES:
            self._fail(f"unknown type {kind!r}{_hint(str(kind), TYPES)}", "type")
        return cast("CorrelationKind", kind)

    def _names(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        listed = value if isinstance(value, list) else [] if value is None else [value]
        if not all(isinstance(name, (str, int)) for name in listed):
            self._fail(f"{key} has to be a text or a list of them", key)
        return tuple(dict.fromkeys(str(name) for name in listed))

    def _timespan(self) -> dt.timedelta:
        text = self._values.get("timespan")
        found = _TIMESPAN.fullmatch(text) if isinstance(text, str) else None
        seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not seconds:
            said = "the correlation has no timespan" if text is None else f"{text!r} is no timespan"
            self._fail(f"{said}\nhint: write it as 30s, 5m, 1h, 7d", "timespan")
        try:
            return dt.timedelta(seconds=seconds)
        except OverflowError:
            self._fail(f"{text!r} is too long", "timespan")

    def _aliases(self) -> Mapping[str, Mapping[str, str]]:
        found = self._values.get("aliases")
        if found is None:
            return {}
        if not isinstance(found, dict) or not all(
            isinstance(fields, dict) and all(isinstance(field, str) for field in fields.values())
            for fields in found.values()
        ):
            self._fail("aliases has to say which field each is for each rule", "aliases")
        return {
            str(alias): {str(rule): field for rule, field in fields.items()}
            for alias, fields in found.items()
        }

    # --- the condition ---

    def _expression(
        self, kind: CorrelationKind, condition: object
    ) -> tuple[Expr | None, tuple[str, ...]]:
        """The extended condition, and the rules in it."""
        if not isinstance(condition, str):
            return None, ()
        if kind not in _TEMPORAL:
            self._fail("only temporal correlations have a condition over rules", "condition")
        document = self._document.document
        tree = parse_condition(document.source(("correlation", "condition"), condition))
        names: dict[str, None] = {}
        return _seen(tree, names), tuple(names)

    def _bounds(self, kind: CorrelationKind, condition: object) -> tuple[tuple[str, float], ...]:
        if isinstance(condition, str) or (condition is None and kind in _TEMPORAL):
            return ()
        if not isinstance(condition, dict):
            message = f"a correlation of the type {kind} needs a condition\nhint: gte: 10"
            self._fail(message, "condition")
        found: list[tuple[str, float]] = []
        for key, value in condition.items():
            if key in _OPERATORS:
                found.append((key, self._number(str(key), value)))
            elif key not in {"field", "percentile"}:
                known = (*_OPERATORS, "field", "percentile")
                self._fail(f"unknown operator {key!r}{_hint(str(key), known)}", "condition")
        if not found:
            self._fail(f"the condition compares nothing\nhint: {kind} gte: 10", "condition")
        return tuple(found)

    def _number(self, key: str, value: Any) -> float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            self._fail(f"{value!r} is no number", "condition", key)
        return cast("float", value)

    def _fields(self, kind: CorrelationKind, condition: Mapping[str, Any]) -> tuple[str, ...]:
        value = condition.get("field")
        listed = value if isinstance(value, list) else [] if value is None else [value]
        if not all(isinstance(name, str) for name in listed):
            self._fail("field has to be a text or a list of them", "condition", "field")
        if kind not in _COUNTS_EVENTS and not listed:
            message = f"a correlation of the type {kind} needs a field in its condition"
            self._fail(message, "condition")
        return tuple(listed)

    def _percentile(self, kind: CorrelationKind, condition: Mapping[str, Any]) -> float | None:
        if kind != "value_percentile":
            return None
        value = condition.get("percentile")
        if value is None:
            self._fail("the condition needs a percentile\nhint: percentile: 95", "condition")
        number = self._number("percentile", value)
        if not 0 <= number <= 100:
            self._fail(f"{number} is no percentile", "condition", "percentile")
        return number


def _hint(word: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    near = difflib.get_close_matches(word[:40], listed, n=1, cutoff=_CLOSE)
    return f"\nhint: did you mean {near[0]}?" if near else f"\nhint: one of {', '.join(listed)}"


def _seen(node: syntax.Node, names: dict[str, None]) -> Expr:
    match node:
        case syntax.Name(name):
            names.setdefault(name)
            return Leaf(name, Exists())
        case syntax.Not(term):
            return Not(_seen(term, names))
        case syntax.And(terms):
            return conjunction(*(_seen(term, names) for term in terms))
        case syntax.Or(terms):
            return disjunction(*(_seen(term, names) for term in terms))
        case syntax.Selector(span=span):
            message = "a correlation's condition has to name its rules"
            raise QuerySyntaxError(message, span)


# --- compiling --------------------------------------------------------------------------------


class Base(msgspec.Struct, frozen=True):
    """A rule that a correlation is about, as far as it is known.

    Attributes:
        query: what it asks for.
        source: of a rule over events, the log source that its names belong to; of a correlation,
            that of its first rule.
    """

    query: Any
    source: Source


def compiled(definition: Definition, bases: Mapping[str, Base]) -> Correlation:
    """A correlation as logic.

    Args:
        definition: what it says.
        bases: its rules, by what it calls them.
    """
    aliases = {
        (alias, rule): field
        for alias, fields in definition.aliases.items()
        for rule, field in fields.items()
    }

    def field_of(name: str, rule: str) -> str:
        base = bases[rule]
        meant = aliases.get((name, rule), name)
        if isinstance(base.query, Correlation) and meant in base.query.group_by:
            return meant  # its group has the value
        return next(iter(base.source.fields_of(meant)), meant)

    terms = tuple(
        CorrelationTerm(
            rule,
            bases[rule].query,
            tuple(field_of(name, rule) for name in definition.group_by),
            tuple(field_of(name, rule) for name in definition.fields),
        )
        for rule in definition.rules
    )
    return Correlation(
        definition.type,
        terms,
        definition.group_by,
        definition.timespan,
        definition.condition,
        definition.fields,
        definition.percentile,
        definition.expression,
    )
