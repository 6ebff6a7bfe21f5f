"""Reading the JSON object of one of Datadog's signal rules, whatever stands in it.

What makes no sense raises `RuleError` with the file and what it is about.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from tocsin.errors import RuleError, UnsupportedFeature
from tocsin.events.schema.datadog import path_of
from tocsin.languages.datadog_query import compile_query
from tocsin.logic.expr import Expr, Not
from tocsin.logic.query import Filter
from tocsin.rules.formats._datadog_detection import Counted, narrow
from tocsin.source_text import SourceText

Object = Mapping[str, Any]

MOST_ITEMS: Final = 100
"""How many queries, cases or filters a rule may have."""

SOURCES: Final = frozenset({"logs", "security_runtime"})
"""Where the events of a query may come from; others are no logs."""

_LONG: Final = 1 << 63
_LONGEST: Final = dt.timedelta(days=366)
_AGGREGATIONS: Final = frozenset({"count", "cardinality", "sum", "max"})
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Places:
    """Finds the lines on which texts stand in a JSON file; rules are asked for in their order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at, self._line = 0, 1

    def begin(self, name: str) -> int:
        """Goes on to the rule of a name; returns the line on which the name stands."""
        found = [at for form in _forms(name) if (at := self._text.find(form, self._at + 1)) >= 0]
        if found:
            self._line, self._at = self._line_at(min(found)), min(found)
        return self._line

    def line_of(self, value: str) -> int:
        """The line of such a text, of several the one that is nearest to the rule's name."""
        places = [
            at
            for form in _forms(value)
            for at in (self._text.find(form, self._at), self._text.rfind(form, 0, self._at))
            if at >= 0
        ]
        if not places:
            return self._line
        return self._line_at(min(places, key=lambda at: abs(at - self._at)))

    def _line_at(self, at: int) -> int:
        if at < self._at:
            return self._line - self._text.count("\n", at, self._at)
        return self._line + self._text.count("\n", self._at, at)


def _forms(value: str) -> tuple[str, ...]:
    """How JSON may write a text."""
    if not value:
        return ()
    return tuple(dict.fromkeys((json.dumps(value, ensure_ascii=False), json.dumps(value))))


class Parts:
    """One rule.

    Args:
        rule: its object.
        path: the file, as it was named.
        places: finds lines in it.
        line: where the rule stands.
    """

    def __init__(self, rule: Object, path: str, places: Places, line: int = 1) -> None:
        self.rule = rule
        self.where = f"{path}:{line}"
        self._path = path
        self._places = places
        self.options = self.object(rule, "options")

    # --- values -------------------------------------------------------------------------------

    def wrong(self, message: str) -> RuleError:
        """An error of this rule."""
        return RuleError(f"{self.where}: {message}")

    def text(self, holder: Object, key: str) -> str:
        """A text, or a number as one; empty where there is neither."""
        value = holder.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LONG:
            return str(value)
        return value if isinstance(value, str) else ""

    def object(self, holder: Object, key: str) -> Object:
        """An object; an empty one where there is none."""
        value = holder.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(f"{key} has to be an object")
        return value

    def objects(self, holder: Object, key: str) -> list[Object]:
        """The objects of a list."""
        value = holder.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(f"{key} has to be a list of objects")
        if len(value) > MOST_ITEMS:
            raise self.wrong(f"{key} has more than {MOST_ITEMS} entries")
        return value

    def names(self, holder: Object, key: str) -> tuple[str, ...]:
        """The texts of a list, each once."""
        value = holder.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise self.wrong(f"{key} has to be a list of names")
        if len(value) > MOST_ITEMS:
            raise self.wrong(f"{key} has more than {MOST_ITEMS} entries")
        return tuple(dict.fromkeys(value))

    def fields(self, holder: Object, key: str) -> tuple[str, ...]:
        """The fields of a list of names as log search spells them."""
        return tuple(path_of(name) for name in self.names(holder, key))

    def duration(self, holder: Object, key: str, unit: str = "seconds") -> dt.timedelta | None:
        """A length of time; None where there is none."""
        value = holder.get(key)
        if value is None:
            return None
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 <= value < math.inf:
            raise self.wrong(f"{key} has to be a number of {unit}")
        seconds = value * (86_400 if unit == "days" else 1)
        if seconds > _LONGEST.total_seconds():
            raise self.wrong(f"{key} is longer than {_LONGEST.days} days")
        return dt.timedelta(seconds=seconds)

    # --- queries ------------------------------------------------------------------------------

    def source(self, text: str) -> SourceText:
        """A text with its place in the file."""
        return SourceText(text, self._path, self._places.line_of(text))

    def condition(self, holder: Object, key: str = "query") -> tuple[Filter, SourceText]:
        """The condition of a query, as it was written.

        Raises:
            QueryError: log search cannot read it.
        """
        text = holder.get(key)
        if not isinstance(text, str):
            raise self.wrong(f"a {key} has to be a text")
        source = self.source(text)
        return compile_query(source), source

    def everywhere(self) -> list[Expr]:
        """What has to hold for every event: the rule's filters, and what it suppresses."""
        found: list[Expr] = []
        for entry in self.objects(self.rule, "filters"):
            action = self.text(entry, "action")
            if action not in {"require", "suppress"}:
                raise self.wrong(
                    f"the action {action!r} of a filter is neither require nor suppress"
                )
            where = self.condition(entry)[0].where
            found.append(where if action == "require" else Not(where))
        suppressions = self.rule.get("suppressions")
        for entry in suppressions if isinstance(suppressions, list) else ():
            if not isinstance(entry, dict) or entry.get("enabled") is False:
                continue
            keys = ("suppressionQuery", "dataExclusionQuery", "query")
            found += [Not(self.condition(entry, key)[0].where) for key in keys if entry.get(key)]
        return found

    def queries(self, aggregations: frozenset[str] = _AGGREGATIONS) -> list[Counted]:
        """The rule's queries.

        Raises:
            RuleError: one makes no sense.
            QueryError: log search cannot read one, or it is of a kind that is not run.
        """
        everywhere = self.everywhere()
        found = [
            self._counted(entry, number, aggregations, everywhere)
            for number, entry in enumerate(self.objects(self.rule, "queries"))
        ]
        if not found:
            raise self.wrong("the rule has no queries")
        names = [counted.name for counted in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise self.wrong(f"two queries have the name {twice}")
        return found

    def _counted(
        self, entry: Object, number: int, aggregations: frozenset[str], everywhere: list[Expr]
    ) -> Counted:
        origin = self.text(entry, "dataSource") or "logs"
        if origin not in SOURCES:
            raise UnsupportedFeature(f"{self.where}: events of the source {origin} are no logs")
        kind = self.text(entry, "aggregation") or "count"
        if kind not in aggregations:
            raise UnsupportedFeature(f"{self.where}: the aggregation {kind} is not run here")
        agent_rule = self.text(self.object(entry, "agentRule"), "agentRuleId")
        if entry.get("query") is None and agent_rule:
            entry = {**entry, "query": f'@agent.rule_id:"{agent_rule}"'}
        condition, source = self.condition(entry)
        # A query without a name is called by its place: a, b, c …
        name = self.text(entry, "name") or (chr(ord("a") + number) if number < 26 else f"q{number}")
        if not _NAME.match(name):
            raise self.wrong(f"{name[:80]!r} is no name of a query")
        return Counted(
            name, source.text, narrow(condition, *everywhere), kind,
            self.fields(entry, "groupByFields"), self._over(entry, kind, name), source.first_line,
        )  # fmt: skip

    def _over(self, entry: Object, kind: str, name: str) -> tuple[str, ...]:
        """The fields whose values a query counts, adds or learns."""
        if kind == "count":
            return ()
        key = "distinctFields" if kind == "cardinality" else "metrics"
        found = self.fields(entry, key)
        metric = self.text(entry, "metric")
        if not found and metric and key == "metrics":
            found = (path_of(metric),)
        if not found:
            raise self.wrong(f"the query {name} has no {key} for its aggregation {kind}")
        if kind == "sum" and len(found) > 1:
            raise UnsupportedFeature(f"{self.where}: a sum of several metrics is not run")
        return found
