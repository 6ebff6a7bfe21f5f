"""Exceptions: what never alerts, as Kibana keeps it, turned into logic.

    {"list_id": "quiet", "name": "the scanner", "entries": [
        {"field": "source.ip", "operator": "included", "type": "match", "value": "10.0.0.9"},
        {"field": "process.name", "operator": "excluded", "type": "match_any", "value": ["nc"]}]}

The entries of an item hold together, one item is enough, and the whole is negated and joined to
every filter of a rule's query, as Elastic does it: a rule does not see the events of an exception.
Matching is exact: case counts, unless a field is asked for as ``.caseless``. Which exception it was
that kept an event from a rule, `engine.exceptions` tells.

https://www.elastic.co/docs/solutions/security/detect-and-alert/add-manage-exceptions
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.errors import QueryError, RuleError
from tocsin.events.schema import ECS
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, conjunction, disjunction
from tocsin.logic.field_types import FieldType, coerce, date_of, text_of
from tocsin.logic.matchers import Equals, InNetwork, Matcher, Range
from tocsin.logic.query import narrowed
from tocsin.premises import note
from tocsin.rules.formats._query_dsl import lower_filter
from tocsin.rules.model import ExceptionItem, Problem, Rule

ValueLists = Mapping[str, Sequence[str]]
"""The values of lists by their ids."""

Item = Mapping[str, Any]
"""An exception item in Kibana's shape."""

_LIST_TYPES = ("ip", "ip_range", "keyword", "text")
_UNSAID: Item = {
    "type": "simple", "namespace_type": "single", "tags": [], "comments": [], "os_types": [],
}  # fmt: skip
"""What Kibana wants to have said of an item, and people leave out."""

_OS_FIELDS = ("host.os.type", "host.os.name.caseless")


class ExceptionList(msgspec.Struct, frozen=True):
    """A list of exceptions.

    Attributes:
        id: its ``list_id``, by which rules name it.
        type: ``detection``, ``endpoint`` or ``rule_default`` (of one rule).
        namespace: ``single`` or ``agnostic``.
        name: for people.
        text: the list as JSON, as it was written.
    """

    id: str
    type: str = "detection"
    namespace: str = "single"
    name: str = ""
    text: str = ""


class Exceptions(msgspec.Struct, frozen=True):
    """What a file says never alerts.

    Attributes:
        lists: the lists.
        items: what is on them, compiled; those that have expired are not among them.
        problems: what could not be used.
    """

    lists: tuple[ExceptionList, ...] = ()
    items: tuple[ExceptionItem, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __add__(self, other: Exceptions) -> Exceptions:
        """Both together."""
        return Exceptions(
            self.lists + other.lists, self.items + other.items, self.problems + other.problems
        )


def exception_logic(items: Iterable[Item], value_lists: ValueLists, *, now: int = 0) -> Expr:
    """What an event has to satisfy so that none of the items keeps it from alerting.

    Args:
        items: in Kibana's shape.
        value_lists: the values of the lists that entries name.
        now: items that have expired by then are ignored, nanoseconds since the epoch.

    Raises:
        RuleError: an item that makes no sense, or names a list that is not there.
    """
    compiled = [compile_item(item, value_lists) for item in items if not is_expired(item, now)]
    return _none_of(compiled)


def with_exceptions(rule: Rule, items: Iterable[ExceptionItem]) -> Rule:
    """The rule that does not see what the items except, besides those that it has already."""
    added = tuple(item for item in dict.fromkeys(items) if item not in rule.exceptions)
    if not added:
        return rule
    return msgspec.structs.replace(
        rule, query=narrowed(rule.query, _none_of(added)), exceptions=rule.exceptions + added
    )


def compile_item(item: Item, value_lists: ValueLists) -> ExceptionItem:
    """An item as logic.

    Raises:
        RuleError: it makes no sense, or names a list that is not there.
    """
    name = str(item.get("name") or item.get("item_id") or "without a name")
    try:
        terms = [_entry(entry, value_lists) for entry in _entries(item)]
        systems = _texts(item.get("os_types") or [], "os_types")
    except (QueryError, RuleError) as error:
        message = f"exception {name!r}: {error}"
        raise RuleError(message) from None
    if systems:
        terms.insert(0, disjunction(*[_any_of(f, [s]) for f in _OS_FIELDS for s in systems]))
    stated = {**_UNSAID, "item_id": name, "description": name, **item}
    return ExceptionItem(
        id=str(stated["item_id"]),
        name=name,
        list_id=str(stated.get("list_id") or ""),
        expr=conjunction(*terms),
        namespace=str(stated["namespace_type"]),
        text=msgspec.json.encode(stated, order="sorted").decode(),
    )


def is_expired(item: Item, now: int) -> bool:
    """Whether an item has ended by a time, in nanoseconds since the epoch."""
    end = item.get("expire_time")
    if isinstance(end, dt.datetime):  # as YAML reads it
        end = end.isoformat()
    ends = date_of(end) if isinstance(end, (str, int)) and end else None
    if ends is None:
        return False
    note("end", str(ends), str(ends <= now))
    return ends <= now


def list_ids(items: Iterable[Item]) -> set[str]:
    """The ids of the value lists that items name."""
    found: set[str] = set()
    for item in items:
        entries = item.get("entries")
        for entry in entries if isinstance(entries, list) else []:
            table = entry.get("list") if isinstance(entry, Mapping) else None
            if isinstance(table, Mapping) and isinstance(table.get("id"), str):
                found.add(table["id"])
    return found


def except_from(rules: Iterable[Rule], found: Exceptions) -> tuple[list[Rule], list[Problem]]:
    """The rules with the exceptions of the lists that they name, and what no rule names.

    A list of type ``rule_default`` is also of the rule whose id is its own.
    """
    on_list: dict[tuple[str, str], list[ExceptionItem]] = {}
    for item in found.items:
        on_list.setdefault((item.list_id, item.namespace), []).append(item)
    defaults = {(one.id, one.namespace) for one in found.lists if one.type == "rule_default"}
    named: set[tuple[str, str]] = set()
    excepted = []
    for rule in rules:
        keys = dict.fromkeys((ref.list_id, ref.namespace) for ref in rule.exceptions_list)
        keys.update(dict.fromkeys(key for key in defaults if key[0] == rule.id))
        named.update(keys)
        items = [item for key in keys for item in on_list.get(key, ())]
        excepted.append(with_exceptions(rule, items))
    return excepted, [
        _unnamed(list_id, namespace, len(items), named)
        for (list_id, namespace), items in on_list.items()
        if (list_id, namespace) not in named
    ]


def _unnamed(list_id: str, namespace: str, count: int, named: set[tuple[str, str]]) -> Problem:
    items = f"{count} exception{'' if count == 1 else 's'} of the list {list_id!r}"
    elsewhere = sorted(space for known, space in named if known == list_id)
    reason = (
        f"rules name that list in the namespace {elsewhere[0]!r}, and not in {namespace!r}"
        if elsewhere
        else "no rule names that list in its exceptions_list"
    )
    return Problem("", "", "warning", f"{items} not used: {reason}")


# --- entries ----------------------------------------------------------------------------------


def _none_of(items: Sequence[ExceptionItem]) -> Expr:
    """None of the items: ``not (a or b)  ->  not a and not b``, so that each can be told."""
    return conjunction(*[Not(item.expr) for item in items]) if items else Always(value=True)


def _entries(owner: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = owner.get("entries")
    if isinstance(entries, list) and entries and all(isinstance(e, Mapping) for e in entries):
        return entries
    message = "entries has to be a list of at least one entry"
    raise RuleError(message)


def _entry(entry: Mapping[str, Any], lists: ValueLists, parent: str = "") -> Expr:
    field, kind = entry.get("field"), entry.get("type")
    if not isinstance(field, str) or not field:
        message = "an entry has no field"
        raise RuleError(message)
    name = f"{parent}.{field}" if parent else field
    if kind == "nested" and not parent:
        within = [_entry(inner, lists, name) for inner in _entries(entry)]
        return Nested(name, _relative(conjunction(*within), f"{name}."))
    operator = entry.get("operator", "included")
    if operator not in {"included", "excluded"}:
        message = f"{name}: the operator {operator!r} is neither included nor excluded"
        raise RuleError(message)
    expr = _condition(name, kind, entry, lists)
    return Not(expr) if operator == "excluded" else expr


def _condition(field: str, kind: object, entry: Mapping[str, Any], lists: ValueLists) -> Expr:
    match kind:
        case "match":
            return _any_of(field, [_text(entry.get("value"), field)])
        case "match_any":
            return _any_of(field, _texts(entry.get("value"), field))
        case "exists":
            return lower_filter({"query": {"exists": {"field": field}}}, ECS, 0)
        case "wildcard":
            glob = _text(entry.get("value"), field)
            return lower_filter({"query": {"wildcard": {field: glob}}}, ECS, 0)
        case "list":
            return _listed(field, entry.get("list"), lists)
    message = f"{field}: the type {kind!r} is none of match, match_any, exists, wildcard, list"
    raise RuleError(message)


def _listed(field: str, table: object, lists: ValueLists) -> Expr:
    known = table if isinstance(table, Mapping) else {}
    name, kind = known.get("id"), known.get("type", "keyword")
    if not isinstance(name, str) or kind not in _LIST_TYPES:
        message = f"{field}: a list needs an id, and a type of {', '.join(_LIST_TYPES)}"
        raise RuleError(message)
    if name not in lists:
        message = f"{field}: there is no value list {name!r}"
        raise RuleError(message)
    values = list(dict.fromkeys(lists[name]))
    if kind in ("ip", "ip_range"):
        return _addresses(field, values)
    if kind == "text":
        # Such a list is searched without regard to case.
        return _leaf(field, Equals(tuple(values), fold_case=True), "keyword")
    return _any_of(field, values)


def _any_of(field: str, values: Sequence[str]) -> Expr:
    """One of the values, as Elasticsearch's ``terms`` takes them."""
    found = ECS.resolve(field)
    if found.type in ("keyword", "version"):
        return _leaf(field, Equals(tuple(values), found.fold_case), "keyword")
    return lower_filter({"query": {"terms": {field: list(values)}}}, ECS, 0)


def _addresses(field: str, values: Sequence[str]) -> Expr:
    """One of the addresses, blocks (``10.0.0.0/8``) or ranges (``10.0.0.1-10.0.0.9``)."""
    single, blocks, terms = [], [], list[Expr]()
    for value in values:
        low, dash, high = value.partition("-")
        if dash:
            ends = coerce("ip", low), coerce("ip", high)
            if None in ends:
                message = f"{field}: {value!r} is no range of addresses"
                raise RuleError(message)
            terms.append(_leaf(field, Range(*ends), "ip"))
        elif "/" in value:
            blocks.append(value.strip())
        else:
            address = coerce("ip", value)
            if address is None:
                message = f"{field}: {value!r} is no address"
                raise RuleError(message)
            single.append(address)
    if single:
        terms.append(_leaf(field, Equals(tuple(single)), "ip"))
    if blocks:
        terms.append(_leaf(field, InNetwork(tuple(blocks)), "ip"))
    return disjunction(*terms)


def _leaf(field: str, matcher: Matcher, kind: FieldType) -> Leaf:
    path = ECS.resolve(field).path
    return Leaf(path, matcher, kind, operator=":", spelled="" if path == field else field)


def _relative(expr: Expr, prefix: str) -> Expr:
    """The logic over one object: its fields without the path that leads to it."""
    match expr:
        case And(terms):
            return And(tuple(_relative(term, prefix) for term in terms))
        case Or(terms):
            return Or(tuple(_relative(term, prefix) for term in terms))
        case Not(term):
            return Not(_relative(term, prefix))
        case Leaf():
            short = expr.field.removeprefix(prefix)
            spelled = expr.spelled.removeprefix(prefix)
            return msgspec.structs.replace(expr, field=short, spelled=spelled)
        case _:
            return expr


def _texts(value: object, what: str) -> list[str]:
    if isinstance(value, list) and (value or what == "os_types"):
        return [_text(one, what) for one in value]
    message = f"{what}: {value!r} is no list of values"
    raise RuleError(message)


def _text(value: object, what: str) -> str:
    if isinstance(value, (str, int, float)):
        return text_of(value)
    message = f"{what}: {value!r} is no value"
    raise RuleError(message)
