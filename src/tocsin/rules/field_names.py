"""Fields that a rule names and no schema knows: mistakes, as a rule, or a vendor's own.

>>> from tocsin.logic.expr import Leaf
>>> from tocsin.logic.matchers import Exists
>>> from tocsin.logic.query import Filter
>>> rule = Rule(id="1", name="r", vendor="elastic", path="r.toml", line=9, language="kuery",
...             type="query", kind="kuery/query", text="host.id:* and proces.name:*",
...             query=Filter(Leaf("proces.name", Exists())))
>>> print(unknown_fields(rule).told())
r.toml:9:15: unknown field proces.name
     9 | host.id:* and proces.name:*
       |               ^^^^^^^^^^^
hint: did you mean process.name?

Elasticsearch refuses such a field in EQL, unless it is optional (``?field``), and finds nothing by
it in KQL and Lucene.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

import msgspec

from tocsin.errors import QuerySemanticError
from tocsin.events.schema import ECS
from tocsin.logic.expr import And, Expr, Leaf, Nested, Not, Or, Script
from tocsin.logic.query import (
    IndicatorMatch,
    NewTerms,
    Query,
    Sample,
    Sequence,
    Threshold,
    roles_of,
)
from tocsin.logic.value import fields_of
from tocsin.rules.model import Rule
from tocsin.source_text import SourceText

_CHECKED: Final = frozenset({"eql", "kuery", "lucene"})
"""Languages over ECS; SECL has names of its own, and checks them itself."""

_MOST_NAMED: Final = 5
_CLOSE: Final = 0.84
_LONGEST: Final = 120


class Unknown(msgspec.Struct, frozen=True):
    """Fields of a rule that no schema knows.

    Attributes:
        rule: the rule.
        required: those of them that have to be there.
        optional: those that the rule itself says may not be (EQL's ``?field``).
    """

    rule: Rule
    required: tuple[str, ...]
    optional: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.required or self.optional)

    def told(self) -> str:
        """What is wrong, where in the query the first of them stands, and what may be meant."""
        names = (*self.required, *self.optional)
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        listed = ", ".join(names[:_MOST_NAMED]) + more
        message = f"unknown field{'' if len(names) == 1 else 's'} {listed}"
        near = {name: nearest(name) for name in names[:_MOST_NAMED]}
        if len(names) == 1:
            meant = f"did you mean {near[names[0]]}?" if near[names[0]] else ""
        else:
            meant = ", ".join(f"{other} for {name}" for name, other in near.items() if other)
            meant = f"did you mean {meant}?" if meant else ""
        return self._placed(message, names[0], meant)

    def _placed(self, message: str, name: str, hint: str) -> str:
        rule = self.rule
        # In a file of a rule a line, the line is the rule's and not one of its query.
        one_line = rule.path.endswith(".ndjson")
        place = f"{rule.path}:{rule.line}" if one_line else rule.path
        source = SourceText(rule.text, place, 1 if one_line else rule.line)
        found = re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", rule.text)
        if found is not None:
            return str(QuerySemanticError(message, source.span(*found.span()), hint))
        return str(QuerySemanticError(f"{rule.path}:{rule.line}: {message}", None, hint))


def unknown_fields(rule: Rule) -> Unknown:
    """The fields that the rule names in its query and around it, and that no schema knows."""
    if rule.language not in _CHECKED:
        return Unknown(rule, (), ())
    required, optional = dict[str, None](), dict[str, None]()
    for name in _named(rule.query):
        required.setdefault(name)
    for name in rule.suppression.group_by if rule.suppression else ():
        required.setdefault(name)
    if rule.language == "eql" and "?" in rule.text:
        # What is optional and unknown is null, and not in the logic any more.
        plain, marked = _marked(rule)
        for name in marked:
            optional.setdefault(name)
            if name not in plain:
                required.pop(name, None)
    return Unknown(
        rule,
        tuple(name for name in required if not is_known(name)),
        tuple(name for name in optional if name not in required and not is_known(name)),
    )


def _named(query: Query) -> Iterator[str]:
    for role in roles_of(query):
        yield from _names(role.expr)
    match query:
        case NewTerms(fields=fields):
            yield from fields
        case Threshold(fields=fields, cardinality=cardinality):
            yield from fields
            yield from (field for field, _ in cardinality)
        case Sequence(terms=terms, until=until):
            for term in (*terms, *((until,) if until else ())):
                yield from (key.field for key in term.by)
        case Sample(terms=terms):
            for term in terms:
                yield from (key.field for key in term.by)
        case IndicatorMatch(mapping=mapping, indicators=indicators):
            yield from (entry.field for entries in mapping for entry in entries)
            yield from _names(indicators.expr)


def _names(expr: Expr) -> Iterator[str]:
    """The fields of a condition as it spells them, those of nested objects with their path."""
    pending: list[tuple[str, Expr]] = [("", expr)]
    while pending:
        prefix, node = pending.pop()
        match node:
            case Leaf():
                yield prefix + node.name
            case Script(value):
                yield from (prefix + (field.spelled or field.name) for field in fields_of(value))
            case Nested(path, term):
                pending.append((f"{prefix}{path}.", term))
            case Not(term):
                pending.append((prefix, term))
            case And(terms) | Or(terms):
                pending.extend((prefix, term) for term in reversed(terms))


def _marked(rule: Rule) -> tuple[set[str], dict[str, None]]:
    """The fields that an EQL query names, without and with a question mark."""
    from tocsin.languages.eql import parse, syntax

    plain, marked = set[str](), dict[str, None]()
    pending: list[object] = [parse(SourceText(rule.text))]
    while pending:
        node = pending.pop()
        if isinstance(node, syntax.Field):
            if node.optional:
                marked.setdefault(node.name)
            else:
                plain.add(node.name)
        elif isinstance(node, syntax.Node):
            pending.extend(getattr(node, name) for name in reversed(node.__struct_fields__))
        elif isinstance(node, tuple):
            pending.extend(reversed(node))
    return plain, marked


@lru_cache(maxsize=65_536)
def is_known(name: str) -> bool:
    """Whether a name is a schema's; wildcards and an index's own fields (``_id``) are no names."""
    name = name.removeprefix("?")
    if "*" in name or name.startswith("_") or not name:
        return True
    return ECS.resolve(name).known or name in _objects()


@lru_cache(maxsize=4_096)
def nearest(name: str) -> str:
    """The known field that is spelled most like this one; empty where none is much like it."""
    if len(name) > _LONGEST:
        return ""
    apart = max(2, len(name) // 5)
    alike = [field for field in ECS.types if abs(len(field) - len(name)) <= apart]
    found = difflib.get_close_matches(name, alike, n=1, cutoff=_CLOSE)
    # The same name with a part too many or too few: azure.activitylogs.resource.id.
    found = found or [field for field in ECS.types if _differ_by_a_part(field, name)]
    return found[0] if found else ""


def _differ_by_a_part(one: str, other: str) -> bool:
    longer, shorter = sorted((one.split("."), other.split(".")), key=len, reverse=True)
    return len(shorter) > 2 and any(
        shorter == longer[:at] + longer[at + 1 :] for at in range(1, len(longer) - 1)
    )


@cache
def _objects() -> frozenset[str]:
    """The objects that known fields are in."""
    found = set[str]()
    for name in ECS.types:
        parts = name.split(".")
        found.update(".".join(parts[:end]) for end in range(1, len(parts)))
    return frozenset(found)
