r"""Elasticsearch's Query DSL, as far as the ``filters`` of rules use it.

A filter narrows what a rule's query finds:

    {"meta": {"negate": true}, "query": {"wildcard": {"file.path": {"value": "/opt/*"}}}}

Most clauses mean what a leaf of KQL means; ``wildcard``, ``prefix`` and ``term`` have options of
their own (here ``?`` is a wildcard, a backslash escapes, and case may not matter).

https://www.elastic.co/docs/explore-analyze/query-filter/languages/querydsl
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.events.schema import Schema
from tocsin.languages.kql.lower import Lowering
from tocsin.languages.kql.syntax import Compare, Comparison, Match, Node, Pattern, Text
from tocsin.logic.expr import Always, Expr, Leaf, Not, conjunction, disjunction
from tocsin.logic.field_types import fold, text_of
from tocsin.logic.matchers import Equals, Wildcard, Words
from tocsin.logic.patterns import glob_escape

_DEEPEST = 50
_BOUNDS: dict[str, Comparison] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_IGNORED = frozenset({"boost", "_name", "rewrite", "format", "relation", "time_zone"})


def lower_filter(filter_: object, schema: Schema, now: int) -> Expr:
    """The logic of one entry of ``filters``.

    Args:
        filter_: the entry: Kibana's, with ``meta`` and ``query``, or a bare clause.
        schema: types of fields.
        now: what date math reckons from, in nanoseconds since the epoch.

    Raises:
        UnsupportedFeature: a clause that is not lowered here.
        QuerySemanticError: one that makes no sense.
    """
    entry = _object(filter_, "a filter")
    meta = _object(entry.get("meta") or {}, "meta")
    if meta.get("disabled") is True:
        return Always(value=True)
    clause = entry.get("query") or {k: v for k, v in entry.items() if k not in ("meta", "$state")}
    expr = _Clauses(schema, now).lower(clause, 0)
    return Not(expr) if meta.get("negate") is True else expr


class _Clauses:
    def __init__(self, schema: Schema, now: int) -> None:
        self._schema = schema
        self._lowering = Lowering(schema, now)

    def lower(self, clause: object, depth: int) -> Expr:
        if depth > _DEEPEST:
            message = f"a filter is nested deeper than {_DEEPEST} levels"
            raise QuerySemanticError(message)
        found = _object(clause, "a clause")
        if len(found) != 1:
            message = f"a filter's clause has one name, not {len(found)}: {', '.join(found)}"
            raise QuerySemanticError(message)
        ((name, body),) = found.items()
        match name:
            case "match_all":
                return Always(value=True)
            case "match_none":
                return Always(value=False)
            case "bool":
                return self._bool(_object(body, "bool"), depth)
            case "exists":
                field = _text(_object(body, "exists").get("field"), "exists.field")
                return self._kql(Match(Text(field), Pattern(("", ""))))
        kinds: dict[str, Callable[[str, object], Expr]] = {
            "match_phrase": self._match_phrase,
            "match": self._match,
            "range": self._range,
            "term": self._term,
            "terms": self._terms,
            "wildcard": self._wildcard,
            "prefix": self._prefix,
        }
        if name not in kinds:
            message = f"filters with {name!r} are not supported"
            raise UnsupportedFeature(message)
        fields = {k: v for k, v in _object(body, name).items() if k not in _IGNORED}
        if len(fields) != 1:
            message = f"{name!r} in a filter needs one field, not {len(fields)}"
            raise QuerySemanticError(message)
        ((field, wanted),) = fields.items()
        return kinds[name](field, wanted)

    def _bool(self, body: Mapping[str, Any], depth: int) -> Expr:
        def clauses(name: str) -> list[Expr]:
            found = body.get(name) or []
            many = found if isinstance(found, list) else [found]
            return [self.lower(clause, depth + 1) for clause in many]

        _known(body, {"must", "filter", "should", "must_not", "minimum_should_match"}, "bool")
        required = [*clauses("must"), *clauses("filter")]
        should = clauses("should")
        # Without a must or a filter, one of the alternatives has to hold.
        least = body.get("minimum_should_match", 0 if required else min(1, len(should)))
        if least not in (0, 1, "0", "1"):
            message = f"filters with minimum_should_match {least!r} are not supported"
            raise UnsupportedFeature(message)
        if int(least):
            required.append(disjunction(*should))
        return conjunction(*required, *[Not(term) for term in clauses("must_not")])

    def _kql(self, node: Node) -> Expr:
        return self._lowering.lower(node)

    def _match_phrase(self, field: str, wanted: object) -> Expr:
        value, options = _value(wanted, "query")
        _known(options, {"query"}, "match_phrase")
        return self._kql(Match(Text(field), Text(value, quoted=True)))

    def _match(self, field: str, wanted: object) -> Expr:
        value, options = _value(wanted, "query")
        _known(options, {"query", "operator"}, "match")
        words = value.split()
        every = str(options.get("operator", "or")).lower() == "and" and len(words) > 1
        if every and self._schema.resolve(field).type == "text":
            return conjunction(*[self._kql(Match(Text(field), Text(word))) for word in words])
        return self._kql(Match(Text(field), Text(value)))

    def _range(self, field: str, wanted: object) -> Expr:
        bounds = {k: v for k, v in _object(wanted, "range").items() if k not in _IGNORED}
        _known(bounds, set(_BOUNDS), "range")
        return conjunction(
            *[
                self._kql(Compare(Text(field), _BOUNDS[name], Text(_text(bound, name))))
                for name, bound in bounds.items()
            ]
        )

    def _term(self, field: str, wanted: object) -> Expr:
        value, options = _value(wanted, "value")
        _known(options, {"value", "case_insensitive"}, "term")
        return self._exactly(field, value, fold_case=options.get("case_insensitive") is True)

    def _terms(self, field: str, wanted: object) -> Expr:
        if not isinstance(wanted, list):
            message = f"'terms' in a filter needs a list of values for {field}"
            raise QuerySemanticError(message)
        return disjunction(*[self._exactly(field, _text(v, field), False) for v in wanted])

    def _exactly(self, field: str, value: str, fold_case: bool) -> Expr:
        found = self._schema.resolve(field)
        if found.type == "text":
            # A term is not analysed: it has to be one of the words as they are stored.
            word = fold(value) if fold_case else value
            return Leaf(found.path, Words((word,), text=value), "text", spelled=field)
        if found.type in ("keyword", "version", "dynamic") and (fold_case or found.fold_case):
            return Leaf(found.path, Equals((value,), fold_case=True), "keyword", spelled=field)
        return self._kql(Match(Text(field), Text(value, quoted=True)))

    def _wildcard(self, field: str, wanted: object) -> Expr:
        value, options = _value(wanted, "value", "wildcard")
        _known(options, {"value", "wildcard", "case_insensitive"}, "wildcard")
        return self._fits(field, value, fold_case=options.get("case_insensitive") is True)

    def _prefix(self, field: str, wanted: object) -> Expr:
        value, options = _value(wanted, "value")
        _known(options, {"value", "case_insensitive"}, "prefix")
        glob = glob_escape(value) + "*"
        return self._fits(field, glob, fold_case=options.get("case_insensitive") is True)

    def _fits(self, field: str, glob: str, *, fold_case: bool) -> Expr:
        found = self._schema.resolve(field)
        spelled = "" if found.path == field else field
        if found.type == "text":
            matcher = Words((fold(glob) if fold_case else glob,), "wildcard", glob)
            return Leaf(found.path, matcher, "text", operator="wildcard", spelled=spelled)
        if found.type not in ("keyword", "version", "dynamic"):
            return Always(value=False)
        folded = fold_case or found.fold_case
        return Leaf(
            found.path, Wildcard((glob,), folded), found.type, operator="wildcard", spelled=spelled
        )


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        message = f"{what} in a rule's filters has to be a table, not {value!r}"
        raise QuerySemanticError(message)
    return cast("Mapping[str, Any]", value)


def _text(value: object, what: str) -> str:
    if not isinstance(value, (str, bool, int, float)):
        message = f"{what} in a rule's filters has to be a value, not {value!r}"
        raise QuerySemanticError(message)
    return text_of(value)


def _value(wanted: object, *keys: str) -> tuple[str, Mapping[str, Any]]:
    """A value that stands alone, or in a table among options."""
    if not isinstance(wanted, Mapping):
        return _text(wanted, keys[0]), {}
    options = {k: v for k, v in wanted.items() if k not in _IGNORED}
    key = next((key for key in keys if key in options), keys[0])
    return _text(options.get(key), key), options


def _known(options: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(options) - known - _IGNORED)
    if unknown:
        message = f"{what!r} in a filter with {', '.join(unknown)} is not supported"
        raise UnsupportedFeature(message)
